"""The Keysight 33500 driver, and what all burst generators share, by exact dialogue."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keysight_33500 import Keysight33500
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BenchError, InstrumentError, LimitExceeded

CLEAR = "<device clear>"
EMPTY = '+0,"No error"'
FIRE = "*TRG;*OPC?"
NAN, INF = math.nan, math.inf


@pytest.fixture
def model(sheet):
    return sheet("keysight_33522b")


def setting_up(told, load="9.9E+37"):
    turns = told(EMPTY).reset()
    for n in (1, 2):
        turns.set(f":OUTP{n} 0", f":OUTP{n}?", "0")
        turns.set(f":OUTP{n}:LOAD INF", f":OUTP{n}:LOAD?", load)
        turns.set(f":SOUR{n}:FUNC PULS", f":SOUR{n}:FUNC?", "PULS")
        turns.set(f":SOUR{n}:FUNC:PULS:HOLD WIDT", f":SOUR{n}:FUNC:PULS:HOLD?", "WIDT")
        turns.set(f":SOUR{n}:BURS:MODE TRIG", f":SOUR{n}:BURS:MODE?", "TRIG")
        turns.set(f":TRIG{n}:SOUR BUS", f":TRIG{n}:SOUR?", "BUS")
        turns.set(f":SOUR{n}:BURS:STAT 1", f":SOUR{n}:BURS:STAT?", "1")
        turns.set(f":SOUR{n}:BURS:NCYC 1.0", f":SOUR{n}:BURS:NCYC?", "+1.0E+00")
        turns.set(f":SOUR{n}:FUNC:PULS:TRAN 8.4e-09", f":SOUR{n}:FUNC:PULS:TRAN?", "+8.4E-09")
    return turns


BEGIN = ":OUTP{n} 0;:SOUR{n}:VOLT:HIGH 0.002;:SOUR{n}:VOLT:LOW 0.0;:OUTP{n}:POL NORM;"
TO_NEGATIVE = ":SOUR{n}:VOLT:HIGH 0.002;:OUTP{n}:POL INV;:SOUR{n}:VOLT:LOW -0.002;:SOUR{n}:VOLT:HIGH 0.0;"
TO_POSITIVE = ":SOUR{n}:VOLT:LOW -0.002;:OUTP{n}:POL NORM;:SOUR{n}:VOLT:HIGH 0.002;:SOUR{n}:VOLT:LOW 0.0;"
LEVELS = ":SOUR{n}:VOLT:HIGH?;:SOUR{n}:VOLT:LOW?;:OUTP{n}:POL?;:OUTP{n}?;*ESR?"
TIMES = (
    ":SOUR{n}:FUNC:PULS:WIDT 1.6e-08;:SOUR{n}:FUNC:PULS:PER {period};:SOUR{n}:FUNC:PULS:WIDT {width};"
    ":TRIG{n}:SOUR {source};"
)
CHECKS = ":SOUR{n}:FUNC:PULS:WIDT?;:SOUR{n}:FUNC:PULS:PER?;:SOUR{n}:BURS:NCYC?;:OUTP{n}:LOAD?;:TRIG{n}:SOUR?;*ESR?"


def shown(volts):
    """What high, low, polarity and output read as while a pulse is ready."""
    polarity = "NORM" if volts > 0 else "INV"
    return f"{max(volts, 0.0):+.14E}", f"{min(volts, 0.0):+.14E}", polarity, "1", "0"


def arming(turns, n, volts, *, before="", begin=False, width=1e-7, **shown_as):
    """The two messages of a channel: levels and times; then what is read back."""
    found = {"count": "1", "source": "BUS", "load": "9.9E+37", "stretched": 1.0} | shown_as
    count, source, load, stretched = found.values()
    level = f":SOUR{n}:VOLT:{'HIGH' if volts > 0 else 'LOW'} {volts!r};"
    times = TIMES.format(n=n, period=repr(2 * width + 4 * 8.4e-9), width=repr(width), source=source)
    command = before.format(n=n) + level + (f":OUTP{n} 1;" if begin else "") + times + LEVELS.format(n=n)
    turns.say(command, *shown(volts))
    period = stretched * (2 * width + 4 * 8.4e-9)
    return turns.say(CHECKS.format(n=n), f"{width:+.14E}", f"{period:+.14E}", count, load, source, "0")


def firing(turns):
    return turns.say(FIRE, "1")


def test_the_model_and_its_relatives_are_taken(scpi, model):
    for name in ("33522B", "33522A", "33512B"):
        link = scpi((CLEAR, None), ("*IDN?", f"Agilent Technologies,{name},MY50000891,2.03-1.19-2.00-52-00"))
        assert "MY50000891" == Keysight33500(link, model).identify()


def test_setting_up_makes_single_pulses_into_an_open_circuit_with_the_outputs_off(scpi, told, model):
    Keysight33500(scpi(*setting_up(told)), model).setup(channels=["1", "2"])


@pytest.mark.parametrize("load", ["5.0E+01", "+1.0E+06"])
def test_a_finite_load_is_an_error(scpi, told, model, load):
    with pytest.raises(BenchError, match="set to infinity"):
        Keysight33500(scpi(*setting_up(told, load)[:4]), model).setup(channels=["1"])


def test_a_pulse_rests_at_0_v_on_both_sides_and_fires_both_channels_at_once(scpi, told, model):
    turns = told(EMPTY)
    arming(turns, 1, 0.225, before=BEGIN, begin=True)
    arming(turns, 2, -0.225, before=BEGIN + TO_NEGATIVE, begin=True)
    firing(turns)
    assert False is Keysight33500(scpi(*turns), model).pair("1", "2").pulse((0.225, -0.225), 1e-7)


def test_the_same_signs_again_change_one_level_a_channel(scpi, told, model):
    turns = told(EMPTY)
    arming(turns, 1, 0.225, before=BEGIN, begin=True)
    arming(turns, 2, -0.225, before=BEGIN + TO_NEGATIVE, begin=True)
    firing(turns)
    firing(arming(arming(turns, 1, 0.25, width=1e-6), 2, -0.25, width=1e-6))
    pair = Keysight33500(scpi(*turns), model).pair("1", "2")
    pair.pulse((0.225, -0.225), 1e-7)
    pair.pulse((0.25, -0.25), 1e-6)


def test_the_other_signs_go_through_the_smallest_amplitude(scpi, told, model):
    turns = told(EMPTY)
    arming(turns, 1, 0.225, before=BEGIN, begin=True)
    arming(turns, 2, -0.225, before=BEGIN + TO_NEGATIVE, begin=True)
    firing(turns)
    arming(turns, 1, -0.225, before=TO_NEGATIVE)
    firing(arming(turns, 2, 0.225, before=TO_POSITIVE))
    pair = Keysight33500(scpi(*turns), model).pair("1", "2")
    pair.pulse((0.225, -0.225), 1e-7)
    pair.pulse((-0.225, 0.225), 1e-7)


def test_a_channel_without_a_pulse_does_not_wait_for_the_trigger(scpi, told, model):
    turns = told(EMPTY)
    arming(turns, 1, 0.4, before=BEGIN, begin=True)
    firing(arming(turns, 2, 0.002, before=BEGIN, begin=True, source="EXT"))
    assert False is Keysight33500(scpi(*turns), model).pair("1", "2").pulse((0.4, 0.0), 1e-7)


def test_resting_is_the_smallest_amplitude_with_the_outputs_on(scpi, told, model):
    turns = told(EMPTY)
    for n in (1, 2):
        command = f"{BEGIN.format(n=n)}:SOUR{n}:VOLT:HIGH 0.002;:OUTP{n} 1;{LEVELS.format(n=n)}"
        turns.say(command, *shown(0.002))
    arming(turns, 1, -0.3, before=TO_NEGATIVE)
    firing(arming(turns, 2, 0.3))
    turns.say(f":SOUR1:VOLT:LOW -0.002;{LEVELS.format(n=1)}", *shown(-0.002))
    turns.say(f":SOUR2:VOLT:HIGH 0.002;{LEVELS.format(n=2)}", *shown(0.002))
    pair = Keysight33500(scpi(*turns), model).pair("1", "2")
    pair.rest()
    pair.pulse((-0.3, 0.3), 1e-7)
    pair.rest()


class Idle:
    """A generator that notes the level at which channel 1 rests after each of its settings, as a scope would see it."""

    def __init__(self):
        self.high, self.low, self.inverted, self.on = 0.1, -0.1, False, False
        self.kept, self.seen, self.pulses = {}, [], []

    def write(self, message):
        self.replies = []
        for part in message.split(";"):
            header, _, value = part.partition(" ")
            self.set(header, value) if value else self.get(header)
            if self.on and header.startswith((":SOUR1", ":OUTP1")):
                self.seen.append(self.high if self.inverted else self.low)

    def set(self, header, value):
        self.kept[header] = value
        self.high = float(value) if header == ":SOUR1:VOLT:HIGH" else self.high
        self.low = float(value) if header == ":SOUR1:VOLT:LOW" else self.low
        self.inverted = value == "INV" if header == ":OUTP1:POL" else self.inverted
        self.on = value == "1" if header == ":OUTP1" else self.on
        assert self.high - self.low >= 0.002 - 1e-12, "the instrument would move the other level"

    def get(self, header):
        fixed = {":SYST:ERR?": EMPTY, "*OPC?": "1", "*ESR?": "0"}
        if header == "*TRG":
            self.pulses.append((self.low - self.high) if self.inverted else (self.high - self.low))
        elif header.endswith("NCYC?"):
            self.replies.append("1")
        elif header.endswith("LOAD?"):
            self.replies.append("9.9E+37")
        else:
            self.replies.append(fixed.get(header) or self.kept[header[:-1]])

    def read(self):
        return ";".join(self.replies)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.floats(2e-3, 9.9).flatmap(lambda x: st.sampled_from([x, -x])), min_size=1, max_size=8))
def test_whatever_the_pulses_the_line_rests_within_the_smallest_amplitude_of_0_v(sheet, heights):
    scope = Idle()
    pair = Keysight33500(ScpiLink(scope, "box"), sheet("keysight_33522b")).pair("1", "2")
    for volts in heights:
        pair.pulse((volts, -volts), 1e-6)
        assert 0.0 == scope.seen[-1]
    assert max(map(abs, scope.seen)) <= 0.002
    assert heights == pytest.approx(scope.pulses, rel=1e-12)


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_level_that_the_instrument_changed_is_an_error_and_the_channel_begins_again(scpi, told, model):
    turns = told(EMPTY)
    command = BEGIN.format(n=1) + ":SOUR1:VOLT:HIGH 0.2;:OUTP1 1;"
    times = TIMES.format(n=1, period=repr(2e-7 + 4 * 8.4e-9), width="1e-07", source="BUS")
    turns.say(command + times + LEVELS.format(n=1), "+1.0E-01", "+0.0E+00", "NORM", "1", "0")
    arming(turns, 1, 0.2, before=BEGIN, begin=True)
    firing(arming(turns, 2, 0.2, before=BEGIN, begin=True))
    pair = Keysight33500(scpi(*turns), model).pair("1", "2")
    with pytest.raises(BenchError, match=r"VOLT:HIGH\? after it was set to 0\.2"):
        pair.pulse((0.2, 0.2), 1e-7)
    pair.pulse((0.2, 0.2), 1e-7)


@pytest.mark.parametrize(("what", "value"), [("count", "2"), ("load", "5.0E+01"), ("stretched", 10.0)])
def test_a_count_load_or_period_that_was_changed_is_an_error_before_anything_fires(scpi, told, model, what, value):
    turns = arming(told(EMPTY), 1, 0.2, before=BEGIN, begin=True, **{what: value})
    with pytest.raises(BenchError):
        Keysight33500(scpi(*turns), model).pair("1", "2").pulse((0.2, -0.2), 1e-7)


def test_silence_after_the_trigger_is_a_bench_error_and_it_is_not_fired_again(scpi, told, model):
    turns = arming(told(EMPTY), 1, 0.2, before=BEGIN, begin=True)
    arming(turns, 2, -0.2, before=BEGIN + TO_NEGATIVE, begin=True)
    turns.append((f"{FIRE};:SYST:ERR?", VisaIOError(StatusCode.error_timeout)))
    turns.extend([(CLEAR, None), (":SYST:ERR?", '-211,"Trigger ignored"'), (":SYST:ERR?", EMPTY)])
    with pytest.raises(InstrumentError, match="-211"):
        Keysight33500(scpi(*turns), model).pair("1", "2").pulse((0.2, -0.2), 1e-7)


@pytest.mark.parametrize("amplitudes", [(10.1, 0.1), (0.1, -10.1), (NAN, 0.1), (0.1, INF), (0.001, 0.1), (0.1, -1e-6)])
def test_a_pulse_height_outside_the_model_is_refused_with_nothing_sent(scpi, model, amplitudes):
    with pytest.raises(LimitExceeded):
        Keysight33500(scpi(), model).pair("1", "2").pulse(amplitudes, 1e-6)


@pytest.mark.parametrize("width", [0.0, -1e-6, 15e-9, 4.1, NAN, INF])
def test_a_pulse_width_outside_the_model_is_refused_with_nothing_sent(scpi, model, width):
    with pytest.raises(LimitExceeded):
        Keysight33500(scpi(), model).pair("1", "2").pulse((0.2, -0.2), width)


def test_shutting_down_turns_both_outputs_off_whatever_is_queued_and_looks(scpi, told, model):
    turns = told(EMPTY).send(CLEAR, ":ABOR", ":OUTP1 0", ":OUTP2 0", "*CLS").say(":OUTP1?;:OUTP2?", "0", "0")
    Keysight33500(scpi(*turns), model).shutdown()


def test_an_output_that_stays_on_is_named(scpi, told, model):
    turns = told(EMPTY).send(CLEAR, ":ABOR", ":OUTP1 0", ":OUTP2 0", "*CLS").say(":OUTP1?;:OUTP2?", "0", "1")
    with pytest.raises(BenchError, match="the outputs of channels 2 are still on"):
        Keysight33500(scpi(*turns), model).shutdown()
