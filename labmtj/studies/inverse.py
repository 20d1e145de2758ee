"""The inverse question, which spread, write errors, wires or leakage give a certain accuracy after tuning.

One thing at a time or two, the others as in the default die; cells are linear and good, readings without noise, and
every copy has its one scale tuned. Everything is drawn by address: a device that is wrong at 2 % of write errors is
wrong at 5 % too, and a cell keeps its place among all cells at any spread, so planes are smooth for few copies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import pairs
from labmtj.nets.readout import infer
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import one_scale
from labmtj.nets.tuning.scales import best_scale
from labmtj.physics.chance import Purpose, uniforms
from labmtj.physics.linear import column_currents
from labmtj.physics.mtj import conductance
from labmtj.physics.variation import DieModel, draw_die
from labmtj.records import Floats, Ints, State
from labmtj.studies.inference import nominal_window

Point = tuple[float, float, float, float]
"""Spread of R_P (1), share of devices written wrong (1), ohms of a segment, share of leaky cells (1)."""


@dataclass(frozen=True)
class Axis:
    """One thing that can be wrong: its place in a `Point`, its name and unit for people, values in SI."""

    place: int
    name: str
    label: str
    factor: float
    values: tuple[float, ...]


# chosen: from nothing to where the tuned median of 40 nm dies has fallen well below the paper's 95.3 %.
SPREAD = Axis(0, "spread", "spread of R_P (%)", 100.0, (0.0, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4))
ERRORS = Axis(1, "write_errors", "devices written wrong (%)", 100.0, (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1))
WIRE = Axis(2, "wire", "wire (ohm a segment)", 1.0, (0.0, 5.0, 20.0, 50.0, 100.0, 150.0, 200.0))
LEAKAGE = Axis(3, "leakage", "leaky cells (%)", 100.0, (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3))
AXES = (SPREAD, ERRORS, WIRE, LEAKAGE)
PLANES = ((ERRORS, SPREAD), (WIRE, SPREAD), (LEAKAGE, SPREAD), (ERRORS, WIRE))
"""Axes x and y of the planes of the default study."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: dies of `model` with these `seeds`, a read voltage [V], an `accuracy` (0..1) to be explained."""

    model: DieModel
    seeds: Sequence[int]
    read: float
    accuracy: float = 0.953

    @property
    def default(self) -> Point:
        """Where the dies of the model lie."""
        return self.model.sigma_r_p, 0.0, self.model.wire, self.model.leaky


def inverse(
    question: Question,
    *,
    stack: NetworkStack,
    data: Dataset,
    planes: Sequence[tuple[Axis, Axis]] = PLANES,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Tables `inverse`, one row a point of a plane, and `crossings`, one row an axis.

    `inverse`: plane, x_axis, y_axis, x, y (in units of the label), median, p25, p75 and mean of the training accuracy
    (0..1) over networks and dies, default_x, default_y. `crossings`: axis, label, at (where the median falls to the
    accuracy asked for, by straight lines between points, others at their defaults; nan if it does not), `none` and
    `most`, the medians at the axis' ends. Raises InputError for an axis that does not rise.
    """
    found: dict[Point, Floats] = {}
    rows: dict[str, list[Any]] = {}
    for x_axis, y_axis in planes:
        for axis in (x_axis, y_axis):
            if list(axis.values) != sorted(set(axis.values)):
                raise InputError(f"values of {axis.name} do not rise: {axis.values}")
        for x in x_axis.values:
            for y in y_axis.values:
                point = _with(_with(question.default, x_axis, x), y_axis, y)
                if point not in found:
                    found[point] = accuracies(point, question, stack=stack, data=data)
                _add(rows, _row(found[point], x_axis, y_axis, x, y, question.default))
    lines: dict[str, list[Any]] = {}
    for axis in dict.fromkeys(axis for plane in planes for axis in plane):
        medians: list[float] = []
        for value in axis.values:
            point = _with(question.default, axis, value)
            if point not in found:
                found[point] = accuracies(point, question, stack=stack, data=data)
            medians.append(float(np.median(found[point])))
        at = crossing(np.array(axis.values), np.array(medians), question.accuracy) * axis.factor
        _add(lines, {"axis": axis.name, "label": axis.label, "at": at, "none": medians[0], "most": medians[-1]})
    return {"inverse": _columns(rows), "crossings": _columns(lines)}


def accuracies(point: Point, question: Question, *, stack: NetworkStack, data: Dataset) -> Floats:
    """Training accuracies (dies * networks,), 0..1, of copies with their scales tuned."""
    spread, errors, wire, leaky = point
    base, parts = question.model, list[Floats]()
    # The spread of the TMR goes with that of R_P: both come from the same stack of films.
    tmr = base.sigma_tmr * (spread / base.sigma_r_p if base.sigma_r_p else 1.0)
    for seed in question.seeds:
        model = dataclasses.replace(
            base, seed=seed, sigma_r_p=spread, sigma_tmr=tmr, wire=wire, leaky=leaky, short=0.0, open=0.0, stuck=0.0
        )
        parts.append(_die(model, errors, question.read, stack, data))
    return np.concatenate(parts)


def _die(model: DieModel, errors: float, read: float, stack: NetworkStack, data: Dataset) -> Floats:
    truth, window = draw_die(model), nominal_window(model, read=read)
    by_state = [
        conductance(read, state=state, r_p=truth.r_p, tmr0=truth.tmr, v_h=model.v_h, k_p=model.k_p)
        for state in (State.P, State.AP)
    ]
    weights: list[Floats] = []
    state = np.repeat(truth.initial[np.newaxis].astype(np.int64), len(stack), axis=0)
    for layer in range(len(stack.devices)):
        written = _written(stack, layer, errors, seed=model.seed)
        inputs, cols = written.shape[1:]
        state[:, :inputs, :cols] = written
        siemens = np.where(state == int(State.P), by_state[0], by_state[1])
        through = column_currents(siemens, np.eye(inputs, model.rows), r_wire=model.wire)
        weights.append(np.ascontiguousarray(pairs(through[:, :, :cols]) / window))
    readout = one_scale(stack, best_scale(tuple(weights), stack.bias, data))
    trace = infer(stack, data.inputs[data.train], products=lambda n, drives: drives @ weights[n], readout=readout)
    return (trace.classes == data.labels[data.train]).mean(axis=1)


def _written(stack: NetworkStack, layer: int, errors: float, *, seed: int) -> Ints:
    """States (networks, inputs, device columns) of which a share is wrong."""
    states = stack.states(layer)
    if not errors:
        return states
    count, layers = states[0].size, len(stack.devices)
    drawn = [uniforms(seed, Purpose.WRITE_ERROR, count, number * layers + layer) for number in range(len(stack))]
    return np.where(np.stack(drawn).reshape(states.shape) < errors, 1 - states, states)


def crossing(values: Floats, medians: Floats, level: float) -> float:
    """First value at which `medians` fall to `level`, on straight lines; nan where they do not."""
    if medians[0] < level:
        return float("nan")
    below = np.flatnonzero(medians < level)
    if not below.size:
        return float("nan")
    after = int(below[0])
    high, low = medians[after - 1], medians[after]
    share = (high - level) / (high - low)
    return float(values[after - 1] + share * (values[after] - values[after - 1]))


def _with(point: Point, axis: Axis, value: float) -> Point:
    changed = list(point)
    changed[axis.place] = value
    return changed[0], changed[1], changed[2], changed[3]


def _row(found: Floats, x_axis: Axis, y_axis: Axis, x: float, y: float, default: Point) -> Mapping[str, Any]:
    low, middle, high = np.percentile(found, [25.0, 50.0, 75.0]).tolist()
    return {
        "plane": f"{x_axis.name} and {y_axis.name}".replace("_", " "),
        "x_axis": x_axis.label, "y_axis": y_axis.label,
        "x": x * x_axis.factor, "y": y * y_axis.factor,
        "median": middle, "p25": low, "p75": high, "mean": float(found.mean()),
        "default_x": default[x_axis.place] * x_axis.factor, "default_y": default[y_axis.place] * y_axis.factor,
    }  # fmt: skip


def _add(rows: dict[str, list[Any]], row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        rows.setdefault(name, []).append(value)


def _columns(rows: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name: np.array(values, object if isinstance(values[0], str) else np.float64) for name, values in rows.items()
    }
