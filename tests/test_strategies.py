"""Establishes that the Hypothesis strategies draw numbers of the format, reach what they are for, shrink to cases that
people can read, and refuse what does not exist; and that a strategy without what is searched for says so.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import array_api_strict
import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis.errors import InvalidArgument, NoSuchExample
from hypothesis.extra import numpy as hnp
from hypothesis.extra.array_api import make_strategies_namespace

from shiftproof.verify import ADVERSARIES, FORMATS, Adversary
from shiftproof.verify.cases import MEMORY_LAYOUTS
from shiftproof.verify.strategies import (
    FAMILIES,
    batches,
    elements,
    gaps,
    near_cancellation,
    near_ties,
    specials,
    ties,
    vectors,
)

ROWS = {f.__name__: f for f in (vectors, gaps, ties, near_ties, near_cancellation, specials)}
XPS = make_strategies_namespace(array_api_strict, api_version="2023.12")
DTYPES = {"binary64": array_api_strict.float64, "binary32": array_api_strict.float32}
FINITE = [name for name in FAMILIES if name != "specials"]
SOME = settings(max_examples=60, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=5000, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def _found(strategy: Any, wanted: Callable[[Any], Any]) -> Any:
    return find(strategy, lambda x: bool(wanted(x)), settings=LONG)


def _of_the_format(x: Any, format_name: str) -> bool:
    fmt = FORMATS[format_name]
    values = np.asarray(x, dtype=np.float64)
    return x.dtype == (fmt.dtype or "float64") and bool(np.array_equal(fmt.round(values), values, equal_nan=True))


def _logsumexp(x: Any) -> float:
    with mpmath.workdps(60):
        return float(mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(a))) for a in x)))


# Kernels with a planted fault, and whether a row shows it.


def _shows_a_lost_tail(x: Any) -> bool:
    """log(sum exp(x - a)) is 0 although log1p of the tail is not."""
    if not np.isfinite(x).all():
        return False
    with np.errstate(all="ignore"):
        below = np.sort(x.astype(np.float64)) - float(x.max())
        return bool(np.log(np.exp(below).sum()) == 0 < np.log1p(np.exp(below[:-1]).sum()))


def _shows_a_dropped_tie(x: Any) -> bool:
    """The sum over the different entries is not the sum over all."""
    if not np.isfinite(x).all():
        return False
    below = x.astype(np.float64) - float(x.max())
    return bool(np.exp(np.unique(below)).sum() < 0.999 * np.exp(below).sum())


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", ROWS)
def test_rows_hold_numbers_of_the_format_and_have_the_sizes_asked_for(name: str, format_name: str) -> None:
    @SOME
    @given(ROWS[name](format_name, min_size=3, max_size=5))
    def holds(x: Any) -> None:
        assert x.ndim == 1
        assert 3 <= len(x) <= 5
        assert _of_the_format(x, format_name)

    holds()


@pytest.mark.parametrize("format_name", FORMATS)
def test_elements_are_finite_floats_of_the_format(format_name: str) -> None:
    @SOME
    @given(elements(format_name))
    def holds(a: float) -> None:
        assert type(a) is float
        assert abs(a) <= FORMATS[format_name].largest
        assert FORMATS[format_name].round(a) == a

    holds()


def test_a_number_that_is_not_of_the_format_would_be_noticed() -> None:
    assert _of_the_format(np.array([0.1], dtype=np.float32), "binary32")
    assert not _of_the_format(np.array([0.1]), "bfloat16")
    assert not _of_the_format(np.array([0.1]), "binary32")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_row_is_what_its_strategy_says(format_name: str) -> None:
    fmt = FORMATS[format_name]

    @SOME
    @given(gaps(format_name), ties(format_name), near_ties(format_name), specials(format_name))
    def holds(gapped: Any, tied: Any, near: Any, special: Any) -> None:
        assert (gapped == gapped.max()).sum() == 1
        assert (tied == tied.max()).sum() >= 2
        top = float(near.max())
        assert 0 < top - float(near.min()) <= 9 * float(fmt.ulp(top))
        assert not np.isfinite(special).all()

    holds()


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_row_near_cancellation_has_a_logsumexp_near_zero(format_name: str) -> None:
    fmt = FORMATS[format_name]

    @SOME
    @given(near_cancellation(format_name))
    def holds(x: Any) -> None:
        values = x.astype(np.float64)
        assert abs(_logsumexp(values)) <= float(np.sum(np.exp(values) * 5 * fmt.ulp(values)))

    holds()


REACHED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    **{f"a gap beyond 40 in {f}": (gaps(f), lambda x: np.ptp(x.astype(float)) > 40) for f in FORMATS},
    **{f"an exact tie in {f}": (ties(f), _shows_a_dropped_tie) for f in FORMATS},
    "a logsumexp within 1e-10 of 0": (near_cancellation(), lambda x: 0 < abs(_logsumexp(x)) < 1e-10),
    "a tiny complement": (near_cancellation(), lambda x: 0 < -float(x.max()) < 1e-30),
    "an underflowing exp": (gaps(), lambda x: 0 < np.exp(x.min() - x.max()) < 1e-310),
    "a subnormal": (vectors(), lambda x: (np.abs(x[x != 0]) < 2.0**-1022).any()),
    "a subnormal of binary16": (vectors("binary16"), lambda x: (np.abs(x[x != 0]) < 2.0**-14).any()),
    "a negative zero": (elements(), lambda a: a == 0 and np.signbit(a)),
    "the largest number": (elements("binary16"), lambda a: a == 65504),
    "a NaN element": (elements(special=True), np.isnan),
    "a fault of the ends": (vectors(families=["heavy-ends"], min_size=4), lambda x: x.argmax() == len(x) - 1),
    "more than 30 entries": (vectors(families=["crowded-tails"], max_size=40), lambda x: len(x) > 30),
    **{
        f"{a} first": (specials(max_size=4), lambda x, a=a: len(x) > 1 and _is(x[0], a)) for a in ("inf", "-inf", "nan")
    },
    **{
        f"{a} last": (specials(max_size=4), lambda x, a=a: len(x) > 1 and _is(x[-1], a)) for a in ("inf", "-inf", "nan")
    },
    **{
        f"layout {a}": (batches(ties, min_rows=2), lambda x, a=a: min(x.shape) > 1 and _layout(x) == a)
        for a in MEMORY_LAYOUTS
    },
}


def _is(a: Any, name: str) -> bool:
    return str(float(a)) == name


def _layout(x: Any) -> str:
    """The layout of an array with at least two rows and columns, by its strides."""
    rows, columns = (stride // x.itemsize for stride in x.strides)
    known = {(x.shape[1], 1): "C", (1, x.shape[0]): "F", (x.shape[1], -1): "reversed", (0, 1): "broadcast"}
    return known.get((rows, columns), "strided")


@pytest.mark.parametrize("what", REACHED)
def test_a_strategy_reaches_what_it_is_for(what: str) -> None:
    strategy, wanted = REACHED[what]
    assert wanted(_found(strategy, wanted))


@pytest.mark.parametrize("family", ["gaps", "scales", "specials"])
def test_each_family_can_be_asked_for_alone(family: str) -> None:
    assert np.isnan(_found(vectors(families=["specials"]), lambda x: np.isnan(x).any())).any()
    assert len(_found(vectors(families=[family], min_size=6, max_size=6), lambda x: True)) == 6


def test_what_a_strategy_does_not_have_is_not_found() -> None:
    for strategy, wanted in (
        (gaps(), _shows_a_dropped_tie_at_the_top),
        (near_ties(), lambda x: np.ptp(x) > 1),
        (vectors(families=FINITE), lambda x: not np.isfinite(x).all()),
        (batches(layouts=("F",)), lambda x: min(x.shape) > 1 and _layout(x) != "F"),
    ):
        with pytest.raises(NoSuchExample):
            find(strategy, wanted, settings=settings(LONG, max_examples=300))


def _shows_a_dropped_tie_at_the_top(x: Any) -> bool:
    return bool((x == x.max()).sum() > 1)


def _readable(x: Any) -> bool:
    """At most 3 entries, each of at most 8 characters."""
    return len(x) <= 3 and all(len(repr(float(a))) <= 8 for a in x)


FAULTS = {
    "lost tail in gaps": (gaps(), _shows_a_lost_tail, [0.0, -37.0]),
    "lost tail in rows": (vectors(), _shows_a_lost_tail, None),
    "lost tail in adversaries": (vectors(families=["underflow-threshold", "exp-windows"]), _shows_a_lost_tail, None),
    "dropped tie in ties": (ties(), _shows_a_dropped_tie, [0.0, 0.0]),
    "dropped tie in rows": (vectors(), _shows_a_dropped_tie, [0.0, 0.0]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_shrinks_to_a_case_that_people_can_read(fault: str) -> None:
    strategy, shows, simplest = FAULTS[fault]
    x = _found(strategy, shows)
    assert _readable(x)
    assert simplest is None or x.tolist() == simplest


def test_sound_sums_show_neither_fault_and_a_case_of_a_stream_is_not_called_readable() -> None:
    assert not _shows_a_lost_tail(np.array([0.0, -30.0]))
    assert not _shows_a_dropped_tie(np.array([0.0, -1.0]))
    assert not _readable(ADVERSARIES["gaps"].case(1, "logsumexp", FORMATS["binary64"], 0).x[0])
    assert not _readable(np.zeros(4))


@pytest.mark.parametrize("name", ROWS)
def test_the_simplest_row_has_the_fewest_entries_and_no_random_digits(name: str) -> None:
    x = _found(vectors(families=FINITE) if name == "vectors" else ROWS[name]("binary64"), lambda x: True)
    assert len(x) == (1 if name in ("vectors", "specials") else 2)
    expected = {
        "gaps": [0.0, -1.0],
        "ties": [0.0, 0.0],
        "near_ties": [0.0, -5e-324],
        "near_cancellation": [np.log(0.5)] * 2,
    }
    assert x.tolist() == expected.get(name, [-np.inf] if name == "specials" else [0.0])


@pytest.mark.parametrize("format_name", DTYPES)
def test_elements_fill_the_arrays_of_an_array_api_library(format_name: str) -> None:
    @SOME
    @given(XPS.arrays(DTYPES[format_name], XPS.array_shapes(max_dims=2), elements=elements(format_name, special=True)))
    def holds(x: Any) -> None:
        assert x.dtype == DTYPES[format_name]
        assert _of_the_format(np.asarray(x), format_name)

    holds()


@pytest.mark.parametrize("format_name", [name for name, fmt in FORMATS.items() if fmt.dtype])
def test_elements_fill_arrays_of_numpy(format_name: str) -> None:
    @SOME
    @given(hnp.arrays(FORMATS[format_name].dtype, (2, 3), elements=elements(format_name, special=True)))
    def holds(x: Any) -> None:
        assert _of_the_format(x, format_name)

    holds()


@SOME
@given(vectors("binary32", families=FINITE))
def test_a_row_becomes_an_array_of_an_array_api_library(x: Any) -> None:
    assert float(array_api_strict.max(array_api_strict.asarray(x))) == float(x.max())


def test_elements_of_another_format_are_refused_by_the_array_strategies() -> None:
    @settings(SOME, report_multiple_bugs=False)
    @given(XPS.arrays(array_api_strict.float32, 3, elements=elements("binary64")))
    def narrows(x: Any) -> None: ...

    with pytest.raises(InvalidArgument):
        narrows()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("source", [vectors, gaps, ties], ids=lambda source: source.__name__)
def test_batches_are_rows_of_their_strategy(source: Any, format_name: str) -> None:
    @SOME
    @given(batches(source, format=format_name, min_rows=2, max_rows=3))
    def holds(x: Any) -> None:
        assert 2 <= x.shape[0] <= 3
        assert _of_the_format(x, format_name)
        if source is not vectors:
            at_top = (x == x.max(axis=1, keepdims=True)).sum(axis=1)
            assert (at_top == 1).all() if source is gaps else (at_top >= 2).all()

    holds()


@SOME
@given(batches(gaps(min_size=3, max_size=4), layouts=("broadcast",)))
def test_a_strategy_of_rows_of_several_lengths_makes_batches(x: Any) -> None:
    assert x.shape[1] in (3, 4)
    assert (x == x[0]).all()


def test_a_failing_test_notes_the_layout() -> None:
    @settings(database=None)
    @given(batches(ties, min_rows=2))
    def in_order(x: Any) -> None:
        assert x.strides[1] >= 0

    with pytest.raises(AssertionError) as failure:
        in_order()
    assert "memory layout: reversed" in "\n".join(failure.value.__notes__)


def test_a_family_of_ones_own_is_drawn_and_shrinks_to_its_first_entries() -> None:
    halves = Adversary("halves", "nothing", lambda d: 0.5 * d.rng.integers(1, 9, (4, d.n(5, 12))))
    x = _found(vectors("binary16", families=[halves]), lambda x: len(x) > 1)
    assert x.dtype == np.float16
    assert x.shape == (2,)
    assert (2 * x == np.rint(2 * x)).all()


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "format": (lambda: vectors("binary8"), "unknown format 'binary8': one of binary64, .* is required"),
    "format of elements": (lambda: elements("half8"), "unknown format 'half8'"),
    "format of batches": (lambda: batches(format="int8"), "unknown format 'int8'"),
    "family": (lambda: vectors(families=["gap"]), "unknown family 'gap': one of entries, gaps, .* is required"),
    "family that is no name": (lambda: vectors(families=[3]), "unknown family 3"),  # type: ignore[list-item]
    "one name": (lambda: vectors(families="gaps"), "a list of families is required, got 'gaps'"),
    "no family": (lambda: vectors(families=[]), "at least one family is required"),
    "no entries": (lambda: vectors(min_size=0), "1 <= min_size <= max_size is required, got 0 and 8"),
    "sizes": (lambda: vectors(min_size=4, max_size=3), "1 <= min_size <= max_size is required, got 4 and 3"),
    "size": (lambda: specials(max_size=2.5), "got 1 and 2.5"),  # type: ignore[arg-type]
    "one tied entry": (lambda: ties(min_size=1), "2 <= min_size <= max_size is required, got 1 and 8"),
    "family too long": (lambda: vectors(families=["ties"], max_size=1), "2 <= min_size <= max_size .* got 2 and 1"),
    "layout": (lambda: batches(layouts=("C", "diagonal")), r"layouts among C, .* required, got \('C', 'diagonal'\)"),
    "no layout": (lambda: batches(layouts=()), r"layouts among C, .* required, got \(\)"),
    "a layout's name": (lambda: batches(layouts="F"), "layouts among C, .* required, got 'F'"),
    "rows": (lambda: batches(min_rows=3, max_rows=2), "1 <= min_rows <= max_rows is required, got 3 and 2"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_exist_is_refused_at_once_and_by_name(what: str) -> None:
    make, complaint = REFUSED[what]
    with pytest.raises(ValueError, match=complaint):
        make()


def test_rows_of_one_entry_leave_out_the_families_that_need_two() -> None:
    assert len(_found(vectors(max_size=1), lambda x: True)) == 1


def _modules_after(line: str) -> bool:
    program = f"import sys\n{line}\nprint('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.strip() == "True"


def test_hypothesis_is_imported_with_the_strategies_and_not_before() -> None:
    assert not _modules_after("import shiftproof.verify, shiftproof.cli")
    assert _modules_after("import shiftproof.verify.strategies")


def test_the_example_of_the_page_fails_as_the_page_shows() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "hypothesis.md").read_text(encoding="utf-8")
    ((code, shown),) = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", page, re.DOTALL)
    sound = code.replace("np.log(np.exp(x - a).sum())", "np.log1p(np.exp(np.sort(x)[:-1] - a).sum())")
    assert sound != code
    name = "test_a_tail_that_exp_can_see_counts"
    scope: dict[str, Any] = {}
    exec(code, scope)
    with pytest.raises(AssertionError) as failure:
        scope[name]()
    (drawn,) = re.findall(r"^    x=.*$", shown, re.MULTILINE)
    assert drawn in "\n".join(failure.value.__notes__).splitlines()
    exec(sound, scope)
    scope[name]()
