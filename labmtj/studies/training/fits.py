"""What is trained, in its order: one fit a method, rate of shorts and seed, of one network or of one for each die."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from labmtj.studies.training.load import TrainingJob

_WEIGHTS = {"baseline": 1.0, "statistics_aware": 6.0, "hardware_aware": 1.6, "tuned": 1.0}
"""Work of an epoch of one network, in units of a baseline's. chosen: as was measured on two cores at 90 hidden units;
only the time that is left is told by it."""


@dataclass(frozen=True)
class Fit:
    """One training: `shorts` is the rate that it knows (a multiple; None: none), `mask` what its reader leaves closed.

       `networks` are trained side by side.
    `after` is the number of the fit that it begins from; epochs at most.
    """

    number: int
    method: str
    mask: str
    shorts: float | None
    seed: int
    networks: int
    epochs: int
    after: int | None = None

    @property
    def name(self) -> str:
        """What people read, and what its file is called: 02-statistics_aware-3x-mask_shorts-seed0."""
        rate = "" if self.shorts is None else f"-{self.shorts:g}x"
        masked = "" if self.mask == "none" else f"-mask_{self.mask}"
        return f"{self.number:02d}-{self.method}{rate}{masked}-seed{self.seed}"

    @property
    def words(self) -> str:
        """What it is, for a line of progress."""
        rate = "" if self.shorts is None or self.shorts == 1.0 else f", {self.shorts:g} x shorts"
        masked = "" if self.mask == "none" else ", masked"
        return f"{self.method.replace('_', '-')}{rate}{masked}"

    @property
    def epoch_weight(self) -> float:
        """Share of the work of one epoch."""
        return _WEIGHTS[self.method] * self.networks

    @property
    def weight(self) -> float:
        """Share of the work, if it takes all its epochs."""
        return self.epochs * self.epoch_weight


def fits(job: TrainingJob, *, dies: int) -> list[Fit]:
    """All fits of a training study whose networks are judged on so many dies; the same study has the same ones."""
    out: list[Fit] = []
    for seed in range(job.file.seed, job.file.seed + job.file.seeds):
        aware: dict[tuple[float | None, str], int] = {}
        for method, said in job.methods.items():
            epochs = said.epochs or job.file.train.epochs
            for rate, mask in product(job.trained_at(method) or (None,), job.masks(method)):
                number, each = len(out), dies if method in {"hardware_aware", "tuned"} else 1
                after = aware[rate, mask] if method == "tuned" else None
                if method == "statistics_aware":
                    aware[rate, mask] = number
                out.append(Fit(number, method, mask, rate, seed, each, epochs, after))
    return out
