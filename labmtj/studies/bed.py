"""What all copies of one block have in common: the mapped die, the networks, their data, and what reads them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labmtj.config.bench import BenchFile
from labmtj.nets.dataset import Dataset
from labmtj.nets.placing.moments import Moments, moments
from labmtj.nets.readout import infer
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.care import care
from labmtj.nets.tuning.copies import Copies, Software, in_software, map_weights
from labmtj.nets.tuning.rows_columns import rows_columns
from labmtj.physics.superposition import SumNoise
from labmtj.records import Floats, Ints
from labmtj.routines.writing.settings import WriteSettings
from labmtj.studies.copying.prepare import prepare
from labmtj.studies.copying.settings import write_settings
from labmtj.studies.copying.wire import snapshot_bench, wire_copy
from labmtj.studies.copying.write import write
from labmtj.studies.grid import Task
from labmtj.studies.inference import ArrayInference, bench_noise, hidden
from labmtj.studies.load import bench_of
from labmtj.studies.placing import Place, better_of, place
from labmtj.studies.records import Places, PreparedDie, WrittenLayer, joined
from labmtj.studies.setting import Setting
from labmtj.twin.build import matrix_model, models, wiring

_MAP = 0
"""Ordinal of the readings that give a map where none was left by writing; what judges a readout comes after it."""


@dataclass(frozen=True, eq=False)
class Bed:
    """One die and the networks that are copied onto it; `numbers` (networks,) are the networks' own.

    `contacts` [ohm] are those of rows on the driving source and of columns on the sensing one; `pseudo_inputs`
    (count, inputs) stand for samples where measures must do without them.
    """

    prepared: PreparedDie
    stack: NetworkStack
    data: Dataset
    software: Software
    moments: tuple[Moments, ...]
    numbers: Ints
    read: float
    settings: WriteSettings
    pause: float
    noise: SumNoise | None
    contacts: tuple[Floats, Floats]
    pseudo_inputs: Floats

    def place(self, how: str) -> tuple[Places, ...]:
        """Lines of every layer of every network; of the best ones and those without defects the better for each."""
        how = Place(how)
        found = place(self.prepared.die, self.stack, how=how, moments=self.moments)
        if how is not Place.OPTIMISE or self.prepared.picture.model is None:
            return found
        other = place(self.prepared.die, self.stack, how=Place.AVOID_DEFECTS, moments=self.moments)
        return better_of(found, other, (self._expected_error(found), self._expected_error(other)))

    def _expected_error(self, places: tuple[Places, ...]) -> Floats:
        """Expected squared errors of the scores (networks,) after tuning without labels, as the map has the array.

        The array that the map tells of stands in for the real one; each sample counts by how unsure software is of it.
        """
        prepared, model = self.prepared, self.prepared.picture.model
        assert model is not None
        told = replace(prepared.truth.model, wire=model.wire, v_h=model.v_h, k_p=model.k_p)
        believed = replace(prepared.truth, model=told, r_p=model.r_p, tmr=model.tmr0, defect=prepared.die.defect)
        maps = tuple(
            ArrayInference(
                believed, hidden(believed, self.stack.states(layer), where), where, read=self.read,
                window=prepared.nominal_window, layer=layer, numbers=self.numbers, contacts=self.contacts,
            ).conductances()
            for layer, where in enumerate(places)
        )  # fmt: skip
        copies = self.tunable(maps)
        scores = infer(self.stack, copies.train, products=copies.products, readout=rows_columns(copies)).scores
        last = len(self.stack.devices) - 1
        off = (scores - self.software.tuned.scores[:, self.data.train]) ** 2
        return (care(copies, last)[:, self.data.train] * off).mean(axis=(1, 2))

    def write(self, places: tuple[Places, ...]) -> tuple[WrittenLayer, ...]:
        """Write all layers of all networks with write and verify. Raises LimitExceeded."""
        return write(self.prepared, self.stack, places, self.settings, pause=self.pause)

    def write_through_drivers(self, places: tuple[Places, ...]) -> tuple[WrittenLayer, ...]:
        """The same through the drivers and the simulated instruments, one network after the other."""
        copies: list[tuple[WrittenLayer, ...]] = []
        for number in range(len(self.stack)):
            with (
                tempfile.TemporaryDirectory(prefix="labmtj-copy-") as folder,
                snapshot_bench(self.prepared, Path(folder)) as bench,
            ):
                found = wire_copy(
                    bench, self.prepared.die, self.stack.network(number), places, self.settings, number=number,
                    pause=self.pause,
                )  # fmt: skip
                copies.append(found)
        return tuple(joined(layers) for layers in zip(*copies, strict=True))

    def arrays(self, places: tuple[Places, ...], states: tuple[NDArray[np.int8], ...]) -> list[ArrayInference]:
        """The arrays of all layers in their hidden states, ready to infer."""
        return [
            ArrayInference(
                self.prepared.truth, state, where, read=self.read, window=self.prepared.nominal_window, layer=layer,
                numbers=self.numbers, contacts=self.contacts, noise=self.noise,
            )
            for layer, (where, state) in enumerate(zip(places, states, strict=True))
        ]  # fmt: skip

    def tunable(self, maps: tuple[Floats, ...]) -> Copies:
        """The copies as tuning sees them: through verified maps of conductances [S]."""
        weights = map_weights(maps, window=self.prepared.nominal_window)
        unit = self.prepared.window / self.prepared.nominal_window
        return Copies(self.stack, self.data, weights, self.software, unit)


def bed(task: Task, setting: Setting) -> Bed:
    """Map the die of a block. Raises LabmtjError for a die that cannot be mapped."""
    assert task.kind is not None
    study = setting.job.study
    file = bench_of(setting.job.bench, task.kind, seed=task.die)
    read = study.infer.voltage(task.kind.diameter)
    program = study.program
    if program.width is not None:
        pulse = file.bench.pulse.model_copy(update={"width": program.width})
        file = replace(file, bench=file.bench.model_copy(update={"pulse": pulse}))
    numbers = np.arange(task.first, task.last)
    stack, data = setting.networks.stack.take(numbers), setting.networks.data
    prepared = prepare(file, read=read)
    settings = write_settings(prepared, retries=program.retries, repair_sweeps=program.repair_sweeps)
    return Bed(
        prepared=prepared,
        stack=stack,
        data=data,
        software=in_software(stack, data),
        moments=moments(stack, data.inputs[data.train]),
        numbers=numbers,
        read=read,
        settings=replace(settings, compensate=program.compensate),
        pause=program.pause,
        noise=bench_noise(file) if study.infer.noise else None,
        contacts=_contacts(file, task.die),
        pseudo_inputs=setting.networks.pseudo_inputs,
    )


def _contacts(file: BenchFile, seed: int) -> tuple[Floats, Floats]:
    """Ohms of each row on the driving source and of each column on the sensing one: relay and lead."""
    wires = wiring(file, matrix_model(models(file)), seed)
    drive, sense = sorted(row for row, channel in wires.roles.items() if channel is not None)[:2]
    rows = [wires.contact(*wires.crosspoint(n, drive), 0).ohms for n in range(wires.rows)]
    cols = [wires.contact(*wires.crosspoint(wires.rows + n, sense), 0).ohms for n in range(wires.cols)]
    return np.array(rows), np.array(cols)
