"""A plan: a protocol on other simulated dies, against the bench's limits, before anything is sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from labmtj import cli
from labmtj.config import yaml12
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.protocol.engine import run
from labmtj.protocol.load import load_protocol
from labmtj.protocol.outlook import Band, band, outlook
from labmtj.protocol.plan import run_dies, seeds
from labmtj.runs.journal import read_journal

PROTOCOL = """title: Map three by three
format: 1
steps:
  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}
  - map:      {read: 50 mV}
  - report:
limits:
  cell_voltage: 600 mV
"""


def three_by_three(folder, name="simulated-15x15", **die):
    """A protocol and a bench of 3 x 3 cells; `name` is the shipped bench that it is made from."""
    data = dict(read(find("benches", name)).data)
    data["array"] = {"rows": 3, "cols": 3}
    data["lines"] = {"rows": {"1..3": "1..3"}, "cols": {"1..3": "16..18"}}
    data["simulation"] = {"die": {"diameter": "40 nm", "seed": 1000, **die}}
    (folder / "small.yaml").write_text(yaml12.dump(data), encoding="utf-8")
    (folder / "three.yaml").write_text(PROTOCOL, encoding="utf-8")
    return folder / "three.yaml", folder / "small.yaml"


@pytest.fixture
def small(tmp_path):
    """Makes a protocol and a bench of 3 x 3 cells."""
    return lambda *name, **die: three_by_three(tmp_path, *name, **die)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A job of 3 x 3 cells, and its runs on two dies."""
    return planned(*three_by_three(tmp_path_factory.mktemp("two")), dies=2)


def planned(protocol, bench, **options):
    job = load_protocol(protocol, bench=bench)
    return job, run_dies(job, workers=1, **options)


def command(arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["labmtj", *map(str, arguments)])
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # in this process: the pool is tested by itself
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code
    else:
        code = 0
    return code, capsys.readouterr()


def test_the_benchs_own_die_is_never_among_them(small):
    protocol, bench = small()
    assert [1001, 1002, 1003] == seeds(load_protocol(protocol, bench=bench), 3)


def test_a_plan_tells_what_the_run_on_that_die_takes(small, tmp_path):
    protocol, bench = small()
    _, (planned_run,) = planned(protocol, bench, dies=1, first=5)
    real = run(protocol, bench=bench, seed=5, out=tmp_path / "runs")
    assert planned_run.figures["bench_seconds"] == pytest.approx(real.figures["bench_seconds"])
    journal = (real.folder / "journal.jsonl").read_text(encoding="utf-8")
    assert planned_run.account is not None
    assert planned_run.account.pulses == journal.count('"k":"intent"')
    assert [step.name for step in planned_run.steps] == ["polarity", "map"]
    assert planned_run.account.pulses == sum(step.pulses for step in planned_run.steps)
    entries = list(read_journal(real.folder / "journal.jsonl"))
    mapped = next(entry["n"] for entry in entries if entry["k"] == "step" and entry["name"] == "map")
    asked = [[abs(e["v"]) for e in entries if "v" in e and (e["n"] > mapped) == later] for later in (False, True)]
    assert [step.volts for step in planned_run.steps] == [max(volts) for volts in asked]


def test_a_real_bench_is_planned_on_its_twin(small):
    protocol, bench = small("keithley")
    _, (found,) = planned(protocol, bench, dies=1)
    assert found.failure == ""
    assert found.account is not None


def test_dies_are_put_together_with_their_stress(two):
    job, runs = two
    found = outlook(job, runs)
    assert found.seeds == (1001, 1002)
    assert found.peak.shape == (3, 3)
    row, col = found.hottest.position
    assert found.peak[row, col] == found.peak.max() == max(run.account.peak.max() for run in runs)
    assert 0.25 < found.peak.min() < found.peak.max() < 0.6
    assert found.figures["pulses"].low <= found.figures["pulses"].median <= found.figures["pulses"].high
    assert 0 < found.relay_life.median < 1e-6
    assert ((), ()) == (found.refused, found.warnings)


def test_a_die_that_fails_is_a_warning_with_its_seed(small):
    job, runs = planned(*small(defects={"short": 0.0, "open": 0.65, "stuck": 0.0}, seed=1), dies=3, first=1010)
    assert {"PolarityNotFound", "BenchError", "LineFaulty"} >= {
        run.failure.partition(":")[0] for run in runs if run.failure
    }
    failed = [run.seed for run in runs if run.failure]
    assert failed
    found = outlook(job, runs)
    assert [f"die with seed {seed}:" for seed in failed] == [w[: w.index(":") + 1] for w in found.warnings]


@pytest.mark.slow
def test_a_pool_gives_the_same_as_one_process(two):
    job, alone = two
    pooled = run_dies(job, dies=2, workers=2)
    assert [run.figures for run in alone] == [run.figures for run in pooled]
    assert all(np.array_equal(a.account.peak, b.account.peak) for a, b in zip(alone, pooled, strict=True))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one processor dies run in the process of the plan")
def test_no_die_goes_on_after_the_plan_was_ended(small):
    protocol, bench = small()
    asked = [sys.executable, "-m", "labmtj", "plan", str(protocol), "--bench", str(bench), "--dies", "200", "--json"]
    plan = subprocess.Popen(asked, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60.0
    below: list[psutil.Process] = []
    while len(below) < 2 and time.monotonic() < until:
        time.sleep(0.05)
        below = psutil.Process(plan.pid).children(recursive=True)
    plan.terminate()
    assert plan.wait(30.0) == -signal.SIGTERM
    assert [] == psutil.wait_procs(below, timeout=30.0)[1]


def test_a_band_holds_nine_of_ten_further_dies():
    draw = np.random.default_rng(3)
    inside = []
    for _ in range(400):
        found = band(draw.normal(100.0, 5.0, 8).tolist())
        inside.append(found.low <= draw.normal(100.0, 5.0) <= found.high)
    assert 0.87 < np.mean(inside) < 0.95


def test_bands_of_few_or_equal_dies_are_what_they_are():
    assert band([7.0]) == Band(7.0, 7.0, 7.0)
    assert band([7.0, 7.0, 7.0]) == Band(7.0, 7.0, 7.0)
    assert band([0.0, 0.0, 3.0]).low == 0.0
    assert band([0.9, 1.0, 1.0], most=1.0).high == 1.0


def test_the_command_prints_one_json_object(small, monkeypatch, capsys):
    protocol, bench = small()
    code, output = command(["plan", protocol, "--bench", bench, "--dies", 2, "--json"], monkeypatch, capsys)
    assert code == 0
    found = json.loads(output.out)
    assert found["seeds"] == [1001, 1002]
    assert found["limits"]["cell_voltage"] == 0.6
    assert np.array(found["stress"]["peak_volt"]).shape == (3, 3)
    assert {"bench_seconds", "pulses", "relay_operations", "pulse_energy_joule", "expected_disturbs"} <= set(
        found["figures"]
    )


def test_the_command_prints_tables_and_a_map_and_writes_a_page(small, monkeypatch, capsys, tmp_path):
    protocol, bench = small()
    page = tmp_path / "plan.html"
    arguments = ["plan", protocol, "--bench", bench, "--dies", 1, "--out", page]
    code, output = command(arguments, monkeypatch, capsys)
    assert code == 0
    assert output.err == "plan  1 simulated die, 1 at a time\n1/1 dies done\n"
    for text in ("1 simulated die, seed 1001", "relay closures", "worst: cell (", "percent of 600 mV"):
        assert text in output.out
    assert "Largest voltage" in page.read_text(encoding="utf-8")


def test_what_cannot_work_is_refused_before_any_die_is_run(monkeypatch, capsys):
    arguments = ["plan", "wine", "--set", "die.diameter=100 nm", "--set", "die.wire=20 ohm", "--dies", "1000"]
    code, output = command(arguments, monkeypatch, capsys)
    assert code == 4
    assert "making up for 5 ohm a segment cannot work here: through 20 ohm a segment" in output.out
    assert "nothing was sent, and no die was run" in output.err


def test_check_says_no_problems_and_what_will_be_done(monkeypatch, capsys):
    code, output = command(["check", Path("protocols/wine.yaml")], monkeypatch, capsys)
    assert code == 0
    assert "protocols/wine.yaml: no problems" in output.out
    assert "steps: contact, polarity, map, program 1," in output.out


def test_check_counts_warnings_and_does_not_call_them_no_problems(monkeypatch, capsys):
    code, output = command(["check", "simulated-15x15", "--set", "limits.cell_voltage=7 V"], monkeypatch, capsys)
    assert code == 0
    assert "breaks all cells of such a die" in output.out
    assert "simulated-15x15.yaml: no errors, 1 warning\n" in output.out


def test_check_in_json_has_lines_and_columns(monkeypatch, capsys, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PROTOCOL.replace("ceiling: 600 mV", "ceiling: 0.6"), encoding="utf-8")
    code, output = command(["check", path, "--json"], monkeypatch, capsys)
    assert code == 3
    (finding,) = json.loads(output.out)["findings"]
    assert (finding["severity"], finding["line"], finding["column"]) == ("error", 4, 53)
    assert finding["path"] == "polarity.ceiling"


@pytest.mark.slow
def test_eight_dies_tell_what_sixteen_others_take():
    # reliability: within 10 % of time and pulses on average, and the band holds 85 %
    job = load_protocol("wine")
    plan = outlook(job, run_dies(job, dies=8, first=1))
    others = run_dies(job, dies=16, first=2000)
    for name, values in (
        ("bench_seconds", [die.figures["bench_seconds"] for die in others]),
        ("pulses", [die.account.pulses for die in others]),
    ):
        expected = plan.figures[name]
        errors = [abs(value - expected.median) / value for value in values]
        assert np.mean(errors) < 0.1
        assert np.mean([expected.low <= value <= expected.high for value in values]) >= 0.85
