"""The Keithley 2600B driver, by exact dialogue."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keithley_2600 import Keithley2600, PulsePair, SourceChannel
from labmtj.drivers.link import TspLink
from labmtj.errors import BadReply, BenchError, InstrumentError, LimitExceeded

CLEAR = "<device clear>"
IDENTITY = "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5"
OK = "0.000000000000000e+00"
NEXT_ERROR = "print(errorqueue.next()) errorqueue.clear()"
TIMEOUT = VisaIOError(StatusCode.error_timeout)


def setup_of(smu):
    return (
        f"{smu}.reset() {smu}.source.func = {smu}.OUTPUT_DCVOLTS {smu}.source.autorangev = {smu}.AUTORANGE_OFF "
        f"{smu}.source.rangev = 2.0 {smu}.source.levelv = 0 {smu}.source.offmode = {smu}.OUTPUT_NORMAL "
        f"{smu}.measure.autozero = {smu}.AUTOZERO_ONCE {smu}.measure.lowrangei = 1e-05 "
        f"{smu}.measure.autorangei = {smu}.AUTORANGE_ON "
        f"{smu}.trigger.arm.count = 1 {smu}.trigger.count = 1 {smu}.trigger.source.action = {smu}.ENABLE "
        f"{smu}.trigger.source.stimulus = trigger.generator[1].EVENT_ID {smu}.trigger.measure.action = {smu}.DISABLE "
        f"{smu}.trigger.endpulse.action = {smu}.SOURCE_IDLE "
        f"{smu}.trigger.endpulse.stimulus = trigger.timer[1].EVENT_ID "
        f"{smu}.trigger.endsweep.action = {smu}.SOURCE_IDLE print(errorqueue.count)"
    )


PULSE_SETUP = (
    "trigger.timer[1].count = 1 trigger.timer[1].passthrough = false "
    "trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID print(errorqueue.count)"
)


def pulse_of(first, second, width):
    return (
        f"smua.trigger.source.listv({{{first}}}) smub.trigger.source.listv({{{second}}}) "
        f"trigger.timer[1].delay = {width} local _ = status.measurement.current_limit.event "
        "smua.trigger.initiate() smub.trigger.initiate() trigger.generator[1].assert() waitcomplete() "
        "print(status.measurement.current_limit.event, errorqueue.count)"
    )


# -- connecting ------------------------------------------------------------------------------------


def test_connecting_checks_the_identity_and_sets_all_that_reads_and_pulses_rely_on(talk, smu_model):
    link = talk(
        (CLEAR, None),
        ("*IDN?", IDENTITY),
        ("errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 print(errorqueue.count)", OK),
        (setup_of("smua"), OK),
        (setup_of("smub"), OK),
        (PULSE_SETUP, OK),
    )
    assert "4400293" == Keithley2600(link, smu_model).connect(source_range=2.0)


@pytest.mark.parametrize(
    "identity",
    [
        "KEITHLEY INSTRUMENTS INC.,MODEL 707B,04447336,01.56a",
        "Keithley Instruments Inc., Model 2602B, 4400293, 3.3.5",
        "Keysight Technologies,B2902B,MY51143745,5.0.2307.1924",
    ],
)
def test_another_instrument_is_refused_before_anything_is_set(talk, smu_model, identity):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", identity)), smu_model)
    with pytest.raises(BenchError, match="should be a Model 2636B but says it is a"):
        box.connect(source_range=2.0)


@pytest.mark.parametrize("identity", ["", "hello", "a,b,c", "a,b,c,d,e", "Keithley Instruments Inc., , 4400293, 3.3.5"])
def test_what_is_no_identity_is_a_bad_reply(talk, smu_model, identity):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", identity)), smu_model)
    with pytest.raises(BadReply, match="manufacturer, model, serial number, firmware"):
        box.connect(source_range=2.0)


def test_nobody_at_home_is_a_bench_error_and_no_script_is_sent(talk, smu_model):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", TIMEOUT)), smu_model)
    with pytest.raises(BenchError, match=r"box does not answer '\*IDN\?'"):
        box.connect(source_range=2.0)


def test_shutting_down_brings_each_channel_to_0_v_and_turns_it_off(talk, smu_model):
    link = talk(
        ("smua.source.levelv = 0 smua.source.output = smua.OUTPUT_OFF print(errorqueue.count)", OK),
        ("smub.source.levelv = 0 smub.source.output = smub.OUTPUT_OFF print(errorqueue.count)", OK),
    )
    Keithley2600(link, smu_model).shutdown()


def test_one_channel_shuts_down_alone(talk, smu_model):
    link = talk(("smub.source.levelv = 0 smub.source.output = smub.OUTPUT_OFF print(errorqueue.count)", OK))
    Keithley2600(link, smu_model).channel("b").shutdown()


# -- properties ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "attribute", "sent"),
    [
        ("source_voltage", 0.05, "source.levelv", "0.05"),
        ("source_voltage", -1e-6, "source.levelv", "-1e-06"),
        ("source_voltage", 0, "source.levelv", "0.0"),
        ("source_voltage", np.float64(0.1), "source.levelv", "0.1"),
        ("compliance_current", 3e-3, "source.limiti", "0.003"),
        ("compliance_current", 1e-8, "source.limiti", "1e-08"),
        ("nplc", 0.1, "measure.nplc", "0.1"),
        ("nplc", 25, "measure.nplc", "25.0"),
        ("source_enabled", True, "source.output", "1.0"),
        ("source_enabled", False, "source.output", "0.0"),
    ],
)
def test_a_setting_is_sent_in_full_and_read_back(talk, smu_model, name, value, attribute, sent):
    message = f"smua.{attribute} = {sent} print(smua.{attribute}, errorqueue.count)"
    channel = Keithley2600(talk((message, f"{float(value):.15e}\t{OK}")), smu_model).channel("a")
    setattr(channel, name, value)


@pytest.mark.parametrize(
    ("name", "attribute", "reply", "value"),
    [
        ("source_voltage", "source.levelv", "-5.000000000000000e-02", -0.05),
        ("compliance_current", "source.limiti", "3.000000000000000e-03", 3e-3),
        ("nplc", "measure.nplc", "1.00000e+00", 1.0),
        ("source_enabled", "source.output", "1.00000e+00", True),
        ("source_enabled", "source.output", "0.00000e+00", False),
        ("source_enabled", "source.output", "2.00000e+00", False),
        ("in_compliance", "source.compliance", "true", True),
        ("in_compliance", "source.compliance", "false", False),
    ],
)
def test_a_property_is_asked_for_with_the_error_count(talk, smu_model, name, attribute, reply, value):
    link = talk((f"print(smub.{attribute}, errorqueue.count)", f"{reply}\t{OK}"))
    assert value == getattr(Keithley2600(link, smu_model).channel("b"), name)


def test_a_current_is_measured(talk, smu_model):
    link = talk(("print(smub.measure.i(), errorqueue.count)", f"-1.060645123456789e-04\t{OK}"))
    assert -1.060645123456789e-04 == Keithley2600(link, smu_model).channel("b").measure_current()


def test_a_setting_that_the_instrument_keeps_in_single_precision_is_the_same(talk, smu_model):
    reply = f"{float(np.float32(0.05)):.15e}\t{OK}"
    link = talk(("smua.source.levelv = 0.05 print(smua.source.levelv, errorqueue.count)", reply))
    Keithley2600(link, smu_model).channel("a").source_voltage = 0.05


@pytest.mark.parametrize("kept", ["4.000000000000000e-02", OK, "-5.000000000000000e-02"])
def test_a_setting_that_the_instrument_changed_is_an_error(talk, smu_model, kept):
    link = talk(("smua.source.levelv = 0.05 print(smua.source.levelv, errorqueue.count)", f"{kept}\t{OK}"))
    channel = Keithley2600(link, smu_model).channel("a")
    with pytest.raises(BenchError, match=r"box has smua\.source\.levelv = .* after it was set to 0\.05"):
        channel.source_voltage = 0.05


# -- pulses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "limited"), [(OK, False), ("2.0e+00", True), ("4.0e+00", True), ("6.0e+00", True)])
def test_both_channels_fire_on_one_event_and_tell_of_compliance(talk, smu_model, event, limited):
    pair = Keithley2600(talk((pulse_of("0.225", "-0.225", "0.0001"), f"{event}\t{OK}")), smu_model).pair("a", "b")
    assert limited is pair.pulse((0.225, -0.225), 1e-4)


def test_an_error_during_a_pulse_is_not_taken_for_an_answer(talk, smu_model):
    message = pulse_of("0.2", "-0.2", "0.0001")
    link = talk(
        (message, f"{OK}\t1.000000000000000e+00"),
        (NEXT_ERROR, "5.042e+03\tThe output must be on to run a sweep\t2.0e+01\t1.0e+00"),
    )
    with pytest.raises(InstrumentError) as caught:
        Keithley2600(link, smu_model).pair("a", "b").pulse((0.2, -0.2), 1e-4)
    assert ("box", message, 5042) == (caught.value.instrument, caught.value.command, caught.value.code)


# -- what is refused before a word is sent ---------------------------------------------------------

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("amperes", [0.0, -1e-3, 9.9e-9, 0.1001, 1.0, NAN, INF, -INF])
def test_a_compliance_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, amperes):
    channel = Keithley2600(talk(), smu_model).channel("a")
    with pytest.raises(LimitExceeded, match="a compliance of"):
        channel.compliance_current = amperes


@pytest.mark.parametrize("periods", [0.0, -1.0, 0.00099, 25.1, NAN, INF])
def test_an_integration_time_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, periods):
    channel = Keithley2600(talk(), smu_model).channel("a")
    with pytest.raises(LimitExceeded, match="PLC is outside 0.001 to 25"):
        channel.nplc = periods


@pytest.mark.parametrize("volts", [200.1, -200.1, NAN, INF, -INF, np.float64("nan")])
def test_a_level_that_no_range_holds_is_refused_with_nothing_sent(talk, smu_model, volts):
    channel = Keithley2600(talk(), smu_model).channel("a")
    with pytest.raises(LimitExceeded, match="a level of"):
        channel.source_voltage = volts


@pytest.mark.parametrize("width", [0.0, -1e-4, 9.9e-5, NAN, INF])
def test_a_pulse_width_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, width):
    pair = Keithley2600(talk(), smu_model).pair("a", "b")
    with pytest.raises(LimitExceeded):
        pair.pulse((0.2, -0.2), width)


@pytest.mark.parametrize("amplitudes", [(NAN, 0.0), (0.0, INF), (0.1, 201.0)])
def test_a_pulse_height_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, amplitudes):
    pair = Keithley2600(talk(), smu_model).pair("a", "b")
    with pytest.raises(LimitExceeded):
        pair.pulse(amplitudes, 1e-4)


# -- errors and bad replies ------------------------------------------------------------------------


def test_an_error_in_the_queue_names_the_command_and_empties_the_queue(talk, smu_model):
    message = "smua.measure.nplc = 1.0 print(smua.measure.nplc, errorqueue.count)"
    link = talk(
        (message, f"{1.0:.15e}\t2.000000000000000e+00"),
        (NEXT_ERROR, "1.10200e+03\tParameter nplc too small\t2.00000e+01\t1.00000e+00"),
    )
    channel = Keithley2600(link, smu_model).channel("a")
    with pytest.raises(InstrumentError) as caught:
        channel.nplc = 1.0
    assert caught.value.command == message
    assert (1102, "Parameter nplc too small") == (caught.value.code, caught.value.text)


def test_a_statement_that_fails_and_so_answers_nothing_is_explained_by_the_queue(talk, smu_model):
    message = "smua.source.levelv = 3.0 print(smua.source.levelv, errorqueue.count)"
    link = talk(
        (message, TIMEOUT),
        (CLEAR, None),
        (NEXT_ERROR, "5.00700e+03\tSource level 3 exceeds the range 2\t2.00000e+01\t1.00000e+00"),
    )
    channel = Keithley2600(link, smu_model).channel("a")
    with pytest.raises(InstrumentError) as caught:
        channel.source_voltage = 3.0
    assert (message, 5007) == (caught.value.command, caught.value.code)


@pytest.mark.parametrize(
    "second", [TIMEOUT, ConnectionResetError("gone"), "0.00000e+00\tQueue Is Empty\t0.00000e+00\t0.00000e+00"]
)
def test_silence_without_an_error_is_a_bench_error_that_names_the_command(talk, smu_model, second):
    link = talk(("print(smua.measure.i(), errorqueue.count)", TIMEOUT), (CLEAR, None), (NEXT_ERROR, second))
    with pytest.raises(BenchError, match=r"box does not answer 'print\(smua\.measure\.i\(\), errorqueue\.count\)'"):
        Keithley2600(link, smu_model).channel("a").measure_current()


@pytest.mark.parametrize("queued", ["", "what?", "one\ttwo"])
def test_an_error_that_cannot_be_read_is_still_an_error(talk, smu_model, queued):
    link = talk(("print(smua.measure.nplc, errorqueue.count)", "1.0e+00\t1.0e+00"), (NEXT_ERROR, queued))
    with pytest.raises(BenchError):
        _ = Keithley2600(link, smu_model).channel("a").nplc


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "garbage",
        OK,  # one field is missing
        f"1.0\t2.0\t{OK}",  # one too many
        f"nan\t{OK}",
        f"inf\t{OK}",
        f"-inf\t{OK}",
        f"nil\t{OK}",
        f"true\t{OK}",
        f"1_0\t{OK}",
        f"9.91000e+37\t{OK}",
        f"-9.91000e+37\t{OK}",
        f"1.0e-04\t{OK}\n1.0e-04\t{OK}",  # two replies in one
        f"1.0e-041.0e-04\t{OK}",
        "1.0e-04\tnan",
        "1.0e-04\t",
        "1.0e-04 0.0",
        "+1.000000E-01,+1.060645E-04",
    ],
)
def test_what_is_no_current_is_a_bad_reply(talk, smu_model, reply):
    link = talk(("print(smua.measure.i(), errorqueue.count)", reply))
    with pytest.raises(BadReply, match="box answered"):
        Keithley2600(link, smu_model).channel("a").measure_current()


@pytest.mark.parametrize("reply", ["1.0", "True", "nil", "", "truefalse"])
def test_compliance_is_true_or_false_and_nothing_else(talk, smu_model, reply):
    link = talk(("print(smua.source.compliance, errorqueue.count)", f"{reply}\t{OK}"))
    with pytest.raises(BadReply):
        _ = Keithley2600(link, smu_model).channel("a").in_compliance


def test_bytes_that_are_no_text_are_a_bad_reply(talk, smu_model):
    noise = UnicodeDecodeError("ascii", b"\xff\xfe", 0, 1, "ordinal not in range")
    link = talk(("print(smua.measure.i(), errorqueue.count)", noise))
    with pytest.raises(BadReply, match="xff"):
        Keithley2600(link, smu_model).channel("a").measure_current()


@pytest.mark.parametrize("error", [TIMEOUT, ConnectionResetError("gone")])
def test_a_device_clear_that_fails_is_a_bench_error(smu_model, error):
    class Broken:
        def write(self, message):
            raise AssertionError(message)

        read = write

        def clear(self):
            raise error

    with pytest.raises(BenchError, match="does not take a device clear"):
        Keithley2600(TspLink(Broken(), "box"), smu_model).connect(source_range=2.0)


# -- numbers ---------------------------------------------------------------------------------------

magnitudes = st.floats(1e-12, 1e3).flatmap(lambda x: st.sampled_from([x, -x]))


class Parrot:
    """Keeps what an assignment says, as the instrument would, and prints it with 16 digits."""

    def __init__(self):
        self.kept = None

    def write(self, message):
        self.kept = float(message.split(" = ")[1].split(" ")[0])

    def read(self):
        return f"{self.kept:.15e}\t{OK}"

    def clear(self):
        raise AssertionError


@settings(max_examples=300, deadline=None)
@given(magnitudes)
def test_settings_from_1e_12_to_1e3_survive_the_way_as_text(value):
    parrot = Parrot()
    TspLink(parrot, "box").assign("x", value)
    assert value == parrot.kept


@settings(max_examples=300, deadline=None)
@given(magnitudes)
def test_readings_from_1e_12_to_1e3_survive_the_way_as_text(value):
    link = TspLink(Parrot(), "box")
    assert link.parse("x", f"{value:.15e}") == pytest.approx(value, rel=1e-15)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_a_bad_reply(text):
    try:
        assert math.isfinite(TspLink(Parrot(), "box").parse("x", text))
    except BadReply:
        pass


def test_the_parts_are_made_by_the_instrument(talk, smu_model):
    box = Keithley2600(talk(), smu_model)
    assert (SourceChannel, PulsePair) == (type(box.channel("a")), type(box.pair("a", "b")))
