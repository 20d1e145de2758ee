"""Keithley 2400 source-measure unit, SCPI.

Commands: 2400 Series SourceMeter User's Manual, 2400S-900-01 Rev. K (2011), section 18. `:READ?` answers
with the current alone, and not at all while the output is off: the time-out is then explained by error 803.
"""

from __future__ import annotations

from collections.abc import Iterable

from labmtj.drivers.scpi_source import ScpiSourceMeter, Words

_WORDS = Words(
    level=":SOUR:VOLT",
    source_range=":SOUR:VOLT:RANG",
    limit=":SENS:CURR:PROT",
    tripped=":SENS:CURR:PROT:TRIP?",
    nplc=":SENS:CURR:NPLC",
    current_range=":SENS:CURR:RANG",
    output=":OUTP",
    measure=":READ?",
)
_SETTINGS = (
    (":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT"),
    (':SENS:FUNC "CURR"', ":SENS:FUNC?", "CURR:DC"),
    (":FORM:ELEM CURR", ":FORM:ELEM?", "CURR"),
    (":SOUR:VOLT:RANG:AUTO 0", ":SOUR:VOLT:RANG:AUTO?", "0"),
    (":SENS:CURR:RANG:AUTO 0", ":SENS:CURR:RANG:AUTO?", "0"),
    # Off is then 0 V with a compliance of 0.5 % of the range (section 13): a line is never left floating.
    (":OUTP:SMOD NORM", ":OUTP:SMOD?", "NORM"),
)


class Keithley2400(ScpiSourceMeter):
    """A 2400; its one channel is called as the data sheet says."""

    def words(self, name: str) -> Words:
        """The headers; there is one channel."""
        del name
        return _WORDS

    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """Voltage source, ammeter, fixed ranges, 0 V when off."""
        del name
        return _SETTINGS

    def _reset(self) -> None:
        self._reset_on_same_terminals()
