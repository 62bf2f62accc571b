"""`judge`: one kernel from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shiftproof.proofs import READINGS, Libm

from .adversaries import ADVERSARIES
from .campaigns.campaign import DEFAULT_CASES, KernelResult, Plan, run_campaign
from .cases import Adversary
from .decision import Outcome
from .formats import format_named
from .kernels import Kernel, chosen_kernel
from .verdicts import Verdict

__all__ = ["Judgement", "judge"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `judge` found: the worst outcome, the class reached, the verdict behind it, counts of cases."""

    outcome: Outcome
    kernel_class: str | None
    worst: Verdict | None
    counts: dict[Outcome, int]
    details: KernelResult


def judge(
    kernel: Callable[..., Any] | str | Kernel,
    *,
    function: str | None = None,
    standard: str | None = None,
    format: str = "binary64",
    cases: int = DEFAULT_CASES,
    seed: int = 0,
    jobs: int = 1,
    families: Sequence[Adversary] | None = None,
    profile: str = "strict",
    call: str = "batch",
    libm: Libm | None = None,
    timeout: float = 10.0,
    bounds: str = READINGS[0],
    accumulate: str | None = None,
) -> Judgement:
    """Judge a kernel over `cases` adversarial cases, in a process of its own.

    The kernel takes one array (rows, n) and reduces its last axis (`axis` or `dim` is passed as -1 if it has one):
    (rows,) for logsumexp, (rows, n) for softmax, log_softmax, softplus, sigmoid and logcumsumexp. logaddexp takes two
    arrays (rows,), and so does its gradient, which is (rows, 2). cross_entropy takes (rows, n) and labels (rows,), and
    so do the gradients with respect to the row, (rows, n), of it and of the label's entry of softmax and log_softmax.
    With call="row" the kernel gets one row at a time.

    Without a `standard` it is judged against its claim if it is a built-in, and is classified otherwise: WITHIN then
    means that it reaches some class. `libm` is the premise on exp, log and log1p, in ulps; `bounds` says how the bounds
    of algorithms are read, "per-input" or "closed", and `accumulate` names the format that their sums are made in.
    Raises KernelError or ValueError for what cannot be judged as asked.
    """
    plan = Plan(
        (chosen_kernel(kernel, function, call, profile),),
        format_named(format),
        standard,
        tuple(ADVERSARIES.values()) if families is None else tuple(families),
        cases,
        seed,
        jobs,
        libm or Libm(),
        timeout,
        reading=bounds,
        accumulator=None if accumulate is None else format_named(accumulate),
    )
    (result,) = run_campaign(plan).results
    tally = result.tallies[result.shown]
    return Judgement(result.outcome, result.kernel_class, tally.worst, dict(tally.counts), result)
