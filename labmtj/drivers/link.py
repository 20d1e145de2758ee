"""One conversation with one TSP instrument: every message asks for its own errors, and is answered.

A setting is written, read back and compared; an error in the instrument's queue becomes an exception that names the
command, also where the error kept the message from being answered. What may be sent twice is in exchange.Link;
scpi_link.ScpiLink speaks SCPI. A lock a link keeps the replies of two threads apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from labmtj.drivers.exchange import OVERFLOW, OVERRANGE, Link, Meaning, Transport
from labmtj.drivers.in_force import Setting
from labmtj.errors import BadReply, BenchError

__all__ = ["MARK", "OVERFLOW", "OVERRANGE", "Link", "Meaning", "Transport", "TspLink"]

_PRINT = re.compile(r"print\s*\((.*)\)", re.ASCII)
MARK = "labmtj_on"  # a global of the instrument's scripts: nil after a power cut


class TspLink(Link):
    """Exchanges with one TSP instrument."""

    def run(self, command: str, *, meaning: Meaning = Meaning.ACT) -> None:
        """Carry out TSP statements."""
        self._converse(command, f"{command} print(errorqueue.count)", 0, meaning)

    def ask(self, *expressions: str, after: str = "", meaning: Meaning = Meaning.ACT) -> list[str]:
        """Values of TSP expressions as text, after the statements `after`."""
        command = f"{after} print({', '.join(expressions)}, errorqueue.count)".lstrip()
        return self._converse(command, command, len(expressions), meaning)

    def values(self, queries: list[str], *, after: str = "") -> list[str]:
        """Values of attributes as text, after an assignment that may be made again."""
        return self.ask(*queries, after=after, meaning=Meaning.SET if after else Meaning.READ)

    def number(self, expression: str, *, after: str = "") -> float:
        """Value of a numeric TSP expression; BadReply for anything but a number within the instrument's range.

        `after` is an assignment, which may be made again.
        """
        return self.parse(expression, self.values([expression], after=after)[0])

    def assign(self, attribute: str, value: float, *, level: bool = False, output: bool = False) -> None:
        """Set a numeric attribute, read it back and compare; BenchError if the instrument has another value.

        The setting is in force from then on; a source's `level` comes back to 0 after a lost reply.
        """
        self.assign_all({attribute: value}, level=level, output=output)

    def assign_all(self, values: Mapping[str, float], *, level: bool = False, output: bool = False) -> None:
        """Set numeric attributes in one message, as `assign` does."""
        command = " ".join(f"{attribute} = {float(value)!r}" for attribute, value in values.items())
        found = self.made(command, list(values), next(iter(values.values())))
        for (attribute, value), text in zip(values.items(), found, strict=True):
            self._compare(attribute, text, float(value))
            if not level or attribute not in self.settings.levels:
                self.settings.keep(self._setting(attribute, 0.0 if level else float(value)), level=level, output=output)

    def verify(self, values: Mapping[str, float]) -> None:
        """See that attributes are what a message before has set; they are in force from then on."""
        for (attribute, value), text in zip(values.items(), self.values(list(values)), strict=True):
            self._compare(attribute, text, float(value))
            self.settings.keep(self._setting(attribute, float(value)))

    def say(self, message: str, *, meaning: Meaning) -> str:
        """Carry out a message that somebody else has written: `print(...)` or statements; its reply, "" if it has none.

        Raises BenchError for one that prints in another way: nobody could tell its replies from errors.
        """
        if message == "*IDN?":
            with self._lock:
                return self._exchange(message)
        printed = _PRINT.fullmatch(message)
        if printed is not None and (expressions := _expressions(printed[1])):
            return "\t".join(self.ask(*expressions, meaning=Meaning.READ))
        if "print" in message:
            raise BenchError(
                f"{self.name}: {message!r} does not only print: ask for its values in a message of their own"
            )
        self.run(message, meaning=meaning)
        return ""

    def in_force(self, attribute: str) -> float | None:
        """What an attribute was set to last; None if that is not known."""
        return self.settings.number(attribute)

    def check_power(self) -> None:
        """Raise PowerLost if the mark that `set_mark` left is gone."""
        if self._marked and (self._lost or self.ask(MARK, meaning=Meaning.READ)[0] != "true"):
            raise self.lost_power()

    def _compare(self, attribute: str, text: str, wanted: float) -> None:
        found = self.parse(attribute, text)
        if not _close(found, wanted, self.elsewhere.coarseness):
            raise BenchError(f"{self.name} has {attribute} = {found!r} after it was set to {wanted!r}")

    def _setting(self, attribute: str, wanted: float) -> Setting:
        coarseness = self.elsewhere.coarseness

        def holds(text: str) -> bool:
            return _close(self.parse(attribute, text), wanted, coarseness)

        return Setting(f"{attribute} = {wanted!r}", attribute, holds, wanted)

    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        fields = reply.split("\t")
        if len(fields) != count + 1:
            raise BadReply(self.name, command, reply, f"{count + 1} values")
        errors = self.parse(command, fields[-1])
        if errors:
            raise self.fault(command, *self._first_error())
        return fields[:-1]

    def _first_error(self) -> tuple[int, str]:
        """The oldest error of the queue, which is emptied."""
        fields = self._exchange("print(errorqueue.next()) errorqueue.clear()").split("\t")
        if len(fields) < 2:
            return 0, "the error could not be read"
        return int(self.parse("errorqueue.next()", fields[0])), fields[1]


def _close(found: float, wanted: float, coarseness: float = 0.0) -> bool:
    # Instruments may keep a setting in single precision, but never as another value.
    return math.isclose(found, wanted, rel_tol=max(1e-6, coarseness))


def _expressions(text: str) -> list[str]:
    """What a print prints, at the commas that stand in no bracket; empty if its brackets do not match."""
    depth, found = 0, [""]
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or letter in "\"'":
            return []
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [] if depth else [expression.strip() for expression in found]
