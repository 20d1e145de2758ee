"""Field types of a wiring: array lines to matrix columns or channels, one by one or as ranges ({1..15: 16..30})."""

from __future__ import annotations

import re
from typing import Annotated, cast

from labmtj.config.quantities import refuse, written_as


def line_range(text: object) -> range:
    """Read a line number or a range of them, both ends included: 7, "1..15". Raises ValueError."""
    first, dots, last = str(text).partition("..")
    if isinstance(text, bool) or not first.isdecimal() or (dots and not last.isdecimal()):
        raise ValueError(f'{text!r} is not a line: write a number from 1 or a range such as "1..15"')
    found = range(int(first), int(last or first) + 1)
    if found.start < 1 or not found:
        raise ValueError(f"{text!r} is not a range of lines: they count from 1, upwards")
    return found


Plug = tuple[str, str]  # instrument of the bench, its channel
_WIRED = re.compile(r"([A-Za-z]\w*)\.(\d+\.\.\d+|\w+)")
ONLY = "1"  # the channel of an instrument that has one, where a bench file names none


def plug(text: str) -> Plug:
    """Read "smu.a", or "smu" for an instrument with one channel."""
    instrument, _, channel = text.partition(".")
    return instrument, channel or ONLY


def _ends(text: object) -> list[int] | list[Plug]:
    """Read matrix columns ("16..30") or channels that are wired to lines directly ("dac.1..15")."""
    wired = _WIRED.fullmatch(text) if isinstance(text, str) else None
    if wired is None:
        return list(line_range(text))
    instrument, channels = wired.groups()
    names = [str(n) for n in line_range(channels)] if ".." in channels else [channels]
    return [(instrument, name) for name in names]


def _line_map(value: object) -> dict[int, int | Plug]:
    if not isinstance(value, dict) or not value:
        raise refuse("a mapping of array lines to matrix columns is expected, for example {1..15: 16..30}")
    out: dict[int, int | Plug] = {}
    for key, item in cast("dict[str, object]", value).items():
        try:
            lines = line_range(key)
        except ValueError as error:
            raise refuse(str(error), key=key, at_key=True) from None
        try:
            columns = _ends(item)
        except ValueError as error:
            raise refuse(str(error), key=key) from None
        if len(lines) != len(columns):
            message = (
                f"{len(lines)} array lines ({key}) cannot go to {len(columns)} matrix columns or channels ({item})"
            )
            raise refuse(message, key=key)
        twice = sorted(out.keys() & set(lines))
        if twice:
            raise refuse(f"array line {twice[0]} stands twice", key=key, at_key=True)
        out.update(zip(lines, columns, strict=True))
    return out


LineMap = Annotated[
    dict[int, int | tuple[str, str]],
    *written_as(
        _line_map,
        {
            "type": "object",
            "description": "array lines to matrix columns {1..15: 16..30}, or to channels {1..15: dac.1..15}",
        },
    ),
]
