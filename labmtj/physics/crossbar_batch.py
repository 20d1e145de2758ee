"""Many crossbars at once: those with all lines driven side by side, the others one by one.

`crossbar_many` solves small driven arrays several at a time and proves each. Whatever it does not prove to
1e-11, and every member with a floating line or a limit that is reached, goes through `crossbar_network` like a
single array, with all of its methods. Which way a member takes depends on that member alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_many import BIT, CELL_I, CELL_V, GOAL, WORD, solve_many
from labmtj.physics.crossbar_network import SMALL, SWEPT_LIMIT, Network
from labmtj.physics.crossbar_sweep import LIMIT, R_P, SERIES, STATE, TMR0, VOLTS
from labmtj.physics.mtj import LINEAR
from labmtj.records import Floats, Ints

Flags = NDArray[np.bool_]
_SLACK = 100.0  # chosen: of the goal of a solution that need not be proven, in units of the largest line current
Fields = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Flags, Flags]


@dataclass(frozen=True)
class Currents:
    """What operating points give: `i_row` (members, rows) into the array, `i_col` (members, cols) out of it [A].

    `nodes` are the cell voltages, cell currents, word line and bit line nodes, (4, members, rows, cols), or the
    first of them, or none; `kcl` (members,) as in `crossbar.Solution`.
    """

    nodes: Floats
    i_row: Floats
    i_col: Floats
    kcl: Floats


class Arrays:
    """Arrays of junctions of one size on wires of one kind, kept as the kernels take them.

    `state` (arrays, rows, cols) may be changed in place between solutions. `r_p` [ohm], `tmr0` likewise;
    `r_wire` [ohm], `v_h` [V], `k_p` [1/V^2] as in `crossbar.solve_cells`, which checks them.
    """

    def __init__(
        self, state: NDArray[np.int8], *, r_p: Floats, tmr0: Floats, r_wire: float, v_h: float, k_p: float
    ) -> None:
        self.state, self.r_p, self.tmr0 = state, r_p, tmr0
        self.r_wire, self.v_h, self.k_p = r_wire, v_h, k_p
        self.cells = np.empty((2, *state.shape))
        np.divide(1.0, r_p, out=self.cells[0])
        self.cells[1] = tmr0

    def drive(
        self, rows: Floats, cols: Floats, *, of: Ints, r_row: Floats, r_col: Floats, fields: int = 0, goal: float = GOAL
    ) -> Currents:
        """Solve for terminal voltages `rows` (members, rows), `cols` (members, cols), none floating.

        `of` (members,) says which array each member is; `r_row`, `r_col` [ohm] are (members, lines) or (1, lines).
        `fields` of the four node fields are filled: 0, 1 (cell voltages) or 4. A larger `goal`, of the largest
        voltage, takes fewer steps, and proves less: nodes are in balance to `_SLACK` times it.
        """
        found = self.side_by_side(rows, cols, of=of, r_row=r_row, r_col=r_col, fields=fields, goal=goal)
        limit = SWEPT_LIMIT if goal <= GOAL else max(SWEPT_LIMIT, _SLACK * goal)
        for member in np.flatnonzero(~(found.kcl < limit)).tolist():
            row_lines, col_lines = (
                np.stack([volts[member], np.broadcast_to(ohms, volts.shape)[member], np.full(volts.shape[1], np.inf)])
                for volts, ohms in ((rows, r_row), (cols, r_col))
            )
            self.alone(member, int(of[member]), row_lines, col_lines, found)
        return found

    def side_by_side(
        self, rows: Floats, cols: Floats, *, of: Ints, r_row: Floats, r_col: Floats, fields: int, goal: float = GOAL
    ) -> Currents:
        """As `drive`, but a member that was not proven this way, or that floats, keeps its large `kcl`, or nan."""
        shape = self.state.shape[1:]
        found = Currents(
            np.zeros((fields, len(rows), *shape)),
            np.zeros((len(rows), shape[0])),
            np.zeros((len(rows), shape[1])),
            np.full(len(rows), np.inf),
        )
        if self.state[0].size <= SMALL:
            solve_many(
                self.cells, self.state, of, rows, cols, self.r_wire + r_row, self.r_wire + r_col, self.r_wire,
                self.k_p, self.v_h**-2.0, found.nodes, found.i_row, found.i_col, found.kcl, goal,
            )  # fmt: skip
        return found

    def alone(self, member: int, array: int, row_lines: Floats, col_lines: Floats, found: Currents) -> Network:
        """Solve one member like a single array, into `found`."""
        cells = np.stack([self.r_p[array], self.tmr0[array], self.state[array]])
        try:
            network = Network(
                cells, row_lines=row_lines, col_lines=col_lines, r_wire=self.r_wire, v_h=self.v_h, k_p=self.k_p
            )
            found.kcl[member] = network.solve()
        except SolveError as error:
            raise SolveError(f"member {member} of {len(found.kcl)}, counted from 0: {error}") from error
        for field, values in zip(found.nodes, network.nodes(), strict=False):
            field[member] = values
        found.i_row[member], found.i_col[member] = network.terminals()
        return network


def solve_batch(
    cells: Sequence[Floats], row_lines: Floats, col_lines: Floats, *, of: Ints, r_wire: float, v_h: float, k_p: float
) -> Fields:
    """The fields of a `crossbar.Solution` of many members.

    `cells` are R_P, TMR0, STATE, each (arrays, rows, cols), and `of` (members,) says which array a member is;
    `row_lines` (3, members, rows) and `col_lines` (3, members, cols) hold VOLTS, SERIES, LIMIT.
    """
    members = len(of)
    _check(cells, row_lines, col_lines, of, r_wire=r_wire, v_h=v_h, k_p=k_p)
    state = np.ascontiguousarray(cells[STATE], np.int8)
    arrays = Arrays(state, r_p=cells[R_P], tmr0=cells[TMR0], r_wire=float(r_wire), v_h=float(v_h), k_p=float(k_p))
    r_row, r_col = (
        lines[SERIES, :1] if (lines[SERIES] == lines[SERIES, :1]).all() else lines[SERIES]
        for lines in (row_lines, col_lines)
    )
    found = arrays.side_by_side(
        row_lines[VOLTS], col_lines[VOLTS], of=np.ascontiguousarray(of), r_row=r_row, r_col=r_col, fields=4
    )
    limited_row, limited_col = np.zeros(row_lines.shape[1:], np.bool_), np.zeros(col_lines.shape[1:], np.bool_)
    within = np.ones(members, np.bool_)
    for flow, lines in ((found.i_row, row_lines), (found.i_col, col_lines)):
        if not np.isinf(lines[LIMIT]).all():
            within &= (np.abs(flow) <= lines[LIMIT]).all(axis=1)
    for member in np.flatnonzero(~(within & (found.kcl < SWEPT_LIMIT))).tolist():
        network = arrays.alone(member, int(of[member]), row_lines[:, member], col_lines[:, member], found)
        limited_row[member], limited_col[member] = network.in_compliance()
    cell_v, cell_i, word, bit = (found.nodes[field] for field in (CELL_V, CELL_I, WORD, BIT))
    return word, bit, found.i_row, found.i_col, cell_v, cell_i, found.kcl, limited_row, limited_col


def _check(
    cells: Sequence[Floats], row_lines: Floats, col_lines: Floats, of: Ints, *, r_wire: float, v_h: float, k_p: float
) -> None:
    """Raise InputError, with the member, for an argument out of range."""
    state = cells[STATE]
    good = 0.0 <= r_wire < np.inf and 0.0 < v_h < np.inf and 0.0 <= k_p < np.inf
    good = good and bool((cells[R_P] > 0.0).all() and ((state == 0) | (state == 1) | (state == LINEAR)).all())
    good = good and bool(((cells[TMR0] >= 0.0) & (cells[TMR0] < np.inf)).all())
    for lines in (row_lines, col_lines):
        good = good and not np.isinf(lines[VOLTS]).any() and bool((lines[LIMIT] >= 0.0).all())
        good = good and bool(((lines[SERIES] >= 0.0) & (lines[SERIES] < np.inf)).all())
    for member in range(0 if good else len(of)):
        try:
            Network(
                np.array([part[of[member]] for part in cells], float),
                row_lines=row_lines[:, member],
                col_lines=col_lines[:, member],
                r_wire=float(r_wire),
                v_h=float(v_h),
                k_p=float(k_p),
            )
        except InputError as error:
            raise InputError(f"member {member} of {len(of)}, counted from 0: {error}") from error
        except SolveError:  # of a floating line, which is for later
            continue
