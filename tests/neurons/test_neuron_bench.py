"""A bench of neurons on the wire: safe however it is left, faults that show, and an array like any other."""

from __future__ import annotations

import pytest

from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.session import open_bench, resource_manager
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.records import Cell, Line, Pulse

DRIVES = [-0.1, 0.0, 0.1]


def operate(door, neuron=2, drives=DRIVES):
    return door.neurons.operate(neuron, drives, probe=0.05)


def gaps(door):
    return [entry["instrument"] for entry in door.journal.entries if entry["k"] == "gap"]


# -- safe state ------------------------------------------------------------------------------------


def test_sources_stand_at_0_v_after_each_call_and_no_relay_moves_hot(open_door):
    door = open_door("wire")
    for neuron in (1, 3, 2):
        operate(door, neuron)
        assert [] == door.hot
    door.neurons.rest()
    assert {"D"} == {row for row, _ in door.world.closed}
    assert [] == door.world.violations


def test_a_bench_that_is_left_in_the_middle_has_sources_at_0_v_and_relays_open(make_file):
    file = make_file()
    manager = resource_manager(file)
    world = manager.visalib.bench.world

    class Left(Exception):
        pass

    def leaving(opened):
        operate(opened)
        raise Left

    with pytest.raises(Left), open_bench(file) as opened:
        leaving(opened)
    assert frozenset() == world.closed
    assert all(abs(output.level) < 1e-3 for output in world.outputs.values())
    assert [] == world.violations
    manager.close()


def test_nothing_is_on_when_a_voltage_is_refused(open_door):
    door = open_door("wire")
    told = len(door.world.log.entries)
    with pytest.raises(LimitExceeded):
        operate(door, drives=[0.1, 0.5])
    assert told == len(door.world.log.entries)
    assert [] == door.hot


def test_a_sweep_that_fails_leaves_sources_at_0_v_and_the_array_and_neurons_go_on(open_door):
    door = open_door("wire")
    operate(door)
    door.simulated.faults.add("garbage", on="smu", form="noise", times=0)
    with pytest.raises(BenchError):
        operate(door)
    door.simulated.faults.clear()
    reading = door.opened.array.read([Cell(3, 2)], voltage=0.05)[0]
    assert 100 < reading.resistance < 170
    assert operate(door)[-1].x == pytest.approx(operate(door)[-1].x, rel=0.02)
    assert [] == door.hot
    assert [] == door.world.violations


# -- faults ----------------------------------------------------------------------------------------


def test_a_reading_that_came_as_garbage_is_made_again_and_those_before_it_stay(open_door):
    door = open_door("wire")
    before = operate(door)
    door.simulated.faults.add("garbage", on="third", form="noise", after=4)
    found = operate(door)
    assert [reading.drive for reading in found] == DRIVES
    assert [r.x for r in found] == pytest.approx([r.x for r in before], rel=0.02, abs=1e-6)
    kept = [entry for entry in door.journal.entries if entry["k"] == "neuron"]
    assert 2 * len(DRIVES) == len(kept)
    assert [] == door.world.violations


def test_a_reading_that_stays_garbage_is_an_error_and_no_number(open_door):
    door = open_door("wire")
    door.simulated.faults.add("garbage", on="third", form="noise", times=0, after=3)
    with pytest.raises(BenchError):
        operate(door)
    door.simulated.faults.clear()
    assert 1 == sum(entry["k"] == "neuron" for entry in door.journal.entries)  # the one before
    door.neurons.rest()
    assert [] == door.hot


@pytest.mark.parametrize("name", ["smu", "third", "matrix"])
def test_an_instrument_that_was_switched_off_and_on_is_set_up_again(name, open_door):
    door = open_door("wire")
    before = operate(door)
    faults = door.simulated.faults
    faults.add("late", on=name, delay="1 s", after=1_000_000)  # so that faults stand before the firmware
    faults._cycle(name)
    found = operate(door)
    assert [name] == gaps(door)
    assert [r.x for r in found] == pytest.approx([r.x for r in before], rel=0.02, abs=1e-6)
    assert [False] * 3 == [reading.in_compliance for reading in found]
    assert [] == door.world.violations


def test_an_instrument_that_goes_off_in_the_middle_of_a_sweep_is_noticed(open_door):
    door = open_door("wire")
    before = operate(door)
    door.simulated.faults.add("power_cycle", on="third", after=4, duration="10 ms")
    found = operate(door)
    assert ["third"] == gaps(door)
    assert [r.common for r in found] == pytest.approx([r.common for r in before], rel=0.02, abs=1e-5)


def test_a_source_in_compliance_is_flagged_and_gives_no_conductance(open_door):
    door = open_door("wire")
    door.simulated.faults.add("compliance", on="smu", channel="a", limit="300 uA")
    low, _, high = operate(door)
    assert (True, True) == (low.in_compliance, high.in_compliance)
    assert high.conductance_x != high.conductance_x
    assert abs(high.x) < 320e-6


def test_a_shorted_neuron_is_held_by_the_limit_of_its_source(open_door):
    good = {"short": "100 %", "open": "0 %"}
    door = open_door("wire", simulation={"neurons": {"defects": good}})
    reading = operate(door, drives=[0.3])[0]
    assert reading.in_compliance
    assert 4.9e-3 < reading.x < 5.1e-3


def test_a_probe_beyond_its_range_is_that_range_and_no_reading(open_door):
    reading = open_door("wire").neurons.operate(1, [0.0], probe=0.3)[0]
    assert reading.in_compliance
    assert 1e-4 == pytest.approx(reading.z, rel=0.06)


def test_a_relay_that_does_not_close_on_the_common_terminal_shows_as_leakage(open_door):
    door = open_door("wire")
    sound = operate(door, 2)[-1]
    door.world.stick(("C", 34), False)  # the matrix says that it is closed
    broken = operate(door, 2)[-1]
    assert abs(sound.leakage) < 5e-6
    # What comes in through x goes out through z, whose source stands elsewhere.
    assert abs(broken.common) < 5e-6
    assert broken.x == pytest.approx(-broken.z, rel=0.1)


def test_a_relay_that_leaks_to_ground_shows_as_leakage(open_door):
    door = open_door("wire")
    operate(door, 1)
    door.world.stick(("D", 34), True)
    broken = operate(door, 2)[-1]
    assert broken.leakage > 0.2 * broken.x


# -- the array of the same bench -------------------------------------------------------------------


def test_the_contact_check_passes_a_sound_bench_and_names_a_stuck_relay(open_door):
    door = open_door("wire")
    found = door.opened.contact()
    assert (True, ()) == (found.passed, found.faults)
    assert (6, 3) == (len(found.rows), len(found.cols))
    for neuron in range(3):
        assert sum(found.rows[2 * neuron : 2 * neuron + 2]) == pytest.approx(found.cols[neuron], rel=0.03)
    door.world.stick(("A", 4), False)
    bad = door.opened.contact()
    assert [Line("row", 4)] == [fault.line for fault in bad.faults]
    assert [] == door.hot


def test_the_contact_check_and_the_doctor_look_at_the_common_terminals_relays(open_door, make_file):
    door = open_door("wire")
    door.world.stick(("C", 34), False)
    (fault,) = door.opened.contact(quarantine="open").faults
    assert Line("col", 2) == fault.line
    assert "its relay there does not close" in fault.text
    file = make_file()
    manager = resource_manager(file)
    world = manager.visalib.bench.world
    assert [Verdict.GOOD] * 7 == [finding.verdict for finding in examine(file)]
    world.stick(("C", 34), False)
    assert ["col 2"] == [finding.subject for finding in examine(file) if finding.verdict is Verdict.BAD]
    manager.close()


def test_an_open_neuron_is_three_lines_without_contact(open_door):
    door = open_door("wire", simulation={"die": {"seed": 17}, "neurons": {"defects": {"short": "0 %", "open": "30 %"}}})
    (opened,) = (door.electrics.truth.neurons.defect == 2).nonzero()
    assert 0 < len(opened) < 3
    lines = {Line("row", 2 * n + k) for n in opened.tolist() for k in (1, 2)}
    lines |= {Line("col", n + 1) for n in opened.tolist()}
    found = door.opened.contact(quarantine="open")
    assert lines == {fault.line for fault in found.faults}


def test_reads_of_junctions_and_neurons_take_turns(open_door):
    door = open_door("wire")
    array, first = door.opened.array, operate(door, 1)
    assert (6, 3) == array.shape
    x, z, nothing = array.read([Cell(1, 1), Cell(2, 1), Cell(1, 2)], voltage=0.05)
    assert 100 < x.resistance < 170
    assert 800 < z.resistance < 1500
    assert abs(nothing.current) < 1e-7
    assert operate(door, 1)[-1].x == pytest.approx(first[-1].x, rel=0.01)
    array.pulse(Pulse(Cell(1, 1), 0.2, 1e-4))
    assert [] == door.world.violations


def test_three_source_meters_that_are_strangers_make_a_bench_too(open_door):
    roles = {"A": "third.1", "B": "smu.b", "C": "ground", "D": "smu.a"}
    door = open_door("wire", roles=roles, neurons={"common": "D"})
    assert not any(reading.in_compliance for reading in operate(door))
    with pytest.raises(InputError, match="nothing on this bench of neurons makes pulses"):
        door.opened.array.pulse(Pulse(Cell(1, 1), 0.2, 1e-4))
