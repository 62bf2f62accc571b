"""From the tree of a formula to a term: what each letter means in this document, with definitions written out.

While a term is made, a bound index is a free one with a name that no document can write (it holds a "#"); a sum binds
it at once when its body is done. So every term that is passed around is closed, and a definition cannot capture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..terms import COUNT, ONE, ZERO, Vector, absolute, delta, exp, largest, log, maximum, number, partial, power, total
from ..terms import variable as variable_term
from ..trusted import Free, Index, Term, bound_index, holds, nodes, opened
from .formulas import Binder, Node
from .tokens import Name, Unread

__all__ = ["HOLE", "Definition", "Function", "Meanings", "Reading", "is_index_letter", "replaced_names"]

TERM_LIMIT = 4_000  # nodes of one side
TERM_DEPTH = 120
WORK_LIMIT = 250_000  # nodes made or copied for one document
LINE_WORK_LIMIT = 50_000
HOLE = Free("#entry")
_CONCRETE_LIMIT = 64
_COPIES_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Definition:
    """What a letter stands for; for a vector the entry at `#entry`. sizes are the letters for N in it."""

    term: Term
    sizes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Function:
    """f(x, ..): the term in variables #0, #1, .. or vectors #0, ..; a vector-valued one gives its entry at `#entry`."""

    vectors: tuple[bool, ...]
    term: Term
    gives_vector: bool
    sizes: frozenset[str] = frozenset()


def is_index_letter(text: str) -> bool:
    return len(text) == 1 and "a" <= text <= "z"


def _known_functions() -> dict[str, Function]:
    x, j, t = Vector("#0"), Free("#j"), variable_term("#0")
    lse = log(total(j, exp(x[j])))
    softmax = exp(x[HOLE]) / total(j, exp(x[j]))
    found = {name: Function((True,), lse, False) for name in ("LSE", "lse", "logsumexp", "log_sum_exp")}
    found |= {name: Function((True,), softmax, True) for name in ("softmax", "Softmax")}
    found |= {name: Function((True,), log(softmax), True) for name in ("log_softmax", "logsoftmax", "LogSoftmax")}
    found |= {name: Function((False,), ONE / (1 + exp(-t)), False) for name in ("\\sigma", "sigmoid")}
    return found | {"softplus": Function((False,), log(1 + exp(t)), False)}


@dataclass(slots=True)
class Meanings:
    """What the document has said so far."""

    sizes: frozenset[str]
    zero_based: bool
    vectors: set[str]
    aliases: dict[str, str]
    heads: frozenset[str]  # functions that the document defines somewhere
    scalars: dict[str, Definition] = field(default_factory=dict)
    entries: dict[str, Definition] = field(default_factory=dict)
    single: dict[tuple[str, str], Definition] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)  # letters whose definition was not understood
    doubles: dict[str, int] = field(default_factory=dict)
    known: dict[str, Function] = field(default_factory=_known_functions)
    work: int = 0
    line_work: int = 0

    def spend(self, nodes: int) -> None:
        """Raises Unread when a line or the document has used up its share of work."""
        self.work += nodes
        self.line_work += nodes
        if self.line_work > LINE_WORK_LIMIT:
            raise Unread(-1, "the line is too large when it is written out")
        if self.work > WORK_LIMIT:
            raise Unread(-1, "the document is too large: this line was not read")


def size(t: Term) -> int:
    """How many nodes the term has; raises Unread when there are too many or they are too deep."""
    count, stack = 0, [(t, 1)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > TERM_LIMIT:
            raise Unread(-1, f"one side has more than {TERM_LIMIT} operations when definitions are written out")
        if depth > TERM_DEPTH:
            raise Unread(-1, f"one side has more than {TERM_DEPTH} operations inside each other")
        stack += [(a, depth + 1) for a in node.args]
    return count


def replaced_names(t: Term, variables: dict[str, Term], vectors: dict[str, Term]) -> Term:
    """The term with variables and vectors replaced by closed terms; a vector's term gives its entry at `#entry`."""
    value = t.value
    if t.op == "variable" and value in variables:
        return variables[value]
    if t.op == "entry" and value[0] in vectors:
        return opened(bound_index(vectors[value[0]], HOLE), value[1])
    if t.op == "derivative" and value[0] in vectors:
        new = vectors[value[0]]
        if new.op != "entry" or new.value[1] != HOLE:
            raise Unread(-1, "a derivative by what is not a vector's entry is not understood")
        value = (new.value[0], value[1])
    return Term(t.op, tuple(replaced_names(a, variables, vectors) for a in t.args), value)


@dataclass(slots=True)
class Reading:
    """The reading of one line: which indices are bound, and which letters were met."""

    meanings: Meanings
    line_bound: frozenset[str]  # letters that some sum of the line binds
    bound: dict[str, Free | int] = field(default_factory=dict)
    met_free: set[str] = field(default_factory=set)
    met_bound: set[str] = field(default_factory=set)
    met_plain: set[str] = field(default_factory=set)
    every_free: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    fresh: int = 0
    copies: int = 1

    def side(self, node: Node, at: Index | None = None) -> Term:
        """The term of one side of a relation, at one index if it is a vector; raises Unread."""
        t = self.term(node, at)
        self.meanings.spend(size(t))
        for letter in sorted(self.met_plain & self.every_free):
            raise Unread(node.at, f"the index {letter} is used as a number")
        if len(self.sizes) > 1:
            raise Unread(node.at, f"two different sizes {' and '.join(sorted(self.sizes))} in one line")
        return t

    # Names.

    def name(self, name: Name) -> Name:
        base = self.meanings.aliases.get(name.base, name.base)
        return Name(base, name.parts, name.label)

    def index(self, letter: str, at: int) -> Index:
        if letter in self.bound:
            found = self.bound[letter]
            return Free(str(found)) if isinstance(found, int) else found
        if not (is_index_letter(letter) or letter.isdigit() or letter in self.meanings.sizes):
            raise Unread(at, f"{letter} is not an index here")
        if not letter.isdigit():
            self.met_free.add(letter)
            self.every_free.add(letter)
        return Free(letter)

    def resolved(self, name: Name, at: int) -> tuple[str, str | None]:
        """(letter, index) of an entry, or (letter, None) of a number or a whole vector."""
        if name.label:
            letters = [w for w in self.bound if w in name.label.replace("\\", " \\")]
            if letters and any(c in name.label for c in "+-*/"):
                raise Unread(at, f"{name.full} under a sum over {letters[0]} is not understood")
            return name.full, None
        if len(name.parts) == 1:
            (part,) = name.parts
            free = part.isdigit() or (is_index_letter(part) and part not in self.meanings.sizes)
            entry = part in self.bound or free or name.base in self.meanings.vectors
            return (name.base, part) if entry else (name.written, None)
        if len(name.parts) == 2:
            return self.double(name, at)
        return name.base, None

    def double(self, name: Name, at: int) -> tuple[str, str | None]:
        for letters in (self.bound.keys(), self.line_bound):
            runs = [n for n, part in enumerate(name.parts) if part in letters]
            if len(runs) == 2:
                raise Unread(at, f"{name.written} has two indices: only vectors are understood, no matrices")
            if runs:
                break
        else:
            runs = [self.meanings.doubles[name.base]] if name.base in self.meanings.doubles else []
        if not runs:
            return name.written, None
        if self.meanings.doubles.setdefault(name.base, runs[0]) != runs[0]:
            raise Unread(at, f"{name.written} has two indices: only vectors are understood, no matrices")
        other = name.parts[1 - runs[0]]
        return f"{name.base}_{{{other}}}" if runs[0] else f"{name.base}_{{·,{other}}}", name.parts[runs[0]]

    def read_name(self, node: Node, at: Index | None) -> Term:
        name = self.name(node.value)
        if name.full == "e" and not name.parts:
            return exp(ONE)
        letter, part = self.resolved(name, node.at)
        if part is None and (letter in self.meanings.functions or letter in self.meanings.heads):
            raise Unread(node.at, f"{letter} is a function and stands here without its argument")
        m = self.meanings
        counted = (
            {p for p in name.parts if p in m.sizes and p not in self.bound} if name.base not in m.vectors else set()
        )
        counted |= {n for n in m.sizes if n in name.label and any(c in name.label for c in "+-")}
        if counted and letter not in m.scalars:
            raise Unread(node.at, f"{name.written} depends on the number of entries, which is not understood")
        if part == "0" and not self.meanings.zero_based:
            raise Unread(node.at, f"{name.written} is outside of the entries 1 .. N")
        if letter in self.meanings.lost:
            raise Unread(node.at, f"{letter} is used, but its definition was not understood")
        if part is not None:
            return self.entry(letter, self.index(part, node.at))
        if letter in self.bound:
            found = self.bound[letter]
            if isinstance(found, int):
                return number(found)
            raise Unread(node.at, f"the index {letter} is used as a number")
        if letter in self.meanings.scalars:
            return self.written_out(self.meanings.scalars[letter])
        if letter in self.meanings.sizes:
            self.sizes.add(letter)
            return COUNT
        if letter in self.meanings.vectors or letter in self.meanings.entries:
            if at is None:
                raise Unread(node.at, f"{letter} is a vector: which of its entries is meant here?")
            return self.entry(letter, at)
        self.met_plain.add(letter)
        return variable_term(letter)

    def entry(self, vector: str, index: Index) -> Term:
        m = self.meanings
        if vector in m.entries:
            return opened(bound_index(self.written_out(m.entries[vector]), HOLE), index)
        if isinstance(index, Free) and (vector, index.name) in m.single:
            return self.written_out(m.single[vector, index.name])
        return Vector(vector)[index]

    def written_out(self, definition: Definition) -> Term:
        self.sizes |= definition.sizes
        self.meanings.spend(size(definition.term))
        return definition.term

    # Vectors.

    def is_vector(self, node: Node) -> bool:
        """Whether the node gives a number for every index."""
        m = self.meanings
        m.spend(1)
        if node.kind == "name":
            name = self.name(node.value)
            letter = name.full if not name.parts else ""
            return (letter in m.vectors or letter in m.entries) and letter not in m.sizes and letter not in m.scalars
        if node.kind == "ones":
            return True
        if node.kind in ("at", "delta", "max", "min") and (node.kind not in ("max", "min") or len(node.args) == 1):
            return False
        if node.kind == "call":
            word, index = node.value
            function = m.functions.get(word) or m.known.get(word)
            if index is not None or function is None:
                return False
            return function.gives_vector or any(
                self.is_vector(a) for a, v in zip(node.args, function.vectors, strict=False) if not v
            )
        return any(self.is_vector(a) for a in node.args)

    # Terms.

    def term(self, node: Node, at: Index | None) -> Term:
        self.meanings.spend(1)
        match node.kind:
            case "number":
                return number(node.value)
            case "name":
                return self.read_name(node, at)
            case "group":
                return self.term(node.args[0], at)
            case "at":
                return self.term(node.args[0], self.index(node.value, node.at))
            case "delta":
                i, j = (self.index(letter, node.at) for letter in node.value)
                return delta(i, j)
            case "ones":
                return ONE
            case "sum" | "largest" | "least":
                return self.over(node, at)
            case "call":
                return self.call(node, at)
            case "partial":
                return self.derivative(node, at)
            case "max" | "min":
                return self.extreme(node, at)
            case "mul" | "div" | "power" | "root":
                return self.arithmetic(node, at)
        args = [self.term(a, at) for a in node.args]
        if node.kind in ("add", "sub"):
            return args[0] + args[1] if node.kind == "add" else args[0] - args[1]
        one: dict[str, Callable[[Term], Term]] = {"neg": lambda t: -t, "exp": exp, "log": log, "abs": absolute}
        return one[node.kind](args[0])

    def arithmetic(self, node: Node, at: Index | None) -> Term:
        if node.kind == "mul":
            if any(a.kind == "ones" for a in node.args):
                return self.term(node.args[node.args[0].kind == "ones"], at)
            if all(self.is_vector(a) for a in node.args):
                raise Unread(node.at, "a product of two vectors is not understood")
        args = [self.term(a, at) for a in node.args]
        if node.kind in ("mul", "div"):
            return args[0] * args[1] if node.kind == "mul" else args[0] / args[1]
        if node.kind == "root":
            return args[0] if node.value == 1 else exp(log(args[0]) / node.value)
        if node.value is not None:
            return power(args[0], node.value)
        counts = {"n", "m", "k", "N", "M", "K"}
        if not holds("<", ZERO, args[0], ()) and any(
            t.op == "count" or (t.op == "variable" and t.value in counts) for t in nodes(args[1])
        ):
            raise Unread(
                node.at, "a power with a whole number for a letter is understood only of what is plainly positive"
            )
        return exp(args[1] * log(args[0]))

    def extreme(self, node: Node, at: Index | None) -> Term:
        least = node.kind == "min"
        if len(node.args) == 1:
            if not self.is_vector(node.args[0]):
                raise Unread(node.at, f"\\{node.kind} of one number: over which index?")
            i = self.new_index()
            t = self.term(node.args[0], i)
            self.meanings.spend(size(t))
            return -largest(i, -t) if least else largest(i, t)
        args = [self.term(a, at) for a in node.args]
        found = -args[0] if least else args[0]
        for t in args[1:]:
            found = maximum(found, -t if least else t)
        return -found if least else found

    def new_index(self) -> Free:
        self.fresh += 1
        return Free(f"#{self.fresh}")

    def derivative(self, node: Node, at: Index | None) -> Term:
        letter, part = self.resolved(self.name(node.value), node.at)
        if part is None:
            raise Unread(node.at, "a derivative by a scalar is not understood, only by an entry of a vector")
        if letter in self.meanings.entries or (letter, part) in self.meanings.single:
            raise Unread(node.at, f"a derivative by {letter}, which is defined, is not understood")
        return partial(self.term(node.args[0], at), Vector(letter), self.index(part, node.at))

    def call(self, node: Node, at: Index | None) -> Term:
        word, index = node.value
        m = self.meanings
        function = m.functions.get(word)
        if function is None and word in m.heads:
            raise Unread(node.at, f"{word} is used before it is defined")
        if function is None:
            function = m.known.get(word)
            if function is None:
                raise Unread(node.at, f"{word} is used, but it is defined nowhere before")
            if word == "\\sigma" and (index is not None or any(self.is_vector(a) for a in node.args)):
                raise Unread(node.at, "\\sigma of a vector may be softmax or sigmoid: it is defined nowhere before")
            self.note(f"{word} has its usual meaning")
        if len(node.args) != len(function.vectors):
            raise Unread(node.at, f"{word} takes {len(function.vectors)} arguments, not {len(node.args)}")
        here = at if index is None else self.index(index, node.at)
        scalars, vectors = {}, {}
        for n, (a, is_vector) in enumerate(zip(node.args, function.vectors, strict=True)):
            if is_vector and not self.is_vector(a):
                raise Unread(node.at, f"{word} needs a vector here")
            if is_vector:
                vectors[f"#{n}"] = self.term(a, HOLE)
            else:
                scalars[f"#{n}"] = self.term(a, here)
        self.sizes |= function.sizes
        for t in (function.term, *scalars.values(), *vectors.values()):
            self.meanings.spend(size(t))
        # The hole of the function is renamed, for an argument may stand at the entry of an outer function.
        own, body = self.new_index(), function.term
        if function.gives_vector:
            if here is None:
                raise Unread(node.at, f"{word} gives a vector: which of its entries is meant here?")
            body = opened(bound_index(body, HOLE), own)
        count = sum(1 for n in nodes(body) if n.op in ("entry", "variable") and str(_first(n)).startswith("#"))
        self.meanings.spend(count * sum(size(t) for t in (*scalars.values(), *vectors.values())))
        found = replaced_names(body, scalars, vectors)
        return opened(bound_index(found, own), here) if here is not None and function.gives_vector else found

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def over(self, node: Node, at: Index | None) -> Term:
        b: Binder = node.value
        if b.high is not None and not isinstance(b.high, int):
            if b.high not in self.meanings.sizes:
                raise Unread(node.at, f"the upper end {b.high} is not understood")
            self.sizes.add(b.high)
        if isinstance(b.high, int):
            return self.concrete(node, at)
        outer = dict(self.bound)
        indices = [self.new_index() for _ in b.letters]
        self.met_bound |= set(b.letters)
        self.bound |= dict(zip(b.letters, indices, strict=True))
        factors = [self.left_out(i, b, node.at) for i in indices] if b.low is not None or b.high_less else []
        without = [ONE - delta(self.index(i, node.at), self.index(j, node.at)) for i, j in b.left_out]
        without = [f for f in factors if f is not None] + without
        body = self.term(node.args[0], at)
        self.bound = outer
        if without and node.kind != "sum":
            raise Unread(node.at, "a maximum over some of the indices is not understood")
        for factor in reversed(without):
            body = factor * body
        for i in reversed(indices):
            self.meanings.spend(size(body))
            body = -largest(i, -body) if node.kind == "least" else (total if node.kind == "sum" else largest)(i, body)
        return body

    def left_out(self, i: Free, b: Binder, at: int) -> Term | None:
        """The factor that leaves out the first or the last index; None if the sum has them all."""
        first = 0 if self.meanings.zero_based else 1
        if b.low is None:
            if b.high_less:
                raise Unread(at, "it is not said where the index starts")
            return None
        whole = b.low == first and (b.high is None or b.high_less == (first == 0))
        if whole:
            return None
        if b.low == first + 1 and (b.high is None or b.high_less == (first == 0)):
            return ONE - delta(i, Free(str(first)))
        if b.low == 1 == first and b.high_less:
            return ONE - delta(i, Free(str(b.high)))
        raise Unread(at, "a sum over this part of the indices is not understood")

    def concrete(self, node: Node, at: Index | None) -> Term:
        b: Binder = node.value
        if len(b.letters) != 1 or b.left_out or b.low is None or not isinstance(b.high, int) or b.high_less:
            raise Unread(node.at, "the bounds of this sum are not understood")
        if not 1 <= b.high - b.low + 1 <= _CONCRETE_LIMIT:
            raise Unread(node.at, f"a sum of {max(0, b.high - b.low + 1)} terms is not written out")
        outer = dict(self.bound)
        self.copies *= b.high - b.low + 1
        if self.copies > _COPIES_LIMIT:
            raise Unread(node.at, f"sums inside sums of more than {_COPIES_LIMIT} terms are not written out")
        parts = []
        for value in range(b.low, b.high + 1):
            self.bound[b.letters[0]] = value
            parts.append(self.term(node.args[0], at))
        self.bound = outer
        self.copies //= b.high - b.low + 1
        least = node.kind == "least"
        found = -parts[0] if least else parts[0]
        for t in parts[1:]:
            found = found + t if node.kind == "sum" else maximum(found, -t if least else t)
        return -found if least else found


def _first(t: Term) -> str:
    return str(t.value[0] if t.op == "entry" else t.value)
