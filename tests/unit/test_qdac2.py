"""The simulated QDAC-II: commands of the QCoDeS driver, levels that change together, lists and square waves."""

import struct

import pytest

from labmtj.twin.build import simulated_bench

BENCH = """title: A QDAC-II and a matrix
format: 1
visa: "@labmtj"
instruments:
  dac:    {model: qdevil_qdac2, address: "TCPIP0::192.0.2.31::5025::SOCKET"}
  matrix: {model: keithley_707b, address: "TCPIP0::192.0.2.33::inst0::INSTR"}
roles: {A: ground, B: dac.4}
lines: {rows: {1..3: dac.1..3}, cols: {1..3: 4..6}}
array: {rows: 3, cols: 3}
limits: {cell_voltage: 700 mV, terminal_voltage: 1.5 V, line_compliance: 7 mA}
wait: {after_relay: 3 ms, after_source: 200 us}
measure: {nplc: 1, range: 1 mA, source_range: 2 V}
pulse: {width: 1 ms}
mains: 50 Hz
simulation:
  die: {diameter: 40 nm, wire: 5 ohm, seed: 17, defects: {short: 0 %, open: 0 %, stuck: 0 %}, telegraph: 0 %}
"""
OK = '0, "No error"'


class Bench:
    """Rows 1 to 3 on channels 1 to 3, column 1 on channel 4, the other columns at ground."""

    def __init__(self, folder):
        path = folder / "bench.yaml"
        path.write_text(BENCH)
        bench = simulated_bench(str(path))
        self.world = bench.world
        links = {bench.names[address]: made.converse() for address, made in bench.instruments.items()}
        self.link = links["dac"]
        links["matrix"].write(b'channel.close("1B04,1A05,1A06")\n')

    def say(self, message):
        """What is answered to a message, None for nothing."""
        self.link.write(message if isinstance(message, bytes) else message.encode() + b"\n")
        return self.link.read(1_000_000)[0].decode().rstrip("\n") if self.link.waiting else None

    def numbers(self, query):
        return [float(value) for value in self.say(query).split(",")]

    def errors(self):
        return [error.partition(",")[0] for error in iter(lambda: self.say("syst:err?"), OK)]

    def level(self, channel):
        return self.world.outputs["dac", str(channel)].level

    def pulses(self, message):
        """Volts and seconds of the pulses that a message makes."""
        before = self.world.log.count
        self.say(message)
        found = [entry for entry in self.world.log.since(before) if entry["kind"] == "pulse"]
        return [(entry["volts"], entry["seconds"]) for entry in found]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def near(volts):
    return pytest.approx(volts, abs=1e-3)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("*IDN?", "QDevil, QDAC-II, 242, 13-1.57"),
        ("*idn?", "QDevil, QDAC-II, 242, 13-1.57"),
        ("syst:err?", OK),
        ("syst:err:all?", OK),
        ("syst:err:coun?", "0"),
        ("sour1:rang?", "high"),
        ("sour1:rang low;:sour1:rang?", "low"),
        ("sour1:rang:low:max?", "2"),
        ("sour1:rang:high:min?", "-10"),
        ("sour1:filt med;:sour1:filt?", "med"),
        ("sour1:volt:slew?", "20000000"),
        ("sour1:volt:slew 100;:sour1:volt:slew?", "100"),
        ("sour1:volt:mode?", "fix"),
        ("sour1:volt:mode list;:sour1:volt:mode?", "list"),
        ("sour1:volt:mode sweep;:sour1:volt:mode?", "swe"),
        ("sour24:dc:trig:sour int14;:sour24:dc:trig:sour?", "int14"),
        ("sour1:list:tmod step;:sour1:list:tmod?", "step"),
        ("sour1:list:volt -0.123,0,1.234;:sour1:list:volt?", "-0.123,0,1.234"),
        ("sour1:list:volt:app 1;:sour1:list:poin?", "2"),
        ("sour1:swe:gen auto;:sour1:swe:gen?", "auto"),
        ("sour1:swe:poin 11;:sour1:swe:dwel 0.1;:sour1:swe:time?", "1.1"),
        ("sour1:swe:star -1;:sour1:swe:star?", "-1"),
        ("sour1:dc:del 0.01;:sour1:dc:del?", "0.01"),
        ("sour1:squ:del 0;:sour1:squ:del?", "0"),
        ("sens1:rang low;:sens1:rang?", "low"),
        ("sens1:nplc 2;:sens1:aper?", "0.04"),
        ("sens1:aper 0.01;:sens1:nplc?", "0.5"),
        ("sens:rang low,(@1,2,3);:sens:rang? (@1:3)", "low,low,low"),
        ("sens1:coun 3;:sens1:coun?", "3"),
        ("outp:trig4:widt 1e-6;:outp:trig4:widt?", "1e-06"),
        ("syst:comm:lan:mac?", '"049162C01016"'),
    ],
)
def test_commands_of_the_qcodes_driver_are_answered(bench, message, reply):
    assert (reply, OK) == (bench.say(message), bench.say("syst:err?"))


def test_a_level_stands_at_the_output(bench):
    bench.say("sour1:volt 0.05")
    assert ["0.05", "0.05"] == [bench.say("sour1:volt?"), bench.say("sour1:volt:last?")]
    assert near(0.05) == bench.level(1)
    assert (50.0, 0.01) == (bench.world.outputs["dac", "1"].ohms, bench.world.outputs["dac", "1"].limit)


def test_a_channel_list_sets_levels_together(bench):
    bench.say("sour:dc:volt 0.1,(@1,3)")
    assert [0.1, 0, 0.1] == bench.numbers("sour:dc:volt? (@1:3)")
    assert [near(0.1), near(0), near(0.1)] == [bench.level(n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("sour1:rang low;:sour1:volt 2.1", "-222"),
        ("sour1:volt 10.1", "-222"),
        ("sour1:volt 5;:sour1:rang low", "-221"),
        ("sour25:volt 0", "-114"),
        ("sour:volt 0,(@25)", "-222"),
        ("sour1:rang low;:sour1:list:volt 0,3", "-222"),
        ("sour1:volt:mode list;:sour1:volt 0.1", "-221"),
        ("sour1:list:dwel 1e-7", "-222"),
        ("sour1:sine:init", "-113"),
        ("tint 17", "-222"),
    ],
)
def test_what_it_cannot_do_is_an_error(bench, message, code):
    bench.say(message)
    assert [code] == bench.errors()


def test_pending_levels_change_on_one_trigger(bench):
    for n, volts in ((1, 0.02), (2, -0.02)):
        bench.say(f"sour{n}:dc:trig:sour int3;:sour{n}:volt:trig {volts};:sour{n}:dc:init")
    assert [near(0), near(0)] == [bench.level(1), bench.level(2)]
    bench.say("tint 2")
    assert near(0) == bench.level(1)
    bench.say("tint 3")
    assert [near(0.02), near(-0.02)] == [bench.level(1), bench.level(2)]
    bench.say("sour1:volt:trig 0.5;:tint 3")
    assert near(0.02) == bench.level(1)  # it was not initiated again


def test_a_list_is_a_pulse_of_all_channels_on_one_trigger(bench):
    state = bench.world.electrics.state
    for sign, found in ((1, 0), (-1, 1)):
        for n, volts in ((1, 0.25 * sign), (4, -0.25 * sign)):
            c = f":sour{n}"
            bench.say(f"{c}:volt:mode list;{c}:list:volt {volts},0.0;{c}:list:dwel 0.001;{c}:list:coun 1")
            bench.say(f"{c}:list:tmod auto;{c}:list:dir up;{c}:dc:trig:sour int1;{c}:dc:init")
        ((volts, seconds),) = bench.pulses(":tint 1")
        assert {"dac.1": near(0.25 * sign), "dac.4": near(-0.25 * sign)} == volts
        assert 1e-3 == pytest.approx(seconds)
        assert found == state.state[0, 0]
        assert ["0", "0"] == [bench.say("sour1:list:ncl?"), bench.say("sour1:volt:last?")]
    assert [] == bench.errors() + bench.world.violations


def test_a_list_may_come_as_a_block_and_leaves_its_last_point(bench):
    bench.say("sour1:volt:mode list;:sour1:list:dwel 0.001")
    data = struct.pack("<3f", 0.25, 0.5, 0.125)
    bench.say(b"sour1:list:volt #212" + data + b"\n")
    assert [0.25, 0.5, 0.125] == bench.numbers("sour1:list:volt?")
    assert [near(0.25), near(0.5)] == [volts["dac.1"] for volts, _ in bench.pulses("sour1:dc:init")]
    assert near(0.125) == bench.level(1)


def test_channels_begin_after_the_trigger_each_with_its_own_delay(bench):
    for n, delay in ((1, 0.5), (2, 0.501)):
        bench.say(f"sour{n}:volt:mode list;:sour{n}:list:volt 0.02,0;:sour{n}:list:dwel 0.001;:sour{n}:dc:del {delay}")
        bench.say(f"sour{n}:dc:trig:sour bus;:sour{n}:dc:init")
    before = bench.world.now()
    first, second = (volts for volts, _ in bench.pulses("*trg"))
    assert [near(0.02), near(0), near(0), near(0.02)] == [v[f"dac.{n}"] for v in (first, second) for n in (1, 2)]
    assert 0.503 == pytest.approx(bench.world.now() - before, abs=2e-3)


def test_a_pending_level_waits_for_its_delay(bench):
    bench.say("sour1:dc:del 2;:sour1:volt:trig 0.02;:sour1:dc:trig:sour bus;:sour1:dc:init")
    before = bench.world.now()
    bench.say("*trg")
    assert near(0.02) == bench.level(1)
    assert 2 == pytest.approx(bench.world.now() - before, abs=1e-2)


def test_a_stepped_list_takes_a_trigger_a_step(bench):
    bench.say("sour1:volt:mode list;:sour1:list:volt 0.01,0.02;:sour1:list:tmod step;:sour1:dc:trig:sour bus")
    bench.say("sour1:dc:init")
    for volts, left in ((0.01, "1"), (0.02, "0"), (0.02, "0")):
        bench.say("*trg")
        assert (near(volts), left) == (bench.level(1), bench.say("sour1:list:ncl?"))


def test_a_sweep_is_played(bench):
    bench.say("sour1:volt:mode swe;:sour1:swe:star 0;:sour1:swe:stop 0.04;:sour1:swe:poin 3;:sour1:swe:dwel 0.01")
    assert [near(0.0), near(0.02)] == [volts["dac.1"] for volts, _ in bench.pulses("sour1:dc:init")]
    assert near(0.04) == bench.level(1)


def test_an_aborted_list_does_not_begin(bench):
    bench.say("sour1:volt:mode list;:sour1:list:volt 0.3,0;:sour1:dc:trig:sour int1;:sour1:dc:init;:sour1:dc:abor")
    assert [] == bench.pulses("tint 1")


def test_a_square_wave_makes_pulses_above_the_level(bench):
    bench.say("sour1:squ:per 0.001;:sour1:squ:dcyc 10;:sour1:squ:typ pos;:sour1:squ:span 0.2;:sour1:squ:coun 2")
    bench.say("sour1:squ:trig:sour bus;:sour1:squ:init")
    assert [({"dac.1": near(0.2)}, pytest.approx(1e-4))] * 2 == bench.pulses("*trg")
    assert near(0.0) == bench.level(1)


def test_what_never_ends_is_noted_and_not_played(bench):
    bench.say("sour1:squ:coun -1")
    assert [] == bench.pulses("sour1:squ:init")
    assert 1 == len(bench.world.violations)
    assert "without end" in bench.world.violations[0]


def test_a_slew_rate_takes_its_time(bench):
    bench.say("sour1:volt:slew 1")
    before = bench.world.now()
    bench.say("sour1:volt 0.1")
    assert 0.1 == pytest.approx(bench.world.now() - before, abs=1e-3)
    assert near(0.1) == bench.level(1)


def test_currents_are_those_out_of_the_channels(bench):
    bench.say("sour1:volt 0.05")
    (first, fourth) = bench.numbers("read? (@1,4)")
    assert first > 1e-5 > -2e-6 > fourth
    assert [first] == bench.numbers("fetc1?")
    bench.say("sens1:coun 3;:sens1:trig:sour bus;:sens1:init;*trg")
    assert "3" == bench.say("sens1:data:poin?")
    assert 3 == len(bench.numbers("sens1:data:rem?"))
    assert "0" == bench.say("sens1:data:poin?")
    bench.say("sens1:rang low")
    assert 9e37 < bench.numbers("read1?")[0]


def test_a_reset_brings_all_outputs_to_zero(bench):
    bench.say("sour1:volt 0.1;:sour2:volt:mode list;*rst")
    assert [near(0), "fix", "0"] == [bench.level(1), bench.say("sour2:volt:mode?"), bench.say("sour1:volt?")]
