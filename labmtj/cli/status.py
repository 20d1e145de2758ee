"""`labmtj status` and `labmtj rebuild`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from labmtj.cli.arguments import AsJson, RunFolder


def status(
    run: RunFolder,
    as_json: AsJson = False,
) -> None:
    """Say how far a run, a study or a training has come, whether its process lives, and what became of its last pulse.

    It reads the run folder only and touches no instrument. For instance:

      labmtj status data/runs/2026-11-23T10-14-02-wine
    """
    from labmtj.runs.status import read_status
    from labmtj.studies.folder import is_study_folder
    from labmtj.studies.in_situ.folder import is_in_situ_folder
    from labmtj.studies.neurons.folder import is_neuron_folder
    from labmtj.studies.training.folder import is_training_folder

    kinds = (is_study_folder, is_training_folder, is_in_situ_folder, is_neuron_folder)
    if any(known(run) for known in kinds):
        _study(run, as_json=as_json)
        return
    found = read_status(run)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "run": str(run), "lines": found.lines}))
        return
    for line in found.lines:
        typer.echo(line)


def _study(folder: Path, *, as_json: bool) -> None:
    from labmtj.studies import progress
    from labmtj.studies.in_situ import progress as of_in_situ
    from labmtj.studies.in_situ.folder import is_in_situ_folder
    from labmtj.studies.neurons import progress as of_neurons
    from labmtj.studies.neurons.folder import is_neuron_folder
    from labmtj.studies.training import progress as of_training
    from labmtj.studies.training.folder import is_training_folder

    if is_training_folder(folder):
        found = of_training.read_progress(folder)
    elif is_neuron_folder(folder):
        found = of_neurons.read_progress(folder)
    elif is_in_situ_folder(folder):
        found = of_in_situ.read_progress(folder)
    else:
        found = progress.read_progress(folder)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "study": str(folder), "lines": found.lines}))
        return
    for line in found.lines:
        typer.echo(line)


def rebuild(
    run: RunFolder,
    as_json: AsJson = False,
) -> None:
    """Make run.h5, the maps and report.html of a run anew from its journal.

    For instance, after the process died while it wrote them:

      labmtj rebuild data/runs/2026-11-23T10-14-02-wine
    """
    from labmtj.protocol.rebuild import rebuild as rebuild_run

    made = rebuild_run(run)
    if as_json:
        typer.echo(json.dumps({"run": str(run), "made": [path.name for path in made]}))
        return
    for path in made:
        typer.echo(f"made  {path}")
