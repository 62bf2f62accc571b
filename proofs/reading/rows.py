r"""Cuts a display into rows, and a row into equations and remarks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from .scanning import SHOWN
from .tokens import Token, written

__all__ = ["ARROWS", "RELATIONS", "Equation", "Splitter", "joined", "levels_of", "rows_of", "sides_of", "with_words"]

_OPERATORS = ("+", "-", "*", "/")
ARROWS = (
    "\\Rightarrow", "\\Leftrightarrow", "\\iff", "\\implies", "\\therefore", "\\Longrightarrow",
    "\\Longleftrightarrow", "\\because", "\\impliedby",
)  # fmt: skip
RELATIONS = {"=": "=", ":=": "=", "<=": "<=", "<": "<", ">=": ">=", ">": ">"}


@dataclass(frozen=True, slots=True)
class Equation:
    """The tokens of an equation, its remarks as text, and what of them holds a relation."""

    tokens: list[Token]
    remarks: tuple[str, ...]
    conditions: tuple[list[Token], ...] = ()


def rows_of(some: list[Token]) -> Iterator[list[Token]]:
    """The tokens between line breaks, with gaps where another column of equations begins."""
    row: list[Token] = []
    opaque = depth = ampersands = 0
    column = False
    shown = set(SHOWN.split("|"))
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


def joined(some: list[list[Token]]) -> list[list[Token]]:
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


def levels_of(some: list[Token]) -> list[int]:
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
class Splitter:
    r"""Cuts one row into equations and remarks."""

    text: str
    understood: Callable[[list[Token]], bool]

    def chunks(self, row: list[Token]) -> Iterator[tuple[str, list[Token]]]:
        """(what came before it, tokens): the row cut at gaps, texts, arrows, commas and bars outside of brackets."""
        levels = levels_of(row)
        kind, chunk, n = "start", [], 0
        while n < len(row):
            t, cut = row[n], ""
            if t.kind == "gap":
                cut = "gap" if levels[n] <= 0 else "drop"
            elif levels[n] > 0:
                pass
            elif t.kind == "text" and not self.is_word(row, n):
                cut = "text"
            elif t.kind == "macro" and t.text in ARROWS:
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
        sides, relations = sides_of(some)
        return bool(relations) and all(r.text in RELATIONS for r in relations) and all(map(self.understood, sides))

    def is_line(self, some: list[Token], barred: bool) -> bool:
        """Whether what follows a gap or a bar is an equation of its own, and no condition or hint."""
        if not self.is_equation(some):
            return False
        sides, relations = sides_of(some)
        lone = any(len(side) == 1 and side[0].kind == "name" for side in sides)
        counted = sides[0][0].kind == "name" and len(sides[0]) == 1 and all(t.kind == "number" for t in sides[1])
        return not (lone and (barred or any(r.text not in ("=", ":=") for r in relations))) and not counted

    def equations(self, row: list[Token]) -> list[Equation]:
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
        return [Equation(_trimmed(some), tuple(remarks), kept) for some, remarks in done]

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


def sides_of(some: list[Token]) -> tuple[list[list[Token]], list[Token]]:
    sides: list[list[Token]] = [[]]
    relations = []
    for t, level in zip(some, levels_of(some), strict=True):
        if t.kind == "relation" and level <= 0:
            relations.append(t)
            sides.append([])
        else:
            sides[-1].append(t)
    return sides, relations


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_\\-]{0,30}")


def with_words(some: list[Token]) -> list[Token]:
    r"""The tokens in which \text{softmax} before a bracket or subscript is a name and no text."""
    out = list(some)
    for n, (t, after) in enumerate(pairwise(some)):
        opens = after.kind == "symbol" and after.text in ("(", "[", "_", "^")
        if t.kind == "text" and opens and _WORD.fullmatch(t.text):
            out[n] = replace(t, kind="word", text=t.text.replace("\\_", "_").replace("-", "_"))
    return out
