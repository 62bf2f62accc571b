"""How close runs come to a bound: the largest known error / bound, over given inputs and by a search made for it.

Ratios are enclosed: the exact result by intervals for formats of up to 24 bits, whose errors are far above those of
binary64, and by the two referees for binary64. What is found is a lower bound of the true supremum, and is called so.
The search climbs: the inputs with the largest ratios are changed by a few ulps in a few places, over and over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Bound, Libm, Model, Operations, algorithm, bounded_error

from .balls import BallOperations, balls, working_precision
from .decision import error_in_ulps
from .floats import FloatOperations
from .formats import Format
from .intervals import Interval, IntervalOperations
from .references import core_references, reference_algorithm
from .simulated import SimulatedOperations, rows_in

__all__ = ["Closeness", "Ratios", "Truth", "climb", "operations_for", "ratios", "run_algorithm"]

Array = NDArray[np.float64]
_CAP = 4096
_NARROW = 24  # bits, up to which binary64 intervals enclose errors to about 2^-20 of themselves


@dataclass(frozen=True, slots=True)
class Ratios:
    """For each row of a batch: the largest error / bound over its results, enclosed, and whether the bound applies."""

    lo: Array
    hi: Array
    in_scope: NDArray[np.bool_]

    @property
    def exceeds(self) -> NDArray[np.bool_]:
        """The rows where the bound is certainly exceeded."""
        return self.in_scope & (self.lo > 1)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        return self.in_scope & (self.lo <= 1) & (self.hi > 1)


@dataclass(frozen=True, slots=True)
class Closeness:
    """The largest known error / bound, rounded down, and the input (n,) that shows it."""

    ratio: float
    x: Array


def operations_for(fmt: Format, any_order: str = "any") -> Operations[Any]:
    """The reading that runs algorithms in the format: by NumPy, or simulated where NumPy has no type."""
    return FloatOperations(fmt, any_order) if fmt.dtype else SimulatedOperations(fmt)


class Truth:
    """The exact results for rows x, shape (rows, n), of finite numbers of the format, enclosed once for many runs.

    Raises RefereeDisagreement.
    """

    def __init__(self, function: str, x: Array, fmt: Format) -> None:
        core = FUNCTIONS[function].core
        self.format = fmt
        if fmt.precision <= _NARROW:
            self.exact: Interval | None = reference_algorithm(core).run(IntervalOperations(), Interval.point(x))
        else:
            self.exact, self.references = None, [core_references(row, (core,), fmt)[core] for row in x]

    def distance(self, got: Array) -> Interval:
        """|got - exact|, shaped like got; infinite for a NaN."""
        if self.exact is not None:
            return self._narrow(got, self.exact)
        ends: list[tuple[Array, Array]] = []
        for reference, results in zip(self.references, got, strict=True):
            ulps = error_in_ulps(reference, results, self.format)
            scaled = Interval(ulps.lo, ulps.hi).scaled(reference.exponent)
            ends.append((scaled.lo, scaled.hi))
        return Interval(*(np.stack(side) for side in zip(*ends, strict=True)))

    def _narrow(self, got: Array, exact: Interval) -> Interval:
        """As `error_in_ulps` has it: an infinity stands for +-2^(emax + 1), a NaN is infinitely far."""
        beyond = np.ldexp(1.0, self.format.emax + 1)
        found = abs(Interval.point(np.where(np.isinf(got), np.copysign(beyond, got), got)) - exact)
        past = np.where(got > 0, exact.lo >= beyond, exact.hi <= -beyond) & np.isinf(got)
        lo, hi = (np.where(past, 0.0, np.where(np.isnan(got), np.inf, end)) for end in (found.lo, found.hi))
        return Interval(lo, hi)


def ratios(
    of: Bound,
    x: Array,
    fmt: Format,
    libm: Libm | None = None,
    operations: Operations[Any] | None = None,
    truth: Truth | None = None,
) -> Ratios:
    """error / bound for each row of x, shape (rows, n), finite numbers of the format.

    `operations` run the bound's algorithm, `truth` has the exact results if they are known. A bound on two results
    against each other compares those. Rows whose bound is 0 count as 0 if the error is 0. Raises RefereeDisagreement,
    and ValueError for rows that are not of that kind, or not of two numbers for a bound on a pair.
    """
    x = rows_in(x, fmt)
    if FUNCTIONS[of.function].entry != "vector" and x.shape[1] != 2:
        raise ValueError(f"{of.function} is a function of rows of two numbers, got n = {x.shape[1]}")
    made = operations or operations_for(fmt)
    with np.errstate(all="ignore"):
        got, other = run_algorithm(of.algorithm, of.function, x, fmt, made), None
        if of.variant == "against the quotient":
            other = run_algorithm("shifted", of.function, x, fmt, made)
            error = abs(Interval.point(got) - Interval.point(other))
        else:
            error = (truth or Truth(of.function, x, fmt)).distance(got)
        found = _compared(of, x, error, fmt.model(libm))
        for row in np.flatnonzero(found.undecided):
            one = slice(row, row + 1)
            found.hi[row] = _settled(of, x[one], got[one], None if other is None else other[one], fmt.model(libm))
            if 1 < found.hi[row] < np.inf:
                found.lo[row] = found.hi[row]
        return found


def run_algorithm(name: str, function: str, x: Array, fmt: Format, operations: Operations[Any]) -> Array:
    """The results as binary64 numbers for rows x of the format, shape (rows, n)."""
    values = x.astype(fmt.dtype) if isinstance(operations, FloatOperations) else x
    return np.asarray(algorithm(function, name).run(operations, values), dtype=np.float64)


def _compared(of: Bound, x: Array, error: Interval, model: Model) -> Ratios:
    allowed = bounded_error(of, Interval.point(x), IntervalOperations(), model)
    in_scope = np.logical_and.reduce([np.ones(len(x), dtype=bool), *allowed.hypotheses.values()])
    none = (error.hi == 0) & (allowed.error.lo == 0)
    lo = np.where(none, 0.0, np.nextafter(error.lo / allowed.error.hi, 0.0)).max(axis=-1)
    hi = np.where(none, 0.0, np.nextafter(error.hi / allowed.error.lo, np.inf)).max(axis=-1)
    return Ratios(np.where(in_scope, lo, 0.0), np.where(in_scope, hi, 0.0), in_scope)


def _settled(of: Bound, x: Array, got: Array, other: Array | None, model: Model) -> float:
    """1 if no result exceeds the bound, the next larger number if one does; infinite if that cannot be said.

    By balls at growing precision; `other` stands for the exact results if it is given.
    """
    sign = balls(np.sign(got))
    precision = 2 * model.precision + 100
    while precision <= _CAP and not np.isnan(got).any():
        with working_precision(precision):
            base = BallOperations()
            core = FUNCTIONS[of.function].core
            exact = reference_algorithm(core).run(base, balls(x)) if other is None else balls(other)
            beyond = base.constant(Fraction(2) ** (model.emax + 1))  # what an infinity stands for
            finite = balls(np.where(np.isfinite(got), got, 0.0))
            error = abs(base.sub(base.select(np.isfinite(got), finite, base.mul(beyond, sign)), exact))
            past = np.isinf(got) & base.certainly_at_most(beyond, base.mul(exact, sign))
            error = base.select(past, base.constant(Fraction(0)), error)
            allowed = bounded_error(of, balls(x), base, model).error
            if base.certainly_at_most(error, allowed).all():
                return 1.0
            if base.certainly_less(allowed, error).any():
                return float(np.nextafter(1.0, 2.0))
        precision *= 2
    return float("inf")


def climb(
    of: Bound,
    start: Array,
    fmt: Format,
    rng: np.random.Generator,
    *,
    steps: int = 40,
    width: int = 64,
    keep: Callable[[Array], NDArray[np.bool_]] | None = None,
    libm: Libm | None = None,
    operations: Operations[Any] | None = None,
) -> Closeness:
    """Hill climbing on error / bound from the rows of `start`, shape (rows, n): the best row found, and its ratio.

    Each of `steps` steps changes the `width / 8` best rows in eight ways. `keep` says which rows may be visited; the
    rows of `start` outside of it are not used. Raises ValueError if none is left.
    """
    allowed = keep or (lambda x: np.ones(len(x), dtype=bool))
    rows = rows_in(fmt.round(start), fmt)
    rows = rows[allowed(rows)]
    if not len(rows):
        raise ValueError("no row to start from lies where the search may go")
    first = ratios(of, rows, fmt, libm, operations)
    if not first.in_scope.any():
        raise ValueError(f"no row to start from keeps the hypotheses of {of.name}")
    best = first.lo
    for _ in range(steps):
        order = np.argsort(-best, kind="stable")[: max(width // 8, 1)]
        rows, best = rows[order], best[order]
        changed = _changed(np.repeat(rows, 8, axis=0), fmt, rng)
        changed = changed[allowed(changed)]
        if len(changed):
            rows = np.concatenate([rows, changed])
            best = np.concatenate([best, ratios(of, changed, fmt, libm, operations).lo])
    top = int(best.argmax())
    return Closeness(float(best[top]), rows[top])


def _changed(x: Array, fmt: Format, rng: np.random.Generator) -> Array:
    """Each row with one or more entries moved: by a few ulps, by a small share, or all by the same."""
    size = fmt.ulp(x)
    few = rng.integers(-4, 5, x.shape) * size
    share = rng.normal(size=x.shape) * np.abs(x) * 2.0 ** -rng.integers(1, fmt.precision, (len(x), 1)).astype(float)
    same = np.broadcast_to(rng.normal(size=(len(x), 1)) * 2.0 ** -rng.integers(0, fmt.precision, (len(x), 1)), x.shape)
    kind = rng.integers(0, 3, (len(x), 1))
    move = np.where(kind == 0, few, np.where(kind == 1, share, same))
    where = (rng.random(x.shape) < rng.choice([1.5 / x.shape[1], 0.3, 1.1], (len(x), 1))) | (kind == 2)
    moved = fmt.round(x + np.where(where, move, 0.0))
    return np.where(np.isfinite(moved), moved, x)
