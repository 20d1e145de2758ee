"""The last readings and pulses of a run, of whatever kind, each as the page lists it."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

from labmtj.runs.journal import line_pulse_of
from labmtj.watch.cells import single_gate

LISTED = 60  # chosen: what the list and the small chart show


class Measured:
    """The latest of them, newest last, and how many there were."""

    def __init__(self) -> None:
        self.latest: deque[dict[str, Any]] = deque(maxlen=LISTED)
        self.pulses = self.readings = 0
        self.open: dict[int, dict[str, Any]] = {}
        """Pulses without an outcome so far, by their number."""

    def take(self, entry: dict[str, Any]) -> bool:
        """Take an entry of the journal; whether it was a reading or a pulse."""
        match entry["k"]:
            case "outcome":
                was = self.open.pop(entry["of"], None)
                if was is not None:
                    was["t"] = entry["t"]
                    if entry.get("compliance"):
                        was["what"] += ", limited"
                return was is not None
            case "intent":
                self.pulses += 1
                found = _pulse(entry)
                self.open[entry["n"]] = found
            case "products":
                self.readings += len(entry["patterns"])
                found = _products(entry)
            case "read":
                self.readings += 1
                found = _current(entry, "cell ({}, {})".format(*entry["cell"]), ohm=True) | {"cell": entry["cell"]}
            case "product":
                self.readings += 1
                found = _current(entry, f"column {entry['col']}, {len(entry['rows'])} rows driven")
            case "sum" | "sample":
                self.readings += 1
                rows, cols = len(entry["rows"]), len(entry["cols"])
                found = _current(entry, f"{entry['k']} of {rows} x {cols} cells")
            case "neuron":
                self.readings += 1
                found = {"n": entry["n"], "kind": "read", "what": f"neuron {entry['neuron']}", "t": entry["t"]}
                found |= {"v": entry["drive"], "i": entry["x"]}
            case _:
                return False
        self.latest.append(found)
        return True


def _pulse(entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": entry["n"], "kind": "pulse", "t": None, "width": entry["width"]}
    if "lines" in entry:
        pulse = line_pulse_of(entry)
        return found | {"what": str(pulse), "v": pulse.span}
    row, col = entry["cell"]
    cols = ", ".join(map(str, (col, *entry.get("cols", ()))))
    return found | {"what": f"cell ({row}, {cols})", "v": entry["v"], "cell": entry["cell"]}


def _products(entry: dict[str, Any]) -> dict[str, Any]:
    """Of many patterns of gates the last: of one gate it is a reading of its cell."""
    row = single_gate(entry["patterns"][-1])
    found = _current(entry, f"column {entry['col']} of kernel {entry['kernel']}", ohm=row is not None)
    if row is None:
        return found | {"what": f"{found['what']}, {len(entry['patterns'])} patterns of gates"}
    cell = [(entry["kernel"] - 1) * entry["rows"] + row + 1, entry["col"]]
    return found | {"cell": cell, "what": f"cell ({cell[0]}, {cell[1]}), and {len(entry['patterns']) - 1} before it"}


def _current(entry: dict[str, Any], what: str, *, ohm: bool = False) -> dict[str, Any]:
    volts, amperes = entry["v"], entry["i"]
    if isinstance(volts, list):
        volts, what = None, f"{what}, each at its own voltage"
    if isinstance(amperes, list):
        amperes = cast("list[float | None]", amperes)[-1] if amperes else None
    found: dict[str, Any] = {"n": entry["n"], "kind": "read", "what": what, "t": entry["t"], "v": volts, "i": amperes}
    if entry.get("compliance"):
        return found | {"what": f"{what}, limited"}
    return found | ({"ohm": volts / amperes} if ohm and amperes and volts else {})
