"""A survey of libraries as text: the table of what each kernel reaches, and the findings as issues for maintainers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .numbers import number, rounded_down, rounded_up, short_hex
from .selection import shown_input

__all__ = ["finding_lines", "leaderboard_files", "leaderboard_table", "not_there"]

Json = dict[str, Any]

_HEAD = ("kernel", "function", "format", "class", "against", "verdict", "judged", "out of scope",
         "largest known error (ulp)", "error / bound", "at")  # fmt: skip


def _cells(row: Json) -> tuple[str, ...]:
    counts, faults = row["counts"], sum(row["faults"].values())
    verdict = row["outcome"].replace("_", " ") + (f" ({faults} faults)" if faults else "")
    return (
        row["kernel"],
        row["function"],
        row["format"],
        (row["class"] or "none") + (" (ftz)" if row["flushes_subnormals"] else ""),
        row["textbook"],
        verdict,
        str(sum(counts.values()) - counts["OUT_OF_SCOPE"]),
        str(counts["OUT_OF_SCOPE"]),
        "-" if row["largest"] is None else rounded_up(number(row["largest"]["error_ulp"][1])),
        "-" if row["closest"] is None else rounded_up(number(row["closest"]["ratio"])),
        shown_input(row["largest"]),
    )


def leaderboard_table(record: Json) -> Table:
    """One line for each kernel and format: its class, and its verdict against the textbook's bound."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in _HEAD:
        right = name in ("judged", "out of scope", "largest known error (ulp)", "error / bound")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in record["kernels"]:
        table.add_row(*_cells(row))
    return table


def not_there(record: Json) -> Iterator[str]:
    """What was not judged because it is not there, by name."""
    for name, reason in record["absent"].items():
        yield f"{name}: {reason}"
    for call in record["calls_not_there"]:
        yield f"{call['kernel']} in {call['format']}: {call['reason']}"


def _told(found: Json) -> str:
    if found["fault"] is not None:
        return f"{found['fault']}: {found['because']}"
    reached = f"reaches {found['class']}" if found["class"] else "reaches no class"
    return (
        f"got {short_hex(found['got'])}, exact {short_hex(found['want'])}, "
        f"error {rounded_down(number(found['error_ulp'][0]))} ulp, "
        f"{found['broken']} allows {rounded_up(number(found['allowed_ulp'][1]))} ({reached})"
    )


def finding_lines(record: Json) -> Iterator[str]:
    """Two lines for each finding: what, and the command that shows it again."""
    for found in record["findings"]:
        yield f"{found['kernel']} {found['version']} in {found['format']}: at {shown_input(found)} {_told(found)}"
        yield f"    {found['again']}"


def leaderboard_files(record: Json) -> dict[str, str]:
    """`leaderboard.md`, and for each finding an issue in Markdown and, where there is one, its script."""
    files = {"leaderboard.md": _markdown(record)}
    for number_, found in enumerate(record["findings"], 1):
        name = f"findings/{number_:02}-{found['kernel']}-{found['format']}"
        files[f"{name}.md"] = _issue(found)
        if found["script"]:
            files[f"{name}.py"] = found["script"]
    return files


def _markdown(record: Json) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in record["libraries"].items())
    lines = [
        "# What the kernels of libraries reach",
        "",
        f"{libraries}. {record['cases']} cases for each kernel and format, seed {record['seed']}; exp, log and log1p",
        f"are allowed {', '.join(record['libm_ulp'].values())} ulps. *class*: the strongest standard that no judged",
        "case exceeds. *against*: the textbook's stable algorithm, whose proven bound decides the verdict;",
        "*ftz*: reached only if subnormals may be flushed to zero. Errors are the largest known: lower bounds.",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|" + "---|" * len(_HEAD),
        *("| " + " | ".join(_escaped(cell) for cell in _cells(row)) + " |" for row in record["kernels"]),
    ]
    absent = list(not_there(record))
    if absent:
        lines += ["", "## Not there, not judged", "", *(f"- {_escaped(line)}" for line in absent)]
    if record["findings"]:
        lines += ["", "## Findings", ""]
        lines += [
            f"{k}. `{f['kernel']}` {f['version']}, {f['format']}: {_escaped(_told(f))}"
            for k, f in enumerate(record["findings"], 1)
        ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _issue(found: Json) -> str:
    """What a maintainer asks for."""
    what = found["fault"] or f"error above the bound of `{found['broken']}`"
    entries = "too long to print" if found["x"] is None else ", ".join(found["x"])
    lines = [
        f"# {found['kernel']} ({found['format']}): {what}",
        "",
        f"- version: {found['version']}",
        f"- call: `{found['call']}`",
        f"- shortest input found (n = {found['length']}): {entries}",
        f"- result {found['place']}: got {found['got']}, exact (to nearest binary64) {found['want']}",
    ]
    if found["fault"] is None:
        lines += [
            f"- error {rounded_down(number(found['error_ulp'][0]))} ulp of {found['format']}; the textbook's algorithm"
            f" (`{found['broken']}`) errs by at most {rounded_up(number(found['allowed_ulp'][1]))} ulp on this input,"
            " its conditioning included",
            f"- class: {found['class'] or 'none'}",
        ]
    else:
        lines.append(f"- {found['because']}")
    lines.append(f"- seen in {found['count']} cases; the first: `{found['again']}`")
    if found["script"]:
        lines += ["", "```python", found["script"].rstrip(), "```"]
    return "\n".join(lines) + "\n"
