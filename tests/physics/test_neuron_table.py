"""Tables of a neuron's magnetisation against direct solutions."""

import dataclasses

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.neuron_dies import neuron_model
from labmtj.physics import neuron_table
from labmtj.physics.neuron_own import own_curves
from labmtj.physics.neuron_steady import fluctuation, solve_one, steady
from labmtj.physics.neuron_table import SteadyTable, effective, load, table_of, write

MODEL = neuron_model()
TABLE = table_of(MODEL)


def test_the_shipped_table_is_of_the_default_device():
    assert dataclasses.astuple(TABLE.law) == pytest.approx(dataclasses.astuple(MODEL.reduced), rel=1e-9)
    # if not: python -m labmtj.neuron_dies


@pytest.mark.parametrize(("at", "a", "b"), [(0, 3, 2), (28, 1, 3), (35, 3, 2), (39, 4, 1), (50, 0, 4), (64, 6, 0)])
def test_its_nodes_are_what_would_be_solved_now(at, a, b):
    j, offset, asymmetry = float(TABLE.fields[at]), float(TABLE.offset[a]), float(TABLE.asymmetry[b])
    drive = (j - offset) / (1.0 - asymmetry * np.tanh(j))
    mean, slope = solve_one(MODEL.reduced, drive, offset, asymmetry)
    assert TABLE.values[at, a, b] == pytest.approx([mean[0], mean[2], slope[0], slope[2]], abs=3e-5)


def test_between_nodes_it_agrees_with_direct_solutions():
    i = np.array([-7.7, -1.9, -0.62, -0.11, 0.0, 0.33, 0.81, 1.4, 2.6, 5.3])
    offset = np.array([0.05, -0.22, 0.13, 0.31, 0.0, -0.08, 0.4, -0.35, 0.18, 0.02])
    asymmetry = np.array([0.12, -0.3, 0.25, -0.05, 0.0, 0.41, -0.17, 0.08, -0.38, 0.22])
    m_x, _, m_z = steady(MODEL, i, offset=offset, asymmetry=asymmetry)
    found = TABLE.curves(i, offset, asymmetry)
    assert found[0] == pytest.approx(m_x, abs=1e-3)
    assert found[1] == pytest.approx(m_z, abs=1e-3)


def test_the_probes_current_pushes_as_a_direct_solution_with_more_bias_says():
    # Without a damping-like part the probe's field adds to the bias.
    model = dataclasses.replace(MODEL, ratio=0.0)
    _, slope = solve_one(model.reduced, 0.7, 0.0, 0.0)
    more, less = (
        np.array(steady(dataclasses.replace(model, bias=model.bias + step * model.unit), 0.7)) for step in (0.01, -0.01)
    )
    assert slope == pytest.approx((more - less) / 0.02, abs=3e-3)
    still, pushed = TABLE.curves(0.7), TABLE.curves(0.7, probe=0.05)
    assert pushed[1] > still[1]
    assert pushed[0] < still[0]


def test_fluctuations_of_the_table_are_direct_solutions():
    for i in (0.0, 0.37, -1.7):
        found = TABLE.fluctuation(TABLE.curves(i)[0])
        assert [float(part) for part in found] == pytest.approx(list(fluctuation(MODEL.reduced, i)), rel=0.03)


def test_own_curves_of_neurons_are_the_tables():
    offset, asymmetry = np.array([0.0, 0.21, -0.33]), np.array([0.0, -0.18, 0.44])
    own = own_curves(TABLE, offset, asymmetry)
    i = np.linspace(-5.0, 5.0, 301) * np.ones((3, 1))
    found = own.at(i, np.full(i.shape, 0.03), neurons=np.arange(3))
    expected = TABLE.curves(i, offset[:, None], asymmetry[:, None], probe=0.03)
    assert np.max(np.abs(np.stack(found) - np.stack(expected))) < 1e-4


def test_the_effective_field_is_the_root_it_is_said_to_be():
    drive, offset, asymmetry = np.meshgrid(
        np.linspace(-9.0, 9.0, 41), np.linspace(-0.7, 0.7, 5), np.linspace(-0.7, 0.7, 9), indexing="ij"
    )
    b = effective(drive, offset, asymmetry)
    assert b == pytest.approx(drive * (1.0 - asymmetry * np.tanh(b + offset)), abs=1e-10)
    assert np.all(np.diff(b, axis=0) > 0.0)


@pytest.mark.parametrize("wrong", [{"i": 21.0}, {"offset": 0.8}, {"asymmetry": -0.75}, {"i": np.nan}])
def test_outside_the_table_is_refused(wrong):
    with pytest.raises(InputError, match="outside its table"):
        TABLE.curves(**({"i": 0.0} | wrong))


def test_a_table_comes_back_from_its_file(tmp_path):
    path = tmp_path / "kept" / "table.npz"
    write(TABLE, path)
    again = load(path)
    assert again.law == TABLE.law
    assert np.array_equal(again.values, TABLE.values)
    assert [path] == list(path.parent.iterdir())


def test_another_devices_table_is_made_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(neuron_table, "cache_folder", lambda: tmp_path / "kernels" / "x")
    for name, value in {"FIELD_COUNT": 3, "FIELD_LIMIT": 0.5, "OFFSET_COUNT": 5}.items():
        monkeypatch.setattr(neuron_table, name, value)
    warm = dataclasses.replace(MODEL, temperature=1500.0, ratio=0.0)
    table = table_of(warm)
    assert isinstance(table, SteadyTable)
    assert 1 == len(list((tmp_path / "neurons").iterdir()))
    m_x, _, m_z = steady(warm, 0.5)
    assert (float(table.curves(0.5)[0]), float(table.curves(0.5)[1])) == pytest.approx((m_x, m_z), abs=1e-5)


def test_the_default_devices_curves_are_near_tanh_and_sech_of_the_critical_current():
    i = np.linspace(-3.8, 3.8, 77)
    m_x, m_z = TABLE.curves(i)

    def miss(critical):
        t, s = np.tanh(i / critical), 1.0 / np.cosh(i / critical)
        high_x, high_z = (t @ m_x) / (t @ t), (s @ m_z) / (s @ s)  # the amplitudes, which are the polarizers' to tell
        return m_x / high_x - t, m_z / high_z - s

    best = min(np.linspace(0.9, 1.1, 81), key=lambda critical: sum(float(part @ part) for part in miss(critical)))
    assert best == pytest.approx(1.0, abs=0.02)
    worst_x, worst_z = (float(np.abs(part).max()) for part in miss(best))
    assert worst_x < 0.025
    assert worst_z < 0.055
