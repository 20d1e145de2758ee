"""The 2600B's firmware on the network: sources, meters, compliance, buffers, sweeps, status; what clients send."""

import struct

import pytest

from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.model import load_model
from labmtj.twin.build import Place, simulated_bench
from labmtj.twin.firmware.keithley_2600 import Keithley2600

DIE = "{diameter: 40 nm, wire: 5 ohm, seed: 17, defects: {short: 0 %, open: 0 %, stuck: 0 %}, telegraph: 0 %}"
EMPTY = "0.00000e+00\tQueue Is Empty\t0.00000e+00\t0.00000e+00"


class Bench:
    """A 2600B whose channels hang on row 3 and column 5 of an array; all other lines are at ground."""

    def __init__(self, folder, model):
        text = load_bench("simulated-15x15").source.text
        path = folder / "bench.yaml"
        path.write_text(text[: text.index("simulation:")] + f"simulation: {{die: {DIE}}}\n")
        self.world = simulated_bench(str(path)).world
        place = Place(self.world, "smu", 50, 17, {("smu", "a"): 0, ("smu", "b"): 1})
        self.smu = Keithley2600(place, load_model(find("models", model)))
        others = [("C", n) for n in range(1, 31) if n not in (3, 20)]
        self.world.set_relays([("A", 3), ("B", 20), *others])

    def say(self, *messages):
        return [reply for message in messages for reply in self.smu.execute(message)]

    def values(self, message):
        (reply,) = self.say(message)
        return [float(text) if text[-1].isdigit() else text for text in reply.split("\t")]

    def one(self, expression):
        (found,) = self.values(f"print({expression})")
        return found

    def error(self):
        code, text, *_ = self.say("print(errorqueue.next())")[0].split("\t")
        return int(float(code)), text

    def drive(self, volts):
        self.say("smub.source.output = 1", f"smua.source.levelv = {volts}", "smua.source.output = 1")
        self.say("smua.measure.autozero = 0")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, "keithley_2636b")


# -- what real drivers send (client-traffic.md) ----------------------------------------------------


def test_pymeasure_gets_what_it_expects(bench):
    assert ["Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5"] == bench.say("*IDN?")
    assert [] == bench.say("*RST", "smua.source.func=1", "smua.source.rangev=2.000000", "smua.source.limiti=0.001000")
    assert [EMPTY] == bench.say("print(errorqueue.next())")
    assert ["1.00000e+00"] == bench.say("print(smua.source.func)")
    bench.say("smua.measure.i()", "smua.measure.nplc=0.100000", "smua.measure.autorangei=1")
    assert ["1.00000e-01"] == bench.say("print(smua.measure.nplc)")
    bench.say("smua.sense=1", "smua.source.levelv=0.100000")
    assert ["1.00000e-01", EMPTY] == bench.say("print(smua.source.levelv)", "print(errorqueue.next())")
    assert ["1.00000e+00"] == bench.say("smua.source.output=1", "print(smua.source.output)")
    amperes, volts, ohms = (bench.one(f"smua.measure.{what}()") for what in "ivr")
    assert volts == pytest.approx(0.1, abs=1e-3)
    assert ohms == pytest.approx(volts / amperes, rel=1e-2)
    bench.say("smua.source.limiti=0.000000")  # its %f of 100 nA
    assert 1102 == bench.error()[0]
    assert bench.one("smua.source.limiti") == 1e-3


def test_qcodes_snapshots_a_channel(bench):
    assert ["2636B"] == bench.say("print(localnode.model)")
    replies = bench.say(
        "smua.reset()", "print(smua.measure.r())", "print(smua.source.func)", "print(smua.source.output)",
        "print(localnode.linefreq)", "print(smua.measure.nplc)", "print(smua.sense)",
        "print(smua.measure.autorangei)", "print(smua.source.limitv)", "print(smua.source.limiti)",
    )  # fmt: skip
    assert [
        "9.91000e+37", "1.00000e+00", "0.00000e+00", "5.00000e+01", "1.00000e+00", "0.00000e+00",
        "1.00000e+00", "2.00000e+01", "1.00000e-01",
    ] == replies  # fmt: skip
    bench.drive(0.1)
    current, status = bench.values("print(smua.measure.i(), status.measurement.instrument.smua.condition)")
    assert (True, 0.0) == (1e-5 < current < 1e-3, status)


def test_qcodes_sweeps_in_one_message(bench):
    script = [
        "loadandrunscript", "smua.measure.nplc = 0.100000000000", "smua.sense = 0", "smua.measure.count = 1",
        "smua.source.func = 1", "smua.source.output = 1", "startX = 0.000000000000", "dX = 0.020000000000",
        "smua.nvbuffer1.clear()", "smua.nvbuffer1.appendmode = 1", "for index = 1, 5 do",
        "  target = startX + (index-1)*dX", "  smua.source.levelv = target", "  smua.measure.i(smua.nvbuffer1)", "end",
        "format.data = format.REAL32", "format.byteorder = format.LITTLEENDIAN",
        "printbuffer(1, 5, smua.nvbuffer1.readings)", "endscript",
    ]  # fmt: skip
    (whole,) = bench.say("\r\n".join(script))
    (by_line,) = bench.say(*(line + "\r" for line in script))
    for reply in (whole, by_line):
        assert "#0" == reply[:2]
        currents = struct.unpack("<5f", reply[2:].encode("latin-1"))
        assert sorted(currents) == list(currents)
        assert currents[4] == pytest.approx(2 * currents[2], rel=0.05)
    bench.say("reset()")
    assert ["1.00000e+00"] == bench.say("print(format.data)")


def test_qcodes_records_a_time_trace(bench):
    bench.drive(0.05)
    before = bench.world.now()
    (reply,) = bench.say(
        "loadandrunscript\r\nsmua.measure.count=5\r\noldint=smua.measure.interval\r\nsmua.measure.interval=0.05\r\n"
        "smua.nvbuffer1.clear()\r\nsmua.measure.i(smua.nvbuffer1)\r\nsmua.measure.interval=oldint\r\n"
        "smua.measure.count=1\r\nformat.data = format.REAL32\r\nformat.byteorder = format.LITTLEENDIAN\r\n"
        "printbuffer(1, 5, smua.nvbuffer1.readings)\r\nendscript"
    )
    assert 5 * 4 + 2 == len(reply)
    assert 0.2 < bench.world.now() - before < 0.25


def test_keithley2600_walks_the_tables(bench):
    assert ["table"] == bench.say("mt = getmetatable(smua.source)", "print(type(mt))")
    assert ["function\tfunction\tnil"] == bench.say(
        "print(type(mt.Getters.levelv), type(mt.Setters.levelv), mt.Setters.compliance)"
    )
    assert ["reading_buffer\tsynchronous_table"] == bench.say(
        "print(getmetatable(smua.nvbuffer1).luatype, getmetatable(smua.nvbuffer1.readings).luatype)"
    )
    names, key = set(), "nil"
    while True:
        (reply,) = bench.say(f"print(next(_G.smua, {key}))")
        if reply == "nil":
            break
        names.add(reply.split("\t")[0])
        key = repr(reply.split("\t")[0])
    assert {"source", "measure", "trigger", "nvbuffer1", "reset", "OUTPUT_ON"} < names
    bench.say("n = 0 for k in pairs(trigger.blender) do n = n + k end")
    assert 21.0 == bench.one("n")


# -- sources and meters ----------------------------------------------------------------------------


def test_a_voltage_is_that_at_the_terminals_also_in_compliance(bench):
    bench.drive(0.2)
    free = bench.one("smua.measure.v()")
    assert free == pytest.approx(0.2, abs=1e-3)
    current = bench.one("smua.measure.i()")
    bench.say(f"smua.source.limiti = {0.3 * current}")
    volts, amperes, limited, status = bench.values(
        "print(smua.measure.v(), smua.measure.i(), smua.source.compliance, "
        "status.measurement.instrument.smua.condition)"
    )
    assert ("true", 2.0) == (limited, status)  # bit 1: current limit
    assert volts == pytest.approx(0.3 * free, rel=0.15)
    assert amperes == pytest.approx(0.3 * current, rel=1e-2)
    assert 2.0 == bench.one("status.measurement.current_limit.condition")


def test_a_current_source_drives_its_current_up_to_its_voltage_limit(bench):
    bench.say("smub.source.output = 1 smua.source.func = smua.OUTPUT_DCAMPS smua.source.leveli = 1e-5")
    bench.say("smua.source.limitv = 0.5 smua.source.output = 1 smua.measure.autozero = 0")
    amperes, volts = bench.values("print(smua.measure.iv())")
    assert amperes == pytest.approx(1e-5, rel=1e-2)
    assert 0.001 < volts < 0.1
    ohms, watts = bench.one("smua.measure.r()"), bench.one("smua.measure.p()")
    assert ohms == pytest.approx(volts / amperes, rel=2e-2)
    assert watts == pytest.approx(volts * amperes, rel=2e-2)
    assert "false" == bench.one("smua.source.compliance")
    bench.say("smua.source.limitv = 0.02 smua.source.leveli = 1e-3")
    volts, limited = bench.values("print(smua.measure.v(), smua.source.compliance)")
    assert (True, "true") == (volts == pytest.approx(0.02, rel=5e-2), limited)
    assert 1.0 == bench.one("status.measurement.instrument.smua.condition")  # bit 0: voltage limit


def test_output_off_shows_nothing(bench):
    bench.drive(0.2)
    bench.say("smua.source.output = 0")
    assert [0.0, 9.91e37] == bench.values("print(smua.measure.v(), smua.measure.r())")


def test_a_high_impedance_output_is_open(bench):
    bench.say("smua.source.offmode = smua.OUTPUT_HIGH_Z")
    assert not bench.world.outputs["smu", "a"].connected
    bench.say("smua.source.offmode = smua.OUTPUT_NORMAL")
    assert bench.world.outputs["smu", "a"].connected


def test_autorange_says_which_range_it_is_on(bench):
    bench.say("smua.source.levelv = 1.5")
    assert [2.0, 1.0] == bench.values("print(smua.source.rangev, smua.source.autorangev)")
    bench.say("smua.source.rangev = 3")
    assert [20.0, 0.0] == bench.values("print(smua.source.rangev, smua.source.autorangev)")


def test_an_interlock_keeps_the_output_off(bench):
    bench.world.interlocked["smu", "a"] = True
    bench.say("smua.source.output = 1")
    assert 802 == bench.error()[0]
    assert 0.0 == bench.one("smua.source.output")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("smua.source.func = 2", 1102),
        ("smua.source.func = 0.5", 1103),
        ("smua.source.output = 3", 1102),
        ("smua.measure.count = 0", 1102),
        ("smua.source.leveli = 2", 1102),
        ("smua.source.limitv = 0", 1102),
        ("smua.source.rangei = 1e-6 smua.source.leveli = 1e-4", 5007),
        ("smua.measure.i(3)", 1103),
        ("smua.measure.i(smua)", 1103),
        ("smua.makebuffer()", 1103),
        ("smua.source.compliance = true", 1101),
        ("smua.trigger.source.listv('x')", 1103),
        ("smua.trigger.source.linearv(0, 1, 1e9)", 1102),
        ("smua.trigger.source.logv(-1, 1, 5)", 1102),
        ("delay(-1)", 1102),
        ("delay(1e9)", 1102),
        ("status.request_enable = 256", 1102),
        ("status.measurement.condition = 1", 1101),
    ],
)
def test_what_is_refused_leaves_an_error(bench, message, code):
    assert [] == bench.say(message)
    assert code == bench.error()[0]
    assert (0, "Queue Is Empty") == bench.error()


# -- buffers ---------------------------------------------------------------------------------------


def test_buffers_hold_readings_with_times_and_source_values(bench):
    bench.drive(0.05)
    bench.say("smua.nvbuffer1.appendmode = 1 smua.nvbuffer1.collectsourcevalues = 1")
    bench.say("for n = 1, 3 do smua.source.levelv = 0.01 * n smua.measure.i(smua.nvbuffer1) end")
    count, first, third, beyond = bench.values(
        "print(smua.nvbuffer1.n, smua.nvbuffer1[1], smua.nvbuffer1.readings[3], smua.nvbuffer1[4])"
    )
    assert (3.0, "nil") == (count, beyond)
    assert third == pytest.approx(3 * first, rel=0.1)
    (text,) = bench.say("printbuffer(1, 3, smua.nvbuffer1.sourcevalues)")
    assert "1.00000e-02, 2.00000e-02, 3.00000e-02" == text
    (text,) = bench.say("printbuffer(1, 2, smua.nvbuffer1.timestamps, smua.nvbuffer1)")
    zero, reading, later, _ = (float(part) for part in text.split(", "))
    assert (0.0, True) == (zero, later > 0.02)
    assert reading == pytest.approx(first, rel=1e-5)
    assert ["1.00000e+00, 9.91000e+37"] == bench.say("smua.nvbuffer1.clear() printbuffer(1, 2, {1})")
    bench.say("smua.measure.i(smua.nvbuffer2)")
    assert 256.0 == bench.one("status.measurement.instrument.smua.condition")  # bit 8: buffer available


def test_without_append_mode_a_measurement_replaces_the_last(bench):
    bench.say("smua.measure.count = 4 smua.measure.i(smua.nvbuffer1) smua.measure.i(smua.nvbuffer1)")
    assert 4.0 == bench.one("smua.nvbuffer1.n")
    bench.say("smua.nvbuffer1.appendmode = 1 smua.measure.i(smua.nvbuffer1)")
    assert 8.0 == bench.one("smua.nvbuffer1.n")
    bench.say("smua.nvbuffer1.collectsourcevalues = 1")
    assert 5047 == bench.error()[0]


def test_scripts_make_buffers_of_their_own(bench):
    bench.say("mine = smua.makebuffer(2) mine.appendmode = 1 for n = 1, 3 do smua.measure.i(mine) end")
    assert [2.0, 2.0] == bench.values("print(mine.n, mine.capacity)")
    bench.say("for n = 1, 300 do local one = smua.makebuffer(10) smua.measure.i(one) end")
    assert (0, "Queue Is Empty") == bench.error()
    assert [2.0] == bench.values("print(mine.n)")
    bench.say("kept = {} for n = 1, 300 do kept[n] = smua.makebuffer(10) end")
    assert -225 == bench.error()[0]


@pytest.mark.parametrize(("order", "sign"), [("format.LITTLEENDIAN", "<"), ("format.BIGENDIAN", ">")])
@pytest.mark.parametrize(("kind", "code"), [("format.REAL32", "f"), ("format.REAL64", "d")])
def test_blocks_have_the_asked_width_and_order(bench, order, sign, kind, code):
    bench.say(f"format.data = {kind} format.byteorder = {order}")
    (reply,) = bench.say("printnumber(1, -2.5, 9.91e37)")
    values = struct.unpack(f"{sign}3{code}", reply[2:].encode("latin-1"))
    assert ("#0", [1.0, -2.5]) == (reply[:2], list(values[:2]))
    assert ["1.00000e+00"] == bench.say("print(1)")  # print is text in any format


# -- the trigger model -----------------------------------------------------------------------------

SWEEP = (
    "smua.trigger.source.linearv(0, 0.08, 5) smua.trigger.source.action = smua.ENABLE smua.trigger.count = 5 "
    "smua.trigger.measure.action = smua.ENABLE smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2) "
    "smua.measure.nplc = 0.1 "
)


def test_a_sweep_measures_each_of_its_points(bench):
    bench.drive(0)
    bench.say(SWEEP + "smua.trigger.initiate()")
    assert [2.0, 0.0] == [bench.one("status.operation.sweeping.condition") for _ in range(2)]
    assert [5.0, 5.0] == bench.values("print(smua.nvbuffer1.n, smua.nvbuffer2.n)")
    (text,) = bench.say("printbuffer(1, 5, smua.nvbuffer2)")
    assert [float(part) for part in text.split(", ")] == pytest.approx([0, 0.02, 0.04, 0.06, 0.08], abs=1e-3)
    assert abs(bench.world.outputs["smu", "a"].level) < 1e-3  # the end-sweep action is idle


def test_a_sweep_may_hold_its_last_level(bench):
    bench.drive(0)
    bench.say(SWEEP + "smua.trigger.endsweep.action = smua.SOURCE_HOLD smua.trigger.initiate() waitcomplete()")
    assert bench.world.outputs["smu", "a"].level == pytest.approx(0.08, abs=1e-3)
    assert [0.0, 0.0] == bench.values("print(status.operation.sweeping.condition, smua.source.levelv)")


def test_a_sweep_waits_for_the_bus_trigger(bench):
    bench.drive(0)
    bench.say(SWEEP + "smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate()")
    assert [2.0, 2.0] == [bench.one("status.operation.sweeping.condition") for _ in range(2)]
    assert 0.0 == bench.one("smua.nvbuffer1.n")
    bench.say("*trg")
    assert [2.0, 0.0] == [bench.one("status.operation.sweeping.condition") for _ in range(2)]
    assert 5.0 == bench.one("smua.nvbuffer1.n")


def test_two_channels_step_together_through_blenders(bench):
    bench.drive(0)
    bench.say(
        SWEEP + "smub.trigger.count = 5 smub.trigger.measure.action = 1 smub.trigger.measure.i(smub.nvbuffer1) "
        "smub.measure.nplc = 0.1 smub.measure.autozero = 0 "
        "smub.trigger.measure.stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID "
        "smua.trigger.arm.stimulus = trigger.EVENT_ID trigger.blender[1].orenable = true "
        "trigger.blender[1].stimulus[1] = smua.trigger.ARMED_EVENT_ID "
        "trigger.blender[1].stimulus[2] = smua.trigger.PULSE_COMPLETE_EVENT_ID "
        "smua.trigger.source.stimulus = trigger.blender[1].EVENT_ID "
        "trigger.blender[2].orenable = false trigger.blender[2].stimulus[1] = smua.trigger.MEASURE_COMPLETE_EVENT_ID "
        "trigger.blender[2].stimulus[2] = smub.trigger.MEASURE_COMPLETE_EVENT_ID "
        "smua.trigger.endpulse.stimulus = trigger.blender[2].EVENT_ID"
    )
    bench.say("smua.trigger.initiate()", "smub.trigger.initiate()")
    assert 6.0 == bench.one("status.operation.sweeping.condition")
    bench.smu.trigger()  # a group execute trigger does what *TRG does
    assert [6.0, 0.0] == [bench.one("status.operation.sweeping.condition") for _ in range(2)]
    assert [5.0, 5.0] == bench.values("print(smua.nvbuffer1.n, smub.nvbuffer1.n)")
    (drive,), (sense,) = bench.say("printbuffer(1, 5, smua.nvbuffer1)"), bench.say("printbuffer(1, 5, smub.nvbuffer1)")
    assert float(drive.split(", ")[4]) > -float(sense.split(", ")[4]) > 0
    assert (0, "Queue Is Empty") == bench.error()


def test_timers_make_a_train_of_pulses(bench):
    bench.drive(0)
    bench.say(
        "smua.trigger.source.listv({0.02, 0.04}) smua.trigger.source.action = 1 smua.trigger.count = 4 "
        "smua.trigger.measure.action = 1 smua.trigger.measure.i(smua.nvbuffer1) "
        "trigger.timer[1].delay = 0.01 trigger.timer[1].count = 3 trigger.timer[1].passthrough = true "
        "trigger.timer[1].stimulus = smua.trigger.ARMED_EVENT_ID "
        "trigger.timer[2].delay = 0.001 trigger.timer[2].stimulus = trigger.timer[1].EVENT_ID "
        "smua.trigger.source.stimulus = trigger.timer[1].EVENT_ID "
        "smua.trigger.endpulse.action = smua.SOURCE_IDLE smua.trigger.endpulse.stimulus = trigger.timer[2].EVENT_ID"
    )
    before, pulses = bench.world.now(), bench.world.electrics.state.pulses
    bench.say("smua.trigger.initiate() waitcomplete()")
    assert (0, "Queue Is Empty") == bench.error()
    assert 4 == bench.world.electrics.state.pulses - pulses
    assert bench.world.now() - before == pytest.approx(0.031 + 1e-3, abs=1e-4)
    (text,) = bench.say("printbuffer(1, 4, smua.nvbuffer1)")
    low, high, again, _ = (float(part) for part in text.split(", "))
    assert (high, again) == (pytest.approx(2 * low, rel=0.1), pytest.approx(low, rel=1e-3))


def test_blenders_that_feed_each_other_end(bench):
    bench.drive(0)
    bench.say(
        "trigger.blender[1].orenable = true trigger.blender[2].orenable = true "
        "trigger.blender[1].stimulus[1] = trigger.blender[2].EVENT_ID "
        "trigger.blender[2].stimulus[1] = trigger.blender[1].EVENT_ID trigger.blender[1].stimulus[2] = trigger.EVENT_ID"
    )
    bench.say("*TRG")
    assert 5043 == bench.error()[0]
    assert ["1.00000e+00"] == bench.say("print(1)")


# -- the status model ------------------------------------------------------------------------------


def test_a_limit_asks_for_service_when_it_is_told_to(bench):
    bench.say("status.reset() *CLS")
    bench.error()
    bench.say("status.measurement.current_limit.enable = 2", "status.measurement.enable = status.measurement.ILMT")
    bench.say("status.request_enable = status.MSB")
    assert 0 == bench.smu.status_byte(waiting=False)
    bench.drive(0.2)
    bench.say("smua.source.limiti = 1e-6 smua.measure.i()")
    assert 65 == bench.smu.status_byte(waiting=False)
    assert 65.0 == bench.one("status.condition")
    assert [2.0, 0.0] == [bench.one("status.measurement.event"), bench.one("status.measurement.event")]
    assert 0 == bench.smu.status_byte(waiting=False)


def test_common_commands_set_and_read_the_masks(bench):
    assert ["128", "0"] == bench.say("*ESR?", "*ESR?")  # power on
    bench.say("*ESE 16", "*SRE 36", "this is no lua")
    assert ["16", "36"] == bench.say("*ESE?", "*SRE?")
    assert ["100"] == bench.say("*STB?")  # error available, event summary, master summary
    assert 116 == bench.smu.status_byte(waiting=True)
    assert ["16"] == bench.say("*ESR?")
    assert ["1", "1"] == bench.say("*CLS", "*OPC", "*ESR?", "*OPC?")
    bench.smu.query_error(-410)
    assert (-410, "Query INTERRUPTED") == bench.error()
    for message in ("*ESE 256", "*ESE", "*ESE x", "*IDN", "*XYZ?"):
        bench.say(message)
        assert bench.error()[0] in (-222, -285)


# -- scripts and the node --------------------------------------------------------------------------


def test_scripts_are_stored_and_run_by_name(bench):
    assert [] == bench.say("loadscript greet", "print('hello')", "n = (n or 0) + 1", "endscript")
    assert ["hello", "hello"] == bench.say("greet.run()", "greet()")
    assert ["2.00000e+00\tprint('hello')\nn = (n or 0) + 1"] == bench.say("print(n, greet.source)")
    assert ["1.00000e+00"] == bench.say("loadandrunscript once", "print(1)", "endscript")
    assert ["2.00000e+00", "2.00000e+00"] == bench.say(
        "loadscript", "print(2)", "endscript", "script.run()", "script.anonymous()"
    )
    assert ["nil"] == bench.say("script.delete('greet')", "print(greet)")
    assert ["5.00000e+00"] == bench.say("local s = script.new('print(5)', 'five') five()")
    bench.say("loadscript bad", "for", "endscript")
    assert -285 == bench.error()[0]


def test_the_node_has_its_settings(bench):
    assert ["4400293\t3.3.5"] == bench.say("print(localnode.serialno, localnode.revision)")
    assert [] == bench.say("display.clear() display.settext('hi')", "beeper.beep(0.3, 2400)")
    assert ["hi"] == bench.say("print(display.gettext())")
    assert [] == bench.say("display.screen = display.SMUA_SMUB display.smua.measure.func = display.MEASURE_DCAMPS")
    assert ["5.00000e-01"] == bench.say("timer.reset() delay(0.5) print(timer.measure.t())")
    assert ["6.00000e+00\ttrue"] == bench.say("print(bit.bitor(2, 4), bit.test(5, 3))")
    assert ["1.00000e+00"] == bench.say("digio.writeport(5) print(digio.readbit(3))")
    assert (0, "Queue Is Empty") == bench.error()


def test_a_setup_is_saved_and_recalled_with_outputs_off(bench):
    bench.drive(0.1)
    bench.say("setup.save() reset()")
    assert [0.0, 0.0] == bench.values("print(smua.source.levelv, smua.source.output)")
    bench.say("setup.recall(1)")
    assert [0.1, 0.0] == bench.values("print(smua.source.levelv, smua.source.output)")
    assert (0, "Queue Is Empty") == bench.error()


def test_a_full_error_queue_says_so(bench):
    for _ in range(120):
        bench.say("smua.nosuch = 1")
    assert 100.0 == bench.one("errorqueue.count")
    texts = [bench.error()[0] for _ in range(100)]
    assert (1101, -350, 0) == (texts[0], texts[-1], bench.error()[0])


def test_the_2602b_is_the_same_with_other_ranges(tmp_path):
    bench = Bench(tmp_path, "keithley_2602b")
    assert ["2602B"] == bench.say("print(localnode.model)")
    bench.say("smua.source.rangev = 5 smua.source.leveli = 2")
    assert [6.0, 2.0] == bench.values("print(smua.source.rangev, smua.source.leveli)")
    bench.say("smua.source.levelv = 41")
    assert 1102 == bench.error()[0]
