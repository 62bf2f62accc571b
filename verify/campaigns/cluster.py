"""The shards of a campaign on a Dask cluster: the only module that knows Dask, and only when it is asked for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..kernels import Kernel
from .campaign import Judged, Judges, Plan, Shard
from .judging import judge_order, order_text, tallies_of

__all__ = ["dask_judges"]

_CONNECT_SECONDS = 15
_RETRIES = 3  # of a shard whose judging process dies in a worker that lives
_ATTEMPTS = 5  # of a shard that Dask gives up, because each time three or so workers died that had it


@contextmanager
def dask_judges(address: str) -> Iterator[Judges]:
    """Judges for `run_campaign`: the workers of the Dask cluster whose scheduler is at `address`.

    Workers may come, go and be killed meanwhile. Each must have the same Python, shiftproof and libraries as this
    process, the same kind of processor, and the files of kernels under the same paths. Raises ValueError if
    Dask is not installed or there is no such cluster; the judges raise ValueError for a plan with kernels or families
    that are objects of this process, and for workers that differ, and RuntimeError if the cluster is lost.
    """
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise ValueError(f"a Dask cluster needs Dask here too (pip install 'shiftproof[dask]'): {error}") from error
    with _quiet():
        try:
            get_address_host_port(address)  # a client that fails on it would take half a minute to go
            client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:  # bad words, ports, protocols
            raise ValueError(
                f"no Dask scheduler answers at {address!r}: "
                f"host:port of a running `dask scheduler` is required: {error}"
            ) from error
        try:
            _await_worker(client, address)
            yield partial(_judged, client, address)
        finally:
            client.close()


def _await_worker(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        raise ValueError(
            f"the Dask cluster at {address} has no workers: start one with `dask worker {address}`"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own words on lost connections are kept back: what matters of them is an error of ours, in one line."""
    talkers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [talker.level for talker in talkers]
    for talker in talkers:
        talker.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for talker, level in zip(talkers, levels, strict=True):
            talker.setLevel(level)


def _judged(
    client: Any, address: str, plan: Plan, withdrawn: frozenset[str], shards: Sequence[tuple[int, Shard]]
) -> Judged:
    from distributed import KilledWorker, as_completed

    order = order_text(replace(plan, kernels=tuple(map(_with_whole_path, plan.kernels))), withdrawn)
    by_number = dict(shards)

    def submitted(numbers: Sequence[int]) -> list[Any]:
        asked = [(s.family, s.entry, s.start, s.stop) for s in map(by_number.__getitem__, numbers)]
        return list(client.map(partial(judge_order, order), asked, pure=False, retries=_RETRIES))

    numbers = dict(zip(submitted(list(by_number)), by_number, strict=True))
    lost: Counter[int] = Counter()
    done = as_completed(list(numbers), loop=client.loop)
    try:
        for future in done:
            number = numbers.pop(future)
            try:
                yield number, tallies_of(future.result())
            except KilledWorker as error:
                lost[number] += 1
                if lost[number] == _ATTEMPTS:
                    raise RuntimeError(f"shard {number} of the campaign has ended every worker that had it (out of "
                                       "memory?)") from error  # fmt: skip
                (again,) = submitted([number])
                numbers[again] = number
                done.add(again)
    except CancelledError as error:
        raise RuntimeError(f"the Dask cluster at {address} is lost: {error}") from error
    except (OSError, ImportError, AttributeError) as error:
        raise RuntimeError(
            f"the Dask cluster at {address} cannot do it (the same Python, shiftproof and Dask are required on its "
            f"scheduler and workers): {type(error).__name__}: {error}"
        ) from error
    finally:
        with suppress(Exception):  # the cluster may be gone, and there is nothing left to save
            client.cancel(list(numbers), force=True)


def _with_whole_path(kernel: Kernel) -> Kernel:
    """A kernel's file is looked for under the same path everywhere, whatever folder a worker was started in."""
    place, colon, attribute = kernel.source.rpartition(":") if isinstance(kernel.source, str) else ("", "", "")
    if kernel.library or not place.endswith(".py"):
        return kernel
    return replace(kernel, source=f"{Path(place).resolve()}{colon}{attribute}")
