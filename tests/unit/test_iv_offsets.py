"""I-V sweeps and offsets on the bare simulated array, against the hidden truth."""

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.physics import mtj
from labmtj.records import Cell, Defect, State
from labmtj.routines.iv import Event, measure_iv, up_and_down
from labmtj.routines.offsets import measure_offsets
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

LOW = (0.02, 0.05, 0.1)
HIGH = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)


def array_of(*settings, seed=17):
    return TwinArray(load_bench("simulated-15x15", overrides=settings, seed=seed), MemoryJournal())


def test_a_sweep_goes_up_and_down_with_both_signs():
    assert (0.1, 0.2, 0.1, -0.1, -0.2, -0.1) == up_and_down((0.1, 0.2))


def test_an_i_v_without_wires_is_the_law_of_the_junction():
    array = array_of("simulation.die.wire=0 ohm")
    truth, cell = array.electrics.truth, Cell(8, 8)
    found = measure_iv(array, cells=[cell], levels=LOW)
    at, model = cell.position, truth.model
    law = mtj.current(
        np.array(up_and_down(LOW)), state=array.electrics.state.state[at], r_p=truth.r_p[at], tmr0=truth.tmr[at],
        v_h=model.v_h, k_p=model.k_p,
    )  # fmt: skip
    # Contacts take some 0.2 %, noise 0.5 %, and 5 nA of the meter count at 20 mV.
    assert found.columns["current"].values[0] == pytest.approx(law, rel=0.03, abs=2e-8)
    assert {int(Event.NONE)} == set(found.columns["event"].values.ravel().tolist())
    assert "I-V of 1 cells up to 100 mV" == found.line


def test_a_cell_that_switches_during_its_sweep_is_said():
    array = array_of()
    cells = [Cell(3, 3), Cell(9, 9)]
    # Down to P by the last positive loop, up to AP in the negative one: each cell switches once at least.
    found = measure_iv(array, cells=cells, levels=HIGH)
    assert 2 == found.figures["switched_1"]
    assert all(array.electrics.state.state[cell.position] == State.AP for cell in cells)
    assert "2 switched" in found.line


def test_a_short_ends_its_sweep_in_compliance_and_is_no_data():
    array = array_of(seed=3)
    row, col = np.argwhere(array.electrics.truth.defect == Defect.SHORT)[0].tolist()
    found = measure_iv(array, cells=[Cell(row + 1, col + 1)], levels=HIGH)
    event, current = found.columns["event"].values[0].tolist(), found.columns["current"].values[0]
    stopped = event.index(Event.COMPLIANCE)
    assert {int(Event.NOT_MEASURED)} == set(event[stopped + 1 :])
    assert np.isnan(current[stopped:]).all()
    assert np.isfinite(current[:stopped]).all()
    assert 1 == found.figures["in_compliance_1"]


def test_nothing_is_driven_where_a_level_is_above_the_limit_or_makes_no_sense():
    array = array_of()
    with pytest.raises(LimitExceeded):
        measure_iv(array, cells=[Cell(1, 1)], levels=(0.2, 0.4, 0.6, 0.71))
    for levels in ((), (0.1, 0.1), (-0.1, 0.1), (0.1, 0.4)):
        with pytest.raises(InputError, match="must rise"):
            measure_iv(array, cells=[Cell(1, 1)], levels=levels)
    assert [] == array._journal.entries


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_offsets_are_those_of_sources_meter_and_contacts(seed):
    defects = tuple(f'simulation.die.defects.{kind}="0 %"' for kind in ("short", "open", "stuck"))
    array = array_of(*defects, "simulation.die.wire=1 mohm", seed=seed)
    found = measure_offsets(array, voltage=0.05, repeats=20)
    wires, rows = array._wiring, array.shape[0]
    drive, sense = (array._errors[n] for n in (array._drive, array._sense))

    def emf(line, letter):
        return wires.contact(*wires.crosspoint(line, letter), 0).emf

    grounded = np.array([emf(row, "C") for row in range(rows)])
    cells = array.electrics.state.state == 0
    siemens = 1 / (array.electrics.truth.r_p * np.where(cells, 1.0, 1 + array.electrics.truth.tmr))
    held = sense.source_volts.forced(0.0, 2.0) + np.array([emf(rows + col, "B") for col in range(array.shape[1])])
    expected = held - grounded @ siemens / siemens.sum(axis=0)
    error = found.columns["col_offset_error"].values
    assert np.abs(found.columns["col_offset"].values - expected).max() < 5 * error.max() + 0.01 * np.abs(expected).max()
    lifted = drive.source_volts.forced(0.0, 2.0) + np.array([emf(row, "A") for row in range(rows)]) - grounded
    error = found.columns["row_offset_error"].values
    assert np.abs(found.columns["row_offset"].values - lifted).max() < 5 * error.max() + 0.01 * np.abs(lifted).max()
    offset = -sense.meter_amperes.shown(0.0, 0.0, nplc=1.0, full=1e-3, lowest=0.0)
    assert abs(found.figures["meter_offset_ampere"] - offset) < 5 * found.figures["meter_offset_error_ampere"]


def test_lines_full_of_shorts_are_not_measured_in_compliance():
    array = array_of('simulation.die.defects.short="90 %"', "limits.line_compliance=1 uA")
    with pytest.raises(BenchError, match="in compliance at 2 mV"):
        measure_offsets(array, voltage=0.05)
