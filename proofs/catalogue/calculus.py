"""Derivatives and convexity: the gradient of lse is softmax, the Jacobian of softmax, lse is convex."""

from __future__ import annotations

from ..building import chain
from ..terms import ONE, ZERO, Vector, at_most, delta, exp, indices, log, partial, total, variables
from ..trusted import Derivation, Index, Term, Theorem, Use, bound_index
from .shift import S, shift_by

__all__ = ["DERIVATIONS"]

i, j, k, c = indices("i j k c")
x, y = Vector("x"), Vector("y")
(t,) = variables("t")


def lse_gradient() -> Derivation:
    """the derivative of lse by x_k is softmax(x)_k"""
    return chain(
        "lse-gradient",
        partial(log(S), x, k),
        ("derivative-log", partial(S, x, k) / S),
        ("derivative-sum", total(i, partial(exp(x[i]), x, k)) / S),
        ("derivative-exp", total(i, exp(x[i]) * partial(x[i], x, k)) / S),
        ("derivative-entry", total(i, exp(x[i]) * delta(i, k)) / S),
        ("arithmetic", total(i, delta(i, k) * exp(x[i])) / S),
        ("sum-delta", exp(x[k]) / S),
    )


def softmax_jacobian() -> Derivation:
    """the derivative of softmax(x)_j by x_k is y_j (delta_jk - y_k) with y = softmax(x)"""
    e, d = exp(x[j]), delta(j, k)

    def y_(index: Index) -> Term:
        return exp(x[index]) / S

    return chain(
        "softmax-jacobian",
        partial(y_(j), x, k),
        ("derivative-div", (partial(e, x, k) * S - e * partial(S, x, k)) / (S * S)),
        ("derivative-exp", (e * partial(x[j], x, k) * S - e * partial(S, x, k)) / (S * S)),
        ("derivative-entry", (e * d * S - e * partial(S, x, k)) / (S * S)),
        ("derivative-sum", (e * d * S - e * total(i, partial(exp(x[i]), x, k))) / (S * S)),
        ("derivative-exp", (e * d * S - e * total(i, exp(x[i]) * partial(x[i], x, k))) / (S * S)),
        ("derivative-entry", (e * d * S - e * total(i, exp(x[i]) * delta(i, k))) / (S * S)),
        ("arithmetic", (e * d * S - e * total(i, delta(i, k) * exp(x[i]))) / (S * S)),
        ("sum-delta", (e * d * S - e * exp(x[k])) / (S * S)),
        ("arithmetic", y_(j) * (d - y_(k))),
    )


def cross_entropy_gradient(lse_gradient: Theorem) -> Derivation:
    """the derivative of the cross-entropy lse(x) - x_c of class c by x_k is softmax(x)_k - delta_ck"""
    return chain(
        "cross-entropy-gradient",
        partial(log(S) - x[c], x, k),
        ("derivative-sub", partial(log(S), x, k) - partial(x[c], x, k)),
        ("theorem", exp(x[k]) / S - partial(x[c], x, k), Use(lse_gradient)),
        ("derivative-entry", exp(x[k]) / S - delta(c, k)),
    )


def normalised() -> Derivation:
    """what is shifted by its own lse sums to 1"""
    return chain(
        "normalised",
        total(i, exp(x[i] - log(S))),
        ("exp-sub", total(i, exp(x[i]) / exp(log(S)))),
        ("exp-log", total(i, exp(x[i]) / S)),
        ("arithmetic", total(i, 1 / S * exp(x[i]))),
        ("sum-factor", 1 / S * S),
        ("arithmetic", ONE),
    )


def lse_convex(lse_shift: Theorem, normalised: Theorem) -> Derivation:
    """lse is convex: between two points it lies below the chord"""
    point = t * x[i] + (1 - t) * y[i]
    lse_x, lse_y = log(S), log(total(i, exp(y[i])))
    chord = t * lse_x + (1 - t) * lse_y
    in_x, in_y = exp(x[i] - lse_x), exp(y[i] - lse_y)
    return chain(
        "lse-convex",
        log(total(i, exp(point))),
        ("theorem", chord + log(total(i, exp(point - chord))), shift_by(lse_shift, point, chord)),
        ("arithmetic", chord + log(total(i, exp(t * (x[i] - lse_x) + (1 - t) * (y[i] - lse_y))))),
        ("exp-convex", chord + log(total(i, t * in_x + (1 - t) * in_y))),
        ("sum-add", chord + log(total(i, t * in_x) + total(i, (1 - t) * in_y))),
        ("sum-factor", chord + log(t * total(i, in_x) + total(i, (1 - t) * in_y))),
        ("sum-factor", chord + log(t * total(i, in_x) + (1 - t) * total(i, in_y))),
        ("theorem", chord + log(t * ONE + (1 - t) * total(i, in_y)), Use(normalised)),
        (
            "theorem",
            chord + log(t * ONE + (1 - t) * ONE),
            Use(normalised, vectors=(("x", bound_index(y[i], i)),)),
        ),
        ("arithmetic", chord + log(ONE)),
        ("log-one", chord + ZERO),
        ("arithmetic", chord),
        premises=(at_most(ZERO, t), at_most(t, ONE)),
    )


DERIVATIONS = (lse_gradient, softmax_jacobian, cross_entropy_gradient, normalised, lse_convex)
