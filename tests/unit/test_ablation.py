"""Ablation: failures one at a time and together, on the same cells of the same die."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.stack import NetworkStack
from labmtj.nets.tuning.copies import in_software
from labmtj.physics.superposition import SumNoise
from labmtj.studies.ablation import ALL, Copied, Failure, ablation, variants, ways
from labmtj.studies.inference import hidden, map_of
from labmtj.studies.records import Places

DATA = wine()
STACK = NetworkStack.of(shipped_networks().networks[:4])
SOFTWARE = in_software(STACK, DATA)
NOISE = SumNoise(0.02, (1e-3, 1e-2), (5e-9, 5e-8))


def copied(**changes: Any) -> Copied:
    options = {name: changes.pop(name) for name in ("written", "error_rates", "numbers") if name in changes}
    model = dataclasses.replace(die_model(load_bench("simulated-15x15").bench), seed=4, **changes)
    places = tuple(
        Places(
            np.tile(np.arange(rows, dtype=np.int64), (len(STACK), 1)),
            np.tile(np.arange(cols, dtype=np.int64), (len(STACK), 1)),
        )
        for rows, cols in (devices.shape[1:] for devices in STACK.devices)
    )
    return Copied(model, STACK, places, 0.05, noise=NOISE, **options)


def wrong(copy: Copied, failures: frozenset[Failure], layer: int = 0) -> int:
    """Devices whose map says the other state, of a die without spread, wires or noise."""
    layers, window = copy.layers(failures - {Failure.SPREAD, Failure.WIRES, Failure.NOISE})
    model = copy.model
    half = model.area / model.resistance_area - 0.5 * window
    found = map_of(layers)[layer] > half
    return int((found != (STACK.states(layer) == 0)).sum())


def mean(table: dict[str, np.ndarray], variant: str, failure: str, tuning: str) -> float:
    here = (table["variant"] == variant) & (table["failure"] == failure) & (table["tuning"] == tuning)
    return float(table["gap_train"][here].mean())


def test_every_failure_is_there_alone_and_left_out() -> None:
    found = list(variants())
    assert [words[:2] for words in found[:2]] == [("none", ""), ("only", "spread")]
    assert len(found) == 2 + 2 * len(Failure)
    assert all(ALL - present == {failure} for variant, failure, present in found if variant == "without")
    assert [present for variant, _failure, present in found if variant in ("none", "all")] == [frozenset(), ALL]


def test_an_array_without_failures_costs_nothing_once_its_scale_is_tuned() -> None:
    table = ablation(copied(), data=DATA, software=SOFTWARE.tuned, tuned=ways(STACK, DATA, SOFTWARE, ["scale"]))
    assert len(table["gap_all"]) == 14 * len(STACK)
    for part in ("train", "test", "all"):
        none = table["variant"] == "none"
        assert np.abs(table[f"gap_{part}"][none]).max() == 0.0
    assert table["network"].tolist() == [0, 1, 2, 3] * 14
    assert set(table["tuning"]) == {"scale"}


def test_wires_of_large_devices_cost_most_and_what_is_left_out_comes_back() -> None:
    die = copied(diameter=100e-9, wire=20.0)
    table = ablation(
        die, data=DATA, software=SOFTWARE.tuned, tuned=ways(STACK, DATA, SOFTWARE, ["untuned", "scale"]),
        failures=frozenset({Failure.WIRES, Failure.NOISE}),
    )  # fmt: skip
    assert mean(table, "only", "wires", "untuned") < -10.0
    assert mean(table, "only", "wires", "untuned") < mean(table, "only", "wires", "scale") < -2.0
    assert abs(mean(table, "without", "wires", "scale")) < 2.0
    assert mean(table, "only", "noise", "untuned") == mean(table, "without", "wires", "untuned")


def test_error_rates_flip_that_share_of_devices_and_more_of_the_same_ones() -> None:
    few, many = copied(error_rates=(0.02, 0.02)), copied(error_rates=(0.1, 0.0))
    total = STACK.states(0).size
    assert wrong(few, frozenset()) == 0
    flips = wrong(few, frozenset({Failure.WRITE_ERRORS}))
    assert 0.005 * total < flips < 0.04 * total
    parallel = int((STACK.states(0) == 0).sum())
    assert 0.06 * parallel < wrong(many, frozenset({Failure.WRITE_ERRORS})) < 0.14 * parallel


def test_the_states_of_real_copies_are_what_is_wrong_with_them() -> None:
    bad = {"short": 0.02, "stuck": 0.03}
    plain = copied(**bad)
    written = tuple(hidden(plain.real, STACK.states(layer), plain.places[layer]) for layer in range(2))
    perfect = copied(**bad, written=written)
    assert wrong(perfect, frozenset({Failure.WRITE_ERRORS})) == 0
    defective = wrong(perfect, frozenset({Failure.DEFECTS}))
    assert defective > 0
    missed = written[0].copy()
    good = plain.real.defect[:13, :12] == 0
    missed[:, :13, :12][:, good] = np.where(
        np.arange(int(good.sum()), dtype=np.int64) % 10 == 0, 1 - missed[:, :13, :12][:, good], 0
    )
    states = STACK.states(0)[:, good]
    wanted = int((missed[:, :13, :12][:, good] != states).sum())
    real = copied(**bad, written=(missed, written[1]))
    assert wrong(real, frozenset({Failure.WRITE_ERRORS})) == wanted
    assert wrong(real, frozenset({Failure.WRITE_ERRORS, Failure.DEFECTS})) == wanted + defective


def test_a_network_brings_its_errors_along() -> None:
    errors = {"error_rates": (0.05, 0.05), "short": 0.0, "open": 0.0, "stuck": 0.0}
    both = copied(**errors, numbers=np.array([7, 8, 9, 10])), copied(**errors, numbers=np.array([8, 9, 10, 11]))
    maps = [map_of(copy.layers(frozenset({Failure.WRITE_ERRORS}))[0])[0] for copy in both]
    states = STACK.states(0)
    flipped = [(found < 0.5 * (found.min() + found.max())) != (states == 1) for found in maps]
    assert 0.02 < flipped[0].mean() < 0.08
    assert (flipped[0][1:] == flipped[1][:-1]).all()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="fractions"):
        copied(error_rates=(0.1, 1.5))
