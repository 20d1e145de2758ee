"""Settings of a simulated SCPI instrument that are a value and its query, whatever the firmware does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labmtj.twin.scpi.call import Call
from labmtj.twin.scpi.engine import ScpiEngine
from labmtj.twin.scpi.syntax import forms

Bounds = tuple[float, float]


class Stored:
    """Settings by name, with the defaults that `reset` restores; one that is `kept` survives it.

    `changes` counts what may have changed, for those who keep what they worked out from settings.
    """

    def __init__(self, engine: ScpiEngine) -> None:
        self._engine = engine
        self.changes = 0
        self._numbers: dict[str, float] = {}
        self._words: dict[str, str] = {}
        self._defaults: list[tuple[dict[str, float] | dict[str, str], str, float | str]] = []

    def reset(self) -> None:
        """Restore the defaults."""
        self.changes += 1
        for values, name, default in self._defaults:
            values[name] = default  # pyright: ignore[reportArgumentType]  # each default goes with its own dict

    def value(self, name: str) -> float:
        """A number."""
        return self._numbers[name]

    def count(self, name: str) -> int:
        """A number that counts."""
        return round(self._numbers[name])

    def on(self, name: str) -> bool:
        """A switch."""
        return self._numbers[name] != 0

    def word(self, name: str) -> str:
        """A word, long and in upper case; or a text, as it was sent."""
        return self._words[name]

    def put(self, name: str, value: float) -> None:
        """Change a number or a switch."""
        self._numbers[name] = float(value)
        self.changes += 1

    def choose(self, name: str, word: str) -> None:
        """Change a word."""
        self._words[name] = word
        self.changes += 1

    def number(
        self,
        pattern: str,
        name: str,
        default: float,
        *,
        bounds: Bounds,
        unit: str | None = None,
        shown: str = "{:.6E}",
        words: Mapping[str, float] | None = None,
        kept: bool = False,
        changed: Callable[[], object] | None = None,
    ) -> None:
        """Add a number; its query takes MIN, MAX and DEF, too."""
        known = {"DEF": default, **(words or {})}

        def take(call: Call) -> None:
            self.put(name, call.number(0, unit=unit, bounds=bounds, words=known))
            if changed is not None:
                changed()

        def give(call: Call) -> str:
            return shown.format(call.number(0, bounds=bounds, words=known, default=self._numbers[name]))

        self._keep(self._numbers, name, default, kept=kept)
        self._engine.add(pattern, set=take, get=give)

    def integer(
        self,
        pattern: str,
        name: str,
        default: int,
        *,
        bounds: tuple[int, int],
        words: Mapping[str, int] | None = None,
        shown: str = "{:.0f}",
        kept: bool = False,
        changed: Callable[[], object] | None = None,
    ) -> None:
        """Add a number that counts."""
        known = {"DEF": default, **(words or {})}

        def take(call: Call) -> None:
            self.put(name, call.integer(0, bounds=bounds, words=known))
            if changed is not None:
                changed()

        def give(call: Call) -> str:
            return shown.format(call.integer(0, bounds=bounds, words=known, default=round(self._numbers[name])))

        self._keep(self._numbers, name, default, kept=kept)
        self._engine.add(pattern, set=take, get=give)

    def switch(
        self, pattern: str, name: str, *, default: bool, kept: bool = False, changed: Callable[[], object] | None = None
    ) -> None:
        """Add a boolean, which is answered as 0 or 1."""

        def take(call: Call) -> None:
            self.put(name, call.boolean(0))
            if changed is not None:
                changed()

        self._keep(self._numbers, name, float(default), kept=kept)
        self._engine.add(pattern, set=take, get=lambda _: str(int(self.on(name))))

    def choice(
        self,
        pattern: str,
        name: str,
        choices: Sequence[str],
        *,
        kept: bool = False,
        changed: Callable[[], object] | None = None,
    ) -> None:
        """Add one of several words, the first of which is the default; it is answered in its short form."""
        short = {choice.upper(): forms(choice)[0] for choice in choices}

        def take(call: Call) -> None:
            self.choose(name, call.word(0, choices))
            if changed is not None:
                changed()

        self._keep(self._words, name, choices[0].upper(), kept=kept)
        self._engine.add(pattern, set=take, get=lambda _: short[self._words[name]])

    def text(self, pattern: str, name: str) -> None:
        """Add a text, which is answered in quotes."""

        def take(call: Call) -> None:
            self.choose(name, call.text(0))

        self._keep(self._words, name, "", kept=False)
        self._engine.add(pattern, set=take, get=lambda _: f'"{self._words[name]}"')

    def _keep(self, values: dict[str, float] | dict[str, str], name: str, default: float | str, *, kept: bool) -> None:
        values[name] = default  # pyright: ignore[reportArgumentType]  # as above
        if not kept:
            self._defaults.append((values, name, default))
