"""Reads a TSP message: what each of its statements would do to the outputs.

TSP is Lua, which can compute anything, so only a small part of it passes: assignments to attributes and calls of
functions that are in the vocabulary, `local` names, `if ... then ... else ... end`, and expressions without functions
of their own. A level, a limit or a list is a decimal number and nothing else. No loops, no definitions, no strings of
code, no names under another name: a path begins with a name that the vocabulary knows.
Grammar: Lua 5.0 reference manual, section 2; `print(...)`, `waitcomplete()`: 2600BS-901-01, section 9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from labmtj.bench.message_effects import Effect, Unreadable, number
from labmtj.drivers.vocabulary import Does, Vocabulary, Word, tsp_pattern

_TOKEN = re.compile(
    r"""\s*(?:(?P<port>digio\.writeport\(\d{1,5}\))"""
    r"""|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<text>"[^"\\\r\n]*"|'[^'\\\r\n]*')|(?P<sign>==|~=|<=|>=|\.\.|[-+*/%^<>=(){}\[\],;.]))""",
    re.ASCII,
)
_COMMON = re.compile(r"\*(?:IDN\?|CLS|OPC\??|ESR\?|STB\?|ESE\??(?: +\d+)?|SRE\??(?: +\d+)?|WAI)", re.ASCII)
_BINARY = {"+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or"}
_PORT = "digio.writeport"  # as a whole one token, with its level: hundreds of them stand in a run's messages
_KEYWORDS = {"local", "if", "then", "else", "elseif", "end", "and", "or", "not", "nil", "true", "false"}
_REFUSED = {"function", "for", "while", "repeat", "until", "do", "return", "break", "goto", "in"}
_DEPTH = 20  # chosen: no driver nests deeper
OWN = "labmtj"  # names that begin so are a driver's own marks in the instrument
Token = tuple[str, str]


def effects(message: str, vocabulary: Vocabulary) -> tuple[Effect, ...]:
    """Everything that a message does. Raises Unreadable where that cannot be told."""
    text = message.strip()
    if _COMMON.fullmatch(text):
        return ()
    if text == "*RST":
        return (Effect(Does.RESETS, "", "", (), text),)
    if text == "*TRG":
        return (Effect(Does.FIRES, "", "", (), text),)
    reader = _Reader(text, vocabulary)
    reader.block(0)
    reader.expect_end()
    return tuple(reader.found)


class _Reader:
    """Reads one message from its first token to its last."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.found: list[Effect] = []
        self._tokens, self._at = _tokens(text), 0
        self._locals: set[str] = set()
        self._words: dict[tuple[str, str], tuple[Word, str]] = {}

    def block(self, depth: int) -> None:
        """Statements up to a word that ends a block."""
        if depth > _DEPTH:
            raise self.refuse("is nested too deeply")
        while self._peek() not in ("", "end", "else", "elseif"):
            self._statement(depth)

    def expect_end(self) -> None:
        """Nothing may be left."""
        if self._peek():
            raise self.refuse(f"has {self._peek()!r} where a statement should begin")

    def refuse(self, why: str) -> Unreadable:
        """The error of a message that cannot be read."""
        return Unreadable(f"{_short(self.text)!r} {why}: the gate lets through only what it can read")

    def _statement(self, depth: int) -> None:
        if self._take(";"):
            return
        if self._take("local"):
            self._declare()
            return
        if self._take("if"):
            self._branches(depth)
            return
        if self._kind() == "port":
            word, channel = self._word(_PORT, self.vocabulary.calls, "calls")
            text = self._next()[1]
            self._keep(word, channel, (float(text[len(_PORT) + 1 : -1]),), text)
            return
        path = self._path()
        if self._peek() == "(":
            self._call(path)
        elif self._take("="):
            self._assign(path)
        else:
            raise self.refuse(f"has {path} without a value or a call")

    def _declare(self) -> None:
        names = [self._name()]
        while self._take(","):
            names.append(self._name())
        for name in names:
            if name in self.vocabulary.roots or any(word.spelling == name for word in self.vocabulary.calls):
                raise self.refuse(f"takes the name {name} for something else")
        if self._take("="):
            self._expression(0)
            while self._take(","):
                self._expression(0)
        self._locals |= set(names)

    def _branches(self, depth: int) -> None:
        self._expression(0)
        self._need("then")
        self.block(depth + 1)
        while self._take("elseif"):
            self._expression(0)
            self._need("then")
            self.block(depth + 1)
        if self._take("else"):
            self.block(depth + 1)
        self._need("end")

    def _assign(self, path: str) -> None:
        if path in self._locals or path.startswith(OWN):
            self._expression(0)
            return
        word, channel = self._word(path, self.vocabulary.settings, "sets")
        begin = self._at
        if word.does is Does.FREE and not word.only:
            self._expression(0)
            return
        value = self._literal()
        text = "".join(token for _, token in self._tokens[begin : self._at])
        if word.only and value not in [allowed.replace("#", channel) for allowed in word.only]:
            raise self.refuse(f"sets {path} to {value}; only {' or '.join(word.only).replace('#', channel)} may be set")
        if word.does is Does.OUTPUT:
            self._keep(word, channel, (self._state(path, channel, value),), f"{path} = {text}")
        elif word.does is not Does.FREE:
            self._keep(word, channel, (number(value, f"{path} = {text}"),), f"{path} = {text}")

    def _state(self, path: str, channel: str, value: str) -> float:
        root = f"smu{channel}"
        states = {f"{root}.OUTPUT_ON": 1.0, "1": 1.0, "1.0": 1.0, f"{root}.OUTPUT_OFF": 0.0, "0": 0.0, "0.0": 0.0}
        if value not in states:
            raise self.refuse(f"sets {path} to {value}; an output is 1 or 0")
        return states[value]

    def _literal(self) -> str:
        """A number with its sign, or the path of a constant; nothing may be computed with it."""
        if self._kind() == "name":
            value = self._path()
        else:
            sign = "-" if self._take("-") else ""
            kind, value = self._next()
            if kind != "number":
                raise self.refuse(f"has {value!r} where a decimal number should stand")
            value = sign + value
        if self._peek() in _BINARY or self._peek() in ("(", "[", "{", "."):
            raise self.refuse("computes a value; write the number")
        return value

    def _call(self, path: str) -> None:
        word, channel = self._word(path, self.vocabulary.calls, "calls")
        self._need("(")
        if word.does is Does.ARMS:
            values = self._list()
            self._need(")")
            self._keep(word, channel, values, f"{path}({{{', '.join(map(repr, values))}}})")
        elif word.does is Does.GATES:
            level = number(self._literal(), self.text)
            self._need(")")
            self._keep(word, channel, (level,), f"{path}({level:g})")
        else:
            if self._peek() != ")":
                self._expression(0)
                while self._take(","):
                    self._expression(0)
            self._need(")")
            self._keep(word, channel, (), f"{path}()")
        if self._peek() in ("(", "{", "[", ".") or self._kind() == "text":
            raise self.refuse(f"goes on after {path}() with {self._peek()!r}")

    def _list(self) -> tuple[float, ...]:
        self._need("{")
        values = [number(self._literal(), self.text)]
        while self._take(","):
            values.append(number(self._literal(), self.text))
        self._need("}")
        return tuple(values)

    def _expression(self, depth: int) -> None:
        """Walk over an expression; what it calls is kept."""
        if depth > _DEPTH:
            raise self.refuse("is nested too deeply")
        while True:
            while self._take("-") or self._take("not"):
                pass
            self._operand(depth)
            if self._peek() not in _BINARY:
                return
            self._next()

    def _operand(self, depth: int) -> None:
        if self._kind() in ("number", "text") or self._peek() in ("nil", "true", "false"):
            self._next()
        elif self._take("("):
            self._expression(depth + 1)
            self._need(")")
            if self._peek() == "(":
                raise self.refuse("calls what it has computed")
        elif self._take("{"):
            if self._peek() != "}":
                self._expression(depth + 1)
                while self._take(","):
                    self._expression(depth + 1)
            self._need("}")
        else:
            path = self._path()
            if self._peek() == "(":
                self._call(path)

    def _path(self) -> str:
        """A name with attributes and whole-number indices, its root known."""
        path = root = self._name()
        if root not in self._locals and not root.startswith(OWN) and not self._known(root):
            raise self.refuse(f"has the name {root}, which the gate does not know")
        while self._peek() in (".", "["):
            if self._take("."):
                path += f".{self._name()}"
            else:
                self._need("[")
                kind, index = self._next()
                if kind != "number" or not index.isdecimal():
                    raise self.refuse(f"has the index {index!r}, which is no whole number")
                self._need("]")
                path += f"[{index}]"
        if path != root and root in self._locals:
            raise self.refuse(f"reaches into {root}, which may be anything")
        return path

    def _known(self, root: str) -> bool:
        return root in self.vocabulary.roots or any(word.spelling == root for word in self.vocabulary.calls)

    def _word(self, path: str, words: Sequence[Word], does: str) -> tuple[Word, str]:
        if (does, path) in self._words:
            return self._words[does, path]
        for word in words:
            match = tsp_pattern(word.spelling).fullmatch(path)
            if match is not None:
                found = self._words[does, path] = word, match.groupdict().get("n") or ""
                return found
        raise self.refuse(f"{does} {path}, which the gate does not know")

    def _keep(self, word: Word, channel: str, values: tuple[float, ...], text: str) -> None:
        if word.does is not Does.FREE:
            self.found.append(Effect(word.does, channel, word.slot, values, text))

    def _name(self) -> str:
        kind, text = self._next()
        if kind != "name" or text in _KEYWORDS or text in _REFUSED:
            raise self.refuse(f"has {text!r} where a name should stand")
        return text

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _peek(self) -> str:
        """The next token, "" at the end; texts look like no other token since they keep their quotes."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise self.refuse("ends in the middle of a statement")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, text: str) -> bool:
        if self._peek() != text:
            return False
        self._at += 1
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self.refuse(f"has {self._peek() or 'its end'!r} where {text!r} should stand")


def _tokens(text: str) -> list[Token]:
    if not text.isascii() or "--" in text:
        raise Unreadable(f"{_short(text)!r} holds a comment, or characters that have no place in a TSP message")
    out: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise Unreadable(f"{_short(text)!r} cannot be read from {_short(text[position:])!r} on")
        out.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return out


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
