"""The sums of `doubled` compiled by Numba (extra `fast`): the same operations on each entry in the same order.

Parts on a grid are exact however they are added, so the sums are the same to the last bit. The moment is added in
another order, within the error that `Sums` claims for it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .doubled import DEEPEST, FINER, GRID, NOWHERE, SHORT, STEPS, Sums, growth_degree, scales, tables, two_sum

__all__ = ["row_sums"]

Array = NDArray[np.float64]

_LANES = 8
_PIECE = 256  # entries at a time, whose parts stay in the nearest cache
_ROUND = 1.5 * 2.0**52  # adding and subtracting it rounds to an integer, to even
_LOW = 2.0**-43


def row_sums(x: Array, u: float) -> tuple[Sums, Array]:
    """As `doubled.row_sums` for C-contiguous rows (rows, n), n >= 2, of at most `CHUNK` entries, without the terms.

    Besides, of each row, the sum of exp(x_i - maximum) (exp(u |x_i - maximum|) - 1), as accurate as `growth` is.
    """
    t = tables()
    powers, zero = scales()
    table = np.concatenate([t.power, t.power_low, powers])
    made = np.empty((len(x), 6))
    _rows(x, made, t.per_step, t.step_high, t.step_low, table, zero + 2 * STEPS, u, growth_degree(u))
    maximum, second, high, low, moment, drift = (made[:, k : k + 1].copy() for k in range(6))
    return Sums(maximum, second, two_sum(high, low), moment), drift


def _compiled(**how: Any) -> Any:
    """numba.njit, whose work is kept for the next process where there is a folder to keep it in."""

    def made(function: Any) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **how)(function)
        except RuntimeError:  # no folder that can be written
            return numba.njit(nogil=True, **how)(function)

    return made


@_compiled()
def _largest(row, lanes):  # type: ignore[no-untyped-def]
    """The largest and the second largest entry, and the place of the first that is largest."""
    n = len(row)
    first, second = lanes[0], lanes[1]
    for j in range(_LANES):
        first[j] = -np.inf
        second[j] = -np.inf
    full = n // _LANES * _LANES
    for i in range(0, full, _LANES):
        for j in range(_LANES):
            v = row[i + j]
            smaller = v if v < first[j] else first[j]
            second[j] = smaller if smaller > second[j] else second[j]
            first[j] = v if v > first[j] else first[j]
    for i in range(full, n):
        v = row[i]
        if v > first[0]:
            second[0] = first[0]
            first[0] = v
        elif v > second[0]:
            second[0] = v
    most, next_ = first[0], second[0]
    for j in range(1, _LANES):
        if first[j] > most:
            next_ = most if most > second[j] else second[j]
            most = first[j]
        else:
            next_ = first[j] if first[j] > next_ else next_
    place = 0
    while row[place] != most:
        place += 1
    return most, next_, place


@_compiled(error_model="numpy")
def _rows(x, made, per_step, step_high, step_low, table, zero, u, degree):  # type: ignore[no-untyped-def]
    # Few arrays, as a compiler that cannot tell whether many of them overlap does not use vector instructions.
    n = x.shape[1]
    lanes, parts = np.empty((2, _LANES)), np.empty(7 * _PIECE)
    grid, left, weighted = (parts[_PIECE : 2 * _PIECE], parts[2 * _PIECE : 3 * _PIECE], parts[3 * _PIECE : 4 * _PIECE])
    for r in range(x.shape[0]):
        row = x[r]
        a, next_, place = _largest(row, lanes)
        second = max(next_ - a, -NOWHERE)
        deepest = second if second > -DEEPEST else -DEEPEST
        exponent = int(np.floor(np.rint(deepest * per_step) / STEPS))
        coarse = 1.5 * 2.0 ** (exponent + 52 + GRID)
        fine = 1.5 * 2.0 ** (exponent + 52 + FINER)
        high = low = moment = drift = 0.0
        for start in range(0, n, _PIECE):
            stop = min(n - start, _PIECE)
            # Arithmetic and look-ups in loops of their own: the first are compiled to vector instructions.
            for i in range(stop):
                v = row[start + i]
                h = v - a
                d = h - v
                l = (v - (h - d)) - (d + a)  # noqa: E741
                h = h if h > -NOWHERE else -NOWHERE
                l = l if l > -_LOW else -_LOW  # noqa: E741
                l = l if l < _LOW else _LOW  # noqa: E741
                k = (h * per_step + _ROUND) - _ROUND
                q = h - k * step_high
                e = l - k * step_low
                z = q + e
                p = z * (1 / 120)
                p = (p + 1 / 24) * z
                p = (p + 1 / 6) * z
                p = ((p + 0.5) * z) * z
                b = (q + SHORT) - SHORT
                parts[i] = h
                parts[i + _PIECE] = k
                parts[i + 2 * _PIECE] = (e + p) + (q - b)
                parts[i + 3 * _PIECE] = z + p
                parts[i + 4 * _PIECE] = b
            for i in range(stop):
                index = np.int64(parts[i + _PIECE])
                step = np.uint64(index & (STEPS - 1))
                parts[i + _PIECE] = table[step]
                parts[i + 5 * _PIECE] = table[step + np.uint64(STEPS)]
                parts[i + 6 * _PIECE] = table[np.uint64((index >> 10) + zero)]
            for i in range(stop):
                t = parts[i + _PIECE]
                t2 = parts[i + 5 * _PIECE]
                s = parts[i + 6 * _PIECE]
                e = (parts[i + 2 * _PIECE] * t + parts[i + 3 * _PIECE] * t2) + t2
                b = (parts[i + 4 * _PIECE] * t) * s
                t = t * s
                e = e * s
                w = (b + e) + t
                g = (w + coarse) - coarse
                f = ((t - g) + b) + e
                parts[i + _PIECE] = g
                parts[i + 2 * _PIECE] = (f + fine) - fine
                parts[i + 3 * _PIECE] = w * parts[i]
            if start <= place < start + stop:
                grid[place - start] = 0.0
                left[place - start] = 0.0
                weighted[place - start] = 0.0
            high += _added(grid, stop, lanes)
            low += _added(left, stop, lanes)
            moment -= _added(weighted, stop, lanes)
            if degree > 1:
                _grow(parts, stop, u, degree)
                drift -= u * _added(weighted, stop, lanes)
        made[r, 0] = a
        made[r, 1] = second
        made[r, 2] = high
        made[r, 3] = low
        made[r, 4] = moment
        made[r, 5] = drift if degree > 1 else u * moment


@_compiled()
def _grow(parts, count, u, degree):  # type: ignore[no-untyped-def]
    """Multiply w h by (exp(u |h|) - 1) / (u |h|)."""
    for i in range(count):
        parts[i + 4 * _PIECE] = 1.0
        parts[i] = -parts[i] * u
    for k in range(degree, 1, -1):
        for i in range(count):
            parts[i + 4 * _PIECE] = parts[i + 4 * _PIECE] * (parts[i] / k) + 1.0
    for i in range(count):
        parts[i + 3 * _PIECE] *= parts[i + 4 * _PIECE]


@_compiled()
def _added(values, count, lanes):  # type: ignore[no-untyped-def]
    total = lanes[0]
    for j in range(_LANES):
        total[j] = 0.0
    full = count // _LANES * _LANES
    for i in range(0, full, _LANES):
        for j in range(_LANES):
            total[j] += values[i + j]
    out = 0.0
    for i in range(full, count):
        out += values[i]
    for j in range(_LANES):
        out += total[j]
    return out
