"""What must hold between the fields of a bench file: wiring, roles, models, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labmtj import units
from labmtj.config import bench_fit, finder
from labmtj.config.adapters import driver_file, is_foreign, is_well_formed
from labmtj.config.check import nearest
from labmtj.config.source import KeyPath, Source
from labmtj.config.wiring import Plug, line_range, plug
from labmtj.errors import MissingFile, Problem
from labmtj.units import Dimension

if TYPE_CHECKING:
    from labmtj.config.bench import Bench, InstrumentEntry

# VISA resource names (VPP-4.3, section 4.3.1): an interface, then its parts between pairs of colons.
_ADDRESS = re.compile(r"(?:TCPIP\d*|USB\d*|GPIB\d*|GPIB-VXI\d*|VXI\d*|PXI\d*|ASRL[^:]+)::\S+", re.IGNORECASE)
# chosen: the mains of every country lie between; nplc needs the period, not the country.
_MAINS = (45.0, 65.0)


def problems(bench: Bench, source: Source) -> Iterator[Problem]:
    """Yield everything that is wrong between fields that are right by themselves."""
    yield from _instruments(bench, source)
    yield from _roles(bench, source)
    yield from _lines(bench, source)
    yield from bench_fit.problems(bench, source)
    for name, entry in bench.references.items():
        rows, cols = bench.array.shape
        if entry.row > rows or entry.col > cols:
            message = f"({entry.row}, {entry.col}) is not on the array, which has {rows} x {cols}"
            yield source.problem(("references", name), message, key=True)
    if "@" not in bench.visa:
        hint = 'write "@labmtj" for the twin, "@py" or "@ivi" for instruments'
        yield source.problem(("visa",), f"{bench.visa!r} names no VISA library", hint=hint)
    if not _MAINS[0] <= bench.mains <= _MAINS[1]:
        shown = units.show(bench.mains, Dimension.FREQUENCY)
        yield source.problem(("mains",), f"{shown} is no mains frequency", hint="write 50 Hz or 60 Hz")


def _instruments(bench: Bench, source: Source) -> Iterator[Problem]:
    beside = None if source.path is None else source.path.parent
    owners: dict[str, str] = {}
    for name, entry in bench.instruments.items():
        here: KeyPath = ("instruments", name)
        try:
            finder.find("models", entry.model, beside=beside)
        except MissingFile:
            hint = nearest(entry.model, finder.shipped_names("models"))
            yield source.problem((*here, "model"), f"there is no instrument model {entry.model}", hint=hint)
        if _ADDRESS.fullmatch(entry.address) is None:
            hint = 'write it as, for example, "TCPIP0::192.0.2.11::inst0::INSTR" or "GPIB0::26::INSTR"'
            yield source.problem((*here, "address"), f"{entry.address!r} is no VISA address", hint=hint)
        yield from _driver(entry, (*here, "driver"), source)
        owner = owners.setdefault(entry.address.upper(), name)
        if owner != name:
            yield source.problem((*here, "address"), f"this is the address of {owner}, too")


def _driver(entry: InstrumentEntry, here: KeyPath, source: Source) -> Iterator[Problem]:
    """What is wrong with the name of a driver that a bench has for an instrument."""
    driver, adapter = entry.driver, (*here[:-1], "adapter")
    if driver is None:
        if entry.adapter is not None:
            yield source.problem(adapter, "an adapter belongs to a driver; none is said here", key=True)
        return
    module, _, name = driver.rpartition(":")
    if not (is_well_formed(driver) if is_foreign(driver) else module and name.isidentifier()):
        hint = 'write "module:Class", "./my_smu.py:MySmu" or "pymeasure:keithley.Keithley2450"'
        yield source.problem(here, f"{driver!r} is not the name of a driver", hint=hint)
    yield from _driver_file(driver, here, source)
    if entry.adapter is not None:
        yield from _driver_file(entry.adapter.checked_by, (*adapter, "checked_by"), source)


def _driver_file(driver: str, here: KeyPath, source: Source) -> Iterator[Problem]:
    """A file of a driver that is not there; an option's path is from the current folder, as those of models are."""
    file = driver_file(driver)
    if file is not None and source.path is not None:
        base = Path() if source.setting(here) else source.path.parent
        if not (base / file).is_file():
            yield source.problem(here, f"there is no driver file {file}")


def _roles(bench: Bench, source: Source) -> Iterator[Problem]:
    plugged: dict[str, str] = {}
    for row, text in bench.roles.items():
        here: KeyPath = ("roles", row)
        if re.fullmatch("[A-Z]", row) is None:
            yield source.problem(here, f"{row} is no matrix row", hint="matrix rows are letters: A, B, C", key=True)
        if text == "ground":
            continue
        instrument = text.partition(".")[0]
        if instrument not in bench.instruments:
            known = ["ground", *bench.instruments]
            yield source.problem(here, f"there is no instrument {instrument}", hint=nearest(instrument, known))
        if text in plugged:
            yield source.problem(here, f"{text} is plugged into row {plugged[text]} already")
        plugged.setdefault(text, row)
    if bench.every_line:
        return  # what nothing drives is a source at 0 V
    if "ground" not in bench.roles.values() and all(p.partition(".")[0] in bench.instruments for p in plugged):
        hint = "write, for example: C: ground"
        message = "no matrix row is at ground; lines that are not driven would float"
        yield source.problem(("roles",), message, hint=hint, key=True)


def _lines(bench: Bench, source: Source) -> Iterator[Problem]:
    used: dict[int | Plug, str] = {plug(text): f"matrix row {row}" for row, text in bench.roles.items()}
    for side, count in (("rows", bench.array.rows), ("cols", bench.array.cols)):
        wires: dict[int, int | Plug] = getattr(bench.lines, side)
        here: KeyPath = ("lines", side)
        missing = [line for line in range(1, count + 1) if line not in wires]
        if missing:
            hint = f"the array has {count} {side} ({source.place(('array', side))})"
            yield source.problem(here, f"line {missing[0]} of the {side} is not wired", hint=hint, key=True)
        for line, column in wires.items():
            entry = (*here, _written(source.data["lines"][side], line))
            if line > count:
                message = f"line {line} is not on the array, which has {count} {side}"
                yield source.problem(entry, message, hint=f"array.{side}: {source.place(('array', side))}", key=True)
                break
            owner = used.setdefault(column, f"{side} line {line}")
            if owner != f"{side} line {line}":
                end = f"matrix column {column}" if isinstance(column, int) else ".".join(column)
                yield source.problem(entry, f"{end} is wired to {owner} already")
                break


def _written(raw: dict[str, Any], line: int) -> str:
    """Key of the entry that a line comes from."""
    return next(key for key in raw if line in line_range(key))
