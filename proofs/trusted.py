"""What a theorem rests on: the terms, the rules, and the checker that alone can make a `Theorem`. All of it is here.

A term is a real number that depends on real variables, on vectors x_1 .. x_N with N >= 1, and on indices between 1 and
N. Sums and maxima run over 1 .. N and their index has no name: inside the body it is `Bound(0)`, one sum further
out `Bound(1)`, and so on (de Bruijn 1972). A free index is `Free(name)`. So nothing can be captured by a name.

A rule is an equation or an inequality between two patterns, with side conditions. A derivation is a chain of terms in
which each is made from the one before by a rule at a position. `check` looks at every step and returns the theorem
"under these premises, the first term is =, <= or < the last", or raises `Rejected` and says which step and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import combinations
from math import gcd
from types import MappingProxyType, NoneType
from typing import Any, NoReturn, TypeAlias

__all__ = [
    "BINDERS",
    "RULES",
    "Bound",
    "Cases",
    "Condition",
    "Derivation",
    "Free",
    "Index",
    "Moved",
    "Premise",
    "Rejected",
    "Relation",
    "Rule",
    "Step",
    "Term",
    "Theorem",
    "Use",
    "bound_index",
    "check",
    "fraction",
    "holds",
    "instance",
    "lifted",
    "nodes",
    "opened",
    "replaced",
    "subterm",
    "used_indices",
]

# Terms.


@dataclass(frozen=True, slots=True)
class Bound:
    """The index of the sum or maximum that is `level` binders further out."""

    level: int


@dataclass(frozen=True, slots=True)
class Free:
    """An index between 1 and N that the term does not bind."""

    name: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The index to which a permutation of 1 .. N takes another."""

    permutation: str
    index: Index


Index: TypeAlias = Bound | Free | Moved

# How many terms each operation takes. What `value` holds: number a Fraction, variable its name, power an int, entry
# (vector, index), delta two indices, derivative (vector, index): by x_k. count is N. meta and body occur in rules only.
_ARITY = {
    "number": 0, "variable": 0, "count": 0, "entry": 0, "delta": 0, "meta": 0, "body": 0,
    "neg": 1, "power": 1, "exp": 1, "log": 1, "abs": 1, "sum": 1, "largest": 1, "derivative": 1,
    "add": 2, "sub": 2, "mul": 2, "div": 2, "max": 2,
}  # fmt: skip
BINDERS = ("sum", "largest")


@dataclass(frozen=True, slots=True)
class Term:
    """One node: an operation, its arguments, and the name, number or indices that it carries."""

    op: str
    args: tuple[Term, ...] = ()
    value: Any = None

    def __post_init__(self) -> None:
        if len(self.args) != _ARITY.get(self.op, -1):
            raise ValueError(f"a term needs a known operation with its arguments, got {self.op!r} of {len(self.args)}")

    def __add__(self, other: Term | int) -> Term:
        return Term("add", (self, _term(other)))

    def __radd__(self, other: int) -> Term:
        return _term(other) + self

    def __sub__(self, other: Term | int) -> Term:
        return Term("sub", (self, _term(other)))

    def __rsub__(self, other: int) -> Term:
        return _term(other) - self

    def __mul__(self, other: Term | int) -> Term:
        return Term("mul", (self, _term(other)))

    def __rmul__(self, other: int) -> Term:
        return _term(other) * self

    def __truediv__(self, other: Term | int) -> Term:
        return Term("div", (self, _term(other)))

    def __rtruediv__(self, other: int) -> Term:
        return _term(other) / self

    def __neg__(self) -> Term:
        return Term("neg", (self,))


def _term(value: Term | int) -> Term:
    return value if isinstance(value, Term) else Term("number", (), Fraction(value))


ZERO, ONE = _term(0), _term(1)


def _indexed(t: Term, change: Callable[[Index, int], Index], depth: int = 0) -> Term:
    """The term with every index replaced by change(index, number of binders around it)."""
    value = t.value
    if t.op in ("entry", "derivative", "body"):
        value = (value[0], change(value[1], depth))
    elif t.op == "delta":
        value = (change(value[0], depth), change(value[1], depth))
    inner = depth + (t.op in BINDERS)
    return Term(t.op, tuple(_indexed(a, change, inner) for a in t.args), value)


def _based(index: Index, change: Callable[[Bound | Free], Index]) -> Index:
    return Moved(index.permutation, _based(index.index, change)) if isinstance(index, Moved) else change(index)


def lifted(t: Term, by: int, free_from: int = 0) -> Term:
    """The term placed under `by` more binders; raises Rejected when by < 0 and one of those taken away is used."""

    def base(index: Bound | Free, depth: int) -> Index:
        if isinstance(index, Free) or index.level < free_from + depth:
            return index
        if index.level + by < free_from + depth:
            raise Rejected("a bound index would leave its sum")
        return Bound(index.level + by)

    return _indexed(t, lambda index, depth: _based(index, lambda b: base(b, depth)))


def _moved_index(index: Index, by: int) -> Index:
    return lifted(Term("entry", (), ("", index)), by).value[1]  # type: ignore[no-any-return]


def opened(body: Term, index: Index) -> Term:
    """The body of a sum with its index set to `index`, which is an index of the place where the sum stands."""

    def base(b: Bound | Free, depth: int) -> Index:
        if isinstance(b, Free) or b.level < depth:
            return b
        return _moved_index(index, depth) if b.level == depth else Bound(b.level - 1)

    return _indexed(body, lambda i, depth: _based(i, lambda b: base(b, depth)))


def bound_index(t: Term, index: Index) -> Term:
    """The body of a sum over `index`: every place where it stands becomes the bound index."""

    def change(i: Index, depth: int) -> Index:
        return Bound(depth) if i == _moved_index(index, depth + 1) else i

    return _indexed(lifted(t, 1), lambda i, depth: _outermost(i, lambda j: change(j, depth)))


def _outermost(index: Index, change: Callable[[Index], Index]) -> Index:
    new = change(index)
    if new == index and isinstance(index, Moved):
        return Moved(index.permutation, _outermost(index.index, change))
    return new


def _carried(t: Term) -> tuple[Index, ...]:
    if t.op == "delta":
        return t.value  # type: ignore[no-any-return]
    return (t.value[1],) if t.op in ("entry", "body", "derivative") else ()


def used_indices(t: Term, depth: int = 0) -> Iterator[Index]:
    """The indices that mean something outside of the term, as they are called outside; p(i) is followed by i."""
    for index in _carried(t):
        base = _base(index)
        if isinstance(base, Free) or base.level >= depth:
            outside = _moved_index(index, -depth)
            yield outside
            while isinstance(outside, Moved):
                outside = outside.index
                yield outside
    for a in t.args:
        yield from used_indices(a, depth + (t.op in BINDERS))


def _base(index: Index) -> Bound | Free:
    while isinstance(index, Moved):
        index = index.index
    return index


def nodes(t: Term) -> Iterator[Term]:
    yield t
    for a in t.args:
        yield from nodes(a)


def subterm(t: Term, at: tuple[int, ...]) -> Term:
    """The term at a position, a path of argument numbers; raises Rejected where there is none."""
    for number in at:
        if not 0 <= number < len(t.args):
            raise Rejected(f"there is no position {list(at)}")
        t = t.args[number]
    return t


def replaced(t: Term, at: tuple[int, ...], new: Term) -> Term:
    """The term with `new` at a position; raises Rejected where there is none."""
    if not at:
        return new
    subterm(t, at[:1])
    args = list(t.args)
    args[at[0]] = replaced(args[at[0]], at[1:], new)
    return Term(t.op, tuple(args), t.value)


# Statements.


class Rejected(Exception):
    """A derivation is not accepted; says where and why."""


@dataclass(frozen=True, slots=True)
class Relation:
    """left kind right, where kind is =, <=, < or (in premises and conditions) !=."""

    left: Term
    kind: str
    right: Term


@dataclass(frozen=True, slots=True)
class Premise:
    """An assumed relation; with `each`, its `Bound(0)` runs over 1 .. N and the relation is assumed for every value."""

    relation: Relation
    each: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks of its parts: a relation, or that a part be smooth, or constant in the entries of a vector."""

    kind: str
    left: Term
    right: Any = None


@dataclass(frozen=True, slots=True)
class Rule:
    """left kind right for everything that fits the patterns and fulfils the conditions; where that is proven."""

    name: str
    left: Term
    kind: str
    right: Term
    source: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """An instance of a theorem: a term for each of its variables, a body for each vector, an index for each index."""

    theorem: Theorem
    variables: tuple[tuple[str, Term], ...] = ()
    vectors: tuple[tuple[str, Term], ...] = ()
    indices: tuple[tuple[str, Index], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The rule `rule` at position `at` makes `to` of the term before; `backwards` uses it from right to left.

    Beside the names in `RULES` there are "arithmetic" (equal as rational functions), "premise" and "theorem".
    """

    rule: str
    at: tuple[int, ...]
    to: Term
    backwards: bool = False
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """A chain of terms from `start`, under premises."""

    name: str
    start: Term
    steps: tuple[Step, ...]
    premises: tuple[Premise, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """Two derivations of one statement: `low` may assume left <= right, `high` may assume right <= left."""

    name: str
    left: Term
    right: Term
    low: Derivation | Cases
    high: Derivation | Cases


@dataclass(frozen=True, slots=True, init=False)
class Theorem:
    """Under the premises, the conclusion holds for all real variables and vectors, all N >= 1 and all indices."""

    name: str
    premises: tuple[Premise, ...]
    conclusion: Relation
    derivation: Derivation | Cases

    def __init__(self, *_: Any, **__: Any) -> None:
        raise TypeError("a Theorem comes from check(derivation), there is no other way")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Theorem is not copied or pickled: check its derivation again")

    def __setstate__(self, _: Any) -> NoReturn:
        raise TypeError("a Theorem does not change")


# Side conditions.

Facts: TypeAlias = tuple[Premise, ...]


def _known(facts: Facts, t: Term) -> Iterator[Relation]:
    """The premises, and those about every index at the indices of the term."""
    for fact in facts:
        r = fact.relation
        if not fact.each:
            yield r
        else:
            for index in set(used_indices(t)):
                yield Relation(opened(r.left, index), r.kind, opened(r.right, index))


def _sign(t: Term, facts: Facts) -> int:
    """2 if t > 0 is seen from its form and the facts, 1 if t >= 0 is, else 0."""
    kinds = {r.kind for r in _known(facts, t) if r.left == ZERO and r.right == t}
    if "<" in kinds:
        return 2
    s = [_sign(a, facts) for a in t.args]
    found = 0
    if t.op == "number":
        found = 2 if t.value > 0 else int(t.value == 0)
    elif t.op in ("count", "exp"):
        found = 2
    elif t.op in ("sum", "largest"):
        found = s[0]
    elif t.op == "abs":
        found = max(1, s[0])
    elif t.op == "delta":
        found = 1
    elif t.op == "add":
        found = max(s) if min(s) else 0
    elif t.op == "mul":
        found = min(s)
    elif t.op == "div":
        found = s[0] if s[1] == 2 else 0
    elif t.op == "power":
        found = 2 if s[0] == 2 else int(t.value > 0 and (t.value % 2 == 0 or s[0] == 1))
    elif t.op == "max":
        found = max(s)
    elif t.op == "sub" and t.args[0] == ONE and t.args[1].op == "delta":
        found = 1
    return max(found, int("<=" in kinds))


def holds(kind: str, left: Term, right: Term, facts: Facts) -> bool:
    """Whether left kind right follows at once from the facts: never True without a reason, often False with one."""
    if any(r == Relation(left, kind, right) for r in _known(facts, left - right)):
        return True
    if kind == "=":
        return left == right
    if kind == "!=":
        return right == ZERO and (_sign(left, facts) == 2 or _is_nonzero_number(left) or _factors_nonzero(left, facts))
    needed = {"<": 2, "<=": 1}[kind]
    if _sign(right if left == ZERO else right - left, facts) >= needed:
        return True
    if {left.op, right.op} <= {"number"}:
        return bool(left.value < right.value or (kind == "<=" and left.value == right.value))
    difference = _defined(right - left, facts)
    gaps = [r.right - r.left for r in _known(facts, left - right) if r.kind == "<" or (r.kind == kind == "<=")]
    gaps += [s + t for s, t in combinations(gaps, 2)]  # a <= b and b <= c give a <= c
    return difference is not None and any(difference == _defined(gap, facts) for gap in gaps)


def _is_nonzero_number(t: Term) -> bool:
    return t.op == "number" and t.value != 0


def _factors_nonzero(t: Term, facts: Facts) -> bool:
    parts = t.args if t.op in ("neg", "mul", "div", "power") else ()
    return bool(parts) and all(holds("!=", a, ZERO, facts) for a in parts)


def _smooth(t: Term, facts: Facts) -> bool:
    """Whether the term has derivatives by every entry: logs of what is > 0, quotients by what is not 0, no corners."""
    if t.op in ("abs", "max", "largest", "derivative"):
        return False
    if t.op == "log" and _sign(t.args[0], facts) != 2:
        return False
    if t.op == "div" and not holds("!=", t.args[1], ZERO, facts):
        return False
    if t.op == "power" and t.value < 0 and not holds("!=", t.args[0], ZERO, facts):
        return False
    return all(_smooth(a, facts) for a in t.args)


def _constant(t: Term, vector: str) -> bool:
    if t.op in ("entry", "derivative") and t.value[0] == vector:
        return False
    return all(_constant(a, vector) for a in t.args)


def _demand(condition: Condition, facts: Facts) -> None:
    if condition.kind == "smooth":
        held = _smooth(condition.left, facts)
    elif condition.kind == "constant":
        held = _constant(condition.left, condition.right)
    else:
        held = holds(condition.kind, condition.left, condition.right, facts)
    if not held:
        raise Rejected(f"the side condition {condition.kind!r} is not known to hold")


# Arithmetic: polynomials with rational coefficients in everything that is not + - * / or a power.

Polynomial: TypeAlias = dict[frozenset[tuple[Term, int]], Fraction]
_LIMIT = 5_000  # products of monomials in one multiplication, and bits of a coefficient
_LARGEST_POWER = 1_000
_LARGEST_TERM = 20_000  # nodes


def _times(p: Polynomial, q: Polynomial) -> Polynomial:
    if len(p) * len(q) > _LIMIT:
        raise Rejected("the arithmetic of this step is too large")
    product: Polynomial = {}
    for m, a in p.items():
        for n, b in q.items():
            powers = dict(m)
            for atom, k in n:
                powers[atom] = powers.get(atom, 0) + k
            key = frozenset(powers.items())
            product[key] = product.get(key, Fraction(0)) + a * b
    if any(max(c.numerator.bit_length(), c.denominator.bit_length()) > _LIMIT for c in product.values()):
        raise Rejected("the arithmetic of this step is too large")
    return {m: c for m, c in product.items() if c}


def _plus(p: Polynomial, q: Polynomial, sign: int = 1) -> Polynomial:
    total = dict(p)
    for m, c in q.items():
        total[m] = total.get(m, Fraction(0)) + sign * c
    return {m: c for m, c in total.items() if c}


_UNIT: Polynomial = {frozenset(): Fraction(1)}


def fraction(t: Term, nonzero: list[Term]) -> tuple[Polynomial, Polynomial]:
    """Numerator and denominator; what was divided by is added to `nonzero`."""
    if t.op == "number":
        return ({frozenset(): t.value} if t.value else {}), _UNIT
    if t.op not in ("neg", "add", "sub", "mul", "div", "power"):
        return {frozenset({(t, 1)}): Fraction(1)}, _UNIT
    (p, q), *rest = [fraction(a, nonzero) for a in t.args]
    if t.op == "neg":
        return _plus({}, p, -1), q
    if t.op == "power":
        if abs(t.value) > _LARGEST_POWER:
            raise Rejected("the arithmetic of this step is too large")
        if t.value < 0:
            nonzero.append(t.args[0])
            p, q = q, p
        top, bottom = _UNIT, _UNIT
        for _ in range(abs(t.value)):
            top, bottom = _times(top, p), _times(bottom, q)
        return top, bottom
    ((r, s),) = rest
    if t.op == "mul":
        return _times(p, r), _times(q, s)
    if t.op == "div":
        nonzero.append(t.args[1])
        return _times(p, s), _times(q, r)
    if q == s:
        return _plus(p, r, 1 if t.op == "add" else -1), q
    return _plus(_times(p, s), _times(r, q), 1 if t.op == "add" else -1), _times(q, s)


def _defined(t: Term, facts: Facts) -> tuple[Polynomial, Polynomial] | None:
    """Numerator and denominator, or None where something may be divided by 0."""
    nonzero: list[Term] = []
    found = fraction(t, nonzero)
    return found if all(holds("!=", divisor, ZERO, facts) for divisor in nonzero) else None


def _arithmetic(left: Term, right: Term, facts: Facts) -> None:
    p, r = _defined(left, facts), _defined(right, facts)
    if p is None or r is None:
        raise Rejected("a divisor is not known to differ from 0")
    if _times(p[0], r[1]) != _times(r[0], p[1]):
        raise Rejected("the two sides are not equal as rational functions")


# Matching: `meta` stands for a term without the indices bound in the pattern, `body` for one that may have them.

Bindings: TypeAlias = dict[str, Any]


def _bind(bindings: Bindings, name: str, value: Any) -> None:
    if bindings.setdefault(name, value) != value:
        raise Rejected("the rule does not fit here")


def _match_index(pattern: Index, index: Index, bindings: Bindings, depth: int) -> None:
    if isinstance(pattern, Free):
        _bind(bindings, pattern.name, _moved_index(index, -depth))
    elif isinstance(pattern, Bound):
        if index != pattern:
            raise Rejected("the rule does not fit here")
    else:
        raise Rejected("the rule does not fit here")


def _match_body(pattern: Term, t: Term, bindings: Bindings, depth: int) -> None:
    name, index = pattern.value
    if index == Bound(0) and depth == 1:
        _bind(bindings, name, t)
    elif isinstance(index, Moved):
        for moved in used_indices(t):
            if isinstance(moved, Moved) and moved.index == Bound(0):
                body = bound_index(t, moved)
                _bind(bindings, index.permutation, moved.permutation)
                _bind(bindings, name, lifted(body, -1, 1))
                return
        raise Rejected("the rule does not fit here")
    else:
        for candidate in [bindings.get(index.name, Free("1")), *used_indices(t)]:
            if opened(bindings[name], candidate) == lifted(t, -depth):
                _bind(bindings, index.name, candidate)
                return
        raise Rejected("the rule does not fit here")


def _match(pattern: Term, t: Term, bindings: Bindings, depth: int = 0) -> None:
    if pattern.op == "meta":
        _bind(bindings, pattern.value, lifted(t, -depth))
    elif pattern.op == "body":
        _match_body(pattern, t, bindings, depth)
    elif isinstance(pattern.value, str) and pattern.op in ("number", "power") and t.op == pattern.op:
        _bind(bindings, pattern.value, Fraction(t.value))
        for p, a in zip(pattern.args, t.args, strict=True):
            _match(p, a, bindings, depth)
    elif pattern.op != t.op:
        raise Rejected("the rule does not fit here")
    else:
        if t.op in ("entry", "derivative"):
            _bind(bindings, pattern.value[0], t.value[0])
            _match_index(pattern.value[1], t.value[1], bindings, depth)
        elif t.op == "delta":
            for p, i in zip(pattern.value, t.value, strict=True):
                _match_index(p, i, bindings, depth)
        elif pattern.value != t.value:
            raise Rejected("the rule does not fit here")
        for p, a in zip(pattern.args, t.args, strict=True):
            _match(p, a, bindings, depth + (t.op in BINDERS))


def _match_rule(rule: Rule, left: Term, right: Term, facts: Facts) -> None:
    bindings: Bindings = {}
    sides = [(rule.left, left), (rule.right, right)]
    if rule.left.op == "body":  # its sum stands on the other side
        sides.reverse()
    for pattern, t in sides:
        _match(pattern, t, bindings)
    for c in rule.conditions:
        right = bindings[c.right] if c.kind == "constant" else _bound_part(c.right, bindings)
        _demand(Condition(c.kind, _bound_part(c.left, bindings), right), facts)


def _bound_part(part: Any, bindings: Bindings) -> Any:
    """What a part of a condition was matched with; numbers stand for themselves."""
    if isinstance(part, Term) and part.op in ("meta", "body"):
        return bindings[part.value if part.op == "meta" else part.value[0]]
    return part


# Rules.

A, B, C = (Term("meta", (), name) for name in "ABC")
F, G = (Term("body", (), (name, Bound(0))) for name in "FG")
J, K = Free("j"), Free("k")
AT_K = Term("body", (), ("F", K))
N = Term("count")


def _of(op: str, *args: Term, value: Any = None) -> Term:
    return Term(op, args, value)


def _partial(t: Term) -> Term:
    return Term("derivative", (t,), ("x", K))


def _delta(i: Index, j: Index) -> Term:
    return Term("delta", (), (i, j))


_EXP = "Rudin, Principles of Mathematical Analysis (1976), Theorem 8.6"
_LOG = "Rudin (1976), chapter 8, the logarithm as the inverse of exp"
_SUMS = "Graham, Knuth, Patashnik, Concrete Mathematics (1994), section 2.3"
_MAX = "the maximum of finitely many numbers is one of them and none is larger"
_PAIR = "definition of the larger of two numbers"
_ABS = "definition of the absolute value"
_DELTA = "definition of the Kronecker delta"
_DIFF = "Rudin (1976), Theorems 5.3 and 5.5"
_n = Term("number", (), "n")


def _positive(t: Term) -> Condition:
    return Condition("<", ZERO, t)


_RULES = (
    Rule("exp-add", _of("exp", A + B), "=", _of("exp", A) * _of("exp", B), _EXP),
    Rule("exp-sub", _of("exp", A - B), "=", _of("exp", A) / _of("exp", B), _EXP),
    Rule("exp-neg", _of("exp", -A), "=", 1 / _of("exp", A), _EXP),
    Rule("exp-zero", _of("exp", ZERO), "=", ONE, _EXP),
    Rule("exp-power", _of("power", _of("exp", A), value="n"), "=", _of("exp", _n * A), _EXP),
    Rule("log-exp", _of("log", _of("exp", A)), "=", A, _LOG),
    Rule("exp-log", _of("exp", _of("log", A)), "=", A, _LOG, (_positive(A),)),
    Rule("log-mul", _of("log", A * B), "=", _of("log", A) + _of("log", B), _LOG, (_positive(A), _positive(B))),
    Rule("log-div", _of("log", A / B), "=", _of("log", A) - _of("log", B), _LOG, (_positive(A), _positive(B))),
    Rule("log-power", _of("log", _of("power", A, value="n")), "=", _n * _of("log", A), _LOG, (_positive(A),)),
    Rule("log-one", _of("log", ONE), "=", ZERO, _LOG),
    Rule("sum-add", _of("sum", F + G), "=", _of("sum", F) + _of("sum", G), _SUMS),
    Rule("sum-sub", _of("sum", F - G), "=", _of("sum", F) - _of("sum", G), _SUMS),
    Rule("sum-factor", _of("sum", C * F), "=", C * _of("sum", F), _SUMS),
    Rule("sum-constant", _of("sum", C), "=", N * C, _SUMS),
    Rule("sum-delta", _of("sum", _delta(Bound(0), K) * F), "=", AT_K, _SUMS),
    Rule("sum-permute", _of("sum", Term("body", (), ("F", Moved("p", Bound(0))))), "=", _of("sum", F), _SUMS),
    Rule("delta-same", _delta(K, K), "=", ONE, _DELTA),
    Rule("delta-symmetric", _delta(J, K), "=", _delta(K, J), _DELTA),
    Rule("largest-exp", _of("largest", _of("exp", F)), "=", _of("exp", _of("largest", F)), "exp increases: " + _EXP),
    Rule("largest-add", _of("largest", F + C), "=", _of("largest", F) + C, _MAX),
    Rule("largest-sub", _of("largest", F - C), "=", _of("largest", F) - C, _MAX),
    Rule("largest-constant", _of("largest", C), "=", C, _MAX),
    Rule("entry-at-most-largest", AT_K, "<=", _of("largest", F), _MAX),
    Rule("largest-at-most-sum", _of("largest", F), "<=", _of("sum", F), _MAX, (Condition("<=", ZERO, F),)),
    Rule("entry-at-most-sum", AT_K, "<=", _of("sum", F), "what is added is >= 0", (Condition("<=", ZERO, F),)),
    Rule("sum-at-most-largest", _of("sum", F), "<=", N * _of("largest", F), _MAX),
    Rule("max-first", _of("max", A, B), "=", A, _PAIR, (Condition("<=", B, A),)),
    Rule("max-second", _of("max", A, B), "=", B, _PAIR, (Condition("<=", A, B),)),
    Rule("max-commutes", _of("max", A, B), "=", _of("max", B, A), _PAIR),
    Rule("max-associates", _of("max", _of("max", A, B), C), "=", _of("max", A, _of("max", B, C)), _PAIR),
    Rule("abs-above", _of("abs", A), "=", A, _ABS, (Condition("<=", ZERO, A),)),
    Rule("abs-below", _of("abs", A), "=", -A, _ABS, (Condition("<=", A, ZERO),)),
    Rule("positive", ZERO, "<", A, "the sign is seen from the form of the term", (_positive(A),)),
    Rule("exp-convex", _of("exp", A * B + (1 - A) * C), "<=", A * _of("exp", B) + (1 - A) * _of("exp", C),
         "Boyd, Vandenberghe, Convex Optimization (2004), section 3.1.5",
         (Condition("<=", ZERO, A), Condition("<=", A, ONE))),
    Rule("derivative-constant", _partial(A), "=", ZERO, _DIFF, (Condition("constant", A, "x"),)),
    Rule("derivative-entry", _partial(Term("entry", (), ("x", J))), "=", _delta(J, K), _DIFF),
    Rule("derivative-add", _partial(A + B), "=", _partial(A) + _partial(B), _DIFF,
         (Condition("smooth", A), Condition("smooth", B))),
    Rule("derivative-sub", _partial(A - B), "=", _partial(A) - _partial(B), _DIFF,
         (Condition("smooth", A), Condition("smooth", B))),
    Rule("derivative-mul", _partial(A * B), "=", _partial(A) * B + A * _partial(B), _DIFF,
         (Condition("smooth", A), Condition("smooth", B))),
    Rule("derivative-div", _partial(A / B), "=", (_partial(A) * B - A * _partial(B)) / (B * B), _DIFF,
         (Condition("smooth", A), Condition("smooth", B), Condition("!=", B, ZERO))),
    Rule("derivative-exp", _partial(_of("exp", A)), "=", _of("exp", A) * _partial(A), _DIFF, (Condition("smooth", A),)),
    Rule("derivative-log", _partial(_of("log", A)), "=", _partial(A) / A, _DIFF,
         (Condition("smooth", A), _positive(A))),
    Rule("derivative-sum", _partial(_of("sum", F)), "=", _of("sum", _partial(F)), _DIFF, (Condition("smooth", F),)),
)  # fmt: skip
RULES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in _RULES})


# The checker.


def _plain(value: Any, seen: dict[int, Any]) -> None:
    """Refuse all but exactly this module's classes, tuples, numbers and names: a subclass may answer as it likes."""
    if id(value) in seen:
        return
    seen[id(value)] = value  # kept, so that no other object gets its id
    if type(value) is tuple:
        for item in value:
            _plain(item, seen)
    elif type(value) in (Derivation, Cases, Step, Use, Premise, Relation, Term, Bound, Free, Moved):
        for item in fields(value):
            _plain(getattr(value, item.name), seen)
    elif type(value) is Fraction:
        whole = (value.numerator, value.denominator)
        if {type(n) for n in whole} != {int} or whole[1] <= 0 or gcd(*whole) != 1:
            raise Rejected("a fraction is not in lowest terms")
    elif type(value) not in (str, int, bool, NoneType, Theorem):
        raise Rejected(f"a {type(value).__name__} is not what a derivation is made of")


_VALUES = {"number": (Fraction,), "variable": (str,), "power": (int,), "entry": (str, None), "derivative": (str, None),
           "delta": (None, None)}  # fmt: skip  # None stands for an index


def _well_formed(t: Term, closed: bool = True) -> None:
    """Refuse patterns, values that the operation does not carry, and in a closed term indices that no sum binds."""
    for number, node in enumerate(nodes(t)):
        if number > _LARGEST_TERM:
            raise Rejected("a term is too large")
        kinds = _VALUES.get(node.op, (NoneType,))
        held = node.value if len(kinds) > 1 and type(node.value) is tuple else (node.value,)
        right = len(held) == len(kinds) and all(
            _is_index(v) if kind is None else type(v) is kind for v, kind in zip(held, kinds, strict=True)
        )
        if node.op in ("meta", "body") or not right:
            raise Rejected(f"{node.op!r} with the value {node.value!r} is not a term")
    if closed and any(isinstance(_base(index), Bound) for index in used_indices(t)):
        raise Rejected("an index is bound to no sum")


def _is_index(value: Any) -> bool:
    if type(value) is Moved:
        return type(value.permutation) is str and _is_index(value.index)
    return (type(value) is Free and type(value.name) is str) or (
        type(value) is Bound and type(value.level) is int and value.level >= 0
    )


def instance(t: Term, use: Use) -> Term:
    """The term with the variables, vectors and indices of a theorem replaced."""
    variables, vectors, indices = dict(use.variables), dict(use.vectors), dict(use.indices)

    def index(i: Index, depth: int) -> Index:
        def base(b: Bound | Free) -> Index:
            return _moved_index(indices[b.name], depth) if isinstance(b, Free) and b.name in indices else b

        return _based(i, base)

    def walk(s: Term, depth: int) -> Term:
        if s.op == "variable":
            return lifted(variables.get(s.value, s), depth)
        if s.op == "entry" and s.value[0] in vectors:
            return opened(lifted(vectors[s.value[0]], depth, 1), index(s.value[1], depth))
        if s.op == "derivative" and vectors:
            raise Rejected("a derivative's vector cannot be replaced")
        value = s.value
        if s.op in ("entry", "derivative"):
            value = (value[0], index(value[1], depth))
        elif s.op == "delta":
            value = (index(value[0], depth), index(value[1], depth))
        return Term(s.op, tuple(walk(a, depth + (s.op in BINDERS)) for a in s.args), value)

    return walk(t, 0)


def _use_theorem(use: Use | None, left: Term, right: Term, facts: Facts) -> str:
    if use is None or type(use.theorem) is not Theorem:
        raise Rejected("the step names no theorem")
    for _, term in (*use.variables, *use.vectors):
        _well_formed(term, closed=False)
    if not all(type(name) is str and _is_index(index) for name, index in use.indices):
        raise Rejected("an index of the theorem is replaced by what is no index")
    said = (use.theorem.conclusion, *(p.relation for p in use.theorem.premises))
    if (use.variables or use.vectors) and any(n.op == "derivative" for r in said for n in nodes(r.left - r.right)):
        raise Rejected("only the indices of a theorem about derivatives can be replaced")
    for premise in use.theorem.premises:
        r = premise.relation
        if premise.each:
            raise Rejected("a theorem with a premise about every index cannot be used in a step")
        if not holds(r.kind, instance(r.left, use), instance(r.right, use), facts):
            raise Rejected(f"a premise of the theorem {use.theorem.name!r} is not known to hold")
    stated = use.theorem.conclusion
    if (instance(stated.left, use), instance(stated.right, use)) != (left, right):
        raise Rejected(f"the theorem {use.theorem.name!r} does not say this")
    return stated.kind


def _relation_of(step: Step, left: Term, right: Term, facts: Facts) -> str:
    """The relation that the step's rule gives between its two sides; raises Rejected if it gives none."""
    if step.rule == "arithmetic":
        _arithmetic(left, right, facts)
        return "="
    if step.rule == "premise":
        for r in _known(facts, left - right):
            if (r.left, r.right) == (left, right) and r.kind in ("=", "<=", "<"):
                return r.kind
        raise Rejected("no premise says this")
    if step.rule == "theorem":
        return _use_theorem(step.use, left, right, facts)
    if step.rule not in RULES:
        raise Rejected(f"there is no rule {step.rule!r}")
    _match_rule(RULES[step.rule], left, right, facts)
    return RULES[step.rule].kind


def _rises(t: Term, at: tuple[int, ...], strict: bool, facts: Facts) -> bool:
    """Whether t grows (True) or falls (False) with its part at `at`; `t` is the smaller of the two terms."""
    rises = True
    for number in at:
        other = t.args[1 - number] if len(t.args) == 2 else ZERO
        if t.op == "neg" or (t.op == "sub" and number == 1):
            rises = not rises
        elif t.op == "log":
            if not rises or _sign(t.args[0], facts) != 2:
                raise Rejected("log of what is not known to be positive")
        elif (t.op == "mul" or (t.op == "div" and number == 0)) and _sign(other, facts) > int(strict or t.op == "div"):
            pass
        elif t.op not in ("add", "exp", "sum", "largest") and not (t.op == "sub" and number == 0):
            raise Rejected(f"an inequality cannot be used inside {t.op!r} here")
        t = t.args[number]
    return rises


def _local(facts: Facts, t: Term, at: tuple[int, ...]) -> Facts:
    """What may be used at a position: inside a derivative by x_k nothing that was assumed of x, for there x varies."""
    for number in at:
        if t.op == "derivative":
            facts = tuple(f for f in facts if _constant(f.relation.left - f.relation.right, t.value[0]))
        t = t.args[number]
    return facts


def _check_step(before: Term, step: Step, facts: Facts) -> str:
    _well_formed(step.to)
    if type(step.backwards) is not bool:
        raise Rejected("a step goes forwards or backwards")
    old, new = subterm(before, step.at), subterm(step.to, step.at)
    if replaced(before, step.at, new) != step.to:
        raise Rejected("something else than the position changed")
    left, right = (new, old) if step.backwards else (old, new)
    kind = _relation_of(step, left, right, _local(facts, before, step.at))
    if kind != "=" and _rises(before, step.at, kind == "<", facts) == step.backwards:
        raise Rejected("the inequality points the other way")
    return kind


def _check_chain(d: Derivation, assumed: Facts) -> Relation:
    facts = (*d.premises, *assumed)
    for premise in d.premises:
        if premise.relation.kind not in ("=", "<=", "<", "!=") or type(premise.each) is not bool:
            raise Rejected(f"{premise.relation.kind!r} is not a relation")
        for side in (premise.relation.left, premise.relation.right):
            _well_formed(Term("sum", (side,)) if premise.each else side)
    _well_formed(d.start)
    before, kinds = d.start, set()
    for number, step in enumerate(d.steps, 1):
        try:
            kinds.add(_check_step(before, step, facts))
        except Rejected as reason:
            raise Rejected(f"{d.name}, step {number} ({step.rule}): {reason}") from None
        before = step.to
    return Relation(d.start, "<" if "<" in kinds else "<=" if "<=" in kinds else "=", before)


def _check(d: Derivation | Cases, assumed: Facts) -> tuple[Facts, Relation]:
    if isinstance(d, Derivation):
        return d.premises, _check_chain(d, assumed)
    for side in (d.left, d.right):
        _well_formed(side)
    low = _check(d.low, (*assumed, Premise(Relation(d.left, "<=", d.right))))
    high = _check(d.high, (*assumed, Premise(Relation(d.right, "<=", d.left))))
    if low != high:
        raise Rejected(f"{d.name}: the two cases do not prove the same statement under the same premises")
    return low


def check(derivation: Derivation | Cases) -> Theorem:
    """The theorem that a derivation proves; raises Rejected with the step and the reason if it proves none."""
    try:
        _plain(derivation, {})
        premises, conclusion = _check(derivation, ())
    except RecursionError:
        raise Rejected("the derivation is nested too deeply") from None
    theorem = object.__new__(Theorem)
    for name, value in (
        ("name", derivation.name),
        ("premises", premises),
        ("conclusion", conclusion),
        ("derivation", derivation),
    ):
        object.__setattr__(theorem, name, value)
    return theorem
