"""The steps reference and drift: what is read again while other steps are carried out, and how far it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field

from labmtj.config.bench import ReferenceResistor
from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.cells import CellList, cell_problems
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.records import Cell

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile
    from labmtj.protocol.progress import Progress


class ReferenceStep(Step):
    """From here on, read `cells` and the bench's known resistors again whenever `every` has passed.

    No later step should write these cells. `resistors` are the bench's `references` if they are not said. A drift
    step ends it and says how far they went.
    """

    kind: ClassVar[str] = "reference"
    changes_cells: ClassVar[bool] = False

    every: Time = 600.0  # chosen: ten minutes
    """Time after which all of them are read again."""
    read: Voltage = 0.05
    """Voltage of their readings."""
    repeats: Annotated[int, Field(ge=2, le=1000)] = 16  # chosen: 0.1 % of noise at 40 nm
    """Readings of each, every time."""
    cells: CellList | None = None
    """Reference cells, as [row, col], that no later step writes."""
    resistors: dict[str, ReferenceResistor] | None = None
    """Known resistors by name; the references of the bench file if they are not said."""

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Cells that are not there; nothing at all to read."""
        yield from cell_problems(self.cells, (*here, "cells"), source, bench)
        if not (self.cells or self.resistors or bench.bench.references):
            hint = "write, for example, cells: [[15, 15]], or references in the bench file"
            yield source.problem(here, "there is nothing to read again", hint=hint, key=True)

    def filled(self, bench: Bench, before: object) -> Self:
        """The bench's resistors where none are said."""
        found = self.resistors if self.resistors is not None else bench.references
        return self.model_copy(update={"resistors": found})

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Read all of them a first time, and watch the array from here on."""
        from labmtj.routines.reference import Standard, Watch, Watched

        if progress.watch is not None:
            raise InputError("references are watched already; write drift: before another reference step")
        resistors: Mapping[str, ReferenceResistor] = self.resistors or {}
        known = [Standard(name, Cell(entry.row, entry.col), entry.resistance) for name, entry in resistors.items()]
        cells = [Cell(*cell) for cell in self.cells or ()]
        thermometer = progress.thermometer
        watch = Watch(
            progress.array,
            standards=[*known, *(Standard(str(cell), cell) for cell in cells)],
            voltage=self.read,
            every=self.every,
            repeats=self.repeats,
            temperature=thermometer.temperature if thermometer is not None else None,
        )
        watch.look()
        tick()
        progress.watch, progress.array = watch, Watched(progress.array, watch)
        return f"{len(known) + len(cells)} standards, again every {self.every / 60:.3g} min"


class DriftStep(Step):
    """Read the references a last time, and end the watch."""

    kind: ClassVar[str] = "drift"
    changes_cells: ClassVar[bool] = False

    def needs(self) -> tuple[str, ...]:
        """The references."""
        return ("reference",)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Read them, and say how far they drifted."""
        watch = progress.watch
        if watch is None:
            raise InputError("no references are watched; write a reference step before each drift step")
        watch.look()
        tick()
        progress.watch, progress.array = None, watch.array
        return progress.find(watch.finding())
