"""The columns of the tables of a study of training on the array: units and meanings by their names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labmtj.studies.columns import Column

_TEXT, _FLOAT, _INT = object, np.float64, np.int64
_RULES: Mapping[str, Column] = {
    rule.pattern: rule
    for rule in (
        Column("part", _TEXT, "", "part of the study"),
        Column("variant", _TEXT, "", "how networks were trained"),
        Column("condition", _TEXT, "", "what the dies are like"),
        Column("spread", _FLOAT, "1", "spread of the devices, multiple of the bench's"),
        Column("sigma", _FLOAT, "1", "relative standard deviation of V_c and R_P; empty: the bench's"),
        Column("shorts", _FLOAT, "1", "rate of shorts, multiple of the bench's"),
        Column("wires", _FLOAT, "1", "resistance of wires, multiple of the bench's"),
        Column("width", _FLOAT, "s", "width of an update's pulses"),
        Column("die", _INT, "1", "number of the die, from 0"),
        Column("split", _INT, "1", "number of the split, from 0"),
        Column("train", _FLOAT, "1", "accuracy on the training samples"),
        Column("test", _FLOAT, "1", "accuracy on the test samples"),
        Column("loss", _FLOAT, "1", "cross-entropy on the training samples, by which the state was chosen"),
        Column("updates", _FLOAT, "1", "outer products applied, both layers"),
        Column("pulses", _FLOAT, "1", "pulses of updates"),
        Column("events", _FLOAT, "1", "devices asked to flip with some probability"),
        Column("flips", _FLOAT, "1", "devices that flipped as asked"),
        Column("disturbed", _FLOAT, "1", "devices that flipped and were not asked to"),
        Column("writes", _FLOAT, "1", "pulses of write-verify"),
        Column("energy", _FLOAT, "J", "energy in the selected cells"),
        Column("seconds", _FLOAT, "s", "time that a bench needs"),
        Column("copies", _INT, "1", "networks"),
        Column("epoch", _INT, "1", "epoch, from 1"),
        Column("active", _FLOAT, "1", "share of the samples that asked for a change"),
        Column("other_part", _TEXT, "", "part of the study of what is compared with"),
        Column("other_condition", _TEXT, "", "dies of what is compared with"),
        Column("other", _TEXT, "", "variant that is compared with"),
        Column("dies", _INT, "1", "dies"),
        Column("difference", _FLOAT, "1", "mean test accuracy less that of the other, paired by die and split"),
        Column("low", _FLOAT, "1", "lower end of its 95 % interval over dies"),
        Column("high", _FLOAT, "1", "upper end of its 95 % interval over dies"),
        Column("lines", _INT, "1", "rows, and columns"),
        Column("way", _TEXT, "", "how an update reaches the array"),
        Column("update_seconds", _FLOAT, "s", "time of one update on the virtual clock"),
        Column("update_pulses", _FLOAT, "1", "pulses of one update"),
        Column("readings", _FLOAT, "1", "readings of cells in one update"),
        Column("measured", _TEXT, "", "what was measured, and what follows from it"),
        Column("mode", _TEXT, "", "cells one by one, or all lines in parallel"),
        Column("cell", _INT, "1", "number of the cell, row by row from 0"),
        Column("asked", _FLOAT, "1", "flip probability that was asked for"),
        Column("realised", _FLOAT, "1", "flip probability that the pulse has on this die"),
        Column("calibration", _FLOAT, "1", "calibration pulses of the cell"),
    )
}


def of(name: str) -> Column:
    """The rule of a column."""
    return _RULES.get(name) or Column(name, _FLOAT, "1", name.replace("_", " "))
