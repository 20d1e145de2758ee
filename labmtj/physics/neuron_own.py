"""Each neuron's own curves: the table at its offset and asymmetry, as one spline of the drive a neuron.

A die is asked for its curves again and again, with currents that have to be found; a spline of one variable is quick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.neuron_spline import between, nodes, places, with_slopes
from labmtj.physics.neuron_table import SteadyTable
from labmtj.records import Floats, Ints

NODES = 161  # chosen: the spline then follows the table within 1e-4


@dataclass(frozen=True, eq=False)
class OwnCurves:
    """Curves of n neurons over `NODES` drives up to `limit` (n,), the largest drive of each.

    `values` (n, NODES, 4, 2) are m_x, m_z and their derivatives by the probe's current, with their slopes.
    """

    limit: Floats
    values: Floats

    def at(self, i: Floats, probe: Floats, *, neurons: Ints) -> tuple[Floats, Floats]:
        """m_x and m_z of `neurons` (places from 0) at reduced drives, shape (neurons, points). Raises InputError."""
        limit = self.limit[neurons, None]
        beyond = ~(np.abs(i) <= limit * (1.0 + 1e-12))
        if np.any(beyond):
            raise InputError(
                f"{int(np.sum(np.any(beyond, axis=1)))} neuron(s) beyond their table, with a drive up to "
                f"{float(np.max(np.abs(i))):.3g} critical currents: lower the drive or the spread of the device"
            )
        low, t = places(i, limit, NODES)
        which = neurons[:, None]
        found = between(self.values[which, low], self.values[which, low + 1], t)
        return found[..., 0] + probe * found[..., 2], found[..., 1] + probe * found[..., 3]


def own_curves(table: SteadyTable, offset: Floats, asymmetry: Floats) -> OwnCurves:
    """Curves of neurons with these offsets and asymmetries, both of shape (n,). Raises InputError outside the table."""
    # |field| <= limit for every drive up to this one: the field is at most |drive| (1 + |asymmetry|) + |offset|.
    limit = (table.fields[-1] - np.abs(offset)) / (1.0 + np.abs(asymmetry))
    values = table.at(nodes(limit, NODES), offset[:, None], asymmetry[:, None])
    return OwnCurves(limit, np.moveaxis(with_slopes(np.moveaxis(values, 1, 0)), 0, 1))
