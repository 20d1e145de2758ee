"""Keysight 33500 series waveform generators (33522B and relatives) as a pulse source, SCPI.

Commands: Agilent 33500 Series Operating and Service Guide (pulse: page 69, load: 61, burst: 177). A burst of
one cycle on the bus trigger; `*OPC?` answers when the burst is over.
"""

from __future__ import annotations

from collections.abc import Iterable

from labmtj.drivers.burst_generator import BurstGenerator, Words


class Keysight33500(BurstGenerator):
    """A 33522B; channels "1" and "2"."""

    def words(self, name: str) -> Words:
        """The headers of channel "1" or "2"."""
        return Words(
            high=f":SOUR{name}:VOLT:HIGH",
            low=f":SOUR{name}:VOLT:LOW",
            width=f":SOUR{name}:FUNC:PULS:WIDT",
            period=f":SOUR{name}:FUNC:PULS:PER",
            edge=f":SOUR{name}:FUNC:PULS:TRAN",
            polarity=f":OUTP{name}:POL",
            output=f":OUTP{name}",
            load=f":OUTP{name}:LOAD",
            count=f":SOUR{name}:BURS:NCYC",
            source=f":TRIG{name}:SOUR",
            bus="BUS",
        )

    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """Pulses whose width stays when the period changes, one a trigger."""
        return (
            (f":SOUR{name}:FUNC PULS", f":SOUR{name}:FUNC?", "PULS"),
            (f":SOUR{name}:FUNC:PULS:HOLD WIDT", f":SOUR{name}:FUNC:PULS:HOLD?", "WIDT"),
            (f":SOUR{name}:BURS:MODE TRIG", f":SOUR{name}:BURS:MODE?", "TRIG"),
            (f":TRIG{name}:SOUR BUS", f":TRIG{name}:SOUR?", "BUS"),
            (f":SOUR{name}:BURS:STAT 1", f":SOUR{name}:BURS:STAT?", "1"),
        )
