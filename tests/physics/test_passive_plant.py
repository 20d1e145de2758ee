import dataclasses
from typing import Any

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.physics.switching import switching_probability
from labmtj.records import Floats, Ints
from labmtj.studies.in_situ.passive_plant import PassivePlant
from labmtj.studies.in_situ.passive_setting import PassiveSetting
from labmtj.studies.inference import bench_noise

LAYERS = [(13, 6), (6, 3)]


def plant(dies: Ints, *, lives: Ints | None = None, noise: bool = False, **changes: Any) -> PassivePlant:
    file = load_bench("simulated-15x15")
    setting = PassiveSetting(**changes)
    return PassivePlant(
        die_model(file.bench),
        LAYERS,
        dies=dies,
        lives=lives,
        setting=setting,
        noise=bench_noise(file) if noise else None,
    )


def factors(copies: int, *, scale: float, seed: int = 0) -> tuple[Floats, Floats]:
    chance = np.random.default_rng(seed)
    return chance.uniform(-1.0, 1.0, (copies, 13)), scale * chance.normal(size=(copies, 6))


def flips(copies: int, turns: int, scale: float, **changes: Any) -> tuple[float, float]:
    """Flips that updates were expected to cause and did cause, from devices that are drawn anew each time."""
    wanted = found = 0.0
    one = plant(np.arange(copies) // 10, lives=np.arange(copies) % 10, **changes)
    for turn in range(turns):
        rows, cols = factors(copies, scale=scale, seed=turn)
        before = one.states(0)
        one.update(0, rows, cols)
        after = one.states(0)
        product = rows[:, :, np.newaxis] * cols[:, np.newaxis, :]
        up = np.repeat(product > 0.0, 2, axis=2)
        up[:, :, 1::2] = ~up[:, :, 1::2]
        asked = np.minimum(np.abs(product), 0.98).repeat(2, axis=2)
        wanted += float(asked[(before == 0) == up].sum())
        found += float((before != after).sum())
    return wanted, found


@pytest.mark.parametrize(
    ("shape", "lines"),
    [
        ("die", "all"),
        ("cell", "row"),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in (("die", "row"), ("cell", "all"))),
    ],
)
def test_updates_flip_as_many_devices_as_they_are_asked_to(shape: str, lines: str) -> None:
    wanted, found = flips(60, 6, 0.05, shape=shape, lines=lines)
    # Counting alone scatters by 3 %, and dies differ.
    assert abs(found / wanted - 1.0) < 0.2


def test_ideal_devices_flip_just_as_they_are_asked_to() -> None:
    wanted, found = flips(60, 6, 0.1, ideal=True, defects=False)
    assert abs(found / wanted - 1.0) < 4.0 / np.sqrt(wanted)


def test_products_of_one_sample_and_of_many_agree() -> None:
    one = plant(np.arange(4))
    inputs = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 5, 13))
    many = one.products_of(0, inputs)
    for sample in range(5):
        assert np.abs(many[:, sample] - one.products(0, inputs[:, sample])).max() < 0.02
    with pytest.raises(InputError, match="read voltage"):
        one.products(0, np.full((4, 13), 1.5))


def test_weights_are_what_products_of_single_inputs_are() -> None:
    one = plant(np.arange(3))
    weights = one.weights(1)
    for row in range(6):
        assert np.abs(one.products(1, np.tile(np.eye(6)[row], (3, 1))) - weights[:, row]).max() < 1e-3


def test_what_is_written_reads_back() -> None:
    one = plant(np.arange(6), noise=True)
    bits = np.random.default_rng(1).integers(0, 2, (6, 6, 6)).astype(np.int8)
    bits[0] = -1
    before = one.states(1)
    one.write(1, bits)
    after = one.states(1)
    assert after[0].tolist() == before[0].tolist()
    assert (after[1:] != bits[1:]).mean() < 0.02
    assert one.costs().writes[1:].min() > 5.0


def test_a_network_learns_as_it_does_alone() -> None:
    dies, lives = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 0, 0, 5])
    rows, cols = factors(5, scale=0.3)
    states: list[Any] = []
    for part in (np.arange(5), np.array([3]), np.array([1, 4])):
        one = plant(dies[part], lives=lives[part], noise=True)
        for _turn in range(6):
            one.update(0, rows[part], cols[part])
        states.append((one.states(0), one.products(0, rows[part])))
    for part, (bits, sums) in zip((np.array([3]), np.array([1, 4])), states[1:], strict=True):
        assert bits.tolist() == states[0][0][part].tolist()
        assert sums.tolist() == states[0][1][part].tolist()
    assert (states[0][0][0] != states[0][0][1]).any()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "error"), [(100e-6, 0.1), (10e-9, 0.15)])
def test_a_row_at_a_time_every_cell_gets_its_own_probability(width: float, error: float) -> None:
    one = plant(np.arange(40), shape="cell", lines="row", width=width, thin=0.0, map_error=0.0)
    part = one.layer(0)
    seen: list[Floats] = []
    dies, made = part.part.dies, part.part.dies.pulse_lines

    def spy(which: Ints, rows: Floats, cols: Floats, **more: Any) -> Any:
        volts = dies.voltages(which, rows, cols, goal=1e-6)
        toward_p = rows.sum(axis=1) > 0.0
        truths = [part.part.truths[n] for n in which.tolist()]
        v_c0 = np.stack([t.v_c0 * (1.0 if up else t.model.v_c0_ratio) for t, up in zip(truths, toward_p, strict=True)])
        field = np.stack([t.stray_field if up else -t.stray_field for t, up in zip(truths, toward_p, strict=True)])
        drive = np.where(toward_p[:, np.newaxis, np.newaxis], volts, -volts) / v_c0 + field
        delta = np.stack([t.delta for t in truths])
        found = switching_probability(drive, width, delta=delta, tau_d=truths[0].model.tau_d)
        asked = part.asked[: len(which)]
        chosen = (asked > 0.01) & (asked < 0.9) & ~dies.fixed[which]
        seen.append(found[chosen] / asked[chosen])
        return made(which, rows, cols, **more)

    dies.pulse_lines = spy  # pyright: ignore[reportAttributeAccessIssue]
    one.update(0, *factors(40, scale=0.3))
    ratio = np.concatenate(seen)
    assert len(ratio) > 1000
    assert float(np.median(np.abs(ratio - 1.0))) < error


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"shape": "row"}, {"lines": "many"}, {"width": 0.0}, {"least": 0.5, "most": 0.4}):
        with pytest.raises(InputError):
            PassiveSetting(**wrong)  # pyright: ignore[reportArgumentType]
    assert dataclasses.replace(PassiveSetting(), spread=0.0).of(die_model(load_bench().bench)).sigma_v_c == 0.0
