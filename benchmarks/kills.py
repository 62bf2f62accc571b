"""kill -9 at random moments of a campaign, resumed each time: the record must be that of an uninterrupted run.

    python benchmarks/kills.py --kills 20 -- --cases 1240 --jobs 2

A campaign that ends before its next kill begins anew in another file. Prints a line for each kill, with the number of
shards kept by then; the exit status is 1 if a record differs.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

SHIFTPROOF = [sys.executable, "-c", "from shiftproof.cli import main; main()"]
KERNELS = ["logsumexp.shifted", "softmax.naive", "numpy.logaddexp"]


def started(folder: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    """A campaign that writes its record to `name`.json."""
    command = [*SHIFTPROOF, "verify", *KERNELS, *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*command, "--json", str(folder / f"{name}.json")], **quiet)


def kept(store: Path) -> int:
    """The number of shards in the file, which may not be there yet."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM shard").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def same_after_kills(folder: Path, kills: int, seed: int, *options: str) -> bool:
    """Whether every record made under kills, and the one made by a store without them, is the uninterrupted one's."""
    rng = random.Random(seed)
    begun = time.monotonic()
    started(folder, "plain", *options).wait()
    whole = time.monotonic() - begun
    begun = time.monotonic()
    started(folder, "one", "--case", "scales#0").wait()
    first = min(time.monotonic() - begun, whole)
    wanted = (folder / "plain.json").read_bytes()
    print(f"uninterrupted: {whole:.1f} s, of which about {first:.1f} s are the start; {len(wanted)} bytes")
    done, campaigns, same = 0, 0, True
    while same and done < kills:
        campaigns += 1
        name = f"killed-{campaigns}"
        store = folder / f"{name}.sqlite"
        while True:
            run = started(folder, name, *options, "--store", str(store), "--resume")
            moment = rng.uniform(0, first + 2 * max(whole - first, 1.0) / kills)
            try:
                run.wait(moment if done < kills else None)
                break
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                done += 1
                print(f"kill {done} after {moment:.2f} s: {kept(store)} shards kept", flush=True)
        same = (folder / f"{name}.json").exists() and (folder / f"{name}.json").read_bytes() == wanted
        print(f"campaign {campaigns}, with {done} kills by now: {'the same bytes' if same else 'ANOTHER RECORD'}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("options", nargs="*", help="options of shiftproof verify, after --")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if same_after_kills(Path(folder), chosen.kills, chosen.seed, *chosen.options) else 1)


if __name__ == "__main__":
    main()
