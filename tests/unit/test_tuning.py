"""Tuning of many copies: each way against its rule worked out plainly, or against what it must undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.nets import measures, tune
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.network import Layer, Network, forward
from labmtj.nets.readout import infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning import ways
from labmtj.nets.tuning.columns import calibration_inputs, columns
from labmtj.nets.tuning.copies import Copies, in_software, map_weights, one_scale
from labmtj.nets.tuning.judging import accuracies, losses
from labmtj.nets.tuning.offsets import bias, threshold
from labmtj.nets.tuning.rows_columns import rows_columns
from labmtj.nets.tuning.scale_kernels import largest_square
from labmtj.nets.tuning.scales import best_layer_scales, best_scale

DATA = wine()
COUNT = 6
COARSE = np.arange(8, 37) / 20.0


def uneven(stack, *, spread, seed=3):
    """Weights of copies whose devices differ by `spread`, on a window of one."""
    random = np.random.RandomState(seed)
    made = []
    for devices in stack.devices:
        conductance = (0.83 + devices) * (1.0 + spread * random.normal(size=devices.shape))
        made.append(conductance[..., 0::2] - conductance[..., 1::2])
    return tuple(made)


@pytest.fixture(scope="module")
def networks():
    return shipped_networks().networks[:COUNT]


@pytest.fixture(scope="module")
def stack(networks):
    return NetworkStack.of(networks)


@pytest.fixture(scope="module")
def software(stack):
    return in_software(stack, DATA)


@pytest.fixture(scope="module")
def copies(stack, software):
    return Copies(stack, DATA, uneven(stack, spread=0.1), software)


def train_accuracy(copies, readout):
    return accuracies(through(copies, readout), DATA).train


def through(copies, readout):
    return infer(copies.stack, DATA.inputs, products=copies.products, readout=readout).scores


# Judging


def test_accuracies_are_those_of_one_network_each(networks, software):
    found = accuracies(software.nominal.scores, DATA)
    for number, network in enumerate(networks):
        wanted = measures.accuracy(forward(network, DATA.inputs).classes, DATA)
        assert (wanted.train, wanted.test, wanted.all) == (
            found.train[number],
            found.test[number],
            found.all[number],
        )


def test_the_loss_of_even_scores_is_the_logarithm_of_the_classes():
    even = losses(np.zeros((2, 178, 3)), DATA)
    assert np.allclose(np.log(3.0), [even.train, even.test, even.all], rtol=1e-14)
    assert np.allclose(0.0, losses(1e3 * np.eye(3)[DATA.labels][np.newaxis], DATA).all)


# Scales


def test_one_scale_is_the_one_that_the_tune_step_chooses(networks, copies):
    found = best_scale(copies.weights, copies.bias, DATA)
    for number, network in enumerate(networks):
        # The step knows conductances; two columns of which give these weights.
        maps = [
            np.stack([np.maximum(part[number], 0.0), np.maximum(-part[number], 0.0)], axis=-1).reshape(len(part[0]), -1)
            for part in copies.weights
        ]
        assert tune.scale_on_array(network, DATA, conductances=maps, window=1.0).scale == found[number]


def test_the_scale_of_software_is_the_one_of_software(networks, software):
    assert [tune.scale_in_software(network, DATA).scale for network in networks] == software.scale.tolist()


def test_networks_of_one_and_of_three_layers_have_a_scale_too(networks):
    first = networks[0].layers[0]
    third = Layer(np.eye(3, 6, dtype=np.int64), np.ones(3))
    for layers in ((first,), (*networks[0].layers, third)):
        network = Network("other", layers)
        data = replace(DATA, classes=network.layers[-1].bias.size)
        one = NetworkStack.of([network])
        weights = tuple(one.weights(layer) for layer in range(len(layers)))
        assert tune.scale_in_software(network, data).scale == best_scale(weights, one.bias, data)[0]


def test_a_scale_a_layer_is_the_middle_of_the_largest_square_of_the_best(copies):
    before, last = best_layer_scales(copies.weights, copies.bias, DATA, scales=COARSE)
    labels = DATA.labels[DATA.train]
    for number in range(COUNT):
        first, second = (part[number] for part in copies.weights)
        hidden = np.tanh((copies.train @ first)[np.newaxis] / COARSE[:, None, None] + copies.bias[0][number])
        scores = (hidden @ second)[:, np.newaxis] / COARSE[:, None, None] + copies.bias[1][number]
        right = np.count_nonzero(np.argmax(scores, axis=-1) == labels, axis=-1)
        assert right.max() == right[COARSE == before[number], COARSE == last[number]][0]
        row, col = largest_square(right)
        assert (COARSE[row], COARSE[col]) == (before[number], last[number])


def test_of_a_table_the_middle_of_the_largest_square_is_taken():
    table = np.zeros((6, 7), dtype=np.int64)
    table[1, 1] = 4
    table[2:5, 3:6] = 4
    assert (3, 4) == tuple(largest_square(table))


# Gains and offsets


def shaped(stack, *, seed=5):
    """Weights that are software's but for a gain of every row and column: what rows and columns can undo."""
    random = np.random.RandomState(seed)
    made = []
    for layer in range(len(stack.devices)):
        rows = random.uniform(0.6, 1.0, (COUNT, stack.weights(layer).shape[1], 1))
        cols = random.uniform(0.5, 1.0, (COUNT, 1, stack.weights(layer).shape[2]))
        made.append(stack.weights(layer) * rows * cols)
    return tuple(made)


def test_rows_and_columns_undo_losses_of_rows_and_columns(stack, software):
    copies = Copies(stack, DATA, shaped(stack), software)
    found = rows_columns(copies)
    wanted = software.tuned.scores
    error = np.sqrt(np.mean((through(copies, found) - wanted) ** 2) / np.var(wanted))
    assert error < 0.02 < np.sqrt(np.mean((through(copies, nominal(stack)) - wanted) ** 2) / np.var(wanted))
    for how in found.layers:
        assert how.rows.min() >= 0.0
        assert np.allclose(1.0, how.rows.max(axis=1))
    assert (0, "") == (found.measurements, found.calibration)


def test_a_short_in_use_costs_its_row_and_not_the_copy(stack, software):
    broken = tuple(part.copy() for part in uneven(stack, spread=0.05))
    broken[0][:, 4, 2] += 60.0
    copies = Copies(stack, DATA, broken, software)
    found = rows_columns(copies)
    assert found.layers[0].rows[:, 4].max() < 0.05
    before, after = (train_accuracy(copies, how).mean() for how in (nominal(stack), found))
    assert before + 0.05 < after


def test_columns_undo_gain_and_offset_of_what_the_array_sums(stack, software, copies):
    random = np.random.RandomState(2)
    gain = [random.uniform(0.5, 1.5, (COUNT, 1, part.shape[1])) for part in stack.bias]
    off = [random.uniform(-0.5, 0.5, (COUNT, 1, part.shape[1])) for part in stack.bias]

    def products(layer, drives):
        return gain[layer] * (drives @ stack.weights(layer)) + off[layer]

    found = columns(copies, products, inputs=12)
    scores = infer(stack, DATA.inputs, products=products, readout=found).scores
    assert np.allclose(software.tuned.scores, scores, atol=1e-9)
    assert (24, "12 inputs through each of 2 layers") == (found.measurements, found.calibration)


def test_calibration_inputs_are_training_samples(copies):
    chosen = calibration_inputs(copies, 30)
    assert set(chosen) <= set(DATA.train)
    assert 30 == len(set(chosen))
    with pytest.raises(InputError, match="2 to 148 inputs, not 1"):
        calibration_inputs(copies, 1)


def test_refitted_biases_have_the_means_of_software(copies, software):
    found = bias(copies)
    plain = one_scale(copies.stack, software.scale)
    off = [np.abs(through(copies, how) - software.tuned.scores).mean() for how in (found, plain)]
    assert off[0] < off[1]


def test_thresholds_are_never_worse_than_the_scale_on_the_training_samples(copies):
    scaled = one_scale(copies.stack, best_scale(copies.weights, copies.bias, DATA))
    moved = threshold(copies, base=scaled)
    assert (train_accuracy(copies, moved) >= train_accuracy(copies, scaled)).all()
    # Of scores that one threshold spoils, all is got back.
    spoiled = replace(scaled.layers[-1], offset=scaled.layers[-1].offset + np.array([0.0, 9.0, 0.0]))
    back = threshold(copies, base=replace(scaled, layers=(scaled.layers[0], spoiled)))
    assert (train_accuracy(copies, back) >= train_accuracy(copies, scaled)).all()


def test_the_best_tuning_comes_closer_to_software_than_one_scale(copies, software):
    found = ways.tune(copies, ["scale", "best"])
    wanted = accuracies(software.tuned.scores, DATA).train
    gap = {name: (wanted - train_accuracy(copies, how)).mean() for name, how in found.items()}
    assert gap["best"] <= gap["scale"]
    assert gap["best"] < 0.01


# All ways


def test_ways_come_by_name_in_the_order_asked_for(copies):
    found = ways.tune(copies)
    assert list(ways.WAYS) == [how.name for how in found.values()]
    assert {"columns": 60} == {name: how.measurements for name, how in found.items() if how.measurements}
    with pytest.raises(InputError, match="no way to tune named luck"):
        ways.tune(copies, ["luck"])


def test_best_takes_no_more_inputs_than_allowed(copies):
    measured = ways.tune(copies, ["best"], products=copies.products, best_inputs=10)["best"]
    assert ("best", 20) == (measured.name, measured.measurements)
    with pytest.raises(InputError, match="at most 30 inputs"):
        ways.tune(copies, ["best"], products=copies.products, best_inputs=31)


def test_a_copy_is_tuned_the_same_alone_and_among_others(copies):
    alone = Copies(
        copies.stack.take([4]),
        DATA,
        tuple(part[[4]] for part in copies.weights),
        in_software(copies.stack.take([4]), DATA),
    )
    for name, found in ways.tune(copies).items():
        for one, all_of_them in zip(ways.tune(alone, [name])[name].layers, found.layers, strict=True):
            for part in ("rows", "gain", "offset"):
                assert getattr(one, part).tobytes() == getattr(all_of_them, part)[[4]].tobytes(), (name, part)


def test_maps_that_do_not_fit_are_refused(stack, software):
    good = uneven(stack, spread=0.0)
    with pytest.raises(InputError, match="are not those of networks of shape"):
        Copies(stack, DATA, good[::-1], software)
    bad = good[0].copy()
    bad[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        Copies(stack, DATA, (bad, good[1]), software)


def test_a_device_without_a_reading_counts_as_a_short():
    conductance = np.array([[[2e-4, 1e-4, np.nan, 1e-4]]])
    assert np.allclose([[[1.0, 49.0]]], map_weights((conductance,), window=1e-4)[0])
