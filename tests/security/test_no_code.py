"""Data never become code: no pickle, no evaluation, and a protocol that is full of code is refused as it stands."""

import ast
import re
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

from labmtj.errors import FileProblems
from labmtj.nets.files import read_networks
from labmtj.protocol.load import load_protocol
from labmtj.runs.cassette import read_cassette
from labmtj.runs.store import build_store

PACKAGE = Path(__file__).parents[2] / "labmtj"
CODE = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle")
EVALUATES = ("eval", "exec", "compile", "__import__")
THREE = Path(__file__).parents[1] / "faults" / "three"


@cache
def texts():
    """Every module of the package by its name."""
    return {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def calls(pattern):
    """(module, dotted name of what is called, call) in those modules of the package in which `pattern` is found."""
    for name, text in texts().items():
        for node in ast.walk(ast.parse(text)) if re.search(pattern, text) else ():
            if isinstance(node, ast.Call):
                yield name, ast.unparse(node.func), node


def test_no_module_imports_anything_that_unpickles():
    pattern = rf"^\s*(?:from|import)\s.*\b(?:{'|'.join(CODE)})\b|import_module\(.(?:{'|'.join(CODE)})\b"
    assert {} == {name: found[0] for name, text in texts().items() if (found := re.findall(pattern, text, re.M))}


def test_nothing_is_evaluated():
    pattern = rf"\b(?:{'|'.join(EVALUATES)})\("
    assert [] == [(name, function) for name, function, _ in calls(pattern) if function in EVALUATES]


def test_every_array_file_is_read_and_written_without_pickle():
    found = {
        (name, function): [ast.unparse(k.value) for k in call.keywords if k.arg == "allow_pickle"]
        for name, function, call in calls(r"np\.(?:load|save)")
        if function.removeprefix("np.") in ("load", "savez", "savez_compressed", "save") and function.startswith("np.")
    }
    assert len(found) >= 4
    assert {"False"} == {value for said in found.values() for value in said or ["not said"]}


def test_an_array_file_with_a_pickle_in_it_is_refused(tmp_path):
    path = tmp_path / "networks.npz"
    content = {"shape1": np.array([1, 2]), "devices1": np.zeros((1, 1), np.uint8), "bias1": np.zeros((1, 1))}
    np.savez(path, header=np.array([{"a": 1}], dtype=object), train=np.arange(1), test=np.arange(1), **content)
    with pytest.raises(ValueError, match="allow_pickle"):
        read_networks(path)


def test_a_run_file_holds_numbers_and_texts_only(tmp_path):
    """Opaque data, where a pickle could hide, are none of its types; named ones are HDF5's dimension scales."""
    from labmtj.protocol.engine import run

    folder = run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=tmp_path).folder
    build_store(folder)
    kinds = set()
    with h5py.File(folder / "run.h5") as file:

        def look(name, found):
            values = [*found.attrs.values(), *([found[()]] if isinstance(found, h5py.Dataset) else [])]
            for value in values:
                array = np.asarray(value)
                if array.dtype == object:
                    inner = [list(item) if isinstance(item, np.ndarray) else [item] for item in array.ravel()]
                    kinds.update(type(item) for items in inner for item in items)
                else:
                    kinds.add("opaque" if array.dtype.kind == "V" and array.dtype.names is None else "plain")

        file.visititems(look)
    assert {"plain", str, bytes, h5py.h5r.Reference} >= kinds


def test_programs_are_found_by_name_in_this_package_or_beside_the_data_sheet_that_names_them():
    """The one place that runs a file of the user's is a driver that stands beside its data sheet."""
    loads = {
        name
        for name, function, _ in calls(r"importlib\.")
        if function.endswith(("spec_from_file_location", "exec_module"))
    }
    assert {"drivers/loader.py", "docs/hook.py"} == loads  # the hook loads its neighbour when a wheel is built


TEXTS = (
    "__import__('os').system('touch {mark}')",
    "${{jndi:x}} $(touch {mark}) `touch {mark}`",
    "{{{{ config }}}} {{% import os %}}",
    "!!python/object/apply:os.system ['touch {mark}']",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["read: 50 mV", "start: 250 mV", "algorithm: verify_first", "retries: 10"])
def test_code_in_the_place_of_a_value_is_refused_and_not_run(tmp_path, field, text):
    mark = tmp_path / "mark"
    written = text.format(mark=mark)
    quoted = written if written.startswith("!!") else '"' + written.replace('"', "'") + '"'
    key, _, _ = field.partition(":")
    protocol = (THREE / "protocol.yaml").read_text(encoding="utf-8").replace(field, f"{key}: {quoted}", 1)
    assert written.split("(")[0] in protocol
    path = tmp_path / "protocol.yaml"
    path.write_text(protocol, encoding="utf-8")
    with pytest.raises(FileProblems):
        load_protocol(path, bench=THREE / "bench.yaml")
    assert not mark.exists()


def test_a_protocol_cannot_name_a_driver_or_a_data_sheet(tmp_path):
    path = tmp_path / "protocol.yaml"
    text = (THREE / "protocol.yaml").read_text(encoding="utf-8")
    path.write_text(text + "instruments: {smu: {model: ./mine.yaml}}\n", encoding="utf-8")
    with pytest.raises(FileProblems, match="no field instruments"):
        load_protocol(path, bench=THREE / "bench.yaml")


def test_a_cassette_is_text(tmp_path):
    path = tmp_path / "a.cassette"
    path.write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix")
    with pytest.raises(ValueError, match="cassette"):
        read_cassette(path)
