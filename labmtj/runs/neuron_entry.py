"""Neurons in the journal: one entry of the kind "neuron" a reading, of three currents at two voltages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labmtj.records import NeuronReading


def neuron_entry(reading: NeuronReading) -> dict[str, Any]:
    """What the journal keeps of a reading of a neuron; a current that is none is null there."""
    entry: dict[str, Any] = {
        "neuron": reading.neuron,
        "drive": reading.drive,
        "probe": reading.probe,
        "x": reading.x,
        "z": reading.z,
        "common": reading.common,
        "t": round(reading.time, 9),
    }
    if reading.in_compliance:
        entry["compliance"] = True
    return entry


def neuron_reading(entry: Mapping[str, Any]) -> NeuronReading:
    """The reading that such an entry is of; nan for a current that is none."""
    x, z, common = (math.nan if entry[name] is None else float(entry[name]) for name in ("x", "z", "common"))
    return NeuronReading(
        neuron=int(entry["neuron"]),
        drive=float(entry["drive"]),
        probe=float(entry["probe"]),
        x=x,
        z=z,
        common=common,
        time=float(entry["t"]),
        in_compliance=bool(entry.get("compliance", False)),
    )
