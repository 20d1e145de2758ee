"""What a plan looks like in a terminal: a table of figures, one of steps, a map of the largest voltages."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from labmtj.physics.write_forecast import MOST_DAMAGE
from labmtj.protocol.load import Job
from labmtj.protocol.outlook import Band, Outlook
from labmtj.terminal import clock, percent
from labmtj.units import Dimension
from labmtj.units import show as with_unit

STEP_HEAD = ("step", "bench time", "90 % of dies", "pulses", "90 % of dies", "asks for up to")
_WIDEST = 40  # chosen: columns of a map that still fit on a screen


def _count(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _volts(value: float) -> str:
    return with_unit(value, Dimension.VOLTAGE, 3)


def _joule(value: float) -> str:
    for power, prefix in ((0, ""), (3, "m"), (6, "u"), (9, "n")):
        if value * 10**power >= 1:
            return f"{value * 10**power:.3g} {prefix}J"
    return f"{value * 1e12:.3g} pJ"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else clock(value)


def _small(value: float) -> str:
    return f"{value:.2g}"


_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("bench_seconds", "bench time", clock),
    ("check_seconds", "of it for checks of abort criteria", _seconds),
    ("pulses", "pulses", _count),
    ("relay_operations", "relay closures", _count),
    ("pulse_energy_joule", "energy of pulses in the cells", _joule),
    ("read_energy_joule", "energy of everything else", _joule),
    ("expected_disturbs", "flips by pulses on others, expected", _small),
    ("disturbs", "flips by pulses on others, seen", _count),
    ("expected_read_disturbs", "flips by reads, expected", _small),
    ("expected_losses_at_rest", "flips at rest, expected", _small),
    ("largest_cell_volt", "largest voltage across a cell", _volts),
    ("largest_terminal_volt", "largest voltage at a terminal", _volts),
    ("largest_damage", "largest damage of a cell", _small),
    ("repaired", "cells repaired", _count),
    ("pulses_per_changed_cell", "pulses for a cell that must change", _small),
    ("write_fidelity_good", "write fidelity, good cells", percent),
    ("accuracy", "accuracy, all samples", percent),
    ("test_accuracy", "accuracy, test samples, as trained", percent),
)


def show(job: Job, plan: Outlook) -> None:
    """Print a plan."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{job.protocol.title}\n{dies(plan)} on {job.bench.bench.title}")
    for head, rows in (
        (("", "median", "90 % of dies", "limit"), figure_rows(job, plan)),
        (STEP_HEAD, step_rows(plan)),
    ):
        table = Table(box=None, pad_edge=False)
        for place, column in enumerate(head):
            table.add_column(column, justify="right" if place else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    _stress(console, plan, job.protocol.limits.cell_voltage)
    for text in plan.warnings:
        console.print(f"warning: {text}")
    for text in plan.refused:
        console.print(f"refused: {text}")


def dies(plan: Outlook) -> str:
    """Which dies it was run on."""
    first, last = plan.seeds[0], plan.seeds[-1]
    return (
        f"{len(plan.seeds)} simulated dies, seeds {first} to {last}"
        if last > first
        else f"1 simulated die, seed {first}"
    )


def figure_rows(job: Job, plan: Outlook) -> list[list[str]]:
    """What one run takes: name, median, band, limit."""
    limits = job.protocol.limits
    most = {
        "largest_cell_volt": _volts(limits.cell_voltage),
        "largest_terminal_volt": _volts(limits.terminal_voltage),
        "largest_damage": _small(MOST_DAMAGE),
    }
    rows = [
        [label, *_cells(plan.figures[key], write), most.get(key, "")]
        for key, label, write in _ROWS
        if key in plan.figures
    ]
    return [*rows, ["share of the busiest relay's life", *_cells(plan.relay_life, _small), "1"]]


def step_rows(plan: Outlook) -> list[list[str]]:
    """What each step takes: name, bench time with its band, pulses with theirs, the largest voltage it asks for."""
    return [
        [
            step.name,
            *_cells(step.seconds, clock),
            *_cells(step.pulses, _count),
            _volts(step.volts) if step.volts else "",
        ]
        for step in plan.steps
    ]


def _cells(band: Band, write: Callable[[float], str]) -> tuple[str, str]:
    low, high = write(band.low), write(band.high)
    return write(band.median), low if low == high else f"{low} to {high}"


def _stress(console: Console, plan: Outlook, limit: float) -> None:
    """The largest voltage of every cell over all dies, in percent of the limit."""
    rows, cols = plan.peak.shape
    row, col = plan.hottest
    worst = _volts(float(plan.peak[row - 1, col - 1]))
    console.print(f"worst: cell {plan.hottest} of the die with seed {plan.worst_seed}, {worst}")
    if max(rows, cols) > _WIDEST:
        return
    console.print(f"largest voltage of each cell on any die, percent of {_volts(limit)}; rows down, columns across")
    console.print("    " + "".join(f"{number:4d}" for number in range(1, cols + 1)))
    for number in range(rows):
        percents = (round(100 * float(volts) / limit) for volts in plan.peak[number])
        console.print(f"{number + 1:4d}" + "".join(f"{value:4d}" for value in percents))
