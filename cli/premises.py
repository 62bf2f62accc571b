"""What commands are told, and say, of the premise on exp, log and log1p."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import click

from shiftproof.proofs import Libm
from shiftproof.verify import GENERIC_STANDARDS

__all__ = ["assumed", "libm_option"]


def _libm(_context: Any, _parameter: Any, values: tuple[str, ...]) -> Libm:
    accuracies: dict[str, Fraction] = {}
    for value in values:
        name, equals, ulps = value.partition("=")
        try:
            if name not in ("exp", "log", "log1p") or not equals:
                raise ValueError
            numerator, _, denominator = ulps.partition("/")
            accuracy = float(numerator) / float(denominator or 1)
            if not 0 <= accuracy <= 1e6:
                raise ValueError
            accuracies[name] = Fraction(accuracy).limit_denominator(10**12)
        except (ValueError, ZeroDivisionError):
            message = f"exp=ULPS, log=ULPS or log1p=ULPS with a number from 0 to 1e6 is required, got {value!r}"
            raise click.BadParameter(message) from None
    return Libm(**accuracies)


libm_option = click.option(
    "--libm", multiple=True, callback=_libm, metavar="NAME=ULPS", help="Premise on exp, log or log1p; default 1."
)


def assumed(standard: str, libm: Libm) -> Iterator[str]:
    """What a verdict by the bound of an algorithm rests on; nothing for a standard that is a number of ulps."""
    if standard not in GENERIC_STANDARDS:
        yield "assumed: " + ", ".join(f"{name} within {ulps} ulp" for name, ulps in libm.texts().items())
