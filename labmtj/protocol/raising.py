"""Raising a limit: never by the way. Somebody types the new value, at the terminal or in an option of the command.

A limit is raised by `--set limits...` above what the bench file says, or by a bench file that allows more than the
ledger remembers of a die. Lowering one needs nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from labmtj import units
from labmtj.bench.life_ledger import die_key, ledger_path
from labmtj.config.bench import BenchFile, Limits
from labmtj.config.overrides import parse_settings
from labmtj.config.source import Source
from labmtj.errors import InputError, LimitExceeded, UnitError
from labmtj.runs.ledger import Ledger
from labmtj.units import Dimension

_DIMENSIONS = {
    "cell_voltage": Dimension.VOLTAGE,
    "terminal_voltage": Dimension.VOLTAGE,
    "line_compliance": Dimension.CURRENT,
    "bias_compliance": Dimension.CURRENT,
    "pulse_energy": Dimension.ENERGY,
}
_PATH = "limits."
_NONE = "none"


@dataclass(frozen=True)
class Raised:
    """A limit and what it was; `after` is None where there is to be none."""

    name: str
    before: float
    after: float | None
    where: str

    def __str__(self) -> str:
        return f"{self.name} from {shown(self.name, self.before)} to {shown(self.name, self.after)} ({self.where})"


@dataclass
class Confirmation:
    """Who confirms that limits are raised: `given` by options (name: value as a text), or `ask`ed at a terminal.

    `settled` keeps what was confirmed, and how.
    """

    given: Mapping[str, str] = field(default_factory=dict[str, str])
    ask: Callable[[str], str] | None = None
    settled: list[tuple[Raised, str]] = field(default_factory=list[tuple[Raised, str]])

    def settle(self, raised: Sequence[Raised]) -> None:
        """Raise LimitExceeded unless every one of these was confirmed by its new value."""
        for one in raised:
            typed, how = self.given.get(one.name), "option"
            if typed is None and self.ask is not None:
                value = shown(one.name, one.after)
                typed, how = self.ask(f"This raises {one}. Type the new value ({value}) to go on: "), "typed"
            if typed is None or not _same(one, typed):
                said = "nobody has confirmed it" if typed is None else f"{typed!r} is not the new value"
                raise LimitExceeded(
                    f"this would raise the limit {one} and {said}; nothing was sent. Confirm it at a terminal, or with "
                    f'--confirm-limit {one.name}="{shown(one.name, one.after)}"'
                )
            self.settled.append((one, how))


def confirmations(options: Sequence[str]) -> dict[str, str]:
    """Options `name=value`. Raises InputError for a name that is no limit."""
    found: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or name.strip() not in Limits.model_fields:
            raise InputError(f'--confirm-limit {option}: write, for example, --confirm-limit cell_voltage="800 mV"')
        found[name.strip()] = value.strip()
    return found


def raised(wanted: Limits, before: Mapping[str, float], where: str) -> list[Raised]:
    """What is allowed more than `before`."""
    out: list[Raised] = []
    for name, old in before.items():
        new = getattr(wanted, name, None)
        if new is None or new > old * (1 + 1e-9):
            out.append(Raised(name, float(old), new, where))
    return out


def lifted(overrides: Sequence[str], bench: Source) -> list[str]:
    """Settings of limits above the bench file's, which the bench gets, too: a protocol may only be tighter."""
    allowed = written(bench)
    above: list[str] = []
    for option in overrides:
        (setting,) = parse_settings([option])
        name = setting.path.removeprefix(_PATH)
        if setting.path.startswith(_PATH) and name in allowed and _more(name, setting.value, allowed[name]):
            above.append(option)
    return above


def raised_in_ledger(file: BenchFile) -> list[Raised]:
    """What a bench file allows more than the ledger remembers of its die; a fresh simulated die has no past."""
    simulation = file.bench.simulation
    if file.bench.visa == "@labmtj" and (simulation is None or simulation.state is None):
        return []
    books, key = Ledger(ledger_path(file)), die_key(file)
    remembered = {name: value for name, value in books.limits(key).items() if name in Limits.model_fields}
    return raised(file.bench.limits, remembered, f"what the ledger remembers of {key}")


def written(bench: Source) -> dict[str, float]:
    """The limits that stand in a bench document, as far as they can be read; the checks tell what is wrong."""
    document: Any = bench.data
    entries: Any = cast("dict[str, Any]", document).get("limits") if isinstance(document, dict) else None
    found: dict[str, float] = {}
    for name in Limits.model_fields:
        try:
            value = _parsed(name, entries[name])
        except (UnitError, TypeError, ValueError, KeyError):
            continue
        if value is not None:
            found[name] = value
    return found


def shown(name: str, value: float | None) -> str:
    """A limit as people write it."""
    if value is None:
        return _NONE
    dimension = _DIMENSIONS.get(name)
    return f"{value:g}" if dimension is None else units.show(value, dimension)


def _parsed(name: str, text: Any) -> float | None:
    dimension = _DIMENSIONS.get(name)
    if dimension is not None:
        return units.parse(text, dimension)
    return None if text is None or text == _NONE else float(text)


def _more(name: str, value: Any, allowed: float) -> bool:
    """Whether a setting allows more; what cannot be read is told by whoever checks the file."""
    try:
        found = _parsed(name, value)
    except (UnitError, TypeError, ValueError):
        return False
    return found is not None and found > allowed


def _same(one: Raised, typed: str) -> bool:
    try:
        found = _NONE if typed == _NONE else _parsed(one.name, typed.strip().strip('"'))
    except (UnitError, ValueError):
        return False
    if one.after is None or not isinstance(found, float):
        return one.after is None and found == _NONE
    return abs(found - one.after) <= 1e-9 * one.after
