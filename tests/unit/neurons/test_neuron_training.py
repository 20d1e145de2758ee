"""Networks of neurons that learn digits: from scratch, on another task's body, from a teacher."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError
from labmtj.nets.images.sets import digits
from labmtj.nets.neurons.activation import Gradient
from labmtj.nets.neurons.curves import DeviceCurves, exact
from labmtj.nets.neurons.engine import Softening
from labmtj.nets.neurons.network import Form, begin
from labmtj.nets.neurons.recipe import Recipe
from labmtj.nets.neurons.task import Task
from labmtj.nets.neurons.training import evaluate, train
from labmtj.nets.neurons.ways import Transfer, distillation, inference, lessons, scratch, software, transfer

pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
pytest.importorskip("optax", reason="pip install 'labmtj[train]'")

TASK = Task.of(digits())
FORM = Form((8, 8), 10, (40,))
RECIPE = Recipe(epochs=12, batch=32)


def device(neurons: int, *, variation: float = 0.1, seed: int = 0) -> DeviceCurves:
    """Neurons that are off tanh and sech as real ones are: by scale, offset and a squarer bend."""
    random = np.random.RandomState(seed)
    curves = exact(neurons, largest=3.0)
    scale, offset = 1.0 + variation * random.randn(2, neurons, 1) * [[[1.0]], [[0.3]]] - [[[0.0]], [[1.0]]]
    s = (curves.grid - offset) / scale
    bent = np.tanh(s) - 0.03 * np.tanh(s) * (1.0 - np.tanh(s) ** 2)
    return replace(curves, x=bent, z=np.sqrt(1.0 - bent**2)).read_with(noise_x=0.02, noise_z=0.02, levels=256)


def test_a_network_of_device_neurons_learns_the_digits_as_well_as_software():
    told = []
    found = scratch(FORM, TASK, RECIPE, curves=device(40), seed=1, progress=told.append)
    twin = software(FORM, TASK, RECIPE, seed=1)
    assert found.test > 0.93
    assert found.test == pytest.approx(twin.test, abs=0.02)
    assert [epoch.number for epoch in told] == list(range(1, 13))
    assert told == list(found.history)
    assert told[-1].loss < 0.2 * told[0].loss
    assert 0.0 < found.clipped < 0.2
    again = inference(FORM, found.weights, TASK, curves=device(40), seed=1)
    assert (again.accuracy, again.clipped) == (found.test, found.clipped)
    assert again.accuracy == np.mean(again.said == TASK.test_labels)


def test_the_same_seed_gives_the_same_weights_and_another_one_others():
    short = replace(RECIPE, epochs=2)
    first, second, other = (scratch(FORM, TASK, short, curves=device(40), seed=seed) for seed in (1, 1, 2))
    for name, part in first.weights.items():
        assert_array_equal(part, second.weights[name])
    assert first.history == second.history
    assert not np.array_equal(first.weights["weight1"], other.weights["weight1"])


def test_exact_tables_train_like_the_software_twin_from_the_same_start_on_the_same_batches():
    short = replace(RECIPE, epochs=1)
    fine = exact(40, largest=6.0, points=4001)
    found = train(FORM, TASK, short, seed=3, curves=fine)
    twin = train(FORM.in_software, TASK, short, seed=3)
    assert found.history[0].loss == pytest.approx(twin.history[0].loss, rel=1e-4)
    assert_allclose(found.weights["weight1"], twin.weights["weight1"], atol=2e-3)


@pytest.mark.slow
def test_each_gradient_trains_and_they_differ():
    short = replace(RECIPE, epochs=3)
    found = {kind: scratch(FORM, TASK, replace(short, gradient=kind), curves=device(40), seed=0) for kind in Gradient}
    assert all(one.test > 0.8 for one in found.values())
    assert len({one.history[-1].loss for one in found.values()}) == 3


def test_software_weights_lose_little_on_device_neurons_and_more_the_more_those_vary():
    twin = software(FORM, TASK, RECIPE, seed=0)
    losses = [
        np.mean(
            [
                twin.test - inference(FORM, twin.weights, TASK, curves=device(40, variation=p, seed=k), seed=k).accuracy
                for k in range(5)
            ]
        )
        for p in (0.05, 0.8)
    ]
    assert abs(losses[0]) < 0.01
    assert losses[1] > losses[0] + 0.01


def test_layers_with_the_device_learn_from_few_samples_on_a_body_that_software_trained():
    """The baseline is the same training on a body that was never trained."""
    form, few, short = Form((8, 8), 10, (40, 20), (False, True)), TASK.first(200), replace(RECIPE, epochs=60)
    body = software(FORM, TASK, RECIPE, seed=0).weights
    raw = begin(FORM, seed=0) | TASK.standard()
    way, curves = Transfer(kept=1), device(20)
    found, baseline = (
        transfer(form, few, short, source=source, way=way, seed=0, curves=curves) for source in (body, raw)
    )
    assert found.test > baseline.test + 0.05
    assert found.test > 0.85
    assert_array_equal(found.weights["weight1"], body["weight1"])
    whole = inference(form, found.weights, TASK, curves=curves, seed=0)
    assert whole.accuracy == pytest.approx(found.test, abs=0.01)
    twin = transfer(form, few, short, source=body, way=way, seed=0)
    assert twin.form == form.in_software
    assert twin.test == pytest.approx(found.test, abs=0.03)


def test_a_student_with_the_device_learns_more_from_few_samples_by_what_a_teacher_says_of_them():
    teacher = software(Form((8, 8), 10, (200,)), TASK, RECIPE, seed=0)
    few, recipe = TASK.first(100), replace(RECIPE, epochs=60)

    def student(softening: Softening) -> float:
        return distillation(FORM, few, recipe, teacher=teacher, softening=softening, seed=0, curves=device(40)).test

    assert student(Softening(temperature=4.0, share=0.7)) > student(Softening(share=0.0)) + 0.02
    said = lessons(teacher, TASK)
    assert said.shape == (len(TASK.train), 10)
    assert np.mean(said.argmax(axis=1) == TASK.train_labels) == teacher.train


def test_a_convolutional_body_in_software_feeds_layers_of_the_device():
    colour = replace(TASK, train=np.repeat(TASK.train[..., None], 3, -1), test=np.repeat(TASK.test[..., None], 3, -1))
    form = Form((8, 8, 3), 10, (30,), body=(4, 8))
    assert form.flat == 2 * 2 * 8
    found = scratch(form, colour, replace(RECIPE, epochs=5), curves=device(30), seed=0)
    assert found.test > 0.85
    assert found.weights["mean"].shape == (3,)


@pytest.mark.slow
def test_a_convolutional_body_that_is_kept_serves_new_layers_as_well():
    colour = replace(TASK, train=np.repeat(TASK.train[..., None], 3, -1), test=np.repeat(TASK.test[..., None], 3, -1))
    form = Form((8, 8, 3), 10, (30,), body=(8, 16))
    found = scratch(form, colour, RECIPE, curves=device(30), seed=0)
    again = transfer(form, colour, RECIPE, source=found.weights, way=Transfer(0), seed=1, curves=device(30, seed=1))
    assert again.test > 0.9
    assert_array_equal(again.weights["filter2"], found.weights["filter2"])


def test_dropout_smoothing_and_decay_change_what_is_learnt():
    short = replace(RECIPE, epochs=1)
    plain = software(FORM, TASK, short, seed=0).history[0].loss
    for change in ({"dropout": 0.3}, {"smoothing": 0.1}, {"decay": 1.0}):
        assert software(FORM, TASK, replace(short, **change), seed=0).history[0].loss != plain


def test_the_last_chunk_of_samples_counts_each_of_them_once():
    found = software(FORM, TASK, replace(RECIPE, epochs=1), seed=0)
    doubled = np.concatenate([TASK.train, TASK.test])[:1003]
    labels = np.concatenate([TASK.train_labels, TASK.test_labels])[:1003]
    judged = evaluate(FORM.in_software, found.weights, doubled, labels, largest=16)
    parts = [
        evaluate(FORM.in_software, found.weights, doubled[part], labels[part], largest=16)
        for part in (slice(0, 501), slice(501, 1003))
    ]
    assert_array_equal(judged.said, np.concatenate([part.said for part in parts]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="no curves"):
        train(FORM, TASK, RECIPE, seed=0)
    with pytest.raises(InputError, match="39 for layers of 40"):
        train(FORM, TASK, RECIPE, seed=0, curves=exact(39))
    with pytest.raises(InputError, match="samples of the shape"):
        train(Form((28, 28), 10), TASK, RECIPE, seed=0, curves=exact(256))
    with pytest.raises(InputError, match="only 10 samples"):
        train(FORM, TASK.first(10), RECIPE, seed=0, curves=exact(40))
    with pytest.raises(InputError, match="cannot be a device layer"):
        Transfer(1).head(Form((8, 8), 10, (40, 20)))
    with pytest.raises(InputError, match="weight1 has the shape"):
        train(FORM, TASK, RECIPE, seed=0, curves=exact(40), start={"weight1": np.zeros((3, 3), np.float32)})
    for wrong in ({"epochs": 0}, {"average": 1.0}, {"dropout": -0.1}, {"rate": 0.0}):
        with pytest.raises(InputError, match="recipe"):
            replace(RECIPE, **wrong)


def test_a_task_of_some_classes_counts_them_anew():
    part = TASK.part([7, 2])
    assert part.classes == 2
    kept = np.isin(TASK.train_labels, [7, 2])
    assert_array_equal(part.train, TASK.train[kept])
    assert_array_equal(part.train_labels, (TASK.train_labels[kept] == 2).astype(np.int64))
    with pytest.raises(InputError, match="each once"):
        TASK.part([1, 1])
    with pytest.raises(InputError, match="each once"):
        TASK.part([10])


def test_pixels_are_standardised_by_exact_sums():
    found = TASK.standard()
    pixels = TASK.train / 16.0
    assert float(found["mean"]) == pytest.approx(pixels.mean(), rel=1e-6)
    assert float(found["deviation"]) == pytest.approx(pixels.std(), rel=1e-6)
