"""What a shift costs: a + log(sum exp(x_i - a)) for shifts a from below where exp overflows to above where it vanishes.

The rows have the largest entry 0, so that a is also its distance from the shift that the theorem of every library
takes, and results of about the size 2, so that what is lost is lost by the shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Libm, bound, bounded_error, shifted_by

from .balls import BallOperations, balls, working_precision
from .decision import Enclosure, Outcome, decide
from .exact import rational_ends
from .floats import FloatOperations
from .formats import Format
from .standards import Expectation

__all__ = ["Shifted", "shifted_rows", "what_shifts_cost"]

_ROWS, _LENGTH, _SEED = 8, 10, 0
_LARGEST = Fraction(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class Shifted:
    """The row with the largest error at one shift: its number, what was got, error and allowed in ulps, the outcome."""

    shift: float
    row: int
    got: float
    error_ulp: tuple[float, float]
    allowed_ulp: tuple[float, float]
    outcome: Outcome


def shifted_rows(fmt: Format) -> NDArray[np.float64]:
    """Eight rows of ten numbers of the format: a 0 among numbers from -3 to 0."""
    x = -np.random.default_rng(_SEED).uniform(0.0, 3.0, (_ROWS, _LENGTH))
    x[:, _LENGTH // 2] = 0.0
    return fmt.round(x)


def _shifts(fmt: Format) -> NDArray[np.float64]:
    """Four to a binade of either sign and 0, and a finer grid around the two thresholds of exp."""
    most, least = -fmt.log_smallest * 1.04, -fmt.log_largest * 1.04
    powers = 2.0 ** (np.arange(-8, 4 * np.log2(most) + 1) / 4)
    edges = [np.linspace(end * 0.8, end, 33) for end in (least, most)]
    grid = np.unique(fmt.round(np.concatenate([[0.0], powers, -powers, *edges])))
    return np.asarray(grid[(grid >= least) & (grid <= most)], dtype=np.float64)


def _in_ulps(bounds: NDArray[np.object_], exponents: NDArray[np.int64], in_scope: NDArray[np.bool_]) -> Enclosure:
    """The balls as intervals of floats, in units of 2^exponent; from 0 to infinity where the bound does not apply."""
    lo, hi = np.zeros(len(bounds)), np.full(len(bounds), np.inf)
    for place in np.flatnonzero(in_scope):
        ends = (end / Fraction(2) ** int(exponents[place]) for end in rational_ends(bounds[place]))
        least, most = (float(min(end, _LARGEST)) for end in ends)
        lo[place], hi[place] = max(np.nextafter(least, -np.inf), 0.0), np.nextafter(most, np.inf)
    return Enclosure(lo, hi)


def what_shifts_cost(fmt: Format, libm: Libm | None = None) -> Iterator[Shifted]:
    """For each shift, ascending: the row of `shifted_rows` with the largest error, judged by the bound of any shift.

    Raises RefereeDisagreement, and ValueError for a format that NumPy has no type for.
    """
    x, shifts = shifted_rows(fmt), _shifts(fmt)
    rows, a = np.tile(x, (len(shifts), 1)), np.repeat(shifts, len(x))[:, np.newaxis]
    operations = FloatOperations(fmt)
    with np.errstate(all="ignore"):
        values: tuple[Any, ...] = (rows.astype(operations.dtype), a.astype(operations.dtype))
        got = np.asarray(shifted_by(operations, *values), dtype=np.float64)[:, 0]
        expected = Expectation([rows], "logsumexp", fmt, libm)
        error = expected.errors(got)
    with working_precision(2 * fmt.precision + 100):  # exp(a - y) may be larger than any binary64 number
        of, model = bound("logsumexp", "arbitrary-shift"), fmt.model(libm)
        reading = bounded_error(of, balls(rows), BallOperations(), model, balls(a))
        in_scope = np.logical_and.reduce(list(reading.hypotheses.values()))
        allowed = _in_ulps(reading.error[:, 0], expected.reference.exponent, in_scope)
    outcome = decide(error, allowed, in_scope)
    for number, shift in enumerate(shifts):
        first = number * len(x)
        row = int(error.hi[first : first + len(x)].argmax())
        at = first + row
        yield Shifted(
            float(shift),
            row,
            float(got[at]),
            (float(error.lo[at]), float(error.hi[at])),
            (float(allowed.lo[at]), float(allowed.hi[at])),
            Outcome(int(outcome[at])),
        )
