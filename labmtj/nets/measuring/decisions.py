"""How decisions of copies differ from software's: margins, flips, agreement, McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.records import Floats, Ints


@dataclass(frozen=True, eq=False)
class Decisions:
    """Of each copy, (networks,).

    `margin_shift`: mean change of the margin, the score of software's class less the largest other one, over the
    root mean square margin of software. `flip_rate`: share of samples that are right in one and wrong in the other
    (arXiv 2407.09141). `agreement`: share of samples with the same class. `lost`, `gained`: samples that only software,
    only the copy has right. `mcnemar`: two-sided probability of a split as uneven as theirs by chance
    (McNemar 1947, doi:10.1007/BF02295996, exact binomial form); 1 without a flip.
    """

    margin_shift: Floats
    flip_rate: Floats
    agreement: Floats
    lost: Ints
    gained: Ints
    mcnemar: Floats


def decisions(scores: Floats, expected: Floats, labels: Ints) -> Decisions:
    """Compare scores of copies with `expected` ones of software, both (networks, samples, classes)."""
    ours, theirs = np.argmax(scores, axis=-1), np.argmax(expected, axis=-1)
    margin, before = margins(scores, theirs), margins(expected, theirs)
    typical = np.sqrt(np.mean(before**2, axis=1))
    right, was_right = ours == labels, theirs == labels
    lost = np.count_nonzero(was_right & ~right, axis=1).astype(np.int64)
    gained = np.count_nonzero(right & ~was_right, axis=1).astype(np.int64)
    return Decisions(
        (margin - before).mean(axis=1) / np.where(typical > 0.0, typical, 1.0),
        (lost + gained) / len(labels),
        (ours == theirs).mean(axis=1),
        lost,
        gained,
        _mcnemar(lost, gained),
    )


def margins(scores: Floats, classes: Ints) -> Floats:
    """Score of each sample's class (networks, samples) less the largest score of another class, same shape."""
    own = np.take_along_axis(scores, classes[..., np.newaxis], axis=-1)
    numbers = np.arange(scores.shape[-1], dtype=np.int64)
    others = np.where(np.equal(numbers, classes[..., np.newaxis]), -np.inf, scores)
    return own[..., 0] - others.max(axis=-1)


def _mcnemar(lost: Ints, gained: Ints) -> Floats:
    from scipy.special import bdtr  # pyright: ignore[reportUnknownVariableType]

    flips = lost + gained
    tail = np.asarray(bdtr(np.minimum(lost, gained).astype(np.float64), flips, 0.5), dtype=np.float64)
    return np.minimum(1.0, 2.0 * tail)
