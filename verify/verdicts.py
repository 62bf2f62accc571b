"""From answers to verdicts: one kernel, one list of cases, every standard; and how tallies add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm

from .cases import Case
from .decision import Enclosure, Outcome
from .formats import format_named
from .host import FAULTS, REFUSED, Answer
from .kernels import Kernel
from .landscape import Landscape
from .standards import GENERIC_STANDARDS, Expectation, ladder

__all__ = ["Tally", "Verdict", "judge_answers", "judge_cases"]

FINDINGS_KEPT = 5  # of one kernel, standard and family; the others are counted
LONGEST_INPUT_KEPT = 64

# For answers in a narrower format than asked: NumPy's binary32 log errs by up to 4 ulp.
_LIBRARY_LIBM = Libm(Fraction(4), Fraction(4), Fraction(4))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one case, told by the result that decided it.

    `x` is that result's row in hex (the two numbers of a pair, the one of an element), or None if longer than 64;
    error and allowed are (lo, hi) in ulps of the exact result, `want` is that result rounded to nearest binary64.
    `flushed` says that it exceeds, but would not if subnormals may be flushed to zero; `result` is the number of the
    result among all of its case.
    """

    kernel: str
    standard: str
    case: str
    outcome: Outcome
    length: int
    x: tuple[str, ...] | None
    place: int
    got: str
    want: str
    error_ulp: tuple[float, float]
    allowed_ulp: tuple[float, float]
    fault: str | None = None
    because: str = ""
    flushed: bool = False
    result: int = 0

    @property
    def ratio(self) -> float:
        """error / allowed, rounded up; 0 where both are 0."""
        error, allowed = self.error_ulp[1], self.allowed_ulp[0]
        if error == 0:
            return 0.0
        return float(np.nextafter(error / allowed, np.inf)) if allowed else float("inf")

    @property
    def gross(self) -> bool:
        """It exceeds, by no flushing, and is an ulp or more away from the exact result: not even faithful."""
        return self.outcome is Outcome.EXCEEDS and not self.flushed and self.error_ulp[0] >= 1

    @property
    def simplicity(self) -> tuple[bool, int, int]:
        """Small for inputs that are easy to read: few entries, short numbers; flushing last."""
        return self.flushed, self.length, sum(map(len, self.x)) if self.x else 10**9


@dataclass(slots=True)
class Tally:
    """Counts of outcomes for one kernel and standard, and the verdicts worth keeping; tallies add in case order.

    `worst` has the worst outcome, `closest` the largest error / allowed, `largest` the largest error in ulps,
    `simplest` the shortest input that exceeds, `numeric` and `undefined` that whose result is a number, or NaN.
    `exceeds_even_flushed` counts cases that exceed also if subnormals may be flushed, `gross` those of them that are
    not even faithful, of which `numeric` and `undefined` are. `landscape` has where the errors lie.
    """

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    exceeds_even_flushed: int = 0
    gross: int = 0
    unstable: int = 0
    worst: Verdict | None = None
    closest: Verdict | None = None
    largest: Verdict | None = None
    simplest: Verdict | None = None
    numeric: Verdict | None = None
    undefined: Verdict | None = None
    findings: list[Verdict] = field(default_factory=list)
    faults: dict[str, tuple[int, Verdict]] = field(default_factory=dict)
    landscape: Landscape = field(default_factory=Landscape)

    @property
    def judged(self) -> int:
        return self.counts[Outcome.WITHIN] + self.counts[Outcome.EXCEEDS] + self.counts[Outcome.UNDECIDED]

    def add(self, other: Tally) -> None:
        for outcome, count in other.counts.items():
            self.counts[outcome] += count
        self.exceeds_even_flushed += other.exceeds_even_flushed
        self.gross += other.gross
        self.unstable += other.unstable
        self.worst = _better(self.worst, other.worst, lambda v: (v.outcome.value, v.ratio))
        self.closest = _better(self.closest, other.closest, lambda v: v.ratio)
        self.largest = _better(self.largest, other.largest, lambda v: v.error_ulp[1])
        self.simplest = _better(self.simplest, other.simplest, _plainness)
        self.numeric = _better(self.numeric, other.numeric, _plainness)
        self.undefined = _better(self.undefined, other.undefined, _plainness)
        worst_first = sorted(self.findings + other.findings, key=lambda v: -v.outcome.value)
        self.findings = worst_first[:FINDINGS_KEPT]
        for name, (count, verdict) in other.faults.items():
            seen = self.faults.get(name)
            self.faults[name] = (seen[0] + count, _simpler(seen[1], verdict)) if seen else (count, verdict)
        self.landscape.add(other.landscape)


def _plainness(v: Verdict) -> tuple[int, ...]:
    return tuple(-part for part in v.simplicity)


def _simpler(a: Verdict, b: Verdict) -> Verdict:
    return b if b.simplicity < a.simplicity else a


def _better(a: Verdict | None, b: Verdict | None, key: Any) -> Verdict | None:
    if a is None or b is None:
        return a if b is None else b
    return b if key(b) > key(a) else a


@dataclass(frozen=True, slots=True)
class _Results:
    """One kernel's results laid beside the expectation; cases that are faults (name, reason, place that shows it)
    or unjudged, with the reason."""

    got: NDArray[np.float64]
    repeated: NDArray[np.float64] | None
    case_faults: dict[int, tuple[str, str, int]]
    unjudged: dict[int, str]
    starts: NDArray[np.int64]


def judge_answers(
    kernel: Kernel, expectation: Expectation, cases: Sequence[Case], answers: Sequence[Answer], standards: Sequence[str]
) -> dict[str, Tally]:
    """Judge one kernel's answers to the cases of the expectation against each standard."""
    results = _gather(expectation, cases, answers)
    _find_faults(expectation, results)
    _find_integer_faults(expectation, cases, answers, results, standards)
    return {standard: _tally(kernel, expectation, cases, results, standard) for standard in standards}


def _gather(expectation: Expectation, cases: Sequence[Case], answers: Sequence[Answer]) -> _Results:
    starts = np.searchsorted(expectation.case, np.arange(len(cases) + 1))
    got = np.full(len(expectation.case), np.nan)
    repeated = None
    faults: dict[int, tuple[str, str, int]] = {}
    unjudged: dict[int, str] = {}
    for number, answer in enumerate(answers):
        place = slice(starts[number], starts[number + 1])
        if answer.fault == REFUSED:
            unjudged[number] = answer.detail
        elif answer.fault is not None:
            faults[number] = (answer.fault, answer.detail, int(starts[number]))
        else:
            assert answer.results is not None
            got[place] = answer.results
    for number, answer in enumerate(answers):
        if answer.repeated is not None and cases[number].x.dtype.kind == "f":
            repeated = got.copy() if repeated is None else repeated
            repeated[starts[number] : starts[number + 1]] = answer.repeated
    return _Results(got, repeated, faults, unjudged, starts)


def _find_faults(expectation: Expectation, results: _Results) -> None:
    """Add the faults that only the values show."""
    for got in (results.got, results.repeated):
        if got is None:
            continue
        for place in np.flatnonzero(expectation.broken(got)).tolist():
            number = int(expectation.case[place])
            if number in results.unjudged:
                continue
            detail = (
                f"got {got[place]}, required {expectation.fixed[place]} in place {_place_in_row(expectation, place)}"
            )
            results.case_faults.setdefault(number, ("special-values", detail, place))


def _find_integer_faults(
    expectation: Expectation,
    cases: Sequence[Case],
    answers: Sequence[Answer],
    results: _Results,
    standards: Sequence[str],
) -> None:
    """Integers and Booleans: a fault if the result exceeds every standard, in the format that it came in, unless
    the kernel errs as much on the same numbers as floats.

    An answer in a narrower format than the campaign's is compared in that format and, if it is no fault, left
    unjudged, like one that was refused.
    """
    for number, (case, answer) in enumerate(zip(cases, answers, strict=True)):
        if case.x.dtype.kind == "f" or number in results.case_faults:
            continue
        if answer.fault == REFUSED:
            results.unjudged[number] = f"the kernel refuses {case.x.dtype.name}: {answer.detail}"
            continue
        full = span = slice(results.starts[number], results.starts[number + 1])
        got, seen = results.got[span], expectation
        if answer.detail != (expectation.format.dtype or "float64"):
            fmt = format_named(answer.detail)
            seen, span = Expectation([case.x], expectation.function, fmt, _LIBRARY_LIBM), slice(None)
            results.unjudged[number] = f"the kernel answers {case.x.dtype.name} in {answer.detail}"
        beyond = _beyond_all(seen, got, span, standards)
        if beyond is None or answer.repeated is None:  # the same results as for floats are not the integers' fault
            continue
        if _beyond_all(expectation, answer.repeated, full, standards) is None:
            results.unjudged.pop(number, None)
            place = int(results.starts[number]) + beyond
            results.case_faults[number] = ("integers", f"{case.x.dtype.name}: {FAULTS['integers']}", place)


def _beyond_all(
    expectation: Expectation, got: NDArray[np.float64], span: slice, standards: Sequence[str]
) -> int | None:
    """Where in the span results exceed each of the standards, in most of them; None if one standard is kept."""
    results = np.zeros(len(expectation.case))
    results[span] = got
    exceeds = np.stack([_exceeding(expectation, results, standard)[span] for standard in standards])
    return int(exceeds.sum(axis=0).argmax()) if exceeds.any(axis=1).all() else None


def _exceeding(expectation: Expectation, got: NDArray[np.float64], standard: str) -> NDArray[np.bool_]:
    """Results that exceed, also if subnormals may be flushed to zero."""
    outcome = expectation.judge(got, standard)[0] == Outcome.EXCEEDS.value
    if not outcome.any():
        return np.asarray(outcome)
    flushed = expectation.judge(got, standard, flush=True)[0] >= Outcome.UNDECIDED.value
    # In a single rounding flushing makes zeros and explains nothing else; in an algorithm a term may have been flushed.
    return np.asarray(outcome & (flushed | ((got != 0) & (standard in GENERIC_STANDARDS))))


class _Judged:
    """The outcomes of one kernel's results under one standard, by result and by case."""

    def __init__(
        self, kernel: Kernel, expectation: Expectation, cases: Sequence[Case], results: _Results, standard: str
    ) -> None:
        self.kernel, self.expectation, self.cases = kernel, expectation, cases
        self.results, self.standard = results, standard
        outcome, error, self.allowed = expectation.judge(results.got, standard)
        if results.repeated is not None:
            again, error_again, _ = expectation.judge(results.repeated, standard)
            worse = again > outcome
            outcome = np.where(worse, again, outcome)
            error = Enclosure(np.where(worse, error_again.lo, error.lo), np.where(worse, error_again.hi, error.hi))
        self.outcome, self.error, self.ratio = outcome, error, _ratio(error, self.allowed.bound)
        self.aside = np.zeros(len(cases), dtype=bool)
        self.aside[list(results.case_faults)] = True
        self.aside[list(results.unjudged)] = True
        self.per_case = np.maximum.reduceat(outcome, results.starts[:-1])
        self.per_case[list(results.unjudged)] = Outcome.OUT_OF_SCOPE.value
        self.per_case[list(results.case_faults)] = Outcome.FAULT.value
        exceeds = bool((self.per_case == Outcome.EXCEEDS.value).any())
        self.beyond = _exceeding(expectation, results.got, standard) if exceeds else np.zeros(len(outcome), dtype=bool)

    def verdict(self, place: int, fault: tuple[str, str, int] | None = None) -> Verdict:
        how = (self.standard, place, self.outcome, self.error, self.allowed, fault)
        return _verdict(self.kernel, self.expectation, self.cases, self.results, *how)

    def of_case(self, number: int) -> Verdict:
        """The verdict on the case's worst result."""
        span = np.arange(self.results.starts[number], self.results.starts[number + 1])
        fault = self.results.case_faults.get(number)
        bad = span[:1] if self.aside[number] else span[self.outcome[span] == self.per_case[number]]
        bad = bad[self.beyond[bad]] if self.beyond[bad].any() else bad
        found = self.verdict(fault[2] if fault else int(bad[np.argmax(self.ratio[bad])]), fault)
        return replace(found, flushed=found.outcome is Outcome.EXCEEDS and not self.beyond[bad].any())


def judge_cases(
    kernel: Kernel, expectation: Expectation, cases: Sequence[Case], answers: Sequence[Answer], standard: str
) -> list[Verdict]:
    """One kernel's answers to the cases of the expectation against one standard: a verdict for each case."""
    results = _gather(expectation, cases, answers)
    _find_faults(expectation, results)
    _find_integer_faults(expectation, cases, answers, results, ladder(kernel.function))
    judged = _Judged(kernel, expectation, cases, results, standard)
    return [judged.of_case(number) for number in range(len(cases))]


def _tally(kernel: Kernel, expectation: Expectation, cases: Sequence[Case], results: _Results, standard: str) -> Tally:
    judged = _Judged(kernel, expectation, cases, results, standard)
    per_case, aside, ratio = judged.per_case, judged.aside, judged.ratio
    tally = Tally()
    for value, count in zip(*np.unique(per_case, return_counts=True), strict=True):
        tally.counts[Outcome(int(value))] += int(count)
    tally.unstable = 0 if results.repeated is None else len(
        {int(c) for c in expectation.case[results.got != results.repeated] if not aside[c]}
    )  # fmt: skip
    tally.exceeds_even_flushed = int((np.logical_or.reduceat(judged.beyond, results.starts[:-1]) & ~aside).sum())
    usable = expectation.judged & judged.allowed.in_scope & ~aside[expectation.case]
    tally.landscape = _landscape(expectation, results, judged.outcome, usable, judged.error.hi, ratio)
    if usable.any():
        top = usable & (judged.outcome == judged.outcome[usable].max())
        tally.worst = judged.verdict(_argmax(ratio, top))
        tally.closest = judged.verdict(_argmax(ratio, usable))
        tally.largest = judged.verdict(_argmax(judged.error.hi, usable))
    for number in np.flatnonzero(per_case != Outcome.WITHIN.value)[np.argsort(-per_case[per_case != 0], kind="stable")]:
        if len(tally.findings) == FINDINGS_KEPT and per_case[number] < Outcome.EXCEEDS.value:
            break
        found = judged.of_case(int(number))
        tally.add(Tally(findings=[found]))
        if found.fault is not None:
            tally.add(Tally(faults={found.fault: (1, found)}, worst=found))
        elif found.outcome is Outcome.EXCEEDS:
            tally.add(Tally(simplest=found))
            if found.gross:
                nan = found.got == "nan"
                tally.add(Tally(gross=1, numeric=None if nan else found, undefined=found if nan else None))
    return tally


def _landscape(
    expectation: Expectation,
    results: _Results,
    outcome: NDArray[np.int8],
    usable: NDArray[np.bool_],
    error: NDArray[np.float64],
    ratio: NDArray[np.float64],
) -> Landscape:
    """Rows whose results are owed by a profile alone are in none of its cells."""
    seen = outcome.copy()
    for numbers, value in ((results.unjudged, Outcome.OUT_OF_SCOPE), (results.case_faults, Outcome.FAULT)):
        for number in numbers:
            seen[results.starts[number] : results.starts[number + 1]] = value.value
    owed = expectation.judged
    return Landscape.of(
        expectation.landmarks, expectation.row[owed], seen[owed], usable[owed], error[owed], ratio[owed]
    )


def _argmax(values: NDArray[np.float64], among: NDArray[np.bool_]) -> int:
    return int(np.argmax(np.where(among, values, -1.0)))


def _ratio(error: Enclosure, bound: Enclosure) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return np.where(error.hi == 0, 0.0, np.where(bound.lo == 0, np.inf, np.nextafter(error.hi / bound.lo, np.inf)))


def _verdict(
    kernel: Kernel,
    expectation: Expectation,
    cases: Sequence[Case],
    results: _Results,
    standard: str,
    place: int,
    outcome: NDArray[np.int8],
    error: Enclosure,
    allowed: Any,
    fault: tuple[str, str, int] | None,
) -> Verdict:
    entry = FUNCTIONS[expectation.function].entry
    row = expectation.rows[int(expectation.row[place])]
    labelled = FUNCTIONS[expectation.function].labelled
    shown = row if entry != "element" else row[:1] if labelled else row[1:]
    number = int(expectation.case[place])
    unjudged = results.unjudged.get(number)
    found = Outcome.FAULT if fault else Outcome.OUT_OF_SCOPE if unjudged else Outcome(int(outcome[place]))
    left = allowed.left[place] or ""
    because = fault[1] if fault else unjudged or (left if found is Outcome.OUT_OF_SCOPE else "")
    if found is Outcome.EXCEEDS and error.lo[place] <= allowed.bound.hi[place]:
        below = expectation.core == "logsumexp" and results.got[place] < expectation.maximum[place]
        because = (
            "less than the maximum"
            if below
            else "a power of two, or the largest number, lies between it and the exact result"
        )
    return Verdict(
        kernel=kernel.name,
        standard=standard,
        case=cases[number].name,
        outcome=found,
        length=len(shown),
        x=tuple(float(v).hex() for v in shown) if len(shown) <= LONGEST_INPUT_KEPT else None,
        place=_place_in_row(expectation, place),
        got=float(results.got[place]).hex(),
        want=_nearest(expectation, place).hex(),
        error_ulp=(float(error.lo[place]), float(error.hi[place])),
        allowed_ulp=(float(allowed.bound.lo[place]), float(allowed.bound.hi[place])),
        fault=fault[0] if fault else None,
        because=because,
        result=place - int(results.starts[number]),
    )


def _place_in_row(expectation: Expectation, place: int) -> int:
    if FUNCTIONS[expectation.function].labelled:
        return int(expectation.column[place])  # the rows that are shown begin with their label
    return place - int(np.searchsorted(expectation.row, expectation.row[place]))


def _nearest(expectation: Expectation, place: int) -> float:
    if not expectation.judged[place]:
        return float(expectation.fixed[place]) + 0.0
    reference = expectation.reference
    exact = Fraction(float(reference.whole[place])) + Fraction(float(reference.fraction[place]))
    try:
        return expectation.sign * float(exact * Fraction(2) ** int(reference.exponent[place]))
    except OverflowError:
        return expectation.sign * float(np.copysign(np.inf, float(exact)))
