"""A call in a process of its own that is ended when its time is over: for work whose time nobody can foresee."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

__all__ = ["within"]

T = TypeVar("T")


def within(seconds: float, function: Callable[..., T], *args: Any) -> T | None:
    """What function(*args) returns, None if it takes longer than `seconds` or raises; both must be picklable."""
    context: Any = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, args), daemon=True)
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(seconds) else None
    except EOFError:  # it ended without an answer
        return None
    finally:
        process.kill()
        process.join()
        ours.close()


def _answer(out: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        out.send(function(*args))
    except Exception:  # whatever it is, it is no answer
        out.close()
