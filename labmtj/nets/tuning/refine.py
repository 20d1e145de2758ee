"""All gains and offsets of all layers together, until the copy's scores are software's: no measurement, no label.

What a layer cannot correct the next one can in part, which a fit layer by layer does not see. The sum over the
training inputs of (s - s*)' H (s - s*) is made small, s the scores by the map, s* software's at its own tuned scale
and H = diag(p) - p p' + floor, the curvature of the cross-entropy at software's softmax p: to second order this is
the divergence of the two softmax distributions. Steps are Levenberg's and Marquardt's (doi:10.1137/0111030), each
kept only if it makes the sum smaller.
"""

from __future__ import annotations

import numpy as np

from labmtj.nets.readout import LayerReadout, Readout
from labmtj.nets.tuning.copies import Copies
from labmtj.records import Floats

# chosen: so that samples of which software is sure count, too; 0.005 and 0.05 did as well in a trial.
_FLOOR = 0.02
_ROUNDS, _FIRST, _LESS, _MORE = 4, 1e-2, 0.3, 10.0  # chosen: more than three steps changed no accuracy in a trial
_RIDGE = 1e-3  # chosen: of the mean curvature, towards where the fit began: noise of the map is not followed


def refined(copies: Copies, base: Readout, *, name: str = "best") -> Readout:
    """Begin at the readout `base` and fit rows, gains and offsets of all layers of every copy together."""
    work = _Fit(copies, base)
    return Readout(name, work.run(), base.measurements, base.calibration)


class _Fit:
    """Changes (networks, numbers) of a readout: of each layer its rows, its gains relative to `base`, its offsets."""

    def __init__(self, copies: Copies, base: Readout) -> None:
        self._copies, self._base = copies, base.layers
        tuned = copies.software.tuned.scores[:, copies.data.train]
        likely = np.exp(tuned - tuned.max(axis=-1, keepdims=True))
        likely /= likely.sum(axis=-1, keepdims=True)
        classes = np.eye(tuned.shape[-1])
        self._aims = tuned
        self._care = (likely[..., np.newaxis] + _FLOOR) * classes - likely[..., np.newaxis] * likely[..., np.newaxis, :]
        self._inputs = np.broadcast_to(copies.train, (len(copies.stack), *copies.train.shape))

    def run(self) -> tuple[LayerReadout, ...]:
        """The best layers that the steps find."""
        count = len(self._copies.stack)
        numbers = sum(layer.rows.shape[1] + 2 * layer.gain.shape[1] for layer in self._base)
        change, damping = np.zeros((count, numbers)), np.full(count, _FIRST)
        scores, slopes = self._scores(change)
        curved, pull, cost = self._quadratic(scores, slopes, change)
        for _ in range(_ROUNDS):
            diagonal = np.einsum("npp->np", curved)
            damped = curved + np.eye(numbers) * (damping[:, np.newaxis] * diagonal)[:, np.newaxis, :]
            step: Floats = np.asarray(np.linalg.solve(damped, pull[..., np.newaxis]), dtype=np.float64)[..., 0]
            tried = change - step
            scores, slopes = self._scores(tried)
            found = self._quadratic(scores, slopes, tried)
            better = found[2] < cost
            change = np.where(better[:, np.newaxis], tried, change)
            curved = np.where(better[:, np.newaxis, np.newaxis], found[0], curved)
            pull, cost = np.where(better[:, np.newaxis], found[1], pull), np.where(better, found[2], cost)
            damping *= np.where(better, _LESS, _MORE)
        return tuple(_within(layer) for layer in self._layers(change))

    def _layers(self, change: Floats) -> list[LayerReadout]:
        found: list[LayerReadout] = []
        at = 0
        for layer in self._base:
            inputs, outputs = layer.rows.shape[1], layer.gain.shape[1]
            rows, gain, offset = np.split(change[:, at : at + inputs + 2 * outputs], [inputs, inputs + outputs], axis=1)
            found.append(LayerReadout(layer.rows + rows, layer.gain * (1.0 + gain), layer.offset + offset))
            at += inputs + 2 * outputs
        return found

    def _scores(self, change: Floats) -> tuple[Floats, Floats]:
        """Scores (networks, samples, classes), and their slopes along every change: a last axis of numbers."""
        layers, weights, bias = self._layers(change), self._copies.weights, self._copies.bias
        entered: list[Floats] = []
        summed: list[Floats] = []
        values, linear = self._inputs, self._inputs
        for layer, matrix, shift in zip(layers, weights, bias, strict=True):
            entered.append(values)
            summed.append((values * layer.rows[:, np.newaxis]) @ matrix)
            linear = summed[-1] * layer.gain[:, np.newaxis] + (layer.offset + shift)[:, np.newaxis]
            values = np.tanh(linear)
        classes = linear.shape[-1]
        # What pre-activations of a layer do to the scores, (networks, samples, classes, outputs), from the last back.
        reach = np.broadcast_to(np.eye(classes), (*linear.shape[:2], classes, classes))
        parts: list[Floats] = []
        for number in range(len(layers) - 1, -1, -1):
            layer, x = layers[number], entered[number]
            own = layer.gain[:, :, np.newaxis] * np.swapaxes(weights[number], 1, 2)  # (networks, outputs, inputs)
            back = reach @ own[:, np.newaxis]  # what x times its row's gain does to the scores
            by_gain = reach * (summed[number] * self._base[number].gain[:, np.newaxis])[:, :, np.newaxis]
            parts[:0] = [back * x[:, :, np.newaxis], by_gain, reach]
            if number:
                reach = back * (layer.rows[:, np.newaxis] * (1.0 - x * x))[:, :, np.newaxis]
        return linear, np.concatenate(parts, axis=-1)

    def _quadratic(self, scores: Floats, slopes: Floats, change: Floats) -> tuple[Floats, Floats, Floats]:
        """Curvature and gradient of the sum along the changes, and the sum, each with the ridge."""
        off = (scores - self._aims)[..., np.newaxis]
        count, samples, classes, numbers = slopes.shape
        flat = slopes.reshape(count, samples * classes, numbers)
        cared = (self._care @ slopes).reshape(count, samples * classes, numbers)
        curved = np.swapaxes(flat, 1, 2) @ cared
        weighted = (self._care @ off).reshape(count, samples * classes, 1)
        pull = (np.swapaxes(flat, 1, 2) @ weighted)[..., 0]
        ridge = _RIDGE * np.einsum("npp->n", curved) / numbers
        cost = (off.reshape(count, -1) * weighted[..., 0]).sum(axis=1) + ridge * (change**2).sum(axis=1)
        curved = curved + ridge[:, np.newaxis, np.newaxis] * np.eye(numbers)
        return curved, pull + ridge[:, np.newaxis] * change, cost


def _within(layer: LayerReadout) -> LayerReadout:
    """The same layer with its largest row at 1, the whole read voltage; the gains make up for it."""
    rows = np.maximum(layer.rows, 0.0)
    largest = np.maximum(rows.max(axis=1, keepdims=True), 1e-12)
    return LayerReadout(rows / largest, layer.gain * largest, layer.offset)
