"""Sorting cells: what the map calls defective is looked at again, and working cells that are better avoided are marked.

Leaky and unstable cells are found by reads alone, which are repeated where they look suspicious; back-hopping by
pulses on chosen cells, above the write amplitude as far as the limits allow. Such pulses put up to half of their
voltage on the other cells of their lines, so states are read again after them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import LimitExceeded
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, Defect, DieMap, Finding, Floats, Pulse, State, Trait
from labmtj.routines import classify_rules as rules
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.polarity import CONTRAST
from labmtj.routines.states import all_cells, shown, stand, write

REPEATS, AGAIN = 8, 32
"""Readings of every cell, and of one that looks noisy. chosen: a step of two sigma doubles the variance."""
_TRIALS = 12  # chosen: 8 errors against none are one in 1500 by chance
_SCALES = (1.5, 1.4, 1.3, 1.2)  # chosen: of the write amplitude; the largest that the limits allow is tried
_MOST_WRITES = 4  # chosen: as many as the map gives a cell before it calls it stuck
_LOUDER = (1.15, 1.3, 1.45)  # chosen: of the write amplitude, for cells that the map calls stuck


Mask = NDArray[np.bool_]


class _Tripped(Exception):
    """A source met its limit on a cell, which gets no more pulses."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The finding, and the die map with `traits`, `state` and what was corrected of `defect`."""

    die_map: DieMap
    finding: Finding


def classify(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell] = (),
    wait: float = 0.0,
    tick: Ticker = no_ticks,
) -> Classes:
    """Mark LEAKY, UNSTABLE and, of `cells`, BACK_HOPPING ones; confirm shorts, opens and stuck cells.

    States that flip while all lines are at ground for `wait` [s] are unstable too. Raises LimitExceeded before
    anything is written if the map's amplitudes are above a limit.
    """
    amplitudes = write_amplitudes(die.switching)
    for state in State:
        array.check(Pulse(Cell(1, 1), amplitudes.towards(state), die.width))
    traits = np.zeros(die.shape, dtype=np.int64)
    readings = np.full((*die.shape, REPEATS), np.nan)
    for cell in all_cells(die.shape):
        readings[cell.position] = _readings(array, die, cell, REPEATS)
        tick()
    die = _confirmed(array, die, readings)
    good = die.good
    noise, flipped = _noise(array, die, readings)
    if wait:
        flipped |= _flipped_at_rest(array, die, wait)
    traits[(flipped | noise[1]) & good] |= Trait.UNSTABLE
    leak = _leaks(array, die)
    leaking = rules.leaky(leak, 1 / die.r_p) & good
    traits[leaking] |= Trait.LEAKY
    hopping: list[Cell] = []
    for cell in cells:
        if die.good[cell.position] and _hops(array, die, cell):
            hopping.append(cell)
            traits[cell.position] |= Trait.BACK_HOPPING
        tick()
    known = dataclasses.replace(die, traits=traits, state=stand(array, die, voltage=die.read_voltage).state)
    return Classes(known, _finding(known, leak, noise[0], len(cells)))


def _readings(array: ArrayAccess, die: DieMap, cell: Cell, count: int) -> Floats:
    return np.array([reading.conductance for reading in array.read([cell] * count, voltage=die.read_voltage)])


def _confirmed(array: ArrayAccess, die: DieMap, readings: Floats) -> DieMap:
    """The map with its defects as all readings show them; a cell that it calls stuck is pushed harder.

    Thresholds are those of the map: 0.3 of the median R_P, 5 times the median R_AP; between them a cell is stuck
    unless a larger pulse moves it.
    """
    defect, r_p, r_ap = die.defect.copy(), die.r_p.copy(), die.r_ap.copy()
    mean = readings.mean(axis=-1)
    for row, col in np.argwhere(~die.good).tolist():
        here = mean[row, col]
        if not np.isfinite(here) or here > die.conductance_p / 0.3:
            defect[row, col] = Defect.SHORT
        elif here < die.conductance_ap / 5.0:
            defect[row, col] = Defect.OPEN
        else:
            both = _moved(array, die, Cell(row + 1, col + 1))
            defect[row, col] = Defect.STUCK if both is None else Defect.NONE
            r_ap[row, col], r_p[row, col] = both or (np.nan, np.nan)
    return dataclasses.replace(die, defect=defect, r_p=r_p, r_ap=r_ap)


def _moved(array: ArrayAccess, die: DieMap, cell: Cell) -> tuple[float, float] | None:
    """R_AP and R_P [ohm] of a cell that follows larger pulses, as far as the limits allow them; None if it does not."""
    before = float(np.mean(_readings(array, die, cell, REPEATS)))
    for scale in _LOUDER:
        for target in State:
            if write(array, die, cell, target, scale=scale):
                return None
            after = float(np.mean(_readings(array, die, cell, REPEATS)))
            if np.isnan(after):
                return None
            if not 1 / CONTRAST < after / before < CONTRAST:
                return 1 / min(before, after), 1 / max(before, after)
    return None


def _noise(array: ArrayAccess, die: DieMap, readings: Floats) -> tuple[tuple[Floats, Mask], Mask]:
    """Variance over a quiet cell's, the cells where it is too large, and those that flipped while they were read."""
    mean = readings.mean(axis=-1)
    with np.errstate(invalid="ignore"):
        flipped = (readings.max(axis=-1) / readings.min(axis=-1) > CONTRAST) & die.good
        state = np.where(mean > _threshold(die), int(State.P), int(State.AP))
        variance = rules.relative_variance(readings)
    steady = die.good & ~flipped
    quiet = np.array(rules.quiet_variance(variance[steady], state[steady], repeats=REPEATS))[state]
    # A short lets offsets drive a noisy current into its column, which every cell of the column is read with.
    quiet = quiet * rules.louder_lines(np.where(steady, variance / quiet, np.nan), repeats=REPEATS)
    ratio = variance / quiet
    marked = np.zeros(die.shape, dtype=bool)
    loudness = np.zeros(die.shape)
    for row, col in np.argwhere(rules.noisy(variance, quiet, repeats=REPEATS, false=rules.FIRST_LOOK) & steady):
        again = _readings(array, die, Cell(int(row) + 1, int(col) + 1), AGAIN)
        flipped[row, col] |= again.max() / again.min() > CONTRAST
        loudness[row, col] = rules.relative_variance(again)
        ratio[row, col] = loudness[row, col] / quiet[row, col]
        seen = rules.noisy(loudness[row, col], quiet[row, col], repeats=AGAIN, false=rules.SURE)
        marked[row, col] = bool(seen)
    marked &= ~rules.echoes(np.where(marked, loudness, 0.0))
    return (np.where(die.good, ratio, np.nan), marked), flipped


def _threshold(die: DieMap) -> Floats:
    """Conductance [S] halfway between the states of every cell, (rows, cols)."""
    return 0.5 * (1 / die.r_p + 1 / die.r_ap)


def _flipped_at_rest(array: ArrayAccess, die: DieMap, seconds: float) -> Mask:
    before = stand(array, die, voltage=die.read_voltage).state
    array.rest()
    array.clock.sleep(seconds)
    return before != stand(array, die, voltage=die.read_voltage).state


def _leaks(array: ArrayAccess, die: DieMap) -> Floats:
    """Leak of every cell; those that look suspicious are measured again in both states."""
    g_p, g_ap = 1 / die.r_p, 1 / die.r_ap
    leak = rules.leaks(g_p, g_ap)
    with np.errstate(invalid="ignore"):
        suspicious = np.argwhere(leak > rules.LEAST_LEAK / 2)
    for row, col in suspicious.tolist():
        cell = Cell(row + 1, col + 1)
        try:
            means = {state: _in_state(array, die, cell, state) for state in State}
        except _Tripped:
            means = dict.fromkeys(State, np.nan)
        g_p[row, col], g_ap[row, col] = means[State.P], means[State.AP]
    return rules.leaks(g_p, g_ap)


def _in_state(array: ArrayAccess, die: DieMap, cell: Cell, state: State) -> float:
    """Mean conductance [S] of a cell in a state; nan if it cannot be written."""
    for _ in range(_MOST_WRITES):
        readings = array.read([cell] * REPEATS, voltage=die.read_voltage)
        if all(shown(die, reading) == state for reading in readings):
            return float(np.mean([reading.conductance for reading in readings]))
        if any(reading.in_compliance for reading in readings) or write(array, die, cell, state):
            raise _Tripped
    return float("nan")


def _hops(array: ArrayAccess, die: DieMap, cell: Cell) -> bool:
    """Whether either polarity fails more often at a larger amplitude than at the write amplitude."""
    try:
        return any(_fails_more(array, die, cell, target) for target in State)
    except _Tripped:
        return False


def _fails_more(array: ArrayAccess, die: DieMap, cell: Cell, target: State) -> bool:
    scale = _largest(array, die, cell, target)
    if scale is None:
        return False
    high = _errors(array, die, cell, target, scale)
    # Only what fails at the larger amplitude needs the comparison.
    return high >= 2 and rules.rises((_errors(array, die, cell, target, 1.0), high), trials=_TRIALS)


def _largest(array: ArrayAccess, die: DieMap, cell: Cell, target: State) -> float | None:
    """The largest of the scales that the limits allow; None if there is none."""
    amplitude = write_amplitudes(die.switching).towards(target)
    for scale in _SCALES:
        try:
            array.check(Pulse(cell, scale * amplitude, die.width))
        except LimitExceeded:
            continue
        return scale
    return None


def _errors(array: ArrayAccess, die: DieMap, cell: Cell, target: State, scale: float) -> int:
    """How many of the trials did not leave the cell in `target`, each from the other state."""
    errors = 0
    for _ in range(_TRIALS):
        if np.isnan(_ready(array, die, cell, target.other)):
            continue  # not in the other state, so not a trial that could fail
        if write(array, die, cell, target, scale=scale):
            raise _Tripped
        errors += shown(die, array.read([cell], voltage=die.read_voltage)[0]) != target
    return errors


def _ready(array: ArrayAccess, die: DieMap, cell: Cell, state: State) -> float:
    """Put a cell in a state with as many pulses as it takes; its conductance [S], nan if it does not follow."""
    for _ in range(_MOST_WRITES):
        reading = array.read([cell], voltage=die.read_voltage)[0]
        if shown(die, reading) == state:
            return reading.conductance
        if reading.in_compliance or write(array, die, cell, state):
            raise _Tripped
    return float("nan")


def _finding(die: DieMap, leak: Floats, ratio: Floats, tried: int) -> Finding:
    traits = np.zeros(die.shape, dtype=np.int64) if die.traits is None else die.traits
    counts = {trait: int(np.count_nonzero(traits & trait)) for trait in (Trait.LEAKY, Trait.UNSTABLE)}
    counts[Trait.BACK_HOPPING] = int(np.count_nonzero(traits & Trait.BACK_HOPPING))
    defects = {kind: int(np.count_nonzero(die.defect == kind)) for kind in Defect if kind is not Defect.NONE}
    names: list[tuple[str, int]] = [
        *((str(kind.name).lower(), count) for kind, count in defects.items()),
        *((str(trait.name).lower(), count) for trait, count in counts.items()),
    ]
    figures: dict[str, float | int | str] = {f"{name}_1": count for name, count in names}
    figures["tried_for_back_hopping_1"] = tried
    line = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in names if count) or "no cell stands out"
    columns = {
        "defect": Column(("row", "col"), die.defect, "1", "0 none, 1 short, 2 open, 3 stuck"),
        "traits": Column(("row", "col"), traits, "1", "sum of 1 leaky, 2 unstable, 4 back-hopping"),
        "leak": Column(("row", "col"), leak, "1", "conductance beside the junction over its own in P"),
        "noise": Column(("row", "col"), ratio, "1", "variance of readings over that of a quiet cell"),
    }
    return Finding("classify", columns, figures, line)
