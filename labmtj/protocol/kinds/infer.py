"""The infer step: through the conductance map, or summed by the array itself, as its bench can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.nets.dataset import Dataset
from labmtj.nets.measures import accuracy, agreement
from labmtj.nets.network import activate, pairs
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import Layer, Samples
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.protocol.progress import Measured, Progress, listed, neutral
from labmtj.records import Copy, Floats
from labmtj.routines.infer import analog, bit_serial

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, BenchFile

# chosen: 64 levels round an input by at most 0.8 % of full scale, less than devices of one die differ.
DEFAULT_BITS = 6


class InferStep(Step):
    """Infer through a layer: from the conductance map, or summed by the array itself with all rows driven at once.

    `bit_serial` drives rows bit by bit from one source, `analog` each row at its own voltage, where the
    bench has a source for each; `array` is whichever of the two the bench can do.
    """

    kind: ClassVar[str] = "infer"
    changes_cells: ClassVar[bool] = False
    of_network: ClassVar[bool] = True
    inherits: ClassVar[tuple[str, ...]] = ("inputs", "read", "bits", "samples")

    layer: Layer
    inputs: Literal["map", "array", "bit_serial", "analog"] = "map"
    read: Voltage | None = None
    bits: Annotated[int, Field(ge=1, le=16)] | None = None
    samples: Samples = "all"

    @property
    def label(self) -> str:
        """Infer, with the layer's number."""
        return f"infer {self.layer}"

    def needs(self) -> tuple[str, ...]:
        """The layer on the array, and inference through the one before it."""
        return (f"program {self.layer}", *([f"infer {self.layer - 1}"] if self.layer > 1 else []))

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The read voltage."""
        if self.read is not None:
            yield Stated((*here, "read"), self.read)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """Bits without a use, analog inputs without sources."""
        if self.bits is not None and self.inputs == "map":
            yield source.problem((*here, "bits"), "bits belong to inputs: bit_serial", key=True)
        if self.inputs == "analog" and not bench.bench.analog:
            hint = "write inputs: array, which is bit by bit here; a bank on the rows (the bench parallel) does analog"
            yield source.problem((*here, "inputs"), "this bench drives its rows from one source", hint=hint)

    def filled(self, bench: Bench, before: Iterable[Step]) -> Self:
        """The map's read voltage, and the way in which this bench sums."""
        maps = [step for step in before if isinstance(step, MapStep)]
        inputs = self.inputs
        if inputs == "array":
            inputs = "analog" if bench.analog else "bit_serial"
        bits = (self.bits or DEFAULT_BITS) if inputs == "bit_serial" else None
        read = self.read or (maps[-1].read if maps else None)
        return self.model_copy(update={"read": read, "inputs": inputs, "bits": bits})

    def items(self, progress: Progress) -> int:
        """Devices that are read, or samples that are summed."""
        if self.inputs == "map":
            return progress.known_network.layers[self.layer - 1].devices.size
        return len(samples_of(self.samples, progress.known_data))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Infer through the layer."""
        return _infer(self, progress, tick)


def _infer(step: InferStep, progress: Progress, tick: Ticker) -> str:
    """Carry out an infer step; the line that a person reads about it."""
    layer, die, network = step.layer, progress.known_map, progress.known_network
    voltage = step.read or die.read_voltage
    copy = progress.copies[layer] if step.inputs == "map" else progress.standing(layer)
    _conductance(step, progress, copy, voltage, tick)
    expected = progress.trace(layer)
    samples = samples_of(step.samples, progress.known_data)
    content: dict[str, Any] = {"layer": layer, "inputs": step.inputs, "samples": samples, "window": progress.window}
    line = f"layer {layer}   {step.inputs.replace('_', '-')}   {len(samples)}/{len(progress.known_data.labels)} wines"
    last = layer == len(network.layers)
    values = progress.known_data.inputs if layer == 1 else expected.outputs[layer - 2]
    through_map = pairs(values @ neutral(progress.conductance[layer])) / progress.window
    if step.inputs == "map":
        product = through_map[samples]
        if last:
            line += f"   {100 * accuracy(expected.classes, progress.known_data).all:.2f} % right untuned"
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
            right = np.argmax(before, axis=1) == progress.known_data.labels[samples]
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


def samples_of(wanted: Literal["all"] | int | tuple[int, ...], data: Dataset) -> list[int]:
    """Which samples a step is about: all, the ones it lists, or a number of them spread over the test samples."""
    if wanted == "all":
        return list(range(len(data.labels)))
    if isinstance(wanted, tuple):
        beyond = [n for n in wanted if n >= len(data.labels)]
        if beyond:
            raise InputError(f"there are {len(data.labels)} samples, counted from 0; not {beyond}")
        return list(wanted)
    count = min(wanted, len(data.test))
    return [int(data.test[n]) for n in np.linspace(0, len(data.test) - 1, count).astype(int)]
