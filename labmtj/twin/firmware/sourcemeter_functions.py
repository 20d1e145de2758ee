"""Names of what SourceMeters measure, as their SCPI writes and reads them."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.twin.firmware.sourcemeter import TOO_LARGE
from labmtj.twin.scpi.engine import Call, ScpiError

NAMES = {"VOLTAGE": '"VOLT:DC"', "CURRENT": '"CURR:DC"', "RESISTANCE": '"RES"'}
_WORDS = {
    word: long
    for long, words in {
        "VOLTAGE": ("VOLT", "VOLTAGE", "VOLT:DC", "VOLTAGE:DC"),
        "CURRENT": ("CURR", "CURRENT", "CURR:DC", "CURRENT:DC"),
        "RESISTANCE": ("RES", "RESISTANCE"),
    }.items()
    for word in words
}


def function_of(call: Call, position: int = 0) -> str:
    """The function that an argument names, in quotes or without. Raises ScpiError -224 for none."""
    found = _WORDS.get(call.text(position).upper().replace(" ", ""))
    if found is None:
        raise ScpiError(-224)
    return found


def mean(values: Sequence[float]) -> float:
    """Mean of readings; beyond the range if the last one that was is among them."""
    beyond = [value for value in values if abs(value) >= TOO_LARGE]
    return beyond[-1] if beyond else sum(values) / len(values)
