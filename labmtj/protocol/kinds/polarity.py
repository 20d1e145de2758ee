"""The polarity step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Self

from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import CellEntry
from labmtj.protocol.kinds.step import Stated, Step, known_width
from labmtj.records import Cell, Scheme

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile
    from labmtj.protocol.progress import Progress


class PolarityStep(Step):
    """Find which sign writes which state: pulses from `start` up by `step`, no further than `ceiling`.

    The width is the bench's if it is not said.
    """

    kind: ClassVar[str] = "polarity"
    on_chips: ClassVar[bool] = True

    start: Voltage
    step: Voltage
    ceiling: Voltage
    width: Time | None = None
    read: Voltage
    cell: CellEntry | None = None

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The ceiling, of which each terminal sees half, and the read voltage."""
        yield Stated((*here, "ceiling"), self.ceiling, 0.5)
        yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """A ceiling below the start, a cell that is not there."""
        array = bench.bench.array
        if self.start > self.ceiling:
            yield source.problem((*here, "start"), "the first pulse is above the ceiling")
        rows, cols = array.shape
        if self.cell is not None and (self.cell[0] > rows or self.cell[1] > cols):
            message = f"cell {self.cell} is not on the array, which has {rows} x {cols} cells"
            yield source.problem((*here, "cell"), message, hint=f"the array: {bench.source.place(('array',))}")

    def filled(self, bench: Bench, before: object) -> Self:
        """The bench's pulse width where none is said."""
        return self.model_copy(update={"width": self.width or bench.pulse.width})

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Find it on a spare cell."""
        from labmtj.routines.characterise import probe_cells
        from labmtj.routines.polarity import find_polarity, spare_cells

        shape, left_out = progress.array.shape, progress.quarantined
        spare = [cell for cell in spare_cells(shape) if cell not in left_out] or probe_cells(shape, avoid=left_out)
        cells = [Cell(*self.cell)] if self.cell else spare
        found = find_polarity(
            progress.array,
            cells=cells,
            start=self.start,
            step=self.step,
            ceiling=self.ceiling,
            width=known_width(self.width),
            read=self.read,
            scheme=Scheme.V_HALF if progress.kernels is None else Scheme.GATED,
        )
        tick()
        progress.polarity = found
        progress.journal.record(
            "polarity",
            {
                "cell": list(found.cell),
                "positive_writes": found.positive_writes.name,
                "ap_to_p": found.ap_to_p,
                "p_to_ap": found.p_to_ap,
            },
        )
        millivolts = f"{1e3 * found.ap_to_p:.0f} mV to P, {1e3 * found.p_to_ap:.0f} mV to AP"
        line = f"a positive row writes {found.positive_writes.name}   cell {found.cell}: {millivolts}"
        if progress.stated not in (None, found.positive_writes.name):
            line += f"   the bench file says {progress.stated}: what was found counts, look at the wiring"
        return line
