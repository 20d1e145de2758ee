"""A bench with drivers of its own for instruments: their names in the file, and making safe without their library."""

import json
import sys

import pytest

from labmtj.bench.panic import make_safe, prepare
from labmtj.bench.reach import Target, resource_manager, targets
from labmtj.bench.session import connect_instrument, open_bench, set_up
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.drivers.loader import driver_of
from labmtj.errors import FileProblems, InputError
from labmtj.protocol.examine import examine

MY_SMU = '''
from labmtj.drivers.keithley_2450 import Keithley2450
from labmtj.drivers.vocabularies import VOCABULARIES


class MySmu(Keithley2450):
    """A 2450 of one's own."""

    VOCABULARY = VOCABULARIES["keithley_2450"]
'''


@pytest.fixture
def bench(tmp_path):
    """bench(entry): the shipped bench with PyMeasure, with these fields of its `drive`."""

    def make(**entry):
        data = dict(read(find("benches", "pymeasure")).data)
        data["instruments"]["drive"] |= entry
        path = tmp_path / "bench.yaml"
        path.write_text(yaml12.dump(data), encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"driver": "pymeasure:Keithley2450"}, "'pymeasure:Keithley2450' is not the name of a driver"),
        ({"driver": "keithley_2450"}, "'keithley_2450' is not the name of a driver"),
        ({"driver": "./my_smu.py:MySmu"}, "there is no driver file ./my_smu.py"),
        ({"adapter": {"checked_by": "./my_smu.py:MySmu"}}, "there is no driver file ./my_smu.py"),
        ({"driver": None, "adapter": {"checked_by": "x:Y"}}, "an adapter belongs to a driver; none is said here"),
        (
            {"adapter": {"checked_by": "x:Y", "voltage": "v"}},
            "instruments.drive.adapter.voltage: th",
        ),
    ],
)
def test_what_is_wrong_with_a_driver_is_said_where_it_stands(bench, entry, why):
    with pytest.raises(FileProblems) as caught:
        load_bench(bench(**entry))
    assert why in str(caught.value)
    assert "instruments.drive" in caught.value.problems[0].path


def test_a_driver_of_another_library_is_for_a_source_meter(bench):
    with pytest.raises(FileProblems, match="would have to be a source meter, which keysight_b2201a is not"):
        load_bench(bench(), overrides=["instruments.matrix.driver=qcodes:Keysight.KeysightB2201"])


def test_a_check_says_what_to_install_and_where_the_driver_stands(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymeasure", None)
    found = examine(bench())
    assert 3 == found.exit_code
    assert ["instruments.drive.driver", "instruments.sense.driver"] == [
        finding.problem.path for finding in found.findings
    ]


def test_a_session_says_so_before_anything_is_opened(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymeasure", None)
    with pytest.raises(InputError, match=r"pip install 'labmtj\[clients\]'"), open_bench(bench()):
        pass


def test_a_bench_with_such_drivers_is_made_safe_without_their_library(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymeasure", None)
    file = load_bench(bench())
    manager = resource_manager(file)
    told = json.loads(json.dumps([target.record() for target in targets(file)]))  # as a guardian gets it
    made = make_safe(manager, prepare([Target(**entry) for entry in told]))
    manager.close()
    assert [(name, "") for name in ("drive", "sense", "generator", "matrix")] == [(m.name, m.error) for m in made]


def test_a_driver_that_checks_stands_beside_the_bench_too(bench, tmp_path):
    (tmp_path / "my_smu.py").write_text(MY_SMU)
    file = load_bench(bench(adapter={"checked_by": "./my_smu.py:MySmu"}))
    (target,) = [Target(**target.record()) for target in targets(file) if target.name == "drive"]
    assert f"{tmp_path / 'my_smu.py'}:MySmu" == target.model().adapter.checked_by
    assert "MySmu" == driver_of(target.model()).ours.__name__


def test_a_driver_file_stands_beside_the_bench_and_is_found_from_the_run_folder(bench, tmp_path):
    (tmp_path / "my_smu.py").write_text(MY_SMU)
    file = load_bench(bench(driver="./my_smu.py:MySmu"))
    assert f"{tmp_path / 'my_smu.py'}:MySmu" == file.model("drive").driver
    manager = resource_manager(file)
    device, close = connect_instrument(file, manager, "drive", file.model("drive"))
    assert ("MySmu", "04426273") == (type(device).__name__, device.identify())
    set_up(file.bench, "drive", file.model("drive"), device)
    device.channel("1").compliance_current = 1e-3
    device.shutdown()
    close()
    manager.close()
