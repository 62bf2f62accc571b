"""What the pages of docs/ show is what happens: their files, their commands, their links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from shiftproof.cli import main
from shiftproof.proofs import algorithm, pseudocode

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def unlike(shown: list[str], out: list[str]) -> str | None:
    """The first line shown that the output does not have after those before it; "..." stands for lines left out."""
    at = 0
    for line in (line for line in shown if line != "..."):
        if line not in out[at:]:
            return line
        at += out[at:].index(line) + 1
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_print_what_it_shows(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kind, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block)
        commands = re.split(r"^\$ shiftproof ", block, flags=re.MULTILINE)[1:] if kind == "console" else []
        for command in commands:
            words, *shown = command.splitlines()
            with pytest.raises(SystemExit):
                main(shlex.split(words))
            out = capsys.readouterr().out.splitlines()
            assert unlike(shown, out) is None, words


def test_a_line_that_is_not_printed_is_noticed():
    assert unlike(["a", "...", "c"], ["a", "b", "c"]) is None
    assert unlike(["c", "a"], ["a", "b", "c"]) == "a"
    assert unlike(["d"], ["a"]) == "d"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_links_of_a_page_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        assert (page.parent / target).exists(), target


def test_the_page_on_bounds_writes_the_algorithm_as_it_is():
    text = (ROOT / "docs" / "how-a-bound-is-derived.md").read_text(encoding="utf-8")
    lines = [f"    {line.text}" for line in pseudocode(algorithm("logsumexp", "shifted"))]
    assert "\n".join(lines) in text


_NAMED = re.compile(r"`((?:proofs|benchmarks|examples)/[\w/.]+|\w+\.v)`")


@pytest.mark.parametrize("name", sorted({name for page in PAGES for name in _NAMED.findall(page.read_text())}))
def test_files_that_pages_name_are_there(name):
    assert (ROOT / name).exists() or (ROOT / "proofs" / "coq" / name).exists()
