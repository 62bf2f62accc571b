"""Shrinking: what comes out is a finding in its own right, as small and as plain as the judge allows."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.verify import FORMATS, Case, Kernel, Outcome
from shiftproof.verify.host import Host
from shiftproof.verify.shrinking import Examiner, shrink

B64 = FORMATS["binary64"]


def stable(x):
    order = np.sort(x, axis=-1)
    return order[..., -1] + np.log1p(np.exp(order[..., :-1] - order[..., -1:]).sum(-1))


def smallest(fault, x, standard="shifted-log1p", function="logsumexp", entry="vector", layout="C"):
    kernel = Kernel("planted", function, fault, standard)
    host = Host([kernel], 10.0)
    try:
        return shrink(Examiner(kernel, B64, standard, host), Case("planted", 1, x, layout), entry)
    finally:
        host.close()


def rows(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape) * 9


def test_a_fault_at_three_entries_shrinks_to_three_zeros() -> None:
    case, verdict = smallest(lambda x: stable(x) + (x.shape[-1] >= 3), rows(4, 40))
    assert verdict.outcome is Outcome.EXCEEDS
    np.testing.assert_array_equal(case.x, np.zeros((1, 3)))


def test_a_fault_that_one_number_triggers_keeps_that_number_and_nothing_else() -> None:
    x = rows(2, 20)
    x[1, 7] = 5.25
    case, _ = smallest(lambda x: stable(x) + (x == 5.25).any(-1), x)
    np.testing.assert_array_equal(case.x, [[5.25]])


def test_an_exception_is_followed_to_its_smallest_input() -> None:
    def raises(x):
        if x.shape[-1] % 7 == 0:
            raise IndexError("seven")
        return stable(x)

    case, verdict = smallest(raises, rows(3, 28))
    assert (verdict.fault, case.x.shape) == ("raises", (1, 7))


def test_a_fault_of_a_layout_keeps_its_layout() -> None:
    case, _ = smallest(lambda x: stable(x) + (x.strides[-1] < 0), rows(3, 5), layout="reversed")
    assert case.layout == "reversed"


def test_nan_where_a_number_is_owed_does_not_turn_into_another_finding() -> None:
    def two_faults(x):
        return np.where((x > 20).any(-1), np.nan, stable(x) + (x.shape[-1] > 4))

    x = rows(1, 12)
    x[0, 3] = 25.0
    _, verdict = smallest(two_faults, x)
    assert verdict.got == "nan"


def test_a_case_without_a_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="planted#1: WITHIN: an input that exceeds or has a fault is required"):
        smallest(stable, rows(2, 3))


def test_the_same_case_shrinks_to_the_same_input() -> None:
    found = [smallest(lambda x: stable(x) + (np.ptp(x) > 11), rows(4, 30))[0].x for _ in range(2)]
    np.testing.assert_array_equal(*found)
    assert found[0].size == 2


def test_the_largest_numbers_shrink_without_overflow() -> None:
    x = np.array([[-1.7e308, 4.5e307, 4.5e307]])
    case, _ = smallest(lambda x: stable(x) * (1 + 1e-6 * (np.abs(x).max(-1) > 1e308)), x)
    assert np.isfinite(case.x).all()
