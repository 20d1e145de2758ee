"""`labmtj export`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson, RunFolder


class To(StrEnum):
    """Programs that a run can be written for."""

    CSV = "csv"
    NETCDF = "netcdf"
    ARC2 = "arc2"


def export(
    run: RunFolder,
    to: Annotated[To, typer.Option("--to", help="What to write.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A folder for csv, else a file; without it, csv/, run.nc or arc2.h5 in RUN."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an older export.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a run for another program, from its journal: also one that is going on, was stopped or was killed.

    csv: a folder with a table for each group of run.h5 (readings.csv, pulses.csv, cells.csv ..), names and units in the
    header, every digit, times in seconds and as ISO 8601; run.json says what each column is, and what the run was made
    of. For pandas, Origin, MATLAB, spreadsheets:

      labmtj export data/runs/2026-11-23T10-14-02-wine --to csv

    netcdf: one file for programs that read netCDF but not run.h5, which is netCDF-4 with groups: all groups in one, in
    the classic model (no groups, texts or 64-bit integers), CF units, times of the calendar ("seconds since ..").

      labmtj export data/runs/2026-11-23T10-14-02-wine --to netcdf --out wine.nc

    arc2: the data file (version 0.1) of the ArC TWO control panel: readings and pulses of every cell in their order, in
    single precision, and the last reading of all. What is not of one cell has no place there, and is named.

      labmtj export data/runs/2026-11-23T10-14-02-wine --to arc2

    Nothing that is there is written over without --force, and a folder that holds anything else not even then.
    """
    from rich.console import Console

    from labmtj.runs.export.export import export as export_run

    console = Console(stderr=True, highlight=False, markup=False, quiet=as_json)
    with console.status("reading the journal") as status:
        found = export_run(run, to.value, out=out, force=force, told=status.update)
    if as_json:
        content = {"run": str(run), "to": to.value, "path": str(found.path), "files": found.files, "notes": found.notes}
        typer.echo(json.dumps(content))
        return
    if to is To.CSV:
        typer.echo(f"made  {found.path}: {', '.join(found.files)}")
    else:
        typer.echo(f"made  {found.path}")
    for note in found.notes:
        typer.echo(f"      {note}")
