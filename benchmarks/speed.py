"""What a verdict costs: SciPy's kernel, our verdict, and two references alone, side by side in one run.

    python benchmarks/speed.py [--seconds S] [--jobs J]

A verdict is reference, error in ulps, bound and outcome of every result (`assess`), by plain NumPy and with sums
compiled by Numba (extra `fast`); Arb and mpmath (with gmpy2) compute nothing but the reference, at 128 bits. Each time
is the smallest of several runs on one thread, in ns per entry; what counts are the ratios of one line, whose runs take
turns. Then how the time of a verdict grows with n, with rows and with processes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
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


def best(runs: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """The shortest of at least three runs of each, in turns, and of as many as fit into the time for each."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end = time.perf_counter() + seconds * len(runs)
    while len(times[next(iter(runs))]) < 3 or time.perf_counter() < end:
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: min(taken) for name, taken in times.items()}


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
    compiled = find_spec("numba") is not None
    print(f"mpmath's backend: {mpmath.libmp.BACKEND}; Numba: {'installed' if compiled else 'not installed'}")
    print("ns per entry, and ratios of one run; fast: with sums compiled by Numba")
    heads = ("function", "n", "SciPy", "verdict", "fast", "Arb", "mpmath")
    ratios = ("verdict/SciPy", "fast/SciPy", "Arb/verdict", "mpmath/verdict")
    print(" ".join(f"{head:>10}" for head in heads) + " " + " ".join(f"{head:>14}" for head in ratios))
    for function, kernel in KERNELS.items():
        for n in (2, 10, 1000, 100_000):
            x = data(max((4_000_000 if n <= 10 else 1_000_000) // n, 10), n)
            few = data(max(2000 // n, 1), n)
            got = kernel(x, axis=-1)
            runs = {
                "SciPy": partial(kernel, x, axis=-1),
                "verdict": partial(verdict, function, x, got, False),
                **({"fast": partial(verdict, function, x, got, True)} if compiled else {}),
                "Arb": partial(by_arb, function, few),
                "mpmath": partial(by_mpmath, function, few, mp),
            }
            sizes = {"Arb": few.size, "mpmath": few.size}
            ns = {name: t / sizes.get(name, x.size) * 1e9 for name, t in best(runs, seconds).items()}
            ns.setdefault("fast", float("nan"))
            cells = [f"{ns[name]:10.1f}" for name in ("SciPy", "verdict", "fast", "Arb", "mpmath")]
            pairs = (("verdict", "SciPy"), ("fast", "SciPy"), ("Arb", "verdict"), ("mpmath", "verdict"))
            cells += [f"{ns[a] / ns[b]:14.2f}" for a, b in pairs]
            print(f"{function:>10} {n:10d} " + " ".join(cells), flush=True)


def verdict(function: str, x: np.ndarray, got: np.ndarray, compiled: bool = False) -> Any:
    return assess(x, got, function=function, standard=STANDARDS[function], compiled=compiled)


def growth(seconds: float, jobs: int) -> None:
    print("\nlogsumexp, growth: ms, and ns per entry")
    for name, shapes in (
        ("n", [(100, n) for n in (100, 1000, 10_000, 100_000)]),
        ("rows", [(rows, 100) for rows in (100, 1000, 10_000, 100_000)]),
    ):
        for rows, n in shapes:
            x = data(rows, n)
            got = logsumexp(x, axis=-1)
            (t,) = best({"": partial(verdict, "logsumexp", x, got)}, seconds).values()
            print(f"  {name:>5}: {rows:7d} rows of {n:7d}: {t * 1e3:10.2f} {t / x.size * 1e9:8.1f}", flush=True)
    x = data(20_000, 100)
    got = logsumexp(x, axis=-1)
    parts = [(x[k::8], got[k::8]) for k in range(8)]
    for workers in range(1, jobs + 1):
        with ProcessPoolExecutor(workers, get_context("fork")) as pool:
            (t,) = best({"": lambda: list(pool.map(_part, parts))}, seconds).values()
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
