"""Numbers for people: decimals rounded to the safe side, and hex strings without what says nothing."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

__all__ = ["fraction", "number", "rounded_down", "rounded_up", "short_hex"]


def number(text: str) -> float:
    """The float of a record's hex string."""
    return float(text) if text in ("nan", "inf", "-inf") else float.fromhex(text)


def rounded_up(value: float) -> str:
    """A decimal with three digits that is not below value; "0" and "inf" as such."""
    return _rounded(value, ROUND_CEILING)


def rounded_down(value: float) -> str:
    """A decimal with three digits that is not above value."""
    return _rounded(value, ROUND_FLOOR)


def _rounded(value: float, rounding: str) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    decimal = Context(prec=3, rounding=rounding).create_decimal(Decimal(value)).normalize()
    exponent = decimal.adjusted()
    return f"{decimal:f}" if -4 <= exponent < 3 else f"{decimal.scaleb(-exponent):f}e{exponent:+03d}"


def short_hex(text: str) -> str:
    """A hex float without the zeros that say nothing: 0x1.8p+1 for 0x1.8000000000000p+1."""
    mantissa, p, exponent = text.partition("p")
    if not p or "." not in mantissa:
        return text
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent


def fraction(text: str) -> float:
    """The value of "1/2" or "3"."""
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator or 1)
