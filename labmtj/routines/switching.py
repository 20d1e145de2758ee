"""Measuring V_c0 and Delta of chosen cells: pulses that are chosen by what they teach, and a reading after each.

A pulse always drives a cell away from the state that it is in, so each cell goes to and fro and both directions
learn from one budget of pulses. What counts is the voltage over the cell: it follows from the map's wires
(cell_voltage). Where the map knows no wires, terminal voltages stand for cell voltages and so do the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.switching_law import HALF, Exponent, width_law
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, DieMap, Finding, Floats, Ints, State
from labmtj.routines.bring import all_cells, measurable, write_pulse
from labmtj.routines.cell_voltage import cell_voltages, crossbar_of
from labmtj.routines.characterise import probe_cells
from labmtj.routines.switching_estimate import DELTA_SPREAD, NOMINAL_DELTA, Estimates, Goals, Tracks
from labmtj.routines.switching_finding import finding_of

SPREAD = 0.15  # chosen: of a cell's switching voltage around the map's median; cells spread by 5 to 10 %
_LIKE_THE_OTHERS = 0.2  # chosen: spread of ln Delta around the median of measured cells; dies spread by 0.10 to 0.14
NODES = np.linspace(0.0, 1.0, 13)
"""Shares of a ceiling at which cell voltages are solved; between them they are straight."""
_VAIN = 10  # chosen: pulses at the ceiling that may fail before a cell is left


@dataclass(frozen=True, eq=False)
class Fired:
    """All pulses of a measurement, (pulses,): position of the cell, `State` aimed at, cell voltage [V], and outcome.

    `width` is the number of the width.
    """

    cell: Ints
    target: Ints
    volts: Floats
    width: Ints
    switched: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Switching:
    """What was found of `cells`: estimates towards P and towards AP, (cells,), nan where a cell gave none."""

    cells: tuple[Cell, ...]
    widths: tuple[float, ...]
    law: Exponent
    towards: dict[State, Estimates]
    fired: Fired
    wires_known: bool

    @property
    def finding(self) -> Finding:
        """The tables and the line for journal, run.h5 and report."""
        return finding_of(self)

    def onto(self, die: DieMap) -> DieMap:
        """The map with what was found; switching voltages only where they were measured at the map's width.

        The states of these cells are unknown then.
        """
        fields: dict[str, Floats | Ints] = {}
        rows, cols = np.array([cell.position for cell in self.cells], int).reshape(-1, 2).T
        if die.state is not None:
            fields["state"] = die.state.copy()
            fields["state"][rows, cols] = -1
        for target, suffix in ((State.P, "p"), (State.AP, "ap")):
            found = self.towards[target]
            values = {"v_c0": found.v_c0, "delta": found.delta}
            if len(self.widths) == 1:
                values = {}  # one width tells V_c0 and Delta apart by the prior only
            if abs(self.widths[0] / die.width - 1.0) < 1e-9:
                values["v_switch"] = found.voltage
            for name, value in values.items():
                known: Floats | None = getattr(die, f"{name}_{suffix}")
                whole = np.full(die.shape, np.nan) if known is None else known.copy()
                whole[rows, cols] = np.where(np.isfinite(value), value, whole[rows, cols])
                fields[f"{name}_{suffix}"] = whole
        return replace(die, **fields)


def measure_switching(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    ceiling: float,
    widths: Sequence[float],
    pulses: int = 300,
    goals: Goals | None = None,
    law: Exponent | None = None,
    spread: float = SPREAD,
    tick: Ticker = no_ticks,
) -> Switching:
    """Estimate V_c0 and Delta of `cells` from at most `pulses` on each, both directions together, resets included.

    Readings at `read` [V]; no amplitude above `ceiling` [V] between terminals. `widths` [s] should span three
    decades or more, the working width first; with one width the switching voltage alone is estimated. A cell
    ends early when both directions have reached their `goals`. Raises LimitExceeded, before anything is
    fired, for a ceiling above the bench's limits.
    """
    chosen, law = measurable(die, cells), law or Exponent()
    if not chosen:
        raise InputError("none of the chosen cells has both states in the die map; choose good ones")
    for target in State:
        for width in widths:
            array.check(write_pulse(chosen[0], die, target, volts=ceiling, width=width))
    if goals is None:
        goals = Goals() if len(widths) > 1 else Goals(voltage=0.008, v_c0=np.inf, delta=np.inf)
    terminal, model, count = ceiling * NODES, crossbar_of_map(die), len(chosen)
    seen = seen_by_cells(model, chosen, terminal=terminal, state=known_states(die))
    assumed, delta_spread = assumed_barriers(die)
    centre = [
        np.full(count, expected_voltage(die, model, target, law=law, width=widths[0], delta=assumed[target]))
        for target in State
    ]
    tracks = Tracks(
        np.concatenate(centre),
        spread=spread,
        widths=widths,
        law=law,
        goals=goals,
        delta=np.repeat([assumed[target] for target in State], count),
        delta_spread=delta_spread,
        most=pulses,
    )
    good, fired = np.zeros(count, np.bool_), FiredLog()
    for place, cell in enumerate(chosen):
        ladder = {target: _Ladder(int(target) * count + place, seen[target][:, place], terminal) for target in State}
        good[place] = _one_cell(array, cell, die, tracks, ladder=ladder, read=read, pulses=pulses, log=fired)
        tick()
    found = tracks.estimates()
    towards = {target: found.part(slice(int(target) * count, (int(target) + 1) * count), good) for target in State}
    return Switching(tuple(chosen), tuple(widths), law, towards, fired.record(count), die.wire is not None)


def seen_by_cells(model: Crossbar, cells: Sequence[Cell], *, terminal: Floats, state: Ints) -> dict[State, Floats]:
    """Cell voltages [V] by target, (amplitudes, cells), at these `terminal` amplitudes [V] on each of `cells`."""
    return {
        target: np.stack([
            cell_voltages(model, cells, amplitude=volts, state=state, before=target.other) for volts in terminal
        ])
        for target in State
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Ladder:
    """One direction of one cell: its track, and cell voltages [V] at terminal amplitudes [V], rising."""

    track: int
    over_cell: Floats
    terminal: Floats


class FiredLog:
    """Gathers what was fired."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, int, bool]] = []

    def add(self, track: int, volts: float, width: int, switched: bool) -> None:
        """One pulse: number of the target times the cells plus that of the cell, cell voltage [V], width, outcome."""
        self._rows.append((track, volts, width, switched))

    def record(self, count: int) -> Fired:
        """All of them, of `count` cells."""
        track, volts, width, switched = (
            np.array(values) for values in (list(zip(*self._rows, strict=True)) or [[]] * 4)
        )
        track = track.astype(np.int64)
        return Fired(track % count, track // count, volts, width.astype(np.int64), switched.astype(np.bool_))


def _one_cell(
    array: ArrayAccess,
    cell: Cell,
    die: DieMap,
    tracks: Tracks,
    *,
    ladder: dict[State, _Ladder],
    read: float,
    pulses: int,
    log: FiredLog,
) -> bool:
    """Pulses and readings on one cell; False if it cannot be measured."""
    own = np.array([rung.track for rung in ladder.values()])
    state, vain = die.state_of(array.read([cell], voltage=read)[0]), 0
    for _pulse in range(pulses):
        if state is None or vain > _VAIN:
            return False
        if tracks.reached(own).all():
            break
        target = state.other
        rung = ladder[target]
        which, most = np.array([rung.track]), float(rung.over_cell[-1])
        volts, width = tracks.propose(which, highest=most)
        amplitude = float(np.interp(float(volts[0]), rung.over_cell, rung.terminal))
        outcome = array.pulse(write_pulse(cell, die, target, volts=amplitude, width=tracks.widths[int(width[0])]))
        state = die.state_of(array.read([cell], voltage=read)[0])
        if outcome.in_compliance or state is None:
            return False
        switched = state is target
        vain = 0 if switched else vain + int(volts[0] > 0.999 * most)
        tracks.update(which, volts=volts, width=width, switched=np.array([switched]))
        log.add(rung.track, float(volts[0]), int(width[0]), switched)
    return True


def crossbar_of_map(die: DieMap) -> Crossbar:
    """The crossbar of the map, without wires where it knows none."""
    return crossbar_of(
        die.r_p, r_ap=die.r_ap, defect=die.defect, read_voltage=die.read_voltage, wire=die.wire or 0.0,
        row_contact=die.row_contact, col_contact=die.col_contact, v_h=die.v_h or 0.5, k_p=die.k_p or 0.2,
        state=known_states(die),
    )  # fmt: skip


def assumed_barriers(die: DieMap) -> tuple[dict[State, float], float]:
    """Barriers [kT] that are expected towards each state, and the spread of their logarithms.

    The median of what the map knows already, or a wide guess.
    """
    known = {State.P: die.delta_p, State.AP: die.delta_ap}
    medians = {
        target: float(np.median(values[np.isfinite(values)]))
        for target, values in known.items()
        if values is not None and np.isfinite(values).any()
    }
    if len(medians) < len(State):
        return dict.fromkeys(State, NOMINAL_DELTA), DELTA_SPREAD
    return medians, _LIKE_THE_OTHERS


def known_states(die: DieMap) -> Ints:
    """`State` of every cell as the map has it, -1 where it is not known."""
    return np.full(die.shape, -1) if die.state is None else die.state


def expected_voltage(
    die: DieMap, model: Crossbar, target: State, *, law: Exponent, width: float, delta: float
) -> float:
    """Cell voltage [V] at which a typical cell goes to `target` half the time at `width` [s]: the map's probes."""
    probes = measurable(die, probe_cells(die.shape)) or measurable(die, all_cells(die.shape))
    volts = cell_voltages(
        model, probes, amplitude=die.switching.towards(target), state=known_states(die), before=target.other
    )
    level, log_delta = np.array([HALF]), np.array([np.log(delta)])
    asked, known = (float(width_law(law, each).drive(level, log_delta=log_delta)[0]) for each in (width, die.width))
    return float(np.median(volts)) * asked / known
