"""Every input of a format: what is proved, what is found, and how a run goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shiftproof.proofs import Libm
from shiftproof.verify import FORMATS, Kernel, KernelError, Outcome, assess, exhaust, exhaustive, kernel_named
from shiftproof.verify.exhaustive import inputs_of_format

B16 = FORMATS["binary16"]
SIGMOID = kernel_named("sigmoid.shifted")


def worker(kernel: Kernel, fmt: str = "binary16", standard: str = "shifted") -> exhaustive._Worker:
    return exhaustive._Worker(exhaustive._checked(exhaustive._Plan(kernel, FORMATS[fmt], standard, Libm(), 60.0)))


def test_the_numbers_of_a_format_are_all_there_once() -> None:
    half = inputs_of_format(B16, 0, 1 << 16)
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    assert len(half) == 2 * (1024 * 31) + 2 + 1
    assert np.isnan(half).sum() == 1
    finite = every[np.isfinite(every)]
    assert (np.sort(half[np.isfinite(half)]) == np.sort(finite)).all()
    assert set(half[np.isinf(half)]) == {np.inf, -np.inf}
    brain = inputs_of_format(FORMATS["bfloat16"], 0, 1 << 16)
    assert len(brain) == 2 * (128 * 255) + 2 + 1
    assert (FORMATS["bfloat16"].round(brain[np.isfinite(brain)]) == brain[np.isfinite(brain)]).all()
    single = inputs_of_format(FORMATS["binary32"], 0x3F800000, 0x3F800003)
    assert single.tolist() == [1.0, 1.0 + 2.0**-23, 1.0 + 2.0**-22]
    assert len(inputs_of_format(FORMATS["binary32"], 0x7F800000, 0x80000000)) == 2


def test_a_sound_kernel_is_proved_on_every_number() -> None:
    seen: list[tuple[int, int]] = []
    found = exhaust(SIGMOID, B16, "shifted", progress=lambda done, of: seen.append((done, of)))
    assert found.outcome is Outcome.WITHIN
    assert found.inputs == found.counts[Outcome.WITHIN] == 63491
    assert found.rejudged >= 1
    assert found.largest is not None
    assert 1 < found.largest.error_ulp[0] < 3
    assert seen[-1][0] == seen[-1][1]


def wrong_at_one_number(x: np.ndarray) -> np.ndarray:
    out = 1 / (1 + np.exp(-x.astype(np.float64)))
    out[x == np.float16(-3.140625)] *= 1.01
    return out.astype(x.dtype)


def test_one_wrong_number_among_all_is_found() -> None:
    with np.errstate(all="ignore"):
        found = exhaust(Kernel("one", "sigmoid", wrong_at_one_number), B16, "shifted")
    assert found.outcome is Outcome.EXCEEDS
    assert found.counts[Outcome.EXCEEDS] == 1
    assert found.first is not None
    assert found.first.x == ((-3.140625).hex(),)


def lopsided(x: np.ndarray) -> np.ndarray:
    """Right, but for pairs whose first entry is 2 and whose second is smaller."""
    y = x.astype(np.float64)
    top = y.max(axis=-1)
    with np.errstate(all="ignore"):
        out = np.where(np.isfinite(top), top + np.log1p(np.exp(y.min(axis=-1) - top)), top)
    out = np.where(np.isnan(y).any(axis=-1), np.nan, out)
    return np.where((y[:, 0] == 2.0) & (y[:, 1] == 1.5), 2.0, out).astype(x.dtype)


def shard_with(numbers: np.ndarray, value: float, made: exhaustive._Worker) -> int:
    return int(np.flatnonzero(numbers == value)[0]) // made.plan.rows_of_first


def test_a_pair_and_its_mirror_image_are_both_judged_if_they_differ() -> None:
    made = worker(Kernel("lopsided", "logsumexp", lopsided), standard="shifted")
    try:
        line = made.shard(shard_with(made.plan.numbers(), 1.5, made))
    finally:
        made.host.close()
    assert line["counts"]["EXCEEDS"] == 1
    assert line["first"]["x"] == ((2.0).hex(), (1.5).hex())
    assert sum(line["counts"].values()) == line["inputs"]
    assert line["mirrored"] < line["inputs"] / 2


@pytest.mark.parametrize("kernel", ["logsumexp.shifted-log1p", "softmax.shifted", "logaddexp.shifted-log1p"])
def test_pairs_are_judged_as_one_by_one(kernel: str) -> None:
    chosen = kernel_named(kernel)
    made = worker(chosen, standard=chosen.claim or "shifted")
    try:
        plan = made.plan
        assert plan.shards() == -(-63491 // 8)
        line = made.shard(plan.shards() - 3)
        numbers = plan.numbers()
        first = (plan.shards() - 3) * plan.rows_of_first
        pairs = [
            (a, b)
            for k in range(first, first + plan.rows_of_first)
            for a, b in [(numbers[k], v) for v in numbers[k:]] + [(v, numbers[k]) for v in numbers[k + 1 :]]
        ]
        x = np.array(pairs)
        got = made._run(x)
    finally:
        made.host.close()
    assert isinstance(got, np.ndarray)
    assert line["inputs"] == len(x)
    slow = assess(x.astype(np.float16), got.astype(np.float16), function=chosen.function, standard=plan.standard)
    assert {o.name: c for o, c in slow.counts.items()} == line["counts"]


def test_a_fault_is_told() -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        raise ValueError("no")

    found = exhaust(Kernel("broken", "softplus", broken), B16, "shifted")
    assert found.outcome is Outcome.FAULT
    assert found.first is not None
    assert "raises" in found.first.got


def test_a_journal_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    fmt = FORMATS["bfloat16"]
    whole = exhaust(SIGMOID, fmt, "shifted", path=tmp_path / "whole")
    lines = (tmp_path / "whole").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut"
    for text in (lines[0], lines[0] + lines[1][:40], "".join(lines)):
        cut.write_text(text)
        assert exhaust(SIGMOID, fmt, "shifted", path=cut, resume=True) == whole
        assert cut.read_text() == "".join(lines)
    with pytest.raises(ValueError, match="--resume goes on with it"):
        exhaust(SIGMOID, fmt, "shifted", path=cut)
    with pytest.raises(ValueError, match="begun with standard 'shifted', and 'faithful' is asked for"):
        exhaust(SIGMOID, fmt, "faithful", path=cut, resume=True)


@pytest.mark.parametrize("text", ["{}\n", "nonsense\n", "[1]\n", '{"schema": "other"}\n', "\n"])
def test_another_file_is_no_journal(tmp_path: Path, text: str) -> None:
    (tmp_path / "j").write_text(text)
    with pytest.raises(ValueError, match="a journal of `shiftproof exhaust` is required"):
        exhaust(SIGMOID, B16, "shifted", path=tmp_path / "j", resume=True)


def test_a_line_of_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    exhaust(SIGMOID, B16, "shifted", path=tmp_path / "j")
    head, line = (json.loads(text) for text in (tmp_path / "j").read_text().splitlines()[:2])
    for bad in (line | {"shard": 99}, line | {"counts": {}}, {}, 3):
        (tmp_path / "j").write_text(json.dumps(head) + "\n" + json.dumps(bad) + "\n")
        with pytest.raises(ValueError, match="a journal of `shiftproof exhaust` is required"):
            exhaust(SIGMOID, B16, "shifted", path=tmp_path / "j", resume=True)


@pytest.mark.parametrize(
    ("kernel", "fmt", "message"),
    [
        ("sigmoid.shifted", "binary64", "a format of at most 32 bits is required for sigmoid: there are 2.64 numbers"),
        ("softmax.shifted", "binary32", "at most 16 bits is required for softmax: there are 2.64 pairs of numbers"),
        ("cross_entropy_gradient.shifted", "binary16", "a function of two entries or of one number is required"),
    ],
)
def test_too_many_inputs_are_refused(kernel: str, fmt: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        exhaust(kernel_named(kernel), FORMATS[fmt], "shifted")


def test_an_unknown_standard_is_refused() -> None:
    with pytest.raises(KernelError, match=r"sigmoid .* has no standard 'best'"):
        exhaust(SIGMOID, B16, "best")


def test_jobs_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustive, "_ROWS", 1 << 14)
    one, two = (exhaust(SIGMOID, B16, "shifted", jobs=jobs) for jobs in (1, 2))
    assert replace(one, rejudged=0) == replace(two, rejudged=0)
    assert one.counts == {o: 63491 if o is Outcome.WITHIN else 0 for o in Outcome}
