"""How much one message may ask of the simulated array, so that none keeps a server for minutes.

An instrument would be busy for hours with what some messages ask, and do it; here that takes no time but the
processor's. What is spent is counted in steps of the bench, not in seconds, so that a message always ends alike.
"""

from __future__ import annotations

import math

# chosen: a step takes some 10 us on one core, so that a message ends within about two seconds. A reading is four
# steps, a pulse of two channels fourteen, a new level some fifty (120 in a source's limit): 30,000 readings at one
# level come through, bursts of 10,000 pulses, and sweeps of 2500 points.
MOST = 150_000
SOLVE = 14  # steps of solving a network once


class TooMuch(Exception):
    """A message asked for more than `MOST` steps."""


class Effort:
    """Steps that were `spent`, and how many they may become with the message in hand; without one, any number."""

    def __init__(self) -> None:
        self.spent = 0
        self._most = math.inf

    def begin(self) -> None:
        """A message comes."""
        self._most = self.spent + MOST

    def end(self) -> None:
        """It is done."""
        self._most = math.inf

    def spend(self, steps: int) -> None:
        """Do something that costs this. Raises TooMuch."""
        self.spent += steps
        if self.spent > self._most:
            raise TooMuch
