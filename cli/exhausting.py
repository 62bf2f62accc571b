"""The command about every input: exhaust judges a kernel on all numbers, or pairs of numbers, of a small format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from shiftproof.proofs import FUNCTIONS, Libm
from shiftproof.verify import Example, Exhaustion, Outcome, exhaust, format_named, kernel_named, ladder

from .files import check_writable
from .premises import assumed, libm_option
from .statuses import status_of

__all__ = ["exhaust_command"]


@click.command("exhaust")
@click.argument("kernel", metavar="KERNEL")
@click.option("--function", metavar="F", help=f"What a kernel of yours computes: {', '.join(FUNCTIONS)}.")
@click.option("--standard", metavar="S", help="Default: the claim of a built-in kernel.")
@click.option("--format", "format_name", default="binary16", show_default=True, metavar="FORMAT")
@libm_option
@click.option("--jobs", type=click.IntRange(1), metavar="J", help="Judging processes; default: one for each core.")
@click.option(
    "--journal", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where shards are kept."
)
@click.option("--resume", is_flag=True, help="Go on with the journal of a run that was ended.")
def exhaust_command(
    kernel: str,
    function: str | None,
    standard: str | None,
    format_name: str,
    libm: Libm,
    jobs: int | None,
    journal: Path | None,
    resume: bool,
) -> int:
    """Judge KERNEL on every input: all pairs of a format of 16 bits, or all numbers of one of up to 32 bits.

    What comes out is a theorem about that format, not a sample. Exit status: 0 everything within; 1 some exceed or are
    faults; 2 usage; 3 undecided, or nothing judged.
    """
    chosen, fmt = kernel_named(kernel, function), format_named(format_name)
    held = standard or chosen.claim
    if held is None:
        known = ", ".join(ladder(chosen.function))
        raise click.UsageError(f"kernel {kernel} claims nothing: --standard with one of {known} is required")
    if resume and journal is None:
        raise click.UsageError("--resume goes on with a journal: --journal FILE is required")
    if journal is not None:
        check_writable(journal, "--journal")
    with _progress(f"{chosen.name} ({chosen.function}) in {fmt.name} against {held}") as progress:
        found = exhaust(
            chosen,
            fmt,
            held,
            libm=libm,
            jobs=jobs or len(os.sched_getaffinity(0)),
            path=journal,
            resume=resume,
            progress=progress,
        )
    _show(found)
    return status_of(o for o, count in found.counts.items() if count and o is not Outcome.OUT_OF_SCOPE)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    console.print(f"judging {what} on every input", highlight=False)
    if not console.is_terminal:
        yield lambda done, of: None
        return
    columns = (TextColumn("shards"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(found: Exhaustion) -> None:
    pairs = FUNCTIONS[found.function].entry != "element"
    what = "pairs of numbers" if pairs else "numbers"
    click.echo(f"{found.kernel} ({found.function}) on all {found.inputs} {what} of {found.format}")
    total = sum(found.counts.values())
    counts = ", ".join(f"{count} {outcome.name}" for outcome, count in found.counts.items() if count)
    click.echo(f"against {found.standard}: {total} results: {counts}")
    if found.mirrored:
        click.echo(f"{found.mirrored} pairs by their mirror image, for which the results are the same")
    click.echo(f"{found.escalated} results decided by the two referees; {found.rejudged} judged twice")
    for line in assumed(found.standard, found.libm):
        click.echo(line)
    if found.outcome is Outcome.WITHIN:
        scope = " but those out of the standard's scope" if found.counts[Outcome.OUT_OF_SCOPE] else ""
        click.echo(f"proved: on every input{scope} it keeps {found.standard}")
    for name, example in (
        ("first that is not within", found.first),
        ("closest to its bound", found.closest),
        ("largest error", found.largest),
    ):
        if example is not None:
            _show_example(name, example)


def _show_example(name: str, example: Example) -> None:
    click.echo(f"{name}: {example.outcome}, x = [{', '.join(example.x)}], result {example.place}")
    if example.outcome == Outcome.FAULT.name:
        click.echo(f"  got {example.got}")
    else:
        lo, hi = example.error_ulp
        click.echo(f"  got {example.got}, error {lo:.6g} to {hi:.6g} ulp, allowed {example.allowed_ulp:.6g}")
