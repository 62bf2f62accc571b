"""Comparisons in exact rational arithmetic, for the few results that binary64 enclosures leave undecided."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .balls import end_points
from .decision import Outcome
from .formats import Format

__all__ = ["UNKNOWN", "Ends", "distance", "rational_ends", "settled"]

Ends = tuple[Fraction, Fraction]

UNKNOWN = Fraction(2**5000)  # stands for an end without a bound; every number judged is far smaller
_NEGLIGIBLE = 30000  # numbers below 2^-30000 are enclosed by 0 and that


def rational_ends(ball: object) -> Ends:
    """The ends of a ball, rounded outward where they would take an astronomical number of digits."""
    (man, exp), (radius, radius_exp) = end_points(ball)
    top = max(exp + abs(man).bit_length(), radius_exp + abs(radius).bit_length())
    if radius < 0 or top > UNKNOWN.numerator.bit_length():
        return -UNKNOWN, UNKNOWN
    middle, spread = _with_a_floor(man, exp), _with_a_floor(radius, radius_exp)
    return middle[0] - spread[1], middle[1] + spread[1]


def _with_a_floor(man: int, exp: int) -> Ends:
    """m * 2^e from below and above, in units of 2^-30000 where it has digits beyond that."""
    if man == 0 or exp >= -_NEGLIGIBLE:
        value = man * Fraction(2) ** exp
        return value, value
    shift = -_NEGLIGIBLE - exp
    floor = (man >> shift) if shift <= man.bit_length() else (-1 if man < 0 else 0)
    return Fraction(floor, 2**_NEGLIGIBLE), Fraction(floor + 1, 2**_NEGLIGIBLE)


def distance(got: float, y: Ends, fmt: Format) -> Ends:
    """got - y; an infinity stands for +-2^(emax + 1), and for y itself where y lies beyond that."""
    if np.isfinite(got):
        value = Fraction(got)
    else:
        value = Fraction(2) ** (fmt.emax + 1) * (1 if got > 0 else -1)
        if (y[0] >= value) if got > 0 else (y[1] <= value):
            return Fraction(0), Fraction(0)
    return value - y[1], value - y[0]


def settled(apart: Ends, bound: Ends, strict: bool, open_ends: bool) -> Outcome:
    """The outcome for a distance and a bound; `open_ends` says that the distance reaches neither of its ends."""
    far = max(-apart[0], apart[1])
    near = max(apart[0], -apart[1], Fraction(0))
    if far < bound[0] or (far == bound[0] and (open_ends or not strict)):
        return Outcome.WITHIN
    if near > bound[1] or (near == bound[1] and (open_ends or strict)):
        return Outcome.EXCEEDS
    return Outcome.UNDECIDED
