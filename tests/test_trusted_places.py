"""Establishes what the checker makes of places: no index is caught or escapes, what is known of a vector is not used
inside a derivative by it, and an inequality goes only through what is known to rise or to fall.
"""

from __future__ import annotations

import pytest

from shiftproof.proofs.catalogue import theorem
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
    partial,
    positive,
    power,
    total,
    variables,
)
from shiftproof.proofs.trusted import (
    Bound,
    Cases,
    Derivation,
    Moved,
    Premise,
    Rejected,
    Relation,
    Step,
    Term,
    Use,
    bound_index,
    check,
    lifted,
    nodes,
    opened,
    used_indices,
)

from .test_trusted import accepts, d, refuses

a, b, c, t = variables("a b c t")
i, j, k, m = indices("i j k m")
x, y = Vector("x"), Vector("y")
p = Moved("p", i)
S = total(i, exp(x[i]))


# Capture.


def test_the_free_and_the_bound_i_of_the_sheet_do_not_meet() -> None:
    softmax = exp(x[i]) / total(i, exp(x[i]))
    assert {n.value[1] for n in nodes(softmax) if n.op == "entry"} == {i, Bound(0)}
    assert list(used_indices(softmax)) == [i]
    captured = total(i, exp(x[i]) / exp(x[i]))
    refuses(total(i, softmax), Step("arithmetic", (), captured))
    refuses(softmax, Step("sum-factor", (), total(i, exp(x[i]) / exp(x[i])), backwards=True))


def test_a_factor_with_the_index_of_the_sum_stays_inside() -> None:
    leaves = "a bound index would leave its sum"
    refuses(total(i, x[i] * y[i]), Step("sum-factor", (), x[i] * total(i, y[i])), why=leaves)
    refuses(x[i] * total(i, y[i]), Step("sum-factor", (), total(i, x[i] * y[i]), backwards=True))
    refuses(total(i, x[i]), Step("sum-constant", (), COUNT * x[i]), why=leaves)
    refuses(largest(i, x[i] + x[i]), Step("largest-add", (), largest(i, x[i]) + x[i]))


def test_swapped_levels_of_nested_sums_are_refused() -> None:
    right = total(i, x[i] * total(j, y[j]))
    swapped = Term("sum", (y[Bound(0)] * Term("sum", (x[Bound(0)],)),))
    start = total(i, total(j, x[i] * y[j]))
    assert start == Term("sum", (Term("sum", (x[Bound(1)] * y[Bound(0)],)),))
    assert accepts(start, Step("sum-factor", (0,), right)).right == right
    refuses(start, Step("sum-factor", (0,), swapped))
    refuses(total(i, total(j, x[j] * y[i])), Step("sum-factor", (0,), right))
    wrong_level = Term("sum", (Term("sum", (x[Bound(0)] * y[Bound(1)],)),))
    refuses(start, Step("arithmetic", (), wrong_level))


def test_a_theorem_put_under_a_sum_does_not_catch_its_index() -> None:
    shift = theorem("lse-shift")
    use = Use(shift, (("a", x[Bound(0)]),))
    start = total(k, log(S))
    right = total(k, x[k] + log(total(i, exp(x[i] - x[k]))))
    caught = total(k, x[k] + log(total(i, exp(x[i] - x[i]))))
    assert accepts(start, Step("theorem", (0,), right, use=use)).right == right
    refuses(start, Step("theorem", (0,), caught, use=use), why="does not say this")


def test_a_vector_put_into_a_theorem_does_not_catch_an_index() -> None:
    use = Use(theorem("lse-shift"), vectors=(("x", Term("sum", (x[Bound(1)] * y[Bound(0)],))),))

    def lse(*levels: int) -> Term:
        inner = total(j, x[i] * y[j]) if levels == (1, 0) else total(j, x[j] * y[i])
        return log(total(i, exp(inner)))

    right = a + log(total(i, exp(total(j, x[i] * y[j]) - a)))
    assert accepts(lse(1, 0), Step("theorem", (), right, use=use)).right == right
    refuses(lse(0, 1), Step("theorem", (), right, use=use), why="does not say this")


def test_the_delta_picks_the_index_of_the_outer_sum_and_no_other() -> None:
    start = total(k, total(i, delta(i, k) * total(j, x[i] * y[j])))
    right = total(k, total(j, x[k] * y[j]))
    wrong = total(k, total(j, x[j] * y[j]))
    assert accepts(start, Step("sum-delta", (0,), right)).right == right
    refuses(start, Step("sum-delta", (0,), wrong))
    refuses(total(i, delta(i, i) * x[i]), Step("sum-delta", (), x[i]), why="a bound index would leave its sum")
    refuses(total(i, delta(i, p) * x[i]), Step("sum-delta", (), x[p]), why="a bound index would leave its sum")


def test_the_index_of_a_derivative_keeps_it_inside_its_sum() -> None:
    inside = total(i, partial(exp(y[i]), x, i))
    outside = partial(total(i, exp(y[i])), x, i)
    refuses(inside, Step("derivative-sum", (), outside, backwards=True), why="a bound index would leave its sum")
    refuses(outside, Step("derivative-sum", (), inside))


def test_a_permuted_sum_needs_every_index_permuted_in_the_same_way() -> None:
    q = Moved("q", i)
    for mixed in (x[p] * y[i], x[p] * y[q], x[Moved("p", p)] * y[p]):
        refuses(total(i, mixed), Step("sum-permute", (), total(i, x[i] * y[i])))
    twice = total(i, x[Moved("q", p)])
    assert accepts(twice, Step("sum-permute", (), total(i, x[q]))).kind == "="
    refuses(twice, Step("sum-permute", (), total(i, x[p])))
    refuses(x[Moved("p", k)], Step("sum-permute", (), x[k]))


def test_what_stands_under_a_sum_comes_out_as_it_went_in() -> None:
    inner = total(j, x[j] * y[k] * exp(x[i]))
    assert lifted(lifted(inner, 2), -2) == inner
    assert opened(bound_index(inner, i), i) == inner
    assert opened(bound_index(inner, k), m) == total(j, x[j] * y[m] * exp(x[i]))
    with pytest.raises(Rejected, match="a bound index would leave its sum"):
        lifted(x[Bound(0)], -1)


# Premises and facts.


def test_a_premise_is_a_step_in_its_own_direction() -> None:
    assert accepts(a, Step("premise", (), b), less(a, b)) == Relation(a, "<", b)
    assert accepts(a, Step("premise", (), b), equal(a, b)) == Relation(a, "=", b)
    assert accepts(-b, Step("premise", (0,), -a, True), at_most(a, b)) == Relation(-b, "<=", -a)
    refuses(b, Step("premise", (), a), at_most(a, b), why="no premise says this")
    refuses(a, Step("premise", (), b), Premise(Relation(a, "!=", b)), why="no premise says this")


def test_a_premise_for_every_index_holds_at_the_indices_of_the_step() -> None:
    about_all = each(i, equal(x[i], y[i]))
    assert accepts(x[k], Step("premise", (), y[k]), about_all).kind == "="
    assert accepts(x[Moved("p", k)], Step("premise", (), y[Moved("p", k)]), about_all).kind == "="
    assert accepts(total(i, x[i]), Step("premise", (0,), total(i, y[i])), about_all).kind == "="
    refuses(x[k], Step("premise", (), y[j]), about_all, why="no premise says this")
    refuses(total(i, x[i]), Step("premise", (0,), total(i, y[i])), equal(x[k], y[k]), why="no premise says this")


def test_a_premise_about_the_vector_is_refused_inside_its_derivative() -> None:
    one = equal(x[k], ONE)
    assert accepts(x[k], Step("premise", (), ONE), one).kind == "="
    refuses(d(x[k]), Step("premise", (0,), d(ONE)), one, why="no premise says this")
    refuses(d(x[k]), Step("premise", (0,), d(ONE)), each(i, equal(x[i], ONE)), why="no premise says this")
    refuses(d(absolute(x[k])), Step("abs-above", (0,), d(x[k])), at_most(ZERO, x[k]), why="'<='")
    refuses(d(x[j] / x[j]), Step("arithmetic", (0,), d(ONE)), positive(x[j]), why="a divisor is not known")
    assert accepts(d(a * x[k]), Step("premise", (0, 0), d(b * x[k])), equal(a, b)).kind == "="
    assert accepts(d(y[j]), Step("premise", (0,), d(ONE)), each(i, equal(y[i], ONE))).kind == "="


def test_what_a_case_assumes_is_refused_inside_a_derivative() -> None:
    start, end = d(absolute(x[k])), d(x[k])
    both = Derivation("case", start, (Step("abs-above", (0,), end),))
    with pytest.raises(Rejected, match="side condition"):
        check(Cases("case", ZERO, x[k], both, both))


def test_a_theorem_is_used_inside_a_derivative_only_without_premises_about_the_vector() -> None:
    known = check(Derivation("known", absolute(a), (Step("abs-above", (), a),), (at_most(ZERO, a),)))
    use = Use(known, (("a", x[k]),))
    assert accepts(absolute(x[k]), Step("theorem", (), x[k], use=use), at_most(ZERO, x[k])).kind == "="
    inside = Step("theorem", (0,), d(x[k]), use=use)
    refuses(d(absolute(x[k])), inside, at_most(ZERO, x[k]), why="a premise of the theorem")


def test_a_theorem_with_premises_is_used_only_where_they_hold() -> None:
    known = check(Derivation("known", exp(log(a)), (Step("exp-log", (), a),), (positive(a),)))
    good, bad = Use(known, (("a", exp(b)),)), Use(known, (("a", b),))
    assert accepts(exp(log(exp(b))), Step("theorem", (), exp(b), use=good)).kind == "="
    refuses(exp(log(b)), Step("theorem", (), b, use=bad), why="a premise of the theorem 'known' is not known to hold")
    of_all = check(Derivation("all", x[k], (Step("premise", (), y[k]),), (each(i, equal(x[i], y[i])),)))
    refuses(x[k], Step("theorem", (), y[k], use=Use(of_all)), each(i, equal(x[i], y[i])), why="about every index")


def test_nothing_is_put_for_the_variables_of_a_theorem_about_derivatives() -> None:
    gradient = theorem("lse-gradient")
    start, end = partial(log(S), x, j), exp(x[j]) / S
    assert accepts(start, Step("theorem", (), end, use=Use(gradient, indices=(("k", j),)))).kind == "="
    use = Use(gradient, vectors=(("x", -x[Bound(0)]),))
    refuses(start, Step("theorem", (), end, use=use), why="only the indices")


# Inequalities.

_LESS = less(a, b)


@pytest.mark.parametrize(
    ("wrap", "at", "falls"),
    [
        (lambda u: u + c, (0,), False),
        (lambda u: c + u, (1,), False),
        (lambda u: u - c, (0,), False),
        (lambda u: c - u, (1,), True),
        (lambda u: -u, (0,), True),
        (lambda u: exp(c) * u, (1,), False),
        (lambda u: u * COUNT, (0,), False),
        (lambda u: u / exp(c), (0,), False),
        (exp, (0,), False),
        (lambda u: log(exp(u)), (0, 0), False),
        (lambda u: total(i, u * exp(x[i])), (0, 0), False),
        (lambda u: largest(i, x[i] - u), (0, 1), True),
        (lambda u: -(c - u), (0, 1), False),
    ],
)  # fmt: skip
def test_an_inequality_goes_through_what_rises_and_turns_in_what_falls(wrap, at, falls) -> None:  # type: ignore[no-untyped-def]
    low, high = (wrap(b), wrap(a)) if falls else (wrap(a), wrap(b))
    assert accepts(low, Step("premise", at, high, falls), _LESS) == Relation(low, "<", high)
    refuses(high, Step("premise", at, low, not falls), _LESS, why="the inequality points the other way")


@pytest.mark.parametrize(
    ("wrap", "at", "where"),
    [
        (lambda u: c * u, (1,), "mul"),
        (lambda u: absolute(c) * u, (1,), "mul"),
        (lambda u: -exp(c) * u, (1,), "mul"),
        (lambda u: u / c, (0,), "div"),
        (lambda u: exp(c) / u, (1,), "div"),
        (lambda u: power(u, 3), (0,), "power"),
        (lambda u: absolute(u), (0,), "abs"),
        (lambda u: maximum(u, c), (0,), "max"),
        (lambda u: d(u), (0,), "derivative"),
    ],
)  # fmt: skip
def test_an_inequality_is_refused_where_the_direction_is_not_known(wrap, at, where) -> None:  # type: ignore[no-untyped-def]
    why = f"an inequality cannot be used inside '{where}' here"
    refuses(wrap(a), Step("premise", at, wrap(b)), _LESS, why=why)
    refuses(wrap(b), Step("premise", at, wrap(a), backwards=True), _LESS, why=why)


def test_the_log_of_an_inequality_needs_a_positive_lower_side() -> None:
    refuses(log(a), Step("premise", (0,), log(b)), _LESS, why="log of what is not known to be positive")
    refuses(log(a), Step("premise", (0,), log(b)), _LESS, positive(b), why="log of what is not known to be positive")
    assert accepts(log(a), Step("premise", (0,), log(b)), _LESS, positive(a)).kind == "<"
    refuses(-log(b), Step("premise", (0, 0), -log(a), True), _LESS, positive(b), why="log of what")


def test_a_factor_that_may_be_zero_makes_an_inequality_weak_and_a_strict_one_is_refused() -> None:
    start, end = absolute(c) * a, absolute(c) * b
    assert accepts(start, Step("premise", (1,), end), at_most(a, b)).kind == "<="
    refuses(start, Step("premise", (1,), end), _LESS)


def test_a_chain_is_as_strict_as_its_strictest_step() -> None:
    steps = (Step("premise", (), b), Step("premise", (), c))
    for first, second, kind in ((equal, equal, "="), (equal, at_most, "<="), (at_most, less, "<"), (less, equal, "<")):
        chain = Derivation("chain", a, steps, (first(a, b), second(b, c)))
        assert check(chain).conclusion == Relation(a, kind, c)
