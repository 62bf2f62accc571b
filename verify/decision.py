"""The only place that says yes or no: an error and what is allowed, both enclosures, become an outcome.

WITHIN iff err.hi <= allowed.lo; EXCEEDS iff err.lo > allowed.hi; what lies between is undecided until more precision
separates them. For `faithful` the two comparisons are strict and weak the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from .formats import Format
from .references import Reference

__all__ = ["Enclosure", "Outcome", "decide", "error_in_ulps", "worst"]

Array = NDArray[np.float64]


class Outcome(Enum):
    """How a case ended, from best to worst. It has no truth value: not judged is not passed."""

    WITHIN = 0
    OUT_OF_SCOPE = 1
    UNDECIDED = 2
    EXCEEDS = 3
    FAULT = 4

    def __bool__(self) -> bool:
        raise TypeError("an Outcome is not a truth value: compare it with Outcome.WITHIN")


def worst(outcomes: NDArray[np.int8]) -> Outcome:
    """The worst of an array of outcome values; raises ValueError if there is none."""
    if outcomes.size == 0:
        raise ValueError("no outcome to choose from: nothing was judged")
    return Outcome(int(outcomes.max()))


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Arrays of intervals [lo, hi] of one shape; `at` picks single ones."""

    lo: Array
    hi: Array

    def __post_init__(self) -> None:
        if np.shape(self.lo) != np.shape(self.hi):
            raise ValueError(f"an enclosure's ends have one shape, got {np.shape(self.lo)} and {np.shape(self.hi)}")
        if np.any(np.isnan(self.lo) | np.isnan(self.hi) | (np.asarray(self.lo) > self.hi)):
            raise ValueError("an enclosure needs lo <= hi at every place, got an empty one or a NaN")


def _scaled(got: Array, exponent: NDArray[np.int64]) -> Array:
    return np.asarray(np.ldexp(got, np.clip(-exponent, -4400, 4400).astype(np.int32)), dtype=np.float64)


def error_in_ulps(reference: Reference, got: Array, fmt: Format) -> Enclosure:
    """|got - y| / ulp(y), enclosed, for results of the format given as binary64; infinite for a NaN.

    An infinity stands for +-2^(emax + 1), the number after the largest, and is free of error where y lies beyond.
    """
    with np.errstate(all="ignore"):
        stand_in = np.isinf(got)
        value = np.where(stand_in, np.copysign(1.0, got), got)
        exponent = reference.exponent - np.where(stand_in, fmt.emax + 1, 0)
        scaled = _scaled(value, exponent)
        distance = scaled - reference.whole
        near = np.abs(distance - reference.fraction)
        # Two roundings of the subtractions, and got / ulp(y) may have underflowed: far below 2^-52 of an ulp.
        slack = np.abs(distance) * 2.0**-52 + near * 2.0**-52 + reference.radius
        exact = (
            (scaled == np.rint(scaled))
            & ((scaled != 0) | (value == 0))
            & (np.abs(distance) < 2.0**53)
            & (reference.fraction == 0)
        )
        slack = np.where(exact & (reference.radius == 0), 0.0, slack)
        certain = slack == 0
        lo = np.where(certain, near, np.maximum(np.nextafter(near - slack, -np.inf), 0.0))
        hi = np.where(certain, near, np.nextafter(near + slack, np.inf))
        at_most = reference.whole + ((reference.fraction > 0) | (reference.radius > 0))
        past = stand_in & np.where(got > 0, reference.whole >= scaled, at_most <= scaled)
        lo, hi = np.where(past, 0.0, lo), np.where(past, 0.0, hi)
        nan, far = np.isnan(got), ~np.isfinite(near) & ~past
        unknown = ~np.isfinite(reference.radius)
        lo = np.where(nan, np.inf, np.where(unknown, 0.0, np.where(far, np.finfo(np.float64).max, lo)))
        hi = np.where(nan | unknown | far, np.inf, hi)
    return Enclosure(lo, hi)


def decide(error: Enclosure, allowed: Enclosure, in_scope: NDArray[np.bool_], strict: bool = False) -> NDArray[np.int8]:
    """Outcome values, shaped like the error; `strict` asks for an error below what is allowed, not at most that."""
    within = error.hi < allowed.lo if strict else error.hi <= allowed.lo
    exceeds = error.lo >= allowed.hi if strict else error.lo > allowed.hi
    outcome = np.where(within, Outcome.WITHIN.value, np.where(exceeds, Outcome.EXCEEDS.value, Outcome.UNDECIDED.value))
    return np.where(in_scope, outcome, Outcome.OUT_OF_SCOPE.value).astype(np.int8)
