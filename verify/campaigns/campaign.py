"""A campaign: kernels times families, in worker processes, with the same verdicts however the work is shared out."""

from __future__ import annotations

import multiprocessing as mp
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from shiftproof.proofs import FUNCTIONS, READINGS, Libm

from ..adversaries import ADVERSARIES
from ..cases import Adversary, Case
from ..decision import Outcome
from ..formats import FORMATS, Format
from ..host import Answer, Host, die_with_parent, process_context
from ..kernels import Kernel, KernelError
from ..standards import Expectation, ladder, standards_for
from ..verdicts import Tally, Verdict, judge_answers

__all__ = [
    "DEFAULT_CASES",
    "Campaign",
    "Judges",
    "KernelResult",
    "Met",
    "Plan",
    "Shard",
    "ShardJudge",
    "Shelf",
    "Tallies",
    "run_campaign",
]

DEFAULT_CASES = 1000
_LONGEST_TIMEOUT = 86400.0
_CHUNK = 40  # cases of one family that are judged together


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign judges: `cases` of each kernel, shared out evenly over the families.

    `only` narrows the run to one case of each family. `standard` None judges each kernel against its claim. `reading`
    says how the bounds of algorithms are read: for each input, or in closed form (`READINGS`); `accumulator` is the
    format that their sums are made in, if it is another. Raises KernelError for a standard that one of the functions
    does not have, ValueError for other unusable values.
    """

    kernels: tuple[Kernel, ...]
    format: Format = FORMATS["binary64"]
    standard: str | None = None
    families: tuple[Adversary, ...] = tuple(ADVERSARIES.values())
    cases: int = DEFAULT_CASES
    seed: int = 0
    jobs: int = 1
    libm: Libm = field(default_factory=Libm)
    timeout: float = 10.0
    only: int | None = None
    reading: str = READINGS[0]
    accumulator: Format | None = None

    def __post_init__(self) -> None:
        for name, least, most in (("cases", 1, 10**7), ("jobs", 1, 1000), ("seed", 0, 2**64 - 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValueError(f"{name}: a whole number from {least} to {most} is required, got {value!r}")
        if self.reading not in READINGS:
            raise ValueError(f"bounds are read {' or '.join(READINGS)}, got {self.reading!r}")
        if self.accumulator is not None and not isinstance(self.accumulator, Format):
            raise ValueError(f"a Format to make sums in is required, got {self.accumulator!r}")
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise ValueError(f"timeout: seconds > 0 and <= {_LONGEST_TIMEOUT} are required, got {self.timeout!r}")
        if self.only is not None and not 0 <= self.only < 10**9:
            raise ValueError(f"a case number from 0 to {10**9 - 1} is required, got {self.only}")
        for kernel in self.kernels:
            if self.format.dtype is None and not kernel.library:
                raise ValueError(f"{self.format.name}: NumPy has no type to hand to {kernel.name}")
            if self.reading != READINGS[0] and FUNCTIONS[kernel.function].labelled:
                raise ValueError(f"{kernel.function} (kernel {kernel.name}) has no closed forms: its bounds are read "
                                 f"{READINGS[0]}")  # fmt: skip
        names = [kernel.name for kernel in self.kernels]
        for what, found in (("kernel", names), ("family", [family.name for family in self.families])):
            repeated = sorted({name for name in found if found.count(name) > 1})
            if repeated:
                raise ValueError(f"each {what} may be named once, got {repeated[0]!r} twice")
        for kernel in self.kernels:
            if self.standard is not None and self.standard not in standards_for(kernel.function):
                raise KernelError(
                    f"{kernel.function} (kernel {kernel.name}) has no standard {self.standard!r}: "
                    f"one of {', '.join(standards_for(kernel.function))} is required"
                )

    def held(self, kernel: Kernel) -> str | None:
        """The standard that the kernel is judged against; None if it is classified only."""
        return self.standard or kernel.claim

    def standards(self, kernel: Kernel) -> tuple[str, ...]:
        """The ladder, and the standard held if it is not on it."""
        held, rungs = self.held(kernel), ladder(kernel.function)
        return rungs if held is None or held in rungs else (*rungs, held)

    def indices(self, family: int) -> range:
        """The case numbers of the family in that position."""
        if self.only is not None:
            return range(self.only, self.only + 1)
        share, more = divmod(self.cases, len(self.families))
        return range(share + (family < more))


@dataclass(frozen=True, slots=True)
class KernelResult:
    """One kernel's tallies: by standard, and by family for the standard `shown`.

    `shown` is the standard held; for a kernel that is classified only its class, or the weakest rung if it reaches
    none. `kernel_class` is the strongest rung without a verdict against it; `flushes` marks one that is reached
    only if subnormals may be flushed to zero.
    """

    kernel: Kernel
    held: str | None
    shown: str
    kernel_class: str | None
    flushes: bool
    tallies: dict[str, Tally]
    families: dict[str, Tally]

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; OUT_OF_SCOPE counts only if nothing was judged."""
        tally = self.tallies[self.shown]
        for outcome in (Outcome.FAULT, Outcome.EXCEEDS, Outcome.UNDECIDED):
            if tally.counts[outcome]:
                return outcome
        return Outcome.WITHIN if tally.counts[Outcome.WITHIN] else Outcome.OUT_OF_SCOPE

    def stronger(self) -> tuple[str, Verdict] | None:
        """The weakest rung above the class that is not reached, with the simplest input that shows it."""
        rungs = ladder(self.kernel.function)
        above = rungs[: rungs.index(self.kernel_class)] if self.kernel_class in rungs else rungs
        for rung in reversed(above):
            simplest = self.tallies[rung].simplest
            if simplest is not None:
                return rung, simplest
        return None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A finished campaign: its plan and a result for each kernel, in the plan's order.

    `absent` says which calls of a library do not work in the format even on [[0, -1]], and why: no part of the plan.
    """

    plan: Plan
    results: tuple[KernelResult, ...]
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """Cases `start` to `stop` of the family in that position, for all kernels of functions with that entry."""

    family: int
    entry: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Met:
    """What first contact tells: the kernels that are not run any more, and what a library lacks, with the reason."""

    withdrawn: frozenset[str]
    absent: Mapping[str, str]


Tallies = dict[str, dict[str, Tally]]  # by kernel, by standard
Numbered = tuple[int, Shard]

# Whoever judges shards: yields the number of each with its tallies, in whatever order they are done.
Judged = Generator[tuple[int, Tallies], None, None]
Judges = Callable[[Plan, frozenset[str], Sequence[Numbered]], Judged]


class Shelf(Protocol):
    """Where a campaign is kept while it runs: what first contact told, and each shard's tallies by its number."""

    def met(self) -> Met | None: ...

    def keep_met(self, met: Met) -> None: ...

    def missing(self, shards: Sequence[Shard]) -> list[Numbered]: ...

    def keep(self, number: int, shard: Shard, tallies: Tallies) -> None: ...

    def kept(self, number: int, shard: Shard) -> Tallies: ...


class ShardJudge:
    """Judges shards, with hosts that live as long as it does."""

    def __init__(self, plan: Plan, withdrawn: frozenset[str] = frozenset()) -> None:
        self.plan, self.withdrawn = plan, withdrawn
        self.hosts: dict[str, Host] = {}

    def host(self, kernel: Kernel) -> Host:
        if kernel.origin not in self.hosts:
            group = [k for k in self.plan.kernels if k.origin == kernel.origin]
            self.hosts[kernel.origin] = Host(group, self.plan.timeout)
        return self.hosts[kernel.origin]

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()

    def first_contact(self, kernel: Kernel) -> Answer:
        """Load the kernel and hand it one plain case. Raises KernelError."""
        host = self.host(kernel)
        host.check(kernel.name, self.plan.format)
        plain = Case("first-contact", 1, np.array([[0.0, -1.0]], dtype=self.plan.format.dtype or np.float64))
        (answer,) = host.run(kernel.name, self.plan.format, [plain])
        return answer

    def judge(self, shard: Shard) -> Tallies:
        plan, family = self.plan, self.plan.families[shard.family]
        kernels = [k for k in plan.kernels if FUNCTIONS[k.function].entry == shard.entry]
        cores = {FUNCTIONS[k.function].core for k in kernels}
        references: dict[bytes, Any] = {}
        tallies: Tallies = {}
        expected: dict[tuple[str, str], Expectation] = {}
        cases = [family.case(i, kernels[0].function, plan.format, plan.seed) for i in range(shard.start, shard.stop)]
        answers = self.answers(kernels, cases)
        for kernel in kernels:
            key = (kernel.function, kernel.profile)
            if key not in expected:
                arrays = [case.x for case in cases]
                how = (plan.format, plan.libm, kernel.profile, references, cores, plan.reading, plan.accumulator)
                expected[key] = Expectation(arrays, kernel.function, *how)
            tallies[kernel.name] = judge_answers(
                kernel, expected[key], cases, answers[kernel.name], plan.standards(kernel)
            )
        return tallies

    def answers(self, kernels: Sequence[Kernel], cases: Sequence[Case]) -> dict[str, list[Answer]]:
        """Each kernel's answers; ours share a process, everybody else's gets one of its own."""
        ours = [kernel for kernel in kernels if kernel.source == "algorithm"]
        found = self.host(ours[0]).run_together([k.name for k in ours], self.plan.format, cases) if ours else {}
        for kernel in kernels:
            if kernel.name in self.withdrawn:
                detail = "not run: it hung or crashed on [[0, -1]]"
                found[kernel.name] = [Answer(fault="not-run", detail=detail)] * len(cases)
            elif kernel.name not in found:
                found[kernel.name] = self.host(kernel).run(kernel.name, self.plan.format, cases)
        return found


_worker: ShardJudge | None = None


def _start_worker(plan: Plan, withdrawn: frozenset[str]) -> None:
    global _worker
    die_with_parent()
    _worker = ShardJudge(plan, withdrawn)


def _judge_in_worker(shard: Shard) -> Tallies:
    assert _worker is not None
    return _worker.judge(shard)


def run_campaign(
    plan: Plan,
    progress: Callable[[int, int], None] = lambda done, of: None,
    store: Shelf | None = None,
    judges: Judges | None = None,
) -> Campaign:
    """Judge every kernel of the plan; `progress(done, of)` is called as shards end.

    With a `store` each shard is kept there as it ends, and what is there already is not judged again. `judges` judge
    the shards; without them processes of this machine do. The campaign is the same in every case.

    Raises KernelError if a kernel cannot be loaded, RefereeDisagreement if the referees disagree, ValueError if a
    family makes something else than an array (rows, n), RuntimeError if a worker of ours dies; and what the store
    and the judges raise.
    """
    judges = judges or _judged
    if store is None:
        met = _met(plan)
        plan = _present(plan, met)
        shards = _shards(plan)
        found = _in_order(judges(plan, met.withdrawn, list(enumerate(shards))))
    else:
        plan, shards, met = _stored(plan, progress, store, judges)
        found = (store.kept(number, shard) for number, shard in enumerate(shards))
    by_family: dict[str, list[dict[str, Tally]]] = {k.name: [{} for _ in plan.families] for k in plan.kernels}
    for done, (shard, tallies) in enumerate(zip(shards, found, strict=True), 1):
        for name, by_standard in tallies.items():
            for standard, tally in by_standard.items():
                by_family[name][shard.family].setdefault(standard, Tally()).add(tally)
        if store is None:
            progress(done, len(shards))
    results = tuple(_result(plan, kernel, by_family[kernel.name]) for kernel in plan.kernels)
    return Campaign(plan, results, met.absent)


def _stored(
    plan: Plan, progress: Callable[[int, int], None], store: Shelf, judges: Judges
) -> tuple[Plan, list[Shard], Met]:
    """Have all shards judged that the store does not have yet, and keep each as it comes."""
    kept = store.met()
    met = kept or _met(plan)
    if kept is None:
        store.keep_met(met)
    present = _present(plan, met)
    shards = _shards(present)
    missing = store.missing(shards)
    if kept is not None and missing:
        _met(plan)  # a kernel that cannot be loaded any more is an error here too, not a finding
    done = len(shards) - len(missing)
    progress(done, len(shards))
    if missing:
        with closing(judges(present, met.withdrawn, missing)) as judged:
            for number, tallies in judged:
                store.keep(number, shards[number], tallies)
                done += 1
                progress(done, len(shards))
    return present, shards, met


def _in_order(judged: Judged) -> Iterator[Tallies]:
    """Tallies 0, 1, 2, ... of what comes in any order: findings and ties depend on the order of adding."""
    waiting: dict[int, Tallies] = {}
    turn = 0
    with closing(judged):
        for number, tallies in judged:
            waiting[number] = tallies
            while turn in waiting:
                yield waiting.pop(turn)
                turn += 1


def _met(plan: Plan) -> Met:
    """Who crashes or hangs at first contact, and is not run any more; what a library does not have in this format."""
    judge = ShardJudge(plan)
    withdrawn, absent = set(), {}
    try:
        for kernel in plan.kernels:
            answer = judge.first_contact(kernel)
            if answer.fault in ("hangs", "crashes"):
                withdrawn.add(kernel.name)
            elif kernel.library and answer.fault in ("raises", "wrong-type"):
                absent[kernel.name] = answer.detail
    finally:
        judge.close()
    return Met(frozenset(withdrawn), absent)


def _present(plan: Plan, met: Met) -> Plan:
    return replace(plan, kernels=tuple(kernel for kernel in plan.kernels if kernel.name not in met.absent))


def _shards(plan: Plan) -> list[Shard]:
    entries = list(dict.fromkeys(FUNCTIONS[k.function].entry for k in plan.kernels))
    return [
        Shard(family, entry, start, min(start + _CHUNK, plan.indices(family).stop))
        for entry in entries
        for family in range(len(plan.families))
        for start in plan.indices(family)[::_CHUNK]
    ]


def _judged(plan: Plan, withdrawn: frozenset[str], shards: Sequence[Numbered]) -> Judged:
    """The judges of this machine: this process, or `plan.jobs` of its children."""
    if plan.jobs == 1:
        judge = ShardJudge(plan, withdrawn)
        try:
            yield from ((number, judge.judge(shard)) for number, shard in shards)
        finally:
            judge.close()
        return
    others = set(mp.active_children())
    with warnings.catch_warnings():
        # Workers are forked before this process starts any thread of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        workers = max(min(plan.jobs, len(shards)), 1)
        pool = ProcessPoolExecutor(workers, process_context(), initializer=_start_worker, initargs=(plan, withdrawn))
        try:
            with interrupts_deferred():
                numbers = {pool.submit(_judge_in_worker, shard): number for number, shard in shards}
            for future in as_completed(numbers):
                yield numbers.pop(future), future.result()
        except BrokenProcessPool as error:
            raise RuntimeError("a judging process ended unexpectedly (out of memory?)") from error
        except BaseException:  # an interrupt must not wait for the shards in hand; hosts end with their worker
            for worker in set(mp.active_children()) - others:
                worker.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """An interrupt waits until all workers are made and known, so that none is left running when it is heard."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def _result(plan: Plan, kernel: Kernel, by_family: Iterable[dict[str, Tally]]) -> KernelResult:
    families = list(by_family)
    tallies = {standard: Tally() for standard in plan.standards(kernel)}
    for tallied in families:
        for standard, tally in tallied.items():
            tallies[standard].add(tally)
    kernel_class, flushes = _class(kernel, tallies)
    held = plan.held(kernel)
    shown = held or kernel_class or ladder(kernel.function)[-1]
    names = [family.name for family in plan.families]
    shown_by_family = {name: tallied.get(shown, Tally()) for name, tallied in zip(names, families, strict=True)}
    return KernelResult(kernel, held, shown, kernel_class, flushes, tallies, shown_by_family)


def _class(kernel: Kernel, tallies: dict[str, Tally]) -> tuple[str | None, bool]:
    for rung in ladder(kernel.function):
        counts = tallies[rung].counts
        if not counts[Outcome.WITHIN] or counts[Outcome.UNDECIDED]:
            continue
        if not counts[Outcome.EXCEEDS]:
            return rung, False
        if not tallies[rung].exceeds_even_flushed:
            return rung, True
    return None, False
