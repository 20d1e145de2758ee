"""Many copies of one simulated die, each with a life of its own: what a bench does to them, without instruments.

As in the twin (labmtj.twin.electrics, labmtj.twin.access), and with its random numbers: every line hangs on its
source or on ground through its own contact and thermal EMF, sources have their errors and limits, time passes with
messages, moves of relays, readings and settling, and gives the cells their exposure. So the same pulses and readings
lead to the same states, cell for cell. All copies take a step together, each on a cell of its own, and their
networks are solved side by side (`crossbar_batch`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.chance import Purpose, uniforms_each
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.lockstep_copies_kernels import Aging, Hidden, approach, fire, rest_all
from labmtj.physics.lockstep_kernels import LAST, bound, locate_all
from labmtj.physics.lockstep_look_kernels import Eyes, look
from labmtj.physics.mtj import LINEAR
from labmtj.physics.noise import BOLTZMANN, ELEMENTARY_CHARGE
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_table import DELTA_COUNT, DELTA_FIRST, DELTA_STEP, DRIVE_LIMIT, load
from labmtj.physics.variation import DieTruth
from labmtj.records import Defect, Floats, Ints, State

_OFF = ("heating", "back_hopping", "neighbour_field")
_TERMS, _REACH = 8, 1.3  # of the polynomials of ln(rate), and up to which multiple of the read voltage they hold
_IDLE = 1e-13  # [1/s] chosen: cells that never flip faster have no exposure; one in 1e9 copies of a minute differs
_WORN = 0.45  # [V] chosen: below it a pulse of 100 us takes 2e-17 of a barrier's life
_AT_LIMIT, _WITHIN, _CLOSE, _NUDGE, _TRIES = 0.995, 1.0 + 1e-6, 1e-7, 1e-3, 30  # as the twin's sources have it


@dataclass(frozen=True, eq=False)
class Ends:
    """What a die's lines (rows, then columns) can hang on: the driving source, the sensing one, ground.

    `ohms` and `emf` [V] are (3, lines). A source asked for V gives `gain` V + `offset` [V], (2,) each; `compliance`
    [A] is that of both for pulses.
    """

    ohms: Floats
    emf: Floats
    gain: tuple[float, float]
    offset: tuple[float, float]
    compliance: float


@dataclass(frozen=True)
class Course:
    """How long things take [s], and how the meter reads.

    `command` a message, `first_move` and `move` the relays of the first route and of any other, `settled` what a
    reading waits, `aperture` its integration, `settling` of a source to 0 V. The meter: `gain`, `offset` [A], rms
    `noise` [A], largest current `end` [A].
    """

    command: float
    first_move: float
    move: float
    settled: float
    aperture: float
    settling: float
    gain: float
    offset: float
    noise: float
    end: float


@dataclass(frozen=True, eq=False)
class Start:
    """Where copies begin: what a die's state file holds, see `labmtj.twin.state`."""

    state: NDArray[np.int8]
    hazard: Floats
    flips: NDArray[np.uint64]
    damage: Floats
    broken: NDArray[np.int8]
    col_reads: NDArray[np.uint64]
    pulses: int
    clock: float
    rest: float


class Copies:
    """`count` copies of a die that begin alike; cells are numbered row by row, lines from 0.

    Copies read at one `read` voltage [V]. Raises InputError for options of the die that this form does not know.
    """

    def __init__(self, truth: DieTruth, start: Start, *, count: int, ends: Ends, course: Course, read: float) -> None:
        model = truth.model
        unknown = [name for name in _OFF if getattr(model, name)]
        if unknown:
            raise InputError(f"copies in lockstep know no {', '.join(unknown)}; use the twin for this die")
        self.shape, self.count, self.read_voltage = (model.rows, model.cols), count, read
        self._truth, self._ends, self._course = truth, ends, course
        cells, lines = model.rows * model.cols, model.rows + model.cols
        fixed = (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN) | (start.broken != 0)
        r_p = truth.r_p.copy()
        low, high = model.short_resistance
        for row, col in np.argwhere(start.broken != 0).tolist():
            r_p[row, col] = self._short(row * model.cols + col, low, high)
        begun = np.where(fixed, LINEAR, start.state).astype(np.int8)
        self._arrays = Arrays(
            np.repeat(begun[np.newaxis], count, axis=0), r_p=np.repeat(r_p[np.newaxis], count, axis=0),
            tmr0=np.repeat(truth.tmr[np.newaxis], count, axis=0), r_wire=model.wire, v_h=model.v_h, k_p=model.k_p,
        )  # fmt: skip

        def each(grid: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
            return np.repeat(grid.reshape(1, cells).astype(kind), count, axis=0)

        threshold = -np.log(uniforms_each(model.seed, Purpose.EXPOSURE, start.flips.ravel()))
        self.hidden = Hidden(
            self._arrays.state.reshape(count, cells), each(start.hazard, np.float64), each(start.flips, np.uint64),
            each(threshold, np.float64), each(start.damage, np.float64), np.full(count, start.clock),
            np.full(count, start.pulses, np.uint64), np.repeat(start.col_reads[np.newaxis].astype(np.int64), count, 0),
            np.full((count, 2), -1),
        )  # fmt: skip
        last = DELTA_FIRST + DELTA_STEP * (DELTA_COUNT - 1)
        self._delta = np.clip(truth.delta.ravel(), DELTA_FIRST, last)
        self._field, v_c0 = truth.stray_field.ravel().copy(), truth.v_c0.ravel()
        self._v_c0 = np.stack([v_c0, v_c0 * model.v_c0_ratio])
        self._stays = (truth.defect == Defect.STUCK).ravel()
        self._aging = self._rates(read, fixed.ravel())
        located = np.empty((1, cells), np.uint64)
        locate_all(np.array([model.seed]), int(Purpose.PULSE), located)
        self._located = located[0]
        thermal = 2.0 * BOLTZMANN * model.temperature / ELEMENTARY_CHARGE
        self._eyes = Eyes(
            (1.0 / r_p).ravel(), truth.tmr.ravel().copy(), truth.telegraph.ravel().copy(), start.state.ravel().copy(),
            self._shares(), np.array([model.fano_p, model.fano_ap]),
            np.array([model.flicker_p, model.flicker_ap]) / model.area,
            np.array([course.gain, course.offset, course.noise, course.end]),
            np.array([model.k_p, model.v_h**-2.0, thermal, 2.0 * course.aperture,
                      math.log(max(60.0 / course.aperture, math.e))]),
            model.seed,
        )  # fmt: skip
        self._times = np.array(
            [course.command, course.first_move, course.move, course.settled + course.aperture, course.settling]
        )
        self._wear = np.array([_WORN, model.breakdown.t_ref, model.breakdown.v_ref, model.breakdown.n])
        self._breaks = truth.damage_at_breakdown.ravel().copy()
        forced = ends.emf[0] + ends.offset[0], ends.emf[1] + ends.offset[1]
        self._offsets = np.stack([*forced, ends.emf[2], np.full(lines, ends.gain[0] * read)])
        self._offsets[3] = ends.gain[0] * read
        self._highest: dict[float, Floats] = {}
        rest_all(self.hidden, self._aging, np.arange(count), np.full(count, start.rest))
        self.hidden.clock[:] = start.clock

    @property
    def state(self) -> NDArray[np.int8]:
        """Hidden states, (copies, rows, cols): 0 P, 1 AP, 2 a short or an open."""
        return self._arrays.state

    @property
    def message(self) -> float:
        """How long a message to an instrument takes [s]."""
        return self._course.command

    def rest(self, which: Ints, seconds: Floats) -> None:
        """Let `seconds` (members,) pass on copies `which` (members,) with nothing on their lines."""
        rest_all(self.hidden, self._aging, which, seconds)

    def pulse(
        self, which: Ints, rows: Ints, cols: Ints, *, amplitude: Floats, width: float, extra: Floats | None = None
    ) -> NDArray[np.bool_]:
        """One V/2 pulse of signed `amplitude` (members,) [V] and `width` [s] on one cell of each of these copies.

        `extra` (members,) [s] passes before it. Whether a source met its limit, (members,). Raises InputError for
        a cell outside the switching table.
        """
        nothing = np.zeros(len(which)) if extra is None else extra
        command = self._course.command
        approach(self.hidden, self._aging, which, rows, cols, self._times, command, nothing + command)
        volts = np.stack([0.5 * amplitude, -0.5 * amplitude])
        cell_v, limited = self._held(which, rows, cols, volts)
        tau = width / self._truth.model.tau_d
        if width not in self._highest:
            self._highest[width] = np.empty(LAST)
            bound(load(), tau, float(self._delta.min()), self._highest[width])
        broken = np.empty(len(which), np.int64)
        outside = fire(
            self.hidden, which, cell_v, load(), self._highest[width], tau, self._truth.model.sign, self._v_c0,
            self._field, self._delta, self._stays, self._located, DRIVE_LIMIT, width, self._wear, self._breaks, broken,
        )  # fmt: skip
        if outside:
            raise InputError(f"{outside} cells are outside the switching table at pulses of {width} s")
        for member in np.flatnonzero(broken >= 0).tolist():
            self._break(int(which[member]))
        return limited

    def look(
        self, which: Ints, rows: Ints, cols: Ints, count: Ints | None = None, *, threshold: Floats, guard: Floats,
        exact: bool = False,
    ) -> Floats:  # fmt: skip
        """Read the first `count` (members,) of columns `cols` (members, most) of a row of each copy; [S].

        One after the other, each at plus and minus the read voltage; one that is within `guard` of `threshold`
        (cells,) [S] three times, the middle one counts. A reading beyond the meter's range is nan. Cells of one
        row share a solution, and what stands at minus the voltage mirrors it, which costs 1e-6 of a reading at the
        most; one cell a copy can be had `exact`, with two solutions.
        """
        members, most = len(which), int(cols.shape[1])
        every: Ints = np.full(members, most, dtype=np.int64)
        counts = every if count is None else count
        if exact and most != 1:
            raise InputError("exact readings are of one cell at a time")
        progress, left = np.zeros((members, 3), np.int64), np.zeros(members)
        shown, found = np.zeros((members, 5)), np.full((members, most), np.nan)
        going = np.flatnonzero(counts > 0)
        while going.size:
            cell_v, i_col = self._seen(which[going], rows[going], cols[going], counts[going], exact=exact)
            look(
                self.hidden, self._aging, self._eyes, which, rows, cols, counts, going, self._times, self.read_voltage,
                cell_v, i_col, self._offsets, threshold, guard, progress, left, shown, found,
            )  # fmt: skip
            going = np.flatnonzero(progress[:, 0] < counts)
        return found

    def _shares(self) -> Floats:
        """What falls across a cell of a volt between the ends of its lines, (cells,): 1 but on columns with shorts."""
        ends, (n_rows, n_cols) = self._ends, self.shape
        found = np.ones(self.shape)
        cols = np.flatnonzero((self.state[0] == LINEAR).any(axis=0))
        each = np.arange(cols.size)
        if cols.size:
            r_row, r_col = (
                np.repeat(ends.ohms[2:3, part], cols.size, axis=0) for part in (slice(n_rows), slice(n_rows, None))
            )
            r_col[each, cols] = ends.ohms[1, n_rows + cols]
            col_volts = np.zeros((cols.size, n_cols))
            col_volts[each, cols] = -self.read_voltage
            driven = self._arrays.drive(
                np.zeros((cols.size, n_rows)), col_volts, of=np.zeros_like(cols), r_row=r_row, r_col=r_col, fields=1
            )
            cell_v = driven.nodes[0].reshape(cols.size, n_rows, n_cols)
            found[:, cols] = cell_v[each, :, cols].T / self.read_voltage
        return found.ravel()

    # -- the networks ------------------------------------------------------------------------------

    def _seen(self, which: Ints, rows: Ints, cols: Ints, count: Ints, *, exact: bool) -> tuple[Floats, Floats]:
        """Cell voltages (signs, members, cells) and column currents (signs, members, cols) of readings of a row."""
        ends, (n_rows, n_cols), members = self._ends, self.shape, len(which)
        each = np.arange(members)
        sensing = np.zeros((members, n_cols), np.bool_)
        places: Ints = np.arange(int(cols.shape[1]), dtype=np.int64)
        listed = places < count[:, np.newaxis]
        sensing[np.nonzero(listed)[0], cols[listed]] = True
        r_row = np.repeat(ends.ohms[2:3, :n_rows], members, axis=0)
        r_row[each, rows] = ends.ohms[0, rows]
        r_col = np.where(sensing, ends.ohms[1, n_rows:], ends.ohms[2, n_rows:])
        if exact:
            row_volts = np.repeat(ends.emf[2:3, :n_rows], 2 * members, axis=0)
            asked = self.read_voltage * np.repeat([1.0, -1.0], members)
            both = np.tile(rows, 2)
            row_volts[np.arange(2 * members), both] = ends.gain[0] * asked + ends.offset[0] + ends.emf[0, both]
            col_volts = np.where(sensing, ends.offset[1] + ends.emf[1, n_rows:], ends.emf[2, n_rows:])
            which, col_volts = np.tile(which, 2), np.tile(col_volts, (2, 1))
            r_row, r_col = np.tile(r_row, (2, 1)), np.tile(r_col, (2, 1))
        else:
            row_volts, col_volts = np.zeros((members, n_rows)), np.zeros((members, n_cols))
            row_volts[each, rows] = ends.gain[0] * self.read_voltage
        found = self._arrays.drive(row_volts, col_volts, of=which, r_row=r_row, r_col=r_col, fields=1)
        if np.abs(found.i_row[np.arange(len(which)), np.tile(rows, len(which) // members)]).max() > ends.compliance:
            raise SolveError("a row draws more than its source gives at the read voltage; copies cannot be read so")
        signs = len(which) // members
        return found.nodes[0].reshape(signs, members, -1), found.i_col.reshape(signs, members, n_cols)

    def _held(self, which: Ints, rows: Ints, cols: Ints, volts: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Cell voltages (members, cells) with both sources at `volts` (2, members), or at their limits of current."""
        ends, members = self._ends, len(which)
        level = np.stack([ends.gain[n] * volts[n] + ends.offset[n] for n in range(2)])
        cell_v, currents = self._pulsed(which, rows, cols, level)
        held = np.zeros((2, members))
        over = np.abs(currents) > ends.compliance * _WITHIN
        while over.any():
            held = np.where(over & (held == 0.0), np.sign(currents), held)
            some = np.flatnonzero((held != 0.0).any(axis=0))
            part = which[some], rows[some], cols[some]
            level[:, some] = self._limit(part, level[:, some], held[:, some])
            cell_v[some], currents[:, some] = self._pulsed(*part, level[:, some])
            over = (np.abs(currents) > ends.compliance * _WITHIN) & (held == 0.0)
        return cell_v, np.abs(currents).max(axis=0) >= _AT_LIMIT * ends.compliance

    def _limit(self, part: tuple[Ints, Ints, Ints], level: Floats, held: Floats) -> Floats:
        """Volts (2, members) of sources of which those `held` (1 or -1) give their limit. Raises SolveError."""
        limit, level, free = self._ends.compliance, level.copy(), held == 0.0
        for _ in range(_TRIES):
            currents = self._pulsed(*part, level)[1]
            off = np.where(free, 0.0, currents - held * limit)
            if (np.abs(off) <= 0.1 * _CLOSE * limit).all():
                return level
            slopes = np.empty((2, 2, level.shape[1]))
            for n in range(2):
                nudged = level.copy()
                nudged[n] += _NUDGE
                slopes[:, n] = (self._pulsed(*part, nudged)[1] - currents) / _NUDGE
            slopes[:, 0][:, free[0]] = 0.0
            slopes[:, 1][:, free[1]] = 0.0
            for n in range(2):
                slopes[n][:, free[n]] = 0.0
                slopes[n, n, free[n]] = 1.0
            level = level - np.linalg.solve(slopes.transpose(2, 0, 1), off.T[:, :, np.newaxis])[:, :, 0].T
        raise SolveError("the limits of sources did not settle in a pulse of copies in lockstep")

    def _pulsed(self, which: Ints, rows: Ints, cols: Ints, level: Floats) -> tuple[Floats, Floats]:
        """Cell voltages (members, cells), and currents (2, members) out of sources at `level` (2, members) [V]."""
        ends, (n_rows, n_cols), members = self._ends, self.shape, len(which)
        each, down = np.arange(members), n_rows + cols
        row_volts = np.repeat(ends.emf[2:3, :n_rows], members, axis=0)
        col_volts = np.repeat(ends.emf[2:3, n_rows:], members, axis=0)
        r_row = np.repeat(ends.ohms[2:3, :n_rows], members, axis=0)
        r_col = np.repeat(ends.ohms[2:3, n_rows:], members, axis=0)
        row_volts[each, rows], r_row[each, rows] = level[0] + ends.emf[0, rows], ends.ohms[0, rows]
        col_volts[each, cols], r_col[each, cols] = level[1] + ends.emf[1, down], ends.ohms[1, down]
        found = self._arrays.drive(row_volts, col_volts, of=which, r_row=r_row, r_col=r_col, fields=1)
        currents = np.stack([found.i_row[each, rows], -found.i_col[each, cols]])
        return found.nodes[0].reshape(members, n_rows * n_cols), currents

    # -- the die -----------------------------------------------------------------------------------

    def _rates(self, read: float, fixed: NDArray[np.bool_]) -> Aging:
        """Rates at rest, and polynomials of their logarithms over the voltages of a reading."""
        model, cells = self._truth.model, self._delta.size
        switching = Switching(self._delta, tau_d=model.tau_d)
        unit = _REACH * read
        points = np.cos(np.pi * (np.arange(3 * _TERMS) + 0.5) / (3 * _TERMS))
        held, resting = np.zeros((3, cells, _TERMS)), np.zeros((3, cells))
        fit = np.linalg.pinv(np.vander(points, _TERMS + 1)[:, :-1])
        moves, peak = ~(self._stays | fixed), np.zeros(cells)
        for state in State:

            def drive(volts: float, state: State = state) -> Floats:
                to_p = model.sign * volts / self._v_c0[state.other] + self._field
                return np.clip(to_p if state is State.AP else -to_p, -DRIVE_LIMIT, DRIVE_LIMIT)

            logs = np.log(np.stack([switching.rates(drive(unit * point)) for point in points.tolist()]))
            still = switching.rates(drive(0.0))
            held[state] = (fit @ (logs - np.log(still))).T
            resting[state] = np.where(moves, still, 0.0)
            peak = np.maximum(peak, np.exp(logs.max(axis=0)))
        located = np.empty((1, cells), np.uint64)
        locate_all(np.array([model.seed]), int(Purpose.EXPOSURE), located)
        resting[:, peak <= _IDLE] = 0.0
        return Aging(resting, held, unit, bool(resting.any()), located[0])

    def _short(self, cell: int, low: float, high: float) -> float:
        """Resistance [ohm] of a barrier that has broken."""
        draw = uniforms_each(self._truth.model.seed, Purpose.SHORT_RESISTANCE, np.zeros(cell + 1, np.uint64))[cell]
        return low + (high - low) * float(draw)

    def _break(self, copy: int) -> None:
        raise SolveError(
            f"a barrier of copy {copy} broke in a pulse; copies in lockstep have none that breaks: lower the amplitude"
        )
