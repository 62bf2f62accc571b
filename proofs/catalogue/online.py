"""One pass over the data: the pair (m, s) stands for s e^m, and pairs can be merged in any order.

Milakov and Gimelshein, Online normalizer calculation for softmax (arXiv 1805.02867).
"""

from __future__ import annotations

from ..building import chain
from ..terms import equal, exp, log, maximum, positive, variables
from ..trusted import Derivation, Term

__all__ = ["DERIVATIONS"]

m1, m2, m3, s1, s2, s3, P, Q, x = variables("m_1 m_2 m_3 s_1 s_2 s_3 P Q x")
both = maximum(m1, m2)


def merged(m: Term, s: Term, n: Term, t: Term) -> Term:
    """The second component of the merged pair; the first is the larger of m and n."""
    return s * exp(m - maximum(m, n)) + t * exp(n - maximum(m, n))


def merge_correct() -> Derivation:
    """the merged pair stands for the sum of what the two pairs stand for"""
    return chain(
        "merge-correct",
        merged(m1, s1, m2, s2) * exp(both),
        ("arithmetic", s1 * (exp(m1 - both) * exp(both)) + s2 * (exp(m2 - both) * exp(both))),
        ("exp-add", s1 * exp(m1 - both + both) + s2 * (exp(m2 - both) * exp(both))),
        ("exp-add", s1 * exp(m1 - both + both) + s2 * exp(m2 - both + both)),
        ("arithmetic", s1 * exp(m1) + s2 * exp(m2 - both + both)),
        ("arithmetic", s1 * exp(m1) + s2 * exp(m2)),
        ("premise", P + s2 * exp(m2)),
        ("premise", P + Q),
        premises=(equal(s1 * exp(m1), P), equal(s2 * exp(m2), Q)),
    )


def merge_lse() -> Derivation:
    """lse of the merged pair is lse of both parts together"""
    low, high = exp(m1 - both), exp(m2 - both)
    return chain(
        "merge-lse",
        both + log(s1 * low + s2 * high),
        ("log-exp", log(exp(both)) + log(s1 * low + s2 * high)),
        ("log-mul", log(exp(both) * (s1 * low + s2 * high))),
        ("arithmetic", log(s1 * (low * exp(both)) + s2 * (high * exp(both)))),
        ("exp-add", log(s1 * exp(m1 - both + both) + s2 * (high * exp(both)))),
        ("exp-add", log(s1 * exp(m1 - both + both) + s2 * exp(m2 - both + both))),
        ("arithmetic", log(s1 * exp(m1) + s2 * exp(m2 - both + both))),
        ("arithmetic", log(s1 * exp(m1) + s2 * exp(m2))),
        premises=(positive(s1), positive(s2)),
    )


def merge_commutes_in_the_maximum() -> Derivation:
    """merging commutes, first component"""
    return chain("merge-commutes-in-the-maximum", both, ("max-commutes", maximum(m2, m1)))


def merge_commutes_in_the_sum() -> Derivation:
    """merging commutes, second component"""
    swapped = maximum(m2, m1)
    return chain(
        "merge-commutes-in-the-sum",
        merged(m1, s1, m2, s2),
        ("max-commutes", s1 * exp(m1 - swapped) + s2 * exp(m2 - both)),
        ("max-commutes", s1 * exp(m1 - swapped) + s2 * exp(m2 - swapped)),
        ("arithmetic", merged(m2, s2, m1, s1)),
    )


def merge_associates_in_the_maximum() -> Derivation:
    """merging associates, first component"""
    return chain(
        "merge-associates-in-the-maximum",
        maximum(both, m3),
        ("max-associates", maximum(m1, maximum(m2, m3))),
    )


def merge_associates_in_the_sum() -> Derivation:
    """merging associates, second component"""
    left, last, right = maximum(both, m3), maximum(m2, m3), maximum(m1, maximum(m2, m3))

    def flat(a: Term, b: Term, c: Term) -> Term:
        return s1 * exp(m1 - a) + s2 * exp(m2 - b) + s3 * exp(m3 - c)

    def pulled(a: Term, b: Term) -> Term:
        return s1 * a + s2 * b + s3 * exp(m3 - left)

    def spread(a: Term, b: Term) -> Term:
        return s1 * exp(m1 - right) + s2 * a + s3 * b

    through, back = exp(both - left), exp(last - right)
    return chain(
        "merge-associates-in-the-sum",
        merged(both, merged(m1, s1, m2, s2), m3, s3),
        ("arithmetic", pulled(exp(m1 - both) * through, exp(m2 - both) * through)),
        ("exp-add", pulled(exp(m1 - both + (both - left)), exp(m2 - both) * through)),
        ("exp-add", pulled(exp(m1 - both + (both - left)), exp(m2 - both + (both - left)))),
        ("arithmetic", pulled(exp(m1 - left), exp(m2 - both + (both - left)))),
        ("arithmetic", flat(left, left, left)),
        ("max-associates", flat(right, left, left)),
        ("max-associates", flat(right, right, left)),
        ("max-associates", flat(right, right, right)),
        ("arithmetic", spread(exp(m2 - last + (last - right)), exp(m3 - right))),
        ("arithmetic", spread(exp(m2 - last + (last - right)), exp(m3 - last + (last - right)))),
        ("exp-add", spread(exp(m2 - last) * back, exp(m3 - last + (last - right)))),
        ("exp-add", spread(exp(m2 - last) * back, exp(m3 - last) * back)),
        ("arithmetic", merged(m1, s1, last, merged(m2, s2, m3, s3))),
    )


def streaming_update() -> Derivation:
    """one more entry x: the pair (m, s) of what was seen becomes the pair of all"""
    m, s = m1, s1
    top = maximum(m, x)
    return chain(
        "streaming-update",
        (s * exp(m - top) + exp(x - top)) * exp(top),
        ("arithmetic", s * (exp(m - top) * exp(top)) + exp(x - top) * exp(top)),
        ("exp-add", s * exp(m - top + top) + exp(x - top) * exp(top)),
        ("exp-add", s * exp(m - top + top) + exp(x - top + top)),
        ("arithmetic", s * exp(m) + exp(x - top + top)),
        ("arithmetic", s * exp(m) + exp(x)),
        ("premise", P + exp(x)),
        premises=(equal(s * exp(m), P),),
    )


DERIVATIONS = (
    merge_correct, merge_lse, merge_commutes_in_the_maximum, merge_commutes_in_the_sum,
    merge_associates_in_the_maximum, merge_associates_in_the_sum, streaming_update,
)  # fmt: skip
