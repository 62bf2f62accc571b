"""A canvas for vector figures that come out the same byte for byte: style, literal text, PDF, and SVG for a page.

Imports matplotlib, so it is itself imported only where something is drawn. Nothing of matplotlib's state is left
changed, and nothing of the user's matplotlibrc is obeyed.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.path import Path

__all__ = [
    "BLUE",
    "INK",
    "ORANGE",
    "SKY",
    "SMALL",
    "VERMILLION",
    "WIDTH",
    "Box",
    "boxes",
    "broken_base",
    "broken_end",
    "clipped",
    "grid",
    "literal",
    "power",
    "rendered",
]

# Okabe and Ito's colours, which colour-blind people can tell apart; vermillion is kept for what breaks a bound.
BLUE, ORANGE, SKY, VERMILLION = "#0072B2", "#E69F00", "#56B4E9", "#D55E00"
# Text, axes and grid: black to the eye on paper, and a colour of its own, to be `currentColor` in the SVG.
INK = "#010203"
WIDTH = 6.3  # inches
SMALL = 7.5  # points

Box = tuple[float, float, float, float]  # left, bottom, right, top

_FONT = "DejaVu Sans"
_LIMIT = 40
_STYLE: Any = {  # the names of settings are of a type of their own in matplotlib from 3.11 on
    "font.family": "sans-serif",
    "font.sans-serif": [_FONT],
    "font.size": 8,
    "text.parse_math": False,  # a kernel may be called $x_{
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "lines.linewidth": 1,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
}


@cache
def _glyphs() -> frozenset[int]:
    """The characters that the font of every figure has."""
    return frozenset(get_font(findfont(_FONT)).get_charmap())


def literal(text: str, limit: int = _LIMIT) -> str:
    """Text of a record as it is shown: what cannot be printed or is not in the font escaped as in Python.

    What is longer than `limit` characters (the widest count twice) loses its middle: names of kernels differ at
    their ends.
    """
    head, tail = text[:limit], text[max(limit, len(text) - limit) :]
    pieces = [_printed(c) for c in head + tail]
    if len(text) <= 2 * limit and sum(map(_room, pieces)) <= limit:
        return "".join(pieces)
    return "".join(_first(pieces, limit // 3)) + "…" + "".join(reversed(_first(pieces[::-1], limit - limit // 3 - 1)))


def _printed(c: str) -> str:
    alone = c.isprintable() and not unicodedata.combining(c)
    return c if alone and ord(c) in _glyphs() else c.encode("unicode_escape").decode("ascii")


def _room(piece: str) -> int:
    return len(piece) + sum(c in "mwMW@%…—" for c in piece)


def _first(pieces: list[str], room: int) -> list[str]:
    """As many of the pieces as fit, whole."""
    taken: list[str] = []
    for piece in pieces:
        room -= _room(piece)
        if room < 0:
            break
        taken.append(piece)
    return taken


def power(base: int, exponent: int) -> str:
    """base^exponent for a tick; without mathematical markup, which would be another font."""
    superscript = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return {0: "1", 1: str(base)}.get(exponent, f"{base}{superscript}")


def clipped(value: float, low: float, high: float) -> tuple[float, int]:
    """Where a value is drawn on an axis from low to high, and on which side of it it lies: -1, 0 or 1.

    What is no number counts as too large: an error that is not known is not a small one.
    """
    if math.isnan(value) or value > high:
        return high, 1
    return (low, -1) if value < low else (value, 0)


def grid(
    figure: Figure,
    rows: int,
    columns: int,
    margins: tuple[float, float, float, float],
    room: tuple[float, float] = (0.0, 0.0),
    widths: Sequence[float] | None = None,
) -> list[Axes]:
    """Axes row by row, with one y scale. Margins (left, right, bottom, top) and room (across, down) in inches.

    Places are computed, not solved for: matplotlib's layout engine gives other last digits in every run.
    """
    left, right, bottom, top = margins
    width, height = figure.get_size_inches()
    across, down = room
    inside, tall = width - left - right - across * (columns - 1), height - bottom - top - down * (rows - 1)
    made = figure.subplots(
        rows,
        columns,
        sharey=True,
        squeeze=False,
        width_ratios=widths,
        gridspec_kw={
            "left": left / width,
            "right": 1 - right / width,
            "bottom": bottom / height,
            "top": 1 - top / height,
            "wspace": across * columns / inside,
            "hspace": down * rows / tall,
        },
    )
    return list(made.ravel())


def boxes(corners: Sequence[Box]) -> Path:
    """Rectangles as one path: a thousand cells are one element of the file."""
    vertices: list[tuple[float, float]] = []
    codes: list[int] = []
    around = [int(code) for code in (Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY)]
    for left, bottom, right, top in corners:
        vertices += [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
        codes += around
    return Path(vertices, codes)


def broken_base(ax: Axes, left: float, right: float) -> None:
    """The lower spine with a gap from left to right (data), ended by slanted strokes."""
    ax.spines["bottom"].set_visible(False)
    low, high = ax.get_xlim()
    for ends in ((low, left), (right, high)):
        ax.plot(ends, [0, 0], color=INK, lw=0.6, transform=ax.get_xaxis_transform(), clip_on=False, zorder=2.5)
    broken_end(ax, left)
    broken_end(ax, right)


def broken_end(ax: Axes, x: float) -> None:
    """A slanted stroke on the lower spine: what lies on the other side is on another scale."""
    stroke, across = Path([(-0.5, -1.0), (0.5, 1.0)]), ax.get_xaxis_transform()
    ax.plot([x], [0], marker=stroke, ms=5, mec=INK, mew=0.6, transform=across, clip_on=False, zorder=2.5)


def rendered(
    name: str, title: str, alt: str, size: tuple[float, float], draw: Callable[[Figure], None]
) -> tuple[bytes, str]:
    """What `draw` makes of an empty figure of that size (inches), as PDF and as SVG to be put into a page.

    The same drawing gives the same bytes. `name` makes the ids of the SVG unique within a page.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=size, dpi=72)  # the resolution of both forms, so that texts have one extent
        draw(figure)
        pdf, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(pdf, format="pdf", metadata={"Title": title, "CreationDate": None})
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return pdf.getvalue(), _for_a_page(svg.getvalue().decode("utf-8"), name, alt)


_ROOT = re.compile(r"<svg\b[^>]*?\bviewBox=\"0 0 ([\d.]+) ([\d.]+)\"[^>]*>")
# Comments repeat the text that is drawn, and a style element would hold for the whole page.
_UNWANTED = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style\b.*?</style>|<defs>\s*</defs>", re.DOTALL)
_OUTLINES = re.compile(r"(?<=\bd=\")[^\"]*")  # in points or finer: a thousandth is enough
_IDS = re.compile(r"(\bid=\"|\bhref=\"#|\burl\(#)")


def _for_a_page(svg: str, name: str, alt: str) -> str:
    """matplotlib's SVG without prolog, comments and metadata, in the page's colour, named for screen readers.

    It is as wide as its column if it is WIDTH wide, and less by as much as it is narrower: all texts have one size.
    """
    root = _ROOT.search(svg)
    if root is None:
        raise ValueError("an SVG with a viewBox from 0 0 is required")
    width, height = root.groups()
    body = _IDS.sub(rf"\g<1>{name}-", _UNWANTED.sub("", svg[root.end() :]))
    body = re.sub(r"\s*\n\s*", "\n", body.replace(INK, "currentColor"))
    body = _OUTLINES.sub(lambda outline: re.sub(r"(\.\d{3})\d+", r"\1", outline[0]), body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'viewBox="0 0 {width} {height}" width="{float(width) / (0.72 * WIDTH):.4g}%" '
        f'role="img" aria-labelledby="{name}-title" '
        f'style="max-width: {float(width) * 1.4:.0f}pt; stroke-linejoin: round; stroke-linecap: butt">\n'
        f'<title id="{name}-title">{escape(alt)}</title>{body.rstrip()}\n'
    )
