"""What a commissioning checks: its stages, what hands do before each, and the record of one check."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labmtj.bench.doctor import Finding, Verdict
from labmtj.units import Dimension, show


class Stage(enum.StrEnum):
    """The order in which a bench is commissioned: each stage trusts what those before it have shown."""

    FILE = "file"
    EMPTY = "nothing on the lines"
    RESISTOR = "a known resistor"
    DIE = "the die"


@dataclass(frozen=True)
class Figure:
    """Something that was measured: an SI value and its unit."""

    value: float
    unit: str


@dataclass(frozen=True)
class Item:
    """One check: what is done, why, what good looks like, and how it came out."""

    stage: Stage
    subject: str
    verdict: Verdict
    found: str
    what: str
    why: str
    good: str
    advice: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict[str, Figure])

    def entry(self) -> dict[str, Any]:
        """As YAML and JSON have it."""
        figures = {
            name: {"value": figure.value if math.isfinite(figure.value) else None, "unit": figure.unit}
            for name, figure in self.figures.items()
        }
        said = {"stage": self.stage.value, "verdict": self.verdict.value, "figures": figures}
        return asdict(self) | said


@dataclass(frozen=True)
class Task:
    """A check before it was made: what the record says of it however it comes out."""

    stage: Stage
    subject: str
    what: str
    why: str
    good: str
    advice: str

    def done(
        self,
        verdict: Verdict,
        found: str,
        *,
        subject: str = "",
        advice: str = "",
        figures: Mapping[str, Figure] | None = None,
    ) -> Item:
        """The check with what it found; advice is kept where something is not good."""
        said = "" if verdict is Verdict.GOOD else advice or self.advice
        name = f"{self.subject} {subject}".strip()
        return Item(self.stage, name, verdict, found, self.what, self.why, self.good, said, figures or {})

    def judged(self, good: bool, found: str, *, subject: str = "", figures: Mapping[str, Figure] | None = None) -> Item:
        """The check with what it found: good, or bad."""
        return self.done(Verdict.GOOD if good else Verdict.BAD, found, subject=subject, figures=figures)

    def told(self, findings: Iterator[Finding]) -> Iterator[Item]:
        """The same check for each of the doctor's findings."""
        for finding in findings:
            yield self.done(finding.verdict, finding.text, subject=finding.subject, advice=finding.advice)


def amperes(value: float) -> str:
    """Amperes as a person writes them."""
    return show(value, Dimension.CURRENT)


def ohms(value: float) -> str:
    """Ohms as a person writes them."""
    return show(value, Dimension.RESISTANCE, 5)
