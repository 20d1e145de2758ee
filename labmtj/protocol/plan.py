"""A protocol on other simulated dies than the bench's own: what it will take, before it is run.

Each die runs the whole protocol in a process of its own, through the same drivers and instruments as a real run,
in a run folder that is thrown away. The seeds are never the bench's: a plan knows the kind of die, not the die.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

from labmtj.account import Account, from_entry
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile
from labmtj.errors import InputError, LabmtjError
from labmtj.interrupts import leave_with_parent
from labmtj.protocol.load import Job
from labmtj.runs.journal import line_pulse_of, read_journal

FIRST_SEED = 1000  # chosen: far from the numbers that people give their dies


@dataclass(frozen=True)
class StepTaken:
    """A step on one die: its name, bench time [s] and pulses.

    `volts` is the largest |V| that it asked for across a cell or at a line, 0 where it asked for none; `checks` [s] is
    what abort criteria took after it.
    """

    name: str
    seconds: float
    pulses: int
    volts: float = 0.0
    checks: float = 0.0


@dataclass(frozen=True, eq=False)
class DieRun:
    """The protocol on one die: figures of the run and the account of the die, or why it failed (with its exit code)."""

    seed: int
    figures: dict[str, Any]
    account: Account | None
    steps: tuple[StepTaken, ...]
    failure: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class _Task:
    seed: int
    protocol: Path
    bench: Path
    out: Path


def run_dies(
    job: Job,
    *,
    dies: int = 8,
    first: int = FIRST_SEED,
    workers: int | None = None,
    done: Callable[[DieRun], None] = lambda run: None,
) -> list[DieRun]:
    """Run a job on `dies` simulated dies, their seeds from `first` on; `done` hears of each as it ends.

    `workers` processes, as many as there are processors if not said; with 1 it runs in this process.
    """
    if dies < 1:
        raise InputError(f"{dies} dies tell nothing: give --dies 1 or more")
    with tempfile.TemporaryDirectory(prefix="labmtj-plan-") as folder:
        protocol, bench = _effective(job, Path(folder))
        tasks = [_Task(seed, protocol, bench, Path(folder) / f"die-{seed}") for seed in seeds(job, dies, first=first)]
        count = min(dies, workers or os.cpu_count() or 1)
        found: list[DieRun] = []
        for run in _parallel(tasks, count) if count > 1 else map(_run_die, tasks):
            found.append(run)
            done(run)
        return sorted(found, key=lambda run: run.seed)


def seeds(job: Job, dies: int, *, first: int = FIRST_SEED) -> list[int]:
    """So many seeds from `first` on, without that of the bench's own die."""
    simulation = job.bench.bench.simulation
    own = (simulation.die.seed or 0) if simulation is not None and simulation.die is not None else 0
    return list(itertools.islice((seed for seed in itertools.count(first) if seed != own), dies))


def _parallel(tasks: Sequence[_Task], workers: int) -> Iterator[DieRun]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=leave_with_parent) as pool:
        futures = [pool.submit(_run_die, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise LabmtjError("a process that ran a die ended by itself: out of memory? Plan fewer dies") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_die(task: _Task) -> DieRun:
    """One die, in whatever process; what goes wrong is a part of the result."""
    from labmtj.protocol.engine import run

    try:
        outcome = run(task.protocol, bench=task.bench, seed=task.seed, out=task.out)
    except LabmtjError as error:
        notes = [note for note in getattr(error, "__notes__", []) if "the run so far" not in note]
        text = "; ".join([f"{type(error).__name__}: {error}", *notes])
        return DieRun(task.seed, {}, None, (), text, error.exit_code)
    account: Account | None = None
    steps: list[StepTaken] = []
    pulses, volts = 0, 0.0
    for entry in read_journal(outcome.folder / "journal.jsonl"):
        match entry["k"]:
            case "step":
                pulses, volts = 0, 0.0
            case "intent":
                pulses += 1
            case "done":
                steps.append(StepTaken(entry["name"], entry["seconds"], pulses, volts))
            case "check" if steps:
                steps[-1] = replace(steps[-1], checks=steps[-1].checks + entry["seconds"])
            case "account":
                account = from_entry(entry)
            case _:
                pass
        volts = max(volts, _asked(entry))
    return DieRun(task.seed, outcome.figures, account, tuple(steps))


def _asked(entry: dict[str, Any]) -> float:
    """The largest |V| [V] that an entry of a journal is about; 0 for none."""
    if "lines" in entry:
        return line_pulse_of(entry).span
    volts: Any = entry.get({"contact": "at", "neuron": "drive"}.get(entry["k"], "v"), 0.0)
    several = cast("list[float]", volts if isinstance(volts, list) else [volts])
    return max((abs(float(volt)) for volt in several), default=0.0)


def _effective(job: Job, folder: Path) -> tuple[Path, Path]:
    """Write the protocol without its reports, and the bench with its instruments simulated and a fresh die."""
    protocol: dict[str, Any] = dict(job.source.data)
    steps = [step for step in protocol["steps"] if "report" not in step]
    protocol["steps"] = steps or protocol["steps"]
    bench = _simulated(job.bench)
    paths = folder / f"{Path(job.source.name).stem}.yaml", folder / "bench.yaml"
    for path, content in zip(paths, (protocol, bench), strict=True):
        path.write_text(yaml12.dump(content), encoding="utf-8")
    return paths


def _simulated(file: BenchFile) -> dict[str, Any]:
    data: dict[str, Any] = dict(file.source.data)
    simulation = dict(cast("dict[str, Any]", data.get("simulation") or {}))
    simulation.pop("state", None)
    return {**data, "visa": "@labmtj", "simulation": simulation}
