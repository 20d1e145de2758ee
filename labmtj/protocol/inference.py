"""The infer step: through the conductance map, or summed by the array itself, as its bench can."""

from __future__ import annotations

from typing import Any

import numpy as np

from labmtj.nets.measures import accuracy, agreement
from labmtj.nets.network import activate, pairs
from labmtj.ports import Ticker
from labmtj.protocol.progress import Measured, Progress, chosen_samples, listed, neutral
from labmtj.protocol.steps import InferStep
from labmtj.records import Copy, Floats
from labmtj.routines.infer import analog, bit_serial


def infer(step: InferStep, progress: Progress, tick: Ticker) -> str:
    """Carry out an infer step; the line that a person reads about it."""
    layer, die, network = step.layer, progress.known_map, progress.network
    voltage = step.read or die.read_voltage
    copy = progress.copies[layer] if step.inputs == "map" else progress.standing(layer)
    _conductance(step, progress, copy, voltage, tick)
    expected = progress.trace(layer)
    samples = chosen_samples(step, progress.data)
    content: dict[str, Any] = {"layer": layer, "inputs": step.inputs, "samples": samples, "window": progress.window}
    line = f"layer {layer}   {step.inputs.replace('_', '-')}   {len(samples)}/{len(progress.data.labels)} wines"
    last = layer == len(network.layers)
    values = progress.data.inputs if layer == 1 else expected.outputs[layer - 2]
    through_map = pairs(values @ neutral(progress.conductance[layer])) / progress.window
    if step.inputs == "map":
        product = through_map[samples]
        if last:
            line += f"   {100 * accuracy(expected.classes, progress.data).all:.2f} % right untuned"
    else:
        given = _inputs(progress, layer, samples, values)
        product = _summed(step, progress, copy, given, voltage, tick)
        through_map = pairs(given @ neutral(progress.conductance[layer])) / progress.window
        match = agreement(product, through_map)
        content |= {"bits": step.bits, "agreement": [match.pearson, match.slope, match.nrmse]}
        line += (
            f"   against the map: r {match.pearson:.4f}, slope {match.slope:.3f}, rms error {100 * match.nrmse:.2f} %"
        )
        before, outputs = activate(network.layers[layer - 1], product)
        progress.measured[layer] = Measured(tuple(samples), outputs)
        if last:
            right = np.argmax(before, axis=1) == progress.data.labels[samples]
            content["right"] = int(np.count_nonzero(right))
            line += f"   {content['right']} of {len(samples)} right untuned"
    content |= {"product": listed(product), "conductance": listed(progress.conductance[layer])}
    progress.journal.record("infer", content)
    return line


def _conductance(step: InferStep, progress: Progress, copy: Copy, voltage: float, tick: Ticker) -> None:
    """Make sure that the conductance map of the layer at this voltage [V] is known."""
    if voltage == progress.known_map.read_voltage:
        progress.conductance[step.layer] = copy.conductance  # the read-back is the conductance map
        tick(copy.target.size if step.inputs == "map" else 0)
    elif step.inputs == "map" or step.layer not in progress.conductance:
        copy = progress.standing(step.layer)
        found: list[float] = []
        for cell in copy.placement.cells:
            found.append(progress.array.read([cell], voltage=voltage)[0].conductance)
            if step.inputs == "map":
                tick()
        progress.conductance[step.layer] = np.array(found).reshape(copy.target.shape)


def _inputs(progress: Progress, layer: int, samples: list[int], values: Floats) -> Floats:
    """Inputs of these samples: what the array itself gave in the layer before, where it did for all of them."""
    before = progress.measured.get(layer - 1)
    if before is None or not set(samples) <= set(before.samples):
        return values[samples]
    return before.outputs[[before.samples.index(sample) for sample in samples]]


def _summed(step: InferStep, progress: Progress, copy: Copy, inputs: Floats, voltage: float, tick: Ticker) -> Floats:
    """Products of these inputs as the array sums them, in units of the window."""
    array, placement = progress.array, copy.placement
    if step.inputs == "analog":
        sums = analog(array, placement=placement, inputs=inputs, voltage=voltage, tick=tick)
    else:
        sums = bit_serial(array, placement=placement, inputs=inputs, bits=step.bits or 6, voltage=voltage, tick=tick)
    return pairs(sums) / progress.window
