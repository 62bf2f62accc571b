"""The families of hostile inputs, each with the fault that it hunts.

A family of your own is a function of a `Draw` that returns an array (rows, n):

    from shiftproof.verify import Adversary, judge
    halves = Adversary("halves", "kernels that cannot do 1/2", lambda d: 0.5 * d.rng.integers(-9, 9, (4, d.n(2, 5))))
    judge(my_kernel, function="logsumexp", families=[halves])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shiftproof.proofs import FUNCTIONS

from .cases import LAYOUTS, Adversary, Draw

__all__ = ["ADVERSARIES", "LONG_ROWS", "adversary_named"]

ADVERSARIES: dict[str, Adversary] = {}

# Past 2^24 in binary32, and past the largest binary16 number: where sums of ones stop or overflow.
_LONGEST = {"binary32": 2**24 + 2**22}

# No family of a campaign: a case takes a minute and gigabytes in binary32.
LONG_ROWS = Adversary(
    "long-rows",
    "sums that stop at 2^24 in binary32 or overflow at 65504 in binary16: very many equal entries",
    lambda d: np.zeros((1, min(_LONGEST.get(d.format.name, 70001), d.n(2**30)))),
)


def _family(hunts: str) -> Callable[[Callable[[Draw], Any]], Callable[[Draw], Any]]:
    def add(make: Callable[[Draw], Any]) -> Callable[[Draw], Any]:
        name = make.__name__.replace("_", "-")
        ADVERSARIES[name] = Adversary(name, hunts, make)
        return make

    return add


def adversary_named(name: str) -> Adversary:
    """The family with this name, or `LONG_ROWS`; raises ValueError for another."""
    if name == LONG_ROWS.name:
        return LONG_ROWS
    if name not in ADVERSARIES:
        raise ValueError(f"unknown family {name!r}: one of {', '.join(ADVERSARIES)} is required")
    return ADVERSARIES[name]


@_family("anything that ordinary data shows, over scales 1e-3 to 1e3")
def scales(d: Draw) -> Any:
    return d.rng.normal(size=(d.rows(1, 4, 2), d.n(4, 2, 10, 3, 33, 5, 100))) * 10.0 ** d.spread(-3, 3, (1,))


@_family("terms lost by cutoffs and by log where log1p is due: one dominating term, gaps to past underflow")
def gaps(d: Draw) -> Any:
    n = d.n(2, 3, 2, 6)
    top = (0.0, 1.0, -1.0, 0.0, 37.5)[d.index % 5]
    reach = -d.format.log_smallest * 1.05
    gap = d.spread(0, (40.0, reach, 5.0, reach)[d.index % 4], (8, 1))
    return d.place(top - gap - d.rng.exponential(3.0, (8, n - 1)) * (d.index % 2), top)


@_family("cutoffs: many equal small terms whose sum still counts")
def crowded_tails(d: Draw) -> Any:
    n = d.n(300, 20, 1000, 64)
    gap = d.spread(3, 45, (2, 1))
    return d.place(np.broadcast_to(-gap, (2, n - 1)), (0.0, 2.5, -0.001)[d.index % 3])


@_family("cancellation in a + log(...): logarithms of probability vectors, whose logsumexp is near 0")
def log_probabilities(d: Draw) -> Any:
    n = d.n(2, 3, 10, 100)
    return np.log(np.maximum(d.rng.dirichlet(np.full(n, 10.0 ** d.rng.uniform(-1, 1)), size=4), 1e-300))


@_family("cancellation at n = 2: log p and log(1 - p)")
def complements(d: Draw) -> Any:
    p = 10.0 ** -d.spread(0.01, min(300.0, -d.format.log_smallest / 2.4), (8,))
    return np.stack([np.log(p), np.log1p(-p)], axis=1)


@_family("cancellation with ties: n equal values within a few ulps of -log n")
def equal_near_zero(d: Draw) -> Any:
    n = d.n(2, 3, 7, 10, 64)
    return np.broadcast_to(d.step(-np.log(n), d.rng.integers(-4, 5, (4, 1))), (4, n))


@_family("overflow, lost shifts and bias at large and tiny results: magnitudes over the whole range")
def magnitudes(d: Draw) -> Any:
    top = np.log10(d.format.largest)
    size = 10.0 ** d.spread(-top, top, (6, 1))
    around = d.rng.normal(size=(6, d.n(2, 3, 8))) * d.rng.choice([0.0, 1.0, 30.0], (6, 1))
    return np.where(d.rng.random((6, 1)) < 0.5, 1.0, -1.0) * size + around


@_family("overflow at the format's largest numbers")
def huge(d: Draw) -> Any:
    near = d.step(d.format.largest, -d.rng.integers(0, 4, (4, d.n(2, 3, 5))).astype(float))
    signs = np.where(d.rng.random(near.shape) < (0.0, 0.5, 1.0)[d.index % 3], -1.0, 1.0)
    return near * signs * 2.0 ** -d.rng.integers(0, 3, near.shape).astype(float)


@_family("overflow of exp, to the last bit")
def overflow_threshold(d: Draw) -> Any:
    edge = d.format.log_largest - d.rng.choice([0.0, np.log(2.0), 1.0, 20.0], (6, 1))
    return d.step(np.broadcast_to(edge, (6, d.n(1, 2, 3, 10))), d.rng.integers(-3, 4, (6, 1)))


@_family("underflow of exp, to the last bit: gaps at the subnormal and at the normal threshold")
def underflow_threshold(d: Draw) -> Any:
    normal = d.format.emin * np.log(2.0)
    edges = np.array([d.format.log_smallest, d.format.log_smallest + np.log(2.0), normal, normal + 1.0])
    gap = d.step(-d.rng.choice(edges, (6, d.n(2, 3, 6) - 1)), d.rng.integers(-3, 4, (6, 1)))
    return d.place(-gap, 0.0)


@_family("underflow of every term: all entries far below zero")
def deep_negative(d: Draw) -> Any:
    return -d.spread(-0.9 * d.format.log_smallest, -3.0 * d.format.log_smallest, (4, 1)) - d.rng.exponential(
        2.0, (4, d.n(1, 2, 5, 20))
    )


@_family("subnormal inputs flushed or mistaken for zero")
def subnormal_inputs(d: Draw) -> Any:
    units = d.rng.integers(-9, 10, (4, d.n(2, 1, 3, 6))).astype(float) * 2.0 ** d.rng.integers(
        0, d.format.precision, (4, 1)
    )
    return units * d.format.smallest_subnormal


@_family("subnormal results flushed to zero")
def subnormal_results(d: Draw) -> Any:
    lo, hi = -d.format.emin * np.log(2.0), -d.format.log_smallest
    return d.place(-d.spread(lo - 2.0, hi + 1.0, (8, d.n(2, 3, 4) - 1)), 0.0)


@_family("exact ties at the maximum, counted once or thrice")
def ties(d: Draw) -> Any:
    n = d.n(2, 3, 5, 16, 130)
    tied = d.rng.integers(1, n + 1, (4, 1))
    x = np.where(np.arange(n) < tied, 0.0, -d.rng.exponential((0.1, 1.0, 20.0)[d.index % 3], (4, n)))
    return d.rng.permuted(x, axis=1) + d.rng.choice([0.0, 1.0, -3.0, 64.0], (4, 1))


@_family("near ties: entries a few ulps from the maximum, ascending runs against a running maximum")
def near_ties(d: Draw) -> Any:
    n = d.n(2, 3, 9, 200)
    top = d.rng.choice([1.0, -1.0, 0.7, -40.0, 1000.0], (4, 1))
    steps = -np.arange(n)[::-1] if d.index % 2 else d.rng.integers(-3, 1, (4, n))
    return d.step(np.broadcast_to(top, (4, n)), steps)


@_family("sums whose order matters: one large term among many of the size of its rounding error")
def summation_order(d: Draw) -> Any:
    n = d.n(50, 300, 1000, 9)
    lost = d.format.precision * np.log(2.0)
    x = d.place(-lost - d.rng.uniform(-3.0, 2.0, (2, n - 1)), 0.0)
    return (x, np.sort(x, axis=1), np.sort(x, axis=1)[:, ::-1])[d.index % 3]


_LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 128, 129, 255, 257, 1023, 1024, 1025)
_LONG = {11: 4096, 19: 65536, 27: 4095, 29: 4097, 47: 8192, 59: 65535, 71: 65537}


@_family("a term lost at one length: n = 1, odd n, block sizes and their neighbours, up to 65536")
def lengths(d: Draw) -> Any:
    n = d.n(_LONG.get(d.index % 300, _LENGTHS[d.index % len(_LENGTHS)]))
    heavy = d.rng.permuted(np.concatenate([[3.0, 2.5], np.zeros(max(n - 2, 0))])[:n])
    return d.rng.normal(size=(1 if n > 300 else 3, n)) * 0.5 + heavy


@_family("one end of the vector treated otherwise: first, last and maximal entries carry the sum")
def heavy_ends(d: Draw) -> Any:
    n = d.n(2, 3, 4, 8, 17, 64, 128, 129, 500, 100, 200, 256, 512, 1000)
    x = -d.rng.exponential(1.0, (4, n)) - np.log(n)
    x[np.arange(4), [0, n - 1, n // 2, min(1, n - 1)]] += np.log(n)
    return x


@_family("short vectors: n = 1, 2, 3, in single rows and in batches")
def short(d: Draw) -> Any:
    return d.rng.normal(size=(d.rows(1, 2, 7, 32), d.n(1, 2, 3))) * (1.0, 10.0, 100.0)[d.index % 3]


@_family("signs: all negative, all positive, mixed, symmetric about zero")
def signs(d: Draw) -> Any:
    x = np.abs(d.rng.normal(size=(4, d.n(2, 4, 9)))) * (0.5, 5.0, 50.0)[d.index % 3]
    return (-x, x, x * d.rng.choice([-1.0, 1.0], x.shape), np.concatenate([x[:, :1], -x[:, :1], x[:, 2:]], axis=1))[
        d.index // 3 % 4
    ]


@_family("signed zeros")
def signed_zeros(d: Draw) -> Any:
    return d.rng.choice([0.0, -0.0, 0.0, -0.0, 1.0, -1.0], (4, d.n(1, 2, 3, 6)))


@_family("special values, each in every place")
def specials(d: Draw) -> Any:
    values = (np.nan, np.inf, -np.inf)
    n = d.n(2, 3, 1, 5)
    x = d.rng.normal(size=(2 * n + 6, n)) * 3
    for place in range(n):
        x[2 * place, place] = values[d.index % 3]
        x[2 * place + 1, place] = values[(d.index + 1) % 3]
        x[2 * place + 1, (place + 1) % n] = values[d.index // 3 % 3]
    x[-6], x[-5], x[-4] = values[0], values[1], values[2]
    x[-3, ::2] = -np.inf
    x[-2, 1:] = -np.inf
    return x


_INTEGERS = ("int64", "uint8", "bool", "int8", "int32", "uint16", "uint64", "int16")


@_family("integers and Booleans: arithmetic before promotion wraps around")
def integers(d: Draw) -> Any:
    dtype = np.dtype(_INTEGERS[d.index % len(_INTEGERS)])
    size = (4, 2 if FUNCTIONS[d.function].entry == "pair" else (2, 3, 5)[d.index // 8 % 3])
    if dtype.kind == "b":
        return d.rng.random(size) < 0.5
    lo = 0 if dtype.kind == "u" else -100
    return d.rng.integers(lo, 101, size).astype(dtype)


# scipy 18295, pytorch 11752 and mlx 4169, pytorch 113708, matrixStats 84 and jax 1624, pytorch 1835, numpy 15117,
# scipy 23225, stan math 1679: pairs (x, y), of which functions of one number see both.
_REPORTED: tuple[tuple[float, float], ...] = (
    (0.0, -40.0), (1e8, 1e8), (37.04365338911715, 0.0), (-np.inf, -np.inf), (-300.0, 0.0), (0.0, -300.0),
    (11.0, 11.0), (np.inf, 0.0), (1e20, 0.0), (0.0, 1e20), (-np.inf, 0.0), (-800.0, -800.5),
)  # fmt: skip


@_family("what users have reported of libraries: lost tails, large equal logits, infinities, gradients at 1e20")
def public_reports(d: Draw) -> Any:
    return np.array([_REPORTED[d.index % len(_REPORTED)]])


@_family("neighbours in a batch: rows that differ wildly, one maximum for all of them")
def wild_batches(d: Draw) -> Any:
    rows = d.rows(2, 5, 16)
    offset = d.rng.choice([0.0, 800.0, -800.0, 1e5, -1e5, 30.0, 1e-3], (rows, 1))
    return np.clip(offset, -d.format.largest / 4, d.format.largest / 4) + d.rng.normal(size=(rows, d.n(2, 3, 8)))


@_family("strides ignored or axes confused: Fortran order, reversed, strided and broadcast views, square matrices")
def layouts(d: Draw) -> Any:
    layout = LAYOUTS[d.index % len(LAYOUTS)]
    n = d.n(3, 7, 2, 40)
    rows = n if d.index % 2 else d.rows(2, 5)
    x = d.rng.normal(size=(rows, n)) * 4
    return (np.broadcast_to(x[:1], x.shape) if layout == "broadcast" else x), layout


@_family("the shift itself: a row beside the same row moved by an exact amount")
def exact_shifts(d: Draw) -> Any:
    x = np.rint(d.rng.normal(size=(1, d.n(2, 3, 8))) * 8) / 8
    return np.concatenate([x, x + 1.0, x - 8.0, x + 16.0], axis=0)


@_family("order within the row: a row beside its permutations")
def permutations(d: Draw) -> Any:
    x = d.rng.normal(size=(1, d.n(3, 4, 10, 50))) * (1.0, 6.0)[d.index % 2]
    return d.rng.permuted(np.repeat(x, 4, axis=0), axis=1)


@_family("one bad window of exp: arguments that cover the range of exp evenly")
def exp_windows(d: Draw) -> Any:
    n = d.n(65, 129, 33)
    reach = (1.0, 40.0, -d.format.log_smallest, 8.0)[d.index % 4]
    return d.place(-d.spread(0.0, reach, (2, n - 1)), 0.0)


@_family("exp and log1p near zero: arguments from 2^-60 to 1, of either sign")
def near_zero(d: Draw) -> Any:
    size = 2.0 ** -d.spread(0.0, 60.0, (4, d.n(2, 3, 5)))
    return size * d.rng.choice([-1.0, 1.0], size.shape)


@_family("one bad window of log or log1p: sums that cover 1 to n evenly")
def log_windows(d: Draw) -> Any:
    n = d.n(2, 2, 3, 9, 40)
    share = d.spread(1e-4, 1.0, (8, 1))
    return d.place(np.log(share) + np.zeros((8, n - 1)), 0.0) + (0.0, 0.0, 0.25, -0.75)[d.index % 4]
