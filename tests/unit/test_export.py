"""`labmtj export`: what it writes, and what it refuses to write over."""

import csv
import json
from datetime import UTC, datetime

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import InputError, MissingFile, StorageError
from labmtj.records import Cell, LinePulse, Pulse
from labmtj.runs.export.export import export
from labmtj.runs.journal import FileJournal
from labmtj.runs.netcdf import read
from labmtj.runs.store import build_store


def more(folder, *entries):
    """The run with further entries in its journal."""
    journal, _ = FileJournal.go_on(folder / "journal.jsonl")
    for entry in entries:
        if isinstance(entry, Pulse):
            journal.intent(entry)
        elif isinstance(entry, LinePulse):
            journal.intent_lines(entry)
        else:
            journal.record(*entry)
    journal.close()
    return folder


def test_a_table_is_rfc_4180_and_has_every_digit(make_run):
    made = export(make_run(), "csv")
    data = (made.path / "readings.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 3
    with (made.path / "readings.csv").open(newline="") as file:
        head, first, _ = csv.reader(file)
    assert "reading,step,row,col,time [s],time_utc,voltage [V],current [A],compliance" == ",".join(head)
    assert "3,1,1,1,0.75,2026-01-02T03:04:05.750000Z,0.05,5.5e-06,no" == ",".join(first)


def test_pandas_reads_the_tables_as_they_are(make_run):
    folder = make_run()
    made = export(folder, "csv")
    stored = read(build_store(folder))
    cells = pd.read_csv(made.path / "cells.csv").set_index(["row", "col"])
    np.testing.assert_array_equal(stored["cells"].values("r_p").ravel(), cells["r_p [ohm]"])
    assert "SHORT" == cells.loc[(2, 2), "defect"]
    layer = pd.read_csv(made.path / "layer1.csv")
    assert ["P", "AP", "AP", "P"] == layer.target.tolist()
    assert [1, 1, 3, 3] == layer.physical_row.tolist()


def test_run_json_says_what_the_run_was_made_of_and_what_columns_are(make_run):
    folder = make_run()
    made = export(folder, "csv")
    said = json.loads((made.path / "run.json").read_text())
    assert ("Three by three", "done", "abc123") == (said["title"], said["ended"], said["provenance"]["git"])
    assert 0.75 == said["summary"]["write_fidelity"]
    assert set(made.files) - {"run.json"} == {file["file"] for file in said["files"]}
    (readings,) = [file for file in said["files"] if file["file"] == "readings.csv"]
    current = next(column for column in readings["columns"] if column["name"] == "current [A]")
    assert ("A", "half the difference at + and - voltage") == (current["unit"], current["meaning"])
    assert made.path == folder / "csv"


def test_a_group_over_several_dimensions_is_a_table_for_each(make_run):
    files = export(make_run(), "csv").files
    assert {"products-by-product.csv", "products-by-product-row.csv"} <= set(files)
    assert {"cells.csv", "pulses.csv", "steps.csv", "tune.csv"} <= set(files)


def test_a_name_that_would_leave_the_folder_is_refused_and_nothing_is_left(make_run, tmp_path):
    column = {"dims": ["x"], "units": "V", "meaning": "m", "values": [1.0]}
    entry = {"name": "../../evil", "columns": {"y": column}, "figures": {}, "line": ""}
    folder = more(make_run(), ("finding", entry))
    with pytest.raises(StorageError, match="cannot be part of a file's name"):
        export(folder, "csv", out=tmp_path / "deep" / "out")
    assert [] == list((tmp_path / "deep").iterdir())


@pytest.mark.parametrize(("kind", "name"), [("csv", "csv"), ("netcdf", "run.nc"), ("arc2", "arc2.h5")])
def test_what_is_there_is_replaced_only_when_that_is_said(kind, name, make_run):
    folder = make_run()
    first = export(folder, kind)
    assert folder / name == first.path
    with pytest.raises(InputError, match="--force replaces it"):
        export(folder, kind)
    assert first == export(folder, kind, force=True)
    assert [] == [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_folder_with_other_things_is_never_replaced(make_run, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    folder = make_run()
    for kind in ("csv", "netcdf", "arc2"):
        with pytest.raises(InputError, match=r"not touched|is a folder"):
            export(folder, kind, out=tmp_path / "thesis", force=True)
    assert ["chapter.tex"] == [path.name for path in (tmp_path / "thesis").iterdir()]


def test_a_disk_that_takes_nothing_leaves_nothing_half(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    folder = make_run()
    for kind in ("csv", "netcdf", "arc2"):
        with pytest.raises(StorageError):
            export(folder, kind, out=tmp_path / "file" / "below")


def test_netcdf_has_times_of_the_calendar_and_texts(make_run):
    made = export(make_run(), "netcdf")
    with xr.open_dataset(made.path, engine="h5netcdf") as data:
        assert "CF-1.11" == data.attrs["Conventions"]
        begin = np.datetime64(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None), "ms")
        assert [begin + 750, begin + 1500] == data.readings_time.values.astype("datetime64[ms]").tolist()
        assert ["v_half"] == sorted(set(data.pulses_scheme.values.tolist()))
        assert 9800.0 == data.r_p.sel(row=3, col=3)
        assert {np.dtype("int32"), np.dtype("int8")} >= {v.dtype for v in data.values() if v.dtype.kind == "i"}
    with h5py.File(made.path) as file:
        assert [] == [name for name, item in file.items() if isinstance(item, h5py.Group)]
        assert 1 == file.attrs["_nc3_strict"]


def test_the_arc2_file_has_each_cells_history_and_the_last_reading(make_run):
    lines = LinePulse((1, 2), (0.2, 0.2), (3,), (-0.1,), 1e-6)
    folder = more(make_run(), Pulse(Cell(1, 1), 0.3, 1e-4, cols=(2,)), lines)
    made = export(folder, "arc2")
    assert made.notes == (
        "the run is not done (unfinished): this is what its journal holds so far",
        "not in it, for the format has no place for them: 1 products",
    )
    with h5py.File(made.path) as file:
        assert (0, 1, 32, 32) == tuple(
            file.attrs[n] for n in ("H5DS_VERSION_MAJOR", "H5DS_VERSION_MINOR", "words", "bits")
        )
        assert "2.1" == file.attrs["PYTABLES_FORMAT_VERSION"]
        assert {"crossbar", "crosspoints", "synthetics"} == set(file)
        table = file["crosspoints/W00B00/timeseries"]
        rows = table[: table.attrs["NROWS"]]
        assert [1, 2] == rows["op_type"].tolist()
        np.testing.assert_allclose(rows["current"], [5.5e-6, np.nan], rtol=1e-6)
        np.testing.assert_allclose(rows["voltage"], [0.05, 0.3], rtol=1e-6)
        np.testing.assert_allclose(rows["pulse_width"], [0.0, 1e-4], rtol=1e-6)
        assert ("<f4", "<u4") == (rows.dtype["voltage"].str, rows.dtype["op_type"].str)
        assert 1 == file["crosspoints/W00B01/timeseries"].attrs["NROWS"]
        last = file["crosspoints/W01B02/timeseries"]
        assert pytest.approx(0.3) == last[last.attrs["NROWS"] - 1]["voltage"]
        assert [] == list(file["crosspoints/W00B00/experiments"])
        assert (32, 32) == file["crossbar/current"].shape
        assert pytest.approx(5.5e-6) == file["crossbar/current"][0, 0]
        assert pytest.approx(0.05) == file["crossbar/voltage"][0, 0]


def test_a_current_in_compliance_is_none_of_the_cell(make_run):
    with h5py.File(export(make_run(), "arc2").path) as file:
        assert np.isnan(file["crosspoints/W00B02/timeseries"][:10]["current"]).any()
        assert 0.0 == file["crossbar/current"][2, 0]


def test_the_command_says_what_it_wrote(make_run):
    folder = make_run()
    found = CliRunner().invoke(app, ["export", str(folder), "--to", "csv", "--json"])
    said = json.loads(found.output)
    assert (0, "csv", str(folder / "csv")) == (found.exit_code, said["to"], said["path"])
    assert "readings.csv" in said["files"]
    again = CliRunner().invoke(app, ["export", str(folder), "--to", "csv"])
    assert isinstance(again.exception, InputError)
    with pytest.raises(MissingFile):
        export(folder / "nowhere", "csv")
