"""The Keithley 7001 driver, by exact dialogue."""

import pytest

from labmtj.drivers.keithley_7001 import Keithley7001
from labmtj.errors import BadReply, BenchError, InputError

CLEAR = "<device clear>"
LOOK = ":ROUT:CLOS:STAT?"


@pytest.fixture
def model(sheet):
    return sheet("keithley_7001")


def test_identifying_gives_the_serial_number(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 7001,1234567,B11  /A02"))
    assert "1234567" == Keithley7001(link, model).identify()


def test_setting_up_opens_every_relay(scpi, told, model):
    turns = told().reset().set(":ROUT:OPEN ALL", "*OPC?", "1").say(LOOK, "(@)")
    Keithley7001(scpi(*turns), model).setup()


def test_steps_go_out_in_their_order_and_the_relays_are_read_back(scpi, told, model):
    turns = told()
    turns.set(":ROUT:CLOS (@1!1!3,2!2!10)", "*OPC?", "1")
    turns.set(":ROUT:OPEN (@1!4!1)", "*OPC?", "1").say(LOOK, "(@1!1!3,2!2!10)")
    steps = [("close", [("A", 3), ("B", 20)]), ("open", [("D", 1)])]
    assert {("A", 3), ("B", 20)} == Keithley7001(scpi(*turns), model).switch(steps)


@pytest.mark.parametrize(
    ("reply", "closed"),
    [
        ("(@)", set()),
        ("(@1!1!1)", {("A", 1)}),
        ("(@1!1!1:1!1!3, 2!4!10)", {("A", 1), ("A", 2), ("A", 3), ("D", 20)}),
    ],
)
def test_closed_relays_are_counted_across_the_cards(scpi, told, model, reply, closed):
    assert closed == Keithley7001(scpi(*told().say(LOOK, reply)), model).closed()


@pytest.mark.parametrize(
    "reply",
    ["", "1!1!1", "(@1!1)", "(@101)", "(@3!1!1)", "(@1!5!1)", "(@1!1!11)", "(@1!1!0)", "(@1!1!1:1!2!3)", "(@0!1!1)"],
)
def test_what_is_no_list_of_channels_is_a_bad_reply(scpi, told, model, reply):
    with pytest.raises(BadReply):
        Keithley7001(scpi(*told().say(LOOK, reply)), model).closed()


def test_a_relay_that_stays_closed_is_named(scpi, told, model):
    turns = told().set(":ROUT:OPEN ALL", "*OPC?", "1").say(LOOK, "(@2!1!4)")
    with pytest.raises(BenchError, match="relays 2!1!4 are still closed"):
        Keithley7001(scpi(*turns), model).open_all()


@pytest.mark.parametrize("crosspoint", [("E", 1), ("A", 0), ("A", 21)])
def test_a_crosspoint_that_is_not_there_is_refused_with_nothing_sent(scpi, model, crosspoint):
    with pytest.raises(InputError, match="no crosspoint"):
        Keithley7001(scpi(), model).switch([("close", [crosspoint])])


def test_every_crosspoint_has_its_own_channel(scpi, model):
    every = [(row, column) for row in "ABCD" for column in range(1, 21)]
    names = Keithley7001(scpi(), model).names(every).split(",")
    assert (80, "1!1!1", "2!4!10") == (len(set(names)), names[0], names[-1])
