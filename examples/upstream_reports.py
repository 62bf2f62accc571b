"""What users have reported of libraries, run against the libraries that are installed: fixed, or still there.

    pip install -e ".[test]" && python examples/upstream_reports.py          (or: ... upstream_reports.py torch jax)

Each line is one kernel on the reported input, judged by the textbook's bound. Where an infinite logit makes a softmax
or a gradient a convention, nothing is judged, and what is returned is shown.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from shiftproof.verify import FORMATS, LIBRARIES, Case, Kernel, KernelError, Outcome, ladder, library_named, textbook
from shiftproof.verify.campaigns.findings import LIBRARY_LIBM
from shiftproof.verify.host import Host
from shiftproof.verify.kernels import library_kernels
from shiftproof.verify.shrinking import Examiner

INF = float("inf")


@dataclass(frozen=True)
class Report:
    """Where it was reported, what, and the function, format and row that show it; `gradient` picks backward passes."""

    where: str
    what: str
    functions: tuple[str, ...]
    row: tuple[float, ...]
    format: str = "binary64"
    gradient: bool = False


REPORTS = (
    Report("scipy 18295", "logsumexp([0, -40]) was 0", ("logsumexp", "logaddexp"), (0.0, -40.0)),
    Report("pytorch 11752", "the cross-entropy of [1e8, 1e8] was 0", ("cross_entropy",), (1e8, 1e8), "binary32"),
    Report("mlx 4169", "log_softmax([1e8, 1e8]) was [0, 0]", ("log_softmax",), (1e8, 1e8), "binary32"),
    Report("pytorch 113708", "log_softmax loses the tail of [1 - log eps, 0]", ("log_softmax", "cross_entropy"),
           (37.04365338911715, 0.0)),
    Report("tensorflow 11692, matrixStats 84", "logsumexp of all -inf was NaN", ("logsumexp",), (-INF, -INF)),
    Report("jax 1624", "logaddexp(-inf, -inf) was NaN", ("logaddexp",), (-INF, -INF)),
    Report("jax 6811, pytorch 31829", "gradients at all -inf are NaN", ("softmax", "logaddexp_gradient"), (-INF, -INF),
           gradient=True),
    Report("pytorch 1835", "logsigmoid(-300) was -inf", ("softplus",), (300.0,), "binary32"),
    Report("numpy 15117", "binary16 overflows on the way", ("logsumexp", "logaddexp", "softmax"), (11.0, 11.5),
           "binary16"),
    Report("scipy 23225", "softmax with +inf is NaN", ("softmax",), (INF, 0.0)),
    Report("stan math 1679", "the gradient of softplus at 1e20 was NaN", ("sigmoid",), (1e20,), gradient=True),
)  # fmt: skip


def said(kernel: Kernel, report: Report) -> str:
    """One kernel on one report, in a process of its own."""
    fmt = FORMATS[report.format]
    host = Host([kernel], 60.0)
    try:
        host.check(kernel.name, fmt)
        case = Case("reported", 1, np.array([report.row], dtype=fmt.dtype))
        standard = textbook(kernel) or ladder(kernel.function)[-1]
        (verdict,) = Examiner(kernel, fmt, standard, host, LIBRARY_LIBM)([case])
    except KernelError as error:
        return f"not there: {error}"
    finally:
        host.close()
    got = f"got {float.fromhex(verdict.got):.17g}"
    if verdict.outcome is Outcome.WITHIN:
        return f"fixed: {got}"
    if verdict.outcome is Outcome.OUT_OF_SCOPE:
        return f"not judged: {got}"
    if verdict.fault is not None:
        return f"STILL THERE: {verdict.because}"
    if not verdict.gross:
        return f"fixed, but for flushed subnormals or within an ulp: {got}"
    return f"STILL THERE: {got}, exact {float.fromhex(verdict.want):.17g}, error {verdict.error_ulp[0]:.3g} ulp"


def main(names: list[str]) -> int:
    chosen = [library_named(name) for name in names] or [library for library in LIBRARIES.values() if library.installed]
    kernels = [kernel for library in chosen for kernel in library_kernels(library)]
    for report in REPORTS:
        print(f"{report.where}: {report.what}")
        for kernel in kernels:
            gradient = LIBRARIES[kernel.library].kernels[kernel.source].gradient
            if kernel.function in report.functions and gradient == report.gradient:
                print(f"    {kernel.name:34} {said(kernel, report)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
