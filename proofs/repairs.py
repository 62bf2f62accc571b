"""The nearest true statement to a false one: one place changed, the way slips are made.

Candidates come in the order in which slips are common; one is taken only if the checker accepted a derivation of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from .counterexamples import counterexample
from .prover import implicit_premises, prove
from .terms import COUNT, ONE, ZERO, log, number
from .trusted import BINDERS, Bound, Relation, Term, lifted, nodes, replaced, subterm, used_indices

__all__ = ["repaired"]

_CANDIDATES = 1500
_SCREENED = 12  # points for each N at which a candidate must not fail before it is tried to be proven
_LARGE = 400  # nodes; larger statements are not repaired


def repaired(r: Relation, follows: Callable[[Relation], bool]) -> Relation | None:
    """The first true candidate that follows, else the first true one; None if there is none."""
    if sum(1 for side in (r.left, r.right) for _ in nodes(side)) > _LARGE:
        return None
    first = None
    tried = 0
    for candidate in _candidates(r):
        tried += 1
        if tried > _CANDIDATES:
            break
        if _is_empty(candidate, r) or not _is_true(candidate):
            continue
        if follows(candidate):
            return candidate
        first = first or candidate
    return first


def _is_empty(candidate: Relation, r: Relation) -> bool:
    """Whether the candidate says nothing: a side equals or newly contains the other, or 1 is a factor or 0 is added."""
    (a, b), parts = (candidate.left, candidate.right), [*nodes(candidate.left), *nodes(candidate.right)]
    idle = any((n.op == "mul" and ONE in n.args) or (n.op in ("add", "sub") and ZERO in n.args) for n in parts)
    return (
        idle
        or (a.args != () and a in nodes(b) and a not in nodes(r.right))
        or (b.args != () and b in nodes(a) and b not in nodes(r.left))
    )


def _is_true(r: Relation) -> bool:
    premises = implicit_premises(r.left, r.right)
    return counterexample(r, premises, _SCREENED) is None and prove(r, premises) is not None


def _candidates(r: Relation) -> Iterator[Relation]:
    """Every change of one place, the right side first, common slips before rare ones."""
    seen: set[Relation] = set()
    if r.kind == "<":
        yield Relation(r.left, "<=", r.right)
    if r.kind in ("<", "<="):
        yield Relation(r.right, r.kind, r.left)
    both = r.left - r.right
    for slips in _SLIPS:
        for n in (1, 0):
            for at in _places(both.args[n], (n,)):
                for new in slips(subterm(both, at), both):
                    left, right = replaced(both, at, new).args
                    candidate = Relation(left, r.kind, right)
                    if candidate not in seen:
                        seen.add(candidate)
                        yield candidate


def _places(t: Term, at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    yield at
    for n, a in enumerate(t.args):
        yield from _places(a, (*at, n))


_SWAPS = {"add": ("mul", "sub"), "mul": ("add", "div"), "sub": ("add", "div"), "div": ("mul", "sub")}


def _wrong_operation(t: Term, _: Term) -> Iterator[Term]:
    for op in _SWAPS.get(t.op, ()):
        yield Term(op, t.args)


def _wrong_sign(t: Term, _: Term) -> Iterator[Term]:
    if t.op == "neg":
        yield t.args[0]
    elif t.op in ("variable", "entry", "exp", "log", "sum", "mul", "div", "number"):
        yield -t


def _wrong_order(t: Term, _: Term) -> Iterator[Term]:
    if t.op in ("sub", "div"):
        yield Term(t.op, t.args[::-1])


def _too_much(t: Term, _: Term) -> Iterator[Term]:
    if t.op in ("add", "sub", "mul", "div"):
        yield from t.args
    elif t.op in ("exp", "log", "abs", "power"):
        yield t.args[0]
    elif t.op in BINDERS and not any(i == Bound(0) for i in used_indices(t.args[0])):
        yield lifted(t.args[0], -1)


def _wrong_number(t: Term, _: Term) -> Iterator[Term]:
    if t.op == "number":
        for value in (0, 1, -1, 2, Fraction(1, 2), t.value + 1, t.value - 1):
            yield number(value)
    elif t.op == "power":
        yield Term("power", t.args, t.value + 1)
        yield Term("power", t.args, t.value - 1)


def _forgotten_function(t: Term, _: Term) -> Iterator[Term]:
    if t.op not in ("number", "exp", "log"):
        yield Term("exp", (t,))
        yield Term("log", (t,))
    if t.op == "entry" or t.op == "variable":
        yield ONE / t


def _forgotten_part(t: Term, whole: Term) -> Iterator[Term]:
    """What else the statement speaks of, joined to what is there."""
    atoms = [n for n in nodes(whole) if n.op in ("variable", "exp", "count", "sum", "log")]
    for atom in dict.fromkeys([*atoms, *(log(COUNT) for n in nodes(whole) if n.op in BINDERS)]):
        if any(isinstance(i, Bound) for i in used_indices(atom)) or atom == t:
            continue
        yield t + atom
        yield t - atom
        yield t * atom
        yield t / atom


def _forgotten_shift(t: Term, whole: Term) -> Iterator[Term]:
    if t.op == "exp":
        for v in dict.fromkeys(n for n in nodes(whole) if n.op == "variable" and n not in nodes(t)):
            yield Term("exp", (t.args[0] - v,))
            yield Term("exp", (t.args[0] + v,))


def _outermost(t: Term, whole: Term) -> Iterator[Term]:
    return _forgotten_part(t, whole) if t in whole.args else iter(())


def _wrong_index(t: Term, whole: Term) -> Iterator[Term]:
    if t.op == "entry":
        for index in dict.fromkeys(i for i in used_indices(whole)):
            if index != t.value[1]:
                yield Term("entry", (), (t.value[0], index))


_SLIPS = (_wrong_operation, _wrong_sign, _wrong_order, _forgotten_shift, _too_much, _wrong_number, _outermost,
          _forgotten_function, _wrong_index)  # fmt: skip
