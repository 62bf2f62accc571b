"""What a rounding bound in closed form is: a theorem with hypotheses, a formula, and who proves it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy as sp

from .algorithms import FUNCTIONS
from .formulas import Expr, formulas_in, latex_of

__all__ = ["MODEL_LATEX", "ON_PAPER", "QUANTITIES", "QUANTITIES_LATEX", "Bound", "Hypothesis", "Where"]

# The exact quantities of an input that formulas speak of.
QUANTITIES = {
    "terms": "n, the number of entries",
    "y": "logsumexp(x)",
    "L": "y - a, a the shift (y itself without one)",
    "tail": "1 - max softmax(x)",
    "theta": "the weight of the terms whose exponential is rounded: tail, or 1 where subnormals are flushed",
    "drift": "sum_i softmax(x)_i (exp(u |x_i - a|) - 1)",
    "H": "the entropy of softmax(x)",
    "D": "|x_j - a|",
    "z": "x_j - y",
    "g": "softmax(x)_j",
    "q": "g (exp(u D) - 1)",
    "zdrift": "g (exp(u |z|) - 1)",
    "peak": "max softmax(x)",
    "rises": "how often the running maximum rises, or n - 1 where subnormals are flushed",
    "height": "ceil(log2 n), the height of a tree over the entries",
    "size": "max(|x_1|, |y|), at least every partial result",
    "largest": "the largest number of the format",
    "sum_u": "the unit roundoff of the format that sums are made in",
    "sum_lost": "what flushing adds in the format that sums are made in",
    "summable": "the largest number of the format that sums are made in, or of the format itself if it is smaller",
}

# The same for a paper: text with formulas between dollars.
QUANTITIES_LATEX = {
    "terms": "the number of entries",
    "y": r"$\log \sum_i e^{x_i}$",
    "L": "$y - a$, $a$ the shift ($y$ itself without one)",
    "tail": r"$1 - \max_i g_i$",
    "theta": r"the weight of the terms whose exponential is rounded: $\tau$, or 1 where subnormals are flushed",
    "drift": r"$\sum_i g_i (e^{u |x_i - a|} - 1)$",
    "H": r"the entropy $-\sum_i g_i \log g_i$",
    "D": "$|x_j - a|$",
    "z": "$x_j - y$",
    "g": "entry $j$ of softmax: $g_j = e^{x_j - y}$",
    "q": "$g (e^{u D} - 1)$",
    "zdrift": "$g (e^{u |z|} - 1)$",
    "peak": "the largest entry of softmax",
    "rises": "how often the running maximum rises, or $n - 1$ where subnormals are flushed",
    "height": r"$\lceil \log_2 n \rceil$, the height of a tree over the entries",
    "size": r"$\max(|x_1|, |y|)$, at least every partial result",
    "largest": "the largest number of the format",
    "sum_u": "the unit roundoff of the format that sums are made in",
    "sum_lost": "what flushing adds in the format that sums are made in",
    "summable": "the largest number of the format that sums are made in, or of the format itself if it is smaller",
}

# The numbers of a model of arithmetic, in the same way.
MODEL_LATEX = {
    "u": "the unit roundoff of the format",
    "exp_rel": "the relative error of exp",
    "exp_abs": "the absolute error of exp besides, from underflow",
    "log_rel": "the relative error of log",
    "log_abs": "the absolute error of log besides",
    "log1p_rel": "the relative error of log1p",
    "log1p_abs": "the absolute error of log1p besides",
    "under": "what underflow adds to a product or a quotient",
    "flush": "what flushing a subnormal to zero adds; 0 with gradual underflow",
}

ON_PAPER = "on paper"

Where = tuple[tuple[sp.Symbol, Expr], ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an input must satisfy: smaller <= larger, or smaller < larger where it is strict; `text` names it."""

    text: str
    smaller: Expr
    larger: Expr
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A theorem on what rounding does to an algorithm.

    |computed - exact| is at most `formula`, where the symbols in `where` are defined in that order, if every
    hypothesis holds. `quantity` says what is bounded; `measure` is "absolute" (in nats for logarithms), "componentwise"
    (entry j) or "normwise" (every entry, relative to the largest). `shift` says which a the quantities refer to
    ("maximum", "first" or "none"); `in_coq` that `Bounds.v` proves it, and it is proven on paper otherwise.
    A bound with a `probability` holds with at least that one, under a model of random rounding that is among the
    premises; it is never a standard.
    """

    function: str
    algorithm: str
    variant: str
    quantity: str
    measure: str
    formula: Expr
    where: Where = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    premises: tuple[str, ...] = ()
    source: str = ""
    shift: str = "maximum"
    in_coq: bool = True
    probability: Expr | None = None

    @property
    def name(self) -> str:
        """function.algorithm, and the variant in parentheses if it has one."""
        return f"{self.function}.{self.algorithm}" + (f" ({self.variant})" if self.variant else "")

    @property
    def theorem(self) -> str:
        """The name of its theorem in `Bounds.v`."""
        return re.sub(r"[^a-z0-9]+", "_", f"{FUNCTIONS[self.function].core} {self.algorithm} {self.variant}").strip("_")

    @property
    def proof(self) -> str:
        """Who proves it, for a reader."""
        return f"Coq: {self.theorem}" if self.in_coq else ON_PAPER

    def composed(self) -> Expr:
        """The formula with its definitions put in: of the exact quantities and the numbers of the model alone."""
        expression = self.formula
        for name, definition in reversed(self.where):
            expression = expression.subs(name, definition)
        return expression

    def formulas(self) -> dict[Expr, Expr]:
        """The formulas that it is made of, with what each stands for."""
        found = formulas_in(self.formula)
        for _, definition in self.where:
            found |= formulas_in(definition)
        return found

    def latex(self) -> tuple[str, ...]:
        """The formula, then the definitions, each as "symbol = expression" but for the first."""
        return (latex_of(self.formula), *(f"{latex_of(s)} = {latex_of(e)}" for s, e in self.where))
