"""The simulated reading: an algorithm run in any binary format, every operation rounded, on binary64 arrays.

For precisions up to 25 bits one operation in binary64 and one rounding give the correctly rounded + - * / (Figueroa,
When is double rounding innocuous?, SIGNUM Newsletter 30 (1995)). So do exp, log and log1p but for results within a
binary64 ulp of a tie, so that they stay within the premise. Nothing is fast here; it is what NumPy has no type for
(bfloat16), and what kernels that round more rarely are compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import SUM_ORDERS, Algorithm

from .arrays import ArrayOperations
from .formats import Format

__all__ = ["SimulatedOperations", "rows_in", "simulate"]

Array = NDArray[np.float64]
_INNOCUOUS = 25  # 53 >= 2 p + 2


class SimulatedOperations(ArrayOperations):
    """`Operations` on binary64 arrays that hold numbers of the format, shape (rows, n) or (rows, 1).

    `accumulator` is the format that sums are made in; the result is rounded to the format. Raises ValueError for a
    format of more than 25 bits.
    """

    def __init__(self, fmt: Format, accumulator: Format | None = None) -> None:
        self.format, self.accumulator = fmt, accumulator or fmt
        for used in (fmt, self.accumulator):
            if not isinstance(used, Format):
                raise ValueError(f"a Format is required, such as FORMATS['binary32'], got {used!r}")
            if used.precision > _INNOCUOUS:
                raise ValueError(
                    f"at most {_INNOCUOUS} bits can be simulated in binary64, got {used.name} ({used.precision})"
                )

    def first(self, x: Array) -> Array:
        return x[:, :1]

    def add(self, a: Array, b: Array) -> Array:
        return self.format.round(a + b)

    def sub(self, a: Array, b: Array) -> Array:
        return self.format.round(a - b)

    def mul(self, a: Array, b: Array) -> Array:
        return self.format.round(a * b)

    def div(self, a: Array, b: Array) -> Array:
        return self.format.round(a / b)

    def exp(self, a: Array) -> Array:
        return self.format.round(np.exp(a))

    def log(self, a: Array) -> Array:
        return self.format.round(np.log(a))

    def log1p(self, a: Array) -> Array:
        return self.format.round(np.log1p(a))

    def one(self, like: Array) -> Array:
        return np.ones((like.shape[0], 1))

    def sum(self, x: Array, order: str = "any") -> Array:
        if order not in SUM_ORDERS:
            raise ValueError(f"a sum has an order among {', '.join(SUM_ORDERS)}, got {order!r}")
        x = self.accumulator.round(x)
        if x.shape[1] == 0:
            return np.zeros((x.shape[0], 1))
        made = {"pairwise": self.pairwise, "compensated": self._compensated}.get(order, self._sequential)(x)
        return self.format.round(made)

    def plus(self, a: Array, b: Array) -> Array:
        return self.accumulator.round(a + b)

    def _sequential(self, x: Array) -> Array:
        total = x[:, :1]
        for j in range(1, x.shape[1]):
            total = self.plus(total, x[:, j : j + 1])
        return total

    def _compensated(self, x: Array) -> Array:
        total, errors = x[:, :1], np.zeros((x.shape[0], 1))
        for j in range(1, x.shape[1]):
            new = x[:, j : j + 1]
            after = self.plus(total, new)
            moved = self.plus(after, -total)  # two-sum (Knuth): exact unless it overflows
            lost = self.plus(self.plus(total, -self.plus(after, -moved)), self.plus(new, -moved))
            errors, total = self.plus(errors, lost), after
        return self.plus(total, errors)


def rows_in(x: Any, fmt: Format) -> Array:
    """x as binary64 numbers, shape (rows, n), n >= 1; ValueError if they are not finite numbers of the format."""
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"an array (rows, n) with n >= 1 is required, got shape {values.shape}")
    strange = ~np.isfinite(values) | (fmt.round(values) != values)
    if strange.any():
        row, place = (int(k) for k in np.argwhere(strange)[0])
        got = float(values[row, place])
        raise ValueError(f"finite numbers of {fmt.name} are required, got {got!r} in row {row}, place {place}")
    return values


def simulate(algorithm: Algorithm, x: Any, fmt: Format, accumulator: Format | None = None) -> Array:
    """Run `algorithm` on finite numbers of the format, shape (rows, n); the results as binary64 numbers.

    Shape (rows, 1) for logsumexp and (rows, n) otherwise. Raises ValueError for an x that is not of that shape or whose
    entries are not numbers of the format.
    """
    values = rows_in(x, fmt)
    with np.errstate(all="ignore"):
        return np.asarray(algorithm.run(SimulatedOperations(fmt, accumulator), values))
