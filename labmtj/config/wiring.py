"""Field type of a wiring: array lines to matrix columns, one by one or as ranges ({1..15: 16..30})."""

from __future__ import annotations

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


def _line_map(value: object) -> dict[int, int]:
    if not isinstance(value, dict) or not value:
        raise refuse("a mapping of array lines to matrix columns is expected, for example {1..15: 16..30}")
    out: dict[int, int] = {}
    for key, item in cast("dict[str, object]", value).items():
        try:
            lines = line_range(key)
        except ValueError as error:
            raise refuse(str(error), key=key, at_key=True) from None
        try:
            columns = line_range(item)
        except ValueError as error:
            raise refuse(str(error), key=key) from None
        if len(lines) != len(columns):
            message = f"{len(lines)} array lines ({key}) cannot go to {len(columns)} matrix columns ({item})"
            raise refuse(message, key=key)
        twice = sorted(out.keys() & set(lines))
        if twice:
            raise refuse(f"array line {twice[0]} stands twice", key=key, at_key=True)
        out.update(zip(lines, columns, strict=True))
    return out


LineMap = Annotated[
    dict[int, int],
    *written_as(_line_map, {"type": "object", "description": "array lines to matrix columns: {1..15: 16..30}"}),
]
