"""What a copy will cost, predicted from its verified map and moments of the inputs, without labels or samples.

Pseudo-inputs (`pseudo`) go through software and through the conductances that the copy's read-back has shown. What
software, at the scale at which it is best, makes of an input stands for its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.readout import Readout
from labmtj.nets.stack import NetworkStack
from labmtj.records import Floats, Ints

Single, Flags = NDArray[np.float32], NDArray[np.bool_]

_SHARPNESS = 20.0  # chosen: a decision counts as half lost within a tenth of the median margin; 10 and 40 do no better


@dataclass(frozen=True, eq=False)
class Prediction:
    """Of each copy, (networks,), against software in one readout.

    `drop`: loss of accuracy (0..1), decisions near a boundary counted in part; below 0 where the copy decides better.
    `rise`: rise of the cross-entropy loss [nats]. `disagreement`: share of pseudo-inputs to which copy and software
    give different classes.
    """

    drop: Floats
    rise: Floats
    disagreement: Floats


@dataclass(frozen=True, eq=False)
class Expected:
    """What software makes of the pseudo-inputs in one readout.

    Its `classes` (networks, count), the `typical` margin (networks, 1), the share of decisions `lost` against software
    at its best and the `loss`, both (networks,).
    """

    classes: Ints
    typical: Single
    lost: Floats
    loss: Floats


class Predictor:
    """What software makes of pseudo-inputs (count, inputs), made once for all copies of the same networks.

    `best` is software's readout at which its decisions stand for labels. Scores are computed in single precision:
    they decide nothing but averages.
    """

    def __init__(self, stack: NetworkStack, inputs: Floats, *, best: Readout) -> None:
        self._bias, self._inputs = stack.bias, inputs.astype(np.float32)
        self._weights = tuple(stack.weights(layer) for layer in range(len(stack.devices)))
        classes = np.argmax(self._scores(self._weights, best), axis=0)
        self._member: Flags = classes == np.arange(stack.bias[-1].shape[1])[:, np.newaxis, np.newaxis]

    def software(self, readout: Readout) -> Expected:
        """What software makes of the pseudo-inputs in a readout, to compare copies with."""
        scores = self._scores(self._weights, readout)
        margin = _margins(scores, self._member)
        typical: Single = np.median(np.abs(margin), axis=1)[:, np.newaxis].astype(np.float32)
        return Expected(np.argmax(scores, axis=0), typical, _lost(margin / typical), self._loss(scores))

    def predict(self, weights: tuple[Floats, ...], *, readout: Readout, expected: Expected) -> Prediction:
        """Predict copies from the weights of their verified maps, in their own `readout`, against `software`.

        `weights` (networks, inputs, outputs) of each layer are those of `nets.tuning.copies.map_weights`. For an
        untuned copy `expected` is of software's nominal readout, for a tuned one of software's best.
        """
        scores = self._scores(weights, readout)
        lost = _lost(_margins(scores, self._member) / expected.typical)
        different = np.argmax(scores, axis=0) != expected.classes
        return Prediction(lost - expected.lost, self._loss(scores) - expected.loss, different.mean(axis=1))

    def _scores(self, weights: tuple[Floats, ...], readout: Readout) -> Single:
        """Scores of all pseudo-inputs, (classes, networks, count)."""
        values, scores = self._inputs, self._inputs
        for matrix, bias, how in zip(weights, self._bias, readout.layers, strict=True):
            folded = how.rows[:, :, np.newaxis] * matrix * how.gain[:, np.newaxis, :]
            scores = values @ folded.astype(np.float32)
            scores += (how.offset + bias)[:, np.newaxis, :].astype(np.float32)
            values = np.tanh(scores)
        # Classes first, since sums and maxima over a short last axis take ten times as long.
        return np.ascontiguousarray(np.moveaxis(scores, -1, 0))

    def _loss(self, scores: Single) -> Floats:
        """Mean cross-entropy of the classes that software gives at its best."""
        highest = scores.max(axis=0)
        total = highest + np.log(np.exp(scores - highest).sum(axis=0))
        own = np.where(self._member, scores, np.float32(0.0)).sum(axis=0)
        return (total - own).mean(axis=1, dtype=np.float64)


def _margins(scores: Single, member: Flags) -> Single:
    """Score of each sample's class less the largest of another class, (networks, count)."""
    none = np.float32(-np.inf)
    return np.where(member, scores, none).max(axis=0) - np.where(member, none, scores).max(axis=0)


def _lost(margin: Single) -> Floats:
    """Share of decisions that are lost, at margins relative to the typical one."""
    return (1.0 / (1.0 + np.exp(np.clip(_SHARPNESS * margin, -60.0, 60.0)))).mean(axis=1, dtype=np.float64)
