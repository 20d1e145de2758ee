"""The thermometer of a bench: one input of an instrument (labmtj.ports.Thermometer)."""

from __future__ import annotations

from typing import Protocol


class Inputs(Protocol):
    """What a driver of a thermometer has."""

    def temperature(self, name: str) -> float:
        """Temperature [K] of an input."""
        ...


class Sensor:
    """The sensor beside the die."""

    def __init__(self, inputs: Inputs, name: str) -> None:
        self._inputs, self._name = inputs, name

    def temperature(self) -> float:
        """Measure the temperature [K]."""
        return self._inputs.temperature(self._name)
