"""The long tables of a run, one row an event: readings, pulses with what became of them, products, steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.errors import StorageError
from labmtj.runs.netcdf import Group, Variable

Entry = dict[str, Any]
_NO_YES = {"no": 0, "yes": 1}
CLOCK = "time on the bench's clock"
_PLACES = ("row", "col")  # columns of a finding that say which cell a line of it is about


@dataclass(frozen=True)
class Events:
    """Entries of a journal, each kind by itself; `steps` holds the step that each numbered entry belongs to."""

    by_kind: dict[str, list[Entry]]
    steps: dict[int, int]

    def of(self, kind: str) -> list[Entry]:
        """All entries of a kind, in their order."""
        return self.by_kind.get(kind, [])

    def last(self, kind: str) -> Entry:
        """Return the last entry of a kind, or an empty one."""
        return self.by_kind[kind][-1] if kind in self.by_kind else {}


def sort_events(entries: Iterable[Entry]) -> Events:
    """Sort the entries of a journal by kind; what comes before the first step belongs to step 0."""
    by_kind: dict[str, list[Entry]] = {}
    steps: dict[int, int] = {}
    step = 0
    for entry in entries:
        if entry["k"] == "step":
            step = entry["number"]
        steps[entry["n"]] = step
        by_kind.setdefault(entry["k"], []).append(entry)
    return Events(by_kind, steps)


def readings(events: Events) -> Group:
    """All readings of single cells; a current of a reading in compliance is no conductance."""
    found = events.of("read")
    return Group(
        {
            **_key("reading", events, found),
            **_cells("reading", found),
            "voltage": _floats(
                "reading", [entry["v"] for entry in found], "V", "drive voltage, word line minus bit line"
            ),
            "current": _floats(
                "reading", [entry["i"] for entry in found], "A", "half the difference at + and - voltage"
            ),
            "time": _times("reading", [entry["t"] for entry in found], "at the end of the reading"),
            "compliance": _limited("reading", [entry.get("compliance", False) for entry in found]),
            **_kelvin("reading", found),
        }
    )


def pulses(events: Events) -> Group:
    """All programming pulses: the intent, and its outcome where there is one."""
    found = [entry for entry in events.of("intent") if "lines" not in entry]
    return Group(
        {
            **_key("pulse", events, found),
            **_cells("pulse", found),
            "amplitude": _floats("pulse", [entry["v"] for entry in found], "V", "word line minus bit line"),
            "width": _floats("pulse", [entry["width"] for entry in found], "s", "width"),
            "further_cols": _texts(
                "pulse",
                [" ".join(map(str, entry.get("cols", []))) for entry in found],
                "further bit lines of the same pulse, from 1",
            ),
            "scheme": _texts("pulse", [entry["scheme"] for entry in found], "bias of the lines that were not selected"),
            **_ends("pulse", events, found),
        }
    )


def line_pulses(events: Events) -> Group:
    """All pulses on many lines at once: the intent, and its outcome where there is one."""
    found = [entry for entry in events.of("intent") if "lines" in entry]
    lines = {
        name: [" ".join(f"{value:.9g}" for value in entry["lines"][name]) for entry in found]
        for name in ("rows", "row_v", "cols", "col_v")
    }
    return Group(
        {
            **_key("line_pulse", events, found),
            "rows": _texts("line_pulse", lines["rows"], "driven word lines, from 1"),
            "row_volts": _texts("line_pulse", lines["row_v"], "voltages of these to ground [V]"),
            "cols": _texts("line_pulse", lines["cols"], "driven bit lines, from 1"),
            "col_volts": _texts("line_pulse", lines["col_v"], "voltages of these to ground [V]"),
            "width": _floats("line_pulse", [entry["width"] for entry in found], "s", "width"),
            **_ends("line_pulse", events, found),
        }
    )


def _ends(dim: str, events: Events, found: Sequence[Entry]) -> dict[str, Variable]:
    """When each of these pulses ended, and whether a source was in compliance; from their outcomes."""
    row = {entry["n"]: position for position, entry in enumerate(found)}
    times, limited = np.full(len(found), np.nan), np.full(len(found), -1, dtype=np.int8)
    known = {entry["n"] for entry in events.of("intent")}
    for outcome in events.of("outcome"):
        if outcome["of"] not in known:
            raise StorageError(
                f"journal.jsonl: entry {outcome['n']} is the outcome of {outcome['of']}, which is no pulse"
            )
        position = row.get(outcome["of"])
        if position is not None:
            times[position] = outcome["t"]
            limited[position] = outcome.get("compliance", False)
    flags = {"no_outcome": -1, **_NO_YES}
    return {
        "time": _times(dim, times, "at its end; nan without an outcome"),
        "compliance": Variable((dim,), limited, meaning="a source was in compliance", flags=flags),
    }


def products(events: Events, *, rows: int) -> Group:
    """All readings of a column with several rows driven at once."""
    found = events.of("product")
    driven, volts = np.zeros((len(found), rows), dtype=np.int8), np.zeros((len(found), rows))
    for position, entry in enumerate(found):
        lines = np.array(entry["rows"], dtype=np.int64) - 1
        driven[position, lines] = 1
        volts[position, lines] = entry["v"]
    return Group(
        {
            **_key("product", events, found),
            "row": Variable(("row",), np.arange(1, rows + 1), meaning="word line, from 1"),
            "driven": Variable(("product", "row"), driven, meaning="the row was driven", flags=_NO_YES),
            "col": Variable(
                ("product",), _ints([entry["col"] for entry in found]), meaning="bit line", coordinate=True
            ),
            "voltage": Variable(
                ("product", "row"), volts, units="V", meaning="voltage of the row; 0 where it is at ground"
            ),
            "current": _floats(
                "product", [entry["i"] for entry in found], "A", "half the difference at + and - voltage"
            ),
            "time": _times("product", [entry["t"] for entry in found], "at the end of the reading"),
            **_kelvin("product", found),
        }
    )


def gate_products(events: Events) -> Group:
    """Columns that were sensed with one pattern of gates after the other; their currents are in the journal."""
    found = events.of("products")
    return Group(
        {
            **_key("sensed", events, found),
            "kernel": Variable(("sensed",), _ints([entry["kernel"] for entry in found]), meaning="kernel, from 1"),
            "col": Variable(
                ("sensed",), _ints([entry["col"] for entry in found]), meaning="its bit line, from 1", coordinate=True
            ),
            "patterns": Variable(
                ("sensed",), _ints([len(entry["patterns"]) for entry in found]), meaning="patterns of open gates"
            ),
            "voltage": _floats("sensed", [entry["v"] for entry in found], "V", "voltage of all word lines"),
            "time": _times("sensed", [entry["t"] for entry in found], "after the last of them"),
        }
    )


def sums(events: Events, kind: str) -> Group:
    """One current of several rows and columns: "sum" at both signs, "sample" one integration at one sign."""
    found = events.of(kind)
    lines = {name: [" ".join(map(str, entry[name])) for entry in found] for name in ("rows", "cols")}
    what = "half the difference at + and - voltage" if kind == "sum" else "offsets included"
    return Group(
        {
            **_key(kind, events, found),
            "rows": _texts(kind, lines["rows"], "driven word lines, from 1"),
            "cols": _texts(kind, lines["cols"], "bit lines together on the ammeter, from 1"),
            "voltage": _floats(kind, [entry["v"] for entry in found], "V", "drive voltage"),
            "current": _floats(kind, [entry["i"] for entry in found], "A", what),
            "time": _times(kind, [entry["t"] for entry in found], "at the end"),
            "compliance": _limited(kind, [entry.get("compliance", False) for entry in found]),
            **_kelvin(kind, found),
        }
    )


def neurons(events: Events) -> Group:
    """All readings of neurons; a current of a reading in compliance is no conductance."""
    found = events.of("neuron")
    volts = {"drive": "voltage of the x terminal", "probe": "voltage of the z terminal"}
    amperes = {
        "x": "current into the x terminal: the input",
        "z": "current into the z terminal",
        "common": "current out of the common terminal",
    }
    return Group(
        {
            **_key("operated", events, found),
            "neuron": Variable(
                ("operated",), _ints([entry["neuron"] for entry in found]), meaning="number of the neuron, from 1"
            ),
            **{name: _floats("operated", [entry[name] for entry in found], "V", volts[name]) for name in volts},
            **{name: _floats("operated", [entry[name] for entry in found], "A", amperes[name]) for name in amperes},
            "time": _times("operated", [entry["t"] for entry in found], "at the end of the reading"),
            "compliance": _limited("operated", [entry.get("compliance", False) for entry in found]),
            **_kelvin("operated", found),
        }
    )


def fields(events: Events) -> Group:
    """Fields that a magnet was set to, one row a setting."""
    found = events.of("field")
    return Group(
        {
            **_key("set", events, found),
            "field": _floats(
                "set", [entry["tesla"] for entry in found], "T", "along the easy axis, positive favours P"
            ),
            "time": _times("set", [entry["t"] for entry in found], "at the begin of its ramp"),
        }
    )


def checks(events: Events) -> Group:
    """What the checks of abort criteria found, one row a check; nan for what was not measured."""
    found = events.of("check")
    said = {
        "duration": ("seconds", "s", "bench time that it took"),
        "r_p_drift": ("r_p_drift", "1", "median of R / R_P - 1 of cells in P, against the map"),
        "leakage": ("leakage", "A", "current with no row selected"),
        "shorts": ("shorts", "1", "cells that have become shorts since the map"),
    }
    values = {name: [entry.get(key) for entry in found] for name, (key, _, _) in said.items()}
    table = {name: _floats("check", values[name], units, text) for name, (_, units, text) in said.items()}
    when = _texts("check", [entry["when"] for entry in found], "while writing, or after which step")
    times = _times("check", [entry["t"] for entry in found], "at its end")
    return Group({**_key("check", events, found), "time": times, "when": when, **table})


def finding(entry: Entry) -> Group:
    """What a characterisation step found, as it said it."""
    found = {
        name: Variable(
            tuple(column["dims"]),
            _values(column["values"]),
            units=column["units"],
            meaning=column["meaning"],
            coordinate=name in _PLACES and column["dims"] != [name],
        )
        for name, column in entry["columns"].items()
    }
    sizes: dict[str, int] = {}
    for v in found.values():
        sizes |= dict(zip(v.dims, v.values.shape, strict=True))
    for dim, size in sizes.items():
        found.setdefault(dim, Variable((dim,), np.arange(1, size + 1), meaning="from 1"))
    attributes = {name: value for name, value in entry["figures"].items() if value is not None}
    return Group(found, attributes | {"line": entry["line"]})


def _values(values: Any) -> Any:
    """Nested lists as an array of texts, integers or floats; None becomes nan."""
    array = np.array(values)
    if array.dtype.kind in "US":
        return array.astype(object)
    return array.astype(np.float64) if array.dtype.kind == "O" else array


def steps(events: Events) -> Group:
    """List the steps that were begun, with their bench time where they were finished."""
    begun = {entry["number"]: entry for entry in reversed(events.of("step"))}
    done = {entry["number"]: entry for entry in events.of("done")}
    numbers = sorted(begun)
    fields = [json.dumps(begun[number]["fields"]) for number in numbers]
    lines = [done.get(number, {}).get("line", "") for number in numbers]
    seconds = [done.get(number, {}).get("seconds") for number in numbers]
    return Group(
        {
            "step": Variable(("step",), _ints(numbers), meaning="number of the step"),
            "name": _texts("step", [begun[number]["name"] for number in numbers], "name"),
            "fields": _texts("step", fields, "what the protocol says, as JSON"),
            "line": _texts("step", lines, "what came of it"),
            "begun": _times("step", [begun[number]["t"] for number in numbers], "at its begin", coordinate=False),
            "seconds": _floats("step", seconds, "s", "bench time; nan if it was not finished"),
        }
    )


def _kelvin(dim: str, found: Sequence[Entry]) -> dict[str, Variable]:
    """The temperature of each reading, where the bench had a thermometer."""
    if not any("kelvin" in entry for entry in found):
        return {}
    values = [entry.get("kelvin", np.nan) for entry in found]
    return {"temperature": _floats(dim, values, "K", "temperature, at most a second old")}


def _key(dim: str, events: Events, found: Sequence[Entry]) -> dict[str, Variable]:
    step = _ints([events.steps[entry["n"]] for entry in found])
    return {
        dim: Variable((dim,), _ints([entry["n"] for entry in found]), meaning="number of the entry in journal.jsonl"),
        "step": Variable((dim,), step, meaning="step of the protocol, from 1; 0 before the first", coordinate=True),
    }


def _cells(dim: str, found: Sequence[Entry]) -> dict[str, Variable]:
    cells = _ints([entry["cell"] for entry in found]).reshape(-1, 2)
    return {
        "row": Variable((dim,), cells[:, 0].copy(), meaning="word line, from 1", coordinate=True),
        "col": Variable((dim,), cells[:, 1].copy(), meaning="bit line, from 1", coordinate=True),
    }


def _ints(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=np.int64)


def _floats(dim: str, values: Any, units: str, meaning: str) -> Variable:
    return Variable((dim,), np.array(values, dtype=np.float64), units=units, meaning=meaning)


def _times(dim: str, values: Any, meaning: str, *, coordinate: bool = True) -> Variable:
    """Time on the bench's clock; the root's attribute `clock_zero` says when that began."""
    text = f"{CLOCK} {meaning}"
    return Variable((dim,), np.array(values, dtype=np.float64), units="s", meaning=text, coordinate=coordinate)


def _texts(dim: str, values: Sequence[str], meaning: str) -> Variable:
    return Variable((dim,), np.array(values, dtype=object), units="", meaning=meaning)


def _limited(dim: str, values: Sequence[bool]) -> Variable:
    return Variable((dim,), np.array(values, dtype=np.int8), meaning="a source was in compliance", flags=_NO_YES)
