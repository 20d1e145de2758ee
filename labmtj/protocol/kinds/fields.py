"""Fields that steps of several kinds have: amplitudes, samples, lines, cells."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import Discriminator, Field, Tag

from labmtj import units
from labmtj.config.quantities import Model, Voltage, refuse, written_as
from labmtj.config.quantities import Time as Width
from labmtj.errors import UnitError
from labmtj.records import Amplitudes
from labmtj.units import Dimension

LineList = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False, min_length=1)]
CellEntry = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], Field(strict=False)]
Layer = Annotated[int, Field(ge=1)]


def _kind(value: object) -> str:
    """Tag of a field that may be a text or a mapping; tags name nothing that a file could hold."""
    return "<mapping>" if isinstance(value, dict | Model) else "<text>"


def _amplitude(value: object) -> object:
    if value == "from_map" or isinstance(value, AmplitudePair):
        return value
    hint = "write from_map, 320 mV, or one for each direction: {ap_to_p: 320 mV, p_to_ap: 370 mV}"
    if isinstance(value, str) and not value[:1].isdigit():
        raise refuse(f"{value!r} is no amplitude", hint=hint)
    try:
        units.parse(value, Dimension.VOLTAGE)
    except UnitError as error:
        raise refuse(str(error), hint=hint) from None
    return AmplitudePair.model_validate({"ap_to_p": value, "p_to_ap": value})


def _samples(value: object) -> object:
    numbers = cast("list[object]", value) if isinstance(value, list) else [value]
    counted = bool(numbers) and all(type(number) is int and number >= 0 for number in numbers)
    if value != "all" and not (counted and (isinstance(value, list) or value != 0)):
        raise refuse(f"{value!r} is no choice of samples", hint="write all, a number of them, or a list: [0, 5, 17]")
    if len(set(map(repr, numbers))) < len(numbers):
        raise refuse("a sample stands twice in this list")
    return tuple(numbers) if isinstance(value, list) else value


class AmplitudePair(Model):
    """Magnitudes of the write pulses between the terminals of the selected row and column."""

    ap_to_p: Voltage
    p_to_ap: Voltage

    @property
    def record(self) -> Amplitudes:
        """The same as a record [V]."""
        return Amplitudes(self.ap_to_p, self.p_to_ap)


AmplitudeText = Annotated[
    AmplitudePair | Literal["from_map"],
    *written_as(_amplitude, {"type": "string", "examples": ["from_map", "320 mV"]}),
]
Amplitude = Annotated[
    Annotated[AmplitudeText, Tag("<text>")] | Annotated[AmplitudePair, Tag("<mapping>")], Discriminator(_kind)
]
Samples = Annotated[
    Literal["all"] | int | tuple[int, ...],
    *written_as(
        _samples,
        {
            "anyOf": [
                {"const": "all"},
                {"type": "integer", "minimum": 1},
                {"type": "array", "items": {"type": "integer"}},
            ]
        },
    ),
]


class Lines(Model):
    """Physical rows of the layer's inputs and physical columns of its device columns, in their order."""

    rows: LineList
    cols: LineList


Place = Annotated[
    Annotated[Literal["avoid_defects", "identity", "optimise"], Tag("<text>")] | Annotated[Lines, Tag("<mapping>")],
    Discriminator(_kind),
]


class PulseEntry(Model):
    """A write pulse; the width is the map's if it is not said."""

    width: Width | None = None
    amplitude: Amplitude = "from_map"
