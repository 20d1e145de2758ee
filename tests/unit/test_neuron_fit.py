"""The fit of neurons' curves: on curves that are known, and on devices whose parameters are known."""

import dataclasses

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.neuron_dies import neuron_model
from labmtj.physics.neuron_die import draw_neurons, operate
from labmtj.protocol.progress import Progress
from labmtj.records import NeuronReading
from labmtj.report.findings import sections
from labmtj.routines.neurons.curve import Curve, Law
from labmtj.routines.neurons.fit import fit_neuron
from labmtj.routines.neurons.measure import drives, evaluate, measure_neurons
from labmtj.routines.neurons.sweeps import Sweeps
from labmtj.runs import tables
from labmtj.runs.journal import MemoryJournal

V_H, NOISE, PROBE = 0.5, 5e-4, 0.02
LAW = Law(0.4e-3, 10e-6, 0.03, 1 / 130, 0.33, 0.2, 1 / 1300, 0.3)
DRIVE = np.array(drives(0.15, 40, negative=0.24))


def curve_of(law, drive=DRIVE):
    """A curve that is tanh and sech, without noise; the input follows from the voltage and the conductance."""
    current = drive * law.conductance_x
    for _ in range(200):
        curve = Curve(drive, current, drive, drive, np.full_like(drive, NOISE), np.full_like(drive, NOISE), PROBE)
        x, z = law.conductances(curve, v_h=V_H)
        current = drive * x
    return dataclasses.replace(curve, current=current, conductance_x=x, conductance_z=z)


def noisy(curve, rng):
    x, z = (g * (1 + NOISE * rng.normal(size=g.shape)) for g in (curve.conductance_x, curve.conductance_z))
    return dataclasses.replace(curve, conductance_x=x, conductance_z=z)


def errors_off(fit, law=LAW):
    return [
        (getattr(fit.law, field.name) - getattr(law, field.name)) / getattr(fit.error, field.name)
        for field in dataclasses.fields(Law)
    ]


def test_a_curve_without_noise_gives_its_parameters():
    fit = fit_neuron(curve_of(LAW), v_h=V_H)
    assert dataclasses.astuple(LAW) == pytest.approx(dataclasses.astuple(fit.law), rel=1e-4, abs=1e-9)


def test_errors_are_those_that_repeated_measurements_show():
    rng, curve = np.random.default_rng(1), curve_of(LAW)
    off = np.array([errors_off(fit_neuron(noisy(curve, rng), v_h=V_H)) for _ in range(24)])
    freedom = off.size
    assert abs(np.sum(off**2) - freedom) < 4 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("changes", [{"amplitude_z": -0.3}, {"offset": -0.2e-3, "asymmetry": -0.2}, {"critical": 8e-4}])
def test_neurons_of_other_kinds_are_fitted_too(changes):
    law = dataclasses.replace(LAW, **changes)
    fit = fit_neuron(noisy(curve_of(law), np.random.default_rng(2)), v_h=V_H)
    assert max(abs(off) for off in errors_off(fit, law)) < 5


def test_a_point_that_jumped_is_left_out():
    curve = noisy(curve_of(LAW), np.random.default_rng(3))
    curve.conductance_z[22] *= 1.1
    fit = fit_neuron(curve, v_h=V_H)
    assert [22] == np.flatnonzero(~fit.used).tolist()
    assert max(abs(off) for off in errors_off(fit)) < 5


def test_too_few_points_give_no_fit():
    assert fit_neuron(curve_of(LAW, np.array(drives(0.2, 10))), v_h=V_H) is None


def measured(truth, *, repeats=2, noise=3e-4, lead=0.0, seed=0):
    """Sweeps of devices with noise of the meters; the free layer lies `lead` [ohm] above ground."""
    rng = np.random.default_rng(seed)
    whole = np.concatenate([DRIVE[:20], [0.0], DRIVE[20:]])
    both = [operate(truth, whole[None], sign * PROBE) for sign in (1, -1)]
    x = np.stack([found.i_x for found in both], axis=1)[:, None]
    z = np.stack([found.i_z for found in both], axis=1)[:, None]
    z = z - lead * x * np.abs(z) / PROBE
    shape = (len(truth), repeats, 2, len(whole))
    x, z = (values * (1 + noise * rng.normal(size=shape)) for values in (x, z))
    numbers = np.arange(1, len(truth) + 1, dtype=np.int64)
    return Sweeps(numbers, whole, PROBE, x, z, x + z, np.zeros(shape, dtype=np.bool_))


@pytest.fixture(scope="module")
def die():
    return draw_neurons(neuron_model(5, count=12, defects={"short": 0.0, "open": 0.0}))


@pytest.fixture(scope="module")
def found(die):
    return evaluate(measured(die))


def test_drawn_parameters_are_recovered_within_their_errors(die, found):
    curves = found.neuron_map
    # The device is not quite tanh, which moves all critical currents alike.
    critical, error = (values * die.gain / die.model.critical for values in (curves.critical, curves.critical_error))
    assert np.median(critical) == pytest.approx(1.0, abs=0.1)
    assert np.sum(((critical - np.median(critical)) / error) ** 2) < 2 * len(die)
    off = (curves.offset * die.gain / die.model.critical + die.offset) / (curves.offset_error / die.model.critical)
    assert np.sum(off**2) < 2 * len(die)
    chi = die.tmr_x / (2 + die.tmr_x)
    assert curves.amplitude_x == pytest.approx(chi, rel=0.05)
    assert 1 / curves.conductance_x == pytest.approx(1 / die.g_x, rel=0.01)


def test_read_outs_are_those_of_the_free_layer(die, found):
    curves, whole = found.neuron_map, np.concatenate([DRIVE[:20], [0.0], DRIVE[20:]])
    # The probe's current turns the free layer, too: with its sign that changes, so the mean is what is measured.
    m_x = np.mean([operate(die, whole[None], sign * PROBE).m_x[:, whole != 0] for sign in (1, -1)], axis=0)
    assert curves.good.all()
    assert np.abs(curves.m_x - m_x).max() < 0.03
    assert 0.02 < found.finding.figures["deviation_x_1"] < 0.1
    assert 0.02 < found.finding.figures["deviation_z_1"] < 0.1
    assert found.finding.figures["deviation_z_1"] == curves.deviation_z.max()


def test_neurons_far_from_each_other_are_told_apart(die, found):
    order = np.argsort(die.gain)
    assert np.corrcoef(found.neuron_map.critical, 1 / die.gain)[0, 1] > 0.95
    assert np.corrcoef(found.neuron_map.offset, -die.offset)[0, 1] > 0.9
    assert found.neuron_map.critical[order[0]] > found.neuron_map.critical[order[-1]]


def test_the_voltage_of_the_free_layer_falls_out(die, found):
    lifted = evaluate(measured(die, lead=1.0))
    assert lifted.finding.figures["lead_ohm"] == pytest.approx(1.0, abs=0.06)
    assert np.abs(lifted.neuron_map.m_z - found.neuron_map.m_z).max() < 0.01


def with_faults(sweeps):
    """Open, short, without a swing, leaking, limited at both ends, and one with a telegraph jump in one reading."""
    x, z, common = sweeps.x.copy(), sweeps.z.copy(), sweeps.common.copy()
    limited = sweeps.limited.copy()
    rng = np.random.default_rng(4)
    for values in (x, z, common):
        values[0] = 1e-11 * rng.normal(size=values[0].shape)
    x[1] *= 8
    x[2] = sweeps.drive / 130 * (1 + 3e-4 * rng.normal(size=x[2].shape))
    for number in (1, 2):
        common[number] = x[number] + z[number]
    common[3] -= 0.05 * x[3]
    limited[4, ..., :3] = limited[4, ..., -3:] = True
    limited[5, ..., 4:] = True
    z[6, 1, 0, 17] *= 1.1
    x, z, common = (np.where(limited, np.nan, values) for values in (x, z, common))
    return dataclasses.replace(sweeps, x=x, z=z, common=common, limited=limited)


def test_neurons_that_do_not_work_are_marked_with_a_word(die):
    judged = evaluate(with_faults(measured(die)))
    assert ("open", "short", "no swing", "leaks", "", "limit reached", *[""] * 6) == judged.words
    curves = judged.neuron_map
    assert [number not in (1, 2, 3, 4, 6) for number in range(1, 13)] == curves.good.tolist()
    assert "5 bad (1 open, 2 short, 3 no swing, 4 leaks, 6 limit reached)" in judged.finding.line
    # Where the limit was reached nothing is known; one jump in one of four readings leaves its point known.
    assert [6, 0] == [int(np.isnan(curves.m_z[row]).sum()) for row in (4, 6)]
    assert curves.deviation_z[6] < 0.1
    assert np.isnan(curves.critical[[0, 1, 2, 5]]).all()


def test_drives_lie_on_both_sides_of_zero_and_never_on_it():
    assert (-0.15, -0.05, 0.05, 0.15) == pytest.approx(drives(0.15, 4))
    assert (-0.3, -0.1, 0.05, 0.15) == pytest.approx(drives(0.15, 4, negative=0.3))
    with pytest.raises(InputError, match="an even number"):
        drives(0.2, 41)


class Asked:
    """Neurons that note what they are asked, ohmic all of them."""

    count, clock = 4, None

    def __init__(self):
        self.calls, self.checked, self.rested = [], [], 0

    def operate(self, neuron, drives, *, probe):
        self.calls.append((neuron, drives[0], probe, 0.0 in drives))
        return [NeuronReading(neuron, v, probe, v / 130, probe / 1300, v / 130 + probe / 1300, 0.0) for v in drives]

    def check(self, neuron, drives, *, probe):
        self.checked.append((neuron, min(drives), max(drives), probe))

    def rest(self):
        self.rested += 1


def test_every_repeat_goes_up_with_one_sign_of_the_probe_and_down_with_the_other():
    neurons, ticks = Asked(), []
    judged = measure_neurons(
        neurons, neurons=[2, 4], levels=drives(0.2, 12), repeats=2, tick=lambda done=1: ticks.append(done)
    )
    for number in (2, 4):
        assert 2 * [(number, -0.2, 0.02, True), (number, 0.2, -0.02, True)] == [
            c for c in neurons.calls if c[0] == number
        ]
    assert [(n, -0.2, 0.2, sign * 0.02) for n in (2, 4) for sign in (1, -1)] == neurons.checked
    assert (4, 1) == (sum(ticks), neurons.rested)
    assert ("no swing", "no swing") == judged.words
    assert "2 neurons, 2 bad (2 no swing, 4 no swing)" == judged.finding.line


def test_neurons_none_of_which_works_are_drawn_as_a_table():
    judged = measure_neurons(Asked(), neurons=[1, 3], levels=drives(0.2, 12))
    journal = MemoryJournal()
    Progress(None, None, None, journal).find(judged.finding)
    (page,) = sections({"neuron_curves": tables.finding(journal.entries[0])})
    assert "no swing" in page
    assert "<svg" not in page


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"repeats": 1}, "two repeats"),
        ({"levels": drives(0.2, 10)}, "12 drives or more"),
        ({"levels": drives(0.2, 12)[::-1]}, "that rise"),
        ({"neurons": [1, 1]}, "each of them once"),
        ({"neurons": []}, "each of them once"),
    ],
)
def test_what_tells_nothing_is_refused_before_anything_is_read(changes, text):
    neurons = Asked()
    with pytest.raises(InputError, match=text):
        measure_neurons(neurons, **({"neurons": [1], "levels": drives(0.2, 12)} | changes))
    assert [] == neurons.calls
