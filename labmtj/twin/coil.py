"""A coil on a supply: the current in it and its field, as functions of the time since the supply was last set.

The current follows its target with the supply's time constant, unless the voltage that this takes is more than the
supply has; then it moves as that voltage lets it, L dI/dt = V - R I. The field follows the current with the time
constant of the eddy currents. Both are worked out in steps, each with the exact solution of a linear equation; the
die sees the field as constant within a step, the mean of its ends. Steps count from the moment of the setting, so
that nothing depends on how time is cut up.
"""

from __future__ import annotations

import math

_SHARE = 0.5  # chosen: of the shorter time constant a step; the field changes by a fifth of a jump in one
_FINEST = 0.05  # chosen: of the eddy currents' time constant, below which the supply's need not be resolved
_CLOSE = 1e-4  # chosen: of a jump; what is left of it then is taken as the last step
_MOST = 20_000  # chosen: steps that are worked out for one setting


class Coil:
    """A coil of `ohms` and `henries` that makes `tesla_per_ampere`, with the time constant `lag` [s] of its field."""

    def __init__(self, *, ohms: float, henries: float, lag: float, tesla_per_ampere: float) -> None:
        self._ohms, self._henries, self._lag, self._constant = ohms, henries, lag, tesla_per_ampere
        self._step = _SHARE * lag
        self._begin = 0.0
        self._amperes, self._tesla = [0.0], [0.0]  # at the ends of the steps; the last ones stay

    @property
    def ohms(self) -> float:
        """Resistance [ohm]."""
        return self._ohms

    @property
    def unforced(self) -> float:
        """Time constant [s] of the current with the coil shorted, L / R."""
        return self._henries / max(self._ohms, 1e-9)

    def drive(self, now: float, *, target: float, response: float, volts: float) -> None:
        """From `now` [s] on, bring the current to `target` [A] with a time constant [s], within `volts` [V]."""
        amperes, tesla = self.current(now), self._at(now, self._tesla)
        most = volts / self._ohms if self._ohms else math.inf
        end = min(max(target, -most), most)
        field = self._constant * end
        jump = max(abs(end - amperes), abs(field - tesla) / abs(self._constant) if self._constant else 0.0)
        self._begin, self._amperes, self._tesla = now, [amperes], [tesla]
        self._step = max(_SHARE * min(self._lag, response), _FINEST * self._lag)
        keeps, follows = math.exp(-self._step / response), 1 - math.exp(-self._step / self._lag)
        for _ in range(_MOST):
            if abs(end - amperes) <= _CLOSE * jump and abs(field - tesla) <= abs(self._constant) * _CLOSE * jump:
                break
            before, amperes = amperes, self._limited(amperes, end + (amperes - end) * keeps, volts)
            tesla += follows * (self._constant * 0.5 * (before + amperes) - tesla)
            self._amperes.append(amperes)
            self._tesla.append(tesla)
        self._amperes.append(end)
        self._tesla.append(field)

    def _limited(self, amperes: float, wanted: float, volts: float) -> float:
        """Where the current comes to in a step towards `wanted` [A] with these volts, either way."""
        if wanted == amperes:
            return wanted
        pushed = math.copysign(volts, wanted - amperes)
        keeps = math.exp(-self._step * self._ohms / self._henries)
        if self._ohms:
            reached = pushed / self._ohms + (amperes - pushed / self._ohms) * keeps
        else:
            reached = amperes + pushed / self._henries * self._step
        return min(wanted, reached) if wanted > amperes else max(wanted, reached)

    def current(self, now: float) -> float:
        """Current [A] at this moment."""
        return self._at(now, self._amperes)

    def voltage(self, now: float) -> float:
        """Voltage across the coil [V] at this moment: of its resistance, and of the change of the current."""
        place = self._place(now)
        change = self._amperes[place + 1] - self._amperes[place] if place + 1 < len(self._amperes) else 0.0
        return self._ohms * self.current(now) + self._henries * change / self._step

    def field(self, now: float) -> float:
        """Field [T] that the die sees at this moment."""
        place = self._place(now)
        if place + 1 >= len(self._tesla):
            return self._tesla[-1]
        return 0.5 * (self._tesla[place] + self._tesla[place + 1])

    def next_change(self, now: float) -> float:
        """When the field that the die sees changes next [s]; infinite where it does not."""
        place = self._place(now)
        return math.inf if place + 1 >= len(self._tesla) else self._begin + (place + 1) * self._step

    def _place(self, now: float) -> int:
        # Moments are sums: one that is meant to be the end of a step may lie just before it.
        return min(int(max(0.0, now - self._begin) / self._step + 1e-6), len(self._tesla) - 1)

    def _at(self, now: float, values: list[float]) -> float:
        """One of the two at this moment, linear within a step."""
        place = self._place(now)
        if place + 1 >= len(values):
            return values[-1]
        share = min(max((now - self._begin) / self._step - place, 0.0), 1.0)
        return values[place] + share * (values[place + 1] - values[place])
