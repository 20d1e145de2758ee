"""The whole Wine job at array level, on 300 dies in lockstep, in processor time and in solves of badcrossbar.

    python tests/benchmarks/wine_job.py            (needs badcrossbar, see linear.py, and threadpoolctl)

Each of the 300 networks that ship (13-6-3, 192 devices) is written to a die of its own: 40 nm, 15 x 15, 5 ohm a
segment, default spread and defects, seed = the number of the network. Both layers lie on the same die, one after
the other. All of this is timed, on one thread:

- the dies are drawn, and mapped: both states of all cells, one nonlinear solution a row and state (which cells
  are defective is told);
- a layer is placed around defects, then written device by device: read (one solution: row at 50 mV, columns at
  0 V), pulse at V/2 if wrong (one solution, and one draw for each of the 225 cells), read again; at most 10
  retries, larger by 3 % from the third on; then all devices are read back, and what was disturbed is repaired;
- 178 inferences a layer with nonlinear cells: analog inputs of both signs, one solution a sample, all columns in it;
- the scale of each copy is tuned on the training samples: layer 1 as it was measured, layer 2 by its readings.

The yardstick is badcrossbar's time for one linear 15 x 15 array with one input and nothing but the column
currents asked for. The two take turns, and the least of each counts. Wanted: no more than 1,700 such solves, which is
5 s where one takes 3 ms.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from labmtj.config.bench import load_bench
from labmtj.nets import tune
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.network import Network, activate, pairs
from labmtj.nets.placement import avoid_defects
from labmtj.physics.lockstep import Dies
from labmtj.physics.variation import DieModel, draw_die
from labmtj.records import Amplitudes, Cell, DieMap, Floats, Ints, Polarity, State
from labmtj.twin.build import die_model

Flags = NDArray[np.bool_]

READ, WIDTH = 0.05, 100e-6
TO_P, TO_AP = 0.32, 0.37  # [V] 1.25 x what switches 99.9 % in 100 us
RETRIES, STEP_UP, SWEEPS = 10, 1.03, 4
WANTED, ROUNDS = 1700, 3


class Copies:
    """All copies while they are made; `solved` counts networks by what for."""

    def __init__(self, model: DieModel, count: int) -> None:
        self.solved: Counter[str] = Counter()
        truths = [draw_die(dataclasses.replace(model, seed=seed)) for seed in range(count)]
        self.dies, self.all, self.sign = Dies(truths), np.arange(count), model.sign
        p, ap = (self.dies.conductances(state, voltage=READ) for state in (State.P, State.AP))
        self.solved["map"] += 2 * count * model.rows
        polarity = Polarity(State.P if model.sign > 0 else State.AP, Cell(1, 1), TO_P, TO_AP)
        self.maps = [
            DieMap(1.0 / p[die], 1.0 / ap[die], truth.defect, READ, polarity, Amplitudes(TO_P, TO_AP), WIDTH)
            for die, truth in enumerate(truths)
        ]
        self.good = np.stack([each.good for each in self.maps])
        self.threshold = 0.5 * (p + ap)

    def place(self, layer: tuple[int, int]) -> tuple[Ints, Ints]:
        """Rows and columns, (dies, lines) from 0, around the defects of each die."""
        found = [avoid_defects(each, layer) for each in self.maps]
        return np.array([one.rows for one in found]) - 1, np.array([one.cols for one in found]) - 1

    def read(self, dies: Ints, rows: Ints, cols: Ints) -> tuple[Floats, Ints]:
        """Conductances and the states they show."""
        self.solved["read"] += len(dies)
        found = self.dies.read(dies, rows, cols, voltage=READ)
        return found, np.where(found > self.threshold[dies, rows, cols], int(State.P), int(State.AP))

    def write(self, dies: Ints, rows: Ints, cols: Ints, target: Ints) -> None:
        """Pulse and read one device of each of `dies` until it is right; all of them are wrong at first."""
        amplitude = np.where(target == State.P, self.sign * TO_P, -self.sign * TO_AP)
        for attempt in range(RETRIES + 1):
            self.solved["pulse"] += len(dies)
            larger = amplitude * STEP_UP ** max(attempt - 1, 0)
            self.dies.pulse(dies, rows, cols, amplitude=larger, width=WIDTH)
            wrong = self.read(dies, rows, cols)[1] != target
            dies, rows, cols, target, amplitude = (part[wrong] for part in (dies, rows, cols, target, amplitude))
            if not len(dies):
                return

    def program(self, target: Ints, rows: Ints, cols: Ints) -> tuple[Floats, Ints]:
        """Write `target` (dies, inputs, device columns); the conductances read back, and devices that stayed wrong."""
        good = self.good[self.all[:, None, None], rows[:, :, None], cols[:, None]]
        for row, col in np.ndindex(*target.shape[1:]):
            found = self.read(self.all, rows[:, row], cols[:, col])[1]
            dies = np.flatnonzero((found != target[:, row, col]) & good[:, row, col])
            if dies.size:
                self.write(dies, rows[dies, row], cols[dies, col], target[dies, row, col])
        reading, wrong = self.read_back(target, rows, cols)
        for _sweep in range(SWEEPS):
            repairs = np.argwhere(wrong & good)
            if not len(repairs):
                break
            for die, row, col in repairs:
                self.write(np.array([die]), rows[[die], row], cols[[die], col], target[[die], row, col])
            reading, wrong = self.read_back(target, rows, cols)
        return reading, wrong.sum(axis=(1, 2))

    def read_back(self, target: Ints, rows: Ints, cols: Ints) -> tuple[Floats, Flags]:
        """Conductances of a layer's devices, and which of them are not as they should be."""
        which = np.broadcast_to(self.all[:, None, None], target.shape)
        lines = np.broadcast_to(rows[:, :, None], target.shape), np.broadcast_to(cols[:, None], target.shape)
        reading, found = self.read(which.ravel(), lines[0].ravel(), lines[1].ravel())
        return reading.reshape(target.shape), found.reshape(target.shape) != target

    def infer(self, inputs: Floats, rows: Ints, cols: Ints) -> Floats:
        """Column currents over the read voltage [S] of `inputs` (dies, samples, rows of the layer), all in one go."""
        dies, samples = inputs.shape[:2]
        volts = np.zeros((dies, samples, self.dies.shape[0]))
        np.put_along_axis(volts, np.broadcast_to(rows[:, None], inputs.shape), READ * inputs, axis=2)
        self.solved["inference"] += dies * samples
        currents = self.dies.multiply(np.repeat(self.all, samples), volts.reshape(dies * samples, -1))
        return np.take_along_axis(currents.reshape(dies, samples, -1), cols[:, None], axis=2) / READ


def job(networks: tuple[Network, ...], data: Dataset, model: DieModel) -> tuple[Copies, Floats, Ints]:
    """Do all of it; the copies, accuracies (dies, 2) on training and test samples, wrong devices a die."""
    copies = Copies(model, len(networks))
    window = np.array([each.conductance_p - each.conductance_ap for each in copies.maps])
    layers = [np.stack([network.layers[layer].states for network in networks]) for layer in range(2)]
    rows, cols = copies.place(layers[0].shape[1:])
    _, wrong = copies.program(layers[0], rows, cols)
    inputs = np.broadcast_to(data.inputs, (len(networks), *data.inputs.shape))
    first = pairs(copies.infer(inputs, rows, cols)) / window[:, None, None]
    rows, cols = copies.place(layers[1].shape[1:])
    reading, wrong_too = copies.program(layers[1], rows, cols)
    second = pairs(reading) / window[:, None, None]
    scales, hidden = np.empty(len(networks)), np.empty(first.shape)
    for die, network in enumerate(networks):

        def scores(tried: Floats, die: int = die, network: Network = network) -> Floats:
            outputs = activate(network.layers[0], first[die], scale=tried)[1]
            return activate(network.layers[1], outputs @ second[die], scale=tried)[0]

        scales[die] = tune.scale(scores, data).scale
        hidden[die] = activate(network.layers[0], first[die], scale=float(scales[die]))[1]
    found = pairs(copies.infer(hidden, rows, cols)) / (window * scales)[:, None, None]
    bias = np.stack([network.layers[1].bias for network in networks])
    right = np.argmax(found + bias[:, None], axis=2) == data.labels
    return (
        copies,
        np.stack([right[:, part].mean(axis=1) for part in (data.train, data.test)], axis=1),
        wrong + wrong_too,
    )


def processor_time(work: Callable[[], object]) -> float:
    """Processor time [s] of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    """Print the figures; exit status 0 if the job takes no longer than wanted."""
    try:
        import badcrossbar
    except ImportError as error:
        print(f"{error}\n\n{__doc__}")
        return 2
    logging.disable(logging.CRITICAL)
    networks, data, model = shipped_networks().networks, wine(), die_model(load_bench("simulated-15x15").bench)
    chance = np.random.default_rng(0)
    resistance, volts = chance.uniform(8e3, 17e3, (15, 15)), chance.uniform(0.0, 0.05, (15, 1))

    def one_solve() -> object:
        return badcrossbar.compute(volts, resistance, model.wire, node_voltages=False, all_currents=False)

    with threadpool_limits(limits=1):
        job(networks[:2], data, model)  # compiles
        solve, taken = np.inf, np.inf
        for _round in range(ROUNDS):
            solve = min(solve, *(processor_time(one_solve) for _turn in range(50)))
            start = time.process_time()
            copies, accuracy, wrong = job(networks, data, model)
            taken = min(taken, time.process_time() - start)
    devices = sum(network.devices for network in networks)
    print(
        f"{len(networks)} copies, {devices} devices, {copies.solved.total()} networks solved: "
        + ", ".join(f"{count} {name}" for name, count in copies.solved.items())
    )
    print(
        f"pulses a device {copies.solved['pulse'] / devices:.3f}, wrong in the end {wrong.sum() / devices:.2e}; "
        f"accuracy: training {accuracy[:, 0].mean():.4f}, test {accuracy[:, 1].mean():.4f}, "
        f"worst test {accuracy[:, 1].min():.3f}"
    )
    ratio = taken / solve
    print(
        f"the job {taken:.2f} s, one badcrossbar solve {solve * 1e3:.2f} ms: {ratio:.0f} solves, {WANTED} allowed "
        f"(where one takes 3 ms: {3e-3 * ratio:.2f} s of 5)"
    )
    return 0 if ratio <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
