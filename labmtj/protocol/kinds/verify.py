"""The verify step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import Layer
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


class VerifyStep(Step):
    """Read a written layer once more and count what has changed since."""

    kind: ClassVar[str] = "verify"
    changes_cells: ClassVar[bool] = False
    of_network: ClassVar[bool] = True

    layer: Layer

    @property
    def label(self) -> str:
        """Verify, with the layer's number."""
        return f"verify {self.layer}"

    def needs(self) -> tuple[str, ...]:
        """The layer."""
        return (f"program {self.layer}",)

    def items(self, progress: Progress) -> int:
        """The layer's devices."""
        return progress.known_network.layers[self.layer - 1].devices.size

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Read every device of the layer."""
        from labmtj.protocol.progress import listed
        from labmtj.routines.program import verify_layer

        copy, die = progress.standing(self.layer), progress.known_map
        states = verify_layer(progress.array, die_map=die, copy=copy, read=die.read_voltage, tick=tick)
        flips = int(np.count_nonzero(states != copy.state))
        progress.flips[self.layer] = flips
        progress.journal.record("verify", {"layer": self.layer, "state": listed(states), "flips": flips})
        right = int(np.count_nonzero(states == copy.target))
        return f"layer {self.layer}   {right}/{states.size} cells   {flips} changed since they were written"
