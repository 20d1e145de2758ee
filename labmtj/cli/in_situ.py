"""What `labmtj study` does with a study of training on the array."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from labmtj.cli.asked import Asked, listed
from labmtj.terminal import clock, percent

if TYPE_CHECKING:
    from labmtj.cli.study_progress import Shown
    from labmtj.studies.finishing import Finished
    from labmtj.studies.in_situ.grid import Trial


def study(asked: Asked, *, workers: int, dask: str | None, watcher: Shown | None, as_json: bool) -> None:
    """Carry it out, or go on with it, and print what it found; exits with 8 if blocks failed."""
    from labmtj.studies.carrying import Means, Unseen
    from labmtj.studies.in_situ.engine import resume_in_situ, run_in_situ

    means: Means[Trial] = Means(workers, dask, watcher or Unseen())
    try:
        if asked.resume is not None:
            finished = resume_in_situ(asked.resume, means=means)
        else:
            finished = run_in_situ(asked.file, bench=asked.bench, settings=asked.settings, out=asked.out, means=means)
    finally:
        if watcher is not None:
            watcher.close()
    tell(finished, as_json=as_json)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a study of training on the array found; exits with 8 if blocks failed."""
    if as_json:
        content = {
            "rows": list(finished.rows),
            "paired": listed(finished.found.get("paired", {})),
            "time": listed(finished.found.get("time", {})),
            "study": str(finished.folder),
            "seconds": round(finished.seconds, 3),
            "processor_seconds": round(finished.processor_seconds, 3),
            "workers": finished.workers,
            "failed_blocks": finished.failures,
        }
        typer.echo(json.dumps(content, allow_nan=False))
    else:
        _show(finished)
    if finished.failures:
        raise typer.Exit(8)


def _show(finished: Finished) -> None:
    """Print a line a part, condition and variant, and where everything lies."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
    table = Table(box=None, pad_edge=False)
    for name in ("part", "dies are", "variant"):
        table.add_column(name)
    for name in ("trainings", "train", "test", "worst die", "pulses", "writes", "flips", "disturbed", "array"):
        table.add_column(name, justify="right")
    for row in finished.rows:
        accuracies = [percent(_number(row[name])) for name in ("train", "test", "worst")]
        counts = [_count(row[name]) for name in ("pulses", "writes", "flips", "disturbed")]
        time = "" if row["seconds"] is None else clock(_number(row["seconds"]))
        words = [str(row[name]).replace("_", " ") for name in ("part", "condition", "variant")]
        table.add_row(*words, str(row["copies"]), *accuracies, *counts, time)
    console.print("mean accuracy over dies and splits; pulses and time of one training")
    console.print(table)
    if "failures" in finished.found:
        failed = finished.found["failures"]
        for block, reason in zip(failed["block"].tolist(), failed["reason"].tolist(), strict=True):
            console.print(f"failed  {block}: {reason}", soft_wrap=True)
    how = f"{finished.workers} workers" if finished.workers else "Dask"
    console.print(
        f"{clock(finished.seconds)} here, {finished.processor_seconds:.0f} s of processor time in all   {how}"
    )
    report = finished.folder / "report.html"
    console.print(f"report {report}" if report.is_file() else f"study  {finished.folder}", soft_wrap=True)


def _number(value: str | float | None) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _count(value: str | float | None) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else ""
