"""Study files: which networks, on dies of which sizes and wires, written, read and tuned how, compared in what."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast, get_args

from pydantic import Field

from labmtj import units
from labmtj.config.check import nearest
from labmtj.config.quantities import Delay, Length, Model, Resistance, Time, refuse, written_as
from labmtj.errors import UnitError
from labmtj.records import Scheme
from labmtj.units import Dimension

How = Literal["identity", "avoid_defects", "optimise"]
Tuning = Literal["scale", "layer_scales", "columns", "rows_columns", "bias", "threshold", "best"]
PLACES: tuple[str, ...] = get_args(How)
TUNINGS: tuple[str, ...] = get_args(Tuning)
BY_SIZE = "by_size"
_SMALL, _READ, _READ_SMALL = 30e-9, 50e-3, 20e-3  # chosen: read disturb of 15 nm cells (physics.md, section 4)


def _count(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise refuse(f"{value!r} is no number of networks", hint="write all, or a number from 1: count: 20")


def _places(value: object) -> tuple[str, ...]:
    names = tuple(cast("list[object]", value)) if isinstance(value, list | tuple) else (value,)
    for name in names:
        if name not in PLACES:
            raise refuse(f"{name!r} is no way to place a layer", hint=nearest(str(name), PLACES))
    if not names or len(set(names)) < len(names):
        raise refuse("each way to place a layer may stand here once, and one must", hint=f"{', '.join(PLACES)}")
    return cast("tuple[str, ...]", names)


def _read(value: object) -> str | float:
    if value == BY_SIZE:
        return BY_SIZE
    try:
        found = units.parse(value, Dimension.VOLTAGE)
    except UnitError as error:
        raise refuse(str(error), hint=f"write {BY_SIZE}, or a voltage with its unit: read: 50 mV") from None
    if not found > 0.0:
        raise refuse(f"{value!r} must be above zero")
    return found


_NAMED = {"type": "string", "enum": list(PLACES)}
Count = Annotated[int | str, *written_as(_count, {"anyOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]})]
Places = Annotated[
    tuple[str, ...],
    *written_as(_places, {"anyOf": [_NAMED, {"type": "array", "items": _NAMED, "minItems": 1, "uniqueItems": True}]}),
]
ReadVoltage = Annotated[
    str | float,
    *written_as(
        _read,
        {
            "anyOf": [{"const": BY_SIZE}, {"type": "string", "pattern": units.pattern(Dimension.VOLTAGE)}],
            "examples": [BY_SIZE, "50 mV"],
        },
    ),
]


class Networks(Model):
    """Which networks are copied: the shipped ones, or all of a folder in the NIST format."""

    replaces: ClassVar[dict[str, tuple[str, ...]]] = {"files": ("shipped",), "shipped": ("files",)}

    shipped: Literal["wine"] | None = None
    """The 300 networks that ship with labmtj."""
    files: str | None = None
    """Folder with weights in the NIST format; all its solutions, its data and its split if it has a dataset/"""
    count: Count = "all"
    """How many of them, the first ones; all if it is not said."""


class Writing(Model):
    """How copies are written: write-verify, cell by cell, with the amplitudes of the map."""

    algorithm: Literal["verify_first"] = "verify_first"
    """Which cells get a pulse: those that a reading shows in the wrong state."""
    scheme: Annotated[Scheme, Field(strict=False)] = Scheme.V_HALF
    """What lines that are not selected get during a pulse."""
    width: Time | None = None
    """Width of the pulses; the bench's if it is not said."""
    retries: Annotated[int, Field(ge=0, le=1000)] = 10
    """Further pulses on a cell that has not switched."""
    repair_sweeps: Annotated[int, Field(ge=0, le=100)] = 4
    """How often the whole layer is read and what changed is written again."""
    compensate: bool = True
    """Add at the terminals what the wires take."""
    pause: Delay = 0.0
    """Time at rest between two layers."""


class Reading(Model):
    """How copies are read."""

    read: ReadVoltage = BY_SIZE
    """Read voltage of an input of 1: by_size is 50 mV from 30 nm up and 20 mV below."""
    noise: bool = True
    """With the noise of junctions and ammeters."""

    def voltage(self, diameter: float) -> float:
        """Read voltage [V] of cells of a `diameter` [m]."""
        if isinstance(self.read, float):
            return self.read
        return _READ if diameter >= _SMALL * (1.0 - 1e-9) else _READ_SMALL


class Ablation(Model):
    """Which failure costs what: each alone and each left out, on some of the networks and dies."""

    networks: Annotated[int, Field(ge=1)] = 60
    """How many of the networks, the first ones."""
    dies: Annotated[int, Field(ge=1)] = 2
    """How many of the dies of each kind, the first ones."""


class Placements(Model):
    """What each way to place a layer gains, on some of the networks and dies."""

    networks: Annotated[int, Field(ge=1)] = 60
    """How many of the networks, the first ones."""
    dies: Annotated[int, Field(ge=1)] = 2
    """How many of the dies of each kind, the first ones."""


class Inverse(Model):
    """Which faults of an array give the accuracy of a publication: contours over planes of two of them."""

    networks: Annotated[int, Field(ge=1)] = 60
    """How many of the networks, the first ones."""
    accuracy: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.953
    """Median accuracy on training samples, after tuning, whose contour is sought."""


class Ageing(Model):
    """Accuracy against time since the write, on devices that forget."""

    diameters: Annotated[list[Length], Field(min_length=1)]
    """On which of the study's diameters; those that it does not have are passed over."""
    after: Annotated[list[Delay], Field(min_length=1)]
    """At these times since the last pulse."""


class Compare(Model):
    """Side studies; one that is not named is not made."""

    ablation: Ablation | None = None
    placements: Placements | None = None
    inverse: Inverse | None = None
    ageing: Ageing | None = None


class StudyFile(Model):
    """A study file."""

    title: str
    format: Literal[1]
    networks: Networks
    """The networks that are copied."""
    diameters: Annotated[list[Length], Field(min_length=1)]
    """Sizes of the devices."""
    wires: Annotated[list[Resistance], Field(min_length=1)]
    """Resistances of a segment of a line; every size is made with each of them."""
    dies: Annotated[int, Field(ge=1, le=10_000)]
    """Dies of each size and wire."""
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """Seed of the first die; the others have the next numbers."""
    level: Literal["array", "wire"] = "array"
    """array: at the array itself, thousands of copies; wire: through drivers and instruments, one by one."""
    bench: str = "simulated-15x15"
    """The bench file whose instruments, limits and wiring hold, or the name of a shipped one."""
    place: Places = ("optimise",)
    """Which rows, columns and pair polarity carry which weight; with several, each of them."""
    program: Writing = Writing()
    infer: Reading = Reading()
    tune: Annotated[list[Tuning], Field(default_factory=lambda: ["scale", "best"])]
    """Ways to tune a copy, on training samples only; untuned is always there."""
    compare: Compare | None = None
    """Studies beside the table of copies; none if it is not said."""

    report: bool = True
    """Write report.html and its figures at the end."""

    @property
    def compared(self) -> Compare:
        """The side studies that are wanted."""
        return self.compare or Compare()
