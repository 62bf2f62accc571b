"""The reading that writes an algorithm down: its lines run on expressions, and what was done is told as pseudo-code.

Operations stand in the order in which they are made, with parentheses wherever another order could be read. What is
used more than once has a name and a line of its own, as have maxima, sums and the states of passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .algorithms import Algorithm

__all__ = ["Line", "pseudocode"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line, indented `depth` levels: as plain text, and as text with formulas between dollars and \\textbf."""

    depth: int
    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class _Node:
    """What an operation gives: a number for each row, or a vector, which may lack its largest entry."""

    op: str
    args: tuple[_Node, ...] = ()
    name: str = ""
    vector: bool = False
    dropped: bool = False


def _made(op: str, *args: _Node) -> _Node:
    return _Node(op, args, "", any(a.vector for a in args), any(a.dropped for a in args))


@dataclass(frozen=True, slots=True)
class _Style:
    call: Callable[[str, str], str]
    binary: dict[str, str]
    subscript: Callable[[str, str], str]
    over: Callable[[str, str], str]
    gets: str
    math: Callable[[str], str]
    word: Callable[[str], str]


_TEXT = _Style(
    call=lambda f, t: f"{f}({t})",
    binary={"add": " + ", "sub": " - ", "mul": " * ", "div": " / "},
    subscript=lambda name, index: f"{name}_{index}",
    over=lambda op, index: f"{op}_{index} " if len(index) == 1 else f"{op}_{{{index}}} ".replace(r"\neq", "!="),
    gets=" <- ",
    math=str,
    word=str,
)
_NAMES = {"exp": r"\exp", "log": r"\log", "max": r"\max", "min": r"\min", "log1p": r"\text{log1p}", "sum": r"\sum"}
_LATEX = _Style(
    call=lambda f, t: f"{_NAMES[f]}({t})",
    binary={"add": " + ", "sub": " - ", "mul": r" \cdot ", "div": " / "},
    subscript=lambda name, index: f"{name}_{index}",
    over=lambda op, index: rf"{_NAMES[op]}_{{{index}}} ",
    gets=r" \gets ",
    math=lambda t: f"${t}$",
    word=lambda t: rf"\textbf{{{t}}}",
)
_STYLES = (_TEXT, _LATEX)
_ORDERS = {"pairwise": ", summed by halving", "compensated": ", compensated"}


@dataclass(slots=True)
class _Writer:
    """`Operations` on nodes; loops write their lines at once, everything else when it is needed."""

    lines: list[Line] = field(default_factory=list)
    depth: int = 0
    names: dict[_Node, str] = field(default_factory=dict)

    # The operations.

    def max(self, x: _Node) -> _Node:
        return _Node("max", (x,))

    def first(self, x: _Node) -> _Node:
        return _Node("first", (x,))

    def drop_max(self, x: _Node) -> _Node:
        return _Node(x.op, x.args, x.name, True, True)

    def maximum(self, a: _Node, b: _Node) -> _Node:
        return _made("maximum", a, b)

    def minimum(self, a: _Node, b: _Node) -> _Node:
        return _made("minimum", a, b)

    def add(self, a: _Node, b: _Node) -> _Node:
        return _made("add", a, b)

    def sub(self, a: _Node, b: _Node) -> _Node:
        return _made("sub", a, b)

    def mul(self, a: _Node, b: _Node) -> _Node:
        return _made("mul", a, b)

    def div(self, a: _Node, b: _Node) -> _Node:
        return _made("div", a, b)

    def exp(self, a: _Node) -> _Node:
        return _made("exp", a)

    def log(self, a: _Node) -> _Node:
        return _made("log", a)

    def log1p(self, a: _Node) -> _Node:
        return _made("log1p", a)

    def one(self, like: _Node) -> _Node:
        return _Node("name", name="1")

    def sum(self, x: _Node, order: str = "any") -> _Node:
        return _Node("sum", (x,), order)

    def nonexpansive(self, body: Callable[..., _Node], a: _Node, b: _Node) -> _Node:
        return body(self, a, b)

    def fold(self, x: _Node, start: Any, step: Any, invariant: Any) -> tuple[_Node, ...]:
        first: tuple[_Node, ...] = start(_entry(x, "1"))
        state = tuple(_Node("name", name=name) for name in (("y",) if len(first) == 1 else ("m", "d")))
        for variable, value in zip(state, first, strict=True):
            self._assign(variable.name, value)
        self._say(("for ", True), ("j = 2, ..., n", False), (" do", True))
        self.depth += 1
        then = step(*state, _entry(x, "j"))
        self._name_shared(then)
        todo = list(zip(state, then, strict=True))
        while todo:
            # A variable is overwritten when no other line needs what it was.
            ready = next(pair for pair in todo if all(pair[0] not in self._needed(e) for v, e in todo if v != pair[0]))
            todo.remove(ready)
            self._assign(ready[0].name, ready[1])
        self.depth -= 1
        self.names.clear()
        return state

    def tree(self, x: _Node, leaf: Any, merge: Any, invariant: Any) -> tuple[_Node, ...]:
        state = tuple(_Node("name", name=name) for name in ("m", "d"))
        self._say(("for ", True), ("i = 1, ..., n", False), (" do", True))
        self.depth += 1
        for variable, value in zip(state, leaf(_entry(x, "i")), strict=True):
            self._assign(f"{variable.name}_i", value)
        self.depth -= 1
        self._say(("while", True), (" more than one pair is left ", None), ("do", True))
        self.depth += 1
        pairs = tuple(_Node("name", name=f"{v.name}{mark}") for mark in ("", "'") for v in state)
        self._say(("for", True), (" neighbours ", None), ("(m, d)", False), (" and ", None), ("(m', d')", False),
                  (" do", True))  # fmt: skip
        self.depth += 1
        then = merge(*pairs)
        self._name_shared(then)
        told = [f"({', '.join(self._write(e, s, 'i') for e in then)})" for s in _STYLES]
        self._lines("merge them into ", told)
        self.depth -= 2
        self._say(("let ", None), ("(m, d)", False), (" be the pair that is left", None))
        self.names.clear()
        return state

    # Lines.

    def _say(self, *parts: tuple[str, bool | None]) -> None:
        """A line of words in bold (True), formulas (False) and plain words (None)."""
        text = "".join(words for words, _ in parts)
        told = (words if kind is None else _LATEX.word(words) if kind else _LATEX.math(words) for words, kind in parts)
        self.lines.append(Line(self.depth, text, "".join(told).replace("...", r"\dots")))

    def _lines(self, words: str, formulas: list[str], after: str = "") -> None:
        text, latex = (f"{words}{s.math(formula)}{after}" for s, formula in zip(_STYLES, formulas, strict=True))
        self.lines.append(Line(self.depth, text, latex))

    def _assign(self, name: str, value: _Node, index: str = "i", after: str = "") -> None:
        formulas = [f"{name}{s.gets}{self._write(value, s, index)}" for s in _STYLES]
        self._lines("", formulas, after)

    def give(self, result: _Node) -> None:
        """The last line: what is returned."""
        self._name_shared((result,))
        text, latex = (self._write(result, s, "j") for s in _STYLES)
        every = [s.math(f"j = 1, {dots}, n") for s, dots in zip(_STYLES, ("...", r"\dots"), strict=True)]
        ends = [f", {all_of_them}" if result.vector else "" for all_of_them in every]
        self.lines.append(Line(self.depth, f"return {text}{ends[0]}", rf"\textbf{{return}} ${latex}${ends[1]}"))

    def _name_shared(self, results: tuple[_Node, ...]) -> None:
        """Lines for what is used more than once, and for what always has a line, in the order in which it is made."""
        uses = Counter(a for n in {n for r in results for n in _nodes(r)} for a in n.args)
        uses.update(results)
        for result in results:
            for node in _nodes(result):
                if node in self.names or node.op in ("name", "entry", "vector"):
                    continue
                if node.op in ("max", "first", "sum") or uses[node] > 1:
                    self._name(node)

    def _name(self, node: _Node) -> None:
        if node.op in ("max", "first"):
            name = "a"
        elif node.op == "sum":
            name = "s"
        elif node.vector:
            name = "w" if node.op == "exp" else "t"
        else:
            name = "t"
        after = _ORDERS.get(node.name, "") if node.op == "sum" else ""
        if node.op == "sum" and node.args[0].dropped:
            place = [
                f"k{s.gets}{arg}" for s, arg in zip(_STYLES, ("argmax_i x_i", r"\text{argmax}_i \, x_i"), strict=True)
            ]
            self._lines("", place)
        if node.vector:
            self._assign(f"{name}_i", node)
        else:
            self._assign(name, node, after=after)
        self.names[node] = name

    def _needed(self, node: _Node) -> set[_Node]:
        """The variables that are read where the node is written."""
        if node in self.names:
            return {_Node("name", name=self.names[node])}
        return {node} if node.op == "name" else {v for a in node.args for v in self._needed(a)}

    # Formulas.

    def _write(self, node: _Node, s: _Style, index: str) -> str:
        return self._written(node, s, index)[1]

    def _written(self, node: _Node, s: _Style, index: str) -> tuple[int, str]:
        """How strongly it holds together (0 a sum, 1 a product, 2 the rest), and the formula."""
        if node in self.names:
            return 2, s.subscript(self.names[node], index) if node.vector else self.names[node]
        if node.op == "name":
            return 2, node.name
        if node.op in ("entry", "vector"):
            return 2, s.subscript("x", node.name or index)
        if node.op == "max":
            return 1, s.over("max", "i") + self._tight(node.args[0], s, "i")
        if node.op == "first":
            return 2, s.subscript("x", "1")
        if node.op == "sum":
            over = r"i \neq k" if node.args[0].dropped else "i"
            return 1, s.over("sum", over) + self._tight(node.args[0], s, "i")
        if node.op in s.binary:
            level = 0 if node.op in ("add", "sub") else 1
            left, right = (self._tight(a, s, index, level + 1) for a in node.args)
            return level, left + s.binary[node.op] + right
        told = ", ".join(self._write(a, s, index) for a in node.args)
        return 2, s.call({"maximum": "max", "minimum": "min"}.get(node.op, node.op), told)

    def _tight(self, node: _Node, s: _Style, index: str, least: int = 1) -> str:
        level, told = self._written(node, s, index)
        return f"({told})" if level < least else told


def _entry(x: _Node, index: str) -> _Node:
    return _Node("entry", name=index)


def _nodes(node: _Node) -> Iterator[_Node]:
    """What the node is made of, each after its own parts."""
    for a in node.args:
        yield from _nodes(a)
    yield node


def pseudocode(algorithm: Algorithm) -> tuple[Line, ...]:
    """The algorithm for one row x_1, ..., x_n, line by line, read off the lines that are run."""
    writer = _Writer()
    writer.give(algorithm.run(writer, _Node("vector", vector=True)))
    return tuple(writer.lines)
