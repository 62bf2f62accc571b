"""Do our own algorithms keep their own bounds, and do the bounds mean anything?

Runs every algorithm by NumPy in binary64 and binary32 over the adversaries, each against the bound read from its
own lines, and prints how many cases were judged, how many exceeded, and how close the largest known error of each
(algorithm, family) pair came to the bound. Exits with 1 if a case exceeds, is a fault or undecided, or if fewer
than half of the pairs reach a tenth.

    python benchmarks/own_algorithms.py [--format binary64 --format binary32] [--cases 8500] [--seed 0] [--jobs 2]
"""

from __future__ import annotations

import argparse
import sys
import time

from shiftproof.verify import FORMATS, Campaign, Outcome, Plan, builtin_kernels, run_campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=8500, help="cases of each algorithm and format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--format", action="append", choices=[f.name for f in FORMATS.values() if f.dtype])
    options = parser.parse_args()
    ours = tuple(kernel for kernel in builtin_kernels() if kernel.claim is not None)
    sound = True
    for name in options.format or ("binary64", "binary32"):
        start = time.perf_counter()
        plan = Plan(ours, FORMATS[name], cases=options.cases, seed=options.seed, jobs=options.jobs)
        sound &= told(run_campaign(plan), time.perf_counter() - start)
    return 0 if sound else 1


def told(campaign: Campaign, seconds: float) -> bool:
    """Print a format's figures; False if they are not what the bounds promise."""
    tallies = [result.tallies[result.shown] for result in campaign.results]
    total = {outcome: sum(tally.counts[outcome] for tally in tallies) for outcome in Outcome}
    ratios = [
        tally.closest.ratio
        for result in campaign.results
        for tally in result.families.values()
        if tally.closest is not None
    ]
    meaningful = sum(ratio > 0.1 for ratio in ratios)
    judged = sum(count for outcome, count in total.items() if outcome is not Outcome.OUT_OF_SCOPE)
    print(f"{campaign.plan.format.name}: {judged} judged cases of {len(tallies)} algorithms in {seconds:.0f} s")
    print("  " + ", ".join(f"{count} {outcome.name}" for outcome, count in total.items()))
    print(f"  largest known error / bound: {max(ratios):.4f}")
    print(f"  (algorithm, family) pairs above a tenth of the bound: {meaningful} of {len(ratios)}", flush=True)
    return judged == total[Outcome.WITHIN] and 2 * meaningful >= len(ratios)


if __name__ == "__main__":
    sys.exit(main())
