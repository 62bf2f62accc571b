"""What kernels owe where the function has no finite value to be near: NaN, infinities, nothing at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS

__all__ = ["PROFILES", "RowPlan", "plan_row"]

PROFILES = {
    "strict": "NaN anywhere, any +inf, or nothing but -inf gives NaN in every place of softmax and log_softmax",
    "limit": "as strict, but one +inf is one-hot and k of them share",
    "masked": "as strict, but nothing but -inf gives zeros (log_softmax: -inf)",
    "open": "NaN anywhere gives NaN; with any +inf, or nothing but -inf, nothing is owed and nothing judged",
}


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How one row of the core function is judged.

    `finite` are the places whose entries form the row that the references see, `entries` those entries. `fixed` has an
    entry for each result: the value owed there exactly (NaN owes a NaN), where `judged` is false. A `free` row owes
    nothing.
    """

    finite: NDArray[np.int64]
    entries: NDArray[np.float64]
    fixed: NDArray[np.float64]
    judged: NDArray[np.bool_]
    free: bool = False


def plan_row(row: NDArray[np.float64], function: str, profile: str = "strict") -> RowPlan:
    """Split a row (n,) of the core function behind `function` into what is judged and what is owed exactly.

    Raises KeyError for an unknown function or profile.
    """
    PROFILES[profile]
    core, limit = FUNCTIONS[function].core, profile == "limit" or FUNCTIONS[function].entry == "element"
    results = 1 if core == "logsumexp" else len(row)
    nothing = np.zeros(0, dtype=np.int64)
    none_judged = np.zeros(results, dtype=bool)

    def owed(value: float, free: bool = False) -> RowPlan:
        return RowPlan(nothing, np.zeros(0), np.full(results, value), none_judged, free)

    infinite = np.isposinf(row)
    if np.isnan(row).any():
        return owed(np.nan)
    if profile == "open" and (infinite.any() or np.isneginf(row).all()):
        return owed(np.nan, free=True)
    if infinite.any() and (core == "logsumexp" or not limit):
        return owed(np.inf if core == "logsumexp" else np.nan)
    entries = np.where(infinite, 0.0, -np.inf) if infinite.any() else row
    places = np.flatnonzero(np.isfinite(entries))
    masked_out = -np.inf if core == "log_softmax" else 0.0
    if not len(places):
        return owed(-np.inf if core == "logsumexp" else masked_out if profile == "masked" else np.nan)
    judged = np.ones(1, dtype=bool) if core == "logsumexp" else np.isfinite(entries)
    return RowPlan(places, entries[places], np.full(results, masked_out), judged)
