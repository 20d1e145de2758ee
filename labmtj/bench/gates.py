"""The gates of a chip with a transistor in every cell: what the register holds, and reads and pulses behind the limits.

Gates on the rail of writes move with every source at 0 V only, and no relay moves with a gate open; on the rail of
reads, where transistors bound every current, they go over from one pattern to the next with the read voltage on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from labmtj.bench.limits import Gate
from labmtj.errors import LimitExceeded
from labmtj.gate_register import CLOSED, Gates, closed, rail, shut, words
from labmtj.ports import DigitalPort, PulseSource


class GatePair(PulseSource, Protocol):
    """Two channels and the port of one instrument, which move in the order of one message."""

    def pulse(self, amplitudes: tuple[float, float], width: float, *, port: int | None = None) -> bool:
        """Fire both channels once, if the port has this level. Raises GatesClosed, with nothing fired."""
        ...

    def read(
        self, volts: float, *, before: int | None, steps: Sequence[int], level: int, settle: float
    ) -> tuple[float, bool]:
        """Open gates at 0 V, then the current [A] at `volts` less that at 0 V, and whether it was limited."""
        ...

    def look(
        self, volts: float, *, before: int | None, steps: Sequence[int], level: int, settle: float
    ) -> tuple[float, bool]:
        """Open gates at 0 V, then one current [A] at `volts`, and whether it was limited."""
        ...

    def each(
        self, volts: float, *, before: int | None, steps: Sequence[Sequence[int]], level: int, settle: float
    ) -> list[tuple[float, bool]]:
        """Currents [A] at `volts` with one pattern of gates after the other, and whether they were limited."""
        ...


class Register:
    """What the port was last told, and the words that lead from there to other gates."""

    def __init__(self) -> None:
        self._held: Gates | None = None
        self.level = CLOSED
        """Level at which the port stands now, as far as is known."""

    @property
    def known(self) -> int | None:
        """The level at which the port must stand; None where that, or what the latches hold, is not known."""
        return None if self._held is None else self.level

    @property
    def open(self) -> bool:
        """Whether a gate may be open."""
        return not closed(self.level)

    def steps(self, gates: Gates) -> list[int]:
        """Levels that open these gates; none where they are open. While all are closed they stay so until the last."""
        found = words(self._held, gates)
        if self.open:
            return found
        return [*(shut(level) | level for level in found[:-1]), rail(gates)]

    def keep(self, gates: Gates) -> None:
        """These gates are open now."""
        self._held, self.level = gates, rail(gates)

    def shut(self) -> None:
        """All gates are closed now; the latches hold what they held."""
        self.level = shut(self.level)

    def doubt(self) -> None:
        """Nothing is known of the latches, and gates may be open."""
        self._held, self.level = None, 0


class LimitedGates:
    """A pair with a port behind the limits of the bench; `register` follows what is written.

    While a message is under way nothing is known of the register; it is again when the message was answered.
    """

    def __init__(self, pair: GatePair, port: DigitalPort, gate: Gate, *, settle: float) -> None:
        self._pair, self._port, self._gate, self._settle = pair, port, gate, settle
        self.register = Register()

    def read(self, volts: float, gates: Gates) -> tuple[float, bool]:
        """Current [A] through these gates at `volts` less that at 0 V, and whether a source was limited."""
        before, steps = self._ready(volts, [gates])
        found = self._pair.read(volts, before=before, steps=steps[0], level=rail(gates), settle=self._settle)
        self.register.keep(gates)
        return found

    def look(self, volts: float, gates: Gates) -> tuple[float, bool]:
        """One current [A] through these gates at `volts`, and whether a source was limited."""
        before, steps = self._ready(volts, [gates])
        found = self._pair.look(volts, before=before, steps=steps[0], level=rail(gates), settle=self._settle)
        self.register.keep(gates)
        return found

    def each(self, volts: float, patterns: Sequence[Gates]) -> list[tuple[float, bool]]:
        """Currents [A] at `volts` through one pattern of gates after the other; all on the rail of reads."""
        if any(gates.write for gates in patterns):
            raise LimitExceeded("gates on the rail of writes move at 0 V only")
        before, steps = self._ready(volts, patterns)
        level = rail(patterns[-1])
        found = self._pair.each(volts, before=before, steps=steps, level=level, settle=self._settle)
        self.register.keep(patterns[-1])
        return found

    def open(self, gates: Gates) -> bool:
        """Open these gates, at 0 V; False if they were."""
        steps, before = self.register.steps(gates), self.register.known
        if steps:
            self.register.doubt()
            self._port.write(steps, before=before)
        self.register.keep(gates)
        return bool(steps)

    def close(self) -> None:
        """Close all gates, at 0 V; the latches keep what they hold, as far as that is known."""
        self._port.write([shut(self.register.level)], before=self.register.known)
        self.register.shut()

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once [V], [s], through gates that are open; True if one was in compliance."""
        limits = self._gate.limits
        for volts in amplitudes:
            limits.check_terminal(volts)
        self._gate.check_across((*amplitudes, 0.0), "a pulse")
        if not 0 < width < math.inf:
            raise LimitExceeded(f"a pulse of width {width} s makes no sense")
        if not self.register.open:
            raise LimitExceeded("a pulse with all gates closed writes nothing")
        return self._pair.pulse(amplitudes, width, port=self.register.level)

    def rest(self) -> None:
        """Both channels to 0 V; gates stay as they are."""
        self._pair.rest()

    def _ready(self, volts: float, patterns: Sequence[Gates]) -> tuple[int | None, list[list[int]]]:
        """Where the port stands, and the words for one pattern after the other.

        Nothing is known of the register until the message is answered.
        """
        self._gate.limits.check_terminal(volts)
        self._gate.limits.check_cell(volts, "a read")
        register, before, steps = self.register, self.register.known, list[list[int]]()
        for gates in patterns:
            steps.append(register.steps(gates))
            register.keep(gates)
        register.doubt()
        return before, steps
