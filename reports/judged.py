"""The parts of a report that come from the record: what was judged, classes, findings, and what is known how.

Decimals are for people. Errors and ratios that are largest known ones, and allowed errors, are rounded up; the error of
a finding is rounded down, so that what is printed is exceeded by what was found.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from shiftproof.proofs import CATALOGUE, FUNCTIONS, bounds

from . import blocks as b
from .blocks import Block, Code, Number, Ref, Said, said
from .numbers import fraction, number, rounded_down, rounded_up, short_hex
from .selection import Finding, findings_of, missed, shown_input, verdict_word

__all__ = ["class_blocks", "cores_of", "family_blocks", "finding_blocks", "judged_blocks", "known_blocks"]

Json = dict[str, Any]

_WIDTH = 84


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _entry(*parts: b.Inline | Said, key: str | float = "") -> b.Entry:
    return b.Entry(said(*parts), key)


def _figure(value: float, text: str) -> b.Entry:
    return b.Entry((Number(text),), value)


def _total(record: Json, outcome: str) -> int:
    return sum(int(kernel["counts"][outcome]) for kernel in record["kernels"])


# What was judged.


def judged_blocks(record: Json) -> Iterator[Block]:
    """Kernels, inputs, versions and premises."""
    kernels, families = record["kernels"], record["families"]
    hostile = f"{len(families)} {'family' if len(families) == 1 else 'families'} of hostile inputs"
    only, standard = record["only_case"], record["standard"]
    inputs = f"{_count(record['cases'], 'case')} each from {hostile}" if only is None else f"case {only} of {hostile}"
    yield b.Heading(1, ("What was judged",), "sec:judged")
    yield b.Paragraph(
        said(
            f"{_count(len(kernels), 'kernel')} in {record['format']}, {inputs} (",
            Ref("tab:families"), f"), seed {record['seed']}; ",
            *(["each against its claim, if it has one,"] if standard is None else ["each against ", Code(standard)]),
            " and against every standard for its class. A case is what a kernel is given in one call. ",
            _outcomes(record),
        )
    )  # fmt: skip
    reading = "in closed form" if record["reading"] == "closed" else "for each input"
    sums = "" if record["accumulator"] is None else f" Sums are made in {record['accumulator']}."
    yield b.Paragraph(said(f"The bounds of algorithms are read {reading}.{sums}"))
    made_with = ", ".join(f"{name} {value}" for name, value in record["environment"].items())
    yield b.Paragraph((f"Judged with {made_with}.",))


def _outcomes(record: Json) -> str:
    said_so = [
        f"{_total(record, outcome):,} {word}"
        for outcome, word in (
            ("WITHIN", "are within"), ("EXCEEDS", "exceed"), ("FAULT", "are faults"),
            ("UNDECIDED", "are undecided"), ("OUT_OF_SCOPE", "are out of scope: not judged, and not passed"),
        )
        if _total(record, outcome)
    ]  # fmt: skip
    total = sum(sum(kernel["counts"].values()) for kernel in record["kernels"])
    return f"Of {_count(total, 'verdict')}, " + ", ".join(said_so) + "." if said_so else "Nothing was judged."


def family_blocks(record: Json) -> Iterator[Block]:
    """The families of inputs, with the fault that each hunts."""
    yield b.Heading(1, ("Families of inputs",), "sec:families")
    yield b.Table(
        "tab:families",
        ("The families, and the fault that each hunts.",),
        (("family", 0.3), ("hunts", 0.7)),
        tuple((_entry(Code(f["name"])), _entry(f["hunts"])) for f in record["families"]),
    )


# Classes.


def class_blocks(record: Json, pictures: Iterable[Block] = ()) -> Iterator[Block]:
    """The classes, the largest known errors, what keeps kernels from stronger classes, and the figures."""
    yield b.Heading(1, ("Classes and errors",), "sec:classes")
    yield b.Paragraph(
        said(
            "A kernel's class is the strongest standard that no judged case breaks. Under ", Code("correct"),
            " the error is at most 1/2 ulp, under ", Code("faithful"), " below 1 ulp; every other standard is the "
            "proven bound of the algorithm of that name, for the input at hand. Near a result of 0 the error in ulps "
            "of a good kernel can be huge, for the input is ill-conditioned there: error / bound, not the error in "
            "ulps, decides. ", Code("ftz"), " marks a class that is reached only if subnormals may be flushed to zero.",
        )
    )  # fmt: skip
    yield b.Table(
        "tab:classes",
        (f"Classes in {record['format']}. Errors are the largest known: lower bounds of the true ones.",),
        (("kernel", 0.5), ("class", 0.27), ("verdict", 0.23), ("judged", 0), ("out of scope", 0), ("error (ulp)", 0),
         ("error / bound", 0)),
        tuple(map(_class_row, record["kernels"])),
    )  # fmt: skip
    largest = [kernel for kernel in record["kernels"] if kernel["largest"] is not None]
    if largest:
        yield b.Table(
            "tab:largest",
            ("Where the largest known errors are: inputs if they are short, exact results rounded to binary64.",),
            (("kernel", 0.3), ("error (ulp)", 0), ("where", 0.7)),
            tuple(map(_largest_row, largest)),
        )
    yield b.Table(
        "tab:standards",
        ("The standards of each function, strongest first.",),
        (("function", 0.2), ("standards", 0.8)),
        tuple(
            (_entry(Code(function)), _entry(*_list(Code(s) for s in ladder)))
            for function, ladder in record["standards"].items()
            if any(kernel["function"] == function for kernel in record["kernels"])
        ),
    )
    yield from pictures


def _list(parts: Iterable[b.Inline]) -> Iterator[b.Inline]:
    for n, part in enumerate(parts):
        yield from ([", "] if n else [])
        yield part


def _class_row(kernel: Json) -> tuple[b.Entry, ...]:
    counts, largest, closest = kernel["counts"], kernel["largest"], kernel["closest"]
    judged = sum(counts.values()) - counts["OUT_OF_SCOPE"]
    mark = " (ftz)" if kernel["flushes_subnormals"] else ""
    error = number(largest["error_ulp"][1]) if largest else -1.0
    ratio = number(closest["ratio"]) if closest else -1.0
    return (
        _entry(Code(kernel["name"]), key=kernel["name"]),
        _entry(*([Code(kernel["class"]), mark] if kernel["class"] else ["none"]), key=kernel["class"] or ""),
        _entry(verdict_word(kernel)),
        _figure(judged, str(judged)),
        _figure(counts["OUT_OF_SCOPE"], str(counts["OUT_OF_SCOPE"])),
        _figure(error, rounded_up(error) if largest else "\u2013"),
        _figure(ratio, rounded_up(ratio) if closest else "\u2013"),
    )


def _largest_row(kernel: Json) -> tuple[b.Entry, ...]:
    verdict = kernel["largest"]
    error = number(verdict["error_ulp"][1])
    got, exact = Code(short_hex(verdict["got"])), Code(short_hex(verdict["want"]))
    return (
        _entry(Code(kernel["name"]), key=kernel["name"]),
        _figure(error, rounded_up(error)),
        _entry(Code(shown_input(verdict)), ": got ", got, ", exact ", exact),
    )


# Findings.


def finding_blocks(record: Json) -> Iterator[Block]:
    """Every finding with an input to paste, then what keeps kernels from a stronger class."""
    yield b.Heading(1, ("Findings",), "sec:findings")
    found = list(findings_of(record))
    if not found:
        yield b.Paragraph(("No fault was found, and no standard that is held to was broken.",))
    for place, finding in enumerate(found, 1):
        yield _finding(finding, f"finding:{place}", finding.outcome.replace("_", " "))
    misses = list(missed(record))
    if misses:
        yield b.Heading(2, ("Why no stronger class",), "sec:misses")
    for place, miss in enumerate(misses, len(found) + 1):
        yield _finding(miss, f"finding:{place}", "misses")


def _finding(f: Finding, label: str, verb: str) -> Block:
    cases = "" if f.count is None else f" ({_count(f.count, 'case')})"
    return b.Statement(label, said(Code(f.kernel), f" {verb} ", Code(f.what), cases), tuple(_told(f)))


def _told(f: Finding) -> Iterator[Block]:
    verdict = f.verdict
    if f.outcome in ("EXCEEDS", "UNDECIDED", "WITHIN"):
        error, allowed = number(verdict["error_ulp"][0]), number(verdict["allowed_ulp"][1])
        why = f" ({f.why})" if f.why else ""
        yield b.Paragraph(
            said("Error at least ", Number(rounded_down(error)), " ulp, allowed at most ", Number(rounded_up(allowed)),
                 f" ulp{why}.")
        )  # fmt: skip
    elif f.why:
        yield b.Paragraph((f"Seen: {f.why}.",))
    yield b.Listing(tuple(_pasted(verdict)))


def _pasted(verdict: Json) -> Iterator[str]:
    """The input as Python, what was got and what is exact, and the command that replays it."""
    if verdict["x"] is None:
        yield f"# {verdict['case']}: {verdict['length']} entries, made by the command below"
    else:
        lines = textwrap.wrap(" ".join(map(short_hex, verdict["x"])), _WIDTH)
        if len(lines) < 2:
            yield f'x = [float.fromhex(h) for h in "{"".join(lines)}".split()]'
        else:
            yield 'x = [float.fromhex(h) for h in """'
            yield from lines
            yield '""".split()]'
    if verdict["outcome"] != "OUT_OF_SCOPE":
        place = f" in place {verdict['place']}" if verdict["place"] else ""
        yield f"# got {short_hex(verdict['got'])}{place}, exact {short_hex(verdict['want'])}"
    yield from _wrapped(verdict["replay"])


def _wrapped(command: str) -> Iterator[str]:
    """The command on lines that a shell joins again; as it is if no shell would take it."""
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        words = [command]
    line = ""
    for word in words:
        if line and len(line) + len(word) + 3 > _WIDTH:
            yield line + " \\"
            line = "  "
        line += (" " if line.strip() else "") + word
    yield line


# Proved, assumed, measured.


def known_blocks(record: Json) -> Iterator[Block]:
    """Three lists: what is proved, what it assumes, and what was measured."""
    yield b.Heading(1, ("Proved, assumed, measured",), "sec:known")
    yield b.Heading(2, ("Proved",))
    yield b.Bullets(tuple(_proved(record)))
    yield b.Heading(2, ("Assumed",))
    yield b.Bullets(tuple(_assumed(record)))
    yield b.Heading(2, ("Measured",))
    yield b.Bullets(tuple(_measured(record)))


def _proved(record: Json) -> Iterator[Said]:
    within, exceeds = _total(record, "WITHIN"), _total(record, "EXCEEDS")
    if within:
        yield said(f"For each of {_count(within, 'case')} the error is at most what is allowed for it; both are "
                   "enclosed from both sides, and the enclosures do not overlap.")  # fmt: skip
    if exceeds:
        yield said(f"{_count(exceeds, 'case')} break what they are held to, in the same way.")
    yield said(f"{len(CATALOGUE)} identities and inequalities (", Ref("sec:identities"), "), every step checked.")
    in_coq = [of for of in bounds() if of.in_coq]
    yield said(f"{len(in_coq)} of {len(bounds())} rounding bounds in closed form (", Ref("sec:bounds"), "), in Coq: ",
               Code("shiftproof prove --coq"), " has it check them.")  # fmt: skip
    on_paper = [of.name for of in bounds() if not of.in_coq]
    if on_paper:
        yield said("On paper: ", *_list(map(Code, on_paper)), ".")
    if record["accumulator"] is not None:
        yield said("On paper: the same bounds where sums are made in another format; the change of format is in Coq.")


def _assumed(record: Json) -> Iterator[Said]:
    premised = record["assumed"]["libm_ulp"]
    told = ", ".join(f"{name} by at most {ulps} ulp" for name, ulps in premised.items())
    yield said(f"In the bounds of algorithms, the elementary functions err: {told}; they are exact at 0 and 1.")
    yield said(record["assumed"]["arithmetic"], ".")
    yield said(record["assumed"]["mpmath"], ". It is the second referee and never used alone: Arb ",
               b.Cite("johansson2017"), " must agree.")  # fmt: skip
    yield said("The rounding model is that of ", b.Cite("muller2018"), "; an ulp is taken at the exact result.")


def _measured(record: Json) -> Iterator[Said]:
    premised = record["assumed"]["libm_ulp"]
    for p in record["measured"]["numpy"]:
        error = number(p["largest_known_ulp"])
        broken = error > fraction(premised.get(p["function"], "0"))
        yield said(
            f"NumPy's {record['format']} {p['function']} errs by ", Number(rounded_up(error)), " ulp at ",
            Code(short_hex(p["argument"])), ", the largest known error",
            ": more than the premise, which a kernel that calls it does not keep." if broken else ".",
        )  # fmt: skip
    flushes = record["measured"]["flushes_subnormals"]
    yield said(f"The process that judged {'flushes' if flushes else 'does not flush'} subnormals to zero.")
    yield said(
        "The errors of ", Ref("tab:classes"), ": the largest known of each kernel, lower bounds of the true ones."
    )
    unstable = [kernel for kernel in record["kernels"] if kernel["unstable"]]
    if unstable:
        cases = _count(sum(kernel["unstable"] for kernel in unstable), "case")
        yield said(f"{cases} gave results that differ in layout or repetition: ",
                   *_list(Code(kernel["name"]) for kernel in unstable), ". Each result keeps its verdict.")  # fmt: skip
    shifts = record["measured"]["shifts"]["points"]
    if shifts:
        yield said(f"What a shift costs, at {_count(len(shifts), 'shift')}.")


def cores_of(record: Json) -> tuple[str, ...]:
    """The core functions behind what was judged."""
    present = {FUNCTIONS[kernel["function"]].core for kernel in record["kernels"]}
    return tuple(core for core in dict.fromkeys(f.core for f in FUNCTIONS.values()) if core in present)
