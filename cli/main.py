"""The command line: arguments, progress and the exit status; everything else is asked of the layers below.

Exit status of `verify`: 0 everything within and something judged; 1 something exceeds or is a fault; 2 usage; 3
undecided, or nothing judged. Results go to stdout, talk to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shiftproof.proofs import FUNCTIONS, READINGS, Libm
from shiftproof.reports import class_table, findings, premises, reasons
from shiftproof.verify import (
    ADVERSARIES,
    CALLS,
    DEFAULT_CASES,
    FORMATS,
    LIBRARIES,
    PROFILES,
    KernelError,
    Plan,
    RefereeDisagreement,
    adversary_named,
    builtin_kernels,
    dask_judges,
    format_named,
    kernel_named,
    ladder,
    open_store,
    record_of,
    record_text,
    run_campaign,
    standards_for,
)

from .assessing import assess_command
from .exhausting import exhaust_command
from .files import check_writable, write
from .premises import libm_option
from .proving import grade_command, prove_command
from .reporting import report_command
from .searching import search_command
from .statuses import status_of
from .surveying import TABLE_WIDTH, cores, leaderboard_command, show_survey
from .vectoring import vectors_command

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit; a usage error is one line on stderr and exit status 2."""
    try:
        status = _commands.main(arguments, prog_name="shiftproof", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        status = 2
    except (KeyboardInterrupt, click.Abort) as stopped:  # before RuntimeError, which Abort is
        _fail(str(stopped) or "interrupted; nothing was recorded", 130)
    except click.ClickException as error:
        _fail(error.format_message())
    except (KernelError, ValueError) as error:
        _fail(str(error))
    except RefereeDisagreement as error:
        _fail(f"the referees disagree, nothing can be judged: {error}", 3)
    except RuntimeError as error:
        _fail(str(error), 3)
    except BrokenPipeError:  # before OSError, which it is
        sys.stdout = None  # whoever read us has gone; nothing is left to say
        status = 1
    except OSError as error:
        _fail(str(error))
    sys.exit(status or 0)


def _fail(message: str, status: int = 2) -> None:
    click.echo(f"shiftproof: error: {' '.join(message.split())}", err=True)
    sys.exit(status)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("shiftproof"), message="shiftproof %(version)s")
def _commands() -> None:
    """Is this softmax right, how wrong can it be, and who proves it?"""


_NOT_FOR_LIBRARIES = ("kernels", "standard", "case", "call", "profile", "reading", "accumulate", "timeout",
                      "store", "resume", "scheduler")  # fmt: skip


@_commands.command("verify")
@click.argument("kernels", nargs=-1, metavar="[KERNEL]...")
@click.option("--function", metavar="F", help=f"What a kernel of yours computes: {', '.join(FUNCTIONS)}.")
@click.option("--standard", metavar="S", help="Hold every kernel to this standard; else each is held to its claim.")
@click.option("--format", "format_name", metavar="FORMAT", help="Default: binary64, or all with --library.")
@click.option("--cases", type=click.IntRange(1), default=DEFAULT_CASES, show_default=True, metavar="N")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="K")
@click.option("--jobs", type=click.IntRange(1), metavar="J", help="Judging processes; default: one for each core.")
@click.option("--family", "families", multiple=True, metavar="F", help="Only this family of inputs; may be repeated.")
@click.option("--case", "case", metavar="F#K", help="Only case number K of family F.")
@click.option(
    "--call", type=click.Choice(CALLS), default="batch", show_default=True, help="How a kernel of yours is called."
)
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="strict", show_default=True, help="What it owes specials."
)
@libm_option
@click.option(
    "--bounds",
    "reading",
    type=click.Choice(READINGS),
    default=READINGS[0],
    show_default=True,
    help="Read the bounds of algorithms for each input, or in closed form.",
)
@click.option("--accumulate", metavar="FORMAT", help="The format that sums are made in, if it is another.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, metavar="SECONDS")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the record."
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep what is judged in this SQLite file, as it comes.",
)
@click.option("--resume", is_flag=True, help="Go on with the campaign in the file of --store, or begin it.")
@click.option("--scheduler", metavar="ADDRESS", help="Judge on the Dask cluster of this scheduler.")
@click.option(
    "--library",
    "libraries",
    multiple=True,
    metavar="L",
    help="All kernels of this library, in all its formats.",
)
@click.option("--list", "listing", is_flag=True, help="Name kernels, standards, formats and families.")
@click.pass_context
def _verify(
    context: click.Context,
    kernels: tuple[str, ...],
    function: str | None,
    standard: str | None,
    format_name: str | None,
    cases: int,
    seed: int,
    jobs: int | None,
    families: tuple[str, ...],
    case: str | None,
    call: str,
    profile: str,
    libm: Libm,
    reading: str,
    accumulate: str | None,
    timeout: float,
    json_file: Path | None,
    store: Path | None,
    resume: bool,
    scheduler: str | None,
    libraries: tuple[str, ...],
    listing: bool,
) -> int:
    """Judge kernels against proven bounds over adversarial inputs, and tell the class that each reaches.

    KERNEL is the name of a built-in kernel, package.module:callable, or path/to/file.py:callable. Without one, ours,
    NumPy's and SciPy's are judged; those without a claim are then classified, and do not decide the exit status.
    """
    if listing:
        _list()
        return 0
    if function is not None and function not in FUNCTIONS:
        raise click.UsageError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    only, chosen_families = _chosen(families, case)
    if libraries:
        given = [
            name for name in _NOT_FOR_LIBRARIES if context.get_parameter_source(name) is not ParameterSource.DEFAULT
        ]
        if given:
            raise click.UsageError(f"--library judges all of a library by its textbook bounds: it takes no {given[0]}")
        return show_survey(
            libraries,
            function,
            () if format_name is None else (format_name,),
            cases if _is_given(context, "cases") else None,
            seed,
            jobs,
            libm if _is_given(context, "libm") else None,
            json_file,
            required=True,
            families=tuple(adversary_named(name) for name in chosen_families),
        )
    if kernels:
        chosen = tuple(kernel_named(text, function, call, profile) for text in kernels)
    else:
        chosen = tuple(k for k in builtin_kernels() if function in (None, k.function))
    if standard is not None and not kernels:
        chosen = tuple(k for k in chosen if standard in standards_for(k.function))
        if not chosen:
            raise click.UsageError(f"no kernel here has a standard {standard!r}: see shiftproof verify --list")
    plan = Plan(
        chosen,
        format_named(format_name or "binary64"),
        standard,
        tuple(adversary_named(name) for name in chosen_families),
        cases,
        seed,
        jobs or cores(),
        libm,
        timeout,
        only,
        reading,
        None if accumulate is None else format_named(accumulate),
    )
    if resume and store is None:
        raise click.UsageError("--resume goes on with a campaign that is kept in a file: --store FILE is required")
    if scheduler is not None and jobs is not None:
        raise click.UsageError("one of --jobs (on this machine) and --scheduler (on a cluster) is required, got both")
    if json_file is not None:
        check_writable(json_file)
    with ExitStack() as held, _what_is_left(store):
        kept = None if store is None else held.enter_context(open_store(store, plan, resume))
        judges = None if scheduler is None else held.enter_context(dask_judges(scheduler))
        progress = held.enter_context(_progress(plan, scheduler))
        campaign = run_campaign(plan, progress, kept, judges)
    record = record_of(campaign)
    if json_file is not None:
        write(json_file, record_text(record))
    _show(record)
    deciding = [result.outcome for result in campaign.results if kernels or result.held is not None]
    return status_of(deciding)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.DEFAULT


def _chosen(families: tuple[str, ...], case: str | None) -> tuple[int | None, Iterable[str]]:
    if case is None:
        return None, families or ADVERSARIES
    family, mark, number = case.rpartition("#")
    if families or not mark or not (number.isascii() and number.isdigit()):
        got = f"{case!r} with --family" if families else repr(case)
        raise click.UsageError(f"--case: FAMILY#NUMBER, such as gaps#0, without --family is required, got {got}")
    return int(number), [family]


@contextmanager
def _what_is_left(store: Path | None) -> Iterator[None]:
    """Say of a run that ends early what is left of it."""
    left = "nothing was recorded" if store is None else f"{store} has what was judged: the same with --resume goes on"
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise click.Abort(f"interrupted; {left}") from interrupt
    except RuntimeError as error:
        raise RuntimeError(f"{error}; {left}") from error


@contextmanager
def _progress(plan: Plan, scheduler: str | None) -> Any:
    console = Console(stderr=True)
    families = f"{len(plan.families)} families" if len(plan.families) > 1 else plan.families[0].name
    inputs = f"{plan.cases} cases of {families}" if plan.only is None else f"{families}#{plan.only}"
    where = f"{plan.jobs} job{'s' * (plan.jobs > 1)}" if scheduler is None else f"on {scheduler}"
    console.print(
        f"judging {len(plan.kernels)} kernel{'s' * (len(plan.kernels) > 1)} in {plan.format.name}: {inputs}, "
        f"seed {plan.seed}, {where}",
        highlight=False,
        soft_wrap=True,
    )
    if not console.is_terminal:
        yield lambda done, of: None
        return
    columns = (TextColumn("families"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(record: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)
    console.print(class_table(record), soft_wrap=False)
    for title, lines in (
        ("Why not stronger", reasons(record)),
        ("Findings", findings(record)),
        ("Premises", premises(record)),
    ):
        told = list(lines)
        if told:
            console.print(f"\n{title}", style="bold")
            for line in told:
                console.print(line, markup=False)


def _list() -> None:
    out = click.echo
    out("Kernels (claim)")
    for kernel in builtin_kernels():
        out(f"  {kernel.name:30} {kernel.function:12} {kernel.claim or 'classified only'}")
    out("\nStandards, strongest first; those after | are not part of the ladder that classes are made of")
    for name in FUNCTIONS:
        rungs = standards_for(name)
        from_ladder = [s for s in rungs if s in ladder(name)]
        others = [s for s in rungs if s not in from_ladder]
        out(f"  {name:12} {', '.join(from_ladder)}{' | ' + ', '.join(others) if others else ''}")
    out("\nFormats")
    for fmt in FORMATS.values():
        note = "" if fmt.dtype else "   (no NumPy type: references and bounds only)"
        out(
            f"  {fmt.name:10} {fmt.precision} bits, exponents {fmt.emin}..{fmt.emax}; "
            f"also {', '.join(fmt.aliases)}{note}"
        )
    out("\nLibraries (--library; each is an extra)")
    for library in LIBRARIES.values():
        there = library.version if library.installed else "not installed"
        out(f"  {library.name:12} {len(library.kernels)} kernels in {', '.join(library.types)}: {there}")
    out("\nFamilies (the fault that each hunts)")
    for family in ADVERSARIES.values():
        out(f"  {family.name:20} {family.hunts}")


_commands.add_command(prove_command)
_commands.add_command(assess_command)
_commands.add_command(exhaust_command)
_commands.add_command(grade_command)
_commands.add_command(report_command)
_commands.add_command(leaderboard_command)
_commands.add_command(search_command)
_commands.add_command(vectors_command)
