"""Reads an SCPI message: what each of its commands would do to the outputs.

A message is commands and queries between semicolons (IEEE 488.2, section 7.3). Queries pass, but for those that act;
a command passes if its header is in the vocabulary and its arguments can be read. Headers behind a semicolon begin
with a colon here: a relative one depends on what stands before it, which is not worth a second reading.
"""

from __future__ import annotations

import re

from labmtj.bench.message_effects import Effect, Unreadable, number
from labmtj.drivers.vocabulary import Does, Vocabulary, Word, scpi_pattern

_UNIT = re.compile(r"""(?:[^;"']|"[^"]*"|'[^']*')*""", re.ASCII)
_HEADER = re.compile(
    r"(?P<root>[:*]?)(?P<header>[A-Za-z][A-Za-z0-9_]*(?::[A-Za-z][A-Za-z0-9_]*)*)(?P<query>\??)", re.ASCII
)
# Queries that do something: they test, calibrate, or choose another function before they measure.
_ACTING = re.compile(
    r"\*(?:TST|CAL)|:?(?:CAL|TEST|DIAG|CONF)[A-Z]*(?::.*)?|:?MEAS(?:URE)?\d*:(?!(?:CURR|VOLT)).*", re.ASCII
)
_SETTING = {Does.LEVEL, Does.COMPLIANCE, Does.RATED}
_ON_OFF = {"1": 1.0, "ON": 1.0, "0": 0.0, "OFF": 0.0}


def effects(message: str, vocabulary: Vocabulary) -> tuple[Effect, ...]:
    """Everything that a message does. Raises Unreadable where that cannot be told."""
    if not message.isascii() or not message.isprintable():
        raise Unreadable(f"{message!r} holds characters that have no place in an SCPI message")
    found: list[Effect] = []
    for place, unit in enumerate(_units(message)):
        effect = _effect(unit, vocabulary, first=place == 0)
        if effect is not None and effect.does is not Does.FREE:
            found.append(effect)
    return tuple(found)


def _units(message: str) -> list[str]:
    units: list[str] = []
    position = 0
    while position <= len(message):
        match = _UNIT.match(message, position)
        end = match.end() if match else position
        if end < len(message) and message[end] != ";":
            raise Unreadable(f"{message!r} has a quote that is never closed")
        units.append(message[position:end].strip())
        position = end + 1
    return [unit for unit in units if unit]


def _effect(unit: str, vocabulary: Vocabulary, *, first: bool) -> Effect | None:
    header, _, rest = unit.partition(" ")
    match, rest = _HEADER.fullmatch(header), rest.strip()
    if match is None:
        raise Unreadable(f"{unit!r} is no command that the gate can read")
    name = ("*" if match["root"] == "*" else "") + match["header"].upper()
    if match["query"]:
        if _ACTING.fullmatch(name):
            raise Unreadable(f"{unit!r} is a query that acts on the outputs")
        return None
    if not first and not match["root"]:
        raise Unreadable(f"{unit!r} depends on the command before it: begin it with a colon")
    word, channel = _word(name, unit, vocabulary)
    arguments = [part.strip() for part in rest.split(",")] if rest else []
    return Effect(word.does, channel, word.slot, _values(word, arguments, unit), unit)


def _word(name: str, unit: str, vocabulary: Vocabulary) -> tuple[Word, str]:
    for word in vocabulary.settings:
        match = scpi_pattern(word.spelling).fullmatch(name)
        if match is not None:
            return word, "" if word.does is Does.RESETS else match.groupdict().get("n") or "1"
    raise Unreadable(
        f"{unit!r}: the gate does not know this command of this instrument, so it cannot tell what it would set; "
        "a driver of yours names its words in VOCABULARY"
    )


def _values(word: Word, arguments: list[str], unit: str) -> tuple[float, ...]:
    if word.only and (len(arguments) != 1 or arguments[0].upper() not in word.only):
        raise Unreadable(f"{unit!r}: only {' or '.join(word.only)} may be set here")
    if word.does in _SETTING:
        if len(arguments) != 1:
            raise Unreadable(f"{unit!r}: one number is expected")
        return (number(arguments[0], unit),)
    if word.does is Does.ARMS:
        if not arguments:
            raise Unreadable(f"{unit!r}: a number is expected")
        return tuple(number(text, unit) for text in arguments)
    if word.does is Does.OUTPUT:
        if len(arguments) != 1 or arguments[0].upper() not in _ON_OFF:
            raise Unreadable(f"{unit!r}: an output is 1 or 0")
        return (_ON_OFF[arguments[0].upper()],)
    if word.does is Does.LOAD:
        if len(arguments) == 1 and arguments[0].upper() in ("INF", "INFINITY"):
            return (float("inf"),)
        load = number(arguments[0] if len(arguments) == 1 else "", unit)
        if not load > 0.0:
            raise Unreadable(f"{unit!r}: a load is above 0 ohm")
        return (load,)
    if word.does is Does.DISARMS and arguments[0].upper() == "LIST":
        return (1.0,)  # the list counts from now on
    return ()
