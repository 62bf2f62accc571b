"""Establishes that the families of hostile inputs are the same for the same seed and no other, that their values are
of the format, their layouts what they claim, and that a family of one's own takes a few lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shiftproof.proofs import FUNCTIONS
from shiftproof.verify import ADVERSARIES, FORMATS, Adversary, Case, Outcome, adversary_named, judge
from shiftproof.verify.cases import LAYOUTS, lay_out

INDICES = (0, 1, 2, 3, 4, 7, 12)
B64 = FORMATS["binary64"]

# Families without a random part, or with a few values only: another seed need not change every case.
_MAY_REPEAT = {"integers", "signed-zeros"}
_FIXED = {"public-reports"}  # no numbers are drawn


def _cases(name: str, seed: int, function: str = "logsumexp", format_name: str = "binary64") -> list[Case]:
    fmt = FORMATS[format_name]
    return [adversary_named(name).case(k, function, fmt, seed) for k in INDICES]


def _same(a: Case, b: Case) -> bool:
    return (a.name, a.layout, a.x.dtype, a.x.shape) == (
        b.name,
        b.layout,
        b.x.dtype,
        b.x.shape,
    ) and a.x.tobytes() == b.x.tobytes()


@pytest.mark.parametrize("name", ADVERSARIES)
def test_the_same_seed_makes_the_same_case_and_another_seed_another(name: str) -> None:
    first, again, other = _cases(name, 3), _cases(name, 3), _cases(name, 4)
    assert all(map(_same, first, again))
    assert name in _FIXED or not all(map(_same, first, other))
    if name not in _MAY_REPEAT | _FIXED:
        assert any(not _same(a, b) for a, b in zip(first, other, strict=True) if a.x.size > 1)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_a_case_does_not_depend_on_what_was_made_before_it(name: str) -> None:
    last = adversary_named(name).case(INDICES[-1], "softmax", B64, 5)
    assert _same(last, _cases(name, 5, "softmax")[-1])


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_values_are_of_the_format_and_shapes_are_rows(name: str, format_name: str) -> None:
    fmt = FORMATS[format_name]
    for function in FUNCTIONS:
        for case in _cases(name, 0, function, format_name):
            assert case.x.ndim == 2
            assert min(case.x.shape) >= 1
            if FUNCTIONS[function].entry == "pair":
                assert case.x.shape[1] == 2
            if case.x.dtype.kind == "f":
                values = case.x.astype(np.float64)
                assert case.x.dtype == (fmt.dtype or "float64")
                np.testing.assert_array_equal(fmt.round(values), values)
                assert name in ("specials", "public-reports") or np.isfinite(values).all()


def test_only_the_family_of_integers_leaves_the_floats() -> None:
    kinds = {name: {case.x.dtype.kind for case in _cases(name, 0)} for name in ADVERSARIES}
    assert {name for name, found in kinds.items() if found != {"f"}} == {"integers"}


def test_every_family_says_what_it_hunts_in_words_of_its_own() -> None:
    hunts = [family.hunts for family in ADVERSARIES.values()]
    assert all(hunts)
    assert len(set(hunts)) == len(hunts)
    assert all(family.name == name for name, family in ADVERSARIES.items())


def _case(layout: str) -> Case:
    x = np.arange(12.0).reshape(3, 4)
    return Case("planted", 0, np.broadcast_to(x[:1], x.shape).copy() if layout == "broadcast" else x, layout)


# Strides in entries of (rows, columns) for a case of shape (3, 4).
STRIDES = {"C": (4, 1), "F": (1, 3), "reversed": (4, -1), "strided": (8, 2), "broadcast": (0, 1), "axis-0": (1, 3)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_has_the_strides_that_it_claims_and_the_values_of_the_case(layout: str) -> None:
    case = _case(layout)
    array = lay_out(case)
    assert tuple(stride // array.itemsize for stride in array.strides) == STRIDES[layout]
    np.testing.assert_array_equal(array, case.x)
    assert not np.shares_memory(array, case.x)


def test_the_strides_tell_the_layouts_apart() -> None:
    assert set(STRIDES) == set(LAYOUTS)
    assert len(set(STRIDES.values())) == len(LAYOUTS) - 1
    assert STRIDES["axis-0"] == STRIDES["F"], "the same memory, told apart by the axis that a kernel reduces"


def test_the_family_of_layouts_uses_every_layout() -> None:
    found = {adversary_named("layouts").case(k, "softmax", B64, 0).layout for k in range(2 * len(LAYOUTS))}
    assert found == set(LAYOUTS)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_every_case_can_be_laid_out(name: str) -> None:
    for case in _cases(name, 1):
        np.testing.assert_array_equal(lay_out(case), case.x)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (np.zeros(3), r"got shape \(3,\) and 'C'"),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\) and 'C'"),
        (1.0, r"got shape \(\) and 'C'"),
        ((np.zeros((2, 2)), "diagonal"), r"got shape \(2, 2\) and 'diagonal'"),
    ],
)
def test_a_family_that_makes_something_else_is_refused_by_name(made: Any, complaint: str) -> None:
    family = Adversary("crooked", "nothing", lambda d: made)
    with pytest.raises(ValueError, match=rf"family crooked: an array \(rows, n\) .* required, {complaint}"):
        family.case(0, "softmax", B64, 0)


def test_an_unknown_family_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"unknown family 'gap': one of scales, gaps, .* is required"):
        adversary_named("gap")


def test_a_family_out_of_range_is_clipped_to_the_format_and_keeps_its_infinities() -> None:
    family = Adversary("vast", "overflow", lambda d: np.array([[1e300, -1e300, np.inf]]))
    found = family.case(0, "softmax", FORMATS["binary16"], 0).x
    assert found.dtype == np.float16
    assert found.astype(float).tolist() == [[65504.0, -65504.0, np.inf]]


def _shifted(x: Any) -> Any:
    a = x.max(axis=-1)
    return a + np.log(np.exp(x - a[:, np.newaxis]).sum(axis=-1))


def _off_by_a_thousandth(x: Any) -> Any:
    return _shifted(x) + np.ldexp(1.0, -10)


def test_a_family_of_ones_own_in_one_line_judges_a_kernel() -> None:
    halves = Adversary("halves", "kernels that cannot do 1/2", lambda d: 0.5 * d.rng.integers(-9, 9, (4, d.n(2, 5))))
    found = judge(_shifted, function="logsumexp", standard="shifted", families=[halves], cases=6)
    assert found.outcome is Outcome.WITHIN
    assert found.counts[Outcome.WITHIN] == 6
    assert list(found.details.families) == ["halves"]
    wrong = judge(_off_by_a_thousandth, function="logsumexp", standard="shifted", families=[halves], cases=6)
    assert wrong.outcome is Outcome.EXCEEDS
    assert wrong.worst is not None
    assert wrong.worst.case.startswith("halves#")


def test_a_crooked_family_stops_the_judging_by_name() -> None:
    crooked = Adversary("crooked", "nothing", lambda d: np.zeros(3))
    with pytest.raises(ValueError, match="family crooked"):
        judge(_shifted, function="logsumexp", families=[crooked], cases=6)
