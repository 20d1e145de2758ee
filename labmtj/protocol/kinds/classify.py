"""The classify step: defects looked at again, and cells that work but are better avoided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from labmtj.config.quantities import Delay
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.cells import CellList, cell_problems
from labmtj.protocol.kinds.step import Step
from labmtj.records import Cell

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class ClassifyStep(Step):
    """Confirm shorts, opens and stuck cells; mark leaky and unstable ones, and of `cells` those that hop back.

    Cells that flip while all lines are at ground for `wait` are unstable too. The search for back-hopping writes at
    up to 1.5 times the write amplitude, as the limits allow, and disturbs other cells of the same lines.
    """

    kind: ClassVar[str] = "classify"

    cells: CellList | None = None
    """Cells that are tried for back-hopping, as [row, col]."""
    wait: Delay = 0.0
    """Time at rest after which cells must be in the state in which they were."""

    def needs(self) -> tuple[str, ...]:
        """The map."""
        return ("map",)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Cells that are not there."""
        yield from cell_problems(self.cells, (*here, "cells"), source, bench)

    def items(self, progress: Progress) -> int:
        """All cells, and those that are tried for back-hopping."""
        return progress.known_map.defect.size + len(self.cells or ())

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Look at them; defects and traits go into the map."""
        from labmtj.routines.classify import classify

        cells = [Cell(*cell) for cell in self.cells or ()]
        found = classify(progress.array, die=progress.known_map, cells=cells, wait=self.wait, tick=tick)
        progress.keep_map(found.die_map)
        return progress.find(found.finding)
