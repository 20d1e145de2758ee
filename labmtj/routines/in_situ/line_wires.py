"""What wires take from cells that are pulsed together, estimated in one step, for many arrays at once.

What a cell lacks of its terminals' difference is what the currents of its row and its column drop on the way. The
currents are those that the wanted voltages drive, so nothing has to be solved: what is neglected is that half-selected
cells see a little less too (second order; `physics.crossbar_stack` is the exact form).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labmtj.physics.mtj import conductance
from labmtj.records import Floats, Ints, State


@dataclass(frozen=True, eq=False)
class LineWires:
    """Junctions and wires of arrays that are alike: zero-bias `r_p` [ohm] and `tmr0`, (copies, rows, cols).

    `wire` [ohm] a segment, `row_contact` and `col_contact` [ohm] from a source, or from ground, to a line's end. An
    open cell has a large `r_p`; a short has a small one and `tmr0` 0.
    `volts` [V] is the typical voltage of a selected cell: conductances are right there and at half of it.
    """

    r_p: Floats
    tmr0: Floats
    wire: float
    row_contact: float = 0.0
    col_contact: float = 0.0
    v_h: float = 0.5
    k_p: float = 0.2
    volts: float = 0.3

    @cached_property
    def conductances(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Conductance at 0 V and its coefficient of V^2, of both states, [S] and [S/V2]."""
        found: list[tuple[Floats, Floats]] = []
        for state in State:
            half, full = (
                conductance(volts, state=int(state), r_p=self.r_p, tmr0=self.tmr0, v_h=self.v_h, k_p=self.k_p)
                for volts in (0.5 * self.volts, self.volts)
            )
            bend = (full - half) / (0.75 * self.volts**2)
            found.append(((full - bend * self.volts**2), bend))
        return found[0], found[1]

    def dropped(self, volts: Floats, *, ap: Floats | float, of: Ints) -> Floats:
        """What cells lack [V] of the difference of their lines' voltages; (copies, phases, rows, cols), as `volts`.

        `volts` [V] are those of all cells of the arrays `of` (copies,), `ap` the share of the AP state in the cells:
        one, or (copies, rows, cols).
        """
        (low0, low2), (high0, high2) = self.conductances
        share: Floats = np.asarray(ap, np.float64)
        level = low0[of] + share * (high0[of] - low0[of])
        bend = low2[of] + share * (high2[of] - low2[of])
        current = volts * volts
        current *= bend[:, np.newaxis]
        current += level[:, np.newaxis]
        current *= volts
        along, down = self._paths
        in_rows: Floats = (current.reshape(-1, current.shape[3]) @ along).reshape(current.shape)
        in_rows += down @ current
        return in_rows

    @cached_property
    def _paths(self) -> tuple[Floats, Floats]:
        """Resistance that the currents of two cells of a row, and of a column, share [ohm]."""
        m: Ints = np.arange(self.r_p.shape[1], dtype=np.int64)
        n: Ints = np.arange(self.r_p.shape[2], dtype=np.int64)
        along: Floats = self.wire * (np.minimum(n[:, np.newaxis], n) + 1.0) + self.row_contact
        down: Floats = self.wire * (m.size - np.maximum(m[:, np.newaxis], m)) + self.col_contact
        return along, down
