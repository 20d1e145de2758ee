"""Pulses on many lines at once, at both doors: the same states, nothing above a limit, counted cell by cell."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest

from labmtj.bench.exposure import exposure_of
from labmtj.bench.life import LifeGate, contribution_of_journal
from labmtj.bench.living_array import LivingArray
from labmtj.bench.session import open_bench
from labmtj.config.bench import load_bench
from labmtj.errors import CannotResume, InputError, LifeSpent, LimitExceeded
from labmtj.physics.breakdown import damage
from labmtj.physics.stress import Limits
from labmtj.protocol.come_back import Return
from labmtj.protocol.progress import Progress
from labmtj.protocol.replay.access import pulse_of, run_array
from labmtj.protocol.replay.past import Past
from labmtj.protocol.replay.surroundings import RunJournal
from labmtj.records import Cell, LinePulse, Pulse, State
from labmtj.runs.journal import FileJournal, MemoryJournal, line_pulse_of, read_journal
from labmtj.runs.ledger import new_life
from labmtj.runs.netcdf import read
from labmtj.runs.status import read_status
from labmtj.runs.store import build_store
from labmtj.twin.access import TwinArray

DOORS = ("wire", "array")
QUIET = {
    "defects": {"short": 0, "open": 0, "stuck": 0},
    "sigma_v_c": "0 %",
    "sigma_stray_field": "0 %",
    "sigma_delta": "0 %",
}
ROWS, COLS = (2, 5, 9), (1, 4, 7, 12)


def on_lines(row_volts, col_volts, *, width=1e-4, rows=ROWS, cols=COLS):
    """A pulse with one level a side."""
    return LinePulse(rows, (row_volts,) * len(rows), cols, (col_volts,) * len(cols), width)


def entries(journal, kind):
    return [entry for entry in journal.entries if entry["k"] == kind]


@pytest.mark.parametrize("door", DOORS)
def test_a_strong_pulse_writes_all_cells_between_its_lines_and_no_other(door, open_door):
    opened = open_door(door, **QUIET)
    where = np.ix_([row - 1 for row in ROWS], [col - 1 for col in COLS])
    opened.array.pulse_lines(on_lines(-0.2, 0.2))
    before = opened.states()
    for sign, state in ((1, State.P), (-1, State.AP)):
        outcome = opened.array.pulse_lines(on_lines(sign * 0.2, -sign * 0.2))
        expected = before.copy()
        expected[where] = state
        assert expected.tolist() == opened.states().tolist()
        assert not outcome.in_compliance
    assert (False, False) == opened.array.own_levels
    kinds = [entry["k"] for entry in opened.journal.entries if entry["k"] in ("intent", "outcome")]
    assert ["intent", "outcome"] * 3 == kinds
    assert on_lines(-0.2, 0.2) == line_pulse_of(entries(opened.journal, "intent")[-1])


def test_both_doors_give_the_same_states_readings_and_times(open_door):
    seen = []
    for door in DOORS:
        opened = open_door(door)
        array = opened.array
        array.rest()
        begun, random = array.clock.now(), np.random.RandomState(3)
        states = []
        for number in range(24):
            rows = tuple(np.flatnonzero(random.uniform(size=15) < 0.4) + 1) or (1,)
            cols = tuple(np.flatnonzero(random.uniform(size=15) < 0.4) + 1) or (1,)
            volts = (-1) ** number * random.uniform(0.13, 0.19)
            array.pulse_lines(on_lines(volts, -volts, rows=rows, cols=cols, width=(1e-4, 2e-4)[number % 2]))
            states.append(opened.states())
        currents = [reading.current for reading in array.read([Cell(3, 3), Cell(9, 14)], voltage=0.05)]
        seen.append((np.array(states), currents, array.clock.now() - begun))
    assert (seen[0][0] == seen[1][0]).all()
    assert len(np.unique(seen[0][0], axis=0)) > 12  # pulses did something
    assert seen[0][1] == pytest.approx(seen[1][1], rel=1e-12)
    assert seen[0][2] == pytest.approx(seen[1][2], abs=1e-9)


@pytest.mark.parametrize("door", DOORS)
def test_what_passes_a_limit_or_needs_more_sources_is_refused_before_its_intent(door, open_door):
    opened = open_door(door)
    own_rows = LinePulse((1, 2), (0.2, 0.21), (3,), (-0.2,), 1e-4)
    own_cols = LinePulse((1,), (0.2,), (3, 4), (-0.2, -0.1), 1e-4)
    above = [on_lines(0.36, -0.35), on_lines(0.71, 0.0), on_lines(float("nan"), 0.0), on_lines(0.1, -float("inf"))]
    widths = [on_lines(0.1, -0.1, width=width) for width in (0.0, -1.0, float("inf"))]
    for pulse in [*above, *widths, own_rows, own_cols]:
        with pytest.raises(LimitExceeded):
            opened.array.check_lines(pulse)
        with pytest.raises(LimitExceeded):
            opened.array.pulse_lines(pulse)
    for pulse in (on_lines(0.1, 0.0, rows=(16,)), on_lines(0.1, 0.0, cols=(0,)), on_lines(0.1, 0.0, cols=())):
        with pytest.raises(InputError):
            opened.array.pulse_lines(pulse)
    assert [] == entries(opened.journal, "intent")


class Halving:
    """A model of an array whose wires take half of every voltage."""

    def cell_voltages(self, rows, cols, *, state):
        assert state == State.AP
        return 0.5 * (rows[:, :, np.newaxis] - cols[:, np.newaxis, :])


@pytest.mark.parametrize("door", DOORS)
def test_with_a_trusted_model_the_worst_cell_counts(door, open_door):
    opened = open_door(door)
    strong = on_lines(0.45, -0.45, rows=(3,), cols=(4,))
    with pytest.raises(LimitExceeded):
        opened.array.check_lines(strong)
    opened.array.trust(Halving())
    opened.array.pulse_lines(strong)
    with pytest.raises(LimitExceeded):
        opened.array.check_lines(on_lines(0.75, -0.75))


@pytest.mark.parametrize("door", DOORS)
def test_sources_that_feed_nothing_but_each_other_come_to_rest_at_their_limit(door, open_door):
    opened = open_door(door)
    every = tuple(range(1, 16))
    before = opened.states()
    assert opened.array.pulse_lines(on_lines(0.1, -0.1, rows=every, cols=every)).in_compliance
    assert (before == opened.states()).all()


PARALLEL = (
    'lines.rows={"1..5": "dac.1..5"}', 'lines.cols={"1..5": "1..5"}', "array.rows=5", "array.cols=5",
    *(f"simulation.die.defects.{kind}=0" for kind in ("short", "open", "stuck")),
)  # fmt: skip


def test_a_source_on_every_row_gives_each_its_own_voltage(tmp_path):
    path = tmp_path / "parallel.yaml"
    path.write_text(load_bench("parallel", overrides=PARALLEL).source.effective_text())
    with open_bench(load_bench(path)) as opened:
        array, world = opened.array, opened.clock.world  # type: ignore[attr-defined]
        assert (True, False) == array.own_levels
        array.pulse_lines(LinePulse((1, 2, 3), (-0.3,) * 3, (2, 4), (0.2,) * 2, 1e-3))
        assert (world.electrics.state.state[:3, [1, 3]] == State.AP).all()
        array.pulse_lines(LinePulse((1, 2, 3), (0.28, 0.0, 0.02), (2, 4), (-0.2,) * 2, 1e-3))
        found = world.electrics.state.state[:3, [1, 3]]
        assert [[State.P] * 2, [State.AP] * 2, [State.AP] * 2] == found.tolist()
        with pytest.raises(LimitExceeded, match="one source"):
            array.pulse_lines(LinePulse((1,), (0.2,), (2, 4), (-0.2, -0.1), 1e-3))
        assert [] == world.violations


BENCH = load_bench("simulated-15x15")
LIMITS = Limits(**dict(BENCH.bench.limits))
EXPOSURE = exposure_of(BENCH, LIMITS)
SHAPE = (15, 15)


def life_gate(**limits):
    return LifeGate(EXPOSURE, dataclasses.replace(LIMITS, **limits), life=new_life(*SHAPE))


def test_every_cell_wears_by_the_voltage_between_its_lines_and_the_journal_says_the_same():
    journal = MemoryJournal()
    gate = life_gate()
    array = LivingArray(TwinArray(BENCH, journal), gate)
    pulses = [on_lines(0.2, -0.2), on_lines(-0.15, 0.22, rows=(1, 2), width=2e-4)]
    wanted, counts = np.zeros(SHAPE), np.zeros(SHAPE, int)
    for pulse in pulses:
        array.pulse_lines(pulse)
        wanted += damage(np.abs(pulse.cell_voltages(SHAPE)), pulse.width, EXPOSURE.die.breakdown)
        counts[np.ix_([row - 1 for row in pulse.rows], [col - 1 for col in pulse.cols])] += 1
    found = gate.contribution()
    np.testing.assert_allclose(found.damage, wanted, rtol=1e-9, atol=3e-18)
    assert counts.tolist() == found.pulses.tolist()
    assert (2, 1) == (found.pulses[1, 0], found.negative[1, 0])
    again = contribution_of_journal(journal.entries, EXPOSURE, shape=SHAPE)
    np.testing.assert_array_equal(again.damage, found.damage)
    assert again.positive.tolist() == found.positive.tolist()


@pytest.mark.parametrize(
    ("limits", "error"),
    [({"pulses": 3}, LifeSpent), ({"damage": 1e-12}, LifeSpent), ({"pulse_energy": 1e-12}, LimitExceeded)],
)
def test_limits_of_a_life_hold_for_pulses_on_lines(limits, error):
    journal = MemoryJournal()
    array = LivingArray(TwinArray(BENCH, journal), life_gate(**limits))

    def many():
        for _ in range(4):
            array.pulse_lines(on_lines(0.3, -0.3))

    with pytest.raises(error):
        many()
    assert len(entries(journal, "intent")) <= 3


@pytest.fixture
def played(tmp_path):
    """A journal of one pulse on a cell, a reading and two pulses on lines."""
    path = tmp_path / "journal.jsonl"
    with closing(FileJournal(path)) as journal:
        journal.record("run", HEADER)
        journal.record("bench", {"t": 0.0, "identities": {}})
        array = TwinArray(BENCH, journal)
        array.pulse(Pulse(Cell(3, 3), 0.3, 1e-4))
        array.read([Cell(3, 3)], voltage=0.05)
        array.pulse_lines(on_lines(0.2, -0.2))
        array.pulse_lines(on_lines(-0.2, 0.2))
    return path


HEADER = {
    "format": 1, "shape": list(SHAPE), "title": "lines", "wall": "2026-01-01T00:00:00+00:00", "network": "", "data": "",
    "simulated": True, "provenance": {},
}  # fmt: skip


def nothing():
    """Nobody asks to stop."""


def over(path, fresh):
    """The array of a run over this journal."""
    past = Past(read_journal(path))
    return run_array(fresh, past, before=nothing), past


def test_a_run_over_its_journal_gets_the_same_outcomes_and_fires_nothing(played):
    journal = MemoryJournal()
    array, _ = over(played, TwinArray(BENCH, journal))
    array.pulse(Pulse(Cell(3, 3), 0.3, 1e-4))
    array.read([Cell(3, 3)], voltage=0.05)
    times = [array.pulse_lines(on_lines(sign * 0.2, -sign * 0.2)).time for sign in (1, -1)]
    kept = [entry["t"] for entry in read_journal(played) if entry["k"] == "outcome"]
    assert times == kept[1:]
    assert [] == entries(journal, "intent")


@pytest.mark.parametrize(
    "other",
    [
        on_lines(0.21, -0.2),
        on_lines(0.2, -0.2, width=2e-4),
        on_lines(0.2, -0.2, cols=(1, 4, 7, 13)),
        on_lines(0.2, -0.2, rows=(2,)),
    ],
)
def test_another_pulse_than_that_of_the_journal_is_no_resume(other, played):
    array, _ = over(played, TwinArray(BENCH, MemoryJournal()))
    array.pulse(Pulse(Cell(3, 3), 0.3, 1e-4))
    array.read([Cell(3, 3)], voltage=0.05)
    with pytest.raises(CannotResume):
        array.pulse_lines(other)


def test_a_cell_s_pulse_and_one_on_lines_are_not_taken_for_each_other(played):
    array, _ = over(played, TwinArray(BENCH, MemoryJournal()))
    with pytest.raises(CannotResume, match="kind of pulse"):
        array.pulse_lines(on_lines(0.2, -0.2))


def test_a_pulse_on_lines_that_nobody_saw_end_is_unresolved_and_shown(played):
    lines = played.read_bytes().splitlines(keepends=True)
    played.write_bytes(b"".join(lines[:-1]))
    status = read_status(played.parent)
    assert (3, 1) == (status.pulses, len(status.unresolved))
    assert any("3 rows and 4 columns" in line and "400 mV" in line for line in status.lines)
    past = Past(read_journal(played))
    (number,) = past.unresolved
    assert [Cell(row, col) for row in ROWS for col in COLS] == pulse_of(past.intents[number]).cells


def test_coming_back_reads_the_cells_of_an_unresolved_pulse_and_does_not_fire_it(played):
    lines = played.read_bytes().splitlines(keepends=True)
    played.write_bytes(b"".join(lines[:-1]))
    journal = MemoryJournal()
    array, past = over(played, TwinArray(BENCH, journal))
    settled, said = [], []

    def settle(number, outcome):
        settled.append(outcome)
        past.settled({"of": number, "t": outcome.time, "uncertain": True})

    progress = Progress(None, None, array, RunJournal(journal, past))
    past.come_back = Return(progress, past, settle=settle, told=said.append)
    past.go_on = lambda: {"unresolved": past.unresolved, "read": past.read_voltage}
    array.pulse(Pulse(Cell(3, 3), 0.3, 1e-4))
    array.read([Cell(3, 3)], voltage=0.05)
    array.pulse_lines(on_lines(0.2, -0.2))
    outcome = array.pulse_lines(on_lines(-0.2, 0.2))
    assert outcome.uncertain
    assert [on_lines(-0.2, 0.2)] == [found.pulse for found in settled]
    assert [[row, col] for row in ROWS for col in COLS] == [entry["cell"] for entry in entries(journal, "read")]
    assert [] == entries(journal, "intent")
    assert "and 4 more cells" in said[0]


def test_run_h5_has_a_table_of_pulses_on_lines_and_counts_their_cells(played):
    root = read(build_store(played.parent))
    table = root["line_pulses"].variables
    assert ["2 5 9"] * 2 == table["rows"].values.tolist()
    assert ["-0.2 -0.2 -0.2 -0.2", "0.2 0.2 0.2 0.2"] == table["col_volts"].values.tolist()
    assert [0, 0] == table["compliance"].values.tolist()
    assert [(3, 3)] == list(
        zip(root["pulses"].variables["row"].values, root["pulses"].variables["col"].values, strict=True)
    )
    counts = root["cells"].variables["pulse_count"].values
    assert (2, 1, 25) == (counts[1, 0], counts[2, 2], counts.sum())
