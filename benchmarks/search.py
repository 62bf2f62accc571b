"""Does the search find larger errors than random inputs do? python -m benchmarks.search, from the root.

For every kernel that is built in, and every broken one of the tests, prints the largest error / allowed that as many
evaluations find: of the adversaries' cases, as campaigns draw them, of normal rows of many lengths and sizes, by
Hypothesis' targeted search (--hypothesis), and by ours. A kernel without a claim is held to the class that it reaches
over ten cases of each family. "inf" is a fault, NaN for a number, or an error past the largest float: where random
inputs find one nothing can be above, and where the search finds one as well it is counted as even, apart from what is
above. Ends with status 1 if one kernel has a seed for which the search is below, or as high as and not infinite.

    python -m benchmarks.search [--evaluations 2000] [--seeds 3] [--first-seed 0] [--zoo own|broken|all]
        [--hypothesis] [--kernel NAME]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import hypothesis
import numpy as np

from shiftproof.proofs import FUNCTIONS
from shiftproof.verify import ADVERSARIES, FORMATS, Case, Kernel, Reference, builtin_kernels, search
from shiftproof.verify.host import Host
from shiftproof.verify.hunting import rows_judged, score, standard_held
from shiftproof.verify.shrinking import Examiner
from shiftproof.verify.strategies import elements, vectors
from tests.broken_kernels import BROKEN
from tests.relatives import BROKEN_RELATIVES

B64 = FORMATS["binary64"]
_AT_ONCE = 64
_LENGTHS = (2, 3, 2, 5, 1, 10, 3, 33, 2, 100)
_TIMEOUT = 3.0
_HOW = ("above", "even, infinite", "even", "below")  # how the search stands, from the best to the worst
_SHORT = _HOW[2:]  # of what is asked
_KNOWN: dict[bytes, dict[str, Reference]] = {}  # the rivals' rows are the same for many kernels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="others than those that its settings were chosen on")
    parser.add_argument("--zoo", choices=("own", "broken", "all"), default="own")
    parser.add_argument("--hypothesis", action="store_true")
    parser.add_argument("--kernel", action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    own = builtin_kernels() if options.zoo != "broken" else ()
    broken = (*BROKEN, *BROKEN_RELATIVES) if options.zoo != "own" else ()
    kernels = [*own, *(Kernel(f"tests:{b.name}", b.function, b.make(), b.standard) for b in broken)]
    print(
        "kernel                         standard             families   normal     hyp.       search     of the seeds",
        flush=True,
    )
    lots: dict[str, list[str]] = {how: [] for how in _HOW}
    start = time.perf_counter()
    for kernel in kernels:
        if options.kernel and kernel.name not in options.kernel:
            continue
        held = standard_held(kernel, B64, timeout=_TIMEOUT)
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        rows = [compared(kernel, held, options.evaluations, seed, options.hypothesis) for seed in seeds]
        how = Counter(beside(ours, max(rivals)) for *rivals, _, ours in rows)
        best = [f"{max(column):<10.7g}" for column in zip(*rows, strict=True)]
        print(
            f"{kernel.name:30} {held[0] + ' (ftz)' * held[1]:20} {' '.join(best)} "
            + ", ".join(f"{how[kind]} {kind}" for kind in _HOW if how[kind]),
            flush=True,
        )
        lots[max(how, key=_HOW.index)].append(kernel.name)
    print(f"{time.perf_counter() - start:.0f} s; kernels by their worst seed:")
    for kind, names in lots.items():
        listed = f": {', '.join(names)}" if kind in _SHORT and names else ""
        print(f"{len(names):5} {kind}{listed}")
    return int(any(lots[kind] for kind in _SHORT))


def beside(ours: float, rival: float) -> str:
    """How the ratio of the search stands beside the larger one of random inputs: one of `_HOW`."""
    if ours == rival:
        return _HOW[1] if np.isinf(ours) else _HOW[2]
    return _HOW[0] if ours > rival else _HOW[3]


def compared(
    kernel: Kernel, held: tuple[str, bool], evaluations: int, seed: int, targeted: bool
) -> tuple[float, float, float, float]:
    """The largest ratios: of the families, of normal rows, of Hypothesis (NaN if it is not asked) and of the search."""
    host = Host([kernel], _TIMEOUT)
    try:
        examine = Examiner(kernel, B64, held[0], host, references=_KNOWN)
        of_families = sampled(examine, families(kernel.function, seed), evaluations, held[1])
        of_normal = sampled(examine, normal(kernel.function, seed), evaluations, held[1])
        of_hypothesis = by_hypothesis(examine, evaluations, seed, held[1]) if targeted else np.nan
    finally:
        host.close()
    found = search(kernel, evaluations=evaluations, seed=seed, timeout=_TIMEOUT, smallest=False)
    return of_families, of_normal, of_hypothesis, found.ratio


def sampled(examine: Examiner, cases: Iterator[Case], evaluations: int, may_flush: bool) -> float:
    """The largest ratio over the first cases that make up the evaluations; the case that would be too much is cut."""
    function, best = examine.kernel.function, 0.0
    while evaluations > 0 and best < np.inf:
        lot: list[Case] = []
        room = min(_AT_ONCE, evaluations)
        while room > 0:
            case = next(cases)
            if (cost := rows_judged(case.x, function)) > evaluations:
                case = replace(case, x=case.x[:1, :evaluations] if cost > len(case.x) else case.x[:evaluations])
                cost = rows_judged(case.x, function)
            lot.append(case)
            room, evaluations = room - cost, evaluations - cost
        best = max([best, *(score(verdict, may_flush)[1] for verdict in examine(lot))])
    return best


def families(function: str, seed: int) -> Iterator[Case]:
    for index in itertools.count():
        yield from (family.case(index, function, B64, seed) for family in ADVERSARIES.values())


def normal(function: str, seed: int) -> Iterator[Case]:
    rng = np.random.default_rng([seed, 1])
    entry = FUNCTIONS[function].entry
    for index, n in enumerate(itertools.cycle(_LENGTHS)):
        length = {"pair": 2, "element": 1, "prefixes": min(n, 10)}.get(entry, n)
        yield Case("normal", index, rng.normal(size=(1, length)) * 10.0 ** rng.uniform(-3, 3))


def by_hypothesis(examine: Examiner, evaluations: int, seed: int, may_flush: bool) -> float:
    """The largest ratio that Hypothesis finds when it is told each ratio as its target."""
    entry, best, left = FUNCTIONS[examine.kernel.function].entry, 0.0, evaluations
    rows = {
        "pair": vectors("binary64", min_size=2, max_size=2),
        "element": elements("binary64").map(lambda v: np.array([v])),
    }.get(entry, vectors("binary64", min_size=1, max_size=8))

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=evaluations,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target),
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(rows)
    def hunt(row: np.ndarray) -> None:
        nonlocal best, left
        cost = rows_judged(row[np.newaxis], examine.kernel.function)
        if best == np.inf or left < cost:
            return
        left -= cost
        (verdict,) = examine([Case("hypothesis", 1, row[np.newaxis])])
        found = score(verdict, may_flush)[1]
        best = max(best, found)
        hypothesis.target(min(found, 1e300))

    hunt()
    return best


if __name__ == "__main__":
    sys.exit(main())
