"""`labmtj train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labmtj.cli import completing
from labmtj.cli.arguments import AsJson

if TYPE_CHECKING:
    from labmtj.studies.training.engine import Finished


def train(
    file: Annotated[
        str,
        typer.Argument(
            help="A training file, or the name of a shipped one.",
            metavar="FILE",
            show_default=False,
            autocompletion=completing.protocols,
        ),
    ] = "",
    bench: Annotated[
        str | None,
        typer.Option(
            help="A bench file with a chip, or the name of a shipped one, in place of the file's.",
            autocompletion=completing.benches,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            autocompletion=completing.settings,
            help="Change one field of file or bench; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for training folders (else LABMTJ_RUNS, else data/runs).")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", autocompletion=completing.runs, help="Go on with the study of this folder."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the table at the end.")] = False,
) -> None:
    """Train networks for chips with defects, by several methods, and judge each on many dies.

    Every epoch is kept: what was stopped or killed goes on and comes to the same tables. For instance:

      labmtj train protocols/digits-statistics-aware.yaml

      labmtj train protocols/mnist-statistics-aware.yaml --set data.folder=DIR

      labmtj train protocols/digits-statistics-aware.yaml --set dies.count=8 --set train.epochs=20 --json

      labmtj train --resume data/runs/2026-11-23T10-14-02-digits-statistics-aware-train

    The folder holds train.h5 and train.csv (one row a network and die; xarray and pandas open them), a table for each
    other figure, times.csv, networks/ (files that a protocol can name), and report.html. `labmtj check FILE` checks
    a training file, `labmtj schema training` prints its fields.

    Exit codes: 0 done; 2 command line; 3 bad file, or JAX is missing; 6 another process has the study; 7 storage;
    129 hung up; 130 stopped, 143 terminated: go on with --resume.
    """
    from labmtj.cli.train_progress import Shown
    from labmtj.studies.training.engine import Means, Unseen, resume_training, run_training

    if bool(file) == (resume is not None):
        raise typer.BadParameter("give a training file, or --resume FOLDER")
    if resume is not None and (bench or settings or out):
        raise typer.BadParameter("--resume goes on with a study as it began: without --bench, --set and --out")
    watcher = None if as_json or quiet else Shown()
    means = Means(watcher or Unseen())
    try:
        if resume is not None:
            finished = resume_training(resume, means=means)
        else:
            finished = run_training(file, bench=bench, settings=settings or [], out=out, means=means)
    finally:
        if watcher is not None:
            watcher.close()
    tell(finished, as_json=as_json)


def go_on(folder: Path, *, as_json: bool, quiet: bool) -> None:
    """What `labmtj resume` does with the folder of a training study."""
    train(resume=folder, as_json=as_json, quiet=quiet)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a training study found."""
    from labmtj.cli.train_progress import show

    if not as_json:
        show(finished)
        return
    content = {
        "rows": list(finished.rows),
        "study": str(finished.folder),
        "networks": str(finished.folder / "networks"),
        "seconds": round(finished.seconds, 3),
    }
    typer.echo(json.dumps(content, allow_nan=False))
