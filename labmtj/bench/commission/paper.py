"""What can be checked with no instrument: the file's limits, its mains, and what its data sheets have not verified."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from labmtj.bench.commission.items import Figure, Item, Stage, Task
from labmtj.bench.doctor import Finding, Verdict, unkept_limits
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import InstrumentModel
from labmtj.units import Dimension, show

LIMITS = Task(
    Stage.FILE,
    "limits",
    what="The limits of the bench file are held against ranges and smallest compliances of its instruments.",
    why="An instrument that cannot keep a limit ignores it: some stay at what they were switched on with.",
    good="Every limit lies between the smallest and the largest that the instruments can set.",
    advice="change what is named in the bench file",
)
MAINS = Task(
    Stage.FILE,
    "mains",
    what="A reading's length is worked out from mains and measure.nplc; the instruments are asked for theirs later.",
    why="Pick-up of the mains averages out over whole periods only.",
    good="measure.nplc is a whole number, and mains that of your country: 50 Hz or 60 Hz.",
    advice="with less than a period, or a part of one, pick-up stays in every reading: set measure.nplc to 1 or more",
)
SHEETS = Task(
    Stage.FILE,
    "data sheet",
    what="The data sheets of the models on this bench are searched for figures that nobody has verified.",
    why="Ranges, life and accuracy that came from memory decide what is allowed, and how long relays may live.",
    good="Nothing is marked as unverified.",
    advice="look these up in your instrument's data sheet, and correct the file in instruments/models if they differ",
)
_UNVERIFIED = re.compile(r"\bunverified\b", re.IGNORECASE)
_KEY = re.compile(r"\s*(?:-\s*)?(\w+)\s*:")


def on_paper(file: BenchFile, models: Mapping[str, InstrumentModel]) -> Iterator[Item]:
    """Check the file by itself."""
    wrong = list(unkept_limits(file.bench, models))
    good = Finding("", Verdict.GOOD, "within what the instruments can do")
    yield from LIMITS.told(iter(wrong or [good]))
    yield _mains(file.bench)
    sheets: dict[Path, list[str]] = {}
    for name in models:
        sheets.setdefault(file.model_file(name), []).append(name)
    for sheet, names in sheets.items():
        found = unverified(sheet)
        subject = ", ".join(names)
        if found:
            text = f"{sheet.stem} ({models[names[0]].title}), not verified: {'; '.join(found)}"
            yield SHEETS.done(Verdict.UNKNOWN, text, subject=subject)
        else:
            yield SHEETS.done(Verdict.GOOD, f"{sheet.stem}: nothing is marked as unverified", subject=subject)


def unverified(sheet: Path) -> list[str]:
    """Figures of a data sheet that its comments call unverified: the key, and the line that it stands in."""
    found: list[str] = []
    for number, line in enumerate(sheet.read_text(encoding="utf-8").splitlines(), start=1):
        text, _, comment = line.partition("#")
        key = _KEY.match(text)
        if key is not None and _UNVERIFIED.search(comment):
            found.append(f"{key[1]} (line {number})")
    return found


def _mains(bench: Bench) -> Item:
    nplc, seconds = bench.measure.nplc, bench.measure.nplc / bench.mains
    whole = nplc >= 1 and nplc == int(nplc)
    shown = f"{show(bench.mains, Dimension.FREQUENCY)}, {nplc:g} periods a reading: {show(seconds, Dimension.TIME)}"
    return MAINS.done(Verdict.GOOD if whole else Verdict.UNKNOWN, shown, figures={"reading": Figure(seconds, "s")})
