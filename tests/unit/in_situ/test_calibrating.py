"""Calibration of flip probabilities: 200 pulses a cell, and what is asked is what comes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.physics.variation import draw_die
from labmtj.studies.in_situ.flips import TrueFlips, calibrated, cell_by_cell
from labmtj.twin.build import die_model


def die(seed, size=15):
    bench = load_bench("simulated-15x15").bench
    return TrueFlips(draw_die(dataclasses.replace(die_model(bench), seed=seed, rows=size, cols=size)))


def test_a_hundred_pulses_on_few_cells_come_close():
    flips = die(3, size=5)
    found = calibrated(flips, widths=(1e-4, 1e-2), pulses=100, seed=1)
    off = np.abs(cell_by_cell(flips, found, width=1e-4) - 1.0)
    assert 0.15 > np.median(off)
    assert 0.40 > np.percentile(off, 90)


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(1e-4, 1e-2), (1e-8, 1e-4)])
def test_two_hundred_pulses_a_cell_make_asked_probabilities_true(widths):
    # Nine probabilities from 0.01 to 0.9, both directions, every good cell of a die.
    flips = die(7)
    found = calibrated(flips, widths=widths, pulses=200, seed=7)
    off = np.abs(cell_by_cell(flips, found, width=widths[0]) - 1.0)
    assert 0.10 > np.median(off)
    assert 0.30 > np.percentile(off, 90)
