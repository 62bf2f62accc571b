"""Establishes SymPy as the second checker: it agrees with what is true for every N, and with nothing that is false."""

from __future__ import annotations

import pytest

from shiftproof.proofs.catalogue import FALSE
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
from shiftproof.proofs.trusted import Derivation, Moved, Premise, Step, Term

i, j, k = indices("i j k")
x, y, b = Vector("x"), Vector("y"), Vector("b")
a, c, s, t = variables("a c s t")
S = total(i, exp(x[i]))
top = largest(i, x[i])

TRUE: list[tuple[Term, str, Term, tuple[Premise, ...]]] = [
    (exp(a + c), "=", exp(a) * exp(c), ()),
    (exp(2 * a), "=", power(exp(a), 2), ()),
    (log(exp(a) * S), "=", a + log(S), ()),
    (log(a * c), "=", log(a) + log(c), (positive(a), positive(c))),
    (total(i, x[i] + a), "=", total(i, x[i]) + COUNT * a, ()),
    (total(i, delta(i, k) * exp(x[i])), "=", exp(x[k]), ()),
    (total(i, (1 - delta(i, k)) * x[i]), "=", total(i, x[i]) - x[k], ()),
    (total(i, exp(x[Moved("p", i)])), "=", S, ()),
    (log(total(i, b[i] * exp(x[i] - a))), "=", log(total(i, b[i] * exp(x[i]))) - a, (each(i, positive(b[i])),)),
    (maximum(a, c), "=", (a + c + absolute(a - c)) / number(2), ()),
    (maximum(a, c), "=", c, (at_most(a, c),)),
    (largest(i, exp(x[i] - a)), "=", exp(top - a), ()),
    (partial(power(S, 2), x, k), "=", 2 * S * exp(x[k]), ()),
    (s * exp(a) + c, "=", t + c, (equal(s * exp(a), t),)),
    (x[k], "<=", top, ()),
    (exp(x[k]), "<=", S, ()),
    (largest(i, exp(x[i])), "<=", S, ()),
    (log(S), "<=", log(COUNT * largest(i, exp(x[i]))), ()),
    (ZERO, "<", exp(a) / S, ()),
]
NOT_TRUE: list[tuple[Term, str, Term, tuple[Premise, ...]]] = [
    (exp(a + c), "=", exp(a) + exp(c), ()),
    (exp(2 * a), "=", power(exp(a), 3), ()),
    (log(exp(a) * S), "=", a * log(S), ()),
    (total(i, x[i] + a), "=", total(i, x[i]) + a, ()),
    (total(i, delta(i, k) * exp(x[i])), "=", exp(x[j]), ()),
    (total(i, exp(x[Moved("p", i)] - x[i])), "=", COUNT, ()),
    (maximum(a, c), "=", c, ()),
    (maximum(a, c), "=", a, (at_most(a, c),)),
    (absolute(a), "=", a, ()),
    (largest(i, exp(-x[i])), "=", exp(-top), ()),
    (partial(power(S, 2), x, k), "=", 2 * S, ()),
    (s * exp(a) + c, "=", t + c, ()),
    (top, "<=", x[k], ()),
    (S, "<=", exp(x[k]), ()),
    (exp(-S), "<=", exp(-exp(x[k])) / number(2), ()),
    (S, "<=", largest(i, exp(x[i])), ()),
    (ZERO, "<", exp(a) - S, ()),
    (ZERO, "<", a, ()),
    (-exp(x[k]), "<=", -S, ()),
    (x[Moved("p", j)] + x[j], "=", x[Moved("p", k)] + x[k], ()),
    (x[Moved("p", j)] + x[j], "=", x[Moved("p", j)] + x[k], ()),
    (total(i, number(2)), "=", total(i, total(j, number(2))), ()),
    (total(i, largest(j, number(2))), "=", total(i, total(j, number(2))), ()),
    (total(i, total(j, ONE)), "<=", total(i, ONE), ()),
    (total(i, total(j, exp(x[i] * x[j]))), "=", COUNT * total(i, exp(x[i] * x[i])), ()),
]


@pytest.mark.parametrize(("left", "kind", "right", "facts"), TRUE)
def test_it_agrees_with_what_is_true(left: Term, kind: str, right: Term, facts: tuple[Premise, ...]) -> None:
    answer = ask(left, kind, right, facts)
    assert answer.agrees, answer


@pytest.mark.parametrize(("left", "kind", "right", "facts"), NOT_TRUE)
def test_it_does_not_agree_with_what_is_false(left: Term, kind: str, right: Term, facts: tuple[Premise, ...]) -> None:
    answer = ask(left, kind, right, facts)
    assert not answer.agrees, answer
    assert answer.argument


@pytest.mark.parametrize("name", FALSE)
def test_it_agrees_with_none_of_the_false_statements(name: str) -> None:
    r = FALSE[name]
    assert not ask(r.left, r.kind, r.right).agrees


def test_what_it_cannot_decide_is_no_agreement() -> None:
    two = largest(i, x[i] + y[i])
    answer = ask(two, "=", two + ZERO * a)
    assert not answer.agrees
    assert "more than one entry" in answer.argument


def test_the_answer_says_what_was_asked_and_what_was_left_over() -> None:
    answer = ask(log(S), "=", a + log(total(i, exp(x[i]))))
    assert answer.question == "log sum_i exp(x_i) = a + log sum_i exp(x_i)"
    assert answer.argument == "the difference is -a"


def test_every_step_of_a_derivation_is_asked_whatever_its_rule_is_called() -> None:
    wrong = Derivation("wrong", S, (Step("sum-factor", (), S + a), Step("arithmetic", (), a + S)))
    assert [answer.agrees for answer in opinions(wrong)] == [False, True]


def test_a_permuted_sum_says_for_which_n_it_was_asked() -> None:
    answer = ask(total(i, exp(x[Moved("p", i)])), "=", S)
    assert "not for symbolic N" in answer.argument


def test_one_is_not_below_one() -> None:
    assert not ask(ONE, "<", ONE).agrees
