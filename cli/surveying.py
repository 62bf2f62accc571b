"""The commands about libraries: leaderboard, and verify --library, which is the same for some of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shiftproof.proofs import FUNCTIONS, Libm
from shiftproof.reports import finding_lines, leaderboard_files, leaderboard_table, not_there
from shiftproof.verify import (
    FORMATS,
    LIBRARIES,
    SURVEY_CASES,
    format_named,
    library_named,
    record_text,
    survey_libraries,
    survey_record,
)

from .files import check_writable, write, write_all

__all__ = ["TABLE_WIDTH", "cores", "leaderboard_command", "show_survey"]

TABLE_WIDTH = 240  # at most, where the output is not a terminal


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command("leaderboard")
@click.option("--library", "libraries", multiple=True, metavar="L", help="Only this library; may be repeated.")
@click.option("--function", metavar="F", help=f"Only kernels of this function: {', '.join(FUNCTIONS)}.")
@click.option("--format", "formats", multiple=True, metavar="FORMAT", help="Only this format; may be repeated.")
@click.option("--cases", type=click.IntRange(1), default=SURVEY_CASES, show_default=True, metavar="N")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="K")
@click.option("--jobs", type=click.IntRange(1), metavar="J", help="Judging processes; default: one for each core.")
@click.option("--long-rows", is_flag=True, help="Rows past 2^24 entries in binary32 as well (slow).")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write leaderboard.md, and an issue and a script for each finding.",
)
def leaderboard_command(
    libraries: tuple[str, ...],
    function: str | None,
    formats: tuple[str, ...],
    cases: int,
    seed: int,
    jobs: int | None,
    long_rows: bool,
    json_file: Path | None,
    out: Path | None,
) -> int:
    """Judge every library that is installed, in every format that it has: classes, and findings with scripts.

    Exit status: 0 no finding; 1 findings; 2 usage; 3 nothing judged.
    """
    names = libraries or tuple(LIBRARIES)
    return show_survey(names, function, formats, cases, seed, jobs, None, json_file, out, long_rows=long_rows)


def show_survey(
    libraries: Iterable[str],
    function: str | None,
    formats: Sequence[str],
    cases: int | None,
    seed: int,
    jobs: int | None,
    libm: Libm | None,
    json_file: Path | None,
    out: Path | None = None,
    required: bool = False,
    **options: Any,
) -> int:
    """Run a survey, show it, write it, and say how it ended; a `required` library must be installed."""
    chosen = [library_named(name) for name in dict.fromkeys(libraries)]
    missing = next((library for library in chosen if required and not library.installed), None)
    if missing is not None:
        raise click.UsageError(
            f"--library {missing.name}: {missing.package} is not installed here "
            f"(pip install 'shiftproof[{missing.package}]')"
        )
    if function is not None and function not in FUNCTIONS:
        raise click.UsageError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    names = [format_named(name).name for name in formats] or list(FORMATS)
    cases = cases or SURVEY_CASES
    if json_file is not None:
        check_writable(json_file)
    if libm is not None:
        options["libm"] = libm
    with _progress() as progress:
        made = survey_libraries(
            chosen, names, function=function, cases=cases, seed=seed, jobs=jobs or cores(), progress=progress, **options
        )
    record = survey_record(made, names, cases, seed, options.get("libm"))
    if json_file is not None:
        write(json_file, record_text(record))
    if out is not None:
        write_all(out, {name: text.encode() for name, text in leaderboard_files(record).items()})
    _show(record)
    if made.findings:
        return 1
    return 0 if any(row["outcome"] != "OUT_OF_SCOPE" for row in record["kernels"]) else 3


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def told(what: str, done: int, of: int) -> None:
            if what not in seen:
                seen.add(what)
                console.print(f"judging {what}", highlight=False)

        yield told
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def _show(record: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)
    console.print(leaderboard_table(record), soft_wrap=False)
    for title, lines in (("Not there, not judged", not_there(record)), ("Findings", finding_lines(record))):
        told = list(lines)
        if told:
            console.print(f"\n{title}", style="bold")
            for line in told:
                console.print(line, markup=False)
