"""The simulated Keithley 2450 in its SCPI mode: the captured traffic, its buffers, sweeps and limits."""

import struct

import pytest

NONE = '0,"No error;0;0 0"'
READY = ["*RST", ":SOUR:VOLT:RANG 2", ":SOUR:VOLT:ILIM 1e-3", ":SOUR:VOLT 0.05", ":OUTP 1"]

PYMEASURE = [
    ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04426273,1.7.12b"),
    ("*RST;:stat:pres;:*CLS;", None),
    (":SOUR:FUNC VOLT", None),
    (":SOUR:VOLT:RANG:AUTO 0;:SOUR:VOLT:RANG 2", None),
    (":SOUR:VOLT:ILIM 0.001", None),
    ("SYST:ERR?", NONE),
    (":SOUR:FUNC?", "VOLT"),
    (":SOUR:VOLT:RANG:AUTO 1", None),
    (":SENS:FUNC 'CURR';:SENS:CURR:NPLC 0.100000;", None),
    (":SENS:CURR:RANG:AUTO 1;", None),
    ("SYST:ERR?", NONE),
    (":SOUR:VOLT:LEV 0.1", None),
    (":SOUR:VOLT?", "0.1"),
    ("OUTPUT ON", None),
    (":READ?", "1.060645E-04"),
    (":SENS:FUNC 'VOLT';:SENS:VOLT:NPLC 1.000000;", None),
    (":SENS:VOLT:RANG:AUTO 1;", None),
    (":READ?", "1.000000E-01"),
    (":SENS:FUNC 'RES';:SENS:RES:NPLC 1.000000;", None),
    (":SENS:RES:RANG:AUTO 1;", None),
    (":READ?", "9.428229E+02"),
    ("SYST:ERR?", NONE),
    (":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;", None),
    (":TRAC:CLEAR;", None),
    (":TRAC:POIN 5", None),
    (":TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT;", None),
    ("SYST:ERR?", '-113,"Undefined header"'),
    ("SYST:ERR?", '-113,"Undefined header"'),
    ("SYST:ERR?", '-113,"Undefined header"'),
    ("SYST:ERR?", NONE),
    (":INIT", None),
    ("*STB?", "0"),
    (":FORM:DATA ASCII", None),
    (":TRAC:DATA?", None),
    (":TRACe:STATistics:AVERage?", "NAN"),
    ("*TRG", None),
    ("SYST:ERR?", '-104,"Data type error"'),
    ("SYST:ERR?", NONE),
    (":ROUT:TERM REAR", None),
    (":SOUR:VOLT:LEV 0.05", None),
    (":SOUR:VOLT?", "0.05"),
    (":ABOR", None),
    ("OUTPUT OFF", None),
    ("SYST:ERR?", NONE),
]
QCODES = [
    ("*LANG?", "SCPI"),
    ("*RST", None),
    ("ROUTe:TERMinals rear", None),
    (":SOUR:FUNC?", "VOLT"),
    (":SENS:FUNC?", '"CURR:DC"'),
    (":SOUR:FUNC VOLT", None),
    (':SENS:FUNC "CURR:DC"', None),
    (":SOUR:voltage:RANGe 2", None),
    (":SOURce:voltage:RANGe:AUTO 1", None),
    ("SOUR:voltage:ILIM 0.001", None),
    ("SOUR:voltage:ILIM?", "0.001"),
    (":SOUR:voltage:ILIM:TRIPped?", "0"),
    (":SENSe:current:RANGe 0.001", None),
    (":SENSe:current:RANGe:AUTO 1", None),
    (":SENSe:current:NPLCycles 0.1", None),
    (":SENSe:current:NPLCycles?", "0.1"),
    (":SENSe:current:RSENse 1", None),
    (":SENSe:AZERo:ONCE", None),
    ("SOUR:voltage 0.1", None),
    ("SOUR:voltage?", "0.1"),
    (":OUTP 1", None),
    (":OUTP?", "1"),
    (":MEASure? 'defbuffer1'", "1.060645E-04"),
    (":SOURce:SWEep:voltage:LINear 0.05,0.1,5,0,1,AUTO,ON,OFF,'defbuffer1'", None),
    (":INITiate", None),
    ("*WAI", None),
    (":TRACe:DATA? 1, 5, 'defbuffer1'", ",".join(["1.060645E-04"] * 5)),
    (":TRACe:CLEar 'defbuffer1'", None),
    (":TRACe:MAKE 'b1', 100, ", None),
    (":OUTP 1", None),
    (":TRACe:TRIGger 'b1'", None),
    (":TRACe:TRIGger 'b1'", None),
    (":FETCh? 'b1', RELative,READing,SOURce", "3.404391E-03,2.175347E-04,2.000000E-01"),
    (":TRACe:DATA? 1, 2, 'b1', RELative,READing,SOURce", ",".join(["1.000000E+00"] * 6)),
    (":TRACe:ACTual? 'b1'", "2"),
    (":TRACe:DELete 'b1'", None),
    (":SYSTem:CLEar", None),
    (":STATus:CLEar", None),
    ("SYST:ERR?", NONE),
]


@pytest.fixture
def meter(make_meter):
    return make_meter("keithley_2450")


@pytest.fixture
def ready(meter):
    """A meter that forces 50 mV."""
    meter.ask(*READY)
    assert [] == meter.errors()
    return meter


@pytest.mark.parametrize("traffic", [PYMEASURE, QCODES], ids=["PyMeasure", "QCoDeS"])
def test_captured_traffic_is_answered_as_shown(meter, traffic):
    meter.replay(traffic)


def test_defaults_are_those_of_the_manual(meter):
    meter.ask(*READY, ":SENS:CURR:NPLC 5", "*RST")
    expected = {
        ":SOUR:FUNC?": "VOLT",
        ":SOUR:VOLT:ILIM?": "0.000105",
        ":SOUR:CURR:VLIM?": "21",
        ":SOUR:VOLT:RANG:AUTO?": "1",
        ":SOUR:VOLT:READ:BACK?": "1",
        ":SENS:FUNC?": '"CURR:DC"',
        ":SENS:CURR:NPLC?": "1",
        ":SENS:CURR:RANG:AUTO?": "1",
        ":SENS:COUN?": "1",
        ":OUTP:VOLT:SMOD?": "NORM",
        ":OUTP?": "0",
        ":TRAC:POIN?": "100000",
        ":FORM?": "ASC",
        ":FORM:BORD?": "SWAP",
        ":SYST:LFR?": "50",
        ":OUTP:INT:TRIP?": "1",
    }
    assert expected == {query: meter.ask(query) for query in expected}


# -- measuring -----------------------------------------------------------------------------------------


def test_a_reading_is_what_flows_in_the_network(ready):
    amperes, volts, _ = ready.point
    assert ready.number(":READ?") == pytest.approx(amperes, rel=1e-3, abs=1e-7)
    reading, source = ready.floats(":READ? 'defbuffer1', READ, SOUR")
    assert source == pytest.approx(volts, abs=1e-3)
    assert ready.number(":MEAS:VOLT?") == pytest.approx(volts, abs=1e-3)
    assert ready.number(":MEAS:RES?") == pytest.approx(volts / amperes, rel=1e-2)
    assert '"RES"' == ready.ask(":SENS:FUNC?")
    assert reading == pytest.approx(amperes, rel=1e-3, abs=1e-7)


def test_without_read_back_the_source_is_what_was_set(ready):
    ready.ask(":SOUR:VOLT:READ:BACK 0")
    assert "5.000000E-02" == ready.ask(":READ? 'defbuffer1', SOUR")


def test_with_the_output_off_a_reading_is_no_number(ready):
    assert "9.910000E+37" == ready.ask("OUTP OFF", ":READ?")


def test_the_limit_holds_the_source_and_trips(ready):
    ready.ask(":SOUR:VOLT:ILIM 20e-6")
    assert ("1", "0") == (ready.ask(":SOUR:VOLT:ILIM:TRIP?"), ready.ask(":SOUR:CURR:VLIM:TRIP?"))
    current, status = ready.floats(":READ? 'defbuffer1', READ, SOURSTAT")
    assert current == pytest.approx(20e-6, rel=1e-3)
    assert 8 + 32 + 128 == int(status)
    ready.ask(":SOUR:VOLT:ILIM 1e-3", ":SENS:CURR:RANG 10e-6")
    assert "9.900000E+37" == ready.ask(":READ?")
    assert ready.point[0] == pytest.approx(10.5e-6, rel=1e-5)


def test_integration_sets_the_time(ready):
    ready.ask(":SENS:CURR:AZER 0", ":SOUR:VOLT:READ:BACK 0", ":SOUR:VOLT:DEL 0")
    overhead = ready.model.timing.reading_overhead
    for nplc in (0.1, 1.0, 10.0):
        assert ready.took(f":SENS:CURR:NPLC {nplc}", ":READ?") == pytest.approx(nplc / 50 + overhead)
    ready.ask(":SENS:CURR:NPLC 1", ":SENS:CURR:AVER:COUN 4;TCON REP", ":SENS:CURR:AVER ON")
    assert ready.took(":READ?") == pytest.approx(4 * (0.02 + overhead))
    ready.ask(":SENS:CURR:AVER:TCON MOV", ":SENS:COUN 3")
    assert ready.took(":READ?") == pytest.approx(3 * (0.02 + overhead))
    assert "2" == ready.ask(":SENS:VOLT:NPLC 2", ":SENS:VOLT:NPLC?")
    assert ready.took(":SENS:FUNC 'VOLT'", ":SENS:COUN 1", ":SENS:VOLT:AZER 0", ":READ?") == pytest.approx(
        0.04 + overhead
    )


def test_a_current_source_raises_its_volts(meter):
    meter.ask("*RST", ":SOUR:FUNC CURR", ":SENS:FUNC 'VOLT'", ":SOUR:CURR 10e-6", ":SOUR:CURR:VLIM 1", ":OUTP ON")
    assert meter.number(":READ?") == pytest.approx(meter.point[1], abs=1e-3)
    meter.ask(":SOUR:CURR:VLIM 0.02", ":SOUR:CURR 1e-4")
    assert ("1", True) == (meter.ask(":SOUR:CURR:VLIM:TRIP?"), meter.point[2])


def test_off_is_what_the_output_off_state_says(ready):
    ready.ask(":OUTP 0")
    assert (True, 1e-4) == (ready.output.connected, pytest.approx(ready.output.limit))  # 10 % of the 1 mA range
    ready.ask(":OUTP:VOLT:SMOD HIMP")
    assert not ready.output.connected
    ready.ask(":OUTP:SMOD ZERO")
    assert ("ZERO", True) == (ready.ask(":OUTP:CURR:SMOD?"), ready.output.connected)
    ready.ask(":OUTP 1", ":ROUT:TERM REAR")
    assert "0" == ready.ask(":OUTP?")


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([":SOUR:VOLT 211"], -222),
        ([":SOUR:VOLT:RANG 2", ":SOUR:VOLT 3"], -222),
        ([":SOUR:VOLT:ILIM 1.1"], -222),
        ([":SENS:CURR:RANG 1e-3", ":SOUR:VOLT:ILIM 1e-7"], -222),
        ([":SENS:FUNC 'POW'"], -224),
        ([":SENS:CURR:NPLC 0.001"], -222),
        ([":READ? 'b1'"], -224),
        ([":FETC?"], -230),
        ([":TRAC:DATA? 1, 2"], -222),
        ([":TRAC:MAKE 'b1', 10", ":TRAC:MAKE 'b1', 10"], -221),
        ([":TRAC:MAKE '1b', 10"], -224),
        ([":TRAC:DEL 'defbuffer1'"], -221),
        ([":SOUR:SWE:VOLT:LIST 1"], -221),
        ([":SOUR:SWE:VOLT:LOG -1,1,5"], -222),
        ([":SOUR:SWE:VOLT:LIN 0,1,5,0,1,AUTO,ON,OFF,'b1'"], -224),
        ([":SOUR:SWE:VOLT:LIN 0,1,20000"], -221),
        ([":TRIG:LOAD 'SortBinning'"], -224),
        ([":TRIG:LOAD 'SimpleLoop', 20000", ":INIT"], -221),
        ([":SYST:RSEN ON"], -113),
        ([":FORM:ELEM RES"], -113),
    ],
)
def test_what_cannot_be_done_is_an_error(meter, messages, code):
    meter.ask("*RST", *messages)
    assert [code] == meter.errors()


# -- buffers ---------------------------------------------------------------------------------------------


def test_a_full_buffer_stops_or_forgets_the_oldest(ready):
    ready.ask(":TRAC:MAKE 'b1', 3", ":SENS:COUN 5", ":READ? 'b1'")
    first = ready.floats(":TRAC:DATA? 1, 3, 'b1', REL")
    assert (0.0, "3") == (first[0], ready.ask(":TRAC:ACT? 'b1'"))
    ready.ask(":TRAC:FILL:MODE CONT, 'b1'", ":READ? 'b1'")
    assert ready.floats(":TRAC:DATA? 1, 3, 'b1', REL")[0] > first[2]
    assert ("CONT", "3") == (ready.ask(":TRAC:FILL:MODE? 'b1'"), ready.ask(":TRAC:ACT:END? 'b1'"))
    ready.ask(":TRAC:POIN 20, 'b1'")
    assert ("20", "0") == (ready.ask(":TRAC:POIN? 'b1'"), ready.ask(":TRAC:ACT? 'b1'"))


def test_elements_of_a_reading_have_their_own_formats(ready):
    ready.ask(":SENS:COUN 2", ":READ?")
    elements = "STAT,SOURSTAT,UNIT,SOURUNIT,DATE,SEC,TIME,REL"
    first, second = ready.ask(f":TRAC:DATA? 1, 2, 'defbuffer1', {elements}").split(",0.000000E+00,")
    assert "264,136,Amp DC,Volt DC,01/01/2026,1767225600,00:00:00" == first
    assert second.startswith("8,136,Amp DC,Volt DC,01/01/2026,1767225600,00:00:00,")
    shown = ready.ask(":FETC? 'defbuffer1', FORM, SOURFORM").split(",")
    assert ["uA", "mV"] == [text.split()[1] for text in shown]
    assert 3 == len(ready.ask(":FORM:ASC:PREC 2", ":FETC?").split("E")[0])


def test_statistics_are_those_of_the_buffer(ready):
    ready.ask(":SENS:COUN 4", ":TRAC:TRIG")
    values = ready.floats(":TRAC:DATA? 1, 4")
    found = [ready.number(f":TRAC:STAT:{name}?") for name in ("AVER", "MAX", "MIN", "PK2P")]
    expected = [sum(values) / 4, max(values), min(values), max(values) - min(values)]
    assert expected == pytest.approx(found, rel=1e-3, abs=1e-12)
    assert "NAN" == ready.ask(":TRAC:STAT:CLE", ":TRAC:STAT:STDD?")


@pytest.mark.parametrize(("kind", "order", "letters"), [("REAL", "SWAP", "<2d"), ("SRE", "NORM", ">2f")])
def test_binary_readings_are_floats_in_the_byte_order(ready, kind, order, letters):
    ready.ask(":READ?", f":FORM {kind};:FORM:BORD {order}")
    reply = ready.ask(":FETC? 'defbuffer1', READ, SOUR").encode("latin-1")
    assert b"#0" == reply[:2]
    assert struct.unpack(letters, reply[2:]) == pytest.approx(
        ready.floats(":FORM ASC", ":FETC? 'defbuffer1', READ, SOUR"), rel=1e-6
    )
    ready.ask(":FORM REAL", ":FETC? 'defbuffer1', UNIT")
    assert [-104] == ready.errors()


# -- sweeps and loops --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "levels"),
    [
        (":SOUR:SWE:VOLT:LIN -0.05,0.05,5", [-0.05, -0.025, 0, 0.025, 0.05]),
        (":SOUR:SWE:VOLT:LIN:STEP 0.05,0,0.02", [0.05, 0.03, 0.01]),
        (":SOUR:SWE:VOLT:LIN 0,0.02,2,0,2,BEST,OFF,ON", [0, 0.02, 0.02, 0] * 2),
        (":SOUR:SWE:VOLT:LOG 0.001,0.1,3", [0.001, 0.01, 0.1]),
        (":SOUR:LIST:VOLT 0.01,-0.02;:SOUR:LIST:VOLT:APP 0.03;:SOUR:SWE:VOLT:LIST 2, 0.1", [-0.02, 0.03]),
    ],
)
def test_a_sweep_measures_at_each_level_and_turns_the_output_off(ready, command, levels):
    ready.ask(":SOUR:VOLT:READ:BACK OFF", command, ":INIT", "*WAI")
    assert ([], str(len(levels)), "0") == (ready.errors(), ready.ask(":TRAC:ACT?"), ready.ask(":OUTP?"))
    values = ready.floats(f":TRAC:DATA? 1, {len(levels)}, 'defbuffer1', SOUR, READ")
    assert levels == pytest.approx(values[::2])
    assert sorted(levels) == pytest.approx([level for _, level in sorted(zip(values[1::2], levels, strict=True))])


def test_a_sweep_stops_at_the_limit_unless_it_is_told_not_to(ready):
    ready.ask(":SOUR:VOLT:ILIM 20e-6", ":SOUR:SWE:VOLT:LIN 0,0.2,5,0,1,AUTO,ON", ":INIT")
    assert 1 < int(ready.ask(":TRAC:ACT?")) < 5
    assert "ABORTED;ABORTED;0" == ready.ask(":TRIG:STAT?")
    ready.ask(":SOUR:SWE:VOLT:LIN 0,0.2,5,0,1,AUTO,OFF", ":INIT")
    assert "5" == ready.ask(":TRAC:ACT?")


def test_a_simple_loop_reads_with_its_delay(ready):
    ready.ask(":TRAC:MAKE 'b1', 10", ":TRIG:LOAD \"SimpleLoop\", 4, 0.5, 'b1'", ":INIT")
    times = ready.floats(":TRAC:DATA? 1, 4, 'b1', REL")
    assert times[3] == pytest.approx(3 * times[1])
    assert ("1", times[1] > 0.5) == (ready.ask(":OUTP?"), True)
    ready.ask(":TRIG:LOAD 'Empty'", ":INIT")
    assert "4" == ready.ask(":TRAC:ACT? 'b1'")


def test_a_device_clear_and_a_trigger_change_nothing(ready):
    ready.firmware.clear()
    ready.firmware.trigger()
    assert ("1", []) == (ready.ask(":OUTP?"), ready.errors())
