"""Every command that changes a bench is written down with who, what and when: in the run's journal, and on the host."""

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labmtj.bench.commands import note, stopped_by_page
from labmtj.errors import StorageError
from labmtj.protocol.engine import resume, run
from labmtj.runs.journal import read_journal

THREE = Path(__file__).parents[1] / "faults" / "three"


def is_told(entry):
    """Whether an entry says who, what and when, and that it was this process."""
    assert (getpass.getuser(), os.getpid()) == (entry["user"], entry["pid"])
    assert {"what", "host", "command"} <= set(entry)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(entry["wall"])).total_seconds()) < 60
    return entry["what"]


def test_a_run_and_its_return_stand_in_the_journal_before_anything_is_done(tmp_path):
    folder = run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path).folder
    journal = folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:40]))
    resume(folder)
    entries = list(read_journal(journal))
    commands = [entry for entry in entries if entry["k"] == "command"]
    assert ["run", "resume"] == [is_told(entry) for entry in commands]
    assert commands[0]["n"] < min(entry["n"] for entry in entries if entry["k"] in ("bench", "contact", "intent"))
    assert commands[1]["n"] < min(entry["n"] for entry in entries if entry["n"] > 40 and entry["k"] == "intent")


def test_the_host_keeps_a_line_a_command_and_never_follows_a_link(tmp_path, monkeypatch):
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path / "state"))
    for what in ("safe", "acknowledge"):
        note(what, "Bench", said="seen")
    lines = (tmp_path / "state" / "commands.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["safe", "acknowledge"] == [is_told(json.loads(line)) for line in lines]
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / "state" / "commands.jsonl").unlink()
    (tmp_path / "state" / "commands.jsonl").symlink_to(victim)
    with pytest.raises(StorageError):
        note("safe", "Bench")
    assert "mine" == victim.read_text(encoding="utf-8")


def test_who_stopped_a_run_is_known_only_from_the_page_of_this_process_since_it_began(tmp_path, monkeypatch):
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path))
    assert "" == stopped_by_page(7, "2026-01-01")  # there is no record yet
    note("stop", "bench", of=8, how="page")
    note("answer", "bench", of=7, how="page")
    told = note("stop", "bench", of=7, how="page")
    with open(tmp_path / "commands.jsonl", "ab") as file:
        file.write(b"{cut\n")
    assert f"{told['user']} on {told['host']}" == stopped_by_page(7, told["wall"])
    assert "" == stopped_by_page(7, "2999-01-01")
    assert "" == stopped_by_page(9, told["wall"])
