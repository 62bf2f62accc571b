"""What a library is to us: a table of one-line calls, which are run as they stand and shown as they stand.

Nothing here imports a library. Its lines are executed in the process that runs its kernels, and the same lines make the
script that reproduces a finding without us.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS

from ..formats import Format

__all__ = ["Call", "Library", "NotOffered"]

_AXIS = re.compile(r"\baxis\b(?!=)")  # the name, not the keyword
_ARGUMENTS = {"pair": "x, y", "label": "x, t"}


class NotOffered(TypeError):
    """A call that does not take such an input: an answer, not a fault."""


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel: the function that it computes, and an expression in x and axis, in x and y, or in x and labels t.

    `standard` is what it is held to, if that is not the stable algorithm of its function, or "none" where no algorithm
    of ours has such roundings: it is classified then, and only faults are findings. Rows of fewer than `least` entries
    are not offered to it.
    """

    function: str
    expression: str
    standard: str = ""
    least: int = 1

    @property
    def gradient(self) -> bool:
        return "grad" in self.expression

    @property
    def profile(self) -> str:
        """A softmax with an infinite logit, or a gradient where there is none, is everybody's own convention."""
        of = FUNCTIONS[self.function]
        shares = of.core in ("softmax", "log_softmax") and of.entry in ("vector", "label")
        return "open" if self.gradient or shares else "strict"


@dataclass(frozen=True, slots=True)
class Library:
    """A library's kernels by name, and how its arrays are made.

    `setup` are the lines that import it, `helpers` a function that some expressions need, `types` its name for each
    format that it has. `values` makes an array of {type} from nested lists, and `labels` one of places (for scripts),
    `into` from the NumPy array `a`, and `back` a NumPy array from the result `r`; bfloat16 numbers travel as binary64.
    `compiled` wraps a kernel, `quiet` are lines that keep the library from talking.
    `needs` is an expression that is true where the device is there. `resident` says that its threads or compiled code
    do not survive a fork, so that its kernels share one process from start to end.
    """

    name: str
    distribution: str
    setup: tuple[str, ...]
    types: Mapping[str, str]
    values: str
    into: str
    back: str
    kernels: Mapping[str, Call]
    helpers: Mapping[str, tuple[str, ...]]
    labels: str = "np.array({values})"
    compiled: str = ""
    needs: str = "True"
    resident: bool = False
    quiet: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """What is imported."""
        return self.setup[0].split()[1].split(".")[0]

    @property
    def installed(self) -> bool:
        """Whether the package is here; it is not imported."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str:
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return "of unknown version"

    def kernel(self, name: str, fmt: Format) -> Callable[..., NDArray[Any]]:
        """The kernel as a function of NumPy arrays of the format; imports the library.

        Raises LookupError where the format or the device is missing, and whatever the import raises.
        """
        call = self.kernels[name]
        if fmt.name not in self.types:
            raise LookupError(f"{self.name} has no {fmt.name}: one of {', '.join(self.types)} is required")
        scope: dict[str, Any] = {"np": np}
        helpers = [line for helper in self.helpers.values() for line in helper]
        exec("\n".join((*self.quiet, *self.setup, *helpers)), scope)  # this table's own lines
        if not eval(self.needs, scope):
            raise LookupError(f"{self.name}: no device of that kind is here")
        into = eval(f"lambda a: {self.into.format(type=self.types[fmt.name])}", scope)
        back = eval(f"lambda r: {self.back}", scope)
        along = {axis: self._function(call, str(axis), scope) for axis in (-1, 0)}

        def offered(x: Any) -> Any:
            if x.shape[-1] < call.least:
                raise NotOffered(f"at least {call.least} entries are required, got {x.shape[-1]}")
            if "(-x)" in call.expression and x.dtype.kind != "f":
                raise NotOffered("this call negates its argument, which integers need not survive")
            return into(x)

        def answer(r: Any) -> NDArray[Any]:
            out = np.asarray(back(r))
            if fmt.dtype is None and out.dtype != np.float64:
                raise TypeError(f"{self.name} answered {out.dtype.name} for {fmt.name}")
            return out

        def of_pair(x: Any, y: Any) -> NDArray[Any]:
            return answer(along[-1](offered(x), into(y)))

        def of_label(x: Any, t: Any) -> NDArray[Any]:
            return answer(along[-1](offered(x), into(t)))

        def of_row(x: Any, axis: int = -1) -> NDArray[Any]:
            return answer(along[axis](into(x)))

        def of_last(x: Any) -> NDArray[Any]:
            return answer(along[-1](offered(x)))

        if _entry(call) == "vector":
            return of_row if _AXIS.search(call.expression) else of_last
        return of_pair if _entry(call) == "pair" else of_label

    def _function(self, call: Call, axis: str, scope: dict[str, Any]) -> Callable[..., Any]:
        made: Callable[..., Any] = eval(self.shown(call, axis), scope)
        return made

    def shown(self, call: Call, axis: str = "-1") -> str:
        """The kernel as a Python expression, a function of x, of x and y, or of x and t."""
        arguments = _ARGUMENTS.get(_entry(call), "x")
        function = f"lambda {arguments}: {_AXIS.sub(axis, call.expression)}"
        return f"{self.compiled}({function})" if self.compiled else f"({function})"

    def lines(self, call: Call) -> tuple[str, ...]:
        """What a script must execute before the expression has a meaning."""
        needed = [line for name, helper in self.helpers.items() if name in call.expression for line in helper]
        return (*self.setup, *needed)


def _entry(call: Call) -> str:
    names = set(re.findall(r"\b[xyt]\b", call.expression))
    return "pair" if "y" in names else "label" if "t" in names else "vector"
