"""How a TSP instrument prints: numbers in scientific notation, lists of readings, binary blocks.

Formats: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, pages 9-100 to 9-102 and 9-171.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

NAN = 9.91e37  # stands for what lies outside of a buffer
DEFAULTS: Mapping[str, Any] = {
    "format.asciiprecision": 6,
    "format.data": 1,
    "format.byteorder": 1,
    "format.ASCII": 1,
    "format.SREAL": 2,
    "format.REAL32": 2,
    "format.REAL": 3,
    "format.REAL64": 3,
    "format.DREAL": 3,
    "format.NORMAL": 0,
    "format.NETWORK": 0,
    "format.BIGENDIAN": 0,
    "format.SWAPPED": 1,
    "format.LITTLEENDIAN": 1,
}
BOUNDS: Mapping[str, tuple[int, int]] = {
    "format.asciiprecision": (1, 16),
    "format.data": (1, 3),
    "format.byteorder": (0, 1),
}
_FORMS = {digits: f".{digits - 1}e" for digits in range(1, 17)}


class Printer:
    """Text of values; `values` holds the format attributes as they stand."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, value: Any) -> str:
        """A value as `print` writes it: a number has `format.asciiprecision` digits."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (float, int)):
            return format(value, _FORMS[int(self._values["format.asciiprecision"])])
        return "nil" if value is None else str(value)

    def numbers(self, values: Sequence[Any]) -> str:
        """Values as `printbuffer` and `printnumber` write them: a list, or an indefinite block as latin-1."""
        data = int(self._values["format.data"])
        if data == 1:
            return ", ".join(self.text(value) for value in values)
        order = "<" if self._values["format.byteorder"] else ">"
        found = [float(value) if isinstance(value, int | float) else NAN for value in values]
        if data == 2:
            most = 3.4028234e38  # the largest number of single precision
            found = [value if math.isnan(value) else min(max(value, -most), most) for value in found]
        return "#0" + struct.pack(f"{order}{len(found)}{'f' if data == 2 else 'd'}", *found).decode("latin-1")


def interleaved(columns: Sequence[Sequence[Any]], first: int, last: int) -> list[Any]:
    """Elements `first` to `last` of several lists, one of each in turn; 9.91E37 where a list has none."""
    return [
        column[place - 1] if 1 <= place <= len(column) and column[place - 1] is not None else NAN
        for place in range(first, last + 1)
        for column in columns
    ]
