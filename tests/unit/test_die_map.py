"""Die maps in files, and whether a map is of the die on the bench."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError, StorageError, WrongDie
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Polarity, State
from labmtj.routines.characterise import map_die
from labmtj.routines.fingerprint import compare
from labmtj.runs.die_map import read_die_map, write_die_map
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

SMALL = (
    'lines.rows={"1..8": "1..8"}', 'lines.cols={"1..8": "16..23"}', "array.rows=8", "array.cols=8",
)  # fmt: skip


def array_of(seed, *settings):
    return TwinArray(load_bench(overrides=[*SMALL, *settings], seed=seed), MemoryJournal())


def map_of(array, read=0.05):
    return map_die(array, polarity=Polarity(State.P, Cell(8, 8), 0.25, 0.3), read=read, width=1e-4, wire=5.0)


@pytest.fixture(scope="module")
def mapped():
    array = array_of(4)
    return array, map_of(array)


def full(die):
    """The same map with everything that one can hold."""
    some = np.linspace(0.2, 0.4, die.r_p.size).reshape(die.shape)
    return dataclasses.replace(
        die, traits=np.arange(die.r_p.size).reshape(die.shape) % 8, v_switch_p=some, v_switch_ap=some + 0.1,
        v_c0_p=some, v_c0_ap=some, delta_p=100 * some, delta_ap=90 * some, row_contact=1.5, col_contact=0.9, v_h=0.51,
        tmr0=1.2, k_p=0.2, temperature=301.0, name="wafer3-die17",
    )  # fmt: skip


@pytest.mark.parametrize("more", [lambda die: die, full], ids=["as mapped", "with everything"])
def test_a_map_comes_back_from_its_file_as_it_was(tmp_path, mapped, more):
    die = more(mapped[1])
    write_die_map(tmp_path / "die.h5", die)
    back = read_die_map(tmp_path / "die.h5")
    for field in dataclasses.fields(DieMap):
        was, now = getattr(die, field.name), getattr(back, field.name)
        if isinstance(was, np.ndarray):
            np.testing.assert_array_equal(was, now)
        else:
            assert was == now


def test_a_map_says_what_it_is_to_any_reader_of_hdf5(tmp_path, mapped):
    write_die_map(tmp_path / "die.h5", full(mapped[1]))
    with h5py.File(tmp_path / "die.h5") as file:
        assert (1, "die map", "P") == (file.attrs["format"], file.attrs["kind"], file.attrs["positive_writes"])
        assert ("ohm", "V") == (file["r_p"].attrs["units"], file["v_c0_p"].attrs["units"])
        assert "NONE SHORT OPEN STUCK" == file["defect"].attrs["flag_meanings"]


def test_a_file_that_is_no_map_is_refused(tmp_path, mapped):
    with pytest.raises(StorageError, match="cannot be read"):
        read_die_map(tmp_path / "nothing.h5")
    write_die_map(tmp_path / "die.h5", mapped[1])
    with h5py.File(tmp_path / "die.h5", "a") as file:
        del file["r_ap"]
    with pytest.raises(StorageError, match="lacks"):
        read_die_map(tmp_path / "die.h5")
    with h5py.File(tmp_path / "die.h5", "a") as file:
        file.attrs["kind"] = "something else"
    with pytest.raises(StorageError, match="no die map"):
        read_die_map(tmp_path / "die.h5")


def test_the_die_of_a_map_is_known_again_in_any_state(mapped):
    array, die = mapped
    match = compare(array, die, cells=24)
    assert match.same
    assert 0.01 > match.deviation
    updated = match.updated(die)
    for cell, state in zip(match.cells, match.states.tolist(), strict=True):
        if state != -1:
            assert state == array.electrics.state.state[cell.position]
    assert -1 in updated.state


@pytest.mark.parametrize("diameter", ["20 nm", "40 nm", "100 nm"])
def test_another_die_is_noticed(diameter):
    read = 0.02 if diameter == "20 nm" else 0.05
    size = f'simulation.die.diameter="{diameter}"'
    die = map_of(array_of(4, size), read)
    assert compare(array_of(4, size), die, cells=24).same
    for seed in range(5, 11):
        match = compare(array_of(seed, size), die, cells=24)
        assert not match.same
        with pytest.raises(WrongDie, match=r"die\.h5 is the map of another die"):
            match.insist("die.h5")


def test_a_defect_that_came_since_is_not_another_die(mapped):
    array, die = mapped
    changed = dataclasses.replace(die, defect=die.defect.copy())
    row, col = np.argwhere(die.good)[5]
    changed.defect[row, col] = Defect.SHORT
    match = compare(array, changed, cells=24)
    assert match.same
    assert match.misplaced == (Cell(int(row) + 1, int(col) + 1),)


def test_a_map_of_another_size_or_without_cells_cannot_be_compared(mapped):
    array, die = mapped
    nothing = np.full((2, 2), np.nan)
    small = DieMap(nothing, nothing, np.ones((2, 2), int), 0.05, die.polarity, Amplitudes(0.3, 0.3), 1e-4)
    with pytest.raises(InputError, match="the array has"):
        compare(array, small, cells=8)
    with pytest.raises(InputError, match="too few good cells"):
        compare(array, dataclasses.replace(die, defect=np.ones(die.shape, int)), cells=8)
