"""LaTeX run on a report: in a folder of its own, without a shell, and without files from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["INSTALL", "LatexError", "pdf", "warnings_in"]

INSTALL = "apt-get install latexmk texlive-latex-recommended texlive-pictures lmodern"

_WARNING = re.compile(r"^(?:LaTeX|Package|pdfTeX)[^\n]* [Ww]arning[^\n]*|^Overfull[^\n]*|^warning[^\n]*", re.MULTILINE)


class LatexError(RuntimeError):
    """LaTeX is not there, failed, or took too long; the message is for the user."""


def pdf(files: dict[str, bytes], main: str, limit: float = 300.0) -> tuple[bytes, str]:
    """The PDF of the document `main` among `files` (by name), and LaTeX's log. The same files give the same bytes.

    Raises LatexError, with what to install or the first error of the log, also after `limit` seconds.
    """
    program = shutil.which("latexmk")
    if program is None or shutil.which("pdflatex") is None:
        raise LatexError(f"latexmk with LaTeX is required for a PDF: {INSTALL}")
    with TemporaryDirectory(prefix="shiftproof-latex-") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
        command = [program, "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", main]
        surroundings = {**os.environ, "openin_any": "p", "openout_any": "p", "SOURCE_DATE_EPOCH": "0",
                        "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit
            )
        except subprocess.TimeoutExpired as error:
            raise LatexError(f"LaTeX did not end within {limit:g} s") from error
        made, log = folder / Path(main).with_suffix(".pdf"), folder / Path(main).with_suffix(".log")
        told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if done.returncode or not made.exists():
            raise LatexError(
                f"LaTeX failed: {_first_error(told) or done.stderr.decode(errors='replace').strip()[-300:]}"
            )
        return made.read_bytes(), told


def warnings_in(log: str) -> list[str]:
    """The lines of a log about references, fonts and boxes that do not fit."""
    return _WARNING.findall(log)


def _first_error(log: str) -> str:
    found = re.search(r"^! (.*)$", log, re.MULTILINE)
    return found.group(1) if found else ""
