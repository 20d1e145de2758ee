"""The switching step: V_c0, Delta and switching voltage of chosen cells, from pulses that are chosen on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Fraction, Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.chosen import Chosen, chosen_cells, off_the_array
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


class SwitchingStep(Step):
    """Fit the switching probability of `cells` against amplitude and width: V_c0 and Delta towards each state.

    At most `pulses` on a cell, resets included, none above `ceiling` between terminals; a cell ends early at
    `v_c0_error` and `delta_error`. `widths`: the map's and 1 s if they are not said, the working width first; with
    one width only the switching voltage at it is found. `n` is the exponent of the barrier and `attempt_time` its
    assumed time scale. Put the wires in the map before: they share in every voltage.
    """

    kind: ClassVar[str] = "switching"

    cells: Chosen = 4
    ceiling: Voltage
    pulses: Annotated[int, Field(ge=10, le=100_000)] = 300
    widths: Annotated[tuple[Time, ...], Field(strict=False, min_length=1, max_length=8)] | None = None
    read: Voltage | None = None
    v_c0_error: Fraction = 0.01
    delta_error: Fraction = 0.05
    n: Annotated[float, Field(ge=0.5, le=3.0, strict=False)] = 2.0
    attempt_time: Time = 1e-9

    def needs(self) -> tuple[str, ...]:
        """A map of the die."""
        return ("map",)

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The ceiling, of which each terminal sees half, and the read voltage."""
        yield Stated((*here, "ceiling"), self.ceiling, 0.5)
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Cells that are not there, a width that stands twice."""
        yield from off_the_array(self.cells, (*here, "cells"), source, bench)
        if self.widths is not None and len(set(self.widths)) < len(self.widths):
            yield source.problem((*here, "widths"), "a width stands twice")

    def items(self, progress: Progress) -> int:
        """The chosen cells."""
        return len(chosen_cells(self.cells, progress.known_map))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure, and put what was found into the map."""
        from labmtj.physics.switching_law import Exponent
        from labmtj.routines.switching import measure_switching
        from labmtj.routines.switching_estimate import Goals

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        widths = self.widths or (die.width, 1.0)
        goals = Goals(v_c0=self.v_c0_error, delta=self.delta_error)
        found = measure_switching(
            progress.array, die=die, cells=chosen_cells(self.cells, die), read=self.read or die.read_voltage,
            ceiling=self.ceiling, widths=widths, pulses=self.pulses, goals=goals if len(widths) > 1 else None,
            law=Exponent(self.n, self.attempt_time), tick=tick,
        )  # fmt: skip
        progress.keep_map(found.onto(die))
        return progress.find(found.finding)
