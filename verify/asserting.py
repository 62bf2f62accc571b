"""Assertions for test suites: a kernel, or somebody's results, against a proven bound.

A failure says all that is needed to see it again: the input in hex, what was got, what is exact, the error in ulps of
the format, and what is allowed. What could not be judged fails as well, unless it is said to be expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm

from .api import Judgement, judge
from .cases import Adversary, Case
from .decision import Outcome
from .formats import Format, format_named
from .host import Answer
from .kernels import Kernel
from .standards import Expectation, standards_for
from .verdicts import Verdict, judge_cases

__all__ = ["assert_kernel", "assert_within", "verdict_lines"]

DEFAULT_CASES = 310  # ten of each family
_SHOWN_ROWS = 3
_SHOWN_ENTRIES = 16
_CHECKED = 1 << 20  # numbers that are looked at together


def assert_kernel(
    kernel: Callable[..., Any] | str,
    *,
    function: str | None = None,
    standard: str | None = None,
    format: str = "binary64",
    cases: int = DEFAULT_CASES,
    seed: int = 0,
    families: Sequence[Adversary] | None = None,
    profile: str = "strict",
    call: str = "batch",
    libm: Libm | None = None,
    timeout: float = 10.0,
) -> Judgement:
    """Judge a kernel as `judge` does, and raise AssertionError unless every case that could be judged is within.

    Without a `standard` the kernel must reach a class. Returns the judgement. Raises KernelError or ValueError for what
    cannot be judged as asked.
    """
    __tracebackhide__ = True
    result = judge(
        kernel,
        function=function,
        standard=standard,
        format=format,
        cases=cases,
        seed=seed,
        families=families,
        profile=profile,
        call=call,
        libm=libm,
        timeout=timeout,
    )
    if result.outcome is not Outcome.WITHIN:
        raise AssertionError(_complaint(result, format, cases, seed))
    return result


def _complaint(result: Judgement, fmt: str, cases: int, seed: int) -> str:
    details = result.details
    tally = details.tallies[details.shown]
    counts = ", ".join(f"{count} {outcome.name}" for outcome, count in result.counts.items() if count)
    head = (
        f"{details.kernel.name} ({details.kernel.function}, {fmt}) against {details.shown}: {counts} of {cases} cases"
    )
    if result.outcome is Outcome.OUT_OF_SCOPE:
        return f"{head}: nothing was judged, which is not a pass"
    lines = [head, f"  class: {result.kernel_class or 'none'}; seed {seed}"]
    for fault, (count, verdict) in tally.faults.items():
        lines += [f"  FAULT {fault} ({count} cases)", *verdict_lines(verdict)]
    shown = tally.simplest or (result.worst if not tally.faults else None)
    return "\n".join(lines + (verdict_lines(shown) if shown is not None else []))


def verdict_lines(verdict: Verdict, most: int = _SHOWN_ENTRIES) -> list[str]:
    """A verdict as people read it: the row, if it has at most so many entries, result, error and what is allowed."""
    if verdict.x is None or len(verdict.x) > most:
        entries = f"{verdict.length} entries"
    else:
        entries = "[" + ", ".join(verdict.x) + "]"
    lines = [
        f"    case    {verdict.case}, result {verdict.place}",
        f"    x       {entries}",
        f"    got     {verdict.got} = {float.fromhex(verdict.got)!r}",
        f"    want    {verdict.want} = {float.fromhex(verdict.want)!r} (exact, to nearest binary64)",
    ]
    if verdict.fault is None:
        lines += [
            f"    error   {_range(verdict.error_ulp)} ulp",
            f"    allowed {_range(verdict.allowed_ulp)} ulp by {verdict.standard}",
        ]
    return lines + ([f"    because {verdict.because}"] if verdict.because else [])


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.6g}" if f"{ends[0]:.6g}" == f"{ends[1]:.6g}" else f"{ends[0]:.6g} to {ends[1]:.6g}"


def assert_within(
    x: Any,
    got: Any,
    *,
    function: str,
    standard: str,
    format: str | None = None,
    profile: str = "strict",
    libm: Libm | None = None,
    labels: Any = None,
    allow_out_of_scope: bool = False,
) -> None:
    """Raise AssertionError unless somebody's results `got` for the inputs `x` are within a standard, result by result.

    x has shape (n,) or (rows, n); for logaddexp n = 2, for a function of one number any shape of that kind. `labels`,
    one place for each row, are required for a function of a label. got has the function's shape for x: (rows,) or
    (rows, n), without rows if x has none. The format is that of x's type unless it is given; x and got must be numbers
    of it. What is out of a bound's scope fails unless it is allowed; UNDECIDED always does. Raises ValueError for other
    shapes, types and names.
    """
    __tracebackhide__ = True
    if function not in FUNCTIONS:
        raise ValueError(f"unknown function {function!r}: one of {', '.join(FUNCTIONS)} is required")
    if standard not in standards_for(function):
        known = ", ".join(standards_for(function))
        raise ValueError(f"{function} has no standard {standard!r}: one of {known} is required")
    given, fmt = inputs_of(x, format)
    inputs = given.astype(np.float64)
    results = results_of(got, function, np.ndim(x) == 1, inputs, fmt).astype(np.float64)
    kernel = Kernel("got", function, None, profile=profile)
    cases = [Case("x", row, np.ascontiguousarray(values[np.newaxis])) for row, values in enumerate(inputs)]
    verdicts = _judged(kernel, fmt, libm, cases, results, standard, labels_for(labels, function, inputs))
    fine = {Outcome.WITHIN, Outcome.OUT_OF_SCOPE} if allow_out_of_scope else {Outcome.WITHIN}
    bad = [v for v in verdicts if v.outcome not in fine]
    if bad:
        bad.sort(key=lambda v: -v.outcome.value)
        lines = [f"{function} in {fmt.name} against {standard}: {len(bad)} of {len(verdicts)} rows are not within"]
        for verdict in bad[:_SHOWN_ROWS]:
            lines += [f"  row {verdict.case.partition('#')[2]}: {verdict.outcome.name}", *verdict_lines(verdict)]
        if len(bad) > _SHOWN_ROWS:
            lines.append(f"  and {len(bad) - _SHOWN_ROWS} more")
        raise AssertionError("\n".join(lines))


def inputs_of(x: Any, format: str | None) -> tuple[NDArray[Any], Format]:
    """x as (rows, n) in its own type, and the format; ValueError unless all of it are numbers of that format."""
    values = np.asarray(x)
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            f"x: numbers of shape (n,) or (rows, n), not empty, are required, got {values.dtype.name} {values.shape}"
        )
    fmt = format_named(values.dtype.name if format is None and values.dtype.kind == "f" else format or "binary64")
    _require_numbers("x", values, fmt)
    return values.reshape(-1, values.shape[-1]), fmt


def results_of(got: Any, function: str, single: bool, x: NDArray[Any], fmt: Format) -> NDArray[Any]:
    """The results as (rows,) or (rows, n) in their own type; ValueError unless they have the shape owed for x."""
    values = np.asarray(got)
    if values.dtype.kind != "f":
        raise ValueError(f"got: floating-point results are required, got {values.dtype.name}")
    shape = x.shape[:1] if FUNCTIONS[function].per_row else x.shape
    owed = shape[1:] if single else shape
    if values.shape != owed:
        raise ValueError(f"got: results of shape {owed} are required for {function} of x, got {values.shape}")
    _require_numbers("got", values, fmt)
    return values.reshape(shape)


def _require_numbers(what: str, values: NDArray[Any], fmt: Format) -> None:
    """Raise ValueError unless all are numbers of the format; a NaN is one."""
    if values.dtype.name == fmt.dtype or (fmt.precision == 53 and values.dtype.kind == "f" and values.itemsize <= 8):
        return
    flat = values.reshape(-1)
    for start in range(0, flat.size, _CHECKED):
        part = flat[start : start + _CHECKED]
        carried = part.astype(np.float64)
        if ((fmt.round(carried) != carried) & ~np.isnan(carried)).any() or (carried != part)[~np.isnan(carried)].any():
            raise ValueError(f"{what}: numbers of {fmt.name} are required, and some are not")


def labels_for(labels: Any, function: str, x: NDArray[Any]) -> list[NDArray[np.int64]] | None:
    if FUNCTIONS[function].entry != "label":
        if labels is not None:
            raise ValueError(f"{function} has no labels")
        return None
    places = np.atleast_1d(np.asarray(labels if labels is not None else []))
    rows, n = x.shape
    if places.shape != (rows,) or places.dtype.kind not in "iu" or (places < 0).any() or (places >= n).any():
        raise ValueError(f"labels: {rows} places from 0 to {n - 1} are required for {function}, got {labels!r}")
    return [place.astype(np.int64).reshape(1) for place in places]


def _judged(
    kernel: Kernel,
    fmt: Format,
    libm: Libm | None,
    cases: list[Case],
    got: NDArray[np.float64],
    standard: str,
    labels: list[NDArray[np.int64]] | None,
) -> list[Verdict]:
    arrays = [case.x for case in cases]
    expectation = Expectation(arrays, kernel.function, fmt, libm, kernel.profile, labels=labels)
    answers = [Answer(np.ravel(row), detail=fmt.dtype or "float64") for row in got]
    return judge_cases(kernel, expectation, cases, answers, standard)
