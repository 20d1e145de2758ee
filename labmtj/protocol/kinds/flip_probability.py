"""The flip_probability step: calibrate how often pulses flip chosen cells, and count whether they do as asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labmtj.config.quantities import Time, Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.chosen import Chosen, Count, chosen_cells, forget_states, off_the_array
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

Probability = Annotated[float, Field(ge=0.001, le=0.99, strict=False)]
_FURTHER = 100.0  # chosen: second width over the first; it tells barriers apart, and a second a pulse is too long


class FlipProbabilityStep(Step):
    """Calibrate the flip probabilities of `cells`, then ask for each of `asked` and count.

    The calibration takes at most `pulses` on a cell, resets included, none above `ceiling` between terminals; all
    cells learn from each other. `widths`: the map's and one 100 times longer if they are not said, the working width
    first. Then every cell gets `trials` pulses towards each state for each probability, each of a voltage of its own.
    V_c0, Delta and switching voltages go into the map: training shapes its pulses by them. Put the wires in the map
    before: they share in every voltage. `attempt_time` is the assumed time scale of the switching.
    """

    kind: ClassVar[str] = "flip_probability"

    cells: Chosen = "all"
    ceiling: Voltage
    pulses: Annotated[int, Field(ge=20, le=10_000)] = 200
    widths: Annotated[tuple[Time, ...], Field(strict=False, min_length=2, max_length=4)] | None = None
    asked: Annotated[tuple[Probability, ...], Field(strict=False, min_length=1, max_length=20)] = (0.03, 0.1, 0.3, 0.9)
    trials: Count = 20
    read: Voltage | None = None
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
        """Cells that are not there, a width or a probability that stands twice."""
        yield from off_the_array(self.cells, (*here, "cells"), source, bench)
        if self.widths is not None and len(set(self.widths)) < len(self.widths):
            yield source.problem((*here, "widths"), "a width stands twice")
        if len(set(self.asked)) < len(self.asked):
            yield source.problem((*here, "asked"), "a probability stands twice")

    def items(self, progress: Progress) -> int:
        """The chosen cells, calibrated and then counted."""
        return 2 * len(chosen_cells(self.cells, progress.known_map))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Calibrate, put what was found into the map, and count."""
        from labmtj.physics.switching_law import Exponent
        from labmtj.routines.in_situ.calibrating import calibrate_flips
        from labmtj.routines.in_situ.realised import measure_flip_probability

        die = progress.known_map
        progress.array.trust(progress.picture.lower_bound)
        cells, read = chosen_cells(self.cells, die), self.read or die.read_voltage
        widths = self.widths or (die.width, _FURTHER * die.width)
        found = calibrate_flips(
            progress.array, die=die, cells=cells, read=read, ceiling=self.ceiling, widths=widths, pulses=self.pulses,
            law=Exponent(2.0, self.attempt_time), tick=tick,
        )  # fmt: skip
        progress.keep_map(found.onto(die))
        progress.find(found.finding)
        counted = measure_flip_probability(
            progress.array, die=progress.known_map, cells=cells, read=read, asked=self.asked, trials=self.trials,
            width=widths[0], tau_d=self.attempt_time, tick=tick,
        )  # fmt: skip
        forget_states(progress, cells)
        return progress.find(counted)
