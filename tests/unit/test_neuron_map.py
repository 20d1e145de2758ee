"""Neuron maps in files and in the journal."""

import dataclasses
import json

import h5py
import numpy as np
import pytest
import xarray

from labmtj.errors import StorageError
from labmtj.records import NeuronMap
from labmtj.runs import netcdf
from labmtj.runs.journal import finite
from labmtj.runs.neuron_map import neuron_map_entry, neuron_map_from, read_neuron_map, write_neuron_map


def map_of(count=3, points=5):
    rng = np.random.default_rng(0)
    fields = {field.name: rng.normal(size=count) for field in dataclasses.fields(NeuronMap)}
    fields |= {name: rng.normal(size=(count, points)) for name in ("current", "m_x", "m_z", "m_x_error", "m_z_error")}
    fields["critical"][1] = fields["m_x"][1, 2] = np.nan
    fields |= {"neurons": np.array([1, 3, 7]), "good": np.array([True, False, True])}
    return NeuronMap(**fields | {"probe": 0.02, "name": "die 4"})


def same(one, other):
    for field in dataclasses.fields(NeuronMap):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_a_map_comes_back_as_it_was_written(tmp_path):
    write_neuron_map(tmp_path / "neurons.h5", map_of())
    same(map_of(), read_neuron_map(tmp_path / "neurons.h5"))


def test_a_map_opens_in_xarray_with_names_and_units(tmp_path):
    write_neuron_map(tmp_path / "neurons.h5", map_of())
    with xarray.open_dataset(tmp_path / "neurons.h5", engine="h5netcdf") as found:
        assert ("neuron", "point") == found["m_x"].dims
        assert [1, 3, 7] == found["neuron"].values.tolist()
        assert "A" == found["critical"].attrs["units"]
        assert ("neuron map", "die 4", 0.02) == tuple(found.attrs[name] for name in ("kind", "name", "probe_volt"))


def test_a_map_comes_back_from_the_journal():
    same(map_of(), neuron_map_from(json.loads(json.dumps(finite(neuron_map_entry(map_of()))))))


def test_an_entry_that_lacks_something_is_refused():
    entry = neuron_map_entry(map_of())
    del entry["m_z"]
    with pytest.raises(StorageError, match="lacks m_z"):
        neuron_map_from(entry)


def changed(path, change):
    write_neuron_map(path, map_of())
    with h5py.File(path, "a") as file:
        change(file)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda file: file.attrs.modify("kind", "die map"), "this is a die map, not a neuron map"),
        (lambda file: file.attrs.__delitem__("kind"), "this is something else, not a neuron map"),
        (lambda file: file.attrs.modify("format", netcdf.FORMAT + 1), "update labmtj"),
        (lambda file: file.__delitem__("m_x"), "lacks m_x"),
        (lambda file: file.attrs.__delitem__("probe_volt"), "lacks probe_volt"),
    ],
)
def test_a_file_that_is_no_such_map_is_refused(change, text, tmp_path):
    changed(tmp_path / "neurons.h5", change)
    with pytest.raises(StorageError, match=text):
        read_neuron_map(tmp_path / "neurons.h5")


def test_columns_of_other_shapes_are_refused(tmp_path):
    short = dataclasses.replace(map_of(), offset=np.zeros(2))
    group = netcdf.Group(
        {"neuron": netcdf.Variable(("neuron",), np.array([1, 3, 7])), "other": netcdf.Variable(("other",), np.zeros(2))}
    )
    write_neuron_map(tmp_path / "neurons.h5", map_of())
    whole = netcdf.read(tmp_path / "neurons.h5")[netcdf.ROOT]
    variables = {**whole.variables, **group.variables, "offset": netcdf.Variable(("other",), short.offset)}
    netcdf.write(tmp_path / "bad.h5", {netcdf.ROOT: netcdf.Group(variables, whole.attributes)})
    with pytest.raises(StorageError, match="offset do not have the shape of the others"):
        read_neuron_map(tmp_path / "bad.h5")


@pytest.mark.parametrize("cut", [0, 100, -200])
def test_a_damaged_file_is_refused(cut, tmp_path):
    path = tmp_path / "neurons.h5"
    write_neuron_map(path, map_of())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(StorageError, match="cannot be read"):
        read_neuron_map(path)
