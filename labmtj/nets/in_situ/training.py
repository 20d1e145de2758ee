"""The training loop: forward on the arrays, errors in the host, changes by a rule; all copies side by side.

One sample at a time, as a bench does it: an update is an outer product of one sample's inputs and errors, which is
what lines can apply in parallel (arXiv 1806.09057). Hidden values are tanh, the last layer is linear, errors are those
of the cross-entropy; biases are digital and learnt in the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.in_situ.plant import Plant
from labmtj.nets.in_situ.rules import Rule
from labmtj.nets.in_situ.task import Recipe, Task
from labmtj.records import Floats, Ints


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of all copies, on their training samples: cross-entropy with sharpened logits [nat] and accuracy, (copies,)."""

    loss: Floats
    accuracy: Floats


@dataclass(frozen=True, eq=False)
class Epoch:
    """One epoch, counted from 1: the state after it as judged, the share of samples that asked for a change."""

    number: int
    judged: Judgement
    active: Floats


@dataclass(frozen=True, eq=False)
class Trained:
    """What training ends with: accuracy on training and test samples as the arrays give it, (copies,), and biases."""

    train: Floats
    test: Floats
    loss: Floats
    biases: tuple[Floats, ...]


class Training:
    """Networks of two layers that learn a task on a plant by a rule; `seeds` (copies,) give the order of samples."""

    def __init__(self, plant: Plant, task: Task, rule: Rule, *, recipe: Recipe, seeds: Sequence[int]) -> None:
        if len(plant.layers) != 2:
            raise InputError(f"training in situ is for networks of two layers; this one has {len(plant.layers)}")
        if not plant.copies == len(task.train) == len(seeds):
            raise InputError(
                f"{plant.copies} networks, {len(task.train)} splits, {len(seeds)} seeds: they must be as many"
            )
        self._plant, self._task, self._rule, self._recipe = plant, task, rule, recipe
        self._seeds = [int(seed) for seed in seeds]
        self._copies: Ints = np.arange(plant.copies, dtype=np.int64)
        self._biases: list[Floats] = [np.zeros((plant.copies, outputs)) for _, outputs in plant.layers]
        self._best_biases = [bias.copy() for bias in self._biases]
        self._best = np.full(plant.copies, np.inf)
        self._back = plant.weights(1)
        self._steps = 0

    @property
    def steps(self) -> int:
        """Samples of one training in all."""
        return self._recipe.epochs * self._task.train.shape[1]

    def epochs(self) -> Iterator[Epoch]:
        """Train, one epoch after the other."""
        for number in range(1, self._recipe.epochs + 1):
            yield self.epoch(number)

    def epoch(self, number: int) -> Epoch:
        """Train for one epoch; every sample once, in an order that is drawn for each copy."""
        count = self._task.train.shape[1]
        # RandomState, because numpy promises that its stream never changes (NEP 19).
        order = np.stack([np.random.RandomState([seed, 3, number]).permutation(count) for seed in self._seeds])
        marks = set((np.arange(1, self._recipe.judged + 1) * count // self._recipe.judged - 1).tolist())
        active, judged = np.zeros(self._plant.copies), Judgement(np.empty(0), np.empty(0))
        beaten = np.zeros(self._plant.copies, np.bool_)
        for position in range(count):
            active += self.sample(self._task.train[self._copies, order[:, position]])
            if position in marks:
                judged = self.judge()
                beaten = self._keep(judged)
        self._go_back(~beaten, last=False)
        return Epoch(number, judged, active / count)

    def sample(self, which: Ints) -> NDArray[np.bool_]:
        """Learn one sample a copy, `which` (copies,); whether it asked for a change."""
        recipe, done = self._recipe, self._steps / self.steps
        if self._steps % recipe.refresh == 0:
            self._back = self._plant.weights(1)
        self._steps += 1
        inputs, labels = self._task.inputs[which], self._task.labels[which]
        hidden = np.tanh(self._plant.products(0, inputs) / recipe.scale + self._biases[0])
        scores = self._plant.products(1, hidden) / recipe.scale + self._biases[1]
        errors, sure = _errors(scores, labels, smoothing=recipe.smoothing)
        errors[sure > recipe.gate] = 0.0
        behind = np.einsum("cio,co->ci", self._back, errors) / recipe.scale * (1.0 - hidden**2)
        for layer, (values, slopes) in enumerate(((inputs, behind), (hidden, errors))):
            self._rule.step(layer, values, slopes, done=done)
            self._biases[layer] -= recipe.bias_rate * (1.0 - done) * slopes
        return (errors != 0.0).any(axis=1)

    def judge(self) -> Judgement:
        """Classify all training samples as the arrays are now."""
        scores, labels = self._scores(self._task.train), self._task.labels[self._task.train]
        sharp = scores * self._recipe.sharpness
        sharp -= sharp.max(axis=2, keepdims=True)
        logs = sharp - np.log(np.exp(sharp).sum(axis=2, keepdims=True))
        loss = -np.take_along_axis(logs, labels[:, :, np.newaxis], axis=2)[:, :, 0].mean(axis=1)
        return Judgement(loss, (scores.argmax(axis=2) == labels).mean(axis=1))

    def finish(self) -> Trained:
        """Go back to the best state of every copy and classify all samples with it."""
        self._keep(self.judge())
        self._go_back(np.ones(self._plant.copies, np.bool_), last=True)
        judged = self.judge()
        return Trained(judged.accuracy, self.accuracy(self._task.test), judged.loss, tuple(self._biases))

    def accuracy(self, samples: Ints) -> Floats:
        """Share of `samples` (copies, n) that are classified as they should be, (copies,)."""
        return (self._scores(samples).argmax(axis=2) == self._task.labels[samples]).mean(axis=1)

    def _scores(self, samples: Ints) -> Floats:
        values = self._task.inputs[samples]
        first, second = (bias[:, np.newaxis] for bias in self._biases)
        hidden = np.tanh(self._plant.products_of(0, values) / self._recipe.scale + first)
        return self._plant.products_of(1, hidden) / self._recipe.scale + second

    def _keep(self, judged: Judgement) -> NDArray[np.bool_]:
        """Keep the state of copies that are better than ever; which."""
        better = judged.loss < self._best
        if better.any():
            self._best = np.where(better, judged.loss, self._best)
            self._rule.keep(better)
            for best, bias in zip(self._best_biases, self._biases, strict=True):
                best[better] = bias[better]
        return better

    def _go_back(self, which: NDArray[np.bool_], *, last: bool) -> None:
        if not which.any():
            return
        self._rule.restore(which, last=last)
        if last or self._recipe.restore:
            for best, bias in zip(self._best_biases, self._biases, strict=True):
                bias[which] = best[which]


def _errors(scores: Floats, labels: Ints, *, smoothing: float) -> tuple[Floats, Floats]:
    """Slope of the cross-entropy in the scores (copies, classes), and the probability of the right class (copies,)."""
    rises = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely = rises / rises.sum(axis=1, keepdims=True)
    each, classes = np.arange(len(labels)), scores.shape[1]
    errors = likely - smoothing / classes
    errors[each, labels] -= 1.0 - smoothing
    return errors, likely[each, labels]
