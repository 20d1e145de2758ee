"""Paired losses of studies of neurons against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labmtj.studies.neurons.comparing import Key, holds, paired, student, summary, with_software
from labmtj.studies.neurons.schema import Bound, Bounds


def table(*rows):
    """Runs: part, role, gradient, variation, seed, die, test."""
    names = ("part", "role", "gradient", "variation", "seed", "die", "test")
    found = {name: np.array(column, object if name in {"part", "role", "gradient"} else None)
             for name, column in zip(names, zip(*rows, strict=True), strict=True)}  # fmt: skip
    count = len(rows)
    device = found["role"] == "device"
    texts = {"calibration": np.where(device, "neuron", ""), "reading": np.where(device, "noisy", "")}
    found |= {name: values.astype(object) for name, values in texts.items()}
    return found | {name: np.zeros(count) for name in ("train", "clipped", "saturated")}


SOFTWARE = [("software", "network", "", math.nan, seed, -1, test) for seed, test in enumerate((0.90, 0.92, 0.94))]


def test_the_interval_of_three_seeds_is_that_of_students_t():
    # losses 1, 2, 3: mean 2, s = 1, s / sqrt(3) = 0.57735; t(0.975, 2) = 4.30265, t(0.95, 2) = 2.91999
    found = student(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2.0 - 2.48414, 2.0 + 2.48414), abs=1e-4)
    assert found.upper == pytest.approx(2.0 + 1.68586, abs=1e-4)
    assert 1.0 <= found.boot_low < 2.0 < found.boot_high <= 3.0


def test_one_seed_says_nothing_of_the_spread():
    found = student(np.array([0.5]))
    assert found.mean == 0.5
    assert all(math.isnan(value) for value in found[1:])
    assert holds(found, Bound(up_to=0.1, upper=0.6)) == ""
    assert holds(found, Bound(up_to=0.1, loss=0.4, upper=0.6)) == "no"


def test_losses_are_paired_by_seed_and_dies_of_a_seed_are_one_value():
    tests = ((0.89, 0.91), (0.91, 0.91), (0.90, 0.92))
    device = [("inference", "device", "", 0.05, seed, die, tests[seed][die]) for seed in range(3) for die in range(2)]
    runs = with_software(table(*SOFTWARE, *device))
    found = paired(runs, Bounds(device=[Bound(up_to=0.05, loss=0.02, upper=0.03)]))
    # losses of the seeds: 0.90 - 0.90 = 0, 0.92 - 0.91 = 0.01, 0.94 - 0.91 = 0.03
    assert found["loss"].tolist() == pytest.approx([0.04 / 3])
    assert found["seeds"].tolist() == [3]
    deviation = math.sqrt(((0.04 / 3) ** 2 + (0.04 / 3 - 0.01) ** 2 + (0.03 - 0.04 / 3) ** 2) / 2)
    assert found["upper"][0] == pytest.approx(0.04 / 3 + 2.919986 * deviation / math.sqrt(3), abs=1e-7)
    assert found["holds"].tolist() == ["no"]


def test_a_seed_without_its_software_twin_is_left_out():
    device = [("training", "device", "measured", 0.05, seed, 0, 0.9) for seed in range(4)]
    found = paired(with_software(table(*SOFTWARE, *device)), Bounds())
    assert found["seeds"].tolist() == [3]
    assert found["loss"].tolist() == pytest.approx([0.02])


def test_transfer_is_compared_with_its_own_twin():
    twins = [("transfer", "twin", "", math.nan, seed, -1, 0.95) for seed in range(3)]
    device = [("transfer", "device", "measured", 0.2, seed, 0, 0.945) for seed in range(3)]
    runs = with_software(table(*SOFTWARE, *twins, *device))
    found = paired(runs, Bounds(device=[Bound(up_to=0.2, loss=0.005, upper=0.005)]))
    assert found["loss"].tolist() == pytest.approx([0.005])
    assert found["upper"].tolist() == pytest.approx([0.005])
    assert found["holds"].tolist() == ["yes"]
    rows = {(row["part"], row["role"]): row for row in summary(runs, found)}
    assert rows["transfer", "device"]["software"] == pytest.approx(0.95)
    assert rows["transfer", "twin"]["software"] is None


def test_other_gradients_are_compared_with_the_measured_one_of_the_same_dies():
    tests = {"measured": 0.91, "derivative": 0.913}
    device = [("training" if kind == "measured" else "gradient", "device", kind, 0.05, seed, 0, test)
              for kind, test in tests.items() for seed in range(3)]  # fmt: skip
    found = paired(with_software(table(*SOFTWARE, *device)), Bounds())
    against = dict(zip(found["against"].tolist(), found["loss"].tolist(), strict=True))
    assert against["measured"] == pytest.approx(0.91 - 0.913)
    assert found["holds"].tolist() == ["no", "", ""]


def test_a_bound_is_that_of_the_variation():
    from labmtj.studies.neurons.comparing import bound_for

    bounds = Bounds()
    asked = {v: bound_for(Key("training", v, "none", "measured", "noisy"), bounds) for v in (0.0, 0.05, 0.1, 0.2, 0.3)}
    assert [None if bound is None else bound.upper for bound in asked.values()] == [0.002, 0.002, 0.003, 0.003, None]
    assert bound_for(Key("training", None, "none", "measured", "noisy"), bounds) is None
    assert bound_for(Key("curves", 0.0, "none", "measured", "plain"), bounds) is None
