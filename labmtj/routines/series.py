"""What wires and contacts take from a cell's reading, from the line resistances that a die map knows.

A read of a cell shows T = G k: its own conductance times what the drops along its row, and the currents that leave
its column through the grounded rows, leave of it. k depends on the states of all cells on the two lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.physics.ohmic import MOST_CELLS, OhmicArray
from labmtj.physics.threads import one_thread
from labmtj.records import DieMap, Floats

_CONTACT_SPREAD = 0.15  # [ohm] chosen: reed relays of 100 to 600 mohm; what a mean contact leaves to each row
_ROUNDS, _DONE = 40, 1e-6
_NOTHING = 1e-9  # [S] chosen: a cell that shows less, or noise below zero, carries nothing that matters


@dataclass(frozen=True, eq=False)
class Alone:
    """Cells without their wires, all (rows, cols).

    `ohms`, the `share` of its row's voltage that each cell sees when it is read, the conductance `shown` [S] then.
    """

    ohms: Floats
    share: Floats
    shown: Floats


def alone(apparent: Floats, *, die: DieMap) -> Alone:
    """Cells whose reads show the conductances `apparent` (rows, cols) [S], all in one pattern of states.

    Without known wires, or for an array beyond physics.ohmic, the cells are as they appear.
    """
    seen = np.where(np.isfinite(apparent) & (apparent > _NOTHING), apparent, _NOTHING)
    lines = _lines(die)
    if lines is None or seen.size > MOST_CELLS:
        return Alone(1 / seen, np.ones_like(seen), seen)
    ohms = 1 / seen
    with one_thread():
        for _ in range(_ROUNDS):
            # A cell that shows less than its wires alone allow, a hard short, stays above zero so.
            ratio = OhmicArray(ohms, lines).transfer / seen
            ohms = ohms * ratio
            if np.abs(ratio - 1).max() < _DONE:
                break
        found = OhmicArray(ohms, lines)
        return Alone(ohms, found.shares, found.transfer)


def read_shares(ohms: Floats, *, die: DieMap) -> tuple[Floats, Floats]:
    """As in `Alone`, the shares and shown conductances of cells of `ohms`."""
    lines = _lines(die)
    if lines is None or ohms.size > MOST_CELLS:
        return np.ones_like(ohms), 1 / ohms
    with one_thread():
        found = OhmicArray(ohms, lines)
        return found.shares, found.transfer


def by_contacts(ohms: Floats) -> Floats:
    """Relative error of cells' resistances from contacts that differ from row to row; (..., rows, 1) of `ohms`.

    A row's own contact carries the current of all its cells, a column's only that of the cell that is read.
    """
    return _CONTACT_SPREAD * np.nansum(1 / ohms, axis=-1, keepdims=True)


def _lines(die: DieMap) -> tuple[float, float, float, float] | None:
    """Resistances of the lines as physics.ohmic wants them, None where they are not known."""
    if die.wire is None:
        return None
    return die.wire, die.wire, die.row_contact or 0.0, die.col_contact or 0.0
