"""Conductances of all cells of several chips in both states, as they were measured: what training knows of chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records.cells import Floats, Ints
from labmtj.records.die_map import DieMap


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

    @classmethod
    def measured(cls, maps: Sequence[DieMap], names: Sequence[str] = ()) -> ChipMaps:
        """What the maps of several dies say, each with its name (its own if not given).

        Raises InputError for none, for maps of other sizes or read voltages, and for one that does not say what its
        defective cells conduct.
        """
        called = tuple(names) or tuple(die.name or f"die {number}" for number, die in enumerate(maps, start=1))
        if not maps:
            raise InputError("no die map is given: map a chip first (a map step leaves die.h5 in its run folder)")
        first, pairs = maps[0], list[tuple[Floats, Floats]]()
        for die, name in zip(maps, called, strict=True):
            if die.shape != first.shape or die.read_voltage != first.read_voltage:
                raise InputError(
                    f"{name}: {die.shape[0]} x {die.shape[1]} cells at {die.read_voltage:g} V; {called[0]} has "
                    f"{first.shape[0]} x {first.shape[1]} at {first.read_voltage:g} V: maps that go together are alike"
                )
            fixed = np.full(die.shape, np.nan) if die.fixed is None else die.fixed
            pair = np.where(die.good, 1.0 / die.r_p, fixed), np.where(die.good, 1.0 / die.r_ap, fixed)
            unknown = int(np.count_nonzero(~np.isfinite(pair[0] + pair[1])))
            if unknown:
                raise InputError(f"{name}: this map does not say what {unknown} of its defective cells conduct")
            pairs.append(pair)
        g_p, g_ap = (np.stack(values) for values in zip(*pairs, strict=True))
        return cls(g_p, g_ap, np.stack([die.defect for die in maps]), first.read_voltage, called)
