"""Rounds drawn from a seed: which scenario is played when, each on a die of its own, and what was found."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from labmtj.chaos.scenario import Scenario
from labmtj.chaos.scenarios import FIRST, SCENARIOS
from labmtj.chaos.stage import Job, Stage
from labmtj.chaos.verdict import NotHeld, Tally, Verdict, tally
from labmtj.config.bench import load_bench
from labmtj.errors import InputError, LabmtjError


def prepare(protocol: Path, bench: str | Path, *, slack: float) -> Job:
    """What chaos is played with. Raises InputError for a bench that is not simulated, or files that are wrong."""
    from labmtj.protocol.load import load_protocol

    job = load_protocol(protocol, bench=bench)
    if job.bench.bench.visa != "@labmtj":
        raise InputError(f"{job.bench.bench.title} is a real bench: chaos is played with simulated ones only")
    return Job(protocol.resolve(), load_bench(bench), slack)


def draw(seed: int, rounds: int, *, only: Sequence[str] = ()) -> list[Scenario]:
    """The scenarios of so many rounds: all of them once in a drawn order, then again in another.

    `only` are names of scenarios or numbers of rows. Raises InputError for one that is not there.
    """
    wanted = [scenario for scenario in SCENARIOS if not only or {scenario.name, str(scenario.row)} & set(only)]
    known = {scenario.name for scenario in SCENARIOS} | {str(scenario.row) for scenario in SCENARIOS}
    unknown = set(only) - known
    if unknown:
        raise InputError(f"{', '.join(sorted(unknown))}: no such scenario; there are {', '.join(sorted(known))}")
    chance, found = random.Random(seed), list[Scenario]()
    while len(found) < rounds:
        found += chance.sample(wanted, len(wanted))
    return found[:rounds]


def play(
    job: Job,
    scenarios: Sequence[Scenario],
    *,
    seed: int,
    folder: Path,
    done: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Play a first round in which nothing goes wrong, then these; folders of rounds that held are thrown away."""
    first = _round(job, FIRST, folder / "00-nothing", seed=seed, number=0)
    done(first)
    if not first.held:
        return [first]
    job = dataclasses.replace(job, entries=round(first.figure or 0.0))
    found = [first]
    for number, scenario in enumerate(scenarios, start=1):
        found.append(_round(job, scenario, folder / f"{number:02d}-{scenario.name}", seed=seed, number=number))
        done(found[-1])
    return found


def _round(job: Job, scenario: Scenario, folder: Path, *, seed: int, number: int) -> Verdict:
    chance = random.Random(f"{seed} {number} {scenario.name}")
    try:
        with Stage(job, folder, chance, seed=_die(job, seed), link=scenario.link, realtime=scenario.realtime) as stage:
            figure = scenario.play(stage)
            if scenario is FIRST:
                stage.finish()
    except (NotHeld, LabmtjError, OSError) as error:
        said = str(error) if isinstance(error, NotHeld) else f"{type(error).__name__}: {error}"
        return Verdict(scenario.name, scenario.row, False, None, (said,), str(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return Verdict(scenario.name, scenario.row, True, figure)


def _die(job: Job, seed: int) -> int:
    """The seed of the die: the bench's own for every round, so that rounds can be compared."""
    simulation = job.bench.bench.simulation
    own = simulation.die.seed if simulation is not None and simulation.die is not None else None
    return seed if own is None else own


def tallies(verdicts: Sequence[Verdict]) -> list[Tally]:
    """All rounds by scenario, in the order of the rows."""
    found: list[Tally] = []
    for scenario in (FIRST, *SCENARIOS):
        mine = [verdict for verdict in verdicts if verdict.scenario == scenario.name]
        if mine:
            found.append(tally(mine, title=scenario.title, measures=scenario.measures))
    return found
