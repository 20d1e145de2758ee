"""Studies of networks of neurons end to end: blocks, tables, page, and what goes on after a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import CannotResume, InputError, MissingFile
from labmtj.records import NeuronMap
from labmtj.runs import netcdf
from labmtj.runs.neuron_map import write_neuron_map
from labmtj.studies.carrying import Means
from labmtj.studies.neurons.block import run_trial
from labmtj.studies.neurons.engine import resume_neuron_study, run_neuron_study
from labmtj.studies.neurons.grid import trials
from labmtj.studies.neurons.load import load_neuron_study

BLOCKS = Path(__file__).parent / "blocks"
TEXT = """title: Three seeds
format: 1
neuron_network: {hidden: [8], epochs: 2, batch: 20}
variation: [0 %, 20 %]
seeds: 3
inference: {dies: 2}
training: {}
gradient: {variation: [20 %]}
curves: {neurons: 4}
transfer: {source_classes: [0, 1, 2], hidden: [8, 6]}
distillation: {teacher: {hidden: [12]}}
bounds: {software: 89 %, device: [{up_to: 5 %, loss: 0.1 %, upper: 0.2 %}, {up_to: 20 %, upper: 0.15 %}]}
"""
PATIENCE = 60.0


@pytest.fixture(scope="module")
def blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BLOCKS))
        import neuron_blocks

        yield neuron_blocks


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "three.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def whole(place, blocks, tmp_path_factory):
    return run_neuron_study(place, out=tmp_path_factory.mktemp("out"), means=Means(1, block=blocks.quick))


def content(folder):
    """All tables of a folder but the times."""
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.suffix in {".csv", ".h5"}
            and path.name != "times.csv"}  # fmt: skip


def test_every_seed_learns_in_every_part_under_every_condition(place):
    every = trials(load_neuron_study(place))
    counts: dict[tuple[str, str], int] = {}
    for trial in every:
        counts[trial.part, trial.role] = counts.get((trial.part, trial.role), 0) + 1
    conditions = 2 * 2 * 3
    assert counts == {
        ("curves", "tables"): 1, ("software", "network"): 3, ("inference", "device"): conditions,
        ("training", "device"): conditions, ("gradient", "device"): 2 * 2 * 3, ("curves", "device"): 2 * 3,
        ("transfer", "source"): 3, ("transfer", "twin"): 3, ("transfer", "device"): conditions,
        ("distillation", "teacher"): 3, ("distillation", "twin"): 3, ("distillation", "device"): conditions,
    }  # fmt: skip
    assert [trial.number for trial in every] == list(range(len(every)))
    assert len({trial.name for trial in every}) == len(every)


def test_the_measured_gradient_is_trained_once(place):
    kinds = {trial.gradient for trial in trials(load_neuron_study(place)) if trial.part == "gradient"}
    alone = trials(load_neuron_study(place, overrides=["training="]))
    assert kinds == {"derivative", "output"}
    assert {trial.gradient for trial in alone if trial.part == "gradient"} == {"measured", "derivative", "output"}


def test_the_summary_says_what_neurons_cost_and_whether_the_bounds_hold(whole):
    found = {
        (row["part"], row["variation"], row["calibration"]): row for row in whole.rows if row["part"] == "training"
    }
    assert found["training", 0.0, "none"]["holds"] == "yes"
    assert found["training", 0.2, "none"]["loss"] == pytest.approx(0.002 + 1e-5)
    assert found["training", 0.2, "none"]["holds"] == "no"
    assert found["training", 0.2, "neuron"]["holds"] == "yes"
    software = whole.rows[0]
    assert (software["part"], software["test"], software["worst"]) == ("software", pytest.approx(0.901), 0.9)


def test_the_folder_holds_what_it_takes_to_understand_it_later(whole):
    names = {path.name for path in whole.folder.iterdir()}
    assert names >= {"neuron-study.yaml", "bench.yaml", "neuron-study.json", "blocks", "networks", "neuron-study.h5",
                     "neuron-study.csv", "paired.csv", "history.csv", "curves.csv", "deviations.csv", "times.csv",
                     "report.html"}  # fmt: skip
    root = netcdf.read(whole.folder / "neuron-study.h5")[netcdf.ROOT]
    assert root.variables["loss"].meaning.startswith("accuracy of the twin less that of the device")
    assert root.attributes["network"] == "64-8-10; 8 neurons, one junction each"


def test_the_page_shows_every_part_and_needs_nothing_else(whole):
    page = (whole.folder / "report.html").read_text(encoding="utf-8")
    drawn = {path.stem for path in (whole.folder / "figures").iterdir()}
    losses = {f"{part}_{what}" for part in ("inference", "training", "transfer", "distillation")
              for what in ("accuracy", "loss")}  # fmt: skip
    assert drawn == losses | {"read_outs", "residuals", "different_neurons", "deviations", "history_accuracy",
                              "history_clipped", "gradients"}  # fmt: skip
    assert "asked for: 89 % or more, met" in page
    assert "<h2>What the measured gradient costs</h2>" in page
    assert "https://" not in page


def test_a_study_that_is_done_is_made_anew_to_the_same_bytes(whole, blocks):
    before = content(whole.folder)
    resume_neuron_study(whole.folder, means=Means(1, block=blocks.quick))
    assert before == content(whole.folder)


SCRIPT = """
import sys
sys.path.insert(0, {blocks!r})
from pathlib import Path
import neuron_blocks
from labmtj.studies.carrying import Means
from labmtj.studies.neurons.engine import run_neuron_study
run_neuron_study({file!r}, out=Path({out!r}), means=Means(1, block=neuron_blocks.waiting))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_study_goes_on_to_the_same_bytes(whole, place, blocks, tmp_path):
    out, script = tmp_path / "runs", tmp_path / "script.py"
    script.write_text(SCRIPT.format(blocks=str(BLOCKS), file=str(place), out=str(out)))
    environment = {**os.environ, "LABMTJ_TEST_GO": str(tmp_path / "go")}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as process:
        end = time.monotonic() + PATIENCE
        while not list(out.glob("*/blocks/0000-*.npz")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    (folder,) = out.iterdir()
    told = CliRunner().invoke(app, ["status", str(folder)]).stdout
    assert told.startswith(f"interrupted: 1 of {len(trials(load_neuron_study(place)))} blocks")
    resume_neuron_study(folder, means=Means(1, block=blocks.quick))
    assert content(folder) == content(whole.folder)


def test_what_cannot_be_had_is_said_and_exits_with_8(place, blocks, tmp_path, capsys):
    from labmtj.cli.neurons import tell

    found = run_neuron_study(place, settings=["report=false"], out=tmp_path, means=Means(1, block=blocks.failing))
    with pytest.raises(typer.Exit) as stop:
        tell(found, as_json=False)
    assert stop.value.exit_code == 8
    assert "leaves what its table holds" in capsys.readouterr().out
    assert {row["variation"] for row in found.rows} == {None, 0.0}


def test_json_is_one_object_with_a_row_a_condition(whole, capsys):
    from labmtj.cli.neurons import tell

    tell(whole, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [row["role"] for row in told["rows"][:4]] == ["network", "source", "twin", "teacher"]
    assert told["failed_blocks"] == 0
    assert {row["against"] for row in told["paired"]} == {"software", "measured"}


def test_what_was_changed_is_refused(whole, blocks, tmp_path):
    with pytest.raises(MissingFile, match="this is no study folder"):
        resume_neuron_study(tmp_path)
    file = whole.folder / "neuron-study.yaml"
    before = file.read_text()
    file.write_text(before.replace("Three", "Four"))
    with pytest.raises(CannotResume, match="it was changed since the study began"):
        resume_neuron_study(whole.folder, means=Means(1, block=blocks.quick))
    file.write_text(before)


def measured(path):
    """A map of four neurons, the third of which does not work."""
    critical = np.array([[1.0], [1.1], [np.nan], [0.9]]) * 1e-3
    current = np.repeat(np.linspace(-3e-3, 3e-3, 25)[None], 4, axis=0)
    x, z = np.tanh(current / critical) + 0.01, 1.0 / np.cosh(current / critical)
    good, one = np.isfinite(critical[:, 0]), np.ones(4)
    curves = {"current": current, "m_x": x, "m_z": z, "m_x_error": 0.01 * x, "m_z_error": 0.01 * z}
    each = dict.fromkeys(("offset", "asymmetry", "deviation_x", "deviation_z", "conductance_x"), 0.01 * one)
    each |= dict.fromkeys(("critical_error", "offset_error", "asymmetry_error", "conductance_z"), 1e-06 * one)
    each |= {"critical": critical[:, 0], "offset": 0.0 * one, "amplitude_x": 0.3 * one, "amplitude_z": 0.3 * one}
    write_neuron_map(path, NeuronMap(neurons=np.arange(1, 5), good=good, probe=0.02, name="four", **curves, **each))


def test_neurons_of_a_measured_map_are_as_they_were_measured(place, blocks, tmp_path):
    measured(tmp_path / "neurons.h5")
    settings = ["device.source=map", f"device.map={tmp_path / 'neurons.h5'}"]
    found = run_neuron_study(place, settings=settings, out=tmp_path, means=Means(1, block=blocks.quick))
    assert {row["variation"] for row in found.rows} == {None}
    assert set(found.found["deviations"]["neuron"].tolist()) == {1, 2, 4}
    own = found.found["deviations"]["calibration"] == "neuron"
    assert found.found["deviations"]["deviation_x"][own] == pytest.approx(0.01, abs=2e-3)
    assert "Neurons of the measured map are within 0.0" in (found.folder / "report.html").read_text(encoding="utf-8")


SMALL = ["data.train=200", "data.test=60", "neuron_network.epochs=2", "seeds=2", "variation=[20 %]", "inference.dies=1",
         "device.calibration=[neuron]", "report=false"]  # fmt: skip
FEW = [*SMALL, "gradient=", "distillation=", "transfer=", "curves="]


def test_digits_are_learnt_with_neurons_and_a_study_that_lost_blocks_comes_to_the_same(place, tmp_path):
    pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
    found = run_neuron_study(place, settings=FEW, out=tmp_path, means=Means(1, block=run_trial))
    assert [row["part"] for row in found.rows] == ["software", "inference", "training"]
    assert all(0.0 < float(row["test"]) <= 1.0 for row in found.rows)
    before = content(found.folder)
    lost = sorted((found.folder / "blocks").glob("*-seed1.npz"))
    for path in (*lost, found.folder / "networks" / "software-network-seed1.npz", *found.folder.glob("*.csv")):
        path.unlink()
    kept = {path.name: path.read_bytes() for path in (found.folder / "networks").glob("*seed0.npz")}
    resume_neuron_study(found.folder, means=Means(1, block=run_trial))
    assert content(found.folder) == before
    assert kept == {path.name: path.read_bytes() for path in (found.folder / "networks").glob("*seed0.npz")}
    assert len(lost) == 3


@pytest.mark.slow
def test_two_processes_come_to_the_same_as_one(place, tmp_path):
    pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
    one = run_neuron_study(place, settings=[*SMALL, "device.zero=edge"], out=tmp_path / "one", means=Means(1))
    two = run_neuron_study(place, settings=[*SMALL, "device.zero=edge"], out=tmp_path / "two", means=Means(2))
    assert content(one.folder) == content(two.folder)
    assert np.isfinite(one.found["history"]["loss"]).all()
    parts = {"software", "inference", "training", "gradient", "curves", "transfer", "distillation"}
    assert {row["part"] for row in one.rows} == parts
    assert one.found["deviations"]["deviation_x"].max() < 0.7


def test_without_jax_nothing_is_begun(place, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(InputError, match=r"pip install 'labmtj\[train\]'"):
        run_neuron_study(place, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
