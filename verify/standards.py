"""What a kernel is held to: for each result of each case, the enclosed reference and the error that is allowed.

`Expectation` answers for a list of cases at once. Rows of equal length are read together by the interval arithmetic;
what that leaves undecided is read again with balls, row by row, until the comparison is settled or the precision
cap is reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, READINGS, Algorithm, Libm, Model, algorithm, algorithms_for, allowed_error

from .balls import BallOperations, balls, working_precision
from .cases import labels_of
from .decision import Enclosure, Outcome, decide, error_in_ulps
from .exact import UNKNOWN, Ends, distance, rational_ends, settled
from .formats import Format
from .intervals import Interval, IntervalOperations
from .landscape import Rows
from .profiles import plan_row
from .references import PRECISION_CAP, Reference, core_references, limits, reference_algorithm

__all__ = ["AT_LEAST_MAX", "GENERIC_STANDARDS", "Expectation", "ladder", "rows_of", "standards_for", "stays_finite"]

_LARGEST = Fraction(np.finfo(np.float64).max)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

GENERIC_STANDARDS = {"correct": Fraction(1, 2), "faithful": Fraction(1)}  # in ulps; faithful is strict

# Algorithms whose last step adds L >= 0 to the maximum. A logarithm within an ulp is not negative then, and rounding is
# monotonic, so no run of them, nor a faithful one, returns less than the maximum; and as L < 2 log n + 1, rounding to
# nearest makes no infinity of a sum that L cannot carry half an ulp past the largest number.
AT_LEAST_MAX = {"correct", "faithful", "shifted-log1p", "shifted", "chained", "pairwise"}


def ladder(function: str) -> tuple[str, ...]:
    """The standards that classes are made of, strongest first."""
    return (*GENERIC_STANDARDS, *(a.name for a in algorithms_for(function) if a.ladder))


def standards_for(function: str) -> tuple[str, ...]:
    """Every standard of a function: the ladder, then the bounds of the other algorithms."""
    return (*GENERIC_STANDARDS, *(a.name for a in algorithms_for(function)))


def stays_finite(length: int, fmt: Format) -> bool:
    """Whether the logsumexp of so many finite numbers is never rounded to infinity."""
    return bool(2 * np.log(length) + 1 < 2.0 ** (fmt.emax - fmt.precision))


def rows_of(
    x: NDArray[np.generic], function: str, labels: Index | None = None, places: Index | None = None
) -> list[tuple[Array, Index]]:
    """The core function's rows that a case (rows, n) stands for, in the order of the results.

    Each with the places, in the core's result, of the results that it gives. A label comes first in its row; the labels
    are those of `labels_of` unless they are given; `places` are the results asked for, of all that a row has.
    """
    values, of = np.asarray(x).astype(np.float64), FUNCTIONS[function]
    one, n = np.zeros(1, dtype=np.int64), values.shape[1]
    if of.entry == "element":
        rows = [[v, 0.0] if of.labelled else [0.0, v] for v in values.reshape(-1).tolist()]
        place = one + 1 if of.core == "softmax" else one
        return [(np.array(row), place) for row in rows]
    if of.entry == "prefixes":
        return [(row[: k + 1], one) for row in values for k in (range(n) if places is None else places.tolist())]
    if of.entry == "label":
        rest = [np.delete(np.arange(n), t) for t in (labels_of(values) if labels is None else labels)]
        orders = [np.concatenate([np.setdiff1d(np.arange(n), others), others]) for others in rest]
        wanted = [one if of.per_row else np.argsort(order) for order in orders]
        return [(row[order], places) for row, order, places in zip(values, orders, wanted, strict=True)]
    every = one if of.per_row else np.arange(n) if places is None else places
    return [(row, every) for row in values]


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
    functions to fill it for. `case` and `row` give each result's case and (core) row, `column` its place in the core's
    result; `fixed` is what it must equal where `judged` is false unless it is `free`, `sign` what the core's results
    are multiplied by. `places` narrows each case, of one row then, to some of its results. `reading` says how the
    bounds of algorithms are read (`READINGS`), `accumulator` the format that their sums are made in. `landmarks` has
    the gaps and lengths of the rows. Bounds are made when they are first asked for and kept. Raises
    RefereeDisagreement.
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
        reading: str = READINGS[0],
        accumulator: Format | None = None,
        labels: Sequence[Index] | None = None,
        places: Sequence[Index] | None = None,
    ) -> None:
        self.reading, self.accumulator = reading, accumulator
        self.function, self.format, self.libm = function, fmt, libm or Libm()
        self.core, self.sign = FUNCTIONS[function].core, -1.0 if FUNCTIONS[function].negated else 1.0
        self.rows: list[Array] = []
        nothing: list[Index | None] = [None] * len(cases)
        self._lay_out(cases, profile, nothing if labels is None else labels, nothing if places is None else places)
        self._refer({} if references is None else references, {self.core, *cores}, places is not None)
        self._bounds: dict[tuple[str, bool], _Allowed] = {}
        self._exact: dict[tuple[int, int, str, bool, int], list[Ends]] = {}
        self.landmarks = Rows.of(self.rows)

    def _lay_out(
        self,
        cases: Sequence[NDArray[np.generic]],
        profile: str,
        labels: Sequence[Index | None],
        places_asked: Sequence[Index | None],
    ) -> None:
        """Number the results, and group the rows of finite entries by their length."""
        case: list[int] = []
        row: list[int] = []
        column = [np.zeros(0, dtype=np.int64)]
        fixed, judged, free = [np.zeros(0)], [np.zeros(0, dtype=bool)], [np.zeros(0, dtype=bool)]
        by_length: dict[int, list[tuple[Array, Index]]] = {}
        for number, (x, chosen, asked_for) in enumerate(zip(cases, labels, places_asked, strict=True)):
            for values, wanted in rows_of(x, self.function, chosen, asked_for):
                plan = plan_row(values, self.function, profile)
                start, owed, asked = len(case), self.sign * plan.fixed[wanted], plan.judged[wanted]
                if asked.any():
                    places = np.full(plan.judged.shape, -1, dtype=np.int64)
                    places[wanted] = np.where(asked, np.arange(start, start + len(owed)), -1)
                    by_length.setdefault(len(plan.entries), []).append((plan.entries, places[plan.judged]))
                case += [number] * len(owed)
                row += [len(self.rows)] * len(owed)
                column.append(wanted)
                fixed.append(owed)
                judged.append(asked)
                free.append(np.full(len(owed), plan.free))
                self.rows.append(values)
        self.case, self.row = np.array(case, dtype=np.int64), np.array(row, dtype=np.int64)
        self.column = np.concatenate(column)
        self.fixed, self.judged, self.free = np.concatenate(fixed), np.concatenate(judged), np.concatenate(free)
        self._groups = [_Group(*(np.stack(part) for part in zip(*g, strict=True))) for g in by_length.values()]

    def _refer(self, known: dict[bytes, dict[str, Reference]], cores: set[str], few: bool) -> None:
        """Enclose the exact results; rows that are known already cost nothing."""
        results = len(self.case)
        self.maximum, self.stays_finite = np.full(results, -np.inf), np.zeros(results, dtype=bool)
        self._source = np.full((results, 3), -1, dtype=np.int64)  # group, row in it, column of the result
        self.reference = Reference(np.zeros(results, dtype=np.int64), *(np.zeros(results) for _ in range(3)))
        for g, group in enumerate(self._groups):
            for r, (entries, places) in enumerate(zip(group.rows, group.places, strict=True)):
                answers = {} if few else known.setdefault(entries.tobytes(), {})
                if self.core not in answers:
                    wanted = np.flatnonzero(places >= 0) if few else None
                    answers.update(core_references(entries, cores, self.format, wanted))
                answer, used = answers[self.core], places >= 0
                target, columns = places[used], np.flatnonzero(used)
                for name in ("exponent", "whole", "fraction", "radius"):
                    getattr(self.reference, name)[target] = getattr(answer, name)[used]
                self._source[target] = np.stack([np.full_like(columns, g), np.full_like(columns, r), columns], axis=-1)
                self.maximum[target] = entries.max()
                self.stays_finite[target] = stays_finite(len(entries), self.format)

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
        return self.format.model(self.libm, flush, self.accumulator)

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
                reading = allowed_error(chosen, Interval.point(group.rows), _intervals(), model, self.reading)
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
                x = balls(entries[np.newaxis, :])
                hypotheses = allowed_error(chosen, x, BallOperations(), model, self.reading).hypotheses
            row = 0
        return next((name for name, holds in hypotheses.items() if not holds[row]), None)

    def errors(self, got: Array) -> Enclosure:
        """|got - y| in ulps of y, for one number for each result."""
        return error_in_ulps(self.reference, self.sign * got, self.format)

    def broken(self, got: Array) -> NDArray[np.bool_]:
        """Results that a profile owes exactly, and that are something else."""
        owed = self.fixed
        # Backward passes multiply by what is above them: their zeros may have either sign.
        unsigned = FUNCTIONS[self.function].labelled
        kept = (np.isnan(owed) & np.isnan(got)) | ((got == owed) & ((owed != 0) | ~np.signbit(got) | unsigned))
        return np.asarray(~self.judged & ~kept & ~self.free)

    def judge(self, got: Array, standard: str, flush: bool = False) -> tuple[NDArray[np.int8], Enclosure, _Allowed]:
        """Outcomes of the judged results (WITHIN where `fixed` is owed instead), errors and bounds in ulps."""
        error = self.errors(got)
        allowed = self.allowed(standard, flush)
        strict = standard == "faithful" and not flush
        outcome = decide(error, allowed.bound, allowed.in_scope, strict)
        if standard in GENERIC_STANDARDS and not flush:
            outcome[self._below_binade(got)] = Outcome.EXCEEDS.value
        outcome[~self.judged] = Outcome.WITHIN.value
        outcome[self.free] = Outcome.OUT_OF_SCOPE.value
        within_an_ulp = standard in GENERIC_STANDARDS or max(self.libm.log, self.libm.log1p) <= 1
        if self.core == "logsumexp" and standard in AT_LEAST_MAX and within_an_ulp and not flush:
            astray = (got < self.maximum) | (np.isposinf(got) & self.stays_finite)
            outcome[self.judged & allowed.in_scope & astray] = Outcome.EXCEEDS.value
        for place in np.flatnonzero(outcome == Outcome.UNDECIDED.value):
            outcome[place] = self._escalate(int(place), self.sign * float(got[place]), standard, flush, strict)
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
        group, row, column = (int(part) for part in self._source[place])
        entries = self._groups[group].rows[row]
        least, most = limits(entries, self.core)[column]
        # Unless all entries are equal, y is irrational and not an end of its enclosure (see `references`).
        open_ends = bool((entries != entries[0]).any())
        outcome, precision = Outcome.UNDECIDED, 2 * self.format.precision + 100
        while outcome is Outcome.UNDECIDED and precision <= PRECISION_CAP and np.isfinite(self.reference.radius[place]):
            bound = self._exact_bound(place, standard, flush, precision)
            if np.isnan(got):
                return Outcome.EXCEEDS.value if bound[1] < UNKNOWN else Outcome.UNDECIDED.value
            y = self._rational(group, row, "", False, precision)[column]
            y = (y[0] if least is None else max(y[0], least), y[1] if most is None else min(y[1], most))
            outcome = settled(distance(got, y, self.format), bound, strict, open_ends)
            precision *= 2
        return outcome.value

    def enclosed(self, place: int) -> Ends:
        """The core's exact result in ulps of it, so closely that it is known to which integer it is nearest.

        Raises ArithmeticError where the precision cap leaves that open.
        """
        group, row, column = (int(part) for part in self._source[place])
        least, most = limits(self._groups[group].rows[row], self.core)[column]
        ulp, precision = Fraction(2) ** int(self.reference.exponent[place]), 2 * self.format.precision + 100
        known = self.reference.radius[place]
        middle = Fraction(float(self.reference.whole[place])) + Fraction(float(self.reference.fraction[place]))
        if known == 0:
            return middle, middle
        lo, hi = middle - Fraction(float(known)), middle + Fraction(float(known))
        while np.isinf(known) or round(lo) != round(hi):
            if precision > PRECISION_CAP:
                raise ArithmeticError(f"the exact result {place} cannot be rounded at {PRECISION_CAP} bits")
            y = self._rational(group, row, "", False, precision)[column]
            lo, hi = (end / ulp for end in (y if least is None else (max(y[0], least), y[1])))
            hi = hi if most is None else min(hi, most / ulp)
            if lo == hi or round(lo) == round(hi):
                break
            if math.floor(lo + Fraction(1, 2)) == math.ceil(hi - Fraction(1, 2)):
                break
            known, precision = 1.0, 2 * precision
        return lo, hi

    def _exact_bound(self, place: int, standard: str, flush: bool, precision: int) -> Ends:
        """What is allowed for one result, in the units of the result; kept, in ulps, where it is better than before."""
        ulp = Fraction(2) ** int(self.reference.exponent[place])
        kept = self.allowed(standard, flush).bound
        if standard in GENERIC_STANDARDS:
            exactly = Fraction(float(kept.lo[place])) * ulp
            return exactly, exactly
        group, row, column = (int(part) for part in self._source[place])
        bounds = self._rational(group, row, standard, flush, precision)
        bound = bounds[min(column, len(bounds) - 1)]
        lo, hi = (min(max(end / ulp, Fraction(0)), _LARGEST) for end in bound)
        with np.errstate(over="ignore"):
            kept.lo[place] = max(kept.lo[place], np.nextafter(float(lo), 0.0))
            kept.hi[place] = min(kept.hi[place], np.nextafter(float(hi), np.inf))
        return bound

    def _rational(self, group: int, row: int, standard: str, flush: bool, precision: int) -> list[Ends]:
        """Rational enclosures for one row: of the bound, or of the exact results if no standard is named."""
        key = (group, row, standard, flush, precision)
        if key not in self._exact:
            with working_precision(precision):
                x = balls(self._groups[group].rows[row : row + 1])
                if standard:
                    chosen, model = algorithm(self.function, standard), self._model(flush)
                    found = allowed_error(chosen, x, BallOperations(), model, self.reading).error
                else:
                    found = reference_algorithm(self.core).run(BallOperations(), x)
                self._exact[key] = [rational_ends(ball) for ball in found.reshape(-1)]
        return self._exact[key]
