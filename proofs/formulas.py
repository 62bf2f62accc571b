"""The closed forms of the rounding bounds as SymPy expressions: the same formulas as in `coq/Formulas.v`.

Each function below is a formula: applied to arguments it is a SymPy expression that keeps its name, and `written_out`
says what it stands for. `coq_formulas` prints its body, and Coq proves that it is the definition of its name. No
second-order term is dropped anywhere. Nothing is subtracted but from 1 or from n, and L from the entropy H, so that
enclosures can be put in without much cancellation.

Notation: u the unit roundoff; exp_rel, exp_abs how far exp may be from the exact value, relative to it and absolutely
(log, log1p alike); `under` what underflow adds to a product or quotient, `flush` what flushing a subnormal adds; n the
number of terms; gamma and kappa what their sum errs by, relative and absolutely; y the logsumexp, a the shift,
L = y - a; g = softmax(x), D = |x_j - a|, z = x_j - y; drift = sum_i g_i (exp(u |x_i - a|) - 1), what rounding the
differences adds to the sum; theta the weight of the terms whose exponential is rounded; tail = 1 - max g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import expm1

__all__ = [
    "ACCUMULATOR",
    "COUNTS",
    "FORMULAS",
    "MODEL",
    "Expr",
    "Formula",
    "expm1",
    "formulas_in",
    "growth",
    "latex_of",
    "symbol",
    "written_out",
]

Expr = Any

_LATEX = {
    "exp_rel": r"\varepsilon_{\exp}", "exp_abs": r"\eta_{\exp}", "log_rel": r"\varepsilon_{\log}",
    "log_abs": r"\eta_{\log}", "log1p_rel": r"\varepsilon_{\mathrm{log1p}}", "log1p_abs": r"\eta_{\mathrm{log1p}}",
    "under": r"\eta", "flush": r"\lambda", "largest": r"\Omega", "summable": r"\Omega_\Sigma",
    "tail": r"\tau", "drift": r"\delta", "rises": "r",
    "moment": r"\textstyle\sum_i g_i |x_i - a|", "size": "Y", "height": "h", "zdrift": "q_z",
    "terms": "n", "peak": r"\max_i g_i", "rel": r"\varepsilon", "abs": r"\alpha", "e": r"\Delta", "sum_u": r"u_\Sigma",
    "sum_lost": r"\lambda_\Sigma", "v": "v",
}  # fmt: skip


class Formula(sp.Function):  # type: ignore[misc]  # SymPy has no types
    """An application of a formula to arguments; `FORMULAS` has a subclass for each, named as in `Formulas.v`."""

    parameters: tuple[str, ...]
    build: Callable[..., Expr]

    @property
    def body(self) -> Expr:
        """What the application stands for, one level deep."""
        return type(self).build(*self.args)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = type(self).__name__.replace("_", " ")
        said = rf"\text{{{name}}}" + (
            rf"\left({', '.join(map(printer.doprint, self.args))}\right)" if self.args else ""
        )
        return said if exp is None else rf"{said}^{{{exp}}}"

    def _eval_evalf(self, prec: int) -> Expr:
        return written_out(self)._eval_evalf(prec)  # SymPy would look for a function of this name elsewhere


class growth(sp.Function):  # type: ignore[misc]
    """(1 + p)^k - 1: a relative error p, k times over."""

    nargs = 2

    def _latex(self, printer: Any) -> str:
        p, k = self.args
        return rf"\left(\left(1 + {printer.doprint(p)}\right)^{{{printer.doprint(k)}}} - 1\right)"


def symbol(name: str) -> sp.Symbol:
    """The real symbol of a quantity; its LaTeX is `_LATEX`'s or its name."""
    return sp.Symbol(name, real=True)


def latex_of(expression: Expr, named: bool = False) -> str:
    """The expression for a paper, written out, or with the formulas in it by their names."""
    plain = (expression if named else written_out(expression)).replace(expm1, lambda z: sp.exp(z) - 1)
    return str(sp.latex(plain, symbol_names={symbol(name): text for name, text in _LATEX.items()}))


# The numbers that make a model, by their names in `Model.v`.
MODEL = ("u", "exp_rel", "exp_abs", "log_rel", "log_abs", "log1p_rel", "log1p_abs", "under", "flush")
# What an accumulator adds to these: its unit roundoff v, and what rounding to it and back changes.
ACCUMULATOR = ("v", "into_rel", "into_abs", "back_rel", "back_abs", "lost")
# Arguments that are natural numbers in Coq.
COUNTS = ("k", "terms", "rises", "height")

u, exp_rel, exp_abs, log_rel, log_abs, log1p_rel, log1p_abs, under, flush = map(symbol, MODEL)

FORMULAS: dict[str, type[Formula]] = {}


def _formula(build: Callable[..., Expr]) -> Callable[..., Expr]:
    parameters = build.__code__.co_varnames[: build.__code__.co_argcount]
    made = {"parameters": parameters, "build": staticmethod(build), "nargs": len(parameters), "__doc__": build.__doc__}
    FORMULAS[build.__name__] = type(build.__name__, (Formula,), made)
    return FORMULAS[build.__name__]


def formulas_in(expression: Expr) -> dict[Expr, Expr]:
    """The formulas that the expression is made of, applied to their own arguments, with what each stands for."""
    found: dict[Expr, Expr] = {}
    for applied in sorted(expression.atoms(Formula), key=str):
        general = applied.func(*map(symbol, applied.parameters))
        if general not in found:
            found |= {general: general.body} | formulas_in(general.body)
    return found


def written_out(expression: Expr) -> Expr:
    """The expression with every formula in it replaced by what it stands for."""
    while expression.atoms(Formula):
        expression = expression.replace(lambda part: isinstance(part, Formula), lambda part: part.body)
    return expression


@_formula
def both(p: Expr, q: Expr) -> Expr:
    """Two relative errors, one after the other: (1 + p)(1 + q) - 1."""
    return p + q + p * q


@_formula
def zeta() -> Expr:
    return (3 + 2 * u) * flush


@_formula
def stretch() -> Expr:
    """What flushing adds to an exponential of a difference, relative."""
    return expm1(zeta())


# Sums of exponentials, relative to the exact sum exp(L) of exp(x_i - a).


@_formula
def terms_error(X: Expr, drift: Expr, theta: Expr, n: Expr, L: Expr) -> Expr:
    return both(drift, X) + exp_rel * (theta + drift) * (1 + X) + n * exp_abs * sp.exp(-L)


@_formula
def sum_error(X: Expr, gamma: Expr, kappa: Expr, drift: Expr, theta: Expr, n: Expr, L: Expr) -> Expr:
    return both(terms_error(X, drift, theta, n, L), gamma) + kappa * sp.exp(-L)


@_formula
def tail_terms_error(X: Expr, drift: Expr, tail: Expr, n: Expr, L: Expr) -> Expr:
    return both(drift, X) + exp_rel * (tail + X + drift) * (1 + X) + n * exp_abs * sp.exp(-L)


@_formula
def tail_error(X: Expr, gamma: Expr, kappa: Expr, drift: Expr, tail: Expr, n: Expr, L: Expr) -> Expr:
    """The n terms besides the maximum, relative to the sum with it."""
    terms = tail_terms_error(X, drift, tail, n, L)
    return terms + gamma * (tail + X + terms) + kappa * sp.exp(-L)


@_formula
def step_growth() -> Expr:
    return both(both(exp_rel, both(u, u)), both(stretch(), exp_abs))


@_formula
def states_underflow(terms: Expr) -> Expr:
    return 2 * terms * terms * (1 + growth(step_growth(), terms)) * (exp_abs + under + flush)


@_formula
def online_error(terms: Expr, rises: Expr, drift: Expr, L: Expr) -> Expr:
    """The pass whose maximum rises `rises` times."""
    steps = both(growth(exp_rel, 1 + rises), growth(u, terms - 1 + rises))
    return both(drift, both(steps, growth(stretch(), 1 + rises))) + states_underflow(terms) * sp.exp(-L)


@_formula
def merged_error(terms: Expr, height: Expr, drift: Expr, L: Expr) -> Expr:
    """A tree of merges of that height."""
    steps = both(growth(exp_rel, height), growth(u, 2 * height))
    return both(drift, both(steps, growth(stretch(), 1 + height))) + states_underflow(terms) * sp.exp(-L)


# logsumexp.


@_formula
def log_error(rel: Expr, abs: Expr, sigma: Expr, L: Expr) -> Expr:
    """A logarithm of exact value L whose argument errs by sigma, relative."""
    return (1 + rel) * (sigma / (1 - sigma)) + rel * sp.Abs(L) + abs


@_formula
def shift_back(e: Expr, y: Expr) -> Expr:
    """A sum of exact value y one of whose terms errs by flush and the other by e."""
    return (1 + u) * (e + flush) + u * sp.Abs(y) + flush


@_formula
def lse_naive(sigma: Expr, y: Expr) -> Expr:
    return log_error(log_rel, log_abs, sigma, y)


@_formula
def lse_shifted(sigma: Expr, L: Expr, y: Expr) -> Expr:
    return shift_back(log_error(log_rel, log_abs, sigma, L), y)


@_formula
def lse_log1p(sigma: Expr, L: Expr, y: Expr) -> Expr:
    return shift_back(log_error(log1p_rel, log1p_abs, sigma, L), y)


@_formula
def drift_from_entropy(H: Expr, L: Expr, n: Expr) -> Expr:
    """At least the drift, from the entropy H of g; the shift is the maximum and u <= 1/256."""
    return u * (H - L) + sp.Rational(7, 25) * (n - 1) * (u * u)


@_formula
def drift_from_length(n: Expr) -> Expr:
    """At least the drift, from n alone; the shift is the maximum."""
    return expm1(u * sp.log(n))


@_formula
def pair_error() -> Expr:
    """The exponential of one logaddexp, relative to 1 + exp(-gap)."""
    exponential = both(exp_rel, expm1(flush))
    return exponential / 2 + (1 + exponential) * (u / (sp.E * (1 - u))) + exp_abs


@_formula
def chain_step(size: Expr) -> Expr:
    error = log_error(log1p_rel, log1p_abs, pair_error(), sp.log(2))
    return (1 + u) * error + u * (size + flush) + 2 * flush


@_formula
def lse_chained(terms: Expr, size: Expr) -> Expr:
    """A fold of logaddexp; size is at least every |partial result|."""
    more = growth(u, terms - 1)
    return more * (chain_step(size) / u) + (1 + more) * flush


# softmax: g the exact entry, q = g (exp(u D) - 1).


@_formula
def quotient_error(X: Expr, sigma: Expr, g: Expr, q: Expr, L: Expr) -> Expr:
    top = (1 + both(exp_rel, X)) * q + (both(exp_rel, X) + sigma) * g + exp_abs * sp.exp(-L)
    return top / (1 - sigma)


@_formula
def softmax_entry(X: Expr, sigma: Expr, g: Expr, q: Expr, L: Expr) -> Expr:
    return (1 + u) * quotient_error(X, sigma, g, q, L) + u * g + under


@_formula
def softmax_norm(X: Expr, sigma: Expr, L: Expr) -> Expr:
    """Every entry, relative to the largest; the shift is the maximum."""
    top = (1 + both(exp_rel, X)) * (u / (sp.E * (1 - u))) + (both(exp_rel, X) + sigma) + exp_abs
    return (1 + u) * (top / (1 - sigma)) + u + under * sp.exp(L)


@_formula
def free_factor(e: Expr) -> Expr:
    return both(exp_rel, expm1((1 + u) * (e + flush) + flush))


@_formula
def softmax_division_free(e: Expr, g: Expr, q: Expr) -> Expr:
    """exp(x_j - y) where y errs by e; q = g (exp(u |x_j - y|) - 1)."""
    return (1 + free_factor(e)) * q + free_factor(e) * g + exp_abs


@_formula
def division_free_norm(e: Expr, L: Expr) -> Expr:
    """The same, relative to the largest entry exp(-L)."""
    widest = expm1(u * L) + (1 + expm1(u * L)) * (u / (sp.E * (1 - u)))
    return free_factor(e) + (1 + free_factor(e)) * widest + exp_abs * sp.exp(L)


# log_softmax.


@_formula
def log_softmax_shifted(e: Expr, D: Expr, z: Expr) -> Expr:
    """(x_j - a) - l where l errs by e."""
    return (1 + u) * (u * D + zeta() + e) + u * sp.Abs(z) + flush


@_formula
def log_softmax_composed(e: Expr, z: Expr) -> Expr:
    """x_j - y where y errs by e."""
    return shift_back(e, z)


@_formula
def log_of_softmax(rho: Expr, z: Expr) -> Expr:
    """The logarithm of an entry that errs by rho, relative to it."""
    return log_error(log_rel, log_abs, rho, z)
