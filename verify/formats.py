"""The floating-point formats, as data, and rounding to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Libm, Model

__all__ = ["FORMATS", "Format", "format_named"]

_PREMISE = Libm()


@dataclass(frozen=True, slots=True)
class Format:
    """A binary format: p bits of precision, normal exponents emin..emax, gradual underflow, round to nearest even.

    `dtype` names NumPy's type for it, or is None where NumPy has none; every value of a format here is a binary64
    number too.
    """

    name: str
    precision: int
    emin: int
    emax: int
    dtype: str | None
    aliases: tuple[str, ...] = ()

    def model(self, libm: Libm | None = None, flush: bool = False, accumulator: Format | None = None) -> Model:
        """The format's arithmetic with a premise on the elementary functions; sums are made in `accumulator`."""
        made_in = None if accumulator in (None, self) else accumulator.model(libm, flush)
        return Model(self.precision, self.emin, self.emax, libm or _PREMISE, flush, made_in)

    @property
    def largest(self) -> float:
        return float(self.model().largest)

    @property
    def smallest_normal(self) -> float:
        return 2.0**self.emin

    @property
    def smallest_subnormal(self) -> float:
        return float(self.model().smallest_subnormal)

    @property
    def log_largest(self) -> float:
        """Just above it exp overflows; approximate."""
        return float(np.log(2.0) * (self.emax + 1))

    @property
    def log_smallest(self) -> float:
        """Just below it exp underflows to zero; approximate."""
        return float(np.log(2.0) * (self.emin - self.precision))

    def ulp(self, a: Any) -> NDArray[np.float64]:
        """The ulp of each |a|, shaped like a; see `Model.ulp_exponent` for the definition."""
        a = np.abs(np.asarray(a, dtype=np.float64))
        _, exponent = np.frexp(a)
        return np.asarray(np.ldexp(1.0, self.model().ulp_exponent(np.where(a == 0, self.emin, exponent - 1))))

    def round(self, a: Any) -> NDArray[np.float64]:
        """Each binary64 number rounded to this format, to nearest, ties to even, overflow to infinity; as binary64."""
        values: NDArray[np.float64] = np.asarray(a, dtype=np.float64)
        if self.precision == 53:
            return values
        finite = np.where(np.isfinite(values), values, 0.0)
        unit = self.ulp(finite)
        with np.errstate(over="ignore"):
            rounded = np.where(np.isfinite(values), np.rint(finite / unit) * unit, values)
        return np.asarray(np.where(np.abs(rounded) > self.largest, np.copysign(np.inf, rounded), rounded))


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("binary64", 53, -1022, 1023, "float64", ("float64", "double", "f64", "fp64")),
        Format("binary32", 24, -126, 127, "float32", ("float32", "single", "f32", "fp32")),
        Format("binary16", 11, -14, 15, "float16", ("float16", "half", "f16", "fp16")),
        Format("bfloat16", 8, -126, 127, None, ("bf16",)),
    )
}


def format_named(name: str) -> Format:
    """The format with this name or alias (float64 for binary64, and so on); raises ValueError for another."""
    for candidate in FORMATS.values():
        if name.lower() in (candidate.name, *candidate.aliases):
            return candidate
    raise ValueError(f"unknown format {name!r}: one of {', '.join(FORMATS)} is required")
