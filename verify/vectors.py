"""Portable test vectors: exact answers as JSON that any language can be held to, in the spirit of Wycheproof.

Each vector is one row: its entries, the correctly rounded results, how far these lie from the exact ones, and what the
bound of each standard allows on it. `vectors.schema.json` beside this file says what a file looks like; a test is a
line, so that a checker need not parse JSON to find them. Floats are C99 hex strings and bit patterns.

|got - exact| in ulps of the exact result is |(got - result) / ulp - offset|, up to the rounding of that expression.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Certificate, algorithms_for, enclosure

from .adversaries import ADVERSARIES
from .cases import labels_of
from .formats import FORMATS, Format
from .profiles import PROFILES
from .schemas import read, schema
from .standards import Expectation, rows_of

__all__ = ["certificates", "read_vectors", "vectors_record", "vectors_text"]

_KIND, _VERSION = "shiftproof-vectors", 1
_LONGEST = 64
_CERTIFIED = 8  # entries of the longest row with a certificate
_GRID = 36  # the ends of enclosures are multiples of 2^-36 ulp
# Families that are about more than one row, or about what a number is.
_NOT_PORTABLE = ("integers", "layouts", "wild-batches", "permutations", "lengths", "crowded-tails", "summation-order")
_TRIED = 12  # cases of a family, until one is short enough

Json = dict[str, Any]


def portable_families() -> tuple[str, ...]:
    """The families that vectors are drawn from."""
    return tuple(name for name in ADVERSARIES if name not in _NOT_PORTABLE)


def vectors_record(
    functions: Sequence[str] = tuple(FUNCTIONS),
    formats: Sequence[str] = tuple(FORMATS),
    cases: int = 1,
    seed: int = 0,
) -> Json:
    """Vectors of every function in every format: the first row of `cases` cases of each family, of at most 64 entries.

    Raises KeyError for unknown names, RefereeDisagreement, and ValueError for fewer than one case.
    """
    if cases < 1:
        raise ValueError(f"at least one case of each family is required, got {cases}")
    groups, number = [], 0
    for function in functions:
        for name in formats:
            tests = list(_tests(function, FORMATS[name], cases, seed, number))
            number += len(tests)
            standards = [a.name for a in algorithms_for(function) if a.ladder]
            groups.append(
                {
                    "function": function,
                    "formula": FUNCTIONS[function].formula,
                    "arguments": FUNCTIONS[function].entry,
                    "format": name,
                    "standards": standards,
                    "tests": tests,
                }
            )
    return {
        "schema": _KIND,
        "version": _VERSION,
        "seed": seed,
        "numberOfTests": number,
        "profile": {"name": "strict", "description": PROFILES["strict"]},
        "notes": {
            name: {"bugType": _bug(name), "description": ADVERSARIES[name].hunts, "effect": _EFFECTS[_bug(name)]}
            for name in portable_families()
        },
        "testGroups": groups,
    }


_EFFECTS = {
    "DIGITS": "digits are lost: training and evaluation drift, and small probabilities vanish",
    "RANGE": "infinities, NaN or zeros where a number is owed: a loss that is NaN stops training",
    "SPECIAL": "infinities and NaN are lost or made up: masks and missing values do not survive",
}
_RANGE = ("overflow", "underflow", "huge", "magnitudes", "deep-negative", "subnormal")


def _bug(family: str) -> str:
    if family in ("specials", "signed-zeros"):
        return "SPECIAL"
    return "RANGE" if family.startswith(_RANGE) else "DIGITS"


def vectors_text(record: Json) -> str:
    """The vectors as they are written to a file: a line for each test."""
    head = {key: value for key, value in record.items() if key != "testGroups"}
    lines = [json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "testGroups": [']
    for k, group in enumerate(record["testGroups"]):
        about = {key: value for key, value in group.items() if key != "tests"}
        lines.append(f"  {json.dumps(about)[:-1]}, " + '"tests": [')
        tests = [f"   {json.dumps(test)}" for test in group["tests"]]
        lines += [f"{line}," for line in tests[:-1]] + tests[-1:]
        lines.append("  ]}" + ("," if k + 1 < len(record["testGroups"]) else ""))
    return "\n".join(lines) + "\n ]\n}\n"


def read_vectors(text: str) -> Json:
    """The vectors in a file's text. Raises ValueError, with the place, for anything else."""
    return read(text, _KIND, _VERSION, schema("vectors"), "vectors --out")


def _tests(function: str, fmt: Format, cases: int, seed: int, number: int) -> Iterator[Json]:
    for family in portable_families():
        made = 0
        for index in range(cases * _TRIED):
            case = ADVERSARIES[family].case(index, function, fmt, seed)
            if made == cases or case.x.shape[1] > _LONGEST:
                continue
            made += 1
            number += 1
            row = case.x[:1].astype(np.float64)
            yield {
                "tcId": number,
                "comment": f"{case.name}, first row",
                "flags": [family],
                **_vector(function, fmt, row[:, :1] if FUNCTIONS[function].entry == "element" else row),
            }


def _vector(function: str, fmt: Format, x: NDArray[np.float64]) -> Json:
    """One row (1, n), judged by the referees."""
    entry = FUNCTIONS[function].entry
    expected = Expectation([x], function, fmt)
    made: Json = {"x": [_hex(v) for v in x[0]], "xBits": [_bits(v, fmt) for v in x[0]]}
    if entry == "label":
        made["label"] = int(labels_of(x)[0])
    results = [_result(expected, place, fmt) for place in range(len(expected.case))]
    made["result"] = [_hex(r[0]) for r in results]
    made["resultBits"] = [_bits(r[0], fmt) for r in results]
    made["ulp"] = [r[1] for r in results]
    made["offset"] = [r[2] for r in results]
    made["enclosure"] = [r[3] for r in results]
    made["allowed"] = {a.name: _allowed(expected, a.name) for a in algorithms_for(function) if a.ladder}
    statements = [_statement(expected, place, r[3]) for place, r in enumerate(results)]
    if any(statements):
        made["coq"] = statements
    return made


def _allowed(expected: Expectation, standard: str) -> list[str | None]:
    """What the bound allows for each result in ulps, rounded up; None where it is out of scope or nothing is judged."""
    allowed = expected.allowed(standard)
    usable = expected.judged & allowed.in_scope & np.isfinite(allowed.bound.hi)
    return [_hex(hi) if ok else None for hi, ok in zip(allowed.bound.hi.tolist(), usable, strict=True)]


def _result(expected: Expectation, place: int, fmt: Format) -> tuple[float, str | None, str | None, list[str] | None]:
    """The correctly rounded result, ulp(exact), (exact - result) / ulp, and the enclosure, as hex strings."""
    if not expected.judged[place]:
        return float(expected.fixed[place]), None, None, None
    lo, hi = expected.enclosed(place)
    exponent = int(expected.reference.exponent[place])
    ulp, sign = Fraction(2) ** exponent, Fraction(int(expected.sign))
    whole = _nearest_integer(lo, hi)
    result = whole * ulp * sign
    value = float(result) if abs(result) <= Fraction(fmt.largest) else math.copysign(math.inf, float(whole * sign))
    offset = float(((lo + hi) / 2 - whole) * sign)
    grid = 2**_GRID
    ends = sorted(Fraction(end, grid) * sign for end in (math.floor(lo * grid), math.ceil(hi * grid)))
    if math.isinf(value):
        return value, _hex_exact(ulp), None, [_hex_exact(end * ulp) for end in ends]
    return value + 0.0, _hex_exact(ulp), _hex(offset), [_hex_exact(end * ulp) for end in ends]


def _nearest_integer(lo: Fraction, hi: Fraction) -> int:
    """The integer nearest to every number strictly between lo and hi, or to lo = hi, ties to even.

    Only exact results lie on ties (see `references`), so that an end of the enclosure may.
    """
    if lo == hi:
        return round(lo)
    below, above = math.floor(lo + Fraction(1, 2)), math.ceil(hi - Fraction(1, 2))
    if below != above:
        raise ArithmeticError(f"an enclosure that decides its rounding is required, got [{lo}, {hi}]")
    return below


def _statement(expected: Expectation, place: int, ends: list[str] | None) -> str | None:
    """What Coq is asked about one result; None for long rows, special values and infinite ends."""
    row = expected.rows[int(expected.row[place])]
    if ends is None or len(row) > _CERTIFIED or not np.isfinite(row).all():
        return None
    return _asked("", expected.function, row.tolist(), int(expected.column[place]), ends).statement


def _asked(name: str, function: str, row: Sequence[float], column: int, ends: Sequence[str]) -> Certificate:
    lo, hi = (_rational(end) for end in ends)
    if FUNCTIONS[function].negated:
        lo, hi = -hi, -lo
    return enclosure(name, FUNCTIONS[function].core, [Fraction(v) for v in row], column, lo, hi)


def certificates(record: Json) -> Iterator[tuple[Certificate, str]]:
    """What Coq must prove for each certified result of a file, and what is wrong with the file's own statement, or "".

    The statement is made again from the numbers of the vector: a file cannot bring one of its own.
    """
    for group in record["testGroups"]:
        function = group["function"]
        for test in group["tests"]:
            for place, claimed in enumerate(test.get("coq", ())):
                if claimed is None:
                    continue
                x = np.array([[float.fromhex(v) for v in test["x"]]])
                labels = [np.array([test["label"]])] if "label" in test else None
                expected = _layout(function, x, labels)
                row, column = expected[place]
                name = f"t{test['tcId']}_{place}"
                made = _asked(name, function, row.tolist(), column, test["enclosure"][place])
                yield made, "" if made.statement == claimed else "the statement is not that of its numbers"


def _layout(
    function: str, x: NDArray[np.float64], labels: list[NDArray[np.int64]] | None
) -> list[tuple[NDArray[np.float64], int]]:
    """The core's row and column of each result."""
    rows = rows_of(x, function, None if labels is None else labels[0])
    return [(row, int(column)) for row, wanted in rows for column in wanted]


def _hex(value: float) -> str:
    return float(value).hex() if math.isfinite(value) else repr(float(value))


def _hex_exact(value: Fraction) -> str:
    """A dyadic number as a C99 hex string of any length."""
    if value == 0:
        return "0x0p+0"
    sign, odd, exponent = "-" if value < 0 else "", abs(value.numerator), 1 - value.denominator.bit_length()
    while odd % 2 == 0:
        odd, exponent = odd // 2, exponent + 1
    return f"{sign}{odd:#x}p{exponent:+d}"


def _rational(text: str) -> Fraction:
    digits, _, exponent = text.partition("p")
    return Fraction(int(digits, 16)) * Fraction(2) ** int(exponent)


def _bits(value: float, fmt: Format) -> str:
    """The number's bit pattern in the format, in hex, most significant digit first; NaN is the quiet one."""
    if fmt.dtype is None:
        return f"0x{int(np.array(value, dtype=np.float32).view(np.uint32)) >> 16:04x}"
    array = np.array(value, dtype=fmt.dtype)
    unsigned = array.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[array.itemsize])
    return f"0x{int(unsigned):0{2 * array.itemsize}x}"
