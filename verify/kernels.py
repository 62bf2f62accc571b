"""Kernels: what is judged, where it comes from, how it is called, and what it claims."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, algorithm, algorithms_for

from .floats import kernel_from
from .formats import Format
from .profiles import PROFILES
from .standards import standards_for

__all__ = ["CALLS", "Kernel", "KernelError", "builtin_kernels", "kernel_named", "load"]

CALLS = ("batch", "row")


class KernelError(ValueError):
    """A kernel that cannot be found, loaded or called as asked; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One implementation of `function`.

    `source` is "algorithm" for one of ours, "package.module:attribute", "path/file.py:attribute", or a callable.
    `claim` is the standard it is held to when none is asked for; without one it is classified only. `call` says
    whether it gets the whole batch (rows, n) or one row (n,) at a time.
    """

    name: str
    function: str
    source: Any
    claim: str | None = None
    call: str = "batch"
    profile: str = "strict"

    def __post_init__(self) -> None:
        for value, choices, what in (
            (self.function, tuple(FUNCTIONS), "function"),
            (self.call, CALLS, "way to call"),
            (self.profile, tuple(PROFILES), "special-value profile"),
        ):
            if value not in choices:
                raise KernelError(
                    f"kernel {self.name}: unknown {what} {value!r}: one of {', '.join(choices)} is required"
                )
        if self.claim is not None and self.claim not in standards_for(self.function):
            raise KernelError(
                f"kernel {self.name}: {self.function} has no standard {self.claim!r}: "
                f"one of {', '.join(standards_for(self.function))} is required"
            )

    @property
    def origin(self) -> str:
        """Kernels of one origin may share a process."""
        if not isinstance(self.source, str):
            return f"callable {self.name}"
        place = self.source.rpartition(":")[0]
        return place if place.endswith(".py") else place.split(".")[0]


def _own() -> list[Kernel]:
    kernels = []
    for function in FUNCTIONS:
        for a in algorithms_for(function):
            if a.ladder or a.function == function:
                kernels.append(Kernel(f"{function}.{a.name}", function, "algorithm", a.name))
    return kernels


_LIBRARIES = (
    Kernel("numpy.logaddexp", "logaddexp", "numpy:logaddexp"),
    Kernel("numpy.logaddexp.reduce", "logsumexp", "numpy:logaddexp.reduce"),
    Kernel("scipy.logsumexp", "logsumexp", "scipy.special:logsumexp"),
    Kernel("scipy.softmax", "softmax", "scipy.special:softmax"),
    Kernel("scipy.log_softmax", "log_softmax", "scipy.special:log_softmax"),
    Kernel("scipy.expit", "sigmoid", "scipy.special:expit"),
)


def builtin_kernels() -> tuple[Kernel, ...]:
    """Our algorithms run by NumPy, each with its claim; then NumPy's kernels, and SciPy's if it is installed."""
    present = [k for k in _LIBRARIES if importlib.util.find_spec(k.source.split(":")[0].split(".")[0]) is not None]
    return (*_own(), *present)


def kernel_named(text: str, function: str | None = None, call: str = "batch", profile: str = "strict") -> Kernel:
    """The kernel that `text` names: a built-in, `package.module:callable` or `path/to/file.py:callable`.

    `function` may be left out for a built-in kernel and for a callable named like a function. Raises KernelError.
    """
    for kernel in (*_own(), *_LIBRARIES):
        if kernel.name == text:
            if function not in (None, kernel.function):
                raise KernelError(f"kernel {text} computes {kernel.function}, not {function}")
            if kernel not in builtin_kernels():
                raise KernelError(
                    f"kernel {text}: {text.split('.')[0]} is not installed here (pip install 'shiftproof[scipy]')"
                )
            return kernel
    place, colon, attribute = text.rpartition(":")
    if not colon or not place or not attribute:
        raise KernelError(
            f"unknown kernel {text!r}: the name of a built-in kernel (shiftproof verify --list), "
            "package.module:callable or path/to/file.py:callable is required"
        )
    guessed = function or attribute.split(".")[-1]
    if guessed not in FUNCTIONS:
        raise KernelError(f"kernel {text}: what does it compute? --function {'|'.join(FUNCTIONS)} is required")
    return Kernel(text, guessed, text, None, call, profile)


def load(kernel: Kernel, fmt: Format) -> Callable[[NDArray[Any]], Any]:
    """The kernel as a function of a case's array (rows, n). Raises KernelError if there is no such thing.

    Runs other people's code: only ever called in a kernel's own process.
    """
    if kernel.source == "algorithm":
        name = kernel.name.partition(".")[2]
        fn: Any = kernel_from(algorithm(kernel.function, name), kernel.function, fmt)
    else:
        fn = kernel.source if callable(kernel.source) else _imported(kernel.source)
    if not callable(fn):
        raise KernelError(f"kernel {kernel.name}: a callable is required, got {type(fn).__name__}")
    return _called(kernel, fn)


def _imported(source: str) -> Any:
    place, _, attribute = source.rpartition(":")
    try:
        module = _module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except KernelError:
        raise
    except BaseException as error:  # whatever a module does while it is imported is the user's to know
        raise KernelError(
            f"kernel {source}: importing {place} failed: {type(error).__name__}: {_line(error)}"
        ) from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise KernelError(f"kernel {source}: {place} has no attribute {attribute!r}")
        found = getattr(found, part)
    return found


@cache
def _module_of_file(path: Path) -> Any:
    """The module in a file, executed once in a process."""
    if not path.is_file():
        raise KernelError(f"kernel file {path}: no such file")
    name = f"_shiftproof_kernel_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise KernelError(f"kernel file {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except OSError as error:
        raise KernelError(f"kernel file {path}: cannot be read: {_line(error)}") from error
    return module


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _called(kernel: Kernel, fn: Callable[..., Any]) -> Callable[[NDArray[Any]], Any]:
    """fn as it is called: with axis or dim = -1 if it knows one, for a batch or row by row."""
    pair = FUNCTIONS[kernel.function].entry == "pair"
    keywords = _axis(fn) if FUNCTIONS[kernel.function].entry == "vector" else {}
    _check_signature(kernel, fn, 2 if pair else 1, keywords)

    def once(x: NDArray[Any]) -> Any:
        if pair:
            return fn(np.ascontiguousarray(x[..., 0]), np.ascontiguousarray(x[..., 1]), **keywords)
        return fn(x, **keywords)

    if kernel.call == "batch":
        return once
    return lambda x: np.stack([np.asarray(once(row)) for row in x])


def _axis(fn: Callable[..., Any]) -> dict[str, int]:
    if isinstance(getattr(fn, "__self__", None), np.ufunc):
        return {"axis": -1}
    try:
        names = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return {}
    return next(({name: -1} for name in ("axis", "dim") if name in names), {})


def _check_signature(kernel: Kernel, fn: Callable[..., Any], arrays: int, keywords: dict[str, int]) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # builtins without one
    try:
        signature.bind(*range(arrays), **keywords)
    except TypeError as error:
        wanted = "two arrays (rows,)" if arrays == 2 else f"one array {'(n,)' if kernel.call == 'row' else '(rows, n)'}"
        raise KernelError(
            f"kernel {kernel.name}: a callable that takes {wanted} is required, got the signature {signature}: {error}"
        ) from error
