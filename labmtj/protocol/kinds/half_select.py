"""The half_select step: what pulses do to the cells that share a line with the written one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.chosen import Count, chosen_cells, forget_states, said_amplitudes, stated_amplitude
from labmtj.protocol.kinds.fields import Amplitude, CellEntry
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class HalfSelectStep(Step):
    """Fire `pulses` towards each state on one cell, and count flips on its row and column, `readings` times.

    The cell is one near the middle of the array if none is named; amplitude and width are the map's if not said.
    """

    kind: ClassVar[str] = "half_select"

    cell: CellEntry | None = None
    pulses: Count = 1000
    amplitude: Amplitude = "from_map"
    width: Time | None = None
    readings: Annotated[int, Field(ge=1, le=1000)] = 5
    read: Voltage | None = None

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """Amplitudes that are stated, and the read voltage."""
        yield from stated_amplitude(self.amplitude, written, here)
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """A cell that is not there."""
        array = bench.bench.array
        if self.cell is not None and (self.cell[0] > array.rows or self.cell[1] > array.cols):
            message = f"cell {self.cell} is not on the array, which has {array.rows} x {array.cols} cells"
            yield source.problem((*here, "cell"), message, hint=f"the array: {bench.source.place(('array',))}")

    def items(self, progress: Progress) -> int:
        """The readings of both polarities."""
        return 2 * min(self.readings, self.pulses)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Count flips."""
        from labmtj.routines.disturb import measure_half_select

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        middle = 0.5 * (die.shape[0] + 1), 0.5 * (die.shape[1] + 1)
        cells = chosen_cells((self.cell,) if self.cell else "all", die)
        found = measure_half_select(
            progress.array, die=die, read=self.read or die.read_voltage, pulses=self.pulses, readings=self.readings,
            cell=min(cells, key=lambda cell: (cell.row - middle[0]) ** 2 + (cell.col - middle[1]) ** 2),
            amplitudes=said_amplitudes(self.amplitude), width=self.width, picture=progress.picture, tick=tick,
        )  # fmt: skip
        forget_states(progress)
        return progress.find(found)
