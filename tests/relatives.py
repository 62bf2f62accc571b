"""Kernels of the functions that are read off another one: the cross-entropy, prefixes and gradients, sound and broken.

Sound ones keep to what they claim; each broken one differs by one fault, as in `broken_kernels`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .broken_kernels import Broken
from .sound_kernels import Sound

__all__ = ["BROKEN_RELATIVES", "SOUND_RELATIVES"]

Array = np.ndarray[Any, Any]


def _floats(x: Array) -> Array:
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _quiet(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """Integers promoted, NaN where nothing is defined, no warnings, and the type of the input."""

    def run(x: Array, *more: Array) -> Array:
        x = _floats(x)
        with np.errstate(all="ignore"):
            out = kernel(x, *more)
            undefined = np.isnan(x).any(-1) | np.isposinf(x).any(-1) | np.isneginf(x).all(-1)
            return np.where(undefined.reshape(undefined.shape + (1,) * (out.ndim - 1)), np.nan, out).astype(x.dtype)

    return run


def _softmax(x: Array) -> Array:
    w = np.exp(x - x.max(-1, keepdims=True))
    return w / w.sum(-1, keepdims=True)


def _one_hot(x: Array, t: Array) -> Array:
    return (np.arange(x.shape[1]) == t[:, np.newaxis]).astype(x.dtype)


def _at(x: Array, t: Array) -> Array:
    return np.take_along_axis(x, t[:, np.newaxis], -1)[:, 0]


def _lse(x: Array) -> Array:
    top = x.max(-1)
    return top + np.log(np.exp(x - top[:, np.newaxis]).sum(-1))


def _jacobian(g: Array, t: Array) -> Array:
    return _at(g, t)[:, np.newaxis] * (_one_hot(g, t) - g)


def _cumulative(x: Array) -> Array:
    return np.logaddexp.accumulate(_floats(x), axis=-1)


def _under_one_shift(x: Array) -> Array:
    top = x.max(-1, keepdims=True)
    return np.where(np.isfinite(top), top + np.log(np.cumsum(np.exp(x - top), -1)), _cumulative(x))


def _exclusive(x: Array) -> Array:
    return np.concatenate([np.full_like(_floats(x)[:, :1], -np.inf), _cumulative(x)[:, :-1]], -1)


def _of_pair(kernel: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, y: _quiet(kernel)(np.stack([_floats(x), _floats(y)], -1))


def _slope(x: Array) -> Array:
    """exp(-|x|) / (1 + exp(-|x|))^2, which does not cancel."""
    w = np.exp(-np.abs(_floats(x)))
    return (1.0 / (1.0 + w)) * (w / (1.0 + w))


def _by_complement(x: Array) -> Array:
    with np.errstate(all="ignore"):
        s = 1.0 / (1.0 + np.exp(-_floats(x)))
        return s * (1.0 - s)


def _saturated(x: Array) -> Array:
    return np.where(np.abs(_floats(x)) > 30, 0.0, _slope(x))


_CASES: tuple[tuple[str, str, str, str | None, Callable[..., Array]], ...] = (
    ("ce-composed", "cross_entropy", "composed", None, _quiet(lambda x, t: _lse(x) - _at(x, t))),
    ("ce-log-of-softmax", "cross_entropy", "shifted", "The softmax has underflowed before its logarithm is taken.",
     _quiet(lambda x, t: -np.log(_at(_softmax(x), t)))),
    ("ce-lost-tail", "cross_entropy", "shifted-log1p", "log of the sum, where log1p of the other terms is claimed.",
     _quiet(lambda x, t: np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1)) - (_at(x, t) - x.max(-1)))),
    ("ce-next-label", "cross_entropy", "composed", "The label is off by one.",
     _quiet(lambda x, t: _lse(x) - _at(x, (t + 1) % x.shape[1]))),
    ("cumulative-chained", "logcumsumexp", "chained", None, _cumulative),
    ("cumulative-one-shift", "logcumsumexp", "shifted", "One shift for all prefixes: early ones underflow.",
     _under_one_shift),
    ("cumulative-exclusive", "logcumsumexp", "chained", "Each prefix lacks its last entry.", _exclusive),
    ("slopes-of-two", "logaddexp_gradient", "shifted", None, _of_pair(_softmax)),
    ("slopes-swapped", "logaddexp_gradient", "naive", "The two slopes are swapped.",
     _of_pair(lambda x: _softmax(x)[:, ::-1])),
    ("slopes-naive", "logaddexp_gradient", "shifted", "exp overflows, as nothing is shifted.",
     _of_pair(lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True))),
    ("ce-gradient", "cross_entropy_gradient", "shifted", None, _quiet(lambda x, t: _softmax(x) - _one_hot(x, t))),
    ("ce-gradient-cancels", "cross_entropy_gradient", "shifted-tail", "g - 1 cancels at the label.",
     _quiet(lambda x, t: _softmax(x) - _one_hot(x, t))),
    ("ce-gradient-without-label", "cross_entropy_gradient", "naive", "1 is not taken from the label.",
     _quiet(lambda x, t: _softmax(x))),
    ("log-softmax-gradient", "log_softmax_gradient", "shifted", None,
     _quiet(lambda x, t: _one_hot(x, t) - _softmax(x))),
    ("log-softmax-gradient-sign", "log_softmax_gradient", "naive", "The sign of the loss's gradient.",
     _quiet(lambda x, t: _softmax(x) - _one_hot(x, t))),
    ("softmax-gradient", "softmax_gradient", "shifted", None, _quiet(lambda x, t: _jacobian(_softmax(x), t))),
    ("softmax-gradient-diagonal", "softmax_gradient", "naive", "The other entries do not depend on the label's.",
     _quiet(lambda x, t: _jacobian(_softmax(x), t) * _one_hot(x, t))),
    ("slope-stable", "sigmoid_gradient", "shifted-tail", None, _slope),
    ("slope-by-complement", "sigmoid_gradient", "shifted-tail", "1 - s cancels for large x.", _by_complement),
    ("slope-saturated", "sigmoid_gradient", "shifted", "0 beyond 30.", _saturated),
)  # fmt: skip


def _fresh(kernel: Callable[..., Array]) -> Callable[[], Callable[..., Array]]:
    return lambda: kernel


SOUND_RELATIVES = tuple(
    Sound(name, function, claim, _fresh(k)) for name, function, claim, fault, k in _CASES if not fault
)
BROKEN_RELATIVES = tuple(
    Broken(name, function, claim, fault, _fresh(k)) for name, function, claim, fault, k in _CASES if fault
)
