"""The Keithley 3706A driver, by exact dialogue."""

import pytest

from labmtj.drivers.keithley_3706a import Keithley3706A
from labmtj.errors import BadReply, BenchError, InputError

CLEAR = "<device clear>"
OK = "0.000000000000000e+00"
LOOK = 'print(channel.getclose("allslots"), errorqueue.count)'
CARD = "3730,6x16 High Density Matrix,01.40h,4447332"
CARDS = "print(slot[1].idn, slot[2].idn, errorqueue.count)"
OPENING = (
    (
        "errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 labmtj_on = true "
        "print(errorqueue.count)",
        "0.00000e+00",
    ),
    ('channel.open("allslots") waitcomplete() print(channel.getclose("allslots"), errorqueue.count)', f"nil\t{OK}"),
)


@pytest.fixture
def model(sheet):
    return sheet("keithley_3706a")


@pytest.mark.parametrize("name", ["MODEL 3706A-SNFP", "MODEL 3706A"])
def test_the_variants_are_taken(talk, model, name):
    link = talk((CLEAR, None), ("*IDN?", f"KEITHLEY INSTRUMENTS INC.,{name},04447336,01.56a"))
    assert "04447336" == Keithley3706A(link, model).identify()


def test_a_707b_is_refused(talk, model):
    link = talk((CLEAR, None), ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 707B,04447336,01.56a"))
    with pytest.raises(BenchError, match="should be a MODEL 3706A-SNFP"):
        Keithley3706A(link, model).identify()


def test_setting_up_opens_every_relay_and_checks_the_cards(talk, model):
    Keithley3706A(talk(*OPENING, (CARDS, f"{CARD}\t{CARD}\t{OK}")), model).setup()


def test_an_empty_slot_is_an_error(talk, model):
    link = talk(*OPENING, (CARDS, f"{CARD}\tEmpty Slot\t{OK}"))
    with pytest.raises(BenchError, match="slot 2 should hold a 3730 card, it has 'Empty Slot'"):
        Keithley3706A(link, model).setup()


def test_steps_go_out_in_their_order_as_one_message_and_the_relays_are_read_back(talk, model):
    message = (
        'channel.close("1103,2205") channel.open("1101") channel.close("2616") waitcomplete() '
        'print(channel.getclose("allslots"), errorqueue.count)'
    )
    link = talk((message, f"1103;2205;2616\t{OK}"))
    steps = [("close", [("B", 21), ("A", 3)]), ("open", [("A", 1)]), ("close", [("F", 32)])]
    assert {("A", 3), ("B", 21), ("F", 32)} == Keithley3706A(link, model).switch(steps)


@pytest.mark.parametrize("reply", ["1A03", "1703", "1117", "3101", "1100", "1911", "103", "1103,2205", ""])
def test_what_is_no_list_of_channels_is_a_bad_reply(talk, model, reply):
    with pytest.raises(BadReply):
        Keithley3706A(talk((LOOK, f"{reply}\t{OK}")), model).closed()


@pytest.mark.parametrize("crosspoint", [("G", 1), ("A", 0), ("A", 33), ("1", 1)])
def test_a_crosspoint_that_is_not_there_is_refused_with_nothing_sent(talk, model, crosspoint):
    with pytest.raises(InputError, match="no crosspoint"):
        Keithley3706A(talk(), model).switch([("close", [crosspoint])])
