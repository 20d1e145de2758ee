"""Seconds of bench time to map a die, and to write and verify a Wine network on it: one cell at a time, and as planned.

    python tests/benchmarks/bench_time.py [--dies 5]

The clock is the twin's: relays, settling, integration (1 PLC at 50 Hz, both signs), pulses and messages, as the data
sheets of the default bench have them; it does not depend on the computer. `naive` is one cell after the other with
all lines grounded before every pulse and every reading; `cells` goes cell by cell on the shortest way and verifies
each; `batches` is what protocols do by default. Relay operations are closings (each is followed by an
opening), as relay life is counted. The floor of what was done: a settling and a wait for each route that is
taken, an integration with its settling for each sign of each reading, the pulses' widths and a message each.
The last table shortens the integration: gains that any order has.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.config.bench import load_bench
from labmtj.nets.files import shipped
from labmtj.nets.placement import avoid_defects
from labmtj.records import Cell, DieMap, Pulse, Scheme
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Order
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

READ, WIDTH = 0.05, 100e-6


class Counted(TwinArray):
    """The array door, counting routes and closings of relays."""

    routes = closings = 0

    def _move(self, target: Any) -> None:
        self.routes += target != self._closed
        # A line that is caught by ground on its way closes one relay more.
        before = self.electrics.state.cycles.sum()
        super()._move(target)
        self.closings += int(self.electrics.state.cycles.sum() - before) // 2


class Grounded(Counted):
    """The same, with all lines grounded before every reading and every pulse: the naive map."""

    def read(self, cells: Any, *, voltage: float) -> Any:
        """Ground, then read; cell by cell."""
        found: list[Any] = []
        for cell in cells:
            self.rest()
            found += super().read([cell], voltage=voltage)
        return found

    def pulse(self, pulse: Pulse) -> Any:
        """Ground, then pulse."""
        self.rest()
        return super().pulse(pulse)


@dataclass
class Spent:
    """What something took: seconds, the floor, closings, cells that changed, cells in all, wrong ones."""

    seconds: float = 0.0
    floor: float = 0.0
    closings: int = 0
    changed: int = 0
    cells: int = 0
    wrong: int = 0


class Meter:
    """Takes the difference of an array's counts over a `with` block."""

    def __init__(self, array: Counted, spent: Spent) -> None:
        self.array, self.spent = array, spent

    def __enter__(self) -> Meter:
        self.array._journal.entries.clear()
        self.begun = self.array.clock.now(), self.array.routes, self.array.closings
        return self

    def __exit__(self, *_: object) -> None:
        array, entries = self.array, self.array._journal.entries
        seconds, routes, closings = (
            now - then for now, then in zip((array.clock.now(), array.routes, array.closings), self.begun, strict=True)
        )
        integrations = 2 * sum(entry["k"] in ("read", "sum") for entry in entries)
        pulses = [entry["width"] for entry in entries if entry["k"] == "intent"]
        timing, wait = array._timing, array._wait
        each = array._aperture + timing.source_settling + wait.after_source + timing.reading_overhead + timing.command
        relays = array._matrix.relay.settling + wait.after_relay + array._matrix.timing.command
        self.spent.seconds += seconds
        self.spent.floor += integrations * each + sum(pulses) + len(pulses) * timing.command + routes * relays
        self.spent.closings += int(closings)


def die_of(seed: int, kind: type[Counted], *settings: str) -> tuple[Counted, DieMap, Spent]:
    """A die that has been mapped, and what the map took."""
    folder = Path(tempfile.mkdtemp())
    file = load_bench(overrides=[f"simulation.state={folder / 'twin.state'}", *settings], seed=seed)
    (folder / "twin.state").touch()
    array = kind(file, MemoryJournal())
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=READ
    )
    spent = Spent()
    with Meter(array, spent):
        die = map_die(array, polarity=polarity, read=READ, width=WIDTH, wire=5.0)
    return array, die, spent


def write(array: Counted, die: DieMap, order: Order) -> Spent:
    """Write both layers of a network and verify them."""
    spent, picture = Spent(), Picture(die)
    nominal = picture.at_cells(write_amplitudes(die.switching))
    settings = WriteSettings(nominal, WIDTH, Scheme.V_HALF, 10, 4, READ, order=order)
    for layer in shipped("wine/17").layers:
        placement = avoid_defects(die, layer.shape)
        with Meter(array, spent):
            copy = program_layer(
                array, die_map=die, target=layer.states, placement=placement, settings=settings, picture=picture
            )
        truth = array.electrics.state.state[np.ix_(np.array(placement.rows) - 1, np.array(placement.cols) - 1)]
        good = copy.defect == 0
        spent.wrong += int(np.count_nonzero((truth != copy.target) & good))
        spent.changed += int(np.count_nonzero((copy.initial != copy.target) & good))
        spent.cells += copy.target.size
        state = np.full(die.shape, -1)
        for cell, now in zip(placement.cells, copy.state.ravel().tolist(), strict=True):
            state[Cell(*cell).position] = now
        known = np.where(state >= 0, state, die.state if die.state is not None else -1)
        die = dataclasses.replace(die, state=known)
    return spent


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Bench time of mapping and writing, naive and as planned.")
    parser.add_argument("--dies", type=int, default=3)
    dies = parser.parse_args().dies
    print("map of 225 cells        seconds   floor  closings a cell")
    for name, kind in (("naive", Grounded), ("as planned", Counted)):
        found = [die_of(seed, kind)[2] for seed in range(dies)]
        seconds, floor, closings = (
            np.mean([getattr(one, key) for one in found]) for key in ("seconds", "floor", "closings")
        )
        print(f"  {name:20}{seconds:9.2f}{floor:8.2f}{closings / 225:12.2f}")
    for title, settings in (("1 PLC", ()), ("0.1 PLC", ("measure.nplc=0.1",))):
        print(f"\nwrite and verify wine/17 (192 devices), {title}")
        print(f"{'':12}{'seconds':>9}{'floor':>8}{'ratio':>7}{'closings/device':>17}{'/changed cell':>15}{'wrong':>7}")
        base = 0.0
        for order in Order:
            found = []
            for seed in range(dies):
                array, die, _ = die_of(seed, Counted, *settings)
                found.append(write(array, die, order))
            spent = Spent(*(sum(getattr(one, field.name) for one in found) for field in dataclasses.fields(Spent)))
            mean = spent.seconds / dies
            base = base or mean
            print(
                f"  {order.value:10}{mean:9.2f}{spent.floor / dies:8.2f}{spent.seconds / spent.floor:7.2f}"
                f"{spent.closings / spent.cells:17.2f}{spent.closings / spent.changed:15.2f}{spent.wrong:7}"
                f"   {base / mean:.1f} x as fast as naive"
            )


if __name__ == "__main__":
    main()
