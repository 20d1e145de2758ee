"""Training of networks for chips, an epoch at a time, in states of plain arrays: the same state gives the same epoch.

    baseline          bits trained in software, on ideal devices
    hardware-aware    bits of one network for each chip, on that chip's measured map
    statistics-aware  bits of one network for all chips, on a new map drawn from measured statistics at every batch
    tuned             gains and biases of a network on each chip, one gain for each physical column and block; bits stay

The first three are those of arXiv 2312.06446; the last goes beyond it and needs no cell to be written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.nets.chips.cells import ChipCells, Mask, software_cells
from labmtj.nets.chips.engine import (
    Devices,
    begin_memory,
    drawn_cells,
    epoch_runner,
    fixed_cells,
    fixed_conductances,
    start_latents,
)
from labmtj.nets.chips.jax_library import library
from labmtj.nets.chips.judging import accuracy
from labmtj.nets.chips.networks import Arrays, ChipNetworks, Form, spread_gain
from labmtj.nets.chips.schedule import Schedule
from labmtj.nets.chips.statistics import Statistics
from labmtj.nets.images.preparing import Samples
from labmtj.records import Floats

_LAYERS = (1, 2)
_CHIPS_TO_JUDGE = 8  # chosen: drawn chips that a statistics-aware network is validated on


@dataclass(frozen=True)
class Options:
    """How long and how fast. Defaults are those of the shipped training files."""

    schedule: Schedule = field(default_factory=Schedule)
    batch: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"training: a batch of {self.batch} samples; it has one or more")


TUNING = Options(Schedule(epochs=5, rate=2e-3), batch=256)


@dataclass(frozen=True, eq=False)
class Epoch:
    """Mean loss [nat] and accuracy (0..1) of an epoch, (networks,): on what was learnt from, and on what was not.

    `validation` is the accuracy on samples that were held back, on the chips that the training knows.
    """

    loss: Floats
    train: Floats
    validation: Floats


class Trainer:
    """One way to train `networks` networks side by side, for at most `epochs`."""

    def __init__(
        self,
        form: Form,
        devices: Devices,
        *,
        learn: Samples,
        validation: Samples,
        judged_on: ChipCells,
        options: Options,
        start: Arrays,
        bits: ChipNetworks | None = None,
    ) -> None:
        if len(learn) < options.batch:
            raise InputError(f"training: a batch of {options.batch}, but only {len(learn)} samples to learn from")
        self.networks = len(next(iter(start.values())))
        self.epochs = options.schedule.epochs
        self._form, self._validation, self._judged_on = form, validation, judged_on
        self._options, self._start, self._bits = options, start, bits
        self._steps = len(learn) // options.batch
        self._run = epoch_runner(learn, form, devices, batch=options.batch)

    def begin(self) -> Arrays:
        """The state before the first epoch."""
        memory = self._memory()
        leaves = {f"memory{k}": np.asarray(leaf) for k, leaf in enumerate(_flat(memory))}
        return {**self._start, **leaves, "course": self._options.schedule.begin()}

    def epoch(self, state: Arrays) -> tuple[Arrays, Epoch]:
        """The state after one more epoch, and how it went."""
        schedule, course = self._options.schedule, state["course"]
        parameters = {name: state[name] for name in self._start}
        memory = _unflat(self._memory(), [state[f"memory{k}"] for k in range(_count(state))])
        parameters, memory, loss, right = self._run(
            parameters,
            memory,
            schedule.rates(course, steps=self._steps),
            seed=self._options.seed,
            number=schedule.done(course),
        )
        after = {name: np.asarray(part) for name, part in parameters.items()}
        after |= {f"memory{k}": np.asarray(leaf) for k, leaf in enumerate(_flat(memory))}
        known = self._judge(after)
        after["course"] = schedule.advance(course, float(known.mean()))
        return after, Epoch(np.asarray(loss, dtype=np.float64), np.asarray(right, dtype=np.float64), known)

    def over(self, state: Arrays) -> bool:
        """Whether the schedule has come to its end, be it early."""
        return self._options.schedule.over(state["course"])

    def trained(self, state: Arrays) -> ChipNetworks:
        """The networks of a state."""
        gain, bias = ([state[f"{name}{k}"].astype(np.float64) for k in _LAYERS] for name in ("gain", "bias"))
        if self._bits is not None:
            devices = [np.broadcast_to(part, (self.networks, *part.shape[1:])) for part in self._bits.devices]
        else:
            devices = [(state[f"latent{k}"] > 0.0).astype(np.uint8) for k in _LAYERS]
        sizes = (inputs for inputs, _ in self._form.shapes)
        gain = [
            part if part.ndim == 4 else spread_gain(part, inputs=inputs, block=self._form.block)
            for part, inputs in zip(gain, sizes, strict=True)
        ]
        return ChipNetworks(self._form, tuple(devices), tuple(gain), tuple(bias))

    def solution(self, state: Arrays) -> Arrays:
        """The same as plain arrays, whose first axis counts networks: `ChipNetworks.from_arrays` takes them."""
        return self.trained(state).arrays

    def _judge(self, state: Arrays) -> Floats:
        found = accuracy(self.trained(state), self._validation, cells=self._judged_on)
        return found if len(found) == self.networks else np.full(self.networks, found.mean())

    def _memory(self) -> Any:
        return begin_memory(dict(self._start))


def baseline(form: Form, *, learn: Samples, validation: Samples, options: Options) -> Trainer:
    """Train one network on ideal devices."""
    ideal = software_cells(form.shapes)
    return Trainer(
        form,
        fixed_cells(ideal),
        learn=learn,
        validation=validation,
        judged_on=ideal,
        options=options,
        start=start_latents(form, 1, seed=options.seed),
    )


def hardware_aware(form: Form, cells: ChipCells, *, learn: Samples, validation: Samples, options: Options) -> Trainer:
    """Train one network for each of these chips on its own cells, all from the same start."""
    start = start_latents(form, 1, seed=options.seed)
    return Trainer(
        form,
        fixed_cells(cells),
        learn=learn,
        validation=validation,
        judged_on=cells,
        options=options,
        start={name: np.repeat(part, len(cells), axis=0) for name, part in start.items()},
    )


def statistics_aware(
    form: Form, statistics: Statistics, *, mask: Mask, learn: Samples, validation: Samples, options: Options
) -> Trainer:
    """Train one network on a new chip at every batch; it is validated on some chips drawn once."""
    drawn = statistics.draw(_CHIPS_TO_JUDGE, form.shapes, mask=mask, seed=options.seed + 1)
    return Trainer(
        form,
        drawn_cells(statistics, form, mask=mask),
        learn=learn,
        validation=validation,
        judged_on=drawn,
        options=options,
        start=start_latents(form, 1, seed=options.seed),
    )


def tuned(
    networks: ChipNetworks, cells: ChipCells, *, learn: Samples, validation: Samples, options: Options = TUNING
) -> Trainer:
    """Fit gains of every column and block, and biases, of a network (or one each) to each of these chips."""
    layers = zip(_LAYERS, networks.gain, networks.bias, strict=True)
    start: dict[str, Any] = {}
    for k, gain, bias in layers:
        for name, part in (("gain", gain), ("bias", bias)):
            start[f"{name}{k}"] = np.array(np.broadcast_to(part, (len(cells), *part.shape[1:])), dtype=np.float32)
    return Trainer(
        networks.form,
        fixed_conductances(networks, cells),
        learn=learn,
        validation=validation,
        judged_on=cells,
        options=options,
        start=start,
        bits=networks,
    )


def _flat(tree: Any) -> list[Any]:
    jax, _, _ = library()
    return jax.tree.leaves(tree)


def _unflat(like: Any, leaves: list[Any]) -> Any:
    jax, _, _ = library()
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _count(state: Arrays) -> int:
    return sum(name.startswith("memory") for name in state)
