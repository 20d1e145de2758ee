"""The QDAC-II driver, by exact dialogue."""

import math
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import VisaIOError
from pyvisa.constants import StatusCode

from labmtj.drivers.qdevil_qdac2 import QDAC2
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InputError, LimitExceeded, NoReply

CLEAR = "<device clear>"
EMPTY = '0, "No error"'
NAN, INF = math.nan, math.inf


@pytest.fixture
def model(sheet):
    return sheet("qdevil_qdac2")


def setting_up(told, *channels, word="low"):
    turns = told(EMPTY).send("*CLS").say(":ABOR;*CLS")
    for n in channels:
        turns.set(f":SOUR{n}:DC:TRIG:SOUR hold", f":SOUR{n}:DC:TRIG:SOUR?", "HOLD")
        turns.say(f":SOUR{n}:VOLT:MODE fix")
        turns.set(f":SOUR{n}:VOLT 0.0", f":SOUR{n}:VOLT?", "0")
        turns.set(f":SOUR{n}:RANG {word}", f":SOUR{n}:RANG?", word.upper())
        turns.set(f":SOUR{n}:FILT high", f":SOUR{n}:FILT?", "HIGH")
        turns.set(f":SOUR{n}:VOLT:SLEW inf", f":SOUR{n}:VOLT:SLEW?", "20000000")
        turns.say(f":SOUR{n}:DC:INIT:CONT off")
        turns.set(f":SOUR{n}:DC:TRIG:SOUR int1", f":SOUR{n}:DC:TRIG:SOUR?", "INT1")
    return turns


def pending(turns, *levels, shown=None):
    """Levels that wait, one (channel, volts) each, all in one message."""
    commands = (f":SOUR{n}:VOLT:MODE fix;:SOUR{n}:VOLT:TRIG {volts!r};:SOUR{n}:DC:INIT" for n, volts in levels)
    queries = (f":SOUR{n}:VOLT:TRIG?" for n, _ in levels)
    return turns.say(";".join([*commands, *queries, "*ESR?"]), *(shown or [repr(volts) for _, volts in levels]), "0")


def listed(turns, levels, width, **shown):
    """Lists that wait, one (channel, volts) each, all in one message."""
    commands = [
        f":SOUR{n}:VOLT:MODE list;:SOUR{n}:LIST:VOLT {volts!r},0.0;:SOUR{n}:LIST:DWEL {width!r};:SOUR{n}:LIST:COUN 1;"
        f":SOUR{n}:LIST:TMOD auto;:SOUR{n}:LIST:DIR up;:SOUR{n}:DC:INIT"
        for n, volts in levels
    ]
    queries = [f":SOUR{n}:LIST:VOLT?;:SOUR{n}:LIST:DWEL?;:SOUR{n}:LIST:COUN?" for n, _ in levels]
    answers = [{"points": f"{volts!r},0", "dwell": repr(width), "count": "1"} | shown for _, volts in levels]
    values = [value for answer in answers for value in answer.values()]
    return turns.say(";".join([*commands, *queries, "*ESR?"]), *values, "0")


def looking(turns, *, powered=False, **levels):
    """Where channels are; before a pulse, whether the instrument has been off as well."""
    queries = [f":SOUR{name[1:]}:VOLT:LAST?" for name in levels]
    return turns.say(";".join([*queries, "*ESR?"] if powered else queries), *levels.values(), *(["0"] * powered))


def ready(scpi, model, turns, *channels, source_range=2.0):
    box = QDAC2(scpi(*turns), model)
    box.setup(channels=[str(n) for n in channels], source_range=source_range)
    return box


def test_identifying_gives_the_serial_number(scpi, model):
    link = scpi((CLEAR, None), ("*IDN?", "QDevil, QDAC-II, 242, 13-1.57"))
    assert "242" == QDAC2(link, model).identify()


def test_setting_up_puts_the_channels_at_0_v_fast_and_waiting_for_the_trigger(scpi, told, model):
    QDAC2(scpi(*setting_up(told, 1, 24)), model).setup(channels=["1", "24"])


def test_a_higher_level_takes_the_high_range(scpi, told, model):
    ready(scpi, model, setting_up(told, 3, word="high"), 3, source_range=5.0)


@pytest.mark.parametrize("volts", [0.0, -1.0, 10.1, NAN, INF])
def test_a_range_that_is_not_there_is_refused_with_nothing_sent(scpi, model, volts):
    with pytest.raises(LimitExceeded):
        QDAC2(scpi(), model).setup(channels=["1"], source_range=volts)


@pytest.mark.parametrize("name", ["0", "25", "a", ""])
def test_a_channel_that_is_not_there_is_refused_with_nothing_sent(scpi, model, name):
    with pytest.raises(InputError, match="no channel"):
        QDAC2(scpi(), model).setup(channels=["1", name])


def test_levels_wait_for_one_trigger_and_are_read_back(scpi, told, model):
    turns = setting_up(told, 1, 2, 3)
    pending(turns, (1, 0.05), (3, -0.1)).say(":TINT 1")
    looking(turns, c1="0.0500001", c3="-0.1")
    ready(scpi, model, turns, 1, 2, 3).apply({"1": 0.05, "3": -0.1})


def test_a_level_that_is_not_reached_is_an_error(scpi, told, model):
    turns = pending(setting_up(told, 1), (1, 0.05)).say(":TINT 1")
    with pytest.raises(BenchError, match=r"VOLT:LAST\? after it was set to 0\.05"):
        ready(scpi, model, looking(turns, c1="0.04"), 1).apply({"1": 0.05})


def test_no_channel_is_left_waiting_when_one_fails(scpi, told, model):
    turns = pending(setting_up(told, 1, 2), (1, 0.05), (2, 0.05), shown=["0.05", "0"])
    turns.send(":SOUR1:DC:ABOR", ":SOUR2:DC:ABOR")
    with pytest.raises(BenchError):
        ready(scpi, model, turns, 1, 2).apply({"1": 0.05, "2": 0.05})


def test_lists_of_many_channels_are_armed_in_groups_and_something_stands_meanwhile(scpi, told, model):
    names = range(1, 11)
    turns = looking(setting_up(told, *names), powered=True, **{f"c{n}": "0" for n in names})
    listed(listed(turns, [(n, 0.1) for n in names[:8]], 1e-3), [(n, 0.1) for n in names[8:]], 1e-3)
    turns.say(":TINT 1").say(":SOUR1:LIST:NCL?", "0")
    for some in (names[:8], names[8:]):
        turns.say(";".join(f":SOUR{n}:VOLT:MODE fix" for n in some))
    looking(turns, **{f"c{n}": "0" for n in names})
    order = []

    @contextmanager
    def standing():
        order.append("up")
        yield
        order.append("down")

    ready(scpi, model, turns, *names).pulse({str(n): 0.1 for n in names}, 1e-3, meanwhile=standing())
    assert ["up", "down"] == order


def test_channels_are_measured_together(scpi, told, model):
    turns = setting_up(told, 1, 2)
    for n in (1, 2):
        turns.set(f":SENS{n}:RANG high", f":SENS{n}:RANG?", "HIGH").set(f":SENS{n}:NPLC 1.0", f":SENS{n}:NPLC?", "1")
    turns.say(":READ? (@1,2)", "1.5E-6,-2E-6").say(":READ? (@2)", "1E-6").say(":READ? (@1,2)", "1E-6")
    box = ready(scpi, model, turns, 1, 2)
    assert [1.5e-6, -2e-6] == box.measure_together(["1", "2"], nplc=1.0)
    assert [1e-6] == box.measure_together(["2"], nplc=1.0)
    with pytest.raises(BadReply):
        box.measure_together(["1", "2"], nplc=1.0)
    with pytest.raises(InputError, match="not set up"):
        box.measure_together(["3"], nplc=1.0)


def test_a_pulse_is_a_list_that_ends_at_0_v(scpi, told, model):
    turns = looking(setting_up(told, 1, 2), powered=True, c1="0", c2="0")
    listed(turns, [(1, 0.225), (2, -0.225)], 1e-3).say(":TINT 1")
    turns.say(":SOUR1:LIST:NCL?", "1").say(":SOUR1:LIST:NCL?", "0")
    turns.say(":SOUR1:VOLT:MODE fix;:SOUR2:VOLT:MODE fix")
    looking(turns, c1="0", c2="0")
    ready(scpi, model, turns, 1, 2).pulse({"1": 0.225, "2": -0.225}, 1e-3)


def test_a_pulse_from_another_level_than_0_v_is_an_error_and_is_not_fired(scpi, told, model):
    with pytest.raises(BenchError, match="VOLT:LAST"):
        ready(scpi, model, looking(setting_up(told, 1), powered=True, c1="0.05"), 1).pulse({"1": 0.2}, 1e-3)


@pytest.mark.parametrize(
    ("what", "value", "error"),
    [
        ("points", "0.1,0", BenchError),
        ("points", "0.2", BadReply),
        ("points", "0.2,0.2", BenchError),
        ("dwell", "0.01", BenchError),
        ("count", "2", BenchError),
    ],
)
def test_a_list_that_the_instrument_changed_is_an_error_and_is_not_fired(scpi, told, model, what, value, error):
    turns = listed(looking(setting_up(told, 1), powered=True, c1="0"), [(1, 0.2)], 1e-3, **{what: value})
    turns.send(":SOUR1:DC:ABOR", ":SOUR1:VOLT:MODE fix")
    with pytest.raises(error):
        ready(scpi, model, turns, 1).pulse({"1": 0.2}, 1e-3)


def test_a_pulse_that_does_not_end_is_cut_short(scpi, told, model):
    turns = listed(looking(setting_up(told, 1), powered=True, c1="0"), [(1, 0.2)], 1e-4).say(":TINT 1")
    for _ in range(102):
        turns.say(":SOUR1:LIST:NCL?", "1")
    turns.send(":SOUR1:DC:ABOR", ":SOUR1:VOLT:MODE fix")
    with pytest.raises(BenchError, match="has not come to its end"):
        ready(scpi, model, turns, 1).pulse({"1": 0.2}, 1e-4)


def test_silence_after_the_trigger_is_a_bench_error_and_nothing_is_fired_again(scpi, told, model):
    turns = listed(looking(setting_up(told, 1), powered=True, c1="0"), [(1, 0.2)], 1e-3)
    turns.append((":TINT 1;:SYST:ERR?", VisaIOError(StatusCode.error_timeout)))
    turns.extend([(CLEAR, None), (":SYST:ERR?", EMPTY)])
    turns.say("*ESR?", "0").set(":SOUR1:VOLT 0.0", ":SOUR1:VOLT?", "0")
    words = ":SOUR1:RANG?;:SOUR1:FILT?;:SOUR1:VOLT:SLEW?;:SOUR1:DC:TRIG:SOUR?"
    turns.say(words, "LOW", "HIGH", "20000000", "INT1")
    looking(turns.send(":SOUR1:DC:ABOR").say(":SOUR1:VOLT:MODE fix"), c1="0")
    turns.send(":SOUR1:DC:ABOR", ":SOUR1:VOLT:MODE fix")
    with pytest.raises(NoReply, match="does not answer"):
        ready(scpi, model, turns, 1).pulse({"1": 0.2}, 1e-3)


@pytest.mark.parametrize("volts", [2.1, -2.1, NAN, INF])
def test_a_level_beyond_the_range_is_refused_with_nothing_sent(scpi, told, model, volts):
    box = ready(scpi, model, setting_up(told, 1, 2), 1, 2)
    with pytest.raises(LimitExceeded):
        box.apply({"1": 0.1, "2": volts})
    with pytest.raises(LimitExceeded):
        box.pulse({"1": 0.1, "2": volts}, 1e-3)


@pytest.mark.parametrize("width", [0.0, 9e-6, 4.1, NAN, INF])
def test_a_width_outside_the_model_is_refused_with_nothing_sent(scpi, told, model, width):
    with pytest.raises(LimitExceeded):
        ready(scpi, model, setting_up(told, 1), 1).pulse({"1": 0.1}, width)


@pytest.mark.parametrize("levels", [{}, {"2": 0.1}, {"25": 0.1}])
def test_channels_that_are_not_set_up_are_refused_with_nothing_sent(scpi, told, model, levels):
    with pytest.raises(InputError):
        ready(scpi, model, setting_up(told, 1), 1).apply(levels)


def test_resting_brings_all_channels_that_are_up_to_0_v_at_once_and_looks_at_every_one(scpi, told, model):
    turns = pending(setting_up(told, 1, 2, 3), (1, 0.05), (3, -0.1)).say(":TINT 1")
    looking(turns, c1="0.05", c3="-0.1")
    looking(pending(turns, (1, 0.0), (3, 0.0)).say(":TINT 1"), c1="0", c3="0")
    looking(turns, c1="0", c2="0", c3="0")
    looking(turns, c1="0", c2="0", c3="0")
    box = ready(scpi, model, turns, 1, 2, 3)
    box.apply({"1": 0.05, "3": -0.1})
    box.rest()
    box.rest()


def shutting_down(told, *levels):
    turns = told(EMPTY).send(CLEAR, ":ABOR")
    for n in range(1, 25):
        turns.send(f":SOUR{n}:VOLT:MODE fix", f":SOUR{n}:VOLT 0")
    return looking(turns.send("*CLS"), **{f"c{n}": level for n, level in enumerate(levels, start=1)})


def test_shutting_down_brings_every_channel_to_0_v_whatever_is_queued_and_looks(scpi, told, model):
    QDAC2(scpi(*shutting_down(told, *["0"] * 24)), model).shutdown()


def test_an_output_that_stays_up_is_an_error(scpi, told, model):
    with pytest.raises(BenchError, match="SOUR24:VOLT:LAST"):
        QDAC2(scpi(*shutting_down(told, *["0"] * 23, "0.1")), model).shutdown()


class Parrot:
    """Keeps what is pending and answers with it."""

    def __init__(self):
        self.kept = {}

    def write(self, message):
        self.queries = []
        for part in message.split(";"):
            header, _, value = part.partition(" ")
            if value:
                self.kept[header] = value
            else:
                self.queries.append(header)

    def read(self):
        fixed = {"*ESR?": "0", ":SYST:ERR?": EMPTY, ":SOUR1:VOLT:LAST?": self.kept.get(":SOUR1:VOLT:TRIG", "0")}
        return ";".join(fixed.get(q) or self.kept[q[:-1]] for q in self.queries if q.endswith("?"))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(1e-12, 2.0).flatmap(lambda x: st.sampled_from([x, -x])))
def test_levels_survive_the_way_as_text(sheet, value):
    parrot = Parrot()
    box = QDAC2(ScpiLink(parrot, "box"), sheet("qdevil_qdac2"))
    box.setup(channels=["1"])
    box.apply({"1": value})
    assert value == float(parrot.kept[":SOUR1:VOLT:TRIG"])


def test_measuring_currents_sets_each_sensor_up_once_and_asks_all_in_one_message(scpi, model, told):
    turns = setting_up(told, 1, 2)
    for n in (1, 2):
        turns.set(f":SENS{n}:RANG high", f":SENS{n}:RANG?", "HIGH")
        turns.set(f":SENS{n}:NPLC 0.1", f":SENS{n}:NPLC?", "0.1")
    turns.say(":READ1?;:READ2?", "4.700000E-05", "-1.000000E-06")
    turns.say(":READ2?", "9.9E37")
    box = ready(scpi, model, turns, 1, 2)
    assert [47e-6, -1e-6] == box.measure_currents(["1", "2"])
    assert [INF] == box.measure_currents(["2"])
    with pytest.raises(InputError, match="channel 3 is not set up"):
        box.measure_currents(["3"])
