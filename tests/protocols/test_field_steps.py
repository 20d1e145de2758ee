"""The steps in a field: run as protocols, written to run.h5, drawn in the report; and the script."""

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

ROOT = Path(__file__).parents[2]
SMALL = (
    *("array.rows=4", "array.cols=4", "lines={rows: {1..4: 1..4}, cols: {1..4: 16..19}}"),
    *(f"simulation.die.defects.{kind}=0" for kind in ("short", "open", "stuck")),
)
FEW = ("steps.rh_loop.step=30 mT", "steps.rh_loop.cells=[[1, 2], [4, 3]]")


@pytest.fixture
def small(tmp_path):
    """The shipped bench with a magnet, with a small array."""
    path = tmp_path / "magnet.yaml"
    path.write_text(load_bench("magnet", overrides=SMALL).source.effective_text(), encoding="utf-8")
    return path


def test_the_shipped_protocol_measures_loops_and_sets_all_cells(small, tmp_path, conforms):
    outcome = run("rh-loop", bench=small, settings=FEW, out=tmp_path / "runs")
    conforms(outcome.folder)
    groups = netcdf.read(outcome.folder / "run.h5")
    loops, after = groups["rh_loop"], groups["initialise"]
    assert (1, 2, 15) == loops.values("up").shape
    assert np.allclose(loops.values("field"), np.linspace(-0.21, 0.21, 15))
    assert 2 == loops.attributes["switched"]
    assert 0.08 < loops.attributes["coercive_tesla"] < 0.18
    assert (loops.values("up")[0, :, -1] < 0.6 * loops.values("up")[0, :, 0]).all()
    assert 16 == after.attributes["reached"]
    assert 2 * 15 + 3 <= len(groups["fields"].values("field"))
    assert 0.0 == groups["fields"].values("field")[-1]
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "Resistance against field" in page
    assert "16 of 16 cells in P after +210 mT" in page


def test_a_field_leaves_no_layer_standing_and_tells_the_map_what_is_known(small, tmp_path):
    path = tmp_path / "mapped.yaml"
    path.write_text(
        "title: A map, then a field\nformat: 1\nsteps:\n"
        "  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}\n"
        "  - map: {read: 50 mV}\n"
        "  - initialise: {state: AP, field: 220 mT}\n"
    )
    outcome = run(path, bench=small, out=tmp_path / "runs")
    after = netcdf.read(outcome.folder / "run.h5")["initialise"]
    assert [1] * 16 == after.values("state").tolist()
    assert 16 == after.attributes["reached"]
    die = netcdf.read(outcome.folder / "die.h5")
    assert {1} == {int(state) for group in die.values() for state in np.ravel(group.values("state"))}


def test_a_bench_without_a_magnet_is_refused_with_the_place():
    with pytest.raises(FileProblems, match=r"rh-loop.yaml:\d+:\d+: rh_loop: this step needs a magnet"):
        load_protocol("rh-loop")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("steps.rh_loop.largest=221 mT", r"221 mT is above the magnet's limit 220 mT"),
        ("steps.initialise.field=1 T", r"1 T is above the magnet's limit 220 mT"),
        ("steps.rh_loop.cells=[[1, 16]]", "is not on the array"),
        ("steps.rh_loop.step=300 mT", "at least three fields"),
    ],
)
def test_what_the_magnet_or_the_array_does_not_have_is_refused(setting, text):
    with pytest.raises(FileProblems, match=text):
        load_protocol("rh-loop", bench="magnet", overrides=[setting])


def test_a_read_voltage_above_the_limit_is_refused():
    with pytest.raises(LimitExceeded):
        load_protocol("rh-loop", bench="magnet", overrides=["steps.rh_loop.read=800 mV"])


def test_the_script_prints_a_loop_of_one_cell(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["rh_loop.py"])
    runpy.run_path(str(ROOT / "protocols/scripts/rh_loop.py"), run_name="__main__")
    *steps, line, _ = capsys.readouterr().out.splitlines()
    assert 41 == len(steps)
    assert line.startswith("1 of 1 cells switched")
