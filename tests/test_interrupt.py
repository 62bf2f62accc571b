"""An interrupted run ends at once, says so in one line, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from shiftproof.cli import main; main()", "verify", "--jobs", "2"]


def processes_of(group):
    """The living processes of a process group, as /proc tells them: (state, parent, group)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found.append(stat.read_text().rpartition(")")[2].split()[:3])
    return [process for process in found if process[2] == str(group) and process[0] != "Z"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc, which only Linux has")
@pytest.mark.parametrize("seconds", [0.5, 1.5, 3])  # while kernels are met, while workers are made, while they judge
def test_an_interrupt_ends_the_run_and_every_process_of_it(seconds):
    run = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("judging")
    time.sleep(seconds)
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while processes_of(run.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (run.returncode, out) == (130, "")
    assert err.strip() == "shiftproof: error: interrupted; nothing was recorded"
    assert processes_of(run.pid) == []
