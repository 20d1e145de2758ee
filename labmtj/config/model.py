"""Instrument models: one data sheet a file, instruments/models/*.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from labmtj.config.check import check
from labmtj.config.quantities import Current, Delay, Fraction, Model, Resistance, Time, Voltage
from labmtj.config.source import read
from labmtj.errors import FileProblems


class Identity(Model):
    """What an instrument answers to *IDN?."""

    manufacturer: str
    model: str
    serial: str
    firmware: str


class VoltageRange(Model):
    """A source range: full scale [V], and the one-year error limit gain * setting + offset."""

    range: Voltage
    gain: Fraction
    offset: Voltage


class CurrentRange(Model):
    """A measuring range: full scale [A], one-year error limit, rms noise [A] at 1 PLC."""

    range: Current
    gain: Fraction
    offset: Current
    noise: Current


class CurrentBounds(Model):
    """Smallest and largest compliance that can be set [A]."""

    minimum: Current
    maximum: Current


class NplcBounds(Model):
    """Smallest and largest integration time in periods of the mains."""

    minimum: float
    maximum: float


class PulseBounds(Model):
    """Shortest and longest pulse [s]."""

    minimum: Time
    maximum: Time


class SourceMeterTiming(Model):
    """Time for a message, for the source to settle, and around a conversion [s]."""

    command: Delay
    source_settling: Delay
    reading_overhead: Delay


class SourceMeterModel(Model):
    """Data sheet of a source-measure unit."""

    title: str
    format: Literal[1]
    kind: Literal["source_meter"]
    driver: str
    firmware: str
    identity: Identity
    channels: Annotated[list[str], Field(min_length=1)]
    source_voltage: Annotated[list[VoltageRange], Field(min_length=1)]
    measure_current: Annotated[list[CurrentRange], Field(min_length=1)]
    compliance: CurrentBounds
    nplc: NplcBounds
    pulse: PulseBounds
    range_compliance: float
    timing: SourceMeterTiming


class Cards(Model):
    """Matrix cards: how many, columns each, name."""

    count: Annotated[int, Field(ge=1, le=6)]
    columns: Annotated[int, Field(ge=1, le=99)]
    name: str


class Relay(Model):
    """A relay: closed resistance from..to [ohm], rms thermal EMF of a path [V], settling [s], cycles of life."""

    resistance: Annotated[list[Resistance], Field(min_length=2, max_length=2)]
    thermal_emf: Voltage
    settling: Delay
    life: int


class MatrixTiming(Model):
    """Time for a message [s]."""

    command: Delay


class SwitchMatrixModel(Model):
    """Data sheet of a relay matrix."""

    title: str
    format: Literal[1]
    kind: Literal["switch_matrix"]
    driver: str
    firmware: str
    identity: Identity
    rows: Annotated[int, Field(ge=1, le=8)]
    cards: Cards
    relay: Relay
    timing: MatrixTiming


def load_model(path: Path) -> SourceMeterModel | SwitchMatrixModel:
    """Read a data sheet. Raises MissingFile, or FileProblems with everything that is wrong."""
    source = read(path)
    kinds: dict[str, type[SourceMeterModel | SwitchMatrixModel]] = {
        "source_meter": SourceMeterModel,
        "switch_matrix": SwitchMatrixModel,
    }
    data: Any = source.data
    kind = cast("dict[str, object]", data).get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        hint = f"kinds of instruments: {', '.join(kinds)}"
        raise FileProblems([source.problem(("kind",), f"{kind!r} is not a kind of instrument", hint=hint)])
    return check(source, kinds[kind])
