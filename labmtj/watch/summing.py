"""What the array has summed in a step that still runs: its routine once more, with the journal in the array's place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from labmtj.ports import ArrayAccess
from labmtj.records import Floats, Placement
from labmtj.routines.infer import analog, bit_serial


class _Ended(Exception):
    """The journal has no further answer."""


class _Answers:
    """Answers `multiply` with the products of a journal, one after the other."""

    def __init__(self, products: Sequence[dict[str, Any]]) -> None:
        self._products = iter(products)

    def multiply(self, rows: Sequence[int], cols: Sequence[int], *, volts: Sequence[float]) -> Floats:
        """The next currents [A], one a column. Raises _Ended where they end, or are about other lines."""
        del volts
        found: list[float] = []
        for col in cols if rows else ():
            entry = next(self._products, None)
            if entry is None or entry["col"] != col or entry["rows"] != list(rows):
                raise _Ended
            amperes: float | None = entry["i"]
            found.append(np.nan if amperes is None or entry.get("compliance", False) else amperes)
        return np.array(found)


def summed_so_far(
    products: Sequence[dict[str, Any]], inputs: Floats, fields: dict[str, Any], rows: list[int], cols: list[int]
) -> Floats:
    """Column sums [S] (samples, device columns) of those samples of `inputs` that are through.

    `fields` are those of the infer step, `rows` and `cols` the lines of its layer.
    """
    placement = Placement(tuple(rows), tuple(cols))
    through = 0

    def count(done: int = 1) -> None:
        nonlocal through
        through += done

    def routine(some: Floats) -> Floats:
        array = cast("ArrayAccess", _Answers(products))
        if fields["inputs"] == "analog":
            return analog(array, placement=placement, inputs=some, voltage=fields["read"], tick=count)
        return bit_serial(
            array, placement=placement, inputs=some, bits=fields["bits"] or 6, voltage=fields["read"], tick=count
        )

    try:
        return routine(inputs)
    except _Ended:
        return routine(inputs[: int(through)])
