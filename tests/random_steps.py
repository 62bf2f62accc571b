"""Random terms, instances of rules and steps, right and spoilt, with the value of every side.

A step is made from a rule by putting random terms into it, and placed in a random context; spoiling changes one node.
Whatever the checker accepts is judged by enclosures at random points at which the premises hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import Any

from shiftproof.proofs.counterexamples import Point, Undefined, _denied, _Evaluation, working_precision
from shiftproof.proofs.terms import COUNT, ONE, ZERO, Vector, at_most, each, indices, less, number, positive, variables
from shiftproof.proofs.trusted import (
    BINDERS,
    Bound,
    Derivation,
    Free,
    Index,
    Moved,
    Premise,
    Rejected,
    Relation,
    Rule,
    Step,
    Term,
    Theorem,
    Use,
    check,
    lifted,
    nodes,
    opened,
    replaced,
    subterm,
    used_indices,
)
from shiftproof.proofs.trusted import instance as put_into

__all__ = [
    "PREMISES",
    "accepted",
    "broken_at",
    "instance",
    "instance_of_theorem",
    "placed",
    "spoilt",
    "step_by",
    "term",
]

a, b, t = variables("a b t")
i, j, k = indices("i j k")
x, y, w = Vector("x"), Vector("y"), Vector("w")

# 0 < a <= b, 0 <= t <= 1, w_i > 0 and x_i <= y_i for every i.
PREMISES: tuple[Premise, ...] = (
    positive(a), at_most(a, b), at_most(ZERO, t), at_most(t, ONE), less(x[k], b), positive(x[k]),
    each(i, positive(w[i])), each(i, at_most(x[i], y[i])),
)  # fmt: skip

_NODES = (
    "neg", "power", "exp", "exp", "log", "abs", "sum", "sum", "largest", "derivative", "add", "add", "sub", "sub",
    "mul", "mul", "mul", "div", "max",
)  # fmt: skip
_CONTEXTS = (
    "neg", "exp", "log", "sum", "sum", "largest", "derivative", "add", "add", "sub", "sub", "mul", "mul", "div", "div",
    "power", "abs", "max",
)  # fmt: skip
_SLIPS = ("sign", "factor", "index", "operation", "order", "loss", "other", "value")


def _index(r: Random, depth: int) -> Index:
    found: Index = r.choice((*(Bound(level) for level in range(depth)), *(Bound(0),) * (depth > 0), j, k))
    while r.random() < 0.1:
        found = Moved(r.choice("pq"), found)
    return found


def term(r: Random, depth: int = 0, size: int = 3) -> Term:
    """A term of at most `size` levels under `depth` binders."""
    if size <= 0 or r.random() < 0.2:
        return r.choice(
            (a, b, t, COUNT, ZERO, ONE, number(r.choice((2, -1, Fraction(1, 2)))),
             *(v[_index(r, depth)] for v in (x, x, y, w)), Term("delta", (), (_index(r, depth), _index(r, depth))))
        )  # fmt: skip
    op = r.choice(_NODES)
    if op == "derivative":
        return Term(op, (term(r, depth, size - 1),), ("x", _index(r, depth)))
    if op == "power":
        return Term(op, (term(r, depth, size - 1),), r.choice((0, 1, 2, 2, 3, -1, -2)))
    if op == "log" and r.random() < 0.7:
        return Term(op, (Term("exp", (term(r, depth, size - 1),)),))
    two = op in ("add", "sub", "mul", "div", "max")
    return Term(op, tuple(term(r, depth + (op in BINDERS), size - 1) for _ in range(1 + two)))


def _safe(r: Random, depth: int, size: int) -> Term:
    """A term whose sign, or whose side of 1, is seen."""
    entry = _index(r, depth)
    return r.choice(
        (a, b, t, ZERO, ONE, number(2), COUNT, -a, w[entry], x[entry], y[entry], 1 - _d(r, depth), x[entry] - y[entry],
         Term("exp", (term(r, depth, size - 1),)))
    )  # fmt: skip


def _d(r: Random, depth: int) -> Term:
    return Term("delta", (), (_index(r, depth), _index(r, depth)))


def instance(r: Random, rule: Rule, depth: int, size: int = 2, caught: bool = False) -> tuple[Term, Term]:
    """Both sides of a rule with random terms in it, to stand under `depth` binders.

    With `caught`, what is put under a sum is put there as it is: an index of an outer sum becomes one of this sum.
    """
    bindings: dict[str, Any] = {"n": r.choice((-2, -1, 0, 1, 2, 3))}

    def bound(name: str, draw: Callable[[], Any]) -> Any:
        if name not in bindings:
            bindings[name] = draw()
        return bindings[name]

    def meta(under: int) -> Callable[[], Term]:
        return lambda: (_safe if rule.conditions and r.random() < 0.7 else term)(r, depth + under, size)

    def index(of: Index, under: int) -> Index:
        if isinstance(of, Free):
            chosen = bound(of.name, lambda: _index(r, depth))
            return lifted(Term("delta", (), (chosen, chosen)), under).value[0]  # type: ignore[no-any-return]
        return of

    def walk(s: Term, under: int) -> Term:
        if s.op == "meta":
            return lifted(bound(s.value, meta(0)), 0 if caught else under)
        if s.op == "body":
            name, at = s.value
            body = bound(name, meta(1))
            if isinstance(at, Moved):
                return opened(lifted(body, 1, 1), at)
            return body if isinstance(at, Bound) else opened(body, index(at, under))
        value = s.value
        if s.op in ("number", "power") and isinstance(value, str):
            value = Fraction(bindings["n"]) if s.op == "number" else bindings["n"]
        elif s.op in ("entry", "derivative"):
            value = ("x", index(value[1], under))
        elif s.op == "delta":
            value = (index(value[0], under), index(value[1], under))
        return Term(s.op, tuple(walk(part, under + (s.op in BINDERS)) for part in s.args), value)

    return walk(rule.left, 0), walk(rule.right, 0)


def placed(r: Random, wanted: int) -> tuple[Callable[[Term], Term], tuple[int, ...], int]:
    """A context of `wanted` levels: what it makes of a term, the position of the term, the binders around it."""
    layers: list[tuple[str, int, Term | None, Any]] = []
    at: list[int] = []
    depth = 0
    for _ in range(wanted):
        op = r.choice(_CONTEXTS)
        number_of, other, value = 0, None, None
        if op in ("add", "sub", "mul", "div", "max"):
            number_of = r.randrange(2)
            other = _safe(r, depth, 1) if r.random() < 0.6 else term(r, depth, 1)
        elif op == "derivative":
            value = ("x", _index(r, depth))
        elif op == "power":
            value = r.choice((0, 1, 2, 3, -1))
        layers.append((op, number_of, other, value))
        at.append(number_of)
        depth += op in BINDERS

    def wrap(inner: Term) -> Term:
        for op, number_of, other, value in reversed(layers):
            args = (inner,) if other is None else (inner, other) if number_of == 0 else (other, inner)
            inner = Term(op, args, value)
        return inner

    return wrap, tuple(at), depth


def _positions(s: Term, at: tuple[int, ...] = (), depth: int = 0) -> Iterator[tuple[tuple[int, ...], int]]:
    yield at, depth
    for n, part in enumerate(s.args):
        yield from _positions(part, (*at, n), depth + (s.op in BINDERS))


def spoilt(r: Random, s: Term, depth: int = 0) -> Term:
    """The term with one node changed: a sign, a factor, an index, an operation, the order, or a part lost."""
    at, under = r.choice(list(_positions(s, (), depth)))
    node = subterm(s, at)
    kind = r.choice(_SLIPS)
    if kind == "index" and node.op in ("entry", "derivative"):
        node = Term(node.op, node.args, (node.value[0], _index(r, under)))
    elif kind == "index" and node.op == "delta":
        node = Term("delta", (), (node.value[0], _index(r, under)))
    elif kind == "operation" and len(node.args) == 2:
        node = Term(r.choice(("add", "sub", "mul", "div", "max")), node.args)
    elif kind == "operation" and node.op in BINDERS:
        node = Term("largest" if node.op == "sum" else "sum", node.args)
    elif kind == "order" and len(node.args) == 2:
        node = Term(node.op, node.args[::-1])
    elif kind == "loss" and node.args and node.op not in BINDERS:
        node = r.choice(node.args)
    elif kind == "other":
        node = term(r, under, 1)
    elif kind == "value" and node.op == "number":
        node = number(node.value + r.choice((1, -1)))
    elif kind == "factor":
        node = r.choice((number(2), a, number(-1))) * node
    else:
        node = -node
    return replaced(s, at, node)


def step_by(r: Random, rule: Rule) -> tuple[Term, Step]:
    """A term and a step by the rule, in either direction, somewhere in a random context."""
    wrap, at, depth = placed(r, r.choice((0, 0, 1, 1, 2, 3)))
    left, right = instance(r, rule, depth, r.choice((1, 1, 2, 3)), caught=r.random() < 0.1)
    backwards = r.random() < 0.5
    before, to = (wrap(right), wrap(left)) if backwards else (wrap(left), wrap(right))
    return before, Step(rule.name, at, to, backwards)


def instance_of_theorem(r: Random, known: Theorem) -> tuple[Term, Step]:
    """A term and a step by an instance of the theorem with random terms, in either direction, in a random context."""
    wrap, at, depth = placed(r, r.choice((0, 1, 2)))
    said = (known.conclusion, *(premise.relation for premise in known.premises))
    parts = [node for relation in said for side in (relation.left, relation.right) for node in nodes(side)]
    variables_ = sorted({node.value for node in parts if node.op == "variable"})
    vectors = sorted({node.value[0] for node in parts if node.op == "entry"})
    free = sorted({index.name for part in parts for index in used_indices(part) if isinstance(index, Free)})
    use = Use(
        known,
        tuple((name, r.choice((term, _safe))(r, depth, 1)) for name in variables_),
        tuple((name, term(r, depth + 1, 1)) for name in vectors),
        tuple((name, _index(r, depth)) for name in free),
    )
    sides = [wrap(put_into(side, use)) for side in (known.conclusion.left, known.conclusion.right)]
    backwards = r.random() < 0.5
    return sides[backwards], Step("theorem", at, sides[not backwards], backwards, use)


def accepted(before: Term, step: Step, premises: tuple[Premise, ...] = PREMISES) -> Relation | None:
    """What the checker makes of one step; None where it rejects it."""
    try:
        return check(Derivation("random", before, (step,), premises)).conclusion
    except Rejected:
        return None


class _Permuting(_Evaluation):
    """Values at a point with permutations."""

    def __init__(self, point: Point, permutations: dict[str, tuple[int, ...]]) -> None:
        super().__init__(point)
        self.permutations = permutations

    def index(self, index: Index, around: tuple[int, ...]) -> int:
        if isinstance(index, Moved):
            return self.permutations[index.permutation][self.index(index.index, around) - 1]
        return super().index(index, around)


def _point(r: Random, count: int) -> Point:
    """A random point at which `PREMISES` hold."""

    def any_() -> Fraction:
        return Fraction(r.randint(-12, 12), r.choice((1, 2, 3, 4)))

    def above() -> Fraction:
        return Fraction(r.randint(1, 12), r.choice((1, 2, 3, 4)))

    at_j, at_k = r.randint(1, count), r.randint(1, count)
    xs = [any_() for _ in range(count)]
    xs[at_k - 1] = above()
    first = above()
    return Point(
        count,
        (("a", first), ("b", max(first, xs[at_k - 1]) + above()), ("t", Fraction(r.randint(0, 4), 4))),
        (
            ("x", tuple(xs)),
            ("y", tuple(v + r.choice((0, 1, Fraction(1, 3))) for v in xs)),
            ("w", tuple(above() for _ in range(count))),
        ),
        (("j", at_j), ("k", at_k), *((name, r.randint(1, count)) for name in "cim")),
    )


def broken_at(r: Random, relation: Relation, points: int = 4, premises: tuple[Premise, ...] = PREMISES) -> Point | None:
    """A random point at which both sides have values and the relation is false."""
    if max(sum(1 for n in nodes(side) if n.op in BINDERS) for side in (relation.left, relation.right)) > 8:
        return None
    for _ in range(points):
        count = r.choice((1, 2, 2, 3))
        point = _point(r, count)
        permutations = {name: tuple(r.sample(range(1, count + 1), count)) for name in "pq"}
        with working_precision():
            values = _Permuting(point, permutations)
            try:
                left, right = values.value(relation.left, ()), values.value(relation.right, ())
            except Undefined:
                continue
            if left.is_finite() and right.is_finite() and _denied(relation.kind, left, right):
                return point
    return None
