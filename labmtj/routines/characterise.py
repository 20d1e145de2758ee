"""Mapping a die: both resistances of every cell, what is defective, and how much voltage writes.

The amplitude is found on the cells of the diagonal by raising it until they switch; the other cells are
then switched once with a margin on top. Nothing is known beforehand but the polarity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labmtj.errors import BenchError, LimitExceeded
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Polarity, Pulse, Reading, Scheme, State
from labmtj.routines.polarity import CONTRAST
from labmtj.routines.writing.picture import spread_out

WRITE_MARGIN = 1.3  # chosen: amplitude over the median that switches a probe cell; see README, decisions
_PROBES = 7  # chosen: cells whose median tells the amplitude; its error is sigma(V_c) * 1.25 / 7^0.5, about 2.5 %
_PROBE_START, _PROBE_STEP, _PROBE_STOP = 0.8, 1.05, 1.25  # chosen: of the polarity cell's amplitudes
_TRIES, _ESCALATION = 4, 1.08  # chosen: pulses that a cell gets before it counts as stuck, each larger by 8 %
_SHORT, _OPEN = 0.3, 5.0  # chosen: below this share of the typical R_P a short, above this multiple of R_AP open


@dataclass(frozen=True)
class _Typical:
    """What probe cells showed: medians of both resistances [ohm] and of the switching amplitudes [V]."""

    r_p: float
    r_ap: float
    switching: Amplitudes


def map_die(array: ArrayAccess, *, polarity: Polarity, read: float, width: float, tick: Ticker = no_ticks) -> DieMap:
    """Measure every cell in both states at `read` [V] with pulses of `width` [s].

    Raises BenchError if no probe cell switches, and LimitExceeded before anything is written if the
    limits leave no room for a write.
    """
    rows, cols = array.shape
    typical = _probe(array, polarity=polarity, read=read, width=width, tick=tick)
    r_p, r_ap = np.full((rows, cols), np.nan), np.full((rows, cols), np.nan)
    defect = np.zeros((rows, cols), dtype=np.int64)
    amplitudes = write_amplitudes(typical.switching)
    state = np.full((rows, cols), -1)
    for cell in spread_out([Cell(row, col) for row in range(1, rows + 1) for col in range(1, cols + 1)]):
        low, high, found, now = _cell(array, cell, typical, amplitudes, polarity=polarity, read=read, width=width)
        r_p[cell.position], r_ap[cell.position], defect[cell.position] = low, high, found
        state[cell.position] = now
        tick()
    return DieMap(r_p, r_ap, defect, read, polarity, typical.switching, width, state=state)


def probe_cells(shape: tuple[int, int]) -> list[Cell]:
    """Cells spread over the diagonal, so that no line is probed twice."""
    rows, cols = shape
    count = min(rows, cols, _PROBES)
    places = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    return [Cell(1 + round(float(p) * (rows - 1)), 1 + round(float(p) * (cols - 1))) for p in places]


def write_amplitudes(switching: Amplitudes) -> Amplitudes:
    """Amplitudes [V] to write with, from the median amplitudes that switched probe cells."""
    return Amplitudes(WRITE_MARGIN * switching.ap_to_p, WRITE_MARGIN * switching.p_to_ap)


def _probe(array: ArrayAccess, *, polarity: Polarity, read: float, width: float, tick: Ticker = no_ticks) -> _Typical:
    """Raise pulses on cells of the diagonal until each has gone to and fro: towards P, AP, and P once more.

    So each direction begins from the other state and from a low amplitude. A pulse that switches at the
    lowest amplitude says too little and is not counted.
    """
    seen: dict[State, list[float]] = {State.P: [], State.AP: []}
    resistances: dict[State, list[float]] = {State.P: [], State.AP: []}
    for cell in probe_cells(array.shape):
        before = array.read([cell], voltage=read)[0]
        for target in (State.P, State.AP, State.P):
            reached = _ramp(array, cell, target, before, polarity=polarity, read=read, width=width)
            if reached is None:
                continue  # it is in this state already, or cannot be moved
            share, after = reached
            resistances[target].append(after.resistance)
            resistances[target.other].append(before.resistance)
            if share > _PROBE_START:
                seen[target].append(share * _needed(polarity, target))
            before = after
        tick(0)
    if not seen[State.P] or not seen[State.AP]:
        raise BenchError("no cell of the diagonal switched both ways; check the contact to the array and the limits")
    return _Typical(
        r_p=float(np.median(resistances[State.P])),
        r_ap=float(np.median(resistances[State.AP])),
        switching=Amplitudes(float(np.median(seen[State.P])), float(np.median(seen[State.AP]))),
    )


def _needed(polarity: Polarity, target: State) -> float:
    """Amplitude [V] that wrote `target` on the cell on which the polarity was found."""
    return polarity.ap_to_p if target is State.P else polarity.p_to_ap


def _ramp(
    array: ArrayAccess,
    cell: Cell,
    target: State,
    before: Reading,
    *,
    polarity: Polarity,
    read: float,
    width: float,
) -> tuple[float, Reading] | None:
    """Raise pulses towards `target` until the cell changes; the share of the needed amplitude, and the reading."""
    share = _PROBE_START
    while share <= _PROBE_STOP and not before.in_compliance:
        pulse = Pulse(cell, polarity.sign(target) * share * _needed(polarity, target), width, Scheme.V_HALF)
        try:
            array.check(pulse)
        except LimitExceeded:
            return None
        outcome = array.pulse(pulse)
        after = array.read([cell], voltage=read)[0]
        if outcome.in_compliance or after.in_compliance:
            return None
        ratio = after.conductance / before.conductance
        if (ratio > CONTRAST) if target is State.P else (ratio < 1 / CONTRAST):
            return share, after
        share *= _PROBE_STEP
    return None


def _cell(
    array: ArrayAccess,
    cell: Cell,
    typical: _Typical,
    amplitudes: Amplitudes,
    *,
    polarity: Polarity,
    read: float,
    width: float,
) -> tuple[float, float, Defect, int]:
    """R_P, R_AP, defect and last `State` (-1: none) of one cell, which is switched once."""
    before = array.read([cell], voltage=read)[0]
    # In terms of conductance, since the current of an open cell is noise of either sign.
    if before.in_compliance or before.conductance > 1 / (_SHORT * typical.r_p):
        return math.nan, math.nan, Defect.SHORT, -1
    if before.conductance < 1 / (_OPEN * typical.r_ap):
        return math.nan, math.nan, Defect.OPEN, -1
    likely = State.P if before.resistance < math.sqrt(typical.r_p * typical.r_ap) else State.AP
    scale = 1.0
    for attempt in range(_TRIES):
        # An unusual cell may be taken for the wrong state: every other try goes the other way.
        target = likely.other if attempt % 2 == 0 else likely
        pulse = Pulse(cell, polarity.sign(target) * scale * amplitudes.towards(target), width, Scheme.V_HALF)
        try:
            array.check(pulse)
        except LimitExceeded:
            break
        if array.pulse(pulse).in_compliance:
            return math.nan, math.nan, Defect.SHORT, -1
        after = array.read([cell], voltage=read)[0]
        ratio = after.resistance / before.resistance
        if not 1 / CONTRAST < ratio < CONTRAST:
            low, high = sorted((before.resistance, after.resistance))
            return low, high, Defect.NONE, int(State.P if ratio < 1 else State.AP)
        if attempt % 2:
            scale *= _ESCALATION
    return math.nan, math.nan, Defect.STUCK, -1
