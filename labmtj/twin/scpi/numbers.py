"""Numbers in SCPI messages: decimal or #H, #Q, #B, with a multiplier and a unit (IEEE 488.2-1992, 7.7.2 to 7.7.4)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from labmtj.twin.scpi.errors import ScpiError
from labmtj.twin.scpi.syntax import forms

INFINITY = 9.9e37  # SCPI-1999 volume 1, section 7.2.1: the number that stands for infinity
_DECIMAL = re.compile(
    r"([+-]?(?:\d++\.?\d*+|\.\d++))(?:\s*+[eE]\s*+([+-]?\d++))?+\s*+([A-Za-z%/][\w%/.^-]*+)?+", re.ASCII
)
_BASES = {"H": 16, "Q": 8, "B": 2}
_LARGEST_EXPONENT = 32000  # IEEE 488.2-1992, 7.7.2.4.1
_MOST_DIGITS = 255  # same place
_LONGEST_SUFFIX = 12  # 7.7.3.4

# IEEE 488.2-1992, table 7-2: powers of ten.
_MULTIPLIERS: Mapping[str, int] = {
    "": 0,
    "EX": 18,
    "PE": 15,
    "T": 12,
    "G": 9,
    "MA": 6,
    "K": 3,
    "M": -3,
    "U": -6,
    "N": -9,
    "P": -12,
    "F": -15,
    "A": -18,
}
_MEGA = ("HZ", "OHM")  # 7.7.3.3: with these units M means mega
_LONG = {"MIN": "MINIMUM", "MAX": "MAXIMUM", "DEF": "DEFAULT", "INF": "INFINITY", "NINF": "NINFINITY"}


def number(text: str, *, units: Sequence[str] = (), words: Mapping[str, float] | None = None) -> float:
    """The value of a number or of one of `words`, in SI units.

    Raises ScpiError with the codes of SCPI-1999 for what is none; infinity is one only if `words` has INF.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return _integer(text) if text.startswith("#") else _word(text, words or {})
    mantissa, exponent, suffix = found.groups()
    if len(mantissa) > _MOST_DIGITS:
        raise ScpiError(-124)
    power = _exponent(exponent) if exponent else 0
    value = float(f"{mantissa}e{power + _shift(suffix, units)}")
    if words and abs(value) >= INFINITY:
        for name, meaning in words.items():
            if forms(name)[0] == ("INF" if value > 0 else "NINF"):
                return meaning
    if math.isinf(value):
        raise ScpiError(-222)
    return value


def _exponent(text: str) -> int:
    digits = text.lstrip("+-0") or "0"
    if len(digits) > 5 or int(digits) > _LARGEST_EXPONENT:
        raise ScpiError(-123)
    return -int(digits) if text.startswith("-") else int(digits)


def _shift(suffix: str | None, units: Sequence[str]) -> int:
    """Power of ten of a suffix such as US or MOHM."""
    if not suffix:
        return 0
    if not units:
        raise ScpiError(-138)
    if len(suffix) > _LONGEST_SUFFIX:
        raise ScpiError(-134)
    suffix = suffix.upper()
    for unit in map(str.upper, units):
        if suffix.endswith(unit):
            multiplier = suffix[: len(suffix) - len(unit)]
            if multiplier == "M" and unit in _MEGA:
                return 6
            if multiplier in _MULTIPLIERS:
                return _MULTIPLIERS[multiplier]
    raise ScpiError(-131)


def _integer(text: str) -> float:
    digits, base = text[2:].strip(), _BASES.get(text[1:2].upper(), 0)
    if not base or not digits.isalnum():
        raise ScpiError(-120)
    if len(digits) > 64:
        raise ScpiError(-124)
    try:
        return float(int(digits, base))
    except ValueError:
        raise ScpiError(-121) from None


def _word(text: str, words: Mapping[str, float]) -> float:
    if text[:1] in "+-.0123456789":
        raise ScpiError(-121)
    sent = text.upper()
    for name, value in words.items():
        if sent in forms(name) or sent == _LONG.get(name):
            return value
    raise ScpiError(-141 if words else -148)
