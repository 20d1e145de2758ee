"""The iv step: current against voltage of chosen cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.cells import CellList, cell_problems, chosen, how_many, levels
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

_MOST = 1000  # chosen: steps of a sweep, four times as many readings a cell


class IvStep(Step):
    """Sweep cells up to `largest` and back with both signs, in steps of `step`.

    `cells` are those that are named, else good ones of the diagonal. All cells of a row see its voltage: above some
    150 mV they may switch. A cell in compliance is not swept further.
    """

    kind: ClassVar[str] = "iv"

    largest: Voltage
    """The largest voltage of the sweep, of either sign."""
    step: Voltage = 0.02  # chosen: fifteen points to 300 mV
    """What each next level is larger by; 200 mV at most."""
    cells: CellList | None = None
    """The cells to sweep, as [row, col]; good ones of the diagonal if they are not said."""

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The largest voltage, which one terminal sees alone."""
        yield Stated((*here, "largest"), self.largest)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Steps that are too long or too many, cells that are not there."""
        from labmtj.routines.iv import LARGEST_STEP

        if self.step > min(self.largest, LARGEST_STEP) * (1 + 1e-9) or self.largest / self.step > _MOST:
            message = f"a sweep has 1 to {_MOST} steps of 200 mV at most"
            yield source.problem((*here, "step"), message)
        yield from cell_problems(self.cells, (*here, "cells"), source, bench)

    def items(self, progress: Progress) -> int:
        """The cells."""
        return how_many(self.cells, progress)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Sweep them."""
        from labmtj.routines.iv import measure_iv

        cells = chosen(self.cells, progress)
        found = measure_iv(progress.array, cells=cells, levels=levels(self.largest, self.step), tick=tick)
        return progress.find(found)
