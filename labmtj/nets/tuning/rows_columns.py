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
from labmtj.nets.tuning.fit_kernels import alternate, moments
from labmtj.records import Floats

# chosen: by trial; from 1e-4 to 1e-2 the mean training gap changes by 0.01 points.
_RIDGE = 1e-3
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
    mean, aim = np.empty((outputs, inputs)), np.empty(outputs)
    cov, cross = np.empty((outputs, inputs, inputs)), np.empty((outputs, inputs))
    values, aims, matter = (np.ascontiguousarray(part) for part in (values, aims, matter))
    for n in range(count):
        moments(values[n], aims[n], matter[n], mean, aim, cov, cross)
        alternate(weights[n], cov, cross, rows[n], gain[n], _RIDGE, _ROUNDS)
        offset[n] = aim - gain[n] * np.einsum("oi,i,io->o", mean, rows[n], weights[n])
    return LayerReadout(rows, gain, offset)
