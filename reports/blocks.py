"""What a report is made of, before it is typeset: blocks of inline pieces, the same for LaTeX and for HTML.

Text is text: it is escaped where it is typeset, and only there. Math is LaTeX that `proofs` wrote. A label names what
can be referred to; it is made of a-z, 0-9, - and :.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Block",
    "Bullets",
    "Cite",
    "Code",
    "Derivation",
    "Entry",
    "Heading",
    "Inline",
    "Listing",
    "Math",
    "Number",
    "Paragraph",
    "Picture",
    "Pseudocode",
    "Ref",
    "Said",
    "Statement",
    "Table",
    "inlines",
    "said",
]


@dataclass(frozen=True, slots=True)
class Code:
    """Text in typewriter letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """A formula in LaTeX, without dollars."""

    latex: str


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal as `numbers` writes it: 0.977, 8.97e+15, inf."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to the block with that label, in which its kind is said: "Table 3"."""

    label: str


@dataclass(frozen=True, slots=True)
class Cite:
    """A citation of a source by its key."""

    key: str


Inline = str | Code | Math | Number | Ref | Cite
Said = tuple[Inline, ...]


def said(*parts: Inline | Said) -> Said:
    """The parts in a row."""
    return tuple(p for part in parts for p in (part if isinstance(part, tuple) else (part,)))


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: Said
    label: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Said


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of a table; `key` is what a column is sorted by."""

    text: Said
    key: str | float = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are titles with a share of the width; 0 is for numbers, set to the right and as wide as need be."""

    label: str
    caption: Said
    columns: tuple[tuple[str, float], ...]
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines to paste, each to be set as it is."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """Rows of relation, term and reason, under what the case assumes."""

    assumed: Said
    rows: tuple[tuple[str, str, Said], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A theorem or a bound, with what is said in it and below it."""

    label: str
    title: Said
    body: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Pseudocode:
    """Lines of an algorithm: depth, text for a screen reader and LaTeX with dollars."""

    label: str
    caption: Said
    lines: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure by its name."""

    label: str
    caption: Said
    figure: Any


Block = Heading | Paragraph | Bullets | Table | Listing | Derivation | Statement | Pseudocode | Picture


def inlines(blocks: Iterable[Block]) -> Iterator[Inline]:
    """Every inline piece of the blocks and of those in them."""
    for block in blocks:
        for name in block.__slots__:
            yield from _inlines_in(getattr(block, name))


def _inlines_in(value: Any) -> Iterator[Inline]:
    if isinstance(value, Code | Math | Number | Ref | Cite):
        yield value
    elif isinstance(value, Block):
        yield from inlines([value])
    elif isinstance(value, Entry):
        yield from _inlines_in(value.text)
    elif isinstance(value, tuple):
        for item in value:
            yield from _inlines_in(item)
