"""What faults make of replies: bytes in, bytes out; `draw` is a number in (0, 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from labmtj.twin.instrument import Piece

FORMS = ("cut", "overflow", "empty", "glued", "noise", "identity")
_NUMBER = re.compile(rb"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_BLOCK = re.compile(rb"#([0-9])")
_ALONE = rb"(?<![\w.!])", rb"(?![\w.!])"
_CHANNEL = rb"(?:\d[A-H]\d\d|\d{4})"
_LISTS = (
    (re.compile(rb"(?<=\(@)[^()]+(?=\))"), b","),  # (@00103,00220)
    (re.compile(_ALONE[0] + _CHANNEL + rb"(?:[;,]" + _CHANNEL + rb")*" + _ALONE[1]), b";"),  # 1A01;1A02, 1103;1104
)
_STATES = re.compile(_ALONE[0] + rb"[01](?:, ?[01])+" + _ALONE[1])  # 0,1,0
_NOISE = 8  # chosen: bytes


def garbled(reply: bytes, form: str, *, identity: str, draw: Callable[[], float]) -> bytes:
    """A reply as garbage of this form; its line end stays."""
    body = reply.rstrip(b"\n")
    match form:
        case "cut":
            return body[: 1 + int(draw() * (len(body) - 1))] + b"\n" if len(body) > 1 else b"\n"
        case "overflow":
            return (_NUMBER.sub(b"9.91E37", body, count=1) if _NUMBER.search(body) else b"9.91E37") + b"\n"
        case "glued":
            return body + body + b"\n"
        case "noise":
            return bytes(128 + int(draw() * 128) for _ in range(_NOISE)) + b"\n"
        case "identity":
            return identity.encode("latin-1", errors="replace") + b"\n"
        case _:
            return b"\n"


def cut_block(reply: bytes, draw: float) -> bytes | None:
    """A reply whose block (or indefinite block) ends too early, without a line end; None if it holds none."""
    found = _BLOCK.search(reply)
    if found is None:
        return None
    start = found.end() + int(found[1])
    return reply[: start + int(draw * max(0, len(reply) - 1 - start))]


def lie(reply: bytes, draw: float) -> bytes | None:
    """A reply about relays that leaves one out, or turns one state over; None if it says nothing of relays."""
    for pattern, separator in _LISTS:
        found = pattern.search(reply)
        if found is not None:
            items = re.split(rb"[;,]", found[0])
            del items[int(draw * len(items))]
            return reply[: found.start()] + separator.join(items) + reply[found.end() :]
    found = _STATES.search(reply)
    if found is None:
        return None
    places = [place for place in range(found.start(), found.end()) if reply[place : place + 1] in b"01"]
    place = places[int(draw * len(places))]
    return reply[:place] + (b"0" if reply[place : place + 1] == b"1" else b"1") + reply[place + 1 :]


def trickle(reply: bytes, seconds: float) -> Sequence[Piece]:
    """One byte a second, after so many seconds."""
    last = len(reply) - 1
    return [(reply[place : place + 1], seconds + place + 1.0, place == last) for place in range(len(reply))]
