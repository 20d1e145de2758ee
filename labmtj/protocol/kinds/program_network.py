"""The program_network step: all layers of a network onto a chip with a transistor in every cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labmtj.config.source import KeyPath, Source
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import AmplitudePair, PulseEntry
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress
    from labmtj.routines.chips.writing import ChipWriting, Written


class ProgramNetworkStep(Step):
    """Write all layers of the network where its tiling has them, column by column, and read every device back.

    Only what the map, or a reading, shows wrong is pulsed, again and a little higher until it reads right, `retries`
    times at most. Defective cells are read, never pulsed: what they conduct stands in the map.
    """

    kind: ClassVar[str] = "program_network"
    of_network: ClassVar[bool] = True
    on_arrays: ClassVar[bool] = False
    on_chips: ClassVar[bool] = True

    pulse: PulseEntry = PulseEntry()
    retries: Annotated[int, Field(ge=0, le=1000)] = 10

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """Amplitudes that are stated; the column's terminal sees all of one."""
        if not isinstance(self.pulse.amplitude, AmplitudePair):
            return
        said = written.data["steps"][here[1]][self.kind]["pulse"]["amplitude"]
        path: KeyPath = (*here, "pulse", "amplitude")
        for name in ("ap_to_p", "p_to_ap"):
            yield Stated((*path, name) if isinstance(said, dict) else path, getattr(self.pulse.amplitude, name))

    def items(self, progress: Progress) -> int:
        """The network's devices."""
        return progress.known_chip.network.devices

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Write and read back."""
        from dataclasses import replace

        from labmtj.records import Defect
        from labmtj.routines.characterise import write_amplitudes
        from labmtj.routines.chips.columns import gated
        from labmtj.routines.chips.writing import ChipWriting, write_chip

        task, die = progress.known_chip, progress.known_map
        said = self.pulse.amplitude
        amplitudes = said.record if isinstance(said, AmplitudePair) else write_amplitudes(die.switching)
        how = ChipWriting(amplitudes, self.pulse.width or die.width, self.retries, die.read_voltage)
        target = task.tiling.targets(task.network)
        found = write_chip(gated(progress.array), die_map=die, target=target, how=how, tick=tick, tally=progress.tally)
        progress.written = found
        progress.die_map = replace(die, state=np.where(found.defect == Defect.NONE, found.state, -1))
        _record(progress, found, how)
        devices, wrong = int(found.used.sum()), int(found.wrong.sum())
        missed = int((found.wrong & (found.defect == Defect.NONE)).sum())
        pulses = int(found.pulses.sum())
        return f"{devices - wrong}/{devices} devices   {missed} good cells missed   {pulses} pulses"


def _record(progress: Progress, found: Written, how: ChipWriting) -> None:
    from labmtj.protocol.progress import listed

    arrays = ("target", "state", "initial", "conductance", "pulses", "defect")
    content = {name: listed(getattr(found, name)) for name in arrays}
    content |= {"amplitudes": [how.amplitudes.ap_to_p, how.amplitudes.p_to_ap], "width": how.width}
    progress.journal.record("program_network", content)
