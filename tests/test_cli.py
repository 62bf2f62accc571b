"""The command: results on stdout, talk on stderr, one clear line and status 2 for what cannot be done."""

from __future__ import annotations

import json
import shlex

import jsonschema
import pytest

from shiftproof.cli import main
from shiftproof.verify import ADVERSARIES, FORMATS, builtin_kernels, record_schema

MINE = """
import numpy as np

def good(x, axis=None):
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):
        top = x.max(axis=axis, keepdims=True)
        out = (top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))).squeeze(axis)
        return np.where(np.isfinite(top.squeeze(axis)), out, top.squeeze(axis))

def one_row(x):
    return good(x[None, :], -1)[0]

def logsumexp(x):
    return good(x, -1) + 1e-9

def two(x, y):
    return x

number = 3
"""
FEW = ["--family", "scales", "--family", "gaps", "--cases", "20", "--jobs", "1"]


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return command


def test_bounds_in_closed_form_and_sums_in_another_format_are_told_and_replayed(run, tmp_path):
    options = ["--bounds", "closed", "--accumulate", "float64", "--format", "binary32"]
    code, out, _ = run("verify", "logsumexp.shifted", *options, *FEW, "--json", tmp_path / "c.json")
    assert code == 0
    assert (
        "bounds: read in closed form, sums made in binary64; the closed forms are proven on paper for such sums" in out
    )
    record = json.loads((tmp_path / "c.json").read_text())
    jsonschema.validate(record, record_schema())
    assert (record["reading"], record["accumulator"]) == ("closed", "binary64")
    assert "--bounds closed --accumulate binary64" in record["kernels"][0]["closest"]["replay"]
    shifted = next(a for a in record["algorithms"] if (a["function"], a["name"]) == ("logsumexp", "shifted"))
    assert shifted["closed_form"]["proof"] == "Coq: logsumexp_shifted"
    _, out, _ = run("verify", "logsumexp.shifted", *FEW)
    assert "bounds: read for each input; the closed forms are proven in Coq\n" in out


def test_an_input_outside_the_hypotheses_is_told_with_the_hypothesis_that_it_leaves(run):
    options = ["--format", "binary16", "--bounds", "closed", "--standard", "compensated", "--case", "lengths#19"]
    code, out, _ = run("verify", "logsumexp.compensated", *options)
    assert code == 3
    assert "OUT OF SCOPE compensated: at lengths#19 (n = 65536) it is not so that (n - 1) u is below 1" in out


def test_a_sound_kernel_of_ones_own_is_within_and_exits_with_0(run, mine):
    code, out, err = run("verify", f"{mine}:good", "--function", "logsumexp", "--standard", "shifted", *FEW)
    assert code == 0
    assert "WITHIN" in out
    assert "seed 0" in err


def test_a_kernel_may_be_called_row_by_row(run, mine):
    code, _, _ = run("verify", f"{mine}:one_row", "--function", "logsumexp", "--call", "row", *FEW)
    assert code == 0


def test_a_wrong_kernel_exits_with_1_and_says_where(run, mine):
    code, out, _ = run("verify", f"{mine}:logsumexp", *FEW)
    assert code == 1
    assert "EXCEEDS" in out


def test_every_finding_prints_the_command_that_replays_it(run, mine):
    _, out, _ = run("verify", f"{mine}:logsumexp", *FEW)
    replay = next(line for line in out.splitlines() if line.strip().startswith("shiftproof verify"))
    code, out, _ = run(*shlex.split(replay)[1:], "--jobs", "1")
    assert code == 1
    assert "EXCEEDS" in out


def test_a_classified_kernel_that_is_named_exits_with_0_if_it_reaches_a_class(run):
    code, out, _ = run("verify", "scipy.log_softmax", *FEW)
    assert code == 0
    assert "scipy.log_softmax does not reach shifted-log1p: at [" in out


def test_nothing_judged_exits_with_3(run):
    code, _, _ = run("verify", "logsumexp.naive", "--case", "deep-negative#0", "--jobs", "1")
    assert code == 3


def test_a_premise_that_promises_too_much_is_exceeded(run):
    arguments = ("verify", "logsumexp.shifted-log1p", "--family", "log-windows", "--cases", "40", "--jobs", "1")
    assert run(*arguments)[0] == 0
    assert run(*arguments, "--libm", "exp=0", "--libm", "log1p=0")[0] == 1


def test_the_record_is_written_whole_and_keeps_to_its_schema(run, tmp_path):
    path = tmp_path / "campaign.json"
    code, _, _ = run("verify", "logsumexp.shifted", "numpy.logaddexp", "--json", path, *FEW)
    assert code == 0
    jsonschema.validate(json.loads(path.read_text()), record_schema())
    assert list(tmp_path.iterdir()) == [path]


def test_aliases_of_formats_are_accepted(run):
    code, out, _ = run("verify", "logsumexp.shifted", "--format", "float32", *FEW)
    assert code == 0
    assert "binary32" in out


def test_the_list_names_kernels_standards_formats_and_what_families_hunt(run):
    code, out, _ = run("verify", "--list")
    assert code == 0
    for name in (*(k.name for k in builtin_kernels()), *FORMATS, *ADVERSARIES):
        assert name in out
    assert all(family.hunts in out for family in ADVERSARIES.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nope", "unknown kernel 'nope'"),
        ("no_such_package.module:f --function softmax", "ModuleNotFoundError"),
        ("numpy:no_such_thing --function softmax", "has no attribute 'no_such_thing'"),
        ("/no/such/file.py:f --function softmax", "no such file"),
        ("{mine}:nothing --function softmax", "has no attribute 'nothing'"),
        ("{mine}:number --function softmax", "a callable is required, got int"),
        ("{mine}:two --function softmax", "a callable that takes one array (rows, n) is required"),
        ("{mine}:good", "what does it compute?"),
        ("{mine}:good --function softmin", "unknown function 'softmin'"),
        ("{broken}:f --function softmax", "SyntaxError"),
        ("{leaving}:f --function softmax", "SystemExit"),
        ("{crashing}:f --function softmax", "its process ended or hung while the kernel was loaded"),
        ("logsumexp.shifted logsumexp.shifted", "each kernel may be named once"),
        ("--cases NaN", "'NaN' is not a valid integer range"),
        ("--cases 0", "0 is not in the range"),
        ("--seed x", "'x' is not a valid integer"),
        ("--jobs 0", "0 is not in the range"),
        ("--timeout 0", "0.0 is not in the range"),
        ("--format decimal64", "unknown format 'decimal64'"),
        ("--format bfloat16", "NumPy has no type"),
        ("--accumulate decimal64", "unknown format 'decimal64'"),
        ("--bounds loose", "'loose' is not one of 'per-input', 'closed'"),
        ("--standard best", "no kernel here has a standard 'best'"),
        ("scipy.softmax --standard chained", "softmax (kernel scipy.softmax) has no standard 'chained'"),
        ("--family none", "unknown family 'none'"),
        ("--case gaps", "FAMILY#NUMBER"),
        ("--case gaps#-1", "FAMILY#NUMBER"),
        ("--case gaps#1 --family gaps", "without --family"),
        ("--libm exp=fast", "got 'exp=fast'"),
        ("--json /no/such/folder/c.json", "a file in an existing folder"),
        ("--frobnicate", "No such option"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line_and_status_2(run, mine, tmp_path, arguments, message):
    files = {"mine": mine}
    for name, text in {
        "broken": "def f(",
        "leaving": "import sys; sys.exit(0)",
        "crashing": "import os; os._exit(1)",
    }.items():
        files[name] = tmp_path / f"{name}.py"
        files[name].write_text(text)
    code, out, err = run("verify", *arguments.format(**files).split())
    last = err.splitlines()[-1]
    assert code == 2
    assert out == ""
    assert last.startswith("shiftproof: error: ")
    assert message in last
    assert "Traceback" not in err
