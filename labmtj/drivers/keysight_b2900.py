"""Keysight B2900 source-measure units, SCPI: channels "1" and "2" of a B2902A or a relative.

Commands: Keysight B2900 SCPI Command Reference, subsystems SOURce, SENSe, OUTPut, MEASure. Output-off modes
are those of the B2961A/B2962A reference, Edition 6, 4-66 and 4-67.
"""

from __future__ import annotations

from collections.abc import Iterable

from labmtj.drivers.scpi_source import ScpiSourceMeter, Words


class KeysightB2900(ScpiSourceMeter):
    """A B2902A; both channels are independent."""

    ABORT = ":ABOR:ALL (@1,2)"  # without a list it would be channel 1

    def words(self, name: str) -> Words:
        """The headers of channel "1" or "2"; a measurement names its channel in a list."""
        return Words(
            level=f":SOUR{name}:VOLT",
            source_range=f":SOUR{name}:VOLT:RANG",
            limit=f":SENS{name}:CURR:PROT",
            tripped=f":SENS{name}:CURR:PROT:TRIP?",
            nplc=f":SENS{name}:CURR:NPLC",
            current_range=f":SENS{name}:CURR:RANG",
            output=f":OUTP{name}",
            measure=f":MEAS:CURR? (@{name})",
        )

    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """Voltage source, fixed ranges, 0 V when off (NORM would open the relay), no output that turns on by itself."""
        return (
            (f":SOUR{name}:FUNC:MODE VOLT", f":SOUR{name}:FUNC:MODE?", "VOLT"),
            (f":SOUR{name}:VOLT:RANG:AUTO 0", f":SOUR{name}:VOLT:RANG:AUTO?", "0"),
            (f":SENS{name}:CURR:RANG:AUTO 0", f":SENS{name}:CURR:RANG:AUTO?", "0"),
            (f":OUTP{name}:OFF:MODE ZERO", f":OUTP{name}:OFF:MODE?", "ZERO"),
            (f":OUTP{name}:ON:AUTO 0", f":OUTP{name}:ON:AUTO?", "0"),
        )
