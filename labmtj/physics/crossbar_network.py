"""One crossbar on its way to its operating point: which solver runs, which sources are in compliance.

The methods are described in crossbar, the kernels are in crossbar_sweep, crossbar_newton, crossbar_conjugate
and crossbar_lines. Rows are counted from the bit lines' terminals here, so that every line has its terminal
at node 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_conjugate import conjugate
from labmtj.physics.crossbar_lines import FORCED, HELD, RESISTANCE, balance
from labmtj.physics.crossbar_newton import newton
from labmtj.physics.crossbar_sweep import BASE, LIMIT, R_P, REFERENCE, SERIES, STATE, TMR0, VOLTS, lay_out, sweep
from labmtj.records import Floats

KCL_LIMIT = 1e-9
"""Largest relative imbalance of a node that is still a solution."""
SWEPT_LIMIT = 1e-11
"""Imbalance above which a result of the sweeps is handed to Newton's method."""
SMALL = 900
"""Number of cells up to which lines are solved or rows eliminated (chosen: at 15 x 15 all ways cost the same)."""
_MOST_PORTS = 30_000_000  # numbers that elimination may keep, rows x cols^2: 240 MB


class Network:
    """One crossbar while it is being solved; rows are counted from the bit lines' terminals."""

    def __init__(
        self, cells: Floats, *, row_lines: Floats, col_lines: Floats, r_wire: float, v_h: float, k_p: float
    ) -> None:
        if not (0.0 <= r_wire < math.inf and 0.0 < v_h < math.inf and 0.0 <= k_p < math.inf):
            raise InputError(_complaint(cells, row_lines, col_lines, {"r_wire": r_wire, "v_h": v_h, "k_p": k_p}))
        rows, cols = cells.shape[1:]
        self.lines = row_lines[:, ::-1], col_lines
        self.limited = False
        self.r, self.curve = r_wire, v_h**-2.0
        grid_w, grid_b = np.empty((4, cols, rows)), np.empty((4, rows, cols))
        ends_w, ends_b = np.empty((4, rows)), np.empty((4, cols))
        self.device_w, self.base_w = grid_w[:BASE], grid_w[BASE]
        self.device_b, self.base_b = grid_b[:BASE], grid_b[BASE]
        self.term_w, self.term_b = ends_w[:REFERENCE], ends_b[:REFERENCE]
        self.ref_w: Floats = ends_w[REFERENCE]
        self.ref_b: Floats = ends_b[REFERENCE]
        self.v, self.current, self.slope = np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols))
        self.point = np.zeros(4 * rows * cols)
        self.x, self.flow_w = self.point.reshape(2, 2, cols, rows)[:, 0]
        self.y, self.flow_b = self.point.reshape(2, 2, rows, cols)[:, 1]
        good, self.held, self.bounded, self.scale, self.still = lay_out(
            cells, row_lines, col_lines, self.r, k_p, grid_w, grid_b, ends_w, ends_b,
        )  # fmt: skip
        if not good:
            raise InputError(_complaint(cells, row_lines, col_lines, {"r_wire": r_wire, "v_h": v_h, "k_p": k_p}))
        if not self.held:
            self.reach()

    def offset(self, source: Floats) -> None:
        """Put a source of `source` [V] in series with each cell: (rows, cols), against the current where positive."""
        self.base_w -= source[::-1].T
        self.base_b -= source[::-1]
        self.scale = max(self.scale, float(np.abs(source).max()))

    def reach(self) -> None:
        """Raise SolveError if a line has no path to a driven one."""
        present = self.device_b[0] > 0.0
        rows, cols = self.term_w[HELD] != 0.0, self.term_b[HELD] != 0.0
        for _pass in range(sum(present.shape)):
            before = rows.sum() + cols.sum()
            rows = rows | present[:, cols].any(axis=1)
            cols = cols | present[rows].any(axis=0)
            if rows.sum() + cols.sum() == before:
                break
        names = [f"row {line + 1}" for line in np.flatnonzero(~rows[::-1])]
        names += [f"column {line + 1}" for line in np.flatnonzero(~cols)]
        if names:
            raise SolveError(f"no path to a driven line from {', '.join(names)}; give one of them a voltage")

    def solve(self) -> float:
        """Find the operating point, limits included; return its relative imbalance. Raises SolveError."""
        kcl = self.settle()
        if self.bounded and kcl < KCL_LIMIT:
            kcl = self.limit(kcl)
        # A nan is no solution either.
        if not kcl < KCL_LIMIT:
            rows, cols = self.base_b.shape
            raise SolveError(
                f"a node of the {rows} x {cols} network is out of balance by {kcl:.1e} of the largest line current,"
                f" more than {KCL_LIMIT:.0e}; check r_p and the resistances of the lines"
            )
        return kcl

    def settle(self) -> float:
        """Solve with the lines that are held now; return the relative imbalance."""
        if self.base_b.size > SMALL:
            conjugate(
                self.device_b, self.curve, self.base_b, self.scale, self.r, self.term_w, self.term_b,
                self.x, self.y, self.flow_w, self.flow_b,
            )  # fmt: skip
            kcl = self.imbalance()
            if kcl < SWEPT_LIMIT or self.base_b.size * self.base_b.shape[1] > _MOST_PORTS:
                return kcl
            self.point[:] = 0.0
        elif self.held:
            swept = sweep(
                self.device_w, self.device_b, self.curve, self.base_w, self.base_b, self.scale, self.r,
                self.term_w, self.term_b, self.x, self.y, self.flow_w, self.flow_b,
                np.zeros((4, *self.x.shape)), np.zeros((4, *self.y.shape)),
            )  # fmt: skip
            kcl = self.imbalance()
            if swept and kcl < SWEPT_LIMIT:
                return kcl
            if not kcl < 1.0:  # worse than rest, or nan
                self.point[:] = 0.0
        newton(
            self.device_b, self.curve, self.base_b, self.scale, self.r, self.term_w, self.term_b, self.point,
            self.x, self.y, self.flow_w, self.flow_b, self.v, self.current,
        )  # fmt: skip
        return self.imbalance()

    def imbalance(self) -> float:
        """Fill the cells' voltages and currents; return the largest sum at a node over the largest line current.

        A network without currents is measured by what 1e-5 of its largest voltage would drive through a row.
        """
        _, largest, terminal = balance(
            self.device_b, self.curve, self.base_b, self.x, self.y, self.flow_w, self.flow_b,
            self.v, self.current, self.slope,
        )  # fmt: skip
        return largest / max(terminal, self.still) if largest else 0.0

    def limit(self, kcl: float) -> float:
        """Make lines above their limit sources of current until all lines agree; return the imbalance.

        A limited line whose terminal would pass the voltage of its source is held again. One line changes
        at a time: first the one that is furthest above its limit, since what its limit takes away may
        bring the others below theirs; if that goes round in circles, the first in order that disagrees,
        which cannot (Murty 1974, Opsearch 11, 123, for linear networks).
        """
        sides = zip((self.flow_w, self.flow_b), self.lines, strict=True)
        if all((np.abs(flow[0]) <= lines[LIMIT]).all() for flow, lines in sides):
            return kcl
        lines = np.concatenate(self.lines, axis=1)
        driven, most, rows = ~np.isnan(lines[VOLTS]), np.maximum(lines[LIMIT], 1e-300), self.term_w.shape[1]
        for turn in range(20 * lines.shape[1]):
            term = np.concatenate((self.term_w, self.term_b), axis=1)
            flow = np.concatenate((self.flow_w[0], self.flow_b[0]))
            held, forced = term[HELD] != 0.0, term[FORCED]
            above = held & (np.abs(flow) > most * (1.0 + 1e-9))
            volts = np.concatenate((self.x[0], self.y[0])) + term[RESISTANCE] * forced
            passed = driven & ~held & (volts * np.sign(forced) > 1e-9 * self.scale)
            if not above.any() and not passed.any():
                self.limited = bool((driven & ~held).any())
                return kcl
            if turn > 2 * lines.shape[1] or not above.any():
                line = int((above | passed).argmax())
            else:
                line = int(np.where(above, np.abs(flow) / most, 0.0).argmax())
            if above[line]:
                term[HELD, line], term[FORCED, line] = 0.0, math.copysign(float(lines[LIMIT, line]), float(flow[line]))
                if not term[HELD].any():
                    # Somebody must hold a voltage: the first line that the new limit relieves.
                    line = int((driven & (forced * term[FORCED, line] < 0.0)).argmax())
                    term[HELD, line], term[FORCED, line] = 1.0, 0.0
            else:
                term[HELD, line], term[FORCED, line] = 1.0, 0.0
            self.term_w[:], self.term_b[:] = term[:, :rows], term[:, rows:]
            self.rest()
            kcl = self.settle()
            if not kcl < KCL_LIMIT:
                return kcl
        raise SolveError("no set of sources satisfies the current limits; raise one of limit_row, limit_col")

    def rest(self) -> None:
        """Go back to no currents but the forced ones, so that no round depends on the one before."""
        self.point[:] = 0.0
        self.flow_w[0], self.flow_b[0] = self.term_w[FORCED], self.term_b[FORCED]
        self.held = bool(self.term_w[HELD].all() and self.term_b[HELD].all())

    def nodes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Cell voltages, cell currents, word line and bit line nodes, (rows, cols), rows in their own order."""
        word = (self.x + self.ref_w).T[::-1]
        return self.v[::-1], self.current[::-1], word, (self.y + self.ref_b)[::-1]

    def terminals(self) -> tuple[Floats, Floats]:
        """Currents into the rows, in their own order, and out of the columns."""
        return self.flow_w[0, ::-1], -self.flow_b[0]

    def in_compliance(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which rows, in their own order, and which columns are limited."""
        if not self.limited:
            return np.zeros(self.ref_w.size, np.bool_), np.zeros(self.ref_b.size, np.bool_)
        return _limited(self.term_w, self.lines[0])[::-1].copy(), _limited(self.term_b, self.lines[1])


def _limited(term: Floats, lines: Floats) -> NDArray[np.bool_]:
    """Which driven terminals became sources of current."""
    return (term[HELD] == 0.0) & ~np.isnan(lines[VOLTS])


def _complaint(cells: Floats, row_lines: Floats, col_lines: Floats, numbers: dict[str, float]) -> str:
    """Say which argument is out of range, and where."""
    for name, value in numbers.items():
        above = name == "v_h"
        if not (math.isfinite(value) and value >= 0.0 and not (above and value == 0.0)):
            return f"{name} = {value}; a finite number {'above' if above else 'of at least'} 0 is needed"
    grids = {
        "state": (cells[STATE], np.isin(cells[STATE], (0.0, 1.0, 2.0)), "0 (P), 1 (AP) or 2 (a resistor)"),
        "r_p": (cells[R_P], cells[R_P] > 0.0, "a resistance above 0"),
        "tmr0": (cells[TMR0], (cells[TMR0] >= 0.0) & np.isfinite(cells[TMR0]), "a finite number of at least 0"),
    }
    for name, (values, good, wanted) in grids.items():
        if not good.all():
            row, col = np.argwhere(~good)[0]
            return f"{name} of cell ({row + 1}, {col + 1}) is {values[row, col]:g}; {wanted} is needed"
    for kind, lines in (("row", row_lines), ("col", col_lines)):
        for name, values, good, wanted in (
            (f"{kind}s", lines[VOLTS], ~np.isinf(lines[VOLTS]), "a finite voltage, or nan for floating,"),
            (
                f"r_{kind}",
                lines[SERIES],
                (lines[SERIES] >= 0.0) & np.isfinite(lines[SERIES]),
                "a finite resistance of at least 0",
            ),
            (f"limit_{kind}", lines[LIMIT], lines[LIMIT] >= 0.0, "a current of at least 0"),
        ):
            if not good.all():
                line = int(np.flatnonzero(~good)[0])
                return (
                    f"{name} of {'row' if kind == 'row' else 'column'} {line + 1} is {values[line]}; {wanted} is needed"
                )
    return "an argument is out of range"
