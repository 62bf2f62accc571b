"""The experiment on the digits: what overflows, and that no algorithm exceeds its bound."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

_FILE = Path(__file__).resolve().parent.parent / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_example", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_shift_is_what_keeps_binary16_from_overflowing_and_every_bound_holds(digits: ModuleType) -> None:
    z, accuracy = digits.logits()
    assert z.shape == (1797, 10)
    assert accuracy > 0.9
    lines = {(name, title): line for name, title, line in digits.table(z)}
    assert len(lines) == 12
    for line in lines.values():
        assert 0 < line.ratio <= 1
        assert line.error <= line.bound
    for title in ("basic LSE", "basic softmax"):
        assert lines["binary16", title].overflows > 0
        assert lines["binary16", title].judged + lines["binary16", title].overflows <= len(z)
        assert lines["bfloat16", title].overflows == 0
    for name in ("binary16", "bfloat16"):
        for title in ("shifted LSE", "shifted softmax", "division-free, shifted"):
            assert (lines[name, title].overflows, lines[name, title].judged) == (0, len(z))


def test_the_experiment_can_see_a_violation(digits: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    fmt = digits.FORMATS["bfloat16"]
    x = fmt.round(np.random.default_rng(0).normal(size=(50, 10)) * 3)
    assert digits.judged(x, fmt, "softmax", "shifted").ratio <= 1
    simulated = digits.simulate
    monkeypatch.setattr(digits, "simulate", lambda *args: fmt.round(simulated(*args) * 1.25))
    assert digits.judged(x, fmt, "softmax", "shifted").ratio > 1
