"""The digital port of the 2600B driver and what goes with it in one message, by exact dialogue."""

from __future__ import annotations

import pytest
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keithley_2600 import Keithley2600
from labmtj.errors import BadReply, BenchError, GatesClosed, LimitExceeded, NoReply, PowerLost

OK = "0.000000000000000e+00"
TIMEOUT = VisaIOError(StatusCode.error_timeout)
CLEAR = "<device clear>"
NEXT_ERROR = ("print(errorqueue.next()) errorqueue.clear()", "0.0\tqueue is empty")
CLOSED = ("digio.writeport(16383) print(digio.readport(), errorqueue.count)", f"16383\t{OK}")
READY = "smub.measure.rangei = 0.001 smub.measure.nplc = 1.0 local b = digio.readport() "
LEVEL = "smua.source.levelv = 0.1 local v = smua.source.levelv local o = smua.source.output * smub.source.output "
LOOK = "local i{n} = smub.measure.i() local c{n} = smua.source.compliance "
PORTS = "print(v, o, smua.source.levelv, b, digio.readport(), "


def port_of(levels, before, after):
    said = " ".join(f"digio.writeport({level})" for level in levels)
    return (
        f"local b = digio.readport() {said} print(b, digio.readport(), errorqueue.count)",
        f"{before}\t{after}\t{OK}",
    )


def pair_on(link, model):
    box = Keithley2600(link, model)
    return box.gate_pair("a", "b", compliance=(20e-3, 3e-3), nplc=1, read_range=1e-3)


def read_of(before=4096, after=0, on=1.0):
    sent = (
        f"{READY}digio.writeport(8192) digio.writeport(0) {LEVEL}delay(0.0002) local i = smub.measure.i() "
        "local c = smua.source.compliance smua.source.levelv = 0 delay(0.0002) local z = smub.measure.i() "
        f"{PORTS}i, c, z, errorqueue.count)"
    )
    return (sent, f"0.1\t{on}\t0.0\t{before}\t{after}\t-1.7e-05\tfalse\t-1e-08\t{OK}")


# -- the port --------------------------------------------------------------------------------------


def test_levels_are_written_in_one_message_and_the_last_is_read_back(talk, smu_model):
    port = Keithley2600(talk(port_of([2049, 4097, 0], 16383, 0)), smu_model).hold_gates()
    port.write([2049, 4097, 0], before=16383)


def test_a_port_that_does_not_read_back_is_an_error(talk, smu_model):
    port = Keithley2600(talk(port_of([0], 16383, 8)), smu_model).hold_gates()
    with pytest.raises(GatesClosed, match="its digital port is at 8 where 0 was written"):
        port.write([0])


def test_a_port_that_was_not_where_it_was_left_is_an_error(talk, smu_model):
    port = Keithley2600(talk(port_of([0], 16383, 0)), smu_model).hold_gates()
    with pytest.raises(GatesClosed, match="at 16383 where 4096 was written"):
        port.write([0], before=4096)


def test_a_level_of_more_than_fourteen_lines_is_refused_unsent(talk, smu_model):
    port = Keithley2600(talk(), smu_model).hold_gates()
    for level in (16384, -1):
        with pytest.raises(LimitExceeded, match="fourteen lines"):
            port.write([level])


def test_after_a_lost_reply_the_port_is_closed_and_nothing_is_written_again(talk, smu_model):
    first, (second, _) = port_of([0], 16383, 0), port_of([4096], 0, 4096)
    box = Keithley2600(
        talk(first, (second, TIMEOUT), (CLEAR, None), NEXT_ERROR, CLOSED),
        smu_model,
    )
    port = box.hold_gates()
    port.write([0])
    with pytest.raises(NoReply):
        port.write([4096])


# -- with the sources ------------------------------------------------------------------------------


def test_a_read_opens_gates_at_0_volts_and_takes_both_currents_in_one_message(talk, smu_model):
    pair = pair_on(talk(read_of()), smu_model)
    current, limited = pair.read(0.1, before=4096, steps=[8192, 0], level=0, settle=2e-4)
    assert (pytest.approx(1.699e-5), False) == (current, limited)


@pytest.mark.parametrize("turn", [read_of(before=16383), read_of(after=16383)])
def test_what_was_read_with_the_port_elsewhere_is_no_reading(talk, smu_model, turn):
    pair = pair_on(talk(turn), smu_model)
    with pytest.raises(GatesClosed):
        pair.read(0.1, before=4096, steps=[8192, 0], level=0, settle=2e-4)


def test_a_read_with_an_output_off_is_no_reading(talk, smu_model):
    pair = pair_on(talk(read_of(on=0.0)), smu_model)
    with pytest.raises(BenchError, match="or an output is off"):
        pair.read(0.1, before=4096, steps=[8192, 0], level=0, settle=2e-4)


def test_a_read_whose_reply_is_lost_is_not_sent_again(talk, smu_model):
    pair = pair_on(talk((read_of()[0], TIMEOUT), (CLEAR, None), NEXT_ERROR), smu_model)
    with pytest.raises(NoReply):
        pair.read(0.1, before=4096, steps=[8192, 0], level=0, settle=2e-4)


def test_patterns_go_over_from_one_to_the_next_with_the_level_on(talk, smu_model):
    sent = (
        f"{READY}digio.writeport(2049) digio.writeport(0) {LEVEL}delay(0.0002) {LOOK.format(n=0)}"
        f"digio.writeport(2) digio.writeport(0) delay(0.0002) {LOOK.format(n=1)}smua.source.levelv = 0 "
        f"{PORTS}i0, c0, i1, c1, errorqueue.count)"
    )
    pair = pair_on(
        talk((sent, f"0.1\t1.0\t0.0\t0\t0\t-1e-05\tfalse\t-9.91e37\tfalse\t{OK}")),
        smu_model,
    )
    found = pair.each(0.1, before=0, steps=[[2049, 0], [2, 0]], level=0, settle=2e-4)
    assert [(1e-5, False), (1e-3, True)] == found


def fire_of(answer):
    sent = (
        "if labmtj_on and digio.readport() == 4096 then smua.measure.rangei = 0.1 smua.measure.nplc = 0.001 "
        "smua.nvbuffer1.clear() smua.trigger.source.listv({0.0}) smua.trigger.initiate() smub.measure.rangei = 0.01 "
        "smub.measure.nplc = 0.001 smub.nvbuffer1.clear() smub.trigger.source.listv({-0.6}) smub.trigger.initiate() "
        "trigger.generator[1].assert() waitcomplete() end "
        "print(labmtj_on, smua.nvbuffer1[1], smub.nvbuffer1[1], digio.readport(), errorqueue.count)"
    )
    width = "trigger.timer[1].delay"
    return [(f"{width} = 0.0001 print({width}, errorqueue.count)", f"0.0001\t{OK}"), (sent, f"{answer}\t{OK}")]


@pytest.mark.parametrize(("column", "limited"), [("-9e-05", False), ("-2.999e-03", True)])
def test_a_pulse_fires_through_open_gates_and_each_source_has_a_limit_of_its_own(talk, smu_model, column, limited):
    pair = pair_on(talk(*fire_of(f"true\t9e-05\t{column}\t4096")), smu_model)
    assert limited == pair.pulse((0.0, -0.6), 1e-4, port=4096)


ABORT = ("smua.abort() smub.abort()", None)


def test_with_the_port_elsewhere_nothing_fires(talk, smu_model):
    pair = pair_on(talk(*fire_of("true\tnil\tnil\t16383"), ABORT), smu_model)
    with pytest.raises(GatesClosed):
        pair.pulse((0.0, -0.6), 1e-4, port=4096)


def test_after_a_power_cut_nothing_fires(talk, smu_model):
    pair = pair_on(talk(*fire_of("nil\tnil\tnil\t16383"), ABORT), smu_model)
    with pytest.raises(PowerLost):
        pair.pulse((0.0, -0.6), 1e-4, port=4096)


def test_a_settling_time_that_makes_no_sense_is_refused_unsent(talk, smu_model):
    pair = pair_on(talk(), smu_model)
    for settle in (-1.0, float("nan"), float("inf")):
        with pytest.raises(LimitExceeded, match="makes no sense"):
            pair.read(0.1, before=None, steps=[0], level=0, settle=settle)


def test_a_level_of_the_port_that_is_no_number_is_a_bad_reply(talk, smu_model):
    sent, _ = port_of([0], 0, 0)
    port = Keithley2600(talk((sent, f"0\tnil\t{OK}")), smu_model).hold_gates()
    with pytest.raises(BadReply, match="a number"):
        port.write([0])


# -- leaving ---------------------------------------------------------------------------------------

ZERO = [(f"{smu}.{step}", None) for step in ("source.levelv = 0", "source.output = 0") for smu in ("smua", "smub")]
OFF = [("smua.abort()", None), ("smub.abort()", None), *ZERO, ("digio.writeport(16383)", None)]
OUTPUTS = ("print(smua.source.output, smub.source.output, errorqueue.count)", f"0.0\t0.0\t{OK}")
LINES = "print(digio.readport(), errorqueue.count)"


def test_a_shutdown_closes_the_gates_after_the_outputs_are_off_and_looks(talk, smu_model):
    turns = [(CLEAR, None), ("errorqueue.clear()", None), *OFF, OUTPUTS, (LINES, f"16383\t{OK}")]
    box = Keithley2600(talk(*turns), smu_model)
    box.hold_gates()
    box.shutdown()


def test_a_panic_closes_them_too_and_gates_that_stay_open_are_said(talk, smu_model):
    panic = [*ZERO, ("digio.writeport(16383)", None), (CLEAR, None), *OFF, ("errorqueue.clear()", None), OUTPUTS]
    box = Keithley2600(talk(*panic, (LINES, f"4096\t{OK}")), smu_model)
    box.hold_gates()
    with pytest.raises(GatesClosed, match="4096"):
        box.panic()


def test_without_a_chip_the_digital_port_is_left_alone(talk, smu_model):
    turns = [(CLEAR, None), ("errorqueue.clear()", None), *OFF[:-1], OUTPUTS]
    Keithley2600(talk(*turns), smu_model).shutdown()
