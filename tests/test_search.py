"""The search: the same for the same seed, above random inputs, and down to the smallest input that shows a fault."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from benchmarks.search import beside
from shiftproof.cli import main
from shiftproof.verify import ADVERSARIES, FORMATS, Case, KernelError, Outcome, kernel_named, search
from shiftproof.verify.host import Host
from shiftproof.verify.hunting import rows_judged, score
from shiftproof.verify.shrinking import Examiner

from .sound_kernels import SOUND

B64 = FORMATS["binary64"]


def stable(x):
    x = x.astype(np.float64)
    top = x.max(-1, keepdims=True)
    with np.errstate(all="ignore"):
        others = np.exp(np.sort(x, axis=-1)[..., :-1] - top).sum(-1)
        return np.where(np.isfinite(top[..., 0]), top[..., 0] + np.log1p(others), top[..., 0])


def planted(trigger):
    """A kernel that is off by a millionth in the rows (rows, n) that trigger it."""
    return lambda x: stable(x) * (1 + 1e-6 * trigger(x.astype(np.float64)))


def a_tie_with_a_third_far_below(x):
    top = x.max(-1, keepdims=True)
    return ((x == top).sum(-1) >= 2) & (x < top - 37).any(-1)


def a_gap_between_37_and_38_under_a_maximum_above_100(x):
    top = x.max(-1, keepdims=True)
    return ((x < top - 37) & (x > top - 38)).any(-1) & (top[:, 0] > 100)


def three_entries(x):
    return np.full(len(x), x.shape[-1] >= 3)


def a_negative_zero_beside_a_one(x):
    return ((x == 0) & np.signbit(x)).any(-1) & (x == 1).any(-1)


def cut(x):
    """Terms that are more than 36 below the maximum are left out."""
    x = x.astype(np.float64)
    return stable(np.where(x < x.max(-1, keepdims=True) - 36, -np.inf, x))


def hunted(kernel, **options):
    return search(kernel, **{"function": "logsumexp", "standard": "shifted-log1p", **options})


PLANTED = (
    a_tie_with_a_third_far_below,
    a_gap_between_37_and_38_under_a_maximum_above_100,
    three_entries,
    a_negative_zero_beside_a_one,
)


@pytest.mark.parametrize("trigger", PLANTED, ids=lambda trigger: trigger.__name__)
def test_a_planted_fault_is_found_and_shrunk_to_three_elements_or_fewer(trigger):
    found = hunted(planted(trigger))
    assert found.outcome is Outcome.EXCEEDS
    assert found.smallest.x.size <= 3
    assert trigger(found.smallest.x).any()
    assert found.shown.outcome is Outcome.EXCEEDS


def test_a_kernel_with_a_cutoff_is_reduced_to_two_integers():
    found = hunted(cut)
    assert found.outcome is Outcome.EXCEEDS
    np.testing.assert_array_equal(found.smallest.x, np.rint(found.smallest.x))
    assert found.smallest.x.size == 2


def test_a_fault_ends_the_search_and_is_shrunk_to_the_length_that_shows_it():
    def raises(x):
        if x.shape[-1] % 7 == 0:
            raise IndexError("seven")
        return stable(x)

    found = hunted(raises)
    assert (found.outcome, found.worst.fault, found.ratio) == (Outcome.FAULT, "raises", np.inf)
    assert found.evaluations < 2000
    np.testing.assert_array_equal(found.smallest.x, np.zeros((1, 7)))


def test_nan_for_a_number_is_beyond_every_ratio_and_ends_the_search():
    found = hunted(lambda x: np.where(((x > 50) & np.isfinite(x)).any(-1), np.nan, stable(x)))
    assert (found.ratio, found.outcome, found.shown.got) == (np.inf, Outcome.EXCEEDS, "nan")
    assert found.evaluations < 2000
    assert found.smallest.x.size == 1


def across(x):
    """Square batches are reduced down their columns."""
    return stable(x.T if x.shape[0] == x.shape[1] > 1 else x)


def off_in_views(x):
    """Rows after the first are off where the batch is a view."""
    rows = stable(x)
    rows[1:] += 1e-6 * (not x.flags.c_contiguous)
    return rows


@pytest.mark.parametrize("kernel", [across, off_in_views])
def test_what_is_wrong_only_in_its_company_is_changed_there(kernel):
    found = hunted(kernel, evaluations=500, seed=1, smallest=False)
    assert (found.outcome, found.case.family) == (Outcome.EXCEEDS, "search")
    assert len(found.case.x) > 1
    assert kernel is across or found.case.layout != "C"
    of_families = max(ratio for evaluations, ratio in found.history if evaluations <= 250)
    assert found.ratio > 1000 * of_families > 1000


@pytest.mark.parametrize("length", [64, 257])
def test_a_fault_at_one_length_is_found(length):
    found = hunted(planted(lambda x: np.full(len(x), x.shape[-1] == length)))
    assert found.outcome is Outcome.EXCEEDS
    assert found.smallest.x.shape == (1, length)


@pytest.mark.parametrize(
    ("function", "special"), [("sigmoid", np.inf), ("sigmoid", -np.inf), ("logsumexp", np.inf), ("logsumexp", np.nan)]
)
def test_each_special_value_is_among_the_first_evaluations(function, special):
    def raises(x):
        if (np.isnan(x) if np.isnan(special) else x == special).any():
            raise ValueError("special")
        return stable(x) if function == "logsumexp" else 1 / (1 + np.exp(-np.maximum(x, -700.0)))

    found = search(raises, function=function, standard="naive", evaluations=300, smallest=False)
    assert (found.outcome, found.worst.fault) == (Outcome.FAULT, "raises")


def test_an_error_past_the_largest_float_ends_the_search():
    def one_below(x):
        return np.where(np.isfinite(x) & (x < 0), 1.0, np.logaddexp(0.0, x.astype(np.float64)))

    found = search(one_below, function="softplus", standard="shifted", evaluations=500, smallest=False)
    assert (found.outcome, found.ratio) == (Outcome.EXCEEDS, np.inf)
    assert found.worst.error_ulp == (np.finfo(np.float64).max, np.inf)
    assert found.evaluations < 500


@pytest.mark.parametrize("entry", SOUND[::9], ids=lambda entry: entry.name)
def test_a_sound_kernel_is_not_accused(entry):
    found = search(entry.make(), function=entry.function, standard=entry.standard, evaluations=600)
    assert found.outcome is Outcome.WITHIN
    assert 0 < found.ratio <= 1
    assert (found.smallest, found.shown) == (None, None)


@pytest.mark.parametrize("name", ["logsumexp.shifted", "softmax.online", "sigmoid.shifted", "logcumsumexp.chained"])
def test_the_same_seed_and_evaluations_give_the_same_and_other_seeds_another(name):
    first, again, other = (search(name, evaluations=300, seed=seed) for seed in (5, 5, 6))
    assert first.evaluations == again.evaluations == 300
    assert (first.worst, first.history, first.counts) == (again.worst, again.history, again.counts)
    np.testing.assert_array_equal(first.case.x, again.case.x)
    assert first.history != other.history


def test_what_is_found_is_what_the_judge_says_of_that_case_alone():
    found = search("softmax.shifted", evaluations=600)
    host = Host([found.kernel], 10.0)
    try:
        (verdict,) = Examiner(found.kernel, B64, found.standard, host)([found.case])
    finally:
        host.close()
    assert (verdict, score(verdict)[1]) == (found.worst, found.ratio)
    assert found.history[-1][1] == found.ratio == max(ratio for _, ratio in found.history)


def of_random(kernel, evaluations):
    """The largest ratio of as many rows of the families, and of normal rows, in turn."""
    n = {"logsumexp": 3, "softmax": 3, "sigmoid": 1, "logaddexp": 2}[kernel.function]
    rng = np.random.default_rng(0)
    families = (f.case(i, kernel.function, B64, 0) for i in itertools.count() for f in ADVERSARIES.values())
    normal = (Case("normal", i, rng.normal(size=(1, n)) * 10 ** rng.uniform(-3, 3)) for i in itertools.count())
    host, best = Host([kernel], 10.0), 0.0
    try:
        for source in (families, normal):
            cases, rows = [], 0
            while rows < evaluations:
                cases.append(next(source))
                rows += rows_judged(cases[-1].x, kernel.function)
            best = max([best, *(score(v)[1] for v in Examiner(kernel, B64, kernel.claim, host)(cases))])
    finally:
        host.close()
    return best


@pytest.mark.parametrize("name", ["logsumexp.shifted", "softmax.shifted", "sigmoid.shifted", "logaddexp.naive"])
def test_the_search_is_above_random_inputs_with_the_same_number_of_evaluations(name):
    kernel = kernel_named(name)
    assert search(kernel, evaluations=700).ratio > of_random(kernel, 700)


@pytest.mark.parametrize(
    ("ours", "rival", "how"),
    [(2.0, 1.0, "above"), (np.inf, 1e300, "above"), (np.inf, np.inf, "even, infinite"), (1.0, 1.0, "even"),
     (1.0, np.inf, "below")],
)  # fmt: skip
def test_the_table_counts_what_nothing_can_be_above_apart(ours, rival, how):
    assert beside(ours, rival) == how


@pytest.mark.parametrize("function", ["cross_entropy", "logcumsumexp", "logaddexp_gradient", "sigmoid_gradient"])
def test_functions_that_are_read_off_others_are_searched_in_binary32_as_well(function):
    standard = "chained" if function == "logcumsumexp" else "shifted"
    found = search(f"{function}.{standard}", format="binary32", evaluations=150)
    assert (found.outcome, found.evaluations) == (Outcome.WITHIN, 150)


@pytest.mark.parametrize("evaluations", [1, 63, 65])
def test_no_more_rows_are_judged_than_asked_for(evaluations):
    assert search("softplus.naive", evaluations=evaluations).evaluations == evaluations
    assert search("logsumexp.naive", evaluations=evaluations).evaluations == evaluations


def test_a_kernel_without_a_claim_is_held_to_the_class_that_it_reaches():
    assert search("numpy.logaddexp", evaluations=50).standard == "shifted-log1p"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"evaluations": 0}, "evaluations: a whole number from 1 to 10000000 is required, got 0"),
        ({"seed": -1}, "seed: a whole number from 0"),
        ({"standard": "best"}, "logsumexp .* has no standard 'best': one of correct, "),
        ({"format": "bfloat16"}, "bfloat16: NumPy has no type to hand to stable"),
        ({"function": "sum"}, "unknown function 'sum'"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_line(options, complaint):
    with pytest.raises((ValueError, KernelError), match=complaint):
        hunted(stable, **options)


def test_the_command_tells_the_input_in_hex_the_seed_and_what_is_allowed(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["search", "logsumexp.shifted", "--evaluations", "200", "--seed", "3", "--json", f"{tmp_path}/found.json"])
    out, err = capsys.readouterr()
    assert ended.value.code == 0
    head, assumed, ratio, *rest = out.splitlines()
    assert head == "logsumexp.shifted (logsumexp, binary64) against shifted: WITHIN after 200 evaluations, seed 3"
    assert assumed == "assumed: exp within 1 ulp, log within 1 ulp, log1p within 1 ulp"
    assert ratio.startswith("largest error / allowed found: 0.")
    assert [line.split()[0] for line in rest] == ["case", "x", "got", "want", "error", "allowed"]
    assert "seed 3" in err
    record = json.loads((tmp_path / "found.json").read_text())
    assert (record["outcome"], record["evaluations"], record["smallest"]) == ("WITHIN", 200, None)
    assert record["assumed"] == {"libm_ulp": {"exp": "1", "log": "1", "log1p": "1"}}
    assert float.fromhex(record["ratio"]) == float.fromhex(record["history"][-1]["ratio"])
    assert all(float.fromhex(v) is not None for row in record["worst"]["rows"] for v in row)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["logsumexp.shifted", "--standard", "shifted-log1p", "--evaluations", "300"], 1),
        (["logsumexp.shifted", "--standard", "nothing"], 2),
        (["nothing"], 2),
        (["logsumexp.shifted", "--function", "nothing"], 2),
    ],
)
def test_the_status_says_whether_the_standard_is_exceeded(words, status, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["search", *words])
    out, err = capsys.readouterr()
    assert ended.value.code == status
    assert ("smallest input found that shows it: 1 x 2" in out) is (status == 1)
    assert err.count("shiftproof: error: ") == (status == 2)
