"""One pulse on one cell, far below what writes it: for benches whose cells may be pulsed."""

import pytest

from labmtj.bench.session import open_bench
from labmtj.errors import LimitExceeded
from labmtj.records import Cell, Pulse, Scheme
from labmtj.runs.journal import FileJournal, MemoryJournal, read_journal

VOLTS = 0.1  # [V] of the pulse: a quarter of what writes a cell of 40 nm

pytestmark = pytest.mark.usefixtures("pulses_allowed")


def pulse(file, amplitude=VOLTS):
    scheme = Scheme.GATED if file.bench.gates is not None else Scheme.V_HALF
    return Pulse(Cell(1, 1), amplitude, file.bench.pulse.width, scheme)


def test_the_intent_of_a_pulse_is_written_before_its_outcome(file, tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = FileJournal(path)
    with open_bench(file, journal=journal) as bench:
        outcome = bench.array.pulse(pulse(file))
    journal.close()
    assert not outcome.uncertain
    kinds = [entry["k"] for entry in read_journal(path) if entry["k"] in ("intent", "outcome")]
    assert ["intent", "outcome"] == kinds


def test_a_cell_is_read_after_a_pulse_as_before(opened, file):
    (before,) = opened.array.read([Cell(1, 1)], voltage=0.01)
    opened.array.pulse(pulse(file))
    (after,) = opened.array.read([Cell(1, 1)], voltage=0.01)
    assert before.current == pytest.approx(after.current, rel=0.2, abs=2e-7)


def test_a_pulse_above_a_limit_is_refused_with_no_intent_and_nothing_sent(file, heard):
    journal = MemoryJournal()
    with open_bench(file, journal=journal) as bench:
        for amplitude in (1.01 * bench.limits.cell_voltage, -2 * bench.limits.cell_voltage):
            with heard, pytest.raises(LimitExceeded):
                bench.array.pulse(pulse(file, amplitude))
            assert [] == heard.messages
    assert [] == [entry for entry in journal.entries if entry["k"] == "intent"]
