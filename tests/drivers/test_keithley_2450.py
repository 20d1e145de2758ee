"""The Keithley 2450 driver, by exact dialogue."""

import math

import pytest

from labmtj.drivers.keithley_2450 import Keithley2450
from labmtj.errors import BenchError, LimitExceeded

CLEAR = "<device clear>"
IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,04426273,1.7.12b"
EMPTY = '0,"No error;0;0 0"'


@pytest.fixture
def model(sheet):
    return sheet("keithley_2450")


def test_identifying_checks_the_language(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", IDENTITY), ("*LANG?", "SCPI"))
    assert "04426273" == Keithley2450(link, model).identify()


@pytest.mark.parametrize("language", ["TSP", "SCPI2400"])
def test_another_language_is_refused(scpi, model, language):
    link = scpi((CLEAR, None), ("*IDN?", IDENTITY), ("*LANG?", language))
    with pytest.raises(BenchError, match=f"speaks {language}, not SCPI"):
        Keithley2450(link, model).identify()


def test_setting_up_sets_all_that_a_read_relies_on(scpi, told, model):
    turns = (
        told(EMPTY)
        .send("*CLS")
        .say(":ROUT:TERM?", "FRON")
        .say("*RST;*CLS")
        .set(":ROUT:TERM FRON", ":ROUT:TERM?", "FRON")
        .say(":SYST:LFR?", "50")
        .set(":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT")
        .set(':SENS:FUNC "CURR"', ":SENS:FUNC?", '"CURR:DC"')
        .set(":SOUR:VOLT:RANG:AUTO 0", ":SOUR:VOLT:RANG:AUTO?", "0")
        .set(":SENS:CURR:RANG:AUTO 0", ":SENS:CURR:RANG:AUTO?", "0")
        .set(":OUTP:VOLT:SMOD NORM", ":OUTP:VOLT:SMOD?", "NORM")
        .set(":SOUR:VOLT:RANG 2.0", ":SOUR:VOLT:RANG?", "2")
        .set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0")
    )
    Keithley2450(scpi(*turns), model).setup(source_range=1.0, mains=50.0)


def test_one_read_is_level_measurement_compliance_and_0_v(scpi, told, model):
    turns = (
        told(EMPTY)
        .set(":SOUR:VOLT 0.05", ":SOUR:VOLT?", "0.05")
        .say(":READ?;*ESR?", "-1.060645E-04", "0")
        .say(":SOUR:VOLT:ILIM:TRIP?;*ESR?", "0", "0")
        .set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0")
    )
    channel = Keithley2450(scpi(*turns), model).channel("1")
    channel.source_voltage = 0.05
    assert (-1.060645e-4, False) == (channel.measure_current(), channel.in_compliance)
    channel.source_voltage = 0.0


def test_the_limit_is_that_of_the_voltage_source(scpi, told, model):
    turns = told(EMPTY).set(":SOUR:VOLT:ILIM 0.003", ":SOUR:VOLT:ILIM?", "0.003")
    Keithley2450(scpi(*turns), model).channel("1").compliance_current = 3e-3


@pytest.mark.parametrize("amperes", [0.0, 9e-10, 1.06, math.nan])
def test_a_limit_beyond_the_model_is_refused_with_nothing_sent(scpi, model, amperes):
    with pytest.raises(LimitExceeded):
        Keithley2450(scpi(), model).channel("1").compliance_current = amperes


def test_shutting_down_goes_to_0_v_and_off_whatever_is_queued_and_looks(scpi, told, model):
    turns = told(EMPTY).send(CLEAR, ":ABOR", ":SOUR:VOLT 0", ":OUTP 0", "*CLS").say(":OUTP?;:SOUR:VOLT?", "0", "0")
    Keithley2450(scpi(*turns), model).shutdown()
