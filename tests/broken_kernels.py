"""A zoo of wrong kernels: a correct kernel, one planted fault, and the standard that it falsely claims.

Whatever judges kernels must catch every one of them: together they establish which kinds of fault a judgement
can see. The correct kernels come first; they evaluate in float64, round once to the type owed, and take as
keywords the parts that a fault replaces. Faults that only a certain n, input or call shows are the point.

Some members end the process, hang or raise when they meet their trigger: run them apart.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

__all__ = ["BROKEN", "Broken", "log_softmax", "logaddexp", "logsumexp", "sigmoid", "softmax", "softplus"]

Array = np.ndarray[Any, Any]
Kernel = Callable[..., Any]
Part = Callable[[Array], Array]


@dataclass(frozen=True)
class Broken:
    """A kernel of `function` that `fault` keeps from `standard`; `make()` returns a fresh one."""

    name: str
    function: str
    standard: str
    fault: str
    make: Callable[[], Kernel]


# Correct kernels. The keywords are the parts that faults replace.


def _same(v: Array) -> Array:
    return v


def _row_max(v: Array) -> Array:
    return v.max(axis=-1, keepdims=True)


def _row_sum(w: Array) -> Array:
    return w.sum(axis=-1, keepdims=True)


def _promoted(x: Any) -> tuple[Array, np.dtype[Any]]:
    """The entries as float64 and the type of the result."""
    x = np.asarray(x)
    return x.astype(np.float64), x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)


def _sum_of_others(v: Array, w: Array) -> Array:
    """Row sums (rows, 1) of the weights w without that of the first maximum of v."""
    others = w.copy()
    np.put_along_axis(others, v.argmax(axis=-1)[:, np.newaxis], 0.0, axis=-1)
    return _row_sum(others)


def logsumexp(x: Array, change: Part = _same, exp: Part = np.exp, log1p: Part = np.log1p) -> Array:
    """max + log1p(sum of the other weights)."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        v = change(v)
        top = _row_max(v)
        ordinary = np.isfinite(top)
        others = _sum_of_others(v, exp(v - np.where(ordinary, top, 0.0)))
        return np.where(ordinary, top + log1p(others), top)[:, 0].astype(dtype)


def shifted_logsumexp(x: Array, shift: Part = _row_max, exp: Part = np.exp, log: Part = np.log) -> Array:
    """shift + log(sum of all weights)."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        top = _row_max(v)
        by = shift(v)
        total = _row_sum(exp(v - by))
        return np.where(np.isfinite(top), by + log(total), top)[:, 0].astype(dtype)


def softmax(
    x: Array, change: Part = _same, shift: Part = _row_max, exp: Part = np.exp, total: Part = _row_sum
) -> Array:
    """exp(x - max) over its sum, NaN in rows whose maximum is not finite."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        v = change(v)
        w = exp(v - shift(v))
        return np.where(np.isfinite(_row_max(v)), w / total(w), np.nan).astype(dtype)


def log_softmax(x: Array, change: Part = _same, exp: Part = np.exp, log1p: Part = np.log1p) -> Array:
    """(x - max) - log1p(sum of the other weights), NaN in rows whose maximum is not finite."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        v = change(v)
        top = _row_max(v)
        gaps = v - top
        out = gaps - log1p(_sum_of_others(v, exp(gaps)))
        return np.where(np.isfinite(top), out, np.nan).astype(dtype)


def logaddexp(x: Array, y: Array, **parts: Part) -> Array:
    """logsumexp of the rows (x, y)."""
    return logsumexp(np.stack([np.asarray(x), np.asarray(y)], axis=-1), **parts)


def softplus(x: Array, **parts: Part) -> Array:
    """logsumexp of the rows (0, x), one for each entry."""
    x = np.asarray(x)
    _, dtype = _promoted(x)
    entries = x.astype(dtype)
    pairs = np.stack([np.zeros_like(entries), entries], axis=-1).reshape(-1, 2)
    return logsumexp(pairs, **parts).reshape(x.shape)


def sigmoid(x: Array, exp: Part = np.exp) -> Array:
    """1 / (1 + exp(-x)), or exp(x) / (1 + exp(x)) for negative x."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        w = exp(-np.abs(v))
        return (np.where(v >= 0, 1.0, w) / (1.0 + w)).astype(dtype)


# Wrong parts.


def _between(low: float, high: float) -> Part:
    return lambda g: (g >= low) & (g <= high)


def _exp_off(low: float, high: float, relative: float) -> Part:
    """exp, wrong by a relative error for the arguments in a window."""
    inside = _between(low, high)
    return lambda g: np.exp(g) * np.where(inside(g), 1.0 + relative, 1.0)


def _exp_cut(gap: float) -> Part:
    return lambda g: np.where(g < -gap, 0.0, np.exp(g))


def _exp_clipped(low: float) -> Part:
    return lambda g: np.exp(np.maximum(g, low))


def _exp_by_series(g: Array) -> Array:
    terms = (g**k / float(np.prod(np.arange(1.0, k + 1))) for k in range(7))
    return np.where(np.abs(g) < 0.1, sum(terms), np.exp(g))


def _exp_without_subnormals(g: Array) -> Array:
    w = np.exp(g)
    return np.where(w < np.finfo(np.float64).tiny, 0.0, w)


def _exp_float32(g: Array) -> Array:
    return np.exp(g.astype(np.float32))


def _exp_float16(g: Array) -> Array:
    return np.exp(g.astype(np.float16)).astype(np.float64)


def _exp_float16_if_long(g: Array) -> Array:
    return _exp_float16(g) if g.shape[-1] > 1024 else np.exp(g)


def _log1p_by_log(s: Array) -> Array:
    return np.log(1.0 + s)


def _log1p_bad_below(limit: float) -> Part:
    return lambda s: np.where(s < limit, np.log(1.0 + s), np.log1p(s))


def _log_off_near_two(s: Array) -> Array:
    return np.log(s) + np.where(np.abs(s - 2.0) < 0.01, 1e-12, 0.0)


def _log1p_off_near_one(s: Array) -> Array:
    return np.log1p(s) + np.where(np.abs(s - 1.0) < 0.01, 1e-12, 0.0)


def _ties_lost(g: Array) -> Array:
    return np.where(g == 0.0, 0.0, np.exp(g))


def _float32_reciprocal(w: Array) -> Array:
    return 1.0 / (1.0 / _row_sum(w)).astype(np.float32).astype(np.float64)


def _global_max(v: Array) -> Array:
    finite = v[np.isfinite(v)]
    return np.full((len(v), 1), finite.max() if finite.size else 0.0)


# Changes of the row before all else.


def _when_n(test: Callable[[int], bool], change: Part) -> Part:
    return lambda v: change(v) if test(v.shape[-1]) else v


def _without_last(v: Array) -> Array:
    return np.where(np.arange(v.shape[-1]) == v.shape[-1] - 1, -np.inf, v)


def _without_first(v: Array) -> Array:
    return np.where(np.arange(v.shape[-1]) == 0, -np.inf, v)


def _without_max(v: Array) -> Array:
    return np.where(np.arange(v.shape[-1]) == v.argmax(axis=-1)[:, np.newaxis], -np.inf, v)


def _first_twice(v: Array) -> Array:
    return np.concatenate([v[:, :1], v], axis=-1)


def _without_remainder(v: Array) -> Array:
    return v[:, : v.shape[-1] // 8 * 8]


def _off_by_one_block(v: Array) -> Array:
    """Entry 256 is replaced by a second reading of entry 255."""
    v = v.copy()
    v[:, 256] = v[:, 255]
    return v


def _transposed_if_square(v: Array) -> Array:
    return v.T if v.shape[0] == v.shape[1] > 1 else v


def _softmax_down_squares(x: Array) -> Array:
    square = x.shape[0] == x.shape[1] > 1
    return softmax(x.T).T if square else softmax(x)


def _in_memory_order(x: Array) -> Array:
    x = np.asarray(x)
    return x.ravel(order="K").reshape(x.shape)


def _forwards(x: Array) -> Array:
    """The rows read forwards in memory whichever way they are strided."""
    x = np.asarray(x)
    return x[:, ::-1] if x.strides[-1] < 0 else x


# Wrong results: a correct kernel, then something done to what it returns.


def _then(kernel: Kernel, spoil: Callable[[Any], Any]) -> Kernel:
    return lambda *arrays: spoil(kernel(*arrays))


def _before(kernel: Kernel, read: Callable[[Any], Any]) -> Kernel:
    return lambda *arrays: kernel(*(read(a) for a in arrays))


def _put(kernel: Kernel, when: Callable[..., Array], value: Any) -> Kernel:
    """`value` in the places of the result where `when` of the arguments holds."""

    def spoiled(*arrays: Array) -> Array:
        out = kernel(*arrays)
        places = when(*(np.asarray(a, dtype=np.float64) for a in arrays))
        return np.where(places, value, out).astype(out.dtype)

    return spoiled


def _if_n(test: Callable[[int], bool], wrong: Kernel, right: Kernel) -> Kernel:
    return lambda x: (wrong if test(x.shape[-1]) else right)(x)


def _moved(ulps: float, where: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def spoil(out: Array) -> Array:
        with np.errstate(all="ignore"):
            moved = out + np.asarray(ulps, out.dtype) * np.spacing(out)
            return np.where(np.isfinite(out) & where(out), moved, out)

    return spoil


def _biased(roundoffs: int) -> Callable[[Array], Array]:
    return lambda out: out * out.dtype.type(1 + roundoffs * np.finfo(out.dtype).eps / 2)


def _any_nan(v: Array) -> Array:
    return np.isnan(v).any(axis=-1)


def _any_infinite(v: Array) -> Array:
    return np.isposinf(v).any(axis=-1) & ~_any_nan(v)


def _all_minus_infinite(v: Array) -> Array:
    return np.isneginf(v).all(axis=-1)


def _some_minus_infinite(v: Array) -> Array:
    return np.isneginf(v).any(axis=-1) & np.isfinite(v.max(axis=-1))


def _tied(v: Array) -> Array:
    return ((v == _row_max(v)).sum(axis=-1) > 1) & np.isfinite(v.max(axis=-1))


def _by_row(when: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda v: when(v)[:, np.newaxis]


def _raises(error: type[BaseException], when: Callable[[Array], bool], right: Kernel) -> Kernel:
    def kernel(x: Array) -> Any:
        if when(x):
            raise error("the planted fault")
        return right(x)

    return kernel


def _acts(action: Callable[[], Any], when: Callable[[Array], bool], right: Kernel) -> Kernel:
    def kernel(x: Array) -> Any:
        if when(x):
            action()
        return right(x)

    return kernel


# Wrong kernels that are no change of a part.


def _unrestored(x: Array) -> Array:
    """The shift is subtracted and never added back."""
    return (logsumexp(x) - _row_max(np.asarray(x, dtype=np.float64))[:, 0]).astype(_promoted(x)[1])


def _maximum_by_size(x: Array) -> Array:
    v, dtype = _promoted(x)
    top = v.max(axis=-1)
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(top), np.abs(top) + (logsumexp(v) - top), top).astype(dtype)


def _in_own_integers(x: Array) -> Array:
    """Integers are subtracted in their own type, where they wrap around."""
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        return shifted_logsumexp(x)
    top = x.max(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        return top[:, 0] + np.log(np.exp((x - top).astype(np.float64)).sum(axis=-1))


def _softmax_in_own_integers(x: Array) -> Array:
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        return softmax(x)
    with np.errstate(all="ignore"):
        w = np.exp((x - x.max(axis=-1, keepdims=True)).astype(np.float64))
        return w / _row_sum(w)


def _small_integers_in_float16(x: Array) -> Array:
    x = np.asarray(x)
    return shifted_logsumexp(x, exp=_exp_float16 if x.dtype.kind in "biu" and x.itemsize == 1 else np.exp)


def _starting_from_lowest(x: Array) -> Array:
    """The running maximum starts from the lowest number of the type, and NumPy knows none for Booleans."""
    x = np.asarray(x)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return logsumexp(x, change=lambda v: np.maximum(v, lowest))


def _integers_for_integers(x: Array) -> Array:
    out = logsumexp(x)
    return out.astype(np.int64) if np.asarray(x).dtype.kind in "biu" else out


def _written_in_place(right: Kernel) -> Kernel:
    def kernel(x: Array) -> Array:
        out = right(x)
        if x.flags.writeable and x.dtype.kind == "f":
            with np.errstate(all="ignore"):
                x -= x.max(axis=-1, keepdims=True)
        return out

    return kernel


def _marked_in_place(x: Array) -> Array:
    """The maximum is overwritten, as if to take it out of the sum, and not put back."""
    out = logsumexp(x)
    if x.flags.writeable and x.dtype.kind == "f":
        np.put_along_axis(x, x.argmax(axis=-1)[:, np.newaxis], -np.inf, axis=-1)
    return out


def _ignoring_row_stride(x: Array) -> Array:
    """Of rows that share their memory only the first is filled in."""
    out = logsumexp(x)
    if len(x) > 1 and x.strides[0] == 0:
        out[1:] = 0.0
    return out


def _sixteen_rows_only(x: Array) -> Array:
    out = softmax(x)
    out[16:] = 0.0
    return out


def _last_row_repeated(x: Array) -> Array:
    out = logsumexp(x)
    out[1::2] = out[: len(out) // 2 * 2 : 2]
    return out


def _divided_by_reversed_sums(w: Array) -> Array:
    return _row_sum(w)[::-1]


def _log_softmax_composed(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        out = v - logsumexp(v)[:, np.newaxis]
        return np.where(np.isfinite(_row_max(v)), out, np.nan).astype(dtype)


def _log_of_padded_softmax(x: Array) -> Array:
    v, dtype = _promoted(x)
    out = np.log(softmax(v) + 1e-300)
    return np.where(np.isneginf(v) & np.isfinite(_row_max(v)), -np.inf, out).astype(dtype)


def _log_of_softmax(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        return np.log(softmax(v)).astype(dtype)


def _divided_naively(x: Array) -> Array:
    return softmax(x, shift=lambda v: np.zeros((len(v), 1)))


def _logaddexp_unswapped(x: Array, y: Array) -> Array:
    """x + log1p(exp(x - y)) where x < y: the gap has the wrong end subtracted."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        wrong = (v + np.log1p(np.exp(v - y))).astype(dtype)
    return np.where(np.isfinite(v) & np.isfinite(y) & (v < y), wrong, logaddexp(x, y))


def _logaddexp_from_first(x: Array, y: Array) -> Array:
    """The shift is x whichever is larger; right until exp(y - x) overflows or y is far above."""
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        from_x = (v + np.log1p(np.exp(y - v))).astype(dtype)
    return np.where(np.isfinite(v) & np.isfinite(y), from_x, logaddexp(x, y))


def _softplus_naive(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        return np.log1p(np.exp(v)).astype(dtype)


def _softplus_replaced(when: Callable[[Array], Array], by: Part) -> Kernel:
    def kernel(x: Array) -> Array:
        v, dtype = _promoted(x)
        with np.errstate(all="ignore"):
            return np.where(when(v), by(v), softplus(v)).astype(dtype)

    return kernel


def _sigmoid_float32(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        return (1.0 / (1.0 + np.exp(-v.astype(np.float32)))).astype(dtype)


def _sigmoid_by_complement(x: Array) -> Array:
    v, dtype = _promoted(x)
    return np.where(v < 0, 1.0 - sigmoid(-v), sigmoid(v)).astype(dtype)


def _sigmoid_by_quotient(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        return (np.exp(v) / (1.0 + np.exp(v))).astype(dtype)


def _sigmoid_one_sided(x: Array) -> Array:
    v, dtype = _promoted(x)
    with np.errstate(all="ignore"):
        return (1.0 / (1.0 + np.exp(-v))).astype(dtype)


def _sigmoid_clipped(out: Array) -> Array:
    return np.clip(out, 1e-15, 1.0 - 1e-15).astype(out.dtype)


def _sigmoid_by_tanh(x: Array) -> Array:
    v, dtype = _promoted(x)
    return (0.5 * (1.0 + np.tanh(0.5 * v))).astype(dtype)


# Kernels with a memory: each call of these makes a fresh one.


def _first_shift_kept() -> Kernel:
    kept: list[Array] = []

    def shift(v: Array) -> Array:
        kept.append(_global_max(v)[0])
        return np.broadcast_to(kept[0], (len(v), 1))

    return partial(shifted_logsumexp, shift=shift)


def _every_seventh_call_late(right: Kernel) -> Kernel:
    calls, last = itertools.count(1), []

    def kernel(x: Array) -> Any:
        if next(calls) % 7 or not last:
            last[:] = [right(x)]
        return last[0].copy()

    return kernel


def _one_buffer(right: Kernel) -> Kernel:
    buffers: dict[tuple[Any, ...], Array] = {}

    def kernel(x: Array) -> Array:
        out = right(x)
        buffer = buffers.setdefault((out.shape, out.dtype), out)
        buffer[...] = out
        return buffer

    return kernel


def _results_by_shape() -> Kernel:
    known: dict[tuple[Any, ...], Array] = {}

    def kernel(x: Array) -> Array:
        if (x.shape, x.dtype) not in known:
            known[x.shape, x.dtype] = logsumexp(x)
        return known[x.shape, x.dtype].copy()

    return kernel


def _worn_out_after(calls: int) -> Kernel:
    left = itertools.count(calls, -1)
    return lambda x: logsumexp(x, exp=_exp_cut(10.0) if next(left) <= 0 else np.exp)


def _noisy(right: Kernel, relative: float) -> Kernel:
    rng = np.random.default_rng(20)

    def spoil(out: Array) -> Array:
        return (out * (1.0 + relative * rng.standard_normal(out.shape))).astype(out.dtype)

    return _then(right, spoil)


def _racing() -> Kernel:
    """On a random half of the calls the last entry comes too late for the sum."""
    rng = np.random.default_rng()
    late = _when_n(lambda n: n > 1, _without_last)
    return lambda x: logsumexp(x, change=late if rng.random() < 0.5 else _same)


def _jittering() -> Kernel:
    rng = np.random.default_rng()
    return _then(logsumexp, lambda out: (out * (1.0 + rng.choice([0.0, 2.0**-40]))).astype(out.dtype))


# The zoo.


def _broken(name: str, fault: str, kernel: Kernel, *, function: str, standard: str) -> Broken:
    return Broken(name, function, standard, fault, lambda: kernel)


_lse = partial(_broken, function="logsumexp", standard="shifted-log1p")
_lse_shifted = partial(_broken, function="logsumexp", standard="shifted")
_soft = partial(_broken, function="softmax", standard="shifted")
_logsoft = partial(_broken, function="log_softmax", standard="shifted-log1p")
_pair = partial(_broken, function="logaddexp", standard="shifted-log1p")
_plus = partial(_broken, function="softplus", standard="shifted-log1p")
_sig = partial(_broken, function="sigmoid", standard="shifted")


def _lse_dropping(test: Callable[[int], bool], change: Part) -> Kernel:
    return partial(logsumexp, change=_when_n(test, change))


_SHIFTS = (
    _lse_shifted(
        "lse-shift-min",
        "The shift is the minimum.",
        partial(shifted_logsumexp, shift=lambda v: v.min(axis=-1, keepdims=True)),
    ),
    _lse_shifted(
        "lse-shift-mean",
        "The shift is the mean.",
        partial(shifted_logsumexp, shift=lambda v: v.mean(axis=-1, keepdims=True)),
    ),
    _lse_shifted(
        "lse-shift-first",
        "The shift is the first entry.",
        partial(shifted_logsumexp, shift=lambda v: v[:, :1]),
    ),
    _lse_shifted(
        "lse-shift-zero",
        "Nothing is shifted: the naive formula.",
        partial(shifted_logsumexp, shift=lambda v: np.zeros((len(v), 1))),
    ),
    _lse_shifted(
        "lse-shift-global",
        "The shift is the maximum of the whole batch.",
        partial(shifted_logsumexp, shift=_global_max),
    ),
    _lse_shifted("lse-shift-unrestored", "The shift is not added back.", _unrestored),
    _lse(
        "lse-shift-size",
        "The size of the maximum is added back: a wrong sign where it is negative.",
        _maximum_by_size,
    ),
    _soft("softmax-shift-zero", "Nothing is shifted: exp overflows.", _divided_naively),
    _soft(
        "softmax-shift-min",
        "The shift is the minimum: exp overflows.",
        partial(softmax, shift=lambda v: v.min(axis=-1, keepdims=True)),
    ),
    _soft(
        "softmax-shift-global",
        "The shift is the maximum of the whole batch: low rows vanish.",
        partial(softmax, shift=_global_max),
    ),
)

_TERMS = (
    _lse(
        "lse-last-lost-128",
        "The last entry is lost where n is 128.",
        _lse_dropping(lambda n: n == 128, _without_last),
    ),
    _lse(
        "lse-last-lost-odd",
        "The last entry is lost where n is odd.",
        _lse_dropping(lambda n: n > 1 and n % 2 == 1, _without_last),
    ),
    _lse(
        "lse-last-lost-long",
        "The last entry is lost where n is above 4096.",
        _lse_dropping(lambda n: n > 4096, _without_last),
    ),
    _lse(
        "lse-first-lost-3",
        "The first entry is lost where n is 3.",
        _lse_dropping(lambda n: n == 3, _without_first),
    ),
    _lse("lse-max-lost-2", "The maximum is lost where n is 2.", _lse_dropping(lambda n: n == 2, _without_max)),
    _lse(
        "lse-remainder-lost",
        "The entries after the last multiple of 8 are lost, as in a vector loop.",
        _lse_dropping(lambda n: n > 8, _without_remainder),
    ),
    _lse(
        "lse-first-twice-64",
        "The first entry is counted twice where n is 64.",
        _lse_dropping(lambda n: n == 64, _first_twice),
    ),
    _lse(
        "lse-block-edge",
        "Entry 255 is read again in place of entry 256.",
        _lse_dropping(lambda n: n > 256, _off_by_one_block),
    ),
    _lse("lse-ties-once", "Entries equal to the maximum are counted once.", partial(logsumexp, exp=_ties_lost)),
    _lse("lse-ties-nan", "NaN where two entries are the maximum.", _put(logsumexp, _tied, np.nan)),
    Broken(
        "lse-naive-last-lost-128",
        "logsumexp",
        "naive",
        "The last entry is lost where n is 128.",
        lambda: _lse_dropping(lambda n: n == 128, _without_last),
    ),
    _soft(
        "softmax-last-lost-128",
        "The last entry is no part of the row where n is 128.",
        partial(softmax, change=_when_n(lambda n: n == 128, _without_last)),
    ),
    _logsoft(
        "log-softmax-last-lost-3",
        "The last entry is no part of the row where n is 3.",
        partial(log_softmax, change=_when_n(lambda n: n == 3, _without_last)),
    ),
)

_PARTS = (
    _lse(
        "lse-log-not-log1p",
        "log(1 + s) stands in place of log1p(s).",
        partial(logsumexp, log1p=_log1p_by_log),
    ),
    _lse(
        "lse-log1p-small",
        "log(1 + s) stands in place of log1p(s) where s is below 1e-3.",
        partial(logsumexp, log1p=_log1p_bad_below(1e-3)),
    ),
    _lse("lse-log1p-near-one", "log1p is off by 1e-12 near 1.", partial(logsumexp, log1p=_log1p_off_near_one)),
    _lse_shifted("lse-log-near-two", "log is off by 1e-12 near 2.", partial(shifted_logsumexp, log=_log_off_near_two)),
    _lse("lse-float32", "Everything after the shift is done in float32.", partial(logsumexp, exp=_exp_float32)),
    _lse(
        "lse-float16-long",
        "exp is evaluated in float16 where n is above 1024.",
        partial(logsumexp, exp=_exp_float16_if_long),
    ),
    Broken(
        "lse-naive-float32",
        "logsumexp",
        "naive",
        "Everything after the shift is done in float32.",
        lambda: partial(logsumexp, exp=_exp_float32),
    ),
    *(
        _lse(
            f"lse-cut-{gap}",
            f"Entries more than {gap} below the maximum are dropped.",
            partial(logsumexp, exp=_exp_cut(gap)),
        )
        for gap in (20, 30, 36)
    ),
    _lse("lse-clip-50", "The argument of exp is clipped at -50.", partial(logsumexp, exp=_exp_clipped(-50.0))),
    _lse(
        "lse-clip-100",
        "The argument of exp is clipped at -100.",
        partial(logsumexp, exp=_exp_clipped(-100.0)),
    ),
    _lse(
        "lse-exp-window-7",
        "exp is off by 1e-9 of its value for arguments in [-7.1, -7].",
        partial(logsumexp, exp=_exp_off(-7.1, -7.0, 1e-9)),
    ),
    _lse(
        "lse-exp-window-36",
        "exp is off by 1e-9 of its value for arguments in [-36.5, -36].",
        partial(logsumexp, exp=_exp_off(-36.5, -36.0, 1e-9)),
    ),
    _lse(
        "lse-exp-series",
        "exp is a Taylor series that is too short for arguments below 0.1.",
        partial(logsumexp, exp=_exp_by_series),
    ),
    _soft(
        "softmax-cut-700",
        "Entries more than 700 below the maximum give 0.",
        partial(softmax, exp=_exp_cut(700.0)),
    ),
    _soft("softmax-clip-50", "The argument of exp is clipped at -50.", partial(softmax, exp=_exp_clipped(-50.0))),
    _soft(
        "softmax-clip-100",
        "The argument of exp is clipped at -100.",
        partial(softmax, exp=_exp_clipped(-100.0)),
    ),
    _soft(
        "softmax-exp-window-300",
        "exp is off by 1e-9 of its value for arguments in [-300, -290].",
        partial(softmax, exp=_exp_off(-300.0, -290.0, 1e-9)),
    ),
    _soft(
        "softmax-exp-series",
        "exp is a Taylor series that is too short for arguments below 0.1.",
        partial(softmax, exp=_exp_by_series),
    ),
    _soft(
        "softmax-subnormals",
        "Subnormal weights are flushed to zero.",
        partial(softmax, exp=_exp_without_subnormals),
    ),
    _soft(
        "softmax-float32",
        "Everything after the shift is done in float32.",
        partial(softmax, exp=_exp_float32),
    ),
    _soft(
        "softmax-unnormalised",
        "The results add up to 1 - 1e-12.",
        partial(softmax, total=lambda w: _row_sum(w) * (1.0 + 1e-12)),
    ),
    _soft(
        "softmax-reciprocal",
        "The weights are multiplied by a reciprocal rounded to float32.",
        partial(softmax, total=_float32_reciprocal),
    ),
    _logsoft(
        "log-softmax-composed",
        "x - logsumexp(x): the rounding of a large maximum stays.",
        _log_softmax_composed,
    ),
    _logsoft("log-softmax-padded", "log(softmax + 1e-300): nothing is below -691.", _log_of_padded_softmax),
    _logsoft(
        "log-softmax-of-softmax",
        "log(softmax): -inf where softmax underflows, and bad near 0.",
        _log_of_softmax,
    ),
    Broken(
        "log-softmax-shifted-composed",
        "log_softmax",
        "shifted",
        "x - logsumexp(x): the rounding of a large maximum stays.",
        lambda: _log_softmax_composed,
    ),
    _logsoft(
        "log-softmax-log-not-log1p",
        "log(1 + s) stands in place of log1p(s).",
        partial(log_softmax, log1p=_log1p_by_log),
    ),
    _logsoft(
        "log-softmax-cut-30",
        "Entries more than 30 below the maximum are dropped from the sum.",
        partial(log_softmax, exp=_exp_cut(30.0)),
    ),
)

_RANGE = (
    _lse(
        "lse-inf-early",
        "inf as soon as the maximum is above 709.",
        _put(logsumexp, lambda v: np.isfinite(v.max(axis=-1)) & (v.max(axis=-1) > 709), np.inf),
    ),
    _lse(
        "lse-underflow",
        "-inf where every entry is below -745.",
        _put(logsumexp, lambda v: v.max(axis=-1) < -745, -np.inf),
    ),
    _lse("lse-biased", "Every result is larger by 8 unit roundoffs.", _then(logsumexp, _biased(8))),
    _lse(
        "lse-large-off",
        "Results beyond 1e6 are off by 4 ulp.",
        _then(logsumexp, _moved(4, lambda out: np.abs(out) > 1e6)),
    ),
    _lse(
        "lse-small-off",
        "Results below 1e-6 in size are off by 8 ulp.",
        _then(logsumexp, _moved(8, lambda out: np.abs(out) < 1e-6)),
    ),
    _soft("softmax-biased", "Every result is larger by 16 unit roundoffs.", _then(softmax, _biased(16))),
    _logsoft(
        "log-softmax-small-off",
        "Results below 1e-6 in size are off by 8 ulp.",
        _then(log_softmax, _moved(8, lambda out: np.abs(out) < 1e-6)),
    ),
)

_SPECIAL = (
    _lse(
        "lse-nan-dropped",
        "NaN entries are left out, as by nanmax.",
        partial(logsumexp, change=lambda v: np.where(np.isnan(v), -np.inf, v)),
    ),
    _lse("lse-inf-nan", "NaN where an entry is +inf.", _put(logsumexp, _any_infinite, np.nan)),
    _lse(
        "lse-all-minus-inf-nan",
        "NaN where every entry is -inf.",
        _put(logsumexp, _all_minus_infinite, np.nan),
    ),
    _lse(
        "lse-some-minus-inf-nan",
        "NaN where an entry among finite ones is -inf.",
        _put(logsumexp, _some_minus_infinite, np.nan),
    ),
    _soft(
        "softmax-all-minus-inf-zero",
        "Zeros where every entry is -inf.",
        _put(softmax, _by_row(_all_minus_infinite), 0.0),
    ),
    _soft(
        "softmax-some-minus-inf-nan",
        "NaN at each entry that is -inf among finite ones.",
        _put(softmax, np.isneginf, np.nan),
    ),
    _soft(
        "softmax-negative-zero",
        "Entries that are -inf give -0.",
        _put(softmax, lambda v: np.isneginf(v) & np.isfinite(_row_max(v)), -0.0),
    ),
    _soft(
        "softmax-nan-kept-in-place",
        "A NaN entry spoils its own place only.",
        lambda x: np.where(np.isnan(x), x, softmax(np.where(np.isnan(x), -np.inf, x))),
    ),
    _logsoft(
        "log-softmax-minus-inf-nan",
        "NaN at each entry that is -inf among finite ones.",
        _put(log_softmax, np.isneginf, np.nan),
    ),
    _logsoft("log-softmax-inf-zero", "An entry that is +inf gives 0.", _put(log_softmax, np.isposinf, 0.0)),
)

_SHAPES_AND_TYPES = (
    _lse(
        "lse-float32-out",
        "float64 input gives a float32 result.",
        _then(logsumexp, lambda out: out.astype(np.float32)),
    ),
    _lse(
        "lse-float64-out",
        "float32 input gives a float64 result.",
        lambda x: logsumexp(np.asarray(x, dtype=np.float64)),
    ),
    _lse("lse-int64-out", "Integers give an int64 result.", _integers_for_integers),
    _lse("lse-bool-crash", "Raises ValueError for Booleans.", _starting_from_lowest),
    _lse_shifted("lse-uint8-wrap", "Integers are subtracted in their own type and wrap around.", _in_own_integers),
    _lse_shifted(
        "lse-int8-float16",
        "One-byte integers are evaluated in float16, NumPy's default for them.",
        _small_integers_in_float16,
    ),
    _soft(
        "softmax-uint8-wrap",
        "Integers are subtracted in their own type and wrap around.",
        _softmax_in_own_integers,
    ),
    _lse("lse-keepdims", "The result has shape (rows, 1).", _then(logsumexp, lambda out: out[:, np.newaxis])),
    _lse(
        "lse-scalar",
        "One row gives a number, not an array.",
        _then(logsumexp, lambda out: out[0] if len(out) == 1 else out),
    ),
    _lse(
        "lse-trimmed",
        "The last row has no result where there are several.",
        _then(logsumexp, lambda out: out[:-1] if len(out) > 1 else out),
    ),
    _lse("lse-none", "Nothing is returned.", _then(logsumexp, lambda out: None)),
    _lse(
        "lse-list",
        "A list with one entry too many is returned.",
        _then(logsumexp, lambda out: [*out.tolist(), 0.0]),
    ),
    _soft("softmax-transposed", "The result is transposed.", _then(softmax, np.transpose)),
    _soft("softmax-flat", "The result is flattened.", _then(softmax, np.ravel)),
)

_MEMORY = (
    _lse(
        "lse-memory-order",
        "The entries are read in the order of memory.",
        _before(logsumexp, _in_memory_order),
    ),
    _soft("softmax-forwards", "A reversed row is read forwards.", _before(softmax, _forwards)),
    _lse("lse-broadcast-rows", "Rows that share their memory are filled in once.", _ignoring_row_stride),
    _lse("lse-in-place", "The maximum is subtracted from the caller's array.", _written_in_place(logsumexp)),
    _soft("softmax-in-place", "The maximum is subtracted from the caller's array.", _written_in_place(softmax)),
    _lse("lse-marked-in-place", "The maximum is overwritten in the caller's array.", _marked_in_place),
    _lse(
        "lse-square-axis",
        "A square array is reduced along its first axis.",
        _before(logsumexp, _transposed_if_square),
    ),
    _soft("softmax-square-axis", "A square array is normalised along its first axis.", _softmax_down_squares),
    _soft(
        "softmax-rows-mixed",
        "Each row is divided by the sum of another one.",
        partial(softmax, total=_divided_by_reversed_sums),
    ),
    _soft("softmax-sixteen-rows", "Rows after the sixteenth are left at zero.", _sixteen_rows_only),
    _lse("lse-row-repeated", "Every second row gets the result of the row before.", _last_row_repeated),
)

_STATE = (
    Broken(
        "lse-first-shift-kept",
        "logsumexp",
        "shifted",
        "The maximum of the first call shifts all later ones.",
        _first_shift_kept,
    ),
    Broken(
        "lse-seventh-late",
        "logsumexp",
        "shifted-log1p",
        "Every seventh call returns the previous result.",
        lambda: _every_seventh_call_late(logsumexp),
    ),
    Broken(
        "softmax-seventh-late",
        "softmax",
        "shifted",
        "Every seventh call returns the previous result.",
        lambda: _every_seventh_call_late(softmax),
    ),
    Broken(
        "lse-one-buffer",
        "logsumexp",
        "shifted-log1p",
        "The next call overwrites the result of this one.",
        lambda: _one_buffer(logsumexp),
    ),
    Broken(
        "softmax-one-buffer",
        "softmax",
        "shifted",
        "The next call overwrites the result of this one.",
        lambda: _one_buffer(softmax),
    ),
    Broken(
        "lse-by-shape",
        "logsumexp",
        "shifted-log1p",
        "Results are remembered by shape and type alone.",
        _results_by_shape,
    ),
    Broken(
        "lse-worn-out",
        "logsumexp",
        "shifted-log1p",
        "After 20 calls entries 10 below the maximum drop out.",
        lambda: _worn_out_after(20),
    ),
    Broken(
        "lse-noise",
        "logsumexp",
        "shifted-log1p",
        "Results carry random noise of 1e-13 of their size.",
        lambda: _noisy(logsumexp, 1e-13),
    ),
    Broken(
        "softmax-noise",
        "softmax",
        "shifted",
        "Results carry random noise of 1e-13 of their size.",
        lambda: _noisy(softmax, 1e-13),
    ),
    Broken("lse-race", "logsumexp", "shifted-log1p", "A random half of the calls loses the last entry.", _racing),
    Broken(
        "lse-jitter",
        "logsumexp",
        "shifted-log1p",
        "A random half of the calls is off by 2^-40 of the result.",
        _jittering,
    ),
)

_ENDINGS = (
    _lse("lse-raises-1", "Raises where n is 1.", _raises(ValueError, lambda x: x.shape[-1] == 1, logsumexp)),
    _lse(
        "lse-raises-fortran",
        "Raises where the array is in Fortran order.",
        _raises(ValueError, lambda x: x.flags.f_contiguous and not x.flags.c_contiguous, logsumexp),
    ),
    _lse(
        "lse-raises-read-only",
        "Raises where the array is read-only.",
        _raises(ValueError, lambda x: not x.flags.writeable, logsumexp),
    ),
    _lse(
        "lse-raises-overflow",
        "Raises where exp of the maximum overflows.",
        _raises(OverflowError, lambda x: bool((x > 709).any()), logsumexp),
    ),
    _lse("lse-sys-exit", "Calls sys.exit where n is 5.", _acts(sys.exit, lambda x: x.shape[-1] == 5, logsumexp)),
    _lse(
        "lse-os-exit",
        "Ends the process where n is 7.",
        _acts(partial(os._exit, 3), lambda x: x.shape[-1] == 7, logsumexp),
    ),
    _lse(
        "lse-hangs-17",
        "Sleeps for 1000 seconds where n is 17.",
        _acts(partial(time.sleep, 1000), lambda x: x.shape[-1] == 17, logsumexp),
    ),
)

_PAIRS_AND_ELEMENTS = (
    _pair("logaddexp-gap-sign", "x - y stands in place of y - x where x < y.", _logaddexp_unswapped),
    _pair("logaddexp-from-first", "The shift is x, whichever is larger.", _logaddexp_from_first),
    _pair(
        "logaddexp-inf-nan",
        "inf and inf give NaN.",
        _put(logaddexp, lambda x, y: np.isposinf(x) & np.isposinf(y), np.nan),
    ),
    _pair(
        "logaddexp-minus-inf-nan",
        "-inf and -inf give NaN.",
        _put(logaddexp, lambda x, y: np.isneginf(x) & np.isneginf(y), np.nan),
    ),
    _pair(
        "logaddexp-cut-36",
        "The smaller one is ignored where it is more than 36 below.",
        partial(logaddexp, exp=_exp_cut(36.0)),
    ),
    _pair("logaddexp-tie", "x and x give x.", lambda x, y: np.where(x == y, x, logaddexp(x, y))),
    _plus("softplus-linear-20", "x above 20 gives x.", _softplus_replaced(lambda v: v > 20, _same)),
    _plus("softplus-exp-20", "x below -20 gives exp(x).", _softplus_replaced(lambda v: v < -20, np.exp)),
    _plus("softplus-zero-40", "x below -40 gives 0.", _softplus_replaced(lambda v: v < -40, np.zeros_like)),
    _plus("softplus-naive", "log1p(exp(x)) overflows above 709.", _softplus_naive),
    _plus(
        "softplus-log-not-log1p",
        "log(1 + s) stands in place of log1p(s).",
        partial(softplus, log1p=_log1p_by_log),
    ),
    _sig("sigmoid-float32", "1 / (1 + exp(-x)) is computed in float32.", _sigmoid_float32),
    _sig("sigmoid-clipped", "Results are clipped to [1e-15, 1 - 1e-15].", _then(sigmoid, _sigmoid_clipped)),
    _sig("sigmoid-complement", "Negative x gives 1 - sigmoid(-x), which cancels.", _sigmoid_by_complement),
    _sig("sigmoid-quotient", "exp(x) / (1 + exp(x)) is NaN above 709.", _sigmoid_by_quotient),
    _sig("sigmoid-one-sided", "1 / (1 + exp(-x)) is 0 below -710 already.", _sigmoid_one_sided),
    _sig("sigmoid-tanh", "(1 + tanh(x / 2)) / 2 cancels for negative x.", _sigmoid_by_tanh),
    _sig("sigmoid-inf-nan", "NaN at both infinities.", _put(sigmoid, np.isinf, np.nan)),
)

BROKEN: tuple[Broken, ...] = (
    *_SHIFTS,
    *_TERMS,
    *_PARTS,
    *_RANGE,
    *_SPECIAL,
    *_SHAPES_AND_TYPES,
    *_MEMORY,
    *_STATE,
    *_ENDINGS,
    *_PAIRS_AND_ELEMENTS,
)
