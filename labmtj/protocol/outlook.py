"""What a plan's dies say together: medians, bands in which the next die is expected, the stress of every cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labmtj.account import Account
from labmtj.config.bench import Limits
from labmtj.config.model import SwitchMatrixModel, load_model
from labmtj.errors import InputError, PlanRefused
from labmtj.physics.write_forecast import MOST_DAMAGE
from labmtj.protocol.load import Job
from labmtj.protocol.plan import DieRun
from labmtj.records import Cell, Floats
from labmtj.units import Dimension, show

COVERAGE = 0.9  # of the next die, by a band
_LIFE = 0.01  # chosen: a hundredth of a relay's life in one run is worth a word


@dataclass(frozen=True)
class Band:
    """Median over dies, and the interval in which the next die is expected with a probability of 90 %."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class StepTakes:
    """A step over all dies: bench time [s], pulses, and the largest |V| [V] that it asks for, 0 for none."""

    name: str
    seconds: Band
    pulses: Band
    volts: float


@dataclass(frozen=True, eq=False)
class Outlook:
    """A plan: `figures` by name, its steps, the largest |V| [V] of each cell over all dies.

    `relay_life` is what one run takes of the life of its busiest relay. `damage` is the largest sum of dt / t63 of
    any cell on any die, `refused` and `warnings` say what is wrong.
    """

    seeds: tuple[int, ...]
    figures: dict[str, Band]
    steps: tuple[StepTakes, ...]
    peak: Floats
    hottest: Cell
    worst_seed: int
    relay_life: Band
    damage: float
    disturb: Floats
    refused: tuple[str, ...]
    warnings: tuple[str, ...]


def band(values: Sequence[float], *, most: float = math.inf) -> Band:
    """Median and band of some dies.

    The band is the prediction interval of a normal distribution, mean +- t s sqrt(1 + 1/n) with Student's t (Hahn and
    Meeker 1991, Statistical Intervals, doi:10.1002/9780470316771, chapter 4), never narrower than what was seen; no
    figure is below 0, or above `most`.
    """
    from scipy import stats

    student: Any = stats.t  # scipy has no types
    found = np.asarray(values, dtype=np.float64)
    middle, count = float(np.median(found)), found.size
    if count < 2:
        return Band(middle, middle, middle)
    half = float(student.ppf(0.5 + 0.5 * COVERAGE, count - 1)) * float(found.std(ddof=1)) * math.sqrt(1 + 1 / count)
    low, high = float(found.mean()) - half, float(found.mean()) + half
    if count < 2 / (1 - COVERAGE):  # so few dies hardly ever show more than the band should hold
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    return Band(middle, max(0.0, low), min(most, high))


# What is shown of each die: name in the plan, and where it comes from.
_ACCOUNT: dict[str, Callable[[Account], float]] = {
    "pulses": lambda a: a.pulses,
    "relay_operations": lambda a: a.relay_operations,
    "busiest_relay": lambda a: float(a.closures.max()),
    "pulse_energy_joule": lambda a: a.pulse_energy,
    "read_energy_joule": lambda a: a.read_energy,
    "expected_disturbs": lambda a: float(a.disturb.sum()),
    "disturbs": lambda a: float(a.disturbed.sum()),
    "expected_read_disturbs": lambda a: a.read_disturb,
    "expected_losses_at_rest": lambda a: a.rest_loss,
    "largest_cell_volt": lambda a: float(a.peak.max()),
    "largest_terminal_volt": lambda a: a.terminal,
    "largest_damage": lambda a: float(a.damage.max()),
}
_FIGURES = ("write_fidelity_good", "repaired", "pulses_per_changed_cell")


def outlook(job: Job, runs: Sequence[DieRun]) -> Outlook:
    """Put the runs of a plan together. Raises PlanRefused or InputError if none of them came to its end."""
    whole = [run for run in runs if run.account is not None]
    if not whole:
        failures = "\n".join(f"seed {run.seed}: {run.failure}" for run in runs)
        limited = any(run.exit_code == PlanRefused.exit_code for run in runs)
        kind = PlanRefused if limited else InputError
        raise kind(f"the protocol came to its end on none of {len(runs)} simulated dies:\n{failures}")
    accounts = [run.account for run in whole if run.account is not None]
    figures = {"bench_seconds": band([run.figures["bench_seconds"] for run in whole])}
    figures |= {name: band([of(account) for account in accounts]) for name, of in _ACCOUNT.items()}
    if job.protocol.abort is not None and job.protocol.abort.measured:
        figures["check_seconds"] = band([sum(step.checks for step in run.steps) for run in whole])
    for name in _FIGURES:
        values = [run.figures[name] for run in whole if run.figures.get(name) is not None]
        if values:
            figures[name] = band(values, most=1.0 if name == "write_fidelity_good" else math.inf)
    tuned = [_accuracy(run.figures) for run in whole]
    if all(value is not None for value in tuned):
        figures["accuracy"] = band([value for value in tuned if value is not None], most=1.0)
    if all("training" in run.figures for run in whole):
        figures["test_accuracy"] = band([run.figures["training"]["test"] for run in whole], most=1.0)
    peaks = np.array([account.peak for account in accounts])
    which, row, col = (int(n) for n in np.unravel_index(int(np.argmax(peaks)), peaks.shape))
    busiest, life = figures["busiest_relay"], _life(job)
    found = Outlook(
        seeds=tuple(run.seed for run in runs),
        figures=figures,
        steps=_steps(whole),
        peak=peaks.max(axis=0),
        hottest=Cell(row + 1, col + 1),
        worst_seed=whole[which].seed,
        relay_life=Band(busiest.median / life, busiest.low / life, busiest.high / life),
        damage=max(float(account.damage.max()) for account in accounts),
        disturb=np.mean([account.disturb for account in accounts], axis=0),
        refused=(),
        warnings=(),
    )
    refused, warnings = _against(found, job.protocol.limits, runs, accounts)
    return replace(found, refused=tuple(refused), warnings=tuple(warnings))


def _accuracy(figures: dict[str, Any]) -> float | None:
    found = figures.get("accuracy", {})
    best = found.get("tuned") or found.get("untuned")
    return None if best is None else float(best["all"])


def _life(job: Job) -> float:
    """Closures that the relays of a bench's matrix live for, by its data sheet; without end where there is none."""
    sheets = [load_model(job.bench.model_file(name)) for name in job.bench.bench.instruments]
    return float(next((sheet.relay.life for sheet in sheets if isinstance(sheet, SwitchMatrixModel)), math.inf))


def _steps(runs: Sequence[DieRun]) -> tuple[StepTakes, ...]:
    count = min(len(run.steps) for run in runs)
    return tuple(
        StepTakes(
            name=runs[0].steps[n].name,
            seconds=band([run.steps[n].seconds for run in runs]),
            pulses=band([run.steps[n].pulses for run in runs]),
            volts=max(run.steps[n].volts for run in runs),
        )
        for n in range(count)
    )


def _against(
    found: Outlook, limits: Limits, runs: Sequence[DieRun], accounts: Sequence[Account]
) -> tuple[list[str], list[str]]:
    """What passes a limit, and what is worth a word."""
    refused: list[str] = []
    warnings: list[str] = []
    peak, terminal = float(found.peak.max()), max(account.terminal for account in accounts)
    for volts, most, what in (
        (peak, limits.cell_voltage, f"cell {found.hottest} of the die with seed {found.worst_seed}"),
        (terminal, limits.terminal_voltage, "a terminal"),
    ):
        if volts > most * (1 + 1e-3):  # a source is a little off what it is asked for
            refused.append(
                f"{what} sees {show(volts, Dimension.VOLTAGE)}, above the limit {show(most, Dimension.VOLTAGE)}"
            )
    if found.damage > MOST_DAMAGE:
        refused.append(f"a cell is written into breakdown: damage {found.damage:.1e}, {MOST_DAMAGE:.0e} is allowed")
    broken = sum(account.broken for account in accounts)
    if broken:
        refused.append(f"{broken} barriers break on {len(accounts)} dies")
    if found.relay_life.median > 1:
        refused.append(f"one run takes {found.relay_life.median:.2g} lives of its busiest relay")
    elif found.relay_life.median > _LIFE:
        warnings.append(f"one run takes {found.relay_life.median:.1%} of the life of its busiest relay")
    for run in runs:
        if run.failure:
            (refused if run.exit_code == 4 else warnings).append(f"die with seed {run.seed}: {run.failure}")
    return refused, warnings
