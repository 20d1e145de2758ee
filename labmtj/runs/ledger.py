"""The ledger: what every cell of every die has taken in its life, over runs, users and programs; one SQLite file.

Each run has one contribution to a die, which is replaced as a whole, never added to: it is computed from the run's
journal, so a run that is resumed or collected later does not count twice. A die's life is the sum over its runs.
Writers take SQLite's lock for the length of one transaction, and its journal survives the death of a process
(https://www.sqlite.org/atomiccommit.html). The rollback journal, not WAL, which does not work over a network's file
system (https://www.sqlite.org/wal.html, section 1).
"""

from __future__ import annotations

import getpass
import json
import socket
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import StorageError
from labmtj.records import Floats, Ints

FORMAT = 1
UNKNOWN = -1  # of a state that no run has read back
_WAIT = 10.0  # [s] chosen: another process holds the lock for milliseconds
_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS die (key TEXT PRIMARY KEY, rows INTEGER NOT NULL, cols INTEGER NOT NULL, limits TEXT);
CREATE TABLE IF NOT EXISTS run (
    die TEXT NOT NULL REFERENCES die (key), run TEXT NOT NULL, folder TEXT NOT NULL, host TEXT NOT NULL,
    user TEXT NOT NULL, began TEXT NOT NULL, written TEXT, ended TEXT, how TEXT,
    positive BLOB, negative BLOB, damage BLOB, read_dose BLOB, state BLOB, seen BLOB,
    PRIMARY KEY (die, run)
);
"""
_TYPES = {
    "positive": "<i8", "negative": "<i8", "damage": "<f8", "read_dose": "<f8", "state": "<i1", "seen": "<f8",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Life:
    """What the cells of a die have taken; arrays have shape (rows, cols).

    Pulses with a positive and with a negative cell voltage; damage of the barrier (1: the time to 63 % failures);
    expected flips by reads; the last state that was read back (`State`, -1: none) and when [s since 1970].
    """

    positive: Ints
    negative: Ints
    damage: Floats
    read_dose: Floats
    state: NDArray[np.int8]
    seen: Floats

    @property
    def pulses(self) -> Ints:
        """Pulses of both signs."""
        return self.positive + self.negative

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.damage.shape[0], self.damage.shape[1]

    def plus(self, other: Life) -> Life:
        """Both together; of the states the one that was seen last."""
        later = ~(other.seen <= self.seen) & (other.state != UNKNOWN)
        return Life(
            self.positive + other.positive,
            self.negative + other.negative,
            self.damage + other.damage,
            self.read_dose + other.read_dose,
            np.where(later, other.state, self.state),
            np.where(later, other.seen, self.seen),
        )


def new_life(rows: int, cols: int) -> Life:
    """That of a die that nobody has touched."""
    shape = (rows, cols)
    counts = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    state = np.full(shape, UNKNOWN, dtype=np.int8)
    return Life(*counts, np.zeros(shape), np.zeros(shape), state, np.full(shape, np.nan))


@dataclass(frozen=True)
class LedgerRun:
    """A run as the ledger knows it; `ended` is "" for one that is going on, or whose process died."""

    run: str
    folder: Path
    host: str
    user: str
    began: str
    ended: str
    how: str


class Ledger:
    """A ledger file; it is made when something is first written. Every method is one transaction.

    Raises StorageError for a file that cannot be used, and for one of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def dies(self) -> dict[str, tuple[int, int]]:
        """Every die with its (rows, cols)."""
        with self._reading() as database:
            if database is None:
                return {}
            found = database.execute("SELECT key, rows, cols FROM die ORDER BY key").fetchall()
            return {key: (rows, cols) for key, rows, cols in found}

    def life(self, key: str, *, without: str = "") -> Life | None:
        """What the cells of a die have taken in all runs, or all but the run `without`; None for a new die."""
        with self._reading() as database:
            row = None if database is None else _die(database, key)
            if database is None or row is None:
                return None
            whole = new_life(*row)
            columns = ", ".join(_TYPES)
            query = f"SELECT {columns} FROM run WHERE die = ? AND run != ? AND damage IS NOT NULL ORDER BY began"
            for blobs in database.execute(query, (key, without)):
                whole = whole.plus(_life(blobs, row, self.path))
            return whole

    def contribution(self, key: str, run_id: str) -> Life | None:
        """What a run has done to a die by the ledger; None if it does not know the run, or nothing of it yet."""
        with self._reading() as database:
            row = None if database is None else _die(database, key)
            if database is None or row is None:
                return None
            query = f"SELECT {', '.join(_TYPES)} FROM run WHERE die = ? AND run = ? AND damage IS NOT NULL"
            blobs = database.execute(query, (key, run_id)).fetchone()
            return None if blobs is None else _life(blobs, row, self.path)

    def runs(self, key: str) -> list[LedgerRun]:
        """The runs that have touched a die, in the order in which they began."""
        query = "SELECT run, folder, host, user, began, ended, how FROM run WHERE die = ? ORDER BY began, run"
        with self._reading() as database:
            rows = [] if database is None else database.execute(query, (key,)).fetchall()
            return [LedgerRun(r[0], Path(r[1]), r[2], r[3], r[4], r[5] or "", r[6] or "") for r in rows]

    def limits(self, key: str) -> dict[str, float]:
        """The limits that a die was last used with; empty for a new one."""
        with self._reading() as database:
            row = None
            if database is not None:
                row = database.execute("SELECT limits FROM die WHERE key = ?", (key,)).fetchone()
            return json.loads(row[0]) if row is not None and row[0] else {}

    def begin(
        self, key: str, run_id: str, folder: Path, *, shape: tuple[int, int], limits: Mapping[str, float] | None = None
    ) -> None:
        """A run begins on a die, or goes on; `limits` are those that it is used with from now on.

        Raises StorageError if the ledger knows the die with another number of rows or columns.
        """
        with self._writing(made=False) as database:
            known = _die(database, key)
            if known is not None and known != shape:
                raise StorageError(
                    f"{self.path}: {key} has {known[0]} x {known[1]} cells in the ledger and {shape[0]} x {shape[1]} "
                    "in the bench file: is it another die? Its name is array.die"
                )
            database.execute("INSERT OR IGNORE INTO die (key, rows, cols) VALUES (?, ?, ?)", (key, *shape))
            if limits is not None:
                database.execute("UPDATE die SET limits = ? WHERE key = ?", (json.dumps(dict(limits)), key))
            row = (key, run_id, str(folder), socket.gethostname(), _user(), _now())
            database.execute(
                "INSERT INTO run (die, run, folder, host, user, began) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (die, run) DO UPDATE SET ended = NULL, how = NULL, folder = excluded.folder",
                row,
            )

    def contribute(self, key: str, run_id: str, contribution: Life) -> None:
        """What a run that has begun has done to a die so far; it replaces what the ledger had of this run."""
        with self._writing() as database:
            self._replace(database, key, run_id, contribution)

    def end(self, key: str, run_id: str, contribution: Life, *, how: str = "done") -> None:
        """A run is over, with all that it has done to a die."""
        with self._writing() as database:
            self._replace(database, key, run_id, contribution)
            database.execute("UPDATE run SET ended = ?, how = ? WHERE die = ? AND run = ?", (_now(), how, key, run_id))

    def _replace(self, database: sqlite3.Connection, key: str, run_id: str, life: Life) -> None:
        shape = _die(database, key)
        if shape != life.shape:
            raise StorageError(f"{self.path}: {key} has {shape} cells, the contribution of {run_id} {life.shape}")
        names = [field.name for field in fields(Life)]
        blobs = [np.ascontiguousarray(getattr(life, name), dtype=_TYPES[name]).tobytes() for name in names]
        settings = ", ".join(f"{name} = ?" for name in names)
        done = database.execute(
            f"UPDATE run SET {settings}, written = ? WHERE die = ? AND run = ?", (*blobs, _now(), key, run_id)
        )
        if done.rowcount != 1:
            raise StorageError(f"{self.path}: the run {run_id} has not begun on {key}")

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection | None, None, None]:
        """The database, or None where there is no file yet."""
        if not self.path.is_file():
            yield None
            return
        with self._opened() as database:
            yield database

    @contextmanager
    def _writing(self, *, made: bool = True) -> Generator[sqlite3.Connection, None, None]:
        with self._opened() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                if not made:
                    for statement in _TABLES.split(";"):
                        database.execute(statement)
                    database.execute("INSERT OR IGNORE INTO about VALUES ('format', ?)", (str(FORMAT),))
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection, None, None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path}: the ledger cannot be opened: {error}") from error
        try:
            self._check_format(database)
            yield database
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: the ledger cannot be used: {error}") from error
        finally:
            database.close()

    def _check_format(self, database: sqlite3.Connection) -> None:
        known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone()
        row = database.execute("SELECT value FROM about WHERE name = 'format'").fetchone() if known else None
        if row is not None and int(row[0]) > FORMAT:
            raise StorageError(f"{self.path}: this ledger has format {row[0]}, this program reads {FORMAT}: update it")


def _die(database: sqlite3.Connection, key: str) -> tuple[int, int] | None:
    known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'die'").fetchone()
    row = database.execute("SELECT rows, cols FROM die WHERE key = ?", (key,)).fetchone() if known else None
    return None if row is None else (row[0], row[1])


def _life(blobs: tuple[Any, ...], shape: tuple[int, int], path: Path) -> Life:
    try:
        arrays = [np.frombuffer(b, dtype=kind).reshape(shape) for b, kind in zip(blobs, _TYPES.values(), strict=True)]
    except ValueError as error:
        raise StorageError(f"{path}: a contribution in this ledger is damaged: {error}") from error
    return Life(*arrays)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this number, as in some containers
        return "unknown"
