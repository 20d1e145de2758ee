"""What instruments share: relays decide who sees whom, what hurts is noted, time goes one way."""

import json
import math
import time

import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import StorageError
from labmtj.physics.variation import draw_die
from labmtj.twin.build import die_model
from labmtj.twin.electrics import Electrics
from labmtj.twin.record import TwinLog
from labmtj.twin.state import DieState
from labmtj.twin.wiring import Wiring
from labmtj.twin.world import Output, World

A, B = ("smu", "a"), ("smu", "b")
CLEAN = ("simulation.die.defects.short=0", "simulation.die.defects.open=0", "simulation.die.defects.stuck=0")
QUARTER = ('lines.rows={"1..4": "1..4"}', 'lines.cols={"1..4": "5..8"}', "array.rows=4", "array.cols=4")


def a_world(*, log=None, direct=False, realtime=False):
    """A 4 x 4 array: rows on columns 1 to 4 of the matrix (or on a bank), columns on 5 to 8; A, B sources, C ground."""
    truth = draw_die(die_model(load_bench(overrides=[*QUARTER, *CLEAN]).bench))
    rows = {n: ("dac", str(n)) if direct else n for n in range(1, 5)}
    wiring = Wiring(
        seed=1,
        roles={"A": A, "B": B, "C": None},
        row_lines=rows,
        col_lines={n: n + 4 for n in range(1, 5)},
        relay=(0.1, 0.6),
        emf=0.0,
        lead=0.5,
    )
    return World(Electrics(truth, DieState(truth)), wiring, log=log, realtime=realtime)


def grounded(world, *closed):
    """Every line at ground but those that the closed crosspoints name."""
    taken = {col for _, col in closed}
    world.set_relays([*closed, *(("C", col) for col in range(1, 9) if col not in taken)])


def test_what_comes_out_of_one_source_goes_into_the_other_or_to_ground():
    world = a_world()
    grounded(world, ("A", 2), ("B", 7))
    world.force(A, Output(0.1, 1e-3))
    out, _ = world.measure(A, 0.02)
    back, _ = world.measure(B, 0.02)
    assert 5e-6 < -back < 20e-6
    assert -2 * back < out < -9 * back
    assert [] == world.violations


def test_a_current_source_raises_its_volts_until_its_current_flows_or_its_limit_holds_it():
    world = a_world()
    grounded(world, ("A", 2), ("B", 7))
    world.force(A, Output(50e-6, 2.0, current=True))
    assert world.measure(A, 0.02)[0] == pytest.approx(50e-6, rel=1e-2)
    assert 0.05 < world.terminal(A) < 0.5
    assert not world.limited(A)
    world.force(A, Output(50e-6, 0.02, current=True))
    assert (0.02, True) == (pytest.approx(world.terminal(A)), world.limited(A))


def test_a_generator_loses_volts_in_its_own_50_ohm():
    world = a_world()
    grounded(world, ("A", 2), ("B", 7))
    world.force(A, Output(0.1, 1.0, ohms=50.0))
    current, _ = world.measure(A, 0.02)
    assert world.terminal(A) == pytest.approx(0.1 - 50 * current, rel=1e-3)


def test_an_open_output_is_no_path():
    world = a_world()
    grounded(world, ("A", 2), ("B", 7))
    world.force(B, Output(connected=False))
    world.force(A, Output(0.1, 1e-3))
    assert 0.0 == world.measure(B, 0.02)[0]
    assert ["smu.a drives the array while column 3 floats"] == [text.partition(": ")[2] for text in world.violations]


def test_rows_that_pass_no_relay_are_driven_without_any():
    world = a_world(direct=True)
    for row in range(1, 5):
        world.force(("dac", str(row)), Output(0.05, 1e-2))
    world.set_relays([("B", 5), ("C", 6), ("C", 7), ("C", 8)])
    assert 10e-6 < -world.measure(B, 0.02)[0] < 80e-6
    assert 0.05 == pytest.approx(world.terminal(("dac", "3")))


def test_a_relay_under_voltage_and_two_sources_on_a_line_are_noted_and_logged():
    log = TwinLog()
    world = a_world(log=log)
    grounded(world, ("A", 2), ("B", 7))
    world.force(A, Output(0.1, 1e-3))
    grounded(world, ("A", 3), ("B", 7))
    assert any("relay A2 moved with [('smu', 'a')] on" in text for text in world.violations)
    world.force(A, Output())
    world.set_relays(world.closed | {("B", 3)})
    assert "column 3 joins [('smu', 'a'), ('smu', 'b')]" in world.violations[-1]
    assert {"relays", "violation"} <= {entry["kind"] for entry in log.entries}


def test_a_stuck_relay_stays_where_it_is_whatever_the_matrix_believes():
    world = a_world()
    world.stick(("A", 2), False)
    grounded(world, ("A", 2), ("B", 7))
    assert ("A", 2) in world.asked
    assert ("A", 2) not in world.closed
    world.stick(("A", 2), None)
    assert ("A", 2) in world.closed
    world.stick(("B", 1), True)
    world.set_relays([])
    assert frozenset({("B", 1)}) == world.closed


def test_pulses_and_moves_stand_in_the_log_file_before_the_call_returns(tmp_path):
    path = tmp_path / "twin.log"
    world = a_world(log=TwinLog(path))
    grounded(world, ("A", 2), ("B", 7))
    world.pulse({A: 0.2, B: -0.2}, 1e-4)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert ["relays", "pulse"] == [entry["kind"] for entry in entries]
    assert {"smu.a": 0.2, "smu.b": -0.2} == entries[1]["volts"]
    assert (1e-4, 0) == (entries[1]["seconds"], entries[1]["ordinal"])
    assert [entries[1]] == world.log.since(1)
    world.log.close()


def test_a_log_file_has_every_new_level_and_its_moment(tmp_path):
    world = a_world(log=TwinLog(tmp_path / "twin.log"))
    grounded(world, ("A", 2), ("B", 7))
    began = time.time()
    for volts in (0.1, 0.2, 0.2, 0.001):
        world.force(A, Output(volts, 1e-3))
        assert world.driven() == (["smu.a"] if volts > 0.005 else [])
    levels = [entry for entry in world.log.entries if entry["kind"] == "output"]
    assert [("smu.a", 0.1), ("smu.a", 0.2), ("smu.a", 0.001)] == [(e["channel"], e["volts"]) for e in levels]
    assert all(began - 1e-3 <= entry["wall"] <= time.time() + 1e-3 for entry in levels)
    world.log.close()


def test_a_log_that_cannot_be_written_is_an_error_at_once(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        TwinLog(tmp_path / "nowhere" / "twin.log")


def test_a_host_comes_along_the_worlds_clock_as_it_waits():
    world = a_world()
    world.sleep(2.0)
    assert 0.0 == world.host.now()
    world.host.wait_until(0.5)
    assert (0.5, 2.0) == (world.host.now(), world.now())
    world.host.sleep(3.0)
    assert (3.5, 3.5) == (world.host.now(), world.now())
    world.host.wait_until(1.0)
    assert 3.5 == world.host.now()


def test_in_real_time_the_world_ages_with_the_wall():
    world = a_world(realtime=True)
    world.host.sleep(0.02)
    assert world.now() >= 0.02
    assert math.isclose(world.now(), world.host.now(), abs_tol=0.5)
