"""What a study of networks of neurons found: bounds that hold and do not, and the table of everything."""

from __future__ import annotations

import math

from labmtj.report import html
from labmtj.report.content import NONE
from labmtj.report.neurons.content import DEVICE, KNOWN, PLAIN, Content, Row, points, spread, value, variations, varying
from labmtj.report.study.drawing import Section

_NAMED = 4  # chosen: conditions that a sentence names; all stand in the table


def found(content: Content) -> Section:
    """What was found, a sentence each, and the table of bounds; every number is one of the tables below."""
    said = [line for line in (_software(content), _asked(content), _curves(content)) if line]
    failures = content.table("failures")
    if failures:
        said.append(f"{len(failures['block'])} blocks could not be computed; the first: {failures['reason'][0]}")
    texts = tuple(html.paragraph(text) for text in said or ["No network learnt in this study."])
    lines = [_bound(row) for row in content.rows if row.get("holds")]
    if not lines:
        return Section("What was found", texts)
    head = [
        "network",
        "dies vary by",
        "host knows",
        "seeds",
        "loss",
        "from",
        "to",
        "upper",
        "loss ≤",
        "upper ≤",
        "holds",
    ]
    caption = (
        "Points of test accuracy that neurons cost against software, paired by seed: mean, its 95 % interval, and its "
        "one-sided 95 % upper bound (Student's t over seeds), against what the study asks for."
    )
    table = html.table(head, lines, caption=caption, numbers=8, kind="wide dense")
    return Section("What was found", (*texts, table))


def _software(content: Content) -> str:
    row = content.software("software", "network")
    if row is None:
        return ""
    text = f"Software: {_percent(row['test'])} % of the test images, mean over {row['seeds']} seeds"
    text += f" (worst {_percent(row['worst'])}, best {_percent(row['best'])})"
    if content.software_bound is None:
        return f"{text}."
    met = "met" if value(row, "test") >= content.software_bound else "not met"
    return f"{text}; asked for: {100 * content.software_bound:g} % or more, {met}."


def _asked(content: Content) -> str:
    asked = [row for row in content.rows if row.get("holds")]
    if not asked:
        return ""
    missed = [row for row in asked if row["holds"] == "no"]
    text = f"Of {len(asked)} conditions with a bound, {len(asked) - len(missed)} keep it."
    names = [f"{row['part']} at {spread(row)}, {KNOWN.get(str(row['calibration']), '')}" for row in missed[:_NAMED]]
    more = f", and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
    return f"{text} Not kept: {'; '.join(names)}{more}." if missed else text


def _curves(content: Content) -> str:
    """Deviation of neurons that are all alike, or of a map's, and what it costs."""
    table = content.table("deviations")
    if not table:
        return ""
    first = variations(table)[0]
    here = varying(table, first) & (table["calibration"] == table["calibration"][-1])
    x, z = (float(table[name][here].max()) for name in ("deviation_x", "deviation_z"))
    which = "Neurons of the measured map" if math.isnan(first) else "Neurons that are all alike"
    text = f"{which} are within {x:.3f} of tanh and {z:.3f} of sech"
    costs = [row for row in content.devices("curves") if math.isfinite(value(row, "loss"))]
    parts = [
        f"{points(value(row, 'loss'))} points in {'training' if row['gradient'] else 'inference'}" for row in costs
    ]
    return f"{text}; without noise that alone costs {' and '.join(parts)}." if parts else f"{text}."


def _bound(row: Row) -> list[str]:
    shown = [points(value(row, name)) for name in ("loss", "low", "high", "upper")]
    bounds = [f"{100 * value(row, name):g}" if math.isfinite(value(row, name)) else NONE
              for name in ("bound", "bound_upper")]  # fmt: skip
    known = KNOWN.get(str(row["calibration"]), "")
    return [str(row["part"]), spread(row), known, str(row["seeds"]), *shown, *bounds, str(row["holds"])]


def table(content: Content) -> Section:
    """The summary of every network, in software and with neurons."""
    lines = [_line(row) for row in content.rows]
    if not lines:
        return Section("All networks")
    head = ["part", "network", "dies vary by", "host knows", "gradient", "seeds", "networks", "software", "train",
            "test", "worst", "best", "loss", "bootstrap", "clipped", "saturated"]  # fmt: skip
    caption = (
        "Accuracy in %, means over seeds and dies; worst and best are seeds. Loss: points below the software twin, and "
        "its 95 % interval by a bootstrap over seeds. Clipped: inputs held at an end of the drive's range; saturated: "
        "readings at an end of the converter's, both in % of all."
    )
    shown = html.table(head, lines, caption=caption, numbers=11, kind="wide dense")
    return Section("All networks", (html.details("Every condition, with software twins and teachers", shown),))


def _line(row: Row) -> list[str]:
    device = row["role"] == DEVICE
    network = ("neurons, no noise" if row["reading"] == PLAIN else "neurons") if device else str(row["role"])
    where = [spread(row), KNOWN.get(str(row["calibration"]), ""), str(row["gradient"])] if device else ["", "", ""]
    accuracies = [_percent(row[name]) for name in ("software", "train", "test", "worst", "best")]
    loss, low, high = (value(row, name) for name in ("loss", "boot_low", "boot_high"))
    span = f"{points(low)} to {points(high)}" if math.isfinite(low) else NONE
    shares = [_percent(row[name]) for name in ("clipped", "saturated")] if device else [NONE, NONE]
    counts = [str(row["seeds"]), str(row["networks"])]
    return [str(row["part"]), network, *where, *counts, *accuracies, points(loss), span, *shares]


def _percent(found: str | int | float | None) -> str:
    return f"{100.0 * found:.2f}" if isinstance(found, int | float) else NONE
