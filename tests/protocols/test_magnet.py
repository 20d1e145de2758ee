"""A bench in a magnet: limits, ramps and safe state of the field, what it does to the die, and what it leaves alone."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import pyvisa

from labmtj.bench.session import library_path, open_bench
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.errors import BenchError, InputError, LimitExceeded
from labmtj.physics.switching_cells import Switching
from labmtj.records import Cell, Defect, State
from labmtj.routines.field import rh_loop
from labmtj.routines.initialise import initialise

QUIET = {"short": 0, "open": 0, "stuck": 0}


@pytest.fixture
def magnet_bench(tmp_path):
    """Write the shipped bench with a magnet, with a smaller array, another die, coil or magnet."""

    def made(*, size=15, die=None, coil=None, state=None, **magnet):
        data = dict(read(find("benches", "magnet")).data)
        data["lines"] = {"rows": {f"1..{size}": f"1..{size}"}, "cols": {f"1..{size}": f"16..{15 + size}"}}
        data["array"] = {"rows": size, "cols": size}
        data["magnet"] |= magnet
        base = {"diameter": "40 nm", "wire": "5 ohm", "seed": 17, "defects": QUIET}
        data["simulation"] = {"die": base | (die or {}), "coil": {"resistance": "0.5 ohm", **(coil or {})}}
        if state is not None:
            data["simulation"]["state"] = state
        path = tmp_path / f"bench-{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(yaml12.dump(data), encoding="utf-8")
        return load_bench(path)

    return made


def world_of(bench):
    return bench.clock.world


def states(bench):
    return world_of(bench).electrics.state.state


def set_field(bench, tesla):
    bench.field.field = tesla
    return bench.field.wait_until_stable(10.0)


# --- what the field does to the die


def test_a_strong_field_sets_every_cell_to_the_state_that_it_favours(magnet_bench):
    with open_bench(magnet_bench()) as bench:
        for tesla, state in ((0.22, State.P), (-0.22, State.AP), (0.22, State.P)):
            set_field(bench, tesla)
            assert np.count_nonzero(states(bench) == state) >= 224


def test_a_positive_field_favours_p_whatever_a_positive_row_writes(magnet_bench):
    with open_bench(magnet_bench(die={"positive_row_writes": "AP"})) as bench:
        set_field(bench, 0.22)
        assert np.count_nonzero(states(bench) == State.P) >= 224


def test_a_die_of_twice_the_anisotropy_stays_as_it_is(magnet_bench):
    with open_bench(magnet_bench(die={"anisotropy_field": "600 mT"})) as bench:
        before = states(bench).copy()
        set_field(bench, 0.2)
        assert (before == states(bench)).all()


def test_cells_flip_at_rest_in_the_field_as_the_rate_law_says_however_time_is_cut_up(magnet_bench):
    after, expected = [], []
    for pieces in (1, 50):
        with open_bench(magnet_bench(die={"sigma_delta": 0, "sigma_stray_field": 0, "stray_field": 0})) as bench:
            set_field(bench, -0.2)
            set_field(bench, 0.127)
            electrics = world_of(bench).electrics
            electrics._wake()
            began = np.count_nonzero(states(bench) == State.AP)
            drive = np.array([electrics.coil.field(bench.clock.now()) / 0.3])
            rate = float(Switching(np.array([75.0]), tau_d=1e-9).rates(drive)[0])
            expected.append((began, np.exp(-20.0 * rate)))
            for _ in range(pieces):
                bench.clock.sleep(20.0 / pieces)
            electrics._wake()
            after.append(states(bench).copy())
    assert (after[0] == after[1]).all()
    (began, stays), _ = expected
    assert 0.2 < stays < 0.8
    assert abs(np.count_nonzero(after[0] == State.AP) - began * stays) < 3 * np.sqrt(began * stays * (1 - stays))


def test_time_at_rest_in_a_field_is_in_the_cells_before_the_die_is_stored(magnet_bench, tmp_path):
    state = tmp_path / "twin.state"
    state.touch()
    with open_bench(magnet_bench(size=3, state=str(state))) as bench:
        kept = world_of(bench).electrics.state
        bench.clock.sleep(5.0)
        bench.thermometer.temperature()
        assert kept.rest > 5.0
        set_field(bench, 0.1)
        bench.clock.sleep(5.0)
        bench.thermometer.temperature()
        assert 0.0 == kept.rest


def test_the_shift_of_loops_is_minus_the_stray_field(magnet_bench):
    cells = [Cell(n, n) for n in range(1, 8)]
    fields = [-0.21, *np.arange(-0.18, -0.11, 0.01), *np.arange(0.085, 0.16, 0.01), 0.21]
    with open_bench(magnet_bench(size=7)) as bench:
        found = rh_loop(bench.array, bench.field, cells=cells, fields=fields, read=0.01)
        truth = world_of(bench).electrics.truth
        assert 0.0 == bench.field.field
    stray = 0.3 * np.array([truth.stray_field[cell.position] for cell in cells])
    assert found.switched.all()
    figures = found.finding.figures
    assert abs(figures["stray_field_tesla"] - np.median(stray)) < 3 * figures["stray_field_error_tesla"]
    assert figures["stray_field_error_tesla"] < 4e-3
    assert 0.12 < figures["coercive_tesla"] < 0.15


def test_a_larger_stray_field_moves_the_loop_by_as_much(magnet_bench):
    fields = [-0.22, *np.arange(-0.19, -0.11, 0.01), *np.arange(0.06, 0.16, 0.01), 0.22]
    found = []
    for stray in (0, 0.15):
        with open_bench(magnet_bench(size=5, die={"stray_field": stray, "sigma_stray_field": 0})) as bench:
            loop = rh_loop(bench.array, bench.field, cells=[Cell(2, 2), Cell(4, 4)], fields=fields, read=0.01)
            found.append(loop.stray_field.mean())
    assert abs((found[1] - found[0]) - 0.045) < 0.012


# --- what it leaves alone


def test_a_magnet_that_is_not_used_changes_no_bit_of_a_reading_or_of_a_state(magnet_bench):
    seen = []
    for name in ("simulated-15x15", "magnet"):
        with open_bench(name) as bench:
            readings = bench.array.read([Cell(n, 1 + (4 * n) % 15) for n in range(1, 16)], voltage=0.05)
            seen.append(([reading.current for reading in readings], states(bench).copy()))
    assert seen[0][0] == seen[1][0]
    assert (seen[0][1] == seen[1][1]).all()


def test_a_bench_without_a_magnet_or_a_thermometer_has_none():
    with open_bench("simulated-15x15") as bench:
        assert (None, None) == (bench.field, bench.thermometer)


# --- limits and ramps


@pytest.mark.parametrize("tesla", [0.221, -0.221, 3.0, float("nan"), float("inf")])
def test_a_field_above_the_limit_is_refused_and_nothing_is_sent(magnet_bench, tesla):
    with open_bench(magnet_bench(size=3)) as bench:
        before = bench.clock.now()
        with pytest.raises(LimitExceeded, match="above the 220 mT of this bench"):
            bench.field.field = tesla
        assert before == bench.clock.now()
        assert (0.0, 0.0) == (bench.field.field, world_of(bench).electrics.coil.current(before + 100))


def test_a_loop_above_the_limit_is_refused_before_it_begins(magnet_bench):
    with open_bench(magnet_bench(size=3)) as bench:
        before = bench.clock.now()
        with pytest.raises(LimitExceeded):
            rh_loop(bench.array, bench.field, cells=[Cell(1, 1)], fields=[-0.1, 0.0, 0.25], read=0.01)
        with pytest.raises(LimitExceeded):
            initialise(bench.array, bench.field, state=State.P, at=0.3, read=0.05)
        with pytest.raises(InputError, match="that rise"):
            rh_loop(bench.array, bench.field, cells=[Cell(1, 1)], fields=[0.1, 0.0, -0.1], read=0.01)
        assert before == bench.clock.now()


def test_the_field_comes_to_what_was_set_no_faster_than_the_bench_allows(magnet_bench):
    with open_bench(magnet_bench(size=3, ramp="50 mT/s")) as bench:
        began = bench.clock.now()
        bench.field.field = -0.2
        assert 4.0 <= bench.clock.now() - began < 4.3
        found = bench.field.wait_until_stable(5.0)
        assert found == pytest.approx(-0.2, abs=2e-4)
        assert world_of(bench).electrics.coil.field(bench.clock.now()) == pytest.approx(-0.2, abs=2e-4)
        assert -0.2 == bench.field.field
        bench.field.zero()
        assert bench.field.read() == pytest.approx(0.0, abs=2e-4)


def test_a_coil_that_takes_more_volts_than_there_are_is_told_of(magnet_bench):
    with open_bench(magnet_bench(size=3, compliance="2 V", coil={"resistance": "5 ohm"})) as bench:
        bench.field.field = 0.1
        with pytest.raises(BenchError, match=r"0\.(39\d*|4) A of 9\.091 A after 3 s, at 2 V of 2 V"):
            bench.field.wait_until_stable(3.0)


# --- safe state


@pytest.mark.parametrize("failure", [None, RuntimeError("anything"), KeyboardInterrupt()], ids=repr)
def test_the_field_is_zero_and_the_output_off_however_a_bench_is_left(magnet_bench, failure):
    with contextlib.suppress(RuntimeError, KeyboardInterrupt), open_bench(magnet_bench(size=3)) as bench:
        set_field(bench, 0.15)
        world, before = world_of(bench), bench.clock.now()
        if failure:
            raise failure
    coil = world.electrics.coil
    assert abs(coil.current(world.now())) < 5e-3
    assert 0.0 == coil.field(world.now() + 10)
    assert world.now() - before > 1.5  # a ramp of 150 mT at 100 mT/s
    assert (frozenset(), []) == (world.closed, world.violations)
    assert 0.0 == bench.field.field


def test_a_ramp_that_is_broken_off_is_taken_back_from_where_it_stands(magnet_bench, monkeypatch):
    with contextlib.suppress(KeyboardInterrupt), open_bench(magnet_bench(size=3)) as bench:
        world, clock = world_of(bench), bench.clock
        steps = iter(range(8))

        def interrupted(seconds):
            if next(steps, None) is None:
                monkeypatch.undo()
                raise KeyboardInterrupt
            type(clock).sleep(clock, seconds)

        monkeypatch.setattr(clock, "sleep", interrupted)
        bench.field.field = 0.2
        pytest.fail("the ramp was not broken off")
    assert 0.0 == world.electrics.coil.field(world.now() + 10)


def test_sources_and_relays_are_safe_before_the_field_is_ramped(magnet_bench):
    with open_bench(magnet_bench(size=3)) as bench:
        set_field(bench, 0.2)
        bench.cell(2, 2).read(at="50 mV")
        world = world_of(bench)
        fields = []
        moved = world.set_relays
        world.set_relays = lambda closed: (fields.append(world.electrics.coil.field(world.now())), moved(closed))
    assert fields[-1] == pytest.approx(0.2, abs=1e-3)


def test_a_supply_that_somebody_left_on_is_at_zero_when_the_bench_is_open(magnet_bench):
    file = magnet_bench(size=3)
    supply = pyvisa.ResourceManager(library_path(file)).open_resource("GPIB0::6::INSTR")
    supply.write_termination = supply.read_termination = "\n"
    supply.write("FUNC:MODE CURR;:VOLT 20;:CURR 5;:OUTP 1")
    with open_bench(file) as bench:
        coil = world_of(bench).electrics.coil
        assert 0.0 == coil.current(bench.clock.now() + 10)
        assert 0.0 == bench.field.wait_until_stable(1.0)


# --- initialise


def test_initialising_tells_how_many_cells_came_to_the_state(magnet_bench):
    with open_bench(magnet_bench(size=4, die={"defects": QUIET | {"stuck": 0.2}, "seed": 5})) as bench:
        stuck = int(np.count_nonzero(world_of(bench).electrics.truth.defect == Defect.STUCK))
        for state in (State.P, State.AP):
            found = initialise(bench.array, bench.field, state=state, at=0.22, read=0.05)
            assert 16 - stuck == found.reached
            assert stuck == np.count_nonzero(found.state < 0)
            assert 0.0 == bench.field.field
        assert "cells in AP after -220 mT" in found.finding.line
    assert 0 < stuck < 8


def test_a_calibration_of_the_wrong_sign_is_noticed(magnet_bench):
    with open_bench(magnet_bench(size=3)) as bench:
        coil = world_of(bench).electrics.coil
        coil._constant = -coil._constant
        with pytest.raises(BenchError, match=r"change the sign of magnet\.tesla_per_ampere"):
            initialise(bench.array, bench.field, state=State.P, at=0.22, read=0.05)


# --- the thermometer


def test_the_thermometer_reads_the_die_with_its_own_error_drift_and_noise(magnet_bench):
    with open_bench(magnet_bench(size=3, die={"temperature": "320 K"})) as bench:
        seen = []
        for _ in range(20):
            bench.clock.sleep(1.0)
            seen.append(bench.thermometer.temperature())
        bench.clock.sleep(7200.0)
        later = bench.thermometer.temperature()
    assert all(abs(kelvin - 320.0) < 0.2 for kelvin in [*seen, later])
    assert 5e-4 < np.std(seen) < 5e-3
    assert 1e-3 < abs(later - np.mean(seen)) < 0.1
