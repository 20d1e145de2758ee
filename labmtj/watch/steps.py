"""The steps of a run: those that its protocol lists, what the journal says of each, and how long the rest may take."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from labmtj.config.source import read
from labmtj.errors import InputError


@dataclass
class StepSeen:
    """A step: its number from 1, its name, `done` of `items`, its line and bench time [s] once it is finished."""

    number: int
    name: str
    layer: int | None = None
    how: Literal["waits", "runs", "done"] = "waits"
    done: int = 0
    items: int = 0
    line: str = ""
    seconds: float | None = None


class Steps:
    """The steps of one run, up to now."""

    def __init__(self, protocol: Path) -> None:
        self.seen: dict[int, StepSeen] = {}
        with contextlib.suppress(InputError):  # without its protocol, those that the journal has
            for number, step in enumerate(cast("list[Any]", read(protocol).data.get("steps", [])), start=1):
                name, fields = _said(step)
                self.seen[number] = StepSeen(number, name, fields.get("layer"))
        self.now: StepSeen | None = None
        self._began = self.time = self._first = 0.0  # [s] of the bench's clock: step, latest entry, process
        self._wall: datetime | None = None
        self._from = 0  # items that were done when this process came to the step

    def take(self, entry: dict[str, Any]) -> None:
        """Take an entry of the journal."""
        if "t" in entry:
            self.time = entry["t"]
        match entry["k"]:
            case "run" | "command" | "resume" if "wall" in entry:
                self._wall, self._first = datetime.fromisoformat(entry["wall"]), self.time
                self._began, self._from = self.time, self.now.done if self.now else 0
            case "step":
                step = self.seen.setdefault(entry["number"], StepSeen(entry["number"], entry["name"]))
                step.name, step.items, step.done = entry["name"], entry["items"], 0
                step.how, step.layer = "runs", entry["fields"].get("layer")
                self.now, self._began, self._from = step, entry["t"], 0
            case "at" if self.now is not None:
                self.now.done = entry["done"]
            case "done":
                step = self.seen[entry["number"]]
                step.how, step.line, step.seconds, step.done = "done", entry["line"], entry["seconds"], step.items
                self.now = None
            case "end" if entry["how"] == "done":
                for step in self.seen.values():
                    step.how = "done"  # a report is written after the last entry of a step
            case _:
                pass

    def listed(self) -> list[dict[str, Any]]:
        """All of them for the page."""
        return [asdict(self.seen[number]) for number in sorted(self.seen)]

    def left(self, last: datetime) -> dict[str, Any]:
        """An estimate of the time that is left [s, of the wall], of the step and of the run; `last` is now.

        Of the step in hand by the pace of its items until now, of those that wait by earlier ones of their kind;
        `unknown` names those of which there was none yet, which are in no figure. A simulated bench's clock is not the
        wall's: its seconds are taken at the pace of this run until now.
        """
        pace = self._pace(last)
        step = None
        if self.now is not None and self.now.done > self._from and self.now.items:
            done = self.now.done - self._from
            step = pace * (self.time - self._began) / done * max(0, self.now.items - self.now.done)
        known: dict[str, list[float]] = {}
        for seen in self.seen.values():
            if seen.seconds is not None:
                known.setdefault(seen.name, []).append(seen.seconds)
        waiting = [seen for seen in self.seen.values() if seen.how == "waits" and seen.name != "report"]
        later = [pace * sum(known[seen.name]) / len(known[seen.name]) for seen in waiting if seen.name in known]
        unknown = [seen.name for seen in waiting if seen.name not in known]
        return {"step": step, "run": (step or 0.0) + sum(later), "unknown": unknown}

    def _pace(self, last: datetime) -> float:
        """Seconds of the wall a second of the bench's clock, since this process began."""
        bench = self.time - self._first
        if self._wall is None or bench <= 0.0:
            return 1.0
        return max(0.0, (last - self._wall).total_seconds()) / bench


def _said(step: Any) -> tuple[str, dict[str, Any]]:
    """The name of a step of a protocol, and its fields."""
    if not isinstance(step, dict):
        return str(step), {}
    name, fields = next(iter(cast("dict[str, Any]", step).items()), ("", None))
    return name, cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
