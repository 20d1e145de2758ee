"""What a copy will cost, predicted from its verified map and moments of the inputs, without labels and samples.

Pseudo-inputs (`pseudo`) go through software and through the conductances that the copy's read-back has shown. What
software, at the scale at which it is best, makes of an input stands for its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.measuring.decisions import margins
from labmtj.nets.measuring.pseudo import PseudoInputs, pseudo_inputs
from labmtj.nets.measuring.sensitivity import softmax
from labmtj.nets.readout import Products, Readout, ideal_products, infer
from labmtj.nets.stack import NetworkStack
from labmtj.records import Floats, Ints

_SHARPNESS = 20.0  # chosen: a decision counts as half lost within a tenth of the median margin; 10 and 40 do no better
_LEAST = 1e-300  # keeps the logarithm of a probability that has underflowed


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


class Predictor:
    """Pseudo-inputs of every network, and what software makes of them; made once for all copies of the networks.

    `best` is software's readout at which its decisions stand for labels; `mean` (inputs,), `covariance` (inputs,
    inputs) of the inputs.
    """

    def __init__(self, stack: NetworkStack, *, mean: Floats, covariance: Floats, best: Readout, seed: int = 0) -> None:
        self._stack = stack
        self.pseudo: PseudoInputs = pseudo_inputs(stack, mean=mean, covariance=covariance, readout=best, seed=seed)
        scores = self._scores(ideal_products(stack), best)
        self._classes: Ints = np.argmax(scores, axis=-1).astype(np.int64)

    def software(self, readout: Readout) -> Floats:
        """Scores of software in a readout, (networks, pseudo-inputs, classes), to compare copies with."""
        return self._scores(ideal_products(self._stack), readout)

    def predict(self, products: Products, *, readout: Readout, expected: Floats) -> Prediction:
        """Predict a copy from `products` of its verified map, in its own `readout`, against `expected` of `software`.

        For an untuned copy the latter is software's nominal readout, for a tuned one software's best.
        """
        scores = self._scores(products, readout)
        typical = np.median(np.abs(margins(expected, self._classes)), axis=1)[:, np.newaxis]
        lost, before = (_lost(margins(values, self._classes) / typical) for values in (scores, expected))
        loss, ideal = (self._loss(values) for values in (scores, expected))
        different = np.argmax(scores, axis=-1) != np.argmax(expected, axis=-1)
        return Prediction(lost - before, loss - ideal, different.mean(axis=1))

    def _scores(self, products: Products, readout: Readout) -> Floats:
        return infer(self._stack, self.pseudo.inputs, products=products, readout=readout).scores

    def _loss(self, scores: Floats) -> Floats:
        chance = np.take_along_axis(softmax(scores), self._classes[..., np.newaxis], axis=-1)[..., 0]
        return -np.log(np.maximum(chance, _LEAST)).mean(axis=1)


def _lost(margin: Floats) -> Floats:
    """Share of decisions that are lost, at margins relative to the typical one."""
    return (1.0 / (1.0 + np.exp(np.clip(_SHARPNESS * margin, -700.0, 700.0)))).mean(axis=1)
