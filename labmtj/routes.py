"""Moves of relays from one route to another: planned, and proven before any of them is made.

A line that leaves a source is first tied to ground (make before break), then taken off the source; a
line that goes to a source leaves ground last; no line is ever on two sources, and none floats.
"""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.errors import RouteError

Crosspoint = tuple[str, int]  # matrix row letter, matrix column from 1
Steps = list[tuple[str, list[Crosspoint]]]


def moves(closed: frozenset[Crosspoint], target: frozenset[Crosspoint], *, ground: str) -> Steps:
    """The moves ("close" | "open", crosspoints) from what is closed now to `target`, in the order that is safe."""
    leaving = [c for c in closed - target if c[0] != ground]
    catch = {(ground, column) for _, column in leaving} - closed
    to_source = [c for c in target - closed if c[0] != ground]
    to_ground = {c for c in target - closed if c[0] == ground}
    steps: Steps = [
        ("close", sorted(catch | to_ground)),
        ("open", sorted(leaving)),
        ("close", sorted(to_source)),
        ("open", sorted({c for c in closed | catch if c[0] == ground} - target)),
    ]
    return [(action, crosspoints) for action, crosspoints in steps if crosspoints]


def prove(
    closed: frozenset[Crosspoint],
    steps: Sequence[tuple[str, Sequence[Crosspoint]]],
    target: frozenset[Crosspoint],
    *,
    ground: str,
    floating: frozenset[int] = frozenset(),
) -> None:
    """Walk through the moves; RouteError if one joins two sources on a line or lets it float, or misses the target.

    `floating` are matrix columns whose lines are meant to float in the end.
    """
    now = set(closed)
    connected = {column for _, column in closed}
    for action, crosspoints in steps:
        if action == "close":
            now |= set(crosspoints)
        else:
            now -= set(crosspoints)
        sources: dict[int, str] = {}
        for row, column in sorted(now):
            if row != ground and sources.setdefault(column, row) != row:
                raise RouteError(f"matrix column {column} would be on sources {sources[column]} and {row} at once")
        loose = connected - {column for _, column in now} - floating
        if loose:
            raise RouteError(f"matrix column {min(loose)} would float between two routes")
        connected = {column for _, column in now}
    if frozenset(now) != target:
        raise RouteError("the planned moves do not lead to the route")
