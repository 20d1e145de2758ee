"""The write_error step: how many pulses of one amplitude do not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.chosen import (
    Chosen,
    Count,
    chosen_cells,
    forget_states,
    off_the_array,
    said_amplitudes,
    stated_amplitude,
)
from labmtj.protocol.kinds.fields import Amplitude
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class WriteErrorStep(Step):
    """Fire `pulses` towards each state on each of `cells`, each from the other state, and count what did not write.

    Without an error the rate is below 3 over the pulses. Amplitude and width are the map's if they are not said.
    """

    kind: ClassVar[str] = "write_error"

    cells: Chosen = 4
    pulses: Count = 100
    amplitude: Amplitude = "from_map"
    width: Time | None = None
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
        """Cells that are not there."""
        yield from off_the_array(self.cells, (*here, "cells"), source, bench)

    def items(self, progress: Progress) -> int:
        """The chosen cells."""
        return len(chosen_cells(self.cells, progress.known_map))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Count write errors."""
        from labmtj.routines.write_error import measure_write_error

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        found = measure_write_error(
            progress.array, die=die, cells=chosen_cells(self.cells, die), read=self.read or die.read_voltage,
            amplitudes=said_amplitudes(self.amplitude), width=self.width, pulses=self.pulses,
            picture=progress.picture, tick=tick,
        )  # fmt: skip
        forget_states(progress, chosen_cells(self.cells, die))
        return progress.find(found)
