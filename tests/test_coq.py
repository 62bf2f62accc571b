"""Coq as the second referee: what is exported, what Coq makes of it, and that the gate can say no."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from fractions import Fraction

import pytest

from shiftproof.proofs import coq_gate, coqc
from shiftproof.proofs.building import chain, step_between, two_cases
from shiftproof.proofs.catalogue import theorem, theorems
from shiftproof.proofs.coq_export import Mutant, export, export_all, export_refutation
from shiftproof.proofs.coq_gate import (
    Refutation,
    audit_text,
    check_text,
    check_with_coq,
    coq_rejects,
    rules_text,
)
from shiftproof.proofs.coqc import CoqState, CoqUnavailable, forbidden
from shiftproof.proofs.counterexamples import Point, counterexample
from shiftproof.proofs.terms import (
    COUNT,
    ONE,
    ZERO,
    Vector,
    absolute,
    at_most,
    delta,
    each,
    exp,
    indices,
    largest,
    log,
    maximum,
    number,
    partial,
    positive,
    power,
    total,
    variable,
    variables,
)
from shiftproof.proofs.trusted import RULES, Cases, Derivation, Moved, Relation, Step, Theorem, Use, check

i, j, k = indices("i j k")
x, y = Vector("x"), Vector("y")
a, b, c = variables("a b c")
S = total(i, exp(x[i]))

with_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")


def _others() -> tuple[Theorem, ...]:
    """Derivations with the rules that the catalogue has no use for, and with what is hard to write down."""
    odd = variable("exp"), variable("α β"), variable("forall"), variable("1"), variable("x")
    d = delta(j, k)
    made = (
        chain(
            "all-of-sums", total(i, a - x[i]),
            ("sum-sub", total(i, a) - total(i, x[i])),
            ("sum-constant", COUNT * a - total(i, x[i])),
        ),
        chain(
            "all-of-maxima", largest(i, x[i] + a) + largest(i, b),
            ("largest-add", largest(i, x[i]) + a + largest(i, b)),
            ("largest-constant", largest(i, x[i]) + a + b),
        ),
        chain(
            "all-of-powers", power(exp(a), 3) * power(exp(b), -2) + log(power(exp(a), -2)) + log(power(exp(a), 3)),
            ("exp-power", exp(3 * a) * power(exp(b), -2) + log(power(exp(a), -2)) + log(power(exp(a), 3))),
            ("exp-power", exp(3 * a) * exp(-2 * b) + log(power(exp(a), -2)) + log(power(exp(a), 3))),
            ("log-power", exp(3 * a) * exp(-2 * b) + -2 * log(exp(a)) + log(power(exp(a), 3))),
            ("log-power", exp(3 * a) * exp(-2 * b) + -2 * log(exp(a)) + 3 * log(exp(a))),
            ("arithmetic", exp(3 * a) * exp(-2 * b) + log(exp(a))),
        ),
        chain("all-of-deltas", delta(j, k) + delta(k, k), ("delta-symmetric", delta(k, j) + delta(k, k)),
              ("delta-same", delta(k, j) + ONE)),
        chain(
            "all-of-derivatives", partial((x[j] * a + b) * x[j], x, k),
            ("derivative-mul", partial(x[j] * a + b, x, k) * x[j] + (x[j] * a + b) * partial(x[j], x, k)),
            ("derivative-add", (partial(x[j] * a, x, k) + partial(b, x, k)) * x[j]
             + (x[j] * a + b) * partial(x[j], x, k)),
            ("derivative-constant", (partial(x[j] * a, x, k) + ZERO) * x[j] + (x[j] * a + b) * partial(x[j], x, k)),
            ("derivative-entry", (partial(x[j] * a, x, k) + ZERO) * x[j] + (x[j] * a + b) * d),
        ),
        chain(
            "a-derivative-of-positive-entries", partial(log(x[j]) / x[j], x, k),
            ("derivative-div", (partial(log(x[j]), x, k) * x[j] - log(x[j]) * partial(x[j], x, k)) / (x[j] * x[j])),
            ("derivative-log", (partial(x[j], x, k) / x[j] * x[j] - log(x[j]) * partial(x[j], x, k)) / (x[j] * x[j])),
            ("arithmetic", (partial(x[j], x, k) - log(x[j]) * partial(x[j], x, k)) / (x[j] * x[j])),
            premises=(each(i, positive(x[i])),),
        ),
        chain("inside-a-derivative", partial(exp(x[j] - x[k]), x, k),
              ("exp-sub", partial(exp(x[j]) / exp(x[k]), x, k))),
        chain(
            "odd-names", exp(odd[0] + odd[1]) * odd[2] + odd[3] + odd[4] * x[j],
            ("exp-add", exp(odd[0]) * exp(odd[1]) * odd[2] + odd[3] + odd[4] * x[j]),
        ),
        chain("a-name-that-goes", a * b - a * b, ("arithmetic", ZERO), ("arithmetic", x[j] - x[j]),
              ("arithmetic", c - c), ("arithmetic", number(Fraction(-1, 2)) + Fraction(1, 2).numerator / number(2))),
        chain("under-a-fall", ZERO - total(i, exp(x[i])), ("largest-at-most-sum", ZERO - largest(i, exp(x[i])))),
        chain("an-entry-of-a-permutation", x[Moved("p", j)] * exp(a),
              ("entry-at-most-largest", largest(i, x[i]) * exp(a))),
        two_cases(
            "twice-the-maximum", a, b,
            chain("low", maximum(a, b) + maximum(a, b), ("max-second", b + maximum(a, b)), ("max-second", b + b),
                  ("arithmetic", a + b + (b - a)), ("arithmetic", a + b + -(a - b)),
                  ("abs-below", a + b + absolute(a - b)),
                  assumed=(at_most(a, b),)),
            chain("high", maximum(a, b) + maximum(a, b), ("max-first", a + maximum(a, b)), ("max-first", a + a),
                  ("arithmetic", a + b + (a - b)), ("abs-above", a + b + absolute(a - b)), assumed=(at_most(b, a),)),
        ),
    )  # fmt: skip
    return tuple(check(d) for d in made)


def _rules_of(d: Derivation | Cases) -> set[str]:
    if isinstance(d, Cases):
        return _rules_of(d.low) | _rules_of(d.high)
    return {step.rule for step in d.steps}


def _statement(name: str) -> str:
    """What the hand-written file has on one theorem."""
    text = audit_text()
    start = text.index(f"Theorem audit_{name} ")
    return text[start : text.index("Qed.", start) + 4]


# Without Coq.


def test_the_same_theorem_gives_the_same_bytes() -> None:
    assert export(theorem("lse-shift")) == export(theorem("lse-shift"))
    assert export_all(theorems().values(), 2) == export_all(theorems().values(), 2)


def test_an_export_names_each_term_each_step_and_its_rule() -> None:
    text = export(theorem("lse-shift"))
    steps = len(theorem("lse-shift").derivation.steps)  # type: ignore[union-attr]
    assert text.count("Definition t_") == steps + 1
    assert text.count("Lemma step_") == steps
    assert all(f"(* step {n}: " in text for n in range(1, steps + 1))
    assert "Theorem lse_shift : forall (N : nat) (a : R) (x : nat -> R), (1 <= N)%nat ->" in text


def test_a_theorem_stands_after_those_that_it_uses() -> None:
    text = export(theorem("lse-convex"))
    places = [text.index(f"Module M_{name}.") for name in ("lse_shift", "normalised", "lse_convex")]
    assert places == sorted(places)


def test_no_name_of_a_user_can_become_a_word_of_coq() -> None:
    evil = variable("Axiom"), variable("*) Admitted. (*"), variable("exp"), variable("t_0"), variable("N")
    derivation = chain("admit", evil[0] + evil[1] + evil[2] + evil[3] + evil[4],
                       ("arithmetic", evil[1] + evil[0] + evil[2] + evil[3] + evil[4]))  # fmt: skip
    text = export(check(derivation))
    assert forbidden(text) == ()
    assert "*) " not in text.split("Module ")[1].split("Definition")[0]


def test_different_names_stay_different() -> None:
    names = ["a", "a_b", "a'b", "aʹb", "v'a", "_", "", "1", "α", "β", "exp", "EXP", "t_0"]
    s = t = variable(names[0])
    for name in names[1:]:
        s, t = s + variable(name), variable(name) + t
    text = " ".join(export(check(chain("names", s, ("arithmetic", t)))).split())
    binders = text.split("Theorem names : forall (")[1].split(" : R)")[0].split()
    assert len(set(binders)) == len(names)


def test_without_coq_nothing_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coqc.shutil, "which", lambda _: None)
    claim = Refutation("zero-is-one", Relation(ZERO, "=", ONE), Point(1))
    report = check_with_coq([theorem("lse-shift")], [claim])
    assert [e.state for e in report.entries] == [CoqState.SKIPPED] * 2
    assert all(e.reason == "coqc is not installed" for e in report.entries)
    assert not report.passed
    assert check_text("lse-shift", export(theorem("lse-shift"))).state is CoqState.SKIPPED
    with pytest.raises(CoqUnavailable, match="coqc is not installed"):
        coq_rejects([])


def test_a_report_of_nothing_is_not_passed() -> None:
    assert not coqc.CoqReport(()).passed


def test_every_rule_has_its_lemma() -> None:
    text = rules_text()
    assert [n for n in RULES if f"Lemma rule_{n.replace('-', '_')} " not in text] == []


def test_the_library_and_the_audit_assume_nothing() -> None:
    assert forbidden(rules_text()) == ()
    assert forbidden(audit_text()) == ()


def test_a_comment_hides_no_axiom_and_mentions_any() -> None:
    assert forbidden("(* Axiom (* nested *) Admitted *) Lemma a : True.") == ()
    assert forbidden("(* a *) Axiom b : False. (* c *)") == ("Axiom",)
    assert forbidden("Proof. admit. Admitted.") == ("Admitted", "admit")


def test_every_theorem_of_the_catalogue_is_stated_by_hand() -> None:
    text = audit_text()
    assert [n for n in theorems() if f"Theorem audit_{n.replace('-', '_')} " not in text] == []


def test_the_derivations_here_and_the_catalogue_use_every_rule() -> None:
    used = set().union(*(_rules_of(t.derivation) for t in (*theorems().values(), *_others())))
    assert set(RULES) <= used


# With Coq.


@with_coq
def test_coq_accepts_the_catalogue_and_refutes_false_statements() -> None:
    false = {
        "exp-of-a-sum": Relation(S, "=", exp(a) + total(i, exp(x[i] - a))),
        "maximum-is-lse": Relation(log(S), "<=", largest(i, x[i])),
        "strictly-below-one": Relation(exp(x[k]) / S, "<", ONE),
        "gradient": Relation(partial(log(S), x, k), "=", ONE / S),
    }
    claims = []
    for name, relation in false.items():
        found = counterexample(relation)
        assert found is not None
        claims.append(Refutation(name, relation, found.point))
    # A true identity, at a point at which it holds like everywhere.
    point = Point(2, (("a", Fraction(1)),), (("x", (Fraction(0), Fraction(1))),))
    claims.append(Refutation("a-true-identity", theorem("lse-shift").conclusion, point))
    # False there, but the premise does not hold there.
    outside = Point(1, (("a", Fraction(-1)),))
    claims.append(Refutation("outside-of-the-premise", Relation(exp(log(a)), "=", a), outside, (positive(a),)))
    report = check_with_coq(theorems().values(), claims)
    assert [e for e in report.entries[:-2] if e.state not in (CoqState.ACCEPTED, CoqState.REFUTED)] == []
    assert [e.state for e in report.entries[-6:]] == [CoqState.REFUTED] * 4 + [CoqState.NOT_REFUTED] * 2
    assert not report.passed


@with_coq
def test_coq_proves_every_rule_and_every_odd_name() -> None:
    (text,) = export_all(_others())
    assert check_text("others", text) == coqc.CoqEntry("others", CoqState.ACCEPTED)


@with_coq
def test_an_error_forced_into_an_export_fails_at_its_step() -> None:
    text = export(theorem("lse-shift"))
    start = text.index("Definition t_3 ")
    wrong = text[:start] + text[start:].replace(" R := ", " R := 1 + ", 1)
    entry = check_text("lse-shift", wrong)
    assert (entry.state, entry.lemma) == (CoqState.NOT_ACCEPTED, "step_3")
    assert entry.reason


@with_coq
def test_a_step_that_fails_condemns_what_rests_on_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(asked: Iterable[Theorem], batches: int = 1) -> tuple[str, ...]:
        texts = []
        for text in export_all(asked, batches):
            before, module, after = text.partition("Module M_lse_shift.")
            start = after.find("Definition t_2 ")
            changed = after[:start] + after[start:].replace(" R := ", " R := 1 + ", 1)
            texts.append(before + module + (changed if module else after))
        return tuple(texts)

    monkeypatch.setattr(coq_gate, "export_all", wrong)
    report = check_with_coq([theorem(name) for name in ("softplus", "lse-shift", "log-softmax-shift", "sigmoid")])
    states = [e.state is CoqState.ACCEPTED for e in report.entries]
    assert states == [True, False, False, True]
    assert report.entry("lse-shift").lemma == "step_2"
    assert report.entry("log-softmax-shift").reason == "it rests on 'lse-shift', which is not accepted"


@with_coq
@pytest.mark.parametrize("word", ["Axiom wrong : False.", "Lemma wrong : False. Proof. Admitted."])
def test_an_axiom_or_an_open_proof_is_refused(word: str) -> None:
    entry = check_text("lse-shift", export(theorem("lse-shift")) + word + "\n")
    assert entry.state is CoqState.NOT_ACCEPTED
    assert entry.reason.startswith("the text contains ")


@with_coq
def test_an_audit_that_says_something_else_is_refused() -> None:
    accepted = theorem("lse-shift")
    changes = {
        "lse_shift": ("", ""),
        "temperature_shift": ("0 < T ->", ""),  # a hypothesis dropped
        "weighted_shift": ("= a + ln", "<= a + ln"),  # understated
        "softplus": ("exact M_softplus.softplus", "exact I"),
        "sigmoid": ("audit_sigmoid", "audit_another"),
    }
    text = audit_text()
    for name, (old, new) in changes.items():
        statement = _statement(name)
        assert old in statement
        text = text.replace(statement, statement.replace(old, new))
    unheard = check(chain("unheard-of", a + b, ("arithmetic", b + a)))
    asked = [accepted, *(theorem(n.replace("_", "-")) for n in list(changes)[1:]), unheard]
    report = check_with_coq(asked, audit=text)
    assert [e.state for e in report.entries] == [CoqState.ACCEPTED] + [CoqState.NOT_ACCEPTED] * 5
    assert [e.lemma for e in report.entries[1:3]] == ["audit_temperature_shift", "audit_weighted_shift"]
    assert "has type" in report.entries[1].reason
    assert [e.reason for e in report.entries[3:]] == [
        "the audited statement is not proven by this theorem",
        "no audited statement",
        "no audited statement",
    ]


@with_coq
def test_mutants_are_rejected_and_true_steps_are_not() -> None:
    shift = Use(theorem("lse-shift"), variables=(("a", b),))
    right = [
        Mutant(exp(a - b), step_between(exp(a - b), "exp-sub", exp(a) / exp(b))),
        Mutant(S, step_between(S, "arithmetic", total(i, 2 * exp(x[i]) / 2))),
        Mutant(log(S), step_between(log(S), "theorem", b + log(total(i, exp(x[i] - b))), (), shift)),
    ]
    wrong = [
        Mutant(exp(a - b), Step("exp-sub", (), exp(b) / exp(a))),
        Mutant(exp(log(a)), Step("exp-log", (), a)),
        Mutant(a / a, Step("arithmetic", (), ONE)),
        Mutant(S, Step("sum-factor", (), exp(a) * S)),
        Mutant(S, Step("entry-at-most-sum", (), exp(x[k]))),
        Mutant(log(S), Step("theorem", (), b + log(total(i, exp(x[i] + b))), use=shift)),
        Mutant(a, Step("premise", (), b), (at_most(b, a),)),
        Mutant(a, Step("no-such-rule", (0, 1), b)),
    ]
    assert coq_rejects([*right, *wrong]) == [False] * len(right) + [True] * len(wrong)


@with_coq
def test_a_file_that_takes_too_long_is_not_accepted() -> None:
    entry = check_text("lse-shift", export(theorem("lse-shift")), limit=0.01)
    assert entry.state is CoqState.NOT_ACCEPTED
    assert "timed out" in entry.reason


def test_a_refutation_says_that_the_relation_does_not_always_hold() -> None:
    point = Point(2, (("a", Fraction(1, 2)),), (("x", (Fraction(0), Fraction(-1))),))
    text = export_refutation(Relation(S, "=", exp(a) + S), "false", point)
    assert "~ (forall (N : nat) (a : R) (x : nat -> R), (1 <= N)%nat ->" in text
    with pytest.raises(ValueError, match="no value for the vector 'y'"):
        export_refutation(Relation(total(i, y[i]), "=", ZERO), "false", point)
