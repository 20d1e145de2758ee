"""The columns of the tables of a study of networks of neurons: units and meanings by their names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labmtj.studies.columns import Column

_TEXT, _FLOAT, _INT = object, np.float64, np.int64
_RULES: Mapping[str, Column] = {
    rule.pattern: rule
    for rule in (
        Column("part", _TEXT, "", "part of the study"),
        Column("role", _TEXT, "", "device, or which software network it is"),
        Column("variation", _FLOAT, "1", "relative standard deviation of neurons; empty: software, or a map's neurons"),
        Column("calibration", _TEXT, "", "what the host knows of neurons"),
        Column("gradient", _TEXT, "", "what training takes for the gradient; empty: nothing was trained"),
        Column("reading", _TEXT, "", "noisy: with noise and steps as stated; plain: without"),
        Column("seed", _INT, "1", "seed of weights, order of images, dies and noise"),
        Column("die", _INT, "1", "number of the seed's die, from 0; -1: software"),
        Column("train", _FLOAT, "1", "accuracy on the training images"),
        Column("test", _FLOAT, "1", "accuracy on the test images"),
        Column("software", _FLOAT, "1", "accuracy on the test images of the software twin with this seed"),
        Column("loss", _FLOAT, "1", "accuracy of the twin less that of the device; of an epoch: cross-entropy, nat"),
        Column("clipped", _FLOAT, "1", "share of inputs of neurons that were held at an end of the drive's range"),
        Column("saturated", _FLOAT, "1", "share of readings of neurons that stood at an end of the converter's range"),
        Column("epoch", _INT, "1", "epoch, from 1"),
        Column("accuracy", _FLOAT, "1", "accuracy on the training images while learning"),
        Column("against", _TEXT, "", "what is compared with: software, or the measured gradient"),
        Column("seeds", _INT, "1", "pairs, one a seed"),
        Column("low", _FLOAT, "1", "lower end of the mean loss's 95 % interval, Student's t over seeds"),
        Column("high", _FLOAT, "1", "upper end of it"),
        Column("boot_low", _FLOAT, "1", "lower end of its 95 % interval, bootstrap over seeds"),
        Column("boot_high", _FLOAT, "1", "upper end of it"),
        Column("upper", _FLOAT, "1", "upper bound of the mean loss, one-sided at 95 %, Student's t over seeds"),
        Column("bound", _FLOAT, "1", "largest mean loss that is asked for"),
        Column("bound_upper", _FLOAT, "1", "largest upper bound that is asked for"),
        Column("holds", _TEXT, "", "whether what is asked for holds"),
        Column("neuron", _INT, "1", "number of the neuron on its die, from 1"),
        Column("input", _FLOAT, "1", "input that the host asks for, in critical currents that it knows"),
        Column("m_x", _FLOAT, "1", "x read-out"),
        Column("m_z", _FLOAT, "1", "z read-out"),
        Column("tanh", _FLOAT, "1", "hyperbolic tangent of the input"),
        Column("sech", _FLOAT, "1", "hyperbolic secant of the input"),
        Column("residual_x", _FLOAT, "1", "x read-out less tanh"),
        Column("residual_z", _FLOAT, "1", "z read-out less sech"),
        Column("deviation_x", _FLOAT, "1", "largest distance of the x read-out from tanh"),
        Column("deviation_z", _FLOAT, "1", "largest distance of the z read-out from sech"),
    )
}


def of(name: str) -> Column:
    """The rule of a column."""
    return _RULES.get(name) or Column(name, _FLOAT, "1", name.replace("_", " "))
