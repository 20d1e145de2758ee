"""The PyVISA backend: `ResourceManager("<bench>@labmtj")` opens a simulated bench in this process.

It is pyvisa-sim's library with live instruments in place of dialogues: replies are handed out whole
instead of byte by byte, and device clear and status byte, which pyvisa-sim lacks, work. `<bench>` is
the name of a shipped bench or the path of a bench file. The library object carries the bench's virtual
clock as `clock`; a time-out passes on that clock.
"""

from __future__ import annotations

from typing import Any, SupportsInt

from pyvisa import constants, errors, rname
from pyvisa.constants import AccessModes, StatusCode
from pyvisa.typing import VISARMSession, VISASession
from pyvisa.util import LibraryPath
from pyvisa_sim.devices import Device, Devices
from pyvisa_sim.highlevel import SimVisaLibrary

from labmtj.twin.build import SimulatedBench, simulated_bench
from labmtj.twin.instrument import Instrument
from labmtj.twin.world import World


class LiveDevice(Device):
    """A pyvisa-sim device whose answers a simulated instrument gives."""

    def __init__(self, name: str, instrument: Instrument) -> None:
        super().__init__(name, b"")
        for kind in ("ASRL INSTR", "GPIB INSTR", "TCPIP INSTR", "TCPIP SOCKET", "USB INSTR", "USB RAW"):
            self.add_eom(kind, "\n", "\n")
        self.instrument = instrument

    def write(self, data: bytes) -> None:
        """Hand bytes to the instrument."""
        self.instrument.write(bytes(data))


class TwinVisaLibrary(SimVisaLibrary):
    """PyVISA's view of one simulated bench."""

    bench: SimulatedBench

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath]:
        """The bench that is opened when none is named."""
        return (LibraryPath("simulated-15x15"),)

    @property
    def clock(self) -> World:
        """The bench's virtual clock."""
        return self.bench.world

    def _init(self) -> None:
        self.sessions: dict[int, Any] = {}
        self.bench = simulated_bench(str(self.library_path))
        self.devices = Devices()
        for address, instrument in self.bench.instruments.items():
            self.devices.add_device(str(rname.parse_resource_name(address)), LiveDevice(address, instrument))

    def open(
        self,
        session: VISARMSession,
        resource_name: str,
        access_mode: AccessModes = AccessModes.no_lock,
        open_timeout: SupportsInt = constants.VI_TMO_IMMEDIATE,
    ) -> tuple[VISASession, StatusCode]:
        """Open a session; where nothing stands, pyvisa-sim would hand out a session that does not work."""
        opened, status = super().open(session, resource_name, access_mode, open_timeout)
        if status < 0:
            raise errors.VisaIOError(status)
        return opened, status

    def _session(self, session: int) -> Any:
        found = self.sessions.get(session)
        if found is None:
            raise errors.InvalidSession()
        return found

    def read(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        """Hand out a reply, up to its end, to `count` bytes or to the termination character."""
        found = self._session(session)
        if not isinstance(found.device, LiveDevice):
            return super().read(session, count)  # pyright: ignore[reportArgumentType]
        attributes = found.attrs
        stop = None
        if attributes.get(constants.ResourceAttribute.termchar_enabled):
            stop = int(attributes.get(constants.ResourceAttribute.termchar, 10))
        with self.bench.world.lock:
            data, end = found.device.instrument.read(count, stop)
            if not data:
                timeout = found.get_attribute(constants.ResourceAttribute.timeout_value)[0]
                self.bench.world.sleep(min(float(timeout), 3.6e6) / 1000)
                raise errors.VisaIOError(constants.VI_ERROR_TMO)
        if end:
            return data, StatusCode.success
        if stop is not None and data[-1] == stop:
            return data, StatusCode.success_termination_character_read
        return data, StatusCode.success_max_count_read

    def write(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        """Send bytes to an instrument; it has acted on complete messages when this returns."""
        found = self._session(session)
        with self.bench.world.lock:
            found.device.write(data)
        return len(data), StatusCode.success

    def clear(self, session: int) -> StatusCode:
        """Device clear."""
        found = self._session(session)
        if isinstance(found.device, LiveDevice):
            with self.bench.world.lock:
                found.device.instrument.clear()
        return StatusCode.success

    def read_stb(self, session: int) -> tuple[int, StatusCode]:
        """Status byte: bit 4 says that a reply waits."""
        device = self._session(session).device
        waiting = isinstance(device, LiveDevice) and device.instrument.waiting
        return (16 if waiting else 0), StatusCode.success
