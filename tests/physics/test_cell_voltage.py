"""What a pulse puts on a cell, from the map of the die, against the solved network."""

import numpy as np
import pytest

from labmtj.errors import InputError, SolveError
from labmtj.physics.crossbar_plain import PlainCrossbar
from labmtj.physics.crossbar_stack import Crossbar
from labmtj.records import Cell, Defect, State
from labmtj.routines.cell_voltage import amplitudes_for, cell_voltages, crossbar_of, shares, voltages_on_all

LAW = {"v_h": 0.5, "k_p": 0.2}
SERIES = {"r_row": np.full(8, 3.0), "r_col": np.full(8, 4.0)}
CELLS = [Cell(row, col) for row in range(1, 9) for col in range(1, 9)]


def die(ohms, *, short=False):
    """States, R_P and TMR of an 8 x 8 array; with `short`, cell (3, 5) is one of 200 ohm."""
    chance = np.random.default_rng(3)
    state, r_p = chance.integers(0, 2, (8, 8)), ohms * np.exp(0.06 * chance.standard_normal((8, 8)))
    tmr0 = 1.2 * np.exp(0.04 * chance.standard_normal((8, 8)))
    if short:
        state[2, 4], r_p[2, 4] = 2, 200.0
    return state, r_p, tmr0


def readings(ohms, wire, *, short=False):
    """What a map reads at 50 mV in both states, nan for the short, and the array's states meanwhile."""
    state, r_p, tmr0 = die(ohms, short=short)
    found = np.full((2, 8, 8), np.nan)
    for cell in CELLS:
        for own in (State.P, State.AP):
            if state[cell.position] == 2:
                continue
            now = state.copy()
            now[cell.position] = own
            rows = np.zeros(8)
            rows[cell.row - 1] = 0.05
            array = PlainCrossbar(now, r_p, r_wire=wire, tmr0=tmr0, **LAW)
            found[own][cell.position] = 0.05 / array.solve(rows, np.zeros(8), **SERIES).i_col[cell.col - 1]
    return found[0], found[1], np.where(state == 2, int(Defect.SHORT), 0), np.where(state == 2, State.P, state)


def map_of(ohms, wire, *, short=False, known=True):
    r_p, r_ap, defect, state = readings(ohms, wire, short=short)
    return crossbar_of(
        r_p, r_ap=r_ap, defect=defect, read_voltage=0.05, wire=wire, row_contact=3.0, col_contact=4.0,
        state=state if known else -1,
    )  # fmt: skip


@pytest.mark.parametrize(("ohms", "wire"), [(7960.0, 5.0), (1270.0, 20.0), (1270.0, 0.0), (31800.0, 5.0)])
def test_voltages_of_all_cells_are_those_of_the_single_network(ohms, wire):
    state, r_p, tmr0 = die(ohms)
    found = voltages_on_all(Crossbar(r_p, tmr0, wire, 3.0, 4.0), CELLS, amplitude=0.4, state=state)
    array = PlainCrossbar(state, r_p, r_wire=wire, tmr0=tmr0, **LAW)
    for at in (0, 29, 63):
        rows, cols = np.zeros(8), np.zeros(8)
        rows[CELLS[at].row - 1], cols[CELLS[at].col - 1] = 0.2, -0.2
        expected = array.solve(rows, cols, **SERIES)
        assert expected is not None
        assert np.abs(found[at] - expected.cell_v).max() < 1e-8


@pytest.mark.parametrize(("ohms", "wire"), [(7960.0, 5.0), (1270.0, 20.0)])
def test_the_map_of_a_die_gives_back_its_resistances(ohms, wire):
    found, (_, r_p, tmr0) = map_of(ohms, wire), die(ohms)
    assert np.abs(found.r_p / r_p - 1).max() < 2e-3
    assert np.abs(found.tmr0 / tmr0 - 1).max() < 1e-2


def test_a_short_is_known_by_its_mark():
    found, (_, r_p, _) = map_of(7960.0, 5.0, short=True), die(7960.0, short=True)
    assert (200.0, 0.0) == (found.r_p[2, 4], found.tmr0[2, 4])
    assert np.abs(found.r_p / r_p - 1).max() < 2e-3


def test_states_that_nobody_knows_change_a_cell_voltage_by_little():
    state, r_p, tmr0 = die(7960.0)
    truth = Crossbar(r_p, tmr0, 5.0, 3.0, 4.0)
    expected = cell_voltages(truth, CELLS, amplitude=0.3, state=state, before=State.AP)
    blind = cell_voltages(map_of(7960.0, 5.0, known=False), CELLS, amplitude=0.3, state=-1, before=State.AP)
    assert np.abs(blind / expected - 1).max() < 5e-3


def test_the_amplitude_for_a_cell_voltage_is_the_inverse():
    model = map_of(1270.0, 20.0)
    wanted = np.linspace(-0.3, 0.35, len(CELLS))
    amplitude = amplitudes_for(model, CELLS, cell_voltage=wanted, state=-1, before=State.P)
    found = cell_voltages(model, CELLS, amplitude=amplitude, state=-1, before=State.P)
    assert np.abs(found - wanted).max() < 1e-5
    assert (np.abs(amplitude) >= np.abs(wanted)).all()


def test_the_share_falls_towards_the_far_corner_and_is_larger_for_ap():
    model = map_of(1270.0, 20.0)
    ap, p = (shares(model, CELLS, amplitude=0.4, state=-1, before=own) for own in (State.AP, State.P))
    assert 0.5 < ap[7] < ap[56] < 1.0  # the row's end far from both terminals, then its beginning near both
    assert (p < ap).all()


def test_what_cannot_be_solved_is_refused():
    nothing = np.full((2, 2), np.nan)
    with pytest.raises(InputError, match="map the die first"):
        crossbar_of(nothing, r_ap=nothing, defect=np.ones((2, 2), int), read_voltage=0.05, wire=5.0)
    with pytest.raises(InputError, match="no number"):
        voltages_on_all(map_of(1270.0, 20.0), [Cell(1, 1)], amplitude=np.nan, state=0)
    with pytest.raises(SolveError, match="wires"):
        voltages_on_all(Crossbar(np.full((8, 8), np.nan), np.ones((8, 8)), 5.0), [Cell(1, 1)], amplitude=0.3, state=0)
