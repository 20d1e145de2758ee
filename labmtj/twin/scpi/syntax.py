"""From the text of a SCPI message to headers and arguments (IEEE 488.2-1992 section 7; SCPI-1999 volume 1, 6).

All scans are linear in the length of the message: the patterns are possessive and never go back.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from labmtj.twin.scpi.errors import ScpiError

_DEEPEST = 32  # chosen: nested brackets of an expression; the 2400's math expressions need fewer than ten
_LONGEST_HEADER = 255  # chosen: twenty nodes of twelve characters; no model has more than eight
_MOST_UNITS = 10_000  # chosen: a megabyte of "*CLS;" must not take seconds
_MOST_ARGUMENTS = 100_000  # chosen: the longest list of points that a model takes
_SPACE = re.compile(r"[\x00-\x20]*+")
_HEADER = re.compile(r"(:?)(\*?)([A-Za-z]\w*+(?::[A-Za-z]\w*+)*+)(\??)", re.ASCII)
_STRINGS = {'"': re.compile(r'"[^"]*+(?:""[^"]*+)*+"'), "'": re.compile(r"'[^']*+(?:''[^']*+)*+'")}
_WORDS = re.compile(r"""[^,;"'()]++""")
_BRACKETS = re.compile(r"""[()"']""")
_NUMBER_BASE = re.compile(r"#[HQBhqb]")


class Kind(Enum):
    """What an argument looks like."""

    WORD = "number or character data"
    STRING = "string"
    BLOCK = "block"
    EXPRESSION = "expression"
    EMPTY = "empty"


class Argument(NamedTuple):
    """One argument: `value` without quotes or block header, `raw` as it was sent."""

    kind: Kind
    value: str
    raw: str


class Unit(NamedTuple):
    """One command or query of a message: upper case node names, `colon` if one stood before them."""

    nodes: tuple[str, ...]
    common: bool
    colon: bool
    query: bool
    arguments: tuple[Argument, ...]


def forms(mnemonic: str) -> tuple[str, str]:
    """Short and long form, both in upper case, of a name like "VOLTage"."""
    return "".join(letter for letter in mnemonic if not letter.islower()), mnemonic.upper()


def parse(message: str) -> tuple[list[Unit], ScpiError | None]:
    """The units of a message up to its first syntax error, and that error."""
    units: list[Unit] = []
    try:
        end = 0
        while end < len(message):
            start = _skip(message, end)
            if start == len(message):
                break
            if message[start] == ";":
                end = start + 1
                continue
            if len(units) == _MOST_UNITS:
                raise ScpiError(-223)
            unit, end = _unit(message, start)
            units.append(unit)
    except ScpiError as error:
        return units, error
    return units, None


def _skip(message: str, position: int) -> int:
    found = _SPACE.match(message, position)
    return found.end() if found else position


def _unit(message: str, start: int) -> tuple[Unit, int]:
    """One unit, and where the next one begins."""
    header = _HEADER.match(message, start)
    if header is None:
        raise ScpiError(-102 if _printable(message[start]) else -101)
    colon, star, names, query = header.groups()
    if len(names) > _LONGEST_HEADER:
        raise ScpiError(-112)
    end = header.end()
    if end < len(message) and message[end] != ";" and message[end] > " ":
        raise ScpiError(-111 if _printable(message[end]) else -101)
    arguments, end = _arguments(message, _skip(message, end))
    nodes = tuple(names.upper().split(":"))
    if star and len(nodes) > 1:
        raise ScpiError(-113)
    return Unit(nodes, bool(star), bool(colon), bool(query), tuple(arguments)), end


def _arguments(message: str, position: int) -> tuple[list[Argument], int]:
    """All arguments from `position`, and where the next unit begins; an empty last one is left out."""
    found: list[Argument] = []
    while True:
        position = _skip(message, position)
        argument, position = _argument(message, position)
        position = _skip(message, position)
        more = position < len(message) and message[position] == ","
        if more or argument.kind is not Kind.EMPTY:
            found.append(argument)
            if len(found) > _MOST_ARGUMENTS:
                raise ScpiError(-223)
        if more:
            position += 1
        elif position == len(message):
            return found, position
        elif message[position] == ";":
            return found, position + 1
        else:
            raise ScpiError(-103)


def _argument(message: str, start: int) -> tuple[Argument, int]:
    first = message[start : start + 1]
    if first in ("", ",", ";"):
        return Argument(Kind.EMPTY, "", ""), start
    if first in _STRINGS:
        string = _STRINGS[first].match(message, start)
        if string is None:
            raise ScpiError(-151)
        raw = string.group()
        return Argument(Kind.STRING, raw[1:-1].replace(first * 2, first), raw), string.end()
    if first == "(":
        end = _expression_end(message, start)
        return Argument(Kind.EXPRESSION, message[start:end], message[start:end]), end
    if first == "#" and not _NUMBER_BASE.match(message, start):
        begin, end = _block(message, start)
        return Argument(Kind.BLOCK, message[begin:end], message[start:end]), end
    word = _WORDS.match(message, start)
    if word is None:  # a closing bracket
        raise ScpiError(-102)
    raw = word.group().rstrip("".join(map(chr, range(33))))
    if not (raw.isascii() and raw.isprintable()):
        raise ScpiError(-101)
    return Argument(Kind.WORD, raw, raw), word.end()


def _expression_end(message: str, start: int) -> int:
    """Where a bracketed expression ends; brackets in quotes do not count."""
    depth, position = 0, start
    while (bracket := _BRACKETS.search(message, position)) is not None:
        position = bracket.end()
        if bracket.group() in _STRINGS:
            string = _STRINGS[bracket.group()].match(message, bracket.start())
            if string is None:
                raise ScpiError(-151)
            position = string.end()
            continue
        depth += 1 if bracket.group() == "(" else -1
        if depth == 0:
            return position
        if depth > _DEEPEST:
            break
    raise ScpiError(-171)


def _block(message: str, start: int) -> tuple[int, int]:
    """First and last + 1 position of a block's data: #<digits><length><data>, or #0<data to the end>."""
    digits = message[start + 1 : start + 2]
    if not ("0" <= digits <= "9"):
        raise ScpiError(-161)
    begin = start + 2 + int(digits)
    if digits == "0":
        return begin, len(message)
    length = message[start + 2 : begin]
    if not (length.isascii() and length.isdigit() and len(length) == int(digits)):
        raise ScpiError(-161)
    end = begin + int(length)
    if end > len(message):
        raise ScpiError(-161)
    return begin, end


def _printable(character: str) -> bool:
    return "!" <= character <= "~"
