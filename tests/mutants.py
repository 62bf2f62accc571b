"""Slips planted in the derivations of the catalogue: a sign, a factor, an index, an operation, a rule, a premise, a
direction. The same ones in every run; what the checker makes of them is established in `test_mutants`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from shiftproof.proofs.catalogue import CATALOGUE, theorem
from shiftproof.proofs.notation import cases
from shiftproof.proofs.prover import prove
from shiftproof.proofs.terms import number
from shiftproof.proofs.trusted import (
    BINDERS,
    RULES,
    Bound,
    Cases,
    Derivation,
    Free,
    Index,
    Premise,
    Rejected,
    Relation,
    Step,
    Term,
    Theorem,
    check,
    replaced,
    subterm,
)

__all__ = ["KINDS", "Mutant", "made", "mutants", "reason", "true_steps"]

_STEPS = 3  # of a chain, at most, get a slip of each kind


@dataclass(frozen=True, slots=True)
class Mutant:
    """A derivation of the catalogue with one slip.

    Where a term was spoilt, `step` is what the first step with it claims, `alone` is that step as a derivation of its
    own, and `facts` are its premises: those of the theorem and what its case assumes.
    """

    theorem: str
    kind: str
    derivation: Derivation | Cases
    step: Relation | None
    facts: tuple[Premise, ...] = ()
    alone: Derivation | None = None

    @property
    def name(self) -> str:
        return f"{self.theorem}: {self.kind}"


def made(mutant: Mutant) -> Theorem | None:
    """What the checker makes of the mutant; None where it rejects it."""
    try:
        return check(mutant.derivation)
    except Rejected:
        return None


@cache
def mutants() -> tuple[Mutant, ...]:
    """All of them, none twice, theorem by theorem."""
    found: dict[tuple[str, Derivation | Cases], Mutant] = {}
    for name in CATALOGUE:
        for mutant in _of(name, theorem(name).derivation):
            if mutant.derivation != theorem(name).derivation:
                found.setdefault((name, mutant.derivation), mutant)
    return tuple(found.values())


def true_steps() -> tuple[tuple[Relation, tuple[Premise, ...]], ...]:
    """Every step of the catalogue as it is, with what it may rest on."""
    return tuple(
        (Relation(_before(chain, n), _kind(step), step.to), (*chain.premises, *assumed))
        for name in CATALOGUE
        for assumed, chain in cases(theorem(name).derivation)
        for n, step in enumerate(chain.steps)
    )


def _of(name: str, whole: Derivation | Cases) -> Iterator[Mutant]:
    r = Random(name)
    for number_of, (assumed, chain) in enumerate(cases(whole)):
        facts = (*chain.premises, *assumed)
        for kind, slip in _SLIPS.items():
            chosen = r.sample(range(len(chain.steps)), min(_STEPS, len(chain.steps)))
            for n in sorted(chosen):
                before, step = _before(chain, n), chain.steps[n]
                changed = slip(r, step)
                if changed is not None:
                    steps = (*chain.steps[:n], changed, *chain.steps[n + 1 :])
                    spoilt = _with(whole, number_of, replace(chain, steps=steps))
                    if changed.to == step.to:
                        yield Mutant(name, kind, spoilt, None)
                        continue
                    alone = Derivation("alone", before, (changed,), facts)
                    yield Mutant(name, kind, spoilt, Relation(before, _kind(step), changed.to), facts, alone)
        start = _sign(r, Step("", (), chain.start))
        if isinstance(whole, Derivation):
            first = chain.steps[0]
            alone = Derivation("alone", start.to, (first,), facts)
            claimed = Relation(start.to, _kind(first), first.to)
            yield Mutant(name, "start", replace(whole, start=start.to), claimed, facts, alone)
            for premise in chain.premises:
                rest = tuple(p for p in chain.premises if p != premise)
                yield Mutant(name, "premise removed", replace(whole, premises=rest), None)
            if theorem(name).conclusion.kind != "=":
                conclusion = theorem(name).conclusion
                turned = Relation(conclusion.right, conclusion.kind, conclusion.left)
                yield Mutant(name, "sides swapped", _reversed(whole), turned, facts, _reversed(whole))
    if isinstance(whole, Cases):
        yield Mutant(name, "cases swapped", replace(whole, left=whole.right, right=whole.left), None)
        yield Mutant(name, "one case twice", replace(whole, high=whole.low), None)
        yield Mutant(name, "one case twice", replace(whole, low=whole.high), None)


def _kind(step: Step) -> str:
    """The relation that the step gives, as far as its rule says."""
    if step.rule == "theorem" and step.use is not None:
        return step.use.theorem.conclusion.kind
    return RULES[step.rule].kind if step.rule in RULES else "="


def _before(chain: Derivation, n: int) -> Term:
    return chain.steps[n - 1].to if n else chain.start


def _with(whole: Derivation | Cases, number_of: int, chain: Derivation) -> Derivation | Cases:
    """The derivation with one of its chains replaced; the chains are counted as `cases` yields them."""
    if isinstance(whole, Derivation):
        return chain
    inside = sum(1 for _ in cases(whole.low))
    if number_of < inside:
        return replace(whole, low=_with(whole.low, number_of, chain))
    return replace(whole, high=_with(whole.high, number_of - inside, chain))


def _reversed(chain: Derivation) -> Derivation:
    """The same steps from the last term to the first."""
    steps = tuple(
        replace(chain.steps[n], to=_before(chain, n), backwards=not chain.steps[n].backwards)
        for n in reversed(range(len(chain.steps)))
    )
    return replace(chain, start=chain.steps[-1].to, steps=steps)


# One slip in one step.


def _places(s: Term, at: tuple[int, ...], depth: int) -> Iterator[tuple[tuple[int, ...], int]]:
    yield at, depth
    for n, part in enumerate(s.args):
        yield from _places(part, (*at, n), depth + (s.op in BINDERS))


def _at_one(r: Random, step: Step, fits: Callable[[Term], bool], change: Callable[[Term, int], Term]) -> Step | None:
    """The step with one of the nodes that it made, and that fit, changed."""
    depth = sum(subterm(step.to, step.at[:n]).op in BINDERS for n in range(len(step.at)))
    places = [(at, d) for at, d in _places(subterm(step.to, step.at), step.at, depth) if fits(subterm(step.to, at))]
    if not places:
        return None
    at, under = r.choice(places)
    new = change(subterm(step.to, at), under)
    return replace(step, to=replaced(step.to, at, new))


def _sign(r: Random, step: Step) -> Step:
    def flipped(t: Term, _: int) -> Term:
        if t.op == "neg":
            return t.args[0]
        return Term("add" if t.op == "sub" else "sub", t.args) if t.op in ("add", "sub") else -t

    return _at_one(r, step, lambda t: t.op not in ("number", "count"), flipped) or replace(step, to=-step.to)


def _factor_lost(r: Random, step: Step) -> Step | None:
    return _at_one(r, step, lambda t: t.op in ("mul", "div"), lambda t, _: t.args[t.op == "mul" and r.randrange(2)])


def _factor_changed(r: Random, step: Step) -> Step | None:
    return _at_one(r, step, lambda t: True, lambda t, _: number(2) * t)


def _index_changed(r: Random, step: Step) -> Step | None:
    def other(index: Index, depth: int) -> Index:
        choices: list[Index] = [Free("k"), Free("j"), *(Bound(level) for level in range(depth))]
        return r.choice([choice for choice in choices if choice != index])

    def change(t: Term, depth: int) -> Term:
        if t.op == "delta":
            return Term("delta", (), (t.value[0], other(t.value[1], depth)))
        return Term(t.op, t.args, (t.value[0], other(t.value[1], depth)))

    return _at_one(r, step, lambda t: t.op in ("entry", "delta", "derivative"), change)


def _operation_changed(r: Random, step: Step) -> Step | None:
    return _at_one(
        r, step, lambda t: t.op in ("add", "mul"), lambda t, _: Term("mul" if t.op == "add" else "add", t.args)
    )


def _rule_changed(r: Random, step: Step) -> Step | None:
    names = (*RULES, "arithmetic", "premise", "theorem")
    return replace(step, rule=r.choice([name for name in names if name != step.rule]))


def _turned(_: Random, step: Step) -> Step | None:
    return replace(step, backwards=not step.backwards) if step.rule != "arithmetic" else None


_SLIPS: dict[str, Callable[[Random, Step], Step | None]] = {
    "sign flipped": _sign,
    "factor lost": _factor_lost,
    "factor changed": _factor_changed,
    "index changed": _index_changed,
    "operation changed": _operation_changed,
    "rule changed": _rule_changed,
    "direction of a step": _turned,
}
KINDS = (*_SLIPS, "start", "premise removed", "sides swapped", "cases swapped", "one case twice")


# Why a mutant that was accepted is true all the same.


def reason(mutant: Mutant) -> str | None:
    """Why the statement of an accepted mutant is true, found without the mutant's steps; None if nothing says so."""
    accepted, original = made(mutant), theorem(mutant.theorem)
    if accepted is None:
        return None
    if accepted.conclusion == original.conclusion and set(accepted.premises) == set(original.premises):
        return "it still states the theorem"
    found = prove(accepted.conclusion, accepted.premises)
    if found is not None:
        return f"a true {'equation' if found.conclusion.kind == '=' else 'inequality'}: the prover finds it"
    return None
