"""A TSP instrument's script engine: real Lua with the model's tables, `print` and an error queue.

Python hands Lua only functions that live as long as the engine; tables are built in Lua, with
metatables that forward (path, key) as text. Lua 5.1 is used because its numbers print as TSP's do.
What a script must not reach is removed, and what could run for ever is bounded: an instruction limit
that `pcall` cannot swallow, no coroutines, bounded patterns, a memory limit.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lupa.lua51 as lupa  # pyright: ignore[reportMissingTypeStubs]

_INSTRUCTIONS = 20_000_000  # chosen: about a second; what labmtj sends takes a few hundred
_MEMORY = 64 * 1024 * 1024  # chosen: bytes for one engine
QUEUE_EMPTY = (0, "Queue Is Empty", 0, 0)

_PRELUDE = """
local get, set, call, emit, limit = ...
local rawset, setmetatable, tostring, tonumber = rawset, setmetatable, tostring, tonumber
local select, type, error, ipairs = select, type, error, ipairs
local sethook, original = debug.sethook, {pcall = pcall, xpcall = xpcall, find = string.find,
  match = string.match, gmatch = string.gmatch, gsub = string.gsub, rep = string.rep}
local spent = false
local function spend() spent = true; error("instruction limit reached", 2) end
local function checked(...) if spent then error("instruction limit reached", 0) end return ... end
pcall = function(...) return checked(original.pcall(...)) end
xpcall = function(...) return checked(original.xpcall(...)) end
local function bounded(name)
  return function(text, pattern, ...)
    if #tostring(text) > 4096 or #tostring(pattern) > 64 then error("string or pattern too long", 2) end
    return original[name](text, pattern, ...)
  end
end
for _, name in ipairs{"find", "match", "gmatch", "gsub"} do string[name] = bounded(name) end
string.rep = function(text, n) if #text * n > 1e6 then error("string too long", 2) end return original.rep(text, n) end
string.dump = nil
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
  return setmetatable({}, {
    __index = function(_, key) return get(path, tostring(key)) end,
    __newindex = function(_, key, value) set(path, tostring(key), value) end,
    __metatable = {path = path}})
end
local function place(parent, key, value) rawset(nodes[parent], tonumber(key) or key, value) end
local function table_at(path, parent, key) nodes[path] = node(path); place(parent, key, nodes[path]) end
local function function_at(path, parent, key) place(parent, key, function(...) return call(path, ...) end) end
local function run(chunk)
  spent = false
  sethook(spend, "", limit)
  local ok, message = original.pcall(chunk)
  sethook()
  if not ok then return tostring(message) end
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
        self._defaults = {
            "format.asciiprecision": 6,
            "format.data": 1,
            "format.ASCII": 1,
            "format.SREAL": 2,
            "format.REAL32": 2,
            "format.REAL64": 3,
            "localnode.linefreq": 50,
            "localnode.model": identity.split(",")[1].split()[-1],
            "localnode.serialno": identity.split(",")[2].strip(),
            **attributes,
        }
        self.values: dict[str, Any] = dict(self._defaults)
        self._functions: dict[str, Callable[..., Any]] = {
            "errorqueue.next": self._next_error,
            "errorqueue.clear": lambda: self.errors.clear(),
            "reset": self.reset,
            "waitcomplete": lambda *_: None,
            **functions,
        }
        self._on_set, self._on_get, self._on_reset, self._on_message = on_set, on_get, on_reset, on_message
        self.errors: deque[tuple[int, str, int, int]] = deque(maxlen=100)
        self._replies: list[str] = []
        self._script: list[str] | None = None
        self._failure: TspError | None = None
        self._events = 128  # power on
        self._lua = self._start()

    def _start(self) -> Any:
        runtime: Any = lupa.LuaRuntime(  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownVariableType]
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=_MEMORY,
        )
        loaded = runtime.compile(_PRELUDE)
        table_at, function_at, run = loaded(self._get, self._set, self._call, self._emit, _INSTRUCTIONS)
        self._compile, self._run = runtime.compile, run
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
        return runtime

    # -- messages ----------------------------------------------------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one line: a common command, a Lua chunk, or a line of a script that is being loaded."""
        self._on_message()
        self._replies = []
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
        try:
            chunk = self._compile(text)
        except lupa.LuaError as error:  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
            self.queue(-285, f"TSP Syntax error at line 1: {_brief(error)}")
            return
        try:
            message = self._run(chunk)
        except (lupa.LuaError, MemoryError) as error:  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
            message = _brief(error)
        if self._failure is not None:
            self.queue(self._failure.code, self._failure.text)
        elif message is not None:
            self.queue(-286, f"TSP Runtime error at line 1: {message}")

    def queue(self, code: int, text: str) -> None:
        """Put an error in the queue: number, text, severity (20: recoverable), node 1."""
        self.errors.append((code, text, 20, 1))

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
        self._replies.append("\t".join(self._text(values[n]) for n in range(1, int(count) + 1)))

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return f"{float(value):.{int(self.values['format.asciiprecision']) - 1}e}"
        return str(value)

    def print_numbers(self, numbers: Sequence[float]) -> None:
        """Reply with numbers in the format that is set: text, or a block of 4- or 8-byte floats."""
        kind = int(self.values["format.data"])
        if kind == 1:
            self._replies.append(", ".join(self._text(float(n)) for n in numbers))
        else:
            code = "f" if kind == 2 else "d"
            self._replies.append("#0" + struct.pack(f"<{len(numbers)}{code}", *numbers).decode("latin-1"))


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
