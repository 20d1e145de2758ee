"""The last gate before the transport: reads every SCPI and TSP text and refuses what would pass a limit.

It stands behind the typed gates (`limits`) and knows nothing of drivers but their words, so that it holds for raw
writes, for a driver with a mistake, for numbers that were formatted into texts. What it cannot read it refuses.
Levels hold against the limits of a terminal and of a cell: alone, with every other line at ground, and together with
the other sources of the bench, unless the typed gate has granted just these voltages for one pulse. Compliance is
held against the largest that the bench allows; a generator's levels count as an open circuit gets them. A digital port
is written where a chip's gates hang on it, and on the rail of writes these move with every source at 0 V only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from labmtj.bench import message_scpi, message_tsp
from labmtj.bench.limits import Gate
from labmtj.bench.message_effects import Effect
from labmtj.config.model import FieldSourceModel, InstrumentModel, PulseGeneratorModel
from labmtj.drivers.vocabularies import VOCABULARIES
from labmtj.drivers.vocabulary import Does, Vocabulary
from labmtj.errors import InputError, LimitExceeded
from labmtj.gate_register import CLOSED, closed, on_write_rail
from labmtj.physics.stress import Limits
from labmtj.units import Dimension, show

_KEPT = 512  # chosen: messages whose reading is remembered; a whole run has some hundred different ones
_NOW = "level"
Reader = Callable[[str, Vocabulary], tuple[Effect, ...]]


def message_gate(
    model: InstrumentModel,
    limits: Limits,
    *,
    name: str = "",
    gate: Gate | None = None,
    driver: Any = None,
    most_current: float | None = None,
    register: bool = False,
) -> InstrumentGate:
    """The gate of one instrument (labmtj.bench.transport.MessageGate).

    `gate` is the bench's, shared by all instruments, with what it grants for a pulse; `driver` the class of a driver
    of one's own, which says its words in `VOCABULARY`; `most_current` [A] the bound of a magnet's supply where the
    bench has a tighter one than its rating; `register` says that gates hang on its digital port. Raises InputError for
    a driver without words.
    """
    module = model.driver.partition(":")[0]
    vocabulary = getattr(driver, "VOCABULARY", None) or VOCABULARIES.get(module)
    if not isinstance(vocabulary, Vocabulary):
        raise InputError(
            f"{name or model.title}: the driver {model.driver} does not say which words set what: give its class a "
            "VOCABULARY (labmtj.drivers.vocabulary), or the last gate cannot read what it sends"
        )
    if isinstance(model, FieldSourceModel):
        current = model.current if most_current is None else min(model.current, most_current)
        vocabulary = vocabulary.rated(current=current, voltage=model.voltage)
    ohms = model.output_impedance if isinstance(model, PulseGeneratorModel) else 0.0
    return InstrumentGate(name or model.title, vocabulary, gate or Gate(limits), ohms=ohms, register=register)


class InstrumentGate:
    """Reads what one instrument is sent. `ohms`: a generator's output impedance; 0 for what has no load setting.

    `register`: the digital port opens the gates of a chip.
    """

    def __init__(
        self, name: str, vocabulary: Vocabulary, gate: Gate, *, ohms: float = 0.0, register: bool = False
    ) -> None:
        self._name, self._vocabulary, self._gate, self._ohms = name, vocabulary, gate, ohms
        self._register = register
        self._read: Reader = message_tsp.effects if vocabulary.language == "tsp" else message_scpi.effects
        self._known: dict[str, tuple[Effect, ...]] = {}
        self._state = _State()

    def admit(self, message: str) -> None:
        """Raise LimitExceeded for a message that would set more than a limit, or of which that cannot be told."""
        found = self._known.get(message)
        if found is None:
            try:
                found = self._read(message, self._vocabulary)
            except LimitExceeded as error:
                raise LimitExceeded(f"{self._name}: {error}") from None
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[message] = found
        if not found:
            return
        after = self._state.copy()
        for effect in found:
            self._apply(effect, after)
        self._state = after
        self._gate.keep_sent(self._name, after.levels)

    def _apply(self, effect: Effect, state: _State) -> None:
        """Check one effect, and note it in `state`."""
        channel = effect.channel
        if effect.does is Does.LEVEL:
            volts = self._volts(effect, effect.values[0], state)
            state.levels = {**state.levels, channel: volts}
            if volts and not self._gate.fits(self._name, state.levels):  # 0 V passes whatever stands elsewhere
                self._gate.check_sent(self._name, state.levels, f"{self._name}: {effect.text!r}")
            return
        what = f"{self._name}: {effect.text!r}"
        match effect.does:
            case Does.ARMS:
                volts = tuple(self._volts(effect, value, state) for value in effect.values)
                state.armed = {**state.armed, (channel, effect.slot): volts}
            case Does.DISARMS:
                state.active = {**state.active, channel: bool(effect.values)}
            case Does.COMPLIANCE:
                self._compliance(effect, state)
            case Does.LOAD:
                self._load(effect, state)
            case Does.OUTPUT:
                if effect.values[0] and self._vocabulary.needs_compliance and channel not in state.limited:
                    raise LimitExceeded(f"{what}: no current limit was set on this channel since it was reset")
            case Does.FIRES:
                self._fire(state, what)
            case Does.RESETS:
                state.reset(channel, load=50.0 if self._ohms else 0.0, ohms=self._ohms)
            case Does.GATES:
                self._gates(effect.values[0], state, what)
            case Does.RATED:
                most = self._vocabulary.bounds[effect.slot]
                if not abs(effect.values[0]) <= most * (1 + 1e-9):
                    raise LimitExceeded(f"{what} is beyond {most:g}")
            case _:
                pass

    def _volts(self, effect: Effect, value: float, state: _State) -> float:
        """A level as an open circuit gets it [V], within the limits of a terminal and of a cell."""
        factor = state.factor(effect.channel) if self._ohms else 1.0
        volts = value * factor if value else 0.0
        if abs(volts) <= self._gate.safe:
            return volts
        what = f"{self._name}: {effect.text!r}"
        if not math.isfinite(volts):
            raise LimitExceeded(f"{what}: the load that its levels are stated for is not known; set it to INF first")
        if factor != 1.0 and value:
            what += f", which is {show(volts, Dimension.VOLTAGE)} without that load"
        try:
            self._gate.check_alone(volts, what)
        except LimitExceeded as error:
            raise LimitExceeded(str(error) if str(error).startswith(what) else f"{what}: {error}") from None
        return volts

    def _compliance(self, effect: Effect, state: _State) -> None:
        limits = self._gate.limits
        most = max(limits.line_compliance, limits.bias_compliance or 0.0)
        if not 0.0 < effect.values[0] <= most * (1 + 1e-9):
            raise LimitExceeded(
                f"{self._name}: {effect.text!r}: a current limit is above 0 A and up to "
                f"{show(most, Dimension.CURRENT)} on this bench"
            )
        if effect.slot == _NOW:
            state.limited = state.limited | {effect.channel}

    def _gates(self, value: float, state: _State, what: str) -> None:
        """A level of the digital port: closing all gates passes always."""
        level = int(value)
        if not self._register or level != value or not 0 <= level <= CLOSED:
            raise LimitExceeded(f"{what}: the digital port is not for this, or has no such level")
        moves = level != state.port and (on_write_rail(state.port) or on_write_rail(level))
        if moves and not closed(level) and (any(state.levels.values()) or self._gate.others_on(self._name)):
            raise LimitExceeded(f"{what}: gates on the rail of writes move with every source at 0 V only")
        state.port = level

    def _load(self, effect: Effect, state: _State) -> None:
        """Levels that stand count by the larger of both loads: what models keep when the load changes differs."""
        before, load = state.factor(effect.channel), effect.values[0]
        after = 1.0 if math.isinf(load) else max(2.0, (self._ohms + load) / load)
        state.loads = {**state.loads, effect.channel: after}
        if math.isfinite(before) and after > before:
            for key in [key for key in state.armed if key[0] == effect.channel]:
                larger = tuple(volts * after / before for volts in state.armed[key])
                state.armed = {**state.armed, key: larger}
                for volts in larger:
                    self._gate.check_alone(volts, f"{self._name}: {effect.text!r}")

    def _fire(self, state: _State, what: str) -> None:
        """What a trigger releases, together with what stands elsewhere."""
        volts = dict(state.levels)
        for (channel, slot), values in state.armed.items():
            if slot == "list" and not state.active.get(channel, True):
                continue
            if slot == "pending" and state.active.get(channel):
                continue
            for number, value in enumerate(values):
                volts[f"{channel} {slot} {number}"] = value
            if slot == "pending":
                state.levels = {**state.levels, channel: values[-1]}
                volts.pop(channel, None)
        self._gate.check_sent(self._name, volts, f"{what} releases what is armed")


class _State:
    """What an instrument was told: levels that stand, levels that wait for a trigger, load factors, current limits.

    Its mappings are replaced, never changed, so that a copy costs nothing.
    """

    __slots__ = ("active", "armed", "default_load", "levels", "limited", "loads", "port")

    def __init__(self) -> None:
        self.port = CLOSED
        self.levels: dict[str, float] = {}
        self.armed: dict[tuple[str, str], tuple[float, ...]] = {}
        self.active: dict[str, bool] = {}  # whether a channel follows its list; not said: it does
        self.loads: dict[str, float] = {}
        self.default_load = math.inf  # factor: what somebody else has set is not known
        self.limited: frozenset[str] = frozenset()

    def copy(self) -> _State:
        """The same, to be changed."""
        other = _State.__new__(_State)
        other.levels, other.armed, other.active = self.levels, self.armed, self.active
        other.loads, other.default_load, other.limited = self.loads, self.default_load, self.limited
        other.port = self.port
        return other

    def factor(self, channel: str) -> float:
        """What an open circuit gets over what is programmed."""
        return self.loads.get(channel, self.default_load)

    def reset(self, channel: str, *, load: float, ohms: float) -> None:
        """After a reset of one channel, or of all ("")."""
        self.limited = self.limited - {channel} if channel else frozenset()
        self.levels = {name: volts for name, volts in self.levels.items() if channel and name != channel}
        self.armed = {key: volts for key, volts in self.armed.items() if channel and key[0] != channel}
        self.active = {name: on for name, on in self.active.items() if channel and name != channel}
        if not channel:
            self.loads = {}
            self.default_load = max(2.0, (ohms + load) / load) if load else 1.0
