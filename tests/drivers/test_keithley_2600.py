"""The Keithley 2600B driver, by exact dialogue."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keithley_2600 import Keithley2600
from labmtj.drivers.link import TspLink
from labmtj.errors import BadReply, BenchError, InstrumentError, LimitExceeded, NoReply, PowerLost

CLEAR = "<device clear>"
IDENTITY = "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5"
OK = "0.000000000000000e+00"
NEXT_ERROR = "print(errorqueue.next()) errorqueue.clear()"
TIMEOUT = VisaIOError(StatusCode.error_timeout)


def setup_of(smu):
    return (
        f"{smu}.reset() {smu}.source.func = {smu}.OUTPUT_DCVOLTS {smu}.source.autorangev = {smu}.AUTORANGE_OFF "
        f"{smu}.source.rangev = 2.0 {smu}.source.levelv = 0 {smu}.source.offmode = {smu}.OUTPUT_NORMAL "
        f"{smu}.measure.autozero = {smu}.AUTOZERO_ONCE {smu}.measure.autorangei = {smu}.AUTORANGE_OFF "
        f"{smu}.trigger.arm.count = 1 {smu}.trigger.count = 1 {smu}.trigger.source.action = {smu}.ENABLE "
        f"{smu}.trigger.source.stimulus = trigger.generator[1].EVENT_ID {smu}.trigger.measure.action = {smu}.ENABLE "
        f"{smu}.trigger.measure.stimulus = {smu}.trigger.SOURCE_COMPLETE_EVENT_ID "
        f"{smu}.trigger.measure.i({smu}.nvbuffer1) {smu}.trigger.endpulse.action = {smu}.SOURCE_IDLE "
        f"{smu}.trigger.endpulse.stimulus = trigger.timer[1].EVENT_ID "
        f"{smu}.trigger.endsweep.action = {smu}.SOURCE_IDLE print(errorqueue.count)"
    )


def verified(smu):
    """What is read back after the set-up of a channel."""
    names = (
        "source.rangev",
        "source.func",
        "source.autorangev",
        "source.offmode",
        "measure.autorangei",
        "trigger.count",
    )
    asked = ", ".join(f"{smu}.{name}" for name in names)
    return (f"print({asked}, errorqueue.count)", f"2.0\t1.0\t0.0\t0.0\t0.0\t1.0\t{OK}")


PULSE_SETUP = (
    "trigger.timer[1].count = 1 trigger.timer[1].passthrough = false "
    "trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID print(errorqueue.count)"
)
FORMAT = (
    "errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 labmtj_on = true print(errorqueue.count)"
)
DELAY = "trigger.timer[1].delay"
COUNT = ("print(trigger.timer[1].count, errorqueue.count)", f"1.0\t{OK}")
MAINS = "print(localnode.linefreq, errorqueue.count)"
ZERO = [(f"{smu}.{step}", None) for step in ("source.levelv = 0", "source.output = 0") for smu in ("smua", "smub")]
OFF = [("smua.abort()", None), ("smub.abort()", None), *ZERO]
OUTPUTS = "print(smua.source.output, smub.source.output, errorqueue.count)"
ABORT = "smua.abort() smub.abort()"


def pulse_of(first, second):
    return (
        f"if labmtj_on then smua.measure.rangei = 0.01 smua.measure.nplc = 0.001 smua.nvbuffer1.clear() "
        f"smua.trigger.source.listv({{{first}}}) smua.trigger.initiate() "
        f"smub.measure.rangei = 0.01 smub.measure.nplc = 0.001 smub.nvbuffer1.clear() "
        f"smub.trigger.source.listv({{{second}}}) smub.trigger.initiate() "
        "trigger.generator[1].assert() waitcomplete() end "
        "print(labmtj_on, smua.nvbuffer1[1], smub.nvbuffer1[1], errorqueue.count)"
    )


def width_of(width):
    """The width is set and read back before the message that fires."""
    return (f"{DELAY} = {width} print({DELAY}, errorqueue.count)", f"{width}\t{OK}")


def sense_of(volts, settle):
    return (
        f"smub.measure.rangei = 0.0001 smub.measure.nplc = 1.0 smua.source.levelv = {volts} "
        f"local v = smua.source.levelv * smua.source.output * smub.source.output "
        f"delay({settle}) local i = smub.measure.i() local c = smua.source.compliance "
        "smua.source.levelv = 0 print(v, i, c, smua.source.levelv, errorqueue.count)"
    )


def pair_on(link, model):
    """The pair of a bench with a compliance of 3 mA, which the range of 10 mA holds."""
    return Keithley2600(link, model).pair("a", "b", compliance=3e-3, nplc=1, read_range=1e-4)


# -- connecting ------------------------------------------------------------------------------------


def test_identifying_gives_the_serial_number_and_sets_nothing(talk, smu_model):
    assert "4400293" == Keithley2600(talk((CLEAR, None), ("*IDN?", IDENTITY)), smu_model).identify()


def test_setting_up_sets_all_that_reads_and_pulses_rely_on(talk, smu_model):
    link = talk(
        (FORMAT, OK),
        (MAINS, f"5.000000000000000e+01\t{OK}"),
        (setup_of("smua"), OK),
        verified("smua"),
        (setup_of("smub"), OK),
        verified("smub"),
        (PULSE_SETUP, OK),
        COUNT,
    )
    Keithley2600(link, smu_model).setup(source_range=2.0, mains=50.0)


def test_other_mains_than_the_bench_says_are_an_error(talk, smu_model):
    box = Keithley2600(talk((FORMAT, OK), (MAINS, f"6.000000000000000e+01\t{OK}")), smu_model)
    with pytest.raises(BenchError, match="integrates over 60 Hz periods, the bench says 50 Hz"):
        box.setup(source_range=2.0, mains=50.0)


@pytest.mark.parametrize(
    "identity",
    [
        "KEITHLEY INSTRUMENTS INC.,MODEL 707B,04447336,01.56a",
        "Keithley Instruments Inc., Model 2602B, 4400293, 3.3.5",
        "Keysight Technologies,B2902B,MY51143745,5.0.2307.1924",
    ],
)
def test_another_instrument_is_refused(talk, smu_model, identity):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", identity)), smu_model)
    with pytest.raises(BenchError, match="should be a Model 2636B but says it is a"):
        box.identify()


@pytest.mark.parametrize("identity", ["", "hello", "a,b,c", "a,b,c,d,e", "Keithley Instruments Inc., , 4400293, 3.3.5"])
def test_what_is_no_identity_is_a_bad_reply(talk, smu_model, identity):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", identity)), smu_model)
    with pytest.raises(BadReply, match="manufacturer, model, serial number, firmware"):
        box.identify()


def test_nobody_at_home_is_a_bench_error_and_no_script_is_sent(talk, smu_model):
    box = Keithley2600(talk((CLEAR, None), ("*IDN?", TIMEOUT)), smu_model)
    with pytest.raises(BenchError, match=r"box does not answer '\*IDN\?'"):
        box.identify()


def test_shutting_down_brings_all_channels_to_0_v_and_off_and_looks(talk, smu_model):
    link = talk((CLEAR, None), ("errorqueue.clear()", None), *OFF, (OUTPUTS, f"{OK}\t{OK}\t{OK}"))
    Keithley2600(link, smu_model).shutdown()


def test_a_clear_that_fails_skips_no_step_of_the_shutdown(talk, smu_model):
    queue = (NEXT_ERROR, "0.00000e+00\tQueue Is Empty\t0.0\t0.0")
    left = (OUTPUTS, f"{OK}\t{OK}\t{OK}")
    link = talk((CLEAR, TIMEOUT), ("errorqueue.clear()", None), *OFF, (CLEAR, None), queue, left)
    Keithley2600(link, smu_model).shutdown()


def test_a_panic_says_what_is_off_before_it_waits_for_anything(talk, smu_model):
    link = talk(*ZERO, (CLEAR, None), *OFF, ("errorqueue.clear()", None), (OUTPUTS, f"{OK}\t{OK}\t{OK}"))
    Keithley2600(link, smu_model).panic()


def test_a_panic_on_a_dead_instrument_has_said_all_it_can_and_is_an_error(talk, smu_model):
    link = talk(*ZERO, (CLEAR, TIMEOUT), *OFF, ("errorqueue.clear()", None), (OUTPUTS, TIMEOUT))
    with pytest.raises(NoReply):
        Keithley2600(link, smu_model).panic()


def test_an_output_that_stays_on_is_named(talk, smu_model):
    reply = f"{OK}\t1.000000000000000e+00\t{OK}"
    link = talk((CLEAR, None), ("errorqueue.clear()", None), *OFF, (OUTPUTS, reply))
    with pytest.raises(BenchError, match="the outputs of smub are still on"):
        Keithley2600(link, smu_model).shutdown()


def test_one_channel_shuts_down_alone(talk, smu_model):
    message = (
        "smub.source.levelv = 0.0 smub.source.output = 0.0 "
        "print(smub.source.levelv, smub.source.output, errorqueue.count)"
    )
    link = talk((message, f"{OK}\t{OK}\t{OK}"))
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


@pytest.mark.parametrize(("shown", "amperes"), [("9.91e+37", math.inf), ("-9.91e+37", -math.inf)])
def test_a_current_beyond_the_range_is_infinite(talk, smu_model, shown, amperes):
    link = talk(("print(smub.measure.i(), errorqueue.count)", f"{shown}\t{OK}"))
    assert amperes == Keithley2600(link, smu_model).channel("b").measure_current()


def test_the_smallest_range_that_holds_a_current_is_set(talk, smu_model):
    message = "smua.measure.rangei = 0.0001 print(smua.measure.rangei, errorqueue.count)"
    channel = Keithley2600(talk((message, f"1.0e-04\t{OK}")), smu_model).channel("a")
    channel.current_range = 2e-5


def test_the_range_is_asked_for(talk, smu_model):
    link = talk(("print(smua.measure.rangei, errorqueue.count)", f"1.0e-04\t{OK}"))
    assert 1e-4 == Keithley2600(link, smu_model).channel("a").current_range


@pytest.mark.parametrize("amperes", [0.0, -1e-6, 0.101, math.nan, math.inf])
def test_a_current_beyond_all_ranges_is_refused_with_nothing_sent(talk, smu_model, amperes):
    with pytest.raises(LimitExceeded, match="no current range holds"):
        Keithley2600(talk(), smu_model).channel("a").current_range = amperes


def test_a_2602b_is_driven_by_its_own_sheet(talk, sheet):
    model = sheet("keithley_2602b")
    identity = "Keithley Instruments Inc., Model 2602B, 4400294, 3.3.5"
    assert "4400294" == Keithley2600(talk((CLEAR, None), ("*IDN?", identity)), model).identify()
    with pytest.raises(LimitExceeded, match="beyond 40 V"):
        Keithley2600(talk(), model).channel("a").source_voltage = 41.0
    message = "smua.measure.rangei = 1e-07 print(smua.measure.rangei, errorqueue.count)"
    Keithley2600(talk((message, f"1.0e-07\t{OK}")), model).channel("a").current_range = 1e-7


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


@pytest.mark.parametrize(
    ("first", "second", "limited"),
    [
        (5e-5, -5e-5, False),
        (2.9e-3, -1e-3, False),
        (3e-3, -1e-3, True),
        (1e-3, -3e-3, True),
        (-2.99e-3, 1e-3, True),  # the meter may show a little less than the limit
        (9.91e37, 0.0, True),
    ],
)
def test_both_channels_fire_on_one_event_and_measure_whether_they_were_limited(talk, smu_model, first, second, limited):
    reply = f"true\t{first:.15e}\t{second:.15e}\t{OK}"
    link = talk(width_of("0.0001"), (pulse_of("0.225", "-0.225"), reply))
    assert limited is pair_on(link, smu_model).pulse((0.225, -0.225), 1e-4)


def test_a_width_that_stands_already_is_not_set_again(talk, smu_model):
    fired = (pulse_of("0.2", "-0.2"), f"true\t1e-5\t1e-5\t{OK}")
    pair = pair_on(talk(width_of("0.0001"), fired, fired), smu_model)
    assert [False, False] == [pair.pulse((0.2, -0.2), 1e-4) for _ in range(2)]


def test_a_width_that_the_instrument_changed_is_an_error_and_nothing_fires(talk, smu_model):
    (message, _), reply = width_of("0.0001"), f"0.001\t{OK}"
    with pytest.raises(BenchError, match=r"delay = 0\.001 after it was set to 0\.0001"):
        pair_on(talk((message, reply)), smu_model).pulse((0.2, -0.2), 1e-4)


def test_an_instrument_that_was_switched_off_fires_nothing_and_says_so_at_once(talk, smu_model):
    link = talk(width_of("0.0001"), (pulse_of("0.2", "-0.2"), f"nil\tnil\tnil\t{OK}"), (ABORT, None))
    with pytest.raises(PowerLost):
        pair_on(link, smu_model).pulse((0.2, -0.2), 1e-4)


def test_an_error_during_a_pulse_is_not_taken_for_an_answer_and_leaves_the_trigger_idle(talk, smu_model):
    message = pulse_of("0.2", "-0.2")
    link = talk(
        width_of("0.0001"),
        (message, f"true\t{OK}\t{OK}\t1.000000000000000e+00"),
        (NEXT_ERROR, "5.042e+03\tThe output must be on to run a sweep\t2.0e+01\t1.0e+00"),
        (ABORT, None),
    )
    with pytest.raises(InstrumentError) as caught:
        pair_on(link, smu_model).pulse((0.2, -0.2), 1e-4)
    assert ("box", message, 5042) == (caught.value.instrument, caught.value.command, caught.value.code)


def test_a_pulse_without_an_answer_leaves_the_trigger_idle_and_is_not_sent_again(talk, smu_model):
    fired = (pulse_of("0.2", "-0.2"), TIMEOUT)
    link = talk(width_of("0.0001"), fired, (CLEAR, None), (NEXT_ERROR, TIMEOUT), (ABORT, None))
    with pytest.raises(NoReply, match="does not answer"):
        pair_on(link, smu_model).pulse((0.2, -0.2), 1e-4)


@pytest.mark.parametrize("reply", ["nil\tnil", "nan\t0.0", "1.0e-04", "1.0\t0.0"])  # 1 A is beyond the range of 10 mA
def test_a_pulse_without_its_currents_is_a_bad_reply(talk, smu_model, reply):
    link = talk(width_of("0.0001"), (pulse_of("0.2", "-0.2"), f"true\t{reply}\t{OK}"), (ABORT, None))
    with pytest.raises(BadReply):
        pair_on(link, smu_model).pulse((0.2, -0.2), 1e-4)


# -- reading through the pair ----------------------------------------------------------------------


def test_a_read_sets_waits_measures_and_returns_to_0_v_in_one_message(talk, smu_model):
    link = talk((sense_of("0.05", "0.0002"), f"5.0e-02\t-6.25e-06\tfalse\t{OK}\t{OK}"))
    assert (6.25e-6, False) == pair_on(link, smu_model).sense(0.05, settle=2e-4)


def test_a_read_in_compliance_says_so(talk, smu_model):
    link = talk((sense_of("0.05", "0.0"), f"5.0e-02\t-1.05e-04\ttrue\t{OK}\t{OK}"))
    assert (1.05e-4, True) == pair_on(link, smu_model).sense(0.05, settle=0)


@pytest.mark.parametrize(("shown", "amperes"), [("-9.91e+37", 1e-4), ("9.91e+37", -1e-4)])
def test_a_read_beyond_the_range_is_none(talk, smu_model, shown, amperes):
    link = talk((sense_of("0.05", "0.0"), f"5.0e-02\t{shown}\tfalse\t{OK}\t{OK}"))
    assert (amperes, True) == pair_on(link, smu_model).sense(0.05, settle=0.0)


@pytest.mark.parametrize("current", ["-1.07e-04", "1.0", "-3.0e+05"])
def test_a_current_that_the_range_cannot_show_is_no_reading(talk, smu_model, current):
    link = talk((sense_of("0.05", "0.0"), f"5.0e-02\t{current}\tfalse\t{OK}\t{OK}"))
    with pytest.raises(BadReply, match="which is the range"):
        pair_on(link, smu_model).sense(0.05, settle=0.0)


@pytest.mark.parametrize(("set_to", "left"), [("4.9e-02", "0.0"), ("5.0e-02", "1.0e-03"), ("0.0", "0.0")])
def test_a_read_at_another_level_is_an_error(talk, smu_model, set_to, left):
    link = talk((sense_of("0.05", "0.0"), f"{set_to}\t-6.25e-06\tfalse\t{left}\t{OK}"))
    with pytest.raises(BenchError, match=r"had smua\.source\.levelv = "):
        pair_on(link, smu_model).sense(0.05, settle=0.0)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        OK,
        f"5.0e-02\t-6.25e-06\tfalse\t{OK}",
        f"5.0e-02\tnil\tfalse\t{OK}\t{OK}",
        f"5.0e-02\tnan\tfalse\t{OK}\t{OK}",
        f"5.0e-02\t-6.25e-06\tnil\t{OK}\t{OK}",
        f"nan\t-6.25e-06\tfalse\t{OK}\t{OK}",
        f"5.0e-02\t-6.25e-06\tfalse\tnan\t{OK}",
    ],
)
def test_what_is_no_read_is_a_bad_reply(talk, smu_model, reply):
    with pytest.raises(BadReply):
        pair_on(talk((sense_of("0.05", "0.0"), reply)), smu_model).sense(0.05, settle=0.0)


@pytest.mark.parametrize(
    ("volts", "settle"), [(math.nan, 0.0), (201.0, 0.0), (0.05, -1.0), (0.05, math.nan), (0.05, math.inf)]
)
def test_a_read_that_makes_no_sense_is_refused_with_nothing_sent(talk, smu_model, volts, settle):
    with pytest.raises(LimitExceeded):
        pair_on(talk(), smu_model).sense(volts, settle=settle)


def test_resting_brings_both_channels_to_0_v_and_reads_it_back(talk, smu_model):
    link = talk(
        ("smua.source.levelv = 0.0 print(smua.source.levelv, errorqueue.count)", f"{OK}\t{OK}"),
        ("smub.source.levelv = 0.0 print(smub.source.levelv, errorqueue.count)", f"{OK}\t{OK}"),
    )
    pair_on(link, smu_model).rest()


@pytest.mark.parametrize("amperes", [0.2, math.inf, math.nan])
def test_a_current_that_no_range_holds_is_refused(talk, smu_model, amperes):
    with pytest.raises(LimitExceeded, match="no current range holds"):
        Keithley2600(talk(), smu_model).pair("a", "b", compliance=amperes, nplc=1, read_range=1e-4)


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
    with pytest.raises(LimitExceeded, match=r"PLC is outside 0\.001 to 25"):
        channel.nplc = periods


@pytest.mark.parametrize("volts", [200.1, -200.1, NAN, INF, -INF, np.float64("nan")])
def test_a_level_that_no_range_holds_is_refused_with_nothing_sent(talk, smu_model, volts):
    channel = Keithley2600(talk(), smu_model).channel("a")
    with pytest.raises(LimitExceeded, match="a level of"):
        channel.source_voltage = volts


@pytest.mark.parametrize("width", [0.0, -1e-4, 9.9e-5, 10.1, NAN, INF])
def test_a_pulse_width_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, width):
    pair = pair_on(talk(), smu_model)
    with pytest.raises(LimitExceeded):
        pair.pulse((0.2, -0.2), width)


@pytest.mark.parametrize("amplitudes", [(NAN, 0.0), (0.0, INF), (0.1, 201.0)])
def test_a_pulse_height_outside_the_model_is_refused_with_nothing_sent(talk, smu_model, amplitudes):
    pair = pair_on(talk(), smu_model)
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


@pytest.mark.parametrize("second", [TIMEOUT, ConnectionResetError("gone")])
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
        Keithley2600(TspLink(Broken(), "box"), smu_model).identify()


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


@settings(max_examples=300, deadline=None, derandomize=True)
@given(magnitudes)
def test_settings_from_1e_12_to_1e3_survive_the_way_as_text(value):
    parrot = Parrot()
    TspLink(parrot, "box").assign("x", value)
    assert value == parrot.kept


@settings(max_examples=300, deadline=None, derandomize=True)
@given(magnitudes)
def test_readings_from_1e_12_to_1e3_survive_the_way_as_text(value):
    link = TspLink(Parrot(), "box")
    assert link.parse("x", f"{value:.15e}") == pytest.approx(value, rel=1e-15)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_a_bad_reply(text):
    with contextlib.suppress(BadReply):
        assert math.isfinite(TspLink(Parrot(), "box").parse("x", text))
