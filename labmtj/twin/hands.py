"""What lies on the lines of a simulated bench: its die, nothing, or a resistor of known value.

At a bench a person lifts the probe card, puts a resistor in and the die back; here `Hands` does. Meanwhile the die
rests: it ages at rest while the bench's clock runs on, and nothing reaches it. Relays keep counting.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.physics.variation import draw_die
from labmtj.records import Defect
from labmtj.twin.electrics import Electrics
from labmtj.twin.state import DieState
from labmtj.units import Dimension, parse

if TYPE_CHECKING:
    from labmtj.config.bench import Bench
    from labmtj.twin.served.control import Control
    from labmtj.twin.world import World

INSULATION = 1e12  # [ohm] chosen: a word and a bit line with nothing on them: cards and coaxial cables, dry
NOTHING: Mapping[tuple[int, int], float] = MappingProxyType({})
_WIRE = 1e-3  # [ohm] chosen: no line of a die, so next to nothing a segment


class Hands:
    """Puts things on the lines of a world, and the die back. Nothing is put down while a source drives the lines."""

    def __init__(self, world: World, bench: Bench) -> None:
        self._world, self._bench, self._die = world, bench, world.electrics

    def lift(self) -> None:
        """Take away what is on the lines. Raises InputError while a source drives them."""
        self._put(self._insulator())

    def resistor(self, row: int, col: int, ohms: float) -> None:
        """Put a resistor [ohm] between a row and a column, counted from 1, and nothing else. Raises InputError."""
        rows, cols = self._world.wiring.rows, self._world.wiring.cols
        if not (1 <= row <= rows and 1 <= col <= cols and 0 < ohms < INSULATION):
            raise InputError(f"no resistor of {ohms:g} ohm fits between row {row} and column {col} of {rows} x {cols}")
        self._put(self._insulator({(row, col): ohms}))

    def die(self) -> None:
        """Put the die back. Raises InputError while a source drives the lines."""
        self._put(self._die)

    @property
    def hold_die(self) -> bool:
        """Whether the die is on the lines."""
        return self._world.electrics is self._die

    def _put(self, electrics: Any) -> None:
        world = self._world
        with world.lock:
            if driven := world.driven():
                raise InputError(f"hands off: {', '.join(driven)} drives the lines")
            now, state = world.electrics.state.clock, electrics.state
            if electrics is self._die and now > state.clock:
                electrics.rest(now - state.clock)
            state.clock = now  # one bench, one clock
            world.take(electrics)

    def _insulator(self, resistors: Mapping[tuple[int, int], float] = NOTHING) -> Electrics:
        """A die of insulators, but for these resistors [ohm] by row and column, on lines as many as the bench has."""
        rows, cols = self._world.wiring.rows, self._world.wiring.cols
        array = self._bench.array.model_copy(update={"kernels": None, "rows": rows, "cols": cols})
        plain = self._bench.model_copy(update={"array": array, "simulation": None})
        model = dataclasses.replace(die_model(plain), wire=_WIRE, telegraph=0.0, seed=self._die.truth.model.seed)
        r_p = np.full((rows, cols), INSULATION)
        for (row, col), ohms in resistors.items():
            r_p[row - 1, col - 1] = ohms
        defect = np.full((rows, cols), int(Defect.OPEN), dtype=np.int64)
        truth = dataclasses.replace(draw_die(model), r_p=r_p, defect=defect)
        state = DieState(truth)
        state.cycles = self._die.state.cycles  # the relays are the same, and go on counting
        return Electrics(truth, state)


def offer_hands(control: Control, hands: Hands) -> None:
    """Answer {"do": "place"}: "nothing", "die", or a resistor with `row`, `col` and `resistance` ("10 kohm")."""

    def place(request: dict[str, Any]) -> dict[str, Any]:
        match request.get("what"):
            case "nothing":
                hands.lift()
            case "die":
                hands.die()
            case "resistor":
                row, col = request.get("row", 1), request.get("col", 1)
                if not isinstance(row, int) or not isinstance(col, int):
                    raise InputError("row and col are numbers of lines, from 1")
                hands.resistor(row, col, parse(str(request.get("resistance", "10 kohm")), Dimension.RESISTANCE))
            case other:
                raise InputError(f"{other!r} is none of: nothing, resistor, die")
        return {"what": request["what"]}

    control.add("place", place)
