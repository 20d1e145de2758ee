"""Curves of simulated neurons as a host would know and drive them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.neurons.curves import Calibration
from labmtj.nets.neurons.dies import Measuring, simulated
from labmtj.neuron_dies import neuron_model, varied
from labmtj.physics.neuron_die import draw_neurons, magnetisation

WHOLE = {"short": 0.0, "open": 0.0}


def die(variation: float, *, count: int = 200, defects=None):
    return draw_neurons(varied(neuron_model(1, count=count, defects=WHOLE if defects is None else defects), variation))


def test_neurons_that_do_not_vary_all_lie_as_close_to_tanh_and_sech_as_the_design():
    curves = simulated(die(0.0, count=20), calibration=Calibration.NONE)
    assert len(curves) == 20
    assert_allclose(curves.x, curves.x[:1] * np.ones((20, 1)))
    assert curves.deviation_x.max() < 0.07
    assert curves.deviation_z.max() < 0.07
    assert_allclose(curves.x, -curves.x[:, ::-1], atol=1e-6)
    assert_allclose(curves.z, curves.z[:, ::-1], atol=1e-6)


def test_calibration_takes_out_scale_and_offset_and_leaves_the_asymmetry():
    truth = die(0.1)
    raw, known = (simulated(truth, calibration=how) for how in (Calibration.NONE, Calibration.NEURON))
    assert np.median(known.deviation_x) < 0.7 * np.median(raw.deviation_x)
    zeros = [[np.interp(0.0, x, curves.grid) for x in curves.x] for curves in (raw, known)]
    assert np.std(zeros[0]) == pytest.approx(0.1, rel=0.2)
    assert np.std(zeros[1]) < 0.04


def test_a_table_holds_what_the_neuron_answers_to_the_current_that_the_host_sends():
    truth = die(0.05, count=30)
    curves = simulated(truth, calibration=Calibration.NONE, points=17)
    # Without calibration all neurons get the current that is right for the median one.
    model = truth.model
    at_one = [np.interp(1.0, curves.grid, x) for x in curves.x]
    amplitude = truth.tmr_x / (2.0 + truth.tmr_x)
    m_x, _ = magnetisation(truth, np.linspace(0.8, 1.2, 81) * model.critical)
    wanted = (amplitude / np.median(amplitude))[:, None] * m_x
    off = np.abs(wanted - np.array(at_one)[:, None]).max(axis=0)
    assert off.min() < 0.02


def test_shorts_and_opens_have_no_curves():
    truth = die(0.05, defects={"short": 0.1, "open": 0.1})
    curves = simulated(truth, calibration=Calibration.NEURON)
    assert_array_equal(curves.numbers, np.flatnonzero(truth.defect == 0) + 1)
    assert len(curves) < 200
    with pytest.raises(InputError, match="none of the 3 neurons"):
        simulated(die(0.0, count=3, defects={"short": 1.0, "open": 0.0}), calibration=Calibration.NONE)


def test_errors_of_the_measurement_spoil_the_calibration_and_not_the_answers():
    truth = die(0.05)
    clean = simulated(truth, calibration=Calibration.NEURON)
    noisy = simulated(truth, calibration=Calibration.NEURON, measuring=Measuring(error=0.05))
    assert not np.array_equal(clean.x, noisy.x)
    assert np.abs(clean.x - noisy.x).max() < 0.1
    assert np.median(noisy.deviation_x) == pytest.approx(np.median(clean.deviation_x), abs=0.03)


def test_drives_stay_within_the_currents_that_were_measured():
    truth = die(0.2)
    curves = simulated(truth, calibration=Calibration.NEURON, measuring=Measuring(reach=2.0))
    assert curves.low.min() < -2.0 < curves.low.max()
    wider = simulated(truth, calibration=Calibration.NEURON, measuring=Measuring(reach=3.0))
    assert np.all(wider.high >= curves.high - 0.2)
    with pytest.raises(InputError, match="a reach above 0"):
        replace(Measuring(), reach=0.0)
