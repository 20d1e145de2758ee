"""run.h5: what a run measured, built from its journal alone and rebuilt from it at any time.

| group | holds |
|---|---|
| / | attributes alone: what the run was made of, how it ended, its figures |
| cells | per cell of the array: r_p, r_ap, defect, pulse_count, read_count |
| layer1, layer2 .. | per device of a layer: target, state, verified, initial, conductance, pulses, defect |
| chip | the network on a chip, per cell: target, state, initial, conductance, pulses, defect |
| inference | products of the layers per sample, labels, confusion |
| tune | accuracy against scale |
| tuning_columns, tuning_best .. | row gains, column gains and offsets of a layer, as a way to tune gave them |
| iv, tmr, switching, neuron_curves, .. | what a characterisation step of that name found; iv2 the second of its kind |
| steps, readings, pulses, products, sums, samples, fields | tables, one row an event |
| checks | what the checks of abort criteria found, one row a check |
| line_pulses | pulses on many lines at once, one row an event |
| neurons | readings of neurons, one row a reading |
| gate_products | one row a column of a kernel that was sensed with one pattern of gates after the other |

Open a group with `xarray.open_dataset(path, group="layer1", engine="h5netcdf")`. Field by field it is described in
labmtj/docs/source/reference/run-file.md, which a test holds against real runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import StorageError
from labmtj.records import Defect, State
from labmtj.runs import tables
from labmtj.runs.journal import parse, whole_lines
from labmtj.runs.netcdf import FORMAT, ROOT, Attribute, Group, Variable, flags, write
from labmtj.runs.run_attributes import FILES, attributes_of
from labmtj.runs.tables import Entry, Events, sort_events

__all__ = ["CELLS", "FILES", "JOURNAL", "NAME", "build_store", "chip_group", "groups_of"]

NAME = "run.h5"
CELLS = "cells"
JOURNAL = "journal.jsonl"
_STATES = flags(State, unreadable=-1)
_TARGETS = flags(State, none=-1)
_DEFECTS = flags(Defect)


def build_store(folder: Path) -> Path:
    """Build run.h5 of a run folder, finished or not; return its path. Raises StorageError as `groups_of` does."""
    write(folder / NAME, groups_of(folder))
    return folder / NAME


def groups_of(folder: Path, *, entries: int | None = None) -> dict[str, Group]:
    """What run.h5 of a run folder holds, from its journal; from its first `entries` alone, if that is given.

    Raises StorageError for a journal without a header, of a newer format, or with an entry that lacks
    what belongs to its kind.
    """
    journal = folder / JOURNAL
    lines = whole_lines(journal, entries=entries)
    try:
        events = sort_events(parse(lines, journal))
    except KeyError as error:
        raise StorageError(f"{journal}: an entry lacks {error}; this journal was written by something else") from error
    header = events.last("run")
    if not header:
        raise StorageError(f"{journal}: there is no header; this is not the journal of a run")
    if header.get("format", 0) > FORMAT:
        raise StorageError(
            f"{journal}: format {header['format']} is newer than this labmtj knows ({FORMAT}); update it"
        )
    try:
        return _groups(events, attributes_of(events, folder, lines))
    except KeyError as error:
        raise StorageError(f"{journal}: an entry lacks {error}; this journal was written by something else") from error


def _groups(events: Events, attributes: dict[str, Attribute]) -> dict[str, Group]:
    rows, _ = events.last("run")["shape"]
    # Cells have a group of their own: xarray's DataTree hands coordinates of the root on to all groups, and tables
    # have columns of the same names.
    groups = {ROOT: Group({}, attributes), CELLS: Group(_array(events))}
    written: dict[int, Entry] = {entry["layer"]: entry for entry in events.of("program")}
    for number, entry in sorted(written.items()):
        groups[f"layer{number}"] = _layer(entry, events)
    if events.of("program_network"):
        groups["chip"] = chip_group(events.last("program_network"))
    if events.of("infer"):
        groups["inference"] = _inference(events)
    if events.of("tune"):
        groups["tune"] = _tune(events.last("tune"))
    for entry in events.of("tuning"):
        groups[f"tuning_{entry['what']}"] = _tuning(entry)
    groups["steps"] = tables.steps(events)
    groups["readings"] = tables.readings(events)
    groups["pulses"] = tables.pulses(events)
    if any("lines" in entry for entry in events.of("intent")):
        groups["line_pulses"] = tables.line_pulses(events)
    groups["products"] = tables.products(events, rows=rows)
    if events.of("products"):
        groups["gate_products"] = tables.gate_products(events)
    for kind in ("sum", "sample"):
        if events.of(kind):
            groups[f"{kind}s"] = tables.sums(events, kind)
    if events.of("neuron"):
        groups["neurons"] = tables.neurons(events)
    if events.of("field"):
        groups["fields"] = tables.fields(events)
    if events.of("check"):
        groups["checks"] = tables.checks(events)
    counts: dict[str, int] = {}
    for entry in events.of("finding"):
        name = entry["name"]
        counts[name] = counts.get(name, 0) + 1
        groups[name if counts[name] == 1 else f"{name}{counts[name]}"] = tables.finding(entry)
    return groups


def _array(events: Events) -> dict[str, Variable]:
    rows, cols = events.last("run")["shape"]
    found = {
        "row": Variable(("row",), _from_1(rows), meaning="word line, from 1"),
        "col": Variable(("col",), _from_1(cols), meaning="bit line, from 1"),
        "pulse_count": Variable(
            ("row", "col"), _count(events.of("intent"), rows, cols), meaning="pulses in the whole run"
        ),
        "read_count": Variable(
            ("row", "col"), _count(events.of("read"), rows, cols), meaning="readings in the whole run"
        ),
    }
    die = events.last("map")
    if die:
        for name, state in (("r_p", "parallel"), ("r_ap", "antiparallel")):
            text = f"{state} resistance at {die['read']:g} V"
            found[name] = Variable(("row", "col"), _floats(die[name]), units="ohm", meaning=text)
        found["defect"] = Variable(("row", "col"), _small(die["defect"]), meaning="defect", flags=_DEFECTS)
    return found


def _count(entries: list[Entry], rows: int, cols: int) -> NDArray[np.int64]:
    counts = np.zeros((rows, cols), dtype=np.int64)
    cells = [
        (entry["cell"][0], col)
        for entry in entries
        if "cell" in entry
        for col in (entry["cell"][1], *entry.get("cols", ()))
    ]
    places = np.array(cells, dtype=np.int64).reshape(-1, 2) - 1
    np.add.at(counts, (places[:, 0], places[:, 1]), 1)
    for entry in entries:
        if "lines" in entry:
            counts[np.ix_(np.array(entry["lines"]["rows"]) - 1, np.array(entry["lines"]["cols"]) - 1)] += 1
    return counts


def _layer(entry: Entry, events: Events) -> Group:
    dims = ("input", "device_column")
    inputs, columns = np.array(entry["target"]).shape
    later = [other for other in events.of("verify") if other["layer"] == entry["layer"] and other["n"] > entry["n"]]
    found = {
        "input": Variable(("input",), _from_1(inputs), meaning="input of the layer, from 1"),
        "device_column": Variable(("device_column",), _from_1(columns), meaning="+ and - devices of each output"),
        "physical_row": Variable(("input",), _ints(entry["rows"]), meaning="word line, from 1", coordinate=True),
        "physical_col": Variable(("device_column",), _ints(entry["cols"]), meaning="bit line, from 1", coordinate=True),
        "target": Variable(dims, _small(entry["target"]), meaning="state to write", flags=_STATES),
        "state": Variable(dims, _small(entry["state"]), meaning="state read back after writing", flags=_STATES),
        "initial": Variable(dims, _small(entry["initial"]), meaning="state before writing", flags=_STATES),
        "conductance": Variable(dims, _floats(entry["conductance"]), units="S", meaning="last reading while writing"),
        "pulses": Variable(dims, _ints(entry["pulses"]), meaning="write pulses of the device"),
        "defect": Variable(dims, _small(entry["defect"]), meaning="defect", flags=_DEFECTS),
    }
    attributes: dict[str, Attribute] = {"repaired": entry["repaired"], "width_second": entry["width"]}
    attributes |= dict(zip(("ap_to_p_volt", "p_to_ap_volt"), entry["amplitudes"], strict=True))
    if later:
        state = _small(later[-1]["state"])
        found["verified"] = Variable(dims, state, meaning="state at the last verify", flags=_STATES)
        attributes["flips"] = later[-1]["flips"]
    used = [other for other in events.of("infer") if other["layer"] == entry["layer"]]
    if used:
        values = _floats(used[-1]["conductance"])
        found["conductance_used"] = Variable(dims, values, units="S", meaning="conductance that inference used")
    return Group(found, attributes)


def chip_group(entry: Entry) -> Group:
    """The network as it stands on a chip, (row, col) of all kernels."""
    dims = ("row", "col")
    rows, cols = np.array(entry["target"]).shape
    found = {
        "row": Variable(("row",), _from_1(rows), meaning="word line, from 1, through all kernels"),
        "col": Variable(("col",), _from_1(cols), meaning="bit line of its kernel, from 1"),
        "target": Variable(dims, _small(entry["target"]), meaning="state to write; none: no device", flags=_TARGETS),
        "state": Variable(dims, _small(entry["state"]), meaning="state read back after writing", flags=_STATES),
        "initial": Variable(dims, _small(entry["initial"]), meaning="state before writing", flags=_STATES),
        "conductance": Variable(dims, _floats(entry["conductance"]), units="S", meaning="last reading while writing"),
        "pulses": Variable(dims, _ints(entry["pulses"]), meaning="write pulses of the device"),
        "defect": Variable(dims, _small(entry["defect"]), meaning="defect", flags=_DEFECTS),
    }
    attributes: dict[str, Attribute] = {"width_second": entry["width"]}
    return Group(found, attributes | dict(zip(("ap_to_p_volt", "p_to_ap_volt"), entry["amplitudes"], strict=True)))


def _inference(events: Events) -> Group:
    header, summary = events.last("run"), events.last("summary")
    labels = _ints(header["labels"])
    training = np.zeros(len(labels), dtype=np.int8)
    training[_ints(header["train"])] = 1
    found = {
        "sample": Variable(("sample",), np.arange(len(labels)), meaning="sample of the data set, from 0"),
        "label": Variable(("sample",), labels, meaning="true class, from 0", coordinate=True),
        "training": Variable(
            ("sample",), training, meaning="training sample", flags={"no": 0, "yes": 1}, coordinate=True
        ),
    }
    attributes: dict[str, Attribute] = {}
    for entry in events.of("infer"):
        name, dim = f"product_layer{entry['layer']}_{entry['inputs']}", f"output{entry['layer']}"
        measured = _floats(entry["product"])
        whole = np.full((len(labels), measured.shape[1]), np.nan)
        whole[_ints(entry["samples"])] = measured
        found[dim] = Variable((dim,), _from_1(whole.shape[1]), meaning=f"output of layer {entry['layer']}, from 1")
        text = "differential current over (Gon - Goff) V_read; nan for samples that were left out"
        found[name] = Variable(("sample", dim), whole, meaning=text)
        attributes["window_siemens"] = entry["window"]
    if "confusion" in summary:
        counts = _ints(summary["confusion"])
        for dim, text in (("true_class", "true class, from 0"), ("given_class", "class that the array gave, from 0")):
            found[dim] = Variable((dim,), np.arange(len(counts)), meaning=text)
        found["confusion"] = Variable(
            ("true_class", "given_class"), counts, meaning="samples, at the tuned scale if tuned"
        )
    return Group(found, attributes)


def _tune(entry: Entry) -> Group:
    found = {"scale": Variable(("scale",), _floats(entry["scales"]), meaning="f = Gnorm / (Gon - Goff)")}
    texts = {
        "train": "accuracy of the array on training samples",
        "test": "accuracy of the array on test samples (no part in the choice)",
        "software_train": "accuracy of the software on training samples",
    }
    for name, text in texts.items():
        found[name] = Variable(("scale",), _floats(entry[name]), meaning=text)
    return Group(found, {"chosen": entry["scale"], "software_chosen": entry["software_scale"]})


def _tuning(entry: Entry) -> Group:
    found: dict[str, Variable] = {}
    texts = {
        "rows": ("input", "share of the read voltage at an input of 1"),
        "gain": ("output", "pre-activation over product"),
        "offset": ("output", "added to the pre-activation, beside the bias"),
    }
    for number, layer in enumerate(entry["layers"], start=1):
        for name, (line, text) in texts.items():
            found[f"{name}{number}"] = Variable((f"{line}{number}",), _floats(layer[name]), meaning=text)
        for line, name in (("input", "rows"), ("output", "gain")):
            count = len(layer[name])
            found[f"{line}{number}"] = Variable((f"{line}{number}",), _from_1(count), meaning=f"{line}, from 1")
    parts = {f"{when}_{part}": entry[when][part] for when in ("before", "after") for part in ("train", "test", "all")}
    return Group(found, {"measurements": entry["measurements"], **parts})


def _from_1(count: int) -> NDArray[np.int64]:
    return np.arange(1, count + 1)


def _floats(values: Any) -> NDArray[np.float64]:
    """Nested lists as an array; None becomes nan."""
    return np.array(values, dtype=np.float64)


def _ints(values: Any) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _small(values: Any) -> NDArray[np.int8]:
    return np.array(values, dtype=np.int8)
