"""Row 7: a source trips its compliance for a while; what is read then is flagged, and its cell gets one more pulse."""

from __future__ import annotations

from typing import Any

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.stage import SAFE_CODES, Stage
from labmtj.chaos.verdict import NotHeld
from labmtj.runs.journal import line_pulse_of, read_journal

_MOST = 1  # pulses on a cell after a reading of it in compliance: reliability.md, row 7


def play(stage: Stage) -> float:
    """Limit a channel to 100 nA for a drawn time; the most pulses that a cell got after a flagged reading."""
    instrument, channel = stage.chance.choice(sorted(stage.job.bench.bench.channels.values()))
    after, duration = stage.chance.randrange(100, 200), stage.chance.uniform(0.1, 0.5)
    stage.bench.fault(
        "compliance", on=instrument, channel=channel, limit="100 nA", after=after, duration=f"{duration:.3f} s"
    )
    worker = stage.run()
    worker.ends_with(5, *SAFE_CODES)
    stage.bench.clear()
    stage.wait_safe(2.0 * stage.job.slack)
    most = _most_pulses(list(read_journal(stage.run_folder / "journal.jsonl")))
    if most > _MOST:
        raise NotHeld(f"a cell got {most} pulses after a reading in compliance")
    return float(most)


def _most_pulses(entries: list[dict[str, Any]]) -> int:
    """The most pulses that any cell got between a reading in compliance and its next good one."""
    flagged: dict[tuple[int, int], int] = {}
    most = 0
    for entry in entries:
        if entry["k"] == "read":
            cell = (entry["cell"][0], entry["cell"][1])
            if not entry.get("compliance"):
                flagged.pop(cell, None)
            else:
                flagged.setdefault(cell, 0)
        elif entry["k"] == "intent":
            for cell in _cells(entry):
                if cell in flagged:
                    flagged[cell] += 1
                    most = max(most, flagged[cell])
    return most


def _cells(intent: dict[str, Any]) -> list[tuple[int, int]]:
    """The cells that a pulse selects."""
    if "lines" in intent:
        return [(cell.row, cell.col) for cell in line_pulse_of(intent).cells]
    return [(intent["cell"][0], col) for col in (intent["cell"][1], *intent.get("cols", ()))]


SCENARIO = Scenario("compliance", 7, "a source trips its compliance", play, "pulses after a flagged reading (1)")
