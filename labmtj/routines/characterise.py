"""Mapping a die: both resistances of every cell, what is defective, and how much voltage writes.

The amplitude is found on the cells of the diagonal by raising it until they switch; the other cells are
then switched once with a margin on top. Nothing is known beforehand but the polarity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess, CellModel, Ticker, no_ticks
from labmtj.records import (
    Amplitudes,
    Cell,
    Defect,
    DieMap,
    Floats,
    Ints,
    Polarity,
    Pulse,
    PulseOutcome,
    Reading,
    Scheme,
    State,
)
from labmtj.routines.polarity import CONTRAST
from labmtj.routines.writing.picture import Picture, spread_out
from labmtj.routines.writing.talk import Done, Look, Talk, allowed, converse

WRITE_MARGIN = 1.3  # chosen: amplitude over the median that switches a probe cell; see README, decisions
_PROBES = 7  # chosen: cells whose median tells the amplitude; its error is sigma(V_c) * 1.25 / 7^0.5, about 2.5 %
_PROBINGS, _LOWER = 4, 0.75  # chosen: tries of a range, each off by a quarter; a cell in 1e4 is off by more than four
_PROBE_START, _PROBE_STEP, _PROBE_STOP = 0.8, 1.05, 1.25  # chosen: of the polarity cell's amplitudes
_TRIES, _ESCALATION = 8, 1.08  # chosen: pulses that a cell gets before it counts as stuck, every second 8 % larger
_TAKEN = 0.1  # chosen: up to this share of a pulse the margin of 30 % covers what wires take; 0.07 at 40 nm, 5 ohm
SHORT, _OPEN = 0.3, 5.0  # chosen: below this share of the typical R_P a short, above this multiple of R_AP open


@dataclass(frozen=True)
class Typical:
    """What probe cells showed: medians of both resistances [ohm] and of the switching amplitudes [V]."""

    r_p: float
    r_ap: float
    switching: Amplitudes


def map_die(
    array: ArrayAccess,
    *,
    polarity: Polarity,
    read: float,
    width: float,
    wire: float | None = None,
    avoid: frozenset[Cell] = frozenset(),
    tick: Ticker = no_ticks,
) -> DieMap:
    """Measure every cell in both states at `read` [V] with pulses of `width` [s].

    Where the `wire` [ohm a segment] is known, every cell gets what its wires leave of it on top. Cells to `avoid`,
    those of lines that are left out, are not touched and count as open. Raises BenchError if no probe cell switches,
    and LimitExceeded before anything is written if the limits leave no room for a write.
    """
    how = Probing(polarity, read, width, partial(allowed, array), wire, array.trust, avoid)
    return converse(array, map_talk(array.shape, how), voltage=read, tick=tick)


@dataclass(frozen=True)
class Probing:
    """How a die is mapped: polarity, read voltage [V], width [s], and whether the limits leave room for a pulse.

    `wire` [ohm a segment] is what is known of it, `trust` tells the array's limits what its cells get;
    cells to `avoid` are not touched. Pulses are biased by `scheme`.
    """

    polarity: Polarity
    read: float
    width: float
    allowed: Callable[[Pulse], bool]
    wire: float | None = None
    trust: Callable[[CellModel | None], None] | None = None
    avoid: frozenset[Cell] = frozenset()
    scheme: Scheme = Scheme.V_HALF


def map_talk(shape: tuple[int, int], how: Probing) -> Talk[DieMap]:
    """Both resistances of every cell, and what is defective."""
    rows, cols = shape
    typical = yield from probe(shape, how)
    r_p, r_ap = np.full((rows, cols), np.nan), np.full((rows, cols), np.nan)
    defect, state = np.zeros((rows, cols), dtype=np.int64), np.full((rows, cols), -1)
    cells = spread_out([Cell(row, col) for row in range(1, rows + 1) for col in range(1, cols + 1)])
    before: dict[Cell, Reading] = {}
    # Volts that the wires of both lines take from the far corner's half-selected lines, as a share of the pulse.
    taken = (how.wire or 0.0) * rows * cols / (2.0 * typical.r_p)
    for cell in cells if taken > _TAKEN else ():
        if cell in how.avoid:
            continue
        (before[cell],) = yield Look((cell,))
        yield Done(0)
    amplitudes = _amplitudes(before, typical, how, shape) if before else None
    for cell in cells:
        if cell in how.avoid:
            defect[cell.position] = Defect.OPEN
            yield Done(1)
            continue
        pulses = write_amplitudes(typical.switching) if amplitudes is None else amplitudes[cell]
        low, high, found, now = yield from _cell(cell, typical, pulses, how, before.get(cell))
        r_p[cell.position], r_ap[cell.position], defect[cell.position] = low, high, found
        state[cell.position] = now
        yield Done(1)
    if not (defect == Defect.NONE).any():
        raise BenchError(
            f"none of the {defect.size} cells has two states: {_counted(defect)}; check the contact to the array, the "
            "read voltage and the limits"
        )
    return DieMap(r_p, r_ap, defect, how.read, how.polarity, typical.switching, how.width, state=state, wire=how.wire)


def _counted(defect: Ints) -> str:
    kinds = {kind: int(np.count_nonzero(defect == kind)) for kind in Defect if kind is not Defect.NONE}
    return ", ".join(f"{count} {kind.name.lower()}" for kind, count in kinds.items() if count)


def _amplitudes(
    before: dict[Cell, Reading], typical: Typical, how: Probing, shape: tuple[int, int]
) -> dict[Cell, Amplitudes]:
    """What each cell is written with, made larger by what its wires take, with all cells as they were read."""
    rows, cols = shape
    readings, defect = np.full((rows, cols), np.nan), np.zeros((rows, cols), dtype=np.int64)
    for cell in how.avoid:
        defect[cell.position] = Defect.OPEN
    for cell, reading in before.items():
        defect[cell.position] = _kind(reading, typical)
        readings[cell.position] = reading.resistance if defect[cell.position] == Defect.NONE else np.nan
    # Nobody knows the other state of a cell yet: what it is in counts for both.
    as_read = DieMap(readings, readings, defect, how.read, how.polarity, typical.switching, how.width, wire=how.wire)
    picture = Picture(as_read)
    if picture.model is None:
        return dict.fromkeys(before, write_amplitudes(typical.switching))
    if how.trust is not None:
        how.trust(picture.lower_bound)
    wanted = write_amplitudes(picture.at_cells(typical.switching))
    order = list(before)
    volts = np.full(len(order), wanted.ap_to_p)
    # The cells are resistors here, so one share holds for both directions.
    over = picture.own_volts(order, amplitude=volts, state=np.zeros((rows, cols), np.int64), before=State.P)
    shares: Floats = over / volts
    return {
        cell: Amplitudes(wanted.ap_to_p / share, wanted.p_to_ap / share)
        for cell, share in zip(order, shares.tolist(), strict=True)
    }


def _kind(reading: Reading, typical: Typical) -> Defect:
    """Short or open, as far as one reading tells."""
    # In terms of conductance, since the current of an open cell is noise of either sign.
    if reading.in_compliance or reading.conductance > 1 / (SHORT * typical.r_p):
        return Defect.SHORT
    return Defect.OPEN if reading.conductance < 1 / (_OPEN * typical.r_ap) else Defect.NONE


def probe_cells(shape: tuple[int, int], *, avoid: frozenset[Cell] = frozenset()) -> list[Cell]:
    """Cells spread over the diagonal, so that no line is probed twice; of lines that are not all to be avoided."""
    left = [Cell(row, col) for row in range(1, shape[0] + 1) for col in range(1, shape[1] + 1)]
    left = [cell for cell in left if cell not in avoid]
    rows, cols = sorted({cell.row for cell in left}), sorted({cell.col for cell in left})
    count = min(len(rows), len(cols), _PROBES)
    places = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    return [Cell(rows[round(float(p) * (len(rows) - 1))], cols[round(float(p) * (len(cols) - 1))]) for p in places]


def write_amplitudes(switching: Amplitudes) -> Amplitudes:
    """Amplitudes [V] to write with, from the median amplitudes that switched probe cells."""
    return Amplitudes(WRITE_MARGIN * switching.ap_to_p, WRITE_MARGIN * switching.p_to_ap)


def probe(shape: tuple[int, int], how: Probing) -> Talk[Typical]:
    """Probe cells of the diagonal, beginning from what the polarity cell needed; lower or higher if it was unusual."""
    for _ in range(_PROBINGS):
        seen, lowest, resistances = yield from _probe_once(shape, how)
        if any(lowest[target] > len(seen[target]) for target in State):
            how = _scaled(how, _LOWER)  # most switched at the first pulse: the polarity cell needed more than they do
        elif not all(seen.values()):
            how = _scaled(how, 1.0 / _LOWER)
        else:
            return Typical(
                r_p=float(np.median(resistances[State.P])),
                r_ap=float(np.median(resistances[State.AP])),
                switching=Amplitudes(float(np.median(seen[State.P])), float(np.median(seen[State.AP]))),
            )
    raise BenchError("no cell of the diagonal switched both ways; check the contact to the array and the limits")


def _scaled(how: Probing, factor: float) -> Probing:
    polarity = how.polarity
    volts = {"ap_to_p": factor * polarity.ap_to_p, "p_to_ap": factor * polarity.p_to_ap}
    return replace(how, polarity=replace(polarity, **volts))


_Seen = dict[State, list[float]]


def _probe_once(shape: tuple[int, int], how: Probing) -> Talk[tuple[_Seen, dict[State, int], _Seen]]:
    """Raise pulses on cells of the diagonal until each has gone to and fro: towards P, AP, and P once more.

    So each direction begins from the other state and from a low amplitude. A pulse that switches at the lowest
    amplitude says too little: it is counted by itself. Amplitudes [V], those counts, and resistances [ohm].
    """
    seen: _Seen = {State.P: [], State.AP: []}
    resistances: _Seen = {State.P: [], State.AP: []}
    lowest = dict.fromkeys(State, 0)
    for cell in probe_cells(shape, avoid=how.avoid):
        (before,) = yield Look((cell,))
        for target in (State.P, State.AP, State.P):
            reached = yield from _ramp(cell, target, before, how)
            if reached is None:
                continue  # it is in this state already, or cannot be moved
            share, after = reached
            if share <= _PROBE_START:
                # An open cell shows nothing but noise, which changes at the first pulse as at any other.
                (again,) = yield Look((cell,))
                if not 1 / CONTRAST < again.conductance / after.conductance < CONTRAST:
                    break
                lowest[target] += 1
            else:
                seen[target].append(share * _needed(how.polarity, target))
            resistances[target].append(after.resistance)
            resistances[target.other].append(before.resistance)
            before = after
        yield Done(0)
    return seen, lowest, resistances


def _needed(polarity: Polarity, target: State) -> float:
    """Amplitude [V] that wrote `target` on the cell on which the polarity was found."""
    return polarity.ap_to_p if target is State.P else polarity.p_to_ap


def _ramp(cell: Cell, target: State, before: Reading, how: Probing) -> Talk[tuple[float, Reading] | None]:
    """Raise pulses towards `target` until the cell changes; the share of the needed amplitude, and the reading."""
    share = _PROBE_START
    while share <= _PROBE_STOP and not before.in_compliance:
        amplitude = how.polarity.sign(target) * share * _needed(how.polarity, target)
        pulse = Pulse(cell, amplitude, how.width, how.scheme)
        if not how.allowed(pulse):
            return None
        outcome: PulseOutcome = yield pulse
        after: Reading
        (after,) = yield Look((cell,))
        if outcome.in_compliance or after.in_compliance:
            return None
        ratio = after.conductance / before.conductance
        if (ratio > CONTRAST) if target is State.P else (ratio < 1 / CONTRAST):
            return share, after
        share *= _PROBE_STEP
    return None


def _cell(
    cell: Cell, typical: Typical, amplitudes: Amplitudes, how: Probing, before: Reading | None
) -> Talk[tuple[float, float, Defect, int]]:
    """R_P, R_AP, defect and last `State` (-1: none) of one cell, which is switched once."""
    if before is None:
        (before,) = yield Look((cell,))
    assert before is not None
    kind = _kind(before, typical)
    if kind is not Defect.NONE:
        return math.nan, math.nan, kind, -1
    likely = State.P if before.resistance < math.sqrt(typical.r_p * typical.r_ap) else State.AP
    scale = 1.0
    for attempt in range(_TRIES):
        # An unusual cell may be taken for the wrong state: every other try goes the other way.
        target = likely.other if attempt % 2 == 0 else likely
        pulse = Pulse(cell, how.polarity.sign(target) * scale * amplitudes.towards(target), how.width, Scheme.V_HALF)
        if not how.allowed(pulse):
            break
        outcome: PulseOutcome = yield pulse
        if outcome.in_compliance:
            return math.nan, math.nan, Defect.SHORT, -1
        after: Reading
        (after,) = yield Look((cell,))
        if after.in_compliance:
            return math.nan, math.nan, Defect.SHORT, -1
        ratio = after.resistance / before.resistance
        if not 1 / CONTRAST < ratio < CONTRAST:
            low, high = sorted((before.resistance, after.resistance))
            return low, high, Defect.NONE, int(State.P if ratio < 1 else State.AP)
        if attempt % 2:
            scale *= _ESCALATION
    return math.nan, math.nan, Defect.STUCK, -1
