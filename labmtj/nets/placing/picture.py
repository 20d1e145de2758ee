"""What a die map says of every cell as a weight: known, defective, or unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import PlacementError
from labmtj.records import Defect, DieMap, Floats, Ints, State

# chosen: the map gives a short no resistance; those of the default dies lie between 100 and 300 ohm. The doubt keeps
# two shorts from being set off against each other.
SHORT, SHORT_DOUBT = 1.0 / 200.0, 1.0 / 400.0


# chosen: in units of how far the gains of neighbouring columns differ by the wires; 1 leaves more of the error at 75
# and 100 nm with 20 ohm, 6 and 12 no less.
_LOADED = 3.0


@dataclass(frozen=True, eq=False)
class Picture:
    """Every cell in units of the median window Gon - Goff of the good cells.

    `value` (2, rows, cols): conductance with the cell written to P, to AP, expected where the map has none;
    `doubt` (rows, cols): variance of what is expected. `gain` (cols,): median window of a column's good cells. `apart`
    (cols, cols): variance that the states of other cells add to the difference of two columns through the wires.
    """

    value: Floats
    doubt: Floats
    gain: Floats
    apart: Floats


def picture(die: DieMap) -> Picture:
    """What a map says of each cell, and what is to be expected where it says nothing.

    A stuck cell counts as the state that it is in where the map knows it, else as the middle of the two, with half a
    window of doubt. Raises PlacementError for a map without a good cell.
    """
    if not die.good.any():
        raise PlacementError("the map shows no good cell: there is nowhere to place a layer")
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.where(die.good, np.stack([1.0 / die.r_p, 1.0 / die.r_ap]), np.nan)
    window = both[0] - both[1]
    typical = float(np.median(window[die.good]))
    row, col = _lines(window / typical, axis=1), _lines(window / typical, axis=0)
    gain = row[:, np.newaxis] * col[np.newaxis, :]
    value: Floats = np.where(die.good, both, np.stack([die.conductance_p * gain, die.conductance_ap * gain]))
    stuck, doubt = die.defect == Defect.STUCK, np.zeros(die.shape)
    state: Ints = np.full(die.shape, -1, dtype=np.int64) if die.state is None else die.state
    in_p: Floats = value[0]
    in_ap: Floats = value[1]
    as_it_is: Floats = np.where(state == State.AP, in_ap, 0.5 * (in_p + in_ap))
    as_it_is = np.where(state == State.P, in_p, as_it_is)
    doubt[stuck & (state < 0)] = 0.25
    value = np.where(stuck, as_it_is, value)
    short = die.defect == Defect.SHORT
    value, doubt = np.where(short, SHORT, value), np.where(short, (SHORT_DOUBT / typical) ** 2, doubt)
    value = np.where(die.defect == Defect.OPEN, 0.0, value)
    number = np.arange(len(col), dtype=np.float64)
    centred = number - number.mean()
    slope = float(centred @ col) / max(float(centred @ centred), 1.0)
    apart = (_LOADED * slope * (number[:, np.newaxis] - number)) ** 2
    return Picture(value / typical, doubt, col, apart)


def _lines(values: Floats, *, axis: int) -> Floats:
    """Median of every line without its unknown cells; 1 for a line of which nothing is known."""
    known = np.isfinite(values).any(axis=axis, keepdims=True)
    return np.nanmedian(np.where(known, values, 1.0), axis=axis)
