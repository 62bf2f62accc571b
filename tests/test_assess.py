"""`assess`: arrays of results, decided by the fast reading or the referees, who never disagree."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shiftproof.proofs import FUNCTIONS, Libm, algorithms_for
from shiftproof.verify import ADVERSARIES, FORMATS, Outcome, RefereeDisagreement, assess, format_named
from shiftproof.verify.fast import certified
from shiftproof.verify.fast.certified import judged_rows, plain_rows, readable
from shiftproof.verify.fast.doubled import Buffers
from shiftproof.verify.floats import kernel_from
from shiftproof.verify.standards import Expectation, rows_of, standards_for

RNG = np.random.default_rng(11)
CORES = ("logsumexp", "softmax", "log_softmax")
FAST = [(f, s) for f in CORES for s in standards_for(f) if readable(f, s)]


def results(function: str, x: np.ndarray, name: str, algorithm: str | None = None) -> np.ndarray:
    fmt = FORMATS[name]
    if fmt.dtype is None:  # rounded once, from binary64
        return fmt.round(results(function, x, "binary64", algorithm))
    chosen = {a.name: a for a in algorithms_for(function)}[algorithm or algorithms_for(function)[0].name]
    return np.asarray(kernel_from(chosen, function, fmt)(x.astype(fmt.dtype)), dtype=np.float64)


def disturbed(got: np.ndarray, name: str) -> np.ndarray:
    """Some results moved by a few ulps: around every threshold there is something to decide."""
    fmt = FORMATS[name]
    return fmt.round(got + fmt.ulp(got) * RNG.integers(-3, 4, got.shape) * (RNG.random(got.shape) < 0.5))


def agreement(function: str, standard: str, x: np.ndarray, got: np.ndarray, name: str, compiled: bool = False) -> float:
    """The share of results that the fast reading decides, after a comparison of all of them with the referees."""
    found = judged_rows(function, standard, x, got, FORMATS[name], Libm(), Buffers(), compiled)
    expectation = Expectation([row[np.newaxis] for row in x], function, FORMATS[name], reading="closed")
    outcome, error, allowed = expectation.judge(got.reshape(-1), standard)
    within, exceeds, outside, least, lo, hi = (
        np.ravel(a) for a in (found.within, found.exceeds, found.outside, found.allowed, found.lo, found.hi)
    )
    assert (outcome[within] == Outcome.WITHIN.value).all()
    assert (outcome[exceeds] == Outcome.EXCEEDS.value).all()
    assert (outcome[outside] == Outcome.OUT_OF_SCOPE.value).all()
    decided = within | exceeds
    assert (lo[decided] <= error.hi[decided]).all()
    assert (hi[decided] >= error.lo[decided]).all()
    assert (least[decided] <= allowed.bound.hi[decided]).all()
    return float((decided | outside).mean())


@pytest.mark.parametrize("name", ["binary64", "binary32", "binary16", "bfloat16"])
@pytest.mark.parametrize(("function", "standard"), FAST)
def test_fast_verdicts_are_those_of_the_referees(function: str, standard: str, name: str) -> None:
    decided = []
    for n, scale in itertools.product((2, 3, 10, 70), (1.0, 6.0)):
        x = FORMATS[name].round(RNG.normal(size=(12, n)) * scale)
        got = disturbed(results(function, x, name), name)
        decided.append(agreement(function, standard, x, got, name, compiled=n == 10))
    # In bfloat16 a sum of 70 errs by more than half of itself: no tape says anything then.
    assert np.mean(decided if name != "bfloat16" else decided[:-2]) > 0.97


@pytest.mark.parametrize("function", CORES)
@pytest.mark.parametrize("family", list(ADVERSARIES))
def test_fast_verdicts_agree_on_adversaries(family: str, function: str) -> None:
    standards = [s for f, s in FAST if f == function]
    for index, name in itertools.product(range(4), ("binary64", "binary16", "bfloat16")):
        x = np.asarray(ADVERSARIES[family].case(index, function, FORMATS[name], 5).x)
        x = FORMATS[name].round(x.astype(np.float64))[:4, :300]
        x = x[plain_rows(x)]
        if x.size:
            with np.errstate(all="ignore"):
                got = results(function, x, name)
            agreement(function, standards[index % len(standards)], x, got, name)


@pytest.mark.parametrize("function", CORES)
def test_long_rows_are_read_piece_by_piece(function: str) -> None:
    for name, n in (("binary64", 4097), ("binary32", 9000)):
        x = FORMATS[name].round(RNG.normal(size=(2, n)) * 3)
        got = results(function, x, name)
        standard = algorithms_for(function)[0].name
        assert agreement(function, standard, x, got, name) > 0.99
        assert agreement(function, "faithful", x, got, name, compiled=True) > 0.99


def test_fewer_than_one_in_a_thousand_goes_to_the_referees_without_cancellation() -> None:
    for function, (rows, n) in itertools.product(CORES, ((5000, 10), (100, 1000))):
        x = RNG.normal(size=(rows, n)) * 3 + 1
        for standard in ("correct", algorithms_for(function)[0].name):
            found = assess(x, results(function, x, "binary64"), function=function, standard=standard)
            assert found.escalated < found.outcome.size / 1000


@pytest.mark.parametrize("function", CORES)
def test_masked_rows_are_judged_without_their_masks_as_the_referees_do(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = RNG.normal(size=(60, 12)) * 3
    x[np.arange(12) > RNG.integers(0, 12, (60, 1))] = -np.inf
    x[50, 3], x[51, 3] = np.inf, np.nan
    with np.errstate(all="ignore"):
        got = disturbed(results(function, x, "binary64"), "binary64")
    got[7, ...] = 3.0  # a row that is wrong at its mask too
    if got.ndim == 2:
        got[8:20, -1] *= -1.0
    for standard in ("faithful", algorithms_for(function)[0].name):
        found = assess(x, got, function=function, standard=standard)
        alone = int((np.isfinite(x).sum(axis=1) == 1).sum())  # log_softmax is 0 there
        assert found.escalated <= (2 + alone) * got[0].size
        assert assess(x, got, function=function, standard=standard, rejudge=1.0).rejudged >= got[:50].size
        with monkeypatch.context() as patch:
            patch.setattr("shiftproof.verify.assessing.readable", lambda *of: False)
            patch.setattr("shiftproof.verify.assessing.CORES", ())
            slow = assess(x, got, function=function, standard=standard)
        assert slow.escalated == got.size
        assert (found.outcome == slow.outcome).all()
        for ours, theirs in ((found.error_ulp_lo, slow.error_ulp_lo), (found.allowed_ulp, slow.allowed_ulp)):
            assert (np.isnan(ours) == np.isnan(theirs)).all()
        assert (found.error_ulp_lo <= slow.error_ulp_hi).all(where=~np.isnan(slow.error_ulp_hi))


def test_every_function_is_judged_as_the_referees_do() -> None:
    x = RNG.normal(size=(5, 4)) * 3
    x[3, 1], x[4] = np.nan, -np.inf
    labels = np.array([0, 3, 1, 2, 0])
    for function, of in FUNCTIONS.items():
        values = x[:, :2] if of.entry == "pair" else x
        chosen = {"labels": labels} if of.entry == "label" else {}
        arrays = (values[:, 0], values[:, 1]) if of.entry == "pair" else (values, *chosen.values())
        with np.errstate(all="ignore"):
            got = kernel_from(algorithms_for(function)[0], function, FORMATS["binary64"])(*arrays)
        for standard in standards_for(function):
            found = assess(values, got, function=function, standard=standard, **chosen)
            lists = [np.array([k]) for k in labels] if chosen else None
            slow = Expectation(
                [row[np.newaxis] for row in values], function, FORMATS["binary64"], reading=found.bounds, labels=lists
            )
            outcome, _, _ = slow.judge(got.reshape(-1), standard)
            outcome[slow.broken(got.reshape(-1))] = Outcome.FAULT.value
            assert (found.outcome.reshape(-1) == outcome).all(), (function, standard)
            assert found.outcome.shape == got.shape


def test_results_keep_the_shape_of_a_single_row() -> None:
    found = assess([0.0, 1.0, 2.0], results("softmax", np.array([[0.0, 1.0, 2.0]]), "binary64")[0], function="softmax",
                   standard="shifted")  # fmt: skip
    assert found.outcome.shape == found.allowed_ulp.shape == (3,)
    assert found.worst is Outcome.WITHIN
    assert found.rejudged == 3


def test_special_values_are_kept_or_a_fault() -> None:
    x = np.array([[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf], [0.0, -np.inf]])
    right = assess(x, np.array([np.nan, np.inf, -np.inf, 0.0]), function="logsumexp", standard="faithful")
    assert right.counts[Outcome.WITHIN] == 4
    assert np.isnan(right.error_ulp_hi[:3]).all()
    wrong = assess(x, np.array([0.0, 1.0, 0.0, 0.0]), function="logsumexp", standard="faithful")
    assert wrong.outcome.tolist() == [Outcome.FAULT.value] * 3 + [Outcome.WITHIN.value]
    assert wrong.worst is Outcome.FAULT


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, 1e300])
def test_no_wrong_number_is_passed(bad: float) -> None:
    x = RNG.normal(size=(50, 5))
    got = results("logsumexp", x, "binary64")
    got[7] = bad
    for function_standard in ("correct", "faithful", "shifted-log1p", "shifted", "online", "naive"):
        found = assess(x, got, function="logsumexp", standard=function_standard)
        assert found.outcome[7] == Outcome.EXCEEDS.value
        assert found.error_ulp_lo[7] > 1e10


@pytest.mark.parametrize("function", CORES)
def test_results_at_the_ends_of_the_range_are_judged_as_the_referees_do(function: str) -> None:
    """Next to overflow, among the subnormals, and next to nothing."""
    for name, n in (("binary16", 2000), ("binary64", 3), ("binary32", 3)):
        fmt = FORMATS[name]
        x = np.zeros((6, n))
        x[0] = fmt.largest if name == "binary16" else 1e30
        x[1, 1:] = -600.0
        x[2, 1:] = -0.999 * fmt.largest if name != "binary64" else -700.0
        x[3] = -np.log(n)
        x[4, 1:] = fmt.log_smallest
        x[5] = np.linspace(-3, -1, n)
        x = fmt.round(x)
        for got in (
            results(function, x, name),
            np.full_like(results(function, x, name), np.inf),
            -x[:, :1] * 0 - 1e300,
        ):
            got = fmt.round(
                np.broadcast_to(got.reshape(len(x), -1), results(function, x, name).reshape(len(x), -1).shape)
            )
            for standard in (s for f, s in FAST if f == function):
                agreement(function, standard, x, got[:, 0] if function == "logsumexp" else got, name)


def test_a_softmax_that_loses_its_tail_exceeds() -> None:
    x = RNG.normal(size=(200, 6)) * 10
    got = results("softmax", x, "binary64")
    got[got < 1e-9] = 0.0
    found = assess(x, got, function="softmax", standard="shifted")
    assert ((found.outcome == Outcome.EXCEEDS.value) == (got == 0)).all()


def test_what_is_out_of_scope_is_not_passed() -> None:
    x = FORMATS["binary16"].round(RNG.normal(size=(3, 5000)))
    found = assess(x.astype(np.float16), results("softmax", x, "binary16").astype(np.float16), function="softmax",
                   standard="shifted")  # fmt: skip
    assert found.worst is Outcome.OUT_OF_SCOPE
    assert np.isnan(found.allowed_ulp).all()
    assert found.escalated == 0


def test_compiled_sums_give_the_same_verdicts() -> None:
    for name, n in (("binary64", 10), ("binary32", 300), ("binary16", 65)):
        x = FORMATS[name].round(RNG.normal(size=(300, n)) * 3)
        for function in ("logsumexp", "log_softmax"):
            got = disturbed(results(function, x, name), name)
            plain, fast = (
                assess(x, got, function=function, standard="shifted", format=name, compiled=c) for c in (False, True)
            )
            assert (plain.error_ulp_lo == fast.error_ulp_lo).all()
            assert (plain.error_ulp_hi == fast.error_ulp_hi).all()
            assert (plain.outcome == fast.outcome).all()
            assert np.allclose(plain.allowed_ulp, fast.allowed_ulp, rtol=1e-9, atol=0)


def test_a_wrong_fast_reading_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.normal(size=(40, 10))
    got = results("logsumexp", x, "binary64")
    right = certified.log1p

    def wrong(*of: certified.Doubled) -> certified.Doubled:
        found = right(*of)
        return certified.Doubled(found.high * (1 + 2.0**-50), found.low)

    monkeypatch.setattr(certified, "log1p", wrong)
    with pytest.raises(RefereeDisagreement, match="the fast reading says"):
        assess(x, got, function="logsumexp", standard="correct")


def test_the_sample_is_the_same_for_the_same_seed() -> None:
    x = RNG.normal(size=(3000, 3))
    got = results("logsumexp", x, "binary64")
    one, other = (assess(x, got, function="logsumexp", standard="correct", seed=4) for _ in range(2))
    assert one.rejudged == other.rejudged >= 1
    assert (one.error_ulp_lo == other.error_ulp_lo).all()
    whole = assess(x, got, function="logsumexp", standard="correct", rejudge=1.0)
    assert whole.rejudged + whole.escalated == whole.outcome.size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": "tanh"}, "unknown function 'tanh'"),
        ({"standard": "best"}, "logsumexp has no standard 'best'"),
        ({"profile": "lax"}, "unknown profile 'lax'"),
        ({"bounds": "loose"}, "bounds are read per-input or closed, got 'loose'"),
        ({"got": np.zeros(3)}, r"results of shape \(2,\) are required for logsumexp of x, got \(3,\)"),
        ({"x": np.zeros((2, 0))}, "not empty"),
        ({"x": np.array([["a"]])}, "numbers of shape"),
        ({"format": "binary16"}, "numbers of binary16 are required, and some are not"),
        ({"labels": [1, 2]}, "logsumexp has no labels"),
        ({"rejudge": 2}, "judged again must be between 0 and 1, got 2"),
    ],
)
def test_what_cannot_be_assessed_is_told(arguments: dict, message: str) -> None:
    given = {"x": np.array([[0.1, 1.0], [2.0, 3.0]]), "got": np.zeros(2), "function": "logsumexp",
             "standard": "correct"} | arguments  # fmt: skip
    with pytest.raises(ValueError, match=message):
        assess(given.pop("x"), given.pop("got"), **given)


def test_gradients_have_no_closed_forms_to_be_judged_by() -> None:
    with pytest.raises(ValueError, match="has no closed forms"):
        assess([[0.0, 1.0]], [[0.0, 0.0]], function="cross_entropy_gradient", standard="shifted", labels=[0],
               bounds="closed")  # fmt: skip


def test_compiled_sums_without_numba_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.verify.assessing.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'shiftproof\[fast\]'"):
        assess([[0.0, 1.0]], [1.0], function="logsumexp", standard="correct", compiled=True)


def test_bfloat16_numbers_may_come_in_a_wider_type() -> None:
    fmt = format_named("bfloat16")
    x = fmt.round(RNG.normal(size=(20, 4))).astype(np.float32)
    got = results("logsumexp", x.astype(np.float64), "bfloat16").astype(np.float32)
    found = assess(x, got, function="logsumexp", standard="correct", format="bfloat16")
    assert found.worst is Outcome.WITHIN
    assert (found.error_ulp_hi <= 0.5).all()


def test_rows_of_a_pair_are_what_an_element_stands_for() -> None:
    x = RNG.normal(size=(6, 3))
    assert [row.tolist() for row, _ in rows_of(x, "softplus")] == [[0.0, v] for v in x.reshape(-1).tolist()]
    got = kernel_from(algorithms_for("softplus")[0], "softplus", FORMATS["binary64"])(x)
    pairs = np.stack([np.zeros(18), x.reshape(-1)], axis=1)
    one = assess(x, got, function="softplus", standard="shifted")
    other = assess(pairs, got.reshape(-1), function="logsumexp", standard="shifted")
    assert (one.error_ulp_lo.reshape(-1) == other.error_ulp_lo).all()
