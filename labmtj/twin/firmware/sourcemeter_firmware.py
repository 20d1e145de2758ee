"""What the firmwares of the Keithley SourceMeters with SCPI share: one channel, one engine, the instrument's side."""

from __future__ import annotations

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.sourcemeter import SourceMeter
from labmtj.twin.scpi.engine import Dialect, ScpiEngine
from labmtj.twin.scpi.stored import Stored

_UNTERMINATED = -420


class SourceMeterFirmware:
    """A SourceMeter on a bench; subclasses add their commands to `engine` and extend `reset`, `abort`, `fire`."""

    blocks = True

    def __init__(self, place: Place, model: SourceMeterModel, *, dialect: Dialect, off_share: float) -> None:
        self._world = place.world
        identity = model.identity
        self.engine = ScpiEngine(
            ",".join([identity.manufacturer, identity.model, identity.serial, identity.firmware]),
            dialect=dialect,
            on_reset=self.reset,
            on_message=lambda: self._world.sleep(model.timing.command),
            on_trigger=self.fire,
        )
        self.meter = SourceMeter(place.smu(model.channels[0], model), off_share)
        self.stored = Stored(self.engine)
        self._owes = False  # the last message asked, and what it asked is in the error queue

    # -- the instrument's side (labmtj.twin.instrument.Firmware) -------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        with self._world.lock:
            replies = self.engine.execute(message)
            self._owes = not replies and "?" in message
            self._world.electrics.commit()
            return replies

    def clear(self) -> None:
        """Device clear: what runs or waits for a trigger ends; settings stay."""
        with self._world.lock:
            self.engine.clear()
            self.abort()

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte with MSS in bit 6."""
        return self.engine.status_byte(waiting=waiting)

    def trigger(self) -> None:
        """A group execute trigger."""
        with self._world.lock:
            self.engine.trigger()
            self._world.electrics.commit()

    def query_error(self, code: int) -> None:
        """Queue an error of the message exchange; a query that failed has said already why nothing can be read.

        That is how the captured clients found the error queue after their time-outs.
        """
        if not (code == _UNTERMINATED and self._owes):
            self.engine.query_error(code)

    # -- for subclasses ------------------------------------------------------------------------------

    def reset(self) -> None:
        """*RST: output off, everything at its default."""
        self.stored.reset()
        self.meter.reset()

    def abort(self) -> None:
        """Back to idle."""

    def fire(self) -> None:
        """*TRG."""
