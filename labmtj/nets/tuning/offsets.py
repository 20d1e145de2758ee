"""Offsets on top of one gain: every bias refitted to the map, or the thresholds of the classes to labels."""

from __future__ import annotations

import numpy as np

from labmtj.nets.readout import LayerReadout, Readout, infer
from labmtj.nets.tuning.care import care
from labmtj.nets.tuning.columns import lines
from labmtj.nets.tuning.copies import Copies, one_scale
from labmtj.nets.tuning.ways_of_scale import scale
from labmtj.records import Floats, Ints

_SWEEPS = 3  # chosen: of all classes; a fourth changes no threshold of the shipped networks' copies
_LEAST = 0.05  # chosen: least gain, a scale of 20, far beyond any that works
_BEYOND = 1.0  # chosen: how far past the last step of accuracy a threshold without an upper end goes, a logit


def bias(copies: Copies) -> Readout:
    """Every bias refitted: its output's mean on the training inputs, by the map, becomes what it is in software.

    The one gain of all layers is the median of those that would suit each output best, so one bad column has no say
    in it. Means and gains are weighted by how much an error there matters (`care`); no label has a part in them.
    """
    count, train = len(copies.stack), copies.data.train
    entering = (copies.train, *(out[:, train] for out in copies.software.tuned.outputs[:-1]))
    gains = [
        lines(copies.products(n, given), copies.aims(n)[:, train], care(copies, n)[:, train])[0]
        for n, given in enumerate(entering)
    ]
    how = one_scale(copies.stack, 1.0 / np.maximum(np.median(np.concatenate(gains, axis=1), axis=1), _LEAST))
    values = np.broadcast_to(copies.train, (count, *copies.train.shape))
    layers: list[LayerReadout] = []
    for layer, part in enumerate(how.layers):
        found = copies.products(layer, values) * part.gain[:, np.newaxis]
        matter = care(copies, layer)[:, train]
        off = (matter * (copies.aims(layer)[:, train] - found)).sum(axis=1) / matter.sum(axis=1)
        layers.append(LayerReadout(part.rows, part.gain, off))
        values = np.tanh(found + (off + copies.bias[layer])[:, np.newaxis])
    return Readout("bias", tuple(layers))


def threshold(copies: Copies, *, base: Readout | None = None) -> Readout:
    """Offsets of the classes, on training labels, on top of one tuned scale (`base`, or tuned first).

    Class by class: of all offsets those of highest training accuracy, and of these the middle of the widest range.
    """
    how = scale(copies) if base is None else base
    scores = infer(copies.stack, copies.train, products=copies.products, readout=how).scores
    labels = copies.data.labels[copies.data.train]
    moved = np.zeros((len(copies.stack), copies.data.classes))
    for _ in range(_SWEEPS):
        for which in range(copies.data.classes):
            moved[:, which] = _one_class(scores + moved[:, np.newaxis], labels, which) + moved[:, which]
    last = how.layers[-1]
    moved -= moved.mean(axis=1, keepdims=True)  # all classes moved alike change nothing
    return Readout("threshold", (*how.layers[:-1], LayerReadout(last.rows, last.gain, last.offset + moved)))


def _one_class(scores: Floats, labels: Ints, which: int) -> Floats:
    """How far (networks,) to move one class: the middle of the widest range of highest accuracy."""
    numbers = np.array([n for n in range(scores.shape[-1]) if n != which], dtype=np.int64)
    others = scores[..., numbers]
    # Moved past this the class wins the sample: right if it is its own, wrong if the sample was right without.
    turn = others.max(axis=-1) - scores[..., which]
    gained = np.where(labels == which, 1, -(numbers[np.argmax(others, axis=-1)] == labels).astype(np.int64))
    order = np.argsort(turn, axis=-1, kind="stable")
    steps = np.take_along_axis(turn, order, axis=-1)
    right = np.cumsum(np.take_along_axis(gained, order, axis=-1), axis=-1)
    right = np.concatenate([np.zeros((len(right), 1), np.int64), right], axis=-1)
    edges = np.concatenate([steps[:, :1] - 2.0 * _BEYOND, steps, steps[:, -1:] + 2.0 * _BEYOND], axis=-1)
    # Steps that gain nothing part no range: a range ends only where accuracy changes.
    changes = np.diff(right, axis=-1) != 0
    begins = np.maximum.accumulate(
        np.where(np.pad(changes, ((0, 0), (1, 0)), constant_values=True), edges[:, :-1], -np.inf), axis=-1
    )
    width = np.where(right == right.max(axis=-1, keepdims=True), edges[:, 1:] - begins, -1.0)
    widest = np.argmax(width, axis=-1)[:, np.newaxis]
    low = np.take_along_axis(begins, widest, axis=-1)[:, 0]
    return 0.5 * (low + np.take_along_axis(edges, widest + 1, axis=-1)[:, 0])
