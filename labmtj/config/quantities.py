"""Field types of YAML files: quantities with their unit, fractions, and what cannot be said with plain types.

A field type is a float for whoever reads the model; the text is parsed when a file is checked.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from labmtj import units
from labmtj.errors import UnitError
from labmtj.units import Dimension

Parsed = TypeVar("Parsed")
_PERCENT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*%\s*")
_PER_VOLT_SQUARED = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?:/\s*V2|/\s*V\^2|V\^-2|1/V2|1/V\^2)\s*")

_PER_AMPERE = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(m?)T\s*/\s*A\s*")
_RAMP = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(m?)T\s*/\s*s\s*")
_HEATING = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*K\s*/\s*[u\u00b5\u03bc]W\s*")


class Model(BaseModel):
    """A mapping of a YAML file: frozen, nothing unknown, nothing converted silently."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=(), use_enum_values=False
    )


class Sign(enum.Enum):
    """Which values a quantity may have."""

    ANY = "any"
    POSITIVE = "positive"
    NON_NEGATIVE = "non-negative"


def refuse(message: str, *, hint: str = "", key: str = "", at_key: bool = False) -> PydanticCustomError:
    """Make an error for a validator to raise: `key` is the entry below the value that is meant."""
    context = {"message": message, "hint": hint, "key": key, "at_key": at_key}
    return PydanticCustomError("labmtj", "{message}", context)


def _check_sign(value: float, sign: Sign, shown: object) -> float:
    if sign is Sign.POSITIVE and value <= 0:
        raise refuse(f"{shown!r} must be above zero")
    if sign is Sign.NON_NEGATIVE and value < 0:
        raise refuse(f"{shown!r} must not be negative")
    return value


def quantity(dimension: Dimension, sign: Sign, *examples: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Metadata of a field that is written as a text with its unit, and read as an SI float."""

    def read(value: object) -> float:
        try:
            found = units.parse(value, dimension)
        except UnitError as error:
            raise refuse(str(error)) from None
        return _check_sign(found, sign, value)

    noun = dimension.name.lower().replace("_", " ")
    said = "" if sign is Sign.ANY else f"{sign.value} "
    description = f"{said}{noun} with its unit, such as {examples[0]}"
    pattern = units.pattern(dimension)
    schema = {"type": "string", "description": description, "pattern": pattern, "examples": list(examples)}
    return BeforeValidator(read), WithJsonSchema(schema)


def ratio(maximum: float | None, sign: Sign) -> tuple[BeforeValidator, WithJsonSchema]:
    """Metadata of a field that is written as "6 %" or as the bare number 0.06."""
    bounds = {"minimum": 0.0} | ({} if maximum is None else {"maximum": maximum})

    def read(value: object) -> float:
        if isinstance(value, str):
            match = _PERCENT.fullmatch(value)
            found = float(match.group(1)) / 100.0 if match else None
        else:
            found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if found is None or not math.isfinite(found):
            raise refuse(f'{value!r} is not a fraction: write it as a percentage or as a number, "6 %" or 0.06')
        if maximum is not None and found > maximum:
            raise refuse(f'{value!r} is above {maximum:g}: write 6 percent as "6 %" or as 0.06')
        return _check_sign(found, sign, value)

    percent = {"type": "string", "pattern": r"^\s*[-+.0-9eE]+\s*%\s*$", "examples": ["6 %"]}
    return BeforeValidator(read), WithJsonSchema({"anyOf": [percent, {"type": "number", **bounds}]})


def _per_volt_squared(value: object) -> float:
    match = _PER_VOLT_SQUARED.fullmatch(value) if isinstance(value, str) else None
    if match is None or not math.isfinite(float(match.group(1))):
        raise refuse(f'{value!r} has no unit of 1/V2: write it as, for example, "0.2 /V2"')
    return float(match.group(1))


def _heating(value: object) -> float:
    match = _HEATING.fullmatch(value) if isinstance(value, str) else None
    if match is None or not math.isfinite(float(match.group(1))):
        raise refuse(f'{value!r} has no unit of K/uW: write it as, for example, "0.5 K/uW"')
    return float(match.group(1)) * 1e6


def _tesla_per(pattern: re.Pattern[str], value: object, what: str, example: str) -> float:
    """Read a number of T or mT per something; never zero. Raises what a validator raises."""
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    found = float(match.group(1)) if match else 0.0
    if match is None or not math.isfinite(found) or not found:
        raise refuse(f'{value!r} is no {what}: write it as, for example, "{example}"')
    return found / 1000.0 if match.group(2) else found


def _per_ampere(value: object) -> float:
    return _tesla_per(_PER_AMPERE, value, "field per ampere", "10 mT/A")


def _ramp(value: object) -> float:
    return _tesla_per(_RAMP, value, "rate of a field", "50 mT/s")


def written_as(read: Callable[[object], Parsed], schema: Mapping[str, Any]) -> tuple[BeforeValidator, WithJsonSchema]:
    """Metadata of a field with its own reader, which raises `refuse(...)`, and its own JSON schema."""
    return BeforeValidator(cast("Callable[[Any], Any]", read)), WithJsonSchema(dict(schema))


Voltage = Annotated[float, *quantity(Dimension.VOLTAGE, Sign.POSITIVE, "50 mV", "1.5 V")]
Level = Annotated[float, *quantity(Dimension.VOLTAGE, Sign.ANY, "-10 V")]
Current = Annotated[float, *quantity(Dimension.CURRENT, Sign.POSITIVE, "3 mA")]
Energy = Annotated[float, *quantity(Dimension.ENERGY, Sign.POSITIVE, "10 nJ")]
Resistance = Annotated[float, *quantity(Dimension.RESISTANCE, Sign.NON_NEGATIVE, "5 ohm")]
Time = Annotated[float, *quantity(Dimension.TIME, Sign.POSITIVE, "100 us", "3 ms")]
Delay = Annotated[float, *quantity(Dimension.TIME, Sign.NON_NEGATIVE, "0 s", "200 us")]
Length = Annotated[float, *quantity(Dimension.LENGTH, Sign.POSITIVE, "40 nm")]
Frequency = Annotated[float, *quantity(Dimension.FREQUENCY, Sign.POSITIVE, "50 Hz")]
Temperature = Annotated[float, *quantity(Dimension.TEMPERATURE, Sign.POSITIVE, "300 K")]
ResistanceArea = Annotated[float, *quantity(Dimension.RESISTANCE_AREA, Sign.POSITIVE, "10 ohm um2")]
PerVoltSquared = Annotated[
    float,
    *written_as(_per_volt_squared, {"type": "string", "description": "per volt squared", "examples": ["0.2 /V2"]}),
]
Heating = Annotated[
    float, *written_as(_heating, {"type": "string", "description": "kelvin per microwatt", "examples": ["0.5 K/uW"]})
]
FluxDensity = Annotated[float, *quantity(Dimension.FLUX_DENSITY, Sign.POSITIVE, "200 mT")]
Inductance = Annotated[float, *quantity(Dimension.INDUCTANCE, Sign.POSITIVE, "20 mH")]
FieldPerCurrent = Annotated[
    float, *written_as(_per_ampere, {"type": "string", "description": "tesla per ampere", "examples": ["10 mT/A"]})
]
FieldRate = Annotated[
    float, *written_as(_ramp, {"type": "string", "description": "tesla per second", "examples": ["50 mT/s"]})
]
Fraction = Annotated[float, *ratio(1.0, Sign.NON_NEGATIVE)]
Ratio = Annotated[float, *ratio(None, Sign.POSITIVE)]
SignedRatio = Annotated[float, *ratio(1.0, Sign.ANY)]
