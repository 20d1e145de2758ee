"""The tmr step: TMR against voltage, and the voltage at which it has halved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.cells import CellList, cell_problems, chosen, how_many, levels
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class TmrStep(Step):
    """Read both states of cells up to `largest` in steps of `step`, `repeats` times each, and fit TMR0, V_h and k_P.

    `cells` are those that are named, else good ones of the diagonal. Each state is read with the sign that writes
    it; the rows of the cells are written.
    """

    kind: ClassVar[str] = "tmr"

    largest: Voltage = 0.4  # chosen: TMR has fallen by 40 % there, and a V_h of 0.5 V is known to 1 % a cell
    """The largest voltage of the row, with the sign that writes the state that is read."""
    step: Voltage = 0.05  # chosen: eight levels
    """What each next level is larger by."""
    repeats: Annotated[int, Field(ge=2, le=1000)] = 4
    """Readings of each cell at each level in each state."""
    cells: CellList | None = None
    """The cells to measure, as [row, col]; good ones of the diagonal if they are not said."""

    def needs(self) -> tuple[str, ...]:
        """The map, whose amplitudes write the states."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The largest voltage, which one terminal sees alone."""
        yield Stated((*here, "largest"), self.largest)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Too few levels to tell V_h from TMR0, cells that are not there."""
        if not 2.5 < self.largest / self.step < 200:
            yield source.problem((*here, "step"), "three levels at least are needed to tell V_h from TMR0, 200 at most")
        yield from cell_problems(self.cells, (*here, "cells"), source, bench)

    def items(self, progress: Progress) -> int:
        """Both states of the cells."""
        return 2 * how_many(self.cells, progress)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure the curves; the median cell's go into the map."""
        from labmtj.routines.tmr import measure_tmr

        found = measure_tmr(
            progress.array,
            die=progress.known_map,
            cells=chosen(self.cells, progress),
            levels=levels(self.largest, self.step),
            repeats=self.repeats,
            tick=tick,
        )
        progress.keep_map(found.die_map)
        return progress.find(found.finding)
