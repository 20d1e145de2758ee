"""Firmware of the BIT 4886 interface of a Kepco BOP bipolar supply, SCPI, with a magnet's coil on the output.

BIT 4886 Operator Manual, P/N 243-1303: page B-2 (numbers, messages); the commands are those of public drivers
(PyMeasure's KepcoBOP3612), with the manual's FUNC:MODE and ranges as they quote them; unverified. Left out, and
refused as unknown: lists, triggered levels, waveforms, calibration. A reading is one conversion, not a mean of 16.
"""

from __future__ import annotations

from labmtj.config.model import FieldSourceModel
from labmtj.physics.chance import Purpose, normal
from labmtj.twin.build import Place
from labmtj.twin.scpi.engine import Call, Dialect, ScpiEngine, ScpiError
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.scpi.syntax import Kind

_DIGITS, _LARGEST = 8, 4e8  # page B-2: what has more digits after the point, or is larger, is not processed
_LONGEST = 253  # page B-2: characters of a message
_CONVERSION = 20e-3  # [s] section 1.2.1: sixteen conversions in 320 ms
_SPENT = 50  # chosen: steps of the bench's effort that a new setting costs
_VOLTS, _AMPERES = 0, 1  # what FUNC:MODE? answers


class KepcoBop(ScpiFirmware):
    """A BOP; its output is off, and everything at zero, when it is switched on."""

    def __init__(self, place: Place, model: FieldSourceModel) -> None:
        world = place.world
        engine = ScpiEngine(
            identity_text(model.identity),
            dialect=Dialect(longest=_LONGEST, queue=15),
            on_reset=self.reset,
            on_message=lambda: world.sleep(model.timing.command),
        )
        super().__init__(world, engine)
        self.model, self.coil = model, place.coil
        self._seed, self._number = place.seed, place.number("1")
        self._rated = {_VOLTS: model.voltage, _AMPERES: model.current}
        self._step = {_VOLTS: model.voltage * model.resolution / model.current, _AMPERES: model.resolution}
        self._level = {_VOLTS: 0.0, _AMPERES: 0.0}
        self._range = {_VOLTS: "AUTO", _AMPERES: "AUTO"}
        self._mode, self._on = _VOLTS, False
        self._add()
        self.reset()

    def reset(self) -> None:
        """*RST: volts, at zero, the output off (unverified)."""
        self._level = dict.fromkeys(self._level, 0.0)
        self._range = dict.fromkeys(self._range, "AUTO")
        self._mode, self._on = _VOLTS, False
        self._apply()

    # -- the output --------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Bring the settings to the coil; an output that is off is at 0 V and takes what the coil gives back."""
        world, coil, model = self._world, self.coil, self.model
        world.effort.spend(_SPENT)
        limit_v, limit_i = abs(self._level[_VOLTS]), abs(self._level[_AMPERES])
        if not self._on:
            target, response, volts = 0.0, coil.unforced, model.voltage
        elif self._mode == _AMPERES:
            gain, offset = (normal(self._seed, Purpose.SUPPLY_PROGRAMMING, self._number, n) / 3 for n in (0, 1))
            asked, limit = self._level[_AMPERES], model.programming
            target = asked * (1 + gain * limit.gain) + offset * limit.offset
            response, volts = model.response, limit_v
        else:
            flows = self._level[_VOLTS] / max(coil.ohms, 1e-9)
            target, response, volts = min(max(flows, -limit_i), limit_i), coil.unforced, model.voltage
        coil.drive(world.now(), target=target, response=response, volts=volts)

    def _measured(self, value: float, kind: int) -> str:
        """A reading of amperes, or of volts with the same share of the rating as errors."""
        now, share = self._world.now(), self._rated[kind] / self._rated[_AMPERES]
        read, place = self.model.readback, 2 * self._number + kind
        gain, offset = (normal(self._seed, Purpose.SUPPLY_READBACK, place, n) / 3 for n in (0, 1))
        noise = normal(self._seed, Purpose.SUPPLY_NOISE, place, int(now / _CONVERSION))
        error = offset * read.offset + noise * read.noise
        return f"{value * (1 + gain * read.gain) + error * share:.5E}"

    # -- commands ----------------------------------------------------------------------------------

    def _add(self) -> None:
        add, world = self.engine.add, self._world
        level = "[:SOURce]:VOLTage|CURRent[:LEVel][:IMMediate][:AMPlitude]"
        add(level, set=self._set_level, get=self._show_level)
        add("[:SOURce]:VOLTage|CURRent:RANGe", set=self._set_range, get=lambda call: self._range[_kind(call)])
        add("[:SOURce]:FUNCtion:MODE", set=self._set_mode, get=lambda _: str(self._mode))
        add(":OUTPut[:STATe]", set=self._set_output, get=lambda _: str(int(self._on)))
        add(":MEASure[:SCALar]:CURRent[:DC]", get=lambda _: self._measured(self.coil.current(world.now()), _AMPERES))
        add(":MEASure[:SCALar]:VOLTage[:DC]", get=lambda _: self._measured(self.coil.voltage(world.now()), _VOLTS))
        for header in (":SYSTem:REMote", ":SYSTem:BEEP"):
            add(header, set=lambda _: None)

    def _set_level(self, call: Call) -> None:
        kind, raw = _kind(call), call.raw(0).upper()
        mantissa = raw.partition("E")[0]
        if call.arguments[0].kind is Kind.WORD and len(mantissa.partition(".")[2]) > _DIGITS:
            return
        rated = self._rated[kind]
        value = call.number(0, words={"MIN": -rated, "MAX": rated})
        if abs(value) > _LARGEST:
            return
        if abs(value) > rated:
            raise ScpiError(-222)
        self._level[kind] = round(value / self._step[kind]) * self._step[kind]
        self._apply()

    def _show_level(self, call: Call) -> str:
        kind = _kind(call)
        if call.has(0):
            rated = self._rated[kind]
            return f"{call.number(0, words={'MIN': -rated, 'MAX': rated}):.5E}"
        return f"{self._level[kind]:.5E}"

    def _set_range(self, call: Call) -> None:
        self._range[_kind(call)] = call.word(0, ["1", "4", "AUTO"])

    def _set_mode(self, call: Call) -> None:
        self._mode = {"VOLTAGE": _VOLTS, "CURRENT": _AMPERES}[call.word(0, ["VOLTage", "CURRent"])]
        self._range = dict.fromkeys(self._range, "AUTO")  # section 4.1.1.2, as quoted
        self._apply()

    def _set_output(self, call: Call) -> None:
        on = call.boolean(0)
        if on != self._on:
            self._on = on
            self._apply()


def _kind(call: Call) -> int:
    return _VOLTS if call.choice() == "VOLTAGE" else _AMPERES
