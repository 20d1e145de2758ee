"""The Keithley 707B driver, by exact dialogue."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keithley_707b import Keithley707B
from labmtj.drivers.link import TspLink
from labmtj.errors import BadReply, BenchError, InputError, InstrumentError

CLEAR = "<device clear>"
IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL 707B,04447336,01.56a"
OK = "0.000000000000000e+00"
OPEN_ALL = 'channel.open("allslots") waitcomplete() print(channel.getclose("allslots"), errorqueue.count)'
LOOK = 'print(channel.getclose("allslots"), errorqueue.count)'
NEXT_ERROR = "print(errorqueue.next()) errorqueue.clear()"
NONE = f"nil\t{OK}"


def test_identifying_gives_the_serial_number_and_moves_nothing(talk, matrix_model):
    assert "04447336" == Keithley707B(talk((CLEAR, None), ("*IDN?", IDENTITY)), matrix_model).identify()


def test_setting_up_opens_every_relay(talk, matrix_model):
    link = talk(
        (
            "errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 labmtj_on = true "
            "print(errorqueue.count)",
            "0.00000e+00",
        ),
        (OPEN_ALL, NONE),
    )
    Keithley707B(link, matrix_model).setup()


@pytest.mark.parametrize(
    "identity",
    [
        "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5",
        "KEITHLEY INSTRUMENTS INC.,MODEL 3706A-SNFP,04447336,01.56a",
    ],
)
def test_another_instrument_is_refused_before_a_relay_moves(talk, matrix_model, identity):
    with pytest.raises(BenchError, match="should be a MODEL 707B but says it is a"):
        Keithley707B(talk((CLEAR, None), ("*IDN?", identity)), matrix_model).identify()


def test_steps_go_out_in_their_order_as_one_message_and_the_relays_are_read_back(talk, matrix_model):
    message = (
        'channel.close("1C01,2C03") channel.open("1A01") channel.close("4B12") waitcomplete() '
        'print(channel.getclose("allslots"), errorqueue.count)'
    )
    link = talk((message, f"1C01;2C03;4B12\t{OK}"))
    steps = [("close", [("C", 15), ("C", 1)]), ("open", [("A", 1)]), ("close", [("B", 48)])]
    assert {("C", 1), ("C", 15), ("B", 48)} == Keithley707B(link, matrix_model).switch(steps)


def test_a_step_without_relays_is_left_out(talk, matrix_model):
    link = talk(('channel.open("1H12") waitcomplete() print(channel.getclose("allslots"), errorqueue.count)', NONE))
    assert frozenset() == Keithley707B(link, matrix_model).switch([("close", []), ("open", [("H", 12)])])


@pytest.mark.parametrize(
    ("reply", "closed"),
    [
        ("nil", set()),
        ("1A01", {("A", 1)}),
        ("1A12;2A01", {("A", 12), ("A", 13)}),
        ("1H01;4A12", {("H", 1), ("A", 48)}),
    ],
)
def test_closed_relays_are_counted_across_the_cards(talk, matrix_model, reply, closed):
    assert closed == Keithley707B(talk((LOOK, f"{reply}\t{OK}")), matrix_model).closed()


def test_a_relay_that_stays_closed_is_named(talk, matrix_model):
    with pytest.raises(BenchError, match="relays 2B03 are still closed"):
        Keithley707B(talk((OPEN_ALL, f"2B03\t{OK}")), matrix_model).open_all()


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "garbage",
        NONE + "\n" + NONE,
        f"\t{OK}",
        f"1A01;\t{OK}",
        f"1A01,1A02\t{OK}",
        f"1A01:1A05\t{OK}",
        f"1a01\t{OK}",
        f"1A1\t{OK}",
        f"1103;2205\t{OK}",  # a 3706A's channels
        f"1A13\t{OK}",  # a card has 12 columns
        f"1A00\t{OK}",
        f"5A01\t{OK}",  # there are four cards
        f"1I01\t{OK}",
        f"9.91000e+37\t{OK}",
        f"nan\t{OK}",
        "nil",
        "nil\tnil",
        "1A01\t1A02\t0",
    ],
)
def test_what_is_no_list_of_channels_is_a_bad_reply(talk, matrix_model, reply):
    with pytest.raises(BadReply, match="box answered"):
        Keithley707B(talk((LOOK, reply)), matrix_model).closed()


def test_an_error_in_the_queue_names_the_command(talk, matrix_model):
    message = 'channel.close("1A01") waitcomplete() print(channel.getclose("allslots"), errorqueue.count)'
    link = talk((message, "nil\t1.00000e+00"), (NEXT_ERROR, "1.11400e+03\tinvalid channel specifier: 1A01\t20\t1"))
    with pytest.raises(InstrumentError) as caught:
        Keithley707B(link, matrix_model).switch([("close", [("A", 1)])])
    assert (message, 1114) == (caught.value.command, caught.value.code)


def test_silence_is_explained_by_the_queue(talk, matrix_model):
    link = talk(
        (OPEN_ALL, VisaIOError(StatusCode.error_timeout)),
        (CLEAR, None),
        (NEXT_ERROR, "-2.86000e+02\tTSP Runtime error at line 1\t2.00000e+01\t1.00000e+00"),
    )
    with pytest.raises(InstrumentError, match="-286"):
        Keithley707B(link, matrix_model).open_all()


@pytest.mark.parametrize("crosspoint", [("I", 1), ("A", 0), ("A", 49), ("A", -1), ("a", 1), ("AB", 1), ("", 1)])
def test_a_crosspoint_that_is_not_there_is_refused_with_nothing_sent(talk, matrix_model, crosspoint):
    with pytest.raises(InputError, match="no crosspoint"):
        Keithley707B(talk(), matrix_model).switch([("close", [crosspoint])])


def test_an_unknown_action_is_refused_with_nothing_sent(talk, matrix_model):
    with pytest.raises(InputError, match="closed or opened, not 'toggle'"):
        Keithley707B(talk(), matrix_model).switch([("open", [("A", 1)]), ("toggle", [("A", 1)])])


class Echo:
    """Answers with the channels of the one close in the message."""

    def __init__(self):
        self.names = ""

    def write(self, message):
        self.names = message.split('channel.close("')[1].split('"')[0]

    def read(self):
        return f"{self.names.replace(',', ';')}\t{OK}"

    def clear(self):
        raise AssertionError


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.frozensets(st.tuples(st.sampled_from("ABCDEFGH"), st.integers(1, 48)), min_size=1))
def test_every_crosspoint_survives_the_way_as_text(matrix_model, crosspoints):
    assert crosspoints == Keithley707B(TspLink(Echo(), "box"), matrix_model).switch([("close", sorted(crosspoints))])
