"""How well networks do on chips: accuracy of each on its own chip, or of every network on every chip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, software_cells
from labmtj.nets.chips.network import Floats32, activate
from labmtj.nets.chips.networks import ChipNetworks
from labmtj.nets.images.preparing import Samples
from labmtj.records import Floats, Ints

_VALUES = 1 << 22  # chosen: hidden outputs at a time, 16 MB: little memory, large enough for whole matrix products


def accuracy(networks: ChipNetworks, samples: Samples, *, cells: ChipCells | None = None) -> Floats:
    """Share of samples (0..1) that are classified right, (copies,); network k is on chip k, one goes on or takes all.

    Without `cells` it is in software.
    """
    return np.mean(classes(networks, samples, cells=cells) == samples.labels, axis=1)


def accuracy_matrix(networks: ChipNetworks, samples: Samples, *, cells: ChipCells) -> Floats:
    """The same of every network on every chip, (networks, chips)."""
    return np.stack([accuracy(networks.take([one]), samples, cells=cells) for one in range(len(networks))])


def classes(networks: ChipNetworks, samples: Samples, *, cells: ChipCells | None = None) -> Ints:
    """Class that each copy gives each sample, (copies, samples)."""
    return np.concatenate([np.argmax(part, axis=-1) for _, part in _passes(networks, samples, cells)])


def scores(networks: ChipNetworks, samples: Samples, *, cells: ChipCells | None = None) -> Floats32:
    """Pre-activations of the last layer, (copies, samples, classes)."""
    return np.concatenate([last for _, last in _passes(networks, samples, cells)])


def pre_activations(
    networks: ChipNetworks, samples: Samples, *, cells: ChipCells | None = None
) -> tuple[Floats32, Floats32]:
    """Pre-activations of both layers, (copies, samples, outputs); much memory for many copies and samples."""
    first, last = zip(*_passes(networks, samples, cells), strict=True)
    return np.concatenate(first), np.concatenate(last)


def _passes(networks: ChipNetworks, samples: Samples, cells: ChipCells | None) -> Iterator[tuple[Floats32, Floats32]]:
    """Pre-activations of both layers of some copies at a time, so that memory stays bounded."""
    chips = software_cells(networks.form.shapes) if cells is None else cells
    copies = max(len(networks), len(chips))
    if min(len(networks), len(chips)) not in {1, copies}:
        raise InputError(f"{len(networks)} networks on {len(chips)} chips: as many of one as of the other, or one")
    step = max(1, _VALUES // (len(samples) * networks.form.hidden))
    inputs = samples.inputs.astype(np.float32)
    for first in range(0, copies, step):
        which = list(range(first, min(copies, first + step)))
        some = networks.take(which) if len(networks) > 1 else networks
        there = chips.take(which) if len(chips) > 1 else chips
        yield _both_layers(some, effective_weights(some, there), inputs)


def passed(networks: ChipNetworks, weights: tuple[Floats32, ...], inputs: Floats32) -> Floats32:
    """Pre-activations of the last layer of copies with `weights` (copies, inputs, outputs) a layer."""
    return _both_layers(networks, weights, inputs)[1]


def _both_layers(networks: ChipNetworks, weights: tuple[Floats32, ...], inputs: Floats32) -> tuple[Floats32, Floats32]:
    first, last = weights
    biases = [bias[:, None, :].astype(np.float32) for bias in networks.bias]
    before = np.add(inputs @ first, biases[0], dtype=np.float32)
    hidden = activate(before, networks.form.steps[1])
    return before, np.add(hidden @ last, biases[1], dtype=np.float32)


def effective_weights(networks: ChipNetworks, cells: ChipCells) -> tuple[Floats32, ...]:
    """Weights (copies, inputs, outputs) of each layer that devices and gains make."""
    found: list[Floats32] = []
    for conducted, gain in zip(cells.conductances(networks), networks.gain, strict=True):
        wide = np.repeat(gain.astype(np.float32), networks.form.block, axis=1)[:, : conducted.shape[1]]
        weights = conducted[..., 0] * wide[..., 0] - conducted[..., 1] * wide[..., 1]
        found.append(weights.astype(np.float32, copy=False))
    return tuple(found)
