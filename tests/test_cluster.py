"""A campaign on a cluster is the campaign, though workers are killed on the way; a cluster that is not there, or that
would judge otherwise, is told in one line.

The cluster is one of real processes: a scheduler, and workers in the care of a nanny, as `dask worker` starts them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import psutil
import pytest

from shiftproof.verify import ADVERSARIES, Kernel, KernelError, Plan, dask_judges, kernel_named, run_campaign
from shiftproof.verify.campaigns import judging as judging_module
from shiftproof.verify.campaigns.campaign import _shards
from shiftproof.verify.campaigns.judging import judge_order, order_text, tallies_of
from shiftproof.verify.campaigns.plans import plan_data

pytestmark = pytest.mark.xdist_group("cluster")

SHIFTPROOF = [sys.executable, "-c", "from shiftproof.cli import main; main()"]
MINE = """
import numpy as np

def logsumexp(x):
    top = x.max(axis=-1, keepdims=True)
    return (top + np.log(np.exp(x - top).sum(axis=-1, keepdims=True)))[..., 0]
"""
ARGUMENTS = ["mine.py:logsumexp", "logsumexp.shifted", "--family", "scales", "--family", "specials"]
ARGUMENTS += ["--cases", "320", "--standard", "shifted"]


def _dask(folder, *words):
    with (folder / f"{words[0]}.log").open("w") as log:
        # A scheduler that gives up a shard with the first worker: what it gives up must be asked for again.
        strict = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        command = [sys.executable, "-m", "dask", *words]
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=strict)


def _ended(process):
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster")
    (path / "mine.py").write_text(MINE)
    (path / "elsewhere").mkdir()
    return path


@pytest.fixture(scope="module")
def scheduler(folder):
    """The address of a scheduler without workers."""
    told = folder / "scheduler.json"
    here = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    process = _dask(folder, "scheduler", *here, "--scheduler-file", told)
    try:
        while True:
            assert process.poll() is None, (folder / "scheduler.log").read_text()
            with suppress(OSError, ValueError):
                yield json.loads(told.read_text())["address"]
                return
            time.sleep(0.1)
    finally:
        _ended(process)


@pytest.fixture(scope="module")
def workers(folder, scheduler):
    """The process that keeps two workers alive."""
    process = _dask(folder / "elsewhere", "worker", scheduler, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    yield process
    _ended(process)


def workers_of(nanny):
    """The living worker processes, without their own helpers."""
    found = []
    for child in psutil.Process(nanny.pid).children():
        with suppress(psutil.Error):  # killed just now
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_a_cluster_without_workers_is_told(scheduler, monkeypatch):
    monkeypatch.setattr("shiftproof.verify.campaigns.cluster._CONNECT_SECONDS", 2)
    with pytest.raises(ValueError, match="has no workers: start one with `dask worker "), dask_judges(scheduler):
        pass


def test_the_record_is_the_same_though_workers_are_killed_on_the_way(folder, scheduler, workers):
    store = folder / "c.sqlite"
    options = ["--scheduler", scheduler, "--store", store, "--json", folder / "1.json"]
    command = [*SHIFTPROOF, "verify", *ARGUMENTS, *options]
    run = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    killed = []
    while run.poll() is None and len(killed) < 2:
        time.sleep(0.05)
        alive = workers_of(workers)
        if _kept(store) > 2 * len(killed) and len(alive) == 2:
            killed.append(alive[len(killed) % 2].pid)
            os.kill(killed[-1], signal.SIGKILL)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 1, err  # the kernel does not know -inf
    assert len(killed) == 2
    assert len(err.splitlines()) == 1, err
    here = [*SHIFTPROOF, "verify", *ARGUMENTS, "--jobs", "1", "--json", folder / "2.json"]
    assert subprocess.run(here, cwd=folder, capture_output=True).returncode == 1
    assert (folder / "1.json").read_bytes() == (folder / "2.json").read_bytes()


def _kept(store):
    address = f"{store.as_uri()}?mode=ro"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(address, uri=True)) as reader:
        return reader.execute("SELECT count(*) FROM shard").fetchone()[0]
    return 0


def test_objects_of_this_process_cannot_go_to_a_cluster(scheduler, workers):
    mine = Plan((Kernel("mine", "softmax", lambda x: x),), families=(ADVERSARIES["scales"],), cases=3)
    with (
        dask_judges(scheduler) as judges,
        pytest.raises(ValueError, match="an object of this process cannot be told to another one"),
    ):
        run_campaign(mine, judges=judges)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "no Dask scheduler answers at 'nonsense': host:port of a running `dask scheduler` is required"),
        ("bogus://127.0.0.1:1", "unknown address scheme 'bogus'"),
        ("127.0.0.1:1", "no Dask scheduler answers at '127.0.0.1:1'"),
    ],
)
def test_an_address_without_a_scheduler_is_one_line(address, message, monkeypatch):
    monkeypatch.setattr("shiftproof.verify.campaigns.cluster._CONNECT_SECONDS", 1)
    with pytest.raises(ValueError, match=r".") as caught, dask_judges(address):
        pass
    assert message in str(caught.value)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'shiftproof\[dask\]'"), dask_judges("127.0.0.1:1"):
        pass


class TestJudgeElsewhere:
    """What runs in a worker: a judge in a process of its own."""

    @pytest.fixture
    def plan(self, folder):
        kernels = (kernel_named(f"{folder / 'mine.py'}:logsumexp"),)
        return Plan(kernels, families=(ADVERSARIES["scales"],), cases=6)

    @pytest.fixture(autouse=True)
    def ended(self):
        yield
        while judging_module._idle:
            judging_module._idle.pop().close()

    def judged(self, order, plan):
        (shard,) = _shards(plan)
        return tallies_of(judge_order(order, dataclasses.astuple(shard)))

    def test_it_judges_alike_again_and_after_its_death(self, plan):
        order = order_text(plan, frozenset())
        first = self.judged(order, plan)
        (judge,) = judging_module._idle
        assert self.judged(order, plan) == first
        assert judging_module._idle == [judge]
        judge._process.kill()
        assert self.judged(order, plan) == first
        assert judging_module._idle != [judge]

    def test_it_ends_with_the_pipe(self, plan):
        self.judged(order_text(plan, frozenset()), plan)
        (judge,) = judging_module._idle
        judge._send.close()
        assert judge._process.wait(20) == 0

    @pytest.mark.parametrize(
        ("place", "other", "message"),
        [
            (("environment", "numpy"), "0.1", "numpy is 0.1 there"),
            (("environment", "processor"), "Z80", "processor is Z80 there"),
            (("environment",), {}, "are required"),
        ],
    )
    def test_another_environment_is_refused(self, plan, place, other, message):
        order = json.loads(order_text(plan, frozenset()))
        at = order["plan"]
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = other
        with pytest.raises(ValueError, match=r".") as caught:
            self.judged(json.dumps(order), plan)
        assert message in str(caught.value)
        assert f"on {socket.gethostname()}: " in str(caught.value)

    def test_a_file_that_is_another_one_there_or_missing_is_refused(self, plan, folder):
        order = order_text(plan, frozenset())
        (folder / "mine.py").rename(folder / "away.py")
        try:
            with pytest.raises(ValueError, match=r"made of is .* there, no such file here"):
                self.judged(order, plan)
        finally:
            (folder / "away.py").rename(folder / "mine.py")

    def test_a_kernel_that_cannot_be_loaded_there_is_no_finding(self, tmp_path):
        path = tmp_path / "bad.py"
        path.write_text("import nothing_of_this_name")
        plan = Plan((kernel_named(f"{path}:softmax"),), families=(ADVERSARIES["scales"],), cases=6)
        with pytest.raises(KernelError, match="nothing_of_this_name"):
            self.judged(order_text(plan, frozenset()), plan)

    def test_an_order_has_nothing_but_data(self, plan):
        assert json.loads(order_text(plan, frozenset({"a"}))) == {"plan": plan_data(plan), "withdrawn": ["a"]}
