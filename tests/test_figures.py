"""Figures show the record and nothing else: the same bytes every time, whatever names and numbers it holds.

The record is that of a real campaign, small, with a kernel that exceeds its bound; tests change what they are about.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from shiftproof.reports import figures
from shiftproof.reports.drawing import INK, clipped, literal
from shiftproof.reports.numbers import number, rounded_up
from shiftproof.verify import ADVERSARIES, Kernel, Plan, kernel_named, read_record, record_of, record_text, run_campaign

pytestmark = pytest.mark.xdist_group("figures")

NAMES = ("ratio-by-gap", "ratio-by-length", "error-sizes", "class-map", "shift-cost")
FEW = tuple(ADVERSARIES[name] for name in ("scales", "gaps", "short", "lengths"))
HOSTILE = (
    "$x_{", r"\input{secret}", "<script>alert(1)</script>", "_hidden", "a" * 300, "größe 漢字 🙂", "a\nb\0", "\ud800",
    "--><svg>", "%s{0}", "",
)  # fmt: skip


def biased(x):
    """Two in 10^15 too large, but for single entries, where the bound is 0."""
    with np.errstate(all="ignore"):
        return np.logaddexp.reduce(x, axis=-1) * (1 + 2e-15 * (x.shape[-1] > 1))


@pytest.fixture(scope="module")
def text() -> str:
    kernels = (
        kernel_named("logsumexp.shifted"),
        kernel_named("softmax.shifted"),
        kernel_named("numpy.logaddexp"),
        Kernel("biased", "logsumexp", biased, "shifted"),
    )
    return record_text(record_of(run_campaign(Plan(kernels, families=FEW, cases=60))))


@pytest.fixture
def record(text):
    """A record of its own for each test, to change."""
    return read_record(text)


def drawn(record):
    """The figures by name; the record must be one that can be read."""
    return {figure.name: figure for figure in figures(read_record(json.dumps(record)))}


def only(record, *parts):
    """The record without what other figures than those of `parts` (cells, sizes, shifts) show: drawing takes time."""
    for kernel in record["kernels"]:
        for part in {"cells", "sizes"} - {*parts}:
            kernel[part] = []
    if "shifts" not in parts:
        record["measured"]["shifts"]["points"] = []
    return record


def cells(kernel):
    return [cell for cell in kernel["cells"] if cell["closest"] is not None]


_PROGRAM = """
import sys
import shiftproof.reports
assert "matplotlib" not in sys.modules
from hashlib import sha256
from shiftproof.verify import read_record
for figure in shiftproof.reports.figures(read_record(sys.stdin.read())):
    print(figure.name, sha256(figure.pdf).hexdigest(), sha256(figure.svg.encode()).hexdigest())
assert "matplotlib.pyplot" not in sys.modules
"""


def test_the_same_record_gives_the_same_bytes_in_every_process_and_matplotlib_is_imported_only_to_draw(text):
    def in_a_process(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"}
        command = [sys.executable, "-W", "error", "-c", _PROGRAM]
        done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=True)
        return done.stdout.splitlines()

    here = [
        f"{f.name} {hashlib.sha256(f.pdf).hexdigest()} {hashlib.sha256(f.svg.encode()).hexdigest()}"
        for f in figures(read_record(text))
    ]
    assert [line.split()[0] for line in here] == list(NAMES)
    assert in_a_process("1") == in_a_process("2") == here


def test_settings_of_the_user_neither_change_a_figure_nor_are_changed(record):
    only(record, "shifts")
    plain = drawn(record)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "none", "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        assert drawn(record) == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("part", ["cells", "sizes", "shifts"])
def test_the_svg_can_be_put_into_a_page(record, part):
    """Well-formed, without script, style sheet, prolog or reference to elsewhere; ids its own; ink of the page."""
    for name, figure in drawn(only(record, part)).items():
        assert figure.svg.startswith("<svg ")
        root = ET.fromstring(figure.svg)
        assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", root.attrib["viewBox"])
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "g", "path", "use", "defs", "clipPath", "rect"}
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        assert all(own.startswith(f"{name}-") for own in ids)
        references = re.findall(r"""href="([^"]*)"|url\(([^)]*)\)""", figure.svg)
        assert {href or url for href, url in references} <= {f"#{own}" for own in ids}
        assert root.attrib["aria-labelledby"] in ids
        assert root[0].text == figure.alt
        assert "currentColor" in figure.svg
        assert INK not in figure.svg
        assert figure.pdf.startswith(b"%PDF")
        assert b"CreationDate" not in figure.pdf


@pytest.mark.parametrize("names", [HOSTILE[:6], HOSTILE[6:]], ids=["first", "rest"])
def test_hostile_names_are_inert_and_literal(record, names):
    kernel = record["kernels"][0]
    record["kernels"] = [{**copy.deepcopy(kernel), "name": name} for name in names]
    renamed = dict(zip(record["standards"]["logsumexp"], HOSTILE, strict=False))
    record["standards"]["logsumexp"] = list(renamed.values())
    for kernel in record["kernels"]:
        for cell in kernel["cells"]:
            cell["rows"] = {renamed[standard]: rows for standard, rows in cell["rows"].items()}
    found = drawn(only(record, "cells", "sizes"))
    assert set(found) == set(NAMES[:4])
    for figure in found.values():
        ET.fromstring(figure.svg)
        assert "<script" not in figure.svg
        assert figure.caption.isprintable()
    assert all(literal(name) in found["class-map"].caption for name in names)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("scipy.logsumexp", "scipy.logsumexp"),
        ("$x_{", "$x_{"),
        (r"\input{secret}", r"\input{secret}"),
        ("größe", "größe"),
        ("漢🙂", r"\u6f22\U0001f642"),
        ("a\nb\0\u202e\ud800", r"a\nb\x00\u202e\ud800"),
        ("e\u0301", r"e\u0301"),
        ("a" * 20 + "b" * 280, "a" * 13 + "…" + "b" * 26),
        ("W" * 40, "W" * 6 + "…" + "W" * 13),
    ],
)
def test_text_is_shown_as_it_is_or_escaped_and_kept_short(text, shown):
    assert literal(text) == shown


@pytest.mark.parametrize("text", [*HOSTILE, "\0" * 300, "漢" * 300, "W" * 300])
def test_text_is_never_longer_than_its_limit(text):
    assert all(len(literal(text, limit)) <= limit for limit in (10, 22, 40))
    assert literal(text).isprintable()


def test_what_exceeds_is_named_with_its_largest_ratio_rounded_up(record):
    found = drawn(only(record, "cells"))
    *within, largest = (
        max(number(cell["closest"]["ratio"]) for cell in cells(kernel)) for kernel in record["kernels"]
    )  # fmt: skip
    for name in ("ratio-by-gap", "ratio-by-length"):
        assert f"biased (EXCEEDS), by a factor of up to {rounded_up(largest)}" in found[name].caption
    assert f"For the others the largest known is {rounded_up(max(within))} (" in found["ratio-by-gap"].caption


def test_a_larger_ratio_changes_the_figure_and_names_its_kernel(record):
    record["kernels"] = record["kernels"][1:2]
    before = drawn(only(record, "cells"))
    cell = cells(record["kernels"][0])[0]
    cell["closest"]["ratio"] = (5.0).hex()
    cell["rows"][record["kernels"][0]["shown"]] = {"EXCEEDS": 1}
    after = drawn(record)
    for name in ("ratio-by-gap", "ratio-by-length"):
        assert after[name].svg != before[name].svg
        assert "Above the bound, of 1 kernel: softmax.shifted" in after[name].caption
        assert "a factor of up to 5 " in after[name].caption
        assert "None is above its bound" in before[name].caption


def test_a_ratio_above_one_by_rounding_is_not_called_above_the_bound(record):
    record["kernels"] = record["kernels"][1:2]
    cell = cells(record["kernels"][0])[0]
    cell["closest"]["ratio"] = math.nextafter(1.0, 2).hex()
    cell["rows"][record["kernels"][0]["shown"]] = {"WITHIN": 1}
    assert "None is above its bound: the largest known is 1.01" in drawn(only(record, "cells"))["ratio-by-gap"].caption


@pytest.mark.parametrize("ratio", ["inf", "nan"])
def test_infinite_ratios_are_drawn_and_told(record, ratio):
    record["kernels"] = record["kernels"][1:2]
    cell = cells(record["kernels"][0])[0]
    cell["rows"][record["kernels"][0]["shown"]] = {"EXCEEDS": 1}
    found = {}
    for value in (ratio, (2.0**70).hex(), None):
        cell["closest"] = None if value is None else {"ratio": value, "gap": "0x1.0p+0", "length": 2}
        found[value] = drawn(only(record, "cells"))["ratio-by-gap"]
    marks = [len(re.findall("<use [^>]*fill: #d55e00", figure.svg)) for figure in found.values()]
    assert marks == [2, 2, 0]  # a mark and its arrow head
    assert "by an infinite factor at gap 1" in found[ratio].caption
    assert "1 above 100" in found[ratio].caption


def test_the_sizes_of_errors_are_told_by_their_largest_rounded_up(record):
    largest = max(number(kernel["largest"]["error_ulp"][1]) for kernel in record["kernels"])
    assert (
        f"The largest known error is {rounded_up(largest)} ulp" in drawn(only(record, "sizes"))["error-sizes"].caption
    )


def test_an_infinite_error_has_a_place_among_the_sizes(record):
    record["kernels"] = record["kernels"][1:2]
    before = drawn(only(record, "sizes"))["error-sizes"]
    record["kernels"][0]["largest"]["error_ulp"][1] = "inf"
    record["kernels"][0]["sizes"].append({"up_to_ulp": "inf", "results": 1})
    after = drawn(record)["error-sizes"]
    assert after.svg != before.svg
    assert after.caption.count("the largest known infinite.") == 1


def test_at_most_forty_kernels_have_a_strip_and_the_rest_is_counted(record):
    record["kernels"] = [copy.deepcopy(record["kernels"][k % 3]) for k in range(43)]
    (figure,) = drawn(only(record, "sizes")).values()
    assert "Of 40 kernels" in figure.caption
    assert "Left out: 3 kernels after the first 40." in figure.caption
    height = float(ET.fromstring(figure.svg).attrib["viewBox"].split()[3])
    assert height <= 8 * 72


def test_the_class_map_shows_the_verdicts(record):
    record["kernels"] = record["kernels"][:1]
    before = drawn(only(record, "cells"))["class-map"]
    for rows in record["kernels"][0]["cells"][0]["rows"].values():
        rows.clear()
        rows["EXCEEDS"] = 1
    after = drawn(record)["class-map"]
    assert after.svg != before.svg
    assert after.caption.endswith("No standard is kept (crosses) by logsumexp.shifted in 1 of "
                                  f"{len(record['kernels'][0]['cells'])}.")  # fmt: skip


def test_a_bin_without_a_judged_row_is_not_counted_as_kept(record):
    record["kernels"] = record["kernels"][:1]
    for rows in record["kernels"][0]["cells"][0]["rows"].values():
        rows.clear()
        rows["OUT_OF_SCOPE"] = 1
    judged = len(record["kernels"][0]["cells"]) - 1
    assert re.search(rf"in \d+ of {judged} bins", drawn(only(record, "cells"))["class-map"].caption)


def test_the_cost_of_a_shift_is_told_where_the_bound_holds_and_where_the_result_is_lost(record):
    points = record["measured"]["shifts"]["points"]
    (none,) = (point for point in points if number(point["shift"]) == 0)
    (figure,) = drawn(only(copy.deepcopy(record), "shifts")).values()
    assert f"It is {rounded_up(number(none['error_ulp'][1]))} ulp at a - max = 0;" in figure.caption
    for got in ("inf", "-inf"):
        lost = [number(point["shift"]) for point in points if point["got"] == got]
        assert f"inf for shifts from {min(lost):.4g} to {max(lost):.4g}" in figure.caption


def test_without_anything_judged_there_is_no_figure(record):
    for kernel in record["kernels"]:
        kernel["sizes"] = []
        for cell in kernel["cells"]:
            cell["closest"] = None
            cell["rows"] = {standard: {"OUT_OF_SCOPE": 1} for standard in cell["rows"]}
    record["measured"]["shifts"]["points"] = []
    assert drawn(record) == {}
    record["kernels"] = []
    assert drawn(record) == {}


_ODD = ("nan", "inf", "-inf", "0x0.0p+0", "0x0.0000000000001p-1022", "0x1.fffffffffffffp+1023", "-0x1.8p+3", "0x1.0p+0")


@pytest.mark.parametrize("seed", range(3))
def test_any_numbers_that_a_record_may_hold_can_be_drawn(record, seed):
    rng = np.random.default_rng(seed)

    def odd(value, key=""):
        if isinstance(value, dict):
            return {k: odd(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [odd(v, key) for v in value]
        if key in ("length", "length_up_to", "results") and rng.random() < 0.2:
            return int(rng.choice([1, 3, 2**62])) ** 20
        if isinstance(value, str) and re.fullmatch(r"nan|-?inf|-?0x.*", value) and rng.random() < (0.1, 0.5, 1)[seed]:
            return str(rng.choice(_ODD))
        return value

    record["kernels"], record["measured"]["shifts"] = odd(record["kernels"]), odd(record["measured"]["shifts"])
    for figure in drawn(record).values():
        ET.fromstring(figure.svg)


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.5, (1.0, -1)), (1.0, (1.0, 0)), (3.0, (3.0, 0)), (9.0, (4.0, 1)), (math.inf, (4.0, 1)), (math.nan, (4.0, 1))],
)
def test_what_is_beyond_an_axis_is_at_its_end_and_an_unknown_error_is_not_small(value, place):
    assert clipped(value, 1.0, 4.0) == place
