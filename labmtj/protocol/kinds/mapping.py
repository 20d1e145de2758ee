"""The map step: both resistances of every cell, and what is defective."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from labmtj.config.quantities import Resistance, Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Stated, Step, known_width
from labmtj.records import Defect

if TYPE_CHECKING:
    from labmtj.config.bench import Bench
    from labmtj.protocol.progress import Progress


class MapStep(Step):
    """Measure both states of every cell, and find what is defective.

    The width and the `wire` resistance of a segment are the bench's (`pulse.width`, `array.wire`) if they are not
    said; without a wire nothing is added to pulses for what wires take, nor on a chip with a transistor in every cell.
    """

    kind: ClassVar[str] = "map"
    on_chips: ClassVar[bool] = True

    read: Voltage
    width: Time | None = None
    wire: Resistance | None = None

    def needs(self) -> tuple[str, ...]:
        """The polarity."""
        return ("polarity",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        yield Stated((*here, "read"), self.read)

    def filled(self, bench: Bench, before: object) -> Self:
        """The bench's pulse width and wires where none are said."""
        wire = bench.array.wire if self.wire is None else self.wire
        return self.model_copy(update={"width": self.width or bench.pulse.width, "wire": wire})

    def items(self, progress: Progress) -> int:
        """All cells."""
        return progress.array.shape[0] * progress.array.shape[1]

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Map the die."""
        if progress.polarity is None:
            raise InputError("this step needs the polarity to be known before it")
        width = known_width(self.width)
        asked: dict[str, Any] = {"polarity": progress.polarity, "read": self.read, "width": width}
        asked |= {"avoid": progress.quarantined, "tick": tick}
        if progress.kernels is None:
            from labmtj.routines.characterise import map_die

            die = map_die(progress.array, wire=self.wire, **asked)
        else:
            from labmtj.routines.chips.columns import gated
            from labmtj.routines.chips.mapping import map_chip

            die = map_chip(gated(progress.array), **asked)
        progress.keep_map(die)
        counts = {kind: int(np.count_nonzero(die.defect == kind)) for kind in Defect if kind is not Defect.NONE}
        bad = ", ".join(f"{count} {kind.name.lower()}" for kind, count in counts.items() if count) or "no defects"
        r_p, r_ap = 1e-3 / die.conductance_p, 1e-3 / die.conductance_ap
        return f"{die.defect.size} cells   {bad}   median R_P {r_p:.2f} kohm, R_AP {r_ap:.2f} kohm"
