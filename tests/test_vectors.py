"""Portable vectors: exact, the same every time, refused when tampered with by each of those who read them."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from mpmath import libmp

from shiftproof.cli import main
from shiftproof.proofs import FUNCTIONS, Certificate, CoqState, check_certificates, enclosure
from shiftproof.verify import FORMATS, certificates, read_vectors, vectors_record, vectors_text
from shiftproof.verify.vectors import _bits, _rational

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def needs(tool: str):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed here")


@pytest.fixture(scope="module")
def small() -> dict:
    return vectors_record(("logsumexp", "softmax", "log_softmax", "softplus"), ("binary64",))


@pytest.fixture(scope="module")
def narrow() -> dict:
    return vectors_record(tuple(FUNCTIONS), ("bfloat16", "binary16"))


def results(record: dict):
    for group in record["testGroups"]:
        for test in group["tests"]:
            for place in range(len(test["result"])):
                yield group, test, place


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(small: dict) -> None:
    again = vectors_record(("logsumexp", "softmax", "log_softmax", "softplus"), ("binary64",))
    assert vectors_text(small) == vectors_text(again)
    assert vectors_text(vectors_record(("logsumexp",), ("binary64",), seed=1)) != vectors_text(
        vectors_record(("logsumexp",), ("binary64",))
    )


def test_a_file_is_read_back_as_it_was_written_with_a_line_for_each_test(small: dict) -> None:
    text = vectors_text(small)
    assert read_vectors(text) == small
    assert sum('"tcId":' in line for line in text.splitlines()) == small["numberOfTests"]
    assert [t["tcId"] for g in small["testGroups"] for t in g["tests"]] == list(range(1, small["numberOfTests"] + 1))


def test_every_flag_has_a_note_and_every_function_and_format_its_vectors(narrow: dict) -> None:
    assert {g["function"] for g in narrow["testGroups"]} == set(FUNCTIONS)
    for group in narrow["testGroups"]:
        assert {flag for t in group["tests"] for flag in t["flags"]} == set(narrow["notes"])


def test_results_lie_in_their_enclosures_offset_by_what_is_told(narrow: dict, small: dict) -> None:
    for record in (narrow, small):
        for _, test, place in results(record):
            if test["offset"][place] is None:
                continue
            lo, hi = (_rational(end) for end in test["enclosure"][place])
            ulp, offset = _rational(test["ulp"][place]), Fraction(float.fromhex(test["offset"][place]))
            exact = Fraction(float.fromhex(test["result"][place])) + offset * ulp
            slack = (hi - lo) + ulp * Fraction(2) ** -50
            assert lo - slack <= exact <= hi + slack
            assert abs(offset) <= Fraction(1, 2)


def test_results_are_numbers_of_the_format_with_the_bits_that_they_say(narrow: dict) -> None:
    for group, test, place in results(narrow):
        fmt = FORMATS[group["format"]]
        value = float.fromhex(test["result"][place])
        np.testing.assert_array_equal(fmt.round(value), value)
        assert test["resultBits"][place] == _bits(value, fmt)


def test_bits_of_known_numbers() -> None:
    assert _bits(1.0, FORMATS["binary64"]) == "0x3ff0000000000000"
    assert _bits(-2.0, FORMATS["binary32"]) == "0xc0000000"
    assert _bits(65504.0, FORMATS["binary16"]) == "0x7bff"
    assert _bits(1.0, FORMATS["bfloat16"]) == "0x3f80"
    assert _bits(float("nan"), FORMATS["bfloat16"]) == "0x7fc0"


def test_results_are_those_of_another_computation_of_the_logsumexp(small: dict) -> None:
    """The naive formula at 4000 bits, rounded once: another way to the same number."""
    group = small["testGroups"][0]
    assert group["function"] == "logsumexp"
    seen = 0
    for test in group["tests"]:
        row = [float.fromhex(v) for v in test["x"]]
        if test["ulp"][0] is None or max(map(abs, row)) > 1000:
            continue
        total = libmp.fzero
        for value in row:
            total = libmp.mpf_add(total, libmp.mpf_exp(libmp.from_float(value), 4000), 4000)
        assert libmp.to_float(libmp.mpf_log(total, 4000), rnd="n") == float.fromhex(test["result"][0]), test["comment"]
        seen += 1
    assert seen >= 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(version=2), "a record of version 1 is required, got 2"),
        (lambda r: r.update(schema="wycheproof"), "schema 'shiftproof-vectors'"),
        (lambda r: r["testGroups"][0]["tests"][0].update(result=["1.5"]), "testGroups/0/tests/0/result/0"),
        (lambda r: r["testGroups"][0]["tests"][0].pop("allowed"), "'allowed' is a required property"),
        (lambda r: r["testGroups"][0].update(surprise=1), "surprise"),
    ],
)
def test_a_file_against_the_schema_is_refused_with_the_place(small: dict, change, message: str) -> None:
    record = json.loads(vectors_text(small))
    change(record)
    with pytest.raises(ValueError, match=r".") as caught:
        read_vectors(vectors_text(record) if "tests" in record["testGroups"][0] else json.dumps(record))
    assert message in str(caught.value)


def tampered(record: dict) -> dict:
    """The first judged result and its enclosure moved up by 1000 ulps: consistent with itself, and false."""
    record = json.loads(json.dumps(record))
    group = record["testGroups"][0]
    test = next(t for t in group["tests"] if t.get("coq") and t["coq"][0] and t["offset"][0])
    moved = float.fromhex(test["result"][0]) + 1000 * float(_rational(test["ulp"][0]))
    test["result"][0], test["resultBits"][0] = moved.hex(), _bits(moved, FORMATS["binary64"])
    ends = [_rational(end) + 1000 * _rational(test["ulp"][0]) for end in test["enclosure"][0]]
    test["enclosure"][0] = [
        f"{'-' if e < 0 else ''}{abs(e.numerator):#x}p-{e.denominator.bit_length() - 1}" for e in ends
    ]
    (made, _) = next((m, t) for m, t in certificates(record) if m.name == f"t{test['tcId']}_0")
    test["coq"][0] = made.statement
    return record


@pytest.fixture(scope="module")
def files(small: dict, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("vectors")
    good, bad = folder / "good.json", folder / "bad.json"
    good.write_text(vectors_text(small))
    bad.write_text(vectors_text(tampered(small)))
    return good, bad


def _status(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@needs("gcc")
def test_the_checker_in_c_passes_the_sound_kernel_and_fails_the_naive_one_and_a_tampered_vector(
    files, tmp_path
) -> None:
    for flags, name in (((), "sound"), (("-DNAIVE",), "naive")):
        made = _status("gcc", "-O2", "-Wall", "-Wextra", "-Werror", *flags, str(EXAMPLES / "check_vectors.c"), "-o",
                       str(tmp_path / name), "-lm")  # fmt: skip
        assert made == (0, "")
    _three_ways((str(tmp_path / "sound"),), (str(tmp_path / "naive"),), files)


@needs("node")
def test_the_checker_in_javascript_says_the_same(files) -> None:
    script = ("node", str(EXAMPLES / "check_vectors.js"))
    _three_ways(script, script, files, "naive")


def _three_ways(sound: tuple[str, ...], naive: tuple[str, ...], files: tuple[Path, Path], *word: str) -> None:
    good, bad = map(str, files)
    status, said = _status(*sound, good)
    assert (status, said.count("FAILED")) == (0, 0), said
    judged = int(said.split()[0])
    assert judged > 150
    status, said = _status(*sound, bad)
    assert (status, said.count("FAILED")) == (1, 1), said
    status, said = _status(*naive, good, *word)
    assert status == 1
    assert said.count("FAILED") > 10
    assert int(said.splitlines()[-1].split()[0]) == judged


class TestCertificates:
    """What Coq is asked, and that it says no."""

    def test_a_statement_is_of_its_numbers_alone(self) -> None:
        made = enclosure("a", "logsumexp", (Fraction(0), Fraction(0)), 0, Fraction(1, 2), Fraction(3, 4))
        assert made.statement == "IZR (1) * powerRZ 2 (-1) <= IZR (0) + ln (1 + 1) <= IZR (3) * powerRZ 2 (-2)"

    def test_every_row_of_at_most_eight_finite_entries_has_one_for_each_result(self, small: dict) -> None:
        for group, test, place in results(small):
            finite = all(np.isfinite(float.fromhex(v)) for v in test["x"])
            certified = test.get("coq", [None] * 99)[place] is not None
            assert certified == (finite and len(test["x"]) <= 8 and test["ulp"][place] is not None), group["function"]

    def test_a_statement_of_the_files_own_is_refused_before_coq_is_asked(self, small: dict) -> None:
        record = json.loads(json.dumps(small))
        test = next(t for t in record["testGroups"][0]["tests"] if t.get("coq"))
        test["coq"][0] = "0 <= 1 <= 2"
        assert [told for _, told in certificates(record) if told] == ["the statement is not that of its numbers"]
        assert [told for _, told in certificates(small) if told] == []

    @needs("coqc")
    def test_coq_proves_those_of_every_core_function_and_refuses_false_ones_by_name(self) -> None:
        row = tuple(map(Fraction, (0.0, -1.5, -1e300)))
        good, bad = [], []
        for core in ("logsumexp", "softmax", "log_softmax", "cross_entropy_gradient", "softmax_gradient"):
            for column in range(1 if core == "logsumexp" else 3):
                value = _core_value(core, column)
                lo, hi = sorted((value * (1 - Fraction(2) ** -40), value * (1 + Fraction(2) ** -40)))
                hi += Fraction(2) ** -1074 * (value == 0)
                good.append(enclosure(f"good_{core}_{column}", core, row, column, lo, hi))
            bad.append(enclosure(f"bad_{core}", core, row, column, hi + Fraction(2) ** -45, hi + 1))
        report = check_certificates([*good, *bad])
        assert {e.name for e in report.entries if e.state is CoqState.ACCEPTED} == {c.name for c in good}

    @needs("coqc")
    def test_the_command_proves_a_file_and_refuses_a_tampered_one_by_its_number(self, files, capsys) -> None:
        one = vectors_record(("logaddexp",), ("binary16",))
        files[0].with_name("one.json").write_text(vectors_text(one))
        with pytest.raises(SystemExit) as ended:
            main(["vectors", "--check", str(files[0].with_name("one.json")), "--coq"])
        said = capsys.readouterr().err
        assert ended.value.code == 0, said
        assert "NOT PROVEN" not in said
        with pytest.raises(SystemExit) as ended:
            main(["vectors", "--check", str(files[1]), "--coq"])
        said = capsys.readouterr().err
        assert ended.value.code == 1
        assert said.count("NOT PROVEN") == 1
        assert "tcId 1, result 0: NOT PROVEN: No applicable tactic." in said

    def test_without_coq_the_certificates_are_skipped_and_the_status_says_so(self, files, capsys, monkeypatch) -> None:
        monkeypatch.setattr("shiftproof.proofs.coq_certificates.find_coqc", lambda: None)
        assert check_certificates([Certificate("a", "0 <= 1", 10)]).entries[0].state is CoqState.SKIPPED
        with pytest.raises(SystemExit) as ended:
            main(["vectors", "--check", str(files[0]), "--coq"])
        assert ended.value.code == 3
        assert "coqc is not installed" in capsys.readouterr().err


def _core_value(core: str, column: int) -> Fraction:
    """To about 60 digits, of the row (0, -1.5, -1e300)."""
    w = [libmp.fone, libmp.mpf_exp(libmp.from_float(-1.5), 200), libmp.fzero]
    whole = libmp.mpf_add(w[0], w[1], 200)
    tail = libmp.mpf_log(whole, 200)
    g = [_fraction(libmp.mpf_div(v, whole, 200)) for v in w]
    if core == "logsumexp":
        return _fraction(tail)
    if core == "log_softmax":
        return Fraction((0.0, -1.5, -1e300)[column]) - _fraction(tail)
    if core == "softmax":
        return g[column]
    less = [g[0] - 1, *g[1:]][column]
    return less if core == "cross_entropy_gradient" else g[0] * less


def _fraction(value: tuple) -> Fraction:
    sign, man, exp, _ = value
    return (-1) ** sign * int(man) * Fraction(2) ** exp


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--function", "softmin"], "unknown function 'softmin'"),
        (["--format", "binary8"], "unknown format 'binary8'"),
        (["--check", "x.json", "--function", "softmax"], "--check reads a file and makes none"),
        (["--check", "no-such-file.json"], "a file that can be read is required"),
        (["--out", "no-such-folder/v.json"], "--out no-such-folder/v.json: a file in an existing folder"),
        (["--cases", "0"], "0 is not in the range"),
    ],
)
def test_unusable_arguments_are_refused_in_a_line(
    arguments: list[str], message: str, capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["vectors", *arguments])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in said
    assert len(said.splitlines()) == 1
