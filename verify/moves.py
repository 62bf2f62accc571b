"""How a search changes a row of finite numbers: functions from the row, and a mate that may lend entries, to a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .formats import Format

__all__ = ["ANY_LENGTH", "MOVES", "Move", "Mover", "telling_row"]

Array = NDArray[np.float64]

_FEW_ULPS = 4
_COARSE = 10  # powers of two below 1
_OCTAVES = 12  # powers of two on either side of 1 where a result or a maximum is put


@dataclass(slots=True)
class Mover:
    """What the moves draw from, and the format and the longest row that they keep to.

    `coarse` is for larger steps; `before` is the row that the one to be changed came from.
    """

    rng: np.random.Generator
    format: Format
    longest: int
    coarse: bool = False
    before: Array | None = None

    def fit(self, x: Array, otherwise: Array) -> Array:
        """x rounded to the format and clipped to its range; an entry that is no number stays as it was."""
        if len(x) == len(otherwise):
            x = np.where(np.isfinite(x), x, otherwise)
        x = np.where(np.isfinite(x), x, 0.0)
        fitted: Array = np.clip(self.format.round(x), -self.format.largest, self.format.largest)
        return fitted

    def some(self, n: int) -> NDArray[np.bool_]:
        """One place, about a third of them, or all."""
        kind = self.rng.integers(4)
        chosen = np.zeros(n, dtype=bool) if kind < 2 else self.rng.random(n) < (1 / 3, 1.0)[kind - 2]
        chosen[self.rng.integers(n)] = True
        return chosen

    def ulps(self, n: int) -> Array:
        """From one to a few ulps, up or down, for each of n places."""
        count = self.rng.integers(1, _FEW_ULPS + 1, n) * self.rng.choice([-1, 1], n)
        return np.asarray(count, dtype=np.float64)

    def share(self) -> float:
        """A number whose size is anything from a last bit to about 1; mostly the latter if coarse."""
        finest = _COARSE if self.coarse and self.rng.integers(4) else self.format.precision
        return float(self.rng.normal() * 2.0 ** -self.rng.integers(0, finest))

    def landmark(self) -> float:
        """Where a maximum or a result may tell something: 0, a power of two and a little more, where its ulp is large
        for its size, of either sign; or anywhere that exp has a result."""
        kind = self.rng.integers(6)
        if kind == 0:
            return 0.0
        if kind == 1:
            return float(self.rng.uniform(self.format.log_smallest, self.format.log_largest))
        size = 2.0 ** float(self.rng.integers(-_OCTAVES, _OCTAVES + 1))
        return float(self.rng.choice([-1.0, 1.0]) * size * (1 + abs(self.share()) / 4))

    def gap(self, top: float) -> float:
        """A distance from the maximum that may tell something: just past a power of two, where it is rounded the most
        for its size; or where something is lost: half an ulp of the maximum, subnormal terms, terms at all."""
        f, kind = self.format, self.rng.integers(6)
        if kind > 2:
            return float(2.0 ** self.rng.integers(-2, f.emax.bit_length()) * (1 + abs(self.share()) / 4))
        ends = (max(np.log(2.0) - np.log(f.ulp(top)), 0.0), -f.emin * np.log(2.0), -f.log_smallest)
        return float(ends[kind] + self.rng.normal() * (0.0, 1.0, 4.0)[self.rng.integers(3)])


def telling_row(m: Mover, n: int) -> Array:
    """A row of n entries with a telling maximum, the others below it by telling gaps, some of them tied.

    A single entry stands for itself against 0 as well: it may be such a gap, of either sign.
    """
    if n == 1 and m.rng.integers(2):
        return m.fit(np.array([m.gap(0.5)]) * m.rng.choice([-1.0, 1.0], 1), np.zeros(1))
    top = m.landmark()
    row = top - np.array([0.0, *(m.gap(top) for _ in range(n - 1))])
    row[m.rng.random(n) < 0.1] = row[m.rng.integers(n)]
    return m.fit(m.rng.permutation(row), row)


def _last_bits(m: Mover, x: Array, mate: Array) -> Array:
    return np.where(m.some(len(x)), x + m.ulps(len(x)) * m.format.ulp(x), x)


def _coordinates(m: Mover, x: Array, mate: Array) -> Array:
    return np.where(m.some(len(x)), x * (1 + m.share()), x)


def _steps(m: Mover, x: Array, mate: Array) -> Array:
    return np.where(m.some(len(x)), x + m.share() * 2.0 ** float(m.rng.integers(0, 7)), x)


def _tie(m: Mover, x: Array, mate: Array) -> Array:
    return np.where(m.some(len(x)), x[m.rng.integers(len(x))], x)


def _onwards(m: Mover, x: Array, mate: Array) -> Array:
    """The step that made the row once more, longer or shorter."""
    if m.before is None or len(m.before) != len(x):
        return _steps(m, x, mate)
    return np.asarray(x + (x - m.before) * 2.0 ** float(m.rng.integers(-2, 4)))


def _scale(m: Mover, x: Array, mate: Array) -> Array:
    return x * (1 + m.share() if m.rng.integers(2) else 2.0 ** float(m.rng.integers(-4, 5)))


def _gaps(m: Mover, x: Array, mate: Array) -> Array:
    """All distances to the maximum by a share, or the maximum alone moved."""
    top = x.max()
    if m.rng.integers(2):
        return np.asarray(top + (x - top) * (1 + m.share()))
    return np.where(x == top, x + m.share() * max(1.0, float(top - x.min())), x)


def _below(m: Mover, x: Array, mate: Array) -> Array:
    """Entries put below the maximum by a telling gap."""
    changed = np.where(m.some(len(x)), x.max() - m.gap(float(x.max())), x)
    changed[x.argmax()] = x.max()
    return changed


def _shift(m: Mover, x: Array, mate: Array) -> Array:
    return np.asarray(x + m.share() * 2.0 ** float(m.rng.integers(0, 11)))


def _land(m: Mover, x: Array, mate: Array) -> Array:
    """Shifted so that the maximum, or the logsumexp, is a landmark."""
    return np.asarray(x - x.max() + (m.landmark() - m.rng.integers(2) * _above(x)))


def _held(m: Mover, x: Array, mate: Array) -> Array:
    """The others moved, and all shifted so that the logsumexp stays."""
    changed = m.fit((_coordinates, _gaps, _below)[m.rng.integers(3)](m, x, mate), x)
    return np.asarray(changed - changed.max() + ((x.max() + _above(x)) - _above(changed)))


def _above(x: Array) -> float:
    """By how much the logsumexp exceeds the maximum."""
    weights = np.exp(x - x.max())
    weights[x.argmax()] = 0.0
    return float(np.log1p(weights.sum()))


def _signs(m: Mover, x: Array, mate: Array) -> Array:
    """Other signs, zeros of either sign, and subnormals."""
    tiny = float(m.rng.integers(1, 9)) * m.format.smallest_subnormal
    new = (-x, 0.0 * x, np.full_like(x, -0.0), np.full_like(x, tiny))[m.rng.integers(4)]
    return np.where(m.some(len(x)), new, x)


def _order(m: Mover, x: Array, mate: Array) -> Array:
    return (m.rng.permutation(x), np.sort(x), np.sort(x)[::-1])[m.rng.integers(3)]


def _cross(m: Mover, x: Array, mate: Array) -> Array:
    """Entries of the mate, as they are or under the same maximum."""
    theirs = np.resize(mate, len(x)) + (0.0, x.max() - mate.max())[m.rng.integers(2)]
    return np.where(m.rng.random(len(x)) < 0.5, theirs, x)


def _drop(m: Mover, x: Array, mate: Array) -> Array:
    kept = ~m.some(len(x))
    return x[kept] if kept.any() else x[:1]


def _double(m: Mover, x: Array, mate: Array) -> Array:
    """An entry once more, or the whole row."""
    if m.rng.integers(2):
        return np.insert(x, m.rng.integers(len(x) + 1), x[m.rng.integers(len(x))])[: max(m.longest, len(x))]
    return np.concatenate([x, x])[: max(m.longest, len(x))]


def _stretch(m: Mover, x: Array, mate: Array) -> Array:
    """Repeated, or cut, to a power of two or its neighbour: where blocks begin and end."""
    length = 2 ** int(m.rng.integers(1, m.longest.bit_length())) + int(m.rng.integers(-1, 2))
    return np.resize(x, min(length, m.longest))


Move = Callable[[Mover, Array, Array], Array]

MOVES: tuple[Move, ...] = (
    _last_bits, _coordinates, _steps, _onwards, _tie, _scale, _gaps, _below, _shift, _land, _held, _signs, _order,
    _cross,
)  # fmt: skip
ANY_LENGTH: tuple[Move, ...] = (*MOVES, _drop, _double, _stretch)
