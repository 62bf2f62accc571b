"""The pictures of the README, made from a campaign over every kernel of logsumexp.

python docs/pictures.py
"""

from __future__ import annotations

import html
import io
from pathlib import Path

from rich.console import Console

from shiftproof.reports import class_table, figures
from shiftproof.verify import Plan, builtin_kernels, record_of, run_campaign

IMAGES = Path(__file__).resolve().parent / "images"
_WIDTH, _HEIGHT, _MARGIN = 7.25, 17, 12  # of a letter at 12 px, of a line, around


def table(record: dict) -> str:
    """The table of classes as it stands on a terminal but for the inputs, as SVG."""
    out = io.StringIO()
    Console(file=out, width=240, highlight=False).print(class_table(record))
    lines = [line for line in out.getvalue().splitlines() if line.strip()]
    inputs = next(line for line in lines if line.split()[:1] == ["kernel"]).rindex("at")
    lines = [line[:inputs].rstrip() for line in lines]
    width, height = max(map(len, lines)) * _WIDTH + 2 * _MARGIN, len(lines) * _HEIGHT + 2 * _MARGIN
    texts = "".join(
        f'<text x="{_MARGIN}" y="{_HEIGHT * (n + 1.5):.0f}" xml:space="preserve">{html.escape(line)}</text>\n'
        for n, line in enumerate(lines)
    )
    style = 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="12" fill="#1b1b1b"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n<g {style}>\n{texts}</g>\n</svg>\n'
    )


def on_white(svg: str) -> str:
    """A figure that is meant for a page, as a picture of its own."""
    start = svg.index(">") + 1
    return svg[:start] + '<rect width="100%" height="100%" fill="#ffffff"/>' + svg[start:] + "\n"


def main() -> None:
    """Judge every kernel of logsumexp, about half a minute, and write both pictures."""
    kernels = tuple(k for k in builtin_kernels() if k.function == "logsumexp")
    record = record_of(run_campaign(Plan(kernels, jobs=2)))
    drawn = {figure.name: figure for figure in figures(record)}
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "classes.svg").write_text(table(record), encoding="utf-8")
    (IMAGES / "shift-cost.svg").write_text(on_white(drawn["shift-cost"].svg), encoding="utf-8")


if __name__ == "__main__":
    main()
