"""Files that the commands read and write: all of a file or nothing of it, and complaints before the work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

__all__ = ["check_writable", "read_text", "write", "write_all"]


def check_writable(path: Path, option: str = "--json") -> None:
    """Find out before the work, not after it."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir() or not target.parent.is_dir():
            raise OSError("no such folder, or a folder itself")
        if not target.exists() or target.is_file():
            tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        message = f"{option} {path}: a file in an existing folder that can be written is required: {error}"
        raise click.UsageError(message) from error


def read_text(path: Path, most: int) -> str:
    """The UTF-8 text of a file of at most that many bytes; raises click.UsageError for anything else."""
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise click.UsageError(f"{path}: a file that can be read is required: {error.strerror}") from error
    if len(content) > most:
        raise click.UsageError(f"{path}: at most {most} bytes are read, this is longer")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"{path}: UTF-8 text is required, got the byte {content[error.start]:#04x} at {error.start}"
        ) from error


def write(path: Path, content: str | bytes) -> None:
    """All of the file or nothing of it; a device or the like is written to, never replaced."""
    content = content.encode() if isinstance(content, str) else content
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as part:
        part.write(content)
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


def write_all(out: Path, files: dict[str, bytes]) -> None:
    """Files by name under the folder of `--out`, made where they are missing; raises click.UsageError."""
    for name, content in files.items():
        try:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write(out / name, content)
        except OSError as error:
            reason = error.strerror or error
            raise click.UsageError(f"--out {out}: a folder that can be written is required: {reason}") from error
