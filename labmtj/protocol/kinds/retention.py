"""The retention step: write, wait, read."""

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


class RetentionStep(Step):
    """Write `cells` in a checkerboard, wait with all lines at ground, and read them when each of `times` has passed."""

    kind: ClassVar[str] = "retention"

    cells: Chosen = "all"
    times: Annotated[tuple[Time, ...], Field(strict=False, min_length=1)]
    read: Voltage | None = None

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Cells that are not there, times that do not rise."""
        yield from off_the_array(self.cells, (*here, "cells"), source, bench)
        for place in range(1, len(self.times)):
            if self.times[place] <= self.times[place - 1]:
                yield source.problem((*here, "times", place), "the times must rise: each is counted from the write")

    def items(self, progress: Progress) -> int:
        """The readings."""
        return len(self.times)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Wait and read."""
        from labmtj.routines.retention import measure_retention

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        found = measure_retention(
            progress.array, die=die, cells=chosen_cells(self.cells, die), read=self.read or die.read_voltage,
            times=self.times, picture=progress.picture, tick=tick,
        )  # fmt: skip
        forget_states(progress)
        return progress.find(found)
