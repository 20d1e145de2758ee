"""TMR(V), V_h and k_P of cells against the twin's hidden truth."""

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.physics import mtj
from labmtj.records import Cell, Defect, Polarity, Pulse, State
from labmtj.routines import tmr
from labmtj.routines.characterise import map_die, probe_cells, write_amplitudes
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.states import write_states
from labmtj.routines.tmr import measure_tmr
from labmtj.routines.tmr_fit import fit_law
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

WIDTH, LEVELS = 1e-4, (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
SMALL = ('lines.rows={"1..6": "1..6"}', 'lines.cols={"1..6": "7..12"}', "array.rows=6", "array.cols=6")
SMALL += ("simulation.die.telegraph=0 %", "simulation.die.defects.short=0 %")
SMALL += ("simulation.die.defects.open=0 %", "simulation.die.defects.stuck=0 %")


def mapped(*settings, seed=17, read=0.05):
    array = TwinArray(load_bench("simulated-15x15", overrides=settings, seed=seed), MemoryJournal())
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=0.05
    )
    die = map_die(array, polarity=polarity, read=read, width=WIDTH)
    return array, dataclasses.replace(die, wire=5.0, row_contact=0.85, col_contact=0.85)


def test_the_law_is_found_again_from_its_own_values():
    volts = np.broadcast_to(LEVELS, (2, 8))
    state = np.array([[0], [1]])
    law = mtj.conductance(volts, state=state, r_p=8e3, tmr0=1.1, v_h=0.47, k_p=0.15)
    values, errors = fit_law(volts, law, np.full((2, 8), 1e-3))
    assert values == pytest.approx([8e3, 0.15, 1.1, 0.47], rel=1e-4)
    assert (errors > 0).all()
    assert np.isnan(fit_law(volts, np.where(state == 1, np.nan, law), np.full((2, 8), 1e-3))[0]).all()


def test_v_h_and_tmr_of_a_die_are_found_and_go_into_its_map():
    array, die = mapped(*SMALL)
    cells = [cell for cell in probe_cells(array.shape) if die.good[cell.position]]
    found = measure_tmr(array, die=die, cells=cells, levels=LEVELS, repeats=3)
    truth, columns = array.electrics.truth, found.finding.columns
    assert found.die_map.v_h == pytest.approx(truth.model.v_h, rel=0.03)
    assert found.die_map.k_p == pytest.approx(truth.model.k_p, abs=0.03)
    assert 0 == found.finding.figures["moved_1"]
    tmr = np.array([truth.tmr[cell.position] for cell in cells])
    r_p = np.array([truth.r_p[cell.position] for cell in cells])
    assert np.abs(columns["tmr0"].values / tmr - 1).max() < 0.03
    assert np.abs(columns["r_p"].values / r_p - 1).max() < 0.006


def test_a_cell_that_flips_before_its_sweep_has_no_fit_and_is_said(monkeypatch):
    array, die = mapped(*SMALL)
    cells, written = [Cell(2, 2), Cell(5, 5)], write_states

    def and_one_flips(*asked, **more):
        standing = written(*asked, **more)
        array.pulse(Pulse(Cell(2, 2), write_amplitudes(die.switching).towards(State.P), WIDTH))
        return standing

    monkeypatch.setattr(tmr, "write_states", and_one_flips)
    found = measure_tmr(array, die=die, cells=cells, levels=LEVELS, repeats=3).finding
    assert [True, False] == np.isnan(found.columns["v_h"].values).tolist()
    assert [1, 0] == found.columns["moved"].values.tolist()
    assert ("of 1 cells, 1 of 2 did not keep their states" in found.line, 0.46 < found.figures["v_h_volt"] < 0.54) == (
        True,
        True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("diameter", "read"), [(20, 0.02), (40, 0.05), (75, 0.05)])
@pytest.mark.parametrize("seed", range(4))
def test_curves_of_default_dies_agree_with_the_truth_within_their_errors(seed, diameter, read):
    array, die = mapped(
        f'simulation.die.diameter="{diameter} nm"', "simulation.die.telegraph=0 %", seed=seed, read=read
    )
    cells = [cell for cell in probe_cells(array.shape) if die.good[cell.position]]
    found = measure_tmr(array, die=die, cells=cells, levels=LEVELS)
    truth, columns = array.electrics.truth, found.finding.columns
    print(diameter, seed, found.finding.line)
    assert found.die_map.v_h == pytest.approx(truth.model.v_h, rel=0.03)
    for name, true in (("r_p", truth.r_p), ("tmr0", truth.tmr)):
        values, errors = columns[name].values, columns[f"{name}_error"].values
        off = [(value - true[cell.position]) / error for value, error, cell in zip(values, errors, cells, strict=True)]
        assert np.sqrt(np.nanmean(np.square(off))) < 2.5
        assert (np.isnan(off) == (columns["moved"].values > 0)).all()


def test_what_cannot_be_fitted_or_is_not_allowed_is_refused_before_anything_is_driven():
    array, die = mapped(*SMALL)
    array._journal.entries.clear()
    with pytest.raises(LimitExceeded):
        measure_tmr(array, die=die, cells=[Cell(1, 1)], levels=(0.1, 0.2, 0.71))
    with pytest.raises(InputError, match="three levels"):
        measure_tmr(array, die=die, cells=[Cell(1, 1)], levels=(0.1, 0.2))
    with pytest.raises(InputError, match="two repeats"):
        measure_tmr(array, die=die, cells=[Cell(1, 1)], levels=LEVELS, repeats=1)
    die.defect[0, 0] = Defect.STUCK
    with pytest.raises(InputError, match=r"\(1, 1\) is defective"):
        measure_tmr(array, die=die, cells=[Cell(1, 1)], levels=LEVELS)
    assert [] == array._journal.entries


def test_where_no_cell_keeps_its_states_it_says_so():
    array, die = mapped(*SMALL)
    wrong = Polarity(State.AP, die.polarity.cell, die.polarity.ap_to_p, die.polarity.p_to_ap)
    # With the sign of the other state the sweep itself writes: the map's polarity is wrong after it was made.
    turned = dataclasses.replace(die, polarity=wrong)
    with pytest.raises(BenchError, match="1 of 1 did not keep their states"):
        measure_tmr(array, die=turned, cells=[Cell(2, 2)], levels=LEVELS, repeats=2)
