"""The script engine of TSP instruments: what it prints, what it refuses, and what it survives."""

import time

import pytest

from labmtj.twin.tsp import node as tsp_node
from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.tsp.sandbox import join, split
from labmtj.twin.tsp.tables import Fixed, TspError

IDENTITY = "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5"
EMPTY = "0.00000e+00\tQueue Is Empty\t0.00000e+00\t0.00000e+00"


def refuse_large(name, value):
    if name == "smua.source.levelv" and not (isinstance(value, int | float) and abs(value) <= 200):
        raise TspError(1102, f"Parameter {name} out of range")
    return value


class Box:
    """An engine with a small model behind it, and what happened there."""

    def __init__(self):
        self.happened = []
        self.engine = TspEngine(
            IDENTITY,
            tsp_node.attributes(IDENTITY, 50)
            | {
                "smua.source.levelv": 0.0,
                "smua.source.compliance": Fixed(False),
                "smua.OUTPUT_ON": 1,
                "trigger.timer[1].delay": 1e-5,
                "trigger.timer[2].delay": 2e-5,
            },
            {
                "smua.measure.i": lambda *_: 1.0606449e-4,
                "smua.reset": lambda: self.happened.append("reset of a channel"),
                "channel.getclose": lambda _: None,
                "broken": self.broken,
            },
            on_set=refuse_large,
            on_get=lambda name: True if name == "smua.source.compliance" else None,
            on_reset=lambda: self.happened.append("reset"),
            on_message=lambda: self.happened.append("message"),
        )

    def broken(self, *_):
        raise TspError(5042, "The output must be on")

    def say(self, text):
        return self.engine.execute(text)

    def errors(self):
        found = []
        while True:
            code, text, *_ = self.say("print(errorqueue.next())")[0].split("\t")
            if float(code) == 0:
                return found
            found.append((int(float(code)), text))


@pytest.fixture
def box():
    return Box()


# -- what is printed (client-traffic.md, section 2, point 9) ---------------------------------------


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("print(1)", "1.00000e+00"),
        ("print(-0.000106064490)", "-1.06064e-04"),
        ("print(9.91e37)", "9.91000e+37"),
        ("print(1, 2.5)", "1.00000e+00\t2.50000e+00"),
        ("print(nil)", "nil"),
        ("print(true, false)", "true\tfalse"),
        ("print([[1]])", "1"),
        ("print('text', nil, 3)", "text\tnil\t3.00000e+00"),
        ("print(nil, nil)", "nil\tnil"),
        ("print()", ""),
        ("print(localnode.model)", "2636B"),
        ("print(localnode.linefreq)", "5.00000e+01"),
        ("print(smua.source.levelv)", "0.00000e+00"),
        ("print(smua.source.compliance)", "true"),
        ("print(smua.measure.i())", "1.06064e-04"),
        ("print(smua.measure.i(), smua.source.levelv)", "1.06064e-04\t0.00000e+00"),
        ("print(smua.nosuchthing)", "nil"),
        ("print(channel.getclose('allslots'))", "nil"),
        ("waitcomplete() print([[1]])", "1"),
        ("if smua.OUTPUT_ON == 1 then print(2) else print(3) end", "2.00000e+00"),
        ("print(trigger.timer[1].delay, trigger.timer[2].delay)", "1.00000e-05\t2.00000e-05"),
        ("print(errorqueue.count)", "0.00000e+00"),
        ("print(errorqueue.next())", EMPTY),
        ("*IDN?", IDENTITY),
        ("*idn?", IDENTITY),
        ("*OPC?", "1"),
        ("*TST?", "0"),
        ("print('\\255')", "\xff"),
    ],
)
def test_a_query_has_one_line_as_the_instrument_prints_it(box, command, reply):
    assert [reply] == box.say(command)


@pytest.mark.parametrize(
    ("command", "kind"),
    [("print(smua)", "table: 0x"), ("print(print)", "function: 0x"), ("print(smua.reset)", "function: 0x")],
)
def test_tables_and_functions_print_as_such(box, command, kind):
    assert box.say(command)[0].startswith(kind)


def test_a_statement_prints_nothing(box):
    assert [] == box.say("smua.source.levelv = 0.5")
    assert [] == box.say("   ")
    assert [] == box.say("*CLS")


def test_each_print_is_a_reply_of_its_own(box):
    assert ["1.00000e+00", "2.00000e+00"] == box.say("print(1) print(2)")


@pytest.mark.parametrize(
    ("precision", "reply"), [(1, "3e-01"), (6, "3.33333e-01"), (16, "3.333333333333333e-01"), (2.0, "3.3e-01")]
)
def test_the_precision_is_the_number_of_digits(box, precision, reply):
    assert [reply] == box.say(f"format.asciiprecision = {precision} print(1/3)")


@pytest.mark.parametrize(
    ("precision", "code"),
    [("0", 1102), ("17", 1102), ("-1", 1102), ("1e9", 1102), ("0/0", 1102), ("'x'", 1103), ("{}", 1103), ("nil", 1103)],
)
def test_a_precision_that_is_none_is_refused(box, precision, code):
    box.say(f"format.asciiprecision = {precision}")
    assert [code] == [found for found, _ in box.errors()]
    assert ["1.00000e+00"] == box.say("print(1)")


# -- what is kept ----------------------------------------------------------------------------------


def test_globals_are_kept_between_messages(box):
    box.say("val_i = smua.measure.i()")
    box.say("function double(x) return 2 * x end")
    assert ["2.12129e-04"] == box.say("print(double(val_i))")


def test_attributes_are_kept_and_read_back(box):
    box.say("smua.source.levelv = 0.100000000000")
    assert ["1.00000e-01"] == box.say("print(smua.source.levelv)")


def test_a_reset_brings_the_defaults_back_but_keeps_globals(box):
    box.say("format.asciiprecision = 16 smua.source.levelv = 0.5 x = 3")
    assert [] == box.say("reset()")
    assert ["0.00000e+00\t3.00000e+00"] == box.say("print(smua.source.levelv, x)")
    assert "reset" in box.happened
    box.happened.clear()
    box.say("*RST")
    assert "reset" in box.happened


def test_a_script_is_loaded_line_by_line_and_run_at_its_end(box):
    lines = ["loadandrunscript", "for n = 1, 3 do", "  -- a comment ends with its line", "  print(n)", "end"]
    assert [] == [reply for line in lines for reply in box.say(line)]
    assert ["1.00000e+00", "2.00000e+00", "3.00000e+00"] == box.say("endscript")
    assert ["1.00000e+00"] == box.say("print(1)")


def test_a_query_inside_a_script_is_a_part_of_it(box):
    box.say("loadandrunscript")
    assert [] == box.say("*IDN?")
    assert [] == box.say("endscript")
    assert [-285] == [code for code, _ in box.errors()]


def test_a_device_clear_forgets_a_script_that_has_no_end(box):
    box.say("loadandrunscript")
    box.engine.clear()
    assert ["1.00000e+00"] == box.say("print(1)")


def test_every_message_is_announced_once(box):
    box.say("print(1)")
    box.say("*IDN?")
    assert ["message", "message"] == box.happened


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("smua.nosuch = 1", 1101, "smua.nosuch"),
        ("smua.source.levelw = 1", 1101, "smua.source.levelw"),
        ("smua.OUTPUT_ON = 2", 1101, "smua.OUTPUT_ON"),
        ("errorqueue.count = 0", 1101, "errorqueue.count"),
        ("smua.source.compliance = 1", 1101, "smua.source.compliance"),
        ("smua.measure = 1", 1101, "smua.measure"),
        ("smua.measure.i = print", 1101, "smua.measure.i"),
        ("localnode.model = '2602B'", 1101, "localnode.model"),
        ("script.run = 1", 1101, "script.run"),
        ("smua.source.levelv = 201", 1102, "smua.source.levelv out of range"),
        ("broken()", 5042, "The output must be on"),
        ("if", -285, "TSP Syntax error"),
        ("this is no lua", -285, "TSP Syntax error"),
        ("x = y.z", -286, "attempt to index global 'y'"),
        ("nosuch()", -286, "attempt to call global 'nosuch'"),
        ("error('mine')", -286, "mine"),
        ("x = 1\nx = y.z", -286, "at line 2: attempt to index global 'y'"),
        ("error({})", -286, "an error that is a table"),
        ("*XYZ", -285, "TSP Syntax error"),
        ("\x1bLuaQ", -285, "TSP Syntax error"),
    ],
)
def test_an_error_goes_into_the_queue_and_not_into_a_reply(box, command, code, text):
    assert [] == box.say(command)
    ((found, message),) = box.errors()
    assert code == found
    assert text in message


def test_an_error_ends_its_message(box):
    assert ["1.00000e+00"] == box.say("print(1) smua.nosuch = 2 print(3)")
    assert [1101] == [code for code, _ in box.errors()]


def test_errors_are_read_oldest_first_with_severity_and_node(box):
    box.say("broken()")
    box.say("smua.nosuch = 1")
    assert ["2.00000e+00"] == box.say("print(errorqueue.count)")
    assert ["5.04200e+03\tThe output must be on\t2.00000e+01\t1.00000e+00"] == box.say("print(errorqueue.next())")
    assert ["1.00000e+00"] == box.say("print(errorqueue.count)")
    box.say("errorqueue.clear()")
    assert [EMPTY] == box.say("print(errorqueue.next())")


@pytest.mark.parametrize("text", ["errorqueue.clear()", "*CLS"])
def test_the_queue_can_be_emptied(box, text):
    box.say("broken()")
    box.say(text)
    assert ["0.00000e+00"] == box.say("print(errorqueue.count)")


def test_an_error_text_is_one_line(box):
    box.say("error('two\\nlines')")
    ((_, text),) = box.errors()
    assert "two lines" in text


def test_a_failed_assignment_changes_nothing(box):
    box.say("smua.source.levelv = 0.5")
    box.say("smua.source.levelv = 1000")
    assert ["5.00000e-01"] == box.say("print(smua.source.levelv)")


# -- the sandbox -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("os", "io", "require", "load", "loadstring", "loadfile", "dofile", "debug", "package", "module", "getfenv"),
        *("setfenv", "newproxy", "coroutine", "string.dump", "python", "collectgarbage", "rawset"),
    ],
)
def test_what_a_script_must_not_reach_is_not_there(box, name):
    assert ["nil"] == box.say(f"print({name})")


def test_functions_of_the_instrument_are_plain_lua_functions(box):
    assert ["function\tfunction\ttable"] == box.say("print(type(smua.measure.i), type(reset), type(smua))")
    box.say("print(smua.measure.i.__class__)")
    assert [-286] == [code for code, _ in box.errors()]


def test_what_lua_offers_for_everyday_use_works(box):
    command = "print(pcall(error, 'x')) print(xpcall(error, function(m) return 'handled' end)) print(('ab'):rep(2))"
    assert ["false\tx", "false\thandled", "abab"] == box.say(command)
    assert ["12\t34"] == box.say("print(string.match('12,34', '(%d+),(%d+)'))")
    assert ["a-c\t1.00000e+00"] == box.say("print(string.gsub('abc', 'b', '-'))")
    assert ["a", "b"] == box.say("for w in string.gmatch('a b', '%a') do print(w) end")
    assert ["6.00000e+00"] == box.say("t = setmetatable({}, {__call = function(_, n) return 2 * n end}) print(t(3))")


def test_what_a_script_breaks_stays_its_own(box):
    box.say("pcall = nil tostring = nil type = nil error = nil print_ = print")
    box.say("debug = {traceback = function() while true do end end}")
    box.say("string.find = nil")
    began = time.process_time()
    assert ["table: 0x"] == [reply[:9] for reply in box.say("print(smua)")]
    box.say("nosuch()")
    assert [-286] == [code for code, _ in box.errors()]
    assert time.process_time() - began < 3.0


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["reset", "smua.source.levelv", "trigger.timer[1].delay", "status.measurement.current_limit.event"]
)
def test_a_name_is_the_sum_of_its_parts(name):
    path = ""
    for part in split(name):
        path = join(path, part)
    assert name == path
