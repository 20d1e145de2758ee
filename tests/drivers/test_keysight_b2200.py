"""The Keysight B2200 matrix driver, and what all SCPI matrices share, by exact dialogue."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.keysight_b2200 import KeysightB2200
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InputError, InstrumentError

CLEAR = "<device clear>"
EMPTY = '0,"No Error"'
LOOK = ":ROUT:CLOS:CARD? 0"


@pytest.fixture
def model(sheet):
    return sheet("keysight_b2201a")


def moving(turns, command, status="0"):
    return turns.say(f"*ESR?;{command};*OPC?;*ESR?", "0", "1", status)


@pytest.mark.parametrize("name", ["B2201A", "B2200A"])
def test_both_models_are_taken(scpi, model, name):
    link = scpi((CLEAR, None), ("*IDN?", f"AGILENT TECHNOLOGIES,{name},0,A.01.00"))
    assert "0" == KeysightB2200(link, model).identify()


def test_another_matrix_is_refused(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", "Agilent Technologies,34980A,MY44001234,2.43-2.43-2.07-0.05"))
    with pytest.raises(BenchError, match="should be a B2201A but says it is a 34980A"):
        KeysightB2200(link, model).identify()


def test_setting_up_makes_one_matrix_that_does_what_it_is_told(scpi, told, model):
    turns = told(EMPTY).reset()
    turns.set(":ROUT:FUNC ACON", ":ROUT:FUNC?", "ACON")
    turns.set(":ROUT:CONN:RULE 0,FREE", ":ROUT:CONN:RULE? 0", "FREE")
    turns.set(":ROUT:CONN:SEQ 0,NSEQ", ":ROUT:CONN:SEQ? 0", "NSEQ")
    turns.set(":ROUT:BIAS 0,0", ":ROUT:BIAS? 0", "0")
    turns.set(":ROUT:AGND 0,0", ":ROUT:AGND? 0", "0")
    turns.set(":ROUT:COUP 0,0", ":ROUT:COUP? 0", "0")
    moving(turns, ":ROUT:OPEN:CARD 0").say(LOOK, "(@)")
    KeysightB2200(scpi(*turns), model).setup()


def test_a_bias_mode_that_stays_on_is_an_error(scpi, told, model):
    turns = told(EMPTY).reset()
    turns.set(":ROUT:FUNC ACON", ":ROUT:FUNC?", "ACON")
    turns.set(":ROUT:CONN:RULE 0,FREE", ":ROUT:CONN:RULE? 0", "FREE")
    turns.set(":ROUT:CONN:SEQ 0,NSEQ", ":ROUT:CONN:SEQ? 0", "NSEQ")
    turns.set(":ROUT:BIAS 0,0", ":ROUT:BIAS? 0", "1")
    with pytest.raises(BenchError, match="BIAS"):
        KeysightB2200(scpi(*turns), model).setup()


def test_steps_go_out_in_their_order_each_with_its_status_and_the_relays_are_read_back(scpi, told, model):
    turns = told(EMPTY)
    moving(turns, ":ROUT:CLOS (@00103,00220)")
    moving(turns, ":ROUT:OPEN (@00101)")
    moving(turns, ":ROUT:CLOS (@01448)").say(LOOK, "(@00103,00220,01448)")
    steps = [("close", [("B", 20), ("A", 3)]), ("open", [("A", 1)]), ("open", []), ("close", [("N", 48)])]
    assert {("A", 3), ("B", 20), ("N", 48)} == KeysightB2200(scpi(*turns), model).switch(steps)


def test_an_event_status_is_an_error_even_with_an_empty_queue(scpi, told, model):
    box = KeysightB2200(scpi(*moving(told(EMPTY), ":ROUT:CLOS (@00103)", status="16")), model)
    with pytest.raises(BenchError, match="event status 16"):
        box.switch([("close", [("A", 3)])])


def test_a_channel_that_the_instrument_refuses_is_an_instrument_error(scpi, model):
    link = scpi(
        ("*ESR?;:ROUT:CLOS (@00103);*OPC?;*ESR?;:SYST:ERR?", '0;1;16;-222,"Data out of range"'),
        (":SYST:ERR?", EMPTY),
    )
    with pytest.raises(InstrumentError, match="-222"):
        KeysightB2200(link, model).switch([("close", [("A", 3)])])


def test_silence_is_a_bench_error_and_nothing_is_sent_twice(scpi, model):
    link = scpi(
        ("*ESR?;:ROUT:CLOS (@00103);*OPC?;*ESR?;:SYST:ERR?", VisaIOError(StatusCode.error_timeout)),
        (CLEAR, None),
        (":SYST:ERR?", EMPTY),
    )
    with pytest.raises(BenchError, match="does not answer"):
        KeysightB2200(link, model).switch([("close", [("A", 3)])])


def test_a_relay_that_stays_closed_is_named(scpi, told, model):
    turns = moving(told(EMPTY), ":ROUT:OPEN:CARD 0").say(LOOK, "(@00513)")
    with pytest.raises(BenchError, match="relays 00513 are still closed"):
        KeysightB2200(scpi(*turns), model).open_all()


@pytest.mark.parametrize(
    ("reply", "closed"),
    [("(@)", set()), ("(@00101)", {("A", 1)}), ("(@00112, 00113,01048)", {("A", 12), ("A", 13), ("J", 48)})],
)
def test_closed_relays_are_counted_across_the_cards(scpi, told, model, reply, closed):
    assert closed == KeysightB2200(scpi(*told(EMPTY).say(LOOK, reply)), model).closed()


@pytest.mark.parametrize(
    "reply",
    ["", "garbage", "@00101", "(@0101)", "(@00101:00105)", "(@10101)", "(@01501)", "(@00149)", "(@00100)", "(@00001)"],
)
def test_what_is_no_list_of_channels_is_a_bad_reply(scpi, told, model, reply):
    with pytest.raises(BadReply, match="box answered"):
        KeysightB2200(scpi(*told(EMPTY).say(LOOK, reply)), model).closed()


@pytest.mark.parametrize("crosspoint", [("O", 1), ("A", 0), ("A", 49), ("A", -1), ("a", 1), ("AB", 1), ("", 1)])
def test_a_crosspoint_that_is_not_there_is_refused_with_nothing_sent(scpi, model, crosspoint):
    with pytest.raises(InputError, match="no crosspoint"):
        KeysightB2200(scpi(), model).switch([("open", [("A", 1)]), ("close", [crosspoint])])


def test_an_unknown_action_is_refused_with_nothing_sent(scpi, model):
    with pytest.raises(InputError, match="closed or opened, not 'toggle'"):
        KeysightB2200(scpi(), model).switch([("open", [("A", 1)]), ("toggle", [("A", 1)])])


class Echo:
    """Answers with the channels of the last close."""

    def __init__(self):
        self.channels = self.message = ""

    def write(self, message):
        self.message = message
        self.channels = "".join(re.findall(r"CLOS (\(@.*?\))", message)) or self.channels

    def read(self):
        return f"{self.channels};{EMPTY}" if LOOK in self.message else f"0;1;0;{EMPTY}"

    def clear(self):
        raise AssertionError


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.frozensets(st.tuples(st.sampled_from("ABCDEFGHIJKLMN"), st.integers(1, 48)), min_size=1))
def test_every_crosspoint_survives_the_way_as_text(sheet, crosspoints):
    box = KeysightB2200(ScpiLink(Echo(), "box"), sheet("keysight_b2201a"))
    assert crosspoints == box.switch([("close", sorted(crosspoints))])
