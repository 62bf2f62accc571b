"""Every deliberately broken kernel is caught by fewer cases than the default, and every sound one passes.

The kernels of a function are judged in one campaign, each against the standard that it claims.
"""

from __future__ import annotations

import pytest

from shiftproof.proofs import FUNCTIONS
from shiftproof.verify import FORMATS, Kernel, Outcome, Plan, run_campaign

from .broken_kernels import BROKEN as BROKEN_CORES
from .relatives import BROKEN_RELATIVES, SOUND_RELATIVES
from .sound_kernels import SOUND as SOUND_CORES

BROKEN, SOUND = (*BROKEN_CORES, *BROKEN_RELATIVES), (*SOUND_CORES, *SOUND_RELATIVES)

# Its fault is to compute in binary64 whatever it is given.
ONLY_IN_BINARY32 = {"lse-float64-out"}
# The others are read off these, and have a small zoo: ten cases of each family catch it; of these it takes twenty.
MAIN = ("logsumexp", "softmax", "log_softmax", "logaddexp", "softplus", "sigmoid")
# The logsumexp zoo is the largest; its halves share two processors.
PARTS = [
    (function, part) for function in FUNCTIONS for part in (("0::2", "1::2") if function == "logsumexp" else ("0::1",))
]


def name(entry):
    return f"sound-{entry.name}" if entry in SOUND else entry.name


def results(entries, **options):
    kernels = tuple(Kernel(name(entry), entry.function, entry.make(), entry.standard) for entry in entries)
    campaign = run_campaign(Plan(kernels, timeout=3.0, **options))
    return {result.kernel.name: result for result in campaign.results}


def of(zoo, function, part="0::1"):
    start, step = map(int, part.split("::"))
    return [entry for entry in zoo if entry.function == function and entry.name not in ONLY_IN_BINARY32][start::step]


def test_there_are_broken_kernels_of_every_function():
    assert len(BROKEN) >= 40
    assert {entry.function for entry in BROKEN} == set(FUNCTIONS)


@pytest.mark.parametrize(("function", "part"), PARTS)
def test_every_broken_kernel_is_caught_and_every_sound_one_passes(function, part):
    broken, sound = of(BROKEN, function, part), of(SOUND, function, part)
    found = {n: r.outcome for n, r in results(broken + sound, cases=620 if function in MAIN else 310).items()}
    caught = (Outcome.EXCEEDS, Outcome.FAULT)
    assert {n: found[n] for n in map(name, broken) if found[n] not in caught} == {}
    assert {n: found[n] for n in map(name, sound) if found[n] is not Outcome.WITHIN} == {}


def test_a_kernel_that_answers_binary32_in_binary64_is_caught_in_binary32():
    found = results([e for e in BROKEN if e.name in ONLY_IN_BINARY32], format=FORMATS["binary32"], cases=60)
    assert {n: set(result.tallies[result.shown].faults) for n, result in found.items()} == {
        n: {"wrong-type"} for n in ONLY_IN_BINARY32
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_sound_kernel_passes_in_binary32(function):
    found = results(of(SOUND, function), format=FORMATS["binary32"], cases=90)
    assert {n: result.outcome for n, result in found.items()} == dict.fromkeys(found, Outcome.WITHIN)
