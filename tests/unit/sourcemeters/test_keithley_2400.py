"""The simulated Keithley 2400: the captured traffic, and what its settings do to the network."""

import struct

import pytest

EXACT = "+1.000000E-01,+1.060645E-04,+9.910000E+37,+1.014200E-03,+1.024000E+03"
READY = ["*RST", ":SOUR:VOLT:RANG 2", ":SENS:CURR:PROT 1e-3", ":SOUR:VOLT 0.05", ":OUTP 1"]

PYMEASURE = [
    (":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None),
    ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32 Oct  4 2010 14:20:11/A02  /K/J"),
    ("*RST", None),
    (":SOURCE:FUNCTION VOLT", None),
    (":SOURCE:VOLTAGE:RANGE 2", None),
    (":SOURCE:VOLTAGE:RANGE:AUTO 1", None),
    (":SENSE:CURRENT:PROTECTION 0.001", None),
    (":SENSE:CURRENT:NPLCYCLES 0.1", None),
    (":SENSE:CURRENT:NPLCYCLES?", "0.10"),
    (":SENSE:CURRENT:RANGE 0.001", None),
    (":SENSE:CURRENT:RANGE:AUTO 1", None),
    (":SYSTEM:RSENSE 1", None),
    (":SYSTEM:AZERO:STATE 0", None),
    (":SOURCE:DELAY 0.001", None),
    (":SOURCE:VOLTAGE 0.1", None),
    (":SOURCE:VOLTAGE?", "1.000000E-01"),
    ("OUTPUT 1", None),
    (":MEASURE:CURRENT?", EXACT),
    (":MEASURE:VOLTAGE?", EXACT),
    (":MEASURE:RESISTANCE?", EXACT),
    (":SENSE:RESISTANCE:MODE MAN", None),
    (":SENSE:FUNCTION:ALL", None),
    (":READ?", EXACT),
    ("OUTPUT?", "1"),
    (":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;", None),
    (":TRAC:CLEAR;", None),
    (":TRAC:POIN 5", None),
    (":ARM:COUNT?", "1"),
    (":TRIGGER:COUNT 5", None),
    (":TRIGGER:DELAY 0", None),
    (":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;", None),
    ("SYST:ERR?", '0,"No error"'),
    (":INIT", None),
    ("*STB?", "65"),
    (":FORM:DATA ASCII", None),
    (":TRAC:DATA?", ",".join([EXACT] * 5)),
    (":CALCULATE3:FORMAT MEAN;:CALCULATE3:DATA?;", "+1.000000E-01,+1.060645E-04,+9.428229E+02"),
    ("*TRG", None),
    ("SYST:ERR?", '0,"No error"'),
    (":ROUTE:TERMINALS REAR", None),
    (":SOURCE:VOLTAGE 0.0482759", None),
    ("OUTPUT 0", None),
    (":SOURCE:FUNCTION?", "VOLT"),
    (":SOURCE:VOLTAGE 0.05", None),
    (":SOURCE:VOLTAGE?", "5.000000E-02"),
    (":ABOR", None),
    ("SYST:ERR?", '0,"No error"'),
]
LEGACY = [
    ("status:queue:clear;*RST;:stat:pres;:*CLS;", None),
    (":SOUR:FUNC VOLT", None),
    (":SOUR:VOLT:RANG:AUTO 0;:SOUR:VOLT:RANG 2", None),
    (":SENS:CURR:PROT 0.001", None),
    ("SYST:ERR?", '0,"No error"'),
    (":SENS:FUNC 'CURR';:SENS:CURR:NPLC 0.100000;:FORM:ELEM CURR;", None),
    (":SENS:CURR:RANG:AUTO 1;", None),
    ("SYST:ERR?", '0,"No error"'),
    (":SOUR:VOLT:LEV 0.1", None),
    (":SOUR:VOLT?", "1.000000E-01"),
    ("OUTPUT ON", None),
    (":READ?", "+1.060645E-04"),
    (":SENS:FUNC 'VOLT';:SENS:VOLT:NPLC 1.000000;:FORM:ELEM VOLT;", None),
    (":SENS:VOLT:RANG:AUTO 1;", None),
    ("SYST:ERR?", '0,"No error"'),
    (":READ?", "+1.000000E-01"),
    (":SENS:FUNC 'RES';:SENS:RES:MODE MAN;:SENS:RES:NPLC 1.000000;:FORM:ELEM RES;", None),
    (":SENS:RES:RANG:AUTO 1;", None),
    ("SYST:ERR?", '0,"No error"'),
    (":READ?", "+9.428229E+02"),
    (":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;", None),
    (":TRAC:CLEAR;", None),
    (":TRAC:POIN 5", None),
    (":TRIG:COUN 5", None),
    (":TRIG:SEQ:DEL 0", None),
    (":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;", None),
    (":INIT", None),
    ("*STB?", "65"),
    (":TRAC:DATA?", ",".join(["+9.428229E+02"] * 5)),
    (":CALC3:FORM MEAN;:CALC3:DATA?;", "+9.428229E+02"),
    ("SYST:ERR?", '0,"No error"'),
]
QCODES = [
    (":TRIG:COUN 1;:FORM:ELEM VOLT,CURR", None),
    (":*RST", None),
    (":FORM:ELEM VOLT,CURR", None),
    (':SENS:FUNC "CURR"', None),
    (":SOUR:FUNC VOLT", None),
    ("SOUR:VOLT:RANG 2.000000", None),
    ("SENS:CURR:PROT 0.001000", None),
    ("SENS:CURR:PROT?", "1.000000E-03"),
    ("SENS:CURR:NPLC 0.100000", None),
    ("SENS:CURR:NPLC?", "0.10"),
    (":SOUR:VOLT:LEV 0.10000000", None),
    (":OUTP:STAT 1", None),
    (":OUTP:STAT?", "1"),
    (":READ?", "+1.000000E-01,+1.060645E-04"),
    (":SENS:FUNC?", '"CURR:DC"'),
    ("SENS:VOLT:NPLC?", "0.10"),
    ("SYST:ERR?", '0,"No error"'),
]


@pytest.fixture
def meter(make_meter):
    return make_meter("keithley_2400")


@pytest.fixture
def ready(meter):
    """A meter that forces 50 mV."""
    meter.ask(*READY)
    assert [] == meter.errors()
    return meter


@pytest.mark.parametrize("traffic", [PYMEASURE, LEGACY, QCODES], ids=["PyMeasure", "PyMeasure legacy", "QCoDeS"])
def test_captured_traffic_is_answered_as_shown(meter, traffic):
    meter.replay(traffic)


def test_replies_of_settings_are_those_captured_to_the_digit(meter):
    meter.ask(*(message for message, _ in QCODES))
    queries = ("SENS:VOLT:RANG?", "SENS:CURR:RANG?", "SENS:VOLT:PROT?", "SENS:CURR:PROT?")
    assert ["2.000000E+00", "1.050000E-04", "2.100000E+01", "1.000000E-03"] == [meter.ask(q) for q in queries]


def test_defaults_are_those_of_the_manual(meter):
    meter.ask(*READY, "*RST")
    expected = {
        ":SOUR:FUNC?": "VOLT",
        ":SOUR:VOLT:RANG?": "2.100000E+01",
        ":SOUR:VOLT:RANG:AUTO?": "1",
        ":SENS:CURR:PROT?": "1.050000E-04",
        ":SENS:VOLT:PROT?": "2.100000E+01",
        ":SENS:CURR:RANG:AUTO?": "1",
        ":SENS:RES:MODE?": "AUTO",
        ":SENS:FUNC?": '"CURR:DC"',
        ":FORM:ELEM?": "VOLT,CURR,RES,TIME,STAT",
        ":OUTP:SMOD?": "NORM",
        ":OUTP?": "0",
        ":TRIG:COUN?": "1",
        ":SOUR:DEL:AUTO?": "1",
        ":SYST:AZER?": "1",
        ":SYST:LFR?": "50",
    }
    assert expected == {query: meter.ask(query) for query in expected}
    assert (None, [-113]) == (meter.ask("*LANG?"), meter.errors())


# -- measuring -----------------------------------------------------------------------------------------


def test_a_reading_is_what_flows_in_the_network(ready):
    voltage, current, ohms, time, status = ready.floats(":READ?")
    amperes, volts, _ = ready.point
    assert (0.05, 9.91e37) == (voltage, ohms)  # the level, since volts are not measured, and no ohms
    assert current == pytest.approx(amperes, rel=1e-3, abs=1e-7)
    assert time == pytest.approx(ready.world.now(), abs=1e-6)
    assert (1 << 2) + (1 << 12) + (1 << 14) == status
    voltage, current, ohms, *_ = ready.floats(":SENS:FUNC:ALL", ":READ?")
    assert voltage == pytest.approx(volts, abs=1e-3)
    assert ohms == pytest.approx(voltage / current, rel=1e-6)


def test_measure_turns_the_output_on_and_read_does_not(meter):
    assert (None, [803]) == (meter.ask(":READ?"), meter.errors())
    assert "0" == meter.ask("OUTP?")
    assert meter.ask(":MEAS:CURR?") is not None
    assert ("1", []) == (meter.ask("OUTP?"), meter.errors())


def test_a_query_that_failed_leaves_one_error_when_it_is_read(meter):
    meter.ask(":READ?")
    meter.firmware.query_error(-420)
    assert [803] == meter.errors()
    meter.firmware.query_error(-420)
    assert [-420] == meter.errors()


def test_the_limit_holds_the_source_and_its_bits_say_so(ready):
    amperes, _, _ = ready.point
    ready.ask(":SENS:CURR:PROT 20e-6", ":FORM:ELEM CURR,STAT")
    assert "1" == ready.ask(":SENS:CURR:PROT:TRIP?")
    assert "0" == ready.ask(":SENS:VOLT:PROT:TRIP?")
    assert amperes > 20e-6 == pytest.approx(ready.point[0], rel=1e-5)
    current, status = ready.floats(":READ?")
    assert current == pytest.approx(20e-6, rel=1e-3)
    assert int(status) & 1 << 3
    assert int(ready.ask("STAT:MEAS:COND?")) & 1 << 14


def test_a_fixed_range_limits_the_current_and_shows_overflow(ready):
    ready.ask(":SENS:CURR:RANG 10e-6", ":FORM:ELEM CURR,STAT")
    current, status = ready.floats(":READ?")
    assert (9.9e37, 10.5e-6) == (current, pytest.approx(ready.point[0], rel=1e-5))
    assert 1 << 0 | 1 << 3 | 1 << 16 == int(status) & (1 << 0 | 1 << 3 | 1 << 16)
    assert int(ready.ask("STAT:MEAS:COND?")) & 1 << 7


def test_integration_sets_the_time_and_the_noise(ready):
    ready.ask(":SYST:AZER 0", ":SOUR:DEL 0", ":FORM:ELEM CURR")
    overhead = ready.model.timing.reading_overhead
    for nplc in (0.1, 1.0, 10.0):
        assert ready.took(f":SENS:CURR:NPLC {nplc}", ":READ?") == pytest.approx(nplc / 50 + overhead)
    assert ready.took(":SYST:AZER 1", ":READ?") == pytest.approx(0.6 + overhead)
    ready.ask(":SENS:FUNC 'VOLT'", ":FORM:ELEM VOLT", ":TRIG:COUN 60")  # volts carry no noise but the meter's
    spread = {}
    for nplc in (0.01, 10):
        values = ready.floats(f":SENS:VOLT:NPLC {nplc}", ":READ?")
        spread[nplc] = max(values) - min(values)
    assert spread[0.01] > 5 * spread[10]


def test_a_repeating_filter_takes_as_long_as_its_conversions(ready):
    ready.ask(":SYST:AZER 0", ":SOUR:DEL 0", ":SENS:AVER:COUN 5;:SENS:AVER:TCON REP;:SENS:AVER ON")
    assert ready.took(":READ?") == pytest.approx(5 * (0.02 + ready.model.timing.reading_overhead))
    ready.ask(":SENS:AVER:TCON MOV")
    assert ready.took(":READ?") == pytest.approx(0.02 + ready.model.timing.reading_overhead)


def test_the_source_delay_is_in_every_cycle(ready):
    ready.ask(":SYST:AZER 0", ":SOUR:DEL 0", ":TRIG:COUN 3")
    quick = ready.took(":READ?")
    assert ready.took(":SOUR:DEL 0.1", ":READ?") == pytest.approx(quick + 0.3)
    assert "0" == ready.ask(":SOUR:DEL:AUTO?")
    assert ready.took(":SOUR:DEL:AUTO 1", ":READ?") == pytest.approx(quick + 3e-3)


def test_a_current_source_raises_its_volts(meter):
    meter.ask("*RST", ":SOUR:FUNC CURR", ":SOUR:CURR 10e-6", ":SENS:FUNC 'VOLT'", ":SENS:VOLT:PROT 1", ":OUTP ON")
    voltage, current, *_ = meter.floats(":READ?")
    assert meter.point[0] == pytest.approx(10e-6, rel=1e-2)
    assert (voltage, current) == (pytest.approx(meter.point[1], abs=1e-3), pytest.approx(10e-6, rel=1e-2))
    meter.ask(":SENS:VOLT:PROT 0.005")
    assert ("1", True) == (meter.ask(":SENS:VOLT:PROT:TRIP?"), meter.point[2])
    assert "CURR" == meter.ask(":SOUR:FUNC?")


def test_functions_are_added_while_several_may_be_on(meter):
    meter.ask("*RST", ":FUNC 'VOLT'")
    assert ('"VOLT:DC","CURR:DC"', '"RES"') == (meter.ask(":SENS:FUNC?"), meter.ask(":SENS:FUNC:OFF?"))
    meter.ask(":SENS:FUNC:OFF 'CURR:DC'")
    assert ("1", "0") == (meter.ask(":FUNC:COUN?"), meter.ask(":FUNC:STAT? 'CURR'"))
    meter.ask(":SENS:FUNC:CONC OFF", ":SENS:FUNC 'RES'")
    assert '"RES"' == meter.ask(":CONF?")
    meter.ask(":SENS:FUNC 'VOLT','CURR'")
    assert [-221] == meter.errors()


# -- output ---------------------------------------------------------------------------------------------


def test_off_is_what_the_output_off_state_says(ready):
    ready.ask(":OUTP 0")
    assert (0.0, True) == (pytest.approx(ready.output.level, abs=2e-3), ready.output.connected)
    assert 5e-6 == pytest.approx(ready.output.limit)  # 0.5 % of the range that holds 1 mA
    ready.ask(":OUTP:SMOD ZERO")
    assert 1e-3 == pytest.approx(ready.output.limit)
    for state in ("HIMP", "GUAR"):
        ready.ask(f":OUTP:SMOD {state}")
        assert (state, False) == (ready.ask(":OUTP:SMOD?"), ready.output.connected)
    ready.ask(":OUTP 1")
    assert (0.05, True) == (pytest.approx(ready.output.level, abs=2e-3), ready.output.connected)


def test_terminals_and_functions_turn_the_output_off_when_they_change(ready):
    ready.ask(":ROUT:TERM FRON")
    assert "1" == ready.ask(":OUTP?")
    ready.ask(":ROUT:TERM REAR")
    assert ("0", "REAR") == (ready.ask(":OUTP?"), ready.ask(":ROUT:TERM?"))
    ready.ask(":OUTP 1;:SOUR:FUNC CURR")
    assert "0" == ready.ask(":OUTP?")


def test_automatic_output_off_turns_it_on_for_each_reading(meter):
    meter.ask("*RST", ":SOUR:VOLT 0.05", ":SOUR:CLE:AUTO ON", ":FORM:ELEM CURR")
    assert meter.number(":READ?") > 1e-6
    assert ("0", []) == (meter.ask(":OUTP?"), meter.errors())
    meter.ask(":OUTP 1", ":SOUR:CLE")
    assert "0" == meter.ask(":OUTP?")


def test_levels_have_the_resolution_of_their_range(ready):
    ready.ask(":SOUR:VOLT:RANG 20", ":SOUR:VOLT 0.0513")
    coarse = ready.output.level
    ready.ask(":SOUR:VOLT 0.0514")
    assert coarse == ready.output.level
    ready.ask(":SOUR:VOLT:RANG 0.2", ":SOUR:VOLT 0.0513")
    assert "5.130000E-02" == ready.ask(":SOUR:VOLT?")
    assert ready.output.level == pytest.approx(0.0513, abs=1e-3)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([":SOUR:VOLT 211"], -222),
        ([":SOUR:VOLT:RANG 2", ":SOUR:VOLT 3"], -222),
        ([":SOUR:VOLT 3", ":SOUR:VOLT:RANG 2"], -221),
        ([":SENS:CURR:RANG 1e-3"], 824),
        ([":SENS:CURR:PROT 1e-3;RANG 1e-3", ":SENS:CURR:PROT 1e-7"], 822),
        ([":SENS:CURR:PROT 2"], -222),
        ([":SOUR:VOLT:RANG 200", ":SENS:CURR:PROT 0.2"], 826),
        ([":SENS:CURR:PROT 1", ":SOUR:VOLT 50"], 826),
        ([":SENS:CURR:NPLC 11"], -222),
        ([":SENS:FUNC 'POW'"], -224),
        ([":FORM:ELEM FOO"], -224),
        ([":FETC?"], -230),
        ([":TRAC:DATA?"], -230),
        ([":TRIG:COUN 2501"], -222),
        ([":OUTP 1", ":ARM:COUN 60;:TRIG:COUN 60", ":INIT"], -221),
        ([":OUTP 1", ":ARM:SOUR BUS", ":READ?"], -214),
        ([":OUTP 1", ":ARM:COUN INF", ":READ?"], 830),
        ([":OUTP 1", ":SOUR:VOLT:MODE LIST", ":INIT"], 801),
        ([":OUTP 1", ":ARM:SOUR BUS", ":INIT", ":INIT"], -213),
        ([":NONE"], -113),
    ],
)
def test_what_cannot_be_done_is_an_error(meter, messages, code):
    meter.ask("*RST", *messages)
    assert [code] == meter.errors()


def test_the_range_follows_a_level_while_it_is_automatic(meter):
    meter.ask("*RST", ":SOUR:VOLT 0.15")
    assert "2.100000E-01" == meter.ask(":SOUR:VOLT:RANG?")
    meter.ask(":SOUR:VOLT:RANG UP")
    assert ("2.000000E+00", "0") == (meter.ask(":SOUR:VOLT:RANG?"), meter.ask(":SOUR:VOLT:RANG:AUTO?"))
    assert ("-2.100000E+02", "2.100000E+02") == (meter.ask(":SOUR:VOLT? MIN"), meter.ask(":SOUR:VOLT? MAX"))


# -- triggers, sweeps, buffer -----------------------------------------------------------------------------


def test_a_linear_sweep_has_a_level_a_trigger(ready):
    ready.ask(":SOUR:VOLT:STAR -0.05", ":SOUR:VOLT:STOP 0.05", ":SOUR:VOLT:STEP 0.025", ":SOUR:VOLT:MODE SWE")
    ready.ask(":SOUR:SWE:RANG AUTO", ":SOUR:SWE:SPAC LIN", ":TRIG:COUN 5", ":FORM:ELEM VOLT,CURR")
    values = ready.floats(":READ?")
    assert [-0.05, -0.025, 0.0, 0.025, 0.05] == pytest.approx(values[::2])
    currents = values[1::2]
    assert currents == sorted(currents)
    assert currents[4] == pytest.approx(ready.point[0], abs=1e-6)
    ready.ask(":SOUR:SWE:DIR DOWN", ":SOUR:SWE:POIN 3", ":TRIG:COUN 3")
    assert [0.05, 0.0, -0.05] == pytest.approx(ready.floats(":READ?")[::2])
    assert ["5.000000E-02", "1.000000E-01"] == [ready.ask(":SOUR:VOLT:STEP?"), ready.ask(":SOUR:VOLT:SPAN?")]
    assert [] == ready.errors()


def test_a_logarithmic_sweep_and_a_list(ready):
    ready.ask(":SOUR:VOLT:STAR 0.001", ":SOUR:VOLT:STOP 0.1", ":SOUR:SWE:SPAC LOG;POIN 3", ":SOUR:VOLT:MODE SWE")
    ready.ask(":TRIG:COUN 3", ":FORM:ELEM VOLT")
    assert [0.001, 0.01, 0.1] == pytest.approx(ready.floats(":READ?"))
    ready.ask(":SOUR:LIST:VOLT 0.01,0.02", ":SOUR:LIST:VOLT:APP -0.03", ":SOUR:VOLT:MODE LIST", ":TRIG:COUN 4")
    assert "3" == ready.ask(":SOUR:LIST:VOLT:POIN?")
    assert [0.01, 0.02, -0.03, 0.01] == pytest.approx(ready.floats(":READ?"))
    assert "+1.000000E-02,+2.000000E-02,-3.000000E-02" == ready.ask(":SOUR:LIST:VOLT?")


def test_a_sweep_stops_at_compliance_if_it_is_told(ready):
    ready.ask(":SENS:CURR:PROT 20e-6", ":SOUR:LIST:VOLT 0.01,0.1,0.02", ":SOUR:VOLT:MODE LIST", ":TRIG:COUN 3")
    ready.ask(":FORM:ELEM VOLT")
    assert 3 == len(ready.floats(":READ?"))
    assert 2 == len(ready.floats(":SOUR:SWE:CAB EARL", ":READ?"))


def test_a_bus_trigger_lets_one_arm_pass(ready):
    ready.ask(":ARM:COUN 2;SOUR BUS", ":TRIG:COUN 3", ":FORM:ELEM CURR", ":INIT")
    assert 1 << 6 == int(ready.ask(":STAT:OPER:COND?"))
    ready.ask("*TRG")
    assert 3 == len(ready.floats(":FETC?"))
    ready.firmware.trigger()
    assert 6 == len(ready.floats(":FETC?"))
    assert 1 << 10 == int(ready.ask(":STAT:OPER:COND?"))
    ready.ask(":INIT")
    ready.firmware.clear()
    assert 1 << 10 == int(ready.ask(":STAT:OPER:COND?"))
    assert [] == ready.errors()


def test_a_timer_spaces_the_arms(ready):
    ready.ask(":SYST:AZER 0", ":ARM:COUN 3;SOUR TIM;TIM 0.5", ":FORM:ELEM TIME")
    times = ready.floats(":READ?")
    assert times[1] - times[0] > 0.5
    ready.ask(":SYST:TIME:RES", ":ARM:COUN 1")
    assert ready.number(":READ?") < 0.1


def test_the_buffer_fills_once_and_asks_for_service(ready):
    ready.ask(":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;", ":TRAC:CLE;POIN 3;FEED SENS;FEED:CONT NEXT")
    ready.ask(":TRIG:COUN 2", ":INIT")
    assert ("0", "2", "NEXT") == tuple(map(ready.ask, ("*STB?", ":TRAC:POIN:ACT?", ":TRAC:FEED:CONT?")))
    ready.ask(":INIT")
    assert ("65", "3", "NEV") == tuple(map(ready.ask, ("*STB?", ":TRAC:POIN:ACT?", ":TRAC:FEED:CONT?")))
    assert 65 == ready.firmware.status_byte(waiting=False)
    assert 1 << 8 | 1 << 9 == int(ready.ask(":STAT:MEAS?")) & (1 << 8 | 1 << 9)
    assert "0" == ready.ask("*STB?")
    ready.ask(":TRAC:CLE")
    assert ("0", "100") == (ready.ask(":TRAC:POIN:ACT?"), ready.ask(":TRAC:POIN? DEF"))
    ready.ask("*RST")
    assert "3" == ready.ask(":TRAC:POIN?")


def test_the_statistics_are_those_of_the_buffer(ready):
    ready.ask(":TRAC:POIN 4;FEED:CONT NEXT", ":TRIG:COUN 4", ":INIT", ":FORM:ELEM CURR")
    values = ready.floats(":TRAC:DATA?")
    expected = {
        "MEAN": sum(values) / 4,
        "MAX": max(values),
        "MIN": min(values),
        "PKPK": max(values) - min(values),
        "SDEV": (sum((value - sum(values) / 4) ** 2 for value in values) / 3) ** 0.5,
    }
    found = {name: ready.number(f":CALC3:FORM {name};:CALC3:DATA?") for name in expected}
    assert expected == pytest.approx(found, rel=1e-3, abs=1e-13)
    ready.ask(":TRAC:TST:FORM DELT")
    times = ready.floats(":FORM:ELEM TIME", ":TRAC:DATA?")
    assert (0.0, times[1]) == (times[0], pytest.approx(times[2]))


@pytest.mark.parametrize(("order", "letter"), [("NORM", ">"), ("SWAP", "<")])
def test_binary_readings_are_singles_in_the_byte_order(ready, order, letter):
    ready.ask(":FORM:ELEM VOLT,CURR", ":TRIG:COUN 2", f":FORM:DATA REAL,32;BORD {order}")
    reply = ready.ask(":READ?").encode("latin-1")
    assert (b"#0", 16) == (reply[:2], len(reply) - 2)
    binary = struct.unpack(f"{letter}4f", reply[2:])
    assert binary == pytest.approx(ready.floats(":FORM:DATA ASC", ":FETC?"), rel=1e-6)


def test_an_open_circuit_carries_no_current(ready):
    ready.connect(row=None)
    assert abs(ready.number(":FORM:ELEM CURR", ":READ?")) < 1e-9
