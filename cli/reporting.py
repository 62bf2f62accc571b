"""The command about records: report makes documents of one."""

from __future__ import annotations

from pathlib import Path

import click

from shiftproof.reports import SECTIONS, LatexError, pdf, report
from shiftproof.verify import read_record

from .files import read_text, write_all

__all__ = ["report_command"]

_LARGEST = 256 * 2**20  # bytes of a record


@click.command("report")
@click.argument("campaign", type=click.Path(dir_okay=False, path_type=Path), metavar="CAMPAIGN.json")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("report"),
    show_default=True,
    metavar="DIR",
    help="The folder to write to.",
)
@click.option("--pdf", "with_pdf", is_flag=True, help="Run LaTeX (latexmk) as well; without it nothing else is lost.")
@click.option(
    "--section",
    "sections",
    multiple=True,
    type=click.Choice(SECTIONS),
    help="Only this section, as LaTeX to \\input in a paper; may be repeated.",
)
def report_command(campaign: Path, out: Path, with_pdf: bool, sections: tuple[str, ...]) -> int:
    """Make a report of CAMPAIGN.json, which `shiftproof verify --json` wrote: LaTeX and HTML with figures.

    Exit status: 0 the report is written; 2 usage, or a record that cannot be used; 3 the report is written, but LaTeX
    is not there or failed.
    """
    if with_pdf and sections:
        raise click.UsageError("--pdf makes a whole report: it cannot be had with --section")
    try:
        record = read_record(read_text(campaign, _LARGEST))
    except ValueError as error:
        raise click.UsageError(f"{campaign}: {error}") from error
    made = report(record, sections)
    write_all(out, made.files)
    told = [name for name in made.files if name.endswith((".tex", ".html"))]
    status = 0
    if with_pdf and made.main is not None:
        try:
            document, _ = pdf(made.files, made.main)
        except LatexError as error:
            click.echo(f"shiftproof: no PDF: {error}", err=True)
            status = 3
        else:
            name = Path(made.main).with_suffix(".pdf").name
            write_all(out, {name: document})
            told.append(name)
    for name in told:
        click.echo(out / name)
    return status
