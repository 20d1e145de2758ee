"""Training one network on one array, epoch by epoch, and what came of it beside software that learns the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.in_situ.plant import Costs
from labmtj.nets.in_situ.rules import Deterministic, RealWeights, Rule, Stochastic
from labmtj.nets.in_situ.software import RealPlant, SoftwarePlant
from labmtj.nets.in_situ.task import Recipe, Task
from labmtj.nets.in_situ.training import Training
from labmtj.ports import Ticker, no_ticks
from labmtj.records import Floats, Ints
from labmtj.routines.in_situ.port_plant import PortPlant

RuleName = Literal["stochastic", "deterministic"]
SOFTWARE_COPIES = 5
"""Networks that software trains to compare with, each drawn anew. chosen: their mean is good to half a point."""
SMOOTH_GAIN = 0.7
"""Gain of centred inputs for real weights in software. chosen: tried on Wine, where 2 is too much for them."""


@dataclass(frozen=True, eq=False)
class EpochSeen:
    """After an epoch, counted from 1: accuracies 0..1, cross-entropy [nat], share of samples that asked for a change.

    `costs` is what training has taken until then.
    """

    number: int
    train: float
    test: float
    loss: float
    active: float
    costs: Costs


@dataclass(frozen=True, eq=False)
class Learnt:
    """What training has come to: accuracies 0..1 of the best state, which stands on the array, and the way there.

    `proof` is that of so many test samples (`proofs`) which the array summed itself, None if none was asked for.
    `software` has (train, test) accuracies by what learnt: "real" weights, or "ternary" ones of perfect devices by the
    same rule; means over `SOFTWARE_COPIES`.
    """

    rule: RuleName
    train: float
    test: float
    epochs: tuple[EpochSeen, ...]
    costs: Costs
    biases: tuple[Floats, ...]
    proofs: int = 0
    proof: float | None = None
    software: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])


def train_array(
    plant: PortPlant,
    task: Task,
    *,
    rule: RuleName,
    recipe: Recipe,
    seed: int,
    enough: float | None = None,
    proofs: int = 0,
    told: Callable[[EpochSeen], None] = lambda seen: None,
    tick: Ticker = no_ticks,
) -> Learnt:
    """Train until the recipe's epochs are over, or until a share of `enough` (0..1) of the training samples is right.

    The best state, by the training samples, is written back at the end. `told` hears of every epoch; ticks once a
    sample. Raises LimitExceeded, BenchError.
    """
    training = Training(plant, task, _Ticking(_rule(rule, plant, recipe, seed), tick), recipe=recipe, seeds=[seed])
    epochs: list[EpochSeen] = []
    for epoch in training.epochs():
        train, loss, active = (float(part[0]) for part in (epoch.judged.accuracy, epoch.judged.loss, epoch.active))
        test = float(training.accuracy(task.test)[0])
        epochs.append(EpochSeen(epoch.number, train, test, loss, active, plant.costs()))
        told(epochs[-1])
        if enough is not None and train >= enough:
            break
    done = training.finish()
    learnt = Learnt(rule, float(done.train[0]), float(done.test[0]), tuple(epochs), plant.costs(), done.biases)
    if not proofs:
        return learnt
    count = task.test.shape[1]
    steps = min(proofs, count)
    some: Ints = np.arange(steps, dtype=np.int64) * (count - 1) // max(1, steps - 1)
    chosen = task.test[:, some]
    plant.judge_by_array = True
    right = float(training.accuracy(chosen)[0])
    plant.judge_by_array = False
    return replace(learnt, proofs=chosen.shape[1], proof=right)


def in_software(
    learnt: Learnt, layers: Sequence[tuple[int, int]], *, task: Task, smooth: Task, recipe: Recipe, seed: int
) -> Learnt:
    """The same with what software makes of the same samples, for as many epochs.

    Real weights learn the samples of `smooth`: the same ones, scaled as suits them.
    """
    seeds = [seed + number for number in range(SOFTWARE_COPIES)]
    shorter = replace(recipe, epochs=len(learnt.epochs))
    perfect = SoftwarePlant(layers, seeds=seeds)
    by_rule: Rule = (
        Stochastic(perfect, shorter)
        if learnt.rule == "stochastic"
        else Deterministic(perfect, shorter, seeds=np.array(seeds))
    )
    # chosen: no gate and a scale of 1, with which real weights do best on Wine
    free = replace(shorter, gate=1.0, scale=1.0)
    real = RealPlant(layers, seeds=seeds)
    found: dict[str, tuple[float, float]] = {}
    for name, plant, how, rule, samples in (
        ("real", real, free, RealWeights(real, free), smooth),
        ("ternary", perfect, shorter, by_rule, task),
    ):
        parts = {side: getattr(samples, side).repeat(len(seeds), 0) for side in ("train", "test")}
        training = Training(plant, replace(samples, **parts), rule, recipe=how, seeds=seeds)
        for _ in training.epochs():
            pass
        done = training.finish()
        found[name] = float(done.train.mean()), float(done.test.mean())
    return replace(learnt, software=found)


def _rule(name: RuleName, plant: PortPlant, recipe: Recipe, seed: int) -> Rule:
    if name == "stochastic":
        return Stochastic(plant, recipe)
    return Deterministic(plant, recipe, seeds=np.array([seed]))


class _Ticking:
    """A rule that says whenever a sample has been learnt: its last layer's step is the last of it."""

    def __init__(self, rule: Rule, tick: Ticker) -> None:
        self._rule, self._tick = rule, tick

    def step(self, layer: int, inputs: Floats, errors: Floats, *, done: float) -> None:
        """Apply one sample to a layer."""
        self._rule.step(layer, inputs, errors, done=done)
        if layer:
            self._tick()

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Remember the present state."""
        self._rule.keep(which)

    def restore(self, which: NDArray[np.bool_], *, last: bool) -> None:
        """Go back to the best state."""
        self._rule.restore(which, last=last)
