"""Establishes that the closed forms are never below the readings of the same inputs and are to first order what is
known of them.

That no run exceeds them is shown in test_rounding.py, together with the readings.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from shiftproof.proofs import (
    ALGORITHMS,
    FUNCTIONS,
    ON_PAPER,
    QUANTITIES,
    Bound,
    Libm,
    Model,
    algorithm,
    algorithms_for,
    allowed_error,
    bound,
    bounded_error,
    bounds,
    bounds_for,
    rounding_error,
)
from shiftproof.proofs.formulas import FORMULAS, MODEL, symbol, written_out
from shiftproof.verify import ADVERSARIES, FORMATS
from shiftproof.verify.balls import BallOperations, balls, working_precision
from shiftproof.verify.intervals import Interval, IntervalOperations

_NAMES = [b.name for b in bounds()]
_PLAIN = [b for b in bounds() if b.measure != "normwise"]
_MODELS = [
    pytest.param(fmt.model(libm, flush), id=f"{fmt.name} {'flush' if flush else 'gradual'} {libm.exp}")
    for fmt in FORMATS.values()
    for flush in (False, True)
    for libm in ((Libm(), Libm(Fraction(3), Fraction(1, 2), Fraction(2))) if fmt.name == "binary32" else (Libm(),))
]


def _fast(of: Bound, x: Any, model: Model) -> Any:
    with np.errstate(all="ignore"):
        return bounded_error(of, Interval.point(x), IntervalOperations(), model)


def _read(of: Bound, x: Any, model: Model) -> Any:
    with np.errstate(all="ignore"):
        chosen = algorithm(of.function, of.algorithm)
        return rounding_error(chosen, Interval.point(x), IntervalOperations(), model)


def _in_scope(*readings: Any) -> Any:
    return np.logical_and.reduce([mask for reading in readings for mask in reading.hypotheses.values()])


def _below(of: Bound, x: Any, model: Model, reads: dict[str, Any] | None = None) -> Any:
    """The rows in scope of both, and where the closed form is certainly below the reading, which `reads` keeps."""
    kept = {} if reads is None else reads
    if f"{of.function}.{of.algorithm}" not in kept:
        kept[f"{of.function}.{of.algorithm}"] = _read(of, x, model)
    closed, read = _fast(of, x, model), kept[f"{of.function}.{of.algorithm}"]
    rows = _in_scope(closed, read)
    lower = np.broadcast_arrays(closed.error.hi < read.error.lo, x if of.function != "logsumexp" else x[:, :1])[0]
    return rows, lower[rows].any(axis=-1)


def _inputs(fmt: Any) -> Any:
    for family in ADVERSARIES.values():
        for index in range(2):
            x = family.case(index, "logsumexp", fmt, 7).x
            if x.dtype.kind == "f" and x.shape[1] <= 20:
                rows = x.astype(np.float64)
                rows = rows[np.isfinite(rows).all(axis=1)]
                if len(rows):
                    yield rows


@pytest.mark.parametrize("model", _MODELS)
def test_no_closed_form_is_below_the_reading_of_an_input(model: Model) -> None:
    fmt = next(f for f in FORMATS.values() if (f.precision, f.emax) == (model.precision, model.emax))
    compared = dict.fromkeys(_NAMES, 0)
    for x in _inputs(fmt):
        reads: dict[str, Any] = {}
        for of in _PLAIN:
            rows, lower = _below(of, x, model, reads)
            compared[of.name] += int(rows.sum())
            assert not lower.any(), (of.name, [v.hex() for v in x[rows][lower][0]])
    never = {"logsumexp.compensated"} if model.flush else set()  # its theorem says nothing of flushing
    assert all(compared[of.name] > 20 or of.name in never for of in _PLAIN), compared


@pytest.mark.parametrize("of", _PLAIN, ids=[b.name for b in _PLAIN])
def test_an_understated_closed_form_is_below_the_reading(of: Bound) -> None:
    """The same comparison sees a formula that is a twenty-fifth of what it should be."""
    fmt = FORMATS["binary32"]
    less = replace(of, formula=of.formula * sp.Rational(1, 25))
    assert any(_below(less, x, fmt.model())[1].any() for x in _inputs(fmt))


@pytest.mark.parametrize("of", bounds(), ids=_NAMES)
def test_both_enclosures_of_a_closed_form_intersect(of: Bound) -> None:
    for name in ("binary64", "bfloat16"):
        for row in ([0.0, -1.0, 0.5], [-0.6875, -0.703125], [0.0, -9.0, 0.25, -0.25]):
            x, model = np.array([row]), FORMATS[name].model()
            fast = _fast(of, x, model)
            with working_precision(300):
                slow = bounded_error(of, balls(x), BallOperations(), model)
            assert _in_scope(fast, slow).all()
            for lo, hi, ball in zip(fast.error.lo.flat, fast.error.hi.flat, np.asarray(slow.error).flat, strict=True):
                assert 0 < lo <= hi
                assert ball.upper() >= lo
                assert ball.lower() <= hi


def test_only_gradients_have_no_closed_forms() -> None:
    assert {name for name in FUNCTIONS if not bounds_for(name)} == {n for n, f in FUNCTIONS.items() if f.labelled}


@pytest.mark.parametrize("function", [name for name, f in FUNCTIONS.items() if not f.labelled])
def test_every_algorithm_of_every_function_has_a_closed_form(function: str) -> None:
    assert {b.algorithm for b in bounds_for(function)} >= {a.name for a in algorithms_for(function)}
    for of in bounds_for(function):
        assert of.function == function
        assert written_out(of.composed()).free_symbols <= {symbol(name) for name in (*MODEL, *QUANTITIES)}, of.name
        assert of.proof == ON_PAPER or of.proof.startswith("Coq: ")
        assert of.hypotheses
        assert of.premises
        assert of.source


def test_a_pair_has_the_bounds_of_two_entries_and_no_count_in_them() -> None:
    for of in (*bounds_for("logaddexp"), *bounds_for("softplus"), *bounds_for("sigmoid")):
        assert not written_out(of.composed()).has(symbol("terms"))
    row = np.array([[0.25, -3.0]])
    model = FORMATS["binary64"].model()
    pair, vector = (_fast(bound(name, "shifted-log1p"), row, model).error for name in ("logaddexp", "logsumexp"))
    assert (pair.lo, pair.hi) == (vector.lo, vector.hi)


def _first_order(of: Bound) -> Any:
    """The coefficient of u in the bound, for exp with a relative error of c_E u, log and log1p with c_L u."""
    c_e, c_l, u = sp.symbols("c_E c_L u", positive=True)
    values = {symbol("u"): u, symbol("exp_rel"): c_e * u, symbol("drift"): sp.Symbol("moment") * u}
    values |= {symbol(f"{name}_rel"): c_l * u for name in ("log", "log1p")}
    values |= {symbol(name): 0 for name in ("exp_abs", "log_abs", "log1p_abs", "under", "flush")}
    many = sp.Symbol("terms", positive=True) + 2  # n - 2 of them are added to others
    reduced = written_out(of.composed()).subs(symbol("terms"), many).subs(values).doit()
    return sp.expand(sp.limit(reduced / u, u, 0)).subs(many - 2, symbol("terms") - 2)


def test_to_first_order_the_shifted_forms_are_those_of_the_paper_but_free_of_the_spread() -> None:
    n, y, L, tail, H = map(symbol, ("terms", "y", "L", "tail", "H"))
    c_e, c_l = sp.symbols("c_E c_L", positive=True)
    moment = sp.Symbol("moment")
    entropic = _first_order(bound("logsumexp", "shifted-log1p", "entropy"))
    owed = sp.Abs(y) + c_l * sp.Abs(L) + (H - L) + (c_e + n - 2) * tail
    assert sp.expand(entropic - owed) == 0
    arbitrary = _first_order(bound("logsumexp", "arbitrary-shift"))
    assert sp.expand(arbitrary - (sp.Abs(y) + c_l * sp.Abs(L) + moment + c_e + n - 1)) == 0


def test_a_bound_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="softmax has no algorithm 'kahan': one of shifted, division-free"):
        bound("softmax", "kahan")
    with pytest.raises(
        KeyError, match=r"logsumexp.shifted-log1p has no bound 'any': one of \['', 'entropy', 'any x'\]"
    ):
        bound("logsumexp", "shifted-log1p", "any")
    with pytest.raises(KeyError, match="unknown function 'tanh': one of logsumexp, softmax"):
        bound("tanh", "shifted")
    with pytest.raises(KeyError):
        bounds_for("tanh")


def test_a_reading_that_is_not_there_is_refused() -> None:
    x, model = Interval.point(np.zeros((1, 2))), FORMATS["binary64"].model()
    with pytest.raises(ValueError, match="bounds are read per-input or closed, got 'clsd'"):
        allowed_error(algorithm("logsumexp", "shifted"), x, IntervalOperations(), model, "clsd")


@pytest.mark.parametrize("of", [bound("logsumexp", "online"), bound("logsumexp", "merged"), bound("softmax", "online")])
def test_a_state_that_may_overflow_before_the_maximum_rises_is_out_of_scope(of: Bound) -> None:
    """32 equal entries make a state of 32, which is too large for this format; the last state would fit."""
    rows = np.array([[0.0] * 32 + [12.0], [0.0] * 3 + [12.0] * 30])
    small = Model(24, -126, 3)
    closed = _fast(of, rows, small)
    assert not closed.hypotheses["no state of the pass overflows"].any()
    assert _fast(of, rows[:, -3:], small).hypotheses["no state of the pass overflows"].all()


def test_the_hypotheses_of_a_compensated_sum_are_about_the_format_that_it_is_made_in() -> None:
    x = np.zeros((1, 300))
    of, wide, narrow = bound("logsumexp", "compensated"), FORMATS["binary32"], FORMATS["bfloat16"]
    assert _in_scope(_fast(of, x, narrow.model(accumulator=wide))).all()
    assert not _fast(of, x, wide.model(accumulator=narrow)).hypotheses["(n - 1) u is below 1"].any()
    flushing = replace(wide.model(), accumulator=wide.model(flush=True))
    assert not _fast(of, x, flushing).hypotheses["a compensated sum flushes nothing"].any()


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (sp.sin(symbol("y")), "a formula is made of"),
        (symbol("y") ** symbol("u"), "a formula is made of"),
        (symbol("nobody"), "the quantities of an input, got nobody"),
    ],
)
def test_a_formula_that_cannot_be_evaluated_is_refused(formula: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _fast(replace(bound("logsumexp", "shifted"), formula=formula), np.zeros((1, 2)), FORMATS["binary64"].model())


def test_the_spread_free_bound_beats_a_bound_with_the_spread_tenfold_on_wide_gaps() -> None:
    """The form with |y + n - min x| of Blanchard, Higham and Higham, in units of u, for exp and log within u."""
    rng = np.random.default_rng(5)
    model = FORMATS["binary64"].model(Libm(Fraction(1, 2), Fraction(1, 2), Fraction(1, 2)))
    x = np.concatenate([np.zeros((200, 1)), -rng.uniform(100, 700, (200, 9))], axis=1) + rng.uniform(-1, 1, (200, 1))
    ours = _fast(bound("logsumexp", "shifted-log1p", "entropy"), x, model).error.hi[:, 0]
    published = (np.max(x, axis=1) + x.shape[1] - x.min(axis=1)) * 2.0**-53
    assert (published > 10 * ours).all()


def test_the_worst_case_over_a_length_is_above_the_bound_of_every_input_of_that_length() -> None:
    model = FORMATS["binary32"].model()
    for n in (2, 17):
        x = np.random.default_rng(n).normal(size=(100, n)) * 10
        worst, each = (_fast(bound("logsumexp", "shifted-log1p", variant), x, model).error for variant in ("any x", ""))
        assert (worst.lo >= each.hi).all()


def test_the_formulas_are_those_that_the_bounds_are_made_of() -> None:
    assert len(FORMULAS) > 20
    assert {a.name for a in ALGORITHMS} <= {b.algorithm for b in bounds()}
