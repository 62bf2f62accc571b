"""Tapes: a bound's formula on arrays of rows, against balls."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from shiftproof.proofs import Bound, Libm, algorithms_for, bound, bounded_error
from shiftproof.verify import FORMATS
from shiftproof.verify.balls import BallOperations, balls, working_precision
from shiftproof.verify.exact import rational_ends
from shiftproof.verify.fast import tapes
from shiftproof.verify.fast.certified import _Entries, _rows_of, _Rule
from shiftproof.verify.fast.doubled import Buffers
from shiftproof.verify.fast.tapes import tape

RNG = np.random.default_rng(3)
RELATIVE = dict.fromkeys(("y", "L", "tail", "drift", "D", "z", "g", "q", "zdrift", "rises"), 2.0 ** (-40))
BOUNDS = [
    bound(function, a.name)
    for function in ("logsumexp", "softmax", "log_softmax")
    for a in algorithms_for(function)
    if bound(function, a.name).shift == "maximum"
]


def rows(name: str, n: int) -> np.ndarray:
    fmt = FORMATS[name]
    x = RNG.normal(size=(12, n)) * np.array([1e-3, 1.0, 4.0])[np.arange(12) % 3, np.newaxis]
    x[0] = x[0, 0]
    x[1, 0] += 20
    return fmt.round(x)


def ends(of: Bound, x: np.ndarray, name: str, libm: Libm) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    with working_precision(300):
        reading = bounded_error(of, balls(x), BallOperations(), FORMATS[name].model(libm))
        return reading.error, reading.hypotheses


@pytest.mark.parametrize("libm", [Libm(), Libm(Fraction(1, 2), Fraction(1, 2), Fraction(1, 2))])
@pytest.mark.parametrize("name", ["binary64", "binary32", "binary16", "bfloat16"])
@pytest.mark.parametrize("of", BOUNDS, ids=lambda b: b.name)
def test_the_two_tapes_enclose_the_bound(of: Bound, name: str, libm: Libm) -> None:
    for n in (2, 7):
        x = rows(name, n)
        exact, hypotheses = ends(of, x, name, libm)
        holds = np.logical_and.reduce(list(hypotheses.values()))
        made, part = _rows_of(x, 1, FORMATS[name], Buffers())
        entries = _Entries(_Rule(of.function, of.algorithm, FORMATS[name], libm), x, 1, made, part)
        lower, certain, outside = (np.broadcast_to(v, exact.shape) for v in entries.allowed())
        upper, sure, _ = (np.broadcast_to(v, exact.shape) for v in entries.allowed(upper=True))
        for r in range(len(x)):
            assert not certain[r].any() or holds[r]
            assert not outside[r].any() or not holds[r]
            for value, lo, hi, known in zip(exact[r], lower[r], upper[r], certain[r] & sure[r], strict=True):
                if known:
                    least, most = rational_ends(value)
                    assert Fraction(float(lo)) <= least
                    assert most <= Fraction(float(hi))
                    assert lo >= float(least) * (1 - 2.0**-15), "the tape loses next to nothing"


def test_most_rows_are_certain() -> None:
    x = FORMATS["binary64"].round(RNG.normal(size=(1000, 10)))
    for of in BOUNDS:
        made, part = _rows_of(x, 1, FORMATS["binary64"], Buffers())
        entries = _Entries(_Rule(of.function, of.algorithm, FORMATS["binary64"], Libm()), x, 1, made, part)
        assert np.mean(entries.allowed()[1]) > 0.99, of.name


@pytest.mark.parametrize(("function", "name"), [("logsumexp", "naive"), ("logsumexp", "chained")])
def test_a_bound_with_signed_quantities_is_refused(function: str, name: str) -> None:
    with pytest.raises(ValueError, match="its quantities have signs"):
        tape(bound(function, name), 5, FORMATS["binary64"].model(), RELATIVE)


def test_a_model_that_flushes_is_refused() -> None:
    with pytest.raises(ValueError, match="gradual underflow only"):
        tape(bound("logsumexp", "shifted"), 5, FORMATS["binary64"].model(flush=True), RELATIVE)


def test_what_underflows_takes_no_step_of_the_lower_tape() -> None:
    of, model = bound("logsumexp", "shifted"), FORMATS["binary64"].model()
    lower, upper = (tape(of, 10, model, RELATIVE, upper=side) for side in (False, True))
    assert len(lower._steps) < len(upper._steps)


def test_errors_of_quantities_widen_the_tape() -> None:
    of, model = bound("softmax", "shifted"), FORMATS["binary64"].model()
    narrow, wide = (tape(of, 10, model, dict.fromkeys(RELATIVE, d)).relative for d in (2.0**-45, 2.0**-30))
    assert narrow < 2.0**-34
    assert wide > 2.0**-30
    with pytest.raises(ValueError, match="loses too many digits"):
        tape(of, 10, model, dict.fromkeys(RELATIVE, 2.0**-8))


def test_a_difference_is_only_taken_from_what_is_twice_as_large() -> None:
    of, model = bound("logsumexp", "shifted"), FORMATS["binary16"].model()
    made = tape(of, 900, model, RELATIVE)
    some = {name: np.array([1.0, 1.0]) for name in made.leaves} | {"tail": np.array([0.9, 0.9])}
    value, certain, _ = made.run(some | {"drift": np.array([0.0, 0.3])})
    assert certain.tolist() == [True, False]
    assert np.isfinite(value[0])


def test_constants_too_small_for_a_relative_error_are_nothing_below_and_something_above() -> None:
    recorder = tapes._Recorder(3, upper=False)
    assert recorder.values[recorder.constant(Fraction(1, 2**1074)).place] == 0.0
    recorder = tapes._Recorder(3, upper=True)
    assert recorder.values[recorder.constant(Fraction(1, 2**1074)).place] == 2.0**-960
