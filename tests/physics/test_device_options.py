"""Options of the simulated junction: temperature, heat, back-hopping, neighbours, drifts, noise, wear."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labmtj.config.bench import load_bench
from labmtj.errors import FileProblems, InputError
from labmtj.physics import cell_drive
from labmtj.physics.back_hopping import back_hopping_probability
from labmtj.physics.breakdown import breakdown_probability, damage, time_to_63_percent
from labmtj.physics.noise import BOLTZMANN, ELEMENTARY_CHARGE, current_variance, reading_noise
from labmtj.physics.retention import retention_loss
from labmtj.physics.spatial import correlated, drift
from labmtj.physics.stray_field import neighbour_field
from labmtj.physics.switching import switching_rate
from labmtj.physics.temperature import barrier_at, heated, resistance_at, tmr_at
from labmtj.physics.variation import DieModel, draw_die
from labmtj.records import Defect
from labmtj.twin.build import die_model
from labmtj.twin.electrics import Electrics
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup
from labmtj.twin.sources import Source
from labmtj.twin.state import DieState

law = settings(deadline=None, derandomize=True, max_examples=50)
MODEL = die_model(load_bench("simulated-15x15").bench)
OPTIONS = {
    "temperature": ("350 K", 350.0),
    "r_p_per_kelvin": ("-0.1 %", -0.001),
    "r_ap_per_kelvin": ("-0.2 %", -0.002),
    "heating": ("0.5 K/uW", 5e5),
    "back_hopping": ("2.2", 2.2),
    "back_hopping_rate": ("2 GHz", 2e9),
    "back_hopping_delta": ("40", 40.0),
    "gradient_r_p": ("5 %", 0.05),
    "gradient_v_c": ("-4 %", -0.04),
    "bow_r_p": ("3 %", 0.03),
    "bow_v_c": ("2 %", 0.02),
    "correlated_r_p": ("3 %", 0.03),
    "correlated_v_c": ("2 %", 0.02),
    "correlation_length": ("3", 3.0),
    "correlation_v_c_delta": ("50 %", 0.5),
    "neighbour_field": ("0.5 %", 0.005),
}


def die(**options):
    return draw_die(dataclasses.replace(MODEL, **options))


# -- reachable, and off ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_can_be_said_in_a_bench_file(name):
    text, value = OPTIONS[name]
    said = die_model(load_bench("simulated-15x15", overrides=[f"die.{name}={text}"]).bench)
    assert value == pytest.approx(getattr(said, name), rel=1e-12)
    assert value != getattr(MODEL, name)
    assert dataclasses.replace(said, **{name: getattr(MODEL, name)}) == MODEL


def test_a_heating_without_its_unit_is_refused():
    with pytest.raises(FileProblems, match="K/uW"):
        load_bench("simulated-15x15", overrides=["die.heating=0.5"])


def test_options_of_the_default_die_change_nothing():
    off = {field.name: field.default for field in dataclasses.fields(DieModel) if field.name in OPTIONS}
    plain, default = die(**{name: value for name, value in off.items() if name != "temperature"}), draw_die(MODEL)
    for name in ("r_p", "tmr", "v_c0", "delta", "stray_field", "defect", "initial", "damage_at_breakdown"):
        assert np.array_equal(getattr(plain, name), getattr(default, name))


# -- temperature and heat --------------------------------------------------------------------------


def test_a_warm_die_has_less_tmr_lower_barriers_and_nearly_the_same_r_p():
    cold, warm = draw_die(MODEL), die(temperature=350.0)
    good = cold.defect == Defect.NONE
    assert np.allclose(warm.r_p[good] / cold.r_p[good], 1 - 0.0003 * 50, rtol=1e-12)
    r_ap = [d.r_p[good] * (1 + d.tmr[good]) for d in (cold, warm)]
    assert np.allclose(r_ap[1] / r_ap[0], 1 - 0.0015 * 50, rtol=1e-12)
    assert np.allclose(warm.delta / cold.delta, 300 / 350, rtol=1e-12)
    assert np.array_equal(warm.r_p[cold.defect == Defect.SHORT], cold.r_p[cold.defect == Defect.SHORT])
    assert np.array_equal(warm.v_c0, cold.v_c0)


@law
@given(tmr=st.floats(0.1, 3.0), at=st.floats(250.0, 400.0))
def test_tmr_changes_only_where_the_two_resistances_change_differently(tmr, at):
    same = tmr_at(tmr, p_per_kelvin=-0.001, ap_per_kelvin=-0.001, temperature=at, reference=300.0)
    assert same == pytest.approx(tmr, rel=1e-12)
    assert tmr_at(tmr, p_per_kelvin=-3e-4, ap_per_kelvin=-1.5e-3, temperature=300.0, reference=300.0) == tmr


def test_a_law_that_leaves_no_resistance_is_refused():
    with pytest.raises(InputError, match="small changes"):
        resistance_at(1e3, per_kelvin=-0.01, temperature=450.0, reference=300.0)


def test_a_cell_heats_itself_and_its_barrier_falls():
    assert heated(300.0, power=20e-6, heating=1e6) == 320.0
    assert barrier_at(75.0, temperature=320.0, reference=300.0) == pytest.approx(75 * 300 / 320)
    truth, power = die(heating=1e6), np.full((15, 15), 20e-6)
    assert np.allclose(cell_drive.barrier(truth, power=power), truth.delta * 300 / 320, rtol=1e-12)
    assert cell_drive.barrier(draw_die(MODEL), power=power) == pytest.approx(draw_die(MODEL).delta, rel=0)


# -- back-hopping ----------------------------------------------------------------------------------


def test_back_hopping_follows_its_law_and_stays_at_its_attempt_rate_above_its_voltage():
    given = {"v_bh": 0.9, "k_bh": 1e9, "delta_ref": 60.0}
    at_rest = -math.expm1(-1e-4 * 1e9 * math.exp(-60 * (1 - 0.5 / 0.9) ** 2))
    assert back_hopping_probability(0.5, 1e-4, **given) == pytest.approx(at_rest, rel=1e-12)
    assert back_hopping_probability(-0.5, 1e-4, **given) == pytest.approx(at_rest, rel=1e-12)
    assert back_hopping_probability([0.9, 1.0, 2.0], 1e-9, **given) == pytest.approx(-math.expm1(-1.0), rel=1e-12)
    assert back_hopping_probability(0.5, 0.0, **given) == 0.0


@law
@given(v=st.floats(0, 2), more=st.floats(0, 1), pulse=st.floats(0, 1), delta=st.floats(1, 100))
def test_back_hopping_grows_with_voltage_and_time(v, more, pulse, delta):
    given = {"v_bh": 1.0, "k_bh": 1e9, "delta_ref": delta}
    p = back_hopping_probability(v, pulse, **given)
    assert 0.0 <= p <= 1.0
    assert back_hopping_probability(v + more, pulse, **given) >= p
    assert back_hopping_probability(v, pulse * 2, **given) >= p


def test_back_hopping_is_harmless_at_the_working_amplitude():
    # physics.md: 257 mV at 40 nm, written at 1.2 to 1.3 times that
    assert back_hopping_probability(1.3 * 0.257, 1e-4, v_bh=2.25 * 0.4, k_bh=1e9, delta_ref=60.0) < 1e-5


def test_only_cells_in_the_state_that_the_pulse_writes_hop_back():
    for sign in (1, -1):
        truth = die(back_hopping=2.0, sign=sign)
        state = (np.arange(225).reshape(15, 15) % 2).astype(np.int8)
        up = cell_drive.back_hopping(truth, state=state, cell_v=np.full((15, 15), 0.9), seconds=1e-4)
        down = cell_drive.back_hopping(truth, state=state, cell_v=np.full((15, 15), -0.9), seconds=1e-4)
        assert np.array_equal(up > 0, state == (0 if sign == 1 else 1))
        assert np.array_equal(down > 0, state == (1 if sign == 1 else 0))
    assert not cell_drive.back_hopping(draw_die(MODEL), state=state, cell_v=np.ones((15, 15)), seconds=1.0).any()


# -- stray fields ----------------------------------------------------------------------------------


def test_a_common_field_helps_one_direction_as_much_as_it_hinders_the_other():
    truth = die(sigma_stray_field=0.0, stray_field=0.05, v_c0_ratio=1.0)
    p, ap = np.zeros((15, 15), np.int8), np.ones((15, 15), np.int8)
    cell_v = 0.2 * truth.v_c0
    assert np.allclose(cell_drive.drive(truth, state=ap, cell_v=cell_v), 0.2 + 0.05)
    assert np.allclose(cell_drive.drive(truth, state=p, cell_v=-cell_v), 0.2 - 0.05)
    lost = retention_loss(3600.0, delta=45.0, tau_d=1e-9, stray_field=[0.05, 0.0, -0.05])
    assert lost[0] > 10 * lost[1] > 100 * lost[2]


def test_neighbours_add_up_by_number_and_distance():
    state = np.zeros((5, 5), np.int8)
    state[2, 2] = 1
    shift = neighbour_field(state, each=0.01) - neighbour_field(np.zeros((5, 5)), each=0.01)
    assert np.allclose(shift[2, 1:4:2], 0.02)
    assert np.allclose(shift[1:4:2, 1:4:2], 0.02 * 2**-1.5)
    assert 8 == np.count_nonzero(shift)
    assert 0.0 == shift[2, 2]
    assert neighbour_field(np.ones((3, 3)), each=0.01)[1, 1] == pytest.approx(0.01 * (4 + 4 * 2**-1.5))


@law
@given(bits=st.lists(st.integers(0, 1), min_size=12, max_size=12), each=st.floats(-0.05, 0.05))
def test_neighbours_all_turned_over_act_the_other_way(bits, each):
    state = np.array(bits).reshape(3, 4)
    assert np.array_equal(neighbour_field(state, each=each), -neighbour_field(1 - state, each=each))
    assert np.allclose(neighbour_field(state[::-1], each=each), neighbour_field(state, each=each)[::-1])


def test_the_drive_of_a_cell_depends_on_what_its_neighbours_are():
    truth, zero = die(neighbour_field=0.01), np.zeros((15, 15))
    state = np.zeros((15, 15), np.int8)
    before = cell_drive.drive(truth, state=state, cell_v=zero)
    state[7, 8] = 1
    after = cell_drive.drive(truth, state=state, cell_v=zero)
    assert after[7, 7] == pytest.approx(before[7, 7] - 0.02)  # less reason for P -> AP beside an AP cell
    assert after[3, 3] == before[3, 3]


# -- variation over the array ----------------------------------------------------------------------


@law
@given(linear=st.floats(-0.2, 0.2), bow=st.floats(-0.2, 0.2), angle=st.floats(0, 6.28), size=st.integers(1, 20))
def test_a_drift_leaves_the_mean_of_the_array(linear, bow, angle, size):
    found = drift((size, 7), linear=linear, bow=bow, angle=angle)
    assert abs(found.mean()) < 1e-12
    along = drift((7, 9), linear=linear, bow=0.0, angle=0.0)
    assert np.allclose([along[0, 0], along[3, 8], along[6, 4]], [-linear, linear, 0.0])
    corners = drift((7, 9), linear=0.0, bow=bow, angle=angle)
    assert corners[0, 0] - corners[3, 4] == pytest.approx(bow)


def test_correlated_noise_has_unit_variance_and_the_stated_length():
    chance, length = np.random.default_rng(3), 2.5
    fields = np.array([correlated(chance.standard_normal((9, 12)), length=length) for _ in range(4000)])
    covariance = np.einsum("nij,n->ij", fields, fields[:, 4, 3]) / len(fields)
    row, col = np.indices((9, 12))
    expected = np.exp(-((row - 4) ** 2 + (col - 3) ** 2) / (2 * length**2))
    assert np.max(np.abs(covariance - expected)) < 5 / math.sqrt(len(fields))
    assert np.allclose(correlated(np.eye(4), length=1e-3), np.eye(4))
    with pytest.raises(InputError, match="correlation length"):
        correlated(np.eye(3), length=0.0)


def test_a_gradient_of_a_die_reaches_resistance_and_critical_voltage_alike():
    plain, tilted = draw_die(MODEL), die(gradient_r_p=0.1, gradient_v_c=0.05, bow_r_p=0.02, bow_v_c=0.01)
    good = plain.defect == Defect.NONE
    r_p, v_c = np.log(tilted.r_p / plain.r_p), np.log(tilted.v_c0 / plain.v_c0)
    assert np.allclose(r_p[good], 2 * v_c[good], atol=1e-12)
    assert 0.1 < np.ptp(r_p[good]) < 0.35
    assert np.array_equal(plain.delta, tilted.delta)


def test_correlated_parameters_of_many_dies_have_the_stated_spread():
    plain = {"sigma_v_c": 0.0, "correlated_v_c": 0.05, "correlation_length": 4.0}
    found = np.array([die(seed=seed, **plain).v_c0 for seed in range(400)]) / MODEL.v_c0
    assert found.std() == pytest.approx(0.05, rel=0.06)
    beside = np.corrcoef(found[:, 7, 7], found[:, 7, 8])[0, 1]
    assert beside == pytest.approx(math.exp(-1 / 32), abs=0.03)


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.6, 1.0])
def test_critical_voltage_and_barrier_correlate_as_said(rho):
    dies = [die(seed=seed, correlation_v_c_delta=rho) for seed in range(40)]
    v_c, delta = (np.log(np.array([getattr(d, name) for d in dies]).ravel()) for name in ("v_c0", "delta"))
    assert np.corrcoef(v_c, delta)[0, 1] == pytest.approx(rho, abs=0.04)
    assert delta.std() == pytest.approx(math.sqrt(math.log1p(MODEL.sigma_delta**2)), rel=0.03)


def test_a_correlation_beyond_one_is_refused():
    with pytest.raises(InputError, match="-1 to 1"):
        die(correlation_v_c_delta=1.2)


# -- wear ------------------------------------------------------------------------------------------


def test_breakdown_is_that_of_the_reference_table():
    given = {"diameter": 40e-9, "law": MODEL.breakdown}
    broken = [breakdown_probability(damage(np.array(v), 100 * 1e-4, MODEL.breakdown), **given) for v in (0.9, 0.8, 0.7)]
    assert broken == pytest.approx([0.037, 6.5e-5, 5e-8], rel=0.1)
    assert breakdown_probability(1.0, **given) == pytest.approx(1 - math.exp(-1))
    assert time_to_63_percent([1.3, -1.3], MODEL.breakdown) == pytest.approx([1e-8, 1e-8])


@law
@given(parts=st.lists(st.tuples(st.floats(0.3, 1.2), st.floats(0, 1e-3)), min_size=1, max_size=6))
def test_damage_is_a_sum_of_shares_of_the_time_to_63_percent(parts):
    total = sum(float(damage(np.array(v), t, MODEL.breakdown)) for v, t in parts)
    shares = sum(t / float(time_to_63_percent(v, MODEL.breakdown)) for v, t in parts)
    assert total == pytest.approx(shares, rel=1e-9)


# -- retention, as physics.md has it ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("barrier", "sigma", "hour", "day"), [(40, 0.14, 0.08, 0.19), (50, 0.14, 0.008, 0.024), (65, 0.12, 6e-5, 2e-4)]
)
def test_mean_losses_at_rest_are_those_of_the_reference_table(barrier, sigma, hour, day):
    # 15, 20 and 30 nm, both states in the common field of 5 %; that table spreads the barriers normally
    share = (np.arange(100_000) + 0.5) / 100_000
    delta = np.clip(barrier * (1 + sigma * stats.norm.ppf(share)), 10.0, 122.0)
    field = 0.05 + 0.015 * np.random.default_rng(4).permutation(stats.norm.ppf(share))
    given = {"delta": delta, "tau_d": 1e-9}
    lost = [np.mean([retention_loss(s, stray_field=h, **given) for h in (field, -field)]) for s in (3600.0, 86400.0)]
    assert lost == pytest.approx([hour, day], rel=0.25 if hour > 1e-3 else 0.6)


# -- noise -----------------------------------------------------------------------------------------


def noise(volts, **options):
    given = {"conductance": np.array([1e-4]), "fano": np.ones(1), "flicker": np.zeros(1), "telegraph": np.zeros(1)}
    rest = {"area": 1.2e-15, "temperature": 300.0, "aperture": 1e-3}
    return reading_noise(np.array([volts]), **(given | rest | options))


@pytest.mark.parametrize("volts", [0.0, 1e-3, 0.02, 0.1, -0.1])
def test_white_noise_is_that_of_two_streams_of_electrons(volts):
    """Count electrons each way: rates in the ratio exp(eV / kT), with the difference that makes the current."""
    aperture, x = 1e-3, ELEMENTARY_CHARGE * volts / (BOLTZMANN * 300.0)
    thermal = 1e-4 * BOLTZMANN * 300.0 / ELEMENTARY_CHARGE**2  # each way without bias [1/s]
    forth = thermal * (x / -math.expm1(-x) if x else 1.0)
    back = thermal * (x / math.expm1(x) if x else 1.0)
    counts = np.random.default_rng(5).poisson([forth * aperture, back * aperture], (40_000, 2))
    current = ELEMENTARY_CHARGE * (counts[:, 0] - counts[:, 1]) / aperture
    assert current.mean() == pytest.approx(1e-4 * volts, abs=5 * current.std() / 200)
    assert current.var() == pytest.approx(noise(volts).white[0], rel=5 * math.sqrt(2 / 40_000))


def test_flicker_noise_is_that_of_readings_compared_over_a_minute():
    """Draw 1/f noise by its spectrum, average readings, and take their scatter about a minute's mean."""
    aperture, per_reading, readings = 1.0, 8, 60
    step, trials, longer = aperture / per_reading, 400, 32
    count = longer * readings * per_reading
    frequency = np.fft.rfftfreq(count, step)
    chance = np.random.default_rng(8)
    density = np.concatenate([[0.0], 1e-3 / frequency[1:]])
    scatter = []
    for _ in range(trials):
        real, imaginary = chance.standard_normal((2, frequency.size))
        spectrum = np.sqrt(density * count / (4 * step)) * (real + 1j * imaginary)
        means = np.fft.irfft(spectrum, count).reshape(longer, readings, per_reading).mean(axis=2)
        scatter.append(means.var(axis=1).mean())
    area = 1e-15
    found = noise(0.1, flicker=np.array([1e-3 * area]), area=area, aperture=aperture).flicker[0]
    assert np.mean(scatter) * (1e-4 * 0.1) ** 2 == pytest.approx(found, rel=0.05)


def test_telegraph_noise_is_the_scatter_of_two_levels():
    levels = np.random.default_rng(2).integers(0, 2, 100_000) * 0.03 * 1e-5
    assert noise(0.1, telegraph=np.array([0.03])).telegraph[0] == pytest.approx(levels.var(), rel=0.01)


@law
@given(volts=st.floats(-0.5, 0.5), fano=st.floats(0, 1))
def test_parts_of_the_noise_add_up_and_agree_with_what_the_twin_draws(volts, fano):
    given = {"fano": np.array([fano]), "flicker": np.array([5e-21])}
    parts = noise(volts, telegraph=np.array([0.02]), **given)
    assert parts.sigma**2 == pytest.approx(parts.white + parts.flicker + parts.telegraph, rel=1e-12)
    if abs(volts) > 1e-8:
        rest = {"area": 1.2e-15, "temperature": 300.0, "aperture": 1e-3}
        whole = current_variance(np.array([volts]), np.array([1e-4 * volts]), **given, **rest)
        assert parts.white + parts.flicker == pytest.approx(whole, rel=1e-9)
    assert noise(0.0, fano=np.array([fano])).white[0] == pytest.approx(4 * BOLTZMANN * 300 * 1e-4 / 2e-3, rel=1e-6)


def test_a_warm_cell_is_left_faster():
    cold, warm = (
        switching_rate(0.0, delta=barrier_at(60.0, temperature=t, reference=300.0), tau_d=1e-9) for t in (300, 330)
    )
    assert math.log(warm / cold) == pytest.approx(60 * (1 - 300 / 330), abs=0.1)


# -- in the simulated array ------------------------------------------------------------------------


def after_a_pulse(volts, seconds=1e-4, **options):
    """States of 20 x 20 cells that were all AP, after one pulse on all rows at once; positive writes P."""
    small = {"rows": 20, "cols": 20, "short": 0.0, "open": 0.0, "stuck": 0.0, "wire": 0.0}
    truth = die(**(small | options))
    array = Electrics(truth, DieState(truth))
    array.state.state[...] = 1
    lines = ((Contact(0, 0.01),),) * 20 + ((Contact(GROUND, 0.01),),) * 20
    array.pulse(Hookup(Connections(lines, 1), (Source(volts, 100.0),)), seconds)
    return array.state.state.copy()


def test_a_pulse_that_is_too_strong_does_not_last():
    assert 0 == after_a_pulse(0.6).sum()
    back = after_a_pulse(0.6, back_hopping=1.5, back_hopping_rate=1e9, back_hopping_delta=12.0)
    assert 400 == back.sum()  # 0.6 V is V_bh for the mean cell: 1e5 attempts a pulse


def test_heat_and_neighbours_help_a_weak_pulse_and_nothing_else_changes():
    plain = after_a_pulse(0.22)
    assert np.array_equal(plain, after_a_pulse(0.22, back_hopping=2.25, back_hopping_rate=1e9, back_hopping_delta=60.0))
    hot, coupled = after_a_pulse(0.22, heating=5e6), after_a_pulse(0.22, neighbour_field=0.01)
    assert 50 < hot.sum() < plain.sum() - 30
    assert 10 < coupled.sum() < plain.sum() - 30
    assert np.all(hot <= plain)
    assert np.all(coupled <= plain)
