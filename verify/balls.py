"""Arb balls in object arrays: the reading of an algorithm as enclosures of any precision.

Slow and rigorous by construction (Johansson, IEEE Trans. Comput. 66 (2017) 1281-1292); exponents have no bound, so
nothing over- or underflows. The fast reading is in `intervals`; this one decides where that cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Model, Operations, merge_neighbours, working_precision

__all__ = ["BallOperations", "balls", "end_points", "working_precision"]

Balls = NDArray[np.object_]


def balls(x: NDArray[np.float64]) -> Balls:
    """Exact balls of finite binary64 numbers, shaped like x."""
    return _elementwise(flint.arb)(x)


def _elementwise(f: Callable[..., Any], arguments: int = 1) -> Callable[..., Balls]:
    vectorised = np.frompyfunc(f, arguments, 1)

    def apply(*args: Any) -> Balls:
        return np.asarray(vectorised(*args), dtype=object)

    return apply


def _extreme(pick: Callable[[Any, Any], Any]) -> Callable[..., Balls]:
    return _elementwise(pick, 2)


def end_points(ball: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Midpoint and radius of a ball, each exactly as (m, e) for m * 2^e; the radius is -1 * 2^0 if it is not finite."""
    if not ball.is_finite():
        return (0, 0), (-1, 0)
    middle, radius = ball.mid().man_exp(), ball.rad().man_exp()
    return (int(middle[0]), int(middle[1])), (int(radius[0]), int(radius[1]))


def _ulp(size: Any, model: Model) -> Any:
    """An enclosure of the ulp of every number in the ball."""
    (lo, hi) = (_ulp_of_exact(end, model) for end in (size.abs_lower(), size.abs_upper()))
    return lo.union(hi)


def _ulp_of_exact(end: Any, model: Model) -> Any:
    if not end.is_finite():
        return flint.arb.pos_inf()
    man, exp = (int(part) for part in end.mid().man_exp())
    binade = abs(man).bit_length() - 1 + exp if man else model.emin
    return flint.arb((1, model.ulp_exponent(binade)))


class BallOperations:
    """`Enclosures` for arrays of balls at the working precision: shape (rows, n) in, constants of shape ()."""

    _exp = staticmethod(_elementwise(lambda a: a.exp()))
    _log = staticmethod(_elementwise(lambda a: a.log()))
    _log1p = staticmethod(_elementwise(lambda a: a.log1p()))
    _ulp = staticmethod(_elementwise(_ulp, 2))
    _maximum = staticmethod(_extreme(lambda a, b: a.max(b)))
    _minimum = staticmethod(_extreme(lambda a, b: a.min(b)))
    _exp_change = staticmethod(_elementwise(lambda a, e: a.exp() * e.expm1() if e < 1 else (a + e).exp() - a.exp(), 2))
    _log_change = staticmethod(_elementwise(lambda a, e: -(-(e / a)).log1p(), 2))
    _widened = staticmethod(_elementwise(lambda a, e: (a - e).union(a + e), 2))
    _less = staticmethod(_elementwise(lambda a, b: a < b, 2))
    _at_most = staticmethod(_elementwise(lambda a, b: a <= b, 2))
    _equals = staticmethod(_elementwise(lambda a, value: a == value, 2))

    @staticmethod
    def _running(x: Balls) -> Balls:
        return np.array([list(accumulate(row, max)) for row in x.tolist()], dtype=object).reshape(x.shape)

    def constant(self, value: Fraction) -> Balls:
        return np.asarray(flint.arb(flint.fmpq(value.numerator, value.denominator)), dtype=object)

    def max(self, x: Balls) -> Balls:
        return x.max(axis=-1, keepdims=True) if x.ndim else x

    def drop_max(self, x: Balls) -> Balls:
        rows, n = x.shape
        keep = np.ones((rows, n), dtype=bool)
        keep[np.arange(rows), [max(range(n), key=lambda j: row[j]) for row in x]] = False
        return x[keep].reshape(rows, n - 1)

    def first(self, x: Balls) -> Balls:
        return self.columns(x, slice(0, 1))

    def columns(self, x: Balls, part: slice) -> Balls:
        return x[..., part]

    def join(self, a: Balls, b: Balls) -> Balls:
        return np.concatenate([a, b], axis=-1)

    def spread(self, a: Balls, like: Balls) -> Balls:
        return np.broadcast_to(a, like.shape)

    def length(self, x: Balls) -> int:
        return int(x.shape[-1])

    def rises(self, x: Balls) -> Balls:
        """Of exact entries."""
        highest = self._running(x)[..., :-1]
        counted = (x[..., 1:] > highest).sum(axis=-1, keepdims=True).astype(object)
        return np.asarray(counted * flint.arb(1), dtype=object)

    def maximum(self, a: Balls, b: Balls) -> Balls:
        return self._maximum(a, b)

    def minimum(self, a: Balls, b: Balls) -> Balls:
        return self._minimum(a, b)

    def add(self, a: Balls, b: Balls) -> Balls:
        return np.asarray(a + b, dtype=object)

    def sub(self, a: Balls, b: Balls) -> Balls:
        return np.asarray(a - b, dtype=object)

    def mul(self, a: Balls, b: Balls) -> Balls:
        return np.asarray(a * b, dtype=object)

    def div(self, a: Balls, b: Balls) -> Balls:
        return np.asarray(a / b, dtype=object)

    def one(self, like: Balls) -> Balls:
        return np.full((*like.shape[:-1], 1), flint.arb(1), dtype=object)

    def sum(self, x: Balls, order: str = "any") -> Balls:
        return np.asarray(x.sum(axis=-1, keepdims=True, initial=flint.arb(0)), dtype=object)

    def exp(self, a: Balls) -> Balls:
        return self._exp(a)

    def log(self, a: Balls) -> Balls:
        return self._log(a)

    def log1p(self, a: Balls) -> Balls:
        return self._log1p(a)

    def exp_change(self, a: Balls, e: Balls) -> Balls:
        return self._exp_change(a, e)

    def log_change(self, a: Balls, e: Balls) -> Balls:
        return self._log_change(a, e)

    def ulp(self, a: Balls, model: Model) -> Balls:
        return self._ulp(a, model)

    def widened(self, a: Balls, e: Balls) -> Balls:
        return self._widened(a, e)

    def certainly_less(self, a: Balls, b: Balls) -> NDArray[np.bool_]:
        return self._less(a, b).astype(bool)

    def certainly_at_most(self, a: Balls, b: Balls) -> NDArray[np.bool_]:
        return self._at_most(a, b).astype(bool)

    def is_exactly(self, a: Balls, value: int) -> NDArray[np.bool_]:
        return self._equals(a, value).astype(bool)

    def select(self, mask: Any, a: Balls, b: Balls) -> Balls:
        return np.asarray(np.where(mask, a, b), dtype=object)

    def fold(self, x: Balls, start: Any, step: Any, invariant: Any) -> tuple[Balls, ...]:
        state: tuple[Balls, ...] = start(self.first(x))
        for j in range(1, self.length(x)):
            state = step(*state, self.columns(x, slice(j, j + 1)))
        return state

    def tree(self, x: Balls, leaf: Any, merge: Any, invariant: Any) -> tuple[Balls, ...]:
        leaves = [self.spread(v, x) for v in leaf(x)]
        return merge_neighbours(leaves, self.length(x), merge, self.columns, self.join)

    def nonexpansive(self, body: Callable[[Operations[Any], Any, Any], Any], a: Balls, b: Balls) -> Balls:
        result: Balls = body(self, a, b)
        return result
