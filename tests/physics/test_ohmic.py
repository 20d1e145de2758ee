"""The branch-current model of an ohmic array against the exact solver and against differences."""

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.physics.crossbar_plain import PlainCrossbar
from labmtj.physics.mtj import LINEAR
from labmtj.physics.ohmic import MOST_CELLS, OhmicArray

RNG = np.random.default_rng(5)
SHAPE = (5, 7)
OHMS = RNG.uniform(500.0, 9000.0, SHAPE)
OHMS[2, 3] = 120.0


def test_transfer_conductances_are_those_of_the_exact_solver():
    found = OhmicArray(OHMS, (5.0, 5.0, 0.9, 1.4)).transfer
    zeros, ends = np.zeros(SHAPE), (np.full(SHAPE[0], 0.9), np.full(SHAPE[1], 1.4))
    exact = PlainCrossbar(np.full(SHAPE, LINEAR), OHMS, r_wire=5.0, tmr0=zeros, v_h=1.0, k_p=0.0)
    for row in range(SHAPE[0]):
        volts = np.zeros(SHAPE[0])
        volts[row] = 1.0
        solved = exact.solve(volts, np.zeros(SHAPE[1]), r_row=ends[0], r_col=ends[1])
        assert found[row] == pytest.approx(solved.i_col, rel=1e-9)


def test_slopes_are_those_of_differences():
    lines = np.array([4.0, 7.0, 0.9, 1.4])
    drive = np.array([[1.0, 1, 0, 0, 1], [0, 0, 0.5, 0, 0]])
    sense = np.array([[1.0, 1, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 0, 0]])
    by_cell, by_line = OhmicArray(OHMS, tuple(lines)).slopes(drive, sense)

    def current(ohms, lines):
        return OhmicArray(ohms, tuple(lines)).currents(drive, sense)

    for number in range(4):
        step = np.zeros(4)
        step[number] = 1e-3
        rise = (current(OHMS, lines + step) - current(OHMS, lines - step)) / 2e-3
        assert by_line[:, number] == pytest.approx(rise, rel=1e-5)
    for cell in (0, 17, 34):
        factor = np.ones(OHMS.size)
        factor[cell] = 1 + 1e-5
        up, down = OHMS * factor.reshape(SHAPE), OHMS / factor.reshape(SHAPE)
        rise = (current(up, lines) - current(down, lines)) / (2 * np.log1p(1e-5))
        assert by_cell[:, cell] == pytest.approx(rise, rel=1e-4)


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(InputError, match="finite resistance above 0"):
        OhmicArray(np.array([[1e3, 0.0]]), (1.0, 1.0, 1.0, 1.0))
    with pytest.raises(InputError, match=f"take {MOST_CELLS} at most"):
        OhmicArray(np.ones((51, 51)), (1.0, 1.0, 1.0, 1.0))
