"""Write schemes: what every line of the array gets while the cells of a pulse are written.

All give the selected cell its whole amplitude V; what the others see is what differs:

| scheme | selected row, column | other rows, columns | cells on selected lines | all others |
|---|---|---|---|---|
| v_half | +V/2, -V/2 | 0, 0 | V/2 | 0 |
| v_half_bias | V, 0 | V/2, V/2 | V/2 | 0 |
| v_third | +V/3, -2V/3 | -V/3, 0 | V/3 | V/3 |
| gated | 0, -V | 0 with closed gates, 0 | 0 | 0 |
| floating | +V/2, -V/2 | float | what the sneak paths leave, less than V | less than V/2 |

With v_half a channel that is late, dead or in compliance never puts more than V/2 on any cell, and the route of
the pulse also reads the cell. With v_half_bias the bias must stand before the row rises and until it has fallen: a
bias that is missing leaves V on every cell of the row. gated is for cells with a transistor each: only the selected
row's gate is open, so nothing else sees anything. v_third needs three sources besides ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labmtj.errors import LimitExceeded
from labmtj.records import LinePulse, Role, Scheme


class Levels(NamedTuple):
    """Volts of the selected row and columns, and of the other rows and columns; None is a line that floats."""

    row: float
    col: float
    other_rows: float | None
    other_cols: float | None


def levels(scheme: Scheme, amplitude: float) -> Levels:
    """Voltages [V] to ground of all lines for a cell voltage `amplitude` [V] (row minus column)."""
    match scheme:
        case Scheme.V_HALF:
            return Levels(0.5 * amplitude, -0.5 * amplitude, 0.0, 0.0)
        case Scheme.V_HALF_BIAS:
            return Levels(amplitude, 0.0, 0.5 * amplitude, 0.5 * amplitude)
        case Scheme.V_THIRD:
            return Levels(amplitude / 3.0, -2.0 * amplitude / 3.0, -amplitude / 3.0, 0.0)
        case Scheme.GATED:
            return Levels(0.0, -amplitude, 0.0, 0.0)
        case Scheme.FLOATING:
            return Levels(0.5 * amplitude, -0.5 * amplitude, None, None)


class TwoChannels(NamedTuple):
    """A scheme on two channels that fire together: what each line hangs on, and the volts of both channels."""

    row: Role
    col: Role
    others: Role
    volts: tuple[float, float]


def two_channels(scheme: Scheme, amplitude: float) -> TwoChannels:
    """How two channels and ground make a pulse of `amplitude` [V]. Raises LimitExceeded for v_third."""
    first, second = Role.PULSE_ROW, Role.PULSE_COL
    match scheme:
        case Scheme.V_HALF:
            return TwoChannels(first, second, Role.GROUND, (0.5 * amplitude, -0.5 * amplitude))
        case Scheme.V_HALF_BIAS:
            return TwoChannels(first, Role.GROUND, second, (amplitude, 0.5 * amplitude))
        case Scheme.FLOATING:
            return TwoChannels(first, second, Role.FLOAT, (0.5 * amplitude, -0.5 * amplitude))
        case Scheme.GATED:
            return TwoChannels(first, second, Role.GROUND, (0.0, -amplitude))
        case Scheme.V_THIRD:
            raise LimitExceeded(
                "v_third needs three sources besides ground and this bench pulses with two; "
                "use v_half, or a bench with a source on every row (parallel)"
            )


def shared_level(volts: Sequence[float], lines: str) -> float:
    """The voltage [V] that driven lines, called `lines`, have from one source. Raises LimitExceeded if they differ."""
    if len(set(volts)) > 1:
        raise LimitExceeded(
            f"{lines} with voltages of their own: this bench drives all of them from one source; give them one "
            "voltage, or use a bench with a source on every line (lines)"
        )
    return volts[0] if volts else 0.0


def gated_level(pulse: LinePulse) -> float:
    """The voltage [V] of the columns of a pulse on a chip with a transistor in every cell, as Scheme.GATED has it.

    Raises LimitExceeded for rows that are not at 0 V, and for columns with voltages of their own.
    """
    if any(pulse.row_volts):
        raise LimitExceeded(
            f"a pulse on {pulse}: on a chip with a transistor in every cell rows stand at 0 V, their gates open, and "
            "columns are pulsed; give all rows 0 V"
        )
    return shared_level(pulse.col_volts, "columns")
