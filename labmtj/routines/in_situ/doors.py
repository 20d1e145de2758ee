"""What a network that learns needs of an array, whatever its cells are: where devices lie, sums, readings, pulses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labmtj.ports import ArrayAccess
from labmtj.records import Cell, Floats, Ints, LinePulse, Pulse, Reading, State


@dataclass(frozen=True)
class Aimed:
    """A pulse on lines and the state that it asks of the cells between them."""

    pulse: LinePulse
    target: State


@dataclass(frozen=True, eq=False)
class Devices:
    """Where the devices of a layer lie: `row` and `col` on the array, from 0, both (inputs, device columns)."""

    row: Ints
    col: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """(inputs, outputs)."""
        return self.row.shape[0], self.row.shape[1] // 2

    def cell(self, row: int, col: int) -> Cell:
        """The cell of a device, counted from 0 in the layer."""
        return Cell(int(self.row[row, col]) + 1, int(self.col[row, col]) + 1)


class Door(Protocol):
    """A way to drive an array that learns."""

    @property
    def array(self) -> ArrayAccess:
        """The array."""
        ...

    @property
    def devices(self) -> tuple[Devices, ...]:
        """Where each layer lies."""
        ...

    @property
    def coding(self) -> str:
        """How updates become pulses: "chance" or "levels"."""
        ...

    def check(self) -> None:
        """Raise LimitExceeded if a pulse of the training would pass a limit; touches nothing."""
        ...

    def conductances(self, layer: int, wanted: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
        """Read at least the `wanted` devices (inputs, device columns): conductances [S], and which were read.

        nan where the range or a limit was reached.
        """
        ...

    def sums(self, layer: int, inputs: Floats) -> Floats:
        """Differences of + and - columns [S], (samples, outputs), for inputs -1..1 (samples, inputs).

        nan where the range or a limit was reached.
        """
        ...

    def pulses(self, layer: int, rows: Floats, cols: Floats, *, update: int) -> Iterator[Aimed]:
        """Pulses of one update: `rows` (inputs,), `cols` (outputs,); `update` counts the updates of the layer."""
        ...

    def write_pulse(self, cell: Cell, target: State, attempt: int) -> Pulse:
        """The pulse of an attempt, from 0, to write one cell."""
        ...

    def look(self, cells: Sequence[Cell]) -> list[Reading]:
        """Read single cells."""
        ...

    def half_selected(self, pulse: LinePulse) -> NDArray[np.bool_]:
        """Cells (rows, cols) that a pulse may disturb, the selected ones included."""
        ...
