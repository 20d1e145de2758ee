"""The hidden state of a simulated die, in a file that outlives the process as a real die would.

The file holds two slots and the number of the valid one. A commit writes the other slot in full and
then changes that number, so that a process that is killed between two instructions leaves either the
state before or the state after. It is memory-mapped: what is written survives SIGKILL (not a power cut,
for which no simulated die needs to live on).
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labmtj.errors import Busy, StorageError
from labmtj.host_lock import HostLock
from labmtj.host_state import named, who
from labmtj.physics.variation import ANISOTROPY_FIELD, DieModel, DieTruth

if TYPE_CHECKING:
    from labmtj.physics.neuron import NeuronModel
    from labmtj.twin.neuron_die import NeuronDie

_HEADER = 4096
_MAGIC = "labmtj die state"
_CELLS = ("state", "broken", "hazard", "flips", "damage")
MATRIX_ROWS, MATRIX_COLS = 16, 96  # the largest matrices there are: 16 x 32 cards, eight cards of twelve columns


def fingerprint(model: DieModel | NeuronModel) -> str:
    """A short digest of everything that makes this die another die.

    An anisotropy field as of old is left out: without a magnet it means nothing, and older states stay good. So are
    leaks where no cell has one. Of neurons it is all of the model.
    """
    said = repr(model)
    if not isinstance(model, DieModel):
        return hashlib.sha256(said.encode()).hexdigest()[:16]
    later: list[str] = ["anisotropy_field"] if model.anisotropy_field == ANISOTROPY_FIELD else []
    later += [] if model.leaky else ["leaky", "least_leak", "most_leak"]
    later += [] if model.transistor else ["transistor", "kernels"]
    for name in later:
        said = said.replace(f", {name}={getattr(model, name)!r}", "")
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _layout(truth: DieTruth | NeuronDie) -> np.dtype[Any]:
    rows, cols = grid = truth.initial.shape
    kernels: list[tuple[str, str, tuple[int, ...]]] = []
    if isinstance(truth, DieTruth) and truth.model.transistor:
        kernels = [("rests", "f8", (truth.model.kernels,)), ("left", "f8", (truth.model.kernels,))]
    return np.dtype(
        [
            ("clock", "f8"),
            ("rest", "f8"),
            ("pulses", "u8"),
            ("state", "i1", grid),
            ("broken", "i1", grid),
            ("hazard", "f8", grid),
            ("flips", "u8", grid),
            ("damage", "f8", grid),
            ("row_reads", "u8", (rows,)),
            ("col_reads", "u8", (cols,)),
            ("cycles", "u8", (MATRIX_ROWS, MATRIX_COLS)),
            *kernels,
        ]
    )


class DieState:
    """What changes on a die: cell states, wear, exposure, event ordinals, relay cycles, clock.

    `path` None keeps the state in memory only. An empty file at `path` is a place reserved for a fresh
    die; a missing one is an error, never a new die; another die's state is refused. One process has a die at a time:
    the others get Busy.
    """

    def __init__(self, truth: DieTruth | NeuronDie, path: Path | None = None) -> None:
        layout = _layout(truth)
        self._now = np.zeros((), dtype=layout)
        self._lagging = slice(None)  # rows in which the slot that is written next may be older than the valid one
        self._slots: Any = None
        self.path = path
        self._lock: HostLock | None = None
        self._left: int | None = None
        self._now["state"] = truth.initial
        if path is not None:
            self._hold(path)
            self._open(path, layout, fingerprint(truth.model))
        for name in layout.names or ():
            if name not in ("clock", "rest", "pulses"):
                setattr(self, name, self._now[name])
        self.clock, self.rest = float(self._now["clock"]), float(self._now["rest"])
        self.pulses = int(self._now["pulses"])

    state: np.ndarray[Any, np.dtype[np.int8]]
    broken: np.ndarray[Any, np.dtype[np.int8]]
    hazard: np.ndarray[Any, np.dtype[np.float64]]
    flips: np.ndarray[Any, np.dtype[np.uint64]]
    damage: np.ndarray[Any, np.dtype[np.float64]]
    row_reads: np.ndarray[Any, np.dtype[np.uint64]]
    col_reads: np.ndarray[Any, np.dtype[np.uint64]]
    cycles: np.ndarray[Any, np.dtype[np.uint64]]

    rests: np.ndarray[Any, np.dtype[np.float64]]
    """Of each kernel of a chip, seconds at rest that are not yet in its cells' exposure, up to when it was `left`."""
    left: np.ndarray[Any, np.dtype[np.float64]]
    """When each kernel of a chip was last let go [s]; it has been at rest since then."""

    clock: float
    """Virtual seconds in the life of the die."""
    rest: float
    """Seconds at rest that are not yet in the cells' exposure."""
    pulses: int
    """Pulses the die has received."""

    def commit(self, rows: slice | None = None) -> None:
        """Make the present state the one that a next process finds; it has changed in these `rows` only, or in all."""
        if self._slots is not None:
            self._now["clock"], self._now["rest"], self._now["pulses"] = self.clock, self.rest, self.pulses
            other = 1 - int(self._valid[0] % 2)
            if rows is None or self._lagging == slice(None):
                self._slots[other] = self._now
            else:  # to write a large die in full takes too long
                slot, now = self._slots[other], self._now
                for name in now.dtype.names or ():
                    if name in _CELLS:
                        slot[name][rows] = now[name][rows]
                        slot[name][self._lagging] = now[name][self._lagging]
                    else:
                        slot[name] = now[name]
            self._lagging = slice(None) if rows is None else rows
            self._valid[0] += 1

    def hold(self) -> None:
        """Have the die again after `let_go`. Raises Busy, or StorageError if another process has had it meanwhile."""
        if self.path is None or self._left is None:
            return
        self._hold(self.path)
        if int(self._valid[0]) != self._left:
            raise StorageError(
                f"{self.path}: another process has worked with this die since this one left it; begin a new process"
            )
        self._left = None

    def let_go(self) -> None:
        """Let other processes have the die: nothing is connected to it here any more."""
        if self.path is not None:
            self._left = int(self._valid[0])
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _hold(self, path: Path) -> None:
        """Lock the die for this process, in which it may be open more than once. Raises Busy."""
        if not path.exists():
            return  # there is no such die, and what opens it says so
        lock = HostLock(path.with_name(f"{path.name}.lock"))
        if lock.take():
            lock.write(json.dumps(who()))
            self._lock = lock
            return
        try:
            found: dict[str, Any] = json.loads(lock.read())
        except ValueError:
            found = {}
        if found.get("pid") != os.getpid():
            raise Busy(f"{path}: the simulated die is in use by {named(found)}; wait until it has left the bench")

    def _open(self, path: Path, layout: np.dtype[Any], die: str) -> None:
        size = _HEADER + 8 + 2 * layout.itemsize
        header = {"magic": _MAGIC, "format": 1, "die": die, "bytes": size}
        try:
            if path.stat().st_size == 0:
                self._write_fresh(path, header)
            with open(path, "rb") as file:
                found = json.loads(file.read(_HEADER).decode())
            if found == header and path.stat().st_size != size:
                # numpy would fill up what is missing with zeros
                raise ValueError(f"it has {path.stat().st_size} bytes instead of {size}")
            if found == header:
                self._valid = np.memmap(path, dtype="u8", mode="r+", offset=_HEADER, shape=(1,))
                self._slots = np.memmap(path, dtype=layout, mode="r+", offset=_HEADER + 8, shape=(2,))
        except FileNotFoundError as error:
            raise StorageError(
                f"{path}: the simulated die's state is missing; a die cannot be made anew: name the right file "
                "in simulation.state, or leave it out for a fresh die"
            ) from error
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: not a die state that can be used: {error}") from error
        if found != header:
            raise StorageError(f"{path}: the state of another die, or of another version of labmtj: {found}")
        self._now[...] = self._slots[int(self._valid[0] % 2)]

    def _write_fresh(self, path: Path, header: dict[str, Any]) -> None:
        """Write a whole file beside `path` and put it in its place at once."""
        beside = path.with_name(path.name + ".new")
        with open(beside, "wb") as file:
            file.write(json.dumps(header).encode().ljust(_HEADER))
            file.write(bytes(8) + self._now.tobytes() * 2)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
