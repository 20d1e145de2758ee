"""How much the loss of each network depends on each of its weights, and on random errors in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.dataset import Dataset
from labmtj.nets.readout import ideal_products, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.physics.chance import Purpose, uniforms
from labmtj.records import Floats


def loss_slopes(stack: NetworkStack, data: Dataset) -> tuple[Floats, ...]:
    """|dL/dw| of each weight of each layer, (networks, inputs, outputs), in software.

    L is the mean cross-entropy of the training samples at scale 1; the derivative is by backpropagation.
    """
    inputs, labels = data.inputs[data.train], data.labels[data.train]
    trace = infer(stack, inputs, products=ideal_products(stack), readout=nominal(stack))
    error = softmax(trace.scores)
    error[:, np.arange(len(labels)), labels] -= 1.0
    error /= len(labels)
    values = [np.broadcast_to(inputs, (len(stack), *inputs.shape)), *trace.outputs[:-1]]
    found: list[Floats] = []
    for layer in range(len(values) - 1, -1, -1):
        found.insert(0, np.abs(np.swapaxes(values[layer], 1, 2) @ error))
        if layer:
            error = error @ np.swapaxes(stack.weights(layer), 1, 2) * (1.0 - values[layer] ** 2)
    return tuple(found)


def softmax(scores: Floats) -> Floats:
    """Probabilities of the classes, along the last axis."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Injected:
    """Accuracy (0..1) of each network with random devices in the wrong state; `train`, `test` (rates, networks)."""

    rates: Floats
    train: Floats
    test: Floats


def injected_errors(stack: NetworkStack, data: Dataset, *, rates: Floats, seed: int = 0, draws: int = 1) -> Injected:
    """Accuracy in software, scale 1, with every device in the wrong state with each of `rates` (0..1).

    Errors are drawn anew for each of `draws` and averaged over them; at a higher rate the devices of a lower one are
    wrong, too.
    """
    train, test = np.zeros((len(rates), len(stack))), np.zeros((len(rates), len(stack)))
    sizes = [devices.size for devices in stack.devices]
    for draw in range(draws):
        chance = uniforms(seed, Purpose.INJECTED_ERROR, sum(sizes), draw)
        parts = np.split(chance, np.cumsum(sizes)[:-1])
        for place, share in enumerate(rates.tolist()):
            devices = tuple(
                np.where(part.reshape(one.shape) < share, 1 - one, one)
                for one, part in zip(stack.devices, parts, strict=True)
            )
            wrong = NetworkStack(stack.names, devices, stack.bias)
            trace = infer(wrong, data.inputs, products=ideal_products(wrong), readout=nominal(wrong))
            right = trace.classes == data.labels
            train[place] += right[:, data.train].mean(axis=1) / draws
            test[place] += right[:, data.test].mean(axis=1) / draws
    return Injected(rates, train, test)
