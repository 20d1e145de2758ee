"""The Keysight 34980A matrix driver, by exact dialogue."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.drivers.keysight_34980a import Keysight34980A
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InputError

EMPTY = '+0,"No error"'
LOOK = f":ROUT:CLOS? (@{','.join(f'1{50 * row + 51}:1{50 * row + 82}' for row in range(1, 17))})"
CARD = '"Agilent Technologies,34934A-16x32,MY44000001,1.06"'


@pytest.fixture
def model(sheet):
    return sheet("keysight_34980a")


def states(*closed):
    return ",".join("1" if number in closed else "0" for number in range(512))


def setting_up(told, card=CARD, terminals="MATRIX16X32"):
    return told(EMPTY).reset().say(":SYST:CTYP? 1;:SYST:MOD:TERM:TYPE? 1", card, terminals)


def test_the_numbers_are_those_of_the_captured_traffic(scpi, model):
    box = Keysight34980A(scpi(), model)
    assert "1103,1170,1171" == box.names([("A", 3), ("B", 20), ("B", 21)])
    assert "1101,1132,1851,1882" == box.names([("A", 1), ("A", 32), ("P", 1), ("P", 32)])


def test_the_look_goes_row_by_row():
    assert LOOK.startswith(":ROUT:CLOS? (@1101:1132,1151:1182,")
    assert LOOK.endswith(",1851:1882)")


def test_setting_up_checks_the_module_and_takes_out_its_protection(scpi, told, model):
    turns = setting_up(told)
    turns.set(":SYST:MOD:ROW:PROT 1,AUTO0", ":SYST:MOD:ROW:PROT? 1", "AUTO0")
    turns.set(":ROUT:OPEN:ALL", "*OPC?", "1").say(LOOK, states())
    Keysight34980A(scpi(*turns), model).setup()


def test_protection_that_stays_in_is_an_error(scpi, told, model):
    turns = setting_up(told).set(":SYST:MOD:ROW:PROT 1,AUTO0", ":SYST:MOD:ROW:PROT? 1", "AUTO100")
    with pytest.raises(BenchError, match="AUTO100"):
        Keysight34980A(scpi(*turns), model).setup()


def test_another_module_is_an_error(scpi, told, model):
    with pytest.raises(BenchError, match="slot 1 should hold a 34934A-16x32"):
        Keysight34980A(scpi(*setting_up(told, '"Agilent Technologies,0,0,0"')), model).setup()


@pytest.mark.parametrize("terminals", ["NONE", '"NONE"'])
def test_a_module_without_its_terminal_block_is_an_error(scpi, told, model, terminals):
    with pytest.raises(BenchError, match="no terminal block"):
        Keysight34980A(scpi(*setting_up(told, terminals=terminals)), model).setup()


def test_steps_go_out_in_their_order_and_the_relays_are_read_back(scpi, told, model):
    turns = told(EMPTY)
    turns.set(":ROUT:CLOS (@1103,1170)", "*OPC?", "1")
    turns.set(":ROUT:OPEN (@1101)", "*OPC?", "1").say(LOOK, states(2, 32 + 19, 511))
    steps = [("close", [("A", 3), ("B", 20)]), ("open", [("A", 1)])]
    assert {("A", 3), ("B", 20), ("P", 32)} == Keysight34980A(scpi(*turns), model).switch(steps)


def test_a_relay_that_stays_closed_is_named(scpi, told, model):
    turns = told(EMPTY).set(":ROUT:OPEN:ALL", "*OPC?", "1").say(LOOK, states(2))
    with pytest.raises(BenchError, match="relays 1103 are still closed"):
        Keysight34980A(scpi(*turns), model).open_all()


@pytest.mark.parametrize("reply", ["", "0", states() + ",0", states().replace("0", "2", 1), "(@1103)"])
def test_what_does_not_tell_of_every_channel_is_a_bad_reply(scpi, told, model, reply):
    with pytest.raises(BadReply):
        Keysight34980A(scpi(*told(EMPTY).say(LOOK, reply)), model).closed()


@pytest.mark.parametrize("crosspoint", [("Q", 1), ("A", 0), ("A", 33)])
def test_a_crosspoint_that_is_not_there_is_refused_with_nothing_sent(scpi, model, crosspoint):
    with pytest.raises(InputError, match="no crosspoint"):
        Keysight34980A(scpi(), model).switch([("close", [crosspoint])])


class Echo:
    """Has the channels of the last close closed."""

    def __init__(self):
        self.closed, self.message = set(), ""

    def write(self, message):
        self.message = message
        if match := re.match(r":ROUT:CLOS \(@(.*?)\)", message):
            self.closed = set(match[1].split(","))

    def read(self):
        if "CLOS?" not in self.message:
            return f"1;{EMPTY}"
        numbers = [f"1{50 * (row + 1) + column}" for row in range(1, 17) for column in range(1, 33)]
        return ",".join("1" if number in self.closed else "0" for number in numbers) + f";{EMPTY}"

    def clear(self):
        raise AssertionError


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.frozensets(st.tuples(st.sampled_from("ABCDEFGHIJKLMNOP"), st.integers(1, 32)), min_size=1))
def test_every_crosspoint_survives_the_way_as_text(sheet, crosspoints):
    box = Keysight34980A(ScpiLink(Echo(), "box"), sheet("keysight_34980a"))
    assert crosspoints == box.switch([("close", sorted(crosspoints))])
