"""What every SCPI instrument knows: common commands, the STATus and the SYSTem:ERRor subsystems.

IEEE 488.2-1992 section 10; SCPI-1999 volume 2, sections 20 (STATus) and 21 (SYSTem).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labmtj.twin.scpi.call import Call
from labmtj.twin.status import COMPLETE, MASTER, Register

if TYPE_CHECKING:
    from labmtj.twin.scpi.engine import ScpiEngine

_BYTE, _WORD = (0, 255), (0, 65535)
_SHORT = {"operation": "OPERation", "questionable": "QUEStionable", "measurement": "MEASurement"}


def add_standard(engine: ScpiEngine) -> None:
    """Add all of them to an engine."""
    _add_common(engine)
    _add_errors(engine)
    for name in engine.dialect.registers:
        _add_register(engine, f":STATus:{_SHORT[name]}", engine.status.registers[name])
    engine.add(":STATus:PRESet", set=lambda _: engine.status.preset(), most=0)


def _add_common(engine: ScpiEngine) -> None:
    status = engine.status

    def set_ese(call: Call) -> None:
        status.ese = call.integer(0, bounds=_BYTE)

    def set_sre(call: Call) -> None:
        status.sre = call.integer(0, bounds=_BYTE) & ~MASTER

    def store(call: Call) -> None:
        call.integer(0, bounds=_BYTE)

    def identity(_: Call) -> str:
        return engine.identity

    engine.add("*IDN", get=identity, most=0)
    engine.add("*RST", set=lambda _: engine.reset(), most=0)
    engine.add("*CLS", set=lambda _: engine.clear_status(), most=0)
    engine.add("*ESR", get=lambda _: str(status.read_events()), most=0)
    engine.add("*ESE", set=set_ese, get=lambda _: str(status.ese))
    engine.add("*SRE", set=set_sre, get=lambda _: str(status.sre))
    engine.add("*STB", get=lambda _: str(engine.status_byte(waiting=engine.answered)), most=0)
    engine.add("*OPC", set=lambda _: status.report(COMPLETE), get=lambda _: "1", most=0)
    engine.add("*WAI", set=lambda _: None, most=0)  # every command here is done when the next one begins
    engine.add("*TRG", set=lambda _: engine.fire(), most=0)
    engine.add("*TST", get=lambda _: "0", most=0)
    engine.add("*OPT", get=lambda _: engine.dialect.options, most=0)
    engine.add("*SAV", set=store)
    engine.add("*RCL", set=store)


def _add_errors(engine: ScpiEngine) -> None:
    def codes(entries: list[str]) -> str:
        return ",".join(entry.partition(",")[0] for entry in entries)

    def forget(_: Call) -> None:
        engine.errors.clear()

    def accept(_: Call) -> None:
        """Which errors are kept is not a setting of the twin."""

    engine.add(":SYSTem:ERRor[:NEXT]", get=lambda _: engine.next_error(), most=0)
    engine.add(":SYSTem:ERRor:ALL", get=lambda _: ",".join(engine.all_errors()), most=0)
    engine.add(":SYSTem:ERRor:COUNt", get=lambda _: str(len(engine.errors)), most=0)
    engine.add(":SYSTem:ERRor:CODE[:NEXT]", get=lambda _: codes([engine.next_error()]), most=0)
    engine.add(":SYSTem:ERRor:CODE:ALL", get=lambda _: codes(engine.all_errors()), most=0)
    engine.add(":SYSTem:VERSion", get=lambda _: engine.dialect.version, most=0)
    if engine.dialect.queue_headers:  # Keithley's names for the same queue: Model 2400 User's Manual, section 18
        engine.add(":SYSTem:CLEar", set=forget, most=0)
        engine.add(":STATus:QUEue:CLEar", set=forget, most=0)
        engine.add(":STATus:QUEue[:NEXT]", get=lambda _: engine.next_error(), most=0)
        engine.add(":STATus:QUEue:ENABle|DISable", set=accept)


def _add_register(engine: ScpiEngine, header: str, register: Register) -> None:
    def set_enable(call: Call) -> None:
        register.enable = call.integer(0, bounds=_WORD) & 0x7FFF

    def set_rising(call: Call) -> None:
        register.rising = call.integer(0, bounds=_WORD) & 0x7FFF

    def set_falling(call: Call) -> None:
        register.falling = call.integer(0, bounds=_WORD) & 0x7FFF

    engine.add(f"{header}[:EVENt]", get=lambda _: str(register.read()), most=0)
    engine.add(f"{header}:CONDition", get=lambda _: str(register.condition), most=0)
    engine.add(f"{header}:ENABle", set=set_enable, get=lambda _: str(register.enable))
    engine.add(f"{header}:PTRansition", set=set_rising, get=lambda _: str(register.rising))
    engine.add(f"{header}:NTRansition", set=set_falling, get=lambda _: str(register.falling))
