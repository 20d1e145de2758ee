"""What simulated relay matrices with SCPI have in common: channel lists, relays, the time that they take.

A crosspoint is (row letter, matrix column from 1) with the cards side by side; each model has names of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.scpi.call import Channel
from labmtj.twin.scpi.engine import Dialect, ScpiEngine, ScpiError
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.world import Crosspoint

_MOST = 10_000  # chosen: crosspoints of one list, the same one as often as it is named


class Names:
    """The channels of a matrix in the order of their numbers; `spell` makes one way of writing a name of many."""

    def __init__(
        self,
        crosspoints: Iterable[Crosspoint],
        name: Callable[[Crosspoint], str],
        *,
        spell: Callable[[str], str] = str,
        outside: str | None = None,
    ) -> None:
        self._order = tuple(crosspoints)
        self._spell, self._outside = spell, outside
        self._name = {crosspoint: name(crosspoint) for crosspoint in self._order}
        self._place = {text: place for place, text in enumerate(self._name.values())}

    def listed(self, items: Sequence[Channel]) -> list[Crosspoint]:
        """The crosspoints of a channel list; a range goes along the order. Raises ScpiError -222 or -223."""
        found: list[Crosspoint] = []
        for item in items:
            first, last = (self._find(end) for end in (item if isinstance(item, tuple) else (item, item)))
            step = 1 if last >= first else -1
            found += [self._order[place] for place in range(first, last + step, step)]
            if len(found) > _MOST:
                raise ScpiError(-223)
        return found

    def written(self, crosspoints: Iterable[Crosspoint]) -> str:
        """A channel list of these, in order: "(@101,102)"."""
        wanted = frozenset(crosspoints)
        return f"(@{','.join(name for crosspoint, name in self._name.items() if crosspoint in wanted)})"

    def _find(self, text: str) -> int:
        place = self._place.get(self._spell(text))
        if place is None:
            raise ScpiError(-222, self._outside)
        return place


class ScpiMatrix(ScpiFirmware):
    """A matrix whose relays are the world's; subclasses add their commands to `engine`.

    What it answers about relays is what it has asked of them: like the instruments, it does not see a stuck one.
    """

    def __init__(self, place: Place, model: SwitchMatrixModel, *, dialect: Dialect) -> None:
        self.world, self.model = place.world, model
        engine = ScpiEngine(
            identity_text(model.identity),
            dialect=dialect,
            on_reset=self.reset,
            on_message=lambda: self.world.sleep(model.timing.command),
            on_trigger=self.step,
        )
        super().__init__(place.world, engine)

    def reset(self) -> None:
        """*RST: every relay opens."""
        self.move(frozenset())

    def step(self) -> None:
        """What a trigger does; -211 where nothing waits for one."""
        raise ScpiError(-211)

    @property
    def rows(self) -> str:
        """Letters of the rows."""
        return "".join(chr(ord("A") + n) for n in range(self.model.rows))

    @property
    def closed(self) -> frozenset[Crosspoint]:
        """What the matrix believes to be closed."""
        return self.world.asked

    @property
    def settling(self) -> float:
        """Seconds that relays take to move and to stop bouncing."""
        return self.model.relay.settling

    def move(self, closed: Iterable[Crosspoint]) -> None:
        """Have these closed and all others open, and let them settle."""
        self.world.set_relays(closed)
        self.world.sleep(self.settling)

    def cards(self) -> list[tuple[int, range]]:
        """Cards by number from 1, with their matrix columns."""
        width = self.model.cards.columns
        return [(n + 1, range(n * width + 1, (n + 1) * width + 1)) for n in range(self.model.cards.count)]

    def split(self, crosspoint: Crosspoint) -> tuple[int, int, int]:
        """Card, row and column on that card, all counted from 1."""
        card, column = divmod(crosspoint[1] - 1, self.model.cards.columns)
        return card + 1, ord(crosspoint[0]) - ord("A") + 1, column + 1


def states(crosspoints: Iterable[Crosspoint], closed: frozenset[Crosspoint], *, of_open: bool = False) -> str:
    """0 or 1 for each of a list: 1 is closed, or open with `of_open`."""
    return ",".join(str(int((crosspoint in closed) != of_open)) for crosspoint in crosspoints)
