"""Simulated neurons as one electrical object: what their terminals are connected to decides everything.

To the world it is an `Electrics` (labmtj.twin.electrics). A free layer forgets within nanoseconds, so that what stands
on the lines says where it lies: what is kept is time, ordinals of readings, relay cycles and the wear of barriers.
Terminals of different neurons do not touch; their leads have no resistance beside that of contacts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labmtj.account import Account
from labmtj.config.dies import die_defaults
from labmtj.physics.breakdown import damage
from labmtj.physics.chance import Purpose, uniforms
from labmtj.physics.neuron import NeuronModel
from labmtj.physics.neuron_die import draw_neurons
from labmtj.physics.variation import Breakdown
from labmtj.records import Floats
from labmtj.twin.effort import SOLVE, Effort
from labmtj.twin.hookup import Hookup
from labmtj.twin.neuron_device import NeuronDevice
from labmtj.twin.neuron_die import NeuronDie
from labmtj.twin.neuron_network import Solved, solve
from labmtj.twin.neuron_readings import NeuronReadings
from labmtj.twin.operating_point import OperatingPoint, standing_point, unconnected
from labmtj.twin.sources import stand
from labmtj.twin.state import DieState
from labmtj.twin.tally import Tally

_KEPT = 256  # chosen: operating points that are remembered; a sweep has some dozens


class NeuronElectrics:
    """Neurons with their truth and their state, seen through the ends of their lines."""

    def __init__(self, truth: NeuronDie, state: DieState) -> None:
        self.truth, self.state, self.effort = truth, state, Effort()
        self._shape = truth.shape
        self._rows = np.arange(self._shape[0], dtype=np.int64)
        self._place = (self._rows, self._rows // 2)  # of each junction in the array
        self._tally = Tally(state)
        self._readings = NeuronReadings(truth, state)
        self._device = NeuronDevice(truth)
        self._held: Hookup | None = None
        self._held_for = 0.0
        self._kept: dict[Hookup, OperatingPoint] = {}
        self._last: tuple[Hookup | None, OperatingPoint | None] = (None, None)
        self._short_out(state.broken[self._place] != 0)

    @classmethod
    def drawn(cls, model: NeuronModel, path: Path | None = None) -> NeuronElectrics:
        """The neurons of a model, with their state in a file, or (None) in memory. Raises StorageError and Busy."""
        law = Breakdown(**dict(die_defaults().shared.breakdown))
        truth = NeuronDie(model, draw_neurons(model), law)
        return cls(truth, DieState(truth, path))

    # -- the network -----------------------------------------------------------------------------

    def operating_point(self, hookup: Hookup) -> OperatingPoint:
        """Solve the network, with sources in compliance where they are (kept until a barrier breaks)."""
        if hookup is self._last[0] and self._last[1] is not None:
            return self._last[1]
        point = self._kept.get(hookup)
        if point is None:
            point = self._solve(hookup)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[hookup] = point
        self._last = hookup, point
        return point

    def _solve(self, hookup: Hookup) -> OperatingPoint:
        self.effort.spent += 2 * SOLVE
        sources, volts, amperes = hookup.sources, np.zeros(self._shape), np.zeros(self._shape)
        if not hookup.connections.total.any():  # nothing is connected: no current flows anywhere
            return unconnected(sources, volts)
        solution, standing = stand(sources, partial(self._network, hookup))
        volts[self._place], amperes[self._place] = solution.volts.T.ravel(), solution.amperes.T.ravel()
        return standing_point(hookup, standing, (volts, amperes), solution.lack)

    def _network(self, hookup: Hookup, volts: list[float]) -> tuple[Solved, list[float]]:
        """Solve with each line's contacts merged into one current behind one conductance (Norton)."""
        self.effort.spent += SOLVE
        wired, source_volts = hookup.connections, np.array(volts)
        driven = (wired.siemens * source_volts + wired.emf_current).sum(axis=1) + wired.ground_emf
        solution = solve(self._device, self._by_neuron(driven), self._by_neuron(wired.total))
        x, z, common = solution.terminals
        terminal = np.concatenate([np.stack([x, z], axis=1).ravel(), common])
        through = wired.siemens * (source_volts - terminal[:, np.newaxis]) + wired.emf_current
        currents: list[float] = through.sum(axis=0).tolist()
        return solution, currents

    def _by_neuron(self, lines: Floats) -> Floats:
        """What belongs to lines (rows, then columns) as x, z and common terminals, (3, neurons)."""
        rows = self._shape[0]
        return np.stack([lines[0:rows:2], lines[1:rows:2], lines[rows:]])

    # -- time ------------------------------------------------------------------------------------

    def hold(self, hookup: Hookup, seconds: float) -> None:
        """Let time pass with the lines connected so; it takes effect before anything else happens (`settle`)."""
        if self._held is not hookup:
            if hookup.quiet:
                self.rest(seconds)
                return
            if self._held != hookup:
                self.settle()
            self._held = hookup
        self.state.clock += seconds
        self._held_for += seconds

    def rest(self, seconds: float) -> None:
        """Let time pass with nothing on the lines: free layers lie still, barriers do not wear."""
        self.settle()
        self.state.clock += seconds

    def settle(self) -> None:
        """Let barriers wear by the time that was held."""
        hookup, left = self._held, self._held_for
        self._held, self._held_for = None, 0.0
        if hookup is None or left == 0:
            return
        point = self.operating_point(hookup)
        self._tally.hold((point.cell_v, point.cell_i), point.source_volts, left, np.zeros(self._shape), rest=False)
        self._wear(point, left)

    def pulse(self, hookup: Hookup, seconds: float) -> OperatingPoint:
        """One pulse: solve the network once, at its start; barriers wear by it."""
        self.settle()
        self.state.clock += seconds
        point = self.operating_point(hookup)
        cells, sources = (point.cell_v, point.cell_i), (point.source_volts, point.source_current)
        self._tally.pulse(hookup, cells, sources, seconds, np.zeros(self._shape), np.zeros(self._shape, dtype=np.bool_))
        self.state.pulses += 1
        self._wear(point, seconds)
        return point

    def _wear(self, point: OperatingPoint, seconds: float) -> None:
        """Damage of all barriers by volts across them; those that have had their sum break now."""
        state, place = self.state, self._place
        state.damage[place] += damage(point.cell_v[place], seconds, self.truth.breakdown)
        breaks: NDArray[np.bool_] = (state.damage[place] >= self.truth.damage_at_breakdown) & (state.broken[place] == 0)
        if breaks.any():
            state.broken[place] |= breaks.astype(np.int8)
            self._short_out(breaks)

    def _short_out(self, junctions: NDArray[np.bool_]) -> None:
        """Broken barriers are shorts of the resistance that each one's draw gives."""
        if junctions.any():
            low, high = self.truth.model.short_resistance
            shares = uniforms(self.truth.model.seed, Purpose.SHORT_RESISTANCE, junctions.size, 1)
            self._device.short_out(junctions, low + (high - low) * shares)
            self._kept.clear()
            self._last = (None, None)

    def commit(self) -> None:
        """Make all that has happened the state that a next process finds; nothing where no file keeps it."""
        if self.state.path is not None:
            self.settle()
            self.state.commit()

    def account(self) -> Account:
        """What happened to the die since this object was made."""
        self.settle()
        return self._tally.account()

    # -- reading ---------------------------------------------------------------------------------

    def measure(self, hookup: Hookup, source: int, aperture: float) -> tuple[float, float]:
        """Current [A] out of a source averaged over `aperture` [s], with the junctions' own noise.

        Returns it with a standard normal number for the meter's noise; both belong to the address
        (first line on the source, how often that line was read).
        """
        self.settle()
        point = self.operating_point(hookup)
        amperes = point.source_current[source]
        lines = hookup.connections.lines_of(source)
        if not lines:
            return amperes, 0.0
        view = point.views.get((source, aperture))
        if view is None:
            view = self._readings.view(point.cell_v, point.cell_i, lines, aperture)
            point.views[source, aperture] = view
        return self._readings.read(view, amperes)
