"""The loss around a solution: along random directions in the space of conductances, and with random bits the other way.

Borders et al. (arXiv 2312.06446) sample the loss around a solution at random. Two forms of it stand here. In `surface`
every weight moves along two random directions, each as long for every output as the weights of that output are
(filter normalisation: Li et al. 2018, arXiv 1712.09913), so that networks of different scale can be compared. In
`flipped` random devices are in the other state: all that a chip can really do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, software_cells
from labmtj.nets.chips.judging import effective_weights, passed, scores
from labmtj.nets.chips.network import Floats32
from labmtj.nets.chips.networks import ChipNetworks
from labmtj.nets.images.preparing import Samples
from labmtj.records import Floats, Ints

_AT_ONCE = 1 << 22  # chosen: hidden outputs at a time, 16 MB


@dataclass(frozen=True, eq=False)
class LossSurface:
    """`loss` [nat] and `accuracy` (0..1) at steps `along` (points,) of both directions, (points, points).

    A step of 1 moves the weights of each output by as much as their own length. Means over chips.
    """

    along: Floats
    loss: Floats
    accuracy: Floats

    @property
    def rise(self) -> Floats:
        """Mean loss at each distance from the solution above that at the solution [nat], (points // 2 + 1,)."""
        middle = len(self.along) // 2
        ring = np.maximum(*np.abs(np.indices(self.loss.shape) - middle)).astype(np.int64)
        sums = np.bincount(ring.ravel(), weights=self.loss.ravel())
        return sums / np.bincount(ring.ravel()) - self.loss[middle, middle]


def surface(
    network: ChipNetworks,
    samples: Samples,
    *,
    cells: ChipCells | None = None,
    reach: float = 1.0,
    points: int = 21,
    seed: int = 0,
) -> LossSurface:
    """Loss surface of one network, in software or as the mean over chips; the same seed gives the same directions.

    `points` of -reach .. reach along each direction, an odd number so that the solution is one of them. Raises
    InputError for more than one network and for an even number of points.
    """
    if len(network) != 1 or points % 2 == 0 or points < 3:
        raise InputError(f"a loss surface is of one network at an odd number of points, not {len(network)} at {points}")
    chips = software_cells(network.form.shapes) if cells is None else cells
    centre = effective_weights(network, chips)
    directions = [_directions(part, np.random.RandomState(seed + k)) for k, part in enumerate(centre)]
    along = np.linspace(-reach, reach, points)
    at = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    inputs = samples.inputs.astype(np.float32)
    loss, right = np.zeros(len(at)), np.zeros(len(at))
    step = max(1, _AT_ONCE // (len(samples) * network.form.hidden))
    for chip in range(len(chips)):
        for first in range(0, len(at), step):
            some = at[first : first + step]
            weights = tuple(
                part[chip] + np.tensordot(some, way[:, chip], axes=1)
                for part, way in zip(centre, directions, strict=True)
            )
            found = passed(network, weights, inputs)
            loss[first : first + step] += cross_entropy(found, samples.labels)
            right[first : first + step] += np.mean(np.argmax(found, axis=-1) == samples.labels, axis=1)
    shape = points, points
    return LossSurface(along, loss.reshape(shape) / len(chips), right.reshape(shape) / len(chips))


@dataclass(frozen=True, eq=False)
class Flipped:
    """`loss` [nat] and `accuracy` (0..1) with a share `rates` of all devices in the other state, (rates, draws)."""

    rates: Floats
    loss: Floats
    accuracy: Floats


def flipped(
    network: ChipNetworks,
    samples: Samples,
    *,
    rates: Floats,
    cells: ChipCells | None = None,
    draws: int = 8,
    seed: int = 0,
) -> Flipped:
    """The loss of one network at random points around it: devices flip with each of `rates` (0..1), in so many draws.

    At a higher rate the devices of a lower one are flipped, too. Means over chips.
    """
    if len(network) != 1:
        raise InputError(f"flips are tried on one network, not on {len(network)}")
    random = np.random.RandomState(seed)
    chance = [random.uniform(size=(draws, *part.shape[1:])) for part in network.devices]
    loss, right = np.zeros((len(rates), draws)), np.zeros((len(rates), draws))
    chips = software_cells(network.form.shapes) if cells is None else cells
    for place, rate in enumerate(rates.tolist()):
        devices = tuple(
            np.where(part < rate, 1 - own, own).astype(np.uint8)
            for part, own in zip(chance, network.devices, strict=True)
        )
        wide = (tuple(np.repeat(part, draws, axis=0) for part in parts) for parts in (network.gain, network.bias))
        wrong = ChipNetworks(network.form, devices, *wide)
        for chip in range(len(chips)):
            found = scores(wrong, samples, cells=chips.take([chip]))
            loss[place] += cross_entropy(found, samples.labels) / len(chips)
            right[place] += np.mean(np.argmax(found, axis=-1) == samples.labels, axis=1) / len(chips)
    return Flipped(rates, loss, right)


def cross_entropy(found: Floats32, labels: Ints) -> Floats:
    """Mean cross entropy [nat] of scores (copies, samples, classes), (copies,)."""
    top = found.max(axis=-1, keepdims=True)
    total = np.log(np.exp(found - top).sum(axis=-1, dtype=np.float64)) + top[..., 0]
    own = np.take_along_axis(found, np.broadcast_to(labels, found.shape[:2])[..., None], axis=-1)[..., 0]
    return np.mean(total - own, axis=1)


def _directions(weights: Floats32, random: np.random.RandomState) -> Floats32:
    """Two random directions (2, chips, inputs, outputs), the same for all chips up to the length for each output."""
    drawn = random.normal(size=(2, 1, *weights.shape[1:]))
    own = np.linalg.norm(weights, axis=1, keepdims=True)
    return (drawn / np.linalg.norm(drawn, axis=2, keepdims=True) * own).astype(np.float32)
