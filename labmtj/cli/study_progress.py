"""What a study looks like in a terminal: a bar with the time left, and a table at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from labmtj.studies.engine import Finished
from labmtj.studies.table import FAILURES
from labmtj.studies.work import Piece
from labmtj.terminal import clock


class Shown:
    """Shows how a study goes on standard error; without a terminal, one line a tenth of the work."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Progress(
            TextColumn("study"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[blocks]} blocks  {task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: Any = None
        self._blocks = self._done = 0
        self._total = self._before = self._now = 0.0
        self._began = time.monotonic()
        self._told = 0

    def began(self, folder: Path, *, tasks: Sequence[Piece], done: Sequence[Piece], how: str) -> None:
        """Print where the study lies, and begin the bar."""
        self._blocks, self._done = len(tasks), len(done)
        self._total = sum(task.weight for task in tasks)
        self._before = self._now = sum(task.weight for task in done)
        self._began = time.monotonic()
        gone_on = f", {self._done} of them done before" if done else ""
        self._console.print(f"study {folder}\n{self._blocks} blocks{gone_on}   {how}", soft_wrap=True)
        self._task = self._bar.add_task("study", total=self._total, blocks=f"{self._done}/{self._blocks}", left="")
        self._bar.update(self._task, completed=self._now)
        self._bar.start()

    def ended(self, task: Piece, why: str) -> None:
        """Move the bar on; print why a block could not be computed."""
        self._done, self._now = self._done + 1, self._now + task.weight
        if why:
            self._console.print(f"{task.words}: {why.strip().splitlines()[-1]}", soft_wrap=True)
        spent = time.monotonic() - self._began
        left = f"{clock(spent / (self._now - self._before) * (self._total - self._now))} left"
        self._bar.update(self._task, completed=self._now, blocks=f"{self._done}/{self._blocks}", left=left)
        tenth = int(10.0 * self._now / self._total)
        if not self._console.is_terminal and tenth > self._told:
            self._told = tenth
            line = f"{100.0 * self._now / self._total:3.0f} %  {self._done}/{self._blocks} blocks  {left}"
            self._console.print(line, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


_COLUMNS = (
    ("software", "train_software_mean"),
    ("its scale tuned", "train_software_scale_mean"),
    ("untuned", "train_untuned_mean"),
    ("one scale", "train_scale_mean"),
    ("best", "train_best_mean"),
    ("best, 5 %", "train_best_p5"),
    ("best, test", "test_best_mean"),
)


def show(finished: Finished, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a line a diameter and wire, and where everything lies."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
    table = Table(box=None, pad_edge=False)
    several = any("place" in row for row in rows)
    for name in ("diameter", "wire", *(["place"] if several else []), "copies", "fidelity", *dict(_COLUMNS)):
        table.add_column(name, justify="right")
    for row in rows:
        key = [f"{row['diameter_nm']:g} nm", f"{row['r_wire_ohm']:g} ohm", *([str(row["place"])] if several else [])]
        values = [row["write_fidelity_median"], *(row[key] for _, key in _COLUMNS)]
        table.add_row(*key, str(row["networks"] * row["dies"]), *map(_percent, values))
    console.print("accuracy on the training samples, mean over copies")
    console.print(table)
    if FAILURES in finished.found:
        failed = finished.found[FAILURES]
        for block, reason in zip(failed["block"].tolist(), failed["reason"].tolist(), strict=True):
            console.print(f"failed  {block}: {reason}", soft_wrap=True)
    how = f"{finished.workers} workers" if finished.workers else "Dask"
    console.print(
        f"{clock(finished.seconds)} here, {finished.processor_seconds:.0f} s of processor time in all   {how}"
    )
    console.print(f"study  {finished.folder}", soft_wrap=True)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100.0 * fraction:.2f} %"
