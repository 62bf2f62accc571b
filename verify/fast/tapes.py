"""Closed forms as tapes: a bound's formula written down once as a list of operations, run on arrays of rows.

The numbers on a tape are of one sign and known to a relative error, one for the whole array, which the tape knows
beforehand: + * / add errors, exp and its like multiply them, and a difference is taken only from what is at least twice
as large, which is checked for each row. So one array operation does what interval arithmetic needs a dozen for.

A constant below 2^-960 (the underflow terms of binary64) is beyond a relative error. The formulas are monotone in it:
the lower tape has 0 in its place, the upper tape 2^-960. Hypotheses compare with `largest`, 1 or the like, and with a
margin of more than 2^-40: such constants make no difference there unless they are divided by something small.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Bound, Model, bounded_error

from ..intervals import ELEMENTARY, exp_near, expm1_near, log1p_near, log_near

__all__ = ["Tape", "tape"]

Array = NDArray[np.float64]

_TINY = Fraction(1, 2**960)
_ROUNDING = 2.0**-52
_NEARLY_ONE = Fraction(1, 2**48)
_LARGEST_DELTA = 2.0**-12  # up to which products of errors are covered by the factor below
_SECOND_ORDER = 1 + 2.0**-10
_DEEP = 700  # arguments of exponentials on a tape are no larger in size


def _both(*relative: float) -> float:
    """The relative error of a product of numbers that err by so much, rounded once more."""
    return (sum(relative) + _ROUNDING) * _SECOND_ORDER


@dataclass(frozen=True, slots=True, eq=False)
class _Number:
    """A place on the tape: where its magnitude is found, its sign, its relative error; or an exact constant.

    `after` are the conditions that it needs.
    """

    recorder: _Recorder
    place: int
    sign: int
    relative: float
    exact: Fraction | None = None
    after: frozenset[int] = frozenset()

    def __abs__(self) -> _Number:
        if self.exact is not None:
            return self.recorder.constant(abs(self.exact))
        return _Number(self.recorder, self.place, 1, self.relative, None, self.after)

    def __add__(self, other: _Number) -> _Number:
        return self.recorder.add(self, other)

    def __mul__(self, other: _Number) -> _Number:
        return self.recorder.mul(self, other)

    def __and__(self, other: _Number) -> _Number:  # of two masks
        return self

    def all(self, axis: int) -> _Number:
        return self


class _Recorder:
    """What `bounded_error` asks of enclosures, answered by writing the operation down."""

    def __init__(self, length: int, upper: bool) -> None:
        self.n, self.upper = length, upper
        self.values: list[Any] = []  # constants, and None for what is made when the tape runs
        self.steps: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        self.leaves: dict[str, int] = {}
        self.conditions: list[tuple[int, int]] = []  # the second number is at most half of the first
        self.inequalities: list[tuple[int, int, float, frozenset[int]]] = []
        self.always = True

    # Places.

    def constant(self, value: Fraction) -> _Number:
        size = abs(value)
        if size and size < _TINY:
            if not self.upper:
                return self.constant(Fraction(0))  # and so are the terms that it is a factor of
            size = _TINY
        relative = 0.0 if not size or Fraction(float(size)) == size else _ROUNDING
        self.values.append(float(size))
        return _Number(self, len(self.values) - 1, -1 if value < 0 else 1, relative, value)

    def leaf(self, name: str, relative: float) -> _Number:
        self.values.append(None)
        self.leaves[name] = len(self.values) - 1
        return _Number(self, self.leaves[name], 1, relative)

    def _step(self, f: Callable[..., Any], sign: int, relative: float, *of: _Number) -> _Number:
        if relative > _LARGEST_DELTA:
            raise ValueError("the formula loses too many digits to be read to a relative error")
        constants = [self.values[v.place] for v in of]
        if all(c is not None for c in constants):
            self.values.append(float(f(*constants)))
        else:
            self.values.append(None)
            self.steps.append((len(self.values) - 1, f, tuple(v.place for v in of)))
        after = frozenset().union(*(v.after for v in of))
        return _Number(self, len(self.values) - 1, sign, relative, None, after)

    # Operations.

    def add(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            return self.constant(a.exact + b.exact)
        if a.exact == 0 or b.exact == 0:
            return b if a.exact == 0 else a
        if a.sign == b.sign:
            return self._step(operator.add, a.sign, _both(max(a.relative, b.relative)), a, b)
        made = self._step(operator.sub, a.sign, _both(2 * a.relative, b.relative), a, b)
        return self._if_half(b, a, made)

    def _if_half(self, small: _Number, large: _Number, made: _Number) -> _Number:
        """What was made, under the condition that one number is at most half of another."""
        self.conditions.append((large.place, small.place))
        return replace(made, after=made.after | {len(self.conditions) - 1})

    def sub(self, a: _Number, b: _Number) -> _Number:
        return self.add(a, self.mul(self.constant(Fraction(-1)), b))

    def mul(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            return self.constant(a.exact * b.exact)
        for one, other in ((a, b), (b, a)):
            if one.exact == 0:
                return one
            if one.exact is not None and (off := abs(abs(one.exact) - 1)) <= _NEARLY_ONE:  # no step: part of the error
                relative = _both(other.relative, float(off)) if off else other.relative
                return _Number(self, other.place, one.sign * other.sign, relative, None, other.after)
        return self._step(operator.mul, a.sign * b.sign, _both(a.relative, b.relative), a, b)

    def div(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            return self.constant(a.exact / b.exact)
        if b.exact == 1 or a.exact == 0:
            return a
        return self._step(operator.truediv, a.sign * b.sign, _both(a.relative, b.relative), a, b)

    def maximum(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            return self.constant(max(a.exact, b.exact))
        return self._step(np.maximum, 1, max(a.relative, b.relative), a, b)

    def exp(self, a: _Number) -> _Number:
        if a.exact == 0:
            return self.constant(Fraction(1))
        relative = _both(_DEEP * a.relative, ELEMENTARY)
        made = self._step(exp_near if a.sign > 0 else lambda v: exp_near(-v), 1, relative, a)
        return self._if_half(a, self.constant(2 * Fraction(_DEEP)), made)

    def log(self, a: _Number) -> _Number:
        """Of a constant of at least 2, or a number near enough to it: the relative error of log is no larger."""
        if a.exact == 1:
            return self.constant(Fraction(0))
        if a.exact is None or a.exact < 2:
            raise ValueError("a tape takes logarithms of constants from 2 on")
        return self._step(log_near, 1, _both(2 * a.relative, ELEMENTARY), a)

    def log1p(self, a: _Number) -> _Number:
        return a if a.exact == 0 else self._step(log1p_near, a.sign, _both(a.relative, 2.0**-40), a)

    def exp_change(self, a: _Number, e: _Number) -> _Number:
        """exp(e) - 1, where a is the constant 0; x e^x <= (1 + x)(e^x - 1)."""
        if e.exact == 0:
            return e
        if a.exact != 0:
            raise ValueError("a tape has exp(e) - 1 alone")
        made = self._step(expm1_near, 1, _both((1 + _DEEP) * e.relative, 2.0**-37), e)
        return self._if_half(e, self.constant(2 * Fraction(_DEEP)), made)

    def length(self, x: Any) -> int:
        return self.n

    def first(self, x: Any) -> _Number:
        return self.constant(Fraction(0))

    # Hypotheses.

    def certainly_less(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            self.always &= abs(a.exact) < abs(b.exact) or a.exact == b.exact == 0
        else:
            margin = 1 + 2 * _both(a.relative, b.relative)
            self.inequalities.append((a.place, b.place, margin, a.after | b.after))
            if a.sign < 0 or b.sign < 0:
                raise ValueError("a tape compares numbers that are not negative")
        return a

    def certainly_at_most(self, a: _Number, b: _Number) -> _Number:
        if a.exact is not None and b.exact is not None:
            self.always &= a.exact <= b.exact
            return a
        return self.certainly_less(a, b)


@dataclass(frozen=True, slots=True)
class Tape:
    """A bound for rows of one length. `leaves` are the quantities that it asks for, by name.

    `run` returns its value, known to `relative`, where it is certain that the hypotheses and the conditions of the tape
    hold, and where it is certain that a hypothesis does not; elsewhere nothing is said.
    """

    leaves: tuple[str, ...]
    relative: float
    always: bool
    _values: tuple[Any, ...]
    _places: Mapping[str, int]
    _steps: tuple[tuple[int, Callable[..., Any], tuple[int, ...]], ...]
    _conditions: tuple[tuple[int, int], ...]
    _inequalities: tuple[tuple[int, int, float, tuple[int, ...]], ...]
    _result: int

    def run(self, quantities: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """The bound and two masks; each may be of the shape of rows or of entries, or a plain number."""
        v = list(self._values)
        for name, place in self._places.items():
            v[place] = quantities[name]
        for place, f, of in self._steps:
            v[place] = f(*(v[p] for p in of))
        kept = [2 * v[small] <= v[large] for large, small in self._conditions]
        certain: Any = self.always
        outside: Any = not self.always
        for holds in kept:
            certain = certain & holds
        for small, large, margin, after in self._inequalities:
            certain = certain & (v[small] * margin < v[large])
            fails = v[small] > v[large] * margin
            for condition in after:
                fails = fails & kept[condition]
            outside = outside | fails
        return v[self._result], certain, outside


def tape(bound: Bound, length: int, model: Model, relative: Mapping[str, float], upper: bool = False) -> Tape:
    """The tape of a bound for rows of `length` entries, the lower or the upper one.

    `relative` has the relative errors of the quantities that will be given, which are not negative (y and z stand for
    their absolute values). Raises ValueError for a bound that cannot be read so.
    """
    if bound.shift != "maximum":
        raise ValueError(f"a bound whose shift is the maximum is required, got {bound.name}: its quantities have signs")
    if model.flush:
        raise ValueError("a tape knows gradual underflow only, and a model that flushes was given")
    recorder = _Recorder(length, upper)
    known = {name: recorder.leaf(name, delta) for name, delta in relative.items()}
    base: Any = recorder  # it has what formulas with these quantities ask for, not all of `Enclosures`
    error = bounded_error(bound, None, base, model, known=known).error
    # Only what the value and the hypotheses rest on is run: terms that are nothing took steps too.
    needed = sorted(error.after.union(*(after for *_, after in recorder.inequalities)))
    conditions = [recorder.conditions[number] for number in needed]
    inequalities = [
        (small, large, margin, tuple(needed.index(number) for number in after))
        for small, large, margin, after in recorder.inequalities
    ]
    asked = {error.place, *(place for small, large, *_ in inequalities for place in (small, large))}
    asked.update(place for pair in conditions for place in pair)
    steps = []
    for step in reversed(recorder.steps):
        place, _, of = step
        if place in asked:
            steps.append(step)
            asked.update(of)
    places = {name: place for name, place in recorder.leaves.items() if place in asked}
    return Tape(
        tuple(places),
        error.relative,
        recorder.always,
        tuple(recorder.values),
        places,
        tuple(reversed(steps)),
        tuple(conditions),
        tuple(inequalities),
        error.place,
    )
