"""The magnet of a bench: a coil on a bipolar supply behind a gate (labmtj.ports.FieldSource).

A field is refused, never clipped, where it is above the bench's limit; the gate sees every current that reaches the
supply, those of a ramp too. The field changes in steps of the supply's current, slowly enough for the bench's rate,
and each step is read back. The output is turned on by the first field that is set, and at 0 A. When the bench is
left, the array is made safe first, which takes milliseconds; then the field is ramped to zero, which takes seconds,
and the output turned off: a coil that is cut off gives its energy back as volts.
"""

from __future__ import annotations

import math
from typing import Protocol

from labmtj.config.bench_magnet import Magnet as MagnetSettings
from labmtj.config.model import FieldSourceModel
from labmtj.errors import BenchError, LimitExceeded
from labmtj.ports import Clock, Journal
from labmtj.units import Dimension, show

_INTERVAL = 0.1  # [s] chosen: between two steps of a ramp; ten messages a second are nothing to any bus
_PATIENCE = 20.0  # [s] chosen: how long `zero` waits after its ramp; a small magnet needs a second
_ROUNDING = 1 + 1e-9


class Supply(Protocol):
    """What a driver of a field source has."""

    @property
    def current(self) -> float:
        """Control the programmed current [A]."""
        ...

    @current.setter
    def current(self, amperes: float) -> None: ...

    @property
    def output_enabled(self) -> bool:
        """Control the output."""
        ...

    @output_enabled.setter
    def output_enabled(self, enabled: bool) -> None: ...

    def measure_current(self) -> float:
        """Current [A] out of the supply."""
        ...

    def measure_voltage(self) -> float:
        """Volts at its terminals."""
        ...

    def clear(self) -> None:
        """Drop what was not read, and all errors."""
        ...


class GatedSupply:
    """A supply that is given no current above `most` [A] in either direction."""

    def __init__(self, supply: Supply, *, most: float) -> None:
        self._supply, self._most = supply, most

    @property
    def current(self) -> float:
        """Control the programmed current [A], within the limit of the field."""
        return self._supply.current

    @current.setter
    def current(self, amperes: float) -> None:
        if not abs(amperes) <= self._most * _ROUNDING:
            raise LimitExceeded(f"{amperes:g} A into the magnet is above its limit of {self._most:g} A")
        self._supply.current = amperes

    @property
    def output_enabled(self) -> bool:
        """Control the output."""
        return self._supply.output_enabled

    @output_enabled.setter
    def output_enabled(self, enabled: bool) -> None:
        self._supply.output_enabled = enabled

    def measure_current(self) -> float:
        """Measure the current [A]."""
        return self._supply.measure_current()

    def measure_voltage(self) -> float:
        """Measure the voltage [V]."""
        return self._supply.measure_voltage()

    def clear(self) -> None:
        """Drop what was not read, and all errors."""
        self._supply.clear()


class Magnet:
    """The field of a bench, set by the current of its supply."""

    def __init__(
        self, supply: Supply, model: FieldSourceModel, settings: MagnetSettings, *, clock: Clock, journal: Journal
    ) -> None:
        self._constant, self._limit = settings.tesla_per_ampere, settings.limit
        self._supply = GatedSupply(supply, most=self._limit / abs(self._constant))
        self._model, self._settings, self._clock, self._journal = model, settings, clock, journal
        self._compliance = settings.compliance or model.voltage
        self._interval = max(_INTERVAL, model.timing.step)
        self._set, self._amperes, self._on = 0.0, 0.0, False  # `_amperes` are those that the supply has been told

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest field [T] that can be set."""
        return -self._limit, self._limit

    def check(self, tesla: float) -> None:
        """Raise LimitExceeded for a field [T] above the bench's limit; touches nothing."""
        if not abs(tesla) <= self._limit * _ROUNDING:
            shown, most = show(tesla, Dimension.FLUX_DENSITY), show(self._limit, Dimension.FLUX_DENSITY)
            raise LimitExceeded(f"a field of {shown} is above the {most} of this bench (magnet.limit)")

    @property
    def field(self) -> float:
        """Control the field [T]: it is ramped at the bench's rate, and has been set when this returns.

        Raises LimitExceeded, with nothing sent, and BenchError.
        """
        return self._set

    @field.setter
    def field(self, tesla: float) -> None:
        self._go(tesla)

    def _go(self, tesla: float, **said: bool) -> None:
        self.check(tesla)
        self._journal.record("field", {"tesla": tesla, "t": round(self._clock.now(), 9), **said})
        if not self._on and tesla:
            self._supply.output_enabled = True
            self._on = True
        self._ramp(tesla / self._constant)
        self._set = tesla

    def read(self) -> float:
        """Measure the field [T], by the current that the supply measures."""
        return self._constant * self._supply.measure_current()

    def wait_until_stable(self, timeout: float) -> float:
        """Wait until the supply's current is the one that was set, and for eddy currents; the field [T] then.

        Raises BenchError if that has not come after `timeout` [s].
        """
        if not self._on:
            return 0.0
        give_up = self._clock.now() + timeout
        while True:
            self._clock.sleep(self._model.timing.averaging)
            amperes = self._supply.measure_current()
            if abs(amperes - self._amperes) <= self._tolerance():
                self._clock.sleep(self._settings.settle)
                return self.read()
            if self._clock.now() >= give_up:
                raise BenchError(
                    f"the magnet has {amperes:.4g} A of {self._amperes:.4g} A after {timeout:g} s, at "
                    f"{self._supply.measure_voltage():.3g} V of {self._compliance:g} V: look at the coil, or raise "
                    "magnet.compliance"
                )

    def zero(self) -> None:
        """Ramp to 0 T and wait until it is there; the output stays on."""
        self.field = 0.0
        self.wait_until_stable(_PATIENCE)

    def shutdown(self) -> None:
        """Ramp to zero from wherever the supply is, whatever came before; its driver turns the output off after it."""
        self._supply.clear()
        if not self._supply.output_enabled:
            return
        self._on, self._amperes = True, self._supply.current
        self._go(0.0, leaving=True)
        self.wait_until_stable(_PATIENCE)

    def _tolerance(self) -> float:
        """How far a reading [A] may lie from what was set: both errors, and the converter's step."""
        model = self._model
        gain, offset = model.programming.gain + model.readback.gain, model.programming.offset + model.readback.offset
        return abs(self._amperes) * gain + offset + 3 * model.readback.noise + model.resolution

    def _ramp(self, target: float) -> None:
        """Bring the current to `target` [A] in steps, none of which is above the bench's rate."""
        step = self._settings.ramp / abs(self._constant) * self._interval
        while self._amperes != target:
            before, left = self._clock.now(), target - self._amperes
            amperes = target if abs(left) <= step * _ROUNDING else self._amperes + math.copysign(step, left)
            self._supply.current = amperes
            self._amperes = amperes
            self._clock.sleep(self._interval * min(1.0, abs(left) / step) - (self._clock.now() - before))
