"""Learning on a chip with a transistor in every cell: column by column, gates opened by chance.

The gate of every cell is drawn by itself, so that cells flip independently, each with its own probability; those of one
column that were drawn get one pulse together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.chips.tiling import Tiling
from labmtj.ports import GatedArray
from labmtj.records import Cell, DieMap, Floats, LinePulse, Pulse, Reading, Scheme, State
from labmtj.routines.chips.columns import Column, read_column
from labmtj.routines.chips.inference import products_of
from labmtj.routines.in_situ.crossbar_door import RISE, Driving
from labmtj.routines.in_situ.doors import Aimed, Devices
from labmtj.routines.in_situ.phases import drawn_cells


class GatedDoor:
    """A chip (labmtj.routines.in_situ.doors.Door); layers lie as `tiling` says, inputs in blocks on kernels."""

    coding = "chance"

    def __init__(self, array: GatedArray, *, die: DieMap, tiling: Tiling, how: Driving) -> None:
        self.array: GatedArray = array
        self._die, self._tiling, self.how = die, tiling, how
        self.devices = tuple(
            Devices(*(cells[..., side].reshape(cells.shape[0], -1) for side in (0, 1))) for cells in tiling.cells
        )

    def check(self) -> None:
        """Raise LimitExceeded if the pulses that write a cell would pass a limit."""
        first = self.devices[0].cell(0, 0)
        for target in State:
            self.array.check(self.write_pulse(first, target, 0))
            self.array.check_lines(self._pulse([first.row], first.col, target))

    def conductances(self, layer: int, wanted: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
        """Read the wanted devices, all those of a column in one request."""
        found = np.full(wanted.shape, np.nan)
        for column, inputs, place in self._columns(layer, wanted):
            cells = [self.devices[layer].cell(row, place) for row in inputs]
            readings = read_column(self.array, column, cells, voltage=self.how.read)
            found[inputs, place] = [np.nan if one.in_compliance else one.conductance for one in readings]
        return found, wanted

    def sums(self, layer: int, inputs: Floats) -> Floats:
        """Sums of the chip: inputs open gates, bit by bit, negative ones in a second pass; blocks are added here."""
        steps = (1 << self.how.bits) - 1
        partial = products_of(self.array, self._tiling, layer=layer, steps=steps, voltage=self.how.read, window=1.0)
        both = [partial(np.maximum(sign * inputs, 0.0).astype(np.float32)).sum(axis=1) for sign in (1.0, -1.0)]
        found = both[0] - both[1]
        return found[..., 0] - found[..., 1]

    def pulses(self, layer: int, rows: Floats, cols: Floats, *, update: int) -> Iterator[Aimed]:
        """One pulse a column and state in which a gate was drawn."""
        drawn = drawn_cells(rows, cols, seed=self.how.seed, layer=layer, update=update)
        for target, hit in drawn.items():
            for column, inputs, place in self._columns(layer, hit):
                lines = [self.devices[layer].cell(row, place).row for row in inputs]
                yield Aimed(self._pulse(lines, column.col, target), target)

    def write_pulse(self, cell: Cell, target: State, attempt: int) -> Pulse:
        """A pulse on one cell, a little higher from the third one on."""
        volts = self._die.polarity.sign(target) * self.how.amplitudes.towards(target)
        return Pulse(cell, volts * (1.0 + RISE) ** max(0, attempt - 1), self.how.width, Scheme.GATED)

    def look(self, cells: Sequence[Cell]) -> list[Reading]:
        """Read single cells."""
        return self.array.read(cells, voltage=self.how.read)

    def half_selected(self, pulse: LinePulse) -> NDArray[np.bool_]:
        """The selected cells: gates of all other rows are closed."""
        found = np.zeros(self.array.shape, np.bool_)
        found[np.ix_(np.array(pulse.rows) - 1, np.array(pulse.cols) - 1)] = True
        return found

    def _pulse(self, rows: Sequence[int], col: int, target: State) -> LinePulse:
        """All of the amplitude below zero on the column; rows with open gates stand at 0 V."""
        volts = self._die.polarity.sign(target) * self.how.amplitudes.towards(target)
        return LinePulse(tuple(rows), (0.0,) * len(rows), (col,), (-volts,), self.how.width)

    def _columns(self, layer: int, wanted: NDArray[np.bool_]) -> Iterator[tuple[Column, list[int], int]]:
        """Columns of kernels with a wanted device: the column, inputs and device column (from 0) of these."""
        rows = self._tiling.rows
        for tile in self._tiling.tiles:
            if tile.layer != layer:
                continue
            first = (tile.kernel - 1) * rows + 1
            for col, place in zip(tile.cols, tile.columns, strict=True):
                inputs = [row for row in tile.inputs if wanted[row, place]]
                if inputs:
                    yield Column(tile.kernel, col, range(first, first + rows)), inputs, place
