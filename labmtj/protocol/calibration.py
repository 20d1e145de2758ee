"""Tuning the one copy of a run: from the conductance maps, and from inputs that the array itself is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.measures import Accuracy, accuracy
from labmtj.nets.network import pairs
from labmtj.nets.readout import Products, Readout, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.ports import Ticker
from labmtj.protocol.progress import Progress, neutral
from labmtj.records import Floats, Ints
from labmtj.routines.infer import analog, bit_serial


@dataclass(frozen=True, eq=False)
class Tuned:
    """A tuned copy: its readout (of one network), classes (samples,) and accuracies by the conductance maps, its cost.

    `measurements` are inputs that the array was given; `measured` the layers, from 1, that gave sums for it.
    """

    readout: Readout
    classes: Ints
    before: Accuracy
    after: Accuracy
    measurements: int
    measured: tuple[int, ...]


def still_there(progress: Progress) -> tuple[int, ...]:
    """Layers, from 1, that are still on the array: the others were written over and can only be tuned by their map."""
    return tuple(number for number in sorted(progress.copies) if number not in progress.overwritten)


def tuned_copy(progress: Progress, way: str, *, inputs: int, bits: int | None, tick: Ticker) -> Tuned:
    """Tune by `way`; with `inputs`, layers that are still on the array are measured with so many training inputs.

    With `bits` the array sums bit by bit, else each row has its own voltage.
    """
    # The compiled kernels of tuning are not for a run that only tunes its scale.
    from labmtj.nets.tuning.copies import Copies, in_software
    from labmtj.nets.tuning.ways import tune

    data, stack = progress.known_data, NetworkStack.of([progress.known_network])
    maps = tuple(
        pairs(neutral(progress.conductance[number]))[np.newaxis] / progress.window
        for number in range(1, len(stack.devices) + 1)
    )
    known = progress.software_scale
    software = in_software(stack, data, scale=None if known is None else np.array([known.scale]))
    copies = Copies(stack, data, maps, software)
    measured = still_there(progress) if inputs else ()
    products = _products(progress, copies.products, measured, bits, tick)
    asked = {"inputs": inputs, "best_inputs": inputs} if inputs else {}
    found = tune(copies, [way], products=products if inputs else None, **asked)[way]

    before, after = (
        infer(stack, data.inputs, products=copies.products, readout=how).classes[0] for how in (nominal(stack), found)
    )
    cost = inputs * len(measured)
    return Tuned(found, after, accuracy(before, data), accuracy(after, data), cost, measured)


def _products(
    progress: Progress, predicted: Products, measured: tuple[int, ...], bits: int | None, tick: Ticker
) -> Products:
    """Products that the array sums where the layer is still on it, else those that its map predicts."""

    def products(layer: int, drives: Floats) -> Floats:
        by_map = predicted(layer, drives)
        if layer + 1 not in measured:
            return by_map
        placement, voltage = progress.standing(layer + 1).placement, progress.known_map.read_voltage
        if bits is None:
            sums = analog(progress.array, placement=placement, inputs=drives[0], voltage=voltage, tick=tick)
        else:
            sums = bit_serial(
                progress.array, placement=placement, inputs=drives[0], bits=bits, voltage=voltage, tick=tick
            )
        found = pairs(sums)[np.newaxis] / progress.window
        # A pair in compliance has no sum; it counts for nothing by the map (`neutral`), and so it does here.
        return np.where(np.isfinite(found), found, by_map)

    return products
