"""The columns of the tidy table, one row a copy: their order, their types, units and meanings.

What a block computes for its copies comes under these names; a name that no rule knows stands at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from labmtj.studies.schema import TUNINGS

READOUTS = ("software", "software_scale", "untuned", *TUNINGS)
"""What is judged: software, software with one tuned scale, a copy as it is, and tuned."""
_NAMES = "|".join(sorted(READOUTS, key=len, reverse=True))


@dataclass(frozen=True)
class Column:
    """One kind of column: what its name matches, its type, unit and meaning ({0} is the readout or the measure)."""

    pattern: str
    dtype: DTypeLike
    units: str
    meaning: str


_INT, _FLOAT = np.int32, np.float64
_RULES = (
    Column(r"diameter_nm", _FLOAT, "nm", "diameter of the devices"),
    Column(r"r_wire_ohm", _FLOAT, "ohm", "resistance of one segment of a line"),
    Column(r"die", np.int64, "1", "seed of the die"),
    Column(r"place", object, "", "how the layers were placed"),
    Column(r"network", _INT, "1", "number of the network, from 0"),
    Column(r"pulses", _INT, "1", "pulses of the whole copy; -1: not known"),
    Column(r"repaired", _INT, "1", "cells that had to be written again after a neighbour's pulse; -1: not known"),
    Column(r"wrong", _INT, "1", "devices whose last read-back is not the target; -1: not known"),
    Column(r"write_fidelity", _FLOAT, "1", "devices read back as their target over devices written"),
    Column(r"write_fidelity_good", _FLOAT, "1", "the same over devices without a defect"),
    Column(r"defects_used", _INT, "1", "defective cells under the layers; -1: not known"),
    Column(r"bench_seconds", _FLOAT, "s", "time that a bench needs for the copy"),
    Column(r"scale", _FLOAT, "1", "tuned scale f of the copy"),
    Column(r"software_scale", _FLOAT, "1", "tuned scale f of the software"),
    Column(rf"train_({_NAMES})", _FLOAT, "1", "accuracy on the training samples, {0}"),
    Column(rf"test_({_NAMES})", _FLOAT, "1", "accuracy on the test samples, {0}"),
    Column(rf"all_({_NAMES})", _FLOAT, "1", "accuracy on all samples, {0}"),
    Column(rf"loss_train_({_NAMES})", _FLOAT, "1", "mean cross-entropy on the training samples, {0}"),
    Column(rf"loss_test_({_NAMES})", _FLOAT, "1", "mean cross-entropy on the test samples, {0}"),
    Column(rf"measurements_({_NAMES})", _INT, "1", "extra readings that the tuning takes, {0}; -1: not known"),
    Column(r"m_(.+)", _FLOAT, "1", "measure {0}"),
)
KEYS = ("diameter_nm", "r_wire_ohm", "die", "place", "network")
_OTHER = Column(r"(.*)", _FLOAT, "1", "{0}")


def of(name: str) -> Column:
    """The rule of a column, with its meaning written out."""
    for rule in (*_RULES, _OTHER):
        match = re.fullmatch(rule.pattern, name)
        if match is not None:
            words = (match.group(1).replace("_", " "),) if match.groups() else ()
            return Column(name, rule.dtype, rule.units, rule.meaning.format(*words))
    return _OTHER


def ordered(names: Iterable[str]) -> list[str]:
    """Names in the one order: by rule, within it by readout, then by name."""

    def place(name: str) -> tuple[int, int, str]:
        for number, rule in enumerate(_RULES):
            match = re.fullmatch(rule.pattern, name)
            if match is not None:
                word = match.group(1) if match.groups() else ""
                return number, READOUTS.index(word) if word in READOUTS else len(READOUTS), name
        return len(_RULES), 0, name

    return sorted(set(names), key=place)
