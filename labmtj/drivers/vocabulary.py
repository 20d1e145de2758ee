"""What the words of an instrument do to its outputs: the tables by which the last gate reads messages.

A driver class may carry its own as `VOCABULARY` (a bench-local driver must); those of the shipped drivers stand in
`vocabularies`. What sets something and is not in the table is refused, so a table names what is needed and nothing
that could put a level on an output unseen: no sweeps that are computed, no stored states, no other functions.
"""

from __future__ import annotations

import enum
import functools
import re
from dataclasses import dataclass, field


class Does(enum.Enum):
    """What a word does."""

    FREE = "free"  # nothing that a limit is about; with `only`, for these arguments alone
    LEVEL = "level"  # puts its channel at these volts at once
    ARMS = "arms"  # volts that stand on the output after a trigger
    DISARMS = "disarms"  # the armed volts of its slot are dropped
    COMPLIANCE = "compliance"  # the channel's current limit
    LOAD = "load"  # what levels are stated for: into less than an open circuit they count twice
    OUTPUT = "output"  # the channel's output, on or off
    FIRES = "fires"  # releases what is armed
    RESETS = "resets"  # levels to 0 V, compliance and load to what nobody here has set
    GATES = "gates"  # writes the digital port, on which a chip's gates may hang
    RATED = "rated"  # a number that no limit of the array is about, but a bound of its own is (`Vocabulary.bounds`)


@dataclass(frozen=True)
class Word:
    """One word: its spelling, what it does, the slot of a level, and the only arguments that it may have.

    SCPI: long form with the short one in capitals, `[...]` for what may be left out, `#` for the channel's number,
    and `only` in capitals. TSP: `smu#` for the channel, `[*]` for any index, `.*` at the end for all below.
    """

    spelling: str
    does: Does = Does.FREE
    slot: str = "level"
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The words of one model. `language` is "scpi" or "tsp"; `settings` may be given values, `calls` be called (TSP).

    `needs_compliance`: outputs turn on only after a current limit was set. `bounds` by slot: the largest magnitude of
    a rated number. `roots`: names that TSP may read.
    """

    language: str
    settings: tuple[Word, ...] = ()
    calls: tuple[Word, ...] = ()
    needs_compliance: bool = False
    bounds: dict[str, float] = field(default_factory=dict[str, float])
    roots: frozenset[str] = frozenset()

    def rated(self, **bounds: float) -> Vocabulary:
        """The same with these bounds."""
        return Vocabulary(self.language, self.settings, self.calls, self.needs_compliance, bounds, self.roots)


@functools.cache
def scpi_pattern(spelling: str) -> re.Pattern[str]:
    """What matches a header without its first colon, in capitals; the group `n` is the channel's number, if it has one.

    A mnemonic has its short or its long form and nothing between (IEEE 488.2, SCPI-99 volume 1, section 6.2.1).
    """
    out: list[str] = []
    for piece in re.findall(r"\[|\]|:|\*?[A-Za-z]+|#|\(\?|.", spelling):
        if piece == "[":
            out.append("(?:")
        elif piece == "]":
            out.append(")?")
        elif piece == "#":
            out.append(r"(?P<n>\d*)")
        elif piece[-1].isalpha():
            short = "".join(letter for letter in piece if letter.isupper() or letter == "*")
            out.append(re.escape(short) if len(short) == len(piece) else f"{re.escape(short)}(?:{_rest(piece)})?")
        else:
            out.append(re.escape(piece))
    return re.compile("".join(out), re.ASCII)


def _rest(piece: str) -> str:
    return re.escape("".join(letter for letter in piece if letter.islower()).upper())


@functools.cache
def tsp_pattern(spelling: str) -> re.Pattern[str]:
    """What matches a path of names; the group `n` is the channel's letter, if it has one."""
    text = re.escape(spelling).replace(r"smu\#", "smu(?P<n>[ab])").replace(r"\#", r"\d")
    text = text.replace(r"\[\*\]", r"\[\d+\]")
    if text.endswith(r"\.\*"):
        text = text.removesuffix(r"\.\*") + r"(?:\..*|\[.*)"
    return re.compile(text, re.ASCII)
