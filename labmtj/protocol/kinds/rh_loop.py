"""The rh_loop step: loops of resistance against field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import FluxDensity, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.ports import FieldSource, Ticker
from labmtj.protocol.kinds.fields import CellEntry
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.records import Cell
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

_STEPS = 10_000  # chosen: steps of a field; a thousand take an hour already


class RhLoopStep(Step):
    """Sweep the field from -`largest` to `largest` and back in steps of `step`, and read cells at each.

    `cells` are those that are named, else one a row, spread over the columns. A reading at 50 mV moves the switching
    fields by some millitesla; `loops` more than one tell the scatter.
    """

    kind: ClassVar[str] = "rh_loop"

    largest: FluxDensity
    step: FluxDensity = 0.01  # chosen: twice the thermal scatter of a switching field at 40 nm
    read: Voltage = 0.01  # chosen: see labmtj.routines.field
    loops: Annotated[int, Field(ge=1, le=100)] = 1
    cells: Annotated[list[CellEntry], Field(min_length=1)] | None = None

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """No magnet, a field above its limit, steps that are too few or too many, cells that are not there."""
        yield from field_problems(self.largest, (*here, "largest"), source, bench)
        if not 1 <= self.largest / self.step <= _STEPS:
            yield source.problem((*here, "step"), "a loop has at least three fields, and not tens of thousands")
        array = bench.bench.array
        for place, (row, col) in enumerate(self.cells or ()):
            if row > array.rows or col > array.cols:
                message = f"cell ({row}, {col}) is not on the array, which has {array.rows} x {array.cols} cells"
                yield source.problem((*here, "cells", place), message)

    @property
    def fields(self) -> list[float]:
        """All fields of a sweep [T], rising."""
        count = round(self.largest / self.step)
        return [self.largest * n / count for n in range(-count, count + 1)]

    def items(self, progress: Progress) -> int:
        """All fields, both ways."""
        del progress
        return 2 * self.loops * len(self.fields)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure the loops."""
        from labmtj.routines.field import rh_loop

        rows, cols = progress.array.shape
        # A step of about a third of the columns, so that cells of neighbouring rows lie apart.
        spread = [Cell(row, 1 + (row * max(1, cols // 3)) % cols) for row in range(1, rows + 1)]
        cells = [Cell(*cell) for cell in self.cells] if self.cells else spread
        progress.reset_states()
        found = rh_loop(
            progress.array,
            known_field(progress),
            cells=cells,
            fields=self.fields,
            read=self.read,
            loops=self.loops,
            tick=tick,
        )
        return progress.find(found.finding)


def field_problems(tesla: float, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """A bench without a magnet, or a field [T] above its limit."""
    magnet = bench.bench.magnet
    if magnet is None:
        hint = "a bench that has one: --bench magnet"
        yield source.problem(here[:-1], f"this step needs a magnet; {bench.bench.title} has none", hint=hint, key=True)
    elif tesla > magnet.limit * (1 + 1e-9):
        shown, most = (show(value, Dimension.FLUX_DENSITY) for value in (tesla, magnet.limit))
        place = bench.source.place(("magnet", "limit"))
        yield source.problem(here, f"{shown} is above the magnet's limit {most}", hint=f"the bench says so ({place})")


def known_field(progress: Progress) -> FieldSource:
    """The magnet of the bench. Raises InputError where there is none."""
    if progress.magnet is None:
        raise InputError("this step needs a magnet: run it on a bench that has one, --bench magnet")
    return progress.magnet
