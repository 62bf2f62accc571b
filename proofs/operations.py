"""The operations that the algorithms are written in, and nothing else.

An algorithm is a function of an `Operations` object and a batch of vectors. Whoever implements the protocol
*reads* the algorithm: floats run it, enclosures evaluate it exactly, SymPy turns it into an expression, and
the rounding model bounds the error that it can make. A vector has shape (rows, n); a scalar has one entry
per row, shape (rows, 1), and broadcasts against a vector of the same batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = ["SUM_ORDERS", "LabelledOperations", "Operations", "merge_neighbours"]

T = TypeVar("T")

SUM_ORDERS = {
    "any": "any order, also blocked, vectorised or threaded",
    "sequential": "left to right",
    "pairwise": "halving, a tree of height ceil(log2 n)",
    "compensated": "left to right, the rounding error of each addition summed beside (Ogita, Rump, Oishi 2005, Sum2)",
}


class Operations(Protocol[T]):
    """One method for each operation; scalars are (rows, 1), vectors (rows, n)."""

    def max(self, x: T) -> T:
        """The largest entry of each row, exactly."""

    def drop_max(self, x: T) -> T:
        """The rows without their (first) largest entry: (rows, n - 1)."""

    def first(self, x: T) -> T:
        """The first entry of each row."""

    def maximum(self, a: T, b: T) -> T: ...

    def minimum(self, a: T, b: T) -> T: ...

    def add(self, a: T, b: T) -> T: ...

    def sub(self, a: T, b: T) -> T: ...

    def mul(self, a: T, b: T) -> T: ...

    def div(self, a: T, b: T) -> T: ...

    def exp(self, a: T) -> T: ...

    def log(self, a: T) -> T: ...

    def log1p(self, a: T) -> T: ...

    def one(self, like: T) -> T:
        """The constant 1, a scalar of the batch that `like` belongs to."""

    def sum(self, x: T, order: str = "any") -> T:
        """The sum of each row in a named order (a key of `SUM_ORDERS`); the sum of nothing is 0."""

    def fold(
        self,
        x: T,
        start: Callable[[T], tuple[T, ...]],
        step: Callable[..., tuple[T, ...]],
        invariant: Callable[..., T],
    ) -> tuple[T, ...]:
        """A pass over the columns: state = start(x_1), then state = step(*state, x_j) for j = 2..n.

        `invariant(*state)` is what the state stands for: in exact arithmetic it equals the sum of exp(x_i)
        over the entries seen so far. Only the symbolic reading looks at it, and proves it by induction.
        """

    def tree(
        self,
        x: T,
        leaf: Callable[[T], tuple[T, ...]],
        merge: Callable[..., tuple[T, ...]],
        invariant: Callable[..., T],
    ) -> tuple[T, ...]:
        """Neighbouring states merged, level by level: leaf(x_j) for each entry, then merge(*left, *right).

        The tree has height ceil(log2 n). `invariant(*state)` is what a state stands for: the sum of exp(x_i) over its
        entries.
        """

    def nonexpansive(self, body: Callable[[Operations[Any], T, T], T], a: T, b: T) -> T:
        """body(self, a, b) for a body whose exact value moves by at most as much as its arguments do."""


class LabelledOperations(Operations[T], Protocol[T]):
    """What gradients need besides: single entries taken out of a row and put back."""

    def columns(self, x: T, part: slice) -> T:
        """The columns in a slice."""

    def join(self, a: T, b: T) -> T:
        """The columns of a, then those of b."""


def merge_neighbours(
    columns: Any,
    count: int,
    merge: Callable[..., tuple[T, ...]],
    pick: Callable[[T, slice], T],
    join: Callable[[T, T], T],
) -> tuple[T, ...]:
    """The state of the root for states (rows, count) of the leaves; `pick` takes columns, `join` appends them."""
    states: tuple[T, ...] = tuple(columns)
    while count > 1:
        pairs = count // 2 * 2
        left, right, rest = (
            [pick(s, part) for s in states] for part in (slice(0, pairs, 2), slice(1, pairs, 2), slice(pairs, None))
        )
        met = merge(*left, *right)
        states = tuple(join(a, b) for a, b in zip(met, rest, strict=True)) if pairs < count else met
        count -= pairs // 2
    return states
