"""Default simulated chips: data/reference/mtj-chips.yaml, what differs from a die without transistors."""

from __future__ import annotations

import functools
from typing import Literal

from labmtj.config.check import check
from labmtj.config.dies import DefectShares
from labmtj.config.finder import shipped_file
from labmtj.config.quantities import Length, Model, Resistance, Voltage
from labmtj.config.source import read


class TransistorDefaults(Model):
    """The transistor of every cell."""

    on_resistance: Resistance
    at_overdrive: Voltage
    threshold: Voltage
    sigma_threshold: Voltage


class ChipDefaults(Model):
    """The file."""

    format: Literal[1]
    kernels: int
    rows: int
    cols: int
    diameter: Length
    wire: Resistance
    defects: DefectShares
    short_resistance: list[Resistance]
    transistor: TransistorDefaults


@functools.cache
def chip_defaults() -> ChipDefaults:
    """The shipped file."""
    return check(read(shipped_file("data/reference/mtj-chips.yaml")), ChipDefaults)
