"""Where the devices of a network lie on a chip: blocks of inputs on the rows of kernels, outputs along columns.

Columns are filled in the order layer, block, output, + and -, kernel after kernel, so that all columns of the chip can
be used; then the two columns of a pair may lie on different kernels, which is no matter to digital sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import PlacementError
from labmtj.nets.chips.network import ChipNetwork, blocks
from labmtj.records import Ints, State

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Tile:
    """Part of a layer on one kernel, written and read together.

    `kernel` and `cols` of it count from 1, its rows are 1 .. len(inputs); `layer` and `block`, `inputs` of the layer
    and `columns` 2k (+), 2k + 1 (-) of output k count from 0.
    """

    kernel: int
    layer: int
    block: int
    inputs: range
    cols: range
    columns: range


@dataclass(frozen=True, eq=False)
class Tiling:
    """Cells of a network on a chip of `kernels` kernels of `rows` x `cols` cells.

    `cells` has one array (inputs, outputs, 2, 2) a layer: row of the whole chip and column, both from 0, of each
    device. Raises PlacementError, from `of`, if the network does not fit.
    """

    kernels: int
    rows: int
    cols: int
    shapes: tuple[tuple[int, int], ...]
    tiles: tuple[Tile, ...]
    cells: tuple[Ints, ...]

    @staticmethod
    def of(network: ChipNetwork, *, kernels: int, rows: int, cols: int) -> Tiling:
        """Lay out a network. Raises PlacementError with the columns that are missing, or for blocks above `rows`."""
        if network.block > rows:
            raise PlacementError(
                f"{network.name} sums blocks of {network.block} rows, a kernel has {rows}; train it for {rows}"
            )
        return Tiling.of_shapes(network.shapes, block=network.block, kernels=kernels, rows=rows, cols=cols)

    @staticmethod
    def of_shapes(shapes: Sequence[tuple[int, int]], *, block: int, kernels: int, rows: int, cols: int) -> Tiling:
        """Lay out layers of these (inputs, outputs)."""
        needed = sum(blocks(inputs, block) * 2 * outputs for inputs, outputs in shapes)
        if needed > kernels * cols:
            raise PlacementError(
                f"layers of {' and '.join(f'{a} x {b}' for a, b in shapes)} need {needed} columns of {block} rows; "
                f"{kernels} kernels of {cols} columns have {kernels * cols}: {needed - kernels * cols} are missing"
            )
        found: list[Ints] = []
        tiles: list[Tile] = []
        used = 0
        for layer, (inputs, outputs) in enumerate(shapes):
            row, col = np.empty((2, inputs, 2 * outputs), dtype=np.int64)
            for number in range(blocks(inputs, block)):
                here = range(number * block, min(inputs, (number + 1) * block))
                column = used + np.arange(2 * outputs)
                row[here.start : here.stop] = column // cols * rows + np.arange(len(here))[:, np.newaxis]
                col[here.start : here.stop] = column % cols
                tiles += _tiles(layer, number, here, first=used, count=2 * outputs, cols=cols)
                used += 2 * outputs
            found.append(np.stack([row, col], axis=-1).reshape(inputs, outputs, 2, 2))
        return Tiling(kernels, rows, cols, tuple((a, b) for a, b in shapes), tuple(tiles), tuple(found))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows of all kernels, cols)."""
        return self.kernels * self.rows, self.cols

    @property
    def used(self) -> int:
        """Number of cells that hold a device."""
        return sum(cells.size // 2 for cells in self.cells)

    def take(self, layer: int, values: NDArray[Number]) -> NDArray[Number]:
        """Of values (..., rows of all kernels, cols) those of the devices of a layer, (..., inputs, outputs, 2)."""
        row, col = self.cells[layer][..., 0], self.cells[layer][..., 1]
        return values[..., row, col]

    def targets(self, network: ChipNetwork) -> Ints:
        """`State` to write to each cell of the whole chip, -1 where no device lies; shape of the chip."""
        found = np.full(self.shape, -1, dtype=np.int64)
        for layer, cells in zip(network.layers, self.cells, strict=True):
            found[cells[..., 0], cells[..., 1]] = np.where(layer.devices == 1, int(State.P), int(State.AP))
        return found


def _tiles(layer: int, block: int, inputs: range, *, first: int, count: int, cols: int) -> list[Tile]:
    """The kernels that columns `first` .. `first` + `count` - 1 of the chip, from 0, lie on."""
    found: list[Tile] = []
    for kernel in range(first // cols, (first + count - 1) // cols + 1):
        low, high = max(first, kernel * cols), min(first + count, (kernel + 1) * cols)
        there = range(low - kernel * cols + 1, high - kernel * cols + 1)
        found.append(Tile(kernel + 1, layer, block, inputs, there, range(low - first, high - first)))
    return found
