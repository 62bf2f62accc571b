"""What the float readings share: operations that select, and trees; none of them rounds but `plus`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Operations, merge_neighbours

__all__ = ["ArrayOperations"]

Values = NDArray[Any]


class ArrayOperations:
    """The part of `Operations` that is the same on every kind of float array, shape (rows, n) or (rows, 1)."""

    def plus(self, a: Values, b: Values) -> Values:
        """One addition within a sum."""
        raise NotImplementedError

    def max(self, x: Values) -> Values:
        return np.asarray(x.max(axis=-1, keepdims=True))

    def drop_max(self, x: Values) -> Values:
        keep = np.ones(x.shape, dtype=bool)
        np.put_along_axis(keep, x.argmax(axis=-1, keepdims=True), False, axis=-1)
        return np.asarray(x[keep].reshape(x.shape[0], x.shape[1] - 1))

    def maximum(self, a: Values, b: Values) -> Values:
        return np.maximum(a, b)

    def minimum(self, a: Values, b: Values) -> Values:
        return np.minimum(a, b)

    def columns(self, x: Values, part: slice) -> Values:
        return x[:, part]

    def join(self, a: Values, b: Values) -> Values:
        return np.concatenate([a, b], axis=1)

    def pairwise(self, x: Values) -> Values:
        """The sum of each row by halving, n >= 1."""
        (total,) = merge_neighbours([x], x.shape[1], lambda a, b: (self.plus(a, b),), self.columns, self.join)
        return total

    def tree(self, x: Values, leaf: Any, merge: Any, invariant: Any) -> tuple[Values, ...]:
        leaves = [np.broadcast_to(v, x.shape) for v in leaf(x)]
        return merge_neighbours(leaves, x.shape[1], merge, self.columns, self.join)

    def fold(self, x: Values, start: Any, step: Any, invariant: Any) -> tuple[Values, ...]:
        state: tuple[Values, ...] = start(x[:, :1])
        for j in range(1, x.shape[1]):
            state = step(*state, x[:, j : j + 1])
        return state

    def nonexpansive(self, body: Callable[[Operations[Any], Any, Any], Any], a: Values, b: Values) -> Values:
        return np.asarray(body(self, a, b))  # type: ignore[arg-type]  # the subclasses are whole `Operations`
