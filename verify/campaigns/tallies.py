"""Tallies as JSON and back, without loss: floats are hex strings, and each verdict is written once.

What is read may come from anywhere. It is built up from strings and numbers alone, so that it cannot run code, and
whatever has another form is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ..decision import Outcome
from ..landscape import Cell, Landscape
from ..verdicts import Tally, Verdict
from .campaign import Tallies

__all__ = ["read_tallies", "tallies_text"]

_COUNTS = ("exceeds_even_flushed", "gross", "unstable")
_KEPT = ("worst", "closest", "largest", "simplest", "numeric", "undefined")


def tallies_text(tallies: Tallies) -> str:
    """The tallies of a shard, by kernel and standard, as JSON; the same tallies give the same text."""
    places: dict[Verdict, int] = {}

    def place(verdict: Verdict | None) -> int | None:
        return None if verdict is None else places.setdefault(verdict, len(places))

    kernels = {
        kernel: {standard: _tally_data(tally, place) for standard, tally in by_standard.items()}
        for kernel, by_standard in tallies.items()
    }
    data = {"verdicts": [_verdict_data(verdict) for verdict in places], "kernels": kernels}
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def read_tallies(text: str) -> Tallies:
    """What `tallies_text` wrote. Raises ValueError for anything else."""
    try:
        data = json.loads(text)
        verdicts = [_verdict(fields) for fields in data["verdicts"]]
        return {
            kernel: {standard: _tally(tally, verdicts) for standard, tally in by_standard.items()}
            for kernel, by_standard in data["kernels"].items()
        }
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"no tallies: {type(error).__name__}: {error}") from error


def _tally_data(tally: Tally, place: Any) -> dict[str, Any]:
    return {
        "counts": [tally.counts[outcome] for outcome in Outcome],
        **{name: getattr(tally, name) for name in _COUNTS},
        **{name: place(getattr(tally, name)) for name in _KEPT},
        "findings": [place(verdict) for verdict in tally.findings],
        "faults": [[name, count, place(verdict)] for name, (count, verdict) in tally.faults.items()],
        "sizes": [[code, count] for code, count in tally.landscape.sizes.items()],
        "cells": [[*key, *_cell_data(cell)] for key, cell in tally.landscape.cells.items()],
    }


def _cell_data(cell: Cell) -> tuple[Any, Any]:
    counts = [[outcome.value, count] for outcome, count in cell.counts.items()]
    closest = cell.closest
    return counts, None if closest is None else [closest[0].hex(), closest[1].hex(), closest[2]]


def _verdict_data(v: Verdict) -> list[Any]:
    error, allowed = ([end.hex() for end in ends] for ends in (v.error_ulp, v.allowed_ulp))
    x = None if v.x is None else list(v.x)
    where = [v.kernel, v.standard, v.case, v.outcome.name, v.length, x, v.place]
    return [*where, v.got, v.want, error, allowed, v.fault, v.because, v.flushed, v.result]


def _tally(data: dict[str, Any], verdicts: list[Verdict]) -> Tally:
    def at(place: Any) -> Verdict:
        return verdicts[_whole(place)]

    counts = dict(zip(Outcome, map(_whole, data["counts"]), strict=True))
    landscape = Landscape(
        Counter({_signed(code): _whole(count) for code, count in data["sizes"]}),
        {(_signed(gap), _signed(length)): _cell(*cell) for gap, length, *cell in data["cells"]},
    )
    numbers = {name: _whole(data[name]) for name in _COUNTS}
    kept: dict[str, Any] = {name: None if data[name] is None else at(data[name]) for name in _KEPT}
    return Tally(
        counts,
        **{**numbers, **kept},
        findings=[at(place) for place in data["findings"]],
        faults={_text(name): (_whole(count), at(place)) for name, count, place in data["faults"]},
        landscape=landscape,
    )


def _cell(counts: Any, closest: Any) -> Cell:
    found = Counter({Outcome(_whole(value)): _whole(count) for value, count in counts})
    if closest is None:
        return Cell(found)
    ratio, gap, length = closest
    return Cell(found, (float.fromhex(ratio), float.fromhex(gap), _whole(length)))


def _verdict(fields: Any) -> Verdict:
    kernel, standard, case, outcome, length, x, place, got, want, error, allowed, *rest = fields
    fault, because, flushed, result = rest
    if type(kernel) is not str:  # a file's name may be anything
        raise ValueError(f"a name is required, got {kernel!r}")
    for number in (got, want, *(x or ())):
        float.fromhex(number)
    if type(flushed) is not bool:
        raise ValueError(f"true or false is required, got {flushed!r}")
    return Verdict(
        kernel,
        _text(standard),
        _text(case),
        Outcome[outcome],
        _whole(length),
        None if x is None else tuple(x),
        _whole(place),
        got,
        want,
        _ends(error),
        _ends(allowed),
        None if fault is None else _text(fault),
        _text(because),
        flushed,
        _whole(result),
    )


def _ends(pair: Any) -> tuple[float, float]:
    lo, hi = pair
    return float.fromhex(lo), float.fromhex(hi)


def _text(value: Any) -> str:
    if type(value) is not str or not value.isprintable():
        raise ValueError(f"printable text is required, got {value!r}")
    return value


def _signed(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"a whole number is required, got {value!r}")
    return value


def _whole(value: Any) -> int:
    if _signed(value) < 0:
        raise ValueError(f"a whole number >= 0 is required, got {value!r}")
    return _signed(value)
