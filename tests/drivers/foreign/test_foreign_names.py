"""Finding a class of another library by its name."""

import sys

import pytest

from labmtj.config.bench import with_driver
from labmtj.drivers.foreign_names import check_installed, foreign_class
from labmtj.drivers.foreign_tables import TABLES
from labmtj.drivers.loader import driver_of, load_driver
from labmtj.errors import InputError


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pymeasure:keithley.Keithley2450", "PyMeasure is not installed here: pip install 'labmtj\\[clients\\]'"),
        ("qcodes:Keithley.Keithley2450", "QCoDeS is not installed here: pip install 'labmtj\\[clients\\]'"),
        ("qcodes_contrib:Keithley.Keithley_2401", "pip install 'labmtj\\[clients\\]' qcodes-contrib-drivers"),
    ],
)
def test_a_library_that_is_not_here_is_named_with_what_to_install(monkeypatch, name, why):
    for package in ("pymeasure", "qcodes", "qcodes_contrib_drivers"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=why):
        foreign_class(name)


def test_looking_whether_a_library_is_here_does_not_import_it(library):
    check_installed("pymeasure:keithley.Keithley2450")
    assert "pymeasure" not in sys.modules


def test_a_class_is_found_by_library_module_and_name(library):
    assert "Keithley2450" == foreign_class("pymeasure:keithley.Keithley2450").__name__
    assert "qcodes.instrument_drivers.Keithley" == foreign_class("qcodes:Keithley.Keithley2450").__module__


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pymeasure:keithley.Keithley245O", "no instrument Keithley245O; did you mean Keithley2450"),
        ("pymeasure:keithly.Keithley2450", "pymeasure.instruments has no module keithly; did you mean keithley"),
        ("qcodes:Keithley.Keithley_2450", "did you mean Keithley2450"),
        ("pymeasure:keithley.warnings", "has no instrument warnings"),
        ("pymeasure:keithley.control", "has no instrument control"),
        ("pymeasure:keithley.Instrument", "has no instrument Instrument"),
        ("pymeasure:wrong.Keithley2450", "cannot be loaded: ModuleNotFoundError: No module named 'nothing_of"),
        ("pymeasure:Keithley2450", "is not a driver: write, for example"),
        ("pymeasure:keithley.Keithley2450()", "is not a driver: write, for example"),
        ("pymeasure:..os.path", "is not a driver: write, for example"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest_names(library, name, why):
    with pytest.raises(InputError, match=why):
        foreign_class(name)


def test_a_class_without_a_table_needs_one(library, sheet):
    model = with_driver(sheet("keithley_2450"), "pymeasure:keithley.Silent", None)
    with pytest.raises(InputError, match="does not know what stands for its quantities"):
        driver_of(model)


def test_only_source_meters_have_drivers_of_other_libraries(library, sheet):
    with pytest.raises(InputError, match="can drive a source meter, and this is none"):
        driver_of(with_driver(sheet("keithley_707b"), "qcodes:Keithley.Keithley2450", None))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_names_a_driver_of_ours_whose_words_the_gate_knows(sheet, name):
    driver = driver_of(with_driver(sheet("keithley_2450"), name, None))
    assert load_driver(TABLES[name].checked_by) is driver.ours
    assert driver.VOCABULARY.needs_compliance
