"""What becomes of scores in the tidy table."""

from __future__ import annotations

from labmtj.nets.dataset import Dataset
from labmtj.nets.tuning.judging import accuracies, losses
from labmtj.records import Floats


def judged(name: str, scores: Floats, data: Dataset) -> dict[str, Floats]:
    """Accuracies (0..1) and mean cross-entropies of every network under the names of the table's columns."""
    right, loss = accuracies(scores, data), losses(scores, data)
    return {
        f"train_{name}": right.train,
        f"test_{name}": right.test,
        f"all_{name}": right.all,
        f"loss_train_{name}": loss.train,
        f"loss_test_{name}": loss.test,
    }
