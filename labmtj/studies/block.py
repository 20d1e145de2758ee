"""One block: all networks of a study on one die with one setting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Trace
from labmtj.nets.readout import LayerReadout, Products, Readout, ideal_products, infer, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tune import scale_in_software, scale_on_array
from labmtj.physics.lockstep import Dies
from labmtj.physics.mtj import conductance, resistance_p
from labmtj.physics.variation import DieModel, draw_die
from labmtj.records import Floats
from labmtj.studies.checkpoint import Columns
from labmtj.studies.grid import Task, What
from labmtj.studies.load import bench_of
from labmtj.studies.setting import Setting


def run_block(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """The tables of a block by their names, each of columns of one length.

    Raises LabmtjError for a die on which no copy can be made.
    """
    if task.what is not What.COPIES or task.kind is None:
        raise InputError(f"{task.words}: this side study is not known")
    job, networks = setting.job, setting.networks
    stack = networks.stack.take(range(task.first, task.last))
    model = die_model(bench_of(job.bench, task.kind, seed=task.die).bench)
    read, count = job.study.infer.voltage(task.kind.diameter), len(stack)
    dies = Dies([draw_die(model)] * count)
    fixed = dies.state == 2
    window = _window(model, read)
    conductances: list[Floats] = []
    written: list[NDArray[np.int8]] = []
    for layer, devices in enumerate(stack.devices):
        rows, cols = int(devices.shape[1]), int(devices.shape[2])
        target = dies.state.copy()
        target[:, :rows, :cols] = stack.states(layer)
        dies.state[:] = np.where(fixed, 2, target)
        written.append(dies.state.copy())
        drives = np.zeros((count * rows, dies.shape[0]))
        drives[np.arange(count * rows), np.tile(np.arange(rows, dtype=np.int64), count)] = read
        found = dies.multiply(np.repeat(np.arange(count), rows), drives)[:, :cols]
        conductances.append(found.reshape(count, rows, cols) / read)
    products = _products(dies, stack, written, read=read, window=window)
    out: dict[str, NDArray[Any]] = {"network": np.arange(task.first, task.last)}
    data, tuned = networks.data, np.ones((count, 2))
    for number in range(count):
        network = networks.networks[task.first + number]
        maps = [layer[number] for layer in conductances]
        tuned[number, 0] = scale_on_array(network, data, conductances=maps, window=window).scale
        tuned[number, 1] = scale_in_software(network, data).scale
    out["scale"], out["software_scale"] = tuned[:, 0], tuned[:, 1]
    ideal = ideal_products(stack)
    ways: dict[str, tuple[Products, Readout]] = {
        "software": (ideal, nominal(stack)),
        "software_scale": (ideal, _scaled(stack, tuned[:, 1])),
        "untuned": (products, nominal(stack)),
        "scale": (products, _scaled(stack, tuned[:, 0])),
    }
    for name, (how, readout) in ways.items():
        trace = infer(stack, data.inputs, products=how, readout=readout)
        out |= judged(name, trace, data)
    sizes = [devices.shape[1:] for devices in stack.devices]
    dead = sum(int(fixed[0, :rows, :cols].sum()) for rows, cols in sizes)
    out["write_fidelity"] = np.full(count, 1.0 - dead / sum(rows * cols for rows, cols in sizes))
    return {"copies": out}


def judged(name: str, trace: Trace, data: Dataset) -> dict[str, Floats]:
    """Accuracies (0..1) and mean cross-entropies of every network under the names of the table's columns."""
    right = (trace.classes == data.labels).astype(np.float64)
    scores = trace.scores - trace.scores.max(axis=-1, keepdims=True)
    total = np.log(np.exp(scores).sum(axis=-1))
    loss = total - np.take_along_axis(scores, data.labels[np.newaxis, :, np.newaxis], axis=-1)[..., 0]
    return {
        f"train_{name}": right[:, data.train].mean(axis=1),
        f"test_{name}": right[:, data.test].mean(axis=1),
        f"all_{name}": right.mean(axis=1),
        f"loss_train_{name}": loss[:, data.train].mean(axis=1),
        f"loss_test_{name}": loss[:, data.test].mean(axis=1),
    }


def _window(model: DieModel, read: float) -> float:
    """Gon - Goff [S] of the designed device at the read voltage."""
    r_p = resistance_p(model.diameter, resistance_area=model.resistance_area)
    on, off = conductance(read, state=[0, 1], r_p=r_p, tmr0=model.tmr, v_h=model.v_h, k_p=model.k_p)
    return float(on - off)


def _scaled(stack: NetworkStack, scales: Floats) -> Readout:
    layers = tuple(
        LayerReadout(layer.rows, layer.gain / scales[:, np.newaxis], layer.offset) for layer in nominal(stack).layers
    )
    return Readout("scale", layers)


def _products(
    dies: Dies, stack: NetworkStack, written: list[NDArray[np.int8]], *, read: float, window: float
) -> Products:
    def products(layer: int, drives: Floats) -> Floats:
        count, samples, rows = drives.shape
        dies.state[:] = written[layer]
        volts = np.zeros((count * samples, dies.shape[0]))
        volts[:, :rows] = read * drives.reshape(-1, rows)
        found = dies.multiply(np.repeat(np.arange(count, dtype=np.int64), samples), volts)
        cols = stack.devices[layer].shape[2]
        currents = found[:, :cols].reshape(count, samples, cols)
        return (currents[..., 0::2] - currents[..., 1::2]) / (window * read)

    return products
