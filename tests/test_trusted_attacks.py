"""Establishes that hostile objects make no theorem, that a theorem has no other door than `check`, and that whatever
the checker accepts of random steps, right or spoilt, is true by enclosures at random points.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.proofs import trusted
from shiftproof.proofs.catalogue import theorem
from shiftproof.proofs.terms import (
    COUNT,
    ONE,
    ZERO,
    Vector,
    delta,
    equal,
    exp,
    indices,
    less,
    maximum,
    number,
    partial,
    positive,
    power,
    variables,
)
from shiftproof.proofs.trusted import (
    BINDERS,
    RULES,
    Bound,
    Cases,
    Derivation,
    Free,
    Moved,
    Premise,
    Rejected,
    Relation,
    Rule,
    Step,
    Term,
    Theorem,
    Use,
    check,
    replaced,
    subterm,
)

from .random_steps import accepted, broken_at, instance_of_theorem, spoilt, step_by, term

a, b = variables("a b")
j, k = indices("j k")
x, y = Vector("x"), Vector("y")
FALSE = Relation(ZERO, "=", ONE)


# The only door.


@pytest.mark.parametrize(
    "forge",
    [
        lambda t: Theorem("forged", (), FALSE, t.derivation),
        lambda t: Theorem(),
        lambda t: dataclasses.replace(t, conclusion=FALSE),
        copy.copy,
        copy.deepcopy,
        pickle.dumps,
        lambda t: t.__setstate__(("forged", (), FALSE, t.derivation)),
        lambda t: Theorem.__new__(Theorem).__setstate__(("forged", (), FALSE, t.derivation)),
        lambda t: setattr(t, "conclusion", FALSE),
        lambda t: delattr(t, "premises"),
    ],
    ids=["constructor", "empty", "replace", "copy", "deepcopy", "pickle", "setstate", "new", "setattr", "delattr"],
)
def test_a_theorem_is_made_by_check_alone(forge: Callable[[Theorem], object]) -> None:
    true = check(Derivation("true", a, ()))
    with pytest.raises((TypeError, dataclasses.FrozenInstanceError)):
        forge(true)
    assert true.conclusion == Relation(a, "=", a)


def test_what_only_looks_like_a_theorem_is_not_used() -> None:
    class Claimed:
        name, premises, conclusion = "claimed", (), FALSE

    class Derived(Theorem):
        pass

    for claimed in (Claimed(), Derived.__new__(Derived), None, FALSE):
        with pytest.raises(Rejected):
            check(Derivation("", ZERO, (Step("theorem", (), ONE, use=Use(claimed)),)))  # type: ignore[arg-type]


def test_no_rule_can_be_added() -> None:
    with pytest.raises(TypeError):
        RULES["false"] = Rule("false", ZERO, "=", ONE, "")  # type: ignore[index]


# Hostile parts.


class Agreeable(str):
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class AgreeableIndex(Free):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Free.__hash__


class Both(Fraction):
    """Above and below everything."""

    def __gt__(self, other: object) -> bool:
        return True

    def __lt__(self, other: object) -> bool:
        return True


def _negative_bottom() -> Fraction:
    odd = Fraction(1, 2)
    odd._denominator = -2  # type: ignore[attr-defined]
    return odd


class Fickle(tuple):  # type: ignore[type-arg]
    """A position that is another one when it is walked than when it is cut."""

    def __iter__(self) -> Any:
        return iter((0,))


@pytest.mark.parametrize(
    "odd",
    [
        x[Bound(-1)],
        Term("sum", (x[Bound(-1)],)),
        Term("sum", (x[Bound(0.5)],)),  # type: ignore[arg-type]
        Term("sum", (x[Bound(False)],)),
        x[Free(Agreeable("i"))],
        x[Moved(Agreeable("p"), k)],
        x[Moved("p", AgreeableIndex("k"))],
        x[Moved("p", 7)],  # type: ignore[arg-type]
        x["k"],  # type: ignore[index]
        Term("entry", (), (Agreeable("x"), k)),
        Term("entry", (), ("x", k, k)),
        Term("entry", (), k),
        Term("delta", (), (k,)),
        Term("delta", (), (k, k, k)),
        Term("number", (), 1),
        Term("number", (), True),
        Term("number", (), 0.5),
        Term("number", (), "n"),
        Term("number", (), Both(1)),
        Term("number", (), _negative_bottom()),
        Term("number"),
        Term("number", (), (Fraction(1),)),
        Term("variable", (), ("a",)),
        Term("power", (a,), (2,)),
        Term("count", (), (None,)),
        Term("power", (a,), True),
        Term("power", (a,), Fraction(1, 2)),
        Term("power", (a,), "n"),
        Term("variable", (), Agreeable("a")),
        Term("variable", (), 1),
        Term("count", (), "N"),
        Term("exp", (a,), "e"),
        Term("meta", (), "A"),
        Term("body", (), ("F", k)),
        Term("neg", [a]),  # type: ignore[arg-type]
        Term("neg", ("a",)),  # type: ignore[arg-type]
        Term(Agreeable("count")),
    ],
)  # fmt: skip
def test_what_is_not_a_term_is_refused_wherever_it_stands(odd: Term) -> None:
    attempts = (
        Derivation("", odd, ()),
        Derivation("", maximum(a, odd), (Step("max-commutes", (), maximum(odd, a)),)),
        Derivation("", a, (Step("arithmetic", (), odd),)),
        Derivation("", a, (), (less(a, odd),)),
        Cases("", odd, a, Derivation("", a, ()), Derivation("", a, ())),
    )
    for attempt in attempts:
        with pytest.raises((Rejected, AttributeError)):
            check(attempt)


@pytest.mark.parametrize("backwards", [2, None, "yes", 0, 1, ()])
def test_a_step_that_is_neither_forwards_nor_backwards_is_refused(backwards: Any) -> None:
    with pytest.raises(Rejected):
        check(Derivation("", ONE, (Step("positive", (), ZERO, backwards),)))
    with pytest.raises(Rejected):
        check(Derivation("", -ZERO, (Step("positive", (0,), -ONE, backwards),)))


@pytest.mark.parametrize(
    "step",
    [
        Step("arithmetic", Fickle((1,)), a + a),
        Step("arithmetic", [1], a + a),  # type: ignore[arg-type]
        Step(Agreeable("arithmetic"), (1,), a + a),
        Step("arithmetic", (1,), a + a, use=object()),  # type: ignore[arg-type]
    ],
)
def test_a_step_of_odd_parts_is_refused(step: Step) -> None:
    with pytest.raises(Rejected):
        check(Derivation("", a + b, (step,)))


def test_parts_that_could_change_later_are_refused() -> None:
    premises, steps = [equal(a, b)], [Step("premise", (), b)]
    for attempt in (
        Derivation("", a, tuple(steps), premises),  # type: ignore[arg-type]
        Derivation("", a, steps, tuple(premises)),  # type: ignore[arg-type]
        Derivation("", a, iter(()), ()),  # type: ignore[arg-type]
    ):
        with pytest.raises(Rejected):
            check(attempt)


def test_no_subclass_of_a_part_is_looked_at() -> None:
    step, premise = Step("premise", (), b), equal(a, b)
    for kind, whole in (
        (Derivation, lambda part: part),
        (Step, lambda part: Derivation("", a, (part,), (premise,))),
        (Premise, lambda part: Derivation("", a, (step,), (part,))),
        (Relation, lambda part: Derivation("", a, (step,), (Premise(part),))),
        (Term, lambda part: Derivation("", part, (step,), (premise,))),
        (Cases, lambda part: part),
    ):
        good = {
            Derivation: Derivation("", a, (step,), (premise,)), Step: step, Premise: premise,
            Relation: premise.relation, Term: a, Cases: Cases("", a, b, Derivation("", a, ()), Derivation("", a, ())),
        }[kind]  # fmt: skip
        values = [getattr(good, f.name) for f in dataclasses.fields(good)]
        check(whole(good))
        subclass = type("Changing", (kind,), {})
        with pytest.raises(Rejected):
            check(whole(subclass(*values)))


def test_a_use_is_read_as_it_is_written() -> None:
    known = check(Derivation("known", ZERO, (Step("premise", (), a),), (positive(a),)))

    class Twice:
        read = 0

        def __iter__(self) -> Any:
            self.read += 1
            return iter((("a", ONE if self.read <= 2 else -ONE),))

    class Changing(Use):
        pass

    for use in (Use(known, Twice()), Use(known, [("a", -ONE)]), Changing(known, (("a", ONE),))):  # type: ignore[arg-type]
        to = ONE if isinstance(use, Changing) else -ONE
        with pytest.raises(Rejected):
            check(Derivation("", ZERO, (Step("theorem", (), to, use=use),)))


def test_a_number_above_and_below_zero_does_not_prove_that_zero_is_below_zero() -> None:
    steps = (Step("premise", (), a), Step("premise", (), ZERO))
    vacuous = check(Derivation("vacuous", ZERO, steps, (positive(a), less(a, ZERO))))
    for odd in (Both(1), _negative_bottom(), 1, "n"):
        use = Use(vacuous, (("a", Term("number", (), odd)),))
        with pytest.raises((Rejected, TypeError)):
            check(Derivation("", ZERO, (Step("theorem", (), ZERO, use=use),)))


def test_a_variable_inside_the_derivative_of_a_premise_is_not_replaced() -> None:
    def d(t: Term) -> Term:
        return partial(t, x, k)

    steps = (
        Step("arithmetic", (), ZERO * x[k] + a * ONE),
        Step("derivative-constant", (0, 0), d(a) * x[k] + a * ONE, True),
        Step("delta-same", (1, 1), d(a) * x[k] + a * delta(k, k), True),
        Step("derivative-entry", (1, 1), d(a) * x[k] + a * d(x[k]), True),
        Step("derivative-mul", (), d(a * x[k]), True),
        Step("premise", (), b),
    )
    known = check(Derivation("known", a, steps, (equal(d(a * x[k]), b),)))
    use = Use(known, (("a", x[k]), ("b", 2 * x[k])))
    with pytest.raises(Rejected, match="only the indices of a theorem about derivatives"):
        check(Derivation("", x[k], (Step("theorem", (), 2 * x[k], use=use),), (equal(d(x[k] * x[k]), 2 * x[k]),)))


def test_a_negative_level_is_not_a_constant() -> None:
    inner = Term("sum", (x[Bound(-1)],))
    start, end = Term("sum", (inner * x[Bound(0)],)), inner * Term("sum", (x[Bound(0)],))
    with pytest.raises(Rejected):
        check(Derivation("", start, (Step("sum-factor", (), end),)))


def test_a_premise_of_an_unknown_kind_is_refused() -> None:
    for kind in (">=", "", "sometimes", Agreeable("=")):
        with pytest.raises(Rejected):
            check(Derivation("", a, (), (Premise(Relation(a, kind, b)),)))


def test_nesting_without_end_is_refused() -> None:
    deep = a
    for _ in range(5_000):
        deep = -deep
    with pytest.raises(Rejected, match="nested too deeply"):
        check(Derivation("", deep, ()))


def test_arithmetic_that_grows_without_end_is_refused() -> None:
    start = power(a + b + exp(a) + exp(b), 200)
    with pytest.raises(Rejected, match="too large"):
        check(Derivation("", start, (Step("arithmetic", (), start * 1),)))


# Random steps.


@pytest.mark.parametrize("name", RULES)
def test_random_instances_of_a_rule_are_accepted_and_true_in_both_directions(name: str) -> None:
    r = Random(name)
    directions: dict[bool, int] = {False: 0, True: 0}
    for _ in range(1_000):
        before, step = step_by(r, RULES[name])
        found = accepted(before, step)
        if found is not None:
            directions[step.backwards] += 1
            assert broken_at(r, found, points=2) is None
        if min(directions.values()) >= 3 and sum(directions.values()) >= 12:
            break
    assert min(directions.values()) >= 3


@settings(max_examples=400)
@given(st.sampled_from(sorted(RULES)), st.integers(0, 2**32))
def test_no_spoilt_step_is_accepted_unless_it_is_true(name: str, seed: int) -> None:
    r = Random(seed)
    for _ in range(10):
        before, step = step_by(r, RULES[name])
        part = subterm(step.to, step.at)
        depth = sum(subterm(step.to, step.at[:n]).op in BINDERS for n in range(len(step.at)))
        to = r.choice((spoilt(r, step.to), replaced(step.to, step.at, spoilt(r, part, depth))))
        rule = r.choice((name, name, "arithmetic", "premise", r.choice(sorted(RULES))))
        found = accepted(before, Step(rule, step.at, to, r.random() < 0.5))
        assert found is None or broken_at(r, found) is None


@settings(max_examples=400)
@given(st.integers(0, 2**32))
def test_a_random_term_for_a_step_is_accepted_only_if_it_is_true(seed: int) -> None:
    r = Random(seed)
    for _ in range(10):
        before = term(r, 0, r.choice((1, 2, 3)))
        to = r.choice((term(r, 0, 2), spoilt(r, before)))
        at = r.choice(((), (), (0,), (1,), (0, 0)))
        found = accepted(before, Step(r.choice(("arithmetic", "premise", *RULES)), at, to, r.random() < 0.5))
        assert found is None or broken_at(r, found) is None


_USABLE = ("lse-shift", "softmax-shift", "lse-equivariance", "logaddexp", "softplus", "sigmoid", "lse-permutation",
           "largest-at-most-lse", "softmax-at-most-one", "temperature-shift", "merge-lse", "lse-convex",
           "binary-cross-entropy", "log1p-form", "shifted-sum-at-most-count")  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(_USABLE), st.integers(0, 2**32))
def test_a_theorem_used_at_random_gives_only_what_is_true(name: str, seed: int) -> None:
    r = Random(seed)
    for _ in range(3):
        before, step = instance_of_theorem(r, theorem(name))
        if r.random() < 0.3:
            step = dataclasses.replace(step, to=spoilt(r, step.to))
        found = accepted(before, step)
        assert found is None or broken_at(r, found) is None


def test_most_random_uses_of_a_theorem_without_premises_are_accepted() -> None:
    r = Random(0)
    steps = [instance_of_theorem(r, theorem("lse-shift")) for _ in range(100)]
    assert sum(accepted(before, step) is not None for before, step in steps) == 100


def test_the_search_would_notice_a_false_relation() -> None:
    r = Random(1)
    nested = Term("sum", (Term("sum", (x[Bound(1)] * y[Bound(0)],)),))
    for false in (
        Relation(exp(a + b), "=", exp(a) + exp(b)), Relation(b, "<", a), Relation(x[k], "=", x[j]),
        Relation(COUNT, "<=", number(2)), Relation(x[Moved("p", k)], "=", x[k]),
        Relation(nested, "=", Term("sum", (x[Bound(0)] * y[Bound(0)],))),
    ):  # fmt: skip
        assert broken_at(r, false, points=200) is not None


# The search finds what it should: a checker with a hole is noticed. Not so where the hole only lets through what has no
# value: a derivative at a corner, a division by 0.

_A, _B = (Term("meta", (), name) for name in "AB")
_LIFTED, _PLUS = trusted.lifted, trusted._plus


def _loose(t: Term, by: int, free_from: int = 0) -> Term:
    try:
        return _LIFTED(t, by, free_from)
    except Rejected:
        return _LIFTED(t, 0)


_HOLES: dict[str, tuple[str, Any]] = {
    "a wrong rule": (
        "RULES",
        {**RULES, "exp-sub": Rule("exp-sub", exp(_A - _B), "=", exp(_A) * exp(_B), "")},
    ),
    "a rule without its condition": (
        "RULES",
        {**RULES, "abs-above": dataclasses.replace(RULES["abs-above"], conditions=())},
    ),
    "every sign is positive": ("_sign", lambda t, facts: 2),
    "everything rises": ("_rises", lambda t, at, strict, facts: True),
    "everything is constant": ("_constant", lambda t, vector: True),
    "an index may leave its sum": ("lifted", _loose),
    "minus is plus": ("_plus", lambda p, q, sign=1: _PLUS(p, q)),
}


def _first_false(seed: int, tries: int) -> Relation | None:
    """A false relation that the checker accepts as one random step."""
    r = Random(seed)
    for _ in range(tries):
        before, step = step_by(r, trusted.RULES[r.choice(sorted(RULES))])
        rule = r.choice((step.rule, step.rule, "arithmetic"))
        to = r.choice((step.to, spoilt(r, step.to), before, spoilt(r, before)))
        try:
            found = accepted(before, dataclasses.replace(step, rule=rule, to=to))
        except IndexError:
            continue  # the hole let an index leave its sum
        if found is not None and broken_at(r, found) is not None:
            return found
    return None


@pytest.mark.parametrize("hole", _HOLES)
def test_a_hole_in_the_checker_is_found_by_random_steps(monkeypatch: pytest.MonkeyPatch, hole: str) -> None:
    name, broken = _HOLES[hole]
    monkeypatch.setattr(trusted, name, broken)
    assert _first_false(0, 20_000) is not None


def test_no_hole_is_found_in_the_checker_as_it_is() -> None:
    assert _first_false(0, 3_000) is None
