"""Frozen records that cross the modules of a study. Lines count from 0 here: they are positions in arrays."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.config.bench import BenchFile
from labmtj.physics.variation import DieTruth
from labmtj.records import DieMap, Floats, Ints
from labmtj.routines.writing.picture import Picture


@dataclass(frozen=True)
class Kind:
    """Dies of one kind: `diameter` [m] and `wire` [ohm a segment]."""

    diameter: float
    wire: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The hidden state of a simulated die at one moment, as `twin.state` keeps it: where copies begin.

    `state` (rows, cols) is 0 for P and 1 for AP; `hazard` and `flips` (rows, cols) are what exposure each cell has
    gathered and how often it has flipped by it; `pulses` is the ordinal of the next pulse; `clock` and `rest` [s].
    `broken` (rows, cols) is 1 where a barrier has broken; `row_reads` and `col_reads` are ordinals of the next reading
    of each line.
    """

    state: NDArray[np.int8]
    hazard: Floats
    flips: NDArray[np.uint64]
    damage: Floats
    pulses: int
    clock: float
    rest: float
    broken: NDArray[np.int8]
    row_reads: NDArray[np.uint64]
    col_reads: NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class PreparedDie:
    """A mapped die: what the map says, and what only the twin knows (`truth`, `after`), before any copy is written.

    `nominal_window` [S] is Gon - Goff of the designed device at the read voltage, without wires or spread. `file` is
    the bench that the die was mapped on.
    """

    kind: Kind
    seed: int
    die: DieMap
    truth: DieTruth
    after: Snapshot
    nominal_window: float
    file: BenchFile | None = None

    @functools.cached_property
    def picture(self) -> Picture:
        """What the map says of wires; what has been worked out from it is kept."""
        return Picture(self.die)

    @property
    def window(self) -> float:
        """Gon - Goff [S] of the median cell of the map, through the wires."""
        return self.die.conductance_p - self.die.conductance_ap


@dataclass(frozen=True, eq=False)
class Places:
    """Where one layer of every network lies: physical `rows` (networks, inputs), `cols` (networks, device columns)."""

    rows: Ints
    cols: Ints

    def of(self, grid: NDArray[np.generic]) -> NDArray[np.generic]:
        """Values of a grid (rows, cols), or one a network, at the devices: (networks, inputs, device columns)."""
        rows, cols = self.rows[:, :, np.newaxis], self.cols[:, np.newaxis, :]
        if grid.ndim == 2:
            return grid[rows, cols]
        return grid[np.arange(len(grid))[:, np.newaxis, np.newaxis], rows, cols]


@dataclass(frozen=True, eq=False)
class Exposure:
    """What the cells of copies have gathered towards their next flip by themselves, (networks, rows, cols).

    `hazard`, and `flips` that it has led to; see `Snapshot`.
    """

    hazard: Floats
    flips: NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class WrittenLayer:
    """One layer of many copies, each on its own instance of the same die.

    `target` and `seen` (networks, inputs, device columns) hold `State` values, `seen` is the read-back (-1
    unreadable); `conductance` [S] of that shape is the last reading of each device, noise and wires included; `state`
    (networks, rows, cols) is the hidden state of all cells when the layer had been written (2: a short or an open);
    `defect` marks of the map, shape of `target`; `pulses`, `repaired` (networks,) counts; `clock` (networks,) bench
    time [s] since the copy began; `exposure` at the moment of `state`, for what time does to it.
    """

    places: Places
    target: Ints
    seen: Ints
    conductance: Floats
    state: NDArray[np.int8]
    defect: Ints
    pulses: Ints
    repaired: Ints
    clock: Floats
    exposure: Exposure | None = None


def joined(layers: Sequence[WrittenLayer]) -> WrittenLayer:
    """Copies of the same layer in one record, one after the other; without exposures."""

    def rows(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(layer, name) for layer in layers])

    places = Places(
        np.concatenate([layer.places.rows for layer in layers]), np.concatenate([layer.places.cols for layer in layers])
    )
    return WrittenLayer(
        places=places,
        target=rows("target"),
        seen=rows("seen"),
        conductance=rows("conductance"),
        state=rows("state"),
        defect=rows("defect"),
        pulses=rows("pulses"),
        repaired=rows("repaired"),
        clock=rows("clock"),
    )
