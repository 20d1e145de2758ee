"""The SCPI engine, shown on a small source meter that is written as the firmwares are."""

import pytest

from labmtj.twin.scpi.engine import Dialect, ScpiEngine, ScpiError, block

NO_ERROR = '0,"No error"'


class Meter:
    """A source meter with two channels, a list of points, relays and a stored waveform."""

    def __init__(self, **dialect):
        self.engine = ScpiEngine(
            "MAKER,MODEL 1,123,1.0",
            dialect=Dialect(registers=("operation", "questionable", "measurement"), queue_headers=True, **dialect),
            on_reset=self._reset,
            on_message=lambda: self.log.append("message"),
            on_trigger=self._trigger,
        )
        self.log = []
        self.calls = []
        self.waits = False
        self._reset()
        add = self.engine.add
        add("[:SOURce#]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", set=self._set_level, get=self._level)
        add("[:SOURce#]:VOLTage:LIMit:HIGH", set=self._keep)
        add(":SOURce#:FUNCtion[:SHAPe]", set=self._keep)
        add(":SOURce#:FUNCtion:MODE", set=self._set_mode, get=lambda _: self.mode[:4])
        add("[:SENSe]:FUNCtion", set=self._keep, get=lambda _: '"CURR:DC"')
        add(":SENSe:VOLTage|CURRent:NPLCycles", set=self._keep, get=lambda call: call.choice())
        add(":PULSe:WIDTh#", set=self._keep)
        add(":OUTPut#[:STATe]", set=self._set_output, get=lambda _: str(int(self.output)), most=1)
        add(":OUTPut#:LOAD", set=self._keep)
        add(":READ", get=self._read, most=0)
        add(":TRACe:DATA", set=self._keep, get=lambda _: block(b"\x00\n\xff"), most=3)
        add(":TRACe:MAKE", set=self._keep, most=3)
        add(":ROUTe:CLOSe", set=self._keep, get=self._keep)
        add(":INITiate", set=self._init, most=0)

    def ask(self, message):
        replies = self.engine.execute(message)
        assert len(replies) <= 1
        return replies[0] if replies else None

    def error(self):
        return self.ask("SYST:ERR?")

    def take(self, message):
        """The call that a message leads to."""
        before = len(self.calls)
        assert (None, NO_ERROR) == (self.ask(message), self.error())
        assert before + 1 == len(self.calls)
        return self.calls[-1]

    def _reset(self):
        self.level, self.mode, self.output = 0.0, "VOLTAGE", False

    def _keep(self, call):
        self.calls.append(call)

    def _set_level(self, call):
        self.calls.append(call)
        self.level = call.number(0, unit="V", bounds=(-21.0, 21.0), words={"DEF": 0.0})

    def _level(self, call):
        return f"{call.number(0, bounds=(-21.0, 21.0), default=self.level):.6E}"

    def _set_mode(self, call):
        self.mode = call.word(0, ["VOLTage", "CURRent"])

    def _set_output(self, call):
        call.suffix(last=2)
        self.output = call.boolean(0)

    def _read(self, _):
        if not self.output:
            raise ScpiError(803, "Not permitted with OUTPUT off")
        return "+1.060645E-04"

    def _init(self, _):
        self.waits = True

    def _trigger(self):
        if not self.waits:
            raise ScpiError(-211)
        self.waits = False


@pytest.fixture
def meter():
    return Meter()


# -- headers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "VOLT",
        ":VOLT",
        "volt",
        ":SOUR:VOLT",
        "SOURCE1:VOLTAGE",
        ":sour1:volt:lev:imm:ampl",
        "Sour:Volt1:Level:Amplitude",
    ],
)
def test_headers_are_found_in_long_short_and_lower_case(meter, header):
    assert "1.500000E+00" == meter.ask(f"{header} 1.5;:VOLT?")
    assert NO_ERROR == meter.error()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("VOLTA 1", '-113,"Undefined header"'),
        ("SOUR:VOLT:LEV:NONE 1", '-113,"Undefined header"'),
        ("SENS:VOLT 1", '-113,"Undefined header"'),
        ("*FOO", '-113,"Undefined header"'),
        ("*IDN", '-113,"Undefined header"'),
        ("READ", '-113,"Undefined header"'),
        (":VOLT2 1", '-114,"Header suffix out of range"'),
        ("OUTP3 1", '-114,"Header suffix out of range"'),
        ("OUTP99999999999 1", '-114,"Header suffix out of range"'),
        ("ABCDEFGHIJKLMNOP 1", '-112,"Program mnemonic too long"'),
        ("VOLT=1", '-111,"Header separator error"'),
        ("VOLT\xe4 1", '-101,"Invalid character"'),
        ("\xe4", '-101,"Invalid character"'),
        (":", '-102,"Syntax error"'),
        ("?", '-102,"Syntax error"'),
        (":INIT 1", '-108,"Parameter not allowed"'),
        ("*RST 1", '-108,"Parameter not allowed"'),
    ],
)
def test_headers_that_do_not_exist_are_command_errors(meter, header, error):
    meter.ask("*CLS")
    assert None is meter.ask(header)
    assert error == meter.error()
    assert "32" == meter.ask("*ESR?")


def test_suffixes_are_found_anywhere_and_are_one_if_they_are_missing(meter):
    assert 12 == meter.take("SOUR12:FUNC DC").suffix()
    assert 1 == meter.take(":SOUR:FUNC DC").suffix()
    assert 2 == meter.take(":PULS:WIDT2 1.000000e-08").suffix()
    assert 1 == meter.take(":VOLT1:LIM:HIGH 1.000000").suffix()


def test_alternatives_of_a_pattern_say_which_was_sent(meter):
    assert "VOLTAGE" == meter.take(":SENS1:VOLT:NPLC 0.1").choice()
    assert "CURRENT" == meter.ask(":SENSe:current:NPLCycles?")


def test_a_pattern_that_would_hide_another_is_refused(meter):
    with pytest.raises(ValueError, match="would hide"):
        meter.engine.add("[:SOURce]:FUNCtion", set=lambda _: None)
    with pytest.raises(ValueError, match="cannot read"):
        meter.engine.add("[:SOURce", set=lambda _: None)
    with pytest.raises(ValueError, match="short for another"):
        meter.engine.add(":TRACk", set=lambda _: None), meter.engine.add(":TRACe:DATAx", set=lambda _: None)


def test_a_standard_command_can_be_replaced(meter):
    assert "1999.0" == meter.ask(":SYST:VERS?")
    meter.engine.add(":SYSTem:VERSion", get=lambda _: "1996.0", replace=True)
    assert "1996.0" == meter.ask(":SYST:VERS?")
    meter.engine.add("*LANG", get=lambda _: "SCPI")
    assert "SCPI" == meter.ask("*LANG?")


# -- messages ------------------------------------------------------------------------------------------


def test_a_header_without_a_colon_goes_on_where_the_last_one_was(meter):
    meter.ask(":SOUR1:VOLT 2.0; :SOUR1:FUNC DC; FUNC:MODE CURR")
    assert (2.0, "CURRENT", NO_ERROR) == (meter.level, meter.mode, meter.error())


def test_common_commands_do_not_change_the_path(meter):
    assert "CURR" == meter.ask(":SOUR:FUNC:MODE CURR;*CLS;MODE?;")
    assert NO_ERROR == meter.error()


def test_replies_of_one_message_are_one_line(meter):
    assert "MAKER,MODEL 1,123,1.0;0.000000E+00;1" == meter.ask("*IDN?;:VOLT?;*OPC?;")
    meter = Meter(separator=",")
    assert "1,1" == meter.ask("*OPC?;*OPC?")


def test_a_command_error_drops_the_rest_of_its_message(meter):
    assert "1" == meter.ask("*OPC?;:VOLT 3;:NONE 1;:VOLT 4;*OPC?")
    assert (3.0, '-113,"Undefined header"', NO_ERROR) == (meter.level, meter.error(), meter.error())
    assert None is meter.ask(":VOLT 5;:VOLT;:VOLT 6")
    assert (5.0, '-109,"Missing parameter"') == (meter.level, meter.error())


def test_an_execution_error_does_not_drop_the_rest(meter):
    assert "1" == meter.ask(":VOLT 22;:OUTP 1;*OPC?")
    assert (0.0, True, '-222,"Data out of range"') == (meter.level, meter.output, meter.error())


@pytest.mark.parametrize("message", ["", ";", " ; ;", "   ", "*CLS;", "*WAI ; "])
def test_empty_commands_do_nothing(meter, message):
    assert (None, NO_ERROR) == (meter.ask(message), meter.error())


def test_a_colon_before_a_common_command_is_the_dialects_choice(meter):
    meter.ask("VOLT 1")
    meter.ask("status:queue:clear;:*RST;:stat:pres;:*CLS;")
    assert (0.0, NO_ERROR) == (meter.level, meter.error())
    strict = Meter(colon_star=False)
    strict.ask(":*RST")
    assert '-113,"Undefined header"' == strict.error()


def test_each_message_passes_its_time_once(meter):
    meter.ask("*CLS;*CLS;:VOLT 1")
    meter.ask("BAD")
    assert ["message", "message"] == meter.log


def test_a_query_without_an_answer_gives_none(meter):
    assert None is meter.ask(":READ?")
    assert '803,"Not permitted with OUTPUT off"' == meter.error()
    assert "+1.060645E-04" == meter.ask("OUTP ON;:READ?")


def test_a_bug_in_a_handler_is_not_hidden(meter):
    meter.engine.add(":BUG", set=lambda call: 1 / call.number(0))
    with pytest.raises(ZeroDivisionError):
        meter.ask(":BUG 0")


# -- common commands and status ------------------------------------------------------------------------


def test_common_commands_answer_as_the_standard_asks(meter):
    assert "128" == meter.ask("*ESR?")
    assert "1;0;0" == meter.ask("*OPC?;*TST?;*OPT?")
    meter.ask("*OPC;*ESE 60;*SRE 255;*SAV 1;*RCL 1;*WAI")
    assert "60;191" == meter.ask("*ESE?;*SRE?")
    assert "1" == meter.ask("*ESR?")
    meter.ask("*ESE 256")
    assert '-222,"Data out of range"' == meter.error()


def test_reset_keeps_the_status_and_clear_keeps_the_settings(meter):
    meter.ask("*CLS;VOLT 3;*ESE 32;BAD")
    meter.ask("*RST")
    assert (0.0, "32") == (meter.level, meter.ask("*ESE?"))
    assert '-113,"Undefined header"' == meter.error()
    meter.ask("VOLT 3;BAD")
    meter.ask("*CLS")
    assert (3.0, "0", NO_ERROR) == (meter.level, meter.ask("*ESR?"), meter.error())


def test_the_status_byte_follows_errors_events_and_requests(meter):
    meter.ask("*CLS;*ESE 32;*SRE 32")
    assert "0" == meter.ask("*STB?")
    meter.ask("BAD")
    assert 64 + 32 + 4 == meter.engine.status_byte(waiting=False)
    assert 64 + 32 + 16 + 4 == meter.engine.status_byte(waiting=True)
    assert "1;116" == meter.ask("*OPC?;*STB?")


def test_a_buffer_that_filled_raises_the_request_that_pymeasure_polls_for(meter):
    meter.ask(":STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512;")
    meter.engine.status.registers["measurement"].change(512)
    assert "65" == meter.ask("*STB?")
    assert "512;512;0" == meter.ask(":STAT:MEAS:COND?;EVEN?;:STAT:MEAS?")
    assert "0" == meter.ask("*STB?")


def test_registers_have_filters_and_preset(meter):
    meter.ask(":STAT:OPER:PTR 0;NTR 4;ENAB 4")
    register = meter.engine.status.registers["operation"]
    register.change(4)
    register.change(0)
    assert "128" == meter.ask("*STB?")
    assert "4;0;4;4" == meter.ask("STAT:OPER:NTR?;PTR?;ENAB?;EVEN?")
    meter.ask("STAT:PRES")
    assert "0;32767;0" == meter.ask("STAT:OPER:NTR?;PTR?;ENAB?")


def test_a_trigger_that_nothing_waits_for_is_ignored(meter):
    meter.engine.trigger()
    meter.ask("*TRG")
    assert ['-211,"Trigger ignored"'] * 2 == [meter.error(), meter.error()]
    meter.ask("INIT;*TRG")
    assert (False, NO_ERROR) == (meter.waits, meter.error())
    ScpiEngine("X").trigger()


def test_query_errors_set_their_bit(meter):
    meter.ask("*CLS")
    meter.engine.query_error(-410)
    meter.engine.clear()
    assert ("4", '-410,"Query INTERRUPTED"') == (meter.ask("*ESR?"), meter.error())


# -- the error queue -----------------------------------------------------------------------------------


def test_the_last_place_of_a_full_queue_says_that_it_is_full():
    meter = Meter(queue=3)
    for code in (-113, -222, 802, -410):
        meter.engine.error(code)
    assert "3" == meter.ask("SYST:ERR:COUN?")
    assert '-113,"Undefined header",-222,"Data out of range",-350,"Queue overflow"' == meter.ask("SYST:ERR:ALL?")
    assert (NO_ERROR, "0") == (meter.ask("SYST:ERR:ALL?"), meter.ask("SYST:ERR:COUN?"))


def test_the_queue_has_other_names_too(meter):
    meter.ask("BAD")
    meter.ask("*ESE 256")
    assert '-113,"Undefined header"' == meter.ask(":STAT:QUE?")
    assert "-222" == meter.ask("SYST:ERR:CODE?")
    meter.ask("BAD")
    meter.ask(":SYST:CLE")
    assert NO_ERROR == meter.ask("SYSTem:ERRor:NEXT?")


@pytest.mark.parametrize(
    ("empty", "entry", "replies"),
    [
        ('0,"No error"', '{code},"{text}"', ['-113,"Undefined header"', '803,"A ""b"""', '0,"No error"']),
        ('0,"No error;0;0 0"', '{code},"{text}"', ['-113,"Undefined header"', '803,"A ""b"""', '0,"No error;0;0 0"']),
        ('+0,"No error"', '{code:+d},"{text}"', ['-113,"Undefined header"', '+803,"A ""b"""', '+0,"No error"']),
        ('0,"No Error"', '{code},"{text}"', ['-113,"Undefined header"', '803,"A ""b"""', '0,"No Error"']),
    ],
)
def test_each_maker_writes_errors_in_its_own_way(empty, entry, replies):
    meter = Meter(empty=empty, entry=entry)
    meter.ask("BAD")
    meter.engine.error(803, 'A "b"')
    assert replies == [meter.error(), meter.error(), meter.error()]


# -- hostile messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("A" * 2_000_000, '-363,"Input buffer overrun"'),
        ("A" * 999_999, '-112,"Program mnemonic too long"'),
        (":A" * 400_000, '-112,"Program mnemonic too long"'),
        (":ROUT:CLOS " + "(" * 900_000, '-171,"Invalid expression"'),
        (":SENS:FUNC " + '"' * 900_001, '-151,"Invalid string data"'),
        (":VOLT " + "9" * 900_000, '-124,"Too many digits"'),
        (":VOLT " + "," * 900_000, '-223,"Too much data"'),
        ("*CLS;" * 190_000, '-223,"Too much data"'),
        (":VOLT #9999999999", '-161,"Invalid block data"'),
        (" " * 999_999, NO_ERROR),
    ],
)
def test_a_megabyte_of_nonsense_is_one_error(meter, message, error):
    assert None is meter.ask(message)
    assert [error, NO_ERROR] == [meter.error(), NO_ERROR if error == NO_ERROR else meter.error()]


def test_a_reply_that_no_buffer_holds_is_a_deadlock():
    meter = Meter(longest=100)
    assert None is meter.ask("*IDN?;" * 10)
    assert '-430,"Query DEADLOCKED"' == meter.error()


def test_compiled_messages_do_not_pile_up(meter):
    for number in range(3000):
        meter.ask(f"VOLT {number * 1e-3}")
    assert len(meter.engine._compiled) <= 1024
    meter.ask(":TRAC:DATA '" + "x" * 10_000 + "'")
    assert max(map(len, meter.engine._compiled)) <= 256
