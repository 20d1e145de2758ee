"""Offset voltage of every sense path and of every driven row, and the ammeter's offset current.

With no row driven, a column on the ammeter shows i = I_m - G v: the meter's own offset I_m, and the voltage v of
the source at its foot, with the thermal EMF of its path, over all cells of the column. Every column by itself and
all together at once tell the two apart: sum(i) - i_all = (N - 1) I_m. A row that is driven at 0 V adds its source's
offset. What is kept are voltages: the currents change with the states that are written.
"""

from __future__ import annotations

import numpy as np

from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Column, Finding
from labmtj.routines.sweep import within_compliance


def measure_offsets(array: ArrayAccess, *, voltage: float, repeats: int = 8, tick: Ticker = no_ticks) -> Finding:
    """Measure all offsets with no drive, `repeats` integrations each; conductances of whole lines at `voltage` [V].

    Signs: the voltage of a path is that of the line it holds, against the grounded lines. Wires make the
    conductance that a column shows to its rows differ from that which it shows to its foot, so voltages are right
    to the share of the wires, some per cent at 40 nm.
    """
    rows, cols = (tuple(range(1, count + 1)) for count in array.shape)
    level = within_compliance(array, [(rows, cols[:1]), (rows[:1], cols)], voltage=voltage)

    def still(driven: tuple[int, ...], sensed: tuple[int, ...]) -> tuple[float, float]:
        samples = [array.sense(driven, sensed, voltage=0.0).current for _ in range(repeats)]
        tick()
        return float(np.mean(samples)), float(np.std(samples, ddof=1)) / repeats**0.5

    column = np.array([still((), (col,)) for col in cols])
    together = np.array(still((), cols))
    row = np.array([still((row,), cols) for row in rows])
    of_col = np.array([array.total(rows, (col,), voltage=level).conductance for col in cols])
    of_row = np.array([array.total((row,), cols, voltage=level).conductance for row in rows])
    several = max(len(cols) - 1, 1)
    meter = (column[:, 0].sum() - together[0]) / several if len(cols) > 1 else 0.0
    meter_error = float(np.hypot(np.linalg.norm(column[:, 1]), together[1])) / several
    col_volts, row_volts = (meter - column[:, 0]) / of_col, (row[:, 0] - together[0]) / of_row
    col_error = np.hypot(column[:, 1], meter_error) / of_col
    row_error = np.hypot(row[:, 1], together[1]) / of_row
    columns = {
        "col_offset": Column(("col",), col_volts, "V", "of a column on the ammeter, against the grounded rows"),
        "col_offset_error": Column(("col",), col_error, "V", "its standard error, noise alone"),
        "row_offset": Column(("row",), row_volts, "V", "of a row that is driven at 0 V, against the same row grounded"),
        "row_offset_error": Column(("row",), row_error, "V", "its standard error, noise alone"),
        "col_conductance": Column(("col",), of_col, "S", "of all cells of a column together"),
    }
    figures = {
        "meter_offset_ampere": float(meter),
        "meter_offset_error_ampere": meter_error,
        "largest_col_offset_volt": float(np.abs(col_volts).max()),
        "largest_row_offset_volt": float(np.abs(row_volts).max()),
        "voltage_volt": level,
    }
    line = (
        f"sense paths {1e6 * col_volts.mean():.4g} uV (from {1e6 * col_volts.min():.4g} to {1e6 * col_volts.max():.4g})"
        f", driven rows {1e6 * row_volts.mean():.4g} uV, ammeter {1e9 * meter:.3g} nA"
    )
    return Finding("offsets", columns, figures, line)
