"""What a shift costs is judged by the bound of any shift: never above it, lost at both thresholds of exp."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.proofs import bound, bounded_error
from shiftproof.verify import FORMATS, Outcome
from shiftproof.verify.intervals import Interval, IntervalOperations
from shiftproof.verify.shifts import shifted_rows, what_shifts_cost

FORMATS_WITH_TYPE = ("binary64", "binary32", "binary16")


@pytest.mark.parametrize("name", FORMATS_WITH_TYPE)
def test_no_shift_costs_more_than_its_bound_where_that_holds(name):
    points = list(what_shifts_cost(FORMATS[name]))
    judged = [p for p in points if p.outcome is not Outcome.OUT_OF_SCOPE]
    assert len(judged) > 20
    for p in judged:
        assert p.outcome is Outcome.WITHIN
        assert p.error_ulp[1] <= p.allowed_ulp[0]


@pytest.mark.parametrize("name", FORMATS_WITH_TYPE)
def test_below_the_one_threshold_exp_overflows_and_above_the_other_all_terms_vanish(name):
    points = list(what_shifts_cost(FORMATS[name]))
    assert (points[0].got, points[-1].got) == (np.inf, -np.inf)
    assert {p.outcome for p in points if np.isinf(p.got)} == {Outcome.OUT_OF_SCOPE}
    assert [p.shift for p in points] == sorted({p.shift for p in points})
    assert 0.0 in [p.shift for p in points]


def test_a_far_shift_costs_more_digits_than_the_maximum():
    error = {p.shift: p.error_ulp[0] for p in what_shifts_cost(FORMATS["binary64"])}
    assert error[512.0] > 50 * error[0.0]
    assert error[-512.0] > 50 * error[0.0]


def test_the_bound_of_any_shift_at_the_first_entry_is_the_bound_of_the_algorithm():
    of, model = bound("logsumexp", "arbitrary-shift"), FORMATS["binary64"].model()
    x = shifted_rows(FORMATS["binary64"])
    own = bounded_error(of, Interval.point(x), IntervalOperations(), model).error
    given = bounded_error(of, Interval.point(x), IntervalOperations(), model, Interval.point(x[:, :1])).error
    assert np.array_equal(own.hi, given.hi)
    farther = bounded_error(of, Interval.point(x), IntervalOperations(), model, Interval.point(x[:, :1] - 50)).error
    assert (farther.lo > own.hi).all()


def test_a_bound_of_the_maximum_takes_no_other_shift():
    x = Interval.point(shifted_rows(FORMATS["binary64"]))
    with pytest.raises(ValueError, match=r"a bound of any shift is required, got logsumexp\.shifted"):
        bounded_error(bound("logsumexp", "shifted"), x, IntervalOperations(), FORMATS["binary64"].model(), x)
