"""Finds derivations: both sides are brought to a normal form by the rules, and the steps are kept.

Nothing rests on this module: what it finds is given to the checker, and what the checker rejects was not found. The
normal form is a quotient of polynomials in e^(x), logs, sums and so on: exponents are split into their terms, logs into
those of their factors, sums into those of their terms with constant factors in front; a maximum of two or an absolute
value is split into its two cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import gcd, lcm

from .building import chain
from .catalogue import CATALOGUE, theorem
from .terms import COUNT, ONE, ZERO, delta, exp, log, maximum, number, power
from .trusted import (
    BINDERS,
    Bound,
    Cases,
    Derivation,
    Free,
    Index,
    Moved,
    Premise,
    Rejected,
    Relation,
    Step,
    Term,
    Theorem,
    Use,
    check,
    fraction,
    holds,
    instance,
    lifted,
    nodes,
    opened,
    replaced,
    subterm,
    used_indices,
)

__all__ = ["implicit_premises", "normal_form", "prove"]

_ARITHMETIC = ("neg", "add", "sub", "mul", "div", "power")
_STEPS = 600  # at most, in one chain
_NODES = 4000  # of a term, at most
_SPLITS = 5  # nested cases, at most
_FACTORED = 10**6  # larger numbers are not factored
_LARGEST_MULTIPLE = 720  # of an exponent that is taken out as a power

Monomial = frozenset[tuple[Term, int]]
Facts = tuple[Premise, ...]


class _FinerGrain(Exception):
    """An exponent has a coefficient that is not a multiple of 1/grain."""


def implicit_premises(*terms: Term) -> Facts:
    """What has to hold for the terms to have values, where it is not plain: logs of what is > 0, divisors not 0."""
    found: list[Premise] = []
    for t in terms:
        for need, depth in _needs(t, 0):
            if depth <= 1 and not _plainly(need, tuple(found)):
                premise = Premise(need, each=depth == 1)
                if premise not in found and not (depth == 0 and _dangling(need)):
                    found.append(premise)
    return tuple(found)


def _plainly(r: Relation, facts: Facts) -> bool:
    try:
        return holds(r.kind, r.left, r.right, facts)
    except Rejected:  # too large to be seen
        return False


def _needs(t: Term, depth: int) -> Iterator[tuple[Relation, int]]:
    for a in t.args:
        yield from _needs(a, depth + (t.op in BINDERS))
    need = None
    if t.op == "log":
        need = Relation(ZERO, "<", t.args[0])
    elif t.op == "div":
        need = Relation(t.args[1], "!=", ZERO)
    elif t.op == "power" and t.value < 0:
        need = Relation(t.args[0], "!=", ZERO)
    if need is not None:
        levels = [i.level for i in used_indices(need.left - need.right) if isinstance(i, Bound)]
        if not levels:
            yield need, 0
        elif set(levels) == {0}:
            yield need, 1
        else:
            yield need, 2


def _dangling(r: Relation) -> bool:
    return any(isinstance(i, Bound) for i in used_indices(r.left - r.right))


def prove(r: Relation, premises: Facts = (), name: str = "found") -> Theorem | None:
    """A theorem from which the relation follows under the premises, None if none is found; of <= it may prove =."""
    try:
        found: Derivation | Cases | None = None
        if r.kind in ("=", "<="):
            found = _equal(name, r.left, r.right, premises, (), _SPLITS)
        if found is None and r.kind != "=":
            found = _by_a_positive_difference(name, r, premises) or _ordered(name, r, premises)
        return None if found is None else check(found)
    except (Rejected, RecursionError):
        return None


def normal_form(t: Term, premises: Facts = ()) -> Term | None:
    """The term in normal form under the premises, None where it grows too large; equal to the term, but unchecked."""
    try:
        normaliser = _Normaliser(t, premises, 1)
        normaliser.run()
    except (Rejected, RecursionError, _FinerGrain):
        return None
    return normaliser.whole


# Equations.


def _equal(
    name: str, left: Term, right: Term, premises: Facts, assumed: Facts, splits: int
) -> Derivation | Cases | None:
    facts = (*premises, *assumed)
    grain = 1
    while True:
        try:
            a, b = _Normaliser(left, facts, grain), _Normaliser(right, facts, grain)
            a.run()
            b.run()
            break
        except _FinerGrain as finer:
            grain = lcm(grain, finer.args[0])
            if grain > _LARGEST_MULTIPLE:
                return None
    steps = a.steps
    if a.whole != b.whole:
        join = Step("arithmetic", (), b.whole)
        try:
            check(Derivation(name, a.whole, (join,), facts))
        except Rejected:
            return _split(name, left, right, premises, assumed, splits, (a.whole, b.whole))
        steps = [*steps, join]
    return Derivation(name, left, (*steps, *b.backwards()), premises)


def _split(
    name: str, left: Term, right: Term, premises: Facts, assumed: Facts, splits: int, normal: tuple[Term, Term]
) -> Cases | None:
    """Two cases by the first maximum or absolute value that does not depend on a bound index."""
    if not splits:
        return None
    for node in (n for t in normal for n in reversed(list(nodes(t)))):  # what is inside another comes first
        if node.op in ("max", "abs") and not any(isinstance(i, Bound) for i in used_indices(node)):
            u, v = node.args if node.op == "max" else (ZERO, node.args[0])
            low = _equal(name, left, right, premises, (*assumed, Premise(Relation(u, "<=", v))), splits - 1)
            high = low and _equal(name, left, right, premises, (*assumed, Premise(Relation(v, "<=", u))), splits - 1)
            return Cases(name, u, v, low, high) if low and high else None
    return None


class _Normaliser:
    """Brings `whole` to the normal form and keeps the steps; raises Rejected when it grows too large."""

    def __init__(self, t: Term, facts: Facts, grain: int) -> None:
        self.start, self.whole, self.facts, self.grain = t, t, facts, grain
        self.steps: list[Step] = []

    def run(self) -> None:
        self.normalise(())

    def backwards(self) -> list[Step]:
        """The steps from the normal form back to the start."""
        terms = [self.start, *(s.to for s in self.steps)]
        return [
            Step(s.rule, s.at, before, not s.backwards, s.use)
            for s, before in reversed(list(zip(self.steps, terms, strict=False)))
        ]

    def at(self, at: tuple[int, ...]) -> Term:
        return subterm(self.whole, at)

    def apply(self, rule: str, at: tuple[int, ...], new: Term, backwards: bool = False) -> None:
        self.whole = replaced(self.whole, at, new)
        self.steps.append(Step(rule, at, self.whole, backwards))
        if len(self.steps) > _STEPS or sum(1 for _ in nodes(self.whole)) > _NODES:
            raise Rejected("the normal form is too large")

    def arithmetic(self, at: tuple[int, ...], new: Term) -> None:
        if new != self.at(at):
            self.apply("arithmetic", at, new)

    def normalise(self, at: tuple[int, ...]) -> None:
        op = self.at(at).op
        if op in _ARITHMETIC:
            for place in _atoms(self.at(at), at):
                self.normalise(place)
            self.arithmetic(at, _canonical(self.at(at)))
        elif op in ("exp", "log", "sum", "largest", "derivative", "max", "abs", "delta"):
            getattr(self, f"_{op}")(at)

    # One method for each operation that has rules.

    def _exp(self, at: tuple[int, ...]) -> None:
        self.normalise((*at, 0))
        top, bottom = fraction(self.at((*at, 0)), [])
        if not top:
            self.apply("exp-zero", at, ONE)
            return
        finer = lcm(*(c.denominator for c in top.values()))
        if self.grain % finer:
            raise _FinerGrain(finer)
        if any(abs(c) * self.grain > _LARGEST_MULTIPLE for c in top.values()):
            return
        parts: list[tuple[int, Term]] = []
        for monomial in _ordered_monomials(top):
            base = _quotient(_product(monomial), bottom)
            base = number(Fraction(1, self.grain)) * base if self.grain > 1 else base
            parts.append((int(top[monomial] * self.grain), base))
        self.arithmetic((*at, 0), _added([base if k == 1 else number(k) * base for k, base in parts]))
        for n, (k, base) in enumerate(parts):
            if n < len(parts) - 1:
                first, rest = self.at((*at, 0)).args
                self.apply("exp-add", at, exp(first) * exp(rest))
            here = (*at, 0) if n < len(parts) - 1 else at
            if k != 1:
                self.apply("exp-power", here, power(exp(base), k), backwards=True)
            inner = (*here, 0) if k != 1 else here
            if base.op == "log" and holds("<", ZERO, base.args[0], self.facts):
                self.apply("exp-log", inner, base.args[0])
            at = (*at, 1)

    def _log(self, at: tuple[int, ...], fresh: bool = True) -> None:
        t = self.at((*at, 0))
        if t.op in ("mul", "div") and all(holds("<", ZERO, a, self.facts) for a in t.args):
            u, v = (log(a) for a in t.args)
            self.apply(f"log-{t.op}", at, u + v if t.op == "mul" else u - v)
            self._log((*at, 0))
            self._log((*at, 1))
        elif t.op == "power" and holds("<", ZERO, t.args[0], self.facts):
            self.apply("log-power", at, number(t.value) * log(t.args[0]))
            self._log((*at, 1))
        elif t.op == "exp":
            self.apply("log-exp", at, t.args[0])
            self.normalise(at)
        elif t.op == "number":
            self._log_of_number(at, t.value)
        elif fresh:
            self.normalise((*at, 0))
            self._log(at, fresh=False)
        elif t.op == "add":
            self._log_of_sum(at, t)

    def _log_of_number(self, at: tuple[int, ...], value: Fraction) -> None:
        if value == 1:
            self.apply("log-one", at, ZERO)
        elif value > 0 and value.denominator > 1:
            self.arithmetic((*at, 0), number(value.numerator) / number(value.denominator))
            self._log(at)
        elif 1 < value <= _FACTORED:
            n = value.numerator
            prime = next((d for d in range(2, int(n**0.5) + 1) if n % d == 0), n)
            if prime < n:
                self.arithmetic((*at, 0), number(prime) * number(n // prime))
                self._log(at)

    def _log_of_sum(self, at: tuple[int, ...], t: Term) -> None:
        """log(c (s + t)) = log c + log(s + t) for the largest common factor c > 0."""
        top, _ = fraction(t, [])
        common = _common(top)
        size = Fraction(gcd(*(c.numerator for c in top.values())), lcm(*(c.denominator for c in top.values())))
        factor = _scaled(size, common)
        if factor == ONE or not holds("<", ZERO, factor, self.facts):
            return
        rest = _polynomial_term({_without(m, common): c / size for m, c in top.items()})
        if holds("<", ZERO, rest, self.facts):
            self.arithmetic((*at, 0), factor * rest)
            self._log(at, fresh=False)

    def _sum(self, at: tuple[int, ...]) -> None:
        body = (*at, 0)
        self.normalise(body)
        top, bottom = fraction(self.at(body), [])
        parts = [_pulled(m, c, bottom) for m, c in sorted(top.items(), key=lambda item: _key(_product(item[0])))]
        if not parts:
            self.apply("sum-constant", at, COUNT * ZERO)
            self.arithmetic(at, ZERO)
            return
        self.arithmetic(body, _added([c if f is None else f if c == ONE else c * f for c, f in parts]))
        for n, (constant, rest) in enumerate(parts):
            here = at
            if n < len(parts) - 1:
                u, v = self.at((*at, 0)).args
                self.apply("sum-add", at, Term("sum", (u,)) + Term("sum", (v,)))
                here, at = (*at, 0), (*at, 1)
            self._single_sum(here, constant, rest)

    def _single_sum(self, at: tuple[int, ...], constant: Term, rest: Term | None) -> None:
        if rest is None:
            self.apply("sum-constant", at, COUNT * lifted(constant, -1))
            return
        if constant != ONE:
            self.apply("sum-factor", at, lifted(constant, -1) * Term("sum", (rest,)))
            at = (*at, 1)
        top, bottom = fraction(rest, [])
        ((monomial, _),) = top.items()
        for atom, k in monomial:
            if atom.op == "delta" and k == 1 and Bound(0) in atom.value and atom.value[0] != atom.value[1]:
                other = _quotient(_product(monomial - {(atom, 1)}), bottom)
                self.arithmetic((*at, 0), atom * other)
                if atom.value[0] != Bound(0):
                    self.apply("delta-symmetric", (*at, 0, 0), delta(*reversed(atom.value)))
                _, index = self.at((*at, 0, 0)).value
                index = lifted(Term("delta", (), (index, index)), -1).value[0]
                self.apply("sum-delta", at, opened(other, index))
                self.normalise(at)
                return

    def _largest(self, at: tuple[int, ...]) -> None:
        inner = self.at((*at, 0))
        if inner.op == "exp":
            self.apply("largest-exp", at, exp(Term("largest", inner.args)))
            self.normalise(at)
            return
        if inner.op in _ARITHMETIC:
            top, bottom = fraction(inner, [])
            moving = {m: c for m, c in top.items() if any(_depends(a) for a, _ in m)}
            if not any(_depends(a) for m in bottom for a, _ in m) and moving and len(moving) < len(top):
                still = {m: c for m, c in top.items() if m not in moving}
                f = _quotient(_polynomial_term(moving), bottom)
                c = _quotient(_polynomial_term(still), bottom)
                self.arithmetic((*at, 0), f + c)
                self.apply("largest-add", at, Term("largest", (f,)) + lifted(c, -1))
                self.normalise((*at, 1))
        elif not _depends(inner):
            self.apply("largest-constant", at, lifted(inner, -1))
            self.normalise(at)

    def _derivative(self, at: tuple[int, ...]) -> None:
        t, inner = self.at(at), self.at((*at, 0))
        vector, index = t.value

        def d(part: Term, under: int = 0) -> Term:
            moved = lifted(Term("delta", (), (index, index)), under).value[0]
            return Term("derivative", (part,), (vector, moved))

        if not any(n.op in ("entry", "derivative") and n.value[0] == vector for n in nodes(inner)):
            self.apply("derivative-constant", at, ZERO)
            return
        if inner.op == "neg":
            self.arithmetic((*at, 0), ZERO - inner.args[0])
        elif inner.op == "power":
            base, k = inner.args[0], inner.value
            simpler = base * power(base, k - 1) if k > 1 else base if k == 1 else 1 / power(base, -k) if k else ONE
            self.arithmetic((*at, 0), simpler)
        inner = self.at((*at, 0))
        u, v = (*inner.args, ZERO, ZERO)[:2]
        pushed = {
            "entry": lambda: delta(inner.value[1], index),
            "add": lambda: d(u) + d(v),
            "sub": lambda: d(u) - d(v),
            "mul": lambda: d(u) * v + u * d(v),
            "div": lambda: (d(u) * v - u * d(v)) / (v * v),
            "exp": lambda: exp(u) * d(u),
            "log": lambda: d(u) / u,
            "sum": lambda: Term("sum", (d(u, 1),)),
        }
        if inner.op in pushed:
            self.apply(f"derivative-{inner.op}", at, pushed[inner.op]())
            self.normalise(at)

    def _max(self, at: tuple[int, ...]) -> None:
        u, v = self.at(at).args
        for rule, small, large in (("max-first", v, u), ("max-second", u, v)):
            if holds("<=", small, large, self.facts):
                self.apply(rule, at, large)
                self.normalise(at)
                return
        self.normalise((*at, 0))
        self.normalise((*at, 1))
        u, v = self.at(at).args
        if _key(v) < _key(u):
            self.apply("max-commutes", at, maximum(v, u))

    def _abs(self, at: tuple[int, ...]) -> None:
        self.normalise((*at, 0))
        (t,) = self.at(at).args
        if holds("<=", ZERO, t, self.facts):
            self.apply("abs-above", at, t)
        elif holds("<=", t, ZERO, self.facts):
            self.apply("abs-below", at, -t)
        self.normalise(at) if self.at(at).op != "abs" else None

    def _delta(self, at: tuple[int, ...]) -> None:
        i, j = self.at(at).value
        if i == j:
            self.apply("delta-same", at, ONE)
            return
        for r in (f.relation for f in self.facts if f.relation.kind == "=" and not f.each):  # a case: i = j, or not
            if r.left in (delta(i, j), delta(j, i)) and r.right in (ZERO, ONE):
                if r.left != delta(i, j):
                    self.apply("delta-symmetric", at, r.left)
                self.apply("premise", at, r.right)
                return
        if repr(j) < repr(i):
            self.apply("delta-symmetric", at, delta(j, i))


def _atoms(t: Term, at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The positions of what arithmetic does not look into."""
    if t.op not in _ARITHMETIC:
        yield at
    else:
        for n, a in enumerate(t.args):
            yield from _atoms(a, (*at, n))


# Terms from polynomials.


def _key(t: Term) -> str:
    return repr(t)


def _ordered_monomials(p: dict[Monomial, Fraction]) -> list[Monomial]:
    return sorted(p, key=lambda m: sorted((_key(a), k) for a, k in m))


def _product(m: Monomial) -> Term:
    factors = [a if k == 1 else power(a, k) for a, k in sorted(m, key=lambda f: _key(f[0]))]
    result = factors[0] if factors else ONE
    for f in factors[1:]:
        result = result * f
    return result


def _scaled(c: Fraction, m: Monomial) -> Term:
    return number(c) if not m else _product(m) if c == 1 else number(c) * _product(m)


def _polynomial_term(p: dict[Monomial, Fraction]) -> Term:
    return _added([_scaled(p[m], m) for m in _ordered_monomials(p)]) if p else ZERO


def _added(terms: list[Term]) -> Term:
    result = terms[-1]
    for t in reversed(terms[:-1]):
        result = t + result
    return result


def _quotient(top: Term, bottom: dict[Monomial, Fraction]) -> Term:
    return top if bottom == {frozenset(): Fraction(1)} else top / _polynomial_term(bottom)


def _common(p: dict[Monomial, Fraction]) -> Monomial:
    """The powers that divide every monomial."""
    monomials = [dict(m) for m in p]
    shared = monomials[0] if monomials else {}
    for m in monomials[1:]:
        shared = {a: min(k, m[a]) for a, k in shared.items() if a in m}
    return frozenset(shared.items())


def _without(m: Monomial, common: Monomial) -> Monomial:
    powers = dict(m)
    for a, k in common:
        powers[a] -= k
    return frozenset((a, k) for a, k in powers.items() if k)


def _canonical(t: Term) -> Term:
    """A quotient of two polynomials without a common monomial, the first coefficient of the lower one 1."""
    top, bottom = fraction(t, [])
    if not top or not bottom:
        return t if not bottom else ZERO
    shared = _common({**{m: Fraction(1) for m in top}, **{m: Fraction(1) for m in bottom}})
    top = {_without(m, shared): c for m, c in top.items()}
    bottom = {_without(m, shared): c for m, c in bottom.items()}
    lead = bottom[_ordered_monomials(bottom)[0]]
    top = {m: c / lead for m, c in top.items()}
    bottom = {m: c / lead for m, c in bottom.items()}
    if top.keys() == bottom.keys():
        ratios = {top[m] / bottom[m] for m in top}
        if len(ratios) == 1:
            return number(ratios.pop())
    return _quotient(_polynomial_term(top), bottom)


def _depends(t: Term) -> bool:
    return any(_root(i) == Bound(0) for i in used_indices(t))


def _root(index: Index) -> Index:
    while isinstance(index, Moved):
        index = index.index
    return index


def _pulled(m: Monomial, c: Fraction, bottom: dict[Monomial, Fraction]) -> tuple[Term, Term | None]:
    """A term of a sum's body as a factor without the index and the rest, None where the index does not occur."""
    unit = {frozenset[tuple[Term, int]](): Fraction(1)}
    still, moving = frozenset(f for f in m if not _depends(f[0])), frozenset(f for f in m if _depends(f[0]))
    below_still, below_moving = (bottom, unit)
    if len(bottom) == 1:
        ((powers, scale),) = bottom.items()
        below_moving = {frozenset(f for f in powers if _depends(f[0])): Fraction(1)}
        below_still = {frozenset(f for f in powers if not _depends(f[0])): scale}
    elif any(_depends(a) for n in bottom for a, _ in n):
        below_still, below_moving = unit, bottom
    constant = _quotient(_scaled(c, still), below_still)
    rest = _quotient(_product(moving), below_moving)
    return constant, None if rest == ONE else rest


# Inequalities: an inequality of the catalogue, moved and renamed.


def _ordered(name: str, r: Relation, premises: Facts, wrapped: bool = True) -> Derivation | None:
    if r.left == ZERO and r.kind == "<" and holds("<", ZERO, r.right, premises):
        return Derivation(name, ZERO, (Step("positive", (), r.right),), premises)
    for known in CATALOGUE:
        stated = theorem(known)
        if (
            stated.premises
            or stated.conclusion.kind not in ("<=", "<")
            or (r.kind, stated.conclusion.kind) == ("<", "<=")
        ):
            continue
        for use in _instances(stated, r):
            found = _through(name, r, premises, use)
            if found is not None:
                return found
    return _through_function(name, r, premises) if wrapped else None


def _by_a_positive_difference(name: str, r: Relation, premises: Facts) -> Derivation | None:
    """left = left + 0 < left + d = right, where d is seen to be positive."""
    d = normal_form(r.right - r.left, premises)
    if d is None or not holds("<", ZERO, d, premises):
        return None
    first = chain(name, r.left, ("arithmetic", r.left + ZERO), ("positive", r.left + d), premises=premises)
    second = _equal(name, r.left + d, r.right, premises, (), 0)
    return Derivation(name, r.left, (*first.steps, *second.steps), premises) if isinstance(second, Derivation) else None


def _through_function(name: str, r: Relation, premises: Facts) -> Derivation | None:
    """left = log(e^left) <= log(e^right) = right, or left = e^(log left) <= e^(log right) = right."""
    for inner, outer, rule in ((exp, log, "log-exp"), (log, exp, "exp-log")):
        found = _ordered(name, Relation(inner(r.left), r.kind, inner(r.right)), premises, wrapped=False)
        if found is not None:
            use = Use(check(found))
            steps = ((rule, outer(inner(r.left))), ("theorem", outer(inner(r.right)), use), (rule, r.right))
            try:
                return chain(name, r.left, *steps, premises=premises)
            except Rejected:
                continue
    return None


def _instances(stated: Theorem, r: Relation) -> Iterator[Use]:
    vectors = sorted({n.value[0] for n in nodes(r.left - r.right) if n.op == "entry"})
    indices = sorted({i.name for i in used_indices(r.left - r.right) if isinstance(i, Free)})
    theirs = {i.name for i in used_indices(stated.conclusion.left - stated.conclusion.right) if isinstance(i, Free)}
    for vector in vectors:
        body = Term("entry", (), (vector, Bound(0)))
        for chosen in indices if theirs else [""]:
            yield Use(stated, (), (("x", body),), tuple((i, Free(chosen)) for i in sorted(theirs)))


def _through(name: str, r: Relation, premises: Facts, use: Use) -> Derivation | None:
    """left = small + d <= large + d = right, where small <= large is the instance."""
    stated = use.theorem.conclusion
    known = Relation(instance(stated.left, use), stated.kind, instance(stated.right, use))
    d = r.left - known.left
    first = _equal(name, r.left, known.left + d, premises, (), 0)
    second = first and _equal(name, known.right + d, r.right, premises, (), 0)
    if not isinstance(first, Derivation) or not isinstance(second, Derivation):
        return None
    middle = Step("theorem", (0,), known.right + d, use=use)
    return Derivation(name, r.left, (*first.steps, middle, *second.steps), premises)
