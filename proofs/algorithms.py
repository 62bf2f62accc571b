"""The textbook algorithms for logsumexp, softmax and log_softmax, each written once.

Sources: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330 (shifted forms, the log1p form,
the division-free softmax); Milakov and Gimelshein, arXiv 1805.02867 (the online pass).

logaddexp, softplus and sigmoid need no lines of their own: they are logsumexp of (x, y), logsumexp of (0, x)
and the second entry of softmax of (0, x), and have the same algorithms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .operations import Operations

__all__ = ["ALGORITHMS", "FUNCTIONS", "Algorithm", "Function", "algorithm", "algorithms_for", "shifted_by"]

Ops = Operations[Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that kernels compute.

    `core` is the function over (rows, n) whose algorithms and references serve this one; `entry` is "vector"
    for a function of a row, "pair" for one of two numbers (x, y) and "element" for one of a single number,
    which stands for the row (0, x). `per_row` says that there is one result for each row.
    """

    name: str
    core: str
    entry: str
    per_row: bool
    formula: str


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to compute `function`; `ladder` marks the standards that classes are made of."""

    function: str
    name: str
    formula: str
    run: Callable[[Ops, Any], Any]
    ladder: bool = False


def _naive_lse(o: Ops, x: Any) -> Any:
    return o.log(o.sum(o.exp(x)))


def shifted_by(o: Ops, x: Any, a: Any, order: str = "any") -> Any:
    """a + log(sum exp(x_i - a)) for any shift a, a scalar of the batch x."""
    return o.add(a, o.log(o.sum(o.exp(o.sub(x, a)), order)))


def _shifted_lse(o: Ops, x: Any, order: str = "any") -> Any:
    return shifted_by(o, x, o.max(x), order)


def _log1p_tail(o: Ops, x: Any, a: Any) -> Any:
    return o.log1p(o.sum(o.exp(o.sub(o.drop_max(x), a))))


def _shifted_log1p_lse(o: Ops, x: Any) -> Any:
    a = o.max(x)
    return o.add(a, _log1p_tail(o, x, a))


def _arbitrary_shift_lse(o: Ops, x: Any) -> Any:
    return shifted_by(o, x, o.first(x))


def _online_pass(o: Ops, x: Any) -> tuple[Any, Any]:
    def start(first: Any) -> tuple[Any, Any]:
        return first, o.one(first)

    def step(m: Any, d: Any, new: Any) -> tuple[Any, Any]:
        top = o.maximum(m, new)
        return top, o.add(o.mul(d, o.exp(o.sub(m, top))), o.exp(o.sub(new, top)))

    def invariant(m: Any, d: Any) -> Any:
        return o.mul(d, o.exp(m))

    m, d = o.fold(x, start, step, invariant)
    return m, d


def _online_lse(o: Ops, x: Any) -> Any:
    m, d = _online_pass(o, x)
    return o.add(m, o.log(d))


def _merged_lse(o: Ops, x: Any) -> Any:
    def merge(m: Any, d: Any, n: Any, e: Any) -> tuple[Any, Any]:
        top = o.maximum(m, n)
        return top, o.add(o.mul(d, o.exp(o.sub(m, top))), o.mul(e, o.exp(o.sub(n, top))))

    def invariant(m: Any, d: Any) -> Any:
        return o.mul(d, o.exp(m))

    m, d = o.tree(x, lambda entry: (entry, o.one(entry)), merge, invariant)
    return o.add(m, o.log(d))


def _logaddexp(o: Ops, a: Any, b: Any) -> Any:
    top = o.maximum(a, b)
    return o.add(top, o.log1p(o.exp(o.sub(o.minimum(a, b), top))))


def _chained_lse(o: Ops, x: Any) -> Any:
    def step(y: Any, new: Any) -> tuple[Any]:
        return (o.nonexpansive(_logaddexp, y, new),)

    (y,) = o.fold(x, lambda first: (first,), step, o.exp)
    return y


def _naive_softmax(o: Ops, x: Any) -> Any:
    w = o.exp(x)
    return o.div(w, o.sum(w))


def _shifted_softmax(o: Ops, x: Any) -> Any:
    return _naive_softmax(o, o.sub(x, o.max(x)))


def _division_free_softmax(o: Ops, x: Any) -> Any:
    return o.exp(o.sub(x, _shifted_lse(o, x)))


def _division_free_naive_softmax(o: Ops, x: Any) -> Any:
    return o.exp(o.sub(x, _naive_lse(o, x)))


def _online_softmax(o: Ops, x: Any) -> Any:
    m, d = _online_pass(o, x)
    return o.div(o.exp(o.sub(x, m)), d)


def _shifted_log1p_log_softmax(o: Ops, x: Any) -> Any:
    a = o.max(x)
    return o.sub(o.sub(x, a), _log1p_tail(o, x, a))


def _shifted_log_softmax(o: Ops, x: Any) -> Any:
    shifted = o.sub(x, o.max(x))
    return o.sub(shifted, _naive_lse(o, shifted))


def _composed_log_softmax(o: Ops, x: Any) -> Any:
    return o.sub(x, _shifted_lse(o, x))


def _log_of_softmax(o: Ops, x: Any) -> Any:
    return o.log(_shifted_softmax(o, x))


FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("logsumexp", "logsumexp", "vector", True, "log sum_i exp(x_i)"),
        Function("softmax", "softmax", "vector", False, "exp(x_j) / sum_i exp(x_i)"),
        Function("log_softmax", "log_softmax", "vector", False, "x_j - log sum_i exp(x_i)"),
        Function("logaddexp", "logsumexp", "pair", True, "log(exp(x) + exp(y))"),
        Function("softplus", "logsumexp", "element", False, "log(1 + exp(x))"),
        Function("sigmoid", "softmax", "element", False, "exp(x) / (1 + exp(x))"),
    )
}

# The order within a function is the order of the ladder, strongest first.
ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm("logsumexp", "shifted-log1p", "a + log1p(sum of exp(x_i - a) without the maximum a)",
    _shifted_log1p_lse, True), Algorithm("logsumexp", "shifted", "a + log(sum exp(x_i - a)), a = max x",
    _shifted_lse, True), Algorithm("logsumexp", "chained", "a fold of logaddexp", _chained_lse, True),
    Algorithm("logsumexp", "naive", "log(sum exp(x_i))", _naive_lse, True),
    Algorithm("logsumexp", "arbitrary-shift", "a + log(sum exp(x_i - a)), a = x_1", _arbitrary_shift_lse),
    Algorithm("logsumexp", "online", "one pass with a running maximum", _online_lse),
    Algorithm("logsumexp", "merged", "a tree of merged pairs (maximum, sum)", _merged_lse),
    Algorithm("logsumexp", "pairwise", "shifted, the sum by halving", partial(_shifted_lse, order="pairwise")),
    Algorithm("logsumexp", "compensated", "shifted, the sum compensated", partial(_shifted_lse, order="compensated")),
    Algorithm("softmax", "shifted", "exp(x_j - a) / sum exp(x_i - a), a = max x", _shifted_softmax, True),
    Algorithm("softmax", "division-free", "exp(x_j - lse), lse shifted", _division_free_softmax, True),
    Algorithm("softmax", "naive", "exp(x_j) / sum exp(x_i)", _naive_softmax, True),
    Algorithm("softmax", "division-free-naive", "exp(x_j - lse), lse naive", _division_free_naive_softmax),
    Algorithm("softmax", "online", "exp(x_j - m) / d from one online pass", _online_softmax),
    Algorithm("log_softmax", "shifted-log1p", "(x_j - a) - log1p(sum of exp(x_i - a) without the maximum a)",
              _shifted_log1p_log_softmax, True),
    Algorithm("log_softmax", "shifted", "(x_j - a) - log(sum exp(x_i - a)), a = max x", _shifted_log_softmax, True),
    Algorithm("log_softmax", "composed", "x_j - lse, lse shifted", _composed_log_softmax, True),
    Algorithm("log_softmax", "log-of-softmax", "log of the shifted softmax", _log_of_softmax, True),
)  # fmt: skip


def algorithms_for(function: str) -> tuple[Algorithm, ...]:
    """The algorithms of a function, those of the ladder first, strongest first.

    Raises KeyError for a name that is not in `FUNCTIONS`.
    """
    core = FUNCTIONS[function].core
    return tuple(a for a in ALGORITHMS if a.function == core)


def algorithm(function: str, name: str) -> Algorithm:
    """The algorithm `name` of `function`; raises KeyError if there is none."""
    for candidate in algorithms_for(function):
        if candidate.name == name:
            return candidate
    raise KeyError(f"{function} has no algorithm {name!r}")
