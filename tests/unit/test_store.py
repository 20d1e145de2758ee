import json

import h5py
import numpy as np
import pytest
import xarray as xr

from labmtj.errors import StorageError
from labmtj.runs.journal import FileJournal
from labmtj.runs.netcdf import ROOT, Group, Variable, read, write
from labmtj.runs.store import build_store

GROUPS = [ROOT, "cells", "inference", "layer1", "pulses", "products", "readings", "steps", "tune"]


def opened(path, group=ROOT):
    return xr.open_dataset(path, group=group, engine="h5netcdf").load()


def test_xarray_opens_every_group_of_a_run(make_run):
    path = build_store(make_run())
    assert sorted(GROUPS) == sorted(read(path))
    for group in GROUPS:
        with xr.open_dataset(path, group=group, engine="h5netcdf") as data:
            data.load()
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert set(GROUPS) - {ROOT} == set(tree.children)


def test_there_is_a_group_of_what_is_known_of_each_cell(make_run):
    data = opened(build_store(make_run()), "cells")
    assert {"row": 3, "col": 3} == dict(data.sizes)
    assert [1, 2, 3] == data.row.values.tolist()
    assert 9800.0 == data.r_p.sel(row=3, col=3)
    assert "ohm" == data.r_p.attrs["units"]
    assert np.isnan(data.r_ap.sel(row=2, col=2))
    assert 1 == data.defect.sel(row=2, col=2)
    assert "NONE SHORT OPEN STUCK" == data.defect.attrs["flag_meanings"]
    assert [[0, 0, 1], [0, 0, 0], [0, 0, 2]] == data.pulse_count.values.tolist()
    assert [[1, 0, 1], [0, 0, 0], [0, 0, 0]] == data.read_count.values.tolist()


def test_attributes_say_what_the_run_was_made_of(make_run):
    attributes = read(build_store(make_run()))[ROOT].attributes
    assert 1 == attributes["format"]
    assert "Three by three" == attributes["title"]
    assert "abc123" == attributes["provenance_git"]
    assert "00ff" == attributes["provenance_sha256_of_bench_yaml"]
    assert "title: Three by three\n" == attributes["protocol_yaml"]
    assert {"smu": "4400293"} == json.loads(attributes["instruments"])
    assert 0.75 == json.loads(attributes["summary"])["write_fidelity"]
    assert "done" == attributes["ended"]


def test_a_layer_has_targets_states_and_its_place_on_the_array(make_run):
    layer = opened(build_store(make_run()), "layer1")
    assert [1, 3] == layer.physical_row.values.tolist()
    assert [3, 1] == layer.physical_col.values.tolist()
    assert {"input", "device_column", "physical_row", "physical_col"} == set(layer.coords)
    assert [[0, 1], [1, 0]] == layer.target.values.tolist()
    assert [[0, 1], [-1, 0]] == layer.state.values.tolist()
    assert [[0, 1], [1, 1]] == layer.verified.values.tolist()
    assert 1.2e-4 == layer.conductance.sel(input=2, device_column=2)
    assert np.isnan(layer.conductance.sel(input=2, device_column=1))
    assert "S" == layer.conductance.attrs["units"]
    assert [[1, 0], [2, 0]] == layer.pulses.values.tolist()
    assert (2, 0.31, 0.43) == tuple(layer.attrs[name] for name in ("repaired", "ap_to_p_volt", "p_to_ap_volt"))


def test_a_layer_that_is_written_again_loses_its_older_verify(make_run):
    folder = make_run()
    journal = folder / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    program = next(entry for entry in entries if entry["k"] == "program")
    journal.rename(folder / "old")
    again = FileJournal(journal)
    for entry in [*entries, program]:
        again.record(entry["k"], {name: value for name, value in entry.items() if name not in ("crc", "n", "k")})
    again.close()
    assert "verified" not in opened(build_store(folder), "layer1")


def test_readings_are_a_table_with_the_entries_they_stand_for(make_run):
    table = opened(build_store(make_run()), "readings")
    assert [3, 9] == table.reading.values.tolist()
    assert [1, 2] == table.step.values.tolist()
    assert [[1, 1], [1, 3]] == np.stack([table.row, table.col], axis=1).tolist()
    assert [5.5e-6, 3e-3] == table.current.values.tolist()
    assert [0.05, 0.05] == table.voltage.values.tolist()
    assert [0.75, 1.5] == table.time.values.tolist()
    assert [0, 1] == table.compliance.values.tolist()


def test_a_pulse_is_joined_with_its_outcome(make_run):
    table = opened(build_store(make_run()), "pulses")
    assert [0.31, -0.43, -0.43] == table.amplitude.values.tolist()
    assert [1e-4] * 3 == table.width.values.tolist()
    assert ["v_half"] * 3 == table.scheme.values.tolist()
    assert [1.25, 2.0, 2.25] == table.time.values.tolist()
    assert [0, 1, 0] == table.compliance.values.tolist()


def test_products_name_the_rows_that_were_driven(make_run):
    table = opened(build_store(make_run()), "products")
    assert [[1, 0, 1]] == table.driven.values.tolist()
    assert [2] == table.col.values.tolist()
    assert [1.1e-5] == table.current.values.tolist()


def test_inference_is_laid_out_by_sample(make_run):
    data = opened(build_store(make_run()), "inference")
    assert [0, 0, 1, 1] == data.label.values.tolist()
    assert [1, 0, 1, 0] == data.training.values.tolist()
    assert [0.1, 0.2, 0.3, 0.4] == data.product_layer1_map.sel(output1=1).values.tolist()
    assert [False, False, True, False] == np.isfinite(data.product_layer1_bit_serial[:, 0]).values.tolist()
    assert [[2, 0], [1, 1]] == data.confusion.values.tolist()


def test_tuning_is_a_curve_over_the_scale(make_run):
    data = opened(build_store(make_run()), "tune")
    assert 1.0 == data.train.sel(scale=0.91)
    assert (0.91, 1.07) == (data.attrs["chosen"], data.attrs["software_chosen"])


def test_a_run_that_died_builds_with_the_pulse_that_has_no_outcome(make_run):
    path = build_store(make_run(finished=False))
    table = opened(path, "pulses")
    assert [0, -1] == table.compliance.values.tolist()
    assert [False, True] == np.isnan(table.time).values.tolist()
    assert "unfinished" == opened(path).attrs["ended"]
    assert [0.5] == opened(path, "steps").seconds.dropna("step").values.tolist()
    assert {"layer1", "tune", "inference"}.isdisjoint(read(path))


def test_a_torn_journal_builds(make_run):
    folder = make_run()
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert "unfinished" == opened(build_store(folder)).attrs["ended"]


def test_a_run_without_any_step_builds(make_run):
    folder = make_run()
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    path = build_store(folder)
    for group in ("readings", "pulses", "products", "steps"):
        assert 0 == opened(path, group).sizes[{"products": "product"}.get(group, group.removesuffix("s"))]


def test_the_same_journal_gives_the_same_bytes(make_run):
    folder = make_run()
    first = build_store(folder).read_bytes()
    assert first == build_store(folder).read_bytes()
    assert not (folder / "run.h5.new").exists()


def test_a_journal_without_a_header_is_refused(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b"")
    with pytest.raises(StorageError, match="no header"):
        build_store(tmp_path)


def test_an_entry_of_another_shape_is_refused(make_run):
    folder = make_run(finished=False)
    journal = folder / "journal.jsonl"
    journal.rename(folder / "old")
    again = FileJournal(journal)
    for line in (folder / "old").read_text().splitlines():
        entry = json.loads(line)
        dropped = {"crc", "n", "k"} | ({"v"} if entry["k"] == "read" else set())
        again.record(entry["k"], {name: value for name, value in entry.items() if name not in dropped})
    again.close()
    with pytest.raises(StorageError, match="lacks 'v'"):
        build_store(folder)


def test_a_journal_of_a_newer_format_is_refused(tmp_path):
    journal = FileJournal(tmp_path / "journal.jsonl")
    journal.record("run", {"format": 2})
    journal.close()
    with pytest.raises(StorageError, match="format 2 is newer"):
        build_store(tmp_path)


def test_a_file_of_a_newer_format_is_refused(tmp_path):
    path = tmp_path / "run.h5"
    write(path, {ROOT: Group({}, {"format": 2})})
    with pytest.raises(StorageError, match="format 2"):
        read(path)


def test_something_else_than_hdf5_is_refused(tmp_path):
    path = tmp_path / "run.h5"
    path.write_bytes(b"not HDF5")
    with pytest.raises(StorageError, match="built anew"):
        read(path)


def test_a_long_bench_file_fits_into_an_attribute(tmp_path):
    path = tmp_path / "run.h5"
    text = "x" * 200_000
    values = {f"attribute_{n}": n for n in range(40)}
    write(path, {ROOT: Group({}, {"format": 1, "bench_yaml": text, **values})})
    assert {"format": 1, "bench_yaml": text, **values} == read(path)[ROOT].attributes
    assert text == opened(path).attrs["bench_yaml"]


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "run.h5"
    variables = {
        "x": Variable(("x",), np.array([1.0, np.nan]), units="V", meaning="voltage"),
        "name": Variable(("x",), np.array(["a", "\u00b5"], dtype=object), units=""),
    }
    write(path, {ROOT: Group(variables, {"format": 1})})
    group = read(path)[ROOT]
    np.testing.assert_array_equal(variables["x"].values, group.values("x"))
    assert ["a", "\u00b5"] == list(group.values("name"))
    assert (("x",), "V", "voltage") == (group.variables["name"].dims, group.variables["x"].units, "voltage")
    assert group.values("nothing") is None
    with h5py.File(path) as file:
        assert file["x"].is_scale
