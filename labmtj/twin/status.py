"""Status reporting of one instrument: IEEE 488.2-1992 section 11 and SCPI-1999 volume 1, section 5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ERRORS, WAITING, EVENTS, MASTER = 4, 16, 32, 64  # status byte: EAV, MAV, ESB, MSS (or RQS in a serial poll)
POWER_ON, COMMAND, EXECUTION, DEVICE, QUERY, COMPLETE = 128, 32, 16, 8, 4, 1  # standard event status register

# Bit of the status byte by register.  "measurement" is Keithley's (Model 2400 User's Manual, section 15).
SUMMARIES: Mapping[str, int] = {"measurement": 1, "questionable": 8, "operation": 128}
_ALL = 0x7FFF  # SCPI registers are 15 bits wide, so that no reply looks negative


@dataclass
class Register:
    """One SCPI register: a condition, the transitions that latch an event, and which events are summed up.

    `summary_bit` is this register's bit in the status byte.
    """

    summary_bit: int
    condition: int = 0
    event: int = 0
    enable: int = 0
    rising: int = _ALL
    falling: int = 0

    def change(self, condition: int) -> None:
        """Take a new condition; bits that rise or fall as the filters say are latched in the event register."""
        condition &= _ALL
        rose, fell = condition & ~self.condition, self.condition & ~condition
        self.condition = condition
        self.event |= (rose & self.rising) | (fell & self.falling)

    def latch(self, bits: int) -> None:
        """Latch events that have no lasting condition."""
        self.event |= bits & _ALL

    def read(self) -> int:
        """The event register, which reading clears."""
        event, self.event = self.event, 0
        return event

    def preset(self) -> None:
        """What STATus:PRESet does: nothing summed up, rises latched, falls not; events stay."""
        self.enable, self.rising, self.falling = 0, _ALL, 0

    @property
    def summary(self) -> bool:
        """Whether an enabled event is latched."""
        return bool(self.event & self.enable)


def _registers() -> dict[str, Register]:
    return {name: Register(bit) for name, bit in SUMMARIES.items()}


@dataclass
class Status:
    """All status registers of one instrument; a new one has just been switched on (bit 128 of the ESR)."""

    esr: int = POWER_ON
    ese: int = 0
    sre: int = 0
    registers: dict[str, Register] = field(default_factory=_registers)

    def report(self, bits: int) -> None:
        """Set bits of the standard event status register."""
        self.esr |= bits & 0xFF

    def read_events(self) -> int:
        """What *ESR? gives: the register, which reading clears."""
        esr, self.esr = self.esr, 0
        return esr

    def clear(self) -> None:
        """What *CLS does to registers: all events forgotten, enable registers kept."""
        self.esr = 0
        for register in self.registers.values():
            register.event = 0

    def preset(self) -> None:
        """STATus:PRESet; the IEEE 488.2 registers are not touched."""
        for register in self.registers.values():
            register.preset()

    def byte(self, *, waiting: bool, errors: bool) -> int:
        """The status byte with MSS in bit 6; `waiting`: a reply can be read, `errors`: the error queue is not empty."""
        found = (ERRORS if errors else 0) | (WAITING if waiting else 0) | (EVENTS if self.esr & self.ese else 0)
        for register in self.registers.values():
            if register.event & register.enable:
                found |= register.summary_bit
        return found | (MASTER if found & self.sre & ~MASTER else 0)


def event_bit(code: int) -> int:
    """Bit of the standard event status register that an error sets (SCPI-1999 volume 2, section 21.8)."""
    classes = {1: COMMAND, 2: EXECUTION, 3: DEVICE, 4: QUERY, 5: POWER_ON, 6: 64, 7: 2, 8: COMPLETE}
    return classes.get(-code // 100, DEVICE) if code < 0 else DEVICE
