"""What the result must be: enclosures by two independent referees that have to agree.

Referee 1 reads the stable algorithm with Arb balls. Referee 2 computes with mpmath's low-level functions from the
definition and widens by a named assumption, `MPMATH_ASSUMPTION`. The two enclosures must intersect; a disagreement
stops the run. Precision starts from the format and grows from the input until every result is known to
`RESOLUTION` of an ulp; only inputs whose results the cap cannot settle stay undecided.

Which results are exact is a theorem, not a test. By Lindemann and Weierstrass the exponentials of distinct
rationals are linearly independent over the algebraic numbers, hence log sum e^{x_i} of n >= 2 rationals is
irrational, and a softmax entry is either 1/n, when all x_i are equal, or irrational. So a result that
is not known to be a dyadic number lies strictly inside its enclosure, which settles the binade next to a power of
two, and no result lies on a midpoint between two floating-point numbers except an exact 1/n. The same holds for the
gradients, g_j - [j = t] and g_t times it: if the latter is a rational r, then r S^2, S the sum of the exponentials, is
a sum of some of its products; of the exponents 2 max x and 2 min x one does not occur there unless all x_i are equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from mpmath import libmp
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Algorithm, algorithms_for

from .balls import BallOperations, balls, end_points, working_precision
from .formats import Format

__all__ = [
    "MPMATH_ASSUMPTION",
    "RESOLUTION",
    "RefereeDisagreement",
    "Reference",
    "core_references",
    "limits",
    "reference_algorithm",
]

MPMATH_ASSUMPTION = "mpmath's +, -, /, exp and log at precision p err by at most 2^(1-p) relative"
RESOLUTION = 2.0**-40
PRECISION_CAP = 1 << 14

_COUNTED = 1 << 20  # entries, beyond which equal ones are counted
_GRID = 64  # enclosures are rounded outward to multiples of 2^-64 ulp, or finer where the precision is higher


_OPEN = (0, 0.0, 0.0, float("inf"))


class RefereeDisagreement(ArithmeticError):
    """The two referees' enclosures of one result do not intersect."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Enclosures of exact results y, arrays of one shape, in units of ulp(y) = 2^exponent:

    y / ulp(y) lies within `radius` of whole + fraction, whole an integer, 0 <= fraction <= 1, all exact in
    binary64. The radius is 0 for exact results and infinite for those that the precision cap left open.
    """

    exponent: NDArray[np.int64]
    whole: NDArray[np.float64]
    fraction: NDArray[np.float64]
    radius: NDArray[np.float64]

    @classmethod
    def of(cls, settled: Iterable[tuple[int, float, float, float]]) -> Reference:
        columns = list(zip(*settled, strict=True)) or [(), (), (), ()]
        exponent, whole, fraction, radius = columns
        return cls(
            np.array(exponent, dtype=np.int64), *(np.array(c, dtype=np.float64) for c in (whole, fraction, radius))
        )

    def __getitem__(self, index: NDArray[np.int64]) -> Reference:
        return Reference(self.exponent[index], self.whole[index], self.fraction[index], self.radius[index])


Limits = tuple[Fraction | None, Fraction | None]
_Dyadic = tuple[int, int]  # (m, e) for m * 2^e
_Ball = tuple[_Dyadic, _Dyadic]  # midpoint and radius; a negative radius stands for no information


def core_references(
    row: NDArray[np.float64],
    functions: Iterable[str],
    fmt: Format,
    wanted: NDArray[np.int64] | None = None,
) -> dict[str, Reference]:
    """References of core functions for one row of finite numbers, shape (n,), n >= 1.

    Each reference has shape (1,) for logsumexp, (n,) for softmax and log_softmax; results in other places than those
    `wanted` stay open. Raises RefereeDisagreement.
    """
    asked = None if wanted is None else set(wanted.tolist())
    open_questions = set(functions)
    if open_questions == {"logsumexp"} and len(row) > _COUNTED:
        return {"logsumexp": _counted_reference(row, fmt)}
    answers: dict[str, Reference] = {}
    precision = fmt.precision + 75 + max(0, int(np.frexp(np.abs(row).max())[1])).bit_length() + len(row).bit_length()
    beforehand = {function: limits(row, function) for function in open_questions}
    while open_questions:
        last = precision >= PRECISION_CAP
        second = _mpmath_referee(row, open_questions, precision)
        for function in sorted(open_questions):
            first = _arb_referee(row, function, precision)
            settled = [
                _settle(a, m, known, fmt, last) if asked is None or place in asked else _OPEN
                for place, (a, m, known) in enumerate(zip(first, second[function], beforehand[function], strict=True))
            ]
            answered = [s for s in settled if s is not None]
            if len(answered) == len(settled):
                answers[function] = Reference.of(answered)
                open_questions.discard(function)
        precision *= 2
    return answers


def _counted_reference(row: NDArray[np.float64], fmt: Format) -> Reference:
    """logsumexp of a long row with few distinct entries: each exponential is made once and multiplied by its count."""
    values, counts = np.unique(row, return_counts=True)
    precision = fmt.precision + 75 + max(0, int(np.frexp(np.abs(row).max())[1])).bit_length() + len(row).bit_length()
    known: Limits = (Fraction(float(row.max())), None)
    while True:
        last = precision >= PRECISION_CAP
        with working_precision(precision):
            o, x = BallOperations(), balls(values[np.newaxis, :])
            weights = o.mul(o.exp(o.sub(x, o.max(x))), balls(counts[np.newaxis, :].astype(np.float64)))
            rest = o.sum(o.join(weights[:, :-1], balls(np.array([[counts[-1] - 1.0]]))))
            first = end_points(o.add(o.max(x), o.log1p(rest))[0, 0])
        entries = [libmp.from_float(v) for v in values.tolist()]
        total = libmp.from_int(int(counts[-1]) - 1)
        for entry, count in zip(entries[:-1], counts[:-1].tolist(), strict=True):
            weight = libmp.mpf_exp(libmp.mpf_sub(entry, entries[-1]), precision, "n")
            total = libmp.mpf_add(total, libmp.mpf_mul_int(weight, count, precision, "n"), precision, "n")
        tail = _log1p(total, precision)
        # One rounding more for each term than in `_mpmath_referee`, of which there are as many as distinct entries.
        unit = libmp.from_man_exp(4 * (len(entries) + 4), 1 - precision)
        slack = libmp.mpf_mul(tail, unit)
        second = _ball(libmp.mpf_add(entries[-1], tail, precision, "n"), unit, slack)
        settled = _settle(first, second, known, fmt, last)
        if settled is not None:
            return Reference.of([settled])
        precision *= 2


def reference_algorithm(function: str) -> Algorithm:
    """The stable algorithm of a core function, which the balls evaluate."""
    return algorithms_for(function)[0]  # the strongest rung: no cancellation


def _arb_referee(row: NDArray[np.float64], function: str, precision: int) -> list[_Ball]:
    with working_precision(precision):
        result = reference_algorithm(function).run(BallOperations(), balls(row[np.newaxis, :]))
        return [end_points(ball) for ball in result[0]]


def _mpmath_referee(row: NDArray[np.float64], functions: Iterable[str], precision: int) -> dict[str, list[_Ball]]:
    """With eps = 2^(1-p): each e^{x_i - a} errs by eps, their sum s by (n + 2) eps relative, and log(1 + s) by as much
    again since s / (1 + s) <= log(1 + s); `unit` is twice 2 (n + 3) eps, which also covers the products of errors. A
    share err by 2 (n + 2) + 1 eps at most, its product with another by n + 5 more."""
    entries = [libmp.from_float(v) for v in row.tolist()]
    top = max(range(len(entries)), key=row.tolist().__getitem__)
    gaps = [libmp.mpf_sub(v, entries[top]) for v in entries]
    weights = [libmp.mpf_exp(g, precision, "n") for g in gaps]
    rest = libmp.fzero
    for k, w in enumerate(weights):
        if k != top:
            rest = libmp.mpf_add(rest, w, precision, "n")
    unit = libmp.from_man_exp(4 * (len(entries) + 3), 1 - precision)
    out: dict[str, list[_Ball]] = {}
    if "softmax" in functions:
        whole = libmp.mpf_add(libmp.fone, rest, precision, "n")
        out["softmax"] = [_ball(libmp.mpf_div(w, whole, precision, "n"), unit) for w in weights]
    if labelled := [f for f in functions if FUNCTIONS[f].labelled]:
        whole = libmp.mpf_add(libmp.fone, rest, precision, "n")
        others = libmp.fzero  # all but the label, which comes first
        for w in weights[1:]:
            others = libmp.mpf_add(others, w, precision, "n")
        shares = [libmp.mpf_div(w, whole, precision, "n") for w in (libmp.mpf_neg(others), *weights[1:])]
        label = libmp.mpf_div(weights[0], whole, precision, "n")
        twice = libmp.mpf_shift(unit, 1)
        for function in labelled:
            if function == "softmax_gradient":
                out[function] = [_ball(libmp.mpf_mul(label, v, precision, "n"), twice) for v in shares]
            else:
                out[function] = [_ball(v, unit) for v in shares]
    if "logsumexp" in functions or "log_softmax" in functions:
        tail = _log1p(rest, precision)
        slack = libmp.mpf_mul(tail, unit)
        if "logsumexp" in functions:
            out["logsumexp"] = [_ball(libmp.mpf_add(entries[top], tail, precision, "n"), unit, slack)]
        if "log_softmax" in functions:
            out["log_softmax"] = [_ball(libmp.mpf_sub(g, tail, precision, "n"), unit, slack) for g in gaps]
    return out


def _log1p(s: libmp.MPF, precision: int) -> libmp.MPF:
    magnitude = s[2] + s[3]
    if not s[1] or magnitude < -precision - 2:
        return s  # s - log(1 + s) < s^2 / 2, below eps relative
    return libmp.mpf_log(libmp.mpf_add(libmp.fone, s), precision, "n")


def _ball(value: libmp.MPF, relative: libmp.MPF, absolute: libmp.MPF = libmp.fzero) -> _Ball:
    radius = libmp.mpf_add(libmp.mpf_mul(libmp.mpf_abs(value), relative), absolute, 30, "u")
    sign, man, exp, _ = value
    return ((-int(man) if sign else int(man)), exp), (int(radius[1]), radius[2])


def limits(row: NDArray[np.float64], function: str) -> list[Limits]:
    """What is known of each result beforehand; a limit is reached only by exact results.

    logsumexp >= max; softmax_j <= 1 / k for the k entries that are not less than x_j; log_softmax_j <= x_j - max. With
    the label t first, g_t - 1 lies above -1 and g_t (g_t - 1) is at least -1/4.
    """
    top = Fraction(float(row.max()))
    if function == "logsumexp":
        return [(top, None)]
    if function == "softmax":
        return [(Fraction(0), share) for share in _most(row)]
    if function == "cross_entropy_gradient":
        most = _most(row)
        return [(Fraction(-1), most[0] - 1), *((Fraction(0), share) for share in most[1:])]
    if function == "softmax_gradient":
        most = _most(row)
        return [(Fraction(-1, 4), Fraction(0)), *((Fraction(0), most[0] * share) for share in most[1:])]
    return [(None, Fraction(v) - top) for v in row.tolist()]


def _most(row: NDArray[np.float64]) -> list[Fraction]:
    not_less = len(row) - np.searchsorted(np.sort(row), row, side="left")
    return [Fraction(1, int(k)) for k in not_less]


def _on_grid(value: _Dyadic, grid: int) -> tuple[int, int]:
    """Floor and ceiling of m * 2^e in units of 2^grid."""
    man, shift = value[0], value[1] - grid
    if shift >= 0 or man == 0:
        return (man << shift if man else 0,) * 2
    if -shift > man.bit_length() + 1:
        return (-1, 0) if man < 0 else (0, 1)
    return man >> -shift, -(-man >> -shift)


def _in_units(value: Fraction, grid: int) -> tuple[int, int]:
    """Floor and ceiling of a number in units of 2^grid, by integers: fractions took a third of a reference's time."""
    numerator, denominator = value.numerator << max(-grid, 0), value.denominator << max(grid, 0)
    return numerator // denominator, -(-numerator // denominator)


def _interval(ball: _Ball, grid: int) -> tuple[int, int]:
    radius = _on_grid(ball[1], grid)[1]
    lo, hi = _on_grid(ball[0], grid)
    return lo - radius, hi + radius


def _settle(
    first: _Ball, second: _Ball, known: Limits, fmt: Format, last: bool
) -> tuple[int, float, float, float] | None:
    """The referees' common answer as an entry of `Reference`; None if more precision is needed."""
    model = fmt.model()
    (man, exp), radius = first
    exponent = model.ulp_exponent(abs(man).bit_length() - 1 + exp if man else fmt.emin)
    unsettled = (int(exponent), 0.0, 0.0, float("inf")) if last else None
    for ball in (first, second):
        if ball[1][0] < 0 or (ball[1][0] and ball[1][0].bit_length() + ball[1][1] > exponent):
            return unsettled
    grid = int(exponent) - _GRID
    if radius[0]:
        grid = max(min(grid, radius[1]), grid - 2 * PRECISION_CAP)
    lo, hi = _interval(first, grid)
    other = _interval(second, grid)
    if max(lo, other[0]) > min(hi, other[1]):
        raise RefereeDisagreement(
            f"Arb says [{lo}, {hi}] * 2^{grid} and mpmath says [{other[0]}, {other[1]}] * 2^{grid}"
        )
    if known[0] is not None:
        lo = max(lo, _in_units(known[0], grid)[0])
    if known[1] is not None:
        hi = min(hi, _in_units(known[1], grid)[1])
    binade = _binade(lo, hi, grid, fmt)
    if binade is None:
        return unsettled
    bits = int(model.ulp_exponent(binade)) - grid
    middle, spread = (lo + hi) >> 1, hi - lo
    whole, remainder = middle >> bits, middle & ((1 << bits) - 1)
    fraction = remainder / (1 << bits)
    numerator, denominator = fraction.as_integer_ratio()
    exact = spread == 0 and numerator << bits == remainder * denominator
    error = 0.0 if exact else (spread + 1) / (1 << bits) + 2.0**-52
    return (grid + bits, float(whole), fraction, error) if error <= RESOLUTION or last else None


def _binade(lo: int, hi: int, grid: int, fmt: Format) -> int | None:
    """The binade that holds every number strictly between lo and hi (or lo itself if lo = hi), at least emin."""
    if lo < 0 < hi:
        sizes = [max(-lo, hi)]
    else:
        near, far = sorted((abs(lo), abs(hi)))
        sizes = [near] if near == far else [near, far - 1]
    found = {max(size.bit_length() - 1 + grid, fmt.emin) if size else fmt.emin for size in sizes}
    if lo < 0 < hi and found != {fmt.emin}:
        return None
    return found.pop() if len(found) == 1 else None
