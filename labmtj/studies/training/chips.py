"""The dies of a training study: drawn with so many times the bench's shorts, or measured; some give the statistics."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labmtj.dies import die_model
from labmtj.errors import FileProblems, InputError, StorageError
from labmtj.physics.gated import gated_cell
from labmtj.physics.mtj import LINEAR
from labmtj.records import ChipMaps, Defect, State
from labmtj.runs.die_map import read_die_map
from labmtj.studies.tidy import Table
from labmtj.studies.training.load import TrainingJob

_REACH = 8  # chosen: currents are shown up to so many times the read voltage, where the transistor saturates
_POINTS = 10  # chosen: points of a curve a read voltage


@dataclass(frozen=True, eq=False)
class Chips:
    """Maps of the dies that networks are judged on, and of the others, which are `known`."""

    judged: ChipMaps
    known: ChipMaps


def count(job: TrainingJob) -> int:
    """Dies that networks are judged on."""
    dies = job.file.dies
    return dies.count if dies.files is None else len(dies.files) - dies.statistics_from


def names(job: TrainingJob) -> tuple[str, ...]:
    """What the dies that networks are judged on are called."""
    dies = job.file.dies
    if dies.files is not None:
        return tuple(dies.files[dies.statistics_from :])
    return tuple(f"seed {seed}" for seed in range(dies.seed, dies.seed + dies.count))


def maps_digest(job: TrainingJob) -> str:
    """SHA-256 of the measured maps; drawn dies follow from file and bench. Raises FileProblems for a missing one."""
    found = hashlib.sha256()
    for position, path in enumerate(job.file.dies.files or ()):
        try:
            found.update(Path(path).read_bytes())
        except OSError as error:
            text = f"{path}: this die map cannot be read: {error.strerror}"
            raise FileProblems([job.source.problem(("dies", "files", position), text)]) from None
    return found.hexdigest()


def chips(job: TrainingJob, *, shorts: float) -> Chips:
    """Maps with `shorts` times the bench's rate of shorts; the same dies at each rate, with more or fewer of them.

    Raises FileProblems for measured maps that cannot be used, and for a rate at which most cells would be defective.
    """
    dies, bench = job.file.dies, job.bench.bench
    if dies.files is not None:
        return _measured(job)
    from labmtj.physics.chip_maps import measured_maps

    assert bench.gates is not None
    model = die_model(bench)
    model = replace(model, short=model.short * shorts)
    if model.short + model.open + model.stuck > 0.5:
        text = f"{shorts:g} times the bench's rate of shorts is {100 * model.short:g} % of all cells"
        raise FileProblems([job.source.problem(("shorts",), text)])
    seeds = range(dies.seed, dies.seed + dies.count + dies.statistics_from)
    drawn = [replace(model, seed=seed) for seed in seeds]
    maps = measured_maps(drawn, read=dies.read, rail=bench.gates.read, noise=dies.noise)
    return Chips(maps.only(list(range(dies.count))), maps.only(list(range(dies.count, len(drawn)))))


def defects(found: Chips, *, shorts: float) -> Table:
    """Cells of each die that networks are judged on, by what is wrong with them."""
    kinds = [kind for kind in Defect if kind is not Defect.NONE]
    dies = len(found.judged.names)
    table: Table = {"die": np.arange(dies), "shorts": np.full(dies, shorts)}
    return table | {kind.name.lower(): np.sum(found.judged.defect == int(kind), axis=(1, 2)) for kind in kinds}


def currents(job: TrainingJob) -> Table:
    """What a good cell in both states and the lowest short draw through their transistor, at both rails."""
    bench, model = job.bench.bench, die_model(job.bench.bench)
    assert bench.gates is not None
    assert model.transistor is not None
    read = job.file.dies.read
    volts = np.arange(_REACH * _POINTS + 1) * read / _POINTS
    r_p = model.resistance_area / (np.pi * model.diameter**2 / 4.0)
    parts: list[Table] = []
    for rail in (bench.gates.read, bench.gates.write):
        cells = (("P", State.P, r_p), ("AP", State.AP, r_p), ("short", LINEAR, model.short_resistance[0]))
        for name, state, ohms in cells:
            found = gated_cell(
                int(state), ohms, v_row=volts, v_col=0.0, gate=rail, tmr=model.tmr, v_h=model.v_h, k_p=model.k_p,
                transistor=model.transistor,
            )  # fmt: skip
            many = len(volts)
            parts.append(
                {
                    "cell": np.full(many, name, object),
                    "rail": np.full(many, rail),
                    "read": np.full(many, read),
                    "volts": volts,
                    "amperes": found.cell_i,
                }
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measured(job: TrainingJob) -> Chips:
    dies = job.file.dies
    paths = dies.files or []
    try:
        maps = ChipMaps.measured([read_die_map(Path(path)) for path in paths], names=paths)
    except (InputError, StorageError) as error:
        raise FileProblems([job.source.problem(("dies", "files"), str(error))]) from error
    first = dies.statistics_from
    return Chips(maps.only(list(range(first, len(maps.names)))), maps.only(list(range(first))))
