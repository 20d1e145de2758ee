"""Conductances of the devices of a network on chips, in windows, and which of them the reader leaves out.

A column pair is sensed with its own pattern of gates. So where a row has a short in one of the two columns the reader
can leave that row's gate closed while it senses the pair: both devices conduct nothing and the weight is 0, where the
short would have counted several windows. An open cell, which leaves its partner's whole conductance, is as bad as two
windows, so its pair is left out, too; a stuck one conducts what cells do and stays. It needs the die's map and no
training (mask "defects").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.chips.network import Floats32
from labmtj.nets.chips.networks import ChipNetworks
from labmtj.nets.chips.tiling import Tiling
from labmtj.records import ChipMaps, Defect, Ints


class Mask(enum.StrEnum):
    """Which pairs the reader leaves out: none, or those with a shorted or an open device."""

    NONE = "none"
    DEFECTS = "defects"


@dataclass(frozen=True, eq=False)
class ChipCells:
    """For each layer `off` and `on` (chips, inputs, outputs, 2): a device conducts off + bit x on [windows]."""

    off: tuple[Floats32, ...]
    on: tuple[Floats32, ...]

    def __len__(self) -> int:
        return len(self.off[0])

    def conductances(self, networks: ChipNetworks) -> tuple[Floats32, ...]:
        """What the devices of networks conduct [windows], (chips or networks, inputs, outputs, 2) a layer.

        Chip k holds network k; one network goes on all chips, and all networks on one chip.
        """
        parts = zip(self.off, self.on, networks.devices, strict=True)
        return tuple((off + on * bits).astype(np.float32, copy=False) for off, on, bits in parts)

    def take(self, which: list[int]) -> ChipCells:
        """Some of the chips, in this order."""
        return ChipCells(tuple(part[which] for part in self.off), tuple(part[which] for part in self.on))


def chip_cells(maps: ChipMaps, tiling: Tiling, *, mask: Mask = Mask.NONE, window: float | None = None) -> ChipCells:
    """Devices of a network on mapped chips, in units of `window` [S]; without it the typical one of these maps.

    Raises InputError for maps of another shape, and for conductances that are no numbers outside what is masked.
    """
    if maps.g_p.shape[1:] != tiling.shape:
        raise InputError(f"maps of {maps.g_p.shape[1:]} cells; the network lies on {tiling.shape}")
    unit = maps.window if window is None else window
    if not unit > 0.0:
        raise InputError(f"G_P - G_AP of the maps is {unit:g} S; it must be positive")
    off: list[Floats32] = []
    on: list[Floats32] = []
    for layer in range(len(tiling.shapes)):
        low, high = tiling.take(layer, maps.g_ap), tiling.take(layer, maps.g_p)
        left_out = np.zeros(low.shape[:-1], dtype=bool)
        if mask is Mask.DEFECTS:
            left_out = left_out_pairs(tiling.take(layer, maps.defect))
        off.append(np.where(left_out[..., None], 0.0, low / unit).astype(np.float32))
        on.append(np.where(left_out[..., None], 0.0, (high - low) / unit).astype(np.float32))
        if not (np.isfinite(off[-1]).all() and np.isfinite(on[-1]).all()):
            raise InputError(f"chips {', '.join(maps.names)}: cells of layer {layer + 1} were not measured; map again")
    return ChipCells(tuple(off), tuple(on))


def left_out_pairs(defect: Ints) -> NDArray[np.bool_]:
    """Of what is wrong (`Defect`) with devices (..., 2), the pairs (...,) that mask "defects" leaves out."""
    return np.any(np.isin(defect, (int(Defect.SHORT), int(Defect.OPEN))), axis=-1)


def software_cells(shapes: tuple[tuple[int, int], ...]) -> ChipCells:
    """Devices of one ideal chip: a bit conducts 0 or 1 window."""
    sizes = [(1, inputs, outputs, 2) for inputs, outputs in shapes]
    zeros, ones = (tuple(make(size, dtype=np.float32) for size in sizes) for make in (np.zeros, np.ones))
    return ChipCells(zeros, ones)
