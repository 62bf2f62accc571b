"""The nearest true statement to a false one: one place changed, the way slips are made.

Candidates come in the order in which slips are common; one is taken only if the checker accepted a derivation of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from .counterexamples import counterexample
from .prover import implicit_premises, prove
from .terms import COUNT, ONE, log, number
from .trusted import BINDERS, Bound, Relation, Term, lifted, nodes, replaced, used_indices

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
        if candidate.left == candidate.right or not _is_true(candidate):
            continue
        if follows(candidate):
            return candidate
        first = first or candidate
    return first


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
    sides = [(r.right, lambda t: Relation(r.left, r.kind, t)), (r.left, lambda t: Relation(t, r.kind, r.right))]
    for slips in _SLIPS:
        for side, put in sides:
            for at in _places(side, ()):
                for new in slips(_at(side, at), r.left - r.right):
                    candidate = put(replaced(side, at, new))
                    if candidate not in seen:
                        seen.add(candidate)
                        yield candidate


def _places(t: Term, at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    yield at
    for n, a in enumerate(t.args):
        yield from _places(a, (*at, n))


def _at(t: Term, at: tuple[int, ...]) -> Term:
    for n in at:
        t = t.args[n]
    return t


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
