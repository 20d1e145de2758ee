"""Neurons of a die: their draws, their terminals and what meters say of them."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import InputError
from labmtj.neuron_dies import neuron_model, varied
from labmtj.physics.neuron_die import draw_neurons, magnetisation, operate
from labmtj.physics.neuron_electric import amplitude, conductance
from labmtj.physics.neuron_measured import Meter, measured, reading_sigma
from labmtj.physics.neuron_table import table_of
from labmtj.records import Defect

WHOLE = {"defects": {"short": 0.0, "open": 0.0}}
DIE = draw_neurons(neuron_model(3, count=40, **WHOLE))
SAME = draw_neurons(varied(neuron_model(count=2, sigma_resistance=0.0, **WHOLE), 0.0))


@pytest.mark.parametrize(
    ("name", "sigma"), [("sigma_current", 0.2), ("sigma_offset", 0.1), ("sigma_asymmetry", 0.15), ("sigma_tmr", 0.1)]
)
def test_draws_have_the_spreads_that_are_asked_for(name, sigma):
    die = draw_neurons(dataclasses.replace(neuron_model(7, count=20_000, **WHOLE), **{name: sigma}))
    drawn = {
        "sigma_current": 1.0 / die.gain,
        "sigma_offset": die.offset,
        "sigma_asymmetry": die.asymmetry,
        "sigma_tmr": die.tmr_x / die.model.tmr_x,
    }[name]
    assert float(np.std(drawn)) == pytest.approx(sigma, rel=0.03)
    assert float(np.mean(drawn)) == pytest.approx(0.0 if "offset" in name or "asym" in name else 1.0, abs=0.01)


def test_resistances_spread_and_both_junctions_are_drawn_apart():
    die = draw_neurons(neuron_model(7, count=20_000, sigma_resistance=0.1, **WHOLE))
    assert float(np.std(1.0 / die.g_x)) == pytest.approx(0.1 * die.model.resistance_x, rel=0.03)
    assert abs(float(np.corrcoef(die.g_x, die.g_z)[0, 1])) < 0.03
    assert abs(float(np.corrcoef(die.tmr_x, die.tmr_z)[0, 1])) < 0.03


def test_a_neuron_does_not_depend_on_how_many_there_are():
    few, many = (draw_neurons(varied(neuron_model(5, count=count), 0.2)) for count in (7, 900))
    for field in dataclasses.fields(few):
        if field.name != "model":
            assert np.array_equal(getattr(few, field.name), getattr(many, field.name)[:7]), field.name


def test_offsets_and_asymmetries_that_the_table_does_not_hold_are_drawn_again():
    die = draw_neurons(varied(neuron_model(5, count=20_000), 0.3))
    assert float(np.abs(die.offset).max()) <= 0.7
    assert float(np.abs(die.asymmetry).max()) <= 0.7
    with pytest.raises(InputError, match="offset"):
        draw_neurons(neuron_model(offset=0.9, sigma_offset=0.0))


def test_defects_come_in_the_asked_shares_and_turn_nothing():
    die = draw_neurons(neuron_model(1, count=1200, defects={"short": 0.1, "open": 0.05}))
    short, broken = die.defect == Defect.SHORT, die.defect == Defect.OPEN
    assert float(short.mean()) == pytest.approx(0.1, abs=0.03)
    assert float(broken.mean()) == pytest.approx(0.05, abs=0.02)
    wrong = np.flatnonzero(short | broken)
    at = operate(die, np.array([-0.1, 0.02, 0.1]), 0.02, neurons=wrong)
    assert np.ptp(at.i_x / np.array([-0.1, 0.02, 0.1]) / at.i_x[:, :1] * -0.1, axis=1) == pytest.approx(0.0, abs=5e-3)
    assert float(np.abs(at.i_x[die.defect[wrong] == Defect.OPEN]).max()) < 1e-9
    assert 0.1 / 30.0 <= float(np.abs(at.i_x[die.defect[wrong] == Defect.SHORT, 2]).min())


def test_terminals_obey_the_law_of_their_junctions_and_the_magnetisation_that_of_their_currents():
    volts = np.linspace(-0.2, 0.2, 21)
    at = operate(DIE, volts, 0.02)
    model = DIE.model
    law = {"v_h": model.v_h, "k_p": model.k_p}
    g_x = conductance(volts, at.m_x, g0=DIE.g_x[:, None], tmr=DIE.tmr_x[:, None], **law)
    g_z = conductance(0.02, at.m_z, g0=DIE.g_z[:, None], tmr=DIE.tmr_z[:, None], **law)
    assert at.i_x == pytest.approx(volts * g_x, rel=1e-11, abs=1e-18)
    assert at.i_z == pytest.approx(0.02 * g_z, rel=1e-11)
    m_x, m_z = magnetisation(DIE, at.i_x, at.i_z)
    assert m_x == pytest.approx(at.m_x, abs=1e-10)
    assert m_z == pytest.approx(at.m_z, abs=1e-10)
    table = table_of(model)
    i, p = DIE.gain[:, None] * at.i_x / model.critical, DIE.gain[:, None] * at.i_z * model.probe_torque / model.unit
    direct = table.curves(i, DIE.offset[:, None], DIE.asymmetry[:, None], probe=p)
    assert np.max(np.abs(np.stack(direct) - np.stack([at.m_x, at.m_z]))) < 2e-4


def test_one_neuron_alone_does_what_it_does_among_others():
    every = operate(DIE, np.array([0.05, -0.03]), 0.02)
    one = operate(DIE, np.array([0.05, -0.03]), 0.02, neurons=np.array([17]))
    for alone, among in zip(one, every, strict=True):
        assert alone[0] == pytest.approx(among[17], rel=1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(volts=st.floats(0.0, 0.2))
def test_turned_round_a_neuron_without_offset_and_asymmetry_mirrors_m_x(volts):
    at = operate(SAME, np.array([volts, -volts]), 0.0)
    forward, backward = at.i_x[0]
    # The currents differ by the magnetoresistance, so the same magnitude of current is compared.
    m_x, m_z = magnetisation(SAME, np.array([forward, -forward]))
    assert m_x[0, 0] == pytest.approx(-m_x[0, 1], abs=1e-7)
    assert m_z[0, 0] == pytest.approx(m_z[0, 1], abs=1e-7)
    assert forward >= -backward
    assert np.all(np.hypot(m_x, m_z) <= 1.0)
    assert np.all(m_z > 0.0)


def test_a_drive_beyond_the_table_is_refused():
    with pytest.raises(InputError, match="lower the drive"):
        operate(DIE, 3.0, 0.02)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(v=st.floats(-1.0, 1.0), tmr=st.floats(0.0, 3.0))
def test_parallel_over_antiparallel_is_the_magnetoresistance(v, tmr):
    g = [float(conductance(v, m, g0=0.01, tmr=tmr, v_h=0.5, k_p=0.2)) for m in (1.0, -1.0, 0.0)]
    assert g[0] / g[1] == pytest.approx(1.0 + tmr / (1.0 + (v / 0.5) ** 2), rel=1e-12)
    assert 0.5 * (g[0] + g[1]) == pytest.approx(g[2], rel=1e-12)
    assert g[2] == pytest.approx(0.01 * (1.0 + 0.2 * v * v), rel=1e-12)
    assert 0.0 <= float(amplitude(v, tmr=tmr, v_h=0.5)) < 1.0


def test_readings_scatter_as_the_noise_says_and_around_the_truth():
    volts = np.full(400, 0.08)
    at = operate(DIE, volts[:1], 0.02, neurons=np.arange(5))
    few = dataclasses.replace(DIE.model, count=5)
    die = draw_neurons(few)
    said = measured(die, volts, 0.02, aperture=0.02, meter_x=Meter(noise=2e-7), seed=4)
    sigma_x, sigma_z = reading_sigma(die.model, 0.08, 0.02, at, aperture=0.02)
    expected = np.hypot(sigma_x[:, 0], 2e-7)
    assert said.i_x.std(axis=1) == pytest.approx(expected, rel=0.12)
    assert said.i_z.std(axis=1) == pytest.approx(sigma_z[:, 0], rel=0.12)
    assert np.all(np.abs(said.i_x.mean(axis=1) - at.i_x[:, 0]) < 4.0 * expected / math.sqrt(400))


def test_a_reading_does_not_depend_on_the_other_neurons_and_comes_again_only_if_asked():
    volts = np.array([0.01, -0.05, 0.1])
    few, many = (draw_neurons(neuron_model(3, count=count, **WHOLE)) for count in (3, 40))
    one, other = (measured(die, volts, 0.02, aperture=0.02, seed=9) for die in (few, many))
    assert one.i_x == pytest.approx(other.i_x[:3], rel=1e-12)
    assert np.array_equal(one.i_z, measured(few, volts, 0.02, aperture=0.02, seed=9).i_z)
    again = measured(few, volts, 0.02, aperture=0.02, seed=9, first=3)
    assert not np.any(again.i_x == one.i_x)


def test_meters_have_steps_errors_and_a_range():
    meter = Meter(step=1e-6, gain=0.01, offset=5e-6, limit=5e-4)
    said = measured(DIE, np.array([0.0, 0.03, 0.2]), 0.02, aperture=10.0, meter_x=meter)
    truth = operate(DIE, np.array([0.0, 0.03, 0.2]), 0.02)
    near = said.i_x[:, :2]
    assert near / 1e-6 == pytest.approx(np.round(near / 1e-6), abs=1e-6)
    assert near == pytest.approx(1.01 * truth.i_x[:, :2] + 5e-6, abs=3e-6)
    assert np.all(np.isnan(said.i_x[:, 2]))
    with pytest.raises(InputError, match="aperture"):
        measured(DIE, 0.1, 0.02, aperture=0.0)
