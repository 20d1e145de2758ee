"""The blocks of a study of training on the array, in their one order: what is computed at once, and is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from labmtj import units
from labmtj.studies.in_situ.conditions import DEFAULT, Condition
from labmtj.studies.in_situ.load import InSituJob
from labmtj.studies.in_situ.schema import VARIANTS, WITHOUT, InSituFile, Some
from labmtj.units import Dimension

COMPARISON, ABLATION, SPREAD, IMMUNITY, BAD_DIES, TIME, REALISED = (
    "comparison", "ablation", "spread", "immunity", "bad_dies", "time", "realised",
)  # fmt: skip
TRAINED = (COMPARISON, ABLATION, SPREAD, IMMUNITY, BAD_DIES)
"""Parts in which networks learn."""
SOFTWARE = ("software_real", "software_ternary")
"""Variants without an array."""
# chosen: work of a copy and sample relative to the stochastic rule on arrays; it only moves the bar.
_WORK = {"stochastic": 1.0, "deterministic": 1.5, "software_real": 0.1, "software_ternary": 0.2, "transferred": 0.25}


@dataclass(frozen=True)
class Trial:
    """One block: its place in the order, its part of the study, what is trained how on which dies.

    Dies `first` .. `last` - 1 with `splits` each are its copies. `condition` is None where no network learns; `lines`
    are those of an array whose update is timed.
    """

    number: int
    part: str
    variant: str
    condition: Condition | None
    shapes: str
    first: int
    last: int
    splits: int
    lines: int
    weight: float

    @property
    def copies(self) -> int:
        """Networks that learn side by side."""
        return (self.last - self.first) * self.splits

    @property
    def name(self) -> str:
        """What its file is called: 0007-ablation-no_wires-stochastic-dies0-4."""
        parts = [f"{self.number:04d}", self.part]
        if self.condition is not None and self.condition.name != DEFAULT:
            parts.append(self.condition.name)
        if self.variant:
            parts.append(self.variant)
        if self.lines:
            parts.append(f"{self.lines}lines")
        if self.last > self.first:
            parts.append(f"dies{self.first}-{self.last - 1}")
        return "-".join(part.replace(" ", "_").replace(",", "") for part in parts)

    @property
    def words(self) -> str:
        """What it is, for a message."""
        parts = [self.part, self.variant.replace("_", " ")]
        if self.condition is not None and self.condition.name != DEFAULT:
            parts.append(self.condition.name)
        if self.lines:
            parts.append(f"{self.lines} lines")
        if self.last > self.first:
            parts.append(f"dies {self.first} to {self.last - 1}")
        return ", ".join(part for part in parts if part)


def trials(job: InSituJob) -> list[Trial]:
    """All blocks of a study; the same study has the same ones."""
    return [replace(trial, number=number) for number, trial in enumerate(_trials(job.file))]


def _trials(file: InSituFile) -> Iterator[Trial]:
    width, shapes = file.in_situ.width, file.in_situ.shapes
    default, every = Condition(DEFAULT, width), Some()
    for variant in _ordered(file.comparison.variants):
        yield from _blocks(file, COMPARISON, variant, default, shapes, every)
    if (ablation := file.ablation) is not None:
        for without in sorted(ablation.without, key=WITHOUT.index):
            left = Condition("ideal devices" if without == "ideal" else f"no {without}", width, without=without)
            for variant in _ordered(ablation.variants):
                yield from _blocks(file, ABLATION, variant, left, shapes, ablation)
    if (spread := file.spread) is not None:
        for factor in spread.factors:
            wide = Condition(f"{factor:g} x spread", width, spread=factor)
            for variant in _ordered(spread.variants):
                yield from _blocks(file, SPREAD, variant, wide, shapes, spread)
    if (immunity := file.immunity) is not None:
        for own in immunity.widths:
            for sigma in immunity.sigmas:
                shown = units.show(own, Dimension.TIME)
                immune = Condition(f"{100 * sigma:g} % at {shown}", own, sigma=sigma)
                for variant in _ordered(immunity.variants):
                    yield from _blocks(file, IMMUNITY, variant, immune, immunity.shapes, immunity)
    if (bad := file.bad_dies) is not None:
        for shorts in bad.shorts:
            for wires in bad.wires:
                worse = Condition(f"{shorts:g} x shorts, {wires:g} x wires", width, shorts=shorts, wires=wires)
                for variant in _ordered(bad.variants):
                    yield from _blocks(file, BAD_DIES, variant, worse, shapes, bad)
    for lines in file.time.lines if file.time is not None else ():
        yield Trial(0, TIME, "", None, "", 0, 0, 0, lines, 0.5 * lines)
    if file.realised is not None:
        for width in file.realised.widths:
            shown = Condition(units.show(width, Dimension.TIME), width)
            for die in range(min(file.realised.dies, file.dies.count)):
                yield Trial(0, REALISED, "", shown, "", die, die + 1, 0, 0, 60.0)


def _blocks(
    file: InSituFile, part: str, variant: str, condition: Condition, shapes: str, some: Some
) -> Iterator[Trial]:
    dies, splits = (
        min(asked or most, most) for asked, most in ((some.dies, file.dies.count), (some.splits, file.data.splits))
    )
    work = _WORK[variant] * (0.2 if condition.ideal else 1.0) * file.in_situ.epochs / 60.0
    together = max(dies, 1) if variant in SOFTWARE else file.dies.together
    for first in range(0, dies, together):
        last = min(first + together, dies)
        yield Trial(0, part, variant, condition, shapes, first, last, splits, 0, work * (last - first) * splits)


def _ordered(variants: Sequence[str]) -> list[str]:
    """Variants in the one order."""
    return sorted(variants, key=VARIANTS.index)
