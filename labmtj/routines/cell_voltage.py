"""What a pulse between two terminals puts on the cell, and which pulse puts a wanted voltage on it.

Wires, contacts and the half-selected cells of the same lines take a share. It follows from the die map: the
crossbar of the measured resistances is solved for each cell (physics.crossbar_stack). What a map's readings lost in
the same wires is put back first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_plain import pace_for
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.records import Cell, Defect, Floats, Ints, State

SHORT_OHM = 200.0  # chosen: middle of 100-300 ohm (defaults of the dies), for shorts whose resistance nobody measured
OPEN_OHM = 1e12  # chosen: what an open cell lets through is nothing to the others
_SETTLED = 3e-4  # chosen: of a reading; what unknown states of the others make of it is ten times more
_MOST_TURNS, _CLOSE = 30, 1e-5  # of the wanted voltage (chosen); a turn gains two digits


def crossbar_of(
    r_p: Floats,
    *,
    r_ap: Floats,
    defect: Ints,
    read_voltage: float,
    wire: float,
    row_contact: float | None = None,
    col_contact: float | None = None,
    v_h: float = 0.5,
    k_p: float = 0.2,
    state: ArrayLike = -1,
) -> Crossbar:
    """The crossbar behind a map's readings `r_p`, `r_ap` [ohm] (rows, cols), each cell read at `read_voltage` [V].

    A reading is the row's voltage over the column's current, all other lines at ground: what wires (`wire` [ohm] a
    segment) and contacts took is put back, for other cells in `state` (-1: unknown) meanwhile. Where a reading is
    nan the cell is what `defect` says; a stuck one is taken for the median cell. `v_h` [V] and `k_p` [1/V2]
    default to the assumed law (data/reference/mtj-dies.yaml). Raises InputError for a map without a good cell.
    """
    good = (defect == Defect.NONE) & np.isfinite(r_p) & np.isfinite(r_ap)
    if not good.any():
        raise InputError("the die map has no cell with both resistances: map the die first")
    seen = [np.where(good, readings, np.median(readings[good])) for readings in (r_p, r_ap)]
    fixed = (defect == Defect.SHORT) | (defect == Defect.OPEN)
    at_fault = np.where(defect == Defect.OPEN, OPEN_OHM, np.where(np.isfinite(r_p), r_p, SHORT_OHM))
    fall = 1.0 + (read_voltage / v_h) ** 2
    cells = [Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(np.full(r_p.shape, fill_value=True))]
    own = [readings.copy() for readings in seen]

    def crossbar() -> Crossbar:
        zero_bias = np.where(fixed, at_fault, own[0] * (1.0 + k_p * read_voltage**2))
        tmr0 = np.where(fixed, 0.0, np.maximum(fall * (own[1] / zero_bias - 1.0), 0.0))
        return Crossbar(zero_bias, tmr0, wire, row_contact or 0.0, col_contact or 0.0, v_h, k_p)

    # A cell that conducts more takes voltage from the others: what all readings follow of a common change is down to
    # 1 / (1 + load), so the corrections take Chebyshev's steps. They are of logarithms. All of them follow what one
    # solution a row says, which is nearly right; what it lacks is looked up in the exact one, cell by cell.
    rows, cols = _lines(crossbar(), cells, np.full(len(cells), read_voltage), np.zeros(len(cells)))
    load = crossbar().load(state=np.full(r_p.shape, State.P))
    # Where wires take most of the voltage, a reading's own error counts for more.
    enough = _SETTLED * (1.0 + load)
    lacks = [np.zeros(r_p.shape), np.zeros(r_p.shape)]
    paths = [_path(crossbar()), _path(crossbar())]
    one = r_p is r_ap  # resistors, whatever their state
    kinds = (State.P,) if one else tuple(State)
    at = (np.arange(len(cells)), *_positions(cells))
    for _ in range(_MOST_TURNS):
        change = [np.zeros(r_p.shape), np.zeros(r_p.shape)]
        for keep, move in pace_for(load, goal=_SETTLED):
            model = crossbar()
            for which in kinds:
                shown = _nearly(model, read_voltage, paths[which], state=state, own=which)[0]
                left = np.where(good, np.log(seen[which] / shown) - lacks[which], 0.0)
                change[which] = keep * change[which] + move * (1.0 + load) * left
                own[which] *= np.exp(change[which])
            if one:
                own[State.AP][...] = own[State.P]
        if one:
            return crossbar()  # of cells that are all alike one solution a row tells everything
        model, missing = crossbar(), 0.0
        for which in kinds:
            states = _selected(model, cells, state, which)
            volts = model.cell_voltages(rows, cols, state=states)
            current = model.column_sums(volts, state=states)[at[0], at[2]]
            exact = np.log(read_voltage / current.reshape(r_p.shape))
            # What a cell's change does to its voltage tells the resistance that it sees; the rest leaks past it.
            over, ones = volts[at].reshape(r_p.shape), np.full(r_p.shape, which)
            _, before, carried = _nearly(model, read_voltage, paths[which], state=state, own=which)
            moved = model.currents(over, state=ones) - carried
            with np.errstate(divide="ignore", invalid="ignore"):
                seen_by = (before - over) / moved
            paths[which] = np.where(np.abs(moved) > 1e-3 * carried, np.maximum(seen_by, 0.0), paths[which])
            lacks[which] = exact - np.log(_nearly(model, read_voltage, paths[which], state=state, own=which)[0])
            left = np.where(good, np.log(seen[which]) - exact, 0.0)
            missing = max(missing, float(np.abs(left).max()))
        if missing < enough:
            return crossbar()
    raise SolveError(f"no junctions behind wires of {wire:g} ohm a segment show these readings; are the wires right?")


def _path(model: Crossbar) -> Floats:
    """Resistance of each cell's own wires and contacts [ohm], (rows, cols)."""
    count, cols = model.r_p.shape
    along, down = np.arange(1.0, cols + 1.0), np.arange(count, 0.0, -1.0)
    return model.wire * (along + down[:, np.newaxis]) + model.row_contact + model.col_contact


def _nearly(
    model: Crossbar, voltage: float, path: Floats, *, state: ArrayLike, own: State
) -> tuple[Floats, Floats, Floats]:
    """What each cell reads [ohm], (rows, cols), in the state `own` among others in `state`, to about a percent.

    One solution a row, with every cell as the others are; then each cell by itself behind the resistance `path`
    [ohm]. Also its voltage [V] and current [A] before that.
    """
    count, cols = model.r_p.shape
    driven = model.cell_voltages(voltage * np.eye(count), np.zeros((count, cols)), state=state)
    before = driven[np.arange(count), np.arange(count)]
    carried = model.currents(before, state=np.broadcast_to(np.asarray(state, np.int8), (count, cols)))
    source, v, ones = before + carried * path, before, np.full((count, cols), own)
    for _turn in range(3):  # chosen: each is ten times closer; a share of a percent is left to what `path` neglects
        v = source * v / (v + model.currents(v, state=ones) * path)
    return voltage / model.currents(v, state=ones), before, carried


def voltages_on_all(model: Crossbar, cells: Sequence[Cell], *, amplitude: ArrayLike, state: ArrayLike) -> Floats:
    """Voltages of all cells [V], (cells, rows, cols), while each of `cells` gets its V/2 pulse, one after the other.

    `amplitude` [V] between the terminals of the selected row and column, one or (cells,), signed; `state` as in
    `Crossbar.cell_voltages`.
    """
    volts = np.broadcast_to(np.asarray(amplitude, float), (len(cells),))
    return model.cell_voltages(*_lines(model, cells, 0.5 * volts, -0.5 * volts), state=state)


def cell_voltages(
    model: Crossbar, cells: Sequence[Cell], *, amplitude: ArrayLike, state: ArrayLike, before: State
) -> Floats:
    """Voltage over each of `cells` [V], (cells,), by a V/2 pulse of `amplitude` [V] (one or (cells,)) on it.

    The cell is in the state `before`, the other cells in `state` (-1: unknown).
    """
    volts = voltages_on_all(model, cells, amplitude=amplitude, state=_selected(model, cells, state, before))
    rows, cols = _positions(cells)
    return volts[np.arange(len(cells)), rows, cols]


def amplitudes_for(
    model: Crossbar, cells: Sequence[Cell], *, cell_voltage: ArrayLike, state: ArrayLike, before: State
) -> Floats:
    """Amplitude [V] between the terminals, (cells,), of V/2 pulses that put `cell_voltage` [V] on each of `cells`.

    The inverse of `cell_voltages`. A wanted 0 V gives 0 V. Raises SolveError where there is none.
    """
    wanted = np.broadcast_to(np.asarray(cell_voltage, float), (len(cells),))
    amplitude: Floats = wanted.copy()
    still = wanted == 0.0
    for _turn in range(_MOST_TURNS):
        found = cell_voltages(model, cells, amplitude=amplitude, state=state, before=before)
        if (np.abs(found - wanted) <= _CLOSE * np.abs(wanted)).all():
            return amplitude
        amplitude = np.where(still, 0.0, amplitude * wanted / np.where(still, 1.0, found))
    raise SolveError("no amplitude puts the wanted voltages on the cells; check the wires and contacts that are given")


def shares(model: Crossbar, cells: Sequence[Cell], *, amplitude: ArrayLike, state: ArrayLike, before: State) -> Floats:
    """Cell voltage over terminal amplitude, (cells,), at a V/2 pulse of `amplitude` [V]; see `cell_voltages`."""
    return cell_voltages(model, cells, amplitude=amplitude, state=state, before=before) / np.asarray(amplitude, float)


def _positions(cells: Sequence[Cell]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    where = np.array(cells, np.intp).reshape(-1, 2) - 1
    return where[:, 0], where[:, 1]


def _lines(model: Crossbar, cells: Sequence[Cell], row_volts: Floats, col_volts: Floats) -> tuple[Floats, Floats]:
    """Line voltages, (cells, rows) and (cells, cols), with each cell's own lines driven and the rest at ground."""
    (rows, cols), shape = _positions(cells), model.r_p.shape
    each = np.arange(len(cells))
    on_rows, on_cols = np.zeros((len(cells), shape[0])), np.zeros((len(cells), shape[1]))
    on_rows[each, rows], on_cols[each, cols] = row_volts, col_volts
    return on_rows, on_cols


def _selected(model: Crossbar, cells: Sequence[Cell], state: ArrayLike, own: State) -> NDArray[np.int8]:
    """States of the array, (cells, rows, cols), with each selected cell in the state `own`."""
    rows, cols = _positions(cells)
    states = np.broadcast_to(np.asarray(state, np.int8), (len(cells), *model.r_p.shape)).copy()
    states[np.arange(len(cells)), rows, cols] = own
    return states
