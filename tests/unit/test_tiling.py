"""Where the devices of a network lie on the kernels of a chip."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labmtj.errors import PlacementError
from labmtj.nets.chips.network import ChipLayer, ChipNetwork
from labmtj.nets.chips.tiling import Tiling
from labmtj.records import State


def _network(side: int, hidden: int, classes: int, *, block: int) -> ChipNetwork:
    random = np.random.default_rng(1)
    layers = [
        ChipLayer(
            random.integers(0, 2, (inputs, outputs, 2)).astype(np.uint8),
            np.ones((-(-inputs // block), outputs, 2)),
            np.zeros(outputs),
        )
        for inputs, outputs in ((side**2, hidden), (hidden, classes))
    ]
    return ChipNetwork("random", side, 2, 4, block, tuple(layers))


def test_the_network_of_the_chip_takes_every_column_and_99_percent_of_the_cells():
    tiling = Tiling.of(_network(10, 90, 10, block=25), kernels=32, rows=25, cols=25)
    assert tiling.used == 19_800
    columns = {(row // 25, col) for cells in tiling.cells for row, col in cells.reshape(-1, 2).tolist()}
    assert len(columns) == 800


def test_no_two_devices_share_a_cell_and_every_device_is_written_to_its_bit():
    network = _network(5, 7, 3, block=6)
    tiling = Tiling.of(network, kernels=20, rows=6, cols=5)
    targets = tiling.targets(network)
    assert np.count_nonzero(targets >= 0) == tiling.used == network.devices
    for layer, part in enumerate(network.layers):
        assert_array_equal(tiling.take(layer, targets) == int(State.P), part.devices == 1)


def test_tiles_cover_the_same_cells_as_the_table():
    network = _network(5, 7, 3, block=6)
    tiling = Tiling.of(network, kernels=20, rows=6, cols=5)
    for tile in tiling.tiles:
        part = tiling.cells[tile.layer].reshape(network.layers[tile.layer].inputs, -1, 2)
        part = part[tile.inputs.start : tile.inputs.stop, tile.columns.start : tile.columns.stop]
        rows = (tile.kernel - 1) * 6 + np.arange(len(tile.inputs))
        assert_array_equal(part[..., 0], np.broadcast_to(rows[:, None], part.shape[:2]))
        assert_array_equal(part[..., 1], np.broadcast_to(np.array(tile.cols) - 1, part.shape[:2]))
    assert sum(len(tile.inputs) * len(tile.columns) for tile in tiling.tiles) == network.devices


def test_what_does_not_fit_is_refused_with_the_columns_that_are_missing():
    with pytest.raises(PlacementError, match=r"need 880 columns .* have 800: 80 are missing"):
        Tiling.of(_network(10, 100, 10, block=25), kernels=32, rows=25, cols=25)
    with pytest.raises(PlacementError, match="a kernel has 5"):
        Tiling.of(_network(5, 7, 3, block=6), kernels=20, rows=5, cols=5)
