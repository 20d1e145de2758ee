"""Firmware of the Lake Shore 336: readings of its inputs, each of which has its sensor beside the die.

Model 336 User's Manual, section 6.6 (KRDG?, RDGST?, CRDG?; unverified where the page is). It speaks no SCPI: replies
are plain and a query that it does not know is not answered. Heaters and curves are left out. An input has a new
reading every `update`: who asks twice within it gets the same one.
"""

from __future__ import annotations

import math

from labmtj.config.model import ThermometerModel
from labmtj.physics.chance import Purpose, normal
from labmtj.twin.build import Place
from labmtj.twin.scpi.engine import Call, ScpiEngine
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text

_WANDER = 3600.0  # [s] chosen: the room takes an hour to go from one temperature to the next
_ZERO_CELSIUS = 273.15  # [K]


class LakeShore336(ScpiFirmware):
    """A controller whose inputs all see the temperature of the die."""

    def __init__(self, place: Place, model: ThermometerModel) -> None:
        world = place.world
        engine = ScpiEngine(identity_text(model.identity), on_message=lambda: world.sleep(model.timing.command))
        super().__init__(world, engine)
        self.model, self._seed = model, place.seed
        self._places = {name: place.number(name) for name in model.channels}
        engine.add(":KRDG", get=lambda call: _written(self._kelvin(self._input(call))))
        engine.add(":CRDG", get=lambda call: _written(self._kelvin(self._input(call)) - _ZERO_CELSIUS))
        engine.add(":RDGST", get=self._status)

    def _input(self, call: Call) -> str:
        return call.word(0, self.model.channels)

    def _status(self, call: Call) -> str:
        self._input(call)
        return "0"

    def _kelvin(self, name: str) -> float:
        """What the input's last reading is [K]: the die, the sensor's own error, the room, noise."""
        error, place, seed = self.model.error, self._places[name], self._seed
        reading = math.floor(self._world.now() / self.model.timing.update)
        when = reading * self.model.timing.update / _WANDER
        hour, share = math.floor(when), when - math.floor(when)
        first, second = (normal(seed, Purpose.THERMOMETER_DRIFT, place, hour + n) for n in (0, 1))
        return (
            self._world.electrics.truth.model.temperature
            + normal(seed, Purpose.THERMOMETER_OFFSET, place, 0) * error.limit / 3
            + ((1 - share) * first + share * second) * error.drift
            + normal(seed, Purpose.THERMOMETER_NOISE, place, reading) * error.noise
        )


def _written(value: float) -> str:
    return f"{value:+.3f}"
