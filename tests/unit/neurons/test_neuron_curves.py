"""Tables of neurons: from a map, from fits, for as many units as a network has."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.neurons.calibrating import scales
from labmtj.nets.neurons.curves import Calibration, Zero, exact, of_map
from labmtj.records import NeuronMap


def neuron_map(*, spread: float = 0.2, neurons: int = 6) -> NeuronMap:
    random = np.random.RandomState(3)
    critical = 0.4e-3 * (1.0 + spread * random.uniform(-1.0, 1.0, neurons))
    offset = 0.02e-3 * random.uniform(-1.0, 1.0, neurons)
    # As a sweep of volts gives them: each neuron has its own currents.
    current = np.linspace(-1.3e-3, 1.3e-3, 41) * (1.0 + 0.05 * random.uniform(-1.0, 1.0, (neurons, 1)))
    s = (current - offset[:, None]) / critical[:, None]
    none, some = np.zeros(neurons), np.full(neurons, 1.0 / 3.0)
    good = np.ones(neurons, dtype=np.bool_)
    good[2] = False
    m_x = np.tanh(s)
    m_x[2] = np.nan
    return NeuronMap(
        neurons=np.arange(1, neurons + 1, dtype=np.int64),
        current=current,
        m_x=m_x,
        m_z=1.0 / np.cosh(s),
        m_x_error=np.full_like(s, 1e-3),
        m_z_error=np.full_like(s, 1e-3),
        critical=critical,
        critical_error=none,
        offset=offset,
        offset_error=none,
        asymmetry=none,
        asymmetry_error=none,
        conductance_x=some,
        conductance_z=some,
        amplitude_x=some * (1.0 + 0.1 * np.arange(neurons)),
        amplitude_z=some,
        deviation_x=none,
        deviation_z=none,
        good=good,
        probe=0.02,
        name="die A",
    )


def test_calibrated_neurons_of_a_map_lie_on_tanh_and_sech_and_broken_ones_are_left_out():
    curves = of_map(neuron_map(), calibration=Calibration.NEURON)
    assert_array_equal(curves.numbers, [1, 2, 4, 5, 6])
    assert curves.deviation_x.max() < 2e-3
    assert curves.deviation_z.max() < 2e-3
    assert curves.name == "die A"


def test_each_neuron_is_driven_over_what_it_was_measured_at():
    measured = neuron_map()
    curves = of_map(measured, calibration=Calibration.NEURON)
    asked = ((measured.current - measured.offset[:, None]) / measured.critical[:, None])[measured.good]
    assert_allclose(curves.low, np.maximum(asked[:, 0], -4.0))
    assert_allclose(curves.high, np.minimum(asked[:, -1], 4.0))
    assert curves.largest == max(curves.high.max(), -curves.low.min())
    with pytest.raises(InputError, match="both sides"):
        of_map(replace(measured, current=measured.current + 2e-3), calibration=Calibration.NEURON)


def test_without_calibration_neurons_keep_their_offsets_scales_and_amplitudes():
    measured = neuron_map()
    curves, good = of_map(measured, calibration=Calibration.NONE), neuron_map().good
    unit = np.median(measured.critical[good])
    s = (unit * curves.grid - measured.offset[good, None]) / measured.critical[good, None]
    amplitude = measured.amplitude_x[good] / np.median(measured.amplitude_x[good])
    driven = (curves.grid >= curves.low[:, None]) & (curves.grid <= curves.high[:, None])
    assert driven.mean() > 0.9
    assert_allclose(curves.x[driven], (amplitude[:, None] * np.tanh(s))[driven], atol=3e-3)
    assert_allclose(curves.z[driven], (1.0 / np.cosh(s))[driven], atol=3e-3)


def test_points_that_were_not_measured_are_bridged_and_end_the_drive():
    measured = neuron_map(spread=0.0)
    for part, places in ((measured.m_x, (0, 20)), (measured.m_z, (39, 40)), (measured.current, (7,))):
        part[3, list(places)] = np.nan
    curves = of_map(measured, calibration=Calibration.NEURON)
    asked = (measured.current[3] - measured.offset[3]) / measured.critical[3]
    assert (curves.low[2], curves.high[2]) == (asked[1], asked[38])
    assert curves.deviation_x[2] < 5e-3
    measured.m_x[3, 2:] = np.nan
    with pytest.raises(InputError, match="fewer than two points"):
        of_map(measured, calibration=Calibration.NEURON)


def test_a_map_without_a_working_neuron_gives_no_curves():
    measured = neuron_map()
    with pytest.raises(InputError, match="none of its 6 neurons works"):
        of_map(replace(measured, good=np.zeros(6, dtype=np.bool_)), calibration=Calibration.NONE)


def test_a_network_with_more_units_than_neurons_draws_the_rest_by_its_seed():
    curves = of_map(neuron_map(), calibration=Calibration.NONE)
    spread = curves.spread_over(400, seed=1)
    assert_array_equal(spread.numbers[:5], [1, 2, 4, 5, 6])
    assert set(spread.numbers[5:].tolist()) == {1, 2, 4, 5, 6}
    assert_array_equal(spread.numbers, curves.spread_over(400, seed=1).numbers)
    assert not np.array_equal(spread.numbers, curves.spread_over(400, seed=2).numbers)
    assert_array_equal(spread.x[7], curves.x[list(curves.numbers).index(spread.numbers[7])])
    assert_array_equal(curves.spread_over(3, seed=1).numbers, [1, 2, 4])


def test_the_zero_of_z_is_set_at_the_ends_of_the_drive():
    curves = exact(3, largest=3.0)
    lifted = replace(curves, z=0.2 + 0.8 * curves.z, low=np.array([-3.0, -2.0, -3.0]), noise_z=0.02)
    assert lifted.zeroed(Zero.NONE) is lifted
    found = lifted.zeroed(Zero.EDGE)
    assert_allclose(found.z, curves.z, atol=1e-3)
    assert_array_equal(found.x, curves.x)
    assert found.noise_z == pytest.approx(0.025, rel=1e-3)
    with pytest.raises(InputError, match="not below 1"):
        replace(curves, z=np.ones_like(curves.z)).zeroed(Zero.EDGE)


def test_tables_that_cannot_be_are_refused():
    good = exact(2)
    for wrong in (
        {"x": good.x[:1]},
        {"largest": 0.0},
        {"low": good.high},
        {"high": good.high + 1.0},
        {"noise_x": -0.1},
        {"levels": 1},
        {"slope": np.ones(3)},
        {"z": good.z * np.nan},
    ):
        with pytest.raises(InputError, match="neurons"):
            replace(good, **wrong)


def test_scales_are_recovered_from_noisy_curves_of_two_hundred_neurons():
    random = np.random.RandomState(0)
    current = np.linspace(-3.0, 3.0, 41)
    critical = np.maximum(1.0 + 0.2 * random.randn(200), 0.4)
    offset, asymmetry = 0.1 * random.randn(200), 0.1 * random.randn(200)
    beyond = current - offset[:, None]
    s = (1.0 + asymmetry[:, None] * np.sign(beyond)) * beyond / critical[:, None]
    x, z = 0.9 * np.tanh(s), np.linspace(0.5, 1.5, 200)[:, None] / np.cosh(s)
    found = scales(current, x, z)
    for fitted, true in (
        (found.critical, critical),
        (found.offset, offset),
        (found.asymmetry, asymmetry),
        (found.amplitude_x, 0.9),
        (found.amplitude_z, np.linspace(0.5, 1.5, 200)),
    ):
        assert_allclose(fitted, true * np.ones(200), atol=1e-8)
    noisy = scales(current, x + 0.01 * random.randn(*s.shape), z + 0.01 * random.randn(*s.shape))
    assert np.sqrt(np.mean((noisy.critical - critical) ** 2)) < 0.02
    assert np.sqrt(np.mean((noisy.offset - offset) ** 2)) < 0.01
    with pytest.raises(InputError, match="does not pass through 0"):
        scales(current, np.abs(np.tanh(s)), 1.0 / np.cosh(s))
