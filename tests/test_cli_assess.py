"""`shiftproof assess` and `shiftproof exhaust`: what they print, write and refuse."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from shiftproof.cli import main
from shiftproof.proofs import algorithms_for
from shiftproof.verify import FORMATS, Outcome
from shiftproof.verify.floats import kernel_from

X = np.random.default_rng(1).normal(size=(60, 5)) * 3


def results(function: str, **arrays: np.ndarray) -> np.ndarray:
    return kernel_from(algorithms_for(function)[0], function, FORMATS["binary64"])(X, *arrays.values())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return (ended.value.code, *capsys.readouterr())

    return command


@pytest.fixture
def saved(tmp_path: Path):
    def made(name: str = "r.npz", **arrays: np.ndarray) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return made


def test_good_results_are_within_and_their_strongest_standard_is_told(run, saved) -> None:
    code, out, err = run("assess", saved(x=X, got=results("logsumexp")), "--function", "logsumexp")
    assert code == 0
    assert "logsumexp in binary64, strongest standard kept: faithful (bounds read closed)" in out
    assert "60 results: 60 WITHIN" in out
    assert "seed 0" in out
    assert not err


def test_verdicts_are_written_shaped_like_the_results(run, saved, tmp_path: Path) -> None:
    got = results("softmax")
    got[7, 2] *= 1.5
    out_path = tmp_path / "v.npz"
    code, out, _ = run(
        "assess", saved(x=X, got=got), "--function", "softmax", "--standard", "shifted", "--out", out_path
    )
    assert code == 1
    assert "299 WITHIN, 1 EXCEEDS" in out
    assert "EXCEEDS, got[7, 2] for" in out
    assert X[7, 0].hex() in out
    with np.load(out_path) as written:
        assert written["outcome"].shape == got.shape
        assert np.argwhere(written["outcome"] == written["code_EXCEEDS"]).tolist() == [[7, 2]]
        assert (written["error_ulp_lo"] <= written["error_ulp_hi"]).all()
        assert written["code_FAULT"] == Outcome.FAULT.value
        assert (written["standard"], written["exp_ulp"]) == ("shifted", "1")


def test_one_row_has_one_result_and_no_index(run, saved) -> None:
    code, out, _ = run("assess", saved(x=X[0], got=results("logsumexp")[0] + 1), "--function", "logsumexp")
    assert code == 1
    assert "closest to its bound: EXCEEDS, got for" in out


def far_sigmoid(x):
    """exp errs by more than 5 ulps and less than 13 (at a power of two), but where it is 1 or 0."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    e = np.exp(-abs(x))
    e = np.where((e == 1) | (e == 0), e, e + 6 * np.spacing(e)).astype(x.dtype)
    return np.where(x < 0, e, e.dtype.type(1)) / (1 + e)


def test_a_verdict_by_the_bound_of_an_algorithm_rests_on_the_premise_that_is_told(run, saved, tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text("import numpy as np\n" + inspect.getsource(far_sigmoid))
    held = ("--function", "sigmoid", "--standard", "shifted")
    for command in (
        ("assess", saved(x=4 * X, got=far_sigmoid(4 * X)), *held),
        ("exhaust", f"{tmp_path}/far.py:far_sigmoid", *held, "--format", "binary16", "--jobs", "1"),
        ("search", f"{tmp_path}/far.py:far_sigmoid", *held, "--evaluations", "400"),
    ):
        code, out, _ = run(*command)
        assert code == 1
        assert "assumed: exp within 1 ulp, log within 1 ulp, log1p within 1 ulp" in out
        code, out, _ = run(*command, "--libm", "exp=13")
        assert code == 0
        assert "assumed: exp within 13 ulp, log within 1 ulp, log1p within 1 ulp" in out
        code, _, err = run(*command, "--libm", "exp=fast")
        assert code == 2
        assert "exp=ULPS, log=ULPS or log1p=ULPS with a number from 0 to 1e6 is required, got 'exp=fast'" in err


def test_a_standard_that_is_a_number_of_ulps_assumes_nothing(run, saved) -> None:
    assert "assumed" not in run("assess", saved(x=X, got=results("logsumexp")), "--function", "logsumexp")[1]


def test_labels_come_from_the_file(run, saved) -> None:
    labels = np.arange(60) % 5
    got = results("cross_entropy", labels=labels)
    code, out, _ = run("assess", saved(x=X, got=got, labels=labels), "--function", "cross_entropy")
    assert code == 0
    assert "60 results: 60 WITHIN" in out
    code, _, err = run("assess", saved(x=X, got=got), "--function", "cross_entropy")
    assert code == 2
    assert "60 places from 0 to 4 are required" in err


def test_results_that_keep_no_standard_are_told_so(run, saved) -> None:
    code, out, _ = run("assess", saved(x=X, got=results("log_softmax") + 1.0), "--function", "log_softmax")
    assert code == 1
    assert "standard: log-of-softmax" in out
    assert "300 EXCEEDS" in out


def test_nothing_judged_is_not_a_pass(run, saved) -> None:
    x = np.zeros((2, 5000), dtype=np.float16)
    got = np.full((2, 5000), 1 / 5000, dtype=np.float16)
    code, out, _ = run("assess", saved(x=x, got=got), "--function", "softmax", "--standard", "shifted")
    assert code == 3
    assert "10000 OUT_OF_SCOPE" in out


def test_files_that_are_none_are_one_line_and_status_2(run, saved, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "text.npz").write_text("no archive")
    whole = saved(x=X, got=results("logsumexp")).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    objects = saved("objects.npz", x=np.array([{}], dtype=object), got=np.zeros(1))
    for path, said in (
        (tmp_path / "none.npz", "a file that can be read is required"),
        (tmp_path, "is a directory"),
        (tmp_path / "one.npy", "this is one array alone"),
        (tmp_path / "text.npz", "a file that numpy.savez wrote is required"),
        (tmp_path / "cut.npz", "a file that numpy.savez wrote is required"),
        (objects, "a file that numpy.savez wrote is required"),
        (saved("empty.npz", y=X), "the arrays x and got are required, x and got not there"),
        (saved("words.npz", x=np.array(["a"]), got=np.zeros(1)), "numbers of shape"),
    ):
        code, out, err = run("assess", path, "--function", "logsumexp")
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.strip().splitlines()) == 1


def test_unknown_names_are_refused(run, saved) -> None:
    path = saved(x=X, got=results("logsumexp"))
    for options, said in (
        (["--function", "tanh"], "--function 'tanh': one of logsumexp"),
        (["--function", "logsumexp", "--standard", "best"], "logsumexp has no standard 'best'"),
        (["--function", "logsumexp", "--format", "decimal"], "unknown format 'decimal'"),
        (["--function", "logsumexp", "--out", "no/such/folder/v.npz"], "a file in an existing folder"),
    ):
        code, _, err = run("assess", path, *options)
        assert code == 2
        assert said in err


def test_every_number_of_a_format_is_judged(run, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    code, out, err = run("exhaust", "softplus.shifted-log1p", "--format", "bfloat16", "--journal", journal)
    assert code == 0
    assert "on all 65283 numbers of bfloat16" in out
    assert "proved: on every input it keeps shifted-log1p" in out
    assert "against shifted-log1p" in err
    code, again, _ = run("exhaust", "softplus.shifted-log1p", "--format", "bfloat16", "--journal", journal, "--resume")
    assert (code, again) == (0, out)


def test_a_kernel_that_exceeds_somewhere_is_not_proved(run) -> None:
    code, out, _ = run("exhaust", "softplus.naive", "--standard", "shifted", "--jobs", "1")
    assert code == 1
    assert "EXCEEDS" in out
    assert "first that is not within" in out
    assert "proved" not in out


def test_what_cannot_be_exhausted_is_refused(run) -> None:
    for arguments, said in (
        (["softplus.shifted-log1p", "--format", "binary64"], "there are 2^64 numbers"),
        (["numpy.logaddexp"], "claims nothing: --standard"),
        (["softplus.shifted-log1p", "--resume"], "--journal FILE is required"),
        (["nothing.there"], "unknown kernel"),
    ):
        code, _, err = run("exhaust", *arguments)
        assert code == 2
        assert said in err
