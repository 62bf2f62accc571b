"""Establishes that standards are decided where they are sharp: at halves of an ulp, at powers of two, next to the
largest number, among masked entries; that special values owe what their profile says; and that a row's verdict is
its own, whatever the batch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.proofs import FOLD_LIMIT, FUNCTIONS, READINGS, Libm
from shiftproof.verify import FORMATS, PROFILES, Format, Outcome, ladder, standards_for
from shiftproof.verify.balls import working_precision
from shiftproof.verify.profiles import plan_row
from shiftproof.verify.standards import Expectation

CORES = ("logsumexp", "softmax", "log_softmax")
B64, B16 = FORMATS["binary64"], FORMATS["binary16"]
WITHIN, EXCEEDS, SKIPPED = Outcome.WITHIN, Outcome.EXCEEDS, Outcome.OUT_OF_SCOPE
ROWS = [
    [0.0, -1.0, 0.5],
    [3.0, 2.5],
    [-0.6875, -0.75],
    [1.0, 1.0, 1.0],
    [0.25, -9.0, -9.5, 0.125],
    [-7.0, 2.0],
]


def _judged(function: str, row: Any, got: Any, standard: str, fmt: Format = B64, flush: bool = False) -> list[Outcome]:
    expectation = Expectation([np.array([row], dtype=float)], function, fmt)
    outcomes, _, _ = expectation.judge(np.array(got, dtype=float), standard, flush)
    return [Outcome(int(value)) for value in outcomes]


def _nearest(function: str, row: list[float], fmt: Format) -> list[float]:
    """The correctly rounded results: from Arb at 400 bits to 60, and from there to the format."""
    with working_precision(400):
        x = [flint.arb(v) for v in row]
        total = sum((v.exp() for v in x), flint.arb(0))
        exact = {
            "logsumexp": [total.log()],
            "softmax": [v.exp() / total for v in x],
            "log_softmax": [v - total.log() for v in x],
        }[function]
        return [float(fmt.round(float(ball.mid()))) for ball in exact]


def _stepped(values: list[float], k: int, steps: int, fmt: Format) -> list[float]:
    """The values with number k moved by that many neighbours of the format."""
    dtype = np.dtype(fmt.dtype)
    moved = np.array(values, dtype=dtype)
    for _ in range(abs(steps)):
        moved[k] = np.nextafter(moved[k], dtype.type(np.inf if steps > 0 else -np.inf))
    return [float(v) for v in moved]


@pytest.mark.parametrize("fmt", [B64, FORMATS["binary32"], B16], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("function", CORES)
def test_the_correctly_rounded_result_is_within_and_its_neighbours_exceed(
    function: str, row: list[float], fmt: Format
) -> None:
    right = _nearest(function, row, fmt)
    assert _judged(function, row, right, "correct", fmt) == [WITHIN] * len(right)
    for standard in ladder(function):
        assert _judged(function, row, right, standard, fmt) == [WITHIN] * len(right), standard
    for k in range(len(right)):
        beside = [_judged(function, row, _stepped(right, k, steps, fmt), "correct", fmt)[k] for steps in (-1, 1)]
        assert beside == [EXCEEDS, EXCEEDS]


@pytest.mark.parametrize("row", [ROWS[0], ROWS[1], ROWS[4]], ids=str)
@pytest.mark.parametrize("function", CORES)
def test_faithful_allows_the_two_results_around_the_exact_one_and_no_other(function: str, row: list[float]) -> None:
    right = _nearest(function, row, B64)
    for k in range(len(right)):
        found = [_judged(function, row, _stepped(right, k, s, B64), "faithful")[k] for s in (-2, -1, 0, 1, 2)]
        assert found[0] is found[4] is EXCEEDS
        assert found[2] is WITHIN
        assert sorted(o.name for o in (found[1], found[3])) == ["EXCEEDS", "WITHIN"]


def test_an_exact_half_allows_no_other_result() -> None:
    assert _judged("softmax", [0.0, 0.0], [0.5, 0.5], "correct") == [WITHIN, WITHIN]
    for near in (np.nextafter(0.5, 0), np.nextafter(0.5, 1)):
        assert _judged("softmax", [0.0, 0.0], [near, 0.5], "correct") == [EXCEEDS, WITHIN]
        assert _judged("softmax", [0.0, 0.0], [near, 0.5], "faithful") == [EXCEEDS, WITHIN]


def test_a_result_on_the_other_side_of_a_power_of_two_is_not_faithful() -> None:
    row = [2.0**-60, 0.0]
    below = float(np.nextafter(0.5, 0))
    assert _judged("softmax", row, [0.5, 0.5], "correct") == [WITHIN, WITHIN]
    assert _judged("softmax", row, [0.5, below], "faithful") == [WITHIN, WITHIN]
    assert _judged("softmax", row, [below, 0.5], "faithful") == [EXCEEDS, WITHIN]


def test_a_result_below_the_maximum_exceeds_where_rounding_cannot_lead() -> None:
    row = [1.0, -800.0]
    assert _judged("logsumexp", row, [1.0], "shifted") == [WITHIN]
    for standard in ("correct", "faithful", "shifted-log1p", "shifted", "chained"):
        assert _judged("logsumexp", row, [float(np.nextafter(1.0, 0))], standard) == [EXCEEDS], standard


def test_a_lost_small_term_exceeds_shifted_log1p_and_is_within_shifted() -> None:
    assert _judged("logsumexp", [0.0, -40.0], [0.0], "shifted-log1p") == [EXCEEDS]
    assert _judged("logsumexp", [0.0, -40.0], [0.0], "shifted") == [WITHIN]


def test_a_binary16_mask_has_a_finite_result_and_infinity_is_not_the_nearest() -> None:
    row = [4.0, -65504.0]
    assert _judged("log_softmax", row, [0.0, -65504.0], "correct", B16) == [WITHIN, WITHIN]
    assert _judged("log_softmax", row, [0.0, -np.inf], "correct", B16) == [WITHIN, EXCEEDS]
    assert _judged("log_softmax", row, [0.0, -65472.0], "correct", B16) == [WITHIN, EXCEEDS]
    assert _judged("log_softmax", [32.0, -65504.0], [0.0, -np.inf], "correct", B16) == [WITHIN, WITHIN]


@pytest.mark.parametrize("fmt", [B64, FORMATS["binary32"], B16], ids=lambda fmt: fmt.name)
def test_the_largest_number_twice_is_finite_for_every_algorithm_with_a_shift(fmt: Format) -> None:
    row = [fmt.largest, fmt.largest]
    for standard in ("correct", "shifted-log1p", "shifted", "chained"):
        assert _judged("logsumexp", row, [fmt.largest], standard, fmt) == [WITHIN], standard
        assert _judged("logsumexp", row, [np.inf], standard, fmt) == [EXCEEDS], standard


def test_masked_rows_are_decided_by_every_standard() -> None:
    for mask in (-1e9, -1e30, -1e300, -np.inf):
        row = [0.0, 0.0, mask]
        for standard in ladder("softmax"):
            assert _judged("softmax", row, [0.5, 0.5, 0.0], standard) == [WITHIN] * 3, (mask, standard)
            assert _judged("softmax", row, [0.5, 0.75, 0.0], standard)[1] is EXCEEDS, (mask, standard)
        for standard in ladder("logsumexp"):
            log2 = float(np.log(2.0))
            assert _judged("logsumexp", row, [log2], standard) == [WITHIN], (mask, standard)
            assert _judged("logsumexp", row, [log2 + 1], standard) == [EXCEEDS], (mask, standard)


def test_a_nan_for_a_number_exceeds_every_standard() -> None:
    for function in CORES:
        results = 1 if function == "logsumexp" else 2
        for standard in ladder(function):
            assert _judged(function, [0.0, -1.0], [np.nan] * results, standard) == [EXCEEDS] * results


def test_a_flushed_result_exceeds_and_is_within_for_kernels_that_flush() -> None:
    for fmt, gap in ((B64, 720.0), (FORMATS["binary32"], 95.0), (B16, 12.0)):
        for standard in ("correct", "faithful", "shifted"):
            found = [_judged("softmax", [0.0, -gap], [1.0, 0.0], standard, fmt, flush)[1] for flush in (False, True)]
            assert found == [EXCEEDS, WITHIN], (fmt.name, standard)
            twice = [0.0, -gap], [1.0, 4 * fmt.smallest_normal]
            assert _judged("softmax", *twice, standard, fmt, True)[1] is EXCEEDS


@pytest.mark.parametrize(
    ("name", "row", "left"),
    [
        ("naive", [710.0, 0.0], "no exponential overflows"),
        ("naive", [708.9, 708.9, 708.9], "no sum overflows"),
        ("naive", [-800.0, -800.0], "no logarithm of what may be zero"),
    ],
)
def test_a_row_outside_the_hypotheses_is_out_of_scope_by_name(name: str, row: list[float], left: str) -> None:
    expectation = Expectation([np.array([row])], "logsumexp", B64)
    outcome, _, allowed = expectation.judge(np.array([0.0]), name)
    assert Outcome(int(outcome[0])) is SKIPPED
    assert allowed.left.tolist() == [left]
    assert expectation.allowed("shifted").left.tolist() == [None]


@pytest.mark.parametrize(
    ("name", "row", "left"),
    [
        ("naive", [710.0, 0.0], "no sum of exponentials overflows"),
        ("naive", [-800.0, -800.0], "the relative error of the sum of exponentials is below 1"),
        ("compensated", [0.0] * 2049, "(n - 1) u is below 1"),
        ("shifted", [0.0] * 2049, "the relative error of the sum of exponentials is below 1"),
    ],
)
def test_a_row_outside_the_hypotheses_of_a_closed_form_is_out_of_scope_by_name(
    name: str, row: list[float], left: str
) -> None:
    expectation = Expectation([np.array([row])], "logsumexp", B64 if name == "naive" else B16, reading="closed")
    outcome, _, allowed = expectation.judge(np.array([0.0]), name)
    assert Outcome(int(outcome[0])) is SKIPPED
    assert allowed.left.tolist() == [left]


def test_a_logarithm_that_may_err_by_more_than_an_ulp_may_carry_the_result_below_the_maximum() -> None:
    fmt, below = FORMATS["binary32"], -FORMATS["binary32"].smallest_subnormal
    for ulps, owed in ((1, EXCEEDS), (2, WITHIN)):
        expectation = Expectation([np.array([[0.0, -103.5]])], "logsumexp", fmt, Libm(log1p=Fraction(ulps)))
        outcome, _, _ = expectation.judge(np.array([below]), "shifted-log1p")
        assert Outcome(int(outcome[0])) is owed


@pytest.mark.parametrize("name", ["chained", "online"])
def test_a_fold_too_long_to_be_read_is_judged_by_its_closed_form(name: str) -> None:
    row = np.zeros((1, FOLD_LIMIT + 1))
    expectation, closed = (Expectation([row], "logsumexp", B64, reading=r) for r in READINGS)
    assert expectation.allowed(name).in_scope.all()
    assert expectation.allowed(name).bound.lo == closed.allowed(name).bound.lo
    right, wrong = np.log(row.size), np.log(row.size) + 1e-9
    assert [expectation.judge(np.array([v]), name)[0].tolist() for v in (right, wrong)] == [
        [WITHIN.value],
        [EXCEEDS.value],
    ]


# Special values.

NAN, INF = np.nan, np.inf
PLANS = [
    ("logsumexp", "strict", [NAN, INF], [NAN]),
    ("logsumexp", "strict", [INF, -INF], [INF]),
    ("logsumexp", "limit", [INF, 0.0], [INF]),
    ("logsumexp", "strict", [-INF, -INF], [-INF]),
    ("logsumexp", "strict", [], [-INF]),
    ("logsumexp", "masked", [-INF], [-INF]),
    ("softmax", "strict", [NAN, 0.0], [NAN, NAN]),
    ("softmax", "limit", [NAN, INF], [NAN, NAN]),
    ("softmax", "masked", [NAN, -INF], [NAN, NAN]),
    ("softmax", "strict", [INF, 0.0], [NAN, NAN]),
    ("softmax", "masked", [INF, 0.0], [NAN, NAN]),
    ("softmax", "strict", [-INF, -INF], [NAN, NAN]),
    ("softmax", "limit", [-INF, -INF], [NAN, NAN]),
    ("softmax", "masked", [-INF, -INF], [0.0, 0.0]),
    ("log_softmax", "masked", [-INF, -INF], [-INF, -INF]),
    ("log_softmax", "strict", [-INF, -INF], [NAN, NAN]),
    ("log_softmax", "strict", [INF, 0.0], [NAN, NAN]),
]


@pytest.mark.parametrize(("function", "profile", "row", "owed"), PLANS)
def test_a_row_without_a_finite_result_owes_what_its_profile_says(
    function: str, profile: str, row: list[float], owed: list[float]
) -> None:
    plan = plan_row(np.array(row), function, profile)
    assert not plan.judged.any()
    assert not len(plan.finite)
    np.testing.assert_array_equal(plan.fixed, owed)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("function", "owed"), [("softmax", 0.0), ("log_softmax", -INF)])
def test_a_masked_entry_among_finite_ones_owes_its_limit_and_leaves_the_others_judged(
    function: str, owed: float, profile: str
) -> None:
    plan = plan_row(np.array([1.0, -INF, 2.0]), function, profile)
    assert plan.judged.tolist() == [True, False, True]
    assert plan.fixed[1] == owed
    assert plan.finite.tolist() == [0, 2]
    assert plan.entries.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_in_the_limit_one_infinity_takes_all_and_several_share(function: str) -> None:
    for row, entries in (([INF, 3.0], [0.0]), ([INF, 3.0, INF], [0.0, 0.0])):
        plan = plan_row(np.array(row), function, "limit")
        assert plan.entries.tolist() == entries
        assert plan.judged.tolist() == [v == INF for v in row]
        assert plan.fixed[1] == (0.0 if function == "softmax" else -INF)


def test_an_unknown_profile_or_standard_or_function_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="lenient"):
        plan_row(np.zeros(2), "softmax", "lenient")
    with pytest.raises(KeyError, match="softmin"):
        plan_row(np.zeros(2), "softmin")
    with pytest.raises(KeyError, match="softmax has no algorithm 'chained'"):
        Expectation([np.zeros((1, 2))], "softmax", B64).allowed("chained")


def test_the_ladder_starts_with_correct_and_faithful_and_is_part_of_the_standards() -> None:
    for function in FUNCTIONS:
        assert ladder(function)[:2] == ("correct", "faithful")
        assert set(ladder(function)) <= set(standards_for(function))


ENTRIES = st.floats(-50, 50) | st.sampled_from([0.0, 1.0, -745.0, 709.0, 1e300, -1e300, -INF])

BATCHES = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(ENTRIES, min_size=n, max_size=n), min_size=2, max_size=4),
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    rows=BATCHES,
    steps=st.integers(-4, 4),
    function=st.sampled_from(CORES),
)
def test_a_verdict_is_the_same_in_a_batch_and_alone(rows: list[list[float]], steps: int, function: str) -> None:
    x = np.array(rows)
    together = Expectation([x], function, B64)
    apart = Expectation([x[k : k + 1] for k in range(len(x))], function, B64)
    with np.errstate(all="ignore"):
        reference = together.reference
        got = np.ldexp(reference.whole + np.round(reference.fraction) + steps, reference.exponent.astype(np.int32))
    for standard in standards_for(function):
        for flush in (False, True):
            whole = together.judge(got, standard, flush)[0]
            assert whole.tolist() == apart.judge(got, standard, flush)[0].tolist()
            single = []
            for k in range(len(x)):
                alone = Expectation([x[k : k + 1]], function, B64)
                single += alone.judge(got[together.row == k], standard, flush)[0].tolist()
            assert whole.tolist() == single
