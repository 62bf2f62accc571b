"""The sums of `doubled` compiled by Numba (extra `fast`): the same operations on each entry in the same order.

Parts on a grid are exact however they are added, so the sums are the same to the last bit, and so are their logarithms.
The moment is added in another order, within the error that `Sums` claims for it.

Work is done on pieces of `_PIECE` entries, of many short rows or of one row, whose parts stay in the nearest cache.
Loops do one kind of thing each: a compiler that sees only arithmetic, or only look-ups, uses vector instructions.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .doubled import (
    DEEPEST,
    FINER,
    FIRST_40_BITS,
    FIRST_BITS,
    FRACTION,
    GRID,
    LAST_STEP,
    NOWHERE,
    ONE,
    SHORT,
    SPLIT,
    STEPS,
    WHOLE,
    Doubled,
    Sums,
    Tables,
    growth_degree,
    tables,
)

__all__ = ["row_sums", "shares"]

Array = NDArray[np.float64]

_PIECE = 256
_SHORT = 16  # entries that are not worth halving
_LOW = 2.0**-43
_FINER = 2.0 ** (FINER - GRID)


def row_sums(x: Array, u: float) -> tuple[Sums, Array, Doubled, Doubled]:
    """As `doubled.row_sums` for C-contiguous rows (rows, n), n >= 2, of at most `CHUNK` entries, without the terms.

    Besides, of each row, the sum of exp(x_i - maximum) (exp(u |x_i - maximum|) - 1), as accurate as `growth` is, and
    what `add_one` and `log1p` say of the rest.
    """
    t = tables()
    made = np.empty((10, len(x)))
    _rows(x, made, t.per_step, t.step_high, t.step_low, _powers(t), u, growth_degree(u))
    _logarithms(made, np.concatenate([t.reciprocal, t.minus_log, t.minus_log_low]), t.ln2, t.ln2_low)
    maximum, second, high, low, moment, drift, *others = (values[:, np.newaxis] for values in made)
    whole, spread = Doubled(*others[:2]), Doubled(*others[2:])
    return Sums(maximum, second, Doubled(high, low), moment), drift, whole, spread


def shares(x: Array, maximum: Array, share: Doubled) -> tuple[Array, Doubled]:
    """Of C-contiguous rows (rows, n): x - maximum as `doubled.terms` has it, and exp(x - maximum) times the share of
    the maximum, (rows, 1), as `terms_times` makes it."""
    t = tables()
    high, first, second = made = np.empty((3, *x.shape))
    of_rows = np.concatenate([maximum, share.high, share.low], axis=1)
    _shares(x, of_rows, made.reshape(3, -1), t.per_step, t.step_high, t.step_low, _powers(t))
    return high, Doubled(first, second)


def _powers(t: Tables) -> Array:
    return np.concatenate([t.power, t.power_low])


def _compiled(**how: Any) -> Any:
    """numba.njit, whose work is kept for the next process where there is a folder to keep it in."""

    def made(function: Any) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **how)(function)
        except RuntimeError:  # no folder that can be written
            return numba.njit(nogil=True, **how)(function)

    return made


@_compiled(error_model="numpy")
def _rows(x, made, per_step, step_high, step_low, table, u, degree):  # type: ignore[no-untyped-def]
    n = x.shape[1]
    entries, halves, parts = x.reshape(-1), np.empty((2, n // 2 + 1)), np.empty((8, _PIECE))
    steps, places = np.empty(_PIECE, np.int64), np.empty(_PIECE, np.int64)
    together = max(1, _PIECE // n)
    for first in range(0, len(x), together):
        rows = min(together, len(x) - first)
        for r in range(rows):
            a, second, places[r] = _largest(x[first + r], halves)
            second = max(second - a, -NOWHERE)
            made[0, first + r] = a
            made[1, first + r] = second
            made[2:6, first + r] = 0.0
        for start in range(0, n, _PIECE):
            length = min(n - start, _PIECE)
            count = rows * length
            for r in range(rows):
                a, deepest = made[0, first + r], max(made[1, first + r], -DEEPEST)
                exponent = np.float64(deepest * per_step + WHOLE).view(np.int64) >> 10
                coarse = 1.5 * np.int64((exponent + (52 + GRID)) << 52).view(np.float64)
                for i in range(r * length, (r + 1) * length):
                    parts[0, i] = a
                    parts[7, i] = coarse
            _reduce(entries[first * n + start :], parts, steps, count, per_step, step_high, step_low)
            _look_up(table, steps, parts, count)
            _combine(parts, count)
            for r in range(rows):
                if start <= places[r] < start + length:
                    i = r * length + places[r] - start
                    parts[1, i] = parts[2, i] = parts[3, i] = 0.0
            if degree > 1:
                _grow(parts, count, u, degree)
            for r in range(rows):
                high, low, moment, drift = _added(parts, 3 if degree == 1 else 4, r * length, (r + 1) * length)
                made[2, first + r] += high
                made[3, first + r] += low
                made[4, first + r] += moment
                made[5, first + r] += u * (moment if degree == 1 else drift)


@_compiled(error_model="numpy")
def _shares(x, of_rows, made, per_step, step_high, step_low, table):  # type: ignore[no-untyped-def]
    n, entries = x.shape[1], x.reshape(-1)
    parts, steps = np.empty((9, _PIECE)), np.empty(_PIECE, np.int64)
    for start in range(0, len(entries), _PIECE):
        count = min(len(entries) - start, _PIECE)
        i = 0
        while i < count:
            r = (start + i) // n
            stop = min((r + 1) * n - start, count)
            for j in range(i, stop):
                parts[0, j], parts[7, j], parts[8, j] = of_rows[r, 0], of_rows[r, 1], of_rows[r, 2]
            i = stop
        _reduce(entries[start:], parts, steps, count, per_step, step_high, step_low)
        _look_up(table, steps, parts, count)
        _multiply(parts, made, start, count)


@_compiled(error_model="numpy")
def _multiply(parts, made, start, count):  # type: ignore[no-untyped-def]
    """With the entries of the tables (5, 6) and a share of two parts (7, 8): made is h, and exp(h) times the share."""
    for i in range(count):
        scale = parts[1, i]
        t = parts[5, i] * scale
        t2 = parts[6, i] * scale
        e = (parts[2, i] * t + parts[3, i] * t2) + t2
        b = parts[4, i] * t
        w = (b + e) + t
        w2 = ((t - w) + b) + e
        share, rest = _halves(parts[7, i])
        rest += parts[8, i]
        first = np.int64(np.float64(w).view(np.int64) & FIRST_BITS).view(np.float64)
        low = (w2 * parts[7, i] + (w - first) * share) + w * rest
        made[0, start + i] = parts[0, i]
        made[1, start + i], made[2, start + i] = _fast_two_sum(first * share, low)


@_compiled()
def _largest(row, halves):  # type: ignore[no-untyped-def]
    """The largest and the second largest entry, and the place of the first that is largest."""
    n, place = len(row), 0
    most = next_ = -np.inf
    if n <= _SHORT:
        for i in range(n):
            v = row[i]
            smaller = v if v < most else most
            next_ = smaller if smaller > next_ else next_
            place = i if v > most else place
            most = v if v > most else most
        return most, next_, place
    high, second = halves[0], halves[1]
    left = n // 2
    for i in range(left):
        v, w = row[i], row[i + left]
        high[i] = v if v > w else w
        second[i] = w if v > w else v
    if n % 2:
        high[left], second[left] = row[n - 1], -np.inf
    left = n - left
    while left > _SHORT:
        half = left // 2
        for i in range(half):
            v, w = high[i], high[i + half]
            smaller = w if v > w else v
            next_of_two = second[i] if second[i] > second[i + half] else second[i + half]
            second[i] = smaller if smaller > next_of_two else next_of_two
            high[i] = v if v > w else w
        if left % 2:
            high[half], second[half] = high[left - 1], second[left - 1]
        left = left - half
    for i in range(left):
        next_ = max(next_, min(high[i], most), second[i])
        most = max(most, high[i])
    while row[place] != most:
        place += 1
    return most, next_, place


@_compiled(error_model="numpy")
def _reduce(x, parts, steps, count, per_step, step_high, step_low):  # type: ignore[no-untyped-def]
    """From the maximum (0): x - maximum (0), the scale (1), the small part but for the table's (2), exp(r) - 1 (3), the
    short part of r (4), and the steps."""
    for i in range(count):
        v = x[i]
        a = parts[0, i]
        h = v - a
        d = h - v
        l = (v - (h - d)) - (d + a)  # noqa: E741
        h = h if h > -NOWHERE else -NOWHERE
        l = l if l > -_LOW else -_LOW  # noqa: E741
        l = l if l < _LOW else _LOW  # noqa: E741
        k = h * per_step + WHOLE
        bits = np.float64(k).view(np.int64)
        k = k - WHOLE
        r = h - k * step_high
        e = l - k * step_low
        z = r + e
        p = z * (1 / 120)
        p = (p + 1 / 24) * z
        p = (p + 1 / 6) * z
        p = ((p + 0.5) * z) * z
        b = (r + SHORT) - SHORT
        scale = np.int64((bits >> 10) << 52).view(np.float64)
        parts[0, i] = h
        parts[1, i] = scale if k >= LAST_STEP else 0.0
        parts[2, i] = (e + p) + (r - b)
        parts[3, i] = z + p
        parts[4, i] = b
        steps[i] = bits & (STEPS - 1)


@_compiled()
def _look_up(table, steps, parts, count):  # type: ignore[no-untyped-def]
    for i in range(count):
        step = np.uint64(steps[i])
        parts[5, i] = table[step]
        parts[6, i] = table[step + np.uint64(STEPS)]


@_compiled(error_model="numpy")
def _combine(parts, count):  # type: ignore[no-untyped-def]
    """With the entries of the tables (5, 6): the parts on the grids (1, 2), and exp(h) |h| (3)."""
    for i in range(count):
        scale = parts[1, i]
        t = parts[5, i] * scale
        t2 = parts[6, i] * scale
        coarse = parts[7, i]
        fine = coarse * _FINER
        e = (parts[2, i] * t + parts[3, i] * t2) + t2
        b = parts[4, i] * t
        w = (b + e) + t
        g = (w + coarse) - coarse
        f = ((t - g) + b) + e
        parts[1, i] = g
        parts[2, i] = (f + fine) - fine
        parts[3, i] = w * -parts[0, i]


@_compiled()
def _grow(parts, count, u, degree):  # type: ignore[no-untyped-def]
    """exp(h) (exp(u |h|) - 1) / u (4), from exp(h) |h| (3)."""
    for i in range(count):
        parts[4, i] = 1.0
        parts[0, i] = -parts[0, i] * u
    for k in range(degree, 1, -1):
        for i in range(count):
            parts[4, i] = parts[4, i] * (parts[0, i] / k) + 1.0
    for i in range(count):
        parts[4, i] *= parts[3, i]


@_compiled()
def _added(parts, kinds, start, stop):  # type: ignore[no-untyped-def]
    """The sums of parts 1, 2, 3 (and 4, if so many kinds are asked for) over some entries.

    The parts are used up: one half is added to the other, again and again.
    """
    while stop - start > _SHORT:
        half = (stop - start + 1) // 2
        for k in range(1, 1 + kinds):
            one, other = parts[k, start : start + half], parts[k, start + half : stop]
            for i in range(len(other)):
                one[i] += other[i]
        stop = start + half
    first = second = third = fourth = 0.0
    for i in range(start, stop):
        first += parts[1, i]
        second += parts[2, i]
        third += parts[3, i]
        fourth += parts[4, i]
    return first, second, third, fourth


@_compiled(error_model="numpy")
def _logarithms(made, table, ln2, ln2_low):  # type: ignore[no-untyped-def]
    """From two sums of parts (2, 3), or rather from what `two_sum` makes of them: 1 + rest (6, 7), its log1p (8, 9)."""
    for i in range(made.shape[1]):
        s, s2 = _two_sum(made[2, i], made[3, i])
        high, low = _two_sum(1.0, s)
        high, low = _fast_two_sum(high, low + s2)
        bits = np.float64(high).view(np.int64)
        place = np.uint64((bits >> 42) & (STEPS - 1))
        power = bits >> 52
        scaled = np.int64((bits & FRACTION) | ONE).view(np.float64)
        scaled_low = low * np.int64((2 * 1023 - power) << 52).view(np.float64)
        exponent = power - 1023.0
        c = table[place]
        first = np.int64(np.float64(scaled).view(np.int64) & FIRST_40_BITS).view(np.float64)
        r, r2 = _two_sum(c * first - 1, c * (scaled - first) + c * scaled_low)
        near = power == 1023 and place == 0
        r = s if near else r
        r2 = s2 if near else r2
        first = np.int64(np.float64(r).view(np.int64) & FIRST_BITS).view(np.float64)
        square, others = first * first, (r + first) * (r - first)
        p = 1 / 3 - r * (1 / 4 - r * (1 / 5 - r * (1 / 6 - r * (1 / 7 - r * (1 / 8)))))
        small = r2 - others / 2 - r * r2 + ((square + others) * r) * p
        inner, inner_low = _two_sum(r, -square / 2)
        known, known_low = _two_sum(exponent * ln2, table[place + np.uint64(STEPS)])
        outer, outer_low = _two_sum(known, inner)
        known_low = known_low + (exponent * ln2_low + table[place + np.uint64(2 * STEPS)])
        out, out_low = _fast_two_sum(outer, outer_low + (inner_low + small) + known_low)
        made[2, i] = s
        made[3, i] = s2
        made[6, i] = high
        made[7, i] = low
        made[8, i] = out
        made[9, i] = out_low


@_compiled()
def _two_sum(a, b):  # type: ignore[no-untyped-def]
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@_compiled()
def _fast_two_sum(a, b):  # type: ignore[no-untyped-def]
    s = a + b
    return s, b - (s - a)


@_compiled()
def _halves(a):  # type: ignore[no-untyped-def]
    c = a * SPLIT
    high = c - (c - a)
    return high, a - high
