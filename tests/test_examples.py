"""The examples about libraries say what they promise to say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(scope="module")
def own_tests() -> dict:
    return runpy.run_path(str(EXAMPLES / "scipy_own_tests.py"))


def test_scipys_own_tests_pass_with_a_lost_tail_and_the_oracle_finds_it(own_tests: dict) -> None:
    fault = "log(1 + s) in place of log1p(s)"
    assert fault in own_tests["AFTER"]
    assert own_tests["_answer"]("--their-tests", fault) == "0"
    assert own_tests["_answer"]("--oracle", fault).startswith("EXCEEDS at n = 2")


def test_scipys_own_tests_see_a_result_of_24_bits_so_that_they_do_run(own_tests: dict) -> None:
    assert own_tests["_answer"]("--their-tests", "the result has 24 bits") == "1"


def test_the_upstream_reports_are_told_as_fixed_or_still_there(capsys: pytest.CaptureFixture[str]) -> None:
    reports = runpy.run_path(str(EXAMPLES / "upstream_reports.py"))
    assert reports["main"](["scipy", "autograd"]) == 0
    said = capsys.readouterr().out
    assert said.count("STILL THERE") == 1
    assert "scipy.log_softmax                  STILL THERE: got 0, exact -8.16" in said
    assert "scipy.logsumexp                    fixed: got 4.2483542552915889e-18" in said
    assert "scipy.softmax                      not judged: got nan" in said
