"""What training knows of chips: conductances of devices, masks, and statistics of measured maps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.chips.cells import Mask, chip_cells, software_cells
from labmtj.nets.chips.judging import accuracy, accuracy_matrix, classes, scores
from labmtj.nets.chips.network import forward
from labmtj.nets.chips.networks import ChipNetworks, Form
from labmtj.nets.chips.statistics import POOL, Statistics
from labmtj.nets.chips.tiling import Tiling
from labmtj.nets.images.preparing import Samples
from labmtj.records import ChipMaps, Defect

_FORM = Form(side=4, bits=2, hidden=7, hidden_bits=3, block=5, classes=3)
_WINDOW = 70e-6


def _maps(chips: int, *, shorts: float = 0.02) -> ChipMaps:
    random = np.random.RandomState(7)
    shape = chips, 60, 8
    g_ap = _WINDOW * random.normal(1.4, 0.05, shape)
    g_p = g_ap + _WINDOW * random.normal(1.0, 0.01, shape)
    chance = random.uniform(size=shape)
    short, broken = chance < shorts, (chance > 0.98) & (chance < 0.99)
    g_p[short] = g_ap[short] = 6.0 * _WINDOW
    g_p[broken] = g_ap[broken] = 0.0
    defect = np.where(short, int(Defect.SHORT), np.where(broken, int(Defect.OPEN), 0)).astype(np.int64)
    return ChipMaps(g_p, g_ap, defect, 0.1, tuple(f"chip {k}" for k in range(chips)))


def _tiling() -> Tiling:
    return Tiling.of_shapes(_FORM.shapes, block=5, kernels=12, rows=5, cols=8)


def _networks(count: int) -> ChipNetworks:
    random = np.random.RandomState(8)
    devices, gain, bias = [], [], []
    for inputs, outputs in _FORM.shapes:
        devices.append(random.randint(0, 2, (count, inputs, outputs, 2)).astype(np.uint8))
        gain.append(random.normal(0.5, 0.1, (count, -(-inputs // 5), outputs, 2)))
        bias.append(random.normal(size=(count, outputs)))
    return ChipNetworks(_FORM, tuple(devices), tuple(gain), tuple(bias))


def _samples() -> Samples:
    random = np.random.RandomState(9)
    return Samples(random.randint(0, 4, (50, 16)).astype(np.uint8), random.randint(0, 3, 50).astype(np.int64), 2)


def test_a_masked_pair_with_a_short_or_an_open_cell_conducts_nothing_and_all_others_what_they_did():
    maps, tiling = _maps(3), _tiling()
    plain, masked = (chip_cells(maps, tiling, mask=mask) for mask in Mask)
    for layer in range(2):
        short = np.any(np.isin(tiling.take(layer, maps.defect), (int(Defect.SHORT), int(Defect.OPEN))), axis=-1)
        assert short.any()
        for one, other in ((plain.off, masked.off), (plain.on, masked.on)):
            assert not other[layer][short].any()
            assert_array_equal(one[layer][~short], other[layer][~short])
    assert plain.off[0].max() == pytest.approx(6.0, rel=0.02)


def test_copies_on_chips_compute_what_the_network_does_with_the_same_conductances():
    networks, cells, samples = _networks(3), chip_cells(_maps(3), _tiling()), _samples()
    found = scores(networks, samples, cells=cells)
    for number in range(3):
        network = networks.network(number, name="one")
        own = [part[number].astype(np.float64) for part in cells.conductances(networks)]
        assert_allclose(found[number], forward(network, samples.inputs, own)[-1], rtol=1e-4, atol=1e-4)
    software = classes(networks, samples)
    assert_array_equal(software[1], np.argmax(forward(networks.network(1, name="one"), samples.inputs)[-1], axis=-1))


def test_the_matrix_has_each_network_on_its_own_chip_on_its_diagonal():
    networks, cells, samples = _networks(3), chip_cells(_maps(3), _tiling()), _samples()
    matrix = accuracy_matrix(networks, samples, cells=cells)
    assert matrix.shape == (3, 3)
    assert_array_equal(np.diag(matrix), accuracy(networks, samples, cells=cells))
    with pytest.raises(InputError, match="2 networks on 3 chips"):
        accuracy(networks.take([0, 1]), samples, cells=cells)


def test_networks_come_back_from_plain_arrays():
    networks = _networks(2)
    found = ChipNetworks.from_arrays(_FORM, networks.arrays)
    for one, other in zip(found.devices, networks.devices, strict=True):
        assert_array_equal(one, other)
    assert_allclose(found.gain[1], networks.gain[1], rtol=1e-6)
    again = ChipNetworks.of([networks.network(k, name=str(k)) for k in range(2)])
    assert again.form == _FORM


def test_statistics_keep_measured_pairs_and_scale_the_rate_of_shorts():
    maps = _maps(6)
    once, thrice = Statistics.of(maps), Statistics.of(maps, shorts=3.0)
    seen = np.mean(maps.defect == int(Defect.SHORT))
    assert once.rates[0] == pytest.approx(seen, abs=1.0 / POOL)
    assert thrice.rates[0] == pytest.approx(3.0 * seen, abs=1.0 / POOL)
    assert once.first_short == POOL - round(seen * POOL)
    assert_allclose(once.short, 6.0 * _WINDOW, rtol=1e-6)
    measured = [
        part.ravel().astype(np.float32) for part in (maps.g_ap / maps.window, (maps.g_p - maps.g_ap) / maps.window)
    ]
    pairs = set(zip(*measured, strict=True))
    assert set(zip(once.off, once.on, strict=True)) <= pairs


def test_drawn_chips_have_the_statistics_and_their_masks():
    statistics = Statistics.of(_maps(6), shorts=3.0)
    plain, masked = (statistics.draw(40, _FORM.shapes, mask=mask, seed=3) for mask in Mask)
    wild = plain.off[0] > 4.0
    assert np.mean(wild) == pytest.approx(statistics.rates[0], rel=0.15)
    broken = (plain.off[0] < 0.1).any(axis=-1)
    assert broken.any()
    assert not masked.off[0][wild.any(axis=-1) | broken].any()


def test_what_was_not_seen_cannot_be_drawn_and_shares_stay_below_one():
    with pytest.raises(InputError, match="has a cell of kind short"):
        _wanted_shorts()
    with pytest.raises(InputError, match="together"):
        Statistics.of(_maps(2), shorts=100.0)


def _wanted_shorts() -> Statistics:
    maps = _maps(2)
    unknown = np.where(maps.defect == int(Defect.SHORT), np.nan, maps.g_p)
    return Statistics.of(ChipMaps(unknown, maps.g_ap, maps.defect, 0.1, maps.names))


def test_in_software_a_bit_conducts_no_or_one_window():
    cells = software_cells(_FORM.shapes)
    assert [part.shape for part in cells.off] == [(1, 16, 7, 2), (1, 7, 3, 2)]
    assert not cells.off[0].any()
    assert cells.on[1].all()


def test_maps_of_another_shape_are_refused():
    maps = _maps(1)
    other = ChipMaps(maps.g_p[:, :5], maps.g_ap[:, :5], maps.defect[:, :5], 0.1, maps.names)
    with pytest.raises(InputError, match="maps of"):
        chip_cells(other, _tiling())
