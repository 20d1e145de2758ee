"""What the wheel holds is part of the product."""

from __future__ import annotations

import tomllib
import warnings
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is shallow", category=UserWarning)  # a clone without its history
        (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        return wheel.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "labmtj/py.typed",
        "labmtj/LICENSE",
        "labmtj/watch/static/index.html",
        "labmtj/watch/static/watch.css",
        "labmtj/watch/static/watch.js",
        "labmtj/_shipped/instruments/benches/simulated-15x15.yaml",
        "labmtj/_shipped/instruments/benches/keithley.yaml",
        "labmtj/_shipped/instruments/models/keithley_2636b.yaml",
        "labmtj/_shipped/instruments/models/keithley_707b.yaml",
        "labmtj/_shipped/protocols/wine.yaml",
        "labmtj/_shipped/protocols/notebooks/the-whole-story.ipynb",
        "labmtj/_shipped/data/reference/NOTICE.md",
        "labmtj/_shipped/data/reference/wine-networks.npz",
        "labmtj/_shipped/data/reference/switching-table.npz",
        "labmtj/_shipped/data/reference/mtj-dies.yaml",
        "labmtj/_shipped/data/reference/mtj-neurons.yaml",
        "labmtj/_shipped/data/reference/neuron-table.npz",
        "pyvisa_labmtj/__init__.py",
    ],
)
def test_the_wheel_holds(name, names):
    assert name in names


def test_the_wheel_holds_the_built_documentation(names):
    # the hook has built it if Sphinx is here; if not, an installation from this checkout has
    from labmtj.docs.building import missing_tools

    if missing_tools() and not (ROOT / "labmtj/docs/html/index.html").is_file():
        pytest.skip("needs Sphinx: pip install 'labmtj[docs]'")
    assert {"labmtj/docs/html/index.html", "labmtj/docs/html/searchindex.js"} <= set(names)
    assert [] == [name for name in names if name.startswith("labmtj/docs/html.new")]


def test_the_wheel_installs_no_package_but_ours(names):
    top = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert top == {"labmtj", "pyvisa_labmtj"}


def test_no_run_and_no_compiled_file_is_packed(names):
    assert [] == [name for name in names if ("/runs/" in name and "labmtj/runs/" not in name) or name.endswith(".pyc")]


def test_folders_that_are_no_packages_have_no_init():
    assert [] == [d for d in ("instruments", "protocols", "data") if (ROOT / d / "__init__.py").exists()]


def test_every_dependency_states_a_lower_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [] == [requirement for requirement in project["dependencies"] if ">=" not in requirement]
