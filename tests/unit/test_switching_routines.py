"""Switching, write errors, disturb and retention on the bare simulated array, and what their counts allow to say."""

import dataclasses

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.physics.switching_law import Exponent
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Polarity, State
from labmtj.routines.bring import all_cells, bring, measurable, read_state, writes_of
from labmtj.routines.characterise import map_die
from labmtj.routines.counts import rate_bound, share_bound, share_interval, wilson
from labmtj.routines.disturb import measure_half_select, measure_read_disturb
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.retention import measure_retention
from labmtj.routines.switching import measure_switching
from labmtj.routines.switching_estimate import Goals
from labmtj.routines.write_error import measure_write_error
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

READ, WIDTH = 0.05, 1e-4
SMALL = (
    *('lines.rows={"1..4": "1..4"}', 'lines.cols={"1..4": "7..10"}', "array.rows=4", "array.cols=4"),
    *(f'simulation.die.defects.{kind}="0 %"' for kind in ("short", "open", "stuck")),
)
ENOUGH = Amplitudes(0.32, 0.43)


def array_of(*settings, seed=5):
    return TwinArray(load_bench("simulated-15x15", overrides=(*SMALL, *settings), seed=seed), MemoryJournal())


def map_of(array, **known):
    """A map with the truth's resistances: these routines begin where mapping ends."""
    truth = array.electrics.truth
    fields = {
        "r_p": truth.r_p, "r_ap": truth.r_p * (1 + truth.tmr), "defect": truth.defect, "read_voltage": READ,
        "polarity": Polarity(State.P, Cell(1, 1), 0.24, 0.32), "switching": Amplitudes(0.23, 0.31), "width": WIDTH,
        "wire": 5.0, "row_contact": 0.85, "col_contact": 0.85,
    }  # fmt: skip
    return DieMap(**(fields | known))


def fired(array):
    return [entry for entry in array._journal.entries if entry["k"] == "intent"]


# -- counts ----------------------------------------------------------------------------------------


def test_no_event_is_the_rule_of_three():
    assert 3.0 / 1000 == pytest.approx(float(share_bound(0, 1000)), rel=4e-3)
    assert 1.0 - 0.05 ** (1 / 20) == pytest.approx(float(share_bound(0, 20)), rel=1e-9)
    assert 3.0 / 50.0 == pytest.approx(float(rate_bound(0, 50.0)), rel=4e-3)


def test_intervals_are_those_of_the_tables():
    # Clopper and Pearson for 5 of 20, Wilson for 5 of 20, Garwood for 4 events: R's binom and poisson.test.
    assert (0.08657, 0.49105) == pytest.approx(tuple(float(end) for end in share_interval(5, 20)), abs=1e-5)
    assert (0.11186, 0.46870) == pytest.approx(tuple(float(end) for end in wilson(5, 20)), abs=1e-5)
    assert 9.1535 == pytest.approx(float(rate_bound(4, 1.0)), abs=1e-4)


def test_the_ends_of_a_share_are_met():
    low, high = share_interval([0, 10, 0], [10, 10, 0])
    assert (0.0, 1.0, 0.0, 1.0) == (low[0], high[1], low[2], high[2])
    assert high[0] == pytest.approx(1.0 - low[1])
    assert [1.0, 1.0] == share_bound([10, 0], [10, 0]).tolist()
    assert np.isnan(wilson(0, 0)[0])


# -- bringing cells into a state -------------------------------------------------------------------


def test_cells_are_brought_into_the_wanted_states():
    array = array_of()
    die = map_of(array)
    wanted = {cell: State((cell.row + cell.col) % 2) for cell in all_cells(array.shape)}
    for _again in range(2):  # what the last pulses disturbed
        bring(array, writes_of(die, all_cells(array.shape)), wanted, read=READ)
    assert wanted == {cell: read_state(array, die, cell, read=READ) for cell in wanted}


def test_every_cell_is_written_with_what_its_wires_take_on_top():
    die, cells = map_of(array_of(), wire=20.0), all_cells((4, 4))
    writes, plain = writes_of(die, cells), writes_of(die, cells, amplitudes=ENOUGH)
    assert {0.32} == set(plain.volts[State.P].values())
    volts = writes.volts[State.AP]
    assert volts[Cell(4, 1)] < volts[Cell(1, 4)]  # beside both terminals, and far from both
    assert writes.middle(State.AP) == pytest.approx(1.3 * 0.31, rel=0.02)
    without = writes_of(map_of(array_of(), wire=None), cells)
    assert {1.3 * 0.31} == set(without.volts[State.AP].values())


def test_a_cell_that_does_not_move_is_named():
    array = array_of('simulation.die.defects.stuck="100 %"')
    die = dataclasses.replace(map_of(array), defect=np.zeros((4, 4), int))
    state = read_state(array, die, Cell(2, 3), read=READ)
    with pytest.raises(BenchError, match=r"cell \(2, 3\) does not go to"):
        bring(array, writes_of(die, [Cell(2, 3)]), {Cell(2, 3): state.other}, read=READ)


# -- switching -------------------------------------------------------------------------------------


def test_v_c0_and_delta_of_two_cells_are_found_through_the_wires():
    array = array_of()
    found = measure_switching(
        array, die=map_of(array), cells=[Cell(1, 2), Cell(4, 3)], read=READ, ceiling=0.6, widths=[WIDTH, 1.0],
        pulses=160,
    )  # fmt: skip
    truth, at = array.electrics.truth, ([0, 3], [1, 2])
    for target, ratio, sign in ((State.P, 1.0, 1.0), (State.AP, 1.15, -1.0)):
        found_v = found.towards[target].v_c0 / (truth.v_c0[at] * ratio * (1 - sign * truth.stray_field[at]))
        found_d = found.towards[target].delta / (truth.delta[at] * (1 - sign * truth.stray_field[at]) ** 2)
        assert np.abs(found_v - 1).max() < 0.06
        assert np.abs(found_d - 1).max() < 0.15
    assert 320 == len(fired(array)) == found.fired.volts.size
    # The voltage over the cell is less than between the terminals, by what wires and contacts take.
    volts = np.array([abs(entry["v"]) for entry in fired(array)])
    assert (found.fired.volts < volts).all()
    assert (found.fired.volts > 0.97 * volts).all()
    die = found.onto(map_of(array))
    assert 2 == np.isfinite(die.v_c0_p).sum() == np.isfinite(die.v_switch_ap).sum()


def test_goals_that_are_reached_end_a_cell_early():
    array = array_of()
    found = measure_switching(
        array, die=map_of(array), cells=[Cell(2, 2)], read=READ, ceiling=0.6, widths=[WIDTH, 1.0], pulses=200,
        goals=Goals(v_c0=0.05, delta=0.2),
    )  # fmt: skip
    assert len(fired(array)) < 60
    assert found.towards[State.P].v_c0_error[0] < 0.06


def test_one_width_gives_the_switching_voltage_alone():
    array = array_of()
    found = measure_switching(
        array, die=map_of(array), cells=[Cell(2, 2)], read=READ, ceiling=0.6, widths=[WIDTH], pulses=60, law=Exponent()
    )
    die = found.onto(map_of(array))
    assert die.v_c0_p is None
    assert 0.15 < die.v_switch_p[1, 1] < die.v_switch_ap[1, 1] < 0.45
    assert "v_c0_p" not in found.finding.columns


def test_a_cell_that_does_not_switch_below_the_ceiling_has_no_estimate():
    array = array_of()
    found = measure_switching(
        array, die=map_of(array), cells=[Cell(2, 2)], read=READ, ceiling=0.08, widths=[WIDTH, 1.0], pulses=100
    )
    assert np.isnan(found.towards[State.P].v_c0).all()
    assert len(fired(array)) < 20
    assert "no cell switched" in found.finding.line
    assert np.isnan(found.onto(map_of(array)).v_c0_p).all()


def test_a_ceiling_above_the_limit_is_refused_before_anything_is_fired():
    array = array_of()
    with pytest.raises(LimitExceeded, match="above the cell limit"):
        measure_switching(array, die=map_of(array), cells=[Cell(1, 1)], read=READ, ceiling=0.9, widths=[WIDTH, 1.0])
    assert [] == array._journal.entries


def test_defective_cells_are_left_out():
    array = array_of()
    die = map_of(array)
    die.defect[0, 0] = Defect.SHORT
    assert [Cell(1, 2)] == measurable(die, [Cell(1, 1), Cell(1, 2)])
    with pytest.raises(InputError, match="none of the chosen cells"):
        measure_switching(array, die=die, cells=[Cell(1, 1)], read=READ, ceiling=0.6, widths=[WIDTH])


# -- write errors ----------------------------------------------------------------------------------


def test_write_errors_are_counted_for_each_state():
    array = array_of()
    found = measure_write_error(
        array, die=map_of(array), cells=[Cell(1, 1), Cell(3, 2)], read=READ, amplitudes=Amplitudes(0.32, 0.32),
        width=WIDTH, pulses=15,
    )  # fmt: skip
    figures = found.figures
    assert (0, 30) == (figures["errors_p"], figures["pulses_p"])
    assert figures["errors_ap"] > 3
    assert figures["rate_ap_low"] < figures["errors_ap"] / figures["pulses_ap"] < figures["rate_ap_high"]
    assert len(fired(array)) == figures["pulses_p"] + figures["pulses_ap"]


def test_a_write_error_above_the_limit_is_refused_before_anything_is_fired():
    array = array_of()
    with pytest.raises(LimitExceeded):
        measure_write_error(
            array, die=map_of(array), cells=[Cell(1, 1)], read=READ, amplitudes=Amplitudes(0.3, 0.9), width=WIDTH,
            pulses=5,
        )  # fmt: skip
    assert [] == array._journal.entries


# -- disturb and retention -------------------------------------------------------------------------


def test_half_selected_cells_flip_where_barriers_are_low_and_not_where_they_are_high():
    counted = []
    for delta in (36, 90):
        array = array_of(f"simulation.die.delta={delta}", "simulation.die.sigma_delta=0")
        found = measure_half_select(
            array, die=map_of(array), cell=Cell(2, 2), read=READ, amplitudes=ENOUGH, width=WIDTH, pulses=20
        )
        counted.append(found.figures["flips_p"])
        assert found.columns["flips_p"].values.size == 6
        assert found.figures["cell_pulses_p"] <= 120
        assert found.figures["flips_per_pulse_p_bound"] > found.figures["flips_per_pulse_p"]
    assert counted[0] > 2
    assert 0 == counted[1]


def test_reading_is_a_dose_that_low_barriers_feel():
    array = array_of("simulation.die.delta=28", "simulation.die.sigma_delta=0")
    found = measure_read_disturb(
        array, die=map_of(array), cells=all_cells((4, 4))[:6], read=0.01, voltage=0.1, seconds=0.4, readings=2
    )
    figures = found.figures
    assert figures["flips_p"] > 2
    assert figures["rate_p_per_second"] > figures["rate_ap_per_second"]  # the stray field favours P
    assert (found.columns["dose"].values[:, 1] >= 0.4).all()
    assert (found.columns["dose"].values[:, 1] < 0.5).all()


def test_waiting_loses_what_low_barriers_hold():
    array = array_of("simulation.die.delta=42", "simulation.die.sigma_delta=0")
    found = measure_retention(array, die=map_of(array), cells=all_cells((4, 4)), read=0.01, times=[10.0, 1e4, 1e10])
    lost = found.columns["lost"].values
    assert (np.diff(lost, axis=1) >= 0).all()
    assert lost[int(State.AP), -1] == 8  # 42 kT less the stray field's share: weeks
    assert [8, 8] == found.columns["cells"].values.tolist()
    assert array.clock.now() > 1e10
    assert "AP: 8 of 8 lost" in found.line


def test_waiting_times_that_do_not_rise_are_refused():
    array = array_of()
    with pytest.raises(InputError, match="do not rise"):
        measure_retention(array, die=map_of(array), cells=[Cell(1, 1)], read=READ, times=[10.0, 1.0])
    assert [] == array._journal.entries


@pytest.mark.slow
@pytest.mark.parametrize("diameter", [20, 40, 75])
def test_v_c0_is_found_through_the_wires_of_a_whole_array_from_its_own_map(diameter, capsys):
    settings = f'simulation.die.diameter="{diameter} nm"'
    array = TwinArray(load_bench("simulated-15x15", overrides=(settings,), seed=5), MemoryJournal())
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=READ
    )
    die = map_die(array, polarity=polarity, read=READ, width=WIDTH)
    # What the wires step finds; a relay has 0.35 ohm in the middle of its range, its lead 0.5 ohm.
    die = dataclasses.replace(die, wire=5.0, row_contact=0.85, col_contact=0.85)
    cells = all_cells(array.shape)[7::11]
    found = measure_switching(array, die=die, cells=cells, read=READ, ceiling=0.65, widths=[WIDTH, 1.0])
    truth, at = array.electrics.truth, tuple(np.array([cell.position for cell in found.cells]).T)
    for target, ratio, sign in ((State.P, 1.0, 1.0), (State.AP, 1.15, -1.0)):
        v_c0 = found.towards[target].v_c0 / (truth.v_c0[at] * ratio * (1 - sign * truth.stray_field[at])) - 1
        delta = found.towards[target].delta / (truth.delta[at] * (1 - sign * truth.stray_field[at]) ** 2) - 1
        with capsys.disabled():
            print(
                f"\n{diameter} nm to {target.name}, {len(v_c0)} cells: V_c0 bias {v_c0.mean():+.4f} rms "
                f"{np.sqrt(np.mean(v_c0**2)):.4f} within 3 % {np.mean(np.abs(v_c0) < 0.03):.3f}; "
                f"Delta rms {np.sqrt(np.mean(delta**2)):.4f} within 15 % {np.mean(np.abs(delta) < 0.15):.3f}", end=""
            )  # fmt: skip
        assert abs(v_c0.mean()) < 0.01
        assert np.sqrt(np.mean(v_c0**2)) < 0.02
        assert np.abs(delta).max() < 0.15
