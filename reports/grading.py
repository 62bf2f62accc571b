"""A graded derivation for people: every line with its verdict and reason, then the derivation repaired."""

from __future__ import annotations

from collections.abc import Iterator

from shiftproof.proofs import LATEX, Graded, Grading

from .derivations import derivation_text

__all__ = ["grading_text"]

_MARKS = {"true": "true ", "false": "FALSE", "not understood": "?????"}


def grading_text(grading: Grading) -> Iterator[str]:
    """Each displayed equation in order, the repaired derivation where something is false, and the claims in full."""
    counts = [(sum(g.verdict == v for g in grading.lines), v) for v in _MARKS]
    told = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
    yield f"{len(grading.lines)} equations: {told or 'none was found'}"
    for number, g in enumerate(grading.lines, 1):
        yield from _line(number, g)
    for note in grading.notes:
        yield f"note: {note}"
    if any(g.verdict == "false" for g in grading.lines):
        yield ""
        yield "Repaired"
        for number, g in enumerate(grading.lines, 1):
            yield from _repaired(number, g)
    for claim in grading.claims:
        yield ""
        yield f"In full: {claim.name}" if claim.name != "found" else "In full"
        yield from derivation_text(claim)


def _line(number: int, g: Graded) -> Iterator[str]:
    yield f"{number:3} {_MARKS[g.verdict]}  {g.line.text}"
    yield f"           line {g.line.place[0]}: {g.because}"
    for remark in g.line.remarks:
        if any(mark in remark for mark in "=<>"):
            yield f"           not graded: {remark}"
    for note in g.line.notes:
        yield f"           note: {note}"
    if g.repaired:
        yield f"           right would be: {LATEX.chain(g.repaired)}"


def _repaired(number: int, g: Graded) -> Iterator[str]:
    if g.verdict == "true":
        yield f"{number:3}    {g.line.text}"
    elif g.repaired:
        yield f"{number:3} -> {LATEX.chain(g.repaired)}"
    elif g.verdict == "false":
        yield f"{number:3} -> (left out: it is false, and no true line is near it)"
    else:
        yield f"{number:3} ?  {g.line.text}"
