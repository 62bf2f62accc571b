"""The exit status of commands that judge: 0 all within, 1 some exceed or are faults, 3 undecided or nothing judged."""

from __future__ import annotations

from collections.abc import Iterable

from shiftproof.verify import Outcome

__all__ = ["status_of"]


def status_of(outcomes: Iterable[Outcome]) -> int:
    """The status for outcomes of several kernels or results."""
    found = set(outcomes)
    if found & {Outcome.EXCEEDS, Outcome.FAULT}:
        return 1
    return 0 if found == {Outcome.WITHIN} else 3
