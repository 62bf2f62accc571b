"""The notebook runs from top to bottom, warns of nothing, and prints again what is stored in it; figures aside."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "digits_network.ipynb"


@pytest.fixture(scope="module")
def stored() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def code(book: Any) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def printed(book: Any, stream: str = "stdout") -> list[str]:
    """What each code cell prints to the stream."""
    return ["".join(o.text for o in cell.outputs if o.get("name") == stream) for cell in code(book)]


def test_the_notebook_runs_and_prints_what_is_stored_in_it(
    stored: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    again = copy.deepcopy(stored)
    for cell in code(again):
        cell.outputs, cell.execution_count = [], None
    here = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(again, timeout=120, kernel_name="python3", resources=here).execute()
    assert printed(again) == printed(stored)
    warned = [line for text in printed(again, "stderr") for line in text.splitlines() if "font cache" not in line]
    assert warned == []
    assert [[o.output_type for o in cell.outputs if o.output_type != "stream"] for cell in code(again)] == [
        [o.output_type for o in cell.outputs if o.output_type != "stream"] for cell in code(stored)
    ]


def test_a_changed_number_in_a_stored_output_is_noticed(stored: Any) -> None:
    texts = printed(stored)
    places = [place for place, text in enumerate(texts) if re.search(r"\d", text)]
    assert len(places) > 10
    for place in places:
        changed = copy.deepcopy(stored)
        (output,) = (o for o in code(changed)[place].outputs if o.get("name") == "stdout")
        output.text = re.sub(r"\d(?=\D*$)", lambda last: str((int(last[0]) + 1) % 10), output.text)
        assert [k for k, text in enumerate(printed(changed)) if text != texts[k]] == [place]


def test_the_stored_outputs_are_those_of_one_run_without_an_error(stored: Any) -> None:
    cells = code(stored)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [o for cell in cells for o in cell.outputs]
    assert {o.output_type for o in outputs} == {"stream", "display_data"}
    assert {o.name for o in outputs if o.output_type == "stream"} == {"stdout"}
    assert sum("image/png" in o.get("data", {}) for o in outputs) == 1
    assert all("execution" not in cell.metadata for cell in stored.cells)
