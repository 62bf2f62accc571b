"""Establishes that a reference contains the truth, that its two referees agree, and that a doctored one is caught.

The truth is Arb's, at 5000 bits and from the definition of each function, not from the algorithms that the
references read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.verify import FORMATS, Format, RefereeDisagreement, Reference, references
from shiftproof.verify.balls import end_points, working_precision
from shiftproof.verify.references import RESOLUTION, core_references

CORES = ("logsumexp", "softmax", "log_softmax")
EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True)
BITS = 5000
Ends = tuple[Fraction, Fraction]


def _rational(ball: Any) -> Ends:
    """The ends of a ball; those of a number too small to write down are 0 and +-2^-20000."""
    (man, exp), (radius, radius_exp) = end_points(ball)
    assert radius >= 0
    if exp + man.bit_length() < -20000:
        tiny = Fraction(1, 2**20000)
        return (Fraction(0), tiny) if ball > 0 else (-tiny, Fraction(0))
    middle, spread = man * Fraction(2) ** exp, radius * Fraction(2) ** radius_exp
    return middle - spread, middle + spread


def _truth(row: list[float], function: str) -> list[Any]:
    with working_precision(BITS):
        x = [flint.arb(v) for v in row]
        top = x[row.index(max(row))]
        rest = sum(((v - top).exp() for k, v in enumerate(x) if k != row.index(max(row))), flint.arb(0))
        if function == "logsumexp":
            return [top + rest.log1p()]
        if function == "softmax":
            return [(v - top).exp() / (1 + rest) for v in x]
        return [(v - top) - rest.log1p() for v in x]


def _ends(reference: Reference, k: int) -> Ends:
    """The enclosure in ulps."""
    middle = Fraction(reference.whole[k]) + Fraction(reference.fraction[k])
    return middle - Fraction(reference.radius[k]), middle + Fraction(reference.radius[k])


def _ulp_exponent(size: Fraction, fmt: Format) -> int:
    if size == 0:
        return fmt.emin - fmt.precision + 1
    binade = size.numerator.bit_length() - size.denominator.bit_length()
    binade -= size < Fraction(2) ** binade
    return max(binade, fmt.emin) - fmt.precision + 1


def _references(row: list[float], fmt: Format) -> dict[str, Reference]:
    return core_references(np.array(row), CORES, fmt)


def _check(row: list[float], fmt: Format) -> None:
    for function, reference in _references(row, fmt).items():
        truths = _truth(row, function)
        assert len(reference.radius) == len(truths)
        for k, ball in enumerate(truths):
            assert reference.radius[k] <= RESOLUTION
            unit = flint.arb((1, int(reference.exponent[k])))
            with working_precision(BITS):
                scaled = ball / unit
                lo, hi = (flint.arb(flint.fmpq(e.numerator, e.denominator)) for e in _ends(reference, k))
                assert not scaled < lo, (function, row, k)
                assert not scaled > hi, (function, row, k)
                # The truth is known far better than the reference: touching it is containing it.
                assert scaled.rad() * 2**1000 < 1


@st.composite
def rows(draw: st.DrawFn, fmt: Format) -> list[float]:
    n = draw(st.integers(1, 8))
    scale = draw(st.sampled_from([0.01, 1.0, 10.0, 100.0, 800.0]))
    offset = draw(st.sampled_from([0.0, 0.0, 1.0, -30.0, fmt.largest / 4]))
    values = draw(st.lists(st.floats(-scale, scale) | st.just(0.0), min_size=n, max_size=n))
    if draw(st.booleans()):
        values = [values[0] + offset] * draw(st.integers(1, 3)) + values
    return [float(v) for v in fmt.round(np.array(values))]


@pytest.mark.parametrize("name", FORMATS)
@EXAMPLES
@given(data=st.data())
def test_the_enclosure_contains_the_truth(name: str, data: st.DataObject) -> None:
    _check(data.draw(rows(FORMATS[name])), FORMATS[name])


@EXAMPLES
@given(data=st.data(), precision=st.integers(100, 800))
def test_the_referees_agree_at_every_precision(data: st.DataObject, precision: int) -> None:
    row = np.array(data.draw(rows(FORMATS["binary64"])))
    second = references._mpmath_referee(row, CORES, precision)
    differ = False
    for function in CORES:
        first = references._arb_referee(row, function, precision)
        for a, b in zip(first, second[function], strict=True):
            with working_precision(BITS):
                (middle, radius), (other, spread) = ([flint.arb(end) for end in ball] for ball in (a, b))
                assert not abs(middle - other) > radius + spread
            differ |= a[0] != b[0]
    assert differ or len(set(row.tolist())) == 1


def _shifted(ball: Any, bits: int = 60) -> Any:
    """The ball moved by 2^-60 of its midpoint."""
    (man, exp), radius = ball
    return (((man << bits) + man, exp - bits), radius)


def _doctored_arb(real: Any) -> Any:
    return lambda row, function, precision: [_shifted(ball) for ball in real(row, function, precision)]


def _doctored_mpmath(real: Any) -> Any:
    def referee(row: Any, functions: Any, precision: int) -> Any:
        return {name: [_shifted(b) for b in found] for name, found in real(row, functions, precision).items()}

    return referee


@pytest.mark.parametrize("function", CORES)
@pytest.mark.parametrize(("name", "doctored"), [("_arb_referee", _doctored_arb), ("_mpmath_referee", _doctored_mpmath)])
def test_a_doctored_referee_stops_the_run_with_both_values(
    monkeypatch: Any, name: str, doctored: Any, function: str
) -> None:
    row = np.array([0.5, -1.25, 0.25])
    core_references(row, {function}, FORMATS["binary64"])
    monkeypatch.setattr(references, name, doctored(getattr(references, name)))
    both = r"Arb says \[(-?\d+), (-?\d+)\] \* 2\^-?\d+ and mpmath says \[(-?\d+), (-?\d+)\] \* 2\^-?\d+"
    with pytest.raises(RefereeDisagreement, match=both):
        core_references(row, {function}, FORMATS["binary64"])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 16, 100])
def test_softmax_of_equal_entries_is_one_nth(name: str, n: int) -> None:
    fmt = FORMATS[name]
    for value in (0.0, -3.5, fmt.largest, fmt.smallest_subnormal):
        reference = _references([value] * n, fmt)["softmax"]
        lo, hi = _ends(reference, 0)
        unit = Fraction(2) ** int(reference.exponent[0])
        assert lo * unit <= Fraction(1, n) <= hi * unit
        if n & (n - 1) == 0:
            assert reference.radius.tolist() == [0.0] * n


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_of_one_is_exact(name: str) -> None:
    fmt = FORMATS[name]
    for value in (
        0.0,
        -0.0,
        1.0,
        -2.75,
        fmt.largest,
        -fmt.largest,
        fmt.smallest_subnormal,
        fmt.smallest_normal,
    ):
        found = _references([value], fmt)
        for function, owed in (("logsumexp", value), ("softmax", 1.0), ("log_softmax", 0.0)):
            assert found[function].radius.tolist() == [0.0]
            lo, hi = _ends(found[function], 0)
            assert lo == hi == Fraction(owed) / Fraction(2) ** int(found[function].exponent[0])


@pytest.mark.parametrize("t", [1.0, 36.0, 46.0, 230.0, 708.4, 744.4, 745.0, 745.2, 1e4, 1e6])
def test_the_gap_does_not_break_the_reference(t: float) -> None:
    _check([0.0, -t], FORMATS["binary64"])
    _check([-t, 0.0, 0.0], FORMATS["binary64"])


def test_a_gap_of_1e300_leaves_a_result_strictly_above_zero() -> None:
    reference = _references([0.0, -1e300], FORMATS["binary64"])["logsumexp"]
    lo, hi = _ends(reference, 0)
    assert reference.exponent.tolist() == [-1074]
    assert lo <= 0 < hi <= Fraction(RESOLUTION) * 2


def test_the_ulp_is_that_of_the_side_of_the_binade_edge_on_which_the_result_lies() -> None:
    for t in (2.0**-60, 1e-300, 5e-324):
        above, below = _references([t, 0.0], FORMATS["binary64"])["softmax"].exponent.tolist()
        assert (above, below) == (-53, -54)
    found = _references([1.0, -800.0], FORMATS["binary64"])["logsumexp"]
    assert (found.exponent.tolist(), found.whole.tolist()) == ([-52], [2.0**52])
    assert _references([-1.0, -800.0], FORMATS["binary64"])["logsumexp"].exponent.tolist() == [-53]
    dominated = _references([0.0, -800.0], FORMATS["binary64"])["softmax"]
    assert dominated.exponent.tolist() == [-53, -1074]


@pytest.mark.parametrize("name", FORMATS)
@EXAMPLES
@given(data=st.data())
def test_the_ulp_is_that_of_the_truth(name: str, data: st.DataObject) -> None:
    fmt = FORMATS[name]
    row = data.draw(rows(fmt))
    for function, reference in _references(row, fmt).items():
        for k, ball in enumerate(_truth(row, function)):
            near, far = (_ulp_exponent(abs(end), fmt) for end in _rational(ball))
            if near == far:
                assert reference.exponent[k] == near


@EXAMPLES
@given(data=st.data())
def test_the_reference_decides_the_rounding_to_nearest(data: st.DataObject) -> None:
    fmt = FORMATS["binary16"]
    row = data.draw(rows(fmt))
    for function, reference in _references(row, fmt).items():
        for k, ball in enumerate(_truth(row, function)):
            unit = Fraction(2) ** int(reference.exponent[k])
            (lo, hi), (low, high) = _rational(ball), _ends(reference, k)
            if reference.radius[k]:
                assert round(lo / unit) == round(hi / unit) == round(low) == round(high), (function, row, k)
