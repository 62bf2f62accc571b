"""Double-double arithmetic on arrays: sums of exponentials and their logarithm to about 2^-70, in plain binary64.

A number is an unevaluated sum of two binary64 numbers. Building blocks and their errors: Joldes, Muller and Popescu,
ACM Trans. Math. Softw. 44 (2017), 15res, Algorithms 1 to 3 (2Sum, Fast2Sum, products), and Dekker's splitting where
there is no fused multiply-add. Nothing is taken from a mathematical library: exp and log are built here, from tables
that Arb rounds and from short polynomials. Only + - * /, table look-ups and the bits of exponents touch the entries of
a row.

exp of a difference t = h + l <= 0, |h| <= `DEEPEST`. With L = (ln 2) / 1024, L = L1 + L2, where L1 has 32 bits:

- k = rint(h / L), |k| < 2^20, so that k L1 is exact; and h - k L1 is exact, for h and k L1 are within a factor two of
  each other (Sterbenz; for |k| = 1 because L1 is below L by more than the rounding of h / L). |h - k L1| < 2^-11.5.
- r = (h - k L1) + e, e = l - k L2, |e| < 2^-22, which errs by 2^-74.5. Then exp(r) = 1 + r + q(r), q the Taylor
  polynomial of degree 5 without its first terms, |q| < 2^-24: 2^-78.5 by truncation, 2^-75 by rounding.
- 2^(j / 1024), j = k mod 1024, is T + T2: T has 26 bits, T2 errs by 2^-79. h - k L1 is split into a part of 27 bits,
  on the grid 2^-38, whose product b with T is exact, and a rest below 2^-39.
- exp(t) = 2^(k div 1024) (T + b + c), c the sum of all small parts, |c| < 2^-20: in all an error below 2^-71 relative.

The sum over a row takes T + b + c apart on two grids, which depend on the largest term of the row only: the sums of the
parts on a grid are exact in binary64 for `CHUNK` terms, in any order, so that the result is the same to the last bit
whoever adds (the idea of Rump, Ogita and Oishi, SIAM J. Sci. Comput. 31 (2008), and of Demmel and Nguyen, IEEE Trans.
Comput. 64 (2015)). What is dropped below the second grid is 2^-82 of the largest term, for each term.

log(1 + s) = k ln 2 - log c + log(1 + r), 1 + r = c (1 + s) / 2^k with c from a table of numbers of 13 bits, so that
|r| < 2^-9.9 is exact but for its last bits; log(1 + r) = r - r^2 / 2 + r^3 P(r). The entry for 1 + s < 1 + 2^-10 is
c = 1, and there r = s: the result is accurate relative to itself also where it vanishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..balls import BallOperations, balls, end_points, working_precision

__all__ = [
    "CHUNK",
    "DEEPEST",
    "EXPONENTIAL",
    "LOGARITHM",
    "RELIABLE",
    "TIMES",
    "Buffers",
    "Doubled",
    "Sums",
    "Tables",
    "Terms",
    "add_one",
    "growth",
    "growth_degree",
    "log1p",
    "merged",
    "product",
    "quotient",
    "row_sums",
    "side_by_side",
    "sum_relative",
    "terms",
    "terms_times",
    "two_sum",
]

Array = NDArray[np.float64]

STEPS = 1024  # entries of either table
CHUNK = 4096  # terms whose parts on a grid add without rounding
DEEPEST = 665.0  # terms that are smaller than exp(-DEEPEST) times the largest count as zero
RELIABLE = 500.0
NOWHERE = 1000.0  # where what is deeper is put
LAST_STEP = -960.0 * STEPS  # the last k whose terms do not count as zero, exp(-DEEPEST) being 2^-959.4
WHOLE = 1.5 * 2.0**52 + 1023 * STEPS  # adding it rounds k to an integer, to even; the lowest bits of the sum are k mod
# 1024, and above them the 11 bits of the exponent of 2^(k div 1024) as binary64 has it
EXPONENTIAL = 2.0**-71  # relative error of one term
LOGARITHM = 2.0**-70  # relative error of `log1p`, besides what its argument's makes
TIMES = 2.0**-72  # relative error of a term times a number of two parts, besides the term's and the number's own
ONE = 1023 << 52  # the bits of 1.0
FRACTION = (1 << 52) - 1
FIRST_BITS = -1 << 27  # a mask for the first 26 bits of a number
FIRST_40_BITS = -1 << 13
_DROPPED = 2.0**-81  # of the largest term, for each term of a row

GRID = -40  # binary exponents of the two grids, from that of the largest term
FINER = -81
SHORT = 3.0 * 2.0**13  # adding and subtracting it rounds to the grid 2^-38
SPLIT = 134217729.0  # 2^27 + 1


@dataclass(frozen=True, slots=True)
class Doubled:
    """high + low, arrays of one shape; high is the sum rounded to nearest."""

    high: Array
    low: Array

    @property
    def turned(self) -> Doubled:
        """Columns for rows."""
        return Doubled(self.high.T, self.low.T)


def two_sum(a: Any, b: Any) -> Doubled:
    """a + b without error (Knuth's 2Sum), if it does not overflow."""
    s = a + b
    v = s - a
    error = s - v
    error = np.subtract(a, error, out=error) if isinstance(error, np.ndarray) else a - error
    error += b - v
    return Doubled(s, error)


def _fast_two_sum(a: Array, b: Array) -> Doubled:
    """a + b without error where |a| >= |b| or a = 0 (Dekker)."""
    s = a + b
    return Doubled(s, b - (s - a))


def _halves(a: Array) -> tuple[Array, Array]:
    c = a * SPLIT
    high = c - (c - a)
    return high, a - high


def product(a: Array, b: Array) -> Doubled:
    """a b without error where neither a b nor its halves leave the normal numbers (Dekker)."""
    p = a * b
    a1, a2 = _halves(a)
    b1, b2 = _halves(b)
    error = a1 * b1
    error -= p
    error += a1 * b2
    error += a2 * b1
    error += a2 * b2
    return Doubled(p, error)


@dataclass(frozen=True, slots=True)
class Tables:
    """The reduction constants, 2^(j / 1024), powers of two, and log's reciprocals c with -log c."""

    per_step: float
    step_high: float
    step_low: float
    power: Array
    power_low: Array
    reciprocal: Array
    minus_log: Array
    minus_log_low: Array
    ln2: float
    ln2_low: float


def _nearest(ball: Any) -> Fraction:
    (man, exp), _ = end_points(ball)
    return man * Fraction(2) ** exp


def _rounded(value: Fraction, bits: int) -> float:
    """`value` to the grid 2^-bits, downward."""
    return float(Fraction(int(value * 2**bits // 1), 2**bits))


@cache
def tables() -> Tables:
    """Rounded from balls of 200 bits, whose radii are far below what is rounded."""
    with working_precision(200):
        o = BallOperations()
        (ln2,) = o.log(balls(np.array([2.0])))
        powers = [_nearest(p) for p in o.exp(balls(np.arange(STEPS) / STEPS) * ln2)]
        reciprocals = [Fraction(1)]
        for j in range(1, STEPS):
            middle = 1 + Fraction(2 * j + 1, 2 * STEPS)
            reciprocals.append(Fraction(round(2**13 / middle), 2**13))
        logs = [-_nearest(v) for v in o.log(balls(np.array([float(c) for c in reciprocals])))]
        exact_ln2 = _nearest(ln2)
    step = exact_ln2 / STEPS
    step_high = _rounded(step, 42)
    heads = [_rounded(p, 25) for p in powers]
    return Tables(
        per_step=float(1 / step),
        step_high=step_high,
        step_low=float(step - Fraction(step_high)),
        power=np.array(heads),
        power_low=np.array([float(p - Fraction(head)) for p, head in zip(powers, heads, strict=True)]),
        reciprocal=np.array([float(c) for c in reciprocals]),
        minus_log=np.array([float(v) for v in logs]),
        minus_log_low=np.array([float(v - Fraction(float(v))) for v in logs]),
        ln2=_rounded(exact_ln2, 43),
        ln2_low=float(exact_ln2 - Fraction(_rounded(exact_ln2, 43))),
    )


class Buffers:
    """Arrays of one shape that are used again and again: memory traffic is what plain NumPy is slow at."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._made: dict[str, NDArray[Any]] = {}

    def of(self, shape: tuple[int, ...]) -> Buffers:
        if shape != self._shape:
            self._shape, self._made = shape, {}
        return self

    def __getitem__(self, name: str) -> Array:
        if name not in self._made:
            self._made[name] = np.empty(self._shape)
        return self._made[name]

    def integers(self, name: str) -> NDArray[np.int64]:
        if name not in self._made:
            self._made[name] = np.empty(self._shape, dtype=np.int64)
        return self._made[name]


@dataclass(frozen=True, slots=True)
class Terms:
    """exp(x - a) = head + middle + tail for each entry, `whole` the same to binary64; 0 for what lies deeper than
    `DEEPEST`. high + low is x - a, or far below -DEEPEST where x - a is."""

    high: Array
    low: Array
    head: Array
    middle: Array
    tail: Array
    whole: Array


@dataclass(frozen=True, slots=True)
class Sums:
    """Of each row: its maximum, how far below it the second largest entry is (<= 0), the sum of exp(x_i - maximum) over
    all entries but the maximum, and `moment`, the sum of exp(x_i - maximum) |x_i - maximum|.

    All keep the axis of the entries. Where `reliable` says so the sum errs by less than `sum_relative`, and the moment
    by 2^-50 for each entry, but for what both lack of terms below `DEEPEST`.
    """

    maximum: Array
    second: Array
    rest: Doubled
    moment: Array

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """Where terms below `DEEPEST` are nothing beside the sum."""
        return np.asarray(self.second > -RELIABLE)

    @property
    def turned(self) -> Sums:
        """Columns for rows."""
        return Sums(self.maximum.T, self.second.T, self.rest.turned, self.moment.T)

    def __getitem__(self, place: Any) -> Sums:
        rest = Doubled(self.rest.high[place], self.rest.low[place])
        return Sums(self.maximum[place], self.second[place], rest, self.moment[place])


def sum_relative(length: int) -> float:
    """The relative error of the sum of a row of that many entries."""
    levels, largest = 1, CHUNK
    while largest < length:
        levels, largest = levels + 1, largest * CHUNK
    return levels * (EXPONENTIAL + min(length, CHUNK) * _DROPPED + TIMES)


def terms(x: Array, maximum: Array, buffers: Buffers) -> Terms:
    """exp(x - maximum) for each entry; arrays in the buffers. x <= maximum, both finite and below 2^1002 in size."""
    t, b = tables(), buffers.of(x.shape)
    h, low, v, w = b["h"], b["l"], b["v"], b["w"]
    np.subtract(x, maximum, out=h)
    np.subtract(h, x, out=v)
    np.subtract(h, v, out=low)
    np.subtract(x, low, out=low)
    np.add(v, maximum, out=v)
    np.subtract(low, v, out=low)
    deep = h.min() < -DEEPEST
    if deep:
        np.maximum(h, -NOWHERE, out=h)
        np.clip(low, -(2.0**-43), 2.0**-43, out=low)
    k, r = b["k"], b["r"]
    np.multiply(h, t.per_step, out=k)
    np.add(k, WHOLE, out=k)
    scale, bits, step = k, k.view(np.int64), b.integers("step")
    np.bitwise_and(bits, STEPS - 1, out=step)
    np.subtract(k, WHOLE, out=w)
    np.multiply(w, t.step_high, out=r)
    np.subtract(h, r, out=r)
    e = b["e"]
    np.multiply(w, t.step_low, out=e)
    np.subtract(low, e, out=e)
    np.right_shift(bits, 10, out=bits)
    np.left_shift(bits, 52, out=bits)
    np.add(r, e, out=v)  # the reduced argument, rounded
    q = b["q"]
    np.multiply(v, 1 / 120, out=q)
    for c in (1 / 24, 1 / 6, 0.5):
        np.add(q, c, out=q)
        np.multiply(q, v, out=q)
    np.multiply(q, v, out=q)
    np.add(e, q, out=e)
    np.add(v, q, out=v)  # exp(r) - 1, rounded
    np.add(r, SHORT, out=q)
    np.subtract(q, SHORT, out=q)
    np.subtract(r, q, out=r)
    np.add(e, r, out=e)
    if deep:
        scale[w < LAST_STEP] = 0.0
    np.take(t.power, step, out=w, mode="clip")
    np.take(t.power_low, step, out=r, mode="clip")
    np.multiply(w, scale, out=w)
    np.multiply(r, scale, out=r)
    np.multiply(v, r, out=v)
    np.multiply(e, w, out=e)
    np.add(e, v, out=e)
    np.add(e, r, out=e)
    np.multiply(q, w, out=q)
    np.add(q, e, out=v)
    np.add(v, w, out=v)
    return Terms(h, low, w, q, e, v)


def row_sums(x: Array, axis: int, buffers: Buffers) -> tuple[Sums, Terms]:
    """The sums of rows along an axis of at most `CHUNK` entries, and their terms, which live in the buffers.

    x has at least two entries along the axis, finite and below 2^1002 in size.
    """
    maximum = x.max(axis=axis, keepdims=True)
    made, b = terms(x, maximum, buffers), buffers
    high, head, whole = (array.reshape(-1) for array in (made.high, made.head, made.whole))
    place = _firsts(np.flatnonzero(high == 0), x.shape, axis)
    high[place] = -NOWHERE
    second = made.high.max(axis=axis, keepdims=True)
    high[place] = head[place] = whole[place] = 0.0
    exponent = (np.maximum(second, -DEEPEST) * tables().per_step + WHOLE).view(np.int64) >> 10  # of the largest term
    coarse = 1.5 * ((exponent + (52 + GRID)) << 52).view(np.float64)
    fine = coarse * 2.0 ** (FINER - GRID)
    on_grid, left = b["v2"], b["l2"]
    moment = -np.einsum("ij,ij->j" if axis == 0 else "ij,ij->i", made.whole, made.high).reshape(maximum.shape)
    np.add(made.whole, coarse, out=on_grid)
    np.subtract(on_grid, coarse, out=on_grid)
    np.subtract(made.head, on_grid, out=left)
    np.add(left, made.middle, out=left)
    np.add(left, made.tail, out=left)
    total = on_grid.sum(axis=axis, keepdims=True)
    np.add(left, fine, out=left)
    np.subtract(left, fine, out=left)
    rest = two_sum(total, left.sum(axis=axis, keepdims=True))
    head[place] = whole[place] = 1.0
    return Sums(maximum, second, rest, moment), made


def _firsts(places: NDArray[np.int64], shape: tuple[int, ...], axis: int) -> NDArray[np.int64]:
    """Of places in a flat array of the shape, ascending, at least one of each row, the first of each row."""
    if len(places) == shape[1 - axis]:
        return places
    rows = places % shape[1] if axis == 0 else places // shape[1]
    first = np.empty(shape[1 - axis], dtype=np.int64)
    first[rows[::-1]] = places[::-1]  # the last that is put in a place stays there
    return first


def merged(parts: Sums) -> Sums:
    """The sums of rows from those of their parts, (rows, parts), as (rows, 1).

    The maximum a of a part is an entry of weight exp(a - maximum) again, and the part's sum is (1 + rest) of it; that
    of the part with the maximum is its rest. A product errs by `TIMES`, each of the additions, a tree over the parts,
    by 2^-103 relative (Joldes, Muller and Popescu, Theorem 3.1): below 2^-96 for `CHUNK` parts.
    """
    count = parts.maximum.shape[1]
    if count == 1:
        return parts
    if count > CHUNK:
        starts = range(0, count, CHUNK)
        level = [merged(parts[:, start : start + CHUNK]) for start in starts]
        return merged(side_by_side(level))
    maximum = parts.maximum.max(axis=1, keepdims=True)
    weights = terms(parts.maximum, maximum, Buffers())
    place = parts.maximum.argmax(axis=1, keepdims=True)
    weight, part = weights.whole.copy(), add_one(parts.rest)
    made = terms_times(weights, part)
    for ours, theirs in ((made.high, parts.rest.high), (made.low, parts.rest.low)):
        np.put_along_axis(ours, place, np.take_along_axis(theirs, place, axis=1), axis=1)
    while made.high.shape[1] > 1:
        made = _added_neighbours(made)
    depth = weights.high.copy()
    np.put_along_axis(depth, place, np.take_along_axis(parts.second, place, axis=1), axis=1)
    moment = (weight * (parts.moment - weights.high * part.high)).sum(axis=1, keepdims=True)
    return Sums(maximum, depth.max(axis=1, keepdims=True), made, moment)


def side_by_side(parts: Sequence[Sums]) -> Sums:
    """Sums of parts (rows, a), (rows, b), ... of the same rows, as (rows, a + b + ...)."""
    columns = [(s.maximum, s.second, s.rest.high, s.rest.low, s.moment) for s in parts]
    maximum, second, high, low, moment = (np.concatenate(c, axis=1) for c in zip(*columns, strict=True))
    return Sums(maximum, second, Doubled(high, low), moment)


def _added_neighbours(a: Doubled) -> Doubled:
    """Half as many columns, each the sum of two; numbers that are not negative."""
    if a.high.shape[1] % 2:
        zero = np.zeros_like(a.high[:, :1])
        a = Doubled(np.concatenate([a.high, zero], axis=1), np.concatenate([a.low, zero], axis=1))
    s, t = (two_sum(v[:, ::2], v[:, 1::2]) for v in (a.high, a.low))
    v = _fast_two_sum(s.high, s.low + t.high)
    return _fast_two_sum(v.high, t.low + v.low)


def add_one(a: Doubled) -> Doubled:
    """1 + a for a >= 0."""
    s = two_sum(1.0, a.high)
    return _fast_two_sum(s.high, s.low + a.low)


def terms_times(made: Terms, by: Doubled) -> Doubled:
    """The terms times numbers of two parts, one for each or one for each row, to `TIMES`; the arrays of the terms, but
    for `high`, are used up.

    A term is `whole` and a low part: whole is head and fl(middle + tail), so that head - whole is exact (Dekker) and
    next to -(middle + tail); what is left after adding middle is no larger than tail, below 2^-20, and rounded: 2^-73.
    The number is a, of 26 bits, and a rest below 2^-25.9 |a|, rounded. Of whole the first 26 bits times a are exact,
    and so are the others, below 2^-25 of it, times a. All but the first of these products is below 2^-24.3 of it, and
    its roundings are 2^-76.
    """
    a, rest = _halves(by.high)
    rest += by.low
    whole, low, first, second = made.whole, made.head, made.middle, made.tail
    np.subtract(low, whole, out=low)
    low += first
    low += second
    np.bitwise_and(whole.view(np.int64), FIRST_BITS, out=first.view(np.int64))
    np.subtract(whole, first, out=second)
    low *= by.high
    second *= a
    low += second
    whole *= rest
    low += whole
    first *= a
    np.add(first, low, out=whole)
    np.subtract(whole, first, out=first)
    low -= first
    return Doubled(whole, low)


def quotient(a: Doubled, b: Doubled) -> Doubled:
    """a / b for b > 0, to 2^-102 relative (Joldes, Muller and Popescu, Algorithm 17 and Theorem 7.1)."""
    first = a.high / b.high
    p = product(first, b.high)
    error = ((a.high - p.high) - p.low) + (a.low - first * b.low)
    return _fast_two_sum(first, error / b.high)


def growth_degree(u: float) -> int:
    """Taylor's series of exp(t) - 1 for t <= 1000 u, relative to t, is cut after so many terms: 2^-42 is left."""
    degree, term = 1, 500 * u
    while term > 2.0**-43:
        degree += 1
        term *= 1000 * u / (degree + 1)
    return degree


def growth(distance: Array, u: float) -> Array:
    """exp(u |d|) - 1 to 2^-41 relative for |d| <= 1000 and u <= 2^-8."""
    t = distance * u
    np.abs(t, out=t)
    if growth_degree(u) == 1:
        return t
    total = np.ones_like(t)
    for k in range(growth_degree(u), 1, -1):
        total *= t / k
        total += 1.0
    total *= t
    return total


def log1p(s: Doubled, whole: Doubled) -> Doubled:
    """log(1 + s) for 2^-750 <= s < 2^60, to a relative error `LOGARITHM`; whole is `add_one` of s."""
    t = tables()
    bits = np.asarray(whole.high).view(np.int64)
    place = (bits >> 42) & (STEPS - 1)
    power = bits >> 52
    high = ((bits & FRACTION) | ONE).view(np.float64)  # in [1, 2)
    low = whole.low * ((2 * 1023 - power) << 52).view(np.float64)
    exponent = power - 1023.0
    c = t.reciprocal.take(place)
    first = (high.view(np.int64) & FIRST_40_BITS).view(np.float64)
    r = two_sum(c * first - 1, c * (high - first) + c * low)
    near = (exponent == 0) & (place == 0)
    r_high, r_low = np.where(near, s.high, r.high), np.where(near, s.low, r.low)
    first = (r_high.view(np.int64) & FIRST_BITS).view(np.float64)
    square, others = first * first, (r_high + first) * (r_high - first)
    p = 1 / 3 - r_high * (1 / 4 - r_high * (1 / 5 - r_high * (1 / 6 - r_high * (1 / 7 - r_high * (1 / 8)))))
    small = r_low - others / 2 - r_high * r_low + ((square + others) * r_high) * p
    inner = two_sum(r_high, -square / 2)
    table = two_sum(exponent * t.ln2, t.minus_log.take(place))
    outer = two_sum(table.high, inner.high)
    rest = outer.low + (inner.low + small) + (table.low + (exponent * t.ln2_low + t.minus_log_low.take(place)))
    return _fast_two_sum(outer.high, rest)
