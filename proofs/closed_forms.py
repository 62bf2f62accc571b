"""Closed forms evaluated over enclosures: what a `Bound` allows for each input, as a `Reading`.

The exact quantities of the input (`bounds.QUANTITIES`) are made when a formula asks for them; the formula is then
walked through as it stands, so that no number in it becomes a float on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy as sp

from .algorithm_bounds import accumulated, bound
from .algorithms import FUNCTIONS, Algorithm
from .bounds import Bound
from .formulas import ACCUMULATOR, Expr, Formula, expm1, growth, symbol
from .rounding import FOLD_HYPOTHESIS, FOLD_LIMIT, Enclosures, Model, Reading, rounding_error

__all__ = ["READINGS", "allowed_error", "bounded_error"]

READINGS = ("per-input", "closed")

_EXACT = {"logsumexp": "y", "softmax": "g", "log_softmax": "z"}


def allowed_error(algorithm: Algorithm, x: Any, base: Enclosures[Any], model: Model, reading: str) -> Reading[Any]:
    """What rounding can do to `algorithm` on the exact inputs x, shape (rows, n), by one of `READINGS`, or ValueError.

    Read per input, a fold is too long beyond `FOLD_LIMIT` columns; its closed form is not, and is used there.
    """
    if reading not in READINGS:
        raise ValueError(f"bounds are read {' or '.join(READINGS)}, got {reading!r}")
    if reading == "closed":
        return bounded_error(bound(algorithm.function, algorithm.name), x, base, model)
    found = rounding_error(algorithm, x, base, model)
    if base.length(x) > FOLD_LIMIT and FOLD_HYPOTHESIS in found.hypotheses:
        return allowed_error(algorithm, x, base, model, "closed")
    return found


def bounded_error(
    bound: Bound,
    x: Any,
    base: Enclosures[Any],
    model: Model,
    shift: Any | None = None,
    known: Mapping[str, Any] | None = None,
) -> Reading[Any]:
    """What `bound` allows for |computed - exact| on the exact inputs x, shape (rows, n), finite.

    In the units of the result, (rows, 1) for logsumexp and else (rows, n) or what broadcasts to it; a normwise bound is
    multiplied by the largest entry. It holds for the rows where every hypothesis does. A bound whose shift is the
    first entry is a theorem about any shift: `shift`, exact and (rows, 1), stands in its place; ValueError for others.
    `known` are quantities of the input, by name, that need not be made from x.
    """
    if shift is not None and bound.shift != "first":
        raise ValueError(f"a bound of any shift is required, got {bound.name}, which is of the {bound.shift}")
    bound = bound if model.accumulator is None else accumulated(bound)
    values = _Values(bound, x, base, model)
    values.known |= {symbol(name): value for name, value in (known or {}).items()}
    if shift is not None:
        values.known[symbol("a")] = shift
    for name, expression in bound.where:
        values.known[name] = values.of(expression)
    error = values.of(bound.formula)
    if bound.measure == "normwise":
        error = base.mul(error, values.of(symbol("peak")))
    hypotheses = {h.text: values.by_row(h.smaller, h.larger, h.strict) for h in bound.hypotheses}
    return Reading(values.of(symbol(_EXACT[FUNCTIONS[bound.function].core])), error, hypotheses)


class _Values:
    """The values of expressions for one bound, one batch and one model; each is made once."""

    def __init__(self, bound: Bound, x: Any, base: Enclosures[Any], model: Model) -> None:
        self.bound, self.x, self.base, self.model = bound, x, base, model
        self.n = base.length(x)
        self.known: dict[Expr, Any] = {symbol(k): base.constant(v) for k, v in _numbers(model).items()}

    def of(self, expression: Expr) -> Any:
        if expression not in self.known:
            make = self._quantity if expression.is_Symbol else self._made
            self.known[expression] = make(expression)
        return self.known[expression]

    def by_row(self, smaller: Expr, larger: Expr, strict: bool) -> Any:
        """Where the inequality certainly holds, (rows,)."""
        compare = self.base.certainly_less if strict else self.base.certainly_at_most
        first = abs(self.base.first(self.x))
        everywhere = self.base.certainly_at_most(first, first)
        return (compare(self.of(smaller), self.of(larger)) & everywhere).all(axis=-1)

    def _made(self, e: Expr) -> Any:
        if e.is_Rational:
            return self.base.constant(Fraction(int(e.p), int(e.q)))
        if e.is_Add:
            return reduce(self.base.add, map(self.of, sorted(e.args, key=lambda a: bool(a.could_extract_minus_sign()))))
        if e.is_Mul:
            below = [factor for factor in e.args if factor.is_Pow and factor.exp.is_negative]
            above = reduce(self.base.mul, (self.of(factor) for factor in e.args if factor not in below), self._one())
            return reduce(self.base.div, [self.of(1 / factor) for factor in below], above)
        if e.is_Pow and e.exp.is_Integer:
            power = reduce(self.base.mul, [self.of(e.base)] * abs(int(e.exp)))
            return power if e.exp > 0 else self.base.div(self._one(), power)
        if e.is_Pow and e.exp == sp.Rational(1, 2):
            return self.base.exp(self.base.div(self.base.log(self.of(e.base)), self.of(sp.Integer(2))))
        return self._function(e)

    def _function(self, e: Expr) -> Any:
        if isinstance(e, Formula):
            return self.of(e.body)
        apply: dict[Any, Callable[..., Any]] = {
            sp.exp: self.base.exp,
            sp.log: self.base.log,
            sp.Abs: abs,
            sp.Max: self.base.maximum,
            expm1: self._expm1,
            growth: lambda p, k: self._expm1(self.base.mul(k, self.base.log1p(p))),
        }
        if e.func not in apply:
            raise ValueError(f"a formula is made of + - * / exp, log, |.|, expm1 and growth, got {e}")
        return apply[e.func](*map(self.of, e.args))

    def _one(self) -> Any:
        return self.base.constant(Fraction(1))

    def _expm1(self, t: Any) -> Any:
        return self.base.exp_change(self.base.constant(Fraction(0)), t)

    # The exact quantities of the input.

    def _quantity(self, name: sp.Symbol) -> Any:
        make = getattr(self, f"_{name.name}", None)
        if make is None:
            raise ValueError(f"a formula speaks of the quantities of an input, got {name}")
        return make()

    def _get(self, name: str) -> Any:
        return self.of(symbol(name))

    def _terms(self) -> Any:
        return self.base.constant(Fraction(self.n))

    def _height(self) -> Any:
        return self.base.constant(Fraction(_height(self.n)))

    def _top(self) -> Any:
        return self.base.max(self.x)

    def _rest(self) -> Any:
        """The sum of exp(x_i - max x) without the maximum."""
        return self.base.sum(self.base.exp(self.base.sub(self.base.drop_max(self.x), self._get("top"))))

    def _spread(self) -> Any:
        """y - max x."""
        return self.base.log1p(self._get("rest"))

    def _y(self) -> Any:
        return self.base.add(self._get("top"), self._get("spread"))

    def _z(self) -> Any:
        return self.base.sub(self.base.sub(self.x, self._get("top")), self._get("spread"))

    def _g(self) -> Any:
        return self.base.exp(self._get("z"))

    def _peak(self) -> Any:
        return self.base.div(self._one(), self.base.add(self._one(), self._get("rest")))

    def _tail(self) -> Any:
        return self.base.mul(self._get("rest"), self._get("peak"))

    def _theta(self) -> Any:
        return self._one() if self.model.flush else self._get("tail")

    def _a(self) -> Any:
        return self.base.first(self.x) if self.bound.shift == "first" else self._get("top")

    def _L(self) -> Any:
        if self.bound.shift == "none":
            return self._get("y")
        return self.base.add(self.base.sub(self._get("top"), self._get("a")), self._get("spread"))

    def _D(self) -> Any:
        return abs(self.base.sub(self.x, self._get("a")))

    def _q(self) -> Any:
        return self.base.exp_change(self._get("z"), self.base.mul(self._get("u"), self._get("D")))

    def _zdrift(self) -> Any:
        return self.base.exp_change(self._get("z"), self.base.mul(self._get("u"), abs(self._get("z"))))

    def _drift(self) -> Any:
        return self.base.sum(self._get("q"))

    def _H(self) -> Any:
        away = self.base.sub(self._get("top"), self.x)
        return self.base.add(self._get("spread"), self.base.sum(self.base.mul(self._get("g"), away)))

    def _rises(self) -> Any:
        if self.model.flush:  # entries that flushing may change have no known order
            return self.base.constant(Fraction(self.n - 1))
        return self.base.rises(self.x)

    def _size(self) -> Any:
        return self.base.maximum(abs(self.base.first(self.x)), abs(self._get("y")))

    def _largest(self) -> Any:
        return self.base.constant(self.model.largest)

    def _summable(self) -> Any:
        return self.base.constant(min(self.model.largest, self._made_in.largest))

    def _sum_u(self) -> Any:
        return self.base.constant(self._made_in.unit_roundoff)

    def _sum_lost(self) -> Any:
        return self.base.constant(self._made_in.lost_to_zero)

    @property
    def _made_in(self) -> Model:
        return self.model.accumulator or self.model


def _height(n: int) -> int:
    return (n - 1).bit_length()


def _numbers(model: Model) -> dict[str, Fraction]:
    """The numbers of `formulas.MODEL`, and of `formulas.ACCUMULATOR` if there is one.

    An ulp is at most 2 u relative, or the spacing of the subnormals.
    """
    u, spacing, lost = model.unit_roundoff, model.smallest_subnormal, model.lost_to_zero
    numbers = {"u": u, "under": spacing / 2 + lost, "flush": lost}
    for name in ("exp", "log", "log1p"):
        ulps = getattr(model.libm, name)
        numbers |= {f"{name}_rel": 2 * u * ulps, f"{name}_abs": spacing * ulps + lost}
    if model.accumulator is not None:
        made_in = model.accumulator
        changes = (*model.conversion(made_in), *made_in.conversion(model))
        numbers |= dict(zip(ACCUMULATOR, (made_in.unit_roundoff, *changes, made_in.lost_to_zero), strict=True))
    return numbers
