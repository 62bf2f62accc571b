"""Establishes that no floating-point run exceeds the rounding bound of its algorithm, and that the bound can tell.

An adversary runs every algorithm in tiny formats (3 to 8 bits): each operation may return any number of the format
that the model allows, |d| <= u for arithmetic, one ulp for exp, log and log1p, zero for subnormals where the model
flushes. Everything is exact, in rationals; the true results come from mpmath at 200 bits with the distance to them
taken at its lower end. An understated model must be exceeded by the same adversary.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from mpmath import MPContext

from shiftproof.proofs import (
    ALGORITHMS,
    READINGS,
    SUM_ORDERS,
    Algorithm,
    Libm,
    Model,
    Reading,
    algorithm,
    allowed_error,
    rounding_error,
)
from shiftproof.verify import FORMATS
from shiftproof.verify.balls import BallOperations, balls, end_points, working_precision
from shiftproof.verify.floats import FloatOperations
from shiftproof.verify.intervals import Interval, IntervalOperations

_NAMES = [f"{a.function}.{a.name}" for a in ALGORITHMS]
_CONTEXT = MPContext()
_CONTEXT.prec = 200
_SLACK = Fraction(1, 2**180)  # mpmath at 200 bits errs by far less, relative; a distance is lowered by it

Row = list[Fraction]
Exact = tuple[Fraction, ...]
STRATEGIES: dict[str, Callable[[random.Random, Row], Fraction]] = {
    "any": lambda r, c: r.choice(c),
    "either extreme": lambda r, c: r.choice((c[0], c[-1])),
    "upward": lambda r, c: c[-1],
    "downward": lambda r, c: c[0],
    "away from zero": lambda r, c: max(c, key=abs),
    "toward zero": lambda r, c: min(c, key=abs),
}


def _mpf(v: Fraction) -> Any:
    return _CONTEXT.mpf(v.numerator) / v.denominator


def _fraction(v: Any) -> Fraction:
    sign, man, exp, _ = v._mpf_
    return (-1) ** sign * int(man) * Fraction(2) ** int(exp)


@cache
def _elementary(name: str, v: Fraction) -> Fraction:
    return _fraction(getattr(_CONTEXT, name)(_mpf(v)))


def _binade(v: Fraction) -> int:
    e = abs(v.numerator).bit_length() - v.denominator.bit_length()
    return e if abs(v) >= Fraction(2) ** e else e - 1


class Adversary:
    """`Operations` on lists of rationals (a row or a scalar) that rounds as badly as the model allows.

    +-2^(emax + 1) stands for an infinity, which absorbs what is added to it.
    """

    def __init__(self, model: Model, rng: random.Random, strategy: str) -> None:
        self.model, self.rng, self.pick = model, rng, STRATEGIES[strategy]
        self.flushes = model.flush and strategy != "any"
        self.overflow = Fraction(2) ** (model.emax + 1)

    def ulp(self, v: Fraction) -> Fraction:
        return Fraction(2) ** self.model.ulp_exponent(_binade(v) if v else self.model.emin)

    def candidates(self, v: Fraction, within: Fraction) -> Row:
        """The format's numbers within a distance of v, ascending; never none, since the nearest is among them."""
        unit = self.ulp(v)
        steps = int(within / unit) + 2
        floor = v // unit
        near = {(floor + k) * unit for k in range(-steps, steps + 1)} | {
            (v // (unit / 2) + k) * unit / 2 for k in (0, 1)
        }
        return sorted(w for w in near if abs(w - v) <= within and w % self.ulp(w) == 0)

    def finish(self, v: Fraction) -> Fraction:
        if abs(v) > self.model.largest:
            return self.overflow if v > 0 else -self.overflow
        tiny = self.flushes and abs(v) < self.model.smallest_normal
        return Fraction(0) if tiny and self.rng.random() < 0.7 else v

    def moved(self, a: Fraction, b: Fraction) -> Fraction:
        return a if abs(a) == self.overflow else self.rounded(a + b)

    def rounded(self, v: Fraction, underflows: bool = False) -> Fraction:
        """Any number of the format within the model's error of v; v itself if it is one."""
        if v % self.ulp(v) == 0:
            return self.finish(v)
        allowed = self.model.unit_roundoff * abs(v)
        if underflows:
            allowed += self.model.smallest_subnormal / 2
        return self.finish(self.pick(self.rng, self.candidates(v, allowed) or [self.nearest(v)]))

    def nearest(self, v: Fraction, even: bool = False) -> Fraction:
        """A nearest number of the format; of two the adversary chooses, unless the even one is asked for."""
        unit = self.ulp(v)
        low = v // unit * unit
        tie = 2 * (v - low) == unit
        if tie and not even:
            return self.pick(self.rng, [low, low + unit])
        return round(v / unit) * unit

    def plus(self, a: Fraction, b: Fraction, even: bool = False) -> Fraction:
        """An addition within a sum: to nearest, as the theorems on sums ask."""
        return self.finish(self.nearest(a + b, even))

    def each(self, f: Callable[..., Fraction], *args: Row) -> Row:
        n = 0 if any(not a for a in args) else max(map(len, args))
        return [f(*(a[i if len(a) > 1 else 0] for a in args)) for i in range(n)]

    def max(self, x: Row) -> Row:
        return [max(x)]

    def drop_max(self, x: Row) -> Row:
        k = x.index(max(x))
        return x[:k] + x[k + 1 :]

    def first(self, x: Row) -> Row:
        return x[:1]

    def maximum(self, a: Row, b: Row) -> Row:
        return self.each(max, a, b)

    def minimum(self, a: Row, b: Row) -> Row:
        return self.each(min, a, b)

    def add(self, a: Row, b: Row) -> Row:
        return self.each(self.moved, a, b)

    def sub(self, a: Row, b: Row) -> Row:
        return self.each(lambda s, t: self.moved(s, -t), a, b)

    def mul(self, a: Row, b: Row) -> Row:
        return self.each(lambda s, t: self.rounded(s * t, True), a, b)

    def div(self, a: Row, b: Row) -> Row:
        return self.each(lambda s, t: self.rounded(s / t, True), a, b)

    def library(self, name: str, exact_at: int, v: Fraction) -> Fraction:
        if v == exact_at:
            return Fraction(name == "exp")
        if v == -self.overflow:
            return Fraction(0)
        y = _elementary(name, v)
        return self.finish(self.pick(self.rng, self.candidates(y, getattr(self.model.libm, name) * self.ulp(y))))

    def exp(self, a: Row) -> Row:
        return [self.library("exp", 0, v) for v in a]

    def log(self, a: Row) -> Row:
        return [self.library("log", 1, v) for v in a]

    def log1p(self, a: Row) -> Row:
        return [self.library("log1p", 0, v) for v in a]

    def one(self, like: Row) -> Row:
        return [Fraction(1)]

    def sum(self, x: Row, order: str = "any") -> Row:
        return [getattr(self, f"sum_{order}")(list(x))] if x else [Fraction(0)]

    def sum_any(self, x: Row) -> Fraction:
        while len(x) > 1:
            self.rng.shuffle(x)
            x.append(self.plus(x.pop(), x.pop()))
        return x[0]

    def sum_sequential(self, x: Row) -> Fraction:
        total = x[0]
        for v in x[1:]:
            total = self.plus(total, v)
        return total

    def sum_pairwise(self, x: Row) -> Fraction:
        while len(x) > 1:
            x = [self.plus(*x[k : k + 2]) if k + 1 < len(x) else x[k] for k in range(0, len(x), 2)]
        return x[0]

    def sum_compensated(self, x: Row) -> Fraction:
        """Sum2: the error of each addition is exact, for two-sums round ties to even; the errors are summed beside."""
        total, errors = x[0], [Fraction(0)]
        for v in x[1:]:
            after = self.plus(total, v, even=True)
            errors.append(total + v - after)
            total = after
        return self.plus(total, self.sum_sequential(errors))

    def fold(self, x: Row, start: Any, step: Any, invariant: Any) -> Any:
        state = start(x[:1])
        for j in range(1, len(x)):
            state = step(*state, x[j : j + 1])
        return state

    def tree(self, x: Row, leaf: Any, merge: Any, invariant: Any) -> Any:
        states = [leaf([v]) for v in x]
        while len(states) > 1:
            pairs = [states[k : k + 2] for k in range(0, len(states), 2)]
            states = [merge(*pair[0], *pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
        return states[0]

    def nonexpansive(self, body: Any, a: Row, b: Row) -> Row:
        found: Row = body(self, a, b)
        return found


def _truth(function: str, row: Exact) -> Row:
    """The exact results, to a relative error below _SLACK."""
    top = row.index(max(row))
    weights = [_elementary("exp", v - row[top]) for v in row]
    rest = sum((w for k, w in enumerate(weights) if k != top), Fraction(0))
    tail = _elementary("log1p", rest)
    if function == "logsumexp":
        return [row[top] + tail]
    if function == "softmax":
        return [w / (1 + rest) for w in weights]
    return [v - row[top] - tail for v in row]


def _rows(model: Model, rng: random.Random) -> list[Exact]:
    """Rows of the format's numbers: every size, ties, near ties, gaps, steps, the largest and the smallest."""
    nearest = Adversary(model, rng, "any").nearest
    reach = float(model.largest)

    def number(scale: float) -> Fraction:
        v = nearest(Fraction(rng.uniform(-scale, scale)), even=True)
        return max(-model.largest, min(model.largest, v))

    rows: list[Exact] = []
    for n in (1, 2, 3, 5, 8):
        for scale in (0.01, 0.5, 1.0, 3.0, 8.0, reach, float(model.smallest_normal) * 2):
            rows.append(tuple(number(min(scale, reach)) for _ in range(n)))
        tie = number(min(4.0, reach))
        step = Adversary(model, rng, "any").ulp(tie)
        rows += [(tie,) * n, tuple(max(tie - k * step, -model.largest) for k in range(n))[::-1]]
    on_grid = Adversary(model, rng, "any")
    return [row for row in rows if all(v % on_grid.ulp(v) == 0 for v in row)]


def _reading(chosen: Algorithm, rows: Any, model: Model, reading: str = READINGS[0]) -> Reading[Interval]:
    with np.errstate(all="ignore"):
        return allowed_error(chosen, Interval.point(np.array(rows, dtype=float)), IntervalOperations(), model, reading)


def _bounds(chosen: Algorithm, rows: list[Exact], model: Model, read: str) -> Iterator[tuple[int, list[float]]]:
    """The rows in scope with their bounds, one for each result."""
    reading = _reading(chosen, [[float(v) for v in row] for row in rows], model, read)
    in_scope = np.logical_and.reduce([np.ones(len(rows), dtype=bool), *reading.hypotheses.values()])
    assert (reading.error.lo <= reading.error.hi)[in_scope].all()
    results = 1 if chosen.function == "logsumexp" else len(rows[0])
    for k in np.flatnonzero(in_scope):
        yield int(k), np.broadcast_to(reading.error.hi[k], (results,)).tolist()


def _runs(
    chosen: Algorithm, model: Model, claimed: Model, seed: int, read: str = READINGS[0]
) -> Iterator[tuple[Any, ...] | None]:
    """Run the adversary in `model` against the bounds of `claimed`: for each result None, or how it is beyond."""
    rng = random.Random(f"{seed} {chosen.function} {chosen.name}")
    by_length: dict[int, list[Exact]] = {}
    for row in _rows(model, rng):
        by_length.setdefault(len(row), []).append(row)
    for rows in by_length.values():
        for k, bounds in _bounds(chosen, rows, claimed, read):
            truth = _truth(chosen.function, rows[k])
            for strategy in STRATEGIES:
                try:
                    got = chosen.run(Adversary(model, rng, strategy), list(rows[k]))
                except ZeroDivisionError:
                    yield model, strategy, _floats(rows[k]), "in scope, but a divisor vanished"
                    continue
                for g, y, bound in zip(got, truth, bounds, strict=True):
                    past = abs(g) > model.largest and abs(y) >= abs(g) and (g > 0) == (y > 0)
                    distance = Fraction(0) if past else abs(g - y) - _SLACK * abs(y)
                    exceeds = bound != np.inf and distance > Fraction(bound)
                    yield (model, strategy, _floats(rows[k]), float(g), float(y), bound) if exceeds else None


def _floats(row: Exact) -> list[float]:
    return [float(v) for v in row]


# precision, emin, emax: wide and narrow ranges, so that under- and overflow come about as well.
TINY = ((3, -6, 7), (4, -20, 6), (5, -14, 15), (8, -10, 10))


@pytest.mark.parametrize("read", READINGS)
@pytest.mark.parametrize("flush", [False, True], ids=["gradual", "flush"])
@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_no_run_exceeds_the_bound(chosen: Algorithm, flush: bool, read: str) -> None:
    found: list[Any] = []
    for seed, (precision, emin, emax) in enumerate(TINY):
        model = Model(precision, emin, emax, flush=flush)
        found += _runs(chosen, model, model, seed, read)
    if flush and chosen.name == "compensated":
        assert not found  # its theorem says nothing of flushing, so nothing is in scope
        return
    assert found
    assert not any(found), next(filter(None, found))


_SIX, _POOR_EXP = Model(6, -20, 8), Libm(exp=Fraction(4), log=Fraction(4), log1p=Fraction(4))
_UNDERSTATED = {
    "twice the precision": (_SIX, Model(12, -20, 8)),
    "an exact exp": (
        Model(6, -20, 8, _POOR_EXP),
        Model(6, -20, 8, Libm(Fraction(0), Fraction(4), Fraction(4))),
    ),
    "an exact library": (
        Model(6, -20, 8, _POOR_EXP),
        Model(6, -20, 8, Libm(Fraction(0), Fraction(0), Fraction(0))),
    ),
}


@pytest.mark.parametrize("read", READINGS)
@pytest.mark.parametrize("claim", _UNDERSTATED)
@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_an_understated_bound_is_exceeded(chosen: Algorithm, claim: str, read: str) -> None:
    if read == "closed" and claim == "an exact exp" and chosen.name in ("online", "merged", "chained"):
        claim = "an exact library"  # their closed forms count every entry as if it went the longest way
    assert any(found for seed in range(4) for found in _runs(chosen, *_UNDERSTATED[claim], seed, read))


def test_a_bound_without_flushing_is_exceeded_by_runs_that_flush() -> None:
    run = algorithm("softmax", "shifted")
    assert any(_runs(run, Model(6, -6, 8, flush=True), Model(6, -6, 8), 0))


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_both_readings_of_the_bound_intersect(chosen: Algorithm) -> None:
    for name in ("binary64", "binary16"):
        for row in ([0.0, -1.0, 0.5], [3.0, 3.0], [-0.6875, -0.703125], [0.0, -9.0, 0.25, -0.25]):
            model = FORMATS[name].model()
            fast = _reading(chosen, [row], model)
            with working_precision(300):
                slow = rounding_error(chosen, balls(np.array([row])), BallOperations(), model)
            assert fast.hypotheses.keys() == slow.hypotheses.keys()
            assert all(mask.all() for mask in (*fast.hypotheses.values(), *slow.hypotheses.values()))
            for lo, hi, ball in zip(fast.error.lo.flat, fast.error.hi.flat, slow.error.flat, strict=True):
                (man, exp), (radius, radius_exp) = end_points(ball)
                middle, spread = man * Fraction(2) ** exp, radius * Fraction(2) ** radius_exp
                assert 0 <= lo <= hi
                assert max(lo, middle - spread) <= min(hi, middle + spread)


def _sum_in(order: str) -> Algorithm:
    return Algorithm("logsumexp", "sum", "the sum alone", lambda o, x: o.sum(x, order))


def test_the_orders_of_a_sum_have_the_bounds_of_their_theorems() -> None:
    u, n = FORMATS["binary32"].model().unit_roundoff, 64
    found = {}
    for order in SUM_ORDERS:
        error = _reading(_sum_in(order), [[1.0] * n], FORMATS["binary32"].model()).error
        found[order] = (Fraction(error.lo[0, 0]), Fraction(error.hi[0, 0]))
    g = (n - 1) * u / (1 - (n - 1) * u)
    owed = {"any": (n - 1) * u, "pairwise": (1 + u) ** 6 - 1, "compensated": u + g * g}
    owed["sequential"] = owed["any"]
    for order, factor in owed.items():
        assert found[order][0] <= n * factor <= found[order][1], order
    assert found["compensated"][1] < found["pairwise"][0] < found["pairwise"][1] < found["any"][0]


def test_an_unknown_order_is_refused_with_the_orders_there_are() -> None:
    with pytest.raises(ValueError, match="an order among any, sequential, pairwise, compensated, got 'upward'"):
        _reading(_sum_in("upward"), [[1.0, 2.0]], _SIX)
    with pytest.raises(ValueError, match="got 'upward'"):
        FloatOperations(FORMATS["binary64"]).sum(np.ones((1, 2)), "upward")


def test_a_negative_accuracy_is_no_premise() -> None:
    with pytest.raises(ValueError, match="the accuracy of log must be a number of ulps >= 0, got -1"):
        Libm(log=Fraction(-1))


# They round even a single entry, or divide by a 1 that an interval does not know to be exact.
_ROUND_AT_ONE = {"naive", "division-free", "division-free-naive", "online", "log-of-softmax"}


@pytest.mark.parametrize(
    ("function", "name"),
    [(a.function, a.name) for a in ALGORITHMS if a.name not in _ROUND_AT_ONE],
)
def test_a_row_of_one_has_the_bound_zero(function: str, name: str) -> None:
    for value in (0.0, -3.75, 1e300, 5e-324):
        error = _reading(algorithm(function, name), [[value]], FORMATS["binary64"].model()).error
        assert (error.lo == 0).all()
        assert (error.hi == 0).all()
    assert (_reading(algorithm(function, name), [[0.5, 0.0]], FORMATS["binary64"].model()).error.lo > 0).all()
