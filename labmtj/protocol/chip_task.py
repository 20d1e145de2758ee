"""The network that a protocol writes onto a chip, where its devices lie, and the images that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labmtj.config.bench import Bench
from labmtj.errors import InputError
from labmtj.nets.chips.files import read_network, shipped
from labmtj.nets.chips.network import ChipNetwork
from labmtj.nets.chips.tiling import Tiling
from labmtj.nets.images.preparing import Prepared, prepare
from labmtj.nets.images.sets import load
from labmtj.protocol.load import Job
from labmtj.protocol.schema import Network
from labmtj.records import Ints


@dataclass(frozen=True, eq=False)
class ChipTask:
    """A network for a chip, its tiling, and its images, made smaller as it wants them."""

    network: ChipNetwork
    tiling: Tiling
    images: Prepared

    def samples(self, wanted: str | int | tuple[int, ...]) -> Ints:
        """Numbers of test images: "all", so many spread over all of them, or those that are named.

        Raises InputError for a number that is not there.
        """
        count = len(self.images.test)
        if isinstance(wanted, tuple):
            beyond = [number for number in wanted if number >= count]
            if beyond:
                raise InputError(f"{self.images.name} has {count} test images, counted from 0; not {beyond}")
            return np.array(wanted, dtype=np.int64)
        most = count if isinstance(wanted, str) else min(wanted, count)
        return np.linspace(0, count - 1, most).astype(np.int64)


def chip_task(job: Job) -> ChipTask:
    """What a job writes onto its chip. MissingFile, InputError and PlacementError, with the place in the protocol."""
    wanted = job.protocol.network or Network()
    try:
        return _task(wanted, job.bench.bench)
    except InputError as error:
        key = "shipped" if wanted.shipped is not None else "trained"
        error.add_note(f"named in {job.source.place(('network', key))}")
        raise


def _task(wanted: Network, bench: Bench) -> ChipTask:
    network = shipped(wanted.shipped).network if wanted.shipped else read_network(Path(wanted.trained or "")).network
    array = bench.array
    tiling = Tiling.of(network, kernels=array.kernels or 1, rows=array.rows, cols=array.cols)
    folder = None if wanted.folder is None else Path(wanted.folder)
    images = prepare(load(wanted.images or "digits", folder=folder), side=network.side, bits=network.bits)
    if network.layers[-1].outputs != images.classes:
        raise InputError(
            f"{network.name} has {network.layers[-1].outputs} outputs, {images.name} {images.classes} classes: name "
            "the images that it was trained with (network: {images: mnist, folder: ...})"
        )
    return ChipTask(network, tiling, images)
