"""What stands for our quantities in an instrument object of another library (PyMeasure, QCoDeS)."""

from __future__ import annotations

import re

from pydantic import Field

from labmtj.config.quantities import Model

DISTRIBUTIONS = {"pymeasure": "pymeasure", "qcodes": "qcodes", "qcodes_contrib": "qcodes-contrib-drivers"}
"""Libraries as drivers name them, and what they are installed as."""
_DRIVER = re.compile(rf"(?:{'|'.join(DISTRIBUTIONS)}):[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)


def is_foreign(driver: str) -> bool:
    """Whether a driver is one of another library, as "pymeasure:keithley.Keithley2450" is."""
    return driver.partition(":")[0] in DISTRIBUTIONS


def is_well_formed(driver: str) -> bool:
    """Whether the name of such a driver is written as one: library, module and class."""
    return _DRIVER.fullmatch(driver) is not None


def driver_file(driver: str) -> str | None:
    """The file of a driver such as "./my_smu.py:MySmu"; None for one of a package."""
    module = driver.rpartition(":")[0]
    return module if module.endswith(".py") else None


class Switch(Model):
    """An output that is not switched by True and False: two methods, or a name with a value for on and for off."""

    on: str
    """Method that switches the output on; with `name` the value that does"""
    off: str
    """Method that switches it off; with `name` the value that does"""
    name: str | None = None
    """Name that takes these values"""


class AdapterEntry(Model):
    """What stands for a source meter's quantities in another library's object: its names, dotted where they lie deeper.

    What has no name here is set and read by the driver `checked_by`, over the same session, as everything is that is
    read back, made safe or brought back after a power cut.
    """

    checked_by: str
    """Driver of labmtj (or a file of yours) for the same instrument: it reads settings back and makes the bench safe"""
    channels: dict[str, str] = Field(default_factory=dict[str, str])
    """Name of each channel's object, for an instrument with more than one"""
    source_voltage: str | None = None
    """Level of the source, in volts"""
    compliance_current: str | None = None
    """Current limit, in amperes"""
    nplc: str | None = None
    """Integration time in periods of the mains"""
    current_range: str | None = None
    """Full scale of current readings, in amperes"""
    source_enabled: str | Switch | None = None
    """The output"""
    measure_current: str | None = None
    """A new reading of the current, in amperes"""
    in_compliance: str | None = None
    """Whether the current limit holds the output below its level"""
    keeps: list[str] = Field(default_factory=list[str])
    """Headers of settings that the object makes for itself when it begins, such as the form of its readings"""
