import json
import os
import zlib

import pytest

from labmtj.errors import StorageError
from labmtj.records import Cell, Pulse, PulseOutcome, Reading
from labmtj.runs.journal import FileJournal, encode, read_journal, reading_entry

# Nothing on a bench is longer: three digits a line, all digits of each float, days on the clock, a million entries.
CELL = Cell(128, 128)
LONG = -1.2345678901234567e-06
DAYS = 1234567.123456789


@pytest.fixture
def journal(tmp_path):
    journal = FileJournal(tmp_path / "journal.jsonl")
    yield journal
    journal.close()


def lines(journal):
    return journal.path.read_bytes().splitlines(keepends=True)


def test_entries_come_back_in_order_with_their_numbers(journal):
    number = journal.intent(Pulse(Cell(3, 7), -0.31, 1e-4))
    journal.outcome(number, PulseOutcome(Pulse(Cell(3, 7), -0.31, 1e-4), 0.25, True))
    journal.record("read", reading_entry(Reading(Cell(3, 7), 0.05, 5.5e-6, 0.5)))
    intent, outcome, read = ({k: v for k, v in entry.items() if k != "crc"} for entry in read_journal(journal.path))
    assert {"n": 0, "k": "intent", "cell": [3, 7], "v": -0.31, "width": 1e-4, "scheme": "v_half"} == intent
    assert {"n": 1, "k": "outcome", "of": 0, "t": 0.25, "compliance": True} == outcome
    assert {"n": 2, "k": "read", "cell": [3, 7], "v": 0.05, "i": 5.5e-6, "t": 0.5} == read


def test_each_line_is_json_whose_crc_is_that_of_the_line_without_it(journal):
    journal.record("bench", {"identities": {"smu": "\u00b5 \u2126"}})
    (line,) = lines(journal)
    entry = json.loads(line)
    crc = entry.pop("crc")
    assert f"{zlib.crc32(json.dumps(entry, separators=(',', ':')).encode()):08x}" == crc


def test_a_torn_last_line_is_passed_over(journal):
    journal.record("one", {})
    journal.record("two", {"values": [1, 2, 3]})
    whole = journal.path.read_bytes()
    first = len(lines(journal)[0])
    for length in range(first, len(whole) - 1):
        journal.path.write_bytes(whole[:length])
        assert ["one"] == [entry["k"] for entry in read_journal(journal.path)]


def test_a_last_line_that_lacks_only_its_end_is_read(journal):
    journal.record("one", {})
    journal.path.write_bytes(journal.path.read_bytes().rstrip(b"\n"))
    assert ["one"] == [entry["k"] for entry in read_journal(journal.path)]


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_damaged_whole_line_is_refused_with_its_number(journal, line):
    for kind in ("one", "two", "three"):
        journal.record(kind, {"value": 1})
    damaged = lines(journal)
    damaged[line] = damaged[line].replace(b'"value":1', b'"value":2')
    journal.path.write_bytes(b"".join(damaged))
    with pytest.raises(StorageError, match=rf"journal\.jsonl:{line + 1}: .*CRC"):
        list(read_journal(journal.path))


def test_a_torn_line_in_the_middle_is_refused(journal):
    journal.record("one", {"value": 1})
    journal.record("two", {})
    first, second = lines(journal)
    journal.path.write_bytes(first[:20] + b"\n" + second)
    with pytest.raises(StorageError, match=r"journal\.jsonl:1:"):
        list(read_journal(journal.path))


def test_a_missing_journal_is_an_error_that_names_it(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere\.jsonl"):
        list(read_journal(tmp_path / "nowhere.jsonl"))


def test_a_journal_is_never_written_over(journal):
    with pytest.raises(StorageError, match="cannot be made"):
        FileJournal(journal.path)


def test_intents_and_outcomes_are_on_the_disk_when_the_call_returns(journal, monkeypatch):
    synced = []
    sync = os.fsync

    def spy(file):
        sync(file)
        synced.append(os.fstat(file).st_size)

    monkeypatch.setattr(os, "fsync", spy)
    pulse = Pulse(Cell(1, 1), 0.3, 1e-4)
    number = journal.intent(pulse)
    after_intent = journal.path.stat().st_size
    journal.outcome(number, PulseOutcome(pulse, 0.1, False))
    after_outcome = journal.path.stat().st_size
    journal.record("read", {})
    assert [after_intent, after_outcome] == synced


def test_other_entries_are_with_the_operating_system_at_once(journal):
    journal.record("read", {"v": 1})
    assert ["read"] == [entry["k"] for entry in read_journal(journal.path)]


def test_a_reading_an_intent_and_an_outcome_take_at_most_200_bytes_each(journal):
    pulse = Pulse(CELL, LONG, 1.2345678901234567e-09)
    entries = [
        {"k": "read", **reading_entry(Reading(CELL, LONG, LONG, DAYS, True))},
        {"k": "intent", "cell": list(CELL), "v": pulse.amplitude, "width": pulse.width, "scheme": pulse.scheme.value},
        {"k": "outcome", "of": 9999999, "t": DAYS, "compliance": True},
    ]
    assert all(len(encode({"n": 9999999, **entry})) <= 200 for entry in entries)
    journal.outcome(journal.intent(pulse), PulseOutcome(pulse, DAYS, True))
    journal.record("read", reading_entry(Reading(CELL, LONG, LONG, DAYS, True)))
    assert all(len(line) <= 200 for line in lines(journal))


def test_a_number_that_is_not_finite_becomes_null(journal):
    journal.record("read", {"i": float("nan"), "nested": [{"x": float("inf")}, 1.5]})
    (entry,) = read_journal(journal.path)
    assert (entry["i"], entry["nested"]) == (None, [{"x": None}, 1.5])
