"""One scale for all layers, and one for the layers before the last and one for the last, on training labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labmtj.nets.dataset import Dataset
from labmtj.nets.tune import scale_grid, widest_run
from labmtj.nets.tuning.scale_kernels import count_each, count_right, largest_square
from labmtj.records import Floats, Ints


def best_scale(
    weights: tuple[Floats, ...], bias: tuple[Floats, ...], data: Dataset, *, scales: Floats | None = None
) -> Floats:
    """The scale (networks,) that `nets.tune.scale` chooses: highest training accuracy, middle of the widest plateau.

    `weights` (networks, inputs, outputs) a layer give the products that are divided by the scale.
    """
    tried = scale_grid() if scales is None else scales
    labels, chosen = data.labels[data.train], np.empty(len(bias[0]))
    right = np.empty(len(tried), np.int64)
    for network, hidden in enumerate(_hidden(weights, bias, data, tried)):
        count_right(hidden, weights[-1][network], bias[-1][network], tried, labels, right)
        first, last = widest_run(right == right.max())
        chosen[network] = tried[(first + last) // 2]
    return chosen


def best_layer_scales(
    weights: tuple[Floats, ...], bias: tuple[Floats, ...], data: Dataset, *, scales: Floats | None = None
) -> tuple[Floats, Floats]:
    """Scales (networks,) of the layers before the last, which share one, and of the last.

    The rule is that of one scale: of all pairs of scales the highest training accuracy, and of these the middle of
    the largest square of them on the grid, the first of equally large ones.
    """
    tried = scale_grid() if scales is None else scales
    labels, count = data.labels[data.train], len(bias[0])
    before, last = np.empty(count), np.empty(count)
    right = np.empty((len(tried), len(tried)), np.int64)
    for network, hidden in enumerate(_hidden(weights, bias, data, tried)):
        count_each(hidden, weights[-1][network], bias[-1][network], tried, labels, right)
        first, second = largest_square(right)
        before[network], last[network] = tried[first], tried[second]
    return before, last


def _hidden(weights: tuple[Floats, ...], bias: tuple[Floats, ...], data: Dataset, scales: Floats) -> Iterator[Floats]:
    """Of each network what enters the last layer at each scale, (scales, inputs, samples); one array, overwritten."""
    inputs = np.ascontiguousarray(data.inputs[data.train].T)
    inverse = 1.0 / scales[:, np.newaxis, np.newaxis]
    room = [np.empty((len(scales), part.shape[1], inputs.shape[1])) for part in bias[:-1]]
    for network in range(len(bias[0])):
        if not room:
            yield np.repeat(inputs[np.newaxis], len(scales), axis=0)
            continue
        np.multiply(weights[0][network].T @ inputs, inverse, out=room[0])
        np.add(room[0], bias[0][network][:, np.newaxis], out=room[0])
        values = np.tanh(room[0], out=room[0])
        for layer in range(1, len(room)):
            found = weights[layer][network].T @ values
            np.multiply(found, inverse, out=found)
            values = np.tanh(found + bias[layer][network][:, np.newaxis], out=room[layer])
        yield values


def right_at(
    weights: tuple[Floats, ...], bias: tuple[Floats, ...], data: Dataset, *, scales: Floats | None = None
) -> Ints:
    """How many training samples each network gets right at each scale, (networks, scales); the rest as `best_scale`."""
    tried = scale_grid() if scales is None else scales
    labels = data.labels[data.train]
    right = np.empty((len(bias[0]), len(tried)), np.int64)
    for network, hidden in enumerate(_hidden(weights, bias, data, tried)):
        count_right(hidden, weights[-1][network], bias[-1][network], tried, labels, right[network])
    return right
