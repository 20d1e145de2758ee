"""A layer of neurons: what it answers, its gradient, its noise, its steps and its range."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.neurons.activation import Gradient, Reading, activation, tables
from labmtj.nets.neurons.curves import DeviceCurves, exact
from labmtj.nets.neurons.gaussian import address, normal_pairs

jax = pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
jnp = jax.numpy

NEURONS, BATCH = 40, 50
ASKED = jnp.asarray(np.random.RandomState(0).uniform(-3.5, 3.5, (BATCH, NEURONS)).astype(np.float32))
AT = np.uint32(77)


def layer(curves: DeviceCurves, gradient: Gradient = Gradient.MEASURED, *, at: np.uint32 = AT):
    (known,) = tables(curves, (len(curves),))
    run = activation(Reading.of(curves, gradient))
    return lambda asked: run(asked, known, at)


def gradient(curves: DeviceCurves, kind: Gradient = Gradient.MEASURED, *, asked=ASKED):
    run = layer(curves, kind)
    return np.asarray(jax.grad(lambda given: run(given)[0].sum())(asked))


def test_exact_tables_give_tanh_and_every_gradient_that_of_tanh_but_for_the_lines_between_points():
    curves = exact(NEURONS)
    assert_allclose(layer(curves)(ASKED)[0], jnp.tanh(ASKED), atol=1.6e-3)
    wanted = jax.grad(lambda asked: jnp.tanh(asked).sum())(ASKED)
    # A line's slope is off by half a step times the curvature, values by an eighth of its square.
    for kind, within in ((Gradient.MEASURED, 4e-3), (Gradient.OUTPUT, 4e-3), (Gradient.DERIVATIVE, 5e-2)):
        assert_allclose(gradient(curves, kind), wanted, atol=within)


def test_finer_tables_come_closer_with_the_square_of_the_step():
    errors = [
        np.abs(np.asarray(layer(exact(NEURONS, points=points))(ASKED)[0] - jnp.tanh(ASKED))).max()
        for points in (33, 65, 129)
    ]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.2)


def test_each_unit_looks_up_its_own_neuron():
    curves = exact(NEURONS)
    scaled = replace(curves, x=curves.x * np.arange(NEURONS)[:, None] / NEURONS)
    found = np.asarray(layer(scaled)(ASKED)[0])
    assert_allclose(found, np.asarray(jnp.tanh(ASKED)) * np.arange(NEURONS) / NEURONS, atol=1.6e-3)


def test_the_measured_gradient_is_that_of_z_and_the_forward_pass_knows_nothing_of_it():
    curves = exact(NEURONS)
    other = replace(curves, z=0.5 * curves.z)
    assert_array_equal(layer(curves)(ASKED)[0], layer(other)(ASKED)[0])
    assert_allclose(gradient(other), 0.25 * gradient(curves), rtol=1e-5)
    for kind in (Gradient.DERIVATIVE, Gradient.OUTPUT):
        assert_array_equal(gradient(other, kind), gradient(curves, kind))


def test_the_slope_that_the_host_knows_multiplies_the_gradient():
    curves = exact(NEURONS)
    steep = replace(curves, slope=np.linspace(0.5, 1.5, NEURONS))
    assert_allclose(gradient(steep), gradient(curves) * np.linspace(0.5, 1.5, NEURONS), rtol=1e-5)


def test_readings_have_the_stated_noise_new_ones_for_every_address_and_the_same_for_the_same():
    quiet = exact(200)
    curves = quiet.read_with(noise_x=0.03, noise_z=0.05)
    asked = jnp.zeros((200, 200), jnp.float32)
    off = np.asarray(layer(curves)(asked)[0])
    assert np.sqrt(np.mean(off**2)) == pytest.approx(0.03, rel=0.02)
    assert np.mean(off) == pytest.approx(0.0, abs=0.03 * 4 / 200)
    z = np.sqrt(gradient(curves, asked=asked))
    assert np.sqrt(np.mean((z - 1.0) ** 2)) == pytest.approx(0.05, rel=0.02)
    assert abs(np.corrcoef(off.ravel(), z.ravel())[0, 1]) < 4 / 200
    assert_array_equal(off, layer(curves)(asked)[0])
    other = np.asarray(layer(curves, at=np.uint32(78))(asked)[0])
    assert abs(np.corrcoef(off.ravel(), other.ravel())[0, 1]) < 4 / 200


def test_normal_numbers_are_normal_and_neighbours_know_nothing_of_each_other():
    first, second = (np.asarray(part).astype(np.float64) for part in normal_pairs(np.uint32(5), (400, 500)))
    for drawn in (first, second):
        assert drawn.mean() == pytest.approx(0.0, abs=0.01)
        assert drawn.std() == pytest.approx(1.0, abs=0.008)
        assert (drawn**4).mean() == pytest.approx(3.0, abs=0.08)
        assert np.abs(drawn).max() < 4.4
        assert abs(np.mean(drawn[:, 1:] * drawn[:, :-1])) < 0.01
        assert abs(np.mean(drawn[1:] * drawn[:-1])) < 0.01
    assert abs(np.mean(first * second)) < 0.01


def test_addresses_differ_by_seed_and_purpose():
    seeds = np.arange(100, dtype=np.uint32)
    found = np.concatenate([np.asarray(address(seeds, purpose)) for purpose in range(20)])
    assert len(np.unique(found)) == 2000


def test_readings_come_in_the_steps_of_the_converter_and_those_beyond_its_range_are_counted():
    curves = exact(NEURONS).read_with(levels=16)
    found, counted = layer(curves)(ASKED)
    step = 2.5 / 15
    steps = (np.asarray(found) + 1.25) / step
    assert_allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(np.asarray(found) - np.tanh(ASKED)).max() <= step / 2 + 2e-3
    assert float(counted.saturated.mean()) == 0.0
    large = replace(curves, x=2.0 * curves.x)
    found, counted = layer(large)(ASKED)
    assert np.abs(np.asarray(found)).max() == pytest.approx(1.25)
    assert float(counted.saturated.mean()) == pytest.approx(
        float(np.mean(np.abs(2.0 * np.tanh(ASKED)) > 1.25)), abs=2e-3
    )


def test_inputs_beyond_the_drive_are_held_at_its_end_and_counted():
    curves = exact(NEURONS, largest=2.0)
    found, counted = layer(curves)(ASKED)
    beyond = np.abs(np.asarray(ASKED)) > 2.0
    assert float(counted.clipped.mean()) == pytest.approx(beyond.mean())
    assert_allclose(np.abs(np.asarray(found)[beyond]), np.tanh(2.0), rtol=1e-5)
    for kind in Gradient:
        assert_array_equal(gradient(curves, kind)[beyond], 0.0)
        assert np.all(gradient(curves, kind)[~beyond] > 0.0)


def test_neurons_are_dealt_out_to_layers_in_their_order():
    curves = exact(5)
    numbered = replace(curves, slope=np.arange(5.0))
    first, second = tables(numbered, (2, 3))
    assert_array_equal(first.slope, [0.0, 1.0])
    assert_array_equal(second.slope, [2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="5 for layers of 2, 2"):
        tables(numbered, (2, 2))
