"""The steady state of a neuron's free layer against what is known of it by other ways."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.errors import InputError
from labmtj.neuron_dies import neuron_model
from labmtj.physics.harmonics import operators
from labmtj.physics.neuron import Reduced
from labmtj.physics.neuron_balance import balance, field
from labmtj.physics.neuron_llg import STEP, trajectories
from labmtj.physics.neuron_steady import fluctuation, steady

MODEL = neuron_model()


def boltzmann(model, i, offset, asymmetry):
    """Means of m_x and m_z in equilibrium, by quadrature over the sphere."""
    law = model.reduced
    u, weight = np.polynomial.legendre.leggauss(300)
    phi = np.arange(300) * 2.0 * math.pi / 300
    x, z = np.sqrt(1.0 - u**2)[:, None] * np.cos(phi), u[:, None] + 0.0 * phi
    energy = (i + offset) * x - 0.5 * i * asymmetry * x**2 + law.bias * z + 0.5 * law.anisotropy * z**2
    p = np.exp(law.stiffness * (energy - energy.max())) * weight[:, None]
    return float((p * x).sum() / p.sum()), float((p * z).sum() / p.sum())


@pytest.mark.parametrize(
    ("i", "offset", "asymmetry"), [(0, 0, 0), (0.4, 0, 0), (1.0, -0.3, 0.4), (-3.0, 0.2, -0.6), (7.0, 0, 0)]
)
def test_without_a_damping_like_torque_it_is_boltzmanns(i, offset, asymmetry):
    model = dataclasses.replace(MODEL, ratio=0.0)
    m_x, m_y, m_z = steady(model, i, offset=offset, asymmetry=asymmetry)
    assert (float(m_x), float(m_z)) == pytest.approx(boltzmann(model, i, offset, asymmetry), abs=3e-7)
    assert abs(m_y) < 1e-7


@pytest.mark.parametrize(
    ("ratio", "i", "offset", "asymmetry"), [(0.2, 0.6, 0.0, 0.0), (0.2, -1.0, 0.3, 0.4), (0.05, 1.5, -0.2, -0.3)]
)
def test_with_one_it_is_the_mean_of_trajectories(ratio, i, offset, asymmetry):
    model = dataclasses.replace(MODEL, ratio=ratio)
    paths = trajectories(
        model, i, offset=offset, asymmetry=asymmetry, paths=60, steps=8000, settle=1500, every=9500, seed=5
    )
    mean, error = paths.average()
    found = np.array(steady(model, i, offset=offset, asymmetry=asymmetry))
    assert np.all(np.abs(mean - found) < 4.0 * error + 2e-4)  # Heun's step is worth 2e-4
    assert np.all(error < 2e-3)


@pytest.mark.parametrize(("i", "asymmetry"), [(0.5, 0.0), (-1.3, 0.4)])
def test_cold_it_stands_in_the_torque_balance(i, asymmetry):
    cold = dataclasses.replace(MODEL, temperature=12.0)
    m = balance(cold.reduced, i, offset=0.1, asymmetry=asymmetry)
    found = np.array(steady(cold, i, offset=0.1, asymmetry=asymmetry))
    warmer = np.array(steady(dataclasses.replace(MODEL, temperature=24.0), i, offset=0.1, asymmetry=asymmetry))
    assert np.max(np.abs(found - m)) < 5e-3
    assert warmer - m == pytest.approx(2.0 * (found - m), rel=0.05, abs=2e-5)  # what is left goes with kT


def test_in_the_torque_balance_the_field_is_along_the_magnetisation():
    law = Reduced(anisotropy=1.0, bias=0.25, ratio=0.2, damping=0.03, stiffness=20.0)
    for i in (-4.0, 0.0, 0.7, 9.0):
        m = balance(law, i, offset=0.2, asymmetry=0.3)
        b = np.array(field(law, tuple(m.tolist()), i, offset=0.2, asymmetry=0.3))
        assert np.max(np.abs(np.cross(m, b))) < 1e-11 * (1.0 + abs(i))
        assert float(np.linalg.norm(m)) == pytest.approx(1.0, abs=1e-14)
    theta = math.asin(float(balance(dataclasses.replace(law, ratio=0.0), 0.8)[0]))
    assert 0.25 * math.tan(theta) + math.sin(theta) == pytest.approx(0.8, abs=1e-11)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(i=st.floats(-5.0, 5.0), offset=st.floats(-0.4, 0.4), asymmetry=st.floats(-0.6, 0.6))
def test_half_a_turn_about_z_changes_the_signs_of_drive_offset_asymmetry_and_m_x(i, offset, asymmetry):
    there = np.array(steady(MODEL, i, offset=offset, asymmetry=asymmetry))
    back = np.array(steady(MODEL, -i, offset=-offset, asymmetry=-asymmetry))
    assert there * [-1.0, -1.0, 1.0] == pytest.approx(back, abs=2e-5)
    assert float(np.linalg.norm(there)) <= 1.0
    assert there[2] > 0.0


def test_a_free_spin_fluctuates_as_rotational_diffusion_says():
    # Its correlation time is 1 / (2 D) with D = a / stiffness, and <m^2> = 1/3: S = 4 <m^2> tau = 2 stiffness / (3 a).
    free = Reduced(anisotropy=0.0, bias=0.0, ratio=0.0, damping=0.03, stiffness=8.0)
    assert fluctuation(free, 0.0) == pytest.approx(2.0 * 8.0 / (3.0 * 0.03), rel=1e-9)


def test_fluctuations_are_those_of_trajectories():
    paths = trajectories(MODEL, 0.8, paths=150, steps=6000, settle=600, every=6600, seed=2)
    lasted = 6000 * STEP  # in reduced time
    seen = 2.0 * lasted * paths.mean.var(axis=0, ddof=1)[[0, 2]]
    assert seen == pytest.approx(fluctuation(MODEL.reduced, 0.8), rel=0.4)  # 12 % scatter of a variance, long tails


def test_means_have_the_shape_of_the_arguments_together():
    m_x, m_y, m_z = steady(MODEL, np.array([[0.0], [1.0]]), offset=np.array([0.0, 0.1, 0.2]))
    assert ((2, 3), (2, 3), (2, 3)) == (m_x.shape, m_y.shape, m_z.shape)
    assert m_x[1, 0] == pytest.approx(float(steady(MODEL, 1.0)[0]), abs=1e-12)
    assert 0.0 == pytest.approx(m_x[0, 0], abs=1e-9)


@pytest.mark.parametrize("wrong", [{"asymmetry": 1.0}, {"offset": math.nan}, {"asymmetry": -2.0}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        steady(MODEL, 0.5, **wrong)


def test_operators_of_harmonics_obey_their_algebra():
    o = operators(9, 9)
    inner = o.laplace < 9 * 9  # the truncation cuts the highest degree
    x, y, z = o.n
    square = (x @ x + y @ y + z @ z).toarray()[np.ix_(inner, inner)]
    assert square == pytest.approx(np.eye(inner.sum()), abs=1e-12)
    r_x, r_y, r_z = o.r
    assert abs(r_x @ r_y - r_y @ r_x + r_z).max() < 1e-12
    assert (r_x @ r_x + r_y @ r_y + r_z @ r_z).toarray() == pytest.approx(np.diag(-o.laplace), abs=1e-11)
    assert abs(r_z @ x - x @ r_z + y).max() < 1e-12
    assert abs(o.g[0].toarray()[0]).max() == 0.0  # a divergence has no mean


def test_numbers_that_no_device_has_are_refused():
    for wrong in ({"moment": 0.0}, {"temperature": -1.0}, {"count": 0}, {"unit": math.inf}):
        with pytest.raises(InputError):
            dataclasses.replace(MODEL, **wrong)
