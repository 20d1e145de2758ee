"""Keysight 81160A pulse generator, SCPI.

Commands: 81150A and 81160A User's Guide (period: page 142), and the driver of PyMeasure. A burst has at least
two cycles, so one pulse a trigger is the trigger count 1 with manual arming, which *TRG fires; that it fires
both channels at once is unverified. The load goes up to 1 Mohm; a junction of 5 kohm then gets 1 % less than
programmed, as behind any 50 ohm.
"""

from __future__ import annotations

from collections.abc import Iterable

from labmtj.drivers.burst_generator import BurstGenerator, Words


class Keysight81160A(BurstGenerator):
    """An 81160A; channels "1" and "2"."""

    INFINITE = 1.0e6

    def words(self, name: str) -> Words:
        """The headers of channel "1" or "2"; the number stands in their middle or at their end."""
        return Words(
            high=f":VOLT{name}:HIGH",
            low=f":VOLT{name}:LOW",
            width=f":PULS:WIDT{name}",
            period=f":PULS:PER{name}",
            edge=f":FUNC{name}:PULS:TRAN",
            polarity=f":OUTP{name}:POL",
            output=f":OUTP{name}",
            load=f":OUTP{name}:LOAD",
            count=f":TRIG{name}:COUN",
            source=f":ARM:SOUR{name}",
            bus="MAN",
        )

    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """Pulses whose width stays when the period changes, one a trigger."""
        return (
            (f":FUNC{name} PULS", f":FUNC{name}?", "PULS"),
            (f":PULS:HOLD{name} WIDT", f":PULS:HOLD{name}?", "WIDT"),
            (f":ARM:SOUR{name} MAN", f":ARM:SOUR{name}?", "MAN"),
        )
