"""Noise of junctions against its limits."""

import math

import numpy as np
import pytest

from labmtj.physics.noise import BOLTZMANN, ELEMENTARY_CHARGE, current_variance, white_density

T, R = 300.0, 8e3


def density(volts, fano):
    voltage = np.array([volts])
    return white_density(voltage, voltage / R, np.array([fano]), T)[0]


@pytest.mark.parametrize("fano", [0.0, 0.5, 0.91, 1.0])
@pytest.mark.parametrize("volts", [1e-6, -1e-6, 1e-4])
def test_at_low_bias_it_is_johnson_noise_whatever_the_fano_factor(volts, fano):
    assert density(volts, fano) == pytest.approx(4 * BOLTZMANN * T / R, rel=1e-5)


@pytest.mark.parametrize("fano", [0.91, 1.0])
@pytest.mark.parametrize("volts", [0.5, -0.5])
def test_at_high_bias_it_is_shot_noise_plus_the_thermal_rest(volts, fano):
    shot = 2 * ELEMENTARY_CHARGE * abs(volts) / R * fano
    assert density(volts, fano) == pytest.approx(shot + (1 - fano) * 4 * BOLTZMANN * T / R, rel=1e-7)


def test_in_between_it_follows_the_hyperbolic_cotangent():
    volts = 2 * BOLTZMANN * T / ELEMENTARY_CHARGE
    assert density(volts, 1.0) == pytest.approx(2 * ELEMENTARY_CHARGE * volts / R / math.tanh(1.0), rel=1e-12)


def variance(volts, *, flicker=0.0, aperture=0.02, area=1e-15):
    voltage = np.array([volts])
    return current_variance(
        voltage,
        voltage / R,
        fano=np.ones(1),
        flicker=np.array([flicker]),
        area=area,
        temperature=T,
        aperture=aperture,
    )[0]


def test_averaging_over_an_aperture_leaves_half_its_inverse_as_bandwidth():
    assert variance(0.05) == pytest.approx(density(0.05, 1.0) / (2 * 0.02), rel=1e-12)
    assert variance(0.05, aperture=0.002) == pytest.approx(10 * variance(0.05), rel=1e-12)


def test_flicker_noise_is_a_fixed_share_of_the_current():
    current = 0.05 / R
    added = variance(0.05, flicker=1e-21) - variance(0.05)
    assert math.sqrt(added) / current == pytest.approx(math.sqrt(1e-21 / 1e-15 * math.log(60 / 0.02)), rel=1e-9)
    assert variance(0.1, flicker=1e-21) - variance(0.1) == pytest.approx(4 * added, rel=1e-6)
    assert variance(0.05, flicker=1e-21, area=4e-15) - variance(0.05) == pytest.approx(added / 4, rel=1e-6)


def test_a_reading_of_a_40_nm_cell_is_steady_to_a_percent():
    # physics.md: write-verify tells the states apart by a factor of two, so noise must stay far below it.
    area = math.pi * 40e-9**2 / 4
    assert math.sqrt(variance(0.05, flicker=5e-21, area=area)) / (0.05 / R) < 0.01
