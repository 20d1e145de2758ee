"""Inference on the arrays themselves: analog rows all at once, nonlinear junctions, wires, contacts and noise.

Many copies of one die are judged in one call, one layer each. Every number depends on its copy alone, and noise on
(the die's seed, the network's number, layer, readout, sample, output) alone, so results are the same bytes however
copies are shared out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labmtj.config.bench import BenchFile
from labmtj.config.model import SourceMeterModel, load_model
from labmtj.errors import InputError
from labmtj.nets.network import pairs
from labmtj.nets.readout import Products
from labmtj.physics.mtj import LINEAR, conductance, resistance_p
from labmtj.physics.superposition import Responses, SumNoise, Superposition
from labmtj.physics.variation import DieModel, DieTruth
from labmtj.records import Defect, Floats, Ints
from labmtj.studies.records import Places

_LAYERS = 16  # chosen: room for layers in the addresses of noise
_SLACK = 1e-9  # of a drive beyond 1, which rounding may leave


class ArrayInference:
    """One layer of many copies of a die, at a `read` voltage [V], in hidden states `state` (networks, rows, cols).

    `window` [S] makes products of currents; `layer` counts from 0; `numbers` (networks,) are the networks' own
    (0, 1, ... unless said); `contacts` are ohms of every row and of every column (0 unless said); no `noise` unless
    said. State 2 is a short or an open. Raises InputError for shapes that do not fit.
    """

    def __init__(
        self,
        truth: DieTruth,
        state: NDArray[np.int8],
        places: Places,
        *,
        read: float,
        window: float,
        layer: int = 0,
        numbers: Ints | None = None,
        contacts: tuple[Floats, Floats] | None = None,
        noise: SumNoise | None = None,
    ) -> None:
        if not (len(state) == len(places.rows) == len(places.cols)) or places.cols.shape[1] % 2:
            raise InputError(f"states of {len(state)} networks do not fit their places, or a column has no partner")
        if not window > 0.0 or not 0 <= layer < _LAYERS:
            raise InputError(f"layer {layer} with a window of {window:g} S: up to {_LAYERS} layers, and above 0 S")
        rows, cols = contacts if contacts is not None else (None, None)
        self._arrays = Superposition(truth, state, read=read, r_row=rows, r_col=cols)
        self._places, self._read, self.window, self._noise = places, read, window, noise
        chosen = np.arange(len(state)) if numbers is None else np.asarray(numbers, np.int64)
        self._numbers = chosen * _LAYERS + layer

    def products(self, drives: Floats, *, ordinal: int = 0) -> Floats:
        """Products of `nets.readout`, (networks, samples, outputs), at row drives (networks, samples, inputs) in -1..1.

        `ordinal` counts the readouts of a copy: another one sees other noise. Raises InputError for a drive beyond
        the read voltage.
        """
        if not (np.abs(drives) <= 1.0 + _SLACK).all():
            raise InputError("a row cannot be driven beyond the read voltage: drives lie in -1..1")
        found = self._arrays.currents(
            self._pairs, drives * self._read, noise=self._noise, numbers=self._numbers, ordinal=2 * ordinal
        )
        return found / (self.window * self._read)

    def currents(self, drives: Floats) -> Floats:
        """Currents [A] out of the device columns, without noise, (networks, samples, device columns)."""
        return self._arrays.currents(self._columns, drives * self._read)

    def conductances(self, *, ordinal: int | None = None) -> Floats:
        """Conductance [S] that reading each device by itself shows, (networks, inputs, device columns).

        Noise is that of the readout `ordinal` (None: none), apart from that of products.
        """
        inputs = self._places.rows.shape[1]
        single = np.broadcast_to(self._read * np.eye(inputs), (len(self._numbers), inputs, inputs))
        if ordinal is None:
            return self._arrays.currents(self._columns, single) / self._read
        found = self._arrays.currents(
            self._columns, single, noise=self._noise, numbers=self._numbers, ordinal=2 * ordinal + 1
        )
        return found / self._read

    @cached_property
    def _columns(self) -> Responses:
        """Answers of each device column."""
        cols = self._places.cols
        sense = np.zeros((*cols.shape[:1], self._arrays.state.shape[2], cols.shape[1]))
        network, output = np.arange(len(cols), dtype=np.int64), np.arange(cols.shape[1], dtype=np.int64)
        sense[network[:, np.newaxis], cols, output[np.newaxis]] = 1.0
        return self._arrays.responses(self._places.rows, sense)

    @cached_property
    def _pairs(self) -> Responses:
        """Answers of each pair of columns, + less -."""
        inputs, single = self._places.rows.shape[1], self._columns
        rows, cols = single.fields[..., :inputs], single.fields[..., inputs:]
        return Responses(
            single.rows, pairs(single.sense), np.concatenate([rows, pairs(cols)], axis=-1), pairs(single.transfer)
        )


def array_products(layers: Sequence[ArrayInference], *, ordinal: int = 0) -> Products:
    """The products of all layers of the same copies, for `nets.readout.infer`."""
    return lambda layer, drives: layers[layer].products(drives, ordinal=ordinal)


def map_of(layers: Sequence[ArrayInference], *, ordinal: int | None = None) -> tuple[Floats, ...]:
    """The conductance maps [S] of all layers, for `nets.readout.map_products`."""
    return tuple(layer.conductances(ordinal=ordinal) for layer in layers)


def nominal_window(model: DieModel, *, read: float) -> float:
    """Gon - Goff [S] of the designed device at the read voltage [V], without wires or spread."""
    r_p = resistance_p(model.diameter, resistance_area=model.resistance_area)
    on, off = conductance(read, state=[0, 1], r_p=r_p, tmr0=model.tmr, v_h=model.v_h, k_p=model.k_p)
    return float(on - off)


def hidden(truth: DieTruth, target: Ints, places: Places) -> NDArray[np.int8]:
    """Hidden states (networks, rows, cols) after perfect writing of `target` (networks, inputs, device columns).

    Stuck cells stay as they were, as do those beside the layer; shorts and opens are 2.
    """
    state = np.repeat(truth.initial[np.newaxis].astype(np.int8), len(target), axis=0)
    network = np.arange(len(target))[:, np.newaxis, np.newaxis]
    state[network, places.rows[:, :, np.newaxis], places.cols[:, np.newaxis, :]] = target
    stays = truth.defect == Defect.STUCK
    state[:, stays] = truth.initial[stays]
    state[:, (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN)] = LINEAR
    return state


def bench_noise(file: BenchFile) -> SumNoise:
    """Noise of readings with a bench's source-measure unit at the integration time and range it is set to.

    The smallest range in use is the one that the bench reads on; larger currents take the next. Below one period of
    the mains a third of the data sheet's derating is noise, as in the twin. Raises InputError for a bench without
    such an instrument.
    """
    measure, meter = file.bench.measure, _meter(file)
    ranges = [each for each in meter.measure_current if each.range >= measure.range * (1 - 1e-9)]
    chosen = ranges or meter.measure_current[-1:]
    excess = 0.0
    if measure.nplc < 1 and meter.derating:
        errors = [each.error for each in meter.derating if each.nplc <= measure.nplc]
        excess = (min(errors) if errors else max(each.error for each in meter.derating)) / 3
    return SumNoise(
        aperture=measure.nplc / file.bench.mains,
        full=tuple(each.range for each in chosen),
        rms=tuple(each.noise / measure.nplc**0.5 + excess * each.range for each in chosen),
    )


def _meter(file: BenchFile) -> SourceMeterModel:
    for name in file.bench.instruments:
        model = load_model(file.model_file(name))
        if isinstance(model, SourceMeterModel):
            return model
    raise InputError("the bench has no source-measure unit, so there is no noise of its readings to be known")
