"""`assess`: somebody's results for arrays of inputs, judged result by result, in arrays.

Rows that the fast reading (`certified`) decides cost about as much as the kernel took. The others go to the two
referees, and so does a random sample of the decided ones: a disagreement stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, READINGS, Libm

from .asserting import inputs_of, labels_for, results_of
from .decision import Outcome
from .fast.certified import BLOCK, CORES, NARROW, judged_rows, plain_rows, readable
from .fast.doubled import CHUNK, Buffers
from .formats import Format
from .memory import keep_freed_memory
from .profiles import PROFILES
from .references import RefereeDisagreement
from .standards import Expectation, standards_for

__all__ = ["Assessment", "Example", "assess"]

Array = NDArray[np.float64]

_AT_ONCE = 256  # rows that the referees are asked about together
_ONE_IN = 20_000  # rows of those decided, of which one is judged again
_WORTH_COMPILING = 1 << 17  # entries, from which the seconds that Numba takes to start are well spent
_AT_LEAST = 64  # entries to be judged again in every run, in the mean where rows are longer
_LONGEST_AGAIN = 1 << 16  # entries that are judged again at once

_WITHIN, _UNDECIDED = np.int8(Outcome.WITHIN.value), np.int8(Outcome.UNDECIDED.value)


@dataclass(frozen=True, slots=True)
class Example:
    """One input (hex) and one of its results: got, error in ulps (lo, hi), what is allowed, the outcome's name."""

    x: tuple[str, ...]
    place: int
    got: str
    error_ulp: tuple[float, float]
    allowed_ulp: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was decided about each result; arrays shaped like the results.

    `error_ulp_lo`, `error_ulp_hi` enclose |got - exact| in ulps of the exact result, NaN where a special value is owed;
    `allowed_ulp` is what the standard allows, rounded down, NaN where it allows nothing in particular (special values,
    rows outside of its hypotheses). `outcome` has the values of `Outcome`. `escalated` counts results that the two
    referees had to decide, `rejudged` results that were decided twice, with the same outcome. `bounds` says how the
    bounds of algorithms were read, `libm` what they assume.
    """

    function: str
    format: str
    standard: str
    bounds: str
    libm: Libm
    error_ulp_lo: Array
    error_ulp_hi: Array
    allowed_ulp: Array
    outcome: NDArray[np.int8]
    escalated: int
    rejudged: int

    @property
    def counts(self) -> dict[Outcome, int]:
        found = np.bincount(self.outcome.reshape(-1), minlength=len(Outcome))
        return {outcome: int(found[outcome.value]) for outcome in Outcome}

    @property
    def worst(self) -> Outcome:
        """The worst outcome; OUT_OF_SCOPE counts only if nothing was judged."""
        counts = self.counts
        for outcome in (Outcome.FAULT, Outcome.EXCEEDS, Outcome.UNDECIDED, Outcome.WITHIN):
            if counts[outcome]:
                return outcome
        return Outcome.OUT_OF_SCOPE

    @property
    def ratio(self) -> Array:
        """error / allowed of each result, from above; -1 where nothing in particular is allowed."""
        with np.errstate(all="ignore"):
            ratio = np.where(self.error_ulp_hi == 0, 0.0, self.error_ulp_hi / self.allowed_ulp)
        return np.where(np.isnan(self.allowed_ulp), -1.0, ratio)

    def example(self, x: Any, got: Any, place: int) -> Example:
        """What was found about one result of the arrays that were judged: `place` counts through all of them."""
        inputs, results = np.asarray(x), np.asarray(got).reshape(-1)
        rows = inputs.reshape(-1, 1 if FUNCTIONS[self.function].entry == "element" else inputs.shape[-1])
        row, column = divmod(place, self.outcome.size // len(rows))
        lo, hi, allowed = (a.reshape(-1) for a in (self.error_ulp_lo, self.error_ulp_hi, self.allowed_ulp))
        return Example(
            tuple(float(v).hex() for v in rows[row]),
            column,
            float(results[place]).hex(),
            (float(lo[place]), float(hi[place])),
            float(allowed[place]),
            Outcome(int(self.outcome.reshape(-1)[place])).name,
        )

    @property
    def closest_place(self) -> tuple[int, ...] | None:
        """The index, in the arrays here, of what `closest` is about."""
        size = np.where(self.outcome == Outcome.FAULT.value, np.inf, self.ratio)
        place = int(size.argmax())
        return tuple(map(int, np.unravel_index(place, size.shape))) if size.flat[place] >= 0 else None

    def closest(self, x: Any, got: Any) -> Example | None:
        """A result that is a fault, or else that with the largest error / allowed; None if nothing was judged."""
        index = self.closest_place
        return None if index is None else self.example(x, got, int(np.ravel_multi_index(index, self.outcome.shape)))


def assess(
    x: Any,
    got: Any,
    *,
    function: str,
    standard: str,
    format: str | None = None,
    profile: str = "strict",
    libm: Libm | None = None,
    labels: Any = None,
    bounds: str | None = None,
    seed: int = 0,
    rejudge: float = 0.0,
    compiled: bool | None = None,
) -> Assessment:
    """Judge somebody's results `got` for the inputs `x` against a standard, result by result.

    x has shape (n,) or (rows, n); for logaddexp n = 2, for a function of one number any shape of that kind. `labels`,
    one place for each row, are required for a function of a label. got has the function's shape for x: (rows,) or
    (rows, n), without rows if x has none. The format is that of x's type unless it is given; x and got must be numbers
    of it. `bounds` says how bounds of algorithms are read: in closed form, which is fast and what Coq proves, unless
    "per-input" is asked for or the function is a gradient that has no closed forms. `seed` chooses the sample of the
    decided rows that the referees judge again: one in 20,000, or the share `rejudge` if that is more. `compiled` says
    whether Numba makes the sums (extra `fast`; errors are the same to the last bit): by default if it is installed and
    there is enough to judge. Memory does not grow with the rows beyond that of the arrays. Raises ValueError for other
    shapes, types and names, RefereeDisagreement if two enclosures of one result do not meet.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    if standard not in standards_for(function):
        known = ", ".join(standards_for(function))
        raise ValueError(f"{function} has no standard {standard!r}: one of {known} is required")
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: one of {', '.join(PROFILES)} is required")
    if not 0 <= rejudge <= 1:
        raise ValueError(f"the share of rows to be judged again must be between 0 and 1, got {rejudge}")
    reading = bounds or READINGS[0 if FUNCTIONS[function].labelled else 1]
    if reading not in READINGS:
        raise ValueError(f"bounds are read {' or '.join(READINGS)}, got {bounds!r}")
    if reading != READINGS[0] and FUNCTIONS[function].labelled:
        raise ValueError(f"{function} has no closed forms: its bounds are read {READINGS[0]}")
    inputs, fmt = inputs_of(x, format)
    single = np.ndim(x) == 1
    results = results_of(got, function, single, inputs, fmt)
    installed = find_spec("numba") is not None
    if compiled and not installed:
        raise ValueError("compiled sums need Numba, which is not installed: pip install 'shiftproof[fast]'")
    judge = _Judge(
        function, standard, fmt, libm or Libm(), profile, reading, labels_for(labels, function, inputs), seed
    )
    judge.share = max(rejudge, 1 / _ONE_IN, _AT_LEAST / max(inputs.size, 1))
    judge.compiled = installed and inputs.size >= _WORTH_COMPILING if compiled is None else compiled
    judge.run(inputs, results)
    shape = results.shape[1:] if single else results.shape
    lo, hi, allowed = (a.reshape(shape) for a in (judge.lo, judge.hi, judge.allowed))
    return Assessment(
        function,
        fmt.name,
        standard,
        reading,
        judge.libm,
        lo,
        hi,
        allowed,
        judge.outcome.reshape(shape),
        judge.escalated,
        judge.rejudged,
    )


class _Judge:
    """One assessment in the making."""

    def __init__(
        self,
        function: str,
        standard: str,
        fmt: Format,
        libm: Libm,
        profile: str,
        reading: str,
        labels: list[NDArray[np.int64]] | None,
        seed: int,
    ) -> None:
        self.function, self.standard, self.format, self.libm = function, standard, fmt, libm
        self.profile, self.reading, self.labels = profile, reading, labels
        self.rng = np.random.default_rng(seed)
        of = FUNCTIONS[function]
        self.fast = readable(function, standard) and reading == READINGS[1]
        if standard in ("correct", "faithful"):
            self.fast = of.core in CORES
        self.buffers = Buffers()
        self.compiled, self.share = False, 1.0
        self.escalated = self.rejudged = 0

    def run(self, x: NDArray[Any], got: NDArray[Any]) -> None:
        keep_freed_memory()
        of = FUNCTIONS[self.function]
        if of.entry == "element":  # each number is a row of its own
            x, got = x.reshape(-1, 1), got.reshape(-1, 1)
        self.x, self.got = x, got
        # Short rows are read across, and what is found about them is kept so.
        order: Any = "F" if got.ndim == 2 and x.shape[1] <= NARROW else "C"
        self.lo, self.hi, self.allowed = (np.empty(got.shape, order=order) for _ in range(3))
        self.outcome = np.full(got.shape, Outcome.UNDECIDED.value, dtype=np.int8, order=order)
        width = max(x.shape[1], 2) if of.entry != "prefixes" else x.shape[1] ** 2
        step = max(1, self._block(width) // width)
        chosen: list[NDArray[np.int64]] = []
        for start in range(0, len(x), step):
            rows = slice(start, min(start + step, len(x)))
            open_rows = self._fast(rows) if self.fast else np.arange(rows.start, rows.stop)
            for first in range(0, len(open_rows), _AT_ONCE):
                self._by_referees(open_rows[first : first + _AT_ONCE])
            if self.fast:
                chosen.append(self._sample(rows, open_rows))
        again = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
        most = max(1, min(_AT_ONCE, _LONGEST_AGAIN // width))
        for first in range(0, len(again), most):
            self._again(again[first : first + most])

    def _block(self, width: int) -> int:
        """Entries to read together: more where buffers need not stay in the cache, or operations are short."""
        if FUNCTIONS[self.function].core != "logsumexp":
            return BLOCK
        if self.compiled:
            return (8 if width <= NARROW else 32) * BLOCK
        return 2 * BLOCK if width <= NARROW else BLOCK

    def _fast(self, rows: slice) -> NDArray[np.int64]:
        """Decide what can be decided; the rows of which something is left open."""
        decided = np.ones(rows.stop - rows.start, dtype=bool)
        for entries, got, put in self._as_rows(rows):
            plain = plain_rows(entries)
            every = bool(plain.all())
            decided &= plain
            if not plain.any():
                continue
            if not every:
                entries, got = entries[plain], got[plain]
            where: Any = slice(None) if every else plain
            kept = put(where, *self._read(entries, got))
            decided[where] &= kept
        if not decided.all() and FUNCTIONS[self.function].entry in ("vector", "pair") and self.x.shape[1] <= CHUNK:
            for chosen, kept in self._masked(rows, np.flatnonzero(~decided)):
                decided[chosen] = kept
        return np.asarray(np.flatnonzero(~decided) + rows.start)

    def _read(self, entries: Array, got: Array) -> tuple[NDArray[Any], ...]:
        """Errors from below and above, what is allowed, and outcomes of plain rows."""
        core = FUNCTIONS[self.function].core
        found = judged_rows(core, self.standard, entries, got, self.format, self.libm, self.buffers, self.compiled)
        outcome, allowed = np.full_like(found.within, _WITHIN, dtype=np.int8), found.allowed
        if not found.within.all():
            outcome[~found.within] = _UNDECIDED
            outcome[found.exceeds], outcome[found.outside] = Outcome.EXCEEDS.value, Outcome.OUT_OF_SCOPE.value
            allowed = np.where(found.outside, np.nan, allowed)
        return found.lo, found.hi, allowed, outcome

    def _masked(self, rows: slice, left: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """Decide rows with -inf among their finite entries, which are judged without them; at their places 0, or -inf
        in log_softmax, is owed. Yields some of the rows that are left, and whether each is decided."""
        x, got = (a[left] for a in self._values(rows))
        hidden = np.isneginf(x)
        counts = x.shape[1] - hidden.sum(axis=1)
        counts[~plain_rows(np.where(hidden, 0.0, x)) | (counts == x.shape[1])] = 0
        for count in np.unique(counts[counts > 0]).tolist():
            chosen = np.flatnonzero(counts == count)
            shown, place = ~hidden[chosen], left[chosen] + rows.start
            entries, results = x[chosen][shown].reshape(-1, count), got[chosen]
            if results.ndim == 2:
                owed = -np.inf if FUNCTIONS[self.function].core == "log_softmax" else 0.0
                kept = (results == owed) & (np.signbit(results) == np.signbit(owed))
                fixed = (np.nan, np.nan, np.nan, np.where(kept, _WITHIN, np.int8(Outcome.FAULT.value)))
                told = self._read(entries, results[shown].reshape(-1, count))
                found = [_among(shown, values, other) for values, other in zip(told, fixed, strict=True)]
            else:
                found = list(self._read(entries, results))
            targets: tuple[NDArray[Any], ...] = (self.lo, self.hi, self.allowed, self.outcome)
            for target, values in zip(targets, found, strict=True):
                target[place] = values
            yield left[chosen], (found[3] != _UNDECIDED).reshape(len(chosen), -1).all(axis=1)

    def _as_rows(self, rows: slice) -> Iterator[tuple[Array, Array, Any]]:
        """The rows of the core function, their results, and what puts away what was found about them."""
        of, (x, got) = FUNCTIONS[self.function], self._values(rows)
        targets = tuple(a[rows] for a in (self.lo, self.hi, self.allowed, self.outcome))

        def put(where: Any, *found: NDArray[Any]) -> NDArray[np.bool_]:
            for target, values in zip(targets, found, strict=True):
                target[where] = values.reshape(target[where].shape)
            left = (targets[3][where] == Outcome.UNDECIDED.value).reshape(len(found[0]), -1)
            return np.asarray(~left.any(axis=1))

        if of.entry == "element":
            pair = np.concatenate([np.zeros_like(x), x], axis=1)
            if of.core == "logsumexp":
                yield pair, got[:, 0], put
            else:
                both = np.concatenate([np.full_like(got, 0.5), got], axis=1)
                yield pair, both, lambda where, *found: put(where, *(values[:, 1] for values in found))
        elif of.entry == "label":
            assert self.labels is not None
            labels = np.concatenate(self.labels[rows])
            dense = np.zeros_like(x)
            np.put_along_axis(dense, labels[:, np.newaxis], -got[:, np.newaxis], axis=1)
            picked = np.arange(len(x))
            yield x, dense, lambda where, *found: put(where, *(v[picked[: len(v)], labels[where]] for v in found))
        elif of.entry == "prefixes":
            for k in range(x.shape[1]):
                yield x[:, : k + 1], got[:, k], partial(self._put_prefix, targets, k)
        else:
            yield x, got, put

    @staticmethod
    def _put_prefix(targets: tuple[NDArray[Any], ...], k: int, where: Any, *found: NDArray[Any]) -> NDArray[np.bool_]:
        for target, values in zip(targets, found, strict=True):
            target[where, k] = values
        return np.asarray(targets[3][where, k] != Outcome.UNDECIDED.value)

    def _values(self, rows: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Inputs and results; long rows are left as they are, and read piece by piece."""
        if self.x.shape[1] > CHUNK:
            return self.x[rows], self.got[rows]
        return self.x[rows].astype(np.float64, copy=False), self.got[rows].astype(np.float64, copy=False)

    def _judged(
        self, rows: NDArray[np.int64], places: list[NDArray[np.int64]] | None = None
    ) -> tuple[NDArray[np.int8], Array, Array, Array]:
        """Outcome, error from below and above, and what is allowed, by the referees; flat, for all results or some."""
        numbers = rows.tolist()
        labels = None if self.labels is None else [self.labels[r] for r in numbers]
        arrays = [self.x[r : r + 1].astype(np.float64) for r in numbers]
        how = (self.function, self.format, self.libm, self.profile)
        expectation = Expectation(arrays, *how, reading=self.reading, labels=labels, places=places)
        results = self.got[rows] if places is None else [self.got[r, p] for r, p in zip(numbers, places, strict=True)]
        got = np.concatenate([np.ravel(r) for r in results]).astype(np.float64)
        outcome, error, allowed = expectation.judge(got, self.standard)
        outcome[expectation.broken(got)] = Outcome.FAULT.value
        owed = ~expectation.judged
        lo, hi = (np.where(owed, np.nan, end) for end in (error.lo, error.hi))
        return outcome, lo, hi, np.where(owed | ~allowed.in_scope, np.nan, allowed.bound.lo)

    def _by_referees(self, rows: NDArray[np.int64]) -> None:
        """Decide what is left open in these rows."""
        places: list[NDArray[np.int64]] | None = None
        where: Any = (rows,)
        if self.got.ndim == 2 and FUNCTIONS[self.function].entry in ("vector", "prefixes"):
            places = [np.flatnonzero(self.outcome[r] == Outcome.UNDECIDED.value) for r in rows.tolist()]
            where = (np.repeat(rows, [len(p) for p in places]), np.concatenate(places))
        found: tuple[NDArray[Any], ...] = self._judged(rows, places)
        self.escalated += found[0].size
        shape = self.outcome[where].shape
        targets: tuple[NDArray[Any], ...] = (self.outcome, self.lo, self.hi, self.allowed)
        for target, values in zip(targets, found, strict=True):
            target[where] = values.reshape(shape)

    def _sample(self, rows: slice, left: NDArray[np.int64]) -> NDArray[np.int64]:
        """Some of the rows but those that are left, by chance: see `_ONE_IN` and `_AT_LEAST`."""
        expected = (rows.stop - rows.start) * self.share
        count = int(expected) + (self.rng.random() < expected % 1)
        if not count:
            return left[:0]
        decided = np.setdiff1d(np.arange(rows.start, rows.stop), left, assume_unique=True)
        return np.asarray(np.sort(self.rng.choice(decided, min(count, len(decided)), replace=False)))

    def _again(self, chosen: NDArray[np.int64]) -> None:
        """Judge these rows once more. Raises RefereeDisagreement."""
        outcome, lo, hi, _ = self._judged(chosen)
        known = self.outcome[chosen].reshape(-1)
        apart = (lo > self.hi[chosen].reshape(-1)) | (hi < self.lo[chosen].reshape(-1))
        wrong = np.flatnonzero(apart | (outcome != known))
        if len(wrong):
            at = int(wrong[0])
            row = int(chosen[at * len(chosen) // len(outcome)])
            entries = ", ".join(float(v).hex() for v in self.x[row][:16])
            raise RefereeDisagreement(
                f"{self.function} against {self.standard}, row {row} [{entries}]: the fast reading says "
                f"{Outcome(int(known[at])).name}, the referees {Outcome(int(outcome[at])).name}, error between "
                f"{float(lo[at]).hex()} and {float(hi[at]).hex()} ulp"
            )
        self.rejudged += outcome.size


def _among(shown: NDArray[np.bool_], values: NDArray[Any], others: Any) -> NDArray[Any]:
    """Values at the places that are shown, in their order, and the others elsewhere."""
    whole = np.array(np.broadcast_to(others, shown.shape), dtype=values.dtype)
    whole[shown] = values.reshape(-1)
    return whole
