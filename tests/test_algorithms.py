"""Establishes that what is judged is what was proven: every algorithm equals its function in exact arithmetic, for
every N, as a theorem, and its readings by intervals and by balls speak of the same number.

False algorithms, each a slip that has been made in print or in code, must be refused.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.proofs import (
    ALGORITHMS,
    FUNCTIONS,
    TEXT,
    Algorithm,
    Inexact,
    algorithm,
    algorithms_for,
    chains,
    exactness,
    specification,
    theorem,
)
from shiftproof.proofs.second_opinion import opinions
from shiftproof.verify import FORMATS
from shiftproof.verify.balls import BallOperations, balls, end_points, working_precision
from shiftproof.verify.intervals import Interval, IntervalOperations
from shiftproof.verify.references import core_references

CORES = ("logsumexp", "softmax", "log_softmax")
_NAMES = [f"{a.function}.{a.name}" for a in ALGORITHMS]


def _false(function: str, run: Any) -> Algorithm:
    return Algorithm(function, "planted", "false on purpose", run)


# The slips.


def _sign_error(o: Any, x: Any) -> Any:
    a = o.max(x)
    return o.sub(o.log(o.sum(o.exp(o.sub(x, a)))), a)


def _shift_added_inside(o: Any, x: Any) -> Any:
    a = o.max(x)
    return o.add(a, o.log(o.sum(o.exp(o.add(x, a)))))


def _shift_not_added_back(o: Any, x: Any) -> Any:
    return o.log(o.sum(o.exp(o.sub(x, o.max(x)))))


def _log1p_over_the_whole_sum(o: Any, x: Any) -> Any:
    a = o.max(x)
    return o.add(a, o.log1p(o.sum(o.exp(o.sub(x, a)))))


def _log_without_the_maximum(o: Any, x: Any) -> Any:
    a = o.max(x)
    return o.add(a, o.log(o.sum(o.exp(o.sub(o.drop_max(x), a)))))


def _shift_in_the_numerator_only(o: Any, x: Any) -> Any:
    return o.div(o.exp(o.sub(x, o.max(x))), o.sum(o.exp(x)))


def _sum_without_the_maximum(o: Any, x: Any) -> Any:
    a = o.max(x)
    return o.div(o.exp(o.sub(x, a)), o.sum(o.exp(o.sub(o.drop_max(x), a))))


def _shift_subtracted_twice(o: Any, x: Any) -> Any:
    shifted = o.sub(x, o.max(x))
    return o.sub(o.sub(shifted, o.max(x)), o.log(o.sum(o.exp(shifted))))


def _log_of_the_sum_of_logs(o: Any, x: Any) -> Any:
    return o.sub(x, o.log(o.sum(x)))


def _online(step: Any, invariant: Any = None) -> Any:
    def run(o: Any, x: Any) -> Any:
        def stands_for(m: Any, d: Any) -> Any:
            return o.mul(d, o.exp(m))

        m, d = o.fold(x, lambda first: (first, o.one(first)), lambda *state: step(o, *state), invariant or stands_for)
        return o.add(m, o.log(d))

    return run


def _forgets_to_rescale(o: Any, m: Any, d: Any, new: Any) -> Any:
    top = o.maximum(m, new)
    return top, o.add(d, o.exp(o.sub(new, top)))


def _rescales_the_wrong_way(o: Any, m: Any, d: Any, new: Any) -> Any:
    top = o.maximum(m, new)
    return top, o.add(o.mul(d, o.exp(o.sub(top, m))), o.exp(o.sub(new, top)))


def _keeps_the_minimum(o: Any, m: Any, d: Any, new: Any) -> Any:
    low = o.minimum(m, new)
    return o.maximum(m, new), o.add(o.mul(d, o.exp(o.sub(m, low))), o.exp(o.sub(new, low)))


def _starts_twice(o: Any, x: Any) -> Any:
    def step(m: Any, d: Any, new: Any) -> Any:
        top = o.maximum(m, new)
        return top, o.add(o.mul(d, o.exp(o.sub(m, top))), o.exp(o.sub(new, top)))

    def two(first: Any) -> Any:
        return first, o.add(o.one(first), o.one(first))

    m, d = o.fold(x, two, step, lambda m, d: o.mul(d, o.exp(m)))
    return o.add(m, o.log(d))


def _chain_without_the_shift(o: Any, x: Any) -> Any:
    def step(y: Any, new: Any) -> Any:
        top = o.maximum(y, new)
        return (o.log1p(o.exp(o.sub(o.minimum(y, new), top))),)

    (y,) = o.fold(x, lambda first: (first,), step, o.exp)
    return y


def _tree(count: int, merge: Any) -> Any:
    def run(o: Any, x: Any) -> Any:
        def leaf(entry: Any) -> Any:
            return entry, o.one(entry) if count == 1 else o.add(o.one(entry), o.one(entry))

        m, d = o.tree(x, leaf, lambda *states: merge(o, *states), lambda m, d: o.mul(d, o.exp(m)))
        return o.add(m, o.log(d))

    return run


def _merges_without_rescaling(o: Any, m: Any, d: Any, n: Any, e: Any) -> Any:
    return o.maximum(m, n), o.add(d, e)


def _merges(o: Any, m: Any, d: Any, n: Any, e: Any) -> Any:
    top = o.maximum(m, n)
    return top, o.add(o.mul(d, o.exp(o.sub(m, top))), o.mul(e, o.exp(o.sub(n, top))))


DIFFERENT = [
    ("logsumexp", _sign_error),
    ("logsumexp", _shift_added_inside),
    ("logsumexp", _shift_not_added_back),
    ("logsumexp", _log1p_over_the_whole_sum),
    ("logsumexp", _log_without_the_maximum),
    ("softmax", _shift_in_the_numerator_only),
    ("softmax", _sum_without_the_maximum),
    ("log_softmax", _shift_subtracted_twice),
    ("log_softmax", _log_of_the_sum_of_logs),
]
BROKEN_FOLDS = {
    "step forgets to rescale": _online(_forgets_to_rescale),
    "step rescales the wrong way": _online(_rescales_the_wrong_way),
    "step shifts by the minimum": _online(_keeps_the_minimum),
    "first entry counted twice": _starts_twice,
    "chain without the shift": _chain_without_the_shift,
    "merge forgets to rescale": _tree(1, _merges_without_rescaling),
    "leaf counted twice": _tree(2, _merges),
}


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_every_algorithm_equals_its_function_for_every_n_and_shift(chosen: Algorithm) -> None:
    exact = exactness(chosen)
    assert exact.theorem.conclusion.left == specification(chosen.function)
    assert exact.theorem.conclusion.kind == "="
    assert bool(exact.induction) == (chosen.name in ("online", "merged", "chained"))
    assert {p.relation.kind for p in exact.theorem.premises} <= ({"=", "<"} if exact.induction else set())


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_sympy_agrees_with_every_step_from_the_function_to_the_algorithm(chosen: Algorithm) -> None:
    exact = exactness(chosen)
    for proven in (exact.theorem, *exact.induction):
        assert [answer for answer in opinions(proven.derivation) if not answer.agrees] == []


@pytest.mark.parametrize(
    ("name", "rests_on"),
    [
        ("logsumexp.shifted", ("lse-shift",)),
        ("logsumexp.shifted-log1p", ("log1p-form",)),
        ("logsumexp.online", ("streaming-update",)),
        ("logsumexp.merged", ("merge-correct",)),
        ("logsumexp.chained", ("logaddexp",)),
        ("logsumexp.naive", ()),
        ("softmax.shifted", ("softmax-shift",)),
        ("softmax.division-free", ("division-free-softmax", "lse-shift")),
        ("log_softmax.shifted-log1p", ("log-softmax-log1p-form",)),
        ("log_softmax.log-of-softmax", ("log-of-softmax", "softmax-shift")),
    ],
)
def test_an_algorithm_is_tied_to_the_theorem_that_makes_it_exact(name: str, rests_on: tuple[str, ...]) -> None:
    exact = exactness(algorithm(*name.split(".")))
    assert exact.rests_on == rests_on
    used = {s.use.theorem.name for c in chains(exact.theorem.derivation) for s in c.steps if s.use is not None}
    assert all(theorem(known) is theorem(known) for known in rests_on)
    if not exact.induction:
        assert set(rests_on) <= used


@pytest.mark.parametrize(("function", "run"), DIFFERENT, ids=[run.__name__.strip("_") for _, run in DIFFERENT])
def test_a_false_algorithm_is_refused_with_a_counterexample(function: str, run: Any) -> None:
    with pytest.raises(Inexact, match=r"'planted' is not exact: .* fails at N = "):
        exactness(_false(function, run))


def test_the_shift_not_added_back_fails_where_the_shift_is_not_zero() -> None:
    with pytest.raises(Inexact, match=r"fails at N = 1, x = \(1\), k = 1: 1 on the left, 0 on the right"):
        exactness(_false("logsumexp", _shift_not_added_back))


@pytest.mark.parametrize("name", BROKEN_FOLDS)
def test_a_fold_that_breaks_its_invariant_is_refused(name: str) -> None:
    with pytest.raises(Inexact, match=r"does not keep its invariant: .* fails at "):
        exactness(_false("logsumexp", BROKEN_FOLDS[name]))


def test_a_fold_that_is_right_only_when_the_new_entry_is_smaller_is_refused() -> None:
    def run(o: Any, x: Any) -> Any:
        def step(m: Any, d: Any, new: Any) -> Any:
            return m, o.add(d, o.exp(o.sub(new, o.minimum(m, new))))

        m, d = o.fold(x, lambda first: (first, o.one(first)), step, lambda m, d: o.mul(d, o.exp(m)))
        return o.add(m, o.log(d))

    with pytest.raises(Inexact, match="the fold's step"):
        exactness(_false("logsumexp", run))


def test_a_fold_whose_sum_may_become_negative_is_refused() -> None:
    def run(o: Any, x: Any) -> Any:
        def step(m: Any, d: Any, new: Any) -> Any:
            return m, o.sub(d, o.exp(o.sub(new, m)))

        m, d = o.fold(x, lambda first: (first, o.one(first)), step, lambda m, d: o.mul(d, o.exp(m)))
        return o.add(m, o.log(d))

    with pytest.raises(Inexact, match="stay positive"):
        exactness(_false("logsumexp", run))


def test_an_algorithm_of_another_function_is_refused() -> None:
    for function in CORES:
        for other in ALGORITHMS:
            if other.function != function and other.name == "shifted":
                with pytest.raises(Inexact):
                    exactness(_false(function, other.run))


def test_the_three_core_functions_are_three() -> None:
    assert len({specification(function) for function in CORES}) == len(CORES)
    with pytest.raises(KeyError):
        specification("softplus")


def test_an_unshifted_algorithm_is_the_function_itself() -> None:
    conclusion = exactness(algorithm("logsumexp", "naive")).theorem.conclusion
    assert TEXT.term(conclusion.left) == TEXT.term(conclusion.right) == "log sum_i exp(x_i)"


def test_every_function_has_algorithms_and_a_ladder_that_starts_with_the_strongest() -> None:
    for function, described in FUNCTIONS.items():
        rungs = [a.name for a in algorithms_for(function) if a.ladder]
        strongest = (
            "shifted-tail" if described.labelled else {"softmax": "shifted"}.get(described.core, "shifted-log1p")
        )
        assert rungs[0] == strongest
        assert len({a.name for a in algorithms_for(function)}) == len(algorithms_for(function))


def test_an_unknown_algorithm_or_function_is_a_key_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="softmax has no algorithm 'shiftedd'"):
        algorithm("softmax", "shiftedd")
    with pytest.raises(KeyError, match="softmin"):
        algorithms_for("softmin")


# The readings meet: intervals, balls and reference.


@cache
def _rows() -> tuple[tuple[float, ...], ...]:
    return (
        (0.0,),
        (-3.25,),
        (0.0, 0.0),
        (0.0, -40.0),
        (1.0, 1.0, 1.0),
        (2.5, -1.0, 0.125, 2.5),
        (-700.0, -701.5),
        (-0.6931471805599453, -0.6931471805599453),
        tuple(-k / 8 for k in range(20)),
    )


def _ball_ends(ball: Any) -> tuple[Fraction, Fraction]:
    (man, exp), (radius, radius_exp) = end_points(ball)
    assert radius >= 0
    middle, spread = man * Fraction(2) ** exp, radius * Fraction(2) ** radius_exp
    return middle - spread, middle + spread


def _reference_ends(row: np.ndarray, function: str) -> list[tuple[Fraction, Fraction]]:
    reference = core_references(row, {function}, FORMATS["binary64"])[function]
    ends = []
    for k in range(len(reference.radius)):
        unit = Fraction(2) ** int(reference.exponent[k])
        middle = Fraction(reference.whole[k]) + Fraction(reference.fraction[k])
        radius = Fraction(reference.radius[k])
        ends.append(((middle - radius) * unit, (middle + radius) * unit))
    return ends


def _readings(chosen: Algorithm, row: tuple[float, ...]) -> list[tuple[Any, Any, Any]]:
    """(interval, ball, reference) for each result, each as its two ends."""
    x = np.array([row])
    with np.errstate(all="ignore"):
        interval = chosen.run(IntervalOperations(), Interval.point(x))
    with working_precision(200):
        found = [_ball_ends(ball) for ball in chosen.run(BallOperations(), balls(x))[0]]
    ends = list(zip(interval.lo[0].tolist(), interval.hi[0].tolist(), strict=True))
    return list(zip(ends, found, _reference_ends(x[0], chosen.function), strict=True))


def _intersect(a: tuple[Any, Any], b: tuple[Any, Any]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(extra=st.lists(st.floats(-60, 60), min_size=1, max_size=9))
def test_intervals_balls_and_reference_speak_of_one_number(chosen: Algorithm, extra: list[float]) -> None:
    for interval, ball, reference in _readings(chosen, tuple(extra)):
        assert _intersect(interval, reference)
        assert _intersect(ball, reference)
        assert _intersect(interval, ball)


@pytest.mark.parametrize("chosen", ALGORITHMS, ids=_NAMES)
def test_intervals_contain_the_balls_of_chosen_rows(chosen: Algorithm) -> None:
    for row in _rows():
        for interval, ball, reference in _readings(chosen, row):
            assert interval[0] <= ball[0] <= ball[1] <= interval[1]
            assert _intersect(ball, reference)


def test_readings_of_a_false_algorithm_miss_the_reference() -> None:
    planted = _false("logsumexp", _log1p_over_the_whole_sum)
    for interval, ball, reference in _readings(planted, (0.5, -1.0, 0.25)):
        assert not _intersect(interval, reference)
        assert not _intersect(ball, reference)
