"""The cells of a die, drawn from its statistics."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from labmtj.config.bench import load_bench
from labmtj.config.dies import die_defaults
from labmtj.physics.breakdown import damage
from labmtj.physics.variation import draw_die
from labmtj.records import Defect
from labmtj.twin.build import die_model

DIES = 200
MODEL = die_model(load_bench("simulated-15x15").bench)
CELLS = DIES * MODEL.rows * MODEL.cols


@pytest.fixture(scope="module")
def dies():
    return [draw_die(dataclasses.replace(MODEL, seed=seed)) for seed in range(DIES)]


def gathered(dies, name, *, good=True):
    """A field of all cells, or of the good ones."""
    return np.concatenate([getattr(die, name)[(die.defect == Defect.NONE) | (not good)] for die in dies])


@pytest.mark.parametrize(
    ("name", "mean", "sigma"),
    [
        ("r_p", MODEL.resistance_area / MODEL.area, MODEL.sigma_r_p),
        ("tmr", MODEL.tmr, MODEL.sigma_tmr),
        ("v_c0", MODEL.v_c0, MODEL.sigma_v_c),
        ("delta", MODEL.delta, MODEL.sigma_delta),
    ],
)
def test_a_parameter_has_the_mean_and_the_relative_spread_of_the_model(dies, name, mean, sigma):
    values = gathered(dies, name)
    assert values.min() > 0
    assert values.mean() == pytest.approx(mean, rel=4 * sigma / math.sqrt(values.size))
    assert values.std() / values.mean() == pytest.approx(sigma, rel=4 * 1.1 / math.sqrt(2 * values.size))
    assert stats.kstest(np.log(values), "norm", args=(np.log(values).mean(), np.log(values).std())).pvalue > 1e-3


def test_stray_fields_spread_around_the_common_one(dies):
    values = gathered(dies, "stray_field", good=False)
    assert values.mean() == pytest.approx(MODEL.stray_field, abs=4 * MODEL.sigma_stray_field / math.sqrt(values.size))
    assert values.std() == pytest.approx(MODEL.sigma_stray_field, rel=0.02)


def test_parameters_of_a_cell_share_nothing(dies):
    names = ("r_p", "tmr", "v_c0", "delta", "stray_field", "damage_at_breakdown")
    table = np.array([gathered(dies, name) for name in names])
    found = np.corrcoef(table)
    assert np.abs(found - np.eye(len(names))).max() < 4.5 / math.sqrt(table.shape[1])


@pytest.mark.parametrize(
    ("kind", "share"), [(Defect.SHORT, MODEL.short), (Defect.OPEN, MODEL.open), (Defect.STUCK, MODEL.stuck)]
)
def test_defects_come_at_their_rates(dies, kind, share):
    count = np.count_nonzero(gathered(dies, "defect", good=False) == kind)
    assert abs(count - share * CELLS) < 4 * math.sqrt(share * CELLS)


def test_shorts_and_opens_have_resistances_of_their_own(dies):
    defect, r_p = gathered(dies, "defect", good=False), gathered(dies, "r_p", good=False)
    low, high = MODEL.short_resistance
    shorts = r_p[defect == Defect.SHORT]
    assert low <= shorts.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < shorts.max() <= high
    assert {MODEL.open_resistance} == set(r_p[defect == Defect.OPEN].tolist())
    assert np.all(np.abs(r_p[defect == Defect.STUCK] / (MODEL.resistance_area / MODEL.area) - 1) < 0.5)


def test_half_of_the_cells_begin_in_each_state(dies):
    initial = gathered(dies, "initial", good=False)
    assert {0, 1} == set(initial.tolist())
    assert abs(initial.mean() - 0.5) < 2 / math.sqrt(CELLS)


def test_telegraph_noise_is_in_its_share_of_cells_and_within_its_sizes(dies):
    steps = gathered(dies, "telegraph", good=False)
    noisy = steps[steps != 0]
    assert abs(noisy.size - MODEL.telegraph * CELLS) < 4 * math.sqrt(MODEL.telegraph * CELLS)
    assert MODEL.telegraph_size[0] <= noisy.min()
    assert noisy.max() <= MODEL.telegraph_size[1]


def test_barriers_break_as_the_weibull_law_says(dies):
    law = MODEL.breakdown
    damages = gathered(dies, "damage_at_breakdown", good=False)
    scale = (law.diameter / MODEL.diameter) ** (2 / law.beta)
    assert stats.kstest(damages, "weibull_min", args=(law.beta, 0, scale)).pvalue > 1e-3
    assert np.mean(damages < scale) == pytest.approx(1 - math.exp(-1), abs=4 * 0.5 / math.sqrt(CELLS))


def test_the_time_to_63_percent_is_a_damage_of_one():
    law = MODEL.breakdown
    assert damage(np.array([law.v_ref, -law.v_ref]), law.t_ref, law).tolist() == [1.0, 1.0]
    assert 0.0 == damage(np.zeros(1), 1.0, law)[0]
    slope = math.log(damage(np.array([1.1]), 1.0, law)[0] / damage(np.array([1.0]), 1.0, law)[0]) / math.log(1.1)
    assert slope == pytest.approx(law.n, rel=1e-9)


def test_the_limit_of_the_default_bench_is_safe_as_its_file_says():
    # instruments/benches: breakdown after 100 pulses of 100 us at 700 mV is 5e-8.
    law = MODEL.breakdown
    assert 1 - math.exp(-(damage(np.array([0.7]), 100 * 1e-4, law)[0] ** law.beta)) == pytest.approx(5e-8, rel=0.2)


def test_the_same_model_is_the_same_die_and_another_seed_is_another():
    again, other = draw_die(MODEL), draw_die(dataclasses.replace(MODEL, seed=MODEL.seed + 1))
    assert draw_die(MODEL).r_p.tolist() == again.r_p.tolist()
    assert not np.intersect1d(again.r_p, other.r_p).size


def test_a_spread_of_zero_makes_all_cells_alike():
    die = draw_die(dataclasses.replace(MODEL, sigma_r_p=0.0, short=0.0, open=0.0, stuck=0.0))
    assert {MODEL.resistance_area / MODEL.area} == set(die.r_p.ravel().tolist())
    assert {int(Defect.NONE)} == set(die.defect.ravel().tolist())


def test_what_changes_one_parameter_leaves_the_others():
    plain, wide = draw_die(MODEL), draw_die(dataclasses.replace(MODEL, sigma_tmr=0.2))
    for name in ("r_p", "v_c0", "delta", "stray_field", "defect", "initial"):
        assert getattr(plain, name).tolist() == getattr(wide, name).tolist()


# -- the table of defaults -------------------------------------------------------------------------


def test_a_diameter_of_the_table_gives_its_row():
    row = die_defaults().at(40e-9)
    assert (75, 0.4, 0.05) == (row.delta, row.v_c0, row.sigma_v_c)


def test_a_diameter_between_two_rows_is_interpolated():
    assert die_defaults().at(35e-9).delta == pytest.approx(70.0)
    assert die_defaults().at(42.5e-9).delta == pytest.approx(76.25)


@pytest.mark.parametrize(("diameter", "delta"), [(5e-9, 40), (15e-9, 40), (100e-9, 80), (300e-9, 80)])
def test_beyond_the_table_the_nearest_row_holds(diameter, delta):
    assert delta == die_defaults().at(diameter).delta
