"""The report as one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from latex2mathml.converter import convert
from markupsafe import Markup

from .blocks import (
    Block,
    Cite,
    Code,
    Heading,
    Inline,
    Math,
    Number,
    Picture,
    Pseudocode,
    Ref,
    Statement,
    Table,
    inlines,
)
from .escaping import for_html
from .sources import SOURCES
from .typesetting import Typesetter, template_text

__all__ = ["mathml", "page"]

_KINDS = {
    "sec": "Section", "tab": "Table", "fig": "Figure", "thm": "Theorem", "bound": "Bound", "alg": "Algorithm",
    "finding": "Finding",
}  # fmt: skip


@lru_cache(maxsize=4096)
def mathml(latex: str, display: str = "inline") -> str:
    """A formula that `proofs` wrote, as MathML."""
    made = convert(latex, display=display)
    # An operator's name and what it is applied to are set apart.
    return re.sub(r"(<mi>log</mi>)(?!<mrow><mo[^>]*>&#x00028;)", r'\1<mspace width="0.17em"/>', made)


def _names(blocks: Iterable[Block]) -> dict[str, str]:
    """What each label is called: kinds are counted as LaTeX counts them."""
    counts: dict[str, int] = {}
    names = {}
    for block in blocks:
        label = block.label if isinstance(block, Heading | Statement | Table | Pseudocode | Picture) else ""
        if isinstance(block, Heading):
            names[label] = "".join(p for p in block.text if isinstance(p, str))
        elif label:
            kind = label.partition(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
            names[label] = f"{_KINDS[kind]} {counts[kind]}"
    return names


class _Page:
    """One page's names and sources, which inline pieces refer to."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.names = _names(blocks)
        cited = sorted({piece.key for piece in inlines(blocks) if isinstance(piece, Cite)})
        self.sources = [SOURCES[key] for key in cited]
        self.typesetter = Typesetter("blocks.html", for_html, self.inline)
        self.typesetter.environment.filters |= {
            "name": self.names.__getitem__,
            "math": lambda latex: Markup(mathml(latex)),
            "display": lambda latex: Markup(mathml(rf"\displaystyle {latex}")),
            "mixed": self.mixed,
        }

    def inline(self, piece: Inline) -> str:
        if isinstance(piece, str):
            return for_html(piece)
        if isinstance(piece, Code):
            return f"<code>{for_html(piece.text)}</code>"
        if isinstance(piece, Math):
            return mathml(piece.latex)
        if isinstance(piece, Number):
            mantissa, _, exponent = piece.text.partition("e")
            return f"{mantissa}\u00b710<sup>{int(exponent)}</sup>" if exponent else for_html(piece.text)
        if isinstance(piece, Ref):
            return f'<a href="#{piece.label}">{for_html(self.names[piece.label])}</a>'
        number = [source.key for source in self.sources].index(piece.key) + 1
        return f'<a href="#cite:{piece.key}">[{number}]</a>'

    def mixed(self, latex: str) -> Markup:
        """Text with bold words and formulas between dollars."""
        parts = re.split(r"\$([^$]*)\$", latex)
        made = [mathml(part) if n % 2 else _words(part) for n, part in enumerate(parts)]
        return Markup("".join(made))


def _words(text: str) -> str:
    bold = re.split(r"\\textbf\{([^{}]*)\}", text)
    return "".join(f"<b>{for_html(part)}</b>" if n % 2 else for_html(part) for n, part in enumerate(bold))


def page(title: str, blocks: Iterable[Block]) -> str:
    """A whole document."""
    shown = list(blocks)
    made = _Page(shown)
    return made.typesetter.document(
        "report.html",
        shown,
        title=title,
        contents=[block for block in shown if isinstance(block, Heading) and block.level == 1],
        sources=made.sources,
        style=template_text("report.css"),
        script=template_text("report.js"),
    )
