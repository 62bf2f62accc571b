"""What is premised, measured on this machine: exp, log and log1p as NumPy has them, and whether subnormals survive.

The figures are largest known errors, lower bounds of the true ones: they can refute a premise, not prove it.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .balls import BallOperations, balls, end_points, working_precision
from .formats import Format

__all__ = ["Premise", "environment", "probe"]

_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Premise:
    """NumPy's own `function` in `format`: largest known error in ulps (rounded up), at `argument` (hex)."""

    function: str
    format: str
    largest_known_ulp: float
    argument: str


def probe(fmt: Format, seed: int = 0) -> tuple[tuple[Premise, ...], bool]:
    """Measure NumPy's exp, log and log1p in a format on 2000 points each, and whether the format flushes subnormals."""
    rng = np.random.default_rng(seed)
    depth = -fmt.emin * np.log(2.0)
    points = {
        "exp": -np.concatenate([rng.uniform(0, depth, _POINTS // 2), rng.exponential(2.0, _POINTS // 2)]),
        "log": np.concatenate([rng.uniform(1, 4, _POINTS // 2), 10 ** rng.uniform(0, 4, _POINTS // 2)]),
        "log1p": 10 ** rng.uniform(-8, 4, _POINTS),
    }
    measured = tuple(_measured(name, fmt, fmt.round(x)) for name, x in points.items())
    one_step = np.array([fmt.smallest_normal], dtype=fmt.dtype) * np.array([0.5], dtype=fmt.dtype)
    return measured, not bool(one_step[0] != 0)


def _measured(name: str, fmt: Format, x: NDArray[np.float64]) -> Premise:
    with np.errstate(all="ignore"):
        got = np.asarray(getattr(np, name)(x.astype(fmt.dtype)), dtype=np.float64)
    with working_precision(200):
        exact = getattr(BallOperations(), name)(balls(x))
        ulps = BallOperations().ulp(exact, fmt.model())
        errors = np.array([_upper(abs(g - y) / ulp) for g, y, ulp in zip(balls(got), exact, ulps, strict=True)])
    worst = int(np.argmax(errors))
    return Premise(name, fmt.name, float(errors[worst]), float(x[worst]).hex())


def _upper(ball: Any) -> float:
    (man, exp), _ = end_points(ball.upper())
    return float(np.nextafter(np.ldexp(float(man), exp), np.inf))


def environment() -> dict[str, str]:
    """Versions and platform, for the record."""
    found = {"python": platform.python_version(), "platform": sys.platform, "machine": platform.machine()}
    for package in ("shiftproof", "numpy", "scipy", "mpmath", "gmpy2", "python-flint", "sympy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
