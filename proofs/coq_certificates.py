"""Certificates: enclosures of single results as statements about real numbers, which Coq proves by computing.

A statement is made from the numbers alone, exact rationals in, and says nothing of floats: lo <= f(x) <= hi with the
exponentials and logarithms of Coq's real numbers. It is written around the largest entry, so that nothing overflows and
a precision near that of the enclosure suffices. The tactic is `interval` (Melquiond, Proving bounds on real-valued
functions with computations, IJCAR 2008).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from pathlib import Path
from tempfile import TemporaryDirectory

from .coqc import Coq, CoqEntry, CoqReport, CoqState, blamed, find_coqc

__all__ = ["Certificate", "check_certificates", "enclosure"]

_TOGETHER = 100  # lemmas in one file
_PARALLEL = 2
_HEAD = """From Coq Require Import Reals ZArith.
From Interval Require Import Tactic.
Open Scope R_scope.
Lemma vanishing : forall d, d <= - IZR 65536 -> 0 <= exp d <= powerRZ 2 (-94000).
Proof.
  intros d small. split.
  - apply Rlt_le. apply exp_pos.
  - apply Rle_trans with (exp (- IZR 65536)); [ destruct small as [less | same] | interval with (i_prec 60) ].
    + apply Rlt_le. apply exp_increasing. exact less.
    + rewrite same. apply Rle_refl.
Qed.
"""
_VANISHING = Fraction(-65536)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A name, a statement, and how it is proven: the bits to compute with, and arguments of exponentials that vanish.

    To compute exp(-1e300) takes for ever: of the exponentials of `tiny` only what the lemma `vanishing` says is used.
    """

    name: str
    statement: str
    precision: int
    tiny: tuple[str, ...] = ()

    @property
    def proof(self) -> str:
        """The tactics."""
        # An end of an enclosure that is a tie may be far closer to the result than the enclosure is wide.
        compute = f"first [ interval with (i_prec {self.precision}) | interval with (i_prec {4 * self.precision}) ]"
        known = "".join(
            f"generalize (vanishing ({d}) ltac:({compute})); generalize (exp ({d})); intros w{k} known{k}. "
            for k, d in enumerate(self.tiny)
        )
        return f"{known}{compute}."


def enclosure(name: str, core: str, row: Sequence[Fraction], column: int, lo: Fraction, hi: Fraction) -> Certificate:
    """The certificate of lo <= result `column` of the core function at the row <= hi.

    Entries and ends are dyadic rationals. Raises ValueError for others, for an empty row and for an unknown function.
    """
    if not row or not 0 <= column < (1 if core == "logsumexp" else len(row)):
        raise ValueError(f"a row and one of its places are required, got {len(row)} entries and place {column}")
    top = max(range(len(row)), key=lambda k: row[k])
    gaps = {v: f"{_dyadic(v)} - {_dyadic(row[top])}" for v in row if v != row[top]}
    weights = ["1" if v == row[top] else f"exp ({gaps[v]})" for v in row]
    whole = " + ".join(["1", *weights[:top], *weights[top + 1 :]])
    share = f"{weights[column]} / ({whole})" if core != "logsumexp" else ""
    others = " + ".join(weights[1:]) or "0"
    made = {
        "logsumexp": f"{_dyadic(row[top])} + ln ({whole})",
        "softmax": share,
        "log_softmax": f"({_dyadic(row[column])} - {_dyadic(row[top])}) - ln ({whole})",
        "cross_entropy_gradient": f"- (({others}) / ({whole}))" if column == 0 else share,
        "softmax_gradient": (
            f"- ({weights[0]} / ({whole}) * (({others}) / ({whole})))"
            if column == 0
            else f"{weights[0]} / ({whole}) * ({share})"
        ),
    }
    if core not in made:
        raise ValueError(f"one of {', '.join(made)} is required, got {core!r}")
    tiny = tuple(gap for v, gap in gaps.items() if v - row[top] < _VANISHING and f"exp ({gap})" in made[core])
    return Certificate(name, f"{_dyadic(lo)} <= {made[core]} <= {_dyadic(hi)}", _precision(row, lo, hi), tiny)


def _dyadic(value: Fraction) -> str:
    odd, exponent = value.numerator, 0
    if value.denominator & (value.denominator - 1):
        raise ValueError(f"a dyadic number is required, got {value}")
    exponent = 1 - value.denominator.bit_length()
    while odd and odd % 2 == 0:
        odd, exponent = odd // 2, exponent + 1
    if odd == 0 or exponent == 0:
        return f"IZR ({odd})"
    return f"IZR ({odd}) * powerRZ 2 ({exponent})" if odd >= 0 else f"(IZR ({odd}) * powerRZ 2 ({exponent}))"


def _precision(row: Sequence[Fraction], lo: Fraction, hi: Fraction) -> int:
    """The width of the enclosure, seen from the largest number on the way, and a margin."""
    sizes = [abs(v).numerator.bit_length() - abs(v).denominator.bit_length() + 1 for v in (*row, lo, hi) if v]
    width = hi - lo
    finest = width.numerator.bit_length() - width.denominator.bit_length() if width else -60
    return int(max(max(sizes, default=1), 2) - finest + 40 + log2(len(row) + 1))


def check_certificates(certificates: Sequence[Certificate], *, limit: float = 600.0) -> CoqReport:
    """The state of every certificate, by name, in their order; SKIPPED without coqc.

    A coqc process may run for `limit` seconds.
    """
    begun = time.monotonic()
    coqc = find_coqc()
    if coqc is None:
        skipped = tuple(CoqEntry(c.name, CoqState.SKIPPED, reason="coqc is not installed") for c in certificates)
        return CoqReport(skipped, seconds=time.monotonic() - begun)
    parts = [certificates[k : k + _TOGETHER] for k in range(0, len(certificates), _TOGETHER)]
    with TemporaryDirectory(prefix="shiftproof-coq-") as folder:
        coq = Coq(coqc, Path(folder), limit)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            found = list(pool.map(lambda k: _checked(coq, f"Part{k}", parts[k]), range(len(parts))))
        version = coq.version()
    return CoqReport(tuple(entry for part in found for entry in part), version, time.monotonic() - begun)


def _checked(coq: Coq, name: str, certificates: Sequence[Certificate]) -> list[CoqEntry]:
    """Coq stops at the first proof that fails: that one is set aside, and the others are tried again."""
    failed: dict[str, str] = {}
    while left := [c for c in certificates if c.name not in failed]:
        text = _HEAD + "".join(f"Lemma {c.name} : {c.statement}.\nProof. {c.proof} Qed.\n" for c in left)
        outcome = coq.compile(name, text)
        if outcome.ok:
            break
        _, lemma = blamed(text, outcome.line)
        if lemma not in {c.name for c in left}:
            failed |= {c.name: outcome.message for c in left}
        else:
            failed[lemma] = outcome.message
    return [
        CoqEntry(c.name, CoqState.NOT_ACCEPTED, c.name, failed[c.name])
        if c.name in failed
        else CoqEntry(c.name, CoqState.ACCEPTED)
        for c in certificates
    ]
