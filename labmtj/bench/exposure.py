"""What a pulse and a read do to the cells of an array, by the statistics of its die: energy, damage, expected flips.

Bounds, not estimates: of a pulse above the cell limit, which the gate lets pass only where wires take enough of it,
cells are taken to get the limit; half-selected cells their share of the terminals' voltage; a read stands on every
cell of its driven rows, since their other ends are at ground. Resistance, V_c0 and Delta are those of the mean cell.
Equations: physics.md sections 1, 2 and 4; labmtj.physics.breakdown, labmtj.physics.switching_cells.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labmtj.config.bench import Bench, BenchFile
from labmtj.dies import die_model
from labmtj.physics.stress import Limits
from labmtj.physics.variation import DieModel
from labmtj.records import Floats, LinePulse, Pulse, Scheme

if TYPE_CHECKING:
    from labmtj.physics.switching_cells import Switching

_KEPT = 256  # chosen: read voltages whose rates are remembered; a sweep has some dozens
# Share of the amplitude on unselected cells of the selected lines, and on all others (physics.schemes).
_SHARES = {
    Scheme.V_HALF: (0.5, 0.0),
    Scheme.V_HALF_BIAS: (0.5, 0.0),
    Scheme.V_THIRD: (1.0 / 3.0, 1.0 / 3.0),
    Scheme.FLOATING: (1.0, 0.5),
    Scheme.GATED: (0.0, 0.0),
}


class Stress(NamedTuple):
    """One pulse: energy [J] in a selected cell; damage of selected ones, of those on selected lines, of all others."""

    energy: float
    damage: float
    on_lines: float
    elsewhere: float


@dataclass(frozen=True)
class Exposure:
    """Turns pulses and reads into what they do; `cell_voltage` [V] is the limit, `integration` [s] that of one sign."""

    die: DieModel
    cell_voltage: float
    integration: float
    _rates: dict[float, tuple[float, float]] = field(default_factory=dict[float, tuple[float, float]], repr=False)

    def stress(self, pulse: Pulse) -> Stress:
        """What a pulse does to the cells of an array."""
        on_lines, elsewhere = _SHARES[pulse.scheme]
        volts, width = min(abs(pulse.amplitude), self.cell_voltage), pulse.width
        die = self.die
        conductance = die.area / die.resistance_area * (1.0 + die.k_p * volts**2)
        return Stress(
            volts**2 * conductance * width,
            width * self._wear(volts),
            width * self._wear(min(abs(pulse.amplitude) * on_lines, self.cell_voltage)),
            width * self._wear(min(abs(pulse.amplitude) * elsewhere, self.cell_voltage)),
        )

    def lines(self, pulse: LinePulse, shape: tuple[int, int]) -> tuple[float, Floats]:
        """Energy [J] of a pulse on many lines in the cell that gets most, and the damage of every cell, of `shape`.

        Where every cell has a transistor, only those of the open rows see anything.
        """
        volts = np.minimum(np.abs(pulse.cell_voltages(shape)), self.cell_voltage)
        if self.die.transistor is not None:
            closed = np.ones(shape[0], bool)
            closed[np.array(pulse.rows) - 1] = False
            volts[closed] = 0.0
        law, worst = self.die.breakdown, float(volts.max())
        conductance = self.die.area / self.die.resistance_area * (1.0 + self.die.k_p * worst**2)
        return worst**2 * conductance * pulse.width, pulse.width * (volts / law.v_ref) ** law.n / law.t_ref

    def read(self, volts: float, *, signs: int = 2) -> tuple[float, float]:
        """Expected flips and damage of a cell by one read at `volts` [V], at one sign or at both.

        One sign of the two works against the state that the cell is in, and flips it once at most; both wear the
        barrier.
        """
        size = abs(volts)
        found = self._rates.get(size)
        if found is None:
            if len(self._rates) >= _KEPT:
                self._rates.clear()
            flips = -math.expm1(-self._rate(size) * self.integration)
            found = self._rates[size] = flips, self._wear(size) * self.integration
        return found[0], found[1] * signs

    def _wear(self, volts: float) -> float:
        """Damage a second, 1 / t63(V)."""
        law = self.die.breakdown
        return (volts / law.v_ref) ** law.n / law.t_ref if volts else 0.0

    def _rate(self, volts: float) -> float:
        """Rate [1/s] at which the mean cell leaves the less stable of its states.

        Barrier and drive are held within the switching table, which makes the rate larger, not smaller.
        """
        from labmtj.physics.switching_table import DRIVE_LIMIT

        if not volts:
            return 0.0
        weakest = self.die.v_c0 * min(1.0, self.die.v_c0_ratio)
        drive = min(volts / weakest + abs(self.die.stray_field), DRIVE_LIMIT)
        return float(self._switching.rates(np.array([drive]))[0])

    @functools.cached_property
    def _switching(self) -> Switching:
        """The mean cell; loading its table takes milliseconds, so it waits for the first read."""
        from labmtj.physics.switching_cells import Switching
        from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP

        last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
        return Switching(np.array([min(max(self.die.delta, DELTA_FIRST), last)]), tau_d=self.die.tau_d)


def exposure_of(file: BenchFile, limits: Limits) -> Exposure:
    """That of a bench: its die by the kind that the file says, reads as long as the bench makes them."""
    bench = file.bench
    return Exposure(die_model(bench), limits.cell_voltage, integration(bench))


def integration(bench: Bench) -> float:
    """How long a read stands on the array at one sign [s]: settling and integration."""
    return bench.wait.after_source + bench.measure.nplc / bench.mains
