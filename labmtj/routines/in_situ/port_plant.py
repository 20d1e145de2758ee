"""One network that learns on one array, through the ports (labmtj.nets.in_situ.plant.Plant)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import LimitExceeded
from labmtj.nets.in_situ.plant import Costs
from labmtj.records import DieMap, Floats, Ints, Pulse, State
from labmtj.routines.in_situ.books import Books
from labmtj.routines.in_situ.doors import Door


class PortPlant:
    """A network of one copy whose devices are cells of an array.

    With `by_array` the array itself sums every sample that is learnt, else the host does, from readings: those of cells
    that a pulse selected are taken anew before they are used. Many samples are judged from readings, but while
    `judge_by_array` is set. Cells that only share a line with a pulse are read again before they are written, so
    whenever a best state is written back: a disturbed one is found, and mended, then. Raises LimitExceeded, before
    anything is on, if the strongest pulse of the training would pass a limit; a later one that would is left out
    (`left_out` counts them), as is a sum beyond the range (`unsummed`). `held_back` counts pulses in which a source
    met its limit of current, so that cells got less than was asked.
    """

    copies = 1

    def __init__(self, door: Door, *, die: DieMap, by_array: bool, retries: int = 10) -> None:
        self.door, self.books = door, Books(die)
        self._die, self._by_array, self._retries = die, by_array, retries
        self.judge_by_array = False
        self._window = die.conductance_p - die.conductance_ap
        self._updates = [0 for _ in door.devices]
        self.unsummed = self.left_out = self.held_back = 0
        door.check()
        self._began = door.array.clock.now()

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every layer."""
        return tuple(devices.shape for devices in self.door.devices)

    def products(self, layer: int, inputs: Floats) -> Floats:
        """Weighted sums (1, outputs), in windows, of one sample (1, inputs)."""
        return self._sums(layer, inputs, by_array=self._by_array)

    def products_of(self, layer: int, inputs: Floats) -> Floats:
        """The same for many samples, (1, samples, outputs) of (1, samples, inputs)."""
        return self._sums(layer, inputs[0], by_array=self.judge_by_array)[np.newaxis]

    def _sums(self, layer: int, inputs: Floats, *, by_array: bool) -> Floats:
        if not by_array:
            return inputs @ self.weights(layer)[0]
        found = self.door.sums(layer, inputs) / self._window
        self.unsummed += int(np.count_nonzero(~np.isfinite(found)))
        # Beyond the range there is no sum: the output then counts for nothing, with its partner column.
        known: Floats = np.where(np.isfinite(found), found, 0.0)
        return known

    def update(self, layer: int, rows: Floats, cols: Floats) -> None:
        """Pulses for rows x cols, each (1, n); none where nothing is asked."""
        if not rows.any() or not cols.any():
            return
        self.books.updated()
        number, self._updates[layer] = self._updates[layer], self._updates[layer] + 1
        for aimed in self.door.pulses(layer, rows[0], cols[0], update=number):
            try:
                self.door.array.check_lines(aimed.pulse)
            except LimitExceeded:
                self.left_out += 1  # lines that must serve unlike cells may ask for more than there is room for
                continue
            self.held_back += self.door.array.pulse_lines(aimed.pulse).in_compliance
            self.books.fired(aimed, self.door.half_selected(aimed.pulse))

    def weights(self, layer: int) -> Floats:
        """Weights (1, inputs, outputs) by the map, of states as read; cells that were selected since are read again."""
        devices = self.door.devices[layer]
        self._read(layer, self.books.stale[devices.row, devices.col])
        shown = self.books.shown[devices.row, devices.col]
        pairs: Floats = shown[:, 0::2] - shown[:, 1::2]
        # A cell in compliance has no conductance; it counts for nothing, with its partner.
        known: Floats = np.where(np.isfinite(pairs), pairs, 0.0)
        return known[np.newaxis] / self._window

    def states(self, layer: int) -> NDArray[np.int8]:
        """Bits of the devices (1, inputs, 2 outputs); cells that were selected since they were read are read again."""
        devices = self.door.devices[layer]
        self._read(layer, self.books.stale[devices.row, devices.col])
        return (self.books.state[devices.row, devices.col] == State.P).astype(np.int8)[np.newaxis]

    def write(self, layer: int, bits: NDArray[np.int8]) -> None:
        """Write the devices that read otherwise, each until it reads right; defective cells are left as they are."""
        devices, wanted = self.door.devices[layer], bits[0]
        doubtful = (self.books.stale | self.books.suspect)[devices.row, devices.col] & (wanted >= 0)
        self._read(layer, doubtful)
        targets: Ints = np.where(wanted == 1, int(State.P), int(State.AP))
        good = self._die.good[devices.row, devices.col]
        differ = (wanted >= 0) & good & (self.books.state[devices.row, devices.col] != targets)
        for row, col in np.argwhere(differ).tolist():
            self._write(layer, row, col, State(int(targets[row, col])))

    def _write(self, layer: int, row: int, col: int, target: State) -> None:
        cell, array = self.door.devices[layer].cell(row, col), self.door.array
        where: tuple[Ints, Ints] = np.array([cell.row - 1]), np.array([cell.col - 1])
        last: Pulse | None = None
        for attempt in range(self._retries + 1):
            pulse = self.door.write_pulse(cell, target, attempt)
            try:
                array.check(pulse)
            except LimitExceeded:
                if last is None:
                    raise
                pulse = last  # no room to go higher: again what the limits allowed
            array.pulse(pulse)
            last = pulse
            near = np.zeros(self._die.shape, np.bool_)
            near[cell.row - 1], near[:, cell.col - 1] = True, True
            self.books.written(cell, target, volts=pulse.amplitude, width=pulse.width, near=near)
            (reading,) = self.door.look([cell])
            conductance = np.nan if reading.in_compliance else reading.conductance
            self.books.read(*where, np.array([conductance]))
            if self.books.state[cell.position] == target:
                return

    def costs(self) -> Costs:
        """What all of it has taken so far."""
        return self.books.costs(seconds=self.door.array.clock.now() - self._began)

    def _read(self, layer: int, wanted: NDArray[np.bool_]) -> None:
        if not wanted.any():
            return
        devices = self.door.devices[layer]
        found, read = self.door.conductances(layer, wanted)
        self.books.read(devices.row[read], devices.col[read], found[read])
