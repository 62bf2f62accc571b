"""The catalogue: every theorem of the shift identities with its derivation, checked when it is asked for.

A derivation that rests on another theorem names it as a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

from ..trusted import Cases, Derivation, Theorem, check
from . import calculus, maximum, online, pairs, shift
from .false import FALSE

__all__ = ["CATALOGUE", "FALSE", "chapters", "theorem", "theorems", "title"]

_MODULES = (shift, maximum, calculus, online, pairs)

# Name to the function that writes the derivation down, in an order in which each follows what it rests on.
CATALOGUE: dict[str, Callable[..., Derivation | Cases]] = {
    derive.__name__.replace("_", "-"): derive for module in _MODULES for derive in module.DERIVATIONS
}


@cache
def theorem(name: str) -> Theorem:
    """The checked theorem; raises KeyError for a name not in `CATALOGUE`, Rejected if its derivation is wrong."""
    derive: Any = CATALOGUE[name]
    return check(derive(*(theorem(needed.replace("_", "-")) for needed in signature(derive).parameters)))


def theorems() -> dict[str, Theorem]:
    """All of the catalogue, each theorem after those that it rests on."""
    return {name: theorem(name) for name in CATALOGUE}


def chapters() -> dict[str, tuple[str, ...]]:
    """The names of the catalogue by the subject that they are about."""
    names = iter(CATALOGUE)
    return {
        (module.__doc__ or "").split(":")[0].rstrip("."): tuple(next(names) for _ in module.DERIVATIONS)
        for module in _MODULES
    }


def title(name: str) -> str:
    """What a theorem says, in a line; raises KeyError for a name that is not in `CATALOGUE`."""
    return (CATALOGUE[name].__doc__ or "").strip()
