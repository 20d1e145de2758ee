"""Mapping and writing as protocols: every algorithm, V/3, maps that open again and those of another die."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import BenchError, FileProblems, WrongDie
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped
from labmtj.ports import no_ticks
from labmtj.protocol.engine import run
from labmtj.protocol.kinds import ReportStep
from labmtj.protocol.load import load_protocol
from labmtj.protocol.progress import Progress
from labmtj.protocol.summary import summary
from labmtj.records import Defect
from labmtj.report.findings import sections
from labmtj.runs import netcdf
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

SCRIPTS = Path(__file__).parents[2] / "protocols" / "scripts"
SIZE = 5
SMALL = (
    f'lines.rows={{"1..{SIZE}": "1..{SIZE}"}}', f'lines.cols={{"1..{SIZE}": "16..{SIZE + 15}"}}',
    f"array.rows={SIZE}", f"array.cols={SIZE}",
    *(f'simulation.die.defects.{kind}="0 %"' for kind in ("short", "open", "stuck")),
)  # fmt: skip


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """The folder of a run of the shipped map protocol on a small die."""
    return run("map", settings=SMALL, seed=3, out=tmp_path_factory.mktemp("runs")).folder


def again(folder, mapped, *, seed, steps=""):
    """Another run that opens the map of the first."""
    text = f"title: Again\nformat: 1\nsteps:\n  - open_map: {{file: {mapped / 'die.h5'}}}\n{steps}"
    (folder / "again.yaml").write_text(text, encoding="utf-8")
    return run(folder / "again.yaml", settings=SMALL, seed=seed, out=folder / "runs").folder


def test_a_map_lies_in_the_run_folder_and_the_report_shows_what_was_ramped(mapped):
    assert (mapped / "die.h5").is_file()
    groups = netcdf.read(mapped / "run.h5")
    assert (SIZE, SIZE) == groups["ramps"].variables["v_switch_p"].values.shape
    assert "Switching voltage" in sections({"ramps": groups["ramps"]})[0]
    assert "Switching voltage" in (mapped / "report.html").read_text(encoding="utf-8")


def test_a_later_run_opens_the_map_of_the_same_die(tmp_path, mapped):
    folder = again(tmp_path, mapped, seed=3, steps="  - retention: {cells: 3, times: [1 s]}\n  - report:\n")
    assert 1 == list(netcdf.read(folder / "run.h5")["steps"].variables["name"].values).count("open_map")
    assert (folder / "die.h5").is_file()


def test_a_map_of_another_die_is_refused_before_a_pulse(tmp_path, mapped):
    with pytest.raises(WrongDie, match="is the map of another die") as caught:
        again(tmp_path, mapped, seed=4)
    assert 3 == caught.value.exit_code
    (folder,) = (tmp_path / "runs").iterdir()
    assert '"k":"intent"' not in (folder / "journal.jsonl").read_text(encoding="utf-8")


def test_a_map_that_is_not_there_is_an_error_in_the_protocol(tmp_path, mapped):
    with pytest.raises(FileProblems, match=r"again\.yaml:4:22: open_map\.file: there is no file"):
        again(tmp_path, mapped / "nowhere", seed=3)


@pytest.fixture(scope="module")
def ways():
    """The shipped protocol of all write algorithms, at the array door: progress, and the line of every step."""
    loaded = load_protocol("ways-to-write", seed=11)
    journal = MemoryJournal()
    progress = Progress(shipped("wine/17"), wine(), TwinArray(loaded.bench, journal), journal)
    lines = [
        (step, step.carry_out(progress, no_ticks)) for step in loaded.protocol.steps if not isinstance(step, ReportStep)
    ]
    return progress, lines


def test_all_algorithms_write_their_layer(ways):
    progress, lines = ways
    by_algorithm = {step.algorithm.value: line for step, line in lines if step.kind == "program"}
    assert ["one_shot", "verify_first", "ispp", "width_modulated", "model"] == list(by_algorithm)
    entries = [entry for entry in progress.journal.entries if entry["k"] == "program"]
    for entry in entries[1:]:  # one shot may miss
        good = np.array(entry["defect"]) == Defect.NONE
        assert ((np.array(entry["state"]) == np.array(entry["target"])) | ~good).all()
    assert 1.0 == summary(progress, bench_seconds=0.0)["write_fidelity_good"]


def test_what_the_runs_knows_of_the_states_is_what_they_are(ways):
    progress, _ = ways
    known = progress.known_map.state
    true = progress.array.electrics.state.state
    layer = progress.copies[1]
    at = np.ix_(np.array(layer.placement.rows) - 1, np.array(layer.placement.cols) - 1)
    seen = known[at] != -1
    assert (known[at] == true[at])[seen].all()
    assert seen.sum() > 150


@pytest.mark.slow
def test_a_bench_with_a_source_on_every_row_writes_at_a_third(tmp_path):
    outcome = run("third", bench="parallel", out=tmp_path)
    assert 1.0 == outcome.figures["write_fidelity_good"]
    pulses = netcdf.read(outcome.folder / "run.h5")["pulses"].variables
    schemes = set(pulses["scheme"].values[pulses["step"].values == 4])
    assert {"v_third"} == schemes


def test_v_third_needs_sources_that_the_default_bench_has_not():
    with pytest.raises(FileProblems, match=r"third\.yaml:\d+:\d+: program\.scheme: v_third needs three sources"):
        load_protocol("third")


@pytest.mark.parametrize("policy", ["remap", *(pytest.param(p, marks=pytest.mark.slow) for p in ("mark", "stop"))])
def test_cells_that_cannot_be_written_are_marked_moved_or_end_the_run(policy):
    loaded = load_protocol("ways-to-write", seed=11, overrides=[f"program.unwritable={policy}"])
    journal = MemoryJournal()
    array = TwinArray(loaded.bench, journal)
    progress = Progress(shipped("wine/17"), wine(), array, journal)
    steps = [step for step in loaded.protocol.steps if step.kind in ("polarity", "map")]
    program = next(step for step in loaded.protocol.steps if step.kind == "program" and step.layer == 2)
    for step in steps:
        step.carry_out(progress, no_ticks)
    frozen = np.zeros((15, 15), dtype=bool)
    frozen[2, 0] = True  # this one stays as it is from now on
    wanted = progress.known_network.layers[1].states[2, 0]
    assert Defect.NONE == progress.known_map.defect[2, 0]
    if array.electrics.state.state[2, 0] == wanted:
        array.electrics._flip((2, 0))
    array.electrics._stays |= frozen
    if policy == "stop":
        with pytest.raises(BenchError, match=r"layer 2: cells \(3, 1\) cannot be written"):
            program.carry_out(progress, no_ticks)
        return
    line = program.carry_out(progress, no_ticks)
    figures = summary(progress, bench_seconds=0.0)
    if policy == "mark":
        assert figures["write_errors"]["missed"] == 1
        assert "moved" not in line
    else:
        assert figures["write_fidelity"] == 1.0
        assert "moved 1 times" in line
        assert Defect.STUCK == progress.known_map.defect[2, 0]


@pytest.mark.parametrize(("script", "last"), [("map_die", "the same die: True"), ("write_pattern", "s of bench time")])
def test_a_script_runs(script, last, monkeypatch, capsys):
    path = SCRIPTS / f"{script}.py"
    monkeypatch.setattr("sys.argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert last in capsys.readouterr().out.splitlines()[-1]
