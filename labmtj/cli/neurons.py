"""What `labmtj study` does with a study of networks of neurons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table

from labmtj.cli.asked import Asked, carried, told
from labmtj.terminal import percent

if TYPE_CHECKING:
    from rich.console import Console

    from labmtj.cli.study_progress import Shown
    from labmtj.studies.finishing import Finished
    from labmtj.studies.neurons.grid import Trial


def study(asked: Asked, *, workers: int, dask: str | None, watcher: Shown | None, as_json: bool) -> None:
    """Carry it out, or go on with it, and print what it found; exits with 8 if blocks failed."""
    from labmtj.studies.carrying import Means, Unseen
    from labmtj.studies.neurons.engine import resume_neuron_study, run_neuron_study

    means: Means[Trial] = Means(workers, dask, watcher or Unseen())
    finished = carried(
        asked, watcher, begin=partial(run_neuron_study, means=means), go_on=partial(resume_neuron_study, means=means)
    )
    tell(finished, as_json=as_json)


def tell(finished: Finished, *, as_json: bool) -> None:
    """Print what a study of networks of neurons found; exits with 8 if blocks failed."""
    told(finished, tables=("paired",), show=_show, as_json=as_json)


def _show(console: Console, finished: Finished) -> None:
    """Print a line a condition."""
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


def _percent(value: str | float | None) -> str:
    return percent(float(value)) if isinstance(value, int | float) else ""


def _points(value: str | float | None) -> str:
    return f"{100.0 * value:+.3f}" if isinstance(value, int | float) else ""


def _asked(value: str | float | None) -> str:
    return f"{100.0 * value:g}" if isinstance(value, int | float) else "-"
