"""Kepco BOP bipolar supply with a BIT 4886 or 802E interface, SCPI, as a source of current for a magnet.

Commands: BIT 4886 Operator Manual, P/N 243-1303, appendix B, of which page B-2 was read; the others are those of
PyMeasure's driver of the BOP 36-12 (KepcoBOP3612), and unverified. FUNC:MODE is answered by 0 (volts) or 1 (amperes).
In current mode VOLT is the limit of the voltage, in both directions. Numbers have at most 8 digits after the point:
the card passes over longer ones without an error, so what is sent is written out and read back.
"""

from __future__ import annotations

from labmtj.config.model import FieldSourceModel
from labmtj.drivers.exchange import Meaning
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BenchError, LimitExceeded


class KepcoBop:
    """A supply in current mode; its output goes on and off at 0 A."""

    LINK = ScpiLink

    def __init__(self, link: ScpiLink, model: FieldSourceModel) -> None:
        self.link, self.model = link, model

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not.

        The card writes its calibration date behind the supply's ratings: "BIT 4886 36-12  08-04-2023".
        """
        _, found, serial, _ = self.link.identify()
        wanted = {name.split()[-1] for name in (self.model.identity.model, *self.model.accepts)}
        if not wanted & set(found.split()):
            raise BenchError(
                f"{self.link.name} should be a {self.model.identity.model} but says it is a {found}: check its address"
            )
        return serial

    def setup(self, *, compliance: float) -> None:
        """Current mode at 0 A with this limit of the voltage [V]; the output is off after it.

        A supply that is found on goes to 0 A as fast as its voltage lets the coil. Raises LimitExceeded for a
        limit beyond the rating, with nothing sent.
        """
        if not 0 < compliance <= self.model.voltage * (1 + 1e-9):
            raise LimitExceeded(
                f"{self.link.name}: a compliance of {compliance:g} V is not up to {self.model.voltage:g} V"
            )
        self.link.forget()
        self.link.send("*CLS")
        self.link.confirm(":OUTP 0", ":OUTP?", "0")
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.confirm(":FUNC:MODE CURR", ":FUNC:MODE?", "1")
        # The card changes its range at a quarter of full scale by itself, and that may put a spike on the output.
        self.link.confirm(":CURR:RANG 1", ":CURR:RANG?", "1")
        self.current = 0.0
        self._assign(":VOLT", compliance, self.model.voltage * self.model.resolution / self.model.current)

    @property
    def current(self) -> float:
        """Control the programmed current [A] out of the positive terminal; beyond the rating it is refused."""
        return self.link.number(":CURR?")

    @current.setter
    def current(self, amperes: float) -> None:
        if not abs(amperes) <= self.model.current * (1 + 1e-9):
            raise LimitExceeded(f"{self.link.name}: {amperes:g} A is beyond its {self.model.current:g} A")
        self._assign(":CURR", amperes, self.model.resolution)

    @property
    def output_enabled(self) -> bool:
        """Control the output; off brings volts and amperes to zero."""
        return self.link.values([":OUTP?"])[0] == "1"

    @output_enabled.setter
    def output_enabled(self, enabled: bool) -> None:
        word = "1" if enabled else "0"
        self.link.confirm(f":OUTP {word}", ":OUTP?", word, output=True)

    def measure_current(self) -> float:
        """Measure the current [A], a mean over the last conversions; see `timing.averaging` of the data sheet."""
        return self.link.measure(":MEAS:CURR?")

    def measure_voltage(self) -> float:
        """Measure the voltage at the terminals [V]."""
        return self.link.measure(":MEAS:VOLT?")

    def clear(self) -> None:
        """Drop what was not read, and all errors."""
        self.link.clear()
        self.link.send("*CLS")

    def shutdown(self) -> None:
        """Program 0 A and turn the output off, and see that it is; errors are dropped first and last.

        A field is ramped down before (labmtj.bench.magnet): from here the current falls as fast as it can.
        """
        self.link.silence(":CURR 0", ":OUTP 0", "*CLS")
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the output is told to go off."""
        self.link.panic([":CURR 0", ":OUTP 0"], [":CURR 0", ":OUTP 0", "*CLS"], self._see)

    def _see(self) -> None:
        if self.output_enabled:
            raise BenchError(f"{self.link.name}: its output is still on")

    def _assign(self, header: str, value: float, resolution: float) -> None:
        """Set a number, written with the digits that the card takes, and read it back.

        What reads back is on the converter's steps, and within its calibration.
        """
        found = self.link.number(f"{header}?", after=f"{header} {value:.5f}")
        if not abs(found - value) <= 2 * resolution:
            raise BenchError(f"{self.link.name} answers {found!r} to {header}? after it was set to {value!r}")
