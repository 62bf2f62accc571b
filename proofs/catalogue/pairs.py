"""Two entries: logaddexp, softplus, sigmoid, and the binary cross-entropy from logits."""

from __future__ import annotations

from ..building import chain, two_cases
from ..terms import ONE, ZERO, absolute, at_most, exp, log, maximum, variables
from ..trusted import Cases, Derivation, Premise, Term, Theorem, Use

__all__ = ["DERIVATIONS"]

x, y = variables("x y")


def logaddexp() -> Cases:
    """log(e^x + e^y) = max(x, y) + log(1 + e^(-|x - y|))"""
    name, start = "logaddexp", log(exp(x) + exp(y))
    end = maximum(x, y) + log(1 + exp(-absolute(x - y)))
    below = -(x - y)
    low = chain(
        name,
        start,
        ("arithmetic", log(exp(y + (x - y)) + exp(y))),
        ("exp-add", log(exp(y) * exp(x - y) + exp(y))),
        ("arithmetic", log(exp(y) * (1 + exp(x - y)))),
        ("log-mul", log(exp(y)) + log(1 + exp(x - y))),
        ("log-exp", y + log(1 + exp(x - y))),
        ("max-second", maximum(x, y) + log(1 + exp(x - y))),
        ("arithmetic", maximum(x, y) + log(1 + exp(-below))),
        ("abs-below", end),
        assumed=(at_most(x, y),),
    )
    high = chain(
        name,
        start,
        ("arithmetic", log(exp(x) + exp(x + (y - x)))),
        ("exp-add", log(exp(x) + exp(x) * exp(y - x))),
        ("arithmetic", log(exp(x) * (1 + exp(y - x)))),
        ("log-mul", log(exp(x)) + log(1 + exp(y - x))),
        ("log-exp", x + log(1 + exp(y - x))),
        ("max-first", maximum(x, y) + log(1 + exp(y - x))),
        ("arithmetic", maximum(x, y) + log(1 + exp(-(x - y)))),
        ("abs-above", end),
        assumed=(at_most(y, x),),
    )
    return two_cases(name, x, y, low, high)


def softplus(logaddexp: Theorem) -> Derivation:
    """log(1 + e^x) = max(x, 0) + log(1 + e^(-|x|)), logaddexp of x and 0"""
    return chain(
        "softplus",
        log(1 + exp(x)),
        ("exp-zero", log(exp(ZERO) + exp(x))),
        ("arithmetic", log(exp(x) + exp(ZERO))),
        (
            "theorem",
            maximum(x, ZERO) + log(1 + exp(-absolute(x - ZERO))),
            Use(logaddexp, variables=(("x", x), ("y", ZERO))),
        ),
        ("arithmetic", maximum(x, ZERO) + log(1 + exp(-absolute(x)))),
    )


def sigmoid() -> Derivation:
    """the softmax of (0, x) at x is 1 / (1 + e^(-x))"""
    return chain(
        "sigmoid",
        exp(x) / (exp(ZERO) + exp(x)),
        ("exp-zero", exp(x) / (1 + exp(x))),
        ("arithmetic", 1 / (1 + 1 / exp(x))),
        ("exp-neg", 1 / (1 + exp(-x))),
    )


def binary_cross_entropy() -> Cases:
    """the cross-entropy of a label y and the logit x: max(x, 0) - x y + log(1 + e^(-|x|))"""
    low = (at_most(ZERO, x),)
    high = (at_most(x, ZERO),)
    return two_cases("binary-cross-entropy", ZERO, x, _cross_entropy(True, low), _cross_entropy(False, high))


def _cross_entropy(above: bool, assumed: tuple[Premise, ...]) -> Derivation:
    minus = -x
    s = 1 + exp(minus)

    def loss(of_one: Term, of_zero: Term) -> Term:
        return -(y * of_one + (1 - y) * of_zero)

    def linear(first: Term, inside: Term) -> Term:
        return first - x * y + log(1 + inside)

    common = (
        ("arithmetic", loss(log(1 / s), log(exp(-x) / s))),
        ("log-div", loss(log(ONE) - log(s), log(exp(-x) / s))),
        ("log-one", loss(ZERO - log(s), log(exp(-x) / s))),
        ("log-div", loss(ZERO - log(s), log(exp(-x)) - log(s))),
        ("log-exp", loss(ZERO - log(s), -x - log(s))),
        ("arithmetic", linear(x, exp(-x))),
    )
    if above:
        rest: tuple[tuple[str, Term], ...] = (("max-first", linear(maximum(x, ZERO), exp(-x))),)
        last = "abs-above"
    else:
        rest = (
            ("exp-zero", x - x * y + log(exp(ZERO) + exp(-x))),
            ("arithmetic", x - x * y + log(exp(-x + x) + exp(-x))),
            ("exp-add", x - x * y + log(exp(-x) * exp(x) + exp(-x))),
            ("arithmetic", x - x * y + log(exp(-x) * (1 + exp(x)))),
            ("log-mul", x - x * y + (log(exp(-x)) + log(1 + exp(x)))),
            ("log-exp", x - x * y + (-x + log(1 + exp(x)))),
            ("arithmetic", linear(ZERO, exp(x))),
            ("max-second", linear(maximum(x, ZERO), exp(x))),
            ("arithmetic", linear(maximum(x, ZERO), exp(-minus))),
        )
        last = "abs-below"
    return chain(
        "binary-cross-entropy",
        loss(log(1 / s), log(1 - 1 / s)),
        *common,
        *rest,
        (last, linear(maximum(x, ZERO), exp(-absolute(x)))),
        assumed=assumed,
    )


DERIVATIONS = (logaddexp, softplus, sigmoid, binary_cross_entropy)
