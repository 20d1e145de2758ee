"""Train the 300 Wine networks that ship, and print what they reach: python -m labmtj.nets.train_wine.

Takes about two minutes on one core and writes the file named as its argument (default: the shipped
one in a checkout). With --figures nothing is trained: the figures of the shipped networks are printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from labmtj.config.finder import shipped_root
from labmtj.nets.dataset import Dataset, wine
from labmtj.nets.files import SHIPPED, NetworkFile, read_networks, write_networks
from labmtj.nets.network import Network, forward
from labmtj.nets.train import TrainingOptions, train
from labmtj.records import Floats

_FIGURE_SCALES = np.array([0.5, 0.7, 0.93, 1.0, 1.2, 1.5])


def header(options: TrainingOptions) -> str:
    """Text that goes into the file: source, how it was made, licence."""
    return (
        f"{options.count} networks 13-{options.hidden}-3 for the Wine data; each weight is a pair of binary devices.\n"
        "Arrays: devices1, devices2 (networks, bytes), bits of (inputs, 2 outputs) row by row, shapes in shape1, "
        "shape2; columns 2k, 2k+1 are the + and - device of output k; bit 1 is high conductance (P). bias1, bias2 "
        "(networks, outputs), no unit. train, test: indices of the wines, counted from 0.\n"
        "Data: Wine, UCI Machine Learning Repository, doi:10.24432/C5PC7J (CC BY 4.0), as packaged by scikit-learn, "
        "min-max scaled over all 178.\n"
        f"Made by: python -m labmtj.nets.train_wine, {options}; chosen by training wines only.\n"
        "Licence: BSD-3-Clause, as labmtj.\n"
    )


def accuracies(networks: tuple[Network, ...], data: Dataset, scales: Floats) -> tuple[Floats, Floats]:
    """Accuracy (0..1) on training and test samples in software, each (networks, scales)."""
    right = np.stack([forward(network, data.inputs, scale=scales).classes == data.labels for network in networks])
    return right[..., data.train].mean(axis=-1), right[..., data.test].mean(axis=-1)


def show_figures(networks: tuple[Network, ...], data: Dataset, console: Console) -> None:
    """Print accuracy against scale, and how many networks differ."""
    on_train, on_test = accuracies(networks, data, _FIGURE_SCALES)
    table = Table("scale", "train mean", "train median", "test mean", "test median", title=f"{len(networks)} networks")
    for place, scale in enumerate(_FIGURE_SCALES):
        one, other = on_train[:, place], on_test[:, place]
        figures = (one.mean(), np.median(one), other.mean(), np.median(other))
        table.add_row(f"{scale:g}", *(f"{100 * figure:.2f} %" for figure in figures))
    console.print(table)
    different = len({b"".join(layer.devices.tobytes() for layer in network.layers) for network in networks})
    console.print(f"{different} of {len(networks)} differ from all others in their bits")


def main(arguments: list[str] | None = None) -> int:
    """Train, write and print, or only print."""
    target = shipped_root() / SHIPPED
    parser = argparse.ArgumentParser(prog="python -m labmtj.nets.train_wine", description="Train the Wine networks.")
    parser.add_argument("file", nargs="?", type=Path, default=target, help="file to write, or to read with --figures")
    parser.add_argument("--figures", action="store_true", help="train nothing, print the figures of the file")
    chosen = parser.parse_args(arguments)
    console = Console()
    data = wine()
    if not chosen.figures:
        options = TrainingOptions()
        with Progress(*Progress.get_default_columns()[:-1], TimeElapsedColumn(), TimeRemainingColumn()) as bar:
            task = bar.add_task("training", total=options.steps)
            result = train(data, options=options, progress=lambda done, _: bar.update(task, completed=done))
        console.print(f"mean training loss {result.loss_before.mean():.3f} -> {result.loss_after.mean():.3f}")
        write_networks(chosen.file, NetworkFile(result.networks, header(options), data.train, data.test))
    show_figures(read_networks(chosen.file).networks, data, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
