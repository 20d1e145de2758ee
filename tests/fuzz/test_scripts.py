"""Scripts that try to leave Lua or to run for ever, beside those of tests/unit: on a whole instrument."""

import time

import pytest

# A length of 2^29 without the elements: keys at powers of two that a table keeps in its hash part.
SPARSE = (
    "t = {"
    + ", ".join(f"a{n} = 1" for n in range(100))
    + "} for k in pairs(t) do t[k] = nil end for k = 0, 29 do t[2^k] = 1 end"
)
CAUGHT = "local _, e = pcall(function() smua.source.nothing = 1 end)"
ENDLESS = {
    "a sparse table's first element": f"{SPARSE} table.remove(t, 1)",
    "a sparse table's new first element": f"{SPARSE} table.insert(t, 1, 1)",
    "a sparse table in order": f"{SPARSE} table.sort(t, function() return false end)",
    "a sparse table as a list": f"{SPARSE} smua.trigger.source.listv(t)",
    "an iterator": "for w in string.gmatch('aaaa', 'a') do while true do end end",
    "an addition of texts": "print(setmetatable({}, {__concat = function() while true do end end}) .. 'a')",
    "an equality": "m = {__eq = function() while true do end end} x = setmetatable({}, m) == setmetatable({}, m)",
    "an order of tables": "m = {__lt = function() while true do end end} x = setmetatable({}, m) < setmetatable({}, m)",
    "a walk": "table.foreach({1}, function() while true do end end)",
    "a substitution by a table": "('a'):gsub('a', setmetatable({}, {__index = function() while true do end end}))",
    "the clock swapped": "os = {clock = function() return 0 end} while true do end",
    "the hook swapped": "debug = {sethook = function() end} while true do end",
    "the bench's own clock": "while timer.measure.t() < 1e15 do end",
    "a wait for a trigger": "while not trigger.wait(1e5) do end",
    "a status that does not come": "while status.condition ~= 255 do end",
    "buffers": "while true do smua.makebuffer(200000) end",
    "resets": "while true do reset() end",
    "comparisons of long texts": "a = ('x'):rep(1e6) b = a .. 'y' while true do x = a < b end",
    "numbers of many digits": "while true do pcall(function() x = ('9'):rep(1e6) + 1 end) end",
}
OUT = {
    "the metatable of an error": f"{CAUGHT} getmetatable(e).__call = function() end",
    "the collector of an error": f"{CAUGHT} local m = getmetatable(e) m.__gc(e) m.__gc(e)",
    "an error's class": f"{CAUGHT} print(e.__class__.__base__)",
    "an error's traceback": f"{CAUGHT} print(e.__traceback__.tb_frame)",
    "an error's arguments": f"{CAUGHT} print(e['args'][0])",
    "an error that is called": f"{CAUGHT} e()",
    "a name that is a path": "smua['source.levelv'] = 1e9",
    "a setter of a metatable": "getmetatable(smua.source).Setters.levelv(1e9)",
    "a forged table": "print(smua.measure.i('\\0_G'))",
    "a script in place of a file": "script.new('x', '../x')",
}


@pytest.fixture
def box(bed_of):
    return bed_of("keithley_2636b")


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_would_not_end_ends_with_an_error(box, script):
    began = time.process_time()
    box.send(script.encode() + b"\n")
    assert time.process_time() - began < 3.0
    assert "" != box.engine.errors[-1][1]
    assert b"1.00000e+00\n" == box.ask(b"print(1)")
    box.answers()


@pytest.mark.parametrize("script", OUT.values(), ids=OUT.keys())
def test_there_is_no_way_out(box, script):
    box.send(script.encode() + b"\n")
    assert not box.link.waiting
    assert box.engine.errors
    assert b"1.00000e+00\n" == box.ask(b"print(1)")
    assert b"0.00000e+00\n" == box.ask(b"print(smua.source.levelv)")
    box.answers()


def test_what_a_script_catches_of_the_instrument_is_text(box):
    reply = box.ask(b"print(pcall(function() smua.source.levelv = 1e9 end))")
    assert reply.startswith(b"false\tParameter smua.source.levelv out of range")
    assert b"true\n" == box.ask(b"print(pcall(function() end))")
    assert b"true\tnil\t1.00000e+00\n" == box.ask(b"print(pcall(function() return nil, 1 end))")


def test_a_bug_in_a_firmware_is_not_hidden_by_a_script(box):
    box.engine._functions["beeper.beep"] = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        box.send(b"pcall(beeper.beep)\n")
    box.answers()
