"""What scripts cannot do: leave Lua, run for ever, take all memory, or leave the instrument mute."""

import random
import time

import pytest

from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.tsp.sandbox import Sandbox

IDENTITY = "Keithley Instruments Inc., Model 2636B, 4400293, 3.3.5"


class Box:
    """An engine with hardly a model behind it."""

    def __init__(self):
        self.engine = TspEngine(
            IDENTITY,
            {"smua.source.levelv": 0.0, "note.text": ""},
            {"smua.measure.i": lambda *_: 1e-4, "smua.trigger.source.listv": lambda *_: None},
            on_set=lambda _name, value: value,
            on_reset=lambda: None,
            on_message=lambda: None,
        )

    def say(self, text):
        return self.engine.execute(text)

    def errors(self):
        found = [text for _, text, *_ in self.engine.errors]
        self.engine.errors.clear()
        return found


@pytest.fixture(scope="module")
def box():
    return Box()


ENDLESS = {
    "a loop": "while true do end",
    "a loop in pcall": "pcall(function() while true do end end)",
    "pcall for ever": "while true do pcall(function() while true do end end) end",
    "pcall in pcall": "while true do pcall(pcall, pcall, function() while true do end end) end",
    "xpcall": "xpcall(function() while true do end end, function() while true do end end)",
    "xpcall for ever": "while true do xpcall(error, function() while true do end end) end",
    "errors in handlers": "f = function() return xpcall(error, f) end f()",
    "recursion": "f = function() return 1 + f() end f()",
    "tail calls": "f = function() return f() end f()",
    "repeat until": "repeat until false",
    "a step of nothing": "for n = 2, 1, 0 do end",
    "a metamethod": "x = setmetatable({}, {__index = function() while true do end end}) print(x.y)",
    "an index that is its own": "x = {} setmetatable(x, {__index = x}) print(x.y)",
    "indices in a circle": "a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) print(a.y)",
    "a tostring": "print(setmetatable({}, {__tostring = function() while true do end end}))",
    "a tostring that is no text": "print(setmetatable({}, {__tostring = function() return {} end}))",
    "a tostring of an error": "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "a tostring of all text": "getmetatable('').__tostring = function() while true do end end error('x')",
    "an index of an assignment": "smua.source[setmetatable({}, {__tostring = function() while true do end end})] = 1",
    "globals with a metatable": "setmetatable(_G, {__index = function() while true do end end}) print(undefined)",
    "an order without end": "table.sort({3, 2, 1, 5, 4}, function() while true do end end)",
    "an order that is none": "t = {3, 2, 1} while true do pcall(table.sort, t, function() return true end) end",
    "sorting for ever": "t = {} for n = 1, 1e5 do t[n] = -n end while true do table.sort(t) end",
    "an insertion far below": "table.insert({1}, -2000000000, 1)",
    "an insertion before all": "t = {} while true do table.insert(t, 1, 1) end",
    "a substitution": "string.gsub('x', 'x', function() while true do end end)",
    "substitutions for ever": "s = string.rep('x', 1e6) while true do string.gsub(s, 'y', '') end",
    "substitutions in depth": "f = function() return (string.gsub('x', 'x', f)) end f()",
    "a pattern": "print(string.find(string.rep('a', 4000), string.rep('a*', 20) .. 'b'))",
    "a short hostile pattern": "print(string.find(string.rep('a', 60), string.rep('a-', 12) .. 'b'))",
    "a pattern that refers back": "print(string.find(string.rep('a', 3000), '(a*)(a*)%1%2b'))",
    "a pattern deeper than C": "print(string.find('', string.rep('a*', 5e5)))",
    "a balanced pattern": "while true do string.find(string.rep('(', 4000), '%b()') end",
    "gmatch": "for w in string.gmatch(string.rep('a', 4000), string.rep('a*', 9) .. 'b') do end",
    "a long string": "local s = 'x' while true do s = s .. s end",
    "rep": "while true do local s = string.rep('x', 1e6) end",
    "a huge rep": "print(string.rep('x', 1e12))",
    "a huge rep of nothing": "print(string.rep('', 2^31 - 1))",
    "slow strings": "local s = string.rep('x', 1e6) while true do local r = string.reverse(s .. 'y') end",
    "concat": "t = {} for n = 1, 1e5 do t[n] = 'xxxxxxxxxx' end while true do local s = table.concat(t) end",
    "a table": "local t = {} for n = 1, 1e9 do t[n] = n end",
    "a global table": "t = {} for n = 1, 1e9 do t[n] = n end",
    "tables of tables": "local t = {} while true do t = {t, t, {}} end",
    "unpack": "print(select('#', unpack({}, 1, 1e8)))",
    "unpack far below": "print(unpack({}, -2^31, 2^31 - 1))",
    "closures": "local t = {} while true do t[#t + 1] = function() return t end end",
    "calls of the instrument": "while true do smua.measure.i() end",
    "queries": "while true do local x = smua.source.levelv end",
    "failing calls": "while true do pcall(error, 'x') end",
    "long lists": "t = {} for n = 1, 1e6 do t[n] = n end while true do smua.trigger.source.listv(t) end",
    "prints": "while true do print(1) end",
    "long prints": "local s = string.rep('x', 1e6) while true do print(s) end",
    "blocks": "format.data = 3 t = {} for n = 1, 1e4 do t[n] = n end while true do printbuffer(1, 1e4, t) end",
    "a buffer without end": "printbuffer(1, 1e15, {1})",
    "a long text": "note.text = string.rep('x', 1e6)",
    "a script of scripts": "while true do script.new('while true do end', 'x') x() end",
    "scripts": "local n = 0 while true do n = n + 1 script.new('x = 1', 'x' .. n) end",
    "a script too long": "script.new(string.rep('x=1 ', 2.4e5) .. string.rep('x=1 ', 2e5), 'x')",
    "a width that is too wide": "print(string.format('%99999999d', 1))",
    "a precision that is too precise": "print(string.format('%.99999999f', 1))",
    "a format without values": "print(string.format('%s %s %s'))",
}
OUT = {
    "files": "io.open('/etc/passwd')",
    "the shell": "os.execute('true')",
    "the environment": "print(os.getenv('HOME'))",
    "modules": "require('os')",
    "the loader": "package.loadlib('libc.so', 'system')",
    "source": "loadstring('return 1')()",
    "bytecode": "script.new('\\27LuaQ', 'x')",
    "dumped bytecode": "script.new(string.dump(function() end), 'x')",
    "a file as source": "dofile('/etc/passwd')",
    "the debug library": "debug.getregistry()",
    "the environment of a function": "setfenv(1, {})",
    "the environment of Python's": "getfenv(smua.measure.i).print('x')",
    "userdata": "newproxy(true)",
    "Python": "python.eval('1')",
    "an attribute of a function": "print(smua.measure.i.__class__)",
    "an attribute of print": "print(print.__globals__)",
    "the metatable of text": "getmetatable('').__index = nil",
    "the metatable of an instrument's table": "setmetatable(smua, {})",
    "raw access": "rawset(smua, 'measure', 1)",
    "coroutines": "coroutine.wrap(function() while true do end end)()",
    "the collector": "collectgarbage('stop')",
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_would_not_end_ends_with_an_error_within_a_second(box, script):
    box.say("format.data = format.ASCII")
    began = time.process_time()
    box.say(script)
    assert time.process_time() - began < 5.0  # it is below one on an idle machine
    assert 1 == len(box.errors())
    assert [IDENTITY] == box.say("*IDN?")
    assert ["1.00000e+00"] == box.say("print(1)")
    assert [] == box.errors()


@pytest.mark.parametrize("script", OUT.values(), ids=OUT.keys())
def test_there_is_no_way_out(box, script):
    assert [] == box.say(script)
    assert 1 == len(box.errors())
    assert [IDENTITY] == box.say("*IDN?")


@pytest.mark.parametrize(
    "name",
    [
        *("os", "io", "require", "load", "loadstring", "loadfile", "dofile", "debug", "package", "module", "getfenv"),
        *("setfenv", "newproxy", "coroutine", "string.dump", "python", "collectgarbage", "rawset", "gcinfo"),
    ],
)
def test_what_a_script_must_not_reach_is_not_there(box, name):
    assert ["nil"] == box.say(f"print({name})")


def test_memory_that_scripts_keep_is_given_back_and_attributes_stay():
    box = Box()
    box.say("smua.source.levelv = 0.5")
    box.say("t = {} pcall(function() for n = 1, 1e9 do t[n] = string.rep('x', 1e5) .. n end end)")
    box.say("s = string.rep('x', 1e6)")  # what is left does not suffice for this: all globals are dropped
    assert [True] == ["not enough memory" in text for text in box.errors()]
    assert ["nil\t5.00000e-01"] == box.say("print(t, smua.source.levelv)")
    assert [] == box.errors()


def test_a_memory_that_is_nearly_full_does_not_end_the_process():
    # Lua ends the process when memory is short outside of a protected call, so that this would not return.
    box, chance = Box(), random.Random(3)
    for size in (10, 3000, 100, 100_000):
        box.say(f"t = {{}} pcall(function() for n = 1, 1e9 do t[n] = string.rep('x', {size}) .. n end end)")
        for n in range(8):
            box.say(
                f"x{n} = 'abc{n}' .. string.rep('y', {chance.randrange(3000)}) print(x{n}) smua.source.levelv = {n}"
            )
    assert [IDENTITY] == box.say("*IDN?")


def test_a_reset_metatable_does_not_break_the_tables(box):
    box.say("getmetatable(smua).Getters = nil getmetatable(smua.source).Objects = nil")
    box.errors()
    assert ["0.00000e+00"] == box.say("smua.source.levelv = 0 print(smua.source.levelv)")


PIECES = (
    *("while true do ", "for n = 1, 9 do ", "if x then ", "end ", "function f() ", "return ", "local ", "pcall(", ")"),
    *("x", "= ", "{", "}", "smua.", "source.", "levelv", "[1]", "..", "'a'", '"', "#", "-", "--", "[[", "]]", "%", "~"),
    *("print(", "string.rep('x', 9) ", "1e9 ", "nil ", "\\", "\0", "\xff", "*", "*IDN?", "next(smua)", "setmetatable("),
    *(
        "script.",
        "new(",
        "loadscript",
        "endscript",
        "printbuffer(1,2,",
        "format.data=2 ",
        "unpack(",
        "errorqueue.next()",
    ),
)


@pytest.mark.parametrize("seed", range(5))
def test_nonsense_leaves_the_instrument_able_to_answer(box, seed):
    chance = random.Random(seed)
    for _ in range(60):
        box.say("".join(chance.choices(PIECES, k=chance.randrange(1, 9))))
        box.engine.clear()
    box.engine.errors.clear()
    assert [IDENTITY] == box.say("*IDN?")
    box.engine.clear()


def test_time_in_the_instrument_never_counts_wherever_the_hook_falls(monkeypatch):
    """The first look at the clock may fall between any two instructions around a call to Python."""
    monkeypatch.setattr("labmtj.twin.tsp.sandbox._SECONDS", 0.005)

    def slow(*_arguments: object) -> float:
        began = time.process_time()
        while time.process_time() < began + 0.006:
            pass
        return 1.0

    box = Sandbox(get=slow, put=slow, call=slow, emit=slow)
    box.attribute("a.x", settable=True)
    box.function("a.f")
    for before in range(100):
        for call in ("y = a.x", "y = a.f()", "y = a.f(1)", "a.x = 1"):
            box.run("z = 1 " * before + call + " for n = 1, 400 do z = n end")
