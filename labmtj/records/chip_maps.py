"""Conductances of all cells of several chips in both states, as they were measured: what training knows of chips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.records.cells import Floats, Ints


@dataclass(frozen=True, eq=False)
class ChipMaps:
    """`g_p` and `g_ap` [S] in both states, `defect` (`Defect`), each (dies, rows of all kernels, cols).

    Taken at `read_voltage` [V]. A cell that has one state only (short, open, stuck) has the same conductance in both.
    `names` tells the dies apart.
    """

    g_p: Floats
    g_ap: Floats
    defect: Ints
    read_voltage: float
    names: tuple[str, ...]

    @property
    def window(self) -> float:
        """Median of G_P - G_AP over the good cells of all dies [S]: the unit of weights."""
        return float(np.median((self.g_p - self.g_ap)[self.defect == 0]))

    @property
    def low(self) -> float:
        """Median of G_AP over the good cells of all dies [S]."""
        return float(np.median(self.g_ap[self.defect == 0]))

    def only(self, dies: list[int]) -> ChipMaps:
        """These dies, from 0, in this order."""
        names = tuple(self.names[die] for die in dies)
        return ChipMaps(self.g_p[dies], self.g_ap[dies], self.defect[dies], self.read_voltage, names)
