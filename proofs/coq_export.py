"""Derivations as Coq: pure text, for Coq to prove again from the axioms of the real numbers. Nothing rests on it.

A theorem becomes a module: a `Definition t_k` for each term of the chain, a `Lemma step_k` for each step, proven by
walking to the position and applying the lemma of the rule (`coq/Rules.v`), and the theorem itself, whose statement is
spelled out. Its arguments come in this order: N, the real variables, the vectors, the indices, the permutations, each
sorted by name; then 1 <= N, the ranges of the indices, the permutations' property, the premises. N is left out where
nothing depends on it. The same theorem gives the same bytes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from .trusted import (
    RULES,
    Bound,
    Cases,
    Derivation,
    Free,
    Index,
    Moved,
    Premise,
    Relation,
    Step,
    Term,
    Theorem,
    Use,
    opened,
    subterm,
)

__all__ = [
    "PREAMBLE",
    "Mutant",
    "Place",
    "export",
    "export_all",
    "export_mutants",
    "export_refutation",
    "in_order",
    "module_name",
    "needed",
    "refutation_module",
    "theorem_name",
]

PREAMBLE = """From Coq Require Import Reals.
From Coquelicot Require Import Coquelicot.
From ShiftProof Require Import Rules.
Open Scope R_scope.
"""
_WIDTH = 116

# Names.

_WORDS = (
    "Axiom CoFixpoint Definition Fixpoint Hypothesis IF Parameter Prop SProp Set Theorem Type Variable Admitted admit "
    "give_up Abort Axioms Parameters Conjecture Conjectures Hypotheses Variables Context Section Unset bypass_check "
    "Notation Infix Coercion Canonical Declare Load Add Extract Primitive Register Redirect Drop Undo Reset Restart "
    "Program Obligation Obligations Instance Class Lemma Module End Proof Qed Goal as at by cofix "
    "do else end exists exists2 fix for forall fun if in is let match measure move nosimpl of on return then using "
    "wf where with N R INR IZR Rabs Rmax Rmin abs delta div exp largest ln mod nat partial pow power "
    "premise sign side smooth smoothness sqrt sum total upd arithmetic claim holds le lt eq true false not no one "
    "nil cons pair fst snd sin cos tan PI length map app Derive Rle_or_lt Rlt_le"
)
_KEYWORDS = frozenset(_WORDS.split())
_OURS = re.compile(r"(t|step|low|high|premise|range|case|rule|eq|le|lt|then|audit|M|one|index|in|at)_.*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


def _identifier(name: str) -> str:
    """A Coq identifier for a name, another one for every other name."""
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS and not _OURS.fullmatch(name):
        return name
    return "v'" + re.sub(r"[^A-Za-z0-9]", lambda m: f"'u{ord(m.group()):x}'", name)


def theorem_name(name: str) -> str:
    """The name of the theorem in Coq: lse-shift is lse_shift."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", name) and name not in _KEYWORDS:
        return name.replace("-", "_")
    return "t'" + re.sub(r"[^A-Za-z0-9]", lambda m: f"'u{ord(m.group()):x}'", name)


def module_name(name: str) -> str:
    """The name of the module that holds a theorem and its steps."""
    return "M_" + theorem_name(name)


def _union(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*a, *b}))


@dataclass(frozen=True, slots=True)
class _Names:
    """The free names of some terms, by what they stand for, and whether anything depends on N."""

    variables: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    permutations: tuple[str, ...] = ()
    count: bool = False

    def __or__(self, other: _Names) -> _Names:
        return _Names(
            _union(self.variables, other.variables),
            _union(self.vectors, other.vectors),
            _union(self.indices, other.indices),
            _union(self.permutations, other.permutations),
            self.count or other.count,
        )

    def _tuples(self) -> tuple[tuple[str, ...], ...]:
        return (self.variables, self.vectors, self.indices, self.permutations)

    def identifiers(self) -> dict[tuple[str, str], str]:
        """The Coq identifier of each name, all different; a name with two meanings gets a suffix for the second."""
        found: dict[tuple[str, str], str] = {}
        for kind, names in zip(("variable", "vector", "index", "permutation"), self._tuples(), strict=True):
            for name in names:
                plain = _identifier(name)
                found[kind, name] = f"{plain}'{kind}" if plain in found.values() else plain
        return found


def _index_names(index: Index) -> _Names:
    if isinstance(index, Moved):
        return _Names(permutations=(index.permutation,), count=True) | _index_names(index.index)
    return _Names(indices=(index.name,), count=True) if isinstance(index, Free) else _Names()


def _term_names(t: Term) -> _Names:
    found = _Names(count=t.op in ("sum", "largest", "count"))
    if t.op == "variable":
        found |= _Names(variables=(t.value,))
    elif t.op in ("entry", "derivative"):
        found |= _Names(vectors=(t.value[0],)) | _index_names(t.value[1])
    elif t.op == "delta":
        found |= _index_names(t.value[0]) | _index_names(t.value[1])
    for a in t.args:
        found |= _term_names(a)
    return found


def _relation_names(r: Relation) -> _Names:
    return _term_names(r.left) | _term_names(r.right)


def _premise_names(premises: Iterable[Premise]) -> _Names:
    found = _Names()
    for premise in premises:
        found |= _relation_names(premise.relation) | _Names(count=premise.each)
    return found


def _statement_names(theorem: Theorem) -> _Names:
    return _relation_names(theorem.conclusion) | _premise_names(theorem.premises)


def _use_names(use: Use | None) -> _Names:
    """The names that an instance of a theorem brings in, its own where they are not replaced."""
    if use is None:
        return _Names()
    stated = _statement_names(use.theorem)
    variables, vectors, indices = dict(use.variables), dict(use.vectors), dict(use.indices)
    found = _Names(
        tuple(n for n in stated.variables if n not in variables),
        tuple(n for n in stated.vectors if n not in vectors),
        tuple(n for n in stated.indices if n not in indices),
        stated.permutations,
        stated.count,
    )
    for _, t in (*use.variables, *use.vectors):
        found |= _term_names(t)
    for _, index in use.indices:
        found |= _index_names(index)
    return found


def _derivation_names(d: Derivation | Cases) -> _Names:
    if isinstance(d, Cases):
        return _term_names(d.left) | _term_names(d.right) | _derivation_names(d.low) | _derivation_names(d.high)
    found = _term_names(d.start) | _premise_names(d.premises)
    for step in d.steps:
        found |= _term_names(step.to) | _use_names(step.use)
    return found


# Terms.

_KINDS = {"=": "=", "<=": "<=", "<": "<", "!=": "<>"}


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names are called at a place: the identifiers, and the indices bound around it, innermost first."""

    names: _Names
    called: Mapping[tuple[str, str], str] = field(default_factory=dict)
    bound: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: _Names) -> _Scope:
        return cls(names, names.identifiers())

    def fresh(self) -> str:
        taken = {*self.called.values(), *self.bound}
        candidates = (f"{letter}{number or ''}" for number in range(1000) for letter in "ijklmn")
        return next(c for c in candidates if c not in taken)

    def inside(self, index: str) -> _Scope:
        return _Scope(self.names, self.called, (index, *self.bound))

    def renamed(self, vector: str, to: str) -> _Scope:
        return _Scope(self.names, {**self.called, ("vector", vector): to}, self.bound)

    def index(self, i: Index, atom: bool = True) -> str:
        if isinstance(i, Moved):
            text = f"{self.called['permutation', i.permutation]} {self.index(i.index)}"
            return f"({text})" if atom else text
        if isinstance(i, Free):
            return self.called["index", i.name]
        if i.level >= len(self.bound):
            raise ValueError("an index is bound to no sum")
        return self.bound[i.level]

    def function(self, body: Term) -> str:
        """The body of a sum as a function of its index."""
        index = self.fresh()
        return f"(fun {index} => {self.inside(index).term(body, 200)})"

    def term(self, t: Term, loosest: int = 200) -> str:
        """The term, in parentheses if it binds more loosely than `loosest` (Coq's levels)."""
        text, level = self._term(t)
        return text if level <= loosest else f"({text})"

    def _term(self, t: Term) -> tuple[str, int]:
        if t.op == "number":
            return _number(t.value)
        if t.op == "variable":
            return self.called["variable", t.value], 0
        if t.op == "count":
            return "INR N", 10
        if t.op == "entry":
            return f"{self.called['vector', t.value[0]]} {self.index(t.value[1])}", 10
        if t.op == "delta":
            return f"delta {self.index(t.value[0])} {self.index(t.value[1])}", 10
        if t.op in ("sum", "largest"):
            return f"{'total' if t.op == 'sum' else 'largest'} N {self.function(t.args[0])}", 10
        if t.op == "derivative":
            vector = self.called["vector", t.value[0]]
            return f"partial (fun {vector} => {self.term(t.args[0])}) {vector} {self.index(t.value[1])}", 10
        if t.op == "power":
            text = f"{self.term(t.args[0], 29)} ^ {abs(t.value)}"
            return (text, 30) if t.value >= 0 else (f"/ {text}", 35)
        if t.op == "neg":
            # Coq reads "- 1" as a number, which it is not here.
            inner = self.term(t.args[0], 34)
            return (f"- ({inner})" if t.args[0].op == "number" else f"- {inner}"), 35
        if t.op in ("add", "sub", "mul", "div"):
            sign, level = {"add": ("+", 50), "sub": ("-", 50), "mul": ("*", 40), "div": ("/", 40)}[t.op]
            return f"{self.term(t.args[0], level)} {sign} {self.term(t.args[1], level - 1)}", level
        function = {"exp": "exp", "log": "ln", "abs": "Rabs", "max": "Rmax"}.get(t.op)
        if function is None:
            raise ValueError(f"{t.op!r} is not a term")
        return " ".join((function, *(self.term(a, 9) for a in t.args))), 10

    def relation(self, r: Relation) -> str:
        return f"{self.term(r.left, 69)} {_KINDS[r.kind]} {self.term(r.right, 69)}"

    def premise(self, premise: Premise) -> str:
        if not premise.each:
            return self.relation(premise.relation)
        index = self.fresh()
        return f"(forall {index}, in_range N {index} -> {self.inside(index).relation(premise.relation)})"


def _number(value: Fraction) -> tuple[str, int]:
    top = f"({value.numerator})" if value.numerator < 0 else str(value.numerator)
    return (top, 0) if value.denominator == 1 else (f"{top} / {value.denominator}", 40)


# Statements.


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a statement is quantified over and assumes, as text."""

    scope: _Scope
    premises: tuple[Premise, ...]
    cases: tuple[Relation, ...] = ()

    @property
    def arguments(self) -> list[str]:
        return [*(["N"] if self.scope.names.count else []), *self.scope.called.values()]

    @property
    def binders(self) -> str:
        groups = [("N : nat", self.scope.names.count)] if self.scope.names.count else []
        kinds = {"variable": "R", "vector": "nat -> R", "index": "nat", "permutation": "nat -> nat"}
        for kind, typed in kinds.items():
            called = [c for (k, _), c in self.scope.called.items() if k == kind]
            groups += [(f"{' '.join(called)} : {typed}", True)] if called else []
        return " ".join(f"({text})" for text, _ in groups)

    @property
    def hypotheses(self) -> list[tuple[str, str]]:
        """Name and statement of each hypothesis."""
        names = self.scope.called
        found = [("one_le_N", "(1 <= N)%nat")] if self.scope.names.count else []
        found += [(f"range_{c}", f"in_range N {c}") for (kind, _), c in names.items() if kind == "index"]
        found += [(f"range_{c}", f"permutes N {c}") for (kind, _), c in names.items() if kind == "permutation"]
        found += [(f"premise_{n}", self.scope.premise(p)) for n, p in enumerate(self.premises, 1)]
        found += [(f"case_{n}", self.scope.relation(r)) for n, r in enumerate(self.cases, 1)]
        return found

    def stating(self, conclusion: str) -> str:
        parts = [statement for _, statement in self.hypotheses] + [conclusion]
        return (f"forall {self.binders}, " if self.binders else "") + " -> ".join(parts)

    @property
    def intros(self) -> list[str]:
        names = [*self.arguments, *(name for name, _ in self.hypotheses)]
        return [f"intros {' '.join(names)}"] if names else []

    def applied(self, name: str, *, to_hypotheses: bool = True) -> str:
        hypotheses = [h for h, _ in self.hypotheses] if to_hypotheses else []
        return " ".join((name, *self.arguments, *hypotheses))


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _sentences(tactics: Iterable[str]) -> str:
    return "\n".join(_wrapped(f"  {tactic}.", "    ") for tactic in tactics)


def _lemma(word: str, name: str, statement: str, tactics: Iterable[str]) -> str:
    return f"{_wrapped(f'{word} {name} : {statement}.')}\nProof.\n{_sentences(tactics)}\nQed.\n"


# Steps.

_WORD = {"=": "eq", "<=": "le", "<": "lt"}
_SIDED = ("mul", "div", "log")  # their lemmas for inequalities ask for a sign first


def _kind_of(step: Step, left: Term, right: Term, premises: Iterable[Premise]) -> str:
    """The relation that the step's rule gives."""
    if step.rule == "theorem" and step.use is not None:
        return step.use.theorem.conclusion.kind
    if step.rule == "premise":
        found = [p.relation for p in premises if not p.each]
        for p in premises:
            if p.each:
                r = p.relation
                found += [Relation(opened(r.left, i), r.kind, opened(r.right, i)) for i in _places(left - right)]
        return next((r.kind for r in found if (r.left, r.right) == (left, right)), "=")
    return RULES[step.rule].kind if step.rule in RULES else "="


def _places(t: Term, depth: int = 0) -> Iterator[Index]:
    """The indices of a term that are not bound in it, as they are called outside of it."""
    carried = t.value if t.op == "delta" else (t.value[1],) if t.op in ("entry", "derivative") else ()
    for index in carried:
        while True:
            outside = _outside(index, depth)
            if outside is not None:
                yield outside
            if not isinstance(index, Moved):
                break
            index = index.index
    for a in t.args:
        yield from _places(a, depth + (t.op in ("sum", "largest")))


def _outside(index: Index, depth: int) -> Index | None:
    if isinstance(index, Moved):
        inner = _outside(index.index, depth)
        return None if inner is None else Moved(index.permutation, inner)
    if isinstance(index, Free):
        return index
    return Bound(index.level - depth) if index.level >= depth else None


def _tactics(before: Term, step: Step, kind: str, scope: _Scope) -> list[str]:
    """The proof of `before kind step.to`: the walk to the position, then the rule."""
    found: list[str] = []
    t, after = before, step.to
    for number in step.at:
        if t.op in ("sum", "largest", "derivative"):
            word = {"sum": "total", "derivative": "partial"}.get(t.op, t.op)
            found.append(f"apply {_WORD[kind]}_{word}{'; [side|]' if kind != '=' else ''}")
            if t.op == "derivative":
                called = f"in_{scope.called['vector', t.value[0]]}"
                found.append(f"intros {called}; cbv beta")
                scope = scope.renamed(t.value[0], called)
            else:
                index = scope.fresh()
                found.append(f"intros {index} range_{index}; cbv beta")
                scope = scope.inside(index)
        else:
            word = "power_minus" if t.op == "power" and t.value < 0 else t.op
            word = f"{word}_{'lr'[number]}" if len(t.args) == 2 else word
            sided = kind != "=" and t.op in _SIDED
            found.append(f"apply {_WORD[kind]}_{word}{'; [side|]' if sided else ''}")
        t, after = t.args[number], subterm(after, (number,))
    left, right = (after, t) if step.backwards else (t, after)
    if step.backwards and kind == "=":
        found.append("symmetry")
    return [*found, _rule_tactic(step, left, right, scope)]


def _rule_tactic(step: Step, left: Term, right: Term, scope: _Scope) -> str:
    if step.rule in ("arithmetic", "premise"):
        return step.rule
    if step.rule == "theorem":
        return f"apply ({_instance(step.use, scope)}); side" if step.use else "fail"
    lemma = "rule_" + step.rule.replace("-", "_")
    if step.rule in ("exp-power", "log-power"):
        # The negative power is on the left in both.
        power = left if step.rule == "exp-power" else left.args[0]
        minus = "_minus" if power.value < 0 else ""
        return f"apply ({lemma}{minus} {abs(power.value)}); side"
    if step.rule == "sum-delta":
        body = left.args[0].args[1]
        return f"apply ({lemma} N {scope.function(body)} {scope.index(left.args[0].args[0].value[1])}); side"
    if step.rule in ("entry-at-most-largest", "entry-at-most-sum"):
        body = right.args[0]
        at = next((i for i in (*_places(left), Free("")) if opened(body, i) == left), None)
        if at is None:
            raise ValueError("the rule does not fit here")
        # An index that the body does not have may be any: 1.
        index = "1%nat" if at == Free("") else scope.index(at)
        return f"apply ({lemma} N {scope.function(body)} {index}); side"
    if step.rule.startswith("derivative-") and step.rule != "derivative-constant" and left.args[0].args:
        vector = scope.called["vector", left.value[0]]
        inner = left.args[0]
        parts = [f"(fun {vector} => {scope.function(a) if inner.op == 'sum' else scope.term(a)})" for a in inner.args]
        count = ["N"] if inner.op == "sum" else []
        return f"apply ({' '.join([lemma, *count, *parts, vector, scope.index(left.value[1])])}); side"
    if step.rule == "sum-permute":
        function = scope.function(right.args[0])
        tried = [f"apply ({lemma} N {scope.called['permutation', p]} {function})" for p in scope.names.permutations]
        return f"first [{' | '.join(tried)}]; side"
    return f"apply {lemma}; side"


def _instance(use: Use, scope: _Scope) -> str:
    """A theorem applied to the terms that stand for its names."""
    names = _statement_names(use.theorem)
    variables, vectors, indices = dict(use.variables), dict(use.vectors), dict(use.indices)
    arguments = ["N"] if names.count else []
    for name in names.variables:
        arguments.append(scope.term(variables.get(name, Term("variable", (), name)), 9))
    for name in names.vectors:
        arguments.append(scope.function(vectors[name]) if name in vectors else scope.called["vector", name])
    for name in names.indices:
        arguments.append(scope.index(indices.get(name, Free(name))))
    arguments += [scope.called["permutation", name] for name in names.permutations]
    name = use.theorem.name
    return " ".join((f"{module_name(name)}.{theorem_name(name)}", *arguments))


# Theorems.


def needed(theorem: Theorem) -> tuple[Theorem, ...]:
    """The theorems that its steps use, in the order of their first use."""

    def of(d: Derivation | Cases) -> Iterator[Theorem]:
        if isinstance(d, Cases):
            yield from of(d.low)
            yield from of(d.high)
        else:
            yield from (step.use.theorem for step in d.steps if step.use is not None)

    return tuple(dict.fromkeys(of(theorem.derivation)))


def in_order(theorems: Iterable[Theorem]) -> tuple[Theorem, ...]:
    """The theorems and all that they use, each after what it uses; raises ValueError if two share a name."""
    found: dict[str, Theorem] = {}

    def add(theorem: Theorem) -> None:
        if found.get(theorem.name, theorem) != theorem:
            raise ValueError(f"two theorems have the name {theorem.name!r}")
        if theorem.name not in found:
            for other in needed(theorem):
                add(other)
            found[theorem.name] = theorem

    for theorem in theorems:
        add(theorem)
    return tuple(found.values())


def _chain(d: Derivation, frame: _Frame, prefix: str) -> tuple[list[str], list[str]]:
    """The definitions and lemmas of a chain, and the tactics that prove first kind last from them."""
    texts: list[str] = []
    chain = (d.start, *(step.to for step in d.steps))
    for number, t in enumerate(chain):
        binders = f" {frame.binders}" if frame.binders else ""
        texts.append(_wrapped(f"Definition {prefix}t_{number}{binders} : R := {frame.scope.term(t)}.") + "\n")
    facts = (*frame.premises, *(Premise(r) for r in frame.cases))
    kinds: list[str] = []
    for number, step in enumerate(d.steps, 1):
        left, right = subterm(chain[number - 1], step.at), subterm(step.to, step.at)
        kind = _kind_of(step, *((right, left) if step.backwards else (left, right)), facts)
        kinds.append(kind)
        a, b = f"{prefix}t_{number - 1}", f"{prefix}t_{number}"
        said = f"{frame.applied(a, to_hypotheses=False)} {kind} {frame.applied(b, to_hypotheses=False)}"
        proof = [*frame.intros, f"unfold {a}, {b}", *_tactics(chain[number - 1], step, kind, frame.scope)]
        comment = f"(* step {number}: {step.rule}{', backwards' if step.backwards else ''} *)\n"
        texts.append(comment + _lemma("Lemma", f"{prefix}step_{number}", frame.stating(said), proof))
    proof = []
    for number, kind in enumerate(kinds, 1):
        applied = frame.applied(f"{prefix}step_{number}")
        rest = _overall(kinds[number:])
        last = number == len(kinds)
        proof.append(f"exact ({applied})" if last else f"apply (then_{_WORD[kind]}_{_WORD[rest]} _ _ _ ({applied}))")
    return texts, proof or ["reflexivity"]


def _overall(kinds: list[str]) -> str:
    return "<" if "<" in kinds else "<=" if "<=" in kinds else "="


def _proof(d: Derivation | Cases, frame: _Frame, conclusion: Relation, prefix: str) -> tuple[list[str], list[str]]:
    """As `_chain`, for cases too: a lemma `<prefix>holds` for each."""
    if isinstance(d, Derivation):
        return _chain(d, frame, prefix)
    texts: list[str] = []
    for word, case in (("low", Relation(d.left, "<=", d.right)), ("high", Relation(d.right, "<=", d.left))):
        inner = _Frame(frame.scope, frame.premises, (*frame.cases, case))
        side = getattr(d, word)
        found, proof = _proof(side, inner, conclusion, f"{prefix}{word}_")
        texts += [f"(* the case {inner.scope.relation(case)} *)\n", *found]
        said = inner.stating(inner.scope.relation(conclusion))
        texts.append(_lemma("Lemma", f"{prefix}{word}_holds", said, [*inner.intros, *proof]))
    new = f"case_{len(frame.cases) + 1}"
    left, right = frame.scope.term(d.left, 9), frame.scope.term(d.right, 9)
    return texts, [
        f"destruct (Rle_or_lt {left} {right}) as [{new} | {new}]",
        f"- exact ({frame.applied(f'{prefix}low_holds')} {new})",
        f"- apply Rlt_le in {new}. exact ({frame.applied(f'{prefix}high_holds')} {new})",
    ]


def _module(theorem: Theorem) -> str:
    stated, used = _statement_names(theorem), _derivation_names(theorem.derivation)
    scope = _Scope.of(stated | used)
    whole = _Frame(scope, theorem.premises)
    called = {(k, n): c for (k, n), c in scope.called.items() if _has(stated, k, n)}
    own = _Frame(_Scope(stated, called), theorem.premises)
    texts, proof = _proof(theorem.derivation, whole, theorem.conclusion, "")
    conclusion = scope.relation(theorem.conclusion)
    # Names that only the steps have: any value will do.
    fixed = [f"pose ({c} := {_ANY[k]})" for (k, n), c in scope.called.items() if not _has(stated, k, n)]
    if scope.names.count and not stated.count:
        fixed = ["pose (N := 1%nat)", "assert (one_le_N : (1 <= N)%nat) by (unfold N; side)", *fixed]
    for (kind, name), c in scope.called.items():
        if kind in ("index", "permutation") and not _has(stated, kind, name):
            what = "in_range" if kind == "index" else "permutes"
            fixed.append(f"assert (range_{c} : {what} N {c}) by (unfold {c}; side)")
    statement = own.stating(conclusion)
    name = theorem_name(theorem.name)
    parts = [f"(* {_comment(theorem)} *)\n", f"Module {module_name(theorem.name)}.\n", *texts]
    parts.append(_lemma("Theorem", name, statement, [*own.intros, *fixed, *proof]))
    return "\n".join([*parts, f"End {module_name(theorem.name)}.\n"])


_ANY = {"variable": "0", "vector": "fun _ : nat => 0", "index": "1%nat", "permutation": "fun i : nat => i"}


def _has(names: _Names, kind: str, name: str) -> bool:
    return name in {"variable": names.variables, "vector": names.vectors, "index": names.indices,
                    "permutation": names.permutations}[kind]  # fmt: skip


def _comment(theorem: Theorem) -> str:
    """The statement in plain words; names that could end a comment are written as identifiers."""
    scope = _Scope.of(_statement_names(theorem))
    under = [scope.premise(p) for p in theorem.premises]
    text = f"{theorem_name(theorem.name)}: {scope.relation(theorem.conclusion)}"
    if under:
        text += ", if " + " and ".join(under)
    if scope.names.count:
        text += "; for every N >= 1"
    return textwrap.fill(text, _WIDTH, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)


def export(theorem: Theorem) -> str:
    """A Coq file that proves the theorem, after those that it uses."""
    return export_all((theorem,))[0]


def export_all(theorems: Iterable[Theorem], batches: int = 1) -> tuple[str, ...]:
    """At most `batches` Coq files that prove the theorems and what they use; none needs another of them."""
    ordered = in_order(theorems)
    groups: list[list[Theorem]] = []
    for theorem in ordered:
        joined = [g for g in groups if any(other in g for other in needed(theorem))]
        groups = [g for g in groups if g not in joined] + [[t for g in joined for t in g] + [theorem]]
    files: list[list[str]] = [[] for _ in range(max(1, batches))]
    modules = {theorem.name: _module(theorem) for theorem in ordered}
    for group in sorted(groups, key=lambda g: -sum(len(modules[t.name]) for t in g)):
        smallest = min(files, key=lambda names: sum(len(modules[n]) for n in names))
        smallest += [theorem.name for theorem in group]
    place = {theorem.name: number for number, theorem in enumerate(ordered)}
    return tuple(
        "\n".join([PREAMBLE, *(modules[name] for name in sorted(names, key=place.__getitem__))])
        for names in files
        if names
    )


# Refutations.


class Place(Protocol):
    """Where a statement fails: N, and the values of the variables, the entries 1 .. N of the vectors, the indices."""

    @property
    def count(self) -> int: ...

    @property
    def variables(self) -> tuple[tuple[str, Fraction], ...]: ...

    @property
    def vectors(self) -> tuple[tuple[str, tuple[Fraction, ...]], ...]: ...

    @property
    def indices(self) -> tuple[tuple[str, int], ...]: ...


def export_refutation(relation: Relation, name: str, point: Place, premises: tuple[Premise, ...] = ()) -> str:
    """A Coq file that proves that the relation does not always hold; it compiles only if it fails at the point.

    Raises ValueError for a point that lacks a value (permutations have none) or has N outside of 1 .. 3.
    """
    return "\n".join([PREAMBLE, refutation_module(relation, name, point, premises)])


def refutation_module(relation: Relation, name: str, point: Place, premises: tuple[Premise, ...] = ()) -> str:
    """The module of a refutation, without the preamble."""
    names = _relation_names(relation) | _premise_names(premises)
    if not 1 <= point.count <= 3:
        raise ValueError(f"N must be between 1 and 3, got {point.count}")
    frame = _Frame(_Scope.of(names), premises)
    called = frame.scope.called
    defined = [f"Definition N : nat := {point.count}."] if names.count else []
    for (kind, n), c in called.items():
        defined.append(f"Definition {c} {_value(kind, n, point)}.")
    inner = frame.scope.relation(relation)
    unfolded = f"unfold {', '.join(frame.arguments)}" if frame.arguments else "idtac"
    proof = [
        "intro claim",
        f"cut (~ ({inner}))",
        # Each hypothesis of the claim holds at the point.
        "{ intro no. apply no. apply claim; " + unfolded + "; at_point. }" if frame.hypotheses else
        "{ intro no. apply no. apply claim. }",
        f"{unfolded}; refute",
    ]  # fmt: skip
    lines = "\n".join(_wrapped("  " + (p if p.endswith("}") else p + "."), "    ") for p in proof)
    statement = f"~ ({frame.stating(inner)})"
    theorem = _wrapped(f"Theorem {theorem_name(name)} : {statement}.")
    body = "\n".join(_wrapped(line) for line in defined)
    module = module_name(name)
    return f"Module {module}.\n\n{body}\n\n{theorem}\nProof.\n{lines}\nQed.\n\nEnd {module}.\n"


def _value(kind: str, name: str, point: Place) -> str:
    """The type and value of a name at the point, as a definition has them."""
    variables, vectors, indices = dict(point.variables), dict(point.vectors), dict(point.indices)
    if kind == "variable" and name in variables:
        return f": R := {_number(Fraction(variables[name]))[0]}"
    if kind == "index" and name in indices:
        return f": nat := {indices[name]}"
    if kind == "vector" and len(vectors.get(name, ())) == point.count:
        cases = " ".join(f"| {n}%nat => {_number(Fraction(e))[0]}" for n, e in enumerate(vectors[name], 1))
        return f"(i : nat) : R := match i with {cases} | _ => 0 end"
    raise ValueError(f"the point has no value for the {kind} {name!r}")


# Mutants.


@dataclass(frozen=True, slots=True)
class Mutant:
    """A step that may be wrong: what it starts from and under which premises."""

    before: Term
    step: Step
    premises: tuple[Premise, ...] = ()


def mutant_goal(mutant: Mutant, number: int) -> str | None:
    """A goal that prints "accepted <number>" or "rejected <number>"; None if the step cannot be written down at all."""
    before, step = mutant.before, mutant.step
    try:
        names = _term_names(before) | _term_names(step.to) | _premise_names(mutant.premises) | _use_names(step.use)
        frame = _Frame(_Scope.of(names), mutant.premises)
        left, right = subterm(before, step.at), subterm(step.to, step.at)
        kind = _kind_of(step, *((right, left) if step.backwards else (left, right)), mutant.premises)
        tactics = "; ".join(_tactics(before, step, kind, frame.scope))
        said = frame.stating(frame.scope.relation(Relation(before, kind, step.to)))
    except Exception:  # whatever stands in a mutant, what has no text has no proof
        return None
    intros = "; ".join(frame.intros) or "idtac"
    run = f'first [timeout 20 (solve [{tactics}]); idtac "accepted {number}" | idtac "rejected {number}"]'
    return f"Goal {said}.\nProof.\n  {intros}.\n  {run}.\nAbort.\n"


def export_mutants(mutants: Iterable[Mutant]) -> str:
    """A Coq file that tries each step and prints which it could prove, with the theorems that they use."""
    listed = tuple(mutants)
    used = in_order(m.step.use.theorem for m in listed if m.step.use is not None)
    goals = (mutant_goal(m, n) for n, m in enumerate(listed))
    return "\n".join([PREAMBLE, *(_module(t) for t in used), *(g for g in goals if g is not None)])
