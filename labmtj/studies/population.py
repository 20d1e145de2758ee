"""The networks that a study copies, with their data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from labmtj.errors import FileProblems, InputError
from labmtj.nets import files
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.measuring.table import inputs_like
from labmtj.nets.network import Network
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import in_software
from labmtj.records import Floats
from labmtj.studies.load import StudyJob


@dataclass(frozen=True, eq=False)
class Population:
    """Networks of one shape and the data on which they are judged; `origin` says where they come from."""

    networks: tuple[Network, ...]
    stack: NetworkStack
    data: Dataset
    origin: str

    @cached_property
    def pseudo_inputs(self) -> Floats:
        """Made-up inputs (count, inputs) for measures without samples; all networks vote where the classes lie."""
        return inputs_like(self.data, self.stack, scale=in_software(self.stack, self.data).scale)

    @property
    def digest(self) -> str:
        """SHA-256 of every weight, bias, sample and label, and of the split."""
        found = hashlib.sha256()
        data = self.data
        for array in (*self.stack.devices, *self.stack.bias, data.inputs, data.labels, data.train, data.test):
            found.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def population(job: StudyJob) -> Population:
    """Read the networks that a study names. Raises FileProblems, with the place in the study where one is named."""
    wanted = job.study.networks
    key = "files" if wanted.files is not None else "shipped"
    try:
        networks, data, origin = _shipped() if wanted.files is None else _folder(Path(wanted.files), wanted.count)
    except FileProblems:
        raise
    except InputError as error:
        raise FileProblems([job.source.problem(("networks", key), str(error))]) from error
    count = len(networks) if wanted.count == "all" else int(wanted.count)
    if count > len(networks):
        text = f"{count} networks are asked for, there are {len(networks)}"
        raise FileProblems([job.source.problem(("networks", "count"), text)])
    try:
        stack = NetworkStack.of(networks[:count])
        _fit(stack, data, job)
    except InputError as error:
        raise FileProblems([job.source.problem(("networks", key), str(error))]) from error
    return Population(networks[:count], stack, data, origin)


def _shipped() -> tuple[tuple[Network, ...], Dataset, str]:
    found = files.shipped_networks()
    return found.networks, wine(), found.header


def _folder(folder: Path, count: int | str) -> tuple[tuple[Network, ...], Dataset, str]:
    """The networks of a folder in the order of their numbers, no more than `count`, and the data that go with them."""
    numbers = files.solutions(folder)
    if not numbers:
        raise InputError(f"{folder}: there is no K_fc1_weight.txt in it; the NIST format is expected")
    wanted = numbers if isinstance(count, str) else numbers[:count]
    networks = tuple(files.read_network(folder, solution=number) for number in wanted)
    return networks, files.read_dataset(folder) or wine(), str(folder)


def _fit(stack: NetworkStack, data: Dataset, job: StudyJob) -> None:
    """Raise InputError for layers that do not fit on the array, or that are not for these data."""
    array = job.bench.bench.array
    if stack.devices[0].shape[1] != data.features:
        raise InputError(f"networks with {stack.devices[0].shape[1]} inputs cannot be judged on {data.name}")
    for number, devices in enumerate(stack.devices, start=1):
        _, rows, cols = devices.shape
        if rows > array.rows or cols > array.cols:
            raise InputError(f"layer {number} needs {rows} x {cols} devices, the array has {array.rows} x {array.cols}")
