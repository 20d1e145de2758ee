"""Everything to zero, now: all instruments at once, each by a session of its own, and none waits for one that hangs.

Sources first, since a relay that moves with a source on is welded; but a source that does not answer keeps
the relays closed for a moment only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvisa

from labmtj.bench.reach import Target, dead_socket_port, device_on, free, identity_at, open_resource
from labmtj.config.model import (
    FieldSourceModel,
    InstrumentModel,
    SwitchMatrixModel,
    ThermometerModel,
)
from labmtj.drivers.loader import driver_of

WITHIN = 1.4  # [s] a bench of four instruments is safe, or what is not is known; the specification says 1.5 s
_RELAYS_WAIT = 0.6  # [s] chosen: how long relays wait for sources that do not answer
_TIMEOUT = 0.8  # [s] chosen: for one reply; both waves fit into WITHIN
_PROBE = 0.25  # [s] chosen: for *IDN? at a raw socket, which may be blocked; a live one answers in some milliseconds


@dataclass(frozen=True)
class Made:
    """What was done to one instrument: `seconds` after the beginning, and what went wrong, if anything."""

    name: str
    what: str
    seconds: float
    error: str = ""

    @property
    def safe(self) -> bool:
        """Whether the instrument has said that it is safe."""
        return not self.error


@dataclass(frozen=True)
class Prepared:
    """An instrument whose data sheet and driver are loaded."""

    target: Target
    model: InstrumentModel
    words: str
    later: bool


def prepare(targets: Sequence[Target]) -> list[Prepared]:
    """Load what is needed, so that nothing has to be read from disk when it matters; thermometers are left out."""
    found: list[Prepared] = []
    for target in targets:
        model = target.model()
        if isinstance(model, ThermometerModel):
            continue
        if isinstance(model, SwitchMatrixModel):
            words = "relays open"
        else:
            words = "field off" if isinstance(model, FieldSourceModel) else "sources at 0 V and off"
            words += ", gates closed" if target.register else ""
        driver_of(model, beside=Path(target.sheet))
        found.append(Prepared(target, model, words, isinstance(model, SwitchMatrixModel | FieldSourceModel)))
    return found


def make_safe(
    manager: pyvisa.ResourceManager,
    instruments: Sequence[Prepared],
    *,
    within: float = WITHIN,
    tell: Callable[[Made], None] = lambda made: None,
) -> list[Made]:
    """Make every instrument safe, in parallel; what is not done after `within` [s] is given up.

    Nothing is raised: what went wrong stands in the result, one entry an instrument, in their order. `tell` is called
    as each is done, from the thread that did it.
    """
    began = time.monotonic()
    quiet = threading.Event()
    sources = [entry for entry in instruments if not entry.later]
    made: dict[str, Made] = {}
    lock = threading.Lock()

    def one(entry: Prepared) -> None:
        error = ""
        try:
            if entry.later:
                quiet.wait(_RELAYS_WAIT)
            _one(manager, entry)
        except Exception as problem:  # whatever it is, it must not keep the relays waiting
            error = f"{type(problem).__name__}: {problem}"
        with lock:
            if entry.target.name in made:
                return  # given up already
            made[entry.target.name] = Made(entry.target.name, entry.words, time.monotonic() - began, error)
            if all(source.target.name in made for source in sources):
                quiet.set()
        tell(made[entry.target.name])

    if not sources:
        quiet.set()
    threads = [threading.Thread(target=one, args=(entry,), daemon=True) for entry in instruments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + within - time.monotonic()))
    late: list[Made] = []
    with lock:
        for entry in instruments:
            if entry.target.name not in made:
                text = f"did not answer within {within:g} s; what was sent may have arrived: look at it"
                made[entry.target.name] = Made(entry.target.name, entry.words, time.monotonic() - began, text)
                late.append(made[entry.target.name])
    for entry in late:
        tell(entry)
    return [made[entry.target.name] for entry in instruments]


def _one(manager: pyvisa.ResourceManager, entry: Prepared) -> None:
    """Make one instrument safe. Raises what drivers and PyVISA raise."""
    resource = _session(manager, entry.target)
    try:
        sheet, register = Path(entry.target.sheet), entry.target.register
        device, _ = device_on(resource, entry.target.name, entry.model, sheet, register=register)
        panic_of(device)()
    finally:
        resource.close()


def panic_of(device: Any) -> Callable[[], None]:
    """What makes an instrument safe at once: blind texts first, where its driver has them."""
    found = getattr(device, "panic", None) or getattr(device, "open_all", None)
    return found or device.shutdown


def _session(manager: pyvisa.ResourceManager, target: Target) -> Any:
    """A session with an instrument, by its own address, which is freed if it is blocked, or by the other one."""
    port = dead_socket_port(target)
    if port is not None:
        try:
            identity_at(manager, target.address, timeout=_PROBE)
        except (pyvisa.Error, OSError, ValueError):
            try:
                free(target.address, port, timeout=_PROBE)
            except OSError:
                port = None  # no such port there: the fallback, if there is one, or as it is
            if port is None and target.fallback is not None:
                return open_resource(manager, target.fallback, timeout=_TIMEOUT)
    try:
        return open_resource(manager, target.address, timeout=_TIMEOUT)
    except (pyvisa.Error, OSError, ValueError):
        if target.fallback is None:
            raise
    return open_resource(manager, target.fallback, timeout=_TIMEOUT)
