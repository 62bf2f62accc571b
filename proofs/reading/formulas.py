r"""One formula in LaTeX, as a tree: a recursive descent with bounded depth, which evaluates nothing.

    expression = product { (+ | -) product }   product = factor { [* | /] factor }
    factor     = [sign] atom [^ exponent]           atom = number | name | call | group | |expression| | operator

A sum takes the product that follows it. So do log, exp and max, unless a bracket follows at once: then they take what
is in the bracket. Where people write the other thing as well (log a . b), the place is a `choice`: reading again with
that place in `flips` gives the other tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .tokens import Name, Token, Unread, group_end, read_name

__all__ = ["DEPTH_LIMIT", "POWER_LIMIT", "Binder", "Formula", "Node", "binders", "parse"]

DEPTH_LIMIT = 60
POWER_LIMIT = 64
CHAIN_LIMIT = 110
_CLOSERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}", "\\lvert": "\\rvert", "|": "|"}
_STOPS = frozenset(_CLOSERS.values()) - {"|"}


@dataclass(frozen=True, slots=True)
class Node:
    """kind and value: number, name, add, sub, mul, div, neg, power (int or None), root (int), exp, log, abs, group,
    sum, largest and least (Binder), max, min, call (word, index), at (index), delta, ones, partial (name)."""

    kind: str
    args: tuple[Node, ...] = ()
    value: Any = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Binder:
    """What stands under a sum: its letters, where they start, what they leave out, and where they end (N, N-1 or 3)."""

    letters: tuple[str, ...]
    low: int | None
    high: str | int | None
    high_less: bool
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """A tree, the places where it could be read otherwise, and what is said about them."""

    node: Node
    choices: tuple[int, ...]
    notes: tuple[str, ...]


def parse(
    some: list[Token],
    end: int,
    callable_name: Callable[[str], bool],
    spend: Callable[[int], None],
    flips: frozenset[int] = frozenset(),
) -> Formula:
    """The tree of the tokens, which end at offset `end`; raises Unread. `spend` is told how many tokens there are."""
    spend(len(some) + 1)
    _balanced(some, end)
    parser = _Parser(list(some), end, callable_name, flips)
    node = parser.expression()
    if parser.pos < len(parser.tokens):
        parser.fail(f"{parser.shown()} is not expected")
    _shallow(node, end)
    return Formula(node, tuple(parser.choices), tuple(parser.notes))


def _shallow(node: Node, end: int) -> None:
    """Raises Unread for a long chain like a + b + c + ..: its tree is as deep as it is long."""
    level, depth = [node], 0
    while level:
        depth += 1
        if depth > CHAIN_LIMIT:
            raise Unread(end, f"more than {CHAIN_LIMIT} operations follow one another")
        level = [a for n in level for a in n.args]


def binders(some: list[Token]) -> Iterator[Binder]:
    """What is understood of the bounds under every sum and maximum."""
    for n, token in enumerate(some):
        if token.kind == "macro" and token.text in ("\\sum", "\\max", "\\min"):
            parser = _Parser(some[n + 1 : n + 60], token.end, lambda _: False, frozenset())
            try:
                yield parser.binder(token)
            except Unread:
                continue


def _balanced(some: list[Token], end: int) -> None:
    opened: list[int] = []
    for token in some:
        if token.text == "{" and token.kind == "symbol":
            opened.append(token.at)
        elif token.text == "}" and token.kind == "symbol":
            if not opened:
                raise Unread(token.at, "a brace is closed that was not opened")
            opened.pop()
    if opened:
        raise Unread(min(opened[-1], end), "a brace is not closed")


@dataclass(slots=True)
class _Parser:
    tokens: list[Token]
    end: int
    callable_name: Callable[[str], bool]
    flips: frozenset[int]
    pos: int = 0
    depth: int = 0
    bars: int = 0
    choices: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    # Tokens.

    def fail(self, reason: str, at: int | None = None) -> Any:
        here = self.tokens[self.pos].at if self.pos < len(self.tokens) else self.end
        raise Unread(here if at is None else at, reason)

    def kind(self) -> str:
        return self.tokens[self.pos].kind if self.pos < len(self.tokens) else ""

    def text(self, ahead: int = 0) -> str:
        """The symbol, relation or macro that comes next; a letter or text does not count as one."""
        n = self.pos + ahead
        return self.tokens[n].text if n < len(self.tokens) and self.tokens[n].kind in _SYNTAX else ""

    def shown(self) -> str:
        if self.pos >= len(self.tokens):
            return "the end"
        token = self.tokens[self.pos]
        return {"text": f"\\text{{{token.text[:30]}}}", "gap": "a gap"}.get(token.kind, token.text[:30])

    def take(self, text: str) -> bool:
        if self.text() != text:
            return False
        self.pos += 1
        return True

    def need(self, text: str) -> None:
        if not self.take(text):
            self.fail(f"{text} is missing before {self.shown()}")

    def down(self, by: int = 1) -> None:
        self.depth += by
        if self.depth > DEPTH_LIMIT:
            self.fail(f"the formula is nested deeper than {DEPTH_LIMIT}")

    def choose(self, at: int, note: str) -> bool:
        """Whether the other reading is wanted here."""
        if at not in self.choices:
            self.choices.append(at)
            self.notes.append(note)
        return at in self.flips

    # Sums and products.

    def expression(self) -> Node:
        left = self.product()
        while self.text() in ("+", "-"):
            at, op = self.tokens[self.pos].at, "add" if self.text() == "+" else "sub"
            self.pos += 1
            right = self.product()
            total = _open_sum(left)
            if total is not None and _speaks_of(right, total.value.letters):
                said = (
                    f"the sum over {total.value.letters[0]} is read as ending before the {'+' if op == 'add' else '-'}"
                )
                if self.choose(at, said):
                    left = _with_open_sum(left, Node(op, (total.args[0], right), None, at))
                    continue
            left = Node(op, (left, right), None, at)
        return left

    def product(self, until_log: bool = False) -> Node:
        return self.times(self.factor(), until_log)

    def times(self, left: Node, until_log: bool = False) -> Node:
        while self.continues() and not (until_log and self.text(self.text() == "*") in ("\\log",)):
            at, op = self.tokens[self.pos].at, "div" if self.text() == "/" else "mul"
            if self.text() in ("*", "/"):
                self.pos += 1
            elif left.kind == "number" and self.kind() == "number":
                self.fail("two numbers stand side by side")
            right = self.factor()
            if op == "div" and self.starts() and self.choose(at, "a / b c is read as (a / b) c"):
                while self.starts():
                    right = Node("mul", (right, self.factor()), None, at)
            left = Node(op, (left, right), None, at)
        return left

    def continues(self) -> bool:
        return self.text() in ("*", "/") or self.starts()

    def starts(self) -> bool:
        """Whether another factor begins here."""
        if self.kind() in ("number", "name", "word", "ones", "text", "bad", "begin", "end"):
            return True
        text = self.text()
        if text == "|":
            return self.bars == 0
        return text in ("(", "[", "\\{", "{", "\\lvert") or (self.kind() == "macro")

    def factor(self) -> Node:
        self.down()
        if self.text() in ("+", "-"):
            at, minus = self.tokens[self.pos].at, self.text() == "-"
            self.pos += 1
            inner = self.product() if self.depth_of_sign() else self.factor()
            self.depth -= 1
            return Node("neg", (inner,), None, at) if minus else inner
        node = self.raised(self.atom())
        self.depth -= 1
        return node

    def depth_of_sign(self) -> bool:
        """Whether the sign stood first in its sum, so that it belongs to the product and not to the factor."""
        before = self.tokens[self.pos - 2] if self.pos >= 2 else None
        return before is None or before.text in ("(", "[", "{", "\\{", "|", "\\lvert", ",", "+", "-")

    # Powers and subscripts of groups.

    def raised(self, node: Node) -> Node:
        while self.text() in ("^", "_", "'", "!"):
            at, mark = self.tokens[self.pos].at, self.text()
            if mark == "_" and node.kind in ("group", "call") and (node.kind == "group" or node.value[1] is None):
                name, self.pos = read_name(self.tokens, self.pos - 1)
                node = Node("at", (node,), self.index_of(name, at), at)
                continue
            if mark == "_" and node.kind == "power" and node.args[0].kind == "name" and node.args[0].value.full != "e":
                base = node.args[0].value
                name, self.pos = read_name(self.tokens, self.pos - 1)
                if not base.parts and not base.label:
                    inner = Node("name", (), Name(base.base, name.parts, name.label), node.args[0].at)
                    node = Node("power", (inner, *node.args[1:]), node.value, node.at)
                    continue
            if mark != "^":
                self.fail(f"{mark} is not understood here")
            if node.kind in ("power", "root") or (node.kind == "exp" and node.value == "e^"):
                self.fail("two exponents in a row: which one is meant?")
            self.pos += 1
            node = self.power(node, at)
        return node

    def index_of(self, name: Name, at: int) -> str:
        if len(name.parts) != 1:
            self.fail("one index is needed here", at)
        return name.parts[0]

    def power(self, base: Node, at: int) -> Node:
        label = self.tokens[self.pos + 1 : self.pos + 4] if self.text() == "{" else []
        shape = [t.text if t.kind == "symbol" else t.kind for t in label]
        if base.kind == "name" and base.value.full != "e" and shape in (["(", "name", ")"], ["(", "number", ")"]):
            self.fail("a superscript in brackets is not understood: is it a power or a label?")
        if self.kind() == "number" and len(self.tokens[self.pos].text) > 1 and self.tokens[self.pos].text.isdigit():
            self.fail("the exponent needs braces: only its first digit would be raised")
        if self.text() in ("+", "-"):
            self.fail("the exponent is only a sign: braces are missing")
        if self.kind() == "macro" and self.text() in ("\\top", "\\intercal", "\\dagger", "\\circ"):
            self.fail(f"{self.text()} as an exponent is not understood")
        exponent = self.argument()
        if base.kind == "name" and base.value.full == "e":
            return Node("exp", (exponent,), "e^", at)
        literal = _literal(exponent)
        if literal is not None and literal.denominator == 1:
            if abs(literal) > POWER_LIMIT:
                self.fail(f"the exponent {literal} is larger than {POWER_LIMIT}", at)
            return Node("power", (base,), int(literal), at)
        if literal is not None and literal.numerator == 1 and literal.denominator <= POWER_LIMIT:
            return Node("root", (base,), literal.denominator, at)
        return Node("power", (base, exponent), None, at)

    def argument(self) -> Node:
        """A group in braces, or the one sign that LaTeX takes without them."""
        if self.take("{"):
            node = self.expression()
            self.need("}")
            return node
        token = self.tokens[self.pos] if self.pos < len(self.tokens) else self.fail("an argument is missing")
        if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            rest = Token("number", token.text[1:], token.at + 1, token.end)
            self.tokens[self.pos : self.pos + 1] = [Token("number", token.text[0], token.at, token.at + 1), rest]
            token = self.tokens[self.pos]
        if token.kind == "name":
            self.pos += 1
            return Node("name", (), Name(token.text), token.at)
        if token.kind not in ("number", "macro"):
            self.fail(f"an argument is missing before {self.shown()}")
        self.down()
        node = self.atom()
        self.depth -= 1
        return node

    # What has parts of its own.

    def atom(self) -> Node:
        if self.pos >= len(self.tokens):
            self.fail("the formula ends where something should follow")
        token = self.tokens[self.pos]
        if token.kind == "number":
            self.pos += 1
            return Node("number", (), Fraction(token.text), token.at)
        if token.kind in ("name", "word"):
            return self.named(token)
        if token.kind == "ones":
            self.pos += 1
            return self.ones(token)
        if token.kind in ("bad", "text", "begin", "end"):
            reason = {"bad": token.text, "text": f"the text {token.text[:30]!a} is not expected"}
            self.fail(reason.get(token.kind, f"\\{token.kind}{{{token.text}}} is not understood"))
        if token.kind == "macro":
            return self.operator(token)
        if self.text() in ("|", "\\lvert"):
            self.pos += 1
            outside, self.bars = self.bars, self.bars + (token.text == "|")
            node = Node("abs", (self.expression(),), None, token.at)
            self.need(_CLOSERS[token.text])
            self.bars = outside
            return node
        if self.text() in _CLOSERS:
            before = self.tokens[self.pos - 1] if self.pos else None
            operand = before is not None and (
                before.kind in ("name", "number", "word") or before.text in (")", "]", "}")
            )
            if self.text() == "{" and self.text(1) in ("+", "-") and operand:
                self.fail("a group that begins with a sign stands beside something else")
            if self.text() == "[" and self.text(2) in ("=", "\\neq"):
                return self.iverson("[", "]")
            return Node("group", tuple(self.bracket(one=True)), None, token.at)
        raise Unread(token.at, f"{self.shown()} is not expected")

    def bracket(self, one: bool = False) -> list[Node]:
        """What is in the brackets that open here, separated by commas."""
        opener = self.text()
        if opener not in _CLOSERS:
            self.fail(f"a bracket is missing before {self.shown()}")
        self.pos += 1
        outside, self.bars = self.bars, 0
        inner = [self.expression()]
        while not one and self.take(","):
            inner.append(self.expression())
        self.need(_CLOSERS[opener])
        self.bars = outside
        return inner

    def named(self, token: Token) -> Node:
        name, self.pos = read_name(self.tokens, self.pos)
        if name.base == "\\delta" and len(name.parts) == 2:
            return Node("delta", (), name.parts, token.at)
        if name.full == "e" and not name.parts:
            return Node("name", (), name, token.at)
        if self.text() in ("(", "[", "\\{") and (token.kind == "word" or self.callable_name(name.base)):
            if name.label:
                self.fail(f"{name.full} is not known", token.at)
            args = self.bracket()
            index = name.parts[0] if name.parts else None
            if self.text() == "_":
                at = self.tokens[self.pos].at
                after, self.pos = read_name(self.tokens, self.pos - 1)
                index = self.index_of(after, at)
            return Node("call", tuple(args), (name.base, index), token.at)
        if token.kind == "word" and self.starts() and not (self.kind() == "symbol" and self.text() in ("|",)):
            self.fail(f"{name.base} is not known, and what follows it is no bracket", token.at)
        return Node("name", (), name, token.at)

    def ones(self, token: Token) -> Node:
        braces = self.text() == "_" and self.text(1) == "{"
        if self.text() in ("[", "\\{") or (self.text() == "(" and self.text(2) in ("=", "\\neq")):
            return self.iverson(self.text(), _CLOSERS[self.text()])
        if braces:
            self.pos += 1
            inner = self.text(1) in ("[", "\\{", "(")
            self.pos += inner
            node = self.iverson(self.text(), _CLOSERS[self.text()])
            if inner:
                self.need("}")
            return node
        return Node("ones", (), None, token.at)

    def iverson(self, opener: str, closer: str) -> Node:
        """[i = j]: 1 if it is so, else 0."""
        at = self.tokens[self.pos].at
        self.need(opener)
        left, relation, right = self.letter(), self.text(), ""
        if relation not in ("=", "\\neq"):
            self.fail("only i = j and i \\neq j are understood here")
        self.pos += 1
        right = self.letter()
        self.need(closer)
        node = Node("delta", (), (left, right), at)
        return node if relation == "=" else Node("sub", (Node("number", (), Fraction(1), at), node), None, at)

    def letter(self) -> str:
        if self.kind() not in ("name", "number"):
            self.fail(f"an index is missing before {self.shown()}")
        self.pos += 1
        return self.tokens[self.pos - 1].text

    def operator(self, token: Token) -> Node:
        name = token.text
        self.pos += 1
        if name in ("\\log", "\\exp"):
            return self.function(name[1:], token)
        if name == "\\sum":
            binder = self.binder(token)
            return Node("sum", (self.product(),), binder, token.at)
        if name in ("\\max", "\\min"):
            return self.extreme(name[1:], token)
        if name == "\\frac":
            return self.fraction(token)
        if name == "\\sqrt":
            root = 2
            if self.take("["):
                if self.kind() != "number" or not self.tokens[self.pos].text.isdigit():
                    self.fail("the root is not a number")
                root = int(self.tokens[self.pos].text)
                if not 1 <= root <= POWER_LIMIT:
                    self.fail(f"only roots up to {POWER_LIMIT} are understood")
                self.pos += 1
                self.need("]")
            return Node("root", (self.argument(),), root, token.at)
        if name == "\\partial":
            self.fail("\\partial is understood only as \\frac{\\partial}{\\partial x_k}", token.at)
        if name in ("\\dots", "\\ldots", "\\cdots"):
            self.fail(f"{name} is not understood: write a sum", token.at)
        raise Unread(token.at, f"{name} is not known")

    def function(self, name: str, token: Token) -> Node:
        exponent, base = None, None
        for _ in range(2):
            if self.take("^"):
                exponent = _literal(self.argument())
                if name == "exp" or exponent is None or exponent.denominator != 1 or not 0 < exponent <= POWER_LIMIT:
                    self.fail(f"the exponent of \\{name} is not understood")
            elif self.take("_"):
                base = self.argument()
                if name == "exp":
                    self.fail("the subscript of \\exp is not understood")
        node = Node(name, (self.operand(name, token),), None, token.at)
        if base is not None and not (base.kind == "name" and base.value.full == "e"):
            node = Node("div", (node, Node("log", (base,), None, token.at)), None, token.at)
        return node if exponent is None else Node("power", (node,), int(exponent), token.at)

    def operand(self, name: str, token: Token) -> Node:
        """What log, exp or max is applied to: the bracket that follows at once, or the product that follows."""
        if self.text() in ("(", "[", "\\{", "{"):
            at = self.pos
            (node,) = self.bracket(one=True)
            if self.text() == "^" and self.choose(
                token.at, f"{name} (a)^b is read as ({name} a)^b, for brackets follow"
            ):
                self.pos = at
                return self.factor()
            return node
        first = self.factor()
        if not self.continues() or self.text(self.text() == "*") == "\\log":
            return first
        if self.choose(token.at, f"{name} a b is read as {name} (a b)"):
            return first
        return self.times(first, until_log=True)

    def extreme(self, name: str, token: Token) -> Node:
        if self.text() in ("_", "^"):
            binder = self.binder(token)
            return Node("largest" if name == "max" else "least", (self.operand(name, token),), binder, token.at)
        if self.text() in ("(", "[", "\\{", "{"):
            return Node(name, tuple(self.bracket()), None, token.at)
        return Node(name, (self.factor(),), None, token.at)

    def fraction(self, token: Token) -> Node:
        if self.text() == "{" and self.text(1) == "\\partial":
            self.pos += 2
            inner = None if self.text() == "}" else self.expression()
            self.need("}")
            self.need("{")
            self.need("\\partial")
            if self.kind() != "name":
                self.fail("a derivative is by one entry of a vector")
            name, self.pos = read_name(self.tokens, self.pos)
            self.need("}")
            return Node("partial", (inner if inner is not None else self.product(),), name, token.at)
        start = self.pos
        top = self.by_a_scalar()
        above = self.argument()
        if self.by_a_scalar() and top:
            self.fail("a derivative by a scalar is not understood", self.tokens[start].at)
        return Node("div", (above, self.argument()), None, token.at)

    def by_a_scalar(self) -> bool:
        """Whether {d}, {d y} or {dx} stands here."""
        inner = self.tokens[self.pos + 1 : group_end(self.tokens, self.pos) - 1][:4] if self.text() == "{" else []
        return 0 < len(inner) < 3 and inner[0].text in ("d", "\\mathrm{d}") and all(t.kind == "name" for t in inner)

    # What stands under a sum.

    def group(self) -> list[Token]:
        stop = group_end(self.tokens, self.pos)
        inner = self.tokens[self.pos : stop]
        self.pos = stop
        return inner[1:-1] if inner and inner[0].text == "{" else inner

    def binder(self, token: Token) -> Binder:
        below: list[Token] = []
        above: list[Token] = []
        for _ in range(2):
            if self.take("_"):
                below = [t for t in self.group() if t.text not in ("{", "}")]
            elif self.take("^"):
                above = [t for t in self.group() if t.text not in ("{", "}")]
        try:
            return _binder(below, above)
        except ValueError as reason:
            return self.fail(str(reason), token.at)  # type: ignore[no-any-return]


_SYNTAX = ("symbol", "relation", "macro")


def _open_sum(node: Node) -> Node | None:
    """The sum with which the written term ends, so that what follows might be meant to be in it."""
    while node.kind in ("mul", "neg"):
        node = node.args[-1]
    return node if node.kind == "sum" else None


def _with_open_sum(node: Node, body: Node) -> Node:
    if node.kind == "sum":
        return Node(node.kind, (body,), node.value, node.at)
    return Node(node.kind, (*node.args[:-1], _with_open_sum(node.args[-1], body)), node.value, node.at)


def _speaks_of(node: Node, letters: tuple[str, ...]) -> bool:
    """Whether the node has one of the letters as a free index."""
    if node.kind in ("sum", "largest", "least"):
        letters = tuple(letter for letter in letters if letter not in node.value.letters)
    own = node.kind == "name" and len(node.value.parts) == 1 and node.value.parts[0] in letters
    return own or any(_speaks_of(a, letters) for a in node.args)


def _literal(node: Node) -> Fraction | None:
    """The number that an exponent like 2, -1, {(2)}, 1/2 or \\frac{1}{2} is."""
    if node.kind == "group":
        return _literal(node.args[0])
    if node.kind == "number":
        return node.value  # type: ignore[no-any-return]
    if node.kind == "neg":
        inner = _literal(node.args[0])
        return None if inner is None else -inner
    if node.kind == "div":
        above, under = _literal(node.args[0]), _literal(node.args[1])
        return above / under if above is not None and under else None
    return None


def _binder(below: list[Token], above: list[Token]) -> Binder:
    """The bounds; raises ValueError where they are not 1 .. N up to an entry, or two numbers."""
    letters: list[str] = []
    left_out: list[tuple[str, str]] = []
    low: int | None = None
    high, less = _upper([t.text for t in above])
    pieces = _pieces(below)
    if len(pieces) == 3 and [t.text for t in pieces[1]] in (["\\dots"], ["\\ldots"], ["\\cdots"]) and high is None:
        high, less = _upper([t.text for t in pieces[2]])
        pieces = pieces[:1]
    for piece in pieces:
        words = [t.text for t in piece]
        kinds = [t.kind for t in piece]
        if kinds == ["name"]:
            letters.append(words[0])
        elif len(words) == 3 and words[1] == "=" and kinds[0] == "name" and words[2].isdigit() and len(words[2]) < 9:
            letters.append(words[0])
            low = int(words[2])
        elif len(words) == 3 and words[1] == "\\neq" and kinds[0] == "name" and kinds[2] in ("name", "number"):
            letters += [words[0]] if words[0] not in letters else []
            left_out.append((words[0], words[2]))
        elif len(words) > 3 and words[1] == "\\in" and kinds[0] == "name" and high is None:
            letters.append(words[0])
            high, less = _upper(_set(words[2:]))
        elif len(words) >= 5 and words[1] == words[3] == "<=" and kinds[2] == "name" and words[0].isdigit():
            letters.append(words[2])
            low = int(words[0][:9])
            high, less = _upper(words[4:])
        else:
            raise ValueError(f"what the index runs over is not understood: {' '.join(words)[:60]}")
    if not letters:
        raise ValueError("the index is not named")
    if len(set(letters)) < len(letters):
        raise ValueError("one index is named twice")
    if isinstance(high, int) and low is None:
        raise ValueError("it is not said where the index starts")
    return Binder(tuple(letters), low, high, less, tuple(left_out))


def _pieces(some: list[Token]) -> list[list[Token]]:
    pieces: list[list[Token]] = [[]]
    depth = 0
    for token in some:
        depth += (token.text in ("[", "\\{", "(")) - (token.text in ("]", "\\}", ")"))
        if token.text == "," and depth == 0:
            pieces.append([])
        elif token.kind != "gap":
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _set(words: list[str]) -> list[str]:
    """The upper end of [N] or of {1, ..., N}."""
    if words[0] == "[" and words[-1] == "]":
        return words[1:-1]
    if words[0] == "\\{" and words[-1] == "\\}" and words[1:3] == ["1", ","] and words[-3] == ",":
        return words[-2:-1]
    raise ValueError("what the index runs over is not understood: a set")


def _upper(words: list[str]) -> tuple[str | int | None, bool]:
    if not words:
        return None, False
    if len(words) == 1 and words[0].isdigit() and len(words[0]) < 9:
        return int(words[0]), False
    if words[0].lstrip("\\").isalpha() and words[1:] in ([], ["-", "1"]):
        return words[0], len(words) > 1
    raise ValueError(f"the upper end is not understood: {' '.join(words)[:60]}")
