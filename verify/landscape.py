"""Where errors lie: results by the size of their error, rows by their gap and their length.

The gap of a row is the distance from its largest entry to the next. Bins are named by their upper ends, which are
floats: sizes in steps of a quarter of a binade, gaps and lengths in binades. What is smaller than the first bin counts
in it, what is larger than all others in a last one without an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .decision import Outcome

__all__ = ["Cell", "Landscape", "Rows", "gap_end", "length_end", "size_end"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_SIZES = (-32, 220)  # 2^-10 ulp to 2^53 ulp, four to a binade
_GAPS = (-8, 11)  # 2^-8 to 2^10
_LENGTHS = (0, 20)  # 1 to 2^19
_ROW = _LENGTHS[1] + 1


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a list of cases: gap and length of each, (rows,), and the number of their cell."""

    gap: Array
    length: Codes
    cell: Codes

    @classmethod
    def of(cls, rows: Sequence[Array]) -> Rows:
        """Raises ValueError for a row without entries."""
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.array([_gap(row) for row in rows])
        length = np.array([len(row) for row in rows], dtype=np.int64)
        _, to_next = np.frexp(np.maximum(length - 1, 0).astype(np.float64))
        short = np.clip(np.where(length == 1, 0, to_next), *_LENGTHS)
        return cls(gap, length, (_binade(gap, *_GAPS) - _GAPS[0]) * _ROW + short.astype(np.int64))


def _gap(row: Array) -> float:
    if len(row) < 2:
        return 0.0
    second, first = np.partition(row, len(row) - 2)[-2:]
    return float(first - second) if first > second else 0.0


def _binade(values: Array, least: int, most: int) -> Codes:
    """k where 2^(k - 1) < value <= 2^k, kept within least..most."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(values), values, 1.0))
    code = np.where(values > 0, exponent - (mantissa == 0.5), least)
    return np.asarray(np.clip(np.where(np.isfinite(values), code, most), least, most), dtype=np.int64)


def _sizes(errors: Array) -> Codes:
    """4 e + 8 f, rounded up, for an error f 2^e with 1/2 <= f < 1."""
    least, most = _SIZES
    mantissa, exponent = np.frexp(np.where(np.isfinite(errors), errors, 1.0))
    code = np.where(errors > 0, 4 * exponent.astype(np.int64) + np.ceil(8 * mantissa).astype(np.int64), least)
    return np.asarray(np.clip(np.where(np.isfinite(errors), code, most + 1), least, most + 1), dtype=np.int64)


def size_end(code: int) -> float:
    """The upper end of a bin of sizes, in ulps."""
    return float("inf") if code > _SIZES[1] else float(np.ldexp((code - 4) % 4 + 4, (code - 4) // 4 - 3))


def gap_end(code: int) -> float:
    """The upper end of a bin of gaps."""
    return float("inf") if code == _GAPS[1] else 2.0**code


def length_end(code: int) -> int | None:
    """The longest length of a bin; None for the bin without an end."""
    return None if code == _LENGTHS[1] else 2**code


@dataclass(slots=True)
class Cell:
    """The rows of one gap bin and one length bin: counts by outcome, and the largest error / allowed with its row."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    closest: tuple[float, float, int] | None = None  # error / allowed, gap, length

    def add(self, other: Cell) -> None:
        self.counts += other.counts
        if other.closest is not None and (self.closest is None or other.closest[0] > self.closest[0]):
            self.closest = other.closest


@dataclass(slots=True)
class Landscape:
    """Counts of results by the size of their error, and the cells of rows; landscapes add."""

    sizes: Counter[int] = field(default_factory=Counter)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)

    @classmethod
    def of(
        cls, rows: Rows, row: Codes, outcome: NDArray[np.int8], judged: NDArray[np.bool_], error: Array, ratio: Array
    ) -> Landscape:
        """From results (places,): the row of each (ascending), its outcome, whether it was `judged` against a bound.

        `error` is in ulps, rounded up; `ratio` is error / allowed, rounded up. Results that were not judged count by
        their outcome only.
        """
        made = cls()
        if not len(row):
            return made
        made.sizes.update(_counted(_sizes(error[judged])))
        present, starts = np.unique(row, return_index=True)
        cell, worst = rows.cell[present], np.maximum.reduceat(outcome, starts).astype(np.int64)
        for code, count in _counted(cell * len(Outcome) + worst).items():
            number, value = divmod(code, len(Outcome))
            made.cells.setdefault(_bins(number), Cell()).counts[Outcome(value)] += count
        closest = np.maximum.reduceat(np.where(judged, ratio, -1.0), starts)
        order = np.argsort(-closest, kind="stable")
        for number, at in zip(*(a.tolist() for a in np.unique(cell[order], return_index=True)), strict=True):
            place = order[at]
            if closest[place] >= 0:
                there = present[place]
                found = float(closest[place]), float(rows.gap[there]), int(rows.length[there])
                made.cells[_bins(number)].closest = found
        return made

    def add(self, other: Landscape) -> None:
        self.sizes += other.sizes
        for key, cell in other.cells.items():
            self.cells.setdefault(key, Cell()).add(cell)


def _counted(codes: Codes) -> dict[int, int]:
    return dict(zip(*(a.tolist() for a in np.unique(codes, return_counts=True)), strict=True))


def _bins(cell: int) -> tuple[int, int]:
    gap, length = divmod(cell, _ROW)
    return gap + _GAPS[0], length
