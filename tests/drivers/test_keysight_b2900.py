"""The Keysight B2900 driver, by exact dialogue."""

import math

import pytest

from labmtj.drivers.keysight_b2900 import KeysightB2900
from labmtj.errors import BenchError, LimitExceeded

CLEAR = "<device clear>"
EMPTY = '+0,"No error"'
ZERO = "+0.00000000E+00"


@pytest.fixture
def model(sheet):
    return sheet("keysight_b2902a")


@pytest.mark.parametrize("name", ["B2902A", "B2902B"])
def test_the_model_and_its_successor_are_taken(scpi, model, name):
    link = scpi((CLEAR, None), ("*IDN?", f"Keysight Technologies,{name},MY51143745,5.0.2307.1924"))
    assert "MY51143745" == KeysightB2900(link, model).identify()


def test_setting_up_sets_both_channels(scpi, told, model):
    turns = told(EMPTY).reset().say(":SYST:LFR?", "50")
    for n in (1, 2):
        turns.set(f":SOUR{n}:FUNC:MODE VOLT", f":SOUR{n}:FUNC:MODE?", "VOLT")
        turns.set(f":SOUR{n}:VOLT:RANG:AUTO 0", f":SOUR{n}:VOLT:RANG:AUTO?", "0")
        turns.set(f":SENS{n}:CURR:RANG:AUTO 0", f":SENS{n}:CURR:RANG:AUTO?", "0")
        turns.set(f":OUTP{n}:OFF:MODE ZERO", f":OUTP{n}:OFF:MODE?", "ZERO")
        turns.set(f":OUTP{n}:ON:AUTO 0", f":OUTP{n}:ON:AUTO?", "0")
        turns.set(f":SOUR{n}:VOLT:RANG 2.0", f":SOUR{n}:VOLT:RANG?", "+2.00000000E+00")
        turns.set(f":SOUR{n}:VOLT 0.0", f":SOUR{n}:VOLT?", ZERO)
    KeysightB2900(scpi(*turns), model).setup(source_range=2.0, mains=50.0)


def test_each_channel_has_its_suffix_and_its_list(scpi, told, model):
    turns = (
        told(EMPTY)
        .set(":SENS2:CURR:PROT 0.003", ":SENS2:CURR:PROT?", "+3.00000000E-03")
        .set(":SENS2:CURR:NPLC 1.0", ":SENS2:CURR:NPLC?", "+1.00000000E+00")
        .set(":OUTP2 1", ":OUTP2?", "1")
        .set(":SOUR2:VOLT -0.05", ":SOUR2:VOLT?", "-5.00000000E-02")
        .say(":MEAS:CURR? (@2);*ESR?", "-1.060645E-05", "0")
        .say(":SENS2:CURR:PROT:TRIP?;*ESR?", "0", "0")
    )
    channel = KeysightB2900(scpi(*turns), model).channel("2")
    channel.compliance_current, channel.nplc, channel.source_enabled, channel.source_voltage = 3e-3, 1, True, -0.05
    assert (-1.060645e-5, False) == (channel.measure_current(), channel.in_compliance)


def test_the_range_of_a_channel_is_set(scpi, told, model):
    turns = (
        told(EMPTY)
        .say(":SENS1:CURR:PROT?", "+3.00000000E-03")
        .set(":SENS1:CURR:RANG 0.0001", ":SENS1:CURR:RANG?", "+1.00000000E-04")
        .say(":SENS1:CURR:PROT?", "+3.00000000E-03")
    )
    KeysightB2900(scpi(*turns), model).channel("1").current_range = 1e-4


@pytest.mark.parametrize(("name", "value"), [("nplc", 101.0), ("source_voltage", math.inf), ("current_range", 3.1)])
def test_what_the_model_cannot_do_is_refused_with_nothing_sent(scpi, model, name, value):
    with pytest.raises(LimitExceeded):
        setattr(KeysightB2900(scpi(), model).channel("1"), name, value)


def shutting_down(told, *states):
    steps = (":ABOR:ALL (@1,2)", ":SOUR1:VOLT 0", ":SOUR2:VOLT 0", ":OUTP1 0", ":OUTP2 0")
    return told(EMPTY).send(CLEAR, *steps, "*CLS").say(":OUTP1?;:OUTP2?;:SOUR1:VOLT?;:SOUR2:VOLT?", *states)


def test_shutting_down_takes_both_channels(scpi, told, model):
    KeysightB2900(scpi(*shutting_down(told, "0", "0", ZERO, ZERO)), model).shutdown()


def test_an_output_that_stays_on_is_named(scpi, told, model):
    with pytest.raises(BenchError, match="the outputs of 2 are still on"):
        KeysightB2900(scpi(*shutting_down(told, "0", "1", ZERO, ZERO)), model).shutdown()
