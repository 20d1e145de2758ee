"""Ranges, limits and measuring functions of a B2900 (Keysight B2961A/B2962A SCPI Command Reference, Edition 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labmtj.twin.scpi.engine import Call, ScpiError

if TYPE_CHECKING:
    from labmtj.twin.firmware.keysight_b2900 import KeysightB2900

OVER = 1.05  # unverified: a source range holds 105 % of its full scale
RESET_V, RESET_I = 2.0, 100e-6  # [V], [A] unverified: limits and ranges after *RST
FUNCTIONS = ("VOLT", "CURR", "RES")


def add_ranges(firmware: KeysightB2900) -> None:
    """Ranges of the source and of the meters; setting one turns its automatic choice off."""
    kept = firmware.kept
    _Range(firmware, "[:SOURce#]:VOLTage:RANGe", "", scale="source_volts", full="range_v", auto="auto_v")
    _Range(firmware, "[:SOURce#]:CURRent:RANGe", "", scale="source_amperes", full="range_i", auto="auto_i")
    for what, letter, most in (("VOLTage", "v", "meter_volts"), ("CURRent", "i", "meter_amperes")):
        head = f":SENSe#:{what}[:DC]:RANGe"
        _Range(firmware, head, "[:UPPer]", scale=most, full=f"meter_{letter}", auto=f"meter_auto_{letter}")
        bounds = (0.0, firmware.smus[1].largest(most))
        kept.number(f"lowest_{letter}", f"{head}:AUTO:LLIMit", 0.0, bounds=bounds, unit=("V", "A"), then=firmware.apply)
        kept.word(f"automode_{letter}", f"{head}:AUTO:MODE", "NORM", ["NORMal", "RESolution", "SPEed"])


class _Range:
    """One range of every channel: `full` and `auto` name it among the channel's settings."""

    def __init__(self, firmware: KeysightB2900, head: str, tail: str, *, scale: str, full: str, auto: str) -> None:
        self._f, self._scale, self._full, self._auto = firmware, scale, full, auto
        firmware.engine.add(f"{head}{tail}", set=self._set, get=self._shown)
        firmware.engine.add(f"{head}:AUTO", set=self._follow, get=self._follows)

    def _level(self, n: int) -> float:
        """The level that a source's range must hold; 0 for a meter."""
        now = self._f.smus[n].set
        return {"range_v": now.level_v, "range_i": now.level_i}.get(self._full, 0.0)

    def _set(self, call: Call) -> None:
        n, smu = self._f.channel(call), self._f.smu(call)
        most = smu.largest(self._scale)
        value = abs(call.number(0, unit=("V", "A"), words={"MIN": 0.0, "MAX": most, "UP": most}))
        if value > most * (1 + 1e-9):
            raise ScpiError(-222)
        chosen = smu.range_for(self._scale, value)
        if abs(self._level(n)) > OVER * chosen * (1 + 1e-9):
            raise ScpiError(-221)
        setattr(smu.set, self._full, chosen)
        setattr(smu.set, self._auto, False)
        self._f.apply(n)

    def _shown(self, call: Call) -> str:
        smu = self._f.smu(call)
        value: float = getattr(smu.set, self._full)
        if getattr(smu.set, self._auto) and self._full.startswith("range"):
            value = smu.range_for(self._scale, self._level(self._f.channel(call)))
        return f"{value:+.8E}"

    def _follow(self, call: Call) -> None:
        n, smu, on = self._f.channel(call), self._f.smu(call), call.boolean(0)
        if not on and getattr(smu.set, self._auto) and self._full.startswith("range"):
            setattr(smu.set, self._full, smu.range_for(self._scale, self._level(n)))
        setattr(smu.set, self._auto, on)
        self._f.apply(n)

    def _follows(self, call: Call) -> str:
        return str(int(getattr(self._f.smu(call).set, self._auto)))


def add_sense(firmware: KeysightB2900) -> None:
    """Limits, integration time, measuring functions."""
    kept, add, nplc = firmware.kept, firmware.engine.add, firmware.model.nplc
    compliance, most = firmware.model.compliance, OVER * firmware.smus[1].largest("source_volts")
    _Limit(firmware, "CURRent", "limit_i", RESET_I, (compliance.minimum, compliance.maximum))
    _Limit(firmware, "VOLTage", "limit_v", RESET_V, (1e-3, most))
    any_of = ":SENSe#:VOLTage|CURRent|RESistance[:DC]"
    kept.number("nplc", f"{any_of}:NPLCycles", 0.1, bounds=(nplc.minimum, nplc.maximum), then=firmware.apply)
    kept.boolean("nplc_auto", f"{any_of}:NPLCycles:AUTO", False)
    mains = firmware.mains

    def set_aperture(call: Call) -> None:
        n, bounds = firmware.channel(call), (nplc.minimum / mains, nplc.maximum / mains)
        kept.put("nplc", n, call.number(0, unit="S", bounds=bounds) * mains)
        firmware.apply(n)

    def aperture(call: Call) -> str:
        return f"{kept.real('nplc', firmware.channel(call)) / mains:+.8E}"

    add(f"{any_of}:APERture", set=set_aperture, get=aperture)
    kept.boolean("remote", ":SENSe#:REMote", False, then=firmware.apply)
    kept.boolean("sense_wait", ":SENSe#:WAIT[:STATe]", True)
    kept.word("ohms", ":SENSe#:RESistance:MODE", "MAN", ["MANual", "AUTO"])
    kept.boolean("compensation", ":SENSe#:RESistance:OCOMpensated", False)
    _Functions(firmware)


class _Limit:
    """The limit of a source of the other quantity, and whether it holds it."""

    def __init__(
        self, firmware: KeysightB2900, what: str, name: str, default: float, bounds: tuple[float, float]
    ) -> None:
        self._f, self._name, self._volts, self._bounds = firmware, name, name == "limit_i", bounds
        self._words = {"MIN": bounds[0], "MAX": bounds[1], "DEF": default}
        head = f":SENSe#:{what}[:DC]:PROTection"
        firmware.engine.add(f"{head}[:LEVel][:BOTH|POSitive|NEGative]", set=self._set, get=self._shown)
        firmware.engine.add(f"{head}:TRIPped", get=self._tripped, most=0)

    def _set(self, call: Call) -> None:
        value = abs(call.number(0, unit=("A", "V"), words=self._words))
        if not self._bounds[0] * (1 - 1e-9) <= value <= self._bounds[1] * (1 + 1e-9):
            raise ScpiError(-222)
        setattr(self._f.smu(call).set, self._name, value)
        self._f.apply(self._f.channel(call))

    def _shown(self, call: Call) -> str:
        value: float = getattr(self._f.smu(call).set, self._name)
        return f"{call.number(0, words=self._words) if call.has(0) else value:+.8E}"

    def _tripped(self, call: Call) -> str:
        smu = self._f.smu(call)
        return str(int(smu.set.volts == self._volts and smu.limited))


class _Functions:
    """What is measured: SENSe:FUNCtion "VOLT", "CURR", "RES"; all but resistance after *RST (unverified)."""

    def __init__(self, firmware: KeysightB2900) -> None:
        self._f = firmware
        add = firmware.engine.add
        add(":SENSe#:FUNCtion[:ON]", set=lambda call: self._choose(call, on=True), get=self._chosen, most=3)
        add(":SENSe#:FUNCtion:OFF", set=lambda call: self._choose(call, on=False), get=self._left, most=3)
        add(":SENSe#:FUNCtion[:ON]:ALL", set=lambda call: self._put(call, FUNCTIONS, on=True), most=0)
        add(":SENSe#:FUNCtion:OFF:ALL", set=lambda call: self._put(call, FUNCTIONS, on=False), most=0)
        add(":SENSe#:FUNCtion:STATe", get=self._state)

    def _choose(self, call: Call, *, on: bool) -> None:
        names = [self._named(call, place) for place in range(max(1, call.count))]
        self._put(call, names, on=on)

    def _named(self, call: Call, place: int) -> str:
        """'VOLT', "CURR:DC", "RESistance" and so on."""
        text = call.text(place).partition(":")[0].upper()
        for short, long in zip(FUNCTIONS, ("VOLTAGE", "CURRENT", "RESISTANCE"), strict=True):
            if text in (short, long):
                return short
        raise ScpiError(-224)

    def _put(self, call: Call, names: list[str] | tuple[str, ...], *, on: bool) -> None:
        sensed = self._f.sensed[self._f.channel(call)]
        sensed.update(names) if on else sensed.difference_update(names)

    def _chosen(self, call: Call) -> str:
        return self._written(call, on=True)

    def _left(self, call: Call) -> str:
        return self._written(call, on=False)

    def _written(self, call: Call, *, on: bool) -> str:
        sensed = self._f.sensed[self._f.channel(call)]
        return ",".join(f'"{name}"' for name in FUNCTIONS if (name in sensed) == on) or '""'

    def _state(self, call: Call) -> str:
        return str(int(self._named(call, 0) in self._f.sensed[self._f.channel(call)]))
