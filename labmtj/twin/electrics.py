"""The simulated array as one electrical object: what its lines are connected to decides everything.

Both doors into the twin end here. A `Hookup` says which line hangs on which source, through which
resistance; an operating point is the exact solution of the network for it. Time passes only in
`hold` (read dose and retention) and `pulse` (switching). The field of a magnet is the same for all cells; while it
changes, time passes in the steps of its coil.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labmtj.account import Account
from labmtj.physics import cell_drive
from labmtj.physics.breakdown import damage
from labmtj.physics.chance import Purpose, uniform, uniforms, uniforms_each
from labmtj.physics.crossbar_plain import MOST_CELLS, PlainCrossbar
from labmtj.physics.mtj import LINEAR
from labmtj.physics.switching_cells import Switching
from labmtj.physics.variation import DieTruth
from labmtj.records import Defect, Floats
from labmtj.twin.coil import Coil
from labmtj.twin.effort import SOLVE, Effort
from labmtj.twin.hookup import Hookup
from labmtj.twin.operating_point import Network, OperatingPoint, standing_point, unconnected
from labmtj.twin.readings import Readings
from labmtj.twin.sources import stand
from labmtj.twin.state import DieState
from labmtj.twin.tally import Tally

_KEPT = 64  # operating points that are remembered
DRIVE, BARRIER = 6.0, (10.0, 122.0)
"""Largest drive, and barriers [kT], of the switching table."""


class Electrics:
    """A die with its truth and its state, seen through the ends of its lines.

    `first` is the number of its first cell in the addresses of draws, where it is a part of a larger die.
    """

    def __init__(self, truth: DieTruth, state: DieState, *, first: int = 0) -> None:
        self.truth, self.state, self._first = truth, state, first
        self.effort = Effort()
        self._tally = Tally(state)
        self.coil: Coil | None = None  # the magnet that the die lies in
        self._external = 0.0  # its field now, H / H_k
        self._held: Hookup | None = None
        self._held_for = 0.0
        self._until: float | None = None  # seconds of it until the first cell flips, once somebody has asked
        model = truth.model
        self._shape = (model.rows, model.cols)
        self._kept: dict[Hookup, OperatingPoint] = {}
        self._fixed = (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN)
        self._stays = self._fixed | (truth.defect == Defect.STUCK)
        # A barrier outside the table is one in ten thousand at sigma 14 %; it switches like the table's end.
        self._cold = Switching(np.clip(truth.delta, *BARRIER).ravel(), tau_d=model.tau_d)
        self._readings = Readings(truth, state, first=first)
        self._r_p = truth.r_p.copy()
        self._plain: PlainCrossbar | None = None  # the array in its present state, once it has been solved
        self._at_rest = self._rest_point()
        self._last: tuple[Hookup | None, OperatingPoint] = (None, self._at_rest)
        for row, col in np.argwhere(state.broken != 0):
            self._short_out(int(row), int(col))
        # Exposure at which each cell flips next: exponential, addressed by how often it has flipped so.
        draws = uniforms_each(model.seed, Purpose.EXPOSURE, state.flips.ravel(), first=first)
        self._threshold = -np.log(draws).reshape(self._shape)

    # -- the network -----------------------------------------------------------------------------

    def operating_point(self, hookup: Hookup) -> OperatingPoint:
        """Solve the network, with sources in compliance where they are (kept until a cell changes)."""
        if hookup is self._last[0]:
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
        self.effort.spent += 2 * SOLVE  # for what follows from a new operating point
        sources = hookup.sources
        if not hookup.connections.total.any():  # nothing is connected: no current flows anywhere
            return unconnected(sources, np.zeros(self._shape))
        solution, standing = stand(sources, partial(self._network, hookup))
        return standing_point(hookup, standing, (solution.cell_v, solution.cell_i), float(solution.kcl))

    def _network(self, hookup: Hookup, volts: list[float]) -> tuple[Network, list[float]]:
        """Solve with each line's contacts merged into one source behind one resistance (Thevenin)."""
        self.effort.spent += SOLVE
        wired, source_volts = hookup.connections, np.array(volts)
        driven = (wired.siemens * source_volts + wired.emf_current).sum(axis=1) + wired.ground_emf
        with np.errstate(divide="ignore", invalid="ignore"):
            ohms = 1.0 / wired.total
            level = driven * ohms  # nan where nothing is connected: 0 times infinity
        ohms[wired.total == 0] = 0.0
        solution = self._crossbar(hookup, level, ohms)
        into = np.concatenate([solution.i_row, -solution.i_col])  # current from the terminals into the array
        terminal = np.where(wired.total > 0, level - into * ohms, 0.0)
        through = wired.siemens * (source_volts - terminal[:, np.newaxis]) + wired.emf_current
        currents = through.sum(axis=0).tolist()
        return solution, currents

    def _crossbar(self, hookup: Hookup, level: Floats, ohms: Floats) -> Network:
        """Solve the array with its lines (rows, then columns) at `level` [V], nan where they float, behind `ohms`."""
        del hookup  # every cell is on its lines
        rows, model = self._shape[0], self.truth.model
        lines = level[:rows], level[rows:]
        if self._fixed.size <= MOST_CELLS and not np.isnan(level).any():
            if self._plain is None:
                self._plain = PlainCrossbar(
                    self._states(), self._r_p, r_wire=model.wire, tmr0=self.truth.tmr, v_h=model.v_h, k_p=model.k_p
                )
            found = self._plain.solve(*lines, r_row=ohms[:rows], r_col=ohms[rows:])
            if found is not None:
                return found
        # Compiled, and imported only where it is needed: driven lines of a small array, the usual case, are above.
        from labmtj.physics.crossbar import solve_cells

        return solve_cells(
            self._states(), self._r_p, *lines,
            r_wire=model.wire, tmr0=self.truth.tmr, v_h=model.v_h, k_p=model.k_p, r_row=ohms[:rows], r_col=ohms[rows:],
        )  # fmt: skip

    def _states(self) -> NDArray[np.int64]:
        """States as the solvers take them: cells that are plain resistors have a third one."""
        return np.where(self._fixed, LINEAR, self.state.state).astype(np.int64)

    # -- time ------------------------------------------------------------------------------------

    def hold(self, hookup: Hookup, seconds: float) -> None:
        """Let time pass with the lines connected so; it takes effect before anything else happens (`settle`)."""
        if self.coil is None:
            self._hold(hookup, seconds)
        else:
            self._follow(self.coil, seconds, partial(self._hold, hookup))

    def _hold(self, hookup: Hookup, seconds: float) -> None:
        if self._held is not hookup:
            if hookup.quiet:
                self._rest(seconds)
                return
            if self._held != hookup:
                self.settle()
            self._held = hookup
        self.state.clock += seconds
        self._held_for += seconds

    def settle(self) -> None:
        """Give the cells the exposure of the time that was held.

        Also at a drive that would be a pulse: the result must not depend on how the time was cut up, and
        the escape rate is right for what lasts longer than a few tau_D.
        """
        hookup, left = self._held, self._held_for
        self._held, self._held_for, self._until = None, 0.0, None
        if hookup is None or left == 0:
            return
        self._wake()
        point = self.operating_point(hookup)
        while (left := self._expose(point, left)) > 0:
            point = self.operating_point(hookup)

    def look(self) -> None:
        """Let the cells flip that have had their time; the exposure of the others may wait until it matters."""
        if self._held is None:
            return
        if self._until is None:
            self._wake()
            rates = self._rates(self.operating_point(self._held))
            with np.errstate(divide="ignore", invalid="ignore"):
                when = (self._threshold - self.state.hazard) / rates
            self._until = float(np.min(when, initial=math.inf, where=rates > 0))
        if self._held_for >= self._until:
            self.settle()

    def rest(self, seconds: float) -> None:
        """Let time pass with nothing on the lines: it is added up and takes effect before the next event."""
        if self.coil is None:
            self._rest(seconds)
        else:
            self._follow(self.coil, seconds, self._rest)

    def _rest(self, seconds: float) -> None:
        if self._held is not None:
            self.settle()
        self.state.clock += seconds
        self.state.rest += seconds

    def _follow(self, coil: Coil, seconds: float, pass_time: Callable[[float], None]) -> None:
        """Let time pass in a magnet, whose field is constant between the steps of its coil."""
        while seconds > 0:
            now = self.state.clock
            self._expose_to(coil, now)
            span = min(seconds, coil.next_change(now) - now)
            pass_time(span)
            seconds -= span

    def _expose_to(self, coil: Coil, now: float) -> None:
        """Take the field that the coil has now; the time before is first given to the cells at the field before."""
        external = coil.field(now) / self.truth.model.anisotropy_field
        if external != self._external:
            self.settle()
            self._wake()
            self._external = external

    def _wake(self) -> None:
        """Give every cell the exposure of the time at rest."""
        left, self.state.rest = self.state.rest, 0.0
        while left > 0:
            left = self._expose(self._at_rest, left)

    def pulse(self, hookup: Hookup, seconds: float) -> OperatingPoint:
        """One pulse: solve the network once, at its start, and draw once for every cell."""
        self.settle()
        if self.coil is not None:
            self._expose_to(self.coil, self.state.clock)
        self._wake()
        self.state.clock += seconds
        point = self.operating_point(hookup)
        self._switch(hookup, point, seconds)
        return point

    def _drive(self, cell_v: Floats) -> Floats:
        """V/V_c0 of every cell towards its other state, fields included."""
        drive = cell_drive.drive(self.truth, state=self.state.state, cell_v=cell_v, external=self._external)
        # The table ends at 6 V_c0, above 2 V, where a pulse writes for certain and the barrier breaks.
        return np.clip(drive, -DRIVE, DRIVE)

    def _cells(self, point: OperatingPoint) -> Switching:
        """How the cells switch at an operating point, their own heat included."""
        if not self.truth.model.heating:
            return self._cold
        delta = np.clip(cell_drive.barrier(self.truth, power=point.cell_v * point.cell_i), *BARRIER)
        return Switching(delta.ravel(), tau_d=self.truth.model.tau_d)

    def _rates(self, point: OperatingPoint) -> Floats:
        """Rate [1/s] at which each cell leaves its state at an operating point."""
        if point.rates is None or point.external != self._external:
            point.external = self._external
            point.rates = self._leaving(point)
        return point.rates

    def _leaving(self, point: OperatingPoint) -> Floats:
        rates = self._cells(point).rates(self._drive(point.cell_v).ravel())
        return np.where(self._stays, 0.0, rates.reshape(self._shape))

    def _expose(self, point: OperatingPoint, seconds: float) -> float:
        """Gather exposure until `seconds` are over or a cell flips; return what is left of them."""
        self.effort.spent += 2
        truth, state, rates = self.truth, self.state, self._rates(point)
        gathered = state.hazard + rates * seconds
        over = gathered >= self._threshold
        if not over.any():
            state.hazard[...] = gathered
            self._count(point, seconds)
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            when = np.where(over, (self._threshold - state.hazard) / rates, np.inf)
        first = int(np.argmin(when))
        elapsed = min(max(float(when.flat[first]), 0.0), seconds)
        state.hazard += rates * elapsed
        self._count(point, elapsed)
        self._tally.flip(rest=point is self._at_rest)
        state.hazard.flat[first] = 0.0
        state.flips.flat[first] += np.uint64(1)
        draw = uniform(truth.model.seed, int(Purpose.EXPOSURE), self._first + first, int(state.flips.flat[first]))
        self._threshold.flat[first] = -math.log(draw)
        self._flip(np.unravel_index(first, self._shape))
        return seconds - elapsed

    def _count(self, point: OperatingPoint, seconds: float) -> None:
        cells, rest = (point.cell_v, point.cell_i), point is self._at_rest
        self._tally.hold(cells, point.source_volts, seconds, self._rates(point), rest=rest)

    def _switch(self, hookup: Hookup, point: OperatingPoint, seconds: float) -> None:
        truth, state = self.truth, self.state
        drive = self._drive(point.cell_v).ravel()
        chance = self._cells(point).probabilities(drive, width=seconds).reshape(self._shape)
        # Every cell has seen every pulse, so one ordinal serves them all and one draw is made a cell and pulse.
        draw = uniforms(truth.model.seed, Purpose.PULSE, chance.size, state.pulses, first=self._first)
        draw = draw.reshape(self._shape)
        flipped = (draw < chance) & ~self._stays
        cells, sources = (point.cell_v, point.cell_i), (point.source_volts, point.source_current)
        self._tally.pulse(hookup, cells, sources, seconds, np.where(self._stays, 0.0, chance), flipped)
        for cell in np.argwhere(flipped):
            self._flip(tuple(cell))
        if truth.model.back_hopping:
            chance = cell_drive.back_hopping(truth, state=state.state, cell_v=point.cell_v, seconds=seconds)
            draw = uniforms(truth.model.seed, Purpose.BACK_HOPPING, chance.size, state.pulses, first=self._first)
            for cell in np.argwhere((draw.reshape(self._shape) < chance) & ~self._stays):
                self._flip(tuple(cell))
        state.pulses += 1
        state.damage += damage(point.cell_v, seconds, truth.model.breakdown)
        for row, col in np.argwhere((state.damage >= truth.damage_at_breakdown) & ~self._fixed):
            state.broken[row, col] = 1
            self._short_out(int(row), int(col))

    def _flip(self, cell: tuple[np.intp, ...]) -> None:
        self.state.state[cell] ^= 1
        self._forget()

    def _short_out(self, row: int, col: int) -> None:
        """A broken barrier is a short of the resistance that this cell's draw gives."""
        low, high = self.truth.model.short_resistance
        cell = self._first + row * self._shape[1] + col
        share = uniform(self.truth.model.seed, int(Purpose.SHORT_RESISTANCE), cell, 0)
        self._r_p[row, col] = low + (high - low) * share
        self._fixed[row, col] = self._stays[row, col] = True
        self._forget()

    def _forget(self) -> None:
        self._plain = None
        self._kept.clear()
        self._at_rest = self._rest_point()
        self._last = (None, self._at_rest)

    def _rest_point(self) -> OperatingPoint:
        zero = np.zeros(self._shape)
        return OperatingPoint(zero, zero, (), (), (), 0.0)

    def commit(self) -> None:
        """Make all that has happened the state that a next process finds; nothing where no file keeps it."""
        if self.state.path is not None:
            self.settle()
            if self._external:
                self._wake()  # what is stored of the time at rest is time without a field
            self.state.commit()

    def account(self) -> Account:
        """What happened to the die since this object was made."""
        self.settle()
        self._wake()
        return self._tally.account()

    # -- reading ---------------------------------------------------------------------------------

    def measure(self, hookup: Hookup, source: int, aperture: float) -> tuple[float, float]:
        """Current [A] out of a source averaged over `aperture` [s], with the junctions' own noise.

        Returns it with a standard normal number for the meter's noise; both belong to the address
        (first line on the source, how often that line was read).
        """
        if self._until is None or self._held_for >= self._until:
            self.look()
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
