"""A report: which parts it has, and the documents that are made of them. The same record gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .blocks import Block, Cite, Number, Picture, Said, inlines
from .figures import Figure, figures
from .judged import class_blocks, cores_of, family_blocks, finding_blocks, judged_blocks, known_blocks
from .page import page
from .paper import paper, part
from .sources import bibtex
from .theory import algorithm_blocks, bound_blocks, derivation_blocks
from .typesetting import template_text

__all__ = ["SECTIONS", "Report", "documents", "report"]

SECTIONS = ("derivations", "bounds", "classes", "findings")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """Files by name, relative to the report's folder; `main` is the LaTeX document if there is one."""

    files: dict[str, bytes]
    main: str | None


def report(record: Json, sections: Iterable[str] = ()) -> Report:
    """The whole report of a record that `read_record` accepts: LaTeX, HTML, figures and sources.

    With names of `SECTIONS`: only those, each as a LaTeX file to \\input. Raises ValueError for another name.
    """
    chosen = tuple(dict.fromkeys(sections))
    for name in chosen:
        if name not in SECTIONS:
            raise ValueError(f"a section is one of {', '.join(SECTIONS)}, got {name!r}")
    drawn = figures(record) if not chosen or "classes" in chosen else ()
    pictures = {f"figures/{figure.name}.pdf": figure.pdf for figure in drawn}
    if chosen:
        parts = {name: list(_section(name, record, drawn)) for name in chosen}
        files = {f"{name}.tex": part(blocks).encode() for name, blocks in parts.items()}
        every = [block for blocks in parts.values() for block in blocks]
        return Report(files | pictures | _sources(every), None)
    blocks = list(_whole(record, drawn))
    tex, html = documents(record, blocks)
    return Report({"report.tex": tex, "report.html": html} | pictures | _sources(blocks), "report.tex")


def documents(record: Json, blocks: Iterable[Block] | None = None) -> tuple[bytes, bytes]:
    """The LaTeX document and the HTML page of a record; without blocks given, those of a report without figures."""
    shown = list(_whole(record, ()) if blocks is None else blocks)
    functions = ", ".join(dict.fromkeys(k["function"] for k in record["kernels"]))
    title = f"Kernels of {functions} in {record['format']}: classes, errors, proofs"
    return paper(title, shown).encode(), page(title, shown).encode()


def _whole(record: Json, drawn: Iterable[Figure]) -> Iterator[Block]:
    yield from judged_blocks(record)
    yield from _section("classes", record, drawn)
    yield from _section("findings", record, ())
    yield from known_blocks(record)
    yield from _section("derivations", record, ())
    yield from _section("bounds", record, ())
    yield from family_blocks(record)


def _section(name: str, record: Json, drawn: Iterable[Figure]) -> Iterator[Block]:
    if name == "derivations":
        yield from derivation_blocks()
    elif name == "bounds":
        yield from algorithm_blocks(cores_of(record))
        yield from bound_blocks(cores_of(record))
    elif name == "classes":
        yield from class_blocks(record, (Picture(f"fig:{f.name}", _with_numbers(f.caption), f) for f in drawn))
    else:
        yield from finding_blocks(record)


def _with_numbers(caption: str) -> Said:
    """A caption, its decimals with an exponent as numbers."""
    parts = re.split(r"(\d+(?:\.\d+)?e[+-]\d+)", caption)
    return tuple(Number(part) if n % 2 else part for n, part in enumerate(parts) if part)


def _sources(blocks: Iterable[Block]) -> dict[str, bytes]:
    """The BibTeX file of what is cited, and the style file that blocks are set with."""
    keys = {piece.key for piece in inlines(blocks) if isinstance(piece, Cite)}
    style = template_text("shiftproof.sty").encode()
    return {"shiftproof.sty": style} | ({"sources.bib": bibtex(keys).encode()} if keys else {})
