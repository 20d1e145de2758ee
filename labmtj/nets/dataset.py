"""The Wine data set: 178 wines, 13 features, 3 cultivars, split once and for all into 148 + 30.

Source: S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository (1992), doi:10.24432/C5PC7J,
as packaged by scikit-learn.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.records import Floats, Ints

# The paper trains on 148 wines and holds out 30 (arXiv 2112.09159); which ones is not known.
TEST_SIZE = 30
# chosen: the first seed tried; the split was fixed before any network was trained and not searched.
SPLIT_SEED = 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of a classification task, with the split into training and test samples.

    `inputs` (samples, features), each 0..1; `labels` (samples,), counted from 0; `train` and `test`
    are sorted indices of samples without overlap. Raises InputError if these do not fit together.
    """

    name: str
    inputs: Floats
    labels: Ints
    train: Ints
    test: Ints
    classes: int = 3

    def __post_init__(self) -> None:
        count = len(self.labels)
        if self.inputs.ndim != 2 or len(self.inputs) != count:
            raise InputError(f"{self.name}: inputs of shape {self.inputs.shape} for {count} labels")
        if not np.all((self.inputs >= 0.0) & (self.inputs <= 1.0)):
            raise InputError(f"{self.name}: every input must lie in 0..1, because it scales the read voltage")
        if not np.all((self.labels >= 0) & (self.labels < self.classes)):
            raise InputError(f"{self.name}: every label must lie in 0..{self.classes - 1}")
        if not np.array_equal(np.sort(np.concatenate([self.train, self.test])), np.arange(count)):
            raise InputError(f"{self.name}: train and test must hold each of the {count} samples once")
        for array in (self.inputs, self.labels, self.train, self.test):
            array.flags.writeable = False

    @property
    def features(self) -> int:
        """Number of features of a sample."""
        return self.inputs.shape[1]


def scaled(features: Floats) -> Floats:
    """Each column min-max scaled to 0..1 over all samples, as the published data of the paper are."""
    low, high = features.min(axis=0), features.max(axis=0)
    return (features - low) / (high - low)


def stratified_split(labels: Ints, *, test_size: int, seed: int) -> tuple[Ints, Ints]:
    """Sorted indices (train, test) with the classes in the proportions of `labels`.

    Each class gives the test set the whole part of its share; what is left over goes to the largest
    remainders. Then that many samples of each class are taken from a seeded permutation of it.
    """
    counts = np.bincount(labels)
    share = test_size * counts / len(labels)
    quota = share.astype(np.int64)
    quota[np.argsort(quota - share, kind="stable")[: test_size - quota.sum()]] += 1
    # RandomState, because numpy promises that its stream never changes; Generator's may (NEP 19).
    random = np.random.RandomState(seed)
    chosen = [random.permutation(np.flatnonzero(labels == k))[:n] for k, n in enumerate(quota)]
    test = np.sort(np.concatenate(chosen)).astype(np.int64)
    return np.setdiff1d(np.arange(len(labels)), test), test


def _table() -> Floats:
    """Read the 178 rows of 13 features and one label.

    scikit-learn's packaged file is read without importing scikit-learn, which takes 2 s of processor
    time; should a later version keep the file elsewhere, its loader is asked.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None:
        raise InputError("the Wine data come with scikit-learn, which is not installed: pip install scikit-learn")
    for folder in spec.submodule_search_locations or ():
        path = Path(folder) / "datasets" / "data" / "wine_data.csv"
        if path.is_file():
            return np.loadtxt(path, delimiter=",", skiprows=1)
    loaded: Any = importlib.import_module("sklearn.datasets").load_wine()
    return np.column_stack([loaded.data, loaded.target])


def wine() -> Dataset:
    """Load the 178 wines with our fixed split: 148 to train, 30 (10 + 12 + 8 of the classes) to test."""
    table = _table()
    labels = table[:, -1].astype(np.int64)
    train, test = stratified_split(labels, test_size=TEST_SIZE, seed=SPLIT_SEED)
    return Dataset("wine", scaled(table[:, :-1]), labels, train, test)
