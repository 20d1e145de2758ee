"""The simulated 33522B and 81160A: what clients send is answered as captured, and pulses reach the array."""

import math

import numpy as np
import pytest

from labmtj.twin.build import simulated_bench

BENCH = """title: A generator and a matrix
format: 1
visa: "@labmtj"
instruments:
  gen:    {{model: {model}, address: "TCPIP0::192.0.2.23::inst0::INSTR"}}
  matrix: {{model: keithley_707b, address: "TCPIP0::192.0.2.33::inst0::INSTR"}}
roles: {{A: gen.1, B: gen.2, C: ground}}
lines: {{rows: {{1..3: 1..3}}, cols: {{1..3: 4..6}}}}
array: {{rows: 3, cols: 3}}
limits: {{cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 7 mA}}
wait: {{after_relay: 3 ms, after_source: 200 us}}
measure: {{nplc: 1, range: 1 mA, source_range: 2 V}}
pulse: {{width: 100 us}}
mains: 50 Hz
simulation:
  die: {{diameter: 40 nm, wire: 5 ohm, seed: 17, defects: {{short: 0 %, open: 0 %, stuck: 0 %}}, telegraph: 0 %}}
"""
OK = '+0,"No error"'


def each(messages):
    """The messages of a text, which stand between bars and on lines."""
    return [message.strip() for line in messages.strip().splitlines() for message in line.split(" | ")]


class Bench:
    def __init__(self, folder, model):
        path = folder / "bench.yaml"
        path.write_text(BENCH.format(model=model))
        bench = simulated_bench(str(path))
        self.world = bench.world
        self.links = {bench.names[address]: made.converse() for address, made in bench.instruments.items()}

    def say(self, message, to="gen", end=b"\r\n"):
        """What is answered to a message, None for nothing."""
        link = self.links[to]
        link.write(message if isinstance(message, bytes) else message.encode("latin-1") + end)
        return link.read(100_000)[0].decode("latin-1").rstrip("\n") if link.waiting else None

    def number(self, query):
        return float(self.say(query))

    def errors(self):
        return list(iter(lambda: self.say("SYST:ERR?"), OK))

    def connect(self, column="B"):
        """Row 1 on output 1, column 1 on output 2 (B) or at ground (C), all else at ground."""
        self.say(f'channel.close("1A01,1{column}04,1C02,1C03,1C05,1C06")', to="matrix", end=b"\n")

    def pulses(self, message):
        """Volts and seconds of the pulses that a message makes."""
        before = self.world.log.count
        self.say(message)
        found = [entry for entry in self.world.log.since(before) if entry["kind"] == "pulse"]
        return [(entry["volts"], entry["seconds"]) for entry in found]


@pytest.fixture
def k33500(tmp_path):
    return Bench(tmp_path, "keysight_33522b")


@pytest.fixture
def k81160(tmp_path):
    return Bench(tmp_path, "keysight_81160a")


def arm(bench, channel, high, low=0.0, width=1e-4, load="INF", polarity="NORM"):
    """One pulse a *TRG on a 33500."""
    s = f":SOUR{channel}"
    bench.say(f"{s}:FUNC PULS;:OUTP{channel}:LOAD {load};{s}:FUNC:PULS:WIDT {width};:OUTP{channel}:POL {polarity}")
    bench.say(f"{s}:VOLT:HIGH {high};{s}:VOLT:LOW {low}")
    bench.say(f"{s}:BURS:MODE TRIG;{s}:BURS:NCYC 1;:TRIG{channel}:SOUR BUS;{s}:BURS:STAT 1;:OUTP{channel} 1")


# -- captured messages -----------------------------------------------------------------------------


def test_a_33522b_takes_what_pymeasure_sends(k33500):
    for message in each(
        """
        *RST | SOUR1:FUNC PULS | SOUR1:FUNC:PULS:PER 1.000000e-03 | SOUR1:FUNC:PULS:WIDT 1.000000e-06
        SOUR1:FUNC:PULS:TRAN:BOTH 1.000000e-08 | SOUR1:FUNC:PULS:DCYC 10.000000
        SOUR1:FUNC:PULS:HOLD WIDT | SOUR1:VOLT:HIGH 0.500000 | SOUR1:VOLT:LOW 0.000000 | OUTP1:LOAD 50
        SOUR1:BURS:NCYC 1 | SOUR1:BURS:MODE TRIG | SOUR1:BURS:STAT 1 | OUTP1 1 | TRIG:SOUR BUS
        *TRG;*WAI | SYST:BEEP
        """
    ):
        assert (None, OK) == (k33500.say(message), k33500.say("SYST:ERR?")), message
    assert "Agilent Technologies,33522B,MY50000891,2.03-1.19-2.00-52-00" == k33500.say("*IDN?")


def test_a_33522b_takes_what_qcodes_sends(k33500):
    for message in each(
        """
        SOURce1:FUNCtion PULS | SOURce1:FUNCtion:PULSE:WIDTh 1e-06 | SOURce1:FREQuency 1000
        SOURce1:VOLTage 0.5 | SOURce1:VOLTage:OFFSet 0.25 | SOURce1:VOLTage:UNIT VPP
        SOURce1:BURSt:MODE TRIG | SOURce1:BURSt:NCYCles 1 | SOURce1:BURSt:STATe 1 | TRIGger1:SOURce BUS
        OUTPut1 1 | OUTPut:SYNC 1
        """
    ):
        assert (None, OK) == (k33500.say(message), k33500.say("SYSTem:ERRor?")), message
    queries = "SOUR1:FUNC? | SOUR1:FUNC:PULSE:WIDTh? | SOURce1:BURSt:MODE? | TRIGger1:SOURce? | OUTPut1?"
    expected = ["PULS", "+1.000000000000000E-06", "TRIG", "BUS", "1"]
    assert expected == [k33500.say(query) for query in each(queries)]


def test_headers_of_a_33250a_are_taken(k33500):
    for message in each(
        """
        FUNC PULS | PULS:PER 0.001 | PULS:WIDT 1e-07 | PULS:TRAN 1e-08 | VOLT:HIGH 0.500000
        VOLT:LOW 0.000000 | OUTP:LOAD 50 | BURS:NCYC 1 | BURS:MODE TRIG | BURS:STAT 1 | TRIG:SOUR BUS
        OUTP 1
        """
    ):
        assert (None, OK) == (k33500.say(message), k33500.say("SYST:ERR?")), message


def test_an_81160a_takes_what_pymeasure_sends(k81160):
    for message in each(
        """
        :FUNC1 PULS | :PULS:PER1 1.000000e-06 | :PULS:WIDT1 1.000000e-08
        :FUNC1:PULS:TRAN 1.000000e-09 | :VOLT1:HIGH 0.500000 | :VOLT1:LOW 0.000000 | :VOLT1 0.500000
        :VOLT1:OFFS 0.250000 | :OUTP1:LOAD 5.000000e+01 | :VOLT1:LIM:HIGH 1.000000 | :VOLT1:LIM:STAT 1
        :BURS1:NCYC 2 | :BURS1:STAT 0 | :BURS1:MODE TRIG | :ARM:SOUR1 MAN | :TRIG1:COUN 1 | OUTP1 1
        *TRG;*WAI
        """
    ):
        assert (None, OK) == (k81160.say(message), k81160.say("SYST:ERR?")), message
    assert ["PULS", "1.000000e-08", "1", "5.000000e-01"] == [
        k81160.say(query) for query in (":FUNC1?", ":PULS:WIDT1?", "OUTP1?", ":VOLT1:HIGH?")
    ]


def test_an_81160a_takes_apply_and_a_block_without_a_line_end(k81160):
    assert None is k81160.say(":APPL1:PULS 1000000.0, 0.5, 0.25")
    assert None is k81160.say(b":DATA1:DAC VOLATILE,#16\xe0\x01\x00\x00\x1f\xff")
    assert [] == k81160.errors()
    assert [1e6, 0.5, 0.25] == [k81160.number(query) for query in (":FREQ1?", ":VOLT1?", ":VOLT1:OFFS?")]


# -- levels, load, limits --------------------------------------------------------------------------


def test_levels_are_meant_for_the_load_and_a_change_of_load_moves_no_volt(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.4, low=0.1, load=50)
    assert 0.2 == pytest.approx(k33500.world.outputs["gen", "1"].level)
    k33500.say("OUTP1:LOAD INF")
    assert [0.8, 0.2, 9.9e37] == [k33500.number(q) for q in ("VOLT:HIGH?", "VOLT:LOW?", "OUTP1:LOAD?")]
    assert 0.2 == pytest.approx(k33500.world.outputs["gen", "1"].level)
    k33500.say("OUTP1:LOAD 150")
    assert 0.6 == pytest.approx(k33500.number("VOLT:HIGH?"))
    assert [] == k33500.errors()


def test_a_level_that_passes_the_other_moves_it(k33500):
    k33500.say("OUTP1:LOAD INF;:VOLT:HIGH 0.5;:VOLT:LOW 0.2;:VOLT:HIGH 0.1")
    assert ['-221,"Settings conflict; low level changed due to high level"'] == k33500.errors()
    assert [0.1, 0.098] == [k33500.number(query) for query in ("VOLT:HIGH?", "VOLT:LOW?")]


def test_what_is_beyond_the_output_is_clipped_with_an_error(k33500):
    k33500.say("OUTP1:LOAD INF;:VOLT:HIGH 12")
    assert ['-222,"Data out of range; value clipped to upper limit"'] == k33500.errors()
    assert 10.0 == k33500.number("VOLT:HIGH?")


def test_an_amplitude_moves_the_offset_and_an_offset_the_amplitude(k33500):
    k33500.say("VOLT:OFFS 4;:VOLT 4")
    assert ['-221,"Settings conflict; offset changed due to amplitude"'] == k33500.errors()
    assert [4.0, 3.0] == [k33500.number(query) for query in ("VOLT?", "VOLT:OFFS?")]
    k33500.say("VOLT:OFFS 4")
    assert ['-221,"Settings conflict; amplitude changed due to offset"'] == k33500.errors()
    assert 2.0 == k33500.number("VOLT?")


def test_user_limits_hold_levels_and_forbid_another_load(k33500):
    k33500.say("VOLT:LIM:HIGH 0.3;:VOLT:LIM:LOW 0;:VOLT:LIM:STAT 1")
    assert 1 == len(k33500.errors())  # the low level of -50 mV
    k33500.say("VOLT:HIGH 0.5")
    assert ['-221,"Settings conflict; value clipped to voltage limit"'] == k33500.errors()
    assert 0.3 == k33500.number("VOLT:HIGH?")
    k33500.say("OUTP1:LOAD INF")
    assert 1 == len(k33500.errors())
    assert 50.0 == k33500.number("OUTP1:LOAD?")


@pytest.mark.parametrize(
    ("unit", "value", "volts"), [("VPP", 1.0, 1.0), ("VRMS", 0.5, 1.0), ("DBM", 10 * math.log10(0.25 / 50 / 1e-3), 1.0)]
)
def test_an_amplitude_has_a_unit(k33500, unit, value, volts):
    k33500.say(f"FUNC PULS;:VOLT:UNIT {unit};:VOLT {value!r}")
    assert value == pytest.approx(k33500.number("VOLT?"))
    k33500.say("VOLT:UNIT VPP")
    assert volts == pytest.approx(k33500.number("VOLT?"))


def test_an_81160a_refuses_what_does_not_fit(k81160):
    k81160.say(":FUNC1 PULS;:OUTP1:LOAD INF;:VOLT1:HIGH 0.3;:VOLT1:LOW 0")
    for message, code in (
        (":VOLT1:HIGH 20", "-222"),
        (":VOLT1:HIGH -1", "-221"),
        (":PULS:WIDT1 2e-6", "-221"),
        (":PULS:WIDT1 1e-9", "-222"),
        (":PULS:PER1 1e-8", "-221"),
        (":BURS1:NCYC 1", "-222"),
        (":OUTP3 1", "-114"),
    ):
        k81160.say(message)
        assert [code] == [error.partition(",")[0] for error in k81160.errors()], message
    assert [0.3, 0.0, 1e-7, 1e-6] == [
        pytest.approx(k81160.number(query)) for query in (":VOLT1:HIGH?", ":VOLT1:LOW?", ":PULS:WIDT1?", ":PULS:PER1?")
    ]


# -- times -----------------------------------------------------------------------------------------


def test_a_width_is_limited_by_the_period(k33500):
    k33500.say("FUNC PULS;:FUNC:PULS:PER 1e-6")
    assert ['-221,"Settings conflict; pulse width decreased due to period"'] == k33500.errors()
    assert 984e-9 == pytest.approx(k33500.number("FUNC:PULS:WIDT?"))
    k33500.say("FUNC:PULS:WIDT 2e-6")
    assert ["-222"] == [error.partition(",")[0] for error in k33500.errors()]
    assert 984e-9 == pytest.approx(k33500.number("FUNC:PULS:WIDT?"))


def test_an_edge_is_limited_by_the_width(k33500):
    k33500.say("FUNC PULS;:FUNC:PULS:TRAN 100e-9;:FUNC:PULS:WIDT 50e-9")
    assert ['-221,"Settings conflict; edge time decreased due to pulse width"'] == k33500.errors()
    assert 31.25e-9 == pytest.approx(k33500.number("FUNC:PULS:TRAN?"))
    k33500.say("FUNC:PULS:TRAN:TRA 40e-9")
    assert ["-222"] == [error.partition(",")[0] for error in k33500.errors()]


def test_the_duty_cycle_stays_when_it_is_held(k33500):
    k33500.say("FUNC PULS;:FUNC:PULS:DCYC 20;:FUNC:PULS:HOLD DCYC;:FUNC:PULS:PER 1e-4")
    assert [20.0, 2e-5] == [pytest.approx(k33500.number(q)) for q in ("FUNC:PULS:DCYC?", "FUNC:PULS:WIDT?")]


def test_queries_know_their_bounds(k33500):
    assert [16e-9, 1e6, 10.0, 1e-3] == [
        pytest.approx(k33500.number(q)) for q in ("FUNC:PULS:WIDT? MIN", "PULS:WIDT? MAX", "VOLT? MAX", "VOLT? MIN")
    ]


# -- pulses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "factor"), [(50, 2.0), ("INF", 1.0), (100, 1.5)])
def test_a_pulse_has_the_volts_that_load_and_levels_give(k33500, load, factor):
    k33500.connect()
    arm(k33500, 1, high=0.2, width=1e-4, load=load)
    ((volts, seconds),) = k33500.pulses("*TRG")
    assert {"gen.1": pytest.approx(0.2 * factor)} == volts
    assert 1e-4 == pytest.approx(seconds)
    assert 50.0 == k33500.world.outputs["gen", "1"].ohms


def test_an_inverted_pulse_rests_high_and_goes_low(k33500):
    k33500.connect(column="C")
    arm(k33500, 1, high=0.0, low=-0.3, polarity="INV")
    assert 0.0 == k33500.world.outputs["gen", "1"].level
    assert [({"gen.1": pytest.approx(-0.3)}, pytest.approx(1e-4))] == k33500.pulses("*TRG")
    assert [] == k33500.world.violations


def test_both_channels_fire_in_one_pulse_and_switch_a_cell_that_neither_switches_alone(k33500):
    k33500.connect()
    state = k33500.world.electrics.state
    arm(k33500, 1, high=0.25, width=1e-6)
    arm(k33500, 2, high=0.0, low=-0.25, width=1e-6, polarity="INV")
    begun = state.state.copy()
    ((volts, _),) = k33500.pulses("*TRG;*WAI")
    assert {"gen.1": pytest.approx(0.25), "gen.2": pytest.approx(-0.25)} == volts
    assert 0 == state.state[0, 0]  # P: V/2 on each line alone leaves the others as they were
    begun[0, 0] = 0
    assert begun.tolist() == state.state.tolist()


def test_pulses_of_different_widths_become_segments_in_order(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.2, width=3e-5)
    arm(k33500, 2, high=0.1, width=1e-5)
    assert [
        ({"gen.1": pytest.approx(0.2), "gen.2": pytest.approx(0.1)}, pytest.approx(1e-5)),
        ({"gen.1": pytest.approx(0.2), "gen.2": pytest.approx(0.0)}, pytest.approx(2e-5)),
    ] == k33500.pulses("*TRG")


def test_a_burst_of_cycles_takes_its_periods(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.2, width=1e-4)
    k33500.say("BURS:NCYC 5;:PULS:PER 1e-3")
    before = k33500.world.now()
    assert 5 == len(k33500.pulses("*TRG"))
    assert 5e-3 == pytest.approx(k33500.world.now() - before, abs=2e-3)


def test_a_trigger_without_a_channel_that_waits_is_ignored(k33500):
    k33500.say("*TRG")
    assert ['-211,"Trigger ignored"'] == k33500.errors()


def test_a_channel_on_the_external_trigger_rests(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.2)
    arm(k33500, 2, high=0.2)
    k33500.say("TRIG2:SOUR EXT")
    assert [{"gen.1": pytest.approx(0.2)}] == [volts for volts, _ in k33500.pulses("*TRG")]
    assert [{"gen.2": pytest.approx(0.2)}] == [volts for volts, _ in k33500.pulses("TRIG2")]


def test_an_output_that_is_off_pulses_nothing(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.2)
    k33500.say("OUTP1 OFF")
    assert [] == k33500.pulses("*TRG")
    assert not k33500.world.outputs["gen", "1"].connected
    assert [] == k33500.errors()


@pytest.mark.parametrize("message", ["BURS:STAT 0", "TRIG1:SOUR IMM", "TRIG1:SOUR TIM", "APPL:PULS 1 KHZ, 0.1, 0"])
def test_a_continuous_train_is_noted_once(k33500, message):
    k33500.connect(column="C")
    arm(k33500, 1, high=0.01)
    k33500.say(message)
    k33500.say("VOLT:OFFS 0.001")
    assert 1 == len(k33500.world.violations)
    assert "gen.1 puts out a continuous PULS" in k33500.world.violations[0]


@pytest.mark.parametrize("cycles", ["INF", "1e6"])
def test_a_burst_that_is_too_long_to_play_is_noted(k33500, cycles):
    k33500.connect()
    arm(k33500, 1, high=0.01)
    k33500.say(f"BURS:NCYC {cycles}")
    assert [] == k33500.pulses("*TRG")
    assert 1 == len(k33500.world.violations)


def test_dc_stands_on_the_line(k33500):
    k33500.connect(column="C")
    k33500.say("OUTP1:LOAD INF;:FUNC DC;:VOLT:OFFS 0.02;:OUTP1 1")
    assert 0.02 == pytest.approx(k33500.world.outputs["gen", "1"].level)
    assert [] == k33500.world.violations


@pytest.mark.parametrize("block", [False, True])
def test_an_uploaded_waveform_is_played_sample_by_sample(k33500, block):
    k33500.connect()
    points = np.array([-1, -1, 1, 1, 1, 0, -1, -1], dtype=">f4")
    sent = b"#232" + points.tobytes() if block else ",".join(map(str, points.tolist())).encode()
    k33500.say(b"DATA:ARB steps," + sent + b"\n")
    k33500.say("FUNC:ARB steps;:FUNC:ARB:SRAT 1e5;:FUNC ARB;:OUTP1:LOAD INF;:VOLT:HIGH 0.2;:VOLT:LOW 0")
    k33500.say("BURS:STAT 1;:TRIG:SOUR BUS;:OUTP1 1")
    assert [("gen.1", 0.2, 3e-5), ("gen.1", 0.1, 1e-5)] == [
        (name, pytest.approx(level), pytest.approx(seconds))
        for volts, seconds in k33500.pulses("*TRG")
        for name, level in volts.items()
    ]
    assert [] == k33500.errors()
    assert '"steps"' == k33500.say("FUNC:ARB?")


def test_an_81160a_fires_both_channels_by_hand(k81160):
    k81160.connect()
    for n, high in ((1, 0.3), (2, 0.2)):
        k81160.say(f":FUNC{n} PULS;:OUTP{n}:LOAD 50;:PULS:WIDT{n} 1e-7;:VOLT{n}:HIGH {high};:VOLT{n}:LOW 0")
        k81160.say(f":ARM:SOUR{n} MAN;:TRIG{n}:COUN 1;:OUTP{n} 1")
    assert [({"gen.1": pytest.approx(0.6), "gen.2": pytest.approx(0.4)}, pytest.approx(1e-7))] == k81160.pulses("*TRG")
    k81160.say(":TRIG1:COUN 3")
    assert 3 == len(k81160.pulses("*TRG"))
    assert [] == k81160.world.violations


def test_a_reset_turns_outputs_off(k33500):
    k33500.connect()
    arm(k33500, 1, high=0.2)
    k33500.say("*RST")
    assert ["0", "SIN", "+5.000000000000000E+01"] == [k33500.say(q) for q in ("OUTP1?", "FUNC?", "OUTP1:LOAD?")]
    assert not k33500.world.outputs["gen", "1"].connected


@pytest.mark.parametrize(
    "message", ["VOLT 1E30 DBM", "VOLT 1E30", "FREQ 0", "PULS:PER 0", "PULS:WIDT -1", "VOLT:OFFS 1E30"]
)
def test_absurd_numbers_are_errors_and_nothing_more(k33500, message):
    k33500.say(message)
    assert {"-222"} <= {error.partition(",")[0] for error in k33500.errors()}
