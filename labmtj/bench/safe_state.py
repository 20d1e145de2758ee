"""Leaving a bench: the steps that make it safe, in an order that no failure and no signal changes."""

from __future__ import annotations

import enum
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from labmtj.config.model import FieldSourceModel, InstrumentModel, SwitchMatrixModel, ThermometerModel
from labmtj.errors import BenchError, ShutdownFailed


class Stage(enum.IntEnum):
    """The order of shutting down: no relay moves before every source is off, no session closes before.

    A magnet comes when the array is safe: its ramp takes seconds, and a junction may lie in its field meanwhile.
    """

    SOURCES = 0
    RELAYS = 1
    FIELD = 2
    SESSIONS = 3
    LEASES = 4


class SafeState:
    """The steps that make a bench safe, gathered while it is opened."""

    def __init__(self) -> None:
        self._steps: list[tuple[Stage, str, Callable[[], None]]] = []
        self._panics: list[Callable[[], None]] = []
        self._barred: Callable[[], bool] = lambda: False

    def add(self, stage: Stage, name: str, step: Callable[[], None]) -> None:
        """Add a step; within a stage the last one added runs first."""
        self._steps.insert(0, (stage, name, step))

    def add_panic(self, panic: Callable[[], None]) -> None:
        """Add what turns one source off blindly."""
        self._panics.append(panic)

    def bar(self, barred: Callable[[], bool]) -> None:
        """Say how to see whether somebody else has made the bench safe: its instruments are then left alone."""
        self._barred = barred

    def panic(self) -> None:
        """Turn all sources off at once; for a signal handler. Nothing is raised, and `reach` still does its steps."""
        if self._barred():
            return
        for panic in self._panics:
            with suppress(Exception):  # the next source, and then the orderly way, matter more than what went wrong
                panic()

    def reach(self, cause: BaseException | None) -> None:
        """Run every step, whatever fails. What failed is raised, or noted on `cause`, which is on its way already.

        A signal that comes meanwhile turns the sources off at once; another one gives up the step in hand, for
        an instrument may hang in it. Both act when the last step is done.
        """
        failures: list[tuple[str, BaseException]] = []
        with hurried_by_signals(self.panic):
            for stage, name, step in sorted(self._steps, key=lambda entry: entry[0]):
                if stage < Stage.SESSIONS and self._barred():
                    continue
                try:
                    step()
                except BaseException as error:  # whatever it is, every other step must still run
                    failures.append((name, error))
            self._steps.clear()
            self._panics.clear()
            if failures:
                problem = ShutdownFailed(failures)
                if cause is None:
                    raise problem from failures[0][1]
                cause.add_note(str(problem))


class GivenUp(BenchError):
    """A step of the shutdown that was given up since a signal asked to hurry."""


@contextmanager
def hurried_by_signals(panic: Callable[[], None]) -> Generator[None, None, None]:
    """Let Ctrl-C, SIGTERM and SIGHUP hurry a shutdown, and act at the end of the `with` block (main thread only).

    The first calls `panic`; each later one does so again, and raises GivenUp where the shutdown stands.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def hurry(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)
        panic()
        if len(came) > 1:
            raise GivenUp("given up at a signal that asked to hurry")

    kinds = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {kind: signal.signal(kind, hurry) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def leave_safe(
    safe: SafeState, name: str, model: InstrumentModel, device: Any, *, panic: bool = False, register: bool = False
) -> None:
    """Add what makes one instrument safe when the bench is left; there is nothing to do to a thermometer.

    `panic`: signals may turn its sources off in the middle of whatever is under way. Not those of a simulated
    instrument in this process, which would be called within itself. `register`: gates hang on its digital port, and
    its driver closes them once its sources are off.
    """
    if isinstance(model, SwitchMatrixModel):
        safe.add(Stage.RELAYS, f"open the relays of {name}", getattr(device, "shutdown", device.open_all))
    elif isinstance(model, FieldSourceModel):
        safe.add(Stage.FIELD, f"output of {name} off", device.shutdown)
    elif not isinstance(model, ThermometerModel):
        gates = ", gates closed" if register else ""
        safe.add(Stage.SOURCES, f"sources of {name} to 0 V and off{gates}", device.shutdown)
        if panic:
            safe.add_panic(getattr(device, "panic", device.shutdown))
