"""Asks Coq whether the rounding bounds hold: compiles the library and ties it to the formulas that Python evaluates.

A bound is ACCEPTED only if the library compiles, Coq proves that every formula of `formulas` is the definition of its
name in Formulas.v and that this bound, as it is composed here, is the definition in Bounds.v that its theorem is about,
no source declares an axiom or leaves a proof open, and all that the theorems assume are the axioms of the reals. What
is compared is the formulas: that a bound's hypotheses and shift are those of its theorem is for people to read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from .bounds import QUANTITIES, Bound
from .coq_formulas import coq_text, formulas_module
from .coqc import ALLOWED_AXIOMS, Coq, CoqEntry, CoqReport, CoqState, assumed, blamed, find_coqc, forbidden, source
from .formulas import COUNTS

__all__ = ["FORMAT_THEOREMS", "LIBRARY", "check_bounds", "compositions_module"]

# The files of the library on rounding, each after those that it rests on.
LIBRARY = (
    "Rules", "Model", "Formulas", "Sums", "Steps", "LogSumExp", "Online", "Softmax", "LogSoftmax", "Formats", "Kernels",
    "Bounds",
)  # fmt: skip
# Theorems of Kernels.v: the algorithms in the arithmetic of IEEE formats, as Flocq has it.
FORMAT_THEOREMS = {
    "ieee_lse_log1p": "every format: logsumexp.shifted-log1p keeps its bound",
    "ieee_lse_log1p_entropy": "every format of at least 8 bits: its bound by the entropy",
    "ieee_lse_shifted_worst_case": "every format: logsumexp.shifted over all x of a length",
    "ieee_lse_log1p_worst_case": "every format: its bound over all x of a length",
    "ieee_lse_shifted": "every format: logsumexp.shifted",
    "ieee_lse_arbitrary_shift": "every format: logsumexp.arbitrary-shift",
    "ieee_lse_naive": "every format: logsumexp.naive",
    "ieee_lse_online": "every format: logsumexp.online",
    "ieee_lse_merged": "every format: logsumexp.merged",
    "ieee_chained": "every format: logsumexp.chained",
    "ieee_softmax_shifted": "every format: softmax.shifted",
    "ieee_softmax_arbitrary_shift": "every format: softmax after any shift",
    "ieee_softmax_norm": "every format: softmax.shifted (normwise)",
    "ieee_softmax_division_free": "every format: softmax.division-free",
    "ieee_softmax_division_free_norm": "every format: softmax.division-free (normwise)",
    "ieee_softmax_online": "every format: softmax.online",
    "ieee_softmax_online_norm": "every format: softmax.online, normwise",
    "ieee_logaddexp": "every format: logaddexp, one step of logsumexp.chained",
    "ieee_log_softmax_log1p": "every format: log_softmax.shifted-log1p",
    "ieee_log_softmax_shifted": "every format: log_softmax.shifted",
    "ieee_log_softmax_composed": "every format: log_softmax.composed",
    "ieee_lse_log1p_in_range": "every format: no sum of logsumexp.shifted-log1p overflows",
    "ieee_lse_shifted_in_range": "every format: no sum of logsumexp.shifted overflows",
    "kernel_lse_log1p_exists": "every format: there is a run, so that none of this is empty",
    "binary64_lse_log1p_in_range_1000": "n <= 1000, any binary64 x: no sum of shifted-log1p overflows",
    "binary64_lse_shifted_in_range_1000": "n <= 1000, any binary64 x: no sum of shifted overflows",
    "binary64_lse_shifted_1000": "n <= 1000, any binary64 x: |error| <= 2^-53 |y| + 1.14e-13 for shifted",
    "binary64_lse_log1p_1000": "n <= 1000, any binary64 x: |error| <= 2^-53 |y| + 1.14e-13 for shifted-log1p",
    "binary64_softmax_1000": "n <= 1000, any binary64 x: |error| <= 1.13e-13 max softmax(x) for shifted",
    "binary64_log_softmax_log1p_1000": "n <= 1000, any binary64 x: |error| <= 2.1 * 2^-53 |z| + 1.14e-13, log_softmax",
    "binary32_lse_log1p_1000": "n <= 1000, any binary32 x: |error| <= 2^-24 |y| + 6.1e-5 for shifted-log1p",
    "binary16_lse_log1p_10": "n <= 10, any binary16 x: |error| <= 2^-11 |y| + 7.9e-3 for shifted-log1p",
    "bfloat16_lse_log1p_10": "n <= 10, any bfloat16 x: |error| <= 2^-8 |y| + 6.6e-2 for shifted-log1p",
}
_PARALLEL = 2

_HEADER = """\
(* Generated: the bounds as they are composed and evaluated, and that they are those of Bounds.v. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules Model Bounds Same Formulas.
Open Scope R_scope.

Ltac composed :=
  cbv beta delta [gamma_all kappa_all gamma_others kappa_others gamma_pairwise kappa_pairwise gamma_compensated
    kappa_compensated Rdiv];
  repeat first [reflexivity | solve [arithmetic] | progress f_equal].
"""


def _parameters(bound: Bound) -> list[str]:
    """The quantities that the bound depends on, in the order of `QUANTITIES`."""
    used = {s.name for s in bound.composed().free_symbols}
    return [name for name in QUANTITIES if name in used]


def compositions_module(bounds: Iterable[Bound]) -> str:
    """A Coq file that compiles only if each bound is the definition bound_NAME of Bounds.v, for all arguments."""
    parts = [_HEADER]
    for bound in bounds:
        names = _parameters(bound)
        binders = " ".join(f"({name} : {'nat' if name in COUNTS else 'R'})" for name in names)
        left = f"bound_{bound.theorem} M {' '.join(names)}"
        statement = f"forall (M : model) {binders}, (1 <= terms)%nat -> {left} = {coq_text(bound.composed())}"
        proof = f"intros; unfold bound_{bound.theorem}; composed."
        parts.append(f"Lemma composed_{bound.theorem} : {statement}.\nProof. {proof} Qed.\n")
    return "\n".join(parts)


def check_bounds(
    bounds: Iterable[Bound], formats: Iterable[str] = (), *, limit: float = 240.0, keep: Path | None = None
) -> CoqReport:
    """The state of every bound and of theorems of `FORMAT_THEOREMS`, by name; SKIPPED without coqc.

    A coqc process may run for `limit` seconds. The .v files are copied to the folder `keep`, which is made; OSError is
    raised if that cannot be done.
    """
    begun = time.monotonic()
    asked, others = tuple(bounds), tuple(formats)
    coqc = find_coqc()
    if coqc is None:
        names = [*(b.name for b in asked), *others]
        skipped = tuple(CoqEntry(name, CoqState.SKIPPED, reason="coqc is not installed") for name in names)
        return CoqReport(skipped, seconds=time.monotonic() - begun)
    with TemporaryDirectory(prefix="shiftproof-coq-") as name:
        coq = Coq(coqc, Path(name), limit)
        problem = _compiled(coq) or _formulas(coq)
        if problem:
            entries = (*(_entry(b, problem) for b in asked), *(_said(name, problem) for name in others))
        else:
            entries = (*_composed(coq, asked), *_in_formats(coq, others))
        if keep is not None:
            coq.keep(keep)
        version = coq.version()
    return CoqReport(entries, version, time.monotonic() - begun)


def _compiled(coq: Coq) -> str:
    """Compiles the library, files that rest on the same ones side by side; what is wrong with it, or ""."""
    texts = {name: source(name) for name in LIBRARY}
    for name, text in texts.items():
        if words := forbidden(text):
            return f"{name}.v contains {', '.join(words)}"
    needs = {
        name: set(re.findall(r"\w+", " ".join(re.findall(r"From ShiftProof Require Import ([\w\s]+)\.", text))))
        for name, text in texts.items()
    }
    done: set[str] = set()
    while len(done) < len(LIBRARY):
        ready = [name for name in LIBRARY if name not in done and needs[name] <= done]
        if not ready:
            return f"the files of the library rest on each other: {', '.join(sorted(set(LIBRARY) - done))}"
        with ThreadPoolExecutor(_PARALLEL) as pool:
            outcomes = list(pool.map(lambda name: coq.compile(name, texts[name]), ready))
        for name, outcome in zip(ready, outcomes, strict=True):
            if not outcome.ok:
                lemma = blamed(texts[name], outcome.line)[1]
                return f"{name}.v, line {outcome.line}{f' ({lemma})' if lemma else ''}: {outcome.message}"
        done |= set(ready)
    return ""


def _formulas(coq: Coq) -> str:
    """Whether the formulas are those of Formulas.v; what is wrong, or ""."""
    text = formulas_module()
    outcome = coq.compile("Same", text)
    if outcome.ok:
        return ""
    lemma = blamed(text, outcome.line)[1].removeprefix("same_")
    return f"the formula {lemma} is not the one of Formulas.v: {outcome.message}"


def _composed(coq: Coq, bounds: tuple[Bound, ...]) -> tuple[CoqEntry, ...]:
    """Each bound against its definition and theorem; all at once, and one by one where that fails."""
    text = compositions_module(bounds)
    if coq.compile("Compositions", text).ok and not _assumed(coq, bounds):
        return tuple(_entry(b, "") for b in bounds)
    entries = []
    for b in bounds:
        outcome = coq.compile("Alone", compositions_module((b,)))
        reason = "" if outcome.ok else f"it is not the bound of its theorem: {outcome.message}"
        entries.append(_entry(b, reason or _assumed(coq, (b,), "Alone")))
    return tuple(entries)


def _assumed(coq: Coq, bounds: tuple[Bound, ...], module: str = "Compositions") -> str:
    """What is wrong with the theorems of the bounds, or ""."""
    names = [part for b in bounds for part in (f"Bounds.{b.theorem}", f"{module}.composed_{b.theorem}")]
    return _assuming(coq, f"Bounds {module}", names)


def _in_formats(coq: Coq, names: tuple[str, ...]) -> tuple[CoqEntry, ...]:
    """The theorems of Kernels.v: that they are there, and what they assume; one by one where all together fail."""
    problem = _assuming(coq, "Kernels", [f"Kernels.{name}" for name in names]) if names else ""
    if not problem:
        return tuple(_said(name, "") for name in names)
    return tuple(_said(name, _assuming(coq, "Kernels", [f"Kernels.{name}"])) for name in names)


def _assuming(coq: Coq, modules: str, names: list[str]) -> str:
    """What is wrong with theorems: that they are not there, or assume too much; or ""."""
    text = f"From ShiftProof Require Import {modules}.\nDefinition all := ({', '.join(names)}).\n"
    outcome = coq.compile("Assumed", text + "Print Assumptions all.\n")
    if not outcome.ok:
        return f"it is not proven: {outcome.message}"
    extra = assumed(outcome.printed) - ALLOWED_AXIOMS
    return f"assumes {', '.join(sorted(extra))}" if extra else ""


def _said(name: str, problem: str) -> CoqEntry:
    return CoqEntry(name, CoqState.NOT_ACCEPTED if problem else CoqState.ACCEPTED, "", problem)


def _entry(bound: Bound, problem: str) -> CoqEntry:
    return replace(_said(bound.name, problem), lemma=bound.theorem if problem else "")
