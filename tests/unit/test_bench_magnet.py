"""Magnets and thermometers in bench files: what is checked before anything is opened, and what firmware does alone."""

from __future__ import annotations

import pytest
import pyvisa

from labmtj.bench.session import library_path
from labmtj.config import yaml12
from labmtj.config.bench import check_bench, load_bench
from labmtj.config.finder import find
from labmtj.config.source import parse, read
from labmtj.errors import FileProblems


@pytest.fixture
def problem_of():
    """What is wrong with the shipped bench once something in it is changed."""

    def found(**changes):
        data = dict(read(find("benches", "magnet")).data)
        for key, value in changes.items():
            data[key] = {**data[key], **value}
        with pytest.raises(FileProblems) as error:
            check_bench(parse(yaml12.dump(data), name="bench.yaml"))
        return str(error.value)

    return found


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"magnet": {"source": "suply"}}, "there is no instrument suply"),
        ({"magnet": {"source": "smu"}}, "is no supply for a magnet"),
        ({"magnet": {"limit": "221 mT"}}, "supply makes 220 mT at most, with its 20 A"),
        ({"magnet": {"compliance": "21 V"}}, "supply gives 20 V at most"),
        ({"magnet": {"tesla_per_ampere": "11 mT"}}, "is no field per ampere"),
        ({"magnet": {"tesla_per_ampere": "0 mT/A"}}, "is no field per ampere"),
        ({"magnet": {"ramp": "100 mT"}}, "is no rate of a field"),
        ({"magnet": {"limit": "220 mA"}}, "is a current; a flux density is expected"),
        ({"thermometer": {"instrument": "senser"}}, "there is no instrument senser"),
        ({"thermometer": {"instrument": "supply"}}, "is no thermometer"),
        ({"thermometer": {"channel": "E"}}, "sensor has no input E"),
        ({"roles": {"D": "supply"}}, "is not for lines of the array"),
        ({"roles": {"D": "sensor.A"}}, "is not for lines of the array"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(problem_of, changes, text):
    found = problem_of(**changes)
    assert text in found
    assert "bench.yaml:" in found


def test_a_calibration_may_be_negative_so_that_a_positive_field_favours_p():
    file = load_bench("magnet", overrides=["magnet.tesla_per_ampere=-11 mT/A", "magnet.ramp=0.05 T/s"])
    assert (-0.011, 0.05) == (file.bench.magnet.tesla_per_ampere, file.bench.magnet.ramp)


@pytest.fixture
def supply(tmp_path):
    path = tmp_path / "bench.yaml"
    path.write_text(find("benches", "magnet").read_text())
    manager = pyvisa.ResourceManager(library_path(load_bench(path)))
    world = manager.visalib.bench.world
    opened = manager.open_resource("GPIB0::6::INSTR", read_termination="\n", write_termination="\n", timeout=10_000)
    return opened, world


def test_the_card_passes_over_a_number_of_too_many_digits_without_an_error(supply):
    box, _ = supply
    box.write("FUNC:MODE CURR")
    assert '1.99940E+00;0,"No error"' == box.query("CURR 2;CURR?;SYST:ERR?")
    assert '1.99940E+00;0,"No error"' == box.query("CURR 0.30000000000000004;CURR?;SYST:ERR?")
    assert '1.99940E+00;-222,"Data out of range"' == box.query("CURR 20.5;CURR?;SYST:ERR?")


def test_what_is_measured_is_the_coils_current_within_the_errors_of_the_data_sheet(supply):
    box, world = supply
    box.write("FUNC:MODE CURR;:VOLT 15;:CURR -10;:OUTP 1")
    world.sleep(1.0)
    coil = world.electrics.coil
    assert abs(float(box.query("MEAS:CURR?")) - coil.current(world.now())) < 6e-3
    assert abs(coil.current(world.now()) + 10.0) < 6e-3
    assert abs(float(box.query("MEAS:VOLT?")) + 5.0) < 0.02


def test_in_voltage_mode_the_coils_resistance_sets_the_current_up_to_the_limit(supply):
    box, world = supply
    box.write("FUNC:MODE VOLT;:CURR 3;:VOLT 1;:OUTP 1")
    world.sleep(1.0)
    assert 2.0 == pytest.approx(world.electrics.coil.current(world.now()), abs=0.01)
    box.write("VOLT 5")
    world.sleep(1.0)
    assert 3.0 == pytest.approx(world.electrics.coil.current(world.now()), abs=0.01)


def test_an_output_that_goes_off_lets_the_current_fall_with_the_coils_own_time_constant(supply):
    box, world = supply
    box.write("FUNC:MODE CURR;:VOLT 20;:CURR 10;:OUTP 1")
    world.sleep(1.0)
    box.write("OUTP 0")
    world.sleep(0.04)
    assert 10.0 / 2.71828 == pytest.approx(world.electrics.coil.current(world.now()), abs=0.1)


def test_a_reset_brings_everything_to_zero(supply):
    box, world = supply
    box.write("FUNC:MODE CURR;:VOLT 20;:CURR 10;:OUTP 1")
    assert "0;0;0.00000E+00;0.00000E+00" == box.query("*RST;:OUTP?;:FUNC:MODE?;:CURR?;:VOLT?")
    world.sleep(5.0)
    assert 0.0 == world.electrics.coil.current(world.now())


def test_two_questions_within_a_reading_get_the_same_answer(supply, tmp_path):
    _, world = supply
    manager = pyvisa.ResourceManager(f"{tmp_path / 'bench.yaml'}@labmtj")
    sensor = manager.open_resource("GPIB0::12::INSTR", read_termination="\n", write_termination="\n")
    world.sleep(0.1 - world.now() % 0.1)
    first, second = sensor.query("KRDG? A"), sensor.query("KRDG? A")
    assert first == second
    assert first.startswith("+")
    assert float(sensor.query("CRDG? A")) == pytest.approx(float(first) - 273.15, abs=0.01)
    assert "0" == sensor.query("RDGST? D")
    assert float(sensor.query("KRDG? B")) != float(first)
