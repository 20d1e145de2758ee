"""What one check of a run folder came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "damaged", "open"]
_NAMED = 3  # chosen: things that a line names; more of them are counted


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, its verdict, and why; "open" is what cannot be said, and is no damage."""

    name: str
    verdict: Verdict
    text: str


def named(problems: list[str]) -> str:
    """The first of these, and how many more there are."""
    more = len(problems) - _NAMED
    return "; ".join(problems[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
