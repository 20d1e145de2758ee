"""Training studies end to end on training that takes no time: fits, tables, page, and what goes on after a stop."""

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
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.config import yaml12
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.errors import Busy, CannotResume, FileProblems, MissingFile
from labmtj.nets.chips.files import read_network
from labmtj.runs import netcdf
from labmtj.runs.claim import claimed
from labmtj.studies.training.engine import Means, Unseen, resume_training, run_training
from labmtj.studies.training.fits import fits
from labmtj.studies.training.load import load_training
from labmtj.studies.training.page import write_page

BLOCKS = Path(__file__).parent / "blocks"
TEXT = """title: Three dies
format: 1
bench: bench.yaml
dies: {count: 3}
shorts: [1, 3]
train: {epochs: 6}
methods:
  baseline: {}
  hardware_aware: {shorts: [1], masks: [none]}
  statistics_aware: {}
  tuned: {epochs: 2}
compare: {surface: {points: 5}}
"""
QUIET = ["report=false"]
PATIENCE = 60.0


@pytest.fixture(scope="module")
def ways():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BLOCKS))
        import training_ways

        yield training_ways.quick


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A training file beside a bench with a chip of four kernels of 5 x 5 cells."""
    folder = tmp_path_factory.mktemp("files")
    data = dict(read(find("benches", "simulated-15x15")).data)
    data["array"] = {**data["array"], "kernels": 4}
    data["gates"] = {"port": "smu", "read": "750 mV", "write": "1.6 V"}
    (folder / "bench.yaml").write_text(yaml12.dump(data), encoding="utf-8")
    (folder / "mine.yaml").write_text(TEXT, encoding="utf-8")
    return folder / "mine.yaml"


@pytest.fixture(scope="module")
def whole(place, ways, tmp_path_factory):
    """A training that nobody disturbed."""
    return run_training(place, out=tmp_path_factory.mktemp("whole"), means=Means(ways=ways), settings=QUIET)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".h5", ".csv"} and
            path.name != "times.csv"}  # fmt: skip


def test_one_fit_a_method_rate_and_mask(place):
    found = fits(load_training(place), dies=3)
    assert [fit.name for fit in found] == [
        "00-baseline-seed0",
        "01-hardware_aware-1x-seed0",
        "02-statistics_aware-1x-seed0",
        "03-statistics_aware-1x-mask_defects-seed0",
        "04-statistics_aware-3x-seed0",
        "05-statistics_aware-3x-mask_defects-seed0",
        "06-tuned-1x-seed0",
        "07-tuned-1x-mask_defects-seed0",
        "08-tuned-3x-seed0",
        "09-tuned-3x-mask_defects-seed0",
    ]
    assert [fit.networks for fit in found] == [1, 3, 1, 1, 1, 1, 3, 3, 3, 3]
    assert [fit.after for fit in found[6:]] == [2, 3, 4, 5]


def test_every_network_is_judged_on_every_die_it_is_meant_for(whole):
    table = whole.found["accuracy"]
    counts = {name: int((table["method"] == name).sum()) for name in dict.fromkeys(table["method"].tolist())}
    assert counts == {"baseline": 3 * 2 * 2, "hardware_aware": 3, "statistics_aware": 3 * 2 * 4, "tuned": 3 * 4}
    assert len(whole.found["matrix"]["die"]) == 9
    here = (table["method"] == "baseline") & (table["shorts"] == 3.0) & (table["mask"] == "none")
    assert np.diff(table["accuracy"][here]) == pytest.approx([-0.03, -0.03])
    assert table["gap"][here] == pytest.approx([-0.03, -0.06, -0.09])


def test_the_best_epoch_counts_and_a_fit_ends_when_it_gets_no_better(whole):
    history = whole.found["history"]
    epochs = {
        name: history["epoch"][(history["method"] == name) & (history["mask"] == "none")].max()
        for name in ("baseline", "statistics_aware", "tuned")
    }
    assert epochs == {"baseline": 6, "statistics_aware": 6, "tuned": 2}
    table = whole.found["accuracy"]
    assert table["software"][table["method"] == "baseline"] == pytest.approx(0.54)


def test_methods_are_compared_die_by_die(whole):
    paired = whole.found["paired"]
    row = (paired["method"] == "baseline") & (paired["other"] == "software") & (paired["mask"] == "none")
    assert paired["difference"][row] == pytest.approx([-0.02, -0.06])
    assert (paired["low"] <= paired["difference"]).all()
    assert (paired["difference"] <= paired["high"]).all()
    assert ("tuned", "statistics_aware", 3.0) in zip(paired["method"], paired["other"], paired["shorts"], strict=True)


def test_the_folder_holds_what_it_takes_to_understand_it_later(whole):
    names = {path.name for path in whole.folder.iterdir()}
    assert names >= {"training.yaml", "bench.yaml", "training.json", "fits", "judged", "networks", "train.h5",
                     "train.csv", "matrix.csv", "surface.csv", "times.csv"}  # fmt: skip
    root = netcdf.read(whole.folder / "train.h5")[netcdf.ROOT]
    assert root.attributes["images"] == "none"
    assert root.variables["accuracy"].meaning == "accuracy on the test images"
    assert len(list((whole.folder / "networks").iterdir())) == 10


def test_the_page_has_a_box_plot_a_matrix_and_needs_nothing_else(whole, tmp_path):
    few = {name: {key: column[:12] for key, column in whole.found[name].items()} for name in ("accuracy", "currents")}
    found = {**whole.found, **few, "surface": {k: v[:25] for k, v in whole.found["surface"].items()}}
    facts = {**whole.facts, "training.yaml": "title: <b>"}
    path = write_page(tmp_path, found, times={}, rows=whole.rows, title="Three dies", facts=facts)
    page = path.read_text(encoding="utf-8")
    for name in ("accuracy_by_method", "matrix", "against_shorts", "surface", "flipped", "currents", "history"):
        assert any(path.stem.startswith(name) for path in (tmp_path / "figures").iterdir()), name
    assert "title: &lt;b&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_a_training_that_is_done_is_made_anew_to_the_same_bytes(whole, ways):
    before = content(whole.folder)
    resume_training(whole.folder, means=Means(ways=ways))
    assert before == content(whole.folder)


SCRIPT = """
import sys
sys.path.insert(0, {blocks!r})
from pathlib import Path
from labmtj.errors import LabmtjError
from labmtj.studies.training.engine import Means, run_training
import training_ways
try:
    run_training({file!r}, settings=["report=false"], out=Path({out!r}), means=Means(ways=training_ways.quick))
except LabmtjError as error:
    print(error, *error.__notes__, sep="\\n")
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_stopped_training_goes_on_to_the_same_bytes(number, code, whole, place, ways, tmp_path):
    out, go = tmp_path / "runs", tmp_path / "go"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(blocks=str(BLOCKS), file=str(place), out=str(out)))
    environment = {**os.environ, "LABMTJ_TEST_GO": str(go)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        end = time.monotonic() + PATIENCE
        while not list(out.glob("*/fits/01-*.npz")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        if number == signal.SIGINT:
            time.sleep(0.2)
            go.touch()
        said, _ = process.communicate(timeout=PATIENCE)
    (folder,) = out.iterdir()
    assert process.returncode == code
    assert (f"go on with: labmtj resume {folder}" in said) == (number != signal.SIGKILL)
    told = CliRunner().invoke(app, ["status", str(folder)]).stdout
    assert told.startswith("interrupted: 1 of 10 fits")
    resume_training(folder, means=Means(ways=ways))
    assert content(folder) == content(whole.folder)


def test_what_belongs_to_another_training_is_refused(whole, place, ways, tmp_path):
    means = Means(ways=ways)
    settings = ["train.epochs=2", "methods.tuned=", "methods.hardware_aware=", "shorts=[1]", "report=false"]
    other = run_training(place, settings=settings, out=tmp_path, means=means).folder
    name = "00-baseline-seed0.npz"
    (other / "fits" / name).write_bytes((whole.folder / "fits" / name).read_bytes())
    with pytest.raises(CannotResume, match="computed from another study"):
        resume_training(other, means=means)
    text = (other / "training.yaml").read_text(encoding="utf-8")
    (other / "training.yaml").write_text(text.replace("Three", "Four"), encoding="utf-8")
    with pytest.raises(CannotResume, match="it was changed since the study began"):
        resume_training(other, means=means)
    with claimed(other), pytest.raises(Busy):
        resume_training(other, means=means)
    with pytest.raises(MissingFile, match="this is no training folder"):
        resume_training(tmp_path, means=means)


def test_json_is_one_object_with_a_row_a_method_mask_and_rate(whole, capsys):
    from labmtj.cli.train import tell

    tell(whole, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert len(told["rows"]) == 4 + 1 + 4 + 4
    row = told["rows"][0]
    assert (row["method"], row["mask"], row["shorts"], row["dies"]) == ("baseline", "none", 1.0, 3)
    assert row["mean"] == pytest.approx(0.52)
    assert row["worst"] == pytest.approx(0.51)
    tell(whole, as_json=False)
    assert "statistics_aware" in capsys.readouterr().out


DIGITS = ["dies.count=2", "dies.statistics_from=1", "network.side=4", "network.hidden=4", "train.epochs=2",
          "shorts=[3]", "compare.surface.points=3", "methods.tuned.epochs=1", "report=false"]  # fmt: skip


def test_digits_are_learnt_and_judged_with_the_real_methods(tmp_path):
    for package in ("jax", "optax"):
        pytest.importorskip(package, reason="pip install 'labmtj[train]'")
    settings = [*DIGITS, "methods.baseline=", "methods.hardware_aware=", "methods.tuned=", "masks=[defects]"]
    found = run_training("digits-statistics-aware", settings=settings, out=tmp_path)
    assert [row["method"] for row in found.rows] == ["statistics_aware"]
    assert all(0.0 < float(row["mean"]) <= 1.0 for row in found.rows)
    files = sorted(path.name for path in (found.folder / "networks").iterdir())
    assert files == ["00-statistics_aware-3x-mask_defects-seed0.npz"]
    assert read_network(found.folder / "networks" / files[-1]).network.side == 4
    assert found.found["defects"]["short"].min() > 0


@pytest.mark.slow
def test_an_epoch_that_was_lost_is_made_again_to_the_same_bytes(tmp_path):
    pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
    settings = [*DIGITS, "methods.hardware_aware.shorts=[3]", "train.epochs=4"]
    whole = run_training("digits-statistics-aware", settings=settings, out=tmp_path / "whole")

    class Stopping(Unseen):
        def advanced(self, fit, course):
            if (fit.method, course.epochs) == ("hardware_aware", 2):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training("digits-statistics-aware", settings=settings, out=tmp_path / "cut", means=Means(Stopping()))
    (folder,) = (tmp_path / "cut").iterdir()
    resume_training(folder)
    assert content(folder) == content(whole.folder)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("methods.tuned.shorts=[2]", "no network is judged at 2"),
        ("methods.statistics_aware=", "what is tuned are statistics-aware networks"),
        ("methods.statistics_aware.shorts=[1]", "there is no statistics-aware network to tune: shorts 3"),
        ("shorts=[1, 1, 3]", "1.0 stands twice"),
        ("masks=[wires]", "'wires' is not one of the choices"),
        ("data.name=mnist", "mnist does not come with labmtj"),
        ("network.side=100", "network.side: 100 must be at most 28"),
        ("bench=simulated-15x15", "has no such chip"),
        ("compare.surface.points=4", "4 is even"),
        ("methods.tuned.epoks=3", "did you mean methods.tuned.epochs?"),
        ("dies.files=[a.h5]", "none would be left to judge on"),
    ],
)
def test_an_error_says_what_does_not_go_together(override, says, place):
    with pytest.raises(FileProblems) as error:
        load_training(place, overrides=[override])
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "{file}"], 3, "labmtj train"),
        (["study", "{file}"], 3, "labmtj train"),
        (["train", "goodwill"], 3, "labmtj study"),
        (["train", "wine"], 3, "labmtj run"),
        (["train"], 2, "give a training file, or --resume FOLDER"),
        (["check", "{file}", "--set", "dies.count=0"], 3, "dies.count: 0 must be at least 1"),
    ],
)
def test_each_command_knows_its_files(arguments, code, says, place, monkeypatch, tmp_path, capsys):
    from labmtj import cli

    monkeypatch.setattr("sys.argv", ["labmtj", *(text.format(file=place) for text in arguments)])
    monkeypatch.setenv("LABMTJ_RUNS", str(tmp_path))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert (stop.value.code or 0) == code
    told = capsys.readouterr()
    assert says in told.out + told.err
    assert list(tmp_path.iterdir()) == []
