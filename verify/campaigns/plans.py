"""A plan as data: all that its verdicts depend on, so that another process can go on with it, or refuse to.

Only what has a name can be told again elsewhere: kernels by file, module or table, families and formats of ours.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import shiftproof.proofs
from shiftproof.proofs import Libm

from ..adversaries import ADVERSARIES, LONG_ROWS, adversary_named
from ..formats import FORMATS, Format
from ..kernels import Kernel
from ..libraries import LIBRARIES
from ..premises import environment
from .campaign import Plan

__all__ = ["difference", "plan_data", "plan_from", "setting"]

Json = dict[str, Any]


def plan_data(plan: Plan) -> Json:
    """The plan, what its kernels are made of, and the software and processor that judge them; all but `jobs`.

    Raises ValueError for kernels, families and formats that are objects of this process.
    """
    for family in plan.families:
        _require_ours(family in (*ADVERSARIES.values(), LONG_ROWS), "family", family.name)
    return {
        "format": _format(plan.format),
        "standard": plan.standard,
        "families": [family.name for family in plan.families],
        "cases": plan.cases,
        "seed": plan.seed,
        "libm": plan.libm.texts(),
        "timeout": float(plan.timeout).hex(),
        "only": plan.only,
        "reading": plan.reading,
        "accumulator": None if plan.accumulator is None else _format(plan.accumulator),
        "kernels": {kernel.name: _kernel(kernel) for kernel in plan.kernels},
        "environment": setting(),
    }


def setting() -> dict[str, str]:
    """The software and the processor that verdicts depend on."""
    return {**environment(), "processor": _processor(), "shiftproof's sources": _own_sources()}


def plan_from(data: Json) -> Plan:
    """The plan that `plan_data` told, with one job."""
    kernels = (Kernel(name, **{field: told[field] for field in _FIELDS}) for name, told in data["kernels"].items())
    return Plan(
        tuple(kernels),
        FORMATS[data["format"]],
        data["standard"],
        tuple(adversary_named(name) for name in data["families"]),
        data["cases"],
        data["seed"],
        1,
        Libm(**{name: Fraction(ulps) for name, ulps in data["libm"].items()}),
        float.fromhex(data["timeout"]),
        data["only"],
        data["reading"],
        None if data["accumulator"] is None else FORMATS[data["accumulator"]],
    )


def difference(one: Any, other: Any, place: str = "") -> tuple[str, str, str] | None:
    """The first place where two plans' data differ, with what each has there; None if they are the same."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return None if one == other else (place, _short(one), _short(other))
    if list(one) != list(other):
        return place, _short(", ".join(one)), _short(", ".join(other))
    found = (difference(one[key], other[key], f"{place}: {key}" if place else key) for key in one)
    return next((where for where in found if where is not None), None)


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


_FIELDS = ("function", "source", "claim", "call", "profile", "library")


def _kernel(kernel: Kernel) -> Json:
    _require_ours(isinstance(kernel.source, str), "kernel", kernel.name)
    return {**{field: getattr(kernel, field) for field in _FIELDS}, "made of": _made_of(kernel)}


def _format(fmt: Format) -> str:
    _require_ours(FORMATS.get(fmt.name) == fmt, "format", fmt.name)
    return fmt.name


def _require_ours(named: bool, what: str, name: str) -> None:
    if not named:
        raise ValueError(
            f"{what} {name}: an object of this process cannot be told to another one: "
            "where a campaign is kept in a file or runs on a cluster, package.module:callable, "
            "path/to/file.py:callable or a name of ours is required"
        )


def _made_of(kernel: Kernel) -> str:
    """What tells this kernel from one of the same name tomorrow, or on another machine. Imports nothing."""
    if kernel.library:
        return LIBRARIES[kernel.library].version
    if kernel.source == "algorithm":
        return "shiftproof"
    place = kernel.source.rpartition(":")[0]
    if place.endswith(".py"):
        return _digest([Path(place)]) if Path(place).is_file() else "no such file"
    package = place.partition(".")[0]
    try:
        found = version(package)
    except PackageNotFoundError:
        found = ""
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    single = [Path(spec.origin)] if spec and spec.origin and not folders and Path(spec.origin).is_file() else []
    files = single or [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    return f"{found} {_digest(files)}".strip() if spec else "no such package"


def _own_sources() -> str:
    """A digest of all that judges: a version number stays as it is while sources are worked on."""
    homes = (Path(__file__).parents[1], Path(shiftproof.proofs.__file__).parent)
    return _digest(path for home in homes for path in sorted(home.rglob("*.py")))


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _processor() -> str:
    """The vector instructions that NumPy finds: its exp and log differ with them."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join([*simd.get("baseline", ()), *simd.get("found", ())])
