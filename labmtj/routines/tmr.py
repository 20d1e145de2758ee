"""TMR against voltage of chosen cells, and the voltage V_h at which it has halved.

Each state is read with the sign that writes it, so that no voltage disturbs it: TMR(V) is seen up to voltages that
would switch the other state. The row is driven, so all its cells see the voltage; they are written to the
state first and stay in it. What flows at 0 V is subtracted, wires are taken out with what the die map knows of them.

Fitted for each cell (tmr_fit), with its own voltage V:

    G_P = (1 + k_P V^2) / R_P,    G_AP = 1 / (R_P (1 + TMR0 / (1 + (V / V_h)^2))).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import BenchError, InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding, Floats, Ints, State
from labmtj.routines.series import Alone, alone, by_contacts
from labmtj.routines.significance import chi_squared_median
from labmtj.routines.states import shown, stand, write_states
from labmtj.routines.sweep import check_level, current_at, zero_current
from labmtj.routines.tmr_fit import PARAMETERS, Curve, CurveFit, fit_curves

_UNITS = ("ohm", "1/V2", "1", "V")
_ZERO = 4  # chosen: integrations at 0 V for each at a level, since their noise is common to all levels


@dataclass(frozen=True, eq=False)
class TmrCurves:
    """The finding, and the die map with `tmr0`, `v_h` and `k_p` of the median cell."""

    die_map: DieMap
    finding: Finding


def measure_tmr(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    levels: Sequence[float],
    repeats: int = 4,
    tick: Ticker = no_ticks,
) -> TmrCurves:
    """Measure both states of `cells` at rising `levels` [V], `repeats` times each, and fit every cell.

    Their rows are written. A cell that is not in the state before its sweep and after it has no fit. A cell that
    the map calls defective is refused with InputError, a level above the limits with LimitExceeded before anything is
    driven. Raises BenchError if no cell has a fit.
    """
    if repeats < 2:
        raise InputError("TMR(V) needs two repeats or more of each reading, to know its noise")
    if len(levels) < 3 or np.any(np.diff([0.0, *levels]) <= 0):
        raise InputError("TMR(V) needs three levels or more that rise from above 0 V, to tell V_h from TMR0")
    for cell in cells:
        check_level(array, cell, max(levels))
        if not die.good[cell.position]:
            raise InputError(f"cell {cell} is defective by the die map; TMR(V) needs cells with both states")
    values = np.full((2, len(cells), len(levels), repeats), np.nan)
    moved = np.zeros(len(cells), dtype=np.int64)
    rows = [row - 1 for row in sorted({cell.row for cell in cells})]
    patterns: list[tuple[Alone, Ints]] = []
    for state in State:
        target = stand(array, die, voltage=die.read_voltage).state
        target[rows] = int(state)
        standing = write_states(array, die, target, voltage=die.read_voltage)
        patterns.append((alone(standing.conductance, die=die), standing.state))
        sign = die.polarity.sign(state)
        for number, cell in enumerate(cells):
            before = array.read([cell], voltage=die.read_voltage)[0]
            zero = zero_current(array, cell, repeats=_ZERO * repeats)
            for place, level in enumerate(levels):
                volts = sign * level
                got = [current_at(array, cell, volts, zero=zero) / volts for _ in range(repeats)]
                values[state, number, place] = got
            after = array.read([cell], voltage=die.read_voltage)[0]
            moved[number] += {shown(die, before), shown(die, after)} != {int(state)}
            tick()
    conductance, error = values.mean(axis=3), _noise(values)
    curves = [
        Curve(
            cell, np.asarray(levels), conductance[:, n], error, (patterns[0][0], patterns[1][0]),
            (patterns[0][1], patterns[1][1]), die.read_voltage,
        )
        for n, cell in enumerate(cells)
    ]  # fmt: skip
    contacts = (
        by_contacts(patterns[0][0].ohms)[[cell.row - 1 for cell in cells], 0] if die.wire else np.zeros(len(cells))
    )
    return _result(die, cells, np.asarray(levels), fit_curves(curves, die=die), moved, contacts)


def _noise(values: Floats) -> Floats:
    """Relative standard error of the means over the last axis of (2, cells, levels, repeats), (2, levels).

    From the scatter of all cells together: a few repeats of one cell tell little, and with a median the few cells
    with telegraph noise do not count.
    """
    repeats = values.shape[-1]
    variance = np.asarray(np.nanmedian(values.var(axis=3, ddof=1) / values.mean(axis=3) ** 2, axis=1), np.float64)
    return np.sqrt(variance / chi_squared_median(repeats - 1) / repeats)


def _result(
    die: DieMap, cells: Sequence[Cell], levels: Floats, fits: list[CurveFit], moved: Ints, contacts: Floats
) -> TmrCurves:
    """Finding and map; `contacts` (cells,) is the relative error of R_P by contacts that differ from their mean."""
    values, errors = np.array([fit.values for fit in fits]), np.array([fit.errors for fit in fits])
    values[moved > 0] = errors[moved > 0] = np.nan
    if not np.isfinite(values).all(axis=1).any():
        lost = f"{np.count_nonzero(moved)} of {len(cells)} did not keep their states"
        raise BenchError(f"TMR(V) of no cell can be told: {lost}; take lower levels, or cells that hold longer")
    errors[:, 0] = np.hypot(errors[:, 0], contacts * values[:, 0])
    conductance, volts = (np.stack([getattr(fit, name) for fit in fits], axis=1) for name in ("conductance", "volts"))
    median = np.nanmedian(values, axis=0)
    # 1.25 / sqrt(n) of the scatter: the standard error of a median of normal numbers. A few cells may happen to agree
    # better than their fits are known.
    scatter = np.fmax(np.nanstd(values, axis=0), np.nanmedian(errors, axis=0))
    fitted = int(np.count_nonzero(np.isfinite(values[:, 0])))
    of_median = 1.25 * scatter / np.sqrt(fitted)
    columns = {
        "cell_row": Column(("cell",), np.array([cell.row for cell in cells]), "1", "row, counted from 1"),
        "cell_col": Column(("cell",), np.array([cell.col for cell in cells]), "1", "column, counted from 1"),
        "level": Column(("level",), levels, "V", "voltage of the row"),
        "state": Column(("state",), np.array([0, 1]), "1", "0 P, 1 AP"),
        "conductance": Column(("state", "cell", "level"), conductance, "S", "of the cell, wires taken out"),
        "cell_voltage": Column(("state", "cell", "level"), volts, "V", "across the cell"),
        "moved": Column(("cell",), moved, "1", "states that were not there before or after their sweep"),
    }
    for number, (name, unit) in enumerate(zip(PARAMETERS, _UNITS, strict=True)):
        columns[name] = Column(("cell",), values[:, number], unit, "of the fit")
        columns[f"{name}_error"] = Column(("cell",), errors[:, number], unit, "standard error of the fit")
    figures: dict[str, float | int | str] = {"cells_1": len(cells), "moved_1": int(moved.sum())}
    for number, name in enumerate(("r_p_ohm", "k_p_per_volt2", "tmr0_1", "v_h_volt")):
        quantity, _, unit = name.rpartition("_")
        figures |= {name: float(median[number]), f"{quantity}_error_{unit}": float(of_median[number])}
    line = (
        f"TMR0 {100 * median[2]:.1f} %, V_h {1e3 * median[3]:.0f} +- {1e3 * of_median[3]:.0f} mV, "
        f"k_P {median[1]:.2f} /V2 in the median of {fitted} cells"
    )
    line += f", {np.count_nonzero(moved)} of {len(cells)} did not keep their states" if moved.any() else ""
    known = dataclasses.replace(die, tmr0=float(median[2]), v_h=float(median[3]), k_p=float(median[1]))
    return TmrCurves(known, Finding("tmr", columns, figures, line))
