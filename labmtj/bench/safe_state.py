"""Leaving a bench: the steps that make it safe, in an order that no failure and no signal changes."""

from __future__ import annotations

import enum
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from labmtj.config.model import FieldSourceModel, InstrumentModel, SwitchMatrixModel, ThermometerModel
from labmtj.errors import ShutdownFailed


class Stage(enum.IntEnum):
    """The order of shutting down: no relay moves before every source is off, no session closes before.

    A magnet comes when the array is safe: its ramp takes seconds, and a junction may lie in its field meanwhile.
    """

    SOURCES = 0
    RELAYS = 1
    FIELD = 2
    SESSIONS = 3


class SafeState:
    """The steps that make a bench safe, gathered while it is opened."""

    def __init__(self) -> None:
        self._steps: list[tuple[Stage, str, Callable[[], None]]] = []

    def add(self, stage: Stage, name: str, step: Callable[[], None]) -> None:
        """Add a step; within a stage the last one added runs first."""
        self._steps.insert(0, (stage, name, step))

    def reach(self, cause: BaseException | None) -> None:
        """Run every step, whatever fails. What failed is raised, or noted on `cause`, which is on its way already.

        Signals wait until the last step is done: a second Ctrl-C must not leave a source on.
        """
        failures: list[tuple[str, BaseException]] = []
        with deferred_signals():
            for _, name, step in sorted(self._steps, key=lambda entry: entry[0]):
                try:
                    step()
                except BaseException as error:  # whatever it is, every other step must still run
                    failures.append((name, error))
        self._steps.clear()
        if failures:
            problem = ShutdownFailed(failures)
            if cause is None:
                raise problem
            cause.add_note(str(problem))


@contextmanager
def deferred_signals() -> Generator[None, None, None]:
    """Take note of Ctrl-C, SIGTERM and SIGHUP and let them act at the end of the `with` block (main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kinds = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {kind: signal.signal(kind, lambda number, _frame: came.append(number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def leave_safe(safe: SafeState, name: str, model: InstrumentModel, device: Any) -> None:
    """Add what makes one instrument safe when the bench is left; there is nothing to do to a thermometer."""
    if isinstance(model, SwitchMatrixModel):
        safe.add(Stage.RELAYS, f"open the relays of {name}", device.open_all)
    elif isinstance(model, FieldSourceModel):
        safe.add(Stage.FIELD, f"output of {name} off", device.shutdown)
    elif not isinstance(model, ThermometerModel):
        safe.add(Stage.SOURCES, f"sources of {name} to 0 V and off", device.shutdown)
