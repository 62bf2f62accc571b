"""Establishes that slips in derivations are noticed by the checker, by the second opinion, and by Coq."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import cache

import pytest

from shiftproof.proofs.catalogue import CATALOGUE
from shiftproof.proofs.coq_export import Mutant as SpoiltStep
from shiftproof.proofs.coq_gate import coq_rejects
from shiftproof.proofs.counterexamples import counterexample
from shiftproof.proofs.second_opinion import ask
from shiftproof.proofs.trusted import Derivation, Rejected, check

from .mutants import KINDS, Mutant, made, mutants, reason, true_steps

MUTANTS = mutants()
SURVIVORS = tuple(m for m in MUTANTS if made(m) is not None)


@cache
def false_steps() -> tuple[Mutant, ...]:
    """The mutants whose spoilt step states what a point refutes."""
    return tuple(m for m in MUTANTS if m.step is not None and counterexample(m.step, m.facts, tried=40) is not None)


def test_there_are_mutants_of_every_kind_and_of_every_theorem() -> None:
    assert {m.kind for m in MUTANTS} == set(KINDS)
    assert {m.theorem for m in MUTANTS} == set(CATALOGUE)
    assert len({(m.theorem, m.derivation) for m in MUTANTS}) == len(MUTANTS)


def test_the_mutants_are_the_same_every_time() -> None:
    again = mutants.__wrapped__()
    assert again == MUTANTS


def test_at_least_two_hundred_mutants_are_rejected() -> None:
    rejected = Counter(m.kind for m in MUTANTS if m not in SURVIVORS)
    assert sum(rejected.values()) >= 500
    assert rejected.keys() == set(KINDS)


def test_a_survivor_is_true_for_a_reason() -> None:
    reasons = {f"{m.name}, {n}": reason(m) for n, m in enumerate(SURVIVORS)}
    assert [name for name, why in reasons.items() if why is None] == []
    assert 0 < len(SURVIVORS) <= 20


def test_no_point_refutes_a_survivor() -> None:
    for m in SURVIVORS:
        found = made(m)
        assert found is not None
        assert counterexample(found.conclusion, found.premises, tried=200) is None


@pytest.mark.parametrize("kind", ["premise removed", "sides swapped", "cases swapped", "one case twice", "start"])
def test_no_mutant_of_the_statement_survives(kind: str) -> None:
    assert [m.name for m in SURVIVORS if m.kind == kind] == []


def test_at_least_two_hundred_spoilt_steps_are_false() -> None:
    assert len(false_steps()) >= 200


def test_every_false_step_is_rejected_on_its_own_as_well() -> None:
    for m in false_steps():
        assert isinstance(m.alone, Derivation)
        with pytest.raises(Rejected):
            check(m.alone)


def test_a_spoilt_step_that_is_accepted_on_its_own_is_refuted_nowhere() -> None:
    for m in MUTANTS:
        if m.alone is not None and m.step is not None and m not in false_steps():
            try:
                found = check(m.alone)
            except Rejected:
                continue
            assert counterexample(found.conclusion, m.facts, tried=200) is None, m.name


def test_the_second_opinion_agrees_with_no_false_step() -> None:
    for m in false_steps():
        assert m.step is not None
        assert not ask(m.step.left, m.step.kind, m.step.right, m.facts).agrees, m.name


def test_the_second_opinion_agrees_with_most_steps_that_were_not_spoilt() -> None:
    answers = [ask(r.left, r.kind, r.right, facts).agrees for r, facts in true_steps()[::3]]
    assert len(answers) > 40
    assert answers.count(True) > 0.9 * len(answers)


@pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed: Coq's part is SKIPPED, not passed")
def test_coq_rejects_every_false_step() -> None:
    spoilt = [
        SpoiltStep(m.alone.start, m.alone.steps[0], m.alone.premises)
        for m in false_steps()
        if m.alone is not None and m.step is not None  # of a statement turned round only the whole is false
        if (m.alone.start, m.alone.steps[0].to) == (m.step.left, m.step.right)
    ]
    assert len(spoilt) >= 200
    assert all(coq_rejects(spoilt))
