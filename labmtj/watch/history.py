"""What a journal holds about one cell: an index of places in the file; entries are read when somebody asks."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Defect, State, Trait
from labmtj.runs.journal import line_pulse_of, patterns_of
from labmtj.units import Dimension, show
from labmtj.watch.cells import x_reading, z_reading

MOST = 2000  # chosen: events of one cell that are sent, the latest; more are counted
_VERDICTS = ("map", "program", "program_network", "neuron_map")


class History:
    """Where in the journal a cell's readings, pulses and verdicts stand; `shape` (rows, cols)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._cells, self._places = array("q"), array("q")
        self._of, self._ends = array("q"), array("q")  # numbers of intents, and the places of their outcomes
        self._wide: list[tuple[int, frozenset[int], frozenset[int]]] = []  # pulses on many lines
        self._verdicts: list[int] = []
        self._steps: list[tuple[int, int]] = [(0, 0)]  # place of the first entry of each step, and its number

    def take(self, place: int, entry: dict[str, Any], cells: list[int]) -> None:
        """Remember where an entry stands, which is about these cells (counted row by row from 0)."""
        kind = entry["k"]
        if cells:
            self._cells.extend(cells)
            self._places.extend([place] * len(cells))
        elif kind == "outcome":
            self._of.append(entry["of"])
            self._ends.append(place)
        elif kind == "intent":
            self._wide.append((place, frozenset(entry["lines"]["rows"]), frozenset(entry["lines"]["cols"])))
        elif kind in _VERDICTS:
            self._verdicts.append(place)
        elif kind == "step":
            self._steps.append((place, entry["number"]))

    def of(self, row: int, col: int, at: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        """All about a cell (lines from 1), oldest first; `at` gives the entry at a place of the journal.

        Each event has `kind` (read, pulse or verdict), `step` (from 1), `text`, and what it has of `t` [s], `v` [V],
        `i` [A], `ohm`. `more` counts older ones that are left out.
        """
        cell = (row - 1) * self.shape[1] + col - 1
        cells, places = _numbers(self._cells), _numbers(self._places)
        own = places[cells == cell].tolist()
        own += [place for place, rows, cols in self._wide if row in rows and col in cols]
        own = sorted(own)
        shown = sorted([*own[-MOST:], *self._verdicts])
        lines = [found for place in shown for found in self._events(place, at, row, col)]
        return {"cell": [row, col], "events": lines, "more": max(0, len(own) - MOST)}

    def _events(self, place: int, at: Callable[[int], dict[str, Any]], row: int, col: int) -> Iterator[dict[str, Any]]:
        entry = at(place)
        steps = np.array([begin for begin, _ in self._steps])
        base = {"step": self._steps[int(np.searchsorted(steps, place, side="right")) - 1][1], "n": entry["n"]}
        match entry["k"]:
            case "read":
                yield base | _reading(entry["v"], entry["i"], entry["t"], entry.get("compliance", False))
            case "neuron":
                said = x_reading(entry) if row % 2 else z_reading(entry)
                found = _reading(said["v"], said["i"], said["t"], said.get("compliance", False))
                yield base | found | {"text": f"drive {show(entry['drive'], Dimension.VOLTAGE)}"}
            case "products":
                masks = patterns_of(entry)
                local = row - (entry["kernel"] - 1) * entry["rows"] - 1
                for number in np.flatnonzero((masks.sum(axis=1) == 1) & masks[:, local]):
                    yield base | _reading(entry["v"], entry["i"][int(number)], entry["t"], limited=False)
            case "intent":
                yield base | self._pulse(entry, at, row, col)
            case _:
                text = _verdict(entry, row, col)
                if text:
                    yield base | {"kind": "verdict", "text": text}

    def _pulse(self, entry: dict[str, Any], at: Callable[[int], dict[str, Any]], row: int, col: int) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": "pulse", "width": entry["width"]}
        if "lines" in entry:
            pulse = line_pulse_of(entry)
            volts = pulse.row_volts[pulse.rows.index(row)] - pulse.col_volts[pulse.cols.index(col)]
            found |= {"v": volts, "text": f"with {len(pulse.rows)} rows and {len(pulse.cols)} columns at once"}
        else:
            found |= {"v": entry["v"], "text": entry["scheme"]}
        ends = _numbers(self._ends)[_numbers(self._of) == entry["n"]]
        if not len(ends):
            return found | {"text": found["text"] + ", no outcome yet"}
        end = at(int(ends[-1]))
        flags = [text for name, text in (("compliance", "a source was limited"), ("uncertain", "nobody saw it end"))
                 if end.get(name)]  # fmt: skip
        return found | {"t": end["t"], "text": ", ".join([found["text"], *flags])}


def _reading(volts: float, amperes: float | None, time: float, limited: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "read", "v": volts, "i": amperes, "t": time, "text": ""}
    if limited or amperes is None:
        return found | {"text": "a source was limited: no resistance"}
    return found | ({"ohm": volts / amperes} if amperes else {"text": "no current"})


def _verdict(entry: dict[str, Any], row: int, col: int) -> str:
    """What a step found about this cell, in words; empty where it is not about it."""
    if entry["k"] == "neuron_map":
        return _neuron(entry, col) if (row + 1) // 2 == col else ""
    if "rows" in entry:
        if row not in entry["rows"] or col not in entry["cols"]:
            return ""
        at = entry["rows"].index(row), entry["cols"].index(col)
    else:
        at = row - 1, col - 1

    def value(name: str) -> Any:
        return entry[name][at[0]][at[1]] if name in entry else None

    if entry["k"] == "map":
        resistances = [f"{name} {ohm / 1e3:.4g} kohm" for name, ohm in (("R_P", value("r_p")), ("R_AP", value("r_ap")))
                       if ohm is not None]  # fmt: skip
        traits = Trait(value("traits") or 0)
        named = [str(trait.name).lower().replace("_", "-") for trait in Trait if trait & traits]
        return ", ".join(["map: " + (_defect(value("defect")) or "good"), *named, *resistances])
    target = value("target")
    if target is None or target < 0:
        return ""
    pulses = value("pulses")
    said = f"{entry['k'].replace('_', ' ')}: {_state(value('state'))}, target {_state(target)}, {pulses} pulses"
    return ", ".join([said, *filter(None, [_defect(value("defect"))])])


def _neuron(entry: dict[str, Any], number: int) -> str:
    """What the map of neurons found about one of them."""
    if number not in entry["neurons"]:
        return ""
    at = entry["neurons"].index(number)
    critical, offset = entry["critical"][at], entry["offset"][at]
    said = [f"neuron map: {'good' if entry['good'][at] else 'does not work'}"]
    said += [f"{name} {show(value, Dimension.CURRENT)}" for name, value in (("I_c", critical), ("offset", offset))
             if value is not None]  # fmt: skip
    return ", ".join(said)


def _state(value: int | None) -> str:
    return State(value).name if value in (0, 1) else "unreadable"


def _defect(value: int | None) -> str:
    return Defect(value).name.lower() if value else ""


def _numbers(values: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(values, dtype=np.int64) if len(values) else np.zeros(0, dtype=np.int64)
