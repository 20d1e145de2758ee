"""Inference on many copies of a die: what the layers of a study see."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.config.dies import die_defaults
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped_networks
from labmtj.nets.readout import ideal_products, infer, map_products, nominal
from labmtj.nets.stack import NetworkStack
from labmtj.physics.crossbar_batch import Arrays
from labmtj.physics.superposition import SumNoise
from labmtj.physics.variation import DieTruth, draw_die
from labmtj.studies.inference import ArrayInference, array_products, bench_noise, hidden, map_of
from labmtj.studies.records import Places

COUNT, READ = 4, 0.05


def truth_of(**changes: Any) -> DieTruth:
    model = dataclasses.replace(die_model(load_bench("simulated-15x15").bench), seed=3)
    if "diameter" in changes:
        model = dataclasses.replace(model, **dict(die_defaults().at(changes["diameter"])))
    return draw_die(dataclasses.replace(model, **changes))


def stack_of(count: int = COUNT) -> NetworkStack:
    return NetworkStack.of(shipped_networks().networks[:count])


def scattered(stack: NetworkStack) -> tuple[Places, ...]:
    """Every network on rows and columns of its own."""
    chance = np.random.default_rng(5)
    return tuple(
        Places(
            np.stack([chance.permutation(15)[: devices.shape[1]] for _ in range(len(stack))]),
            np.stack([chance.permutation(15)[: devices.shape[2]] for _ in range(len(stack))]),
        )
        for devices in stack.devices
    )


def layers_of(
    truth: DieTruth, stack: NetworkStack, *, numbers: list[int] | None = None, places: tuple[Places, ...] | None = None,
    noise: SumNoise | None = None,
) -> list[ArrayInference]:  # fmt: skip
    model = truth.model
    window = model.area / model.resistance_area * model.tmr / (1.0 + model.tmr)
    return [
        ArrayInference(
            truth, hidden(truth, stack.states(layer), at), at,
            read=READ, window=window, layer=layer, numbers=None if numbers is None else np.array(numbers), noise=noise,
        )
        for layer, at in enumerate(places or scattered(stack))
    ]  # fmt: skip


def test_a_perfect_array_is_software() -> None:
    ideal = {"sigma_r_p": 0.0, "sigma_tmr": 0.0, "wire": 0.0, "short": 0.0, "open": 0.0, "stuck": 0.0}
    truth = truth_of(**ideal, k_p=0.0, v_h=1e9, r_p_per_kelvin=0.0, r_ap_per_kelvin=0.0)
    stack, inputs = stack_of(), wine().inputs
    found = infer(stack, inputs, products=array_products(layers_of(truth, stack)), readout=nominal(stack))
    wanted = infer(stack, inputs, products=ideal_products(stack), readout=nominal(stack))
    for mine, software in zip(found.pre_activations, wanted.pre_activations, strict=True):
        assert np.abs(mine - software).max() < 1e-12


def test_sums_and_single_readings_are_those_of_the_network_solved() -> None:
    truth, stack = truth_of(diameter=100e-9, wire=20.0, short=0.02), stack_of()
    places, chance, model = scattered(stack)[0], np.random.default_rng(2), truth.model
    state = hidden(truth, stack.states(0), places)
    ends = chance.uniform(0.0, 2.0, 15), chance.uniform(0.0, 2.0, 15)
    layer = ArrayInference(truth, state, places, read=READ, window=1e-4, contacts=ends)
    drives = chance.uniform(-1.0, 1.0, (COUNT, 3, 13))
    sums, products, single = layer.currents(drives), layer.products(drives), layer.conductances()
    assert np.allclose(products, (sums[..., 0::2] - sums[..., 1::2]) / (1e-4 * READ), atol=1e-12)
    arrays = Arrays(
        state, r_p=np.broadcast_to(truth.r_p, state.shape), tmr0=np.broadcast_to(truth.tmr, state.shape),
        r_wire=model.wire, v_h=model.v_h, k_p=model.k_p,
    )  # fmt: skip
    for network in range(COUNT):
        rows, cols = places.rows[network], places.cols[network]
        for case in range(4):
            volts = np.zeros(15)
            if case < 3:
                volts[rows] = READ * drives[network, case]
            else:
                volts[rows[6]] = READ
            solved = arrays.drive(
                volts[np.newaxis], np.zeros((1, 15)), of=np.array([network]),
                r_row=ends[0][np.newaxis], r_col=ends[1][np.newaxis],
            ).i_col[0]  # fmt: skip
            found = sums[network, case] if case < 3 else READ * single[network, 6]
            assert np.abs(found - solved[cols]).max() < 5e-6 * np.abs(solved).max()


def test_numbers_do_not_depend_on_the_company() -> None:
    truth, stack = truth_of(telegraph=0.1), stack_of()
    places, inputs = scattered(stack), wine().inputs[:9]
    noise = SumNoise(0.02, (1e-3,), (5e-9,))
    together = layers_of(truth, stack, numbers=[11, 12, 13, 14], places=places, noise=noise)
    one = tuple(Places(at.rows[2:3], at.cols[2:3]) for at in places)
    alone = layers_of(truth, stack.take([2]), numbers=[13], places=one, noise=noise)
    both = [
        infer(nets, inputs, products=array_products(layers, ordinal=3), readout=nominal(nets)).scores
        for nets, layers in ((stack, together), (stack.take([2]), alone))
    ]
    assert both[0][2].tobytes() == both[1][0].tobytes()
    maps = [map_of(layers, ordinal=1) for layers in (together, alone)]
    assert all(many[2].tobytes() == single[0].tobytes() for many, single in zip(*maps, strict=True))


def test_another_readout_sees_other_noise_and_the_same_one_the_same() -> None:
    truth, stack = truth_of(), stack_of()
    layers = layers_of(truth, stack, noise=SumNoise(0.02, (1e-3,), (5e-9,)))
    drives = np.ones((COUNT, 5, 13))
    first, again, other = (layers[0].products(drives, ordinal=ordinal) for ordinal in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert not (first == other).any()
    quiet = layers_of(truth, stack)[0].products(drives)
    assert 1e-4 < np.abs(first - quiet).std() < 0.1


def test_the_map_predicts_sums_to_the_bend_of_the_junctions() -> None:
    truth, stack = truth_of(), stack_of()
    layers = layers_of(truth, stack)
    drives = np.broadcast_to(wine().inputs, (COUNT, 178, 13))
    predicted = map_products(map_of(layers), window=layers[0].window)(0, drives)
    off = np.abs(predicted - layers[0].products(drives))
    assert 1e-3 < off.max() < 0.1


def test_noise_is_that_of_the_meters_range() -> None:
    noise = bench_noise(load_bench("simulated-15x15"))
    assert (noise.aperture, noise.full[0], noise.rms[0]) == (0.02, 1e-3, 5e-9)


def test_layers_that_do_not_fit_are_refused() -> None:
    truth, stack = truth_of(), stack_of()
    places = scattered(stack)[0]
    state = hidden(truth, stack.states(0), places)
    with pytest.raises(InputError, match="do not fit"):
        ArrayInference(truth, state[:2], places, read=READ, window=1e-5)
    with pytest.raises(InputError, match="window"):
        ArrayInference(truth, state, places, read=READ, window=0.0)
    layer = ArrayInference(truth, state, places, read=READ, window=1e-5)
    with pytest.raises(InputError, match="beyond"):
        layer.products(np.full((COUNT, 1, 13), 1.1))
