"""An instrument that speaks SCPI."""

from __future__ import annotations

from labmtj.config.model import Identity
from labmtj.twin.on_engine import OnEngine
from labmtj.twin.scpi.engine import ScpiEngine
from labmtj.twin.world import World


def identity_text(identity: Identity, separator: str = ",") -> str:
    """What an instrument answers to *IDN?."""
    return separator.join([identity.manufacturer, identity.model, identity.serial, identity.firmware])


class ScpiFirmware(OnEngine):
    """An instrument that carries out SCPI messages on the world (labmtj.twin.instrument.Firmware)."""

    blocks = True

    def __init__(self, world: World, engine: ScpiEngine) -> None:
        super().__init__(world, engine)
        self.engine = engine
