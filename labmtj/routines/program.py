"""Writing a layer: verify first, pulse only what is wrong, read everything back, repair what was disturbed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import LimitExceeded
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import (
    Amplitudes,
    Attempt,
    Cell,
    Copy,
    Defect,
    DieMap,
    Ints,
    Placement,
    Pulse,
    Reading,
    Scheme,
    State,
)

_UNREADABLE = -1
_STEP_UP = 1.03  # chosen: each retry after the second is larger by 3 %, for the cells in the tail of the spread


@dataclass(frozen=True)
class WriteSettings:
    """How cells are written: amplitudes [V], width [s], scheme, retries a cell, sweeps that repair, read [V]."""

    amplitudes: Amplitudes
    width: float
    scheme: Scheme
    retries: int
    repair_sweeps: int
    read: float


def program_layer(
    array: ArrayAccess,
    *,
    die_map: DieMap,
    target: Ints,
    placement: Placement,
    settings: WriteSettings,
    tick: Ticker = no_ticks,
) -> Copy:
    """Write `target` (inputs, device columns; `State` values) to the cells of `placement`.

    Cells that the map calls defective are read but never pulsed. After the sweep everything is read
    again; cells that another cell's pulse has disturbed are written again, `repair_sweeps` times at most.
    Raises LimitExceeded before anything is written if an amplitude is above a limit.
    """
    shape = (len(placement.rows), len(placement.cols))
    for state in State:
        array.check(Pulse(placement.cell(0, 0), settings.amplitudes.towards(state), settings.width, settings.scheme))
    pulses = np.zeros(shape, dtype=np.int64)
    initial = np.full(shape, _UNREADABLE)
    written = np.zeros(shape, dtype=bool)
    for row, col in np.ndindex(shape):
        cell = placement.cell(row, col)
        first = array.read([cell], voltage=settings.read)[0]
        initial[row, col] = _state(die_map, first)
        attempt = _write(array, die_map, cell, State(int(target[row, col])), first, settings)
        pulses[row, col] += attempt.pulses
        written[row, col] = attempt.written
        tick()
    repaired: set[tuple[int, int]] = set()
    readings, found = _read_back(array, die_map, placement, settings, tick)
    for _ in range(settings.repair_sweeps):
        broken: list[list[int]] = np.argwhere((found != target) & written).tolist()
        if not broken:
            break
        for row, col in broken:
            reading = readings[row * shape[1] + col]
            attempt = _write(array, die_map, placement.cell(row, col), State(int(target[row, col])), reading, settings)
            pulses[row, col] += attempt.pulses
            repaired.add((row, col))
        readings, found = _read_back(array, die_map, placement, settings, tick)
    return Copy(
        placement=placement,
        target=target,
        state=found,
        conductance=np.array([reading.conductance for reading in readings]).reshape(shape),
        pulses=pulses,
        initial=initial,
        written=written,
        defect=np.array([die_map.defect[cell.position] for cell in placement.cells]).reshape(shape),
        repaired=len(repaired),
    )


def verify_layer(array: ArrayAccess, *, die_map: DieMap, copy: Copy, read: float, tick: Ticker = no_ticks) -> Ints:
    """Read the cells of a copy once more; states, shape of the layer (-1 where a cell cannot be read)."""
    states: list[int] = []
    for cell in copy.placement.cells:
        states.append(_state(die_map, array.read([cell], voltage=read)[0]))
        tick()
    return np.array(states).reshape(copy.target.shape)


def _read_back(
    array: ArrayAccess, die_map: DieMap, placement: Placement, settings: WriteSettings, tick: Ticker
) -> tuple[list[Reading], Ints]:
    """Readings of all cells of a placement, row by row, and their states, shape of the layer."""
    readings: list[Reading] = []
    for cell in placement.cells:
        readings += array.read([cell], voltage=settings.read)
        tick(0)
    states = np.array([_state(die_map, reading) for reading in readings], dtype=np.int64)
    return readings, states.reshape(len(placement.rows), len(placement.cols))


def _state(die_map: DieMap, reading: Reading) -> int:
    state = die_map.state_of(reading)
    return _UNREADABLE if state is None else int(state)


def _write(
    array: ArrayAccess, die_map: DieMap, cell: Cell, target: State, first: Reading, settings: WriteSettings
) -> Attempt:
    """Pulse a cell until it reads as `target`; a cell that trips the compliance gets one more pulse at most."""
    if die_map.defect[cell.position] != Defect.NONE:
        return Attempt(cell, target, 0, first, die_map.state_of(first) is target)
    sign, amplitude, reading, trips = die_map.polarity.sign(target), settings.amplitudes.towards(target), first, 0
    pulses = 0
    while die_map.state_of(reading) is not target and pulses <= settings.retries and trips < 2:
        pulse = Pulse(cell, sign * amplitude, settings.width, settings.scheme)
        trips += array.pulse(pulse).in_compliance
        pulses += 1
        reading = array.read([cell], voltage=settings.read)[0]
        if pulses >= 2:
            larger = Pulse(cell, sign * amplitude * _STEP_UP, settings.width, settings.scheme)
            amplitude = amplitude * _STEP_UP if _allowed(array, larger) else amplitude
    return Attempt(cell, target, pulses, reading, die_map.state_of(reading) is target)


def _allowed(array: ArrayAccess, pulse: Pulse) -> bool:
    """Whether the limits leave room for a larger pulse; if not, retries go on at the last amplitude."""
    try:
        array.check(pulse)
    except LimitExceeded:
        return False
    return True
