"""Which failures cause the loss: each alone with all else ideal, each left out, none of them, all of them.

A die without a failure is drawn with the same seed from a model without it; draws are addressed, so all the rest
stays as it was. What is compared is the same network on the same cells of the same die.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Trace
from labmtj.nets.readout import Products, Readout, infer
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import Copies, Software, map_weights
from labmtj.nets.tuning.ways import tune
from labmtj.physics.chance import Purpose, uniforms
from labmtj.physics.mtj import LINEAR
from labmtj.physics.superposition import SumNoise
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Defect, Floats, Ints, State
from labmtj.studies.inference import ArrayInference, array_products, hidden, map_of, nominal_window
from labmtj.studies.records import Places

Tune = Callable[[tuple[Floats, ...], Products, float], Mapping[str, Readout]]
"""Readouts by name, from the maps [S] of all layers, products measured for calibration, and the window [S]."""
_BENT = 1e9  # [V] a junction's V_h whose conductance does not bend


class Failure(enum.StrEnum):
    """What keeps a copy from being its network."""

    SPREAD = "spread"
    WRITE_ERRORS = "write_errors"
    WIRES = "wires"
    NOISE = "noise"
    DEFECTS = "defects"
    BENDING = "bending"
    """Conductance that changes with the voltage."""


ALL = frozenset(Failure)
_SPREADS = ("sigma_r_p", "sigma_tmr", "gradient_r_p", "bow_r_p", "correlated_r_p", "leaky")
_WITHOUT: Mapping[Failure, Mapping[str, float]] = {
    Failure.SPREAD: dict.fromkeys(_SPREADS, 0.0),
    Failure.WRITE_ERRORS: {},
    Failure.WIRES: {"wire": 0.0},
    Failure.NOISE: {"telegraph": 0.0},
    Failure.DEFECTS: {"short": 0.0, "open": 0.0, "stuck": 0.0},
    Failure.BENDING: {"k_p": 0.0, "v_h": _BENT},
}


@dataclass(frozen=True, eq=False)
class Copied:
    """Networks on one die: its `model`, their `places` by layer, a `read` voltage [V], `noise` of readings.

    `written` are the hidden states (networks, rows, cols) after each layer was written, of the real copies; without
    them devices are wrong by chance, with `error_rates` for those that should be P and AP. `contacts` are ohms of
    all rows and all columns; `numbers` (networks,) the networks' own numbers (0, 1, ... unless said).
    """

    model: DieModel
    stack: NetworkStack
    places: tuple[Places, ...]
    read: float
    noise: SumNoise | None = None
    written: tuple[NDArray[np.int8], ...] | None = None
    error_rates: tuple[float, float] = (0.0, 0.0)
    contacts: tuple[Floats, Floats] | None = None
    numbers: Ints | None = None

    def __post_init__(self) -> None:
        if not all(0.0 <= rate <= 1.0 for rate in self.error_rates):
            raise InputError(f"error rates {self.error_rates} are no fractions of devices: give 0 to 1")
        if len(self.places) != len(self.stack.devices):
            raise InputError(f"places of {len(self.places)} layers for networks of {len(self.stack.devices)}")

    @cached_property
    def real(self) -> DieTruth:
        """The die with all of its failures."""
        return draw_die(self.model)

    def layers(self, failures: frozenset[Failure]) -> tuple[list[ArrayInference], float]:
        """All layers on the die with these failures only, and the window [S] of its designed device."""
        changes: dict[str, Any] = {}
        for failure in ALL - failures:
            changes |= _WITHOUT[failure]
        model = dataclasses.replace(self.model, **changes)
        truth, window = draw_die(model), nominal_window(model, read=self.read)
        layers = [
            ArrayInference(
                truth, self._state(truth, layer, failures), places,
                read=self.read, window=window, layer=layer, numbers=self._named,
                contacts=self.contacts if Failure.WIRES in failures else None,
                noise=self.noise if Failure.NOISE in failures else None,
            )
            for layer, places in enumerate(self.places)
        ]  # fmt: skip
        return layers, window

    @property
    def _named(self) -> Ints:
        return np.arange(len(self.stack)) if self.numbers is None else self.numbers

    def _state(self, truth: DieTruth, layer: int, failures: frozenset[Failure]) -> NDArray[np.int8]:
        """Hidden states with errors or without; a cell that is defective no more is as it should be."""
        target, places = self.stack.states(layer), self.places[layer]
        state = hidden(truth, target, places)
        network = np.arange(len(target))[:, np.newaxis, np.newaxis]
        at = network, places.rows[:, :, np.newaxis], places.cols[:, np.newaxis, :]
        good = truth.defect[at[1:]] == int(Defect.NONE)
        if self.written is not None:
            found = self.written[layer]
            stays = (self.real.defect != int(Defect.NONE)) | (truth.defect != int(Defect.NONE))
            own = state[at]
            state[:, ~stays] = found[:, ~stays]
            wrong = good & (self.real.defect[at[1:]] == int(Defect.NONE)) & (found[at] != LINEAR)
            keep = wrong if Failure.WRITE_ERRORS in failures else np.zeros_like(wrong)
            state[at] = np.where(keep, found[at], own)
        elif Failure.WRITE_ERRORS in failures and any(self.error_rates):
            rate = np.where(target == int(State.P), self.error_rates[0], self.error_rates[1])
            wrong = good & (self._draws(layer, target.shape[1:]) < rate)
            state[at] = np.where(wrong, 1 - state[at], state[at])
        return state

    def _draws(self, layer: int, shape: tuple[int, ...]) -> Floats:
        """Uniform numbers (networks, inputs, device columns), each by network, layer and device."""
        seed, count = self.model.seed, int(np.prod(shape))
        layers = len(self.places)
        drawn = [uniforms(seed, Purpose.WRITE_ERROR, count, number * layers + layer) for number in self._named.tolist()]
        return np.stack(drawn).reshape(-1, *shape)


def variants(failures: frozenset[Failure] = ALL) -> Iterator[tuple[str, str, frozenset[Failure]]]:
    """Variant ("none", "only", "without", "all"), failure ("" for none and all), and the failures that are there."""
    yield "none", "", frozenset()
    for failure in Failure:
        if failure in failures:
            yield "only", failure.value, frozenset({failure})
    for failure in Failure:
        if failure in failures:
            yield "without", failure.value, failures - {failure}
    yield "all", "", failures


def ways(
    stack: NetworkStack, data: Dataset, software: Software, names: Sequence[str] = ("untuned", "scale", "best")
) -> Tune:
    """The tunings of `nets.tuning.ways` by these names."""

    def made(maps: tuple[Floats, ...], products: Products, window: float) -> Mapping[str, Readout]:
        return tune(Copies(stack, data, map_weights(maps, window=window), software), names, products=products)

    return made


def ablation(
    copied: Copied,
    *,
    data: Dataset,
    software: Trace,
    tuned: Tune,
    failures: frozenset[Failure] = ALL,
) -> dict[str, NDArray[Any]]:
    """Loss of accuracy of every network with each set of failures after each tuning; columns, one row a copy.

    `variant`, `failure`, `tuning`, `network`, and `gap_train`, `gap_test`, `gap_all` [points]: what a copy has more
    than `software`, the trace of the same networks in software, tuned. Readouts are made anew for every variant
    from what it shows (maps with noise, where there is some), and judged at other readings than it was made from.
    """
    parts: dict[str, list[Any]] = {name: [] for name in ("variant", "failure", "tuning", "network")}
    gaps: list[Floats] = []
    wanted = _accuracies(software, data)
    for variant, failure, present in variants(failures):
        layers, window = copied.layers(present)
        quiet = copied.noise is None or Failure.NOISE not in present
        maps = map_of(layers, ordinal=None if quiet else 0)
        calibration = array_products(layers, ordinal=1)
        judged = once(array_products(layers, ordinal=2))
        for name, readout in tuned(maps, calibration, window).items():
            trace = infer(copied.stack, data.inputs, products=judged, readout=readout)
            gaps.append(100.0 * (_accuracies(trace, data) - wanted))
            count = len(copied.stack)
            parts["variant"] += [variant] * count
            parts["failure"] += [failure] * count
            parts["tuning"] += [name] * count
            parts["network"] += range(count)
    table: dict[str, NDArray[Any]] = {
        name: np.array(values, object if name != "network" else np.int64) for name, values in parts.items()
    }
    found = np.concatenate(gaps, axis=1) if gaps else np.zeros((3, 0))
    return table | {f"gap_{part}": found[n] for n, part in enumerate(("train", "test", "all"))}


def once(products: Products) -> Products:
    """Products whose first layer is read once for readouts that drive the rows alike: all else is digital."""
    kept: list[tuple[Floats, Floats]] = []

    def found(layer: int, drives: Floats) -> Floats:
        if layer:
            return products(layer, drives)
        for before, result in kept:
            if np.array_equal(before, drives):
                return result
        kept.append((drives, products(layer, drives)))
        return kept[-1][1]

    return found


def _accuracies(trace: Trace, data: Dataset) -> Floats:
    """Fractions of training, test and all samples that are right, (3, networks)."""
    right = (trace.classes == data.labels).astype(np.float64)
    return np.stack([right[:, data.train].mean(axis=1), right[:, data.test].mean(axis=1), right.mean(axis=1)])
