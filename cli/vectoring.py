"""The command about test vectors: vectors writes them, and has Coq check their certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shiftproof.proofs import FUNCTIONS, CoqState, check_certificates
from shiftproof.verify import FORMATS, certificates, format_named, read_vectors, vectors_record, vectors_text

from .files import check_writable, read_text, write

__all__ = ["vectors_command"]

_LARGEST = 256 * 2**20  # bytes of a file of vectors


@click.command("vectors")
@click.option("--function", "functions", multiple=True, metavar="F", help="Only this function; may be repeated.")
@click.option("--format", "formats", multiple=True, metavar="FORMAT", help="Only this format; may be repeated.")
@click.option(
    "--cases", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N", help="Vectors of each family."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="K")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where to; default: the terminal."
)
@click.option("--coq", "with_coq", is_flag=True, help="Have Coq prove the certificates, and tell of each that fails.")
@click.option(
    "--check",
    "checked",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Make nothing: read FILE against the schema, and with --coq check its certificates.",
)
def vectors_command(
    functions: tuple[str, ...],
    formats: tuple[str, ...],
    cases: int,
    seed: int,
    out: Path | None,
    with_coq: bool,
    checked: Path | None,
) -> int:
    """Write exact test vectors as JSON for any language: rows, correctly rounded results, enclosures, bounds, notes.

    Exit status: 0 written, and every certificate asked about is proven; 1 a certificate is not; 2 usage, or a file that
    is no file of vectors; 3 Coq was asked and is not there.
    """
    unknown = next((name for name in functions if name not in FUNCTIONS), None)
    if unknown is not None:
        raise click.UsageError(f"unknown function {unknown!r}: one of {', '.join(FUNCTIONS)} is required")
    if checked is not None:
        if out is not None or functions or formats:
            raise click.UsageError("--check reads a file and makes none: it takes no --function, --format and --out")
        try:
            record = read_vectors(read_text(checked, _LARGEST))
        except ValueError as error:
            raise click.UsageError(f"{checked}: {error}") from error
        click.echo(f"{checked}: {record['numberOfTests']} vectors, as the schema has them", err=True)
    else:
        if out is not None:
            check_writable(out, "--out")
        names = tuple(format_named(name).name for name in formats) or tuple(FORMATS)
        record = vectors_record(functions or tuple(FUNCTIONS), names, cases, seed)
        text = vectors_text(record)
        if out is None:
            click.echo(text, nl=False)
        else:
            write(out, text)
            click.echo(f"{out}: {record['numberOfTests']} vectors", err=True)
    return _ask_coq(record) if with_coq else 0


def _ask_coq(record: dict[str, Any]) -> int:
    asked = list(certificates(record))
    astray = {made.name: told for made, told in asked if told}
    found = check_certificates([made for made, _ in asked])
    failed = [entry for entry in found.entries if entry.state is CoqState.NOT_ACCEPTED or entry.name in astray]
    for entry in failed:
        test, _, place = entry.name[1:].partition("_")
        reason = astray.get(entry.name) or entry.reason
        click.echo(f"tcId {test}, result {place}: NOT PROVEN: {reason}", err=True)
    if any(entry.state is CoqState.SKIPPED for entry in found.entries):
        click.echo(f"shiftproof: Coq was not asked: {found.entries[0].reason}", err=True)
        return 1 if failed else 3
    proven = len(asked) - len(failed)
    click.echo(f"Coq: {proven} of {len(asked)} certificates proven in {found.seconds:.0f} s", err=True)
    return 1 if failed else 0
