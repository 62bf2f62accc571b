"""Verdicts that are theorems: a kernel on every input there is.

Every pair of numbers of a format of 16 bits, for the functions of two entries, and every number of a format of up to 32
bits for those of one number. NaN stands for all NaNs. A pair and its mirror image have the same exact results (in the
other order) and, where the bound does not know the order, the same bound: the kernel computes both, and if its results
are mirror images too, bit by bit, one verdict is for both.

The work is cut into shards. What each found is a line of a journal, by which a run that was killed goes on.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm

from .assessing import Assessment, Example, assess
from .campaigns.campaign import interrupts_deferred
from .cases import Case
from .decision import Outcome
from .formats import Format
from .host import Host, die_with_parent, process_context
from .kernels import Kernel, KernelError
from .standards import standards_for

__all__ = ["Exhaustion", "Journal", "exhaust", "inputs_of_format"]

Array = NDArray[np.float64]

_ROWS = 1 << 19  # results of about so many rows in a shard
_KIND, _VERSION = "shiftproof-exhaustion", 1


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """What a kernel does on every input: `inputs` of them, with counts of results by outcome.

    `mirrored` inputs were not judged but by their mirror image. `escalated` results were decided by the two referees,
    `rejudged` twice. `closest` has the largest error / allowed, `largest` the largest error in ulps, `first` is the
    first that is not within. `libm` is what the standard's bound assumes.
    """

    kernel: str
    function: str
    format: str
    standard: str
    libm: Libm
    inputs: int
    mirrored: int
    counts: dict[Outcome, int]
    escalated: int
    rejudged: int
    closest: Example | None
    largest: Example | None
    first: Example | None

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; OUT_OF_SCOPE only if nothing was judged."""
        for outcome in (Outcome.FAULT, Outcome.EXCEEDS, Outcome.UNDECIDED, Outcome.WITHIN):
            if self.counts[outcome]:
                return outcome
        return Outcome.OUT_OF_SCOPE


def inputs_of_format(fmt: Format, start: int, stop: int) -> Array:
    """The numbers of a format with these numbers in the order of their bits: -0, +0 and NaN are one each."""
    codes = np.arange(start, stop, dtype=np.uint64)
    sign = 1 << (_bits(fmt) - 1)
    infinity = sign - (1 << (fmt.precision - 1))  # an exponent of ones, and a significand of zeros
    codes = codes[(codes <= infinity + 1) | ((codes >= sign) & (codes <= sign + infinity))]
    with np.errstate(invalid="ignore"):  # a signalling NaN
        if fmt.name == "binary16":
            return codes.astype(np.uint16).view(np.float16).astype(np.float64)
        return (codes << (32 - _bits(fmt))).astype(np.uint32).view(np.float32).astype(np.float64)


def _bits(fmt: Format) -> int:
    return fmt.precision + (2 * (fmt.emax + 1)).bit_length() - 1


@dataclass(frozen=True, slots=True)
class _Plan:
    kernel: Kernel
    format: Format
    standard: str
    libm: Libm
    timeout: float

    @property
    def pairs(self) -> bool:
        return FUNCTIONS[self.kernel.function].entry != "element"

    def numbers(self) -> Array:
        return inputs_of_format(self.format, 0, 1 << 16)

    def shards(self) -> int:
        if not self.pairs:
            return max(1, (1 << _bits(self.format)) // _ROWS)
        return -(-len(self.numbers()) // self.rows_of_first)

    @property
    def rows_of_first(self) -> int:
        return _ROWS >> 16

    def header(self) -> dict[str, Any]:
        """All that the result depends on."""
        kernel = self.kernel
        return {
            "schema": _KIND,
            "version": _VERSION,
            "kernel": kernel.name,
            "function": kernel.function,
            "format": self.format.name,
            "standard": self.standard,
            "profile": kernel.profile,
            "call": kernel.call,
            "libm": list(self.libm.texts().values()),
            "shards": self.shards(),
            "versions": {name: version(name) for name in ("shiftproof", "numpy")},
        }


def _checked(plan: _Plan) -> _Plan:
    function, fmt = plan.kernel.function, plan.format
    of = FUNCTIONS[function]
    if plan.standard not in standards_for(function):
        raise KernelError(
            f"{function} (kernel {plan.kernel.name}) has no standard {plan.standard!r}: "
            f"one of {', '.join(standards_for(function))} is required"
        )
    if of.entry not in ("vector", "pair", "element") or of.labelled:
        raise ValueError(f"{function}: a function of two entries or of one number is required to judge every input")
    most = 32 if of.entry == "element" else 16
    width = _bits(fmt)
    if width > most:
        count = f"2^{width}" if of.entry == "element" else f"2^{2 * width} pairs of"
        raise ValueError(
            f"{fmt.name}: a format of at most {most} bits is required for {function}: there are {count} numbers"
        )
    return plan


class _Worker:
    """Judges shards; its kernel has a process of its own."""

    def __init__(self, plan: _Plan) -> None:
        self.plan, self.host = plan, Host([plan.kernel], plan.timeout)

    def shard(self, number: int) -> dict[str, Any]:
        plan = self.plan
        if not plan.pairs:
            width = (1 << _bits(plan.format)) // plan.shards()
            x = inputs_of_format(plan.format, number * width, (number + 1) * width)[:, np.newaxis]
            return self._line(number, len(x), 0, [(x, self._run(x), np.ones(len(x)))] if len(x) else [])
        numbers = plan.numbers()
        first = number * plan.rows_of_first
        rows = [self._with_all_after(numbers, k) for k in range(first, min(first + plan.rows_of_first, len(numbers)))]
        x = np.concatenate(rows)
        other, codes = x[:, ::-1], x.view(np.int64)
        diagonal = (codes[:, 0] == codes[:, 1]) | np.isnan(x).all(axis=1)
        got, mirrored = self._run(x), self._run(other)
        if isinstance(got, str) or isinstance(mirrored, str):
            once = np.ones(len(x))
            return self._line(
                number, int((2 - diagonal).sum()), 0, [(x, got, once), (other, mirrored, once - diagonal)]
            )
        back = mirrored if got.ndim == 1 else mirrored[:, ::-1]
        # The bits must be the same, or both be NaN; a diagonal pair is its own mirror image.
        same = (got.view(np.int64) == back.view(np.int64)) | (np.isnan(got) & np.isnan(back))
        same = same if same.ndim == 1 else same.all(axis=1)
        same = same & self._symmetric
        again = ~same & ~diagonal
        both = same & ~diagonal
        parts = [(x, got, 1.0 + both)]
        if again.any():
            parts.append((other[again], mirrored[again], np.ones(int(again.sum()))))
        return self._line(number, int((2 - diagonal).sum()), int(both.sum()), parts)

    @property
    def _symmetric(self) -> bool:
        """Whether the bound is the same for the mirror image."""
        return self.plan.standard not in ("online", "chained", "arbitrary-shift", "merged")

    @staticmethod
    def _with_all_after(numbers: Array, k: int) -> Array:
        after = numbers[k:]
        return np.stack([np.full(len(after), numbers[k]), after], axis=1)

    def _run(self, x: Array) -> Array | str:
        """The kernel's results, (rows,) or (rows, n), or the name of a fault."""
        plan = self.plan
        case = Case("every-input", 1, np.ascontiguousarray(x.astype(plan.format.dtype or np.float64)))
        (answer,) = self.host.run(plan.kernel.name, plan.format, [case])
        if answer.results is None:
            return f"{answer.fault}: {answer.detail}"
        return answer.results if FUNCTIONS[plan.kernel.function].per_row else answer.results.reshape(x.shape)

    def _line(self, number: int, inputs: int, mirrored: int, parts: list[tuple[Array, Any, Array]]) -> dict[str, Any]:
        """What a shard found, as written to the journal; parts are inputs, results and for how many they stand."""
        plan, counts = self.plan, dict.fromkeys((o.name for o in Outcome), 0)
        escalated = rejudged = 0
        found: dict[str, Example | None] = {"closest": None, "largest": None, "first": None}
        for x, got, times in parts:
            if isinstance(got, str):
                counts["FAULT"] += int(times.sum())
                found["first"] = found["first"] or _example_of_fault(x, got)
                continue
            dtype = plan.format.dtype or np.float64
            judged = assess(
                x.astype(dtype),
                got.astype(dtype),
                function=plan.kernel.function,
                standard=plan.standard,
                format=plan.format.name,
                profile=plan.kernel.profile,
                libm=plan.libm,
                seed=number,
                compiled=False,
            )
            outcomes = judged.outcome.reshape(len(x), -1)
            for outcome in Outcome:
                counts[outcome.name] += int(((outcomes == outcome.value) * times[:, np.newaxis]).sum())
            escalated, rejudged = escalated + judged.escalated, rejudged + judged.rejudged
            _keep_examples(found, x, got, judged)
        return {
            "shard": number,
            "inputs": inputs,
            "mirrored": mirrored,
            "counts": counts,
            "escalated": escalated,
            "rejudged": rejudged,
            **{name: example and asdict(example) for name, example in found.items()},
        }


def _example_of_fault(x: Array, fault: str) -> Example:
    entries = tuple(float(v).hex() for v in x[0])
    return Example(entries, 0, fault, (np.inf, np.inf), 0.0, Outcome.FAULT.name)


def _keep_examples(found: dict[str, Example | None], x: Array, got: Array, judged: Assessment) -> None:
    ratio, outcome = judged.ratio.reshape(-1), judged.outcome.reshape(-1)
    error = np.where(ratio < 0, -1.0, judged.error_ulp_hi.reshape(-1))
    bad = np.flatnonzero((outcome != Outcome.WITHIN.value) & (outcome != Outcome.OUT_OF_SCOPE.value))
    at = {"closest": int(ratio.argmax()), "largest": int(error.argmax())} if ratio.max() >= 0 else {}
    for name, place in (at | ({"first": int(bad[0])} if len(bad) else {})).items():
        found[name] = _better(name, found[name], judged.example(x, got, place))


def _better(name: str, one: Example | None, other: Example | None) -> Example | None:
    if one is None or other is None:
        return one or other
    if name == "first":
        return one
    sizes = [e.error_ulp[1] / (e.allowed_ulp if name == "closest" and e.allowed_ulp else 1.0) for e in (one, other)]
    return other if sizes[1] > sizes[0] else one


class Journal:
    """The lines of finished shards in a file, after one that says what they are about; or in memory without one.

    A last line that was cut off is dropped. Raises ValueError for a file that is not a journal of this work.
    """

    def __init__(self, path: Path | None, header: dict[str, Any], resume: bool) -> None:
        self.path, self.lines = path, {}  # type: ignore[var-annotated]
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            if not resume:
                raise ValueError(f"{path}: this file is there already: --resume goes on with it")
            self._read(path, header)
        else:
            self._append(header)

    def _read(self, path: Path, header: dict[str, Any]) -> None:
        text = path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        try:
            records = [json.loads(line) for line in whole.splitlines()]
            found = records[0]
            if found.get("schema") != _KIND:
                raise ValueError(f"schema {found.get('schema')!r}")
            self.lines = {int(line["shard"]): line for line in records[1:] if _is_line(line)}
            if len(self.lines) != len(records) - 1 or not all(0 <= k < header["shards"] for k in self.lines):
                raise ValueError("a line that is none")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: a journal of `shiftproof exhaust` is required: {error}") from error
        for name, value in header.items():
            if found.get(name) != value:
                raise ValueError(f"{path}: begun with {name} {found.get(name)!r}, and {value!r} is asked for")
        if len(whole) < len(text):
            os.truncate(path, len(whole.encode()))

    def keep(self, line: dict[str, Any]) -> None:
        self.lines[line["shard"]] = line
        if self.path is not None:
            self._append(line)

    def _append(self, record: dict[str, Any]) -> None:
        assert self.path is not None
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=True) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _is_line(line: Any) -> bool:
    names = {"shard", "inputs", "mirrored", "counts", "escalated", "rejudged", "closest", "largest", "first"}
    return isinstance(line, dict) and set(line) == names and set(line["counts"]) == {o.name for o in Outcome}


_worker: _Worker | None = None


def _start(plan: _Plan) -> None:
    global _worker
    die_with_parent()
    _worker = _Worker(plan)


def _shard(number: int) -> dict[str, Any]:
    assert _worker is not None
    return _worker.shard(number)


def exhaust(
    kernel: Kernel,
    fmt: Format,
    standard: str,
    *,
    libm: Libm | None = None,
    jobs: int = 1,
    timeout: float = 120.0,
    path: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Exhaustion:
    """Judge a kernel on every input of a format; `progress(done, of)` is called as shards end, the kept ones first.

    `path` is a journal; with `resume` what it has is not done again. Raises ValueError for a function or a format with
    too many inputs and for a journal of something else, KernelError if the kernel cannot be loaded,
    RefereeDisagreement if two enclosures of one result do not meet.
    """
    plan = _checked(_Plan(kernel, fmt, standard, libm or Libm(), timeout))
    host = Host([kernel], timeout)
    try:
        host.check(kernel.name, fmt)
    finally:
        host.close()
    journal = Journal(path, plan.header(), resume)
    count = plan.shards()
    progress(len(journal.lines), count)
    for line in _lines(plan, [k for k in range(count) if k not in journal.lines], jobs):
        journal.keep(line)
        progress(len(journal.lines), count)
    return _together(plan, [journal.lines[k] for k in range(count)])


def _lines(plan: _Plan, numbers: list[int], jobs: int) -> Iterator[dict[str, Any]]:
    """As they come."""
    if jobs == 1 or len(numbers) < 2:
        worker = _Worker(plan)
        try:
            yield from map(worker.shard, numbers)
        finally:
            worker.host.close()
        return
    others = set(mp.active_children())
    pool = ProcessPoolExecutor(min(jobs, len(numbers)), process_context(), initializer=_start, initargs=(plan,))
    try:
        waiting = iter(numbers)
        with interrupts_deferred():
            running: set[Future[dict[str, Any]]] = {
                pool.submit(_shard, k) for _, k in zip(range(2 * jobs), waiting, strict=False)
            }
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_shard, k) for k in islice(waiting, len(done))}
            for future in done:
                yield future.result()
    except BaseException:
        for process in set(mp.active_children()) - others:
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _example_in(read: dict[str, Any] | None) -> Example | None:
    if read is None:
        return None
    x, (lo, hi) = tuple(read["x"]), read["error_ulp"]
    return Example(x, read["place"], read["got"], (lo, hi), read["allowed_ulp"], read["outcome"])


def _together(plan: _Plan, lines: Iterable[dict[str, Any]]) -> Exhaustion:
    total = dict.fromkeys(Outcome, 0)
    sums = dict.fromkeys(("inputs", "mirrored", "escalated", "rejudged"), 0)
    found: dict[str, Example | None] = {"closest": None, "largest": None, "first": None}
    for line in lines:
        for outcome in Outcome:
            total[outcome] += line["counts"][outcome.name]
        for name in sums:
            sums[name] += line[name]
        for name, best in found.items():
            found[name] = _better(name, best, _example_in(line[name]))
    kernel = plan.kernel
    return Exhaustion(
        kernel.name,
        kernel.function,
        plan.format.name,
        plan.standard,
        plan.libm,
        sums["inputs"],
        sums["mirrored"],
        total,
        sums["escalated"],
        sums["rejudged"],
        **found,
    )
