"""Intervals with binary64 ends, in arrays: the fast reading of an algorithm as enclosures.

Only + - * / and scaling by powers of two are taken from the hardware, each of which IEEE 754 rounds correctly; ends
are moved outward by one unit where the operation was not exact. exp and log are built here from those, with the
relative error `ELEMENTARY` argued below, so that no enclosure leans on a mathematical library. An end that would be NaN
(inf - inf, 0 * inf) becomes infinite: the interval is wide, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Model, Operations, merge_neighbours

__all__ = [
    "ELEMENTARY",
    "Interval",
    "IntervalOperations",
    "exp_near",
    "expm1_near",
    "log1p_near",
    "log_near",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# exp: the reduced argument r = t - k ln 2 is off by at most 3 * 2^-54, the Taylor polynomial of degree 13 on
# |r| <= 0.347 by 5e-18, its Horner scheme by 26 u e^0.35; together below 2^-47. log: z = (m-1)/(m+1) and the odd
# series to z^21 are off by at most 30 u relative, k ln 2 by 2 u, and their sum loses at most a factor 3: below 2^-46.
ELEMENTARY = 2.0**-46

_LN2_HEAD = float.fromhex("0x1.62e42fee00000p-1")  # 32 bits: k * head is exact for |k| < 2^20
_LN2_TAIL = float.fromhex("0x1.a39ef35793c76p-33")
_TINY = 2.0**-60
_EXP_MOST = 709.78  # exp of it is finite, also when moved outward
_LARGEST = float(np.finfo(np.float64).max)


def _down(a: Array) -> Array:
    return np.asarray(np.nextafter(a, -np.inf))


def _up(a: Array) -> Array:
    return np.asarray(np.nextafter(a, np.inf))


def _sound(lo: Array, hi: Array) -> Interval:
    """The interval, with NaN ends replaced by infinite ones."""
    return Interval(np.where(np.isnan(lo), -np.inf, lo), np.where(np.isnan(hi), np.inf, hi))


def _exactly(a: Array, b: Array, s: Array) -> Mask:
    """Whether s = fl(a + b) is a + b: s minus the larger of the two is exact (Dekker), and must give the other."""
    return np.asarray((s - a == b) & (s - b == a))


def _sum_down(a: Array, b: Array) -> Array:
    s = a + b
    return np.where(_exactly(a, b, s), s, _down(s))


def _sum_up(a: Array, b: Array) -> Array:
    s = a + b
    return np.where(_exactly(a, b, s), s, _up(s))


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """An array of intervals [lo, hi]; arithmetic encloses."""

    lo: Array
    hi: Array

    @classmethod
    def point(cls, a: Any) -> Interval:
        a = np.asarray(a, dtype=np.float64)
        return cls(a, a)

    def __add__(self, other: Interval) -> Interval:
        return _sound(_sum_down(self.lo, other.lo), _sum_up(self.hi, other.hi))

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo)

    def __sub__(self, other: Interval) -> Interval:
        return self + (-other)

    def __abs__(self) -> Interval:
        return Interval(np.maximum(0.0, np.maximum(self.lo, -self.hi)), np.maximum(-self.lo, self.hi))

    def _extremes(self, other: Interval, op: Callable[[Array, Array], Array]) -> Interval:
        ends = [op(a, b) for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        lo = np.minimum(np.minimum(ends[0], ends[1]), np.minimum(ends[2], ends[3]))
        hi = np.maximum(np.maximum(ends[0], ends[1]), np.maximum(ends[2], ends[3]))
        return _sound(_down(lo), _up(hi))

    def _is_zero(self) -> Mask:
        return np.asarray((self.lo == 0) & (self.hi == 0))

    def __mul__(self, other: Interval) -> Interval:
        product = self._extremes(other, np.multiply)
        zero = self._is_zero() | other._is_zero()
        return Interval(np.where(zero, 0.0, product.lo), np.where(zero, 0.0, product.hi))

    def __truediv__(self, other: Interval) -> Interval:
        quotient = self._extremes(other, np.divide)
        unsafe = (other.lo <= 0) & (other.hi >= 0)
        kept = (self._is_zero() & ~unsafe) | ((other.lo == 1) & (other.hi == 1))  # 0 / b and a / 1 are exact
        lo = np.where(unsafe, -np.inf, np.where(kept, self.lo, quotient.lo))
        return Interval(lo, np.where(unsafe, np.inf, np.where(kept, self.hi, quotient.hi)))

    def scaled(self, exponent: NDArray[np.int64]) -> Interval:
        """self * 2^exponent; an end that leaves the normal range moves outward."""
        lo, hi = _scale(self.lo, exponent), _scale(self.hi, exponent)
        small_lo, small_hi = np.abs(lo) < 2.0**-1000, np.abs(hi) < 2.0**-1000
        return Interval(
            np.where(small_lo & (self.lo != 0), _down(lo), np.where(np.isposinf(lo), _LARGEST, lo)),
            np.where(small_hi & (self.hi != 0), _up(hi), np.where(np.isneginf(hi), -_LARGEST, hi)),
        )


def _scale(a: Array, exponent: NDArray[np.int64]) -> Array:
    """a * 2^exponent; off by less than one unit, and only where the result is subnormal."""
    return np.asarray(np.ldexp(a, np.clip(exponent, -4400, 4400).astype(np.int32)), dtype=np.float64)


def _horner(coefficients: list[float], x: Array) -> Array:
    total = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


_EXP_SERIES = [1.0]
for _k in range(1, 14):
    _EXP_SERIES.append(_EXP_SERIES[-1] / _k)
_ATANH_SERIES = [2.0 / (2 * _j + 1) for _j in range(11)]


def exp_near(t: Array) -> Array:
    """exp(t) to a relative error below `ELEMENTARY` for |t| <= 745, before a last rounding if subnormal."""
    k = np.rint(t * 1.4426950408889634)
    r = (t - k * _LN2_HEAD) - k * _LN2_TAIL
    return np.asarray(np.ldexp(_horner(_EXP_SERIES, r), k.astype(np.int32)), dtype=np.float64)


def _exp_lo(t: Array) -> Array:
    near = exp_near(np.clip(t, -745.0, _EXP_MOST))
    lo = np.maximum(_down(near * (1 - ELEMENTARY)), 0.0)
    return np.where(t < -745.0, 0.0, np.where(t == 0, 1.0, lo))


def _exp_hi(t: Array) -> Array:
    near = exp_near(np.clip(t, -745.0, _EXP_MOST))
    hi = _up(near * (1 + ELEMENTARY))
    hi = np.where(t > _EXP_MOST, np.inf, np.where(t == 0, 1.0, hi))
    return np.where(np.isneginf(t), 0.0, hi)


def log_near(s: Array) -> Array:
    """log(s) for 0 < s < inf, relative error below `ELEMENTARY`."""
    d, k = _reduced(s)
    return _log_reduced(d, k)


def _reduced(s: Array) -> tuple[Array, NDArray[np.int64]]:
    """s = (1 + d) 2^k with 1 + d from sqrt(1/2) on, below sqrt(2)."""
    m, k = np.frexp(s)
    low = m < 0.7071067811865476
    return np.where(low, 2 * m, m) - 1, k - low


def _log_reduced(d: Array, k: NDArray[np.int64]) -> Array:
    """log((1 + d) 2^k), where 2 atanh(d / (2 + d)) = log(1 + d)."""
    z = d / (2 + d)
    return k * 0.6931471805599453 + z * _horner(_ATANH_SERIES, z * z)


def _outward(near: Array, sign: float) -> Array:
    """An end on the side of `sign` for a value known to a relative error `ELEMENTARY`; exact zeros stay."""
    moved = near + sign * np.abs(near) * (2 * ELEMENTARY)
    return np.where(near == 0, 0.0, _up(moved) if sign > 0 else _down(moved))


def _monotone(near: Callable[[Array], Array], a: Interval) -> Interval:
    return _sound(_outward(near(a.lo), -1.0), _outward(near(a.hi), 1.0))


def _log_end(s: Array) -> Array:
    inside = np.where((s > 0) & np.isfinite(s), s, 1.0)
    out = log_near(inside)
    return np.where(s <= 0, -np.inf, np.where(np.isposinf(s), np.inf, out))


def log1p_near(s: Array) -> Array:
    """log(1 + s) for s > -1, relative error below `ELEMENTARY`; 1 + s is not rounded where it is near 1, and k is 0."""
    whole = 1.0 + s
    d, k = _reduced(np.where((whole > 0) & np.isfinite(whole), whole, 1.0))
    out = _log_reduced(np.where(np.abs(s) < 0.29, s, d), k)
    return np.where(whole <= 0, -np.inf, np.where(np.isposinf(whole), np.inf, out))


def expm1_near(e: Array) -> Array:
    """exp(e) - 1 for e >= 0, to a relative error below 2^-38."""
    small = np.where(e < 0.01, e, 0.0)
    series = small * _horner(_EXP_SERIES_SHIFTED, small)
    return np.where(e < 0.01, series, exp_near(np.clip(e, 0.0, _EXP_MOST)) - 1.0)


_EXP_SERIES_SHIFTED = _EXP_SERIES[1:]


class IntervalOperations:
    """`Enclosures` for binary64 intervals: shape (rows, n) in, constants of shape ()."""

    def constant(self, value: Fraction) -> Interval:
        if value > _LARGEST:
            return Interval(np.asarray(_LARGEST), np.asarray(np.inf))
        near = np.asarray(float(value))
        if Fraction(float(near)) == value:
            return Interval.point(near)
        return Interval(_down(near), _up(near))

    def max(self, x: Interval) -> Interval:
        return Interval(x.lo.max(axis=-1, keepdims=True), x.hi.max(axis=-1, keepdims=True))

    def drop_max(self, x: Interval) -> Interval:
        rows, n = x.lo.shape
        keep = np.ones((rows, n), dtype=bool)
        keep[np.arange(rows), x.hi.argmax(axis=-1)] = False
        return Interval(x.lo[keep].reshape(rows, n - 1), x.hi[keep].reshape(rows, n - 1))

    def first(self, x: Interval) -> Interval:
        return self.columns(x, slice(0, 1))

    def columns(self, x: Interval, part: slice) -> Interval:
        return Interval(x.lo[..., part], x.hi[..., part])

    def join(self, a: Interval, b: Interval) -> Interval:
        return Interval(np.concatenate([a.lo, b.lo], axis=-1), np.concatenate([a.hi, b.hi], axis=-1))

    def spread(self, a: Interval, like: Interval) -> Interval:
        return Interval(np.broadcast_to(a.lo, like.lo.shape), np.broadcast_to(a.hi, like.lo.shape))

    def length(self, x: Interval) -> int:
        return int(x.lo.shape[-1])

    def rises(self, x: Interval) -> Interval:
        """Between the rises that are certain and those that are possible."""
        return Interval(_rises(x.lo, x.hi), _rises(x.hi, x.lo))

    def maximum(self, a: Interval, b: Interval) -> Interval:
        return Interval(np.maximum(a.lo, b.lo), np.maximum(a.hi, b.hi))

    def minimum(self, a: Interval, b: Interval) -> Interval:
        return Interval(np.minimum(a.lo, b.lo), np.minimum(a.hi, b.hi))

    def add(self, a: Interval, b: Interval) -> Interval:
        return a + b

    def sub(self, a: Interval, b: Interval) -> Interval:
        return a - b

    def mul(self, a: Interval, b: Interval) -> Interval:
        return a * b

    def div(self, a: Interval, b: Interval) -> Interval:
        return a / b

    def one(self, like: Interval) -> Interval:
        return Interval.point(np.ones_like(like.lo[..., :1]))

    def sum(self, x: Interval, order: str = "any") -> Interval:
        """Each end's sum, moved outward by the (n - 1) u sum |x_i| that it can be off by."""
        n = x.lo.shape[-1]
        if n == 1:
            return x
        slack = 2.0**-52 * n
        lo, hi = x.lo.sum(axis=-1, keepdims=True), x.hi.sum(axis=-1, keepdims=True)
        lo = lo - slack * np.abs(x.lo).sum(axis=-1, keepdims=True)
        hi = hi + slack * np.abs(x.hi).sum(axis=-1, keepdims=True)
        empty = n == 0
        return _sound(lo if empty else _down(lo), hi if empty else _up(hi))

    def exp(self, a: Interval) -> Interval:
        return _sound(_exp_lo(a.lo), _exp_hi(a.hi))

    def log(self, a: Interval) -> Interval:
        return _monotone(_log_end, a)

    def log1p(self, a: Interval) -> Interval:
        result = _monotone(log1p_near, a)  # where |s| is tiny: s - s^2 < log(1 + s) <= s
        lo = np.where(np.abs(a.lo) < _TINY, np.where(a.lo == 0, 0.0, _down(a.lo)), result.lo)
        return Interval(lo, np.where(np.abs(a.hi) < _TINY, a.hi, result.hi))

    def exp_change(self, a: Interval, e: Interval) -> Interval:
        lo, hi = expm1_near(e.lo), expm1_near(e.hi)
        growth = Interval(lo * (1 - 2.0**-38), np.where(e.hi > _EXP_MOST, np.inf, _up(hi * (1 + 2.0**-38))))
        growth = Interval(np.where(e.lo == 0, 0.0, _down(growth.lo)), np.where(e.hi == 0, 0.0, growth.hi))
        change = self.exp(a) * growth
        # Where exp underflows and the growth has no bound, exp(a + e) still has one.
        return Interval(np.maximum(change.lo, 0.0), np.minimum(change.hi, _exp_hi((a + e).hi)))

    def log_change(self, a: Interval, e: Interval) -> Interval:
        ratio = e / a
        lo, hi = (_outward(-log1p_near(-np.minimum(t, 1.0)), s) for t, s in ((ratio.lo, -1.0), (ratio.hi, 1.0)))
        # Where t is tiny: t <= -log(1 - t) < t + t^2.
        lo = np.where(np.abs(ratio.lo) < _TINY, ratio.lo, lo)
        hi = np.where(np.abs(ratio.hi) < _TINY, np.where(ratio.hi == 0, 0.0, _up(ratio.hi)), hi)
        return _sound(np.maximum(lo, 0.0), np.where(ratio.hi >= 1, np.inf, hi))

    def ulp(self, a: Interval, model: Model) -> Interval:
        size = abs(a)
        return Interval(_ulp_of(size.lo, model), _ulp_of(size.hi, model))

    def widened(self, a: Interval, e: Interval) -> Interval:
        return Interval((a - e).lo, (a + e).hi)

    def certainly_less(self, a: Interval, b: Interval) -> Mask:
        return np.asarray(a.hi < b.lo)

    def certainly_at_most(self, a: Interval, b: Interval) -> Mask:
        return np.asarray(a.hi <= b.lo)

    def is_exactly(self, a: Interval, value: int) -> Mask:
        return np.asarray((a.lo == value) & (a.hi == value))

    def select(self, mask: Any, a: Interval, b: Interval) -> Interval:
        return Interval(np.where(mask, a.lo, b.lo), np.where(mask, a.hi, b.hi))

    def fold(self, x: Interval, start: Any, step: Any, invariant: Any) -> tuple[Interval, ...]:
        state: tuple[Interval, ...] = start(self.first(x))
        for j in range(1, self.length(x)):
            state = step(*state, self.columns(x, slice(j, j + 1)))
        return state

    def tree(self, x: Interval, leaf: Any, merge: Any, invariant: Any) -> tuple[Interval, ...]:
        leaves = [self.spread(v, x) for v in leaf(x)]
        return merge_neighbours(leaves, self.length(x), merge, self.columns, self.join)

    def nonexpansive(self, body: Callable[[Operations[Any], Any, Any], Any], a: Interval, b: Interval) -> Interval:
        result: Interval = body(self, a, b)
        return result


def _rises(entry: Array, before: Array) -> Array:
    """How often an entry is above all of `before` to its left, (rows, 1)."""
    highest = np.maximum.accumulate(before, axis=-1)[..., :-1]
    return np.asarray((entry[..., 1:] > highest).sum(axis=-1, keepdims=True), dtype=np.float64)


def _ulp_of(size: Array, model: Model) -> Array:
    _, exponent = np.frexp(np.where(np.isfinite(size), size, 1.0))
    exponent = model.ulp_exponent(np.where(size == 0, model.emin, exponent - 1))
    return np.where(np.isfinite(size), np.ldexp(1.0, exponent), np.inf)
