"""What a verdict costs: SciPy's kernel, our verdict, and two references alone, side by side in one run.

    python benchmarks/speed.py [--seconds S] [--jobs J]

A verdict is reference, error in ulps, bound and outcome of every result (`assess`); Arb and mpmath (with gmpy2) compute
nothing but the reference, at 128 bits. Each time is the smallest of several runs on one thread, in ns per entry; what
counts are the ratios of one line. Then how the time of a verdict grows with n, with rows and with processes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import flint
import mpmath
import numpy as np
from scipy.special import logsumexp, softmax

from shiftproof.verify import assess

PRECISION = 128
STANDARDS = {"logsumexp": "shifted-log1p", "softmax": "shifted"}
KERNELS: dict[str, Callable[..., Any]] = {"logsumexp": logsumexp, "softmax": softmax}


def best(run: Callable[[], Any], seconds: float) -> float:
    """The shortest of at least three runs, and of as many as fit into the time."""
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def by_arb(function: str, rows: np.ndarray) -> None:
    flint.ctx.prec = PRECISION
    for row in rows.tolist():
        top = flint.arb(max(row))
        terms = [(flint.arb(v) - top).exp() for v in row]
        total = sum(terms, flint.arb(0))
        _ = top + total.log() if function == "logsumexp" else [t / total for t in terms]


def by_mpmath(function: str, rows: np.ndarray, mp: Any) -> None:
    for row in rows.tolist():
        top = mp.mpf(max(row))
        terms = [mp.exp(mp.mpf(v) - top) for v in row]
        total = mp.fsum(terms)
        _ = top + mp.log(total) if function == "logsumexp" else [t / total for t in terms]


def data(rows: int, n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, n)) * 3


def table(seconds: float) -> None:
    mp = mpmath.MPContext()
    mp.prec = PRECISION
    print(f"mpmath's backend: {mpmath.libmp.BACKEND}; fast: {accelerated()}")
    heads = ("function", "n", "SciPy", "verdict", "Arb", "mpmath", "verdict/SciPy", "Arb/verdict", "mpmath/verdict")
    print("ns per entry; ratios of one run")
    print(" ".join(f"{head:>14}" for head in heads))
    for function, kernel in KERNELS.items():
        for n in (2, 10, 1000, 100_000):
            x = data(max(1_000_000 // n, 10), n)
            few = data(max(2000 // n, 1), n)
            got = kernel(x, axis=-1)
            times = {
                "SciPy": best(lambda: kernel(x, axis=-1), seconds) / x.size,  # noqa: B023
                "verdict": best(lambda: verdict(function, x, got), seconds) / x.size,  # noqa: B023
                "Arb": best(lambda: by_arb(function, few), seconds) / few.size,  # noqa: B023
                "mpmath": best(lambda: by_mpmath(function, few, mp), seconds) / few.size,  # noqa: B023
            }
            ours = times["verdict"]
            ratios = (ours / times["SciPy"], times["Arb"] / ours, times["mpmath"] / ours)
            cells = [f"{t * 1e9:14.1f}" for t in times.values()] + [f"{r:14.2f}" for r in ratios]
            print(f"{function:>14} {n:14d} " + " ".join(cells), flush=True)


def accelerated() -> str:
    return "no"


def verdict(function: str, x: np.ndarray, got: np.ndarray) -> Any:
    return assess(x, got, function=function, standard=STANDARDS[function])


def growth(seconds: float, jobs: int) -> None:
    print("\nlogsumexp, growth: ms, and ns per entry")
    for name, shapes in (
        ("n", [(100, n) for n in (100, 1000, 10_000, 100_000)]),
        ("rows", [(rows, 100) for rows in (100, 1000, 10_000, 100_000)]),
    ):
        for rows, n in shapes:
            x = data(rows, n)
            got = logsumexp(x, axis=-1)
            t = best(lambda: verdict("logsumexp", x, got), seconds)  # noqa: B023
            print(f"  {name:>5}: {rows:7d} rows of {n:7d}: {t * 1e3:10.2f} {t / x.size * 1e9:8.1f}", flush=True)
    x = data(20_000, 100)
    got = logsumexp(x, axis=-1)
    parts = [(x[k::8], got[k::8]) for k in range(8)]
    for workers in range(1, jobs + 1):
        with ProcessPoolExecutor(workers, get_context("fork")) as pool:
            t = best(lambda: list(pool.map(_part, parts)), seconds)
        print(f"   jobs: {workers:7d}: {t * 1e3:24.2f} {t / x.size * 1e9:8.1f}")


def _part(part: tuple[np.ndarray, np.ndarray]) -> int:
    return verdict("logsumexp", *part).escalated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each time that is measured")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    table(arguments.seconds)
    growth(arguments.seconds, arguments.jobs)


if __name__ == "__main__":
    main()
