"""What stands between an array's currents and the next layer: all digital, so all that tuning can change.

A layer's rows are driven at x times `rows` of the read voltage, and its pre-activations are

    pre = gain d + offset + bias,    d = (I+ - I-) / (window V_read).

Every way to tune a copy is such a readout: the nominal scale has rows 1, gain 1 and offset 0; one scale f has the
gain 1 / f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labmtj.nets.network import Trace, pairs
from labmtj.nets.stack import NetworkStack
from labmtj.records import Floats

Products = Callable[[int, Floats], Floats]
"""Of a layer (from 0) at row drives (networks, samples, inputs) in -1..1: d (networks, samples, outputs)."""


@dataclass(frozen=True, eq=False)
class LayerReadout:
    """One layer of many copies: `rows` (networks, inputs) in 0..1, `gain` and `offset` (networks, outputs)."""

    rows: Floats
    gain: Floats
    offset: Floats


@dataclass(frozen=True, eq=False)
class Readout:
    """A tuning of many copies: its name, a `LayerReadout` for each layer, and what it cost.

    `measurements` counts readings of single cells or vectors of inputs, beyond the map that writing leaves behind,
    that one copy needs for it; `calibration` says what of.
    """

    name: str
    layers: tuple[LayerReadout, ...]
    measurements: int = 0
    calibration: str = ""


def nominal(stack: NetworkStack) -> Readout:
    """The readout of an untuned copy."""
    layers = tuple(
        LayerReadout(np.ones(devices.shape[:2]), np.ones(bias.shape), np.zeros(bias.shape))
        for devices, bias in zip(stack.devices, stack.bias, strict=True)
    )
    return Readout("untuned", layers)


def infer(stack: NetworkStack, inputs: Floats, *, products: Products, readout: Readout) -> Trace:
    """Forward pass of every network; arrays of the trace are (networks, samples, outputs).

    `inputs` (samples, inputs) are the same for all, or each network has its own: (networks, samples, inputs).
    """
    before: list[Floats] = []
    after: list[Floats] = []
    values = np.broadcast_to(inputs, (len(stack), *inputs.shape[-2:]))
    for layer, (bias, how) in enumerate(zip(stack.bias, readout.layers, strict=True)):
        found = products(layer, values * how.rows[:, np.newaxis, :])
        linear = found * how.gain[:, np.newaxis, :] + (how.offset + bias)[:, np.newaxis, :]
        values = np.tanh(linear)
        before.append(linear)
        after.append(values)
    return Trace(tuple(before), tuple(after))


def ideal_products(stack: NetworkStack) -> Products:
    """Products of the weights themselves: software."""
    weights = [stack.weights(layer) for layer in range(len(stack.devices))]
    return lambda layer, drives: drives @ weights[layer]


def map_products(conductances: tuple[Floats, ...], *, window: float) -> Products:
    """Products that maps of conductances [S] predict, one (networks, inputs, 2 outputs) a layer; `window` [S]."""
    weights = [pairs(found) / window for found in conductances]
    return lambda layer, drives: drives @ weights[layer]
