"""Times of a pulse generator's channels: width, period, duty cycle, edges, and how they make way for each other.

33500 series: the width is at most the period less the shortest width (Agilent 33500 Series Operating and
Service Guide, page 69), an edge at most 0.625 of the width (33250A User's Guide, page 168). 81160A: the period
is at least the width and 1.6 edges (81150A and 81160A User's Guide, page 142).
"""

from __future__ import annotations

from labmtj.twin.firmware.generator_firmware import GeneratorFirmware
from labmtj.twin.scpi.engine import Call, ScpiError

_SLACK = 1 + 1e-9
_TOO_WIDE = "Data out of range; pulse width limited by period; value clipped to upper limit"
_TOO_SLOW = "Data out of range; pulse edge time limited by width; value clipped to upper limit"
_DUTY = (0.01, 99.99)  # [%] 33500 Guide, page 69


class Times:
    """The time commands of one generator; `edges` are those of each channel (leading, trailing) [s]."""

    def __init__(self, generator: GeneratorFirmware, *, edge: float) -> None:
        self._g, self._default = generator, edge
        self._shortest = generator.model.width.minimum
        self.edges: dict[int, list[float]] = {}
        self.duty: dict[int, float] = {}
        self.reset()

    def reset(self) -> None:
        """Edges to their default; call it before the waves are reset."""
        self.edges = {n: [self._default, self._default] for n in self._g.channels}
        self.duty = dict.fromkeys(self._g.channels, 0.1)

    def add(self, what: str, pattern: str) -> None:
        """Add a header for one of width, period, frequency, duty."""
        setter = {
            "width": self._set_width,
            "duty": self._set_duty,
            "period": self._set_period,
            "frequency": self.set_frequency,
        }[what]
        self._g.engine.add(pattern, set=setter, get=lambda call: self._shown(call, what))

    def add_edge(self, pattern: str, *which: int) -> None:
        """Add a header for the leading (0) edge, the trailing (1) edge, or both."""

        def choose(call: Call) -> None:
            self._set_edges(call, which)

        def answer(call: Call) -> str:
            bounds = self._g.model.edge
            words = {"MIN": bounds.minimum, "MAX": bounds.maximum}
            return self._g.rules.show(
                call.number(0, words=words) if call.has(0) else self.edges[self._g.channel(call)][which[0]]
            )

        self._g.engine.add(pattern, set=choose, get=answer)

    def fit(self, n: int) -> None:
        """See to it that the width fits the period when pulses are chosen."""
        self._take_period(n, self._g.terminals[n].wave.period)

    # -- handlers ----------------------------------------------------------------------------------

    def _set_width(self, call: Call) -> None:
        bounds = self._shortest, self._g.rules.longest_width
        words = {"MIN": bounds[0], "MAX": bounds[1], "DEF": 100e-6}
        self._take_width(self._g.channel(call), self._g.kept.within(call.number(0, unit="S", words=words), bounds))

    def _set_duty(self, call: Call) -> None:
        percent = self._g.kept.within(call.number(0, unit="%", words={"MIN": _DUTY[0], "MAX": _DUTY[1]}), _DUTY)
        self._take_width(self._g.channel(call), max(percent / 100 * self._g.wave(call).period, self._shortest))

    def _set_period(self, call: Call) -> None:
        bounds = self._g.rules.period
        value = call.number(0, unit="S", words={"MIN": bounds[0], "MAX": bounds[1], "DEF": 1e-3})
        self._take_period(self._g.channel(call), self._g.kept.within(value, bounds))

    def set_frequency(self, call: Call) -> None:
        """Set the frequency [Hz]; the width makes way."""
        bounds = 1 / self._g.rules.period[1], 1 / self._g.rules.period[0]
        value = call.number(0, unit="HZ", words={"MIN": bounds[0], "MAX": bounds[1], "DEF": 1e3})
        self._take_period(self._g.channel(call), 1 / self._g.kept.within(value, bounds))

    def _set_edges(self, call: Call, which: tuple[int, ...]) -> None:
        n, wave, rules, bounds = self._g.channel(call), self._g.wave(call), self._g.rules, self._g.model.edge
        words = {"MIN": bounds.minimum, "MAX": bounds.maximum, "DEF": self._default}
        edge = self._g.kept.within(call.number(0, unit="S", words=words), (bounds.minimum, bounds.maximum))
        if rules.edge_room and wave.width + rules.edge_room * edge > wave.period * _SLACK:
            raise ScpiError(-221)
        longest = max(rules.edge_share * wave.width, bounds.minimum)
        if edge > longest * _SLACK:
            self._g.engine.error(-222, _TOO_SLOW)
            edge = longest
        for place in which:
            self.edges[n][place] = edge

    def _shown(self, call: Call, what: str) -> str:
        wave, rules = self._g.wave(call), self._g.rules
        found = {
            "width": (wave.width, self._shortest, rules.longest_width),
            "period": (wave.period, *rules.period),
            "duty": (100 * wave.width / wave.period, *_DUTY),
            "frequency": (1 / wave.period, 1 / rules.period[1], 1 / rules.period[0]),
        }[what]
        value = call.number(0, words={"MIN": found[1], "MAX": found[2]}) if call.has(0) else found[0]
        return rules.show(value)

    # -- rules -------------------------------------------------------------------------------------

    def _room(self, n: int, period: float) -> float:
        """The longest width in a period."""
        share = self._g.rules.edge_room
        return period - (share * max(self.edges[n]) if share else self._shortest)

    def _take_width(self, n: int, width: float) -> None:
        wave, room = self._g.terminals[n].wave, self._room(n, self._g.terminals[n].wave.period)
        if width > room * _SLACK:
            if not self._g.rules.clips:
                raise ScpiError(-221)
            self._g.engine.error(-222, _TOO_WIDE)
            width = room
        wave.width, self.duty[n] = width, width / wave.period
        self._shorten_edges(n)
        self._g.show(n)

    def _take_period(self, n: int, period: float) -> None:
        """A new period; the width stays, or the duty cycle if that is held, as far as there is room."""
        wave = self._g.terminals[n].wave
        holds_duty = self._g.kept.text("hold", n) == "DCYC"
        width = max(self.duty[n] * period, self._shortest) if holds_duty else wave.width
        room = max(self._room(n, period), self._shortest)
        if wave.shape == "PULS" and width > room * _SLACK:
            self._g.conflict("pulse width decreased due to period")
            width = room
        wave.period, wave.width = period, width
        self._shorten_edges(n)
        self._g.show(n)

    def _shorten_edges(self, n: int) -> None:
        """Edges that do not fit into the width become shorter."""
        longest = max(self._g.rules.edge_share * self._g.terminals[n].wave.width, self._g.model.edge.minimum)
        if max(self.edges[n]) > longest * _SLACK:
            self._g.conflict("edge time decreased due to pulse width")
            self.edges[n] = [min(edge, longest) for edge in self.edges[n]]
