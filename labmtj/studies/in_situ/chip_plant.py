"""Many chips with a transistor in every cell that learn side by side (nets.in_situ.plant.Plant).

Layers lie on kernels of a chip as `nets.chips.tiling` says. An update goes row by row: the row's gate is open, first
the columns of all cells that shall become P are pulsed, then those that shall become AP, each at a voltage of its own,
so that every cell has its own probability. Cells flip with the probability that the switching law gives for what they
get of it: their own V_c0, Delta, stray field, R_P, TMR and threshold, the wires of their column and of their row.
Sums are of what the map of the chip has for its cells, blocks of rows one after the other, inputs in bits, and the
noise of every sum. Cells whose gates are closed, and those of columns at 0 V, take no harm (retention is not here).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.chips.cells import Mask, left_out_pairs
from labmtj.nets.chips.network import blocks
from labmtj.nets.chips.tiling import Tiling
from labmtj.nets.in_situ.plant import Costs
from labmtj.physics import gated_flips_kernels as kernels
from labmtj.physics.chance import Purpose, normals
from labmtj.physics.chip_maps import RAIL, READ, measured_maps
from labmtj.physics.gated import gated_cell
from labmtj.physics.gated_flips import GatedDevices, PulseShape, pulse_shape, transistor
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Defect, Floats, Ints, State

_VOLTS = 24  # nodes of a cell's table in the voltage: cubics between them are good to 1e-3 in ln H
_READ_PLACE = 1 << 32  # of the addresses of noise, so that layers do not share them
DIRECTIONS = (State.P, State.AP)


@dataclass(frozen=True)
class ChipPulses:
    """How chips are pulsed and read.

    `width` [s]; `rail` [V] of the open gate; probabilities below `least` are not pulsed, those above `most` are pulsed
    with `most`. `shapes`: one for all cells ("die"), or times each cell's own factor ("cell"), which a calibration
    knows to a relative `calibration`. `bits` of inputs, noise `read_noise` [windows] of one column of a block in one
    pattern. `mask`: which pairs are left out. A write starts at the voltage of P = `write` for the nominal cell, and
    adds `rise` of it each time, `attempts` times at most. `pause` [s] lies between pulses.
    """

    width: float = 10e-9
    rail: float = 1.6
    least: float = 1e-3  # chosen: ten steps of a source of 12 bits lie between it and twice that
    most: float = 0.999
    shapes: Literal["die", "cell"] = "die"
    calibration: float = 0.01  # chosen: what some tens of pulses a cell leave unknown of V_c0
    bits: int = 4
    read_noise: float = 0.05  # chosen: a twentieth of a window, an ADC's step at six bits for three windows
    mask: Mask = Mask.DEFECTS
    write: float = 0.9
    rise: float = 0.05
    attempts: int = 12
    pause: float = 1e-6  # chosen: gates and levels settle


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer on all dies; (dies, inputs, 2 outputs, ..) but for what the copies have."""

    place: int
    movable: NDArray[np.bool_]
    on: NDArray[np.float32]
    scale: NDArray[np.float32]
    hazards: NDArray[np.float32]
    bounds: Floats
    position: Ints
    bits: NDArray[np.int8]
    weights: NDArray[np.float32]


def sized_chip(model: DieModel, layers: Sequence[tuple[int, int]]) -> DieModel:
    """The model with as many of its kernels as networks of these layers (inputs, outputs) need."""
    height = model.rows // model.kernels
    columns = sum(blocks(inputs, height) * 2 * outputs for inputs, outputs in layers)
    count = math.ceil(columns / model.cols)
    return dataclasses.replace(model, rows=count * height, kernels=count)


class ChipPlant:
    """`len(of)` networks, each on one of `dies` (dies may come several times), with its own seed of chance.

    Raises InputError for dies without transistors or of several models, PlacementError where layers do not fit, and
    as `pulse_shape`.
    """

    def __init__(
        self,
        dies: Sequence[DieModel | DieTruth],
        layers: Sequence[tuple[int, int]],
        pulses: ChipPulses,
        *,
        of: Ints | None = None,
        seeds: Ints | None = None,
    ) -> None:
        truths = [draw_die(die) if isinstance(die, DieModel) else die for die in dies]
        model = truths[0].model
        if any(dataclasses.replace(truth.model, seed=model.seed) != model for truth in truths):
            raise InputError("chips that learn in lockstep are of one model and differ in their seeds")
        self._of = np.arange(len(truths)) if of is None else np.asarray(of, np.int64)
        self._seeds = np.arange(len(self._of)) if seeds is None else np.asarray(seeds, np.int64)
        self._layers, self._pulses = tuple((int(a), int(b)) for a, b in layers), pulses
        self._height, self._wire = model.rows // model.kernels, model.wire
        self._tiling = Tiling.of_shapes(
            self._layers, block=self._height, kernels=model.kernels, rows=self._height, cols=model.cols
        )
        self._shape = pulse_shape(model, rail=pulses.rail, width=pulses.width, least=pulses.least, most=pulses.most)
        self._grid, self._nodes = _voltages(self._shape, pulses)
        self._costs = np.zeros((len(self._of), 5))
        self._updates, self._reads = np.zeros((2, len(self._of)))
        self._ordinals, self._looks = np.zeros((2, len(self._of)), np.int64)
        self._made = self._build(truths)

    @property
    def copies(self) -> int:
        """How many networks there are."""
        return len(self._of)

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of every layer."""
        return self._layers

    @property
    def shape(self) -> PulseShape:
        """The shape of pulses for the nominal device."""
        return self._shape

    def products(self, layer: int, inputs: Floats) -> Floats:
        """Weighted sums (copies, outputs), in windows, of `inputs` (copies, inputs) in steps of their bits."""
        return self.products_of(layer, inputs[:, np.newaxis])[:, 0]

    def products_of(self, layer: int, inputs: Floats) -> Floats:
        """The same for many samples, (copies, samples, outputs) of (copies, samples, inputs)."""
        made, levels = self._made[layer], (1 << self._pulses.bits) - 1
        stepped = (np.rint(inputs * levels) / levels).astype(np.float32)
        sums = np.matmul(stepped, made.weights).astype(np.float64)
        self._reads += inputs.shape[1] * self._patterns(layer)
        if self._pulses.read_noise:
            flat = sums.reshape(len(sums), -1)
            kernels.add_noise(flat, self._seeds, self._looks, layer * _READ_PLACE, self._sigma(layer))
        return sums

    def update(self, layer: int, rows: Floats, cols: Floats) -> None:
        """Ask every weight to move towards the sign of rows x cols with probability min(1, |rows x cols|)."""
        self.ask(layer, rows[:, :, np.newaxis] * cols[:, np.newaxis, :])

    def ask(self, layer: int, wanted: Floats) -> None:
        """Ask every weight to move with a probability of its own: |wanted| (copies, inputs, outputs) along its sign.

        Row by row every cell has its own voltage, so this takes no more pulses than an outer product.
        """
        asking = np.flatnonzero((np.abs(wanted) >= self._shape.least).any(axis=(1, 2)))
        if not asking.size:
            return
        made, shape = self._made[layer], self._shape
        kernels.update(
            asking, self._of, self._seeds, self._ordinals, made.place, np.ascontiguousarray(wanted),
            made.movable, made.on, made.scale, made.position, self._height, shape.volts, shape.watts, shape.step,
            self._grid, made.hazards, made.bounds, self._wire, shape.width, made.bits, made.weights, self._costs,
        )  # fmt: skip
        self._updates[asking] += 1.0

    def weights(self, layer: int) -> Floats:
        """What reading every device gives now, (copies, inputs, outputs), in windows."""
        return self._made[layer].weights.astype(np.float64)

    def states(self, layer: int) -> NDArray[np.int8]:
        """Bits of the devices as they read, (copies, inputs, 2 outputs)."""
        return self._made[layer].bits.copy()

    def write(self, layer: int, bits: NDArray[np.int8]) -> None:
        """Write the devices that read otherwise, with verify; a -1 leaves one alone."""
        made, pulses, shape = self._made[layer], self._pulses, self._shape
        node = round((math.log(pulses.write) - math.log(pulses.least)) / shape.step)
        watts = np.array([shape.watts[0, 0, node], shape.watts[1, 1, node]])
        kernels.write(
            np.arange(self.copies), self._of, self._seeds, self._ordinals, made.place, np.ascontiguousarray(bits),
            made.movable, made.on, np.ascontiguousarray(shape.volts[:, node]), watts, pulses.rise, pulses.attempts,
            self._grid, made.hazards, made.bounds, shape.width, made.bits, made.weights, self._costs,
        )  # fmt: skip

    def costs(self) -> Costs:
        """What all of it has taken so far; nothing is disturbed where gates are closed."""
        cost = self._costs.T.copy()
        pulses = cost[kernels.PULSES] + cost[kernels.WRITES]
        seconds = pulses * (self._pulses.width + self._pulses.pause) + self._reads * self._pulses.pause
        return Costs(
            self._updates.copy(), cost[kernels.PULSES], cost[kernels.EVENTS], cost[kernels.FLIPS],
            np.zeros(self.copies), cost[kernels.WRITES], cost[kernels.ENERGY], seconds,
        )  # fmt: skip

    def _patterns(self, layer: int) -> int:
        """Patterns of gates of one product of a layer, of both signs: each reads all columns of a block together."""
        return 2 * self._pulses.bits * blocks(self._layers[layer][0], self._height)

    def _sigma(self, layer: int) -> float:
        """Noise of a sum [windows]: of both columns of all blocks, both signs, and bits by their weights."""
        levels = (1 << self._pulses.bits) - 1
        weighted = math.sqrt(sum(4.0**bit for bit in range(self._pulses.bits))) / levels
        return self._pulses.read_noise * weighted * math.sqrt(4 * blocks(self._layers[layer][0], self._height))

    def _build(self, truths: Sequence[DieTruth]) -> list[_Layer]:
        maps = measured_maps(truths, noise=False)
        window = _window(truths[0].model)
        scales = np.stack([self._scales(truth) for truth in truths])
        hazards = np.stack([self._hazards(truth, own) for truth, own in zip(truths, scales, strict=True)])
        made: list[_Layer] = []
        place = 0
        for layer, (inputs, outputs) in enumerate(self._layers):

            def devices(values: NDArray[np.generic], layer: int = layer, size: tuple[int, int] = (inputs, 2 * outputs)):
                return self._tiling.take(layer, values).reshape(len(truths), *size)

            high, low, defect = devices(maps.g_p) / window, devices(maps.g_ap) / window, devices(maps.defect)
            movable = devices(np.stack([truth.defect for truth in truths])) == Defect.NONE
            if self._pulses.mask is Mask.DEFECTS:
                out = np.repeat(left_out_pairs(defect.reshape(len(truths), inputs, outputs, 2)), 2, axis=-1)
                high, low, movable = np.where(out, 0.0, high), np.where(out, 0.0, low), movable & ~out
            movable &= defect == Defect.NONE  # the map knows the stuck ones
            first = np.stack([truth.initial for truth in truths])
            bits = np.where(movable, devices(first) == State.P, 0).astype(np.int8)[self._of]
            on = (high - low).astype(np.float32)
            conduct = (low[self._of] + on[self._of] * bits).astype(np.float32)
            table = self._table(layer, hazards)
            col = self._tiling.cells[layer][:: self._height, ..., 1].reshape(-1, 2 * outputs)
            made.append(
                _Layer(
                    place, movable, on, self._table(layer, scales).astype(np.float32), table,
                    np.where(movable[..., None, None], -np.expm1(-np.exp(table)), 0.0).max(axis=(1, 2)).astype(float),
                    np.ascontiguousarray(col), bits, np.ascontiguousarray(conduct[..., 0::2] - conduct[..., 1::2]),
                )
            )  # fmt: skip
            place += inputs * 2 * outputs
        return made

    def _table(self, layer: int, values: Floats) -> Floats:
        """Of (dies, rows of all kernels, cols, ..) those of a layer's devices, (dies, inputs, 2 outputs, ..)."""
        at = self._tiling.cells[layer]
        found = values[:, at[..., 0], at[..., 1]]
        return np.ascontiguousarray(found.reshape(len(values), at.shape[0], -1, *values.shape[3:]))

    def _scales(self, truth: DieTruth) -> Floats:
        """Factors on the nominal voltages, (rows, cols, 2)."""
        pulses, shape = self._pulses, self._shape
        found = np.ones((*truth.r_p.shape, 2))
        if pulses.shapes == "die":
            return found
        device = GatedDevices.of(truth, rail=pulses.rail)
        middle = round((math.log(_MATCHED) - math.log(pulses.least)) / shape.step)
        error = normals(truth.model.seed, Purpose.MAP_NOISE, truth.r_p.size, 1 << 20).reshape(truth.r_p.shape)
        for place, towards in enumerate(DIRECTIONS):
            wanted = math.log(-math.log1p(-_MATCHED))
            factor = device.matched(float(shape.volts[place, middle]), wanted, towards=towards, width=pulses.width)
            found[..., place] = factor * (1.0 + pulses.calibration * error)
        return found

    def _hazards(self, truth: DieTruth, scales: Floats) -> NDArray[np.float32]:
        """Ln H at the nodes of the voltage, (rows, cols, 2, nodes)."""
        device = GatedDevices.of(truth, rail=self._pulses.rail)
        found = np.empty((*scales.shape, _VOLTS), np.float32)
        for place, towards in enumerate(DIRECTIONS):
            for node, volts in enumerate(self._nodes[place]):
                found[..., place, node] = device.log_hazard(
                    volts * scales[..., place], towards=towards, width=self._pulses.width
                )
        return found


def _window(model: DieModel) -> float:
    """G_P - G_AP [S] of the device without spread as maps are read: the unit of sums, the same for all chips."""
    found = [
        gated_cell(
            int(state), model.resistance_area / model.area, v_row=READ, v_col=0.0, gate=RAIL, tmr=model.tmr,
            v_h=model.v_h, k_p=model.k_p, transistor=transistor(model),
        ).cell_i / READ
        for state in DIRECTIONS
    ]  # fmt: skip
    return float(found[0] - found[1])


_MATCHED = 0.03  # chosen: the probability at which a cell's own factor is right, in the middle of what is asked


def _voltages(shape: PulseShape, pulses: ChipPulses) -> tuple[Floats, Floats]:
    """First voltage [V] and nodes per volt of both directions, (2, 2), and the nodes themselves, (2, nodes)."""
    low = 0.9 * shape.volts[:, 0]  # a row's wire takes no tenth
    high = (1.0 + pulses.rise * pulses.attempts) * shape.volts[:, -1]
    nodes = np.linspace(low, high, _VOLTS, axis=1)
    return np.stack([low, (_VOLTS - 1) / (high - low)], axis=1), nodes
