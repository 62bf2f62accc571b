"""A survey: all that the installed libraries have, in every format that they have it in, as one record.

Each library is judged in processes of its own. What is not here is named, with the reason; nothing is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shiftproof.proofs import Libm

from ..adversaries import ADVERSARIES
from ..cases import Adversary
from ..decision import Outcome
from ..formats import FORMATS
from ..kernels import KernelError, library_kernels
from ..libraries import LIBRARIES, Library
from ..premises import environment
from ..schemas import read, schema
from ..standards import ladder
from ..verdicts import Tally, Verdict
from .campaign import Campaign, KernelResult, Plan, run_campaign
from .findings import LIBRARY_LIBM, Finding, findings_of, long_row_findings, textbook

__all__ = ["SURVEY_CASES", "Survey", "read_survey", "survey_libraries", "survey_record"]

SURVEY_CASES = 310  # ten of each family
_KIND, _VERSION = "shiftproof-leaderboard", 1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Survey:
    """The campaigns of a survey, one for each library and format, their findings, and what was not there and why.

    `absent` is by library, or by library and format.
    """

    campaigns: tuple[Campaign, ...]
    findings: tuple[Finding, ...]
    absent: dict[str, str]


def survey_libraries(
    libraries: Iterable[Library],
    formats: Sequence[str] = tuple(FORMATS),
    *,
    function: str | None = None,
    cases: int = SURVEY_CASES,
    seed: int = 0,
    jobs: int = 1,
    libm: Libm = LIBRARY_LIBM,
    timeout: float = 60.0,
    families: tuple[Adversary, ...] = tuple(ADVERSARIES.values()),
    long_rows: bool = False,
    progress: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> Survey:
    """Judge what the libraries have, `cases` for each kernel and format; `progress(what, done, of)` as shards end.

    Each logsumexp also gets one row that is longer than its format can count; in binary32, where that takes a minute
    and gigabytes, only with `long_rows`.

    Raises RefereeDisagreement, and ValueError for unusable values.
    """
    campaigns: list[Campaign] = []
    found: list[Finding] = []
    absent: dict[str, str] = {}
    for library in libraries:
        kernels = tuple(k for k in library_kernels(library) if function in (None, k.function))
        if not library.installed:
            absent[library.name] = f"{library.package} is not installed here"
            continue
        for name in (f for f in formats if f in library.types):
            what = f"{library.name} in {name}"
            plan = Plan(kernels, FORMATS[name], None, families, cases, seed, jobs, libm, timeout)
            try:
                campaign = run_campaign(plan, partial(progress, what))
            except KernelError as error:
                absent[what] = str(error)
                continue
            campaigns.append(campaign)
            found += findings_of(campaign)
            if long_rows or name != "binary32":
                found += long_row_findings(campaign)
    return Survey(tuple(campaigns), tuple(found), absent)


def survey_record(made: Survey, formats: Sequence[str], cases: int, seed: int, libm: Libm | None = None) -> Json:
    """The survey as a plain record, as `leaderboard.schema.json` has it; floats are C99 hex strings."""
    return {
        "schema": _KIND,
        "version": _VERSION,
        "environment": environment(),
        "cases": cases,
        "seed": seed,
        "formats": list(formats),
        "libm_ulp": (libm or LIBRARY_LIBM).texts(),
        "libraries": {
            name: LIBRARIES[name].version
            for name in dict.fromkeys(r.kernel.library for c in made.campaigns for r in c.results)
        },
        "absent": made.absent,
        "calls_not_there": [
            {"kernel": name, "format": campaign.plan.format.name, "reason": reason}
            for campaign in made.campaigns
            for name, reason in campaign.absent.items()
        ],
        "kernels": [_row(campaign, result) for campaign in made.campaigns for result in campaign.results],
        "findings": [_finding(f) for f in made.findings],
    }


def read_survey(text: str) -> Json:
    """The record in a file's text. Raises ValueError, with the place, for anything else."""
    return read(text, _KIND, _VERSION, schema("leaderboard"), "leaderboard --json")


def _row(campaign: Campaign, result: KernelResult) -> Json:
    kernel, held = result.kernel, textbook(result.kernel)
    tally = result.tallies[held or ladder(result.kernel.function)[-1]]
    return {
        "kernel": kernel.name,
        "function": kernel.function,
        "format": campaign.plan.format.name,
        "call": LIBRARIES[kernel.library].kernels[kernel.source].expression,
        "class": result.kernel_class,
        "flushes_subnormals": result.flushes,
        "textbook": held or "none",
        "outcome": _outcome(tally, held is not None).name,
        "counts": {outcome.name: count for outcome, count in tally.counts.items()},
        "faults": {name: count for name, (count, _) in tally.faults.items()},
        "largest": None if tally.largest is None else _verdict(tally.largest),
        "closest": None if tally.closest is None else _verdict(tally.closest),
    }


def _outcome(tally: Tally, held: bool) -> Outcome:
    """The worst outcome; what only flushes subnormals is marked, and what is faithful is within here. What is held to
    nothing is not passed."""
    if tally.counts[Outcome.FAULT]:
        return Outcome.FAULT
    if not held:
        return Outcome.OUT_OF_SCOPE
    if tally.gross:
        return Outcome.EXCEEDS
    if tally.counts[Outcome.UNDECIDED]:
        return Outcome.UNDECIDED
    judged = tally.counts[Outcome.WITHIN] + tally.counts[Outcome.EXCEEDS]
    return Outcome.WITHIN if judged else Outcome.OUT_OF_SCOPE


def _verdict(verdict: Verdict) -> Json:
    return {
        "case": verdict.case,
        "length": verdict.length,
        "x": None if verdict.x is None else list(verdict.x),
        "place": verdict.place,
        "got": verdict.got,
        "want": verdict.want,
        "error_ulp": [_number(end) for end in verdict.error_ulp],
        "allowed_ulp": [_number(end) for end in verdict.allowed_ulp],
        "ratio": _number(verdict.ratio),
        "because": verdict.because,
    }


def _number(value: float) -> str:
    return value.hex() if math.isfinite(value) else repr(value)


def _finding(found: Finding) -> Json:
    return {
        "kernel": found.kernel,
        "function": found.function,
        "format": found.format,
        "version": found.version,
        "call": found.call,
        "broken": found.broken,
        "fault": found.verdict.fault,
        "class": found.reaches,
        "count": found.count,
        "again": found.again,
        "script": found.script,
        **_verdict(found.verdict),
    }
