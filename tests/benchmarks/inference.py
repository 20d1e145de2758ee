"""What inference on the arrays costs and how exact it is, for every kind of die of the default study.

    python tests/benchmarks/inference.py

Layer 1 of 20 shipped networks, all 178 wines, a die with 1 % shorts and 1 % opens, contacts of 2 ohm. Errors are the
largest of any column and wine over the largest column current, against exact solutions (crossbar_batch) of 40 wines;
times are processor milliseconds a copy, the least of five: exact solutions (all 178), answers to lines, sums without
noise and with it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from labmtj.config.bench import load_bench
from labmtj.config.dies import die_defaults
from labmtj.dies import die_model
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.stack import NetworkStack
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.superposition import Superposition
from labmtj.physics.variation import DieTruth, draw_die
from labmtj.records import Floats
from labmtj.studies.inference import bench_noise, hidden
from labmtj.studies.records import Places

COUNT, CHECKED, CONTACT = 20, 40, 2.0


def least(action: Callable[[], object]) -> float:
    """Processor milliseconds a copy."""
    spent: list[float] = []
    for _turn in range(5):
        begin = time.process_time()
        action()
        spent.append(time.process_time() - begin)
    return min(spent) / COUNT * 1e3


def exact(truth: DieTruth, state: np.ndarray, volts: Floats) -> Floats:
    """Column currents of the first 13 rows driven, (networks, samples, cols)."""
    arrays = Arrays(
        state, r_p=np.broadcast_to(truth.r_p, state.shape), tmr0=np.broadcast_to(truth.tmr, state.shape),
        r_wire=truth.model.wire, v_h=truth.model.v_h, k_p=truth.model.k_p,
    )  # fmt: skip
    count, samples, inputs = volts.shape
    rows = np.zeros((count * samples, 15))
    rows[:, :inputs] = volts.reshape(-1, inputs)
    ends = np.full((1, 15), CONTACT)
    which = np.repeat(np.arange(count, dtype=np.int64), samples)
    return arrays.drive(rows, np.zeros_like(rows), of=which, r_row=ends, r_col=ends).i_col.reshape(count, samples, 15)


def main() -> None:
    """Print one line a kind."""
    base, noise = die_model(load_bench("simulated-15x15").bench), bench_noise(load_bench("simulated-15x15"))
    stack, inputs = NetworkStack.of(shipped_networks().networks[:COUNT]), wine().inputs
    places = Places(np.tile(np.arange(13), (COUNT, 1)), np.tile(np.arange(12), (COUNT, 1)))
    sense = np.zeros((COUNT, 15, 12))
    sense[:, np.arange(12), np.arange(12)] = 1.0
    print("diameter  wire   error 20 mV  50 mV    100 mV     exact   answers  sums   with noise")
    for diameter in (15e-9, 20e-9, 30e-9, 40e-9, 50e-9, 75e-9, 100e-9):
        for wire in (1.0, 5.0, 20.0):
            sized = dict(die_defaults().at(diameter))
            model = dataclasses.replace(base, diameter=diameter, wire=wire, seed=3, short=0.01, open=0.01, **sized)
            truth = draw_die(model)
            state, ends, errors = hidden(truth, stack.states(0), places), np.full(15, CONTACT), list[float]()
            for read in (0.02, 0.05, 0.1):
                drives = np.broadcast_to(read * inputs, (COUNT, *inputs.shape))
                arrays = Superposition(truth, state, read=read, r_row=ends, r_col=ends)
                answers = arrays.responses(places.rows, sense)
                wanted = exact(truth, state, drives[:, :CHECKED])[:, :, :12]
                found = arrays.currents(answers, drives[:, :CHECKED])
                errors.append(float(np.abs(found - wanted).max() / np.abs(wanted).max()))
            costs = (
                least(lambda: exact(truth, state, drives)),  # noqa: B023
                least(lambda: arrays.responses(places.rows, sense)),  # noqa: B023
                least(lambda: arrays.currents(answers, drives)),  # noqa: B023
                least(lambda: arrays.currents(answers, drives, noise=noise)),  # noqa: B023
            )
            told = "  ".join(f"{value:.1e}" for value in errors), "   ".join(f"{value:6.2f}" for value in costs)
            print(f"{diameter * 1e9:5.0f} nm  {wire:4.0f}   {told[0]}  {told[1]}")


if __name__ == "__main__":
    main()
