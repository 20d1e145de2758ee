"""The columns of the tables of a training study: units and meanings by their names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labmtj.studies import columns as studies
from labmtj.studies.columns import Column

_TEXT, _FLOAT, _INT = object, np.float64, np.int64
_RULES: Mapping[str, Column] = {
    rule.pattern: rule
    for rule in (
        Column("method", _TEXT, "", "how networks were trained"),
        Column("mask", _TEXT, "", "what the reader leaves closed"),
        Column("trained_at", _FLOAT, "1", "rate of shorts known in training, multiple of the bench's; empty: none"),
        Column("shorts", _FLOAT, "1", "rate of shorts of the dies, multiple of the bench's"),
        Column("seed", _INT, "1", "seed of the training"),
        Column("network", _INT, "1", "die that the network was trained for, from 0; -1: for all"),
        Column("die", _INT, "1", "die that the network is judged on, from 0"),
        Column("accuracy", _FLOAT, "1", "accuracy on the test images"),
        Column("loss", _FLOAT, "1", "mean cross-entropy"),
        Column("software", _FLOAT, "1", "accuracy of the same network with perfect devices"),
        Column("reference", _FLOAT, "1", "accuracy of the baseline with perfect devices"),
        Column("gap", _FLOAT, "1", "accuracy less that of the baseline with perfect devices"),
        Column("epoch", _INT, "1", "epoch, from 1"),
        Column("train", _FLOAT, "1", "accuracy while learning, mean over the networks"),
        Column("validation", _FLOAT, "1", "accuracy on images held back, mean over the networks"),
        Column("best", _FLOAT, "1", "the same of the networks kept"),
        Column("x", _FLOAT, "1", "along the first direction, in lengths of the solution"),
        Column("y", _FLOAT, "1", "along the second direction, in lengths of the solution"),
        Column("flipped", _FLOAT, "1", "share of the devices in the other state"),
        Column("right", _FLOAT, "1", "accuracy on the training images of the surface"),
        Column("other", _TEXT, "", "method that is compared with"),
        Column("difference", _FLOAT, "1", "mean over the dies of the accuracy less that of the other, die by die"),
        Column("low", _FLOAT, "1", "lower end of its 95 % interval"),
        Column("high", _FLOAT, "1", "upper end of its 95 % interval"),
        Column("dies", _INT, "1", "dies"),
        Column("cell", _TEXT, "", "which cell"),
        Column("rail", _FLOAT, "V", "voltage of an open gate"),
        Column("read", _FLOAT, "V", "voltage of a reading"),
        Column("volts", _FLOAT, "V", "voltage from row to column"),
        Column("amperes", _FLOAT, "A", "current of the cell"),
    )
}


def of(name: str) -> Column:
    """The rule of a column; measures have those of the study of copies."""
    return _RULES.get(name) or studies.of(name)
