"""Bytes in, messages out: how a simulated instrument cuts its input and hands out its replies."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmtj.twin.incoming import LONGEST, Incoming

# -- messages out of bytes -------------------------------------------------------------------------


def cut(*pieces, end=True, blocks=True):
    """Messages of pieces that come one after the other, END with the last."""
    incoming = Incoming(blocks=blocks)
    *first, last = pieces
    messages = [message for piece in first for message in incoming.take(piece, end=False)]
    return messages + incoming.take(last, end=end)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r\r\n", b""])
def test_a_message_ends_at_a_line_feed_or_at_end(line_end):
    assert [b"*IDN?"] == cut(b"*IDN?" + line_end)


def test_what_is_not_complete_waits():
    assert [] == cut(b"*IDN?", end=False)
    assert [b"*IDN?"] == cut(b"*I", b"DN?\n", end=False)


def test_several_messages_may_come_at_once():
    assert [b"A", b"", b"B", b"C"] == cut(b"A\n\nB\r\nC")


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("data", [b"a\nb\n", b"\r\n\r\n", b"\x00\xff\n\r", bytes(range(256))])
def test_line_ends_inside_a_definite_block_are_data(data, tail):
    size = str(len(data)).encode()
    message = b":DATA VOLATILE,#" + str(len(size)).encode() + size + data
    assert [message] == cut(message + tail)
    assert [message, b"*OPC?"] == cut(message + b"\n*OPC?\n", end=False)


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 7))
def test_blocks_survive_however_their_bytes_come(first, second, size):
    message = b"DATA #2%02d%b,#2%02d%b;*OPC?" % (len(first), first, len(second), second)
    stream = message + b"\r\n" + b"NEXT\n"
    pieces = [stream[n : n + size] for n in range(0, len(stream), size)]
    assert [message, b"NEXT"] == cut(*pieces, end=False)


def test_a_block_that_is_not_complete_waits_but_end_ends_it():
    incoming = Incoming(blocks=True)
    assert [] == incoming.take(b"DATA #15ab\n", end=False)
    assert [b"DATA #15ab\ncd"] == incoming.take(b"cd\n", end=False)
    assert [b"DATA #15ab\n"] == incoming.take(b"DATA #15ab\n", end=True)
    assert [b"NEXT"] == incoming.take(b"NEXT\n", end=True)


def test_an_indefinite_block_goes_to_end():
    assert [b"DATA #0a\nb\r\n\r"] == cut(b"DATA #0a\nb\r\n\r\n")
    assert [b"DATA #0a\nb"] == cut(b"DATA #0a\nb")


@pytest.mark.parametrize("number", [b"#H1F", b"#Q17", b"#B101", b"#2x5", b"#", b"#3", b"#31", b"#9999999999"])
def test_a_number_sign_that_begins_no_block_is_a_character(number):
    assert [b"SET " + number, b"NEXT"] == cut(b"SET " + number + b"\nNEXT\n")


@pytest.mark.parametrize("text", [b'"#15"', b"'#15'", b'"it\'s #15"', b'"a""#15"'])
def test_a_number_sign_in_a_string_begins_no_block(text):
    assert [b"TEXT " + text, b"NEXT"] == cut(b"TEXT " + text + b"\nNEXT\n")


def test_a_string_that_is_not_closed_ends_with_its_line():
    assert [b"TEXT 'x", b"DATA #12\n\n"] == cut(b"TEXT 'x\nDATA #12\n\n\n")


def test_scripts_have_no_blocks():
    assert [b"print(#15)", b"x = #t"] == cut(b"print(#15)\nx = #t\n", blocks=False)


def test_input_without_an_end_is_bounded(link):
    for _ in range(5):
        link.conversation.write(b"x" * (LONGEST // 4), end=False)
    assert [-363] == link.firmware.errors
    assert b"still here\n" == link.ask("\nECHO? still here")


@given(st.lists(st.tuples(st.binary(max_size=12), st.booleans()), max_size=8))
def test_no_bytes_break_it(pieces):
    incoming = Incoming(blocks=True)
    for data, end in pieces:
        assert all(isinstance(message, bytes) for message in incoming.take(data, end=end))
    incoming.take(b"", end=True)
    assert [b"*IDN?"] == incoming.take(b"*IDN?\n", end=True)


# -- replies ---------------------------------------------------------------------------------------


def test_a_reply_ends_with_a_line_feed_and_end(link):
    link.conversation.write(b"ECHO? abc\n")
    assert (b"abc\n", True) == link.conversation.read(100)
    assert (b"", False) == link.conversation.read(100)


def test_a_reply_can_be_read_in_pieces(link):
    link.conversation.write(b"ECHO? abcdef\n")
    pieces = [link.conversation.read(3), link.conversation.read(100, ord("e")), link.conversation.read(100)]
    assert [(b"abc", False), (b"de", False), (b"f\n", True)] == pieces


def test_replies_may_hold_any_byte(link):
    every = "".join(chr(n) for n in range(256) if n not in (10, 13, 35))
    assert every.encode("latin-1") + b"\n" == link.ask(f"ECHO? {every}")


def test_a_message_before_the_reply_was_read_drops_it_and_queues_an_error(link):
    link.conversation.write(b"ECHO? first\n")
    assert b"second\n" == link.ask("ECHO? second")
    assert not link.conversation.waiting
    assert b"-410\n" == link.ask("ERROR?")


def test_a_message_before_the_end_of_a_reply_drops_its_rest(link):
    link.conversation.write(b"ECHO? first\n")
    link.conversation.read(2)
    assert b"second\n" == link.ask("ECHO? second")
    assert [-410] == link.firmware.errors


def test_replies_of_one_message_do_not_interrupt_each_other(link):
    link.conversation.write(b"TWICE? a\n")
    assert [b"a\n", b"a\n"] == [link.conversation.read(9)[0], link.conversation.read(9)[0]]
    assert [] == link.firmware.errors


def test_a_raw_link_queues_replies(raw_link):
    link = raw_link
    link.conversation.write(b"ECHO? a\nECHO? b\n", end=False)
    assert [b"a\n", b"b\n"] == [link.conversation.read(9)[0], link.conversation.read(9)[0]]
    link.conversation.starved()
    assert [] == link.firmware.errors


def test_replies_that_nobody_reads_are_bounded(raw_link):
    link = raw_link
    for _ in range(5):
        link.conversation.write(b"ECHO? " + b"x" * (LONGEST // 4) + b"\n", end=False)
    assert [-430] == link.firmware.errors
    assert LONGEST > link.conversation.available


def test_conversations_do_not_see_each_others_replies(link):
    other = link.instrument.converse()
    link.conversation.write(b"ECHO? mine\n")
    other.write(b"ECHO? yours\n")
    assert (b"mine\n", True) == link.conversation.read(100)
    assert (b"yours\n", True) == other.read(100)
    assert [] == link.firmware.errors


def test_half_a_message_stays_in_its_conversation(link):
    other = link.instrument.converse()
    link.conversation.write(b"ECHO? m", end=False)
    other.write(b"ECHO? yours\n")
    link.conversation.write(b"ine\n")
    assert (b"mine\n", True) == link.conversation.read(100)


def test_a_reply_is_ready_when_the_instrument_has_done_its_work(link):
    assert math.inf == link.conversation.ready_in()
    link.conversation.write(b"SLOW? 2.5\n")
    assert 2.5 == link.conversation.ready_in()
    link.world.host.sleep(2)
    assert 0.5 == link.conversation.ready_in()
    link.world.host.sleep(7)
    assert 0.0 == link.conversation.ready_in()
    assert 9.0 == link.world.now()


def test_a_device_clear_drops_both_directions(link):
    link.conversation.write(b"ECHO? a\nECHO", end=False)
    link.conversation.clear()
    assert (False, 1) == (link.conversation.waiting, link.firmware.clears)
    assert b"b\n" == link.ask("ECHO? b")
    assert [] == link.firmware.errors


def test_an_error_in_a_firmware_reaches_the_caller(link):
    with pytest.raises(AttributeError, match="a mistake in a firmware"):
        link.conversation.write(b"CRASH\n")
    assert b"b\n" == link.ask("ECHO? b")


# -- requests for service --------------------------------------------------------------------------


def test_a_serial_poll_shows_a_reply_once_it_is_ready(link):
    link.conversation.write(b"SLOW? 1\n")
    assert 0 == link.conversation.serial_poll()
    link.world.host.sleep(1)
    assert 16 == link.conversation.serial_poll()
    link.conversation.read(100)
    assert 0 == link.conversation.serial_poll()


def test_a_serial_poll_clears_the_request_and_not_its_cause(link):
    link.conversation.write(b"SRE 1\nEVENT 1\n")
    assert [65, 1] == [link.conversation.serial_poll(), link.conversation.serial_poll()]
    assert 65 == link.firmware.status_byte(waiting=False)
    link.conversation.write(b"EVENT 0\nEVENT 1\n")
    assert [65, 1] == [link.conversation.serial_poll(), link.conversation.serial_poll()]


def test_a_request_whose_cause_is_gone_is_gone(link):
    link.conversation.write(b"SRE 1\nEVENT 1\nEVENT 0\n")
    assert 0 == link.conversation.serial_poll()


def test_listeners_hear_of_each_request_once(link):
    heard = []
    link.instrument.listeners.append(lambda: heard.append(link.firmware.events))
    link.conversation.write(b"SRE 3\nEVENT 1\nEVENT 3\nEVENT 0\n")
    assert [0] == heard  # told when the lock is free: after all three messages
    link.conversation.write(b"EVENT 2\n")
    assert [0, 2] == heard


def test_a_waiting_reply_may_request_service(link):
    heard = []
    link.instrument.listeners.append(lambda: heard.append(1))
    link.conversation.write(b"SRE 16\n")
    for _ in range(2):
        assert b"a\n" == link.ask("ECHO? a")
    assert [1, 1] == heard


def test_a_trigger_from_the_bus_reaches_the_firmware(link):
    link.conversation.write(b"SRE 1\n")
    link.conversation.trigger()
    assert (1, 65) == (link.firmware.triggers, link.conversation.serial_poll())


def test_a_real_time_world_follows_its_host(real_time_link):
    host = real_time_link.world.host
    host.sleep(0.02)
    real_time_link.ask("ECHO? a")
    assert 0.02 <= real_time_link.instrument.done_at <= host.now()
