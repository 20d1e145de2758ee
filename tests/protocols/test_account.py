"""The account of a simulated bench: what was done to its die, said through the VISA library."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labmtj.account import from_entry
from labmtj.bench.session import open_bench
from labmtj.records import Cell, Pulse
from labmtj.runs.journal import MemoryJournal

CLEAN = {"defects": {"short": 0.0, "open": 0.0, "stuck": 0.0}}


@pytest.fixture
def opened(make_bench, tmp_path):
    with open_bench(make_bench(tmp_path / "bench", **CLEAN)) as bench:
        yield bench


def test_a_fresh_bench_has_had_no_pulse(opened):
    account = opened.account()
    assert (account.pulses, account.pulse_energy, account.broken) == (0, 0.0, 0)
    assert account.disturb.sum() == account.selected.sum() == 0.0


def test_pulses_are_counted_at_the_cell_that_they_were_for(opened):
    for cell, amplitude in ((Cell(3, 7), 0.4), (Cell(3, 7), -0.4), (Cell(12, 1), 0.3)):
        opened.array.pulse(Pulse(cell, amplitude, 100e-6))
    account = opened.account()
    selected = np.zeros((15, 15))
    selected[2, 6], selected[11, 0] = 2, 1
    assert np.array_equal(selected, account.selected)
    assert account.worst == (3, 7)
    assert 0.38 < account.peak[2, 6] < 0.4
    assert 0.18 < account.peak[2, 3] < 0.2  # half-selected
    assert account.peak[8, 8] < 0.01
    assert 0.19 < account.terminal < 0.21


def test_energy_is_that_of_the_selected_and_the_half_selected_cells(opened):
    opened.array.pulse(Pulse(Cell(3, 7), 0.4, 100e-6))
    account = opened.account()
    # one cell at V and 28 at V/2, each between R_AP and R_P
    whole = 0.4**2 * 100e-6 * (1 + 28 / 4)
    assert whole / 19e3 < account.pulse_energy < whole / 7e3
    assert account.pulse_energy < account.source_energy < 1.15 * account.pulse_energy


def test_what_a_pulse_does_to_other_cells_is_expected_and_counted(make_bench, tmp_path):
    # at 0.9 V a half-selected cell sees more than its switching voltage
    limits = make_bench(tmp_path / "bench", **CLEAN)
    path = limits.source.path
    path.write_text(path.read_text(encoding="utf-8").replace("700 mV", "1 V"), encoding="utf-8")
    with open_bench(path) as bench:
        bench.array.pulse(Pulse(Cell(3, 7), 0.9, 100e-6))
        account = bench.account()
    half = np.zeros((15, 15), bool)
    half[2], half[:, 6] = True, True
    half[2, 6] = False
    assert account.disturb[half].sum() == pytest.approx(account.disturb.sum())
    assert 5 < account.disturbed.sum() < 25
    assert account.disturbed.sum() == pytest.approx(account.disturb.sum(), abs=0.5)


def test_reads_close_relays_and_take_time_and_energy(opened):
    before = opened.account()
    opened.array.read([Cell(1, 1), Cell(2, 2)], voltage=0.05)
    account = opened.account()
    assert account.seconds > before.seconds + 4 * 0.02
    assert account.read_energy > before.read_energy
    # rows 1, 2 and columns 1, 2 to their sources, and the first two back to ground
    assert account.relay_operations - before.relay_operations == 6
    assert account.pulses == 0


def test_an_account_is_kept_in_the_journal_and_comes_back_from_it(make_bench, tmp_path):
    journal = MemoryJournal()
    with open_bench(make_bench(tmp_path / "bench"), journal=journal) as bench:
        bench.array.pulse(Pulse(Cell(3, 7), 0.4, 100e-6))
    (entry,) = [found for found in journal.entries if found["k"] == "account"]
    account = from_entry(json.loads(json.dumps(entry)))
    assert account.pulses == 1
    assert account.entry() == {key: value for key, value in entry.items() if key != "k"}


def test_asking_for_the_account_changes_nothing(make_bench, tmp_path):
    states = []
    for ask in (False, True):
        with open_bench(make_bench(tmp_path / f"bench-{ask}", diameter="15 nm")) as bench:
            for number in range(5):
                bench.array.pulse(Pulse(Cell(1 + number, 2), 0.33, 100e-6))
                if ask:
                    bench.account()
            readings = bench.array.read([Cell(row, col) for row in (1, 5, 9) for col in (1, 2, 3)], voltage=0.02)
            states.append([reading.current for reading in readings])
    assert states[0] == states[1]
