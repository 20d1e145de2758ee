"""Arguments of SCPI messages: what handlers get for what was sent, and that nothing sent breaks the engine."""

import math

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError, block


class Sender:
    """An engine whose commands keep their calls."""

    def __init__(self):
        self.engine = ScpiEngine("MAKER,MODEL 1,123,1.0")
        self.calls = []
        self.limit = None
        for pattern in (":PULSe:WIDTh", ":OUTPut:LOAD", ":TRACe:DATA", ":TRACe:MAKE", ":VOLTage:LIMit:HIGH"):
            self.engine.add(pattern, set=self.calls.append, most=3)
        for pattern in ("[:SOURce#]:VOLTage[:LEVel]", "[:SENSe]:FUNCtion", ":ROUTe:CLOSe"):
            self.engine.add(pattern, set=self._keep)

    def _keep(self, call):
        self.calls.append(call)
        if self.limit is not None:
            call.number(0, unit="V", bounds=self.limit)

    def codes(self):
        """Numbers of all errors."""
        (reply,) = self.engine.execute("SYST:ERR:CODE:ALL?")
        return [] if reply == "0" else [int(code) for code in reply.split(",")]

    def take(self, message):
        """The call that a message leads to."""
        before = len(self.calls)
        assert ([], []) == (self.engine.execute(message), self.codes())
        assert before + 1 == len(self.calls)
        return self.calls[-1]


@pytest.fixture
def sender():
    return Sender()


# -- kinds of arguments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("0.001", 0.001),
        ("1.000000e-08", 1e-8),
        ("0.5V", 0.5),
        ("5.0E-01 v", 0.5),
        ("10mV", 0.01),
        ("10 MAV", 1e7),
        ("100 UV", 100e-6),
        ("+.5", 0.5),
        ("-5.", -5.0),
        ("1 E-3", 0.001),
        ("#H1F", 31.0),
        ("#b101", 5.0),
        ("#Q17", 15.0),
        ("1e-30000", 0.0),
    ],
)
def test_numbers_come_with_multipliers_and_units(sender, sent, value):
    assert value == sender.take(f":VOLT:LIM:HIGH {sent}").number(0, unit="V")


@pytest.mark.parametrize(
    ("sent", "unit", "value"),
    [
        ("1e-06s", "S", 1e-6),
        ("100 US", "S", 100e-6),
        ("1 MS", "S", 1e-3),
        ("50OHM", "OHM", 50.0),
        ("1 MOHM", "OHM", 1e6),
        ("1 MHZ", "HZ", 1e6),
        ("1 MAHZ", "HZ", 1e6),
        ("2 MA", "A", 2e-3),
        ("5.000000e-01VPP", ("VPP", "V"), 0.5),
        ("2.5V", ("VPP", "V"), 2.5),
    ],
)
def test_m_is_milli_but_for_hertz_and_ohms(sender, sent, unit, value):
    assert value == sender.take(f":PULS:WIDT {sent}").number(0, unit=unit)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", -109),
        ("nan", -141),
        ("INF", -141),
        ("-inf", -121),
        ("1..2", -121),
        ("1e400", -222),
        ("1e-99999", -123),
        ("21.1", -222),
        ("5 S", -131),
        ("5 XV", -131),
        ("5 ABCDEFGHIJKLMN", -134),
        ("1" * 300, -124),
        ("1e" + "9" * 100_000, -123),
        ("#HXYZ", -121),
        ("#H" + "F" * 100, -124),
        ("'1'", -104),
        ("(1)", -104),
        ("#11a", -104),
        ("1 2", -121),
        ("\xb5", -101),
    ],
)
def test_what_is_no_number_is_refused(sender, sent, code):
    sender.limit = (-21.0, 21.0)
    sender.engine.execute(f":VOLT {sent}")
    assert [code] == sender.codes()


def test_words_stand_for_numbers(sender):
    for sent, value in (("MAX", 21.0), ("minimum", -21.0), ("DEFault", 0.0)):
        assert value == sender.take(f":VOLT {sent}").number(0, bounds=(-21.0, 21.0), words={"DEF": 0.0})
    load = {"INF": math.inf}
    for sent in ("INF", "infinity", "9.9E37"):
        assert math.inf == sender.take(f"OUTP:LOAD {sent}").number(0, bounds=(1.0, 1e4), words=load, unit="OHM")
    with pytest.raises(ScpiError, match="-138"):
        sender.take("OUTP:LOAD 5 OHM").number(0)


def test_integers_are_rounded(sender):
    assert 3 == sender.take("OUTP:LOAD 2.6").integer(0, bounds=(0, 3))
    assert 7 == sender.take("OUTP:LOAD AUTO").integer(0, bounds=(0, 3), words={"AUTO": 7})
    with pytest.raises(ScpiError, match="-222"):
        sender.take("OUTP:LOAD 3.6").integer(0, bounds=(0, 3))


@pytest.mark.parametrize(("sent", "value"), [("ON", 1), ("off", 0), ("1", 1), ("0", 0), ("0.2", 0), ("-3", 1)])
def test_booleans_are_words_or_numbers(sender, sent, value):
    assert bool(value) is sender.take(f"OUTP:LOAD {sent}").boolean(0)


def test_character_data_has_a_long_and_a_short_form(sender):
    choices = ["VOLTage", "CURRent", "USER1", "DC"]
    for sent, word in (("volt", "VOLTAGE"), ("Current", "CURRENT"), ("user1", "USER1"), ("DC", "DC")):
        assert word == sender.take(f"OUTP:LOAD {sent}").word(0, choices)
    for sent, code in (("VOL", -224), ("5", -128), ("'VOLT'", -158), ("(@1)", -178)):
        with pytest.raises(ScpiError, match=str(code)):
            sender.take(f"OUTP:LOAD {sent}").word(0, choices)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("'CURR'", "CURR"),
        ('"CURR:DC"', "CURR:DC"),
        ("CURR", "CURR"),
        ("'it''s; \"so\"'", 'it\'s; "so"'),
        ('"a ""b"", c"', 'a "b", c'),
        ("''", ""),
    ],
)
def test_strings_take_either_quote_and_double_it_inside(sender, sent, text):
    assert text == sender.take(f":SENS:FUNC {sent}").text(0)


@pytest.mark.parametrize(
    "sent", ["'abc", '"a""', "(@1,'", "(((", ")", "(@1", "'a' 'b'", "1(2)", "#", "#3ab", "#15ab", "#2ab"]
)
def test_arguments_that_do_not_end_are_command_errors(sender, sent):
    sender.engine.execute(f":SENS:FUNC {sent}")
    (code,) = sender.codes()
    assert -200 < code <= -100
    assert [] == sender.calls


def test_an_empty_last_argument_is_not_one(sender):
    call = sender.take(":TRACe:MAKE 'b1', 100, ")
    assert (2, "b1", 100.0, 7.0) == (call.count, call.text(0), call.number(1), call.number(2, default=7.0))


def test_an_empty_argument_between_takes_its_default(sender):
    call = sender.take(":TRACe:MAKE 'b1',,3")
    assert (3, 5.0, 3.0) == (call.count, call.number(1, default=5.0), call.number(2))
    with pytest.raises(ScpiError, match="-109"):
        call.number(1)


@pytest.mark.parametrize(
    ("sent", "channels"),
    [
        ("(@101,102)", ["101", "102"]),
        ("(@101, 102 )", ["101", "102"]),
        ("( @00103,00220)", ["00103", "00220"]),
        ("(@101:110)", [("101", "110")]),
        ("(@1!1!3)", ["1!1!3"]),
        ("(@1!1!1:1!1!4,2!3)", [("1!1!1", "1!1!4"), "2!3"]),
        ("(@)", []),
    ],
)
def test_channel_lists_are_items_and_ranges(sender, sent, channels):
    assert channels == sender.take(f":ROUT:CLOS {sent}").channels(0)


def test_channel_numbers_are_counted_out_within_bounds(sender):
    assert [1, 2, 3, 7, 6] == sender.take(":ROUT:CLOS (@1:3,7:6)").channel_numbers(0, bounds=(1, 24))
    for sent, code in (
        ("(@1:99999999999)", -222),
        ("(@" + "9" * 100 + ")", -171),
        ("(1,2)", -171),
        ("(@1:2:3)", -171),
        ("(@1,,2)", -171),
        ("(@" + ",".join(["1"] * 20_000) + ")", -223),
        ("(@" + ",".join(["1:24"] * 1_000) + ")", -223),
        ("7", -104),
    ):
        with pytest.raises(ScpiError, match=str(code)):
            sender.take(f":ROUT:CLOS {sent}").channel_numbers(0, bounds=(1, 24))


def test_blocks_carry_any_byte_both_ways(sender):
    call = sender.take(":TRAC:DATA VOLATILE,#16\xe0\x01;\n\x1f\xff")
    assert b"\xe0\x01;\n\x1f\xff" == call.block(1)
    assert b"a;b" == sender.take(":TRAC:DATA #0a;b").block(0)
    assert b"ab" == sender.take(":TRAC:DATA #12ab ;*CLS").block(0)
    assert "#13\x00\n\xff" == block(b"\x00\n\xff")
    assert "#210" + "x" * 10 == block(b"x" * 10)


def test_a_handler_sees_what_was_sent(sender):
    call = sender.take(":TRAC:DATA 'a', 5 V")
    assert isinstance(call, Call)
    assert ("'a'", "5 V", False) == (call.raw(0), call.raw(1), call.has(2))


# -- hostile messages ------------------------------------------------------------------------------


HEADERS = ["VOLT ", "SOUR1:VOLT ", ":SENS:FUNC ", "ROUT:CLOS ", "*ESE ", "*CLS", "*STB?", "*RST", "OUTP ", ":", "*TRG"]
VALUES = [
    "(@1:9)",
    "#12ab",
    "#0",
    "#H",
    "1e",
    "99999",
    "MAX",
    "MV",
    "INF",
    "NAN",
    "ON",
    "'a'",
    "-",
    "V",
    "(",
    "@1",
    "!",
]
ODD = ["\xff", "\u2028", "\u0663", "9" * 400, "A" * 300, "(" * 50, "'" * 7, ";" * 9, "\n", "\0", "\t", '"', "?", "#"]
MESSAGES = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*HEADERS, *VALUES, *ODD, *";,: "]), max_size=14).map("".join),
    st.builds("{}{}".format, st.sampled_from(HEADERS), st.lists(st.sampled_from([*VALUES, *ODD, ","])).map("".join)),
)


def _convert(call):
    """Try every conversion on every argument; only ScpiError may come out."""
    for position in range(call.count + 1):
        for convert in (
            lambda p: call.number(p, unit=("V", "S", "HZ"), words={"INF": math.inf}),
            lambda p: call.number(p, bounds=(-1.0, 1.0)),
            lambda p: call.integer(p, bounds=(0, 255)),
            call.boolean,
            lambda p: call.word(p, ["VOLTage", "A1"]),
            call.text,
            call.raw,
            call.block,
            call.channels,
            lambda p: call.channel_numbers(p, bounds=(1, 99)),
        ):
            try:
                convert(position)
            except ScpiError:
                continue


FUZZED = Sender()
FUZZED.engine.add("[:SOURce#]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", set=_convert, most=99, replace=True)
FUZZED.engine.add("[:SENSe]:FUNCtion", set=_convert, most=99, replace=True)
FUZZED.engine.add(":ROUTe:CLOSe", set=_convert, most=99, replace=True)


@seed(17)
@settings(max_examples=2000, deadline=None, database=None)
@given(MESSAGES)
def test_no_message_gets_an_exception_out_of_the_engine(message):
    replies = FUZZED.engine.execute(message)
    assert len(replies) <= 1
    assert len(FUZZED.engine.errors) <= 30
    FUZZED.engine.execute("*CLS")
    assert [] == FUZZED.codes()
