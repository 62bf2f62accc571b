"""A drop-in for somebody's test suite: what SciPy's own tests of logsumexp miss, and the oracle finds.

SciPy's tests, as they are installed with it, are run against SciPy as it is and against SciPy with one fault planted in
the core of its logsumexp; then the oracle judges the same function. A fault that survives a suite is what that suite
cannot see.

    pip install -e ".[test]" && python examples/scipy_own_tests.py
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# What each fault does to the entries (rows, n) before SciPy's core sees them, or to the result after it.
BEFORE: dict[str, Callable[[Any, Any], Any]] = {
    "terms 20 below the maximum are dropped": lambda a, top: np.where(a < top - 20, -np.inf, a),
    "terms 30 below the maximum are dropped": lambda a, top: np.where(a < top - 30, -np.inf, a),
    "the last of more than 128 entries is dropped": lambda a, top: np.where(
        (np.arange(a.shape[-1]) == a.shape[-1] - 1) & (a.shape[-1] > 128), -np.inf, a
    ),
    "subnormal entries are flushed to zero": lambda a, top: np.where(np.abs(a) < np.finfo(a.dtype).tiny, 0 * a, a),
}
AFTER: dict[str, Callable[[Any, Any], Any]] = {
    "log(1 + s) in place of log1p(s)": lambda y, top: top + np.log(np.exp(y - top)),
    "the result has 40 bits": lambda y, top: _bits(y, 40),
    "the result has 30 bits": lambda y, top: _bits(y, 30),
    "the result has 24 bits": lambda y, top: _bits(y, 24),
}
AS_IT_IS = "none: SciPy as it is"


def _bits(y: Any, bits: int) -> Any:
    mantissa, exponent = np.frexp(y)
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits).astype(y.dtype)


def plant(fault: str) -> None:
    """Put a fault into the installed SciPy, in this process."""
    import scipy.special._logsumexp as module

    core = module._logsumexp

    def faulty(a: Any, b: Any, *, axis: Any, return_sign: bool, xp: Any) -> Any:
        plain = isinstance(a, np.ndarray) and a.dtype.kind == "f" and b is None and axis in (-1, a.ndim - 1)
        if not plain:
            return core(a, b, axis=axis, return_sign=return_sign, xp=xp)
        with np.errstate(all="ignore"):
            top = a.max(axis=axis, keepdims=True)
            a = BEFORE[fault](a, top).astype(a.dtype) if fault in BEFORE else a
            out, sign = core(a, b, axis=axis, return_sign=return_sign, xp=xp)
            changed = AFTER[fault](out, top).astype(out.dtype) if fault in AFTER else out
            return np.where(np.isfinite(out), changed, out), sign

    module._logsumexp = faulty


def run_their_tests(fault: str) -> int:
    """SciPy's own tests of logsumexp with the fault, in this process; pytest's exit status."""
    import pytest

    if fault != AS_IT_IS:
        plant(fault)
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:warnings", "-c", "/dev/null", "--no-header", "--tb=no"]
    return int(pytest.main([*quiet, "--pyargs", "scipy.special.tests.test_logsumexp"]))


def ask_the_oracle(fault: str) -> str:
    """What the oracle says of scipy.special.logsumexp with the fault, against the bound of its algorithm."""
    import scipy.special

    from shiftproof.verify import judge

    if fault != AS_IT_IS:
        plant(fault)
    found = judge(scipy.special.logsumexp, function="logsumexp", standard="shifted-log1p", cases=310)
    if found.worst is None or found.outcome.name == "WITHIN":
        return found.outcome.name
    simplest = found.details.tallies["shifted-log1p"].simplest or found.worst
    error, allowed = simplest.error_ulp[0], simplest.allowed_ulp[1]
    return f"{found.outcome.name} at n = {simplest.length}: error {error:.3g} ulp, allowed {allowed:.3g}"


def main() -> int:
    if len(sys.argv) == 3:
        run = {"--their-tests": run_their_tests, "--oracle": ask_the_oracle}[sys.argv[1]]
        answer = run(sys.argv[2])
        print(f"\n{answer}")
        return 0
    print(f"{'planted fault':46}  {'SciPy tests':11}  the oracle")
    missed = []
    for fault in (AS_IT_IS, *BEFORE, *AFTER):
        theirs, ours = (_answer(option, fault) for option in ("--their-tests", "--oracle"))
        caught = theirs != "0"
        if fault != AS_IT_IS and not caught and ours.startswith(("EXCEEDS", "FAULT")):
            missed.append(fault)
        print(f"{fault:46}  {'fail' if caught else 'pass':11}  {ours}", flush=True)
    print(f"\n{len(missed)} of {len(BEFORE) + len(AFTER)} faults pass SciPy's own tests and are found by the oracle")
    return 0 if missed else 1


def _answer(option: str, fault: str) -> str:
    """From a process of its own: a planted fault does not come out again."""
    done = subprocess.run([sys.executable, __file__, option, fault], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main())
