"""The blocks of a study, in their one order: what is computed at once, and is kept when the study is interrupted.

A block is one die with one setting, and all networks on it: they begin at the same mapped die, each on an instance of
its own, and are written and read in lockstep. Through instruments each copy is a block of its own.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from labmtj import units
from labmtj.studies.load import StudyJob
from labmtj.studies.records import Kind
from labmtj.units import Dimension

_PREPARE = 40.0  # chosen: a die is mapped in the time of so many copies
_AGE = 0.07  # of a copy, for each time at rest: 15 nm took 13.7 s with six, 40 nm 9.8 s with none
_ABLATION = 12.0  # chosen: variants of every copy; they are not written pulse by pulse
_SEEDS = 1000  # chosen: more dies of a size than anybody simulates
_INVERSE = 3000.0  # chosen: in copies


class What(enum.Enum):
    """What a block computes: copies and what became of them, or one of the side studies."""

    COPIES = "copies"
    PLACEMENTS = "placements"
    ABLATION = "ablation"
    INVERSE = "inverse"


@dataclass(frozen=True)
class Task:
    """One block: its place in the order, what it computes, on which die, and how long that takes.

    Networks `first` .. `last` - 1 are its; `weight` is work in copies on small devices; `kind` is None where dies of
    many kinds are looked at, and `place` is empty where layers are placed in many ways.
    """

    number: int
    what: What
    kind: Kind | None
    die: int
    place: str
    first: int
    last: int
    weight: float

    @property
    def name(self) -> str:
        """What people read, and what its file is called: 0017-copies-40nm-5ohm-die3-optimise."""
        parts = [f"{self.number:04d}", self.what.value]
        if self.kind is not None:
            parts += [size(self.kind), wire(self.kind), f"die{self.die}"]
        if self.place:
            parts.append(self.place)
        if self.last - self.first == 1:
            parts.append(f"network{self.first}")
        return "-".join(part.replace(" ", "") for part in parts)

    @property
    def words(self) -> str:
        """What it is, for a message."""
        where = f" of {size(self.kind)} with wires of {wire(self.kind)}, die {self.die}" if self.kind else ""
        return f"{self.what.value}{where}" + (f", {self.place}" if self.place else "")


def size(kind: Kind) -> str:
    """The diameter for people."""
    return units.show(kind.diameter, Dimension.LENGTH)


def wire(kind: Kind) -> str:
    """The resistance of a segment for people."""
    return units.show(kind.wire, Dimension.RESISTANCE)


def kinds(job: StudyJob) -> list[Kind]:
    """Every diameter with every wire, in the order of the file."""
    return [Kind(diameter, ohms) for diameter in job.study.diameters for ohms in job.study.wires]


def tasks(job: StudyJob, *, networks: int) -> list[Task]:
    """All blocks of a study of so many networks; the same study has the same ones."""
    out: list[Task] = []
    for what, kind, die, place, first, last, weight in _blocks(job, networks):
        out.append(Task(len(out), what, kind, die, place, first, last, weight))
    return out


def _blocks(job: StudyJob, networks: int) -> Iterator[tuple[What, Kind | None, int, str, int, int, float]]:
    study, compare = job.study, job.study.compared
    ranges = [(0, networks)] if study.level == "array" else [(n, n + 1) for n in range(networks)]
    every, ageing = kinds(job), compare.ageing
    for kind in every:
        ages = len(ageing.after) if ageing is not None and kind.diameter in ageing.diameters else 0
        for die in range(study.dies):
            for place in study.place:
                for first, last in ranges:
                    weight = cost(kind) * (_PREPARE + (1.0 + _AGE * ages) * (last - first))
                    yield What.COPIES, kind, die_seed(study.seed, kind, die), place, first, last, weight
    if job.real:
        return  # side studies need dies that are known inside out
    placements, ablation, inverse = compare.placements, compare.ablation, compare.inverse
    for kind in every if placements is not None else ():
        assert placements is not None
        count = min(placements.networks, networks)
        for die in range(min(placements.dies, study.dies)):
            weight = cost(kind) * (_PREPARE + 3 * count)
            yield What.PLACEMENTS, kind, die_seed(study.seed, kind, die), "", 0, count, weight
    for kind in every if ablation is not None else ():
        assert ablation is not None
        count = min(ablation.networks, networks)
        for die in range(min(ablation.dies, study.dies)):
            weight = cost(kind) * (_PREPARE + _ABLATION * count)
            yield What.ABLATION, kind, die_seed(study.seed, kind, die), study.place[0], 0, count, weight
    if inverse is not None:
        yield What.INVERSE, None, study.seed, study.place[0], 0, min(inverse.networks, networks), _INVERSE


def die_seed(seed: int, kind: Kind, die: int) -> int:
    """Seed of a die by its number: dies of another size are other dies, with other wires they are the same ones."""
    return seed + _SEEDS * round(kind.diameter * 1e9) + die


def cost(kind: Kind) -> float:
    """Work of one copy on a die of this kind, in units of one on small devices with good wires.

    It rises with what a segment takes of a cell's voltage, r G, and G with the area. A block of 300 copies took 9.8 s
    of processor time at 40 nm with wires of 5 ohm, and 45 s at 100 nm with 20 ohm.
    """
    return 1.0 + 3.6 * min((kind.wire / 20.0) * (kind.diameter / 100e-9) ** 2, 4.0)
