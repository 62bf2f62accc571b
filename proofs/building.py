"""How derivations are written down: the terms of the chain and the name of each rule; the positions are found.

Nothing rests on this module: what it builds is checked like anything else.
"""

from __future__ import annotations

from collections.abc import Iterator

from .trusted import Cases, Derivation, Premise, Rejected, Step, Term, Use, check

__all__ = ["chain", "step_between", "two_cases"]


def chain(
    name: str,
    start: Term,
    *steps: tuple[str, Term] | tuple[str, Term, Use],
    premises: tuple[Premise, ...] = (),
    assumed: tuple[Premise, ...] = (),
) -> Derivation:
    """The derivation start = ... = last, from pairs (rule, next term); `assumed` is what a case may assume beside.

    Raises Rejected where the rule does not lead from a term to the next at any one position.
    """
    found: list[Step] = []
    before = start
    for number, (rule, to, *use) in enumerate(steps, 1):
        try:
            found.append(step_between(before, rule, to, (*premises, *assumed), use[0] if use else None))
        except Rejected as reason:
            raise Rejected(f"{name}, step {number} ({rule}): {reason}") from None
        before = to
    return Derivation(name, start, tuple(found), premises)


def two_cases(name: str, left: Term, right: Term, low: Derivation | Cases, high: Derivation | Cases) -> Cases:
    """`low` was made with left <= right assumed, `high` with right <= left."""
    return Cases(name, left, right, low, high)


def step_between(before: Term, rule: str, to: Term, facts: tuple[Premise, ...] = (), use: Use | None = None) -> Step:
    """The step by `rule` at the innermost position where it leads from `before` to `to`; raises Rejected if none."""
    reason = Rejected("the two terms are the same")
    for at in _places(before, to):
        for backwards in (False, True):
            step = Step(rule, at, to, backwards, use)
            try:
                check(Derivation("step", before, (step,), facts))
            except Rejected as why:
                if not backwards:
                    reason = why
                continue
            return step
    raise reason


def _places(before: Term, to: Term) -> Iterator[tuple[int, ...]]:
    """The positions that hold all that differs, innermost first."""
    at: list[int] = []
    while before.op == to.op and before.value == to.value:
        different = [n for n, (a, b) in enumerate(zip(before.args, to.args, strict=True)) if a != b]
        if len(different) != 1:
            break
        at.append(different[0])
        before, to = before.args[different[0]], to.args[different[0]]
    for length in range(len(at), -1, -1):
        yield tuple(at[:length])
