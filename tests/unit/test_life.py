"""Limits over a cell's life: counted as physics says, the same from the journal, refused before anything is sent."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from labmtj.bench.exposure import Exposure, exposure_of
from labmtj.bench.life import LifeGate, contribution_of_journal
from labmtj.bench.life_ledger import contribution_of_run, die_key, kept_life, ledger_path, run_id
from labmtj.bench.living_array import LivingArray
from labmtj.cli import app
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.errors import LifeSpent, LimitExceeded, StorageError
from labmtj.physics.breakdown import damage
from labmtj.physics.schemes import levels
from labmtj.physics.stress import Limits
from labmtj.records import Cell, Pulse, Scheme
from labmtj.runs.journal import FileJournal, MemoryJournal
from labmtj.runs.ledger import Ledger, new_life
from labmtj.twin.access import TwinArray

BENCH = load_bench("simulated-15x15")
LIMITS = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3)
EXPOSURE = exposure_of(BENCH, LIMITS)
SHAPE = (15, 15)


def gate_of(life=None, keep=None, begun=None, **limits):
    held = dataclasses.replace(LIMITS, **limits)
    return LifeGate(EXPOSURE, held, life=life or new_life(*SHAPE), keep=keep, begun=begun)


class Deaf:
    """An array that notes what reaches it."""

    shape, analog, clock = SHAPE, False, None

    def __init__(self):
        self.heard = []

    def check(self, pulse):
        LIMITS.check_pulse(pulse)

    def __getattr__(self, name):
        return lambda *a, **k: self.heard.append(name)


@settings(max_examples=60)
@given(
    st.sampled_from(list(Scheme)),
    st.floats(-1.2, 1.2).filter(bool),
    st.sampled_from((1e-7, 1e-4, 1.0)),
    st.lists(st.integers(1, 15), min_size=1, max_size=4, unique=True),
)
def test_a_pulse_wears_every_cell_by_the_voltage_between_its_lines(scheme, volts, width, cols):
    pulse = Pulse(Cell(3, cols[0]), volts, width, scheme, tuple(cols[1:]))
    gate = gate_of()
    gate.add_pulse(pulse)
    found = gate.contribution()
    level = levels(scheme, volts)
    if scheme is Scheme.GATED:  # the gates of all other rows are closed, and other columns are at 0 V as the row is
        across = np.zeros(SHAPE)
        across[2, np.array(cols) - 1] = volts
    elif scheme is Scheme.FLOATING:  # a bound: what floats is not known
        across = np.full(SHAPE, volts / 2)
        across[2] = across[:, np.array(cols) - 1] = volts
    else:
        rows, columns = np.full(15, level.other_rows), np.full(15, level.other_cols)
        rows[2], columns[np.array(cols) - 1] = level.row, level.col
        across = rows[:, np.newaxis] - columns
    wanted = damage(np.minimum(np.abs(across), 0.7), width, EXPOSURE.die.breakdown)
    assert np.allclose(found.damage, wanted, rtol=1e-9, atol=2e-18)
    counts = np.zeros(SHAPE, dtype=int)
    counts[2, np.array(cols) - 1] = 1
    assert counts.tolist() == (found.positive if volts > 0 else found.negative).tolist()
    assert len(cols) == found.pulses.sum()


@pytest.mark.parametrize("volts", [0.02, 0.05, 0.1])
def test_a_read_is_a_dose_for_all_cells_of_the_driven_row(volts):
    gate = gate_of()
    gate.add_read([4], [volts])
    die = EXPOSURE.die
    seconds = 200e-6 + 1 / 50
    i, delta = volts / die.v_c0 + die.stray_field, die.delta
    # The rate for i < 0.6 (physics.md, section 2), good to some percent.
    rate = (1 - i**2) * (1 - i) * np.sqrt(delta / np.pi) * np.exp(-delta * (1 - i) ** 2) / die.tau_d
    found = gate.contribution().read_dose
    assert found[3] == pytest.approx(np.full(15, rate * seconds), rel=0.1)
    assert 0.0 == np.delete(found, 3, axis=0).max()


def test_a_read_flips_a_cell_once_at_most():
    assert 1.0 == EXPOSURE.read(0.6)[0] == EXPOSURE.read(-0.6, signs=1)[0]


def test_a_long_look_at_a_high_voltage_wears_as_a_pulse_does():
    gate = gate_of()
    gate.add_read([4], [-0.7])
    wanted = damage(np.array([0.7]), 2 * (200e-6 + 1 / 50), EXPOSURE.die.breakdown)[0]
    assert gate.contribution().damage[3] == pytest.approx(np.full(15, wanted))


def exercise(array):
    """A little of everything that an array is asked for."""
    array.read([Cell(1, 1), Cell(1, 2), Cell(9, 9)], voltage=0.05)
    for volts, scheme in itertools.product((0.5, -0.4), (Scheme.V_HALF, Scheme.V_HALF_BIAS)):
        array.pulse(Pulse(Cell(2, 3), volts, 1e-4, scheme))
    array.pulse(Pulse(Cell(5, 5), 0.45, 1e-4, cols=(6, 7)))
    array.total([1, 2, 3], [4, 5], voltage=0.03)
    array.sense([2], [2, 3], voltage=0.05)
    array.multiply([1, 4, 6], [2, 3, 4], volts=[0.05] * 3)
    array.multiply([], [1], volts=[])


def test_the_journal_gives_the_same_contribution_as_the_gate_counts():
    journal, gate = MemoryJournal(), gate_of()
    exercise(LivingArray(TwinArray(BENCH, journal), gate))
    again = contribution_of_journal(journal.entries, EXPOSURE, shape=SHAPE)
    counted = gate.contribution()
    assert counted.positive.tolist() == again.positive.tolist()
    assert counted.negative.tolist() == again.negative.tolist()
    assert counted.damage == pytest.approx(again.damage, rel=1e-9)
    assert counted.read_dose == pytest.approx(again.read_dose, rel=1e-9)
    assert 0 < again.read_dose.min() + again.damage.max()


def test_states_and_their_time_come_from_what_was_written_and_verified():
    entries = [
        {"k": "run", "wall": "2026-01-02T03:04:05+00:00"},
        {"k": "bench", "t": 2.0},
        {"k": "verify", "layer": 2, "state": [[1]]},  # of a layer that nobody has placed
        {"k": "step", "t": 5.0},
        {"k": "program", "layer": 1, "rows": [2, 1], "cols": [3], "state": [[1], [-1]]},
        {"k": "step", "t": 9.0},
        {"k": "verify", "layer": 1, "state": [[0], [1]]},
    ]
    found = contribution_of_journal(entries, EXPOSURE, shape=(2, 3))
    assert [[-1, -1, 1], [-1, -1, 0]] == found.state.tolist()
    assert 1767323045.0 + 7 == found.seen[1, 2]
    assert np.isnan(found.seen[0, 0])


def test_a_pulse_that_would_pass_the_damage_of_a_life_is_refused_and_nothing_is_sent():
    deaf, pulse = Deaf(), Pulse(Cell(3, 3), 0.7, 1e-4)
    each = EXPOSURE.stress(pulse).damage
    array = LivingArray(deaf, gate_of(damage=10.5 * each))
    for _ in range(10):
        array.pulse(pulse)
    with pytest.raises(LifeSpent, match=r"cell \(3, 3\): the damage .* in a cell's life is the limit"):
        array.pulse(pulse)
    assert ["pulse"] * 10 == deaf.heard
    array.pulse(Pulse(Cell(3, 4), 0.7, 1e-4))  # another cell of the same row
    array.check(pulse)  # a function of the request alone


def test_half_selected_cells_count_and_are_named():
    pulse = Pulse(Cell(3, 3), 0.7, 1e-4, Scheme.FLOATING)
    before = new_life(*SHAPE)
    before.damage[2, 8] = 1.0
    with pytest.raises(LifeSpent, match=r"cell \(3, 9\)"):
        LivingArray(Deaf(), gate_of(before, damage=1.0)).pulse(pulse)


def test_what_runs_before_have_done_counts():
    before = new_life(*SHAPE)
    before.positive[2, 2], before.negative[2, 2] = 4, 5
    array = LivingArray(Deaf(), gate_of(before, pulses=10))
    array.pulse(Pulse(Cell(3, 3), 0.3, 1e-4))
    with pytest.raises(LifeSpent, match=r"cell \(3, 3\): 10 pulses in a cell's life"):
        array.pulse(Pulse(Cell(3, 2), -0.3, 1e-4, cols=(3,)))


def test_a_read_that_would_pass_the_dose_of_a_life_is_refused_as_a_whole():
    dose = EXPOSURE.read(0.05)[0]
    deaf = Deaf()
    array = LivingArray(deaf, gate_of(read_dose=4.5 * dose))
    array.read([Cell(1, 1), Cell(2, 2)], voltage=0.05)
    array.read([Cell(1, 5)] * 3, voltage=0.05)
    with pytest.raises(LifeSpent, match=r"cell \(1, 1\), \(1, 2\), \(1, 3\) and 12 more"):
        array.sense([1], [1], voltage=0.05)
    with pytest.raises(LifeSpent):
        array.multiply([2, 3], [1, 2, 3, 4], volts=[0.05] * 2)
    with pytest.raises(LifeSpent):
        array.total([1, 9], [1], voltage=-0.05)
    array.read([Cell(2, 2)] * 3, voltage=0.05)
    assert ["read", "read", "read"] == deaf.heard


def test_the_energy_of_one_pulse_is_limited():
    array = LivingArray(Deaf(), gate_of(pulse_energy=5e-9))
    array.pulse(Pulse(Cell(1, 1), 0.5, 1e-4))
    with pytest.raises(LimitExceeded, match=r"a pulse on cell \(1, 1\): 6\.\d+ nJ in the cell is above the limit 5 nJ"):
        array.pulse(Pulse(Cell(1, 1), 0.7, 1e-4))
    working = EXPOSURE.stress(Pulse(Cell(1, 1), 0.36, 1e-4)).energy
    assert 1.7e-9 == pytest.approx(working, rel=0.05)  # physics.md, section 3


def test_the_ledger_hears_of_a_run_once_a_second_and_a_full_disk_does_not_stop_it():
    heard = []

    def keep(life):
        heard.append(int(life.pulses.sum()))
        raise StorageError("the disk is full")

    gate = gate_of(keep=keep)
    for _ in range(50):
        gate.add_pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
    assert [] == heard
    gate._next = 0.0
    gate.add_pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
    gate.add_pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
    assert [51] == heard
    assert "the disk is full" == str(gate.failure)


def test_a_run_that_goes_on_begins_with_what_its_journal_says():
    journal = MemoryJournal()
    exercise(TwinArray(BENCH, journal))
    begun = contribution_of_journal(journal.entries, EXPOSURE, shape=SHAPE)
    gate = gate_of(begun=begun)
    exercise(LivingArray(TwinArray(BENCH, journal), gate))
    assert (2 * begun.pulses).tolist() == gate.contribution().pulses.tolist()
    assert 4 == begun.pulses[1, 2]  # and is not changed itself


def interrupted(file, journal):
    with kept_life(TwinArray(BENCH, journal), file, LIMITS, journal.path) as array:
        exercise(array)
        raise KeyboardInterrupt


@pytest.fixture
def run(tmp_path):
    """A run's folder with a bench of its own whose die is simulated, and its journal."""
    state = tmp_path / "run" / "twin.state"
    state.parent.mkdir()
    text = BENCH.source.text.replace("simulation:  ", f'simulation:\n  state: "{state}"\n#')
    (tmp_path / "run" / "bench.yaml").write_text(text)
    file = load_bench(tmp_path / "run" / "bench.yaml")
    journal = FileJournal(tmp_path / "run" / "journal.jsonl")
    journal.record("run", {"wall": "2026-01-02T03:04:05+00:00"})
    return file, journal


def test_a_run_keeps_the_life_of_its_die_and_one_that_goes_on_does_not_count_twice(run):
    file, journal = run
    assert journal.path.parent / "ledger.sqlite3" == ledger_path(file)
    ledger, key = Ledger(ledger_path(file)), die_key(file)
    with kept_life(TwinArray(BENCH, journal), file, LIMITS, journal.path) as array:
        exercise(array)
    once = ledger.life(key)
    assert 7 == once.pulses.sum()
    with pytest.raises(KeyboardInterrupt):
        interrupted(file, journal)
    (known,) = ledger.runs(key)
    assert ("failed", run_id(journal.path)) == (known.how, known.run)
    assert 14 == ledger.life(key).pulses.sum()
    assert contribution_of_run(journal.path, file, LIMITS).damage.tolist() == ledger.life(key).damage.tolist()


def test_a_run_whose_process_died_is_collected_and_does_not_count_twice(run):
    file, journal = run
    (journal.path.parent / "protocol.yaml").write_text(find("protocols", "wine").read_text())
    journal.intent(Pulse(Cell(2, 3), 0.4, 1e-4))  # and nobody knows what became of it
    for _ in range(2):
        arguments = ["ledger", die_key(file), "--collect", str(journal.path.parent), "--json"]
        found = json.loads(CliRunner().invoke(app, arguments).output)
        assert 1 == np.sum(found["pulses"]["positive"]) == found["pulses"]["positive"][1][2]
        assert [("collected", run_id(journal.path))] == [(known["how"], known["run"]) for known in found["runs"]]


def test_a_second_run_on_a_die_begins_where_the_first_has_ended(run, tmp_path):
    file, journal = run
    limits = dataclasses.replace(LIMITS, pulses=5)
    with kept_life(TwinArray(BENCH, journal), file, limits, journal.path) as array:
        array.pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
    second = FileJournal(tmp_path / "second.jsonl")
    second.record("run", {"wall": "2026-01-02T04:04:05+00:00"})
    with kept_life(TwinArray(BENCH, second), file, limits, second.path) as array:
        for _ in range(4):
            array.pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
        with pytest.raises(LifeSpent):
            array.pulse(Pulse(Cell(1, 1), 0.3, 1e-4))
    assert 5 == Ledger(ledger_path(file)).life(die_key(file)).pulses[0, 0]


def test_which_ledger_and_which_die(monkeypatch, tmp_path):
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path))
    monkeypatch.delenv("LABMTJ_LEDGER", raising=False)
    assert tmp_path / "ledger.sqlite3" == ledger_path() == ledger_path(load_bench("keithley"))
    monkeypatch.setenv("LABMTJ_LEDGER", str(tmp_path / "other.db"))
    assert tmp_path / "other.db" == ledger_path(load_bench("keithley"))
    named = load_bench("keithley", overrides=[f"ledger={tmp_path}/bench.db", "array.die=W1/D2/A3"])
    assert (tmp_path / "bench.db", "W1/D2/A3") == (ledger_path(named), die_key(named))
    assert "any die on Keithley bench" == die_key(load_bench("keithley"))


def test_a_drive_beyond_the_table_counts_as_the_largest_of_it():
    die = dataclasses.replace(EXPOSURE.die, v_c0=0.05, delta=300.0)
    assert 0 < Exposure(die, 0.7, 1e-3).read(0.7)[0] < np.inf
