"""One copy through the wire level: real drivers on a real bench, or on a simulated one that begins at the snapshot."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.bench.session import OpenBench, open_bench
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.errors import InputError
from labmtj.nets.network import Network
from labmtj.records import Defect, DieMap, Floats, Ints, Placement
from labmtj.routines.infer import analog, bit_serial
from labmtj.routines.program import program_layer
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import WriteSettings
from labmtj.studies.copying.prepare import SilentJournal, snapshot_file
from labmtj.studies.records import Places, PreparedDie, WrittenLayer


@contextmanager
def snapshot_bench(prepared: PreparedDie, folder: Path) -> Generator[OpenBench]:
    """The simulated bench of a prepared die, opened, with the die as it was when it had been mapped.

    Its bench file and its state file are written into `folder`, which must not hold them yet. The seconds that opening
    took do not count for the cells, so that a copy begins as one at the array level does.
    """
    if prepared.file is None:
        raise InputError("this die was not mapped on a bench file; open its bench yourself")
    state = folder / "twin.state"
    snapshot_file(prepared, state)
    data: dict[str, Any] = dict(prepared.file.source.data)
    data["simulation"] = {**data["simulation"], "state": str(state.resolve())}
    path = folder / "bench.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    with open_bench(load_bench(path), journal=SilentJournal()) as bench:
        world: Any = getattr(bench.clock, "world")  # noqa: B009 - a simulated bench's clock is that of its world
        world.electrics.state.rest = prepared.after.rest
        yield bench


def wire_copy(
    bench: OpenBench,
    die: DieMap,
    network: Network,
    places: Sequence[Places],
    settings: WriteSettings,
    *,
    number: int = 0,
    pause: float = 0.0,
) -> tuple[WrittenLayer, ...]:
    """Write all layers of one network through the drivers of an opened bench, real or simulated.

    `die` is the map of the die that is there, `places` as for `write`, of which those of network `number` count.
    Hidden states are known of a simulated die only; of a real one `state` is what is known of all cells (-1:
    nothing), and there is no `exposure`. `clock` [s] counts from the call. Raises LimitExceeded and BenchError.
    """
    found: list[WrittenLayer] = []
    began, known = bench.clock.now(), die
    for position, (layer, place) in enumerate(zip(network.layers, places, strict=True)):
        if position and pause:
            bench.clock.sleep(pause)
        picture = Picture(known)
        if settings.compensate and picture.model is not None:
            bench.array.trust(picture.lower_bound)
        placement = _placement(place, number)
        copy = program_layer(
            bench.array, die_map=known, target=layer.states, placement=placement, settings=settings, picture=picture
        )
        state = np.full(die.shape, -1, np.int64) if known.state is None else known.state.copy()
        at = np.ix_(place.rows[number], place.cols[number])
        state[at] = np.where(copy.defect == Defect.NONE, copy.state, -1)
        known = replace(known, state=state)
        hidden = _hidden(bench)
        found.append(
            WrittenLayer(
                places=Places(place.rows[number : number + 1], place.cols[number : number + 1]),
                target=copy.target[np.newaxis],
                seen=copy.state[np.newaxis],
                conductance=copy.conductance[np.newaxis],
                state=(state.astype(np.int8) if hidden is None else hidden)[np.newaxis],
                defect=copy.defect[np.newaxis],
                pulses=np.array([int(copy.pulses.sum())]),
                repaired=np.array([copy.repaired]),
                clock=np.array([bench.clock.now() - began]),
            )
        )
    return tuple(found)


def wire_products(
    bench: OpenBench, place: Places, inputs: Floats, *, read: float, window: float, number: int = 0, bits: int = 4
) -> Floats:
    """Products of one layer on an opened bench, (samples, device columns), in units of `window` [S].

    `inputs` (samples, inputs) lie in -1..1; a bench with a source on every row has them as voltages, another one
    bit by bit, in `bits` bits, negative ones in a second pass.
    """
    placement = _placement(place, number)
    if bench.file.bench.analog:
        return analog(bench.array, placement=placement, inputs=inputs, voltage=read) / window
    return bit_serial(bench.array, placement=placement, inputs=inputs, bits=bits, voltage=read) / window


def _placement(place: Places, number: int) -> Placement:
    rows: Ints = place.rows[number] + 1
    cols: Ints = place.cols[number] + 1
    return Placement(tuple(rows.tolist()), tuple(cols.tolist()))


def _hidden(bench: OpenBench) -> NDArray[np.int8] | None:
    """States of all cells of a simulated die as `WrittenLayer` has them; None of a real one."""
    world: Any = getattr(bench.clock, "world", None)
    if world is None:
        return None
    electrics = world.electrics
    defect = electrics.truth.defect
    fixed = (defect == Defect.SHORT) | (defect == Defect.OPEN) | (electrics.state.broken != 0)
    return np.where(fixed, 2, electrics.state.state).astype(np.int8)
