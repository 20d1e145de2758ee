"""Each neuron's own curves: the table at its offset and asymmetry, as one spline of the drive a neuron.

A die is asked for its curves again and again, with currents that have to be found; a spline of one variable is quick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.neuron_table import FIELD_SCALE, SteadyTable, slopes
from labmtj.records import Floats, Ints

NODES = 161  # chosen: the spline then follows the table within 1e-5


@dataclass(frozen=True, eq=False)
class OwnCurves:
    """Curves of n neurons over even nodes of asinh(i / FIELD_SCALE) up to `limit` (n,), the largest drive of each.

    `nodes` (n, NODES, 2, 4) holds values and slopes of m_x, m_z and their derivatives by the probe's current.
    """

    limit: Floats
    nodes: Floats

    def at(self, i: Floats, probe: Floats, *, neurons: Ints) -> tuple[Floats, Floats]:
        """m_x and m_z of `neurons` (places from 0) at reduced drives, shape (neurons, points). Raises InputError."""
        limit = self.limit[neurons, None]
        beyond = ~(np.abs(i) <= limit * (1.0 + 1e-12))
        if np.any(beyond):
            raise InputError(
                f"{int(np.sum(np.any(beyond, axis=1)))} neuron(s) beyond their table, with a drive up to "
                f"{float(np.max(np.abs(i))):.3g} critical currents: lower the drive or the spread of the device"
            )
        middle = (NODES - 1) // 2
        place = middle * (1.0 + np.arcsinh(i / FIELD_SCALE) / np.arcsinh(limit / FIELD_SCALE))
        low = np.clip(place.astype(np.int64), 0, 2 * middle - 1)
        t = (place - low)[..., None]
        rest = 1.0 - t
        below, above = self.nodes[neurons[:, None], low], self.nodes[neurons[:, None], low + 1]
        found = rest * rest * ((1.0 + 2.0 * t) * below[:, :, 0] + t * below[:, :, 1])
        found += t * t * ((3.0 - 2.0 * t) * above[:, :, 0] - rest * above[:, :, 1])
        return found[..., 0] + probe * found[..., 2], found[..., 1] + probe * found[..., 3]


def own_curves(table: SteadyTable, offset: Floats, asymmetry: Floats) -> OwnCurves:
    """Curves of neurons with these offsets and asymmetries, both of shape (n,). Raises InputError outside the table."""
    # |field| <= limit for every drive up to this one: the field is at most |drive| (1 + |asymmetry|) + |offset|.
    limit = (table.fields[-1] - np.abs(offset)) / (1.0 + np.abs(asymmetry))
    s = np.linspace(-1.0, 1.0, NODES) * np.arcsinh(limit / FIELD_SCALE)[:, None]
    drives = FIELD_SCALE * np.sinh(s)
    values = table.at(drives, offset[:, None], asymmetry[:, None])
    bent = slopes(np.moveaxis(values, 1, 0))
    return OwnCurves(limit, np.stack([values, np.moveaxis(bent, 0, 1)], axis=2))
