"""Row gains, column gains and offsets fitted to the verified maps: no measurement, no label.

Layer by layer: the aim are software's pre-activations at its own tuned scale on the training inputs, and the inputs
of a later layer are what the copy, tuned so far, gives by its map, so a layer also makes up for the one before it. A
layer gets inputs + 2 outputs numbers; it has inputs x outputs weights that are wrong, so what is neither of a row nor
of a column stays, as far as the inputs show it at all.
"""

from __future__ import annotations

import numpy as np

from labmtj.nets.readout import LayerReadout, Readout
from labmtj.nets.tuning.care import care
from labmtj.nets.tuning.copies import Copies
from labmtj.nets.tuning.fit_kernels import SUSPECTS, alternate
from labmtj.records import Floats

# chosen: by trial; from 1e-4 to 1e-2 the mean training gap changes by 0.01 points.
_RIDGE = 1e-3
# chosen: how many times the 90th percentile of a layer's weights makes a short. Good pairs stay below 1.6 at 20 nm,
# shorts begin at 2.5 (100 nm, 20 ohm, where wires hide them) and go to 50 (40 nm).
_SUSPECT = 2.0
_ROUNDS = 30  # chosen: later rounds change no accuracy by more than 0.01 points


def rows_columns(copies: Copies) -> Readout:
    """Fit every layer of every copy to its map."""
    count, train = len(copies.stack), copies.data.train
    layers: list[LayerReadout] = []
    values = np.broadcast_to(copies.train, (count, *copies.train.shape))
    for layer, weights in enumerate(copies.weights):
        how = _fit(values, weights, copies.aims(layer)[:, train], care(copies, layer)[:, train])
        layers.append(how)
        found = (values * how.rows[:, np.newaxis]) @ weights
        values = np.tanh(found * how.gain[:, np.newaxis] + (how.offset + copies.bias[layer])[:, np.newaxis])
    return Readout("rows_columns", tuple(layers))


def _fit(values: Floats, weights: Floats, aims: Floats, matter: Floats) -> LayerReadout:
    count, inputs, outputs = weights.shape
    rows, gain, offset = np.empty((count, inputs)), np.empty((count, outputs)), np.empty((count, outputs))
    tried, normal = np.empty(inputs + outputs), np.empty((inputs + 1, inputs))
    largest = np.abs(weights).max(axis=2)
    shorted = largest > _SUSPECT * np.percentile(np.abs(weights), 90.0, axis=(1, 2))[:, np.newaxis]
    for n in range(count):
        mean, aim, cov, cross = _moments(values[n], aims[n], matter[n])
        suspects = np.flatnonzero(shorted[n])
        suspects = suspects[np.argsort(-largest[n, suspects], kind="stable")][:SUSPECTS]
        alternate(weights[n], cov, cross, _RIDGE, _ROUNDS, suspects, rows[n], gain[n], tried, normal)
        offset[n] = aim - gain[n] * np.einsum("oi,i,io->o", mean, rows[n], weights[n])
    return LayerReadout(rows, gain, offset)


def _moments(values: Floats, aims: Floats, matter: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Weighted moments, for each output its own: means of inputs and aims, covariances of inputs, and with the aim.

    `values` (samples, inputs), `aims` and `matter` (samples, outputs); the means are (outputs, inputs) and
    (outputs,). Covariances are sums over the weights, so an output that matters more counts more.
    """
    weight = matter.sum(axis=0)
    aim = (matter * aims).sum(axis=0) / weight
    mean = (matter.T @ values) / weight[:, np.newaxis]
    scaled = matter.T[:, np.newaxis, :] * values.T
    cov = scaled @ values - weight[:, np.newaxis, np.newaxis] * mean[:, :, np.newaxis] * mean[:, np.newaxis, :]
    cross = ((matter * (aims - aim)).T) @ values
    return mean, aim, cov, cross
