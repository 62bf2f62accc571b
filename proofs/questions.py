"""The second checker: SymPy is asked whether each step of a derivation is true, as a question of its own.

SymPy sees the two terms before and after a step and the premises, never the rule. Sums over 1 .. N stay sums with a
symbolic N; SymPy expands, cancels, differentiates, evaluates sums of Kronecker deltas and tells signs. Premises become
assumptions of symbols or are substituted (m_2 = m_1 + d with d >= 0); max and |.| are split into the cases of their
order. It agrees only if it decides: a term that may be undefined, or a difference left over, is no agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import Any, TypeAlias

import sympy as sp
from sympy.concrete.delta import deltasummation

from .notation import TEXT, cases
from .trusted import (
    RULES,
    ZERO,
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
    nodes,
    opened,
    subterm,
    used_indices,
)

__all__ = ["Answer", "ask", "opinions"]

Expr: TypeAlias = Any  # SymPy has no types
Facts: TypeAlias = tuple[Premise, ...]

_DEPTH = 3  # how often a sign may be traced back to the sign of a derivative or of the terms of a sum
_LARGEST_SPLIT = 5  # max and |.| that are split into cases in one question
_CONCRETE = (1, 2, 3)  # the N for which all permutations are tried
_WITH_LOCAL_INDEX = "summed {}"  # no name of an index has a space


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether SymPy agrees, what it was asked, and why it agrees or what was left over."""

    agrees: bool
    question: str
    argument: str


class _Undecided(Exception):
    """SymPy could not decide; says what."""


def ask(left: Term, kind: str, right: Term, facts: Facts) -> Answer:
    """Whether left kind right (=, <= or <) under the facts, for every N and all values; both terms are closed."""
    return _Asker().ask(left, kind, right, facts)


def opinions(derivation: Derivation | Cases) -> tuple[Answer, ...]:
    """One answer for each step, in order; of two cases, those of the lower one first."""
    asker, answers = _Asker(), []
    for assumed, chain in cases(derivation):
        facts, before = (*chain.premises, *assumed), chain.start
        for step in chain.steps:
            answers.append(asker.ask(before, _kind(step, before, facts), step.to, facts))
            before = step.to
    return tuple(answers)


def _kind(step: Step, before: Term, facts: Facts) -> str:
    """The relation that the step claims."""
    if step.rule == "theorem" and step.use is not None:
        return step.use.theorem.conclusion.kind
    if step.rule != "premise":
        return RULES[step.rule].kind if step.rule in RULES else "="
    sides = subterm(before, step.at), subterm(step.to, step.at)
    sides = sides[::-1] if step.backwards else sides
    for fact in facts:
        r = fact.relation
        for index in {*used_indices(sides[0]), *used_indices(sides[1])} if fact.each else {Free("")}:
            said = (opened(r.left, index), opened(r.right, index)) if fact.each else (r.left, r.right)
            if said == sides:
                return r.kind
    return "="


@dataclass(slots=True)
class _Asker:
    """Keeps what was made of the same premises, so that the steps of a chain share it."""

    readers: dict[Any, _Reader] = field(default_factory=dict)

    def ask(self, left: Term, kind: str, right: Term, facts: Facts) -> Answer:
        question = f"{TEXT.relation(Relation(left, kind, right))} for every N"
        if facts:
            question += f", if {', '.join(TEXT.premise(p) for p in facts)}"
        notes: list[str] = []
        try:
            if kind not in ("=", "<=", "<"):
                raise _Undecided(f"{kind!r} is not asked about")
            if any(" " in _name(_base(i)) for t in _sides(left, right, facts) for i in used_indices(t)):
                raise _Undecided("an index has a space in its name")
            for names in self._coincidences((left, right), facts):
                for a, b, known in self._ordered(left, right, facts, names, _LARGEST_SPLIT):
                    said = self._one(a, kind, b, known, names)
                    notes += [said] if said not in notes else []
            if _permutes(left) or _permutes(right):
                notes.append(_by_permutations(left, kind, right, facts))
        except _Undecided as reason:
            return Answer(False, question, str(reason))
        except (ArithmeticError, NotImplementedError, RecursionError, TypeError, ValueError, AttributeError) as error:
            return Answer(False, question, f"SymPy failed: {type(error).__name__}: {error}")
        return Answer(True, question, "; ".join(notes))

    def reader(self, facts: Facts, names: tuple[tuple[str, str], ...]) -> _Reader:
        key = (facts, names)
        if key not in self.readers:
            self.readers[key] = _Reader(facts, dict(names))
        return self.readers[key]

    def _coincidences(self, terms: tuple[Term, Term], facts: Facts) -> Iterator[tuple[tuple[str, str], ...]]:
        """Which free indices are the same: every possibility where that matters, as (name, first of its class)."""
        everything = _sides(terms[0], terms[1], facts)
        free = sorted({n for t in everything for i in used_indices(t) if (n := _name(i))})
        if not any(n.op in ("delta", "derivative") for t in everything for n in nodes(t)):
            yield tuple((n, n) for n in free)
            return
        for classes in _partitions(free):
            yield tuple(sorted((n, c[0]) for c in classes for n in c))

    def _ordered(
        self, left: Term, right: Term, facts: Facts, names: Any, budget: int
    ) -> Iterator[tuple[Term, Term, Facts]]:
        """The question for each order of what max and |.| compare; an order that the facts exclude is left out."""
        found = next((n for t in _sides(left, right, facts) for n in _corners(t)), None)
        if found is None:
            yield left, right, facts
            return
        if budget == 0:
            raise _Undecided("there are too many maxima")
        if found.op == "max":
            a, b = found.args
            choices = [(a, b, b), (b, a, a)]
        else:
            (a,) = found.args
            choices = [(ZERO, a, a), (a, ZERO, -a)]
        known = self.reader(
            tuple(f for f in facts if not any(map(_corners, (f.relation.left, f.relation.right)))), names
        )
        implied = [choice for choice in choices if known.implied(*choice[:2])][:1]
        for low, high, value in implied or choices:
            swap = _exchange(found, value)
            case = tuple(
                Premise(Relation(swap(f.relation.left), f.relation.kind, swap(f.relation.right)), f.each) for f in facts
            )
            if not implied:
                case = (*case, Premise(Relation(low, "<=", high)))
            yield from self._ordered(swap(left), swap(right), case, names, budget - (not implied))

    def _one(self, left: Term, kind: str, right: Term, facts: Facts, names: Any) -> str:
        reader = self.reader(facts, names)
        if kind == "=":
            difference = reader.read(left) - reader.read(right)
            if not reader.zero(difference):
                raise _Undecided(f"left over: {_short(reader.simple(difference))}")
            return "the difference of the two sides simplifies to 0"
        return self._inequality(left, kind == "<", right, facts, names, 0)

    def _inequality(self, left: Term, strict: bool, right: Term, facts: Facts, names: Any, depth: int) -> str:
        """Inside of what rises or falls first, by the sign of the derivative; then the difference itself."""
        reader = self.reader(facts, names)
        if (left.op, left.value) == (right.op, right.value):
            differing = [n for n, (a, b) in enumerate(zip(left.args, right.args, strict=True)) if a != b]
            if len(differing) == 1:
                low, high = left.args[differing[0]], right.args[differing[0]]
                try:
                    if left.op in ("sum", "largest"):
                        index = Free(_WITH_LOCAL_INDEX.format(depth))
                        more = (*names, (index.name, index.name))
                        low, high = opened(low, index), opened(high, index)
                        return f"{left.op}: {self._inequality(low, strict, high, facts, more, depth + 1)}"
                    rises = reader.rises(left, right, differing[0], strict)
                    low, high = (low, high) if rises else (high, low)
                    inside = self._inequality(low, strict, high, facts, names, depth + 1)
                    return f"{left.op} {'rises' if rises else 'falls'} by its derivative: {inside}"
                except _Undecided:
                    pass
        gap = reader.read(right) - reader.read(left)
        if not reader.decide(gap, strict):
            raise _Undecided(f"the sign is not decided: {_short(reader.simple(gap))}")
        return f"the difference of the two sides is {'> 0' if strict else '>= 0'} by the signs of its parts"


# Terms.


def _sides(left: Term, right: Term, facts: Facts) -> tuple[Term, ...]:
    return (left, right, *(side for f in facts for side in (f.relation.left, f.relation.right)))


def _name(index: Index) -> str:
    return index.name if isinstance(index, Free) else ""


def _partitions(items: list[str]) -> Iterator[list[list[str]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for classes in _partitions(rest):
        yield [[first], *classes]
        for n, c in enumerate(classes):
            yield [*classes[:n], [first, *c], *classes[n + 1 :]]


def _corners(t: Term) -> tuple[Term, ...]:
    """max and |.| that depend on no bound index and stand in no derivative, the innermost first."""
    if t.op == "derivative":
        return ()
    inside = tuple(n for a in t.args for n in _corners(a))
    closed = t.op in ("max", "abs") and not any(isinstance(_base(i), Bound) for i in used_indices(t))
    return (*inside, t) if closed else inside


def _base(index: Index) -> Bound | Free:
    while isinstance(index, Moved):
        index = index.index
    return index


def _exchange(old: Term, new: Term) -> Callable[[Term], Term]:
    """Replaces a closed term wherever no derivative stands around it."""

    def walk(t: Term) -> Term:
        if t == old:
            return new
        if t.op == "derivative":
            return t
        return Term(t.op, tuple(walk(a) for a in t.args), t.value)

    return walk


def _permutations_in(index: Index) -> Iterator[str]:
    while isinstance(index, Moved):
        yield index.permutation
        index = index.index


def _permutes(t: Term) -> set[str]:
    """The permutations that a term uses."""
    return {
        p
        for n in nodes(t)
        for item in (n.value if isinstance(n.value, tuple) else ())
        if not isinstance(item, str)
        for p in _permutations_in(item)
    }


def _by_permutations(left: Term, kind: str, right: Term, facts: Facts) -> str:
    """The equation written out for small N and all permutations, as a note; raises _Undecided where it fails."""
    said = "a sum over p(i) was written as the sum over i, p being a bijection"
    names = sorted(_permutes(left) | _permutes(right))
    if kind != "=" or facts or len(names) > 1:
        return f"{said}, without SymPy"
    free = sorted({n for t in (left, right) for i in used_indices(t) if (n := _name(i))})
    for count in _CONCRETE:
        for image, places in product(permutations(range(1, count + 1)), product(range(1, count + 1), repeat=len(free))):
            reader = _Reader((), dict(zip(free, free, strict=True)), count, dict(enumerate(image, 1)))
            reader.indices = dict(zip(free, map(sp.Integer, places), strict=True))
            if not reader.zero(reader.read(left) - reader.read(right)):
                raise _Undecided(f"it fails for N = {count} and the permutation {image}")
    return f"{said}; SymPy agrees for N = 1, 2, 3 with every permutation written out"


def _short(e: Expr) -> str:
    said = str(e)
    return said if len(said) <= 200 else f"{said[:200]} ..."


# SymPy.

_LARGEST = sp.Function("largest", real=True)  # of a Lambda


class _Reader:
    """Terms as SymPy expressions, under premises and with some free indices identified; with `count`, for that N only.

    The replacements say what became of a variable or an entry that a premise fixes or bounds by others.
    """

    def __init__(
        self, facts: Facts, names: dict[str, str], count: int | None = None, image: dict[int, int] | None = None
    ) -> None:
        self.N: Expr = sp.Dummy("N", integer=True, positive=True) if count is None else sp.Integer(count)
        self.count, self.image = count, image or {}
        made = {c: sp.Symbol(c, integer=True, positive=True) for c in names.values()}
        self.indices: dict[str, Expr] = {n: made[c] for n, c in names.items()}
        self.apart = {s for c, s in made.items() if " " not in c}  # names of classes: different indices
        self.bound: list[Expr] = []  # the index of a sum that holds n sums inside each other
        self.symbols: dict[str, Expr] = {}
        self.bases: dict[str, Expr] = {}
        self.families: dict[str, tuple[Expr, Expr]] = {}  # entry i, and i
        self.replacements: dict[Expr, Expr] = {}
        self.upper: dict[Expr, Expr] = {}  # of symbols that are >= 0
        self.gaps: list[tuple[Expr, bool]] = []  # what is >= 0, or > 0
        self.masks: dict[Expr, Expr] = {}
        self.unmasks: dict[Expr, Expr] = {}
        self.known: dict[tuple[Term, tuple[Expr, ...]], Expr] = {}
        self.bound_vectors = {n for f in facts for s in (f.relation.left, f.relation.right) for n in _vectors(s)}
        for fact in self._signs(facts):
            self._assume(fact)
            self.known.clear()

    # Premises.

    def _signs(self, facts: Facts) -> Iterator[Premise]:
        """Makes symbols of the variables and vectors whose sign is assumed; yields the other facts, equations first."""
        signs: dict[tuple[str, str], dict[str, bool]] = {}
        rest = []
        for fact in facts:
            r = fact.relation
            atom, above = (r.right, True) if r.left == ZERO else (r.left, False)
            zero = ZERO in (r.left, r.right)
            whole = atom.op == "entry" and fact.each and atom.value[1] == Bound(0)
            if not zero or not (whole or (atom.op == "variable" and not fact.each)) or r.kind == "=":
                rest.append(fact)
                continue
            name = {("<", True): "positive", ("<", False): "negative", ("<=", True): "nonnegative",
                    ("<=", False): "nonpositive"}.get((r.kind, above), "nonzero")  # fmt: skip
            key = (atom.op, atom.value if atom.op == "variable" else atom.value[0])
            try:
                made = {**signs.get(key, {}), name: True}
                sp.Dummy(real=True, **made)
                signs[key] = made
            except sp.core.facts.InconsistentAssumptions:
                rest.append(fact)
        for (op, name), assumed in signs.items():
            self._atom(op, name, **assumed)
        return iter(sorted(rest, key=lambda f: f.relation.kind != "="))

    def _atom(self, op: str, name: str, **assumed: bool) -> Expr:
        """The symbol of a variable or the indexed base of a vector."""
        table = self.symbols if op == "variable" else self.bases
        if name not in table:
            symbol = sp.Dummy(name, real=True, **assumed)
            table[name] = symbol if op == "variable" else sp.IndexedBase(symbol)
        return table[name]

    def _assume(self, fact: Premise) -> None:
        """Use a premise by substituting one variable or entry; one that cannot be used so is only remembered."""
        r = fact.relation
        index = sp.Dummy("i", integer=True, positive=True)
        around = (index,) if fact.each else ()
        gap = self.simple(self.read(r.right, around) - self.read(r.left, around))
        strict, equation = r.kind == "<", r.kind == "="
        if r.kind == "<=" and gap.is_nonpositive:
            equation = True
        if gap.is_zero or (not equation and (gap.is_positive or (r.kind == "<=" and gap.is_nonnegative))):
            return
        candidates = self._candidates(gap, index if fact.each else None)
        for atom, any_sign in (*((atom, False) for atom in candidates), *((atom, True) for atom in candidates)):
            slope = sp.diff(gap, atom)
            rest = sp.expand(gap - slope * atom)
            if slope.has(atom) or rest.has(atom) or not slope.is_nonzero:
                continue
            bounds = slope.is_number and rest.is_number and slope.is_negative
            if bounds and atom.is_nonnegative and not fact.each and r.kind in ("<", "<="):
                self.upper[atom] = min(self.upper.get(atom, -rest / slope), -rest / slope)
                return
            if equation:
                slack: Expr = sp.Integer(0)
            else:
                sign = {"<": "positive", "<=": "nonnegative"}.get(r.kind, "nonzero")
                slack = sp.Dummy("d", real=True, **{sign: True})
                slack = sp.IndexedBase(slack)[index] if fact.each else slack
            value = self.simple((slack - rest) / slope)
            kept = value.is_nonnegative or not atom.is_nonnegative
            if not kept and not any_sign:
                continue
            if fact.each:
                name = next(n for n, b in self.bases.items() if b == atom.base)
                self.families[name] = (value, index)
            else:
                self._replace(atom, value)
                self.gaps += [(value, False)] * (not kept)
            return
        if equation and not fact.each:
            self._solve_for_an_exponent(gap)
        if not fact.each and not equation and r.kind != "!=":
            self.gaps.append((gap, strict))

    def _solve_for_an_exponent(self, gap: Expr) -> None:
        """Use gap = 0 as m = log(...), where m occurs as e^m alone."""
        for atom in (s for s in self._candidates(gap, None) if s.is_Symbol):
            power = sp.Dummy("u", positive=True)
            changed = gap.xreplace({sp.exp(atom): power})
            slope = sp.diff(changed, power)
            if changed.has(atom) or slope.has(power) or not slope.is_nonzero:
                continue
            value = self.logarithm(-changed.xreplace({power: sp.Integer(0)}) / slope)
            self._replace(atom, value)
            return

    def _replace(self, atom: Expr, value: Expr) -> None:
        self.replacements = {a: v.xreplace({atom: value}) for a, v in self.replacements.items()}
        self.replacements[atom] = value
        self.replacements = {a: self.renew(v) for a, v in self.replacements.items()}
        self.families = {n: (self.renew(v.xreplace({atom: value})), i) for n, (v, i) in self.families.items()}
        self.gaps = [(self.renew(g), s) for g, s in self.gaps]

    def _candidates(self, gap: Expr, index: Expr) -> list[Expr]:
        """What a premise may be solved for: variables, those of no known sign and later ones first; then entries."""
        if index is not None:
            bases = [
                b for b in self.bases.values() if gap.has(b[index]) and not any(s.has(b) for s in gap.atoms(sp.Sum))
            ]
            return [b[index] for b in bases[::-1] if b[index].is_nonnegative is None]
        inside = {s for total in (*gap.atoms(sp.Sum), *gap.atoms(sp.Lambda)) for s in total.free_symbols}
        free = [s for s in gap.free_symbols if isinstance(s, sp.Dummy) and not s.is_integer and s not in inside]
        free.sort(key=lambda s: (s.is_nonnegative is not None, -s.dummy_index))
        entries = [e for e in gap.atoms(sp.Indexed) if not e.free_symbols & set(self.bound)]
        return [*free, *sorted(entries, key=str)]

    def implied(self, low: Term, high: Term) -> bool:
        """Whether low <= high follows from the premises by the sign of the difference."""
        gap = self.simple(self.read(high) - self.read(low))
        return bool(gap.is_nonnegative) or any(self.simple(gap - g).is_nonnegative for g, _ in self.gaps)

    # Reading.

    def read(self, t: Term, around: tuple[Expr, ...] = ()) -> Expr:
        """The expression; raises _Undecided where the term may be undefined."""
        key = (t, around)
        if key not in self.known:
            self.known[key] = self._read(t, around)
        return self.known[key]

    def _read(self, t: Term, around: tuple[Expr, ...]) -> Expr:
        op = t.op
        if op == "number":
            return sp.Rational(t.value.numerator, t.value.denominator)
        if op == "variable":
            symbol = self._atom(op, t.value)
            return self.replacements.get(symbol, symbol)
        if op == "count":
            return self.N
        if op == "entry":
            return self.entry(t.value[0], self.index(t.value[1], around))
        if op == "delta":
            return self.delta(*(self.index(i, around) for i in t.value))
        if op in ("sum", "largest"):
            return self._bind(op, t.args[0], around)
        if op == "derivative":
            return self._derivative(t, around)
        args = [self.read(a, around) for a in t.args]
        if op == "div" or (op == "power" and t.value < 0):
            self._nonzero(args[-1])
        if op == "log":
            return self.logarithm(args[0])
        make: dict[str, Callable[..., Expr]] = {
            "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
            "div": lambda a, b: a / b, "power": lambda a: a**t.value, "exp": sp.exp, "abs": sp.Abs, "max": sp.Max,
        }  # fmt: skip
        return make[op](*args)

    def _bind(self, op: str, body: Term, around: tuple[Expr, ...]) -> Expr:
        if self.count is not None:
            values = [self.read(body, (sp.Integer(n), *around)) for n in range(1, self.count + 1)]
            return sp.Add(*values) if op == "sum" else sp.Max(*values)
        index = sp.Dummy("i", integer=True, positive=True)
        found = self.read(body, (index, *around))
        return self.total(found, index) if op == "sum" else self.top(found, index)

    def index(self, index: Index, around: tuple[Expr, ...]) -> Expr:
        if isinstance(index, Bound):
            return around[index.level]
        if isinstance(index, Free):
            if index.name not in self.indices:
                self.indices[index.name] = sp.Symbol(index.name, integer=True, positive=True)
            return self.indices[index.name]
        inner = self.index(index.index, around)
        if self.count is not None:
            return sp.Integer(self.image[int(inner)])
        return sp.Function(index.permutation, integer=True, positive=True)(inner)

    def entry(self, name: str, index: Expr) -> Expr:
        if name in self.families:
            value, old = self.families[name]
            return value.xreplace({old: index})
        entry = self._atom("entry", name)[index]
        return self.replacements.get(entry, entry)

    def delta(self, i: Expr, j: Expr) -> Expr:
        while i.is_Function and j.is_Function and i.func == j.func:
            i, j = i.args[0], j.args[0]
        return sp.Integer(0) if i != j and {i, j} <= self.apart else sp.KroneckerDelta(i, j)

    def _derivative(self, t: Term, around: tuple[Expr, ...]) -> Expr:
        """SymPy's derivative, of what is smooth by its form."""
        name, index = t.value
        if name in self.bound_vectors:
            raise _Undecided("a premise speaks of what is varied in a derivative")
        if any(n.op in ("abs", "max", "largest", "derivative") for n in nodes(t.args[0])):
            raise _Undecided("a derivative of what may have a corner")
        return self.renew(sp.diff(self.read(t.args[0], around), self.entry(name, self.index(index, around))))

    def _nonzero(self, e: Expr) -> None:
        e = self.simple(e)
        if not (e.is_nonzero or self.decide(e, True) or self.decide(-e, True)):
            raise _Undecided(f"a divisor may be 0: {_short(e)}")

    def logarithm(self, e: Expr) -> Expr:
        """log e, as a sum of logs as far as the factors are positive; raises _Undecided unless e > 0."""
        if not self.decide(e, True):
            raise _Undecided(f"the log of what is not known to be positive: {_short(e)}")
        top, bottom = sp.fraction(sp.together(self.mask(e)))
        factors = [sp.factor_terms(sp.expand(part)) for part in (top, bottom)]
        return self.unmask(sp.expand_log(sp.log(factors[0])) - sp.expand_log(sp.log(factors[1])))

    # Sums and maxima over the index.

    def renew(self, e: Expr) -> Expr:
        """An expression in which something was replaced, with its sums and logs in their usual form again."""
        if isinstance(e, sp.Sum):
            index = sp.Dummy("i", integer=True, positive=True)
            old = e.variables[0]
            return self.total(self.renew(e.function.xreplace({old: index})), index)
        if isinstance(e, _LARGEST):
            index = sp.Dummy("i", integer=True, positive=True)
            return self.top(self.renew(e.args[0].expr.xreplace({e.args[0].variables[0]: index})), index)
        if isinstance(e, sp.KroneckerDelta):
            return self.delta(*e.args)
        if isinstance(e, sp.log):
            return self.logarithm(self.renew(e.args[0]))
        if not e.args or isinstance(e, sp.Indexed):
            return self.replacements.get(e, e)
        return e.func(*(self.renew(a) for a in e.args))

    def simple(self, e: Expr) -> Expr:
        return self.unmask(sp.expand(self.mask(e)))

    def total(self, body: Expr, index: Expr) -> Expr:
        """The sum of the body, each term by itself, constants outside; SymPy evaluates those with a Kronecker delta."""
        body = self._reindexed(self.simple(body), index)
        found: Expr = sp.Integer(0)
        for term in sp.Add.make_args(body):
            constant, part = term.as_independent(index, as_Add=False)
            factors = sp.Mul.make_args(part)
            delta = any(isinstance(f, sp.KroneckerDelta) and index in f.args for f in factors)
            deltas = [d for d in part.atoms(sp.KroneckerDelta) if d.has(index)]
            if part == 1:
                found += self.N * constant
            elif delta and not any(a != index and a.has(index) for d in deltas for a in d.args):
                value = deltasummation(part, (index, 1, self.N), no_piecewise=True)
                if value.has(sp.Sum) and not part.has(sp.Sum):
                    raise _Undecided(f"SymPy does not evaluate the sum of {_short(part)}")
                found += constant * self.renew(value)
            else:
                named = self._named(part, index)
                found += constant * sp.Sum(named[0], (named[1], 1, self.N))
        return found

    def _named(self, body: Expr, index: Expr) -> tuple[Expr, Expr]:
        """The body with the index that all sums of its height have."""
        height = _height(body)
        while len(self.bound) <= height:
            self.bound.append(sp.Dummy(f"i{len(self.bound)}", integer=True, positive=True))
        return body.xreplace({index: self.bound[height]}), self.bound[height]

    def _reindexed(self, body: Expr, index: Expr) -> Expr:
        """With i for p(i), where the body depends on i by p(i) alone."""
        while True:
            moved = {f for f in body.atoms(sp.core.function.AppliedUndef) if f.args == (index,)}
            if len(moved) != 1:
                return body
            new = sp.Dummy("i", integer=True, positive=True)
            changed = body.xreplace({moved.pop(): new})
            if changed.has(index):
                return body
            body = changed.xreplace({new: index})

    def top(self, body: Expr, index: Expr) -> Expr:
        """The largest value of the body; what rises with its part that depends on the index is taken outside."""
        body = self._reindexed(self.simple(body), index)
        if not body.has(index):
            return body
        shapes = [body, sp.factor_terms(body)] if body.is_Add else [body]
        for shape in shapes:
            u = sp.Dummy("u", real=True)
            if shape.is_Add:
                constant, part = shape.as_independent(index, as_Add=True)
                f = constant + u
            elif shape.is_Mul:
                if all(isinstance(a, sp.exp) for a in sp.Mul.make_args(shape)):
                    part, f = sum(a.args[0] for a in sp.Mul.make_args(shape)), sp.exp(u)
                else:
                    constant, part = shape.as_independent(index, as_Add=False)
                    f = constant * u
            elif isinstance(shape, (sp.exp, sp.log)):
                (part,) = shape.args
                u = sp.Dummy("u", real=True, positive=True) if isinstance(shape, sp.log) else u
                f = shape.func(u)
            else:
                continue
            if part not in (shape, 1) and self.decide(sp.diff(f, u), False, 1):
                inner = self.top(part, index)
                return self.renew(f.xreplace({u: inner}))
        named = self._named(body, index)
        return _LARGEST(sp.Lambda(named[1], named[0]))

    # Decisions.

    def mask(self, e: Expr) -> Expr:
        """With a symbol for each sum, largest value and entry, of the sign that SymPy knows of it."""
        if isinstance(e, (sp.Sum, sp.Indexed, _LARGEST, sp.KroneckerDelta)):
            if e not in self.masks:
                inside = e.function if isinstance(e, sp.Sum) else e.args[0].expr if isinstance(e, _LARGEST) else e
                at_least_0 = inside.is_nonnegative or isinstance(e, sp.KroneckerDelta)
                sign = {"positive": True} if inside.is_positive else {"nonnegative": True} if at_least_0 else {}
                self.masks[e] = sp.Dummy("s", real=True, **sign)
                if isinstance(e, sp.KroneckerDelta):
                    self.upper[self.masks[e]] = sp.Integer(1)
                self.unmasks[self.masks[e]] = e
            return self.masks[e]
        return e.func(*map(self.mask, e.args)) if e.args else e

    def unmask(self, e: Expr) -> Expr:
        return e.xreplace({s: self.unmasks[s] for s in e.free_symbols if s in self.unmasks})

    def zero(self, e: Expr) -> bool:
        """Whether SymPy reduces the expression to 0: expanded, over one denominator, or with its logs exponentiated."""
        e = sp.expand(self.mask(e))
        if _vanishes(e) or any(map(_vanishes, self._without_logs(e))):
            return True
        body = self._terms(e)
        return body is not None and _vanishes(sp.expand(self.mask(body)))

    def _without_logs(self, e: Expr) -> Iterator[Expr]:
        """What must vanish for e to vanish, if that is one expression: e^e - 1 for each multiplier of the logs in e."""
        groups: dict[Expr, list[tuple[Expr, Expr]]] = {}
        rest = []
        for term in sp.Add.make_args(e):
            logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log)]
            if len(logs) == 1:
                q, multiplier = (term / logs[0]).as_coeff_Mul()
                groups.setdefault(multiplier, []).append((q, logs[0].args[0]))
            else:
                rest.append(term)
        if not groups:
            return
        left_over = []
        for multiplier in sorted(groups, key=lambda m: (m == 1, -sp.count_ops(m))):
            part = [t for t in rest if multiplier == 1 or not sp.fraction(t / multiplier)[1].free_symbols]
            rest = [t for t in rest if t not in part]
            left_over.append(_exponential(groups[multiplier], [t / multiplier for t in part]) - 1)
        if not rest and all(map(_vanishes, left_over)):
            yield sp.Integer(0)

    def _terms(self, masked: Expr) -> Expr | None:
        """The body of the one sum that a combination of sums is, up to a positive factor; None if it is not one."""
        top, bottom = sp.fraction(sp.together(masked))
        top = sp.expand(top)
        sums = [s for s in top.free_symbols if isinstance(self.unmasks.get(s), sp.Sum)]
        if not sums or not bottom.is_positive:
            return None
        index = sp.Dummy("i", integer=True, positive=True)
        body: Expr = sp.Integer(0)
        for s in sums:
            factor = top.coeff(s)
            if factor.free_symbols & set(sums):
                return None
            total = self.unmasks[s]
            body += self.unmask(factor) * total.function.xreplace({total.variables[0]: index})
            top = sp.expand(top - factor * s)
        if top.free_symbols & set(sums):
            return None
        constant = sp.expand(top / self.N)
        if self.N in constant.free_symbols:
            return None
        return body + self.unmask(constant)

    def rises(self, left: Term, right: Term, hole: int, strict: bool) -> bool:
        """Whether an operation rises (True) or falls (False) with an argument; raises _Undecided if neither is seen."""
        if left.op in ("abs", "max", "derivative"):
            raise _Undecided(f"{left.op} need not rise or fall")
        sides = [self.read(t.args[hole]) for t in (left, right)]
        both = all(self.decide(side, True) for side in sides)
        u = sp.Dummy("u", real=True, **({"positive": True} if both else {}))
        if (left.op in ("log", "power") or (left.op == "div" and hole == 1)) and not both:
            raise _Undecided("what is not known to be positive")
        args = [u if n == hole else self.read(a) for n, a in enumerate(left.args)]
        make: dict[str, Callable[..., Expr]] = {
            "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
            "div": lambda a, b: a / b, "power": lambda a: a**left.value, "exp": sp.exp, "log": sp.log,
        }  # fmt: skip
        slope = sp.diff(make[left.op](*args), u)
        if self.decide(slope, strict):
            return True
        if self.decide(-slope, strict):
            return False
        raise _Undecided(f"the sign of {_short(slope)}")

    def decide(self, e: Expr, strict: bool, depth: int = _DEPTH) -> bool:
        """Whether SymPy finds e >= 0, or e > 0."""
        e = self.simple(e)
        if self._sign(self.mask(e), strict, 1):
            return True
        if depth == 0:
            return False
        lowest = self._from_the_top(e)
        for form, place, gaps in ((e, None, ()), *([lowest] if lowest else [])):
            form = self._exponentiated(form)
            if self._sign(self.mask(form), strict, _DEPTH):
                return True
            places = [place] if place is not None else _places(form)
            if any(self._sign(self.mask(self._split(form, at, gaps)), strict, _DEPTH) for at in places):
                return True
            body = self._terms(sp.expand(self.mask(form)))
            if body is not None and self.decide(body, strict, depth - 1):
                return True
        return False

    def _exponentiated(self, e: Expr) -> Expr:
        """An expression of the same sign without logs, p - q for log p - log q; or the given one."""
        shape = sp.factor_terms(sp.expand(self.mask(e)))
        factors = sp.Mul.make_args(shape)
        sums = [f for f in factors if f.is_Add and f.has(sp.log)]
        if len(sums) != 1 or not all(f.is_positive for f in factors if f not in sums):
            return e
        logs, rest = [], []
        for term in sp.Add.make_args(sums[0]):
            q, log = term.as_coeff_Mul()
            if isinstance(log, sp.log) and q.is_rational:
                logs.append((q, log.args[0]))
            elif term.has(sp.log):
                return e
            else:
                rest.append(term)
        top, bottom = [(q, a) for q, a in logs if q > 0], [(-q, a) for q, a in logs if q < 0]
        return self.unmask(_exponential(top, rest) - _exponential(bottom, []))

    def _split(self, e: Expr, at: Expr, gaps: tuple[Expr, ...]) -> Expr:
        """Each sum of terms >= 0 written as its term at one index, where the gaps are 0, and a rest >= 0."""
        new = {}
        for s in e.atoms(sp.Sum):
            if s.function.is_nonnegative and not s.free_symbols & set(self.bound):
                rest = sp.Dummy("r", real=True, nonnegative=True)
                term = s.function.xreplace({s.variables[0]: at}).xreplace({gap[at]: sp.Integer(0) for gap in gaps})
                new[s] = self.renew(term) + rest
        return e.xreplace(new)

    def _from_the_top(self, e: Expr) -> tuple[Expr, Expr, tuple[Expr, ...]] | None:
        """With u_i = m - d_i for a largest value m of u, where d_i >= 0; with the index at which d is 0, and d.

        For one largest value only: two need not be taken at the same index.
        """
        place = sp.Dummy("k", integer=True, positive=True)
        for top in sorted((f for f in e.atoms(_LARGEST) if not f.free_symbols & set(self.bound)), key=str):
            body, old = top.args[0].expr, top.args[0].variables[0]
            for base in {entry.base for entry in body.atoms(sp.Indexed) if entry.indices == (old,)}:
                slope = sp.diff(body.xreplace({base[old]: (u := sp.Dummy("u", real=True))}), u)
                inner = {*slope.atoms(sp.Sum, _LARGEST), *body.atoms(sp.Sum, _LARGEST)}
                if slope.has(u) or slope.has(base) or not slope.is_nonzero or any(t.has(old) for t in inner):
                    continue
                m = sp.Dummy("m", real=True, **({"positive": True} if body.is_positive else {}))
                below = sp.IndexedBase(sp.Dummy("d", real=True, nonnegative=True))
                rest = body.xreplace({base[old]: sp.Integer(0)})
                found = e.xreplace({top: m})
                new = {
                    x: ((m - below[old] - rest) / slope).xreplace({old: x.indices[0]})
                    for x in found.atoms(sp.Indexed)
                    if x.base == base
                }
                return self.simple(self.renew(found.xreplace(new))), place, (below,)
        return None

    def _sign(self, e: Expr, strict: bool, depth: int) -> bool:
        """Whether an expression in symbols is >= 0, or > 0: by its form, its factors, or a derivative."""
        e = sp.expand(e)
        if e.is_positive or (not strict and e.is_nonnegative):
            return True
        if e.is_number or depth == 0 or e.has(sp.zoo, sp.nan, sp.oo):
            return False
        if not strict and e.free_symbols & set(self.upper) and self._is_above_its_ends(e, depth):
            return True
        top, bottom = sp.fraction(sp.together(e))
        sign, unknown = 1, []
        for part, below in ((sp.factor_terms(sp.expand(top)), False), (bottom, True)):
            for f in sp.Mul.make_args(part):
                if f.is_negative or (not strict and not below and f.is_nonpositive and not f.is_nonnegative):
                    sign = -sign
                elif not (f.is_positive or (not strict and not below and f.is_nonnegative)):
                    unknown.append((f, below))
        if not unknown:
            return sign > 0
        if any(below for _, below in unknown):
            return False
        return self._by_derivatives(sp.expand(sign * sp.Mul(*(f for f, _ in unknown))), strict, depth)

    def _is_above_its_ends(self, e: Expr, depth: int) -> bool:
        """Whether e >= 0 because it is concave in a bounded symbol, and >= 0 at the bounds."""
        for t in sorted(e.free_symbols & set(self.upper), key=str):
            ends = [e.xreplace({t: at}) for at in (sp.Integer(0), self.upper[t])]
            if (-sp.factor(sp.diff(e, t, 2))).is_nonnegative and all(self._sign(x, False, depth - 1) for x in ends):
                return True
        return False

    def _by_derivatives(self, e: Expr, strict: bool, depth: int) -> bool:
        if e.has(sp.Max, sp.Abs):
            return False
        factored = sp.factor(e) if sp.count_ops(e) < 60 else e
        if factored.is_positive or (not strict and factored.is_nonnegative):
            return True
        ordered = sorted(e.free_symbols, key=str)
        for t in ordered:
            if t in self.upper:
                end, w = self.upper[t], sp.Dummy("w", positive=True)
                parts = [e.xreplace({t: at}) for at in (sp.Integer(0), end, end / (1 + w))]
                return all(self._sign(part, strict, depth - 1) for part in parts)
        for v in ordered:
            if v.is_nonnegative and v != self.N:
                start, slope = e.xreplace({v: sp.Integer(0)}), sp.diff(e, v)
                if start.has(sp.zoo, sp.nan, sp.oo):
                    continue
                if self._sign(start, strict, depth - 1) and self._sign(slope, False, depth - 1):
                    return True
                if strict and v.is_positive and start == 0 and self._sign(slope, True, depth - 1):
                    return True
        masked = [(self.mask(g), s) for g, s in self.gaps]
        return any(_known_sign(e - g, strict and not s) for g, s in masked)


def _known_sign(e: Expr, strict: bool) -> bool:
    e = sp.expand(e)
    return bool(e.is_positive or (not strict and e.is_nonnegative))


def _vanishes(e: Expr) -> bool:
    e = sp.expand(e)
    return bool(e == 0 or sp.expand(sp.fraction(sp.together(e))[0]) == 0)


def _exponential(logs: list[tuple[Expr, Expr]], rest: list[Expr]) -> Expr:
    """e to the power of the sum of q log a and of the rest."""
    return sp.expand(sp.Mul(*(a**q for q, a in logs)) * sp.exp(sp.Add(*rest)))


def _places(e: Expr) -> list[Expr]:
    """The indices at which entries stand outside of all sums."""
    free = {i for entry in e.atoms(sp.Indexed) for i in entry.indices}
    inside = {s.variables[0] for s in e.atoms(sp.Sum)} | {f.args[0].variables[0] for f in e.atoms(_LARGEST)}
    return sorted((i for i in free if not i.free_symbols & inside), key=str)


def _height(e: Expr) -> int:
    """How many sums and largest values stand inside each other."""
    here = int(isinstance(e, (sp.Sum, _LARGEST)))
    if isinstance(e, sp.Indexed):
        return 0
    return here + max((_height(a) for a in e.args), default=0)


def _vectors(t: Term) -> Iterator[str]:
    return (n.value[0] for n in nodes(t) if n.op == "entry")
