"""Does the fast reading ever say anything else than the two referees? Every verdict is made twice.

    python benchmarks/agreement.py [--verdicts 10000000] [--seed 0] [--jobs 2]

Batches go through functions, formats, lengths and the standards that are read fast; three in four are normal rows over
many scales, the others cases of the adversaries. Results are NumPy's in binary64, rounded to the format, half of them
moved by a few ulps, so that verdicts of all kinds occur; the referees judge every row that the fast reading decided.
Prints what was counted. Exits with 1 at the first disagreement.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context

import numpy as np

from shiftproof.verify import ADVERSARIES, FORMATS, Format, RefereeDisagreement, assess, standards_for
from shiftproof.verify.fast.certified import readable

FUNCTIONS = ("softmax", "log_softmax", "logsumexp")
LENGTHS = (2, 3, 10, 65, 300, 1000)
ENTRIES = 20_000  # of a batch of normal rows, a tenth of them for logsumexp
CASES = 10  # of an adversary in a batch


def computed(function: str, x: np.ndarray) -> np.ndarray:
    highest = x.max(axis=-1, keepdims=True)
    terms = np.exp(x - highest)
    total = terms.sum(axis=-1, keepdims=True)
    if function == "softmax":
        return terms / total
    return x - highest - np.log(total) if function == "log_softmax" else (highest + np.log(total))[..., 0]


def inputs(function: str, fmt: Format, index: int, rng: np.random.Generator, seed: int) -> list[np.ndarray]:
    if rng.random() < 0.25:
        family = list(ADVERSARIES.values())[rng.integers(len(ADVERSARIES))]
        cases = (family.case(index * CASES + k, function, fmt, seed) for k in range(CASES))
        return [case.x for case in cases if case.x.size]
    n = LENGTHS[rng.integers(len(LENGTHS))]
    rows = max(ENTRIES // (10 * n if function == "logsumexp" else n), 1)
    return [rng.normal(size=(rows, n)) * 2.0 ** rng.uniform(-8, 7, (rows, 1)) + rng.normal(size=(rows, 1))]


def batch(index: int, seed: int) -> tuple[str, str, Counter[str]]:
    """Function, format, and how many verdicts there were, escalated, made twice, and of each outcome."""
    rng = np.random.default_rng([seed, index])
    function = FUNCTIONS[index % 3]
    fmt = list(FORMATS.values())[index // 3 % len(FORMATS)]
    standard = rng.choice([s for s in standards_for(function) if readable(function, s)])
    counted: Counter[str] = Counter()
    for values in inputs(function, fmt, index, rng, seed):
        x = fmt.round(values)
        with np.errstate(all="ignore"):
            got = fmt.round(computed(function, x))
            moved = fmt.round(got + fmt.ulp(got) * rng.integers(-4, 5, got.shape))
        got = np.where(rng.random(got.shape) < 0.5, moved, got)
        found = assess(x, got, function=function, format=fmt.name, standard=standard, seed=index, rejudge=1.0)
        counted.update({outcome.name: number for outcome, number in found.counts.items()})
        counted.update(verdicts=found.outcome.size, escalated=found.escalated, twice=found.rejudged)
    return function, fmt.name, counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    totals: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    start, made, several = time.perf_counter(), 0, 12 * options.jobs
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for first in count(0, several):
            try:
                for function, name, counted in pool.map(
                    partial(batch, seed=options.seed), range(first, first + several)
                ):
                    totals[function, name] += counted
                    made += counted["twice"]
            except RefereeDisagreement as error:
                print(f"DISAGREEMENT: {error}")
                return 1
            if made >= options.verdicts:
                break
    heads = ("verdicts", "escalated", "twice", "WITHIN", "EXCEEDS", "OUT_OF_SCOPE", "FAULT", "UNDECIDED")
    print(f"{'function':>12} {'format':>9} " + " ".join(f"{head:>12}" for head in heads))
    for (function, name), counted in sorted(totals.items()):
        print(f"{function:>12} {name:>9} " + " ".join(f"{counted[head]:12d}" for head in heads))
    seconds = time.perf_counter() - start
    print(f"{made} verdicts of the fast reading made again by both referees in {seconds:.0f} s: no disagreement")
    return 0


if __name__ == "__main__":
    sys.exit(main())
