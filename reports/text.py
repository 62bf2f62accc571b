"""The record of a campaign as text for a terminal: the table of classes, the findings, what was assumed.

Decimals are for people: errors and ratios are rounded up, so that nothing printed is smaller than what was found.
Every figure of an error is the largest known, a lower bound of the true one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from .numbers import fraction, number, rounded_down, rounded_up, short_hex
from .selection import findings_of, missed, shown_input, verdict_word

__all__ = ["class_table", "findings", "premises", "reasons"]

Json = dict[str, Any]


def _styled(word: str) -> Text:
    styles = {"WITHIN": "green", "EXCEEDS": "bold red", "FAULT": "bold red", "classified": "cyan"}
    return Text(word, style=styles.get(word, "yellow"))


def class_table(record: Json) -> Table:
    """The table of classes, one line for each kernel; errors are those under the standard that was held or reached."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, justify in (
        ("kernel", "left"), ("function", "left"), ("format", "left"), ("class", "left"), ("verdict", "left"),
        ("judged", "right"), ("out of scope", "right"), ("largest known\nerror (ulp)", "right"),
        ("error /\nbound", "right"), ("at", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for kernel in record["kernels"]:
        counts, largest, closest = kernel["counts"], kernel["largest"], kernel["closest"]
        reached = kernel["class"] or "none"
        table.add_row(
            kernel["name"],
            kernel["function"],
            record["format"],
            reached + (" (ftz)" if kernel["flushes_subnormals"] else ""),
            _styled(verdict_word(kernel)),
            str(sum(counts.values()) - counts["OUT_OF_SCOPE"]),
            str(counts["OUT_OF_SCOPE"]),
            "-" if largest is None else rounded_up(number(largest["error_ulp"][1])),
            "-" if closest is None else rounded_up(number(closest["ratio"])),
            shown_input(largest),
        )
    return table


def _told(verdict: Json) -> str:
    error, allowed = number(verdict["error_ulp"][0]), number(verdict["allowed_ulp"][1])
    return (
        f"at {shown_input(verdict)} got {short_hex(verdict['got'])}, exact {short_hex(verdict['want'])}, "
        f"error {rounded_down(error)} ulp, allowed {rounded_up(allowed)}"
        + (f" ({verdict['because']})" if verdict["because"] else "")
    )


def reasons(record: Json) -> Iterator[str]:
    """Why a kernel has no stronger class, for kernels without a claim and for those that miss what they are held to."""
    for miss in missed(record):
        yield f"{miss.kernel} does not reach {miss.what}: {_told(miss.verdict)}"
        yield f"    {miss.verdict['replay']}"


def findings(record: Json) -> Iterator[str]:
    """What is wrong: the simplest input of each fault and of each standard held and broken, with its replay.

    Where nothing was judged: the hypothesis that was left.
    """
    for found in findings_of(record):
        at = f"at {shown_input(found.verdict)}"
        if found.outcome == "FAULT":
            yield f"{found.kernel}: FAULT {found.what} ({found.count} cases): {at}: {found.why}"
        elif found.outcome == "OUT_OF_SCOPE":
            yield f"{found.kernel}: OUT OF SCOPE {found.what}: {at} {found.why}"
        else:
            yield f"{found.kernel}: {found.outcome} {found.what}: {_told(found.verdict)}"
        yield f"    {found.verdict['replay']}"


def premises(record: Json) -> Iterator[str]:
    """What the bounds assume, and what was measured of it here."""
    premised = record["assumed"]["libm_ulp"]
    measured = {p["function"]: number(p["largest_known_ulp"]) for p in record["measured"]["numpy"]}
    yield "assumed: " + ", ".join(f"{name} within {ulps} ulp" for name, ulps in premised.items())
    yield (
        f"measured: NumPy's {record['format']} "
        + ", ".join(f"{name} {rounded_up(error)} ulp" for name, error in measured.items())
        + " (largest known)"
    )
    for name, error in measured.items():
        if error > fraction(premised[name]):
            yield (
                f"note: NumPy's {record['format']} {name} breaks the premise "
                f"({rounded_up(error)} > {premised[name]} ulp): "
                f"kernels that call it are held to more than it gives; --libm {name}=ULPS sets another premise"
            )
    yield from _proofs(record)
    if record["measured"]["flushes_subnormals"]:
        yield "note: this process flushes subnormals to zero"


def _proofs(record: Json) -> Iterator[str]:
    """How the bounds of algorithms were read, and which of their closed forms Coq has not proven."""
    on_paper = [f"{a['function']}.{a['name']}" for a in record["algorithms"] if a["closed_form"]["proof"] == "on paper"]
    read = "in closed form" if record["reading"] == "closed" else "for each input"
    proven = f"in Coq but for {', '.join(on_paper)} (on paper)" if on_paper else "in Coq"
    if record["accumulator"] is not None:
        read += f", sums made in {record['accumulator']}"
        proven = "on paper for such sums (in Coq for sums in the format itself, and for the change of format)"
    yield f"bounds: read {read}; the closed forms are proven {proven}"
