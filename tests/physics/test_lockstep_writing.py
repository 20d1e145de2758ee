"""Copies in lockstep are what the twin's array door makes of the same pulses, one copy at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labmtj.config.bench import BenchFile, load_bench
from labmtj.nets.files import shipped
from labmtj.nets.network import Network
from labmtj.nets.placement import avoid_defects, identity
from labmtj.nets.stack import NetworkStack
from labmtj.records import Cell, Copy, Defect, Placement
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import program_layer
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import WriteSettings
from labmtj.studies.copying.age import aged
from labmtj.studies.copying.door import copies_of
from labmtj.studies.copying.prepare import SilentJournal, prepare, snapshot_file
from labmtj.studies.copying.settings import write_settings
from labmtj.studies.copying.wire import snapshot_bench, wire_copy, wire_products
from labmtj.studies.copying.write import write
from labmtj.studies.records import Places, PreparedDie
from labmtj.twin.access import TwinArray


def bench(diameter: int, wire: int, seed: int) -> BenchFile:
    return load_bench(
        overrides=[
            f'simulation.die.diameter="{diameter} nm"',
            f'simulation.die.wire="{wire} ohm"',
            f'array.wire="{wire} ohm"',
            f"simulation.die.seed={seed}",
        ]
    )


def read_voltage(diameter: int) -> float:
    return 0.05 if diameter >= 30 else 0.02


def places_of(networks: int, placements: Sequence[Placement]) -> tuple[Places, ...]:
    return tuple(
        Places(np.tile(np.array(p.rows) - 1, (networks, 1)), np.tile(np.array(p.cols) - 1, (networks, 1)))
        for p in placements
    )


def array_at(prepared: PreparedDie, path: Path) -> TwinArray:
    """The array door to the die as it was when it had been mapped; its state lies at `path`."""
    assert prepared.file is not None
    snapshot_file(prepared, path)
    bench = prepared.file.bench
    assert bench.simulation is not None
    simulation = bench.simulation.model_copy(update={"state": str(path)})
    file = replace(prepared.file, bench=bench.model_copy(update={"simulation": simulation}))
    return TwinArray(file, SilentJournal())


def program(
    array: TwinArray, prepared: PreparedDie, network: Network, placements: Sequence[Placement], settings: WriteSettings
) -> list[tuple[Copy, np.ndarray, float]]:
    """Both layers through routines.program: the copies, the hidden states and the times after them."""
    die, began = prepared.die, prepared.after.clock
    found: list[tuple[Copy, np.ndarray, float]] = []
    for layer, placement in zip(network.layers, placements, strict=True):
        picture = Picture(die)
        array.trust(picture.lower_bound)
        copy = program_layer(
            array, die_map=die, target=layer.states, placement=placement, settings=settings, picture=picture
        )
        assert die.state is not None
        state, at = die.state.copy(), np.ix_(np.array(placement.rows) - 1, np.array(placement.cols) - 1)
        state[at] = np.where(copy.defect == Defect.NONE, copy.state, -1)
        die = replace(die, state=state)
        found.append((copy, array.electrics.state.state.copy(), array.clock.now() - began))
    return found


def same(
    diameter: int, wire: int, seed: int, networks: Sequence[int], folder: Path, *, avoid: bool = True, layers: int = 2
) -> PreparedDie:
    """Assert that copies of some networks are the same through both doors."""
    prepared = prepare(bench(diameter, wire, seed), read=read_voltage(diameter))
    settings, nets = write_settings(prepared), [shipped(f"wine/{number}") for number in networks]
    nets = [replace(net, layers=net.layers[-layers:]) for net in nets]
    shapes = [layer.shape for layer in nets[0].layers]
    placements = [avoid_defects(prepared.die, shape) if avoid else identity(shape) for shape in shapes]
    written = write(prepared, NetworkStack.of(nets), places_of(len(nets), placements), settings)
    for number, network in enumerate(nets):
        array = array_at(prepared, folder / f"{number}.state")
        for layer, (copy, state, seconds) in zip(
            written, program(array, prepared, network, placements, settings), strict=True
        ):
            free = layer.state[number] < 2
            assert state[free].tolist() == layer.state[number][free].tolist()
            assert copy.state.tolist() == layer.seen[number].tolist()
            assert int(copy.pulses.sum()) == layer.pulses[number]
            assert copy.repaired == layer.repaired[number]
            assert seconds == pytest.approx(layer.clock[number], abs=1e-8)
            np.testing.assert_allclose(layer.conductance[number], copy.conductance, rtol=1e-3)
        array.clock.sleep(2e5)
        array.electrics.account()
        later = aged(prepared, written[-1], 2e5)[number]
        free = later < 2
        assert array.electrics.state.state[free].tolist() == later[free].tolist()
    return prepared


def test_copies_at_15_nm_are_those_of_the_twin_with_defects_and_cells_that_flip_by_themselves(tmp_path: Path) -> None:
    prepared = same(15, 5, 1, [0], tmp_path, avoid=False, layers=1)
    assert (prepared.die.defect != Defect.NONE).sum() > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("diameter", "wire", "seed"),
    [
        (15, 20, 2),
        (20, 20, 3),
        (30, 1, 4),
        (40, 5, 1),
        (40, 20, 7),
        (50, 5, 6),
        (100, 5, 2),
        (100, 20, 1),
        (100, 20, 2),
    ],
)
def test_copies_of_every_kind_are_those_of_the_twin(diameter: int, wire: int, seed: int, tmp_path: Path) -> None:
    same(diameter, wire, seed, [0, 5, 17], tmp_path, avoid=seed % 2 == 0)


def test_readings_on_columns_with_shorts_have_the_noise_that_the_twin_gives_them(tmp_path: Path) -> None:
    prepared = prepare(bench(20, 20, 3), read=0.02)
    assert prepared.file is not None
    array = array_at(prepared, tmp_path / "die.state")
    copies = copies_of(prepared.file, prepared.truth, prepared.after, count=1, read=0.02)
    shorted = np.flatnonzero((prepared.die.defect == Defect.SHORT).any(axis=0)).tolist()
    assert shorted
    for col in shorted:
        for row in range(0, 15, 3):
            one, other = np.array([row]), np.array([[col]])
            found = copies.look(np.array([0]), one, other, threshold=np.zeros(225), guard=np.zeros(225))
            (reading,) = array.read([Cell(row + 1, col + 1)], voltage=0.02)
            assert float(found[0, 0]) == pytest.approx(reading.conductance, rel=2e-4)


def test_the_compiled_door_maps_a_die_as_the_array_door_does() -> None:
    file = bench(40, 5, 2)
    prepared, array = prepare(file, read=0.05), TwinArray(file, SilentJournal())
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=1e-4, read=0.05
    )
    die = map_die(array, polarity=polarity, read=0.05, width=1e-4, wire=file.bench.array.wire)
    hidden = array.electrics.state
    assert hidden.pulses == prepared.after.pulses
    assert hidden.state.tolist() == prepared.after.state.tolist()
    assert hidden.col_reads.tolist() == prepared.after.col_reads.tolist()
    assert die.defect.tolist() == prepared.die.defect.tolist()
    np.testing.assert_allclose(prepared.die.r_p, die.r_p, rtol=1e-9)
    np.testing.assert_allclose(prepared.die.r_ap, die.r_ap, rtol=1e-9)


@pytest.mark.slow
def test_a_copy_through_drivers_and_instruments_is_the_one_in_lockstep(tmp_path: Path) -> None:
    prepared, network = prepare(bench(40, 5, 3), read=0.05), shipped("wine/3")
    settings = write_settings(prepared)
    places = places_of(1, [avoid_defects(prepared.die, layer.shape) for layer in network.layers])
    with snapshot_bench(prepared, tmp_path) as opened:
        wire = wire_copy(opened, prepared.die, network, places, settings)
        products = wire_products(
            opened, places[1], np.array([[1.0, 0.0, -1.0, 0.0, 0.0, 1.0]]), read=0.05, window=prepared.nominal_window
        )
    lockstep = write(prepared, NetworkStack.of([network]), places, settings)
    for one, other in zip(wire, lockstep, strict=True):
        assert one.state.tolist() == other.state.tolist()
        assert one.seen.tolist() == other.seen.tolist()
        assert one.pulses.tolist() == other.pulses.tolist()
        assert one.repaired.tolist() == other.repaired.tolist()
        np.testing.assert_allclose(other.conductance, one.conductance, rtol=1e-3)
    expected = np.array([1.0, 0.0, -1.0, 0.0, 0.0, 1.0]) @ lockstep[1].conductance[0] / prepared.nominal_window
    np.testing.assert_allclose(products[0], expected, atol=0.05)
