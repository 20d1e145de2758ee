"""Ways to a network of device neurons, each with its software twin: same start, same batches, tanh for the device.

software       trained and used with tanh
inference      weights of software, used with the device
scratch        trained with the device in both passes
transfer       a body trained in software on another task and kept; layers after it trained anew with the device
distillation   trained with the device on what a larger software network says
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.neurons.curves import DeviceCurves
from labmtj.nets.neurons.engine import Softening
from labmtj.nets.neurons.features import features
from labmtj.nets.neurons.network import Form
from labmtj.nets.neurons.recipe import Recipe
from labmtj.nets.neurons.task import Singles, Task, Weights
from labmtj.nets.neurons.training import Judged, Progress, Trained, evaluate, outputs, train


def software(form: Form, task: Task, recipe: Recipe, *, seed: int, progress: Progress | None = None) -> Trained:
    """Train the software twin of a network."""
    return train(form.in_software, task, recipe, seed=seed, progress=progress)


def scratch(
    form: Form, task: Task, recipe: Recipe, *, curves: DeviceCurves, seed: int, progress: Progress | None = None
) -> Trained:
    """Train a network with its device neurons in both passes."""
    return train(form, task, recipe, seed=seed, curves=curves, progress=progress)


def inference(form: Form, weights: Weights, task: Task, *, curves: DeviceCurves, seed: int) -> Judged:
    """Use weights with device neurons on all test samples, with nothing trained anew."""
    return evaluate(form, weights, task.test, task.test_labels, largest=task.largest, curves=curves, seed=seed)


@dataclass(frozen=True)
class Transfer:
    """What is kept: the body and the first `kept` hidden layers, all in software."""

    kept: int

    def head(self, form: Form) -> Form:
        """The layers that are trained anew, as a network of features."""
        if not 0 <= self.kept < len(form.hidden) or (not self.kept and not form.body):
            raise InputError(f"transfer: {self.kept} layers kept of a network with {len(form.hidden)} hidden layers")
        if any(form.flags[: self.kept]):
            raise InputError("transfer: a layer that is kept from a software network cannot be a device layer")
        width = form.hidden[self.kept - 1] if self.kept else form.flat
        return Form((width,), form.classes, form.hidden[self.kept :], form.flags[self.kept :])


def transfer(
    form: Form,
    task: Task,
    recipe: Recipe,
    *,
    source: Weights,
    way: Transfer,
    seed: int,
    curves: DeviceCurves | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train the layers after a kept body anew; without `curves` this is the software twin.

    `source` are weights of a software network with the same body, its classes may be others. What the body says of
    each sample is computed once. The weights returned are those of the whole network.
    """
    head = way.head(form if curves is not None else form.in_software)
    found = train(
        head,
        features(form, task, source, kept=way.kept),
        recipe,
        seed=seed,
        curves=curves,
        progress=progress,
    )
    after = len(head.hidden) + 1
    kept = {name: source[name] for name in ("mean", "deviation", *_names(form, way.kept))}
    new = {
        f"{name}{k + way.kept}": found.weights[f"{name}{k}"] for k in range(1, after + 1) for name in ("weight", "bias")
    }
    whole = form if curves is not None else form.in_software
    return replace(found, form=whole, weights=kept | new)


def distillation(
    form: Form,
    task: Task,
    recipe: Recipe,
    *,
    teacher: Trained,
    softening: Softening,
    seed: int,
    curves: DeviceCurves | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a student on a software teacher's outputs and the labels; without `curves` this is the software twin."""
    taught = lessons(teacher, task)
    whole = form if curves is not None else form.in_software
    return train(whole, task, recipe, seed=seed, curves=curves, taught=(taught, softening), progress=progress)


def lessons(teacher: Trained, task: Task) -> Singles:
    """A software teacher's outputs for all training samples, (samples, classes)."""
    if teacher.form.neurons:
        raise InputError("distillation: the teacher is a software network")
    found, _ = outputs(teacher.form, teacher.weights, task.train, largest=task.largest)
    return found.astype(np.float32)


def _names(form: Form, kept: int) -> list[str]:
    body = [f"{name}{k}" for k in range(1, len(form.body) + 1) for name in ("filter", "shift")]
    return body + [f"{name}{k}" for k in range(1, kept + 1) for name in ("weight", "bias")]
