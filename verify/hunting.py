"""The search: from the adversaries' rows uphill on error / allowed, and what it finds shrunk to the smallest input.

A share of the evaluations goes to cases of the adversary families: integers, layouts and special values first, then few
rows of many cases. The rest goes to changes of the best rows. Each family founds a lineage that keeps a few rows, so
that one good row does not crowd out the others; the rows of all lineages are ranked, and each that has been changed in
vain loses a rank for it now and then. A row that is wrong only beside others, or in its memory layout, is changed
there. Moves are drawn by how often they have helped. The last evaluations go to the worst row alone.

Hypothesis' targeted search, told the ratio, found less for 4 of 5 kernels in 600 evaluations (`benchmarks/search.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm

from .adversaries import ADVERSARIES
from .api import judge
from .cases import LAYOUTS, Adversary, Case
from .decision import Outcome
from .formats import Format, format_named
from .host import Host
from .kernels import Kernel, KernelError, chosen_kernel
from .moves import ANY_LENGTH, MOVES, Move, Mover, telling_row
from .shrinking import Examiner, shrink
from .standards import ladder, standards_for
from .verdicts import Verdict

__all__ = ["DEFAULT_EVALUATIONS", "Found", "rows_judged", "score", "search", "standard_held"]

DEFAULT_EVALUATIONS = 2000
_MOST = 10**7
_CLASSIFYING = 310  # cases for the class of a kernel that claims none: ten of each family

_FAR = np.finfo(np.float64).max  # the lower end of what no float can tell
_AT_ONCE = 64  # evaluations of the start, judged together
_CLIMB = 16  # and afterwards, where what was found is built upon
_START = 4  # one evaluation in so many for the start
_START_AT_LEAST = 250  # or so many, if that is less than half
_POLISH = 8  # the last one in so many for the worst row alone
_FRESH = 10  # one in so many for more cases of the families
_DEAREST = 32  # evaluations that one case of a family may take
_ROWS = (1, 1, 1, 4)  # of the cases of the families, in turn: many lengths and kinds before many draws of each
_LONGEST = 264  # entries of a row that is changed
_LONGEST_WRONG = 1100  # and of one that is decided against the kernel
_LONGEST_PREFIXES = 16
# Families whose cases differ in kind: so many cases of them come first, with so many rows of each.
_KINDS = {"integers": (8, 2), "layouts": (len(LAYOUTS), 8), "specials": (3, 16)}
_KEPT = 4  # rows of a lineage
_PRIOR = 4.0  # a move counts as tried so often, and as having helped once
_LENGTHS = (2, 2, 2, 3, 3, 4, 9, 1)  # of telling rows
_TELLING = 4  # rows of these in a case
_GREED = 4  # one change in so many is of a lineage drawn at random, the others of the best rows of all
_MUCH = 2.0**-14  # by more than this share of itself a ratio must grow for the count of vain changes to begin anew
_ALONE = 0.6  # of all changes are by one move; of the others, of more than one, by two; and so on
_AGAIN = 8  # moves tried for a row that is new
_PATIENCE = 8  # changes of a row in vain that cost it one rank
_LABELS = 3  # of a function of a label: the largest entry, the second, the third

Score = tuple[int, float]


def score(verdict: Verdict, may_flush: bool = False) -> Score:
    """How bad a verdict is: one decided against the kernel before any other, then error / allowed, rounded down.

    A fault, NaN for a number, and an error past the largest float are infinitely bad. What is owed exactly, and given,
    has no error; nor has what only flushing explains, where a kernel may flush subnormals.
    """
    if may_flush and verdict.flushed:
        return 0, 0.0
    if verdict.outcome is Outcome.FAULT and verdict.fault != "not-run":
        return 1, float("inf")
    if verdict.outcome in (Outcome.FAULT, Outcome.OUT_OF_SCOPE):
        return -1, 0.0
    error, allowed = verdict.error_ulp[0], verdict.allowed_ulp[1]
    if error == 0:
        ratio = 0.0
    else:
        ratio = float("inf") if allowed == 0 or error >= _FAR else float(np.nextafter(error / allowed, 0.0))
    if verdict.outcome is Outcome.EXCEEDS:
        return 1, ratio
    return 0, ratio if ratio <= 1 else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """The worst that a search found.

    `libm` is what the standard's bound assumes. `ratio` is error / allowed of `worst`, rounded down, or infinite as in
    `score`; `history` has the evaluations and the ratio each time that a worse one was found, `counts` the cases by
    outcome. Where the standard is exceeded or there is a fault, `smallest` and `shown` are the smallest case that shows
    it and the verdict on that.
    """

    kernel: Kernel
    format: Format
    standard: str
    libm: Libm
    seed: int
    evaluations: int
    worst: Verdict
    case: Case
    ratio: float
    history: tuple[tuple[int, float], ...]
    counts: dict[Outcome, int]
    smallest: Case | None = None
    shown: Verdict | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; OUT_OF_SCOPE only if nothing was judged."""
        for outcome in (Outcome.FAULT, Outcome.EXCEEDS, Outcome.UNDECIDED, Outcome.WITHIN):
            if self.counts[outcome]:
                return outcome
        return Outcome.OUT_OF_SCOPE


def rows_judged(x: NDArray[Any], function: str) -> int:
    """The evaluations that a case (rows, n) takes: its rows, or its numbers where each is judged as a row."""
    return int(x.size) if FUNCTIONS[function].entry in ("element", "prefixes") else len(x)


def search(
    kernel: Callable[..., Any] | str | Kernel,
    *,
    function: str | None = None,
    standard: str | None = None,
    format: str = "binary64",
    evaluations: int = DEFAULT_EVALUATIONS,
    seed: int = 0,
    profile: str = "strict",
    call: str = "batch",
    libm: Libm | None = None,
    timeout: float = 10.0,
    smallest: bool = True,
    progress: Callable[[int, float], None] = lambda evaluations, ratio: None,
) -> Found:
    """Search for the largest error / allowed of a kernel, in a process of its own; kernels as for `judge`.

    Without a `standard` it is held to its claim, or to the class that it reaches over ten cases of each family. One
    evaluation is one row judged; the same seed and number of them give the same result. What is infinitely bad ends
    the search. With `smallest` what is wrong is shrunk. `progress` is called with the evaluations so far and the
    largest ratio. Raises KernelError or ValueError for what cannot be judged as asked.
    """
    for name, value, least, most in (("evaluations", evaluations, 1, _MOST), ("seed", seed, 0, 2**64 - 1)):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name}: a whole number from {least} to {most} is required, got {value!r}")
    chosen, fmt = chosen_kernel(kernel, function, call, profile), format_named(format)
    if fmt.dtype is None and not chosen.library:
        raise ValueError(f"{fmt.name}: NumPy has no type to hand to {chosen.name}")
    if standard is not None and standard not in standards_for(chosen.function):
        raise KernelError(
            f"{chosen.function} (kernel {chosen.name}) has no standard {standard!r}: "
            f"one of {', '.join(standards_for(chosen.function))} is required"
        )
    held, may_flush = (standard, False) if standard else standard_held(chosen, fmt, libm, timeout)
    host = Host([chosen], timeout)
    try:
        host.check(chosen.name, fmt)
        examine = Examiner(chosen, fmt, held, host, libm)
        hunt = _Hunt(chosen.function, fmt, examine, evaluations, seed, may_flush)
        for _ in hunt.run():
            progress(hunt.spent, hunt.best[1])
        shrunk = _shrunk(examine, hunt, FUNCTIONS[chosen.function].entry) if smallest else (None, None)
    finally:
        host.close()
    assert hunt.worst is not None
    case, worst = hunt.worst
    told = (chosen, fmt, held, libm or Libm(), seed, hunt.spent, worst, case, hunt.best[1])
    return Found(*told, tuple(hunt.history), hunt.counts, *shrunk)


def standard_held(kernel: Kernel, fmt: Format, libm: Libm | None = None, timeout: float = 10.0) -> tuple[str, bool]:
    """What a kernel is held to where no standard is asked for, and whether it may flush subnormals then: its claim, or
    the class that it reaches, or the weakest standard of the ladder if it reaches none."""
    if kernel.claim is not None:
        return kernel.claim, False
    reached = judge(kernel, format=fmt.name, cases=_CLASSIFYING, libm=libm, timeout=timeout)
    return reached.kernel_class or ladder(kernel.function)[-1], reached.details.flushes


def _shrunk(examine: Examiner, hunt: _Hunt, entry: str) -> tuple[Case | None, Verdict | None]:
    assert hunt.worst is not None
    case, worst = hunt.worst

    def wrong(verdict: Verdict) -> bool:
        if hunt.may_flush and verdict.flushed:
            return False
        decided = verdict.outcome in (Outcome.EXCEEDS, Outcome.FAULT) and verdict.fault != "not-run"
        return decided and verdict.flushed <= worst.flushed

    if not wrong(worst):
        return None, None
    try:
        return shrink(examine, case, entry, wrong)
    except ValueError:  # it needs what ran before it
        return case, worst


@dataclass(slots=True)
class _Row:
    """A row that may be changed: how bad it is, whose lineage it is of, and how often it was changed."""

    score: Score
    x: NDArray[np.float64]
    lineage: str
    changed: int = 0
    before: NDArray[np.float64] | None = None  # what it came from
    company: Case | None = None  # what it was found in, until it is as bad alone
    place: int = 0  # in that
    alone: bool | None = True  # whether it is changed alone; None until it has been tried


@dataclass(frozen=True, slots=True)
class _Try:
    """A case to be judged, with the moves and the row that it came from; those of a family have neither."""

    case: Case
    lineage: str
    moves: tuple[int, ...] = ()
    parent: _Row | None = None
    together: bool = True  # the rows of the case are neighbours, and its layout counts


@dataclass(slots=True)
class _Hunt:
    function: str
    format: Format
    examine: Callable[[Sequence[Case]], list[Verdict]]
    evaluations: int
    seed: int
    may_flush: bool
    spent: int = 0
    worst: tuple[Case, Verdict] | None = None
    best: Score = (-2, 0.0)
    history: list[tuple[int, float]] = field(default_factory=list)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rows: list[_Row] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def run(self) -> Iterator[None]:
        """Judge until the evaluations are spent or something is infinitely bad; yields after each lot."""
        entry = FUNCTIONS[self.function].entry
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, zlib.crc32(b"search")])))
        mover = Mover(rng, self.format, _LONGEST_PREFIXES if entry == "prefixes" else _LONGEST)
        moves = ANY_LENGTH if entry in ("vector", "label", "prefixes") else MOVES
        helped, tried = np.ones(len(moves)), np.full(len(moves), _PRIOR)
        families, started, explored = self._families(rng), 0, 0
        start = max(self.evaluations / _START, min(self.evaluations / 2, _START_AT_LEAST))
        while self.spent < self.evaluations and self.best[1] < float("inf"):
            ranked = [] if self.spent < start else self._ranked()
            started = started if ranked else self.spent
            lot: list[_Try] = []
            left = self.evaluations - self.spent
            room = min(_CLIMB if ranked else _AT_ONCE, left)
            while room > 0:
                climbs = ranked and _FRESH * explored >= self.spent - started
                made = self._change(mover, moves, helped / tried, ranked) if climbs else None
                made = _narrowed(made or next(families), min(_DEAREST, left), self.function, rng)
                cost = rows_judged(made.case.x, self.function)
                room, left = room - cost, left - cost
                explored += cost if ranked and made.parent is None else 0
                lot.append(made)
            for made, better in zip(lot, self._judge(lot), strict=True):
                for move in made.moves:
                    tried[move] += 1
                    helped[move] += better
            yield

    def _families(self, rng: np.random.Generator) -> Iterator[_Try]:
        """The cases of all families and of telling rows, in turn; in another order each time."""
        entry, mover = FUNCTIONS[self.function].entry, Mover(rng, self.format, _LONGEST)

        def telling(n: int) -> Adversary:
            n = {"pair": 2, "element": 1}.get(entry, n)
            return Adversary("telling", "", lambda d: np.stack([telling_row(mover, n) for _ in range(_TELLING)]))

        def some(family: Adversary, index: int, rows: int) -> _Try:
            whole = _Try(family.case(index, self.function, self.format, self.seed), family.name)
            each = min(whole.case.x.shape[1], _LONGEST_PREFIXES) if entry == "prefixes" else 1
            return _narrowed(whole, rows * each, self.function, rng)

        made = [replace(telling(n), name=f"telling-{k}") for k, n in enumerate(_LENGTHS)]
        for name, (kinds, rows) in _KINDS.items():
            yield from (some(ADVERSARIES[name], index, rows) for index in range(kinds))
        families: list[Adversary] = [*ADVERSARIES.values(), *made]
        index = 0
        while True:
            for place in rng.permutation(len(families)):
                yield some(families[place], index, _ROWS[index % len(_ROWS)])
            index += 1

    def _ranked(self) -> list[_Row]:
        """The best rows of each lineage, the best of all first."""
        of: dict[str, int] = {}
        kept = []
        for row in sorted(self.rows, key=lambda row: row.score, reverse=True):
            of[row.lineage] = of.get(row.lineage, 0) + 1
            if of[row.lineage] <= _KEPT:
                kept.append(row)
        self.rows = kept
        return kept

    def _change(
        self, mover: Mover, moves: Sequence[Move], worth: NDArray[np.float64], ranked: Sequence[_Row]
    ) -> _Try | None:
        """A row that is new, from one whose turn it is; None if the moves only give rows that were judged before."""
        mate, among = ranked[int(mover.rng.integers(len(ranked)))], ranked
        if _POLISH * (self.evaluations - self.spent) <= self.evaluations:
            among = ranked[:1]
        elif not mover.rng.integers(_GREED):
            among = [row for row in ranked if row.lineage == mate.lineage]
        parent = among[min(range(len(among)), key=lambda k: k + among[k].changed / _PATIENCE)]
        parent.changed += 1
        if parent.alone is None:
            parent.alone = True
            return _Try(self._alone(parent.x), parent.lineage, (), parent, together=False)
        company, place, start = None if parent.alone else parent.company, parent.place, parent.x
        if company is not None:
            moves, worth = MOVES, worth[: len(MOVES)]  # its neighbours keep their length
            if mover.rng.integers(2):
                of = self._entries(company.x).astype(np.float64)
                place = int(mover.rng.integers(len(of)))
                start = mover.fit(of[place], np.zeros_like(of[place]))
        for _ in range(_AGAIN):
            count = min(int(mover.rng.geometric(_ALONE)), len(moves))
            drawn = mover.rng.choice(len(moves), size=count, replace=False, p=worth / worth.sum())
            x, mover.coarse, mover.before = start, parent.score[0] > 0, parent.before
            for move in drawn.tolist():
                with np.errstate(all="ignore"):
                    x = mover.fit(moves[move](mover, x, mate.x), x)
            case = self._alone(x) if company is None else self._amid(x, company, place)
            if (key := case.x.tobytes()) not in self.seen:
                self.seen.add(key)
                return _Try(case, parent.lineage, tuple(drawn.tolist()), parent, company is not None)
        return None

    def _alone(self, x: NDArray[np.float64]) -> Case:
        rows = min(len(x), _LABELS) if FUNCTIONS[self.function].entry == "label" else 1
        return Case("search", len(self.seen), np.stack([x] * rows).astype(self.format.dtype or np.float64))

    def _amid(self, x: NDArray[np.float64], company: Case, place: int) -> Case:
        changed = company.x.astype(self.format.dtype or np.float64)
        self._entries(changed)[slice(None) if company.layout == "broadcast" else place] = x
        return Case("search", len(self.seen), changed, company.layout)

    def _entries(self, x: NDArray[Any]) -> NDArray[Any]:
        """The rows of a case, or the numbers where each is judged as a row: (entries, n)."""
        return x.reshape(-1, 1) if FUNCTIONS[self.function].entry == "element" else x

    def _judge(self, lot: Sequence[_Try]) -> Iterator[bool]:
        """For each of the lot, whether it is worse than the row that it came from."""
        for made, verdict in zip(lot, self.examine([made.case for made in lot]), strict=True):
            found = score(verdict, self.may_flush)
            self.spent += rows_judged(made.case.x, self.function)
            self.counts[Outcome.WITHIN if self.may_flush and verdict.flushed else verdict.outcome] += 1
            if found > self.best:
                self.best, self.worst = found, (made.case, verdict)
                self.history.append((self.spent, found[1]))
            self._keep(made, verdict, found)
            yield made.parent is not None and found > made.parent.score

    def _keep(self, made: _Try, verdict: Verdict, found: Score) -> None:
        """The row, or the number, that the verdict is about; with its company if it may be wrong only there."""
        of, case, parent = FUNCTIONS[self.function], made.case, made.parent
        if parent is not None and not made.moves:
            parent.alone = found[0] == parent.score[0] and 2 * found[1] >= parent.score[1]
            return
        place = verdict.result if of.per_row or of.entry == "element" else verdict.result // case.x.shape[1]
        x = self._entries(case.x)[place].astype(np.float64)
        if found[0] < 0 or not np.isfinite(x).all() or len(x) > (_LONGEST, _LONGEST_WRONG)[found[0]]:
            return
        row = _Row(found, x, made.lineage, _changes(found, parent), None if parent is None else parent.x)
        if made.together and found[0] > 0 and (len(self._entries(case.x)) > 1 or case.layout != "C"):
            row.company, row.place, row.alone = case, place, None if parent is None else False
        self.rows.append(row)


def _changes(found: Score, parent: _Row | None) -> int:
    """How often a row counts as changed in vain: as often as its parent, unless it is much worse than that."""
    if parent is None or found > (parent.score[0], parent.score[1] * (1 + _MUCH)):
        return 0
    return parent.changed


def _narrowed(made: _Try, room: int, function: str, rng: np.random.Generator) -> _Try:
    """With no more rows, and numbers where each is judged, than there is room for."""
    x, each = made.case.x, FUNCTIONS[function].entry in ("element", "prefixes")
    columns = min(x.shape[1], room) if each else x.shape[1]
    rows = min(len(x), room // columns if each else room)
    if (rows, columns) == x.shape:
        return made
    kept = np.sort(rng.permutation(len(x))[:rows])
    case = Case(made.case.family, made.case.index, np.ascontiguousarray(x[kept, :columns]), made.case.layout)
    return replace(made, case=case)
