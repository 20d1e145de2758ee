"""PyMeasure and QCoDeS behind our ports on the simulated bench: what is said, what is refused, the same run by each."""

import json

import pytest
from hypothesis import strategies as st

from labmtj.bench.session import open_bench, resource_manager
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.protocol.engine import run
from labmtj.records import Cell
from labmtj.runs.journal import MemoryJournal

pytestmark = pytest.mark.clients
OURS = {"drive": None, "sense": None}
PYMEASURE = {"drive": "pymeasure:keithley.Keithley2450", "sense": "pymeasure:keithley.Keithley2400"}
QCODES = {"drive": "qcodes:Keithley.Keithley2450", "sense": "qcodes:Keithley.Keithley2400"}
BOTH = [pytest.param(PYMEASURE, id="pymeasure"), pytest.param(QCODES, id="qcodes")]
CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}
SHEETS = {"2400": "keithley_2400", "2450": "keithley_2450", "2600": "keithley_2636b", "2636B": "keithley_2636b"}
CLASSES = [
    *(f"pymeasure:keithley.Keithley{name}" for name in ("2400", "2450", "2600")),
    *(f"qcodes:Keithley.Keithley{name}" for name in ("2400", "2450", "2636B")),
]
MAP = """
title: Map of a small die
format: 1
steps:
  - contact:  {at: 10 mV}
  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}
  - map:      {read: 50 mV}
limits:
  cell_voltage: 600 mV
"""
SIGNED = st.floats(1e-12, 1e3).flatmap(lambda x: st.sampled_from([x, -x]))
CELL = Cell(2, 3)


@pytest.fixture(scope="session", autouse=True)
def libraries(pymeasure, qcodes):
    """Both are here; QCoDeS has a home folder of the tests."""


@pytest.fixture
def bench(tmp_path):
    """bench(drivers, size): the shipped bench with these drivers for its source meters, and a smaller array."""

    def make(drivers, size=3):
        data = dict(read(find("benches", "pymeasure")).data)
        for name, driver in drivers.items():
            entry = {key: value for key, value in data["instruments"][name].items() if key != "driver"}
            data["instruments"][name] = entry | ({"driver": driver} if driver else {})
        data["array"] = {"rows": size, "cols": size}
        lines = f"1..{size}"
        data["lines"] = {"rows": {lines: lines}, "cols": {lines: f"16..{15 + size}"}}
        data["simulation"] = {"die": data["simulation"]["die"] | {"defects": CLEAN, "telegraph": "0 %"}}
        path = tmp_path / f"bench{len(list(tmp_path.iterdir()))}.yaml"  # PyVISA keeps one library a path
        path.write_text(yaml12.dump(data), encoding="utf-8")
        return path

    return make


@pytest.fixture
def opened(bench):
    """opened(drivers): an open bench, its journal and what is simulated."""
    contexts = []

    def make(drivers):
        file = load_bench(bench(drivers))
        manager, journal = resource_manager(file), MemoryJournal()
        context = open_bench(file, journal=journal)
        contexts.append((manager, context))
        return context.__enter__(), journal, manager.visalib.bench

    yield make
    for manager, context in contexts:
        context.__exit__(None, None, None)
        manager.close()


def entries(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def without_time(found):
    """What a run wrote, but for its moments, its folder and what made it."""
    return [
        {key: value for key, value in entry.items() if key not in ("crc", "t", "wall", "seconds", "since")}
        for entry in found
        if entry["k"] not in ("run", "command", "account", "end", "summary")
    ]


@pytest.fixture(scope="session")
def mapped(tmp_path_factory):
    """mapped(file): the journal of a map of the die of this bench."""

    def make(file):
        folder = tmp_path_factory.mktemp("runs")
        (folder / "short-map.yaml").write_text(MAP, encoding="utf-8")
        return entries(run(folder / "short-map.yaml", bench=file, out=folder).folder)

    return make


def test_a_die_is_mapped_alike_by_pymeasure_by_qcodes_and_by_us(bench, mapped):
    ours, *others = (mapped(bench(drivers)) for drivers in (OURS, PYMEASURE, QCODES))
    packages = [set(journal[0]["provenance"]) & {"pymeasure", "qcodes"} for journal in (ours, *others)]
    assert [set(), {"pymeasure"}, {"qcodes"}] == packages
    for journal in others:
        assert without_time(ours) == without_time(journal)
