"""What the firmwares of the Keithley SourceMeters with SCPI share: one channel, one engine, the instrument's side."""

from __future__ import annotations

from functools import partial

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.sourcemeter import SourceMeter
from labmtj.twin.scpi.engine import Dialect, ScpiEngine
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.scpi.stored import Stored

_UNTERMINATED = -420


class SourceMeterFirmware(ScpiFirmware):
    """A SourceMeter on a bench; subclasses add their commands to `engine` and extend `reset`, `abort`, `fire`."""

    def __init__(self, place: Place, model: SourceMeterModel, *, dialect: Dialect, off_share: float) -> None:
        engine = ScpiEngine(
            identity_text(model.identity),
            dialect=dialect,
            on_reset=self.reset,
            on_message=partial(place.world.sleep, model.timing.command),
            on_trigger=self.fire,
        )
        super().__init__(place.world, engine)
        self.meter = SourceMeter(place.smu(model.channels[0], model), off_share)
        self.stored = Stored(self.engine)
        self._owes = False  # the last message asked, and what it asked is in the error queue

    # -- the instrument's side (labmtj.twin.instrument.Firmware) -------------------------------------

    def execute(self, message: str) -> list[str]:
        """Carry out one message; the die's state is stored before its reply can be read."""
        replies = super().execute(message)
        self._owes = not replies and "?" in message
        return replies

    def clear(self) -> None:
        """Device clear: what runs or waits for a trigger ends; settings stay."""
        super().clear()
        self.abort()

    def query_error(self, code: int) -> None:
        """Queue an error of the message exchange; a query that failed has said already why nothing can be read.

        That is how the captured clients found the error queue after their time-outs.
        """
        if not (code == _UNTERMINATED and self._owes):
            super().query_error(code)

    # -- for subclasses ------------------------------------------------------------------------------

    def reset(self) -> None:
        """*RST: output off, everything at its default."""
        self.stored.reset()
        self.meter.reset()

    def abort(self) -> None:
        """Back to idle."""

    def fire(self) -> None:
        """*TRG."""
