import math
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.physics import switching_table
from labmtj.physics.fokker_planck import Macrospin, solve
from labmtj.physics.switching import (
    effective_drive,
    high_barrier_rate,
    probabilities,
    rate,
    switching_probability,
    switching_rate,
    write_error,
)
from labmtj.physics.switching_cells import Switching
from labmtj.physics.switching_check import compare

TRUTH = Path(__file__).parents[1] / "truth" / "switching" / "macrospin_10ns.npz"
TAU_TRUTH = 2.0717e-9
NS = 1e-9


def amplitude(probability, pulse, *, delta, v_c0):
    low, high = 0.0, 3.0 * v_c0
    for _ in range(50):
        middle = 0.5 * (low + high)
        below = switching_probability(middle / v_c0, pulse, delta=delta, tau_d=NS) < probability
        low, high = (middle, high) if below else (low, middle)
    return low


def test_probability_agrees_with_the_exact_solution_and_the_monte_carlo():
    with np.load(TRUTH) as truth:
        found = switching_probability(truth["i"], float(truth["pulse_s"]), delta=50.0, tau_d=TAU_TRUTH)
        assert np.max(np.abs(found - truth["p_fokker_planck"])) < 5e-4
        trials = int(truth["n_trials"])
        spread = np.sqrt(trials * found * (1.0 - found))
        assert np.max(np.abs(truth["k_switched"] - trials * found) / spread) < 4.0


@pytest.mark.parametrize(
    ("i", "delta"), [(-0.37, 21.3), (0.013, 23.0), (0.33, 27.7), (0.71, 88.0), (0.94, 41.0), (1.07, 63.0), (1.6, 35.0)]
)
def test_table_agrees_with_the_direct_solution_where_it_was_not_made(i, delta):
    tau = np.concatenate([[0.0], np.geomspace(0.02, 90.0, 25), np.geomspace(200.0, 1e10, 9)])
    probability, lower, upper = compare(i, delta, tau if i < 1.2 else tau[tau < 100], grids=(1, 2))
    assert probability.size < 0.002, probability
    assert lower.size < 0.03, lower
    assert upper.size < 0.03, upper


def test_a_finer_grid_changes_the_solution_little():
    tau = np.geomspace(0.5, 20.0, 12)
    for i in (0.3, 1.1):
        rough, fine = solve(i, tau, delta=40.0), solve(i, tau, delta=40.0, grids=(2, 3))
        assert np.max(np.abs(rough[0] - fine[0])) < 3e-4
        seen = fine[0] > 1e-12
        assert np.max(np.abs(np.log10(rough[0] / fine[0]))[seen]) < 0.03


def test_solution_keeps_all_probability_and_settles_at_the_boltzmann_ratio():
    evolved = Macrospin(0.05, delta=20.0).evolve(np.array([0.0, 1.0, 1e12]))
    assert np.max(np.abs(evolved.switched + evolved.kept - 1.0)) < 1e-9
    ratio = 0.95 / 1.05 * math.exp(4 * 20 * 0.05)  # wells of widths 1/(1 -+ i), the favoured one lower by 4 Delta i
    assert math.isclose(evolved.switched[2] / evolved.kept[2], ratio, rel_tol=0.02)


def test_probability_never_falls_with_a_longer_or_a_stronger_pulse():
    i = np.linspace(0.0, 6.0, 241)[:, None]
    pulse = np.concatenate([[0.0], np.geomspace(1e-12, 10.0, 400)])
    for delta in (20.0, 33.0, 61.0, 90.0):
        p = switching_probability(i, pulse, delta=delta, tau_d=NS)
        assert np.min(np.diff(p, axis=1)) >= -1e-12
        assert np.min(np.diff(p, axis=0)) >= -1e-12
        assert p.min() >= 0.0
        assert p.max() <= 1.0


def test_probability_and_write_error_make_one():
    i, pulse = np.linspace(-6, 6, 49)[:, None], np.geomspace(1e-12, 1e3, 40)
    total = switching_probability(i, pulse, delta=45.0, tau_d=NS) + write_error(i, pulse, delta=45.0, tau_d=NS)
    assert np.max(np.abs(total - 1.0)) < 1e-14


def test_write_error_falls_at_the_rate_of_the_linearised_motion_far_above_threshold():
    late = write_error(2.0, np.array([10.0, 11.0]) * NS, delta=60.0, tau_d=NS)
    assert math.isclose(math.log(late[0] / late[1]), 2.0 * (2.0 - 1.0), rel_tol=0.02)


def test_no_pulse_leaves_only_the_tail_of_the_start_over_the_barrier():
    p = switching_probability([[-1.0], [0.0], [1.0], [3.0]], 0.0, delta=[20.0, 25.0, 30.0], tau_d=NS)
    assert np.max(np.abs(np.log(p / p[0]))) < 0.02
    assert np.all((p > np.exp([-20.0, -25.0, -30.0])) & (p < 20.0 * np.exp([-20.0, -25.0, -30.0])))


def test_rate_tends_to_the_high_barrier_law():
    i = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    for delta, within in ((40.0, 0.10), (80.0, 0.05), (120.0, 0.03)):
        ratio = switching_rate(i, delta=delta, tau_d=NS) / high_barrier_rate(i, delta=delta, tau_d=NS)
        assert np.max(np.abs(ratio - 1.0)) < within


def test_rates_of_both_directions_add_up_to_the_slowest_eigenvalue():
    for i, delta in ((0.02, 23.5), (0.5, 50.5), (0.97, 70.5)):
        tau = np.array([60.0, 90.0])
        kept = [Macrospin(i, delta=delta, refine=r).evolve(tau) for r in (2, 3)]
        slopes = [(e.switched[1] - e.switched[0]) / (e.kept[0] - sum(e.kept_forever)) for e in kept]
        slowest = [math.log1p(s / (1.0 - s)) / 30.0 for s in slopes]
        exact = slowest[1] + 0.8 * (slowest[1] - slowest[0])
        both = switching_rate([i, -i], delta=delta, tau_d=1.0).sum()
        assert math.isclose(both, exact, rel_tol=0.01)


def test_retention_and_reads_go_on_with_the_rate_for_years():
    seconds = np.array([1.0, 3600.0, 86400.0, 3.15e8])
    for i in (-0.1, 0.0, 0.125):
        p = switching_probability(i, seconds, delta=55.0, tau_d=NS)
        away, back = switching_rate([i, -i], delta=55.0, tau_d=NS)
        expected = away / (away + back) * -np.expm1(-(away + back) * seconds)
        assert np.max(np.abs(p / expected - 1.0)) < 1e-6


def test_a_stray_field_moves_the_barrier_as_the_drive_does():
    strong = switching_rate(effective_drive(0.57, stray_field=0.05), delta=75.0, tau_d=NS)
    weak = switching_rate(0.57, delta=75.0, tau_d=NS)
    barrier = 75.0 * ((1 - 0.57) ** 2 - (1 - 0.62) ** 2)
    assert math.isclose(math.log(strong / weak), barrier, abs_tol=0.4)


def test_the_working_amplitude_of_a_40_nm_device_is_257_mv():
    assert math.isclose(amplitude(0.999, 100e-6, delta=75.0, v_c0=0.40), 0.257, abs_tol=0.001)
    assert math.isclose(amplitude(0.999, 100e-6, delta=75.0, v_c0=0.46), 0.295, abs_tol=0.0015)


@pytest.mark.parametrize("width", [0.0, 1e-3 * NS, 3 * NS, 99.99 * NS, 100 * NS, 1e-6, 100e-6, 1e9])
def test_cells_of_one_array_without_compilation_have_the_same_probabilities(width):
    chance = np.random.default_rng(5)
    i = np.concatenate((chance.uniform(-6.0, 6.0, 3000), chance.uniform(-0.3, 0.3, 3000), [0.0, 6.0, -6.0, 1.0]))
    delta = np.concatenate((chance.uniform(10.0, 122.0, 6000), [10.0, 122.0, 42.0, 50.0]))
    expected = switching_probability(i, width, delta=delta, tau_d=NS)
    cells = Switching(delta, tau_d=NS)
    found = cells.probabilities(i, width=width)
    assert found == pytest.approx(expected, rel=3e-11, abs=1e-300)
    assert cells.rates(i) == pytest.approx(switching_rate(i, delta=delta, tau_d=NS), rel=1e-11)


def test_kernels_and_arrays_give_the_same_numbers():
    for width in (3 * NS, 100e-6):
        expected = probabilities(switching_table.load(), 0.9, width / NS, 61.0)[0]
        assert expected == switching_probability(0.9, width, delta=61.0, tau_d=NS)
    assert rate(switching_table.load(), 0.1, 50.0) / NS == switching_rate(0.1, delta=50.0, tau_d=NS)


@pytest.mark.parametrize(
    ("i", "delta"), [(6.1, 50.0), (-6.1, 50.0), (1.0, 9.9), (1.0, 123.0), (np.nan, 50.0), (1.0, np.nan)]
)
def test_cells_outside_the_table_are_refused(i, delta):
    refused = pytest.raises(InputError, match=r"1 cell\(s\) outside the switching table")
    for ask in (lambda cells, drive: cells.probabilities(drive, width=NS), lambda cells, drive: cells.rates(drive)):
        with refused:
            ask(Switching(np.array([50.0, delta]), tau_d=NS), np.array([0.5, i]))


def test_times_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="above 0 s"):
        Switching(np.full(1, 50.0), tau_d=0.0)
    for width in (-NS, np.nan):
        with pytest.raises(InputError, match="0 s or longer"):
            Switching(np.full(1, 50.0), tau_d=NS).probabilities(np.zeros(1), width=width)


def test_what_the_table_does_not_hold_is_refused():
    for i, pulse, delta, tau_d in ((6.1, NS, 50, NS), (1, NS, 9.9, NS), (1, NS, 123, NS), (1, -NS, 50, NS)):
        with pytest.raises(InputError, match="outside the switching table"):
            switching_probability(i, pulse, delta=delta, tau_d=tau_d)
    with pytest.raises(InputError, match="outside"):
        switching_probability(math.nan, NS, delta=50, tau_d=NS)
    with pytest.raises(InputError, match="outside"):
        switching_rate(7.0, delta=50, tau_d=NS)
    with pytest.raises(InputError, match="above 0 s"):
        switching_rate(0.5, delta=50, tau_d=0.0)


def test_the_shipped_table_says_what_it_is_and_is_what_the_generator_makes():
    path = switching_table.find()
    assert path.stat().st_size < 2e6
    with np.load(path) as stored:
        assert "doi:10.1109/TMAG.2012.2209122" in str(stored["about"])
        stored_row = stored["forward"][3, 40]
    made = switching_table.forward_row(float(switching_table.drives()[40]), float(switching_table.deltas()[3]))
    assert np.max(np.abs(made - stored_row)) < 1e-4
