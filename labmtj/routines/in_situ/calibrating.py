"""Calibrating the flip probabilities of chosen cells: at most 200 pulses on each, a reading after every one.

The cells take their pulses in turns, so that what the first pulses tell of all of them (`flip_estimate`) chooses the
next. What counts is the voltage over the cell: it follows from the map's wires, as in `routines.switching`, whose
record this fills too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.switching_law import Exponent
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, DieMap, Floats, Ints, State
from labmtj.routines.bring import measurable, write_pulse
from labmtj.routines.in_situ.flip_estimate import Calibration
from labmtj.routines.switching import (
    NODES,
    FiredLog,
    Switching,
    assumed_barriers,
    crossbar_of_map,
    expected_voltage,
    known_states,
    seen_by_cells,
)

PULSES = 200  # on a cell, both directions together
_VAIN = 10  # chosen: pulses at the ceiling that may fail, one after the other, before a cell is left


def calibrate_flips(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    ceiling: float,
    widths: Sequence[float],
    pulses: int = PULSES,
    law: Exponent | None = None,
    tick: Ticker = no_ticks,
) -> Switching:
    """Estimate V(1/2), V_c0 and Delta of `cells` together, from `pulses` on each.

    Readings at `read` [V]; no amplitude above `ceiling` [V] between terminals. `widths` [s]: the working width first,
    and one that is 100 times longer or shorter (with one width P = 0.01 is right to a factor only). Raises
    LimitExceeded, before anything is fired, for a ceiling above the bench's limits; InputError without a good cell.
    """
    chosen, law = measurable(die, cells), law or Exponent()
    if not chosen:
        raise InputError("none of the chosen cells has both states in the die map; choose good ones")
    for state in State:
        for width in widths:
            array.check(write_pulse(chosen[0], die, state, volts=ceiling, width=width))
    terminal, model, count = ceiling * NODES, crossbar_of_map(die), len(chosen)
    seen = seen_by_cells(model, chosen, terminal=terminal, state=known_states(die))
    barriers = assumed_barriers(die)[0]
    centre = [expected_voltage(die, model, state, law=law, width=widths[0], delta=barriers[state]) for state in State]
    known = Calibration(
        centre, cells=count, widths=widths, law=law, delta=float(np.mean(list(barriers.values()))), most=pulses
    )
    # By target: a cell in AP goes to P next.
    target: Ints = np.array([_next_target(array, die, cell, read) for cell in chosen], dtype=np.int64)
    vain: Ints = np.zeros(count, dtype=np.int64)
    log, ticks = FiredLog(), 0
    for turn in range(pulses):
        active = np.flatnonzero(target >= 0)
        if active.size == 0:
            break
        aimed = target[active]
        to_p, to_ap = (np.asarray(seen[state][-1, active], np.float64) for state in (State.P, State.AP))
        most: Floats = np.where(aimed == int(State.P), to_p, to_ap)
        volts, width = known.propose(active, target=aimed, highest=most)
        switched = np.zeros(active.size, np.bool_)
        for number, place in enumerate(active):
            to, cell = State(int(aimed[number])), chosen[place]
            amplitude = float(np.interp(float(volts[number]), seen[to][:, place], terminal))
            pulse = write_pulse(cell, die, to, volts=amplitude, width=widths[int(width[number])])
            in_compliance = array.pulse(pulse).in_compliance
            target[place] = -1 if in_compliance else _next_target(array, die, cell, read)
            switched[number] = target[place] == to.other
            log.add(int(to) * count + int(place), float(volts[number]), int(width[number]), bool(switched[number]))
        known.update(active, target=aimed, volts=volts, width=width, switched=switched)
        vain[active] = (vain[active] + (volts > 0.999 * most)) * ~switched
        target[vain > _VAIN] = -1
        done = (turn + 1) * count // pulses
        tick(done - ticks)
        ticks = done
    good, found = target >= 0, known.estimates()
    towards = {to: found[to].part(slice(None), good) for to in State}
    return Switching(tuple(chosen), tuple(widths), law, towards, log.record(count), die.wire is not None)


def _next_target(array: ArrayAccess, die: DieMap, cell: Cell, read: float) -> int:
    """The state that a cell is not in, as a `State`; -1 if a reading cannot tell."""
    state = die.state_of(array.read([cell], voltage=read)[0])
    return -1 if state is None else int(state.other)
