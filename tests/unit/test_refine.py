"""Gains and offsets of all layers fitted together: closer to software, within the rows' range, each copy by itself."""

import numpy as np
import pytest

from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.readout import infer
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.best import best
from labmtj.nets.tuning.copies import Copies, in_software
from labmtj.nets.tuning.refine import refined
from labmtj.nets.tuning.rows_columns import rows_columns


def spoiled(count=6, sigma=0.08):
    """Copies whose every weight is off by chance, and whose rows and columns lose part of the voltage."""
    random = np.random.default_rng(5)
    stack, data = NetworkStack.of(shipped_networks().networks[:count]), wine()
    weights = []
    for layer, devices in enumerate(stack.devices):
        ideal = stack.weights(layer)
        fall = np.outer(np.linspace(1, 0.6, devices.shape[1]), np.linspace(0.7, 1, ideal.shape[2]))
        weights.append((ideal + sigma * random.standard_normal(ideal.shape)) * fall)
    return Copies(stack, data, tuple(weights), in_software(stack, data))


def distance(copies, readout):
    """Mean squared distance (networks,) of the scores from those of software, on the training samples."""
    scores = infer(copies.stack, copies.train, products=copies.products, readout=readout).scores
    return ((scores - copies.software.tuned.scores[:, copies.data.train]) ** 2).mean(axis=(1, 2))


def test_together_they_bring_every_copy_closer_than_layer_by_layer():
    copies = spoiled()
    before = rows_columns(copies)
    assert (distance(copies, refined(copies, before)) < distance(copies, before)).all()


def test_rows_stay_within_what_a_source_can_do_and_nothing_is_measured():
    found = best(spoiled())
    assert found.name == "best"
    assert found.measurements == 0
    for layer in found.layers:
        assert layer.rows.min() >= 0.0
        assert layer.rows.max() <= 1.0


def test_a_perfect_copy_stays_as_it_is():
    stack, data = NetworkStack.of(shipped_networks().networks[:2]), wine()
    weights = tuple(stack.weights(layer) for layer in range(2))
    copies = Copies(stack, data, weights, in_software(stack, data))
    assert distance(copies, best(copies)).max() < 1e-4


def test_a_copy_does_not_depend_on_the_others():
    copies = spoiled()
    which = [4, 1]
    software = in_software(copies.stack.take(which), copies.data)
    some = Copies(copies.stack.take(which), copies.data, tuple(part[which] for part in copies.weights), software)
    for one, other in zip(best(copies).layers, best(some).layers, strict=True):
        assert one.gain[which].tobytes() == other.gain.tobytes()
        assert one.rows[which].tobytes() == other.rows.tobytes()


@pytest.mark.parametrize("layer", [0, 1])
def test_slopes_are_what_small_changes_do(layer):
    from labmtj.nets.tuning.refine import _Fit

    copies = spoiled(count=1)
    fit = _Fit(copies, rows_columns(copies))
    inputs, outputs = copies.weights[0].shape[1:]
    start = 0 if layer == 0 else inputs + 2 * outputs
    scores, slopes = fit._scores(np.zeros((1, slopes_of(copies))))
    for number in (start, start + 3, start + copies.weights[layer].shape[1] + 1):
        change = np.zeros((1, slopes_of(copies)))
        change[0, number] = 1e-6
        moved = (fit._scores(change)[0] - scores) / 1e-6
        np.testing.assert_allclose(moved, slopes[..., number], atol=1e-4)


def slopes_of(copies):
    """How many numbers a readout of these copies has."""
    return sum(part.shape[1] + 2 * part.shape[2] for part in copies.weights)
