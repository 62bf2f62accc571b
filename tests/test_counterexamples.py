"""Establishes that enclosures hold the values, and that only false statements have counterexamples, simple ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import factorial
from typing import Any

import flint
import pytest

from shiftproof.proofs.catalogue import CATALOGUE, FALSE, theorem
from shiftproof.proofs.counterexamples import Point, Undefined, counterexample, described, enclosure, refutes
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
    less,
    log,
    maximum,
    number,
    partial,
    positive,
    power,
    total,
    variables,
)
from shiftproof.proofs.trusted import Free, Moved, Premise, Relation, Term

a, b = variables("a b")
i, j, k = indices("i j k")
x, y = Vector("x"), Vector("y")
S = total(i, exp(x[i]))
HALF = Fraction(1, 2)
POINT = Point(
    3,
    (("a", Fraction(-2, 3)), ("b", Fraction(5))),
    (("x", (Fraction(1), HALF, Fraction(-2))), ("y", (Fraction(0), Fraction(3), Fraction(1, 7)))),
    (("j", 2), ("k", 3), ("1", 1), ("3", 3)),
)
TINY = Fraction(1, 10**30)


def _exp(power_of: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of e^p for 0 <= p <= 1, from the series: what follows the n-th term is at most twice the next."""
    low = sum((power_of**n / factorial(n) for n in range(40)), Fraction(0))
    return low, low + 2 * power_of**40 / factorial(40)


def _ball(value: Fraction) -> Any:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


@contextmanager
def _bits(bits: int) -> Iterator[None]:
    before, flint.ctx.prec = flint.ctx.prec, bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def _is(ball: Any, value: Fraction, within: Fraction = TINY) -> bool:
    """Whether the ball holds the value and nothing that is further from it than `within`."""
    with _bits(400):
        exact = ball.contains(flint.fmpq(value.numerator, value.denominator))
        return bool(exact and ball < _ball(value + within) and ball > _ball(value - within))


# Enclosures.


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (number(Fraction(1, 3)), Fraction(1, 3)),
        (COUNT, Fraction(3)),
        (a, Fraction(-2, 3)),
        (x[j], HALF),
        (x[k], Fraction(-2)),
        (x[Free("1")], Fraction(1)),
        (x[Free("N")], Fraction(-2)),
        (delta(j, k), Fraction(0)),
        (delta(k, Free("3")), Fraction(1)),
        (a + b, Fraction(13, 3)),
        (a - b, Fraction(-17, 3)),
        (a * b, Fraction(-10, 3)),
        (b / a, Fraction(-15, 2)),
        (-a, Fraction(2, 3)),
        (power(a, 3), Fraction(-8, 27)),
        (power(a, -2), Fraction(9, 4)),
        (power(a, 0), Fraction(1)),
        (absolute(a), Fraction(2, 3)),
        (maximum(a, b), Fraction(5)),
        (largest(i, x[i]), Fraction(1)),
        (largest(i, -x[i]), Fraction(2)),
        (total(i, x[i]), -HALF),
        (total(i, total(j, x[i] * y[j])), -HALF * Fraction(22, 7)),
        (total(i, total(j, delta(i, j) * x[i] * y[j])), Fraction(3, 2) - Fraction(2, 7)),
        (total(i, x[i] * total(i, y[i] - x[k])), -HALF * (Fraction(22, 7) + 6)),
        (log(exp(a)), Fraction(-2, 3)),
        (exp(log(b)), Fraction(5)),
        (log(power(exp(ONE), 7)), Fraction(7)),
    ],
)  # fmt: skip
def test_an_enclosure_holds_the_value_and_little_else(term: Term, value: Fraction) -> None:
    assert _is(enclosure(term, POINT), value)


def test_the_enclosure_of_e_to_a_number_lies_where_the_series_says() -> None:
    for exponent in (Fraction(1), HALF, Fraction(1, 7)):
        low, high = _exp(exponent)
        assert high - low < TINY
        ball = enclosure(exp(number(exponent)), POINT)
        with _bits(400):
            assert ball > _ball(low - TINY)
            assert ball < _ball(high + TINY)
            assert ball.overlaps(_ball(low))


def test_the_log_of_what_the_series_gives_is_the_number_again() -> None:
    low, high = _exp(HALF)
    below, above = (enclosure(log(number(bound)), POINT) for bound in (low, high))
    with _bits(400):
        assert below < _ball(HALF + TINY)
        assert above > _ball(HALF - TINY)
        assert below > _ball(HALF - TINY)


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (partial(x[j], x, k), Fraction(0)),
        (partial(x[k], x, k), Fraction(1)),
        (partial(a * b, x, k), Fraction(0)),
        (partial(y[k], x, k), Fraction(0)),
        (partial(power(x[k], 3), x, k), Fraction(12)),
        (partial(power(x[k], -1), x, k), Fraction(-1, 4)),
        (partial(x[j] * x[k], x, k), HALF),
        (partial(x[j] / x[k], x, k), Fraction(-1, 8)),
        (partial(total(i, x[i] * x[i] * y[i]), x, j), Fraction(3)),
        (partial(log(exp(2 * x[k])), x, k), Fraction(2)),
        (partial(absolute(x[k]), x, k), Fraction(-1)),
        (partial(maximum(x[k], x[j]), x, j), Fraction(1)),
        (partial(largest(i, x[i]), x, Free("1")), Fraction(1)),
        (partial(largest(i, x[i]), x, k), Fraction(0)),
        (total(i, partial(total(j, x[j] * x[j]), x, i)), Fraction(-1)),
    ],
)  # fmt: skip
def test_a_derivative_is_enclosed(term: Term, value: Fraction) -> None:
    assert _is(enclosure(term, POINT), value)


def test_the_derivative_of_lse_is_softmax() -> None:
    gradient, softmax = enclosure(partial(log(S), x, k), POINT), enclosure(exp(x[k]) / S, POINT)
    assert gradient.overlaps(softmax)
    assert gradient.rel_accuracy_bits() > 100


@pytest.mark.parametrize(
    "term",
    [log(ZERO), log(a), log(-b), 1 / ZERO, 1 / (a - a), power(ZERO, -1), log(log(ONE)), ONE / delta(j, k),
     partial(absolute(x[k] + 2), x, k), partial(maximum(x[j], HALF * ONE), x, j), partial(partial(x[j], x, k), x, k),
     partial(log(x[k]), x, k), x[Moved("p", k)], ZERO * log(ZERO)],
)  # fmt: skip
def test_what_has_no_value_is_undefined(term: Term) -> None:
    with pytest.raises(Undefined):
        enclosure(term, POINT)


# The search.


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_theorem_has_no_counterexample(name: str) -> None:
    known = theorem(name)
    assert counterexample(known.conclusion, known.premises, tried=100) is None


@pytest.mark.parametrize("name", FALSE)
def test_a_false_statement_is_refuted_at_a_simple_point(name: str) -> None:
    found = counterexample(FALSE[name])
    assert found is not None
    assert found.point.count <= 2
    numbers = [v for _, v in found.point.variables] + [v for _, values in found.point.vectors for v in values]
    assert all(v in (0, 1, -1) for v in numbers)
    assert refutes(found.point, FALSE[name]) == found


def test_the_smallest_n_and_the_simplest_numbers_come_first() -> None:
    found = counterexample(Relation(exp(a), "=", ONE + a))
    assert found is not None
    assert str(found) == "a = 1: 2.71828182846 on the left, 2 on the right"
    found = counterexample(Relation(log(S), "=", largest(i, x[i])))
    assert found is not None
    assert str(found.point) == "N = 2, x = (0, 0)"


@pytest.mark.parametrize(
    ("kind", "left", "right", "false"),
    [
        ("=", a, a + 0, False), ("=", a, a + 1, True), ("<=", a, a, False), ("<=", a + 1, a, True),
        ("<", a, a + 1, False), ("<", number(2), number(2), True), ("<", a + 1, a, True),
        ("!=", number(1), number(2), False), ("!=", number(2), number(2), True),
        ("<=", a * 2, a * a + 1, False), ("<=", a, a * a, True),
    ],
)  # fmt: skip
def test_each_kind_of_relation_is_refuted_only_if_false(kind: str, left: Term, right: Term, false: bool) -> None:
    found = counterexample(Relation(left, kind, right))
    assert (found is not None) == false


@pytest.mark.parametrize(
    ("relation", "premises"),
    [
        (Relation(a, "<=", b), (at_most(a, b),)),
        (Relation(absolute(a), "=", a), (at_most(ZERO, a),)),
        (Relation(a, "=", b), (equal(a, b),)),
        (Relation(a / a, "=", ONE), (Premise(Relation(a, "!=", ZERO)),)),
        (Relation(x[k], "<=", total(i, x[i])), (each(i, at_most(ZERO, x[i])),)),
        (Relation(ZERO, "=", ONE), (less(a, a),)),
        (Relation(log(total(i, y[i] * exp(x[i]))), "=", a + log(total(i, y[i] * exp(x[i] - a)))),
         (each(i, positive(y[i])),)),
    ],
)  # fmt: skip
def test_a_premise_keeps_counterexamples_out(relation: Relation, premises: tuple[Premise, ...]) -> None:
    assert counterexample(relation, premises) is None


@pytest.mark.parametrize(
    ("relation", "premises"),
    [
        (Relation(absolute(a), "=", a), (at_most(a, ONE),)),
        (Relation(x[k], "<=", total(i, x[i])), (at_most(ZERO, x[k]),)),
        (Relation(log(a), "=", a - 1), (positive(a),)),
    ],
)
def test_a_counterexample_fulfils_the_premises(relation: Relation, premises: tuple[Premise, ...]) -> None:
    found = counterexample(relation, premises)
    assert found is not None
    assert refutes(found.point, relation, premises) == found
    assert counterexample(relation, (*premises, Premise(relation))) is None


def test_a_premise_about_every_index_is_asked_of_every_index() -> None:
    point = Point(2, (), (("x", (Fraction(1), Fraction(-1))),), (("k", 1),))
    false = Relation(x[k], "<", ZERO)
    assert refutes(point, false, (positive(x[k]),)) is not None
    assert refutes(point, false, (each(i, positive(x[i])),)) is None


@pytest.mark.parametrize(
    "relation",
    [
        Relation(log(-exp(a)), "=", ZERO),
        Relation(ONE / (a - a), "=", ZERO),
        Relation(log(a) - log(a), "=", ZERO),
        Relation(a / a, "=", ONE),
        Relation(power(a, -1) * a, "=", ONE),
        Relation(exp(log(a)), "=", a),
        Relation(x[Moved("p", k)], "=", x[k]),
    ],
)
def test_where_a_side_is_undefined_nothing_is_refuted(relation: Relation) -> None:
    assert counterexample(relation) is None


def test_a_point_where_a_premise_is_undefined_refutes_nothing() -> None:
    point = Point(1, (("a", Fraction(-1)),))
    assert refutes(point, Relation(a, "=", ZERO)) is not None
    assert refutes(point, Relation(a, "=", ZERO), (at_most(log(a), ZERO),)) is None


def test_an_index_written_as_a_number_is_that_entry() -> None:
    found = counterexample(Relation(x[Free("1")], "=", x[Free("2")]))
    assert found is not None
    assert found.point.count == 2
    assert counterexample(Relation(x[Free("1")], "=", x[k])) is not None


def test_what_is_nearly_equal_is_not_refuted() -> None:
    near = number(1 + Fraction(1, 2**200))
    assert counterexample(Relation(exp(a) * near, "=", exp(a))) is None
    far = number(1 + Fraction(1, 2**60))
    assert counterexample(Relation(exp(a) * far, "=", exp(a))) is not None


def test_a_counterexample_is_plain_data() -> None:
    found = counterexample(FALSE["shift-with-the-wrong-sign"])
    assert found is not None
    data = described(found)
    assert json.loads(json.dumps(data)) == data
    assert data["N"] == 1
    assert data["variables"] == {"a": "1"}
    assert data["vectors"] == {"x": ["0"]}
    assert (data["left"], data["right"]) == ("0", "-2")


def test_the_search_gives_the_same_every_time() -> None:
    first = [counterexample(r) for r in FALSE.values()]
    assert first == [counterexample(r) for r in FALSE.values()]


def test_the_precision_of_others_is_left_as_it_was() -> None:
    with _bits(67):
        enclosure(S, POINT)
        counterexample(FALSE["lse-is-the-maximum"])
        with pytest.raises(Undefined):
            enclosure(log(ZERO), POINT)
        assert flint.ctx.prec == 67
        coarse = enclosure(S, POINT).rel_accuracy_bits()
    with _bits(20):
        assert enclosure(S, POINT).rel_accuracy_bits() == coarse > 100
