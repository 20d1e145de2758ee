"""What one message would do to the outputs of an instrument, as the last gate has read it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from labmtj.drivers.vocabulary import Does
from labmtj.errors import LimitExceeded

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a message does: to a channel and a slot of it, with these numbers (levels in volts as sent)."""

    does: Does
    channel: str
    slot: str
    values: tuple[float, ...]
    text: str


class Unreadable(LimitExceeded):
    """A message of which it cannot be told what it would set."""


def number(text: str, where: str) -> float:
    """A plain decimal number. Raises Unreadable for words, units, expressions, NaN, infinities and other notations."""
    if _NUMBER.fullmatch(text) is None:
        raise Unreadable(
            f"{where!r}: {text!r} is no plain number; write volts, amperes and ohms as decimal numbers without a unit"
        )
    value = float(text)
    if not math.isfinite(value):
        raise Unreadable(f"{where!r}: {text!r} is not finite")
    return value
