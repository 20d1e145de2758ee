"""Is the set-up still what the map was made with: R_P of cells that are in P, cells that have become shorts, leakage.

Small looks between steps and while cells are written, against the die map; nothing is written for them. A cell that
was flipped is not drift, so only cells that read as P count. Shorts are looked for in sums of many cells, and only
where a sum is too large are its cells read one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.ports import ArrayAccess, GatedArray
from labmtj.records import Cell, DieMap, Floats, Ints, State
from labmtj.routines.characterise import SHORT
from labmtj.routines.chips.mapping import SHORT as GATED_SHORT
from labmtj.routines.writing.picture import Picture

PROBES = 7  # chosen: as many as the map takes for its amplitudes; the median's error is 0.5 of one cell's scatter
_LEAST = 3  # chosen: a median of fewer is one cell's telegraph noise
_REPEATS = 8  # chosen: of leakage; on a range of 1 mA one reading scatters by some 5 nA
UNKNOWN = -1


def probes(die: DieMap, states: Ints, *, count: int = PROBES) -> list[Cell]:
    """Good cells spread over the array to read for drift: those known to be in P, others only where these are few.

    `states` (rows, cols) are `State` values, -1 where unknown.
    """
    for wanted in (die.good & (states == State.P), die.good & (states != State.AP), die.good):
        found = np.argwhere(wanted)
        if len(found) >= count:
            break
    places = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int))
    return [Cell(int(row) + 1, int(col) + 1) for row, col in found[places]]


def drift_of_r_p(array: ArrayAccess, die: DieMap, cells: Sequence[Cell], *, read: float) -> tuple[float, int]:
    """Median of R / R_P - 1 over those of `cells` that read as P at `read` [V], and how many these are.

    The map's R_P is that at its own read voltage. nan where fewer than three (or than `cells`) are in P.
    """
    ratios: list[float] = []
    for reading in array.read(cells, voltage=read):
        if die.good[reading.cell.position] and die.state_of(reading) is State.P:
            ratios.append(reading.resistance / float(die.r_p[reading.cell.position]) - 1.0)
    enough = len(ratios) >= min(_LEAST, len(cells))
    return (float(np.median(ratios)) if ratios and enough else float("nan")), len(ratios)


def leakage(array: ArrayAccess, *, read: float) -> tuple[float, float]:
    """Magnitude of the current [A] into all columns with the drive at `read` [V] and no row on it, and its error.

    Offsets cancel. On a chip all rows of its first kernel are driven, with all gates closed. inf beyond the range.
    """
    found = [array.total((), range(1, array.shape[1] + 1), voltage=read) for _ in range(_REPEATS)]
    if any(one.in_compliance for one in found):
        return float("inf"), 0.0
    currents = np.array([one.current for one in found])
    return abs(float(currents.mean())), float(currents.std(ddof=1)) / _REPEATS**0.5


def new_shorts(array: ArrayAccess, die: DieMap, states: Ints, *, read: float, picture: Picture) -> list[Cell]:
    """Cells that the map has as good and that read as shorts at `read` [V] now.

    A short that conducts little may hide in a sum of cells whose states, or whose wires, are not known.
    """
    expected = _expected(die, states, read=read, picture=picture)
    times = GATED_SHORT if isinstance(array, GatedArray) else 1.0 / SHORT
    least = read * (times - 1.0) * die.conductance_p  # what the smallest short adds to a cell in P
    found: list[Cell] = []
    for rows, cols in _groups(array, die):
        total = array.total(rows, cols, voltage=read)
        at = np.ix_(np.array(rows) - 1, np.array(cols) - 1)
        if total.in_compliance or total.current > float(expected[at].sum()) + 0.5 * least:
            readings = array.read([Cell(row, col) for row in rows for col in cols], voltage=read)
            most = times * die.conductance_p
            found += [one.cell for one in readings if one.in_compliance or one.conductance > most]
    return found


def _groups(array: ArrayAccess, die: DieMap) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Good cells whose sum is one reading: those of a row, or of a column of a kernel on a chip."""
    good = die.good
    if isinstance(array, GatedArray):
        each = array.shape[0] // array.kernels
        ranges = [range(kernel * each, (kernel + 1) * each) for kernel in range(array.kernels)]
        found = [(tuple(r + 1 for r in rows if good[r, c]), (c + 1,)) for rows in ranges for c in range(good.shape[1])]
    else:
        found = [((row + 1,), tuple((np.flatnonzero(good[row]) + 1).tolist())) for row in range(good.shape[0])]
    return [(rows, cols) for rows, cols in found if rows and cols]


def _expected(die: DieMap, states: Ints, *, read: float, picture: Picture) -> Floats:
    """Currents [A] of all cells in their states, those of unknown state as in P: (rows, cols)."""
    known = np.where(states == UNKNOWN, int(State.P), states)
    if picture.model is None:
        return read * die.conductance(known)
    return picture.row_currents(range(1, die.shape[0] + 1), state=known, voltage=read)[0]
