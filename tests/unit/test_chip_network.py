"""Networks for chips: the forward pass, from conductances and from partial products, and their file."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labmtj.errors import InputError, MissingFile
from labmtj.nets.chips.files import ChipNetworkFile, read_network, write_network
from labmtj.nets.chips.network import (
    ChipLayer,
    ChipNetwork,
    activate,
    forward,
    partial_products,
    plane_weights,
    planes,
    propagate,
)


def _network() -> ChipNetwork:
    random = np.random.default_rng(3)

    def layer(inputs: int, outputs: int) -> ChipLayer:
        gain = random.normal(0.5, 0.1, (-(-inputs // 4), outputs, 2))
        bits = random.integers(0, 2, (inputs, outputs, 2)).astype(np.uint8)
        return ChipLayer(bits, gain, random.normal(size=outputs))

    return ChipNetwork("small", 3, 2, 4, 4, (layer(9, 6), layer(6, 3)), 75e-6)


def _inputs(count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 4, (count, 9)) / 3.0


def test_partial_products_of_blocks_give_what_whole_matrices_give():
    network, inputs = _network(), _inputs(20)
    conductances = [np.random.default_rng(5).uniform(0.0, 5.0, layer.devices.shape) for layer in network.layers]
    partials = [lambda values, own=own: partial_products(values, own, block=4) for own in conductances]
    for one, other in zip(propagate(network, inputs, partials), forward(network, inputs, conductances), strict=True):
        assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_bits_sent_plane_by_plane_add_up_to_the_values():
    values = activate(np.random.default_rng(6).normal(size=(5, 7)), 15)
    assert_allclose(np.tensordot(plane_weights(15), planes(values, 15), axes=1), values, rtol=1e-6)
    assert planes(np.array([1.0 / 3.0], dtype=np.float32), 3)[:, 0].tolist() == [False, True]


def test_hidden_outputs_are_the_logistic_function_in_few_bits():
    assert activate(np.array([-1e4, 0.0, 1e4, np.log(2.0)]), 15).tolist() == pytest.approx([0, 8 / 15, 1, 10 / 15])


def test_a_network_in_a_file_comes_back_and_the_same_network_gives_the_same_bytes(tmp_path: Path):
    network = _network()
    for name in ("one.npz", "two.npz"):
        write_network(tmp_path / name, ChipNetworkFile(network, "made by a test"))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    found = read_network(tmp_path / "one.npz")
    assert found.header == "made by a test"
    assert (found.network.name, found.network.window, found.network.shapes) == ("small", 75e-6, ((9, 6), (6, 3)))
    for one, other in zip(found.network.layers, network.layers, strict=True):
        assert_array_equal(one.devices, other.devices)
        assert_allclose(one.gain, other.gain, rtol=1e-6)


def test_what_is_no_network_file_is_refused_by_its_name(tmp_path: Path):
    with pytest.raises(MissingFile, match="labmtj train"):
        read_network(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "newer.npz", format=np.array(2))
    for name, message in (("text.npz", "no network"), ("other.npz", "no network"), ("newer.npz", "newer")):
        with pytest.raises(InputError, match=f"{name}.*{message}"):
            read_network(tmp_path / name)


def test_layers_that_do_not_fit_are_refused():
    good = _network()
    with pytest.raises(InputError, match="layer 2 has 9 inputs; it is given 6"):
        ChipNetwork("wrong", 3, 2, 4, 4, (good.layers[0], good.layers[0]))
    with pytest.raises(InputError, match="gains for 3 blocks; 9 inputs take 5 of 2 rows"):
        ChipNetwork("wrong", 3, 2, 4, 2, good.layers)
    with pytest.raises(InputError, match="0 or 1"):
        ChipLayer(np.full((2, 1, 2), 2, dtype=np.uint8), np.ones((1, 1, 2)), np.zeros(1))
