"""Row 8 of what must survive: a full disk, a folder that cannot be written, a line that was torn."""

import pytest

from labmtj.errors import StorageError
from labmtj.runs.folder import new_run
from labmtj.runs.journal import FileJournal, read_journal
from labmtj.runs.status import read_status


@pytest.mark.parametrize("room", [4_000, 12_000, 24_000])
def test_a_full_disk_ends_the_run_before_the_next_pulse_and_it_goes_on_when_there_is_room(
    room, killer, referee, tmp_path
):
    found = killer("run", tmp_path, room=room)
    assert 7 == found["code"], found
    assert "the journal cannot be written" in found["errors"][0]
    (run,) = tmp_path.iterdir()
    judge = referee(run)
    lines, intents, outcomes = judge.journal()
    pulses, _ = judge.die()
    # No pulse without an intent on disk; a pulse whose outcome found no room is the one in doubt.
    assert pulses <= len(intents)
    assert len(intents) - len(outcomes) <= 1
    assert len(lines) <= room
    assert read_status(run).how in ("failed", "interrupted")
    assert 0 == killer("resume", run)["code"]
    target, states = judge.layer()
    assert target == states


def test_where_no_folder_can_be_made_nothing_is_begun(killer, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    found = killer("run", tmp_path / "file" / "runs")
    assert 7 == found["code"]
    assert "name another with --out" in found["errors"][0]


def test_a_torn_last_line_is_cut_off_before_anything_is_added(tmp_path):
    path = new_run("torn", out=tmp_path) / "journal.jsonl"
    first = FileJournal(path)
    first.record("run", {"format": 1})
    first.record("at", {"done": 1})
    first.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[-20:-3])
    journal, entries = FileJournal.go_on(path)
    assert ["run", "at"] == [entry["k"] for entry in entries]
    journal.record("at", {"done": 2})
    journal.close()
    assert [0, 1, 2] == [entry["n"] for entry in read_journal(path)]
    assert path.read_bytes().startswith(whole)


def test_a_last_line_that_lacks_only_its_end_gets_it(tmp_path):
    path = new_run("torn", out=tmp_path) / "journal.jsonl"
    first = FileJournal(path)
    first.record("run", {"format": 1})
    first.record("at", {"done": 1})
    first.close()
    path.write_bytes(path.read_bytes()[:-1])
    journal, entries = FileJournal.go_on(path)
    journal.record("at", {"done": 2})
    journal.close()
    assert 2 == len(entries)
    assert [1, 2] == [entry["done"] for entry in read_journal(path) if entry["k"] == "at"]


def test_damage_before_the_last_line_is_not_cut_off(tmp_path):
    path = new_run("torn", out=tmp_path) / "journal.jsonl"
    first = FileJournal(path)
    for number in range(3):
        first.record("at", {"done": number})
    first.close()
    path.write_bytes(path.read_bytes().replace(b'"done":1', b'"done":7'))
    with pytest.raises(StorageError, match=":2: this line is damaged"):
        FileJournal.go_on(path)
