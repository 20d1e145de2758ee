"""Products on a chip: inputs open gates, bit by bit, and a column sums the currents of the cells behind open gates.

Every device sees 0 or the read voltage, so the curvature of its conductance does not enter. A pattern of gates that
occurs in several samples or bits is measured once, one without an open gate not at all: the column gives nothing then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.chips.network import Floats32, Partial, plane_weights, planes
from labmtj.nets.chips.tiling import Tile, Tiling
from labmtj.ports import GatedArray, Ticker, no_ticks
from labmtj.records import Floats

Flags = NDArray[np.bool_]


def products_of(
    array: GatedArray,
    tiling: Tiling,
    *,
    layer: int,
    steps: int,
    voltage: float,
    window: float,
    keep: Flags | None = None,
    tick: Ticker = no_ticks,
) -> Partial:
    """What turns values (samples, inputs) into partial products (samples, blocks, outputs, 2) on this array.

    `layer` counts from 0, values come in `steps` = 2^bits - 1 steps, `voltage` [V] reads and `window` [S] is the unit.
    Where `keep` (inputs, outputs) is false, the row's gate stays closed while the pair of columns is sensed. Products
    that met a range or a limit are nan. Ticks once a column.
    """
    inputs, outputs = tiling.shapes[layer]
    tiles = [tile for tile in tiling.tiles if tile.layer == layer]
    count = 1 + max(tile.block for tile in tiles)
    kept = np.ones((inputs, outputs), dtype=np.bool_) if keep is None else keep

    def products(values: Floats32) -> Floats:
        bits = planes(values, steps)
        out = np.empty((len(values), count, 2 * outputs))
        for tile in tiles:
            sums = _tile(array, tile, tiling.rows, bits[:, :, tile.inputs], kept[tile.inputs], voltage, tick)
            out[:, tile.block, tile.columns] = np.einsum("b,bsc->sc", plane_weights(steps), sums)
        return out.reshape(len(values), count, outputs, 2) / (voltage * window)

    return products


def columns_of(tiling: Tiling, *, layer: int) -> int:
    """How many columns of the chip the layer (from 0) takes: ticks of its products."""
    return sum(len(tile.cols) for tile in tiling.tiles if tile.layer == layer)


def _tile(array: GatedArray, tile: Tile, rows: int, bits: Flags, keep: Flags, voltage: float, tick: Ticker) -> Floats:
    """Currents [A] into the columns of one tile, (bits, samples, columns), for bits (bits, samples, inputs)."""
    whole = _distinct(bits)
    out = np.empty((*bits.shape[:2], len(tile.cols)))
    for place, (col, column) in enumerate(zip(tile.cols, tile.columns, strict=True)):
        here = keep[:, column // 2]
        patterns, which = whole if here.all() else _distinct(bits & here)
        gates = np.zeros((len(patterns), rows), dtype=np.bool_)
        gates[:, : len(tile.inputs)] = patterns
        currents = np.zeros(len(patterns) + 1)  # the last stands for no open gate
        if len(patterns):
            currents[:-1] = array.multiply_each(tile.kernel, gates, col, voltage=voltage)
        out[:, :, place] = currents[which]
        tick()
    return out


def _distinct(bits: Flags) -> tuple[Flags, NDArray[np.intp]]:
    """Patterns (patterns, inputs) with an open gate among bits (bits, samples, inputs), each once.

    And which of them each is, (bits, samples); -1 where no gate is open.
    """
    inputs = bits.shape[-1]
    packed = np.packbits(bits.reshape(-1, inputs), axis=1)
    found, place = np.unique(packed, axis=0, return_inverse=True)
    patterns = np.unpackbits(found, axis=1, count=inputs).astype(np.bool_)
    some = patterns.any(axis=1)
    number = np.where(some, np.cumsum(some) - 1, -1)
    return patterns[some], number[place.ravel()].reshape(bits.shape[:2])
