"""A campaign survives its kernels, gives the same record however it is shared out, and tells faults by name."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import jsonschema
import numpy as np
import pytest

from shiftproof.verify import (
    ADVERSARIES,
    FORMATS,
    Adversary,
    Kernel,
    KernelError,
    Outcome,
    Plan,
    builtin_kernels,
    judge,
    kernel_named,
    ladder,
    record_of,
    record_schema,
    record_text,
    run_campaign,
)

FEW = tuple(ADVERSARIES[name] for name in ("scales", "gaps", "specials", "integers", "layouts"))


def textbook(x):
    x = np.asarray(x, dtype=np.float64 if x.dtype.kind != "f" else x.dtype)
    with np.errstate(all="ignore"):
        top = x.max(axis=-1, keepdims=True)
        out = (top + np.log(np.exp(x - top).sum(axis=-1, keepdims=True)))[..., 0]
        return np.where(np.isfinite(top[..., 0]), out, top[..., 0])


def result_of(fn, standard="shifted", families=FEW, cases=40, **options):
    plan = Plan((Kernel("mine", "logsumexp", fn, standard),), families=families, cases=cases, **options)
    (result,) = run_campaign(plan).results
    return result


def faults_of(fn, **options):
    result = result_of(fn, **options)
    return set(result.tallies[result.shown].faults)


def test_the_textbook_kernel_keeps_its_bound_and_reaches_its_class():
    result = result_of(textbook)
    assert (result.outcome, result.kernel_class) == (Outcome.WITHIN, "shifted")


def test_the_record_is_the_same_whatever_the_number_of_jobs():
    kernels = tuple(k for k in builtin_kernels() if k.name.endswith(("shifted", "scipy.logsumexp", "logaddexp")))
    texts = {
        jobs: record_text(record_of(run_campaign(Plan(kernels, families=FEW, cases=60, seed=3, jobs=jobs))))
        for jobs in (1, 2, 3)
    }
    assert texts[1] == texts[2] == texts[3]


def test_another_seed_is_another_record():
    kernels = (kernel_named("logsumexp.shifted"),)
    texts = {record_text(record_of(run_campaign(Plan(kernels, families=FEW, cases=20, seed=s)))) for s in (1, 2)}
    assert len(texts) == 2


def test_the_record_keeps_to_its_schema_and_the_schema_notices_a_change():
    def crashing(x):
        os._exit(1) if x.shape[1] == 3 else None
        return textbook(x)

    kernels = (Kernel("crashing", "logsumexp", crashing, "shifted"), kernel_named("numpy.logaddexp"))
    record = record_of(run_campaign(Plan(kernels, families=FEW, cases=40)))
    jsonschema.validate(record, record_schema())
    for change in ({"version": 1}, {"surprise": 1}, {"seed": "0"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**record, **change}, record_schema())


def test_every_case_is_counted_once():
    result = result_of(textbook, cases=43)
    assert sum(result.tallies[result.shown].counts.values()) == 43
    assert sum(sum(t.counts.values()) for t in result.families.values()) == 43


class TestFaults:
    """A kernel takes down its own process at most, and its case is told by name."""

    def test_a_segmentation_fault_is_a_crash(self):
        assert "crashes" in faults_of(lambda x: ctypes.string_at(0) if x.shape[1] == 3 else textbook(x))

    def test_leaving_the_process_is_a_crash(self):
        assert "crashes" in faults_of(lambda x: os._exit(0) if x.shape[1] == 3 else textbook(x))

    def test_sys_exit_is_an_exception_like_any_other(self):
        assert faults_of(lambda x: sys.exit(0)) == {"raises"}

    def test_a_hang_ends_at_the_time_limit_and_the_run_goes_on(self):
        result = result_of(lambda x: time.sleep(60) if x.shape[1] == 3 else textbook(x), timeout=0.5)
        tally = result.tallies["shifted"]
        assert {"hangs", "not-run"} <= set(tally.faults)
        assert tally.counts[Outcome.WITHIN] > 0

    def test_a_kernel_that_always_hangs_is_withdrawn_at_first_contact(self):
        result = result_of(lambda x: time.sleep(60), timeout=0.5)
        tally = result.tallies["shifted"]
        assert tally.counts[Outcome.FAULT] == 40
        assert tally.faults["not-run"][0] == 40

    def test_all_the_memory_is_not_to_be_had(self):
        assert "raises" in faults_of(lambda x: np.ones(1 << 40) if x.shape[1] == 3 else textbook(x))

    def test_writing_into_the_input_is_seen(self):
        def writes(x):
            if x.flags.writeable and x.dtype.kind == "f":
                x -= x.max(axis=-1, keepdims=True) * 0 + 1
            return textbook(x)

        assert "changes-its-input" in faults_of(writes)

    def test_a_result_that_changes_later_is_seen(self):
        kept = np.zeros(100)

        def reuses(x):
            kept[: x.shape[0]] = textbook(x)
            return kept[: x.shape[0]]

        assert "changes-an-earlier-result" in faults_of(reuses)

    def test_wrong_types_and_shapes_are_told_apart(self):
        assert "wrong-type" in faults_of(lambda x: textbook(x).astype(np.float32))
        assert "wrong-type" in faults_of(lambda x: None)
        assert "wrong-shape" in faults_of(lambda x: textbook(x)[:, np.newaxis])

    def test_a_refused_integer_is_out_of_scope_and_a_wrapped_one_is_a_fault(self):
        def refuses(x):
            if x.dtype.kind != "f":
                raise TypeError("floats, please")
            return textbook(x)

        refused = result_of(refuses, families=(ADVERSARIES["integers"],))
        assert refused.outcome is Outcome.OUT_OF_SCOPE

        def wraps(x):
            top = x.max(axis=-1, keepdims=True)
            return textbook((x - top).astype(np.float64) if x.dtype.kind in "iu" else x) + (
                top[..., 0] if x.dtype.kind in "iu" else 0
            )

        assert "integers" in faults_of(wraps, families=(ADVERSARIES["integers"],), cases=30)

    def test_output_on_stdout_goes_nowhere(self, capfd):
        def talks(x):
            print("hello")
            os.write(1, b"hello\n")
            return textbook(x)

        assert result_of(talks).outcome is Outcome.WITHIN
        assert capfd.readouterr().out == ""


def test_state_does_not_leak_from_one_batch_of_cases_into_another():
    calls = []

    def counts(x):
        calls.append(x)
        return textbook(x) if len(calls) < 60 else textbook(x) + 1

    one, two = (result_of(counts, families=FEW[:2], cases=60, jobs=jobs).tallies["shifted"].counts for jobs in (1, 2))
    assert one == two


def test_results_that_differ_between_calls_are_noted_and_judged():
    rng = np.random.default_rng(1)

    def jitters(x):
        return textbook(x) * (1 + rng.integers(0, 2) * 2.0**-52) if x.dtype.kind == "f" else textbook(x)

    assert result_of(jitters, families=FEW[:1], cases=40).tallies["shifted"].unstable > 0


def test_a_kernel_that_flushes_subnormals_is_marked_and_still_exceeds():
    def flushes(x):
        x = np.asarray(x, dtype=np.float64)
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
        return np.where(p < np.finfo(np.float64).smallest_normal, 0.0, p)

    families = tuple(ADVERSARIES[name] for name in ("scales", "subnormal-results"))
    found = judge(flushes, function="softmax", standard="shifted", families=families, cases=20)
    assert (found.outcome, found.kernel_class, found.details.flushes) == (Outcome.EXCEEDS, "shifted", True)


class TestClasses:
    """What the table tells of the libraries that are installed."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("scipy.logsumexp", "shifted-log1p"),
            ("numpy.logaddexp", "shifted-log1p"),
            ("numpy.logaddexp.reduce", "chained"),
            ("scipy.softmax", "shifted"),
            ("scipy.log_softmax", "shifted"),
        ],
    )
    def test_libraries_reach_their_classes(self, name, expected):
        result = judge(name, cases=150).details
        assert result.kernel_class == expected
        rung, simplest = result.stronger()
        assert ladder(result.kernel.function).index(rung) < ladder(result.kernel.function).index(expected)
        assert simplest.outcome is Outcome.EXCEEDS

    def test_log_softmax_of_scipy_loses_the_tail_at_an_input_of_two_numbers(self):
        rung, simplest = judge("scipy.log_softmax", cases=150).details.stronger()
        assert rung == "shifted-log1p"
        assert simplest.length == 2
        assert simplest.error_ulp[0] > 1e6 * simplest.allowed_ulp[1]

    def test_a_kernel_that_reaches_no_standard_exceeds_the_weakest(self):
        found = judge(lambda x: textbook(x) + 1.0, function="logsumexp", families=FEW, cases=20)
        assert (found.outcome, found.kernel_class) == (Outcome.EXCEEDS, None)


def test_nothing_judged_is_not_passed():
    overflow = Adversary("overflow", "naive kernels", lambda d: np.full((1, 2), 1000.0))
    found = judge("logsumexp.naive", families=[overflow], cases=3)
    assert found.outcome is Outcome.OUT_OF_SCOPE
    assert found.counts[Outcome.OUT_OF_SCOPE] == 3


def test_a_library_far_from_its_premise_is_held_to_it():
    def careless(x):
        return textbook(x) * (1 + 2.0**-50)

    assert result_of(careless).outcome is Outcome.EXCEEDS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": 0}, "cases: a whole number from 1 to 10000000 is required, got 0"),
        ({"cases": float("nan")}, "cases: a whole number from 1 to 10000000 is required, got nan"),
        ({"jobs": True}, "jobs: a whole number from 1 to 1000 is required, got True"),
        ({"seed": -1}, "seed: a whole number from 0 to 18446744073709551615 is required, got -1"),
        ({"timeout": 0.0}, "timeout: seconds > 0 and <= 86400.0 are required, got 0.0"),
        ({"format": FORMATS["bfloat16"]}, "bfloat16: NumPy has no type to hand to logsumexp.shifted"),
        ({"standard": "best"}, "has no standard 'best'"),
        ({"families": (FEW[0], FEW[0])}, "each family may be named once, got 'scales' twice"),
    ],
)
def test_unusable_plans_are_refused_with_what_was_got_and_required(change, message):
    with pytest.raises(ValueError, match=r".") as caught:
        Plan((kernel_named("logsumexp.shifted"),), **change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        ("nope", None, "unknown kernel 'nope'"),
        ("numpy:logaddexp", "softmin", "--function"),
        ("logsumexp.shifted", "softmax", "computes logsumexp, not softmax"),
        ("numpy:vander", None, "what does it compute?"),
    ],
)
def test_unknown_kernels_are_refused_with_a_hint(text, function, message):
    with pytest.raises(KernelError) as caught:
        kernel_named(text, function)
    assert message in str(caught.value)
