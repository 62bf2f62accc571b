"""The shift identities: what may be taken out of an exponent, for any shift a, any N >= 1 and any x."""

from __future__ import annotations

from ..building import chain
from ..terms import Vector, each, exp, indices, log, positive, total, variables
from ..trusted import Derivation, Moved, Term, Theorem, Use, bound_index

__all__ = ["DERIVATIONS"]

i, k = indices("i k")
x, b = Vector("x"), Vector("b")
a, c, T = variables("a c T")
S = total(i, exp(x[i]))


def lse_shift() -> Derivation:
    """log of the sum of e^(x_i) = a + log of the sum of e^(x_i - a)"""
    shifted = exp(x[i] - a)
    return chain(
        "lse-shift",
        log(S),
        ("arithmetic", log(total(i, exp(a + (x[i] - a))))),
        ("exp-add", log(total(i, exp(a) * shifted))),
        ("sum-factor", log(exp(a) * total(i, shifted))),
        ("log-mul", log(exp(a)) + log(total(i, shifted))),
        ("log-exp", a + log(total(i, shifted))),
    )


def softmax_shift() -> Derivation:
    """softmax(x) = softmax(x - a)"""
    shifted = exp(x[i] - a)
    top = exp(a) * exp(x[k] - a)
    return chain(
        "softmax-shift",
        exp(x[k]) / S,
        ("arithmetic", exp(a + (x[k] - a)) / S),
        ("exp-add", top / S),
        ("arithmetic", top / total(i, exp(a + (x[i] - a)))),
        ("exp-add", top / total(i, exp(a) * shifted)),
        ("sum-factor", top / (exp(a) * total(i, shifted))),
        ("arithmetic", exp(x[k] - a) / total(i, shifted)),
    )


def shift_by(lse_shift: Theorem, vector: Term, by: Term) -> Use:
    """lse-shift for another vector, given by its entry i, and another shift."""
    return Use(lse_shift, variables=(("a", by),), vectors=(("x", bound_index(vector, i)),))


def log_softmax_shift(lse_shift: Theorem) -> Derivation:
    """log softmax(x) = log softmax(x - a)"""
    shifted = log(total(i, exp(x[i] - a)))
    return chain(
        "log-softmax-shift",
        x[k] - log(S),
        ("theorem", x[k] - (a + shifted), shift_by(lse_shift, x[i], a)),
        ("arithmetic", (x[k] - a) - shifted),
    )


def division_free_softmax() -> Derivation:
    """softmax without a division: e^(x_k - lse)"""
    return chain(
        "division-free-softmax",
        exp(x[k]) / S,
        ("exp-log", exp(x[k]) / exp(log(S))),
        ("exp-sub", exp(x[k] - log(S))),
    )


def log_of_softmax() -> Derivation:
    """the logarithm of softmax is x_k - lse"""
    return chain(
        "log-of-softmax",
        log(exp(x[k]) / S),
        ("log-div", log(exp(x[k])) - log(S)),
        ("log-exp", x[k] - log(S)),
    )


def lse_equivariance() -> Derivation:
    """a constant added to every entry is added to lse"""
    return chain(
        "lse-equivariance",
        log(total(i, exp(x[i] + c))),
        ("exp-add", log(total(i, exp(x[i]) * exp(c)))),
        ("arithmetic", log(total(i, exp(c) * exp(x[i])))),
        ("sum-factor", log(exp(c) * S)),
        ("log-mul", log(exp(c)) + log(S)),
        ("log-exp", c + log(S)),
        ("arithmetic", log(S) + c),
    )


def lse_permutation() -> Derivation:
    """the order of the entries does not matter to lse"""
    return chain(
        "lse-permutation",
        log(total(i, exp(x[Moved("p", i)]))),
        ("sum-permute", log(S)),
    )


def softmax_permutation() -> Derivation:
    """softmax of permuted entries is the permuted softmax"""
    top = exp(x[Moved("p", k)])
    return chain(
        "softmax-permutation",
        top / total(i, exp(x[Moved("p", i)])),
        ("sum-permute", top / S),
    )


def temperature_shift(lse_shift: Theorem) -> Derivation:
    """lse at temperature T may be shifted as well"""
    return chain(
        "temperature-shift",
        T * log(total(i, exp(x[i] / T))),
        ("theorem", T * (a / T + log(total(i, exp(x[i] / T - a / T)))), shift_by(lse_shift, x[i] / T, a / T)),
        ("arithmetic", T * (a / T + log(total(i, exp((x[i] - a) / T))))),
        ("arithmetic", a + T * log(total(i, exp((x[i] - a) / T)))),
        premises=(positive(T),),
    )


def softmax_temperature_shift(softmax_shift: Theorem) -> Derivation:
    """softmax at temperature T may be shifted as well"""
    use = Use(softmax_shift, (("a", a / T),), (("x", bound_index(x[i] / T, i)),))
    bottom = total(i, exp(x[i] / T - a / T))
    return chain(
        "softmax-temperature-shift",
        exp(x[k] / T) / total(i, exp(x[i] / T)),
        ("theorem", exp(x[k] / T - a / T) / bottom, use),
        ("arithmetic", exp((x[k] - a) / T) / bottom),
        ("arithmetic", exp((x[k] - a) / T) / total(i, exp((x[i] - a) / T))),
        premises=(positive(T),),
    )


def weighted_shift() -> Derivation:
    """with weights b_i > 0: log of the sum of b_i e^(x_i) may be shifted as well"""
    shifted = b[i] * exp(x[i] - a)
    return chain(
        "weighted-shift",
        log(total(i, b[i] * exp(x[i]))),
        ("arithmetic", log(total(i, b[i] * exp(a + (x[i] - a))))),
        ("exp-add", log(total(i, b[i] * (exp(a) * exp(x[i] - a))))),
        ("arithmetic", log(total(i, exp(a) * shifted))),
        ("sum-factor", log(exp(a) * total(i, shifted))),
        ("log-mul", log(exp(a)) + log(total(i, shifted))),
        ("log-exp", a + log(total(i, shifted))),
        premises=(each(i, positive(b[i])),),
    )


def weights_as_shifts() -> Derivation:
    """a weight b_i > 0 is a shift of x_i by log b_i"""
    return chain(
        "weights-as-shifts",
        log(total(i, b[i] * exp(x[i]))),
        ("exp-log", log(total(i, exp(log(b[i])) * exp(x[i])))),
        ("exp-add", log(total(i, exp(log(b[i]) + x[i])))),
        ("arithmetic", log(total(i, exp(x[i] + log(b[i]))))),
        premises=(each(i, positive(b[i])),),
    )


DERIVATIONS = (
    lse_shift, softmax_shift, log_softmax_shift, division_free_softmax, log_of_softmax, lse_equivariance,
    lse_permutation, softmax_permutation, temperature_shift, softmax_temperature_shift, weighted_shift,
    weights_as_shifts,
)  # fmt: skip
