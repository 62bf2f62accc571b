"""What a kernel is held to: for each result of each case, the enclosed reference and the error that is allowed.

`Expectation` answers for a list of cases at once. Rows of equal length are read together by the interval arithmetic;
what that leaves undecided is read again with balls, row by row, until the comparison is settled or the precision
cap is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray
from shiftproof.proofs import FUNCTIONS, Algorithm, Libm, Model, algorithm, algorithms_for, rounding_error

from .balls import BallOperations, balls, end_points, working_precision
from .formats import Format
from .intervals import Interval, IntervalOperations
from .judge import Enclosure, Outcome, decide, error_in_ulps
from .profiles import plan_row
from .references import PRECISION_CAP, Reference, core_references, limits

__all__ = ["GENERIC_STANDARDS", "Expectation", "ladder", "rows_of", "standards_for"]

_NEGLIGIBLE = 30000  # numbers below 2^-30000 are enclosed by 0 and that
_UNKNOWN = Fraction(2**5000)  # stands for a ball without a bound
_LARGEST = Fraction(np.finfo(np.float64).max)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

GENERIC_STANDARDS = {"correct": Fraction(1, 2), "faithful": Fraction(1)}  # in ulps; faithful is strict

# Algorithms whose last step adds something that is not negative to the maximum: rounding is monotonic, so no run of
# them, nor a faithful one, returns less than the maximum.
_AT_LEAST_MAX = {"correct", "faithful", "shifted-log1p", "shifted", "chained", "pairwise"}


def ladder(function: str) -> tuple[str, ...]:
    """The standards that classes are made of, strongest first."""
    return (*GENERIC_STANDARDS, *(a.name for a in algorithms_for(function) if a.ladder))


def standards_for(function: str) -> tuple[str, ...]:
    """Every standard of a function: the ladder, then the bounds of the other algorithms."""
    return (*GENERIC_STANDARDS, *(a.name for a in algorithms_for(function)))


def rows_of(x: NDArray[np.generic], function: str) -> list[Array]:
    """The core function's rows that a case (rows, n) stands for, in the order of the results."""
    values = np.asarray(x).astype(np.float64)
    if FUNCTIONS[function].entry == "element":
        return [np.array([0.0, v]) for v in values.reshape(-1)]
    return list(values)


@cache
def _intervals() -> IntervalOperations:
    return IntervalOperations()


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of one length read together: the results `places` (rows, results) that they give, or -1."""

    rows: Array
    places: Index


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What a standard allows for each result, in ulps, and the first hypothesis that its row leaves."""

    bound: Enclosure
    in_scope: NDArray[np.bool_]
    left: NDArray[np.object_]


class Expectation:
    """References and allowed errors for the results of a list of cases, flat, in the order of cases, rows, places.

    `references` is a store of references by row that expectations for the same format may share, and `cores` the
    functions to fill it for. `case` and `row` give each result's case and (core) row; `fixed` what it must equal
    where `judged` is false. Raises RefereeDisagreement. Bounds are made when they are first asked for and kept.
    """

    def __init__(
        self,
        cases: Sequence[NDArray[np.generic]],
        function: str,
        fmt: Format,
        libm: Libm | None = None,
        profile: str = "strict",
        references: dict[bytes, dict[str, Reference]] | None = None,
        cores: Iterable[str] = (),
    ) -> None:
        self.function, self.format, self.libm = function, fmt, libm or Libm()
        self.core = FUNCTIONS[function].core
        element = FUNCTIONS[function].entry == "element"
        known = {} if references is None else references
        self.rows: list[Array] = []
        case: list[int] = []
        row: list[int] = []
        fixed: list[Array] = []
        judged: list[NDArray[np.bool_]] = []
        by_length: dict[int, list[tuple[Array, Index, int]]] = {}
        start = 0
        for number, x in enumerate(cases):
            for values in rows_of(x, function):
                plan = plan_row(values, function, profile)
                keep = slice(-1, None) if element and self.core == "softmax" else slice(None)
                owed, asked = plan.fixed[keep], plan.judged[keep]
                case += [number] * len(owed)
                row += [len(self.rows)] * len(owed)
                fixed.append(owed)
                judged.append(asked)
                self.rows.append(values)
                if asked.any():
                    places = np.full(plan.judged.shape, -1, dtype=np.int64)
                    places[keep] = np.where(asked, np.arange(start, start + len(owed)), -1)
                    by_length.setdefault(len(plan.entries), []).append(
                        (plan.entries, places[plan.judged], len(self.rows))
                    )
                start += len(owed)
        self.case, self.row = np.array(case, dtype=np.int64), np.array(row, dtype=np.int64)
        self.fixed = np.concatenate(fixed) if fixed else np.zeros(0)
        self.judged = np.concatenate(judged) if judged else np.zeros(0, dtype=bool)
        self._groups = [
            _Group(np.stack([entries for entries, _, _ in group]), np.stack([places for _, places, _ in group]))
            for group in by_length.values()
        ]
        self._source = np.full((len(self.case), 3), -1, dtype=np.int64)  # group, row in it, column of the result
        self.maximum = np.full(len(self.case), -np.inf)
        reference = Reference(np.zeros(len(self.case), dtype=np.int64), *(np.zeros(len(self.case)) for _ in range(3)))
        for g, group in enumerate(self._groups):
            for r, (entries, places) in enumerate(zip(group.rows, group.places, strict=True)):
                answers = known.setdefault(entries.tobytes(), {})
                if self.core not in answers:
                    answers.update(core_references(entries, {self.core, *cores}, fmt))
                answer, used = answers[self.core], places >= 0
                target = places[used]
                for name in ("exponent", "whole", "fraction", "radius"):
                    getattr(reference, name)[target] = getattr(answer, name)[used]
                self._source[target] = np.stack(
                    [np.full(len(target), g), np.full(len(target), r), np.flatnonzero(used)], axis=-1
                )
                self.maximum[target] = entries.max()
        self.reference = reference
        self._bounds: dict[tuple[str, bool], _Allowed] = {}
        self._exact: dict[tuple[int, int, str, bool, int], list[tuple[Fraction, Fraction]]] = {}

    def allowed(self, standard: str, flush: bool = False) -> _Allowed:
        """What `standard` allows, in ulps; `flush` for kernels that replace subnormals by zero.

        Raises KeyError for a standard that the function does not have.
        """
        key = (standard, flush)
        if key not in self._bounds:
            make = self._generic if standard in GENERIC_STANDARDS else self._algorithmic
            self._bounds[key] = make(standard, flush)
        return self._bounds[key]

    def _model(self, flush: bool) -> Model:
        return self.format.model(self.libm, flush)

    def _generic(self, standard: str, flush: bool) -> _Allowed:
        ulps = np.full(len(self.case), float(GENERIC_STANDARDS[standard]))
        if flush:
            subnormal = np.abs(self.reference.whole + self.reference.fraction) < 2.0 ** (self.format.precision - 1)
            ulps = np.where(subnormal, 2.0 ** (self.format.precision - 1), ulps)
        everywhere = np.ones(len(ulps), dtype=bool)
        return _Allowed(Enclosure(ulps, ulps), everywhere, np.full(len(ulps), None, dtype=object))

    def _algorithmic(self, standard: str, flush: bool) -> _Allowed:
        chosen, model = algorithm(self.function, standard), self._model(flush)
        lo, hi = np.zeros(len(self.case)), np.zeros(len(self.case))
        in_scope = np.ones(len(self.case), dtype=bool)
        left = np.full(len(self.case), None, dtype=object)
        with np.errstate(all="ignore"):
            for group in self._groups:
                reading = rounding_error(chosen, Interval.point(group.rows), _intervals(), model)
                used = group.places >= 0
                target = group.places[used]
                error = Interval(
                    *(np.broadcast_to(end, used.shape)[used] for end in (reading.error.lo, reading.error.hi))
                )
                ulps = error.scaled(-self.reference.exponent[target])
                lo[target], hi[target] = np.maximum(ulps.lo, 0.0), ulps.hi
                every = np.logical_and.reduce([np.ones(len(group.rows), dtype=bool), *reading.hypotheses.values()])
                for row in np.flatnonzero(~every):
                    places = group.places[row]
                    name = self._left(reading.hypotheses, group.rows[row], int(row), chosen, model)
                    if name:
                        in_scope[places[places >= 0]], left[places[places >= 0]] = False, name
        hi = np.where(np.isnan(hi), np.inf, hi)
        lo = np.where(in_scope, lo, 0.0)
        return _Allowed(Enclosure(lo, np.where(in_scope, hi, np.inf)), in_scope, left)

    def _left(
        self, hypotheses: dict[str, NDArray[np.bool_]], entries: Array, row: int, chosen: Algorithm, model: Model
    ) -> str | None:
        """The hypothesis that a row leaves, if the balls confirm it. Next to the largest binary64 numbers intervals
        overflow where the algorithm need not: there the balls have the last word, and then give the bound too."""
        if np.abs(entries).max() > 2.0**1000:
            with working_precision(2 * self.format.precision + 100):
                hypotheses = rounding_error(chosen, balls(entries[np.newaxis, :]), BallOperations(), model).hypotheses
            row = 0
        return next((name for name, holds in hypotheses.items() if not holds[row]), None)

    def judge(self, got: Array, standard: str, flush: bool = False) -> tuple[NDArray[np.int8], Enclosure, _Allowed]:
        """Outcomes of the judged results (WITHIN where `fixed` is owed instead), errors and bounds in ulps."""
        error = error_in_ulps(self.reference, got, self.format)
        allowed = self.allowed(standard, flush)
        strict = standard == "faithful" and not flush
        outcome = decide(error, allowed.bound, allowed.in_scope, strict)
        if standard in GENERIC_STANDARDS and not flush:
            outcome[self._below_binade(got)] = Outcome.EXCEEDS.value
        outcome[~self.judged] = Outcome.WITHIN.value
        if self.core == "logsumexp" and standard in _AT_LEAST_MAX and not flush:
            outcome[self.judged & allowed.in_scope & (got < self.maximum)] = Outcome.EXCEEDS.value
        for place in np.flatnonzero(outcome == Outcome.UNDECIDED.value):
            outcome[place] = self._escalate(int(place), float(got[place]), standard, flush, strict)
        return outcome, error, allowed

    def _below_binade(self, got: Array) -> NDArray[np.bool_]:
        """Results below the power of two that starts the binade of y: it lies between them and y, so they are not
        faithful, however few ulps of y they are away."""
        exponent, precision = self.reference.exponent, self.format.precision
        normal = (exponent > self.format.emin - precision + 1) & np.isfinite(self.reference.radius)
        with np.errstate(over="ignore"):
            start = np.ldexp(1.0, (exponent + precision - 1).astype(np.int32))
        return np.asarray(normal & (np.abs(got) < start))

    def _escalate(self, place: int, got: float, standard: str, flush: bool, strict: bool) -> int:
        """Compare in exact rationals at growing precision; UNDECIDED at the cap."""
        if not np.isfinite(self.reference.radius[place]):
            return Outcome.UNDECIDED.value
        group, row, column = (int(part) for part in self._source[place])
        entries = self._groups[group].rows[row]
        least, most = limits(entries, self.core)[column]
        # Unless all entries are equal, y is irrational and not an end of its enclosure (see `references`).
        open_ends = bool((entries != entries[0]).any())
        precision = 2 * self.format.precision + 100
        while precision <= PRECISION_CAP:
            values = self._rational(group, row, "", False, precision)
            bounds = self._rational(group, row, standard, flush, precision)
            y, bound = values[column], bounds[min(column, len(bounds) - 1)]
            if np.isnan(got):
                return Outcome.EXCEEDS.value if bound[1] < _UNKNOWN else Outcome.UNDECIDED.value
            y = (y[0] if least is None else max(y[0], least), y[1] if most is None else min(y[1], most))
            distance = self._distance(got, y)
            far = max(-distance[0], distance[1])
            near = max(distance[0], -distance[1], Fraction(0))
            if standard in GENERIC_STANDARDS:
                exponent = int(self.reference.exponent[place])
                factor = Fraction(float(self.allowed(standard, flush).bound.lo[place])) * Fraction(2) ** exponent
                bound = (factor, factor)
            self._tighten(place, bound, standard, flush)
            if far < bound[0] or (far == bound[0] and (open_ends or not strict)):
                return Outcome.WITHIN.value
            if near > bound[1] or (near == bound[1] and (open_ends or strict)):
                return Outcome.EXCEEDS.value
            precision *= 2
        return Outcome.UNDECIDED.value

    def _distance(self, got: float, y: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
        """got - y, enclosed; an infinity stands for +-2^(emax + 1), and for y itself where y lies beyond that."""
        if np.isfinite(got):
            value = Fraction(got)
        else:
            value = Fraction(2) ** (self.format.emax + 1) * (1 if got > 0 else -1)
            if (y[0] >= value) if got > 0 else (y[1] <= value):
                return Fraction(0), Fraction(0)
        return value - y[1], value - y[0]

    def _tighten(self, place: int, bound: tuple[Fraction, Fraction], standard: str, flush: bool) -> None:
        """Keep the better enclosure of a bound, rounded outward, in ulps."""
        kept = self.allowed(standard, flush).bound
        ulp = Fraction(2) ** int(self.reference.exponent[place])
        lo, hi = (min(max(end / ulp, Fraction(0)), _LARGEST) for end in bound)
        with np.errstate(over="ignore"):
            kept.lo[place] = max(kept.lo[place], np.nextafter(float(lo), 0.0))
            kept.hi[place] = min(kept.hi[place], np.nextafter(float(hi), np.inf))

    def _rational(
        self, group: int, row: int, standard: str, flush: bool, precision: int
    ) -> list[tuple[Fraction, Fraction]]:
        """Rational enclosures for one row: of the bound, or of the exact results if no standard is named."""
        key = (group, row, standard, flush, precision)
        if standard in GENERIC_STANDARDS:
            return [(Fraction(0), Fraction(0))]
        if key not in self._exact:
            with working_precision(precision):
                x = balls(self._groups[group].rows[row : row + 1])
                if standard:
                    found = rounding_error(
                        algorithm(self.function, standard), x, BallOperations(), self._model(flush)
                    ).error
                else:
                    found = _reference_algorithm(self.core).run(BallOperations(), x)
                self._exact[key] = [_rational_ends(ball) for ball in found.reshape(-1)]
        return self._exact[key]


def _reference_algorithm(core: str) -> Algorithm:
    return algorithm(core, "shifted" if core == "softmax" else "shifted-log1p")


def _rational_ends(ball: object) -> tuple[Fraction, Fraction]:
    (man, exp), (radius, radius_exp) = end_points(ball)
    if radius < 0:
        return -_UNKNOWN, _UNKNOWN
    if max(exp + abs(man).bit_length(), radius_exp + radius.bit_length()) < -_NEGLIGIBLE:
        return -Fraction(1, 2**_NEGLIGIBLE), Fraction(1, 2**_NEGLIGIBLE)
    middle, spread = _at_least_negligible(man, exp), _at_least_negligible(radius, radius_exp)
    return middle[0] - spread[1], middle[1] + spread[1]


def _at_least_negligible(man: int, exp: int) -> tuple[Fraction, Fraction]:
    """m * 2^e from below and above without numbers of astronomical length: exact down to 2^-30000."""
    if man == 0 or exp >= -_NEGLIGIBLE:
        value = man * Fraction(2) ** exp
        return value, value
    unit = Fraction(1, 2**_NEGLIGIBLE)
    shift = -_NEGLIGIBLE - exp
    floor = (man >> shift) if shift <= man.bit_length() else (-1 if man < 0 else 0)
    return floor * unit, (floor + 1) * unit
