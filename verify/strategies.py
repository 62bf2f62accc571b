"""Hypothesis strategies for inputs of kernels: rows and batches that shrink to cases that people can read.

    from hypothesis import given
    from shiftproof.verify.strategies import vectors

    @given(vectors("binary32"))
    def test_my_kernel(x): ...

Rows are built from integers, eighths and counts of ulps, so that they shrink to few and short numbers. Rows of an
adversary family come from a random stream; they shrink to smaller indices and to fewer of their entries. One row of
`vectors` in five has at most three decimal digits, so that whatever is found shrinks to such a row if that fails too.
Needs the extra `hypothesis`; nothing else here imports it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, TypeVar

import numpy as np
from hypothesis import assume, note
from hypothesis import strategies as st
from numpy.typing import NDArray

from .adversaries import ADVERSARIES
from .cases import MEMORY_LAYOUTS, Adversary, Case, lay_out
from .formats import Format, format_named

__all__ = ["FAMILIES", "batches", "elements", "gaps", "near_cancellation", "near_ties", "specials", "ties", "vectors"]

T = TypeVar("T")
Row = NDArray[Any]
_SPECIALS = (-np.inf, np.inf, np.nan)
_WIDTHS: dict[str, Literal[16, 32, 64]] = {"binary64": 64, "binary32": 32, "binary16": 16, "bfloat16": 32}
_MOST = 8  # entries of a row, unless the caller says otherwise
_INDICES = 60  # cases of an adversary family


def elements(format: str = "binary64", special: bool = False) -> st.SearchStrategy[float]:
    """Finite numbers of the format as Python floats, with `special` infinities and NaN too; they shrink to 0.

    For `elements=` of hypothesis.extra.numpy.arrays and of an array API's xps.arrays: integers, eighths, numbers a few
    ulps from them, subnormals, -0.0, the thresholds of exp, and any number at all. Raises ValueError for an unknown
    format.
    """
    fmt = format_named(format)
    edges = (fmt.log_largest, fmt.log_smallest, fmt.emin * math.log(2.0), fmt.smallest_normal, fmt.largest)
    values = _made(
        lambda a: float(_fitted(fmt, a)),
        st.one_of(
            _simple(),
            st.builds(lambda a, ulps: _step(fmt, a, ulps), _simple() | st.sampled_from(edges), st.integers(-3, 3)),
            st.integers(-9, 9).map(lambda units: units * fmt.smallest_subnormal),
            st.sampled_from((0.0, -0.0)),
            st.floats(allow_nan=False, allow_infinity=False, width=_WIDTHS[fmt.name]),
        ),
    )
    return values | st.sampled_from(_SPECIALS) if special else values


def gaps(format: str = "binary64", min_size: int = 2, max_size: int = _MOST) -> st.SearchStrategy[Row]:
    """Rows (n,) with one largest entry, the others below it by gaps from 1/8 to past the underflow of exp.

    min_size <= n <= max_size. Raises ValueError for an unknown format or sizes that are not 2 <= min_size <= max_size.
    """
    fmt = _asked(format, min_size, max_size, 2)
    below = st.lists(_gap(fmt), min_size=min_size - 1, max_size=max_size - 1)
    return _made(lambda gap, top, at: _under(fmt, top, gap, at), below, _simple(), _places(max_size, 1))


def ties(format: str = "binary64", min_size: int = 2, max_size: int = _MOST) -> st.SearchStrategy[Row]:
    """Rows (n,) whose largest entry is there at least twice; sizes and errors as in `gaps`."""
    fmt = _asked(format, min_size, max_size, 2)
    below = st.lists(st.just(0.0) | _gap(fmt), min_size=min_size - 2, max_size=max_size - 2)
    return _made(lambda gap, top, at: _under(fmt, top, gap, at), below, _simple(), _places(max_size, 2))


def near_ties(format: str = "binary64", min_size: int = 2, max_size: int = _MOST) -> st.SearchStrategy[Row]:
    """Rows (n,) of entries at most 9 ulps below the largest, at least one of them below; sizes and errors as in `gaps`.

    Where the largest entry is 0 the ulps are subnormals.
    """
    fmt = _asked(format, min_size, max_size, 2)

    def row(top: float, least: int, ulps: list[int], places: list[int]) -> Row:
        return _fitted(fmt, _step(fmt, top, -np.asarray(_inserted([least, *ulps], 0, places[:1]))))

    more = st.lists(st.integers(0, 9), min_size=min_size - 2, max_size=max_size - 2)
    return _made(row, _simple(), st.integers(1, 9), more, _places(max_size, 1))


def near_cancellation(format: str = "binary64", min_size: int = 2, max_size: int = _MOST) -> st.SearchStrategy[Row]:
    """Rows (n,) whose logsumexp is near 0: logarithms of fractions that sum to 1, moved by at most 3 ulps each.

    The fractions are k / K for small integers k, the first of them multiplied by a power of two, so that the others can
    be as small as the format's smallest normal number; sizes and errors as in `gaps`.
    """
    fmt = _asked(format, min_size, max_size, 2)

    def row(parts: list[tuple[int, int]], power: int, at: list[int]) -> Row:
        weights = [parts[0][0] << power, *(k for k, _ in parts[1:])]
        logs = [_log(Fraction(k, sum(weights))) for k in weights]
        moved = _step(fmt, logs, [ulps for _, ulps in parts])
        return _fitted(fmt, np.roll(moved, min(at[0], len(parts) - 1)))

    parts = st.lists(st.tuples(st.integers(1, 9), st.integers(-3, 3)), min_size=min_size, max_size=max_size)
    return _made(row, parts, st.just(0) | st.integers(0, -fmt.emin), _places(max_size, 1))


def specials(format: str = "binary64", min_size: int = 1, max_size: int = _MOST) -> st.SearchStrategy[Row]:
    """Rows (n,) with at least one -inf, +inf or NaN, in any place; as in `gaps`, but from 1 entry on."""
    fmt = _asked(format, min_size, max_size, 1)
    value = st.sampled_from(_SPECIALS)
    others = st.lists(_simple() | value, min_size=min_size - 1, max_size=max_size - 1)
    return _made(lambda a, x, at: _fitted(fmt, _inserted(x, a, at)), value, others, _places(max_size, 1))


def _any_entries(format: str, min_size: int, max_size: int) -> st.SearchStrategy[Row]:
    fmt = _asked(format, min_size, max_size, 1)
    return _made(lambda x: _fitted(fmt, x), st.lists(elements(format), min_size=min_size, max_size=max_size))


_STRUCTURED: dict[str, tuple[int, Callable[[str, int, int], st.SearchStrategy[Row]]]] = {
    "entries": (1, _any_entries),
    "gaps": (2, gaps),
    "ties": (2, ties),
    "near-ties": (2, near_ties),
    "near-cancellation": (2, near_cancellation),
    "specials": (1, specials),
}
FAMILIES = (*_STRUCTURED, *(name for name in ADVERSARIES if name not in _STRUCTURED))


def vectors(
    format: str = "binary64",
    families: Iterable[str | Adversary] | None = None,
    min_size: int = 1,
    max_size: int = _MOST,
) -> st.SearchStrategy[Row]:
    """Rows (n,), min_size <= n <= max_size, of the format's dtype (float64 for bfloat16), from any of the families.

    A family is a name in `FAMILIES` or an `Adversary`; without a choice all that have rows of at most max_size entries
    are used, `specials` included. Names that a strategy here and an adversary share mean both. Of a row of an
    adversary all entries or some are taken, in order; it is repeated where it is shorter than min_size. Raises
    ValueError for an unknown format or family, for no family, and for sizes that a chosen family cannot have.
    """
    fmt = _asked(format, min_size, max_size, 1)
    if isinstance(families, str):
        raise ValueError(f"a list of families is required, got {families!r}")
    if families is None:
        families = [f for f in FAMILIES if _STRUCTURED.get(f, (1,))[0] <= max_size]
    chosen = list(families)
    for family in chosen:
        if not isinstance(family, Adversary) and family not in FAMILIES:
            raise ValueError(f"unknown family {family!r}: one of {', '.join(FAMILIES)} is required")
    made = [_STRUCTURED[f] for f in chosen if isinstance(f, str) and f in _STRUCTURED]
    found = [ADVERSARIES.get(f) if isinstance(f, str) else f for f in chosen]
    strategies = [make(format, max(least, min_size), max_size) for least, make in made]
    if adversaries := [family for family in found if family]:
        strategies.append(st.composite(_part_of_a_case)(adversaries, fmt, min_size, max_size))
    if not strategies:
        raise ValueError("at least one family is required")
    return _made(lambda digits, row: _shortened(fmt, row, digits), st.integers(1, 15), st.one_of(strategies))


def batches(
    vectors: st.SearchStrategy[Row] | Callable[..., st.SearchStrategy[Row]] = vectors,
    layouts: Sequence[str] = MEMORY_LAYOUTS,
    format: str = "binary64",
    min_rows: int = 1,
    max_rows: int = 4,
) -> st.SearchStrategy[NDArray[Any]]:
    """Arrays (rows, n), min_rows <= rows <= max_rows, in one of the memory layouts, which a failing test notes.

    `vectors` is a strategy for rows, or a function of format, min_size and max_size that returns one, such as `ties`:
    it is asked for rows of one length. Of a strategy with rows of several lengths, those of another length than the
    first are left out; `format` is not used then. In the layout "broadcast" all rows are the first. Raises ValueError
    for an unknown format or layout, no layout, or numbers of rows that are not 1 <= min_rows <= max_rows.
    """
    fmt = format_named(format)
    _sized("rows", min_rows, max_rows, 1)
    unknown = [layout for layout in layouts if layout not in MEMORY_LAYOUTS]
    if isinstance(layouts, str) or unknown or not layouts:
        raise ValueError(f"layouts among {', '.join(MEMORY_LAYOUTS)} are required, got {layouts!r}")
    lengths = range(2, _MOST + 1)
    made = [vectors(format=fmt.name, min_size=n, max_size=n) for n in lengths] if callable(vectors) else [vectors]
    return st.composite(_batch)(made, tuple(layouts), min_rows, max_rows)


def _batch(
    draw: st.DrawFn, sources: list[st.SearchStrategy[Row]], layouts: tuple[str, ...], least: int, most: int
) -> NDArray[Any]:
    source = sources[draw(st.integers(0, len(sources) - 1))]
    drawn = draw(st.lists(source, min_size=least, max_size=most))
    rows = [row for row in drawn if len(row) == len(drawn[0])]
    assume(len(rows) >= least)
    layout = draw(st.sampled_from(layouts))
    x = np.stack([rows[0]] * len(rows) if layout == "broadcast" else rows)
    if layout != "C":
        note(f"memory layout: {layout}")
    return lay_out(Case("batch", 0, x, layout))


def _part_of_a_case(draw: st.DrawFn, families: list[Adversary], fmt: Format, least: int, most: int) -> Row:
    """Entries of a row of a case, in order: all if they are not too many, or some."""
    x = draw(st.sampled_from(families)).case(draw(st.integers(0, _INDICES - 1)), "logsumexp", fmt, 0).x
    row = x[draw(st.integers(0, len(x) - 1))].astype(np.float64)
    row = np.resize(row, max(len(row), least))
    left = list(range(len(row)))
    kept = [left.pop(draw(st.integers(0, len(left) - 1))) for _ in range(min(draw(st.integers(least, most)), len(row)))]
    return _fitted(fmt, row[sorted(kept)])


def _shortened(fmt: Format, row: Row, digits: int) -> Row:
    """The row with one to three decimal digits, or as it is for more."""
    if digits > 3:
        return row
    short = [float(f"{a:.{digits - 1}e}") for a in row]
    return _fitted(fmt, np.where(np.isinf(row), row, np.clip(short, -fmt.largest, fmt.largest)))


def _made(make: Callable[..., T], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """As st.builds, but a failing test prints what was made, and not the call that made it."""

    def drawn(draw: st.DrawFn) -> T:
        return make(*(draw(part) for part in parts))

    return st.composite(drawn)()


def _sized(what: str, least: int, most: int, lowest: int) -> None:
    if not (isinstance(least, int) and isinstance(most, int) and lowest <= least <= most):
        raise ValueError(f"{lowest} <= min_{what} <= max_{what} is required, got {least!r} and {most!r}")


def _asked(format: str, min_size: int, max_size: int, lowest: int) -> Format:
    _sized("size", min_size, max_size, lowest)
    return format_named(format)


def _simple() -> st.SearchStrategy[float]:
    """Integers and eighths; small ones first."""
    return st.one_of(
        st.integers(-9, 9).map(float), st.integers(-99, 99).map(lambda k: k / 8), st.integers(-999, 999).map(float)
    )


def _gap(fmt: Format) -> st.SearchStrategy[float]:
    """What an entry can be below the largest: eighths, or the last place up to there where terms are lost, to the ulp.

    A place is never larger than the integer that chose it, so that a fault found there shrinks to an integer.
    """
    reach = math.ceil(max(48.0, -1.1 * fmt.log_smallest))
    lost = tuple(-k * math.log(2.0) for k in (-fmt.precision, fmt.emin, fmt.emin - fmt.precision))

    def gap(to_the_ulp: bool, ulps: int, eighths: int, whole: int) -> float:
        places = [place for place in lost if place <= whole and to_the_ulp]
        return float(_step(fmt, places[-1], ulps)) if places else whole + eighths / 8

    return st.builds(gap, st.booleans(), st.integers(-3, 3), st.integers(-7, 7), st.integers(1, reach))


def _places(max_size: int, count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, max_size - 1), min_size=count, max_size=count)


def _inserted(x: list[Any], value: Any, places: list[int]) -> list[Any]:
    """x with the value put at each of the places in turn, at the end if the place is beyond it."""
    out = list(x)
    for place in places:
        out.insert(place, value)
    return out


def _under(fmt: Format, top: float, gap: list[float], places: list[int]) -> Row:
    """`top` at the places, and top - gap for each gap elsewhere, an ulp below at least if the gap is not 0."""
    below = np.asarray(_inserted(gap, 0.0, places))
    return _fitted(fmt, np.minimum(fmt.round(top) - below, _step(fmt, top, -(below > 0).astype(int))))


def _step(fmt: Format, x: Any, ulps: Any) -> NDArray[np.float64]:
    """x moved by a number of the format's ulps, as binary64, within the format's range; not rounded to the format."""
    rounded = fmt.round(x)
    with np.errstate(over="ignore"):
        return np.clip(rounded + np.asarray(ulps) * fmt.ulp(rounded), -fmt.largest, fmt.largest)


def _fitted(fmt: Format, x: Any) -> Row:
    """x rounded to the format, finite where x is, in the format's dtype."""
    x = np.asarray(x, dtype=np.float64)
    rounded = np.where(np.isfinite(x), np.clip(fmt.round(x), -fmt.largest, fmt.largest), x)
    return rounded.astype(fmt.dtype or np.float64)


def _log(p: Fraction) -> float:
    """log p for 0 < p <= 1, to within a few ulps on either side of 1/2."""
    return math.log1p(-float(1 - p)) if 2 * p > 1 else math.log(p.numerator) - math.log(p.denominator)
