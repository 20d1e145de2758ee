"""What `labmtj study` does with a study of networks of neurons."""

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
    from labmtj.studies.neurons.grid import Trial


def study(asked: Asked, *, workers: int, dask: str | None, watcher: Shown | None, as_json: bool) -> None:
    """Carry it out, or go on with it, and print what it found; exits with 8 if blocks failed."""
    from labmtj.studies.carrying import Means, Unseen
    from labmtj.studies.neurons.engine import resume_neuron_study, run_neuron_study

    means: Means[Trial] = Means(workers, dask, watcher or Unseen())
    try:
        if asked.resume is not None:
            finished = resume_neuron_study(asked.resume, means=means)
        else:
            finished = run_neuron_study(
                asked.file, bench=asked.bench, settings=asked.settings, out=asked.out, means=means
            )
    finally:
        if watcher is not None:
            watcher.close()
    tell(finished, as_json=as_json)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a study of networks of neurons found; exits with 8 if blocks failed."""
    if as_json:
        content = {
            "rows": list(finished.rows),
            "paired": listed(finished.found.get("paired", {})),
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
    """Print a line a condition, and where everything lies."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
    table = Table(box=None, pad_edge=False)
    for name in ("part", "network", "variation", "known", "gradient"):
        table.add_column(name)
    for name in ("seeds", "software", "test", "loss", "95 %", "upper", "asked", "holds"):
        table.add_column(name, justify="right")
    for row in finished.rows:
        device = row["role"] == "device"
        variation = row["variation"]
        spread = f"{100 * variation:g} %" if isinstance(variation, float) else ("as measured" if device else "")
        network = "device" if row["reading"] != "plain" else "device, no noise"
        words = [str(row["part"]), network if device else str(row["role"]), spread]
        words += [str(row["calibration"]), str(row["gradient"])]
        accuracies = [_percent(row["software"]), _percent(row["test"])]
        span = "" if row.get("low") is None else f"{_points(row['low'])} .. {_points(row['high'])}"
        asked = " / ".join(_asked(row.get(name)) for name in ("bound", "bound_upper")) if row.get("holds") else ""
        values = [_points(row.get("loss")), span, _points(row.get("upper")), asked, str(row.get("holds", ""))]
        table.add_row(*words, str(row["seeds"]), *accuracies, *values)
    console.print("mean accuracy on test images; loss: points below software, paired by seed, with its 95 % interval;")
    console.print("upper: its one-sided 95 % bound; asked: largest loss / upper bound")
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


def _percent(value: str | float | None) -> str:
    return percent(float(value)) if isinstance(value, int | float) else ""


def _points(value: str | float | None) -> str:
    return f"{100.0 * value:+.3f}" if isinstance(value, int | float) else ""


def _asked(value: str | float | None) -> str:
    return f"{100.0 * value:g}" if isinstance(value, int | float) else "-"
