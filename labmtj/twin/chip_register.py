"""The card that a chip sits on: the register behind an instrument's digital port, and the rails of open gates."""

from __future__ import annotations

from labmtj.gate_register import Gates, Latches
from labmtj.twin.hookup import OpenGates


class GateCard:
    """Opens gates of `kernels` kernels of `rows` rows as the digital lines of the instrument `port` say.

    `read` and `write` [V] are the rails of open gates. In the `dead` kernels (from 1) no gate opens; a gate line that
    is `broken` (a row from 1) opens in none.
    """

    def __init__(self, port: str, *, read: float, write: float, kernels: int, rows: int) -> None:
        self.port, self._volts, self._kernels, self._lines = port, {False: read, True: write}, kernels, (1 << rows) - 1
        self._latches = Latches()
        self._gates: Gates | None = None  # what they hold open
        self.dead: set[int] = set()
        self.broken: set[int] = set()

    def take(self, level: int) -> tuple[Gates | None, Gates | None]:
        """The port now has this level: the gates that the register held open, and those that it does now."""
        before = self._gates
        self._latches.take(level)
        self._gates = self._latches.gates
        return before, self._gates

    @property
    def open(self) -> OpenGates | None:
        """The gates that are open; None where there are none."""
        return self.opened(self._gates)

    def opened(self, gates: Gates | None) -> OpenGates | None:
        """What of these gates does open."""
        if gates is None or gates.kernel > self._kernels or gates.kernel in self.dead:
            return None
        rows = gates.rows & self._lines
        for row in self.broken:
            rows &= ~(1 << (row - 1))
        return OpenGates(gates.kernel, rows, self._volts[gates.write]) if rows else None
