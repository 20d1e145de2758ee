"""What firmwares have in common: an engine that carries messages out, and the world that keeps what came of it."""

from __future__ import annotations

from typing import Protocol

from labmtj.twin.world import World


class Engine(Protocol):
    """A language: takes messages, keeps errors and the status of the instrument."""

    def execute(self, message: str) -> list[str]:
        """Carry out one message."""
        ...

    def clear(self) -> None:
        """Device clear."""
        ...

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6."""
        ...

    def trigger(self) -> None:
        """A group execute trigger."""
        ...

    def query_error(self, code: int) -> None:
        """Queue an error that the message exchange found."""
        ...


class OnEngine:
    """An instrument whose messages an engine carries out (labmtj.twin.instrument.Firmware).

    A conversation holds the world's lock while it calls in. What one message may ask of the array is bounded.
    """

    blocks: bool

    def __init__(self, world: World, engine: Engine) -> None:
        self._world, self._carrier = world, engine

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        effort = self._world.effort
        effort.begin()
        try:
            replies = self._carrier.execute(message)
        finally:
            effort.end()
        self._world.electrics.commit()
        return replies

    def clear(self) -> None:
        """Device clear."""
        self._carrier.clear()

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6."""
        return self._carrier.status_byte(waiting=waiting)

    def trigger(self) -> None:
        """A group execute trigger: what *TRG does."""
        effort = self._world.effort
        effort.begin()
        try:
            self._carrier.trigger()
        finally:
            effort.end()
        self._world.electrics.commit()

    def query_error(self, code: int) -> None:
        """Queue an error that the message exchange found."""
        self._carrier.query_error(code)
