"""The plugin in other people's test suites: fixtures, options, a marker, and what it costs when pytest starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shiftproof.proofs import FUNCTIONS
from shiftproof.verify import Outcome
from shiftproof.verify.asserting import assert_kernel, assert_within

HEAVY = ("flint", "gmpy2", "hypothesis", "matplotlib", "mpmath", "numpy", "scipy", "sympy")

# Their suite has settings of its own, and none of ours.
RUN = """
import sys, pytest
status = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest", *sys.argv[1:]])
print("loaded", sorted(set(sys.modules) & {heavy!r}))
sys.exit(status)
"""

TEN_LINES = """
import numpy as np

def logsumexp(x):
    x = np.asarray(x, dtype=np.float64 if x.dtype.kind != "f" else x.dtype)
    with np.errstate(all="ignore"):
        a = x.max(axis=-1, keepdims=True)
        y = a + np.log(np.exp(x - a).sum(axis=-1, keepdims=True))
    return np.where(np.isfinite(a), y, a)[..., 0]

def test_it_keeps_the_bound_of_the_textbook(assert_kernel):
    assert_kernel(logsumexp, function="logsumexp", standard="shifted")

def test_it_keeps_the_tail(assert_kernel):
    assert_kernel(logsumexp, function="logsumexp", standard="shifted-log1p")
"""


def run(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (folder / "test_theirs.py").write_text(test)
    code = RUN.format(heavy=set(HEAVY))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_a_test_of_ten_lines_passes_and_fails_with_all_that_is_needed_to_see_it_again(tmp_path: Path) -> None:
    done = run(tmp_path, TEN_LINES, "--shiftproof-cases=62")
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    for told in (
        "against shifted-log1p",
        "x       [0x",
        "got     0x",
        "want    0x",
        "error ",
        "allowed ",
        "ulp by shifted-log1p",
    ):
        assert told in done.stdout, told
    assert "asserting.py" not in done.stdout, "the traceback ends in their test"


def test_the_cases_and_the_seed_of_the_command_line_are_used(tmp_path: Path) -> None:
    test = (
        "def test_it(assert_kernel):\n"
        "    r = assert_kernel('logsumexp.shifted')\n"
        "    print('cases', sum(r.counts.values()))\n"
    )
    assert "cases 7\n" in run(tmp_path, test, "--shiftproof-cases=7", "--shiftproof-seed=3", "-s").stdout
    refused = run(tmp_path, test, "--shiftproof-cases=0")
    assert refused.returncode != 0
    assert "--shiftproof-cases" in refused.stderr


MARKED = "import pytest\n@pytest.mark.shiftproof_campaign\ndef test_long():\n    pass\n"


def test_a_long_campaign_is_skipped_by_name_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert "1 skipped" in run(tmp_path, MARKED, "-rs").stdout
    assert "--shiftproof-campaigns runs it" in run(tmp_path, MARKED, "-rs").stdout
    assert "1 passed" in run(tmp_path, MARKED, "--shiftproof-campaigns").stdout


def test_nothing_heavy_is_loaded_when_pytest_starts(tmp_path: Path) -> None:
    assert "loaded []" in run(tmp_path, "def test_nothing():\n    pass\n").stdout


def test_what_is_loaded_at_the_start_would_be_seen(tmp_path: Path) -> None:
    """The twin of the test above: a conftest that imports what the plugin must not."""
    (tmp_path / "conftest.py").write_text("import shiftproof.proofs\n")
    done = run(tmp_path, "def test_nothing():\n    pass\n")
    assert "'sympy'" in done.stdout.splitlines()[-1]


class TestAssertWithin:
    """Somebody's results, row by row."""

    X = np.array([[0.0, -40.0], [1.0, 2.0], [-3.0, 0.5]])

    def exact(self) -> np.ndarray:
        return np.logaddexp(self.X[:, 0], self.X[:, 1])

    def test_right_results_pass_with_and_without_rows(self) -> None:
        assert_within(self.X, self.exact(), function="logsumexp", standard="shifted-log1p")
        assert_within(self.X[0], self.exact()[0], function="logsumexp", standard="shifted-log1p")

    def test_one_wrong_row_fails_and_is_told_with_hex_got_want_error_and_allowed(self) -> None:
        got = self.exact()
        got[0] = 0.0
        with pytest.raises(AssertionError) as caught:
            assert_within(self.X, got, function="logsumexp", standard="shifted-log1p")
        said = str(caught.value)
        assert said.startswith(
            "logsumexp in binary64 against shifted-log1p: 1 of 3 rows are not within\n  row 0: EXCEEDS"
        )
        for told in (
            "[0x0.0p+0, -0x1.4000000000000p+5]",
            "got     0x0.0p+0 = 0.0",
            "want    0x1.39792499b1a24p-58",
            "error   5.5",
        ):
            assert told in said

    def test_out_of_scope_is_no_pass_unless_it_is_said_to_be_fine(self) -> None:
        x, got = np.array([[1000.0, 0.0]]), np.array([np.inf])
        with pytest.raises(AssertionError, match="OUT_OF_SCOPE"):
            assert_within(x, got, function="logsumexp", standard="naive")
        assert_within(x, got, function="logsumexp", standard="naive", allow_out_of_scope=True)

    def test_labels_are_the_callers(self) -> None:
        got = self.exact() - self.X[:, 1]
        assert_within(self.X, got, function="cross_entropy", standard="composed", labels=[1, 1, 1])
        with pytest.raises(AssertionError):
            assert_within(self.X, got, function="cross_entropy", standard="composed", labels=[0, 1, 1])

    def test_a_narrow_format_is_judged_in_its_own_ulps(self) -> None:
        x = self.X.astype(np.float32)
        assert_within(x, self.exact().astype(np.float32), function="logsumexp", standard="correct")
        with pytest.raises(AssertionError):
            assert_within(x, np.nextafter(self.exact().astype(np.float32), 9), function="logsumexp", standard="correct")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"function": "lse"}, "unknown function 'lse': one of logsumexp"),
            ({"standard": "best"}, "logsumexp has no standard 'best'"),
            ({"x": np.zeros((2, 2, 2))}, "x: numbers of shape (n,) or (rows, n), not empty, are required, got"),
            ({"x": [["a", "b"]]}, "x: numbers of shape"),
            ({"got": np.zeros((3, 2))}, "got: results of shape (3,) are required for logsumexp of x, got (3, 2)"),
            ({"got": np.zeros(3, dtype=int)}, "got: floating-point results are required, got int64"),
            ({"format": "bfloat16", "got": np.full(3, 0.1)}, "got: numbers of bfloat16 are required"),
            ({"format": "binary16", "x": np.full((3, 2), 0.1)}, "x: numbers of binary16 are required"),
            ({"labels": [0, 0, 0]}, "logsumexp has no labels"),
            ({"function": "cross_entropy", "standard": "shifted"}, "labels: 3 places from 0 to 1 are required"),
        ],
    )  # fmt: skip
    def test_unusable_arguments_are_refused_with_what_was_got_and_required(self, change: dict, message: str) -> None:
        how = {"x": self.X, "got": self.exact(), "function": "logsumexp", "standard": "shifted", **change}
        with pytest.raises(ValueError, match=r".") as caught:
            assert_within(how.pop("x"), how.pop("got"), **how)
        assert message in str(caught.value)


class TestAssertKernel:
    def test_it_returns_what_it_found(self) -> None:
        found = assert_kernel("logsumexp.shifted", standard="shifted", cases=31)
        assert found.outcome is Outcome.WITHIN

    def test_nothing_judged_is_not_a_pass(self) -> None:
        from shiftproof.verify import Adversary

        overflow = Adversary("overflow", "naive kernels", lambda d: np.full((1, 2), 1000.0))
        with pytest.raises(AssertionError, match="nothing was judged, which is not a pass"):
            assert_kernel("logsumexp.naive", families=[overflow], cases=2)

    def test_a_fault_is_told_by_name(self) -> None:
        with pytest.raises(AssertionError, match="FAULT wrong-type"):
            assert_kernel(lambda x: None, function="softmax", cases=31)


def test_every_function_can_be_asserted() -> None:
    """Zeros in, the exact result out: n = 2 equal entries have exact softmax 1/2 and known logarithms."""
    log2 = np.log(2.0)
    exact = {
        "logsumexp": [log2], "logaddexp": [log2], "softmax": [[0.5, 0.5]], "log_softmax": [[-log2, -log2]],
        "softplus": [[log2, log2]], "sigmoid": [[0.5, 0.5]], "cross_entropy": [log2], "logcumsumexp": [[0.0, log2]],
        "logaddexp_gradient": [[0.5, 0.5]], "cross_entropy_gradient": [[-0.5, 0.5]],
        "log_softmax_gradient": [[0.5, -0.5]], "softmax_gradient": [[0.25, -0.25]], "sigmoid_gradient": [[0.25, 0.25]],
    }  # fmt: skip
    assert set(exact) == set(FUNCTIONS)
    for function, got in exact.items():
        labels = {"labels": [0]} if FUNCTIONS[function].entry == "label" else {}
        assert_within([[0.0, 0.0]], np.array(got), function=function, standard="correct", **labels)
        with pytest.raises(AssertionError):
            assert_within([[0.0, 0.0]], np.array(got) + 2**-50, function=function, standard="faithful", **labels)
