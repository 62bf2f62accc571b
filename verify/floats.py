"""The floating-point reading: an algorithm run by NumPy in a given format. This is where floats are produced.

Arithmetic is done in the format's own NumPy type. exp, log and log1p of a format narrower than binary64 are
evaluated in binary64 and rounded once, which keeps the premise of one ulp; NumPy's own binary32 versions do not
(its exp errs by more than 2 ulp and its log by more than 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, SUM_ORDERS, Algorithm

from .arrays import ArrayOperations
from .formats import Format

__all__ = ["FloatOperations", "kernel_from"]

Values = NDArray[Any]


class FloatOperations(ArrayOperations):
    """`Operations` on NumPy arrays of the format's type, shape (rows, n) or (rows, 1).

    Sums in any order are made in the order `any_order`, or as NumPy makes them if it is "any".
    """

    def __init__(self, fmt: Format, any_order: str = "any") -> None:
        self.any_order = any_order
        if fmt.dtype is None:
            raise ValueError(f"NumPy has no type for {fmt.name}")
        self.dtype: np.dtype[Any] = np.dtype(fmt.dtype)

    def _elementary(self, f: Callable[..., Any], a: Values) -> Values:
        return np.asarray(f(a.astype(np.float64, copy=False)), dtype=np.float64).astype(self.dtype, copy=False)

    def first(self, x: Values) -> Values:
        return _finite_first(x)[:, :1]

    def add(self, a: Values, b: Values) -> Values:
        return np.asarray(a + b)

    plus = add

    def sub(self, a: Values, b: Values) -> Values:
        return np.asarray(a - b)

    def mul(self, a: Values, b: Values) -> Values:
        return np.asarray(a * b)

    def div(self, a: Values, b: Values) -> Values:
        return np.asarray(a / b)

    def exp(self, a: Values) -> Values:
        return self._elementary(np.exp, a)

    def log(self, a: Values) -> Values:
        return self._elementary(np.log, a)

    def log1p(self, a: Values) -> Values:
        return self._elementary(np.log1p, a)

    def one(self, like: Values) -> Values:
        return np.ones((like.shape[0], 1), dtype=self.dtype)

    def sum(self, x: Values, order: str = "any") -> Values:
        order = self.any_order if order == "any" else order
        if order == "any":
            return np.asarray(x.sum(axis=-1, keepdims=True, dtype=self.dtype))
        if order not in SUM_ORDERS:
            raise ValueError(f"a sum has an order among {', '.join(SUM_ORDERS)}, got {order!r}")
        if x.shape[1] == 0:
            return np.zeros((x.shape[0], 1), dtype=self.dtype)
        return {"sequential": self._sequential, "pairwise": self.pairwise, "compensated": self._compensated}[order](x)

    def _sequential(self, x: Values) -> Values:
        return np.asarray(np.cumsum(x, axis=-1, dtype=self.dtype)[:, -1:])

    def _compensated(self, x: Values) -> Values:
        partial = np.cumsum(x, axis=-1, dtype=self.dtype)
        before, new, after = partial[:, :-1], x[:, 1:], partial[:, 1:]
        moved = after - before
        errors = (before - (after - moved)) + (new - moved)
        return np.asarray(partial[:, -1:] + self.sum(errors, "sequential"))

    def fold(self, x: Values, start: Any, step: Any, invariant: Any) -> tuple[Values, ...]:
        return super().fold(_finite_first(x), start, step, invariant)

    def tree(self, x: Values, leaf: Any, merge: Any, invariant: Any) -> tuple[Values, ...]:
        # The lowest number stands for -inf, of which two cannot be merged; it adds nothing that rounding would keep.
        return super().tree(np.where(np.isneginf(x), np.finfo(self.dtype).min, x), leaf, merge, invariant)


def _finite_first(x: Values) -> Values:
    """The rows with their -inf moved to the end: they add nothing, but a pass cannot start with one."""
    masked = np.isneginf(x)
    return np.take_along_axis(x, np.argsort(masked, axis=-1, kind="stable"), axis=-1) if masked.any() else x


def kernel_from(algorithm: Algorithm, function: str, fmt: Format) -> Callable[..., Values]:
    """The algorithm as a kernel of `function` for arrays of the format's type.

    Integers and Booleans are promoted first; rows with NaN, +inf or nothing but -inf get the results of the
    special-value profile `strict`, which no textbook formula gives by itself. The kernel takes (rows, n); two
    arrays (rows,) for logaddexp; any (rows, n), elementwise, for softplus and sigmoid.
    """
    operations = FloatOperations(fmt)
    entry, per_row = FUNCTIONS[function].entry, FUNCTIONS[function].per_row

    def core(x: Values) -> Values:
        top = x.max(axis=-1, initial=-np.inf)
        ordinary = np.isfinite(top)
        special = (top + 0 if per_row or function == "softplus" else np.where(ordinary, top, np.nan))[:, np.newaxis]
        out = np.broadcast_to(special, (x.shape[0], 1 if algorithm.function == "logsumexp" else x.shape[1])).copy()
        if ordinary.any():
            out[ordinary] = algorithm.run(operations, x[ordinary])
        return out

    def kernel(*arrays: Any) -> Values:
        with np.errstate(all="ignore"):
            promoted = [
                np.asarray(a) if np.asarray(a).dtype.kind == "f" else np.asarray(a, dtype=operations.dtype)
                for a in arrays
            ]
            if entry == "vector":
                out = core(promoted[0])
                return out[:, 0] if per_row else out
            if entry == "pair":
                return core(np.stack(promoted, axis=-1))[:, 0]
            pairs = np.stack([np.zeros_like(promoted[0]), promoted[0]], axis=-1).reshape(-1, 2)
            out = core(pairs)[:, -1].reshape(promoted[0].shape)
            return np.where(np.isposinf(promoted[0]), 1.0 if function == "sigmoid" else np.inf, out).astype(
                operations.dtype, copy=False
            )

    return kernel
