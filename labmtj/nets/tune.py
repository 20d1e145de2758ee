"""Tuning of the one scale f = Gnorm / (Gon - Goff) of all layers, on training samples only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Network, forward, forward_array
from labmtj.records import Floats

# (scales,) -> scores (scales, samples, classes)
Scores = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class ScaleTuning:
    """The chosen scale, and accuracy (0..1) against scale; arrays are (scales,).

    `plateau` are the first and last scale of the widest run of highest training accuracy, around
    `scale`. `test` is there to be drawn; it has no part in the choice.
    """

    scale: float
    plateau: tuple[float, float]
    scales: Floats
    train: Floats
    test: Floats


def scale_grid() -> Floats:
    """0.40, 0.41 .. 1.80. chosen: twice the range over which the networks work, in steps far below its width."""
    return np.arange(40, 181) / 100.0


def widest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last index of the longest run of True; the first of equally long ones."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])


def scale(scores: Scores, data: Dataset, *, scales: Floats | None = None) -> ScaleTuning:
    """Choose the scale of highest training accuracy: the middle of the widest plateau at that height.

    `scores` gives for (scales,), in rising order, the pre-activations of the last layer, (scales,
    samples, classes), for all samples of `data`. Accuracy moves in steps of one sample, so many scales
    tie. The middle of a plateau survives a change of the conductances best; the lowest cross-entropy,
    which also breaks ties, rewards small scales for being sure and so ends at the plateau's edge (100
    shipped networks, conductances 6 % apart, changed by 0.5 % after tuning: mean training accuracy
    falls by 0.01 points here, by 0.19 there). Raises InputError for scores of another shape, or that
    are not finite.
    """
    tried = scale_grid() if scales is None else scales
    found = scores(tried)
    wanted = (len(tried), len(data.labels), data.classes)
    if found.shape != wanted:
        raise InputError(f"scores of shape {found.shape} cannot be used to tune a scale; {wanted} is expected")
    if not np.isfinite(found).all():
        raise InputError("scores that are not finite numbers cannot be used to tune a scale")
    right = np.argmax(found, axis=-1) == data.labels
    train, test = right[:, data.train], right[:, data.test]
    correct = train.sum(axis=1)
    first, last = widest_run(correct == correct.max())
    return ScaleTuning(
        float(tried[(first + last) // 2]),
        (float(tried[first]), float(tried[last])),
        tried,
        train.mean(axis=1),
        test.mean(axis=1),
    )


def scale_in_software(network: Network, data: Dataset, *, scales: Floats | None = None) -> ScaleTuning:
    """Tune the scale of the network itself, so that a copy is compared with equals."""
    return scale(lambda tried: forward(network, data.inputs, scale=tried).scores, data, scales=scales)


def scale_on_array(
    network: Network,
    data: Dataset,
    *,
    conductances: Sequence[Floats],
    window: float,
    scales: Floats | None = None,
) -> ScaleTuning:
    """Tune the scale of a copy from its conductances [S] and window Gon - Goff [S] (`forward_array`)."""

    def scores(tried: Floats) -> Floats:
        return forward_array(network, data.inputs, conductances=conductances, window=window, scale=tried).scores

    return scale(scores, data, scales=scales)
