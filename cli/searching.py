"""The command that searches: the largest error / allowed of one kernel, and the smallest input that shows a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shiftproof.proofs import FUNCTIONS, Libm
from shiftproof.verify import (
    CALLS,
    DEFAULT_EVALUATIONS,
    PROFILES,
    Found,
    Outcome,
    record_text,
    search,
    search_record,
    verdict_lines,
)

from .files import check_writable, write
from .premises import assumed, libm_option

__all__ = ["search_command"]

_SHOWN = 64  # entries of a row


@click.command("search")
@click.argument("kernel", metavar="KERNEL")
@click.option("--function", metavar="F", help=f"What a kernel of yours computes: {', '.join(FUNCTIONS)}.")
@click.option("--standard", metavar="S", help="Hold it to this standard; else to its claim, or the class it reaches.")
@click.option("--format", "format_name", default="binary64", show_default=True, metavar="FORMAT")
@click.option(
    "--evaluations",
    type=click.IntRange(1),
    default=DEFAULT_EVALUATIONS,
    show_default=True,
    metavar="N",
    help="Rows that are judged.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="K")
@click.option(
    "--call", type=click.Choice(CALLS), default="batch", show_default=True, help="How a kernel of yours is called."
)
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="strict", show_default=True, help="What it owes specials."
)
@libm_option
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, metavar="SECONDS")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write what was found."
)
def search_command(
    kernel: str,
    function: str | None,
    standard: str | None,
    format_name: str,
    evaluations: int,
    seed: int,
    call: str,
    profile: str,
    libm: Libm,
    timeout: float,
    json_file: Path | None,
) -> int:
    """Search for the input on which a kernel errs the most, measured by what its standard allows there.

    Starts from the families of inputs that verify uses and goes uphill. What exceeds, or is a fault, is shrunk to the
    smallest input that shows it. Exit status as of verify: 0 within; 1 exceeds or a fault; 2 usage; 3 undecided, or
    nothing judged.
    """
    if function is not None and function not in FUNCTIONS:
        raise click.UsageError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    if json_file is not None:
        check_writable(json_file)
    click.echo(f"searching {kernel} in {format_name}: {evaluations} evaluations, seed {seed}", err=True)
    with _progress(evaluations) as progress:
        found = search(
            kernel,
            function=function,
            standard=standard,
            format=format_name,
            evaluations=evaluations,
            seed=seed,
            profile=profile,
            call=call,
            libm=libm,
            timeout=timeout,
            progress=progress,
        )
    if json_file is not None:
        write(json_file, record_text(search_record(found)))
    for line in _told(found):
        click.echo(line)
    return {Outcome.WITHIN: 0, Outcome.EXCEEDS: 1, Outcome.FAULT: 1}.get(found.outcome, 3)


def _told(found: Found) -> Iterator[str]:
    kernel, worst = found.kernel, found.worst
    yield (
        f"{kernel.name} ({kernel.function}, {found.format.name}) against {found.standard}: {found.outcome.name} "
        f"after {found.evaluations} evaluations, seed {found.seed}"
    )
    yield from assumed(found.standard, found.libm)
    if found.outcome is Outcome.OUT_OF_SCOPE:
        yield "nothing was judged"
        return
    what = f"fault: {worst.fault}" if worst.fault else f"largest error / allowed found: {_down(found.ratio)}"
    yield what + (", none if subnormals may be flushed to zero" if worst.flushed else "")
    yield from verdict_lines(worst, _SHOWN)
    if found.smallest is not None and found.shown is not None:
        rows, n = found.smallest.x.shape
        layout = "" if found.smallest.layout == "C" else f", in the memory layout {found.smallest.layout}"
        yield f"smallest input found that shows it: {rows} x {n}{layout}"
        yield from verdict_lines(found.shown, _SHOWN)


def _down(ratio: float) -> str:
    """Four digits, cut."""
    if ratio == float("inf"):
        return "infinite"
    digits, power = f"{ratio:.16e}".split("e")
    cut = float(f"{digits[:5]}e{power}")
    return f"{cut:.4g}"


@contextmanager
def _progress(evaluations: int) -> Iterator[Callable[[int, float], None]]:
    """A bar on a terminal, else a line for each tenth of the evaluations."""
    console = Console(stderr=True)
    if not console.is_terminal:
        tenths = set()

        def told(done: int, ratio: float) -> None:
            if (tenth := 10 * done // evaluations) not in tenths:
                tenths.add(tenth)
                console.print(f"{done} evaluations: error / allowed {_down(ratio)}", highlight=False)

        yield told
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=evaluations)
        yield lambda done, ratio: bar.update(task, completed=done, description=f"error / allowed {_down(ratio)}")
