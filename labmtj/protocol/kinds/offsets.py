"""The offsets step: what flows without a drive, as voltages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


class OffsetsStep(Step):
    """Measure the offset voltage of every sense path and driven row, and the ammeter's current.

    `read` is for the conductances of whole lines, less where they would meet the compliance.
    """

    kind: ClassVar[str] = "offsets"
    changes_cells: ClassVar[bool] = False

    read: Voltage = 0.02  # chosen: of the order of what is read, and below what disturbs cells of 20 nm
    """Voltage at which the conductances of whole lines are measured."""
    repeats: Annotated[int, Field(ge=2, le=10_000)] = 8  # chosen: some 3 uV of noise at 40 nm
    """Integrations of each line with no drive."""

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The voltage for the conductances."""
        yield Stated((*here, "read"), self.read)

    def items(self, progress: Progress) -> int:
        """All lines, and all columns together."""
        return sum(progress.array.shape) + 1

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure them."""
        from labmtj.routines.offsets import measure_offsets

        return progress.find(measure_offsets(progress.array, voltage=self.read, repeats=self.repeats, tick=tick))
