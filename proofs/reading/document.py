r"""Reads a derivation as people write it: Markdown or LaTeX in, terms out, one `Line` per displayed equation.

Displays are found first, then the letters of the whole document are looked over (which letter is N, which are vectors),
then every display is cut into rows and equations, and each is read in turn, with the definitions that came before.
Nothing of the text is ever evaluated. What is not understood is kept, with the reason and the place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..terms import ONE, ZERO, delta
from ..trusted import Free, Premise, Relation, Term, bound_index, used_indices
from .drafts import FUNCTION_LETTERS, LETTERS_FOR_FUNCTIONS, Draft, key_of, nodes_of
from .formulas import Formula, binders, parse
from .meaning import Meanings, is_index_letter
from .rows import ARROWS, RELATIONS, Equation, Splitter, joined, levels_of, rows_of, sides_of, with_words
from .scanning import DIMENSION, NEW_COMMAND, OPERATOR, Part, parts_of, visible
from .tokens import Name, Token, Unread, names, read_name, tokens, written

__all__ = ["Document", "Hypothesis", "Line", "read"]

TEXT_LIMIT = 2_000_000  # characters
PART_LIMIT = 4_000  # formulas, displayed and inline
LINE_LIMIT = 2_000
ROW_LIMIT = 4_000  # tokens of one row
TOKEN_LIMIT = 150_000  # tokens of the document


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
    return Reader(text).document()


def _unread(text: str, place: tuple[int, int], problem: str, start: bool, remarks: tuple[str, ...] = ()) -> Line:
    return Line(text, place, (), (), None, start, (), remarks, problem, ())


@dataclass(slots=True)
class Reader:
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
        self.text, fenced = visible(self.text)
        self.starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        macros = {m[1]: m[2].replace(" ", "") for m in OPERATOR.finditer(self.text)}
        commands = dict.fromkeys(m[1] for m in NEW_COMMAND.finditer(self.text))
        self.notes += [f"\\{name} is a macro of the document: macros are not expanded" for name in list(commands)[:20]]
        parts = []
        for part in parts_of(self.text):
            parts.append(part)
            if len(parts) > PART_LIMIT:
                break
        parts = sorted([*parts, *fenced], key=lambda p: p.start)
        read: list[tuple[Part, list[Token]]] = []
        count = 0
        for part in parts[:PART_LIMIT]:
            found = with_words(tokens(self.text, part.start, part.end, macros)) if part.kind != "heading" else []
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
            named = [m[1] for m in DIMENSION.finditer(self.text)]
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
        self.mixed = {h for h in heads if h in self.bare and h not in FUNCTION_LETTERS}
        heads = {h for h in heads if h not in self.meanings.known or h in LETTERS_FOR_FUNCTIONS}
        self.meanings = Meanings(frozenset(sizes), zero, subscripted, aliases, frozenset(heads))
        if len(sizes) > 1:
            self.notes.append(f"the sizes {', '.join(sizes)} are each read as the length of the vectors of their lines")
        free = [c for c in "kjlpqrsuvw" if c not in self.index_letters and c not in self.bare]
        self.entry_letter = free[0] if free else "k"

    def callable_name(self, name: str) -> bool:
        if name in self.meanings.heads or name in self.mixed:
            return True
        return (name in (*FUNCTION_LETTERS, "\\sigma") or name in self.called) and name not in self.bare

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

    def display(self, part: Part, found: list[Token]) -> None:
        begin = found[0].at if found else part.start
        if part.problem:
            self.fail(found[:200], begin, part.problem)
            return
        before = len(self.lines)
        for row in joined(list(rows_of(found))):
            if len(self.lines) >= LINE_LIMIT:
                return
            self.row(row, before)
            self.remember(row)
        if len(self.lines) == before:
            self.fail([], begin, "the display is empty")

    def row(self, row: list[Token], before: int) -> None:
        while row and (row[0].kind == "gap" or row[0].text in ARROWS):
            row = row[1:]
        if len(row) > ROW_LIMIT:
            self.fail(row[:200], row[0].at, f"more than {ROW_LIMIT} tokens in one row")
            return
        for e in Splitter(self.text, self.understood).equations(row):
            if e.tokens:
                self.equation(e)
                self.remember(e.tokens)
                if self.lines[-1].defines is None:
                    self.claimed |= {key_of(name) for name, _, _ in names(e.tokens)}
            elif len(self.lines) > before and e.remarks:
                line = self.lines[-1]
                self.lines[-1] = replace(line, remarks=(*line.remarks, *e.remarks))
            elif e.remarks and row:
                self.fail(row, row[0].at, "no relation, only text", e.remarks)

    def equation(self, e: Equation) -> None:
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
        sides, relations = sides_of(some)
        if relations and relations[0].text in ("=", ":=") and sides[0] and sides[0][0].kind == "name":
            name, stop = read_name(sides[0], 0)
            if stop == len(sides[0]) and self.is_fresh(name):
                self.meanings.lost.add(name.base if len(name.parts) == 1 else name.full)

    def line(self, e: Equation) -> Line:
        """The equation read; raises Unread. Definitions are kept, and what a next row goes on from."""
        sides, relations = sides_of(e.tokens)
        if not relations:
            if levels_of(e.tokens)[-1] > 0 and e.tokens[-1].text not in (")", "]", "}", "\\}", "\\rvert"):
                raise Unread(e.tokens[-1].end, "no relation outside of brackets: a bracket or brace is not closed")
            raise Unread(-1, "no relation: neither =, <=, <, >= nor >")
        for n, t in enumerate(e.tokens):
            if (t.kind == "symbol" and t.text == "'") or (t.kind == "name" and t.text.startswith("\\dot")):
                base = read_name(e.tokens, n - 1)[0].base.rstrip("'") if t.kind == "symbol" and n else t.text[5:-1]
                if self.has_meaning(base):
                    raise Unread(t.at, f"is this the derivative of {base}? primes and dots are not understood as such")
        for r in relations:
            if r.text not in RELATIONS:
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
        draft = Draft(self, formulas, [RELATIONS[r.text] for r in relations], goes_on, again)
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

    def refuse_late_definition(self, draft: Draft) -> None:
        """A letter that only definitions have used so far cannot get its own meaning after them."""
        node = draft.formulas[0].node
        if draft.goes_on or node.kind != "name" or draft.defined() is not None or len(draft.formulas) != 2:
            return
        key = key_of(node.value)
        late = key in self.seen and key not in self.claimed and key not in self.defined
        if (
            late
            and draft.relations == ["="]
            and not any(n.kind == "name" and key_of(n.value) == key for n in nodes_of(draft.formulas[1].node))
        ):
            self.meanings.lost.add(node.value.base if len(node.value.parts) == 1 else node.value.full)
            raise Unread(node.at, f"{node.value.written} is used before it is defined here")

    def suppose(self, some: list[Token]) -> Iterator[Hypothesis]:
        """What a relation outside of the displays assumes; nothing for the range of an index or of a letter."""
        while len(some) > 2 and (some[0].text, some[-1].text) == ("(", ")"):
            some = some[1:-1]
        sides, relations = sides_of(some)
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
            if any(r.text not in RELATIONS for r in relations):
                raise Unread(-1, "")
            ends = [r.at for r in relations] + [some[-1].end]
            formulas = [self.parse(s, end) for s, end in zip(sides, ends, strict=True)]
            terms, _, _ = Draft(self, formulas, ["="] * len(relations), False).terms(list(formulas))
        except (Unread, RecursionError):
            yield Hypothesis(text, None, mentioned)
            return
        for r, left, right in zip(relations, terms, terms[1:], strict=False):
            if left is None or right is None:
                continue
            kind = RELATIONS[r.text]
            if kind in (">", ">="):
                left, right, kind = right, left, {">": "<", ">=": "<="}[kind]
            indices = {i for i in used_indices(left - right) if isinstance(i, Free) and not i.name.isdigit()}
            if len(indices) == 1:
                (i,) = indices
                every = Relation(bound_index(left, i), kind, bound_index(right, i))
                yield Hypothesis(text, Premise(every, each=True), mentioned)
            else:
                yield Hypothesis(text, None if indices else Premise(Relation(left, kind, right)), mentioned)

    def inline(self, part: Part, found: list[Token]) -> None:
        """A definition in the running text is kept; another relation is what the section assumes."""
        try:
            while len(found) > 2 and (found[0].text, found[-1].text) == ("(", ")"):
                found = found[1:-1]
            for e in Splitter(self.text, self.understood).equations(found):
                sides, relations = sides_of(e.tokens)
                if not relations or any(r.text not in ("=", ":=") for r in relations) or not all(sides):
                    self.assumed += [(self.section, h) for h in self.suppose(e.tokens)]
                    continue
                ends = [r.at for r in relations] + [e.tokens[-1].end]
                formulas = [self.parse(s, end) for s, end in zip(sides, ends, strict=True)]
                draft = Draft(self, formulas, ["="] * len(relations), False)
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
            self.seen.add(key_of(name))

    def is_fresh(self, name: Name) -> bool:
        base = self.meanings.aliases.get(name.base, name.base)
        if name.full in ("e", "\\delta") or base in self.meanings.sizes:
            return False
        if name.parts and is_index_letter(name.parts[0]) and len(name.parts) == 1:
            return not any(b == base for b, _ in self.seen)
        if name.parts:
            return key_of(name) not in self.seen and (base, "[]") not in self.seen
        return (
            (name.full, "") not in self.seen
            and (name.full, "[]") not in self.seen
            and name.full not in self.index_letters
        )


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
