"""A run and the ledger: which ledger and which die a bench means, and the life of its cells kept while it runs."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from labmtj.bench.exposure import exposure_of
from labmtj.bench.life import LifeGate, contribution_of_journal
from labmtj.bench.living_array import LivingArray, living
from labmtj.config.bench import BenchFile
from labmtj.errors import StorageError
from labmtj.host_state import user_folder
from labmtj.physics.stress import Limits
from labmtj.ports import ArrayAccess
from labmtj.runs.journal import read_journal
from labmtj.runs.ledger import Ledger, Life, new_life

NAME = "ledger.sqlite3"


def ledger_path(file: BenchFile | None = None) -> Path:
    """The ledger of a bench: the one that it names, else LABMTJ_LEDGER, else the user's own.

    A simulated die keeps its ledger beside the file of its hidden state: what it takes is nothing to real ones.
    """
    if file is not None and file.bench.ledger is not None:
        return Path(file.bench.ledger)
    simulation = None if file is None else file.bench.simulation
    if file is not None and file.bench.visa == "@labmtj" and simulation is not None and simulation.state is not None:
        return Path(simulation.state).parent / NAME
    named = os.environ.get("LABMTJ_LEDGER")
    return Path(named) if named else user_folder() / NAME


def die_key(file: BenchFile) -> str:
    """What the ledger calls the die of a bench: its name, wafer and all; without one, all dies of the bench are one."""
    return file.bench.array.die or f"any die on {file.bench.title}"


def run_id(journal: Path) -> str:
    """The name of a run in the ledger: it stays when its folder is moved. Raises StorageError without a first line."""
    try:
        with journal.open("rb") as file:
            first = file.readline()
    except OSError as error:
        raise StorageError(f"{journal}: the journal cannot be read: {error.strerror}") from error
    if not first.endswith(b"\n"):
        raise StorageError(f"{journal}: this journal has no first line, so nothing was done in this run")
    return hashlib.sha256(first).hexdigest()[:16]


def contribution_of_run(journal: Path, file: BenchFile, limits: Limits) -> Life:
    """What a run has done to its die, by its journal."""
    array = file.bench.array
    return contribution_of_journal(read_journal(journal), exposure_of(file, limits), shape=array.shape)


@contextmanager
def kept_life(array: ArrayAccess, file: BenchFile, limits: Limits, journal: Path) -> Generator[LivingArray, None, None]:
    """The array of a run (its bench, its journal's file), its cells' lives held against the limits and in the ledger.

    The ledger hears of a run when it begins, at most once a second, and when it ends, however it does, from its
    journal; one that goes on takes up what its journal says. Raises StorageError if the ledger cannot be used.
    """
    ledger, key, name = Ledger(ledger_path(file)), die_key(file), run_id(journal)
    gate = _begun(ledger, file, limits, name, journal.parent, contribution_of_run(journal, file, limits))
    try:
        yield living(array, gate)
    except BaseException as error:
        try:
            ledger.end(key, name, contribution_of_run(journal, file, limits), how="failed")
        except StorageError as other:
            error.add_note(f"{other}; when it is well again: labmtj ledger --collect {journal.parent}")
        raise
    ledger.end(key, name, contribution_of_run(journal, file, limits))


@contextmanager
def session_life(array: ArrayAccess, file: BenchFile, limits: Limits) -> Generator[LivingArray, None, None]:
    """The array of a script that keeps no journal: its cells' lives are held against the limits, and in the ledger.

    What a script did in the last second before its process was killed is lost to the ledger; a run has a journal.
    Raises StorageError if the ledger cannot be used.
    """
    ledger, key, name = Ledger(ledger_path(file)), die_key(file), f"script-{uuid.uuid4().hex[:12]}"
    nothing = new_life(*file.bench.array.shape)
    gate = _begun(ledger, file, limits, name, Path.cwd(), nothing)
    how = "failed"
    try:
        yield living(array, gate)
        how = "done"
    finally:
        ledger.end(key, name, gate.contribution(), how=how)


def _begun(ledger: Ledger, file: BenchFile, limits: Limits, name: str, folder: Path, begun: Life) -> LifeGate:
    """The gate of a run or script that the ledger knows from here on; `begun` is what it has done before."""
    key = die_key(file)
    life = ledger.life(key, without=name)
    if life is None:
        life = new_life(*begun.shape)
    given = {limit: value for limit, value in dict(file.bench.limits).items() if value is not None}
    ledger.begin(key, name, folder, shape=begun.shape, limits=given)
    return LifeGate(
        exposure_of(file, limits),
        limits,
        life=life,
        begun=begun,
        keep=lambda contribution: ledger.contribute(key, name, contribution),
    )
