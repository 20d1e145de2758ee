"""The neuron_curves step on the twin: from the protocol to map, run.h5, report and figures, also after a stop."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.config.bench import load_bench
from labmtj.errors import CannotResume, FileProblems, LimitExceeded
from labmtj.neuron_dies import model_of_bench
from labmtj.physics.neuron_die import draw_neurons
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.protocol.plan import run_dies
from labmtj.protocol.progress import Progress
from labmtj.protocol.rebuild import rebuild
from labmtj.records import NeuronMap
from labmtj.runs import netcdf
from labmtj.runs.journal import MemoryJournal, encode, read_journal
from labmtj.runs.neuron_map import read_neuron_map
from labmtj.runs.status import read_status
from labmtj.twin.neuron_access import TwinNeurons

ROOT = Path(__file__).parents[2]
FEW = ("neuron_curves.neurons=[1, 2, 5]", "neuron_curves.points=16")
READINGS = 3 * 2 * 2 * 17


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbed."""
    return engine.run("neuron-curves", bench="neurons", settings=FEW, out=tmp_path_factory.mktemp("whole"))


def entries(folder):
    return list(read_journal(folder / "journal.jsonl"))


def test_a_run_leaves_map_store_report_and_figures(whole):
    folder, figures = whole.folder, whole.figures["neurons"]
    found = read_neuron_map(folder / "neurons.h5")
    assert ([1, 2, 5], (3, 16)) == (found.neurons.tolist(), found.current.shape)
    assert found.good.all()
    assert figures["critical_ampere"] == pytest.approx(np.median(found.critical))
    assert 0.3e-3 < figures["critical_ampere"] < 0.5e-3
    assert (3, 0, {}) == (figures["neurons_1"], figures["bad_1"], figures["bad"])
    assert (0.005, 1e-4) == (figures["current_limit_ampere"], figures["range_z_ampere"])
    assert 0.02 < max(figures["deviation_x_1"], figures["deviation_z_1"]) < 0.12
    groups = netcdf.read(folder / "run.h5")
    assert (READINGS,) == groups["neurons"].values("x").shape
    np.testing.assert_allclose(found.m_x, groups["neuron_curves"].values("m_x"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in ("Curves of neurons", "Device and fit", "Distance from tanh and sech", "Neurons that work"):
        assert text in page


def test_other_programs_open_its_files(whole, conforms):
    conforms(whole.folder)


def test_its_status_counts_readings_and_names_the_neuron(whole, tmp_path):
    assert READINGS == read_status(whole.folder).readings
    folder = tmp_path / "cut"
    shutil.copytree(whole.folder, folder)
    shorten(folder, number=90)
    assert "step 2 (neuron_curves), neuron 2, 2 of its 6 done" in read_status(folder).lines[0]


def test_the_map_can_be_made_anew_from_the_journal(whole, tmp_path):
    folder = tmp_path / "anew"
    shutil.copytree(whole.folder, folder)
    (folder / "neurons.h5").unlink()
    assert folder / "neurons.h5" in rebuild(folder)
    same(read_neuron_map(whole.folder / "neurons.h5"), read_neuron_map(folder / "neurons.h5"))


def same(one, other):
    for field in dataclasses.fields(NeuronMap):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def shorten(folder, *, number, kind="neuron"):
    """End the journal before the n-th entry of a kind, as if the process had died there."""
    path = folder / "journal.jsonl"
    lines, kinds = path.read_bytes().splitlines(keepends=True), [entry["k"] for entry in entries(folder)]
    place = [at for at, found in enumerate(kinds) if found == kind][number - 1]
    path.write_bytes(b"".join(lines[:place]))
    for name in ("neurons.h5", "run.h5", "report.html"):
        (folder / name).unlink(missing_ok=True)


def test_a_run_that_had_read_everything_comes_to_the_same_map(whole, tmp_path):
    folder = tmp_path / "read"
    shutil.copytree(whole.folder, folder)
    shorten(folder, number=1, kind="neuron_map")
    engine.resume(folder)
    same(read_neuron_map(whole.folder / "neurons.h5"), read_neuron_map(folder / "neurons.h5"))
    assert READINGS == sum(entry["k"] == "neuron" for entry in entries(folder))


def test_a_run_goes_on_with_the_neuron_where_it_stopped(whole, tmp_path):
    folder = tmp_path / "stopped"
    shutil.copytree(whole.folder, folder)
    shorten(folder, number=90)  # in the middle of a sweep of the second neuron
    before = (folder / "journal.jsonl").read_bytes()
    engine.resume(folder)
    assert (folder / "journal.jsonl").read_bytes().startswith(before)
    asked = [(e["neuron"], e["drive"], e["probe"]) for e in entries(folder) if e["k"] == "neuron"]
    assert [(e["neuron"], e["drive"], e["probe"]) for e in entries(whole.folder) if e["k"] == "neuron"] == asked
    one, other = (read_neuron_map(place / "neurons.h5") for place in (whole.folder, folder))
    np.testing.assert_array_equal(one.current[0], other.current[0])
    assert other.good.all()
    assert np.abs(one.m_x - other.m_x).max() < 0.03  # later readings have other noise
    assert one.critical == pytest.approx(other.critical, rel=0.03)


def test_a_journal_that_answers_other_questions_is_refused(whole, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(whole.folder, folder)
    shorten(folder, number=90)
    path = folder / "journal.jsonl"
    *lines, last = path.read_bytes().splitlines(keepends=True)
    entry = {name: value for name, value in json.loads(last).items() if name != "crc"}
    path.write_bytes(b"".join(lines) + encode({**entry, "drive": 0.123}))
    with pytest.raises(CannotResume, match=r"drive was 0\.123"):
        engine.resume(folder)


@pytest.mark.slow
def test_a_whole_die_on_the_instruments_is_recovered_within_errors(tmp_path):
    settings = ("simulation.neurons.defects={short: 0, open: 0}", "simulation.die.seed=23")
    folder = engine.run("neuron-curves", bench="neurons", settings=settings, out=tmp_path).folder
    found = read_neuron_map(folder / "neurons.h5")
    truth = draw_neurons(model_of_bench(load_bench("neurons", overrides=settings).bench))
    assert found.good.all()
    assert (16, 40) == found.m_x.shape
    # The device is not quite tanh, which moves all critical currents alike.
    unit = truth.gain / truth.model.critical
    assert np.median(found.critical * unit) == pytest.approx(1.0, abs=0.1)
    alike = found.critical * unit / np.median(found.critical * unit) - 1.0
    assert np.sum((alike / (found.critical_error * unit)) ** 2) < 2 * len(found)
    assert np.sum(((found.offset * unit + truth.offset) / (found.offset_error * unit)) ** 2) < 2 * len(found)
    assert max(found.deviation_x.max(), found.deviation_z.max()) < 0.1


@pytest.mark.slow
def test_a_plan_says_what_it_takes_on_other_dies():
    job = load_protocol("neuron-curves", bench="neurons", overrides=FEW)
    (run,) = run_dies(job, dies=1, workers=1)
    assert ("", ["contact", "neuron_curves"]) == (run.failure, [step.name for step in run.steps])
    assert run.steps[1].seconds > 10
    assert run.account.peak.max() == pytest.approx(0.24, abs=0.005)
    assert run.figures["neurons"]["neurons_1"] == 3


def test_bad_neurons_are_named(tmp_path):
    settings = ("simulation.neurons.defects={short: 20 %, open: 0}", "neuron_curves.points=16")
    job = load_protocol("neuron-curves", bench="neurons", overrides=settings)
    journal = MemoryJournal()
    neurons = TwinNeurons(job.bench, journal)
    step, ticks = job.protocol.steps[1], []
    progress = Progress(None, None, None, journal, neurons=neurons)
    line = step.carry_out(progress, lambda done=1: ticks.append(done))
    assert step.items(progress) == sum(ticks) == 32
    shorts = (1 + np.flatnonzero(neurons.electrics.truth.neurons.defect)).tolist()
    assert shorts
    assert shorts == progress.neuron_map.neurons[~progress.neuron_map.good].tolist()
    assert f"16 neurons, {len(shorts)} bad (" in line
    assert "critical_ampere" in progress.neuron_curves.figures


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("neuron_curves.neurons=[1, 17]", r"neuron 17 is not there; this bench has 16"),
        ("neuron_curves.neurons=[1, 1]", "a neuron stands twice"),
        ("neuron_curves.neurons=some", "'some' is no choice of neurons"),
        ("neuron_curves.points=41", "41 drives that go evenly from - to \\+ have 0 V among them"),
        ("neuron_curves.points=10", "10 must be at least 12"),
        ("neuron_curves.repeats=1", "1 must be at least 2"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(setting, text):
    with pytest.raises(FileProblems, match=text) as caught:
        load_protocol("neuron-curves", bench="neurons", overrides=[setting])
    assert re.search(r"neuron-curves\.yaml|--set", str(caught.value))


@pytest.mark.parametrize("field", ["largest", "negative", "probe"])
def test_a_voltage_above_a_limit_is_refused(field):
    with pytest.raises(LimitExceeded, match="above its limit 450 mV"):
        load_protocol("neuron-curves", bench="neurons", overrides=[f"neuron_curves.{field}=500 mV"])


def test_other_benches_have_no_neurons():
    with pytest.raises(FileProblems, match=r"neuron-curves\.yaml:\d+.*neuron_curves is for neurons"):
        load_protocol("neuron-curves", bench="simulated-15x15")


def test_the_command_prints_the_figures(whole, tmp_path):
    # Over the journal of a run that is through but for its end: nothing is measured again.
    folder = tmp_path / "ending"
    shutil.copytree(whole.folder, folder)
    shorten(folder, number=1, kind="summary")
    result = CliRunner().invoke(app, ["resume", str(folder), "--json"])
    assert 0 == result.exit_code, result.output
    assert whole.figures["neurons"] == json.loads(result.stdout)["neurons"]


def test_the_script_of_one_neuron_runs(tmp_path, monkeypatch, capsys):
    path = tmp_path / "bench.yaml"  # PyVISA keeps one library a path
    path.write_text(load_bench("neurons").source.effective_text(), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["neuron.py", str(path)])
    runpy.run_path(str(ROOT / "protocols/scripts/neuron.py"), run_name="__main__")
    first, *_, line, time = capsys.readouterr().out.splitlines()
    assert first.startswith("50 mV")
    assert "of sech" in line
    assert time.startswith("bench time")
