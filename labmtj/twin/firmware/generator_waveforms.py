"""APPLy, which sets a whole waveform in one command, and the points of uploaded waveforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from labmtj.twin.firmware.generator_firmware import SHAPES, GeneratorFirmware
from labmtj.twin.firmware.generator_levels import Levels
from labmtj.twin.firmware.generator_times import Times
from labmtj.twin.scpi.engine import Call, ScpiError
from labmtj.twin.scpi.syntax import Argument, Kind, forms

_DEFAULT = Argument(Kind.WORD, "DEF", "DEF")
_WITHOUT_FREQUENCY = ("NOISe", "PRBS", "DC")


class Apply:
    """APPLy:<shape> [<frequency> [, <amplitude> [, <offset>]]]: that, no burst, and the output on.

    Each of the three may be DEF: 1 kHz, 100 mVpp into 50 ohm, 0 V (Agilent 33500 Series Operating and Service
    Guide, APPLy). `before` turns the burst off.
    """

    def __init__(
        self,
        generator: GeneratorFirmware,
        prefix: str,
        levels: Levels,
        times: Times,
        *,
        arbitrary: str,
        before: Callable[[int], None],
    ) -> None:
        self._g, self._levels, self._times, self._before = generator, levels, times, before
        for shape in (*SHAPES, arbitrary):
            short = "ARB" if shape == arbitrary else forms(shape)[0]
            timed = shape not in _WITHOUT_FREQUENCY
            generator.engine.add(
                f"{prefix}:{shape}", set=lambda call, s=short, t=timed: self._set(call, s, timed=t), most=3
            )
        generator.engine.add(prefix, get=self._shown, most=0)

    def _set(self, call: Call, shape: str, *, timed: bool) -> None:
        n, wave = self._g.channel(call), self._g.wave(call)
        frequency, amplitude, offset = (
            Call(call.header, (call.arguments[place] if call.has(place) else _DEFAULT,), (n,), ()) for place in range(3)
        )
        self._before(n)
        wave.shape = "DC"  # so that nothing is held against the pulse that the channel may have made
        if timed:
            self._times.set_frequency(frequency)
        if shape != "DC":
            self._levels.set_amplitude(amplitude)
        self._levels.set_offset(offset)
        wave.on = True
        self._g.take_shape(n, shape, self._times.fit)

    def _shown(self, call: Call) -> str:
        wave, show, factor = self._g.wave(call), self._g.rules.show, self._g.factor(self._g.channel(call))
        volts = f"{show((wave.high - wave.low) * factor)},{show(wave.middle * factor)}"
        return f'"{wave.shape} {show(1 / wave.period)},{volts}"'


def samples(call: Call, *, largest: float, kind: str) -> Sequence[float]:
    """The points of an uploaded waveform, -1 to 1, from numbers up to `largest` or a block of numpy's `kind`.

    Raises ScpiError -109, -161 or -222.
    """
    if call.has(1) and call.arguments[1].kind is Kind.BLOCK:
        data, item = call.block(1), np.dtype(kind)
        if len(data) % item.itemsize:
            raise ScpiError(-161)
        points: list[float] = np.frombuffer(data, dtype=item).astype(float).tolist()
    else:
        points = [call.number(place) for place in range(1, max(2, call.count))]
    if not points or not all(abs(point) <= largest for point in points):
        raise ScpiError(-222)
    return [point / largest for point in points]
