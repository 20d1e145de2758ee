"""A TSP instrument's script engine: real Lua with the model's tables, `print` and an error queue.

Python hands Lua only functions that live as long as the engine; tables are built in Lua, with
metatables that forward (path, key) as text. Lua 5.1 is used because its numbers print as TSP's do.
What a script must not reach is removed, and what could run for ever is bounded: an instruction limit
that `pcall` cannot swallow, no coroutines, bounded patterns, a memory limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import lupa.lua51 as lupa  # pyright: ignore[reportMissingTypeStubs]

# chosen: what labmtj sends takes a few hundred instructions; 20 million take a tenth of a second. The limit
# of processor time catches what is slow in C (long strings, patterns, sorting); calls into the simulated
# instrument, which may solve the array, do not count for it, but for 500 instructions each.
_INSTRUCTIONS, _SECONDS = 20_000_000, 0.5
_KEPT, _KEPT_LENGTH = 64, 1000  # compiled messages that are kept, and characters of the longest
_MEMORY = 32 * 1024 * 1024  # chosen: bytes for one engine
_OUTPUT = 4_000_000  # chosen: characters that one message may print
_NO_MEMORY = "not enough memory"  # as Lua says it
_BOUNDS = {"format.asciiprecision": (1, 16), "format.data": (1, 3)}  # 2600BS-901-01 Rev. F
QUEUE_EMPTY = (0, "Queue Is Empty", 0, 0)

_PRELUDE = """
local get, set, call, emit, limit, seconds = ...
local rawset, tostring, tonumber = rawset, tostring, tonumber
local select, type, error, ipairs, clock = select, type, error, ipairs, os.clock
local sethook, original = debug.sethook, {pcall = pcall, find = string.find,
  match = string.match, gmatch = string.gmatch, gsub = string.gsub, rep = string.rep}
local spent, counted, began = false, 0, 0
local function spend()
  counted = counted + 100
  if counted > limit or clock() - began > seconds then
    spent = true
    error("instruction limit reached", 2)
  end
end
local function checked(...) if spent then error("instruction limit reached", 0) end return ... end
pcall = function(...) return checked(original.pcall(...)) end
-- Lua runs the handler of xpcall with the hook off, where nothing would end it: it is called afterwards instead.
local function handled(handler, ok, ...) if ok then return ok, ... end return ok, handler(...) end
xpcall = function(body, handler) return handled(handler, pcall(body)) end
-- A pattern may go back over the text once for each of its repetitions; what that can cost at most is bounded.
local function bounded(name)
  return function(text, pattern, ...)
    local long = #tostring(text)
    local _, repeats = original.gsub(tostring(pattern), "[%*%+%-%?b]", "")
    if (long + 1) ^ (repeats + 1) > 2e7 then error("string or pattern too long", 2) end
    return original[name](text, pattern, ...)
  end
end
for _, name in ipairs{"find", "match", "gmatch", "gsub"} do string[name] = bounded(name) end
string.gfind = nil
string.rep = function(text, n)
  if #tostring(text) * n > 1e6 then error("string too long", 2) end
  return original.rep(text, n)
end
string.dump = nil
-- Lupa looks globals up outside of any chunk: a metatable there would run with the hook off.
local globals, rawequal, with_metatable = _G, rawequal, setmetatable
setmetatable = function(object, metatable)
  if rawequal(object, globals) then error("the globals cannot have a metatable", 2) end
  return with_metatable(object, metatable)
end
for _, name in ipairs{"os", "io", "require", "load", "loadstring", "loadfile", "dofile", "debug", "package", "module",
    "newproxy", "getfenv", "setfenv", "coroutine", "collectgarbage", "python", "rawset", "gcinfo"} do _G[name] = nil end
print = function(...)
  local out = {}
  for n = 1, select("#", ...) do
    local value = select(n, ...)
    local kind = type(value)
    if kind == "table" or kind == "function" then value = tostring(value) end
    if value == nil then value = "nil" end
    out[n] = value
  end
  emit(out, select("#", ...))
end
local nodes = {[""] = _G}
local function node(path)
  return with_metatable({}, {
    __index = function(_, key) return get(path, tostring(key)) end,
    __newindex = function(_, key, value) set(path, tostring(key), value) end,
    __metatable = {path = path}})
end
local function place(parent, key, value) rawset(nodes[parent], tonumber(key) or key, value) end
local function table_at(path, parent, key) nodes[path] = node(path); place(parent, key, nodes[path]) end
local function uncounted(entered, ...) began = began + clock() - entered return ... end
local function function_at(path, parent, key)
  place(parent, key, function(...)
    counted = counted + 500
    return uncounted(clock(), call(path, ...))
  end)
end
local function run(chunk)
  spent, counted, began = false, 0, clock()
  sethook(spend, "", 100)
  local ok, message = original.pcall(chunk)
  sethook()
  -- A table as an error value may have a tostring of its own, which must not run with the hook off.
  if not ok then return type(message) == "table" and "an error that is a table" or tostring(message) end
end
return table_at, function_at, run
"""


class TspError(Exception):
    """An error for the instrument's queue: its number and text."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


class TspEngine:
    """Lua with a model's attributes and functions; `execute` takes one message.

    `attributes` maps full names to default values, `functions` full names to Python functions, and
    `on_set(name, value) -> value` may check, convert or refuse (TspError) an assignment. `on_get` may
    compute an attribute instead of looking it up.
    """

    def __init__(
        self,
        identity: str,
        attributes: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]],
        *,
        on_set: Callable[[str, Any], Any],
        on_get: Callable[[str], Any] | None = None,
        on_reset: Callable[[], None],
        on_message: Callable[[], None],
    ) -> None:
        self.identity = identity
        _, model, serial, *_ = identity.split(",")
        self._defaults = {
            "format.asciiprecision": 6,
            "format.data": 1,
            "format.ASCII": 1,
            "format.SREAL": 2,
            "format.REAL32": 2,
            "format.REAL64": 3,
            "localnode.linefreq": 50,
            "localnode.model": model.split()[-1],
            "localnode.serialno": serial.strip(),
            **attributes,
        }
        self.values: dict[str, Any] = dict(self._defaults)
        self._functions: dict[str, Callable[..., Any]] = {
            "errorqueue.next": self._next_error,
            "errorqueue.clear": self._clear_errors,
            "reset": self.reset,
            "waitcomplete": lambda *_: None,
            **functions,
        }
        self._on_set, self._on_get, self._on_reset, self._on_message = on_set, on_get, on_reset, on_message
        self.errors: deque[tuple[int, str, int, int]] = deque(maxlen=100)
        self._replies: list[str] = []
        self._printed = 0  # characters that the present message has printed
        self._script: list[str] | None = None
        self._failure: TspError | None = None
        self._events = 128  # power on
        self._start()

    def _start(self) -> None:
        make: Any = lupa.LuaRuntime  # its type stub knows none of these parameters
        runtime: Any = make(
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=_MEMORY,
            encoding="latin-1",
        )
        loaded = runtime.compile(_PRELUDE)
        table_at, function_at, run = loaded(self._get, self._set, self._call, self._emit, _INSTRUCTIONS, _SECONDS)
        self._compile, self._run = runtime.compile, run
        self._chunks: dict[str, Any] = {}  # drivers send the same few messages again and again
        built = {""}
        for name in [*self._defaults, *self._functions, "errorqueue.count"]:
            *parents, _ = split(name)
            path = ""
            for part in parents:
                parent, path = path, join(path, part)
                if path not in built:
                    built.add(path)
                    table_at(path, parent, part)
        for name in self._functions:
            *parents, last = split(name)
            path = ""
            for part in parents:
                path = join(path, part)
            function_at(name, path, last)

    # -- messages ----------------------------------------------------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one line: a common command, a Lua chunk, or a line of a script that is being loaded."""
        self._on_message()
        self._replies, self._printed = [], 0
        text = message.strip()
        if self._script is not None:
            if text == "endscript":
                chunk, self._script = "\n".join(self._script), None
                self._lua_chunk(chunk)
            else:
                self._script.append(message)
        elif text.startswith("loadandrunscript"):
            self._script = []
        elif text.startswith("*"):
            self._common(text.upper())
        elif text:
            self._lua_chunk(text)
        return self._replies

    def clear(self) -> None:
        """Forget a script that was not finished."""
        self._script = None

    def reset(self) -> None:
        """Back to the model's defaults."""
        self.values = dict(self._defaults)
        self._on_reset()

    def _common(self, text: str) -> None:
        match text:
            case "*IDN?":
                self._replies.append(self.identity)
            case "*RST":
                self.reset()
            case "*CLS":
                self.errors.clear()
                self._events = 0
            case "*OPC?" | "*TST?":
                self._replies.append("1" if text == "*OPC?" else "0")
            case "*ESR?":
                self._replies.append(str(self._events))
                self._events = 0
            case "*STB?":
                self._replies.append("4" if self.errors else "0")
            case "*WAI" | "*OPC":
                pass
            case _:
                self.queue(-285, f"TSP Syntax error at line 1: unexpected symbol near `{text[:1]}'")

    def _lua_chunk(self, text: str) -> None:
        self._failure = None
        if text.startswith("\x1b"):  # compiled Lua, which nothing checks
            self.queue(-285, "TSP Syntax error at line 1: unexpected symbol near `ESC'")
            return
        try:
            chunk = self._chunks.get(text)
            if chunk is None:
                chunk = self._compile(text)
                if len(text) < _KEPT_LENGTH:
                    if len(self._chunks) >= _KEPT:
                        self._chunks.clear()
                    self._chunks[text] = chunk
        except MemoryError:
            self._start_anew()
            return
        except lupa.LuaError as error:
            self.queue(-285, f"TSP Syntax error at line 1: {_brief(error)}")
            return
        try:
            message = self._run(chunk)
        except MemoryError:
            message = _NO_MEMORY
        except lupa.LuaError as error:
            message = _brief(error)
        if message is not None and _NO_MEMORY in message:
            self._start_anew()
        elif self._failure is not None:
            self.queue(self._failure.code, self._failure.text)
        elif message is not None:
            self.queue(-286, f"TSP Runtime error at line 1: {message}")

    def _start_anew(self) -> None:
        """Memory is full, perhaps with what a script keeps in globals: they are given up, attributes stay."""
        self.queue(-286, f"TSP Runtime error at line 1: {_NO_MEMORY}; what scripts had stored is lost")
        self._start()

    def queue(self, code: int, text: str) -> None:
        """Put an error in the queue: number, text, severity (20: recoverable), node 1."""
        self.errors.append((code, " ".join(text.splitlines()), 20, 1))

    def _clear_errors(self, *_: Any) -> None:
        self.errors.clear()

    def _next_error(self, *_: Any) -> tuple[Any, ...]:
        return self.errors.popleft() if self.errors else QUEUE_EMPTY

    # -- what Lua calls ----------------------------------------------------------------------------

    def _get(self, path: str, key: str) -> Any:
        name = join(path, key)
        if name == "errorqueue.count":
            return len(self.errors)
        value = self._on_get(name) if self._on_get is not None else None
        return self.values.get(name) if value is None else value

    def _set(self, path: str, key: str, value: Any) -> None:
        name = join(path, key)
        if name not in self._defaults or key.isupper():
            self._fail(TspError(1101, f"Parameter {name}: no such attribute, or it is read-only"))
        if name in _BOUNDS and not (isinstance(value, int | float) and _BOUNDS[name][0] <= value <= _BOUNDS[name][1]):
            self._fail(TspError(1102, f"Parameter {key} out of range: {_BOUNDS[name][0]} to {_BOUNDS[name][1]}"))
        try:
            self.values[name] = self._on_set(name, value)
        except TspError as error:
            self._fail(error)

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return self._functions[name](*arguments)
        except TspError as error:
            self._fail(error)

    def _fail(self, error: TspError) -> None:
        """Stop the chunk; the first error is the one that is queued."""
        self._failure = self._failure or error
        raise error

    def _emit(self, values: Any, count: int) -> None:
        reply = "\t".join(self._text(values[n]) for n in range(1, int(count) + 1))
        self._printed += len(reply) + 1
        if self._printed > _OUTPUT:
            self._fail(TspError(-286, "TSP Runtime error at line 1: too much output for one message"))
        self._replies.append(reply)

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return f"{float(value):.{int(self.values['format.asciiprecision']) - 1}e}"
        return str(value)


def split(name: str) -> list[str]:
    """Parts of a TSP name: "trigger.timer[1].delay" is trigger, timer, 1, delay."""
    return name.replace("[", ".").replace("]", "").split(".")


def join(path: str, key: str) -> str:
    """Name of `key` in the table at `path`; a number is an index."""
    if key.isdigit():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _brief(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _no_attributes(_object: Any, _name: str, _setting: bool) -> str:
    raise AttributeError("Python objects have no attributes here")
