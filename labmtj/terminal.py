"""What a run looks like in a terminal: a line a step, a bar while it runs, a table at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from labmtj.ports import Ticker

_ROWS = {
    "software": "software",
    "software_tuned": "software, scale tuned",
    "untuned": "array, nominal scale",
    "tuned": "array, scale tuned",
    "layer_scales": "array, a scale a layer",
    "columns": "array, columns tuned",
    "rows_columns": "array, rows and columns tuned",
    "bias": "array, biases refitted",
    "threshold": "array, class thresholds tuned",
    "best": "array, best tuning",
    "real": "real weights, trained in software",
    "ternary": "the same rule on perfect devices",
    "trained": "trained on the array",
}
_PARTS = ("train", "test", "all")


class Terminal:
    """Shows a run as it goes; without a terminal it prints only the line of each finished step."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False)
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._progress.start()
        self._task: Any = None

    def started(self, line: str) -> None:
        """Print which bench is open."""
        self._console.print(f"{'bench':<9}{line}", soft_wrap=True)

    def step(self, name: str, total: int) -> Ticker:
        """Begin a bar."""
        task = self._progress.add_task(name, total=total)
        self._task = task

        def tick(done: int = 1) -> None:
            self._progress.advance(task, done)

        return tick

    def done(self, name: str, line: str, bench_seconds: float, *, replayed: bool = False) -> None:
        """Replace the bar by a line."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        when = "done before" if replayed else f"bench {clock(bench_seconds)}"
        self._console.print(f"{name:<8} {line}   {when}", soft_wrap=True)

    def returned(self, line: str) -> None:
        """Print what was found when a run went on."""
        self._console.print(f"{'resume':<8} {line}", soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()


def clock(seconds: float) -> str:
    """Seconds as hh:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def percent(fraction: float) -> str:
    """A fraction 0..1 as a percentage with two decimals."""
    return f"{100 * fraction:.2f} %"


def show_table(folder: Path, figures: dict[str, Any]) -> None:
    """Print accuracies and write figures, and where the report lies."""
    console = Console(highlight=False, markup=False)
    if "accuracy" in figures:
        table = Table(box=None, pad_edge=False)
        table.add_column("")
        for column in _PARTS:
            table.add_column(column, justify="right")
        for key, label in _ROWS.items():
            if key in figures["accuracy"]:
                values = figures["accuracy"][key]
                scale = ""
                if "scale" in figures and key in ("software_tuned", "tuned"):
                    scale = f" f {figures['scale']['software' if key == 'software_tuned' else 'array']:.2f}"
                table.add_row(label + scale, *(percent(values[part]) if part in values else "" for part in _PARTS))
        console.print(table)
    if "write_fidelity" in figures:
        errors = figures["write_errors"]
        right = round(figures["write_fidelity"] * figures["devices"])
        console.print(
            f"write fidelity {percent(figures['write_fidelity'])} ({right}/{figures['devices']}), "
            f"good cells {percent(figures['write_fidelity_good'])}   "
            f"errors: {errors['missed']} missed, {errors['disturbed']} disturbed, {errors['defective']} defective",
            soft_wrap=True,
        )
        line = (
            f"{figures['pulses_per_cell']:.2f} pulses a cell, {figures['pulses_per_changed_cell']:.2f} "
            f"for each that had to change   {figures['repaired']} repaired"
        )
        if "verify_flips" in figures:
            line += f"   {figures['verify_flips']} changed at the final verify"
        console.print(line, soft_wrap=True)
    console.print(f"bench time {clock(figures['bench_seconds'])}")
    report = folder / "report.html"
    console.print(f"{'report' if report.exists() else 'run'}  {report if report.exists() else folder}", soft_wrap=True)
