"""A case is what a kernel is given in one call; an adversary is a named family of them with a fault in mind."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS

from .formats import Format

__all__ = ["LAYOUTS", "MEMORY_LAYOUTS", "Adversary", "Case", "Draw", "labels_of", "lay_out"]

MEMORY_LAYOUTS = ("C", "F", "reversed", "strided", "broadcast")
LAYOUTS = (*MEMORY_LAYOUTS, "axis-0")
_LONGEST_ROW = 32  # of functions that stand for a row at each place


@dataclass(frozen=True, slots=True)
class Case:
    """Entry number `index` of a family: the values (rows, n), in memory as `layout` says.

    In the layout "axis-0" a kernel with an axis gets the transpose, contiguous, and reduces its first axis.
    """

    family: str
    index: int
    x: NDArray[Any]
    layout: str = "C"

    @property
    def name(self) -> str:
        return f"{self.family}#{self.index}"


@dataclass(frozen=True, slots=True)
class Draw:
    """What a family draws from: its own random stream, the format, and the shape that the function can take."""

    rng: np.random.Generator
    format: Format
    index: int
    function: str

    def n(self, *choices: int) -> int:
        """A vector length among the choices, in turn; 2 for a function of a pair."""
        entry = FUNCTIONS[self.function].entry
        if entry == "pair":
            return 2
        chosen = choices[self.index % len(choices)]
        return min(chosen, _LONGEST_ROW) if entry in ("element", "prefixes") else chosen

    def rows(self, *choices: int) -> int:
        """A number of rows among the choices, changing slower than the lengths."""
        return choices[self.index // 3 % len(choices)]

    def step(self, x: Any, ulps: Any) -> NDArray[np.float64]:
        """x moved by a number of the format's ulps, rounded to the format."""
        rounded = self.format.round(x)
        return self.format.round(rounded + np.asarray(ulps, dtype=np.float64) * self.format.ulp(rounded))

    def spread(self, lo: float, hi: float, size: tuple[int, ...]) -> NDArray[np.float64]:
        """Numbers that cover [lo, hi] evenly, over the cases of the family and within each (golden ratio)."""
        count = int(np.prod(size))
        phase = (np.arange(count) + self.index * count) * 0.6180339887498949 + self.rng.random()
        return np.asarray((lo + (hi - lo) * (phase % 1.0)).reshape(size))

    def place(self, x: NDArray[np.float64], first: Any) -> NDArray[np.float64]:
        """`first` put before the entries of each row of x, then each row shuffled."""
        head = np.broadcast_to(np.asarray(first, dtype=np.float64).reshape(-1, 1), (x.shape[0], 1))
        return np.asarray(self.rng.permuted(np.concatenate([head, x], axis=1), axis=1))


@dataclass(frozen=True, slots=True)
class Adversary:
    """A family: `make(draw)` returns the values (rows, n), or (values, layout); `hunts` names the fault it is after.

    Float values are rounded to the format and kept finite unless they are infinite already; other types stay as
    they are.
    """

    name: str
    hunts: str
    make: Callable[[Draw], Any]

    def case(self, index: int, function: str, fmt: Format, seed: int) -> Case:
        """Case number `index`: the same for the same arguments, whatever else is generated.

        Raises ValueError if the family does not make an array of shape (rows, n).
        """
        stream = np.random.SeedSequence([seed, zlib.crc32(self.name.encode()), index])
        draw = Draw(np.random.Generator(np.random.PCG64(stream)), fmt, index, function)
        made = self.make(draw)
        x, layout = made if isinstance(made, tuple) else (made, "C")
        x = np.asarray(x)
        if x.ndim != 2 or layout not in LAYOUTS:
            raise ValueError(f"family {self.name}: an array (rows, n) and a layout of {LAYOUTS} are required, "
                             f"got shape {x.shape} and {layout!r}")  # fmt: skip
        if x.dtype.kind == "f":
            x = self._fitted(x.astype(np.float64), draw)
        if layout == "broadcast":
            x = np.broadcast_to(x[:1], x.shape)
        return Case(self.name, index, np.ascontiguousarray(x), layout)

    def _fitted(self, x: NDArray[np.float64], draw: Draw) -> NDArray[Any]:
        fmt = draw.format
        if FUNCTIONS[draw.function].entry == "element":
            x = x * np.where(draw.rng.random(x.shape) < 0.5, -1.0, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = np.where(np.isinf(x), x, np.clip(fmt.round(x), -fmt.largest, fmt.largest))
        return rounded.astype(fmt.dtype or np.float64)


def labels_of(x: NDArray[Any]) -> NDArray[np.int64]:
    """A label for each row of x, (rows, n): in row r the place of its r-th largest finite entry, or 0 if it has none.

    They begin again at the largest, and ties come in order.
    """
    values = x.astype(np.float64)
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), axis=-1, kind="stable")
    finite = np.maximum(np.isfinite(values).sum(axis=-1), 1)
    rows = np.arange(len(x))
    return np.asarray(order[rows, rows % finite], dtype=np.int64)


def lay_out(case: Case) -> NDArray[Any]:
    """A fresh array with the case's values in the case's memory layout."""
    x = case.x
    if case.layout in ("F", "axis-0"):
        return np.array(x, order="F")
    if case.layout == "reversed":
        return x[:, ::-1].copy()[:, ::-1]
    if case.layout == "strided":
        return np.repeat(x, 2, axis=1)[:, ::2]
    if case.layout == "broadcast":
        return np.broadcast_to(x[:1].copy(), x.shape)
    return x.copy()
