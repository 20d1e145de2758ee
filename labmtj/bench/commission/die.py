"""With the die in: contact of every line, cells at 10 mV, offsets, and what stands beside the die."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from labmtj.bench.commission.accuracy import accuracy
from labmtj.bench.commission.items import Figure, Item, Stage, Task, amperes, ohms
from labmtj.bench.doctor import Verdict
from labmtj.bench.lines import LEVEL
from labmtj.bench.session import OpenBench, open_bench
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import InstrumentModel
from labmtj.records import Cell, Contact
from labmtj.units import Dimension, show

CONTACT = Task(
    Stage.DIE,
    "contact",
    what="Every line takes each of its roles at 10 mV, as at the beginning of every run.",
    why="A probe that does not touch leaves its line floating, which half-selects cells by chance.",
    good="Every line conducts like the others of its kind.",
    advice="lower the probes a little, or clean them; then do this stage again",
)
CELLS = Task(
    Stage.DIE,
    "cells",
    what="A few cells are read at +10 mV and -10 mV, where nothing is written.",
    why="It is the first look at devices: their resistances tell whether array, file and wiring belong together.",
    good="All of them are within a factor of five of the others, and most between 100 ohm and 1 Mohm.",
    advice="shorted or open devices are the die's; if all are, look at lines.rows and lines.cols in the file",
)
OFFSETS = Task(
    Stage.DIE,
    "offsets",
    what="One cell is read at 0 V, with the die as load.",
    why="A virtual ground that is off by some hundred microvolt drives all cells of its column.",
    good="No more than the data sheets allow for the conductance of the column.",
    advice="let the instruments warm up; both signs of a read cancel it, sums of one sign do not",
)
BESIDE = Task(
    Stage.DIE,
    "surroundings",
    what="The thermometer and the field are read; nothing is set.",
    why="Resistance and barrier of a junction change with both.",
    good="A temperature between 1 K and 500 K; a field below a hundredth of the limit while the magnet rests.",
    advice="look at the sensor's input in the file, and at the supply's output",
)
_FEW = 5  # chosen: on the diagonal, so that no two share a line
_APART = 5.0  # chosen: P and AP lie a factor of 2 to 4 apart, and shorts a factor of ten or more from both
_LEAST, _MOST = 100.0, 1e6  # [ohm] chosen: junctions of the sizes that benches here are for have 1 to 100 kohm


def on_die(file: BenchFile, models: Mapping[str, InstrumentModel]) -> Iterator[Item]:
    """Look at a die at 10 mV. Raises Busy, and what opening the bench raises."""
    with open_bench(file) as bench:
        found = bench.contact(level=LEVEL)
        yield from _contact(found)
        if not found.passed:
            return
        yield _cells(bench, file.bench)
        yield _offsets(bench, file.bench, models, found)
        yield from _beside(bench)


def _contact(found: Contact) -> Iterator[Item]:
    for fault in found.faults:
        yield CONTACT.judged(False, fault.text, subject=str(fault.line))
    if not found.faults:
        count = len(found.rows) + len(found.cols)
        kinds = {"row": found.rows, "column": found.cols}
        figures = {f"least_{kind}": Figure(min(values), "S") for kind, values in kinds.items()}
        figures |= {f"most_{kind}": Figure(max(values), "S") for kind, values in kinds.items()}
        shown = ", ".join(
            f"{kind}s {ohms(1 / max(values))} to {ohms(1 / min(values))}" for kind, values in kinds.items()
        )
        yield CONTACT.judged(True, f"all {count} lines conduct at 10 mV: {shown} to the other axis", figures=figures)


def _cells(bench: OpenBench, said: Bench) -> Item:
    rows, cols = said.array.rows, said.array.cols
    count = min(rows, cols, _FEW)
    places = sorted({1 + round(n * (min(rows, cols) - 1) / max(count - 1, 1)) for n in range(count)})
    cells = [Cell(2 * n - 1 if said.neurons is not None else n, n) for n in places]
    readings = bench.array.read(cells, voltage=LEVEL)
    found = {
        reading.cell: LEVEL / reading.current if reading.current and not reading.in_compliance else math.inf
        for reading in readings
    }
    good = [cell for cell, value in found.items() if _LEAST <= value <= _MOST]
    text = ", ".join(f"({cell.row}, {cell.col}) {_shown(value)}" for cell, value in found.items())
    figures = {f"cell_{cell.row}_{cell.col}": Figure(value, "ohm") for cell, value in found.items()}
    if 2 * len(good) <= len(cells):
        return CELLS.judged(False, text, figures=figures)
    middle = sorted(found[cell] for cell in good)[len(good) // 2]
    odd = [cell for cell, value in found.items() if not middle / _APART <= value <= _APART * middle]
    if not odd:
        return CELLS.judged(True, text, figures=figures)
    named = ", ".join(
        f"({cell.row}, {cell.col}) {'conducts like a short' if found[cell] < middle else 'hardly conducts'}"
        for cell in odd
    )
    return CELLS.done(
        Verdict.UNKNOWN, f"{text}; {named}: defective, or wired otherwise; the map will tell", figures=figures
    )


def _shown(value: float) -> str:
    return ohms(value) if math.isfinite(value) else "no reading"


def _offsets(bench: OpenBench, said: Bench, models: Mapping[str, InstrumentModel], found: Contact) -> Item:
    sample = bench.array.sense([1], [1], voltage=0.0)
    load = found.cols[0] if math.isfinite(found.cols[0]) else max(found.cols)
    most = accuracy(said, models).offset(load)
    text = f"{amperes(sample.current)} at 0 V into column 1, with {ohms(1 / load)} to all rows; "
    text += f"the data sheets allow {amperes(most)}"
    figures = {"offset": Figure(sample.current, "A"), "allowed": Figure(most, "A")}
    return OFFSETS.judged(abs(sample.current) <= most and not sample.in_compliance, text, figures=figures)


def _beside(bench: OpenBench) -> Iterator[Item]:
    if bench.thermometer is not None:
        kelvin = bench.thermometer.temperature()
        good = 1.0 < kelvin < 500.0
        text = show(kelvin, Dimension.TEMPERATURE, 5)
        yield BESIDE.done(
            Verdict.GOOD if good else Verdict.BAD,
            text,
            subject="temperature",
            figures={"temperature": Figure(kelvin, "K")},
        )
    if bench.field is not None:
        tesla = bench.field.read()
        good = abs(tesla) < 0.01 * max(bench.field.limits)
        yield BESIDE.judged(
            good, show(tesla, Dimension.FLUX_DENSITY, 3), subject="field", figures={"field": Figure(tesla, "T")}
        )
