"""The simulated array as one electrical object: what its lines are connected to decides everything.

Both doors into the twin end here. A `Hookup` says which line hangs on which source, through which
resistance; an operating point is the exact solution of the network for it. Time passes only in
`hold` (read dose and retention) and `pulse` (switching).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from labmtj.errors import SolveError
from labmtj.physics import noise
from labmtj.physics.breakdown import damage
from labmtj.physics.chance import Purpose, normal, uniform, uniforms, uniforms_each
from labmtj.physics.crossbar import Solution, solve_cells
from labmtj.physics.switching import switching_probability, switching_rate
from labmtj.physics.variation import DieTruth
from labmtj.records import Defect, Floats
from labmtj.twin.state import DieState

GROUND = -1
_LINEAR = 2  # cells that are plain resistors, in the solver's code of states
_KEPT = 64  # operating points that are remembered
_QUIET = 1e-3  # [V] chosen: offsets of idle sources; below it cells only age as they do at rest
_PULSE_DRIVE = 0.3  # from this |V|/V_c0 on, a segment of time is one pulse with one draw a cell


@dataclass(frozen=True)
class Source:
    """A voltage source as it stands now: volts at its terminal, and the current it cannot exceed."""

    volts: float
    limit: float


@dataclass(frozen=True)
class Contact:
    """One closed path from a line to a source (its number, or GROUND): ohms and thermal EMF [V]."""

    source: int
    ohms: float
    emf: float = 0.0


@dataclass(frozen=True)
class Hookup:
    """Everything the lines are connected to; a line without a contact floats."""

    sources: tuple[Source, ...]
    rows: tuple[tuple[Contact, ...], ...]
    cols: tuple[tuple[Contact, ...], ...]

    @property
    def lines(self) -> tuple[tuple[Contact, ...], ...]:
        """Rows, then columns."""
        return self.rows + self.cols


@dataclass
class OperatingPoint:
    """The network solved for a hookup: cells, current out of each source [A], who is in compliance."""

    cell_v: Floats
    cell_i: Floats
    source_current: tuple[float, ...]
    limited: tuple[bool, ...]
    kcl: float
    rates: Floats | None = field(default=None)


class Electrics:
    """A die with its truth and its state, seen through the ends of its lines."""

    def __init__(self, truth: DieTruth, state: DieState) -> None:
        self.truth, self.state = truth, state
        self.largest_kcl = 0.0
        model = truth.model
        self._shape = (model.rows, model.cols)
        self._kept: dict[Hookup, OperatingPoint] = {}
        self._fixed = (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN)
        self._stays = self._fixed | (truth.defect == Defect.STUCK)
        self._r_p = truth.r_p.copy()
        self._at_rest = self._rest_point()
        for row, col in np.argwhere(state.broken != 0):
            self._short_out(int(row), int(col))
        # Exposure at which each cell flips next: exponential, addressed by how often it has flipped so.
        draws = uniforms_each(model.seed, Purpose.EXPOSURE, state.flips.ravel())
        self._threshold = -np.log(draws).reshape(self._shape)

    # -- the network -----------------------------------------------------------------------------

    def operating_point(self, hookup: Hookup) -> OperatingPoint:
        """Solve the network, with sources in compliance where they are (kept until a cell changes)."""
        point = self._kept.get(hookup)
        if point is None:
            point = self._solve(hookup)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[hookup] = point
        return point

    def _solve(self, hookup: Hookup) -> OperatingPoint:
        volts = [source.volts for source in hookup.sources]
        limited = [False] * len(volts)
        solution, currents = self._network(hookup, volts)
        for _ in range(50):
            excess = [abs(i) / s.limit if s.limit > 0 else 0.0 for i, s in zip(currents, hookup.sources, strict=True)]
            worst = int(np.argmax(excess)) if excess else 0
            if not excess or excess[worst] <= 1.0 + 1e-6:
                break
            # The network is nearly linear around a point, so a secant through (0 V, 0 A) converges in a few steps.
            volts[worst] *= 1.0 / excess[worst]
            limited[worst] = True
            solution, currents = self._network(hookup, volts)
        else:
            raise SolveError(f"compliance of {len(volts)} sources did not settle: currents {currents} A")
        self.largest_kcl = max(self.largest_kcl, solution.kcl)
        return OperatingPoint(solution.cell_v, solution.cell_i, tuple(currents), tuple(limited), solution.kcl)

    def _network(self, hookup: Hookup, volts: list[float]) -> tuple[Solution, list[float]]:
        """Solve with each line's contacts merged into one source behind one resistance (Thevenin)."""
        level = np.full(len(hookup.lines), np.nan)
        ohms = np.zeros(len(hookup.lines))
        for number, contacts in enumerate(hookup.lines):
            if not contacts:
                continue
            siemens = sum(1.0 / c.ohms for c in contacts)
            level[number] = sum(((volts[c.source] if c.source >= 0 else 0.0) + c.emf) / c.ohms for c in contacts) / siemens
            ohms[number] = 1.0 / siemens
        rows, truth = self._shape[0], self.truth
        solution = solve_cells(
            np.where(self._fixed, _LINEAR, self.state.state).astype(np.int8),
            self._r_p,
            level[:rows],
            level[rows:],
            r_wire=truth.model.wire,
            tmr0=truth.tmr,
            v_h=truth.model.v_h,
            k_p=truth.model.k_p,
            r_row=ohms[:rows],
            r_col=ohms[rows:],
        )
        into = np.concatenate([solution.i_row, -solution.i_col])  # current from the terminals into the array
        currents = [0.0] * len(volts)
        for number, contacts in enumerate(hookup.lines):
            for c in contacts:
                if c.source >= 0:
                    terminal = level[number] - into[number] * ohms[number]
                    currents[c.source] += float((volts[c.source] + c.emf - terminal) / c.ohms)
        return solution, currents

    # -- time ------------------------------------------------------------------------------------

    def hold(self, hookup: Hookup, seconds: float) -> None:
        """Let time pass: every cell gathers its switching rate, and flips when its own threshold is reached."""
        self.state.clock += seconds
        point = self._at_rest if self._quiet(hookup) else self.operating_point(hookup)
        if np.max(np.abs(point.cell_v)) >= _PULSE_DRIVE * self.truth.model.v_c0:
            self._switch(point, seconds)
            return
        left = seconds
        while left > 0:
            left = self._expose(point, left)
            if left > 0:
                point = self._at_rest if self._quiet(hookup) else self.operating_point(hookup)

    def _quiet(self, hookup: Hookup) -> bool:
        return all(abs(source.volts) < _QUIET for source in hookup.sources)

    def pulse(self, hookup: Hookup, seconds: float) -> OperatingPoint:
        """One pulse: solve the network once, at its start, and draw once for every cell."""
        self.state.clock += seconds
        point = self.operating_point(hookup)
        self._switch(point, seconds)
        return point

    def _drive(self, cell_v: Floats) -> Floats:
        """V/V_c0 of every cell towards its other state, stray field included."""
        truth = self.truth
        to_p = cell_v / truth.v_c0 + truth.stray_field
        to_ap = -cell_v / (truth.v_c0 * truth.model.v_c0_ratio) - truth.stray_field
        return np.where(self.state.state == 1, to_p, to_ap)

    def _expose(self, point: OperatingPoint, seconds: float) -> float:
        """Gather exposure until `seconds` are over or a cell flips; return what is left of them."""
        truth, state = self.truth, self.state
        if point.rates is None:
            rates = switching_rate(self._drive(point.cell_v), delta=truth.delta, tau_d=truth.model.tau_d)
            point.rates = np.where(self._stays, 0.0, rates)
        gathered = state.hazard + point.rates * seconds
        over = gathered >= self._threshold
        if not over.any():
            state.hazard[...] = gathered
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            when = np.where(over, (self._threshold - state.hazard) / point.rates, np.inf)
        first = int(np.argmin(when))
        elapsed = min(max(float(when.flat[first]), 0.0), seconds)
        state.hazard += point.rates * elapsed
        state.hazard.flat[first] = 0.0
        state.flips.flat[first] += np.uint64(1)
        draw = uniform(truth.model.seed, int(Purpose.EXPOSURE), first, int(state.flips.flat[first]))
        self._threshold.flat[first] = -math.log(draw)
        self._flip(np.unravel_index(first, self._shape))
        return seconds - elapsed

    def _switch(self, point: OperatingPoint, seconds: float) -> None:
        truth, state = self.truth, self.state
        chance = switching_probability(
            self._drive(point.cell_v), seconds, delta=truth.delta, tau_d=truth.model.tau_d
        )
        # Every cell has seen every pulse, so one ordinal serves them all and one draw is made a cell and pulse.
        draw = uniforms(truth.model.seed, Purpose.PULSE, chance.size, state.pulses).reshape(self._shape)
        for cell in np.argwhere((draw < chance) & ~self._stays):
            self._flip(tuple(cell))
        state.pulses += 1
        state.ordinal += np.uint64(1)
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
        share = uniform(self.truth.model.seed, int(Purpose.SHORT_RESISTANCE), row * self._shape[1] + col, 0)
        self._r_p[row, col] = low + (high - low) * share
        self._fixed[row, col] = self._stays[row, col] = True
        self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        self._at_rest = self._rest_point()

    def _rest_point(self) -> OperatingPoint:
        zero = np.zeros(self._shape)
        return OperatingPoint(zero, zero, (), (), 0.0)

    # -- reading ---------------------------------------------------------------------------------

    def measure(self, hookup: Hookup, source: int, aperture: float) -> tuple[float, float]:
        """Current [A] out of a source averaged over `aperture` [s], with the junctions' own noise.

        Returns it with a standard normal number for the meter's noise; both belong to the address
        (first line on the source, how often that line was read).
        """
        point = self.operating_point(hookup)
        lines = [n for n, contacts in enumerate(hookup.lines) if any(c.source == source for c in contacts)]
        if not lines:
            return point.source_current[source], 0.0
        truth, state, rows = self.truth, self.state, self._shape[0]
        mask = np.zeros(self._shape, dtype=bool)
        for line in lines:
            mask[(line, slice(None)) if line < rows else (slice(None), line - rows)] = True
        place = lines[0]
        reads = state.row_reads if place < rows else state.col_reads
        index = place if place < rows else place - rows
        ordinal = int(reads[index])
        reads[index] += np.uint64(1)
        model = truth.model
        parallel = state.state[mask] == 0
        variance = noise.current_variance(
            point.cell_v[mask],
            point.cell_i[mask],
            fano=np.where(parallel, model.fano_p, model.fano_ap),
            flicker=np.where(parallel, model.flicker_p, model.flicker_ap),
            area=model.area,
            temperature=model.temperature,
            aperture=aperture,
        )
        shift = 0.0
        for cell in np.flatnonzero(mask & (truth.telegraph > 0)):
            if uniform(model.seed, int(Purpose.TELEGRAPH), int(cell), ordinal) < 0.5:
                step = float(truth.telegraph.flat[cell] * point.cell_i.flat[cell])
                shift += step if place < rows else -step
        draw = normal(model.seed, int(Purpose.READ_NOISE), place, 2 * ordinal)
        meter = normal(model.seed, int(Purpose.READ_NOISE), place, 2 * ordinal + 1)
        return point.source_current[source] + shift + math.sqrt(float(variance.sum())) * draw, meter
