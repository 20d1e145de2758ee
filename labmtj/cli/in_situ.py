"""What `labmtj study` does with a study of training on the array."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table

from labmtj.cli.asked import Asked, carried, told
from labmtj.terminal import clock, percent

if TYPE_CHECKING:
    from rich.console import Console

    from labmtj.cli.study_progress import Shown
    from labmtj.studies.finishing import Finished
    from labmtj.studies.in_situ.grid import Trial


def study(asked: Asked, *, workers: int, dask: str | None, watcher: Shown | None, as_json: bool) -> None:
    """Carry it out, or go on with it, and print what it found; exits with 8 if blocks failed."""
    from labmtj.studies.carrying import Means, Unseen
    from labmtj.studies.in_situ.engine import resume_in_situ, run_in_situ

    means: Means[Trial] = Means(workers, dask, watcher or Unseen())
    finished = carried(
        asked, watcher, begin=partial(run_in_situ, means=means), go_on=partial(resume_in_situ, means=means)
    )
    tell(finished, as_json=as_json)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a study of training on the array found; exits with 8 if blocks failed."""
    told(finished, tables=("paired", "time"), show=_show, as_json=as_json)


def _show(console: Console, finished: Finished) -> None:
    """Print a line a part, condition and variant."""
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


def _number(value: str | float | None) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _count(value: str | float | None) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else ""
