"""A process for other people's code: kernels run there, the judge never beside them.

The host process loads a kernel's library once. For each batch of cases it forks, so that every batch meets the
kernel as it was when it had just been loaded, whatever ran before: verdicts do not depend on how the work was
shared out. A kernel that crashes, hangs or takes all the memory ends its process; the case it had in hand gets the
fault.
"""

from __future__ import annotations

import ctypes
import multiprocessing as mp
import os
import pickle
import signal
import stat
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS

from .cases import Case, lay_out
from .formats import Format
from .kernels import Kernel, KernelError, load
from .libraries import NotOffered
from .memory import keep_freed_memory

__all__ = ["FAULTS", "REFUSED", "Answer", "Host", "die_with_parent", "process_context"]

FAULTS = {
    "raises": "the kernel raised an exception",
    "crashes": "the kernel ended its process",
    "hangs": "the kernel did not answer in time",
    "changes-its-input": "the kernel wrote into the array it was given",
    "changes-an-earlier-result": "the kernel wrote into an array that it had returned before",
    "wrong-type": "the kernel did not return an array of the format's type",
    "wrong-shape": "the kernel returned an array of another shape",
    "special-values": "the kernel broke the special-value profile",
    "integers": "integers or Booleans not promoted before the arithmetic: off by more than any standard allows",
    "not-run": "not run: the kernel had hung or crashed too often in these cases",
}

# No fault: for integers or Booleans a TypeError, or any exception of a library, is an answer; nothing is left to judge.
REFUSED = "refused"

_FLOATS = ("float64", "float32", "float16")
_MEMORY_LIMIT = 8 << 30  # bytes of data a kernel's process may hold
_LOAD_SECONDS = 120.0
_PR_SET_PDEATHSIG = 1
_CRASHES = 3  # in one batch of cases, before the rest of it is given up
_REPEAT = 4  # every so many cases are run twice


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kernel made of one case: its results, flat, and those of a second call if they differed; or a fault.

    The second call of a case of integers or Booleans gets the same numbers as floats. `detail` is the type of the
    results, or what there is to say about the fault.
    """

    results: NDArray[np.float64] | None = None
    repeated: NDArray[np.float64] | None = None
    fault: str | None = None
    detail: str = ""


def process_context() -> Any:
    """fork where there is one (callables need no pickling, kernels start in milliseconds), else spawn."""
    return mp.get_context("fork" if "fork" in mp.get_all_start_methods() else "spawn")


class Host:
    """The judge's handle on the process of some kernels of one origin; used from one thread.

    `timeout` is what one case may take, in seconds. `close` ends the process; it is started when it is needed.
    """

    def __init__(self, kernels: Iterable[Kernel], timeout: float) -> None:
        self.kernels = {kernel.name: kernel for kernel in kernels}
        self.timeout = timeout
        self._process: Any = None
        self._pipe: Connection | None = None

    def check(self, name: str, fmt: Format) -> None:
        """Load a kernel in its process; raises KernelError, with one line, if that fails."""
        reply = self._send(("check", [name], fmt)) and self._receive(_LOAD_SECONDS)
        if not reply or reply[0] == "silence":
            self.close()
            raise KernelError(f"kernel {name}: its process ended or hung while the kernel was loaded")
        if reply[0] == "error":
            raise KernelError(reply[1])

    def run(self, name: str, fmt: Format, cases: Sequence[Case]) -> list[Answer]:
        """The kernel's answers, one for each case, in order."""
        answers: list[Answer] = []
        crashes = 0
        while len(answers) < len(cases):
            found, fault = self._batch([name], fmt, cases[len(answers) :])
            answers += found
            if len(answers) < len(cases):
                crashes += 1
                answers.append(Answer(fault=fault, detail=FAULTS[fault]))
                if fault == "hangs" or crashes == _CRASHES:
                    answers += [Answer(fault="not-run", detail=FAULTS["not-run"])] * (len(cases) - len(answers))
        return answers

    def run_together(self, names: Sequence[str], fmt: Format, cases: Sequence[Case]) -> dict[str, list[Answer]]:
        """`run` for several kernels in one process: for those known to leave no traces in each other's results."""
        answers, _ = self._batch(names, fmt, cases)
        if len(answers) < len(names) * len(cases):
            return {name: self.run(name, fmt, cases) for name in names}
        return {name: answers[k * len(cases) : (k + 1) * len(cases)] for k, name in enumerate(names)}

    def _batch(self, names: Sequence[str], fmt: Format, cases: Sequence[Case]) -> tuple[list[Answer], str]:
        """The answers up to the first crash or hang, kernel by kernel, and which of the two it was."""
        answers: list[Answer] = []
        fault, child = "crashes", 0
        reply = self._send(("run", names, fmt, cases)) and self._receive(self.timeout)
        while reply and reply[0] != "end":
            if reply[0] == "silence":
                fault = "hangs"
                if not child:
                    break
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            elif reply[0] == "child":
                child = reply[1]
            elif reply[1] == len(answers):  # a kernel that forked answers twice
                answers.append(Answer(*reply[2:]))
            reply = self._receive(self.timeout)
        if not reply or reply[0] == "silence":
            self.close()
        return answers, fault

    def _send(self, message: Any) -> bool:
        if self._pipe is None:
            self._start()
        try:
            assert self._pipe is not None
            self._pipe.send(message)
        except OSError:
            self.close()
            return False
        return True

    def _receive(self, timeout: float) -> Any:
        """The next message; ("silence",) if none came in time; None if the process is gone or speaks nonsense."""
        try:
            assert self._pipe is not None
            return self._pipe.recv() if self._pipe.poll(timeout) else ("silence",)
        except (OSError, EOFError, pickle.UnpicklingError, ValueError):
            return None

    def _start(self) -> None:
        context = process_context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.kernels), daemon=True)
        with warnings.catch_warnings():
            # The judge runs no threads of its own; those of a linear algebra library do not matter to the child.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        theirs.close()

    def close(self) -> None:
        """End the kernels' process; a later call starts a new one."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._pipe = self._process = None


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that made it ends; elsewhere it ends when its pipe does."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(pipe: Connection, kernels: dict[str, Kernel]) -> None:
    """The kernels' process: load on demand, fork for each batch, until the judge hangs up."""
    _isolate(pipe)
    die_with_parent()
    keep_freed_memory()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            task, names, fmt, *rest = pipe.recv()
            chosen = [kernels[name] for name in names]
            loaded = [_checked(kernel, fmt) for kernel in chosen]  # before the fork: libraries are imported once
            if task == "check":
                pipe.send(loaded[0])
            elif hasattr(os, "fork") and not any(kernel.resident for kernel in chosen):
                child = _forked(pipe, chosen, fmt, rest[0])
                pipe.send(("end", os.waitpid(child, 0)[1]))
            else:
                _answer_all(pipe, chosen, fmt, rest[0])
                pipe.send(("end", 0))


def _isolate(pipe: Connection) -> None:
    """No output but through the pipe, no interrupt but from the judge, no memory without end.

    Inherited pipes and sockets are closed: a copy of another process's would keep its end from being noticed.
    """
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):
                mode = os.fstat(int(name)).st_mode
                if int(name) > 2 and int(name) != pipe.fileno() and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
                    os.close(int(name))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (for as long as the process lives)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_LIMIT, _MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _checked(kernel: Kernel, fmt: Format) -> tuple[str, str]:
    try:
        load(kernel, fmt)
    except KernelError as error:
        return "error", str(error)
    return "ok", ""


def _forked(pipe: Connection, kernels: Sequence[Kernel], fmt: Format, cases: Sequence[Case]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        die_with_parent()
        try:
            pipe.send(("child", os.getpid()))
            _answer_all(pipe, kernels, fmt, cases)
        except BaseException:  # the judge sees the missing answers; nothing may run on past this fork
            os._exit(1)
        os._exit(0)
    return child


def _answer_all(pipe: Connection, kernels: Sequence[Kernel], fmt: Format, cases: Sequence[Case]) -> None:
    warnings.simplefilter("ignore")
    for number, kernel in enumerate(kernels):
        fn = load(kernel, fmt)
        earlier: list[tuple[Any, bytes]] = []
        for place, case in enumerate(cases, number * len(cases)):
            pipe.send(("answer", place, *_answer(fn, kernel, fmt, case, earlier)))


_Fields = tuple[NDArray[np.float64] | None, NDArray[np.float64] | None, str | None, str]


def _answer(
    fn: Callable[..., Any], kernel: Kernel, fmt: Format, case: Case, earlier: list[tuple[Any, bytes]]
) -> _Fields:
    first = _call(fn, kernel, fmt, case, earlier)
    whole = case.x.dtype.kind != "f"
    if first[2] is not None or (case.index % _REPEAT and not whole):
        return first
    again = Case(case.family, case.index, case.x.astype(fmt.dtype or np.float64)) if whole else case
    second = _call(fn, kernel, fmt, again, earlier)
    if second[2] is not None and not whole:
        return second
    same = first[0] is not None and second[0] is not None and first[0].tobytes() == second[0].tobytes()
    return first[0], None if same else second[0], None, first[3]


def _said(error: BaseException) -> str:
    """An exception as printable text on one line, whatever it is made of."""
    try:
        text = " ".join(str(error).split())[:200]
    except Exception:  # its own __str__ may raise
        text = "no text"
    return "".join(c if c.isprintable() else "?" for c in f"{type(error).__name__}: {text}")


def _call(fn: Callable[..., Any], kernel: Kernel, fmt: Format, case: Case, earlier: list[tuple[Any, bytes]]) -> _Fields:
    """One call, with what can be seen of it from outside: exceptions, type, shape, and arrays written to."""
    x = lay_out(case)
    before = x.tobytes()
    try:
        result = fn(x, case.layout == "axis-0")
        out = np.asarray(result)
    except BaseException as error:  # SystemExit and the like are answers too
        whole = x.dtype.kind != "f" and (isinstance(error, TypeError) or bool(kernel.library))
        fault = REFUSED if whole or isinstance(error, NotOffered) else "raises"
        return None, None, fault, _said(error)
    if x.tobytes() != before:
        return None, None, "changes-its-input", FAULTS["changes-its-input"]
    if out.dtype != x.dtype if x.dtype.kind == "f" else out.dtype.name not in _FLOATS:
        got = type(result).__name__ if out.dtype.kind == "O" else out.dtype.name
        required = x.dtype.name if x.dtype.kind == "f" else " or ".join(_FLOATS)
        if kernel.library and x.dtype.kind != "f":
            return None, None, REFUSED, f"it answers {x.dtype.name} in {got}"
        return None, None, "wrong-type", f"got {got}, required {required} for {x.dtype.name}"
    shape = x.shape[:1] if FUNCTIONS[kernel.function].per_row else x.shape
    if out.shape != shape:
        return None, None, "wrong-shape", f"got {out.shape}, required {shape} for an input {x.shape}"
    if any(array.tobytes() != kept for array, kept in earlier):
        return None, None, "changes-an-earlier-result", FAULTS["changes-an-earlier-result"]
    earlier[:] = [(out, out.tobytes())]
    return np.ravel(out).astype(np.float64), None, None, out.dtype.name
