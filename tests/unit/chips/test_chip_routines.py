"""Mapping, writing and products on a chip, by the rules of its port alone."""

import numpy as np
import pytest

from labmtj.errors import InputError, LimitExceeded
from labmtj.nets.chips.network import partial_products
from labmtj.nets.chips.tiling import Tiling
from labmtj.ports import GatedArray
from labmtj.records import Amplitudes, Cell, ChipMaps, Defect, Scheme, State
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.chips.agreement import paired
from labmtj.routines.chips.columns import columns, gated
from labmtj.routines.chips.inference import columns_of, products_of
from labmtj.routines.chips.mapping import map_chip
from labmtj.routines.chips.writing import UNUSED, ChipWriting, read_chip, write_chip
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.runs.die_map import die_map_entry, die_map_from, read_die_map, write_die_map

READ, WIDTH = 0.1, 1e-4


def mapped(chip):
    polarity = find_polarity(
        chip,
        cells=spare_cells(chip.shape),
        start=0.3,
        step=0.02,
        ceiling=0.7,
        width=WIDTH,
        read=READ,
        scheme=Scheme.GATED,
    )
    assert State.P is polarity.positive_writes
    return map_chip(chip, polarity=polarity, read=READ, width=WIDTH)


@pytest.fixture
def chip(make_chip):
    made = make_chip(kernels=3, rows=5, cols=6)
    made.kinds[1, 2], made.kinds[7, 4], made.kinds[12, 0] = Defect.SHORT, Defect.OPEN, Defect.STUCK
    return made


def test_an_array_with_kernels_is_gated_and_another_one_is_not(chip):
    assert isinstance(chip, GatedArray)
    assert chip is gated(chip)
    with pytest.raises(InputError, match="no transistors"):
        gated(object())


def test_columns_go_through_a_kernel_before_the_next(chip):
    found = list(columns(chip))
    assert 18 == len(found)
    assert [Cell(6, 1), Cell(7, 1), Cell(8, 1), Cell(9, 1), Cell(10, 1)] == found[6].cells


def test_a_chip_is_mapped_with_its_defects_and_what_they_conduct(chip):
    die = mapped(chip)
    np.testing.assert_array_equal(chip.kinds, die.defect)
    good = die.good
    np.testing.assert_allclose(1 / die.r_p[good], 170e-6 * chip.spread[good], rtol=1e-12)
    np.testing.assert_allclose(1 / die.r_ap[good], 100e-6 * chip.spread[good], rtol=1e-12)
    np.testing.assert_array_equal(chip.state[good], die.state[good])
    np.testing.assert_allclose(chip.conductance[~good], die.fixed[~good], rtol=1e-2, atol=2e-9)
    np.testing.assert_allclose(chip.conductance[die.state >= 0], die.conductance(die.state)[die.state >= 0], rtol=1e-12)
    assert np.isnan(die.fixed[good]).all()
    assert not {(2, 3), (8, 5)} & {pulse.cell for pulse in chip.pulses}


def test_cells_to_avoid_are_not_touched(chip):
    polarity = mapped(chip).polarity
    before, chip.pulses = chip.state[:, 5].copy(), []
    left_out = frozenset(Cell(row, 6) for row in range(1, 16))
    die = map_chip(chip, polarity=polarity, read=READ, width=WIDTH, avoid=left_out)
    np.testing.assert_array_equal(before, chip.state[:, 5])
    assert 6 not in {pulse.cell.col for pulse in chip.pulses}
    assert (die.defect[:, 5] == Defect.OPEN).all()


def test_the_map_of_a_chip_comes_back_from_file_and_journal(chip, tmp_path):
    die = mapped(chip)
    write_die_map(tmp_path / "die.h5", die)
    for again in (read_die_map(tmp_path / "die.h5"), die_map_from(die_map_entry(die))):
        np.testing.assert_array_equal(die.fixed, again.fixed)
        maps = ChipMaps.measured([again, die], ["one", "other"])
        assert (2, 15, 6) == maps.g_p.shape
        np.testing.assert_array_equal(die.fixed[~die.good], maps.g_p[0][~die.good])
        np.testing.assert_array_equal(maps.g_p[0][~die.good], maps.g_ap[0][~die.good])
        assert 60e-6 < maps.window < 80e-6


def test_maps_without_what_defects_conduct_are_no_statistics(chip):
    from dataclasses import replace

    with pytest.raises(InputError, match="3 of its defective cells"):
        ChipMaps.measured([replace(mapped(chip), fixed=None)])
    with pytest.raises(InputError, match="no die map"):
        ChipMaps.measured([])


def test_a_network_is_written_and_read_back_without_touching_other_cells(chip):
    die = mapped(chip)
    target = np.random.RandomState(3).randint(0, 2, chip.shape)
    target[:, 5] = UNUSED
    before, chip.pulses = chip.state[:, 5].copy(), []
    how = ChipWriting(write_amplitudes(die.switching), WIDTH, 10, READ)
    written = write_chip(chip, die_map=die, target=target, how=how)
    np.testing.assert_array_equal(before, chip.state[:, 5])
    good = written.used & die.good
    np.testing.assert_array_equal(target[good], written.state[good])
    np.testing.assert_array_equal(target[good], chip.state[good])
    assert 75 == written.used.sum()
    assert not (written.wrong & die.good).any()
    changed = (die.state != target) & good
    assert changed.sum() <= written.pulses.sum() <= 1.2 * changed.sum()
    np.testing.assert_allclose(chip.conductance[written.used], written.conductance[written.used])
    again = read_chip(chip, die_map=die, written=written, read=READ)
    np.testing.assert_array_equal(written.state[written.used], again[written.used])


def test_an_amplitude_above_a_limit_writes_nothing(chip):
    die = mapped(chip)
    chip.pulses = []
    with pytest.raises(LimitExceeded):
        write_chip(
            chip, die_map=die, target=np.zeros(chip.shape, int), how=ChipWriting(Amplitudes(1.0, 1.0), WIDTH, 3, READ)
        )
    assert [] == chip.pulses


def test_products_are_conductance_times_input_and_each_pattern_is_summed_once(chip):
    tiling = Tiling.of_shapes([(8, 4)], block=4, kernels=3, rows=5, cols=6)
    values = np.random.RandomState(5).randint(0, 4, (40, 8)) / 3
    values[:3] = 0.0
    ticks = []
    asked = {"layer": 0, "steps": 3, "voltage": READ, "window": 70e-6}
    found = products_of(chip, tiling, **asked, tick=lambda: ticks.append(1))(values.astype(np.float32))
    conductances = tiling.take(0, chip.conductance) / 70e-6
    np.testing.assert_allclose(partial_products(values, conductances, block=4), found, rtol=1e-6)
    assert 16 == len(ticks) == columns_of(tiling, layer=0)
    assert all(count <= 15 for _, _, count in chip.messages)
    keep = np.ones((8, 4), dtype=np.bool_)
    keep[2, 1] = keep[5, 3] = False
    masked = products_of(chip, tiling, **asked, keep=keep)(values.astype(np.float32))
    expected = partial_products(values, conductances * keep[..., np.newaxis], block=4)
    np.testing.assert_allclose(expected, masked, rtol=1e-6, atol=1e-12)


def test_agreement_of_pairs_counts_what_only_one_has_right():
    labels = np.zeros(1000, dtype=np.int64)
    first, second = labels.copy(), labels.copy()
    first[:40], second[5:45] = 1, 1
    found = paired(first, second, labels)
    assert (5, 5, 990) == (found.only_first, found.only_second, found.same)
    assert found.agree
    assert 1.0 == found.chance
    np.testing.assert_allclose(found.difference, 0.0)
    # Agresti and Min: 1.96 (11)^0.5 / 1002.
    np.testing.assert_allclose((found.low, found.high), (-0.00648746, 0.00648746), rtol=1e-5)
    second[100:120] = 1
    worse = paired(first, second, labels)
    assert not worse.agree
    np.testing.assert_allclose(worse.chance, 2 * sum(_binomial(30, k) for k in range(6)), rtol=1e-9)


def _binomial(n, k):
    from math import comb

    return comb(n, k) / 2**n
