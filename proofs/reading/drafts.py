"""One equation on its way to terms: what it defines, its members, and its other readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..terms import Vector
from ..terms import variable as variable_term
from ..trusted import Free, Term, bound_index, opened
from .formulas import Formula, Node
from .meaning import HOLE, Definition, Function, Reading, is_index_letter, replaced_names
from .tokens import Name, Token, Unread

if TYPE_CHECKING:
    from .document import Reader

__all__ = ["FUNCTION_LETTERS", "LETTERS_FOR_FUNCTIONS", "Draft", "key_of", "nodes_of"]

FUNCTION_LETTERS = ("f", "g", "h", "F", "G", "H")
LETTERS_FOR_FUNCTIONS = (*FUNCTION_LETTERS, "\\sigma")  # these mean what the document says, whatever is usual
_ALTERNATIVES = 6


def key_of(name: Name) -> tuple[str, str]:
    if len(name.parts) == 1 and is_index_letter(name.parts[0]):
        return name.base, "[]"
    return (name.base, ",".join(name.parts)) if name.parts else (name.full, "")


def nodes_of(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        n = stack.pop()
        yield n
        stack += n.args


@dataclass(slots=True)
class Draft:
    """One equation on its way to terms: what it defines, and its members."""

    reader: Reader
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
            others = [n for k, f in enumerate(self.formulas) if k != side for n in nodes_of(f.node)]
            again = (
                self.again and side == 0 and key_of(node.value) in self.reader.defined if node.kind == "name" else False
            )
            if node.kind == "name" and (again or self.reader.is_fresh(node.value)):
                used = {key_of(n.value)[0] for n in others if n.kind in ("name", "partial")}
                if key_of(node.value)[0] not in used:
                    return side, node
            elif node.kind == "call" and side == 0:
                word, meanings = node.value[0], self.reader.meanings
                params = {a.value.full for a in node.args if a.kind == "name" and not a.value.parts}
                used_there = any(n.kind == "call" and n.value[0] == word for n in others)
                usual = word in meanings.known and word not in LETTERS_FOR_FUNCTIONS
                fresh = word in meanings.heads and word not in meanings.functions and not usual
                if fresh and not used_there and len(params) == len(node.args):
                    return side, node
        return None

    def terms(self, formulas: list[Formula | None]) -> tuple[list[Term | None], Reading, Free | None]:
        """The terms of the sides (None stays None), all read together; vectors at one index."""
        bound = frozenset(letter for f in formulas if f for n in nodes_of(f.node) for letter in _letters(n))
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
            self.reader.defined.add(key_of(node.value))
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
        for n in (n for f in self.formulas[1:] for n in nodes_of(f.node)):
            if n.kind in ("name", "partial"):
                name = shape.name(n.value)
                if name.base == param and name.parts:
                    return True
            takes: tuple[bool, ...] = (True,) if n.kind in ("max", "min") and len(n.args) == 1 else ()
            if n.kind == "call":
                function = m.functions.get(n.value[0]) or m.known.get(n.value[0])
                takes = function.vectors if function else ()
            for a, vector in zip(n.args, takes, strict=False):
                inner = [shape.name(k.value).full for k in nodes_of(a) if k.kind == "name"]
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
    labels = (n.value.label for f in formulas for n in nodes_of(f.node) if n.kind == "name")
    return any(letter in label and any(c in label for c in "+-*/") for label in labels)
