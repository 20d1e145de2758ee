"""Single integrations at one sign, less what flows without a drive: how a current at a voltage is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess
from labmtj.records import Cell, Pulse

_LEAST_VOLTS = 2e-3  # [V] chosen: below it offsets and noise are all there is
_WIDTH = 1e-3  # [s] of the pulse that stands for a direct voltage where limits are asked; they do not depend on it


def check_level(array: ArrayAccess, cell: Cell, volts: float) -> None:
    """Raise LimitExceeded if a direct voltage [V] on this cell's row would pass a limit; touches nothing."""
    array.check(Pulse(cell, volts, _WIDTH))


def current_at(array: ArrayAccess, cell: Cell, volts: float, *, zero: float) -> float:
    """Current [A] of a cell at `volts`, less `zero` [A], which flowed on the same relays at 0 V; nan in compliance."""
    sample = array.sense([cell.row], [cell.col], voltage=volts)
    return math.nan if sample.in_compliance else sample.current - zero


def zero_current(array: ArrayAccess, cell: Cell, *, repeats: int = 1) -> float:
    """Current [A] into a cell's column with its row at 0 V: offsets of both sources, of the meter and thermal EMFs."""
    samples = [array.sense([cell.row], [cell.col], voltage=0.0).current for _ in range(repeats)]
    return sum(samples) / repeats


def within_compliance(
    array: ArrayAccess, sums: Sequence[tuple[Sequence[int], Sequence[int]]], *, voltage: float
) -> float:
    """The voltage [V], halved until no source is in compliance in any of the sums (rows, columns).

    Raises BenchError if that leaves less than 2 mV.
    """
    while voltage >= _LEAST_VOLTS:
        if not any(array.total(rows, cols, voltage=voltage).in_compliance for rows, cols in sums):
            return voltage
        voltage /= 2
    raise BenchError("a source is in compliance at 2 mV on whole lines; look for shorts, or raise the line compliance")
