"""The commands about derivations: prove re-checks ours, grade judges somebody else's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from shiftproof.proofs import (
    CATALOGUE,
    FALSE,
    FORMAT_THEOREMS,
    FUNCTIONS,
    NOT_UNDERSTOOD,
    Bound,
    CoqEntry,
    CoqState,
    Examination,
    Refuted,
    bounds,
    bounds_for,
    check_bounds,
    companions,
    examine,
    grade,
    title,
)
from shiftproof.reports import (
    bound_latex,
    bound_summary,
    bound_text,
    coq_text,
    derivation_latex,
    derivation_text,
    examination_text,
    grading_text,
    refutation_text,
    summary_text,
)

from .files import check_writable, read_text, write

__all__ = ["grade_command", "prove_command"]

_LARGEST = 2 * 2**20  # bytes of a file to grade


@click.command("prove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--coq", "with_coq", is_flag=True, help="Check with Coq as well; without coqc everything is SKIPPED.")
@click.option("--latex", is_flag=True, help="Print the derivations as LaTeX.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --coq: keep the .v files in this folder.",
)
def prove_command(names: tuple[str, ...], with_coq: bool, latex: bool, out: Path | None) -> int:
    """Re-check the derivations: by our checker, by SymPy step by step, and with --coq by Coq; and the rounding bounds.

    Without a NAME: all of them, a line for each, the false statements with a counterexample each, and the bounds, which
    only Coq can check. With one: its derivation, the rules that it uses, and what each checker said; or the bound's
    formula, hypotheses and premises. Exit status: 0 everything accepted by all asked; 1 something was not; 3 Coq was
    asked and is not there.
    """
    listed = {b.name: b for b in (*bounds(), *companions())}
    all_bounds = listed | {b.name: b for function in FUNCTIONS for b in bounds_for(function)}
    known = {*CATALOGUE, *FALSE, *all_bounds, *FORMAT_THEOREMS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"unknown theorem {unknown[0]!r}: shiftproof prove lists them all")
    if out is not None and not with_coq:
        raise click.UsageError("--out keeps the files of Coq: --coq is required with it")
    true_names = [name for name in names if name in CATALOGUE] if names else list(CATALOGUE)
    false_names = [name for name in names if name in FALSE] if names else list(FALSE)
    chosen = [all_bounds[name] for name in (names or listed) if name in all_bounds]
    examined, refuted = examine(true_names, false_names, with_coq, out)
    in_formats = [name for name in (names or FORMAT_THEOREMS) if name in FORMAT_THEOREMS]
    said = _ask_about_bounds(chosen, in_formats, out) if with_coq else {}
    if latex:
        _show(line for e in examined if e.theorem is not None for line in derivation_latex(e.theorem))
        _show(line for b in chosen for line in bound_latex(b))
    elif names:
        for e in examined:
            _show(_in_full(e))
        _show(line for b in chosen for line in bound_text(b, said.get(b.name)))
        _show(_in_format(name, said) for name in in_formats)
    else:
        width = max(len(name) for name in (*CATALOGUE, *FALSE))
        click.echo("Theorems")
        _show(summary_text(e, title(e.name), width) for e in examined)
        click.echo("\nRounding bounds")
        width = max(map(len, listed))
        _show(bound_summary(b, width, said.get(b.name)) for b in chosen)
        click.echo("\nRounding in IEEE formats, every operation as Flocq rounds it")
        _show(_in_format(name, said) for name in in_formats)
        click.echo("\nRefuted")
    if not latex:
        width = max((len(name) for name in false_names), default=0)
        _show(refutation_text(r.name, r.found, width, coq_text(r.coq) if r.coq else "") for r in refuted)
    return _proof_status(examined, refuted, with_coq, said.values())


def _in_format(name: str, said: dict[str, CoqEntry]) -> str:
    word = f"Coq {coq_text(said[name])}" if name in said else "not asked (--coq)"
    return f"  {name:{max(map(len, FORMAT_THEOREMS))}}  {word}  {FORMAT_THEOREMS[name]}"


def _ask_about_bounds(chosen: Sequence[Bound], formats: Sequence[str], out: Path | None) -> dict[str, CoqEntry]:
    asked = [b for b in chosen if b.in_coq]
    return {e.name: e for e in check_bounds(asked, formats, keep=out).entries} if asked or formats else {}


def _in_full(e: Examination) -> Iterable[str]:
    yield f"{e.name}: {title(e.name)}"
    if e.theorem is not None:
        yield from derivation_text(e.theorem)
    yield from examination_text(e)
    yield ""


def _proof_status(
    examined: Sequence[Examination], refuted: Sequence[Refuted], with_coq: bool, of_bounds: Iterable[CoqEntry]
) -> int:
    if not all(e.accepted for e in examined) or any(r.found is None for r in refuted):
        return 1
    if not with_coq:
        return 0
    entries = [*(e.coq for e in examined), *(r.coq for r in refuted), *of_bounds]
    states = {CoqState.NOT_ACCEPTED if entry is None else entry.state for entry in entries}
    if states - {CoqState.ACCEPTED, CoqState.REFUTED, CoqState.SKIPPED}:
        return 1
    skipped = [entry for entry in entries if entry is not None and entry.state is CoqState.SKIPPED]
    if skipped:
        click.echo(f"shiftproof: Coq was not asked: {skipped[0].reason}", err=True)
        return 3
    return 0


@click.command("grade")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write JSON."
)
def grade_command(file: Path, json_file: Path | None) -> int:
    """Grade the derivation in FILE (Markdown or LaTeX), one displayed equation after the other.

    Exit status: 0 all true; 1 something false; 3 something not understood, or nothing found; 2 usage.
    """
    if json_file is not None:
        if json_file.exists() and file.exists() and json_file.samefile(file):
            raise click.UsageError(f"--json {json_file}: this is the file to grade, another one is required")
        check_writable(json_file)
    grading = grade(read_text(file, _LARGEST))
    if json_file is not None:
        write(json_file, json.dumps(grading.record(), indent=1, ensure_ascii=False) + "\n")
    _show(grading_text(grading))
    verdicts = [g.verdict for g in grading.lines]
    if not verdicts:
        click.echo(f"{file}: no displayed equation was found", err=True)
    if "false" in verdicts:
        return 1
    return 3 if not verdicts or NOT_UNDERSTOOD in verdicts else 0


def _show(lines: Iterable[Any]) -> None:
    for line in lines:
        click.echo("".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(line)))
