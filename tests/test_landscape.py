"""Bins are half open above: a number is at most the end of its bin, and above the end of the bin before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftproof.verify import Outcome
from shiftproof.verify.landscape import Landscape, Rows, gap_end, length_end, size_end


def landscape(errors, ratios, outcomes, rows, row=None, judged=None):
    count = len(errors)
    return Landscape.of(
        Rows.of([np.asarray(r, dtype=float) for r in rows]),
        np.arange(count) if row is None else np.asarray(row),
        np.asarray([o.value for o in outcomes], dtype=np.int8),
        np.ones(count, dtype=bool) if judged is None else np.asarray(judged),
        np.asarray(errors, dtype=float),
        np.asarray(ratios, dtype=float),
    )


@given(st.floats(min_value=0, allow_infinity=True))
def test_the_size_of_an_error_is_at_most_the_end_of_its_bin_and_above_the_one_before(error):
    (code,) = landscape([error], [0.5], [Outcome.WITHIN], [[1.0, 0.0]]).sizes
    assert error <= size_end(code)
    assert error > size_end(code - 1) or code == -32


@given(st.floats(min_value=0, allow_infinity=False), st.integers(2, 40))
def test_gap_and_length_are_at_most_the_ends_of_their_cell(gap, length):
    row = np.zeros(length)
    row[length // 2] = gap
    ((to, n),) = landscape([0.5], [0.5], [Outcome.WITHIN], [row]).cells
    assert gap <= gap_end(to)
    assert gap > gap_end(to) / 2 or to == -8 or (gap_end(to) == np.inf and gap > 2.0**10)
    assert length_end(n) / 2 < length <= length_end(n)


def test_the_edges_that_standards_have_are_ends_of_bins():
    assert {size_end(code) for code in range(4, 9)} == {0.5, 0.625, 0.75, 0.875, 1.0}


@pytest.mark.parametrize(("n", "end"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (2**19, 2**19), (2**19 + 1, None)])
def test_lengths_are_binned_by_binades(n, end):
    ((_, code),) = landscape([0.5], [0.5], [Outcome.WITHIN], [np.zeros(n)]).cells
    assert length_end(code) == end


def test_the_worst_result_of_a_row_is_the_row_s():
    made = landscape([1.0, 9.0], [0.1, 3.0], [Outcome.WITHIN, Outcome.EXCEEDS], [[0.0, 2.0]], row=[0, 0])
    (cell,) = made.cells.values()
    assert dict(cell.counts) == {Outcome.EXCEEDS: 1}
    assert cell.closest == (3.0, 2.0, 2)
    assert sum(made.sizes.values()) == 2


def test_what_was_not_judged_is_counted_but_has_no_size():
    made = landscape([1.0], [7.0], [Outcome.OUT_OF_SCOPE], [[0.0, 2.0]], judged=[False])
    (cell,) = made.cells.values()
    assert (dict(cell.counts), cell.closest, made.sizes) == ({Outcome.OUT_OF_SCOPE: 1}, None, {})


def test_landscapes_add_as_their_rows_do():
    rows, outcomes = [[0.0, 2.0], [0.0, 0.25, 1.0], [5.0]], [Outcome.WITHIN, Outcome.EXCEEDS, Outcome.FAULT]
    whole = landscape([1.0, 2.0, 3.0], [0.5, 2.0, 0.0], outcomes, rows)
    parts = Landscape()
    for k in range(3):
        parts.add(landscape([k + 1.0], [(0.5, 2.0, 0.0)[k]], outcomes[k : k + 1], rows[k : k + 1]))
    assert parts == whole
