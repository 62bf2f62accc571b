"""Small rational counterexamples to false statements, each confirmed by an enclosure of both sides.

Values are enclosed by Arb's balls at a precision of this module's own; the search goes from simple numbers to less
simple ones and is the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import flint

from .notation import TEXT
from .trusted import BINDERS, Bound, Free, Index, Premise, Relation, Term

__all__ = [
    "Counterexample",
    "Point",
    "Undefined",
    "counterexample",
    "defined_somewhere",
    "enclosure",
    "refutes",
    "working_precision",
]

_PRECISION = 128  # bits; a difference below 2^-100 of such small numbers is not claimed
_SIMPLE = tuple(Fraction(n, d) for n, d in ((0, 1), (1, 1), (-1, 1), (2, 1), (1, 2), (-2, 1), (3, 1), (-1, 2)))
_SIZES = (1, 2, 3)
_MORE = 20  # an N that is large enough for the indices that people write as numbers
_TRIED = 600  # points for each N
_EVALUATED = 200_000  # nodes for each N
_LARGEST_EXPONENT = 10**6
_LARGEST_POWER = 1000
_TINY = 1e-30  # what may be 0 and is no larger is shown as 0
LAST = "N"  # the index that is always N; an index with a number for its name is that number


class Undefined(ArithmeticError):
    """A term has no value at a point (log of what is not positive, division by 0), or one too large to be evaluated."""


@dataclass(frozen=True, slots=True)
class Point:
    """N, the variables, the entries x_1 .. x_N of the vectors, and the values of the free indices, from 1."""

    count: int
    variables: tuple[tuple[str, Fraction], ...] = ()
    vectors: tuple[tuple[str, tuple[Fraction, ...]], ...] = ()
    indices: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        parts = [f"N = {self.count}"] if self.vectors or self.indices or not self.variables else []
        parts += [f"{name} = {value}" for name, value in self.variables]
        parts += [f"{name} = ({', '.join(map(str, values))})" for name, values in self.vectors]
        parts += [f"{name} = {value}" for name, value in self.indices if not name.isdigit()]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A point at which `relation` fails, and the two sides there: decimals, all digits shown certain but the last."""

    relation: Relation
    point: Point
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.point}: {self.left} on the left, {self.right} on the right"


@contextmanager
def working_precision(bits: int = _PRECISION) -> Iterator[None]:
    """Arb's precision for the body of a with statement, restored at its end."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def enclosure(t: Term, point: Point) -> Any:
    """A ball (flint.arb) that holds the value of the term at the point; raises Undefined where there is none."""
    with working_precision():
        return _Evaluation(point).value(t, ())


class _Evaluation:
    """Values as balls; inside a derivative as power series of first order in the entry that is varied."""

    def __init__(self, point: Point) -> None:
        self.count = point.count
        self.variables, self.indices = dict(point.variables), dict(point.indices)
        self.vectors = dict(point.vectors)
        self.varied: tuple[str, int] | None = None

    def index(self, index: Index, around: tuple[int, ...]) -> int:
        if isinstance(index, Bound):
            return around[index.level]
        if isinstance(index, Free):
            return self.count if index.name == LAST else self.indices[index.name]
        raise Undefined("a permutation has no value here")

    def value(self, t: Term, around: tuple[int, ...]) -> Any:
        op = t.op
        if op == "number":
            return _ball(t.value)
        if op == "variable":
            return _ball(self.variables[t.value])
        if op == "count":
            return _ball(Fraction(self.count))
        if op == "entry":
            place = self.index(t.value[1], around)
            ball = _ball(self.vectors[t.value[0]][place - 1])
            return flint.arb_series([ball, 1], 2) if self.varied == (t.value[0], place) else ball
        if op == "delta":
            return _ball(Fraction(int(self.index(t.value[0], around) == self.index(t.value[1], around))))
        if op in ("sum", "largest"):
            terms = [self.value(t.args[0], (n, *around)) for n in range(1, self.count + 1)]
            result = terms[0]
            for term in terms[1:]:
                result = result + term if op == "sum" else _larger(result, term)
            return result
        if op == "derivative":
            return self._derivative(t, around)
        args = [self.value(a, around) for a in t.args]
        if op == "neg":
            return -args[0]
        if op == "add":
            return args[0] + args[1]
        if op == "sub":
            return args[0] - args[1]
        if op == "mul":
            return args[0] * args[1]
        if op == "div":
            return args[0] / _nonzero(args[1])
        if op == "power":
            if abs(t.value) > _LARGEST_POWER:
                raise Undefined("a power that is too large to be worth evaluating")
            base = args[0] if t.value >= 0 else 1 / _nonzero(args[0])
            result = _ball(Fraction(1))
            for _ in range(abs(t.value)):
                result = result * base
            return result
        if op == "exp":
            if not abs(_constant_part(args[0])) < _LARGEST_EXPONENT:
                raise Undefined("an exponent that is too large to be worth evaluating")
            return args[0].exp()
        if op == "log":
            if not _constant_part(args[0]) > 0:
                raise Undefined("the log of what is not positive")
            return args[0].log()
        if op == "max":
            return _larger(*args)
        return _larger(args[0], -args[0])  # abs

    def _derivative(self, t: Term, around: tuple[int, ...]) -> Any:
        if self.varied is not None:
            raise Undefined("a derivative of a derivative is not evaluated")
        self.varied = (t.value[0], self.index(t.value[1], around))
        try:
            series = self.value(t.args[0], around)
        finally:
            self.varied = None
        return series[1] if isinstance(series, flint.arb_series) else _ball(Fraction(0))


def _ball(value: Fraction) -> Any:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


def _constant_part(value: Any) -> Any:
    return value[0] if isinstance(value, flint.arb_series) else value


def _nonzero(value: Any) -> Any:
    if not _constant_part(value) != 0:
        raise Undefined("a division by 0")
    return value


def _larger(a: Any, b: Any) -> Any:
    if isinstance(a, flint.arb_series) or isinstance(b, flint.arb_series):
        if _constant_part(a) > _constant_part(b):
            return a
        if _constant_part(b) > _constant_part(a):
            return b
        raise Undefined("a maximum has a corner here")
    return a.max(b)


def _decided(kind: str, left: Any, right: Any) -> bool:
    """Whether the enclosures prove left kind right."""
    return bool({"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right}[kind])


def _denied(kind: str, left: Any, right: Any) -> bool:
    """Whether the enclosures prove that left kind right is false."""
    return bool({"=": left != right, "!=": left == right, "<": left >= right, "<=": left > right}[kind])


def refutes(point: Point, r: Relation, premises: tuple[Premise, ...] = ()) -> Counterexample | None:
    """The counterexample if at the point every premise holds, both sides are defined and the relation fails."""
    with working_precision():
        evaluation = _Evaluation(point)
        try:
            for p in premises:
                for around in [(n,) for n in range(1, point.count + 1)] if p.each else [()]:
                    sides = (evaluation.value(s, around) for s in (p.relation.left, p.relation.right))
                    if not _decided(p.relation.kind, *sides):
                        return None
            left, right = evaluation.value(r.left, ()), evaluation.value(r.right, ())
            if not (left.is_finite() and right.is_finite()) or not _denied(r.kind, left, right):
                return None
            return Counterexample(r, point, _decimal(left), _decimal(right))
        except Undefined:
            return None


def _cost(t: Term, count: int) -> int:
    """How many nodes are evaluated at one point: what is under a sum once for each index."""
    return 1 + (count if t.op in BINDERS else 1) * sum(_cost(a, count) for a in t.args)


def _decimal(ball: Any) -> str:
    if ball.contains(0) and abs(ball) < _TINY:
        return "0"
    said: str = ball.str(12, radius=False)
    return said.rstrip("0").rstrip(".") if "." in said and "e" not in said else said


def counterexample(r: Relation, premises: tuple[Premise, ...] = (), tried: int = _TRIED) -> Counterexample | None:
    """The first counterexample in the order of the search; None says only that none was found."""
    for count in _SIZES:
        points = min(tried, _EVALUATED // (_cost(r.left, count) + _cost(r.right, count)))
        for point in _points(r, premises, count, points) if points else ():
            found = refutes(point, r, premises)
            if found is not None:
                return found
    return None


def defined_somewhere(r: Relation, tried: int = 200) -> bool:
    """Whether a point was found at which both sides have a value."""
    with working_precision():
        for count in (*_SIZES, _MORE):
            points = min(tried, _EVALUATED // (_cost(r.left, count) + _cost(r.right, count)))
            for point in _points(r, (), count, points) if points else ():
                evaluation = _Evaluation(point)
                try:
                    if evaluation.value(r.left, ()).is_finite() and evaluation.value(r.right, ()).is_finite():
                        return True
                except Undefined:
                    continue
    return False


def _points(r: Relation, premises: tuple[Premise, ...], count: int, tried: int) -> Iterator[Point]:
    """Points for one N: all of the simplest, then a sample that is the same every time."""
    names = _Names()
    for side in (r.left, r.right, *(s for p in premises for s in (p.relation.left, p.relation.right))):
        names.collect(side)
    fixed = [int(i) for i in names.indices if i.isdigit()]
    if max(fixed, default=1) > count:
        return
    free = sorted(i for i in names.indices if not i.isdigit() and i != LAST)
    variables, vectors = sorted(names.variables), sorted(names.vectors)
    wanted = len(variables) + count * len(vectors)
    random = Random(f"{count}")
    seen = 0
    for values in _values(wanted, random):
        choices = product(range(1, count + 1), repeat=len(free)) if count ** len(free) <= 9 else [(1,) * len(free)]
        for chosen in choices:
            yield Point(
                count,
                tuple(zip(variables, values, strict=False)),
                tuple(
                    (name, tuple(values[len(variables) + n * count : len(variables) + (n + 1) * count]))
                    for n, name in enumerate(vectors)
                ),
                (*zip(free, chosen, strict=True), *((str(i), i) for i in fixed)),
            )
            seen += 1
        if seen >= tried:
            return


def _values(wanted: int, random: Random) -> Iterator[tuple[Fraction, ...]]:
    simplest = _SIMPLE[: 3 if wanted <= 4 else 2] if wanted <= 7 else _SIMPLE[:1]
    yield from product(simplest, repeat=wanted)
    while wanted:
        yield tuple(random.choice(_SIMPLE) for _ in range(wanted))


class _Names:
    def __init__(self) -> None:
        self.variables: set[str] = set()
        self.vectors: set[str] = set()
        self.indices: set[str] = set()

    def collect(self, t: Term) -> None:
        if t.op == "variable":
            self.variables.add(t.value)
        if t.op in ("entry", "derivative"):
            self.vectors.add(t.value[0])
        for item in t.value if isinstance(t.value, tuple) else ():
            if isinstance(item, Free):
                self.indices.add(item.name)
        for a in t.args:
            self.collect(a)


def described(found: Counterexample) -> dict[str, Any]:
    """The counterexample as plain data: every number as text."""
    point = found.point
    return {
        "relation": TEXT.relation(found.relation),
        "N": point.count,
        "variables": {name: str(value) for name, value in point.variables},
        "vectors": {name: [str(v) for v in values] for name, values in point.vectors},
        "indices": {name: value for name, value in point.indices if not name.isdigit()},
        "left": found.left,
        "right": found.right,
    }
