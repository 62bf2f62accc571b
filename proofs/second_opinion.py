"""The second checker: every step is put to SymPy, which knows nothing of our rules.

The two terms before and after a step become SymPy expressions with a symbolic N, under the premises. Of an equation
SymPy is asked whether the difference vanishes when it expands, factors and differentiates by its own means. Maxima over
the index are written x_i = M - d_i with d_i >= 0, one d_i being 0; a maximum of two and an absolute value are decided
in every order of the numbers compared. Of an inequality it is asked for the part that changed, and whether the rest
increases with it. It agrees only where it sees that every log and every quotient has a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import sympy as sp

from .notation import TEXT, cases
from .terms import ONE, ZERO
from .trusted import (
    BINDERS,
    Bound,
    Cases,
    Derivation,
    Free,
    Index,
    Moved,
    Premise,
    Relation,
    Term,
    nodes,
    used_indices,
)

__all__ = ["Answer", "ask", "opinions"]

_PERMUTED = (1, 2, 3)  # the N for which permuted sums are asked
_ORDERED = 4  # numbers whose orders are tried, at most


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether SymPy agrees, what it was asked, and why it agrees or what was left over."""

    agrees: bool
    question: str
    argument: str


def opinions(derivation: Derivation | Cases) -> tuple[Answer, ...]:
    """SymPy's answer for every step, in order; of two cases the lower first."""
    found = []
    for assumed, chain in cases(derivation):
        before = chain.start
        for step in chain.steps:
            kind = "="
            if step.use is not None:
                kind = step.use.theorem.conclusion.kind
            elif step.rule in _INEQUALITIES:
                kind = _INEQUALITIES[step.rule]
            found.append(ask(before, kind, step.to, (*chain.premises, *assumed)))
            before = step.to
    return tuple(found)


_INEQUALITIES = {
    "entry-at-most-largest": "<=",
    "largest-at-most-sum": "<=",
    "entry-at-most-sum": "<=",
    "sum-at-most-largest": "<=",
    "exp-convex": "<=",
    "positive": "<",
}


def ask(left: Term, kind: str, right: Term, facts: tuple[Premise, ...] = ()) -> Answer:
    """SymPy's answer to: left kind right, for every N >= 1 and all real values that fulfil the facts?"""
    question = TEXT.relation(Relation(left, kind, right))
    try:
        agrees, argument = (_equal if kind == "=" else _ordered)(left, kind, right, facts)
    except _Undecided as undecided:
        agrees, argument = False, str(undecided)
    except (ValueError, TypeError, AttributeError, NotImplementedError, RecursionError) as error:
        agrees, argument = False, f"SymPy was not able to answer: {error}"
    return Answer(agrees, question, argument)


class _Undecided(Exception):
    """SymPy was not able to say; says at what it stopped."""


# Equations.


def _equal(left: Term, _: str, right: Term, facts: tuple[Premise, ...]) -> tuple[bool, str]:
    if any(isinstance(i, Moved) for t in nodes(left - right) for i in _indices_of(t)):
        return _permuted(left, right, facts)
    worlds = 0
    for world in _worlds(left - right, facts):
        difference = world.canonical(world.read(left) - world.read(right))
        undefined = world.undefined()
        if undefined is not None:
            return False, f"SymPy does not see that there is {undefined}"
        if difference != 0 and sp.simplify(difference) != 0:
            return False, f"the difference is {difference}{world.said}"
        worlds += 1
    return True, "the difference is 0" + (f" in each of {worlds} orders of what is compared" if worlds > 1 else "")


def _indices_of(t: Term) -> tuple[Any, ...]:
    return t.value if isinstance(t.value, tuple) else ()


def _permuted(left: Term, right: Term, facts: tuple[Premise, ...]) -> tuple[bool, str]:
    free = sorted({i.name for i in used_indices(left - right) if isinstance(i, Free)})
    for n in _PERMUTED:
        for p in permutations(range(1, n + 1)):
            for values in product(range(1, n + 1), repeat=len(free)):
                world = _World(facts, {})
                world.count, world.permutation, world.fixed = sp.Integer(n), p, dict(zip(free, values, strict=True))
                difference = sp.expand((world.read(left) - world.read(right)).doit())
                if sp.simplify(difference) != 0:
                    return False, f"the difference is {difference} for N = {n} and the permutation {p}"
    return (
        True,
        f"the difference is 0 for N = {', '.join(map(str, _PERMUTED))} and every permutation (not for symbolic N)",
    )


class _World:
    """One way to read terms: symbols with what the facts say of them, and an order of the numbers that are compared."""

    def __init__(self, facts: tuple[Premise, ...], order: dict[str, Any], said: str = "") -> None:
        self.facts, self.order, self.said = facts, order, said
        self.count: Any = sp.Symbol("N", integer=True, positive=True)
        self.permutation: tuple[int, ...] | None = None
        self.fixed: dict[str, int] = {}
        self.sums: dict[Any, Any] = {}
        self.shifted: set[str] = set()
        self.top = sp.Symbol("M", real=True)
        self.place = sp.Symbol("place", integer=True, positive=True)
        self.nonzero = {f.relation.left for f in facts if f.relation.kind == "!=" and f.relation.right == ZERO}
        self.logs: list[Any] = []
        self.divisors: list[Any] = []
        self.number = 0
        self.bound: set[Any] = set()
        self.positive = {f.relation.right for f in facts if f.relation.kind == "<" and f.relation.left == ZERO}

    # Terms as expressions.

    def read(self, t: Term, around: tuple[Any, ...] = ()) -> Any:
        op = t.op
        if op == "number":
            return sp.Rational(t.value.numerator, t.value.denominator)
        if op == "variable":
            return self._variable(t)
        if op == "count":
            return self.count
        if op == "entry":
            return self._entry(t.value[0], self._index(t.value[1], around))
        if op == "delta":
            return sp.KroneckerDelta(*(self._index(i, around) for i in t.value))
        if op in BINDERS:
            self.number += 1
            i = sp.Symbol(f"i_{self.number}", integer=True, positive=True)
            self.bound.add(i)
            body = self.read(t.args[0], (i, *around))
            return sp.Sum(body, (i, 1, self.count)) if op == "sum" else self._largest(body, i)
        if op == "derivative":
            body = self.read(t.args[0], around)
            return sp.diff(body, self._entry(t.value[0], self._index(t.value[1], around)))
        args = [self.read(a, around) for a in t.args]
        if op == "log" and t.args[0] not in self.positive:
            self.logs.append(args[0])
        divisor = t.args[-1] if op == "div" or (op == "power" and t.value < 0) else None
        if divisor is not None and divisor not in self.nonzero:
            self.divisors.append(args[-1])
        if op == "max":
            return self._larger(*args)
        if op == "abs":
            return self._larger(args[0], -args[0])
        return _OPERATIONS[op](*args) if op != "power" else args[0] ** t.value

    def undefined(self) -> str | None:
        """What SymPy does not see to have a value, of all that was read: the log of something, or a division by it."""
        for e in self.logs:
            if not sp.factor(self.canonical(e)).is_positive:
                return f"the log of {e}"
        for e in self.divisors:
            if not sp.factor(self.canonical(e)).is_nonzero:
                return f"a division by {e}"
        return None

    def _variable(self, t: Term) -> Any:
        if t.value in self.order:
            return self.order[t.value]
        for fact in self.facts:
            r = fact.relation
            if r.kind == "=" and not fact.each and t in (r.left, r.right):
                other = r.left if r.right == t else r.right
                if t not in nodes(other):
                    return self.read(other)
        return sp.Symbol(t.value, real=True, positive=True if t in self.positive else None)

    def _entry(self, vector: str, index: Any) -> Any:
        positive = any(t.op == "entry" and t.value == (vector, Bound(0)) for t in self.positive)
        if vector in self.shifted:
            return self.top - sp.IndexedBase(f"d_{vector}", nonnegative=True)[index]
        return sp.IndexedBase(vector, real=True, positive=True if positive else None)[index]

    def _index(self, index: Index, around: tuple[Any, ...]) -> Any:
        if isinstance(index, Bound):
            return (
                around[index.level]
                if index.level < len(around)
                else sp.Symbol(f"b_{index.level - len(around)}", integer=True)
            )
        if isinstance(index, Free):
            return self.fixed.get(index.name, sp.Symbol(index.name, integer=True, positive=True))
        if self.permutation is None:
            raise _Undecided("a permutation of a symbolic N")
        inner = self._index(index.index, around)
        if isinstance(inner, int):
            return self.permutation[inner - 1]
        return sp.Piecewise(*((v, sp.Eq(inner, n)) for n, v in enumerate(self.permutation, 1)))

    def _largest(self, body: Any, i: Any) -> Any:
        """The largest value over i: at the place where d_i = 0, if SymPy sees that the body falls as d_i grows."""
        gaps = [atom for atom in body.atoms(sp.Indexed) if i in atom.free_symbols]
        if not gaps:
            return body
        if len(gaps) != 1 or not str(gaps[0].base).startswith("d_"):
            raise _Undecided("a maximum over more than one entry")
        d = sp.Symbol("d", nonnegative=True)
        as_function = body.subs(gaps[0], d)
        if i in as_function.free_symbols or not sp.simplify(sp.diff(as_function, d)).is_nonpositive:
            raise _Undecided("a maximum of what does not fall with the distance from the largest entry")
        return as_function.subs(d, 0)

    def _larger(self, a: Any, b: Any) -> Any:
        difference = sp.expand(a - b)
        if difference.is_nonnegative:
            return a
        if difference.is_nonpositive:
            return b
        raise _Undecided(f"the order of {a} and {b}")

    # Expressions in a form in which equal ones look alike.

    def canonical(self, e: Any) -> Any:
        walked = self._walk(e)
        for r in (f.relation for f in self.facts if f.relation.kind == "=" and not f.each):
            for side, other in ((r.left, r.right), (r.right, r.left)):
                named = self._walk(self.read(side)) if side.op == "sum" else None
                if named in self.sums.values():
                    walked = self._walk(walked.subs(named, self.read(other)))
        return sp.expand(sp.cancel(sp.together(sp.expand(walked))))

    def _walk(self, e: Any) -> Any:
        if isinstance(e, sp.Sum):
            return self._sum(e)
        if isinstance(e, sp.KroneckerDelta) or e.is_Atom or isinstance(e, sp.Indexed):
            return e
        args = [self._walk(a) for a in e.args]
        if isinstance(e, sp.exp):
            return sp.expand(sp.exp(sp.expand(args[0])))
        if isinstance(e, sp.log):
            return self._log(args[0])
        return e.func(*args)

    def _sum(self, e: Any) -> Any:
        """SymPy writes a sum of sums as one with several indices, the innermost first."""
        inner = self._walk(e.function)
        for i, _, _ in e.limits:
            inner = self._sum_over(inner, i)
        return inner

    def _sum_over(self, summand: Any, i: Any) -> Any:
        total = sp.Integer(0)
        for term in sp.Add.make_args(sp.expand(summand)):
            constant, rest = term.as_independent(i, as_Add=False)
            deltas = [f for f in sp.Mul.make_args(rest) if isinstance(f, sp.KroneckerDelta)]
            if deltas:
                (k,) = [a for a in deltas[0].args if a != i] or [i]
                total += constant * (rest / deltas[0]).subs(i, k)
            elif rest == 1:
                total += constant * self.count
            else:
                total += constant * self._named_sum(rest, i)
        return total

    def _named_sum(self, body: Any, i: Any) -> Any:
        if body.free_symbols & self.bound - {i}:
            raise _Undecided("a sum that depends on the index of another")
        key = sp.expand(body).subs(i, self.place)
        if key not in self.sums:
            self.sums[key] = sp.Dummy(f"S_{len(self.sums)}", real=True, positive=True if body.is_positive else None)
        return self.sums[key]

    def _log(self, argument: Any) -> Any:
        """The log of the factors, with every e^(t) a positive symbol while SymPy factors."""
        bases: dict[Any, Any] = {}
        powers = {}
        for e in argument.atoms(sp.exp):
            multiple, base = e.args[0].as_coeff_Mul()
            whole = multiple if multiple.is_integer else sp.Integer(1)
            base = base * multiple / whole
            powers[e] = bases.setdefault(base, sp.Dummy(positive=True)) ** whole
        opened = sp.expand_log(sp.log(sp.factor(sp.together(argument.xreplace(powers)))))
        logs = {sp.log(symbol): base for base, symbol in bases.items()}
        return opened.xreplace(logs).xreplace({symbol: sp.exp(base) for base, symbol in bases.items()})


_OPERATIONS: dict[str, Any] = {
    "neg": lambda a: -a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "exp": sp.exp,
    "log": sp.log,
}


def _worlds(t: Term, facts: tuple[Premise, ...]) -> Iterator[_World]:
    """Every order of the numbers whose maxima and absolute values occur; the facts rule some of them out."""
    compared = [n for n in nodes(t) if n.op in ("max", "abs")]
    names = sorted({n.value for c in compared for n in nodes(c) if n.op == "variable"})
    zero = any(n.op == "number" for c in compared for n in nodes(c)) or any(
        c.op == "abs" and len(names) == 1 for c in compared
    )
    if len(names) > _ORDERED:
        raise _Undecided("more numbers are compared than orders are tried")
    vectors = {n.value[0] for m in nodes(t) if m.op == "largest" for n in nodes(m) if n.op == "entry"}
    for order in permutations([*names, "0"] if zero else names) if compared else [()]:
        values = _values(order)
        world = _World(facts, values, f" for {' <= '.join(order)}" if order else "")
        world.shifted = vectors
        if all(_consistent(f.relation, order) for f in facts):
            yield world


def _values(order: tuple[str, ...]) -> dict[str, Any]:
    """The numbers from the lowest, or from 0, each as far above the one below as a symbol >= 0 says."""
    gaps = [sp.Symbol(f"gap_{n}", nonnegative=True) for n in range(len(order))]
    base = sp.Integer(0) if "0" in order else sp.Symbol("low", real=True)
    start = order.index("0") if "0" in order else 0
    return {name: base + sum(gaps[start:n]) - sum(gaps[n:start]) for n, name in enumerate(order) if name != "0"}


def _consistent(r: Relation, order: tuple[str, ...]) -> bool:
    """Whether the order may hold: r is a premise, and only one between two of the numbers can speak against it."""
    names = ["0" if s == ZERO else s.value if s.op == "variable" else None for s in (r.left, r.right)]
    if r.kind not in ("<=", "<") or None in names or not set(names) <= set(order):
        return True
    return order.index(names[0]) < order.index(names[1])


# Inequalities.


def _ordered(left: Term, kind: str, right: Term, facts: tuple[Premise, ...]) -> tuple[bool, str]:
    at = _changed(left, right)
    for length in range(len(at), -1, -1):
        small, large = _inside(left, at[:length]), _inside(right, at[:length])
        why = _why_smaller(small, kind, large, facts)
        if why is None:
            continue
        if length and not _increases(left, at[:length], small, facts):
            continue
        return True, why + (", and the rest increases with it" if length else "")
    return False, "SymPy does not see the sign of the difference"


def _changed(left: Term, right: Term) -> tuple[int, ...]:
    at: list[int] = []
    while left.op == right.op and left.value == right.value:
        different = [n for n, (a, b) in enumerate(zip(left.args, right.args, strict=True)) if a != b]
        if len(different) != 1:
            break
        at.append(different[0])
        left, right = left.args[different[0]], right.args[different[0]]
    return tuple(at)


def _inside(t: Term, at: tuple[int, ...]) -> Term:
    for n in at:
        t = t.args[n]
    return t


def _increases(t: Term, at: tuple[int, ...], part: Term, facts: tuple[Premise, ...]) -> bool:
    """Whether SymPy's derivative of the term by the part at a position is positive; `part` is the smaller part."""
    marked = _with(t, at, Term("variable", (), "hole"))
    try:
        for world in _worlds(t, facts):
            above = world.canonical(world.read(part)).is_positive
            hole = world.order["hole"] = sp.Symbol("hole", real=True, positive=True if above else None)
            slope = world.canonical(sp.diff(world.read(marked).replace(sp.Sum, _times_count), hole))
            if not sp.factor(slope).is_positive:
                return False
    except _Undecided:
        return False
    return True


def _times_count(summand: Any, limits: Any) -> Any:
    return sp.Sum(summand, limits) if summand.has(sp.Indexed) else summand * limits[2]


def _with(t: Term, at: tuple[int, ...], new: Term) -> Term:
    if not at:
        return new
    args = list(t.args)
    args[at[0]] = _with(args[at[0]], at[1:], new)
    return Term(t.op, tuple(args), t.value)


def _why_smaller(small: Term, kind: str, large: Term, facts: tuple[Premise, ...]) -> str | None:
    """Why small <= large (or <), None if SymPy does not see it."""
    convex = _convex(small, large, facts)
    if kind == "<=" and convex is not None:
        return convex
    reasons = set()
    try:
        for world in _worlds(small - large, facts):
            difference = world.canonical(world.read(large) - world.read(small))
            if world.undefined() is not None:
                return None
            reason = _sign(difference, kind, world)
            if reason is None:
                return None
            reasons.add(reason)
    except _Undecided:
        return None
    return "; ".join(sorted(reasons)) or None


def _sign(difference: Any, kind: str, world: _World) -> str | None:
    numerator, denominator = sp.fraction(sp.factor(sp.together(difference)))
    if not denominator.is_positive:
        return None
    factors = [f for f in sp.Mul.make_args(numerator) if not f.is_positive]
    if not factors:
        return "the difference is positive"
    if kind == "<" or len(factors) != 1:
        return None
    rest = sp.expand(factors[0])
    if rest.is_nonnegative:
        return "the difference is not negative"
    for body, symbol in world.sums.items():
        if symbol in rest.free_symbols and _sum_is_large(rest, body, symbol, world):
            return "a sum of positive terms is one of them and a rest that is not negative"
        if symbol in rest.free_symbols and _sum_is_small(rest, body, symbol, world):
            return "term by term: the value where the distance is 0 and the sign of the derivative"
    return None


def _sum_is_large(rest: Any, body: Any, symbol: Any, world: _World) -> bool:
    """Whether rest >= 0 when the sum is one of its terms, at a free index or where the largest entry is, and more."""
    if not symbol.is_positive:
        return False
    more = sp.Symbol("rest", nonnegative=True)
    gaps = [atom for atom in body.atoms(sp.Indexed) if world.place in atom.free_symbols]
    singles = [body.subs(world.place, s) for s in rest.free_symbols if s.is_integer and s != world.count]
    if gaps and all(str(g.base).startswith("d_") for g in gaps):
        singles.append(body.subs(dict.fromkeys(gaps, 0)))
    return any(sp.expand(rest.subs(symbol, single + more)).is_nonnegative for single in singles)


def _sum_is_small(rest: Any, body: Any, symbol: Any, world: _World) -> bool:
    """Whether rest = alpha N + beta S is a sum of terms that are not negative, at any distance from the largest."""
    alpha, beta = rest.coeff(world.count), rest.coeff(symbol)
    if sp.expand(rest - alpha * world.count - beta * symbol) != 0:
        return False
    gaps = [atom for atom in body.atoms(sp.Indexed) if world.place in atom.free_symbols]
    if len(gaps) != 1 or not str(gaps[0].base).startswith("d_"):
        return False
    d = sp.Symbol("d", nonnegative=True)
    term = alpha + beta * body.subs(gaps[0], d)
    return bool(sp.expand(term.subs(d, 0)).is_nonnegative and sp.simplify(sp.diff(term, d)).is_nonnegative)


def _convex(small: Term, large: Term, facts: tuple[Premise, ...]) -> str | None:
    """exp of a mean is at most the mean of exp: SymPy is asked for the mean and for the second derivative."""
    if small.op != "exp" or small.args[0].op != "add" or [a.op for a in small.args[0].args] != ["mul", "mul"]:
        return None
    (weight, u), (other, v) = (a.args for a in small.args[0].args)
    known = {(f.relation.left, f.relation.kind, f.relation.right) for f in facts if not f.each}
    if (ZERO, "<=", weight) not in known or (weight, "<=", ONE) not in known:
        return None
    z = sp.Symbol("z", real=True)
    names = {t: sp.Dummy(real=True) for t in (weight, u, v)}
    read = _Opaque(facts, {}, names)
    mean = sp.expand(read.read(other) - (1 - names[weight])) == 0
    right = names[weight] * sp.exp(names[u]) + (1 - names[weight]) * sp.exp(names[v])
    if mean and sp.expand(read.read(large) - right) == 0 and sp.diff(sp.exp(z), z, 2).is_positive:
        return "the second derivative of exp is positive and the weights are between 0 and 1"
    return None


class _Opaque(_World):
    """Reads some terms as symbols, whatever is in them."""

    def __init__(self, facts: tuple[Premise, ...], order: dict[str, Any], names: dict[Term, Any]) -> None:
        super().__init__(facts, order)
        self.names = names

    def read(self, t: Term, around: tuple[Any, ...] = ()) -> Any:
        return self.names[t] if t in self.names else super().read(t, around)
