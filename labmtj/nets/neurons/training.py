"""Training of networks of neurons and their accuracy: plain arrays in, plain arrays out, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.neurons.activation import Gradient, Reading, Tables, tables
from labmtj.nets.neurons.curves import DeviceCurves
from labmtj.nets.neurons.engine import Constants, Softening, begin_memory, judge, trainer
from labmtj.nets.neurons.network import Form, Mode, begin
from labmtj.nets.neurons.recipe import Recipe
from labmtj.nets.neurons.task import Singles, Task, Weights
from labmtj.records import Floats, Ints

_CHUNK = 1000  # chosen: samples judged at once; hidden outputs of a chunk stay within some MB


@dataclass(frozen=True)
class Epoch:
    """One epoch: its number from 1, mean loss [nat] and accuracy (0..1) while it learnt, shares clipped, saturated."""

    number: int
    loss: float
    accuracy: float
    clipped: float
    saturated: float


@dataclass(frozen=True, eq=False)
class Judged:
    """How a network did on samples: `accuracy` (0..1), the class it said of each, shares (0..1) of evaluations.

    `clipped`: device neurons whose drive was held at the end of its range; `saturated`: readings at an end of theirs.
    """

    accuracy: float
    said: Ints
    clipped: float
    saturated: float


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives: the weights that count, accuracies (0..1) on all training and all test samples, history.

    `clipped` and `saturated` are the shares at the test.
    """

    form: Form
    weights: Weights
    train: float
    test: float
    history: tuple[Epoch, ...]
    clipped: float
    saturated: float


Progress = Callable[[Epoch], None]


def train(
    form: Form,
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
    curves: DeviceCurves | None = None,
    start: Mapping[str, Singles] | None = None,
    frozen: tuple[str, ...] = (),
    taught: tuple[Singles, Softening] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a network; weights, batches and every device reading follow from `seed`.

    `curves` has a row for each device neuron, layer after layer. `start` replaces weights to begin with, those whose
    names are in `frozen` stay. `taught` are a teacher's outputs (samples, classes) for the training samples and how
    they count. Raises InputError for curves, weights or samples that do not fit the form.
    """
    known, reading = _device(form, curves, recipe.gradient)
    weights = begin(form, seed=seed) | task.standard() | dict(start or {})
    _check(form, task, weights, batch=recipe.batch)
    if taught is not None and taught[0].shape != (len(task.train), form.classes):
        raise InputError(
            f"{task.name}: a teacher's outputs of the shape {taught[0].shape} for {len(task.train)} samples"
        )
    fixed = {name: weights.pop(name) for name in ("mean", "deviation", *frozen)}
    softening = taught[1] if taught else None
    constants = Constants.of(fixed, known, largest=task.largest, recipe=recipe, softening=softening)
    run = trainer(form, Mode(reading, recipe.dropout), taught=taught is not None)
    samples = (task.train, task.train_labels.astype(np.int32), taught[0] if taught else None)
    state: Any = (weights, begin_memory(weights), weights)
    steps = len(task.train) // recipe.batch
    history: list[Epoch] = []
    for number in range(recipe.epochs):
        # Drawn here and not by JAX: numpy's stream is the same everywhere.
        random = np.random.RandomState([seed, number])
        order = random.permutation(len(task.train))[: steps * recipe.batch].reshape(steps, recipe.batch)
        addresses = np.frombuffer(random.bytes(4 * steps), np.uint32)
        course = (
            order.astype(np.int32),
            recipe.rates(number, steps).astype(np.float32),
            recipe.kept(number, steps).astype(np.float32),
            addresses,
        )
        state, (loss, right, shares) = run(state, constants, samples, course)
        history.append(Epoch(number + 1, float(loss), float(right), float(shares[0]), float(shares[1])))
        if not np.isfinite(history[-1].loss):
            raise InputError(f"{task.name}: the loss of epoch {number + 1} is not finite; the rate is too large")
        if progress is not None:
            progress(history[-1])
    learnt: Weights = {name: np.asarray(part) for name, part in (state[2] | fixed).items()}
    on_train = evaluate(form, learnt, task.train, task.train_labels, largest=task.largest, curves=curves, seed=seed)
    on_test = evaluate(form, learnt, task.test, task.test_labels, largest=task.largest, curves=curves, seed=seed)
    return Trained(
        form, learnt, on_train.accuracy, on_test.accuracy, tuple(history), on_test.clipped, on_test.saturated
    )


def evaluate(
    form: Form,
    weights: Weights,
    values: NDArray[Any],
    labels: Ints,
    *,
    largest: int,
    curves: DeviceCurves | None = None,
    seed: int = 0,
) -> Judged:
    """Run samples (samples, *shape) through a network once, with the noise that `seed` addresses."""
    found, shares = outputs(form, weights, values, largest=largest, curves=curves, seed=seed)
    said = found.argmax(axis=1).astype(np.int64)
    return Judged(np.count_nonzero(said == labels) / len(labels), said, shares[0], shares[1])


def outputs(
    form: Form,
    weights: Weights,
    values: NDArray[Any],
    *,
    largest: int,
    curves: DeviceCurves | None = None,
    seed: int = 0,
) -> tuple[Singles, tuple[float, float]]:
    """Outputs (samples, classes) before the softmax, and the shares clipped and saturated."""
    known, reading = _device(form, curves, Gradient.MEASURED)
    run = judge(form, Mode(reading))
    starts = range(0, len(values), _CHUNK)
    addresses = np.frombuffer(np.random.RandomState([seed, 0x7E57]).bytes(4 * len(starts)), np.uint32)
    found: list[Singles] = []
    shares: list[Floats] = []
    for start, at in zip(starts, addresses, strict=True):
        chunk = values[start : start + _CHUNK]
        # Filled up with the last sample, so that one compiled shape serves all; what that adds is cut off again.
        filled = np.concatenate([chunk, np.repeat(chunk[-1:], _CHUNK - len(chunk), axis=0)])
        some, counted = run(weights, known, np.float32(largest), filled, at)
        found.append(np.asarray(some)[: len(chunk)])
        shares.append(np.asarray(counted, dtype=np.float64)[: len(chunk)])
    clipped, saturated = np.concatenate(shares).mean(axis=0)
    return np.concatenate(found), (float(clipped), float(saturated))


def _device(form: Form, curves: DeviceCurves | None, gradient: Gradient) -> tuple[tuple[Tables, ...], Reading | None]:
    """Tables of each device layer, and how they are read."""
    if not form.neurons:
        return (), None
    if curves is None:
        raise InputError(f"network: {form.neurons} device neurons, but no curves of them")
    return tables(curves, form.widths), Reading.of(curves, gradient)


def _check(form: Form, task: Task, weights: Weights, *, batch: int) -> None:
    if task.shape != form.inputs or task.classes != form.classes:
        raise InputError(
            f"{task.name}: samples of the shape {task.shape} in {task.classes} classes, "
            f"but the network is for {form.inputs} and {form.classes}"
        )
    if len(task.train) < batch:
        raise InputError(f"{task.name}: batches of {batch}, but only {len(task.train)} samples to learn from")
    for name, shape in form.shapes().items():
        if weights[name].shape != shape:
            raise InputError(f"network: {name} has the shape {weights[name].shape}, not {shape}")
