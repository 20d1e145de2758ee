"""What is going on in a run just now, and how that is drawn in as many columns as there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from labmtj.terminal import clock
from labmtj.units import Dimension, show

_NARROW, _WIDE = 60, 100  # chosen: columns below which the bar, and from which the rate, have no room
_SPAN = 10.0  # [s] chosen: the rate is that of the last ten seconds, so that one slow item does not spoil it
_AFTER = "run.h5 and report"  # what is made when all steps are done
_READINGS = frozenset({"read", "sum", "sample", "product", "products", "neuron"})
_WORDS = {"gap": "an instrument was switched off and on", "interlock": "an interlock opened"}


@dataclass
class Now:
    """What a run has told: steps still to come, the one at work with its items, and what was entered last.

    It is drawn from another thread: lists are replaced, not changed.

    `steps` is how many there are; `begun` and the times in `marks` are the host's [s], `bench` is the bench's clock [s]
    since the step began.
    """

    steps: int = 0
    next: list[str] = field(default_factory=list[str])
    name: str = ""
    total: int = 0
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    marks: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    since: float = 0.0
    bench: float = 0.0
    last: tuple[str, Mapping[str, Any]] = ("", {})
    readings: int = 0
    pulses: int = 0
    limited: int = 0
    noted: str = ""
    stopping: str = ""

    def begin(self, name: str, total: int) -> None:
        """A step begins."""
        for place, label in enumerate(self.next):
            if label.split(" ")[0] == name:  # the steps before it are over, or were done before
                self.next = self.next[place + 1 :]
                break
        self.name, self.total, self.done = name, total, 0
        self.begun, self.marks = time.monotonic(), deque[tuple[float, int]]()

    def end(self) -> None:
        """The step is over."""
        self.name = ""
        self.begun = time.monotonic()

    def entered(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Take note of an entry of the journal."""
        if kind == "step":
            self.since, self.bench = float(entry["t"]), 0.0
            return
        if "t" in entry:
            self.bench = float(entry["t"]) - self.since
        if kind == "intent":
            self.pulses += 1
            self.last = kind, entry
        elif kind in _READINGS:
            self.readings += 1
            self.last = kind, entry
        elif kind in _WORDS:
            self.noted = _WORDS[kind]
        if "compliance" in entry:
            self.limited += 1

    def rate(self, now: float) -> float:
        """Items a second, of late; 0 if there is nothing to go by: what comes before the first item counts for none."""
        marks, done = self.marks, self.done
        if not done:
            return 0.0
        marks.append((now, done))
        while now - marks[0][0] > _SPAN:
            marks.popleft()
        when, before = marks[0]
        return (done - before) / (now - when) if now > when else 0.0


def picture(now: Now, width: int) -> RenderableType:
    """The lines below those of finished steps; each is cut where the terminal ends."""
    lines: list[RenderableType] = [_at_work(now, width)]
    for text, style in ((_measured(now), "dim"), (_to_come(now), "dim"), (_warnings(now), "yellow")):
        if text:
            lines.append(Text(f"{'':<9}{text}", style=style, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _at_work(now: Now, width: int) -> RenderableType:
    at, spent = time.monotonic(), time.monotonic() - now.begun
    line = Table.grid(padding=(0, 1))
    line.add_column(no_wrap=True, width=8)
    if not now.name:  # before the first step, between two, after the last
        line.add_column(no_wrap=True)
        line.add_row(Text("..", style="bold"), f"{(*now.next, _AFTER)[0]}   {clock(spent)}")
        return line
    rate = now.rate(at)
    left = f"{clock((now.total - now.done) / rate)} left" if rate and now.done < now.total else f"{clock(spent)} so far"
    cells: list[RenderableType] = [Text(now.name, style="bold cyan")]
    if width >= _NARROW:
        line.add_column(no_wrap=True)
        cells.append(ProgressBar(total=max(now.total, 1), completed=min(now.done, now.total), width=width // 3))
    texts = [f"{now.done}/{now.total}", *([f"{rate:.3g}/s"] if width >= _WIDE and rate else []), left]
    for text in texts:
        line.add_column(no_wrap=True)
        cells.append(text)
    line.add_row(*cells)
    return line


def _measured(now: Now) -> str:
    """What was measured or fired last, how much of it, and how long the bench has been at the step."""
    counts = f"readings {now.readings}, pulses {now.pulses}"
    bench = f"bench {clock(now.bench)}" if now.name else ""
    return "   ".join(part for part in (_last(*now.last), counts, bench) if part) if now.last[0] else ""


def _last(kind: str, entry: Mapping[str, Any]) -> str:
    if kind == "read":
        volts, amperes = float(entry["v"]), entry["i"]
        what = f"cell ({entry['cell'][0]}, {entry['cell'][1]})"
        if entry.get("compliance"):
            return f"{what} in compliance"
        return f"{what} {show(volts / amperes, Dimension.RESISTANCE)}" if amperes else f"{what} no current"
    if kind == "intent" and "cell" in entry:
        return f"cell ({entry['cell'][0]}, {entry['cell'][1]}) pulse {show(float(entry['v']), Dimension.VOLTAGE, 3)}"
    if kind == "intent":
        return "pulse on many lines"
    return {"product": "sum of a column", "sum": "sum of cells", "field": "field"}.get(kind, kind.replace("_", " "))


def _to_come(now: Now) -> str:
    labels = now.next
    return f"step {now.steps - len(labels)} of {now.steps}, then {', '.join(labels)}" if labels and now.name else ""


def _warnings(now: Now) -> str:
    limited = f"{now.limited} in compliance" if now.limited else ""
    return "   ".join(part for part in (now.stopping, now.noted, limited) if part)
