"""A record that is read back is whole: what is cut off, of another version, hostile or against the schema is named."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from shiftproof.verify import (
    ADVERSARIES,
    Outcome,
    Plan,
    kernel_named,
    read_record,
    record_of,
    record_text,
    run_campaign,
)

pytestmark = pytest.mark.xdist_group("record")


@pytest.fixture(scope="module")
def record():
    families = tuple(ADVERSARIES[name] for name in ("scales", "gaps", "specials", "lengths"))
    kernels = tuple(kernel_named(name) for name in ("logsumexp.shifted", "softmax.shifted", "numpy.logaddexp"))
    return record_of(run_campaign(Plan(kernels, families=families, cases=60)))


def test_a_record_is_read_as_it_was_written(record):
    assert read_record(record_text(record)) == record


def test_every_way_to_cut_a_record_off_is_named(record):
    text = record_text(record)
    for length in np.random.default_rng(0).integers(0, len(text) - 2, 40):
        with pytest.raises(ValueError, match="is required"):
            read_record(text[:length])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": 3}, "version 2 is required, got 3: a newer shiftproof made it"),
        ({"version": 1}, "got 1: make it anew"),
        ({"version": True}, "got True"),
        ({"version": "2"}, "got '2'"),
        ({"schema": "other"}, "got schema 'other'"),
        ({"format": "binary512"}, "format: 'binary512' is not one of"),
        ({"surprise": 1}, "the record: Additional properties"),
        ({"seed": -1}, "seed: -1 is less than the minimum"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_with_its_place(record, change, complaint):
    with pytest.raises(ValueError) as found:  # noqa: PT011
        read_record(json.dumps({**record, **change}))
    assert complaint in str(found.value)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"shiftproof-campaign"', "{}"])
def test_another_json_is_not_the_record_of_a_campaign(text):
    with pytest.raises(ValueError, match="the record of a campaign"):
        read_record(text)


def test_a_float_too_large_to_be_one_is_refused_with_its_place(record):
    hostile = copy.deepcopy(record)
    hostile["kernels"][0]["largest"]["got"] = "0x1.0p+9999"
    with pytest.raises(ValueError, match=r"kernels/0/largest/got: a binary64 number is required, got 0x1\.0p\+9999"):
        read_record(json.dumps(hostile))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '{"schema": NaN}', '{"seed": ' + "9" * 10_000 + "}"]
)
def test_hostile_json_is_refused_in_a_line(text):
    with pytest.raises(ValueError, match=r"required|nested") as found:
        read_record(text)
    assert len(str(found.value)) < 500


def test_results_are_counted_by_size_and_rows_by_gap_and_length(record):
    for kernel in record["kernels"]:
        for cell in kernel["cells"]:
            totals = {standard: sum(rows.values()) for standard, rows in cell["rows"].items()}
            assert len(set(totals.values())) == 1, "each standard sees the same rows"
        closest = [float.fromhex(cell["closest"]["ratio"]) for cell in kernel["cells"] if cell["closest"]]
        assert max(closest) == float.fromhex(kernel["closest"]["ratio"])
        ends = [float.fromhex(size["up_to_ulp"]) for size in kernel["sizes"]]
        assert ends == sorted(set(ends))
        assert ends[-1] >= float.fromhex(kernel["largest"]["error_ulp"][1])


def test_a_row_is_in_the_cell_that_holds_its_gap_and_its_length(record):
    for kernel in record["kernels"]:
        for cell in kernel["cells"]:
            if cell["closest"] is None:
                continue
            gap, end = float.fromhex(cell["closest"]["gap"]), float.fromhex(cell["gap_up_to"])
            assert gap <= end
            assert gap > end / 2 or end == 2.0**-8 or (end == np.inf and gap > 2.0**10)
            assert cell["closest"]["length"] <= cell["length_up_to"] < 2 * max(cell["closest"]["length"], 1)


def test_a_cell_tells_what_fails_in_it():
    plan = Plan((kernel_named("logsumexp.shifted"),), standard="faithful", families=(ADVERSARIES["gaps"],), cases=40)
    (result,) = run_campaign(plan).results
    cells = result.tallies["faithful"].landscape.cells
    failing = sum(cell.counts[Outcome.EXCEEDS] for cell in cells.values())
    assert 0 < failing < sum(sum(cell.counts.values()) for cell in cells.values())
