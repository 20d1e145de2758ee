"""Quantities as people write them: "100 mV" becomes 0.1, and a bare number is refused.

Inside the package everything is an SI float; this module is the only place where units are read.
Prefixes and units: The International System of Units, 9th edition (BIPM, 2019), tables 2, 4 and 7.
"""

from __future__ import annotations

import enum
import math
import re

from labmtj.errors import UnitError


class Dimension(enum.StrEnum):
    """What a quantity measures; the value is the SI unit that it is converted to."""

    VOLTAGE = "V"
    CURRENT = "A"
    RESISTANCE = "ohm"
    TIME = "s"
    LENGTH = "m"
    FREQUENCY = "Hz"
    TEMPERATURE = "K"
    FLUX_DENSITY = "T"
    INDUCTANCE = "H"
    ENERGY = "J"
    RESISTANCE_AREA = "ohm m2"


_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "\u00b5": -6, "\u03bc": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
_PLAIN = {
    "V": Dimension.VOLTAGE,
    "A": Dimension.CURRENT,
    "ohm": Dimension.RESISTANCE,
    "\u03a9": Dimension.RESISTANCE,
    "\u2126": Dimension.RESISTANCE,
    "s": Dimension.TIME,
    "m": Dimension.LENGTH,
    "Hz": Dimension.FREQUENCY,
    "K": Dimension.TEMPERATURE,
    "T": Dimension.FLUX_DENSITY,
    "H": Dimension.INDUCTANCE,
    "J": Dimension.ENERGY,
}
_WHOLE = {
    "min": (Dimension.TIME, 60.0),
    "h": (Dimension.TIME, 3600.0),
    "d": (Dimension.TIME, 86400.0),
    "ohm um2": (Dimension.RESISTANCE_AREA, 1e-12),
    "ohm \u00b5m2": (Dimension.RESISTANCE_AREA, 1e-12),
    "ohm um^2": (Dimension.RESISTANCE_AREA, 1e-12),
}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")
_EXAMPLE = {
    Dimension.VOLTAGE: "50 mV",
    Dimension.CURRENT: "3 mA",
    Dimension.RESISTANCE: "5 ohm",
    Dimension.TIME: "100 us",
    Dimension.LENGTH: "40 nm",
    Dimension.FREQUENCY: "50 Hz",
    Dimension.TEMPERATURE: "300 K",
    Dimension.FLUX_DENSITY: "100 mT",
    Dimension.INDUCTANCE: "20 mH",
    Dimension.ENERGY: "10 nJ",
    Dimension.RESISTANCE_AREA: "10 ohm um2",
}


def _unit(name: str) -> tuple[Dimension, float, int] | None:
    """Dimension, factor and power of ten of a unit name, or None if there is no such unit."""
    if name in _WHOLE:
        dimension, factor = _WHOLE[name]
        return dimension, factor, 0
    for plain, dimension in _PLAIN.items():
        if name.endswith(plain) and name[: -len(plain)] in _PREFIXES:
            return dimension, 1.0, _PREFIXES[name[: -len(plain)]]
    return None


def pattern(dimension: Dimension) -> str:
    """A regular expression (ECMA 262, for JSON schemas) of what `parse` takes for this dimension."""
    plain = [name for name, found in _PLAIN.items() if found is dimension]
    whole = [re.escape(name).replace("\\ ", " ") for name, (found, _) in _WHOLE.items() if found is dimension]
    prefix = "".join(_PREFIXES)
    units = [f"[{prefix}]?(?:{'|'.join(plain)})"] * bool(plain) + whole
    return rf"^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*(?:{'|'.join(units)})\s*$"


def parse(text: object, dimension: Dimension) -> float:
    """Convert a text such as "100 mV" to an SI float of the wanted dimension.

    Raises UnitError for a bare number, an unknown unit, a wrong dimension or a number that is not finite.
    """
    noun = dimension.name.lower().replace("_", " ")
    example = f'write it with its unit, for example "{_EXAMPLE[dimension]}"'
    if not isinstance(text, str):
        raise UnitError(f"{text!r} has no unit; a {noun} is expected: {example}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError(f"{text!r} is not a quantity; a {noun} is expected: {example}")
    number, name = match.groups()
    if not name:
        raise UnitError(f"{text!r} has no unit; a {noun} is expected: {example}")
    unit = _unit(name)
    if unit is None:
        known = {one.lower() for plain in _PLAIN for one in (plain, *(prefix + plain for prefix in _PREFIXES))}
        capitals = " (capitals matter)" if name.lower() in known else ""
        raise UnitError(f"{text!r}: there is no unit {name!r}{capitals}; a {noun} is expected: {example}")
    found, factor, exponent = unit
    if found is not dimension:
        was = found.name.lower().replace("_", " ")
        raise UnitError(f"{text!r} is a {was}; a {noun} is expected: {example}")
    # "100 mV" is read as 100e-3, so that the float is the one nearest to what was written.
    mantissa, _, power = number.lower().partition("e")
    value = float(f"{mantissa}e{int(power or 0) + exponent}") * factor
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is not a finite {noun}")
    return value


def show(value: float, dimension: Dimension, digits: int = 4) -> str:
    """Write an SI float as a person would: 0.1 V as "100 mV"."""
    if dimension is Dimension.RESISTANCE_AREA:
        return f"{value * 1e12:.{digits}g} ohm um2"
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {dimension.value}"
    exponent = min(9, max(-15, 3 * math.floor((math.log10(abs(value)) + 1e-12) / 3)))
    prefix = next(p for p, power in _PREFIXES.items() if power == exponent)
    return f"{value / 10.0**exponent:.{digits}g} {prefix}{dimension.value}"
