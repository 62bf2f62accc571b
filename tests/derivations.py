"""Derivations as people write them, right and wrong, with the verdicts that they deserve.

T is true, F false, ? not understood; one letter for each displayed equation, in order.
"""

# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DERIVATIONS", "READINGS", "SHEET", "SHEET_VERDICTS", "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    text: str
    verdicts: str


# The formulas of an exercise sheet. Problem 1 turns e^(a + b) into e^a + e^b; everything else in it is right.
SHEET = (Path(__file__).resolve().parent.parent / "examples" / "exercise_sheet.md").read_text(encoding="utf-8")
SHEET_VERDICTS = "TT" + "TFFFTT" + "T" + "TT" + "TTT"

DERIVATIONS = (
    Written(
        "lse shift, aligned, factor pulled out",
        r"""
\begin{align}
\log\sum_{i=1}^{N} e^{x_i} &= \log \sum_{i=1}^{N} e^{x_i - a + a} \\
 &= \log \sum_{i=1}^{N} e^{x_i-a} e^{a} \\
 &= \log \left( e^{a} \sum_{i=1}^{N} e^{x_i-a} \right) \\
 &= \log e^{a} + \log \sum_{i=1}^{N} e^{x_i-a} \\
 &= a + \log \sum_{i=1}^{N} e^{x_i-a}.
\end{align}""",
        "TTTTT",
    ),
    Written(
        "lse shift in other letters from zero",
        r"""
$$\ln \sum_{k=0}^{n-1} \exp(z_k) = c + \ln \sum_{k=0}^{n-1} \exp(z_k - c)$$
""",
        "T",
    ),
    Written(
        "lse shift, the sign of the shift lost",
        r"""
\begin{align*}
\ln \sum_j \exp(z_j) &= \ln \left( \sum_j \exp(z_j - c) \exp(c) \right) \\
&= \ln \left( \exp(c) \sum_j \exp(z_j - c) \right) \\
&= \ln \sum_j \exp(z_j - c) - c
\end{align*}""",
        "TTF",
    ),
    Written(
        "softmax shift by a chain in one display",
        r"""
\[
\frac{e^{z_k - m}}{\sum_{j=1}^{K} e^{z_j - m}}
= \frac{e^{z_k} e^{-m}}{\sum_{j=1}^{K} e^{z_j} e^{-m}}
= \frac{e^{-m} e^{z_k}}{e^{-m} \sum_{j=1}^{K} e^{z_j}}
= \frac{e^{z_k}}{\sum_{j=1}^{K} e^{z_j}}
\]""",
        "T",
    ),
    Written(
        "softmax, the shift in the numerator only",
        r"$$\frac{e^{x_j}}{\sum_{i=1}^{n} e^{x_i}} = \frac{e^{x_j - c}}{\sum_{i=1}^{n} e^{x_i}}$$",
        "F",
    ),
    Written(
        "a definition, then its use",
        r"""
Let $m = \max_i x_i$ be the maximum.
$$s = \sum_{i=1}^N e^{x_i - m}$$
$$\log \sum_{i=1}^N e^{x_i} = m + \log s$$
""",
        "TT",
    ),
    Written(
        "log softmax from a definition with an index",
        r"""
$$p_j = \frac{e^{x_j}}{\sum_{i=1}^N e^{x_i}}$$
$$\log p_j = x_j - \log \sum_{i=1}^N e^{x_i}$$
$$\sum_{j=1}^N p_j = 1$$
$$p_j = \frac{e^{x_j}}{1 + \sum_{i=1}^N e^{x_i}}$$
""",
        "TTTF",
    ),
    Written(
        "the log of a sum split into logs",
        r"""
\begin{align}
\log (e^{x} + e^{y}) &= \log e^{x} + \log e^{y} \\
&= x + y
\end{align}""",
        "FT",
    ),
    Written(
        "logaddexp with the larger one in front",
        r"""
\begin{align*}
\log(e^x + e^y) &= \log\left(e^x (1 + e^{y - x})\right) \\
                &= x + \log(1 + e^{y-x}) \\
                &= \max(x, y) + \log\left(1 + e^{-|x - y|}\right)
\end{align*}""",
        "TTT",
    ),
    Written(
        "softplus with a wrong sign in the exponent",
        r"$$\log(1 + e^x) = \max(x, 0) + \log(1 + e^{|x|})$$",
        "F",
    ),
    Written(
        "sigmoid in two forms and its mirror",
        r"""
$$\frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}}$$
$$1 - \frac{1}{1 + e^{-x}} = \frac{1}{1 + e^{x}}$$
$$1 - \frac{1}{1 + e^{-x}} = \frac{e^x}{1 + e^{x}}$$
""",
        "TTF",
    ),
    Written(
        "the bounds of lse",
        r"""
$$\max_i x_i \le \log \sum_{i=1}^N e^{x_i} \leq \max_i x_i + \log N$$
""",
        "T",
    ),
    Written(
        "lse at most the maximum",
        r"""
$$\log \sum_{i=1}^N e^{x_i} \le \max_i x_i$$
""",
        "F",
    ),
    Written(
        "n equal entries",
        r"""
$$\log \sum_{i=1}^n e^{c} = c + \log n$$
$$\log \sum_{i=1}^n e^{c} = n c$$
""",
        "TF",
    ),
    Written(
        "the gradient is softmax",
        r"""
$$\frac{\partial}{\partial x_k} \log \sum_{i=1}^N e^{x_i} = \frac{e^{x_k}}{\sum_{i=1}^N e^{x_i}}$$
""",
        "T",
    ),
    Written(
        "the gradient without its denominator",
        r"""
$$\frac{\partial}{\partial x_k} \log \sum_{i=1}^N e^{x_i} = e^{x_k}$$
""",
        "F",
    ),
    Written(
        "temperature",
        r"""
$$T \log \sum_{i=1}^N e^{x_i / T} = a + T \log \sum_{i=1}^N e^{(x_i - a)/T}$$
$$T \log \sum_{i=1}^N e^{x_i / T} = \log \sum_{i=1}^N e^{x_i}$$
""",
        "TF",
    ),
    Written(
        "weights",
        r"""
$$\log \sum_{i=1}^N b_i e^{x_i} = a + \log \sum_{i=1}^N b_i e^{x_i - a}$$
$$\log \sum_{i=1}^N b_i e^{x_i} = \log \sum_{i=1}^N e^{x_i + \log b_i}$$
$$\log \sum_{i=1}^N b_i e^{x_i} = \sum_{i=1}^N b_i x_i$$
""",
        "TTF",
    ),
    Written(
        "lines without an environment, implied",
        r"""
$$
y = \ln \sum_{i} \mathrm{e}^{x_i} \\
\Rightarrow e^y = \sum_i e^{x_i} \\
\Rightarrow e^{y} = e^a \sum_i e^{x_i - a} \\
\Rightarrow e^{y - a} = \sum_i e^{x_i - a} \\
\Rightarrow y - a = \ln \sum_i e^{x_i - a} \\
\Rightarrow y = a + \ln \sum_i e^{x_i - a}
$$""",
        "TTTTTT",
    ),
    Written(
        "the same with the shift on the wrong side",
        r"""
$$
y = \ln \sum_{i} \mathrm{e}^{x_i} \\
\Rightarrow e^{y} = e^a \sum_i e^{x_i - a} \\
\Rightarrow e^{y + a} = \sum_i e^{x_i - a} \\
\Rightarrow y = \ln \sum_i e^{x_i - a} - a
$$""",
        "TTFF",
    ),
    Written(
        "a product under the log, aligned without dollars, with remarks",
        r"""
\begin{aligned}
\log\left( e^{a} \cdot \sum_{i=1}^{N} e^{x_i - a} \right) &= \log e^a + \log \sum_{i=1}^{N} e^{x_i - a} && \text{log of a product} \\
&= a + \log \sum_{i=1}^{N} e^{x_i - a} && | \log e^a = a
\end{aligned}""",
        "TT",
    ),
    Written(
        "the same in display math",
        r"""
$$\begin{aligned}
\log\left( e^{a} \cdot \sum_{i=1}^{N} e^{x_i - a} \right) &= \log e^a + \log \sum_{i=1}^{N} e^{x_i - a} \quad \text{log of a product} \\
&= a + \log \sum_{i=1}^{N} e^{x_i - a} \quad | \text{ as } \log e^a = a
\end{aligned}$$""",
        "TT",
    ),
    Written(
        "the exponent of a difference split wrongly",
        r"""
$$e^{x_i - a} = e^{x_i} - e^{a}$$
$$e^{x_i - a} = \frac{e^{x_i}}{e^{a}}$$
$$e^{x_i - a} = e^{x_i} \cdot e^{a}$$
""",
        "FTF",
    ),
    Written(
        "a constant pulled out of a sum as a sum",
        r"""
$$\sum_{i=1}^N (x_i + a) = a + \sum_{i=1}^N x_i$$
$$\sum_{i=1}^N (x_i + a) = N a + \sum_{i=1}^N x_i$$
$$\sum_{i=1}^N a x_i = N a \sum_{i=1}^N x_i$$
""",
        "FTF",
    ),
    Written(
        "binary cross-entropy",
        r"""
$$-y \log \frac{1}{1 + e^{-x}} - (1 - y) \log\left(1 - \frac{1}{1 + e^{-x}}\right) = \max(x, 0) - x y + \log(1 + e^{-|x|})$$
$$-y \log \frac{1}{1 + e^{-x}} - (1 - y) \log\left(1 - \frac{1}{1 + e^{-x}}\right) = \max(x, 0) + x y + \log(1 + e^{-|x|})$$
""",
        "TF",
    ),
    Written(
        "merging two parts",
        r"""
$$\log(e^{m} s + e^{n} t) = m + \log(s + t e^{n - m})$$
$$\log(e^{m} s + e^{n} t) = m + n + \log(s + t)$$
""",
        "TF",
    ),
    Written(
        "what cannot be read is not right",
        r"""
$$\int_0^1 e^{x} dx = e - 1$$
$$\log \sum_{i=1}^N e^{x_i} \approx \max_i x_i$$
$$\log \sum_{i=1}^N e^{x_i} = \log \sum_{i=1}^N e^{x_i}$$
""",
        "??T",
    ),
    Written(
        "log-sum-exp without the maximum's own term",
        r"$$\log \sum_{i=1}^N e^{x_i} = x_k + \log\left(1 + \sum_{i \neq k} e^{x_i - x_k}\right)$$",
        "T",
    ),
    Written(
        "log1p over all terms",
        r"$$\log \sum_{i=1}^N e^{x_i} = x_k + \log\left(1 + \sum_{i=1}^N e^{x_i - x_k}\right)$$",
        "F",
    ),
    Written(
        "the Jacobian of softmax",
        r"""
$$\frac{\partial}{\partial x_k} \frac{e^{x_j}}{\sum_{i=1}^N e^{x_i}} = \frac{e^{x_j}}{\sum_{i=1}^N e^{x_i}} \left(\delta_{jk} - \frac{e^{x_k}}{\sum_{i=1}^N e^{x_i}}\right)$$
$$\frac{\partial}{\partial x_k} \frac{e^{x_j}}{\sum_{i=1}^N e^{x_i}} = \frac{e^{x_j}}{\sum_{i=1}^N e^{x_i}} \left(1 - \frac{e^{x_k}}{\sum_{i=1}^N e^{x_i}}\right)$$
""",
        "TF",
    ),
    Written(
        "an equation and its multiples",
        r"""
\begin{align}
e^{y} &= e^{a} e^{y - a} \\
2 e^{y} &= 2 e^{a} e^{y - a} \\
y &= a + (y - a) \\
y &= a + y
\end{align}""",
        "TTTF",
    ),
)

# Texts that were once read wrongly: what stands around a formula, and notation that may be read in two ways.
READINGS = (
    Written("an entry is no fresh letter", r"$$\sum_i x_i = x_1$$", "F"),
    Written(
        "a prime is no fresh letter",
        r"$$\sigma(x) = \frac{1}{1+e^{-x}}$$ $$\sigma'(x) = \sigma(x)(1+\sigma(x))$$",
        "T?",
    ),
    Written("a dot is no fresh letter", r"$$y = \log(1+e^x)$$ $$\dot{y} = e^x$$", "T?"),
    Written("a known word keeps its meaning", r"$$\operatorname{sigmoid}(x) = \frac{1}{1+e^{x}}$$", "F"),
    Written(
        "a letter for a function may be any function",
        r"$$\sigma(\mathbf{z})_i = \frac{e^{z_i}}{\sum_{j=1}^K e^{z_j}}$$ $$\sigma(\mathbf{z} + c)_i = \sigma(\mathbf{z})_i$$",
        "TT",
    ),
    Written(
        "a bare function is not a number", r"$$\sigma(x) = \frac{1}{1+e^{-x}}$$ $$1-\sigma = \frac{1}{1+e^x}$$", "T?"
    ),
    Written("what is let is assumed", r"Let $a > 0$. $$\sqrt{a^2} = a$$", "T"),
    Written("what is not let is not assumed", r"$$\sqrt{a^2} = a$$", "F"),
    Written("no counterexample against the text", r"Let $T > 0$. $$T\log\sum_{i=1}^N e^{x_i/T} \ge \max_i x_i$$", "?"),
    Written("where, after the display", r"$$\log\sum_{i=1}^N e^{x_i} \le m + \log N$$ where $m = \max_i x_i$.", "T"),
    Written(
        "a choice of what was arbitrary",
        r"$$\log\sum_i e^{x_i} = a + \log\sum_i e^{x_i-a}$$ Now choose $a=\max_i x_i$. $$\log\sum_i e^{x_i} \ge a$$",
        "TT",
    ),
    Written("the size in the text", r"For $x \in \mathbb{R}^N$ $$\log\sum_{i} e^{x_i} \le \max_i x_i + \log N$$", "T"),
    Written(
        "a case is no counterexample to another",
        r"$$S_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$ $$\frac{\partial S_i}{\partial x_j} = -S_i S_j \quad (i \neq j)$$",
        "TT",
    ),
    Written(
        "a claim in the text is no assumption",
        r"We show that $e^x < 2$. $$e^x < 2$$",
        "?",
    ),
    Written("an assumption that rules out some values is kept", r"Let $x > 1$. $$x > 2$$ $$x > 0$$", "F?"),
    Written(
        "the other case",
        r"$$S_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$ $$\frac{\partial S_i}{\partial x_j} = S_i (1 - S_j) \quad (i = j)$$ $$\frac{\partial S_i}{\partial x_j} = S_i (1 + S_j) \quad (i = j)$$",
        "TTF",
    ),
    Written(
        "the next row goes on from the reading that was chosen",
        r"\begin{align} \frac{x}{2y} &= x / 2 y \\ &= x/(2y)\end{align}",
        "TT",
    ),
    Written("a new meaning by :=", r"$$s := \sum_i e^{x_i}$$ Now let $$s := \sum_i e^{x_i - a}$$", "TT"),
    Written(
        "a new meaning under a new heading", "## 1\n$$L = \\log\\sum_i e^{x_i}$$\n## 2\n$$L = \\log(1+e^{z})$$", "TT"
    ),
    Written("a sum over two terms", r"$$\sum_i p_i\log p_i - p_i \log q_i = \sum_i p_i\log\frac{p_i}{q_i}$$", "T"),
    Written("two equations in a row", r"$$\log e^x = x, \quad e^{x} < 1$$", "TF"),
    Written("two equations with a word between", r"$$\log e^x = x \quad\text{and}\quad e^{a+b} = e^a + e^b$$", "TF"),
    Written("a chain with a remark in it", r"$$\log e^{a+b} = a+b \quad\text{(exp rule)}\quad = a \cdot b$$", "F"),
    Written(
        "a text between rows", r"\begin{align} \log e^x &= x \intertext{so} e^{a+b} &= e^a + e^b \end{align}", "TF"
    ),
    Written("a coloured summand", r"$$e^{x} = e^x \textcolor{red}{+ 1}$$", "F"),
    Written("a factor after a gap", r"$$e^{a} = e^a \qquad (x+1)$$", "?"),
    Written("a number after a gap", r"$$e^{a} = e^a \qquad (1)$$", "T"),
    Written(
        "defined after its use",
        r"$$L = -\sum_{k=1}^K y_k \log \hat{y}_k, \qquad \hat{y}_k = \frac{e^{z_k}}{\sum_{j=1}^K e^{z_j}}$$",
        "T?",
    ),
    Written("an operator that is not known", r"$$\operatorname{argmax}_i x_i = 1$$", "?"),
    Written("brackets end the log", r"$$\log(a) b = b\log a$$ $$\log (a) b = \log a + \log b$$", "TF"),
    Written("powers of what may be negative", r"$$x^N \ge 0$$ $$|x|^n = x^n$$", "??"),
    Written("a partial sum", r"$$S_n = \sum_{i=1}^n x_i$$ $$S_n = S_{n-1} + x_n$$", "T?"),
    Written("nothing is divided by zero", r"$$1/0 = 1/0$$", "?"),
    Written("what is crossed out or braced is read", r"$$\cancel{e^a} + \underbrace{e^b}_{=1} = e^a + e^b$$", "T"),
    Written(
        "softmax of a bold letter",
        r"$$\mathrm{softmax}(\mathbf{x})_i = \mathrm{softmax}(\mathbf{x} - \max(\mathbf{x}))_i$$",
        "T",
    ),
)
