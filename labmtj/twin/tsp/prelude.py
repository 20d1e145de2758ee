"""What runs in Lua before any script does: bounds, the instrument's tables, `print`, scripts.

The chunk is called once with Python's functions and its bounds, and returns what Python calls. After it
no global leads out of Lua: no files, no modules, no bytecode, no coroutines, no debug library.
"""

PRELUDE = r"""
local get, set, call, emit, limit, seconds, price, longest, soft = ...
local rawget, rawset, rawequal, tostring, tonumber, next_of = rawget, rawset, rawequal, tostring, tonumber, next
local select, type, error, ipairs, pairs_of, clock = select, type, error, ipairs, pairs, os.clock
local unpack, with_metatable, compile, collect = unpack, setmetatable, loadstring, collectgarbage
local sethook, guarded, byte, substitute, find = debug.sethook, pcall, string.byte, string.gsub, string.find
local globals = _G

-- Lua outside of a protected call ends the process when memory is short, and an error on the way back from Python
-- leaves Python's lock held: scripts have less memory than there is, and it is looked at before Python is called.
local function room()
  if collect("count") > soft then
    collect()
    if collect("count") > soft then error("not enough memory", 0) end
  end
end

-- Bounds. A hook counts instructions; what is slow in C, where no hook runs, looks at the clock before it starts.
-- Looking costs as much as ten instructions: time is counted from the first look on, which short messages never take.
-- `away` while Python is called, which may solve the array or compile kernels: that time is not the script's.
local spent, counted, began, away = false, 0, nil, false
local function give_up(level) spent = true error("instruction limit reached", level) end
local function elapsed()
  if away then return 0 end
  local now = clock()
  if not began then began = now end
  return now - began
end
local function spend()
  counted = counted + 100
  if counted > limit or elapsed() > seconds then give_up(2) end
  room()
end
local function tick()
  if spent or elapsed() > seconds then give_up(3) end
  room()
end
-- What fails in Python is an object of Python's as an error value: scripts get its text.
local function checked(ok, ...)
  away = false
  if spent then error("instruction limit reached", 0) end
  if not ok and type((...)) == "userdata" then return ok, tostring((...)) end
  return ok, ...
end
pcall = function(...) return checked(guarded(...)) end
-- Lua runs the handler of xpcall with the hook off, where nothing would end it: it is called afterwards instead.
local function handled(handler, ok, ...) if ok then return ok, ... end return ok, handler(...) end
xpcall = function(body, handler) return handled(handler, pcall(body)) end
for _, library in ipairs{string, table} do
  for name, original in pairs_of(library) do
    library[name] = function(...) tick() return original(...) end
  end
end
-- Its own count of what it gives overflows.
globals.unpack = function(list, first, last)
  tick()
  first, last = tonumber(first) or 1, tonumber(last) or #list
  if not (first > -1e9 and last < 1e9 and last - first < 8000) then error("too many results to unpack", 2) end
  return unpack(list, first, last)
end
-- A pattern may go back over the text once for each of its repetitions; what that can cost at most is bounded,
-- and its length, which sets how deep C goes.
local function bounded(name)
  local original = string[name]
  return function(text, pattern, ...)
    if type(pattern) == "number" then pattern = tostring(pattern) end
    if type(text) == "number" then text = tostring(text) end
    if type(text) ~= "string" or type(pattern) ~= "string" then error("bad argument to '" .. name .. "'", 2) end
    local _, repeats = substitute(pattern, "[%*%+%-%?b]", "")
    local _, references = substitute(pattern, "%%%d", "")
    if #pattern > 1000 or (#text + 1) ^ (repeats + 2 * references + 1) > 2e7 then
      error("string or pattern too long", 2)
    end
    return original(text, pattern, ...)
  end
end
for _, name in ipairs{"find", "match", "gmatch", "gsub"} do string[name] = bounded(name) end
local words = string.gmatch
string.gmatch = function(text, pattern)
  local step = words(text, pattern)
  return function() tick() return step() end
end
local rep = string.rep
string.rep = function(text, n)
  n = tonumber(n)
  if not n or (type(text) ~= "string" and type(text) ~= "number") then error("bad argument to 'rep'", 2) end
  if n > 1e6 or #tostring(text) * n > 1e6 then error("string too long", 2) end
  return rep(text, n)
end
string.gfind, string.dump = nil, nil
-- Lua's own move whatever lies above a position, also 2 thousand million places; a table with a few elements at
-- powers of two has such a length.
local insert, remove, sort = table.insert, table.remove, table.sort
local function within(list, place)
  place = tonumber(place)
  if not (place and place >= 1) then error("position out of bounds", 3) end
  if type(list) == "table" and #list - place > 1e6 then error("table too long", 3) end
end
table.insert = function(list, ...)
  if select("#", ...) == 2 then within(list, (...)) end
  return insert(list, ...)
end
table.remove = function(list, ...)
  if (...) ~= nil then within(list, (...)) end
  return remove(list, ...)
end
-- Sorting takes quadratic time on numbers in a bad order: a comparison in Lua is counted.
table.sort = function(list, before) return sort(list, before or function(first, second) return first < second end) end
-- The metatable of all strings would be theirs too: `tostring` of any string asks it.
getmetatable("").__metatable = false
-- So would that of all objects of Python: who changed it would take the instrument's functions with it.
debug.getmetatable(get).__metatable = false
-- Lupa looks globals up outside of any chunk: a metatable there would run with the hook off.
setmetatable = function(object, metatable)
  if rawequal(object, globals) then error("the globals cannot have a metatable", 2) end
  return with_metatable(object, metatable)
end

-- The instrument's tables. Each is empty: its metatable looks up what the model has, as instruments have it.
local nodes, contents = with_metatable({}, {__mode = "v"}), with_metatable({}, {__mode = "k"})
local function listing(path) return contents[nodes[path]] end
local function node(path, luatype)
  local objects, getters, setters = {}, {}, {}
  local made = with_metatable({}, {
    __index = function(_, key)
      local found = objects[key]
      if found ~= nil then return found end
      room()
      local kind = type(key)
      if kind == "string" then return get(path, key) end
      if kind == "number" then return get(path, tostring(key)) end
    end,
    __newindex = function(_, key, value)
      local kind = type(key)
      if kind ~= "string" and kind ~= "number" then error("an index must be text or a number", 2) end
      if contents[value] then value = "\0" .. contents[value].path
      elseif type(value) == "table" or type(value) == "function" then value = {} end
      room()
      set(path, tostring(key), value)
    end,
    __metatable = {Objects = objects, Getters = getters, Setters = setters, luatype = luatype}})
  contents[made] = {objects = objects, getters = getters, setters = setters, path = path}
  nodes[path] = made
  return made
end
local function place(parent, key, value)
  key = tonumber(key) or key
  if parent == "" then rawset(globals, key, value) else listing(parent).objects[key] = value end
end
local function table_at(path, parent, key, luatype) place(parent, key, node(path, luatype)) end
local fresh  -- the last table that no other holds: nothing else would keep it until a script has it
local function loose_at(path, luatype) fresh = node(path, luatype) end
local function attribute_at(parent, key, settable)
  local name, own = tonumber(key) or key, listing(parent)
  own.getters[name] = function() return get(parent, key) end
  if settable then own.setters[name] = function(value) set(parent, key, value) end end
end
local function enter() away = true return began and clock() end
local function uncounted(entered, ...)
  if entered and began then began = began + clock() - entered end
  away = false
  return ...
end
-- Attributes may solve the array, and compile kernels for it: their time does not count either, but for instructions.
local look_up, put = get, set
get = function(...) counted = counted + 50 return uncounted(enter(), look_up(...)) end
set = function(...) counted = counted + 50 return uncounted(enter(), put(...)) end
-- Instrument tables travel to Python by name, other tables as copies that have no metatable.
local function plain(value)
  if type(value) == "function" then return "a function" end
  if type(value) ~= "table" then return value end
  local own = contents[value]
  if own then return "\0" .. own.path end
  local copy = {}
  for n = 1, #value do
    local item = rawget(value, n)
    copy[n] = (type(item) == "table" or type(item) == "function") and "no number" or item
  end
  return copy
end
local function function_at(path, parent, key, makes)
  place(parent, key, function(...)
    counted = counted + (makes and 20 * price or price)  -- what makes a table must find out which others are gone
    room()
    local count = select("#", ...)
    if count == 0 then return uncounted(enter(), call(path)) end
    local sent = {...}
    for n = 1, count do sent[n] = plain(sent[n]) end
    if makes then return nodes[uncounted(enter(), call(path, unpack(sent, 1, count)))] end
    return uncounted(enter(), call(path, unpack(sent, 1, count)))
  end)
end
local function living(path) collect() return nodes[path] ~= nil end
-- `next` and `pairs` walk the objects of an instrument's table. Its attributes are in the Getters of its metatable:
-- a walk that read them would clear event registers.
next = function(object, key)
  local own = contents[object]
  return next_of(own and own.objects or object, key)
end
pairs = function(object)
  local own = contents[object]
  return pairs_of(own and own.objects or object)
end
local function shown(value)
  local kind = type(value)
  if kind ~= "table" and kind ~= "function" then return value end
  local text = tostring(value)
  if type(text) ~= "string" then error("'tostring' must return a string to 'print'", 3) end
  return text
end
local function send(...) room() emit(...) end
print = function(...)
  local count = select("#", ...)
  if count == 1 then return send(shown(...)) end  -- no table for the one value that most messages print
  local out = {...}
  for n = 1, count do out[n] = shown(out[n]) end
  return send(unpack(out, 1, count))
end

makegetter = function(object, key) return function() return object[key] end end
makesetter = function(object, key) return function(value) object[key] = value end end

-- Scripts: a name is a global table that can be called.
local users, shelf = {}, {user = {}}
shelf.user.scripts = users
shelf.user.catalog = function() return pairs_of(users) end
local function script_at(name, source)
  if #source > longest or byte(source) == 27 then return "unexpected symbol near `ESC'" end
  local chunk, message = compile(source, "=" .. name)
  if not chunk then return message end
  local made = {run = function(...) return chunk(...) end, source = source, name = name, autorun = "no",
    save = function() end, list = function() print(source) end}
  with_metatable(made, {__call = function(_, ...) return chunk(...) end,
    __metatable = {Objects = made, Getters = {}, Setters = {}, luatype = "script"}})
  if name == "anonymous" then shelf.anonymous = made else users[name] = made rawset(globals, name, made) end
end
shelf.new = function(source, name)
  if type(source) ~= "string" or (name ~= nil and type(name) ~= "string") then error("a script is text", 2) end
  name = name or "anonymous"
  if not find(name, "^[%a_][%w_]*$") then error("this is no name for a script", 2) end
  local message = script_at(name, source)
  if message then error(message, 2) end
  return name == "anonymous" and shelf.anonymous or users[name]
end
shelf.run = function() if shelf.anonymous then return shelf.anonymous.run() end end
shelf.delete = function(name)
  local old = users[name]
  if old == nil then error("there is no script of this name", 2) end
  users[name] = nil
  if rawequal(rawget(globals, name), old) then rawset(globals, name, nil) end
end
script = with_metatable({}, {__index = shelf, __newindex = function(_, key) set("script", tostring(key), nil) end,
  __metatable = {Objects = shelf, Getters = {}, Setters = {}, luatype = "scriptdefs"}})

for _, name in ipairs{"os", "io", "require", "load", "loadstring", "loadfile", "dofile", "debug", "package", "module",
    "newproxy", "getfenv", "setfenv", "coroutine", "collectgarbage", "python", "rawset", "gcinfo"} do
  globals[name] = nil
end

local function run(chunk)
  spent, counted, began, away = false, 0, nil, false
  sethook(spend, "", 100)
  local ok, message = guarded(chunk)
  sethook()
  if collect("count") > soft then
    collect()
    if collect("count") > soft then return "not enough memory" end
  end
  -- A table as an error value may have a tostring of its own, which must not run with the hook off.
  if ok then return nil end
  return type(message) == "string" and message or "an error that is a " .. type(message)
end
return table_at, loose_at, attribute_at, function_at, place, script_at, living, run
"""
