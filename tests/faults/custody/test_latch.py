"""An interlock that opened stays latched until somebody acknowledges it (row 11)."""

import json

import pytest

from labmtj.bench.latch import Latch
from labmtj.bench.session import open_bench
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.config.source import read
from labmtj.errors import InterlockOpen
from labmtj.runs.journal import MemoryJournal


@pytest.fixture
def bench(tmp_path):
    """A simulated bench in a run folder."""
    path = tmp_path / "bench.yaml"
    path.write_text(yaml12.dump(dict(read(find("benches", "simulated-15x15")).data)), encoding="utf-8")
    return load_bench(path)


def kinds(journal):
    return [entry["k"] for entry in journal.entries]


def opened_with(bench, **options):
    with open_bench(bench, **options) as opened:
        return opened.cell(1, 1).read(at="50 mV")


def interlock_opens(bench, **options):
    with open_bench(bench, **options):
        raise InterlockOpen("smu (Keithley 2636B): its interlock is open")


def test_it_is_latched_until_it_is_acknowledged_and_both_are_in_the_journal(bench, tmp_path):
    report, journal = tmp_path / "guardian.json", MemoryJournal()
    with pytest.raises(InterlockOpen, match="is open"):
        interlock_opens(bench, report=report, journal=journal)
    assert "interlock" in kinds(journal)
    for said in (None, "  "):
        with pytest.raises(InterlockOpen, match=r"smu: its interlock opened at 20.*--acknowledge"):
            opened_with(bench, report=report, acknowledge=said)
    journal = MemoryJournal()
    opened_with(bench, report=report, journal=journal, acknowledge="the lid was open, the die is well")
    (entry,) = [entry for entry in journal.entries if entry["k"] == "acknowledge"]
    assert ("smu", "the lid was open, the die is well") == (entry["instrument"], entry["acknowledged"])
    assert {"user", "host", "pid", "wall", "latched"} <= entry.keys()
    opened_with(bench, report=report)


def test_it_is_that_of_the_instrument_that_says_so_or_of_all(bench, tmp_path):
    report = tmp_path / "guardian.json"
    with pytest.raises(InterlockOpen):
        interlock_opens(bench, report=report)
    (latched,) = tmp_path.glob("interlock-*.json")
    assert "smu" == json.loads(latched.read_text())["instrument"]

    def somebody():
        with open_bench(bench, report=report, acknowledge="seen"):
            raise RuntimeError from InterlockOpen("an interlock is open")

    with pytest.raises(RuntimeError):
        somebody()
    assert 2 == len(list(tmp_path.glob("interlock-*.json")))


def test_another_error_latches_nothing(bench, tmp_path):
    def fails():
        with open_bench(bench, report=tmp_path / "guardian.json"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert [] == list(tmp_path.glob("interlock-*.json"))


@pytest.mark.serial
def test_on_a_bench_that_others_can_reach_it_stays_latched_for_everybody(twin, state):
    bench, serial = twin.bench("latched"), load_model(find("models", "keithley_2636b")).identity.serial
    Latch(state).close("source", f"2636B/{serial}", "in another run, under another name")
    with pytest.raises(InterlockOpen, match=r"in another run.*stays latched"):
        opened_with(bench)
    assert (set(), set()) == twin.states()[-1][1:]
    opened_with(bench, acknowledge="the lid was open")
    found = [json.loads(line) for line in (state / "commands.jsonl").read_text().splitlines()]
    assert ["the lid was open"] == [entry["said"] for entry in found if entry["what"] == "acknowledge"]
