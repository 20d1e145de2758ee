"""The Keithley 2400 driver, and what all SCPI source-measure units share, by exact dialogue."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keithley_2400 import Keithley2400
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InstrumentError, LimitExceeded

CLEAR = "<device clear>"
IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32 Oct  4 2010 14:20:11/A02  /K/J"
OK = '0,"No error"'
NAN, INF = math.nan, math.inf


@pytest.fixture
def model(sheet):
    return sheet("keithley_2400")


def setting_up(told):
    return (
        told()
        .send("*CLS")
        .say(":ROUT:TERM?", "REAR")
        .say("*RST;*CLS")
        .set(":ROUT:TERM REAR", ":ROUT:TERM?", "REAR")
        .say(":SYST:LFR?", "50")
        .set(":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT")
        .set(':SENS:FUNC "CURR"', ":SENS:FUNC?", '"CURR:DC"')
        .set(":FORM:ELEM CURR", ":FORM:ELEM?", "CURR")
        .set(":SOUR:VOLT:RANG:AUTO 0", ":SOUR:VOLT:RANG:AUTO?", "0")
        .set(":SENS:CURR:RANG:AUTO 0", ":SENS:CURR:RANG:AUTO?", "0")
        .set(":OUTP:SMOD NORM", ":OUTP:SMOD?", "NORM")
        .set(":SOUR:VOLT:RANG 2.0", ":SOUR:VOLT:RANG?", "2.100000E+00")
        .set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0.000000E+00")
    )


def test_identifying_gives_the_serial_number_and_sets_nothing(scpi, model):
    assert "1234567" == Keithley2400(scpi((CLEAR, None), ("*IDN?", IDENTITY)), model).identify()


def test_another_instrument_is_refused(scpi, model):
    box = Keithley2400(scpi((CLEAR, None), ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04426273,1.7.12b")), model)
    with pytest.raises(BenchError, match="should be a MODEL 2400 but says it is a MODEL 2450"):
        box.identify()


def test_a_relative_that_the_sheet_accepts_is_taken(scpi, model):
    answer = IDENTITY.replace("2400", "2401")
    assert "1234567" == Keithley2400(scpi((CLEAR, None), ("*IDN?", answer)), model).identify()


def test_setting_up_sets_all_that_a_read_relies_on_and_keeps_the_terminals(scpi, told, model):
    Keithley2400(scpi(*setting_up(told)), model).setup(source_range=2.0, mains=50.0)


def test_other_mains_than_the_bench_says_are_an_error(scpi, told, model):
    box = Keithley2400(scpi(*setting_up(told)[:5]), model)
    with pytest.raises(BenchError, match="integrates over 50 Hz periods, the bench says 60 Hz"):
        box.setup(source_range=2.0, mains=60.0)


@pytest.mark.parametrize("volts", [0.0, -2.0, 201.0, NAN, INF])
def test_a_source_range_that_is_not_there_is_refused_with_nothing_sent(scpi, model, volts):
    with pytest.raises(LimitExceeded, match="no range holds"):
        Keithley2400(scpi(), model).setup(source_range=volts, mains=50.0)


@pytest.mark.parametrize(
    ("name", "value", "header", "sent", "shown"),
    [
        ("source_voltage", 0.05, ":SOUR:VOLT", "0.05", "5.000000E-02"),
        ("source_voltage", -1e-6, ":SOUR:VOLT", "-1e-06", "-1.000000E-06"),
        ("source_voltage", np.float64(0.1), ":SOUR:VOLT", "0.1", "1.000000E-01"),
        ("compliance_current", 3e-3, ":SENS:CURR:PROT", "0.003", "3.000000E-03"),
        ("compliance_current", 1e-7, ":SENS:CURR:PROT", "1e-07", "1.000000E-07"),
        ("nplc", 0.1, ":SENS:CURR:NPLC", "0.1", "0.10"),
        ("nplc", 10, ":SENS:CURR:NPLC", "10.0", "10.00"),
        ("source_enabled", True, ":OUTP", "1", "1"),
        ("source_enabled", False, ":OUTP", "0", "0"),
    ],
)
def test_a_setting_is_sent_in_full_and_read_back(scpi, told, model, name, value, header, sent, shown):
    channel = Keithley2400(scpi(*told().set(f"{header} {sent}", f"{header}?", shown)), model).channel("1")
    setattr(channel, name, value)


@pytest.mark.parametrize(
    ("name", "query", "reply", "value"),
    [
        ("source_voltage", ":SOUR:VOLT?", "-5.000000E-02", -0.05),
        ("compliance_current", ":SENS:CURR:PROT?", "1.050000E-04", 1.05e-4),
        ("nplc", ":SENS:CURR:NPLC?", "1.00", 1.0),
        ("current_range", ":SENS:CURR:RANG?", "1.050000E-04", 1.05e-4),
        ("source_enabled", ":OUTP?", "1", True),
        ("source_enabled", ":OUTP?", "0", False),
        ("in_compliance", ":SENS:CURR:PROT:TRIP?;*ESR?", "1;0", True),
        ("in_compliance", ":SENS:CURR:PROT:TRIP?;*ESR?", "0;0", False),
    ],
)
def test_a_property_is_asked_for_with_the_errors(scpi, told, model, name, query, reply, value):
    assert value == getattr(Keithley2400(scpi(*told().say(query, reply)), model).channel("1"), name)


def test_the_smallest_range_that_holds_a_current_is_set_and_the_limit_stays(scpi, told, model):
    turns = (
        told()
        .say(":SENS:CURR:PROT?", "3.000000E-03")
        .set(":SENS:CURR:RANG 0.0001", ":SENS:CURR:RANG?", "1.050000E-04")
        .say(":SENS:CURR:PROT?", "3.000000E-03")
    )
    Keithley2400(scpi(*turns), model).channel("1").current_range = 2e-5


def test_a_limit_that_follows_the_range_is_an_error(scpi, told, model):
    turns = (
        told()
        .say(":SENS:CURR:PROT?", "1.000000E-05")
        .set(":SENS:CURR:RANG 0.1", ":SENS:CURR:RANG?", "1.050000E-01")
        .say(":SENS:CURR:PROT?", "1.050000E-04")
    )
    with pytest.raises(BenchError, match="PROT"):
        Keithley2400(scpi(*turns), model).channel("1").current_range = 0.1


@pytest.mark.parametrize(
    ("reply", "amperes"), [("-1.060645E-04", -1.060645e-4), ("+9.910000E+37", INF), ("-9.900000E+37", -INF)]
)
def test_a_current_is_measured(scpi, told, model, reply, amperes):
    assert amperes == Keithley2400(scpi(*told().say(":READ?;*ESR?", reply, "0")), model).channel("1").measure_current()


def test_reading_with_the_output_off_is_explained(scpi, model):
    link = scpi(
        (":READ?;*ESR?;:SYST:ERR?", VisaIOError(StatusCode.error_timeout)),
        (CLEAR, None),
        (":SYST:ERR?", '803,"Not permitted with OUTPUT off"'),
        (":SYST:ERR?", OK),
    )
    with pytest.raises(InstrumentError, match="OUTPUT off"):
        Keithley2400(link, model).channel("1").measure_current()


@pytest.mark.parametrize("reply", ["+1.000000E-01,+1.060645E-04", "", "nan", "1.0;2.0"])
def test_what_is_no_current_is_a_bad_reply(scpi, told, model, reply):
    with pytest.raises(BadReply):
        Keithley2400(scpi(*told().say(":READ?;*ESR?", reply, "0")), model).channel("1").measure_current()


# -- what is refused before a word is sent ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("source_voltage", value) for value in (200.1, -200.1, NAN, INF)]
    + [("compliance_current", value) for value in (0.0, -1e-3, 9e-10, 1.06, NAN, INF)]
    + [("nplc", value) for value in (0.0, 0.0099, 10.1, NAN)]
    + [("current_range", value) for value in (0.0, -1e-3, 1.01, NAN, INF)],
)
def test_what_the_model_cannot_do_is_refused_with_nothing_sent(scpi, model, name, value):
    channel = Keithley2400(scpi(), model).channel("1")
    with pytest.raises(LimitExceeded):
        setattr(channel, name, value)


# -- leaving ---------------------------------------------------------------------------------------


def shutting_down(told, output="0", level="0.000000E+00"):
    steps = told().send(CLEAR, ":ABOR", ":SOUR:VOLT 0", ":OUTP 0", "*CLS")
    return steps.say(":OUTP?;:SOUR:VOLT?", output, level)


def test_shutting_down_goes_to_0_v_and_off_whatever_is_queued_and_looks(scpi, told, model):
    Keithley2400(scpi(*shutting_down(told)), model).shutdown()


@pytest.mark.parametrize(("output", "level"), [("1", "0.000000E+00"), ("0", "1.000000E-01")])
def test_what_did_not_shut_down_is_said(scpi, told, model, output, level):
    with pytest.raises(BenchError, match="still on, or not at 0 V"):
        Keithley2400(scpi(*shutting_down(told, output, level)), model).shutdown()


def test_a_channel_shuts_down_alone(scpi, told, model):
    turns = told().set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0").set(":OUTP 0", ":OUTP?", "0")
    Keithley2400(scpi(*turns), model).channel("1").shutdown()


class Parrot:
    """Keeps what a setting says, and answers with the seven digits of a 2400."""

    def __init__(self):
        self.kept = None

    def write(self, message):
        self.kept = float(message.split(";")[0].split(" ")[1])

    def read(self):
        return f"{self.kept:.6E};{OK}"

    def clear(self):
        raise AssertionError


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(1e-12, 200.0).flatmap(lambda x: st.sampled_from([x, -x])))
def test_levels_survive_the_way_as_text(sheet, value):
    parrot = Parrot()
    box = Keithley2400(ScpiLink(parrot, "box"), sheet("keithley_2400"))
    box.channel("1").source_voltage = value
    assert value == parrot.kept
