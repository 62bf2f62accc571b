"""Establishes that ratios of error and bound are enclosed, that the search finds what is there, and that it can say
when a bound is exceeded.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from shiftproof.proofs import Libm, bound, bounds, companions
from shiftproof.verify import FORMATS, standards_for
from shiftproof.verify.tightness import Truth, climb, operations_for, ratios, run_algorithm

B64, B32, BF16 = FORMATS["binary64"], FORMATS["binary32"], FORMATS["bfloat16"]
_RNG = np.random.default_rng(11)


@pytest.mark.parametrize("name", FORMATS)
def test_no_bound_is_exceeded_on_ordinary_rows(name: str) -> None:
    fmt = FORMATS[name]
    x = fmt.round(np.random.default_rng(2).normal(size=(12, 6)) * 3)
    for of in bounds():
        found = ratios(of, x, fmt)
        assert not found.exceeds.any(), of.name
        assert not found.undecided.any(), of.name
        assert (found.lo <= found.hi).all()
        assert found.in_scope.any(), of.name


@pytest.mark.parametrize("name", FORMATS)
def test_an_understated_bound_is_exceeded_by_the_search(name: str) -> None:
    fmt = FORMATS[name]
    of = bound("logsumexp", "shifted-log1p")
    half = replace(of, formula=of.formula * sp.Rational(2, 5))
    start = np.random.default_rng(3).normal(size=(32, 3))
    assert climb(half, start, fmt, np.random.default_rng(0), steps=12).ratio > 1
    assert climb(of, start, fmt, np.random.default_rng(0), steps=12).ratio <= 1


def test_the_search_finds_more_than_it_starts_from_and_the_same_from_the_same_seed() -> None:
    of, start = bound("softmax", "shifted"), np.random.default_rng(4).normal(size=(16, 5))
    first = ratios(of, B32.round(start), B32).lo.max()
    found = [climb(of, start, B32, np.random.default_rng(1), steps=20) for _ in range(2)]
    assert found[0].ratio > first
    assert found[0].ratio == found[1].ratio
    assert np.array_equal(found[0].x, found[1].x)
    again = ratios(of, found[0].x[np.newaxis, :], B32)
    assert again.lo[0] == found[0].ratio


def test_the_search_goes_only_where_it_may() -> None:
    of, start = bound("logsumexp", "shifted"), np.random.default_rng(4).normal(size=(16, 5))
    found = climb(of, start, B32, np.random.default_rng(1), steps=10, keep=lambda x: (x >= -0.5).any(axis=1))
    assert (found.x >= -0.5).any()
    with pytest.raises(ValueError, match="no row to start from"):
        climb(of, start, B32, np.random.default_rng(1), keep=lambda x: (x > 100).all(axis=1))
    with pytest.raises(ValueError, match=r"no row to start from keeps the hypotheses of logsumexp.naive"):
        climb(bound("logsumexp", "naive"), np.full((2, 2), 1000.0), B32, np.random.default_rng(1))


def test_rows_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"finite numbers of binary32 are required, got 0.1 in row 0, place 0"):
        ratios(bound("logsumexp", "shifted"), np.array([[0.1, 1.0]]), B32)
    with pytest.raises(ValueError, match="sigmoid is a function of rows of two numbers, got n = 3"):
        ratios(bound("sigmoid", "shifted"), np.zeros((1, 3)), B32)


def test_the_referees_and_the_intervals_agree_on_errors() -> None:
    """The rows of binary32 are rows of binary64: both ways to enclose the exact result meet."""
    x = B32.round(np.random.default_rng(5).normal(size=(20, 4)))
    for function in ("logsumexp", "softmax", "log_softmax"):
        got = run_algorithm("shifted", function, x, B32, operations_for(B32))
        fast, slow = Truth(function, x, B32).distance(got), Truth(function, x, B64).distance(got)
        assert ((fast.lo <= slow.hi) & (slow.lo <= fast.hi)).all()


def test_an_overflow_is_an_error_unless_the_result_lies_beyond() -> None:
    beyond = 2.0 ** (BF16.emax + 1)
    truth = Truth("logsumexp", np.array([[BF16.largest, BF16.largest], [0.0, 0.0]]), BF16)
    error = truth.distance(np.array([[np.inf], [np.inf]]))
    assert error.lo[1, 0] > 0.99 * beyond
    assert error.lo[0, 0] <= beyond - BF16.largest <= error.hi[0, 0]
    lost = truth.distance(np.array([[np.nan], [np.nan]]))
    assert np.isinf(lost.lo).all()


def test_rows_outside_the_hypotheses_count_for_nothing() -> None:
    found = ratios(bound("logsumexp", "naive"), np.array([[800.0, 0.0], [1.0, 0.0]]), B64)
    assert found.in_scope.tolist() == [False, True]
    assert found.lo[0] == found.hi[0] == 0


def test_sums_left_to_right_come_closer_to_the_bound_of_any_order() -> None:
    """1 and many terms a little above half an ulp of it: added one by one each is rounded up to a whole one."""
    n = 800
    x = np.concatenate([[0.0, -1.0], np.full(n - 2, np.log(0.6 * 2.0**-53))])[np.newaxis, :]
    of = bound("logsumexp", "shifted")
    pairwise, sequential = (ratios(of, x, B64, operations=operations_for(B64, o)).lo[0] for o in ("any", "sequential"))
    assert sequential > 4 * pairwise


def test_a_companion_for_random_rounding_is_no_standard_and_may_be_exceeded() -> None:
    """The same rows: rounding them is not random, and the bound for random rounding does not hold."""
    n = 4000
    x = np.concatenate([[0.0, -0.05], np.full(n - 2, np.log(0.51 * 2.0**-23))])[np.newaxis, :]
    companion = next(c for c in companions() if c.name == "logsumexp.shifted (random rounding)")
    of, run = bound("logsumexp", "shifted"), operations_for(B32, "sequential")
    exact = Libm(Fraction(1, 2), Fraction(1, 2), Fraction(1, 2))
    x = B32.round(x)
    assert not ratios(of, x, B32, exact, run).exceeds.any()
    assert ratios(companion, x, B32, exact, run).exceeds.all()
    assert not {"random rounding", companion.name} & set(standards_for("logsumexp"))


def test_random_roundings_keep_the_companion() -> None:
    x = B32.round(np.random.default_rng(8).normal(size=(200, 500)))
    run = operations_for(B32, "sequential")
    for companion in companions():
        found = ratios(companion, x, B32, operations=run)
        assert found.in_scope.all()
        assert not found.exceeds.any(), companion.name
