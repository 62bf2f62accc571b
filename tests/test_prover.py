"""Establishes what the prover finds, that the checker saw it, and that it gives up on what is false or too large."""

from __future__ import annotations

from functools import reduce

import pytest

from shiftproof.proofs.catalogue import CATALOGUE, FALSE, theorem
from shiftproof.proofs.prover import implicit_premises, prove
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
    variable,
    variables,
)
from shiftproof.proofs.trusted import Cases, Moved, Premise, Relation, Term, Theorem, check

a, b, c = variables("a b c")
i, j, k = indices("i j k")
x, y, w = Vector("x"), Vector("y"), Vector("w")
S = total(i, exp(x[i]))
WEIGHTS = (each(i, positive(w[i])),)

# Beyond the normal form: permutations, convexity, premises used as steps, nested maxima in exponents.
_NOT_FOUND = {
    "lse-permutation", "softmax-permutation", "lse-convex", "merge-correct", "streaming-update",
    "merge-associates-in-the-maximum", "merge-associates-in-the-sum",
}  # fmt: skip


def found(left: Term, right: Term, *premises: Premise, kind: str = "=") -> Theorem | None:
    """What the prover finds, once it is seen that it states what was asked and that the checker accepts it again."""
    relation = Relation(left, kind, right)
    theorem_ = prove(relation, premises)
    if theorem_ is not None:
        assert type(theorem_) is Theorem
        assert theorem_.premises == premises
        conclusion = theorem_.conclusion
        assert (conclusion.left, conclusion.right) == (left, right)
        assert conclusion.kind in {"=": "=", "<=": "= <= <", "<": "<"}[kind].split()
        assert check(theorem_.derivation).conclusion == conclusion
    return theorem_


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in _NOT_FOUND])
def test_the_catalogue_is_found_again(name: str) -> None:
    known = theorem(name)
    again = found(known.conclusion.left, known.conclusion.right, *known.premises, kind=known.conclusion.kind)
    assert again is not None


@pytest.mark.parametrize("name", [name for name in CATALOGUE if theorem(name).conclusion.kind == "="])
def test_an_equation_that_is_found_is_found_from_right_to_left(name: str) -> None:
    known = theorem(name)
    if name not in _NOT_FOUND:
        assert found(known.conclusion.right, known.conclusion.left, *known.premises) is not None


@pytest.mark.parametrize("name", FALSE)
def test_nothing_is_found_for_a_false_statement(name: str) -> None:
    assert prove(FALSE[name]) is None


@pytest.mark.parametrize("name", [name for name in CATALOGUE if theorem(name).conclusion.kind == "="])
@pytest.mark.parametrize("slip", ["sign", "factor", "summand"])
def test_nothing_is_found_for_a_theorem_with_a_slip(name: str, slip: str) -> None:
    known = theorem(name)
    right = known.conclusion.right
    if slip != "summand" and name == "largest-exponent-is-zero":
        return  # -0 and 2 * 0 are 0
    wrong = {"sign": -right, "factor": 2 * right, "summand": right + 1}[slip]
    assert prove(Relation(known.conclusion.left, "=", wrong), known.premises) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (total(i, delta(i, k) * x[i]), x[k]),
        (total(i, x[i] * delta(k, i)), x[k]),
        (total(i, delta(i, k)), ONE),
        (total(i, delta(i, i)), COUNT),
        (total(i, (1 - delta(i, k)) * x[i]), total(i, x[i]) - x[k]),
        (total(i, delta(k, i) * delta(i, j)), delta(j, k)),
        (total(i, total(j, delta(i, j) * x[i] * y[j])), total(i, x[i] * y[i])),
        (total(i, total(j, delta(i, j) * delta(j, k) * x[i])), x[k]),
        (total(i, exp(x[i]) * (delta(i, k) - exp(x[k]) / S)), ZERO),
        (total(k, total(i, delta(i, k) * exp(x[i]))), S),
    ],
)  # fmt: skip
def test_a_sum_with_deltas_is_found(left: Term, right: Term) -> None:
    assert found(left, right) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (total(i, total(j, x[i] * y[j])), total(i, x[i]) * total(j, y[j])),
        (total(i, total(j, x[i] + y[j])), COUNT * (total(i, x[i]) + total(i, y[i]))),
        (total(i, 2 * a * x[i] - b), 2 * a * total(i, x[i]) - COUNT * b),
        (total(i, power(x[i] - a, 2)), total(i, x[i] * x[i]) - 2 * a * total(i, x[i]) + COUNT * a * a),
        (largest(i, x[i] - a), largest(i, x[i]) - a),
        (largest(i, exp(x[i] + a)), exp(largest(i, x[i]) + a)),
        (largest(i, a), a),
    ],
)
def test_what_does_not_depend_on_the_index_leaves_the_sum(left: Term, right: Term) -> None:
    assert found(left, right) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (total(i, x[i] * y[i]), total(i, x[i]) * total(i, y[i])),
        (total(i, delta(i, k) * x[j]), x[k]),
        (total(i, total(j, x[i] * y[j])), total(i, x[i] * y[i])),
        (largest(i, a * x[i]), a * largest(i, x[i])),
        (largest(i, x[i] + y[i]), largest(i, x[i]) + largest(i, y[i])),
        (exp(x[i]) / total(i, exp(x[i])), total(i, exp(x[i]) / exp(x[i]))),
    ],
)
def test_what_depends_on_the_index_does_not(left: Term, right: Term) -> None:
    assert found(left, right) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (log(exp(a) + exp(b)), maximum(a, b) + log(1 + exp(-absolute(a - b)))),
        (maximum(a, b) + log(1 + exp(-absolute(a - b))), maximum(b, a) + log(1 + exp(-absolute(b - a)))),
        (maximum(a, b), (a + b + absolute(a - b)) / 2),
        (a + b - maximum(a, b), -maximum(-a, -b)),
        (log(1 + exp(a)), a + log(1 + exp(-a))),
        (log(1 + exp(a)) - log(1 + exp(-a)), a),
        (1 / (1 + exp(-a)) + 1 / (1 + exp(a)), ONE),
        (exp(a) / (exp(a) + exp(b)), 1 / (1 + exp(b - a))),
    ],
)  # fmt: skip
def test_two_entries_are_found(left: Term, right: Term) -> None:
    assert found(left, right) is not None


def test_a_maximum_of_two_is_found_by_two_cases() -> None:
    theorem_ = found(maximum(a, b), (a + b + absolute(a - b)) / 2)
    assert theorem_ is not None
    assert isinstance(theorem_.derivation, Cases)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (partial(log(S), x, k), exp(x[k]) / S),
        (partial(exp(x[j]) / S, x, k), exp(x[j]) / S * (delta(j, k) - exp(x[k]) / S)),
        (partial(log(S) - x[j], x, k), exp(x[k]) / S - delta(j, k)),
        (partial(exp(a * x[k]), x, k), a * exp(a * x[k])),
        (partial(total(i, x[i] * x[i]), x, k), 2 * x[k]),
        (partial(-x[j], x, k), -delta(j, k)),
        (partial(power(x[k], 3), x, k), 3 * power(x[k], 2)),
        (partial(y[k], x, k), ZERO),
        (partial(total(i, exp(x[i])) * a + b, x, k), a * exp(x[k])),
    ],
)
def test_a_derivative_is_found(left: Term, right: Term) -> None:
    assert found(left, right) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (partial(log(S), x, k), ONE / S),
        (partial(exp(x[j]), x, k), exp(x[j])),
        (partial(absolute(x[k]), x, k), ONE),
        (partial(log(x[k]), x, k), 1 / x[k]),
        (partial(largest(i, x[i]), x, k), ONE),
    ],
)
def test_a_derivative_that_is_wrong_or_has_corners_is_not_found(left: Term, right: Term) -> None:
    assert found(left, right) is None


def test_weights_are_shifted_only_if_they_are_known_to_be_positive() -> None:
    left = log(total(i, w[i] * exp(x[i])))
    right = a + log(total(i, w[i] * exp(x[i] - a)))
    assert found(left, right, *WEIGHTS) is not None
    assert found(left, right) is None
    assert found(left, right, positive(w[k])) is None
    assert found(left, right, each(i, at_most(ZERO, w[i]))) is None


@pytest.mark.parametrize(
    ("left", "right", "premises"),
    [
        (a / a, ONE, (positive(a),)),
        (exp(log(a)), a, (positive(a),)),
        (log(a * b), log(a) + log(b), (positive(a), positive(b))),
        (absolute(a), a, (at_most(ZERO, a),)),
        (maximum(a, b), b, (at_most(a, b),)),
    ],
)
def test_what_needs_a_premise_is_found_with_it_and_not_without(
    left: Term, right: Term, premises: tuple[Premise, ...]
) -> None:
    assert found(left, right, *premises) is not None
    for missing in premises:
        assert found(left, right, *(p for p in premises if p != missing)) is None


def test_an_inequality_is_found_for_another_vector_and_index() -> None:
    assert found(largest(i, y[i]), log(total(i, exp(y[i]))), kind="<=") is not None
    assert found(exp(y[j]) / total(i, exp(y[i])), ONE, kind="<=") is not None
    assert found(y[j], largest(i, y[i]), kind="<=") is not None
    assert found(ZERO, exp(a) + absolute(b), kind="<") is not None
    assert found(log(total(i, exp(y[i]))), largest(i, y[i]), kind="<=") is None
    assert found(exp(y[j]) / total(i, exp(y[i])), ONE, kind="<") is None
    assert found(largest(i, y[i]), y[j], kind="<=") is None
    assert found(ZERO, a, kind="<") is None


@pytest.mark.parametrize(
    ("term", "needed"),
    [
        (log(a), (positive(a),)),
        (1 / a, (Premise(Relation(a, "!=", ZERO)),)),
        (power(a, -2), (Premise(Relation(a, "!=", ZERO)),)),
        (total(i, log(x[i])), (each(i, positive(x[i])),)),
        (log(a) + log(a), (positive(a),)),
        (log(S), ()),
        (exp(a) / S, ()),
        (x[k] / COUNT, ()),
    ],
)
def test_what_a_term_needs_to_have_a_value(term: Term, needed: tuple[Premise, ...]) -> None:
    assert implicit_premises(term) == needed


def test_contradictory_premises_do_not_end_the_search() -> None:
    assert prove(Relation(a, "=", b), (equal(ZERO, ONE),)) is None


def _tower(height: int) -> Term:
    return reduce(lambda t, _: exp(t) + t, range(height), a)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (power(a + b + c + exp(a) + exp(b), 60), ZERO),
        (power(exp(a + b + c) + exp(b) + 1, 30) * power(exp(a) + exp(c) + 2, 30), ONE),
        (_tower(8), _tower(8) + 1),
        (exp(a / 7 + b / 11 + c / 13), exp(a)),
        (exp(a / 10**9), exp(a)),
        (log(number(10**40 + 1)), log(number(3))),
        (power(a, 10**9), power(a, 10**9) + 1),
        (exp(number(10**9) * a), power(exp(a), 10**9)),
        (reduce(lambda t, n: t + maximum(variable(f"u_{n}"), variable(f"v_{n}")), range(12), ZERO), ZERO),
        (reduce(lambda t, _: -t, range(400), a), -a),
        (total(i, power(x[i] + y[i] + w[i] + a, 20)), ZERO),
        (reduce(lambda t, _: total(i, t * x[i]), range(12), a), ZERO),
        (x[Moved("p", Moved("p", k))], x[k]),
    ],
    ids=lambda t: t.op,
)  # fmt: skip
def test_hostile_terms_end_quickly_without_a_result(left: Term, right: Term) -> None:
    prove(Relation(left, "=", right))
