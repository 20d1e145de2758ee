"""What is known of the inputs of each layer, without labels: their mean and covariance, and what each output weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.readout import ideal_products, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Moments:
    """Of one layer of many networks: `mean` (networks, inputs) and `covariance` (networks, inputs, inputs).

    `weight` (networks, outputs) is what a squared error of a pre-activation becomes, on average and to first order,
    in the sum of squared errors of the last layer: 1 in the last layer, the squared slope of tanh times the squared
    weights that follow in the one before.
    """

    mean: Floats
    covariance: Floats
    weight: Floats


def moments(stack: NetworkStack, inputs: Floats) -> tuple[Moments, ...]:
    """Moments of every layer as software computes it from `inputs` (samples, inputs): 0..1, without labels."""
    trace = infer(stack, inputs, products=ideal_products(stack), readout=nominal(stack))
    every = [np.broadcast_to(inputs, (len(stack), *inputs.shape)), *trace.outputs[:-1]]
    weight = np.ones(stack.bias[-1].shape)
    weights = [weight]
    for layer in range(len(every) - 2, -1, -1):
        slope = np.mean((1.0 - trace.outputs[layer] ** 2) ** 2, axis=1)
        weight = slope * np.einsum("nij,nj->ni", stack.weights(layer + 1) ** 2, weight)
        weights.insert(0, weight)
    found: list[Moments] = []
    for values, weight in zip(every, weights, strict=True):
        mean = values.mean(axis=1)
        centred = values - mean[:, np.newaxis, :]
        found.append(Moments(mean, np.swapaxes(centred, 1, 2) @ centred / values.shape[1], weight))
    return tuple(found)
