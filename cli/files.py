"""Files that the commands write: all of a file or nothing of it, and complaints before the work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

__all__ = ["check_writable", "write"]


def check_writable(path: Path) -> None:
    """Find out before the work, not after it."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir() or not target.parent.is_dir():
            raise OSError("no such folder, or a folder itself")
        if not target.exists() or target.is_file():
            tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        message = f"--json {path}: a file in an existing folder that can be written is required: {error}"
        raise click.UsageError(message) from error


def write(path: Path, text: str) -> None:
    """All of the file or nothing of it; a device or the like is written to, never replaced."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as part:
        part.write(text)
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)
