"""The command about saved results: assess judges the arrays of a file, whoever computed them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click
import numpy as np

from shiftproof.proofs import FUNCTIONS, READINGS
from shiftproof.verify import PROFILES, Assessment, Outcome, assess, ladder

from .files import check_writable, write
from .statuses import status_of

__all__ = ["assess_command"]

_SHOWN = 8  # entries of a row


@click.command("assess")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.npz")
@click.option("--function", required=True, metavar="F", help=f"What was computed: {', '.join(FUNCTIONS)}.")
@click.option("--standard", metavar="S", help="Hold the results to this standard; else find the strongest they keep.")
@click.option("--format", "format_name", metavar="FORMAT", help="Default: that of the type of x.")
@click.option("--profile", type=click.Choice(list(PROFILES)), default="strict", show_default=True)
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
    bounds: str | None,
    seed: int,
    out: Path | None,
) -> int:
    """Judge saved results: FILE has the arrays x and got, and labels for a function of a label, as numpy.savez writes.

    Exit status: 0 everything within; 1 some exceed or break the special-value profile, or no standard is kept; 2 usage;
    3 undecided, or nothing judged.
    """
    arrays = _arrays(file)
    if out is not None:
        check_writable(out, "--out")
    if function not in FUNCTIONS:
        raise click.UsageError(f"--function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    how: dict[str, Any] = {"function": function, "format": format_name, "profile": profile, "bounds": bounds}
    how |= {"seed": seed, "labels": arrays.get("labels")}
    found = _judged(arrays, standard, how)
    _show(arrays, found, standard is None, seed)
    if out is not None:
        stream = io.BytesIO()
        outcomes = {f"code_{o.name}": np.int8(o.value) for o in Outcome}
        np.savez(
            stream,
            error_ulp_lo=found.error_ulp_lo,
            error_ulp_hi=found.error_ulp_hi,
            allowed_ulp=found.allowed_ulp,
            outcome=found.outcome,
            **outcomes,
        )
        write(out, stream.getvalue())
    return status_of(o for o, count in found.counts.items() if count and o is not Outcome.OUT_OF_SCOPE)


def _arrays(file: Path) -> dict[str, Any]:
    """Raises click.UsageError for a file that numpy.savez did not write, or without x and got."""
    try:
        opened = np.load(file, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("this is one array alone")
        with opened as loaded:
            found = {name: loaded[name] for name in ("x", "got", "labels") if name in loaded.files}
    except OSError as error:
        raise click.UsageError(f"{file}: a file that can be read is required: {error.strerror or error}") from error
    except Exception as error:  # zip files can be broken in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise click.UsageError(f"{file}: a file that numpy.savez wrote is required: {reason}") from error
    missing = [name for name in ("x", "got") if name not in found]
    if missing:
        raise click.UsageError(f"{file}: the arrays x and got are required, {' and '.join(missing)} not there")
    return found


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
    click.echo(f"{found.escalated} decided by the two referees; {found.rejudged} judged twice; seed {seed}")
    with np.errstate(all="ignore"):
        ratio = np.where(np.isnan(found.allowed_ulp), -1.0, found.error_ulp_hi / found.allowed_ulp)
    order = np.where(found.outcome == Outcome.FAULT.value, np.inf, ratio).reshape(-1)
    if order.size and (order > -1).any():
        _show_result(arrays, found, int(np.nanargmax(order)))


def _show_result(arrays: dict[str, Any], found: Assessment, place: int) -> None:
    at = np.unravel_index(place, found.outcome.shape)
    x, got = np.asarray(arrays["x"]), np.asarray(arrays["got"])
    row = np.atleast_1d(x[at[0]] if x.ndim == 2 else x)
    entries = ", ".join(float(v).hex() for v in row[:_SHOWN]) + (", ..." if len(row) > _SHOWN else "")
    outcome = Outcome(int(found.outcome[at]))
    click.echo(f"closest to its bound: result {tuple(int(k) for k in at)}, {outcome.name}")
    click.echo(f"  x       [{entries}]")
    click.echo(f"  got     {float(got[at]).hex()} = {float(got[at])!r}")
    if outcome is not Outcome.FAULT:
        click.echo(f"  error   {found.error_ulp_lo[at]:.6g} to {found.error_ulp_hi[at]:.6g} ulp")
        click.echo(f"  allowed {found.allowed_ulp[at]:.6g} ulp")
