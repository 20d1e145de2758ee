"""Every write algorithm and scheme on many dies: residual errors, pulses, repairs, damage, readings.

    python tests/benchmarks/write_table.py                       20 dies of each kind, some minutes
    python tests/benchmarks/write_table.py --dies 100 --schemes v_half --algorithms model,ispp    long
    python tests/benchmarks/write_table.py --diameters 100 --wires 20 --algorithms model,ispp

Each die is found as a bench finds it: what switches a cell of its middle is looked for, it is mapped, its cells are
ramped (two ramps a direction), and then all of its cells are written with random states, once with each algorithm
and scheme, on top of what stood there. The algorithms are those of labmtj.routines.writing, which run on all dies in
lockstep (physics.lockstep): every pulse and reading is a solution of the whole network, and all cells draw at a pulse.
The wire resistance that the map knows is 0.9 of the true one. Single nanosecond pulses are asked of one_shot with
10 ns. Columns of the table:

wrong       non-defective cells that are wrong in truth at the end, and the upper 95 % bound of their share (Wilson;
            3/n where there are none)
pulses      a cell that had to change
repaired    cells that were written again after another cell's pulse, of all
damage      mean of the sum of t / t63(V) over the cells of the dies, all half-selected pulses included
reads, adds readings of single cells and sums, a die

Below it, for dies of 20 nm and less, the decay of what was written: the share of good cells that leave their state by
themselves within a time at rest, from the rate of each (physics.retention), half of them in either state.

A line "--" could not be run: the limits of the bench (700 mV a cell, 1.5 V a terminal) refuse it, with the reason.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import BenchError, LimitExceeded
from labmtj.nets.placement import identity
from labmtj.physics.breakdown import damage
from labmtj.physics.lockstep import Dies
from labmtj.physics.stress import Limits
from labmtj.physics.switching import switching_rate
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import Cell, Copy, DieMap, Ints, Polarity, Pulse, PulseOutcome, Reading, Scheme, State, Sum
from labmtj.routines.characterise import Probing, map_talk, write_amplitudes
from labmtj.routines.ramps import RampSettings, ramp_talk
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Algorithm, Order, WriteSettings
from labmtj.routines.writing.talk import Add, Done, Ground, Look, Talk
from labmtj.routines.writing.writer import Writer

LIMITS = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3)
WIDTH, KNOWN_WIRE, RAMPS = 100e-6, 0.9, 2


class Lockstep:
    """Answers one algorithm a die, all dies together; `counts` are of all dies."""

    def __init__(self, truths: Sequence[DieTruth], *, read: float) -> None:
        self.dies, self.truths, self.read = Dies(truths), truths, read
        self.model = truths[0].model
        self.models: list[Any] = [None] * len(truths)
        self.pictures: dict[int, Picture] = {}
        self.counts: Counter[str] = Counter()
        self.damage = np.zeros((len(truths), *self.dies.shape))

    def allowed(self, die: int, pulse: Pulse) -> bool:
        """Whether the limits leave room for a pulse on this die."""
        try:
            LIMITS.check_pulse(pulse, model=self.models[die], shape=self.dies.shape)
        except LimitExceeded:
            return False
        return True

    def trust(self, die: int, model: Any) -> None:
        """What the limits of this die are held against."""
        self.models[die] = model

    def converse(self, talks: dict[int, Talk[Any]]) -> dict[int, Any]:
        """Answer all talks until each has its result; a die whose talk is refused has the error instead."""
        results: dict[int, Any] = {}
        waiting: dict[int, Any] = {}
        answers: dict[int, Any] = dict.fromkeys(talks)
        while talks:
            for die in list(answers):
                try:
                    answer = answers.pop(die)
                    refused = isinstance(answer, LimitExceeded)
                    request = talks[die].throw(answer) if refused else talks[die].send(answer)
                    while isinstance(request, Done | Ground):
                        request = talks[die].send(None)
                    waiting[die] = request
                except StopIteration as end:
                    results[die] = end.value
                    del talks[die]
                except (LimitExceeded, BenchError) as error:
                    results[die] = error
                    del talks[die]
            answers = self._answer(waiting)
            waiting = {die: request for die, request in waiting.items() if die not in answers}
        return results

    def _answer(self, waiting: dict[int, Any]) -> dict[int, Any]:
        out: dict[int, Any] = {}
        pulses = {die: r for die, r in waiting.items() if isinstance(r, Pulse)}
        looks = {die: r for die, r in waiting.items() if isinstance(r, Look)}
        for kind in {(p.width, p.scheme) for p in pulses.values()}:
            out |= self._pulse({die: p for die, p in pulses.items() if (p.width, p.scheme) == kind}, *kind)
        if looks:
            out |= self._look(looks)
        for die, request in waiting.items():
            if isinstance(request, Add):
                volts = np.zeros((1, self.dies.shape[0]))
                volts[0, np.array(request.rows) - 1] = self.read
                current = float(self.dies.multiply(np.array([die]), volts)[0, np.array(request.cols) - 1].sum())
                out[die] = Sum(request.rows, request.cols, self.read, current, 0.0)
                self.counts["sums"] += 1
        return out

    def _pulse(self, pulses: dict[int, Pulse], width: float, scheme: Scheme) -> dict[int, Any]:
        refused: dict[int, Any] = {}
        for die, pulse in list(pulses.items()):
            try:
                LIMITS.check_pulse(pulse, model=self.models[die], shape=self.dies.shape)
            except LimitExceeded as error:
                refused[die] = error
                del pulses[die]
        if not pulses:
            return refused
        dies = np.array(list(pulses))
        cells = np.array([pulse.cell for pulse in pulses.values()]) - 1
        amplitude = np.array([pulse.amplitude for pulse in pulses.values()])
        cell_v = self.dies.pulse(dies, cells[:, 0], cells[:, 1], amplitude=amplitude, width=width, scheme=scheme)
        self.damage[dies] += damage(cell_v.reshape(len(dies), *self.dies.shape), width, self.model.breakdown)
        self.counts["pulses"] += len(dies)
        return refused | {die: PulseOutcome(pulse, 0.0, False) for die, pulse in pulses.items()}

    def _look(self, looks: dict[int, Look]) -> dict[int, Any]:
        which = [(die, cell) for die, look in looks.items() for cell in look.cells]
        dies = np.array([die for die, _ in which])
        cells = np.array([cell for _, cell in which]) - 1
        found = self.dies.read(dies, cells[:, 0], cells[:, 1], voltage=self.read)
        self.counts["reads"] += len(which)
        out: dict[int, list[Reading]] = {die: [] for die in looks}
        for (die, cell), siemens in zip(which, found.tolist(), strict=True):
            out[die].append(Reading(cell, self.read, siemens * self.read, 0.0))
        return out


@dataclass(frozen=True)
class Kind:
    """Dies of one kind: diameter [nm], wire [ohm a segment]."""

    diameter: int
    wire: float


@dataclass(frozen=True)
class Way:
    """One way to write: a line of the table."""

    algorithm: Algorithm
    scheme: Scheme
    compensate: bool = True
    width: float = WIDTH

    @property
    def name(self) -> str:
        """As it stands in the table."""
        said = f"{self.algorithm.value} {self.scheme.value}"
        said += "" if self.compensate else ", one voltage for all"
        return said + ("" if self.width == WIDTH else f", {1e9 * self.width:g} ns")


def ways(algorithms: Sequence[str], schemes: Sequence[str]) -> list[Way]:
    """All ways that are asked for; one voltage for all, and nanoseconds, where they say something."""
    found = [Way(Algorithm(a), Scheme(s)) for a in algorithms for s in schemes]
    if "v_half" in schemes and not {"model", "ispp"} >= set(algorithms):
        found += [Way(Algorithm(a), Scheme.V_HALF, compensate=False) for a in algorithms if a != "model"]
        found += [Way(Algorithm.ONE_SHOT, Scheme.V_HALF, width=10e-9)] if "one_shot" in algorithms else []
    return found


def switches(bench: Lockstep, die: int) -> Talk[Polarity | None]:
    """What switches a cell in the middle, by pulses that rise from 150 mV; the next cell if one is defective."""
    sign = bench.model.sign
    for cell in (Cell(8, 8), Cell(8, 7), Cell(7, 8), Cell(9, 9)):
        found: dict[State, float] = {}
        (before,) = yield Look((cell,))
        for target in (State.P, State.AP, State.P):
            for volts in 0.15 * 1.05 ** np.arange(32):
                pulse = Pulse(cell, (sign if target is State.P else -sign) * float(volts), WIDTH)
                if not bench.allowed(die, pulse):
                    break
                yield pulse
                (after,) = yield Look((cell,))
                ratio = after.conductance / before.conductance
                if ratio > 1.3 if target is State.P else ratio < 1 / 1.3:
                    found[target] = float(volts)
                    before = after
                    break
        if len(found) == 2:
            return Polarity(State.P if sign > 0 else State.AP, cell, found[State.P], found[State.AP])
    return None


def mapped(bench: Lockstep, kind: Kind) -> dict[int, DieMap]:
    """Maps of all dies, with the switching voltages of their cells; dies that cannot be mapped are left out."""
    found = bench.converse({die: switches(bench, die) for die in range(len(bench.truths))})
    talks: dict[int, Talk[Any]] = {}
    for die, polarity in found.items():
        if polarity is None:
            continue
        how = Probing(
            polarity, bench.read, WIDTH, lambda p, d=die: bench.allowed(d, p), KNOWN_WIRE * kind.wire,
            lambda m, d=die: bench.trust(d, m),
        )  # fmt: skip
        talks[die] = map_talk(bench.dies.shape, how)
    maps = {die: found for die, found in bench.converse(talks).items() if isinstance(found, DieMap)}
    for die, found in maps.items():
        bench.pictures[die] = Picture(found)
        bench.trust(die, bench.pictures[die].lower_bound)
    how = RampSettings(RAMPS, WIDTH)
    ramps = bench.converse({die: ramp_talk(found, how, picture=bench.pictures[die]) for die, found in maps.items()})
    return {die: found for die, found in ramps.items() if isinstance(found, DieMap)}


def write(bench: Lockstep, maps: dict[int, DieMap], way: Way, seed: int) -> dict[str, Any]:
    """Write random states on all dies one way; a line of the table. The maps learn the new states."""
    shape = bench.dies.shape
    random = np.random.default_rng(seed)
    targets: dict[int, Ints] = {die: random.integers(0, 2, shape) for die in maps}
    talks: dict[int, Talk[Copy]] = {}
    for die, found in maps.items():
        picture = bench.pictures[die].of(found)
        terminal = write_amplitudes(found.switching)
        nominal = picture.at_cells(terminal) if way.compensate else terminal
        if way.width < WIDTH:  # nanoseconds want more than V_c0: as much as the limits leave
            nominal = dataclasses.replace(nominal, ap_to_p=0.6, p_to_ap=0.65)
        settings = WriteSettings(
            nominal, way.width, way.scheme, 10, 4, bench.read, algorithm=way.algorithm, order=Order.CELLS,
            compensate=way.compensate,
        )  # fmt: skip
        writer = Writer(
            found, targets[die], placement=identity(shape), settings=settings,
            allowed=lambda p, d=die: bench.allowed(d, p), picture=picture,
        )  # fmt: skip
        talks[die] = writer.talk()
    bench.counts.clear()
    bench.damage[...] = 0.0
    results = bench.converse(talks)
    copies = {die: copy for die, copy in results.items() if isinstance(copy, Copy)}
    refused = next((str(error) for error in results.values() if isinstance(error, LimitExceeded)), "")
    wrong = cells = pulses = changed = repaired = 0
    for die, found in maps.items():
        state = np.where(found.good, bench.dies.state[die], -1)
        maps[die] = dataclasses.replace(found, state=np.where(state == 2, -1, state).astype(np.int64))
        if die not in copies:
            continue
        good, copy = found.good, copies[die]
        wrong += int(np.count_nonzero((bench.dies.state[die] != targets[die]) & good))
        cells += int(good.sum())
        pulses += int(copy.pulses.sum())
        changed += int(np.count_nonzero((copy.initial != copy.target) & good))
        repaired += copy.repaired
    return {
        "way": way.name, "dies": len(copies), "refused": refused, "cells": cells,
        "wrong": wrong, "bound": bound(wrong, cells),
        "pulses": pulses / max(changed, 1), "repaired": repaired / max(cells, 1),
        "damage": float(bench.damage[list(copies)].mean()) if copies else np.nan,
        "reads": bench.counts["reads"] / max(len(maps), 1), "sums": bench.counts["sums"] / max(len(maps), 1),
    }  # fmt: skip


def decay(truths: Sequence[DieTruth]) -> str:
    """Share of good cells that have left a written state after some times at rest."""
    model = truths[0].model
    times = {"1 min": 60.0, "10 min": 600.0, "1 h": 3600.0, "1 day": 86400.0, "30 days": 30 * 86400.0}
    good = np.concatenate([truth.defect[truth.defect == 0] for truth in truths]) == 0
    delta = np.clip(np.concatenate([truth.delta[truth.defect == 0] for truth in truths]), 10.0, 122.0)
    field = np.concatenate([truth.stray_field[truth.defect == 0] for truth in truths])
    # A positive field favours P: it helps cells out of AP and holds those in P.
    rates = np.stack([switching_rate(sign * field, delta=delta, tau_d=model.tau_d) for sign in (1.0, -1.0)])
    shares = {name: float((1.0 - np.exp(-rates * seconds)).mean()) for name, seconds in times.items()}
    return f"lost at rest, of {good.size} cells: " + ", ".join(f"{name} {share:.1e}" for name, share in shares.items())


def bound(wrong: int, cells: int) -> float:
    """Upper end of the 95 % interval of a share (Wilson, one-sided 97.5 %); 3/n where there is none."""
    if not cells:
        return np.nan
    if not wrong:
        return 3.0 / cells
    z, p = 1.96, wrong / cells
    middle, half = p + z**2 / (2 * cells), z * np.sqrt(p * (1 - p) / cells + z**2 / (4 * cells**2))
    return float((middle + half) / (1 + z**2 / cells))


def block(kind: Kind, dies: int, every: Sequence[Way]) -> tuple[Kind, int, list[dict[str, Any]], float, str]:
    """All lines of one kind of die."""
    began = time.process_time()
    settings = [f'simulation.die.diameter="{kind.diameter} nm"', f'simulation.die.wire="{kind.wire:g} ohm"']
    model: DieModel = die_model(load_bench(overrides=settings).bench)
    truths = [draw_die(dataclasses.replace(model, seed=1000 + seed)) for seed in range(dies)]
    bench = Lockstep(truths, read=0.05 if kind.diameter >= 30 else 0.02)
    maps = mapped(bench, kind)
    lines = [write(bench, maps, way, seed) for seed, way in enumerate(every)]
    false = sum(int(np.count_nonzero(maps[die].defect != truths[die].defect)) for die in maps)
    lost = decay(truths) if kind.diameter <= 20 else ""
    return kind, false, lines, time.process_time() - began, lost


def main() -> None:
    """Print the table; with --json, lines of JSON."""
    parser = argparse.ArgumentParser(description="Every write algorithm and scheme on many simulated dies.")
    parser.add_argument("--dies", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--diameters", default="15,20,30,40,50,75,100")
    parser.add_argument("--wires", default="5,20")
    parser.add_argument("--algorithms", default=",".join(algorithm.value for algorithm in Algorithm))
    parser.add_argument("--schemes", default=",".join(scheme.value for scheme in Scheme))
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    threadpool_limits(limits=1)
    kinds = [Kind(int(d), float(w)) for d in said.diameters.split(",") for w in said.wires.split(",")]
    every = ways(said.algorithms.split(","), said.schemes.split(","))
    with ProcessPoolExecutor(said.jobs) as pool:
        for kind, false, lines, seconds, lost in pool.map(block, kinds, [said.dies] * len(kinds), [every] * len(kinds)):
            if said.json:
                print(json.dumps({"diameter": kind.diameter, "wire": kind.wire, "lines": lines}), flush=True)
                continue
            print(f"\n{kind.diameter} nm, {kind.wire:g} ohm   ({false} marks of the maps differ, {seconds:.0f} s)")
            print(
                f"{'':44}{'wrong':>14}{'bound':>10}{'pulses':>8}{'repaired':>10}{'damage':>10}{'reads':>7}{'sums':>6}"
            )
            for line in lines:
                if not line["dies"]:
                    print(f"{line['way']:44} --  {line['refused']}", flush=True)
                    continue
                count = f"{line['wrong']}/{line['cells']}"
                print(
                    f"{line['way']:44}{count:>14}{line['bound']:>10.1e}{line['pulses']:>8.2f}{line['repaired']:>10.1e}"
                    f"{line['damage']:>10.1e}{line['reads']:>7.0f}{line['sums']:>6.0f}",
                    flush=True,
                )
            if lost:
                print(lost, flush=True)


if __name__ == "__main__":
    sys.exit(main())
