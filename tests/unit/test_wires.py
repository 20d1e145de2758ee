"""Wires and contacts against the twin's hidden truth."""

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import BenchError
from labmtj.records import Cell, Defect, Polarity, State
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.wires import measure_wires
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

WIDTH = 1e-4
KNOWN = Polarity(State.P, Cell(1, 1), 0.3, 0.33)
SMALL = ('lines.rows={"1..6": "1..6"}', 'lines.cols={"1..6": "7..12"}', "array.rows=6", "array.cols=6")
SMALL += ("simulation.die.telegraph=0 %", "simulation.die.defects.short=0 %")
SMALL += ("simulation.die.defects.open=0 %", "simulation.die.defects.stuck=0 %")


def mapped(*settings, seed=17, read=0.05, polarity=KNOWN):
    array = TwinArray(load_bench("simulated-15x15", overrides=settings, seed=seed), MemoryJournal())
    polarity = polarity or find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=0.05
    )
    return array, map_die(array, polarity=polarity, read=read, width=WIDTH)


def true_contacts(array):
    """Means over the relays that drive rows and that sense columns."""
    wires, shape = array._wiring, array.shape
    rows = [wires.contact(*wires.crosspoint(n, "A"), 0).ohms for n in range(shape[0])]
    cols = [wires.contact(*wires.crosspoint(shape[0] + n, "B"), 0).ohms for n in range(shape[1])]
    return np.mean(rows), np.mean(cols)


def off_the_truth(array, die, found):
    """R_P, R_AP and TMR of good, quiet cells: deviation over what instrument accuracy and noise allow."""
    truth, volts = array.electrics.truth, found.finding.figures["voltage_volt"]
    steady = die.good & (truth.telegraph == 0) & (array.electrics.state.flips == 0)
    r_p = truth.r_p / (1 + truth.model.k_p * volts**2)
    r_ap = truth.r_p * (1 + truth.tmr / (1 + (volts / truth.model.v_h) ** 2))
    p, ap = found.fit.ohms
    p_error, ap_error = found.fit.error
    # 0.02 % of the source and 0.02 % of the meter: instruments/models/keithley_2636b.yaml
    accuracy = np.hypot(0.0002, 0.0002)
    tmr_error = np.hypot(p_error, ap_error) * r_ap / r_p
    off = (
        (p / r_p - 1) / np.hypot(p_error, accuracy),
        (ap / r_ap - 1) / np.hypot(ap_error, accuracy),
        (ap / p - r_ap / r_p) / tmr_error,
    )
    return [values[steady] for values in off]


def test_wires_contacts_and_cells_of_a_small_array_are_found_within_their_errors():
    array, die = mapped(*SMALL)
    found = measure_wires(array, die=die, voltage=0.05, repeats=12)
    figures = found.finding.figures
    contacts = true_contacts(array)
    for name, true in (("wire", 5.0), ("row_contact", contacts[0]), ("col_contact", contacts[1])):
        assert abs(figures[f"{name}_ohm"] - true) < 4 * figures[f"{name}_error_ohm"]
    # The map has no contact below zero.
    kept = (found.die_map.wire, found.die_map.row_contact, found.die_map.col_contact)
    assert tuple(max(figures[f"{name}_ohm"], 0.0) for name in ("wire", "row_contact", "col_contact")) == kept
    assert figures["wire_error_ohm"] < 1.5
    for off in off_the_truth(array, die, found):
        assert np.sqrt(np.mean(off**2)) < 1.4
    assert "ohm a segment" in found.finding.line


@pytest.mark.slow
@pytest.mark.parametrize(("diameter", "read"), [(20, 0.02), (40, 0.05), (75, 0.05)])
@pytest.mark.parametrize("seed", range(8))
def test_wires_of_default_dies_are_found_within_ten_percent(seed, diameter, read):
    array, die = mapped(f'simulation.die.diameter="{diameter} nm"', seed=seed, read=read, polarity=None)
    found = measure_wires(array, die=die, voltage=read)
    print(diameter, seed, found.finding.line, found.finding.figures["chi2_1"])
    assert found.die_map.wire == pytest.approx(5.0, rel=0.1)
    off = off_the_truth(array, die, found)
    print("   rms deviation of R_P, R_AP, TMR over what is allowed:", *(f"{np.sqrt(np.mean(o**2)):.2f}" for o in off))
    for values in off:
        assert np.sqrt(np.mean(values**2)) < 1.5


def test_an_array_whose_lines_are_full_of_shorts_is_refused():
    array, die = mapped(*SMALL)
    die.defect[np.arange(3), np.arange(3)] = Defect.SHORT
    with pytest.raises(BenchError, match="3 columns have no short; 5 of each are needed"):
        measure_wires(array, die=die, voltage=0.05)
