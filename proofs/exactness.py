"""Every algorithm is exact in real arithmetic: read as a term, it equals its function, and this is a checked theorem.

The maximum is read as an entry x_k, for any k: the shift identities hold for every shift, and the sum without the
maximum is the sum without its term. A fold is exact by induction: its first state stands for e^(x_1), and each step
adds e^x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .algorithms import Algorithm
from .building import chain
from .catalogue import theorem
from .counterexamples import counterexample
from .notation import TEXT
from .operations import Operations
from .prover import implicit_premises, prove
from .terms import ONE, ZERO, Vector, delta, equal, exp, indices, log, maximum, positive, total, variable
from .trusted import Free, Index, Premise, Relation, Term, Theorem, Use, check, holds, instance

__all__ = ["Exactness", "Inexact", "exactness", "specification"]

_J, _K = indices("j k")
_X = Vector("x")
_SUM = total(_J, exp(_X[_J]))
_NEW = variable("x")


class Inexact(ArithmeticError):
    """An algorithm does not equal its function; says where, with a counterexample if there is one."""


@dataclass(frozen=True, slots=True)
class Exactness:
    """The function equals the algorithm: `theorem`; `rests_on` are the theorems of the catalogue that make it so.

    `induction` holds, for an algorithm with a fold, what its first state and its step stand for.
    """

    algorithm: Algorithm
    theorem: Theorem
    rests_on: tuple[str, ...]
    induction: tuple[Theorem, ...]


def specification(function: str) -> Term:
    """The function itself; entry j where it has one entry for each of the row's.

    Raises KeyError for a name that is not a core function (logsumexp, softmax, log_softmax).
    """
    return {"logsumexp": log(_SUM), "softmax": exp(_X[_J]) / _SUM, "log_softmax": _X[_J] - log(_SUM)}[function]


# Which theorems lead from the function to the algorithm, in order: name, and what its variables and indices are here.
_AT_MAXIMUM = (("a", _X[_K]),)
_LSE_SHIFT: tuple[str, Any, Any] = ("lse-shift", _AT_MAXIMUM, ())
_SOFTMAX_SHIFT: tuple[str, Any, Any] = ("softmax-shift", _AT_MAXIMUM, (("k", _J),))
_TIES: dict[tuple[str, str], tuple[tuple[str, Any, Any], ...]] = {
    ("logsumexp", "shifted-log1p"): (("log1p-form", (), ()),),
    ("logsumexp", "shifted"): (_LSE_SHIFT,),
    ("logsumexp", "arbitrary-shift"): (("lse-shift", (("a", _X[Free("1")]),), ()),),
    ("logsumexp", "pairwise"): (_LSE_SHIFT,),
    ("logsumexp", "compensated"): (_LSE_SHIFT,),
    ("softmax", "shifted"): (_SOFTMAX_SHIFT,),
    ("softmax", "division-free"): (("division-free-softmax", (), (("k", _J),)), _LSE_SHIFT),
    ("softmax", "division-free-naive"): (("division-free-softmax", (), (("k", _J),)),),
    ("log_softmax", "shifted-log1p"): (("log-softmax-log1p-form", (), (("m", _J),)),),
    ("log_softmax", "shifted"): (("log-softmax-shift", _AT_MAXIMUM, (("k", _J),)),),
    ("log_softmax", "composed"): (_LSE_SHIFT,),
    ("log_softmax", "log-of-softmax"): (("log-of-softmax", (), (("k", _J),)), _SOFTMAX_SHIFT),
}


@dataclass(frozen=True, slots=True)
class _Value:
    """A scalar, or the vector whose entry j is `term`; with `dropped`, without its entry k."""

    term: Term
    vector: bool = False
    dropped: bool = False


@dataclass(slots=True)
class _Reading:
    """`Operations` on terms; what a fold was found to need is kept beside."""

    premises: tuple[Premise, ...] = ()
    invariant: Term | None = None
    induction: list[Theorem] = field(default_factory=list)
    rests_on: list[str] = field(default_factory=list)

    def max(self, x: _Value) -> _Value:
        return _Value(_at(x.term, _K))

    def drop_max(self, x: _Value) -> _Value:
        return _Value(x.term, True, True)

    def first(self, x: _Value) -> _Value:
        return _Value(_at(x.term, Free("1")))

    def maximum(self, a: _Value, b: _Value) -> _Value:
        return _joined(maximum, a, b)

    def minimum(self, a: _Value, b: _Value) -> _Value:
        return _joined(lambda s, t: s + t - maximum(s, t), a, b)

    def add(self, a: _Value, b: _Value) -> _Value:
        return _joined(lambda s, t: s + t, a, b)

    def sub(self, a: _Value, b: _Value) -> _Value:
        return _joined(lambda s, t: s - t, a, b)

    def mul(self, a: _Value, b: _Value) -> _Value:
        return _joined(lambda s, t: s * t, a, b)

    def div(self, a: _Value, b: _Value) -> _Value:
        return _joined(lambda s, t: s / t, a, b)

    def exp(self, a: _Value) -> _Value:
        return _joined(exp, a)

    def log(self, a: _Value) -> _Value:
        return _joined(log, a)

    def log1p(self, a: _Value) -> _Value:
        return _joined(lambda s: log(1 + s), a)

    def one(self, like: _Value) -> _Value:
        return _Value(ONE)

    def sum(self, x: _Value, order: str = "any") -> _Value:
        return _Value(total(_J, (1 - delta(_J, _K)) * x.term if x.dropped else x.term))

    def fold(
        self,
        x: _Value,
        start: Callable[..., tuple[_Value, ...]],
        step: Callable[..., tuple[_Value, ...]],
        invariant: Callable[..., _Value],
    ) -> tuple[_Value, ...]:
        """Prove what the states stand for by induction; then the last state stands for the whole sum."""
        first = start(self.first(x))
        state = tuple(_Value(variable(name)) for name in ("m", "d", "s", "t")[: len(first)])
        stands_for = invariant(*state).term
        self.premises = tuple(positive(s.term) for s in state[1:])
        self._induct("the fold's first state", invariant(*first).term, exp(_at(x.term, Free("1"))))
        then = step(*state, _Value(_NEW))
        for before, after in zip(first[1:], then[1:], strict=True):
            if not (holds("<", ZERO, before.term, ()) and holds("<", ZERO, after.term, self.premises)):
                raise Inexact("the fold's state is not known to stay positive")
        moved = invariant(*then).term
        self._induct("the fold's step", moved, stands_for + exp(_NEW))
        self.invariant = stands_for
        return state

    def tree(
        self,
        x: _Value,
        leaf: Callable[..., tuple[_Value, ...]],
        merge: Callable[..., tuple[_Value, ...]],
        invariant: Callable[..., _Value],
    ) -> tuple[_Value, ...]:
        """Prove what the states stand for by induction over the tree; the root then stands for the whole sum."""
        first = leaf(_Value(_NEW))
        left, right = (tuple(_Value(variable(name)) for name in names[: len(first)]) for names in ("md", "ne"))
        self.premises = tuple(positive(s.term) for s in (*left[1:], *right[1:]))
        self._induct("the tree's leaf", invariant(*first).term, exp(_NEW))
        root = merge(*left, *right)
        for one, met in zip(first[1:], root[1:], strict=True):
            if not (holds("<", ZERO, one.term, ()) and holds("<", ZERO, met.term, self.premises)):
                raise Inexact("the tree's state is not known to stay positive")
        self._induct("the tree's merge", invariant(*root).term, invariant(*left).term + invariant(*right).term)
        self.premises = tuple(positive(s.term) for s in left[1:])
        self.invariant = invariant(*left).term
        return left

    def _induct(self, where: str, found: Term, wanted: Term) -> None:
        claim = Relation(found, "=", wanted)
        proven = prove(claim, self.premises)
        if proven is None:
            raise Inexact(f"{where} does not keep its invariant: {_why_not(claim, self.premises)}")
        self.induction.append(proven)
        self.rests_on += _tied_step(found)

    def nonexpansive(self, body: Callable[[Operations[Any], Any, Any], Any], a: _Value, b: _Value) -> _Value:
        result: _Value = body(self, a, b)
        return result


def _joined(f: Callable[..., Term], *args: _Value) -> _Value:
    return _Value(f(*(v.term for v in args)), any(v.vector for v in args), any(v.dropped for v in args))


def _at(entry: Term, index: Index) -> Term:
    """Entry `index` of the vector whose entry j is given."""
    return instance(entry, Use(theorem("lse-shift"), indices=(("j", index),)))


def _tied_step(found: Term) -> list[str]:
    """The theorem of the catalogue that speaks of such a step, if the step is an instance of it as it stands."""
    stated = theorem("streaming-update")
    m, s = variable("m"), variable("d")
    use = Use(stated, variables=(("m_1", m), ("s_1", s), ("P", s * exp(m))))
    if instance(stated.conclusion.left, use) == found:
        return ["streaming-update"]
    merged = theorem("merge-correct")
    pairs = (("m_1", m), ("s_1", s), ("m_2", variable("n")), ("s_2", variable("e")))
    if instance(merged.conclusion.left, Use(merged, variables=pairs)) == found:
        return ["merge-correct"]
    y = Use(theorem("logaddexp"), variables=(("x", m), ("y", _NEW)))
    added = exp(instance(y.theorem.conclusion.right, y))
    return ["logaddexp"] if prove(Relation(found, "=", added)) is not None and found.op == "exp" else []


def _why_not(claim: Relation, premises: tuple[Premise, ...]) -> str:
    found = counterexample(claim, (*premises, *implicit_premises(claim.left, claim.right)))
    said = f"{TEXT.relation(claim)} "
    return said + ("was not derived, and no counterexample was found" if found is None else f"fails at {found}")


def exactness(algorithm: Algorithm) -> Exactness:
    """The theorem that the function equals the algorithm, for every N >= 1, every x and every shift.

    Raises Inexact if it does not, or if no derivation was found; KeyError for a function that is not a core function.
    """
    wanted = specification(algorithm.function)
    reading = _Reading()
    found: Term = algorithm.run(reading, _Value(_X[_J], True)).term
    steps: list[Any] = []
    now, premises = wanted, reading.premises
    if reading.invariant is not None:
        premises = (*premises, equal(reading.invariant, _SUM))
        now = _exchanged(now, _SUM, reading.invariant)
        steps.append(("premise", now))
    rests_on = list(reading.rests_on)
    for name, variables, indices_ in _TIES.get((algorithm.function, algorithm.name), ()):
        use = Use(theorem(name), variables, (), indices_)
        left, right = (instance(side, use) for side in (use.theorem.conclusion.left, use.theorem.conclusion.right))
        new = _exchanged(now, left, right)
        new = _exchanged(now, right, left) if new == now else new
        steps.append(("theorem", new, use))
        now = new
        rests_on.append(name)
    if now != found:
        claim = Relation(now, "=", found)
        rest = prove(claim, reading.premises)
        if rest is None:
            why = _why_not(claim, reading.premises)
            raise Inexact(f"{algorithm.function} by {algorithm.name!r} is not exact: {why}")
        steps.append(("theorem", found, Use(rest)))
    proven = check(chain(f"{algorithm.function} by {algorithm.name}", wanted, *steps, premises=premises))
    return Exactness(algorithm, proven, tuple(rests_on), tuple(reading.induction))


def _exchanged(t: Term, old: Term, new: Term) -> Term:
    """The term with its first occurrence of `old` replaced; closed terms only, so nothing is captured."""
    if t == old:
        return new
    args = list(t.args)
    for n, a in enumerate(args):
        changed = _exchanged(a, old, new)
        if changed != a:
            args[n] = changed
            return Term(t.op, tuple(args), t.value)
    return t
