"""Rounding bounds for people, as text and as LaTeX: the formula, what it assumes and who proves it."""

from __future__ import annotations

from collections.abc import Iterator

from shiftproof.proofs import QUANTITIES, Bound, CoqEntry

from .derivations import coq_text

__all__ = ["bound_latex", "bound_summary", "bound_text"]

_MEASURES = {
    "absolute": "|computed - exact| <= {}",
    "componentwise": "|computed_j - exact_j| <= {}",
    "normwise": "|computed_j - exact_j| <= max softmax(x) * ({})",
}
_TOGETHER = "|exp(x_j - y computed) - softmax(x)_j computed| <= {}"


def _claim(bound: Bound) -> str:
    return _TOGETHER if bound.variant == "against the quotient" else _MEASURES[bound.measure]


def bound_summary(bound: Bound, width: int, coq: CoqEntry | None) -> str:
    """One line: the name, what is bounded, and what Coq says; a bound without a theorem says so."""
    said = bound.proof if coq is None else coq_text(coq)
    probability = "" if bound.probability is None else ", with a probability"
    return f"  {bound.name:{width}}  {bound.measure}{probability}; {said}"


def bound_text(bound: Bound, coq: CoqEntry | None) -> Iterator[str]:
    """The theorem in full: formula, definitions, hypotheses, premises, source and proof."""
    yield f"{bound.name}: {bound.quantity}, {bound.measure}"
    yield f"  {_claim(bound).format(bound.formula)}"
    for n, (name, definition) in enumerate(bound.where):
        yield f"    {'where' if n == 0 else '     '} {name} = {definition}"
    for applied, body in bound.formulas().items():
        yield f"          {applied} = {body}"
    if bound.probability is not None:
        yield f"  with probability at least {bound.probability}"
    yield "  Holds where"
    for h in bound.hypotheses:
        yield f"    {h.text}: {h.smaller} {'<' if h.strict else '<='} {h.larger}"
    yield "  Premises"
    for premise in bound.premises:
        yield f"    {premise}"
    yield "  Quantities"
    used = {s.name for s in bound.composed().free_symbols}
    for name in QUANTITIES:
        if name in used:
            yield f"    {name}: {QUANTITIES[name]}"
    yield f"  Source: {bound.source}"
    yield f"  Proof: {bound.proof if coq is None else f'{bound.theorem}, {coq_text(coq)}'}"
    yield ""


def bound_latex(bound: Bound) -> Iterator[str]:
    """The formula and its definitions as an align environment."""
    formula, *definitions = bound.latex()
    yield f"% {bound.name}: {bound.quantity}, {bound.measure}; {bound.proof}"
    yield r"\begin{align*}"
    yield rf"  \text{{error}} &\le {formula}" + (r" \\" if definitions else "")
    for n, definition in enumerate(definitions):
        yield f"  {definition.replace(' = ', ' &= ', 1)}" + (r" \\" if n + 1 < len(definitions) else "")
    yield r"\end{align*}"
