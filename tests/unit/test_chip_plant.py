"""Chips that learn side by side: sums, updates and writes of many copies, and batches of samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labmtj.dies import chip_model
from labmtj.errors import InputError, PlacementError
from labmtj.nets.chips.cells import Mask
from labmtj.nets.in_situ.batches import Batches, StochasticBatches
from labmtj.nets.in_situ.rules import Stochastic
from labmtj.nets.in_situ.task import Recipe, Task
from labmtj.nets.in_situ.training import Training
from labmtj.physics.variation import draw_die
from labmtj.records import Defect
from labmtj.studies.in_situ.chip_plant import ChipPlant, ChipPulses, sized_chip

LAYERS = ((30, 7), (7, 3))


def plant(copies=3, *, dies=(11, 12, 13), seeds=None, pulses=None, **changes):
    model = sized_chip(chip_model(1, **changes), LAYERS)
    of = np.arange(copies) % len(dies)
    return ChipPlant(
        [dataclasses.replace(model, seed=seed) for seed in dies], LAYERS, pulses or ChipPulses(), of=of,
        seeds=np.arange(copies) if seeds is None else np.array(seeds),
    )  # fmt: skip


def test_a_chip_has_as_many_kernels_as_its_layers_need():
    model = sized_chip(chip_model(1), LAYERS)
    assert (2, 50, 25) == (model.kernels, model.rows, model.cols)  # 2 blocks of 14 columns, and one of 6
    with pytest.raises(PlacementError):
        ChipPlant([dataclasses.replace(model, rows=25, kernels=1)], LAYERS, ChipPulses())


def test_dies_of_two_models_do_not_learn_in_lockstep():
    model = sized_chip(chip_model(1), LAYERS)
    with pytest.raises(InputError, match="one model"):
        ChipPlant([model, dataclasses.replace(model, delta=70.0)], LAYERS, ChipPulses())


def test_sums_are_weights_times_inputs_in_steps_of_their_bits_with_noise_of_every_reading():
    quiet, noisy = plant(pulses=ChipPulses(read_noise=0.0)), plant()
    inputs = np.random.RandomState(1).uniform(-1.0, 1.0, (3, 40, 30))
    stepped = np.rint(inputs * 15) / 15
    found = quiet.products_of(0, inputs)
    np.testing.assert_allclose(found, stepped @ quiet.weights(0), atol=1e-4)
    noise = np.concatenate([noisy.products_of(0, inputs) - found for _ in range(5)], axis=1)
    # Two blocks, two columns, two signs; bits weigh 1, 2, 4, 8 of 15.
    assert noise.std() == pytest.approx(0.05 * np.sqrt(8 * 85) / 15, rel=0.05)
    assert not (noise[:, :40] == noise[:, 40:80]).any()


@pytest.mark.parametrize("shapes", ["die", "cell"])
def test_cells_flip_as_often_as_is_asked_on_the_whole(shapes):
    # One shape for all: at 5 % of spread the mean is some per cent off; with factors of their own it is not.
    asked, many = 0.2, plant(60, pulses=ChipPulses(shapes=shapes, mask=Mask.NONE))
    many.write(0, np.tile(np.array([0, 1], np.int8), (60, 30, 7)))
    before = many.states(0)
    wanted = np.zeros((60, 30, 7))
    wanted[:, :, 3] = asked  # the wire of a row is another matter
    many.ask(0, wanted)
    share = (many.states(0) != before)[:, :, 6:8].mean()
    assert share == pytest.approx(asked, rel=0.25 if shapes == "die" else 0.07)


def test_an_update_moves_weights_along_its_sign_and_leaves_others_alone():
    one = plant()
    before = one.weights(0)
    rows, cols = np.zeros((3, 30)), np.zeros((3, 7))
    rows[:, 4], rows[:, 20], cols[:, 2] = 1.0, -1.0, 1.0
    cols[1] = 0.0  # takes no part
    one.update(0, rows, cols)
    moved = one.weights(0) - before
    assert (moved[0, 4, 2] >= 0.0) & (moved[0, 20, 2] <= 0.0)
    assert moved[1].tolist() == np.zeros((30, 7)).tolist()
    moved[:, [4, 20], 2] = 0.0
    assert 0.0 == np.abs(moved).max()
    costs = one.costs()
    assert [1.0, 0.0, 1.0] == costs.updates.tolist()
    assert costs.pulses[0] in (2.0, 3.0, 4.0)  # two rows, each towards P and towards AP
    assert (costs.flips <= costs.events).all()


def test_write_reaches_its_bits_but_for_cells_with_defects_which_stay():
    one = plant(short=0.02, open=0.02, stuck=0.02)
    wanted = np.random.RandomState(2).randint(0, 2, (3, 30, 14)).astype(np.int8)
    wanted[0, 0, 0] = -1
    first = one.states(0)
    one.write(0, wanted)
    found, writes = one.states(0), one.costs().writes
    assert first[0, 0, 0] == found[0, 0, 0]
    wrong = found != wanted
    assert 0 < wrong.sum() < 0.15 * wrong.size
    one.write(0, wanted)
    assert writes.tolist() == one.costs().writes.tolist()  # what is left cannot be written, and is not tried again


def test_pairs_with_a_short_or_an_open_device_weigh_nothing():
    model = sized_chip(chip_model(1, short=0.05, open=0.0, stuck=0.0), LAYERS)
    die = draw_die(model)
    masked, all_in = (
        ChipPlant([die], LAYERS, ChipPulses(mask=mask)).weights(0)[0] for mask in (Mask.DEFECTS, Mask.NONE)
    )
    shorts = int((die.defect == Defect.SHORT).sum())
    assert 0 < (masked == 0.0).sum() <= shorts
    assert np.abs(all_in).max() > 2.0 > np.abs(masked).max()


def test_what_a_copy_does_depends_on_no_other():
    together, alone = plant(3), plant(1, dies=(12,), seeds=[1])
    random = np.random.RandomState(3)
    for _ in range(4):
        rows, cols = random.uniform(-1.0, 1.0, (3, 30)), random.uniform(-0.5, 0.5, (3, 7))
        together.update(0, rows, cols)
        alone.update(0, rows[1:2], cols[1:2])
        assert together.products(0, rows)[1].tolist() == alone.products(0, rows[1:2])[0].tolist()
    assert together.states(0)[1].tolist() == alone.states(0)[0].tolist()


def test_batches_of_one_without_a_floor_are_the_rule_of_single_samples():
    batch = Batches(size=1, floor=0.0, last=1.0)
    random, found = np.random.RandomState(4), []
    samples = [(random.uniform(-1.0, 1.0, (3, 30)), random.uniform(-1.0, 1.0, (3, 7))) for _ in range(5)]
    for make in (Stochastic, lambda one, recipe: StochasticBatches(one, recipe, batches=batch)):
        one = plant()
        rule = make(one, Recipe(eta=(0.3, 0.1)))
        for number, (inputs, errors) in enumerate(samples):
            rule.step(0, inputs, errors, done=number / 5)
        found.append(one.states(0).tolist())
    assert found[0] == found[1]


def test_samples_that_disagree_cancel_before_a_pulse():
    one = plant()
    rule = StochasticBatches(one, Recipe(eta=(1.0, 1.0)), batches=Batches(size=2, floor=0.01))
    inputs, errors = np.ones((3, 30)), np.ones((3, 7))
    rule.step(0, inputs, errors, done=0.0)
    rule.step(0, inputs, -errors, done=0.0)
    assert 0.0 == one.costs().pulses.sum()
    for _ in range(2):
        rule.step(0, inputs, errors, done=0.0)
    assert (one.costs().pulses > 0).all()


def test_bad_batches_are_refused():
    with pytest.raises(InputError, match="batches of 0"):
        Batches(size=0)


def test_a_small_network_learns_on_chips():
    random = np.random.RandomState(5)
    means = random.uniform(-1.0, 1.0, (3, 30))
    labels = np.arange(120) % 3
    inputs = np.clip(means[labels] + random.normal(0.0, 0.8, (120, 30)), -1.0, 1.0)
    split = [np.tile(np.arange(*ends), (3, 1)) for ends in ((0, 90), (90, 120))]
    one, recipe = plant(), Recipe(epochs=6, eta=(0.2, 0.02), scale=3.0, smoothing=0.0)
    rule = StochasticBatches(one, recipe, batches=Batches(size=8, floor=0.2))
    training = Training(one, Task(inputs, labels, *split, 3), rule, recipe=recipe, seeds=[1, 2, 3])
    before = training.accuracy(split[1])
    for _ in training.epochs():
        pass
    trained = training.finish()
    assert before.mean() < 0.6
    assert trained.test.mean() > 0.9
