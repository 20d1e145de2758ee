"""How figures are written in a terminal, and the table at the end of a run (as it goes: labmtj.cli.run_display)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

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
