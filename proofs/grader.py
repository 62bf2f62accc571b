"""Grades somebody's derivation line by line: is it true, does it follow from the line before, how is it repaired.

True means that the checker accepted a derivation of the line, or that SymPy decided it; false means that there is a
counterexample that enclosures confirm; anything else is not understood, and never counts as right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from .bounded import within
from .catalogue import CATALOGUE, theorem
from .counterexamples import Counterexample, counterexample, defined_somewhere, described
from .following import operation
from .notation import LATEX, TEXT, chains, free_names, rules_of
from .prover import implicit_premises, prove
from .reading import Hypothesis, Line, read
from .reading.meaning import replaced_names
from .repairs import repaired
from .second_opinion import ask
from .trusted import Free, Premise, Relation, Term, Theorem, nodes, used_indices

__all__ = ["NOT_UNDERSTOOD", "Graded", "Grading", "grade"]

NOT_UNDERSTOOD = "not understood"
_SECONDS = 60.0  # for a whole document; what comes later is not judged
_SHOWN = 200  # characters of a relation in a reason
_SYMPY_SECONDS = 5.0  # for one question, in a process that is ended then
_SYMPY_NODES = 120
_FLIPPED = {">=": "<=", ">": "<"}


@dataclass(frozen=True, slots=True)
class Graded:
    """One line: its verdict, true, false or not understood; `follows` is None where there is nothing to follow from."""

    line: Line
    verdict: str
    follows: bool | None
    because: str
    counterexample: Counterexample | None = None
    theorems: tuple[Theorem, ...] = ()
    repaired: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class Grading:
    """A graded document; `claims` are the statements made, each with a derivation that the checker accepted."""

    lines: tuple[Graded, ...]
    claims: tuple[Theorem, ...]
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain data: one entry for each displayed equation, in order; numbers as text."""
        return {
            "lines": [
                {
                    "text": g.line.text,
                    "place": {"line": g.line.place[0], "column": g.line.place[1]},
                    "verdict": g.verdict,
                    "follows": g.follows,
                    "counterexample": described(g.counterexample) if g.counterexample else None,
                    "because": g.because,
                    "repaired": LATEX.chain(g.repaired) if g.repaired else None,
                    "notes": list(g.line.notes),
                    "not graded": list(g.line.remarks),
                }
                for g in self.lines
            ],
            "claims": [
                {
                    "statement": LATEX.relation(t.conclusion),
                    "steps": [s.rule for c in chains(t.derivation) for s in c.steps],
                }
                for t in self.claims
            ],
            "notes": list(self.notes),
        }


def grade(text: str, seconds: float = _SECONDS) -> Grading:
    """The grading of a Markdown or LaTeX text; what is not judged within `seconds` is said not to be understood."""
    clock = _Clock(time.monotonic() + seconds)
    document = read(text)
    graded: list[Graded] = []
    carried: tuple[Term, Term] | None = None  # the last member of a line, and what its chosen reading made of it
    for line in document.lines:
        before = graded[-1] if graded and (not line.fresh_start or graded[-1].line.defines is not None) else None
        if carried is not None and line.members and line.members[0] == carried[0]:
            line = replace(line, members=(carried[1], *line.members[1:]))
        graded.append(_graded(line, before, clock))
        carried = (line.members[-1], graded[-1].line.members[-1]) if line.members else None
    return Grading(tuple(graded), _claims(graded), document.notes)


def _links(members: tuple[Term, ...], relations: tuple[str, ...]) -> tuple[Relation, ...]:
    """A = B = C as A = B and B = C; what is greater comes to the right."""
    return tuple(
        Relation(b, _FLIPPED[kind], a) if kind in _FLIPPED else Relation(a, kind, b)
        for a, kind, b in zip(members, relations, members[1:], strict=False)
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """When the time for a file is over."""

    deadline: float

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.deadline


def _graded(line: Line, before: Graded | None, clock: _Clock) -> Graded:
    if clock.is_over:
        return Graded(line, NOT_UNDERSTOOD, None, "not judged: the time for a file is over")
    if line.problem is not None:
        return Graded(line, NOT_UNDERSTOOD, None, line.problem)
    if line.defines is not None and len(set(line.members)) <= 1:
        return Graded(line, "true", None, "definition")
    readings = [_links(line.members, line.relations), *(_links(m, line.relations) for m in line.alternatives)]
    judged = [_judged(links, line.hypotheses, clock) for links in readings]
    chosen = next((n for n, (verdict, *_) in enumerate(judged) if verdict == "true"), 0)
    verdict, because, found, proofs = judged[chosen]
    if chosen:
        because += "; in its other reading"
        line = replace(line, members=line.alternatives[chosen - 1], notes=())
    if line.defines is not None and verdict == "true":
        because = f"definition of {line.defines}; {because}"
    follows, how = _follows(readings[chosen], verdict, before)
    repair: tuple[Relation, ...] = ()
    if verdict == "false" and not clock.is_over:
        repair = _repair(readings[0], before)
    return Graded(line, verdict, follows, f"{because}; {how}" if how else because, found, proofs, repair)


def _judged(
    links: tuple[Relation, ...], hypotheses: tuple[Hypothesis, ...], clock: _Clock
) -> tuple[str, str, Counterexample | None, tuple[Theorem, ...]]:
    """Verdict, reason, counterexample and theorems of a chain of relations."""
    reasons: list[str] = []
    proofs: list[Theorem] = []
    undecided = ""
    for r in links:
        if clock.is_over:
            return NOT_UNDERSTOOD, "not judged: the time for a file is over", None, ()
        verdict, reason, found, proof = _judged_link(r, hypotheses, clock)
        if verdict == "false":
            return verdict, reason, found, ()
        if verdict == NOT_UNDERSTOOD:
            undecided = reason
        else:
            reasons.append(reason)
            proofs += [proof] if proof is not None else []
    if undecided:
        return NOT_UNDERSTOOD, undecided, None, ()
    return "true", "; ".join(dict.fromkeys(reasons)), None, tuple(proofs)


def _judged_link(
    r: Relation, hypotheses: tuple[Hypothesis, ...], clock: _Clock
) -> tuple[str, str, Counterexample | None, Theorem | None]:
    """True if it is so for all values, or under what the text says; false only by values that fit the text."""
    premises = implicit_premises(r.left, r.right)
    proof = prove(r, premises)
    if proof is not None and premises and not defined_somewhere(r):
        return NOT_UNDERSTOOD, "no values were found for which both sides have a value", None, None
    if proof is not None:
        return "true", _reason(proof) + _least_count(r), None, proof
    spoken = tuple(h for h in hypotheses if h.names & _names(r))
    special, assumed, other = _specialised(r, spoken)
    if spoken:
        proof = prove(special, (*implicit_premises(special.left, special.right), *assumed))
        if proof is not None:
            said = " and ".join(h.text for h in spoken if _is_assumption(h, r))
            return "true", f"{_reason(proof)}; with {said}, as the text says", None, None
    found = counterexample(r, (*premises, *(h.premise for h in spoken if h.premise is not None)))
    if found is None and spoken:
        found = counterexample(special, (*implicit_premises(special.left, special.right), *assumed, *other))
    unread = [h.text for h in spoken if h.premise is None]
    if found is not None and not unread:
        return "false", f"false at {found}", found, None
    if unread:
        return (
            NOT_UNDERSTOOD,
            f"the text says {unread[0]}, which is not understood, and without it this fails",
            None,
            None,
        )
    if not spoken and not clock.is_over and _size(r) <= _SYMPY_NODES:
        answer = within(_SYMPY_SECONDS, ask, r.left, r.kind, r.right, premises)
        if answer is not None and answer.agrees:
            return "true", f"SymPy: {answer.argument}", None, None
    said = TEXT.relation(r)
    said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]} ..."
    under = f" under {', '.join(h.text for h in spoken)}" if spoken else ""
    return NOT_UNDERSTOOD, f"{said} could neither be derived nor refuted{under}", None, None


def _least_count(r: Relation) -> str:
    """What is taken for granted where an entry is named by its number."""
    numbers = [int(i.name) for i in used_indices(r.left - r.right) if isinstance(i, Free) and i.name.isdigit()]
    return f", where N >= {max(numbers)}" if max(numbers, default=1) > 1 else ""


def _names(r: Relation) -> frozenset[str]:
    return frozenset((*free_names(r.left), *free_names(r.right)))


def _is_assumption(h: Hypothesis, r: Relation) -> bool:
    """Whether what the text says may be used for the relation: it is about a letter, and not the claim itself."""
    if h.premise is None:
        return False
    sides = {h.premise.relation.left, h.premise.relation.right}
    return any(side.op in ("variable", "entry", "delta") for side in sides) and sides != {r.left, r.right}


def _specialised(
    r: Relation, hypotheses: tuple[Hypothesis, ...]
) -> tuple[Relation, tuple[Premise, ...], tuple[Premise, ...]]:
    """The relation with the letters replaced that the text gives a value; what else it assumes; what else it says."""
    assumed: list[Premise] = []
    other: list[Premise] = []
    for h in hypotheses:
        p = h.premise
        if p is None:
            continue
        letter, value = p.relation.left, p.relation.right
        alone = letter.op == "variable" and letter.value not in free_names(value)
        if not _is_assumption(h, r):
            other.append(p)
        elif p.relation.kind == "=" and not p.each and alone:
            left, right = (replaced_names(side, {letter.value: value}, {}) for side in (r.left, r.right))
            r = Relation(left, r.kind, right)
        else:
            assumed.append(p)
    return r, tuple(assumed), tuple(other)


def _size(r: Relation) -> int:
    return sum(1 for side in (r.left, r.right) for _ in nodes(side))


def _reason(proof: Theorem) -> str:
    known = known_as(proof.conclusion)
    names = rules_of(proof.derivation)
    steps = sum(len(part.steps) for part in chains(proof.derivation))
    if known is not None:
        reason = f"the theorem {known}"
    elif not steps:
        reason = "both sides are the same"
    else:
        reason = f"by {', '.join(names)} ({steps} checked step{'s' if steps > 1 else ''})"
    if proof.premises:
        reason += ", where " + " and ".join(TEXT.premise(p) for p in proof.premises)
    return reason


def known_as(r: Relation) -> str | None:
    """The theorem of the catalogue that says this in other letters, perhaps with the sides exchanged; None if none."""
    for name in CATALOGUE:
        stated = theorem(name).conclusion
        sides = [(r.left, r.right)] + ([(r.right, r.left)] if r.kind == "=" else [])
        if stated.kind == r.kind and any(_same(stated.left - stated.right, u - v, {}) for u, v in sides):
            return name
    return None


def _same(a: Term, b: Term, names: dict[Any, Any]) -> bool:
    """Whether b is a with its variables, vectors and free indices renamed one to one."""
    if a.op != b.op:
        return False
    if a.op in ("number", "power"):
        if a.value != b.value:
            return False
    elif a.value is not None:
        theirs, ours = (v if isinstance(v, tuple) else (v,) for v in (a.value, b.value))
        for u, v in zip(theirs, ours, strict=True):
            if type(u) is not type(v) or (hasattr(u, "level") and u != v):
                return False
            if names.setdefault((a.op == "variable", u), v) != v or list(names.values()).count(v) > 1:
                return False
    return all(_same(u, v, names) for u, v in zip(a.args, b.args, strict=True))


# Does a line follow from the one before?


def _follows(links: tuple[Relation, ...], verdict: str, before: Graded | None) -> tuple[bool | None, str]:
    if before is None or before.verdict == NOT_UNDERSTOOD or verdict == NOT_UNDERSTOOD:
        return None, ""
    earlier = _links(before.line.members, before.line.relations)
    if verdict == "true" and links[0].left == before.line.members[-1]:
        return True, ""
    now = _ends(links)
    for then in dict.fromkeys((_ends(earlier), *earlier)):
        how = operation(then, now) if then is not None and now is not None else None
        if how is not None:
            return True, f"follows: {how}"
    if before.line.defines is not None and verdict == "true":
        return None, ""
    if verdict == "true" and before.verdict == "true":
        return True, "" if links == earlier else "true by itself, not by an operation on both sides of the line before"
    return False, "does not follow: no operation on both sides of the line before leads here"


def _ends(links: tuple[Relation, ...]) -> Relation | None:
    kinds = {r.kind for r in links}
    return Relation(links[0].left, "=", links[-1].right) if kinds == {"="} else links[0] if len(links) == 1 else None


# Repairs.


def _repair(links: tuple[Relation, ...], before: Graded | None) -> tuple[Relation, ...]:
    """The links with each false one replaced by the nearest true one; () where none was found."""
    result: list[Relation] = []
    context = None
    if before is not None and before.verdict != NOT_UNDERSTOOD:
        context = _ends(before.repaired or _links(before.line.members, before.line.relations))
    if before is not None and before.repaired and links[0].left == before.line.members[-1]:
        links = (
            Relation(before.repaired[-1].right, links[0].kind, links[0].right),
            *links[1:],
        )  # it goes on from there
    for r in links:
        premises = implicit_premises(r.left, r.right)
        if prove(r, premises) is not None:
            result.append(r)
            continue
        nearest = repaired(r, lambda candidate: context is None or operation(context, candidate) is not None)
        if nearest is None:
            return ()
        result.append(nearest)
    return tuple(result)


def _claims(graded: list[Graded]) -> tuple[Theorem, ...]:
    """What each derivation set out to show, its first line that is no definition and true, proven in full."""
    claims: list[Theorem] = []
    open_claim = True
    for g in graded:
        open_claim = open_claim or g.line.fresh_start
        if open_claim and g.theorems:
            open_claim = False
            for proof in g.theorems:
                known = known_as(proof.conclusion)
                shown = proof if known is None else theorem(known)
                if shown not in claims and any(part.steps for part in chains(shown.derivation)):
                    claims.append(shown)
    return tuple(claims)
