r"""Where the formulas of a Markdown or LaTeX text are: displays, inline formulas and headings, without code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DIMENSION", "INLINE_LIMIT", "NEW_COMMAND", "OPERATOR", "SHOWN", "Part", "parts_of", "visible"]

INLINE_LIMIT = 1_000  # characters
_SKIP_LIMIT = 20_000  # pieces of code and comments


@dataclass(frozen=True, slots=True)
class Part:
    """kind is display, inline or heading."""

    kind: str
    start: int
    end: int
    problem: str | None = None


_ALIGNED = "align|aligned|alignat|alignedat|flalign|eqnarray|split"
SHOWN = f"equation|{_ALIGNED}|gather|gathered|multline|displaymath|math|subequations"
_OPEN = re.compile(
    rf"\\\\|\\\$|\$\$|\$|\\\[|\\\(|\\begin\{{(?P<env>(?:{SHOWN})\*?)\}}|^[ ]{{0,3}}#{{1,6}}[ \t]"
    r"|\\(?:chapter|(?:sub)*section)\b",
    re.MULTILINE,
)
_INLINE = re.compile(r"(?:[^$\\\n]|\\.|\n(?![ \t]*\n)){1,1000}\$(?!\$)")
DIMENSION = re.compile(r"\\mathbb\s{0,3}\{?R\}?\s{0,3}\^\s{0,3}\{?\s{0,3}([A-Za-z])\b")
_HEADING = re.compile(r"^ {0,3}#{1,6} ", re.MULTILINE)
_SKIPPED = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,40}|~{3,40})[ ]*(?P<info>\w*)[^\n]*$|(?P<comment><!--)|(?P<ticks>`+)"
    r"|\\begin\{(?P<verbatim>verbatim|lstlisting|comment)\}|\\[`\\%]|(?P<percent>%)",
    re.MULTILINE,
)
_QUOTED = re.compile(r"(?:\A|\n[ \t]*\n)((?:[ ]{0,3}>[^\n]*(?:\n|\Z))+)")
OPERATOR = re.compile(r"\\DeclareMathOperator\*?\s{0,5}\{?\\([A-Za-z]{1,30})\}?\s{0,5}\{([A-Za-z ]{1,30})\}")
NEW_COMMAND = re.compile(r"\\(?:(?:re|provide)?newcommand\*?\s{0,5}\{?|def\s{0,5})\\([A-Za-z]{1,30})")
_TEX = re.compile(r"\\(?:documentclass|begin\{document\}|(?:sub)?section\*?\{|usepackage)")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def visible(text: str) -> tuple[str, list[Part]]:
    """The text with code, comments and quotation marks blanked out, every place kept; and the fenced formulas."""
    text = text.replace("\r", " ")
    tex = _TEX.search(text) is not None
    out, shown, at, last = [], [], 0, 0
    closed: dict[str, int] = {}
    for _ in range(_SKIP_LIMIT + 1):
        match = _SKIPPED.search(text, at)
        if match is None:
            break
        at = stop = match.end()
        if match["fence"]:
            end = re.compile(rf"^ {{0,3}}{match['fence']}", re.MULTILINE).search(text, at)
            stop = end.end() if end else len(text)
            if match["info"] == "math":
                shown.append(Part("display", at, end.start() if end else len(text)))
                at = shown[-1].end
                out += [text[last : match.start()], _blank(match.group()), text[match.end() : at]]
                out.append(_blank(text[at:stop]))
                at = last = stop
                continue
        elif match["comment"] or match["verbatim"]:
            closer = "-->" if match["comment"] else f"\\end{{{match['verbatim']}}}"
            stop = _closer(text, closer, at, closed)
            stop = at if stop < 0 else stop + len(closer)
        elif match["ticks"] and not tex:
            stop = text.find(match["ticks"], at, at + INLINE_LIMIT)
            paragraph = text.find("\n\n", at, at + INLINE_LIMIT)
            stop = at if stop < 0 or -1 < paragraph < stop else stop + len(match["ticks"])
        elif match["percent"] and tex:
            stop = text.find("\n", at)
            stop = len(text) if stop < 0 else stop
        if stop > at or (match["percent"] and tex):
            out += [text[last : match.start()], _blank(text[match.start() : stop])]
            at = last = stop
    else:
        text = text[: max(at, last)]
    text = "".join([*out, text[last:]])
    quoted = [m.span(1) for m in _QUOTED.finditer(text)]
    pieces, last = [], 0
    for first, after in quoted:
        pieces += [text[last:first], re.sub(r"(?m)^[ ]{0,3}>", lambda m: " " * len(m.group()), text[first:after])]
        last = after
    return "".join([*pieces, text[last:]]), shown


def _closer(text: str, closer: str, at: int, missing: dict[str, int]) -> int:
    """Where the closer comes next, or -1; a text that has none after some place is searched once only."""
    if closer in missing and at >= missing[closer]:
        return -1
    found = text.find(closer, at)
    if found < 0:
        missing[closer] = at
    return found


def parts_of(text: str) -> Iterator[Part]:
    at = 0
    missing: dict[str, int] = {}
    while (match := _OPEN.search(text, at)) is not None:
        found, at = match.group(), match.end()
        if found in ("\\\\", "\\$"):
            continue
        if found in ("$", "\\("):
            inline = _INLINE.match(text, at) if found == "$" else None
            stop = inline.end() - 1 if inline else text.find("\\)", at, at + INLINE_LIMIT) if found == "\\(" else -1
            if stop >= 0:
                yield Part("inline", at, stop)
                at = stop + (1 if found == "$" else 2)
        elif found in ("$$", "\\[") or match["env"]:
            closer = f"\\end{{{match['env']}}}" if match["env"] else {"$$": "$$", "\\[": "\\]"}[found]
            stop = _closer(text, closer, at, missing)
            while stop > at and text[stop - 1] == "\\" and text[stop - 2] != "\\":
                stop = _closer(text, closer, stop + 1, missing)
            heading = _HEADING.search(text, at, stop) if stop >= 0 and found == "$$" else None
            if stop >= 0 and heading is None:
                start = match.start() if match["env"] else at
                at = stop + len(closer)
                yield Part("display", start, at if match["env"] else stop)
            else:
                start, blank = at, text.find("\n\n", at)
                at = len(text) if blank < 0 else blank
                yield Part("display", start, at, f"the {found} that opens here is not closed")
        else:
            yield Part("heading", match.start(), at)
