"""The wires step: resistance of wires and contacts, and of the cells without them."""

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


class WiresStep(Step):
    """Measure the array in four patterns of states, and fit wires, contacts and cells together.

    `read` is the map's voltage if it is not said, and less where whole lines would meet the compliance; each sum of
    lines is measured `repeats` times. All states are written.
    """

    kind: ClassVar[str] = "wires"

    read: Voltage | None = None
    """Voltage of all readings; that of the map if it is not said."""
    repeats: Annotated[int, Field(ge=5, le=10_000)] = 160  # chosen: wires to 2 % at 20 nm, 0.4 % at 40 nm
    """How often each sum of lines is measured."""

    def needs(self) -> tuple[str, ...]:
        """The map, whose amplitudes write the patterns."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def items(self, progress: Progress) -> int:
        """The sums in all patterns."""
        from labmtj.routines.wires import SUMS

        return SUMS

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure; wire and contacts go into the map."""
        from labmtj.routines.wires import measure_wires

        die = progress.known_map
        voltage = self.read or die.read_voltage
        found = measure_wires(progress.array, die=die, voltage=voltage, repeats=self.repeats, tick=tick)
        progress.keep_map(found.die_map)
        return progress.find(found.finding)
