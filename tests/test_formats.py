"""Establishes that rounding to a format and the ulp are those of exact rational arithmetic, in every format."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shiftproof.verify import FORMATS, Format, format_named

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
BOTH_SIGNS = st.sampled_from([1.0, -1.0])


def _ulp(v: Fraction, fmt: Format) -> Fraction:
    """The spacing of the format's numbers in the binade of v, at least the subnormal spacing."""
    binade = fmt.emin
    while abs(v) >= Fraction(2) ** (binade + 1):
        binade += 1
    return Fraction(2) ** (binade - fmt.precision + 1)


def _rounded(v: Fraction, fmt: Format) -> Fraction | float:
    """v to nearest, ties to even; infinite from halfway past the largest number."""
    w = round(v / _ulp(v, fmt)) * _ulp(v, fmt)
    if abs(w) >= Fraction(2) ** (fmt.emax + 1):
        return float("inf") if v > 0 else float("-inf")
    return w


@st.composite
def numbers(draw: st.DrawFn, fmt: Format) -> float:
    """binary64 numbers where rounding to the format is delicate: numbers of it, their midpoints, neighbours of both."""
    kind = draw(st.sampled_from(["number", "midpoint", "edge", "subnormal", "overflow", "any"]))
    if kind == "any":
        return draw(st.floats(allow_nan=False, allow_infinity=False))
    if kind == "subnormal":
        base = draw(st.integers(0, 2**fmt.precision)) * Fraction(fmt.smallest_subnormal)
    elif kind == "overflow":
        base = Fraction(fmt.largest) - draw(st.integers(0, 3)) * _ulp(Fraction(fmt.largest), fmt)
    else:
        binade = draw(st.integers(fmt.emin - 2, fmt.emax))
        digits = 0 if kind == "edge" else draw(st.integers(0, 2 ** (fmt.precision - 1) - 1))
        base = (1 + Fraction(digits, 2 ** (fmt.precision - 1))) * Fraction(2) ** binade
    if fmt.precision < 53:
        base += draw(st.sampled_from([0, 0, 1])) * _ulp(base, fmt) / 2
    value = float(min(base, Fraction(2) ** (fmt.emax + 1)) if fmt.precision < 53 else base)
    return draw(BOTH_SIGNS) * draw(st.sampled_from([value, np.nextafter(value, 0.0), np.nextafter(value, 1e308)]))


@pytest.mark.parametrize("name", FORMATS)
@EXAMPLES
@given(data=st.data())
def test_rounding_is_to_nearest_with_ties_to_even(name: str, data: st.DataObject) -> None:
    fmt = FORMATS[name]
    x = float(data.draw(numbers(fmt)))
    with np.errstate(over="ignore"):
        assert float(fmt.round(x)) == _rounded(Fraction(x), fmt)


@pytest.mark.parametrize("name", FORMATS)
@EXAMPLES
@given(data=st.data())
def test_the_ulp_is_the_spacing_in_the_binade(name: str, data: st.DataObject) -> None:
    fmt = FORMATS[name]
    x = float(data.draw(numbers(fmt)))
    if abs(x) < 2.0**fmt.emax * 2:
        assert Fraction(float(fmt.ulp(x))) == _ulp(Fraction(x), fmt)


@EXAMPLES
@given(x=st.floats(width=32, allow_nan=False) | st.floats(allow_nan=False))
@example(65519.99999999999)
@example(65520.0)
@example(2.0**-25)
def test_rounding_agrees_with_the_hardware_formats(x: float) -> None:
    with np.errstate(all="ignore"):
        assert float(FORMATS["binary32"].round(x)) == float(np.float32(x))
        assert float(FORMATS["binary16"].round(x)) == float(np.float16(x))


@pytest.mark.parametrize("name", FORMATS)
def test_rounding_twice_is_rounding_once_and_signs_are_kept(name: str) -> None:
    fmt = FORMATS[name]
    x = np.array([0.1, -0.1, fmt.largest, -fmt.largest, fmt.smallest_subnormal, 0.0, np.inf, -np.inf])
    once = fmt.round(x)
    assert (fmt.round(once) == once).all()
    assert (np.sign(once) == np.sign(x)).all()
    assert np.isnan(fmt.round(np.nan))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "binary64"])
def test_overflow_starts_half_an_ulp_past_the_largest_number(name: str) -> None:
    fmt = FORMATS[name]
    threshold = float(Fraction(fmt.largest) + _ulp(Fraction(fmt.largest), fmt) / 2)
    for sign in (1.0, -1.0):
        assert float(fmt.round(sign * threshold)) == sign * np.inf
        assert float(fmt.round(sign * np.nextafter(threshold, 0.0))) == sign * fmt.largest


@pytest.mark.parametrize("name", FORMATS)
def test_the_ulp_of_zero_and_of_subnormals_is_the_subnormal_spacing(name: str) -> None:
    fmt = FORMATS[name]
    for x in (
        0.0,
        -0.0,
        fmt.smallest_subnormal,
        -fmt.smallest_normal,
        float(np.nextafter(fmt.smallest_normal, 0.0)),
    ):
        assert float(fmt.ulp(x)) == fmt.smallest_subnormal
    assert float(fmt.ulp(2 * fmt.smallest_normal)) == 2 * fmt.smallest_subnormal


@pytest.mark.parametrize("name", FORMATS)
def test_the_ulp_doubles_at_a_power_of_two(name: str) -> None:
    fmt = FORMATS[name]
    below = float(np.nextafter(1.0, 0.0))
    assert float(fmt.ulp(1.0)) == 2 * float(fmt.ulp(below)) == 2.0 ** (1 - fmt.precision)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].dtype])
def test_the_constants_of_a_format_are_those_of_numpy(name: str) -> None:
    fmt = FORMATS[name]
    known = np.finfo(fmt.dtype)
    assert fmt.largest == float(known.max)
    assert fmt.smallest_normal == float(known.smallest_normal)
    assert fmt.smallest_subnormal == float(known.smallest_subnormal)
    assert fmt.precision == known.nmant + 1


def test_bfloat16_is_the_top_half_of_binary32() -> None:
    bits = np.array([0x3F80, 0x7F7F, 0x0001, 0x8080, 0x4049], dtype=np.uint32) << 16
    values = bits.view(np.float32).astype(np.float64)
    assert (FORMATS["bfloat16"].round(values) == values).all()
    halfway = (bits | 0x8000).view(np.float32).astype(np.float64)[[0, 2, 3, 4]]
    assert (FORMATS["bfloat16"].round(halfway) != halfway).all()


@pytest.mark.parametrize("name", FORMATS)
def test_every_alias_in_any_case_names_its_format(name: str) -> None:
    for alias in (name, *FORMATS[name].aliases):
        assert format_named(alias) is FORMATS[name]
        assert format_named(alias.upper()) is FORMATS[name]


def test_no_alias_names_two_formats() -> None:
    names = [alias for fmt in FORMATS.values() for alias in (fmt.name, *fmt.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["binary128", "", "float"])
def test_an_unknown_format_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown format '{name}': one of {', '.join(FORMATS)} is required"):
        format_named(name)
