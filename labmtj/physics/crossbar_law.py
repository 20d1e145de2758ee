"""Crossbars of cells of any law: Newton's method around the exact solution of a linear crossbar.

A cell's tangent at the voltage u, i(u) + s (v - u), is a resistor 1/s in series with a source of the voltage
u - i(u)/s. Such a network is a linear one whose cells count their voltages from elsewhere, so crossbar_network
solves it exactly, whatever floats and whatever is limited. Its solution gives the next u.

The operating point is the minimum of a convex function as long as every cell's current increases with its
voltage, and every step goes downhill in it. Along a step d the function's slope is the sum of m d over the cells,
m being the current of a cell beyond what its wires carry: negative at the start, zero at the minimum. A step that
would end well beyond the minimum is halved until it does not.

Cost: a linear solution a step, three steps for junctions, more for steeper laws; the law is evaluated three times
a step, on the whole array.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_network import KCL_LIMIT, Network
from labmtj.physics.crossbar_sweep import VOLTS
from labmtj.physics.mtj import LINEAR
from labmtj.records import Floats

Law = Callable[[Floats], ArrayLike]
Flags = NDArray[np.bool_]
Fields = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Flags, Flags]

_MOST_STEPS = 200
_MOST_HALVINGS = 40
_PROVEN = 1e-12  # of the largest line current: what a cell may carry beyond its wires at the end
_OVERSHOT = 0.5  # of the slope at a step's start: what may be left beyond the minimum (chosen)
_NEAR = 1e-5  # of the largest voltage: half the distance over which a derivative is taken (chosen: near eps^(1/3))
_ROUNDED = 1e-13  # of a current: a fall that is no more than rounding
_LEAST = 1e-18
"""Smallest slope of a cell [S]: a law that saturates has none, and a tangent needs one (chosen: below any cell)."""


def solve_biases(g_of_v: Law, row_lines: Floats, col_lines: Floats, *, wire: float) -> Fields:
    """The fields of a `crossbar.Solution` of one array at many biases.

    `g_of_v` as in `crossbar.solve`; `row_lines` (3, members, rows) and `col_lines` (3, members, cols) hold VOLTS,
    SERIES, LIMIT. Raises InputError and SolveError as `crossbar.solve`.
    """
    members, rows, cols = *row_lines.shape[1:], col_lines.shape[2]
    word, bit, cell_v, cell_i = np.empty((4, members, rows, cols))
    into, out_of, kcl = np.empty((members, rows)), np.empty((members, cols)), np.empty(members)
    limited_row, limited_col = np.zeros((members, rows), np.bool_), np.zeros((members, cols), np.bool_)
    for at in range(members):
        network, cell_v[at], kcl[at] = _solve(g_of_v, row_lines[:, at], col_lines[:, at], wire)
        _, cell_i[at], word[at], bit[at] = network.nodes()
        into[at], out_of[at] = network.terminals()
        limited_row[at], limited_col[at] = network.in_compliance()
    return word, bit, into, out_of, cell_v, cell_i, kcl, limited_row, limited_col


def _solve(g_of_v: Law, row_lines: Floats, col_lines: Floats, wire: float) -> tuple[Network, Floats, float]:
    """Solve for one bias; return the last step's network, the cells' voltages [V] and the relative imbalance."""
    shape = row_lines.shape[1], col_lines.shape[1]
    near = _NEAR * max(1e-3, *(float(np.nanmax(np.abs(part[VOLTS]), initial=0.0)) for part in (row_lines, col_lines)))
    at = np.zeros(shape)
    drawn, carried = _current(g_of_v, at), np.zeros(shape)
    if not np.isfinite(drawn).all():
        raise InputError("g_of_v gives an infinite conductance at 0 V; give its limit there")
    kcl = left = np.inf
    for _step in range(_MOST_STEPS):
        slope = _slope(g_of_v, at, near)
        present = (slope > 0.0) | (drawn != 0.0)
        ohms = np.divide(1.0, np.maximum(slope, _LEAST), out=np.full(shape, np.inf), where=present)
        source = np.where(present, at - drawn / np.maximum(slope, _LEAST), 0.0)
        network = Network(
            np.stack([ohms, np.zeros(shape), np.full(shape, float(LINEAR))]),
            row_lines=row_lines, col_lines=col_lines, r_wire=wire, v_h=1.0, k_p=0.0,
        )  # fmt: skip
        network.offset(source)
        kcl = network.settle()  # on the way it need not be proven
        if network.bounded and kcl < KCL_LIMIT:
            kcl = network.limit(kcl)
        cell_v, wired = network.nodes()[:2]
        into, out_of = network.terminals()
        largest = max(float(np.abs(into).max()), float(np.abs(out_of).max()), network.still)
        step, begun, share = cell_v + source - at, carried, 1.0
        # The first step starts from cells at no voltage, which no wiring has: there is nothing to go down yet.
        allowed = _OVERSHOT * abs(float(((drawn - begun) * step).sum())) if np.isfinite(left) else np.inf
        before, reached = left, at
        for _halving in range(_MOST_HALVINGS):
            reached, carried = at + share * step, begun + share * (wired - begun)
            drawn = _current(g_of_v, reached)
            missing = drawn - carried
            left = float(np.abs(missing).max()) / largest if largest else 0.0
            with np.errstate(invalid="ignore"):  # a current may be infinite
                beyond = float((missing * step).sum())
            if left <= _PROVEN or (beyond <= allowed and beyond < np.inf):
                break
            share *= 0.5
        at = reached
        # What is left may be rounding, where the law is steep: then it no longer falls.
        if not np.isfinite(left):
            break
        if share == 1.0 and kcl < KCL_LIMIT and (left <= _PROVEN or (left < KCL_LIMIT and left > 0.5 * before)):
            return network, at, max(kcl, left)
    raise SolveError(
        f"the {shape[0]} x {shape[1]} network is out of balance by {max(kcl, left):.1e} of the largest line current, "
        f"more than {KCL_LIMIT:.0e}; check that g_of_v is continuous and that no line depends on leakage alone"
    )


def _current(g_of_v: Law, volts: Floats) -> Floats:
    """Currents of all cells [A], inf where too large; raises InputError where the law gives no conductance."""
    with np.errstate(over="ignore", invalid="ignore"):
        siemens = np.asarray(g_of_v(volts.copy()), float)
    try:
        siemens = np.broadcast_to(siemens, volts.shape)
    except ValueError as error:
        raise InputError(f"g_of_v gives the shape {siemens.shape} for voltages of {volts.shape}") from error
    good = siemens >= 0.0  # it may be too large for a float at a voltage that a step tries
    if not good.all():
        row, col = np.argwhere(~good)[0].tolist()
        raise InputError(
            f"g_of_v gives {siemens[row, col]} S for cell ({row + 1}, {col + 1}) at {volts[row, col]:.4g} V; "
            "a conductance of at least 0 is needed"
        )
    with np.errstate(invalid="ignore"):
        return siemens * volts


def _slope(g_of_v: Law, volts: Floats, near: float) -> Floats:
    """Derivatives of all currents [S]; raises InputError where one is negative."""
    above, below = _current(g_of_v, volts + near), _current(g_of_v, volts - near)
    rise = above - below
    falls = rise < -_ROUNDED * (np.abs(above) + np.abs(below))
    if falls.any():
        row, col = np.argwhere(falls)[0].tolist()
        raise InputError(
            f"the current of cell ({row + 1}, {col + 1}) falls with its voltage near {volts[row, col]:.4g} V: such an "
            "array may have no single operating point"
        )
    return np.maximum(rise, 0.0) / (2.0 * near)
