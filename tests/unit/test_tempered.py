"""Readings with their temperature."""

from __future__ import annotations

import numpy as np

from labmtj.protocol.engine import run
from labmtj.records import Cell, Pulse, PulseOutcome
from labmtj.runs import netcdf
from labmtj.runs.journal import MemoryJournal
from labmtj.runs.tempered import EVERY, Tempered


class Stage:
    """A clock, and a thermometer that warms by a millikelvin at each question."""

    def __init__(self):
        self.time, self.asked = 0.0, 0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def temperature(self):
        self.asked += 1
        return 300.0 + 1e-3 * self.asked


def test_a_reading_has_a_temperature_that_is_a_second_old_at_most():
    inner, stage = MemoryJournal(), Stage()
    journal = Tempered(inner)
    journal.record("read", {"v": 0.05})
    journal.sensor(stage, stage)
    for kind in ("read", "sum", "sample", "product", "step"):
        journal.record(kind, {"v": 0.05})
        stage.sleep(0.4 * EVERY)
    assert [None, 300.001, 300.001, 300.001, 300.002, None] == [entry.get("kelvin") for entry in inner.entries]


def test_pulses_pass_as_they_are():
    inner = MemoryJournal()
    journal = Tempered(inner)
    pulse = Pulse(Cell(1, 2), 0.3, 1e-4)
    journal.outcome(journal.intent(pulse), PulseOutcome(pulse, 1.0, False))
    assert ["intent", "outcome"] == [entry["k"] for entry in inner.entries]


def test_a_run_on_a_bench_with_a_thermometer_keeps_the_temperature_of_each_reading(tmp_path):
    small = ['lines.rows={"1..3": "1..3"}', 'lines.cols={"1..3": "16..18"}', "array.rows=3", "array.cols=3"]
    text = "title: T\nformat: 1\nsteps:\n  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}\n"
    (tmp_path / "t.yaml").write_text(text + "  - map: {read: 50 mV}\n", encoding="utf-8")
    outcome = run(tmp_path / "t.yaml", bench="magnet", settings=small, seed=3, out=tmp_path / "runs")
    kelvin = netcdf.read(outcome.folder / "run.h5")["readings"].variables["temperature"]
    assert "K" == kelvin.units
    assert np.all(np.abs(kelvin.values - 300.0) < 1.0)
    die = netcdf.read(outcome.folder / "die.h5")[netcdf.ROOT]
    assert abs(die.attributes["temperature_kelvin"] - 300.0) < 1.0
