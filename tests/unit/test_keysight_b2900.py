"""The simulated B2902A: captured messages, limits, formats, and what its triggers do to the array."""

import itertools
import struct

import pytest

from labmtj.twin.build import simulated_bench

BENCH = """title: A B2902A and a matrix
format: 1
visa: "@labmtj"
instruments:
  smu:    {model: keysight_b2902a, address: "TCPIP0::192.0.2.32::inst0::INSTR"}
  matrix: {model: keithley_707b, address: "TCPIP0::192.0.2.33::inst0::INSTR"}
roles: {A: smu.1, B: smu.2, C: ground}
lines: {rows: {1..3: 1..3}, cols: {1..3: 4..6}}
array: {rows: 3, cols: 3}
limits: {cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 7 mA}
wait: {after_relay: 3 ms, after_source: 200 us}
measure: {nplc: 1, range: 1 mA, source_range: 2 V}
pulse: {width: 100 us}
mains: 50 Hz
simulation:
  die: {diameter: 40 nm, wire: 5 ohm, seed: 17, defects: {short: 0 %, open: 0 %, stuck: 0 %}, telegraph: 0 %}
"""
OK = '+0,"No error"'
NAN = "+9.910000E+37"


class Bench:
    """Row 1 on channel 1, column 1 on channel 2, all else at ground."""

    def __init__(self, folder):
        path = folder / "bench.yaml"
        path.write_text(BENCH)
        bench = simulated_bench(str(path))
        self.world = bench.world
        links = {bench.names[address]: made.converse() for address, made in bench.instruments.items()}
        self.link = links["smu"]
        links["matrix"].write(b'channel.close("1A01,1B04,1C02,1C03,1C05,1C06")\n')

    def say(self, message, end=b"\r\n"):
        """What is answered to a message, None for nothing; bytes as latin-1."""
        self.link.write(message.encode("latin-1") + end)
        return self.link.read(1_000_000)[0].decode("latin-1").rstrip("\n") if self.link.waiting else None

    def numbers(self, query):
        return [float(value) for value in self.say(query).split(",")]

    def errors(self):
        return [error.partition(",")[0] for error in iter(lambda: self.say("SYST:ERR?"), OK)]

    def force(self, volts=0.1, limit=1e-3):
        for n, level in ((1, volts), (2, 0.0)):
            self.say(f"SENS{n}:CURR:PROT {limit};:SOUR{n}:VOLT {level};:OUTP{n}:OFF:MODE ZERO;:OUTP{n} 1")

    def pulses(self, message):
        """Volts and seconds of the pulses that a message makes."""
        before = self.world.log.count
        self.say(message)
        found = [entry for entry in self.world.log.since(before) if entry["kind"] == "pulse"]
        return [(entry["volts"], entry["seconds"]) for entry in found]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# -- captured messages -----------------------------------------------------------------------------


def test_what_qcodes_sends_is_answered_as_captured(bench):
    for message, reply in (
        ("*IDN?", "Keysight Technologies,B2902A,MY51143745,5.0.2307.1924"),
        (":SOUR1:FUNC:MODE VOLT", None),
        ("SENS1:CURR:PROT 0.001", None),
        ("SENS1:CURR:PROT?", "+1.00000000E-03"),
        ("SOURCE1:VOLT 0.1", None),
        ("SOURCE1:VOLT?", "+1.00000000E-01"),
        ("OUTP1 1", None),
        ("OUTP1?", "1"),
        (":SENS1:REM 1", None),
        (":SENS1:REM?", "1"),
        ("OUTP1 0", None),
        ("SYST:ERR?", OK),
    ):
        assert reply == bench.say(message, end=b"\n"), message


def test_readings_are_what_flows(bench):
    bench.force()
    amperes, volts, ohms = (bench.say(f"MEAS:{what}? (@1)") for what in ("CURR", "VOLT", "RES"))
    assert 13 == len(amperes) == len(volts)
    assert 0.1 == pytest.approx(float(volts), rel=0.01)
    assert float(volts) / float(amperes) == pytest.approx(float(ohms), rel=0.01)
    assert 500 < float(ohms) < 10_000
    assert bench.numbers("MEAS:CURR? (@2)")[0] < 0  # what came out of channel 1 goes in


def test_what_nomad_camels_sends_is_taken(bench):
    for message in (
        ":SOUR1:VOLT 0.0; :SOUR1:FUNC DC; FUNC:MODE VOLT",
        ":SENS1:CURR:PROT 0.001",
        ":SOUR1:VOLT:RANG 2",
        ":SOUR1:VOLT:RANG:AUTO ON",
        ":SENS1:VOLT:NPLC 1; :SENS1:CURR:NPLC 1; :SENS1:RES:NPLC 1;",
        ":OUTP1:LOW GRO;",
        ":OUTP1:PROT ON",
        ":SENS1:CURR:RANG:AUTO:MODE NORM",
        "OUTP1 ON",
    ):
        assert (None, OK) == (bench.say(message), bench.say("SYST:ERR?")), message


# -- limits, ranges, output ------------------------------------------------------------------------


def test_a_limit_holds_the_current_and_says_so(bench):
    bench.force(0.1, limit=1e-3)
    assert "0" == bench.say("SENS1:CURR:PROT:TRIP?")
    bench.say("SENS1:CURR:PROT 1e-5")
    assert ("1", "0") == (bench.say("SENS1:CURR:PROT:TRIP?"), bench.say("SENS1:VOLT:PROT:TRIP?"))
    assert 1e-5 == pytest.approx(bench.numbers("MEAS:CURR? (@1)")[0], rel=0.01)


def test_protection_turns_an_output_off_that_reaches_its_limit(bench):
    bench.force(0.0, limit=1e-5)
    bench.say("OUTP1:PROT ON")
    assert "1" == bench.say("OUTP1?")
    bench.say("SOUR1:VOLT 0.1")
    assert ["0", "1", "1"] == [bench.say(q) for q in ("OUTP1?", "OUTP2?", "OUTP1:PROT?")]


def test_ranges_are_full_scales_and_a_level_must_fit(bench):
    bench.say(":SOUR1:VOLT:RANG:AUTO 0;:SOUR1:VOLT:RANG 1.5;:SENS1:CURR:RANG 2e-4")
    assert ["+2.00000000E+00", "+1.00000000E-03", "0", "0"] == [
        bench.say(q)
        for q in (":SOUR1:VOLT:RANG?", ":SENS1:CURR:RANG?", ":SOUR1:VOLT:RANG:AUTO?", ":SENS1:CURR:RANG:AUTO?")
    ]
    bench.say("SOUR1:VOLT 2.05")
    assert [] == bench.errors()
    for message, code in (("SOUR1:VOLT 2.2", "-222"), ("SOUR1:VOLT:RANG 0.2", "-221"), ("SENS1:CURR:PROT 9", "-222")):
        bench.say(message)
        assert [code] == bench.errors(), message
    assert "+2.05000000E+00" == bench.say("SOUR1:VOLT?")


def test_a_fixed_current_range_overflows_to_infinity(bench):
    bench.force(0.1)
    bench.say("SENS1:CURR:RANG 1e-6")
    assert "+9.900000E+37" == bench.say("MEAS:CURR? (@1)")


@pytest.mark.parametrize(("mode", "connected"), [("NORM", False), ("HIZ", False), ("ZERO", True)])
def test_an_output_that_is_off_is_open_or_at_zero(bench, mode, connected):
    bench.force()
    bench.say(f"OUTP1:OFF:MODE {mode};:OUTP1 0")
    output = bench.world.outputs["smu", "1"]
    assert (mode, connected) == (bench.say("OUTP1:OFF:MODE?"), output.connected)
    assert abs(output.level) < 1e-3


def test_the_aperture_is_the_integration_time(bench):
    bench.say("SENS1:CURR:NPLC 0.5")
    assert ["+1.00000000E-02", "+5.00000000E-01"] == [bench.say(q) for q in ("SENS1:VOLT:APER?", "SENS1:CURR:NPLC?")]
    bench.say("SENS1:CURR:APER 20E-3")
    assert "+1.00000000E+00" == bench.say("SENS1:RES:NPLC?")


def test_a_current_source_keeps_to_its_voltage_limit(bench):
    bench.say("OUTP2:OFF:MODE ZERO;:SOUR1:FUNC:MODE CURR;:SOUR1:CURR 1E-5;:SENS1:VOLT:PROT 1;:OUTP1 1;:OUTP2 1")
    assert "+1.00000000E-05" == bench.say("SOUR1:CURR?")
    assert 1e-5 == pytest.approx(bench.numbers("MEAS:CURR? (@1)")[0], rel=0.01)
    bench.say("SENS1:VOLT:PROT 0.01")
    assert "1" == bench.say("SENS1:VOLT:PROT:TRIP?")
    assert 0.01 == pytest.approx(bench.numbers("MEAS:VOLT? (@1)")[0], abs=1e-3)


# -- data and formats ------------------------------------------------------------------------------


def test_elements_come_in_their_own_order_and_channels_side_by_side(bench):
    bench.force()
    bench.say("FORM:ELEM:SENS SOUR,CURR")
    assert "CURR,SOUR" == bench.say("FORM:ELEM:SENS?")
    assert [0.1, 0.0] == bench.numbers("READ? (@1,2)")[1::2]
    assert 2 == len(bench.numbers("READ?"))
    assert bench.numbers("FETC:CURR? (@2)")[0] == bench.numbers("FETC? (@1:2)")[2]


def test_what_is_not_measured_is_not_a_number(bench):
    assert NAN == bench.say("FETC:CURR? (@1)")
    bench.force()
    bench.say('SENS1:FUNC:OFF "CURR"')
    bench.say("READ? (@1)")
    assert NAN == bench.say("FETC:CURR? (@1)")
    assert '"VOLT"' == bench.say("SENS1:FUNC?")


@pytest.mark.parametrize(("bits", "code"), [(32, "f"), (64, "d")])
@pytest.mark.parametrize(("order", "sign"), [("NORM", ">"), ("SWAP", "<")])
def test_real_data_are_a_block(bench, bits, code, order, sign):
    bench.force()
    bench.say("READ? (@1)")
    (expected,) = bench.numbers("FETC:CURR? (@1)")
    bench.say(f"FORM REAL,{bits};:FORM:BORD {order}")
    bench.link.write(b"FETC:CURR? (@1)\n")
    reply = bench.link.read(100)[0]
    assert f"#1{bits // 8}".encode() == reply[:3]
    assert [expected] == [pytest.approx(value, rel=1e-5) for value in struct.unpack(f"{sign}{code}", reply[3:-1])]
    assert f"REAL,{bits}" == bench.say("FORM?")


# -- triggers --------------------------------------------------------------------------------------


def test_a_list_is_stepped_through_with_a_reading_each(bench):
    bench.force(0.0)
    bench.say("FORM:ELEM:SENS SOUR,CURR;:SOUR1:VOLT:MODE LIST;:SOUR1:LIST:VOLT 0.01,0.02;:SOUR1:LIST:VOLT:APP 0.03")
    bench.say("TRIG1:COUN 3;:INIT (@1)")
    found = bench.numbers("FETC:ARR? (@1)")
    assert [0.01, 0.02, 0.03] == found[1::2]
    assert found[0] < found[2] < found[4]
    assert ["3", "+1.00000000E-02,+2.00000000E-02,+3.00000000E-02"] == [
        bench.say(q) for q in ("SOUR1:LIST:VOLT:POIN?", "SOUR1:LIST:VOLT?")
    ]


def test_a_sweep_goes_from_start_to_stop(bench):
    bench.force(0.0)
    bench.say("FORM:ELEM:SENS SOUR;:SOUR1:VOLT:MODE SWE;:SOUR1:VOLT:STAR 0;:SOUR1:VOLT:STOP 0.04;:SOUR1:VOLT:POIN 5")
    assert [0, 0.01, 0.02, 0.03, 0.04] == [pytest.approx(v) for v in bench.numbers("TRIG1:COUN 5;:READ:ARR? (@1)")]


def test_a_timer_spaces_the_triggers(bench):
    bench.force()
    bench.say("SENS1:CURR:NPLC 0.01;:TRIG1:SOUR TIM;:TRIG1:TIM 0.1;:TRIG1:COUN 4;:FORM:ELEM:SENS TIME")
    times = bench.numbers("READ:ARR? (@1)")
    assert [0.1] * 3 == [pytest.approx(after - before, rel=1e-3) for before, after in itertools.pairwise(times)]


def test_both_channels_pulse_together_on_one_trigger_and_read_within_it(bench):
    bench.force(0.0, limit=5e-3)
    for n, peak in ((1, 0.25), (2, -0.25)):
        bench.say(f"SOUR{n}:FUNC:SHAP PULS;:SOUR{n}:PULS:WIDT 1e-4;:SOUR{n}:VOLT:TRIG {peak};:TRIG{n}:SOUR BUS")
    assert [] == bench.pulses("INIT (@1,2)")
    state = bench.world.electrics.state
    ((volts, seconds),) = bench.pulses("*TRG")
    assert {"smu.1": pytest.approx(0.25, abs=1e-3), "smu.2": pytest.approx(-0.25, abs=1e-3)} == volts
    assert 1e-4 == pytest.approx(seconds)
    assert 0 == state.state[0, 0]
    first, second = bench.numbers("FETC:CURR? (@1,2)")
    assert first > 1e-5 > -1e-5 > second
    assert abs(bench.world.outputs["smu", "1"].level) < 1e-3
    assert [] == bench.errors()


def test_a_pulse_list_makes_one_pulse_a_trigger(bench):
    bench.force(0.0)
    bench.say("SOUR1:FUNC:SHAP PULS;:SOUR1:PULS:WIDT 1e-4;:SOUR1:PULS:DEL 1e-4;:SOUR1:VOLT:MODE LIST")
    bench.say("SOUR1:LIST:VOLT 0.1,-0.1;:TRIG1:COUN 4")
    levels = [volts["smu.1"] for volts, _ in bench.pulses("INIT (@1)")]
    assert [0.1, -0.1, 0.1, -0.1] == [pytest.approx(level, abs=1e-3) for level in levels]


def test_a_trigger_that_nobody_waits_for_is_ignored_and_abort_drops_what_waits(bench):
    bench.say("*TRG")
    assert ["-211"] == bench.errors()
    bench.say("TRIG1:SOUR BUS;:INIT (@1)")
    bench.say("INIT (@1)")
    assert ["-213"] == bench.errors()
    bench.say(":ABOR (@1);*TRG")
    assert ["-211"] == bench.errors()


def test_reading_turns_an_output_on_unless_that_is_forbidden(bench):
    bench.say("OUTP1:ON:AUTO 0;:INIT (@1)")
    assert "0" == bench.say("OUTP1?")
    bench.say("OUTP1:ON:AUTO 1;:INIT (@1)")
    assert "1" == bench.say("OUTP1?")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("OUTP3 1", "-114"),
        ("READ? (@3)", "-222"),
        ("SOUR1:PULS:WIDT 1e-6", "-222"),
        ("TRIG1:COUN 0", "-222"),
        ("FORM REAL,16", "-222"),
        ("SENS1:FUNC 'WATT'", "-224"),
        ("SOUR1:FUNC:SHAP SINE", "-224"),
        ("SOUR1:VOLT:NONSENSE 1", "-113"),
        ("SOUR1:FUNC:MODE CURR;:SOUR1:FUNC PULS;:INIT (@1)", "-200"),
        ("TRIG1:COUN 1000;:ARM1:COUN 1000;:INIT (@1)", "-221"),
    ],
)
def test_what_it_cannot_do_is_an_error(bench, message, code):
    bench.say(message)
    assert [code] == bench.errors()
