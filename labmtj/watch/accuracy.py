"""How good the network on the array is so far, from the journal alone and the network and data that the run names.

A layer that was inferred through its conductance map stands in for its software part at once: the figure that is given
while other layers are software's says so. What a running step has summed on the array is counted image by image, on a
chip column by column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from labmtj.errors import LabmtjError
from labmtj.nets.dataset import Dataset
from labmtj.nets.network import Network, Product, activate, pairs, propagate
from labmtj.records import Floats
from labmtj.watch.chip_so_far import ChipSoFar
from labmtj.watch.summing import summed_so_far

Row = dict[str, Any]
_NAMES = {
    "software": "software",
    "software_tuned": "software, scale tuned",
    "untuned": "array, nominal scale",
    "tuned": "array, scale tuned",
}  # what a run's summary calls its accuracies


class Accuracies:
    """Rows of the page's table: `label`, fractions 0..1 of `train`, `test` and `all`, `count` samples, `right`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[Network, Dataset] | None = None
        self.why_not, self._chip = "", ChipSoFar(folder)
        self._layers: dict[int, Floats] = {}
        self._window = 1.0
        self._rows: dict[str, Row] = {}
        self._curve: dict[str, Any] = {}
        self._step: dict[str, Any] = {}
        self._products: list[dict[str, Any]] = []
        self._lines: dict[int, tuple[list[int], list[int]]] = {}

    def take(self, entry: dict[str, Any]) -> bool:
        """Take an entry of the journal; whether the table may be another one now."""
        if self._chip.take(entry):
            return True
        match entry["k"]:
            case "step":
                self._step, self._products = entry, []
                return False
            case "product" if self._step.get("name") == "infer":
                self._products.append(entry)
                return True
            case "program":
                self._lines[entry["layer"]] = (entry["rows"], entry["cols"])
                return False
            case "infer":
                self._inferred(entry)
            case "tune":
                at = int(np.argmin(np.abs(np.array(entry["scales"]) - entry["scale"])))
                label = f"array, scale tuned f {entry['scale']:.2f}"
                self._add(label, key="tuned", train=entry["train"][at], test=entry["test"][at])
                names = ("scales", "train", "test", "software_train", "scale")
                self._curve = {name: entry[name] for name in names}
            case "tuning":
                self._add(f"array, tuned {entry['what']}", **entry["after"])
            case "finding" if "right_measured" in entry["figures"]:
                figures = entry["figures"]
                for label, name in (("chip", "measured"), ("its map", "emulated"), ("software", "software")):
                    self._add(label, key=label, all=figures[f"right_{name}"], count=figures["images"])
            case "summary" if "accuracy" in entry:
                for name, said in entry["accuracy"].items():
                    self._add(_NAMES.get(name, f"array, {name}"), key=name, **said)
            case _:
                return False
        self._products = []
        return True

    def table(self) -> dict[str, Any]:
        """The rows until now, what a running step adds to them, and the curve of the scale, if it was tuned."""
        rows = list(self._rows.values())
        running = self._chip.row() or self._running()
        return {"rows": rows, "running": running, "curve": self._curve, "note": self.why_not or self._chip.why_not}

    def _add(self, label: str, *, key: str = "", **said: Any) -> None:
        """A row, in the place of the one with the same key; its label stays."""
        before = self._rows.get(key or label, {"label": label})
        self._rows[key or label] = before | said

    def _network(self) -> tuple[Network, Dataset] | None:
        """The network and the data of the run, read once; None where they cannot be had, and `why_not` says why."""
        if self._known is None and not self.why_not:
            from labmtj.protocol.load import load_protocol
            from labmtj.protocol.run_folder import BENCH, PROTOCOL, network_of

            try:
                job = load_protocol(self._folder / PROTOCOL, bench=self._folder / BENCH)
                network, data = network_of(job)
            except LabmtjError as error:
                self.why_not = f"no accuracy of single steps: {error}"
                return None
            if network is None or data is None:
                self.why_not = "no accuracy of single steps: this run has no network with samples of its own"
                return None
            self._known = network, data
        return self._known

    def _inferred(self, entry: dict[str, Any]) -> None:
        known = self._network()
        if known is None:
            return
        network, data = known
        layer, self._window = entry["layer"], float(entry["window"])
        found = np.array(entry["conductance"], dtype=np.float64)
        self._layers[layer] = np.where(np.isfinite(found), found, 0.0)
        if entry["inputs"] != "map":
            if layer == len(network.layers) and "right" in entry:
                count = len(entry["samples"])
                label = f"layer {layer} summed on the array, {entry['inputs'].replace('_', '-')}"
                self._add(label, all=entry["right"] / count, count=count)
            return
        products = [
            _times(pairs(self._layers[number]) / self._window if number in self._layers else part.weights)
            for number, part in enumerate(network.layers, start=1)
        ]
        right = propagate(network, data.inputs, products=products).classes == data.labels
        through = sorted(self._layers)
        whole = len(through) == len(network.layers)
        label = "array, nominal scale" if whole else f"layer {', '.join(map(str, through))} of the array, rest software"
        self._add(
            label,
            key="untuned" if whole else "",
            train=_mean(right, data.train),
            test=_mean(right, data.test),
            all=float(right.mean()),
        )

    def _running(self) -> Row | None:
        """What the step in hand has summed so far: samples, and of the last layer how many of them are right."""
        fields = self._step.get("fields", {})
        layer = fields.get("layer")
        if not self._products or layer not in self._lines or fields.get("read") is None:
            return None
        known = self._network()
        if known is None:
            return None
        network, data = known
        values = data.inputs
        for number in range(1, layer):
            if number not in self._layers:
                return None
            values = activate(network.layers[number - 1], pairs(values @ self._layers[number]) / self._window)[1]
        samples = _samples(fields["samples"], data)
        rows, cols = self._lines[layer]
        sums = summed_so_far(self._products, values[samples], fields, rows, cols)
        found: Row = {
            "label": f"layer {layer} on the array, so far",
            "count": len(sums),
            "of": len(samples),
            "what": "samples",
        }
        if layer == len(network.layers) and len(sums):
            scores = activate(network.layers[-1], pairs(sums) / self._window)[0]
            found["all"] = float((np.argmax(scores, axis=1) == data.labels[samples[: len(sums)]]).mean())
        return found


def _times(matrix: Any) -> Product:
    return lambda inputs: inputs @ matrix


def _samples(wanted: Any, data: Dataset) -> list[int]:
    """The samples of an infer step, as its own module chooses them."""
    from labmtj.protocol.kinds.infer import samples_of

    return samples_of(tuple(cast("list[int]", wanted)) if isinstance(wanted, list) else wanted, data)


def _mean(right: Any, chosen: Any) -> float | None:
    return float(right[chosen].mean()) if len(chosen) else None
