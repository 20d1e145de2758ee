"""Watches over the abort criteria of a protocol: counts, small checks, and the end of the run where one is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labmtj.errors import Aborted
from labmtj.protocol.criteria import Abort
from labmtj.records import Cell, Ints
from labmtj.runs.journal import FileJournal
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


_SIGMAS = 3.0  # chosen: one false alarm in 700 checks at a limit of nothing


@dataclass
class AbortWatch:
    """What a run is watched for; `acknowledged` criteria have ended it before and do so no more.

    Everything that it measures passes the run's journal, so that a run that is resumed finds the same again.
    """

    criteria: Abort
    progress: Progress
    journal: FileJournal
    acknowledged: frozenset[str] = frozenset()
    tried: set[Cell] = field(default_factory=set[Cell])
    failed: set[Cell] = field(default_factory=set[Cell])
    _seen: set[Cell] = field(default_factory=set[Cell])  # cells written in the step in hand
    _since: int = 0

    def written(self, tried: Sequence[Cell], failed: Sequence[Cell], states: Ints) -> None:
        """Some cells have been written, of which `failed` were given up; raises Aborted (routines.writing.Tally)."""
        self.tried |= set(tried)
        self.failed = (self.failed - set(tried)) | set(failed)
        self._since += len(set(tried) - self._seen)
        self._seen |= set(tried)
        self._judge_failed(whole=False)
        if self._since >= self.criteria.every:
            self._check(states, "while writing")

    def after(self, name: str) -> None:
        """A step is over. Raises Aborted."""
        self._seen.clear()
        self._judge_failed(whole=True)
        die = self.progress.die_map
        unknown = np.full(self.progress.array.shape, -1, dtype=np.int64)
        self._check(unknown if die is None or die.state is None else die.state, f"after {name}")

    def _judge_failed(self, *, whole: bool) -> None:
        """Hold the cells that were given up against their limits; at the end of a step (`whole`) any share counts."""
        found, tried = len(self.failed), len(self.tried)
        most, share = self.criteria.failed_cells, self.criteria.failed_share
        names = ", ".join(map(str, sorted(self.failed)[:6])) + (" .." if found > 6 else "")
        if most is not None and found > most:
            self._end("failed_cells", found, most, f"{found} cells could not be written, {most} are allowed: {names}")
        if share is None or not tried or found <= share * tried:
            return
        if whole or tried * share >= 1.0:
            text = f"{found} of {tried} cells could not be written, {100 * share:g} % are allowed: {names}"
            self._end("failed_share", found / tried, share, text)

    def _check(self, states: Ints, when: str) -> None:
        """One small check of all that is to be measured; nothing before there is something to hold it against."""
        self._since = 0
        progress, die = self.progress, self.progress.die_map
        wanted = [name for name in self.criteria.measured if die is not None or name == "leakage"]
        read = self.criteria.read or (None if die is None else die.read_voltage)
        if not wanted or read is None:
            return
        began = progress.array.clock.now()
        found: dict[str, Any] = {}
        for name in wanted:
            found |= self._measure(name, states, read)
        seconds = progress.array.clock.now() - began
        times = {"read": read, "seconds": round(seconds, 9), "t": round(began + seconds, 9)}
        progress.journal.record("check", {"when": when, **found, **times})
        for name in wanted:
            # What noise explains is no leakage.
            self._judge(name, found[name] - _SIGMAS * found.get(f"{name}_error", 0.0))

    def _measure(self, name: str, states: Ints, read: float) -> dict[str, Any]:
        """What is found for one criterion, by its name, and what belongs to it."""
        from labmtj.routines import soundness

        progress = self.progress
        if name == "leakage":
            amperes, error = soundness.leakage(progress.array, read=read)
            return {name: amperes, "leakage_error": error}
        die = progress.known_map
        if name == "shorts":
            cells = soundness.new_shorts(progress.array, die, states, read=read, picture=progress.picture)
            return {name: len(cells), "shorted": [list(cell) for cell in cells]}
        named = [Cell(*cell) for cell in self.criteria.cells or ()]
        drift, count = soundness.drift_of_r_p(progress.array, die, named or soundness.probes(die, states), read=read)
        return {name: drift, "in_p": count}

    def _judge(self, name: str, found: float) -> None:
        limit = self.criteria.stated[name]
        # A drift of no cell at all is none; a current beyond the range is above any limit.
        if math.isnan(found) or abs(found) <= limit:
            return
        self._end(name, found, limit, _TEXTS[name](found, limit))

    def _end(self, criterion: str, found: float, limit: float, text: str) -> None:
        """End the run, unless a person has let it go past this criterion."""
        if criterion in self.acknowledged:
            return
        seen = found if math.isfinite(found) else None
        self.journal.record("abort", {"criterion": criterion, "found": seen, "limit": limit, "text": text})
        raise Aborted(f"abort criterion {criterion}: {text}")


def _amperes(value: float) -> str:
    return show(value, Dimension.CURRENT, 3) if math.isfinite(value) else "more current than the range shows"


_TEXTS: dict[str, Callable[[float, float], str]] = {
    "r_p_drift": lambda found, limit: (
        f"R_P is {100 * found:+.2g} % off the map's, {100 * limit:g} % are allowed: has the contact or the "
        "temperature changed?"
    ),
    "leakage": lambda found, limit: (
        f"{_amperes(found)} flow with no row selected, {_amperes(limit)} are allowed: look at relays and cables"
    ),
    "shorts": lambda found, limit: f"{found:.0f} cells have become shorts since the map, {limit:.0f} are allowed",
}
