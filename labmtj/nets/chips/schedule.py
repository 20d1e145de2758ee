"""The rate of each step: along a cosine to 0, at once or, to stop early, once validation does not rise any more.

With binary devices accuracy rises most while the rate falls, so that stopping at a plateau of a high rate would give it
away: a plateau starts the descent instead (chosen).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats

_DONE, _DESCENT, _BEST, _BEST_AT = range(4)


@dataclass(frozen=True)
class Schedule:
    """At most `epochs`, beginning at `rate`; the last step is at 0.

    Without `patience` the rate falls along half a cosine over all epochs. With it the rate stays until validation has
    not risen for so many epochs, then it falls over the share `descent` of the epochs; so it does at the latest when
    no more epochs are left. A course is four numbers: epochs done, the epoch at which the descent began (-1: not
    yet), the best validation and when it was.
    """

    epochs: int = 60
    rate: float = 1e-2
    patience: int | None = None
    descent: float = 0.4

    def __post_init__(self) -> None:
        if self.epochs < 1 or not self.rate > 0.0 or not 0.0 < self.descent <= 1.0:
            raise InputError(
                f"schedule: epochs {self.epochs}, rate {self.rate:g}, descent {self.descent:g}; "
                "there is an epoch at least, a rate above 0, and a descent over a share of 0 to 1"
            )

    def begin(self) -> Floats:
        """The course before the first epoch."""
        return np.array([0.0, -1.0 if self.patience else 0.0, -np.inf, 0.0])

    def done(self, course: Floats) -> int:
        """Epochs done."""
        return int(course[_DONE])

    @property
    def _length(self) -> int:
        return max(1, round(self.descent * self.epochs)) if self.patience else self.epochs

    def rates(self, course: Floats, *, steps: int) -> Floats:
        """Rates of the steps of the next epoch."""
        if course[_DESCENT] < 0.0:
            return np.full(steps, self.rate)
        passed = course[_DONE] - course[_DESCENT] + (np.arange(steps) + 1.0) / steps
        return 0.5 * self.rate * (1.0 + np.cos(np.pi * np.minimum(1.0, passed / self._length)))

    def advance(self, course: Floats, validation: float) -> Floats:
        """The course after one more epoch with this accuracy."""
        after = course.copy()
        after[_DONE] += 1.0
        if validation > course[_BEST]:
            after[_BEST], after[_BEST_AT] = validation, after[_DONE]
        stale = self.patience is not None and after[_DONE] - after[_BEST_AT] >= self.patience
        if after[_DESCENT] < 0.0 and (stale or after[_DONE] >= self.epochs - self._length):
            after[_DESCENT] = after[_DONE]
        return after

    def over(self, course: Floats) -> bool:
        """Whether no epoch is left."""
        return course[_DESCENT] >= 0.0 and course[_DONE] >= course[_DESCENT] + self._length
