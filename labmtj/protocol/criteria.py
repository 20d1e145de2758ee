"""What a protocol says that a run must not go on with: its abort criteria, and whether this bench can measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from labmtj.config.bench import BenchFile
from labmtj.config.quantities import Current, Fraction, Model, Sign, Voltage, ratio
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.protocol.kinds.cells import CellList
from labmtj.protocol.kinds.step import Step
from labmtj.units import Dimension, show

WRITING = ("program", "program_network")
COUNTED = ("failed_cells", "failed_share")
MEASURED = ("r_p_drift", "leakage", "shorts")
CRITERIA = (*COUNTED, *MEASURED)
_MAPS = ("map", "open_map")
_HERE: KeyPath = ("abort",)


_WRITTEN: dict[str, Callable[[float], str]] = {
    "failed_cells": "{:g}".format,
    "failed_share": lambda value: f"{100 * value:g} %",
    "r_p_drift": lambda value: f"{100 * value:g} %",
    "leakage": lambda value: show(value, Dimension.CURRENT),
    "shorts": "{:g}".format,
}


class Abort(Model):
    """What ends a run early: safely, with what it has, and with exit code 9.

    Failed cells are those that a program step gives up: good by the map, still wrong when the retries are over. They
    are counted as cells are written. Drift, leakage and shorts are measured by small checks after each step, from the
    map on, and while cells are written.
    """

    failed_cells: Annotated[int, Field(ge=0)] | None = None
    """More cells than so many could not be written"""
    failed_share: Fraction | None = None
    """A larger share of the cells that were to be written could not be; judged once the share is a whole cell"""
    r_p_drift: Annotated[float, *ratio(1.0, Sign.POSITIVE)] | None = None
    """The median R_P of some cells that are in P is farther than this from the map's"""
    leakage: Current | None = None
    """More current than this flows into the columns with the drive on and no row selected"""
    shorts: Annotated[int, Field(ge=0)] | None = None
    """More cells than so many have become shorts since the map"""
    every: Annotated[int, Field(ge=1)] = 100  # chosen: a check of a second in some ten seconds of writing
    """Cells written between two checks in one step"""
    read: Voltage | None = None
    """Voltage of the checks; the map's if it is not said"""
    cells: CellList | None = None
    """Cells that are read for drift, as [row, column] from 1; seven that are in P if they are not said"""

    @property
    def stated(self) -> dict[str, float]:
        """The criteria that are stated, each with its limit [SI]."""
        return {name: float(value) for name in CRITERIA if (value := getattr(self, name)) is not None}

    @property
    def words(self) -> str:
        """The criteria as a person writes them, in one line."""
        return ", ".join(f"{name} {_WRITTEN[name](value)}" for name, value in self.stated.items())

    @property
    def measured(self) -> tuple[str, ...]:
        """Those that need checks."""
        return tuple(name for name in MEASURED if getattr(self, name) is not None)


def problems(
    abort: Abort, steps: Sequence[tuple[KeyPath, Step]], source: Source, bench: BenchFile
) -> Iterator[Problem]:
    """Yield criteria that nothing would measure in this protocol, or on this bench."""
    kinds = {step.kind for _, step in steps}
    if not abort.stated:
        hint = "write, for example, abort: {failed_cells: 5}"
        yield source.problem(_HERE, "no criterion is stated", hint=hint, key=True)
    for name in COUNTED:
        if getattr(abort, name) is not None and not kinds & set(WRITING):
            hint = f"steps that count what cannot be written: {', '.join(WRITING)}"
            yield source.problem((*_HERE, name), "no step of this protocol counts failed cells", hint=hint, key=True)
    for name in abort.measured:
        why, hint = _unmeasured(name, kinds, abort, bench)
        if why:
            yield source.problem((*_HERE, name), why, hint=hint, key=True)
    rows, cols = bench.bench.array.shape
    for place, (row, col) in enumerate(abort.cells or ()):
        if row > rows or col > cols:
            text = f"cell ({row}, {col}) is not on the array, which has {rows} x {cols} cells"
            yield source.problem((*_HERE, "cells", place), text)


def _unmeasured(name: str, kinds: set[str], abort: Abort, bench: BenchFile) -> tuple[str, str]:
    """Why a criterion is not measured here, and what would help; empty if it is."""
    if bench.bench.neurons is not None:
        return f"{name} is for arrays of cells; this bench has neurons ({bench.source.place(('neurons',))})", ""
    mapped = bool(kinds & set(_MAPS))
    if name == "leakage" and bench.bench.analog:
        place = bench.source.place(("lines",))
        return f"rows of this bench are wired to their sources ({place}): there is no drive without a row", ""
    if name == "leakage" and not mapped and abort.read is None:
        return "nothing says at what voltage leakage is measured", "write, for example, read: 50 mV in abort"
    if name != "leakage" and not mapped:
        return f"{name} is measured against a map, and this protocol has none", "put a map or open_map step into it"
    return "", ""
