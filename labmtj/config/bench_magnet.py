"""The magnet and the thermometer of a bench file: which instruments they are, what they may do, what is simulated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labmtj.config.check import nearest
from labmtj.config.model import FieldSourceModel, InstrumentModel, ThermometerModel
from labmtj.config.quantities import (
    Delay,
    FieldPerCurrent,
    FieldRate,
    FluxDensity,
    Inductance,
    Model,
    Resistance,
    Time,
    Voltage,
)
from labmtj.config.source import Source
from labmtj.errors import Problem
from labmtj.units import Dimension, show


class Magnet(Model):
    """A coil on a bipolar supply, its field along the easy axis of the junctions.

    `source` is the supply, `tesla_per_ampere` the calibration, whose sign makes a positive field one that favours P.
    No field above `limit`, in either direction, and no rate above `ramp`, is ever sent; `compliance` is the largest
    voltage of the supply (its rating if it is not said); `settle` [s] passes once the current stands.
    """

    source: str
    tesla_per_ampere: FieldPerCurrent
    limit: FluxDensity
    ramp: FieldRate = 0.05  # chosen: 200 mT in four seconds, 5 A/s into 20 mH are 100 mV
    compliance: Voltage | None = None
    settle: Delay = 0.2  # chosen: five time constants of the supply twice over; eddy currents in a yoke ask for more


class ThermometerEntry(Model):
    """The sensor beside the die: instrument and input."""

    instrument: str
    channel: str = "A"


class Coil(Model):
    """The simulated coil behind a magnet's supply."""

    resistance: Resistance = 0.5  # chosen: 20 A at 10 V, half of what the supply has
    inductance: Inductance = 0.02  # chosen: a small electromagnet; 40 ms by itself
    lag: Time = 0.02  # chosen: time constant with which eddy currents let the field follow the current


def magnet_problems(magnet: Magnet | None, source: Source, models: Mapping[str, InstrumentModel]) -> Iterator[Problem]:
    """Yield what a magnet asks of the instruments that they are not, or cannot do."""
    if magnet is None:
        return
    here = ("magnet", "source")
    model = models.get(magnet.source)
    if model is None:
        hint = nearest(magnet.source, list(models))
        yield source.problem(here, f"there is no instrument {magnet.source}", hint=hint)
        return
    if not isinstance(model, FieldSourceModel):
        yield source.problem(here, f"{magnet.source} ({model.title}) is no supply for a magnet")
        return
    most = abs(magnet.tesla_per_ampere) * model.current
    if magnet.limit > most * (1 + 1e-9):
        shown, rated = show(most, Dimension.FLUX_DENSITY), show(model.current, Dimension.CURRENT)
        yield source.problem(("magnet", "limit"), f"{magnet.source} makes {shown} at most, with its {rated}")
    if magnet.compliance is not None and magnet.compliance > model.voltage * (1 + 1e-9):
        shown = show(model.voltage, Dimension.VOLTAGE)
        yield source.problem(("magnet", "compliance"), f"{magnet.source} gives {shown} at most")


def thermometer_problems(
    thermometer: ThermometerEntry | None, source: Source, models: Mapping[str, InstrumentModel]
) -> Iterator[Problem]:
    """Yield what is wrong with the thermometer of a bench."""
    if thermometer is None:
        return
    name = thermometer.instrument
    model = models.get(name)
    if model is None:
        hint = nearest(name, list(models))
        yield source.problem(("thermometer", "instrument"), f"there is no instrument {name}", hint=hint)
    elif not isinstance(model, ThermometerModel):
        yield source.problem(("thermometer", "instrument"), f"{name} ({model.title}) is no thermometer")
    elif thermometer.channel not in model.channels:
        hint = nearest(thermometer.channel, model.channels)
        yield source.problem(("thermometer", "channel"), f"{name} has no input {thermometer.channel}", hint=hint)
