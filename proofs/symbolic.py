"""The symbolic reading: an algorithm as a SymPy expression for symbolic n, and its equality with the function.

A vector is an expression in the index i of x_i; a sum runs over i = 1..n and stays symbolic. The maximum is read as
a shift `a`, any real number, for that is all the shift identity needs; that the maximum itself is among the terms
is used where a sum leaves it out: its term is f(a). A fold is proven by induction on its steps.

Equality is decided by one normal form: e^(s + t) is written e^s e^t, factors without the index leave the sum, and the
sum of e^(x_i) becomes a positive symbol. What is then left is an identity of logarithms of positive numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .algorithms import Algorithm
from .operations import Operations

__all__ = ["Equality", "expression", "specification", "verify_algorithm"]

_n = sp.Symbol("n", integer=True, positive=True)
_i = sp.Symbol("i", integer=True, positive=True)
_j = sp.Symbol("j", integer=True, positive=True)
_a = sp.Symbol("a", real=True)
_x = sp.Function("x", real=True)
_total = sp.Symbol("S", positive=True)


@dataclass(frozen=True, slots=True)
class Equality:
    """What SymPy was asked and what was left of the difference: 0 when the two are equal."""

    algorithm: sp.Expr
    specification: sp.Expr
    difference: sp.Expr

    @property
    def holds(self) -> bool:
        return bool(self.difference == 0)


@dataclass(frozen=True, slots=True)
class _Symbolic:
    """A scalar, or the vector whose entry i is `term`; `without` is the shift whose entry has been left out."""

    term: sp.Expr
    vector: bool = False
    without: sp.Expr | None = None


class _SymbolicOperations:
    """`Operations` on expressions; `left_is_larger` fixes the order of two compared scalars."""

    def __init__(self, left_is_larger: bool = True) -> None:
        self.left_is_larger = left_is_larger

    def max(self, x: _Symbolic) -> _Symbolic:
        return _Symbolic(_a)

    def drop_max(self, x: _Symbolic) -> _Symbolic:
        return _Symbolic(x.term, True, without=_a)

    def first(self, x: _Symbolic) -> _Symbolic:
        return _Symbolic(x.term.subs(_i, 1))

    def maximum(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return a if self.left_is_larger else b

    def minimum(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return b if self.left_is_larger else a

    def _map(self, f: Callable[..., Any], *args: _Symbolic) -> _Symbolic:
        dropped = {v.without for v in args if v.without is not None}
        if not dropped:
            return _Symbolic(f(*(v.term for v in args)), any(v.vector for v in args))
        return _Symbolic(f(*(v.term for v in args)), True, dropped.pop())

    def add(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return self._map(lambda s, t: s + t, a, b)

    def sub(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return self._map(lambda s, t: s - t, a, b)

    def mul(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return self._map(lambda s, t: s * t, a, b)

    def div(self, a: _Symbolic, b: _Symbolic) -> _Symbolic:
        return self._map(lambda s, t: s / t, a, b)

    def exp(self, a: _Symbolic) -> _Symbolic:
        return self._map(sp.exp, a)

    def log(self, a: _Symbolic) -> _Symbolic:
        return self._map(sp.log, a)

    def log1p(self, a: _Symbolic) -> _Symbolic:
        return self._map(lambda s: sp.log(1 + s), a)

    def one(self, like: _Symbolic) -> _Symbolic:
        return _Symbolic(sp.Integer(1))

    def sum(self, x: _Symbolic, order: str = "any") -> _Symbolic:
        total = sp.Sum(x.term, (_i, 1, _n))
        if x.without is not None:
            total = total - x.term.subs(_x(_i), x.without)
        return _Symbolic(total)

    def fold(
        self,
        x: _Symbolic,
        start: Callable[..., tuple[_Symbolic, ...]],
        step: Callable[..., tuple[_Symbolic, ...]],
        invariant: Callable[..., _Symbolic],
    ) -> tuple[_Symbolic, ...]:
        """Prove the invariant by induction; then solve it for the last component of the state."""
        first = self.first(x)
        initial = start(first)
        _require_zero(invariant(*initial).term - sp.exp(first.term), "the fold's first state")
        state = tuple(_Symbolic(sp.Symbol(f"s_{k}", positive=k > 0, real=True)) for k in range(len(initial)))
        new = _Symbolic(sp.Symbol("x_new", real=True))
        for self.left_is_larger in (True, False):
            moved = invariant(*step(*state, new)).term
            _require_zero(moved - invariant(*state).term - sp.exp(new.term), "the fold's step")
        (last,) = sp.solve(invariant(*state).term - sp.Sum(sp.exp(_x(_i)), (_i, 1, _n)), state[-1].term)
        return (*state[:-1], _Symbolic(last))

    def nonexpansive(self, body: Callable[[Operations[Any], Any, Any], Any], a: _Symbolic, b: _Symbolic) -> _Symbolic:
        result: _Symbolic = body(self, a, b)
        return result


def _require_zero(difference: sp.Expr, where: str) -> None:
    left = normal_form(difference)
    if left != 0:
        raise ArithmeticError(f"{where} does not keep its invariant: the difference is {left}")


def normal_form(e: sp.Expr) -> sp.Expr:
    """The normal form of the module's docstring; zero for equal expressions of its shape."""
    e = e.replace(sp.Sum, _without_constant_factors)
    e = e.subs(sp.Sum(sp.exp(_x(_i)), (_i, 1, _n)), _total)
    return sp.simplify(sp.expand_log(sp.simplify(sp.expand_log(sp.expand(e), force=False)), force=False))


def _without_constant_factors(term: sp.Expr, limits: Any) -> sp.Expr:
    constant, rest = sp.expand(term).as_independent(limits[0], as_Add=False)
    return constant * sp.Sum(rest, limits)


def specification(function: str) -> sp.Expr:
    """The function itself for symbolic n; entry j where it has one entry for each of the row's.

    Raises KeyError for a name that is not a core function (logsumexp, softmax, log_softmax).
    """
    total = sp.Sum(sp.exp(_x(_i)), (_i, 1, _n))
    return {
        "logsumexp": sp.log(total),
        "softmax": sp.exp(_x(_j)) / total,
        "log_softmax": _x(_j) - sp.log(total),
    }[function]


def expression(algorithm: Algorithm) -> sp.Expr:
    """The algorithm in exact arithmetic, for symbolic n; raises ArithmeticError if a fold breaks its invariant."""
    result = algorithm.run(_SymbolicOperations(), _Symbolic(_x(_i), True))
    term: sp.Expr = result.term
    return _entry(term) if result.vector else term


def _entry(term: sp.Expr) -> sp.Expr:
    """Entry j of a vector's expression; the bound index of its sums is left alone."""
    sums = {s: sp.Dummy(positive=True) for s in term.atoms(sp.Sum)}
    return term.xreplace(sums).subs(_i, _j).xreplace({d: s for s, d in sums.items()})


def verify_algorithm(algorithm: Algorithm) -> Equality:
    """Ask SymPy whether the algorithm equals its function in exact arithmetic, for every n and every real shift."""
    left, right = expression(algorithm), specification(algorithm.function)
    return Equality(left, right, normal_form(left - right))
