"""Copies of all networks of a block: placed, written, inferred, tuned, judged and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.measuring.table import of_inference, of_map, of_writing, reference
from labmtj.nets.network import Trace
from labmtj.nets.readout import Products, Readout, infer
from labmtj.nets.tuning.copies import Copies
from labmtj.nets.tuning.judging import accuracies
from labmtj.nets.tuning.ways import tune
from labmtj.records import Defect, Floats
from labmtj.studies.ablation import once
from labmtj.studies.at_bench import at_bench
from labmtj.studies.bed import Bed, bed
from labmtj.studies.checkpoint import Columns
from labmtj.studies.grid import Task
from labmtj.studies.inference import array_products
from labmtj.studies.judged import judged
from labmtj.studies.records import WrittenLayer
from labmtj.studies.setting import Setting

_CALIBRATION, _JUDGED = 1, 2
"""Ordinals of readouts: of calibration inputs, and of what is judged; each has noise of its own."""

_MEASURED = ("untuned", "scale", "best")
"""Readouts whose copies are measured: as they are, tuned by labels, and tuned without."""


@dataclass(frozen=True, eq=False)
class Made:
    """Copies that were written, the maps that writing left, their tunings, and the arrays' products to judge them."""

    written: tuple[WrittenLayer, ...]
    tunable: Copies
    readouts: Mapping[str, Readout]
    products: Products

    def trace(self, name: str, inputs: Floats) -> Trace:
        """What the arrays give with a tuning at inputs (samples, inputs)."""
        return infer(self.tunable.stack, inputs, products=self.products, readout=self.readouts[name])


def make(work: Bed, *, place: str, tunings: tuple[str, ...], level: str = "array") -> Made:
    """Write every network, at the array or through drivers and instruments (`level` "wire"), and tune its copy."""
    places = work.place(place)
    written = work.write(places) if level == "array" else work.write_through_drivers(places)
    arrays = work.arrays(tuple(layer.places for layer in written), tuple(layer.state for layer in written))
    tunable = work.tunable(tuple(layer.conductance for layer in written))
    calibration = array_products(arrays, ordinal=_CALIBRATION)
    readouts = tune(tunable, ("untuned", *tunings), products=calibration)
    return Made(written, tunable, readouts, once(array_products(arrays, ordinal=_JUDGED)))


def copies(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """The tidy rows of a block, and what time does to its copies where the study asks for that."""
    if setting.job.real:
        return at_bench(task, setting=setting)
    work, study = bed(task, setting), setting.job.study
    made = make(work, place=task.place, tunings=tuple(study.tune), level=study.level)
    rows: dict[str, NDArray[Any]] = {"network": work.numbers, **written_columns(made.written)}
    rows["software_scale"] = work.software.scale
    if "scale" in made.readouts:
        rows["scale"] = 1.0 / made.readouts["scale"].layers[0].gain[:, 0]
    for name, trace in (("software", work.software.nominal), ("software_scale", work.software.tuned)):
        rows |= judged(name, trace.scores, work.data)
    traces = {name: made.trace(name, work.data.inputs) for name in made.readouts}
    for name, readout in made.readouts.items():
        rows |= judged(name, traces[name].scores, work.data)
        rows[f"measurements_{name}"] = np.full(len(work.stack), readout.measurements)
    rows |= _measures(work, made, traces)
    found: dict[str, Columns] = {"copies": rows}
    ageing = study.compared.ageing
    if (
        ageing is not None
        and study.level == "array"
        and task.kind is not None
        and task.kind.diameter in ageing.diameters
    ):
        found["ageing"] = _joined([*_ages(work, made, ageing.after)])
    return found


def _measures(work: Bed, made: Made, traces: Mapping[str, Trace]) -> dict[str, Floats]:
    """Measures of the read-back, of the verified map and of what the arrays gave, for the readouts that compare."""
    known = reference(work.stack, work.data, software=work.software, inputs=work.pseudo_inputs)
    shown = [name for name in _MEASURED if name in traces]
    return {
        **of_writing(
            known, target=[layer.target for layer in made.written], seen=[layer.seen for layer in made.written]
        ),
        **of_map(made.tunable, known, {name: made.readouts[name] for name in shown}),
        **of_inference(made.tunable, {name: traces[name] for name in shown}),
    }


def written_columns(written: tuple[WrittenLayer, ...]) -> dict[str, NDArray[Any]]:
    """How well the copies stand: counts over all layers, and both write fidelities."""
    devices = sum(layer.target[0].size for layer in written)
    wrong, good, wrong_good = (np.zeros(len(written[0].pulses), np.int64) for _ in range(3))
    for layer in written:
        off, fine = layer.seen != layer.target, layer.defect == Defect.NONE
        wrong += off.sum(axis=(1, 2))
        good += fine.sum(axis=(1, 2))
        wrong_good += (off & fine).sum(axis=(1, 2))
    return {
        "pulses": np.sum([layer.pulses for layer in written], axis=0),
        "repaired": np.sum([layer.repaired for layer in written], axis=0),
        "wrong": wrong,
        "write_fidelity": 1.0 - wrong / devices,
        "write_fidelity_good": 1.0 - wrong_good / good,
        "defects_used": devices - good,
        "bench_seconds": written[-1].clock,
    }


def _ages(work: Bed, made: Made, after: list[float]) -> Iterator[dict[str, NDArray[Any]]]:
    """Accuracies and lost devices after each time at rest, with the tunings of the fresh copies."""
    from labmtj.studies.copying.age import aged

    count = len(work.stack)
    for seconds in after:
        states = tuple(aged(work.prepared, layer, seconds) for layer in made.written)
        arrays = work.arrays(tuple(layer.places for layer in made.written), states)
        lost = sum(
            (layer.places.of(now) != layer.places.of(layer.state)).sum(axis=(1, 2))
            for layer, now in zip(made.written, states, strict=True)
        )
        rows: dict[str, NDArray[Any]] = {
            "network": work.numbers,
            "seconds": np.full(count, seconds),
            "lost": np.asarray(lost),
        }
        products = once(array_products(arrays, ordinal=_JUDGED))
        for name, readout in made.readouts.items():
            right = accuracies(
                infer(work.stack, work.data.inputs, products=products, readout=readout).scores, work.data
            )
            rows |= {f"train_{name}": right.train, f"test_{name}": right.test, f"all_{name}": right.all}
        for name, trace in (("software", work.software.nominal), ("software_scale", work.software.tuned)):
            right = accuracies(trace.scores, work.data)
            rows |= {f"train_{name}": right.train, f"test_{name}": right.test, f"all_{name}": right.all}
        yield rows


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
