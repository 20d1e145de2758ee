"""Sums by superposition against exact solutions, and what must hold whatever the array."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.config.bench import load_bench
from labmtj.config.dies import die_defaults
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.linear import column_currents
from labmtj.physics.noise import current_variance
from labmtj.physics.superposition import SumNoise, Superposition
from labmtj.physics.variation import DieTruth, draw_die
from labmtj.records import Defect, Floats, Ints

QUIET = SumNoise(aperture=0.02, full=(1.0,), rms=(0.0,))


def die(diameter: float, wire: float, *, seed: int = 3, bad: float = 0.01, **changes: float) -> DieTruth:
    model = die_model(load_bench("simulated-15x15").bench)
    sized = dict(die_defaults().at(diameter))
    return draw_die(
        dataclasses.replace(model, diameter=diameter, wire=wire, seed=seed, short=bad, open=bad, **sized, **changes)
    )


def states(truth: DieTruth, count: int, *, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, 2, (count, 15, 15)).astype(np.int8)
    drawn[:, (truth.defect == Defect.SHORT) | (truth.defect == Defect.OPEN)] = 2
    return drawn


def every_column(count: int) -> Floats:
    return np.repeat(np.eye(15)[np.newaxis], count, axis=0)


def exact(truth: DieTruth, state: np.ndarray, rows: Ints, drives: Floats, r_row: Floats, r_col: Floats) -> Floats:
    count, samples = drives.shape[:2]
    volts = np.zeros((count, samples, 15))
    for network in range(count):
        volts[network][:, rows[network]] = drives[network]
    shape, model = state.shape, truth.model
    arrays = Arrays(
        np.ascontiguousarray(state), r_p=np.broadcast_to(truth.r_p, shape), tmr0=np.broadcast_to(truth.tmr, shape),
        r_wire=model.wire, v_h=model.v_h, k_p=model.k_p,
    )  # fmt: skip
    found = arrays.drive(
        volts.reshape(-1, 15), np.zeros((count * samples, 15)), of=np.repeat(np.arange(count, dtype=np.int64), samples),
        r_row=r_row[np.newaxis], r_col=r_col[np.newaxis],
    )  # fmt: skip
    return found.i_col.reshape(count, samples, 15)


def compared(diameter: float, wire: float, read: float, *, contact: float = 0.0, samples: int = 6) -> float:
    """Largest error over the largest column current, three arrays with shorts and opens, drives of both signs."""
    truth = die(diameter, wire)
    state = states(truth, 3)
    chance = np.random.default_rng(1)
    rows = np.stack([chance.permutation(15)[:13] for _ in range(3)])
    drives = read * chance.uniform(-1.0, 1.0, (3, samples, 13))
    drives[:, 0] = read
    r_row, r_col = contact * chance.random(15), contact * chance.random(15)
    arrays = Superposition(truth, state, read=read, r_row=r_row, r_col=r_col)
    found = arrays.currents(arrays.responses(rows, every_column(3)), drives)
    wanted = exact(truth, state, rows, drives, r_row, r_col)
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("diameter", [15e-9, 20e-9, 30e-9, 40e-9, 50e-9, 75e-9, 100e-9])
@pytest.mark.parametrize("wire", [1.0, 5.0, 20.0])
def test_superposed_sums_are_those_of_exact_solutions_for_every_kind(diameter: float, wire: float) -> None:
    assert compared(diameter, wire, 0.02) < 1e-6
    assert compared(diameter, wire, 0.05) < 2e-6
    assert compared(diameter, wire, 0.1, contact=5.0) < 2e-5


def test_without_wires_the_sums_are_those_of_the_cells_alone() -> None:
    assert compared(100e-9, 0.0, 0.1) < 1e-14


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 20.0), st.sampled_from([15e-9, 40e-9, 100e-9]), st.integers(0, 1000))
def test_resistors_superpose_exactly(wire: float, diameter: float, seed: int) -> None:
    truth = die(diameter, wire, seed=seed % 7, k_p=0.0, v_h=1e9)
    state = states(truth, 2, seed=seed)
    drives = np.random.default_rng(seed).uniform(-0.05, 0.05, (2, 4, 15))
    arrays = Superposition(truth, state, read=0.05, r_row=None, r_col=None)
    answers = arrays.responses(np.tile(np.arange(15), (2, 1)), every_column(2))
    ohms = truth.r_p * (1.0 + np.where(state == 1, truth.tmr, 0.0))
    wanted = column_currents(1.0 / ohms, drives, r_wire=wire)
    found = arrays.currents(answers, drives)
    assert np.abs(found - wanted).max() < 1e-12 * np.abs(wanted).max()
    doubled = arrays.currents(answers, 2.0 * drives)
    assert np.abs(doubled - 2.0 * found).max() < 1e-12 * np.abs(wanted).max()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_opposite_drives_give_opposite_currents(seed: int) -> None:
    truth = die(100e-9, 20.0)
    arrays = Superposition(truth, states(truth, 1, seed=seed), read=0.1, r_row=None, r_col=None)
    answers = arrays.responses(np.arange(15)[np.newaxis], every_column(1))
    drives = np.random.default_rng(seed).uniform(-0.1, 0.1, (1, 4, 15))
    assert (arrays.currents(answers, -drives) == -arrays.currents(answers, drives)).all()


def noisy(truth: DieTruth, state: np.ndarray, noise: SumNoise, numbers: Ints, ordinal: int) -> Floats:
    arrays = Superposition(truth, state, read=0.05, r_row=None, r_col=None)
    answers = arrays.responses(np.tile(np.arange(13), (len(state), 1)), every_column(len(state)))
    drives = np.full((len(state), 400, 13), 0.05)
    return arrays.currents(answers, drives, noise=noise, numbers=numbers, ordinal=ordinal)


def test_noise_has_the_variance_of_its_cells_and_of_the_meter() -> None:
    truth = die(40e-9, 0.0, bad=0.0, telegraph=0.0)
    state, model = states(truth, 1), truth.model
    metered = SumNoise(aperture=0.02, full=(1e-9, 1.0), rms=(1.0, 3e-7))
    found = np.concatenate([noisy(truth, state, metered, np.array([7]), ordinal) for ordinal in range(5)], axis=1)[0]
    plain = Superposition(truth, state, read=0.05, r_row=None, r_col=None)
    g = plain.currents(plain.responses(np.arange(15)[np.newaxis], every_column(1)), 0.05 * np.eye(15)[np.newaxis])[0]
    parallel = state[0, :13] == 0
    wanted = current_variance(
        np.full((13, 15), 0.05), g[:13],
        fano=np.where(parallel, model.fano_p, model.fano_ap),
        flicker=np.where(parallel, model.flicker_p, model.flicker_ap),
        area=model.area, temperature=model.temperature, aperture=0.02,
    ).sum(axis=0)  # fmt: skip
    assert np.abs(found.mean(axis=0) - g[:13].sum(axis=0)).max() < 5 * np.sqrt(wanted + 9e-14).max() / 2000**0.5
    assert np.abs(found.var(axis=0) / (wanted + 9e-14) - 1.0).max() < 0.15


def test_noise_belongs_to_its_address() -> None:
    truth = die(40e-9, 5.0, telegraph=0.2)
    state = states(truth, 3)
    together = noisy(truth, state, QUIET, np.array([4, 9, 2]), 1)
    alone = noisy(truth, state[1:2], QUIET, np.array([9]), 1)
    assert together[1].tobytes() == alone[0].tobytes()
    assert not (noisy(truth, state[1:2], QUIET, np.array([9]), 2) == alone).any()


def test_what_superposition_does_not_know_is_refused() -> None:
    truth = die(40e-9, 5.0, heating=1e5)
    with pytest.raises(InputError, match="heating"):
        Superposition(truth, states(truth, 1), read=0.05, r_row=None, r_col=None)
    good = die(40e-9, 5.0)
    with pytest.raises(InputError, match="read voltage"):
        Superposition(good, states(good, 1), read=0.0, r_row=None, r_col=None)
    with pytest.raises(InputError, match="shape"):
        Superposition(good, states(good, 1)[:, :4], read=0.05, r_row=None, r_col=None)
