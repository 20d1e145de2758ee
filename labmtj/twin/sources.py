"""Sources at the ends of lines: ideal or with a resistance, of volts or of amperes, up to their limit.

A source that reaches its limit becomes one of the other kind: a voltage source in compliance holds its
current, a current source its voltage. So the current that a source gives is a falling function of its volts
with three straight pieces, and the network's current is a rising one. Where all of them meet is found by
Newton's method on the pieces towards which each source moves (a semismooth Newton method; Qi and Sun 1993,
doi:10.1007/BF01581275): two or three steps, almost always. Sources that are tied together can make it go
round in circles; then the pieces are found as the minimum of a convex function of the volts, with vertical
pieces first tilted and then made steeper and steeper. Sources that are ideal and within their limits are no
unknowns: where all are, one solve is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from labmtj.errors import SolveError
from labmtj.records import Floats

Solved = TypeVar("Solved")
Network = Callable[[list[float]], tuple[Any, list[float]]]
QUIET = 1e-3  # [V] chosen: offsets of idle sources; below it cells only age as they do at rest
_QUIET_CURRENT = 1e-9  # [A] chosen: offsets of idle current sources, a microvolt across a junction
_TRIES, _STEPS = 12, 100
_CLOSE = 1e-7  # of the limit or the level: how near a source must be to its characteristic
_NUDGE = 1e-3  # [V] for the slope of a source's current
_LEAST = 1e-9  # [S] chosen: less than this behind a source counts as this much
_TILTS = (1.0, 0.1, 1e-2, 1e-3)  # resistances of vertical pieces, of that of the network behind them
_WITHIN = 1 + 1e-6  # of the limit: no source is in compliance below it


class Source(NamedTuple):
    """A source as it stands now.

    `level` is the volts at its terminal (of a `current` source: the amperes out of it), `limit` the
    amperes (volts) that it cannot exceed, `ohms` the resistance behind which a voltage source stands.
    """

    level: float
    limit: float
    ohms: float = 0.0
    current: bool = False

    @property
    def quiet(self) -> bool:
        """Whether it drives nothing but its offset."""
        return abs(self.level) < (_QUIET_CURRENT if self.current else QUIET)

    @property
    def scale(self) -> float:
        """Amperes that matter to it."""
        return max(abs(self.level), 1e-9) if self.current else self.limit


@dataclass(frozen=True)
class Standing:
    """Where a source stands: volts at its terminal, amperes out of it, whether its limit holds it."""

    volts: float
    amperes: float
    limited: bool


def stand(
    sources: Sequence[Source], network: Callable[[list[float]], tuple[Solved, list[float]]]
) -> tuple[Solved, list[Standing]]:
    """Solve `network(volts) -> (solution, amperes out of each)` with every source on its characteristic.

    Raises SolveError if they do not come to rest.
    """
    volts = [0.0 if source.current else source.level for source in sources]
    unknown = {n for n, source in enumerate(sources) if source.current or source.ohms}
    held: dict[int, int] = {}
    while True:
        solution, amperes = network(volts)
        over = {n for n, i in enumerate(amperes) if not sources[n].current and abs(i) > sources[n].limit * _WITHIN}
        if (unknown | over) <= held.keys():
            break
        unknown |= over
        held = _meet(sources, network, volts, sorted(unknown))
    states = enumerate(zip(volts, amperes, strict=True))
    return solution, [Standing(v, i, held.get(n, 0) != 0) for n, (v, i) in states]


def _meet(sources: Sequence[Source], network: Network, volts: list[float], order: list[int]) -> dict[int, int]:
    """Bring the volts of these sources to where all meet; which limit each is held by (1, -1 or 0 for none)."""
    held = _newton(sources, network, volts, order, None)
    if held is not None:
        return held
    start = [0.0 if source.current else source.level for source in sources]
    volts[:] = start
    try:
        _descend(sources, network, volts, order)
        amperes = network(volts)[1]
        pieces = {n: _at_limit(sources[n], volts[n], amperes[n]) for n in order}
    except SolveError:  # sources at equal limits that feed each other through what leaks next to nothing
        volts[:] = start
        amperes = network(volts)[1]
        behind = np.diag(_slopes(network, volts, amperes, order)).tolist()
        pieces = {n: _towards(sources[n], volts[n], amperes[n], slope) for n, slope in zip(order, behind, strict=True)}
    for _ in range(_TRIES):
        begun = list(volts)
        held = _newton(sources, network, volts, order, pieces)
        if held is None:
            # Sources that feed nothing but each other carry one current: the limit of one of them holds it for all.
            for freed in (n for n in order if pieces[n]):
                volts[:] = begun
                held = _newton(sources, network, volts, order, pieces | {freed: 0})
                if held is not None:
                    break
        if held is None:
            break
        # Who was too near to its limit to tell on which piece it ends shows it now.
        amperes = network(volts)[1]
        wrong = {n: _elsewhere(sources[n], volts[n], amperes[n], held[n]) for n in order}
        wrong = {n: piece for n, piece in wrong.items() if piece != held[n]}
        if not wrong:
            return held
        first = min(wrong)
        pieces = pieces | {first: wrong[first]}
    raise SolveError(f"the limits of {len(volts)} sources did not settle at {volts} V")


def _newton(
    sources: Sequence[Source], network: Network, volts: list[float], order: list[int], fixed: dict[int, int] | None
) -> dict[int, int] | None:
    """Newton's method on the pieces that hold at each step, or on `fixed` ones; None if it goes astray."""
    for _ in range(_TRIES):
        amperes = network(volts)[1]
        slopes = _slopes(network, volts, amperes, order)
        held = fixed or {n: _towards(sources[n], volts[n], amperes[n], slopes[k, k]) for k, n in enumerate(order)}
        pieces = [_piece(sources[n], volts[n], amperes[n], held[n]) for n in order]
        if all(abs(piece.residual) <= _CLOSE * piece.scale for piece in pieces):
            return held
        # Each piece is a line per_volt * dv + per_ampere * di = -residual, with di = slopes @ dv.
        matrix = np.diag([piece.per_volt for piece in pieces])
        matrix += np.array([[piece.per_ampere] for piece in pieces]) * slopes
        try:
            step = np.linalg.solve(matrix, [-piece.residual for piece in pieces])
        except np.linalg.LinAlgError:
            return None
        for k, n in enumerate(order):
            volts[n] += float(step[k])
    return None


def _slopes(network: Network, volts: list[float], amperes: list[float], order: list[int]) -> Floats:
    """Derivatives [S] of the currents of these sources by their volts, (unknowns, unknowns)."""
    slopes = np.empty((len(order), len(order)))
    for k, n in enumerate(order):
        nudged = network([v + _NUDGE if m == n else v for m, v in enumerate(volts)])[1]
        slopes[:, k] = [(nudged[m] - amperes[m]) / _NUDGE for m in order]
    return slopes


class _Piece(NamedTuple):
    """A straight piece of a characteristic: its residual, what it is per volt and per ampere, and its scale."""

    residual: float
    per_volt: float
    per_ampere: float
    scale: float


def _piece(source: Source, volts: float, amperes: float, held: int) -> _Piece:
    limit, level = source.limit, source.level
    if held:
        at = volts if source.current else amperes
        return _Piece(at - held * limit, float(source.current), float(not source.current), limit)
    if source.current:
        return _Piece(amperes - level, 0.0, 1.0, source.scale)
    return _Piece(volts - level + source.ohms * amperes, 1.0, source.ohms, max(abs(level), QUIET))


def _towards(source: Source, volts: float, amperes: float, slope: float) -> int:
    """The limit that a source would move to if it were alone (1 or -1), or 0 for none."""
    siemens = max(slope, _LEAST)
    if source.current:
        wanted = volts + (source.level - amperes) / siemens
    else:
        short = source.level - source.ohms * amperes - volts
        wanted = amperes + short * siemens / (1.0 + source.ohms * siemens)
    return int(math.copysign(1, wanted)) if abs(wanted) > source.limit else 0


def _at_limit(source: Source, volts: float, amperes: float) -> int:
    at = volts if source.current else amperes
    return int(math.copysign(1, at)) if abs(at) >= source.limit * (1 - 1e-4) else 0


def _elsewhere(source: Source, volts: float, amperes: float, held: int) -> int:
    """The piece that a source should be on if not the one that it is on, which it may have left at its end."""
    at = volts if source.current else amperes
    if not held:
        return int(math.copysign(1, at)) if abs(at) > source.limit * _WITHIN else 0
    short = source.level - (amperes if source.current else volts + source.ohms * amperes)
    return held if short * held >= -_CLOSE * max(abs(source.level), source.scale) else 0


def _given(source: Source, volts: float, tilt: float) -> tuple[float, float]:
    """Current [A] that a source gives at these volts if vertical pieces have `tilt` [ohm]; its fall a volt [S]."""
    if source.current:
        beyond = max(0.0, abs(volts) - source.limit)
        return source.level - math.copysign(beyond / tilt, volts), 1 / tilt if beyond else 0.0
    siemens = 1.0 / max(source.ohms, tilt)
    free = (source.level - volts) * siemens
    if abs(free) > source.limit:
        return math.copysign(source.limit, free), 0.0
    return free, siemens


def _descend(sources: Sequence[Source], network: Network, volts: list[float], order: list[int]) -> None:
    """Bring the volts of these sources near to where all meet. Raises SolveError if they do not come there.

    The sum of what is out of balance is the gradient of a convex function; a Newton step is halved until
    the slope along it has not turned by more than it was.
    """
    amperes = network(volts)[1]
    behind = [1.0 / max(slope, _LEAST) for slope in np.diag(_slopes(network, volts, amperes, order)).tolist()]
    scale = np.array([sources[n].scale for n in order])

    def excess(tilt: float) -> Floats:
        given = [_given(sources[n], volts[n], tilt * ohms)[0] for n, ohms in zip(order, behind, strict=True)]
        return np.array([amperes[n] for n in order]) - given

    for tilt in _TILTS:
        for _ in range(_STEPS):
            slopes = _slopes(network, volts, amperes, order)
            falls = [_given(sources[n], volts[n], tilt * ohms)[1] for n, ohms in zip(order, behind, strict=True)]
            off = excess(tilt)
            if (np.abs(off) <= 1e-4 * scale).all():
                break
            step = np.linalg.solve(slopes + np.diag(falls) + np.eye(len(order)) * _LEAST * 1e-3, -off)
            start = np.array([volts[n] for n in order])
            low, high, length = 0.0, 1.0, 1.0
            for _ in range(30):  # the slope along the step rises: its zero is between where it is below and above
                for n, value in zip(order, (start + length * step).tolist(), strict=True):
                    volts[n] = value
                amperes = network(volts)[1]
                along = float(step @ excess(tilt)) / float(step @ off)
                if along >= -0.1 and (along <= 0.1 or length == 1.0):
                    break
                low, high = (length, high) if along > 0 else (low, length)
                length = 0.5 * (low + high)
        else:
            raise SolveError(f"the limits of {len(volts)} sources did not settle: currents {amperes} A")
