"""Everything in a run folder that is made of its journal, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labmtj.protocol.run_folder import MAP
from labmtj.report.page import write_report
from labmtj.runs.claim import claimed
from labmtj.runs.die_map import die_map_from, write_die_map
from labmtj.runs.folder import known_run
from labmtj.runs.journal import read_journal
from labmtj.runs.store import JOURNAL, build_store


def rebuild(folder: Path) -> list[Path]:
    """Build run.h5, die.h5 (if a map was made) and report.html; their paths. Raises StorageError; Busy if it runs."""
    folder = known_run(folder)
    with claimed(folder):
        made = [build_store(folder)]
        known: dict[str, dict[str, Any]] = {}
        for entry in read_journal(folder / JOURNAL):
            if entry["k"] in ("map", "states"):
                known[entry["k"]] = entry
        if "map" in known:
            later = known["states"]["state"] if "states" in known else None
            write_die_map(folder / MAP, die_map_from(known["map"], state=later))
            made.append(folder / MAP)
        made.append(write_report(folder))
    return made
