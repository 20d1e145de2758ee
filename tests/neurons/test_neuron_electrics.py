"""Simulated neurons between sources and resistances: as the device alone, in faults, and what outlives a process."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from labmtj.errors import StorageError
from labmtj.neuron_dies import neuron_model
from labmtj.physics.neuron_die import operate
from labmtj.twin.hookup import GROUND, Connections, Contact, Hookup
from labmtj.twin.neuron_electrics import NeuronElectrics
from labmtj.twin.neuron_network import solve
from labmtj.twin.sources import Source

MODEL = neuron_model(3, count=6, sigma_offset=0.1, sigma_asymmetry=0.1, defects={"short": 0.0, "open": 0.0})
OHMS = 1e-3


def hookup(x, z, *, ohms=OHMS, limit=1.0, common=0.0, floating=()):
    """Every x terminal on source 0, every z terminal on source 1, every common one on source 2; some lines float."""
    count = MODEL.count
    ends = [0, 1] * count + [2] * count
    lines = [() if n in floating else (Contact(end, ohms),) for n, end in enumerate(ends)]
    return Hookup(Connections(tuple(lines), 3), tuple(Source(volts, limit) for volts in (x, z, common)))


@pytest.fixture(scope="module")
def neurons():
    return NeuronElectrics.drawn(MODEL)


@pytest.mark.parametrize("drive", [-0.4, -0.06, 0.0, 0.02, 0.3])
def test_behind_next_to_no_resistance_neurons_are_the_devices_of_the_physics(neurons, drive):
    point, truth = neurons.operating_point(hookup(drive, 0.05)), operate(neurons.truth.neurons, drive, 0.05)
    rows = np.arange(2 * MODEL.count)
    np.testing.assert_allclose(point.cell_i[rows[::2], rows[::2] // 2], truth.i_x[:, 0], rtol=3e-4, atol=1e-9)
    np.testing.assert_allclose(point.cell_i[rows[1::2], rows[1::2] // 2], truth.i_z[:, 0], rtol=1e-3)
    assert point.kcl < 1e-9
    assert sum(point.source_current) == pytest.approx(0.0, abs=1e-10)
    off_the_junctions = np.ones(point.cell_i.shape, dtype=bool)
    off_the_junctions[rows, rows // 2] = False
    assert 0.0 == np.abs(point.cell_i[off_the_junctions]).max()


def test_a_terminal_that_hangs_on_nothing_takes_no_current(neurons):
    count = MODEL.count
    for line, junctions in ((0, [0]), (1, [1]), (2 * count, [0, 1])):
        point = neurons.operating_point(hookup(0.2, 0.05, floating=(line,)))
        if len(junctions) == 1:
            assert abs(point.cell_i[line, 0]) < 1e-12
            assert point.cell_i[1 - line, 0] > 1e-5
        else:  # what comes in through x leaves through z
            assert point.cell_i[0, 0] == pytest.approx(-point.cell_i[1, 0], rel=1e-6)
            assert point.cell_v[0, 0] - point.cell_v[1, 0] == pytest.approx(0.15, rel=1e-5)


def test_contacts_take_their_share_of_the_drive(neurons):
    point = neurons.operating_point(hookup(0.2, 0.0, ohms=10.0))
    x = point.cell_i[0, 0]
    assert point.cell_v[0, 0] == pytest.approx(0.2 - 10.0 * (x + x + point.cell_i[1, 0]), rel=1e-9)


def test_a_source_in_compliance_gives_its_limit(neurons):
    limit = 1e-3
    point = neurons.operating_point(hookup(0.4, 0.0, limit=limit))
    assert (True, limit) == (point.limited[0], pytest.approx(point.source_current[0], rel=1e-6))
    assert point.source_volts[0] < 0.4


def test_sources_with_equal_limits_that_feed_only_each_other_share_one_current():
    """As in a contact check that fills both meters while the neuron at ground is open."""
    model = dataclasses.replace(MODEL, open=0.3, seed=4)
    electrics = NeuronElectrics.drawn(model)
    (opened,) = (electrics.truth.neurons.defect == 2).nonzero()
    assert len(opened)
    count = model.count
    ends = [GROUND if n // 2 == opened[0] else 1 for n in range(2 * count)] + [0] * count
    wired = Connections(tuple((Contact(end, 1.0),) for end in ends), 2)
    point = electrics.operating_point(Hookup(wired, (Source(0.01, 2e-4), Source(0.0, 2e-4))))
    assert point.source_current == pytest.approx((2e-4, -2e-4), rel=1e-3)


def test_far_beyond_its_table_the_free_layer_lies_along_x(neurons):
    device, last = neurons._device, neurons.truth.neurons.own.limit
    at_end, beyond, far = (device._curves(factor * last, np.zeros(6))[0] for factor in (1.0, 1.01, 2.0))
    np.testing.assert_allclose(at_end, beyond, atol=2e-3)
    np.testing.assert_allclose(2.0 * far[1], at_end[1], rtol=1e-12)
    assert (far[0] > at_end[0]).all()
    assert (far[0] < 1.0).all()


def test_the_slopes_of_the_device_are_those_of_its_currents(neurons):
    device, count = neurons._device, MODEL.count
    volts, amperes, step = np.full((2, count), 0.07), np.stack([np.full(count, 3e-4), np.full(count, 5e-5)]), 1e-6
    law = device.law(volts, amperes)
    up, down = (device.law(volts * (1 + sign * step), amperes).amperes for sign in (1, -1))
    np.testing.assert_allclose(law.by_volts, (up - down) / (2 * step * volts), rtol=1e-6)
    for k in (0, 1):
        moved = np.zeros((2, count))
        moved[k] = 1e-9
        up, down = (device.law(volts, amperes + sign * moved).amperes for sign in (1, -1))
        np.testing.assert_allclose(law.by_current[:, k], (up - down) / 2e-9, rtol=1e-5, atol=1e-9)


def test_nothing_connected_is_no_current(neurons):
    still = solve(neurons._device, np.zeros((3, 6)), np.zeros((3, 6)))
    assert (0.0, 0.0) == (still.amperes.max(), still.lack)


# -- wear, and what outlives a process ---------------------------------------------------------------


def test_barriers_wear_by_what_stands_on_them_and_break_into_shorts():
    electrics = NeuronElectrics.drawn(MODEL)
    driven = hookup(0.4, 0.05)
    before = electrics.operating_point(driven).cell_i[0, 0]
    electrics.hold(driven, 1.0)
    electrics.settle()
    assert 0 < electrics.state.damage[0, 0] < 1e-6
    assert 0 == electrics.state.broken.sum()
    electrics.pulse(hookup(1.6, 0.0), 1.0)
    assert {(2 * n, n) for n in range(6)} == set(map(tuple, np.argwhere(electrics.state.broken).tolist()))
    after = electrics.operating_point(hookup(0.4, 0.05)).cell_i[0, 0]
    assert after > 3 * before
    assert 6 == electrics.account().broken


def test_noise_is_that_of_the_junctions_on_a_source_and_readings_count(neurons):
    driven, aperture = hookup(0.2, 0.05), 0.02
    amperes = neurons.operating_point(driven).source_current[0]
    draws = np.array([neurons.measure(driven, 0, aperture)[0] for _ in range(400)]) / amperes - 1.0
    # 1/f noise of six junctions: 8 flicker / area each over a minute, and little else.
    each = np.sqrt(MODEL.flicker / MODEL.area_x * np.log(60.0 / aperture))
    assert draws.std() == pytest.approx(each / np.sqrt(6), rel=0.15)
    assert 400 == neurons.state.row_reads[0]


def test_a_state_goes_on_where_it_was_and_another_device_is_another_die(tmp_path):
    path = tmp_path / "die.state"
    path.touch()
    first = NeuronElectrics.drawn(MODEL, path)
    driven = hookup(0.2, 0.05)
    seen = [first.measure(driven, 0, 0.02) for _ in range(3)]
    first.rest(12.5)
    first.commit()
    first.state.let_go()
    again = NeuronElectrics.drawn(MODEL, path)
    assert 12.5 == again.state.clock
    assert again.measure(driven, 0, 0.02) not in seen
    again.state.let_go()
    with pytest.raises(StorageError, match="another die"):
        NeuronElectrics.drawn(dataclasses.replace(MODEL, sigma_tmr=0.2), path)


def test_a_process_that_is_killed_leaves_the_state_of_its_last_commit(tmp_path):
    path = tmp_path / "die.state"
    path.touch()
    text = f"""
import os
from pathlib import Path
from labmtj.neuron_dies import neuron_model
from labmtj.twin.neuron_electrics import NeuronElectrics
none = {{"short": 0.0, "open": 0.0}}
model = neuron_model(3, count=6, sigma_offset=0.1, sigma_asymmetry=0.1, defects=none)
neurons = NeuronElectrics.drawn(model, Path({str(path)!r}))
for _ in range(5):
    neurons.rest(1.0)
    neurons.commit()
neurons.rest(1.0)
os.kill(os.getpid(), {int(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)})
"""
    assert 0 != subprocess.run([sys.executable, "-c", text], check=False, timeout=60).returncode
    assert 5.0 == NeuronElectrics.drawn(MODEL, path).state.clock
