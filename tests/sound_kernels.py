"""Kernels that keep the standard they claim, in the many styles that correct code is written in.

Whatever judges kernels must let all of these pass: they establish that a verdict of "wrong" is no matter of
summation order, of masking or sorting, of blocks, of wider precision inside or of whose library did the work.

All of them promote integers and Booleans to float64, evaluate in float64 or wider (NumPy's exp and log for
float32 err by several ulps) and round once to the type of the input; special values give what `strict` owes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

__all__ = ["SOUND", "Sound"]

Array = np.ndarray[Any, Any]
Kernel = Callable[..., Array]


@dataclass(frozen=True)
class Sound:
    """A correct kernel of `function` that keeps `standard`; `make()` returns it."""

    name: str
    function: str
    standard: str
    make: Callable[[], Kernel]


def _in_float64(body: Kernel) -> Kernel:
    """`body` on float64 copies of the arrays, its result rounded to the type owed, without warnings."""

    def kernel(*arrays: Array) -> Array:
        given = [np.asarray(a) for a in arrays]
        owed = given[0].dtype if given[0].dtype.kind == "f" else np.dtype(np.float64)
        with np.errstate(all="ignore"):
            return np.asarray(body(*(a.astype(np.float64) for a in given))).astype(owed)

    return kernel


def _with_special_rows(body: Kernel, undefined: bool = False) -> Kernel:
    """`body` on the rows whose maximum is finite; the others get their maximum, or NaN where `undefined`."""

    def kernel(x: Array) -> Array:
        top = x.max(axis=-1)
        ordinary = np.isfinite(top)
        special = np.full_like(top, np.nan) if undefined else top
        out = np.broadcast_to(special[:, np.newaxis], x.shape).copy() if undefined else special
        if ordinary.any():
            out[ordinary] = body(x[ordinary])
        return out

    return _in_float64(kernel)


def _defined_rows(body: Kernel) -> Kernel:
    return _with_special_rows(body, undefined=True)


# logsumexp


def _plain(x: Array) -> Array:
    a = x.max(axis=-1)
    return a + np.log(np.exp(x - a[:, np.newaxis]).sum(axis=-1))


def _without_maximum(x: Array) -> Array:
    """The rows (rows, n - 1) that are left when the first maximum of each is taken out."""
    keep = np.arange(x.shape[1]) != x.argmax(axis=-1)[:, np.newaxis]
    return x[keep].reshape(x.shape[0], -1)


def _masked(x: Array) -> Array:
    a = x.max(axis=-1)
    return a + np.log1p(np.exp(_without_maximum(x) - a[:, np.newaxis]).sum(axis=-1))


def _sorted(x: Array) -> Array:
    ordered = np.sort(x, axis=-1)
    return ordered[:, -1] + np.log1p(np.exp(ordered[:, :-1] - ordered[:, -1:]).sum(axis=-1))


def _row_by_fsum(row: list[float]) -> float:
    at = max(range(len(row)), key=row.__getitem__)
    return row[at] + math.log1p(math.fsum(math.exp(v - row[at]) for i, v in enumerate(row) if i != at))


def _by_fsum(x: Array) -> Array:
    return np.array([_row_by_fsum(row) for row in x.tolist()])


def _in_long_double(x: Array) -> Array:
    return _masked(x.astype(np.longdouble)).astype(np.float64)


def _blockwise(x: Array) -> Array:
    a = x.max(axis=-1, keepdims=True)
    total = np.zeros(len(x))
    for start in range(0, x.shape[1], 256):
        total += np.exp(x[:, start : start + 256] - a).sum(axis=-1)
    return a[:, 0] + np.log(total)


def _backwards(x: Array) -> Array:
    return _masked(np.ascontiguousarray(x[:, ::-1]))


def _scipy_logsumexp(x: Array) -> Array:
    return scipy.special.logsumexp(x, axis=-1)


def _naive(x: Array) -> Array:
    return np.log(np.exp(x).sum(axis=-1))


# softmax and log_softmax


def _softmax_einsum(x: Array) -> Array:
    w = np.exp(x - x.max(axis=-1, keepdims=True))
    return w / np.einsum("ij->i", w)[:, np.newaxis]


def _softmax_by_rows(x: Array) -> Array:
    out = np.empty(x.shape)
    for row, target in zip(x, out, strict=True):
        np.exp(row - row.max(), out=target)
        target /= math.fsum(target)
    return out


def _softmax_without_division(x: Array) -> Array:
    return np.exp(x - _plain(x)[:, np.newaxis])


def _log_softmax_plain(x: Array) -> Array:
    gaps = x - x.max(axis=-1, keepdims=True)
    return gaps - np.log(np.exp(gaps).sum(axis=-1, keepdims=True))


def _log_softmax_masked(x: Array) -> Array:
    a = x.max(axis=-1, keepdims=True)
    return (x - a) - np.log1p(np.exp(_without_maximum(x) - a).sum(axis=-1, keepdims=True))


def _log_softmax_composed(x: Array) -> Array:
    return x - _plain(x)[:, np.newaxis]


# Pairs and elements


def _log_sum_of_two(x: Array, y: Array) -> Array:
    top, gap = np.maximum(x, y), -np.abs(x - y)
    return np.where(np.isfinite(top), top + np.log1p(np.exp(gap)), top)


def _softplus_by_cases(x: Array) -> Array:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid_by_cases(x: Array) -> Array:
    w = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, w) / (1.0 + w)


def _scipy_expit(x: Array) -> Array:
    """scipy's expit, which is 0 below -709.8 already, with exp in its place there."""
    return np.where(x < -700.0, np.exp(x), scipy.special.expit(x))


def _sound(name: str, function: str, standard: str, kernel: Kernel) -> Sound:
    return Sound(name, function, standard, lambda: kernel)


SOUND: tuple[Sound, ...] = (
    _sound("lse-plain", "logsumexp", "shifted", _with_special_rows(_plain)),
    _sound("lse-blockwise", "logsumexp", "shifted", _with_special_rows(_blockwise)),
    _sound("lse-masked", "logsumexp", "shifted-log1p", _with_special_rows(_masked)),
    _sound("lse-sorted", "logsumexp", "shifted-log1p", _with_special_rows(_sorted)),
    _sound("lse-fsum", "logsumexp", "shifted-log1p", _with_special_rows(_by_fsum)),
    _sound("lse-long-double", "logsumexp", "shifted-log1p", _with_special_rows(_in_long_double)),
    _sound("lse-backwards", "logsumexp", "shifted-log1p", _with_special_rows(_backwards)),
    _sound("lse-scipy", "logsumexp", "shifted-log1p", _in_float64(_scipy_logsumexp)),
    _sound("lse-reduce", "logsumexp", "chained", _in_float64(lambda x: np.logaddexp.reduce(x, axis=-1))),
    _sound("lse-naive", "logsumexp", "naive", _with_special_rows(_naive)),
    _sound("softmax-scipy", "softmax", "shifted", _in_float64(lambda x: scipy.special.softmax(x, axis=-1))),
    _sound("softmax-einsum", "softmax", "shifted", _defined_rows(_softmax_einsum)),
    _sound("softmax-by-rows", "softmax", "shifted", _defined_rows(_softmax_by_rows)),
    _sound("softmax-without-division", "softmax", "division-free", _defined_rows(_softmax_without_division)),
    _sound("log-softmax-plain", "log_softmax", "shifted", _defined_rows(_log_softmax_plain)),
    _sound("log-softmax-masked", "log_softmax", "shifted-log1p", _defined_rows(_log_softmax_masked)),
    _sound("log-softmax-composed", "log_softmax", "composed", _defined_rows(_log_softmax_composed)),
    _sound("logaddexp-numpy", "logaddexp", "shifted-log1p", _in_float64(np.logaddexp)),
    _sound("logaddexp-by-hand", "logaddexp", "shifted-log1p", _in_float64(_log_sum_of_two)),
    _sound("softplus-numpy", "softplus", "shifted-log1p", _in_float64(lambda x: np.logaddexp(0.0, x))),
    _sound("softplus-by-cases", "softplus", "shifted-log1p", _in_float64(_softplus_by_cases)),
    _sound("sigmoid-scipy", "sigmoid", "shifted", _in_float64(_scipy_expit)),
    _sound("sigmoid-by-cases", "sigmoid", "shifted", _in_float64(_sigmoid_by_cases)),
)
