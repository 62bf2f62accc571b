"""The commands prove and grade: what they print, their statuses, and one clear line for what is wrong."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from shiftproof.cli import main
from shiftproof.proofs import CATALOGUE, FALSE, FORMAT_THEOREMS, bounds, companions, coqc

from .derivations import SHEET


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return command


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "sheet.md"
    path.write_text(SHEET, encoding="utf-8")
    return path


def test_prove_with_a_name_prints_the_derivation_with_rules_and_what_the_checkers_said(run):
    code, out, err = run("prove", "lse-shift")
    assert (code, err) == (0, "")
    assert "log sum_i exp(x_i) = a + log sum_i exp(x_i - a)" in out
    for line in ("arithmetic", "exp-add", "sum-factor", "log-mul", "log-exp", "Rudin", "Graham, Knuth, Patashnik"):
        assert line in out
    assert "accepted, 5 steps" in out
    assert "agrees with 5 of 5 steps" in out
    assert "not asked (--coq)" in out


def test_prove_as_latex_prints_aligned_steps(run):
    code, out, _ = run("prove", "softmax-shift", "--latex")
    assert code == 0
    assert r"\begin{align*}" in out
    assert r"\frac{e^{x_{k}}}{\sum_{i=1}^{N} e^{x_{i}}}" in out


def test_prove_of_a_false_statement_prints_its_counterexample(run):
    code, out, _ = run("prove", "exp-of-a-sum-is-a-sum")
    assert code == 0
    assert "fails at N = 1, a = 0, x = (0): 1 on the left, 2 on the right" in out


def test_prove_without_a_name_names_every_theorem_and_every_false_statement(run):
    code, out, _ = run("prove")
    assert code == 0
    for name in (*CATALOGUE, *FALSE, *(b.name for b in (*bounds(), *companions())), *FORMAT_THEOREMS):
        assert f"  {name} " in out
    assert "no counterexample was found" not in out


def test_prove_of_a_bound_prints_formula_hypotheses_premises_and_who_proves_it(run):
    code, out, _ = run("prove", "softmax.division-free (normwise)", "sigmoid.shifted", "ieee_chained")
    assert code == 0
    for said in (
        "max softmax(x) * (division_free_norm(e, L))",
        "Holds where",
        "Premises",
        "Source:",
        "sigmoid, the entry",
    ):
        assert said in out
    assert "Proof: Coq: softmax_division_free_normwise" in out
    assert "ieee_chained" in out.splitlines()[-1]
    code, out, _ = run("prove", "logsumexp.naive", "--latex")
    assert r"\text{error} &\le" in out


def test_prove_of_a_companion_says_its_probability_and_that_it_is_on_paper(run):
    code, out, _ = run("prove", "logsumexp.shifted (random rounding)")
    assert code == 0
    assert "with probability at least" in out
    assert "independent and of mean zero" in out
    assert "Proof: on paper" in out


def test_an_unknown_theorem_is_a_usage_error(run):
    code, out, err = run("prove", "lse-shiftt")
    assert (code, out) == (2, "")
    assert err == "shiftproof: error: unknown theorem 'lse-shiftt': shiftproof prove lists them all\n"


def test_without_coqc_everything_is_exported_and_skipped_and_the_status_is_3(run, monkeypatch, tmp_path):
    monkeypatch.setattr(coqc.shutil, "which", lambda *_, **__: None)
    code, out, err = run("prove", "lse-shift", "--coq", "--out", tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"Rules.v", "lse_shift.v"}
    assert code == 3
    assert "SKIPPED" in out
    assert "ACCEPTED" not in out
    assert "coqc" in err


@pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed: Coq's part is SKIPPED, not passed")
def test_with_coqc_a_theorem_and_a_refutation_are_checked(run, tmp_path):
    code, out, _ = run("prove", "lse-shift", "exp-of-a-sum-is-a-sum", "--coq", "--out", tmp_path / "kept")
    assert code == 0
    assert "Coq     ACCEPTED" in out
    assert "REFUTED" in out
    assert "Theorem lse_shift" in (tmp_path / "kept" / "lse_shift.v").read_text()


def test_a_theorem_that_coq_does_not_accept_makes_the_status_1(run, monkeypatch):
    def refuse(theorems, *_, **__):
        entries = [coqc.CoqEntry(t.name, coqc.CoqState.NOT_ACCEPTED, "step_2", "no") for t in theorems]
        return coqc.CoqReport(tuple(entries))

    monkeypatch.setattr("shiftproof.proofs.examination.check_with_coq", refuse)
    code, out, _ = run("prove", "lse-shift", "--coq")
    assert code == 1
    assert "NOT ACCEPTED: step_2: no" in out


def test_grade_of_the_sheet_finds_the_wrong_lines_and_repairs_them(run, sheet, tmp_path):
    code, out, _ = run("grade", sheet, "--json", tmp_path / "out.json")
    assert code == 1
    assert out.count(" FALSE ") == 3
    assert "false at N = 1, a = 0, x = (0): 1 on the left, 2 on the right" in out
    assert "Repaired" in out
    assert r"\sum_{i=1}^{N} e^{x_{i}} = e^{a} \sum_{i=1}^{N} e^{x_{i} - a}" in out
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [line["verdict"] for line in record["lines"]].count("false") == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"$$\log e^x = x$$", 0),
        (r"$$\log e^x = -x$$", 1),
        (r"$$\log e^x = \heartsuit$$", 3),
        ("$$\\log e^x = \\heartsuit$$\n\n$$x = 2 x$$", 1),
        ("no formula at all", 3),
    ],
    ids=["true", "false", "not understood", "false and not understood", "nothing"],
)
def test_the_status_of_grade_is_the_worst_that_was_found(run, tmp_path, text, code):
    path = tmp_path / "file.md"
    path.write_text(text)
    assert run("grade", path)[0] == code


def test_grade_of_what_cannot_be_read_is_one_clear_line(run, tmp_path):
    for name, content, said in (
        ("missing.md", None, "a file that can be read is required"),
        ("latin.md", b"caf\xe9", "UTF-8 text is required, got the byte 0xe9 at 3"),
        ("large.md", b"x" * (2 * 2**20 + 1), "at most 2097152 bytes are read"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        code, out, err = run("grade", tmp_path / name)
        assert (code, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1


def test_grade_complains_of_a_record_that_cannot_be_written_before_it_works(run, sheet, tmp_path):
    code, out, err = run("grade", sheet, "--json", tmp_path / "nowhere" / "out.json")
    assert (code, out) == (2, "")
    assert "--json" in err


def test_python_in_a_file_is_text(run, tmp_path):
    path, trace = tmp_path / "evil.md", tmp_path / "trace"
    path.write_text(rf"$$\text{{__import__('pathlib').Path('{trace}').touch()}} = 1$$ $$open('{trace}', 'w') = 1$$")
    assert run("grade", path)[0] == 3
    assert not trace.exists()


README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["prove lse-shift", "prove logsumexp.shifted", "grade examples/exercise_sheet.md"])
def test_the_readme_shows_what_the_command_prints(run, monkeypatch, command):
    monkeypatch.chdir(Path(__file__).resolve().parent.parent)
    _, out, _ = run(*command.split())
    (shown,) = re.findall(rf"\$ shiftproof {re.escape(command)}(?: \| head -\d+)?\n(.*?)```", README, re.DOTALL)
    assert out.startswith(shown)
    assert len(shown.splitlines()) > 15
