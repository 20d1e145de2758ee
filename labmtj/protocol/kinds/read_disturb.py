"""The read_disturb step: what reading does to cells, by holding a read voltage on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.chosen import Chosen, chosen_cells, forget_states, off_the_array
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class ReadDisturbStep(Step):
    """Hold `voltage` on `cells` for `dwell`, of each sign from the state that it can leave, and count flips.

    States are read `readings` times, at doses that double up to the dwell, at `read` (the map's if not said).
    """

    kind: ClassVar[str] = "read_disturb"

    cells: Chosen = 15
    voltage: Voltage
    dwell: Time
    readings: Annotated[int, Field(ge=1, le=20)] = 4
    read: Voltage | None = None

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The voltage that is held, and the read voltage."""
        yield Stated((*here, "voltage"), self.voltage)
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Cells that are not there."""
        yield from off_the_array(self.cells, (*here, "cells"), source, bench)

    def items(self, progress: Progress) -> int:
        """The readings of both signs."""
        return 2 * self.readings

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Count flips."""
        from labmtj.routines.disturb import measure_read_disturb

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        found = measure_read_disturb(
            progress.array, die=die, cells=chosen_cells(self.cells, die), read=self.read or die.read_voltage,
            voltage=self.voltage, seconds=self.dwell, readings=self.readings, picture=progress.picture, tick=tick,
        )  # fmt: skip
        forget_states(progress)
        return progress.find(found)
