"""The parts of a report that come from `proofs`: identities with their derivations, algorithms, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from shiftproof.proofs import (
    ALGORITHMS,
    FORMAT_THEOREMS,
    LATEX,
    MODEL_LATEX,
    QUANTITIES_LATEX,
    RULES,
    Bound,
    Theorem,
    bounds,
    chapters,
    companions,
    latex_of,
    pseudocode,
    rules_of,
    symbol,
    theorem,
)

from . import blocks as b
from .blocks import Block, Code, Math, Ref, Said, said
from .derivations import BESIDE_THE_RULES, derived, scope
from .sources import cited

__all__ = ["algorithm_blocks", "bound_blocks", "derivation_blocks"]

_EXACT = {"logsumexp": "y", "softmax": "g_j", "log_softmax": "z_j"}
_READABLE, _NARROW = 300, 130  # characters of LaTeX
_LESS = {True: LATEX.symbols["<"], False: LATEX.symbols["<="]}
_NOTATION = (r"y = \log \sum_{i=1}^{n} e^{x_i}", "g_j = e^{x_j - y}", "z_j = x_j - y")


def _label_of(*names: str) -> str:
    """A label made of names: "bound:logsumexp-shifted"."""
    kind, *rest = names
    return f"{kind}:{re.sub(r'[^a-z0-9]+', '-', ' '.join(rest).lower()).strip('-')}"


def _with_math(text: str) -> Said:
    """Text with formulas between dollars."""
    return tuple(Math(part) if n % 2 else part for n, part in enumerate(text.split("$")) if part)


def _with_symbols(text: str) -> Said:
    """A premise of a bound, the numbers of the model in it by their symbols."""
    parts = re.split(rf"\b({'|'.join(MODEL_LATEX)})\b", text)
    return tuple(Math(latex_of(symbol(p))) if n % 2 else p for n, p in enumerate(parts) if p)


def _joined(parts: Iterable[Said], by: str = ", ") -> Said:
    made: list[b.Inline] = []
    for part in parts:
        made += [by] * bool(made)
        made += part
    return tuple(made)


# Identities.


def derivation_blocks() -> Iterator[Block]:
    """Every theorem of the catalogue, step by step, then the rules that the steps are instances of."""
    yield b.Heading(1, ("Identities, step by step",), "sec:identities")
    yield b.Paragraph(
        said(
            "Every statement below holds for all real vectors of ", Math(r"N \ge 1"), " entries and, unless it says "
            "otherwise, for all real values of its letters. Each step is an instance of the rule named beside it, of "
            "arithmetic, or of an earlier theorem; the checker of ", Code("shiftproof.proofs"), " accepted each when "
            "this was written. ", Code("shiftproof prove --coq"), " has every step checked by SymPy as well, and by "
            "Coq, which proves the statement in ", Code("proofs/coq/Audit.v"), " from the same steps.",
        )
    )  # fmt: skip
    used: set[str] = set()
    for chapter, names in chapters().items():
        yield b.Heading(2, (chapter,), _label_of("sec", chapter))
        for name in names:
            proven = theorem(name)
            used.update(rules_of(proven.derivation))
            yield b.Statement(_label_of("thm", name), (Code(name),), tuple(_theorem(proven)))
    yield b.Heading(2, ("Rules",), "sec:rules")
    yield b.Table(
        "tab:rules",
        ("What a step may be an instance of; capitals stand for any terms.",),
        (("rule", 0.16), ("says", 0.44), ("source", 0.4)),
        tuple(_rule(name) for name in (*RULES, *BESIDE_THE_RULES) if name in used),
    )


def _theorem(proven: Theorem) -> Iterator[Block]:
    statement = Math(rf"\displaystyle {LATEX.relation(proven.conclusion)}")
    yield b.Paragraph(said(statement, ", for ", Math(scope(proven, LATEX)), "."))
    for assumed, rows in derived(proven, LATEX):
        told = tuple((LATEX.symbols[kind] if kind else "", term, _reason(why)) for kind, term, why in rows)
        yield b.Derivation(_joined(((Math(a),) for a in assumed), " and "), told)


def _reason(why: str) -> Said:
    kind, _, name = why.rpartition("theorem ")
    return (Ref(_label_of("thm", name)),) if kind == "" and why.startswith("theorem ") else (why,)


def _rule(name: str) -> tuple[b.Entry, ...]:
    if name in RULES:
        return b.Entry((name,)), b.Entry((Math(LATEX.rule(RULES[name])),)), b.Entry(cited(RULES[name].source))
    return b.Entry((name,)), b.Entry((BESIDE_THE_RULES[name],)), b.Entry(("",))


# Algorithms.


def algorithm_blocks(cores: Iterable[str]) -> Iterator[Block]:
    """The algorithms of core functions as pseudo-code, each read off the lines that are run, judged and bounded."""
    yield b.Heading(1, ("Algorithms",), "sec:algorithms")
    yield b.Paragraph(
        said(
            "Each is written once; what follows is read off those lines, as are the float runs, the enclosures and the "
            "bounds. Operations round in the order in which they stand. Sums may be made in any order unless one is "
            "named.",
        )
    )
    for core in cores:
        for a in ALGORITHMS:
            if a.function == core:
                caption = said(Code(f"{a.function}.{a.name}"))
                lines = tuple((line.depth, line.text, line.latex) for line in pseudocode(a))
                yield b.Pseudocode(_label_of("alg", a.function, a.name), caption, lines)


# Bounds.


def bound_blocks(cores: Iterable[str]) -> Iterator[Block]:
    """The bounds of the algorithms of core functions as theorems, then the formulas that they are made of."""
    cores = tuple(cores)
    shown = [of for of in (*bounds(), *companions()) if of.function in cores]
    yield b.Heading(1, ("How wrong can it be",), "sec:bounds")
    notation = _joined((Math(latex),) for latex in _NOTATION)
    yield b.Paragraph(
        said(
            "For a row ", Math(r"x = (x_1, \dots, x_n)"), " of numbers of the format let ", notation, "; a hat marks "
            "what is computed. Each theorem holds for every input that satisfies its hypotheses, sums in any order, "
            "underflow and flushing included; no second-order term is dropped. Symbols are in ",
            Ref("tab:symbols"), ", named formulas in ", Ref("tab:formulas"), ".",
        )
    )  # fmt: skip
    for of in shown:
        yield b.Statement(_label_of("bound", of.name), (Code(of.name),), tuple(_bound(of)))
    yield b.Heading(2, ("Symbols and formulas",), "sec:formulas")
    yield b.Table(
        "tab:symbols",
        ("What the symbols stand for.",),
        (("symbol", 0.16), ("stands for", 0.84)),
        tuple(_symbols(shown)),
    )
    formulas = {name: body for of in shown for name, body in of.formulas().items()}
    yield b.Table(
        "tab:formulas",
        ("The formulas that bounds are made of; Coq has them in ", Code("Formulas.v"), "."),
        (("formula", 0.28), ("stands for", 0.72)),
        tuple(
            (b.Entry((Math(_named(name)),)), b.Entry((Math(_named(formulas[name])),)))
            for name in sorted(formulas, key=str)
        ),
    )
    yield b.Heading(2, ("In IEEE formats",), "sec:ieee")
    yield b.Paragraph(
        said(
            "Coq proves these once more for the arithmetic of IEEE formats as Flocq defines it ", b.Cite("boldo2011"),
            ", exp, log and log1p within the errors premised: ", Code("shiftproof prove --coq"), " compiles them.",
        )
    )  # fmt: skip
    yield b.Table(
        "tab:ieee",
        ("Theorems of ", Code("Kernels.v"), "."),
        (("theorem", 0.42), ("says", 0.58)),
        tuple((b.Entry((Code(name),)), b.Entry((says,))) for name, says in FORMAT_THEOREMS.items()),
    )


def _bound(of: Bound) -> Iterator[Block]:
    yield b.Paragraph(
        said(
            "Computed by ",
            Ref(_label_of("alg", of.function, of.algorithm)),
            ", if",
        )
    )
    yield b.Bullets(
        tuple(
            said(f"{h.text}: ", Math(f"{_named(h.smaller)} {_LESS[h.strict]} {_named(h.larger)}"))
            for h in of.hypotheses
        )
    )
    yield b.Paragraph((f"then, {_quantity(of)},",))
    yield b.Paragraph((Math(rf"\displaystyle {_claim(of)}"), "."))
    if of.where:
        made = ((Math(f"{latex_of(name)} = {_written(definition)}"),) for name, definition in of.where)
        yield b.Paragraph(said("Here ", _joined(made), "."))
    if of.probability is not None:
        yield b.Paragraph(said("It holds with probability at least ", Math(latex_of(of.probability)), "."))
    premises = _joined((_with_symbols(premise) for premise in of.premises), "; ")
    proven = said("Coq, ", Code(of.theorem), " in ", Code("Bounds.v")) if of.in_coq else said(of.proof)
    yield b.Paragraph(said("Premises: ", premises, ". Source: ", cited(of.source), ". Proof: ", proven, "."))


def _named(expression: Any) -> str:
    """The expression in LaTeX, with the formulas in it by their names."""
    return latex_of(expression, named=True)


def _written(expression: Any) -> str:
    """The expression written out if it is short enough to read, and no fraction in it too wide for a line."""
    whole = latex_of(expression)
    fractions = re.findall(r"\\frac\{(.*?)\}\{", whole)
    wide = any(len(above) > _NARROW for above in fractions)
    return _named(expression) if wide or len(whole) > _READABLE else whole


def _quantity(of: Bound) -> str:
    if of.variant == "against the quotient":
        return "for every j, with the entry p that the quotient gives"
    return of.quantity if of.measure == "absolute" else "for every j"


def _claim(of: Bound) -> str:
    exact = _EXACT[of.function]
    name, _, index = exact.partition("_")
    error = rf"\left|\hat{{{name}}}{'_' + index if index else ''} - {exact}\right|"
    if of.variant == "against the quotient":
        error = r"\left|\hat{g}_j - \hat{p}_j\right|"
    formula = _written(of.formula)
    return rf"{error} \le " + (rf"\max_i g_i \cdot \left({formula}\right)" if of.measure == "normwise" else formula)


def _symbols(shown: list[Bound]) -> Iterator[tuple[b.Entry, ...]]:
    used = {s.name for of in shown for s in of.composed().free_symbols}
    for name, meaning in {**QUANTITIES_LATEX, **MODEL_LATEX}.items():
        if name in used:
            yield b.Entry((Math(latex_of(symbol(name))),)), b.Entry(_with_math(meaning))
