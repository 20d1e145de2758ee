"""The SCPI link, by exact dialogue."""

import contextlib
import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.link import TspLink
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InstrumentError, InterlockOpen, NoReply, PowerLost

CLEAR = "<device clear>"
TIMEOUT = VisaIOError(StatusCode.error_timeout)
OK = '0,"No error"'


class Stopped(Exception):
    """Something that is no fault of the link, such as Ctrl-C."""


# -- exchanges -------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [OK, '+0,"No error"', '0,"No Error"', '0, "No error"', '0,"No error;0;0 0"'])
def test_every_message_asks_for_its_errors_in_each_dialect(scpi, empty):
    scpi((":OUTP 1;:SYST:ERR?", empty)).run(":OUTP 1")
    assert ["VOLT", "0.1"] == scpi((":FUNC?;:VOLT?;:SYST:ERR?", f"VOLT;0.1;{empty}")).ask(":FUNC?", ":VOLT?")


def test_commands_come_before_queries(scpi):
    link = scpi((":VOLT 1.0;:VOLT?;:SYST:ERR?", f"1.000000E+00;{OK}"))
    assert 1.0 == link.number(":VOLT?", after=":VOLT 1.0")


def test_a_reply_may_hold_quoted_semicolons(scpi):
    link = scpi((":NAME?;:X?;:SYST:ERR?", f'"a;b";"";{OK}'))
    assert ['"a;b"', '""'] == link.ask(":NAME?", ":X?")


def test_waiting_for_the_end_of_a_command_is_its_operation_complete_query(scpi):
    scpi(("*TRG;*OPC?;:SYST:ERR?", f"1;{OK}")).complete("*TRG")


def test_a_query_may_be_sent_alone(scpi):
    assert "TSP" == scpi(("*LANG?", "TSP")).query("*LANG?")


@pytest.mark.parametrize("reply", ["", "1", OK, f"1;2;{OK}", "1;No error", f"1;{OK};", f'"1;{OK}', f"1,{OK}"])
def test_another_number_of_fields_is_a_bad_reply(scpi, reply):
    with pytest.raises(BadReply, match="box answered"):
        scpi((":VOLT?;:SYST:ERR?", reply)).number(":VOLT?")


@pytest.mark.parametrize("reply", ["garbage", "nan", "inf", "1_0", "true", "+9.910000E+37", "-9.9E37", "1.0 V"])
def test_what_is_no_number_is_a_bad_reply(scpi, reply):
    with pytest.raises(BadReply, match="box answered"):
        scpi((":VOLT?;:SYST:ERR?", f"{reply};{OK}")).number(":VOLT?")


@pytest.mark.parametrize(("reply", "value"), [("+9.910000E+37", math.inf), ("-9.9E37", -math.inf), ("1.5e-6", 1.5e-6)])
def test_a_reading_beyond_the_range_is_infinite(scpi, reply, value):
    assert value == scpi((":READ?;:SYST:ERR?", f"{reply};{OK}")).measure(":READ?")


# -- settings --------------------------------------------------------------------------------------


def test_a_setting_is_sent_in_full_and_read_back(scpi):
    scpi((":VOLT 1e-08;:VOLT?;:SYST:ERR?", f"1.000000E-08;{OK}")).assign(":VOLT", np.float64(1e-8))


@pytest.mark.parametrize("kept", ["1.000010E-01", "-1.000000E-01", "0"])
def test_a_setting_that_the_instrument_changed_is_an_error(scpi, kept):
    with pytest.raises(BenchError, match=r"box answers .* to :VOLT\? after it was set to 0\.1"):
        scpi((":VOLT 0.1;:VOLT?;:SYST:ERR?", f"{kept};{OK}")).assign(":VOLT", 0.1)


def test_a_setting_may_be_off_by_the_resolution(scpi):
    scpi((":VOLT 0.1;:VOLT?;:SYST:ERR?", f"0.1000009;{OK}")).assign(":VOLT", 0.1, tolerance=1e-6)


@pytest.mark.parametrize("shown", ["1.000000E-04", "1.050000E-04", "1.060000E-04"])
def test_a_range_may_be_shown_with_its_overrange(scpi, shown):
    scpi((":RANG 0.0001;:RANG?;:SYST:ERR?", f"{shown};{OK}")).assign_range(":RANG", 1e-4)


@pytest.mark.parametrize("shown", ["1.000000E-03", "1.050000E-05", "1.070000E-04"])
def test_another_range_is_an_error(scpi, shown):
    with pytest.raises(BenchError):
        scpi((":RANG 0.0001;:RANG?;:SYST:ERR?", f"{shown};{OK}")).assign_range(":RANG", 1e-4)


@pytest.mark.parametrize("shown", ["VOLT", "volt", '"VOLT"'])
def test_a_word_reads_back_in_any_case_and_with_or_without_quotes(scpi, shown):
    scpi((":FUNC VOLT;:FUNC?;:SYST:ERR?", f"{shown};{OK}")).confirm(":FUNC VOLT", ":FUNC?", "VOLT")


def test_another_word_is_an_error(scpi):
    with pytest.raises(BenchError, match="box answers 'CURR' to :FUNC"):
        scpi((":FUNC VOLT;:FUNC?;:SYST:ERR?", f"CURR;{OK}")).confirm(":FUNC VOLT", ":FUNC?", "VOLT")


# -- errors ----------------------------------------------------------------------------------------


def test_an_error_names_the_command_and_the_queue_is_emptied(scpi):
    link = scpi(
        (":VOLT 300;:SYST:ERR?", '-222,"Parameter data out of range"'),
        (":SYST:ERR?", '-100,"Command error"'),
        (":SYST:ERR?", OK),
    )
    with pytest.raises(InstrumentError) as caught:
        link.run(":VOLT 300")
    assert (":VOLT 300", -222, "Parameter data out of range") == (
        caught.value.command,
        caught.value.code,
        caught.value.text,
    )


def test_silence_is_explained_by_the_queue(scpi):
    link = scpi(
        (":READ?;:SYST:ERR?", TIMEOUT),
        (CLEAR, None),
        (":SYST:ERR?", '+803,"Not permitted with OUTPUT off"'),
        (":SYST:ERR?", '-420,"Query UNTERMINATED"'),
        (":SYST:ERR?", OK),
    )
    with pytest.raises(InstrumentError, match="803"):
        link.measure(":READ?")


def test_a_question_without_an_answer_is_asked_once_more_after_the_link_was_recovered(scpi):
    recovery = (CLEAR, None), (":SYST:ERR?", '-420,"Query UNTERMINATED"'), (":SYST:ERR?", OK)
    link = scpi((":READ?;:SYST:ERR?", TIMEOUT), *recovery, (":READ?;:SYST:ERR?", f"1.5E-6;{OK}"))
    assert 1.5e-6 == link.measure(":READ?")


def test_a_question_that_is_not_answered_twice_is_an_error(scpi):
    link = scpi((":X?;:SYST:ERR?", TIMEOUT), (CLEAR, None), (":SYST:ERR?", OK), (":X?;:SYST:ERR?", TIMEOUT))
    with pytest.raises(NoReply, match=r"box does not answer ':X\?;:SYST:ERR\?'"):
        link.number(":X?")


def test_what_acts_is_never_sent_twice(scpi):
    link = scpi(("*TRG;*OPC?;:SYST:ERR?", TIMEOUT), (CLEAR, None), (":SYST:ERR?", OK))
    with pytest.raises(NoReply, match="box does not answer"):
        link.complete("*TRG")


def test_a_setting_that_reads_back_is_made_again(scpi):
    message = ":VOLT 0.1;:VOLT?;:SYST:ERR?"
    link = scpi((message, TIMEOUT), (CLEAR, None), (":SYST:ERR?", OK), (message, f"0.1;{OK}"))
    link.assign(":VOLT", 0.1)


def test_after_a_lost_reply_another_instrument_is_noticed_and_gets_nothing(scpi):
    mine, other = "ACME,BOX,1,1.0", "ACME,BOX,2,1.0"
    link = scpi((CLEAR, None), ("*IDN?", mine), (":X?;:SYST:ERR?", TIMEOUT), (CLEAR, None), ("*IDN?", other))
    link.identify()
    with pytest.raises(NoReply) as caught:
        link.number(":X?")
    assert "serial number 1, and now a BOX with 2 answers" in str(caught.value.__cause__)


def test_after_a_lost_reply_settings_are_compared_and_those_that_differ_made_again(scpi):
    limit, level = ":PROT 0.003;:PROT?;:SYST:ERR?", ":VOLT 0.1;:VOLT?;:SYST:ERR?"
    link = scpi(
        (":FUNC VOLT;:FUNC?;:SYST:ERR?", f"VOLT;{OK}"),
        (limit, f"0.003;{OK}"),
        (level, f"0.1;{OK}"),
        (":X?;:SYST:ERR?", TIMEOUT),
        (CLEAR, None),
        (":SYST:ERR?", OK),
        (":VOLT 0.0;:VOLT?;:SYST:ERR?", f"0.0;{OK}"),  # a source comes back to 0 V, never to where it was
        (":FUNC?;:PROT?;:SYST:ERR?", f"VOLT;0.02;{OK}"),
        (limit, f"0.003;{OK}"),
        (":X?;:SYST:ERR?", f"7;{OK}"),
    )
    link.confirm(":FUNC VOLT", ":FUNC?", "VOLT")
    link.assign(":PROT", 3e-3)
    link.assign(":VOLT", 0.1, level=True)
    assert 7.0 == link.number(":X?")


def test_an_instrument_that_was_switched_off_is_noticed_with_the_answer(scpi):
    link = scpi((":X?;*ESR?;:SYST:ERR?", f"7;0;{OK}"), (":X?;*ESR?;:SYST:ERR?", f"7;128;{OK}"))
    link.mark()
    assert ["7"] == link.ask_powered(":X?")
    with pytest.raises(PowerLost, match="switched off and on"):
        link.ask_powered(":X?")


def test_a_power_cut_explains_a_query_that_was_not_answered_since_the_output_is_off(scpi):
    link = scpi((":READ?;*ESR?;:SYST:ERR?", '136;803,"Not permitted with OUTPUT off"'))
    link.mark()
    with pytest.raises(PowerLost, match="switched off and on"):
        link.ask_powered(":READ?")


def test_ctrl_c_in_the_middle_of_an_exchange_leaves_no_reply_for_the_next(scpi):
    link = scpi((":X?;:SYST:ERR?", Stopped()), (CLEAR, None), (":SYST:ERR?", OK), (":Y?;:SYST:ERR?", f"2;{OK}"))
    with pytest.raises(Stopped):
        link.number(":X?")
    assert 2.0 == link.number(":Y?")


def test_an_interlock_is_told_from_other_errors(scpi):
    link = scpi((":OUTP 1;:SYST:ERR?", '+802,"Output blocked by interlock"'), (":SYST:ERR?", OK))
    with pytest.raises(InterlockOpen, match="interlock"):
        link.run(":OUTP 1")


def test_a_dead_instrument_is_a_bench_error(scpi):
    link = scpi((":READ?;:SYST:ERR?", TIMEOUT), (CLEAR, TIMEOUT))
    with pytest.raises(BenchError, match="does not answer"):
        link.measure(":READ?")


def test_a_queue_that_never_ends_does_not_hang(scpi):
    link = scpi((":X;:SYST:ERR?", '-113,"Undefined header"'), *[(":SYST:ERR?", '-350,"Queue overflow"')] * 100)
    with pytest.raises(InstrumentError, match="-113"):
        link.run(":X")


def test_bytes_that_are_no_text_are_a_bad_reply(scpi):
    noise = UnicodeDecodeError("ascii", b"\xff\xfe", 0, 1, "ordinal not in range")
    with pytest.raises(BadReply, match="xff"):
        scpi((":VOLT?;:SYST:ERR?", noise)).number(":VOLT?")


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"abc", b"\n", b"\n\n;\"'#\xff\x00", bytes(range(256))])
def test_a_block_may_hold_any_byte(scpi, content):
    block = b"#3%03d" % len(content) + content + b';0,"No error"\n'
    assert content == scpi((":DATA?;:SYST:ERR?", block)).block(":DATA?")


@pytest.mark.parametrize("reply", [b"hello\n", b"#0abc\n", b"#x\n", b"##1a\n", b"#11a;garbage\n"])
def test_what_is_no_definite_block_is_a_bad_reply(scpi, reply):
    with pytest.raises(BadReply):
        scpi((":DATA?;:SYST:ERR?", reply)).block(":DATA?")


def test_a_block_that_is_cut_short_is_a_bench_error(scpi):
    class Cut:
        def __init__(self):
            self.parts = [b"#15ab", TIMEOUT]

        def write(self, message):
            del message

        def read_raw(self):
            part = self.parts.pop(0)
            if isinstance(part, Exception):
                raise part
            return part

        def read(self):
            return OK

        def clear(self):
            pass

    with pytest.raises(BenchError, match="does not answer"):
        ScpiLink(Cut(), "box").block(":DATA?")


# -- threads ---------------------------------------------------------------------------------------


class Slow:
    """Echoes the number of the last message, after a moment; two messages in a row are a fault of the link."""

    def __init__(self, reply):
        self.pending, self.reply = [], reply

    def write(self, message):
        self.pending.append(message)

    def read(self):
        assert 1 == len(self.pending)
        threading.Event().wait(1e-4)
        return self.reply(self.pending.pop())

    def clear(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("kind", "query", "reply"),
    [
        (ScpiLink, ":X{}?", lambda message: f"{message.split('X')[1].split('?')[0]};{OK}"),
        (TspLink, "x{}", lambda message: f"{message.split('x')[1].split(',')[0]}\t0"),
    ],
)
def test_threads_never_cross_replies(kind, query, reply):
    link, wrong = kind(Slow(reply), "box"), []

    def ask(first):
        wrong.extend(n for n in range(first, first + 25) if link.number(query.format(n)) != n)

    threads = [threading.Thread(target=ask, args=(100 * k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


# -- numbers ---------------------------------------------------------------------------------------

magnitudes = st.floats(1e-12, 1e3).flatmap(lambda x: st.sampled_from([x, -x]))


class Parrot:
    """Keeps what a setting says, as an instrument would, and answers with seven digits."""

    def __init__(self):
        self.kept = None

    def write(self, message):
        self.kept = float(message.split(";")[0].split(" ")[1])

    def read(self):
        return f"{self.kept:.6E};{OK}"

    def clear(self):
        raise AssertionError


@settings(max_examples=300, deadline=None, derandomize=True)
@given(magnitudes)
def test_settings_from_1e_12_to_1e3_survive_the_way_as_text(value):
    parrot = Parrot()
    ScpiLink(parrot, "box").assign(":X", value)
    assert value == parrot.kept


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=16))
def test_any_text_is_a_finite_number_or_a_bad_reply(text):
    class Says(Parrot):
        def write(self, message):
            del message

        def read(self):
            return text

    with contextlib.suppress(BadReply, InstrumentError):
        assert math.isfinite(ScpiLink(Says(), "box").number(":X?"))
