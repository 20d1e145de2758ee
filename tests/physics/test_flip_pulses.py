"""Pulses that flip with a wanted probability: the switching law, inverted."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.physics.flip_pulses import amplitudes_for_probability, flip_law, log_slope
from labmtj.physics.switching_cells import Switching

ASKED = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])[:, np.newaxis]
DELTAS = np.array([40.0, 50.0, 65.0, 80.0, 110.0])


def realised(volts, *, width, delta=DELTAS, v_c0=1.0, field=0.0):
    drive, barrier = np.broadcast_arrays(volts / v_c0 + field, delta)
    found = Switching(barrier.ravel(), tau_d=1e-9).probabilities(drive.ravel(), width=width)
    return found.reshape(drive.shape)


@pytest.mark.parametrize("width", [1e-8, 1e-6, 1e-4])
def test_an_amplitude_gives_the_probability_it_was_made_for(width):
    volts = amplitudes_for_probability(ASKED, v_c0=0.4, delta=DELTAS, width=width, field=0.03)
    assert 1e-3 > np.abs(realised(volts, width=width, v_c0=0.4, field=0.03) / ASKED - 1).max()


def test_the_slope_is_the_one_of_the_literature():
    # Per unit of ln V at P = 1/2: 7 to 10 at 10 ns and about 33 at 100 us (Delta 50 to 80).
    short = log_slope(0.5, delta=np.array([50.0, 65.0, 80.0]), width=1e-8)
    assert ((short > 7.0) & (short < 10.5)).all()
    assert 33.0 == pytest.approx(float(log_slope(0.5, delta=75.0, width=1e-4)), abs=1.5)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(InputError, match="can be asked"):
        amplitudes_for_probability(1.0, v_c0=0.4, delta=75.0, width=1e-4)
    with pytest.raises(InputError, match="barriers"):
        amplitudes_for_probability(0.5, v_c0=0.4, delta=5.0, width=1e-4)
    with pytest.raises(InputError, match="without a pulse"):
        amplitudes_for_probability(0.001, v_c0=0.4, delta=12.5, width=1e-2)


@pytest.mark.parametrize(("width", "close"), [(1e-8, 0.02), (1e-4, 1e-3)])
def test_the_polynomials_of_cells_follow_the_law(width, close):
    law = flip_law(np.full(DELTAS.size, 0.4), delta=DELTAS, width=width)
    volts = amplitudes_for_probability(ASKED, v_c0=0.4, delta=DELTAS, width=width)
    assert close > np.abs(law.probability(volts) / ASKED - 1).max()
    assert close > np.abs(law.volts(np.broadcast_to(ASKED, volts.shape)) / volts - 1).max()


@pytest.mark.parametrize(("width", "close"), [(1e-8, 0.15), (1e-4, 0.02)])
def test_the_law_of_spread_cells_gives_the_mean_of_them(width, close):
    law = flip_law(np.array([0.4]), delta=65.0, width=width, spread=0.05)
    asked = np.array([0.01, 0.1, 0.5, 0.9])
    volts = law.volts(asked)
    ratio = np.exp(0.05 * np.random.default_rng(1).standard_normal(20_000))
    mean = [realised(v, width=width, delta=np.full(ratio.size, 65.0), v_c0=0.4 * ratio).mean() for v in volts]
    assert asked == pytest.approx(np.array(mean), rel=close)
