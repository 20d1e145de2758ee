"""One conformance suite for both implementations of NeuronAccess, and what they have in common."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.errors import InputError, LimitExceeded
from labmtj.physics.neuron_die import operate
from labmtj.runs.neuron_entry import neuron_reading

DOORS = ("wire", "array")
DRIVES = [-0.2, -0.05, 0.0, 0.05, 0.2]


@pytest.mark.parametrize("door", DOORS)
def test_currents_are_those_of_the_device_within_the_errors_of_sources_and_meters(door, open_door):
    opened = open_door(door)
    before = opened.neurons.clock.now()
    found, back = (opened.neurons.operate(2, DRIVES, probe=probe) for probe in (0.05, -0.05))
    truth, backwards = (operate(opened.electrics.truth.neurons, np.array(DRIVES), probe) for probe in (0.05, -0.05))
    # A source is off by up to a millivolt on its 2 V range, and contacts have an ohm of the junction's hundred.
    np.testing.assert_allclose([reading.x for reading in found], truth.i_x[1], rtol=0.02, atol=1e-5)
    # What flows through the common terminal's contact lifts that; probes of both signs take it out.
    probed = [0.5 * (one.z - other.z) for one, other in zip(found, back, strict=True)]
    np.testing.assert_allclose(probed, 0.5 * (truth.i_z[1] - backwards.i_z[1]), rtol=0.015)
    assert [(2, drive, 0.05) for drive in DRIVES] == [(r.neuron, r.drive, r.probe) for r in found]
    assert [False] * 5 == [reading.in_compliance for reading in found]
    times = [reading.time for reading in found]
    assert before + 0.3 < times[-1] < before + 3.0  # three readings of a 50 Hz period each, at five levels
    assert times == sorted(times)


@pytest.mark.parametrize("door", DOORS)
def test_what_flows_in_flows_out(door, open_door):
    for reading in open_door(door).neurons.operate(1, DRIVES, probe=0.05):
        assert abs(reading.leakage) < 5e-6  # offsets of three meters on their 10 mA ranges


@pytest.mark.parametrize("door", DOORS)
def test_each_reading_is_in_the_journal(door, open_door):
    opened = open_door(door)
    found = opened.neurons.operate(3, DRIVES, probe=0.05)
    kept = [neuron_reading(entry) for entry in opened.journal.entries if entry["k"] == "neuron"]
    assert [(r.neuron, r.drive, r.probe, r.x, r.z, r.common) for r in found] == [
        (r.neuron, r.drive, r.probe, r.x, r.z, r.common) for r in kept
    ]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("neuron", "drives", "probe", "error", "text"),
    [
        (0, [0.1], 0.02, InputError, "there is no neuron 0: this bench has 3"),
        (4, [0.1], 0.02, InputError, "there is no neuron 4"),
        (1, [0.1, 0.46], 0.02, LimitExceeded, "0.46 V at a terminal"),
        (1, [0.1], -0.46, LimitExceeded, "-0.46 V at a terminal"),
        (1, [0.1, float("nan")], 0.02, LimitExceeded, "nan V at a terminal"),
        (1, [0.3], -0.2, LimitExceeded, "between the terminals of neuron 1: 500 mV"),
    ],
)
def test_what_is_above_a_limit_is_refused_before_anything_is_on(door, neuron, drives, probe, error, text, open_door):
    opened = open_door(door)
    before = opened.neurons.clock.now()
    for ask in (opened.neurons.check, opened.neurons.operate):
        with pytest.raises(error, match=text):
            ask(neuron, drives, probe=probe)
    assert before == opened.neurons.clock.now()
    assert [] == [entry for entry in opened.journal.entries if entry["k"] == "neuron"]


def test_the_tighter_limit_of_a_cell_holds_where_that_of_a_terminal_does_not(open_door):
    limits = {"cell_voltage": "300 mV"}
    with pytest.raises(LimitExceeded, match="the x terminal of neuron 1: 310 mV is above the cell limit"):
        open_door("array", limits=limits).neurons.check(1, [0.31], probe=0.02)


def test_no_drives_are_no_readings(open_door):
    for door in DOORS:
        assert [] == open_door(door).neurons.operate(1, [], probe=0.02)


@pytest.mark.parametrize("roles", ["smu.a smu.b third.1 ground", "third.1 smu.b ground smu.a"])
def test_both_doors_give_the_same_readings_with_the_same_noise(roles, open_door):
    letters = dict(zip("ABCD", roles.split(), strict=True))
    common = next(letter for letter in "CD" if letters[letter] != "ground")
    changes = {"roles": letters, "neurons": {"common": common}}
    wire, bare = (open_door(door, **changes) for door in DOORS)
    drives = [*np.linspace(-0.3, 0.3, 9).tolist(), 0.1, 0.1]
    found = [
        [door.neurons.operate(neuron, drives, probe=probe) for neuron, probe in ((1, 0.05), (3, -0.02), (1, 0.05))]
        for door in (wire, bare)
    ]
    seen = [np.array([[(r.x, r.z, r.common) for r in part] for part in door]) for door in found]
    # A 2636B sends 16 digits, a 2450 seven.
    digits = {"smu": 1e-12, "third": 1e-6}
    for column, letter in enumerate(("A", "B", common)):
        close = digits[letters[letter].partition(".")[0]]
        np.testing.assert_allclose(seen[0][..., column], seen[1][..., column], rtol=close, atol=1e-18)
    assert (seen[0][:, -1] != seen[0][:, -2]).all()  # two readings at one level differ by their noise
    assert wire.world.violations == []


def test_the_free_layer_follows_the_current_alone(open_door):
    neurons = open_door("array").neurons
    rising = neurons.operate(1, [-0.2, 0.1], probe=0.05)[-1]
    falling = neurons.operate(1, [0.3, 0.1], probe=0.05)[-1]
    assert rising.z == pytest.approx(falling.z, rel=0.01)  # 1/f noise is 0.2 %


def test_m_x_makes_the_drive_conduct_better_one_way_and_m_z_the_probe_worse_both_ways(open_door):
    """Tanh along x and sech along z, before anything is fitted."""
    below, still, above = open_door("array").neurons.operate(1, [-0.2, 0.0, 0.2], probe=0.05)
    assert above.conductance_x > 1.5 * below.conductance_x
    assert still.z > 1.2 * max(below.z, above.z)
