"""Studies of training on the array end to end: blocks, tables, page, and what goes on after a stop."""

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
from labmtj.errors import CannotResume, FileProblems, MissingFile
from labmtj.runs import netcdf
from labmtj.studies.in_situ.block import run_trial
from labmtj.studies.in_situ.engine import Means, resume_in_situ, run_in_situ
from labmtj.studies.in_situ.grid import trials
from labmtj.studies.in_situ.load import load_in_situ
from labmtj.studies.in_situ.page import write_page

BLOCKS = Path(__file__).parent / "blocks"
TEXT = """title: Two dies
format: 1
data: {name: wine, splits: 2}
dies: {count: 3, together: 2}
in_situ: {epochs: 3}
ablation: {without: [ideal, wires], splits: 1}
spread: {}
immunity: {dies: 1, splits: 1}
bad_dies: {shorts: [3], wires: [1]}
time: {lines: [15, 32]}
realised: {dies: 1}
"""
PATIENCE = 60.0


@pytest.fixture(scope="module")
def blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BLOCKS))
        import in_situ_blocks

        yield in_situ_blocks


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "two.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def whole(place, blocks, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return run_in_situ(place, settings=["report=false"], out=out, means=Means(1, block=blocks.quick))


def content(folder):
    """All tables of a folder but the times."""
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.suffix in {".csv", ".h5"}
            and path.name != "times.csv"}  # fmt: skip


def test_every_die_learns_on_every_split_in_every_part(place):
    every = trials(load_in_situ(place))
    copies: dict[str, int] = {}
    for trial in every:
        copies[trial.part] = copies.get(trial.part, 0) + trial.copies
    assert copies == {"comparison": 5 * 6, "ablation": 2 * 2 * 3, "spread": 2 * 6, "immunity": 8, "bad_dies": 3 * 6,
                      "time": 0, "realised": 0}  # fmt: skip
    assert [trial.number for trial in every] == list(range(len(every)))
    assert len({trial.name for trial in every}) == len(every)
    software = [trial for trial in every if trial.variant == "software_real"]
    assert [(trial.first, trial.last) for trial in software] == [(0, 3)]


def test_copies_of_a_die_and_split_are_compared_in_pairs(whole):
    paired = whole.found["paired"]
    keys = ("part", "condition", "variant", "other_condition", "other")
    found = dict(zip(zip(*(paired[name].tolist() for name in keys), strict=True), paired["difference"], strict=True))
    assert found["comparison", "default", "deterministic", "default", "software_real"] == pytest.approx(-0.02)
    assert found["spread", "2 x spread", "stochastic", "default", "stochastic"] == pytest.approx(-0.02)
    assert found["ablation", "no wires", "stochastic", "default", "stochastic"] == pytest.approx(0.0)
    several = paired["dies"] > 1
    assert (paired["low"] <= paired["difference"] + 1e-12)[several].all()
    assert (paired["difference"] <= paired["high"] + 1e-12)[several].all()
    assert np.isnan(paired["low"][~several]).all()


def test_a_course_is_the_mean_over_all_copies_of_all_blocks(whole):
    curves = whole.found["curves"]
    rows = (curves["part"] == "comparison") & (curves["variant"] == "stochastic")
    assert curves["copies"][rows].tolist() == [6, 6, 6]
    weighted = (4 * 0.0 + 2 * 2.0) / 6  # blocks begin at dies 0 and 2
    assert curves["train"][rows] == pytest.approx(0.3 * np.arange(1, 4) + weighted)


def test_the_folder_holds_what_it_takes_to_understand_it_later(whole):
    names = {path.name for path in whole.folder.iterdir()}
    assert names >= {"in-situ.yaml", "bench.yaml", "in-situ.json", "blocks", "in-situ.h5", "in-situ.csv", "curves.csv",
                     "paired.csv", "time.csv", "realised.csv", "times.csv"}  # fmt: skip
    root = netcdf.read(whole.folder / "in-situ.h5")[netcdf.ROOT]
    assert root.variables["disturbed"].meaning == "devices that flipped and were not asked to"
    assert root.variables["energy"].units == "J"
    assert root.attributes["network"].startswith("13-6-3: 156 and 36 devices")


def test_the_page_shows_every_part_and_needs_nothing_else(whole, tmp_path):
    times = {"block": np.array(["a"], object), "copies": np.ones(1), "seconds": np.ones(1),
             "processor_seconds": np.ones(1)}  # fmt: skip
    facts = {**whole.facts, "in-situ.yaml": "title: <b>"}
    path = write_page(tmp_path, whole.found, times=times, rows=whole.rows, title="Two dies", facts=facts)
    page = path.read_text(encoding="utf-8")
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn >= {"variants", "differences", "curves", "curves_by_pulses", "ablation_differences", "spread",
                     "immunity", "bad_dies", "time"}  # fmt: skip
    assert any(name.startswith("realised") for name in drawn)
    assert "title: &lt;b&gt;" in page
    assert "https://" not in page
    assert "-2.00" in page


def test_a_study_that_is_done_is_made_anew_to_the_same_bytes(whole, blocks):
    before = content(whole.folder)
    resume_in_situ(whole.folder, means=Means(1, block=blocks.quick))
    assert before == content(whole.folder)


SCRIPT = """
import sys
sys.path.insert(0, {blocks!r})
from pathlib import Path
import in_situ_blocks
from labmtj.studies.in_situ.block import run_trial
from labmtj.studies.in_situ.engine import Means, run_in_situ
run_in_situ({file!r}, settings=["report=false"], out=Path({out!r}), means=Means(1, block=in_situ_blocks.waiting))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_study_goes_on_to_the_same_bytes(whole, place, blocks, tmp_path):
    out = tmp_path / "runs"
    script = tmp_path / "script.py"
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
    assert told.startswith(f"interrupted: 1 of {len(trials(load_in_situ(place)))} blocks")
    resume_in_situ(folder, means=Means(1, block=blocks.quick))
    assert content(folder) == content(whole.folder)


def test_what_cannot_be_had_is_said_and_exits_with_8(place, blocks, tmp_path, capsys):
    import typer

    from labmtj.cli.in_situ import tell

    found = run_in_situ(place, settings=["report=false"], out=tmp_path, means=Means(1, block=blocks.failing))
    with pytest.raises(typer.Exit) as stop:
        tell(found, as_json=False)
    assert stop.value.exit_code == 8
    assert "too many shorts" in capsys.readouterr().out


def test_json_is_one_object_with_a_row_a_part_condition_and_variant(whole, capsys):
    from labmtj.cli.in_situ import tell

    tell(whole, as_json=True)
    told = json.loads(capsys.readouterr().out)
    row = told["rows"][0]
    assert (row["part"], row["condition"], row["variant"], row["copies"]) == ("comparison", "default", "stochastic", 6)
    assert row["test"] == pytest.approx(0.95105)
    assert {line["way"] for line in told["time"]} == {"parallel", "line by line"}
    assert told["failed_blocks"] == 0


SMALL = ["dies.count=2", "data.splits=1", "data.samples=8", "in_situ.epochs=1", "ablation=",
         "in_situ.judged=1", "spread=", "bad_dies=", "time=", "realised=", "report=false"]  # fmt: skip


@pytest.mark.slow
def test_a_block_of_the_study_learns_on_a_die(tmp_path):
    settings = [*SMALL, "dies.count=1", "data.samples=4", "comparison.variants=[transferred, software_real]"]
    found = run_in_situ("wine-in-situ-study", settings=settings, out=tmp_path, means=Means(1))
    assert [row["variant"] for row in found.rows] == ["software_real", "transferred"]
    assert found.rows[1]["writes"] > 0


@pytest.mark.slow
def test_wine_is_learnt_by_all_variants_on_dies_in_lockstep(tmp_path):
    found = run_in_situ("wine-in-situ-study", settings=SMALL, out=tmp_path, means=Means(1))
    assert [row["variant"] for row in found.rows[:5]] == [
        "stochastic", "deterministic", "software_real", "software_ternary", "transferred",
    ]  # fmt: skip
    assert all(0.0 < float(row["test"]) <= 1.0 for row in found.rows)
    stochastic, deterministic, real = found.rows[:3]
    assert stochastic["pulses"] > 0
    assert deterministic["writes"] > 0
    assert real["pulses"] is None


def test_a_parallel_update_takes_as_long_whatever_the_number_of_lines(place):
    job = load_in_situ(place, overrides=["time.lines=[6, 12]"])
    small, large = (run_trial(trial, setting=job)["time"] for trial in trials(job) if trial.part == "time")
    ratios = large["update_seconds"] / small["update_seconds"]
    assert dict(zip(small["way"], ratios, strict=True)) == pytest.approx(
        {"parallel": 1.0, "line by line": 2.0, "write-verify": 4.0}, rel=0.05
    )


@pytest.mark.slow
def test_pulses_of_a_calibrated_die_have_the_probability_that_was_asked(place):
    job = load_in_situ(place, overrides=["realised.widths=[100 us]"])
    (found,) = (run_trial(trial, setting=job)["realised"] for trial in trials(job) if trial.part == "realised")
    single = found["mode"] == "cell by cell"
    error = np.abs(found["realised"] / found["asked"] - 1.0)
    assert np.median(error[single]) < 0.10
    assert np.percentile(error[single], 90) < 0.30
    assert found["realised"][~single].sum() == pytest.approx(found["asked"][~single].sum(), rel=0.1)


@pytest.mark.slow
def test_digits_are_learnt_on_chips_and_a_second_process_finds_the_same(tmp_path):
    settings = ["dies.count=2", "data.splits=1", "data.samples=60", "in_situ.epochs=1", "in_situ.hidden=10",
                "immunity.sigmas=[0 %, 20 %]", "report=false"]  # fmt: skip
    one = run_in_situ("digits-in-situ-study", settings=settings, out=tmp_path / "one", means=Means(1))
    two = run_in_situ("digits-in-situ-study", settings=settings, out=tmp_path / "two", means=Means(2))
    assert content(one.folder) == content(two.folder)
    assert {row["part"] for row in one.rows} == {"comparison", "immunity"}


def test_what_was_changed_is_refused(whole, blocks, tmp_path):
    with pytest.raises(MissingFile, match="this is no study folder"):
        resume_in_situ(tmp_path)
    file = whole.folder / "in-situ.yaml"
    before = file.read_text()
    file.write_text(before.replace("Two", "Three"))
    with pytest.raises(CannotResume, match="it was changed since the study began"):
        resume_in_situ(whole.folder, means=Means(1, block=blocks.quick))
    file.write_text(before)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("in_situ.eta_end=0.5", "it must fall"),
        ("bad_dies.shorts=[1, 1]", "1.0 stands twice"),
        ("bad_dies.shorts=[500]", "of all cells"),
        ("realised.asked=[0]", "must lie between 0 and 1"),
        ("bench=keithley", "has real instruments"),
        ("in_situ.epoks=3", "did you mean in_situ.epochs?"),
        ("comparison.variants=[best]", "'best' is not one of the choices"),
    ],
)
def test_an_error_says_what_does_not_go_together(override, says, place):
    with pytest.raises(FileProblems) as error:
        load_in_situ(place, overrides=[override])
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "{file}"], 3, "labmtj study"),
        (["train", "{file}"], 3, "labmtj study"),
        (["check", "{file}"], 0, "a study of training on the array: 80 trainings"),
        (["check", "{file}", "--set", "in_situ.hidden=9"], 3, "does not fit an array of 15 x 15"),
        (
            ["check", "wine-in-situ-study", "--set", "in_situ.batch.size=8"],
            3,
            "on a passive array lines make outer products",
        ),
        (["check", "digits-in-situ-study"], 0, "network 64-112-10"),
        (["study", "{file}", "--set", "dies.count=0"], 3, "dies.count: 0 must be at least 1"),
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
