"""Establishes what the checker accepts and refuses: every rule in both directions, its spoilt twins, its side
conditions, signs and arithmetic, cases, and what a rejection says.

Binders, derivatives and inequalities are in `test_trusted_places`, hostile input and random steps in
`test_trusted_attacks`.
"""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from shiftproof.proofs.terms import (
    COUNT,
    ONE,
    ZERO,
    Vector,
    absolute,
    at_most,
    delta,
    each,
    equal,
    exp,
    indices,
    largest,
    log,
    maximum,
    number,
    partial,
    positive,
    power,
    total,
    variables,
)
from shiftproof.proofs.trusted import (
    RULES,
    Bound,
    Cases,
    Derivation,
    Moved,
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

a, b, c, t = variables("a b c t")
i, j, k, m = indices("i j k m")
x, y = Vector("x"), Vector("y")
p = Moved("p", i)
S = total(i, exp(x[i]))


def d(term: Term) -> Term:
    return partial(term, x, k)


_WEIGHTS = (each(i, at_most(ZERO, y[i])),)

# For each rule both sides of an instance, and the premises without which it must be refused.
INSTANCES: dict[str, tuple[Term, Term, tuple[Premise, ...]]] = {
    "exp-add": (exp(a + x[k]), exp(a) * exp(x[k]), ()),
    "exp-sub": (exp(a - x[k]), exp(a) / exp(x[k]), ()),
    "exp-neg": (exp(-x[k]), 1 / exp(x[k]), ()),
    "exp-zero": (exp(ZERO), ONE, ()),
    "exp-power": (power(exp(x[k]), -3), exp(number(-3) * x[k]), ()),
    "log-exp": (log(exp(x[k])), x[k], ()),
    "exp-log": (exp(log(x[k])), x[k], (positive(x[k]),)),
    "log-mul": (log(a * x[k]), log(a) + log(x[k]), (positive(a), positive(x[k]))),
    "log-div": (log(a / x[k]), log(a) - log(x[k]), (positive(a), positive(x[k]))),
    "log-power": (log(power(x[k], 3)), number(3) * log(x[k]), (positive(x[k]),)),
    "log-one": (log(ONE), ZERO, ()),
    "sum-add": (total(i, x[i] + y[i]), total(i, x[i]) + total(i, y[i]), ()),
    "sum-sub": (total(i, x[i] - y[i]), total(i, x[i]) - total(i, y[i]), ()),
    "sum-factor": (total(i, x[k] * y[i]), x[k] * total(i, y[i]), ()),
    "sum-constant": (total(i, x[k]), COUNT * x[k], ()),
    "sum-delta": (total(i, delta(i, k) * exp(x[i])), exp(x[k]), ()),
    "sum-permute": (total(i, x[p] * y[p]), total(i, x[i] * y[i]), ()),
    "delta-same": (delta(k, k), ONE, ()),
    "delta-symmetric": (delta(j, k), delta(k, j), ()),
    "largest-exp": (largest(i, exp(x[i])), exp(largest(i, x[i])), ()),
    "largest-add": (largest(i, x[i] + a), largest(i, x[i]) + a, ()),
    "largest-sub": (largest(i, x[i] - a), largest(i, x[i]) - a, ()),
    "largest-constant": (largest(i, x[k]), x[k], ()),
    "entry-at-most-largest": (x[k] + y[k], largest(i, x[i] + y[i]), ()),
    "largest-at-most-sum": (largest(i, y[i]), total(i, y[i]), _WEIGHTS),
    "entry-at-most-sum": (y[k] * exp(x[k]), total(i, y[i] * exp(x[i])), _WEIGHTS),
    "sum-at-most-largest": (total(i, x[i]), COUNT * largest(i, x[i]), ()),
    "max-first": (maximum(a, x[k]), a, (at_most(x[k], a),)),
    "max-second": (maximum(a, x[k]), x[k], (at_most(a, x[k]),)),
    "max-commutes": (maximum(a, x[k]), maximum(x[k], a), ()),
    "max-associates": (maximum(maximum(a, b), x[k]), maximum(a, maximum(b, x[k])), ()),
    "abs-above": (absolute(x[k]), x[k], (at_most(ZERO, x[k]),)),
    "abs-below": (absolute(x[k]), -x[k], (at_most(x[k], ZERO),)),
    "positive": (ZERO, x[k], (positive(x[k]),)),
    "exp-convex": (
        exp(t * a + (1 - t) * x[k]),
        t * exp(a) + (1 - t) * exp(x[k]),
        (at_most(ZERO, t), at_most(t, ONE)),
    ),
    "derivative-constant": (d(exp(y[k])), ZERO, ()),
    "derivative-entry": (d(x[j]), delta(j, k), ()),
    "derivative-add": (d(x[j] + log(a)), d(x[j]) + d(log(a)), (positive(a),)),
    "derivative-sub": (d(x[j] - log(a)), d(x[j]) - d(log(a)), (positive(a),)),
    "derivative-mul": (d(x[j] * log(a)), d(x[j]) * log(a) + x[j] * d(log(a)), (positive(a),)),
    "derivative-div": (d(x[j] / a), (d(x[j]) * a - x[j] * d(a)) / (a * a), (positive(a),)),
    "derivative-exp": (d(exp(log(x[j]))), exp(log(x[j])) * d(log(x[j])), (positive(x[j]),)),
    "derivative-log": (d(log(x[j])), d(x[j]) / x[j], (positive(x[j]),)),
    "derivative-sum": (d(total(i, log(y[i]))), total(i, d(log(y[i]))), (each(i, positive(y[i])),)),
}


def accepts(start: Term, step: Step, *premises: Premise) -> Relation:
    return check(Derivation("one step", start, (step,), premises)).conclusion


def refuses(start: Term, step: Step, *premises: Premise, why: str = "") -> None:
    with pytest.raises(Rejected, match=re.escape(why) or None):
        accepts(start, step, *premises)


def other_index(side: Term) -> Term:
    """The term with its first index replaced by m."""
    for at in _positions(side):
        node = subterm(side, at)
        if node.op in ("entry", "derivative"):
            return replaced(side, at, Term(node.op, node.args, (node.value[0], m)))
        if node.op == "delta":
            return replaced(side, at, delta(m, node.value[1]))
    return side


def _positions(s: Term) -> list[tuple[int, ...]]:
    return [(), *((n, *at) for n, part in enumerate(s.args) for at in _positions(part))]


# Rules.


def test_every_rule_has_an_instance() -> None:
    assert INSTANCES.keys() == RULES.keys()


@pytest.mark.parametrize("name", INSTANCES)
def test_a_rule_accepts_its_instance_from_left_to_right(name: str) -> None:
    left, right, premises = INSTANCES[name]
    assert accepts(left, Step(name, (), right), *premises) == Relation(left, RULES[name].kind, right)


@pytest.mark.parametrize("name", INSTANCES)
def test_a_rule_accepts_its_instance_from_right_to_left_with_the_inequality_turned(name: str) -> None:
    left, right, premises = INSTANCES[name]
    kind = RULES[name].kind
    step = Step(name, (0,), -left, backwards=True)
    assert accepts(-right, step, *premises) == Relation(-right, kind, -left)
    if kind != "=":
        refuses(right, Step(name, (), left, backwards=True), *premises, why="the inequality points the other way")
        refuses(-left, Step(name, (0,), -right), *premises, why="the inequality points the other way")


@pytest.mark.parametrize("name", INSTANCES)
def test_a_rule_refuses_its_instance_with_the_wrong_direction_named(name: str) -> None:
    left, right, premises = INSTANCES[name]
    if name not in ("max-commutes", "delta-symmetric"):
        refuses(left, Step(name, (), right, backwards=True), *premises)


@pytest.mark.parametrize("name", INSTANCES)
@pytest.mark.parametrize("slip", ["sign", "factor", "index", "summand"])
def test_a_rule_refuses_its_instance_with_a_slip(name: str, slip: str) -> None:
    left, right, premises = INSTANCES[name]
    if slip == "index":
        if name in ("exp-zero", "log-one", "derivative-constant"):
            return  # without an index, or true for each
        on_the_left = name.startswith("entry-") or other_index(right) == right
        changed = (other_index(left), right) if on_the_left else (left, other_index(right))
    else:
        changed = (left, {"sign": -right, "factor": -2 * right, "summand": right + 1}[slip])
    if (name, slip) == ("positive", "summand"):
        return  # 0 < x_k + 1 is true as well
    assert changed != (left, right)
    refuses(changed[0], Step(name, (), changed[1]), *premises)
    refuses(-changed[1], Step(name, (0,), -changed[0], backwards=True), *premises)


@pytest.mark.parametrize("name", [name for name, (_, _, premises) in INSTANCES.items() if premises])
def test_a_rule_refuses_its_instance_without_each_of_its_side_conditions(name: str) -> None:
    left, right, premises = INSTANCES[name]
    for missing in premises:
        rest = tuple(q for q in premises if q != missing)
        refuses(left, Step(name, (), right), *rest, why="the side condition")


def test_every_rule_with_side_conditions_but_constant_is_tested_without_them() -> None:
    conditional = {name for name, rule in RULES.items() if any(q.kind != "constant" for q in rule.conditions)}
    assert {name for name, (_, _, premises) in INSTANCES.items() if premises} == conditional


def test_the_derivative_of_what_holds_the_vector_is_not_zero() -> None:
    refuses(d(exp(x[j])), Step("derivative-constant", (), ZERO), why="'constant'")
    refuses(d(total(i, x[i])), Step("derivative-constant", (), ZERO), why="'constant'")
    refuses(d(d(x[j])), Step("derivative-constant", (), ZERO), why="'constant'")


@pytest.mark.parametrize("corner", [absolute(x[j]), maximum(x[j], ZERO), largest(i, x[i]), d(x[j])])
def test_what_has_a_corner_is_not_smooth(corner: Term) -> None:
    refuses(d(x[j] + corner), Step("derivative-add", (), d(x[j]) + d(corner)), why="'smooth'")


# Signs and arithmetic.


@pytest.mark.parametrize(
    "seen",
    [COUNT, exp(a), exp(a) + absolute(b), exp(a) * COUNT, exp(a) / exp(b), power(exp(a), -3), S, largest(i, exp(x[i])),
     maximum(a, ONE), number(2) + delta(i, j), ONE + power(a, 2), ONE + (1 - delta(i, j)), power(exp(a), 0)],
)  # fmt: skip
def test_a_positive_sign_is_seen(seen: Term) -> None:
    assert accepts(ZERO, Step("positive", (), seen)).kind == "<"


@pytest.mark.parametrize(
    "unseen",
    [a, ZERO, number(-1), -exp(a), exp(a) - exp(b), absolute(a), power(a, 2), power(a, 3), power(-exp(a), -1),
     exp(a) * b, exp(a) / absolute(b), maximum(a, b), delta(i, i), 1 - delta(i, j), log(ONE + exp(a)),
     2 - delta(i, j), d(exp(x[k])), power(a, 0), power(a, -2)],
)  # fmt: skip
def test_a_sign_that_is_not_plain_is_not_seen(unseen: Term) -> None:
    refuses(ZERO, Step("positive", (), unseen), why="'<'")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((a + b) * (a - b), power(a, 2) - power(b, 2)),
        (exp(a) / exp(a), ONE),
        (power(exp(a), -2) * exp(a), 1 / exp(a)),
        (number(Fraction(1, 2)) * a + a / 2, a),
        (exp(a + b), exp(b + a)),
        (power(a - a, 0), ONE),
    ],
)
def test_equal_rational_functions_are_equal(left: Term, right: Term) -> None:
    if left == exp(a + b):
        refuses(left, Step("arithmetic", (), right), why="not equal as rational functions")
        assert accepts(left, Step("arithmetic", (0,), right)).kind == "="
    else:
        assert accepts(left, Step("arithmetic", (), right)).kind == "="


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (a + b, a - b, "not equal"),
        (a * b, a + b, "not equal"),
        (a / a, ONE, "a divisor is not known"),
        (ZERO, ZERO / a * a, "a divisor is not known"),
        (power(a, -1) * a, ONE, "a divisor is not known"),
        (power(1 / a, 0), ONE, "a divisor is not known"),
        (1 / (exp(a) - exp(a)), 1 / ZERO, "a divisor is not known"),
        (x[j], x[k], "not equal"),
        (S, total(i, exp(y[i])), "not equal"),
    ],
)
def test_unequal_or_undefined_rational_functions_are_refused(left: Term, right: Term, why: str) -> None:
    refuses(left, Step("arithmetic", (), right), why=why)


# Cases.


def test_two_cases_prove_one_statement_under_the_same_premises_or_none() -> None:
    low = Derivation("low", absolute(a), (Step("abs-above", (), a), Step("arithmetic", (), a + 0)))
    high = Derivation("high", absolute(a), (Step("abs-below", (), -a),))
    with pytest.raises(Rejected, match="the two cases do not prove the same statement"):
        check(Cases("abs", ZERO, a, low, high))
    same = Derivation("abs", maximum(a, ZERO) * 1, (Step("arithmetic", (), maximum(a, ZERO)),))
    weaker = Derivation("abs", same.start, same.steps, (positive(a),))
    with pytest.raises(Rejected, match="the two cases do not prove the same statement"):
        check(Cases("abs", ZERO, a, same, weaker))
    assert check(Cases("abs", ZERO, a, same, same)).premises == ()


def test_a_case_assumes_its_own_side_only() -> None:
    above = Derivation("abs", absolute(a), (Step("abs-above", (), a),))
    with pytest.raises(Rejected, match="'<='"):
        check(Cases("abs", ZERO, a, above, above))


# What a rejection says.


@pytest.mark.parametrize(
    ("start", "step", "why"),
    [
        (a, Step("no-such-rule", (), a), "slip, step 1 (no-such-rule): there is no rule 'no-such-rule'"),
        (a + b, Step("arithmetic", (2,), b + a), "slip, step 1 (arithmetic): there is no position [2]"),
        (a + b, Step("arithmetic", (0, 0), b + a), "there is no position [0, 0]"),
        (a + b, Step("arithmetic", (-1,), a + b), "there is no position [-1]"),
        (a + b, Step("arithmetic", (0,), a + c), "something else than the position changed"),
        (exp(a), Step("arithmetic", (0,), log(a)), "something else than the position changed"),
        (a, Step("arithmetic", (), x[Bound(0)]), "an index is bound to no sum"),
        (exp(a), Step("exp-neg", (), ONE / exp(a)), "the rule does not fit here"),
        (a, Step("theorem", (), a), "the step names no theorem"),
        (a, Step("premise", (), b), "no premise says this"),
        (ONE, Step("positive", (), ZERO, backwards=True), "the inequality points the other way"),
    ],
)
def test_a_rejection_names_the_step_and_the_reason(start: Term, step: Step, why: str) -> None:
    with pytest.raises(Rejected, match=re.escape(why)):
        check(Derivation("slip", start, (step,)))


def test_a_rejection_counts_the_steps_from_one() -> None:
    steps = (Step("arithmetic", (), b + a), Step("arithmetic", (), a + b), Step("arithmetic", (), a))
    with pytest.raises(Rejected, match=r"^slip, step 3 \(arithmetic\): the two sides are not equal"):
        check(Derivation("slip", a + b, steps))


@pytest.mark.parametrize(
    "dangling",
    [x[Bound(0)], Term("sum", (x[Bound(1)],)), delta(i, Bound(0)), x[Moved("p", Bound(0))], partial(a, x, Bound(0))],
)
def test_an_index_that_no_sum_binds_is_refused_everywhere(dangling: Term) -> None:
    why = "an index is bound to no sum"
    with pytest.raises(Rejected, match=why):
        check(Derivation("dangling", dangling, ()))
    with pytest.raises(Rejected, match=why):
        check(Derivation("dangling", a, (), (equal(a, dangling),)))
    with pytest.raises(Rejected, match=why):
        check(Cases("dangling", dangling, a, Derivation("", a, ()), Derivation("", a, ())))


def test_a_theorem_states_what_its_derivation_starts_and_ends_with() -> None:
    chain = Derivation("two", a + b, (Step("arithmetic", (), b + a),), (positive(a),))
    found = check(chain)
    assert type(found) is Theorem
    assert (found.name, found.premises, found.derivation) == ("two", (positive(a),), chain)
    assert found.conclusion == Relation(a + b, "=", b + a)
    assert check(Derivation("none", a, ())).conclusion == Relation(a, "=", a)
