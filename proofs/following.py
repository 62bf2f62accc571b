"""Does an equation follow from another: is there an operation on both sides that leads from the one to the other?"""

from __future__ import annotations

from .notation import TEXT
from .prover import implicit_premises, normal_form, prove
from .terms import ONE, ZERO, exp, log
from .trusted import Relation, Term, holds, nodes

__all__ = ["operation"]

_SIMPLE = 8  # nodes of a term that both sides may have been changed by


def operation(then: Relation, now: Relation) -> str | None:
    """What was done to both sides of `then`, if `now` is what comes of it."""
    (a, b), (c, d) = (then.left, then.right), (now.left, now.right)
    if then.kind != now.kind:
        return None
    done = [
        ("both sides rewritten", a, b),
        ("exp of both sides", exp(a), exp(b)),
        ("log of both sides", log(a), log(b)),
    ]
    if then.kind == "=":
        done += [
            ("sides exchanged", b, a),
            ("both sides negated", -a, -b),
            ("reciprocal of both sides", ONE / a, ONE / b),
        ]
        factor = _simple(c / a)
        if factor is not None and holds("!=", factor, ZERO, ()):
            done.append((f"both sides multiplied by {TEXT.term(factor)}", factor * a, factor * b))
    added = _simple(c - a)
    if added is not None:
        done.append((f"{TEXT.term(added)} added to both sides", a + added, b + added))
    for how, left, right in done:
        if _same_value(c, left) and _same_value(d, right):
            return how
    return None


def _same_value(s: Term, t: Term) -> bool:
    return prove(Relation(s, "=", t), implicit_premises(s, t)) is not None


def _simple(t: Term) -> Term | None:
    """The term in normal form if it is short: what somebody may have added to, or multiplied, both sides with."""
    form = normal_form(t, implicit_premises(t))
    return form if form is not None and sum(1 for _ in nodes(form)) <= _SIMPLE else None
