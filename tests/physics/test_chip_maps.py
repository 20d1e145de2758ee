"""Chips of the defaults, and their maps."""

import dataclasses
import time

import numpy as np
import pytest

from labmtj.config.bench import Die, TransistorEntry, load_bench
from labmtj.dies import chip_model, die_model
from labmtj.errors import InputError
from labmtj.physics.chip_maps import found_defects, measured_maps
from labmtj.physics.die_files import load_die, save_die
from labmtj.physics.gated import solve_gated
from labmtj.physics.mtj import LINEAR
from labmtj.physics.variation import draw_die
from labmtj.records import Defect


def small(seed, **changes):
    return chip_model(seed, rows=50, kernels=2, **changes)


def chip_bench(die=None):
    bench = load_bench("simulated-15x15").bench
    array = bench.array.model_copy(update={"rows": 25, "cols": 25, "kernels": 32})
    simulation = bench.simulation.model_copy(update={"die": die})
    return bench.model_copy(update={"array": array, "simulation": simulation})


def test_a_bench_with_kernels_has_the_default_chip():
    assert die_model(chip_bench()) == chip_model(0)
    assert (chip_model(0).rows, chip_model(0).cols, chip_model(0).kernels) == (800, 25, 32)
    assert chip_model(0).transistor.on_resistance == 750.0


def test_what_a_bench_says_of_its_chip_counts():
    model = die_model(chip_bench(Die(seed=3, tmr="100 %", transistor=TransistorEntry(threshold="300 mV"))))
    transistor = dataclasses.replace(chip_model(0).transistor, threshold=0.3)
    assert model == chip_model(3, tmr=1.0, transistor=transistor)


def test_a_transistor_without_kernels_is_refused():
    bench = load_bench("simulated-15x15").bench
    die = Die(transistor=TransistorEntry(threshold="300 mV"))
    with pytest.raises(InputError, match=r"array\.kernels"):
        die_model(bench.model_copy(update={"simulation": bench.simulation.model_copy(update={"die": die})}))


def test_thresholds_are_spread_and_leave_every_other_draw_as_it_was():
    chip, bare = draw_die(chip_model(7)), draw_die(chip_model(7, transistor=None))
    assert bare.threshold is None
    assert pytest.approx((0.4, 0.01), rel=0.02) == (chip.threshold.mean(), chip.threshold.std())
    assert np.array_equal(chip.r_p, bare.r_p)
    assert np.array_equal(chip.defect, bare.defect)


def test_a_chip_comes_back_from_its_file(tmp_path):
    truth = draw_die(small(2))
    save_die(tmp_path / "chip.npz", truth=truth)
    again = load_die(tmp_path / "chip.npz")
    assert again.model == truth.model
    assert np.array_equal(again.threshold, truth.threshold)


def test_a_map_has_what_reading_each_row_gives():
    truth = draw_die(small(1, stuck=0.05))
    found = measured_maps([truth], noise=False)
    model, lower = truth.model, slice(25, 50)
    board = np.add.outer(np.arange(25, 50), np.arange(25)) % 2
    state = np.where(truth.defect[lower] == Defect.STUCK, truth.initial[lower], board)
    resistor = (truth.defect[lower] == Defect.SHORT) | (truth.defect[lower] == Defect.OPEN)
    for row in (0, 24):
        gates = np.full(25, np.nan)
        gates[row] = 0.75
        expected = solve_gated(
            np.where(resistor, LINEAR, state), truth.r_p[lower], v_row=0.1, v_col=0.0, gates=gates, r_wire=model.wire,
            tmr=truth.tmr[lower], v_h=model.v_h, k_p=model.k_p, transistor=model.transistor, v_t=truth.threshold[lower],
        )  # fmt: skip
        good = found.defect[0, 25 + row] == Defect.NONE
        taken = np.where(board[row] == 0, found.g_p[0, 25 + row], found.g_ap[0, 25 + row])
        assert np.array_equal(taken[good], expected.i_col[good] / 0.1)


def test_defects_are_told_from_conductances_alone():
    truths = [draw_die(small(seed, short=0.05, open=0.03, stuck=0.03)) for seed in range(3)]
    found = measured_maps(truths)
    assert np.array_equal([truth.defect for truth in truths], found.defect)
    bad = found.defect != Defect.NONE
    assert np.array_equal(found.g_p[bad], found.g_ap[bad])
    assert found.g_p.shape == (3, 50, 25)
    assert len(set(found.names)) == 3


def test_what_a_short_draws_is_bounded_by_its_transistor():
    truth = draw_die(small(4, short=0.1, short_resistance=(1e-3, 10.0)))
    found = measured_maps([truth], noise=False)
    k, over = truth.model.transistor.k, 0.75 - truth.threshold
    assert np.all(found.g_p[0] * 0.1 < k * (over - 0.05) * 0.1)  # all 0.1 V on the transistor


def test_noise_is_small_and_the_same_each_time():
    truth = draw_die(small(5, telegraph=0.0))
    first, second, calm = (measured_maps([truth], noise=noise) for noise in (True, True, False))
    assert np.array_equal(first.g_p, second.g_p)
    moved = np.abs(first.g_p - calm.g_p).max() / calm.window
    assert 1e-4 < moved < 0.1


def test_what_is_no_chip_has_no_map():
    with pytest.raises(InputError, match="chip_model"):
        measured_maps([small(1, transistor=None)])
    with pytest.raises(InputError, match="shapes"):
        measured_maps([small(1), chip_model(1)])


def test_a_die_of_one_kind_of_cell_is_judged_by_its_medians():
    g_p, g_ap = np.full((5, 5), 170e-6), np.full((5, 5), 100e-6)
    g_p[0, 0] = g_ap[0, 0] = 450e-6
    g_p[1, 1] = g_ap[1, 1] = 1e-9
    g_ap[2, 2], g_p[3, 3] = 170e-6, 101e-6
    expected = np.zeros((5, 5), int)
    expected[0, 0], expected[1, 1], expected[2, 2], expected[3, 3] = 1, 2, 3, 3
    assert np.array_equal(expected, found_defects(g_p, g_ap))


@pytest.mark.slow
def test_thirty_six_chips_are_mapped_in_seconds():
    truths = [draw_die(chip_model(seed)) for seed in range(36)]
    measured_maps(truths[:1])
    begin = time.process_time()
    found = measured_maps(truths)
    assert time.process_time() - begin < 6.0
    assert np.array_equal([truth.defect for truth in truths], found.defect)
