"""Keithley 2450 source-measure unit in its SCPI mode.

Commands: Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), section 6 (limit: 6-71, output-off state:
6-31). The same box may speak TSP or imitate a 2400: `*LANG?` tells.
"""

from __future__ import annotations

from collections.abc import Iterable

from labmtj.drivers.scpi_source import ScpiSourceMeter, Words
from labmtj.errors import BenchError

_WORDS = Words(
    level=":SOUR:VOLT",
    source_range=":SOUR:VOLT:RANG",
    limit=":SOUR:VOLT:ILIM",
    tripped=":SOUR:VOLT:ILIM:TRIP?",
    nplc=":SENS:CURR:NPLC",
    current_range=":SENS:CURR:RANG",
    output=":OUTP",
    measure=":READ?",
)
_SETTINGS = (
    (":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT"),
    (':SENS:FUNC "CURR"', ":SENS:FUNC?", "CURR:DC"),
    (":SOUR:VOLT:RANG:AUTO 0", ":SOUR:VOLT:RANG:AUTO?", "0"),
    (":SENS:CURR:RANG:AUTO 0", ":SENS:CURR:RANG:AUTO?", "0"),
    # Off is then 0 V with a limit of 10 % of the range (2-82): a line is never left floating.
    (":OUTP:VOLT:SMOD NORM", ":OUTP:VOLT:SMOD?", "NORM"),
)


class Keithley2450(ScpiSourceMeter):
    """A 2450; its one channel is called as the data sheet says."""

    def words(self, name: str) -> Words:
        """The headers; there is one channel."""
        del name
        return _WORDS

    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """Voltage source, ammeter, fixed ranges, 0 V when off."""
        del name
        return _SETTINGS

    def identify(self) -> str:
        """Check model and language; return the serial number. Raises BenchError if one of them is wrong."""
        serial = super().identify()
        language = self.link.query("*LANG?").strip()
        if language != "SCPI":
            raise BenchError(
                f"{self.link.name} speaks {language}, not SCPI: choose SCPI under MENU, Settings, Command Set"
            )
        return serial

    def _reset(self) -> None:
        self._reset_on_same_terminals()
