"""How a network is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.schedule import Schedule
from labmtj.nets.neurons.activation import Gradient
from labmtj.records import Floats

_HURRY = 10.0  # chosen: the mean over the weights' past begins at a tenth of the past and grows with it


@dataclass(frozen=True)
class Recipe:
    """Adam with a rate [1] that falls along half a cosine from `rate` to 0 over all `epochs` of batches of `batch`.

    `decay` pulls weights, not biases, towards 0 by this share of the rate at every step (Loshchilov and Hutter 2017,
    arXiv 1711.05101). `average` (0..1) is what a running mean of the weights keeps a step (0: the last weights count;
    Polyak and Juditsky 1992, doi:10.1137/0330046). `smoothing` is the share of the labels spread over all classes
    (Szegedy et al. 2015, arXiv 1512.00567), `dropout` that of hidden outputs left out (Srivastava et al. 2014).
    `gradient` is that of the device layers.
    """

    epochs: int = 20
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.0
    average: float = 0.99
    smoothing: float = 0.0
    dropout: float = 0.0
    gradient: Gradient = Gradient.MEASURED

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or not self.rate > 0.0 or self.decay < 0.0:
            raise InputError(
                f"recipe: {self.epochs} epochs, batches of {self.batch}, rate {self.rate:g}, decay {self.decay:g}; "
                "one epoch and one sample at least, a rate above 0, a decay that is not below"
            )
        for name in ("average", "smoothing", "dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InputError(f"recipe: {name} is {getattr(self, name):g}; a share from 0 to below 1")

    def rates(self, epoch: int, steps: int) -> Floats:
        """Rates of the steps of an epoch, from 0."""
        schedule = Schedule(epochs=self.epochs, rate=self.rate)
        course = schedule.begin()
        course[0] = epoch
        return schedule.rates(course, steps=steps)

    def kept(self, epoch: int, steps: int) -> Floats:
        """What the running mean keeps at each step of an epoch: less at first, so that the start is forgotten."""
        done = np.arange(epoch * steps, (epoch + 1) * steps, dtype=np.float64)
        return np.minimum(self.average, (1.0 + done) / (_HURRY + done)) if self.average else np.zeros(steps)
