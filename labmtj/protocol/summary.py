"""The figures of a finished run: fidelity, errors by kind, pulses, accuracies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from labmtj.nets.measures import accuracy, confusion, layer_agreement
from labmtj.nets.network import forward
from labmtj.protocol.progress import Progress
from labmtj.records import Copy, Defect, Finding, Ints
from labmtj.routines.chips.writing import Written
from labmtj.runs.journal import finite


def summary(progress: Progress, *, bench_seconds: float) -> dict[str, Any]:
    """What `--json` prints and the report shows; keys of steps that the protocol left out are missing.

    Fractions are 0..1. write_fidelity counts all devices written, write_fidelity_good those without a
    defect; write_errors sorts the wrong ones: missed (never right), disturbed (right once, wrong at the
    end), defective; pulses_per_cell is over all devices written, pulses_per_changed_cell over those that had
    to change. A figure that is not a finite number is None.
    """
    found: dict[str, Any] = {"bench_seconds": bench_seconds}
    copies = list(progress.copies.values())
    if copies:
        found |= _writing(copies)
    if progress.written is not None:
        found |= _chip_writing(progress.written)
    if progress.inferred is not None:
        found["chip"] = dict(progress.inferred.figures)
    if progress.flips:
        found["verify_flips"] = sum(progress.flips.values())
    if progress.trained is not None:
        found |= _training(progress.trained)
    if progress.neuron_curves is not None:
        found["neurons"] = _neurons(progress.neuron_curves)
    if progress.network is not None:
        found["accuracy"] = found.get("accuracy", {}) | _accuracies(progress)
    if progress.scale is not None and progress.software_scale is not None:
        found["scale"] = {"array": progress.scale.scale, "software": progress.software_scale.scale}
    if progress.tunings:
        found["tuning"] = {name: {"measurements": how.measurements} for name, how in progress.tunings.items()}
    if _complete(progress):
        network, data = progress.known_network, progress.known_data
        classes = _classes(progress)
        found["confusion"] = confusion(classes, data.labels, count=data.classes).tolist()
        expected = forward(network, data.inputs)
        measured = progress.trace(len(network.layers))
        found["agreement"] = [asdict(layer) for layer in layer_agreement(measured, expected)]
    return finite(found)


def _training(trained: Finding) -> dict[str, Any]:
    """What training on the array has come to, and its accuracies beside those of software."""
    said = trained.figures
    accuracies = {
        name: {part: said[key] for part in ("train", "test") if (key := f"{prefix}{part}") in said}
        for name, prefix in (("real", "software_real_"), ("ternary", "software_ternary_"), ("trained", ""))
    }
    return {"training": dict(said), "accuracy": {name: found for name, found in accuracies.items() if found}}


def _neurons(curves: Finding) -> dict[str, Any]:
    """What the neurons have come to, and what is wrong with those that do not work, by number."""
    numbers, verdicts = curves.columns["neuron"].values.tolist(), curves.columns["verdict"].values.tolist()
    bad = {str(number): word for number, word in zip(numbers, verdicts, strict=True) if word != "good"}
    return {**curves.figures, "bad": bad}


def _complete(progress: Progress) -> bool:
    return progress.network is not None and len(progress.conductance) == len(progress.network.layers)


def _tuned(progress: Progress) -> float:
    return 1.0 if progress.scale is None else progress.scale.scale


def _classes(progress: Progress) -> Ints:
    """Classes that the copy gives all samples: at its tuned scale, else as it was tuned last, else as it is."""
    if progress.scale is None and progress.tunings:
        return list(progress.tunings.values())[-1].classes
    return progress.trace(len(progress.known_network.layers), _tuned(progress)).classes


def _writing(copies: list[Copy]) -> dict[str, Any]:
    wrong = np.concatenate([copy.wrong.ravel() for copy in copies])
    bad = np.concatenate([copy.defect.ravel() for copy in copies]) != Defect.NONE
    pulses = np.concatenate([copy.pulses.ravel() for copy in copies])
    written = np.concatenate([copy.written.ravel() for copy in copies])
    changed = np.concatenate([(copy.initial != copy.target).ravel() for copy in copies]) & ~bad
    good = ~bad
    return {
        "write_fidelity": float(np.mean(~wrong)),
        "write_fidelity_good": float(np.mean(~wrong[good])) if good.any() else 0.0,
        "write_errors": {
            "missed": int(np.count_nonzero(wrong & good & ~written)),
            "disturbed": int(np.count_nonzero(wrong & good & written)),
            "defective": int(np.count_nonzero(wrong & bad)),
        },
        "repaired": sum(copy.repaired for copy in copies),
        "devices": int(wrong.size),
        "defective_devices": int(np.count_nonzero(bad)),
        "pulses": int(pulses.sum()),
        "pulses_per_cell": float(pulses.sum() / pulses.size),
        "pulses_per_changed_cell": float(pulses.sum() / max(1, int(changed.sum()))),
    }


def _chip_writing(written: Written) -> dict[str, Any]:
    used = written.used
    wrong, defective = written.wrong[used], (written.defect != Defect.NONE)[used]
    pulses = int(written.pulses[used].sum())
    changed = int(((written.initial != written.target) & used & (written.defect == Defect.NONE)).sum())
    return {
        "write_fidelity": float(np.mean(~wrong)),
        "write_fidelity_good": float(np.mean(~wrong[~defective])),
        "write_errors": {
            "missed": int((wrong & ~defective).sum()),
            "disturbed": 0,  # gates of all other rows are closed
            "defective": int((wrong & defective).sum()),
        },
        "repaired": 0,
        "devices": int(wrong.size),
        "defective_devices": int(defective.sum()),
        "pulses": pulses,
        "pulses_per_cell": pulses / wrong.size,
        "pulses_per_changed_cell": pulses / max(1, changed),
    }


def _accuracies(progress: Progress) -> dict[str, dict[str, float]]:
    network, data = progress.known_network, progress.known_data
    found = {"software": asdict(accuracy(forward(network, data.inputs).classes, data))}
    if progress.software_scale is not None:
        tuned = forward(network, data.inputs, scale=progress.software_scale.scale)
        found["software_tuned"] = asdict(accuracy(tuned.classes, data))
    if _complete(progress):
        layers = len(network.layers)
        found["untuned"] = asdict(accuracy(progress.trace(layers).classes, data))
        if progress.scale is not None:
            found["tuned"] = asdict(accuracy(progress.trace(layers, _tuned(progress)).classes, data))
        found |= {name: asdict(how.after) for name, how in progress.tunings.items()}
    return found
