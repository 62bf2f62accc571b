"""The rounding bounds in closed form: one `Bound` for each algorithm, and its sharper and coarser relatives.

A bound is a formula in a few exact quantities of the input (`QUANTITIES`) and in the numbers of a model of arithmetic.
Nothing is of "first order": where the formula's hypotheses hold, no run of the algorithm errs by more, underflow and
flushing included, and nothing on the way overflows. The reading in `rounding` bounds one input at a time by walking
through the algorithm; a closed form says the same of all inputs at once, and is never below it.

Sources: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330, for the algorithms and first-order
forms; Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34 (2013), Theorem 2.1; Ogita, Rump and Oishi, SIAM J. Sci.
Comput. 26 (2005), Proposition 4.5; Milakov and Gimelshein, arXiv 1805.02867.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import sympy as sp

from . import formulas as f
from .algorithms import FUNCTIONS, algorithms_for
from .bounds import Bound, Hypothesis, Where
from .formulas import Expr, growth, symbol

__all__ = ["SUM_BOUNDS", "accumulated", "bound", "bounds", "bounds_for", "companions"]


m, gamma, kappa, drift, theta, tail = map(symbol, ("m", "gamma", "kappa", "drift", "theta", "tail"))
L, y, H, D, z, g, q, zdrift = map(symbol, ("L", "y", "H", "D", "z", "g", "q", "zdrift"))
terms, rises, height, size = map(symbol, ("terms", "rises", "height", "size"))
largest, summable, sum_u, sum_lost = map(symbol, ("largest", "summable", "sum_u", "sum_lost"))
X, sigma, rho, e = map(symbol, ("X", "sigma", "rho", "e"))
u, flush = f.u, f.flush
_ONE, _ZERO = sp.Integer(1), sp.Integer(0)

_WILKINSON = (m - 1) * u / (1 - (m - 1) * u)
# The error of a sum of m >= 1 terms in each order, relative to the sum of the absolute values.
SUM_BOUNDS: dict[str, Expr] = {
    "any": (m - 1) * u,
    "sequential": (m - 1) * u,
    "pairwise": growth(u, height),
    "compensated": u + _WILKINSON * _WILKINSON,
}


def _sum_of(order: str, additions: Expr) -> Where:
    """gamma and kappa of a sum: its error relative to the sum of absolute values, and what flushing adds."""
    made = SUM_BOUNDS[order].subs(m, additions + 1)
    return (gamma, made), (kappa, (1 + gamma) * (additions * flush))


_ARITHMETIC = "+ - * / round to nearest"
_EXP, _LOG, _LOG1P = (
    f"{name} errs by at most {name}_rel relative and {name}_abs absolutely" for name in ("exp", "log", "log1p")
)
_SUMMING = (_ARITHMETIC, _EXP, "exp is not negative, and exp(0) = 1")
_BHH = "Blanchard, Higham, Higham (2021)"
_ONLINE = "Milakov, Gimelshein (2018), Algorithm 3"


def _below_one(of: Expr, what: str) -> Hypothesis:
    return Hypothesis(f"{what} is below 1", of, _ONE, True)


def _sum_fits(size_of: Expr) -> tuple[Hypothesis, Hypothesis]:
    """The exact sum is exp(size_of), what is computed on the way to it at most exp(size_of) (1 + sigma)."""
    fits = Hypothesis("no sum of exponentials overflows", size_of + sigma, sp.log(summable))
    return _below_one(sigma, "the relative error of the sum of exponentials"), fits


_Y_FITS = Hypothesis("the logsumexp does not overflow", sp.Abs(y) + e, largest)
_HOLDS, _HOLDS_UNSHIFTED = _sum_fits(L), _sum_fits(y)


def _full_sum(weight: Expr = theta, order: str = "any") -> Where:
    error = f.sum_error(X, gamma, kappa, drift, weight, terms, L)
    return *_sum_of(order, terms - 1), (X, f.stretch()), (sigma, error)


_SUM_WITHOUT_ONE = _sum_of("any", sp.Max(terms - 2, 0))
_TAIL_SUM: Where = (
    *_SUM_WITHOUT_ONE,
    (X, f.stretch()),
    (sigma, f.tail_error(X, gamma, kappa, drift, tail, terms - 1, L)),
)
_NO_SHIFT: Where = (
    *_sum_of("any", terms - 1),
    (X, f.expm1(flush)),
    (sigma, f.sum_error(X, gamma, kappa, _ZERO, _ONE, terms, y)),
)
_ONLINE_SUM: Where = ((sigma, f.online_error(terms, rises, drift, L)),)
_MERGED_SUM: Where = ((sigma, f.merged_error(terms, height, drift, L)),)


# A state may be larger than the last one, which is measured from a higher maximum: at most n, and what rounding adds.
_STATES = terms * (1 + growth(f.step_growth(), terms)) + f.states_underflow(terms)
_STATES_HOLD = (*_HOLDS, Hypothesis("no state of the pass overflows", _STATES, largest))


def _lse(algorithm: str, formula: Expr, where: Where, source: str, **more: Any) -> Bound:
    return _bound("logsumexp", "logsumexp(x), in nats", algorithm, formula, where, source, **more)


def _softmax_of(algorithm: str, formula: Expr, where: Where, source: str, **more: Any) -> Bound:
    return _bound("softmax", "softmax(x)_j", algorithm, formula, where, source, **{"measure": "componentwise", **more})


def _log_softmax_of(algorithm: str, formula: Expr, where: Where, **more: Any) -> Bound:
    return _bound(
        "log_softmax",
        "log softmax(x)_j, in nats",
        algorithm,
        formula,
        where,
        _BHH,
        measure="componentwise",
        **more,
    )


def _bound(
    function: str,
    quantity: str,
    algorithm: str,
    formula: Expr,
    where: Where,
    source: str,
    *,
    variant: str = "",
    measure: str = "absolute",
    hypotheses: tuple[Hypothesis, ...] = _HOLDS,
    premises: tuple[str, ...] = (*_SUMMING, _LOG),
    **how: Any,
) -> Bound:
    return Bound(function, algorithm, variant, quantity, measure, formula, where, hypotheses, premises, source, **how)


def _logsumexp() -> Iterator[Bound]:
    shifted, log1p = f.lse_shifted(sigma, L, y), f.lse_log1p(sigma, L, y)
    premises = (*_SUMMING, _LOG1P)
    yield _lse("shifted-log1p", log1p, _TAIL_SUM, f"{_BHH}, Algorithm 4.1", premises=premises)
    small = Hypothesis("u is at most 1/256", u, sp.Rational(1, 256))
    yield _lse(
        "shifted-log1p",
        log1p,
        ((drift, f.drift_from_entropy(H, L, terms)), *_TAIL_SUM),
        f"{_BHH}, Algorithm 4.1, the drift bounded by the entropy",
        variant="entropy",
        hypotheses=(small, *_HOLDS),
        premises=premises,
    )
    worst = f.tail_error(X, gamma, kappa, drift, tail, terms - 1, _ZERO)
    yield _lse(
        "shifted-log1p",
        log1p,
        (
            (L, sp.log(terms)),
            (tail, 1 - 1 / terms),
            (drift, f.drift_from_length(terms)),
            *_SUM_WITHOUT_ONE,
            (X, f.stretch()),
            (sigma, worst),
        ),
        f"{_BHH}, Algorithm 4.1, over every x of n entries",
        variant="any x",
        premises=premises,
    )
    yield _lse("shifted", shifted, _full_sum(), f"{_BHH}, Algorithm 3.1 after the shift")
    yield _lse(
        "chained",
        f.lse_chained(terms, size),
        (),
        f"a fold of {_BHH}, Algorithm 4.1 at n = 2",
        hypotheses=(
            _below_one(f.pair_error(), "the error of one logaddexp"),
            Hypothesis("no partial result overflows", size + f.lse_chained(terms, size), largest),
        ),
        premises=(_ARITHMETIC, _EXP, _LOG1P),
        shift="first",
    )
    yield _lse(
        "naive",
        f.lse_naive(sigma, y),
        _NO_SHIFT,
        f"{_BHH}, Algorithm 3.1",
        shift="none",
        hypotheses=_HOLDS_UNSHIFTED,
        premises=(_ARITHMETIC, _EXP, _LOG),
    )
    yield _lse(
        "arbitrary-shift",
        shifted,
        _full_sum(_ONE),
        f"{_BHH}, Algorithm 3.1 after a shift",
        shift="first",
    )
    yield _lse("online", shifted, _ONLINE_SUM, _ONLINE, hypotheses=_STATES_HOLD)
    yield _lse("merged", shifted, _MERGED_SUM, "Milakov, Gimelshein (2018), section 3.1", hypotheses=_STATES_HOLD)
    yield _lse(
        "pairwise",
        shifted,
        _full_sum(order="pairwise"),
        "Higham (2002), section 4.2",
    )
    gradual = Hypothesis("a compensated sum flushes nothing", sum_lost, _ZERO)
    # What is summed before the compensation errs as a plain sum does.
    partial = Hypothesis("no partial sum overflows", L + sigma + (terms - 1) * sum_u, sp.log(summable))
    yield _lse(
        "compensated",
        shifted,
        _full_sum(order="compensated"),
        "Ogita, Rump, Oishi (2005), Proposition 4.5",
        hypotheses=(gradual, _below_one((terms - 1) * sum_u, "(n - 1) u"), *_HOLDS, partial),
    )


def _softmax() -> Iterator[Bound]:
    component = f.softmax_entry(X, sigma, g, q, L)
    yield _softmax_of("shifted", component, _full_sum(), _BHH, premises=_SUMMING)
    yield _softmax_of(
        "shifted",
        f.softmax_norm(X, sigma, L),
        _full_sum(),
        _BHH,
        variant="normwise",
        measure="normwise",
        premises=_SUMMING,
    )
    lse: Where = (*_full_sum(), (e, f.lse_shifted(sigma, L, y)))
    finite = (
        _Y_FITS,
        Hypothesis("no exponential overflows", 1 + f.free_factor(e) + f.exp_abs, largest),
    )
    free = (*_HOLDS, *finite)
    free_entry = f.softmax_division_free(e, g, zdrift)
    yield _softmax_of("division-free", free_entry, lse, _BHH, hypotheses=free)
    yield _softmax_of(
        "division-free",
        f.division_free_norm(e, L),
        lse,
        _BHH,
        variant="normwise",
        measure="normwise",
        hypotheses=free,
    )
    yield _softmax_of(
        "division-free",
        free_entry + component,
        lse,
        "the gradient of logsumexp computed in two ways",
        variant="against the quotient",
        hypotheses=free,
    )
    yield _softmax_of(
        "division-free-naive",
        free_entry,
        (*_NO_SHIFT, (e, f.lse_naive(sigma, y))),
        _BHH,
        shift="none",
        hypotheses=(*_HOLDS_UNSHIFTED, *finite),
        premises=(_ARITHMETIC, _EXP, _LOG),
    )
    yield _softmax_of(
        "naive",
        f.softmax_entry(X, sigma, g, _ZERO, y),
        _NO_SHIFT,
        _BHH,
        shift="none",
        hypotheses=_HOLDS_UNSHIFTED,
        premises=(_ARITHMETIC, _EXP),
    )
    yield _softmax_of(
        "online",
        component,
        ((X, f.stretch()), *_ONLINE_SUM),
        _ONLINE,
        hypotheses=_STATES_HOLD,
        premises=_SUMMING,
    )


def _log_softmax() -> Iterator[Bound]:
    # x_j - a may overflow; what is then subtracted must be too small to bring it back into range.
    kept = Hypothesis("no difference of overflowed terms", L + e, largest * u / 2, True)
    yield _log_softmax_of(
        "shifted-log1p",
        f.log_softmax_shifted(e, D, z),
        (*_TAIL_SUM, (e, f.log_error(f.log1p_rel, f.log1p_abs, sigma, L))),
        hypotheses=(*_HOLDS, kept),
        premises=(*_SUMMING, _LOG1P),
    )
    yield _log_softmax_of(
        "shifted",
        f.log_softmax_shifted(e, D, z),
        (*_full_sum(), (e, f.log_error(f.log_rel, f.log_abs, sigma, L))),
        hypotheses=(*_HOLDS, kept),
    )
    yield _log_softmax_of(
        "composed",
        f.log_softmax_composed(e, z),
        (*_full_sum(), (e, f.lse_shifted(sigma, L, y))),
        hypotheses=(*_HOLDS, _Y_FITS),
    )
    yield _log_softmax_of(
        "log-of-softmax",
        f.log_of_softmax(rho, z),
        (*_full_sum(), (rho, f.softmax_entry(X, sigma, g, q, L) / g)),
        hypotheses=(*_HOLDS, _below_one(rho, "the relative error of every entry of softmax")),
    )


@cache
def bounds() -> tuple[Bound, ...]:
    """Every bound of the core functions."""
    return *_logsumexp(), *_softmax(), *_log_softmax()


@cache
def accumulated(of: Bound) -> Bound:
    """The bound where sums are made in another format, of unit roundoff v: `sum_mixed` of `Sums.v` put in.

    Each term is rounded to that format if it is narrower, the sum back if it is wider. A bound without a sum stays.
    """
    made = dict(of.where)
    if gamma not in made:
        return of
    v, into_rel, into_abs, back_rel, back_abs, lost = map(symbol, f.ACCUMULATOR)
    inner = made[gamma].subs(u, v)
    inner_kappa = made[kappa].subs(gamma, inner).subs(flush, lost)
    summed = made[sigma].args[made[sigma].parameters.index("n")]
    variant = ", ".join(part for part in (of.variant, "sums in another format") if part)
    made[gamma] = f.both(f.both(into_rel, inner), back_rel)
    made[kappa] = (1 + back_rel) * ((1 + inner) * (summed * into_abs) + inner_kappa) + back_abs
    return replace(of, where=tuple(made.items()), in_coq=False, variant=variant)


# How many standard deviations the companions allow for.
_DEVIATIONS = 6


@cache
def companions() -> tuple[Bound, ...]:
    """Bounds that hold with high probability if the roundings of a sum are random: its n u becomes sqrt(n) u.

    Premise: the relative errors of the additions are independent random variables of mean zero (Higham and Mary, SIAM
    J. Sci. Comput. 41 (2019) A2815-A2835; the bound is their Theorem 2.4 for each term and a union over the terms, as
    in Theorem 3.1). Nothing is assumed of exp and log beyond their premises. Inputs may be chosen that make rounding
    anything but random.
    """
    named = [bound("logsumexp", "shifted-log1p"), bound("logsumexp", "shifted"), bound("softmax", "shifted")]
    return tuple(_companion(of) for of in (*named, bound("log_softmax", "shifted-log1p")))


def _companion(of: Bound) -> Bound:
    made = dict(of.where)
    made[gamma] = f.expm1(_DEVIATIONS * sp.sqrt(terms) * u + terms * u * u / (1 - u))
    assumed = "the relative errors of the additions of a sum are independent and of mean zero"
    return replace(
        of,
        variant="random rounding",
        where=tuple(made.items()),
        premises=(*of.premises, assumed),
        source="Higham, Mary (2019), Theorems 2.4 and 3.1, for the sum",
        in_coq=False,
        probability=1 - 2 * terms * sp.exp(-sp.Rational(_DEVIATIONS**2, 2) * (1 - u) ** 2),
    )


@cache
def bounds_for(function: str) -> tuple[Bound, ...]:
    """Every bound of a function; those of a pair or an element are those of its core function at n = 2.

    Raises KeyError for a name that is not in `FUNCTIONS`.
    """
    core = FUNCTIONS[function].core
    own = tuple(b for b in bounds() if b.function == core)
    if FUNCTIONS[function].entry in ("pair", "element"):
        return tuple(_at_two(b, function) for b in own)
    return tuple(b if core == function else replace(b, function=function, quantity=_of(b, function)) for b in own)


def bound(function: str, algorithm: str, variant: str = "") -> Bound:
    """The bound of an algorithm; raises KeyError, with those that there are, if there is none."""
    if function not in FUNCTIONS:
        raise KeyError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    variants = {b.variant: b for b in bounds_for(function) if b.algorithm == algorithm}
    if variant in variants:
        return variants[variant]
    if variants:
        raise KeyError(f"{function}.{algorithm} has no bound {variant!r}: one of {list(variants)} is required")
    known = ", ".join(a.name for a in algorithms_for(function))
    raise KeyError(f"{function} has no algorithm {algorithm!r}: one of {known} is required")


def _of(of: Bound, function: str) -> str:
    return f"{function}, {'in nats' if of.measure == 'absolute' else 'the entry'}"


def _at_two(of: Bound, function: str) -> Bound:
    """The same theorem for two entries: n = 2, and a running maximum rises at most once."""
    two = {terms: sp.Integer(2), height: _ONE}
    return replace(
        of,
        function=function,
        quantity=_of(of, function),
        formula=of.formula.subs(two),
        where=tuple((s, expr.subs(two)) for s, expr in of.where),
        hypotheses=tuple(replace(h, smaller=h.smaller.subs(two), larger=h.larger.subs(two)) for h in of.hypotheses),
    )
