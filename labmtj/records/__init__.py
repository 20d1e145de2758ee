"""Frozen records: the only things that cross layers.

All quantities are SI floats. Lines are counted from 1, as on the probe card and in every file;
`Cell.position` gives the position in a numpy array of shape (rows, cols). Voltages of cells and
pulses are word line minus bit line; currents flow from the word line (row) to the bit line (col).
"""

from labmtj.records.cells import (
    Amplitudes,
    Attempt,
    Cell,
    Defect,
    Floats,
    Ints,
    Polarity,
    Pulse,
    PulseOutcome,
    Reading,
    Role,
    Sample,
    Scheme,
    State,
    Sum,
    Trait,
)
from labmtj.records.chip_maps import ChipMaps
from labmtj.records.contact import Contact, Line, LineFault
from labmtj.records.die_map import DieMap
from labmtj.records.finding import Column, Finding
from labmtj.records.layers import Copy, Placement
from labmtj.records.line_pulses import LineOutcome, LinePulse
from labmtj.records.neurons import NeuronMap, NeuronReading

__all__ = [
    "Amplitudes",
    "Attempt",
    "Cell",
    "ChipMaps",
    "Column",
    "Contact",
    "Copy",
    "Defect",
    "DieMap",
    "Finding",
    "Floats",
    "Ints",
    "Line",
    "LineFault",
    "LineOutcome",
    "LinePulse",
    "NeuronMap",
    "NeuronReading",
    "Placement",
    "Polarity",
    "Pulse",
    "PulseOutcome",
    "Reading",
    "Role",
    "Sample",
    "Scheme",
    "State",
    "Sum",
    "Trait",
]
