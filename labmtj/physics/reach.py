"""How much of a write pulse reaches the cell it is for, and how much the others get: wires, leads and outputs.

Solved through the network of a die without spread, whose cells stand in both states by turns as those of a written
layer do; with all of them in AP, which loads the lines least, no cell gets less than it would otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.physics.crossbar_plain import MOST_CELLS, PlainCrossbar
from labmtj.physics.schemes import Levels, levels
from labmtj.physics.variation import DieModel
from labmtj.records import Cell, Floats, Scheme, State

_SIDE = 8  # chosen: positions along a side that are solved; what lies between is alike


@dataclass(frozen=True)
class Path:
    """Ohms between a source and its line: relay and lead of each line, and the output of the two pulsing sources."""

    line: float = 0.0
    output: float = 0.0


NO_PATH = Path()


@dataclass(frozen=True, eq=False)
class Reach:
    """Volts over the amplitude: `cells` (positions, rows, cols) when each of `positions` is selected."""

    positions: tuple[Cell, ...]
    cells: Floats

    @property
    def selected(self) -> Floats:
        """Share that the selected cell gets, for each position."""
        return np.array([abs(volts[at.position]) for at, volts in zip(self.positions, self.cells, strict=True)])

    @property
    def others(self) -> Floats:
        """As `cells`, magnitudes, with 0 for the selected cell."""
        found = np.abs(self.cells)
        for volts, at in zip(found, self.positions, strict=True):
            volts[at.position] = 0.0
        return found

    @property
    def nearest(self) -> Cell:
        """The position that gets most."""
        return self.positions[int(np.argmax(self.selected))]

    @property
    def farthest(self) -> Cell:
        """The position that gets least."""
        return self.positions[int(np.argmin(self.selected))]


def reach(
    model: DieModel, *, scheme: Scheme, amplitude: float, path: Path = NO_PATH, state: State | None = None
) -> Reach:
    """Solve pulses of `amplitude` [V between the two lines] on cells all over the array, all in `state` or mixed.

    Raises SolveError where the network has no solution that can be proven.
    """
    shape = (model.rows, model.cols)
    lines = [np.unique(np.linspace(1, count, min(count, _SIDE)).round().astype(int)) for count in shape]
    positions = tuple(Cell(int(row), int(col)) for row in lines[0] for col in lines[1])
    states = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 2 if state is None else np.full(shape, int(state))
    r_p = np.full(shape, model.resistance_area / model.area)
    plain = PlainCrossbar(states, r_p, r_wire=model.wire, tmr0=np.full(shape, model.tmr), v_h=model.v_h, k_p=model.k_p)
    solved = [_solve(model, plain, states, r_p, at, levels(scheme, amplitude), path) / amplitude for at in positions]
    return Reach(positions, np.array(solved))


def _solve(
    model: DieModel,
    plain: PlainCrossbar,
    states: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    r_p: Floats,
    at: Cell,
    volts: Levels,
    path: Path,
) -> Floats:
    """Volts of all cells with `at` selected."""
    row, col = at.position
    others = [np.nan if level is None else level for level in (volts.other_rows, volts.other_cols)]
    rows, cols = np.full(model.rows, others[0]), np.full(model.cols, others[1])
    ohms = np.full(model.rows, path.line), np.full(model.cols, path.line)
    rows[row], cols[col] = volts.row, volts.col
    for line, number in zip(ohms, at.position, strict=True):
        line[number] += path.output
    if states.size <= MOST_CELLS and not np.isnan(others).any():
        found = plain.solve(rows, cols, r_row=ohms[0], r_col=ohms[1])
        if found is not None:
            return found.cell_v
    from labmtj.physics.crossbar import solve_cells  # compiled: only where the lines are long

    return solve_cells(
        states, r_p, rows, cols,
        r_wire=model.wire, tmr0=model.tmr, v_h=model.v_h, k_p=model.k_p, r_row=ohms[0], r_col=ohms[1],
    ).cell_v  # fmt: skip
