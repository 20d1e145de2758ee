"""Data sheets of instruments: read, and refused where they cannot be right."""

import pytest

from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.errors import FileProblems, MissingFile


def changed(folder, name, old, new):
    text = find("models", name).read_text(encoding="utf-8")
    assert 1 == text.count(old)
    path = folder / "model.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["keithley_2636b", "keithley_707b"])
def test_shipped_data_sheets_are_read(name):
    assert name.split("_")[1].upper() in load_model(find("models", name)).title.upper()


def test_quantities_become_si():
    smu = load_model(find("models", "keithley_2636b"))
    assert (1e-8, 0.1, 1e-4) == (smu.compliance.minimum, smu.compliance.maximum, smu.pulse.minimum)
    assert [0.2, 2.0, 20.0, 200.0] == [entry.range for entry in smu.source_voltage]


def test_a_data_sheet_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFile, match=r"nothing\.yaml"):
        load_model(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("kind", ["oscilloscope", "[source_meter]", "{a: b}", "1", "null"])
def test_a_kind_that_is_none_is_refused_where_it_stands(tmp_path, kind):
    path = changed(tmp_path, "keithley_2636b", "kind: source_meter", f"kind: {kind}")
    with pytest.raises(FileProblems, match=r"model\.yaml:\d+:7: .*is not a kind of instrument"):
        load_model(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows: 8", "rows: 17"),
        ("count: 4", "count: 0"),
        ("[100 mohm, 600 mohm]", "[100 mohm]"),
        ("[100 mohm, 600 mohm]", "[100 mohm, 600 mohm, 1 ohm]"),
        ("thermal_emf: 10 uV", "thermal_emf: 10"),
        ("settling: 3 ms", "settling: 3 mV"),
        ("life: 100000000", "lif: 100000000"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused(tmp_path, old, new):
    with pytest.raises(FileProblems, match=r"model\.yaml:\d+:\d+"):
        load_model(changed(tmp_path, "keithley_707b", old, new))


@pytest.mark.parametrize("text", ["", "[]", "just words", "kind"])
def test_what_is_no_data_sheet_is_refused(tmp_path, text):
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(FileProblems):
        load_model(path)
