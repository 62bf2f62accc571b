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

from .cases import labels_of
from .floats import kernel_from
from .formats import Format
from .libraries import LIBRARIES, Library
from .profiles import PROFILES
from .simulated import SimulatedOperations
from .standards import standards_for

__all__ = [
    "CALLS",
    "Kernel",
    "KernelError",
    "builtin_kernels",
    "chosen_kernel",
    "kernel_named",
    "library_kernels",
    "load",
]

CALLS = ("batch", "row")
_FIRST = ("logsumexp", "softmax", "log_softmax", "logaddexp", "softplus", "sigmoid")


class KernelError(ValueError):
    """A kernel that cannot be found, loaded or called as asked; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One implementation of `function`.

    `source` is "algorithm" for one of ours, "package.module:attribute", "path/file.py:attribute", a callable, or the
    name of a call in the table of `library`.
    `claim` is the standard it is held to when none is asked for; without one it is classified only. `call` says
    whether it gets the whole batch (rows, n) or one row (n,) at a time.
    """

    name: str
    function: str
    source: Any
    claim: str | None = None
    call: str = "batch"
    profile: str = "strict"
    library: str = ""

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
    def resident(self) -> bool:
        """Its process is not forked for each batch of cases."""
        return bool(self.library) and LIBRARIES[self.library].resident

    @property
    def origin(self) -> str:
        """Kernels of one origin may share a process."""
        if self.library:
            return f"library {self.library}"
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


def builtin_kernels() -> tuple[Kernel, ...]:
    """Our algorithms run by NumPy, each with its claim; then NumPy's kernels, and SciPy's if it is installed.

    Our algorithms for functions that are read off these (gradients, the cross-entropy, prefixes) can be named, but are
    the same lines.
    """
    present = [library for library in (LIBRARIES["numpy"], LIBRARIES["scipy"]) if library.installed]
    own = [k for k in _own() if k.function in _FIRST]
    return (*own, *(kernel for library in present for kernel in library_kernels(library)))


def library_kernels(library: Library) -> tuple[Kernel, ...]:
    """What a library has; each is classified, none has a claim."""
    return tuple(
        Kernel(f"{library.name}.{name}", call.function, name, None, "batch", call.profile, library.name)
        for name, call in library.kernels.items()
    )


def kernel_named(text: str, function: str | None = None, call: str = "batch", profile: str = "strict") -> Kernel:
    """The kernel that `text` names: a built-in, `package.module:callable` or `path/to/file.py:callable`.

    `function` may be left out for a built-in kernel and for a callable named like a function. Raises KernelError.
    """
    for kernel in (*_own(), *(k for library in LIBRARIES.values() for k in library_kernels(library))):
        if kernel.name == text:
            if function not in (None, kernel.function):
                raise KernelError(f"kernel {text} computes {kernel.function}, not {function}")
            if kernel.library and not LIBRARIES[kernel.library].installed:
                extra = LIBRARIES[kernel.library].package
                raise KernelError(
                    f"kernel {text}: {kernel.library} is not installed here (pip install 'shiftproof[{extra}]')"
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


def chosen_kernel(
    kernel: Callable[..., Any] | str | Kernel, function: str | None = None, call: str = "batch", profile: str = "strict"
) -> Kernel:
    """A kernel from itself, from what names it, or from a callable. Raises KernelError."""
    if isinstance(kernel, Kernel):
        return kernel
    if isinstance(kernel, str):
        return kernel_named(kernel, function, call, profile)
    name = getattr(kernel, "__qualname__", type(kernel).__name__)
    if function is None:
        function = kernel_named(f"callable:{getattr(kernel, '__name__', name)}").function
    return Kernel(name, function, kernel, None, call, profile)


def load(kernel: Kernel, fmt: Format) -> Callable[..., Any]:
    """The kernel as a function of a case's array (rows, n), and of whether to reduce the other axis of its transpose
    where it can. Raises KernelError if there is no such thing.

    Runs other people's code: only ever called in a kernel's own process.
    """
    if kernel.library:
        fn: Any = _of_library(kernel, fmt)
    elif kernel.source == "algorithm":
        chosen = algorithm(kernel.function, kernel.name.partition(".")[2])
        fn = kernel_from(chosen, kernel.function, fmt, SimulatedOperations(fmt) if fmt.dtype is None else None)
    elif fmt.dtype is None:
        raise KernelError(f"kernel {kernel.name}: NumPy has no type for {fmt.name} to hand to it")
    else:
        fn = kernel.source if callable(kernel.source) else _imported(kernel.source)
    if not callable(fn):
        raise KernelError(f"kernel {kernel.name}: a callable is required, got {type(fn).__name__}")
    return _called(kernel, fn)


def _of_library(kernel: Kernel, fmt: Format) -> Any:
    try:
        return LIBRARIES[kernel.library].kernel(kernel.source, fmt)
    except LookupError as error:
        raise KernelError(f"kernel {kernel.name}: {error}") from error
    except BaseException as error:
        raise KernelError(
            f"kernel {kernel.name}: importing {kernel.library} failed: {type(error).__name__}: {_line(error)}"
        ) from error


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


def _called(kernel: Kernel, fn: Callable[..., Any]) -> Callable[..., Any]:
    """fn as it is called: with axis or dim if it knows one, for a batch or row by row."""
    entry = FUNCTIONS[kernel.function].entry
    keywords = {} if entry in ("pair", "element") else _axis(fn)
    _check_signature(kernel, fn, keywords)

    def once(x: NDArray[Any], transposed: bool = False) -> Any:
        if transposed and keywords:
            out = np.asarray(fn(x.T, **dict.fromkeys(keywords, 0)))
            return out if FUNCTIONS[kernel.function].per_row else out.T
        if entry == "pair":
            return fn(np.ascontiguousarray(x[..., 0]), np.ascontiguousarray(x[..., 1]), **keywords)
        if entry == "label":
            return fn(x, labels_of(x) if x.ndim == 2 else labels_of(x[np.newaxis])[0], **keywords)
        return fn(x, **keywords)

    if kernel.call == "batch":
        return once
    return lambda x, transposed=False: np.stack([np.asarray(once(row)) for row in x])


def _axis(fn: Callable[..., Any]) -> dict[str, int]:
    if isinstance(getattr(fn, "__self__", None), np.ufunc):
        return {"axis": -1}
    try:
        names = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return {}
    return next(({name: -1} for name in ("axis", "dim") if name in names), {})


_ARGUMENTS = {"pair": "two arrays (rows,)", "label": "an array {} and the labels"}


def _check_signature(kernel: Kernel, fn: Callable[..., Any], keywords: dict[str, int]) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # builtins without one
    entry = FUNCTIONS[kernel.function].entry
    try:
        signature.bind(*range(2 if entry in _ARGUMENTS else 1), **keywords)
    except TypeError as error:
        wanted = _ARGUMENTS.get(entry, "one array {}").format("(n,)" if kernel.call == "row" else "(rows, n)")
        raise KernelError(
            f"kernel {kernel.name}: a callable that takes {wanted} is required, got the signature {signature}: {error}"
        ) from error
