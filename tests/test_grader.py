"""Establishes what the grader says of derivations, right and wrong: verdicts, what follows, repairs."""

from __future__ import annotations

import json
import time

import pytest

from shiftproof.proofs import Grading, Theorem, grade
from shiftproof.proofs.catalogue import FALSE
from shiftproof.proofs.notation import TEXT
from shiftproof.proofs.repairs import repaired

from .derivations import DERIVATIONS, READINGS, SHEET, SHEET_VERDICTS, Written

_LETTERS = {"true": "T", "false": "F", "not understood": "?"}


def _verdicts(grading: Grading) -> str:
    return "".join(_LETTERS[g.verdict] for g in grading.lines)


def test_the_sheet_is_false_in_the_second_third_and_fourth_line_of_problem_one_only() -> None:
    assert _verdicts(grade(SHEET)) == SHEET_VERDICTS


def test_every_false_line_of_the_sheet_has_a_counterexample_and_is_repaired_by_a_product() -> None:
    false = [g for g in grade(SHEET).lines if g.verdict == "false"]
    assert len(false) == 3
    for g in false:
        assert g.counterexample is not None
        assert g.counterexample.left != g.counterexample.right
        (right,) = g.repaired
        assert (right.left.op, right.right.op, right.right.args[0].op) == ("sum", "mul", "exp")


def test_the_sheets_error_is_made_once_and_inherited_by_the_lines_that_follow_from_it() -> None:
    follows = [g.follows for g in grade(SHEET).lines[3:8]]
    assert follows == [False, True, True, False, True]


def test_the_claims_of_the_sheet_are_proven_in_full() -> None:
    names = [claim.name for claim in grade(SHEET).claims]
    assert names[0] == "lse-shift"
    assert "softmax-shift" in names
    assert all(isinstance(claim, Theorem) for claim in grade(SHEET).claims)


@pytest.mark.parametrize("written", [*DERIVATIONS, *READINGS], ids=lambda w: w.name)
def test_a_derivation_gets_the_verdicts_that_it_deserves(written: Written) -> None:
    grading = grade(written.text)
    assert _verdicts(grading) == written.verdicts, [(g.line.text, g.because) for g in grading.lines]
    for g in grading.lines:
        assert (g.counterexample is not None) == (g.verdict == "false")
        assert g.because


def test_there_are_at_least_25_derivations_and_many_of_them_are_wrong() -> None:
    assert len(DERIVATIONS) >= 25
    assert sum("F" in w.verdicts for w in DERIVATIONS) >= 12


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (r"\log p = a + \log q", r"p = e^a q", "exp of both sides"),
        (r"e^{x + a} = e^a e^x", r"x + a = \log (e^a e^x)", "log of both sides"),
        (r"e^{x} e^{-a} = e^{x - a}", r"e^{x} e^{-a} - a = e^{x - a} - a", "(-1) * a added to both sides"),
        (r"e^{x} = e^{a} e^{x - a}", r"e^{x - a} = e^{-a} e^{x}", "both sides multiplied by 1 / exp(a)"),
        (r"2 x = x + 3", r"x + 3 = 2 x", "sides exchanged"),
        (r"e^{x} = e^{a} + e^{x - a}", r"x = \log(e^{a} + e^{x - a})", "log of both sides"),
    ],
)
def test_a_line_follows_by_an_operation_on_both_sides(before: str, after: str, how: str) -> None:
    first, second = grade(f"$$x = x$$ $${before}$$ $${after}$$").lines[1:]
    assert second.follows
    assert second.because.endswith(f"follows: {how}")
    assert first.verdict == second.verdict


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r"e^{x} = e^{a} + e^{x - a}", r"x = a + \log e^{x - a}"),
        (r"e^{x} = e^{a} e^{x - a}", r"x = a \cdot (x - a)"),
        (r"x = 2 x", r"\log e^x = x"),
    ],
)
def test_a_line_that_no_operation_leads_to_does_not_follow(before: str, after: str) -> None:
    second = grade(f"$$x = x$$ $${before}$$ $${after}$$").lines[2]
    assert second.follows is False
    assert "does not follow" in second.because


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("exp-of-a-sum-is-a-sum", "sum_i exp(x_i) = exp(a) * sum_i exp(x_i - a)"),
        ("shift-in-the-numerator-only", "exp(x_k) / (sum_i exp(x_i)) = exp(x_k - a) / (sum_i exp(x_i - a))"),
        ("shift-added-inside", "log sum_i exp(x_i) = a + log sum_i exp(x_i - a)"),
        ("softmax-below-one", "exp(x_k) / (sum_i exp(x_i)) <= 1"),
    ],
)
def test_a_slip_is_repaired_at_the_place_where_it_was_made(name: str, right: str) -> None:
    found = repaired(FALSE[name], lambda _: False)
    assert found is not None
    assert TEXT.relation(found) == right


def test_nothing_is_called_repaired_that_is_not_proven() -> None:
    assert repaired(FALSE["lse-is-additive"], lambda _: True) is None


def test_the_record_is_plain_json_with_one_entry_for_each_displayed_equation() -> None:
    record = json.loads(json.dumps(grade(SHEET).record()))
    assert [line["verdict"] for line in record["lines"]] == [
        {"T": "true", "F": "false"}[letter] for letter in SHEET_VERDICTS
    ]
    for line in record["lines"]:
        assert set(line) >= {"text", "verdict", "follows", "counterexample", "because"}
        assert (line["counterexample"] is None) == (line["verdict"] == "true")
    assert record["lines"][0]["because"] == "definition"


def test_the_same_text_gets_the_same_record() -> None:
    assert grade(SHEET).record() == grade(SHEET).record()


def test_what_is_not_judged_in_time_is_not_understood_and_never_right() -> None:
    grading = grade(SHEET, seconds=0)
    assert {g.verdict for g in grading.lines} == {"not understood"}
    assert all("not judged" in g.because for g in grading.lines)


HOSTILE = {
    "nested fractions": "$$" + r"\frac{" * 10_000 + "x" + "}" * 10_000 + " = x$$",
    "nested parentheses": "$$" + "(" * 10_000 + "x" + ")" * 10_000 + " = x$$",
    "nested exponents": "$$" + "e^{" * 10_000 + "x" + "}" * 10_000 + " = x$$",
    "a tower of powers": "$$9^9^9^9 = 1$$",
    "a tower in braces": "$$9^{9^{9^{9}}} = 1$$",
    "a megabyte of braces": "$$" + "{" * 1_000_000 + "$$",
    "a megabyte of closing braces": "$$" + "}" * 1_000_000 + "$$",
    "a long number": "$$" + "9" * 100_000 + " = 1$$",
    "a long sum": "$$" + " + ".join(["x"] * 20_000) + " = 20000 x$$",
    "a large power": r"$$(a + b + c + d)^{64} = 1$$",
    "powers of powers": r"$$(((a + b)^{60})^{60})^{60} = 1$$",
    "Python code": r"$$\text{__import__('os').system('echo no')} = 1$$",
    "Python in place of a formula": "$$__import__('os').system('echo no') = 0$$",
    "an open display": r"$$ x = \frac{1}{",
    "an open environment": r"\begin{align} x &= 1 \\",
    "nothing": "",
    "zero bytes": "$$\0 = \0$$",
    "many displays": "$$x = y$$\n" * 3_000,
    "many sums": "$$" + r"\sum_{i=1}^N " * 500 + "x_i = 1$$",
    "sums of products of sums": "$$" + r" \cdot ".join([r"(\sum_{i=1}^N (x_i + y_i + z_i + w_i))"] * 12) + " = 1$$",
    "many maxima": "$$" + " + ".join(rf"\max(x_{n}, y_{n})" for n in range(40)) + " = 1$$",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_within_seconds_and_is_not_called_right(name: str) -> None:
    started = time.monotonic()
    grading = grade(HOSTILE[name], seconds=8)
    assert time.monotonic() - started < 60  # eight seconds and what is in hand, on a machine that may be busy
    assert name == "many displays" or not any(g.verdict == "true" for g in grading.lines)
    for g in grading.lines:
        assert g.because
        assert len(g.because) < 2_000


def test_a_row_that_goes_on_from_a_repaired_one_is_repaired_by_going_on_from_there() -> None:
    lines = grade(r"""
\begin{align}
\log\sum_{k=1}^{K} e^{z_k} &= \log\left(e^{c} \sum_{k=1}^{K} e^{z_k - c}\right) \\
 &= c \cdot \log\sum_{k=1}^{K} e^{z_k - c} \\
 &= c + \log\sum_{k=1}^{K} e^{z_k - c}
\end{align}""").lines
    assert [g.verdict for g in lines] == ["true", "false", "false"]
    for g in lines[1:]:
        assert TEXT.term(g.repaired[0].right) == "c + log sum_i exp(z_i - c)"
