"""Where a signal may interrupt: anywhere but in places that must be gone through as a whole.

A handler that raises may do so between any two instructions. In the middle of a journal's line, or inside a simulated
instrument of the same process (a real one goes on by itself), that would leave something half done that nobody
notices. Such places are `shielded`: what was to be raised is raised at their end.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType


class _Shield:
    """Signals are handled on the main thread only, so that other threads pass through."""

    def __init__(self) -> None:
        self._depth = 0
        self._pending: BaseException | None = None

    def __enter__(self) -> None:
        self._depth += threading.current_thread() is threading.main_thread()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        pending = self._pending
        if self._depth == 0 and pending is not None:
            self._pending = None
            raise pending

    def interrupt(self, error: BaseException) -> None:
        """Raise `error` here, or where the shielded place ends. To be called by handlers of signals."""
        if self._depth:
            self._pending = error
        else:
            raise error


shielded = _Shield()  # one for the process, as the handlers of signals are


def leave_with_parent() -> None:
    """End this process at once when the one that started it through `multiprocessing` has gone, killed or not."""
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is None:
        return

    def leave(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=leave, args=(parent.sentinel,), daemon=True).start()
