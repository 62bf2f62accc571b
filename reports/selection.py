"""What of a record is told, and in which words: findings, and standards that kernels miss. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .numbers import short_hex

__all__ = ["Finding", "findings_of", "missed", "shown_input", "verdict_word"]

Json = dict[str, Any]

_SHOWN_ENTRIES = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """The simplest verdict of a kind for one kernel; `what` is the fault's name or the standard, `count` its cases."""

    kernel: str
    outcome: str
    what: str
    verdict: Json
    count: int | None = None

    @property
    def why(self) -> str:
        """What was left, in words, for a verdict that is out of scope; otherwise the verdict's own remark."""
        because: str = self.verdict["because"]
        refused = because.startswith("the kernel ")
        return f"it is not so that {because}" if self.outcome == "OUT_OF_SCOPE" and not refused else because


def missed(record: Json) -> Iterator[Finding]:
    """The weakest standard missed, for kernels without a claim and for those that miss what they are held to."""
    for kernel in record["kernels"]:
        missing = kernel["not_reached"]
        if missing is not None and (kernel["held"] is None or kernel["outcome"] != "WITHIN"):
            simplest = missing["simplest"]
            yield Finding(kernel["name"], simplest["outcome"], missing["standard"], simplest)


def findings_of(record: Json) -> Iterator[Finding]:
    """Each fault, each standard held and broken or undecided, by its simplest input; where nothing was judged, why."""
    for kernel in record["kernels"]:
        name = kernel["name"]
        for fault, found in kernel["faults"].items():
            yield Finding(name, "FAULT", fault, found["simplest"], found["count"])
        broken = [f for family in kernel["families"].values() for f in family["findings"]]
        for outcome in ("EXCEEDS", "UNDECIDED"):
            found = [f for f in broken if f["outcome"] == outcome]
            if found and (kernel["held"] is not None or kernel["class"] is None or outcome == "UNDECIDED"):
                simplest = min(found, key=lambda f: (f["length"], len("".join(f["x"] or ()))))
                yield Finding(name, outcome, simplest["standard"], simplest)
        left = next((f for f in broken if f["outcome"] == "OUT_OF_SCOPE"), None)
        if left is not None and kernel["outcome"] == "OUT_OF_SCOPE":
            yield Finding(name, "OUT_OF_SCOPE", left["standard"], left)


def shown_input(verdict: Json | None) -> str:
    """The input, to paste, where it is short; else the case that it is part of."""
    if verdict is None:
        return "-"
    if verdict["x"] is None or len(verdict["x"]) > _SHOWN_ENTRIES:
        return f"{verdict['case']} (n = {verdict['length']})"
    return "[" + ", ".join(short_hex(v) for v in verdict["x"]) + "]"


def verdict_word(kernel: Json) -> str:
    """The outcome of a kernel in words; a kernel without a claim that reaches a class is classified."""
    faults = sum(entry["count"] for entry in kernel["faults"].values())
    if kernel["held"] is None and kernel["outcome"] != "UNDECIDED" and kernel["class"] is not None:
        return "classified" + (f", {faults} FAULT" if faults else "")
    return str(kernel["outcome"]).replace("_", " ")
