"""Coq on the rounding bounds: every one is proven, what is evaluated is what is proven, and the gate can say no.

The formulas are compared in two ways: Coq proves them equal for all arguments, and finds the same numbers at a point.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import flint
import pytest
import sympy as sp

from shiftproof.proofs import Bound, bound, bounds, companions, coq_bounds, coq_formulas
from shiftproof.proofs.coq_bounds import LIBRARY, check_bounds
from shiftproof.proofs.coq_formulas import coq_text, formulas_module, values_module
from shiftproof.proofs.coqc import Coq, CoqState, forbidden, source
from shiftproof.proofs.formulas import COUNTS, FORMULAS, MODEL, Formula, expm1, growth, symbol, written_out
from shiftproof.verify.balls import working_precision

# Without coqc the gate says SKIPPED and passes nothing, which is tested below without this mark.
with_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


@pytest.fixture(scope="module")
def coq(tmp_path_factory: pytest.TempPathFactory) -> Coq:
    """A folder with the compiled library and the generated formulas."""
    made = Coq(shutil.which("coqc") or "", Path(tmp_path_factory.mktemp("coq")), 300.0)
    assert coq_bounds._compiled(made) == ""
    assert coq_bounds._formulas(made) == ""
    return made


@with_coq
@pytest.mark.xdist_group("coq")
def test_coq_proves_every_bound_that_is_evaluated(coq: Coq) -> None:
    entries = coq_bounds._composed(coq, bounds())
    assert [e.name for e in entries] == [b.name for b in bounds()]
    assert {e.state for e in entries} == {CoqState.ACCEPTED}


@with_coq
@pytest.mark.xdist_group("coq")
@pytest.mark.parametrize(
    "changed",
    [
        replace(bound("logsumexp", "shifted"), formula=bound("logsumexp", "shifted").formula / 2),
        replace(bound("softmax", "online"), where=bound("softmax", "shifted").where),
        replace(bound("logsumexp", "naive"), variant="sharper"),
    ],
    ids=["half of a bound", "the sum of another algorithm", "a theorem that is not there"],
)
def test_a_bound_that_is_not_the_one_of_its_theorem_is_not_accepted(coq: Coq, changed: Bound) -> None:
    good = bound("logsumexp", "chained")
    wrong, right = coq_bounds._composed(coq, (changed, good))
    assert wrong.state is CoqState.NOT_ACCEPTED
    assert "not the bound of its theorem" in wrong.reason
    assert right.state is CoqState.ACCEPTED


@with_coq
@pytest.mark.xdist_group("coq")
def test_a_formula_that_differs_from_coqs_is_found(coq: Coq, monkeypatch: pytest.MonkeyPatch) -> None:
    log_error = FORMULAS["log_error"]

    class less(log_error):
        @staticmethod
        def build(rel: object, abs: object, sigma: object, L: object) -> object:
            return log_error.build(rel, abs, sigma, L) - abs

    less.__name__ = "log_error"
    monkeypatch.setitem(coq_formulas.FORMULAS, "log_error", less)
    assert coq_bounds._formulas(coq).startswith("the formula log_error is not the one of Formulas.v")
    monkeypatch.undo()
    assert coq_bounds._formulas(coq) == ""


@with_coq
@pytest.mark.xdist_group("coq")
def test_an_assumption_beyond_the_reals_is_reported(coq: Coq) -> None:
    name = bound("logsumexp", "chained").theorem
    text = "From Coq Require Import Reals.\nAxiom wished : True.\n"
    assert coq.compile("Wished", f"{text}Definition composed_{name} := wished.\n").ok
    assert coq_bounds._assumed(coq, (bound("logsumexp", "chained"),), "Wished") == "assumes wished"


def _numbers(formula: type[Formula]) -> dict[str, Fraction]:
    """Rational arguments: small numbers for errors, three for counts."""
    small = {name: Fraction(k + 1, 1000 + 7 * k) for k, name in enumerate(MODEL)}
    given = {name: Fraction(2 * k + 3, 40 + k) for k, name in enumerate(formula.parameters)}
    return small | {name: Fraction(3) if name in COUNTS else value for name, value in given.items()}


def _value(formula: type[Formula], numbers: dict[str, Fraction]) -> tuple[Fraction, Fraction]:
    """Ends of the formula's value, by Arb at 160 bits."""
    expression = written_out(formula(*map(symbol, formula.parameters)))
    plain = expression.replace(growth, lambda p, k: (1 + p) ** k - 1).replace(expm1, lambda z: sp.exp(z) - 1)
    at = {symbol(name): sp.Rational(v.numerator, v.denominator) for name, v in numbers.items()}
    with working_precision(160):
        ball = _arb(plain.subs(at))
        ends = [end.man_exp() for end in (ball.lower(), ball.upper())]
    lo, hi = (int(man) * Fraction(2) ** int(exp) for man, exp in ends)
    return lo - Fraction(1, 2**80), hi + Fraction(1, 2**80)


def _arb(e: sp.Expr) -> flint.arb:
    if e.is_Rational:
        return flint.arb(flint.fmpq(int(e.p), int(e.q)))
    if e.is_Add or e.is_Mul:
        first, *rest = map(_arb, e.args)
        for other in rest:
            first = first + other if e.is_Add else first * other
        return first
    if e.is_Pow and e.base != sp.E:
        return _arb(e.base) ** _arb(e.exp)
    inner = _arb(e.exp if e.is_Pow else e.args[0]) if e is not sp.E else flint.arb(1)
    return {sp.exp: inner.exp, sp.log: inner.log, sp.Abs: inner.__abs__}.get(e.func, inner.exp)()


@with_coq
@pytest.mark.xdist_group("coq")
def test_coq_finds_the_same_numbers(coq: Coq) -> None:
    found = {name: (n := _numbers(formula), _value(formula, n)) for name, formula in FORMULAS.items()}
    outcome = coq.compile("Values", values_module(found))
    assert outcome.ok, outcome.message
    numbers, (lo, hi) = found["lse_shifted"]
    moved = values_module({"lse_shifted": (numbers, (lo + Fraction(1, 10**9), hi + Fraction(1, 10**9)))})
    assert not coq.compile("Moved", moved).ok


def test_no_file_of_the_library_assumes_or_leaves_open_anything() -> None:
    for name in LIBRARY:
        assert forbidden(source(name)) == (), name
    assert forbidden(formulas_module()) == ()
    assert forbidden("Theorem t : 1 = 2. Admitted.") == ("Admitted",)


def test_without_coq_no_bound_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coq_bounds, "find_coqc", lambda: None)
    report = check_bounds(bounds())
    assert not report.passed
    assert {(e.state, e.reason) for e in report.entries} == {(CoqState.SKIPPED, "coqc is not installed")}


def test_a_bound_on_paper_says_so() -> None:
    assert {b.proof for b in companions()} == {"on paper"}
    assert all(b.proof == f"Coq: {b.theorem}" for b in bounds())


def test_a_formula_is_printed_with_its_name_and_what_it_stands_for() -> None:
    sigma, y = symbol("sigma"), symbol("y")
    naive = FORMULAS["lse_naive"](sigma, y)
    assert coq_text(naive) == "(lse_naive M sigma y)"
    assert coq_text(naive.body) == "(log_error (log_rel M) (log_abs M) sigma y)"
    with pytest.raises(ValueError, match="a formula is made of"):
        coq_text(sp.sin(y))
