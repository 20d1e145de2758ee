"""Write schemes: what every line of the array gets while one cell is written.

With row +V/2, column -V/2 and all else at ground, the 2(N-1) half-selected cells see V/2 and the rest
nothing; a channel that is late, dead or in compliance never puts more than V/2 on any cell, and the
same route reads the cell.
"""

from __future__ import annotations

from labmtj.records import Scheme


def halves(scheme: Scheme, amplitude: float) -> tuple[float, float]:
    """Voltages [V] of the selected row and column for a cell voltage `amplitude` [V] (row minus column)."""
    match scheme:
        case Scheme.V_HALF:
            return 0.5 * amplitude, -0.5 * amplitude
