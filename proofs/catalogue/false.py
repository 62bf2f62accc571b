"""Statements that look like the identities and are false, each a slip that is made on paper or in code."""

from __future__ import annotations

from ..terms import (
    COUNT,
    ONE,
    ZERO,
    Vector,
    absolute,
    delta,
    exp,
    indices,
    largest,
    log,
    maximum,
    partial,
    total,
    variables,
)
from ..trusted import Relation
from .shift import S

__all__ = ["FALSE"]

i, j, k = indices("i j k")
x, z = Vector("x"), Vector("y")
a, u, v = variables("a x y")
shifted = total(i, exp(x[i] - a))
top = largest(i, x[i])

FALSE: dict[str, Relation] = {
    "exp-of-a-sum-is-a-sum": Relation(S, "=", exp(a) + shifted),
    "shift-with-the-wrong-sign": Relation(log(S), "=", log(shifted) - a),
    "shift-forgotten": Relation(log(S), "=", log(shifted)),
    "shift-added-inside": Relation(log(S), "=", a + log(total(i, exp(x[i] + a)))),
    "shift-in-the-numerator-only": Relation(exp(x[k]) / S, "=", exp(x[k] - a) / S),
    "log-of-a-sum-is-a-sum-of-logs": Relation(log(S), "=", total(i, x[i])),
    "lse-is-the-maximum": Relation(log(S), "=", top),
    "lse-at-most-the-maximum": Relation(log(S), "<=", top),
    "lse-is-additive": Relation(log(total(i, exp(x[i] + z[i]))), "=", log(S) + log(total(i, exp(z[i])))),
    "log1p-over-the-whole-sum": Relation(log(S), "=", top + log(1 + total(i, exp(x[i] - top)))),
    "softmax-of-a-multiple": Relation(exp(2 * x[k]) / total(i, exp(2 * x[i])), "=", exp(x[k]) / S),
    "softmax-below-one": Relation(exp(x[k]) / S, "<", ONE),
    "gradient-is-one-over-the-sum": Relation(partial(log(S), x, k), "=", ONE / S),
    "jacobian-without-delta": Relation(partial(exp(x[j]) / S, x, k), "=", ZERO - exp(x[j]) / S * (exp(x[k]) / S)),
    "jacobian-with-the-wrong-sign": Relation(
        partial(exp(x[j]) / S, x, k), "=", exp(x[j]) / S * (delta(j, k) + exp(x[k]) / S)
    ),
    "softplus-without-the-maximum": Relation(log(1 + exp(u)), "=", log(1 + exp(-absolute(u)))),
    "logaddexp-without-the-sign": Relation(
        log(exp(u) + exp(v)), "=", maximum(u, v) + log(1 + exp(absolute(u - v)))
    ),
    "sum-of-ones-is-one": Relation(total(i, exp(x[i] - x[i])), "=", ONE),
    "at-most-half-the-count": Relation(total(i, exp(x[i] - top)), "<=", COUNT / 2),
}  # fmt: skip
