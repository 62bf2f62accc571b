"""Theorems and their derivations for people, as text and as LaTeX: what was checked is shown, nothing is decided."""

from __future__ import annotations

from collections.abc import Iterator

from shiftproof.proofs import (
    LATEX,
    RULES,
    TEXT,
    CoqEntry,
    Counterexample,
    Derivation,
    Examination,
    Premise,
    Step,
    Style,
    Theorem,
    cases,
    check,
    rules_of,
)

__all__ = [
    "coq_text",
    "derivation_latex",
    "derivation_text",
    "derived",
    "examination_text",
    "refutation_text",
    "scope",
    "summary_text",
]

BESIDE_THE_RULES = {
    "arithmetic": "equal as quotients of polynomials whose divisors are not 0",
    "premise": "what is assumed",
    "theorem": "an instance of another theorem of the catalogue",
}


def _kind(chain: Derivation, number: int, assumed: tuple[Premise, ...]) -> str:
    """The relation between the terms before and after a step, as the checker finds it."""
    before = chain.steps[number - 1].to if number else chain.start
    one = Derivation(chain.name, before, (chain.steps[number],), (*chain.premises, *assumed))
    return check(one).conclusion.kind


def _reason(step: Step) -> str:
    return step.rule if step.use is None else f"theorem {step.use.theorem.name}"


def scope(theorem: Theorem, style: Style) -> str:
    """What the theorem holds for."""
    return ", ".join((f"N {style.symbols['>=']} 1", *(style.premise(p) for p in theorem.premises)))


def derived(theorem: Theorem, style: Style) -> Iterator[tuple[tuple[str, ...], list[tuple[str, str, str]]]]:
    """For each case of the derivation: what it assumes, and rows of relation, term, reason; the first is a term."""
    for assumed, chain in cases(theorem.derivation):
        rows = [("", style.term(chain.start), "")]
        for number, step in enumerate(chain.steps):
            rows.append((_kind(chain, number, assumed), style.term(step.to), _reason(step)))
        yield tuple(style.premise(p) for p in assumed), rows


def derivation_text(theorem: Theorem) -> Iterator[str]:
    """The derivation line by line, each with the rule that leads to it; then the rules with conditions and sources."""
    yield f"{TEXT.relation(theorem.conclusion)}    for {scope(theorem, TEXT)}"
    for assumed, rows in derived(theorem, TEXT):
        yield ""
        if assumed:
            yield f"  If {' and '.join(assumed)}:"
        width = min(72, max(len(said) for _, said, _ in rows))
        for kind, said, reason in rows:
            yield f"    {kind:2} {said:{width}}  {reason}".rstrip()
    yield ""
    yield "  Rules"
    names = rules_of(theorem.derivation)
    width = max((len(name) for name in names), default=0)
    for name in names:
        if name in RULES:
            yield f"    {name:{width}}  {TEXT.rule(RULES[name])}    ({RULES[name].source})"
        else:
            yield f"    {name:{width}}  {BESIDE_THE_RULES[name]}"


def derivation_latex(theorem: Theorem) -> Iterator[str]:
    """The derivation as align* environments, one for each case, with the rule of each step as a remark."""
    yield rf"% {theorem.name}: needs amsmath"
    yield rf"\[ {LATEX.relation(theorem.conclusion)} \qquad ({scope(theorem, LATEX)}) \]"
    for assumed, rows in derived(theorem, LATEX):
        if assumed:
            yield rf"If ${'$ and $'.join(assumed)}$:"
        yield r"\begin{align*}"
        for number, (kind, term, reason) in enumerate(rows):
            end = r" \\" if number < len(rows) - 1 else ""
            line = rf"  &\quad {LATEX.symbols[kind]} {term} && \text{{{reason}}}" if kind else f"  & {term}"
            yield line + end
        yield r"\end{align*}"


def examination_text(examination: Examination) -> Iterator[str]:
    """What each of the checkers said of a theorem."""
    yield "  Checked by"
    yield f"    rules   {_own_checker(examination)}"
    agreed = sum(answer.agrees for answer in examination.opinions)
    yield f"    SymPy   agrees with {agreed} of {len(examination.opinions)} steps"
    for number, answer in enumerate(examination.opinions, 1):
        if not answer.agrees:
            yield f"            step {number}: {answer.question}: {answer.argument}"
    yield f"    Coq     {_coq(examination)}"


def _own_checker(examination: Examination) -> str:
    if examination.theorem is None:
        return f"rejected: {examination.rejected}"
    return f"accepted, {len(examination.opinions)} steps"


def _coq(examination: Examination) -> str:
    if examination.coq is None:
        return "not asked (--coq)"
    return coq_text(examination.coq)


def coq_text(entry: CoqEntry) -> str:
    """Coq's word on a theorem or a refutation, with what failed and why."""
    return ": ".join(part for part in (entry.state.value, entry.lemma, entry.reason) if part)


def summary_text(examination: Examination, title: str, width: int) -> str:
    """One line for a theorem: its name, what it says, and the checkers' words."""
    agreed = sum(answer.agrees for answer in examination.opinions)
    rules = "rejected" if examination.theorem is None else "accepted"
    words = f"{rules}  SymPy {agreed}/{len(examination.opinions)}"
    if examination.coq is not None:
        words += f"  Coq {coq_text(examination.coq)}"
    return f"  {examination.name:{width}}  {words}  {title}"


def refutation_text(name: str, found: Counterexample | None, width: int, coq: str = "") -> str:
    """One line for a false statement: where it fails."""
    said = "no counterexample was found" if found is None else f"{TEXT.relation(found.relation)}    fails at {found}"
    return f"  {name:{width}}  {coq + '  ' if coq else ''}{said}"
