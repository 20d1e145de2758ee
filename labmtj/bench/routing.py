"""Routes: which relay puts which role on which line, planned and proven before a relay moves.

Every line always has a role, be it to float; how the moves are ordered is in labmtj.routes. Relays move with all
sources at 0 V, which the caller verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labmtj.errors import LimitExceeded, LineFaulty, RouteError
from labmtj.ports import SwitchMatrix
from labmtj.records import Line, LineFault, LinePulse, Pulse, Role
from labmtj.routes import Crosspoint, Steps, moves, prove

__all__ = ["Harness", "LeftOut", "Line", "Router"]


@dataclass(frozen=True)
class Harness:
    """How the array is wired to the matrix: lines to matrix columns, roles to matrix rows."""

    columns: Mapping[Line, int]
    rows: Mapping[Role, str]

    def crosspoints(self, route: Mapping[Line, Role]) -> frozenset[Crosspoint]:
        """The relays that a route closes, one a line; none for a line that floats."""
        closed = ((self.rows[role], self.columns[line]) for line, role in route.items() if role is not Role.FLOAT)
        return frozenset(closed)

    def route(self, roles: Mapping[Line, Role]) -> dict[Line, Role]:
        """A route with these roles and every other line at ground. Raises RouteError for an unknown line."""
        unknown = [str(line) for line in roles if line not in self.columns]
        if unknown:
            raise RouteError(f"no relay leads to {', '.join(unknown)}: the array is smaller")
        missing = sorted({str(role) for role in roles.values() if role not in self.rows} - {Role.FLOAT.value})
        if missing:
            raise RouteError(f"no matrix row of this bench has what a line is to go to: {', '.join(missing)}")
        return {line: roles.get(line, Role.GROUND) for line in self.columns}

    def line_at(self, column: int) -> Line:
        """The line on a matrix column; "matrix column" itself where there is none."""
        return next((line for line, wired in self.columns.items() if wired == column), Line("matrix column", column))


class LeftOut:
    """The lines that are left out since a contact check; pulses that select them are refused."""

    def __init__(self) -> None:
        self.quarantined: frozenset[Line] = frozenset()

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded for a pulse on a cell of a line that is left out; touches nothing."""
        lines = {Line("row", pulse.cell.row), *(Line("col", col) for col in pulse.columns)}
        if left_out := sorted(lines & self.quarantined):
            raise LimitExceeded(f"no pulse on cell {pulse.cell}: {left_out[0]} is left out since the contact check")

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded for a pulse that drives a line that is left out; touches nothing."""
        if left_out := sorted(self.quarantined.intersection(pulse.lines)):
            raise LimitExceeded(f"no pulse on {pulse}: {left_out[0]} is left out since the contact check")


class Router(LeftOut):
    """Takes routes on a matrix: plans the moves, proves them, makes them, reads the relays back."""

    def __init__(self, matrix: SwitchMatrix, harness: Harness) -> None:
        super().__init__()
        self._matrix, self._harness = matrix, harness
        self._closed: frozenset[Crosspoint] = frozenset()
        self._sure = True  # False after a move that was not completed: the relays are looked at before the next

    @property
    def closed(self) -> frozenset[Crosspoint]:
        """The crosspoints that were closed at the last look."""
        return self._closed

    def route(self, roles: Mapping[Line, Role]) -> dict[Line, Role]:
        """A route with these roles and every other line at ground. Raises RouteError for an unknown line."""
        return self._harness.route(roles)

    def take(self, route: Mapping[Line, Role]) -> bool:
        """Move to a route; all sources must stand at 0 V. False if every relay was there already.

        Raises LineFaulty if the matrix then reports other relays closed; the lines are named.
        """
        target = self._harness.crosspoints(route)
        if not self._sure:
            self._closed, self._sure = self._matrix.closed(), True
        if target == self._closed:
            return False
        steps = self.plan(target)
        floating = frozenset(self._harness.columns[line] for line, role in route.items() if role is Role.FLOAT)
        prove(self._closed, steps, target, ground=self._harness.rows[Role.GROUND], floating=floating)
        self._sure = False
        found = self._matrix.switch(steps)
        self._closed, self._sure = found, True
        if found != target:
            wrong = sorted(found ^ target, key=lambda c: (c[1], c[0]))
            faults = [self._differs(crosspoint, closed=crosspoint in found) for crosspoint in wrong]
            raise LineFaulty("relays are not where they were asked to be", faults)
        return True

    def stands(self, route: Mapping[Line, Role]) -> bool:
        """Whether no relay has to move for a route, as far as is known."""
        return self._sure and self._harness.crosspoints(route) == self._closed

    def doubt(self) -> None:
        """Look at the relays before the next move, whatever the last one has shown."""
        self._sure = False

    def _differs(self, crosspoint: Crosspoint, *, closed: bool) -> LineFault:
        row, column = crosspoint
        told, says = ("opened", "closed") if closed else ("closed", "open")
        text = f"relay {row}{column} was {told} and the matrix says that it is {says}"
        return LineFault(self._harness.line_at(column), text)

    def plan(self, target: frozenset[Crosspoint]) -> Steps:
        """The moves from what is closed now to `target`, in the order that is safe for the array."""
        return moves(self._closed, target, ground=self._harness.rows[Role.GROUND])
