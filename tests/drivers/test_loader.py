"""Finding the class of a driver."""

import pytest

from labmtj.drivers.keithley_707b import Keithley707B
from labmtj.drivers.loader import load_driver
from labmtj.errors import InputError, MissingFile


def test_a_driver_of_the_package_is_found_by_module_and_class():
    assert load_driver("keithley_707b:Keithley707B") is Keithley707B


def test_a_driver_file_is_found_beside_the_data_sheet(tmp_path):
    (tmp_path / "my_smu.py").write_text("class MySmu:\n    answer = 42\n")
    assert 42 == load_driver("./my_smu.py:MySmu", beside=tmp_path / "model.yaml").answer


@pytest.mark.parametrize(
    "name", ["", "keithley_707b", "keithley_707b:", ":Keithley707B", "keithley_707b:not a name", "keithley_707b:1X"]
)
def test_what_is_no_driver_name_is_refused(name):
    with pytest.raises(InputError):
        load_driver(name)


@pytest.mark.parametrize("name", ["keithley_9999:X", "os:system", "..twin.visa:TwinVisaLibrary", "a.b:C", "../x:Y"])
def test_only_modules_of_the_drivers_folder_are_loaded(name):
    with pytest.raises(InputError, match="no driver module"):
        load_driver(name)


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no class Keithley708"):
        load_driver("keithley_707b:Keithley708")


def test_a_name_that_is_no_class_is_refused():
    with pytest.raises(InputError, match="no class re"):
        load_driver("keithley_707b:re")


def test_a_driver_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFile, match=r"other\.py: there is no such driver file"):
        load_driver("./other.py:X", beside=tmp_path / "model.yaml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("class X(:\n", "SyntaxError"),
        ("import no_such_package_here\n", "ModuleNotFoundError"),
        ("1 / 0\n", "ZeroDivision"),
    ],
)
def test_a_driver_file_that_does_not_load_says_why(tmp_path, text, why):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(InputError, match=rf"bad\.py cannot be loaded: {why}"):
        load_driver("./bad.py:X", beside=tmp_path / "model.yaml")
