"""Exact results and bounds for whole arrays of rows, enclosed at about the cost of the kernel that is judged.

`judged_rows` reads rows of one length in double-double (`doubled`) and their bound from a tape (`tapes`). What it says
is proven; where it cannot say anything (special values, huge entries, a result that may lie in two binades, a
hypothesis that may fail, an error next to what is allowed) it says so, and the two referees have to be asked.

Sources of error, all relative to what they belong to: a sum of exponentials by `sum_relative`, its logarithm by no more
than that (d log(1 + s) / log(1 + s) <= ds / s) and `LOGARITHM`; a quotient by both of its parts and 2^-102; the last
addition by 2^-104.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm, Model, bound

from ..formats import Format
from ..standards import AT_LEAST_MAX, GENERIC_STANDARDS, stays_finite
from .doubled import (
    CHUNK,
    EXPONENTIAL,
    LOGARITHM,
    TIMES,
    Buffers,
    Doubled,
    Sums,
    Terms,
    add_one,
    growth,
    log1p,
    merged,
    quotient,
    row_sums,
    side_by_side,
    sum_relative,
    terms,
    terms_times,
    two_sum,
)
from .tapes import Tape, tape

__all__ = ["BLOCK", "CORES", "NARROW", "Judged", "judged_rows", "plain_rows", "readable"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CORES = ("logsumexp", "softmax", "log_softmax")
NARROW = 64  # entries, up to which rows are read across: one operation on the first entries of all rows, and so on
BLOCK = 1 << 15  # entries that are read together: what the buffers hold stays in the cache
_RELATIVE = 2.0**-40
_SMALLEST = 2.0**-900  # results of binary64 below it are left to the referees
_EXPONENT = 0x7FF << 52  # the bits of a number's binade


@dataclass(frozen=True, slots=True)
class Judged:
    """What was decided, arrays shaped like the results: errors between lo and hi and bounds in ulps, and three masks.

    Where no mask holds nothing was decided, and the numbers say nothing.
    """

    lo: Array
    hi: Array
    allowed: Array
    within: Mask
    exceeds: Mask
    outside: Mask


def readable(function: str, standard: str) -> bool:
    """Whether `judged_rows` knows the core function and the standard."""
    if FUNCTIONS[function].core not in CORES:
        return False
    return standard in GENERIC_STANDARDS or bound(FUNCTIONS[function].core, standard).shift == "maximum"


def plain_rows(x: Array) -> Mask:
    """The rows (rows, n), n >= 1, of finite numbers below 2^1002 in size, but for some that are nearly as large.

    A sum of 2^23 times the entries, in any order, is infinite or NaN if one of them is not such a number: none of
    the partial sums before it is larger than 2^1024, and what it adds is at least twice that.
    """
    scale, total = np.full(min(x.shape[1], BLOCK), 2.0**23), np.zeros(len(x))
    with np.errstate(all="ignore"):
        for part in _columns(x):
            total += part @ scale[: part.shape[1]]
    return np.asarray(np.isfinite(total))


@dataclass(frozen=True, slots=True)
class _Rule:
    """What results are held to: a function, a standard, a format, a premise on the elementary functions."""

    function: str
    standard: str
    format: Format
    libm: Libm

    @property
    def core(self) -> str:
        return FUNCTIONS[self.function].core

    def tape(self, length: int, upper: bool = False) -> Tape:
        return _tape(self.core, self.standard, length, self.format.model(self.libm), upper)

    @property
    def relative_to_entry(self) -> bool:
        """Without what underflows the bound of an entry of softmax is proportional to the entry: it is made for 1."""
        return self.format.precision == 53

    @property
    def keeps_maximum(self) -> bool:
        """No run that keeps the standard returns less than the maximum (see `standards`)."""
        precise = self.standard in GENERIC_STANDARDS or max(self.libm.log, self.libm.log1p) <= 1
        return self.core == "logsumexp" and self.standard in AT_LEAST_MAX and precise


@lru_cache(maxsize=4096)
def _tape(core: str, standard: str, length: int, model: Model, upper: bool) -> Tape:
    quantities = dict.fromkeys(("y", "L", "spread", "tail", "drift", "D", "z", "g", "q", "zdrift"), _RELATIVE)
    quantities["drift"] = quantities["drift"] + length * 2.0**-50
    return tape(bound(core, standard), length, model, quantities | {"rises": 0.0}, upper)


@dataclass(frozen=True, slots=True)
class _Results:
    """Exact results within `radius` of high + low, |high|, and where that is known.

    `side` makes the sign of exact - high where a theorem tells it and low may not.
    """

    exact: Doubled
    size: Array
    radius: Array
    known: Mask
    side: Callable[[], Any]


class _Rows:
    """Rows of one length, read to the quantities that hold for a row; their axis of entries stays, of length one."""

    def __init__(
        self, sums: Sums, length: int, growth: Array, whole: Doubled | None = None, spread: Doubled | None = None
    ) -> None:
        """`growth` is the sum of exp(x_i - maximum) (exp(u |x_i - maximum|) - 1); whole and spread may be known."""
        self.sums, self.length = sums, length
        self.whole, self._spread = whole or add_one(sums.rest), spread
        self.drift = growth / self.whole.high
        self.relative = sum_relative(length)

    @cached_property
    def spread(self) -> Doubled:
        return self._spread or log1p(self.sums.rest, self.whole)

    @cached_property
    def y(self) -> Doubled:
        s = two_sum(self.sums.maximum, self.spread.high)
        return two_sum(s.high, s.low + self.spread.low)

    @cached_property
    def share(self) -> Doubled:
        """The largest entry of softmax."""
        one = np.ones_like(self.whole.high)
        return quotient(Doubled(one, np.zeros_like(one)), self.whole)

    @cached_property
    def faint(self) -> Mask:
        """Where all but the maximum is less than 2^-690: what is known of it is that."""
        return ~self.sums.reliable if self.length > 1 else np.zeros_like(self.sums.reliable)

    @cached_property
    def slack(self) -> Any:
        """What quantities that are next to nothing may be off by, besides their relative errors."""
        return np.where(self.faint, self.length * 2.0**-700, 0.0) if self.faint.any() else 0.0

    def spread_radius(self) -> Array:
        return np.asarray(self.spread.high * (self.relative + 2 * LOGARITHM) + self.slack)

    def tail(self) -> Array:
        return self.sums.rest.high / self.whole.high


def _rows_of(x: Array, axis: int, fmt: Format, buffers: Buffers) -> tuple[_Rows, Terms]:
    if x.shape[axis] == 1:
        zero = np.zeros_like(x)
        rows = _Rows(Sums(x, zero, Doubled(zero, zero), zero), 1, zero)
        return rows, terms(x, x, buffers)
    sums, made = row_sums(x, axis, buffers)
    u = 2.0**-fmt.precision
    drift = u * sums.moment if fmt.precision == 53 else (made.whole * growth(made.high, u)).sum(axis, keepdims=True)
    return _Rows(sums, x.shape[axis], drift), made


def _compiled_rows(x: Array, fmt: Format, axis: int) -> _Rows:
    from . import compiled  # Numba is optional, and slow to import

    sums, growth, whole, spread = compiled.row_sums(x, 2.0**-fmt.precision)
    if axis == 0:
        sums, growth, whole, spread = sums.turned, growth.T, whole.turned, spread.turned
    return _Rows(sums, x.shape[1], growth, whole, spread)


def _compiled_shares(x: Array, rows: _Rows, axis: int) -> _Shares:
    from . import compiled

    if axis == 1:
        return _Shares(*compiled.shares(x, rows.sums.maximum, rows.share))
    high, made = compiled.shares(x, rows.sums.maximum.T, rows.share.turned)
    high, first, second = (np.ascontiguousarray(a.T) for a in (high, made.high, made.low))
    return _Shares(high, Doubled(first, second))


def _piece_sums(x: NDArray[Any], fmt: Format, buffers: Buffers, compiled: bool) -> Sums:
    """The sums of pieces of rows (rows, pieces, entries), as (rows, pieces)."""
    rows, pieces, length = x.shape
    entries = np.ascontiguousarray(x, dtype=np.float64).reshape(-1, length)
    if length == 1:
        zero = np.zeros_like(entries)
        sums = Sums(entries, zero - np.inf, Doubled(zero, zero), zero)
    elif compiled:
        sums = _compiled_rows(entries, fmt, 1).sums
    else:
        sums, _ = row_sums(entries, 1, buffers)
    maximum, second, high, low, moment = (
        a.reshape(rows, pieces) for a in (sums.maximum, sums.second, sums.rest.high, sums.rest.low, sums.moment)
    )
    return Sums(maximum, second, Doubled(high, low), moment)


def _long_rows(x: NDArray[Any], fmt: Format, buffers: Buffers, compiled: bool) -> _Rows:
    """Rows of more than `CHUNK` entries, read in pieces, whose sums are merged."""
    rows, length = x.shape
    full = length // CHUNK * CHUNK
    together = max((32 if compiled else 1) * BLOCK // (rows * CHUNK), 1) * CHUNK
    parts = []
    for start in range(0, full, together):
        piece = x[:, start : min(start + together, full)]
        parts.append(_piece_sums(piece.reshape(rows, -1, CHUNK), fmt, buffers, compiled))
    if full < length:
        parts.append(_piece_sums(x[:, np.newaxis, full:], fmt, buffers, compiled))
    sums = merged(side_by_side(parts))
    if fmt.precision == 53:
        drift = 2.0**-53 * sums.moment
    else:
        u, drift = 2.0**-fmt.precision, np.zeros((rows, 1))
        for part in _columns(x):
            made = terms(part, sums.maximum, buffers)
            drift += (made.whole * growth(made.high, u)).sum(axis=1, keepdims=True)
    return _Rows(sums, length, drift)


def _columns(x: NDArray[Any]) -> Iterator[Array]:
    """Some columns after the other, as binary64; all of them unless rows are long."""
    step = max(CHUNK, BLOCK // max(len(x), 1))
    for start in range(0, x.shape[1], step):
        yield np.ascontiguousarray(x[:, start : start + step], dtype=np.float64)


def _rises(x: Array, axis: int) -> Array:
    """How often the running maximum of each row rises."""
    if axis == 0:
        return np.asarray((x[1:] > np.maximum.accumulate(x, axis=0)[:-1]).sum(axis=0, keepdims=True), dtype=np.float64)
    highest, total = x[:, :1].astype(np.float64), np.zeros((len(x), 1))
    for part in _columns(x):
        before = np.maximum.accumulate(np.concatenate([highest, part], axis=1), axis=1)
        total += (part > before[:, :-1]).sum(axis=1, keepdims=True)
        highest = before[:, -1:]
    return total


@dataclass(frozen=True, slots=True)
class _Shares:
    """x - maximum as `Terms` has it, and softmax, of all entries."""

    high: Array
    softmax: Doubled


class _Entries:
    """Entries of rows, all or some of their columns: exact results and what a bound asks for."""

    def __init__(self, rule: _Rule, x: Array, axis: int, rows: _Rows, made: Terms | _Shares | None) -> None:
        self.rule, self.x, self.axis, self.rows, self.made = rule, x, axis, rows, made

    @cached_property
    def gap(self) -> Doubled:
        """x - maximum."""
        return two_sum(self.x, -self.rows.sums.maximum)

    @cached_property
    def softmax(self) -> Doubled:
        assert self.made is not None
        if isinstance(self.made, _Shares):
            return self.made.softmax
        return terms_times(self.made, self.rows.share)

    @cached_property
    def log_softmax(self) -> Doubled:
        s = two_sum(self.gap.high, -self.rows.spread.high)
        return two_sum(s.high, s.low + (self.gap.low - self.rows.spread.low))

    def results(self) -> _Results:
        rows, fmt, core = self.rows, self.rule.format, self.rule.core
        known: Any = np.True_
        if core == "softmax":
            exact = self.softmax
            size = exact.high
            radius = size * (EXPONENTIAL + TIMES + rows.relative + 2.0**-99)
            if fmt.precision != 53:
                radius += 2.0**-950  # what is too deep counts as zero
        else:
            exact = rows.y if core == "logsumexp" else self.log_softmax
            size = np.abs(exact.high)
            # The last additions are off by a rounding of their low parts.
            radius = rows.spread_radius() + size * 2.0**-103
        if fmt.precision == 53 and not size.min() >= _SMALLEST:
            known = size >= _SMALLEST
        return _Results(exact, size, radius, np.asarray(known), partial(self._side, exact))

    def _side(self, exact: Doubled) -> Any:
        """Of n >= 2 entries the logsumexp is above the maximum, log_softmax below the difference, a share below 1.

        Of two entries the larger has a share of more than half, and of equal ones each has 1/n exactly, which is where
        the binade of 1/n starts if it is a power of two.
        """
        n = self.rows.length
        if n == 1:  # exact
            return np.sign(exact.high)
        if self.rule.core == "logsumexp":
            return np.where((exact.high == self.rows.sums.maximum) & (exact.low >= 0), 1, 0)
        if self.rule.core == "log_softmax":
            return -((exact.high == self.gap.high) & (self.gap.low <= 0)).astype(np.int8)
        assert self.made is not None
        gap, at_share = self.made.high, exact.high == 1 / n
        side = -(exact.high == 1.0).astype(np.int8)
        if self.x.shape[self.axis] == n and at_share.any():
            if n == 2:
                side = np.where(at_share, np.where(gap < 0, -1, 1), side)
            else:
                side = np.where(at_share & (gap.min(axis=self.axis, keepdims=True) == 0), 1, side)
        return side

    def quantities(self, names: Iterable[str], upper: bool) -> dict[str, Any]:
        return {name: getattr(self, f"_{name}")(upper) for name in names}

    def _end(self, value: Array, upper: bool, slack: Any = 0.0) -> Array:
        """A quantity from below or above, where it is not known to its relative error."""
        slack = self.rows.slack + slack
        if isinstance(slack, float) and not slack:
            return value
        return np.asarray(value + slack if upper else np.maximum(value - slack, 0.0))

    def _y(self, upper: bool) -> Array:
        """The sum of maximum and spread may cancel."""
        size = np.abs(self.rows.sums.maximum) + self.rows.spread.high
        return self._end(np.abs(self.rows.y.high), upper, size * 2.0**-50)

    def _L(self, upper: bool) -> Array:
        return self._end(self.rows.spread.high, upper)

    _spread = _L

    def _tail(self, upper: bool) -> Array:
        return self._end(self.rows.tail(), upper)

    def _drift(self, upper: bool) -> Array:
        """Products below the normal numbers and terms that are too deep are off by more than its relative error."""
        return self._end(self.rows.drift, upper, self.rows.length * 2.0**-930)

    def _rises(self, upper: bool) -> Array:
        return _rises(self.x, self.axis)

    def _D(self, upper: bool) -> Array:
        return np.abs(self.gap.high)

    def _z(self, upper: bool) -> Array:
        return self._end(np.abs(self.log_softmax.high), upper)

    def _g(self, upper: bool) -> Any:
        return 1.0 if self._for_one(upper) else self.softmax.high

    def _q(self, upper: bool) -> Array:
        assert self.made is not None
        return self._of_entry(self.made.high, upper)

    def _zdrift(self, upper: bool) -> Array:
        return self._of_entry(np.minimum(np.abs(self.log_softmax.high), 1000.0), upper)

    def _of_entry(self, distance: Array, upper: bool) -> Array:
        """g (exp(u d) - 1), or that without g."""
        change = growth(distance, 2.0**-self.rule.format.precision)
        return change if self._for_one(upper) else self.softmax.high * change

    def _for_one(self, upper: bool) -> bool:
        return self.rule.relative_to_entry and not upper

    def allowed(self, upper: bool = False) -> tuple[Any, Any, Any]:
        """One side of the bound, absolute, where it is certain, and where its hypotheses certainly fail."""
        made = self.rule.tape(self.rows.length, upper)
        value, certain, outside = made.run(self.quantities(made.leaves, upper))
        if self._for_one(upper) and self.rule.core == "log_softmax" and "g" in made.leaves:
            certain = certain & (self.softmax.high >= 2.0**-700)  # what underflows is nothing beside such an entry
        certain, outside = self._of_row(certain, np.all), self._of_row(outside, np.any)
        if self._for_one(upper) and self.rule.core == "softmax":
            value = value * self.softmax.high
        return value * (1 + 2 * made.relative if upper else 1 - 2 * made.relative), certain, outside

    def _of_row(self, mask: Any, over: Callable[..., Any]) -> Any:
        """Hypotheses are about rows: a mask of entries, made for a row, unless not all of it is here."""
        if np.shape(mask) != self.x.shape:
            return mask
        return over(mask, axis=self.axis, keepdims=True) if self.x.shape[self.axis] == self.rows.length else False


def judged_rows(
    function: str,
    standard: str,
    x: Array,
    got: Array,
    fmt: Format,
    libm: Libm,
    buffers: Buffers,
    compiled: bool = False,
) -> Judged:
    """Judge results `got` for plain rows x (rows, n): (rows,) for logsumexp and else (rows, n), in the format.

    Arrays of binary64, or of any type where rows are longer than `CHUNK`: these are read piece by piece.

    `function` is one of `CORES`, `standard` a generic one or an algorithm whose shift is the maximum (`readable`);
    `compiled` says that Numba makes the sums of rows.
    """
    rule = _Rule(function, standard, fmt, libm)
    n, per_row = x.shape[1], function == "logsumexp"
    if n > CHUNK:
        return _judge_long(rule, x, got, buffers, compiled)
    compiled, asks = compiled and n > 1, _asks_terms(rule, n)
    axis = 0 if n <= NARROW and not (compiled and per_row) else 1
    across = np.ascontiguousarray(x.T) if axis == 0 else np.ascontiguousarray(x)
    results = got.reshape(-1, 1) if per_row else got
    made: Terms | _Shares | None = None
    if compiled:
        along = np.ascontiguousarray(x)
        rows = _compiled_rows(along, fmt, axis)
        made = _compiled_shares(along, rows, axis) if asks else None
    else:
        rows, made = _rows_of(across, axis, fmt, buffers)
    found = _judge(_Entries(rule, across, axis, rows, made), np.ascontiguousarray(results.T) if axis == 0 else results)
    if axis == 0:
        found = _each(found, np.transpose)
    return _each(found, lambda a: a[:, 0]) if per_row else found


def _judge_long(rule: _Rule, x: Array, got: Array, buffers: Buffers, compiled: bool) -> Judged:
    rows = _long_rows(x, rule.format, buffers, compiled)
    if rule.core == "logsumexp":
        found = _judge(_Entries(rule, x, 1, rows, None), got.reshape(-1, 1).astype(np.float64))
        return _each(found, lambda a: a[:, 0])
    parts, start = [], 0
    for part in _columns(x):
        made: Terms | _Shares | None = None
        if _asks_terms(rule, x.shape[1]):
            made = _compiled_shares(part, rows, 1) if compiled else terms(part, rows.sums.maximum, buffers)
        stop = start + part.shape[1]
        parts.append(_judge(_Entries(rule, part, 1, rows, made), got[:, start:stop].astype(np.float64)))
        start = stop
    return _side_by_side(parts)


def _asks_terms(rule: _Rule, n: int) -> bool:
    """Whether the exponentials of the entries are needed, besides their sum."""
    return rule.core == "softmax" or (rule.standard not in GENERIC_STANDARDS and "g" in rule.tape(n).leaves)


def _each(found: Judged, f: Callable[[Any], Any]) -> Judged:
    return Judged(*(f(getattr(found, field.name)) for field in fields(found)))


def _side_by_side(parts: Sequence[Judged]) -> Judged:
    columns = zip(*([getattr(part, field.name) for field in fields(part)] for part in parts), strict=True)
    return Judged(*(np.concatenate(column, axis=1) for column in columns))


def _judge(entries: _Entries, got: Array) -> Judged:
    rule, fmt = entries.rule, entries.rule.format
    with np.errstate(all="ignore"):
        results = entries.results()
        start, known = _binades(results)
        least_start = max(fmt.smallest_normal, _SMALLEST)
        normal = start if start.min() >= least_start else np.maximum(start, least_start)
        per_ulp = _over(fmt.precision - 1, normal)
        lo, hi = _errors(results, per_ulp, got, fmt)
        strict = rule.standard == "faithful"
        if rule.standard in GENERIC_STANDARDS:
            allowed: Any = np.full_like(lo, float(GENERIC_STANDARDS[rule.standard]))
            least = most = allowed
            beyond = known & (np.abs(got) < np.where(start < fmt.smallest_normal, 0.0, start))
            certain: Any = True
            outside: Any = False
        else:
            value, certain, outside = entries.allowed()
            least = value * per_ulp
            beyond, most = np.zeros((1, 1), dtype=bool), None
        if rule.keeps_maximum:
            beyond = beyond | (got < entries.rows.sums.maximum)
            if stays_finite(entries.rows.length, fmt):
                beyond = beyond | np.isposinf(got)
        within = ((hi < least) if strict else (hi <= least)) & (known & certain & ~beyond)
        if within.all():
            nothing = np.zeros_like(within)
            return Judged(lo, hi, least, within, nothing, nothing)
        exceeds = np.broadcast_to(known & certain & beyond, lo.shape)
        if (lo > least).any():
            if most is None:
                value, sure, _ = entries.allowed(upper=True)
                most, certain = np.broadcast_to(value * per_ulp, lo.shape), certain & sure
            exceeds = exceeds | (known & certain & ((lo >= most) if strict else (lo > most)))
        outside = np.broadcast_to(outside & results.known, lo.shape)
    return Judged(lo, hi, least, within, exceeds & ~within, outside)


def _binades(results: _Results) -> tuple[Array, Mask]:
    """Where the binade of |y| starts, and where that is known.

    Where high is a power of two, low says in which binade y lies, if it is not within the radius of 0; or a theorem.
    """
    bits, known = results.size.view(np.int64), results.known
    start = (bits & _EXPONENT).view(np.float64)
    power = start == results.size
    if power.any():
        outward = results.exact.low * np.sign(results.exact.high)
        side = results.side() * np.sign(results.exact.high)
        inside = power & ((outward < -results.radius) | (side < 0))
        start = np.where(inside, 0.5 * start, start)
        # Zero stands for less than the radius, which is far below the subnormals of all formats but binary64.
        known = known & (~power | inside | (outward > results.radius) | (side > 0) | (results.size == 0))
    return start, known


def _over(exponent: int, power: Array) -> Array:
    """2^exponent / power for powers of two, where both are normal numbers: the exponents' bits are subtracted."""
    return (((2 * 1023 + exponent) << 52) - power.view(np.uint64)).view(np.float64)


def _errors(results: _Results, per_ulp: Array, got: Array, fmt: Format) -> tuple[Array, Array]:
    """|got - y| / ulp(y) from below and above, as `error_in_ulps` has it.

    got - high is exact if they are within a factor two (Sterbenz), and else no smaller than half of high, beside which
    low is nothing: the two subtractions err by 2^-51 of their result.
    """
    stand_in, finite = got, bool(np.isfinite(got).all())
    infinite = np.zeros(1, dtype=bool) if finite else np.isinf(got)
    if infinite.any():  # stands for 2^(emax + 1), which binary64 does not have
        stand_in = np.where(infinite, np.copysign(np.ldexp(1.0, min(fmt.emax + 1, 1023)), got), got)
    distance = stand_in - results.exact.high
    distance -= results.exact.low
    np.abs(distance, out=distance)
    hi = distance * (1 + 2.0**-50)
    hi += results.radius
    hi *= per_ulp
    lo = distance
    lo *= 1 - 2.0**-50
    lo -= results.radius
    lo *= per_ulp
    np.clip(lo, 0.0, np.finfo(np.float64).max, out=lo)  # faster than to take the larger
    if not finite:
        nan = np.isnan(got)
        lo, hi = np.where(nan, np.inf, lo), np.where(nan, np.inf, hi)
    if infinite.any():  # free of error where y lies beyond what it stands for
        beyond = np.ldexp(1.0, min(fmt.emax + 1, 1023))
        there = infinite & (np.sign(got) == np.sign(results.exact.high)) & (results.size > beyond * (1 - 2.0**-40))
        past = there & (results.size > beyond * (1 + 2.0**-40)) & (fmt.emax < 1023)
        lo = np.where(there, 0.0, lo)
        hi = np.where(past, 0.0, np.where(there | (infinite & (fmt.emax == 1023)), np.inf, hi))
    return lo, hi
