"""Many pulses in one run: memory does not grow, no handle leaks, the journal stays small (row 19 of reliability.md)."""

import gc
import os
from pathlib import Path

import psutil
import pytest

from labmtj.protocol.engine import run
from labmtj.protocol.observer import Silent
from labmtj.runs.journal import read_journal

THREE = Path(__file__).with_name("three")
MOST_GROWTH, MOST_A_RECORD = 5e6, 200  # bytes: the row's figures


class Gauge(Silent):
    """Looks at this process while pulses go out: resident memory [byte] and open files, at each tick."""

    def __init__(self):
        self.process = psutil.Process()
        self.memory, self.handles = [], []

    def step(self, name, total):
        if name != "half_select":
            return lambda done=1: None

        def look(done=1):
            self.memory.append(self.process.memory_info().rss)
            self.handles.append(self.process.num_fds())

        return look


def endure(folder, pulses):
    """A run with so many pulses on one cell: what was seen meanwhile, and its journal."""
    protocol = folder / "protocol.yaml"
    readings = min(1000, pulses // 8)
    protocol.write_text(
        "title: Many pulses\nformat: 1\nsteps:\n"
        "  - polarity: {start: 250 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}\n  - map: {read: 50 mV}\n"
        f"  - half_select: {{pulses: {pulses // 2}, readings: {readings}}}\n",
        encoding="utf-8",
    )
    gauge = Gauge()
    outcome = run(protocol, bench=THREE / "bench.yaml", out=folder / "runs", observer=gauge)
    return gauge, outcome.folder / "journal.jsonl"


def judged(gauge, journal, pulses):
    tenth = len(gauge.memory) // 10  # until then tables and caches are filled
    grown = max(gauge.memory[tenth:]) - gauge.memory[tenth]
    entries = sum(1 for _ in read_journal(journal))
    intents = sum(1 for entry in read_journal(journal) if entry["k"] == "intent")
    size = journal.stat().st_size
    print(f"{intents} pulses: {grown / 1e6:.2f} MB grown, {size / entries:.0f} bytes a record, {entries} records")
    assert pulses <= intents
    assert grown < MOST_GROWTH
    assert size / entries <= MOST_A_RECORD
    assert len(set(gauge.handles)) == 1


def test_hundreds_of_pulses_leave_memory_handles_and_journal_small(tmp_path):
    gc.collect()
    handles = psutil.Process().num_fds()
    judged(*endure(tmp_path, 160), 160)
    gc.collect()
    assert handles == psutil.Process().num_fds()


@pytest.mark.slow
@pytest.mark.serial
def test_a_hundred_thousand_pulses_leave_memory_handles_and_journal_small(tmp_path):
    judged(*endure(tmp_path, 100_000), 100_000)


def test_no_record_of_any_kind_is_long_but_those_that_come_once_a_step(tmp_path):
    """What repeats is small; a map, a plan, a result come once, however long the run."""
    outcome = run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path)
    sizes = {}
    for line, entry in zip(
        (outcome.folder / "journal.jsonl").read_bytes().splitlines(),
        read_journal(outcome.folder / "journal.jsonl"),
        strict=True,
    ):
        sizes.setdefault(entry["k"], []).append(len(line) + 1)
    repeated = {kind: max(found) for kind, found in sizes.items() if len(found) > len(sizes["step"])}
    assert {"intent", "outcome", "read", "product"} <= set(repeated)
    assert {} == {kind: size for kind, size in repeated.items() if size > MOST_A_RECORD}
    assert os.path.getsize(outcome.folder / "journal.jsonl") == sum(map(sum, sizes.values()))
