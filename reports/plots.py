"""How the figures of a campaign are drawn, from plain numbers and strings; what they show is chosen in figures.py.

Every string is drawn as it is. What lies beyond an axis is drawn at its end, by a mark that points outward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETDOWNBASE, CARETUPBASE
from matplotlib.patches import Patch, PathPatch
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from .drawing import (
    BLUE,
    INK,
    ORANGE,
    SKY,
    SMALL,
    VERMILLION,
    WIDTH,
    Box,
    boxes,
    broken_base,
    broken_end,
    clipped,
    grid,
    power,
)

__all__ = [
    "GAPS", "GAP_BINADES", "HIGHEST_RATIO", "LEAST_BINADE", "LENGTH_BINADE", "LOWEST_RATIO", "MOST_ABOVE",
    "MOST_BINADE", "SHIFT_SIZE", "ClassPanel", "RatioPanel", "ShiftPoint", "Strip",
    "class_size", "classes", "ratio_size", "ratios", "shifts", "strip_size", "strips",
]  # fmt: skip

Point = tuple[float, float]
Colour = tuple[float, float, float, float]
Value = TypeVar("Value")


def _ticks(ax: Axes, places: Mapping[float, str]) -> None:
    """Labels at these places of the x axis and no others."""
    ax.xaxis.set_major_locator(FixedLocator(list(places)))
    ax.xaxis.set_major_formatter(FixedFormatter(list(places.values())))
    ax.xaxis.set_minor_locator(NullLocator())


# Error / bound against the gap or the length.

LOWEST_RATIO, HIGHEST_RATIO = 1e-3, 1e2
GAPS = 2.0**-9, 2.0**11  # a binade more at either end than a record tells apart
_ABOVE = (("D", "◆"), ("P", "✚"), ("X", "✖"), ("*", "★"), ("h", "⬢"))  # as marker, as character
MOST_ABOVE = len(_ABOVE)


@dataclass(frozen=True, slots=True)
class RatioPanel:
    """Points (gap or length, error / bound): of our algorithms, of other kernels, and what is above the bound, named.

    A point is in one list only; there are at most MOST_ABOVE names.
    """

    title: str
    ours: list[Point]
    others: list[Point]
    above: list[tuple[str, list[Point]]]


def ratio_size(panels: Sequence[RatioPanel]) -> Point:
    """The size of the figure, in inches."""
    rows = math.ceil(len(panels) / 3)
    height = rows * 1.4 + _head(panels[:3]) + (rows - 1) * (0.1 + _head(panels[3:])) + 0.45 + _key_room(panels)
    return (WIDTH if len(panels) > 1 else 4.8), height


def _key_room(panels: Sequence[RatioPanel]) -> float:
    """The height of the key, in inches; what is the same for all marks needs none."""
    return 0.25 if any(panel.ours for panel in panels) and any(panel.others for panel in panels) else 0.05


def _head(panels: Sequence[RatioPanel]) -> float:
    """The height of the names over a panel, in inches."""
    return 0.2 + max(((10 * len(panel.above) + 4) / 72 for panel in panels if panel.above), default=0)


def ratios(figure: Figure, panels: Sequence[RatioPanel], by_gap: bool) -> None:
    """A panel for each function: error / bound, log, against gap or length, log, and the bound as a line at 1."""
    columns = min(3, len(panels))
    margins, room = (0.62, 0.42, 0.45, _key_room(panels) + _head(panels[:3])), (0.2, 0.1 + _head(panels[3:]))
    places = grid(figure, math.ceil(len(panels) / columns), columns, margins, room)
    drawn = [point for p in panels for points in (p.ours, p.others, *(q for _, q in p.above)) for point in points]
    xs, highest = [x for x, _ in drawn], HIGHEST_RATIO if any(ratio > 2 for _, ratio in drawn) else 3.0
    for number, (ax, panel) in enumerate(zip(places, panels, strict=False)):
        ax.set(xscale="log", yscale="log", ylim=(LOWEST_RATIO, highest))
        if by_gap:
            _gap_axis(ax, 0 in xs)
        else:
            _length_axis(ax, max(xs))
        ax.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(-3, 4) if 10.0**k <= highest]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.tick_params(labelbottom=number + columns >= len(panels))
        if number % columns == 0:
            ax.set_ylabel("error / bound")
        ax.axhline(1, color=INK, lw=1, zorder=1)
        for points, mark, colour, size in (
            (panel.ours, "o", BLUE, 3.0), (panel.others, "s", ORANGE, 4.2),
            *((points, mark, VERMILLION, 4.5) for (_, points), (mark, _) in zip(panel.above, _ABOVE, strict=False)),
        ):  # fmt: skip
            placed = [(_gap_place(x) if by_gap else x, ratio) for x, ratio in points]
            _scatter(figure, ax, placed, highest, mark, colour, size)
        _names(ax, panel)
        if number == columns - 1:
            ax.annotate(
                "bound", (1, 1), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
                va="center", fontsize=SMALL,
            )  # fmt: skip
    for ax in places[len(panels) :]:
        ax.set_axis_off()
    figure.supxlabel("gap: largest entry minus the next" if by_gap else "entries n", fontsize=8)
    if _key_room(panels) > 0.1:
        marks = [
            Line2D([], [], ls="none", marker="o", ms=3.5, mfc=BLUE, mec="none"),
            Line2D([], [], ls="none", marker="s", ms=4.2, mfc="none", mec=ORANGE, mew=0.8),
        ]
        figure.legend(marks, ["our algorithms", "other kernels"], loc="upper right", ncols=2, handletextpad=0)


def _names(ax: Axes, panel: RatioPanel) -> None:
    """The function and what is above the bound, over the panel: inside they would cover marks."""
    named = [f"{character} {label}" for (label, _), (_, character) in zip(panel.above, _ABOVE, strict=False)]
    clear = 7 if panel.above else 3  # the arrow heads of clipped marks need room
    for line, text in enumerate([*reversed(named), panel.title]):
        function = line == len(named)
        ax.annotate(
            text, (0, 1), xycoords="axes fraction", xytext=(0, clear + 10 * line), textcoords="offset points",
            fontsize=8 if function else SMALL, color=INK if function else VERMILLION, va="bottom",
        )  # fmt: skip


def _scatter(
    figure: Figure, ax: Axes, points: list[Point], highest: float, mark: str, colour: str, size: float
) -> None:
    """The points; those below the axis as arrow heads at its foot, those above it at its top under arrow heads."""
    at = [(x, *clipped(ratio, LOWEST_RATIO, highest)) for x, ratio in points]
    inside, over = ax.transData, ax.transData + ScaledTranslation(0, 2.5 / 72, figure.dpi_scale_trans)
    for sides, marker, place in (((0, 1), mark, inside), ((1,), CARETUPBASE, over), ((-1,), CARETDOWNBASE, over)):
        chosen = [(x, y) for x, y, side in at if side in sides]
        if chosen:
            # Hollow marks over full ones: where both are, both are seen.
            full = marker != "s"
            ax.plot(
                [x for x, _ in chosen], [y for _, y in chosen], ls="none", marker=marker, ms=size, mew=0.8,
                mfc=colour if full else "none", mec="none" if full else colour, clip_on=False, zorder=3,
                transform=place,
            )  # fmt: skip


def _gap_axis(ax: Axes, with_zero: bool) -> None:
    """Gaps, log; a gap of 0 has a place of its own to the left, gaps outside of GAPS lie at the ends."""
    zero, low, high = _gap_place(0.0), *GAPS
    ax.set_xlim(zero / 2 if with_zero else low / 1.3, high * 1.3)
    _ticks(ax, {**({zero: "0"} if with_zero else {}), **{10.0**k: f"{10.0**k:g}" for k in range(-2, 4, 2)}})
    if with_zero:
        broken_base(ax, zero * 2.2, low / 1.6)


def _gap_place(gap: float) -> float:
    return clipped(gap, *GAPS)[0] if gap != 0 else GAPS[0] / 8


def _length_axis(ax: Axes, longest: float) -> None:
    most = max(4, math.ceil(math.log2(longest)))
    ax.set_xlim(0.7, 2.0**most * 1.4)
    _ticks(ax, {2.0**k: str(2**k) for k in range(0, most + 1, math.ceil(most / 5))})


# The distribution of errors.

LEAST_BINADE, MOST_BINADE = -10, 53  # as far as a record tells sizes apart; what is larger has no binade
_ROW = 0.145  # inches
_LEVELS = 12  # half decades of the share of results


@dataclass(frozen=True, slots=True)
class Strip:
    """One kernel: shares of its results by the binade of the error, MOST_BINADE + 1 for all larger; errors in ulp."""

    group: str
    name: str
    shares: Mapping[int, float]
    median: float
    most: float  # 99 % of the results are not above it
    largest: float


def strip_size(kernels: Sequence[Strip]) -> Point:
    """The size of the figure, in inches: 40 kernels of six functions fit a page."""
    return WIDTH, _ROW * (len(kernels) + len({k.group for k in kernels})) + 1.16


def strips(figure: Figure, kernels: Sequence[Strip]) -> None:
    """A strip for each kernel, grouped: error in ulp, log, and as shade the share of its results in that binade."""
    rows: list[Strip | str] = []
    for group, members in groupby(kernels, key=lambda k: k.group):
        rows += [group, *members]
    most = max(4, *(min(k, MOST_BINADE) for strip in kernels for k in strip.shares))
    beyond = any(error > 2.0**most for strip in kernels for error in (strip.median, strip.most, strip.largest))
    beyond |= any(binade > MOST_BINADE for strip in kernels for binade in strip.shares)
    ax = figure.add_subplot()
    ax.set(xlim=(LEAST_BINADE - 1.5, most + (3.5 if beyond else 0.5)), ylim=(len(rows) - 0.4, -0.6))
    ax.set_yticks(range(len(rows)), [row if isinstance(row, str) else row.name for row in rows])
    ax.tick_params(axis="y", length=0)
    for text, row in zip(ax.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if isinstance(row, str) else "normal")
    ax.spines["left"].set_visible(False)
    places = {
        k * math.log2(10): power(10, k) for k in range(-3, math.ceil(most / math.log2(10)), 3 if most > 12 else 1)
    }
    _ticks(ax, places | ({most + 2.5: "more"} if beyond else {}))
    if beyond:
        broken_base(ax, most + 0.4, most + 1.0)
    for binade, label, side in ((-1, "correct 1/2", "right"), (0, "1 faithful", "left")):
        ax.axvline(binade, color=INK, lw=0.6, ls=(0, (4, 2)), zorder=1.5)
        ax.annotate(
            label, (binade, 1), xycoords=("data", "axes fraction"), xytext=(0, 1), textcoords="offset points",
            ha=side, va="bottom", fontsize=SMALL,
        )  # fmt: skip
    ax.set_xlabel("error (ulp)", labelpad=2)
    _strip_cells(ax, rows, most)
    _strip_marks(ax, rows, most)
    width, height = figure.get_size_inches()
    names = max(text.get_window_extent().width for text in ax.get_yticklabels()) / 72 + 0.15
    inside = width - names - 0.15
    ax.set_position((names / width, 0.45 / height, inside / width, _ROW * len(rows) / height))
    scale = figure.add_axes((names / width, 1 - 0.52 / height, inside * 0.35 / width, 0.1 / height))
    _shade_scale(scale)
    _strip_key(figure)


def _shade(level: int) -> Colour:
    return matplotlib.colormaps["cividis"](1 - 0.85 * level / (_LEVELS - 1))


def _strip_cells(ax: Axes, rows: Sequence[Strip | str], most: int) -> None:
    """The shares; the smaller, the darker and the thinner, so that a single result does not look like many."""
    cells: dict[int, list[Box]] = {}
    for y, row in enumerate(rows):
        shares = {} if isinstance(row, str) else row.shares
        levels = {
            binade: min(max(math.floor(-2 * math.log10(max(share, 1e-9))), 0), _LEVELS - 1)
            for binade, share in shares.items()
        }
        for level, first, last in _runs(levels):
            half, moved = 0.45 - 0.33 * level / (_LEVELS - 1), 2 if first > most else 0
            cells.setdefault(level, []).append((first - 1 + moved, y - half, last + moved, y + half))
    for level, corners in sorted(cells.items()):
        ax.add_patch(PathPatch(boxes(corners), fc=_shade(level), ec="none"))


def _runs(values: Mapping[int, Value]) -> Iterator[tuple[Value, int, int]]:
    """Each value with the first and the last of neighbouring keys (ascending) that have it."""
    for (value, _), members in groupby(enumerate(values), key=lambda item: (values[item[1]], item[1] - item[0])):
        keys = [key for _, key in members]
        yield value, keys[0], keys[-1]


_MARKS = (("median", "o"), ("99 %", "D"), ("largest known", ">"))


def _strip_marks(ax: Axes, rows: Sequence[Strip | str], most: int) -> None:
    kept = [(y, row) for y, row in enumerate(rows) if not isinstance(row, str)]
    for (name, mark), size in zip(_MARKS, (3.0, 2.8, 3.6), strict=True):
        xs = [_size_place({"median": r.median, "99 %": r.most}.get(name, r.largest), most) for _, r in kept]
        ax.plot(xs, [y for y, _ in kept], ls="none", marker=mark, ms=size, mfc="white", mec="black", mew=0.5)


def _size_place(error: float, most: int) -> float:
    """Where an error in ulp lies; beyond the last binade in the place that is left for it."""
    if not error <= 2.0**most:
        return most + 2.5
    return max(math.log2(error), LEAST_BINADE - 0.5) if error > 0 else LEAST_BINADE - 0.5


def _shade_scale(ax: Axes) -> None:
    for level in range(_LEVELS):
        ax.add_patch(PathPatch(boxes([(level, 0, level + 1, 1)]), fc=_shade(level), ec="none"))
    ax.set(xlim=(0, _LEVELS), ylim=(0, 1), yticks=[])
    _ticks(ax, {0: "100 %", 4: "1 %", 8: "0.01 %"})
    ax.xaxis.tick_top()
    ax.set_title("share of results", fontsize=SMALL)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _strip_key(figure: Figure) -> None:
    marks = [Line2D([], [], ls="none", marker=m, ms=4, mfc="white", mec="black", mew=0.5) for _, m in _MARKS]
    figure.legend(marks, [name for name, _ in _MARKS], loc="upper right", ncols=3, handletextpad=0, columnspacing=1)


# The strongest standard kept.

GAP_BINADES, LENGTH_BINADE = (-8, 11), 20  # as far as a record tells them apart


@dataclass(frozen=True, slots=True)
class ClassPanel:
    """One kernel: for each (gap, length) bin that was judged the strongest standard kept, None where none was.

    Gaps by their binade, lengths by the binade of their bin's end.
    """

    title: str
    kept: Mapping[tuple[int, int], str | None]


def class_size(panels: Sequence[ClassPanel]) -> Point:
    """The size of the figure, in inches."""
    rows = math.ceil(len(panels) / 3)
    return (WIDTH if len(panels) > 1 else 4.0), 1.5 * rows + 0.25 * (rows - 1) + 1.12


def classes(figure: Figure, panels: Sequence[ClassPanel], standards: Sequence[str]) -> None:
    """A map for each kernel: gap and length in binades, the strongest standard kept as colour, a cross where none is.

    `standards`, strongest first, has every standard that is kept somewhere.
    """
    columns = min(3, len(panels))
    places = grid(figure, math.ceil(len(panels) / columns), columns, (0.65, 0.05, 0.48, 0.64), (0.14, 0.25))
    colour = {
        s: matplotlib.colormaps["viridis"](1 - 0.9 * i / max(len(standards) - 1, 1)) for i, s in enumerate(standards)
    }
    cells = [cell for panel in panels for cell in panel.kept]
    tallest = max(4, *(length for _, length in cells))
    for number, (ax, panel) in enumerate(zip(places, panels, strict=False)):
        ax.set(xlim=(-9.5, 11.5), ylim=(-0.5, tallest + 0.5))
        ax.set_title(panel.title, fontsize=8, loc="left", pad=3)
        _ticks(ax, {float(k): power(2, k) for k in range(-8, 12, 4)})
        ax.tick_params(labelbottom=number + columns >= len(panels))
        lengths = range(0, tallest + 1, 4 if tallest > 5 else 1)
        ax.set_yticks(lengths, ["more" if k == LENGTH_BINADE else str(2**k) for k in lengths])
        for side in ("top", "right"):
            ax.spines[side].set_visible(True)
        _class_cells(ax, panel, colour)
    for ax in places[len(panels) :]:
        ax.set_axis_off()
    figure.supxlabel("gap: largest entry minus the next", fontsize=8)
    for ax in places[::columns]:
        ax.set_ylabel("entries n")
    _class_key(figure, colour, any(None in panel.kept.values() for panel in panels))


def _class_cells(ax: Axes, panel: ClassPanel, colour: Mapping[str, Colour]) -> None:
    found: dict[str, list[Box]] = {}
    for length in sorted({length for _, length in panel.kept}):
        row = {gap: standard for (gap, there), standard in sorted(panel.kept.items()) if there == length}
        for standard, first, last in _runs(row):
            if standard is not None:
                found.setdefault(standard, []).append((first - 1, length - 0.5, last, length + 0.5))
    for standard, corners in found.items():
        ax.add_patch(PathPatch(boxes(corners), fc=colour[standard], ec="none"))
    nothing = [(gap - 0.5, length) for (gap, length), standard in panel.kept.items() if standard is None]
    ax.plot([x for x, _ in nothing], [y for _, y in nothing], ls="none", marker="x", ms=3.5, mec=VERMILLION, mew=1)


def _class_key(figure: Figure, colour: Mapping[str, Colour], with_none: bool) -> None:
    handles: list[Patch | Line2D] = [Patch(fc=fill, ec="none") for fill in colour.values()]
    labels = list(colour)
    if with_none:
        handles.append(Line2D([], [], ls="none", marker="x", ms=4, mec=VERMILLION, mew=1))
        labels.append("none")
    handles.append(Patch(fc="none", ec=INK, lw=0.5))
    labels.append("not judged")
    # A label that starts with _ would be left out: texts are put in afterwards.
    key = figure.legend(
        handles, [str(number) for number in range(len(labels))], loc="upper right", ncols=4,
        handlelength=1, handleheight=1, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip
    for text, label in zip(key.get_texts(), labels, strict=True):
        text.set_text(label)


# What a shift costs.


@dataclass(frozen=True, slots=True)
class ShiftPoint:
    """One shift: the largest error and what is allowed (None: not known) in ulp, the result and its outcome."""

    shift: float
    error: float
    allowed: float | None
    got: float
    outcome: str


_OVERFLOW, _VANISHED, _LOST = "overflow: +inf", "all exponentials\nvanish: -inf", "partly lost: no bound"
_BANDS = {_OVERFLOW: VERMILLION, _VANISHED: SKY, _LOST: ORANGE}
SHIFT_SIZE = WIDTH, 2.9  # inches


def shifts(figure: Figure, points: Sequence[ShiftPoint]) -> None:
    """Error in ulp, log, against the shift, ascending, in bands; an infinite error is an arrow head at the top."""
    finite = [p.error for p in points if math.isfinite(p.got) and math.isfinite(p.error) and p.error > 0] or [1.0]
    low = max(math.floor(math.log10(min(*finite, 1.0))), -3)
    high = min(math.ceil(math.log10(max(*finite, 1.0))) + 1, 20)
    parts = _parts(points)
    margins, widths = (0.55, 0.05, 0.45, 0.12), [1.0, 2.1, 1.7][: len(parts)]
    places = grid(figure, 1, len(parts), margins, (0.14, 0), widths)
    for number, (ax, (left, right)) in enumerate(zip(places, parts, strict=True)):
        ax.set(yscale="log", ylim=(10.0**low, 10.0**high), xlim=(left, right))
        decades = [k for k in range(low, high + 1) if high - low < 8 or k % 3 == 0]
        ax.yaxis.set_major_locator(FixedLocator([10.0**k for k in decades]))
        ax.yaxis.set_major_formatter(FixedFormatter([power(10, k) for k in decades]))
        ax.yaxis.set_minor_locator(NullLocator())
        if len(parts) == 1 or number == 1:
            ax.set_xscale("symlog", linthresh=1)
            marks = [sign * 10.0**k for sign in (-1, 1) for k in range(4)]
            _ticks(ax, {x: f"{x:g}".replace("-", "−") for x in (0.0, *marks) if left < x < right})
        else:
            ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        ax.spines["left"].set_visible(number == 0)
        ax.tick_params(axis="y", left=number == 0)
        for end, neighbour in ((left, number > 0), (right, number < len(parts) - 1)):
            if neighbour:
                broken_end(ax, end)
        _bands(ax, points)
        _shift_marks(figure, ax, [p for p in points if left <= p.shift <= right], (10.0**low, 10.0**high))
    places[0].set_ylabel("error (ulp)")
    figure.supxlabel("a - max: the shift minus the largest entry", fontsize=8)


def _parts(points: Sequence[ShiftPoint]) -> list[Point]:
    """The ranges of the axes: the ends, where results are lost, on a scale of their own, if they are far from 0."""
    least, most = points[0].shift, points[-1].shift
    plain = [number for number, point in enumerate(points) if _band(point) is None] or [0, -1]
    left, right = least * 0.9, most * 0.9
    if plain[0] > 0:
        left = max(left, (points[plain[0] - 1].shift + points[plain[0]].shift) / 2)
    if plain[-1] + 1 < len(points):
        right = min(right, (points[plain[-1]].shift + points[plain[-1] + 1].shift) / 2)
    if not left < -1 < 1 < right:
        return [(least - 1, most + 1)]
    edge = (most - least) * 0.003
    return [(least - edge, left), (left, right), (right, most + edge)]


def _band(point: ShiftPoint) -> str | None:
    if math.isinf(point.got):
        return _OVERFLOW if point.got > 0 else _VANISHED
    return _LOST if point.outcome == "OUT_OF_SCOPE" else None


def _bands(ax: Axes, points: Sequence[ShiftPoint]) -> None:
    """What becomes of the result, from the first shift to the last, meeting half-way; named where there is room."""
    left, right = ax.get_xlim()
    across = ax.transData + ax.transAxes.inverted()
    runs = [(band, [p.shift for p in members]) for band, members in groupby(points, key=_band)]
    for number, (band, run) in enumerate(runs):
        before, after = runs[max(number - 1, 0)], runs[min(number + 1, len(runs) - 1)]
        start = left if number == 0 else (before[1][-1] + run[0]) / 2 if before[0] else run[0]
        end = right if number == len(runs) - 1 else (run[-1] + after[1][0]) / 2 if after[0] else run[-1]
        start, end = max(start, left), min(end, right)
        if band is None or start >= end:
            continue
        ax.axvspan(start, end, fc=_BANDS[band], ec="none", alpha=0.25, zorder=0)
        begins, ends = (across.transform((x, 1.0))[0] for x in (start, end))
        if ends - begins > 0.1:
            # Errors grow to the right where exponentials are lost one by one: there is room below the last ones.
            place, side = (ends - 0.01, "right") if band == _LOST else ((begins + ends) / 2, "center")
            ax.text(place, 0.03, band, rotation=90, ha=side, va="bottom", fontsize=SMALL, transform=ax.transAxes)


def _shift_marks(figure: Figure, ax: Axes, points: Sequence[ShiftPoint], ends: Point) -> None:
    for known, members in groupby(points, key=lambda p: p.allowed is not None):
        if known:
            line = [(p.shift, clipped(p.allowed or 0.0, *ends)[0]) for p in members]
            ax.plot([x for x, _ in line], [y for _, y in line], color=INK, zorder=2)
            if line[0][0] <= 0 <= line[-1][0]:
                highest = max((y for x, y in line if abs(x) <= 2), default=line[0][1])
                ax.annotate(
                    "bound", (0, highest), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=SMALL
                )
    over = ax.transData + ScaledTranslation(0, 2.5 / 72, figure.dpi_scale_trans)
    at = [(p, *clipped(p.error, *ends)) for p in points]
    for side, marker, place in ((0, "o", ax.transData), (1, CARETUPBASE, over), (-1, CARETDOWNBASE, over)):
        for colour, within in ((BLUE, True), (VERMILLION, False)):
            chosen = [(p.shift, y) for p, y, beyond in at if beyond == side and (p.outcome == "WITHIN") == within]
            if chosen:
                ax.plot(
                    [x for x, _ in chosen], [y for _, y in chosen], ls="none", marker=marker, ms=3.4, mfc=colour,
                    mec="none", clip_on=False, zorder=3, transform=place,
                )  # fmt: skip
