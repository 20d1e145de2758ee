"""What stands between this process and a bench that others can reach: leases, a fence, a guardian.

A bench that lives in this process alone, a simulated one, needs none of them: it ends with the process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pyvisa

from labmtj.bench.fence import Beat, SharedFence
from labmtj.bench.guard import Guard
from labmtj.bench.lease import Leases
from labmtj.bench.reach import Target, find_way, identity_of, is_socket, targets
from labmtj.bench.watched import WatchedContact, WatchedNeurons, watched
from labmtj.config.bench import BenchFile
from labmtj.config.model import InstrumentModel
from labmtj.errors import BenchError, Fenced
from labmtj.interrupts import shielded
from labmtj.ports import ArrayAccess, ContactCheck, NeuronAccess


class Custody:
    """This process has the bench, until it leaves or is shut out. Raises Busy if another one has an instrument."""

    def __init__(self, file: BenchFile, manager: pyvisa.ResourceManager, *, report: Path | None = None) -> None:
        bench = file.bench
        self.fence = SharedFence.made()
        self._leases = Leases(bench.title, self.fence.path)
        self._guard: Guard | None = None
        self._missing: dict[str, BenchError] = {}
        self._waking: Callable[[], None] | None = None
        silence = bench.wait.silence + bench.wait.after_relay + bench.wait.after_source
        self.beat = Beat(self.fence, silence=silence, alive=self._check_guard)
        try:
            self._places = {target.name: target for target in self._taken(targets(file), manager)}
            self._guard = Guard(
                {
                    "pid": os.getpid(),
                    "bench": bench.title,
                    "library": bench.visa,
                    "fence": str(self.fence.path),
                    "report": None if report is None else str(report.resolve()),
                    "instruments": [target.record() for target in self._places.values()],
                },
                self._leases.handles,
            )
        except BaseException:
            self._leases.release()
            self.fence.remove()
            raise
        self._waking = _on_waking(self.fence.check)

    def address(self, name: str) -> str:
        """Where an instrument answers: its address, or its fallback. Raises BenchError if it does not."""
        if name in self._missing:
            raise self._missing[name]
        return self._places[name].address

    def identified(self, name: str, model: InstrumentModel, serial: str) -> None:
        """The instrument says who it is: hold its lease, whatever address it was reached by. Raises Busy."""
        self._leases.take_identity(name, identity_of(model.identity.model, serial))

    def arm(self) -> None:
        """Everything is connected: wait for the guardian before an output turns on. Raises BenchError."""
        if self._guard is not None:
            self._guard.arm()

    def watch(self, array: ArrayAccess) -> ArrayAccess:
        """The array, each request to it a transaction."""
        return watched(array, self.beat)

    def watch_neurons(self, neurons: NeuronAccess) -> NeuronAccess:
        """The neurons, each request to them a transaction."""
        return WatchedNeurons(neurons, self.beat)

    def watch_contact(self, check: ContactCheck) -> ContactCheck:
        """The check of the lines as one transaction."""
        return WatchedContact(check, self.beat)

    def leave(self) -> None:
        """Let the guardian go and give the leases back; to the guardian, if it is still at work."""
        if self._waking is not None:
            self._waking()
        if self.fence.shut:
            self._leases.leave()
        if self._guard is not None:
            self._guard.let_go()
        self._leases.release()
        self.fence.remove()

    def _taken(self, found: list[Target], manager: pyvisa.ResourceManager) -> list[Target]:
        """Where instruments answer, with leases of all; nothing but *IDN? is sent, and only where it must be.

        One that does not answer is said when its address is asked for.
        """
        known = {target.name: self._leases.take_address(target.name, target.address) for target in found}
        places: list[Target] = []
        for target in found:
            address, identity = target.address, known[target.name]
            if identity is not None:
                self._leases.take_identity(target.name, identity)
            if identity is None or is_socket(target.address) or target.fallback is not None:
                try:
                    address, identity = find_way(manager, target, ours=identity is not None)
                except BenchError as error:
                    self._missing[target.name] = error
            if identity is not None:
                self._leases.take_identity(target.name, identity)
            places.append(replace(target, address=address))
        return places

    def _check_guard(self) -> None:
        if self._guard is not None:
            self._guard.check()


def _on_waking(check: Callable[[], None]) -> Callable[[], None] | None:
    """Look at the fence when this process goes on after it was stopped; what takes that back (main thread only)."""
    if not hasattr(signal, "SIGCONT") or threading.current_thread() is not threading.main_thread():
        return None

    def woken(number: int, frame: FrameType | None) -> None:
        del number, frame
        try:
            check()
        except Fenced as error:
            shielded.interrupt(error)

    before: Any = signal.signal(signal.SIGCONT, woken)

    def restore() -> None:
        signal.signal(signal.SIGCONT, before)

    return restore
