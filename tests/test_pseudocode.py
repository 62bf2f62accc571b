"""Pseudo-code is the algorithm: read back as a program and run, it gives the same floats."""

from __future__ import annotations

import re

import numpy as np
import pytest

from shiftproof.proofs import ALGORITHMS, Algorithm, pseudocode
from shiftproof.verify import FORMATS
from shiftproof.verify.floats import FloatOperations

OPERATIONS = FloatOperations(FORMATS["binary64"])
ROWS = np.random.default_rng(5).normal(size=(200, 7)) * 9
ROWS[::3, 4] = ROWS[::3, 1]

_ORDER = {"": "any", ", summed by halving": "pairwise", ", compensated": "compensated"}
_NAMES = {"exp": OPERATIONS.exp, "log": OPERATIONS.log, "log1p": OPERATIONS.log1p, "max": np.maximum, "min": np.minimum}


def _value(formula: str, known: dict, column: int | None):
    """A formula of the pseudo-code: x_1 and x_j in a loop are columns, names with an index are vectors."""
    formula = formula.replace("x_1", "x[:, :1]").replace("d'", "d2").replace("m'", "m2")
    if column is not None:
        formula = formula.replace("x_j", f"x[:, {column}:{column + 1}]")
    formula = re.sub(r"\b([a-z])_[ij]\b", r"\1", formula)
    return eval(formula, {"__builtins__": {}}, {**_NAMES, **known})


def _assign(line: str, known: dict, column: int | None) -> None:
    name, _, formula = line.partition(" <- ")
    order = next(tail for tail in sorted(_ORDER, key=len, reverse=True) if formula.endswith(tail))
    formula = formula.removesuffix(order)
    if formula == "max_i x_i":
        known[name] = OPERATIONS.max(known["x"])
    elif formula == "argmax_i x_i":
        known[name] = None
    elif formula.startswith("sum_"):
        everything = formula.startswith("sum_i ")
        inner = formula.removeprefix("sum_i " if everything else "sum_{i != k} ")
        seen = known if everything else {**known, "x": OPERATIONS.drop_max(known["x"])}
        known[name] = OPERATIONS.sum(_value(inner, seen, column), _ORDER[order])
    else:
        known[name.removesuffix("_i")] = _value(formula, known, column)


def run(lines: list[tuple[int, str]], x: np.ndarray) -> np.ndarray:
    known: dict = {"x": x}
    texts = [text for _, text in lines]
    depths = [depth for depth, _ in lines]
    at = 0
    while at < len(texts):
        text = texts[at]
        if text == "for j = 2, ..., n do":
            end = next(k for k in range(at + 1, len(texts)) if depths[k] <= depths[at])
            for column in range(1, x.shape[1]):
                for line in texts[at + 1 : end]:
                    _assign(line, known, column)
            at = end
        elif text == "for i = 1, ..., n do":
            at += 1
        elif text == "while more than one pair is left do":
            known["m"], known["d"] = known["m"], np.broadcast_to(np.float64(known["d"]), x.shape)
            _merge(texts[at + 2 : at + 4], known)
            at += 5
            assert texts[at - 1] == "let (m, d) be the pair that is left"
        elif text.startswith("return "):
            return _value(text.removeprefix("return ").removesuffix(", j = 1, ..., n"), known, None)
        else:
            _assign(text, known, None)
            at += 1
    raise AssertionError("nothing is returned")


def _merge(lines: list[str], known: dict) -> None:
    pairs = [(known["m"][:, k : k + 1], known["d"][:, k : k + 1]) for k in range(known["m"].shape[1])]
    while len(pairs) > 1:
        met = []
        for (m, d), (m2, d2) in zip(pairs[::2], pairs[1::2], strict=False):
            here = {"m": m, "d": d, "m2": m2, "d2": d2}
            _assign(lines[0], here, None)
            met.append(_value(lines[1].removeprefix("merge them into "), here, None))
        pairs = met + pairs[2 * len(met) :]
    ((known["m"], known["d"]),) = pairs


def told(algorithm: Algorithm) -> list[tuple[int, str]]:
    return [(line.depth, line.text) for line in pseudocode(algorithm)]


def same(algorithm: Algorithm, lines: list[tuple[int, str]]) -> bool:
    with np.errstate(all="ignore"):
        return np.array_equal(run(lines, ROWS), algorithm.run(OPERATIONS, ROWS), equal_nan=True)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: f"{a.function}.{a.name}")
def test_the_pseudocode_run_as_a_program_is_the_algorithm_to_the_last_bit(algorithm):
    assert same(algorithm, told(algorithm))


@pytest.mark.parametrize(
    ("name", "written", "misread"),
    [
        ("logsumexp.shifted", "x_i - a", "x_i + a"),
        ("logsumexp.shifted-log1p", "log1p(s)", "log(s)"),
        ("logsumexp.chained", "min(y, x_j)", "max(y, x_j)"),
        ("logsumexp.online", "d * exp(m - t)", "d"),
        ("logsumexp.merged", "d' * exp(m' - t)", "d'"),
        ("logsumexp.compensated", ", compensated", ""),
        ("log_softmax.shifted-log1p", "(x_j - a) - log1p(s)", "x_j - (a + log1p(s))"),
        ("softmax.division-free", "x_j - (a + log(s))", "(x_j - a) - log(s)"),
    ],
)
def test_a_slip_in_the_pseudocode_would_be_noticed(name, written, misread):
    algorithm = next(a for a in ALGORITHMS if f"{a.function}.{a.name}" == name)
    lines = told(algorithm)
    slipped = [(depth, text.replace(written, misread)) for depth, text in lines]
    assert slipped != lines
    assert not same(algorithm, slipped)


def test_a_variable_is_not_overwritten_before_its_last_use():
    online = next(a for a in ALGORITHMS if a.name == "online" and a.function == "logsumexp")
    lines = told(online)
    loop = [text for depth, text in lines if depth == 1]
    assert loop[-1] == "m <- t"
    swapped = [(d, {loop[1]: loop[2], loop[2]: loop[1]}.get(text, text)) for d, text in lines]
    assert not same(online, swapped)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: f"{a.function}.{a.name}")
def test_the_lines_are_balanced_latex(algorithm):
    for line in pseudocode(algorithm):
        assert line.latex.count("$") % 2 == 0
        for opened, closed in ("{}", "()"):
            assert line.latex.count(opened) == line.latex.count(closed)
        assert line.text.isascii()
