"""The command about saved results: assess judges the arrays of a file, whoever computed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shiftproof.proofs import FUNCTIONS, READINGS, Libm
from shiftproof.verify import PROFILES, Assessment, Example, Outcome, assess, ladder, read_results, written_assessment

from .files import check_writable, write
from .premises import assumed, libm_option
from .statuses import status_of

__all__ = ["assess_command"]

_SHOWN = 8  # entries of a row


@click.command("assess")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.npz")
@click.option("--function", required=True, metavar="F", help=f"What was computed: {', '.join(FUNCTIONS)}.")
@click.option("--standard", metavar="S", help="Hold the results to this standard; else find the strongest they keep.")
@click.option("--format", "format_name", metavar="FORMAT", help="Default: that of the type of x.")
@click.option("--profile", type=click.Choice(list(PROFILES)), default="strict", show_default=True)
@libm_option
@click.option("--bounds", type=click.Choice(READINGS), help="How bounds are read; default: closed, where there are.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="K", help="Of what is judged twice."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.npz",
    help="Write error_ulp_lo, error_ulp_hi, allowed_ulp and outcome, shaped like the results.",
)
def assess_command(
    file: Path,
    function: str,
    standard: str | None,
    format_name: str | None,
    profile: str,
    libm: Libm,
    bounds: str | None,
    seed: int,
    out: Path | None,
) -> int:
    """Judge saved results: FILE has the arrays x and got, and labels for a function of a label, as numpy.savez writes.

    Exit status: 0 everything within; 1 some exceed or break the special-value profile, or no standard is kept; 2 usage;
    3 undecided, or nothing judged.
    """
    arrays = read_results(file)
    if out is not None:
        check_writable(out, "--out")
    if function not in FUNCTIONS:
        raise click.UsageError(f"--function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    how: dict[str, Any] = {"function": function, "format": format_name, "profile": profile, "bounds": bounds}
    how |= {"libm": libm, "seed": seed, "labels": arrays.get("labels")}
    found = _judged(arrays, standard, how)
    _show(arrays, found, standard is None, seed)
    if out is not None:
        write(out, written_assessment(found))
    return status_of(o for o, count in found.counts.items() if count and o is not Outcome.OUT_OF_SCOPE)


def _judged(arrays: dict[str, Any], standard: str | None, how: dict[str, Any]) -> Assessment:
    """Against the standard, or the first rung of the ladder that nothing exceeds, or the last one."""
    rungs = ladder(how["function"]) if standard is None else (standard,)
    for rung in rungs:
        found = assess(arrays["x"], arrays["got"], standard=rung, **how)
        counts = found.counts
        if counts[Outcome.WITHIN] and not (counts[Outcome.EXCEEDS] or counts[Outcome.UNDECIDED]):
            break
    return found


def _show(arrays: dict[str, Any], found: Assessment, classified: bool, seed: int) -> None:
    counts = ", ".join(f"{count} {outcome.name}" for outcome, count in found.counts.items() if count)
    how = "strongest standard kept" if classified and found.worst in (Outcome.WITHIN, Outcome.FAULT) else "standard"
    click.echo(f"{found.function} in {found.format}, {how}: {found.standard} (bounds read {found.bounds})")
    click.echo(f"{found.outcome.size} results: {counts}")
    for line in assumed(found.standard, found.libm):
        click.echo(line)
    click.echo(f"{found.escalated} decided by the two referees; {found.rejudged} judged twice; seed {seed}")
    closest, index = found.closest(arrays["x"], arrays["got"]), found.closest_place
    if closest is not None and index is not None:
        _show_result(closest, index)


def _show_result(shown: Example, index: tuple[int, ...]) -> None:
    entries = ", ".join(shown.x[:_SHOWN]) + (", ..." if len(shown.x) > _SHOWN else "")
    click.echo(f"closest to its bound: {shown.outcome}, got{list(index) if index else ''} for")
    click.echo(f"  x       [{entries}]")
    click.echo(f"  got     {shown.got} = {float.fromhex(shown.got)!r}")
    if shown.outcome != Outcome.FAULT.name:
        click.echo(f"  error   {shown.error_ulp[0]:.6g} to {shown.error_ulp[1]:.6g} ulp")
        click.echo(f"  allowed {shown.allowed_ulp:.6g} ulp")
