"""Copies on a real bench: each is a run of its own, with its folder, its journal and everything a run has.

A study writes the protocol that a person would: the contact check, the map (the first copy makes it, later ones open
it and look whether it is still the same die), both layers written and read back. The run is carried out by the engine
of protocols, so limits, leases, guardian, ledger and resume are those of every run; what the study takes from it is
its journal. Products are those of the verified map: the arrays' own sums belong to a protocol's `infer` step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.config import yaml12
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.nets.readout import infer
from labmtj.nets.tuning.copies import Copies, in_software, map_weights
from labmtj.nets.tuning.ways import tune
from labmtj.protocol.engine import run
from labmtj.records import Defect, Floats
from labmtj.runs.journal import read_journal
from labmtj.studies.checkpoint import Columns
from labmtj.studies.grid import Task
from labmtj.studies.inference import nominal_window
from labmtj.studies.judged import judged
from labmtj.studies.load import bench_of
from labmtj.studies.setting import Setting
from labmtj.units import Dimension, show

_RUNS, _PROTOCOL, _MAP = "runs", "copy.yaml", "die.h5"
Entry = dict[str, Any]


def at_bench(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """Copy one network through the engine of protocols and judge it by its verified map.

    Raises whatever a run raises.
    """
    assert task.kind is not None
    folder, study, networks = setting.folder, setting.job.study, setting.networks
    if folder is None:
        raise InputError("copies on a bench need the folder of their study")
    read = study.infer.voltage(task.kind.diameter)
    (folder / _RUNS).mkdir(exist_ok=True)
    path = folder / _RUNS / _PROTOCOL
    maps = sorted((folder / _RUNS).glob(f"*/{_MAP}"))
    path.write_text(yaml12.dump(_protocol(task, setting, read, maps[-1] if maps else None)), encoding="utf-8")
    assert setting.job.bench.source.path is not None
    outcome = run(path, bench=setting.job.bench.source.path, out=folder / _RUNS)
    entries = list(read_journal(outcome.folder / "journal.jsonl"))
    stack, data = networks.stack.take([task.first]), networks.data
    layers = [_last(entries, layer) for layer in range(1, len(stack.devices) + 1)]
    window = nominal_window(die_model(bench_of(setting.job.bench, task.kind, seed=task.die).bench), read=read)
    conductances = tuple(_grid(layer, "conductance")[np.newaxis].astype(np.float64) for layer in layers)
    software = in_software(stack, data)
    copies = Copies(stack, data, map_weights(conductances, window=window), software)
    rows: dict[str, NDArray[Any]] = {"network": np.array([task.first]), **_written(layers, entries)}
    rows["software_scale"] = software.scale
    rows |= judged("software", software.nominal.scores, data) | judged("software_scale", software.tuned.scores, data)
    for name, readout in tune(copies, ("untuned", *study.tune)).items():
        scores = infer(stack, data.inputs, products=copies.products, readout=readout).scores
        rows |= judged(name, scores, data) | {f"measurements_{name}": np.array([readout.measurements])}
        if name == "scale":
            rows["scale"] = 1.0 / readout.layers[0].gain[:, 0]
    return {"copies": rows}


def _protocol(task: Task, setting: Setting, read: float, known: Path | None) -> dict[str, Any]:
    """The protocol of one copy; `known` is the map of a copy before it."""
    study, volts = setting.job.study, show(read, Dimension.VOLTAGE)
    network = setting.networks.networks[task.first]
    head: dict[str, Any] = {"shipped": network.name}
    if study.networks.files is not None:
        folder, _, solution = network.name.rpartition(":")
        head = {"files": folder, "solution": int(solution)}
    first: list[dict[str, Any]] = [
        {"polarity": {"start": "150 mV", "step": "20 mV", "ceiling": "600 mV", "read": volts}},
        {"map": {"read": volts}},
    ]
    program: dict[str, Any] = {
        "order": "cells", "scheme": study.program.scheme.value, "retries": study.program.retries,
        "repair_sweeps": study.program.repair_sweeps, "compensate": study.program.compensate, "place": task.place,
    }  # fmt: skip
    steps: list[dict[str, Any]] = [{"contact": {"at": "10 mV"}}]
    steps += first if known is None else [{"open_map": {"file": str(known.resolve())}}]
    for layer in range(1, len(network.layers) + 1):
        steps.append({"program": {"layer": layer, **program}})
    return {"title": f"{study.title}: {network.name}", "format": 1, "network": head, "steps": steps}


def _last(entries: list[Entry], layer: int) -> Entry:
    """The journal's last word about a layer that was written."""
    return [entry for entry in entries if entry["k"] == "program" and entry["layer"] == layer][-1]


def _grid(layer: Entry, name: str) -> NDArray[Any]:
    """A grid of the journal; what is no number stands there as null."""
    values = np.array(layer[name], dtype=np.float64)
    return values if name == "conductance" else values.astype(np.int64)


def _written(layers: list[Entry], entries: list[Entry]) -> dict[str, NDArray[Any]]:
    off = [_grid(layer, "state") != _grid(layer, "target") for layer in layers]
    fine = [_grid(layer, "defect") == int(Defect.NONE) for layer in layers]
    devices, good = sum(each.size for each in off), sum(int(each.sum()) for each in fine)
    wrong = sum(int(each.sum()) for each in off)
    wrong_good = sum(int((each & known).sum()) for each, known in zip(off, fine, strict=True))
    summaries = [entry for entry in entries if entry["k"] == "summary"]
    seconds: Floats = np.array([float(summaries[-1]["bench_seconds"]) if summaries else np.nan])
    return {
        "pulses": np.array([sum(int(_grid(layer, "pulses").sum()) for layer in layers)]),
        "repaired": np.array([sum(int(layer["repaired"]) for layer in layers)]),
        "wrong": np.array([wrong]),
        "write_fidelity": np.array([1.0 - wrong / devices]),
        "write_fidelity_good": np.array([1.0 - wrong_good / good if good else np.nan]),
        "defects_used": np.array([devices - good]),
        "bench_seconds": seconds,
    }
