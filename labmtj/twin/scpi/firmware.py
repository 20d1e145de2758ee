"""What the firmwares of SCPI instruments have in common: the engine behind the world's lock."""

from __future__ import annotations

from labmtj.config.model import Identity
from labmtj.twin.scpi.engine import ScpiEngine
from labmtj.twin.world import World


def identity_text(identity: Identity, separator: str = ",") -> str:
    """What an instrument answers to *IDN?."""
    return separator.join([identity.manufacturer, identity.model, identity.serial, identity.firmware])


class ScpiFirmware:
    """An instrument that carries out SCPI messages on the world (labmtj.twin.instrument.Firmware)."""

    blocks = True

    def __init__(self, world: World, engine: ScpiEngine) -> None:
        self._world, self.engine = world, engine

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        with self._world.lock:
            replies = self.engine.execute(message)
            self._world.electrics.commit()
            return replies

    def clear(self) -> None:
        """Device clear."""
        self.engine.clear()

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6."""
        return self.engine.status_byte(waiting=waiting)

    def trigger(self) -> None:
        """A group execute trigger: what *TRG does."""
        with self._world.lock:
            self.engine.trigger()
            self._world.electrics.commit()

    def query_error(self, code: int) -> None:
        """Queue an error that the message exchange found."""
        self.engine.query_error(code)
