"""The report as LaTeX: a document, or a part to \\input in one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from markupsafe import Markup

from .blocks import Block, Cite, Code, Inline, Math, Number, Ref, Table
from .escaping import for_tex, tex_lines
from .typesetting import Typesetter

__all__ = ["breakable", "paper", "part"]

_ENVIRONMENTS = {"thm": "sptheorem", "bound": "spbound", "finding": "spfinding"}


def breakable(latex: str) -> str:
    """The formula with parentheses that do not grow: TeX ends lines in them, and after commas."""
    return re.sub(r"\\(?:left|right)\s*(?=[()])", "", latex).replace(", ", r",\allowbreak\ ")


def _inline(piece: Inline) -> str:
    if isinstance(piece, str):
        return for_tex(piece)
    if isinstance(piece, Code):
        return rf"\texttt{{{for_tex(piece.text, breakable=True)}}}"
    if isinstance(piece, Math):
        return f"${breakable(piece.latex)}$"
    if isinstance(piece, Number):
        mantissa, _, exponent = piece.text.partition("e")
        return rf"${mantissa}\cdot 10^{{{int(exponent)}}}$" if exponent else for_tex(piece.text)
    if isinstance(piece, Ref):
        return rf"\autoref{{{piece.label}}}"
    assert isinstance(piece, Cite)
    return rf"\cite{{{piece.key}}}"


def _columns(table: Table) -> Markup:
    shares = sum(share for _, share in table.columns)
    return Markup("".join(f"L{{{share / shares:.4f}}}" if share else "N" for _, share in table.columns))


def _width(table: Table) -> Markup:
    numbers = sum(not share for _, share in table.columns)
    gaps = 2 * len(table.columns) - 2
    return Markup(rf"\setlength{{\spwidth}}{{\dimexpr\linewidth-{gaps}\tabcolsep-{numbers}\spnumber\relax}}")


@cache
def _typesetter() -> Typesetter:
    made = Typesetter(
        "blocks.tex", for_tex, _inline,
        block_start_string="((*", block_end_string="*))", variable_start_string="(((", variable_end_string=")))",
        comment_start_string="((=", comment_end_string="=))",
    )  # fmt: skip
    made.environment.filters |= {
        "columns": _columns,
        "width": _width,
        "environment": lambda block: Markup(_ENVIRONMENTS[block.label.partition(":")[0]]),
        "math": lambda term: Markup(breakable(term)),
        "line": lambda text: Markup(tex_lines(text)),
    }
    return made


def paper(title: str, blocks: Iterable[Block]) -> str:
    """A whole document."""
    return _typesetter().document("report.tex", blocks, title=title)


def part(blocks: Iterable[Block]) -> str:
    """Blocks alone."""
    return _typesetter().document("part.tex", blocks)
