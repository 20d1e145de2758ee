"""The ramps step: the switching voltage of every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


class RampsStep(Step):
    """Find the switching voltage of every cell in both directions, by `ramps` rising series of pulses each.

    The map's pulse width is used. What it finds is what `program: {algorithm: model}` writes with.
    """

    kind: ClassVar[str] = "ramps"

    ramps: Annotated[int, Field(ge=1, le=20)] = 2
    slope: Annotated[float, Field(gt=1, le=200)] = 30.0

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def items(self, progress: Progress) -> int:
        """The good cells."""
        return int(progress.known_map.good.sum())

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Ramp every good cell up and down."""
        from labmtj.routines.ramps import RampSettings, switching_voltages

        die = progress.known_map
        settings = RampSettings(self.ramps, die.width, self.slope)
        found, finding = switching_voltages(progress.array, die, settings=settings, picture=progress.picture, tick=tick)
        progress.keep_map(found)
        return progress.find(finding)
