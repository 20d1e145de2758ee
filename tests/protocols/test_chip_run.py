"""A network on a chip, from the contact check to the comparison with its map, through simulated instruments."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from labmtj.nets.chips.files import ChipNetworkFile, write_network
from labmtj.nets.chips.network import ChipLayer, ChipNetwork
from labmtj.protocol import engine
from labmtj.runs.journal import read_journal
from labmtj.runs.netcdf import read

CHIP = Path(__file__).parent / "chip"


def network():
    """Four inputs of two bits, five hidden units, ten classes: all 30 columns of the chip; nobody has trained it."""
    random = np.random.RandomState(7)

    def layer(inputs, outputs):
        bits = random.randint(0, 2, (inputs, outputs, 2)).astype(np.uint8)
        return ChipLayer(bits, random.uniform(1.0, 2.0, (1, outputs, 2)), random.normal(0.0, 0.3, outputs))

    return ChipNetwork("four-five-ten", 2, 2, 3, 5, (layer(4, 5), layer(5, 10)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("chip")
    for name in ("bench.yaml", "protocol.yaml"):
        shutil.copy(CHIP / name, place)
    write_network(place / "network.npz", ChipNetworkFile(network(), "of a test"))
    return place


@pytest.fixture(scope="module")
def whole(folder):
    """A run that nobody disturbed."""
    setting = [f"network.trained={folder / 'network.npz'}"]
    return engine.run(folder / "protocol.yaml", bench=folder / "bench.yaml", out=folder / "runs", settings=setting)


def test_a_chip_is_mapped_written_and_agrees_with_its_map(whole):
    figures = whole.figures
    assert 140 == figures["devices"]
    assert 0 == figures["write_errors"]["missed"]
    chip = figures["chip"]
    assert "yes" == chip["agrees"]
    assert 60 == chip["images"]
    assert chip["same_class"] >= 54
    assert chip["product_pearson"] > 0.99
