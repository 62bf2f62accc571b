"""A survey of libraries: a record that keeps to its schema, a table and issues made of it, and the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shiftproof.cli import main
from shiftproof.reports import finding_lines, leaderboard_files, leaderboard_table, not_there
from shiftproof.verify import (
    ADVERSARIES,
    LIBRARIES,
    read_survey,
    record_text,
    survey_libraries,
    survey_record,
)

FEW = tuple(ADVERSARIES[name] for name in ("gaps", "specials", "integers"))
FORMATS = ("binary64", "binary16")


@pytest.fixture(scope="module")
def record() -> dict:
    made = survey_libraries([LIBRARIES["scipy"], LIBRARIES["cupy"]], FORMATS, cases=9, families=FEW)
    return survey_record(made, FORMATS, 9, 0)


def test_a_record_is_read_back_and_keeps_to_its_schema(record: dict) -> None:
    assert read_survey(record_text(record)) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 7}, "a record of version 1 is required, got 7: a newer shiftproof made it"),
        (
            {"schema": "shiftproof-campaign"},
            "the record of a leaderboard (schema 'shiftproof-leaderboard') is required",
        ),
        ({"cases": 0}, "cases: 0 is less than the minimum"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_another_record_is_refused_with_the_place(record: dict, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_survey(json.dumps({**record, **change}))
    assert message in str(caught.value)


def test_every_kernel_is_a_row_in_every_format_or_named_as_not_there(record: dict) -> None:
    rows = {(row["kernel"], row["format"]) for row in record["kernels"]}
    away = {(call["kernel"], call["format"]) for call in record["calls_not_there"]}
    assert rows | away == {(f"scipy.{name}", fmt) for name in LIBRARIES["scipy"].kernels for fmt in FORMATS}
    assert ("scipy.expit", "binary16") in away, "it answers binary16 in another format"
    if not LIBRARIES["cupy"].installed:
        assert record["absent"] == {"cupy": "cupy is not installed here"}


def test_the_table_the_findings_and_the_issues_say_what_the_record_says(record: dict) -> None:
    found = [f for f in record["findings"] if f["kernel"] == "scipy.log_softmax" and f["fault"] is None]
    assert {f["broken"] for f in found} == {"shifted-log1p"}
    assert leaderboard_table(record).row_count == len(record["kernels"])
    files = leaderboard_files(record)
    told = "\n".join(finding_lines(record)) + files["leaderboard.md"]
    for f in record["findings"]:
        assert f["kernel"] in told
        assert f["again"] in told
        (issue,) = (text for name, text in files.items() if name.endswith(".md") and f"{f['again']}`" in text)
        for said in (f["version"], f["call"], f["got"], f["want"], *(f["x"] or ())):
            assert said in issue
        assert not f["script"] or f["script"].rstrip() in issue
    assert all(line in files["leaderboard.md"].replace("\\|", "|") for line in not_there(record) if "<" not in line)


def test_every_script_of_a_finding_shows_what_was_got_without_us(record: dict) -> None:
    scripts = {f["script"]: f for f in record["findings"] if f["script"]}
    assert scripts
    for script, f in scripts.items():
        assert "shiftproof" not in script
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        assert (
            (f["got"] in said and f["want"] in said) if f["fault"] is None else f"got {float.fromhex(f['got'])}" in said
        )


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_verify_library_judges_all_that_it_has_and_exits_1_on_findings(capsys, tmp_path: Path) -> None:
    arguments = ["verify", "--library", "numpy", "--cases", "3", "--family", "gaps", "--jobs", "1"]
    assert _run(*arguments, "--json", str(tmp_path / "r.json")) == 0
    shown = capsys.readouterr().out
    for name in LIBRARIES["numpy"].kernels:
        assert shown.count(f" numpy.{name} ") == 3, "three formats"
    assert len(read_survey((tmp_path / "r.json").read_text())["kernels"]) == 9
    found = ["verify", "--library", "scipy", "--format", "binary64", "--function", "log_softmax", "--family", "gaps"]
    assert _run(*found, "--cases", "3", "--jobs", "1") == 1
    assert "scipy.log_softmax" in capsys.readouterr().out.split("Findings")[1]


def test_leaderboard_writes_a_table_issues_and_scripts(capsys, tmp_path: Path) -> None:
    arguments = ["leaderboard", "--library", "scipy", "--format", "f64", "--function", "log_softmax", "--cases", "31"]
    assert _run(*arguments, "--out", str(tmp_path / "board")) == 1
    files = {path.relative_to(tmp_path / "board").as_posix() for path in (tmp_path / "board").rglob("*.*")}
    assert "leaderboard.md" in files
    assert any(name.endswith("scipy.log_softmax-binary64.py") for name in files)
    assert capsys.readouterr().err.startswith("judging scipy in binary64")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--library", "nope"], "unknown library 'nope': one of numpy, scipy"),
        (["verify", "--library", "scipy", "--standard", "shifted"], "it takes no standard"),
        (["verify", "--library", "scipy", "numpy.logaddexp"], "it takes no kernels"),
        (["verify", "--library", "scipy", "--function", "softmin"], "unknown function 'softmin'"),
        (["leaderboard", "--format", "binary8"], "unknown format 'binary8'"),
        (["leaderboard", "--library", "scipy", "--json", "no-such-folder/x.json"], "--json no-such-folder/x.json"),
        (["leaderboard", "--cases", "0"], "0 is not in the range"),
    ],
)
def test_unusable_arguments_are_refused_in_a_line(arguments: list[str], message: str, capsys) -> None:
    assert _run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_a_library_that_is_asked_for_and_not_there_is_a_usage_error_with_the_extra(capsys, monkeypatch) -> None:
    monkeypatch.setattr("shiftproof.verify.libraries.library.importlib.util.find_spec", lambda name: None)
    assert _run("verify", "--library", "torch") == 2
    assert "torch is not installed here (pip install 'shiftproof[torch]')" in capsys.readouterr().err


def test_where_nothing_is_installed_nothing_is_judged_and_the_status_says_so(capsys, monkeypatch) -> None:
    monkeypatch.setattr("shiftproof.verify.libraries.library.importlib.util.find_spec", lambda name: None)
    assert _run("leaderboard", "--library", "torch", "--library", "jax") == 3
    assert "torch: torch is not installed here" in capsys.readouterr().out
