"""Shrinking: the smallest input that still shows what a kernel did, fewest entries first, then the simplest numbers.

A step is kept only if the judge says the same of the smaller input: that it exceeds the standard (subnormals flushed or
not), or has the same fault. So what comes out is a finding in its own right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Libm

from .cases import Case
from .decision import Outcome
from .formats import Format
from .host import Host
from .kernels import Kernel
from .references import Reference
from .standards import Expectation
from .verdicts import Verdict, judge_cases

__all__ = ["Examiner", "shrink"]

_ROUNDS = 200
_AT_ONCE = 64
_SHORT, _LONG = 64, 512  # entries, up to which blocks of every size, and in every place, are left out


class Examiner:
    """Runs one kernel on cases of one's own, in the host's process, and judges the answers against one standard.

    `references` is a store by row that examiners for the same format may share.
    """

    def __init__(
        self,
        kernel: Kernel,
        fmt: Format,
        standard: str,
        host: Host,
        libm: Libm | None = None,
        references: dict[bytes, dict[str, Reference]] | None = None,
    ) -> None:
        self.kernel, self.format, self.standard, self.host, self.libm = kernel, fmt, standard, host, libm
        self.references = references

    def __call__(self, cases: Sequence[Case]) -> list[Verdict]:
        """A verdict for each case. Raises RefereeDisagreement, and KernelError if the kernel cannot be loaded."""
        answers = self.host.run(self.kernel.name, self.format, cases)
        # Integers apart: what is judged beside them is judged against every standard, as they are.
        whole = [case.x.dtype.kind != "f" for case in cases]
        judged: dict[int, Verdict] = {}
        for kind in set(whole):
            places = [place for place, of in enumerate(whole) if of is kind]
            chosen = [cases[place] for place in places]
            how = (self.kernel.function, self.format, self.libm, self.kernel.profile, self.references)
            expectation = Expectation([case.x for case in chosen], *how)
            verdicts = judge_cases(
                self.kernel, expectation, chosen, [answers[place] for place in places], self.standard
            )
            judged.update(zip(places, verdicts, strict=True))
        return [judged[place] for place in range(len(cases))]


def shrink(
    examine: Callable[[Sequence[Case]], list[Verdict]],
    case: Case,
    entry: str,
    wrong: Callable[[Verdict], bool] | None = None,
) -> tuple[Case, Verdict]:
    """The smallest case found that shows what `case` does, and its verdict; `entry` as in `proofs.Function`.

    The case itself is examined first: ValueError if nothing is wrong with it. Wrong is a fault, or what exceeds by as
    much as an ulp, unless `wrong` says something else.
    """
    wrong = wrong or _is_wrong
    (seen,) = examine([case])
    if not wrong(seen):
        raise ValueError(f"{case.name}: {seen.outcome.name}: an input that exceeds or has a fault is required")
    found = case, seen
    for propose in (_rows, _fewer, _simpler, _fewer):
        for _ in range(_ROUNDS):
            better = _first(examine, propose(found[0], entry), found[1], wrong)
            if better is None:
                break
            found = better
    return found


def _is_wrong(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.FAULT or verdict.gross


def _first(
    examine: Callable[[Sequence[Case]], list[Verdict]],
    candidates: Iterable[Case],
    seen: Verdict,
    wrong: Callable[[Verdict], bool],
) -> tuple[Case, Verdict] | None:
    """The first candidate that shows the same, examined some at a time."""
    waiting: list[Case] = []
    for candidate in candidates:
        waiting.append(candidate)
        if len(waiting) == _AT_ONCE:
            if (better := _same(examine(waiting), waiting, seen, wrong)) is not None:
                return better
            waiting = []
    return _same(examine(waiting), waiting, seen, wrong) if waiting else None


def _same(
    verdicts: Sequence[Verdict], cases: Sequence[Case], seen: Verdict, wrong: Callable[[Verdict], bool]
) -> tuple[Case, Verdict] | None:
    for case, verdict in zip(cases, verdicts, strict=True):
        if wrong(verdict) and verdict.fault == seen.fault and (verdict.got == "nan") == (seen.got == "nan"):
            return case, verdict
    return None


def _again(case: Case, x: NDArray[np.generic], layout: str = "C") -> Case:
    return Case(case.family, case.index, np.ascontiguousarray(x), layout)


def _rows(case: Case, entry: str) -> Iterator[Case]:
    """Each row alone; or half of the rows."""
    rows = len(case.x)
    if rows == 1 and case.layout == "C":
        return
    yield from (_again(case, case.x[row : row + 1]) for row in range(rows))
    if case.layout != "C":
        yield _again(case, case.x)
    if rows > 2:
        yield from (_again(case, part, case.layout) for part in (case.x[: rows // 2], case.x[rows // 2 :]))


def _fewer(case: Case, entry: str) -> Iterator[Case]:
    """Without a block of columns: the longest blocks first, down to single ones."""
    n = case.x.shape[1]
    if entry == "pair" or n == 1:
        return
    halves = [n >> k for k in range(1, n.bit_length())]
    for size in range(n - 1, 0, -1) if n <= _SHORT else [n - 1, *halves]:
        starts = range(0, n, size) if n <= _LONG else (0, n - size, n // 2)
        for start in starts:
            kept = np.delete(case.x, np.s_[start : start + size], axis=1)
            if kept.shape[1]:
                yield _again(case, kept, case.layout)


def _simpler(case: Case, entry: str) -> Iterator[Case]:
    """With shorter numbers: all of them, then one at a time; only what reads shorter is proposed."""
    x = case.x
    if x.dtype.kind != "f" or x.size > 4096:
        return
    now = _length(x)
    for changed in _rounded(x):
        if _length(changed) < now:
            yield _again(case, changed, case.layout)
    if x.size > 64:
        return
    for place in np.ndindex(x.shape):
        for simpler in _rounded(x[place].reshape(1)):
            changed = x.copy()
            changed[place] = simpler[0]
            if _length(changed) < now:
                yield _again(case, changed, case.layout)


def _rounded(x: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    values = x.astype(np.float64)
    finite = np.isfinite(values)
    safe = np.where(finite, values, 0.0)
    most = float(np.max(safe)) if finite.any() else 0.0
    mantissa, exponent = np.frexp(safe)
    with np.errstate(over="ignore"):
        proposals = [np.zeros_like(safe), np.sign(safe), np.rint(safe), safe - most]
        proposals += [np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits) for bits in (1, 2, 4, 7, 12, 20)]
    for proposal in proposals:
        with np.errstate(over="ignore"):
            changed = np.where(finite, proposal, values).astype(x.dtype)
        yield np.where(finite & ~np.isfinite(changed), x, changed)  # a number stays one


def _length(x: NDArray[np.generic]) -> tuple[int, int]:
    """How long the numbers read, in decimals and in hex."""
    texts = x.astype(np.float64).reshape(-1).tolist()
    return sum(len(repr(v)) for v in texts), sum(len(float(v).hex().rstrip("0")) for v in texts)
