"""An instrument that speaks TSP."""

from __future__ import annotations

from labmtj.twin.on_engine import OnEngine
from labmtj.twin.tsp.engine import TspEngine
from labmtj.twin.world import World


class TspFirmware(OnEngine):
    """An instrument that carries out TSP messages on the world (labmtj.twin.instrument.Firmware)."""

    blocks = False

    def __init__(self, world: World, engine: TspEngine) -> None:
        super().__init__(world, engine)
        self.engine = engine
