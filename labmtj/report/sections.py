"""The sections of a report: results, each layer on the array, the die, inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from labmtj.records import Floats, State
from labmtj.report import figures, html, maps
from labmtj.report.content import NONE, Run, defects_in_words, duration, number, percent
from labmtj.report.maps import COLOURS, Marks
from labmtj.runs.netcdf import Group

_ROWS = {
    "software": "software",
    "software_tuned": "software, scale tuned",
    "untuned": "array, nominal scale",
    "tuned": "array, scale tuned",
    "layer_scales": "array, a scale a layer",
    "columns": "array, columns tuned",
    "rows_columns": "array, rows and columns tuned",
    "bias": "array, biases refitted",
    "threshold": "array, class thresholds tuned",
    "best": "array, best tuning",
}
_PARTS = ("train", "test", "all")
_LETTERS = "S short, O open, K stuck"


def results(run: Run) -> str:
    """Show accuracies, and what it took to get them."""
    summary = run.mapping("summary")
    die, more = run.die()
    bench = str(run.bench().get("title", NONE))
    instruments = ", ".join(f"{name} {serial}" for name, serial in run.mapping("instruments").items())
    cards: list[tuple[str, str, str]] = []
    if "write_fidelity" in summary:
        wrong = summary["write_errors"]
        right = round(summary["write_fidelity"] * summary["devices"])
        good = f"{right} of {summary['devices']} devices; good cells {percent(summary['write_fidelity_good'])}"
        cards.append(("Write fidelity", percent(summary["write_fidelity"]), good))
        kinds = f"{wrong['missed']} missed, {wrong['disturbed']} disturbed, {wrong['defective']} defective"
        cards.append(("Write errors", str(sum(wrong.values())), kinds))
        changed = f"{number(summary['pulses_per_changed_cell'], 3)} for each that had to change"
        cards.append(("Pulses a cell", number(summary["pulses_per_cell"], 3), changed))
        flips = f"{summary['verify_flips']} changed at the last verify" if "verify_flips" in summary else ""
        cards.append(("Repaired", str(summary["repaired"]), flips))
    if "neurons" in summary:
        cards += _neurons(summary["neurons"])
    cards.append(
        ("Bench time", duration(run.bench_seconds), "simulated" if run.root.attributes.get("simulated") else "")
    )
    if run.text("network"):
        cards.append(("Network", run.text("network"), f"data: {run.text('data')}"))
    cards.append(("Bench", bench, instruments))
    cards.append(("Die", die, more))
    return html.section("Results", _accuracies(summary), html.facts(cards))


def _neurons(said: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the curves of neurons came to."""
    bad = ", ".join(f"{which} {word}" for which, word in said["bad"].items())
    cards = [("Neurons that work", f"{said['neurons_1'] - said['bad_1']} of {said['neurons_1']}", bad)]
    if "critical_ampere" in said:
        middle, spread = 1e3 * said["critical_ampere"], percent(said["critical_spread_1"])
        cards.append(("Critical current", f"{number(middle)} mA", f"median; spread {spread}"))
        both = f"{number(said['deviation_x_1'], 2)} and {number(said['deviation_z_1'], 2)}"
        cards.append(("From tanh and sech", both, "largest distances of a read-out"))
    return cards


def _accuracies(summary: dict[str, Any]) -> str:
    found = summary.get("accuracy", {})
    scales = summary.get("scale", {})
    tuned = {"software_tuned": scales.get("software"), "tuned": scales.get("array")}
    costs = {key: how["measurements"] for key, how in summary.get("tuning", {}).items() if how["measurements"]}
    notes = {key: f" f = {value:.2f}" for key, value in tuned.items() if value}
    notes |= {key: f", {count} inputs measured" for key, count in costs.items()}
    rows = [
        [label + notes.get(key, ""), *(percent(found[key][part]) for part in _PARTS)]
        for key, label in _ROWS.items()
        if key in found
    ]
    caption = "Whatever is tuned is tuned on training samples only; test samples have no part in it."
    return html.table(["accuracy", *_PARTS], rows, caption=caption, numbers=3) if rows else ""


def layer(run: Run, place: int, layer: Group) -> str:
    """Show one layer: target, read-back, resistance and pulses at their place on the array."""
    target, state = layer.variables["target"].values, layer.variables["state"].values
    wrong = np.nan_to_num(run.on_array(layer, state != target)).astype(np.bool_)
    rows, cols = state.shape
    name, count = f"Layer {place}", int(wrong.sum())
    key = f"layer{place}"
    readable = np.where(state < 0, np.nan, state)
    with np.errstate(divide="ignore", invalid="ignore"):
        kiloohm = run.on_array(layer, 1e-3 / layer.variables["conductance"].values)
    kiloohm[(run.defect != 0) | ~(kiloohm > 0)] = np.nan
    plain, crossed = Marks(run.defect), Marks(run.defect, wrong)
    drawn = [
        (
            maps.state_map(
                run.on_array(layer, target),
                title=f"{name}: target",
                marks=plain,
                alt=f"Map of the states to write: {int((target == 0).sum())} P, {int((target == 1).sum())} AP.",
                key=f"{key}-target",
            ),
            f"States to write. Grey: no device of this layer. {_LETTERS}.",
        ),
        (
            maps.state_map(
                run.on_array(layer, readable),
                title=f"{name}: read back",
                marks=crossed,
                alt=f"Map of the states read back after writing: {count} of {state.size} differ from the target.",
                key=f"{key}-state",
            ),
            f"States read back after writing; {count} of {state.size} differ from the target (crosses).",
        ),
        (
            maps.value_map(
                kiloohm,
                title=f"{name}: resistance",
                label="resistance (kohm)",
                marks=crossed,
                alt=f"Map of the resistance read back, {_range(kiloohm)} kohm.",
                key=f"{key}-resistance",
            ),
            "Resistance at the last reading while writing.",
        ),
        (
            maps.value_map(
                run.on_array(layer, layer.variables["pulses"].values),
                title=f"{name}: write pulses",
                label="pulses",
                marks=plain,
                alt=f"Map of write pulses: {int(layer.variables['pulses'].values.sum())} in all.",
                key=f"{key}-pulses",
                spread=maps.Spread.COUNT,
            ),
            "Write pulses of each device; the map of the die came before and is not counted.",
        ),
    ]
    writes = [float(layer.attributes[name]) for name in ("ap_to_p_volt", "p_to_ap_volt", "width_second")]  # pyright: ignore[reportArgumentType]
    text = (
        f"{rows} inputs x {cols} device columns; {state.size - count} of {state.size} devices read as their target, "
        f"{int(layer.attributes['repaired'])} repaired. "  # pyright: ignore[reportArgumentType]
        f"Pulses of {1e3 * writes[0]:.0f} mV to P and {1e3 * writes[1]:.0f} mV to AP, {1e6 * writes[2]:g} us."
    )
    legend = {"P, parallel: low resistance": COLOURS[State.P], "AP, antiparallel: high resistance": COLOURS[State.AP]}
    return html.section(f"{name} on the array", html.paragraph(text), html.figures(drawn, legend=legend))


def die(run: Run) -> str:
    """Show the whole array: resistances, TMR, and what every cell went through."""
    r_p, r_ap = run.cells.values("r_p"), run.cells.values("r_ap")
    marks = Marks(run.defect)
    drawn: list[tuple[str, str]] = []
    text = ""
    if r_p is not None and r_ap is not None:
        good = run.defect == 0
        kiloohm, tmr = np.where(good, 1e-3 * r_p, np.nan), np.where(good, 100 * (r_ap / r_p - 1), np.nan)
        words = defects_in_words(run.defect)
        text = f"{run.defect.size} cells: {words}. Median R_P {_median(kiloohm)} kohm, TMR {_median(tmr)} %."
        alt = f"Map of R_P, {_range(kiloohm)} kohm; {words}."
        drawn.append(
            (
                maps.value_map(
                    kiloohm, title="R_P of every cell", label="R_P (kohm)", marks=marks, alt=alt, key="die-rp"
                ),
                f"Resistance in the P state as the map step measured it. {_LETTERS}.",
            )
        )
        alt = f"Map of TMR, {_range(tmr)} %; {words}."
        drawn.append(
            (
                maps.value_map(tmr, title="TMR of every cell", label="TMR (%)", marks=marks, alt=alt, key="die-tmr"),
                "(R_AP - R_P) / R_P at the read voltage.",
            )
        )
    counts = run.cells.variables["pulse_count"].values.astype(np.float64)
    drawn.append(
        (
            maps.value_map(
                np.where(counts > 0, counts, np.nan),
                title="Pulses in the whole run",
                label="pulses",
                marks=Marks(np.zeros_like(run.defect)),
                alt=f"Map of all pulses of the run, {int(counts.sum())} in all, {int(counts.max())} on one cell.",
                key="die-pulses",
                spread=maps.Spread.LOG_COUNT,
            ),
            f"Every pulse, those of mapping and polarity too; at most {int(counts.max())} on one cell. Grey: none.",
        )
    )
    return html.section("The die", html.paragraph(text) if text else "", html.figures(drawn))


def inference(run: Run) -> str:
    """Show what the network does on the array, against software."""
    drawn: list[tuple[str, str]] = []
    tune, group = run.groups.get("tune"), run.groups.get("inference")
    summary = run.mapping("summary")
    if tune is not None:
        values = {name: tune.variables[name].values for name in ("train", "test")}
        software = tune.variables["software_train"].values
        chosen = float(str(tune.attributes["chosen"]))
        title = "Accuracy against the scale"
        drawn.append(
            (
                figures.scale_chart(
                    tune.variables["scale"].values, **values, software=software, chosen=chosen, title=title, key="scale"
                ),
                "The scale is the middle of the widest plateau of training accuracy; test samples have no part in it.",
            )
        )
    counts = None if group is None else group.values("confusion")
    if counts is not None:
        scale = "the tuned scale" if "scale" in summary else "the nominal scale"
        if "scale" not in summary and summary.get("tuning"):
            scale = f"the readout that {list(summary['tuning'])[-1].replace('_', ' ')} gave"
        drawn.append(
            (
                figures.confusion_chart(counts, title="Confusion matrix", key="confusion"),
                f"All samples at {scale}; classes are counted from 0 as in the data.",
            )
        )
    pulses = {f"layer {place}": layer.variables["pulses"].values for place, layer in sorted(run.layers.items())}
    if pulses:
        drawn.append(
            (
                figures.pulses_chart(pulses, title="Write pulses a device", key="pulses"),
                "Devices that already read as their target are not pulsed.",
            )
        )
    drawn += _products(group)
    return html.section("Inference", html.figures(drawn), _agreement(summary))


_WAYS = {"bit_serial": ("bit-serial", "inputs bit by bit"), "analog": ("analog", "each at its own voltage")}


def _products(group: Group | None) -> list[tuple[str, str]]:
    """Products that the array summed by itself against those from its conductance map, layer by layer."""
    drawn: list[tuple[str, str]] = []
    if group is None:
        return drawn
    for name, variable in group.variables.items():
        way = next((way for way in _WAYS if name.endswith(f"_{way}")), None)
        if way is None:
            continue
        place = name.removeprefix("product_layer").removesuffix(f"_{way}")
        noun, how = _WAYS[way]
        expected = group.values(f"product_layer{place}_map")
        if expected is None:
            continue
        done = np.isfinite(variable.values) & np.isfinite(expected)
        if done.any():
            title = f"Layer {place}: {noun} inputs"
            samples = int(done.any(axis=1).sum())
            drawn.append(
                (
                    figures.product_chart(expected[done], variable.values[done], title=title, key=f"products{place}"),
                    f"Rows driven together, {how}, {samples} samples; unit: V_read (Gon - Goff).",
                )
            )
    return drawn


def _agreement(summary: dict[str, Any]) -> str:
    rows = [
        [
            f"layer {place}",
            number(found.get("pearson"), 5),
            number(found.get("slope")),
            number(found.get("offset"), 3),
            percent(found.get("nrmse")),
            number(found.get("sndr"), 3),
            number(found.get("effective_bits"), 3),
        ]
        for place, found in enumerate(summary.get("agreement", []), start=1)
    ]
    head = ["pre-activations", "Pearson r", "slope", "offset", "rms error", "SNDR (dB)", "effective bits"]
    caption = (
        "Pre-activations of the array at the nominal scale against software. The rms error is a share of the "
        "range of the software's values; SNDR is the fitted line's power over that of the rest."
    )
    return html.table(head, rows, caption=caption, numbers=6) if rows else ""


def _median(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return number(float(np.median(known)) if known.size else None)


def _range(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return f"{known.min():.4g} to {known.max():.4g}" if known.size else "no values in"
