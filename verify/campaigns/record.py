"""A campaign as a plain record: versioned JSON with hex floats, which is all that a report may know.

The same campaign gives the same bytes: nothing in it depends on the time or on the number of jobs. The schema is in
`verify/record.schema.json`.
"""

from __future__ import annotations

import math
import shlex
from typing import Any

from shiftproof.proofs import ALGORITHMS, FUNCTIONS, READINGS, Algorithm, bound

from ..cases import Case
from ..decision import Outcome
from ..host import FAULTS
from ..hunting import Found
from ..kernels import Kernel
from ..landscape import gap_end, length_end, size_end
from ..premises import environment, probe
from ..profiles import PROFILES
from ..references import MPMATH_ASSUMPTION
from ..schemas import read, schema
from ..shifts import shifted_rows, what_shifts_cost
from ..standards import ladder
from ..verdicts import Tally, Verdict
from .campaign import Campaign, KernelResult, Plan

__all__ = ["SCHEMA_VERSION", "read_record", "record_of", "record_schema", "search_record"]

SCHEMA_VERSION = 2

Json = dict[str, Any]


def record_schema() -> Json:
    """The JSON schema of the record."""
    return schema("record")


def read_record(text: str) -> Json:
    """The record in a file's text; its every float can be read.

    Raises ValueError, with the place, for what is not JSON, not a campaign, of another version, or against the schema.
    """
    return read(text, _KIND, SCHEMA_VERSION, record_schema(), "verify --json")


_KIND = "shiftproof-campaign"


def record_of(campaign: Campaign) -> Json:
    """The record of a finished campaign; probes the premises of its format on this machine."""
    plan = campaign.plan
    premises, flushes = probe(plan.format)
    return {
        "schema": _KIND,
        "version": SCHEMA_VERSION,
        "environment": environment(),
        "format": plan.format.name,
        "standard": plan.standard,
        "seed": plan.seed,
        "cases": plan.cases,
        "only_case": plan.only,
        "reading": plan.reading,
        "accumulator": None if plan.accumulator in (None, plan.format) else plan.accumulator.name,
        "families": [{"name": family.name, "hunts": family.hunts} for family in plan.families],
        "standards": {name: list(ladder(name)) for name in FUNCTIONS},
        "algorithms": [_algorithm(a) for a in ALGORITHMS],
        "faults": FAULTS,
        "profiles": PROFILES,
        "assumed": {
            "mpmath": MPMATH_ASSUMPTION,
            "libm_ulp": plan.libm.texts(),
            "arithmetic": "IEEE 754 round to nearest even, gradual underflow",
        },
        "measured": {
            "numpy": [
                {"function": p.function, "largest_known_ulp": _number(p.largest_known_ulp), "argument": p.argument}
                for p in premises
            ],
            "flushes_subnormals": flushes,
            "shifts": _shifts(plan),
        },
        "kernels": [_kernel(result, _replay(plan, result.kernel)) for result in campaign.results],
    }


def search_record(found: Found) -> Json:
    """What a search found, with hex floats; the cases are there in full, as rows."""
    cases = (("worst", found.case, found.worst), ("smallest", found.smallest, found.shown))
    return {
        "schema": "shiftproof-search",
        "version": 1,
        "environment": environment(),
        "kernel": found.kernel.name,
        "function": found.kernel.function,
        "format": found.format.name,
        "standard": found.standard,
        "assumed": {"libm_ulp": found.libm.texts()},
        "seed": found.seed,
        "evaluations": found.evaluations,
        "outcome": found.outcome.name,
        "ratio": _number(found.ratio),
        "history": [{"evaluations": done, "ratio": _number(ratio)} for done, ratio in found.history],
        "counts": {outcome.name: count for outcome, count in found.counts.items()},
        **{name: None if case is None or told is None else _shown(case, told) for name, case, told in cases},
    }


def _shown(case: Case, verdict: Verdict) -> Json:
    rows = [[_number(float(v)) for v in row] for row in case.x.tolist()]
    return {
        "dtype": case.x.dtype.name,
        "layout": case.layout,
        "rows": rows,
        "flushed": verdict.flushed,
        **_said(verdict),
    }


def _shifts(plan: Plan) -> Json:
    return {
        "rows": [[_number(v) for v in row] for row in shifted_rows(plan.format).tolist()],
        "points": [
            {
                "shift": _number(point.shift),
                "row": point.row,
                "got": _number(point.got),
                "error_ulp": [_number(end) for end in point.error_ulp],
                "allowed_ulp": [_number(end) for end in point.allowed_ulp],
                "outcome": point.outcome.name,
            }
            for point in what_shifts_cost(plan.format, plan.libm)
        ],
    }


def _algorithm(algorithm: Algorithm) -> Json:
    closed = bound(algorithm.function, algorithm.name)
    where = [f"{name} = {definition}" for name, definition in closed.where]
    return {
        "function": algorithm.function,
        "name": algorithm.name,
        "formula": algorithm.formula,
        "closed_form": {"formula": str(closed.formula), "where": where, "proof": closed.proof},
    }


def _kernel(result: KernelResult, replay: str) -> Json:
    def entry(verdict: Verdict | None) -> Json | None:
        return None if verdict is None else _verdict(verdict, replay)

    tally = result.tallies[result.shown]
    stronger = result.stronger()
    return {
        "name": result.kernel.name,
        "function": result.kernel.function,
        "profile": result.kernel.profile,
        "claim": result.kernel.claim,
        "held": result.held,
        "shown": result.shown,
        "class": result.kernel_class,
        "flushes_subnormals": result.flushes,
        "outcome": result.outcome.name,
        "counts": _counts(tally),
        "unstable": tally.unstable,
        "worst": entry(tally.worst),
        "closest": entry(tally.closest),
        "largest": entry(tally.largest),
        "not_reached": None if stronger is None else {"standard": stronger[0], "simplest": entry(stronger[1])},
        "faults": {
            name: {"count": count, "simplest": entry(verdict)}
            for name, (count, verdict) in sorted(tally.faults.items())
        },
        "families": {name: _family(shown, replay) for name, shown in result.families.items()},
        "sizes": [
            {"up_to_ulp": _number(size_end(code)), "results": count}
            for code, count in sorted(tally.landscape.sizes.items())
        ],
        "cells": [_cell(result, key) for key in sorted(tally.landscape.cells)],
    }


def _cell(result: KernelResult, key: tuple[int, int]) -> Json:
    gap, length = key
    cells = {standard: tally.landscape.cells[key] for standard, tally in result.tallies.items()}
    closest = cells[result.shown].closest
    return {
        "gap_up_to": _number(gap_end(gap)),
        "length_up_to": length_end(length),
        "rows": {
            standard: {outcome.name: count for outcome, count in sorted(cell.counts.items(), key=lambda c: c[0].value)}
            for standard, cell in cells.items()
        },
        "closest": None
        if closest is None
        else {"ratio": _number(closest[0]), "gap": _number(closest[1]), "length": closest[2]},
    }


def _family(tally: Tally, replay: str) -> Json:
    not_within = sum(count for outcome, count in tally.counts.items() if outcome is not Outcome.WITHIN)
    return {
        "counts": _counts(tally),
        "worst": None if tally.worst is None else _verdict(tally.worst, replay),
        "closest": None if tally.closest is None else _verdict(tally.closest, replay),
        "findings": [_verdict(verdict, replay) for verdict in tally.findings],
        "findings_left_out": not_within - len(tally.findings),
    }


def _counts(tally: Tally) -> Json:
    return {outcome.name: count for outcome, count in tally.counts.items()}


def _number(value: float) -> str:
    return value.hex() if math.isfinite(value) else ("nan" if math.isnan(value) else "inf" if value > 0 else "-inf")


def _replay(plan: Plan, kernel: Kernel) -> str:
    """The command that runs this kernel as it was run here, but for the case and the standard."""
    words = ["shiftproof", "verify", kernel.name, "--format", plan.format.name, "--seed", str(plan.seed)]
    if ":" in kernel.name:
        words += ["--function", kernel.function]
    if kernel.call != "batch":
        words += ["--call", kernel.call]
    if kernel.profile != "strict":
        words += ["--profile", kernel.profile]
    if plan.reading != READINGS[0]:
        words += ["--bounds", plan.reading]
    if plan.accumulator is not None:
        words += ["--accumulate", plan.accumulator.name]
    for name in ("exp", "log", "log1p"):
        if getattr(plan.libm, name) != 1:
            words += ["--libm", f"{name}={getattr(plan.libm, name)}"]
    return shlex.join(words)


def _verdict(verdict: Verdict, replay: str) -> Json:
    return {"replay": f"{replay} --standard {verdict.standard} --case {verdict.case}", **_said(verdict)}


def _said(verdict: Verdict) -> Json:
    return {
        "case": verdict.case,
        "standard": verdict.standard,
        "outcome": verdict.outcome.name,
        "fault": verdict.fault,
        "because": verdict.because,
        "length": verdict.length,
        "x": None if verdict.x is None else list(verdict.x),
        "place": verdict.place,
        "got": verdict.got,
        "want": verdict.want,
        "error_ulp": [_number(end) for end in verdict.error_ulp],
        "allowed_ulp": [_number(end) for end in verdict.allowed_ulp],
        "ratio": _number(verdict.ratio),
    }
