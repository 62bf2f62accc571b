"""A campaign kept in a SQLite file while it runs: a row for each shard and for each finding.

A shard and its findings are one transaction, complete or absent. The file is in WAL mode, so that others may read it
meanwhile; one run at a time may write it. What is kept is JSON (`tallies`), compressed, and never code.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from shiftproof.proofs import FUNCTIONS

from ..decision import Outcome
from ..verdicts import Verdict
from .campaign import Met, Plan, Shard, Tallies
from .plans import difference, plan_data
from .tallies import read_tallies, tallies_text

__all__ = ["Store", "StoreError", "open_store"]

_APPLICATION = 0x73686674  # "shft", in the header of the file
_VERSION = 1
_LARGEST = 1 << 28  # bytes of one shard's JSON: 300 times what 40 cases of 40 kernels take

_TABLES = {
    "plan": "CREATE TABLE plan (data TEXT NOT NULL, withdrawn TEXT NOT NULL, absent TEXT NOT NULL)",
    "shard": "CREATE TABLE shard (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, family TEXT NOT NULL, "
    "first INTEGER NOT NULL, past INTEGER NOT NULL, tallies BLOB NOT NULL)",
    "finding": "CREATE TABLE finding (shard INTEGER NOT NULL REFERENCES shard, kernel TEXT NOT NULL, "
    "standard TEXT NOT NULL, family TEXT NOT NULL, case_name TEXT NOT NULL, outcome TEXT NOT NULL, fault TEXT, "
    "got TEXT NOT NULL, want TEXT NOT NULL, x TEXT, place INTEGER NOT NULL, error REAL NOT NULL, "
    "allowed REAL NOT NULL, because TEXT NOT NULL)",
}


class StoreError(ValueError):
    """A file that cannot keep this campaign, or go on with it; the message is one line for the user."""


@contextmanager
def open_store(path: Path, plan: Plan, resume: bool = False) -> Iterator[Store]:
    """The file at `path` as the store of a campaign with this plan, for one run at a time.

    A new file is made. One that has a campaign already is gone on with if `resume` says so and the plan, the versions
    and the processor are the same; `jobs` may differ. Raises StoreError otherwise, and for a file that another run
    has in hand, is damaged, is not ours or is of another version; ValueError for a plan that cannot be told to
    another process.
    """
    path = Path(os.path.realpath(path))
    asked = plan_data(plan)
    if path.is_dir() or not path.parent.is_dir():
        raise StoreError(f"{path}: a file in an existing folder is required")
    with (
        _locked(path),
        _told(path, "a file that can be written is required"),
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA trusted_schema = OFF")
        if _is_begun(connection, path):
            if not resume:
                raise StoreError(f"{path}: a campaign is in this file already: --resume goes on with it, "
                                 "another name begins a new one")  # fmt: skip
            _check_same(connection, path, asked)
        _make(connection)
        yield Store(path, plan, asked, connection)


class Store:
    """The shards and findings of one campaign, in an open file; made by `open_store`."""

    __slots__ = ("_asked", "_connection", "path", "plan")

    def __init__(self, path: Path, plan: Plan, asked: dict[str, Any], connection: sqlite3.Connection) -> None:
        self.path, self.plan, self._asked, self._connection = path, plan, asked, connection

    def met(self) -> Met | None:
        """What first contact told; None before it."""
        rows = self._rows("SELECT withdrawn, absent FROM plan")
        if not rows:
            return None
        with _read(self.path, "first contact"):
            names, reasons = map(json.loads, rows[0])
            if not all(isinstance(text, str) for text in (*names, *reasons, *reasons.values())):
                raise ValueError("strings are required")
            return Met(frozenset(names), reasons)

    def keep_met(self, met: Met) -> None:
        """Begin the campaign: before its kernels could be loaded nothing of it is in the file."""
        told = (self._asked, sorted(met.withdrawn), dict(met.absent))
        self._write("INSERT INTO plan VALUES (?, ?, ?)", [tuple(map(json.dumps, told))])

    def missing(self, shards: Sequence[Shard]) -> list[tuple[int, Shard]]:
        """The shards that are not kept yet, with their numbers."""
        there = {number for (number,) in self._rows("SELECT number FROM shard")}
        return [(number, shard) for number, shard in enumerate(shards) if number not in there]

    def keep(self, number: int, shard: Shard, tallies: Tallies) -> None:
        """Write a shard and its findings, all or nothing."""
        text = zlib.compress(tallies_text(tallies).encode())
        found = [
            (number, *self._finding(verdict))
            for by_standard in tallies.values()
            for tally in by_standard.values()
            for verdict in tally.findings
            if verdict.outcome is not Outcome.OUT_OF_SCOPE
        ]
        with self._transaction():
            self._write("INSERT INTO shard VALUES (?, ?, ?, ?, ?, ?)", [(number, *self._place(shard), text)])
            self._write(f"INSERT INTO finding VALUES ({', '.join('?' * 14)})", found)

    def kept(self, number: int, shard: Shard) -> Tallies:
        """The tallies of a shard that was kept. Raises StoreError if they are not those of this shard."""
        rows = self._rows("SELECT entry, family, first, past, tallies FROM shard WHERE number = ?", number)
        with _read(self.path, f"shard {number}"):
            row: tuple[Any, ...] = rows[0] if rows else (None,)
            if row[:-1] != self._place(shard):
                raise ValueError(f"{self._place(shard)} is required, got {row[:-1]}")
            unpacked = zlib.decompressobj()
            told = unpacked.decompress(row[-1], _LARGEST)
            if not unpacked.eof:
                raise ValueError(f"it is cut off, or longer than {_LARGEST} bytes")
            tallies = read_tallies(told.decode())
            self._check(shard, tallies)
            return tallies

    def _check(self, shard: Shard, tallies: Tallies) -> None:
        """Refuse tallies of other kernels, standards or cases than the shard's."""
        met = self.met()
        kernels = [k for k in self.plan.kernels if met is not None and k.name not in met.absent]
        owed = {k.name: list(self.plan.standards(k)) for k in kernels if FUNCTIONS[k.function].entry == shard.entry}
        if {kernel: list(by_standard) for kernel, by_standard in tallies.items()} != owed:
            raise ValueError("it has other kernels or standards than the plan")
        for by_standard in tallies.values():
            cells = {frozenset(tally.landscape.cells) for tally in by_standard.values()}
            cases = {sum(tally.counts.values()) for tally in by_standard.values()}
            if len(cells) != 1 or cases != {shard.stop - shard.start}:
                raise ValueError(f"it does not count {shard.stop - shard.start} cases for each standard")

    def _place(self, shard: Shard) -> tuple[str, str, int, int]:
        return shard.entry, self.plan.families[shard.family].name, shard.start, shard.stop

    @staticmethod
    def _finding(v: Verdict) -> tuple[Any, ...]:
        """`error` is at least, `allowed` at most what the columns say."""
        x = None if v.x is None else " ".join(v.x)
        what = v.kernel, v.standard, v.case.rpartition("#")[0], v.case, v.outcome.name, v.fault
        return *what, v.got, v.want, x, v.place, v.error_ulp[0], v.allowed_ulp[1], v.because

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with _told(self.path, "it cannot be read"):
            return self._connection.execute(statement, values).fetchall()

    def _write(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with _told(self.path, "it cannot be written: what is there is kept, and --resume goes on"):
            self._connection.executemany(statement, rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _told(self.path, "it cannot be written: what is there is kept, and --resume goes on"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself where it had to
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {what}: {error}") from error


@contextmanager
def _read(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, zlib.error) as error:
        raise StoreError(f"{path}: {what} is damaged: {error}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other runs from the file, but not readers: a lock on a file beside it, by SQLite's own means.

    It belongs to this process alone, not to its children, and ends with it however it ends.
    """
    beside = path.with_name(f"{path.name}.lock")
    try:
        lock = sqlite3.connect(beside, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: a file in a folder that can be written is required: {error}") from error
    with closing(lock):
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            other = "another run is writing it: one at a time can"
            why = other if busy else f"{beside.name} cannot be locked: {error}"
            raise StoreError(f"{path}: {why}") from error
        try:
            yield
        finally:
            with suppress(OSError):
                beside.unlink()


def _is_begun(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a campaign is in the file; False if nothing is. Raises StoreError for anything else."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (has,) = connection.execute("PRAGMA user_version").fetchone()
        tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        if not tables and not application:
            return False  # new, or ended before it began
        if application != _APPLICATION:
            raise StoreError(f"{path}: a campaign as --store keeps it is required, got another SQLite database")
        if has != _VERSION:
            advice = "a newer shiftproof made it" if has > _VERSION else "begin anew under another name"
            raise StoreError(f"{path}: a campaign of version {_VERSION} is required, got {has}: {advice}")
        (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        wrong = next((name for name, made in _TABLES.items() if tables.get(name) != made), None)
        if sound != "ok" or wrong:
            what = f"its table {wrong}" if sound == "ok" else " ".join(sound.split())
            raise StoreError(f"{path}: the file is damaged: {what}")
        return bool(connection.execute("SELECT count(*) FROM plan").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: a campaign as --store keeps it is required (is it damaged?): {error}") from error


def _check_same(connection: sqlite3.Connection, path: Path, asked: dict[str, Any]) -> None:
    rows = connection.execute("SELECT data FROM plan").fetchall()
    with _read(path, "the plan"):
        ((text,),) = rows
        there = difference(json.loads(text), asked)
    if there is not None:
        what, kept, here = there
        raise StoreError(f"{path}: another campaign is in this file: {what or 'the plan'} is {kept} there, "
                         f"{here} here")  # fmt: skip


def _make(connection: sqlite3.Connection) -> None:
    """The tables, if they are not there yet, in one transaction."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"no write-ahead log can be kept in this folder (mode {mode})")
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA application_id").fetchone() == (_APPLICATION,):
        return
    connection.execute("BEGIN IMMEDIATE")
    for made in _TABLES.values():
        connection.execute(made)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
