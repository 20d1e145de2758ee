"""Firmware of the Agilent/Keysight B2200A and B2201A low-leakage relay matrices, SCPI.

Agilent B2200 User's Guide (manualsdump.com, azmanual.top): channel lists 4-5, commands chapter 5 (Edition 2: *IDN?
5-7, BIAS 5-33; Edition 4: OPEN 5-39), errors chapter 7. A channel is card, two-digit input, two-digit output; card 0
is all cards as one matrix (auto configuration), which is what *RST sets (unverified). Inputs 1 to 14 are rows A to N.
"""

from __future__ import annotations

from collections.abc import Callable

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.keysight_b2200_card import INPUTS, Card, Tie, letter
from labmtj.twin.scpi.engine import Call, Dialect, ScpiError
from labmtj.twin.scpi.matrix import Names, ScpiMatrix, states
from labmtj.twin.world import Crosspoint

_RULES = {"FREE": "FREE", "SROUTE": "SROU"}
_SEQUENCES = {"NSEQUENCE": "NSEQ", "BBMAKE": "BBM", "MBBREAK": "MBBR"}
_COUPLED = range(1, INPUTS, 2)  # couple ports are odd, each with the next one


class KeysightB2200(ScpiMatrix):
    """One mainframe with its cards."""

    def __init__(self, place: Place, model: SwitchMatrixModel) -> None:
        super().__init__(place, model, dialect=Dialect(empty='0,"No Error"'))
        self._auto = True
        self._made: frozenset[Crosspoint] = frozenset()  # without what the bias and the ground mode add
        self._configure(auto=True)
        self._add_connections()
        self._add_modes()

    # -- configuration -------------------------------------------------------------------------------

    def _configure(self, *, auto: bool) -> None:
        """Number the cards; all settings are those of *RST."""
        cards = self.cards()
        self._auto, self._made = auto, frozenset()
        everything = range(1, cards[-1][1].stop)
        self._cards = {0: Card(0, everything)} if auto else {n: Card(n, columns) for n, columns in cards}
        crosspoints = [(row, column) for card in self._cards.values() for row in self.rows for column in card.columns]
        self._names = Names(crosspoints, self._name, spell=lambda text: text.zfill(5))

    def _name(self, crosspoint: Crosspoint) -> str:
        card, row, column = self.split(crosspoint)
        return f"0{row:02d}{crosspoint[1]:02d}" if self._auto else f"{card}{row:02d}{column:02d}"

    def reset(self) -> None:
        """*RST: auto configuration, free rule, all modes off, every relay open."""
        self._configure(auto=True)
        super().reset()

    # -- commands ------------------------------------------------------------------------------------

    def _add_connections(self) -> None:
        add = self.engine.add
        add("[:ROUTe]:FUNCtion", set=self._set_function, get=lambda _: "ACON" if self._auto else "NCON")
        add("[:ROUTe]:CLOSe[:LIST]", set=self._close, get=lambda call: states(self._listed(call), self.closed))
        add("[:ROUTe]:CLOSe:CARD", get=self._closed_on)
        add(
            "[:ROUTe]:OPEN[:LIST]",
            set=self._open,
            get=lambda call: states(self._listed(call), self.closed, of_open=True),
        )
        add("[:ROUTe]:OPEN:CARD", set=self._open_card)
        add("[:ROUTe]:CONNection:RULE", set=self._set_rule, get=lambda call: self._one(call).rule, most=2)
        add("[:ROUTe]:CONNection:SEQuence", set=self._set_sequence, get=lambda call: self._one(call).sequence, most=2)
        add(":SYSTem:CPON", set=self._restart)
        add(":SYSTem:CTYPe", get=self._card_type)

    def _add_modes(self) -> None:
        add = self.engine.add
        add("[:ROUTe]:BIAS|AGND[:STATe]", set=self._set_mode, get=lambda call: str(int(self._tie(call).on)), most=2)
        add("[:ROUTe]:BIAS|AGND:PORT", set=self._set_port, get=lambda call: str(self._tie(call).port), most=2)
        for word, on in (("ENABle", True), ("DISable", False)):
            header = f"[:ROUTe]:BIAS|AGND:CHANnel:{word}"
            add(f"{header}[:LIST]", set=self._enabler(on=on), get=self._enabled(on=on))
            add(f"{header}:CARD", set=self._enabler(on=on, cards=True), get=self._outputs(on=on))
        add("[:ROUTe]:AGND:UNUSed", set=self._set_unused, get=lambda call: _quoted(self._one(call).unused), most=2)
        add("[:ROUTe]:COUPle[:STATe]", set=self._set_couple, get=lambda c: str(int(self._one(c).couple)), most=2)
        add("[:ROUTe]:COUPle:PORT", set=self._set_coupled, get=lambda call: _quoted(self._one(call).coupled), most=2)
        add("[:ROUTe]:COUPle:PORT:DETect", set=self._detect, most=0)

    # -- arguments -----------------------------------------------------------------------------------

    def _chosen(self, call: Call) -> list[Card]:
        """The cards of a command: a number or ALL."""
        low, high = min(self._cards), max(self._cards)
        wanted = call.integer(0, bounds=(low, high), words={"ALL": -1})
        return list(self._cards.values()) if wanted < 0 else [self._cards[wanted]]

    def _one(self, call: Call) -> Card:
        """The card of a query; ALL is not available there."""
        found = self._chosen(call)
        if call.raw(0).upper() == "ALL":
            raise ScpiError(-224)
        return found[0]

    def _tie(self, call: Call) -> Tie:
        return self._one(call).ties[call.choice()]

    def _listed(self, call: Call) -> list[Crosspoint]:
        return self._names.listed(call.channels(0))

    def _on(self, card: Card, crosspoints: list[Crosspoint]) -> list[Crosspoint]:
        return [crosspoint for crosspoint in crosspoints if crosspoint[1] in card.columns]

    # -- connections ---------------------------------------------------------------------------------

    def _apply(self, made: frozenset[Crosspoint], cards: list[Card]) -> None:
        """Move relays to these connections and what the modes add; cards settle one after the other."""
        self._made = made
        for card in cards:
            elsewhere = frozenset(c for c in self.closed if c[1] not in card.columns)
            after = elsewhere | card.closed(made)
            for closed in card.stages(self.closed, after):
                self.move(closed)

    def _close(self, call: Call) -> None:
        made, wanted = self._made, self._listed(call)
        cards = [card for card in self._cards.values() if self._on(card, wanted)]
        for card in cards:
            made = card.connect(made, self._on(card, wanted))
        self._apply(made, cards)

    def _open(self, call: Call) -> None:
        made, wanted = self._made, self._listed(call)
        cards = [card for card in self._cards.values() if self._on(card, wanted)]
        for card in cards:
            made = card.disconnect(made, self._on(card, wanted))
        self._apply(made, cards)

    def _open_card(self, call: Call) -> None:
        cards = self._chosen(call)
        self._apply(frozenset(c for c in self._made if not any(c[1] in card.columns for card in cards)), cards)

    def _closed_on(self, call: Call) -> str:
        columns = self._one(call).columns
        return self._names.written(c for c in self.closed if c[1] in columns)

    def _set_function(self, call: Call) -> None:
        auto = call.word(0, ["ACONfig", "NCONfig"]) == "ACONFIG"
        if auto != self._auto:
            self._configure(auto=auto)
            super().reset()

    def _set_rule(self, call: Call) -> None:
        rule = _RULES[call.word(1, ["FREE", "SROUte"])]
        for card in self._chosen(call):
            card.rule = rule  # connections that are there stay

    def _set_sequence(self, call: Call) -> None:
        sequence = _SEQUENCES[call.word(1, ["NSEQuence", "BBMake", "MBBReak"])]
        for card in self._chosen(call):
            card.sequence = sequence

    def _restart(self, call: Call) -> None:
        """Card by card what *RST does."""
        for card in self._chosen(call):
            self._cards[card.number] = fresh = Card(card.number, card.columns)
            self._apply(frozenset(c for c in self._made if c[1] not in card.columns), [fresh])

    def _card_type(self, call: Call) -> str:
        name = self.model.cards.name if call.integer(0, bounds=(0, 4)) <= self.model.cards.count else "0"
        return f"AGILENT,{name},0,{self.model.identity.firmware}"  # unverified: the form of *IDN?

    # -- modes ---------------------------------------------------------------------------------------

    def _set_mode(self, call: Call) -> None:
        on, cards = call.boolean(1), self._chosen(call)
        for card in cards:
            card.switch(call.choice(), on=on)
        if on:  # what was connected to the port belongs to the mode now
            taken = {(letter(c.ties[call.choice()].port), col) for c in cards for col in c.columns}
            self._made -= taken
        self._apply(self._made, cards)

    def _set_port(self, call: Call) -> None:
        port = call.integer(1, bounds=(1, self.model.rows), words={"-1": -1}) if call.raw(1) != "-1" else -1
        cards = self._chosen(call)
        for card in cards:
            card.ties[call.choice()].port = port
        self._apply(self._made, cards)

    def _enabler(self, *, on: bool, cards: bool = False) -> Callable[[Call], None]:
        def change(call: Call) -> None:
            columns = [col for card in self._chosen(call) for col in card.columns] if cards else []
            wanted = columns if cards else [column for _, column in self._listed(call)]
            touched = [card for card in self._cards.values() if any(column in card.columns for column in wanted)]
            for card in touched:
                tie, here = card.ties[call.choice()], {column for column in wanted if column in card.columns}
                tie.outputs = tie.outputs | here if on else tie.outputs - here
            self._apply(self._made, touched)

        return change

    def _enabled(self, *, on: bool) -> Callable[[Call], str]:
        def answer(call: Call) -> str:
            enabled = {col for card in self._cards.values() for col in card.ties[call.choice()].outputs}
            return ",".join(str(int((column in enabled) == on)) for _, column in self._listed(call))

        return answer

    def _outputs(self, *, on: bool) -> Callable[[Call], str]:
        def answer(call: Call) -> str:
            card = self._one(call)
            outputs = card.ties[call.choice()].outputs
            return self._names.written(("A", column) for column in card.columns if (column in outputs) == on)

        return answer

    def _set_unused(self, call: Call) -> None:
        """Inputs that nothing is plugged into: grounding them changes nothing on the lines."""
        ports = _ports(call.text(1), range(1, self.model.rows + 1))
        for card in self._chosen(call):
            card.unused = ports

    def _set_couple(self, call: Call) -> None:
        on = call.boolean(1)
        for card in self._chosen(call):
            card.couple = on

    def _set_coupled(self, call: Call) -> None:
        ports = _ports(call.text(1), _COUPLED)
        for card in self._chosen(call):
            card.coupled = ports

    def _detect(self, _: Call) -> None:
        """Find inputs with Kelvin cables: there are none on a simulated bench."""
        for card in self._cards.values():
            card.coupled = ()


def _ports(text: str, known: range) -> tuple[int, ...]:
    """Ports of a text such as "1, 3"; -222 for one that is not known."""
    found = [item.strip() for item in text.split(",") if item.strip()]
    if not all(item.isdecimal() and len(item) < 4 and int(item) in known for item in found):
        raise ScpiError(-222)
    return tuple(sorted({int(item) for item in found}))


def _quoted(ports: tuple[int, ...]) -> str:
    return f"'{','.join(map(str, ports))}'"
