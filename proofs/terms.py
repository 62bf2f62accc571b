"""How terms are written down in Python: x[i], exp(t), total(i, t), and so on. Builds terms; nothing rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .trusted import Free, Index, Premise, Relation, Term, bound_index

__all__ = [
    "COUNT",
    "ONE",
    "ZERO",
    "Vector",
    "absolute",
    "at_most",
    "delta",
    "each",
    "equal",
    "exp",
    "indices",
    "largest",
    "less",
    "log",
    "maximum",
    "number",
    "partial",
    "positive",
    "power",
    "total",
    "variable",
    "variables",
]


@dataclass(frozen=True, slots=True)
class Vector:
    """x_1 .. x_N; x[i] is an entry."""

    name: str

    def __getitem__(self, index: Index) -> Term:
        return Term("entry", (), (self.name, index))


def number(value: int | Fraction) -> Term:
    return Term("number", (), Fraction(value))


ZERO, ONE, COUNT = number(0), number(1), Term("count")


def variable(name: str) -> Term:
    return Term("variable", (), name)


def variables(names: str) -> tuple[Term, ...]:
    return tuple(variable(name) for name in names.split())


def indices(names: str) -> tuple[Free, ...]:
    return tuple(Free(name) for name in names.split())


def exp(t: Term) -> Term:
    return Term("exp", (t,))


def log(t: Term) -> Term:
    return Term("log", (t,))


def absolute(t: Term) -> Term:
    return Term("abs", (t,))


def maximum(s: Term, t: Term) -> Term:
    return Term("max", (s, t))


def power(t: Term, k: int) -> Term:
    return Term("power", (t,), k)


def delta(i: Index, j: Index) -> Term:
    """1 if i = j, else 0."""
    return Term("delta", (), (i, j))


def total(i: Index, t: Term) -> Term:
    """The sum of t over i = 1 .. N."""
    return Term("sum", (bound_index(t, i),))


def largest(i: Index, t: Term) -> Term:
    """The maximum of t over i = 1 .. N."""
    return Term("largest", (bound_index(t, i),))


def partial(t: Term, x: Vector, k: Index) -> Term:
    """The derivative of t by x_k."""
    return Term("derivative", (t,), (x.name, k))


def equal(s: Term, t: Term) -> Premise:
    return Premise(Relation(s, "=", t))


def at_most(s: Term, t: Term) -> Premise:
    return Premise(Relation(s, "<=", t))


def less(s: Term, t: Term) -> Premise:
    return Premise(Relation(s, "<", t))


def positive(t: Term) -> Premise:
    return less(ZERO, t)


def each(i: Index, premise: Premise) -> Premise:
    """The premise for every i = 1 .. N."""
    r = premise.relation
    return Premise(Relation(bound_index(r.left, i), r.kind, bound_index(r.right, i)), each=True)
