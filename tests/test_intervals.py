"""Establishes that every interval operation contains the true result, as Arb knows it, and never makes a NaN.

Points are drawn from the whole of binary64, with the switch points of the implementation among them; the image of
any point of the arguments must lie in the result. A twin with an exp that is wrong by four times the stated error
must be caught by the same check.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import methodcaller
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shiftproof.verify import FORMATS, intervals
from shiftproof.verify.balls import working_precision
from shiftproof.verify.intervals import ELEMENTARY, Interval, IntervalOperations

OPS = IntervalOperations()
EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
BITS = 2400  # any sum or product of two binary64 numbers is exact with that many

_EDGES = [
    0.01,
    0.29,
    0.7071067811865476,
    1.0,
    2.0**-60,
    37.5,
    708.4,
    709.0,
    709.782712893384,
    710.0,
    745.0,
    745.2,
]
_EDGES += [5e-324, 2.0**-1074 * 3, 2.0**-1022, 2.0**-1000, 1.7976931348623157e308, 2.0**1000]
SWITCHES = [s * float(v) for e in _EDGES for v in (e, np.nextafter(e, 0), np.nextafter(e, 1.7e308)) for s in (1, -1)]
SWITCHES = [v for v in SWITCHES if np.isfinite(v)] + [0.0]

NUMBERS = st.sampled_from(SWITCHES) | st.floats(-750, 750) | st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = NUMBERS.map(abs).filter(bool)


@st.composite
def points(draw: st.DrawFn, numbers: Any = NUMBERS) -> tuple[float, float, float]:
    """lo, hi and a point between them; often lo = hi, and an end is infinite at times."""
    x = draw(numbers)
    kind = draw(st.sampled_from(["point", "point", "wide", "below", "above"]))
    if kind == "point":
        return x, x, x
    other = draw(numbers)
    lo, hi = min(x, other), max(x, other)
    return (-np.inf if kind == "below" else lo), (np.inf if kind == "above" else hi), x


def _interval(point: tuple[float, float, float]) -> Interval:
    return Interval(np.array([[point[0]]]), np.array([[point[1]]]))


def _holds(result: Interval, truth: Any) -> bool:
    """Whether the only interval of `result` contains the number in an Arb ball; NaN ends are never right."""
    lo, hi = result.lo.item(), result.hi.item()
    assert not np.isnan(lo)
    assert not np.isnan(hi)
    assert lo <= hi
    return not (flint.arb(lo) > truth or truth > flint.arb(hi))


def _contains(operation: Callable[..., Interval], exact: Callable[..., Any], *args: tuple[float, ...]) -> bool:
    """Whether the operation on intervals contains the exact one on their points."""
    with np.errstate(all="ignore"):
        result = operation(*map(_interval, args))
    with working_precision(BITS):
        truth = exact(*(flint.arb(point) for _, _, point in args))
        assert truth.is_finite()
        return _holds(result, truth)


_ARITHMETIC = {
    "add": (OPS.add, lambda a, b: a + b),
    "sub": (OPS.sub, lambda a, b: a - b),
    "mul": (OPS.mul, lambda a, b: a * b),
    "maximum": (OPS.maximum, lambda a, b: a.max(b)),
    "minimum": (OPS.minimum, lambda a, b: a.min(b)),
}


@pytest.mark.parametrize("name", _ARITHMETIC)
@EXAMPLES
@given(a=points(), b=points())
def test_arithmetic_contains_the_exact_result(name: str, a: Any, b: Any) -> None:
    assert _contains(*_ARITHMETIC[name], a, b)


@EXAMPLES
@given(a=points(), b=points())
def test_quotients_contain_the_exact_result(a: Any, b: Any) -> None:
    assume(b[2] != 0)
    assert _contains(OPS.div, lambda s, t: s / t, a, b)


@EXAMPLES
@given(a=points())
def test_signs_and_sizes_are_exact(a: Any) -> None:
    assert _contains(lambda x: -x, lambda x: -x, a)
    assert _contains(abs, abs, a)


@EXAMPLES
@given(a=points(), exponent=st.integers(-2200, 2200) | st.sampled_from([0, 1, -1074, 1023, -5000, 5000]))
def test_scaling_contains_the_exact_result(a: Any, exponent: int) -> None:
    assert _contains(lambda x: x.scaled(np.array([[exponent]])), lambda x: x * flint.arb((1, exponent)), a)


@EXAMPLES
@given(a=points())
def test_exp_contains_the_exact_result(a: Any) -> None:
    assert _contains(OPS.exp, lambda x: x.exp(), a)


@EXAMPLES
@given(a=points(POSITIVE))
def test_log_contains_the_exact_result(a: Any) -> None:
    assert _contains(OPS.log, lambda x: x.log(), a)


@EXAMPLES
@given(a=points(POSITIVE | st.floats(-1, 1, exclude_min=True)))
def test_log1p_contains_the_exact_result(a: Any) -> None:
    assert _contains(OPS.log1p, lambda x: x.log1p(), a)


@EXAMPLES
@given(a=points(), e=points(POSITIVE | st.just(0.0)))
def test_the_change_of_exp_contains_the_exact_one(a: Any, e: Any) -> None:
    assume(e[0] >= 0)
    assert _contains(OPS.exp_change, lambda x, t: x.exp() * t.expm1() if t else flint.arb(0), a, e)


@EXAMPLES
@given(a=points(POSITIVE), e=points(POSITIVE | st.just(0.0)), share=st.floats(0, 1, exclude_max=True))
def test_the_change_of_log_contains_the_exact_one(a: Any, e: Any, share: float) -> None:
    near = share * a[2]
    for error in (e, (near, near, near)):
        if a[0] > 0 and error[0] >= 0 and error[2] < a[2]:
            assert _contains(OPS.log_change, lambda x, t: -(-(t / x)).log1p(), a, error)


@EXAMPLES
@given(a=points(), e=points(POSITIVE), t=st.floats(-1, 1))
def test_a_widened_interval_contains_everything_as_near(a: Any, e: Any, t: float) -> None:
    assume(e[0] >= 0)
    assert _contains(OPS.widened, lambda x, d: x + flint.arb(t) * d, a, e)


@EXAMPLES
@given(row=st.lists(points(), max_size=12))
def test_sums_and_maxima_contain_the_exact_result(row: list[Any]) -> None:
    x = Interval(*(np.array([[p[k] for p in row]], dtype=float) for k in (0, 1)))
    with np.errstate(all="ignore"), working_precision(BITS):
        values = [flint.arb(p[2]) for p in row]
        assert _holds(OPS.sum(x), sum(values, flint.arb(0)))
        if row:
            top = max(p[2] for p in row)
            assert _holds(OPS.max(x), flint.arb(top))


@EXAMPLES
@given(row=st.lists(NUMBERS, min_size=1, max_size=8))
def test_dropping_the_maximum_leaves_the_other_entries(row: list[float]) -> None:
    rest = OPS.drop_max(Interval.point([row]))
    others = list(row)
    others.remove(max(row))
    assert rest.lo.tolist() == rest.hi.tolist() == [others]


@pytest.mark.parametrize("name", FORMATS)
@EXAMPLES
@given(a=points())
def test_the_ulp_contains_that_of_every_point(name: str, a: Any) -> None:
    exact = float(FORMATS[name].ulp(a[2]))
    assert _contains(lambda x: OPS.ulp(x, FORMATS[name].model()), lambda x: flint.arb(exact), a)


@EXAMPLES
@given(p=st.integers(-(10**6), 10**6), q=st.integers(1, 10**6), scale=st.integers(-1200, 1020))
def test_a_constant_is_enclosed_and_a_binary64_one_is_exact(p: int, q: int, scale: int) -> None:
    value = Fraction(p, q) * Fraction(2) ** scale
    assume(abs(value) <= Fraction(FORMATS["binary64"].largest))
    found = OPS.constant(value)
    lo, hi = float(found.lo), float(found.hi)
    assert Fraction(lo) <= value
    assert hi == np.inf or value <= Fraction(hi)
    if Fraction(float(value)) == value:
        assert lo == hi == float(value)


def test_a_constant_past_the_largest_number_is_enclosed() -> None:
    found = OPS.constant(Fraction(2) ** 1024)
    assert float(found.lo) == FORMATS["binary64"].largest
    assert float(found.hi) == np.inf


@EXAMPLES
@given(a=points(), b=points())
def test_a_certain_comparison_is_true_of_every_point(a: Any, b: Any) -> None:
    x, y = _interval(a), _interval(b)
    assert not OPS.certainly_less(x, y).item() or a[2] < b[2]
    assert not OPS.certainly_at_most(x, y).item() or a[2] <= b[2]
    assert OPS.certainly_less(x, y).item() == (a[1] < b[0])


def test_exact_zeros_and_ones_stay_exact() -> None:
    zero, one = Interval.point([[0.0]]), Interval.point([[1.0]])
    everything = Interval(np.array([[-np.inf]]), np.array([[np.inf]]))
    with np.errstate(all="ignore"):
        exact = [OPS.exp(zero), OPS.log(one), OPS.log1p(zero), OPS.mul(zero, everything), OPS.div(zero, one)]
    assert [(r.lo.item(), r.hi.item()) for r in exact] == [(1, 1), (0, 0), (0, 0), (0, 0), (0, 0)]


_UNBOUNDED = [
    (-np.inf, np.inf),
    (np.inf, np.inf),
    (-np.inf, -np.inf),
    (0.0, np.inf),
    (-np.inf, 0.0),
    (0.0, 0.0),
]


@pytest.mark.parametrize("a", _UNBOUNDED)
@pytest.mark.parametrize("b", [*_UNBOUNDED, (1.0, 2.0), (-1.0, 1.0)])
def test_nothing_makes_a_nan_of_infinite_ends(a: tuple[float, float], b: tuple[float, float]) -> None:
    x, y = (Interval(np.array([[lo]]), np.array([[hi]])) for lo, hi in (a, b))
    size = abs(y)
    with np.errstate(all="ignore"):
        results = [
            OPS.add(x, y),
            OPS.sub(x, y),
            OPS.mul(x, y),
            OPS.div(x, y),
            abs(x),
            OPS.exp(x),
            OPS.log(abs(x)),
            OPS.log1p(abs(x)),
        ]
        results += [OPS.maximum(x, y), OPS.sum(Interval(np.hstack([x.lo, y.lo]), np.hstack([x.hi, y.hi])))]
        results += [
            OPS.exp_change(x, size),
            OPS.log_change(abs(x), size),
            OPS.widened(x, size),
            x.scaled(np.array([[3]])),
        ]
    for number, result in enumerate(results):
        assert not np.isnan([result.lo, result.hi]).any(), number


@pytest.mark.parametrize("factor", [4.0, -4.0])
def test_an_exp_wrong_by_four_times_its_stated_error_is_caught(monkeypatch: Any, factor: float) -> None:
    right = intervals.exp_near
    grid = [(t, t, t) for t in np.linspace(-700.0, 700.0, 29).tolist() if t]
    assert all(_contains(OPS.exp, lambda x: x.exp(), point) for point in grid)
    monkeypatch.setattr(intervals, "exp_near", lambda t: right(t) * (1 + factor * ELEMENTARY))
    assert not any(_contains(OPS.exp, lambda x: x.exp(), point) for point in grid)


@pytest.mark.parametrize("function", ["log", "log1p"])
def test_a_logarithm_wrong_by_four_times_its_stated_error_is_caught(monkeypatch: Any, function: str) -> None:
    right, ours = intervals._log_reduced, getattr(OPS, function)
    grid = [(t, t, t) for t in (0.05, 0.15, 0.2, 0.28, 3.0, 100.0)]
    assert all(_contains(ours, methodcaller(function), point) for point in grid)
    monkeypatch.setattr(intervals, "_log_reduced", lambda *of: right(*of) * (1 + 4 * ELEMENTARY))
    assert not any(_contains(ours, methodcaller(function), point) for point in grid)
