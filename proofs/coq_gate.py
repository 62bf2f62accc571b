"""Asks Coq whether the derivations hold: compiles what `coq_export` writes and the statements written by hand.

A theorem is ACCEPTED only if its export compiles, the hand-written file states it and proves that statement by the
export alone, no source declares an axiom or leaves a proof open, and all that the statements assume are the axioms of
Coq's real numbers. Without coqc everything is SKIPPED, which is not a pass.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .coq_export import (
    PREAMBLE,
    Mutant,
    Place,
    export_all,
    export_mutants,
    in_order,
    module_name,
    needed,
    refutation_module,
    theorem_name,
)
from .coqc import (
    ALLOWED_AXIOMS,
    Coq,
    CoqEntry,
    CoqReport,
    CoqState,
    CoqUnavailable,
    Outcome,
    assumed,
    blamed,
    find_coqc,
    forbidden,
    source,
)
from .trusted import Premise, Relation, Theorem

__all__ = [
    "Refutation",
    "audit_text",
    "check_text",
    "check_with_coq",
    "coq_rejects",
    "rules_text",
]

_PARALLEL = 2


@dataclass(frozen=True, slots=True)
class Refutation:
    """The claim that a relation fails at a point at which the premises hold."""

    name: str
    relation: Relation
    point: Place
    premises: tuple[Premise, ...] = ()


def rules_text() -> str:
    """The library of rules."""
    return source("Rules")


def audit_text() -> str:
    """The statements written by hand."""
    return source("Audit")


@dataclass(frozen=True, slots=True)
class _Failure:
    lemma: str
    reason: str


def _sieved(
    coq: Coq,
    file: str,
    names: Sequence[str],
    text_of: Callable[[Sequence[str]], str],
    at: Callable[[str, int], tuple[str, str]],
) -> tuple[list[str], dict[str, _Failure], Outcome]:
    """Compiles the parts `names` in one file, without those that fail: those that compiled, the failures, the last run.

    `at` tells which part and lemma a line belongs to. A file that fails at no line of a part is tried part by part.
    """
    left = list(names)
    failed: dict[str, _Failure] = {}
    while left:
        text = text_of(left)
        outcome = coq.compile(file, text)
        if outcome.ok:
            return left, failed, outcome
        part, lemma = at(text, outcome.line) if outcome.line else ("", "")
        if part not in left:
            if len(left) > 1:
                break
            part = left[0]
        failed[part] = _Failure(lemma, outcome.message)
        left.remove(part)
    else:
        return [], failed, Outcome(True)
    alone = {name: coq.compile(file, text_of([name])) for name in left}
    for name, outcome in alone.items():
        if not outcome.ok:
            failed[name] = _Failure("", outcome.message)
    good = [name for name in left if alone[name].ok]
    last = coq.compile(file, text_of(good)) if good else Outcome(True)
    if not last.ok:  # each compiles and all together do not
        failed |= {name: _Failure("", last.message) for name in good}
        good = []
    return good, failed, last


# Theorems.


def _check_exports(coq: Coq, theorems: Sequence[Theorem]) -> dict[str, _Failure]:
    """Compiles the exports of the theorems as Batch_1 .. and Catalogue; the failures by name."""
    failed: dict[str, _Failure] = {}
    known = {module_name(t.name): t.name for t in theorems}
    left = list(theorems)
    while left:
        texts = export_all(left, _PARALLEL)
        numbered = [(f"Batch_{n}", text) for n, text in enumerate(texts, 1)]
        for _, text in numbered:
            if words := forbidden(text):  # the exporter never writes one of them
                return {t.name: _Failure("", f"the export contains {', '.join(words)}") for t in theorems}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            outcomes = list(pool.map(lambda pair: coq.compile(*pair), numbered))
        new: dict[str, _Failure] = {}
        for (_, text), outcome in zip(numbered, outcomes, strict=True):
            if outcome.ok:
                continue
            module, lemma = blamed(text, outcome.line)
            if module in known:
                new[known[module]] = _Failure(lemma, outcome.message)
            else:
                new |= _each_alone(coq, [t for t in left if f"\nModule {module_name(t.name)}." in text], outcome)
        if not new:
            coq.compile("Catalogue", f"From ShiftProof Require Export {' '.join(name for name, _ in numbered)}.\n")
            break
        failed |= new
        left = _without_dependents(left, failed)
    return failed


def _each_alone(coq: Coq, theorems: Sequence[Theorem], whole: Outcome) -> dict[str, _Failure]:
    """Those that fail when compiled with nothing but what they use; all of them if none does."""
    found: dict[str, _Failure] = {}
    for theorem in theorems:
        (text,) = export_all((theorem,))
        outcome = coq.compile("Alone", text)
        if not outcome.ok:
            found[theorem.name] = _Failure(blamed(text, outcome.line)[1], outcome.message)
    return found or {t.name: _Failure("", whole.message) for t in theorems}


def _without_dependents(theorems: Sequence[Theorem], failed: dict[str, _Failure]) -> list[Theorem]:
    """The theorems that neither failed nor use one that did; the latter are added to `failed`."""
    left: list[Theorem] = []
    for theorem in theorems:
        lost = [t.name for t in needed(theorem) if t.name in failed]
        if lost:
            failed.setdefault(theorem.name, _Failure("", f"it rests on {lost[0]!r}, which is not accepted"))
        if theorem.name not in failed:
            left.append(theorem)
    return left


_BLOCK = re.compile(r"^Theorem audit_([\w']+) :.*?^Proof\. exact ([\w.']+)\. Qed\.$", re.DOTALL | re.MULTILINE)


def _check_audit(coq: Coq, theorems: Sequence[Theorem], text: str) -> dict[str, _Failure]:
    """The theorems whose hand-written statement is missing, is not what was exported, or assumes too much."""
    blocks = {m[1]: m for m in _BLOCK.finditer(text)}
    if words := forbidden(text):
        return {t.name: _Failure("", f"Audit.v contains {', '.join(words)}") for t in theorems}
    failed: dict[str, _Failure] = {}
    stated: dict[str, str] = {}
    for theorem in theorems:
        name = theorem_name(theorem.name)
        if name not in blocks or blocks[name][0].count("Theorem ") != 1:
            failed[theorem.name] = _Failure("", "no audited statement")
        elif blocks[name][2] != f"{module_name(theorem.name)}.{name}":
            # Proven by anything else it would say nothing about the export.
            failed[theorem.name] = _Failure(f"audit_{name}", "the audited statement is not proven by this theorem")
        else:
            stated[name] = theorem.name
    header = _BLOCK.sub("", text)

    def text_of(names: Sequence[str]) -> str:
        listed = ", ".join(f"audit_{name}" for name in names)
        printing = f"Definition audits := ({listed}).\nPrint Assumptions audits.\n"
        return "\n\n".join([header, *(blocks[name][0] for name in names), printing])

    def at(whole: str, line: int) -> tuple[str, str]:
        lemma = blamed(whole, line)[1]
        return lemma.removeprefix("audit_"), lemma

    good, wrong, outcome = _sieved(coq, "Audit", list(stated), text_of, at)
    failed |= {stated[name]: failure for name, failure in wrong.items()}
    if extra := assumed(outcome.printed) - ALLOWED_AXIOMS:
        for name in good:
            alone = coq.compile("Assumed", f"From ShiftProof Require Import Audit.\nPrint Assumptions audit_{name}.\n")
            if more := (assumed(alone.printed) - ALLOWED_AXIOMS if alone.ok else extra):
                failed[stated[name]] = _Failure(f"audit_{name}", f"assumes {', '.join(sorted(more))}")
    return failed


# Refutations.


def _check_refutations(coq: Coq, refutations: Sequence[Refutation]) -> dict[str, _Failure]:
    failed: dict[str, _Failure] = {}
    modules: dict[str, str] = {}
    known = {module_name(r.name): r.name for r in refutations}
    for r in refutations:
        try:
            modules[r.name] = refutation_module(r.relation, r.name, r.point, r.premises)
        except ValueError as reason:
            failed[r.name] = _Failure("", str(reason))
        else:
            if words := forbidden(modules[r.name]):
                failed[r.name] = _Failure("", f"the export contains {', '.join(words)}")

    def text_of(names: Sequence[str]) -> str:
        listed = ", ".join(f"{module_name(name)}.{theorem_name(name)}" for name in names)
        parts = [PREAMBLE, *(modules[name] for name in names)]
        return "\n".join([*parts, f"Definition refutations := ({listed}).", "Print Assumptions refutations.\n"])

    def at(whole: str, line: int) -> tuple[str, str]:
        module, lemma = blamed(whole, line)
        return known.get(module, ""), lemma

    left = [r.name for r in refutations if r.name not in failed]
    good, wrong, outcome = _sieved(coq, "Refutations", left, text_of, at)
    failed |= wrong
    if extra := assumed(outcome.printed) - ALLOWED_AXIOMS:
        failed |= {name: _Failure("", f"assumes {', '.join(sorted(extra))}") for name in good}
    return failed


# The gate.


def check_with_coq(
    theorems: Iterable[Theorem],
    refutations: Iterable[Refutation] = (),
    *,
    limit: float = 120.0,
    keep: Path | None = None,
    audit: str | None = None,
) -> CoqReport:
    """The state of every theorem and refutation; never raises because of coqc.

    A coqc process may run for `limit` seconds. The .v files are copied to the folder `keep`, which is made; OSError is
    raised if that cannot be done. `audit` stands in for the hand-written statements. Two theorems (or refutations) of
    one name raise ValueError.
    """
    begun = time.monotonic()
    asked, disputed = tuple(theorems), tuple(refutations)
    ordered = in_order(asked)
    if len({r.name for r in disputed}) < len(disputed):
        raise ValueError("two refutations have one name")
    coqc = find_coqc()
    if coqc is None:
        names = [*(t.name for t in asked), *(r.name for r in disputed)]
        skipped = tuple(CoqEntry(name, CoqState.SKIPPED, reason="coqc is not installed") for name in names)
        return CoqReport(skipped, seconds=time.monotonic() - begun)
    with TemporaryDirectory(prefix="shiftproof-coq-") as name:
        coq = Coq(coqc, Path(name), limit)
        wrong: dict[str, _Failure] = {}
        unrefuted: dict[str, _Failure] = {}
        if problem := coq.library():
            wrong = {t.name: _Failure("", problem) for t in asked}
            unrefuted = {r.name: _Failure("", problem) for r in disputed}
        else:
            wrong = _check_exports(coq, ordered)
            left = [t for t in asked if t.name not in wrong]
            with ThreadPoolExecutor(_PARALLEL) as pool:
                audited = pool.submit(_check_audit, coq, left, audit_text() if audit is None else audit)
                refuted = pool.submit(_check_refutations, coq, disputed)
                wrong |= audited.result()
                unrefuted = refuted.result()
        if keep is not None:
            coq.keep(keep, without=("Alone", "Assumed"))
        version = coq.version()
    entries = [_entry(t.name, wrong, CoqState.ACCEPTED, CoqState.NOT_ACCEPTED) for t in asked]
    entries += [_entry(r.name, unrefuted, CoqState.REFUTED, CoqState.NOT_REFUTED) for r in disputed]
    return CoqReport(tuple(entries), version, time.monotonic() - begun)


def _entry(name: str, failed: dict[str, _Failure], good: CoqState, bad: CoqState) -> CoqEntry:
    if name not in failed:
        return CoqEntry(name, good)
    return CoqEntry(name, bad, failed[name].lemma, failed[name].reason)


def check_text(name: str, text: str, *, limit: float = 120.0) -> CoqEntry:
    """What Coq says of an exported text, whoever wrote it; its statement is not audited here."""
    coqc = find_coqc()
    if coqc is None:
        return CoqEntry(name, CoqState.SKIPPED, reason="coqc is not installed")
    if words := forbidden(text):
        return CoqEntry(name, CoqState.NOT_ACCEPTED, reason=f"the text contains {', '.join(words)}")
    with TemporaryDirectory(prefix="shiftproof-coq-") as folder:
        coq = Coq(coqc, Path(folder), limit)
        if problem := coq.library():
            return CoqEntry(name, CoqState.NOT_ACCEPTED, reason=problem)
        outcome = coq.compile("Text", text)
    if outcome.ok:
        return CoqEntry(name, CoqState.ACCEPTED)
    return CoqEntry(name, CoqState.NOT_ACCEPTED, blamed(text, outcome.line)[1], outcome.message)


def coq_rejects(mutants: Iterable[Mutant], *, limit: float = 240.0) -> list[bool]:
    """For each step whether Coq fails to prove it with its rule's tactic; raises CoqUnavailable if it was not asked.

    A step that cannot be written down as Coq counts as rejected. One that is not rejected is proven, so it is true.
    """
    listed = tuple(mutants)
    coqc = find_coqc()
    if coqc is None:
        raise CoqUnavailable("coqc is not installed")
    with TemporaryDirectory(prefix="shiftproof-coq-") as folder:
        coq = Coq(coqc, Path(folder), limit)
        if problem := coq.library():
            raise CoqUnavailable(problem)
        half = (len(listed) + 1) // 2
        parts = [(0, listed[:half]), (half, listed[half:])]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            runs = [pool.submit(coq.compile, f"Mutants_{n}", export_mutants(part)) for n, (_, part) in enumerate(parts)]
            outcomes = [run.result() for run in runs]
    accepted: set[int] = set()
    for (first, _), outcome in zip(parts, outcomes, strict=True):
        if not outcome.ok:
            raise CoqUnavailable(f"the mutants did not compile: line {outcome.line}: {outcome.message}")
        accepted |= {first + int(n) for n in re.findall(r"^accepted (\d+)$", outcome.printed, re.MULTILINE)}
    return [number not in accepted for number in range(len(listed))]
