r"""Reads a derivation as people write it: Markdown or LaTeX in, terms out, one `Line` per displayed equation.

Displays are found first, then the letters of the whole document are looked over (which letter is N, which are vectors),
then every display is cut into rows and equations, and each is read in turn, with the definitions that came before.
Nothing of the text is ever evaluated. What is not understood is kept, with the reason and the place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .definitions import HOLE, Definition, Function, Meanings, Reading, is_index_letter, replaced_names
from .latex import Formula, Node, binders, parse
from .latex_tokens import Name, Token, Unread, names, read_name, tokens, written
from .terms import ONE, ZERO, Vector, delta
from .terms import variable as variable_term
from .trusted import Free, Premise, Relation, Term, bound_index, opened, used_indices

__all__ = ["Document", "Line", "read"]

TEXT_LIMIT = 2_000_000  # characters
PART_LIMIT = 4_000  # formulas, displayed and inline
LINE_LIMIT = 2_000
ROW_LIMIT = 4_000  # tokens of one row
TOKEN_LIMIT = 150_000  # tokens of the document
_INLINE_LIMIT = 1_000  # characters
_SKIP_LIMIT = 20_000  # pieces of code and comments
_ALTERNATIVES = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One displayed equation: members[0] relations[0] members[1] .. ; or no members, and the problem.

    `place` is (line, column) from 1. `defines` is the letter when the line defines a fresh one. `alternatives` are
    other readings of an ambiguous notation.
    """

    text: str
    place: tuple[int, int]
    members: tuple[Term, ...]
    relations: tuple[str, ...]
    defines: str | None
    fresh_start: bool
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    problem: str | None
    alternatives: tuple[tuple[Term, ...], ...]
    hypotheses: tuple[Hypothesis, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the running text or a remark assumes of its letters; `premise` is None where it was not understood."""

    text: str
    premise: Premise | None
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Document:
    """What was displayed, in order; which definitions were met; and what is to be said of the whole."""

    lines: tuple[Line, ...]
    definitions: tuple[str, ...]
    notes: tuple[str, ...]


def read(text: str) -> Document:
    """The equations of a Markdown or LaTeX text; never raises, whatever the text is."""
    if len(text) > TEXT_LIMIT:
        problem = f"the text has {len(text)} characters, at most {TEXT_LIMIT} are read"
        return Document((_unread("", (1, 1), problem, True),), (), (problem,))
    return _Reader(text).document()


def _unread(text: str, place: tuple[int, int], problem: str, start: bool, remarks: tuple[str, ...] = ()) -> Line:
    return Line(text, place, (), (), None, start, (), remarks, problem, ())


# Where the formulas are.


@dataclass(frozen=True, slots=True)
class _Part:
    """kind is display, inline or heading."""

    kind: str
    start: int
    end: int
    problem: str | None = None


_ALIGNED = "align|aligned|alignat|alignedat|flalign|eqnarray|split"
_SHOWN = f"equation|{_ALIGNED}|gather|gathered|multline|displaymath|math|subequations"
_OPEN = re.compile(
    rf"\\\\|\\\$|\$\$|\$|\\\[|\\\(|\\begin\{{(?P<env>(?:{_SHOWN})\*?)\}}|^[ ]{{0,3}}#{{1,6}}[ \t]"
    r"|\\(?:chapter|(?:sub)*section)\b",
    re.MULTILINE,
)
_INLINE = re.compile(r"(?:[^$\\\n]|\\.|\n(?![ \t]*\n)){1,1000}\$(?!\$)")
_DIMENSION = re.compile(r"\\mathbb\s{0,3}\{?R\}?\s{0,3}\^\s{0,3}\{?\s{0,3}([A-Za-z])\b")
_HEADING = re.compile(r"^ {0,3}#{1,6} ", re.MULTILINE)
_SKIPPED = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,40}|~{3,40})[ ]*(?P<info>\w*)[^\n]*$|(?P<comment><!--)|(?P<ticks>`+)"
    r"|\\begin\{(?P<verbatim>verbatim|lstlisting|comment)\}|\\[`\\%]|(?P<percent>%)",
    re.MULTILINE,
)
_QUOTED = re.compile(r"(?:\A|\n[ \t]*\n)((?:[ ]{0,3}>[^\n]*(?:\n|\Z))+)")
_OPERATOR = re.compile(r"\\DeclareMathOperator\*?\s{0,5}\{?\\([A-Za-z]{1,30})\}?\s{0,5}\{([A-Za-z ]{1,30})\}")
_NEW_COMMAND = re.compile(r"\\(?:(?:re|provide)?newcommand\*?\s{0,5}\{?|def\s{0,5})\\([A-Za-z]{1,30})")
_TEX = re.compile(r"\\(?:documentclass|begin\{document\}|(?:sub)?section\*?\{|usepackage)")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _visible(text: str) -> tuple[str, list[_Part]]:
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
                shown.append(_Part("display", at, end.start() if end else len(text)))
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
            stop = text.find(match["ticks"], at, at + _INLINE_LIMIT)
            paragraph = text.find("\n\n", at, at + _INLINE_LIMIT)
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


def _parts(text: str) -> Iterator[_Part]:
    at = 0
    missing: dict[str, int] = {}
    while (match := _OPEN.search(text, at)) is not None:
        found, at = match.group(), match.end()
        if found in ("\\\\", "\\$"):
            continue
        if found in ("$", "\\("):
            inline = _INLINE.match(text, at) if found == "$" else None
            stop = inline.end() - 1 if inline else text.find("\\)", at, at + _INLINE_LIMIT) if found == "\\(" else -1
            if stop >= 0:
                yield _Part("inline", at, stop)
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
                yield _Part("display", start, at if match["env"] else stop)
            else:
                start, blank = at, text.find("\n\n", at)
                at = len(text) if blank < 0 else blank
                yield _Part("display", start, at, f"the {found} that opens here is not closed")
        else:
            yield _Part("heading", match.start(), at)


# A display's rows and their equations.

_OPERATORS = ("+", "-", "*", "/")
_ARROWS = (
    "\\Rightarrow", "\\Leftrightarrow", "\\iff", "\\implies", "\\therefore", "\\Longrightarrow",
    "\\Longleftrightarrow", "\\because", "\\impliedby",
)  # fmt: skip
_FUNCTION_LETTERS = ("f", "g", "h", "F", "G", "H")
_LETTERS_FOR_FUNCTIONS = (*_FUNCTION_LETTERS, "\\sigma")  # these mean what the document says, whatever is usual
_RELATIONS = {"=": "=", ":=": "=", "<=": "<=", "<": "<", ">=": ">=", ">": ">"}


@dataclass(frozen=True, slots=True)
class _Equation:
    """The tokens of an equation, its remarks as text, and what of them holds a relation."""

    tokens: list[Token]
    remarks: tuple[str, ...]
    conditions: tuple[list[Token], ...] = ()


def _rows(some: list[Token]) -> Iterator[list[Token]]:
    """The tokens between line breaks, with gaps where another column of equations begins."""
    row: list[Token] = []
    opaque = depth = ampersands = 0
    column = False
    shown = set(_SHOWN.split("|"))
    for token in some:
        depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "symbol" else 0
        if token.kind in ("begin", "end"):
            if token.text in shown:
                column = column or token.text == "eqnarray"
                continue
            opaque += 1 if token.kind == "begin" else -1
        if token.kind == "break" and opaque <= 0 and depth <= 0:
            yield row
            row, ampersands = [], 0
        elif token.text == "&" and token.kind == "symbol" and opaque <= 0:
            ampersands += 1
            kind = "gap" if ampersands % 2 == 0 and not column else "column"
            row.append(replace(token, kind=kind))
        elif token.kind == "break":
            row.append(replace(token, kind="bad", text="a line break inside of braces"))
        else:
            row.append(token)
    yield row


def _is_break(token: Token) -> bool:
    return token.kind == "relation" or (token.kind == "symbol" and token.text in _OPERATORS)


def _joined(some: list[list[Token]]) -> list[list[Token]]:
    """Rows that only go on with the formula of the row before are put to it."""
    out: list[list[Token]] = []
    for row in some:
        cells = [t for t in row if t.kind not in ("gap", "tag")]
        own = bool(cells) and cells[0].kind != "column"
        cells = [t for t in cells if t.kind != "column"]
        if not cells:
            continue
        last = [t for t in out[-1] if t.kind not in ("gap", "tag")] if out else []
        begins = cells[0].kind == "symbol" and cells[0].text in _OPERATORS
        sign = cells[0].text == "-" and own and any(t.kind == "relation" for t in cells)
        # A row with = goes on from the row before; where that has no relation yet, the two are one equation.
        first = cells[0].kind == "relation" and not any(t.kind == "relation" for t in last)
        if out and last and ((begins and not sign) or first or _is_break(last[-1])):
            out[-1] += [t for t in row if t.kind != "column"]
        else:
            out.append([t for t in row if t.kind != "column"])
    return out


def _levels(some: list[Token]) -> list[int]:
    """How many brackets are open before each token."""
    out, depth = [], 0
    for t in some:
        change = 0
        if t.kind == "symbol":
            change = (t.text in ("(", "[", "{", "\\{", "\\lvert")) - (t.text in (")", "]", "}", "\\}", "\\rvert"))
        depth += min(change, 0)
        out.append(depth)
        depth += max(change, 0)
    return out


def _is_operand(t: Token) -> bool:
    closes = t.kind == "symbol" and t.text in (")", "]", "}", "\\}", "\\rvert", "'")
    return closes or t.kind in ("number", "name", "word", "ones")


def _bar_end(some: list[Token], at: int) -> int | None:
    """Where the absolute value that begins at `at` ends, if it may be one."""
    opened = 1
    for n in range(at + 1, min(len(some), at + 400)):
        if some[n].kind in ("relation", "gap", "text"):
            return None
        if some[n].text == "|" and some[n].kind == "symbol":
            opened += -1 if n > at + 1 and _is_operand(some[n - 1]) else 1
            if opened == 0:
                return n
    return None


@dataclass(slots=True)
class _Splitter:
    r"""Cuts one row into equations and remarks."""

    text: str
    understood: Callable[[list[Token]], bool]

    def chunks(self, row: list[Token]) -> Iterator[tuple[str, list[Token]]]:
        """(what came before it, tokens): the row cut at gaps, texts, arrows, commas and bars outside of brackets."""
        levels = _levels(row)
        kind, chunk, n = "start", [], 0
        while n < len(row):
            t, cut = row[n], ""
            if t.kind == "gap":
                cut = "gap" if levels[n] <= 0 else "drop"
            elif levels[n] > 0:
                pass
            elif t.kind == "text" and not self.is_word(row, n):
                cut = "text"
            elif t.kind == "macro" and t.text in _ARROWS:
                cut = "arrow"
            elif t.kind == "symbol" and t.text in (",", ";"):
                cut = "comma"
            elif t.kind == "symbol" and t.text == "|":
                stop = _bar_end(row, n)
                if stop is not None and self.understood(row[n : stop + 1]):
                    chunk += row[n : stop + 1]
                    n = stop + 1
                    continue
                cut = "bar"
            if cut and cut != "drop":
                yield kind, chunk
                kind, chunk = cut, [t] if cut in ("text", "comma") else []
            elif not cut:
                chunk.append(replace(t, kind="word") if t.kind == "text" and self.is_word(row, n) else t)
            n += 1
        yield kind, chunk

    def is_word(self, row: list[Token], n: int) -> bool:
        r"""Whether \text{..} is a name like softmax or loss, and not a remark."""
        if not _WORD.fullmatch(row[n].text):
            return False
        after = row[n + 1] if n + 1 < len(row) else None
        before = row[n - 1] if n else None
        joins = before is not None and _is_break(before)
        return joins or (after is not None and _is_break(after) and (before is None or joins))

    def is_equation(self, some: list[Token]) -> bool:
        sides, relations = _sides(some)
        return bool(relations) and all(r.text in _RELATIONS for r in relations) and all(map(self.understood, sides))

    def is_line(self, some: list[Token], barred: bool) -> bool:
        """Whether what follows a gap or a bar is an equation of its own, and no condition or hint."""
        if not self.is_equation(some):
            return False
        sides, relations = _sides(some)
        lone = any(len(side) == 1 and side[0].kind == "name" for side in sides)
        counted = sides[0][0].kind == "name" and len(sides[0]) == 1 and all(t.kind == "number" for t in sides[1])
        return not (lone and (barred or any(r.text not in ("=", ":=") for r in relations))) and not counted

    def equations(self, row: list[Token]) -> list[_Equation]:
        tags = [f"({t.text})" for t in row if t.kind == "tag"]
        row = [t for t in row if t.kind != "tag"]
        done: list[tuple[list[Token], list[str]]] = [([], tags)]
        chunks = list(self.chunks(row))
        conditions: list[list[Token]] = []
        remarked = False  # whether the chunk before was a remark, so that a comma goes on with it
        for n, (kind, chunk) in enumerate(chunks):
            current, remarks = done[-1]
            joins = not current or (chunk and _is_break(chunk[0])) or _is_break(current[-1])
            goes_on, remarked = remarked and bool(remarks), False
            before_text = n + 1 < len(chunks) and chunks[n + 1][0] == "text"
            if kind == "text" and not current:
                remarks.append(chunk[0].text)
                current += chunk[1:]
            elif kind == "text" and self.goes_on_after(chunks[n:]):
                if chunk[1:] and (_is_break(chunk[1]) or not any(t.kind == "relation" for t in chunk)):
                    current += chunk[1:]
                elif chunk[1:]:
                    done.append((chunk[1:], []))
                remarks.append(chunk[0].text)
            elif kind == "text" or (kind == "bar" and before_text and chunk):
                rest = [t for _, c in chunks[n:] for t in c]
                remarks.append(written(self.text, rest))
                conditions.append([t for t in rest if t.kind not in ("text", "gap")])
                break
            elif kind == "comma" and goes_on and not self.is_line(chunk[1:], barred=False):
                remarks[-1] += written(self.text, chunk) if len(chunk) < 2 else f", {written(self.text, chunk[1:])}"
                remarked = True
            elif kind == "comma":
                remarked = self.after_comma(done, chunk, conditions)
            elif not chunk:
                remarked = goes_on
            elif (kind == "bar" and self.is_line(chunk, barred=True)) or (kind == "arrow" and current):
                done.append((chunk, []))
            elif kind != "bar" and joins:
                current += chunk
            elif kind != "bar" and self.is_line(chunk, barred=False):
                done.append((chunk, []))
            elif kind == "gap" and _is_formula(chunk):
                current.append(Token("bad", "what stands after the gap is not read", chunk[0].at, chunk[-1].end))
            else:
                remarks.append(written(self.text, chunk))
                conditions.append(chunk)
                remarked = True
        kept = tuple(c for c in conditions if any(t.kind == "relation" for t in c))
        return [_Equation(_trimmed(some), tuple(remarks), kept) for some, remarks in done]

    def goes_on_after(self, chunks: list[tuple[str, list[Token]]]) -> bool:
        """Whether the formula goes on after a text: a relation follows, and the text is none that opens a remark."""
        rest = [t for _, c in chunks for t in c]
        return any(t.kind == "relation" for t in rest) and not _REMARK.match(rest[0].text)

    def after_comma(
        self, done: list[tuple[list[Token], list[str]]], chunk: list[Token], conditions: list[list[Token]]
    ) -> bool:
        """Puts the chunk where it belongs; whether that is among the remarks."""
        current, remarks = done[-1]
        if len(chunk) == 1 or not current:
            return False
        if not self.is_equation(chunk[1:]) or not any(t.kind == "relation" for t in current):
            current += chunk
            return False
        if self.is_line(chunk[1:], barred=False):
            done.append((chunk[1:], []))
            return False
        remarks.append(written(self.text, chunk[1:]))
        conditions.append(chunk[1:])
        return True


_REMARK = re.compile(
    r"[\s(\[,;.]*(with|where|for|if|when|whenever|since|because|as|by|using|use|recall|note|such that|provided|"
    r"assuming|given|see|rule|let|mit|wobei|wo|da|weil|denn|f\u00fcr|falls|wenn|nach|wegen|siehe|laut)\b",
    re.IGNORECASE,
)


def _is_formula(some: list[Token]) -> bool:
    """Whether tokens after a gap look like a part of the formula, and not like the number or mark of an equation."""
    inner = [t for t in some if t.text not in ("(", ")", "[", "]")]
    marked = len(inner) <= 1 or any(t.kind in ("text", "bad", "relation") or t.text == "\\forall" for t in some)
    return not marked and any(t.kind in ("name", "number", "word") for t in inner)


def _trimmed(some: list[Token]) -> list[Token]:
    while some and some[-1].kind == "symbol" and some[-1].text in (".", ",", ";", ":"):
        some = some[:-1]
    return some


def _sides(some: list[Token]) -> tuple[list[list[Token]], list[Token]]:
    sides: list[list[Token]] = [[]]
    relations = []
    for t, level in zip(some, _levels(some), strict=True):
        if t.kind == "relation" and level <= 0:
            relations.append(t)
            sides.append([])
        else:
            sides[-1].append(t)
    return sides, relations


# Lines.


@dataclass(slots=True)
class _Reader:
    text: str
    starts: list[int] = field(default_factory=list)
    meanings: Meanings = field(default_factory=lambda: Meanings(frozenset(), False, set(), {}, frozenset()))
    bare: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    defined: set[tuple[str, str]] = field(default_factory=set)
    claimed: set[tuple[str, str]] = field(default_factory=set)  # names of lines that are no definitions
    section: int = 0
    sections: list[int] = field(default_factory=list)  # of each line
    assumed: list[tuple[int, Hypothesis]] = field(default_factory=list)  # with the section
    called: set[str] = field(default_factory=set)
    index_letters: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fresh_start: bool = True
    last: Term | None = None
    entry_letter: str = "k"

    def document(self) -> Document:
        whole = len(self.text)
        self.text, fenced = _visible(self.text)
        self.starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        macros = {m[1]: m[2].replace(" ", "") for m in _OPERATOR.finditer(self.text)}
        commands = dict.fromkeys(m[1] for m in _NEW_COMMAND.finditer(self.text))
        self.notes += [f"\\{name} is a macro of the document: macros are not expanded" for name in list(commands)[:20]]
        parts = []
        for part in _parts(self.text):
            parts.append(part)
            if len(parts) > PART_LIMIT:
                break
        parts = sorted([*parts, *fenced], key=lambda p: p.start)
        read: list[tuple[_Part, list[Token]]] = []
        count = 0
        for part in parts[:PART_LIMIT]:
            found = _with_words(tokens(self.text, part.start, part.end, macros)) if part.kind != "heading" else []
            count += len(found)
            read.append((part, found))
            if count > TOKEN_LIMIT:
                break
        self.look_over([found for _, found in read], [f for p, f in read if p.kind == "display"])
        for part, found in read:
            if len(self.lines) >= LINE_LIMIT:
                break
            if part.kind == "heading":
                self.fresh_start, self.last = True, None
                self.seen -= self.defined  # a new section may give them another meaning
                self.section += 1
            elif part.kind == "inline":
                self.inline(part, found)
            else:
                self.display(part, found)
            self.sections += [self.section] * (len(self.lines) - len(self.sections))
        if len(self.text) < whole or len(parts) > len(read) or len(self.lines) >= LINE_LIMIT:
            at = parts[len(read)].start if len(parts) > len(read) else len(self.text)
            self.fail([], at, "the document is too long: the rest is not read")
            self.sections.append(self.section)
        lines = tuple(
            replace(line, hypotheses=(*line.hypotheses, *(h for at, h in self.assumed if at == section)))
            for line, section in zip(self.lines, self.sections, strict=True)
        )
        return Document(lines, tuple(self.definitions), tuple(dict.fromkeys(self.notes)))

    # What the letters are.

    def look_over(self, every: list[list[Token]], displayed: list[list[Token]]) -> None:
        found = [b for some in every for b in binders(some)]
        self.index_letters = {letter for b in found for letter in b.letters}
        zero = any(b.low == 0 and b.high_less for b in found)
        # A sum up to an index, as in s_k = sum_{j=1}^k, is no sum over everything: k is no size then.
        partial = {
            p for some in displayed for name, _, _ in names(some) for p in name.parts if p != "n" and p.islower()
        }
        partial |= self.index_letters
        sizes = dict.fromkeys(b.high for b in found if isinstance(b.high, str) and b.high not in partial)
        if not sizes:  # named in the text, or beside sums that do not say where they end
            named = [m[1] for m in _DIMENSION.finditer(self.text)]
            beside = {n.base for some in displayed for n, _, _ in names(some) if not n.parts and not n.label}
            named += [n for n in ("N", "K", "n") if any(b.high is None for b in found) and n in beside]
            sizes = dict.fromkeys(n for n in named[:1] if n not in self.index_letters)
        subscripted, heads, bare = set(), set(), set()
        for some in every:
            for name, at, stop in names(some):
                if len(name.parts) == 1 and is_index_letter(name.parts[0]) and name.parts[0] not in sizes:
                    subscripted.add(name.base)
                self.index_letters |= {p for p in name.parts if not p.isdigit()}
                after = some[stop].text if stop < len(some) else ""
                if after == "(" and _is_head(some, at, stop):
                    heads.add(name.base)
        for some in displayed:
            for name, _, stop in names(some):
                after = some[stop].text if stop < len(some) else ""
                if not name.parts and not name.label:
                    self.called |= {name.base} if after == "(" and _lists_names(some, stop) else set()
                    self.bare |= {name.base} if after not in ("(", "[") else set()
                    bare |= {name.base}
        styled = {b for b in bare - subscripted if b.startswith(("\\mathbf{", "\\vec{"))}
        plain = {b: b[b.index("{") + 1 : -1] for b in styled}
        aliases = {b: p for b, p in plain.items() if p in subscripted}
        subscripted |= {b for b in styled if b not in aliases}
        self.mixed = {h for h in heads if h in self.bare and h not in _FUNCTION_LETTERS}
        heads = {h for h in heads if h not in self.meanings.known or h in _LETTERS_FOR_FUNCTIONS}
        self.meanings = Meanings(frozenset(sizes), zero, subscripted, aliases, frozenset(heads))
        if len(sizes) > 1:
            self.notes.append(f"the sizes {', '.join(sizes)} are each read as the length of the vectors of their lines")
        free = [c for c in "kjlpqrsuvw" if c not in self.index_letters and c not in self.bare]
        self.entry_letter = free[0] if free else "k"

    def callable_name(self, name: str) -> bool:
        if name in self.meanings.heads or name in self.mixed:
            return True
        return (name in (*_FUNCTION_LETTERS, "\\sigma") or name in self.called) and name not in self.bare

    def parse(self, some: list[Token], end: int, flips: frozenset[int] = frozenset()) -> Formula:
        return parse(some, end, self.callable_name, self.meanings.spend, flips)

    def has_meaning(self, base: str) -> bool:
        """Whether the letter stands for something that was said before."""
        known = base in self.meanings.functions or base in self.meanings.heads or base in self.mixed
        return known or any(b == base for b, _ in self.seen)

    def understood(self, some: list[Token]) -> bool:
        try:
            self.parse(some, 0)
        except Unread:
            return False
        return True

    # Displays.

    def place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def fail(self, some: list[Token], at: int, reason: str, remarks: tuple[str, ...] = (), where: int = -1) -> None:
        place = self.place(at)
        if where >= 0:
            line, column = self.place(where)
            reason = f"column {column}: {reason}" if line == place[0] else f"line {line}, column {column}: {reason}"
        self.lines.append(_unread(written(self.text, some, True), place, reason, self.fresh_start, remarks))
        self.fresh_start, self.last = False, None

    def display(self, part: _Part, found: list[Token]) -> None:
        begin = found[0].at if found else part.start
        if part.problem:
            self.fail(found[:200], begin, part.problem)
            return
        before = len(self.lines)
        for row in _joined(list(_rows(found))):
            if len(self.lines) >= LINE_LIMIT:
                return
            self.row(row, before)
            self.remember(row)
        if len(self.lines) == before:
            self.fail([], begin, "the display is empty")

    def row(self, row: list[Token], before: int) -> None:
        while row and (row[0].kind == "gap" or row[0].text in _ARROWS):
            row = row[1:]
        if len(row) > ROW_LIMIT:
            self.fail(row[:200], row[0].at, f"more than {ROW_LIMIT} tokens in one row")
            return
        for e in _Splitter(self.text, self.understood).equations(row):
            if e.tokens:
                self.equation(e)
                self.remember(e.tokens)
                if self.lines[-1].defines is None:
                    self.claimed |= {_key(name) for name, _, _ in names(e.tokens)}
            elif len(self.lines) > before and e.remarks:
                line = self.lines[-1]
                self.lines[-1] = replace(line, remarks=(*line.remarks, *e.remarks))
            elif e.remarks and row:
                self.fail(row, row[0].at, "no relation, only text", e.remarks)

    def equation(self, e: _Equation) -> None:
        at = e.tokens[0].at
        try:
            self.meanings.line_work = 0
            self.lines.append(self.line(e))
        except Unread as reason:
            self.fail(e.tokens, at, reason.reason, e.remarks, reason.at)
            self.lose(e.tokens)
        except RecursionError:
            self.fail(e.tokens, at, "the formula is nested too deep", e.remarks)
            self.lose(e.tokens)

    def lose(self, some: list[Token]) -> None:
        """A fresh letter whose definition was not understood is no variable: what uses it is not understood either."""
        sides, relations = _sides(some)
        if relations and relations[0].text in ("=", ":=") and sides[0] and sides[0][0].kind == "name":
            name, stop = read_name(sides[0], 0)
            if stop == len(sides[0]) and self.is_fresh(name):
                self.meanings.lost.add(name.base if len(name.parts) == 1 else name.full)

    def line(self, e: _Equation) -> Line:
        """The equation read; raises Unread. Definitions are kept, and what a next row goes on from."""
        sides, relations = _sides(e.tokens)
        if not relations:
            if _levels(e.tokens)[-1] > 0 and e.tokens[-1].text not in (")", "]", "}", "\\}", "\\rvert"):
                raise Unread(e.tokens[-1].end, "no relation outside of brackets: a bracket or brace is not closed")
            raise Unread(-1, "no relation: neither =, <=, <, >= nor >")
        for n, t in enumerate(e.tokens):
            if (t.kind == "symbol" and t.text == "'") or (t.kind == "name" and t.text.startswith("\\dot")):
                base = read_name(e.tokens, n - 1)[0].base.rstrip("'") if t.kind == "symbol" and n else t.text[5:-1]
                if self.has_meaning(base):
                    raise Unread(t.at, f"is this the derivative of {base}? primes and dots are not understood as such")
        for r in relations:
            if r.text not in _RELATIONS:
                raise Unread(r.at, f"{r.text} is not understood, only =, <=, <, >= and > are")
        goes_on = not sides[0]
        if goes_on and self.last is None:
            before = (
                "goes on from one that was not understood" if self.lines else "begins with a relation, but is the first"
            )
            raise Unread(-1, f"the line {before}")
        sides = sides[goes_on:]
        ends = ([r.at for r in relations] + [e.tokens[-1].end])[goes_on:]
        formulas = [self.parse(s, end) for s, end in zip(sides, ends, strict=True)]
        again = any(r.text == ":=" for r in relations)
        draft = _Draft(self, formulas, [_RELATIONS[r.text] for r in relations], goes_on, again)
        self.refuse_late_definition(draft)
        members, defines = draft.members()
        notes = [note for f in formulas for note in f.notes] + draft.notes
        if defines is None and any(r.text == ":=" for r in relations):
            notes.append(":= is read as =, for the letter is not fresh")
        alternatives = draft.alternatives(sides, ends, defines, members)
        line = Line(
            written(self.text, e.tokens, True), self.place(e.tokens[0].at), members, tuple(draft.relations), defines,
            self.fresh_start, tuple(dict.fromkeys(notes)), e.remarks, None, alternatives,
            tuple(h for some in e.conditions for h in self.suppose(some)),
        )  # fmt: skip
        if defines is not None:
            self.definitions.append(line.text)
        self.fresh_start = defines is not None and len(members) == 2
        self.last = members[-1]
        return line

    def refuse_late_definition(self, draft: _Draft) -> None:
        """A letter that only definitions have used so far cannot get its own meaning after them."""
        node = draft.formulas[0].node
        if draft.goes_on or node.kind != "name" or draft.defined() is not None or len(draft.formulas) != 2:
            return
        key = _key(node.value)
        late = key in self.seen and key not in self.claimed and key not in self.defined
        if (
            late
            and draft.relations == ["="]
            and not any(n.kind == "name" and _key(n.value) == key for n in _nodes(draft.formulas[1].node))
        ):
            self.meanings.lost.add(node.value.base if len(node.value.parts) == 1 else node.value.full)
            raise Unread(node.at, f"{node.value.written} is used before it is defined here")

    def suppose(self, some: list[Token]) -> Iterator[Hypothesis]:
        """What a relation outside of the displays assumes; nothing for the range of an index or of a letter."""
        while len(some) > 2 and (some[0].text, some[-1].text) == ("(", ")"):
            some = some[1:-1]
        sides, relations = _sides(some)
        text = written(self.text, some, True)
        if not relations or not all(sides) or "\\mathbb" in text:
            return
        first = sides[0][0].text if len(sides[0]) == 1 else ""
        letters = [side[0].text for side in sides if len(side) == 1 and side[0].kind == "name"]
        if len(letters) == 2 and all(x in self.index_letters or is_index_letter(x) for x in letters):
            same = relations[0].text == "="
            if same or relations[0].text == "\\neq":
                equal = Relation(delta(Free(letters[0]), Free(letters[1])), "=", ONE if same else ZERO)
                yield Hypothesis(text, Premise(equal), frozenset(letters))
            return
        if first in self.meanings.sizes or (first in self.index_letters and relations[0].text != "\\neq"):
            return
        mentioned = frozenset(name.base for name, _, _ in names(some))
        try:
            if any(r.text not in _RELATIONS for r in relations):
                raise Unread(-1, "")
            ends = [r.at for r in relations] + [some[-1].end]
            formulas = [self.parse(s, end) for s, end in zip(sides, ends, strict=True)]
            terms, _, _ = _Draft(self, formulas, ["="] * len(relations), False).terms(list(formulas))
        except (Unread, RecursionError):
            yield Hypothesis(text, None, mentioned)
            return
        for r, left, right in zip(relations, terms, terms[1:], strict=False):
            if left is None or right is None:
                continue
            kind = _RELATIONS[r.text]
            if kind in (">", ">="):
                left, right, kind = right, left, {">": "<", ">=": "<="}[kind]
            indices = {i for i in used_indices(left - right) if isinstance(i, Free) and not i.name.isdigit()}
            if len(indices) == 1:
                (i,) = indices
                every = Relation(bound_index(left, i), kind, bound_index(right, i))
                yield Hypothesis(text, Premise(every, each=True), mentioned)
            else:
                yield Hypothesis(text, None if indices else Premise(Relation(left, kind, right)), mentioned)

    def inline(self, part: _Part, found: list[Token]) -> None:
        """A definition in the running text is kept; another relation is what the section assumes."""
        try:
            while len(found) > 2 and (found[0].text, found[-1].text) == ("(", ")"):
                found = found[1:-1]
            for e in _Splitter(self.text, self.understood).equations(found):
                sides, relations = _sides(e.tokens)
                if not relations or any(r.text not in ("=", ":=") for r in relations) or not all(sides):
                    self.assumed += [(self.section, h) for h in self.suppose(e.tokens)]
                    continue
                ends = [r.at for r in relations] + [e.tokens[-1].end]
                formulas = [self.parse(s, end) for s, end in zip(sides, ends, strict=True)]
                draft = _Draft(self, formulas, ["="] * len(relations), False)
                shown = written(self.text, e.tokens, True)
                if draft.defined() is not None:
                    draft.members()
                    self.definitions.append(shown)
                else:
                    self.assumed += [(self.section, h) for h in self.suppose(e.tokens)]
                    if formulas[0].node.kind == "name" and len(sides) == 2:
                        line = self.place(part.start)[0]
                        self.notes.append(f"line {line}: {shown} is no definition, for the letter occurs before")
        except (Unread, RecursionError):
            pass
        self.remember(found)

    # Which letters are fresh.

    def remember(self, some: list[Token]) -> None:
        for name, _, _ in names(some):
            self.seen.add(_key(name))

    def is_fresh(self, name: Name) -> bool:
        base = self.meanings.aliases.get(name.base, name.base)
        if name.full in ("e", "\\delta") or base in self.meanings.sizes:
            return False
        if name.parts and is_index_letter(name.parts[0]) and len(name.parts) == 1:
            return not any(b == base for b, _ in self.seen)
        if name.parts:
            return _key(name) not in self.seen and (base, "[]") not in self.seen
        return (
            (name.full, "") not in self.seen
            and (name.full, "[]") not in self.seen
            and name.full not in self.index_letters
        )


def _key(name: Name) -> tuple[str, str]:
    if len(name.parts) == 1 and is_index_letter(name.parts[0]):
        return name.base, "[]"
    return (name.base, ",".join(name.parts)) if name.parts else (name.full, "")


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_\\-]{0,30}")


def _with_words(some: list[Token]) -> list[Token]:
    r"""The tokens in which \text{softmax} before a bracket or subscript is a name and no text."""
    out = list(some)
    for n, (t, after) in enumerate(pairwise(some)):
        opens = after.kind == "symbol" and after.text in ("(", "[", "_", "^")
        if t.kind == "text" and opens and _WORD.fullmatch(t.text):
            out[n] = replace(t, kind="word", text=t.text.replace("\\_", "_").replace("-", "_"))
    return out


def _lists_names(some: list[Token], at: int) -> bool:
    """Whether the bracket that opens at `at` holds letters and commas only, as in p(x, y)."""
    for t in some[at + 1 : at + 30]:
        if t.text == ")":
            return True
        if t.kind not in ("name", "number") and t.text not in (",", "_", "{", "}"):
            return False
    return False


def _is_head(some: list[Token], at: int, stop: int) -> bool:
    """Whether f(x, y) = stands here, with nothing of the formula before it."""
    before = some[at - 1] if at else None
    if before is not None and before.kind not in ("break", "relation", "gap", "text", "begin") and before.text != "&":
        return False
    n, names_only = stop + 1, True
    while n < min(len(some), stop + 12) and some[n].text != ")":
        beside = n > stop + 1 and some[n].kind == "name" and some[n - 1].kind == "name"
        names_only = names_only and not beside and (some[n].kind == "name" or some[n].text == ",")
        n += 1
    n += 1
    if n + 1 < len(some) and some[n].text == "_":
        n += 2 if some[n + 1].text != "{" else 4
    while n < len(some) and some[n].text == "&":
        n += 1
    return names_only and n < len(some) and some[n].text in ("=", ":=")


def _nodes(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        n = stack.pop()
        yield n
        stack += n.args


@dataclass(slots=True)
class _Draft:
    """One equation on its way to terms: what it defines, and its members."""

    reader: _Reader
    formulas: list[Formula]
    relations: list[str]
    goes_on: bool
    again: bool = False  # whether := gives a letter that was defined another meaning
    notes: list[str] = field(default_factory=list)

    def defined(self) -> tuple[int, Node] | None:
        """(which side, its tree) if one side is a fresh letter or function alone, and the others do not hold it."""
        if self.goes_on:
            return None
        last = len(self.formulas) - 1
        for side, relation in ((0, 0), (last, last - 1)):
            node = self.formulas[side].node
            if self.relations[relation] != "=" or (side and last != 1):
                continue
            others = [n for k, f in enumerate(self.formulas) if k != side for n in _nodes(f.node)]
            again = (
                self.again and side == 0 and _key(node.value) in self.reader.defined if node.kind == "name" else False
            )
            if node.kind == "name" and (again or self.reader.is_fresh(node.value)):
                used = {_key(n.value)[0] for n in others if n.kind in ("name", "partial")}
                if _key(node.value)[0] not in used:
                    return side, node
            elif node.kind == "call" and side == 0:
                word, meanings = node.value[0], self.reader.meanings
                params = {a.value.full for a in node.args if a.kind == "name" and not a.value.parts}
                used_there = any(n.kind == "call" and n.value[0] == word for n in others)
                usual = word in meanings.known and word not in _LETTERS_FOR_FUNCTIONS
                fresh = word in meanings.heads and word not in meanings.functions and not usual
                if fresh and not used_there and len(params) == len(node.args):
                    return side, node
        return None

    def terms(self, formulas: list[Formula | None]) -> tuple[list[Term | None], Reading, Free | None]:
        """The terms of the sides (None stays None), all read together; vectors at one index."""
        bound = frozenset(letter for f in formulas if f for n in _nodes(f.node) for letter in _letters(n))
        reading = Reading(self.reader.meanings, bound)
        at = None
        if any(reading.is_vector(f.node) for f in formulas if f):
            at = Free(self.reader.entry_letter)
            self.note(f"vectors are compared entry by entry, at the index {at.name}")
        out: list[Term | None] = []
        for f in formulas:
            reading.met_free, reading.met_bound = set(), set()
            out.append(reading.side(f.node, at) if f else None)
            for letter in sorted(reading.met_free & reading.met_bound):
                self.note(f"the index {letter} is both free and bound; the bound one was renamed")
        for note in reading.notes:
            self.note(note)
        return out, reading, at

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def members(self) -> tuple[tuple[Term, ...], str | None]:
        """The members, and the letter that is defined; the definition is kept."""
        found = self.defined()
        if found is None:
            terms, _, _ = self.terms(list(self.formulas))
            before = [self.reader.last] if self.goes_on else []
            return tuple(t for t in [*before, *terms] if t is not None), None
        side, node = found
        if node.kind == "name":
            self.reader.defined.add(_key(node.value))
        others = [None if n == side else f for n, f in enumerate(self.formulas)]
        call = node.kind == "call"
        terms = self.function(node, others) if call else self.letter(node.value, side, others)
        terms[side] = terms[1 if side == 0 else side - 1]
        return tuple(t for t in terms if t is not None), node.value[0] if call else node.value.written

    def letter(self, name: Name, side: int, others: list[Formula | None]) -> list[Term | None]:
        terms, reading, at = self.terms(others)
        body, m = terms[1 if side == 0 else side - 1], self.reader.meanings
        assert body is not None
        sizes = frozenset(reading.sizes)
        letter, part = reading.resolved(reading.name(name), -1)
        if part is None and at is not None:
            m.entries[letter] = Definition(opened(bound_index(body, at), HOLE), sizes)
        elif part is None:
            m.scalars[letter] = Definition(body, sizes)
        elif is_index_letter(part) and not _mentions(self.formulas, part):
            m.entries[letter] = Definition(opened(bound_index(body, Free(part)), HOLE), sizes)
        else:
            m.single[letter, part] = Definition(body, sizes)
        return terms

    def function(self, node: Node, others: list[Formula | None]) -> list[Term | None]:
        """The sides of f(x) = A = B; f is kept. Its parameters mean nothing of what they mean elsewhere."""
        m = self.reader.meanings
        word, index = node.value
        shape = Reading(m, frozenset())
        params = [shape.name(a.value).full for a in node.args]
        whole = [self.is_whole(p) for p in params]
        kept = m.vectors, dict(m.scalars), dict(m.entries)
        m.vectors = (m.vectors - set(params)) | {p for p, w in zip(params, whole, strict=True) if w}
        for p in params:
            m.scalars.pop(p, None)
            m.entries.pop(p, None)
        try:
            terms, reading, at = self.terms(others)
        finally:
            m.vectors, m.scalars, m.entries = kept
        body = terms[1]
        assert body is not None
        at = Free(index) if index is not None else at
        if at is not None:
            body = opened(bound_index(body, at), HOLE)
        pairs = list(enumerate(zip(params, whole, strict=True)))
        variables = {p: variable_term(f"#{n}") for n, (p, w) in pairs if not w}
        vectors = {p: Vector(f"#{n}")[HOLE] for n, (p, w) in pairs if w}
        term = replaced_names(body, variables, vectors)
        m.functions[word] = Function(tuple(whole), term, at is not None, frozenset(reading.sizes))
        return terms

    def is_whole(self, param: str) -> bool:
        """Whether a parameter is a vector: it has entries, or it is handed on to what takes a vector."""
        m, shape = self.reader.meanings, Reading(self.reader.meanings, frozenset())
        for n in (n for f in self.formulas[1:] for n in _nodes(f.node)):
            if n.kind in ("name", "partial"):
                name = shape.name(n.value)
                if name.base == param and name.parts:
                    return True
            takes: tuple[bool, ...] = (True,) if n.kind in ("max", "min") and len(n.args) == 1 else ()
            if n.kind == "call":
                function = m.functions.get(n.value[0]) or m.known.get(n.value[0])
                takes = function.vectors if function else ()
            for a, vector in zip(n.args, takes, strict=False):
                inner = [shape.name(k.value).full for k in _nodes(a) if k.kind == "name"]
                if vector and param in inner:
                    return True
        return False

    def alternatives(
        self, sides: list[list[Token]], ends: list[int], defines: str | None, members: tuple[Term, ...]
    ) -> tuple[tuple[Term, ...], ...]:
        """The members under other readings of ambiguous places: each place alone, then all of them."""
        first = 0 if defines is None else 2
        places = [(n, c) for n, f in enumerate(self.formulas) for c in f.choices if n >= first]
        if not places or (defines is not None and self.formulas[0].node.kind == "call"):
            return ()
        wanted = [frozenset([place]) for place in places[:_ALTERNATIVES]]
        wanted += [frozenset(places)] if len(places) > 1 else []
        found: list[tuple[Term, ...]] = []
        for chosen in wanted:
            try:
                other: list[Formula | None] = [
                    self.reader.parse(s, end, frozenset(c for k, c in chosen if k == n))
                    for n, (s, end) in enumerate(zip(sides, ends, strict=True))
                ]
                notes = list(self.notes)
                terms, _, _ = self.terms(other)
                self.notes = notes
            except Unread:
                continue
            before = [self.reader.last] if self.goes_on else []
            new = tuple(t for t in [*before, *terms] if t is not None)
            if new != members and new not in found:
                found.append(new)
        return tuple(found)


def _letters(node: Node) -> tuple[str, ...]:
    return node.value.letters if node.kind in ("sum", "largest", "least") else ()


def _mentions(formulas: list[Formula], letter: str) -> bool:
    """Whether a plain subscript like k-1 holds the letter, so that what is said holds for this index only."""
    labels = (n.value.label for f in formulas for n in _nodes(f.node) if n.kind == "name")
    return any(letter in label and any(c in label for c in "+-*/") for label in labels)
