"""What a run looks at when it comes back to a bench that was left: first the lines, then the die, then its cells.

Nothing is believed of the time between: the lines are looked at again, an intent without an outcome is settled by a
reading, the die must be the one of the map, and cells whose states the run relies on are read: time, temperature, a
field or a power cut may have changed them. A layer with changed cells is written again, as its step says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labmtj.ports import no_ticks
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.program_network import ProgramNetworkStep
from labmtj.protocol.kinds.step import Step
from labmtj.protocol.progress import Progress
from labmtj.protocol.replay.access import pulse_of
from labmtj.protocol.replay.past import Past
from labmtj.protocol.replay.surroundings import RunContact, RunField
from labmtj.records import LineOutcome, LinePulse, Pulse, PulseOutcome
from labmtj.routines.fingerprint import compare
from labmtj.routines.program import verify_layer

_LOOKS = 24  # chosen: cells read to tell dies apart, as where a map is opened
_NAMED = 8  # chosen: cells of a pulse on many lines that are said by name
_NO_READ = 10e-3  # [V] no junction is disturbed at this


@dataclass
class Return:
    """Coming back to the bench; `step` is the one in hand, `written` the steps that wrote the layers that stand."""

    progress: Progress
    past: Past
    settle: Callable[[int, PulseOutcome | LineOutcome], None]
    told: Callable[[str], None]
    step: Step | None = None
    written: dict[int, ProgramStep] = field(default_factory=dict[int, ProgramStep])
    network: ProgramNetworkStep | None = None

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Look at everything; `entry` is what the journal notes of this return."""
        progress = self.progress
        said: list[str] = []
        if isinstance(progress.check, RunContact) and progress.check.asked is not None:
            level, quarantine = progress.check.asked
            said.append(progress.contact(level=level, quarantine=quarantine))
        said += self._settle(entry)
        if isinstance(progress.magnet, RunField):
            progress.magnet.restore()
        if progress.die_map is not None:
            match = compare(progress.array, progress.die_map, cells=_LOOKS)
            match.insist("the map of this run")
            said.append(match.line)
        changed = self._read_again()
        devices = sum(progress.copies[layer].target.size for layer in changed)
        if changed:
            said.append(f"{devices} devices read again, {sum(changed.values())} changed")
        on_chip = self._read_chip()
        if on_chip is not None:
            said.append(f"{on_chip[0]} devices read again, {on_chip[1]} changed")
            changed = {**changed, 0: on_chip[1]}
        progress.journal.record("back", {"changed": {str(layer): count for layer, count in changed.items()}})
        for layer, count in changed.items():
            if count and layer in self.written:
                said.append(self.written[layer].carry_out(progress, no_ticks))
        if on_chip is not None and on_chip[1] and self.network is not None:
            said.append(self.network.carry_out(progress, no_ticks))
        self.told("   ".join(said) or "nothing on the array was relied on")

    def _settle(self, entry: Mapping[str, Any]) -> list[str]:
        """Read the cells of intents without an outcome: they are never sent again for being unknown."""
        said: list[str] = []
        for number in entry["unresolved"]:
            pulse = pulse_of(self.past.intents[number])
            readings = self.progress.array.read(pulse.cells, voltage=entry.get("read") or _NO_READ)
            if self.past.live:
                self.settle(number, _unseen(pulse, readings[-1].time))
            cells = ", ".join(str(cell) for cell in pulse.cells[:_NAMED])
            ohms = ", ".join(f"{reading.resistance:.0f} ohm" for reading in readings[:_NAMED])
            if len(readings) > _NAMED:
                cells, ohms = f"{cells} and {len(readings) - _NAMED} more cells", f"{ohms} .."
            said.append(f"the pulse on {cells} had no outcome: read ({ohms}), not repeated")
        return said

    def _read_again(self) -> dict[int, int]:
        """Cells of the layers that stand, by layer, that are in another state than when they were written."""
        progress, found = self.progress, dict[int, int]()
        may_change = self._in_hand()
        for layer, copy in sorted(progress.copies.items()):
            if layer in progress.overwritten or layer in may_change:
                continue
            die = progress.known_map
            states = verify_layer(progress.array, die_map=die, copy=copy, read=die.read_voltage)
            found[layer] = int(np.count_nonzero(states != copy.state))
        return found

    def _read_chip(self) -> tuple[int, int] | None:
        """Devices of the network on a chip, and how many of them are in another state than when they were written."""
        progress = self.progress
        if progress.written is None or (self.step is not None and self.step.changes_cells):
            return None
        from labmtj.routines.chips.columns import gated
        from labmtj.routines.chips.writing import read_chip

        die, found = progress.known_map, progress.written
        states = read_chip(gated(progress.array), die_map=die, written=found, read=die.read_voltage)
        good = found.used & die.good
        # Writing again begins from what is known: from these readings, not from the states that were left.
        progress.die_map = replace(die, state=np.where(good, states, -1))
        return int(found.used.sum()), int(np.count_nonzero(states[good] != found.state[good]))

    def _in_hand(self) -> set[int]:
        """Layers whose cells the step in hand may itself have changed."""
        if self.step is None or not self.step.changes_cells:
            return set()
        if isinstance(self.step, ProgramStep):
            return {self.step.layer}
        return set(self.progress.copies)


def _unseen(pulse: Pulse | LinePulse, time: float) -> PulseOutcome | LineOutcome:
    """What is known of a pulse whose end nobody saw."""
    if isinstance(pulse, LinePulse):
        return LineOutcome(pulse, time, False, uncertain=True)
    return PulseOutcome(pulse, time, False, uncertain=True)
