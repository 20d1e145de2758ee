"""Every data sheet that ships: read, and driven by a driver that its kind can use."""

from pathlib import Path

import pytest

from labmtj.config.finder import find
from labmtj.drivers.loader import load_driver

NEEDED = {
    "source_meter": {"identify", "setup", "channel", "shutdown", "LINK"},
    "switch_matrix": {"identify", "setup", "switch", "closed", "open_all", "LINK"},
    "pulse_generator": {"identify", "setup", "pair", "shutdown", "LINK"},
    "voltage_bank": {"identify", "setup", "apply", "pulse", "rest", "shutdown", "LINK"},
    "field_source": {"identify", "setup", "current", "output_enabled", "measure_current", "clear", "shutdown", "LINK"},
    "thermometer": {"identify", "setup", "temperature", "LINK"},
}
NAMES = sorted(path.stem for path in Path(find("models", "keithley_2636b")).parent.glob("*.yaml"))


def test_the_models_of_the_issue_are_there():
    wanted = (
        "keithley_2400 keithley_2450 keithley_2602b keithley_2636b keithley_3706a keithley_7001 keithley_707b "
        "keysight_33522b keysight_34980a keysight_81160a keysight_b2201a keysight_b2902a qdevil_qdac2"
    )
    assert set(wanted.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_names_a_driver_of_its_kind_and_where_its_figures_come_from(sheet, name):
    model = sheet(name)
    assert NEEDED[model.kind] <= set(dir(load_driver(model.driver)))
    text = find("models", name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert {"unverified", "chosen"} & set(text.replace(":", " ").split())


@pytest.mark.parametrize("name", NAMES)
def test_ranges_rise_and_an_error_limit_rises_with_its_range(sheet, name):
    model = sheet(name)
    for kind in ("source_voltage", "source_current", "measure_current", "measure_voltage"):
        entries = getattr(model, kind, [])
        scales = [entry.range for entry in entries]
        limits = [entry.gain * entry.range + entry.offset for entry in entries]
        assert scales == sorted(set(scales))
        assert limits == sorted(limits)
