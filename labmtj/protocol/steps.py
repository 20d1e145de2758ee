"""The steps of a protocol and their fields."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from pydantic import Discriminator, Field, Tag

from labmtj import units
from labmtj.config.quantities import Model, Voltage, refuse, written_as
from labmtj.config.quantities import Time as Width
from labmtj.errors import UnitError
from labmtj.records import Amplitudes, Scheme
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
    Annotated[Literal["avoid_defects", "identity"], Tag("<text>")] | Annotated[Lines, Tag("<mapping>")],
    Discriminator(_kind),
]


class PulseEntry(Model):
    """A write pulse; the width is the map's if it is not said."""

    width: Width | None = None
    amplitude: Amplitude = "from_map"


class PolarityStep(Model):
    """Find which sign writes which state: pulses from `start` up by `step`, no further than `ceiling`.

    The width is the bench's if it is not said.
    """

    start: Voltage
    step: Voltage
    ceiling: Voltage
    width: Width | None = None
    read: Voltage
    cell: CellEntry | None = None


class MapStep(Model):
    """Measure both states of every cell, and find what is defective; the width is the bench's if it is not said."""

    read: Voltage
    width: Width | None = None


class ProgramStep(Model):
    """Write a layer with write-verify pulses, repair what they disturbed, read it back."""

    inherits: ClassVar[tuple[str, ...]] = ("algorithm", "scheme", "pulse", "retries", "repair_sweeps", "place")

    layer: Layer
    algorithm: Literal["verify_first"] = "verify_first"
    scheme: Annotated[Scheme, Field(strict=False)] = Scheme.V_HALF
    pulse: PulseEntry = PulseEntry()
    retries: Annotated[int, Field(ge=0, le=1000)] = 10
    repair_sweeps: Annotated[int, Field(ge=0, le=100)] = 4
    place: Place = "avoid_defects"


class InferStep(Model):
    """Infer through a layer: from the conductance map, or summed by the array itself with all rows driven at once.

    `bit_serial` drives rows bit by bit from one source, `analog` each row at its own voltage, where the
    bench has a source for each; `array` is whichever of the two the bench can do.
    """

    inherits: ClassVar[tuple[str, ...]] = ("inputs", "read", "bits", "samples")

    layer: Layer
    inputs: Literal["map", "array", "bit_serial", "analog"] = "map"
    read: Voltage | None = None
    bits: Annotated[int, Field(ge=1, le=16)] | None = None
    samples: Samples = "all"


class VerifyStep(Model):
    """Read a written layer once more and count what has changed since."""

    layer: Layer


class TuneStep(Model):
    """Tune what papers call the scale, on the training samples only."""

    inherits: ClassVar[tuple[str, ...]] = ("what", "on")

    what: Literal["scale"] = "scale"
    on: Literal["train"] = "train"


class ReportStep(Model):
    """Write the report."""


Step = PolarityStep | MapStep | ProgramStep | InferStep | VerifyStep | TuneStep | ReportStep
