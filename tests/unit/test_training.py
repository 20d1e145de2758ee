"""Straight-through training: a tiny run, and what happens without the training libraries."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import InputError
from labmtj.nets import files, measures
from labmtj.nets.dataset import wine
from labmtj.nets.network import forward
from labmtj.nets.train import Training, TrainingOptions, train
from labmtj.nets.train_wine import header, main

with_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or importlib.util.find_spec("optax") is None,
    reason="training needs JAX and optax: pip install 'labmtj[train]'",
)
TINY = TrainingOptions(count=2, starts=2, steps=60, seed=5)


@pytest.fixture(scope="module")
def trained() -> Training:
    return train(wine(), options=TINY)


@with_jax
def test_a_short_training_lowers_the_loss_and_classifies_better_than_a_guess(trained: Training) -> None:
    assert (trained.loss_after < trained.loss_before).all()
    data = wine()
    for network in trained.networks:
        assert measures.accuracy(forward(network, data.inputs).classes, data).train > 0.8


@with_jax
def test_training_is_reproducible_with_its_seed_and_differs_with_another(trained: Training) -> None:
    told: list[tuple[int, int]] = []
    again = train(wine(), options=TINY, progress=lambda done, total: told.append((done, total)))
    assert told == [(60, 60)]
    for one, other in zip(trained.networks, again.networks, strict=True):
        for before, after in zip(one.layers, other.layers, strict=True):
            assert np.array_equal(before.devices, after.devices)
            assert np.array_equal(before.bias, after.bias)
    first, second = trained.networks
    assert not np.array_equal(first.layers[0].devices, second.layers[0].devices)


@with_jax
def test_the_loss_of_training_is_that_of_the_forward_pass(trained: Training) -> None:
    data = wine()
    labels = np.eye(3)[data.labels[data.train]] * (1.0 - TINY.smoothing) + TINY.smoothing / 3.0
    for network, loss in zip(trained.networks, trained.loss_after, strict=True):
        scores = forward(network, data.inputs[data.train]).scores
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        assert loss == pytest.approx(-(labels * logs).sum(axis=1).mean(), rel=1e-5)


def test_without_jax_the_error_names_the_command_that_installs_it() -> None:
    program = (
        "import sys\n"
        "sys.modules['jax'] = None\n"
        "from labmtj.errors import InputError\n"
        "from labmtj.nets import dataset, train\n"
        "try:\n"
        "    train.train(dataset.wine())\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "training needs jax: pip install 'labmtj[train]'\n"


def test_options_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="count is 0"):
        TrainingOptions(count=0)
    with pytest.raises(InputError, match="Gon must be above Goff"):
        TrainingOptions(on_off=1.0)


def test_the_shipped_file_says_that_it_was_made_with_the_default_options() -> None:
    assert header(TrainingOptions()) == files.shipped_networks().header


def test_the_figures_of_the_shipped_networks_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--figures"]) == 0
    printed = capsys.readouterr().out
    assert "300 of 300 differ" in printed
    assert "0.93" in printed


@with_jax
def test_trained_networks_can_be_shipped(trained: Training, tmp_path: Path) -> None:
    data = wine()
    files.write_networks(tmp_path / "two.npz", files.NetworkFile(trained.networks, "test", data.train, data.test))
    found = files.read_networks(tmp_path / "two.npz").networks
    classes = [forward(network, data.inputs).classes for network in found]
    assert np.array_equal([forward(network, data.inputs).classes for network in trained.networks], classes)
