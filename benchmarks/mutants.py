"""Slips planted in the derivations of the catalogue, and who notices them: python -m benchmarks.mutants, from the root.

Prints how many were made, how many each checker rejects of those that it is asked about, and the survivors with the
reason why each is still true. Ends with status 1 if a survivor has no reason or a false step is agreed with.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter

from shiftproof.proofs.coq_export import Mutant as SpoiltStep
from shiftproof.proofs.coq_gate import coq_rejects
from shiftproof.proofs.counterexamples import counterexample
from shiftproof.proofs.second_opinion import ask
from tests.mutants import made, mutants, reason


def main() -> int:
    all_mutants = mutants()
    survivors = [m for m in all_mutants if made(m) is not None]
    print(f"{len(all_mutants)} mutants: {dict(Counter(m.kind for m in all_mutants))}")
    print(f"the checker rejects {len(all_mutants) - len(survivors)}; the {len(survivors)} survivors:")
    for m in survivors:
        print(f"  {m.name}: {reason(m)}")
    false = [m for m in all_mutants if m.step is not None and counterexample(m.step, m.facts, tried=40) is not None]
    agreed = [m for m in false if m.step and ask(m.step.left, m.step.kind, m.step.right, m.facts).agrees]
    print(f"{len(false)} state something that a point refutes; SymPy agrees with {len(agreed)} of them")
    ends = [(m, m.alone) for m in false if m.alone is not None and m.step is not None]
    steps = [d for m, d in ends if m.step is not None and (d.start, d.steps[0].to) == (m.step.left, m.step.right)]
    proven = 0
    if shutil.which("coqc") is None:
        print("Coq: SKIPPED, coqc is not installed")
    else:
        proven = coq_rejects([SpoiltStep(d.start, d.steps[0], d.premises) for d in steps]).count(False)
        print(f"{len(steps)} of them are single steps; Coq proves {proven} of them")
    return int(bool(agreed) or bool(proven) or any(reason(m) is None for m in survivors))


if __name__ == "__main__":
    sys.exit(main())
