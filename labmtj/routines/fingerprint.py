"""Is this the die that the map is of? A few cells are read and compared with what the map says of them.

Junctions of one die differ by several percent in resistance while a reading repeats within a few per mille, so
the pattern of resistances tells dies apart; defects that are where the map has none tell it, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labmtj.errors import InputError, WrongDie
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Defect, DieMap, Floats, Ints

# chosen: a reading repeats within 0.3 %, telegraph noise is below 5 % and rare, and what other cells' states do to
# the series resistance is some percent at 100 nm, alike for all; dies differ by 4 % (100 nm) to 14 % (15 nm).
_CHANGED = 0.3  # chosen: of a defective cell's conductance; a short and a junction in P differ by more than half
_SAME = 0.5
"""Share of the die's own spread that the median deviation may have; two dies differ by about one."""


@dataclass(frozen=True, eq=False)
class Match:
    """How well a die fits a map: the cells (from 1) and states that were read, and what speaks against it.

    `deviation` is the median of |ln R - ln R of the map| once the common part is taken off, `spread` what it
    would be for another die of the same kind, `misplaced` cells that are defective here or there only.
    """

    cells: tuple[Cell, ...]
    states: Ints
    deviation: float
    spread: float
    misplaced: tuple[Cell, ...]

    @property
    def same(self) -> bool:
        """Whether this is the die of the map."""
        return self.deviation < _SAME * self.spread and len(self.misplaced) <= max(1, len(self.cells) // 12)

    @property
    def line(self) -> str:
        """What a person reads."""
        said = (
            f"{len(self.cells)} cells read: off by {100 * self.deviation:.2f} %, another die {100 * self.spread:.1f} %"
        )
        return said + (f"; {len(self.misplaced)} defects differ" if self.misplaced else "")

    def insist(self, name: str) -> None:
        """Raise WrongDie if this is another die than that of the map called `name`."""
        if not self.same:
            where = ", ".join(str(cell) for cell in self.misplaced[:4])
            raise WrongDie(
                f"{name} is the map of another die: {self.line}{f' (at {where})' if where else ''}. Map this die "
                "(a map step), or look which die is in the probe card"
            )

    def updated(self, die: DieMap) -> DieMap:
        """The map with the states that were seen just now; what was not read is unknown."""
        state = np.full(die.shape, -1, dtype=np.int64)
        for cell, found in zip(self.cells, self.states.tolist(), strict=True):
            state[cell.position] = found
        return replace(die, state=state)


def compare(array: ArrayAccess, die: DieMap, *, cells: int, tick: Ticker = no_ticks) -> Match:
    """Read `cells` cells spread over the array, the map's defects among them, and compare.

    Raises InputError for a map of another size, or of too few good cells to tell.
    """
    if array.shape != die.shape:
        raise InputError(f"the map is of {die.shape[0]} x {die.shape[1]} cells, the array has {array.shape}")
    if int(die.good.sum()) < 3:
        raise InputError("the map has too few good cells to tell dies apart")
    chosen = _chosen(die, cells)
    readings = array.read(chosen, voltage=die.read_voltage)
    tick(len(chosen))
    states: list[int] = []
    ratios: list[float] = []
    misplaced: list[Cell] = []
    span = (0.3 * float(np.nanmin(die.r_p)), 3.0 * float(np.nanmax(die.r_ap)))
    for cell, reading in zip(chosen, readings, strict=True):
        known = die.defect[cell.position]
        alive = not reading.in_compliance and span[0] < reading.resistance < span[1]
        if die.fixed is not None and known in (Defect.SHORT, Defect.OPEN):
            # Behind a transistor a short conducts little more than a junction: it must conduct what it did.
            least = max(float(die.fixed[cell.position]), die.conductance_ap)
            alive = not abs(reading.conductance - float(die.fixed[cell.position])) < _CHANGED * least
        if known in (Defect.SHORT, Defect.OPEN) or not alive:
            states.append(-1)
            if alive or known not in (Defect.SHORT, Defect.OPEN):
                misplaced.append(cell)
            continue
        if known != Defect.NONE:
            states.append(-1)
            continue
        near = np.log(reading.resistance / np.array([die.r_p[cell.position], die.r_ap[cell.position]]))
        state = int(np.argmin(np.abs(near)))
        states.append(state)
        ratios.append(float(near[state]))
    found = np.array(ratios)
    deviation = float(np.median(np.abs(found - np.median(found)))) if found.size else np.inf
    return Match(tuple(chosen), np.array(states, dtype=np.int64), deviation, _between_dies(die), tuple(misplaced))


def _chosen(die: DieMap, count: int) -> list[Cell]:
    """Half of the map's shorts and opens at most a third of the cells, the rest spread over the array."""
    rows, cols = die.shape
    bad = [
        Cell(int(r) + 1, int(c) + 1) for r, c in np.argwhere((die.defect == Defect.SHORT) | (die.defect == Defect.OPEN))
    ]
    chosen = bad[: count // 3]
    # A step of about the golden ratio of the cells visits rows and columns evenly.
    total = rows * cols
    step = next(n for n in range(max(1, round(0.618 * total)), total + 1) if np.gcd(n, total) == 1)
    place = 0
    while len(chosen) < min(count, total):
        cell = Cell(place // cols + 1, place % cols + 1)
        if cell not in chosen:
            chosen.append(cell)
        place = (place + step) % total
    return sorted(chosen)


def _between_dies(die: DieMap) -> float:
    """Median of |ln R_a - ln R_b| for cells of two dies of this kind, from the spread of this one [1].

    What the wires do along rows and columns is alike on all dies and taken off first.
    """
    found: list[Floats] = []
    for values in (die.r_p, die.r_ap):
        logs = np.where(die.good, np.log(values), np.nan)
        for axis in (0, 1, 0, 1):
            middle = np.nanmean(np.where(die.good.any(axis=axis, keepdims=True), logs, 0.0), axis=axis, keepdims=True)
            logs = logs - middle
        found.append(logs[die.good])
    # Two dies: the square root of 2 more; the reading is taken for the nearer state, which changes little.
    return float(np.sqrt(2.0) * np.median(np.abs(np.concatenate(found))))
