"""The rounding reading: how far from the exact value an algorithm can land, for one given input.

Every value is carried as a pair (exact value v, error e): whatever the floating-point run produced in its
place, v^, satisfies |v^ - v| <= e. The rules below are the standard model with every second-order term kept:

    fl(a op b) = (a op b)(1 + d) + t,   |d| <= u,   t = 0 for + and -,   |t| <= eta / 2 for * and /

with u = 2^-p the unit roundoff and eta the spacing of the subnormals (Higham, Accuracy and Stability of
Numerical Algorithms, 2nd ed., section 2.2 and equation (2.8)). A sum of m numbers in any order errs by at
most (m - 1) u sum |w_i|, without a restriction on m (Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34 (2013),
Theorem 2.1, extended there to any order); a pairwise one by (1 + u)^h - 1, h the height of its tree; a
compensated one by u + g^2, g = (m - 1) u / (1 - (m - 1) u), of the same sum where nothing is flushed (Ogita, Rump and
Oishi, SIAM J. Sci. Comput. 26 (2005), Proposition 4.5).

exp, log and log1p are within a stated number of ulps of the exact value at the computed argument; this is
the premise `Libm`, which also says that exp(0), log(1), log1p(0) are exact. With `flush`, every subnormal
input or result may be replaced by zero.

The numbers are enclosures of any kind that offers `Enclosures`: the reading itself knows no floats.
Where an algorithm leaves the hypotheses (overflow, the logarithm of something that may be zero) the reading
says which one it left, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Protocol, TypeVar

from .algorithms import Algorithm
from .operations import SUM_ORDERS, LabelledOperations, Operations, merge_neighbours

__all__ = ["FOLD_HYPOTHESIS", "FOLD_LIMIT", "Enclosures", "Libm", "Model", "Perturbed", "Reading", "rounding_error"]

T = TypeVar("T")

# Reading a fold costs a batch of enclosure operations per column; longer ones are left to the closed forms.
FOLD_LIMIT = 256
FOLD_HYPOTHESIS = f"a fold has at most {FOLD_LIMIT} columns"


@dataclass(frozen=True, slots=True)
class Libm:
    """The premise on the elementary functions: error in ulps of the exact value at the computed argument.

    exp(0) = 1, log(1) = 0 and log1p(0) = 0 are premised to be exact.
    """

    exp: Fraction = Fraction(1)
    log: Fraction = Fraction(1)
    log1p: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        for name in ("exp", "log", "log1p"):
            if getattr(self, name) < 0:
                raise ValueError(f"the accuracy of {name} must be a number of ulps >= 0, got {getattr(self, name)}")

    def texts(self) -> dict[str, str]:
        """The ulps of each function as text, such as "1" or "1/2"."""
        return {name: str(getattr(self, name)) for name in ("exp", "log", "log1p")}


@dataclass(frozen=True, slots=True)
class Model:
    """A floating-point arithmetic: precision p in bits, exponents emin..emax of the normal numbers.

    Sums are made in the arithmetic `accumulator`, wider or narrower, if it is given: the terms are rounded to it where
    it is narrower, and the sum is rounded back where it is wider.
    """

    precision: int
    emin: int
    emax: int
    libm: Libm = Libm()
    flush: bool = False
    accumulator: Model | None = None

    def ulp_exponent(self, binade: Any) -> Any:
        """e such that 2^e is the ulp of the numbers in [2^binade, 2^(binade + 1)); an int or an array of them.

        The ulp is the spacing of the format's numbers in that binade, and the subnormal spacing below 2^emin (Muller et
        al., Handbook of Floating-Point Arithmetic, 2nd ed., section 2.3.2); above 2^emax it goes on as if the exponent
        had no bound.
        """
        return binade + (self.emin - binade) * (binade < self.emin) - (self.precision - 1)

    @property
    def unit_roundoff(self) -> Fraction:
        return Fraction(1, 2**self.precision)

    @property
    def smallest_normal(self) -> Fraction:
        return Fraction(2) ** self.emin

    @property
    def smallest_subnormal(self) -> Fraction:
        return Fraction(2) ** (self.emin - self.precision + 1)

    @property
    def lost_to_zero(self) -> Fraction:
        """What flushing a subnormal changes, at most."""
        return self.smallest_normal if self.flush else Fraction(0)

    def conversion(self, to: Model) -> tuple[Fraction, Fraction]:
        """How far, relative and absolutely, a number of this format is moved by rounding it to the other."""
        if to.precision >= self.precision and to.emin <= self.emin and not (to.flush and not self.flush):
            return Fraction(0), Fraction(0)
        return to.unit_roundoff, to.smallest_subnormal / 2 + to.lost_to_zero

    @property
    def largest(self) -> Fraction:
        return (2 - Fraction(1, 2 ** (self.precision - 1))) * Fraction(2) ** self.emax


class Enclosures(LabelledOperations[T], Protocol[T]):
    """Exact arithmetic on enclosures, for values T that also know + - * / and abs().

    Masks are Boolean arrays shaped like the values they were made from.
    """

    def constant(self, value: Fraction) -> T: ...

    def exp_change(self, a: T, e: T) -> T:
        """The largest |exp(a + t) - exp(a)| over |t| <= e, that is exp(a) (exp(e) - 1)."""

    def log_change(self, a: T, e: T) -> T:
        """The largest |log(a + t) - log(a)| over |t| <= e < a, that is -log(1 - e / a)."""

    def ulp(self, a: T, model: Model) -> T:
        """The unit in the last place of |a|, at least the spacing of the subnormals."""

    def widened(self, a: T, e: T) -> T:
        """An enclosure of every number within e of a."""

    def certainly_less(self, a: T, b: T) -> Any: ...

    def certainly_at_most(self, a: T, b: T) -> Any: ...

    def is_exactly(self, a: T, value: int) -> Any: ...

    def select(self, mask: Any, a: T, b: T) -> T:
        """a where the mask holds, else b."""

    def length(self, x: T) -> int:
        """n of a vector (rows, n)."""

    def rises(self, x: T) -> T:
        """How often the running maximum of each row rises, (rows, 1)."""

    def spread(self, a: T, like: T) -> T:
        """a broadcast to the shape of `like`."""


@dataclass(frozen=True, slots=True)
class Perturbed(Generic[T]):
    """Any computed stand-in for `exact` lies within `error` of it."""

    exact: T
    error: T


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What the rounding reading found: value and bound shaped like the result, hypotheses (rows,) by name."""

    exact: T
    error: T
    hypotheses: dict[str, Any]


class _Rounding:
    """`Operations` on `Perturbed` values; one object reads one algorithm on one batch."""

    def __init__(self, base: Enclosures[Any], model: Model) -> None:
        self.base = base
        self.model = model
        self.zero = base.constant(Fraction(0))
        self.u = base.constant(model.unit_roundoff)
        self.largest = base.constant(model.largest)
        self.negligible = base.constant(model.largest * model.unit_roundoff / 2)
        self.half_subnormal = base.constant(model.smallest_subnormal / 2)
        self.flushed = base.constant(model.smallest_normal if model.flush else Fraction(0))
        self.hypotheses: dict[str, Any] = {}

    def require(self, hypothesis: str, mask: Any) -> None:
        rows = mask.all(axis=-1)
        known = self.hypotheses.get(hypothesis)
        self.hypotheses[hypothesis] = rows if known is None else known & rows

    def given(self, x: Any) -> Perturbed[Any]:
        flushable = self.base.certainly_less(abs(x), self.flushed) & ~self.base.is_exactly(x, 0)
        return Perturbed(x, self.base.select(flushable, self.flushed, self.zero))

    def _is(self, a: Perturbed[Any], value: int) -> Any:
        return self.base.is_exactly(a.exact, value) & self.base.is_exactly(a.error, 0)

    def _finite(self, a: Perturbed[Any]) -> Any:
        return self.base.certainly_at_most(abs(a.exact) + a.error, self.largest)

    def _rounded(self, exact: Any, change: Any, unit: Any, no_rounding: Any) -> Perturbed[Any]:
        """exact, moved by `change` before the operation rounds by `unit`, unless it is known not to round."""
        return Perturbed(exact, change + self.base.select(no_rounding, self.zero, unit + self.flushed))

    # Selection: exact, and no further from the exact result than the worst argument was.

    def max(self, x: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.max(x.exact), self.base.max(x.error))

    def drop_max(self, x: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.drop_max(x.exact), self.base.max(x.error))

    def first(self, x: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.first(x.exact), self.base.first(x.error))

    def maximum(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.maximum(a.exact, b.exact), self.base.maximum(a.error, b.error))

    def minimum(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.minimum(a.exact, b.exact), self.base.maximum(a.error, b.error))

    def one(self, like: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.one(like.exact), self.zero)

    # Arithmetic.

    def add(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        self.require("no sum of overflowed terms", self._finite(a) & self._finite(b))
        return self._sum_of_two(a, b, self.base.add(a.exact, b.exact))

    def sub(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        # x_j - a may overflow; what is then subtracted must be too small to bring it back into range.
        kept = self._finite(a) | self.base.certainly_less(abs(b.exact) + b.error, self.negligible)
        self.require("no difference of overflowed terms", kept & self._finite(b))
        return self._sum_of_two(a, b, self.base.sub(a.exact, b.exact))

    def _sum_of_two(self, a: Perturbed[Any], b: Perturbed[Any], exact: Any) -> Perturbed[Any]:
        change = a.error + b.error
        no_rounding = (
            self._is(a, 0) | self._is(b, 0) | (self.base.is_exactly(exact, 0) & self.base.is_exactly(change, 0))
        )
        return self._rounded(exact, change, self.u * (abs(exact) + change), no_rounding)

    def mul(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        exact = self.base.mul(a.exact, b.exact)
        change = abs(a.exact) * b.error + abs(b.exact) * a.error + a.error * b.error
        return self._scaled(exact, change, self._is(a, 1) | self._is(b, 1), "no product overflows")

    def div(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        self.require("no divisor may vanish", self.base.certainly_less(b.error, b.exact))
        exact = self.base.div(a.exact, b.exact)
        change = (a.error + abs(exact) * b.error) / (b.exact - b.error)
        return self._scaled(exact, change, self._is(b, 1), "no quotient overflows")

    def _scaled(self, exact: Any, change: Any, no_rounding: Any, hypothesis: str) -> Perturbed[Any]:
        unit = self.u * (abs(exact) + change) + self.half_subnormal
        result = self._rounded(exact, change, unit, no_rounding)
        self.require(hypothesis, self._finite(result))
        return result

    def sum(self, x: Perturbed[Any], order: str = "any") -> Perturbed[Any]:
        made_in = self.model.accumulator or self.model
        into, back = self.model.conversion(made_in), made_in.conversion(self.model)
        additions = max(self.base.length(x.exact) - 1, 0)
        relative, plain, holds = _sum_factor(made_in, additions, order)
        flushed = self.base.constant(additions * made_in.lost_to_zero)
        terms = self._converted(abs(x.exact) + x.error, x.error, into)
        size = self.base.sum(abs(x.exact) + terms) + flushed
        rounding = self.base.constant(relative) * size + flushed
        exact, change = self.base.sum(x.exact), self.base.sum(terms) + rounding
        largest_partial = size + self.base.constant(plain) * size + flushed
        most = self._converted(largest_partial, largest_partial, back)
        largest = self.base.constant(min(made_in.largest, self.model.largest))
        self.require("no sum overflows", self.base.certainly_at_most(most, largest) & holds)
        return Perturbed(exact, self._converted(abs(exact) + change, change, back))

    def _converted(self, size: Any, error: Any, conversion: tuple[Fraction, Fraction]) -> Any:
        """The error of numbers at most `size` large and `error` wrong after a change of format."""
        relative, absolute = conversion
        if not relative:
            return error
        return error + self.base.constant(relative) * size + self.base.constant(absolute)

    # Elementary functions: the change that the argument's error makes, then the premise.

    def _elementary(self, exact: Any, change: Any, ulps: Fraction, no_rounding: Any) -> Perturbed[Any]:
        unit = self.base.constant(ulps) * self.base.ulp(abs(exact) + change, self.model)
        return self._rounded(exact, change, unit, no_rounding)

    def exp(self, a: Perturbed[Any]) -> Perturbed[Any]:
        exact = self.base.exp(a.exact)
        change = self.base.exp_change(a.exact, a.error)
        result = self._elementary(exact, change, self.model.libm.exp, self._is(a, 0))
        self.require("no exponential overflows", self._finite(result))
        return result

    def log(self, a: Perturbed[Any]) -> Perturbed[Any]:
        self.require("no logarithm of what may be zero", self.base.certainly_less(a.error, a.exact))
        change = self.base.log_change(a.exact, a.error)
        return self._elementary(self.base.log(a.exact), change, self.model.libm.log, self._is(a, 1))

    def log1p(self, a: Perturbed[Any]) -> Perturbed[Any]:
        above = self.base.one(a.exact) + a.exact
        self.require("no logarithm of what may be zero", self.base.certainly_less(a.error, above))
        change = self.base.log_change(above, a.error)
        return self._elementary(self.base.log1p(a.exact), change, self.model.libm.log1p, self._is(a, 0))

    # Structure.

    def fold(
        self, x: Perturbed[Any], start: Callable[..., Any], step: Callable[..., Any], invariant: Callable[..., Any]
    ) -> tuple[Perturbed[Any], ...]:
        n = self.base.length(x.exact)
        first = self.first(x)
        # A mask that is false everywhere, shaped like a scalar of this batch.
        nowhere = self.base.certainly_less(abs(first.exact), self.zero)
        self.require(FOLD_HYPOTHESIS, nowhere | (n <= FOLD_LIMIT))
        state: tuple[Perturbed[Any], ...] = start(first)
        for j in range(1, n if n <= FOLD_LIMIT else 1):
            state = step(*state, self.columns(x, slice(j, j + 1)))
        return state

    def tree(
        self, x: Perturbed[Any], leaf: Callable[..., Any], merge: Callable[..., Any], invariant: Callable[..., Any]
    ) -> tuple[Perturbed[Any], ...]:
        leaves = [Perturbed(self.base.spread(v.exact, x.exact), self.base.spread(v.error, x.exact)) for v in leaf(x)]
        return merge_neighbours(leaves, self.base.length(x.exact), merge, self.columns, self.join)

    def columns(self, x: Perturbed[Any], part: slice) -> Perturbed[Any]:
        return Perturbed(self.base.columns(x.exact, part), self.base.columns(x.error, part))

    def join(self, a: Perturbed[Any], b: Perturbed[Any]) -> Perturbed[Any]:
        return Perturbed(self.base.join(a.exact, b.exact), self.base.join(a.error, b.error))

    def nonexpansive(
        self, body: Callable[[Operations[Any], Any, Any], Any], a: Perturbed[Any], b: Perturbed[Any]
    ) -> Perturbed[Any]:
        """The arguments' error passes through undiminished; the body's own is bounded over all of their range."""
        exact = body(self.base, a.exact, b.exact)
        ranges = (Perturbed(self.base.widened(v.exact, v.error), self.zero) for v in (a, b))
        own = body(self, *ranges).error
        return Perturbed(exact, self.base.maximum(a.error, b.error) + own)


def rounding_error(algorithm: Algorithm, x: T, base: Enclosures[T], model: Model) -> Reading[T]:
    """Bound |computed - exact| for `algorithm` on the exact inputs x, shape (rows, n), finite.

    The bound is in the units of the result (nats for logarithms) and holds for every floating-point run that keeps
    the model and its libm premise, whatever the order of an "any" sum; it holds for the rows where every
    hypothesis does. Results that overflow count as 2^(emax + 1). Both ends of the enclosure enclose the bound.
    """
    rounding = _Rounding(base, model)
    result = algorithm.run(rounding, rounding.given(x))
    return Reading(result.exact, result.error, rounding.hypotheses)


def _sum_factor(model: Model, additions: int, order: str) -> tuple[Fraction, Fraction, bool]:
    """The error of a sum and of its partial sums, relative to the sum of absolute values; whether its theorem holds."""
    u = model.unit_roundoff
    plain = additions * u
    if order in ("any", "sequential"):
        return plain, plain, True
    if order == "pairwise":
        height = additions.bit_length()
        return (1 + u) ** height - 1, plain, True
    if order == "compensated":
        if plain >= 1 or model.flush:
            return Fraction(0), plain, False
        return (u + (plain / (1 - plain)) ** 2 if additions else Fraction(0)), plain, True
    raise ValueError(f"a sum has an order among {', '.join(SUM_ORDERS)}, got {order!r}")
