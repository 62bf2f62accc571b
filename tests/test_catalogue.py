"""Establishes the catalogue: every theorem is accepted by the checker and by SymPy, says what it should, and holds at
points; every false statement has a counterexample; the derivations print as text and as LaTeX.
"""

from __future__ import annotations

import pytest

from shiftproof.proofs import (
    CATALOGUE,
    FALSE,
    LATEX,
    RULES,
    TEXT,
    chains,
    counterexample,
    examine,
    prove,
    rules_of,
    theorem,
    theorems,
    title,
)
from shiftproof.reports import derivation_latex, derivation_text

# What each theorem says, written once more by hand.
SAYS = {
    "lse-shift": "log sum_i exp(x_i) = a + log sum_i exp(x_i - a)",
    "softmax-shift": "exp(x_k) / (sum_i exp(x_i)) = exp(x_k - a) / (sum_i exp(x_i - a))",
    "log-softmax-shift": "x_k - log sum_i exp(x_i) = x_k - a - log sum_i exp(x_i - a)",
    "division-free-softmax": "exp(x_k) / (sum_i exp(x_i)) = exp(x_k - log sum_i exp(x_i))",
    "log-of-softmax": "log(exp(x_k) / (sum_i exp(x_i))) = x_k - log sum_i exp(x_i)",
    "lse-equivariance": "log sum_i exp(x_i + c) = log sum_i exp(x_i) + c",
    "lse-permutation": "log sum_i exp(x_p(i)) = log sum_i exp(x_i)",
    "softmax-permutation": "exp(x_p(k)) / (sum_i exp(x_p(i))) = exp(x_p(k)) / (sum_i exp(x_i))",
    "temperature-shift": "T * log sum_i exp(x_i / T) = a + T * log sum_i exp((x_i - a) / T)",
    "softmax-temperature-shift": (
        "exp(x_k / T) / (sum_i exp(x_i / T)) = exp((x_k - a) / T) / (sum_i exp((x_i - a) / T))"
    ),
    "weighted-shift": "log sum_i b_i * exp(x_i) = a + log sum_i b_i * exp(x_i - a)",
    "weights-as-shifts": "log sum_i b_i * exp(x_i) = log sum_i exp(x_i + log(b_i))",
    "exponents-at-most-zero": "x_k - max_i x_i <= 0",
    "largest-exponent-is-zero": "max_i (x_i - max_j x_j) = 0",
    "shifted-sum-at-least-one": "1 <= sum_i exp(x_i - max_j x_j)",
    "shifted-sum-at-most-count": "sum_i exp(x_i - max_j x_j) <= N",
    "largest-at-most-lse": "max_i x_i <= log sum_i exp(x_i)",
    "lse-at-most-largest-plus-log-count": "log sum_i exp(x_i) <= max_i x_i + log(N)",
    "log1p-form": "log sum_i exp(x_i) = x_k + log(1 + sum_i (1 - delta_ik) * exp(x_i - x_k))",
    "log-softmax-log1p-form": "x_m - log sum_i exp(x_i) = x_m - x_k - log(1 + sum_i (1 - delta_ik) * exp(x_i - x_k))",
    "softmax-positive": "0 < exp(x_k) / (sum_i exp(x_i))",
    "softmax-at-most-one": "exp(x_k) / (sum_i exp(x_i)) <= 1",
    "softmax-sums-to-one": "sum_i exp(x_i) / (sum_j exp(x_j)) = 1",
    "lse-gradient": "d/d(x_k) (log sum_i exp(x_i)) = exp(x_k) / (sum_i exp(x_i))",
    "softmax-jacobian": (
        "d/d(x_k) (exp(x_j) / (sum_i exp(x_i)))"
        " = exp(x_j) / (sum_i exp(x_i)) * (delta_jk - exp(x_k) / (sum_i exp(x_i)))"
    ),
    "cross-entropy-gradient": "d/d(x_k) (log sum_i exp(x_i) - x_c) = exp(x_k) / (sum_i exp(x_i)) - delta_ck",
    "normalised": "sum_i exp(x_i - log sum_j exp(x_j)) = 1",
    "lse-convex": ("log sum_i exp(t * x_i + (1 - t) * y_i) <= t * log sum_i exp(x_i) + (1 - t) * log sum_i exp(y_i)"),
    "merge-correct": ("(s_1 * exp(m_1 - max(m_1, m_2)) + s_2 * exp(m_2 - max(m_1, m_2))) * exp(max(m_1, m_2)) = P + Q"),
    "merge-lse": (
        "max(m_1, m_2) + log(s_1 * exp(m_1 - max(m_1, m_2)) + s_2 * exp(m_2 - max(m_1, m_2)))"
        " = log(s_1 * exp(m_1) + s_2 * exp(m_2))"
    ),
    "merge-commutes-in-the-maximum": "max(m_1, m_2) = max(m_2, m_1)",
    "merge-commutes-in-the-sum": (
        "s_1 * exp(m_1 - max(m_1, m_2)) + s_2 * exp(m_2 - max(m_1, m_2))"
        " = s_2 * exp(m_2 - max(m_2, m_1)) + s_1 * exp(m_1 - max(m_2, m_1))"
    ),
    "merge-associates-in-the-maximum": "max(max(m_1, m_2), m_3) = max(m_1, max(m_2, m_3))",
    "merge-associates-in-the-sum": (
        "(s_1 * exp(m_1 - max(m_1, m_2)) + s_2 * exp(m_2 - max(m_1, m_2)))"
        " * exp(max(m_1, m_2) - max(max(m_1, m_2), m_3)) + s_3 * exp(m_3 - max(max(m_1, m_2), m_3))"
        " = s_1 * exp(m_1 - max(m_1, max(m_2, m_3))) + (s_2 * exp(m_2 - max(m_2, m_3))"
        " + s_3 * exp(m_3 - max(m_2, m_3))) * exp(max(m_2, m_3) - max(m_1, max(m_2, m_3)))"
    ),
    "streaming-update": "(s_1 * exp(m_1 - max(m_1, x)) + exp(x - max(m_1, x))) * exp(max(m_1, x)) = P + exp(x)",
    "logaddexp": "log(exp(x) + exp(y)) = max(x, y) + log(1 + exp(-|x - y|))",
    "softplus": "log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))",
    "sigmoid": "exp(x) / (exp(0) + exp(x)) = 1 / (1 + exp(-x))",
    "binary-cross-entropy": (
        "-(y * log(1 / (1 + exp(-x))) + (1 - y) * log(1 - 1 / (1 + exp(-x)))) = max(x, 0) - x * y + log(1 + exp(-|x|))"
    ),
}
UNDER = {
    "temperature-shift": ["0 < T"],
    "softmax-temperature-shift": ["0 < T"],
    "weighted-shift": ["0 < b_i for every i"],
    "weights-as-shifts": ["0 < b_i for every i"],
    "lse-convex": ["0 <= t", "t <= 1"],
    "merge-correct": ["s_1 * exp(m_1) = P", "s_2 * exp(m_2) = Q"],
    "merge-lse": ["0 < s_1", "0 < s_2"],
    "streaming-update": ["s_1 * exp(m_1) = P"],
}


def test_the_catalogue_is_the_list_above() -> None:
    assert set(SAYS) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_theorem_says_what_is_written_above_and_nothing_more_is_assumed(name: str) -> None:
    proven = theorem(name)
    assert TEXT.relation(proven.conclusion) == SAYS[name]
    assert [TEXT.premise(p) for p in proven.premises] == UNDER.get(name, [])
    assert title(name)


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_theorem_has_a_counterexample(name: str) -> None:
    proven = theorem(name)
    assert counterexample(proven.conclusion, proven.premises, tried=60) is None


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_theorem_is_accepted_by_the_checker_and_every_step_by_sympy(name: str) -> None:
    ((examined,), _) = examine([name], [])
    assert examined.theorem is not None
    assert len(examined.opinions) == sum(len(chain.steps) for chain in chains(examined.theorem.derivation))
    assert [answer for answer in examined.opinions if not answer.agrees] == []
    assert examined.accepted


@pytest.mark.parametrize("name", FALSE)
def test_every_false_statement_has_a_small_counterexample_and_no_derivation(name: str) -> None:
    found = counterexample(FALSE[name])
    assert found is not None
    assert found.left != found.right or FALSE[name].kind == "<"
    assert found.point.count <= 3
    assert prove(FALSE[name]) is None


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_derivation_prints_with_its_rules_and_their_sources(name: str) -> None:
    proven = theorem(name)
    text = "\n".join(derivation_text(proven))
    assert SAYS[name] in text
    for rule in rules_of(proven.derivation):
        assert rule in text
        if rule in RULES:
            assert RULES[rule].source in text


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_derivation_is_latex_with_balanced_braces_and_environments(name: str) -> None:
    text = "\n".join(derivation_latex(theorem(name)))
    assert text.count("{") == text.count("}")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") == len(chains(theorem(name).derivation))
    assert LATEX.relation(theorem(name).conclusion) in text


def test_a_theorem_comes_after_those_that_it_rests_on() -> None:
    seen: set[str] = set()
    for name, proven in theorems().items():
        for chain in chains(proven.derivation):
            for step in chain.steps:
                assert step.use is None or step.use.theorem.name in seen
        seen.add(name)


def test_the_false_statement_of_the_sheet_fails_where_the_shift_is_zero() -> None:
    found = counterexample(FALSE["exp-of-a-sum-is-a-sum"])
    assert found is not None
    assert str(found) == "N = 1, a = 0, x = (0): 1 on the left, 2 on the right"
