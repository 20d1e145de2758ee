"""What a training study looks like in a terminal: a bar with method, epoch, accuracy and time left; a table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from labmtj.studies.tidy import Table as Tidy
from labmtj.studies.training.course import Course
from labmtj.studies.training.engine import Finished
from labmtj.studies.training.fits import Fit
from labmtj.studies.training.judging import ACCURACY
from labmtj.terminal import clock, percent


class Shown:
    """Shows how training goes on standard error; without a terminal, one line a fit."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Progress(
            TextColumn("train"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[line]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: Any = None
        self._total = self._done = self._new = self._skipped = 0.0
        self._seen: dict[int, int] = {}
        self._began = time.monotonic()

    def began(self, folder: Path, *, fits: Sequence[Fit], facts: Mapping[str, str]) -> None:
        """Print where the study lies and what it is about, and begin the bar."""
        self._console.print(f"training {folder}\n{len(fits)} fits", soft_wrap=True)
        for name, text in facts.items():
            self._console.print(f"{name:<10} {text}", soft_wrap=True)
        self._total = sum(fit.weight for fit in fits)
        self._began = time.monotonic()
        self._task = self._bar.add_task("train", total=self._total, line="")
        self._bar.start()

    def advanced(self, fit: Fit, course: Course) -> None:
        """Move the bar on."""
        seen = self._seen.get(fit.number)
        if seen is None:  # what was done before this process began
            self._skipped += (course.epochs - 1) * fit.epoch_weight
            self._done += (course.epochs - 1) * fit.epoch_weight
        self._seen[fit.number] = course.epochs
        self._done += fit.epoch_weight
        accuracy = percent(float(course.history["validation"][-1].mean()))
        line = f"{fit.words}  epoch {course.epochs}/{fit.epochs}  {accuracy}  {self._left()}"
        self._bar.update(self._task, completed=self._done, line=line)

    def ended(self, fit: Fit, course: Course, found: Mapping[str, Tidy], *, kept: bool) -> None:
        """Print a line about a fit; epochs that it did not need are no work any more."""
        trained = self._seen.get(fit.number, 0)
        self._done += (fit.epochs - trained) * fit.epoch_weight
        self._skipped += (fit.epochs - trained) * fit.epoch_weight
        self._bar.update(self._task, completed=self._done)
        accuracy = found[ACCURACY]["accuracy"]
        took = "done before" if kept else clock(float(course.costs["seconds"].sum()))
        line = f"{fit.words:<40} {course.epochs:>4} epochs  mean {percent(float(accuracy.mean()))}"
        self._console.print(f"{line}  worst {percent(float(accuracy.min()))}   {took}", soft_wrap=True)

    def _left(self) -> str:
        worked = self._done - self._skipped
        if not worked:
            return ""
        spent = time.monotonic() - self._began
        return f"{clock(spent / worked * (self._total - self._done))} left"

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


def show(finished: Finished) -> None:
    """Print a line a method, mask and rate of shorts, and where everything lies."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
    table = Table(box=None, pad_edge=False)
    for name in ("method", "mask"):
        table.add_column(name)
    for name in ("shorts", "dies", "software", "mean", "worst", "best", "gap, mean", "gap, worst"):
        table.add_column(name, justify="right")
    for row in finished.rows:
        values = [_percent(row[name]) for name in ("software", "mean", "worst", "best")]
        gaps = [_points(row[name]) for name in ("gap_mean", "gap_worst")]
        table.add_row(str(row["method"]), str(row["mask"]), f"{row['shorts']:g} x", str(row["dies"]), *values, *gaps)
    console.print("accuracy on the test images over the dies; gap: points to the baseline with perfect devices")
    console.print(table)
    console.print(f"{clock(finished.seconds)} here")
    report = finished.folder / "report.html"
    console.print(f"report {report}" if report.is_file() else f"study  {finished.folder}", soft_wrap=True)


def _percent(value: str | int | float | None) -> str:
    return percent(float(value)) if isinstance(value, int | float) else ""


def _points(value: str | int | float | None) -> str:
    return f"{100.0 * value:+.2f}" if isinstance(value, int | float) else ""
