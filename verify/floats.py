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


def kernel_from(
    algorithm: Algorithm, function: str, fmt: Format, operations: ArrayOperations | None = None
) -> Callable[..., Values]:
    """The algorithm as a kernel of `function` for arrays of the format's type, or of binary64 with other `operations`.

    Integers and Booleans are promoted first; rows with NaN, +inf or nothing but -inf get the results of the
    special-value profile `strict`, which no textbook formula gives by itself. The kernel takes (rows, n), and labels
    (rows,) besides for a function of a label; two arrays (rows,) for logaddexp; (rows, n), elementwise, for softplus
    and sigmoid.
    """
    operations = operations or FloatOperations(fmt)
    dtype = np.dtype(fmt.dtype or np.float64)
    of = FUNCTIONS[function]
    sign = -1 if of.negated else 1

    def core(x: Values) -> Values:
        top = x.max(axis=-1, initial=-np.inf)
        ordinary = np.isfinite(top)
        lse = algorithm.function == "logsumexp"
        special = (top + 0 if lse else np.where(ordinary, top, np.nan))[:, np.newaxis]
        out = np.broadcast_to(special, (x.shape[0], 1 if lse else x.shape[1])).copy()
        if ordinary.any():
            out[ordinary] = algorithm.run(operations, x[ordinary])
        return out

    def prefixes(x: Values) -> Values:
        return np.concatenate([core(x[:, : k + 1]) for k in range(x.shape[1])], axis=1)

    def of_label(x: Values, labels: Values) -> Values:
        rows, n = x.shape
        rest = np.broadcast_to(np.arange(n), x.shape)[np.arange(n) != labels[:, np.newaxis]].reshape(rows, n - 1)
        order = np.concatenate([labels[:, np.newaxis], rest], axis=1)
        out = core(np.take_along_axis(x, order, axis=1))
        return out[:, 0] if of.per_row else np.take_along_axis(out, np.argsort(order, axis=1), axis=1)

    def of_element(x: Values) -> Values:
        pair = [np.zeros_like(x), x]
        out = core(np.stack(pair[::-1] if of.labelled else pair, axis=-1).reshape(-1, 2))
        limit = np.inf if of.core == "logsumexp" else 0.0 if of.labelled else 1.0
        return np.where(np.isposinf(x), limit, out[:, 0 if of.labelled else -1].reshape(x.shape))

    def kernel(*arrays: Any) -> Values:
        with np.errstate(all="ignore"):
            promoted = [
                np.asarray(a) if np.asarray(a).dtype.kind == "f" else np.asarray(a, dtype=dtype)
                for a in arrays[: 2 if of.entry == "pair" else 1]
            ]
            if of.entry == "element":
                out = of_element(promoted[0])
            elif of.entry == "label":
                out = of_label(promoted[0], np.asarray(arrays[1]))
            elif of.entry == "prefixes":
                out = prefixes(promoted[0])
            else:
                out = core(np.stack(promoted, axis=-1) if of.entry == "pair" else promoted[0])
                out = out[:, 0] if of.per_row else out
            return np.asarray(sign * out, dtype=dtype)

    return kernel
