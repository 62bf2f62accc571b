"""A judge in a process of its own, for programs that must not fork: shards come through a pipe, tallies go back.

A worker of a cluster has threads, and may have no children of `multiprocessing`; the interpreter that is started here
has neither burden. It ends when its pipe does, with its parent, or after a minute without work.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from ..host import die_with_parent
from ..kernels import KernelError
from ..references import RefereeDisagreement
from .campaign import Plan, Shard, ShardJudge, Tallies
from .plans import difference, plan_data, plan_from, setting
from .tallies import read_tallies, tallies_text

__all__ = ["judge_order", "order_text", "tallies_of"]

_IDLE_SECONDS = 60.0
_RAISED = {kind.__name__: kind for kind in (KernelError, RefereeDisagreement, ValueError)}


def order_text(plan: Plan, withdrawn: frozenset[str]) -> str:
    """What a judge elsewhere must know before its first shard. Raises ValueError for a plan that has no such text."""
    return json.dumps({"plan": plan_data(plan), "withdrawn": sorted(withdrawn)})


def judge_order(order: str, shard: tuple[int, str, int, int]) -> bytes:
    """Judge a shard of the order in a process of its own, kept for the next one; `tallies_of` reads the answer.

    Raises RuntimeError if that process dies.
    """
    for judge in (_idle_judge(order), None):
        judge = judge or _Judging(order)
        answer = judge.asked(shard)
        if answer is not None:
            _idle.append(judge)
            return answer
    raise RuntimeError(f"a judging process on {socket.gethostname()} ended unexpectedly (out of memory?)")


def tallies_of(answer: bytes) -> Tallies:
    """The tallies in an answer. Raises what the judge raised: KernelError, RefereeDisagreement, ValueError."""
    text = zlib.decompress(answer).decode()
    if text.startswith("!"):
        kind, _, message = text[1:].partition(": ")
        raise _RAISED[kind](message)
    return read_tallies(text)


class _Judging:
    """The other end: an interpreter that judges the shards of one order."""

    def __init__(self, order: str) -> None:
        self.order = order
        command = [sys.executable, "-P", "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdin as asks, self._process.stdout as answers:
            self._send = Connection(os.dup(asks.fileno()), readable=False)
            self._receive = Connection(os.dup(answers.fileno()), writable=False)
        with suppress(OSError):  # it has ended: the first answer will be missing
            self._send.send_bytes(order.encode())

    def asked(self, shard: tuple[int, str, int, int]) -> bytes | None:
        """The answer; None if the process has ended."""
        try:
            self._send.send_bytes(json.dumps(shard).encode())
            return self._receive.recv_bytes()
        except (OSError, EOFError):
            self.close()
            return None

    def close(self) -> None:
        self._send.close()
        self._receive.close()
        self._process.kill()
        self._process.wait()


_idle: list[_Judging] = []  # of this process; its threads take one each


def _idle_judge(order: str) -> _Judging | None:
    """One that waits for work of this order; those of another are ended."""
    while True:
        try:
            judge = _idle.pop()
        except IndexError:
            return None
        if judge.order == order:
            return judge
        judge.close()


def _serve() -> None:
    """Judge shards from stdin to stdout until nobody asks any more."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asks, answers = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # whatever is printed here is no answer
    with suppress(EOFError, OSError):
        order = json.loads(asks.recv_bytes())
        judge: ShardJudge | None = None
        try:
            while asks.poll(_IDLE_SECONDS):
                shard = Shard(*json.loads(asks.recv_bytes()))
                try:
                    judge = judge or _made(order)
                    text = tallies_text(judge.judge(shard))
                except tuple(_RAISED.values()) as error:
                    kind = type(error).__name__
                    text = f"!{kind if kind in _RAISED else 'ValueError'}: on {socket.gethostname()}: {error}"
                answers.send_bytes(zlib.compress(text.encode()))
        finally:
            if judge is not None:
                judge.close()


def _made(order: Any) -> ShardJudge:
    """The judge of an order, with all kernels loaded. Raises ValueError if it would judge otherwise than there."""
    told = order["plan"]
    _check_same(told["environment"], setting())
    plan = plan_from(told)
    _check_same(told, plan_data(plan))
    judge = ShardJudge(plan, frozenset(order["withdrawn"]))
    for kernel in plan.kernels:
        judge.host(kernel).check(kernel.name, plan.format)
    return judge


def _check_same(told: Any, found: Any) -> None:
    there = difference(told, found)
    if there is not None:
        what, required, got = there
        raise ValueError(f"the same kernels and software as where the campaign was begun are required: {what} is "
                         f"{required} there, {got} here")  # fmt: skip


if __name__ == "__main__":
    _serve()
