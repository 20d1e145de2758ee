"""A source meter of another library behind our port, by exact dialogue: it sets, ours limits and reads back."""

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labmtj.config.adapters import AdapterEntry, Switch
from labmtj.config.model import CurrentBounds
from labmtj.errors import BadReply, BenchError, ForeignError, InputError, InstrumentError, LimitExceeded, PowerLost

EMPTY = '0,"No error;0;0 0"'
CLEAR = "<device clear>"
IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,04426273,1.7.12b"
TIMEOUT = pyvisa.VisaIOError(StatusCode.error_timeout)
IN_FORCE = ":SOUR:FUNC?;:SENS:FUNC?;:SOUR:VOLT:RANG:AUTO?;:SENS:CURR:RANG:AUTO?;:OUTP:VOLT:SMOD?;:SOUR:VOLT:RANG?"
AS_SET = ("VOLT", '"CURR:DC"', "0", "0", "NORM", "2")
QCODES = "qcodes:Keithley.Keithley2450"


def entry(**names):
    return AdapterEntry(checked_by="keithley_2450:Keithley2450", **names)


@pytest.fixture
def setup(told):
    """What a set-up says: our driver's, then what the other one begins with, then whether all is as it was."""

    def make(*first):
        turns = (
            told(EMPTY)
            .send("*CLS")
            .say(":ROUT:TERM?", "FRON")
            .say("*RST;*CLS")
            .set(":ROUT:TERM FRON", ":ROUT:TERM?", "FRON")
            .say(":SYST:LFR?", "50")
            .set(":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT")
            .set(':SENS:FUNC "CURR"', ":SENS:FUNC?", '"CURR:DC"')
            .set(":SOUR:VOLT:RANG:AUTO 0", ":SOUR:VOLT:RANG:AUTO?", "0")
            .set(":SENS:CURR:RANG:AUTO 0", ":SENS:CURR:RANG:AUTO?", "0")
            .set(":OUTP:VOLT:SMOD NORM", ":OUTP:VOLT:SMOD?", "NORM")
            .set(":SOUR:VOLT:RANG 2.0", ":SOUR:VOLT:RANG?", "2")
            .set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0")
        )
        turns.extend(first)
        turns.set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0")
        return turns.say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)

    return make


@pytest.fixture
def ready(meter, setup):
    """ready(turns): a channel that is set up, with this conversation after it."""

    def make(turns, driver="pymeasure:keithley.Keithley2450", first=(), **options):
        box = meter([*setup(*first), *turns], driver, **options)
        box.setup(source_range=1.0, mains=50.0)
        return box, box.channel("1")

    return make


def test_what_the_other_library_sets_is_checked_for_errors_and_read_back(ready, told):
    turns = told(EMPTY)
    turns.say(":SOUR:VOLT:ILIM 0.003").say(":SOUR:VOLT:ILIM?", "0.003")
    turns.say(":SENS:CURR:NPLC 1").say(":SENS:CURR:NPLC?", "1")
    turns.say(":SOUR:VOLT:ILIM?", "0.003")
    turns.say(":SENS:CURR:RANG:AUTO 0;:SENS:CURR:RANG 0.01").say(":SENS:CURR:RANG?", "0.01")
    turns.say(":SOUR:VOLT:ILIM?", "0.003")
    turns.say("OUTPUT ON").say(":OUTP?", "1")
    turns.say(":SOUR:VOLT:LEV 0.05").say(":SOUR:VOLT?", "0.05")
    _, channel = ready(turns)
    channel.compliance_current = 3e-3
    channel.nplc = 1
    channel.current_range = 3e-3
    channel.source_enabled = True
    channel.source_voltage = 0.05


def test_a_reading_is_the_other_librarys_and_then_everything_in_force_is_looked_at(ready, told):
    turns = told(EMPTY).say(":READ?", "-1.060645E-04").say("*ESR?", "0")
    turns.say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)
    _, channel = ready(turns)
    assert -1.060645e-04 == channel.measure_current()


def test_a_reading_that_changes_a_setting_on_its_way_is_an_error(ready, told):
    turns = told(EMPTY).say(":READ?", "-1.060645E-04").say("*ESR?", "0")
    turns.say(f":ROUT:TERM?;{IN_FORCE}", "FRON", "VOLT", '"CURR:DC"', "0", "1", "NORM", "2")
    _, channel = ready(turns)
    with pytest.raises(BenchError, match=r"answers '1' to :SENS:CURR:RANG:AUTO\?, which was ':SENS:CURR:RANG:AUTO 0'"):
        channel.measure_current()


def test_a_limit_that_the_other_library_clips_is_an_error_before_the_output_turns_on(ready, told):
    turns = told(EMPTY).say(":SOUR:VOLT:ILIM 1.05").say(":SOUR:VOLT:ILIM?", "1.05")
    _, channel = ready(turns, compliance=CurrentBounds(minimum="1 nA", maximum="5 A"))
    with pytest.raises(BenchError, match=r"answers 1.05 to :SOUR:VOLT:ILIM\? after it was set to 3.0"):
        channel.compliance_current = 3.0


def test_a_number_that_a_format_loses_is_an_error(ready, told):
    turns = told(EMPTY).say(":SOUR:VOLT:ILIM 0.000000").say(":SOUR:VOLT:ILIM?", "1E-09")
    adapter = entry(compliance_current="compliance_current")
    _, channel = ready(turns, "pymeasure:keithley.SixDecimals", adapter=adapter)
    with pytest.raises(BenchError, match=r"answers 1e-09 to :SOUR:VOLT:ILIM\? after it was set to 1e-07"):
        channel.compliance_current = 100e-9


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("source_voltage", 300.0), ("compliance_current", 1.1), ("nplc", 11.0), ("current_range", 2.0)],
)
def test_what_the_model_cannot_do_is_refused_before_the_other_library_is_asked(ready, quantity, value):
    _, channel = ready([])
    with pytest.raises(LimitExceeded):
        setattr(channel, quantity, value)


def test_an_error_that_the_instrument_queues_is_ours(ready):
    turns = [
        (":SOUR:VOLT:LEV 0.05;:SYST:ERR?", '-222,"Parameter data out of range;1;2013"'),
        (":SYST:ERR?", EMPTY),
    ]
    _, channel = ready(turns)
    with pytest.raises(InstrumentError, match=r"reports error -222 .* after ':SOUR:VOLT:LEV 0.05'"):
        channel.source_voltage = 0.05


def test_what_the_other_library_raises_names_the_instrument_and_the_call(ready, told):
    adapter = entry(source_voltage="source_voltage", measure_current="current")
    _, channel = ready(told(EMPTY).say("*ESR?", "0"), "pymeasure:keithley.Careless", adapter=adapter)
    with pytest.raises(
        ForeignError, match=r"^box: PyMeasure's Careless, source_voltage = 0.05: KeyError: 'no such vol"
    ):
        channel.source_voltage = 0.05


def test_a_warning_of_the_other_library_is_an_error_and_the_output_is_not_believed_on(ready, told):
    adapter = entry(source_enabled=Switch(on="enable_source", off="disable_source"))
    _, channel = ready(told(EMPTY).say("*ESR?", "0"), "pymeasure:keithley.Careless", adapter=adapter)
    with pytest.raises(ForeignError, match=r"enable_source\(\): UserWarning: the output may be on"):
        channel.source_enabled = True


def test_a_warning_about_old_names_is_none(ready, told):
    adapter = entry(source_enabled=Switch(on="enable_source", off="disable_source"))
    _, channel = ready(told(EMPTY).say("OUTPUT ON").say(":OUTP?", "1"), "pymeasure:keithley.Legacy", adapter=adapter)
    channel.source_enabled = True


def test_an_output_that_the_other_library_did_not_switch_is_noticed(ready, told):
    adapter = entry(source_enabled=Switch(on="enable_source", off="disable_source"))
    _, channel = ready(told(EMPTY).say(":OUTP?", "0"), "pymeasure:keithley.Silent", adapter=adapter)
    with pytest.raises(BenchError, match=r"answers '0' to :OUTP\? after ':OUTP 1'"):
        channel.source_enabled = True


def test_an_error_that_the_other_library_keeps_to_itself_is_raised(ready):
    turns = [("OUTPUT ON;:SYST:ERR?", '-221,"Settings conflict"'), (":SYST:ERR?", EMPTY)]
    adapter = entry(source_enabled=Switch(on="enable_source", off="disable_source"))
    _, channel = ready(turns, "pymeasure:keithley.Secretive", adapter=adapter)
    with pytest.raises(InstrumentError, match=r"reports error -221 \(Settings conflict\) after 'OUTPUT ON'"):
        channel.source_enabled = True


def test_whether_the_limit_holds_is_true_or_false(ready, told):
    turns = told(EMPTY).say(":SOUR:VOLT:ILIM:TRIP?", "1").say("*ESR?", "0")
    _, channel = ready(turns, "pymeasure:keithley.Secretive", adapter=entry(in_compliance="limited"))
    assert channel.in_compliance
    _, channel = ready(turns, "pymeasure:keithley.Secretive", adapter=entry(in_compliance="tripped"))
    with pytest.raises(BadReply, match=r"answered .*'1'.* expected true or false"):
        _ = channel.in_compliance


def test_a_reading_that_is_no_number_is_refused(ready, told):
    turns = told(EMPTY).say("*ESR?", "0").say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)
    _, channel = ready(turns, "pymeasure:keithley.Careless", adapter=entry(measure_current="current"))
    with pytest.raises(
        BadReply, match=r"answered '\[1.0, 2.0\]' to \"PyMeasure's Careless, current\"; expected a number"
    ):
        channel.measure_current()


def test_a_power_cut_explains_what_the_other_library_raises(ready, told):
    adapter = entry(source_voltage="source_voltage")
    _, channel = ready(told(EMPTY).say("*ESR?", "128"), "pymeasure:keithley.Careless", adapter=adapter)
    with pytest.raises(PowerLost):
        channel.source_voltage = 0.05


def test_a_lost_reply_is_recovered_by_our_link_and_the_reading_is_made_again(ready, told):
    turns = told(EMPTY)
    turns += [(":READ?;:SYST:ERR?", TIMEOUT), (CLEAR, None), (":SYST:ERR?", EMPTY)]
    turns.say("*ESR?", "0").set(":SOUR:VOLT 0.0", ":SOUR:VOLT?", "0").say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)
    turns.say(":READ?", "1E-06").say("*ESR?", "0").say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)
    _, channel = ready(turns)
    assert 1e-06 == channel.measure_current()


def test_after_messages_of_a_users_own_everything_in_force_is_looked_at_once(ready, told):
    turns = told(EMPTY)
    turns += [("*IDN?", IDENTITY)]
    turns.say("*ESR?", "0").say(f":ROUT:TERM?;{IN_FORCE}", "FRON", *AS_SET)
    turns.say(":SENS:CURR:NPLC 1").say(":SENS:CURR:NPLC?", "1")
    turns.say(":SENS:CURR:NPLC 2").say(":SENS:CURR:NPLC?", "2")
    box, channel = ready(turns)
    assert IDENTITY == box.foreign.identity
    channel.nplc = 1
    channel.nplc = 2


def test_a_setting_that_a_user_has_changed_is_an_error_at_the_next_request(ready, told):
    turns = told(EMPTY).say(":SOUR:VOLT:RANG 20").say("*ESR?", "0")
    turns.say(f":ROUT:TERM?;{IN_FORCE}", "FRON", "VOLT", '"CURR:DC"', "0", "0", "NORM", "20")
    box, channel = ready(turns)
    box.foreign.write(":SOUR:VOLT:RANG 20")
    with pytest.raises(BenchError, match=r"answers '20' to :SOUR:VOLT:RANG\?, which was ':SOUR:VOLT:RANG 2.0'"):
        channel.source_enabled = True


def test_a_name_that_the_object_does_not_have_is_refused_with_the_nearest(ready):
    with pytest.raises(InputError, match=r"PyMeasure's Silent has no current_nplcs; did you mean current_nplc"):
        ready([], "pymeasure:keithley.Silent", adapter=entry(nplc="current_nplcs"))


def test_an_object_that_cannot_be_made_is_named(meter, setup, told):
    turns = [*setup()][:12]
    box = meter([*turns, *told(EMPTY).say("*ESR?", "0")], "pymeasure:keithley.Broken", adapter=entry())
    with pytest.raises(ForeignError, match="PyMeasure's Broken, its first messages: OSError: not today"):
        box.setup(source_range=1.0, mains=50.0)
    with pytest.raises(BenchError, match="there is no object of the other library yet"):
        _ = box.foreign


def test_a_parameter_of_qcodes_is_called_and_its_object_printed_nothing_and_is_closed(ready, told, capsys):
    turns = told(EMPTY)
    turns.say("SOUR:VOLT:ILIM 0.0033").say(":SOUR:VOLT:ILIM?", "0.0033")
    turns.say(":OUTP 1").say(":OUTP?", "1")
    turns.say("SOUR:VOLT 0.1234567890123").say(":SOUR:VOLT?", "0.1234568")
    box, channel = ready(turns, QCODES, first=[("*LANG?", "SCPI")])
    channel.compliance_current = 3.3e-3
    channel.source_enabled = True
    channel.source_voltage = 0.1234567890123
    name, closed = box.foreign.name, type(box.foreign).closed
    box.let_go()
    assert (name, "") == (closed[-1], capsys.readouterr().out)


def test_what_a_library_adds_to_our_errors_is_taken_off_again(ready):
    turns = [("SOUR:VOLT 0.05;:SYST:ERR?", '-222,"out of range"'), (":SYST:ERR?", EMPTY)]
    _, channel = ready(turns, QCODES, first=[("*LANG?", "SCPI")])
    with pytest.raises(InstrumentError) as caught:
        channel.source_voltage = 0.05
    assert "box reports error -222 (out of range) after 'SOUR:VOLT 0.05'" == str(caught.value)


def test_making_safe_is_our_drivers_and_needs_no_object(meter, told):
    turns = told(EMPTY)
    turns += [(CLEAR, None), (":ABOR", None), (":SOUR:VOLT 0", None), (":OUTP 0", None), ("*CLS", None)]
    turns.say(":OUTP?;:SOUR:VOLT?", "0", "0")
    meter(turns).shutdown()


def test_a_session_says_that_bytes_are_not_for_it(ready):
    box, _ = ready([])
    with pytest.raises(AttributeError, match="takes and gives lines of text, which its gate can read"):
        box.foreign.adapter.write_bytes(b"\x00")
    with pytest.raises(BenchError, match="a reply is read where nothing was asked"):
        box.foreign.adapter.read()
