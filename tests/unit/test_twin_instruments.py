"""The simulated 2636B and 707B through PyVISA: what their firmware does to the shared world."""

import numpy as np
import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labmtj.config.bench import load_bench
from labmtj.errors import MissingFile

SMU, MATRIX = "TCPIP0::192.0.2.11::inst0::INSTR", "TCPIP0::192.0.2.12::inst0::INSTR"
COMMAND, SETTLING, OVERHEAD, RELAY = 0.5e-3, 50e-6, 1e-3, 3e-3  # [s] instruments/models
DIE = "{diameter: 40 nm, wire: 5 ohm, seed: 17, defects: {short: 0 %, open: 0 %, stuck: 0 %}, telegraph: 0 %}"


class Bench:
    """A simulated bench of its own: PyVISA keeps one library a path, so that each test writes a file."""

    def __init__(self, folder):
        text = load_bench("simulated-15x15").source.text
        path = folder / "bench.yaml"
        path.write_text(text[: text.index("simulation:")] + f"simulation: {{die: {DIE}}}\n")
        self.manager = pyvisa.ResourceManager(f"{path}@labmtj")
        self.world = self.manager.visalib.bench.world
        self.smu, self.matrix = self.open(SMU), self.open(MATRIX)

    def open(self, address):
        return self.manager.open_resource(address, read_termination="\n", write_termination="\n", timeout=2000)

    def ask(self, command):
        """Values that the 2636B prints."""
        return [value(text) for text in self.smu.query(command).split("\t")]

    def one(self, command):
        (found,) = self.ask(command)
        return found

    def error(self, instrument=None):
        """Number and text of the oldest error."""
        code, text, *_ = (instrument or self.smu).query("print(errorqueue.next())").split("\t")
        return int(float(code)), text

    def select(self, row, col, volts=0.05):
        """One cell between the channels, all other lines at ground, outputs on."""
        grounds = [n for n in range(1, 31) if n not in (row, 15 + col)]
        names = [relay("A", row), relay("B", 15 + col), *(relay("C", n) for n in grounds)]
        self.matrix.write(f'channel.close("{",".join(names)}")')
        for smu, level in (("smua", volts), ("smub", 0.0)):
            self.smu.write(f"{smu}.source.rangev = 2 {smu}.source.output = 1 {smu}.source.levelv = {level}")
        self.smu.write("format.asciiprecision = 16")

    def took(self, command):
        """Virtual seconds that a query takes."""
        before = self.world.now()
        self.smu.query(command)
        return self.world.now() - before


def value(text):
    try:
        return float(text)
    except ValueError:
        return text


def relay(letter, column):
    slot, place = divmod(column - 1, 12)
    return f"{slot + 1}{letter}{place + 1:02d}"


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path)
    yield found
    found.manager.close()


# -- the backend -----------------------------------------------------------------------------------


def test_the_bench_lists_its_instruments(bench):
    assert {SMU, MATRIX} == set(bench.manager.list_resources("?*"))


def test_instruments_say_who_they_are(bench):
    assert "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5" == bench.smu.query("*IDN?")
    assert "KEITHLEY INSTRUMENTS INC.,MODEL 707B,04447336,01.56a" == bench.matrix.query("*idn?")


def test_a_bench_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MissingFile):
        pyvisa.ResourceManager(f"{tmp_path / 'nothing.yaml'}@labmtj")


def test_an_address_where_nothing_stands_is_an_error(bench):
    with pytest.raises(pyvisa.VisaIOError):
        bench.manager.open_resource("TCPIP0::192.0.2.99::inst0::INSTR")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_messages_may_end_as_clients_end_them(bench, end):
    bench.smu.write_termination = end
    assert "1.00000e+00" == bench.smu.query("print(1)")


def test_a_message_may_end_without_a_line_end(bench):
    bench.smu.write_raw(b"print(7)")
    assert "7.00000e+00" == bench.smu.read()


def test_a_reply_can_be_read_in_pieces(bench):
    bench.smu.write("print('abcdef')")
    assert b"abc" == bench.smu.read_bytes(3)
    assert "def" == bench.smu.read()


def test_replies_come_in_order_and_one_at_a_time(bench):
    bench.smu.write("print(1) print(2)")
    assert ["1.00000e+00", "2.00000e+00"] == [bench.smu.read(), bench.smu.read()]


@pytest.mark.parametrize("milliseconds", [1, 300, 5000])
def test_a_time_out_takes_its_time_on_the_virtual_clock(bench, milliseconds):
    bench.smu.timeout = milliseconds
    before = bench.world.now()
    with pytest.raises(pyvisa.VisaIOError) as caught:
        bench.smu.read()
    assert StatusCode.error_timeout == caught.value.error_code
    assert bench.world.now() - before == pytest.approx(milliseconds / 1000, rel=1e-9)


def test_device_clear_drops_what_was_not_read_and_what_was_not_complete(bench):
    bench.smu.write("print(1)")
    assert 16 == bench.smu.read_stb() & 16
    bench.smu.write("loadandrunscript")
    bench.smu.clear()
    assert 0 == bench.smu.read_stb() & 16
    assert "2.00000e+00" == bench.smu.query("print(2)")


def test_every_message_takes_time(bench):
    assert bench.took("print(1)") == pytest.approx(COMMAND, rel=1e-6)


# -- the 2636B -------------------------------------------------------------------------------------


def test_a_channel_measures_the_cell_between_two_sources(bench):
    bench.select(3, 5)
    first, second = bench.ask("print(smua.measure.i(), smub.measure.i())")
    # 14 other cells hang on the driven row, 14 on the sensed column; only one between the two.
    assert 5e3 < 0.05 / -second < 25e3
    assert 10 * -second < first < 20 * -second


def test_output_off_holds_0_v_and_shows_no_current(bench):
    bench.select(3, 5)
    bench.smu.write("smua.source.output = 0")
    current, level, on = bench.ask("print(smua.measure.i(), smua.measure.v(), smua.source.output)")
    assert abs(current) < 1e-6
    assert (0.0, 0.0) == (level, on)
    assert abs(bench.world.outputs["smu", "a"].level) < 1e-3


def test_the_output_is_off_after_power_on_and_after_a_reset(bench):
    assert [0.0, 0.0] == bench.ask("print(smua.source.output, smub.source.output)")
    bench.select(3, 5)
    bench.smu.write("smua.reset()")
    assert [0.0, 1.0] == bench.ask("print(smua.source.output, smub.source.output)")
    bench.smu.write("*RST")
    assert [0.0, 0.0] == bench.ask("print(smub.source.output, smub.source.levelv)")


def test_the_current_limit_holds_the_current_and_says_so(bench):
    bench.select(3, 5)
    free = bench.one("print(smua.measure.i())")
    limit = 0.3 * free
    bench.smu.write(f"smua.source.limiti = {limit}")
    held, tripped, other = bench.ask("print(smua.measure.i(), smua.source.compliance, smub.source.compliance)")
    assert ("true", "false") == (tripped, other)
    assert held == pytest.approx(limit, rel=1e-2)
    bench.smu.write("smua.source.limiti = 3e-3")
    assert "false" == bench.one("print(smua.source.compliance)")
    assert bench.one("print(smua.measure.i())") == pytest.approx(free, rel=2e-2)


def test_a_channel_that_takes_up_current_is_limited_too(bench):
    bench.select(3, 5, volts=0.3)
    bench.smu.write("smub.source.limiti = 5e-6")
    held, drive, sense = bench.ask("print(smub.measure.i(), smua.source.compliance, smub.source.compliance)")
    assert ("false", "true") == (drive, sense)
    assert held == pytest.approx(-5e-6, rel=1e-2)


def test_a_fixed_current_range_limits_the_current_too(bench):
    bench.select(3, 5, volts=0.3)
    assert bench.one("print(smua.measure.i())") > 2e-4
    bench.smu.write("smua.measure.rangei = 1e-4")
    held, tripped = bench.ask("print(smua.measure.i(), smua.source.compliance)")
    assert "true" == tripped
    assert 9.91e37 == held  # 105 % of the range flows, 102 % is the most that it shows
    bench.smu.write("smua.measure.rangei = 1e-2")
    assert "false" == bench.one("print(smua.source.compliance)")


def test_a_pulse_measures_itself_and_shows_that_it_was_limited(bench):
    bench.select(3, 5, volts=0.0)
    for smu in ("smua", "smub"):
        bench.smu.write(f"{smu}.measure.rangei = 0.01 {smu}.trigger.measure.action = {smu}.ENABLE")
        bench.smu.write(f"{smu}.trigger.measure.i({smu}.nvbuffer1)")
    look = "print(smua.nvbuffer1[1], smua.nvbuffer1.n)"
    assert ["nil", 0.0] == bench.ask(look)
    arm(bench, 0.05, -0.05, 1e-4)
    free, count = bench.ask(look)
    assert (1.0, True) == (count, 5e-5 < free < 3e-4)
    bench.smu.write("smua.source.limiti = 2e-5 smua.nvbuffer1.clear()")
    arm(bench, 0.05, -0.05, 1e-4)
    held, count = bench.ask(look)
    assert held == pytest.approx(2e-5, abs=3e-6)  # the offset of the 10 mA range
    assert 1.0 == count
    assert "false" == bench.one("print(smua.source.compliance)")  # it is over


def test_a_delay_passes_on_the_virtual_clock(bench):
    assert bench.took("delay(0.25) print(1)") == pytest.approx(COMMAND + 0.25, rel=1e-6)
    bench.smu.write("delay('long')")
    assert 1103 == bench.error()[0]


def test_an_abort_disarms(bench):
    bench.select(3, 5, volts=0.0)
    bench.smu.write("smua.trigger.source.stimulus = trigger.generator[1].EVENT_ID")
    bench.smu.write(
        "smua.trigger.source.listv({0.3}) smua.trigger.initiate() smua.abort() trigger.generator[1].assert()"
    )
    assert (0, "Queue Is Empty") == bench.error()
    assert 0 == bench.world.electrics.state.pulses


def arm(bench, first, second, width):
    """Fire both channels the way the driver does."""
    for smu in ("smua", "smub"):
        bench.smu.write(
            f"{smu}.trigger.source.action = {smu}.ENABLE {smu}.trigger.source.stimulus = trigger.generator[1].EVENT_ID "
            f"{smu}.trigger.endpulse.action = {smu}.SOURCE_IDLE "
            f"{smu}.trigger.endpulse.stimulus = trigger.timer[1].EVENT_ID"
        )
    bench.smu.write("trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID")
    bench.smu.write(f"trigger.timer[1].delay = {width}")
    bench.smu.write(f"smua.trigger.source.listv({{{first}}}) smub.trigger.source.listv({{{second}}})")
    bench.smu.write("smua.trigger.initiate() smub.trigger.initiate() trigger.generator[1].assert() waitcomplete()")


def test_one_event_fires_both_channels_at_once(bench):
    bench.select(3, 5, volts=0.0)
    states = bench.world.electrics.state
    before = states.state.copy()
    for sign, state in ((1, 0), (-1, 1), (1, 0)):
        pulses = states.pulses
        arm(bench, 0.19 * sign, -0.19 * sign, 1e-4)
        # 0.38 V moves the cell, half of it on each line alone does not: both came in the same pulse.
        assert state == states.state[2, 4]
        assert 1 == states.pulses - pulses
    before[2, 4] = 0
    assert before.tolist() == states.state.tolist()
    assert (0, "Queue Is Empty") == bench.error()


def test_a_pulse_takes_its_width_and_leaves_the_sources_at_their_level(bench):
    bench.select(3, 5, volts=0.0)
    arm(bench, 0.1, -0.1, 1e-4)
    command = (
        "trigger.timer[1].delay = 0.25 smua.trigger.initiate() smub.trigger.initiate() "
        "trigger.generator[1].assert() waitcomplete() print(1)"
    )
    assert bench.took(command) == pytest.approx(COMMAND + 0.25, rel=1e-6)
    assert 0.0 == bench.one("print(smua.source.levelv)")
    assert abs(bench.world.outputs["smu", "a"].level) < 1e-3


def test_an_event_without_armed_channels_does_nothing(bench):
    bench.select(3, 5, volts=0.0)
    bench.smu.write("trigger.generator[1].assert()")
    assert 0 == bench.world.electrics.state.pulses


def test_a_sweep_with_the_output_off_is_an_error(bench):
    bench.smu.write("smua.trigger.source.listv({0.1}) smua.trigger.initiate()")
    assert 5042 == bench.error()[0]


def test_a_channel_that_was_reset_is_not_armed_any_more(bench):
    bench.select(3, 5, volts=0.0)
    bench.smu.write("smua.trigger.source.stimulus = trigger.generator[1].EVENT_ID")
    bench.smu.write(
        "smua.trigger.source.listv({0.3}) smua.trigger.initiate() smua.reset() trigger.generator[1].assert()"
    )
    assert (0, "Queue Is Empty") == bench.error()
    assert 0 == bench.world.electrics.state.pulses


@pytest.mark.parametrize("nplc", [0.001, 0.1, 1, 10, 25])
def test_the_integration_time_sets_the_time_of_a_reading(bench, nplc):
    bench.select(3, 5)
    bench.smu.write(f"smua.measure.nplc = {nplc} smua.measure.autozero = smua.AUTOZERO_ONCE")
    assert bench.took("print(smua.measure.i())") == pytest.approx(COMMAND + OVERHEAD + nplc / 50, rel=1e-6)
    bench.smu.write("smua.measure.autozero = smua.AUTOZERO_AUTO")
    assert bench.took("print(smua.measure.i())") == pytest.approx(COMMAND + OVERHEAD + 3 * nplc / 50, rel=1e-6)


def test_long_integration_is_quieter(bench):
    bench.select(3, 5)
    bench.smu.write("smub.measure.autozero = 0 smub.measure.rangei = 0.1")  # where the meter's own noise is largest
    spread = {}
    for nplc in (0.01, 1):
        bench.smu.write(f"smub.measure.nplc = {nplc}")
        spread[nplc] = np.std([bench.one("print(smub.measure.i())") for _ in range(60)])
    assert spread[0.01] > 4 * spread[1] > 0


def test_autorange_finds_the_range_and_a_fixed_one_overflows(bench):
    bench.select(3, 5)
    free = bench.one("print(smua.measure.i())")
    bench.smu.write("smua.measure.rangei = 1e-6")
    assert [9.91e37, 1e-6, 0.0] == bench.ask("print(smua.measure.i(), smua.measure.rangei, smua.measure.autorangei)")
    bench.smu.write("smua.source.levelv = -0.05")
    assert -9.91e37 == bench.one("print(smua.measure.i())")
    bench.smu.write("smua.source.levelv = 0.05 smua.measure.autorangei = 1")
    assert bench.one("print(smua.measure.i())") == pytest.approx(free, rel=2e-2)


def test_a_range_is_the_smallest_that_holds_the_value(bench):
    bench.smu.write("smua.measure.rangei = 2e-4 smua.source.rangev = 0.3")
    assert [1e-3, 2.0] == bench.ask("print(smua.measure.rangei, smua.source.rangev)")
    assert [0.0, 0.0] == bench.ask("print(smua.measure.autorangei, smua.source.autorangev)")


@pytest.mark.parametrize("level", [2.03, -2.03, 10.0])
def test_a_level_beyond_the_range_is_refused(bench, level):
    bench.smu.write("smua.source.rangev = 2 smua.source.levelv = 0.5")
    bench.smu.write(f"smua.source.levelv = {level}")
    assert 5007 == bench.error()[0]
    assert 0.5 == bench.one("print(smua.source.levelv)")


def test_a_list_level_beyond_the_range_is_refused(bench):
    bench.smu.write("smua.source.rangev = 2 smua.trigger.source.listv({2.5})")
    assert 5007 == bench.error()[0]


@pytest.mark.parametrize(
    "command",
    [
        "smua.source.levelv = 201",
        "smua.source.limiti = 1e-9",
        "smua.source.limiti = 0.2",
        "smua.measure.nplc = 0.0001",
        "smua.measure.nplc = 26",
        "smua.source.rangev = 1000",
        "smua.source.levelv = 0/0",
        "smua.source.levelv = 1/0",
    ],
)
def test_a_value_outside_the_data_sheet_is_refused_and_nothing_changes(bench, command):
    look = "print(smua.source.levelv, smua.source.limiti, smua.measure.nplc, smua.source.rangev)"
    before = bench.ask(look)
    bench.smu.write(command)
    assert 1102 == bench.error()[0]
    assert before == bench.ask(look)


@pytest.mark.parametrize("wrong", ["'x'", "true", "{}", "print"])
def test_a_value_that_is_no_number_is_refused(bench, wrong):
    bench.smu.write(f"smua.source.levelv = {wrong}")
    assert 1103 == bench.error()[0]


def test_an_error_ends_the_message(bench):
    bench.smu.write("x = 1 smua.source.levelv = 1000 x = 2")
    assert 1.0 == bench.one("print(x)")


def test_all_digits_survive_when_they_are_asked_for(bench):
    bench.smu.write("format.asciiprecision = 16 smua.source.rangev = 2 smua.source.levelv = 0.1234567890123456")
    assert "1.234567890123456e-01" == bench.smu.query("print(smua.source.levelv)")


def test_open_relays_are_an_open_circuit(bench):
    bench.smu.write("smua.source.rangev = 2 smua.source.output = 1 smua.source.levelv = 0.5 smua.measure.autozero = 0")
    assert abs(bench.one("print(smua.measure.i())")) < 1e-8
    assert (0, "Queue Is Empty") == bench.error()


# -- the 707B --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "closed"),
    [
        ("1A01", "1A01"),
        ("1a01", "1A01"),
        ("1C03, 1A01", "1A01;1C03"),
        ("1A01:1A04", "1A01;1A02;1A03;1A04"),
        ("1A11:2A02", "1A11;1A12;2A01;2A02"),
        ("4H12", "4H12"),
        ("1A01,1A01", "1A01"),
    ],
)
def test_channels_are_closed_by_name_and_range(bench, channels, closed):
    bench.matrix.write(f'channel.close("{channels}")')
    assert closed == bench.matrix.query('print(channel.getclose("allslots"))')


@pytest.mark.parametrize(
    "channels",
    [
        "",
        "1A00",
        "1A13",
        "5A01",
        "0A01",
        "1I01",
        "A01",
        "1A1",
        "1A001",
        "slot1",
        "allslots",
        "1A05:1A01",
        "1A01:1B05",
        "1A01,,",
        "hello",
    ],
)
def test_what_is_no_channel_closes_nothing(bench, channels):
    bench.matrix.write(f'channel.close("1B01") channel.close("1A02,{channels}")')
    assert 1114 == bench.error(bench.matrix)[0]
    assert "1B01" == bench.matrix.query('print(channel.getclose("allslots"))')


@pytest.mark.parametrize("wrong", ["", "1", "nil", "{}"])
def test_a_channel_list_is_a_text(bench, wrong):
    bench.matrix.write(f"channel.close({wrong})")
    assert 0 != bench.error(bench.matrix)[0]


def test_closing_adds_to_what_is_closed(bench):
    bench.matrix.write('channel.close("1A01") channel.close("2B02")')
    assert "1A01;2B02" == bench.matrix.query('print(channel.getclose("allslots"))')


def test_opening_takes_lists_slots_and_everything(bench):
    look = 'print(channel.getclose("allslots"))'
    bench.matrix.write('channel.close("1A01:1A03,2A01,3A01")')
    bench.matrix.write('channel.open("1A02,4A01")')
    assert "1A01;1A03;2A01;3A01" == bench.matrix.query(look)
    bench.matrix.write('channel.open("slot1")')
    assert "2A01;3A01" == bench.matrix.query(look)
    bench.matrix.write('channel.open("allslots")')
    assert "nil" == bench.matrix.query(look)


@pytest.mark.parametrize("slot", ["slot0", "slot5", "slot", "slot1x"])
def test_a_slot_that_is_not_there_is_an_error(bench, slot):
    bench.matrix.write(f'channel.open("{slot}")')
    assert 1114 == bench.error(bench.matrix)[0]


def test_a_look_may_be_at_one_slot_or_at_a_list(bench):
    bench.matrix.write('channel.close("1A01,2A01,2B05")')
    assert "2A01;2B05" == bench.matrix.query('print(channel.getclose("slot2"))')
    assert "2B05" == bench.matrix.query('print(channel.getclose("2B05,2B06"))')
    assert "nil" == bench.matrix.query('print(channel.getclose("slot4"))')


def test_relays_take_their_time(bench):
    before = bench.world.now()
    bench.matrix.write('channel.close("1A01:1A12")')
    assert bench.world.now() - before == pytest.approx(COMMAND + RELAY, rel=1e-6)


def test_every_move_of_a_relay_is_counted(bench):
    for _ in range(3):
        bench.matrix.write('channel.close("1A01,2B03") channel.open("1A01")')
    assert [6, 1, 0] == [int(bench.world.electrics.state.cycles[place]) for place in ((0, 0), (1, 14), (2, 0))]
    assert "6;1" == bench.matrix.query('print(channel.getcount("1A01,2B03"))')


def test_a_relay_that_moves_with_its_source_on_is_noted(bench):
    bench.select(3, 5, volts=0.0)
    assert [] == bench.world.violations
    bench.smu.write("smua.source.levelv = 0.3")
    bench.matrix.write('channel.open("1A03")')
    assert 1 == len(bench.world.violations)
    assert "relay A3 moved with [('smu', 'a')] on" in bench.world.violations[0]


def test_a_ground_relay_that_moves_on_a_driven_line_is_noted(bench):
    bench.select(3, 5, volts=0.3)
    before = len(bench.world.violations)
    bench.matrix.write('channel.close("1C03")')
    assert "relay C3 moved" in bench.world.violations[before]


def test_two_sources_on_one_line_are_noted(bench):
    bench.matrix.write('channel.close("1A03,1B03")')
    assert 1 == len(bench.world.violations)
    assert "column 3 joins" in bench.world.violations[0]


def test_a_reset_opens_all_relays(bench):
    bench.matrix.write('channel.close("1A01")')
    bench.matrix.write("*RST")
    assert "nil" == bench.matrix.query('print(channel.getclose("allslots"))')
