"""The electrical steps: run as a protocol, written to run.h5 and the die map, drawn in the report; and the scripts."""

from __future__ import annotations

import runpy
from html import unescape
from pathlib import Path

import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import FileProblems, LimitExceeded
from labmtj.protocol.engine import run
from labmtj.protocol.load import load_protocol
from labmtj.protocol.progress import Progress
from labmtj.report.findings import sections
from labmtj.runs import netcdf, tables
from labmtj.runs.die_map import read_die_map, write_die_map
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

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
    """The default bench with a small array and a known resistor on it, as a file."""
    path = tmp_path_factory.mktemp("electrical") / "bench.yaml"
    path.write_text(load_bench("simulated-15x15", overrides=SMALL).source.effective_text(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def carried_out(small):
    """All steps of the protocol but the report, on the bare array: what is known after them, and the findings."""
    job = load_protocol("electrical", bench=small, overrides=FEW)
    journal = MemoryJournal()
    progress = Progress(None, None, TwinArray(job.bench, journal), journal)
    for step in job.protocol.steps:
        if step.kind != "report":
            ticks = []
            step.carry_out(progress, lambda done=1, ticks=ticks: ticks.append(done))
            assert step.kind == "map" or sum(ticks) == step.items(progress) or step.kind in {"polarity", "wires"}
    return progress, [entry for entry in journal.entries if entry["k"] == "finding"]


def test_every_step_finds_what_there_is(carried_out):
    progress, findings = carried_out
    named = {finding["name"]: finding["figures"] for finding in findings}
    assert ["offsets", "wires", "tmr", "iv", "classify", "classify", "reference"] == [f["name"] for f in findings]
    assert abs(named["wires"]["wire_ohm"] - 5.0) < 4 * named["wires"]["wire_error_ohm"]
    assert 0.35 < named["tmr"]["v_h_volt"] < 0.7
    assert (0, 1) == (named["tmr"]["moved_1"], named["iv"]["cells_1"])
    tried = [f["figures"]["tried_for_back_hopping_1"] for f in findings if f["name"] == "classify"]
    assert [1, 0] == tried
    assert (0, 0) == (named["reference"]["flipped_1"], named["reference"]["drifted_1"])
    assert named["reference"]["span_s"] > 600
    assert ["r10k", "(5, 5)"] == findings[-1]["columns"]["standard"]["values"]
    assert isinstance(progress.array, TwinArray)  # the watch is over
    die = progress.die_map
    assert die.wire == pytest.approx(max(named["wires"]["wire_ohm"], 0.0))
    assert die.v_h == pytest.approx(named["tmr"]["v_h_volt"])
    assert (5, 5) == die.traits.shape == die.state.shape


def test_every_finding_is_drawn(carried_out):
    texts = {
        "classify": "Noise",
        "iv": "Current against voltage",
        "offsets": "Offset voltages",
        "reference": "Drift of the references",
        "tmr": "TMR against voltage",
        "wires": "P resistance",
    }
    groups = {finding["name"]: tables.finding(finding) for finding in carried_out[1]}
    pages = dict(zip(groups, sections(groups), strict=True))
    assert set(texts) == set(pages)
    for name, page in pages.items():
        assert texts[name] in page
        assert str(groups[name].attributes["line"]) in unescape(page)


@pytest.mark.slow
def test_the_protocol_runs_on_instruments_and_leaves_run_h5_report_and_map(small, tmp_path, conforms):
    folder = run("electrical", bench=small, settings=FEW, out=tmp_path / "runs").folder
    conforms(folder)
    groups = netcdf.read(folder / "run.h5")
    assert {"offsets", "wires", "tmr", "iv", "classify", "classify2", "reference"} <= set(groups)
    assert (5,) == groups["offsets"].values("col_offset").shape
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (
        "Current against voltage",
        "TMR against voltage",
        "Offset voltages",
        "Drift of the references",
        "Leak",
    ):
        assert text in page
    die = read_die_map(folder / "die.h5")
    assert die.wire == pytest.approx(max(groups["wires"].attributes["wire_ohm"], 0.0))
    assert die.traits is not None


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
def test_a_script_runs(script, mapped, last, small, carried_out, tmp_path, monkeypatch, capsys):
    write_die_map(tmp_path / "die.h5", carried_out[0].die_map)
    fresh = tmp_path / "bench.yaml"  # PyVISA keeps one library a path
    fresh.write_text(small.read_text(encoding="utf-8"), encoding="utf-8")
    arguments = [] if script == "iv" else [str(tmp_path / "die.h5"), str(fresh)] if mapped else [str(fresh)]
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
