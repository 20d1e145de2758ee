"""The initialise step: all cells in one state, by a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from labmtj.config.quantities import FluxDensity, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.rh_loop import field_problems, known_field
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.records import State

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class InitialiseStep(Step):
    """Bring all cells to `state` by a field of the magnitude `field`, go to zero, and read them back.

    Where the die has no map yet, the opposite field comes first, so that a change of resistance tells the states.
    """

    kind: ClassVar[str] = "initialise"

    state: Literal["P", "AP"]
    field: FluxDensity
    read: Voltage = 0.05

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """No magnet, or a field above its limit."""
        yield from field_problems(self.field, (*here, "field"), source, bench)

    def items(self, progress: Progress) -> int:
        """All cells, twice where there is no map."""
        rows, cols = progress.array.shape
        return rows * cols * (1 if progress.die_map is not None else 2)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Bring them there, and keep the states in the map where there is one."""
        from labmtj.routines.initialise import initialise

        progress.reset_states()
        found = initialise(
            progress.array,
            known_field(progress),
            state=State[self.state],
            at=self.field,
            read=self.read,
            die=progress.die_map,
            tick=tick,
        )
        states = np.full(progress.array.shape, -1, dtype=np.int64)
        for cell, state in zip(found.cells, found.state, strict=True):
            states[cell.position] = state
        progress.reset_states(states)
        return progress.find(found.finding)
