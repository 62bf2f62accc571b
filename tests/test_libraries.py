"""The libraries' tables: each call is well formed, is judged as itself, and what is found can be seen without us."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from shiftproof.proofs import FUNCTIONS
from shiftproof.verify import (
    ADVERSARIES,
    FORMATS,
    LIBRARIES,
    Case,
    Kernel,
    KernelError,
    Outcome,
    Plan,
    adversaries,
    findings_of,
    kernel_named,
    ladder,
    library_named,
    run_campaign,
    textbook,
)
from shiftproof.verify.campaigns.findings import LIBRARY_LIBM, long_row_findings
from shiftproof.verify.host import Host
from shiftproof.verify.kernels import library_kernels
from shiftproof.verify.libraries import Call, Library, library

SMALL = ("numpy", "scipy", "sklearn", "onnxruntime", "autograd")  # the others are too large for a test environment
FEW = tuple(ADVERSARIES[name] for name in ("scales", "gaps", "public-reports", "layouts"))

each_library = pytest.mark.parametrize("name", LIBRARIES)
each_small = pytest.mark.parametrize("name", SMALL)


def kernel(name: str) -> Kernel:
    return kernel_named(name)


@each_library
def test_every_call_computes_a_function_that_is_known_in_formats_that_are_known(name: str) -> None:
    table = LIBRARIES[name]
    assert {call.function for call in table.kernels.values()} <= set(FUNCTIONS)
    assert set(table.types) <= set(FORMATS)


@each_library
def test_every_call_has_the_arguments_of_its_function(name: str) -> None:
    entries = {"pair": "pair", "label": "label"}
    for call in LIBRARIES[name].kernels.values():
        assert library._entry(call) == entries.get(FUNCTIONS[call.function].entry, "vector"), call


@each_library
def test_the_axis_of_a_call_is_put_in_where_it_is_a_value_and_nowhere_else(name: str) -> None:
    for call in LIBRARIES[name].kernels.values():
        shown = LIBRARIES[name].shown(call, "0")
        assert not re.search(r"\baxis\b(?!=)", shown)
        compile(shown, name, "eval")


@each_library
def test_every_kernel_of_a_library_is_held_to_a_standard_of_its_function(name: str) -> None:
    for k in library_kernels(LIBRARIES[name]):
        assert textbook(k) in (*ladder(k.function), None)


def test_no_table_imports_its_library() -> None:
    heavy = {"torch", "jax", "tensorflow", "onnxruntime", "sklearn", "scipy", "autograd", "cupy"}
    code = f"import sys, shiftproof.verify.libraries as l; print(sorted(set(sys.modules) & {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@each_small
def test_every_call_of_what_is_installed_answers_one_plain_case_or_is_named_as_absent(name: str) -> None:
    plan = Plan(library_kernels(LIBRARIES[name]), families=FEW[:1], cases=1)
    campaign = run_campaign(plan)
    judged = {result.kernel.name for result in campaign.results}
    assert judged | set(campaign.absent) == {k.name for k in plan.kernels}
    assert not campaign.absent
    assert all(not tally.faults for result in campaign.results for tally in result.tallies.values())


@each_small
def test_a_call_is_judged_with_labels_pairs_prefixes_and_along_axis_0(name: str) -> None:
    """Every kernel of these libraries is right on small plain numbers, in every layout."""
    host_case = Case("plain", 1, np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]]), "axis-0")
    for k in library_kernels(LIBRARIES[name]):
        host = Host([k], 60)
        try:
            (answer,) = host.run(k.name, FORMATS["binary64"], [host_case])
        finally:
            host.close()
        assert answer.fault is None, (k.name, answer)


def test_a_library_that_is_not_there_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Library(
        "nowhere", "nowhere", ("import nowhere_at_all",), {}, "", "", "", {"f": Call("softmax", "f(x)")}, {}
    )
    monkeypatch.setitem(LIBRARIES, "nowhere", missing)
    with pytest.raises(
        KernelError, match=r"nowhere is not installed here \(pip install 'shiftproof\[nowhere_at_all\]'\)"
    ):
        kernel_named("nowhere.f")


def test_an_unknown_library_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"unknown library 'nope': one of numpy, scipy, .* is required"):
        library_named("nope")


_LSE = (
    "def lse(x):",
    "    a = x.max(-1, keepdims=True)",
    "    y = a + np.log(np.exp(x - a).sum(-1, keepdims=True))",
    "    return np.where(np.isfinite(a), y, a)[..., 0]",
)
_SOFTMAX = (
    "def softmax(x):",
    "    w = np.exp(x - x.max(-1, keepdims=True))",
    "    return w / w.sum(-1, keepdims=True)",
)


def _planted(monkeypatch: pytest.MonkeyPatch, **calls: Call) -> tuple[Kernel, ...]:
    """A library of our own making: NumPy under another name, with the calls given."""
    table = Library(
        "planted",
        "numpy",
        ("import numpy as np",),
        {"binary64": "np.float64", "binary32": "np.float32"},
        "np.array({values}, dtype={type})",
        "a",
        "r",
        calls,
        {"lse": _LSE, "softmax": _SOFTMAX},
    )
    monkeypatch.setitem(LIBRARIES, "planted", table)
    return library_kernels(table)


def _found(kernels: tuple[Kernel, ...], cases: int = 40):
    return findings_of(run_campaign(Plan(kernels, families=FEW, cases=cases, libm=LIBRARY_LIBM)))


def _run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


class TestFindings:
    """What is wrong is found, made small, and seen again by a script that knows nothing of us."""

    def test_a_lost_tail_is_found_at_two_entries_and_its_script_prints_what_was_got_and_what_is_exact(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (found,) = _found(_planted(monkeypatch, shifted=Call("logsumexp", "lse(x)")))
        verdict = found.verdict
        assert (found.broken, found.reaches, verdict.outcome) == ("shifted-log1p", "shifted", Outcome.EXCEEDS)
        assert verdict.length == 2
        assert sum(len(repr(float.fromhex(v))) for v in verdict.x) <= 9
        assert "shiftproof" not in found.script
        said = _run(found.script)
        assert verdict.got in said
        assert verdict.want in said

    def test_a_sound_kernel_has_no_finding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sound = Call("logsumexp", "np.logaddexp.reduce(x, axis=axis)")
        tail = (
            "(lambda m, s: m + np.log1p(s))(x.max(-1), np.sort(np.exp(x - x.max(-1, keepdims=True)))[..., :-1].sum(-1))"
        )
        assert _found(_planted(monkeypatch, chained=Call(sound.function, sound.expression, "chained"))) == ()
        stable = f"np.where(np.isfinite(x.max(-1)), {tail}, x.max(-1))"
        assert _found(_planted(monkeypatch, stable=Call("logsumexp", stable))) == ()

    def test_a_fault_is_told_by_name_with_the_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = Call("logsumexp", "lse(x) if x.shape[1] < 5 else [][0]")
        found = {f.broken: f for f in _found(_planted(monkeypatch, picky=call))}
        assert "IndexError" in found["raises"].verdict.because
        assert found["raises"].verdict.length == 5

    def test_flushing_alone_is_a_mark_and_no_finding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flushing = Call("softmax", "np.where(softmax(x) < 2.3e-308, 0.0, softmax(x))")
        kernels = _planted(monkeypatch, flushing=flushing)
        families = (ADVERSARIES["scales"], ADVERSARIES["subnormal-results"])
        campaign = run_campaign(Plan(kernels, families=families, cases=30, libm=LIBRARY_LIBM))
        assert campaign.results[0].flushes
        assert findings_of(campaign) == ()

    def test_a_call_that_does_not_exist_is_absent_by_name_and_not_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        campaign = run_campaign(Plan(_planted(monkeypatch, gone=Call("softmax", "np.no_such_thing(x)")), families=FEW))
        assert campaign.results == ()
        assert "no_such_thing" in campaign.absent["planted.gone"]

    def test_a_result_of_another_format_is_absent_and_not_judged_as_this_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kernels = _planted(monkeypatch, wide=Call("logsumexp", "lse(x.astype(np.float64))"))
        campaign = run_campaign(Plan(kernels, FORMATS["binary32"], families=FEW, cases=4))
        assert campaign.absent["planted.wide"] == "got float64, required float32 for float32"

    def test_scipy_loses_the_tail_of_log_softmax(self) -> None:
        found = [f for f in _found((kernel("scipy.log_softmax"),)) if f.verdict.fault is None]
        assert [f.broken for f in found] == ["shifted-log1p"]
        assert found[0].verdict.want in _run(found[0].script)


class TestGradients:
    """What a backward pass owes."""

    def test_at_infinities_nothing_is_owed_and_nothing_is_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (k,) = _planted(monkeypatch, backward=Call("softmax", "(lambda gradient: gradient)(softmax(x))"))
        assert k.profile == "open"
        infinite = (ADVERSARIES["public-reports"],)
        tally = run_campaign(Plan((k,), families=infinite, cases=12)).results[0].tallies["shifted"]
        assert tally.counts[Outcome.OUT_OF_SCOPE] >= 2
        assert tally.counts[Outcome.FAULT] == 0

    def test_a_wrong_sign_at_the_label_is_caught(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kernels = _planted(monkeypatch, wrong=Call("cross_entropy_gradient", "softmax(x) + 0.0 * t.sum()"))
        result = run_campaign(Plan(kernels, families=FEW[:1], cases=10)).results[0]
        assert result.kernel_class is None
        assert result.tallies["naive"].counts[Outcome.EXCEEDS] == 10


def test_what_is_faithful_all_the_same_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """x + e^-x is given as the number after x: within an ulp, though the bound of the algorithm is near half of one."""
    for steps, findings in ((1, 0), (2, 1)):
        above = "x"
        for _ in range(steps):
            above = f"np.nextafter({above}, np.inf)"
        kernels = _planted(monkeypatch, above=Call("softplus", f"np.where(x > 38, {above}, np.logaddexp(0, x))"))
        campaign = run_campaign(Plan(kernels, families=FEW, cases=40, libm=LIBRARY_LIBM))
        assert campaign.results[0].tallies["shifted-log1p"].exceeds_even_flushed
        assert len(findings_of(campaign)) == findings


class TestLongRows:
    """More equal entries than a format can count."""

    def _found(self, kernels: tuple[Kernel, ...], fmt: str):
        campaign = run_campaign(Plan(kernels, FORMATS[fmt], families=FEW[:1], cases=1, libm=LIBRARY_LIBM))
        return long_row_findings(campaign)

    def test_a_sum_of_ones_overflows_binary16_though_its_logarithm_does_not(self) -> None:
        (found,) = self._found((kernel("scipy.logsumexp"),), "binary16")
        assert (found.broken, found.verdict.got, found.verdict.length) == ("faithful", "inf", 70001)
        said = _run(found.script)
        assert "got   inf" in said
        assert found.verdict.want in said

    def test_a_sum_in_a_wider_format_is_no_finding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wide = Call("logsumexp", "lse(x.astype(np.float64)).astype(x.dtype)")
        table = _planted(monkeypatch, wide=wide)
        monkeypatch.setitem(LIBRARIES["planted"].types, "binary16", "np.float16")
        assert self._found(table, "binary16") == ()

    def test_a_count_that_stops_is_found_in_a_row_of_a_million(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The counted reference and the bound of a pairwise sum, at a length that a test can afford."""
        monkeypatch.setitem(adversaries._LONGEST, "binary32", 2**20 + 1)
        stops = Call("logsumexp", "np.log(np.minimum((x == x).sum(-1), 2**19).astype(x.dtype)) + x.max(-1)")
        (found,) = self._found(_planted(monkeypatch, stops=stops), "binary32")
        assert found.broken == "pairwise"
        assert found.verdict.error_ulp[0] > 1e4 * found.verdict.allowed_ulp[1]
        assert self._found((kernel("scipy.logsumexp"),), "binary32") == ()
