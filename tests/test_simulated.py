"""Establishes that the simulated reading rounds every operation, agrees with NumPy where both exist, and keeps the
bounds of its format, also where sums are made in another one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shiftproof.proofs import (
    ALGORITHMS,
    SUM_ORDERS,
    Algorithm,
    accumulated,
    algorithm,
    bound,
    bounded_error,
    bounds,
    rounding_error,
)
from shiftproof.verify import FORMATS, simulate
from shiftproof.verify.floats import FloatOperations
from shiftproof.verify.intervals import Interval, IntervalOperations
from shiftproof.verify.simulated import SimulatedOperations
from shiftproof.verify.tightness import Truth

_NAMES = [f"{a.function}.{a.name}" for a in ALGORITHMS]
_NARROW = ("binary32", "binary16", "bfloat16")
_MIXED = (("binary16", "binary32"), ("bfloat16", "binary32"), ("binary32", "bfloat16"), ("bfloat16", "binary16"))


def _rows(name: str, n: int = 7, seed: int = 3) -> Any:
    return FORMATS[name].round(np.random.default_rng(seed).normal(size=(60, n)) * 3)


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
@pytest.mark.parametrize("name", ["binary32", "binary16"])
def test_it_gives_what_numpy_gives_in_its_own_types(chosen: Algorithm, name: str) -> None:
    fmt, x = FORMATS[name], _rows(name)
    with np.errstate(over="ignore"):
        native = chosen.run(FloatOperations(fmt, "sequential"), x.astype(fmt.dtype))
    assert np.array_equal(simulate(chosen, x, fmt), native.astype(np.float64), equal_nan=True)


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_every_result_is_a_number_of_the_format(chosen: Algorithm) -> None:
    for name in _NARROW:
        got = simulate(chosen, _rows(name), FORMATS[name])
        assert np.array_equal(FORMATS[name].round(got), got)


@pytest.mark.parametrize("order", SUM_ORDERS)
def test_sums_round_after_every_addition(order: str) -> None:
    """1 + 2^-8 is a tie in bfloat16 and rounds to 1, so that all small terms are lost one by one, but not together."""
    fmt = FORMATS["bfloat16"]
    x = np.concatenate([[1.0], np.full(63, 2.0**-8)])[np.newaxis, :]
    (total,) = SimulatedOperations(fmt).sum(x, order)[0]
    exact = 1 + 63 * 2.0**-8
    if order in ("any", "sequential"):
        assert total == 1.0
    else:
        assert abs(total - exact) < abs(1.0 - exact)


def test_a_wider_accumulator_keeps_what_a_narrow_one_loses() -> None:
    x = np.concatenate([[1.0], np.full(63, 2.0**-8)])[np.newaxis, :]
    narrow, wide = FORMATS["bfloat16"], FORMATS["binary32"]
    assert SimulatedOperations(narrow, wide).sum(x)[0, 0] == narrow.round(1 + 63 * 2.0**-8)
    assert SimulatedOperations(narrow).sum(x)[0, 0] == 1.0


@pytest.mark.parametrize("names", _MIXED, ids=" sums in ".join)
def test_sums_in_another_format_keep_the_bound_that_knows_of_it(names: tuple[str, str]) -> None:
    fmt, made_in = (FORMATS[name] for name in names)
    model = fmt.model(accumulator=made_in)
    x = fmt.round(_rows(names[0], 40) / 2)
    for of in bounds():
        if of.measure == "normwise" or of.variant:
            continue
        chosen = algorithm(of.function, of.algorithm)
        with np.errstate(all="ignore"):
            closed = bounded_error(of, Interval.point(x), IntervalOperations(), model)
            read = rounding_error(chosen, Interval.point(x), IntervalOperations(), model)
            error = Truth(of.function, x, fmt).distance(simulate(chosen, x, fmt, made_in))
        rows = np.logical_and.reduce([m for r in (closed, read) for m in r.hypotheses.values()])
        assert (error.lo[rows] <= np.broadcast_to(read.error.hi, error.lo.shape)[rows]).all(), of.name
        assert (np.broadcast_to(read.error.lo, error.lo.shape)[rows] <= closed.error.hi[rows]).all(), of.name


def test_a_bound_that_does_not_know_of_a_narrow_accumulator_is_exceeded() -> None:
    fmt, made_in = FORMATS["binary32"], FORMATS["bfloat16"]
    x = fmt.round(_rows("binary32", 40) / 2)
    of = bound("logsumexp", "shifted")
    error = Truth("logsumexp", x, fmt).distance(simulate(algorithm("logsumexp", "shifted"), x, fmt, made_in))
    unaware = bounded_error(of, Interval.point(x), IntervalOperations(), fmt.model()).error
    aware = bounded_error(of, Interval.point(x), IntervalOperations(), fmt.model(accumulator=made_in)).error
    assert (error.lo > unaware.hi).any()
    assert (error.hi <= aware.lo).all()


def test_the_same_format_as_accumulator_changes_nothing() -> None:
    model = FORMATS["binary16"].model()
    x = Interval.point(_rows("binary16"))
    for of in (bound("logsumexp", "shifted"), bound("softmax", "shifted")):
        plain = bounded_error(of, x, IntervalOperations(), model).error
        same = bounded_error(of, x, IntervalOperations(), replace(model, accumulator=model)).error
        assert ((plain.lo <= same.hi) & (same.lo <= plain.hi)).all()
        read = [
            rounding_error(algorithm(of.function, of.algorithm), x, IntervalOperations(), m).error
            for m in (model, replace(model, accumulator=model))
        ]
        assert np.array_equal(read[0].hi, read[1].hi)
    assert accumulated(bound("logsumexp", "chained")) == bound("logsumexp", "chained")


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 25 bits can be simulated in binary64, got binary64 \(53\)"):
        SimulatedOperations(FORMATS["binary64"])
    with pytest.raises(ValueError, match=r"got binary64 \(53\)"):
        SimulatedOperations(FORMATS["bfloat16"], FORMATS["binary64"])
    with pytest.raises(ValueError, match="an order among any, sequential, pairwise, compensated, got 'upward'"):
        SimulatedOperations(FORMATS["bfloat16"]).sum(np.ones((1, 2)), "upward")
    shifted = algorithm("logsumexp", "shifted")
    for strange in (1.0 + 2.0**-12, np.inf, np.nan):
        with pytest.raises(
            ValueError, match=f"finite numbers of bfloat16 are required, got {strange!r} in row 0, place 1"
        ):
            simulate(shifted, [[1.0, strange]], FORMATS["bfloat16"])
    for shape in ((2,), (2, 0)):
        with pytest.raises(
            ValueError, match=rf"an array \(rows, n\) with n >= 1 is required, got shape {re.escape(str(shape))}"
        ):
            simulate(shifted, np.zeros(shape), FORMATS["bfloat16"])
    with pytest.raises(ValueError, match=r"a Format is required, such as .* got 'binary32'"):
        simulate(shifted, [[1.0]], FORMATS["bfloat16"], "binary32")


def test_the_numbers_of_a_conversion_are_those_of_the_format_converted_to() -> None:
    narrow, wide = FORMATS["bfloat16"].model(), FORMATS["binary32"].model()
    assert narrow.conversion(wide) == (0, 0)
    assert wide.conversion(narrow) == (Fraction(1, 256), Fraction(1, 2**134))
