"""Studies end to end: the same table whoever computes it, blocks that fail, what is printed and what opens it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import Busy, CannotResume, LabmtjError, MissingFile
from labmtj.runs.claim import claimed
from labmtj.runs.netcdf import ROOT, read
from labmtj.studies.engine import Means, resume_study, run_study
from labmtj.studies.progress import read_progress

SMALL = ["networks.count=3", "diameters=[40 nm]", "wires=[1 ohm, 5 ohm]", "dies=2", "compare=", "report=false"]
TABLES = ("study.h5", "study.csv", "ageing.csv")


@pytest.fixture(scope="module")
def blocks():
    """The module of cheap blocks, where workers find it, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "blocks"))
        import study_blocks

        yield study_blocks


@pytest.fixture(scope="module")
def whole(blocks, tmp_path_factory):
    """A study that nobody disturbed, in one process."""
    out = tmp_path_factory.mktemp("whole")
    return run_study("goodwill", settings=SMALL, out=out, means=Means(workers=1, block=blocks.quick))


def content(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


def test_one_row_a_copy_in_one_order(whole):
    with (whole.folder / "study.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    keys = [(float(r["diameter_nm"]), float(r["r_wire_ohm"]), int(r["die"]), int(r["network"])) for r in rows]
    assert keys == [(40.0, wire, die, network) for wire in (1.0, 5.0) for die in (40000, 40001) for network in range(3)]
    first = ["diameter_nm", "r_wire_ohm", "die", "place", "network", "pulses", "train_software", "train_untuned"]
    assert list(rows[0])[:8] == first
    assert list(rows[0])[-1] == "m_slope"
    assert {row["place"] for row in rows} == {"optimise"}


def test_two_workers_give_the_same_bytes_as_one(whole, blocks, tmp_path):
    found = run_study("goodwill", settings=SMALL, out=tmp_path, means=Means(workers=2, block=blocks.quick))
    assert found.workers == 2
    assert content(found.folder) == content(whole.folder)


def test_the_table_opens_in_xarray_with_units_and_provenance(whole):
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(whole.folder / "study.h5", engine="h5netcdf") as table:
        assert dict(table.sizes) == {"copy": 12}
        assert table["diameter_nm"].attrs["units"] == "nm"
        assert table["train_software"].attrs["long_name"] == "accuracy on the training samples, software"
        assert table["all_best"].values.tolist() == [0.178] * 12
        assert table.attrs["seeds of dies"].tolist() == [40000, 40001]
        assert "numpy" in table.attrs
        assert table.attrs["study.yaml"].startswith("# ")
    with xarray.open_dataset(whole.folder / "study.h5", group="ageing", engine="h5netcdf") as table:
        assert list(table.data_vars) == ["diameter_nm", "r_wire_ohm", "die", "place", "after"]


def test_the_table_opens_in_pandas(whole):
    pandas = pytest.importorskip("pandas", reason="pip install pandas")
    table = pandas.read_csv(whole.folder / "study.csv")
    assert table.groupby(["diameter_nm", "r_wire_ohm"]).size().tolist() == [6, 6]
    assert table["m_slope"].dtype == np.float64


@pytest.mark.slow
def test_a_report_with_its_figures(blocks, tmp_path):
    settings = [*SMALL[:-1], "diameters=[40 nm]", "dies=1"]
    folder = run_study("goodwill", settings=settings, out=tmp_path, means=Means(1, block=blocks.quick)).folder
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
    figures = {path.suffix for path in (folder / "figures").iterdir()}
    assert figures == {".svg", ".csv"}


def test_times_stand_apart_from_the_table(whole):
    with (whole.folder / "times.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert next(row["block"] for row in rows) == "0000-copies-40nm-1ohm-die40000-optimise"
    assert all(float(row["processor_seconds"]) >= 0.0 for row in rows)


def test_a_study_that_is_done_makes_its_tables_anew(whole):
    before = content(whole.folder)
    (whole.folder / "study.h5").unlink()
    assert read_progress(whole.folder).state == "interrupted"
    resume_study(whole.folder, means=Means(workers=1))
    assert content(whole.folder) == before
    assert read_progress(whole.folder).lines[0] == "done: 4 of 4 blocks are done"


def test_a_die_without_a_map_has_empty_rows_and_a_bug_loses_no_study(blocks, tmp_path):
    settings = [*SMALL, "dies=3"]
    with pytest.raises(LabmtjError) as error:
        run_study("goodwill", settings=settings, out=tmp_path, means=Means(workers=1, block=blocks.failing))
    assert "2 blocks could not be computed" in str(error.value)
    assert "copies of 40 nm with wires of 1 ohm, die 40001, optimise: ZeroDivisionError: a bug" in str(error.value)
    (folder,) = tmp_path.iterdir()
    assert "study_blocks.py" in (folder / "errors.txt").read_text(encoding="utf-8")
    found = resume_study(folder, means=Means(workers=1, block=blocks.quick))
    assert found.failures == 2
    table = found.found["copies"]
    assert np.isnan(table["train_best"][:3]).all()
    assert table["pulses"][:4].tolist() == [-1, -1, -1, 0]
    assert found.found["failures"]["reason"].tolist() == ["InputError: this die has no map"] * 2
    assert not (folder / "errors.txt").exists()


@pytest.mark.slow
def test_a_worker_that_dies_takes_only_its_block_with_it(blocks, tmp_path):
    with pytest.raises(LabmtjError, match="exit code 9"):
        run_study("goodwill", settings=SMALL, out=tmp_path, means=Means(workers=2, block=blocks.dying))
    (folder,) = tmp_path.iterdir()
    assert read_progress(folder).done == 3


def test_what_belongs_to_another_study_is_refused(whole, blocks, tmp_path):
    means = Means(workers=1, block=blocks.quick)
    other = run_study("goodwill", settings=[*SMALL, "seed=7"], out=tmp_path, means=means).folder
    name = "0000-copies-40nm-1ohm-die40007-optimise.npz"
    kept = (other / "blocks" / name).read_bytes()
    (other / "blocks" / name).write_bytes(
        (whole.folder / "blocks/0000-copies-40nm-1ohm-die40000-optimise.npz").read_bytes()
    )
    with pytest.raises(CannotResume, match="computed from another study"):
        resume_study(other, means=means)
    (other / "blocks" / name).write_bytes(kept[:-30])
    with pytest.raises(CannotResume, match="this block cannot be read"):
        resume_study(other, means=means)
    (other / "blocks" / name).unlink()
    resume_study(other, means=means)
    text = (other / "study.yaml").read_text(encoding="utf-8")
    (other / "study.yaml").write_text(text.replace("seed: 7", "seed: 8"), encoding="utf-8")
    with pytest.raises(CannotResume, match="it was changed since the study began"):
        resume_study(other, means=means)


def test_two_processes_do_not_work_in_one_folder(whole):
    with claimed(whole.folder), pytest.raises(Busy):
        resume_study(whole.folder)


def test_a_folder_that_is_no_study(tmp_path):
    with pytest.raises(MissingFile, match="this is no study folder"):
        resume_study(tmp_path)


def test_json_is_one_object_with_a_row_a_diameter_and_wire(whole):
    found = CliRunner().invoke(app, ["study", "--resume", str(whole.folder), "--json", "--workers", "1"])
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert {"rows", "study", "seconds", "workers"} <= set(told)
    assert [(row["diameter_nm"], row["r_wire_ohm"]) for row in told["rows"]] == [(40.0, 1.0), (40.0, 5.0)]
    row = told["rows"][0]
    kinds = ("software", "software_scale", "untuned", "scale", "best")
    figures = {f"{part}_{kind}_{of}" for part in ("train", "test") for kind in kinds for of in ("mean", "median", "p5")}
    assert {"networks", "dies", "write_fidelity_median"} | figures <= set(row)
    assert (row["networks"], row["dies"], row["train_scale_mean"]) == (3, 2, None)
    values = whole.found["copies"]["train_best"][:6]
    assert row["train_best_mean"] == pytest.approx(values.mean())
    assert row["train_best_p5"] == pytest.approx(np.percentile(values, 5))


def test_a_table_for_people(whole):
    found = CliRunner().invoke(app, ["resume", str(whole.folder), "--quiet"])
    assert found.exit_code == 0
    assert "40 nm  5 ohm       6" in found.stdout
    assert f"study  {whole.folder}" in found.stdout
    assert CliRunner().invoke(app, ["status", str(whole.folder)]).stdout.startswith("done: 4 of 4 blocks")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "goodwill"], 3, "labmtj study"),
        (["plan", "goodwill"], 3, "labmtj study"),
        (["study", "wine"], 3, "labmtj run"),
        (["study", "keysight"], 3, "there is no such protocol file"),
        (["study"], 2, "give a study file, or --resume FOLDER"),
        (["check", "goodwill", "--set", "dies=0"], 3, "dies: 0 must be at least 1"),
        (["check", "goodwill"], 0, "31500 copies"),
    ],
)
def test_each_command_knows_its_files(arguments, code, says, monkeypatch, tmp_path, capsys):
    from labmtj import cli

    monkeypatch.setattr("sys.argv", ["labmtj", *arguments])
    monkeypatch.setenv("LABMTJ_RUNS", str(tmp_path))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert (stop.value.code or 0) == code
    told = capsys.readouterr()
    assert says in told.out + told.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_what_it_takes_to_understand_it_later(whole):
    assert {path.name for path in whole.folder.iterdir()} >= {
        "study.yaml", "bench.yaml", "study.json", "blocks", "study.h5", "study.csv", "ageing.csv", "times.csv"
    }  # fmt: skip
    root = read(whole.folder / "study.h5")[ROOT].attributes
    header = json.loads((whole.folder / "study.json").read_text(encoding="utf-8"))
    assert root["sha256 of bench.yaml"] == header["provenance"]["sha256 of bench.yaml"]
