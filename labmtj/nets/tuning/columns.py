"""Gain and offset of every column pair, from a few inputs that the array itself is given."""

from __future__ import annotations

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.readout import LayerReadout, Products, Readout
from labmtj.nets.tuning.care import care
from labmtj.nets.tuning.copies import Copies
from labmtj.records import Floats, Ints

MOST = 30
"""Most inputs that a calibration may take: what the project allows itself beyond the map."""


def calibration_inputs(copies: Copies, count: int) -> Ints:
    """Numbers of `count` training samples spread evenly over them. Raises InputError for fewer than 2, or too many."""
    there = len(copies.data.train)
    if not 2 <= count <= there:
        raise InputError(f"a calibration takes 2 to {there} inputs, not {count}")
    return copies.data.train[np.linspace(0, there - 1, count).astype(np.int64)]


def columns(copies: Copies, products: Products, *, inputs: int = MOST, base: Readout | None = None) -> Readout:
    """Straight lines through what `products` measures on `inputs` training samples and what software has there.

    The aim is software at its own tuned scale; no label has a part in it. A layer after the first is given what the
    layers before it, tuned so far, really gave. With `base`, its row gains are kept and its columns fitted anew.
    """
    which, count = calibration_inputs(copies, inputs), len(copies.stack)
    values = np.broadcast_to(copies.data.inputs[which], (count, inputs, copies.data.features))
    layers: list[LayerReadout] = []
    for layer, weights in enumerate(copies.weights):
        rows = np.ones(weights.shape[:2]) if base is None else base.layers[layer].rows
        found = products(layer, values * rows[:, np.newaxis])
        gain, offset = lines(found, copies.aims(layer)[:, which], care(copies, layer)[:, which])
        layers.append(LayerReadout(rows, gain, offset))
        values = np.tanh(found * gain[:, np.newaxis] + (offset + copies.bias[layer])[:, np.newaxis])
    cost = inputs * len(layers)
    return Readout("columns", tuple(layers), cost, f"{inputs} inputs through each of {len(layers)} layers")


def lines(found: Floats, aims: Floats, matter: Floats) -> tuple[Floats, Floats]:
    """Gain, zero or more, and offset, (networks, outputs), of the straight lines from `found` to `aims`.

    All are (networks, samples, outputs); `matter` are the weights of the squared errors.
    """
    weight = matter / matter.sum(axis=1, keepdims=True)
    mean, aim = (weight * found).sum(axis=1), (weight * aims).sum(axis=1)
    off = found - mean[:, np.newaxis]
    power = (weight * off * off).sum(axis=1)
    along = (weight * off * (aims - aim[:, np.newaxis])).sum(axis=1)
    gain = np.maximum(np.divide(along, power, out=np.zeros_like(along), where=power > 0.0), 0.0)
    return gain, aim - gain * mean
