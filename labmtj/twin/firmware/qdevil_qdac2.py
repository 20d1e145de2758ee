"""Firmware of the QDevil QDAC-II: 24 voltage outputs with current sensors, SCPI.

Commands: those of the QCoDeS driver QDAC2 and of its simulation (qcodes_contrib_drivers, QDevil/QDAC2.py and
sims/QDAC2.yaml); the manual was not at hand. A channel list may stand for the number in a header:
`sour:dc:volt 0.1,(@1,3)`. Filters are kept but not drawn. Left out, and refused as unknown: sine, triangle and
arbitrary waves, markers, traces.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from labmtj.config.model import VoltageBankModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.qdevil_qdac2_output import FASTEST, Line, Outputs
from labmtj.twin.firmware.qdevil_qdac2_sense import SOURCES, Sensors
from labmtj.twin.scpi.engine import Call, Dialect, ScpiEngine, ScpiError
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.scpi.kept import Kept
from labmtj.twin.scpi.syntax import Kind, forms

_TRIGGERS = 16  # internal triggers in sims/QDAC2.yaml
_POINTS = 100_000  # unverified: points of a list
_DWELL = (2e-6, 3600.0)  # [s] unverified
_DELAY = (0.0, 3600.0)  # [s] unverified


def _volts(value: float) -> str:
    return f"{value:.9g}"


class QDAC2(ScpiFirmware):
    """A QDAC-II; an output cannot be turned off."""

    def __init__(self, place: Place, model: VoltageBankModel) -> None:
        world = place.world
        engine = ScpiEngine(
            identity_text(model.identity, ", "),
            dialect=Dialect(empty='0, "No error"', entry='{code}, "{text}"', queue=100),
            on_reset=self.reset,
            on_message=lambda: world.sleep(model.timing.command),
            on_trigger=lambda: self._trigger("BUS"),
        )
        super().__init__(world, engine)
        self.kept = Kept(engine, len(model.channels), "{:g}".format, lists=True, lower=True)
        self.outputs = Outputs(place, model)
        self.sensors = Sensors(place, model, engine, self.kept)
        self._add_levels()
        self._add_sequencer()
        self._add_square()
        self._add_triggers()

    def reset(self) -> None:
        """*RST: all channels at 0 V on the high range, nothing waiting."""
        self.kept.reset()
        self.outputs.reset()
        self.sensors.reset()

    # -- how commands reach channels ---------------------------------------------------------------

    def _lines(self, call: Call, position: int) -> list[Line]:
        return [self.outputs.lines[n] for n in self.kept.targets(call, position)]

    def _add(
        self, pattern: str, take: Callable[[Call], Callable[[int], None]] | None, give: Callable[[int], str] | None
    ) -> None:
        """Add a command: `take` gives what to do to each channel, `give` is a channel's answer."""

        def choose(call: Call) -> None:
            assert take is not None
            channels, act = self.kept.targets(call, 1), take(call)
            for n in channels:
                act(n)

        def answer(call: Call) -> str:
            assert give is not None
            return ",".join(give(n) for n in self.kept.targets(call, 0))

        self.engine.add(pattern, set=choose if take else None, get=answer if give else None, most=2)

    def _add_field(
        self,
        pattern: str,
        part: Callable[[Line], object],
        name: str,
        take: Callable[[Call], float | str | bool],
        show: Callable[[object], str],
    ) -> None:
        """Add a setting that is the field `name` of a part of each channel."""

        def choose(call: Call) -> Callable[[int], None]:
            value = take(call)
            return lambda n: setattr(part(self.outputs.lines[n]), name, value)

        self._add(pattern, choose, lambda n: show(getattr(part(self.outputs.lines[n]), name)))

    # -- levels ------------------------------------------------------------------------------------

    def _add_levels(self) -> None:
        head, lines, outputs = ":SOURce#[:DC]:VOLTage", self.outputs.lines, self.outputs
        add = self.engine.add
        level = f"{head}[:LEVel][:IMMediate][:AMPLitude]"
        add(level, set=self._set_level, get=self._levels, most=2)
        self._add(f"{head}[:LEVel]:TRIGgered[:AMPLitude]", self._pend, lambda n: _volts(lines[n].pending))
        self._add(f"{head}:LAST", None, lambda n: _volts(lines[n].level))
        self._add_field(f"{head}:SLEW", lambda line: line, "slew", _take_slew, _number)
        self._add(f"{head}:MODE", self._set_mode, lambda n: lines[n].dc.mode.lower())
        for pattern in (":SOURce#[:DC]:RANGe", f"{head}:RANGe"):
            self._add(pattern, self._set_range, lambda n: "high" if lines[n].high else "low")
            for place, word in enumerate(("LOW", "HIGH")):
                full = outputs.fulls[place]
                self._add(f"{pattern}:{word}:MINimum", None, lambda _, f=full: _volts(-f))
                self._add(f"{pattern}:{word}:MAXimum", None, lambda _, f=full: _volts(f))
        self.kept.word("filter", ":SOURce#[:DC]:FILTer", "HIGH", ["DC", "MEDium", "HIGH"])
        self.kept.word("filter", f"{head}:FILTer", "HIGH", ["DC", "MEDium", "HIGH"])

    def _set_level(self, call: Call) -> None:
        self.outputs.set_levels(self.kept.targets(call, 1), call.number(0, unit="V"))

    def _levels(self, call: Call) -> str:
        return ",".join(_volts(line.level) for line in self._lines(call, 0))

    def _pend(self, call: Call) -> Callable[[int], None]:
        volts = call.number(0, unit="V")

        def keep(n: int) -> None:
            self.outputs.lines[n].pending = self.outputs.check(n, volts)

        return keep

    def _set_mode(self, call: Call) -> Callable[[int], None]:
        """Fixed, list or sweep; the level stays where it is (unverified)."""
        short = _short(call, ["FIXed", "LIST", "SWEep"])

        def choose(n: int) -> None:
            self.outputs.lines[n].dc.mode = short

        return choose

    def _set_range(self, call: Call) -> Callable[[int], None]:
        high = call.word(0, ["LOW", "HIGH"]) == "HIGH"
        return lambda n: self.outputs.set_range(n, high=high)

    # -- lists, sweeps and squares -----------------------------------------------------------------

    def _add_sequencer(self) -> None:
        lines = self.outputs.lines
        for word, mode in (("LIST", "TMODe"), ("SWEep", "GENeration")):
            head = f":SOURce#[:DC]:{word}"
            self._add_field(
                f"{head}:DWELl", _dc, "dwell", lambda call: call.number(0, unit="S", bounds=_DWELL), _number
            )
            self._add_field(f"{head}:COUNt", _dc, "count", _take_count, str)
            for name in {mode, "TMODe"}:
                self._add_field(f"{head}:{name}", _dc, "stepped", _take_stepped, lambda on: "step" if on else "auto")
            self._add_field(f"{head}:DIRection", _dc, "down", _take_down, lambda down: "down" if down else "up")
            self._add(f"{head}:NCLeft", None, lambda n: str(self.outputs.cycles_left(n)))
        head = ":SOURce#[:DC]:LIST"
        add = self.engine.add
        add(f"{head}:VOLTage", set=self._set_list, get=self._list, most=_POINTS)
        add(f"{head}:VOLTage:APPend", set=self._append, most=_POINTS)
        self._add(f"{head}:POINts", None, lambda n: str(len(lines[n].dc.points)))
        head = ":SOURce#[:DC]:SWEep"
        for name in ("start", "stop"):
            pattern = f"{head}:{'STARt' if name == 'start' else 'STOP'}"
            self._add_field(pattern, _dc, name, lambda call: call.number(0, unit="V", bounds=self._largest), _number)
        self._add_field(f"{head}:POINts", _dc, "steps", lambda call: call.integer(0, bounds=(1, _POINTS)), str)
        self._add(f"{head}:TIME", None, lambda n: f"{lines[n].dc.dwell * lines[n].dc.steps:g}")

    @property
    def _largest(self) -> tuple[float, float]:
        return -self.outputs.fulls[1], self.outputs.fulls[1]

    def _set_list(self, call: Call) -> None:
        channels, points = self._points(call)
        for n in channels:
            self.outputs.lines[n].dc.points = points

    def _append(self, call: Call) -> None:
        channels, points = self._points(call)
        longer = {n: self.outputs.lines[n].dc.points + points for n in channels}
        if any(len(found) > _POINTS for found in longer.values()):
            raise ScpiError(-223)
        for n, found in longer.items():
            self.outputs.lines[n].dc.points = found

    def _points(self, call: Call) -> tuple[list[int], list[float]]:
        """Channels, and levels as numbers or as a block of little-endian floats (PyVISA's write_binary_values)."""
        if call.has(0) and call.arguments[0].kind is Kind.BLOCK:
            data, place = call.block(0), 1
            if not data or len(data) % 4:
                raise ScpiError(-161)
            points = list(struct.unpack(f"<{len(data) // 4}f", data))
        else:
            place = next((n for n, a in enumerate(call.arguments) if a.kind is Kind.EXPRESSION), call.count)
            points = [call.number(n, unit="V") for n in range(max(1, place))]
        channels = self.kept.targets(call, place)
        for n in channels:
            for point in points:
                self.outputs.check(n, point)
        return channels, points

    def _list(self, call: Call) -> str:
        return ",".join(_volts(point) for line in self._lines(call, 0) for point in line.dc.points)

    def _add_square(self) -> None:
        head = ":SOURce#:SQUare"
        part = _square

        def number(call: Call, low: float, high: float) -> float:
            return call.number(0, unit=("S", "V", "%"), bounds=(low, high))

        self._add_field(f"{head}:PERiod", part, "period", lambda call: number(call, 2e-6, 3600), _number)
        self._add_field(
            f"{head}:FREQuency",
            part,
            "period",
            lambda call: 1 / call.number(0, unit="HZ", bounds=(1e-3, 5e5)),
            _inverse,
        )
        self._add_field(f"{head}:DCYCle", part, "duty", lambda call: number(call, 0, 100), _number)
        kinds = ["SYMMetric", "POSitive", "NEGative"]
        self._add_field(f"{head}:TYPe", part, "kind", lambda call: _short(call, kinds), lambda kind: str(kind).lower())
        self._add_field(
            f"{head}:POLarity",
            part,
            "inverted",
            lambda call: _short(call, ["NORMal", "INVerted"]) == "INV",
            lambda inverted: "inv" if inverted else "norm",
        )
        self._add_field(f"{head}:SPAN", part, "span", lambda call: number(call, 0, 20), _number)
        self._add_field(f"{head}:OFFSet", part, "offset", lambda call: number(call, -10, 10), _number)
        self._add_field(f"{head}:COUNt", part, "count", _take_count, str)
        self.kept.number("square_slew", f"{head}:SLEW", FASTEST, bounds=(0.01, FASTEST), words={"INF": FASTEST})
        self._add(f"{head}:NCLeft", None, self._squares_left)

    def _squares_left(self, n: int) -> str:
        line = self.outputs.lines[n]
        return str(line.square.count if line.waits["SQU"] else 0)

    # -- triggers ----------------------------------------------------------------------------------

    def _add_triggers(self) -> None:
        lines, outputs, add = self.outputs.lines, self.outputs, self.engine.add
        for kind, head, part in (("DC", ":SOURce#:DC", _dc), ("SQU", ":SOURce#:SQUare", _square)):
            self._add_field(f"{head}:DELay", part, "delay", _take_delay, _number)
            self._add(f"{head}:TRIGger:SOURce", self._chooser(kind), lambda n, k=kind: lines[n].source[k].lower())
            self._add(
                f"{head}:INITiate:CONTinuous", self._repeater(kind), lambda n, k=kind: str(int(lines[n].again[k]))
            )
            add(
                f"{head}:INITiate[:IMMediate]",
                set=lambda call, k=kind: outputs.initiate(self.kept.targets(call, 0), k),
                most=1,
            )
            add(f"{head}:ABORt", set=lambda call, k=kind: outputs.abort(self.kept.targets(call, 0), k), most=1)
        add(":SOURce#:ALL:ABORt", set=lambda call: outputs.abort(self.kept.targets(call, 0), "DC", "SQU"), most=1)
        add(":ABORt", set=self._abort, most=0)
        add(":TINTernal", set=self._internal, most=1)
        for name, words in (("SOURce", SOURCES), ("POLarity", ("NORMal", "INVerted"))):
            self.kept.word(f"out_{name}", f":OUTPut:TRIGger#:{name}", forms(words[0])[0], words)
        self.kept.number("out_width", ":OUTPut:TRIGger#:WIDTh", 10e-6, bounds=(1e-6, 1), unit="S")
        self.kept.number("out_delay", ":OUTPut:TRIGger#:DELay", 0, bounds=(0, 3600), unit="S")
        add(":OUTPut:TRIGger#:SIGNal", set=lambda _: None, most=0)
        add(":SYSTem:COMMunicate:LAN:MAC", get=lambda _: '"049162C01016"', most=0)

    def _chooser(self, kind: str) -> Callable[[Call], Callable[[int], None]]:
        def take(call: Call) -> Callable[[int], None]:
            source = _short(call, SOURCES)

            def choose(n: int) -> None:
                self.outputs.lines[n].source[kind] = source

            return choose

        return take

    def _repeater(self, kind: str) -> Callable[[Call], Callable[[int], None]]:
        def take(call: Call) -> Callable[[int], None]:
            again = call.boolean(0)

            def choose(n: int) -> None:
                self.outputs.lines[n].again[kind] = again

            return choose

        return take

    def _abort(self, _: Call) -> None:
        self.outputs.abort(self.outputs.lines, "DC", "SQU")
        self.sensors.abort()

    def _internal(self, call: Call) -> None:
        """TINTernal: an internal trigger; one that nobody waits for is lost."""
        self._trigger(f"INT{call.integer(0, bounds=(1, _TRIGGERS))}")

    def _trigger(self, source: str) -> None:
        self.outputs.trigger(source)
        self.sensors.trigger(source)


def _dc(line: Line) -> object:
    return line.dc


def _square(line: Line) -> object:
    return line.square


def _take_slew(call: Call) -> float:
    return call.number(0, bounds=(0.01, FASTEST), words={"INF": FASTEST})


def _take_delay(call: Call) -> float:
    return call.number(0, unit="S", bounds=_DELAY)


def _number(value: object) -> str:
    return f"{value:.9g}"


def _inverse(value: object) -> str:
    return f"{1 / float(str(value)):.9g}"


def _short(call: Call, choices: Sequence[str]) -> str:
    long = call.word(0, choices)
    return next(forms(choice)[0] for choice in choices if choice.upper() == long)


def _take_count(call: Call) -> int:
    count = call.integer(0, bounds=(-1, 1_000_000), words={"INF": -1})
    if count == 0:
        raise ScpiError(-222)
    return count


def _take_stepped(call: Call) -> bool:
    return call.word(0, ["AUTO", "STEPped", "STEP", "ANALog"]).startswith("STEP")


def _take_down(call: Call) -> bool:
    return call.word(0, ["UP", "DOWN"]) == "DOWN"
