"""What every block of a study of networks of neurons has in common, given to each process that computes blocks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.neurons.network import Form
from labmtj.nets.neurons.training import Trained
from labmtj.studies.arrays import of_another, read_arrays, write_arrays
from labmtj.studies.neurons.load import NeuronJob

NETWORKS = "networks"
_WEIGHT, _WHAT = "weight/", "network"


@dataclass(frozen=True, eq=False)
class Setting:
    """A study; `folder` is where it is kept, once it has one, and `study` its digest."""

    job: NeuronJob
    folder: Path | None = None
    study: str = ""

    def path(self, name: str) -> Path | None:
        """File of a software network."""
        return None if self.folder is None else self.folder / NETWORKS / f"{name}.npz"

    def digest(self, name: str) -> str:
        """SHA-256 of what a software network follows from."""
        return hashlib.sha256(f"{self.study} {name}".encode()).hexdigest()


def keep(setting: Setting, name: str, network: Trained) -> None:
    """Keep a software network in the study's folder: plain arrays, no pickle. Raises StorageError."""
    path = setting.path(name)
    if path is None or not path.parent.is_dir():
        return
    arrays: dict[str, NDArray[Any]] = {"digest": np.array(setting.digest(name))}
    arrays |= {"train": np.array(network.train), "test": np.array(network.test)}
    arrays |= {f"{_WEIGHT}{key}": values for key, values in network.weights.items()}
    write_arrays(path, arrays, what=_WHAT)


def kept(setting: Setting, name: str, *, form: Form) -> Trained | None:
    """A software network that was kept, without its history; None where there is none.

    Raises CannotResume for one of another study, or a damaged one.
    """
    path = setting.path(name)
    stored = None if path is None else read_arrays(path, what=_WHAT)
    if path is None or stored is None:
        return None
    if "digest" not in stored or stored["digest"].item() != setting.digest(name):
        raise of_another(path, what=_WHAT)
    weights = {key.removeprefix(_WEIGHT): values for key, values in stored.items() if key.startswith(_WEIGHT)}
    return Trained(form, weights, float(stored["train"]), float(stored["test"]), (), 0.0, 0.0)
