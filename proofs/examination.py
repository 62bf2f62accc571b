"""What the checkers say of the catalogue: our own, SymPy step by step, and Coq where it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .catalogue import FALSE, theorem
from .coq_export import export, theorem_name
from .coq_gate import Refutation, check_with_coq, rules_text
from .coqc import CoqEntry
from .counterexamples import Counterexample, counterexample
from .second_opinion import Answer, opinions
from .trusted import Rejected, Theorem

__all__ = ["Examination", "Refuted", "examine"]


@dataclass(frozen=True, slots=True)
class Examination:
    """A theorem and what was said of it; `theorem` is None, and `rejected` says why, where our own checker refused."""

    name: str
    theorem: Theorem | None
    rejected: str
    opinions: tuple[Answer, ...]
    coq: CoqEntry | None = None

    @property
    def accepted(self) -> bool:
        """Whether our checker accepted it and SymPy agrees with every step."""
        return self.theorem is not None and bool(self.opinions) and all(a.agrees for a in self.opinions)


@dataclass(frozen=True, slots=True)
class Refuted:
    """A false statement with its counterexample, None where none was found."""

    name: str
    found: Counterexample | None
    coq: CoqEntry | None = None


def examine(
    names: Iterable[str], false_names: Iterable[str], with_coq: bool = False, keep: Path | None = None
) -> tuple[tuple[Examination, ...], tuple[Refuted, ...]]:
    """What is said of theorems and of false statements, by name; `keep` is a folder for Coq's files.

    Raises KeyError for a name that is neither in `CATALOGUE` nor in `FALSE`.
    """
    examined = [_examined(name) for name in names]
    refuted = [Refuted(name, counterexample(FALSE[name])) for name in false_names]
    if not with_coq:
        return tuple(examined), tuple(refuted)
    theorems = [e.theorem for e in examined if e.theorem is not None]
    points = [Refutation(r.name, r.found.relation, r.found.point) for r in refuted if r.found is not None]
    said = {entry.name: entry for entry in check_with_coq(theorems, points, keep=keep).entries}
    if keep is not None:  # what was compiled is there in batches; this is to be read: coqc -Q . ShiftProof NAME.v
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "Rules.v").write_text(rules_text(), encoding="utf-8")
        for proven in theorems:
            (keep / f"{theorem_name(proven.name)}.v").write_text(export(proven), encoding="utf-8")
    return (
        tuple(replace(e, coq=said.get(e.name)) for e in examined),
        tuple(replace(r, coq=said.get(r.name)) for r in refuted),
    )


def _examined(name: str) -> Examination:
    try:
        proven = theorem(name)
    except Rejected as reason:
        return Examination(name, None, str(reason), ())
    return Examination(name, proven, "", opinions(proven.derivation))
