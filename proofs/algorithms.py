"""The textbook algorithms for logsumexp, softmax and log_softmax, each written once.

Sources: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330 (shifted forms, the log1p form,
the division-free softmax); Milakov and Gimelshein, arXiv 1805.02867 (the online pass).

logaddexp, softplus and sigmoid need no lines of their own: they are logsumexp of (x, y), logsumexp of (0, x)
and the second entry of softmax of (0, x), and have the same algorithms. So are the cross-entropy, an entry of
log_softmax with its sign changed, and the cumulative logsumexp, that of each prefix. The gradients of logsumexp,
softplus and logaddexp are softmax and sigmoid; the others have algorithms here, for rows whose label comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .operations import LabelledOperations, Operations

__all__ = ["ALGORITHMS", "FUNCTIONS", "GRADIENTS", "Algorithm", "Function", "algorithm", "algorithms_for", "shifted_by"]

Ops = Operations[Any]
Labelled = LabelledOperations[Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that kernels compute.

    `core` is the function over (rows, n) whose algorithms and references serve this one; `negated` says that the
    results are its results with the sign changed. `entry` is "vector" for a function of a row, "pair" for one of two
    numbers (x, y), "element" for one of a single number, which stands for the row (0, x), "label" for one of a row and
    a place in it, and "prefixes" for one with a result for each prefix of a row. `per_row` says that there is one
    result for each row.
    """

    name: str
    core: str
    entry: str
    per_row: bool
    formula: str
    negated: bool = False

    @property
    def labelled(self) -> bool:
        """The core is written for rows whose label comes first."""
        return self.core in _LABELLED


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to compute `function`; `ladder` marks the standards that classes are made of."""

    function: str
    name: str
    formula: str
    run: Callable[[Any, Any], Any]
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


def _less_label(o: Labelled, g: Any) -> Any:
    """g with 1 taken from its first entry."""
    return o.join(o.sub(o.columns(g, slice(0, 1)), o.one(g)), o.columns(g, slice(1, None)))


def _tail_gradient(o: Labelled, x: Any) -> Any:
    """Without 1 - g: the entry of the label is minus the share of all others."""
    w = _shifted_weights(o, x)
    s = o.sum(w)
    zero = o.sub(o.one(x), o.one(x))
    others = o.div(o.sum(o.columns(w, slice(1, None))), s)
    return o.join(o.sub(zero, others), o.columns(o.div(w, s), slice(1, None)))


def _scaled_tail_gradient(o: Labelled, x: Any) -> Any:
    w = _shifted_weights(o, x)
    return o.mul(o.columns(o.div(w, o.sum(w)), slice(0, 1)), _tail_gradient(o, x))


def _shifted_weights(o: Ops, x: Any) -> Any:
    return o.exp(o.sub(x, o.max(x)))


def _gradient_of(softmax: Callable[[Ops, Any], Any], o: Labelled, x: Any) -> Any:
    return _less_label(o, softmax(o, x))


def _scaled_gradient_of(softmax: Callable[[Ops, Any], Any], o: Labelled, x: Any) -> Any:
    g = softmax(o, x)
    return o.mul(o.columns(g, slice(0, 1)), _less_label(o, g))


_LABELLED = ("cross_entropy_gradient", "softmax_gradient")

FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("logsumexp", "logsumexp", "vector", True, "log sum_i exp(x_i)"),
        Function("softmax", "softmax", "vector", False, "exp(x_j) / sum_i exp(x_i)"),
        Function("log_softmax", "log_softmax", "vector", False, "x_j - log sum_i exp(x_i)"),
        Function("logaddexp", "logsumexp", "pair", True, "log(exp(x) + exp(y))"),
        Function("softplus", "logsumexp", "element", False, "log(1 + exp(x))"),
        Function("sigmoid", "softmax", "element", False, "exp(x) / (1 + exp(x))"),
        Function("cross_entropy", "log_softmax", "label", True, "log sum_i exp(x_i) - x_t", negated=True),
        Function("logcumsumexp", "logsumexp", "prefixes", False, "log sum_{i <= j} exp(x_i)"),
        Function("logaddexp_gradient", "softmax", "pair", False, "(exp(x), exp(y)) / (exp(x) + exp(y))"),
        Function("cross_entropy_gradient", "cross_entropy_gradient", "label", False, "softmax(x)_j - [j = t]"),
        Function(
            "log_softmax_gradient", "cross_entropy_gradient", "label", False, "[j = t] - softmax(x)_j", negated=True
        ),
        Function(
            "softmax_gradient",
            "softmax_gradient",
            "label",
            False,
            "softmax(x)_t ([j = t] - softmax(x)_j)",
            negated=True,
        ),
        Function("sigmoid_gradient", "softmax_gradient", "element", False, "exp(x) / (1 + exp(x))^2", negated=True),
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

# What a backward pass does after a softmax; they have no closed forms, and are read for each input.
GRADIENTS: tuple[Algorithm, ...] = tuple(
    Algorithm(function, name, formula, run, True)
    for function, scale, tail, made_of in (
        ("cross_entropy_gradient", "", _tail_gradient, _gradient_of),
        ("softmax_gradient", "g_t ", _scaled_tail_gradient, _scaled_gradient_of),
    )
    for name, formula, run in (
        ("shifted-tail", f"{scale}(g_j, or minus the sum of all others at t), g = softmax, shifted", tail),
        ("shifted", f"{scale}(g_j - [j = t]), g = softmax, shifted", partial(made_of, _shifted_softmax)),
        ("division-free", f"{scale}(g_j - [j = t]), g = exp(x_j - lse)", partial(made_of, _division_free_softmax)),
        ("naive", f"{scale}(g_j - [j = t]), g = softmax, naive", partial(made_of, _naive_softmax)),
    )
)


def algorithms_for(function: str) -> tuple[Algorithm, ...]:
    """The algorithms of a function, those of the ladder first, strongest first.

    Raises KeyError for a name that is not in `FUNCTIONS`.
    """
    core = FUNCTIONS[function].core
    return tuple(a for a in (*ALGORITHMS, *GRADIENTS) if a.function == core)


def algorithm(function: str, name: str) -> Algorithm:
    """The algorithm `name` of `function`; raises KeyError if there is none."""
    for candidate in algorithms_for(function):
        if candidate.name == name:
            return candidate
    raise KeyError(f"{function} has no algorithm {name!r}")
