r"""Establishes what `read` makes of LaTeX as people write it: which term each notation is, what is a definition, a
remark, a line of its own, what is not understood and why; and that no text whatever makes it raise or run on.
"""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.proofs.reading.document import Document, Line, read
from shiftproof.proofs.terms import (
    COUNT,
    ONE,
    Vector,
    absolute,
    delta,
    exp,
    indices,
    largest,
    log,
    maximum,
    number,
    partial,
    power,
    total,
    variables,
)
from shiftproof.proofs.trusted import Free, Term

x, y, h = Vector("x"), Vector("y"), Vector("h")
i, j, k, n = indices("i j k n")
a, b, c, m, t, u, v, w = variables("a b c m t u v w")
first = Free("1")
SUM = total(i, exp(x[i]))
SHIFTED = total(i, exp(x[i] - a))

SHEET = r"""
# Machine Learning Exercise Sheet 09

#### Problem 1

$$y = \log \sum_{i=1}^{N} e^{x_i} \tag{1}$$

For example, depending on the scale of  $x_i$ . The result will be inf or  $-\inf$ .

$$y = \log \sum_{i=1}^{N} e^{x_i} = a + \log \sum_{i=1}^{N} e^{x_i - a}$$
 (2)

A typical value is setting a to the maximum  $(a = max_i x_i)$ , which forces the greatest value to be zero.

$$\begin{split} \log \sum_{i=1}^N e^{x_i} &= a + \log \sum_{i=1}^N e^{x_i - a} \quad | \ e \\ \sum_{i=1}^N e^{x_i} &= e^a + \sum_{i=1}^N e^{x_i - a} \\ \sum_{i=1}^N e^{x_i} &= e^a + \sum_{i=1}^N e^{x_i} \cdot e^{-a} \quad | e^{-a} \text{ doesn't depend on the sum} \\ \sum_{i=1}^N e^{x_i} &= e^a + e^{-a} \cdot \sum_{i=1}^N e^{x_i} \quad | \log \\ \log \sum_{i=1}^N e^{x_i} &= a \log e - a \log e + \log \sum_{i=1}^N e^{x_i} \quad \text{with } \log a \cdot b = \log a + \log b \text{ and } \log a^b = b \cdot \log a \\ \log \sum_{i=1}^N e^{x_i} &= \log \sum_{i=1}^N e^{x_i} \end{split}$$

#### Problem 2

Similar to the previous exercise: the softmax function  $\pi_i = \frac{e^{x_i}}{\sum_{i=1}^N e^{x_i}}$  in a stable way:

$$\frac{e^{x_i}}{\sum_{i=1}^N e^{x_i}} = \frac{e^{x_i - a}}{\sum_{i=1}^N e^{x_i - a}} \tag{3}$$

often chosen  $a = max_i x_i$ . Show that the above identity holds.

$$\frac{e^{x_i}}{\sum_{i=1}^N e^{x_i}} = \frac{e^{x_i - a}}{\sum_{i=1}^N e^{x_i - a}} \quad |\log |\log e^{x_i} - \log \sum_{i=1}^N e^{x_i} = \log e^{x_i - a} - \log \sum_{i=1}^N e^{x_i - a}$$

$$x_i - \log \sum_{i=1}^N e^{x_i} = x_i - a - \log e^{-a} - \log \sum_{i=1}^N e^{x_i}$$

$$x_i - \log \sum_{i=1}^N e^{x_i} = x_i - a + a - \log \sum_{i=1}^N e^{x_i}$$

$$x_i - \log \sum_{i=1}^N e^{x_i} = x_i - \log \sum_{i=1}^N e^{x_i}$$

### Problem 3

Jupyter Notebook
"""  # noqa: E501

LOG_E = log(exp(ONE))
SHEET_MEMBERS = [
    (log(SUM), log(SUM)),
    (log(SUM), log(SUM), a + log(SHIFTED)),
    (log(SUM), a + log(SHIFTED)),
    (SUM, exp(a) + SHIFTED),
    (SUM, exp(a) + total(i, exp(x[i]) * exp(-a))),
    (SUM, exp(a) + exp(-a) * SUM),
    (log(SUM), a * LOG_E - a * LOG_E + log(SUM)),
    (log(SUM), log(SUM)),
    (exp(x[i]) / SUM, exp(x[i] - a) / SHIFTED),
    (exp(x[i]) / SUM, exp(x[i] - a) / SHIFTED),
    (log(exp(x[i])) - log(SUM), log(exp(x[i] - a)) - log(SHIFTED)),
    (x[i] - log(SUM), x[i] - a - log(exp(-a)) - log(SUM)),
    (x[i] - log(SUM), x[i] - a + a - log(SUM)),
    (x[i] - log(SUM), x[i] - log(SUM)),
]


def one(text: str) -> Line:
    (line,) = read(text).lines
    return line


def term(latex: str) -> Term:
    """What a formula is read as, in a document with the size N."""
    line = read(rf"$${latex} \le \sum_{{i=1}}^N 7$$").lines[0]
    assert line.problem is None, line.problem
    return line.members[0]


def problem(latex: str) -> str:
    line = read(rf"$${latex} \le 7 + \sum_{{i=1}}^N 7$$").lines[0]
    assert line.members == ()
    assert line.problem is not None
    return line.problem


# The sheet.


def test_the_sheet_is_read_line_by_line() -> None:
    document = read(SHEET)
    assert [line.members for line in document.lines] == SHEET_MEMBERS
    assert {line.relations for line in document.lines} == {("=",), ("=", "=")}
    assert [line.problem for line in document.lines] == [None] * 14


def test_the_sheet_defines_y_and_pi_but_not_a() -> None:
    document = read(SHEET)
    assert [line.defines for line in document.lines] == ["y"] + [None] * 13
    assert [d.split(" =")[0] for d in document.definitions] == ["y", r"\pi_i"]
    assert sum("is no definition" in note for note in document.notes) == 2


def test_the_sheets_derivations_start_after_headings_and_definitions() -> None:
    assert [n for n, line in enumerate(read(SHEET).lines) if line.fresh_start] == [0, 1, 8]


def test_the_sheets_remarks_are_kept_and_no_part_of_the_equations() -> None:
    lines = read(SHEET).lines
    assert [line.remarks for line in lines[2:7]] == [
        ("e",),
        (),
        ("e^{-a} doesn't depend on the sum",),
        (r"\log",),
        (r"with \log a \cdot b = \log a + \log b and \log a^b = b \cdot \log a",),
    ]
    assert lines[9].remarks == (r"\log",)
    assert lines[3].text == r"\sum_{i=1}^N e^{x_i} = e^a + \sum_{i=1}^N e^{x_i - a}"


def test_an_equation_after_a_bar_is_a_line_of_its_own() -> None:
    lines = read(SHEET).lines
    assert lines[9].place[0] == lines[10].place[0]
    assert lines[10].text.startswith(r"\log e^{x_i} - \log \sum")


def test_free_and_bound_use_of_one_letter_is_noted() -> None:
    noted = [any("both free and bound" in note for note in line.notes) for line in read(SHEET).lines]
    assert noted == [False] * 8 + [True] * 6


# Notations, one by one.

INDEXED = total(i, x[i])
NOTATIONS = [
    ("1.5", number(3) / 2),
    (r"\ln a", log(a)),
    (r"\log_e a", log(a)),
    (r"\log_2 a", log(a) / log(number(2))),
    (r"\log_{b} a", log(a) / log(b)),
    (r"\log^2 a", power(log(a), 2)),
    (r"\operatorname{log} a", log(a)),
    (r"\mathrm{exp}(a)", exp(a)),
    (r"\exp\left(a\right)", exp(a)),
    (r"\exp\{a\}", exp(a)),
    (r"\exp a", exp(a)),
    (r"\exp -a", exp(-a)),
    (r"e", exp(ONE)),
    (r"\mathrm{e}^{a}", exp(a)),
    (r"e^2", exp(number(2))),
    (r"\dfrac{a}{b}", a / b),
    (r"\tfrac12 a", number(1) / 2 * a),
    (r"a/b", a / b),
    (r"a \cdot b \times c * m", a * b * c * m),
    (r"a b c", a * b * c),
    (r"2(a+b)", 2 * (a + b)),
    (r"-a b + c", -(a * b) + c),
    (r"a - (-b)", a - (-b)),
    (r"a \cdot -b", a * (-b)),
    (r"\sqrt{t}", exp(log(t) / 2)),
    (r"t^{1/2}", exp(log(t) / 2)),
    (r"t^{\frac{1}{2}}", exp(log(t) / 2)),
    (r"\sqrt[3]{t}", exp(log(t) / 3)),
    (r"t^2", power(t, 2)),
    (r"t^{-1}", power(t, -1)),
    (r"t^{64}", power(t, 64)),
    (r"a^b", exp(b * log(a))),
    (r"x_i^2", power(x[i], 2)),
    (r"x^2_i", power(x[i], 2)),
    (r"x_{1} + x_2", x[first] + x[Free("2")]),
    (r"x_{\max}", variables("x_{max}")[0]),
    (r"x_{max}", variables("x_{max}")[0]),
    (r"m_{\text{old}}", variables("m_{old}")[0]),
    (r"m_{\mathrm{old}}", variables("m_{old}")[0]),
    (r"x_{n+1}", variables("x_{n+1}")[0]),
    (r"\hat{x}_i", Vector(r"\hat{x}")[i]),
    (r"\mathbf{x}_i", Vector(r"\mathbf{x}")[i]),
    (r"\boldsymbol{x}_i", Vector(r"\mathbf{x}")[i]),
    (r"\theta + \ell", variables(r"\theta")[0] + variables(r"\ell")[0]),
    (r"x'", variables("x'")[0]),
    (r"|a - b|", absolute(a - b)),
    (r"\left| a \right| + \lvert b\rvert", absolute(a) + absolute(b)),
    (r"||a| - b|", absolute(absolute(a) - b)),
    (r"|a||b|", absolute(a) * absolute(b)),
    (r"\bigl( a \bigr) \Big[ b \Big]", a * b),
    (r"\{a\} b", a * b),
    (r"\max_i x_i", largest(i, x[i])),
    (r"max_i x_i", largest(i, x[i])),
    (r"\max_{i} (x_i - a)", largest(i, x[i] - a)),
    (r"\max_{1\le i\le N} x_i", largest(i, x[i])),
    (r"\max_{i=1,\dots,N} x_i", largest(i, x[i])),
    (r"\max_{i=1}^N x_i", largest(i, x[i])),
    (r"\underset{i}{\max} x_i", largest(i, x[i])),
    (r"\max_i x_i - a", largest(i, x[i]) - a),
    (r"\max(a, b)", maximum(a, b)),
    (r"\max\{a,b,c\}", maximum(maximum(a, b), c)),
    (r"\min_i x_i", -largest(i, -x[i])),
    (r"\min(a, b)", -maximum(-a, -b)),
    (r"\max(x) + x_k", largest(i, x[i]) + x[k]),
    (r"\sum_i x_i", INDEXED),
    (r"\sum_{i} x_i", INDEXED),
    (r"\sum_{j=1}^{N} x_j", INDEXED),
    (r"\sum^N_{i=1} x_i", INDEXED),
    (r"\sum\limits_{i=1}^N x_i", INDEXED),
    (r"\sum_{i \in [N]} x_i", INDEXED),
    (r"\sum_{i \in \{1, \dots, N\}} x_i", INDEXED),
    (r"∑_{i=1}^N x_i", INDEXED),
    (r"\sum_i x_i \cdot a + b", total(i, x[i] * a) + b),
    (r"\sum_i (x_i - a) b", total(i, (x[i] - a) * b)),
    (r"\sum_{i,j} x_i y_j", total(i, total(j, x[i] * y[j]))),
    (r"\sum_i x_i \sum_j y_j", total(i, x[i] * total(j, y[j]))),
    (r"\sum_{i \neq k} x_i", total(i, (1 - delta(i, k)) * x[i])),
    (r"\sum_{i\ne k} x_i", total(i, (1 - delta(i, k)) * x[i])),
    (r"\sum_{i=2}^N x_i", total(i, (1 - delta(i, first)) * x[i])),
    (r"\sum_{i=1}^{3} x_i", x[first] + x[Free("2")] + x[Free("3")]),
    (r"\sum_{i=1}^{2} i", number(1) + number(2)),
    (r"\sum_{i=1}^N 1", total(i, ONE)),
    (r"\log N + n", log(COUNT) + variables("n")[0]),
    (r"\log \sum_i e^{x_i}", log(SUM)),
    (r"\log e^{a} - b", log(exp(a)) - b),
    (r"a \log e", a * log(exp(ONE))),
    (r"\log a \log b", log(a) * log(b)),
    (r"\log(a) / b", log(a) / b),
    (r"\sum_{j} W_{ij} h_j", total(j, Vector("W_{i}")[j] * h[j])),
    (r"\sum_{i} x_{n,i}", total(i, Vector("x_{n}")[i])),
    (r"\delta_{ij} x_j", delta(i, j) * x[j]),
    (r"\mathbb{1}[i=j]", delta(i, j)),
    (r"\mathbf{1}_{\{i \ne j\}}", 1 - delta(i, j)),
    (r"\frac{\partial}{\partial x_k} \log \sum_i e^{x_i}", partial(log(SUM), x, k)),
    (r"\frac{\partial a}{\partial x_k} b", partial(a, x, k) * b),
    (r"\mathrm{LSE}(x) + x_k", log(SUM) + x[k]),
    (r"\operatorname{logsumexp}(\mathbf{x}) + x_k", log(SUM) + x[k]),
    (r"\text{softmax}(x)_k + x_k", exp(x[k]) / SUM + x[k]),
    (r"\mathrm{softmax}(x - a \mathbf{1})_k + x_k", exp(x[k] - a) / SHIFTED + x[k]),
    (r"\text{log\_softmax}(x)_k + x_k", log(exp(x[k]) / SUM) + x[k]),
    (r"\sigma(a)", 1 / (1 + exp(-a))),
    (r"\mathrm{softplus}(a)", log(1 + exp(a))),
    (r"\displaystyle a \, b \! c \; m ~ t", a * b * c * m * t),
    (r"a % a remark" + "\n + b", a + b),
    (r"\phantom{a} a \color{red} + b", a + b),
]


@pytest.mark.parametrize(("latex", "expected"), NOTATIONS, ids=[latex for latex, _ in NOTATIONS])
def test_a_notation_is_read_as_the_term_that_it_means(latex: str, expected: Term) -> None:
    if latex == "1.5":
        assert term(latex) == Term("number", (), expected.args[0].value / expected.args[1].value)
    else:
        assert term(latex) == expected


def test_a_sum_from_zero_to_n_minus_one_is_over_all_indices() -> None:
    assert one(r"$$\sum_{k=0}^{n-1} x_k \le n$$").members == (INDEXED, COUNT)
    (line,) = read(r"$$\sum_{k=0}^{n-1} x_k = x_0 + \sum_{k=1}^{n-1} x_k$$").lines
    zero = Free("0")
    assert line.members == (INDEXED, x[zero] + total(k, (1 - delta(k, zero)) * x[k]))


def test_a_sum_may_leave_out_the_last_index() -> None:
    line = one(r"$$\sum_{i=1}^{N-1} x_i + x_N \le \sum_{i=1}^N x_i$$")
    assert line.members == (total(i, (1 - delta(i, Free("N"))) * x[i]) + x[Free("N")], INDEXED)


@pytest.mark.parametrize(
    ("latex", "primary", "other"),
    [
        (r"\log a \cdot b", log(a * b), log(a) * b),
        (r"\log a b", log(a * b), log(a) * b),
        (r"\log (a)^2", power(log(a), 2), log(power(a, 2))),
        (r"a / b c", a / b * c, a / (b * c)),
        (r"\max_i x_i a", largest(i, x[i] * a), largest(i, x[i]) * a),
    ],
)
def test_an_ambiguous_notation_has_both_readings_and_a_note(latex: str, primary: Term, other: Term) -> None:
    line = one(f"$${latex} < c$$")
    assert line.members == (primary, c)
    assert line.alternatives == ((other, c),)
    assert line.notes


def test_every_ambiguous_place_is_also_read_otherwise_alone_and_all_together() -> None:
    line = one(r"$$\log a b < \log b c$$")
    p, q = (log(a * b), log(a) * b), (log(b * c), log(b) * c)
    assert line.members == (p[0], q[0])
    assert set(line.alternatives) == {(p[1], q[0]), (p[0], q[1]), (p[1], q[1])}


def test_a_plain_notation_has_no_other_reading() -> None:
    assert one(r"$$\log \sum_i e^{x_i} < a \log b - \log(c)$$").alternatives == ()


# Relations.


@pytest.mark.parametrize(
    ("written", "relation"),
    [
        ("=", "="),
        (r"\le", "<="),
        (r"\leq", "<="),
        (r"\leqslant", "<="),
        ("<", "<"),
        (r"\ge", ">="),
        (">", ">"),
        ("≤", "<="),
        (r"\equiv", "="),
        (":=", "="),
        (r"\stackrel{!}{=}", "="),
        (r"\overset{(a)}{\le}", "<="),
    ],
)
def test_a_relation_is_read(written: str, relation: str) -> None:
    line = one(f"$$a + b {written} b + a$$")
    assert (line.members, line.relations) == ((a + b, b + a), (relation,))


def test_a_chain_has_all_its_sides() -> None:
    line = one(r"$$a + b = b + a \le c + a < c + b$$")
    assert line.members == (a + b, b + a, c + a, c + b)
    assert line.relations == ("=", "<=", "<")


@pytest.mark.parametrize("strange", [r"\approx", r"\sim", r"\propto", r"\neq", r"\in", "≈", r"\not="])
def test_a_strange_relation_is_not_understood_and_said_so(strange: str) -> None:
    line = one(f"$$a + b {strange} c$$")
    assert line.members == ()
    assert line.problem is not None
    assert "is not understood, only =, <=, <, >= and > are" in line.problem


# Displays and rows.

EQUATION = "a + b &= b + a"
SAME = (a + b, b + a)


@pytest.mark.parametrize(
    "text",
    [
        "$$a + b = b + a$$",
        "$$\na + b\n= b + a.\n$$ (4)",
        "\\[ a + b = b + a \\]",
        "```math\na + b = b + a\n```",
        "> $$\n> a + b = b + a\n> $$",
        "$$a + b = b + a \\tag{7} \\label{eq}$$",
        "$$\\Rightarrow \\quad a + b = b + a,$$",
        "$$\\therefore a + b = b + a;$$",
        "$$\\text{Thus } a + b = b + a \\text{ (by symmetry)}$$",
        "$$\r\na + b = b + a\r\n$$",
        *(
            f"\\begin{{{env}}}{EQUATION} \\nonumber\\end{{{env}}}"
            for env in ["align", "align*", "equation", "equation*", "gather", "multline", "split", "aligned"]
        ),
        "\\begin{alignat}{2}a + b &= b + a\\end{alignat}",
        "\\begin{eqnarray}a + b &=& b + a\\end{eqnarray}",
        f"$$\\begin{{split}}{EQUATION}\\end{{split}}$$",
        f"$$\\begin{{aligned}}[t]{EQUATION} \\\\[2pt] \\end{{aligned}}$$",
        f"\\begin{{equation}}\\begin{{aligned}}{EQUATION}\\end{{aligned}}\\end{{equation}}",
        "$$a + b =& b + a$$",
        "$$a + b &=& b + a$$",
        "$$a + b \\\\ = b + a$$",
        "$$a + b = \\\\ b + a$$",
        "$$a + b = b \\\\ + a$$",
        "$$a \\\\ + b &= b + a$$",
    ],
)
def test_a_display_of_any_kind_is_one_line(text: str) -> None:
    lines = read(text).lines
    assert [line.members for line in lines] == [SAME] or [line.members for line in lines if line.members][-1] == SAME


def test_rows_are_lines_and_an_empty_row_is_none() -> None:
    lines = read("$$a + b &= c + a \\\\ \\\\ b + c &= a + b \\\\$$").lines
    assert [line.members for line in lines] == [(a + b, c + a), (b + c, a + b)]


def test_a_row_that_starts_with_a_relation_goes_on() -> None:
    lines = read("\\begin{align} a + b &= c + a \\\\ &\\le b + c \\\\ &= m + a\\end{align}").lines
    assert [line.members for line in lines] == [(a + b, c + a), (c + a, b + c), (b + c, m + a)]
    assert [line.relations for line in lines] == [("=",), ("<=",), ("=",)]


def test_a_row_that_starts_with_minus_may_be_an_equation_of_its_own() -> None:
    lines = read("\\begin{align} a + b &= c + a \\\\ -a - b &= -c - a\\end{align}").lines
    assert lines[1].members == (-a - b, -c - a)


def test_what_goes_on_from_an_unreadable_line_is_not_understood() -> None:
    lines = read("$$a \\foo b &= c \\\\ &= a + b$$").lines
    assert [bool(line.problem) for line in lines] == [True, True]
    assert "goes on from one that was not understood" in str(lines[1].problem)


@pytest.mark.parametrize(
    "row",
    [
        r"a + b = c + a, \quad b + c = a + b",
        r"a + b = c + a, b + c = a + b",
        r"a + b = c + a \qquad b + c = a + b",
        r"a + b = c + a \Rightarrow b + c = a + b",
        r"a + b = c + a \iff b + c = a + b",
        r"a + b &= c + a & b + c &= a + b",
        r"a + b = c + a \quad | \log | b + c = a + b",
    ],
)
def test_two_equations_in_one_row_are_two_lines(row: str) -> None:
    assert [line.members for line in read(f"$${row}$$").lines] == [(a + b, c + a), (b + c, a + b)]


@pytest.mark.parametrize(
    ("tail", "remark"),
    [
        (r"\quad | \cdot c", r"\cdot c"),
        (r"| - a", "- a"),
        (r"\quad \text{by (1)}", "by (1)"),
        (r"\text{by } a = c", "by a = c"),
        (r"\qquad (\text{def.})", r"(def.)"),
        (r"\mbox{ and so on}", "and so on"),
        (r", \quad a > 0", "a > 0"),
        (r"\quad i = 1, \dots, N", r"i = 1, \dots, N"),
        (r"\tag{3}", "(3)"),
        (r"\quad \forall i", r"\forall i"),
    ],
)
def test_what_follows_the_equation_is_a_remark(tail: str, remark: str) -> None:
    line = one(f"$$a + b = b + a {tail}$$")
    assert line.members == SAME
    assert "".join(line.remarks).replace(" ", "") == remark.replace(" ", "")
    assert line.text == "a + b = b + a" + ("," if tail.startswith(",") else "") or line.text == "a + b = b + a"


def test_places_are_lines_and_columns_of_the_file() -> None:
    lines = read("text\n\n  $$a + b = c$$\n$$\n a - b = c \\\\\n   c + a = b\n$$").lines
    assert [line.place for line in lines] == [(3, 5), (5, 2), (6, 4)]


@pytest.mark.parametrize(
    "hidden",
    [
        "```\n$$a = b$$\n```",
        "`$$a = b$$`",
        "<!-- $$a = b$$ -->",
        r"\$\$a = b\$\$",
        "\\begin{verbatim}$$a=b$$\\end{verbatim}",
    ],
)
def test_code_and_comments_are_skipped(hidden: str) -> None:
    assert read(hidden).lines == ()


def test_a_tex_comment_is_skipped_in_a_tex_document() -> None:
    assert read("\\section{A}\n% $$a = b$$\n 5\\% of $$a + b < c$$").lines[0].members == (a + b, c)


def test_a_macro_of_the_document_is_named_in_the_notes() -> None:
    document = read("\\newcommand{\\lse}{L} \\newcommand{\\foo}{\\log}\n$$\\foo a < b$$")
    assert any("\\foo" in note for note in document.notes)
    assert document.lines[0].problem == "column 3: \\foo is not known"


def test_a_declared_operator_is_a_function() -> None:
    document = read("\\DeclareMathOperator{\\mylse}{LSE}\n$$\\mylse(x) + x_k < 0$$")
    assert document.lines[0].members[0] == log(SUM) + x[k]


# Definitions.


def members(text: str) -> list[tuple[Term, ...]]:
    document = read(text)
    assert [line.problem for line in document.lines] == [None] * len(document.lines)
    return [line.members for line in document.lines]


def test_a_fresh_letter_is_defined_and_written_out_afterwards() -> None:
    assert members("$$u = a + b$$ $$u + 1 = c + u$$") == [(a + b, a + b), (a + b + 1, c + (a + b))]


def test_a_chain_defines_its_first_letter_as_its_second_side() -> None:
    assert members("$$u = a + b = b + a$$") == [(a + b, a + b, b + a)]


def test_a_letter_that_occurred_before_is_not_defined() -> None:
    document = read("$$a + b < c$$ $$a = b + c$$")
    assert document.lines[1].members == (a, b + c)
    assert document.lines[1].defines is None


def test_a_letter_on_both_sides_is_not_defined() -> None:
    assert one("$$a = a + b$$").defines is None


def test_a_definition_by_an_inequality_is_none() -> None:
    assert one("$$a < b + c$$").defines is None


def test_a_vector_is_defined_for_every_index() -> None:
    text = r"$$\pi_i = e^{x_i}$$ $$\pi_k + \sum_j \pi_j = 1$$"
    assert members(text)[1] == (exp(x[k]) + SUM, ONE)
    assert read(text).lines[0].defines == r"\pi_i"


def test_writing_a_definition_out_captures_no_index() -> None:
    text = r"$$p_k = e^{x_k} / \sum_i e^{x_i}$$ $$\sum_i p_i y_i = 1$$"
    assert members(text)[1][0] == total(j, exp(x[j]) / SUM * y[j])
    text = r"$$u = x_i + 1$$ $$\sum_i u = 1$$"
    assert members(text)[1][0] == total(j, x[i] + 1)


def test_a_definition_in_the_running_text_is_known() -> None:
    text = r"Let $m = \max_i x_i$ (or \(s = \sum_i e^{x_i - m}\)). $$m + \log s < 1$$"
    top = largest(i, x[i])
    assert members(text) == [(top + log(total(i, exp(x[i] - top))), ONE)]


def test_an_unreadable_formula_in_the_running_text_is_ignored() -> None:
    assert members(r"Costs $5 and $\foo{3} = $ $x \in \mathbb{R}$ $$a + b < c$$") == [(a + b, c)]


def test_a_bare_letter_defined_as_a_vector_has_entries() -> None:
    assert members(r"$$z = x - a$$ $$\sum_i z_i = x_k$$")[1] == (total(i, x[i] - a), x[k])


def test_a_function_is_defined_and_written_out_at_other_arguments() -> None:
    text = r"$$f(t) = t^2 + a$$ $$f(a + b) = f(c)$$"
    assert members(text)[1] == (power(a + b, 2) + a, power(c, 2) + a)


def test_a_function_of_a_vector_is_applied_entrywise() -> None:
    text = r"$$\mathrm{LSE}(x) := \log \sum_{i=1}^N e^{x_i}$$ $$\mathrm{LSE}(x - a) = \mathrm{LSE}(x) - a$$"
    assert members(text)[1] == (log(SHIFTED), log(SUM) - a)


def test_a_vector_valued_function_is_read_at_its_index() -> None:
    text = r"$$\text{softmax}(\mathbf{x})_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$"
    other = r"$$\text{softmax}(\mathbf{x} - a)_k = \text{softmax}(\mathbf{x})_k$$"
    assert members(text + other)[1] == (exp(x[k] - a) / SHIFTED, exp(x[k]) / SUM)


def test_functions_of_functions_capture_no_index() -> None:
    inner = exp(x[j]) / SUM
    assert members(r"$$\mathrm{softmax}(\mathrm{softmax}(x))_k + x_k < 1$$")[0][0] == (
        exp(exp(x[k]) / SUM) / total(j, exp(inner)) + x[k]
    )


def test_vectors_are_compared_at_one_index() -> None:
    line = one(r"$$\mathrm{softmax}(x + c) \le x + x_i$$")
    assert line.members == (exp(x[k] + c) / total(j, exp(x[j] + c)), x[k] + x[i])
    assert any("entry by entry" in note for note in line.notes)


def test_a_well_known_function_that_is_never_defined_has_its_usual_meaning_and_a_note() -> None:
    assert "LSE has its usual meaning" in one(r"$$\mathrm{LSE}(x) + x_k < 0$$").notes


def test_a_function_that_is_defined_later_is_not_yet_known() -> None:
    lines = read(r"$$\sigma(a) + 1 = b$$ $$\sigma(t) = \frac{1}{1 + e^{-t}}$$").lines
    assert "\\sigma is used before it is defined" in str(lines[0].problem)
    assert lines[1].defines == r"\sigma"


def test_after_a_definition_and_after_a_heading_a_derivation_starts() -> None:
    text = "# A\n$$u = a$$ $$u + b < c$$ $$b < u$$\n## B\n$$u < c$$"
    assert [line.fresh_start for line in read(text).lines] == [True, True, False, True]


def test_two_letters_for_the_size_are_noted_and_not_mixed() -> None:
    document = read(r"$$\sum_{i=1}^N x_i < N$$ $$\sum_{i=1}^K x_i < K$$ $$\sum_{i=1}^K x_i < N$$")
    assert [line.problem is None for line in document.lines] == [True, True, False]
    assert "two different sizes K and N in one line" in str(document.lines[2].problem)
    assert any("sizes" in note for note in document.notes)


def test_a_sum_up_to_an_index_is_no_sum_over_everything() -> None:
    assert "the upper end k is not understood" in str(one(r"$$s_k = \sum_{j=1}^k x_j$$").problem)
    assert one(r"$$S_n = \sum_{j=1}^n x_j$$").members == (INDEXED, INDEXED)


def test_a_letter_that_is_only_ever_called_is_a_function_and_no_factor() -> None:
    assert "p is used, but it is defined nowhere before" in str(one(r"$$\log p(t) < a$$").problem)
    p = variables("p")[0]
    assert one(r"$$p(t + a) + p < c$$").members[0] == p * (t + a) + p


def test_sigma_of_a_vector_is_not_guessed() -> None:
    assert "may be softmax or sigmoid" in str(one(r"$$\sigma(x)_i < x_i$$").problem)
    assert "may be softmax or sigmoid" in str(one(r"$$\sigma(x) < x_i$$").problem)


def test_a_bold_letter_without_entries_is_the_vector_whose_entries_are_not_bold() -> None:
    assert one(r"$$\mathrm{LSE}(\mathbf{x}) < x_k + \mathrm{LSE}(x)$$").members == (log(SUM), x[k] + log(SUM))


def test_the_text_of_a_line_is_its_latex() -> None:
    line = one("$$\\left( a  + m_{\\text{old}} \\right) \n &= b + a . \\quad | c$$")
    assert line.text == r"\left( a + m_{\text{old}} \right) = b + a"


def test_two_sizes_do_not_meet_through_a_definition() -> None:
    document = read(r"$$u = \sum_{i=1}^N x_i$$ $$u < \sum_{i=1}^K x_i$$")
    assert "two different sizes" in str(document.lines[1].problem)


# What is not understood.

PROBLEMS = [
    (r"a \foo b", r"column 5: \foo is not known"),
    (r"\begin{cases} a \\ b \end{cases}", r"\begin{cases} is not understood"),
    (r"\nabla a", r"\nabla is not known"),
    (r"\partial_k a", r"\partial is understood only as"),
    (r"\frac{d}{dx} a", "a derivative by a scalar is not understood"),
    (r"\frac{\partial}{\partial a} b", "a derivative by a scalar is not understood"),
    (r"x_1 + \dots + x_n", r"\dots is not understood"),
    (r"\sum_{i<j} x_i", "what the index runs over is not understood"),
    (r"\sum_{i=1}^N i", "the index i is used as a number"),
    (r"i x_i", "the index i is used as a number"),
    (r"\sum_{i,j} x_{ij}", "x_{i,j} has two indices"),
    (r"\sum x_i", "the index is not named"),
    (r"\sum_{i=1}^{100} x_i", "a sum of 100 terms is not written out"),
    (r"\sum_{i=5}^N x_i", "a sum over this part of the indices is not understood"),
    (r"\max_{j \ne i} x_j", "a maximum over some of the indices is not understood"),
    (r"\mathrm{foo}(a)", "foo is used, but it is defined nowhere before"),
    (r"\mathrm{LSE}(a)", "LSE needs a vector here"),
    (r"g(a)", "g is used, but it is defined nowhere before"),
    (r"t^{65}", "the exponent 65 is larger than 64"),
    (r"t^12", "the exponent needs braces"),
    (r"e^-a", "braces are missing"),
    (r"t^{(k)}", "a superscript in brackets is not understood"),
    (r"a^\top b", r"\top as an exponent is not understood"),
    (r"9^9^9^9", "two exponents in a row"),
    (r"2e-3", "may be read in two ways"),
    (r"2 3", "two numbers stand side by side"),
    ("1" * 31, "a number of more than 30 digits"),
    (r"(a", "a bracket or brace is not closed"),
    (r"\log (a", "a bracket or brace is not closed"),
    (r"(a]", ") is missing before ]"),
    (r"a + {b", "a bracket or brace is not closed"),
    (r"\frac{a}", "an argument is missing"),
    (r"a +", "the formula ends where something should follow"),
    (r"a \text{and} b c", "no relation"),
    (r"\| a \|", "norm"),
    ("a \0", "character '\\x00'"),
    ("a # b", "character '#'"),
]


@pytest.mark.parametrize(("latex", "reason"), PROBLEMS, ids=[ascii(latex) for latex, _ in PROBLEMS])
def test_what_is_not_understood_is_said_with_what_was_met(latex: str, reason: str) -> None:
    assert reason in problem(latex)


def test_a_display_without_a_relation_is_a_line_that_is_not_understood() -> None:
    assert str(one("$$a + b$$").problem).startswith("no relation")


def test_an_unclosed_display_is_said_and_the_rest_is_read() -> None:
    lines = read("\\[ a + b = c\n\n$$a + b = b + a$$").lines
    assert lines[0].problem == "the \\[ that opens here is not closed"
    assert lines[1].members == SAME


# Hostile texts.

HOSTILE = {
    "open braces": "$$" + "{" * 1_000_000,
    "closed display of braces": "$$" + "{" * 1_000_000 + "$$",
    "nested braces": "$$" + "{" * 10_000 + "a" + "}" * 10_000 + " = b$$",
    "nested brackets": "$$" + "(" * 1_500 + "a" + ")" * 1_500 + " = b$$",
    "towers": "$$" + "9^{" * 900 + "9" + "}" * 900 + " = 1$$",
    "powers": "$$9^9^9^9 = 1$$",
    "fractions": "$$" + "\\frac{" * 1_900 + "= 1$$",
    "texts": "$$" + "\\text{" * 20_000 + "$$",
    "logs": "$$" + "\\log " * 3_000 + "a = 1$$",
    "signs": "$$" + "-" * 3_900 + "a = 1$$",
    "bars": "$$" + "|" * 3_900 + "a = 1$$",
    "letters and bars": "$$" + "|a" * 1_900 + "= 1$$",
    "a long sum": "$$" + "+".join("a" * 1_900) + "= 1$$",
    "displays": "$$a + b = b$$\n" * 150_000,
    "dollars": "$" * 2_000_000,
    "spaced dollars": "$ " * 1_000_000,
    "unclosed brackets": "\\[" * 900_000,
    "unclosed environments": "\\begin{align}" * 100_000,
    "ticks": "`" * 1_999_999,
    "spaced ticks": "` " * 999_999,
    "fences": "```\n" * 499_999,
    "comments": "<!--" * 499_999,
    "NUL": "$$\0 = 1$$",
    "Python": r"$$\text{__import__('os').system('true')} a + b = 1$$",
    "rows": "$$" + "a = b + a\\\\" * 3_000 + "$$",
    "ampersands": "$$" + "&" * 19_000 + "$$",
    "hats": "$$" + "\\hat{" * 3_000 + "a" + "}" * 3_000 + "= 1$$",
    "subscripts": "$$" + "x_{" * 1_200 + "x" + "}" * 1_200 + "= 1$$",
    "digits": "$$" + "9" * 1_000_000 + "= 1$$",
    "sums of sums": "$$" + "".join(f"\\sum_{{{q}=1}}^{{60}}" for q in "abcdfghij") + "x_a = 1$$",
    "sums and chains": ("$$" + "\\sum_{i=1}^N " * 50 + "(" + "+".join(["x_i"] * 90) + ") = 1$$\n") * 300,
    "readings": "$$\\log a b + \\log a b + \\log a b = \\log a b$$" * 1_500,
    "relations": "$$" + "=" * 3_000 + "$$",
    "quotes": ">" * 1_000_000,
    "headings": "# \n" * 600_000,
    "inline": "$a$ " * 400_000,
    "backslashes": "\\" * 1_999_999,
    "spaces": " " * 1_999_999,
    "percents": "\\section{a}" + "%" * 1_000_000,
    "stacks": "$$" + "\\overset{a}{" * 1_000 + "$$",
    "surrogates": "$$\ud800 = a$$",
    "too long": "a" * 2_000_001,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_ends_soon_with_its_problems_said(name: str) -> None:
    before = time.process_time()
    document = read(HOSTILE[name])
    assert time.process_time() - before < 60  # a second or two; what grows with the square of the length takes hours
    for line in document.lines:
        assert (line.problem is None) == bool(line.members)


@pytest.mark.parametrize(
    "name",
    ["nested braces", "nested brackets", "towers", "powers", "logs", "signs", "a long sum", "sums of sums", "NUL"],
)
def test_a_hostile_formula_is_a_line_that_is_not_understood(name: str) -> None:
    assert one(HOSTILE[name]).problem


def test_what_is_past_the_limits_is_said_and_not_dropped_in_silence() -> None:
    for name in ("displays", "rows", "inline", "too long"):
        assert read(HOSTILE[name]).lines[-1].problem is not None, name


def test_definitions_that_double_do_not_explode() -> None:
    greek = r"\alpha \beta \gamma \epsilon \zeta \eta \theta \kappa \lambda \mu \nu \xi \pi \rho \tau \phi \chi"
    letters = greek.split()
    chain = [rf"$${letters[0]} = a + b$$"]
    chain += [f"$${new} = {old} + {old}$$" for old, new in pairwise(letters)]
    problems = [line.problem for line in read("\n".join(chain)).lines]
    assert problems[0] is None
    assert any("operations when definitions are written out" in str(p) for p in problems)
    assert "its definition was not understood" in str(problems[-1])


def test_a_letter_whose_definition_was_not_understood_is_no_variable() -> None:
    lines = read(r"$$u = \foo a$$ $$u + b < c$$").lines
    assert lines[1].problem == "column 18: u is used, but its definition was not understood"


_INGREDIENTS = (
    r"a b x_i x_{i} x_1 e N n i k = = = \le < := + - * / ^ _ { } ( ) [ ] | , . & \\ \quad $ $$ \[ \] \( \) \log "
    r"\exp \sum_{i=1}^N \sum_i \max_i \max \frac \sqrt \text{a} \text{ by } \left( \right) \left| \right| "
    r"\begin{align} \end{align} \begin{cases} \end{cases} \partial \delta_{ij} \mathbf{1} \mathrm{softmax} (x) "
    r"\mathrm{LSE}(x) f(x) \sigma(t) \hat{x} ^2 ^{-1} _{i=1} ^{N} 2 1.5 \cdot \Rightarrow % \foo \tag{1} ' ~ \, "
    r"\{ \} \overset{!}{=} \mathbb{1}[i=j] \in \frac{\partial} {\partial{x_k}} ` ``` <!-- # \newcommand{\a}{b} "
    r"é ∑ α"
)
SOUP = st.lists(st.sampled_from([*_INGREDIENTS.split(), "\n", "\n\n", "\n# a\n", " "]), max_size=60)


@settings(max_examples=400, deadline=None)
@given(SOUP)
def test_no_soup_of_tokens_makes_the_reader_raise(soup: list[str]) -> None:
    for text in (" ".join(soup), "$$" + " ".join(soup) + "$$", "$$" + "".join(soup) + " = a$$"):
        _is_sound(read(text))


def test_a_comma_after_a_remark_and_a_new_equation_is_read() -> None:
    _is_sound(read(r"$$a = b ) (x) \Rightarrow x_i := _ 1.5 , b / \mathrm{LSE}(x) = k = a$$"))
    _is_sound(read(r"$$a + b = c + a \quad \forall i \Rightarrow b + c = a + c, k$$"))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    _is_sound(read(f"$${text}$$ ${text}$ {text}"))


def _is_sound(document: Document) -> None:
    for line in document.lines:
        assert (line.problem is None) == bool(line.members)
        assert len(line.members) == (len(line.relations) + 1 if line.members else 0)
        for t in (*line.members, *(t for members in line.alternatives for t in members)):
            assert _loose(t, 0) == set()


def _loose(t: Term, depth: int) -> set[object]:
    """What should not stand in a finished term: an index that no sum binds, or a name of the reader's own."""
    found: set[object] = set()
    for part in t.value if isinstance(t.value, tuple) else (t.value,):
        if getattr(part, "level", -1) >= depth or str(getattr(part, "name", part)).startswith("#"):
            found.add(part)
    inner = depth + (t.op in ("sum", "largest"))
    return found.union(*(_loose(s, inner) for s in t.args))
