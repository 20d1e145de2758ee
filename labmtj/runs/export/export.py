"""A run written for another program, from its journal: finished or not, and whatever it was about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labmtj.runs.export.arc2 import PANEL, arc2_image
from labmtj.runs.export.classic import classic_image
from labmtj.runs.export.csv_tables import write_tables
from labmtj.runs.export.flat import flattened
from labmtj.runs.export.place import check_file, check_folder, new_folder, write_file
from labmtj.runs.folder import known_run
from labmtj.runs.netcdf import ROOT
from labmtj.runs.store import CELLS, groups_of

Kind = Literal["csv", "netcdf", "arc2"]
PLACES: dict[Kind, str] = {"csv": "csv", "netcdf": "run.nc", "arc2": "arc2.h5"}
"""Where each goes in the run folder, if no other place is named."""


@dataclass(frozen=True)
class Exported:
    """What was written: the file, or the folder with its files; and what is to be known of it, in words."""

    path: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]


def export(
    run: str | Path,
    to: Kind,
    *,
    out: Path | None = None,
    force: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write a run for another program; `told` hears what is being made.

    Raises MissingFile where there is no run, InputError where something is in the way or the run has nothing for that
    program, StorageError for a journal that cannot be read and a place that cannot be written.
    """
    folder = known_run(run)
    path = folder / PLACES[to] if out is None else out
    check = check_folder if to == "csv" else check_file
    check(path, force=force)
    told("reading the journal")
    groups = groups_of(folder)
    ended = str(groups[ROOT].attributes["ended"])
    notes = [] if ended == "done" else [f"the run is not done ({ended}): this is what its journal holds so far"]
    if to == "csv":
        with new_folder(path) as new:
            files = write_tables(new, groups, told)
        return Exported(path, tuple(files), tuple(notes))
    if to == "netcdf":
        write_file(path, classic_image(path.name, flattened(groups)))
        return Exported(path, (path.name,), tuple(notes))
    data, left_out = arc2_image(path.name, groups, told)
    write_file(path, data)
    notes += [f"not in it, for the format has no place for them: {', '.join(left_out)}"] if left_out else []
    if max(groups[CELLS].variables["pulse_count"].values.shape) > PANEL:
        notes.append(f"more than {PANEL} lines: the panel opens it only with a channel mapping of the same size")
    return Exported(path, (path.name,), tuple(notes))
