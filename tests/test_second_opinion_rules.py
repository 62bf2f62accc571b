"""Establishes the second checker: SymPy agrees with an instance of every rule and with every step of the catalogue, and
with no false neighbour of a rule, no false statement and no slip.
"""

from __future__ import annotations

import pytest

from shiftproof.proofs.catalogue import CATALOGUE, FALSE, theorem
from shiftproof.proofs.notation import cases
from shiftproof.proofs.second_opinion import ask, opinions
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
from shiftproof.proofs.trusted import RULES, Moved, Premise, Relation, Term

i, j, k, m = indices("i j k m")
x, y, w = Vector("x"), Vector("y"), Vector("w")
a, b, c, t = variables("a b c t")
S = total(i, exp(x[i]))
P = Moved("p", i)
UP = (positive(a), positive(b))
IN_01 = (at_most(ZERO, t), at_most(t, ONE))
W = (each(i, positive(w[i])),)
chord = t * exp(a) + (1 - t) * exp(b)

Asked = tuple[Term, str, Term, tuple[Premise, ...]]


def eq(left: Term, right: Term, *facts: Premise) -> Asked:
    return left, "=", right, facts


def le(left: Term, right: Term, *facts: Premise) -> Asked:
    return left, "<=", right, facts


def d(s: Term) -> Term:
    return partial(s, x, k)


# For each rule an instance and false neighbours: a sign, a factor, an index, a direction, a condition left out.
INSTANCES: dict[str, tuple[Asked, tuple[Asked, ...]]] = {
    "exp-add": (eq(exp(a + b), exp(a) * exp(b)), (eq(exp(a + b), exp(a) + exp(b)), eq(exp(a + b), exp(a) / exp(b)))),
    "exp-sub": (eq(exp(a - b), exp(a) / exp(b)), (eq(exp(a - b), exp(b) / exp(a)), eq(exp(a - b), exp(a) - exp(b)))),
    "exp-neg": (eq(exp(-a), 1 / exp(a)), (eq(exp(-a), -exp(a)), eq(exp(-a), exp(a)))),
    "exp-zero": (eq(exp(ZERO), ONE), (eq(exp(ZERO), ZERO), eq(exp(ONE), ONE))),
    "exp-power": (eq(power(exp(a), 3), exp(3 * a)), (eq(power(exp(a), 3), exp(2 * a)), eq(power(exp(a), 2), exp(a)))),
    "log-exp": (eq(log(exp(x[k] - a)), x[k] - a), (eq(log(exp(x[k] - a)), x[k] + a), eq(log(exp(x[k])), x[j]))),
    "exp-log": (eq(exp(log(a)), a, positive(a)), (eq(exp(log(a)), a), eq(exp(log(a)), -a, positive(a)))),
    "log-mul": (
        eq(log(a * b), log(a) + log(b), *UP),
        (eq(log(a * b), log(a) + log(b)), eq(log(a * b), log(a) - log(b), *UP), eq(log(a * b), log(a) * log(b), *UP)),
    ),
    "log-div": (
        eq(log(a / b), log(a) - log(b), *UP),
        (eq(log(a / b), log(a) - log(b), positive(a)), eq(log(a / b), log(b) - log(a), *UP)),
    ),
    "log-power": (
        eq(log(power(a, 2)), 2 * log(a), positive(a)),
        (eq(log(power(a, 2)), 2 * log(a)), eq(log(power(a, 2)), 3 * log(a), positive(a))),
    ),
    "log-one": (eq(log(ONE), ZERO), (eq(log(ONE), ONE), eq(log(number(2)), ZERO))),
    "sum-add": (
        eq(total(i, x[i] + y[i]), total(i, x[i]) + total(i, y[i])),
        (eq(total(i, x[i] + y[i]), total(i, x[i]) + y[k]), eq(total(i, x[i] + a), total(i, x[i]) + a)),
    ),
    "sum-sub": (
        eq(total(i, x[i] - y[i]), total(i, x[i]) - total(i, y[i])),
        (eq(total(i, x[i] - y[i]), total(i, y[i]) - total(i, x[i])),),
    ),
    "sum-factor": (
        eq(total(i, a * x[i]), a * total(i, x[i])),
        (eq(total(i, a * x[i]), COUNT * a * total(i, x[i])), eq(total(i, w[i] * x[i]), w[k] * total(i, x[i]))),
    ),
    "sum-constant": (
        eq(total(i, a), COUNT * a),
        (eq(total(i, a), a), eq(total(i, x[i]), COUNT * x[k]), eq(total(i, total(j, a)), COUNT * a)),
    ),
    "sum-delta": (
        eq(total(i, delta(i, k) * exp(x[i])), exp(x[k])),
        (eq(total(i, delta(i, k) * exp(x[i])), exp(x[j])), eq(total(i, (1 - delta(i, k)) * exp(x[i])), S)),
    ),
    "sum-permute": (
        eq(total(i, exp(x[P])), S),
        (eq(total(i, exp(x[P]) * y[i]), total(i, exp(x[i]) * y[i])), eq(x[Moved("p", k)], x[k])),
    ),
    "delta-same": (eq(delta(k, k), ONE), (eq(delta(k, k), ZERO), eq(delta(j, k), ONE))),
    "delta-symmetric": (eq(delta(j, k), delta(k, j)), (eq(delta(j, k), delta(j, m)), eq(delta(j, k), 1 - delta(k, j)))),
    "largest-exp": (
        eq(largest(i, exp(x[i])), exp(largest(i, x[i]))),
        (eq(largest(i, exp(-x[i])), exp(-largest(i, x[i]))), eq(largest(i, exp(x[i])), largest(i, x[i]))),
    ),
    "largest-add": (
        eq(largest(i, x[i] + a), largest(i, x[i]) + a),
        (eq(largest(i, x[i] + a), largest(i, x[i])), eq(largest(i, x[i] + y[i]), largest(i, x[i]) + largest(i, y[i]))),
    ),
    "largest-sub": (
        eq(largest(i, x[i] - a), largest(i, x[i]) - a),
        (eq(largest(i, a - x[i]), a - largest(i, x[i])), eq(largest(i, x[i] - a), largest(i, x[i]) + a)),
    ),
    "largest-constant": (eq(largest(i, a), a), (eq(largest(i, a), COUNT * a), eq(largest(i, x[i]), x[k]))),
    "entry-at-most-largest": (
        le(x[k], largest(i, x[i])),
        (le(largest(i, x[i]), x[k]), le(y[k], largest(i, x[i])), le(x[k] + 1, largest(i, x[i]))),
    ),
    "largest-at-most-sum": (
        le(largest(i, exp(x[i])), S),
        (le(largest(i, w[i]), total(i, w[i])), le(S, largest(i, exp(x[i])))),
    ),
    "entry-at-most-sum": (
        le(exp(x[k]), S),
        (le(x[k], total(i, x[i])), le(S, exp(x[k])), le(2 * exp(x[k]), S)),
    ),
    "sum-at-most-largest": (
        le(total(i, x[i]), COUNT * largest(i, x[i])),
        (le(total(i, x[i]), largest(i, x[i])), le(COUNT * largest(i, x[i]), total(i, x[i]))),
    ),
    "max-first": (eq(maximum(a, b), a, at_most(b, a)), (eq(maximum(a, b), a), eq(maximum(a, b), a, at_most(a, b)))),
    "max-second": (eq(maximum(a, b), b, at_most(a, b)), (eq(maximum(a, b), b), eq(maximum(a, b), b, at_most(b, a)))),
    "max-commutes": (eq(maximum(a, b), maximum(b, a)), (eq(maximum(a, b), maximum(a, c)),)),
    "max-associates": (
        eq(maximum(maximum(a, b), c), maximum(a, maximum(b, c))),
        (eq(maximum(maximum(a, b), c), maximum(a, b)),),
    ),
    "abs-above": (eq(absolute(a), a, at_most(ZERO, a)), (eq(absolute(a), a), eq(absolute(a), -a, at_most(ZERO, a)))),
    "abs-below": (eq(absolute(a), -a, at_most(a, ZERO)), (eq(absolute(a), -a), eq(absolute(a), a, at_most(a, ZERO)))),
    "positive": (
        (ZERO, "<", exp(x[k]) / S, ()),
        ((ZERO, "<", a, ()), (ZERO, "<", -S, ()), (ZERO, "<", absolute(a), ())),
    ),
    "exp-convex": (
        le(exp(t * a + (1 - t) * b), chord, *IN_01),
        (
            le(exp(t * a + (1 - t) * b), chord),
            le(exp(t * a + (1 - t) * b), chord, at_most(ZERO, t)),
            le(chord, exp(t * a + (1 - t) * b), *IN_01),
        ),
    ),
    "derivative-constant": (eq(d(exp(a) * y[k]), ZERO), (eq(d(exp(a) * y[k]), y[k]), eq(d(x[k]), ZERO))),
    "derivative-entry": (eq(d(x[j]), delta(j, k)), (eq(d(x[j]), ONE), eq(d(x[j]), ZERO), eq(d(x[j]), delta(j, m)))),
    "derivative-add": (eq(d(x[j] + S), d(x[j]) + d(S)), (eq(d(x[j] + S), d(x[j]) - d(S)),)),
    "derivative-sub": (eq(d(x[j] - S), d(x[j]) - d(S)), (eq(d(x[j] - S), d(x[j]) + d(S)),)),
    "derivative-mul": (
        eq(d(x[j] * S), d(x[j]) * S + x[j] * d(S)),
        (eq(d(x[j] * S), d(x[j]) * d(S)), eq(d(x[j] * S), d(x[j]) * S - x[j] * d(S))),
    ),
    "derivative-div": (
        eq(d(x[j] / S), (d(x[j]) * S - x[j] * d(S)) / (S * S)),
        (eq(d(x[j] / S), (d(x[j]) * S + x[j] * d(S)) / (S * S)), eq(d(x[j] / S), d(x[j]) / d(S))),
    ),
    "derivative-exp": (eq(d(exp(a * x[k])), exp(a * x[k]) * d(a * x[k])), (eq(d(exp(a * x[k])), exp(a * x[k])),)),
    "derivative-log": (
        eq(d(log(S)), d(S) / S),
        (eq(d(log(S)), 1 / S), eq(d(log(x[k])), 1 / x[k]), eq(d(log(S)), exp(x[j]) / S)),
    ),
    "derivative-sum": (eq(d(S), total(i, d(exp(x[i])))), (eq(d(S), S), eq(d(S), COUNT * d(exp(x[k]))))),
}
NEIGHBOURS = [(name, n) for name, (_, false) in INSTANCES.items() for n in range(len(false))]


def test_every_rule_has_an_instance_and_a_false_neighbour() -> None:
    assert set(INSTANCES) == set(RULES)
    assert all(false for _, false in INSTANCES.values())


@pytest.mark.parametrize("rule", RULES)
def test_sympy_agrees_with_an_instance_of_every_rule(rule: str) -> None:
    answer = ask(*INSTANCES[rule][0])
    assert answer.agrees, answer


@pytest.mark.parametrize(("rule", "n"), NEIGHBOURS)
def test_sympy_does_not_agree_with_a_false_neighbour_of_a_rule(rule: str, n: int) -> None:
    assert not ask(*INSTANCES[rule][1][n]).agrees


@pytest.mark.parametrize("name", CATALOGUE)
def test_sympy_agrees_with_every_step_of_the_catalogue(name: str) -> None:
    answers = opinions(theorem(name).derivation)
    assert len(answers) == sum(len(chain.steps) for _, chain in cases(theorem(name).derivation))
    assert [answer for answer in answers if not answer.agrees] == []


@pytest.mark.parametrize("name", FALSE)
def test_sympy_agrees_with_no_false_statement(name: str) -> None:
    false: Relation = FALSE[name]
    assert not ask(false.left, false.kind, false.right, ()).agrees


def test_the_sheets_sum_of_exponentials_is_not_a_sum() -> None:
    answer = ask(S, "=", exp(a) + total(i, exp(x[i] - a)), ())
    assert not answer.agrees
    assert answer.argument.startswith("the difference is ")


def test_a_premise_is_needed_and_used() -> None:
    product = b * exp(a)
    assert ask(product, "=", c, (equal(product, c),)).agrees
    assert not ask(product, "=", c, ()).agrees
    assert ask(log(S), "=", a, (equal(exp(a), S),)).agrees


@pytest.mark.parametrize(
    ("left", "kind", "right"),
    [
        (w[Moved("p", j)] + w[j], "=", w[Moved("p", j)] + w[k]),
        (x[Moved("p", j)] + x[j], "=", x[Moved("p", k)] + x[k]),
        (total(i, number(2)), "=", total(i, total(j, number(2)))),
        (total(i, largest(j, number(2))), "=", total(i, total(j, number(2)))),
        (total(i, total(j, ONE)), "<=", total(i, ONE)),
        (total(i, total(j, exp(x[i] * x[j]))), "=", total(i, exp(x[k] * x[i]))),
    ],
)
def test_different_indices_and_sums_of_sums_are_kept_apart(left: Term, kind: str, right: Term) -> None:
    assert not ask(left, kind, right, ()).agrees


def test_sums_of_constants_inside_each_other_give_powers_of_n() -> None:
    assert ask(total(i, total(j, a)), "=", COUNT * COUNT * a, ()).agrees
    assert ask(total(i, total(j, exp(x[i] - y[j]))), "=", S * total(j, exp(-y[j])), ()).agrees


@pytest.mark.parametrize("undefined", [log(a) - log(a), a / a, log(x[k]) * 0, exp(log(a))])
def test_what_may_be_undefined_is_not_agreed_to(undefined: Term) -> None:
    assert not ask(undefined, "=", undefined, ()).agrees
