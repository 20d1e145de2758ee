"""`labmtj study`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson

if TYPE_CHECKING:
    from labmtj.studies.engine import Finished
    from labmtj.studies.grid import Task


_KINDS, _PARTS = ("software", "software_scale", "untuned", "scale", "best"), ("train", "test")
"""What every row has, whatever the study was asked for; None is what no copy has."""


def study(
    file: Annotated[
        str,
        typer.Argument(
            help="A study file, or the name of a shipped one.",
            metavar="[STUDY]",
            show_default=False,
            autocompletion=completing.protocols,
        ),
    ] = "",
    bench: Annotated[
        str | None,
        typer.Option(
            help="A bench file, or the name of a shipped one, in place of the study's.",
            autocompletion=completing.benches,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            autocompletion=completing.settings,
            help="Change one field of study or bench; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for study folders (else LABMTJ_RUNS, else data/runs).")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=1024, help="Processes, each with one thread; 0: one a processor.")
    ] = 0,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster, such as tcp://host:8786.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", autocompletion=completing.runs, help="Go on with the study of this folder."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the table at the end.")] = False,
) -> None:
    """Copy many networks onto many dies and tune them; let networks learn on dies; or train networks of neurons.

    Networks x device sizes x wires x dies, on all cores of this machine or on a Dask cluster. The same file gives the
    same table, byte for byte, whatever the number of workers and however often it was stopped. For instance:

      labmtj study protocols/goodwill.yaml

      labmtj study protocols/goodwill.yaml --set networks.count=20 --set dies=1 --set diameters="[40 nm]" --json

      labmtj study protocols/goodwill.yaml --set networks.files=DIR --workers 8

      labmtj study protocols/wine-in-situ-study.yaml

      labmtj study protocols/digits-neuron-study.yaml

      labmtj study --resume data/runs/2026-11-23T10-14-02-goodwill-study

    The folder holds study.h5 and study.csv (one row a copy; xarray and pandas open them), a table for each side study,
    times.csv, and blocks/ with what is done already; of training on the array in-situ.h5 and in-situ.csv (one row a
    training), and curves.csv; of networks of neurons neuron-study.h5 and neuron-study.csv (one row a network and die),
    paired.csv, and networks/. `labmtj check FILE` checks a study file; `labmtj schema study`, `labmtj schema in-situ`
    and `labmtj schema neuron-study` print the fields.

    Exit codes: 0 done; 2 command line; 3 bad file; 5 no cluster; 6 another process has the study; 7 storage;
    8 done, but no copy could be made on some die, or no network could learn; 129 hung up;
    130 stopped, 143 terminated: go on with --resume.
    """
    from labmtj.cli.asked import Asked
    from labmtj.cli.study_progress import Shown
    from labmtj.studies.carrying import Means, Unseen
    from labmtj.studies.engine import resume_study, run_study
    from labmtj.studies.in_situ.examine import names_in_situ
    from labmtj.studies.in_situ.folder import is_in_situ_folder
    from labmtj.studies.neurons.examine import names_neuron_study
    from labmtj.studies.neurons.folder import is_neuron_folder

    if bool(file) == (resume is not None):
        raise typer.BadParameter("give a study file, or --resume FOLDER")
    if resume is not None and (bench or settings or out):
        raise typer.BadParameter("--resume goes on with a study as it began: without --bench, --set and --out")
    watcher = None if as_json or quiet else Shown()
    asked = Asked(file, bench, tuple(settings or ()), out, resume)
    if names_neuron_study(file) if resume is None else is_neuron_folder(resume):
        from labmtj.cli import neurons

        neurons.study(asked, workers=workers, dask=dask, watcher=watcher, as_json=as_json)
        return
    if names_in_situ(file) if resume is None else is_in_situ_folder(resume):
        from labmtj.cli import in_situ

        in_situ.study(asked, workers=workers, dask=dask, watcher=watcher, as_json=as_json)
        return
    means: Means[Task] = Means(workers, dask, watcher or Unseen())
    try:
        if resume is not None:
            finished = resume_study(resume, means=means)
        else:
            finished = run_study(file, bench=bench, settings=settings or [], out=out, means=means)
    finally:
        if watcher is not None:
            watcher.close()
    tell(finished, as_json=as_json)


def go_on(folder: Path, *, as_json: bool, quiet: bool) -> None:
    """What `labmtj resume` does with the folder of a study."""
    study(resume=folder, as_json=as_json, quiet=quiet, workers=0)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a study found; exits with 8 if blocks failed."""
    from labmtj.cli.study_progress import show
    from labmtj.studies.summary import rows
    from labmtj.studies.table import COPIES

    asked = {f"{part}_{kind}_{of}": None for kind in _KINDS for part in _PARTS for of in ("mean", "median", "p5")}
    found = [{**asked, "write_fidelity_median": None, **row} for row in rows(finished.found[COPIES])]
    if as_json:
        content = {
            "rows": found,
            "study": str(finished.folder),
            "seconds": round(finished.seconds, 3),
            "processor_seconds": round(finished.processor_seconds, 3),
            "workers": finished.workers,
            "failed_blocks": finished.failures,
        }
        typer.echo(json.dumps(content, allow_nan=False))
    else:
        show(finished, found)
    if finished.failures:
        raise typer.Exit(8)
