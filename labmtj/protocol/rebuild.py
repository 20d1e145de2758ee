"""Everything in a run folder that is made of its journal, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labmtj.protocol.run_folder import MAP, NEURONS
from labmtj.report.page import write_report
from labmtj.runs.claim import claimed
from labmtj.runs.die_map import die_map_from, write_die_map
from labmtj.runs.folder import known_run
from labmtj.runs.journal import read_journal
from labmtj.runs.neuron_map import neuron_map_from, write_neuron_map
from labmtj.runs.store import JOURNAL, build_store


def rebuild(folder: Path) -> list[Path]:
    """Build run.h5, report.html and the maps that were made; their paths. Raises StorageError; Busy if it runs."""
    folder = known_run(folder)
    with claimed(folder):
        made = [build_store(folder)]
        known: dict[str, dict[str, Any]] = {}
        for entry in read_journal(folder / JOURNAL):
            if entry["k"] in ("map", "states", "neuron_map"):
                known[entry["k"]] = entry
        if "map" in known:
            later = known["states"]["state"] if "states" in known else None
            write_die_map(folder / MAP, die_map_from(known["map"], state=later))
            made.append(folder / MAP)
        if "neuron_map" in known:
            write_neuron_map(folder / NEURONS, neuron_map_from(known["neuron_map"]))
            made.append(folder / NEURONS)
        made.append(write_report(folder))
    return made
