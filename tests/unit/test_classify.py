"""Leaky, unstable and back-hopping cells, and defects, against the twin's hidden truth."""

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import LimitExceeded
from labmtj.physics.variation import draw_die
from labmtj.records import Amplitudes, Defect, State, Trait
from labmtj.routines import classify_rules as rules
from labmtj.routines.characterise import map_die, probe_cells
from labmtj.routines.classify import classify
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

WIDTH = 1e-4
SMALL = ('lines.rows={"1..6": "1..6"}', 'lines.cols={"1..6": "7..12"}', "array.rows=6", "array.cols=6")


def mapped(*settings, seed=17, read=0.05):
    array = TwinArray(load_bench("simulated-15x15", overrides=settings, seed=seed), MemoryJournal())
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=0.05
    )
    return array, map_die(array, polarity=polarity, read=read, width=WIDTH)


def leaky_in_truth(array):
    plain = draw_die(dataclasses.replace(array.electrics.truth.model, leaky=0.0))
    return plain.r_p != array.electrics.truth.r_p


# -- rules -----------------------------------------------------------------------------------------


def test_a_conductance_beside_the_junction_is_told_from_a_large_junction():
    g_p = np.full(100, 1e-4) * np.linspace(0.9, 1.1, 100)
    g_ap = g_p / 2.0
    g_p[7] *= 1.5  # large
    g_ap[7] *= 1.5
    leak = 0.4 * g_p[3]
    g_p[3] += leak
    g_ap[3] += leak
    found = rules.leaks(g_p, g_ap)
    assert found[3] == pytest.approx(0.4)
    assert found[7] == pytest.approx(0.0, abs=1e-12)
    assert [3] == np.flatnonzero(rules.leaky(found, g_p)).tolist()


def test_noise_is_judged_against_quiet_cells_of_the_same_state():
    rng = np.random.default_rng(3)
    state = np.arange(400) % 2
    sigma = np.where(state == State.P, 0.002, 0.006)
    readings = 1 + sigma[:, np.newaxis] * rng.standard_normal((400, 8))
    readings[10, ::2] += 0.03
    variance = rules.relative_variance(readings)
    p, ap = rules.quiet_variance(variance, state, repeats=8)
    assert np.sqrt((p, ap)) == pytest.approx((0.002, 0.006), rel=0.1)
    seen = rules.noisy(variance, np.where(state == State.P, p, ap), repeats=8, false=rules.SURE)
    assert [10] == np.flatnonzero(seen).tolist()


def test_noise_that_wires_pass_on_is_told_from_a_cells_own():
    loudness = np.zeros((4, 4))
    loudness[0, 0], loudness[0, 3], loudness[2, 2] = 4e-4, 1e-6, 1e-6
    assert [[0, 3]] == np.argwhere(rules.echoes(loudness)).tolist()


def test_errors_rise_when_chance_does_not_explain_them():
    assert rules.rises((0, 12), trials=12)
    assert rules.rises((0, 8), trials=12)
    assert not rules.rises((0, 3), trials=12)
    assert not rules.rises((9, 12), trials=12)
    assert not rules.rises((12, 0), trials=12)


# -- on an array -----------------------------------------------------------------------------------


def test_leaky_and_unstable_cells_of_a_die_are_marked_and_no_others():
    options = ("simulation.die.leaky=10 %", "simulation.die.telegraph=20 %")
    array, die = mapped(*SMALL, *options, seed=6)
    found = classify(array, die=die)
    truth, traits = array.electrics.truth, found.die_map.traits
    assert truth.defect.tolist() == found.die_map.defect.tolist()
    assert leaky_in_truth(array).tolist() == ((traits & Trait.LEAKY) > 0).tolist()
    unstable = (traits & Trait.UNSTABLE) > 0
    # A cell of 20 nm with a low barrier flips by itself: it is unstable, too.
    assert not (unstable & (truth.telegraph == 0) & (array.electrics.state.flips == 0)).any()
    # 1/f noise is 0.6 % of a reading in AP; a step of 2.5 % stands out from it, unless eight readings hide it.
    large = (truth.telegraph > 0.025) & die.good
    assert 2 <= (unstable & large).sum() >= 0.6 * large.sum()
    assert found.die_map.state[die.good].tolist() == array.electrics.state.state[die.good].tolist()
    figures = found.finding.figures
    assert (leaky_in_truth(array).sum(), 0) == (figures["leaky_1"], figures["back_hopping_1"])


@pytest.mark.parametrize(("threshold", "expected"), [(2.0, True), (20.0, False)])
def test_cells_that_hop_back_at_larger_amplitudes_are_marked(threshold, expected):
    array, die = mapped(*SMALL, f"simulation.die.back_hopping={threshold}")
    cells = [cell for cell in probe_cells(array.shape) if die.good[cell.position]][:2]
    found = classify(array, die=die, cells=cells)
    marks = [bool(found.die_map.traits[cell.position] & Trait.BACK_HOPPING) for cell in cells]
    assert [expected] * len(cells) == marks
    assert len(cells) == found.finding.figures["tried_for_back_hopping_1"]


def test_states_that_are_lost_at_rest_are_unstable():
    # Barriers of 34 kT hold a state for hours, more or less.
    array, die = mapped(*SMALL, "simulation.die.delta=34", "simulation.die.sigma_delta=1 %")
    found = classify(array, die=die, wait=1e5)
    assert found.finding.figures["unstable_1"] > 10


def test_a_cell_that_the_map_called_stuck_but_that_moves_is_no_defect():
    array, die = mapped(*SMALL)
    row, col = np.argwhere(die.good)[0].tolist()
    r_p, r_ap = die.r_p[row, col], die.r_ap[row, col]
    die.defect[row, col], die.r_p[row, col], die.r_ap[row, col] = Defect.STUCK, np.nan, np.nan
    found = classify(array, die=die).die_map
    assert Defect.NONE == found.defect[row, col]
    assert (found.r_p[row, col], found.r_ap[row, col]) == pytest.approx((r_p, r_ap), rel=0.05)


def test_amplitudes_above_the_limit_are_refused_before_anything_is_sent():
    array, die = mapped(*SMALL)
    array._journal.entries.clear()
    with pytest.raises(LimitExceeded):
        classify(array, die=dataclasses.replace(die, switching=Amplitudes(0.55, 0.3)))
    assert [] == array._journal.entries


@pytest.mark.slow
@pytest.mark.parametrize(("diameter", "read"), [(20, 0.02), (40, 0.05), (75, 0.05)])
@pytest.mark.parametrize("seed", range(6))
def test_every_short_and_open_of_default_dies_is_found_and_none_invented(seed, diameter, read):
    options = (f'simulation.die.diameter="{diameter} nm"', "simulation.die.leaky=2 %")
    array, die = mapped(*options, seed=seed, read=read)
    found, truth = classify(array, die=die), array.electrics.truth
    leaky, unstable = (found.die_map.traits & Trait.LEAKY) > 0, (found.die_map.traits & Trait.UNSTABLE) > 0
    print(diameter, seed, found.finding.line, unstable.sum(), "of", (truth.telegraph > 0).sum(), "with telegraph noise")
    assert truth.defect.tolist() == found.die_map.defect.tolist()
    assert (leaky_in_truth(array) & found.die_map.good).tolist() == leaky.tolist()
    # A cell of 20 nm with a low barrier flips by itself: it is unstable, too.
    assert not (unstable & (truth.telegraph == 0) & (array.electrics.state.flips == 0)).any()
