"""Establishes the rule of decision: what is said of an error and a bound, both enclosed, and that the enclosure of an
error in ulps contains the exact one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shiftproof.verify import FORMATS, Enclosure, Outcome, Reference
from shiftproof.verify.decision import decide, error_in_ulps, worst

W, U, E = Outcome.WITHIN, Outcome.UNDECIDED, Outcome.EXCEEDS

# error lo, hi; allowed lo, hi; at most; strictly less.
TABLE = [
    (0.0, 0.0, 1.0, 1.0, W, W),
    (0.0, 1.0, 1.0, 1.0, W, U),
    (1.0, 1.0, 1.0, 1.0, W, E),
    (1.0, 1.0, 1.0, 2.0, W, U),
    (0.5, 0.75, 1.0, 2.0, W, W),
    (0.5, 1.5, 1.0, 2.0, U, U),
    (1.5, 1.5, 1.0, 2.0, U, U),
    (1.0, 2.0, 0.5, 1.0, U, E),
    (2.0, 3.0, 1.0, 2.0, U, E),
    (2.5, 3.0, 1.0, 2.0, E, E),
    (0.0, np.inf, 1.0, 1.0, U, U),
    (np.inf, np.inf, 1.0, 1.0, E, E),
    (np.inf, np.inf, 1.0, np.inf, U, E),
    (1.0, 1.0, 0.0, np.inf, U, U),
    (0.0, 0.0, 0.0, 0.0, W, E),
]


def _one(value: float) -> np.ndarray:
    return np.array([value])


def _decided(row: tuple[float, ...], in_scope: bool = True, strict: bool = False) -> Outcome:
    error, allowed = Enclosure(_one(row[0]), _one(row[1])), Enclosure(_one(row[2]), _one(row[3]))
    return Outcome(int(decide(error, allowed, np.array([in_scope]), strict)[0]))


@pytest.mark.parametrize("row", TABLE)
def test_the_table_of_decisions(row: tuple[float, float, float, float, Outcome, Outcome]) -> None:
    assert _decided(row[:4]) is row[4]
    assert _decided(row[:4], strict=True) is row[5]


@pytest.mark.parametrize("row", TABLE)
def test_what_is_out_of_scope_is_neither_passed_nor_failed(row: tuple[float, ...]) -> None:
    for strict in (False, True):
        assert _decided(row[:4], in_scope=False, strict=strict) is Outcome.OUT_OF_SCOPE


ENDS = st.tuples(*[st.floats(0, 4)] * 2).map(sorted)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(error=ENDS, allowed=ENDS, strict=st.booleans(), where=st.tuples(*[st.floats(0, 1)] * 2))
def test_a_decision_holds_for_every_error_and_bound_enclosed(
    error: list[float], allowed: list[float], strict: bool, where: tuple[float, float]
) -> None:
    found = _decided((*error, *allowed), strict=strict)
    ends = ((Fraction(lo), Fraction(hi)) for lo, hi in (error, allowed))
    e, a = (lo + (hi - lo) * Fraction(t) for (lo, hi), t in zip(ends, where, strict=True))
    if found is W:
        assert e < a if strict else e <= a
    if found is E:
        assert e >= a if strict else e > a


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_has_no_truth_value(outcome: Outcome) -> None:
    with pytest.raises(TypeError, match="an Outcome is not a truth value"):
        bool(outcome)


def test_the_worst_outcome_is_the_last_in_order_and_nothing_has_none() -> None:
    assert [o.name for o in Outcome] == ["WITHIN", "OUT_OF_SCOPE", "UNDECIDED", "EXCEEDS", "FAULT"]
    for k, outcome in enumerate(Outcome):
        assert worst(np.arange(k + 1, dtype=np.int8)) is outcome
    with pytest.raises(ValueError, match="nothing was judged"):
        worst(np.zeros(0, dtype=np.int8))


@pytest.mark.parametrize(
    ("lo", "hi", "message"),
    [
        ([1.0], [0.0], "lo <= hi at every place"),
        ([0.0, 2.0], [1.0, 1.0], "lo <= hi at every place"),
        ([np.nan], [1.0], "a NaN"),
        ([0.0], [np.nan], "a NaN"),
        ([0.0, 1.0], [1.0], r"one shape, got \(2,\) and \(1,\)"),
        ([[0.0]], [1.0], "one shape"),
    ],
)
def test_a_wrong_enclosure_is_refused(lo: list[float], hi: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Enclosure(np.array(lo), np.array(hi))


def test_a_point_and_an_unbounded_enclosure_are_accepted() -> None:
    assert Enclosure(_one(1.0), _one(1.0)).lo == Enclosure(_one(1.0), _one(np.inf)).lo


# Errors in ulps.


@st.composite
def references(draw: st.DrawFn, name: str) -> Reference:
    """One reference of a format: exact, or known to a radius, at any exponent, past the largest number included."""
    fmt = FORMATS[name]
    least = fmt.emin - fmt.precision + 1
    exponent = draw(st.sampled_from([least, least + 1, 0, fmt.emax - fmt.precision + 1]) | st.integers(least, fmt.emax))
    first = 0 if exponent == least else 2 ** (fmt.precision - 1)
    whole = draw(st.integers(first, 2**fmt.precision - 1)) * draw(st.sampled_from([1, -1]))
    fraction = draw(st.sampled_from([0.0, 0.5, 2.0**-52, 1 - 2.0**-53]) | st.floats(0, 1))
    radius = draw(st.sampled_from([0.0, 2.0**-52, 2.0**-40]))
    return Reference(np.array([exponent]), _one(float(whole)), _one(fraction), _one(radius))


def _truths(reference: Reference) -> list[Fraction]:
    """The two ends of the reference, in its own unit."""
    middle = Fraction(reference.whole[0]) + Fraction(reference.fraction[0])
    return [middle - Fraction(reference.radius[0]), middle + Fraction(reference.radius[0])]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_error_in_ulps_is_enclosed(name: str, data: st.DataObject) -> None:
    fmt = FORMATS[name]
    reference = data.draw(references(name))
    unit = Fraction(2) ** int(reference.exponent[0])
    steps = data.draw(st.integers(-3, 3) | st.integers(-(2**fmt.precision), 2**fmt.precision))
    near = float(min(max((Fraction(reference.whole[0]) + steps) * unit, -Fraction(fmt.largest)), Fraction(fmt.largest)))
    got = data.draw(
        st.sampled_from([near, near, near, np.inf, -np.inf, 0.0, fmt.largest]) | st.floats(-fmt.largest, fmt.largest)
    )
    got = float(fmt.round(got))
    assume(not np.isinf(got) or abs(reference.whole[0]) * unit < Fraction(2) ** (fmt.emax + 1))
    error = error_in_ulps(reference, _one(got), fmt)
    value = Fraction(got) if np.isfinite(got) else Fraction(2) ** (fmt.emax + 1) * (1 if got > 0 else -1)
    ends = _truths(reference)
    distances = [abs(value / unit - end) for end in ends]
    least = Fraction(0) if ends[0] <= value / unit <= ends[1] else min(distances)
    assert error.lo[0] <= least
    assert max(distances) <= error.hi[0] or np.isinf(error.hi[0])
    on_grid = (value / unit).denominator == 1 and max(distances) < 2**53
    if reference.radius[0] == reference.fraction[0] == 0 and on_grid and abs(value / unit) < 2**53:
        assert error.lo[0] == error.hi[0] == float(distances[0])


def _exact(whole: float, fraction: float = 0.0, exponent: int = 0, radius: float = 0.0) -> Reference:
    return Reference(np.array([exponent]), _one(whole), _one(fraction), _one(radius))


def _error(reference: Reference, got: float, name: str) -> tuple[float, float]:
    found = error_in_ulps(reference, _one(got), FORMATS[name])
    return float(found.lo[0]), float(found.hi[0])


@pytest.mark.parametrize("fraction", [2.0**-110, 5e-324])
def test_the_last_addition_is_rounded_outward(fraction: float) -> None:
    radius = 2.0**-52
    _, hi = _error(_exact(0.0, fraction, radius=radius), 0.0, "binary64")
    assert Fraction(hi) >= Fraction(fraction) + Fraction(radius)


@pytest.mark.parametrize("name", FORMATS)
def test_an_infinity_stands_for_the_number_after_the_largest(name: str) -> None:
    fmt = FORMATS[name]
    top = fmt.emax - fmt.precision + 1
    largest = _exact(2.0**fmt.precision - 1, exponent=top)
    assert _error(largest, np.inf, name) == (1.0, 1.0)
    lo, hi = _error(largest, -np.inf, name)
    assert lo <= 2 ** (fmt.precision + 1) - 1 <= hi
    assert _error(largest, fmt.largest, name) == (0.0, 0.0)


@pytest.mark.parametrize("name", FORMATS)
def test_an_infinity_is_free_of_error_where_the_result_lies_beyond(name: str) -> None:
    fmt = FORMATS[name]
    beyond = _exact(2.0 ** (fmt.precision - 1) + 1, exponent=fmt.emax - fmt.precision + 2)
    below = _exact(-(2.0 ** (fmt.precision - 1)) - 1, exponent=fmt.emax - fmt.precision + 2)
    assert _error(beyond, np.inf, name) == _error(below, -np.inf, name) == (0.0, 0.0)
    assert _error(beyond, -np.inf, name)[0] > 1
    assert _error(below, np.inf, name)[0] > 1


@pytest.mark.parametrize("name", FORMATS)
def test_a_nan_is_infinitely_wrong(name: str) -> None:
    assert _error(_exact(3.0), np.nan, name) == (np.inf, np.inf)


@pytest.mark.parametrize("name", FORMATS)
def test_an_unknown_reference_leaves_the_error_unknown(name: str) -> None:
    assert _error(_exact(0.0, radius=np.inf), 1.0, name) == (0.0, np.inf)


def test_the_sign_of_a_zero_is_no_error() -> None:
    assert _error(_exact(0.0), -0.0, "binary64") == (0.0, 0.0)
