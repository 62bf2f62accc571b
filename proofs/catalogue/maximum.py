"""What the maximum as a shift gives: no exponent above 0, a sum from 1 to N, and lse from max to max + log N."""

from __future__ import annotations

from ..building import chain
from ..terms import COUNT, ONE, ZERO, Vector, delta, exp, indices, largest, log, total
from ..trusted import Derivation, Theorem, Use
from .shift import S, shift_by

__all__ = ["DERIVATIONS"]

i, k, m = indices("i k m")
x = Vector("x")
top = largest(i, x[i])
gap = x[i] - top


def exponents_at_most_zero() -> Derivation:
    """no exponent x_k - max x is above 0"""
    return chain(
        "exponents-at-most-zero",
        x[k] - top,
        ("entry-at-most-largest", top - top),
        ("arithmetic", ZERO),
    )


def largest_exponent_is_zero() -> Derivation:
    """one exponent is exactly 0"""
    return chain(
        "largest-exponent-is-zero",
        largest(i, gap),
        ("largest-sub", top - top),
        ("arithmetic", ZERO),
    )


def shifted_sum_at_least_one(largest_exponent_is_zero: Theorem) -> Derivation:
    """the shifted sum is at least 1"""
    return chain(
        "shifted-sum-at-least-one",
        ONE,
        ("exp-zero", exp(ZERO)),
        ("theorem", exp(largest(i, gap)), Use(largest_exponent_is_zero)),
        ("largest-exp", largest(i, exp(gap))),
        ("largest-at-most-sum", total(i, exp(gap))),
    )


def shifted_sum_at_most_count(largest_exponent_is_zero: Theorem) -> Derivation:
    """the shifted sum is at most N"""
    return chain(
        "shifted-sum-at-most-count",
        total(i, exp(gap)),
        ("sum-at-most-largest", COUNT * largest(i, exp(gap))),
        ("largest-exp", COUNT * exp(largest(i, gap))),
        ("theorem", COUNT * exp(ZERO), Use(largest_exponent_is_zero)),
        ("exp-zero", COUNT * ONE),
        ("arithmetic", COUNT),
    )


def largest_at_most_lse() -> Derivation:
    """max x <= lse(x)"""
    return chain(
        "largest-at-most-lse",
        top,
        ("log-exp", log(exp(top))),
        ("largest-exp", log(largest(i, exp(x[i])))),
        ("largest-at-most-sum", log(S)),
    )


def lse_at_most_largest_plus_log_count() -> Derivation:
    """lse(x) <= max x + log N"""
    return chain(
        "lse-at-most-largest-plus-log-count",
        log(S),
        ("sum-at-most-largest", log(COUNT * largest(i, exp(x[i])))),
        ("largest-exp", log(COUNT * exp(top))),
        ("log-mul", log(COUNT) + log(exp(top))),
        ("log-exp", log(COUNT) + top),
        ("arithmetic", top + log(COUNT)),
    )


def log1p_form(lse_shift: Theorem) -> Derivation:
    """lse with the shift x_k, whose own term is exactly 1 and leaves the sum"""
    shifted = exp(x[i] - x[k])
    others = total(i, (1 - delta(i, k)) * shifted)
    return chain(
        "log1p-form",
        log(S),
        ("theorem", x[k] + log(total(i, shifted)), shift_by(lse_shift, x[i], x[k])),
        ("arithmetic", x[k] + log(total(i, delta(i, k) * shifted + (1 - delta(i, k)) * shifted))),
        ("sum-add", x[k] + log(total(i, delta(i, k) * shifted) + others)),
        ("sum-delta", x[k] + log(exp(x[k] - x[k]) + others)),
        ("arithmetic", x[k] + log(exp(ZERO) + others)),
        ("exp-zero", x[k] + log(1 + others)),
    )


def log_softmax_log1p_form(log1p_form: Theorem) -> Derivation:
    """log softmax with the shift x_k and the sum without its term"""
    tail = log(1 + total(i, (1 - delta(i, k)) * exp(x[i] - x[k])))
    return chain(
        "log-softmax-log1p-form",
        x[m] - log(S),
        ("theorem", x[m] - (x[k] + tail), Use(log1p_form)),
        ("arithmetic", (x[m] - x[k]) - tail),
    )


def softmax_positive() -> Derivation:
    """every entry of softmax is above 0"""
    return chain("softmax-positive", ZERO, ("positive", exp(x[k]) / S))


def softmax_at_most_one() -> Derivation:
    """no entry of softmax is above 1"""
    return chain(
        "softmax-at-most-one",
        exp(x[k]) / S,
        ("entry-at-most-sum", S / S),
        ("arithmetic", ONE),
    )


def softmax_sums_to_one() -> Derivation:
    """the entries of softmax add up to 1"""
    return chain(
        "softmax-sums-to-one",
        total(k, exp(x[k]) / S),
        ("arithmetic", total(k, 1 / S * exp(x[k]))),
        ("sum-factor", 1 / S * S),
        ("arithmetic", ONE),
    )


DERIVATIONS = (
    exponents_at_most_zero, largest_exponent_is_zero, shifted_sum_at_least_one, shifted_sum_at_most_count,
    largest_at_most_lse, lse_at_most_largest_plus_log_count, log1p_form, log_softmax_log1p_form, softmax_positive,
    softmax_at_most_one, softmax_sums_to_one,
)  # fmt: skip
