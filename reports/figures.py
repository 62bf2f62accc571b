"""The figures of a campaign: what each shows of the record, and what it says, in a caption with its numbers.

Errors and ratios are the largest known, lower bounds of the true ones; in captions they are rounded up. Nothing is
judged here: verdicts are those of the record, and a maximum or a share of what it holds is all that is computed.
matplotlib is imported when something is drawn, not before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shiftproof.proofs import FUNCTIONS

from .numbers import number, rounded_up

if TYPE_CHECKING:
    from .plots import RatioPanel, ShiftPoint, Strip

__all__ = ["Figure", "figures"]

Json = dict[str, Any]

_MOST_STRIPS, _MOST_MAPS, _FEW_MAPS, _MOST_STANDARDS, _MOST_NAMED = 40, 9, 6, 10, 3
_FARTHEST_SHIFT = 1e6


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as PDF and as SVG for a page. Texts are plain; names in them are shortened and safe to print."""

    name: str
    title: str
    caption: str
    alt: str
    pdf: bytes
    svg: str


def figures(record: Json) -> tuple[Figure, ...]:
    """The figures of a record that `read_record` accepts; one for which the record has nothing is left out.

    The same record gives the same bytes.
    """
    makers = (_ratio_by_gap, _ratio_by_length, _error_sizes, _class_map, _shift_cost)
    return tuple(figure for make in makers if (figure := make(record)) is not None)


def _shown(text: str, limit: int = 40) -> str:
    from .drawing import literal

    return literal(text, limit)


def _size(text: str) -> float:
    """An error, ratio or bound: not below 0, and infinite if it is not a number, for it is not known to be small."""
    value = number(text)
    return math.inf if math.isnan(value) else max(value, 0.0)


def _binade(value: float, least: int, most: int) -> int:
    """k where 2^(k - 1) < value <= 2^k, kept within least..most."""
    if not math.isfinite(value):
        return most if value != -math.inf else least
    mantissa, exponent = math.frexp(value)
    return min(max(exponent - (mantissa == 0.5), least), most) if value > 0 else least


def _is_ours(record: Json, kernel: Json) -> bool:
    """Whether a kernel is one of the record's algorithms; softplus runs those of logsumexp, for instance."""
    function, core = kernel["function"], FUNCTIONS[kernel["function"]].core
    return kernel["name"] in {f"{function}.{a['name']}" for a in record["algorithms"] if a["function"] == core}


def _is_of_a_vector(kernel: Json) -> bool:
    return FUNCTIONS[kernel["function"]].entry == "vector"


def _kernels(count: int) -> str:
    return "1 kernel" if count == 1 else f"{count} kernels"


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return "; ".join([*names[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])


# Error / bound.


@dataclass(frozen=True, slots=True)
class _Ratio:
    """The largest error / bound of one bin of gaps or lengths, its row's gap or length, whether it is above the bound.

    Above it is what is larger than 1 in a cell with rows that are not WITHIN: the verdict is the record's, and a ratio
    is rounded up.
    """

    ratio: float
    x: float
    above: bool


@dataclass(frozen=True, slots=True)
class _Measured:
    """A kernel with its ratios, of which there is at least one."""

    kernel: Json
    ratios: list[_Ratio]

    @property
    def name(self) -> str:
        return _shown(self.kernel["name"])

    @property
    def top(self) -> _Ratio:
        return max(self.ratios, key=lambda r: (r.above, r.ratio))


def _measured(kernels: Sequence[Json], by_gap: bool) -> list[_Measured]:
    """The kernels with a judged result; ties and n = 1, gap 0, are apart from the bin of tiny gaps."""
    found = []
    for kernel in kernels:
        bins: dict[tuple[Any, bool], _Ratio] = {}
        for cell in kernel["cells"]:
            if (closest := cell["closest"]) is None:
                continue
            ratio, x = _size(closest["ratio"]), float(min(closest["length"], 2**40))
            if by_gap:
                x = _size(closest["gap"])
            rows = cell["rows"].get(kernel["shown"], {})
            above = ratio > 1 and (not rows or bool(rows.keys() - {"WITHIN", "OUT_OF_SCOPE"}))
            key = cell["gap_up_to" if by_gap else "length_up_to"], x == 0
            if key not in bins or ratio > bins[key].ratio:
                bins[key] = _Ratio(ratio, x, above)
        if bins:
            found.append(_Measured(kernel, list(bins.values())))
    return found


def _above(found: Sequence[_Measured]) -> list[_Measured]:
    """The kernels that are above the bound somewhere, the farthest first."""
    return sorted((m for m in found if m.top.above), key=lambda m: -m.top.ratio)


def _ratio_panels(record: Json, found: Sequence[_Measured]) -> list[RatioPanel]:
    from .plots import MOST_ABOVE, RatioPanel

    panels = []
    functions = list(dict.fromkeys(m.kernel["function"] for m in found))
    for function in functions:
        here = [m for m in found if m.kernel["function"] == function]
        panel = RatioPanel(function, [], [], [])
        for m in here:
            side = panel.ours if _is_ours(record, m.kernel) else panel.others
            side += [(r.x, r.ratio) for r in m.ratios if not r.above]
        above = _above(here)
        named = above if len(above) <= MOST_ABOVE else above[: MOST_ABOVE - 1]
        groups = [(_label(m, 40 if len(functions) == 1 else 22), [m]) for m in named]
        if rest := above[len(named) :]:
            groups.append((f"{_kernels(len(rest))} more", rest))
        for label, members in groups:
            panel.above.append((label, [(r.x, r.ratio) for m in members for r in m.ratios if r.above]))
        panels.append(panel)
    return panels


def _label(m: _Measured, limit: int) -> str:
    flushed = " (ftz)" if m.kernel["flushes_subnormals"] else ""
    return f"{_shown(m.kernel['name'], limit)}{flushed}: {rounded_up(m.top.ratio)}"


def _times(ratio: float) -> str:
    """A ratio rounded up, though not up to 1 without a word."""
    text = rounded_up(ratio)
    return "just below 1" if text == "1" and ratio < 1 else text


def _told(m: _Measured, place: Callable[[float], str]) -> str:
    flushed = "; its class holds if subnormals may be flushed to zero" if m.kernel["flushes_subnormals"] else ""
    factor = f"a factor of up to {rounded_up(m.top.ratio)}" if math.isfinite(m.top.ratio) else "an infinite factor"
    return f"{m.name} ({m.kernel['outcome']}{flushed}), by {factor} at {place(m.top.x)}"


def _ratio_findings(found: Sequence[_Measured], place: Callable[[float], str]) -> Iterator[str]:
    """Which kernels are above the bound, by how much and where; and how close to it the others come."""
    above = _above(found)
    if above:
        yield f"Above the bound, of {_kernels(len(found))}: {_listed([_told(m, place) for m in above])}."
    within = [m for m in found if not m.top.above]
    if within:
        m = max(within, key=lambda m: m.top.ratio)
        who = "For the others" if above else "None is above its bound:"
        yield f"{who} the largest known is {_times(m.top.ratio)} ({m.name}, {place(m.top.x)})."


def _ratio_notes(found: Sequence[_Measured], kernels: Sequence[Json]) -> Iterator[str]:
    from .plots import HIGHEST_RATIO, LOWEST_RATIO

    ratios = [r.ratio for m in found for r in m.ratios]
    low, high = sum(ratio < LOWEST_RATIO for ratio in ratios), sum(ratio > HIGHEST_RATIO for ratio in ratios)
    told = [f"{count} {side}" for count, side in ((low, f"below {LOWEST_RATIO:g}"), (high, f"above {HIGHEST_RATIO:g}"))]
    beyond = [text for text, count in zip(told, (low, high), strict=True) if count]
    if beyond:
        yield f"Marks beyond the axis ({', '.join(beyond)}) are arrow heads at its ends."
    if unjudged := len(kernels) - len(found):
        yield f"Without a judged result, and not drawn: {_kernels(unjudged)}."


_MEASURED_BY = "each by the bound of the standard that it is held to, or of its class, or of the weakest"


def _ratio_by_gap(record: Json) -> Figure | None:
    found = _measured(record["kernels"], by_gap=True)
    if not found:
        return None
    from .plots import GAPS, ratio_size, ratios

    panels = _ratio_panels(record, found)
    beyond = any(0 < r.x < GAPS[0] or r.x > GAPS[1] for m in found for r in m.ratios)
    caption = [
        f"Error / bound ({record['format']}), the largest known of each kernel in each binade of the gap, "
        f"{_MEASURED_BY}. The gap is the distance from the largest entry to the next; n = 1 and ties have gap 0.",
        *_ratio_findings(found, lambda gap: f"gap {gap:.3g}"),
        *([f"Gaps below {GAPS[0]:.3g} and above {GAPS[1]:g} lie at the ends of the axis."] if beyond else []),
        *_ratio_notes(found, record["kernels"]),
    ]
    alt = f"Error over bound against the gap, with the bound at 1; panels: {', '.join(p.title for p in panels)}."
    size, draw = ratio_size(panels), lambda figure: ratios(figure, panels, by_gap=True)
    return _drawn("ratio-by-gap", "Error / bound by gap", caption, alt, size, draw)


def _ratio_by_length(record: Json) -> Figure | None:
    kernels = [kernel for kernel in record["kernels"] if _is_of_a_vector(kernel)]
    found = _measured(kernels, by_gap=False)
    if not found:
        return None
    from .plots import ratio_size, ratios

    panels = _ratio_panels(record, found)
    longest = max(r.x for m in found for r in m.ratios)
    there = max(r.ratio for m in found for r in m.ratios if r.x == longest)
    pairs = sorted({kernel["function"] for kernel in record["kernels"] if not _is_of_a_vector(kernel)})
    caption = [
        f"Error / bound ({record['format']}), the largest known of each kernel in each binade of the length n, "
        f"{_MEASURED_BY}.",
        *_ratio_findings(found, lambda n: f"n = {n:.0f}"),
        f"At the longest rows, n = {longest:.0f}, the largest known is {_times(there)}.",
        *([f"Not drawn, for their rows have two entries: {', '.join(pairs)}."] if pairs else []),
        *_ratio_notes(found, kernels),
    ]
    alt = f"Error over bound against the entries, with the bound at 1; panels: {', '.join(p.title for p in panels)}."
    size, draw = ratio_size(panels), lambda figure: ratios(figure, panels, by_gap=False)
    return _drawn("ratio-by-length", "Error / bound by length", caption, alt, size, draw)


def _drawn(
    name: str, title: str, caption: Sequence[str], alt: str, size: tuple[float, float], draw: Callable[[Any], None]
) -> Figure:
    from .drawing import rendered

    return Figure(name, title, " ".join(caption), alt, *rendered(name, title, alt, size, draw))


# The distribution of errors.


def _strip(kernel: Json) -> Strip:
    from .plots import LEAST_BINADE, MOST_BINADE, Strip

    sizes = sorted((_size(entry["up_to_ulp"]), entry["results"]) for entry in kernel["sizes"])
    total = sum(results for _, results in sizes)
    shares: Counter[int] = Counter()
    for end, results in sizes:
        shares[_binade(end, LEAST_BINADE, MOST_BINADE + 1)] += results
    largest = sizes[-1][0] if kernel["largest"] is None else _size(kernel["largest"]["error_ulp"][1])
    return Strip(
        kernel["function"],
        _shown(kernel["name"]),
        {binade: results / total for binade, results in sorted(shares.items())},
        min(_quantile(sizes, 50), largest),  # the last bin has no end
        min(_quantile(sizes, 99), largest),
        largest,
    )


def _quantile(sizes: Sequence[tuple[float, int]], percent: int) -> float:
    """The end, in ulp, of the bin of sizes up to which at least so many percent of the results lie."""
    total, below = sum(results for _, results in sizes), 0
    for end, results in sizes:
        below += results
        if 100 * below >= percent * total:
            return end
    return math.inf


def _ulps(error: float) -> str:
    return f"{rounded_up(error)} ulp" if math.isfinite(error) else "infinite"


def _size_finding(shown: Sequence[Strip]) -> str:
    worst = max(shown, key=lambda strip: strip.largest)
    if len(shown) == 1:
        median, most, largest = map(_ulps, (worst.median, worst.most, worst.largest))
        return f"{worst.name}: median at most {median}, 99 % quantile at most {most}, the largest known {largest}."
    half, nearly, always = (
        sum(strip.median <= 0.5 for strip in shown) or "none",
        sum(strip.most <= 1 for strip in shown) or "none",
        sum(strip.largest <= 1 for strip in shown) or "none",
    )
    return (
        f"Of {len(shown)} kernels, {half} err by at most 1/2 ulp in half of their results, {nearly} by at most 1 ulp "
        f"in 99 % of them, and {always} by at most 1 ulp in all that are known. The largest known error is "
        f"{_ulps(worst.largest)} ({worst.name})."
    )


def _error_sizes(record: Json) -> Figure | None:
    judged = [kernel for kernel in record["kernels"] if kernel["sizes"]]
    if not judged:
        return None
    from .plots import strip_size, strips

    functions = list(dict.fromkeys(kernel["function"] for kernel in judged))
    shown = [_strip(kernel) for kernel in judged[:_MOST_STRIPS]]
    shown.sort(key=lambda strip: functions.index(strip.group))
    left_out, unjudged = len(judged) - len(shown), len(record["kernels"]) - len(judged)
    caption = [
        f"Errors of judged results in ulp ({record['format']}).",
        _size_finding(shown),
        "Many ulps near a result of 0 are no fault by themselves: the input is ill-conditioned there, and the bound "
        "knows it.",
        *([f"Left out: {_kernels(left_out)} after the first {_MOST_STRIPS}."] if left_out else []),
        *([f"Without a judged result, and not drawn: {_kernels(unjudged)}."] if unjudged else []),
    ]
    alt = f"Heat strips of the errors of {_kernels(len(shown))} in ulp, with median, 99 % and largest known marked."
    return _drawn("error-sizes", "Errors in ulp", caption, alt, strip_size(shown), lambda figure: strips(figure, shown))


# The strongest standard kept.

Kept = dict[tuple[int, int], str | None]


def _kept(record: Json, kernel: Json) -> Kept:
    """The strongest standard that has rows WITHIN in a bin and none that are worse; only bins with a judged row."""
    from .plots import GAP_BINADES, LENGTH_BINADE

    outcomes: dict[tuple[int, int], dict[str, set[str]]] = {}
    for cell in kernel["cells"]:
        longest = cell["length_up_to"]
        length = LENGTH_BINADE if longest is None else min((longest - 1).bit_length(), LENGTH_BINADE)
        place = _binade(_size(cell["gap_up_to"]), *GAP_BINADES), length
        for standard, rows in cell["rows"].items():
            outcomes.setdefault(place, {}).setdefault(standard, set()).update(rows.keys() - {"OUT_OF_SCOPE"})
    ladder = record["standards"].get(kernel["function"], ())
    return {
        place: next((standard for standard in ladder if rows.get(standard) == {"WITHIN"}), None)
        for place, rows in sorted(outcomes.items())
        if any(rows.get(standard) for standard in ladder)
    }


def _mapped(record: Json) -> list[tuple[Json, Kept]]:
    """The kernels of the map: logsumexp's ladder of algorithms and logsumexps that are not ours, else the first few."""
    judged = [(kernel, kept) for kernel in record["kernels"] if (kept := _kept(record, kernel))]
    ladder = {f"logsumexp.{standard}" for standard in record["standards"].get("logsumexp", ())}
    chosen = [
        (kernel, kept)
        for kernel, kept in judged
        if kernel["function"] == "logsumexp" and (kernel["name"] in ladder or not _is_ours(record, kernel))
    ]
    return chosen or [pair for pair in judged if _is_of_a_vector(pair[0])][:_FEW_MAPS] or judged[:_FEW_MAPS]


def _strongest_first(record: Json, kernels: Sequence[Json]) -> list[str]:
    """The standards of these kernels' ladders, merged by how far down they are in their own."""
    depth: dict[str, float] = {}
    for function in dict.fromkeys(kernel["function"] for kernel in kernels):
        ladder = record["standards"].get(function, ())
        for place, standard in enumerate(ladder):
            depth[standard] = max(depth.get(standard, 0), place / len(ladder))
    return sorted(depth, key=lambda standard: depth[standard])


def _class_map(record: Json) -> Figure | None:
    mapped = _mapped(record)
    if not mapped:
        return None
    from .plots import ClassPanel, class_size, classes

    shown = mapped[:_MOST_MAPS]
    used = {standard for _, kept in shown for standard in kept.values()}
    standards = [s for s in _strongest_first(record, [kernel for kernel, _ in shown]) if s in used]
    labels = {s: _shown(s, 24) if i < _MOST_STANDARDS else "weaker" for i, s in enumerate(standards)}
    panels = [
        ClassPanel(_shown(kernel["name"], 27), {p: None if s is None else labels[s] for p, s in kept.items()})
        for kernel, kept in shown
    ]
    left_out = len(mapped) - len(shown)
    caption = [
        f"The strongest standard kept ({record['format']}) in each binade of the gap and of the length n: rows are "
        "within it, and none exceeds it, is undecided or is a fault. The outer columns hold all smaller and all larger "
        "gaps.",
        _strongest_kept(record, shown),
        _none_kept(shown),
        *([f"Left out: {_kernels(left_out)} after the first {_MOST_MAPS}."] if left_out else []),
    ]
    alt = f"Maps over gap and length of the strongest standard kept in each bin, for {_kernels(len(panels))}."
    order = list(dict.fromkeys(labels.values()))
    return _drawn(
        "class-map",
        "Where each class holds",
        caption,
        alt,
        class_size(panels),
        lambda figure: classes(figure, panels, order),
    )


def _strongest_kept(record: Json, shown: Sequence[tuple[Json, Kept]]) -> str:
    """In how many bins the strongest standard of the ladder is kept."""
    told: dict[str, list[str]] = {}
    for kernel, kept in shown:
        strongest = record["standards"][kernel["function"]][0]
        count = sum(standard == strongest for standard in kept.values())
        told.setdefault(strongest, []).append(f"{_shown(kernel['name'])} in {count} of {len(kept)} bins")
    return " ".join(f"The strongest, {_shown(s, 24)}, is kept by {'; '.join(of)}." for s, of in told.items())


def _none_kept(shown: Sequence[tuple[Json, Kept]]) -> str:
    counts = [(kernel, sum(standard is None for standard in kept.values()), len(kept)) for kernel, kept in shown]
    told = [f"{_shown(kernel['name'])} in {count} of {bins}" for kernel, count, bins in counts if count]
    return (
        f"No standard is kept (crosses) by {'; '.join(told)}." if told else "Some standard is kept in every judged bin."
    )


# What a shift costs.


def _shift_points(record: Json) -> list[ShiftPoint]:
    """The points by ascending shift; a shift far beyond what exp of any format takes has no place on an axis."""
    from .plots import ShiftPoint

    points = []
    for point in record["measured"]["shifts"]["points"]:
        low, high = (_size(end) for end in point["allowed_ulp"])
        shift, error, outcome = number(point["shift"]), _size(point["error_ulp"][1]), point["outcome"]
        if abs(shift) <= _FARTHEST_SHIFT:
            allowed = low if outcome != "OUT_OF_SCOPE" and math.isfinite(high) else None
            points.append(ShiftPoint(shift, error, allowed, number(point["got"]), outcome))
    return sorted(points, key=lambda point: point.shift)


def _shift_cost(record: Json) -> Figure | None:
    points = _shift_points(record)
    if not points:
        return None
    from .plots import SHIFT_SIZE, shifts

    rows = record["measured"]["shifts"]["rows"]
    caption = [
        f"What a shift a costs ({record['format']}): the error of a + log(sum exp(x_i - a)), the largest known of "
        f"{len(rows)} rows of {len(rows[0])} entries, against a - max; the line is the proven bound.",
        *_shift_findings(points),
    ]
    alt = "Error in ulp of the shifted sum against the shift, with the bound and the bands where the result is lost."
    return _drawn("shift-cost", "What a shift costs", caption, alt, SHIFT_SIZE, lambda figure: shifts(figure, points))


def _shift_findings(points: Sequence[ShiftPoint]) -> Iterator[str]:
    def told(point: ShiftPoint) -> str:
        return f"{rounded_up(point.error)} ulp at a - max = {point.shift:.4g}"

    judged = [p for p in points if p.outcome != "OUT_OF_SCOPE" and math.isfinite(p.error)]
    if judged:
        nearest = min(judged, key=lambda p: abs(p.shift))
        ends = [p for p in (judged[0], judged[-1]) if p is not nearest]
        yield f"It is {'; '.join(map(told, [nearest, *ends]))}."
    lost = [p for p in points if p.outcome == "OUT_OF_SCOPE" and math.isfinite(p.got) and math.isfinite(p.error)]
    if lost:
        worst = max(lost, key=lambda p: p.error)
        yield f"Where exponentials are partly lost the bound says nothing, and the error comes to {told(worst)}."
    for got, word in ((math.inf, "+inf"), (-math.inf, "-inf")):
        shifts = [p.shift for p in points if p.got == got]
        if shifts:
            yield f"The result is {word} for shifts from {shifts[0]:.4g} to {shifts[-1]:.4g}."
    above = [p for p in points if p.outcome == "EXCEEDS"]
    if above:
        yield f"Above the bound: {_listed([told(p) for p in above])}."
