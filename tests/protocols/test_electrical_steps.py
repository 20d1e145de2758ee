"""The electrical steps: run as a protocol, written to run.h5 and the die map, drawn in the report; and the scripts."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import FileProblems, LimitExceeded
from labmtj.protocol.engine import run
from labmtj.protocol.load import load_protocol
from labmtj.runs import netcdf
from labmtj.runs.die_map import read_die_map

ROOT = Path(__file__).parents[2]
SMALL = (
    *("array.rows=5", "array.cols=5", "lines={rows: {1..5: 1..5}, cols: {1..5: 16..20}}"),
    *(f"simulation.die.defects.{kind}=0" for kind in ("short", "open", "stuck")),
    *("simulation.die.telegraph=0", "references={r10k: {row: 5, col: 1, resistance: 10 kohm}}"),
)
FEW = (
    *("steps.wires.repeats=5", "steps.tmr.cells=[[3, 3]]", "steps.tmr.step=100 mV", "steps.tmr.repeats=2"),
    *("steps.iv.cells=[[2, 2]]", "steps.iv.step=100 mV", "steps.reference.cells=[[5, 5]]"),
    *("steps.classify[1].cells=[[2, 4]]",),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The default bench with a small array and a known resistor on it, and the run of the protocol there."""
    folder = tmp_path_factory.mktemp("electrical")
    path = folder / "bench.yaml"
    path.write_text(load_bench("simulated-15x15", overrides=SMALL).source.effective_text(), encoding="utf-8")
    return path, run("electrical", bench=path, settings=FEW, out=folder / "runs").folder


def test_every_step_leaves_a_group_of_run_h5_and_a_section_of_the_report(small):
    groups = netcdf.read(small[1] / "run.h5")
    assert {"offsets", "wires", "tmr", "iv", "classify", "classify2", "reference"} <= set(groups)
    assert (5,) == groups["offsets"].values("col_offset").shape
    assert abs(groups["wires"].attributes["wire_ohm"] - 5.0) < 5 * groups["wires"].attributes["wire_error_ohm"]
    assert 0.35 < groups["tmr"].attributes["v_h_volt"] < 0.7
    assert 0 == groups["tmr"].attributes["moved_1"]
    assert 1 == groups["iv"].attributes["cells_1"]
    assert [1, 0] == [groups[name].attributes["tried_for_back_hopping_1"] for name in ("classify", "classify2")]
    reference = groups["reference"]
    assert ["r10k", "(5, 5)"] == reference.values("standard").tolist()
    assert 2 <= reference.attributes["looks_1"]
    assert reference.attributes["span_s"] > 600
    assert (0, 0) == (reference.attributes["flipped_1"], reference.attributes["drifted_1"])
    page = (small[1] / "report.html").read_text(encoding="utf-8")
    for text in (
        "Current against voltage",
        "TMR against voltage",
        "Offset voltages",
        "Drift of the references",
        "Leak",
    ):
        assert text in page
    assert "ohm a segment" in page


def test_what_was_found_is_in_the_die_map_and_opens_again(small):
    die = read_die_map(small[1] / "die.h5")
    groups = netcdf.read(small[1] / "run.h5")
    assert die.wire == pytest.approx(groups["wires"].attributes["wire_ohm"])
    assert die.v_h == pytest.approx(groups["tmr"].attributes["v_h_volt"])
    assert die.traits is not None
    assert die.state is not None
    assert (5, 5) == die.traits.shape
    assert {0, 1} >= set(np.unique(die.state[die.good]).tolist())


@pytest.mark.parametrize(
    ("script", "mapped", "last"),
    [
        ("iv", False, "I-V of 1 cells"),
        ("offsets", False, "sense paths"),
        ("wires", True, "ohm a segment"),
        ("tmr", True, "V_h"),
        ("classify", True, ""),
    ],
)
def test_a_script_runs(script, mapped, last, small, tmp_path, monkeypatch, capsys):
    bench, folder = small
    fresh = tmp_path / "bench.yaml"  # PyVISA keeps one library a path
    fresh.write_text(bench.read_text(encoding="utf-8"), encoding="utf-8")
    arguments = [] if script == "iv" else [str(folder / "die.h5"), str(fresh)] if mapped else [str(fresh)]
    monkeypatch.setattr("sys.argv", [script, *arguments])
    runpy.run_path(str(ROOT / f"protocols/scripts/{script}.py"), run_name="__main__")
    *_, line, time = capsys.readouterr().out.splitlines()
    assert last in line
    assert time.startswith("bench time")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("steps.iv.cells=[[1, 16]]", r"cell \(1, 16\) is not on the array"),
        ("steps.tmr.cells=[[17, 1]]", r"cell \(17, 1\) is not on the array"),
        ("steps.iv.step=250 mV", "steps of 200 mV at most"),
        ("steps.tmr.step=300 mV", "three levels at least"),
        ("steps.wires.repeats=1", "1 must be at least 5"),
        ('references={"far": {"row": 16, "col": 1, "resistance": "1 kohm"}}', r"\(16, 1\) is not on the array"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(setting, text):
    with pytest.raises(FileProblems, match=text):
        load_protocol("electrical", overrides=[setting])


@pytest.mark.parametrize("setting", ["steps.iv.largest=601 mV", "steps.tmr.largest=700 mV", "steps.offsets.read=1 V"])
def test_a_voltage_above_the_limit_is_refused_before_anything_is_opened(setting):
    with pytest.raises(LimitExceeded):
        load_protocol("electrical", overrides=[setting])


def test_a_reference_step_needs_something_to_read_and_drift_needs_a_reference(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("title: t\nformat: 1\nsteps:\n  - reference: {every: 1 min}\n", encoding="utf-8")
    with pytest.raises(FileProblems, match="nothing to read again"):
        load_protocol(path)
    path.write_text("title: t\nformat: 1\nsteps:\n  - drift:\n", encoding="utf-8")
    with pytest.raises(FileProblems, match="a reference step must come before"):
        load_protocol(path)
