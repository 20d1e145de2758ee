"""The TSP switches: what the 3706A answers QCoDeS, connection rules, forbidden channels, the time that relays take."""

import pytest

from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.twin.build import Place, simulated_bench
from labmtj.twin.firmware.keithley_707b import Keithley707B
from labmtj.twin.firmware.keithley_3706a import Keithley3706A

CARD = "3730,6x16 High Density Matrix,01.40h,4447332"
COMMAND, RELAY = 0.5e-3, 4e-3  # [s] instruments/models


class Box:
    """A switch in a world."""

    def __init__(self, folder, firmware, model):
        text = load_bench("simulated-15x15").source.text
        path = folder / "bench.yaml"
        path.write_text(text[: text.index("simulation:")] + "simulation: {die: {seed: 17}}\n")
        self.world = simulated_bench(str(path)).world
        self.switch = firmware(Place(self.world, "matrix", 50, 17, {}), load_model(find("models", model)))

    def say(self, *messages):
        return [reply for message in messages for reply in self.switch.execute(message)]

    def error(self):
        return int(float(self.say("print(errorqueue.next())")[0].split("\t")[0]))

    def closed(self):
        return self.say("print(channel.getclose('allslots'))")[0]

    def took(self, message):
        before = self.world.now()
        self.say(message)
        return self.world.now() - before


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path, Keithley3706A, "keithley_3706a")


@pytest.fixture
def old(tmp_path):
    return Box(tmp_path, Keithley707B, "keithley_707b")


def test_qcodes_opens_it(box):
    assert ["KEITHLEY INSTRUMENTS INC.,MODEL 3706A-SNFP,04447336,01.56a"] == box.say("*IDN?")
    found = [box.say(f"print(slot[{slot}].idn)")[0] for slot in range(1, 7)]
    assert [CARD, CARD, "Empty Slot", "Empty Slot", "Empty Slot", "Empty Slot"] == found
    assert ["3.00000e+00"] == box.say("print(slot[1].interlock.state)")
    assert ["6.00000e+00\t1.60000e+01"] == box.say("print(slot[2].rows.matrix, slot[2].columns.matrix)")
    assert ["nil"] == box.say("print(channel.getforbidden('allslots'))")
    assert [5] == [len(box.say("print(memory.available())")[0]) // 5]
    assert ["true\t2.60000e+01"] == box.say("print(comm.gpib.enable, gpib.address)")
    assert [] == box.say("gpib.address = 12", "comm.lan.enable = true", "lan.reset()", "setup.save()")
    assert 0 == box.error()


def test_qcodes_switches_it(box):
    assert [] == box.say("channel.close('1103')", "channel.close('1103,2205')")
    assert "1103;2205" == box.closed()
    assert {("A", 3), ("B", 21)} == set(box.world.closed)
    assert [] == box.say("channel.exclusiveclose('1104')")
    assert "1104" == box.closed()
    assert [] == box.say("channel.open('1104')", "channel.open('allslots')")
    assert "nil" == box.closed()
    box.say("channel.connectrule = channel.BREAK_BEFORE_MAKE")
    assert ["1.00000e+00"] == box.say("print(channel.connectrule)")
    box.say("channel.close('1101') channel.reset('allslots')")
    assert ("nil", 0) == (box.closed(), box.error())


def test_backplane_relays_are_kept_apart(box):
    box.say("channel.close('1911,1101,2916')")
    assert "1101;1911;2916" == box.closed()
    assert {("A", 1)} == set(box.world.closed)
    box.say("channel.open('slot1')")
    assert "2916" == box.closed()
    assert ["1,2,0"] == [box.say("print(channel.getcount('2916,1911,2911'))")[0]]
    box.say("channel.setbackplane('1101:1102', '1911,1912')")
    assert ["1911,1912"] == box.say("print(channel.getbackplane('1102'))")


@pytest.mark.parametrize(
    ("channels", "count"),
    [("1101:1104", 4), ("1115:1202", 4), ("1101;1102", 2), ("1101, 2616", 2), ("1601:1616", 16)],
)
def test_ranges_go_row_by_row(box, channels, count):
    box.say(f"channel.close('{channels}')")
    assert (count, 0) == (len(box.closed().split(";")), box.error())


@pytest.mark.parametrize(
    "channels",
    [
        "",
        "1117",
        "1701",
        "3101",
        "0101",
        "110",
        "11011",
        "1A01",
        "slot1",
        "allslots",
        "1917",
        "1104:1101",
        "1101:2101",
        "x",
    ],
)
def test_what_is_no_channel_closes_nothing(box, channels):
    box.say(f"channel.close('1105') channel.close('{channels}')")
    assert (1114, "1105") == (box.error(), box.closed())


def test_relays_take_4_ms_once_or_one_after_the_other(box):
    assert box.took("channel.close('1101:1104')") == pytest.approx(COMMAND + RELAY, rel=1e-6)
    box.say("channel.connectsequential = channel.ON")
    assert box.took("channel.close('1103:1106')") == pytest.approx(COMMAND + 2 * RELAY, rel=1e-6)  # two are new
    box.say("channel.connectsequential = channel.OFF")
    assert box.took("channel.exclusiveclose('2101')") == pytest.approx(COMMAND + 2 * RELAY, rel=1e-6)  # open, close
    box.say("channel.connectrule = channel.OFF")
    assert box.took("channel.exclusiveclose('2102')") == pytest.approx(COMMAND + RELAY, rel=1e-6)


def test_user_delays_come_on_top(box):
    box.say("channel.setdelay('1101:1102', 0.1)")
    assert ["0.1,0"] == box.say("print(channel.getdelay('1102,1103'))")
    assert box.took("channel.close('1101,1103')") == pytest.approx(COMMAND + RELAY + 0.1, rel=1e-6)


@pytest.mark.parametrize(("rule", "cycles"), [(1, "break"), (2, "make"), (0, "both")])
def test_connection_rules_say_what_moves_first(box, rule, cycles):
    box.say(f"channel.connectrule = {rule}", "channel.close('1101')")
    moves, world = [], box.world
    record = world.set_relays
    world.set_relays = lambda closed: (moves.append(len(wanted := frozenset(closed))), record(wanted))
    box.say("channel.exclusiveclose('1102')")
    assert {"break": [0, 1], "make": [2, 1], "both": [1]}[cycles] == moves


def test_forbidden_channels_do_not_close(box):
    box.say("channel.setforbidden('1101,1911')")
    assert ["1101,1911"] == box.say("print(channel.getforbidden('allslots'))")
    box.say("channel.close('1101,1102')")
    assert (1115, "nil") == (box.error(), box.closed())
    box.say("channel.clearforbidden('allslots')", "channel.close('1101,1102')")
    assert "1101;1102" == box.closed()
    box.say("channel.setforbidden('1101')")
    assert "1102" == box.closed()


def test_an_exclusive_close_may_be_of_a_slot(box):
    box.say("channel.close('1101,2101') channel.exclusiveslotclose('1102')")
    assert "1102;2101" == box.closed()
    box.say("channel.exclusiveclose('')")
    assert "nil" == box.closed()
    assert ["1,0"] == box.say("channel.close('1101') print(channel.getstate('1101,1102'))")


def test_a_relay_that_sticks_is_not_known_to_the_instrument(box):
    box.world.stick(("A", 1), True)
    box.say("channel.close('1101') channel.open('1101')")
    assert ("nil", {("A", 1)}) == (box.closed(), set(box.world.closed))


def test_the_707b_has_the_same_functions(old):
    assert ["7174A,8x12 Matrix,01.00a,4447332\tEmpty Slot"] == old.say("print(slot[1].idn, slot[5].idn)")
    assert ["8.00000e+00\t1.20000e+01"] == old.say("print(slot[4].rows.matrix, slot[4].columns.matrix)")
    old.say("channel.close('1A01,2A01') channel.exclusiveslotclose('1B02')")
    assert "1B02;2A01" == old.closed()
    old.say("channel.exclusiveclose('4H12')")
    assert "4H12" == old.closed()
    old.say("channel.setforbidden('1A01:1A03')")
    assert ["1A01,1A02,1A03"] == old.say("print(channel.getforbidden('slot1'))")
    old.say("channel.close('1A02')")
    assert (1115, "4H12") == (old.error(), old.closed())
    assert 0 == old.switch.status_byte(waiting=False)
