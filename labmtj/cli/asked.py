"""What the kinds of `labmtj study` have in common: what was asked for, carrying it out, and telling what came of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from numpy.typing import NDArray
from rich.console import Console

from labmtj.terminal import clock

if TYPE_CHECKING:
    from labmtj.cli.study_progress import Shown
    from labmtj.studies.finishing import Finished


@dataclass(frozen=True)
class Asked:
    """Which study: a file with a bench, settings and a folder for its own, or the folder of one to go on with."""

    file: str
    bench: str | None
    settings: tuple[str, ...]
    out: Path | None
    resume: Path | None


def carried(
    asked: Asked,
    watcher: Shown | None,
    *,
    begin: Callable[..., Finished],
    go_on: Callable[[Path], Finished],
) -> Finished:
    """Begin the study that was asked for, or go on with it; the watcher's display is closed however it ends."""
    try:
        if asked.resume is not None:
            return go_on(asked.resume)
        return begin(asked.file, bench=asked.bench, settings=asked.settings, out=asked.out)
    finally:
        if watcher is not None:
            watcher.close()


def told(
    finished: Finished, *, tables: Sequence[str], show: Callable[[Console, Finished], None], as_json: bool
) -> None:
    """Print what a study found, for people by `show`, or as JSON with these `tables`; exits with 8 if blocks failed."""
    if as_json:
        content = {
            "rows": list(finished.rows),
            **{name: listed(finished.found.get(name, {})) for name in tables},
            "study": str(finished.folder),
            "seconds": round(finished.seconds, 3),
            "processor_seconds": round(finished.processor_seconds, 3),
            "workers": finished.workers,
            "failed_blocks": finished.failures,
        }
        typer.echo(json.dumps(content, allow_nan=False))
    else:
        console = Console(highlight=False, markup=False)
        if not console.is_terminal:
            console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
        show(console, finished)
        _end(console, finished)
    if finished.failures:
        raise typer.Exit(8)


def _end(console: Console, finished: Finished) -> None:
    """Print what failed, what it took, and where everything lies."""
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


def listed(table: Mapping[str, NDArray[Any]]) -> list[dict[str, object]]:
    """Rows of a table as JSON has them; what is not known is null."""
    columns = {name: [_plain(value) for value in values.tolist()] for name, values in table.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
