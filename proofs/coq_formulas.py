"""Ties the formulas that Python evaluates to those that Coq's theorems are about.

Each formula of `formulas` is printed as Coq; a lemma says that it equals the definition of its name in `coq/Formulas.v`
for all arguments, and another that both lie between two numbers found by enclosures at one rational point.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from .formulas import COUNTS, FORMULAS, MODEL, Expr, Formula, expm1, growth, symbol, written_out

__all__ = ["coq_text", "formulas_module", "values_module"]

_HEADER = """\
(* Generated: the formulas as they are evaluated, and that they are those of Formulas.v. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules Model Formulas.
Open Scope R_scope.

(* Both sides differ in the order of terms and factors only. *)
Ltac arguments :=
  repeat match goal with
  | |- context [exp ?a] => match goal with |- context [exp ?b] =>
      tryif constr_eq a b then fail else replace a with b by ring end
  | |- context [expm1 ?a] => match goal with |- context [expm1 ?b] =>
      tryif constr_eq a b then fail else replace a with b by ring end
  | |- context [Rmax 0 ?a] => match goal with |- context [Rmax 0 ?b] =>
      tryif constr_eq a b then fail else replace a with b by ring end
  | |- context [/ ?a] => match goal with |- context [/ ?b] =>
      tryif constr_eq a b then fail else replace a with b by ring end
  | |- context [growth ?p ?a] => match goal with |- context [growth p ?b] =>
      tryif constr_eq a b then fail else replace a with b by lia end
  end.
Ltac arithmetic := unfold Rdiv; rewrite ?Rinv_mult; arguments; ring.
Ltac same name := intros; unfold name; arithmetic.
"""


def _of_model(formula: type[Formula]) -> bool:
    """Whether the formula speaks of the model."""
    applied = written_out(formula(*map(symbol, formula.parameters)))
    return bool(applied.free_symbols & set(map(symbol, MODEL)))


def formulas_module() -> str:
    """A Coq file that compiles only if every formula is the definition of its name, for all arguments."""
    parts = [_HEADER]
    for name, formula in FORMULAS.items():
        applied = formula(*map(symbol, formula.parameters))
        binders = ["(M : model)"] * _of_model(formula)
        binders += [f"({p} : {'nat' if p in COUNTS else 'R'})" for p in formula.parameters]
        quantified = f"forall {' '.join(binders)}, " if binders else ""
        counted = "(1 <= terms)%nat -> " * ("terms" in formula.parameters)
        statement = f"{coq_text(applied)} = {coq_text(applied.body)}"
        parts.append(f"Lemma same_{name} : {quantified}{counted}{statement}.\nProof. same {name}. Qed.\n")
    return "\n".join(parts)


def coq_text(e: Expr) -> str:
    """A formula in Coq's syntax; the numbers of the model M by their names."""
    if e.is_Symbol:
        name = e.name
        return f"({name} M)" if name in MODEL else f"(INR {name})" if name in COUNTS else name
    if e in (sp.E, 1 / sp.E):
        return "(exp 1)" if e is sp.E else "(/ (exp 1))"
    if e.is_Rational:
        return f"({e.p})" if e.q == 1 else f"({e.p} / {e.q})"
    if e.is_Add:
        return f"({' + '.join(map(coq_text, e.args))})"
    if e.is_Mul:
        inverses_last = sorted(e.args, key=lambda factor: factor.is_Pow and factor.exp.is_negative is True)
        return f"({' * '.join(map(coq_text, inverses_last))})"
    if e.is_Pow and e.exp.is_Integer:
        power = coq_text(e.base) if abs(e.exp) == 1 else f"({coq_text(e.base)} ^ {abs(int(e.exp))})"
        return power if e.exp > 0 else f"(/ {power})"
    if isinstance(e, Formula):
        given = [_count(a) if p in COUNTS else coq_text(a) for p, a in zip(e.parameters, e.args, strict=True)]
        applied = " ".join([e.func.__name__, *(["M"] * _of_model(e.func)), *given])
        return f"({applied})" if " " in applied else applied
    names = {sp.exp: "exp", sp.log: "ln", sp.Abs: "Rabs", sp.Max: "Rmax", expm1: "expm1"}
    if e.func in names:
        return f"({' '.join([names[e.func], *map(coq_text, e.args)])})"
    if e.func is growth:
        return f"(growth {coq_text(e.args[0])} {_count(e.args[1])})"
    raise ValueError(f"a formula is made of + - * / exp, log, |.|, expm1 and growth, got {e}")


def _count(e: Expr) -> str:
    """A natural number in Coq's syntax: what is taken away comes last."""
    if e.is_Symbol:
        return str(e.name)
    added = sorted(sp.Add.make_args(e), key=lambda part: part.is_negative is True)
    text = "0"
    for part in added:
        text += f" - {-part}" if part.is_negative else f" + {str(part).replace('*', ' * ')}"
    return f"({text.removeprefix('0 + ')})%nat"


def values_module(found: dict[str, tuple[dict[str, Fraction], tuple[Fraction, Fraction]]]) -> str:
    """A Coq file that compiles only if each formula, at the numbers given for it, lies between the two ends given.

    `found` maps the name of a formula to the numbers of its arguments and of the model, by name, and the ends.
    """
    return "\n".join([_VALUES_HEADER.format(names=" ".join(FORMULAS)), *_goals(found)])


_VALUES_HEADER = """\
(* Generated: the formulas of Formulas.v at rational points, between the ends found outside of Coq. *)

From Coq Require Import Reals Lra.
From ShiftProof Require Import Rules Model Formulas.
Open Scope R_scope.

Ltac value :=
  cbv beta iota delta [{names} growth expm1 Nat.add Nat.sub Nat.mul
    u exp_rel exp_abs log_rel log_abs log1p_rel log1p_abs under flush];
  rewrite ?INR_IZR_INZ; cbn [Z.of_nat Pos.of_succ_nat Pos.succ];
  enclose.
"""


def _goals(found: Any) -> Iterator[str]:
    for name, (numbers, (lo, hi)) in found.items():
        formula = FORMULAS[name]
        values = [f"{numbers[p].numerator}%nat" if p in COUNTS else _rational(numbers[p]) for p in formula.parameters]
        model = f"(Model {' '.join(_rational(numbers[part]) for part in MODEL)})"
        left = " ".join([name, *([model] * _of_model(formula)), *values])
        yield f"Lemma value_{name} : {_rational(lo)} <= {left} <= {_rational(hi)}.\nProof. value. Qed.\n"


def _rational(v: Fraction) -> str:
    return f"({v.numerator} / {v.denominator})"
