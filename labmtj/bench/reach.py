"""Reaching an instrument, also one whose raw socket a dead process has left blocked.

Keithley's TSP instruments serve one raw socket at a time. When a host dies with it open, nobody else gets in until the
instrument is switched off and on, or until somebody connects to the dead-socket port and closes again, which
ends all of its Ethernet connections (Models 707B and 708B Reference Manual, 707B-901-01, and Series 2600B Reference
Manual, 2600BS-901-01: "dead socket termination", port 5030). A bench may also name another interface: `fallback`.
"""

from __future__ import annotations

import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyvisa
from pyvisa import rname

from labmtj.bench.transport import Fence, GuardedTransport, Heartbeat, MessageGate
from labmtj.config.adapters import AdapterEntry
from labmtj.config.bench import BenchFile, with_driver
from labmtj.config.model import InstrumentModel, load_model
from labmtj.drivers.link import TspLink
from labmtj.drivers.loader import driver_of
from labmtj.errors import BenchError, InputError, LabmtjError

DEAD_SOCKET = 5030  # TSP instruments' port for dead socket termination; the manuals above
_RECOVERY = 0.2  # [s] chosen: what an instrument gets to close its sockets before the next try
_OPENING = 5.0  # [s] chosen: to open a session or to answer *IDN?


@dataclass(frozen=True)
class Target:
    """Where an instrument stands: what another process needs to know to reach it."""

    name: str
    address: str
    sheet: str
    fallback: str | None = None
    dead_socket: int | None = None
    register: bool = False
    """Its digital port opens the gates of a chip."""
    driver: str | None = None
    adapter: dict[str, Any] | None = None
    """The bench's own driver of it, where the data sheet's is not used."""

    def model(self) -> InstrumentModel:
        """Its data sheet, with the bench's driver."""
        adapter = None if self.adapter is None else AdapterEntry.model_validate(self.adapter)
        return with_driver(load_model(Path(self.sheet)), self.driver, adapter)

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def targets(file: BenchFile) -> list[Target]:
    """All instruments of a bench."""
    return [
        Target(
            name,
            entry.address,
            str(file.model_file(name).resolve()),
            entry.fallback,
            entry.dead_socket,
            file.bench.register == name,
            entry.driver,
            None if entry.adapter is None else entry.adapter.model_dump(),
        )
        for name, entry in file.bench.instruments.items()
    ]


def resource_manager(file: BenchFile) -> pyvisa.ResourceManager:
    """PyVISA's manager of the library that a bench names. Raises InputError."""
    try:
        return pyvisa.ResourceManager(library_path(file))
    except LabmtjError:
        raise  # what is wrong with a simulated bench
    except (pyvisa.Error, OSError, ValueError) as error:
        raise InputError(f"PyVISA cannot open the library {file.bench.visa!r}: {error}") from error


def library_path(file: BenchFile) -> str:
    """The PyVISA library of a bench; the twin's is told which file to simulate."""
    if file.bench.visa == "@labmtj":
        if file.source.path is None:
            raise InputError("a simulated bench needs a file on disk")
        return f"{file.source.path}@labmtj"
    return file.bench.visa


def open_resource(manager: pyvisa.ResourceManager, address: str, *, timeout: float) -> Any:
    """A session with lines that end with a line feed. Raises what PyVISA raises."""
    milliseconds = 1000 * timeout
    parsed = _parsed(address)
    options: dict[str, Any] = {"open_timeout": int(milliseconds)} if isinstance(parsed, rname.TCPIPSocket) else {}
    resource: Any = manager.open_resource(address, **options)
    resource.read_termination = resource.write_termination = "\n"
    resource.timeout = milliseconds
    return resource


def identity_at(manager: pyvisa.ResourceManager, address: str, *, timeout: float = _OPENING) -> str:
    """Who answers at an address, as "model/serial"; asked in a session of its own, with nothing but *IDN?."""
    resource = open_resource(manager, address, timeout=timeout)
    try:
        parts = [part.strip() for part in str(resource.query("*IDN?")).split(",")]
    finally:
        resource.close()
    if len(parts) != 4:
        raise ValueError(f"*IDN? is answered by {','.join(parts)!r}")
    return identity_of(parts[1], parts[2])


def identity_of(model: str, serial: str) -> str:
    """An instrument's model and serial number, whatever words its maker puts before the model."""
    return f"{model.rsplit(maxsplit=1)[-1]}/{serial}"


def is_socket(address: str) -> bool:
    """Whether this is a raw socket, which has no device clear and may be left blocked."""
    return isinstance(_parsed(address), rname.TCPIPSocket)


def find_way(
    manager: pyvisa.ResourceManager, target: Target, *, ours: bool, timeout: float = _OPENING
) -> tuple[str, str]:
    """The address at which an instrument answers, and who it is: its own, freed if it is blocked, or its fallback.

    `ours`: its lease is held, so that a socket that is blocked cannot be that of somebody at work. Raises BenchError
    that says what was tried, and what to do at the front panel.
    """
    tried: list[str] = []
    try:
        return target.address, identity_at(manager, target.address, timeout=timeout)
    except (pyvisa.Error, OSError, ValueError) as error:
        tried.append(f"nothing answers at {target.address}: {_plain(error)}")
        first = error
    port = dead_socket_port(target)
    if port is not None and ours:
        try:
            free(target.address, port, timeout=timeout)
            return target.address, identity_at(manager, target.address, timeout=timeout)
        except (pyvisa.Error, OSError, ValueError) as error:
            tried.append(f"its dead-socket port {port} was used, and still: {error}")
    if target.fallback is not None:
        try:
            return target.fallback, identity_at(manager, target.fallback, timeout=timeout)
        except (pyvisa.Error, OSError, ValueError) as error:
            tried.append(f"nor at its fallback {target.fallback}: {error}")
    advice = ". Is it switched on and connected, and is that its address? labmtj discover lists what answers"
    if is_socket(target.address):
        advice = (
            f". A process that died may have left the raw socket blocked: switch {target.name} off and on at its front "
            "panel (its outputs go off and its relays open), or name another interface under instruments."
            f"{target.name}.fallback"
        )
    raise BenchError(f"{target.name}: {'; '.join(tried)}{advice}") from first


def dead_socket_port(target: Target) -> int | None:
    """The port that frees the raw socket of an instrument; None if it has none."""
    if not is_socket(target.address):
        return None
    if target.dead_socket is not None:
        return target.dead_socket
    driver = driver_of(target.model(), beside=Path(target.sheet))
    return DEAD_SOCKET if getattr(driver, "LINK", None) is TspLink else None


def free(address: str, port: int, *, timeout: float) -> None:
    """End all Ethernet connections of an instrument: connect to its dead-socket port, and close. Raises OSError."""
    parsed: Any = _parsed(address)
    with socket.create_connection((parsed.host_address, port), timeout=timeout):
        pass
    time.sleep(_RECOVERY)


def device_on(
    resource: Any,
    name: str,
    model: InstrumentModel,
    sheet: Path,
    *,
    fence: Fence | None = None,
    gate: MessageGate | None = None,
    heartbeat: Heartbeat | None = None,
    register: bool = False,
) -> tuple[Any, GuardedTransport]:
    """The driver of an instrument over an open session, and what it speaks through.

    `register`: gates hang on its digital port, which making it safe then closes. Raises InputError where it has none.
    """
    driver = driver_of(model, beside=sheet)
    transport = GuardedTransport(resource, fence=fence, gate=gate, heartbeat=heartbeat)
    link = getattr(driver, "LINK", TspLink)(transport, f"{name} ({model.title})")
    device = driver(link, model)
    if register:
        if not hasattr(device, "hold_gates"):
            raise InputError(f"{name} ({model.title}) has no digital port that could open gates")
        device.hold_gates()
    return device, transport


def _parsed(address: str) -> Any:
    try:
        return rname.parse_resource_name(address)
    except rname.InvalidResourceName:
        return None  # a name that only the VISA library knows


def _plain(error: BaseException) -> str:
    """What an error says, without the full stop that some of PyVISA's end with."""
    return str(error).rstrip(".")
