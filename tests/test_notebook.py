"""The notebook runs from top to bottom, and what it tells is what is stored in it.

Figures, and digits after the decimal point, may differ from machine to machine: numbers are compared by their words.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "digits_network.ipynb"
_FLOAT = re.compile(r"-?0x[01](?:\.[0-9a-f]+)?p[+-]\d+|\d+\.\d*(?:e[+-]\d+)?|\d+e[+-]\d+")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*TCP without encryption.*"),
]


def told(notebook) -> list[str]:
    """The text that each code cell prints, floats blotted out."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    printed = ("".join(o.text for o in cell.outputs if o.output_type == "stream") for cell in cells)
    return [_FLOAT.sub("#", text) for text in printed]


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_notebook_tells_again_what_is_stored_in_it(stored, tmp_path):
    run = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(run, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert told(run) == told(stored)


@pytest.mark.parametrize(("before", "after"), [("EXCEEDS", "WITHIN"), ("True", "False"), ("300 WITHIN", "299 WITHIN")])
def test_a_count_or_a_word_that_has_changed_would_be_noticed(stored, before, after):
    changed = nbformat.reads(nbformat.writes(stored).replace(before, after), as_version=4)
    assert told(changed) != told(stored)


def test_the_stored_notebook_was_run_from_top_to_bottom_without_an_error(stored):
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds == {"stream", "display_data"}


def test_the_loss_of_the_sheet_and_a_figure_are_in_it(stored):
    printed = "".join(o.text for cell in stored.cells for o in cell.get("outputs", []) if o.output_type == "stream")
    assert printed.count("3.6024162941706455") == 2
    figures = [o for cell in stored.cells for o in cell.get("outputs", []) if o.output_type == "display_data"]
    assert any("image/png" in figure.data for figure in figures)
