"""The experiment of Blanchard, Higham and Higham (2021), in spirit, on logits that anybody can make.

A small network (64-32-10, ReLU, cross-entropy from logits) is trained on scikit-learn's digits; its logits on all
1797 images, rounded to binary16 and to bfloat16, are given to six algorithms that round every operation. The
table has, for each algorithm: how many rows overflow to an infinity or a NaN, how many are judged, the largest error in
units of u (relative for logsumexp, relative to the largest entry for softmax), the largest bound on the same rows, and
the largest error / bound. Where something overflows on the way the hypotheses of a bound are left: not judged.

    pip install -e ".[examples]" && python examples/digits.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import Libm, algorithm, bound, bounded_error
from shiftproof.verify import FORMATS, Format, simulate
from shiftproof.verify.intervals import Interval, IntervalOperations
from shiftproof.verify.tightness import Truth

Array = NDArray[np.float64]

SIX = (
    ("logsumexp", "naive", "basic LSE"),
    ("logsumexp", "shifted-log1p", "shifted LSE"),
    ("softmax", "naive", "basic softmax"),
    ("softmax", "shifted", "shifted softmax"),
    ("softmax", "division-free-naive", "division-free, basic"),
    ("softmax", "division-free", "division-free, shifted"),
)
# The elementary functions of the simulated formats err by half an ulp, and by an ulp of binary64 at most besides.
EXACT = Libm(Fraction(51, 100), Fraction(51, 100), Fraction(51, 100))


@dataclass(frozen=True)
class Line:
    """What one algorithm did on all rows: counts of rows, and figures in units of u."""

    overflows: int
    judged: int
    error: float
    bound: float
    ratio: float


def train(images: Array, labels: NDArray[np.int64], epochs: int = 60, seed: int = 123) -> tuple[Array, ...]:
    """The weights of the network, by stochastic gradient descent with momentum."""
    rng = np.random.default_rng(seed)
    sizes = [(64, 32), (32, 10)]
    weights = [rng.normal(size=s) * np.sqrt(2 / s[0]) for s in sizes] + [np.zeros(s[1]) for s in sizes]
    moving = [np.zeros_like(w) for w in weights]
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // 32):
            x, hidden, z = images[batch], *_forward(images[batch], weights)
            p = np.exp(z - z.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(batch)), labels[batch]] -= 1
            back = (p @ weights[1].T) * (hidden > 0)
            slopes = [x.T @ back, hidden.T @ p, back.sum(axis=0), p.sum(axis=0)]
            for w, m, s in zip(weights, moving, slopes, strict=True):
                m *= 0.9
                m -= 0.05 * s / len(batch)
                w += m
    return tuple(weights)


def _forward(x: Array, weights: Any) -> tuple[Array, Array]:
    hidden = np.maximum(x @ weights[0] + weights[2], 0)
    return hidden, hidden @ weights[1] + weights[3]


def logits() -> tuple[Array, float]:
    """The network's logits on every image, and its accuracy on the quarter that it was not trained on."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images, labels = data.data / 16.0, data.target
    order = np.random.default_rng(123).permutation(len(images))
    held_out = order[: len(images) // 4]
    weights = train(images[order[len(images) // 4 :]], labels[order[len(images) // 4 :]])
    _, z = _forward(images, weights)
    return z, float((z[held_out].argmax(axis=1) == labels[held_out]).mean())


def judged(x: Array, fmt: Format, function: str, name: str) -> Line:
    """One algorithm, simulated in the format, on rows x of its numbers."""
    got = simulate(algorithm(function, name), x, fmt)
    overflowed = ~np.isfinite(got).all(axis=1)
    of, model = bound(function, name), fmt.model(EXACT)
    with np.errstate(all="ignore"):
        allowed = bounded_error(of, Interval.point(x), IntervalOperations(), model)
        error = Truth(function, x, fmt).distance(got)
    rows = np.logical_and.reduce([~overflowed, *allowed.hypotheses.values()])
    exact = allowed.exact
    scale = np.abs(exact.lo) if function == "logsumexp" else exact.lo.max(axis=1, keepdims=True)
    u = float(model.unit_roundoff)
    relative, most = (error.lo / scale / u)[rows].max(), (allowed.error.hi / scale / u)[rows].max()
    ratio = (error.hi / allowed.error.lo)[rows].max()
    return Line(int(overflowed.sum()), int(rows.sum()), float(relative), float(most), float(ratio))


def table(z: Array) -> Iterator[tuple[str, str, Line]]:
    """(format, algorithm, figures) for the six algorithms in both formats."""
    for name in ("binary16", "bfloat16"):
        x = FORMATS[name].round(z)
        for function, chosen, title in SIX:
            yield name, title, judged(x, FORMATS[name], function, chosen)


def main() -> int:
    z, accuracy = logits()
    print(f"{len(z)} rows of 10 logits from {z.min():.1f} to {z.max():.1f}; accuracy {accuracy:.3f} on images not seen")
    print(f"{'':34}{'overflow':>9}{'judged':>8}{'error / u':>11}{'bound / u':>11}{'error / bound':>15}")
    sound = True
    for name, title, line in table(z):
        sound &= line.ratio <= 1
        print(
            f"{name:10}{title:24}{line.overflows:9}{line.judged:8}{line.error:11.2f}{line.bound:11.2f}{line.ratio:15.3f}"
        )
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
