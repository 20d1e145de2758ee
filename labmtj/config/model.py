"""Instrument models: one data sheet a file, instruments/models/*.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from labmtj.config.adapters import AdapterEntry
from labmtj.config.check import check
from labmtj.config.quantities import Current, Delay, Fraction, Level, Model, Resistance, Temperature, Time, Voltage
from labmtj.config.source import read
from labmtj.errors import FileProblems

Port = Annotated[int, Field(ge=1, le=65535)]


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


class SourceCurrentRange(Model):
    """A range as a current source: full scale [A], and the one-year error limit gain * setting + offset."""

    range: Current
    gain: Fraction
    offset: Current


class MeterVoltageRange(Model):
    """A voltmeter's range: full scale [V], one-year error limit, rms noise [V] at 1 PLC."""

    range: Voltage
    gain: Fraction
    offset: Voltage
    noise: Voltage


class Derating(Model):
    """Error [fraction of range] that the data sheet adds from this integration time (periods of the mains) down."""

    nplc: float
    error: Fraction


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
    """Data sheet of a source-measure unit; `dead_socket` is the TCP port that ends sessions nobody closed."""

    title: str
    format: Literal[1]
    kind: Literal["source_meter"]
    driver: str
    adapter: AdapterEntry | None = None
    """What stands for our quantities in a driver of PyMeasure or QCoDeS that labmtj has no table for"""
    firmware: str
    identity: Identity
    dead_socket: Port | None = None
    accepts: list[str] = Field(default_factory=list[str])
    channels: Annotated[list[str], Field(min_length=1)]
    source_voltage: Annotated[list[VoltageRange], Field(min_length=1)]
    source_current: list[SourceCurrentRange] = Field(default_factory=list[SourceCurrentRange])
    measure_current: Annotated[list[CurrentRange], Field(min_length=1)]
    measure_voltage: list[MeterVoltageRange] = Field(default_factory=list[MeterVoltageRange])
    derating: list[Derating] = Field(default_factory=list[Derating])
    compliance: CurrentBounds
    nplc: NplcBounds
    pulse: PulseBounds
    range_compliance: float
    digital_lines: Annotated[int, Field(ge=0, le=32)] = 0
    """Lines of its digital port: fourteen open the gates of a chip."""
    timing: SourceMeterTiming


class Cards(Model):
    """Matrix cards: how many, columns each, name."""

    count: Annotated[int, Field(ge=1, le=8)]
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
    """Data sheet of a relay matrix; `dead_socket` is the TCP port that ends sessions nobody closed."""

    title: str
    format: Literal[1]
    kind: Literal["switch_matrix"]
    driver: str
    firmware: str
    identity: Identity
    dead_socket: Port | None = None
    accepts: list[str] = Field(default_factory=list[str])
    rows: Annotated[int, Field(ge=1, le=16)]
    cards: Cards
    relay: Relay
    timing: MatrixTiming


class AmplitudeBounds(Model):
    """Smallest and largest amplitude, peak to peak into an open circuit [V]."""

    minimum: Voltage
    maximum: Voltage


class LevelBounds(Model):
    """Lowest and highest level into an open circuit [V]."""

    minimum: Level
    maximum: Level


class GeneratorTiming(Model):
    """Time for a message, and from the trigger to the pulse [s]."""

    command: Delay
    trigger: Delay


class PulseGeneratorModel(Model):
    """Data sheet of a pulse or function generator."""

    title: str
    format: Literal[1]
    kind: Literal["pulse_generator"]
    driver: str
    firmware: str
    identity: Identity
    accepts: list[str] = Field(default_factory=list[str])
    channels: Annotated[list[str], Field(min_length=1)]
    amplitude: AmplitudeBounds
    level: LevelBounds
    width: PulseBounds
    edge: PulseBounds
    output_impedance: Resistance
    timing: GeneratorTiming


class BankTiming(Model):
    """Time for a message, and for an output to settle [s]."""

    command: Delay
    source_settling: Delay


class VoltageBankModel(Model):
    """Data sheet of many voltage outputs in one instrument; `resolution` is that of a level on its range."""

    title: str
    format: Literal[1]
    kind: Literal["voltage_bank"]
    driver: str
    firmware: str
    identity: Identity
    accepts: list[str] = Field(default_factory=list[str])
    channels: Annotated[list[str], Field(min_length=1)]
    source_voltage: Annotated[list[VoltageRange], Field(min_length=1)]
    resolution: Voltage
    pulse: PulseBounds
    output_impedance: Resistance
    current_limit: Current
    measure_current: list[CurrentRange] = Field(default_factory=list[CurrentRange])
    timing: BankTiming


class SupplySetting(Model):
    """A programmed current: its one-year error limit gain * setting + offset [A]."""

    gain: Fraction
    offset: Current


class SupplyReading(Model):
    """A measured current: its one-year error limit gain * reading + offset, rms noise [A]."""

    gain: Fraction
    offset: Current
    noise: Current


class SupplyTiming(Model):
    """Time for a message, between two steps of a ramp at least, over which a reading is averaged [s]."""

    command: Delay
    step: Delay
    averaging: Delay


class FieldSourceModel(Model):
    """Data sheet of a bipolar supply for a magnet.

    `voltage` [V] and `current` [A] are its ratings in both directions, `resolution` [A] the step of a programmed
    current, `response` [s] the time constant with which the current follows within the voltage that there is.
    """

    title: str
    format: Literal[1]
    kind: Literal["field_source"]
    driver: str
    firmware: str
    identity: Identity
    accepts: list[str] = Field(default_factory=list[str])
    voltage: Voltage
    current: Current
    resolution: Current
    programming: SupplySetting
    readback: SupplyReading
    response: Time
    timing: SupplyTiming


class SensorError(Model):
    """What a sensor's reading is off by: one-year limit, wander within hours (rms), noise (rms) [K]."""

    limit: Temperature
    drift: Temperature
    noise: Temperature


class ThermometerTiming(Model):
    """Time for a message, and between two readings of one input [s]."""

    command: Delay
    update: Time


class ThermometerModel(Model):
    """Data sheet of a thermometer: its inputs, and what a reading of one is worth."""

    title: str
    format: Literal[1]
    kind: Literal["thermometer"]
    driver: str
    firmware: str
    identity: Identity
    accepts: list[str] = Field(default_factory=list[str])
    channels: Annotated[list[str], Field(min_length=1)]
    error: SensorError
    timing: ThermometerTiming


InstrumentModel = (
    SourceMeterModel | SwitchMatrixModel | PulseGeneratorModel | VoltageBankModel | FieldSourceModel | ThermometerModel
)
Source = SourceMeterModel | PulseGeneratorModel | VoltageBankModel


def load_model(path: Path) -> InstrumentModel:
    """Read a data sheet. Raises MissingFile, or FileProblems with everything that is wrong."""
    source = read(path)
    kinds: dict[str, type[InstrumentModel]] = {
        "source_meter": SourceMeterModel,
        "switch_matrix": SwitchMatrixModel,
        "pulse_generator": PulseGeneratorModel,
        "voltage_bank": VoltageBankModel,
        "field_source": FieldSourceModel,
        "thermometer": ThermometerModel,
    }
    data: Any = source.data
    kind = cast("dict[str, object]", data).get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        hint = f"kinds of instruments: {', '.join(kinds)}"
        raise FileProblems([source.problem(("kind",), f"{kind!r} is not a kind of instrument", hint=hint)])
    return check(source, kinds[kind])
