"""Which relays and channels an entry of a journal needed: planned anew from the bench file, no instrument is touched.

The journal holds no moves of relays. Lines and roles are those of the bench file, and the route is the one that the
bench's own planner makes of them (labmtj.bench.routing.Harness), so this is what was asked of the matrix last, not what
its relays say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from labmtj.bench.assemble import harness, roles_of
from labmtj.bench.routing import Harness
from labmtj.config.bench import BenchFile
from labmtj.config.model import load_model
from labmtj.config.wiring import Plug
from labmtj.errors import LabmtjError
from labmtj.physics.schemes import levels, two_channels
from labmtj.records import Line, Role, Scheme

_DOES = {
    Role.DRIVE: "drives",
    Role.SENSE: "senses",
    Role.SECOND_SENSE: "senses, too",
    Role.PULSE_ROW: "pulses",
    Role.PULSE_COL: "pulses",
    Role.GROUND: "ground",
    Role.FLOAT: "floats",
}


@dataclass(frozen=True)
class Asked:
    """What an entry asks of the lines: those selected, their volts [V] (None: each its own), and a pulse's scheme."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    volts: float | None
    scheme: Scheme | None = None
    col_volts: float | None = 0.0
    others: tuple[float | None, float | None] = (0.0, 0.0)  # volts of the other rows and columns; None floats


def asked_by(entry: Mapping[str, Any]) -> Asked | None:
    """What an entry asks; None for one that is about no lines."""
    match entry["k"]:
        case "read":
            row, col = entry["cell"]
            return Asked((row,), (col,), entry["v"])
        case "intent" if "lines" in entry:
            lines = entry["lines"]
            own = (_one(lines["row_v"]), _one(lines["col_v"]))
            return Asked(tuple(lines["rows"]), tuple(lines["cols"]), own[0], Scheme.V_HALF, own[1])
        case "intent":
            row, col = entry["cell"]
            scheme = Scheme(entry["scheme"])
            volts = levels(scheme, entry["v"])
            return Asked((row,), (col, *entry.get("cols", ())), volts.row, scheme, volts.col, volts[2:])
        case "product":
            return Asked(tuple(entry["rows"]), (entry["col"],), _one(entry["v"]))
        case "products":
            first = (entry["kernel"] - 1) * entry["rows"]
            opened = int(entry["patterns"][-1], 16) if entry["patterns"] else 0
            rows = tuple(first + bit + 1 for bit in range(entry["rows"]) if opened >> bit & 1)
            return Asked(rows, (entry["col"],), entry["v"])
        case "sum" | "sample":
            return Asked(tuple(entry["rows"]), tuple(entry["cols"]), entry["v"])
        case "neuron":
            return Asked((2 * entry["neuron"] - 1, 2 * entry["neuron"]), (entry["neuron"],), entry["drive"])
        case _:
            return None


class Wiring:
    """The wiring of one bench."""

    def __init__(self, file: BenchFile) -> None:
        self.file, self._bench = file, file.bench
        self._harness: Harness | None = None
        if not self._bench.every_line:
            models = {name: load_model(file.model_file(name)) for name in self._bench.instruments}
            self._harness = harness(self._bench, roles_of(self._bench, models))

    def uses(self, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is connected for an entry: `does`, `plug`, `lines`, `relays` and `volts` [V] of each group of lines.

        Empty for an entry that is about no lines, and for one that this bench could not have carried out.
        """
        asked = asked_by(entry)
        if asked is None:
            return []
        try:
            found = self._direct(asked) + self._through_matrix(asked, neuron=entry["k"] == "neuron")
        except LabmtjError:
            return []
        return found + self._gates(asked)

    def _through_matrix(self, asked: Asked, *, neuron: bool) -> list[dict[str, Any]]:
        if self._harness is None:
            return []
        route = self._harness.route(self._roles(asked, neuron=neuron))
        groups: dict[Role, list[Line]] = {}
        for line, role in route.items():
            groups.setdefault(role, []).append(line)
        volts = self._volts(asked)
        pulsed = asked.scheme is not None and self._bench.gates is not None  # the column's meter makes the pulse
        found: list[dict[str, Any]] = []
        for role in sorted(groups, key=list(Role).index):
            letter = self._harness.rows.get(role, "")
            columns = [self._harness.columns[line] for line in groups[role]]
            found.append(
                {
                    "does": "pulses" if pulsed and role is Role.SENSE else _DOES[role],
                    "plug": self._bench.roles.get(letter, ""),
                    "lines": _lines(groups[role]),
                    "relays": [] if role is Role.FLOAT else [f"{letter}{span}" for span in _spans(columns, letter)],
                    "closed": 0 if role is Role.FLOAT else len(columns),
                    "volts": volts.get(role),
                }
            )
        return found

    def _volts(self, asked: Asked) -> dict[Role, float | None]:
        """What sources stand at, by the roles that they have."""
        if asked.scheme is None:
            return {Role.DRIVE: asked.volts}
        # Where the selected columns are at ground the second channel is on all lines that were not selected.
        second = asked.col_volts or asked.others[1]
        return {Role.DRIVE: asked.volts, Role.SENSE: second, Role.PULSE_ROW: asked.volts, Role.PULSE_COL: second}

    def _roles(self, asked: Asked, *, neuron: bool) -> dict[Line, Role]:
        """Roles of the lines that pass the matrix; what is not named is at ground."""
        rows, cols = [Line("row", n) for n in asked.rows], [Line("col", n) for n in asked.cols]
        if neuron:
            return {rows[0]: Role.DRIVE, rows[1]: Role.SENSE, cols[0]: Role.SECOND_SENSE}
        if self._bench.gates is not None:  # all rows of a kernel hang on the driving source; gates choose
            every = dict.fromkeys((Line("row", n + 1) for n in range(self._bench.array.rows)), Role.DRIVE)
            return every | dict.fromkeys(cols, Role.SENSE)
        if asked.scheme is None:
            role_of = (Role.DRIVE, Role.SENSE, Role.GROUND)
        elif self._bench.analog:  # one channel reaches columns: the selected ones, or those that have a level
            role_of = (Role.PULSE_ROW, Role.PULSE_COL, Role.GROUND)
            if asked.others[1]:
                chosen = {line.number for line in cols}
                cols = [Line("col", n) for n in self._bench.lines.cols if n not in chosen]
        else:
            drive = two_channels(asked.scheme, 1.0)
            role_of = (drive.row, drive.col, drive.others)
        every = dict.fromkeys(self._harness.columns if self._harness else (), role_of[2])
        wired = set(every)
        return every | {line: role for lines, role in ((rows, role_of[0]), (cols, role_of[1]))
                        for line in lines if line in wired}  # fmt: skip

    def _direct(self, asked: Asked) -> list[dict[str, Any]]:
        """Lines that are wired to channels of their own."""
        does = ("drives", "senses") if asked.scheme is None else ("pulses", "pulses")
        rows, cols = self._bench.lines.rows, self._bench.lines.cols
        found = self._channels("row", asked.rows, rows, does[0], asked.volts)
        if asked.others[0]:
            rest = [n for n in rows if n not in asked.rows]
            found += self._channels("row", rest, rows, does[0], asked.others[0])
        return found + self._channels("col", asked.cols, cols, does[1], asked.col_volts)

    def _channels(
        self, axis: str, numbers: Sequence[int], wired: Mapping[int, int | Plug], does: str, volts: float | None
    ) -> list[dict[str, Any]]:
        """The channels of those of these lines that have one each."""
        ends = {n: end for n in numbers if (end := wired.get(n)) is not None and not isinstance(end, int)}
        if not ends:
            return []
        of_each: dict[str, list[int]] = {}
        for name, channel in ends.values():
            of_each.setdefault(name, []).append(int(channel))
        plugs = [f"{name} channel{'s' * (len(own) > 1)} {', '.join(_spans(own))}" for name, own in of_each.items()]
        lines = _lines([Line(axis, n) for n in ends])
        return [{"does": does, "plug": "; ".join(plugs), "lines": lines, "relays": [], "closed": 0, "volts": volts}]

    def _gates(self, asked: Asked) -> list[dict[str, Any]]:
        """The gates of a chip that are open."""
        entry, count = self._bench.gates, self._bench.array.rows
        if entry is None or not asked.rows:
            return []
        kernel = (asked.rows[0] - 1) // count + 1
        rows = ", ".join(_spans([(row - 1) % count + 1 for row in asked.rows]))
        rail = entry.read if asked.scheme is None else entry.write
        lines = f"gates of kernel {kernel}, row{'s' * (len(asked.rows) > 1)} {rows}"
        return [{"does": "opens", "plug": entry.port, "lines": lines, "relays": [], "closed": 0, "volts": rail}]


def _one(values: Any) -> float | None:
    """The voltage of all lines, if they have one."""
    if not isinstance(values, list):
        return values
    each = cast("list[float]", values)
    return each[0] if len(set(each)) == 1 else None


def _lines(lines: Sequence[Line]) -> str:
    parts: list[str] = []
    for axis, name in (("row", "row"), ("col", "column")):
        numbers = [line.number for line in lines if line.axis == axis]
        if numbers:
            parts.append(f"{name}{'s' * (len(numbers) > 1)} {', '.join(_spans(numbers))}")
    return "; ".join(parts)


def _spans(numbers: Sequence[int], letter: str = "") -> list[str]:
    """Numbers as they are read: 1..4, 7; `letter` stands before the end of a range as well."""
    found: list[str] = []
    ordered = sorted(numbers)
    first = 0
    for place, number in enumerate(ordered):
        if place + 1 == len(ordered) or ordered[place + 1] != number + 1:
            low = ordered[first]
            found.append(str(low) if low == number else f"{low}..{letter}{number}")
            first = place + 1
    return found
